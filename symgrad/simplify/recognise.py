"""Functions that people write by hand, in terms of exp and log: softmax, sigmoid, softplus, tanh.

exp(Z) / sum(exp(Z), axis=1, keepdims=True) is a softmax. As one it has the derivative that books
give, and it does not overflow.
"""

from collections.abc import Iterable
from dataclasses import replace
from weakref import WeakKeyDictionary

from sympy import Expr, Function, S, exp, log, tanh

from symgrad.simplify.terms import Term, build, flatten, others, power_of
from symgrad.tensor.nodes import (
    UNIT,
    Einsum,
    LogSumExp,
    Map,
    Node,
    Softmax,
    Total,
    rebuild,
    topological,
)
from symgrad.tensor.operators import apply, constant_of, full, power, scale, total
from symgrad.tensor.scalar import ARGS, log1p, sigmoid, softplus

_X = ARGS[0]


def _of(function: type[Function], node: Node) -> Node | None:
    """x for a node f(x)."""
    return node.operands[0] if isinstance(node, Map) and node.body == function(_X) else None


def _two_exponentials(node: Node) -> tuple[Node, Expr, Expr] | None:
    """x, a and b for a·eˣ + b·e⁻ˣ."""
    if not (isinstance(node, Total) and len(node.terms) == 2):
        return None
    (a, left), (b, right) = node.pairs
    x, y = _of(exp, left), _of(exp, right)
    if x is None or y is None or y is not scale(-1, x):
        return None
    return x, a, b


def _one_plus_exp(node: Node) -> Node | None:
    """x for a node 1 + eˣ."""
    if not (isinstance(node, Total) and node.coefficients == (1, 1)):
        return None
    one = full(1, node.shape)
    found = [_of(exp, term) for term in node.terms if term is not one]
    return found[0] if len(found) == 1 else None


def softplus_by_hand(node: Node) -> Node | None:
    """log(1 + eˣ) = softplus(x)."""
    inner = _of(log, node)
    x = _one_plus_exp(inner) if inner is not None else None
    inner = _of(log1p, node)
    if inner is not None:
        x = _of(exp, inner)
    return None if x is None else apply(softplus(_X), x)


def sigmoid_by_hand(node: Node) -> Node | None:
    """1 / (1 + eˣ) = sigmoid(−x)."""
    base, exponent = power_of(node)
    x = _one_plus_exp(base)
    if x is None or not (exponent.is_Integer and exponent < 0):
        return None
    return power(apply(sigmoid(_X), scale(-1, x)), -exponent)


def _summed_exp(node: Node) -> tuple[Node, tuple[int, ...]] | None:
    """x and the axes for a node Σ eˣ along axes."""
    if not (isinstance(node, Einsum) and len(node.factors) == 1):
        return None
    x = _of(exp, node.factors[0])
    labels = [k for k in node.inputs[0] if k != UNIT]
    if x is None or len(set(labels)) < len(labels) or set(node.output) - {UNIT, *labels}:
        return None
    axes = tuple(a for a, k in enumerate(node.inputs[0]) if k != UNIT and k not in node.output)
    return (x, axes) if axes else None


def logsumexp_by_hand(node: Node) -> Node | None:
    """log Σ eˣ = logsumexp(x)."""
    inner = _of(log, node)
    found = None if inner is None else _summed_exp(inner)
    if found is None:
        return None
    x, axes = found
    assert isinstance(inner, Einsum)
    kept = tuple(k for a, k in enumerate(inner.inputs[0]) if a not in axes)
    return build(flatten(Einsum((kept,), inner.output, inner.shape, LogSumExp(axes, x))))


def softmax_by_hand(term: Term) -> Term | None:
    """eˣ / Σ eˣ = softmax(x)."""
    for m, (node, labels) in enumerate(term.factors):
        base, exponent = power_of(node)
        found = _summed_exp(base) if exponent is S.NegativeOne else None
        if found is None:
            continue
        x, axes = found
        assert isinstance(base, Einsum)
        at = dict(zip(base.output, labels, strict=True))
        for n, (other, own) in enumerate(term.factors):
            if other is base.factors[0] and all(
                k == at.get(inner, k) for inner, k in zip(base.inputs[0], own, strict=True)
            ):
                return replace(term, factors=(*others(term, n, m), (Softmax(axes, x), own)))
    return None


def sigmoid_of_exp(term: Term) -> Term | None:
    """eˣ sigmoid(−x) = sigmoid(x)."""
    for n, (node, labels) in enumerate(term.factors):
        x = _of(exp, node)
        if x is None:
            continue
        gate = apply(sigmoid(_X), scale(-1, x))
        for m, factor in enumerate(term.factors):
            if factor == (gate, labels):
                new = (apply(sigmoid(_X), x), labels)
                return replace(term, factors=(*others(term, n, m), new))
    return None


def tanh_by_hand(term: Term) -> Term | None:
    """(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ) = tanh(x)."""
    for m, (node, labels) in enumerate(term.factors):
        base, exponent = power_of(node)
        below = _two_exponentials(base) if exponent is S.NegativeOne else None
        if below is None or below[1:] != (1, 1):
            continue
        for n, (other, own) in enumerate(term.factors):
            above = _two_exponentials(other)
            if above is None or own != labels or above[0] not in (below[0], scale(-1, below[0])):
                continue
            x, a, b = above
            if (a, b) == (1, -1):
                return replace(term, factors=(*others(term, n, m), (apply(tanh(_X), x), own)))
    return None


def _moved_out(node: Node, axes: tuple[int, ...]) -> tuple[Node, list[tuple[Expr, Node]]] | None:
    """A sum without its terms that are one number along the axes, and these terms."""
    if not isinstance(node, Total):
        return None
    flat = {t: flatten(t) for t in node.terms if constant_of(t) is None}
    apart = [
        (c, t)
        for c, t in node.pairs
        if t not in flat or not set(axes) & {k for _, labels in flat[t].factors for k in labels}
    ]
    if not apart or len(apart) == len(node.terms):
        return None
    return total((pair for pair in node.pairs if pair not in apart), node.shape), apart


def shifted_softmax(node: Node) -> Node | None:
    """softmax(x + c) = softmax(x), c one number along the axes."""
    found = _moved_out(node.operand, node.axes) if isinstance(node, Softmax) else None
    return None if found is None else Softmax(node.axes, found[0])  # type: ignore[attr-defined]


def shifted_logsumexp(node: Node) -> Node | None:
    """logsumexp(x + c) = logsumexp(x) + c, c one number along the axes."""
    found = _moved_out(node.operand, node.axes) if isinstance(node, LogSumExp) else None
    if found is None:
        return None
    assert isinstance(node, LogSumExp)
    rest, apart = found
    kept = tuple(a for a in range(node.operand.ndim) if a not in node.axes)
    output = tuple(UNIT if node.operand.shape[a] == 1 else a for a in kept)
    terms = ((c, build(replace(flatten(t), output=output))) for c, t in apart)
    return total(((1, LogSumExp(node.axes, rest)), *terms), node.shape)


_NODES = (softplus_by_hand, sigmoid_by_hand, logsumexp_by_hand, shifted_softmax, shifted_logsumexp)
_TERMS = (softmax_by_hand, sigmoid_of_exp, tanh_by_hand)


def recognised(roots: Iterable[Node]) -> dict[Node, Node]:
    """Each node below the roots, with what was written by hand in it as the function that it is."""
    done: dict[Node, Node] = {}
    for node in topological(*roots):
        new = rebuild(node, tuple(done[operand] for operand in node.operands))
        done[node] = known(new)
    return done


def known(node: Node) -> Node:
    """The node itself as the function that it is, where it was written by hand."""
    while (better := _better(node)) is not None:
        node = better
    return node


#: Whether a product has a factor, at any depth, that the rules of products begin with.
_holding: "WeakKeyDictionary[Node, bool]" = WeakKeyDictionary()


def _may_hold(node: Node) -> bool:
    """Whether an exponential or a reciprocal is among the factors: a look that is remembered, for
    a product of as many factors as a network has layers would be taken apart for each of them.
    """
    for each in topological(node, seen=_holding):
        match each:
            case Einsum():
                _holding[each] = any(_holding[factor] for factor in each.factors)
            case Total():
                _holding[each] = len(each.terms) == 1 and _holding[each.terms[0]]
            case _:
                _holding[each] = _of(exp, each) is not None or power_of(each)[1] is S.NegativeOne
    return _holding[node]


def _better(node: Node) -> Node | None:
    for rule in _NODES:
        if (found := rule(node)) is not None:
            return found
    if isinstance(node, Einsum) and len(node.factors) > 1 and _may_hold(node):
        term = flatten(node)
        for term_rule in _TERMS:
            if (changed := term_rule(term)) is not None:
                return build(changed)
    return None
