"""The text of equations: its statements, and places in it for errors to point at."""

import ast
import re
import warnings
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NoReturn

from symgrad.errors import ParseError

#: What Python's tokenizer ends a line at; other separators of Unicode end none.
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(slots=True)
class Source:
    """A text whose lines may be indented at will."""

    text: str
    lines: list[str] = field(init=False)
    indents: list[int] = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            raise ParseError(f"equations are a text, not a {type(self.text).__name__}")
        raw = _LINE_END.split(self.text)
        self.lines = [line.lstrip() for line in raw]
        self.indents = [len(line) - len(short) for line, short in zip(raw, self.lines, strict=True)]

    def statements(self) -> list[ast.stmt]:
        """The statements, parsed with Python's grammar and not yet looked at.

        Raises
        ------
        ParseError    for text that Python cannot read, for none, and for a line that goes on the
                      one before it in the reader's eyes only.
        """
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", SyntaxWarning)  # 1if, which Python only warns of
                statements = ast.parse("\n".join(self.lines)).body
        except SyntaxError as error:
            line = error.lineno or 1
            self.fail(f"cannot read this: {error.msg}", line, self._bytes(line, error.offset or 1))
        except (RecursionError, MemoryError):
            raise ParseError("the text is nested too deeply", hint="name parts of it") from None
        except ValueError as error:  # a null byte
            raise ParseError(f"cannot read this: {error}") from None
        if not statements:
            raise ParseError("there are no equations", hint="write name = expression")
        for before, statement in pairwise(statements):
            self._require_own(statement, before)
        return statements

    def _require_own(self, statement: ast.stmt, before: ast.stmt) -> None:
        """Raise for `J = a` and `+ b` on the next line, which would be two statements."""
        line, column = statement.lineno, statement.col_offset
        if isinstance(statement, ast.Expr) and line > (before.end_lineno or 0):
            signed = self.lines[line - 1][column : column + 1] in ("+", "-")
            deeper = self.indents[line - 1] > self.indents[before.lineno - 1] and before.lineno > 1
            if signed or deeper:
                self.fail(
                    "this line has no name, and does not go on the one before it", line, column,
                    "write name = expression; put brackets around what goes over several lines",
                )  # fmt: skip

    def typed(self, tree: ast.expr) -> str:
        """An expression on one line as it was written."""
        line = self.lines[tree.lineno - 1].encode()
        return line[tree.col_offset : tree.end_col_offset].decode()

    def place(self, line: int, column: int) -> tuple[str, int]:
        """The text that shows a place, and its column as people count; `column` is in bytes."""
        shown = self.lines[line - 1] if line <= len(self.lines) else ""
        before = len(shown.encode()[:column].decode(errors="ignore"))
        indent = self.indents[line - 1] if line <= len(self.lines) else 0
        return pointer(line, shown, before), indent + before + 1

    def fail(self, what: str, line: int, column: int, hint: str = "") -> NoReturn:
        """Raise the error at a place."""
        where, shown = self.place(line, column)
        raise ParseError(what, where, hint, line, shown) from None

    def _bytes(self, line: int, offset: int) -> int:
        """Bytes before a character of a line that is counted from 1, as SyntaxError counts."""
        shown = self.lines[line - 1] if line <= len(self.lines) else ""
        return len(shown[: max(offset - 1, 0)].encode(errors="replace"))


def pointer(line: int, shown: str, column: int) -> str:
    """A place in a text: the number of the line, the line, and a caret under the column."""
    start = max(column - 60, 0)
    piece = shown[start : start + 90]
    return f"line {line}:\n      {piece}\n      {' ' * (column - start)}^"


_KINDS: dict[type[ast.AST], str] = {
    ast.Lambda: "a lambda", ast.IfExp: "an if expression", ast.ListComp: "a comprehension",
    ast.SetComp: "a comprehension", ast.DictComp: "a comprehension",
    ast.GeneratorExp: "a comprehension", ast.BoolOp: "and/or", ast.Dict: "a dictionary",
    ast.Set: "a set", ast.JoinedStr: "a formatted text", ast.Starred: "a starred expression",
    ast.NamedExpr: "an assignment inside an expression", ast.Await: "await", ast.Yield: "yield",
    ast.YieldFrom: "yield", ast.Tuple: "a tuple", ast.List: "a list", ast.Slice: "a slice",
    ast.Call: "a call", ast.Assign: "an assignment to several names or to an entry",
    ast.AnnAssign: "an annotation", ast.AugAssign: "an update", ast.Import: "an import",
    ast.ImportFrom: "an import", ast.FunctionDef: "a function definition",
    ast.AsyncFunctionDef: "a function definition", ast.ClassDef: "a class", ast.For: "a loop",
    ast.While: "a loop", ast.If: "an if statement", ast.With: "a with statement",
    ast.Try: "a try statement", ast.Raise: "a raise statement", ast.Assert: "an assertion",
    ast.Delete: "a deletion", ast.Return: "a return", ast.Pass: "pass", ast.Break: "break",
    ast.Continue: "continue", ast.Global: "a global statement", ast.Match: "a match statement",
    ast.Mod: "the operator %", ast.FloorDiv: "the operator //", ast.BitAnd: "the operator &",
    ast.BitOr: "the operator |", ast.BitXor: "the operator ^", ast.LShift: "the operator <<",
    ast.RShift: "the operator >>", ast.Not: "not", ast.Invert: "the operator ~", ast.In: "in",
    ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


def describe(tree: ast.AST) -> str:
    """What a piece of syntax is, in words."""
    if isinstance(tree, ast.Constant):
        return f"the constant {tree.value!r:.60}"
    return _KINDS.get(type(tree), type(tree).__name__.lower())
