"""Σ, Π, max and min over indices, layers and steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sympy import Expr, expand

from symgrad.declare.latex.entries import Index
from symgrad.declare.latex.scope import spelled_all
from symgrad.declare.latex.steps import is_step, over_steps
from symgrad.declare.latex.trees import (
    Chain,
    Colon,
    Group,
    Mark,
    Name,
    Product,
    Relation,
    Scripted,
    Sum,
    Tree,
    stem_of,
    uses,
    walk,
)
from symgrad.declare.latex.values import Value, elementwise
from symgrad.errors import ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, same
from symgrad.tensor.nodes import Reduce

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader, Tail

_KINDS = {"sum": "sum", "prod": "prod", r"\max": "max", r"\min": "min"}


@dataclass(frozen=True, slots=True)
class Bound:
    """An index below a Σ, where it starts, and what must hold."""

    letter: str
    low: Tree | None = None
    condition: Tree | None = None


def kind_of(tree: Tree) -> str | None:
    """sum, prod, max or min."""
    base = tree.base if isinstance(tree, Scripted) else tree
    match base:
        case Mark(kind="sum" | "prod" as kind):
            return kind
        case Name(text=r"\max" | r"\min" as text) if isinstance(tree, Scripted) and tree.below:
            return _KINDS[text]
    return None


def reduces(reader: "Reader", tree: Tree) -> bool:
    """Whether it is a Σ, or a maximum over an index."""
    kind = kind_of(tree)
    if kind in ("max", "min"):
        assert isinstance(tree, Scripted)
        return not any("axis" in spelled_all((each,)) or "axes" in spelled_all((each,))
                       for each in tree.below)  # fmt: skip
    return kind is not None


def bounds(reader: "Reader", tree: Tree) -> list[Bound]:
    """The indices below a Σ."""
    found: list[Bound] = []
    for item in tree.below if isinstance(tree, Scripted) else ():
        found += _bounds(reader, item)
    return found


def _bounds(reader: "Reader", item: Tree) -> Iterator[Bound]:
    match item:
        case Name(text=text):
            yield Bound(text)
        case Product(factors=factors) if all(isinstance(each, Name) for each in factors):
            for each in factors:
                yield Bound(each.text)  # type: ignore[attr-defined]
        case Relation(sides=(Name(text=text), low), signs=("=",)):
            yield Bound(text, low)
        case Relation(sides=(Name(text=text), _), signs=("in",)):
            yield Bound(text)
        case Relation(sides=sides):
            letters = [s.text for s in sides if isinstance(s, Name) and s.text not in reader.bound
                       and reader.found(s.text, (), ()) is None]  # fmt: skip
            first = sides[0]
            if not letters and isinstance(first, Name):
                letters = [first.text]
            if not letters:
                reader.fail("no index stands below this sum", item)
            for k, letter in enumerate(letters):
                yield Bound(letter, condition=item if k == len(letters) - 1 else None)
        case Colon(parts=(Name(text=text), Tree() as condition)):
            yield Bound(text, condition=condition)
        case _:
            reader.fail("cannot read what is summed over", item, r"write \sum_{i=1}^{n}")


def reduction(
    reader: "Reader",
    tree: Tree,
    factors: tuple[Tree, ...],
    divides: tuple[bool, ...],
    tail: "Tail",
) -> Value:
    """A Σ with the rest of its product and of its chain, and with the terms that it takes in."""
    if not factors and not tail.terms:
        reader.fail("nothing stands behind this sum", tree)
    if divides[:1] == (True,):
        reader.fail("a sum cannot be divided before it says what it adds", factors[0])
    body = _body(factors, divides, tail)
    kind = kind_of(tree) or "sum"
    limits = bounds(reader, tree)
    above = tree.above if isinstance(tree, Scripted) else ()
    if len(above) > 1 or (above and (above[0].mark or len(above[0].items) != 1)):
        reader.fail("cannot read the upper bound of this sum", tree)
    high = above[0].items[0] if above else None
    if not limits:
        return _bare(reader, kind, body, tree)
    return _over(reader, kind, limits, high, body, tree)


def _body(factors: tuple[Tree, ...], divides: tuple[bool, ...], tail: "Tail") -> Tree:
    if not factors:  # \\sum_i - x_i
        return Sum(tail.terms[0].start, tail.terms[-1].end, tail.terms, tail.term_signs)
    start, end = factors[0].start, factors[-1].end
    body: Tree = factors[0]
    if len(factors) > 1:
        body = Product(start, end, factors, (False, *divides[1:]))
    if tail.parts:
        end = tail.parts[-1].end
        body = Chain(start, end, (body, *tail.parts), tail.signs)
    if tail.terms:
        body = Sum(start, tail.terms[-1].end, (body, *tail.terms), (1, *tail.term_signs))
    return body


def _bare(reader: "Reader", kind: str, body: Tree, tree: Tree) -> Value:
    """A Σ that names no index: of all entries, or along the axis that leaves what is wanted."""
    value = reader.value(body)
    if value.unit or value.elastic:
        reader.fail("how much is summed here is not known", tree)
    if value.rank == 0:
        return value
    axes = tuple(range(value.rank))
    if value.rank == 2 and not reader.closed:
        chosen = (axes, (1,), (0,))[reader.pick(3, "name the index of the sum")]
        if chosen != axes:
            reader.note(f"a sum without an index is read along axis {chosen[0]}")
        axes = chosen
    return _reduced(kind, value, [len(value.letters) + axis for axis in axes], value.letters)


def _over(
    reader: "Reader",
    kind: str,
    limits: Sequence[Bound],
    high: Tree | None,
    body: Tree,
    tree: Tree,
) -> Value:
    first, *rest = limits

    def inner() -> Value:
        return _over(reader, kind, rest, high, body, tree) if rest else reader.value(body)

    if is_step(reader, first.letter, body):
        return over_steps(reader, kind, first.letter, first.low, high, inner, body, tree)
    index = reader.index(first.letter, body)
    count = _count(reader, index, first, high, tree)
    if count is not None and count[0] == reader.base:
        index.count = count[1]
    with reader.binding([index]):
        value = inner()
        if first.condition is not None:
            if kind != "sum":
                reader.fail("a condition is read below a sum only", first.condition)
            value = elementwise(op.multiply, reader.value(first.condition), value)
        if index.ident not in value.letters:
            if count is None:
                count = (reader.base, reader.size(index, tree))
            return _repeated(kind, value, count[1])
        if count is not None:
            value = _ranged(reader, index, value, *count, tree)
    axis = value.letters.index(index.ident)
    letters = tuple(k for k in value.letters if k != index.ident)
    return replace(_reduced(kind, value, [axis], letters), lying=value.lying, elastic=value.elastic)


def _reduced(kind: str, value: Value, axes: Sequence[int], letters: tuple[str, ...]) -> Value:
    if kind == "sum":
        node = op.sum_over(value.node, tuple(axes))
    elif kind == "prod":
        node = op.along(Reduce, value.node, tuple(axes), False, "prod")
    else:
        node = op.extremum(kind, value.node, tuple(axes))
    return Value(node, letters)


def _repeated(kind: str, value: Value, count: Expr) -> Value:
    if kind == "sum":
        return replace(value, node=op.scale(count, value.node))
    return replace(value, node=op.power(value.node, count)) if kind == "prod" else value


def _count(
    reader: "Reader", index: Index, bound: Bound, high: Tree | None, tree: Tree
) -> tuple[Expr, Expr] | None:
    """The first number and how many there are, where both bounds are numbers or dimensions."""
    low = reader.number(bound.low) if bound.low is not None else op.exact(reader.base)
    if low is None:
        reader.fail("cannot read where this sum starts", bound.low or tree)
    top = reader.number(high) if high is not None else None
    if top is None:
        if high is not None and not isinstance(high, Name):
            reader.fail("cannot read where this sum ends", high)
        return None if low == reader.base else (low, None)  # type: ignore[return-value]
    return low, expand(top - low + 1)


def _ranged(
    reader: "Reader", index: Index, value: Value, low: Expr, count: Expr | None, tree: Tree
) -> Value:
    """The value with the index in its range; the whole range is nothing to do."""
    size = value.sizes[index.ident]
    start = expand(low - reader.base)
    if count is None:
        count = expand(size - start)
    if start == 0 and same(count, size):
        return value
    missing = expand(size - count - start)
    if size is ONE or not (missing.is_Integer and start.is_Integer) or missing < 0 or start < 0:
        where = reader.latex.place(tree.start)[0]
        raise ShapeError(
            f"the index {index.letter} runs over {count} numbers, "
            f"but the axis that it counts has {size}",
            where,
        )
    axis = value.letters.index(index.ident)
    keys = [slice(None)] * value.node.ndim
    keys[axis] = slice(start, start + count)
    return replace(value, node=value.node[tuple(keys)])


def taken_in(reader: "Reader", term: Tree, rest: Sequence[Tree]) -> int:
    """How many of the terms that follow belong to the Σ at the end of a term: those, and all
    before them, that have its index, which nothing else binds.
    """
    letters = set(_open_letters(reader, term)) - reader.bound.keys() - reader.numbers.keys()
    taken = 0
    for k, each in enumerate(rest):
        if any(mentions(reader, each, letter) for letter in letters):
            taken = k + 1
        else:
            break
    return taken


def ends_bare(reader: "Reader", tree: Tree) -> bool:
    """Whether a term ends in a Σ, so that the next one is what it adds."""
    while isinstance(tree, Product | Chain):
        tree = (tree.factors if isinstance(tree, Product) else tree.parts)[-1]
    return reduces(reader, tree)


def _open_letters(reader: "Reader", tree: Tree) -> Iterator[str]:
    """The indices of sums that stand outside all brackets of a term."""
    match tree:
        case Product(factors=parts) | Chain(parts=parts):
            for each in parts:
                yield from _open_letters(reader, each)
        case Sum(terms=(only,)):
            yield from _open_letters(reader, only)
        case _ if reduces(reader, tree):
            for bound in bounds(reader, tree):
                yield bound.letter


def mentions(reader: "Reader", tree: Tree, letter: str) -> bool:
    """Whether a letter is an index somewhere in a tree, and no sum in there binds it."""
    parts = list(walk(tree))
    if any(
        b.letter == letter for each in parts if reduces(reader, each) for b in bounds(reader, each)
    ):
        return False
    for each in parts:
        if not isinstance(each, Scripted) or reduces(reader, each):
            continue
        stem = stem_of(each)
        found = reader.resolver.exact(stem, each.below, each.above) if stem is not None else None
        below = found.below if found is not None else each.below
        examples = [i for a in each.above for i in a.items if isinstance(i, Group)]
        if any(uses(script, letter) for script in (*below, *examples)):
            return True
    return False
