"""Sums: nested ones flattened, equal terms collected, what several terms share put outside."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from sympy import Expr, S

from symgrad.simplify.common import Rows, Share, apart, axes_beside, shared_factors
from symgrad.simplify.cost import operations
from symgrad.simplify.terms import (
    Factor,
    Term,
    build,
    common_factor,
    flatten,
    is_root,
    place,
    power_of,
)
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import UNIT, Constant, Einsum, Labels, Map, Node, Total
from symgrad.tensor.operators import apply, constant_of, full, power, scale, total
from symgrad.tensor.scalar import ARGS, eq, ge, gt, le, lt, ne, sigmoid, where

COMPARISONS = (lt, le, gt, ge, eq, ne)

#: How many terms multiplying out may make before it is given up; a nested sum of more terms stays
#: as it is, so that sums which share parts do not grow with the square of their number.
MOST_TERMS = 48
#: How many of the factors that terms share are tried as the first to be put outside, and how many
#: of the sums in a product are tried as the one to be multiplied out.
MOST_FACTORS = 8
#: How many factors the terms of a sum may have together for what they share to be looked for: each
#: that is put outside leaves an inner sum, where all are looked at again.
MOST_SHARED = 2500


def collect(pairs: Iterable[tuple[Expr, Node]], shape: Shape) -> Node:
    """The shortest form of a sum that needs no multiplying out."""
    rows = _ordered(pairs, shape)
    if len(rows) < 2:
        return total(rows, shape)
    rows = _alike(_aligned(rows))
    for shorten in (_narrowed, _branched, _completed, _complemented):
        shorter = shorten(rows, shape)
        if shorter is not None:
            return shorter
    best: Node = _sum(rows)
    least = operations(best)
    outside = common_factor([c for c, _ in rows])
    for number in (outside, -outside):
        if number is not S.One:
            candidate = Total((number,), _sum([(c / number, t) for c, t in rows]))
            if operations(candidate) < least:
                best, least = candidate, operations(candidate)
    if sum(len(flatten(node).factors) for _, node in rows) > MOST_SHARED:
        return best
    for share in shared_factors(rows)[: min(max(MOST_TERMS // len(rows) // 2, 1), MOST_FACTORS)]:
        candidate = _gathered(rows, shape, share)
        if operations(candidate) < least:
            best, least = candidate, operations(candidate)
    return best


def _aligned(rows: Rows) -> Rows:
    """The terms with (y − x) written as −(x − y) where another has x − y."""
    terms = [flatten(node) for _, node in rows]
    sums = dict.fromkeys(a for term in terms for a, _ in term.factors if isinstance(a, Total))
    if len(sums) < 2:
        return rows
    turned: dict[Node, Node] = {}
    for each in sums:
        other = _negated(each)
        if other in sums and each not in turned:
            turned[other] = each
    if not turned:
        return rows
    found: Rows = []
    for (c, node), term in zip(rows, terms, strict=True):
        signs = sum(atom in turned for atom, _ in term.factors)
        factors = tuple((turned.get(atom, atom), labels) for atom, labels in term.factors)
        new = build(replace(term, factors=factors)) if signs else node
        found.append((-c if signs % 2 else c, new))
    return found


def _alike(rows: Rows) -> Rows:
    """The terms with 1/‖x‖, 0 at 0, as the plain quotient where another has that: it decides."""
    terms = [flatten(node) for _, node in rows]
    plain, rooted = set[Factor](), False
    for term in terms:
        for atom, labels in term.factors:
            base, exponent = power_of(atom)
            if base is not atom and exponent.is_negative and {*labels} <= {UNIT, *term.output}:
                rooted = rooted or is_root(atom)
                plain.update([] if is_root(atom) else [(base, labels)])
    if not plain or not rooted:
        return rows
    found: Rows = []
    for (c, node), term in zip(rows, terms, strict=True):
        factors = tuple(
            (power(base, exponent), labels)
            if is_root(atom) and exponent.is_negative and (base, labels) in plain
            else (atom, labels)
            for atom, labels in term.factors
            for base, exponent in (power_of(atom),)
        )
        same = factors == term.factors
        found.append((c, node if same else build(replace(term, factors=factors))))
    return found


def _negated(node: Total) -> Node:
    pairs = sorted(((-c, t) for c, t in node.pairs), key=lambda pair: place(*pair))
    return _sum(pairs)


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


def _branched(rows: Rows, shape: Shape) -> Node | None:
    """a [c] + b [not c] as where(c, a, b), entry by entry."""
    output = tuple(UNIT if size == 1 else k for k, size in enumerate(shape))
    held: dict[Node, list[tuple[int, Term]]] = {}
    denied: dict[Node, list[tuple[int, Term]]] = {}
    for n, (_, node) in enumerate(rows):
        term = flatten(node)
        for k, (atom, labels) in enumerate(term.factors):
            if labels != output or not isinstance(atom, Map):
                continue
            rest = replace(term, factors=(*term.factors[:k], *term.factors[k + 1 :]))
            if atom.body == _NOT:
                denied.setdefault(atom.operands[0], []).append((n, rest))
            elif atom.body.func in COMPARISONS:
                held.setdefault(atom, []).append((n, rest))
    for test in held:
        if test not in denied:
            continue
        yes, no = ([(rows[n][0], build(rest)) for n, rest in side[test]] for side in (held, denied))
        used = {n for side in (held, denied) for n, _ in side[test]}
        branches = [collect(side, shape) for side in (yes, no)]
        both = apply(where(ARGS[0], ARGS[1], ARGS[2]), test, *branches)
        left = [row for n, row in enumerate(rows) if n not in used]
        return collect([*left, (S.One, both)], shape)
    return None


_NOT = where(ARGS[0], 0, 1)


def _completed(rows: Rows, shape: Shape) -> Node | None:
    """c [x < y] + c [x = y] + c [x > y] = c, and what is left of larger coefficients."""
    found: dict[tuple[Node, ...], dict[type, Expr]] = {}
    for c, node in rows:
        if isinstance(node, Map) and node.body.func in (lt, eq, gt) and len(node.body.args) == 2:
            body = node.body
            key = (*node.operands, *(Constant(a) for a in body.args if a not in ARGS))
            if body.args[0] == ARGS[0]:
                found.setdefault(key, {})[body.func] = c
    for key, parts in found.items():
        if len(parts) < 3:
            continue
        most = Counter(parts.values()).most_common(1)[0][0]
        left = [
            (c - most if isinstance(node, Map) and _is_of(node, key) else c, node)
            for c, node in rows
        ]
        return collect([*((c, n) for c, n in left if c != 0), (most, full(1, shape))], shape)
    return None


def _complemented(rows: Rows, shape: Shape) -> Node | None:
    """c − c σ(−x) = c σ(x), and what else is added."""
    for n, (c, node) in enumerate(rows):
        if not (isinstance(node, Map) and node.body == sigmoid(ARGS[0])):
            continue
        turned = scale(-1, node.operands[0])
        if operations(turned) >= operations(node.operands[0]):
            continue
        for m, (own, other) in enumerate(rows):
            number = constant_of(other)
            if number is not None and own * number == -c:
                rest = [row for k, row in enumerate(rows) if k not in (n, m)]
                return collect([*rest, (-c, apply(node.body, turned))], shape)
    return None


def _is_of(node: Map, key: tuple[Node, ...]) -> bool:
    body = node.body
    if body.func not in (lt, eq, gt) or body.args[0] != ARGS[0]:
        return False
    return (*node.operands, *(Constant(a) for a in body.args if a not in ARGS)) == key


def is_flat(node: Node) -> bool:
    """Whether all entries of an array are one number, spread."""
    return isinstance(node, Einsum) and node.ndim > 0 and not _own_axes(node)


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


def _gathered(rows: Rows, shape: Shape, share: Share) -> Node:
    """Σ A·Bᵢ + rest = A·(Σ Bᵢ) + rest for a factor A and all that stands beside it in each term.

    Then for the factor that most terms share. Each turn leaves fewer terms, and the inner sums have
    fewer factors, so this ends.
    """
    output = tuple(UNIT if size == 1 else k for k, size in enumerate(shape))
    shared = [share]
    while shared:
        terms = [(coefficient, node, flatten(node)) for coefficient, node in rows]
        gather = _across if shared[0].open else _along
        product, used = gather(terms, shape, output, shared[0])
        rows = [(c, node) for n, (c, node, _) in enumerate(terms) if n not in used]
        rows.append((S.One, product))
        shared = shared_factors(rows)[:MOST_FACTORS]
    return _greedy(rows, shape)


def _along(
    terms: list[tuple[Expr, Node, Term]], shape: Shape, output: Labels, share: Share
) -> tuple[Node, set[int]]:
    """The terms that have a factor along labels of the result, with all such that they share."""
    factor = (share.node, share.labels)
    members = {n: (c, term) for n, (c, _, term) in enumerate(terms) if factor in term.factors}
    common: Counter[Factor] | None = None
    for _, term in members.values():
        own = Counter(f for f in term.factors if set(f[1]) <= {UNIT, *output})
        common = own if common is None else common & own
    assert common is not None
    inside = _greedy([(c, build(_without(term, common))) for c, term in members.values()], shape)
    outside = [*common.elements(), (inside, output)]
    inputs, atoms = [labels for _, labels in outside], [atom for atom, _ in outside]
    return build(flatten(Einsum(inputs, output, shape, *atoms))), set(members)


def _across(
    terms: list[tuple[Expr, Node, Term]], shape: Shape, output: Labels, share: Share
) -> tuple[Node, set[int]]:
    """The terms that have a factor with labels that are summed: A B + A C = A (B + C)."""
    parts = {n: part for n, (_, _, term) in enumerate(terms) if (part := apart(term, share))}
    kept = axes_beside(list(parts.values()), share)
    inner = tuple(next(iter(parts.values())).sizes[k] for k in kept)
    inside = _greedy([(terms[n][0], build(replace(rest, output=kept)))
                      for n, rest in parts.items()], inner)  # fmt: skip
    whole = Einsum((share.labels, kept), output, shape, share.node, inside)
    return build(flatten(whole)), set(parts)


def _without(term: Term, gone: Counter[Factor]) -> Term:
    """The term without those factors, each as often as it is counted."""
    left = Counter(term.factors) - gone
    return replace(term, factors=tuple(left.elements()))


def _greedy(pairs: Rows, shape: Shape) -> Node:
    """The sum with the factors that most terms share outside, one after the other."""
    rows = _ordered(pairs, shape)
    if len(rows) < 2:
        return total(rows, shape)
    for shorten in (_narrowed, _branched, _completed, _complemented):
        shorter = shorten(rows, shape)
        if shorter is not None:
            return shorter
    shared = shared_factors(rows)
    return _gathered(rows, shape, shared[0]) if shared else _sum(rows)
