"""Terms built into nodes, and computed as arrays."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sympy import Expr, Integer

from symgrad.check.claims.arrays import require_small
from symgrad.check.claims.operations import OPERATIONS
from symgrad.check.claims.terms import Slice, Term
from symgrad.declare.loops import over
from symgrad.errors import SymgradError, UnknownName, ValueMismatch
from symgrad.tensor import operators as op
from symgrad.tensor.dims import as_dim
from symgrad.tensor.evaluate import number_value
from symgrad.tensor.nodes import Node

#: Entries of an array that is kept: a search for a mistake computes thousands.
MOST_KEPT = 20_000


class Builder:
    """Builds terms into nodes, each once; `leaves` are the nodes of names."""

    def __init__(self, leaves: Mapping[str, Node]) -> None:
        self.leaves = leaves
        self.done: dict[Term, Any] = {}

    def node(self, term: Term) -> Node:
        """The node of a term.

        Raises
        ------
        SymgradError    where shapes do not fit, or a part has no formula.
        """
        result = self._built(term)
        if isinstance(result, tuple):
            raise SymgradError("a call gives several values, not one")
        return op.as_node(result)

    def _built(self, term: Term) -> Any:
        if term not in self.done:
            self.done[term] = self._build(term)
        return self.done[term]

    def _build(self, term: Term) -> Any:
        match term.op:
            case "name":
                if term.args[0] not in self.leaves:
                    raise UnknownName(f"{term.args[0]!r} has no formula")
                return self.leaves[term.args[0]]
            case "number":
                return op.as_node(term.args[0])
            case "each":
                body, index, size = term.args
                return over(self.node(body), index, as_dim(size))
            case "part":  # of a call that gives several values
                return self._built(term.args[0])[int(term.args[1])]
        args = [self._argument(each) for each in term.args]
        options = {name: self._argument(value) for name, value in term.options}
        try:
            return OPERATIONS[term.op].build(*args, **options)
        except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError) as error:
            raise SymgradError(f"{term.op}: {error}") from None

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Term):
            return self._built(value)
        if isinstance(value, Slice):
            return slice(*map(self._argument, value))
        if isinstance(value, tuple):
            return tuple(map(self._argument, value))
        return value


class Values:
    """Computes terms at a point, each once; `names` are the arrays of names."""

    def __init__(self, names: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        self.names = names
        self.sizes = sizes
        self.done: dict[Term, Any] = {}
        self._numbers: dict[Expr, Any] = {}
        self._loops: list[tuple[Any, int]] = []

    def array(self, term: Term) -> Any:
        """The value of a term.

        Raises
        ------
        SymgradError    where shapes do not fit, or a value is missing.
        """
        with np.errstate(all="ignore"):
            return self._value(term)

    def _value(self, term: Term) -> Any:
        if term in self.done:
            return self.done[term]
        result = self._compute(term)
        if not term.free and (isinstance(result, tuple) or np.size(result) <= MOST_KEPT):
            self.done[term] = result
        return result

    def _compute(self, term: Term) -> Any:
        match term.op:
            case "name":
                if term.args[0] not in self.names:
                    raise UnknownName(f"{term.args[0]!r} has no value")
                return self.names[term.args[0]]
            case "number":
                return self.number(term.args[0])
            case "each":
                return self._each(*term.args)
            case "part":
                return self._value(term.args[0])[int(term.args[1])]
        args = [self._argument(each) for each in term.args]
        options = {name: self._argument(value) for name, value in term.options}
        try:
            return OPERATIONS[term.op].value(*args, **options)
        except (TypeError, ValueError, IndexError, AttributeError, ZeroDivisionError,
                np.linalg.LinAlgError, OverflowError, MemoryError) as error:  # fmt: skip
            raise ValueMismatch(f"{term.op}: {error}") from None

    def number(self, value: Expr) -> Any:
        """A number, or an expression in sizes."""
        if value.is_Integer:
            return int(value)
        found = self._numbers.get(value)
        if found is None:
            known = {s: Integer(self.sizes[s.name]) for s in value.free_symbols
                     if s.name in self.sizes}  # fmt: skip
            exact = value.xreplace(known | dict(self._loops))
            try:
                found = int(exact) if exact.is_Integer else float(number_value(exact))
            except (TypeError, ValueError, OverflowError):
                raise ValueMismatch(f"{value} has no value") from None
            if not self._loops:
                self._numbers[value] = found
        return found

    def _each(self, body: Term, index: Any, size: Expr) -> Any:
        rows = []
        for k in range(int(self.number(size))):
            self._loops.append((index, Integer(k + 1)))  # type: ignore[arg-type]
            try:
                rows.append(self._value(body))
            finally:
                self._loops.pop()
            require_small(len(rows), np.size(rows[-1]))
        return np.array(rows)

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Term):
            return self._value(value)
        if isinstance(value, Slice):
            return slice(*map(self._argument, value))
        if isinstance(value, tuple):
            return tuple(map(self._argument, value))
        return self.number(value) if isinstance(value, Expr) else value
