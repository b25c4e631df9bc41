"""Σ, Π, max and min over indices, layers and steps."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from sympy import Expr, expand

from symgrad.declare.latex.entries import Affine, Index
from symgrad.declare.latex.resolve import Found
from symgrad.declare.latex.scope import spelled_all
from symgrad.declare.latex.subscripts import subscript_keys
from symgrad.declare.latex.trees import (
    Above,
    Chain,
    Colon,
    Differential,
    Group,
    Mark,
    Name,
    Number,
    Product,
    Relation,
    Scripted,
    Sum,
    Tree,
    walk,
)
from symgrad.declare.latex.values import Value, elementwise
from symgrad.errors import ShapeError, SymgradError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, same
from symgrad.tensor.nodes import Node, Reduce

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

    if _is_step(reader, first.letter, body):
        return _over_steps(reader, kind, first, high, inner, body, tree)
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
        raise AssertionError
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


# --- layers and steps


def _is_step(reader: "Reader", letter: str, body: Tree) -> bool:
    """Whether the letter counts members of families: h_t of h_1, h_2, h_3."""
    return any(True for _ in _members(reader, letter, body))


def _members(reader: "Reader", letter: str, body: Tree) -> Iterator[Scripted]:
    for tree in walk(body):
        if isinstance(tree, Scripted) and (stem := _stem(tree)) is not None:
            if not any(_uses(script, letter) for script in _scripts(tree)):
                continue
            if reader.resolver._exact(stem, tree.below, tree.above) is not None:
                continue
            if stem in reader.local or stem in reader.bound:
                continue
            if reader.scope.family(stem) or _delta_family(reader, stem):
                if not _has_axis(reader, stem, tree):
                    yield tree


def _delta_family(reader: "Reader", stem: str) -> bool:
    return (
        stem == r"\delta"
        and stem not in reader.scope.spellings
        and any(reader.scope.layer_of(name) is not None for name in reader.scope.preactivations)
    )


def _has_axis(reader: "Reader", stem: str, tree: Scripted) -> bool:
    """Whether its layer is said by another script, so that the letter is an index."""
    known = set(reader.scope.family(stem))
    if _delta_family(reader, stem):
        known |= {reader.scope.layer_of(name) or 0 for name in reader.scope.preactivations}
    return any(
        layer in known and (below or above)
        for layer, below, above in reader.resolver.layers(tree.below, tree.above)
    )


def _stem(tree: Scripted) -> str | None:
    base = tree.base.of if isinstance(tree.base, Differential) else tree.base
    return base.text if isinstance(base, Name) else None


def _scripts(tree: Scripted) -> Iterator[Tree]:
    yield from tree.below
    for each in tree.above:
        yield from each.items


def _uses(tree: Tree, letter: str) -> bool:
    return any(isinstance(each, Name) and each.text == letter for each in walk(tree))


def _over_steps(
    reader: "Reader",
    kind: str,
    bound: Bound,
    high: Tree | None,
    inner: Callable[[], Value],
    body: Tree,
    tree: Tree,
) -> Value:
    """Σ over layers or steps: a term for each; without bounds, for each that all names have."""
    last = reader.scope.last_layer() or 0
    low = reader.resolver.number(bound.low) if bound.low is not None else None
    top = reader.resolver.number(high) if high is not None else None
    if (bound.low is not None and low is None) or (high is not None and top is None):
        if isinstance(high, Name) and (bound.low is None or low is not None):
            top = last
        else:
            reader.fail("cannot read the bounds of this sum over layers or steps", tree)
    values: list[Value] = []
    before = dict(reader.numbers)
    members = list(_members(reader, bound.letter, body))
    first = reader.scope.first_layer()
    for step in range(first if low is None else low, (last if top is None else top) + 1):
        reader.numbers = before | {bound.letter: step}
        try:
            if (low is not None and top is not None) or all(
                reader.found(_stem(each) or "", each.below, each.above) for each in members
            ):
                values.append(inner())
        finally:
            reader.numbers = before
    if not values:
        reader.fail("there is no layer or step that this sum runs over", tree)
    rules: dict[str, Callable[[Node, Node], Node]] = {"sum": op.add, "prod": op.multiply}
    if kind not in rules:
        reader.fail("a maximum over layers or steps is not read", tree)
    return reduce(lambda a, b: elementwise(rules[kind], a, b), values)


# --- which terms a sum takes in


def taken_in(reader: "Reader", term: Tree, rest: Sequence[Tree]) -> int:
    """How many of the terms that follow belong to the Σ at the end of a term: those, and all
    before them, that have its index, which nothing else binds.
    """
    letters = set(_open_letters(reader, term)) - reader.bound.keys() - reader.numbers.keys()
    taken = 0
    for k, each in enumerate(rest):
        if any(_mentions(reader, each, letter) for letter in letters):
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


def _mentions(reader: "Reader", tree: Tree, letter: str) -> bool:
    """Whether a letter is an index somewhere in a tree, which is bound nowhere in it."""
    inside = {
        b.letter for each in walk(tree) if reduces(reader, each) for b in bounds(reader, each)
    }
    if letter in inside:
        return False
    for each in walk(tree):
        if isinstance(each, Scripted) and not reduces(reader, each):
            stem = _stem(each)
            if stem is not None and reader.resolver._exact(stem, each.below, each.above):
                found: Found | None = reader.resolver._exact(stem, each.below, each.above)
                below = found.below if found else ()
            else:
                below = each.below
            examples = [i for a in each.above for i in a.items if isinstance(i, Group)]
            if any(_uses(script, letter) for script in (*below, *examples)):
                return True
    return False


# --- sizes


def search(reader: "Reader", index: Index) -> None:
    """Find the size of an index where it stands for an entry of an array."""
    before = reader.bound.get(index.letter)
    reader.bound[index.letter] = index
    path = (list(reader.taken), list(reader.widths), list(reader.notes))
    try:
        for tree in index.trees:
            for each in walk(tree):
                if isinstance(each, Scripted) and any(
                    _uses(script, index.letter) for script in _scripts(each)
                ):
                    _look(reader, index, each)
                if index.size is not None:
                    return
        for tree in index.trees:
            for each in walk(tree):
                if isinstance(each, Scripted) and each.below:
                    _reach(reader, index, each)
                if index.size is not None:
                    return
    finally:
        reader.taken, reader.widths, reader.notes = path
        if before is None:
            reader.bound.pop(index.letter, None)
        else:
            reader.bound[index.letter] = before


def _look(reader: "Reader", index: Index, tree: Scripted) -> None:
    bound = dict(reader.bound)
    try:
        value = reader.value(replace(tree, above=_examples(tree.above)))
        size = value.sizes.get(index.ident)
        if size is not None:
            index.size = size
    except SymgradError:
        pass
    finally:
        reader.bound = bound


def _examples(above: tuple[Above, ...]) -> tuple[Above, ...]:
    return tuple(each for each in above if any(isinstance(i, Group | Number) for i in each.items)
                 or any(isinstance(i, Name | Sum | Product) for i in each.items))  # fmt: skip


def _reach(reader: "Reader", index: Index, tree: Scripted) -> None:
    """The size of t from X_{:,t+j}: as far as the axis goes."""
    try:
        array = reader.value(replace(tree, below=()) if tree.above else tree.base)
        keys = [key for key, _ in subscript_keys(reader, tree.below)]
        if array.rank < len(keys):
            return
        for key, size in zip(keys, array.shape, strict=False):
            if isinstance(key, Affine) and key.terms.get(index.ident) == 1 and len(key.terms) > 1:
                by_ident = {each.ident: each for each in reader.bound.values()}
                reach: Dim = size - key.position(reader.base)
                for ident, c in key.terms.items():
                    if ident != index.ident:
                        if c < 0:
                            return
                        reach -= c * (reader.size(by_ident[ident], tree) - 1)
                index.size = expand(reach)
                return
    except SymgradError:
        return
