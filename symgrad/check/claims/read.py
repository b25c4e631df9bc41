"""Claims from a text: which gradients it states, and what it says each of them is."""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from sympy import Expr

from symgrad.check.claims.algebra import Algebra, NotSymbolic, Numeric, Symbolic
from symgrad.check.claims.program import Program
from symgrad.check.claims.scope import MOST_LONG, Scope, require_short
from symgrad.check.claims.sharing import Stale, Watching, fault_of, stale_reads
from symgrad.check.claims.slices import early_read
from symgrad.check.claims.statements import Interpreter, Left, Returned, _assigned
from symgrad.check.claims.terms import Term
from symgrad.check.claims.terms import number as number_term
from symgrad.check.claims.unroll import unrolled
from symgrad.declare.syntax import Source
from symgrad.errors import ParseError, SymgradError
from symgrad.tensor.dims import dim


@dataclass(slots=True)
class Text:
    """The statements of a claim, as they were written; a program if it is known how they belong.

    `carried` are lists and dictionaries of a forward pass, which gradients read.
    """

    source: Source
    statements: list[ast.stmt]
    program: Program | None = None
    carried: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, text: str, most: int = MOST_LONG) -> "Text":
        """Parsed with Python's grammar, and not yet looked at."""
        require_short(text, most)
        source = Source(text)
        source.lines = source.text.replace("\r\n", "\n").expandtabs(4).split("\n")
        source.indents = [0] * len(source.lines)
        common = min((len(line) - len(line.lstrip()) for line in source.lines if line.strip()),
                     default=0)  # fmt: skip
        source.lines = [line[common:] for line in source.lines]
        return cls(source, _parsed(source))

    def started(self, algebra: Algebra) -> dict[str, Any]:
        """What is carried, as values of an algebra: lists and dictionaries of its own."""
        return {name: _as_value(value, algebra) for name, value in self.carried.items()}


def _as_value(value: Any, algebra: Algebra) -> Any:
    """A static structure with terms in it as one of an algebra's values."""
    if isinstance(value, dict):
        return {key: _as_value(each, algebra) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_value(each, algebra) for each in value]
    if type(value) is tuple:
        return tuple(_as_value(each, algebra) for each in value)
    return algebra.of(value) if isinstance(value, Term | Expr) else value


def _parsed(source: Source) -> list[ast.stmt]:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            statements = ast.parse("\n".join(source.lines)).body
    except SyntaxError as error:
        line = error.lineno or 1
        source.fail(f"cannot read this: {error.msg}", line, max((error.offset or 1) - 1, 0))
    except (RecursionError, MemoryError):
        raise ParseError("the text is nested too deeply", hint="name parts of it") from None
    except ValueError as error:  # a null byte
        raise ParseError(f"cannot read this: {error}") from None
    return statements


#: What claims are given as: a text of statements, or what is said of each gradient.
Claims: TypeAlias = str | Text | Mapping[str, object] | Sequence[tuple[str, object]]


def pairs_of(claims: Claims) -> Iterable[tuple[str, object]]:
    """The spelling of each gradient, and what is said of it."""
    if isinstance(claims, Mapping):
        return claims.items()
    assert not isinstance(claims, str | Text)
    return claims


#: Operations within each other in a formula: what a long loop makes is run instead.
MOST_DEPTH = 60


@dataclass(slots=True)
class Part:
    """One claim: a spelling of a gradient, and the statements that lead to it."""

    spelling: str
    text: Text
    statements: list[ast.stmt]
    before: list["Part"] = field(default_factory=list)
    adds: bool = False
    fault: SymgradError | None = None

    @property
    def line(self) -> int:
        """The line of the text on which the gradient is assigned last, from 1."""
        own = [tree for tree in self.statements if self.spelling in _assigned([tree])]
        return (own or self.statements)[-1].lineno if self.statements else 1

    def result(self, scope: Scope, algebra: Algebra, own: Mapping[str, Any] | None = None) -> Any:
        """The value of the claim: a term or an array.

        `own` are values of gradients that earlier claims gave, in place of the true ones.
        """
        if self.fault is not None:
            raise self.fault
        names = self.text.started(algebra) | dict(own or {})
        for each in self.before:
            try:
                names |= each.locals(scope, algebra, names)
            except SymgradError:
                continue  # it is said where it stands
        run = self._run(scope, algebra, names)
        value = run.names.get(self.spelling)
        if value is None:
            raise ParseError(f"nothing is assigned to {self.spelling}",
                             hint=f"write an expression, or {self.spelling} = ...")  # fmt: skip
        value = run.array(value, self.statements[-1])
        if isinstance(value, Expr):
            if algebra.symbolic:
                return number_term(value)
            return Numeric({}, {}).call("array", value)
        if isinstance(value, Term) and value.depth > MOST_DEPTH:
            raise NotSymbolic("a formula that is nested too deeply")
        return value

    def locals(self, scope: Scope, algebra: Algebra, names: Mapping[str, Any]) -> dict[str, Any]:
        """The person's own names after these statements, gradients left out."""
        run = self._run(scope, algebra, names)
        return {name: value for name, value in run.names.items() if scope.target(name) is None}

    def _run(self, scope: Scope, algebra: Algebra, names: Mapping[str, Any]) -> Interpreter:
        run = Interpreter(self.text.source, scope, algebra, dict(names), adds=self.adds)
        try:
            match self.statements:
                case [ast.Expr(value=value)] if not _is_statement(value):
                    run.names[self.spelling] = run.value(value)
                case [*before, ast.Expr(value=value)] if self.spelling not in _assigned(
                    list(before)
                ) and not _is_statement(value):
                    run.run(list(before))
                    run.names[self.spelling] = run.value(value)
                case _:
                    run.run(self.statements)
        except Returned:
            if self.text.program is not None:  # of a function of the file
                raise ParseError(
                    "the function ends before what follows",
                    hint="a return in a condition or loop is left out, or the last statement",
                ) from None
        except Left as left:
            raise ParseError(f"{left.kind} stands outside of a loop") from None
        except RecursionError:
            raise ParseError("the claim is nested too deeply", hint="name parts of it") from None
        except _SLIPS as error:  # what Python says of values that an operation is not made for
            raise ParseError(f"the claim cannot be run: {error}") from None
        return run


_SLIPS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, MemoryError)


def _is_statement(tree: ast.expr) -> bool:
    """np.add.at(...), list.append(...): calls for what they change."""
    match tree:
        case ast.Call(func=ast.Attribute(attr="at" | "append")):
            return True
    return False


def parts_of(
    claims: Claims, scope: Scope, parameters: Sequence[str] = (),
    holds: Callable[[Part], bool] = lambda part: True,
    algebra: Callable[[], Numeric] | None = None,
) -> list[Part | tuple[str, Any]]:  # fmt: skip
    """The claims of a text of statements, or of texts for each gradient.

    What a function returns without a name is the gradient by the only one of the parameters.
    `holds` says whether a claim has the right value; `algebra` has values at a point, for what
    shares memory.

    Raises
    ------
    ParseError    for text that Python's grammar cannot read, or that states no gradient.
    """
    if isinstance(claims, str | Text):
        text = Text.of(claims) if isinstance(claims, str) else claims
        return list(_of_program(text, scope, parameters, holds, algebra))
    parts: list[Part | tuple[str, Any]] = []
    earlier: list[Part] = []
    for spelling, given in pairs_of(claims):
        if not isinstance(given, str):
            parts.append((spelling, given))
            continue
        try:
            text = Text.of(given)
        except SymgradError as error:
            parts.append((spelling, error))
            continue
        part = Part(spelling, text, text.statements, list(earlier))
        earlier.append(part)
        parts.append(part)
    return parts


def _of_program(
    text: Text, scope: Scope, parameters: Sequence[str], holds: Callable[[Part], bool],
    numeric: Callable[[], Numeric] | None,
) -> Iterable[Part]:  # fmt: skip
    """A claim for each gradient that statements assign; the others are names of the person's own.

    The statements that assign another gradient are left out of a claim: it reads the true one.
    """
    program = text.program or Program.of(text.statements, scope.known)
    algebra = Symbolic({}, {name: dim(name) for name in scope.sizes})
    run = Interpreter(text.source, scope, algebra, text.started(algebra))
    for tree in program.helpers:
        with suppress(SymgradError):  # it is said where it is judged
            run.statement(tree)
    statements = program.claims(scope, parameters, lambda trees: unrolled(trees, run))
    assigned = [[] if isinstance(statement, ast.FunctionDef) else _assigned([statement])
                for statement in statements]  # fmt: skip
    targets = dict.fromkeys(
        name for names in assigned for name in names if scope.target(name) is not None
    )
    if not targets:
        raise ParseError("the text states no gradient", hint="write dW1 = ..., one for each line")
    ends = {
        target: [k for k, names in enumerate(assigned) if target in names] for target in targets
    }
    listed = list(zip(statements, assigned, strict=True))
    passed: dict[str, int] = {}
    given = {each.arg for tree in text.statements for each in ast.walk(tree)
             if isinstance(each, ast.arg)}  # fmt: skip
    first = {target: places[0] for target, places in ends.items()
             if text.program is not None and target not in given}  # fmt: skip
    stale = _stale(statements, text, scope, numeric)

    def part(target: str, last: int) -> Part:
        chosen = {
            k: statement
            for k, (statement, names) in enumerate(listed[: last + 1])
            if target in names or all(k > passed.get(each, k) for each in names if each in ends)
        }
        body = {k: tree for k, tree in chosen.items() if not isinstance(tree, ast.FunctionDef)}
        others = {*ends} - {target}
        fault = fault_of(stale, target, body, others, scope.target(target) in parameters)
        fault = fault or early_read(body, target, first)
        return Part(target, text, list(chosen.values()), fault=fault)

    for target, places in ends.items():
        if len(places) > 1 and scope.target(target) not in parameters:
            passed |= _passed_on(part, holds, ends, target, passed)
    for target, places in ends.items():
        yield part(target, passed.get(target, places[-1]))


def _stale(
    statements: list[ast.stmt], text: Text, scope: Scope, numeric: Callable[[], Numeric] | None
) -> list[Stale]:
    """What is read after a statement changed it by another name, which a claim may leave out."""
    if numeric is None:
        return []
    try:
        algebra = numeric()
        run = Watching(text.source, scope, algebra, text.started(algebra))
    except SymgradError:
        return []
    return stale_reads(statements, run)


def _passed_on(
    part: Callable[[str, int], Part], holds: Callable[[Part], bool], ends: dict[str, list[int]],
    target: str, passed: dict[str, int],
) -> dict[str, int]:  # fmt: skip
    """Where a gradient stands that is changed in place after it, and passed on so.

    In `dA = dZ @ W.T; dA[A <= 0] = 0; dW = X.T @ dA` the first line is the gradient by A, and what
    goes on is that by the values before the activation, which have no name. It is read so if that
    makes a line right, and none wrong.
    """
    *earlier, last = ends[target]
    if holds(part(target, last)):
        return {}
    place = next((k for k in reversed(earlier) if holds(part(target, k))), None)
    if place is None:
        return {}
    later = [(other, places[-1]) for other, places in ends.items() if places[-1] > last]
    before = [holds(part(*each)) for each in later]
    passed[target] = place
    after = [holds(part(*each)) for each in later]
    del passed[target]
    better = sum(after) > sum(before) and all(
        a or not b for a, b in zip(after, before, strict=True)
    )
    return {target: place} if better else {}


__all__ = ["Claims", "NotSymbolic", "Numeric", "Part", "Symbolic", "Term", "Text", "pairs_of",
           "parts_of"]  # fmt: skip
