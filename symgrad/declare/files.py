"""Networks from files: equations in a `.sg` text, or a graph by its name in a Python file."""

import hashlib
import os
import re
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from symgrad.declare.graph import Graph
from symgrad.declare.identifiers import require_identifier
from symgrad.declare.parse import parse
from symgrad.declare.symbols import DOMAINS, declare
from symgrad.declare.syntax import pointer
from symgrad.errors import DeclarationError, NameClash, ParseError, SymgradError, UnknownName
from symgrad.tensor.dims import Shape, as_dim

#: An unindented word and a colon open a section; `x[a:b]` and `x := y` do not.
_SECTION = re.compile(r"(\w+)\s*:(?!=)")
_DECLARATION = re.compile(r"\s+(\w+)\s*:\s*")
_COMMENT = re.compile(r"(?<!\\)#.*")
_PYTHON = re.compile(r"(.+\.py)(?::(\w*))?", re.DOTALL)

_ALL_DOMAINS = [*sorted(DOMAINS), "labels:k"]
_EXAMPLE = "write each on an indented line of its own, as in   X: (B, d)"


def load(path: str | os.PathLike[str]) -> Graph:
    """The graph in a file: `net.sg`, or `net.py:name` for a graph that a Python file makes.

    Parameters
    ----------
    path :  a text of equations with sections above them (docs/files.md), or a Python file, which is
            imported; the name may be left out where the file makes one graph only.

    Raises
    ------
    ParseError, UnknownName, NameClash, ShapeError    as `parse` does, with file, line and column.
    DeclarationError    if the file is of another kind, or a Python file fails or makes no graph.
    OSError             if the file cannot be read.
    """
    python = _PYTHON.fullmatch(os.fspath(path))
    if python:
        return _graph_in(Path(python.group(1)), python.group(2) or "")
    file = Path(path)
    if file.suffix != ".sg":
        raise DeclarationError(
            f"{file} is neither a file of equations nor a Python file",
            hint="equations stand in NAME.sg, a graph of Python's is NAME.py:graph",
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParseError(f"{file} is not a text in UTF-8: {error.reason}") from None
    reader = Sections(text)
    try:
        return reader.read().graph(identifier_of(file))
    except SymgradError as error:
        placed = reader.placed(error)
        where = f"{file}, {placed.where}" if placed.where else str(file)
        raise replace(placed, where=where) from None


def identifier_of(file: Path) -> str:
    """The name of a graph that is called as its file is."""
    return re.sub(r"\W|^(?=\d)", "_", file.stem, flags=re.ASCII)


# Files of equations


@dataclass(slots=True)
class Sections:
    """A `.sg` text: sections are read here, equations by `parse`.

    `gradients` are the lines of that section, at their own numbers; `scaled` are the multiples that
    names of gradients stand for.
    """

    text: str
    lines: list[str] = field(init=False)
    equations: list[str] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    domains: dict[str, str] = field(default_factory=dict)
    spellings: dict[str, str] = field(default_factory=dict)
    declared: set[str] = field(default_factory=set)
    parameters: list[str] = field(default_factory=list)
    places: dict[str, tuple[int, int]] = field(default_factory=dict)
    gradients: list[str] = field(default_factory=list)
    scaled: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lines = self.text.splitlines()

    def read(self) -> "Sections":
        """Sort every line into its section."""
        section = ""
        for number, line in enumerate(self.lines, 1):
            bare = _COMMENT.sub("", line).rstrip()
            opens = _SECTION.match(bare)
            if opens:
                section = self._open(opens.group(1), bare, number, opens.end())
            elif bare and section in _BLOCKS and bare[0].isspace():
                _BLOCKS[section](self, section, bare, number)
            elif bare:
                section = section if section == "gradients" else "equations"
                lines: list[str] = getattr(self, section)
                lines += [""] * (number - 1 - len(lines))
                lines.append(line)  # at its own number, for errors
        return self

    def graph(self, name: str) -> Graph:
        """The graph; its name unless the file says another."""
        return parse(
            "\n".join(self.equations),
            self.shapes,
            self.domains,
            self.parameters,
            self.words.get("output"),
            self.words.get("name", name),
            self.spellings,
        )

    def _open(self, section: str, line: str, number: int, start: int) -> str:
        if section not in _SECTIONS:
            close = get_close_matches(section, _SECTIONS, 1)
            self._fail(
                f"no section is called {section!r}", number, 0,
                f"did you mean {close[0]}?" if close else
                f"sections are {', '.join(_SECTIONS)}; what they declare is indented",
            )  # fmt: skip
        _SECTIONS[section](self, section, line, number, start)
        return section

    def _word(self, section: str, line: str, number: int, start: int) -> None:
        """`name: classifier`."""
        words = list(re.finditer(r"\S+", line[start:]))
        if len(words) != 1:
            self._fail(f"{section} is one word", number, start, f"write {section}: and the name")
        if section in self.words:
            self._fail(f"{section} is given twice", number, 0)
        self._at(number, start + words[0].start(), require_identifier, words[0].group())
        self.words[section] = words[0].group()
        self.places.setdefault(words[0].group(), (number, start + words[0].start()))

    def _names(self, section: str, line: str, number: int, start: int) -> None:
        """`parameters: W1 b1`, which `symbols` declares; or nothing, and declarations follow."""
        if "(" in line:
            self._fail(f"{section} takes names here, or declarations below", number,
                       line.index("("), _EXAMPLE)  # fmt: skip
        for word in re.finditer(r"[^\s,]+", line[start:]):
            self._at(number, start + word.start(), require_identifier, word.group())
            self._parameter(word.group(), number, start + word.start())

    def _parameter(self, name: str, number: int, column: int) -> None:
        if name in self.parameters:
            self._fail(f"{name!r} is among the parameters twice", number, column, kind=NameClash)
        self.places.setdefault(name, (number, column))
        self.parameters.append(name)

    def _nothing(self, section: str, line: str, number: int, start: int) -> None:
        """`symbols:`, and declarations follow."""
        if line[start:].strip():
            column = start + len(line[start:]) - len(line[start:].lstrip())
            hint = (
                "they start on the next line" if section in ("equations", "gradients") else _EXAMPLE
            )
            self._fail(f"{section}: stands alone on its line", number, column, hint)

    def _declare(self, section: str, line: str, number: int) -> None:
        r"""`  X: (B, d) positive \hat{X}`, or in values `  K: spd`."""
        match = _DECLARATION.match(line)
        if not match:
            start = len(line) - len(line.lstrip())
            hint = f"{_EXAMPLE}; equations are not indented" if "=" in line else _EXAMPLE
            self._fail(f"{section} holds declarations, name: (shape)", number, start, hint)
        name, column, start = match.group(1), match.start(1), match.end()
        if name in self.declared:
            self._fail(f"{name!r} is declared twice", number, column, kind=NameClash)
        self.declared.add(name)
        self.places[name] = (number, column)
        shape: Shape = ()
        if section != "values":
            shape, start = self._shape(line, number, start)
            self.shapes[name] = shape
        domain, spelling = self._facts(line, number, start)
        if domain:
            self.domains[name] = domain
        if spelling:
            self.spellings[name] = spelling
        if section == "values":
            self._at(number, column, require_identifier, name)
        else:
            self._at(number, column, declare, name, shape, "input", domain or "real")
        if section == "parameters":
            self._parameter(name, number, column)

    def _scale(self, section: str, line: str, number: int) -> None:
        """`  dZ2: m`, where dZ2 stands for m times the gradient."""
        match = _DECLARATION.match(line)
        if not match or not line[match.end() :].strip():
            start = len(line) - len(line.lstrip())
            self._fail(f"{section} holds multiples, name: factor", number, start, "as in   dZ2: m")
        if match.group(1) in self.scaled:
            self._fail(f"{match.group(1)!r} has two factors", number, match.start(1), "",
                       NameClash)  # fmt: skip
        self.scaled[match.group(1)] = line[match.end() :].strip()
        self.places[match.group(1)] = (number, match.start(1))

    def _shape(self, line: str, number: int, start: int) -> tuple[Shape, int]:
        """The dimensions in parentheses, and the column behind them."""
        if not line.startswith("(", start):
            hint = "as in (B, d), in (h) of a vector, or in () of a scalar; its domain follows"
            self._fail("a shape stands in parentheses", number, start, hint)
        depth, piece, dims = 0, start + 1, []
        for column in range(start, len(line)):
            depth += (line[column] == "(") - (line[column] == ")")
            if depth == 0 or (depth == 1 and line[column] == ","):
                text = line[piece:column]
                if text.strip() or depth:  # nothing but blanks may stand in front of ")" alone
                    inner = piece + len(text) - len(text.lstrip())
                    dims.append(self._at(number, inner, as_dim, text.strip()))
                piece = column + 1
            if depth == 0:
                break
        else:
            self._fail("the shape is not closed", number, start, "a parenthesis is missing")
        return tuple(dims), piece

    def _facts(self, line: str, number: int, start: int) -> tuple[str, str]:
        """The domain and the spelling, each empty if not given."""
        rest = line[start:]
        column = start + len(rest) - len(rest.lstrip())
        domain, _, spelling = rest.strip().partition(" ")
        if domain.split(":")[0] in {*DOMAINS, "labels"}:
            return domain, spelling.strip().strip("$")
        rest = rest.strip()
        if rest and not (rest.startswith("$") or len(rest) == 1 or set(rest) & set("\\^_{}'")):
            close = get_close_matches(domain, DOMAINS, 1)
            known = f"did you mean {close[0]}?" if close else f"known are {', '.join(_ALL_DOMAINS)}"
            self._fail(
                f"no domain is called {domain!r}", number, column,
                f"{known}; a spelling in plain letters stands between dollars", DeclarationError,
            )  # fmt: skip
        return "", rest.strip("$")

    # --- errors

    def _at(self, number: int, column: int, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function returns; its errors know this place."""
        try:
            return function(*arguments)
        except SymgradError as error:
            raise self._located(error, number, column) from None

    def _located(self, error: SymgradError, number: int, column: int) -> SymgradError:
        """The error with its place, unless it has one."""
        line = self.lines[number - 1]
        short = line.lstrip()
        before = max(column - (len(line) - len(short)), 0)
        located = error.at(pointer(number, short, before))
        if isinstance(located, ParseError):
            located.line, located.column = number, column + 1
        return located

    def _fail(self, what: str, number: int, column: int, hint: str = "",
              kind: type[SymgradError] = ParseError) -> NoReturn:  # fmt: skip
        raise self._located(kind(what, hint=hint), number, column)

    def placed(self, error: SymgradError) -> SymgradError:
        """The error where the sections mention the name that it is about, if it has no place."""
        for quoted, first in re.findall(r"'(\w+)'|^(\w+)", error.what):
            place = self.places.get(quoted or first)
            if place and not error.where:
                return self._located(error, *place)
        return error


_Section = Callable[[Sections, str, str, int, int], None]

#: What may stand behind the colon of each section.
_SECTIONS: dict[str, _Section] = {
    "name": Sections._word,
    "symbols": Sections._nothing,
    "inputs": Sections._nothing,
    "parameters": Sections._names,
    "values": Sections._nothing,
    "output": Sections._word,
    "equations": Sections._nothing,
    "gradients": Sections._nothing,
    "scaled": Sections._nothing,
}

#: Sections whose indented lines are declarations, and what reads one.
_BLOCKS: dict[str, Callable[[Sections, str, str, int], None]] = {
    "symbols": Sections._declare,
    "inputs": Sections._declare,
    "parameters": Sections._declare,
    "values": Sections._declare,
    "scaled": Sections._scale,
}


# Python files


def _graph_in(file: Path, name: str) -> Graph:
    """The graph of that name in a Python file; the only one in it without a name."""
    names = vars(_imported(file))
    graphs = {key: value for key, value in names.items() if isinstance(value, Graph)}
    listed = f"its graphs are {', '.join(graphs)}" if graphs else "the file makes no graph"
    if not name:
        if len({id(graph) for graph in graphs.values()}) != 1:
            raise DeclarationError(
                f"which graph of {file} is meant?" if graphs else f"{file} makes no graph",
                hint=f"write {file}:NAME; {listed}",
            )
        return next(iter(graphs.values()))
    if name not in names:
        raise UnknownName(f"{file} has no name {name!r}", hint=listed)
    if name not in graphs:
        kind = type(names[name]).__name__
        raise DeclarationError(f"{name!r} in {file} is of type {kind}, no Graph", hint=listed)
    return graphs[name]


def _imported(file: Path) -> ModuleType:
    """The module of a Python file as it is now, run beside the files that it imports."""
    if not file.is_file():
        file.open().close()  # the operating system says why
    place = file.resolve()
    name = f"symgrad_file_{hashlib.sha256(str(place).encode()).hexdigest()[:16]}"
    spec = util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(place.parent))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, SymgradError):
            raise error.at(_last_line(file, place, error)) from None
        if isinstance(error, Exception | SystemExit):
            raise DeclarationError(
                f"{file} cannot be imported: {type(error).__name__}: {error}",
                _last_line(file, place, error),
            ) from error
        raise
    finally:
        sys.path.remove(str(place.parent))
    return module


def _last_line(file: Path, place: Path, error: BaseException) -> str:
    """The deepest line of the file itself on an error's way."""
    if isinstance(error, SyntaxError) and error.filename == str(place):
        return f"{file}, line {error.lineno}"
    lines = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(place)]
    return f"{file}, line {lines[-1].lineno}: {lines[-1].line}" if lines else str(file)
