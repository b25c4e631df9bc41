"""Σ over layers and steps, whose terms are of names such as h_1, h_2, h_3."""

from collections.abc import Callable, Iterator
from functools import reduce
from typing import TYPE_CHECKING

from symgrad.declare.latex.trees import Name, Scripted, Tree, scripts_of, stem_of, uses, walk
from symgrad.declare.latex.values import Value, elementwise
from symgrad.tensor import operators as op
from symgrad.tensor.nodes import Node

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader


def is_step(reader: "Reader", letter: str, body: Tree) -> bool:
    """Whether the letter counts members of families: h_t of h_1, h_2, h_3."""
    return any(True for _ in _members(reader, letter, body))


def _members(reader: "Reader", letter: str, body: Tree) -> Iterator[Scripted]:
    for tree in walk(body):
        if isinstance(tree, Scripted) and (stem := stem_of(tree)) is not None:
            if not any(uses(script, letter) for script in scripts_of(tree)):
                continue
            if reader.resolver.exact(stem, tree.below, tree.above) is not None:
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


def over_steps(
    reader: "Reader",
    kind: str,
    letter: str,
    low_tree: Tree | None,
    high: Tree | None,
    inner: Callable[[], Value],
    body: Tree,
    tree: Tree,
) -> Value:
    """Σ over layers or steps: a term for each; without bounds, for each that all names have."""
    last = reader.scope.last_layer() or 0
    low = reader.resolver.number(low_tree) if low_tree is not None else None
    top = reader.resolver.number(high) if high is not None else None
    if (low_tree is not None and low is None) or (high is not None and top is None):
        if isinstance(high, Name) and (low_tree is None or low is not None):
            top = last
        else:
            reader.fail("cannot read the bounds of this sum over layers or steps", tree)
    values: list[Value] = []
    before = dict(reader.numbers)
    members = list(_members(reader, letter, body))
    first = reader.scope.first_layer()
    for step in range(first if low is None else low, (last if top is None else top) + 1):
        reader.numbers = before | {letter: step}
        try:
            if (low is not None and top is not None) or all(
                reader.found(stem_of(each) or "", each.below, each.above) for each in members
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
