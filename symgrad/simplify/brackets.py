"""Rules for brackets: indices that one gives to others, conditions that always or never hold."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache

from sympy import Expr, Integer, S, Symbol, expand

from symgrad.simplify.terms import Factor, Term, build, flatten, others
from symgrad.tensor.bounds import extremes
from symgrad.tensor.dims import Dim, Shape
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Einsum, Iverson, Labels, Map, Node
from symgrad.tensor.primitives import ArgReduce
from symgrad.tensor.scalar import ARGS, ne, where


def in_range(term: Term) -> Term | None:
    """[h = f] [f ≥ 0] = [h = f], and likewise for [f < n]: h is from 0 to n − 1."""
    unequal = [
        n
        for n, (node, _) in enumerate(term.factors)
        if isinstance(node, Iverson) and node.op == "ge" and not node.operands
    ]
    bounds = set(_bounds(term)) if unequal else set()
    for n in unequal:
        node, labels = term.factors[n]
        if isinstance(node, Iverson) and _linear(node, labels) in bounds:
            return replace(term, factors=others(term, n))
    return None


Linear = tuple[frozenset[tuple[int, Expr]], Expr]


def _linear(node: Iverson, labels: Labels) -> Linear:
    """The left side of a condition: the labels with their coefficients, and what is left."""
    condition = expand(node.condition)
    found: dict[int, Expr] = {}
    for axis, label in enumerate(labels):
        if label != UNIT:
            found[label] = found.get(label, S.Zero) + condition.coeff(INDEX[axis])
    rest = condition.xreplace(dict.fromkeys((*INDEX, *LOOKUP), S.Zero))
    return frozenset((k, c) for k, c in found.items() if c != 0), rest


def _bounds(term: Term) -> Iterator[Linear]:
    """What the equations of a term say is not negative: f and n − 1 − f for h = f."""
    for node, labels in term.factors:
        if not (isinstance(node, Iverson) and node.op == "eq" and not node.operands):
            continue
        terms, rest = _linear(node, labels)
        for label, c in [*terms, (UNIT, S.One)]:  # a unit axis is at 0
            if c not in (1, -1):
                continue
            size = S.One if label == UNIT else term.sizes[label]
            index = [(k, expand(-each / c)) for k, each in terms if k != label]
            constant = expand(-rest / c)
            yield frozenset(index), constant
            yield frozenset((k, -each) for k, each in index), expand(size - 1 - constant)


def nonzero_indicator(node: Node) -> Node | None:
    """[b ≠ 0] = b for what is 0 or 1."""
    if isinstance(node, Map) and node.body == ne(ARGS[0], 0) and _is_indicator(node.operands[0]):
        return node.operands[0]
    return None


def _is_indicator(node: Node) -> bool:
    if isinstance(node, Einsum):  # a product without sums
        held = {k for labels in node.inputs for k in labels if k != UNIT}
        return held <= set(node.output) and all(isinstance(f, Iverson) for f in node.factors)
    return isinstance(node, Iverson)


def largest_is_real(term: Term) -> Term | None:
    """where(c, x, −∞) at its first maximum is x there: no window is of padding alone."""
    for n, (node, labels) in enumerate(term.factors):
        if not (isinstance(node, Map) and node.body == where(*ARGS[:2], S.NegativeInfinity)):
            continue
        if any(own == labels and _is_first(chosen, node) for chosen, own in term.factors):
            plain = replace(term, factors=(*others(term, n), (node.operands[1], labels)))
            return flatten(build(plain))
    return None


def _is_first(chosen: Node, node: Node) -> bool:
    """Whether it is [position along the last axes = argmax of the node along them]."""
    if not (isinstance(chosen, Iverson) and len(chosen.operands) == 1 and chosen.op == "eq"):
        return False
    first = chosen.operands[0]
    if not (isinstance(first, ArgReduce) and first.operand is node and first.op == "max"):
        return False
    if first.axes != tuple(range(first.ndim, node.ndim)) or chosen.ndim != node.ndim:
        return False
    position, step = -LOOKUP[0], S.One
    for axis in reversed(first.axes):
        position += step * INDEX[axis]
        step *= node.shape[axis]
    unit = {INDEX[a]: S.Zero for a, size in enumerate(node.shape) if size == 1}
    gap = {expand(sign * chosen.condition.xreplace(unit)) for sign in (1, -1)}
    return expand(position.xreplace(unit)) in gap


# --- sums over an index that a bracket gives


def _plain(node: Node) -> bool:
    """Whether it is a bracket of indices and sizes alone, no labels among them."""
    return isinstance(node, Iverson) and not node.operands


def _named(node: Iverson, labels: Labels) -> Expr:
    """The condition with each index called after its label."""
    names = {
        INDEX[axis]: Integer(0) if label == UNIT else _index(label)
        for axis, label in enumerate(labels)
    }
    return expand(node.condition.xreplace(names))


@cache
def _index(label: int) -> Expr:
    return Symbol(f"_l{label}", integer=True)


def composed(term: Term) -> Term | None:
    """Σⱼ [i = j + a] [j = k + b] = [i = k + a + b], where i and k keep j in its range."""
    for n, (node, labels) in enumerate(term.factors):
        if not (_plain(node) and isinstance(node, Iverson) and node.op == "eq"):
            continue
        for label in dict.fromkeys(labels):
            if label == UNIT or label in term.output or labels.count(label) > 1:
                continue
            holders = [m for m, (_, own) in enumerate(term.factors) if label in own and m != n]
            if not holders or not all(_plain(term.factors[m][0]) for m in holders):
                continue
            if any(term.factors[m][1].count(label) > 1 for m in holders):
                continue
            merged = [
                _merged(node, labels, term.factors[m], label, term, len(holders) == 1)
                for m in holders
            ]
            found = [each for each in merged if each is not None]
            if len(found) == len(merged):
                return replace(term, factors=(*others(term, n, *holders), *found))
    return None


def _merged(
    node: Iverson, labels: Labels, factor: Factor, label: int, term: Term, alone: bool
) -> Factor | None:
    """A bracket with the index that an equation gives; alone, it may tell its range as well."""
    other, own = factor
    assert isinstance(other, Iverson)
    index = _index(label)
    first, second = _named(node, labels), _named(other, own)
    unit = first.coeff(index)
    if unit not in (1, -1):
        return None
    solved = expand(index - unit * first)  # the index that the bracket gives
    kept = tuple(dict.fromkeys(k for k in (*labels, *own) if k not in (label, UNIT)))
    sizes: dict[Expr, Dim] = {_index(k): term.sizes[k] for k in kept}
    ways = [solved]
    if alone and other.op == "eq" and (c := second.coeff(index)) in (1, -1):
        ways.append(expand(index - c * second))
    low, high = zip(*(extremes(way, sizes) for way in ways), strict=True)
    size = term.sizes[label]
    if not any(each.is_nonnegative for each in low):
        return None
    if not any(expand(size - 1 - each).is_nonnegative for each in high):
        return None
    if not kept:
        return None
    condition = expand(second.xreplace({index: solved}))
    orders = (kept, kept[::-1]) if other.op == "eq" and len(kept) == 2 else (kept,)
    for order in orders:
        if len(orders) == 1 or _ends_known(condition, order, term):
            named = condition.xreplace({_index(k): INDEX[axis] for axis, k in enumerate(order)})
            shape: Shape = tuple(term.sizes[k] for k in order)
            return Iverson(other.op, named, shape), order
    return None


def _ends_known(condition: Expr, order: Labels, term: Term) -> bool:
    """Whether sizes tell at which indices of the second axis that of the first is in range.

    As in the brackets of slices, which are taken to be in range where sizes leave it open.
    """
    index, other = map(_index, order)
    unit = condition.coeff(index)
    if unit not in (1, -1):
        return False
    solved = expand(index - unit * condition)
    low, high = extremes(solved, {other: term.sizes[order[1]]})
    above = expand(high - term.sizes[order[0]] + 1)
    return all(end.is_nonnegative or end.is_nonpositive for end in (low, above))


@lru_cache(2**12)
def _outcome(node: Iverson, labels: Labels) -> tuple[bool, bool]:
    """Whether the condition holds at no indices, and at all of them."""
    condition = _named(node, labels)
    sizes = {_index(k): size for k, size in zip(labels, node.shape, strict=True) if k != UNIT}
    low, high = extremes(condition, sizes)
    never = high.is_negative or (node.op == "eq" and low.is_positive)
    always = (low.is_nonnegative and node.op == "ge") or (node.op == "eq" and condition.is_zero)
    return bool(never), bool(always)


def decided(term: Term) -> Term | None:
    """A condition that holds at all indices is 1, one that holds at none is 0."""
    for n, (node, labels) in enumerate(term.factors):
        if not (_plain(node) and isinstance(node, Iverson)):
            continue
        never, always = _outcome(node, tuple(-1 if k == UNIT else labels.index(k) for k in labels))
        if never:
            return replace(term, coefficient=S.Zero, factors=())
        if always:
            rest = others(term, n)
            held = {k for _, each in rest for k in each} | set(term.output)
            factor: Expr = S.One
            for label in dict.fromkeys(labels):
                if label != UNIT and label not in held:
                    factor *= term.sizes[label]
            return replace(term, coefficient=term.coefficient * factor, factors=rest)
    return None
