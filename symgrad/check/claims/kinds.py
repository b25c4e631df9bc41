"""Kinds of values that code has beside numbers and arrays: modules, functions, ranges, lists."""

from typing import Any, NamedTuple

from sympy import Expr, Integer

from symgrad.check.claims.terms import Term
from symgrad.errors import ParseError


class Module(NamedTuple):
    """NumPy, or a part of it."""

    name: str


class Holder(NamedTuple):
    """A dictionary or object whose entries are known by their own names."""

    name: str


class Function(NamedTuple):
    """A function of the table, and the array that it is a method of."""

    name: str
    own: tuple[Any, ...] = ()


class Method(NamedTuple):
    """A method of a static value."""

    name: str
    of: Any


class Defined(NamedTuple):
    """A function that the claim defines."""

    name: str
    arguments: tuple[str, ...]
    defaults: tuple[Any, ...]
    body: Any


class Span(NamedTuple):
    """A range of whole numbers."""

    start: Any
    stop: Any
    step: int


class Rows(NamedTuple):
    """A list with one entry for each value of an index: [f(j) for j in range(K)]."""

    term: Term
    size: Expr


class Tupled(NamedTuple):
    """Several iterables side by side (zip), or one with its numbers (enumerate)."""

    parts: tuple[Any, ...]
    counted: bool = False


def hashed(value: Any) -> Any:
    """A static value as the key of a dictionary."""
    if isinstance(value, Integer):
        return int(value)
    if isinstance(value, str | int | tuple):
        return value
    if isinstance(value, Expr):
        raise ParseError(
            "the number of steps of a loop is not known, and a dictionary has an entry for each",
            hint="declare it as a number, as in x: (3, d)",
        )
    raise ParseError("a key of a dictionary is a text or a number")
