"""Layers that repeat: equations that are one formula for a general layer l."""

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from sympy import Basic, Symbol

from symgrad.tensor.dims import dim
from symgrad.tensor.nodes import Leaf, Node, topological

#: How many layers must share a formula before it is worth stating for a general one.
FEWEST = 3

_NUMBERED = re.compile(r"(.*?[A-Za-z])_?(\d+)((?:_dot|_bar)?_*)")
_GENERAL_DIM = re.compile(r"(.+)_layer_(before|after)_(\d+)")


@dataclass(frozen=True, slots=True)
class Family:
    """Rows of one form: `row` has the symbols at layers l + offset (see `placed`).

    `layers` are consecutive, in the order of the rows; `positions` are those of the rows.
    """

    row: tuple[Any, ...]
    layers: tuple[int, ...]
    positions: tuple[int, ...]


def families(rows: Iterable[tuple[Any, ...]]) -> tuple[Family, ...]:
    """The families of equations, each with at least FEWEST consecutive layers.

    A row is what must agree between layers: first the symbol that it defines, then nodes, which
    are taken for a general layer, other values, which are compared, and tuples of both.
    """
    groups: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    done: dict[int, dict[Node, Node]] = {}
    for position, row in enumerate(rows):
        numbered = numbered_name(row[0].name)
        if numbered is not None:
            layer = numbered[1]
            alike = _general(row, layer, done.setdefault(layer, {}))
            groups.setdefault(alike, []).append((layer, position))
    return tuple(
        Family(row, tuple(layer for layer, _ in run), tuple(position for _, position in run))
        for row, members in groups.items()
        for run in _runs(members)
        if len(run) >= FEWEST
    )


def _general(value: Any, layer: int, done: dict[Node, Node]) -> Any:
    if isinstance(value, tuple):
        return tuple(_general(each, layer, done) for each in value)
    return general(value, layer, done) if isinstance(value, Node) else value


def _runs(members: list[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """The members cut where layers are not consecutive, all upwards or all downwards."""
    run = members[:1]
    for before, here in itertools.pairwise(members):
        step = here[0] - before[0]
        if abs(step) != 1 or (len(run) > 1 and step != run[1][0] - run[0][0]):
            yield run
            run = []
        run.append(here)
    yield run


def general(node: Node, layer: int, done: dict[Node, Node]) -> Node:
    """The node with every numbered symbol and dimension, W3, named by its distance from a layer.

    `done` has what was found for that layer before.
    """
    if node in done:
        return done[node]
    for each in topological(node):
        if each in done:
            continue
        if isinstance(each, Leaf):
            done[each] = _shift(each, layer)
            continue
        operands = tuple(done[operand] for operand in each.operands)
        head = each.args[: len(each.args) - len(operands)]
        done[each] = each.func(*(_shift_dims(arg, layer) for arg in head), *operands)
    return done[node]


def numbered_name(name: str) -> tuple[str, int] | None:
    """Stem and number of a name such as W3 or W_3."""
    match = _NUMBERED.fullmatch(name)
    return (match[1] + match[3], int(match[2])) if match else None


def placed(name: str) -> tuple[str, int] | None:
    """Stem and distance from layer l of the name of a symbol or dimension in a general formula."""
    stem, at, offset = name.partition("@")
    if at:
        return stem, int(offset)
    match = _GENERAL_DIM.fullmatch(name)
    return (match[1], int(match[3]) * (-1 if match[2] == "before" else 1)) if match else None


def _shift(leaf: Leaf, layer: int) -> Leaf:
    shape = _shifted(leaf.shape, layer)
    numbered = numbered_name(leaf.name)
    if numbered is None:
        return Leaf(leaf.name, shape, leaf.role, leaf.domain, leaf.latex)
    stem, own = numbered
    # the person's spelling of one layer says nothing of a general one
    role = leaf.role if leaf.role in ("adjoint", "tangent") else "value"  # an input may be layer 0
    return Leaf(f"{stem}@{own - layer}", shape, role)


@cache
def _shifted(shape: tuple[Basic, ...], layer: int) -> tuple[Basic, ...]:
    return tuple(_shift_dims(size, layer) for size in shape)


@cache
def _shift_dims(arg: Basic, layer: int) -> Basic:
    if not hasattr(arg, "free_symbols"):
        return arg
    moved = {}
    for symbol in arg.free_symbols:
        bound = not isinstance(symbol, Symbol) or symbol.name.startswith("_")  # indices, arguments
        numbered = None if bound else numbered_name(symbol.name)
        if numbered is not None and symbol == dim(symbol.name):
            stem, own = numbered
            offset = own - layer  # a dimension's name is an identifier
            side = "before" if offset < 0 else "after"
            moved[symbol] = dim(f"{stem}_layer_{side}_{abs(offset)}")
    return arg.xreplace(moved) if moved else arg
