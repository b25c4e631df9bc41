"""Where two lines differ: the parts to underline in what is wrong, and in what is right."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import accumulate

#: Where a part begins and ends in its line.
Span = tuple[int, int]

_CODE = re.compile(r"[^\W\d]\w*|\d+(?:\.\d*)?|\*\*|[<>=!]=|\S")
_LATEX = re.compile(r"\\[A-Za-z]+|\\.|[^\W\d_]+|\d+(?:\.\d*)?|\S")

#: Lines that share less than this part of their tokens differ altogether.
ALIKE = 0.4


def differing(wrong: str, right: str) -> tuple[list[Span], list[Span]]:
    """The spans in which a wrong and a right line differ; none where they have little in common.

    >>> differing("np.sum(dZ, axis=1)", "np.sum(dZ, axis=0)")
    ([(16, 17)], [(16, 17)])
    """
    token = _LATEX if "\\" in wrong + right else _CODE
    ours, theirs = ([*token.finditer(text)] for text in (wrong, right))
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


def underlined(text: str, spans: Sequence[Span]) -> str:
    r"""LaTeX with the spans underlined, each widened until groups and brackets in it are whole.

    >>> underlined(r"\frac{1}{n} X^\top r", [(6, 7), (13, 18)])
    '\\frac{{\\underline{1}}}{n} {\\underline{X^\\top}} r'
    """
    tokens = [*_LATEX.finditer(text)]
    texts = [token[0] for token in tokens]
    out, at = "", 0
    for start, end in spans:
        i = next(k for k, token in enumerate(tokens) if token.end() > start)
        j = next((k for k, token in enumerate(tokens) if token.start() >= end), len(tokens))
        i, j = _trimmed(texts, i, j)
        if i == j:
            continue  # a bracket alone
        i, j = _whole(texts, i, j)
        if tokens[i].start() < at or _TABLES & {*texts[i:j]}:
            continue  # within one that is underlined, or over the cells of a table
        begin, stop = tokens[i].start(), tokens[j - 1].end()
        out += text[at:begin] + rf"{{\underline{{{text[begin:stop]}}}}}"
        at = stop
    return out + text[at:]


#: What belongs to the cells of tables.
_TABLES = frozenset({"&", "\\\\", r"\begin", r"\end"})

#: What is followed by a name in letters.
_NAMED = frozenset({r"\begin", r"\end", r"\operatorname", r"\text"})

_OPENS, _CLOSES = ("{", r"\left"), ("}", r"\right")


def _trimmed(texts: Sequence[str], i: int, j: int) -> tuple[int, int]:
    """The run without brackets at its ends whose other halves are outside of it."""
    while i < j:
        depths = [*accumulate((t in _OPENS) - (t in _CLOSES) for t in texts[i:j])]
        if min(depths) < 0 and texts[j - 1] in _CLOSES:
            j -= 1
        elif min(depths) < 0 and j - i > 1 and texts[j - 2] == r"\right":
            j -= 2
        elif depths[-1] > 0 and texts[i] == r"\left":
            i += 2
        else:
            break
    return i, j


def _whole(texts: Sequence[str], i: int, j: int) -> tuple[int, int]:
    """The run of tokens widened: no group cut, no script without its base."""
    while True:
        depth, low = 0, 0
        for token in texts[i:j]:
            depth += (token in _OPENS) - (token in _CLOSES)
            low = min(low, depth)
        before = texts[i - 1] if i else ""
        named = before == "{" and texts[i - 2] in _NAMED
        beyond = before in ("^", "_") and j - i > 1 and not _is_group(texts[i:j])
        if low < 0 or before in (r"\left", r"\right") or named or beyond:
            i -= 1
        elif depth > 0 or texts[j - 1] == r"\right" or _goes_on(texts[j - 1], *texts[j : j + 1]):
            j += 1
        elif texts[i] in ("^", "_") or (
            texts[i] == "{" and (before == "}" or before.startswith("\\"))
        ):
            i -= 1
        else:
            return i, j


def _is_group(texts: Sequence[str]) -> bool:
    """Whether tokens are one group in braces."""
    depths = [*accumulate((t == "{") - (t == "}") for t in texts)]
    return texts[0] == "{" and depths[-1] == 0 and all(depths[:-1])


def _goes_on(last: str, after: str = "") -> bool:
    """Whether the token after a run belongs to a command in it."""
    if after == "[":
        return last == r"\sqrt"
    return last in ("^", "_") or (after == "{" and (last == "}" or last.startswith("\\")))
