"""Which values need memory, and which of them share it: liveness over the statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf

from sympy import Expr, S, expand, prod

from symgrad.codegen.matrices import base
from symgrad.codegen.statements import (
    Accumulate,
    Assign,
    Call,
    Fill,
    Finish,
    Loop,
    Point,
    Product,
    Statement,
    Var,
    flat,
    reads,
    writes,
)
from symgrad.tensor.dims import Shape, same_shape
from symgrad.tensor.nodes import Leaf, Node

Bodies = Sequence[tuple[Statement, ...]]


@dataclass(frozen=True, slots=True)
class Buffer:
    """An array, and the values that live in it one after another."""

    shape: Shape
    values: tuple[Node, ...]

    @property
    def size(self) -> Expr:
        """The number of entries."""
        return prod(self.shape, start=S.One)


@dataclass(frozen=True, slots=True)
class Storage:
    """`results` are arrays of the caller, `buffers` those of the workspace.

    A value in none of them lives in a local variable. `locals` are the values that are read from a
    local variable, whether or not they are stored too; `heirs` those that are written over others.
    """

    results: tuple[Buffer, ...]
    buffers: tuple[Buffer, ...]
    locals: frozenset[Node]
    heirs: Mapping[Node, Node]

    @property
    def room(self) -> Expr:
        """The length of the vector of all buffers."""
        return expand(sum((buffer.size for buffer in self.buffers), S.Zero))

    def arrays(self) -> dict[Node, Buffer]:
        """Each stored value and where it lives."""
        return {value: b for b in (*self.results, *self.buffers) for value in b.values}


def storage(
    bodies: Bodies,
    kept: frozenset[Node],
    results: Sequence[Node],
    returned: Iterable[Node] = (),
    needed: Iterable[Node] = (),
) -> Storage:
    """Where all values of some kernels live; those `returned` are in a local variable at the end,
    and those `needed` in memory.

    What an earlier kernel leaves for a later one is never overwritten, so that the later one can
    run again. Two values share a buffer if they have one shape and are never alive together.
    """
    stored, local = _in_memory(bodies, kept)
    stored.update(needed)
    stored.update(results)
    order = [node for node in dict.fromkeys(_made(bodies)) if node in stored]
    lives = _lives(bodies, kept)
    heir = _heirs(bodies, kept, order, results, lives)
    chains = _chains(order, heir)
    last = set(results)
    own = [c for c in chains if c[-1] in last]
    by_result = {chain[-1]: Buffer(chain[-1].shape, tuple(chain)) for chain in own}
    rest = [c for c in chains if c[-1] not in last]
    return Storage(
        tuple(by_result[node] for node in results),
        _shared(rest, lives),
        frozenset(local.union(returned)),
        heir,
    )


def _made(bodies: Bodies) -> Iterable[Node]:
    return (node for body in bodies for s in body for node, _ in writes(s))


def _in_memory(bodies: Bodies, kept: frozenset[Node]) -> tuple[set[Node], set[Node]]:
    """The values that are read outside the loops that make them, and those read inside."""
    stored: set[Node] = set()
    local: set[Node] = set()

    def walk(statements: Iterable[Statement], known: set[tuple[Node, Point]]) -> None:
        for s in statements:
            if isinstance(s, Loop):
                walk(s.body, set(known))
                continue
            for read in reads(s, kept):
                if not isinstance(read[0], Leaf):
                    (local if read in known else stored).add(read[0])
            match s:
                case Assign() | Finish(partial=False, into=None):
                    known.add((s.node, s.point))
                case Accumulate(scatter=True) | Fill():
                    stored.add(s.node)
                case Finish(into=Node() as total):
                    stored.add(total)
                case Product():
                    stored.add(s.node)
                    arrays = [*s.einsum.factors, *([s.addend.array] if s.addend else [])]
                    stored.update(f for f in arrays if not isinstance(f, Leaf))
                case Call():
                    stored.update((s.node, *map(base, s.node.operands)))

    for body in bodies:
        walk(body, set())
    return stored, local


Life = tuple[float, float]


def _lives(bodies: Bodies, kept: frozenset[Node]) -> dict[Node, Life]:
    """From the statement that makes a value first to the last that reads it; for ever, if that is
    in a later kernel.
    """
    lives: dict[Node, Life] = {}
    home: dict[Node, int] = {}
    position = 0
    for n, body in enumerate(bodies):
        for statement in body:
            for node, _ in writes(statement):
                lives.setdefault(node, (position, position))
                home.setdefault(node, n)
            for node, _ in reads(statement, kept):
                if node in lives:
                    lives[node] = lives[node][0], position if home[node] == n else inf
            position += 1
    return lives


def _heirs(
    bodies: Bodies,
    kept: frozenset[Node],
    stored: Sequence[Node],
    results: Sequence[Node],
    lives: dict[Node, Life],
) -> dict[Node, Node]:
    """Values that another one is written over, entry by entry where they are read last."""
    heir: dict[Node, Node] = {}
    memory = set(stored)
    free = memory - set(results)
    for body in bodies:
        made: set[Node] = set()
        readers: dict[Node, list[tuple[int, tuple[Var, ...], Point]]] = {}
        assigns: list[tuple[int, tuple[Var, ...], Assign]] = []
        for n, (path, statement) in enumerate(flat(body)):
            for node, point in reads(statement, kept):
                readers.setdefault(node, []).append((n, path, point))
            made.update(node for node, _ in writes(statement))
            if isinstance(statement, Assign) and statement.node in memory:
                assigns.append((n, path, statement))
        for n, path, assign in assigns:
            for old in dict.fromkeys(old for old, _ in reads(assign, kept)):
                if (
                    old in free
                    and old in made
                    and old not in heir
                    and old.ndim
                    and lives[old][1] < inf
                    and same_shape(old.shape, assign.node.shape)
                    and all(_read_before(r, n, path, assign.point) for r in readers[old])
                ):
                    heir[old] = assign.node
                    break
    return heir


def _read_before(
    read: tuple[int, tuple[Var, ...], Point], n: int, path: tuple[Var, ...], point: Point
) -> bool:
    """Whether an entry is read before statement n overwrites it, or by that statement itself."""
    when, where, at = read
    if when >= n:
        return when == n and at == point
    shared = set(path) & set(where)
    return all(any(p is var and q is var for p, q in zip(at, point, strict=True)) for var in shared)


def _chains(order: Sequence[Node], heir: dict[Node, Node]) -> list[list[Node]]:
    """The values that live in one place, in order of time."""
    chains: list[list[Node]] = []
    heirs = set(heir.values())
    for node in order:
        if node not in heirs:
            chain = [node]
            while chain[-1] in heir:
                chain.append(heir[chain[-1]])
            chains.append(chain)
    return chains


def _shared(chains: list[list[Node]], lives: dict[Node, Life]) -> tuple[Buffer, ...]:
    """Buffers for chains of values, the one that was left last taken first: it is in the cache."""
    buffers: list[list[Node]] = []
    until: dict[int, float] = {}  # of those that are left some time
    for chain in chains:
        birth, death = lives[chain[0]][0], max(lives[node][1] for node in chain)
        free = [
            n
            for n, end in until.items()
            if end < birth and chain[0].ndim and same_shape(buffers[n][0].shape, chain[0].shape)
        ]
        if free:
            n = max(free, key=until.__getitem__)
            buffers[n] += chain
        else:
            n = len(buffers)
            buffers.append(list(chain))
        if death < inf:
            until[n] = death
        else:
            until.pop(n, None)
    return tuple(Buffer(values[0].shape, tuple(values)) for values in buffers)
