"""Functions of a generated module: statements with the views and sizes that they name."""

import builtins
import keyword
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from sympy import Expr, Mul, fraction

from symgrad.codegen.lower import summed
from symgrad.codegen.nests import Statement
from symgrad.codegen.plan import build, in_place
from symgrad.codegen.scalars import Scalars, size_text
from symgrad.codegen.writer import Writer
from symgrad.tensor.nodes import Einsum, Iverson, Map, Node, Reduce, topological

#: Identifiers of the module itself, which no symbol can have.
RESERVED = frozenset(
    """
    math np njit carray types intrinsic real whole params grads work sizes workspace accumulate v
    out self zero one two three four half third quarter ten inf log2_e round_off ln2 ln2_high
    ln2_low least most forty mantissa bias root_half tiny lift lifted Params Workspace ShapeError
    DtypeError LabelError pack init value_and_grad forward backward predict hvp ggnvp check
    evaluate flat ARGUMENTS PARAMETERS INPUTS SHAPES DTYPE LABELS binding ir seed dtype overload
    get_cython_function_address prod
    """.split()
) | {*dir(builtins), *keyword.kwlist}

_KINDS: tuple[tuple[type[Node], str], ...] = ((Reduce, "top"), (Einsum, "dot"), (Map, "map"))


@dataclass(slots=True)
class Identifiers:
    """Names in generated code: a person's own where they are free, else with a mark behind."""

    taken: set[str] = field(default_factory=lambda: set(RESERVED))

    def give(self, wanted: str) -> str:
        name = wanted
        while name in self.taken or name.startswith("_"):
            name = name.lstrip("_") + "_" if name.lstrip("_") else "x_"
        self.taken.add(name)
        return name


@dataclass(slots=True)
class Function:
    """One kernel as text, and what it needs."""

    lines: list[str]
    arguments: tuple[str, ...]


@dataclass(slots=True)
class Buffer:
    """An array of the workspace."""

    name: str
    shape: tuple[Expr, ...]


@dataclass(slots=True)
class Program:
    """Kernels over shared buffers: the first part of the values, and the rest.

    `names` maps symbols to identifiers; `titles` the lowered nodes of definitions to their names,
    `formulas` those names to equations, `external` nodes that are stored in a given array.
    """

    first: list[Node]
    then: list[Node]
    identifiers: Identifiers
    names: dict[Node, str]
    titles: Mapping[Node, str]
    formulas: Mapping[str, str]
    external: Mapping[Node, str]
    scalars: Scalars
    narrow: bool
    parts: tuple[list[Statement], list[Statement]] = ([], [])
    kept: set[Node] = field(default_factory=set)
    stored: set[Node] = field(default_factory=set)
    arrays: dict[Node, str] = field(default_factory=dict)
    buffers: list[Buffer] = field(default_factory=list)

    def __post_init__(self) -> None:
        *parts, self.kept = build(self.first, self.then, self.titles)
        self.parts = tuple(parts)  # type: ignore[assignment]
        self._name()
        self.stored = set(self.external)
        self._write()  # a first time, to learn what must be stored
        over = in_place(list(self.parts), self.kept, self.stored, self.external)
        groups: dict[Node, Node] = {}
        for node in self._order():
            groups[node] = groups.get(over[node], over[node]) if node in over else node
        for node, base in groups.items():
            name = self.external.get(node) or self.names[node]
            for other, its in groups.items():
                if its is base:
                    self.arrays[other] = name
        seen: dict[str, None] = {}
        for node in self._order():
            array = self.arrays[node] if node.ndim else f"{self.names[node]}_kept"
            if array not in self.external.values() and array not in seen:
                seen[array] = None
                self.buffers.append(Buffer(array, node.shape))

    def _order(self) -> list[Node]:
        return [n for n in topological(*self.first, *self.then) if n in self.stored]

    def _name(self) -> None:
        owner: dict[Node, str] = {}
        for root, title in self.titles.items():
            for node in topological(root):
                owner.setdefault(node, title)
        for node in topological(*self.first, *self.then):
            if node in self.kept and node not in self.names:
                wanted = self.external.get(node) or self.titles.get(node)
                if wanted is None:
                    wanted = f"{owner.get(node, 'value')}_{_kind(node)}"
                if node in self.external:
                    self.names[node] = wanted
                else:
                    self.names[node] = self.identifiers.give(wanted)

    def _write(self) -> list[list[str]]:
        texts = []
        for part in self.parts:
            writer = Writer(
                self.kept, self.names, self.scalars, self.identifiers.taken, self._formula,
                self.stored, self.arrays, self.narrow,
            )  # fmt: skip
            writer.write(part)
            texts.append(writer.lines)
        return texts

    def _formula(self, node: Node) -> str:
        return self.formulas.get(self.titles.get(node, ""), "")

    def functions(self) -> list[list[str]]:
        """The bodies of the two kernels."""
        return self._write()


def _kind(node: Node) -> str:
    if isinstance(node, Einsum):
        return (
            "dot" if len(node.factors) > 1 and summed(node) else "sum" if summed(node) else "part"
        )
    if isinstance(node, Reduce):
        return node.op
    if isinstance(node, Map) and node.body.func.__name__ == "exp":
        return "exp"
    return "sign" if isinstance(node, Iverson) else "part"


def words(lines: Iterable[str]) -> set[str]:
    """The identifiers of source lines, comments apart."""
    return set(re.findall(r"[A-Za-z_]\w*", "\n".join(line.split("  # ")[0] for line in lines)))


@dataclass(slots=True)
class Scales:
    """Coefficients that depend on sizes, as values computed where a kernel starts."""

    identifiers: Identifiers
    names: dict[Expr, str] = field(default_factory=dict)

    def __call__(self, value: Expr) -> str:
        if value not in self.names:
            above, below = fraction(value)
            if above == 1 and all(f.is_Symbol for f in Mul.make_args(below)):
                wanted = "per_" + "_".join(sorted(str(f) for f in Mul.make_args(below)))
            else:
                wanted = "scale"
            n, name = 1, wanted
            while name in self.identifiers.taken:
                n, name = n + 1, f"{wanted}{n + 1}"
            self.identifiers.taken.add(name)
            self.names[value] = name
        return self.names[value]

    def definition(self, name: str) -> str:
        value = next(v for v, n in self.names.items() if n == name)
        return f"real({real_text(value)})"


def real_text(value: Expr) -> str:
    """An expression in sizes as Python arithmetic in floats."""
    above, below = fraction(value)
    if below != 1:
        return f"{_atom(above)} / {_atom(below)}"
    try:
        return size_text(above)
    except Exception:  # a power of a size that is no integer
        return _general(value)


def _atom(value: Expr) -> str:
    text = real_text(value)
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"


def _general(value: Expr) -> str:
    if value.is_Add or value.is_Mul:
        sign = " + " if value.is_Add else " * "
        return sign.join(_atom(a) for a in value.args)
    if value.is_Pow:
        return f"float({_atom(value.base)}) ** {_atom(value.exp)}"
    if value.is_number:
        return repr(float(value))
    from symgrad.errors import TemplateError

    name = {"log": "math.log", "exp": "math.exp", "Abs": "abs"}.get(value.func.__name__)
    if name is None:
        raise TemplateError(f"the coefficient {value} cannot be written")
    return f"{name}({real_text(value.args[0])})"


__all__ = ["Buffer", "Identifiers", "Program", "Scales", "np", "words"]
