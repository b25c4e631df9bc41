"""The text of equations in LaTeX, and errors that point into it."""

from dataclasses import dataclass
from typing import NoReturn

from symgrad.declare.syntax import pointer
from symgrad.errors import ParseError, SymgradError, UnknownName


@dataclass(frozen=True, slots=True)
class Latex:
    """A text in LaTeX; places are positions in it."""

    text: str

    def place(self, position: int) -> tuple[str, int, int]:
        """The line with a caret under a position; its number and column, from 1."""
        position = min(max(position, 0), len(self.text))
        before = self.text[:position]
        line = before.count("\n") + 1
        start = before.rfind("\n") + 1
        shown = self.text[start:].partition("\n")[0]
        short = shown.lstrip()
        column = position - start
        return pointer(line, short, max(column - (len(shown) - len(short)), 0)), line, column + 1

    def fail(self, what: str, position: int, hint: str = "") -> NoReturn:
        """Raise a ParseError that points at a position."""
        where, line, column = self.place(position)
        raise ParseError(what, where, hint, line, column)

    def unknown(self, what: str, position: int, hint: str = "") -> NoReturn:
        """Raise an UnknownName that points at a position."""
        where, line, column = self.place(position)
        raise UnknownName(what, where, hint, line, column)

    def placed(self, error: SymgradError, position: int) -> SymgradError:
        """The error with its place, unless it knows a closer one."""
        if error.where:
            return error
        where, line, column = self.place(position)
        placed = error.at(where)
        if isinstance(placed, ParseError):
            placed.line, placed.column = line, column
        return placed
