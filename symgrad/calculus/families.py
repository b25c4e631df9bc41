"""Layers that repeat: steps that are one formula for a general layer l."""

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from sympy import Basic, Symbol

from symgrad.calculus.derivation import Step
from symgrad.tensor.dims import dim
from symgrad.tensor.nodes import Leaf, Node, topological

#: How many layers must share a formula before it is worth stating for a general one.
FEWEST = 3

_NUMBERED = re.compile(r"(.*?[A-Za-z])_?(\d+)(_*)")


@dataclass(frozen=True, slots=True)
class Family:
    """Steps of one formula: `expr` in terms of leaves at layers l + offset.

    `names` tells for each of the formula's symbols its stem and offset: W2 at l = 1 is ("W", 1).
    """

    leaf: Leaf
    of: Leaf
    expr: Node
    raw: Node
    layers: tuple[int, ...]
    steps: tuple[Step, ...]
    names: dict[str, tuple[str, int]]


def families(steps: Iterable[Step]) -> tuple[Family, ...]:
    """The families of a derivation's steps, each with at least FEWEST consecutive layers."""
    groups: dict[tuple[str, Node], list[tuple[int, Step]]] = {}
    for step in steps:
        numbered = _split(step.of.name)
        if numbered is not None:
            stem, layer = numbered
            generic = general(step.expr, layer)
            groups.setdefault((stem, generic), []).append((layer, step))
    found = []
    for (_, expr), members in groups.items():
        layers = tuple(layer for layer, _ in members)
        step_between = {b - a for a, b in itertools.pairwise(layers)}
        if len(members) < FEWEST or len(step_between) > 1 or abs(min(step_between)) != 1:
            continue
        layer, step = members[0]
        raw = general(step.raw, layer)
        if any(general(s.raw, k) is not raw for k, s in members):
            raw = expr
        leaf, of = (_shift(each, layer) for each in (step.leaf, step.of))
        symbols = {n.name for n in topological(expr, raw, leaf, of) if isinstance(n, Leaf)}
        names = {name: parts for name in sorted(symbols) if (parts := _parts(name)) is not None}
        found.append(Family(leaf, of, expr, raw, layers, tuple(s for _, s in members), names))
    return tuple(found)


def general(node: Node, layer: int) -> Node:
    """The node with every numbered symbol and dimension, W3, named by its distance from a layer."""
    done: dict[Node, Node] = {}
    for each in topological(node):
        if isinstance(each, Leaf):
            done[each] = _shift(each, layer)
            continue
        operands = tuple(done[operand] for operand in each.operands)
        head = each.args[: len(each.args) - len(operands)]
        done[each] = each.func(*(_shift_dims(arg, layer) for arg in head), *operands)
    return done[node]


def _split(name: str) -> tuple[str, int] | None:
    match = _NUMBERED.fullmatch(name)
    return (match[1] + match[3], int(match[2])) if match else None


def _shift(leaf: Leaf, layer: int) -> Leaf:
    shape = tuple(_shift_dims(size, layer) for size in leaf.shape)
    numbered = _split(leaf.name)
    if numbered is None:
        return Leaf(leaf.name, shape, leaf.role, leaf.domain, leaf.latex)
    stem, own = numbered
    # the person's spelling of one layer says nothing of a general one
    return Leaf(f"{stem}@{own - layer}", shape, leaf.role, leaf.domain)


def _parts(name: str) -> tuple[str, int] | None:
    stem, at, offset = name.partition("@")
    return (stem, int(offset)) if at else None


@cache
def _shift_dims(arg: Basic, layer: int) -> Basic:
    if not hasattr(arg, "free_symbols"):
        return arg
    moved = {}
    for symbol in arg.free_symbols:
        numbered = _split(symbol.name) if isinstance(symbol, Symbol) else None
        if numbered is not None and symbol == dim(symbol.name):
            stem, own = numbered
            offset = own - layer  # a dimension's name is an identifier
            moved[symbol] = dim(f"{stem}_{'before' if offset < 0 else 'after'}_{abs(offset)}")
    return arg.xreplace(moved) if moved else arg
