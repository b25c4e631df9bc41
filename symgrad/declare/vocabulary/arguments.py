"""The arguments of the vocabulary's functions: read, checked, and paired."""

from sympy import Expr

from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import as_shape, same, same_shape, show
from symgrad.tensor.nodes import Node


def flag(value: object, name: str = "keepdims") -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise DeclarationError(f"{name} is True or False, not {value!r}")
    return value


def sizes_of(value: object) -> tuple[Expr, ...]:
    """A shape from a dimension or a tuple of them."""
    listed = value if isinstance(value, tuple | list) else (value,)
    return as_shape(tuple(op.number(each) for each in listed))


def square(value: object, what: str) -> Node:
    """A square matrix."""
    node = op.as_node(value)
    if node.ndim != 2 or not same(node.shape[0], node.shape[1]):
        raise ShapeError(f"{what}: of a square matrix, not of {show(node.shape)}")
    return node


def one_axis(node: Node, axis: object, what: str) -> int:
    """A single axis as a non-negative number; None is that of a vector."""
    if axis is None and node.ndim != 1:
        raise DeclarationError(f"{what}: of an array with {node.ndim} axes; say along which axis=")
    return op.axes_of(node, 0 if axis is None else op.whole(axis, "axis"))[0]


def paired(what: str, prediction: object, target: object) -> tuple[Node, Node]:
    """Both as nodes of one shape, or one a scalar: (n, 1) against (n,) would give (n, n)."""
    a, b = op.as_node(prediction), op.as_node(target)
    if a.ndim and b.ndim and not same_shape(a.shape, b.shape):
        raise ShapeError(
            f"{what}: shapes {show(a.shape)} and {show(b.shape)} differ",
            hint="a loss compares arrays of one shape; index with None or reshape one of them",
        )
    return a, b
