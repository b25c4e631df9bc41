"""What a kernel consists of: loops, assignments, accumulations and matrix products of values.

A value is computed at a point: a tuple of one index per axis. All statements are immutable.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from sympy import Expr, Integer, S, expand

from symgrad.codegen.matrices import View, Whole
from symgrad.codegen.products import Multiple, matrices
from symgrad.tensor.dims import Dim
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
    Total,
)
from symgrad.tensor.windows import digit


@dataclass(frozen=True, slots=True, eq=False)
class Var:
    """A loop's index, from 0 to its dimension."""

    dim: Dim


@dataclass(frozen=True, slots=True)
class Affine:
    """An index that is looked up or computed: constant + Σ c · variable + Σ c · entry."""

    constant: Expr
    variables: tuple[tuple[Expr, Var], ...]
    entries: tuple[tuple[Expr, Node, "Point"], ...]
    dim: Dim

    @property
    def inside(self) -> bool:
        """Whether it is in range for all values of its variables, whatever the sizes."""
        sizes = [(c, var.dim) for c, var in self.variables]
        for c, node, _ in self.entries:
            found = digit(node)
            if found is None:
                return False
            sizes.append((c, Integer(found[2])))
        if not all(c.is_number for c, _ in sizes):
            return False
        low = self.constant + sum(c * (size - 1) for c, size in sizes if c.is_negative)
        high = self.constant + sum(c * (size - 1) for c, size in sizes if c.is_positive)
        room = expand(self.dim - 1 - high)
        return bool(expand(low).is_nonnegative and room.is_nonnegative)


Index: TypeAlias = Var | Affine | None  # None on a unit axis
Point: TypeAlias = tuple[Index, ...]
Read: TypeAlias = tuple[Node, Point]


def variables(index: Index) -> set[Var]:
    """The loops' indices that an index depends on."""
    if not isinstance(index, Affine):
        return set() if index is None else {index}
    points = (point for _, _, point in index.entries)
    inner = (var for point in points for each in point for var in variables(each))
    return {var for _, var in index.variables}.union(inner)


@dataclass(frozen=True, slots=True)
class Loop:
    var: Var
    body: tuple["Statement", ...]


@dataclass(frozen=True, slots=True)
class Assign:
    """node[point] = what the node is at that point."""

    node: Node
    point: Point


@dataclass(frozen=True, slots=True)
class Start:
    """An accumulator at its neutral element; `partial`: that of one row."""

    node: Node
    point: Point
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Accumulate:
    """node[point] += Π factors, or its maximum with them; only where the guards hold.

    `op` is +, max, min, or argmax and argmin, which keep the position of the first of the largest.
    `scatter`: into the array itself, else into a local accumulator. `within` are computed indices
    that must be in range, whether or not anything is read there.
    """

    node: Node
    point: Point
    factors: tuple[Read, ...]
    op: str = "+"
    partial: bool = False
    scatter: bool = False
    within: tuple[Affine, ...] = ()

    @property
    def guards(self) -> tuple[Affine, ...]:
        """The computed indices: where one is out of range, there is nothing to add."""
        points = (self.within, self.point, *(point for _, point in self.factors))
        return tuple(dict.fromkeys(i for p in points for i in p if isinstance(i, Affine)))


@dataclass(frozen=True, slots=True)
class Finish:
    """The accumulator is complete; `partial`: it is added to the node's total, unless there is an
    array `into` which it goes.
    """

    node: Node
    point: Point
    partial: bool = False
    into: Node | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """The whole array is zero."""

    node: Node


@dataclass(frozen=True, slots=True)
class Product:
    """A matrix product, by BLAS or by loops: node = coefficient · Π scalars · einsum + addend.

    Of a stack it is the product at the indices `at`; those that have one place are added up there.
    `onto`: the product is added to what the node holds.
    """

    node: Node
    einsum: Einsum
    at: tuple[Var, ...] = ()
    coefficient: Expr = S.One
    scalars: tuple[Node, ...] = ()
    addend: Multiple | None = None
    onto: bool = False

    def points(self) -> tuple[Read, Read, Read]:
        """Left, right and result, and which parts of them: all of an axis without an index."""
        m = matrices(self.einsum)
        assert m is not None
        index: dict[int, Var] = dict(zip(m.stack, self.at, strict=True))
        left, right, node = (
            (node, tuple(index.get(label) for label in labels))
            for node, labels in zip((m.left, m.right, self.node), m.labels, strict=True)
        )
        return left, right, node


@dataclass(frozen=True, slots=True)
class Call:
    """A whole array, which a function of the module makes of others."""

    node: Whole


Simple: TypeAlias = Assign | Start | Accumulate | Finish | Fill | Product | Call
Statement: TypeAlias = Loop | Simple


def wrapped(order: Iterable[Var], body: Iterable[Statement]) -> tuple[Statement, ...]:
    """A body inside loops, the first the outermost."""
    result = tuple(body)
    for var in reversed(list(order)):
        result = (Loop(var, result),)
    return result


def flat(
    statements: Iterable[Statement], path: tuple[Var, ...] = ()
) -> Iterator[tuple[tuple[Var, ...], Simple]]:
    """All statements but loops, each with the indices of the loops around it."""
    for statement in statements:
        if isinstance(statement, Loop):
            yield from flat(statement.body, (*path, statement.var))
        else:
            yield path, statement


def renamed(statements: Iterable[Statement], old: Var, new: Var) -> tuple[Statement, ...]:
    """The statements with one index in place of another."""

    def index(i: Index) -> Index:
        if isinstance(i, Affine):
            return replace(
                i,
                variables=tuple((c, new if var is old else var) for c, var in i.variables),
                entries=tuple((c, node, at(p)) for c, node, p in i.entries),
            )
        return new if i is old else i

    def at(point: Point) -> Point:
        return tuple(map(index, point))

    def change(s: Statement) -> Statement:
        match s:
            case Loop():
                return Loop(s.var, tuple(map(change, s.body)))
            case Accumulate():
                factors = tuple((node, at(point)) for node, point in s.factors)
                within = tuple(i for i in map(index, s.within) if isinstance(i, Affine))
                return replace(s, point=at(s.point), factors=factors, within=within)
            case Assign() | Start() | Finish():
                return replace(s, point=at(s.point))
            case Product():
                return replace(s, at=tuple(new if var is old else var for var in s.at))
        return s

    return tuple(map(change, statements))


def factor_points(node: Einsum, point: Point) -> tuple[Read, ...]:
    """The factors of a product without sums, and where they are read for its entry at a point."""
    at = dict(zip(node.output, point, strict=True))
    return tuple(
        (factor, tuple(None if k == UNIT else at[k] for k in labels))
        for factor, labels in zip(node.factors, node.inputs, strict=True)
    )


def parts(node: Node, point: Point) -> tuple[Read, ...]:
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


def reads(statement: Statement, kept: frozenset[Node] | set[Node]) -> Iterator[Read]:
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
            arrays = [*statement.scalars]
            if statement.addend is not None:
                arrays += [statement.addend.array, *statement.addend.scalars]
            stack = [*statement.points()[:2], *((f, (None,) * f.ndim) for f in arrays)]
        case Call():
            stack = [(operand, (None,) * operand.ndim) for operand in statement.node.operands]
    seen: set[Read] = set()
    while stack:
        read = stack.pop()
        if read in seen:
            continue
        seen.add(read)
        node, point = read
        if isinstance(node, View):
            stack.append((node.operand, (None,) * node.operand.ndim))
        elif isinstance(node, Leaf) or node in kept:
            yield read
        elif not isinstance(node, Constant):
            stack += parts(node, point)


def writes(statement: Statement) -> Iterator[Read]:
    """The values that a statement makes, with their points."""
    match statement:
        case Loop():
            for inner in statement.body:
                yield from writes(inner)
        case Finish(into=Node() as total):
            yield total, statement.point
        case Assign() | Finish() | Accumulate():
            yield statement.node, statement.point
        case Product():
            yield statement.points()[2]
        case Fill() | Call():
            yield statement.node, (None,) * statement.node.ndim


def begins(statement: Statement) -> Iterator[Read]:
    """The sums that a statement begins, to which others add, with their points."""
    match statement:
        case Loop():
            for inner in statement.body:
                yield from begins(inner)
        case Fill() | Product(onto=False):
            yield from writes(statement)


def adds(statement: Statement) -> Iterator[Read]:
    """The sums in memory that a statement adds to, with their points."""
    match statement:
        case Loop():
            for inner in statement.body:
                yield from adds(inner)
        case Accumulate(scatter=True) | Finish(into=Node()) | Product(onto=True):
            yield from writes(statement)


def bracket_terms(node: Iverson, point: Point) -> tuple[Expr, list[tuple[Expr, Var | Read]]]:
    """The condition of a bracket at a point: its constant, and c · (a loop's index or an entry).

    An index that is computed stands there as what it is computed from: it may have no sign itself.
    """
    condition = expand(node.condition)
    constant: Expr = condition.xreplace(dict.fromkeys((*INDEX, *LOOKUP), S.Zero))
    terms: dict[Var | Read, Expr] = {}
    for symbol, index in zip(INDEX, point, strict=False):
        c = condition.coeff(symbol)
        match index:
            case Var():
                terms[index] = terms.get(index, S.Zero) + c
            case Affine():
                constant += c * index.constant
                for own, var in index.variables:
                    terms[var] = terms.get(var, S.Zero) + c * own
                for own, entry, at in index.entries:
                    terms[entry, at] = terms.get((entry, at), S.Zero) + c * own
    for symbol, read in zip(LOOKUP, parts(node, point), strict=False):
        terms[read] = terms.get(read, S.Zero) + condition.coeff(symbol)
    return expand(constant), [(c, each) for each, v in terms.items() if (c := expand(v)) != 0]


def lines(
    statements: Iterable[Statement],
    name: Callable[[Node], str],
    kept: frozenset[Node],
    depth: int = 0,
) -> Iterator[str]:
    """The statements as an outline for people: what is made in which loops, and from what."""
    letters: dict[Var, str] = {}

    def of(statement: Statement) -> str:
        return ", ".join(sorted({name(node) for node, _ in reads(statement, kept)})) or "numbers"

    def at(point: Point) -> str:
        marks = [letters.get(i, "?") if isinstance(i, Var) else "·" for i in point]
        return f"[{', '.join(marks)}]" if marks else ""

    def write(statements: Iterable[Statement], depth: int) -> Iterator[str]:
        for s in statements:
            indent = "    " * depth
            match s:
                case Loop():
                    letters[s.var] = "ijklmnpqrstuvwxyz"[min(len(letters), 16)]
                    yield f"{indent}for {letters[s.var]} < {s.var.dim}"
                    yield from write(s.body, depth + 1)
                    del letters[s.var]
                case Assign():
                    yield f"{indent}{name(s.node)}{at(s.point)} = of {of(s)}"
                case Accumulate() if not s.partial:
                    mark = "+=" if s.op == "+" else f"{s.op}="
                    yield f"{indent}{name(s.node)}{at(s.point)} {mark} of {of(s)}"
                case Accumulate():
                    yield f"{indent}{name(s.node)}{at(s.point)} += of {of(s)}, by rows"
                case Fill():
                    yield f"{indent}{name(s.node)} = 0"
                case Call():
                    yield f"{indent}{name(s.node)} = {s.node.name} of {of(s)}"
                case Product():
                    m = matrices(s.einsum)
                    assert m is not None
                    a, b, out = (
                        name(node) + at(point if s.at else ()) for node, point in s.points()
                    )
                    left, right = a + "ᵀ" * m.transpose_left, b + "ᵀ" * m.transpose_right
                    plus = "" if s.addend is None else f" + {name(s.addend.array)}"
                    sign = "+=" if m.adds or s.onto else "="
                    yield f"{indent}{out} {sign} {left} · {right}{plus}, a product of matrices"

    yield from write(statements, depth)
