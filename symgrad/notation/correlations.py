"""Which products are correlations A ⋆ B or convolutions A ∗ B of the last axes of two arrays.

(A ⋆ B)ᵢ = Σᵤ Aᵢ₊ᵤ Bᵤ wherever B lies inside A, and (A ∗ B)ₕ = Σ Aᵢ Bᵤ over i + u = h wherever they
meet. A product with brackets [h = s i + u − p] is the first if h belongs to a factor, which has p
zeros around it, and every s-th entry is taken; it is the second if h belongs to the result, which
lacks p entries at each end. Other strides, dilations, groups, and what is padded on one side alone
have no such form.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sympy import Expr, S, expand, floor

from symgrad.notation.build import product, scalar_inside
from symgrad.notation.entrywise import ENTRYWISE
from symgrad.notation.formula import (
    Correlation,
    Fixed,
    Formula,
    Name,
    Spread,
    Windowed,
)
from symgrad.simplify.brackets import composed
from symgrad.simplify.terms import flatten
from symgrad.tensor.dims import as_dim, same, same_shape
from symgrad.tensor.nodes import INDEX, UNIT, Einsum, Iverson, Labels, Node

#: The axes that images and sequences have.
MOST_AXES = 2


@dataclass(frozen=True, slots=True)
class _Window:
    """[long = Σ step · label − padding], with two labels."""

    long: int
    steps: Mapping[int, Expr]
    padding: Expr


def correlation(node: Node, formulas: Mapping[Node, Formula], indexed: Formula) -> Formula:
    """The node as a correlation, if it is one; else `indexed`, its form with indices.

    It may be made of several products, as what is written with slices and sums is.
    """
    for each in _readings(node):
        found = _correlation(each, formulas, indexed)
        if found is not None:
            return found
    return indexed


def _readings(node: Node) -> Iterator[Einsum]:
    """The node as one product with as few brackets as can be, and as it stands."""
    if not isinstance(node, Einsum):
        return
    term = flatten(node)
    if not any(isinstance(factor, Iverson) and factor.ndim == 3 for factor, _ in term.factors):
        return
    while (fewer := composed(term)) is not None:
        term = fewer
    if term.coefficient == 1:
        inputs = tuple(labels for _, labels in term.factors)
        yield Einsum(inputs, term.output, node.shape, *(factor for factor, _ in term.factors))
    yield node


def _correlation(
    node: Einsum, formulas: Mapping[Node, Formula], indexed: Formula
) -> Formula | None:
    windows: list[_Window] = []
    arrays: dict[Labels, list[Formula]] = {}
    for factor, labels in zip(node.factors, node.inputs, strict=True):
        if not isinstance(factor, Iverson):
            if factor not in formulas:
                return None
            arrays.setdefault(labels, []).append(formulas[factor])
            continue
        window = _window(factor, labels)
        if window is None:
            return None
        windows.append(window)
    moving = {k for w in windows for k in (w.long, *w.steps)}
    both = [labels for labels in arrays if moving & set(labels)]
    if not windows or len(both) != 2:
        return None
    if set(both[1]) & (set(node.output[:1]) - moving):
        both = both[::-1]  # what the first index of the result counts stands first
    return _matched(node, windows, both, arrays, indexed)


def _window(bracket: Iverson, labels: Labels) -> _Window | None:
    """The window that a bracket is."""
    if bracket.op != "eq" or bracket.operands or UNIT in labels or len(set(labels)) != 3:
        return None
    condition = expand(bracket.condition)
    row = [condition.coeff(INDEX[a]) for a in range(len(labels))]
    for long, c in enumerate(row):
        steps = {labels[a]: -each * c for a, each in enumerate(row) if a != long}
        if c in (1, -1) and all(step.is_positive for step in steps.values()):
            padding = c * condition.xreplace(dict.fromkeys(INDEX[:3], S.Zero))
            return _Window(labels[long], steps, expand(padding))
    return None


def _matched(
    node: Einsum,
    windows: Sequence[_Window],
    both: Sequence[Labels],
    arrays: dict[Labels, list[Formula]],
    indexed: Formula,
) -> Formula | None:
    """The correlation of two arrays, where each window is one of their last axes, in order."""
    triples = _axes(windows, both, node.output)
    if triples is None:
        return None
    rank = len(triples)
    moving = [k for triple in triples for k in dict.fromkeys(triple) if k != UNIT]
    lead = [labels[: len(labels) - rank] for labels in (*both, node.output)]
    rest = [labels for labels in arrays if labels not in both]
    still = {k for labels in (*lead, *rest) for k in labels}
    if len(set(moving)) < len(moving) or still & set(moving):
        return None
    long = _long(triples, windows)
    if long is None:
        return None
    rows = [_row(triple, windows, long, {UNIT: S.One, **node.sizes}) for triple in triples]
    padding = rows[0].padding if rows[0] is not None else S.Zero
    if not all(row and same(row.padding, padding) for row in rows):
        return None
    if not (padding == 0 or padding.is_positive):
        return None
    stride = tuple(row.stride for row in rows if row is not None)
    order = (1, 0) if long == 1 else (0, 1)  # the long one stands first
    first, second, output = _with_units(lead[order[0]], lead[order[1]], lead[2])
    left, right = (product(f[0].shape, S.One, f) for f in (arrays[both[k]] for k in order))
    others = tuple(product(arrays[k][0].shape, S.One, arrays[k]) for k in rest)
    if any(UNIT in labels for labels in rest):
        return None
    return Correlation(
        node.shape, "∗" if long == 2 else "⋆", stride, padding, output, (first, second, *rest),
        left, right, others, indexed,
    )  # fmt: skip


def _axes(
    windows: Sequence[_Window], both: Sequence[Labels], output: Labels
) -> list[Labels] | None:
    """The labels of both arrays and of the result along each of the last axes."""
    waiting, triples = list(windows), list[Labels]()
    while waiting:
        at = len(triples) + 1
        if at > min(MOST_AXES, len(output), *map(len, both)):
            return None
        triple = (both[0][-at], both[1][-at], output[-at])
        fits = [w for w in waiting if {w.long, *w.steps} == set(triple)]
        if fits:
            waiting.remove(fits[0])
        elif triple.count(UNIT) == 1 and len(set(triple)) == 2:
            pass  # each window is one position
        else:
            return None
        triples.append(triple)
    return triples[::-1]


def _long(triples: Sequence[Labels], windows: Sequence[_Window]) -> int | None:
    """Which of the two arrays or the result, 2, has the positions h in all axes."""
    longs = {w.long for w in windows}
    candidates = [
        n for n in range(3) if all(t[n] in longs or (t[n] != UNIT and UNIT in t) for t in triples)
    ]
    return candidates[0] if candidates else None


class _Row(NamedTuple):
    """One axis of a correlation."""

    stride: Expr
    padding: Expr


def _row(
    triple: Labels, windows: Sequence[_Window], long: int, sizes: Mapping[int, Expr]
) -> _Row | None:
    """The stride and the padding of an axis, which is the same at both ends."""
    window = next((w for w in windows if w.long == triple[long]), None)
    if window is None:  # each window is one position
        return _Row(S.One, S.Zero)
    stride = window.steps.get(triple[2], S.One)
    if not stride.is_Integer or any(k != triple[2] and c != 1 for k, c in window.steps.items()):
        return None
    positions = sizes[triple[long]] + 2 * window.padding
    first, second = (sizes[k] for k in window.steps)
    if stride == 1:
        fits = same(positions, expand(first + second - 1))
    else:
        room = expand(positions - sum(sizes[k] for k in window.steps if k != triple[2]))
        fits = not room.is_negative and same(sizes[triple[2]], as_dim(floor(room / stride) + 1))
    return _Row(stride, window.padding) if fits else None


#: Of which two of first, second and result axes of size 1 are one index, and whether at one place.
_TWOS = ((0, 2, True), (0, 1, True), (1, 2, False), (0, 2, False), (0, 1, False))


def _with_units(*lead: Labels) -> tuple[Labels, ...]:
    """Labels for axes of size 1, in twos where they can be: an index of a sum, or of the result."""
    rows = [list(labels) for labels in lead]
    fresh = iter(range(-2, -2 - sum(map(len, rows)), -1))
    for one, other, aligned in _TWOS * max(map(len, rows)):
        units = ([k for k, label in enumerate(rows[n]) if label == UNIT] for n in (one, other))
        pairs = [(a, b) for a, b in itertools.product(*units) if a == b or not aligned]
        if pairs:
            a, b = pairs[0]
            rows[one][a] = rows[other][b] = next(fresh)
    return tuple(tuple(next(fresh) if k == UNIT else k for k in row) for row in rows)


def axes_kept(formula: Formula) -> int:
    """How many last axes stay whole where a formula is told by its entries; 0 for none."""
    waiting, seen = [formula], set[Formula]()
    while waiting:
        each = waiting.pop()
        if each in seen or not each.ndim:
            continue
        seen.add(each)
        if isinstance(each, Correlation):
            return each.rank if stays_whole(formula, each.rank) else 0
        if type(each) in ENTRYWISE:
            waiting += each.parts
    return 0


def stays_whole(formula: Formula, rank: int) -> bool:
    """Whether indices for all but that many axes tell what a formula is."""
    waiting, seen = [formula], set[Formula]()
    while waiting:
        each = waiting.pop()
        inner = scalar_inside(each)
        if each in seen or not inner.ndim:
            continue
        seen.add(each)
        match each:
            case Correlation(left=left, right=right):
                if each.rank != rank:
                    return False
                waiting += [left, right]
            case Spread(operand=operand):
                if not _spreads_whole(each, rank):
                    return False
                if operand.ndim >= rank and each.axes[-1] >= each.ndim - rank:
                    waiting.append(operand)
            case Name() | Fixed():
                pass
            case Windowed() if "max" in each.name:
                pass
            case _ if type(each) in ENTRYWISE:
                waiting += each.parts
            case _ if each.ndim != rank:
                return False
    return True


def _spreads_whole(formula: Spread, rank: int) -> bool:
    """Whether a broadcast has all of the last axes as they are, or none of them."""
    lead = formula.ndim - rank
    last = [axis for axis in formula.axes if axis >= lead]
    kept = tuple(formula.shape[axis] for axis in formula.axes)
    return same_shape(kept, formula.operand.shape) and len(last) in (0, rank)


__all__ = ["axes_kept", "correlation", "stays_whole"]
