"""What slices and indices ask of sizes, where the names of dimensions alone cannot tell."""

from collections.abc import Iterable, Mapping

from sympy import Expr, Integer, S, expand

from symgrad.errors import ShapeError
from symgrad.tensor.dims import Dim
from symgrad.tensor.nodes import INDEX, Einsum, Iverson, Node, topological


def undecided(roots: Iterable[Node]) -> dict[Expr, str]:
    """Expressions in dimensions that may not be negative -> the condition as people write it.

    An entry x[k] of an axis of size n is Σⱼ xⱼ [j = k]: out of range, the sum would be empty, and
    zero in silence. Likewise the last entry of a slice.
    """
    return {
        gap: text
        for node in topological(*roots)
        if isinstance(node, Einsum)
        for bracket in node.factors
        if isinstance(bracket, Iverson) and bracket.op == "eq" and not bracket.operands
        for gap, text in _conditions(bracket)
        if not gap.is_nonnegative
    }


def extremes(value: Expr, sizes: Mapping[Expr, Dim]) -> tuple[Expr, Expr]:
    """The least and the greatest value of an affine expression in indices from 0 to size − 1.

    NaN where the sign of a coefficient depends on sizes.
    """
    low = high = value
    for index, size in sizes.items():
        coefficient = value.coeff(index)
        if coefficient == 0:
            continue
        ends = (S.Zero, size - 1)
        if coefficient.is_nonpositive:
            ends = ends[::-1]
        elif not coefficient.is_nonnegative:
            return S.NaN, S.NaN
        low, high = low.xreplace({index: ends[0]}), high.xreplace({index: ends[1]})
    return expand(low), expand(high)


def _conditions(bracket: Iverson) -> list[tuple[Expr, str]]:
    """The gaps before the first and behind the last position j that [j = start + step·i] picks."""
    condition = expand(bracket.condition)
    condition *= condition.coeff(INDEX[0])  # 1 or -1
    if len(bracket.shape) > 2 or condition.coeff(INDEX[0]) != 1:
        return []  # a window may reach over the edge
    size, *length = bracket.shape
    first = -condition.xreplace(dict.fromkeys(INDEX[:2], Integer(0)))
    lows: tuple[Expr, ...] = (first,)
    highs: tuple[Expr, ...] = (first,)
    if length:
        step = -condition.coeff(INDEX[1])
        last = expand(first + step * (length[0] - 1))
        ends = (first, last)  # both, where sizes decide which of them is the greater
        lows = ends[:1] if step.is_nonnegative else ends[1:] if step.is_nonpositive else ends
        highs = ends[1:] if step.is_nonnegative else ends[:1] if step.is_nonpositive else ends
    return [
        *((low, f"{low} >= 0") for low in lows),
        *((expand(size - 1 - high), f"{high} < {size}") for high in highs),
    ]


def require_bounds(conditions: Mapping[Expr, str], sizes: Mapping[str, int]) -> None:
    """Raise ShapeError unless the sizes satisfy the conditions of `undecided`."""
    for gap, text in conditions.items():
        names = sorted(s.name for s in gap.free_symbols)
        if not all(name in sizes for name in names):
            continue
        if gap.xreplace({s: Integer(sizes[s.name]) for s in gap.free_symbols}).is_negative:
            raise ShapeError(
                f"an index or slice is out of range: {text} does not hold for "
                + ", ".join(f"{name} = {sizes[name]}" for name in names)
            )
