"""Attention: weighted means of values, by how well keys answer queries."""

from sympy import Expr, S

from symgrad.declare.vocabulary.reductions import softmax
from symgrad.declare.vocabulary.table import named
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import same, show
from symgrad.tensor.nodes import Constant, Einsum, Iverson, Leaf, Map, Node, Total
from symgrad.tensor.scalar import ARGS

#: What stands for a hidden score: beside any other its share of a softmax is exactly 0.
_HIDDEN = -(10**9)

_COMPARISONS = (scalar.gt, scalar.ge, scalar.lt, scalar.le, scalar.eq, scalar.ne)


@named
def scaled_dot_product_attention(q: object, k: object, v: object, mask: object = None) -> Node:
    """softmax(q kᵀ / √d) v, of queries (..., T, d), keys (..., S, d) and values (..., S, e).

    The mask (..., T, S) is 1 where a query sees a key and 0 where it does not: `tri(T)` for causal
    attention. A query that sees no key at all takes the mean of all values. An additive mask is
    written out: softmax(q @ k.T / d**0.5 + bias) @ v.

    Source: Vaswani et al. (2017), eq. 1.
    Stability: a softmax cannot overflow, and hidden keys have a share of exactly 0.
    """
    queries, keys, values = (_rows(name, each) for name, each in (("q", q), ("k", k), ("v", v)))
    for name, node, axis, other in (("k", keys, -1, queries), ("v", values, -2, keys)):
        if not same(node.shape[axis], other.shape[axis]):
            raise ShapeError(
                f"scaled_dot_product_attention: axis {axis} of {name} is {node.shape[axis]}, "
                f"not {other.shape[axis]}",
                hint="q is (..., T, d), k is (..., S, d), v is (..., S, e)",
            )
    order = (*range(keys.ndim - 2), keys.ndim - 1, keys.ndim - 2)
    scores = op.scale(
        op.raised(keys.shape[-1], -S.Half), op.matmul(queries, op.transpose(keys, order))
    )
    if mask is not None:
        scores = op.fused(scalar.where(*ARGS[:3]), _truth(mask), scores, _HIDDEN)
    return op.matmul(softmax(scores), values)


def _rows(name: str, value: object) -> Node:
    node = op.as_node(value)
    if node.ndim < 2:
        raise ShapeError(
            f"scaled_dot_product_attention: {name} has rows and columns, not shape "
            f"{show(node.shape)}"
        )
    return node


def _truth(mask: object) -> Node:
    node = op.as_node(mask)
    if not _is_truth(node):
        raise DeclarationError(
            "scaled_dot_product_attention: the mask is not known to be of 0 and 1",
            hint='declare domain="binary"; what is added to scores is written out: '
            "softmax(q @ k.T / d**0.5 + bias) @ v",
        )
    return node


def _is_truth(node: Node) -> bool:
    """Whether all entries show to be 0 or 1."""
    match node:
        case Constant():
            return node.value in (0, 1)
        case Leaf():
            return node.domain.partition(":")[0] in ("binary", "onehot")
        case Einsum():
            summed = {k for labels in node.inputs for k in labels} - {*node.output}
            return not summed and all(map(_is_truth, node.factors))
        case Total():  # 1 - mask
            pairs = dict(zip(node.terms, node.coefficients, strict=True))
            return sorted(pairs.values()) == [-1, 1] and all(
                op.constant_of(term) == 1 if c == 1 else _is_truth(term)
                for term, c in pairs.items()
            )
        case Map():
            return _is_truth_body(node.body, node.operands)
    return isinstance(node, Iverson)


def _is_truth_body(body: Expr, operands: tuple[Node, ...]) -> bool:
    if body in ARGS:
        return _is_truth(operands[ARGS.index(body)])
    if body.func in (scalar.maximum, scalar.minimum) or body.is_Mul:
        return all(_is_truth_body(each, operands) for each in body.args)
    if body.func is scalar.where:
        return all(_is_truth_body(each, operands) for each in body.args[1:])
    return body in (0, 1) or body.func in _COMPARISONS
