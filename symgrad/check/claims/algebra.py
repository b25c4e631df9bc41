"""The two ways in which a claim is run: on terms, for all sizes, and on arrays, at a point."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from sympy import Expr, Integer

from symgrad.check.claims.arrays import plain, require_small
from symgrad.check.claims.compute import Builder
from symgrad.check.claims.operations import OPERATIONS
from symgrad.check.claims.terms import Term
from symgrad.check.claims.terms import name as name_term
from symgrad.check.claims.terms import number as number_term
from symgrad.errors import ParseError, SymgradError, ValueMismatch
from symgrad.tensor.nodes import Node


class NotSymbolic(ParseError):
    """What has no formula for all sizes, such as a condition on values; it can still be run."""


class Algebra(Protocol):
    """What the interpreter asks of values; a static number is a SymPy expression in both."""

    symbolic: bool

    def is_array(self, value: Any) -> bool:
        """Whether it is a value of this algebra, not a static one."""

    def call(self, op: str, *args: Any, **options: Any) -> Any:
        """The result of an operation of the table."""

    def shape(self, value: Any) -> tuple[Expr, ...]:
        """The sizes of its axes."""

    def entries(self, value: Any) -> int:
        """How many entries were computed of a value."""

    def truth(self, value: Any) -> bool:
        """Whether a condition holds."""

    def size(self, name: str) -> Expr:
        """What a dimension is."""

    def known(self, name: str) -> Any:
        """The value of a symbol, defined value or gradient."""


class Symbolic:
    """Values are terms."""

    symbolic = True

    def __init__(self, leaves: Mapping[str, Node], sizes: Mapping[str, Expr]) -> None:
        self.leaves, self.sizes = leaves, sizes
        self.builder = Builder(leaves)

    def is_array(self, value: Any) -> bool:
        """Whether it is a term."""
        return isinstance(value, Term)

    def call(self, op: str, *args: Any, **options: Any) -> Term:
        """A term; numbers are written as they are."""
        return Term(op, *map(self._frozen, args),
                    **{name: self._frozen(value) for name, value in options.items()})  # fmt: skip

    def _frozen(self, value: Any) -> Any:
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return tuple(map(self._frozen, value))
        return value

    def shape(self, value: Any) -> tuple[Expr, ...]:
        """The sizes of its axes, dimensions."""
        try:
            return self.builder.node(value).shape
        except SymgradError as error:
            raise NotSymbolic(f"the shape is not known: {error.what}") from None

    def entries(self, value: Any) -> int:
        """How many entries were computed of a value."""
        return 0  # nothing is, of a formula

    def truth(self, value: Any) -> bool:
        """A condition on values has no answer for all of them."""
        raise NotSymbolic("a condition on values has no formula")

    def size(self, name: str) -> Expr:
        """The dimension itself."""
        return self.sizes[name]

    def known(self, name: str) -> Term:
        """A name."""
        return name_term(name)


class Numeric:
    """Values are arrays."""

    symbolic = False

    def __init__(self, names: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        self.names, self.sizes = names, sizes

    def is_array(self, value: Any) -> bool:
        """Whether it is an array or an entry of one."""
        return isinstance(value, np.ndarray | np.generic)

    def call(self, op: str, *args: Any, **options: Any) -> Any:
        """The operation's array."""
        own = [self._plain(each) for each in args]
        named = {name: self._plain(value) for name, value in options.items()}
        shapes = [np.shape(each) for each in own if isinstance(each, np.ndarray)]
        try:
            if len(shapes) > 1 and op in ("add", "sub", "mul", "div", "pow", "where", "maximum"):
                require_small(*np.broadcast_shapes(*shapes))
            with np.errstate(all="ignore"):
                result = OPERATIONS[op].value(*own, **named)
        except SymgradError:
            raise
        except Exception as error:  # whatever NumPy says of wrong arguments
            raise ValueMismatch(f"{op}: {error}") from None
        require_small(np.size(result) if not isinstance(result, tuple) else 1)
        return result if isinstance(result, tuple) else np.asarray(result)

    def _plain(self, value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "iu":
            return int(value)
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return tuple(map(self._plain, value))
        return plain(value)

    def shape(self, value: Any) -> tuple[Expr, ...]:
        """The sizes of its axes, numbers."""
        return tuple(map(Integer, np.shape(value)))

    def entries(self, value: Any) -> int:
        """How many entries were computed of a value."""
        return 1 if isinstance(value, tuple) else int(np.size(value))

    def truth(self, value: Any) -> bool:
        """Whether the one entry is true."""
        if np.size(value) != 1:
            raise ValueMismatch("the truth of an array of several entries is not one value")
        return bool(np.asarray(value).item())

    def size(self, name: str) -> Expr:
        """The size at this point."""
        return Integer(self.sizes[name])

    def known(self, name: str) -> Any:
        """The array, a copy: a claim may change its own."""
        return np.array(self.names[name])


__all__ = ["Algebra", "NotSymbolic", "Numeric", "Symbolic", "number_term"]
