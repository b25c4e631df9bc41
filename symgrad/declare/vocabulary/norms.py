"""Norms: of vectors, of matrices, along axes."""

from collections.abc import Callable
from numbers import Real

from sympy import Expr, S, oo

from symgrad.declare.vocabulary.arguments import flag
from symgrad.declare.vocabulary.table import FUNCTIONS, named
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import show
from symgrad.tensor.nodes import Node
from symgrad.tensor.primitives import MatrixFunction
from symgrad.tensor.scalar import ARGS


@named
def norm(x: object, ord: object = None, axis: object = None, keepdims: bool = False) -> Node:
    """(Σ |x|ᵖ)^(1/p) along an axis, or a matrix norm along two; without ord √Σ x² of all entries.

    Of vectors ord is p > 0, inf (the largest |x|) or -inf (the smallest). Of matrices it is "fro"
    (√Σ x²), 1 (the largest sum of a column of |x|), inf (of a row), 2 (the largest singular value),
    each with a minus the smallest, or "nuc" (the sum of the singular values).

    Source: NumPy, numpy.linalg.norm.
    Kink: at 0 the gradient is 0; ties of a largest |x| share the derivative equally.
    """
    node, keep = op.as_node(x), flag(keepdims)
    order = _order(ord)
    axes = op.axes_of(node, axis)
    if order is None:
        return _power_norm(node, S(2), axes, keep)
    if axis is None and node.ndim > 1 and order in range(-node.ndim, node.ndim):
        raise DeclarationError(
            f"norm: is {order} the order of a matrix norm, or an axis?",
            hint=f"write norm(x, axis={order}), or norm(x, ord={order}, axis=(0, 1))",
        )
    if len(axes) == 1 and isinstance(order, Expr):
        return _vector_norm(node, order, axes, keep)
    if len(axes) != 2:
        raise ShapeError(f"norm: ord={ord} is for one axis or two; {show(node.shape)} with "
                         f"axis={axis} has {len(axes)}", hint="say axis=")  # fmt: skip
    if order not in _OF_MATRICES:
        raise DeclarationError(
            f"norm: ord={ord} is no norm of matrices",
            hint='known are 1, 2, inf, the same with a minus, "fro" and "nuc"',
        )
    rows, columns = axes if axis is None else _as_listed(node, axis)
    result = _OF_MATRICES[order](node, rows, columns)
    return op.keep(result, node.shape, axes) if keep else result


def _order(given: object) -> Expr | str | None:
    value = op.number(given)
    if value is None or (isinstance(value, str) and value in ("fro", "nuc")):
        return value
    if isinstance(value, Node | str):
        raise DeclarationError(f'norm: ord is a number, inf, "fro" or "nuc", not {value!r}')
    if isinstance(value, Real | Expr) and abs(value) == oo:  # type: ignore[arg-type]
        return oo if value > 0 else -oo  # type: ignore[operator]
    return op.exact(value)


def _as_listed(node: Node, axis: object) -> tuple[int, int]:
    """The axes of the rows and of the columns, in the order in which they are given."""
    assert isinstance(axis, tuple | list)
    first, second = (op.axes_of(node, each)[0] for each in axis)
    return first, second


def _vector_norm(node: Node, order: Expr, axes: tuple[int, ...], keep: bool) -> Node:
    if order in (oo, -oo):
        return op.extremum("max" if order > 0 else "min", _abs(node), axes, keep)
    if not (order.is_number and order.is_positive):
        raise DeclarationError(
            f"norm: the order of a norm of vectors is positive, not {order}",
            hint="an axis is given as axis=; sum(x != 0) counts the entries that are not 0",
        )
    return _power_norm(node, order, axes, keep)


def _power_norm(node: Node, p: Expr, axes: tuple[int, ...], keep: bool) -> Node:
    """(Σ |x|ᵖ)^(1/p)."""
    if p.is_integer:
        powers = op.power(node if p.is_even else _abs(node), p)
    else:
        powers = op.apply(scalar.root(ARGS[0], p), _abs(node))
    total = op.sum_over(powers, axes, keep)
    if (1 / p).is_integer:
        return op.power(total, 1 / p)
    return op.apply(scalar.root(ARGS[0], 1 / p), total)


def _sums(which: str, along_rows: bool) -> Callable[[Node, int, int], Node]:
    """The largest or smallest of the sums of |x| along the rows, or along the columns."""

    def function(node: Node, rows: int, columns: int) -> Node:
        summed, left = (rows, columns) if along_rows else (columns, rows)
        return op.extremum(which, op.sum_over(_abs(node), summed), left - (left > summed))

    return function


def _singular(combine: Callable[[Node], Node]) -> Callable[[Node, int, int], Node]:
    """What is made of the singular values."""

    def function(node: Node, rows: int, columns: int) -> Node:
        others = [k for k in range(node.ndim) if k not in (rows, columns)]
        matrices = op.transpose(node, (*others, rows, columns))
        return combine(MatrixFunction("svd_s", matrices))

    return function


def _abs(node: Node) -> Node:
    return FUNCTIONS["abs"](node)  # type: ignore[no-any-return]


_OF_MATRICES: dict[Expr | str, Callable[[Node, int, int], Node]] = {
    "fro": lambda node, rows, columns: _power_norm(node, S(2), (rows, columns), False),
    "nuc": _singular(lambda s: op.sum_over(s, -1)),
    S(1): _sums("max", True),
    S(-1): _sums("min", True),
    oo: _sums("max", False),
    -oo: _sums("min", False),
    S(2): _singular(lambda s: op.extremum("max", s, -1)),
    S(-2): _singular(lambda s: op.extremum("min", s, -1)),
}
