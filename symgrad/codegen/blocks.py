"""Statements that repeat: each block of them is one function, called with where its arrays start.

Two statements are alike if they are the same but for the arrays and sizes that they are of. Pairs
of neighbours that are found often are taken together, again and again, as in Re-Pair (Larsson and
Moffat 1999): what is left are the blocks, a layer forward or backward. Nothing here goes by names.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from sympy import Basic, Symbol

from symgrad.codegen.matrices import View
from symgrad.codegen.products import Multiple
from symgrad.codegen.statements import (
    Accumulate,
    Affine,
    Assign,
    Call,
    Fill,
    Finish,
    Index,
    Loop,
    Point,
    Product,
    Start,
    Statement,
    Var,
)
from symgrad.codegen.storage import Storage
from symgrad.tensor.dims import dim
from symgrad.tensor.nodes import Constant, Leaf, Node

#: How often statements must be found before they are a function of their own.
FEWEST = 4
#: How many calls take as long to compile as one statement.
_STATEMENT = 2.5


@dataclass(frozen=True, slots=True)
class Instance:
    """Where a block stands in a body, and of which values and sizes it is there."""

    start: int
    nodes: tuple[Node, ...]
    sizes: tuple[Symbol, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Statements, as many as `length`, that are found at several places."""

    length: int
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """A statement without its arrays and sizes, and these in the order of their first use.

    `targets` are what it adds up in local variables, `made` all values that it makes.
    """

    key: int
    nodes: tuple[Node, ...]
    sizes: tuple[Symbol, ...]
    targets: frozenset[Node]
    made: frozenset[Node]


@dataclass(slots=True)
class _Reader:
    """Reads a statement; `where` says where a value lives, for None it is written out."""

    where: Mapping[Node, tuple[Any, ...]]
    dims: Set[str]
    cache: dict[Any, Basic]
    nodes: dict[Node, int] = field(default_factory=dict)
    sizes: dict[Symbol, int] = field(default_factory=dict)
    vars: dict[Var, int] = field(default_factory=dict)
    done: dict[Node, int] = field(default_factory=dict)
    entries: list[Any] = field(default_factory=list)
    targets: set[Node] = field(default_factory=set)
    made: set[Node] = field(default_factory=set)

    def statement(self, s: Statement) -> Any:
        match s:
            case Loop():
                number = self.vars.setdefault(s.var, len(self.vars))
                return "loop", number, self.general(s.var.dim), tuple(map(self.statement, s.body))
            case Assign():
                inner = self.written(s.node)
                return "assign", inner, self.target(s.node), self.point(s.point)
            case Start() | Finish():
                self.targets.add(s.node)
                into = isinstance(s, Finish) and s.into is not None and self.target(s.into)
                return (
                    type(s).__name__, self.head(s.node), self.target(s.node),
                    self.point(s.point), s.partial, into,
                )  # fmt: skip
            case Accumulate():
                if not s.scatter:
                    self.targets.add(s.node)
                factors = tuple((self.read(node), self.point(p)) for node, p in s.factors)
                within = tuple(map(self.index, s.within))
                at = self.head(s.node), self.target(s.node), self.point(s.point)
                return "add", at, factors, within, s.op, s.partial, s.scatter
            case Fill():
                return "fill", self.target(s.node)
            case Product():
                einsum, scalars = self.written(s.einsum), tuple(map(self.read, s.scalars))
                number, added = self.general(s.coefficient), s.addend and self.multiple(s.addend)
                at, target = self.point(s.at), self.target(s.node)
                return "product", einsum, at, scalars, number, added, target, s.onto
        raise AssertionError(f"{type(s).__name__} is never part of a block")

    def multiple(self, m: Multiple) -> Any:
        return self.general(m.coefficient), tuple(map(self.read, m.scalars)), self.read(m.array)

    def target(self, node: Node) -> int:
        self.made.add(node)
        return self.slot(node)

    def slot(self, node: Node) -> int:
        if node not in self.nodes:
            self.nodes[node] = len(self.nodes)
            shape = tuple(map(self.general, node.shape))
            self.entries.append(("array", self.nodes[node], self.where[node], shape))
            self.done.setdefault(node, len(self.entries) - 1)
        return self.nodes[node]

    def read(self, node: Node) -> int:
        if node not in self.done:
            if node in self.where:
                self.slot(node)
            else:
                self.done[node] = self.written(node)
        return self.done[node]

    def written(self, node: Node) -> int:
        """The formula of a node: no deeper than `keep.DEEPEST`, for deeper values are kept."""
        if isinstance(node, Constant):
            entry: Any = node
        else:
            operands = tuple(map(self.read, node.operands))
            entry = self.head(node), operands
        self.entries.append(entry)
        return len(self.entries) - 1

    def head(self, node: Node) -> Any:
        return type(node), *map(self.general, node.args[: len(node.args) - len(node.operands)])

    def general(self, value: Basic) -> Basic:
        """The value with sizes by number."""
        found = self.cache.get(value)
        if found is None:
            symbols = getattr(value, "free_symbols", ())
            found = [s for s in symbols if isinstance(s, Symbol) and s.name in self.dims]
            found = tuple(sorted((s for s in found if s == dim(s.name)), key=str))
            self.cache[value] = found
        if not found:
            return value
        numbers = tuple(self.sizes.setdefault(s, len(self.sizes)) for s in found)
        if (value, numbers) not in self.cache:
            moved = {s: dim(f"size_{n}") for s, n in zip(found, numbers, strict=True)}
            self.cache[value, numbers] = value.xreplace(moved)
        return self.cache[value, numbers]

    def point(self, point: Point) -> Any:
        return tuple(map(self.index, point))

    def index(self, index: Index) -> Any:
        if not isinstance(index, Affine):
            return None if index is None else self.vars[index]
        variables = tuple((self.general(c), self.vars[var]) for c, var in index.variables)
        entries = tuple((self.general(c), self.read(n), self.point(p)) for c, n, p in index.entries)
        return self.general(index.constant), variables, entries, self.general(index.dim)


def forms(
    body: Iterable[Statement], where: Mapping[Node, tuple[Any, ...]], dims: Set[str]
) -> list[Form | None]:
    """The statements without arrays and sizes; None for what is never part of a block."""
    keys: dict[Any, int] = {}
    cache: dict[Any, Any] = {}
    found: list[Form | None] = []
    for s in body:
        if isinstance(s, Call):
            found.append(None)
            continue
        reader = _Reader(where, dims, cache)
        key = reader.statement(s), tuple(reader.entries)
        number = keys.setdefault(key, len(keys))
        found.append(
            Form(
                number,
                tuple(reader.nodes),
                tuple(reader.sizes),
                frozenset(reader.targets),
                frozenset(reader.made),
            )
        )
    return found


def _phrases(tokens: Sequence[int | None]) -> Iterator[tuple[int, int, Any]]:
    """Position, length and kind of each phrase; neighbours that are often met are one phrase."""
    row: list[tuple[Any, int, int]] = [(t, n, 1) for n, t in enumerate(tokens) if t is not None]
    while True:
        pairs: Counter[Any] = Counter()
        for a, b in itertools.pairwise(row):
            if a[1] + a[2] == b[1] and a[0] != b[0]:
                pairs[a[0], b[0]] += 1
        alone, lengths = Counter(token for token, _, _ in row), {t: n for t, _, n in row}
        gains = {
            (a, b): count - sum(_left(alone[token] - count, lengths[token]) for token in (a, b))
            for (a, b), count in pairs.items()
            if count >= FEWEST
        }
        best = max(gains, key=gains.__getitem__, default=None)  # the first of the best
        if best is None or gains[best] <= 0:
            break
        joined: list[tuple[Any, int, int]] = []
        for token, start, length in row:
            last = joined[-1] if joined else None
            if last and (last[0], token) == best and last[1] + last[2] == start:
                joined[-1] = best, last[1], last[2] + length
            else:
                joined.append((token, start, length))
        row = joined
    for token, start, length in row:
        yield start, length, token


def _left(count: int, length: int) -> float:
    """What it costs, in calls, that a phrase remains at so many places without a neighbour: it is
    a function of its own beside the longer one, or is written out at each place.
    """
    return min(count, 1) * length * _STATEMENT if count >= FEWEST else count * length * _STATEMENT


def blocks(
    body: Sequence[Statement],
    where: Mapping[Node, tuple[Any, ...]],
    stored: Set[Node],
    outside: Iterable[Node],
    dims: Set[str],
) -> tuple[tuple[Block, ...], set[Node]]:
    """The blocks of a body, and the numbers that must be in memory for more to be blocks.

    What a block makes in local variables is read nowhere else; `outside` are read after all
    statements. `where` has a tuple for each value that is not written out: what must agree.
    """
    read_by: dict[Node, list[int]] = {node: [len(body)] for node in outside}
    added_by: dict[Node, list[int]] = {}
    listed = forms(body, where, dims)
    for n, form in enumerate(listed):
        if form is None:  # what a function of matrices reads is in memory
            continue
        for node in form.nodes:
            read_by.setdefault(node, []).append(n)
        for node in form.targets:
            added_by.setdefault(node, []).append(n)
    groups: dict[Any, list[Instance]] = {}
    lacking: dict[Any, set[Node]] = {}
    for start, length, kind in _phrases([None if f is None else f.key for f in listed]):
        within = range(start, start + length)
        parts = [form for form in listed[start : start + length] if form is not None]
        if any(n not in within for f in parts for node in f.targets for n in added_by[node]):
            continue
        own = {node for f in parts for node in f.made if node not in stored}
        escaping = {node for node in own if any(n not in within for n in read_by[node])}
        nodes, sizes = _numbered(f.nodes for f in parts), _numbered(f.sizes for f in parts)
        pattern = kind, length, nodes[1], sizes[1]
        if any(node.ndim for node in escaping):
            continue
        groups.setdefault(pattern, []).append(Instance(start, nodes[0], sizes[0]))
        lacking.setdefault(pattern, set()).update(escaping)
    found, needed = [], set()
    for pattern, instances in groups.items():
        if len(instances) >= FEWEST:
            if lacking[pattern]:
                needed |= lacking[pattern]
            else:
                found.append(Block(pattern[1], tuple(instances)))
    return tuple(found), needed - set(outside)


def _numbered(rows: Iterable[tuple[Any, ...]]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """All entries of rows, each once, and the rows as numbers of these."""
    seen: dict[Any, int] = {}
    numbers = tuple(seen.setdefault(each, len(seen)) for row in rows for each in row)
    return tuple(seen), numbers


def places(storage: Storage, packed: Mapping[str, Sequence[Leaf]], out: str) -> dict[Node, str]:
    """The vector in which each symbol or value is."""
    found: dict[Node, str] = {leaf: name for name, each in packed.items() for leaf in each}
    for vector, buffers in ((out, storage.results), ("work", storage.buffers)):
        found |= {value: vector for buffer in buffers for value in buffer.values}
    return found


def locations(
    nodes: Iterable[Node], vectors: Mapping[Node, str], storage: Storage, inputs: Sequence[Leaf]
) -> dict[Node, tuple[Any, ...]]:
    """What must agree of each value that is not written out: see `blocks`."""
    found: dict[Node, tuple[Any, ...]] = {}
    for node in nodes:
        base = node.operand if isinstance(node, View) else node
        kind: tuple[Any, ...] = (
            ("argument", base.domain.partition(":")[0] == "labels")
            if base in inputs and isinstance(base, Leaf)
            else (vectors.get(base, ""), isinstance(base, Leaf))
        )
        found[node] = (*kind, isinstance(node, View), node in storage.locals)
    return found
