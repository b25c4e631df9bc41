"""What a network costs: its values with shapes and parameters, operations, and memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sympy import Expr, Integer, S, expand, prod

from symgrad.calculus import gradient
from symgrad.calculus.sweep import rule_name
from symgrad.codegen.numbers import polynomial_text
from symgrad.codegen.plan import DTYPES, Plan, plan
from symgrad.declare.graph import Definition, Graph
from symgrad.declare.sizes import require_sizes
from symgrad.errors import DeclarationError, TemplateError
from symgrad.tensor.cost import cost
from symgrad.tensor.dims import Dim, as_dim, size_of
from symgrad.tensor.nodes import (
    Constant,
    Leaf,
    Map,
    Node,
    UnspecifiedTensor,
    leaves,
    topological,
)
from symgrad.tensor.scalar import Unspecified

#: A number, or a polynomial in the dimensions whose sizes are not given.
Amount: TypeAlias = Expr | int

#: Rows that repeat at least so often are folded.
FEWEST = 4

#: The longest run of rows, a layer, that may repeat.
LONGEST = 8


@dataclass(frozen=True, slots=True)
class SummaryRow:
    """A named value: by what it is computed, its shape, the parameters that it reads first."""

    name: str
    kind: str
    shape: tuple[Amount, ...]
    parameters: tuple[tuple[str, tuple[Amount, ...]], ...]
    again: tuple[str, ...]
    count: Amount
    flops: Amount

    @property
    def form(self) -> tuple[object, ...]:
        """What rows of layers that repeat have in common."""
        shapes = tuple(shape for _, shape in self.parameters)
        return self.kind, self.shape, shapes, len(self.again), self.flops


@dataclass(frozen=True, slots=True)
class Memory:
    """How many numbers a generated module holds, in training and in inference.

    Training: parameters, their gradient, and the workspace. Inference: parameters, the buffers of
    `predict`, and the prediction, which is None if the graph has none.
    """

    workspace: Amount
    training: Amount
    prediction: Amount | None
    inference: Amount | None


@dataclass(frozen=True, slots=True)
class Summary:
    """Shapes, parameters, operations and memory of a graph; prints as a table.

    `forward` are the flops of the value, `backward` those of the gradients on top of it. `memory`
    is None where there can be no module, and `why` says why.
    """

    graph: str
    output: str
    inputs: tuple[tuple[str, tuple[Amount, ...]], ...]
    sizes: tuple[tuple[str, int], ...]
    dtype: str
    rows: tuple[SummaryRow, ...]
    parameters: Amount
    forward: Amount
    backward: Amount
    memory: Memory | None
    why: str = ""

    def __str__(self) -> str:
        return "\n".join([self._head(), "", *self._table(), "", *self._foot()])

    __repr__ = __str__

    def _head(self) -> str:
        inputs = ", ".join(f"{name} {_shape(shape)}" for name, shape in self.inputs)
        sizes = ", ".join(f"{name} = {size}" for name, size in self.sizes)
        head = f"summary of {self.graph}: {self.output} from {inputs or 'parameters alone'}"
        return head + (f"; {sizes}" if sizes else "")

    def _table(self) -> list[str]:
        cells: list[tuple[str, ...]] = [("value", "by", "shape", "parameters", "numbers", "flops")]
        for row in _folded(self.rows):
            cells.append(row if isinstance(row, tuple) else _cells(row))
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return [
            "   ".join(f"{c:<{width}}" for c, width in zip(line, widths, strict=True)).rstrip()
            for line in cells
        ]

    def _foot(self) -> list[str]:
        lines = [
            ("parameters", _amount(self.parameters), ""),
            ("forward", f"{_amount(self.forward)} flops", ""),
            ("backward", f"{_amount(self.backward)} flops", self._ratio()),
        ]
        if self.memory is None:
            return [*_aligned(lines), f"no module, so no count of its memory: {self.why}"]
        lines.append(
            ("training", self._held(self.memory.training), "parameters, gradient, buffers")
        )
        if self.memory.inference is not None:
            what = "parameters, buffers, prediction"
            lines.append(("inference", self._held(self.memory.inference), what))
        return [
            *_aligned(lines),
            "flops: of the formulas as derived; a function such as exp counts as one",
            f"training, inference: what a module in {self.dtype} holds, without its inputs",
        ]

    def _ratio(self) -> str:
        known = isinstance(self.forward, int) and isinstance(self.backward, int) and self.forward
        return f"{self.backward / self.forward:.2f} times the forward ones" if known else ""

    def _held(self, amount: Amount) -> str:
        if isinstance(amount, int):
            width = int(self.dtype.removeprefix("float")) // 8
            return f"{_amount(amount)} numbers, {_bytes(width * amount)}"
        return f"{_amount(amount)} numbers"


def summary(
    graph: Graph, sizes: Mapping[str, int] | None = None, *, dtype: str = "float64"
) -> Summary:
    """Shapes, parameters, floating-point operations and memory of a graph.

    Parameters
    ----------
    sizes :  of dimensions; what depends on others is a polynomial in them.
    dtype :  of the module whose memory is told in bytes.

    Returns
    -------
    Summary    operations in flops, memory in numbers; prints as a table.

    Raises
    ------
    ShapeError          if the output is not a scalar, or a shape is impossible for the sizes.
    UnknownName         if a size is of a dimension that the graph has not.
    DeclarationError    if a size is no positive integer, or the dtype is another.

    Examples
    --------
    >>> import symgrad as sg
    >>> net = sg.parse("r = X @ w - y; J = sum(r**2) / 2",
    ...                symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",)}, parameters=["w"])
    >>> sg.summary(net).forward
    2*d*n + 3*n + 1
    >>> sg.summary(net, {"n": 100, "d": 3}).backward
    600
    """
    if dtype not in DTYPES:
        raise DeclarationError(f"dtype {dtype!r}: modules hold {' or '.join(DTYPES)}")
    known = require_sizes(graph.name, graph.dims, sizes)
    derivation = gradient(graph)
    memory, why = None, ""
    try:
        memory = _memory(plan(derivation, dtype), known)
    except TemplateError as error:
        why = error.what
    return Summary(
        graph=graph.name,
        output=graph.output,
        inputs=tuple(_sized(graph.leaf(name), known) for name in graph.inputs),
        sizes=tuple((name, known[name]) for name in graph.dims if name in known),
        dtype=dtype,
        rows=tuple(_rows(graph, known)),
        parameters=_at(_numbers(graph.leaf(name) for name in graph.parameters), known),
        forward=_flops(graph.definitions, known),
        backward=_flops(derivation.definitions, known),
        memory=memory,
        why=why,
    )


def _memory(plan: Plan, known: Mapping[str, int]) -> Memory:
    graph, room = plan.graph, plan.gradient.storage.room
    parameters = _numbers(graph.leaf(name) for name in graph.parameters)
    predicted = inference = None
    if plan.prediction is not None:
        predicted = prod(plan.prediction.node.shape, start=S.One)
        inference = parameters + plan.prediction.program.storage.room + predicted
    return Memory(
        workspace=_at(room, known),
        training=_at(2 * parameters + room, known),
        prediction=None if predicted is None else _at(predicted, known),
        inference=None if inference is None else _at(inference, known),
    )


def _rows(graph: Graph, known: Mapping[str, int]) -> Iterable[SummaryRow]:
    met: set[Leaf] = set()
    for definition in graph.definitions:
        read = [leaf for leaf in leaves(definition.expr) if leaf.role == "parameter"]
        read.sort(key=graph.symbols.index)
        fresh = [leaf for leaf in read if leaf not in met]
        yield SummaryRow(
            name=definition.leaf.name,
            kind=_kind(definition),
            shape=_sized(definition.leaf, known)[1],
            parameters=tuple(_sized(leaf, known) for leaf in fresh),
            again=tuple(leaf.name for leaf in read if leaf in met),
            count=_at(_numbers(fresh), known),
            flops=_flops([definition], known),
        )
        met.update(read)


#: Rules that go without saying in a forward formula, and those that do beside two others.
_GRANTED = frozenset(("transpose", "scalar multiple", "broadcast", "sum", "Iverson"))
_PLAIN = frozenset(("product", "sum over an axis", "sum of all entries"))


def _kind(definition: Definition) -> str:
    """What a value is computed by, in the words of the rules that derive it."""
    found = [
        _name(node)
        for node in topological(definition.expr)
        if not isinstance(node, Leaf | Constant)
    ]
    told = list(dict.fromkeys(name for name in found if name not in _GRANTED))
    if len(told) > 2:
        told = [name for name in told if name not in _PLAIN] or told
    return ", ".join(told) or next(reversed(found), "copy")


def _name(node: Node) -> str:
    if isinstance(node, UnspecifiedTensor):
        return node.name
    if isinstance(node, Map) and rule_name(node) == "chain rule":
        return ", ".join(sorted(f.name for f in node.body.atoms(Unspecified))) or "elementwise"
    return rule_name(node)


def _flops(definitions: Iterable[Definition], known: Mapping[str, int]) -> Amount:
    return _at(S(cost([d.expr for d in definitions]).flops), known)


def _numbers(of: Iterable[Leaf]) -> Expr:
    return sum((prod(leaf.shape, start=S.One) for leaf in of), S.Zero)


def _sized(leaf: Leaf, known: Mapping[str, int]) -> tuple[str, tuple[Amount, ...]]:
    return leaf.name, tuple(_axis(dim, known) for dim in leaf.shape)


def _axis(dim: Dim, known: Mapping[str, int]) -> Amount:
    """A size of an axis, which must come out positive."""
    if {s.name for s in dim.free_symbols} <= known.keys():
        return size_of(dim, dict(known))
    return as_dim(_at(dim, known))


def _at(value: Expr, known: Mapping[str, int]) -> Amount:
    """An amount for the given sizes: an integer if these are all that it depends on."""
    result = expand(
        value.xreplace({s: Integer(known[s.name]) for s in value.free_symbols if s.name in known})
    )
    return int(result) if result.is_Integer else result


# Layout


def _cells(row: SummaryRow) -> tuple[str, ...]:
    read = [f"{name} {_shape(shape)}" if shape else name for name, shape in row.parameters]
    read += [f"{name} again" for name in row.again]
    count = _amount(row.count) if row.parameters else ""
    return row.name, row.kind, _shape(row.shape), ", ".join(read), count, _amount(row.flops)


def _folded(rows: Sequence[SummaryRow]) -> Iterable[SummaryRow | tuple[str, ...]]:
    """The rows; of layers that repeat only the first and the last, and between them how many."""
    n = 0
    while n < len(rows):
        length, times = _repeats(rows, n)
        if times < FEWEST:
            yield rows[n]
            n += 1
            continue
        yield from rows[n : n + length]
        yield ("⋮", f"{times - 2} times the like", "", "", "", "")
        n += length * times
        yield from rows[n - length : n]


def _repeats(rows: Sequence[SummaryRow], start: int) -> tuple[int, int]:
    """The length of the layer that starts there, and how often it stands there."""
    forms = [row.form for row in rows[start:]]
    for length in range(1, LONGEST + 1):
        times = 1
        while forms[:length] == forms[times * length : (times + 1) * length]:
            times += 1
        if times >= FEWEST:
            return length, times
    return 1, 1


def _aligned(lines: Sequence[tuple[str, str, str]]) -> list[str]:
    left, middle = (max(len(line[k]) for line in lines) for k in range(2))
    return [f"{a:<{left}}   {b:<{middle}}   {c}".rstrip() for a, b, c in lines]


def _shape(shape: Sequence[Amount]) -> str:
    sizes = ", ".join(map(_amount, shape))
    return f"({sizes},)" if len(shape) == 1 else f"({sizes})"


def _amount(value: Amount) -> str:
    """A number as people read it, or a polynomial.

    >>> _amount(1234567)
    '1 234 567'
    """
    return f"{value:,}".replace(",", " ") if isinstance(value, int) else polynomial_text(value)


def _bytes(count: int) -> str:
    """A size of memory.

    >>> _bytes(3 * 2**20)
    '3.0 MiB'
    """
    units = ("bytes", "KiB", "MiB", "GiB", "TiB")
    k = min((count.bit_length() - 1) // 10, len(units) - 1)
    return f"{count / 1024**k:.1f} {units[k]}" if k else f"{count} bytes"
