"""Texts of several layers as one text for a layer l: names, and formulas in comments."""

import re
from collections.abc import Sequence

_DIGITS = re.compile(r"\d+|[₀-₉]+")
_PLAIN, _SUBSCRIPTS = "0123456789+-", "₀₁₂₃₄₅₆₇₈₉₊₋"
_LOWER, _RAISE = str.maketrans(_PLAIN, _SUBSCRIPTS), str.maketrans(_SUBSCRIPTS, _PLAIN)


def numbers(texts: Sequence[str]) -> tuple[int, ...] | None:
    """The first number that is another in each text: the layers, where it counts up or down."""
    for column in zip(*(_DIGITS.findall(text) for text in texts), strict=False):
        found = tuple(int(each.translate(_RAISE)) for each in column)
        if len(set(found)) == len(found):
            return found
    return None


def general(texts: Sequence[str], layers: Sequence[int], *, name: bool = False) -> str | None:
    """The text for layer l, if the texts are the same but for numbers that count with the layers.

    >>> general(["h₂ = tanh(h₁ W₂)", "h₃ = tanh(h₂ W₃)"], [2, 3])
    'hₗ = tanh(hₗ₋₁ Wₗ)'
    >>> general(["h2", "h3"], [3, 4], name=True)
    'h_before'
    """
    pieces = _DIGITS.split(texts[0])
    if any(_DIGITS.split(text) != pieces for text in texts):
        return None
    text = pieces[0]
    columns = zip(*(_DIGITS.findall(each) for each in texts), strict=True)
    for column, piece in zip(columns, pieces[1:], strict=True):
        found = [int(each.translate(_RAISE)) for each in column]
        steps = {n - layer for n, layer in zip(found, layers, strict=True)}
        if len(set(found)) == 1:
            text += column[0]
        elif len(steps) == 1:
            text += (_named if name else _index)(steps.pop())
        else:
            return None
        text += piece
    return text


def _index(step: int) -> str:
    return f"ₗ{f'{step:+d}'.translate(_LOWER) if step else ''}"


def _named(step: int) -> str:
    if not step:
        return "_l"
    side = "before" if step < 0 else "after"
    return f"_{side}" if abs(step) == 1 else f"_{abs(step)}_{side}"
