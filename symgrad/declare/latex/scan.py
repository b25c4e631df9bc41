"""The tokens of TeX: commands, letters, numbers and signs, without comments and blanks."""

import re
from dataclasses import dataclass

from symgrad.declare.latex import marks
from symgrad.declare.latex.source import Latex
from symgrad.errors import ParseError

_RAW = re.compile(
    r"(?P<comment>(?<!\\)%[^\n]*)|(?P<numpy>(?:np|numpy)\.(?:linalg\.)?[a-z]\w*)"
    r"|(?P<command>\\(?:operatorname\*|[A-Za-z]+|.))|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<letter>[A-Za-z])|(?P<break>\n)|(?P<space>\s+)|(?P<pair>==|:=|<=|>=|!=|\|\||\$\$)"
    r"|(?P<sign>.)",
    re.DOTALL,
)

#: More than anybody writes: characters of a text, digits of a number.
MOST_LONG, MOST_DIGITS = 20_000, 1000


@dataclass(frozen=True, slots=True)
class Raw:
    """A token of TeX: a command, a letter, a number, a sign or a line break."""

    text: str
    start: int
    end: int
    kind: str


def scan(latex: Latex) -> list[Raw]:
    """The tokens of TeX, without comments and blanks; signs of Unicode as commands."""
    if len(latex.text) > MOST_LONG:
        latex.fail("the text is too long", MOST_LONG, f"at most {MOST_LONG} characters")
    found: list[Raw] = []
    for match in _RAW.finditer(latex.text):
        kind, text = match.lastgroup or "", match[0]
        if kind in ("comment", "space"):
            continue
        if kind == "number" and len(text) > MOST_DIGITS:
            latex.fail("a number has too many digits", match.start(), f"at most {MOST_DIGITS}")
        if text in marks.UNICODE:
            found += _typed(marks.UNICODE[text], match.start(), match.end())
        else:
            found.append(Raw(text, match.start(), match.end(), kind))
    return found


def _typed(text: str, start: int, end: int) -> list[Raw]:
    return [Raw(m[0], start, end, m.lastgroup or "") for m in _RAW.finditer(text)]


def words_of(spelling: str) -> tuple[str, ...]:
    """The tokens of TeX of a short text, or none if it cannot be scanned."""
    try:
        return tuple(raw.text for raw in scan(Latex(spelling)))
    except ParseError:
        return ()
