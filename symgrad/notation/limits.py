"""The bounds on formulas: a shared subexpression is written out at each use."""

from collections.abc import Sized
from typing import Protocol, TypeVar

from symgrad.errors import SymgradError

#: Characters of one printed formula, and the factors or terms of one product or sum in it.
LONGEST, MOST = 200_000, 5_000


class Text(Protocol):
    """What a printer makes of a formula."""

    @property
    def text(self) -> str: ...


T = TypeVar("T", bound=Text)
S = TypeVar("S", bound=Sized)


def bounded(part: T) -> T:
    """The printed part.

    Raises
    ------
    SymgradError    if its text is too long to be of use to anyone.
    """
    if len(part.text) > LONGEST:
        raise _too_long(f"the formula is longer than {LONGEST} characters")
    return part


def few(parts: S) -> S:
    """The factors or terms, which nested products and sums double; raises as `bounded`."""
    if len(parts) > MOST:
        raise _too_long(f"the formula has a product or a sum of more than {MOST} parts")
    return parts


def _too_long(what: str) -> SymgradError:
    return SymgradError(what, hint="define intermediate values by name: each name is printed once")
