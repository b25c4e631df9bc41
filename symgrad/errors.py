"""The errors that symgrad raises on purpose; `except SymgradError` catches them all.

    SymgradError
    ├── DeclarationError      a symbol, definition or graph that cannot be
    │   ├── NameClash         a name that is taken, unsafe, or means two things
    │   └── ParseError        text that cannot be read; knows its line and column
    │       └── UnknownName   a name or function that nobody declared
    ├── ShapeError            shapes that do not fit
    ├── NotDifferentiable     a node without a rule; never a silent zero
    ├── ValueMismatch         values that do not fit their declaration (shape, dtype, domain, NaN)
    ├── GradientMismatch      a derivative that contradicts differences
    ├── TemplateError         generated code that cannot be written, or was edited by hand
    └── MissingExtra          an optional library that is not installed

Each says what is wrong, where it stands, and what to do:

    ShapeError: matmul: inner dimensions differ: X (n, d) @ W (h, c)
      in definition "z" (line 3): z = X @ W
      hint: the last axis of the left factor must be the first of the right one
"""

from dataclasses import dataclass, replace


@dataclass(eq=False)
class SymgradError(Exception):
    """What is wrong; where it stands; a hint what to do. All three are plain text."""

    what: str
    where: str = ""
    hint: str = ""

    def __str__(self) -> str:
        lines = [self.what]
        if self.where:
            lines.append(f"  in {self.where}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def __post_init__(self) -> None:
        super().__init__(self.what, self.where, self.hint)

    def at(self, where: str) -> "SymgradError":
        """The same error with its place, unless it already knows a closer one."""
        return self if self.where else replace(self, where=where)


class DeclarationError(SymgradError):
    """A symbol, definition or graph that cannot be."""


class NameClash(DeclarationError):
    """A name that is taken, is not a safe identifier, or means two things."""


@dataclass(eq=False)
class ParseError(DeclarationError):
    """Text that cannot be read; `line` and `column` count from 1, 0 where unknown."""

    line: int = 0
    column: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()


class UnknownName(ParseError):
    """A name or function that nobody declared."""


class ShapeError(SymgradError):
    """Shapes that do not fit each other."""


class NotDifferentiable(SymgradError):
    """A node on the path that has no derivative; names it and the definition it stands in."""


class ValueMismatch(SymgradError):
    """Values that do not fit their declaration: shape, dtype, domain or NaN."""


class GradientMismatch(SymgradError):
    """A derivative that contradicts numerical differences."""


class TemplateError(SymgradError):
    """Generated code that cannot be written, or that was edited by hand."""


class MissingExtra(SymgradError):
    """An optional library that is not installed; the hint is the command that installs it."""
