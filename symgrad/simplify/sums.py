"""Sums: nested ones flattened, equal terms collected, what several terms share put outside."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from sympy import Expr, S

from symgrad.simplify.cost import operations
from symgrad.simplify.terms import Factor, Term, build, common_factor, flatten, place
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import UNIT, Einsum, Node, Total
from symgrad.tensor.operators import constant_of, total

#: How many terms multiplying out may make before it is given up; a nested sum of more terms stays
#: as it is, so that sums which share parts do not grow with the square of their number.
MOST_TERMS = 48
#: How many of the factors that terms share are tried as the first to be put outside, and how many
#: of the sums in a product are tried as the one to be multiplied out.
MOST_FACTORS = 8

Rows = list[tuple[Expr, Node]]


def collect(pairs: Iterable[tuple[Expr, Node]], shape: Shape) -> Node:
    """The shortest form of a sum that needs no multiplying out."""
    rows = _ordered(pairs, shape)
    if len(rows) < 2:
        return total(rows, shape)
    narrow = _narrowed(rows, shape)
    if narrow is not None:
        return narrow
    best: Node = _sum(rows)
    least = operations(best)
    outside = common_factor([c for c, _ in rows])
    for number in (outside, -outside):
        if number is not S.One:
            candidate = Total((number,), _sum([(c / number, t) for c, t in rows]))
            if operations(candidate) < least:
                best, least = candidate, operations(candidate)
    for factor in _shared_factors(rows)[: max(MOST_TERMS // len(rows) // 2, 1)]:
        candidate = _gathered(rows, shape, factor)
        if operations(candidate) < least:
            best, least = candidate, operations(candidate)
    return best


def _narrowed(rows: Rows, shape: Shape) -> Node | None:
    """A sum of terms that are all spread along an axis: the sum without it, spread."""
    output = tuple(UNIT if size == 1 else k for k, size in enumerate(shape))
    if any(not isinstance(node, Einsum) and constant_of(node) is None for _, node in rows):
        return None
    axes = sorted({axis for _, node in rows for axis in _own_axes(node)})
    if len(axes) == sum(k != UNIT for k in output):
        return None
    inner = tuple(shape[axis] for axis in axes)
    terms = []
    for c, node in rows:
        term = flatten(node)
        terms.append((c, build(replace(term, output=tuple(axes)))))
    narrow = collect(terms, inner)
    return build(flatten(Einsum((tuple(axes),), output, shape, narrow)))


def _own_axes(node: Node) -> set[int]:
    """The axes along which the entries may differ."""
    if not isinstance(node, Einsum):
        return set()
    held = {k for own in node.inputs for k in own if k != UNIT}
    return {axis for axis, k in enumerate(node.output) if k in held}


def flat_pairs(pairs: Iterable[tuple[Expr, Node]]) -> Rows:
    """The terms of a sum and of the sums that it is made of, in time linear in their number.

    From the outermost sum inwards, each is opened once with the sum of its coefficients.
    """
    weight: dict[Node, Expr] = {}
    for coefficient, node in pairs:
        weight[node] = weight.get(node, S.Zero) + coefficient
    for outer in reversed(_nested_sums(weight)):
        coefficient = weight.pop(outer)
        for own, inner in outer.pairs:
            weight[inner] = weight.get(inner, S.Zero) + coefficient * own
    return [(c, node) for node, c in weight.items()]


def _nested_sums(roots: Iterable[Node]) -> list[Total]:
    """The sums among the roots and, through sums alone, below them; inner ones first."""
    order: dict[Total, None] = {}
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in order or not isinstance(node, Total) or len(node.terms) > MOST_TERMS:
                stack.pop()
                continue
            waiting = [
                term
                for term in node.terms
                if isinstance(term, Total) and term not in order and len(term.terms) <= MOST_TERMS
            ]
            if waiting:
                stack.extend(waiting)
            else:
                order[node] = None
    return list(order)


def _ordered(pairs: Iterable[tuple[Expr, Node]], shape: Shape) -> Rows:
    """The terms with equal ones collected, as people order them."""
    collected = total(flat_pairs(pairs), shape)
    if not isinstance(collected, Total):
        return [(S.One, collected)]
    return sorted(collected.pairs, key=lambda pair: place(*pair))


def _sum(rows: Rows) -> Total:
    return Total(tuple(c for c, _ in rows), *(t for _, t in rows))


def _shared_factors(rows: Rows) -> list[Factor]:
    """The factors that several terms share along labels of the result, the most shared first."""
    members: dict[Factor, int] = {}
    for _, node in rows:
        term = flatten(node)
        for factor in dict.fromkeys(term.factors):
            if all(k == UNIT or k in term.output for k in factor[1]):
                members[factor] = members.get(factor, 0) + 1
    shared = [factor for factor, count in members.items() if count > 1]
    return sorted(shared, key=lambda factor: -members[factor])[:MOST_FACTORS]


def _gathered(rows: Rows, shape: Shape, factor: Factor) -> Node:
    """Σ A·Bᵢ + rest = A·(Σ Bᵢ) + rest for a factor A and all that stands beside it in each term.

    Then for the factor that most terms share. Each turn leaves fewer terms, and the inner sums have
    fewer factors, so this ends.
    """
    output = tuple(UNIT if size == 1 else k for k, size in enumerate(shape))
    shared = [factor]
    while shared:
        terms = [(coefficient, node, flatten(node)) for coefficient, node in rows]
        members = [(c, term) for c, _, term in terms if shared[0] in term.factors]
        common = Counter(f for f in members[0][1].factors if set(f[1]) <= {UNIT, *output})
        for _, term in members[1:]:
            common &= Counter(term.factors)
        inside = _greedy([(c, build(_without(term, common))) for c, term in members], shape)
        outside = [*common.elements(), (inside, output)]
        inputs, atoms = [labels for _, labels in outside], [atom for atom, _ in outside]
        product = build(flatten(Einsum(inputs, output, shape, *atoms)))
        rows = [(c, node) for c, node, term in terms if shared[0] not in term.factors]
        rows.append((S.One, product))
        shared = _shared_factors(rows)
    return _greedy(rows, shape)


def _without(term: Term, gone: Counter[Factor]) -> Term:
    """The term without those factors, each as often as it is counted."""
    left = Counter(term.factors) - gone
    return replace(term, factors=tuple(left.elements()))


def _greedy(pairs: Rows, shape: Shape) -> Node:
    """The sum with the factors that most terms share outside, one after the other."""
    rows = _ordered(pairs, shape)
    if len(rows) < 2:
        return total(rows, shape)
    narrow = _narrowed(rows, shape)
    if narrow is not None:
        return narrow
    shared = _shared_factors(rows)
    return _gathered(rows, shape, shared[0]) if shared else _sum(rows)
