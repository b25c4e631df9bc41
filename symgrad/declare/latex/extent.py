"""How far an index runs, as the arrays say whose entries it picks."""

from typing import TYPE_CHECKING

from sympy import expand

from symgrad.declare.latex.entries import Affine, Index
from symgrad.declare.latex.subscripts import subscript_keys
from symgrad.declare.latex.trees import Scripted, scripts_of, uses, walk
from symgrad.errors import SymgradError
from symgrad.tensor.dims import Dim

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader


def search(reader: "Reader", index: Index) -> None:
    """Find the size of an index where it stands for an entry of an array, else from a window."""
    bound, doubts, notes = dict(reader.bound), list(reader.doubts), list(reader.notes)
    choices = list(reader.taken), list(reader.widths)
    reader.bound[index.letter] = index
    places = [
        each
        for tree in index.trees
        for each in walk(tree)
        if isinstance(each, Scripted) and any(uses(s, index.letter) for s in scripts_of(each))
    ]
    try:
        for look in (_entry, _window):
            for each in places:
                if index.size is None:
                    look(reader, index, each)
    finally:
        reader.bound, reader.doubts, reader.notes = bound, doubts, notes
        reader.taken, reader.widths = choices


def _entry(reader: "Reader", index: Index, tree: Scripted) -> None:
    """The size of i from x_i."""
    bound = dict(reader.bound)
    try:
        index.size = reader.value(tree).sizes.get(index.ident)
    except SymgradError:
        pass  # what cannot be read says nothing here, and is an error where it is read
    finally:
        reader.bound = bound


def _window(reader: "Reader", index: Index, tree: Scripted) -> None:
    """The size of t from X_{:,t+j}: as far as the axis goes."""
    try:
        array = reader.value(Scripted(tree.start, tree.end, tree.base, (), tree.above, 0))
        keys = [key for key, _ in subscript_keys(reader, tree.below)]
        for key, size in zip(keys, array.shape, strict=False):
            if isinstance(key, Affine) and key.terms.get(index.ident) == 1 and len(key.terms) > 1:
                index.size = _reach(reader, key, index, size, tree)
                return
    except SymgradError:
        return


def _reach(reader: "Reader", key: Affine, index: Index, size: Dim, tree: Scripted) -> Dim | None:
    """The size of an index for which a sum with others stays within an axis."""
    reach = size - key.position(reader.base)
    for ident, c in key.terms.items():
        if ident == index.ident:
            continue
        other = reader.index_of(ident)
        if c < 0 or other is None:
            return None
        reach -= c * (reader.size(other, tree) - 1)
    return expand(reach)
