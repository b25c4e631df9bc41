"""The passages of a document that hold equations: declarations, formulas in LaTeX, and code."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

#: Where a passage begins and ends in the text.
Span = tuple[int, int]

#: Environments that are displayed equations.
_DISPLAYED = "equation|align|alignat|gather|multline|eqnarray|flalign|displaymath|math"

_DISPLAY = (
    r"\$\$(?P<dollars>.+?)\$\$|\\\[(?P<brackets>.+?)\\\]"
    rf"|(?P<environment>\\begin\{{(?P<named>(?:{_DISPLAYED})\*?)\}}.+?\\end\{{(?P=named)\}})"
)
_MARKDOWN = re.compile(
    r"^[ ]{0,3}(?P<fence>`{3,}|~{3,})[ ]*\{?\.?(?P<language>\w*)[^\n]*\n(?P<fenced>.*?)"
    rf"^[ ]{{0,3}}(?P=fence)[^\n]*$|<!--.*?-->|`[^`\n]+`|{_DISPLAY}",
    re.DOTALL | re.MULTILINE,
)
_LISTING = re.compile(
    r"\\begin\{minted\}(?:\[[^\]]*\])?\{(?P<minted>\w+)\}(?P<code>.*?)\\end\{minted\}"
    r"|\\begin\{lstlisting\}(?:\[(?P<options>[^\]]*)\])?(?P<listing>.*?)\\end\{lstlisting\}"
    rf"|\\begin\{{(?P<verbatim>verbatim|comment)\}}.*?\\end\{{(?P=verbatim)\}}|{_DISPLAY}",
    re.DOTALL,
)
_TEX_COMMENT = re.compile(r"(?<!\\)%[^\n]*")

#: What a line that declares starts with, in comments of LaTeX and of Python.
_DECLARES = re.compile(r"^[ \t]*[%#][ ]?sg(?:[ ]|$)([^\n]*)", re.MULTILINE)

_CODE, _MATH = frozenset({"python", "py", "numpy"}), frozenset({"math", "latex", "tex"})


@dataclass(slots=True)
class Document:
    """A text, its declarations on the lines where they stand, and where formulas and code are."""

    text: str
    declarations: str = ""
    latex: list[Span] = field(default_factory=list)
    code: list[Span] = field(default_factory=list)

    def line(self, position: int) -> int:
        """The number of the line of a position, from 1."""
        return self.text.count("\n", 0, position) + 1

    def alone(self, spans: Iterable[Span], apart: str = " ") -> str:
        """The text of these spans where it stands, blanks around it; `apart` is put between two.

        >>> Document("a = 1 and b = 2").alone([(0, 5), (10, 15)], ";")
        'a = 1;    b = 2'
        """
        out: list[str] = []
        at = 0
        for start, end in sorted(spans):
            gap = re.sub(r"[^\n]", " ", self.text[at:start])
            out += [gap.replace(" ", apart, 1) if out else gap, self.text[start:end]]
            at = end
        return "".join(out)


def document(text: str, suffix: str) -> Document:
    """The passages of a text; `suffix` says what kind it is.

    Raises
    ------
    KeyError    for a suffix that is none of SUFFIXES.
    """
    return SUFFIXES[suffix](text.replace("\r\n", "\n").replace("\r", "\n"))


def _declarations(text: str) -> str:
    """What comments declare, each line at its number."""
    out: list[str] = []
    for match in _DECLARES.finditer(text):
        number = text.count("\n", 0, match.start(1))
        out += [""] * (number - len(out))
        out.append(match[1])
    return "\n".join(out)


def _markdown(text: str) -> Document:
    found = Document(text)
    declared: list[str] = []
    for match in _MARKDOWN.finditer(text):
        language = (match["language"] or "").lower()
        if match["fence"] is None:
            found.latex += _display(match)
        elif language == "sg":
            declared += [""] * (text.count("\n", 0, match.start("fenced")) - len(declared))
            declared += match["fenced"].splitlines()
        elif language in _CODE:
            found.code.append(match.span("fenced"))
        elif language in _MATH:
            found.latex.append(match.span("fenced"))
    found.declarations = "\n".join(declared)
    return found


def _display(match: re.Match[str]) -> list[Span]:
    """Where a displayed formula stands; nowhere for what is none."""
    kinds = ("dollars", "brackets", "environment")
    return [match.span(kind) for kind in kinds if match[kind] is not None]


def _latex(text: str) -> Document:
    found = Document(text, _declarations(text))
    bare = _TEX_COMMENT.sub(lambda match: " " * len(match[0]), text)
    for match in _LISTING.finditer(bare):
        options = (match["options"] or "").lower()
        if match["minted"] is not None:
            if match["minted"].lower() in _CODE:
                found.code.append(match.span("code"))
        elif match["listing"] is not None:
            if "python" in options:
                found.code.append(match.span("listing"))
        else:
            found.latex += _display(match)
    found.text = _without(bare, text, found.code)
    return found


def _without(bare: str, text: str, code: Iterable[Span]) -> str:
    """The text without comments, but for the code in it, where % is an operator."""
    for start, end in code:
        bare = bare[:start] + text[start:end] + bare[end:]
    return bare


def _python(text: str) -> Document:
    return Document(text, _declarations(text), code=[(0, len(text))])


def _equations(text: str) -> Document:
    return Document(text, text)


#: Suffix of a file -> the reader of its passages.
SUFFIXES: dict[str, Callable[[str], Document]] = {
    ".md": _markdown, ".markdown": _markdown, ".tex": _latex, ".py": _python, ".sg": _equations,
}  # fmt: skip
