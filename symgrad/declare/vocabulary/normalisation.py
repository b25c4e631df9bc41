"""Normalisation: layers that give what they normalise mean 0 and variance 1, or size 1."""

from sympy import Rational, S

from symgrad.declare.vocabulary.reductions import mean
from symgrad.declare.vocabulary.table import named
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import as_dim, same, show
from symgrad.tensor.nodes import Node
from symgrad.tensor.scalar import ARGS

_EPS = Rational(1, 10**5)


@named
def layer_norm(x: object, scale: object = None, shift: object = None, eps: object = _EPS) -> Node:
    """scale ⊙ (x − μ) / √(σ² + eps) + shift, with the mean and variance along the last axis.

    Source: Ba, Kiros, Hinton (2016), eq. 4.
    Stability: the variance is that of the centred x, so that a large mean cancels nothing.
    """
    node = _at_least("layer_norm", x, 1)
    return _affine("layer_norm", _normalised(node, -1, eps), scale, shift, -1)


@named
def rms_norm(x: object, scale: object = None, eps: object = Rational(1, 10**6)) -> Node:
    """scale ⊙ x / √(mean x² + eps) along the last axis; eps is that of T5 and LLaMA.

    Source: Zhang, Sennrich (2019), eq. 4.
    """
    node = _at_least("rms_norm", x, 1)
    size = mean(op.power(node, 2), -1, True)
    return _affine("rms_norm", op.multiply(node, _inverse_root(size, eps)), scale, None, -1)


@named
def batch_norm(
    x: object,
    scale: object = None,
    shift: object = None,
    training: bool = True,
    mean: object = None,
    var: object = None,
    eps: object = _EPS,
) -> Node:
    """scale ⊙ (x − μ) / √(σ² + eps) + shift for each channel of x (N, C, ...).

    In training the mean and variance are those of the batch (the variance divided by n); in
    evaluation they are given.

    Source: Ioffe, Szegedy (2015), algorithms 1 and 2.
    Stability: the variance is that of the centred x, so that a large mean cancels nothing.
    """
    node = _at_least("batch_norm", x, 2)
    if not isinstance(training, bool):
        raise DeclarationError(f"batch_norm: training is True or False, not {training!r}")
    if training and (mean is not None or var is not None):
        raise DeclarationError(
            "batch_norm: in training the mean and variance are those of the batch",
            hint="leave mean= and var= out, or say training=False",
        )
    if training:
        others = [k for k in range(node.ndim) if k != 1]
        return _affine("batch_norm", _normalised(node, others, eps), scale, shift, 1)
    if mean is None or var is None:
        raise DeclarationError(
            "batch_norm: evaluation takes the running mean and variance",
            hint="give mean= and var=, or say training=True",
        )
    centre, spread = (
        _along(node, "batch_norm", what, value, 1) for what, value in (("mean", mean), ("var", var))
    )
    normalised = op.multiply(op.subtract(node, centre), _inverse_root(spread, eps))
    return _affine("batch_norm", normalised, scale, shift, 1)


@named
def group_norm(
    x: object, groups: object, scale: object = None, shift: object = None, eps: object = _EPS
) -> Node:
    """scale ⊙ (x − μ) / √(σ² + eps) + shift of each group of channels of x (N, C, ...).

    The channels fall into groups of equal size, one after the other.

    Source: Wu, He (2018), eq. 1 to 7.
    Stability: the variance is that of the centred x, so that a large mean cancels nothing.
    """
    node, count = _at_least("group_norm", x, 2), as_dim(op.number(groups))
    batch, channels, *places = node.shape
    size = channels / count
    if not size.is_integer:
        raise ShapeError(
            f"group_norm: {channels} channels are not {count} groups of equal size",
            hint=f'declare them as a multiple, "{count}*c"',
        )
    split = op.reshape(node, (batch, count, as_dim(size), *places))
    inner = _normalised(split, list(range(2, split.ndim)), eps)
    return _affine("group_norm", op.reshape(inner, node.shape), scale, shift, 1)


@named
def instance_norm(
    x: object, scale: object = None, shift: object = None, eps: object = _EPS
) -> Node:
    """scale ⊙ (x − μ) / √(σ² + eps) + shift of each channel of each example of x (N, C, ...).

    Source: Ulyanov, Vedaldi, Lempitsky (2016), eq. 3.
    Stability: the variance is that of the centred x, so that a large mean cancels nothing.
    """
    node = _at_least("instance_norm", x, 3)
    inner = _normalised(node, list(range(2, node.ndim)), eps)
    return _affine("instance_norm", inner, scale, shift, 1)


@named
def weight_norm(v: object, g: object, axis: object = 0) -> Node:
    """g v / ‖v‖: for each entry along the axis of the outputs, or as a whole for a number g.

    Source: Salimans, Kingma (2016), eq. 2.
    Kink: where v is 0 the result and its gradients are 0.
    """
    node, size = op.as_node(v), op.as_node(g)
    axes = tuple(range(node.ndim))
    if size.ndim:
        (kept,) = op.axes_of(node, op.whole(axis, "axis"))
        size = _along(node, "weight_norm", "g", size, kept)
        axes = tuple(k for k in axes if k != kept)
    squares = op.sum_over(op.power(node, 2), axes, True)
    return op.multiply(op.multiply(size, node), op.apply(scalar.root(ARGS[0], -S.Half), squares))


def _at_least(what: str, x: object, rank: int) -> Node:
    node = op.as_node(x)
    if node.ndim < rank:
        axes = ("", "with an axis", "of shape (N, C, ...)", "of shape (N, C, L, ...)")[rank]
        raise ShapeError(f"{what}: of an array {axes}, not of {show(node.shape)}")
    return node


def _normalised(node: Node, axes: object, eps: object) -> Node:
    """(x − μ) / √(σ² + eps) with the mean and variance along axes."""
    centred = op.subtract(node, mean(node, axes, True))
    return op.multiply(centred, _inverse_root(mean(op.power(centred, 2), axes, True), eps))


def _inverse_root(spread: Node, eps: object) -> Node:
    known = op.constant_of(op.as_node(eps))
    if known is not None and known.is_negative:
        raise DeclarationError(f"eps is not negative, as {known} is")
    return op.power(op.add(spread, eps), -S.Half)


def _affine(what: str, node: Node, scale: object, shift: object, axis: int) -> Node:
    """scale ⊙ x + shift with one number of each for every entry along an axis."""
    if scale is not None:
        node = op.multiply(node, _along(node, what, "scale", scale, axis))
    if shift is not None:
        node = op.add(node, _along(node, what, "shift", shift, axis))
    return node


def _along(node: Node, what: str, name: str, value: object, axis: int) -> Node:
    """A vector as long as an axis of the node, laid along it; a number as it is."""
    vector = op.as_node(value)
    size = node.shape[axis]
    if not vector.ndim:
        return vector
    if vector.ndim != 1 or not same(vector.shape[0], size):
        raise ShapeError(f"{what}: the {name} is of shape ({size},), not {show(vector.shape)}")
    behind = node.ndim - 1 - axis % node.ndim
    return vector[(slice(None), *[None] * behind)]
