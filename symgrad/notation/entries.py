"""Equations told entry by entry: what has no matrix form, (∂J/∂K)ᵢⱼ = Σₚ …, is read as books do.

There may be fewer letters than axes: the entries at them are arrays, as those of correlations are.
"""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

from symgrad.notation.build import scalar_inside
from symgrad.notation.correlations import axes_kept
from symgrad.notation.entrywise import ENTRYWISE
from symgrad.notation.formula import (
    Correlation,
    Formula,
    Indexed,
    Number,
    Outer,
    Product,
    Spread,
    Sum,
    Transpose,
    Windowed,
)
from symgrad.notation.indices import correlated, letters_beside, products, whole_entry
from symgrad.notation.limits import bounded
from symgrad.notation.marks import CALL, HADAMARD, PRODUCT, Notation, Printed
from symgrad.notation.printmath import printed

#: How deep entries are looked for inside each other; what is deeper stays a whole.
_DEPTH = 24


def sides(left: Printed, formula: Formula, notation: Notation) -> tuple[str, str]:
    """Both sides of left = formula; what has no matrix form is told entry by entry."""
    kept = axes_kept(formula)
    if not (kept or (formula.ndim and _needs_entries(formula))):
        return left.text, printed(formula, notation).text
    letters = letters_beside((), formula.ndim - kept, notation)
    right = _entry(formula, letters, letters, notation, 0)
    return _at_letters(left, letters, notation), right.text


def _at_letters(left: Printed, letters: Sequence[str], notation: Notation) -> str:
    return notation.below(notation.at(left, CALL), "".join(letters)) if letters else left.text


def _needs_entries(formula: Formula) -> bool:
    """Whether there is something among its entrywise parts that only indices tell."""
    waiting, seen = [formula], set()
    while waiting:
        each = waiting.pop()
        if each in seen or not each.ndim:
            continue
        seen.add(each)
        match each:
            case Indexed() | Correlation():
                return True
            case Spread() if each.ndim > 2 and each.operand.ndim:
                return True
            case Windowed() if "max" not in each.name:
                return True
            case _ if type(each) in ENTRYWISE:
                waiting += each.parts
    return False


def _entry(
    formula: Formula,
    letters: Sequence[str],
    scope: Sequence[str],
    notation: Notation,
    depth: int,
) -> Printed:
    """The entry at these letters, an array if they are fewer than the axes.

    `scope` are all letters that have a meaning here.
    """
    inner = scalar_inside(formula)
    if not inner.ndim:
        return printed(inner, notation)
    if not letters:
        return printed(formula, notation)
    if depth < _DEPTH:
        match formula:
            case Spread(operand=operand, axes=axes):
                own = [letters[a] for a in axes if a < len(letters)]
                return _entry(operand, own, scope, notation, depth + 1)
            case Transpose(operand=operand) if operand.ndim == formula.ndim:
                return _entry(operand, letters[::-1], scope, notation, depth + 1)
            case Outer(left=left, right=right):
                sides = [(left, letters[:1]), (right, letters[1:])]
                parts = [_entry(f, own, scope, notation, depth + 1) for f, own in sides]
                return Printed(notation.join(notation.at(p, PRODUCT) for p in parts), PRODUCT)
            case Windowed(name=name, indexed=indexed) if "max" not in name:
                return _entry(indexed, letters, scope, notation, depth + 1)
            case Indexed():
                return _summed(formula, letters, scope, notation, depth)
            case Correlation(indexed=indexed) if len(letters) == formula.ndim:
                return _entry(indexed, letters, scope, notation, depth + 1)
            case Correlation():
                return _correlated(formula, letters, scope, notation, depth)
            case _ if type(formula) in ENTRYWISE:
                found = [_entry(f, letters, scope, notation, depth + 1) for f in formula.parts]
                parts = _without_brackets(formula, found, notation)
                form = _of_entries(formula, len(letters))
                return bounded(ENTRYWISE[type(formula)](form, parts, notation))
    return whole_entry(formula, printed(formula, notation), letters, notation)


def _without_brackets(
    formula: Formula, parts: Sequence[Printed], notation: Notation
) -> list[Printed]:
    """The parts, those that need no brackets here marked so: a + (b − c), 2 (Σ …)."""
    match formula:
        case Sum(signs=signs):
            return [
                replace(part, level=max(part.level, HADAMARD))
                if sign > 0 and not part.text.startswith(notation.minus)
                else part
                for sign, part in zip(signs, parts, strict=True)
            ]
        case Product(over=over, under=()) if sum(f.ndim > 0 for f in over) == 1:
            return [
                replace(part, level=max(part.level, PRODUCT)) if part.level == HADAMARD else part
                for part in parts
            ]
    return [*parts]


def _summed(
    formula: Indexed, letters: Sequence[str], scope: Sequence[str], notation: Notation, depth: int
) -> Printed:
    """Σ Π factors, each as its entry."""

    def entry(
        factor: Formula, _: Printed | None, own: Sequence[str], within: Sequence[str]
    ) -> Printed:
        return _entry(factor, own, within, notation, depth + 1)

    parts = [printed(factor, notation) for factor in formula.factors]
    return products(formula, parts, letters, scope, notation, entry)


def _correlated(
    formula: Correlation,
    letters: Sequence[str],
    scope: Sequence[str],
    notation: Notation,
    depth: int,
) -> Printed:
    """Σ left ⋆ right, each as its entry."""

    def entry(
        factor: Formula, _: Printed | None, own: Sequence[str], within: Sequence[str]
    ) -> Printed:
        return _entry(factor, own, within, notation, depth + 1)

    parts = [None] * len(formula.inputs)
    return correlated(formula, parts, letters, scope, notation, entry)


def _of_entries(formula: Formula, count: int) -> Formula:
    """The form of entries at that many letters, which are scalars if there is one for each axis."""
    inside: dict[str, Any] = {}
    for field in fields(formula):
        value = getattr(formula, field.name)
        if isinstance(value, Formula):
            inside[field.name] = _as_entry(value, count)
        elif isinstance(value, tuple) and any(isinstance(each, Formula) for each in value):
            inside[field.name] = tuple(_as_entry(each, count) for each in value)
    return replace(formula, **inside | {"shape": formula.shape[count:]})


def _as_entry(formula: Formula, count: int) -> Formula:
    inner = scalar_inside(formula)
    if isinstance(inner, Number):
        return inner
    shape = formula.shape[count:]
    while isinstance(inner, Spread):  # it has all of the axes that are left, or none
        shape = shape if inner.axes[-1:] == (inner.ndim - 1,) else ()
        inner = inner.operand
    return replace(inner, shape=shape if inner.ndim else ())
