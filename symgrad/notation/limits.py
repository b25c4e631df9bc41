"""The bound on printed text: a shared subexpression is written out at each use."""

from symgrad.errors import SymgradError

#: Characters of one printed formula.
LONGEST = 200_000


def bounded(text: str) -> str:
    """The text.

    Raises
    ------
    SymgradError    if it is too long to be of use to anyone.
    """
    if len(text) > LONGEST:
        raise SymgradError(
            f"the formula is longer than {LONGEST} characters",
            hint="define intermediate values by name: each name is printed once",
        )
    return text
