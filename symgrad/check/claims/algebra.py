"""The two ways in which a claim is run: on terms, for all sizes, and on arrays, at a point."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from sympy import Expr, Integer, sympify

from symgrad.check.claims.arrays import plain, require_small
from symgrad.check.claims.compute import Builder, Values
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

    def changed(self, before: Any, value: Any) -> Any:
        """What an array is once it was changed in place to a value."""

    def copied(self, value: Any) -> Any:
        """The same value in memory of its own."""

    def of(self, value: Term | Expr) -> Any:
        """The value of a term, or of a number in sizes."""


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

    def changed(self, before: Any, value: Any) -> Any:
        """The new term: terms share no memory, and what does is found where it is run."""
        return value

    def copied(self, value: Any) -> Any:
        """The term itself."""
        return value

    def of(self, value: Term | Expr) -> Any:
        """The term or number itself."""
        return value


#: Operations whose results share memory with what they are of, as NumPy's do.
_VIEWS = frozenset({"T", "transpose", "reshape", "ravel", "squeeze", "expand_dims", "swapaxes",
                    "flip", "index"})  # fmt: skip


class Numeric:
    """Values are arrays, and share memory as NumPy's do."""

    symbolic = False

    def __init__(self, names: Mapping[str, Any], sizes: Mapping[str, int]) -> None:
        self.names, self.sizes = names, sizes
        self.own: dict[str, Any] = {}

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
        if isinstance(result, tuple):
            return result
        array = np.asarray(result)
        if op not in _VIEWS and any(
            np.may_share_memory(array, each) for each in own if isinstance(each, np.ndarray)
        ):
            array = array.copy()
        return array

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
        """The array, the same one whenever it is read; a copy, for a claim may change it."""
        if name not in self.own:
            self.own[name] = np.array(self.names[name])
        return self.own[name]

    def changed(self, before: Any, value: Any) -> Any:
        """The array itself, which now holds the value; a number is no array, and is replaced."""
        if not isinstance(before, np.ndarray) or not before.ndim:
            return value
        if before.shape != np.shape(value):
            raise ValueMismatch(
                f"an array of shape {before.shape} cannot become one of shape {np.shape(value)} "
                "in place", hint="write a = a + b in place of a += b",
            )  # fmt: skip
        if not np.can_cast(np.asarray(value).dtype, before.dtype, "same_kind"):
            raise ValueMismatch("an array of whole numbers cannot hold others",
                                hint="make it of floats: a = a.astype(float)")  # fmt: skip
        before[...] = value
        return before

    def copied(self, value: Any) -> Any:
        """A copy of the array."""
        return np.array(value) if isinstance(value, np.ndarray) else value

    def of(self, value: Term | Expr) -> Any:
        """The array of a term; of a name the array itself."""
        if isinstance(value, Term):
            return self.known(value.args[0]) if value.op == "name" else np.array(
                Values(self.names, self.sizes).array(value))  # fmt: skip
        return sympify(Values(self.names, self.sizes).number(value))


__all__ = ["Algebra", "NotSymbolic", "Numeric", "Symbolic", "number_term"]
