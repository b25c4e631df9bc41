"""Text on a terminal: lines that fit, headings, and signs of life during long work."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any

#: The width of headings and texts where there is no terminal to ask.
PIPED = 100

_LABEL = re.compile(r"\s*[a-z ]{1,12}: ")
_EQUALS = "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"


def width() -> int:
    """The columns of the terminal that standard output goes to; PIPED if it is none."""
    return get_terminal_size((PIPED, 24)).columns if sys.stdout.isatty() else PIPED


def fitted(text: str, columns: int) -> str:
    """The text with long lines broken between words; they go on under their last column.

    Without columns they go on under their start, or behind a label such as `test:`.

    >>> print(fitted("  z = X W + b   through z: sum, broadcast", 34))
      z = X W + b   through z: sum,
                    broadcast
    """
    return "\n".join(_broken(line, columns) for line in text.splitlines())


def _broken(line: str, columns: int) -> str:
    if len(line) <= columns:
        return line
    start = len(line) - len(line.lstrip())
    gaps = [m.end() for m in re.finditer(r"(?<=\S)\s{3,}(?=\S)", line)]
    label = _LABEL.match(line)
    indent = label.end() if label else start
    if gaps and gaps[-1] <= columns - 16:
        indent = gaps[-1]
    lines = wrap(
        line.replace(" = ", _EQUALS),  # no line ends beside an equals sign
        columns,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines).replace(_EQUALS, " = ")


def heading(title: str) -> str:
    """A line across the terminal with a title in it.

    >>> heading("1. Equations")[:20]
    '── 1. Equations ────'
    """
    columns = min(width(), PIPED)
    line = f"── {title} ".ljust(columns, "─")
    return f"\033[1m{line}\033[0m" if sys.stdout.isatty() else line


@contextmanager
def working(what: str) -> Iterator[None]:
    """Say on a terminal what is under way, and nothing anywhere else."""
    from rich.console import Console

    console = Console(stderr=True)
    busy: Any = console.status(what) if console.is_terminal else nullcontext()
    with busy:
        yield
