"""The loop nest of one value: which loops, in which order, and what is accumulated where."""

from typing import TypeAlias

from sympy import S, expand

from symgrad.codegen.lower import summed
from symgrad.codegen.statements import (
    Accumulate,
    Affine,
    Assign,
    Fill,
    Finish,
    Index,
    Point,
    Read,
    Start,
    Statement,
    Var,
    wrapped,
)
from symgrad.tensor.dims import ONE, Dim
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Einsum, Iverson, Node, Reduce

#: Arrays that must be zero before, and the nest itself.
Nest: TypeAlias = tuple[tuple[Fill, ...], tuple[Statement, ...]]


def var_of(dim: Dim) -> Index:
    return None if dim is ONE else Var(dim)


def nest_of(node: Node) -> Nest:
    """The statements that compute a node that is kept."""
    match node:
        case Einsum() if summed(node):
            return _sum(node)
        case Reduce():
            point = tuple(var_of(d) for d in node.operand.shape)
            kept = tuple(p for k, p in enumerate(point) if k not in node.axes)
            order = _loops((*kept, *(point[k] for k in node.axes)))
            return (), _accumulation(node, kept, ((node.operand, point),), order, node.op)
    point = tuple(var_of(d) for d in node.shape)
    return (), wrapped(_loops(point), [Assign(node, point)])


def _loops(point: Point) -> list[Var]:
    return [index for index in point if isinstance(index, Var)]


def _sum(node: Einsum) -> Nest:
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


def _placed(node: Node, target: Point, factors: tuple[Read, ...], order: list[Var]) -> Nest:
    out = {index for index in target if isinstance(index, Var)}
    inner = [var for var in order if var not in out]
    scattered = any(isinstance(index, Affine) for index in target)
    first = next((n for n, var in enumerate(order) if var not in out), len(order))
    if scattered or any(var in out for var in order[first:]):
        add = Accumulate(node, target, factors, scatter=True)
        return (Fill(node),), wrapped(order, [add])
    return (), _accumulation(node, target, factors, [*order[:first], *inner], "+")


def _accumulation(
    node: Node, target: Point, factors: tuple[Read, ...], order: list[Var], op: str
) -> tuple[Statement, ...]:
    """Accumulators in a local variable; a total of all entries by rows, whose sums are added."""
    out = {index for index in target if isinstance(index, Var)}
    outer = [var for var in order if var in out]
    inner = [var for var in order if var not in out]
    if op == "+" and len(inner) > 1:
        add = Accumulate(node, target, factors, op, partial=True)
        row = (
            Start(node, target, partial=True),
            *wrapped(inner[-1:], [add]),
            Finish(node, target, partial=True),
        )
        body = wrapped(inner[:-1], row)
    else:
        body = wrapped(inner, [Accumulate(node, target, factors, op)])
    return wrapped(outer, [Start(node, target), *body, Finish(node, target)])


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
