"""Blocks as functions, and their calls: in a loop over layers where arrays are equally spaced."""

import itertools
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

from sympy import Symbol, expand

from symgrad.codegen.blocks import FEWEST, Block, Instance
from symgrad.codegen.general import general, numbers
from symgrad.codegen.layout import call, words
from symgrad.codegen.matrices import base
from symgrad.codegen.names import Identifiers
from symgrad.codegen.numbers import Text, size_text
from symgrad.codegen.plan import Program
from symgrad.codegen.scalars import Scalars
from symgrad.codegen.statements import Statement, flat
from symgrad.codegen.vectors import Place, Vectors
from symgrad.codegen.writer import Writer
from symgrad.tensor.nodes import Node

#: The layer in expressions for starts: no name of a dimension.
_LAYER = Symbol("@", integer=True)


#: How many arrays of each kind, which is a size: see `Vectors.distance`.
Counts: TypeAlias = tuple[tuple[int, int], ...]


class Progression(NamedTuple):
    """start + k · stride + (k mod 2) · swing, as numbers of arrays of each size."""

    start: Place
    stride: Counts
    swing: Counts


@dataclass(frozen=True, slots=True)
class Called:
    """A block's function: its name, and what it is called with.

    `places` are the nodes of which it is told the start, by their numbers in an instance, `values`
    those that are passed, `sizes` the dimensions, and `vectors` what all starts are in.
    """

    name: str
    places: tuple[int, ...]
    values: tuple[int, ...]
    vectors: tuple[str, ...]
    sizes: tuple[str, ...]
    layers: tuple[int, ...]


@dataclass(slots=True)
class Calls:
    """Writes the blocks of one program; `prologue` gives the lines that go before a body."""

    program: Program
    vectors: Vectors
    scalars: Scalars
    ids: Identifiers
    narrow: bool
    constants: Callable[[Sequence[str]], list[str]]

    def function(
        self,
        block: Block,
        body: Sequence[Statement],
        named: Callable[[tuple[str, ...], tuple[str, ...]], str],
    ) -> Called:
        """The function of a block, which `named` takes and gives a name."""
        layers = self._layers(block)
        first = block.instances[0]
        slots = range(len(first.nodes))
        groups = self._groups(block)
        names, arrays = self._names(block, layers, groups)

        def called(node: Node) -> str:
            return arrays.get(node) or names[node]

        program = replace(
            self.program,
            names=ChainMap(names, dict(self.program.names)),
            arrays=ChainMap(arrays, dict(self.program.arrays)),
            formulas=self._formulas(block, layers),
        )
        taken = {*self.ids.taken, *names.values(), *arrays.values()}
        writer = Writer(program, self.scalars, taken, self.narrow, general=True)
        own = body[first.start : first.start + block.length]
        made = {s.node for _, s in flat(own)}
        values = [n for n in slots if self._passed(first.nodes[n], made)]
        for node in (first.nodes[n] for n in values):
            if base(node) not in self.program.inputs:  # a number that was made before
                writer.scopes[-1][node, ()] = Text(called(node))
        writer.write(own)
        places = [n for n in slots if groups.get(n) == n]
        starts = {n: f"{called(first.nodes[n])}_at" for n in places}
        views = [
            line
            for n in places
            for line in self.vectors.view(
                list(dict.fromkeys(called(first.nodes[m]) for m in slots if groups.get(m) == n)),
                first.nodes[n],
                self.vectors.places[first.nodes[n]],
                starts[n],
            )
        ]
        lines = [*views, *self.constants(writer.lines), *writer.lines]
        text = words(lines)
        sizes = tuple(name for name in self.scalars.scales.dims.values() if name in text)
        used = {self.vectors.places[first.nodes[n]].vector for n in places}
        vectors = tuple(vector for vector in self.vectors.arrays if vector in used)
        given = [called(first.nodes[n]) for n in values]
        arguments = (*given, *vectors, *starts.values(), *sizes)
        name = named(arguments, tuple(lines))
        return Called(name, tuple(places), tuple(values), vectors, sizes, layers)

    def _passed(self, node: Node, made: Set[Node]) -> bool:
        """Whether a value is passed as it is: an input, or a number in a local variable."""
        if base(node) in self.program.inputs:
            return True
        return node not in self.vectors.places and node not in made

    def _layers(self, block: Block) -> tuple[int, ...]:
        """The layer of each instance, by the first name that counts; else they are counted."""
        for n in range(len(block.instances[0].nodes)):
            found = numbers([self._called(each.nodes[n]) for each in block.instances])
            if found is not None:
                return found
        return tuple(range(len(block.instances)))

    def _called(self, node: Node) -> str:
        return self.program.arrays.get(node) or self.program.names.get(node, "")

    def _names(
        self, block: Block, layers: Sequence[int], groups: Mapping[int, int]
    ) -> tuple[dict[Node, str], dict[Node, str]]:
        """The names of values in the function, and those of arrays."""
        ids = Identifiers(set(self.ids.taken))
        shared: dict[tuple[int, str], str] = {}
        names: dict[Node, str] = {}
        arrays: dict[Node, str] = {}
        for n, node in enumerate(block.instances[0].nodes):
            for found, source in ((names, self.program.names), (arrays, self.program.arrays)):
                if node in source:
                    nodes = [each.nodes[n] for each in block.instances]
                    called = [source.get(each) or self._called(each) for each in nodes]
                    key = groups.get(n, n), called[0]
                    if key not in shared:
                        alike = len(set(called)) == 1  # such as an input
                        wanted = general(called, layers, name=True) or "x"
                        shared[key] = called[0] if alike else ids.give(wanted)
                    found[node] = shared[key]
        return names, arrays

    def _formulas(self, block: Block, layers: Sequence[int]) -> Mapping[Node, str]:
        found = {}
        for n, node in enumerate(block.instances[0].nodes):
            texts = [self.program.formulas.get(each.nodes[n], "") for each in block.instances]
            text = general(texts, layers) if all(texts) else None
            if text is not None:
                found[node] = text
        return found

    def _groups(self, block: Block) -> dict[int, int]:
        """The first node of an instance that has the same place in all instances."""
        groups: dict[object, int] = {}
        found = {}
        for n, node in enumerate(block.instances[0].nodes):
            if node in self.vectors.places:
                key = tuple(self.vectors.places[each.nodes[n]] for each in block.instances)
                found[n] = groups.setdefault((key, node.shape), n)
        return found

    # Calls

    def calls(
        self, block: Block, called: Called, instances: Sequence[int], margin: str
    ) -> Iterator[str]:
        """Calls for instances that stand one behind the other."""
        left = list(instances)
        while left:
            count = self._run(block, called, left)
            if count >= FEWEST:
                yield from self._loop(block, called, left[:count], margin)
            else:
                count = 1
                yield from self._call(block, called, left[0], margin)
            left = left[count:]

    def _call(self, block: Block, called: Called, n: int, margin: str) -> Iterator[str]:
        instance = block.instances[n]
        starts = [self.vectors.text(self.vectors.places[instance.nodes[p]]) for p in called.places]
        yield from self._line(block, called, instance, starts, margin)

    def _line(
        self, block: Block, called: Called, instance: Instance, starts: list[str], margin: str
    ) -> list[str]:
        names = [self._called(instance.nodes[n]) for n in called.values]
        dims = self.scalars.scales.dims
        first = block.instances[0].sizes
        sizes = {dims[a.name]: dims[b.name] for a, b in zip(first, instance.sizes, strict=True)}
        given = [*names, *called.vectors, *starts, *(sizes.get(s, s) for s in called.sizes)]
        return call(f"{margin}{called.name}", given)

    def _loop(self, block: Block, called: Called, run: Sequence[int], margin: str) -> Iterator[str]:
        layers = [called.layers[n] for n in run]
        if abs(layers[1] - layers[0]) != 1:
            layers = list(range(len(run)))
        step = layers[1] - layers[0]
        letter = Identifiers(set(self.ids.taken)).give("l")
        span = f"{layers[0]}, {layers[-1] + step}" + (f", {step}" if step != 1 else "")
        yield f"{margin}for {letter} in range({span}):"
        dims = {**self.scalars.scales.dims, "@": letter}
        starts = []
        for p in called.places:
            at, _ = self._spaced(block, p, run)
            assert at is not None
            size = self.vectors.size
            stride = size(at.stride) * step
            start = self.vectors.text(at.start)
            if start.isidentifier():  # it has a name
                moved = stride * (_LAYER - layers[0])
                text = f"{start} + {size_text(expand(moved), dims)}" if stride else start
            else:
                text = size_text(
                    expand(self.vectors.start(at.start) + stride * (_LAYER - layers[0])), dims
                )
            if at.swing:
                parity = f"({letter} + 1)" if layers[0] % 2 else letter
                swing = size(at.swing)
                minus = swing.could_extract_minus_sign()
                swung = f"{parity} % 2 * ({size_text(-swing if minus else swing, dims)})"
                text = f"{text} {'-' if minus else '+'} {swung}" if text != "0" else swung
            starts.append(text)
        yield from self._line(block, called, block.instances[run[0]], starts, f"{margin}    ")

    def _run(self, block: Block, called: Called, instances: Sequence[int]) -> int:
        """How many of the instances, from the first on, are one loop."""
        first, count = block.instances[instances[0]], 1
        steps = [b - a for a, b in itertools.pairwise(called.layers)]
        for n in instances[1:]:
            here = block.instances[n]
            if (
                here.sizes != first.sizes
                or any(here.nodes[v] is not first.nodes[v] for v in called.values)
                or steps[n - 1] != steps[instances[0]]
            ):
                break
            count += 1
        for p in called.places:
            if count >= FEWEST:
                count = self._spaced(block, p, instances[:count])[1]
        return count if count >= FEWEST else 1

    def _spaced(self, block: Block, p: int, run: Sequence[int]) -> tuple[Progression | None, int]:
        """How starts are spaced; None where they are not all so, and how many of them are."""
        places = [self.vectors.places[block.instances[n].nodes[p]] for n in run]
        gaps: list[Counts] = []
        for a, b in itertools.pairwise(places):
            gap = self.vectors.distance(a, b)
            if gap is None or (len(gaps) > 1 and gap != gaps[len(gaps) % 2]):
                return None, len(gaps) + 1
            gaps.append(gap)
        double = _sum(gaps[0], gaps[1])
        if any(n % 2 for _, n in double):
            return None, 2
        stride = tuple((kind, n // 2) for kind, n in double)
        swing = _sum(gaps[0], tuple((kind, -n) for kind, n in stride))
        return Progression(places[0], stride, swing), len(run)


def _sum(a: Counts, b: Counts) -> Counts:
    left, right = dict(a), dict(b)
    both = ((k, left.get(k, 0) + right.get(k, 0)) for k in sorted({**left, **right}))
    return tuple((kind, n) for kind, n in both if n)
