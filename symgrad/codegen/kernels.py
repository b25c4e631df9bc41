"""Kernels as text: the statements, and before them the sizes, views and constants they name."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from symgrad.codegen.calls import Calls
from symgrad.codegen.facts import broken
from symgrad.codegen.layout import call, words
from symgrad.codegen.matrices import View
from symgrad.codegen.names import Identifiers
from symgrad.codegen.numbers import Numbers, Scales
from symgrad.codegen.plan import Kernel, Program, label_size
from symgrad.codegen.scalars import Scalars
from symgrad.codegen.vectors import Vectors
from symgrad.codegen.writer import Writer


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the module: its arguments and its body; `part`: kernels alone call it."""

    name: str
    arguments: tuple[str, ...]
    lines: tuple[str, ...]
    part: bool = False

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
        self.blocks: dict[tuple[tuple[str, ...], tuple[str, ...]], str] = {}

    def functions(self) -> list[Function]:
        """All kernels, and behind them the blocks of statements that they call."""
        kernels = [self._function(program) for program in self.programs]
        return [*kernels, *(Function(name, *each, part=True) for each, name in self.blocks.items())]

    def _named(self, arguments: tuple[str, ...], lines: tuple[str, ...]) -> str:
        """The name of the block with these arguments and lines."""
        return self.blocks.setdefault((arguments, lines), f"_block{len(self.blocks) + 1}")

    def _function(self, program: Program) -> Function:
        """A program's function: of one kernel, or of two that can be run apart.

        Two are one function, so that what is in it is compiled once, and a call starts once.
        """
        narrow = self.dtype == "float32"
        results = [k.result for k in program.kernels if k.result is not None]
        parts = len(program.kernels) > 1
        vectors = Vectors(program, self.scalars, self.ids)
        calls = Calls(program, vectors, self.scalars, self.ids, narrow, self._scales)
        body: list[str] = ["    value = 0.0"] if parts else []
        for kernel, other in zip(program.kernels, reversed(program.kernels), strict=True):
            writer = Writer(
                program, self.scalars, self.ids.taken, narrow, bool(results), margin=1 + parts
            )
            if kernel.result is not None or "direction" in program.packed:
                stop = ("return np.nan",) if results else (f"{kernel.out}[0] = np.nan", "return")
                margin = "    " * parts
                writer.lines += [margin + line for line in self._input_checks(program, *stop)]
            self._write(kernel, writer, calls)
            if parts:
                body.append(f"    if part != {other.name.upper()}:")
            body += writer.lines
            if kernel.result is not None:
                result = program.names[kernel.result]
                body.append(f"        value = {result}" if parts else f"    return {result}")
        if parts:
            body.append("    return value")
        lines = [*self._prologue(program, vectors, body), *body] or ["    pass"]
        inputs = (program.names[leaf] for leaf in program.inputs)
        each = (*program.packed, program.out, "work", "sizes", *(["part"] if parts else []))
        return Function(program.name, (*inputs, *each), tuple(lines))

    def _write(self, kernel: Kernel, writer: Writer, calls: Calls) -> None:
        """The statements of a kernel, and calls of its blocks where these stand."""
        starts = {
            instance.start: (block, n)
            for block in kernel.blocks
            for n, instance in enumerate(block.instances)
        }
        functions = {b: calls.function(b, kernel.body, self._named) for b in kernel.blocks}
        place = 0
        while place < len(kernel.body):
            if place not in starts:
                writer.write(kernel.body[place : place + 1])
                place += 1
                continue
            block = starts[place][0]
            run = []
            while starts.get(place, (None, 0))[0] is block:
                run.append(starts[place][1])
                place += block.length
            writer.lines += calls.calls(block, functions[block], run, "    " * writer.depth)

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

    def _prologue(self, program: Program, vectors: Vectors, body: Sequence[str]) -> list[str]:
        """The sizes, starts, views and constants that the body names."""
        used, names = words(body), program.names
        views = [*vectors.views(used), *self._reshaped(program, used)]
        views = [*vectors.named(), *views]
        numbers = [
            f"    {names[leaf]} = real({names[leaf]})"
            for leaf in program.inputs
            if not leaf.ndim
            and label_size(leaf) is None
            and names[leaf] in used
            and self.dtype == "float32"
        ]
        scales = self._scales(body)
        known = words([*body, *views, *scales])
        pairs = [(f"sizes[{n}]", d) for n, d in enumerate(self.dims.values()) if d in known]
        sizes = []
        if pairs:
            sizes = [f"    {', '.join(d for _, d in pairs)} = {', '.join(p for p, _ in pairs)}"]
        return [*sizes, *views, *numbers, *scales]

    def _scales(self, body: Sequence[str]) -> list[str]:
        """The constants that depend on sizes and that the body names."""
        used = words(body)
        definitions = self.scalars.scales.definitions().items()
        return [f"    {name} = {text}" for name, text in definitions if name in used]

    def _reshaped(self, program: Program, used: Set[str]) -> Iterator[str]:
        """Inputs in another shape."""
        for view, name in program.arrays.items():
            if isinstance(view, View) and view.operand in program.inputs and name in used:
                sizes = ", ".join(map(self.scalars.size, view.shape))
                yield f"    {name} = {program.names[view.operand]}.reshape({sizes})"
