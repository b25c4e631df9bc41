"""Identifiers of a generated module: a person's own names wherever they are free."""

import builtins
import keyword
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from sympy import preorder_traversal

from symgrad.codegen import functions
from symgrad.codegen.lower import summed
from symgrad.codegen.matrices import View, Whole
from symgrad.codegen.products import matrices
from symgrad.tensor.nodes import Einsum, Iverson, Map, Node, Reduce, Total, topological
from symgrad.tensor.primitives import ArgReduce

#: What the kernels of a module say themselves, so that no symbol can be called so in them.
RESERVED = frozenset(
    """
    math sys np njit types ModuleType intrinsic lower_builtin type_callable populate_array prod
    binding ir cgutils
    get_cython_function_address
    real whole index params grads work sizes zero one two three four ten half third quarter
    Params Workspace ShapeError DtypeError LabelError DomainError MatrixError pack init workspace
    value_and_grad forward backward predict hvp ggnvp check evaluate ARGUMENTS PARAMETERS INPUTS
    SHAPES FIELDS SIZES DTYPE LABELS DERIVED BOUNDS FACTS FAULTS PADE FREE SOLVED EXPRESSION
    PROVENANCE NO YES rng arguments seed dtype sizes value out form direction
    part FORWARD BACKWARD BOTH
    """.split()
) | {*dir(builtins), *keyword.kwlist, *functions.constants("float64")}


@dataclass(slots=True)
class Identifiers:
    """The names that are taken, while names are given away."""

    taken: set[str] = field(default_factory=lambda: set(RESERVED))

    def give(self, wanted: str) -> str:
        """The name, or one close to it that is free and not private to the module."""
        base = wanted.lstrip("_") or "x"
        name = base if base == wanted else f"{base}_"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def number(self, wanted: str) -> str:
        """The name with the least number behind it that makes it free."""
        n = 1
        while f"{wanted}{n}" in self.taken:
            n += 1
        self.taken.add(f"{wanted}{n}")
        return f"{wanted}{n}"


def letters() -> Iterator[str]:
    """Names of indices, in order."""
    alphabet = "ijklmpqrstuvw"
    yield from alphabet
    n = 1
    while True:
        yield from (f"{letter}{n}" for letter in alphabet)
        n += 1


def value_names(
    nodes: Iterable[Node], titles: Mapping[Node, str], identifiers: Identifiers
) -> dict[Node, str]:
    """Names of values: those of definitions, and what the others do for them.

    The parts of a softmax P are P_max, P_exp and P_sum; two sums for J are J_sum1 and J_sum2.
    """
    nodes = list(nodes)
    names = {node: identifiers.give(titles[node]) for node in nodes if node in titles}
    owner: dict[Node, str] = {}
    for root, title in titles.items():
        for node in topological(root, seen=owner):
            owner[node] = names.get(root, title)
    wanted = {
        node: part_name(owner.get(node, "x"), _kind(node)) for node in nodes if node not in titles
    }
    counts = Counter(wanted.values())
    for node, name in wanted.items():
        alone = counts[name] == 1 and name not in identifiers.taken
        names[node] = identifiers.give(name) if alone else identifiers.number(name)
    return names


def part_name(whole: str, kind: str) -> str:
    """What a value does for another: P_sum, and dW_sum of the dW_ that is no other dW."""
    return f"{whole.rstrip('_')}_{kind}"


#: What a value does, by the first function that is found in it.
_KINDS = {"exp": "exp", "log": "log", "where": "shift", "Pow": "scale"}


def _kind(node: Node) -> str:
    match node:
        case Einsum() if summed(node):
            return "prod" if matrices(node) else "sum"
        case Reduce():
            return node.op
        case ArgReduce():
            return f"arg{node.op}"
        case Map():
            parts = (part.func.__name__ for part in preorder_traversal(node.body))
            return next((_KINDS[name] for name in parts if name in _KINDS), "map")
        case Total():
            return "total"
        case Iverson():
            return "bracket"
        case View():
            return "view"
        case Whole():
            return node.name
    return "part"


def free(name: str, taken: Set[str]) -> str:
    """The name with as many marks behind it as it takes to be none of those."""
    while name in taken:
        name += "_"
    return name
