"""Conditions and what depends on them: indicators, cases, lists, brackets."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

from symgrad.declare.latex import arrays, gradients
from symgrad.declare.latex.entries import Affine, compared, entry, onehot
from symgrad.declare.latex.subscripts import free_index, gathered, subscripted
from symgrad.declare.latex.superscripts import raised
from symgrad.declare.latex.trees import (
    Group,
    Name,
    Product,
    Relation,
    Scripted,
    Table,
    Tree,
    Word,
    walk,
)
from symgrad.declare.latex.values import Value, elementwise, summed
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.tensor import operators as op
from symgrad.tensor.dims import Dim, labels_below
from symgrad.tensor.labels import classes_of
from symgrad.tensor.nodes import Leaf

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader

_COMPARE = {"=": "eq", "ne": "ne", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge"}


def related(reader: "Reader", tree: Relation) -> Value:
    """The 0/1 array of a condition; a < b < c is both."""
    pairs = [
        _compared(reader, left, _COMPARE.get(sign, sign), right, tree)
        for left, sign, right in zip(tree.sides, tree.signs, tree.sides[1:], strict=False)
    ]
    return reduce(lambda a, b: elementwise(op.multiply, a, b), pairs)


def _compared(reader: "Reader", left: Tree, sign: str, right: Tree, tree: Tree) -> Value:
    if sign not in _COMPARE.values():
        reader.fail("cannot read this condition", tree, r"write =, \neq, <, \le, > or \ge")
    a, b = _counting(reader, left), _counting(reader, right)
    if a is not None and b is not None and (a.terms or b.terms):
        return compared(sign, a, b, reader.sizes([a, b], tree), reader.base)
    for counting, other in ((a, right), (b, left)):
        if counting is not None and counting.letter and sign in ("eq", "ne"):
            picked = _picked(reader, counting, other, tree)
            if picked is not None:
                return picked if sign == "eq" else elementwise(lambda x: op.subtract(1, x), picked)
    values = reader.value(left), reader.value(right)
    if all(value.unit or value.elastic for value in values) or any(v.unit for v in values):
        reader.fail("cannot compare what has no stated size", tree)
    return elementwise(lambda x, y: op.compare(sign, x, y), *values)


def _counting(reader: "Reader", tree: Tree) -> Affine | None:
    affine = reader.affine(tree)
    if affine is None and isinstance(tree, Name):
        found = reader.found(tree.text, (), ())
        if found is None or found.lowered:
            affine = free_index(reader, tree)
    return affine


def _picked(reader: "Reader", counting: Affine, other: Tree, tree: Tree) -> Value | None:
    """[k = y_i] of labels y, or of one-hot rows Y."""
    letter = counting.letter
    assert letter is not None
    rows = _onehot_rows(reader, other)
    if rows is not None:
        index = next(each for each in reader.bound.values() if each.ident == letter)
        if not index.fits(rows.shape[0]):
            reader.fail(f"{index.letter} counts {index.size}, not the classes", tree)
        return entry(rows, [counting], {}, reader.base)
    value = reader.value(other)
    classes: Dim | None = classes_of(value.node)
    if classes is None or value.rank:
        return None
    index = next(each for each in reader.bound.values() if each.ident == letter)
    if not index.fits(classes):
        reader.fail(f"{index.letter} counts {index.size}, but labels are below {classes}", tree)
    rows = onehot(value, classes)
    return entry(rows, [counting], {}, reader.base)


def _onehot_rows(reader: "Reader", tree: Tree) -> Value | None:
    """The one-hot row of an example, written as its label y_i."""
    text, below, above = gradients.parts(tree)
    if text is None or len(below) + len(above) != 1:
        return None
    found = reader.found(text, below, above)
    if found is None or len(found.below) + len(found.above) != 1:
        return None
    node = reader.scope.nodes.get(found.name)
    if not isinstance(node, Leaf) or labels_below(node.domain) is not None:
        return None
    if node.domain.partition(":")[0] != "onehot" or node.ndim != 2:
        return None
    item = found.below[0] if found.below else found.above[0].items[0]
    if isinstance(item, Group):
        (item,) = item.items
    affine = reader.affine(item) or free_index(reader, item)
    if affine is None:
        return None
    keys = [None, affine] if node.domain.endswith(":0") else [affine, None]
    return entry(Value(node), keys, reader.sizes([affine], tree), reader.base)


def indicator(reader: "Reader", tree: Tree, rest: Sequence[Tree]) -> tuple[Value, int] | None:
    r"""\mathbb{1}[z > 0] and \mathbf{1}_{z > 0}: the value, the factors it took, or None."""
    if isinstance(tree, Scripted) and tree.below:
        condition = _condition(tree.below)
        if condition is not None:
            return raised(reader, _indicated(reader, condition), tree.above, tree), 1
    if not rest or (isinstance(tree, Scripted) and (tree.below or tree.above)):
        return None
    first = rest[0]
    group = first.base if isinstance(first, Scripted) else first
    condition = _condition(group.items) if isinstance(group, Group) else None
    if condition is None:
        return None
    value = _indicated(reader, condition)
    if isinstance(first, Scripted):
        value = subscripted(reader, value, first.below, first)
        value = raised(reader, value, first.above, first)
    return value, 2


def _indicated(reader: "Reader", condition: Tree) -> Value:
    """The value of a condition; [j = y_i] of free letters is a matrix, i along its rows."""
    before = dict(reader.bound)
    fresh = _fresh_letters(reader, condition)
    if not fresh or reader.closed:
        return reader.value(condition)
    indices = [reader.index(letter, condition) for letter in fresh]
    if len(reader.wanted) == len(indices):
        for index, size in zip(indices, reader.wanted, strict=True):
            index.count = size
    with reader.binding(indices):
        value = reader.value(condition)
        if {*value.letters} != {index.ident for index in indices}:
            reader.bound = before
            return reader.value(condition)
        return gathered(reader, value, indices, condition)


def _fresh_letters(reader: "Reader", condition: Tree) -> list[str]:
    """The letters of a condition between indices that nothing binds, in alphabetical order."""
    if not isinstance(condition, Relation):
        return []
    letters = set()
    for each in walk(condition):
        if isinstance(each, Name) and len(each.text) == 1 and each.text.islower():
            found = reader.found(each.text, (), ())
            if each.text not in reader.bound and (found is None or found.lowered):
                letters.add(each.text)
    return sorted(letters)


def _condition(items: Sequence[Tree]) -> Tree | None:
    """The one relation among items, in braces or not."""
    if len(items) != 1:
        return None
    (item,) = items
    if isinstance(item, Group) and item.kind == "CURLY":
        return _condition(item.items)
    return item if isinstance(item, Relation) else None


def grouped(reader: "Reader", tree: Group) -> Value:
    """What stands in brackets: an expression, a condition in [ ], a list in [ ], a norm, ⟨A, B⟩."""
    if tree.kind in ("NORM", "BAR"):
        return arrays.norm(reader, tree, (), ())
    if tree.kind == "ANGLE":
        if len(tree.items) != 2:
            reader.fail("an inner product is of two arrays", tree)
        a, b = (reader.value(item) for item in tree.items)
        both = elementwise(op.multiply, a, b)
        return summed(both, range(both.rank))
    if len(tree.items) > 1:
        if tree.kind != "BRACK":
            reader.fail("a list stands in square brackets", tree)
        values = [reader.value(item) for item in tree.items]
        return arrays.concatenated(values, -1)
    (item,) = tree.items
    return reader.value(item)


_OTHERWISE = {"otherwise", "else", "elsewhere", "sonst", "if otherwise"}
_SAID = {"if", "for", "when", "where"}


def tabled(reader: "Reader", tree: Table) -> Value:
    """Cases, from the last to the first; or a matrix of blocks."""
    if tree.kind == "matrix":
        rows = [[_standing(reader.value(cell)) for cell in row] if row else [] for row in tree.rows]
        if len({len(row) for row in rows}) != 1:
            reader.fail("the rows of this matrix have different lengths", tree)
        lines = [arrays.concatenated(row, 1) if len(row) > 1 else row[0] for row in rows]
        return arrays.concatenated(lines, 0) if len(lines) > 1 else lines[0]
    for row in tree.rows:
        if len(row) != 2:
            reader.fail("a case is a value & a condition", row[0])
    result: Value | None = None
    for k, row in enumerate(reversed(tree.rows)):
        value, condition = reader.value(row[0]), _said(row[1])
        if condition is None:
            if k:
                reader.fail("only the last case may be the other one", row[1])
            result = value
            continue
        test = reader.value(condition)
        if result is None:  # the last of all cases needs its condition no less
            zero = elementwise(lambda x: op.multiply(0, x), value)
            result = value if _complete(reader, tree) else elementwise(
                FUNCTIONS["where"], test, value, zero)  # fmt: skip
            continue
        result = elementwise(FUNCTIONS["where"], test, value, result)
    assert result is not None
    return result


#: Conditions that together are always true.
_OPPOSITE = {("gt", "le"), ("le", "gt"), ("lt", "ge"), ("ge", "lt"), ("=", "ne"), ("ne", "=")}


def _complete(reader: "Reader", tree: Table) -> bool:
    """Whether two cases exhaust all there are: z > 0 and z ≤ 0."""
    said = [_said(row[1]) for row in tree.rows]
    if len(said) != 2:
        reader.fail("the cases must end with one for all others", tree, r"\text{otherwise}")
    first, second = said
    if not (isinstance(first, Relation) and isinstance(second, Relation)):
        reader.fail("cannot read these conditions", tree)
        return False
    texts = [reader.latex.text[s.start : s.end].replace(" ", "") for r in (first, second)
             for s in r.sides]  # fmt: skip
    same_sides = len(texts) == 4 and texts[:2] == texts[2:]
    if same_sides and (first.signs[0], second.signs[0]) in _OPPOSITE:
        return True
    if same_sides and {first.signs[0], second.signs[0]} in ({"gt", "lt"}, {"ge", "le"}):
        return {first.signs[0], second.signs[0]} == {"ge", "le"}
    reader.fail("do these cases leave something out?", tree, r"end with & \text{otherwise}")
    return False


def _said(tree: Tree) -> Tree | None:
    r"""The condition of a case; None for \text{otherwise}."""
    match tree:
        case Word(text=text) if text.strip(" .,").lower() in _OTHERWISE:
            return None
        case Relation(sides=(Product(factors=(Word(text=text), *rest)), *others), signs=signs) if (
            text.strip().lower() in _SAID
        ):
            first = rest[0] if len(rest) == 1 else Product(
                rest[0].start, rest[-1].end, tuple(rest), (False,) * len(rest))  # fmt: skip
            return Relation(first.start, tree.end, (first, *others), signs)
    return tree


def _standing(value: Value) -> Value:
    """A block as a matrix."""
    if value.rank == 2:
        return value
    n = len(value.letters)
    if value.rank == 0:
        return Value(value.node[(..., None, None)] if n else op.full(value.node, (1, 1))
                     if op.constant_of(value.node) is not None else value.node[None, None],
                     value.letters)  # fmt: skip
    key = (..., None, slice(None)) if value.lying else (..., slice(None), None)
    return replace(value, node=value.node[key], lying=False)
