"""Where two lines differ: the parts to underline in what is wrong, and in what is right."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

#: Where a part begins and ends in its line.
Span = tuple[int, int]

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|[^\W\d]\w*|\d+(?:\.\d*)?|\*\*|[<>=!]=|\S")

#: Lines that share less than this part of their tokens differ altogether.
ALIKE = 0.4


def differing(wrong: str, right: str) -> tuple[list[Span], list[Span]]:
    """The spans in which a wrong and a right line differ; none where they have little in common.

    >>> differing("np.sum(dZ, axis=1)", "np.sum(dZ, axis=0)")
    ([(16, 17)], [(16, 17)])
    """
    ours, theirs = ([*_TOKEN.finditer(text)] for text in (wrong, right))
    matcher = SequenceMatcher(None, [t[0] for t in ours], [t[0] for t in theirs], autojunk=False)
    if matcher.ratio() < ALIKE:
        return [], []
    found: tuple[list[Span], list[Span]] = ([], [])
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind != "equal":
            for spans, tokens, first, last in ((found[0], ours, i, j), (found[1], theirs, k, m)):
                if last > first:
                    spans.append((tokens[first].start(), tokens[last - 1].end()))
    return found


def underline(spans: Sequence[Span], mark: str = "~") -> str:
    """A line of marks under the spans of the line above it.

    >>> underline([(2, 4), (6, 7)])
    '  ~~  ~'
    """
    out = ""
    for start, end in spans:
        out = out.ljust(start) + mark * (end - start)
    return out
