"""Arrays that share memory by two names: which statements read one after the other was changed."""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from symgrad.check.claims.algebra import Numeric
from symgrad.check.claims.slices import needed
from symgrad.check.claims.statements import Interpreter, Left, Returned, _base_names
from symgrad.errors import ParseError, SymgradError


class Stale(NamedTuple):
    """A name that statement `read` reads, after statement `written` changed its memory by another.

    `line` is that of the change; `among` are all names of that memory.
    """

    read: int
    name: str
    written: int
    other: str
    line: int
    among: frozenset[str]

    @property
    def at_end(self) -> bool:
        """Whether nothing reads it: what was stated of it is changed after that."""
        return self.read < 0

    def fault(self, line: int) -> ParseError:
        """What is to be said of a claim for which this matters."""
        if self.at_end:
            return ParseError(
                f"{self.name} shares its memory with {self.other}, and that is changed after it "
                f"was stated, in line {self.line}",
                hint=f"write {self.other} = {self.name}.copy() where it is made",
            )
        return ParseError(
            f"line {line} reads {self.name}, which shares its memory with {self.other}, and that "
            f"was changed in line {self.line}",
            hint=f"write {self.other} = {self.name}.copy() where it is made",
        )


@dataclass(slots=True)
class Watching(Interpreter):
    """Runs statements on arrays, and notes what is read after it was changed by another name."""

    place: int = 0
    changed: dict[str, tuple[int, str, int, frozenset[str]]] = field(default_factory=dict)
    found: list[Stale] = field(default_factory=list)

    def named(self, name: str) -> Any:
        """As in the interpreter."""
        before = self.changed.get(self._key(name))
        if before is not None and before[0] != self.place:
            self.found.append(Stale(self.place, name, *before))
        return Interpreter.named(self, name)

    def bind(self, target: ast.expr, value: Any) -> None:
        """As in the interpreter; a name that is given another array shares nothing."""
        if isinstance(target, ast.Name):
            self.changed.pop(target.id, None)
        Interpreter.bind(self, target, value)

    def _change(self, target: ast.expr, before: Any, value: Any) -> None:
        """As in the interpreter; a change that changes nothing, as clipping may be, is none."""
        moved = isinstance(before, np.ndarray) and before.ndim and not np.array_equal(before, value)
        Interpreter._change(self, target, before, value)
        if moved:
            self._note(target, before)

    def _note(self, target: ast.expr, array: Any) -> None:
        """Note the other names of the memory that is written to."""
        assert isinstance(self.algebra, Numeric)
        (*_, own) = _base_names(target)
        names = self.names | {f"known:{key}": each for key, each in self.algebra.own.items()}
        shared = [name for name, value in names.items() if _overlap(value, array)]
        among = frozenset(name.replace("known:d:", "d").removeprefix("known:") for name in shared)
        for name in shared:
            if name not in (own, self._key(own)):
                self.changed[name] = (self.place, own, target.lineno, among)

    def _key(self, name: str) -> str:
        """A name of the person's own as it is, one of the graph's or a gradient marked."""
        if name in self.names:
            return name
        known = self.scope.known.get(name) or f"d:{self.scope.gradients.get(name, '')}"
        return f"known:{known}"


def _overlap(value: Any, array: Any) -> bool:
    if value is array or not isinstance(value, np.ndarray):
        return value is array
    return np.may_share_memory(value, array) and bool(np.shares_memory(value, array))


def stale_reads(statements: Sequence[ast.stmt], run: Watching) -> list[Stale]:
    """What statements read after it was changed by another name, all of them run in order."""
    for k, tree in enumerate(statements):
        run.place = k
        try:
            run.statement(tree)
        except (SymgradError, Returned, Left, RecursionError, *_SLIPS):
            continue  # it is said where it is judged
    return run.found + [Stale(-1, name.removeprefix("known:"), *told)
                        for name, told in run.changed.items()]  # fmt: skip


def fault_of(
    stale: Sequence[Stale], target: str, chosen: Mapping[int, ast.stmt], others: set[str],
    returned: bool,
) -> ParseError | None:  # fmt: skip
    """What is to be said of a claim that leaves out a change of what it reads.

    `chosen` are the statements of the claim by their numbers; it takes `others`, gradients too, as
    what they should be, and not as what shares memory. A gradient that is `returned` must not
    change after they have stated it.
    """
    wanted = {target}
    needed(list(chosen.values()), wanted)
    for each in stale:
        if each.at_end:
            if returned and each.name == target and each.written > max(chosen):
                return each.fault(0)
        elif (
            each.name in wanted
            and each.read in chosen
            and (each.written not in chosen or each.among & others)
        ):
            return each.fault(chosen[each.read].lineno)
    return None


_SLIPS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, MemoryError)

__all__ = ["Stale", "Watching", "fault_of", "stale_reads"]
