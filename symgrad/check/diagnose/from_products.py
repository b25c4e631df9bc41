"""Products over labels as terms: what NumPy and people write for them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from sympy import Expr, Integer

from symgrad.check.claims.terms import Slice, Term, number
from symgrad.check.diagnose.many import chain, times, transposed
from symgrad.tensor.dims import ONE
from symgrad.tensor.nodes import UNIT, Einsum, Labels, Leaf


class Wanted(NamedTuple):
    """The labels that a product is to have, in order, and the sizes of all."""

    output: Labels
    sizes: Mapping[int, Expr]


def product_of(node: Einsum, parts: list[Term]) -> Term | None:
    one = number(Integer(1))
    numbers = [
        p for p, factor in zip(parts, node.factors, strict=True) if not factor.ndim and p is not one
    ]
    arrays = [
        (p, labels)
        for p, factor, labels in zip(parts, node.factors, node.inputs, strict=True)
        if factor.ndim
    ]
    inner = _arrays(Wanted(node.output, node.sizes), arrays)
    if inner is None:
        return None
    if inner is one and numbers:
        return times(*numbers)
    return times(*numbers, inner) if numbers else inner


def _arrays(of: Wanted, arrays: list[tuple[Term, Labels]]) -> Term | None:
    kept = [k for k in of.output if k != UNIT]
    summed = {k for _, own in arrays for k in own if k != UNIT} - set(kept)
    if not arrays:
        return number(Integer(1))
    if not summed:
        return _entries(of, arrays)
    bare = _without_ones(of, arrays)
    if len(bare) < len(arrays):
        left = tuple(k for k in of.output if any(k in own for _, own in bare))
        found = _arrays(Wanted(left, of.sizes), bare)
        return None if found is None else _aligned(found, left, of.output)
    if len(arrays) == 1:
        return _summed(of, *arrays[0])
    linked = all(sum(k in own for _, own in arrays) == 2 for k in summed)
    simple = all(len(own) == len(set(own)) <= 2 and UNIT not in own for _, own in arrays)
    if linked and simple and UNIT not in of.output:
        found = _chained(of, arrays, summed)
        if found is not None:
            return found
    alone = [k for k in sorted(summed) if sum(k in own for _, own in arrays) == 1]
    if alone and len(alone) < len(summed):
        found = _summed_last(of, arrays, alone)
        if found is not None:
            return found
    return _multiplied_and_summed(of, arrays, summed)


def _without_ones(of: Wanted, arrays: list[tuple[Term, Labels]]) -> list[tuple[Term, Labels]]:
    """Factors without ones that only sum the others, or repeat them along an axis."""
    one = number(Integer(1))
    rest = [(part, own) for part, own in arrays if part is not one]
    known = {k for _, own in rest for k in own} | {*of.output} - {UNIT}
    ones = {k for part, own in arrays if part is one for k in own}
    return rest if rest and ones <= known else arrays


def _summed_last(of: Wanted, arrays: list[tuple[Term, Labels]], alone: list[int]) -> Term | None:
    """Labels that one factor has are summed over when the others are multiplied."""
    bare = tuple(k for k in of.output if k != UNIT)
    output = (*bare, *alone)
    shape = tuple(of.sizes[k] for k in output)
    inputs = [own for _, own in arrays]
    stand_ins = [
        Leaf(f"factor{n}", tuple(ONE if k == UNIT else of.sizes[k] for k in own))
        for n, own in enumerate(inputs)
    ]
    whole = Einsum(inputs, output, shape, *stand_ins)
    if len(whole.factors) != len(arrays):
        return None
    parts = [(part, own) for (part, _), own in zip(arrays, whole.inputs, strict=True)]
    inner = _arrays(Wanted(output, of.sizes), parts)
    if inner is None:
        return None
    axes = list(range(len(bare), len(output)))
    summed = Term("sum", inner, axis=_axis(axes, output), keepdims=False)
    return _aligned(summed, bare, of.output) if bare != of.output else summed


def _entries(of: Wanted, arrays: list[tuple[Term, Labels]]) -> Term | None:
    """A product entry by entry, or an outer product of two vectors."""
    if len(arrays) == 2 and all(len(own) == 1 and UNIT not in own for _, own in arrays):
        if of.output == (arrays[0][1][0], arrays[1][1][0]) and len(set(of.output)) == 2:
            return Term("outer", arrays[0][0], arrays[1][0])
        if of.output == (arrays[1][1][0], arrays[0][1][0]) and len(set(of.output)) == 2:
            return Term("outer", arrays[1][0], arrays[0][0])
    if len(arrays) == 2 and len(of.output) == 2 and UNIT not in of.output:
        found = [_lines(part, own) for part, own in arrays]
        labels = [each[0] for each in found if each is not None]
        if len(labels) == 2 and sorted(labels) == sorted(of.output) and labels[0] != labels[1]:
            columns = {each[0]: each[1] for each in found if each is not None}
            row = columns[of.output[1]]
            return chain(columns[of.output[0]], transposed(row))
    if len(arrays) == 2 and len(of.output) == 2 and UNIT not in of.output:
        for (eye, own), (part, line) in (arrays, arrays[::-1]):
            if eye.op == "eye" and set(own) == {*of.output} and len(line) == 1:
                return Term("diag", part)
    counts = Counter(arrays)
    items = [_aligned(part, own, of.output) for part, own in counts]
    if any(each is None for each in items):
        return None
    return times(
        *(
            each if count == 1 else Term("pow", each, number(Integer(count)))
            for each, count in zip(items, counts.values(), strict=True)
            if each is not None
        )
    )


def _lines(part: Term, own: Labels) -> tuple[int, Term] | None:
    """The label of a matrix of one column or row, and it as a column."""
    if len(own) != 2 or sum(k == UNIT for k in own) != 1:
        return None
    return (own[0], part) if own[1] == UNIT else (own[1], transposed(part))


def _aligned(part: Term, own: Labels, output: Labels) -> Term | None:
    """An array with axes that NumPy broadcasts to the output's."""
    if own == output:
        return part
    bare = [k for k in own if k != UNIT]
    if len(set(bare)) < len(bare):
        return Term("diag", part) if len(own) == 2 and output == (own[0],) else None
    order = [k for k in output if k in bare]
    if bare != order:
        if (len(own) == 2 and UNIT not in own) or (len(own) == 2 and len(bare) == 1):
            part, own = transposed(part), own[::-1]
        else:
            return None
    if own == output[len(output) - len(own) :]:
        return part
    if UNIT in own:
        if len(own) == len(output) and all(
            a in (UNIT, b) for a, b in zip(own, output, strict=True)
        ):
            return part
        part = Term("index", part, tuple(Integer(0) if k == UNIT else Slice() for k in own))
        own = tuple(k for k in own if k != UNIT)
    key = tuple(Slice() if k in own else None for k in output)
    while key and key[0] is None:
        key = key[1:]
    return part if all(isinstance(k, Slice) for k in key) else Term("index", part, key)


def _summed(of: Wanted, part: Term, own: Labels) -> Term | None:
    """A sum along axes of one array."""
    if len({*own} - {UNIT}) < sum(k != UNIT for k in own):
        return Term("trace", part) if len(own) == 2 and not of.output else None
    axes = [axis for axis, k in enumerate(own) if k != UNIT and k not in of.output]
    kept = [k for k in own if k in of.output and k != UNIT]
    if [k for k in of.output if k != UNIT] != kept:
        return None
    wide = tuple(UNIT if n in axes else k for n, k in enumerate(own))
    if of.output == wide:
        return Term("sum", part, axis=_axis(axes, own), keepdims=True)
    if not of.output:
        return Term("sum", part, axis=None, keepdims=False)
    rest = tuple(k for n, k in enumerate(own) if n not in axes)
    if of.output != rest and UNIT in own:  # single axes go with those that are summed
        axes = [axis for axis, k in enumerate(own) if k == UNIT or k not in of.output]
        rest = tuple(k for n, k in enumerate(own) if n not in axes)
    summed = Term("sum", part, axis=_axis(axes, own), keepdims=False)
    return summed if of.output == rest else _aligned(summed, rest, of.output)


def _axis(axes: list[int], own: Labels) -> Any:
    if len(axes) == len(own):
        return None
    return Integer(axes[0]) if len(axes) == 1 else tuple(map(Integer, axes))


def _chained(of: Wanted, arrays: list[tuple[Term, Labels]], summed: set[int]) -> Term | None:
    """A product of matrices and vectors, from the output's first label on."""
    left = list(arrays)
    vector = [each for each in left if len(each[1]) == 1]
    if of.output:
        start: int | None = of.output[0]
    else:
        start = None
    items: list[Term] = []
    current = start
    if start is None:
        if not vector:
            return None
        first = vector[0]
        left.remove(first)
        items.append(first[0])
        current = first[1][0]
    while left:
        found = next((each for each in left if current in each[1]), None)
        if found is None:
            return None
        left.remove(found)
        part, own = found
        if len(own) == 1:
            items.append(part)
            current = None
            if left:
                return None
            break
        items.append(part if own[0] == current else transposed(part))
        current = own[1] if own[0] == current else own[0]
        if left and current not in summed:
            return None
    wanted = of.output[1] if len(of.output) > 1 else None
    if len(of.output) > 2 or (len(of.output) == 2 and current != wanted):
        return None
    if len(of.output) == 1 and current not in (None, of.output[0]):
        return None
    return chain(*items)


def _multiplied_and_summed(
    of: Wanted, arrays: list[tuple[Term, Labels]], summed: set[int]
) -> Term | None:
    """A product entry by entry along all labels, then summed."""
    order = [k for k in of.output if k != UNIT]
    wide = (*order, *sorted(summed))
    items = [_aligned(part, own, wide) for part, own in arrays]
    if any(each is None for each in items):
        return None
    axes: Any = tuple(Integer(n) for n, k in enumerate(wide) if k in summed)
    axes = axes[0] if len(axes) == 1 else axes
    whole = times(*(each for each in items if each is not None))
    result = Term("sum", whole, axis=axes, keepdims=False)
    return _aligned(result, tuple(order), of.output)
