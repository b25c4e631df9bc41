"""The loop nest of one value: which loops, in which order, and what is accumulated where."""

from dataclasses import replace
from typing import TypeAlias

from sympy import Expr

from symgrad.codegen.lower import spread_by_bracket, summed
from symgrad.codegen.products import matrices
from symgrad.codegen.statements import (
    Accumulate,
    Affine,
    Assign,
    Fill,
    Finish,
    Index,
    Loop,
    Point,
    Product,
    Start,
    Statement,
    Var,
    variables,
    wrapped,
)
from symgrad.tensor.dims import ONE, Dim
from symgrad.tensor.nodes import Constant, Einsum, Node, Reduce
from symgrad.tensor.primitives import ArgReduce
from symgrad.tensor.windows import Place, places, solid

#: Arrays that must be zero before, and the nest itself.
Nest: TypeAlias = tuple[tuple[Fill, ...], tuple[Statement, ...]]


def var_of(dim: Dim) -> Index:
    return None if dim is ONE else Var(dim)


def nest_of(node: Node) -> Nest:
    """The statements that compute a node that is kept."""
    match node:
        case Einsum() if summed(node) or spread_by_bracket(node):
            return _sum(node)
        case Reduce() | ArgReduce():
            point = tuple(var_of(d) for d in node.operand.shape)
            kept = tuple(p for k, p in enumerate(point) if k not in node.axes)
            order = _loops((*kept, *(point[k] for k in node.axes)))
            op = node.op if isinstance(node, Reduce) else f"arg{node.op}"
            return (), _accumulation(Accumulate(node, kept, ((node.operand, point),), op), order)
    point = tuple(var_of(d) for d in node.shape)
    return (), wrapped(_loops(point), [Assign(node, point)])


def _loops(point: Point) -> list[Var]:
    return [index for index in point if isinstance(index, Var)]


def _sum(node: Einsum) -> Nest:
    at: dict[int, Index] = {k: Var(size) for k, size in node.sizes.items()}
    found = places(node)
    at |= {k: _affine(place, at, node.sizes[k]) for k, place in found.items()}
    computed = tuple(index for k, index in at.items() if isinstance(index, Affine))
    factors = [(node.factors[n], node.inputs[n]) for n in solid(node, found)]
    points = tuple((f, tuple(at.get(k) for k in labels)) for f, labels in factors)
    target = tuple(at.get(k) for k in node.output)
    widest = max((labels for _, labels in factors), key=lambda labels: len(set(labels)), default=())
    free = {k for k, index in at.items() if isinstance(index, Var)}
    covered = free <= set(widest)  # its order in memory, so that columns are summed row by row
    ordered = dict.fromkeys([*(widest if covered else ()), *node.output, *at])
    order = _loops(tuple(at.get(k) for k in ordered))
    return _placed(Accumulate(node, target, points, within=computed), order)


def _affine(place: Place, at: dict[int, Index], size: Dim) -> Affine:
    """The index of a label that a bracket gives."""
    variables = tuple((c, var) for k, c in place.labels.items() if isinstance(var := at[k], Var))
    entries = tuple(
        (c, operand, tuple(at.get(k) for k in labels)) for c, operand, labels in place.entries
    )
    return Affine(place.constant, variables, entries, size)


def _placed(add: Accumulate, order: list[Var]) -> Nest:
    out = {index for index in add.point if isinstance(index, Var)}
    inner = [var for var in order if var not in out]
    scattered = any(isinstance(index, Affine) for index in add.point)
    first = next((n for n, var in enumerate(order) if var not in out), len(order))
    if scattered or any(var in out for var in order[first:]):
        return (Fill(add.node),), _scattered(add, order)
    return (), _accumulation(add, [*order[:first], *inner])


def _scattered(add: Accumulate, order: list[Var]) -> tuple[Statement, ...]:
    """Added to entries of the array; where the last loops add to the same one, their sum is."""
    node, point = add.node, add.point
    entry = {var for index in point for var in variables(index)}
    last = next((n for n, var in enumerate(reversed(order)) if var in entry), len(order))
    if not last or any(isinstance(index, Affine) for index in add.guards):
        return wrapped(order, [replace(add, scatter=True)])
    outer, inner = order[: len(order) - last], order[len(order) - last :]
    row = wrapped(inner, [replace(add, partial=True)])
    body = Start(node, point, partial=True), *row, Finish(node, point, partial=True, into=node)
    return wrapped(outer, body)


def _accumulation(add: Accumulate, order: list[Var]) -> tuple[Statement, ...]:
    """Accumulators in a local variable; a total of all entries by rows, whose sums are added."""
    node, target = add.node, add.point
    out = {index for index in target if isinstance(index, Var)}
    outer = [var for var in order if var in out]
    inner = [var for var in order if var not in out]
    if add.op == "+" and len(inner) > 1:
        row = (
            Start(node, target, partial=True),
            *wrapped(inner[-1:], [replace(add, partial=True)]),
            Finish(node, target, partial=True),
        )
        body = wrapped(inner[:-1], row)
    else:
        body = wrapped(inner, [add])
    return wrapped(outer, [Start(node, target), *body, Finish(node, target)])


def share(total: Node, coefficient: Expr, term: Node, first: bool) -> Nest:
    """The statements that add a term's multiple to a sum, or begin the sum with it."""
    found = matrices(term)
    if found is not None:
        assert isinstance(term, Einsum)
        at = tuple(Var(term.sizes[label]) for label in found.stack)
        product = Product(total, term, at, coefficient, onto=not first)
        return (Fill(total),) * (first and found.adds), wrapped(at, [product])
    _, nest = nest_of(term)
    return (Fill(total),) * first, tuple(_put(s, total, coefficient) for s in nest)


def _put(s: Statement, total: Node, coefficient: Expr) -> Statement:
    """The statement with another node to add to, and a factor."""
    match s:
        case Loop():
            return Loop(s.var, tuple(_put(each, total, coefficient) for each in s.body))
        case Accumulate():
            number = ((Constant(coefficient), ()),) if coefficient != 1 else ()
            node = total if s.scatter else s.node
            return replace(s, node=node, factors=(*number, *s.factors))
        case Finish(into=Node()):
            return replace(s, into=total)
    return s
