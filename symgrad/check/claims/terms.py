"""Terms: expressions as people wrote them, before any shape is checked.

A term is a tree of named operations on names, numbers and other terms. It can be built into a node,
computed in NumPy, edited, and written back, in the person's own words; a node cannot hold a product
whose shapes do not fit, a term can.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from sympy import Expr, Symbol

_interned: "WeakValueDictionary[Any, Term]" = WeakValueDictionary()


class Slice(NamedTuple):
    """start:stop:step of an index; its parts are None, numbers or dimensions."""

    start: Any = None
    stop: Any = None
    step: Any = None


class Term:
    """One operation on arguments: terms, numbers, texts, tuples of these. Equal terms are one."""

    __slots__ = ("__weakref__", "args", "depth", "free", "op", "options", "size", "terms")

    op: str
    args: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...]
    free: frozenset[Symbol]  # indices of loops that it depends on
    size: int  # the number of operations in it
    depth: int  # how many of them stand within each other
    terms: tuple["Term", ...]  # those among its arguments, within tuples too

    def __new__(cls, op: str, *args: Any, **options: Any) -> "Term":
        listed = tuple(sorted(options.items()))
        key = (op, _key(args), _key(listed))
        term = _interned.get(key)
        if term is None:
            term = object.__new__(cls)
            term.op, term.args, term.options = op, args, listed
            inner = list(_parts((args, listed)))
            term.free = frozenset().union(*(_free(each) for each in inner))
            if op == "each":
                term.free -= {args[1]}
            term.terms = tuple(each for each in inner if isinstance(each, Term))
            term.size = 1 + sum(each.size for each in term.terms)
            term.depth = 1 + max((each.depth for each in term.terms), default=0)
            term = _interned.setdefault(key, term)
        return term

    def __repr__(self) -> str:
        given = [repr(each) for each in self.args]
        given += [f"{name}={value!r}" for name, value in self.options]
        return f"{self.op}({', '.join(given)})"

    def replaced(self, values: "dict[Term, Term]") -> "Term":
        """The term with others in place of some of those in it."""
        if self in values:
            return values[self]
        if not self.terms:
            return self
        args, options = _mapped((self.args, self.options), values)
        return Term(self.op, *args, **dict(options))


def _mapped(value: Any, values: dict[Term, Term]) -> Any:
    if isinstance(value, Term):
        return value.replaced(values)
    if isinstance(value, Slice):
        return Slice(*(_mapped(each, values) for each in value))
    if isinstance(value, tuple):
        return tuple(_mapped(each, values) for each in value)
    return value


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for each in value:
            yield from _parts(each)
    else:
        yield value


def _free(value: Any) -> frozenset[Symbol]:
    if isinstance(value, Term):
        return value.free
    if isinstance(value, Expr):
        return frozenset(s for s in value.free_symbols if s.name.startswith("place_in_loop_"))
    return frozenset()


def _key(value: Any) -> Any:
    """What tells True from 1, and is hashable."""
    if isinstance(value, tuple):
        return (type(value), *map(_key, value))
    return (type(value), id(value)) if isinstance(value, Term) else (type(value), value)


def name(text: str) -> Term:
    """A symbol, value or gradient."""
    return Term("name", text)


def number(value: Expr) -> Term:
    """A number, or an expression in dimensions."""
    return Term("number", value)


def subterms(term: Term) -> list[Term]:
    """All terms below, each once, those inside before those around them."""
    order: dict[Term, None] = {}
    stack = [term]
    while stack:
        top = stack[-1]
        below = [each for each in top.terms if each not in order]
        if below:
            stack += below
        else:
            order[stack.pop()] = None
    return list(order)


def names_in(term: Term) -> list[str]:
    """The names that it reads, in order."""
    return [each.args[0] for each in subterms(term) if each.op == "name"]
