"""Long lines of Unicode formulas, broken in front of loose operators and of conditions."""

import re

_OPERATOR = re.compile(r" (?=[+−⊙⊘⋆∗] )|(?<=,) | (?=\[)")


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most that width, as far as it has operators to break at.

    >>> wrapped("a + (b + c) + d", 11)
    ['a + (b + c)', '+ d']
    """
    if len(text) <= width:
        return [text]
    breaks: dict[int, list[int]] = {}
    for match in _OPERATOR.finditer(text):
        before = text[: match.start()]
        depth = sum(before.count(c) for c in "([⟨") - sum(before.count(c) for c in ")]⟩")
        breaks.setdefault(depth, []).append(match.start())
    if not breaks:
        return [text]
    lines, start = [], 0
    ends = [*breaks[min(breaks)], len(text)]
    for here, after in zip(ends, [*ends[1:], None], strict=True):
        if after is None or after - start > width:
            lines += wrapped(text[start:here].strip(), width) if start or after else [text]
            start = here
    return [line for line in lines if line]
