"""The bound on printed text: a shared subexpression is written out at each use."""

from typing import Protocol, TypeVar

from symgrad.errors import SymgradError

#: Characters of one printed formula.
LONGEST = 200_000


class Text(Protocol):
    """What a printer makes of a formula."""

    @property
    def text(self) -> str: ...


T = TypeVar("T", bound=Text)


def bounded(part: T) -> T:
    """The printed part.

    Raises
    ------
    SymgradError    if its text is too long to be of use to anyone.
    """
    if len(part.text) > LONGEST:
        raise SymgradError(
            f"the formula is longer than {LONGEST} characters",
            hint="define intermediate values by name: each name is printed once",
        )
    return part
