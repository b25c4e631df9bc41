"""Entries of arrays at index expressions, as in Σᵢ x[i + 1] W[i, 2 i]."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sympy import Basic, Expr, Poly

from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import Dim, same, show
from symgrad.tensor.nodes import INDEX, Iverson, Node


@dataclass(frozen=True, slots=True)
class Index:
    """The range of an index: start, start + 1, ... `size` values."""

    start: Expr
    size: Dim


def entry(
    node: Node, subscripts: Sequence[Expr], ranges: Mapping[Basic, Index]
) -> tuple[Node, tuple[Basic, ...]]:
    """node[subscripts] for all values of the indices in them; returns these in order.

    Raises
    ------
    ShapeError          if a subscript leaves its axis, or may do so and that cannot be checked.
    DeclarationError    if a subscript is no affine function of indices.
    """
    if len(subscripts) != node.ndim:
        raise ShapeError(f"{len(subscripts)} subscripts for shape {show(node.shape)}")
    used = [[s for s in ranges if s in each.free_symbols] for each in subscripts]
    keys = tuple(
        slice(None) if symbols else each for each, symbols in zip(subscripts, used, strict=True)
    )
    node = node[keys]
    rest = [(each, symbols) for each, symbols in zip(subscripts, used, strict=True) if symbols]
    axes = tuple(dict.fromkeys(s for _, symbols in rest for s in symbols))
    number = {axis: k for k, axis in enumerate(axes)}
    sizes = {number[s]: ranges[s].size for s in axes}

    labels: list[int] = []
    places: list[Iverson] = []
    inputs: list[tuple[int, ...]] = []
    for (subscript, symbols), size in zip(rest, node.shape, strict=True):
        each = ranges[symbols[0]]
        if subscript == symbols[0] and each.start == 0 and same(each.size, size):
            labels.append(number[symbols[0]])
            continue
        fresh = len(axes) + len(labels)
        labels.append(fresh)
        sizes[fresh] = size
        places.append(_place(subscript, [(s, ranges[s]) for s in symbols], size))
        inputs.append((fresh, *(number[s] for s in symbols)))
    if not places and labels == list(range(len(axes))):
        return node, axes
    return op.einsum([labels, *inputs], range(len(axes)), node, *places, sizes=sizes), axes


def _place(subscript: Expr, indices: list[tuple[Basic, Index]], size: Dim) -> Iverson:
    """[row = subscript], which is affine in the indices; checked to stay on the axis."""
    symbols = [symbol for symbol, _ in indices]
    poly = Poly(subscript, *symbols) if subscript.is_polynomial(*symbols) else None
    if poly is None or poly.total_degree() > 1:
        raise DeclarationError(f"the subscript {subscript} is not affine in its indices")
    slopes = [poly.coeff_monomial(symbol) for symbol in symbols]
    if not all(slope.is_Integer for slope in slopes):
        raise DeclarationError(f"the subscript {subscript} has a step that is no whole number")
    first = op.exact(subscript.xreplace({symbol: each.start for symbol, each in indices}))
    if first.is_integer is False:
        raise DeclarationError(f"the subscript {subscript} is no whole number")
    least = most = first
    condition = INDEX[0] - first
    for k, (slope, (_, each)) in enumerate(zip(slopes, indices, strict=True)):
        condition -= slope * INDEX[k + 1]
        least += min(slope, 0) * (each.size - 1)
        most += max(slope, 0) * (each.size - 1)
    _require_inside(subscript, least, size - 1 - most, len(slopes) == 1 and slopes[0] > 0)
    return Iverson("eq", condition, (size, *(each.size for _, each in indices)))


def _require_inside(subscript: Expr, below: Expr, above: Expr, checked_later: bool) -> None:
    """Raise unless both gaps are at least 0; undecided ones of steps upwards are checked later."""
    for gap in (below.expand(), above.expand()):
        if gap.is_negative:
            raise ShapeError(f"the subscript {subscript} is out of range")
        if not gap.is_nonnegative and not checked_later:
            raise ShapeError(
                f"whether the subscript {subscript} is in range cannot be decided for all sizes"
            )
