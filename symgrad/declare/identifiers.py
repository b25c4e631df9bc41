"""Names that people choose: which are safe to appear in equations, LaTeX and generated code."""

import keyword

from symgrad.errors import NameClash


def require_identifier(name: object) -> str:
    """The name, if it is a plain identifier that can stand in Python code.

    Raises
    ------
    NameClash    if it is not text, no ASCII identifier, a keyword, or starts with two underscores.
    """
    if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
        raise NameClash(
            f"{name!r} is not a name",
            hint="use letters, digits and underscores, and no digit in front; "
            "latex= sets how it is written",
        )
    if keyword.iskeyword(name) or name.startswith("__"):
        raise NameClash(f"{name!r} is reserved in Python", hint=f"write {name.strip('_')}_ instead")
    return name
