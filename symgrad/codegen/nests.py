"""Loop nests: what is computed at which point of which loops, and which loops may be one.

A value that is stored or accumulated is a statement; all others are written out where they are
read. Loops over one dimension are fused where every value that the later one reads was made by the
earlier one at the same index.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from sympy import Expr, S, expand

from symgrad.codegen.lower import summed
from symgrad.tensor.dims import ONE, Dim, same
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Map,
    Node,
    Reduce,
    Total,
)


class Var:
    """A loop's index, from 0 to its dimension; fused loops share one."""

    __slots__ = ("_same", "dim")

    def __init__(self, dim: Dim) -> None:
        self.dim = dim
        self._same: Var | None = None

    def root(self) -> "Var":
        var = self
        while var._same is not None:
            var = var._same
        return var

    def become(self, other: "Var") -> None:
        self.root()._same = other.root()


@dataclass(frozen=True, slots=True)
class Affine:
    """An index that is looked up or computed: constant + Σ c · variable + Σ c · entry."""

    constant: Expr
    variables: tuple[tuple[Expr, Var], ...]
    entries: tuple[tuple[Expr, Node, "Point"], ...]
    dim: Dim


Index: TypeAlias = Var | Affine | None  # None on a unit axis
Point: TypeAlias = tuple[Index, ...]


@dataclass(slots=True)
class Loop:
    var: Var
    body: list["Statement"]


@dataclass(slots=True)
class Assign:
    """node[point] = what the node is at that point."""

    node: Node
    point: Point


@dataclass(slots=True)
class Start:
    """An accumulator at its neutral element."""

    node: Node
    point: Point
    partial: bool = False


@dataclass(slots=True)
class Accumulate:
    """node[point] += Π factors, or its maximum with them; only where the guards hold."""

    node: Node
    point: Point
    factors: tuple[tuple[Node, Point], ...]
    op: str = "+"
    partial: bool = False
    scatter: bool = False

    @property
    def guards(self) -> tuple[Affine, ...]:
        found = [
            index
            for point in (self.point, *(p for _, p in self.factors))
            for index in point
            if isinstance(index, Affine)
        ]
        return tuple(dict.fromkeys(found))


@dataclass(slots=True)
class Finish:
    """The accumulator is complete; `partial`: it is added to the node's total."""

    node: Node
    point: Point
    partial: bool = False


@dataclass(slots=True)
class Fill:
    """The whole array is zero."""

    node: Node


@dataclass(slots=True)
class Product:
    """A matrix product, by BLAS or by loops: node (+)= alpha · left · right."""

    node: Node
    einsum: Einsum
    coefficient: Expr = S.One
    scalars: tuple[Node, ...] = ()
    add: bool = False


Statement: TypeAlias = Loop | Assign | Start | Accumulate | Finish | Fill | Product


def var_of(dim: Dim) -> Index:
    return None if dim is ONE else Var(dim)


def nest_of(node: Node) -> tuple[list[Fill], list[Statement]]:
    """The statements that compute a node that is kept: arrays to zero before, then the nest."""
    match node:
        case Einsum() if summed(node):
            return _sum(node)
        case Reduce():
            point = tuple(var_of(d) for d in node.operand.shape)
            kept = tuple(p for k, p in enumerate(point) if k not in node.axes)
            order = _loops((*kept, *(point[k] for k in node.axes)))
            return [], _accumulation(node, kept, ((node.operand, point),), order, node.op)
    point = tuple(var_of(d) for d in node.shape)
    return [], _wrapped(_loops(point), [Assign(node, point)])


def _loops(point: Point) -> list[Var]:
    return [index for index in point if isinstance(index, Var)]


def _wrapped(order: Iterable[Var], body: list[Statement]) -> list[Statement]:
    for var in reversed(list(order)):
        body = [Loop(var, body)]
    return body


def _sum(node: Einsum) -> tuple[list[Fill], list[Statement]]:
    at: dict[int, Index] = {k: Var(size) for k, size in node.sizes.items()}
    factors = list(zip(node.factors, node.inputs, strict=True))
    for position, (factor, labels) in enumerate(factors):
        if isinstance(factor, Iverson) and factor.op == "eq":
            found = _eliminated(factor, labels, at, set(node.output))
            if found:
                label, index = found
                at[label] = index
                del factors[position]
                break
    points = tuple((f, tuple(at.get(k) for k in labels)) for f, labels in factors)
    target = tuple(at.get(k) for k in node.output)
    widest = max((labels for _, labels in factors), key=lambda labels: len(set(labels)), default=())
    free = {k for k, index in at.items() if isinstance(index, Var)}
    covered = free <= set(widest)  # its order in memory, so that columns are summed row by row
    ordered = dict.fromkeys([*(widest if covered else ()), *node.output, *at])
    order = _loops(tuple(at.get(k) for k in ordered))
    return _placed(node, target, points, order)


def _placed(
    node: Node, target: Point, factors: tuple[tuple[Node, Point], ...], order: list[Var]
) -> tuple[list[Fill], list[Statement]]:
    out = {index for index in target if isinstance(index, Var)}
    inner = [var for var in order if var not in out]
    scattered = any(isinstance(index, Affine) for index in target)
    first = next((n for n, var in enumerate(order) if var not in out), len(order))
    if scattered or any(var in out for var in order[first:]):
        add = Accumulate(node, target, factors, scatter=True)
        return [Fill(node)], _wrapped(order, [add])
    return [], _accumulation(node, target, factors, [*order[:first], *inner], "+")


def _accumulation(
    node: Node, target: Point, factors: tuple[tuple[Node, Point], ...], order: list[Var], op: str
) -> list[Statement]:
    """Accumulators in a local variable; a total of all entries by rows, whose sums are added."""
    out = {index for index in target if isinstance(index, Var)}
    outer = [var for var in order if var in out]
    inner = [var for var in order if var not in out]
    if op == "+" and len(inner) > 1:
        add = Accumulate(node, target, factors, op, partial=True)
        row: list[Statement] = [
            Start(node, target, partial=True),
            *_wrapped(inner[-1:], [add]),
            Finish(node, target, partial=True),
        ]
        body = _wrapped(inner[:-1], row)
    else:
        body = _wrapped(inner, [Accumulate(node, target, factors, op)])
    return _wrapped(outer, [Start(node, target), *body, Finish(node, target)])


def _eliminated(
    bracket: Iverson, labels: tuple[int, ...], at: dict[int, Index], output: set[int]
) -> tuple[int, Affine] | None:
    """A label that the bracket's equation gives, a summed one if it can be, and its value."""
    condition = expand(bracket.condition)
    places = sorted(range(len(labels)), key=lambda a: labels[a] in output)
    for axis in places:
        label = labels[axis]
        c = condition.coeff(INDEX[axis])
        if label == UNIT or labels.count(label) > 1 or c not in (1, -1):
            continue
        zero = dict.fromkeys((*INDEX, *LOOKUP), S.Zero)
        variables = tuple(
            (-condition.coeff(INDEX[a]) / c, var)
            for a in range(len(labels))
            if a != axis
            and condition.coeff(INDEX[a]) != 0
            and isinstance(var := at.get(labels[a]), Var)
        )
        entries = tuple(
            (-condition.coeff(LOOKUP[k]) / c, operand, tuple(at.get(labels[a]) for a in axes))
            for k, (operand, axes) in enumerate(
                zip(bracket.operands, bracket.operand_axes, strict=True)
            )
        )
        return label, Affine(-condition.xreplace(zero) / c, variables, entries, bracket.shape[axis])
    return None


def factor_points(node: Einsum, point: Point) -> tuple[tuple[Node, Point], ...]:
    """The factors of a product without sums, and where they are read for its entry at a point."""
    at = dict(zip(node.output, point, strict=True))
    return tuple(
        (factor, tuple(None if k == UNIT else at[k] for k in labels))
        for factor, labels in zip(node.factors, node.inputs, strict=True)
    )


def parts(node: Node, point: Point) -> tuple[tuple[Node, Point], ...]:
    """What is read, and where, to write a node out at a point."""
    match node:
        case Einsum():
            return factor_points(node, point)
        case Total() | Map():
            return tuple((operand, point) for operand in node.operands)
        case Iverson():
            return tuple(
                (operand, tuple(point[a] for a in axes))
                for operand, axes in zip(node.operands, node.operand_axes, strict=True)
            )
    return ()


Read: TypeAlias = tuple[Node, Point]


def reads(statement: Statement, kept: set[Node]) -> Iterator[Read]:
    """All kept values and symbols that a statement reads, with their points."""
    stack: list[Read] = []
    match statement:
        case Loop():
            for inner in statement.body:
                yield from reads(inner, kept)
            return
        case Assign():
            stack = list(parts(statement.node, statement.point))
        case Accumulate():
            stack = list(statement.factors)
            for guard in statement.guards:
                stack += [(node, point) for _, node, point in guard.entries]
        case Product():
            stack = [(f, (None,) * f.ndim) for f in (*statement.einsum.factors, *statement.scalars)]
    seen: set[Read] = set()
    while stack:
        read = stack.pop()
        if read in seen:
            continue
        seen.add(read)
        node, point = read
        if isinstance(node, Leaf) or node in kept:
            yield read
        elif not isinstance(node, Constant):
            stack += parts(node, point)


def writes(statement: Statement) -> Iterator[Read]:
    """The values that a statement makes, with their points."""
    match statement:
        case Loop():
            for inner in statement.body:
                yield from writes(inner)
        case Assign() | Finish() | Accumulate():
            yield statement.node, statement.point
        case Product() | Fill():
            yield statement.node, (None,) * statement.node.ndim


@dataclass(slots=True)
class Schedule:
    """Statements in order; adding one fuses its loops with earlier ones where that is right."""

    kept: set[Node]
    body: list[Statement] = field(default_factory=list)

    def add(self, fills: list[Fill], statements: list[Statement], first: int = 0) -> None:
        """Place statements, not fused with those before position `first`."""
        where = _merge(self.body, statements, self.kept, first)
        for fill in fills:
            self.body.insert(where, fill)


def _merge(body: list[Statement], new: list[Statement], kept: set[Node], first: int = 0) -> int:
    """Put statements into a body; returns the position of the first one."""
    loops = [s for s in new if isinstance(s, Loop)]
    if len(loops) == 1:
        loop, n = loops[0], new.index(loops[0])
        place = _partner(body, loop, kept, first)
        if place is not None:
            partner = body[place]
            assert isinstance(partner, Loop)
            loop.var.become(partner.var)
            _merge(partner.body, loop.body, kept)
            body[place:place] = new[:n]
            body.extend(new[n + 1 :])
            return place
    body.extend(new)
    return len(body) - len(new)


def _partner(body: list[Statement], loop: Loop, kept: set[Node], first: int) -> int | None:
    """The last loop of the body that a loop may be fused with."""
    wanted = list(reads(loop, kept))
    shared = {node for node, _ in wanted if node.ndim}
    for place in range(len(body) - 1, first - 1, -1):
        other = body[place]
        if isinstance(other, Loop) and same(other.var.root().dim, loop.var.root().dim):
            made = list(writes(other))
            touched = {node for node, _ in made} | {node for node, _ in reads(other, kept)}
            if touched & shared and _aligned(made, wanted, other.var, loop.var):
                return place
        if {node for node, _ in writes(other)} & {node for node, _ in wanted}:
            return None  # a later place would be before what it needs
    return None


def _aligned(made: list[Read], wanted: list[Read], outer: Var, inner: Var) -> bool:
    """Whether each value made in one loop is read in the other at the same index alone."""
    by_node: dict[Node, list[Point]] = {}
    for node, point in made:
        by_node.setdefault(node, []).append(point)
    for node, point in wanted:
        for source in by_node.get(node, ()):
            if not any(
                isinstance(s, Var)
                and isinstance(p, Var)
                and s.root() is outer.root()
                and p.root() is inner.root()
                for s, p in zip(source, point, strict=True)
            ):
                return False
    return True
