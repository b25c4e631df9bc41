"""Losses: of rows where they are per example, of all entries where they are a mean."""

from sympy import Abs

from symgrad.declare.vocabulary.arguments import paired
from symgrad.declare.vocabulary.reductions import log_softmax, mean
from symgrad.declare.vocabulary.shapes import onehot
from symgrad.declare.vocabulary.table import FUNCTIONS, named
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import same, same_shape, show
from symgrad.tensor.labels import classes_of
from symgrad.tensor.nodes import Node
from symgrad.tensor.scalar import ARGS

_X, _Y = ARGS[:2]


@named
def cross_entropy(logits: object, targets: object) -> Node:
    """−Σₖ yₖ log softmax(z)ₖ of each row, for one-hot or soft targets, or integer labels.

    Source: Bishop (2006), eq. 4.108.
    Stability: built on log_softmax, never on the logarithm of a computed probability.
    """
    z, y = _classified("cross_entropy", logits, targets)
    return op.scale(-1, op.sum_over(op.multiply(y, log_softmax(z)), -1))


@named
def nll_loss(log_probabilities: object, targets: object) -> Node:
    """−Σₖ yₖ log pₖ of each row, given log p.

    Source: PyTorch, torch.nn.functional.nll_loss.
    """
    p, y = _classified("nll_loss", log_probabilities, targets)
    return op.scale(-1, op.sum_over(op.multiply(y, p), -1))


@named
def binary_cross_entropy(probabilities: object, targets: object) -> Node:
    """−(y log p + (1 − y) log(1 − p)), entry by entry.

    Source: Bishop (2006), eq. 4.90.
    Stability: where p is written as a sigmoid, the form on logits is used.
    """
    p, y = paired("binary_cross_entropy", probabilities, targets)
    log = FUNCTIONS["log"]
    parts = op.add(op.multiply(y, log(p)), op.multiply(op.subtract(1, y), log(op.subtract(1, p))))
    return op.scale(-1, parts)


@named
def binary_cross_entropy_with_logits(logits: object, targets: object) -> Node:
    """softplus(z) − y z, entry by entry: the above at p = sigmoid(z).

    Source: Goodfellow, Bengio, Courville (2016), section 6.2.2.2.
    Stability: no overflow for any z, and no logarithm of 0.
    """
    z, y = paired("binary_cross_entropy_with_logits", logits, targets)
    return op.subtract(FUNCTIONS["softplus"](z), op.multiply(y, z))


@named
def mse_loss(prediction: object, target: object) -> Node:
    """The mean of (a − y)² over all entries.

    Source: Goodfellow, Bengio, Courville (2016), section 5.1.4.
    """
    return mean(op.power(op.subtract(*paired("mse_loss", prediction, target)), 2))


@named
def huber_loss(prediction: object, target: object, delta: object = 1) -> Node:
    """r²/2 for |r| ≤ δ, else δ(|r| − δ/2), entry by entry.

    Source: Huber (1964).
    """
    bound = op.constant_of(op.as_node(delta))
    if bound is not None and bound.is_positive is False:
        raise DeclarationError(f"huber_loss: delta is positive, not {bound}")
    r = op.subtract(*paired("huber_loss", prediction, target))
    size = Abs(_X)
    return op.apply(scalar.where(scalar.le(size, _Y), _X**2 / 2, _Y * (size - _Y / 2)), r, delta)


@named
def hinge_loss(scores: object, signs: object) -> Node:
    """max(0, 1 − y s), entry by entry, for y = ±1.

    Source: Bishop (2006), eq. 7.44.
    Kink: where y s = 1 the derivative is 0.
    """
    s, y = paired("hinge_loss", scores, signs)
    return FUNCTIONS["relu"](op.subtract(1, op.multiply(y, s)))


@named
def kl_div(p: object, q: object) -> Node:
    """p (log p − log q), entry by entry.

    Source: Kullback, Leibler (1951).
    """
    left, right = paired("kl_div", p, q)
    log = FUNCTIONS["log"]
    return op.multiply(left, op.subtract(log(left), log(right)))


def _classified(what: str, scores: object, targets: object) -> tuple[Node, Node]:
    """Scores (..., classes) and targets of their shape, made of labels where they are."""
    z, y = op.as_node(scores), op.as_node(targets)
    classes = classes_of(y)
    if classes is not None and z.ndim and not same(classes, z.shape[-1]):
        raise ShapeError(
            f"{what}: the labels are below {classes}, but the last axis has size {z.shape[-1]}",
            hint=f'declare domain="labels:{z.shape[-1]}"',
        )
    if classes is not None and z.ndim:
        y = onehot(y, z.shape[-1])
    if not z.ndim or not same_shape(z.shape, y.shape):
        raise ShapeError(
            f"{what}: scores {show(z.shape)} and targets {show(y.shape)} do not fit",
            hint='targets are labels (declare domain="labels:<classes>") or as wide as the scores',
        )
    return z, y
