"""Where arrays start in the vectors of a program: as expressions in sizes, and as text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from sympy import Expr, S, expand

from symgrad.codegen.layout import chained, fitted
from symgrad.codegen.matrices import View
from symgrad.codegen.names import Identifiers
from symgrad.codegen.plan import Program
from symgrad.codegen.scalars import Scalars
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import Leaf, Node
from symgrad.tensor.primitives import entries

#: A start behind arrays of more sizes than this has a name, and later starts are counted from it.
_SEVERAL = 6


@dataclass(frozen=True, slots=True)
class Place:
    """The array of that number in a vector, from an offset on."""

    vector: str
    number: int
    offset: Expr = S.Zero


@dataclass(slots=True)
class _Array:
    """What stands in a vector: the values that live there, one after another."""

    values: tuple[Node, ...]
    shape: Shape


@dataclass(slots=True)
class Vectors:
    """The arrays of a program's vectors, one behind the other; `out` is the one of results."""

    program: Program
    scalars: Scalars
    ids: Identifiers
    arrays: dict[str, list[_Array]] = field(init=False)
    places: dict[Node, Place] = field(init=False)
    _views: dict[Node, list[View]] = field(init=False)
    _rows: dict[str, list[int]] = field(init=False)
    _kinds: dict[Expr, int] = field(default_factory=dict)
    _several: dict[str, list[int]] = field(init=False)
    _names: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        program = self.program
        self.arrays = {
            vector: [_Array((leaf,), leaf.shape) for leaf in symbols]
            for vector, symbols in program.packed.items()
        }
        for vector, buffers in ((program.out, program.storage.results),
                                ("work", program.storage.buffers)):  # fmt: skip
            self.arrays[vector] = [_Array(b.values, b.shape) for b in buffers]
        self.places = {
            value: Place(vector, n)
            for vector, arrays in self.arrays.items()
            for n, array in enumerate(arrays)
            for value in array.values
        }
        self._views = {}
        for view in program.arrays:
            if isinstance(view, View):
                self._views.setdefault(view.operand, []).append(view)
                if view.operand in self.places:
                    at = self.places[view.operand]
                    self.places[view] = Place(at.vector, at.number, view.offset)
        self._rows = {
            vector: [
                self._kinds.setdefault(entries(array.shape), len(self._kinds)) for array in arrays
            ]
            for vector, arrays in self.arrays.items()
        }
        self._several = {vector: _distinct(row) for vector, row in self._rows.items()}

    def distance(self, a: Place, b: Place) -> tuple[tuple[int, int], ...] | None:
        """How many arrays of each size b stands behind a; None in another vector."""
        if a.vector != b.vector or a.offset != b.offset:
            return None
        sign, (first, last) = 1, (a.number, b.number)
        if first > last:
            sign, first, last = -1, last, first
        counts = Counter(self._rows[a.vector][first:last])
        return tuple((kind, sign * count) for kind, count in sorted(counts.items()))

    def size(self, counts: Iterable[tuple[int, int]]) -> Expr:
        """The entries of so many arrays of each size."""
        sizes = list(self._kinds)
        return expand(sum((count * sizes[kind] for kind, count in counts), S.Zero))

    def start(self, place: Place) -> Expr:
        """Where a place starts."""
        return self.size(Counter(self._rows[place.vector][: place.number]).items()) + place.offset

    def text(self, place: Place) -> str:
        """The same as source: by name where it is long."""
        if self._several[place.vector][place.number] > _SEVERAL:
            key = place.vector, place.number
            if key not in self._names:
                self._names[key] = self.ids.give(f"{place.vector}_{place.number}")
            name, offset = self._names[key], self.scalars.size(place.offset)
            return name if offset == "0" else f"{name} + {offset}"
        return self.scalars.size(expand(self.start(place)))

    def named(self) -> Iterator[str]:
        """The starts that have names, each counted from the one before."""
        last: Place | None = None
        for (vector, number), name in sorted(
            self._names.items(), key=lambda item: (list(self.arrays).index(item[0][0]), item[0][1])
        ):
            place = Place(vector, number)
            gap = None if last is None else self.distance(last, place)
            if last is None or gap is None:
                text = self.scalars.size(self.start(place))
            else:
                text = (
                    f"{self._names[last.vector, last.number]} + {self.scalars.size(self.size(gap))}"
                )
            yield from fitted(f"    {name} = {text}")
            last = place

    def views(self, used: Set[str]) -> Iterator[str]:
        """The lines that give arrays their names."""
        program = self.program
        for vector, arrays in self.arrays.items():
            for number, array in enumerate(arrays):
                names = dict.fromkeys(
                    program.arrays.get(v) or program.names[v] for v in array.values
                )
                found = [name for name in names if name in used]
                if found:
                    yield from self.view(found, array.values[0], Place(vector, number))
                for view in (view for value in array.values for view in self._views.get(value, ())):
                    if program.arrays[view] in used:
                        yield from self.view([program.arrays[view]], view, self.places[view])

    def view(
        self, names: Sequence[str], node: Node, place: Place, start: str = ""
    ) -> Iterator[str]:
        """The line that gives a value's array, or a number among symbols, its name."""
        start = start or self.text(place)
        if isinstance(node, Leaf) and not node.shape:
            yield f"    {names[0]} = {place.vector}[{start}]"
            return
        sizes = [self.scalars.size(d) for d in node.shape or (S.One,)]
        axes = f"({', '.join(sizes)}{',' * (len(sizes) == 1)})"
        yield from chained(names, f"_view({place.vector}, {start}, {axes})")


def _distinct(row: Iterable[int]) -> list[int]:
    """How many kinds stand before each entry of a row."""
    seen: set[int] = set()
    found = []
    for kind in row:
        found.append(len(seen))
        seen.add(kind)
    return found
