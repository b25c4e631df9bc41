"""Layers: affine maps, embeddings, gates, dropout."""

from symgrad.declare.vocabulary.table import FUNCTIONS, named
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import show
from symgrad.tensor.nodes import Node


@named
def linear(x: object, weight: object, bias: object = None) -> Node:
    """x Wᵀ + b with the weight as (outputs, inputs).

    Source: PyTorch's convention, torch.nn.functional.linear.
    """
    product = op.matmul(x, op.transpose(op.as_node(weight)))
    return product if bias is None else op.add(product, bias)


@named
def embedding(labels: object, table: object) -> Node:
    """The rows of a table at integer labels; repeated ones add up in the derivative.

    Source: Bengio, Ducharme, Vincent, Jauvin (2003).
    """
    node = op.as_node(table)
    if node.ndim != 2:
        raise ShapeError(f"embedding: the table is a matrix, not of shape {show(node.shape)}")
    return node[op.as_node(labels)]


@named
def glu(x: object, axis: object = -1) -> Node:
    """a sigmoid(b) with the two halves x = (a, b) along an axis.

    Source: Dauphin, Fan, Auli, Grangier (2017), eq. 1.
    """
    node = op.as_node(x)
    (along,) = op.axes_of(node, op.whole(axis, "axis"))
    half = node.shape[along] / 2
    if not half.is_integer:
        raise ShapeError(
            f"glu: an axis of size {node.shape[along]} has no two halves",
            hint='declare it as twice a dimension, "2*h"',
        )
    front = [slice(None)] * along
    values, gates = node[(*front, slice(None, half))], node[(*front, slice(half, None))]
    return op.multiply(values, FUNCTIONS["sigmoid"](gates))


@named
def dropout(x: object, mask: object, rate: object) -> Node:
    """x · mask / (1 − rate) for a mask of 0 and 1: of mean x, so that evaluation needs no factor.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov (2014).
    """
    known = op.constant_of(op.as_node(rate))
    if known is not None and (known.is_negative or (1 - known).is_positive is False):
        raise DeclarationError(f"dropout: the rate is from 0 to below 1, not {known}")
    return op.divide(op.multiply(x, mask), op.subtract(1, rate))
