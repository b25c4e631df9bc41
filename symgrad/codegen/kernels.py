"""Kernels as text: the statements, and before them the sizes, views and constants they name."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

from sympy import Expr, S, expand

from symgrad.codegen.facts import broken
from symgrad.codegen.layout import call, chained
from symgrad.codegen.matrices import View
from symgrad.codegen.names import Identifiers
from symgrad.codegen.numbers import Numbers, Scales
from symgrad.codegen.plan import Kernel, Program, label_size
from symgrad.codegen.scalars import Scalars
from symgrad.codegen.writer import Writer
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import Leaf, Node
from symgrad.tensor.primitives import entries


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the module: its arguments, a line of documentation and its body."""

    name: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]

    @property
    def head(self) -> str:
        return "\n".join(call(f"def {self.name}", self.arguments, ":"))


class Kernels:
    """Writes the kernels of programs; what they share (constants, functions) is collected.

    `dims` maps the names of dimensions to identifiers, `taken` are those that mean something.
    """

    def __init__(
        self, programs: Sequence[Program], dims: Mapping[str, str], taken: Set[str], dtype: str
    ) -> None:
        self.programs, self.dims, self.dtype = programs, dims, dtype
        self.ids = Identifiers(set(taken))
        for program in programs:
            self.ids.taken |= {*program.names.values(), *program.arrays.values()}
        self.scalars = Scalars(Numbers(self.ids), Scales(self.ids, dims))

    def functions(self) -> list[Function]:
        """All kernels; those that belong together behind the one that calls them."""
        return [f for program in self.programs for f in self._functions(program)]

    def _functions(self, program: Program) -> Iterator[Function]:
        if len(program.kernels) == 1:
            yield self._function(program, program.kernels[0])
            return
        first, then = program.kernels
        forward = self._function(program, first)
        fails = bool(self.scalars.faults)
        backward = self._function(program, then)
        both = (
            *call("    value = _forward", forward.arguments),
            *(("    if sizes[-2]:", "        return value") if fails else ()),
            *call("    _backward", backward.arguments),
            "    return value",
        )
        yield Function("_value_and_grad", backward.arguments, both)
        yield forward
        yield backward

    def _function(self, program: Program, kernel: Kernel) -> Function:
        narrow, returns = self.dtype == "float32", kernel.result is not None
        writer = Writer(program, self.scalars, self.ids.taken, narrow, returns)
        writer.write(kernel.body)
        body = writer.lines
        if kernel.result is not None:
            returned = f"    return {program.names[kernel.result]}"
            body = [*self._input_checks(program, "return np.nan"), *body, returned]
        elif "direction" in program.packed:
            stop = f"{kernel.out}[0] = np.nan", "return"
            body = [*self._input_checks(program, *stop), *body]
        lines = [*self._prologue(program, kernel.out, body), *body] or ["    pass"]
        inputs = (program.names[leaf] for leaf in program.inputs)
        vectors = [name for name in (*program.packed, kernel.out, "work", "sizes") if name]
        return Function(kernel.name, (*inputs, *vectors), tuple(lines))

    def _input_checks(self, program: Program, *stop: str) -> Iterator[str]:
        """A label out of range, or a value that breaks a declared fact, makes the result NaN.

        The caller says which one it is.
        """
        for leaf in program.inputs:
            name, size = program.names[leaf], label_size(leaf)
            if size is None:
                wrong = broken(leaf, name, self.scalars.size)
            else:
                end = self.scalars.size(size)
                wrong = f"_outside({name}, {end})" if leaf.ndim else f"not 0 <= {name} < {end}"
            if wrong:
                yield f"    if {wrong}:"
                yield from (f"        {line}" for line in stop)

    def _prologue(self, program: Program, out: str, body: Sequence[str]) -> list[str]:
        """The sizes, views and constants that the body names."""
        used = words(body)
        names, where = program.names, program.storage
        packed = {
            vector: [_array(program, (leaf,), leaf.shape) for leaf in symbols]
            for vector, symbols in program.packed.items()
        }
        views = [
            *(line for each, arrays in packed.items() for line in self._views(each, arrays, used)),
            *self._views(out, [_array(program, b.values, b.shape) for b in where.results], used),
            *self._views("work", [_array(program, b.values, b.shape) for b in where.buffers], used),
            *self._reshaped(program, used),
        ]
        numbers = [
            f"    {names[leaf]} = real({names[leaf]})"
            for leaf in program.inputs
            if not leaf.ndim
            and label_size(leaf) is None
            and names[leaf] in used
            and self.dtype == "float32"
        ]
        scales = [
            f"    {name} = {text}"
            for name, text in self.scalars.scales.definitions().items()
            if name in used
        ]
        known = words([*body, *views, *scales])
        pairs = [(f"sizes[{n}]", d) for n, d in enumerate(self.dims.values()) if d in known]
        sizes = []
        if pairs:
            sizes = [f"    {', '.join(d for _, d in pairs)} = {', '.join(p for p, _ in pairs)}"]
        return [*sizes, *views, *numbers, *scales]

    def _views(self, vector: str, arrays: Iterable["_Array"], used: set[str]) -> Iterator[str]:
        """The arrays that stand one behind the other in a vector, and the views of them."""
        start: Expr = S.Zero
        for array in arrays:
            found = [name for name in array.names if name in used]
            if found and not array.shape and array.symbol:
                yield f"    {found[0]} = {vector}[{self.scalars.size(start)}]"
            elif found:
                yield from chained(found, self._view(vector, start, array.shape))
            for view, name in array.views:
                if name in used:
                    yield f"    {name} = {self._view(vector, start + view.offset, view.shape)}"
            start = expand(start + entries(array.shape))

    def _view(self, vector: str, start: Expr, shape: Shape) -> str:
        sizes = [self.scalars.size(d) for d in shape or (S.One,)]
        axes = f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
        return f"_view({vector}, {self.scalars.size(expand(start))}, {axes})"

    def _reshaped(self, program: Program, used: set[str]) -> Iterator[str]:
        """Inputs in another shape."""
        for view, name in program.arrays.items():
            if isinstance(view, View) and view.operand in program.inputs and name in used:
                sizes = ", ".join(map(self.scalars.size, view.shape))
                yield f"    {name} = {program.names[view.operand]}.reshape({sizes})"


class _Array(NamedTuple):
    """What stands in a vector: the values that live there, and views of them."""

    names: tuple[str, ...]
    shape: Shape
    symbol: bool
    views: tuple[tuple[View, str], ...]


def _array(program: Program, values: Iterable[Node], shape: Shape) -> _Array:
    values = tuple(values)
    called = dict.fromkeys(program.arrays.get(v) or program.names[v] for v in values)
    views = tuple(
        (view, name)
        for view, name in program.arrays.items()
        if isinstance(view, View) and view.operand in values
    )
    return _Array(tuple(called), shape, isinstance(values[0], Leaf), views)


def words(lines: Iterable[str]) -> set[str]:
    """The identifiers of source lines, comments apart."""
    return set(re.findall(r"[A-Za-z_]\w*", "\n".join(line.split("  # ")[0] for line in lines)))
