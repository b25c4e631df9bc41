"""Entries of arrays at index expressions, and sums over indices, as in Σᵢ x[i + 1] W[i, i]."""

from collections.abc import Mapping, Sequence

import sympy as sp
from sympy import Basic, Expr, Poly
from sympy.matrices.expressions.matexpr import MatrixElement

from symgrad.declare.plain.reading import Bound, Index, Reader, Rule, Value, brief, first, nothing
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import Dim, as_dim, as_shape, same, show
from symgrad.tensor.nodes import INDEX, Iverson, Node


def _element(reader: Reader, expr: MatrixElement, operands: list[Value]) -> Value:
    return _entry(reader, operands[0].node, expr.args[1:])


def _entry(reader: Reader, node: Node, subscripts: Sequence[Expr]) -> Value:
    indices = reader.indices()
    for each in subscripts:
        for symbol in each.free_symbols:
            if symbol not in indices and str(symbol) not in reader.names.sizes:
                raise DeclarationError(
                    f"the index {symbol} is not bound by a sum",
                    hint="a sum is Sum(W[i, j]**2, (i, 0, n - 1), (j, 0, d - 1))",
                )
    return Value(*_entries(node, subscripts, indices))


def _indexed(reader: Reader, expr: sp.Indexed, _: list[Value]) -> Value:
    """An entry of an IndexedBase; without a shape, the ranges of its indices give it."""
    told, indices = expr.base.shape, reader.indices()
    shape = as_shape(tuple(told)) if told else None
    if shape is None and all(index in indices for index in expr.indices):
        if all(indices[index].start == 0 for index in expr.indices):
            shape = tuple(indices[index].size for index in expr.indices)
    return _entry(reader, reader.names.leaf(expr.base, shape), expr.indices)


def _sum(reader: Reader, expr: sp.Sum, _: list[Value]) -> Value:
    ranges: Bound = {}
    indices = {*reader.bound, *expr.variables}
    if len(set(expr.variables)) < len(expr.variables):
        raise DeclarationError(f"one index is summed twice: {brief(expr)}")
    for symbol, lowest, highest in expr.limits:
        if (lowest.free_symbols | highest.free_symbols) & indices:
            raise DeclarationError(f"bounds that depend on an index: {brief(expr)}")
        start = op.exact(lowest)
        ranges[symbol] = Index(start, as_dim(op.exact(highest) - start + 1))
    body = reader.inside(expr.function, ranges)
    if body.axes is None:
        raise DeclarationError(f"Sum of matrices is not supported: {brief(expr)}")
    node, free = body.node, tuple(a for a in body.axes if a not in ranges)
    summed = [k for k, axis in enumerate(body.axes) if axis in ranges]
    for symbol, each in ranges.items():
        if symbol not in body.axes and isinstance(each, Index):
            node = op.scale(each.size, node)
    return Value(op.sum_over(node, summed) if summed else node, free)


def _entries(
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
        if subscript - symbols[0] + each.start == 0 and same(each.size, size):  # all of the axis
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


INDEXED: dict[type[Basic], Rule] = {
    MatrixElement: Rule("matrix", _element, first),
    sp.Indexed: Rule("scalar", _indexed, nothing),
    sp.Sum: Rule("scalar", _sum, nothing),
}
