"""Source text in black's layout: literals, calls and assignments within a hundred columns."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

#: Lines end before this column.
WIDE = 100


def literal(value: Any) -> str:
    """A Python literal with double quotes, in one line.

    >>> literal({"y": ("n", 3)})
    '{"y": ("n", 3)}'
    """
    match value:
        case str():
            return json.dumps(value, ensure_ascii=False)
        case tuple():
            return f"({', '.join(map(literal, value))}{',' * (len(value) == 1)})"
        case dict():
            return f"{{{', '.join(f'{literal(k)}: {literal(v)}' for k, v in value.items())}}}"
    return repr(value)


def bracketed(
    head: str, items: Iterable[str], tail: str, pair: str = "()", indent: int | None = None
) -> list[str]:
    """`head(items)tail` in one line, or with the items in a line of their own, or in one each."""
    items = list(items)
    left, right = pair[0], pair[1]
    comma = "," if pair == "()" and len(items) == 1 and head.endswith("= ") else ""
    line = f"{head}{left}{', '.join(items)}{comma}{right}{tail}"
    if len(line) <= WIDE or not items:
        return [line]
    margin = " " * (len(head) - len(head.lstrip()))
    inner = f"{margin}    {', '.join(items)}"
    if len(inner) <= WIDE and not head.endswith("= "):
        return [f"{head}{left}", inner, f"{margin}{right}{tail}"]
    return [f"{head}{left}", *(f"{margin}    {item}," for item in items), f"{margin}{right}{tail}"]


def call(head: str, arguments: Iterable[str], tail: str = "") -> list[str]:
    """A call or the head of a function."""
    return bracketed(head, arguments, tail)


def either(head: str, tests: Sequence[str]) -> list[str]:
    """`if a or b:`, in one line or one line for each test."""
    line = f"{head}{' or '.join(tests)}:"
    if len(line) <= WIDE:
        return [line]
    margin = " " * (len(head) - len(head.lstrip()))
    rest = [f"{margin}    or {test}" for test in tests[1:]]
    return [f"{head}(", f"{margin}    {tests[0]}", *rest, f"{margin}):"]


def chained(names: Sequence[str], value: str) -> Iterator[str]:
    """`a = b = value`, in several lines where it is long: the first takes the value."""
    line = f"    {' = '.join(names)} = {value}"
    if len(line) <= WIDE:
        yield line
        return
    yield from fitted(f"    {names[0]} = {value}")
    rest = list(names[1:])
    while rest:
        taken: list[str] = []
        while rest and len(f"    {' = '.join([*taken, rest[0]])} = {names[0]}") <= WIDE:
            taken.append(rest.pop(0))
        yield f"    {' = '.join(taken)} = {names[0]}"


def pieces(text: str, width: int) -> Iterator[str]:
    """A text cut behind blanks into pieces no longer than that, where it has blanks."""
    line = ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > width:
            yield line + " "
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


#: Where a long expression is broken: at what binds least.
_BREAKS = ((" if ", " else "), (" + ", " - "), (" * ", " / "))


def fitted(line: str) -> list[str]:
    """An assignment, a call or a test, over several lines if it is longer than one can be."""
    if len(line) <= WIDE:
        return [line]
    margin = " " * (len(line) - len(line.lstrip()))
    if line.startswith("if ", len(margin)):
        parts = _split(line[len(margin) + 3 : -1], (" and ",), keep=True)
        return [f"{margin}if (", *(f"{margin}    {part}" for part in parts), f"{margin}):"]
    found = re.match(r"\s*[^=(]*?(\+=|\*=|=) ", line)
    left, right = (found.group(), line[found.end() :]) if found else ("", line)
    for signs in _BREAKS:
        parts = _split(right, signs, keep=True)
        if len(parts) > 1 and found:
            return [f"{left}(", *(f"{margin}    {part}" for part in parts), f"{margin})"]
    if "(" not in right:  # deep in loops the target is what is long
        return [f"{left}(", f"{margin}    {right}", f"{margin})"]
    start, inside = right.index("("), right[right.index("(") + 1 : right.rindex(")")]
    return call(f"{left}{right[:start]}", (_broken(a, margin) for a in _split(inside, (", ",))))


def _broken(argument: str, margin: str) -> str:
    """An argument that is longer than a line, broken where it is a sum."""
    if len(argument) + len(margin) + 5 <= WIDE:
        return argument
    return f"\n{margin}    ".join(_split(argument, (" + ", " - "), keep=True))


def _split(text: str, signs: Sequence[str], *, keep: bool = False) -> list[str]:
    """The text cut at signs outside brackets; `keep` leaves each sign in front of what follows."""
    parts, start, depth, n = [], 0, 0, 0
    while n < len(text):
        depth += (text[n] in "([{") - (text[n] in ")]}")
        sign = next((s for s in signs if not depth and text.startswith(s, n)), "")
        if sign:
            parts.append(text[start:n])
            start = n + 1 if keep else n + len(sign)
        n += len(sign) or 1
    return [*parts, text[start:]]


def words(lines: Iterable[str]) -> set[str]:
    """The identifiers of source lines, comments apart."""
    return set(re.findall(r"[A-Za-z_]\w*", "\n".join(line.split("  # ")[0] for line in lines)))
