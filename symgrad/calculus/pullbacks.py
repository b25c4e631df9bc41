r"""Pullbacks: how a cotangent of a node becomes cotangents of its operands; one rule for each node.

A rule takes the node, its cotangent g and the number k of an operand. The cotangent has `lead`
extra axes in front (0 for gradients, the output's rank for Jacobians), then the node's own; what
comes back has them in front of the operand's. Rules keep this invariant:

    ⟨g, ∂node/∂operand · t⟩ = ⟨pullback(node, g, k), t⟩   for every tangent t of the operand.
"""

from collections.abc import Callable

from sympy import Add, Expr, Mul, Pow, Symbol

from symgrad.calculus.matrices import pull_matrix
from symgrad.errors import NotDifferentiable
from symgrad.tensor import operators as op
from symgrad.tensor.nodes import (
    INDEX,
    UNIT,
    Einsum,
    Iverson,
    Labels,
    LogSumExp,
    Map,
    Node,
    Reduce,
    Softmax,
    Total,
    UnspecifiedTensor,
)
from symgrad.tensor.primitives import ArgReduce, MatrixFunction, Reshape, StopGradient
from symgrad.tensor.scalar import ARGS, eq, partial, root, root_of, where

Rule = Callable[[Node, Node, int, int], Node]


def pullback(node: Node, g: Node, k: int, lead: int = 0) -> Node:
    """The contribution of a node's cotangent g to its operand k.

    Raises
    ------
    NotDifferentiable    if the node has no rule; names its class.
    """
    rule = PULLBACKS.get(type(node))
    if rule is None:
        raise NotDifferentiable(f"no derivative is known for a {type(node).__name__}")
    return rule(node, g, k, lead)


def _labels(lead: int, rank: int) -> tuple[Labels, Labels]:
    """Labels of the extra axes, and of `rank` axes after them."""
    return tuple(range(1000, 1000 + lead)), tuple(range(rank))


def _sizes(lead: Labels, g: Node) -> dict[int, Expr]:
    return dict(zip(lead, g.shape, strict=False))


def _total(node: Node, g: Node, k: int, lead: int) -> Node:
    r"""Y = Σ cᵢ Xᵢ:  X̄ᵢ = cᵢ Ȳ."""
    assert isinstance(node, Total)
    return op.scale(node.coefficients[k], g)


def _einsum(node: Node, g: Node, k: int, lead: int) -> Node:
    r"""Y = Σ Π Xᵢ:  X̄ₖ = Σ Ȳ Π_{i≠k} Xᵢ over the labels that Xₖ lacks (Laue et al. 2020, th. 7).

    A label twice in Xₖ (a trace) is set free as [i = i'].
    """
    assert isinstance(node, Einsum)
    front, _ = _labels(lead, 0)
    inputs: list[Labels] = [front + node.output, *node.inputs[:k], *node.inputs[k + 1 :]]
    factors: list[Node] = [g, *node.factors[:k], *node.factors[k + 1 :]]
    sizes: dict[int, Expr] = {**node.sizes, **_sizes(front, g)}
    output: list[int] = []
    for label in node.inputs[k]:
        if label != UNIT and label in output:
            fresh, size = 2000 + len(output), node.sizes[label]
            factors.append(Iverson("eq", INDEX[0] - INDEX[1], (size, size)))
            inputs.append((label, fresh))
            sizes[fresh], label = size, fresh
        output.append(label)
    if len(factors) == 1 and inputs[0] == (*front, *output):
        return g
    return op.einsum(inputs, (*front, *output), *factors, sizes=sizes)


def _map(node: Node, g: Node, k: int, lead: int) -> Node:
    r"""Y = f(X, …):  X̄ = Ȳ ⊙ f'(X, …). Where f' can be had from Y itself (tanh' = 1 − Y²) it is."""
    assert isinstance(node, Map)
    slope = partial(node.body, ARGS[k])
    own = ARGS[len(node.operands)]
    if slope.has(node.body):
        slope = slope.xreplace({node.body: own})
    elif node.body.is_Pow and node.body.base in ARGS and (back := _by_value(node.body.exp)):
        slope = node.body.exp * own**back
    return _times(g, expand_body(slope, (*node.operands, node)), lead)


def _by_value(exponent: Expr) -> Expr | None:
    """k with xᵃ⁻¹ = (xᵃ)ᵏ, where that is whole: for roots and reciprocals."""
    if not exponent.is_Rational or exponent >= 1:
        return None
    power = (exponent - 1) / exponent
    return power if power.is_Integer else None


def _times(g: Node, factor: Node, lead: int) -> Node:
    """g times a factor of the shape that g has behind its extra axes."""
    front, own = _labels(lead, factor.ndim)
    value = op.constant_of(factor)
    if value is not None:
        return op.scale(value, g)
    if op.constant_of(g) == 1 and not lead:
        return factor
    return op.einsum((front + own, own), front + own, g, factor)


def expand_body(body: Expr, operands: tuple[Node, ...]) -> Node:
    """A scalar body over operands as nodes whose Maps hold one function each.

    Sums become Totals, products Einsums, so that the algebra of nodes sees them.
    """
    shape = operands[0].shape
    if isinstance(body, Symbol) and body in ARGS:
        return operands[ARGS.index(body)]
    if not body.free_symbols & set(ARGS):
        return op.full(body, shape)
    inner = [expand_body(arg, operands) for arg in body.args if isinstance(arg, Expr)]
    match body:
        case Add():
            return op.total(((1, each) for each in inner), shape)
        case Mul():
            result = inner[0]
            for each in inner[1:]:
                result = op.multiply(result, each)
            return result
        case Pow(exp=exponent) if not exponent.free_symbols & set(ARGS):
            return op.power(inner[0], exponent)
    if (found := root_of(body)) is not None:
        return op.apply(root(ARGS[0], found[1]), expand_body(found[0], operands))
    # a function: one Map over its expanded arguments
    fresh = tuple(a for a in body.args if isinstance(a, Expr))
    head = tuple(a for a in body.args if not isinstance(a, Expr))
    return op.apply(body.func(*head, *ARGS[: len(fresh)]), *inner)


def _reduce(node: Node, g: Node, k: int, lead: int) -> Node:
    r"""Y = max X:  X̄ = Ȳ [X = Y] / Σ [X = Y]: ties share equally."""
    assert isinstance(node, Reduce)
    x = node.operand
    if node.op == "prod":
        return _product(node, g, lead)
    front, labels = _labels(lead, x.ndim)
    kept = tuple(a for a in labels if a not in node.axes)
    spread = op.einsum((kept,), labels, node, sizes=dict(enumerate(x.shape)))
    tie = op.apply(eq(ARGS[0], ARGS[1]), x, spread)
    share = op.power(op.einsum((labels,), kept, tie), -1)
    return op.einsum((front + kept, labels, kept), front + labels, g, tie, share)


def _product(node: Reduce, g: Node, lead: int) -> Node:
    r"""Y = Π X:  X̄ᵢ = Ȳ Π_{j≠i} Xⱼ, right where entries are zero too.

    The product of the others is that of all, with 1 in the place of entry i.
    """
    x, rank = node.operand, node.operand.ndim
    front, labels = _labels(lead, rank)
    kept = tuple(a for a in labels if a not in node.axes)
    axes = tuple(a for a in node.axes if x.shape[a] != 1)
    other = {a: rank + n for n, a in enumerate(axes)}  # j along each axis of i
    wide = (*labels, *other.values())
    shape = (*x.shape, *(x.shape[a] for a in axes))
    sizes = dict(zip(wide, shape, strict=True))
    if not axes:
        return op.einsum((front + kept,), front + labels, g, sizes={**_sizes(front, g), **sizes})
    spread = op.einsum((tuple(other.get(a, a) for a in labels),), wide, x, sizes=sizes)
    deltas = [Iverson("eq", INDEX[0] - INDEX[1], (x.shape[a],) * 2) for a in axes]
    same = op.einsum([(a, other[a]) for a in axes], wide, *deltas, sizes=sizes)
    others = Reduce(
        "prod", tuple(other.values()), op.apply(where(ARGS[0], 1, ARGS[1]), same, spread)
    )
    return op.einsum((front + kept, labels), front + labels, g, others)


def _reshape(node: Node, g: Node, k: int, lead: int) -> Node:
    r"""Y = X in another shape:  X̄ = Ȳ in the shape of X."""
    assert isinstance(node, Reshape)
    return op.reshape(g, (*g.shape[:lead], *node.operand.shape))


def _logsumexp(node: Node, g: Node, k: int, lead: int) -> Node:
    r"""Y = log Σ exp X:  X̄ = Ȳ ⊙ softmax(X)."""
    assert isinstance(node, LogSumExp)
    front, labels = _labels(lead, node.operand.ndim)
    kept = tuple(a for a in labels if a not in node.axes)
    soft = Softmax(node.axes, node.operand)
    return op.einsum((front + kept, labels), front + labels, g, soft)


def _softmax(node: Node, g: Node, k: int, lead: int) -> Node:
    r"""P = softmax(X):  X̄ = P ⊙ (P̄ − Σ P̄ ⊙ P), the sum along the softmax's axes."""
    assert isinstance(node, Softmax)
    front, labels = _labels(lead, node.ndim)
    kept = tuple(a for a in labels if a not in node.axes)
    mean = op.einsum((front + labels, labels), front + kept, g, node)
    spread = op.einsum((front + kept,), front + labels, mean,
                       sizes={**_sizes(front, g), **dict(enumerate(node.shape))})  # fmt: skip
    centred = op.total(((1, g), (-1, spread)), g.shape)
    return op.einsum((front + labels, labels), front + labels, centred, node)


def _unspecified(node: Node, g: Node, k: int, lead: int) -> Node:
    r"""Y = l(X, …):  X̄ = Σ Ȳ ∂l/∂X."""
    assert isinstance(node, UnspecifiedTensor)
    front, own = _labels(lead, node.ndim)
    slope = UnspecifiedTensor(node.name, (*node.wrt, k), node.result, *node.operands)
    tail = tuple(range(node.ndim, slope.ndim))
    if op.constant_of(g) == 1 and not g.ndim:
        return slope
    return op.einsum((front + own, own + tail), front + tail, g, slope)


#: What no derivative goes through: step functions of their operands, and what is said to be fixed.
LOCALLY_CONSTANT: tuple[type[Node], ...] = (Iverson, ArgReduce, StopGradient)

#: Every other node that has operands.
PULLBACKS: dict[type[Node], Rule] = {
    Total: _total,
    Einsum: _einsum,
    Map: _map,
    Reduce: _reduce,
    LogSumExp: _logsumexp,
    Softmax: _softmax,
    UnspecifiedTensor: _unspecified,
    Reshape: _reshape,
    MatrixFunction: pull_matrix,
}
