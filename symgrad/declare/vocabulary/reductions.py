"""Functions along axes: sums, moments, extrema, softmax."""

from sympy import S

from symgrad.declare.vocabulary.arguments import flag, one_axis
from symgrad.declare.vocabulary.table import named
from symgrad.errors import DeclarationError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.nodes import INDEX, Iverson, LogSumExp, Node, Reduce, Softmax
from symgrad.tensor.primitives import ArgReduce, StopGradient
from symgrad.tensor.scalar import ARGS


@named
def sum_(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """Σ x along axes.

    Source: NumPy.
    """
    return op.sum_over(op.as_node(x), axis, flag(keepdims))


@named
def mean(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """(1/n) Σ x along axes.

    Source: NumPy.
    """
    node = op.as_node(x)
    return op.scale(1 / op.count(node, axis), op.sum_over(node, axis, flag(keepdims)))


@named
def var(x: object, axis: object = None, keepdims: bool = False, ddof: object = 0) -> Node:
    """Σ (x − mean x)² / (n − ddof) along axes, ddof 0 or 1.

    Source: NumPy.
    Stability: centred before it is squared, so that a large mean cancels nothing.
    """
    node = op.as_node(x)
    if op.whole(ddof, "ddof") not in (0, 1):
        raise DeclarationError(f"var: ddof is 0 or 1, not {ddof}")
    centred = op.subtract(node, mean(node, axis, True))
    weight = op.raised(op.count(node, axis) - op.whole(ddof, "ddof"), S.NegativeOne)
    return op.scale(weight, op.sum_over(op.power(centred, 2), axis, flag(keepdims)))


@named
def max_(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """The maximum along axes.

    Source: NumPy.
    Kink: ties share the derivative equally.
    """
    return op.extremum("max", op.as_node(x), axis, flag(keepdims))


@named
def min_(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """The minimum along axes.

    Source: NumPy.
    Kink: ties share the derivative equally.
    """
    return op.extremum("min", op.as_node(x), axis, flag(keepdims))


@named
def cumsum(x: object, axis: object = None) -> Node:
    """yᵢ = Σⱼ xⱼ [j ≤ i] along an axis, which may be left out for a vector.

    Source: NumPy.
    """
    node = op.as_node(x)
    along = one_axis(node, axis, "cumsum")
    size, labels = node.shape[along], tuple(range(node.ndim))
    if size == 1:
        return node
    inner = tuple(node.ndim if k == along else k for k in labels)
    mask = Iverson("ge", INDEX[0] - INDEX[1], (size, size))
    return op.einsum((inner, (along, node.ndim)), labels, node, mask)


@named
def prod(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """Π x along axes.

    Source: NumPy.
    Stability: the derivative multiplies the other entries, so that zeros are no matter.
    """
    return op.extremum("prod", op.as_node(x), axis, flag(keepdims))


@named
def cumprod(x: object, axis: object = None) -> Node:
    """yᵢ = Π xⱼ over j ≤ i along an axis, which may be left out for a vector.

    Source: NumPy.
    """
    node = op.as_node(x)
    along = one_axis(node, axis, "cumprod")
    size, labels = node.shape[along], tuple(range(node.ndim))
    if size == 1:
        return node
    inner = tuple(node.ndim if k == along else k for k in labels)
    sizes = {**dict(enumerate(node.shape)), node.ndim: size}
    mask = Iverson("ge", INDEX[0] - INDEX[1], (size, size))
    wide = (*labels, node.ndim)
    spread = op.einsum((inner,), wide, node, sizes=sizes)
    held = op.einsum(((along, node.ndim),), wide, mask, sizes=sizes)
    return Reduce("prod", (node.ndim,), op.apply(scalar.where(ARGS[0], ARGS[1], 1), held, spread))


@named
def argmax(x: object, axis: object = None) -> Node:
    """Where the maximum along an axis is: labels from 0; without an axis the row-major position.

    Source: NumPy.
    Kink: the first of equal ones; the derivative is 0.
    """
    return _position("max", x, axis)


@named
def argmin(x: object, axis: object = None) -> Node:
    """Where the minimum along an axis is: labels from 0; without an axis the row-major position.

    Source: NumPy.
    Kink: the first of equal ones; the derivative is 0.
    """
    return _position("min", x, axis)


def _position(which: str, x: object, axis: object) -> Node:
    node = op.as_node(x)
    axes = op.axes_of(node, None if axis is None else op.whole(axis, "axis"))
    return ArgReduce(which, axes, node) if axes else op.full(0, ())


@named
def stop_gradient(x: object) -> Node:
    """x itself, a constant to every derivative.

    Source: JAX, jax.lax.stop_gradient; PyTorch's detach.
    """
    return StopGradient(op.as_node(x))


@named
def logsumexp(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """log Σ exp x along axes.

    Source: Blanchard, Higham, Higham (2021).
    Stability: shifted by the maximum, so that it never overflows.
    """
    return op.along(LogSumExp, op.as_node(x), axis, flag(keepdims))


@named
def softmax(x: object, axis: object = -1) -> Node:
    """exp(x) / Σ exp(x) along an axis.

    Source: Goodfellow, Bengio, Courville (2016), eq. 4.1; Blanchard, Higham, Higham (2021).
    Stability: shifted by the maximum, so that it never overflows.
    """
    node = op.as_node(x)
    return Softmax(op.axes_of(node, axis), node)


@named
def log_softmax(x: object, axis: object = -1) -> Node:
    """x − logsumexp(x) along an axis.

    Source: Blanchard, Higham, Higham (2021).
    Stability: never the logarithm of a computed probability.
    """
    return op.subtract(x, logsumexp(x, axis, True))
