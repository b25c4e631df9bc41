"""Subscripts: which entries of an array they say, and arrays given by their entries."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sympy import S

from symgrad.declare.latex.entries import Affine, Index, Key, compared, entry
from symgrad.declare.latex.resolve import Found
from symgrad.declare.latex.trees import Colon, Group, Name, Number, Product, Scripted, Sum, Tree
from symgrad.declare.latex.values import Value
from symgrad.errors import ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, same
from symgrad.tensor.nodes import UNIT, Leaf

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader


def subscript_keys(reader: "Reader", below: Sequence[Tree]) -> list[tuple[Key, Tree]]:
    """What subscripts say, with where they say it: W_{ij} has two, X_{:,t+j} as well."""
    return [(key, item) for item in below for key in keys_of(reader, item)]


def keys_of(reader: "Reader", item: Tree) -> list[Key]:
    """The keys of one subscript."""
    match item:
        case Colon(parts=parts) if not any(part is not None for part in parts):
            return [None]
        case Colon():
            reader.fail("a range of entries is not read here", item)
        case Product(factors=factors, divides=divides) if not any(divides) and all(
            isinstance(each, Name | Scripted) for each in factors
        ):
            return [key for each in factors for key in keys_of(reader, each)]
        case Number(text=text) if len(text) > 1 and text.isdigit():
            reader.fail(f"is {text} one index or {len(text)}?", item, "write commas: W_{1,2}")
        case Sum(terms=terms):
            for term in terms:
                if isinstance(term, Name) and term.text not in reader.bound:
                    free_index(reader, term)
    affine = reader.affine(item) or free_index(reader, item)
    return [affine] if affine is not None else [reader.value(item)]


def free_index(reader: "Reader", tree: Tree) -> Affine | None:
    """A letter that nothing binds as an index, from here on; a name of a value may be one."""
    if not isinstance(tree, Name) or len(tree.text) != 1 or not tree.text.islower():
        return None
    found = reader.found(tree.text, (), ())
    number = found is not None and not isinstance(reader.scope.nodes.get(found.name), Leaf)
    if number or tree.text in reader.numbers or tree.text in reader.local:
        return None
    if reader.closed:
        reader.fail(f"nothing says what the index {tree.text} runs over", tree)
    trees = (reader.statement,) if reader.statement is not None else ()
    index = reader.index(tree.text, *trees)
    reader.bound[tree.text] = index
    return Affine({index.ident: 1}, S.Zero)


def subscripted(reader: "Reader", value: Value, below: Sequence[Tree], tree: Tree) -> Value:
    """The entry of an array at subscripts."""
    if not below:
        return value
    if value.unit or value.elastic:
        reader.fail("what has no stated size has no entries", tree, r"write I_{n}, \mathbf{1}_{n}")
    pairs = subscript_keys(reader, below)
    for axis, (key, item) in enumerate(pairs[: value.rank]):
        if isinstance(key, Affine) and key.letter is not None:
            index = reader.index_of(key.letter)
            assert index is not None
            value = _fitted(reader, value, axis, index, item)
    keys = [key for key, _ in pairs]
    affines = [key for key in keys if isinstance(key, Affine) and key.letter is None]
    return entry(value, keys, reader.sizes(affines, tree), reader.base)


def _fitted(reader: "Reader", value: Value, axis: int, index: Index, item: Tree) -> Value:
    """The value with as many entries along an axis as an index counts, the first ones.

    Raises
    ------
    ShapeError    unless it has as many for all sizes.
    """
    size = value.shape[axis]
    if index.fits(size):
        return value
    assert index.size is not None
    if size is ONE or not (size - index.size).is_nonnegative:
        raise ShapeError(
            f"the index {index.letter} runs to {index.size}, but here over {size}",
            reader.latex.place(item.start)[0],
        )
    keys = [slice(None)] * value.node.ndim
    keys[len(value.letters) + axis] = slice(0, index.size)
    return replace(value, node=value.node[tuple(keys)])


def sliced(reader: "Reader", value: Value, group: Group) -> Value:
    """X[:, 1:k] with NumPy's meaning, counted from 0; of entries that are arrays, of each."""
    if value.unit or value.elastic or len(group.items) > value.rank:
        reader.fail("cannot take a slice of this", group)
    keys: list[object] = [slice(None)] * len(value.letters)
    for item in group.items:
        if isinstance(item, Colon):
            bounds = [reader.number(part) if part is not None else None for part in item.parts]
            if any(b is None and p is not None for b, p in zip(bounds, item.parts, strict=True)):
                reader.fail("a slice is between numbers and dimensions", item)
            keys.append(slice(*bounds))
        else:
            number = reader.number(item)
            keys.append(number if number is not None else reader.value(item).node)
    return Value(value.node[tuple(keys)], value.letters)


# --- δ_{ij}, and arrays by their entries


def kronecker(reader: "Reader", found: Found, tree: Tree) -> Value | None:
    r"""\delta_{ij} of two indices over axes of one size; None for entries of a gradient δ."""
    keys = [key for item in found.below for key in keys_of(reader, item)]
    letters = [key.letter for key in keys if isinstance(key, Affine) and key.letter is not None]
    if len(letters) != 2 or len(keys) != 2:
        return None
    indices = [reader.index_of(letter) for letter in letters]
    sizes = [reader.find_size(index) for index in indices if index is not None]
    node = reader.scope.gradients.get(found.name)
    if node is not None and node.ndim == 2:
        if None in sizes or not same(*sizes) or all(map(same, sizes, node.shape)):
            return None
    sizes = [size or other for size, other in zip(sizes, reversed(sizes), strict=True)]
    for index, size in zip(indices, sizes, strict=True):
        if size is None or (index is not None and not index.fits(size)):
            return None
    if not same(*sizes):
        raise ShapeError(f"\\delta has the indices of two sizes, {sizes[0]} and {sizes[1]}")
    left, right = (key for key in keys if isinstance(key, Affine))
    return compared("eq", left, right, dict(zip(letters, sizes, strict=True)), 0)


def builds(reader: "Reader", below: Sequence[Tree]) -> bool:
    """Whether [a_i b_j]_{ij} is the array of these entries: its letters are bound by nothing."""
    letters = _letters(below)
    return bool(letters) and all(letter not in reader.bound for letter in letters)


def _letters(below: Sequence[Tree]) -> list[str]:
    found: list[str] = []
    for item in below:
        for each in item.factors if isinstance(item, Product) else (item,):
            if not (isinstance(each, Name) and len(each.text) == 1):
                return []
            found.append(each.text)
    return found


def built(reader: "Reader", inner: Tree, tree: Scripted) -> Value:
    """The array whose entries stand in the brackets."""
    indices = [reader.index(letter, inner) for letter in _letters(tree.below)]
    if len(indices) == len(reader.wanted):
        for index, size in zip(indices, reader.wanted, strict=True):
            index.count = size
    with reader.binding(indices):
        value = reader.value(inner)
        if not any(index.ident in value.letters for index in indices):
            return subscripted(reader, value, tree.below, tree)  # [X W]_{ij}
        if value.elastic or value.unit:
            reader.fail("the entries between these brackets have no stated size", inner)
        return gathered(reader, value, indices, tree)


def gathered(reader: "Reader", value: Value, indices: Sequence[Index], tree: Tree) -> Value:
    """The array whose axes are indices, in order, followed by those of the value's own array."""
    count = len(value.letters)
    own = {letter: k for k, letter in enumerate(value.letters)}
    sizes: dict[int, Dim] = dict(enumerate(value.node.shape))
    axes = []
    for index in indices:
        label = own.get(index.ident, len(sizes))
        if label not in sizes:
            sizes[label] = reader.size(index, tree)
        axes.append(label)
    rest = [letter for letter in value.letters if own[letter] not in axes]
    output = [*(own[letter] for letter in rest), *axes, *range(count, value.node.ndim)]
    if len(set(axes)) < len(axes):
        reader.fail("an index stands twice on the left side", tree)
    inner = tuple(UNIT if sizes[k] is ONE else k for k in range(value.node.ndim))
    output = [UNIT if sizes[k] is ONE else k for k in output]
    return Value(op.einsum((inner,), output, value.node, sizes=sizes), tuple(rest))
