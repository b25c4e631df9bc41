"""Rules for single nodes: logarithms that stay stable, inverse functions, comparisons."""

from collections.abc import Iterator
from itertools import permutations, product

from sympy import Expr, S, exp, log

from symgrad.simplify.sums import collect
from symgrad.simplify.terms import components, is_root, power_of
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    UNIT,
    Einsum,
    Iverson,
    Leaf,
    LogSumExp,
    Map,
    Node,
    Reduce,
    Softmax,
    Total,
    rebuild,
)
from symgrad.tensor.operators import (
    apply,
    constant_of,
    einsum,
    full,
    is_identity,
    power,
    raised,
    scale,
    subtract,
    total,
)
from symgrad.tensor.scalar import (
    ARGS,
    INDICATORS,
    eq,
    ge,
    gt,
    le,
    lt,
    ne,
    relu,
    sigmoid,
    softplus,
    where,
)


def label_axes(node: Node) -> tuple[int, ...]:
    """The axis along which the entries are [k = yᵢ] for labels y; () if none."""
    if isinstance(node, Iverson) and node.op == "eq" and len(node.operands) == 1:
        return tuple(
            axis
            for axis in range(node.ndim)
            if node.condition in (INDEX[axis] - LOOKUP[0], LOOKUP[0] - INDEX[axis])
        )
    return ()


def log_of_softmax(node: Node) -> Node | None:
    """log softmax(x) = x − logsumexp(x)."""
    if not (isinstance(node, Map) and node.body == log(ARGS[0])):
        return None
    (inner,) = node.operands
    if not isinstance(inner, Softmax):
        return None
    return log_softmax(inner)


def log_softmax(soft: Softmax) -> Node:
    """x − logsumexp(x), along the softmax's axes."""
    labels = tuple(range(soft.ndim))
    kept = tuple(k for k in labels if k not in soft.axes)
    spread = Einsum((kept,), labels, soft.shape, LogSumExp(soft.axes, soft.operand))
    return total(((1, soft.operand), (-1, spread)), soft.shape)


def log_of_picked_softmax(node: Node) -> Node | None:
    """log Σₖ softmax(x)ᵢₖ [k = yᵢ] = Σₖ (x − logsumexp(x))ᵢₖ [k = yᵢ]."""
    if not (isinstance(node, Map) and node.body == log(ARGS[0])):
        return None
    (inner,) = node.operands
    if not (isinstance(inner, Einsum) and len(inner.factors) == 2):
        return None
    for (soft, at), (hot, labels) in permutations(zip(inner.factors, inner.inputs, strict=True)):
        axes = label_axes(hot) or _fixed_axis(hot)
        if not (isinstance(soft, Softmax) and len(axes) == 1):
            continue
        summed = {labels[axes[0]]} - {UNIT, *inner.output}
        if summed and summed == {at[a] for a in soft.axes}:
            if len(hot.shape) > 1 or hot.operands:  # type: ignore[attr-defined]
                return Einsum((at, labels), inner.output, inner.shape, log_softmax(soft), hot)
            # an index out of range has no logarithm, so that [i = k] holds once
            pick = Einsum((at, labels), inner.output, inner.shape, soft.operand, hot)
            kept = tuple(k for a, k in enumerate(at) if a not in soft.axes)
            whole = LogSumExp(soft.axes, soft.operand)
            return subtract(pick, Einsum((kept,), inner.output, inner.shape, whole))
    return None


def _fixed_axis(node: Node) -> tuple[int, ...]:
    """The axis of [i = k] for a fixed position k in range; () if it is none."""
    if isinstance(node, Iverson) and node.op == "eq" and node.ndim == 1 and not node.operands:
        position = INDEX[0] - node.condition
        if position.is_Integer and position >= 0:
            return (0,)
    return ()


def log_of_quotient(node: Node) -> Node | None:
    """log (a/b) = log a − log b for entries of softmaxes, exponentials and sigmoids."""
    if not (isinstance(node, Map) and node.body == log(ARGS[0])):
        return None
    (inner,) = node.operands
    if not isinstance(inner, Einsum) or len(inner.factors) < 2:
        return None
    terms = []
    for atom, labels in components(inner):
        base, exponent = power_of(atom)
        logarithm = _log_of_positive(base)
        if logarithm is None or is_root(atom) or not exponent.is_Integer:
            return None
        spread = Einsum((labels,), inner.output, inner.shape, logarithm)
        terms.append((exponent, spread))
    return total(terms, node.shape) if len(terms) > 1 else None


def _log_of_positive(node: Node) -> Node | None:
    """The logarithm of what is never 0, where that has a shorter form."""
    if isinstance(node, Map) and node.body == exp(ARGS[0]):
        return node.operands[0]
    if isinstance(node, Softmax):
        return log_softmax(node)
    logarithm = apply(log(ARGS[0]), node)
    found = log_of_sigmoid(logarithm)
    return log_of_picked_softmax(logarithm) if found is None else found


def log_of_sigmoid(node: Node) -> Node | None:
    """log sigmoid(x) = −softplus(−x)."""
    if not (isinstance(node, Map) and node.body == log(ARGS[0])):
        return None
    (inner,) = node.operands
    if not (isinstance(inner, Map) and inner.body == sigmoid(ARGS[0])):
        return None
    return scale(-1, apply(softplus(ARGS[0]), scale(-1, inner.operands[0])))


def log_of_one_minus_sigmoid(node: Node) -> Node | None:
    """1 − sigmoid(x) = sigmoid(−x), inside a logarithm."""
    if not (isinstance(node, Map) and node.body == log(ARGS[0])):
        return None
    (inner,) = node.operands
    if not (isinstance(inner, Total) and len(inner.terms) == 2):
        return None
    pairs = dict(inner.pairs)
    gate = pairs.get(S.NegativeOne)
    if not (isinstance(gate, Map) and gate.body == sigmoid(ARGS[0])):
        return None
    if pairs.get(S.One) is not full(1, node.shape):
        return None
    return scale(-1, apply(softplus(ARGS[0]), gate.operands[0]))


def inverses(node: Node) -> Node | None:
    """exp log x = x, log exp x = x, (xᵃ)⁻¹ = x⁻ᵃ."""
    if not isinstance(node, Map) or len(node.operands) != 1:
        return None
    inner = node.operands[0]
    if not isinstance(inner, Map) or len(inner.operands) != 1:
        return None
    if {node.body, inner.body} == {exp(ARGS[0]), log(ARGS[0])}:
        return inner.operands[0]
    base, first = power_of(inner)
    _, second = power_of(node)
    if second.is_Integer and second < 0 and first.is_positive and first is not S.One:
        return power(base, first * second)
    if second is S.NegativeOne and first.is_negative and not is_root(inner):
        return power(base, -first)
    return None


def power_of_multiple(node: Node) -> Node | None:
    """(c x)ᵏ = cᵏ xᵏ for whole k, or c > 0."""
    base, exponent = power_of(node)
    if base is node or not (isinstance(base, Total) and len(base.terms) == 1):
        return None
    (number,), (inner,) = base.coefficients, base.terms
    if not (number.is_positive or (exponent.is_Integer and not is_root(node))):
        return None
    assert isinstance(node, Map)
    return scale(raised(number, exponent), Map(node.body, inner))


def power_of_powers(node: Node) -> Node | None:
    """(xᵃ xᵇ)ᵏ = x⁽ᵃ⁺ᵇ⁾ᵏ for whole k."""
    base, exponent = power_of(node)
    if base is node or not exponent.is_Integer or not isinstance(base, Einsum):
        return None
    if len(set(base.inputs)) > 1 or base.inputs[0] != base.output or is_root(node):
        return None
    parts = [power_of(factor) for factor in base.factors]
    if len({inner for inner, _ in parts}) > 1 or any(map(is_root, base.factors)):
        return None
    return power(parts[0][0], exponent * sum((e for _, e in parts), S.Zero))


def lone_where(node: Node) -> Node | None:
    """where(c, 1, 0) = [c ≠ 0]."""
    if isinstance(node, Map) and node.body == where(ARGS[0], 1, 0):
        return apply(ne(ARGS[0], 0), *node.operands)
    return None


#: Domains whose values are never 0.
NONZERO = ("positive", "nonzero", "unit", "sign")


def product_of_others(node: Node) -> Node | None:
    """Π_{j≠i} xⱼ = (Π x)/xᵢ for entries that were declared to be none of them 0."""
    if not (isinstance(node, Reduce) and node.op == "prod"):
        return None
    choice = node.operand
    if not (isinstance(choice, Map) and choice.body == where(ARGS[0], 1, ARGS[1])):
        return None
    same, wide = choice.operands
    if isinstance(wide, Leaf):  # of a vector, spread along the first axis
        x, labels = wide, tuple(range(wide.ndim))
    elif isinstance(wide, Einsum) and len(wide.factors) == 1:
        (x,), (labels,) = wide.factors, wide.inputs
    else:
        return None
    if not (isinstance(x, Leaf) and x.domain.partition(":")[0] in NONZERO):
        return None
    pairs = _pairs(same)
    if pairs is None or {max(pair) for pair in pairs} != set(node.axes):
        return None
    back = {max(pair): min(pair) for pair in pairs}
    own = tuple(back.get(k, k) for k in labels)
    if sorted(own) != list(range(x.ndim)) or set(node.axes) - set(labels):
        return None
    kept = tuple(k for k in own if k not in back.values())
    whole = Reduce("prod", tuple(own.index(k) for k in back.values()), x)
    shape = node.shape
    return einsum((kept, own), tuple(range(len(shape))), whole, power(x, -1),
                  sizes=dict(enumerate(shape)))  # fmt: skip


def _pairs(node: Node) -> list[tuple[int, ...]] | None:
    """The pairs of axes that a product of [i = j] is of."""
    if is_identity(node):
        return [(0, 1)]
    if isinstance(node, Einsum) and all(map(is_identity, node.factors)):
        return list(node.inputs)
    return None


def relu_slope(node: Node) -> Node | None:
    """[relu(x) > 0] = [x > 0]."""
    if isinstance(node, Map) and node.body == gt(ARGS[0], 0):
        (inner,) = node.operands
        if isinstance(inner, Map) and inner.body == relu(ARGS[0]):
            return rebuild(node, inner.operands)
    return None


#: What a comparison is with its sides exchanged.
_EXCHANGED = {gt: lt, ge: le, lt: gt, le: ge, eq: eq, ne: ne}


def of_multiples(node: Node) -> Node | None:
    """[a x > b x] = [x > 0] for numbers a > b."""
    if not (isinstance(node, Map) and node.body.func in INDICATORS and len(node.operands) == 2):
        return None
    if node.body.args != ARGS[:2]:
        return None
    for (a, x), (b, y) in product(*map(_multiples, node.operands)):
        gap = constant_of(collect(((S.One, a), (S.NegativeOne, b)), ()))
        if x is y and gap is not None and (gap.is_positive or gap.is_negative):
            kind = node.body.func if gap.is_positive else _EXCHANGED[node.body.func]
            return apply(kind(ARGS[0], 0), x)
    return None


def _multiples(node: Node) -> Iterator[tuple[Node, Node]]:
    """The ways to read a node as a scalar times an array."""
    number: Expr = S.One
    if isinstance(node, Total) and len(node.terms) == 1:
        (number,), (node,) = node.coefficients, node.terms
    yield full(number, ()), node
    if isinstance(node, Einsum) and len(node.factors) == 2:
        for scalar, array in permutations(range(2)):
            if not node.inputs[scalar] and node.inputs[array] == node.output:
                yield scale(number, node.factors[scalar]), node.factors[array]
