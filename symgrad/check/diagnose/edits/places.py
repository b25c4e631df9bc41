"""Parts of a claim, their places, and what may stand there instead."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from symgrad.check.claims.terms import Slice, Term
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import negative, over, plus, times
from symgrad.errors import SymgradError


class Edit(NamedTuple):
    """What stands in the place of a part, the label of the mistake, its cost, and what is said."""

    new: Term
    label: str
    cost: float
    said: str
    also: tuple[str, ...] = ()


class Place(NamedTuple):
    """A part of a claim, the way to it, and the parts around it, outermost first."""

    part: Term
    path: tuple[int, ...]
    around: tuple[Term, ...]


#: A part at its place -> what may stand there.
Rule = Callable[[Knowledge, str, Place], Iterator[Edit]]


def places(root: Term) -> list[Place]:
    """All parts, those outside first."""
    found: list[Place] = []
    stack = [Place(root, (), ())]
    while stack:
        place = stack.pop()
        found.append(place)
        stack += [
            Place(each, (*place.path, k), (*place.around, place.part))
            for k, each in reversed(list(enumerate(place.part.terms)))
        ]
    return found


def put(root: Term, path: tuple[int, ...], new: Term) -> Term:
    """The claim with another part at a place."""
    if not path:
        return new
    inner = root.terms[path[0]]
    return with_term(root, path[0], put(inner, path[1:], new))


def everywhere(root: Term, old: Term, new: Term) -> Term:
    """The claim with all parts like one replaced; sums and products stay flat."""
    if root is old:
        return new
    inner = [everywhere(each, old, new) for each in root.terms]
    if all(a is b for a, b in zip(inner, root.terms, strict=True)):
        return root
    return _with_terms(root, inner)


def with_term(term: Term, k: int, new: Term) -> Term:
    """The term with another part; sums and products stay flat."""
    return _with_terms(term, [new if n == k else each for n, each in enumerate(term.terms)])


def _with_terms(term: Term, parts: list[Term]) -> Term:
    left = iter(parts)

    def mapped(value: Any) -> Any:
        if isinstance(value, Term):
            return next(left)
        if isinstance(value, Slice):
            return Slice(*map(mapped, value))
        return tuple(map(mapped, value)) if isinstance(value, tuple) else value

    args, options = mapped(term.args), mapped(term.options)
    match term.op:  # sums and products stay as flat as they were
        case "plus":
            return plus(*args)
        case "times":
            return times(*args)
        case "neg":
            return negative(args[0])
        case "over":
            return over(args[0])
    return Term(term.op, *args, **dict(options))


def below(term: Term) -> set[Term]:
    found, stack = {term}, [term]
    while stack:
        for each in stack.pop().terms:
            if each not in found:
                found.add(each)
                stack.append(each)
    return found


def names_below(term: Term) -> list[str]:
    return [each.args[0] for each in below(term) if each.op == "name"]


def same_value(know: Knowledge, a: Term, b: Term) -> bool:
    try:
        x, y = (np.asarray(know.values(0).array(each), dtype=float) for each in (a, b))
    except (SymgradError, TypeError, ValueError):
        return False
    return x.shape == y.shape and np.allclose(x, y, rtol=1e-8, atol=1e-12)
