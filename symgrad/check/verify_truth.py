"""The true gradients of a graph by every value, as formulas and at points."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Expr

from symgrad.calculus import Derivation, gradient
from symgrad.calculus.derivation import Step
from symgrad.check.claims.arrays import require_small
from symgrad.declare.graph import Graph
from symgrad.errors import NotDifferentiable, ShapeError
from symgrad.tensor.dims import dim, size_of
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.labels import classes_of
from symgrad.tensor.nodes import Leaf, Node, substitute, topological

#: Sizes to test with: pairwise different, and none of them 2, which is met as a factor.
SIZES = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12)


@dataclass(slots=True)
class Point:
    """Sizes, and the values of symbols, defined values and gradients ("d:" before the name)."""

    sizes: dict[str, int]
    symbols: dict[str, Any]
    names: dict[str, Any]


@dataclass
class Truth:
    """What is true of a graph: its values, and the gradients of its output by each of them."""

    graph: Graph
    _points: dict[Any, Point] = field(default_factory=dict)

    @cached_property
    def derivation(self) -> Derivation:
        """The gradients by all symbols and values of real numbers."""
        wanted = [leaf for leaf in (*self.graph.symbols, *self._values) if classes_of(leaf) is None]
        try:
            return gradient(self.graph, wanted)
        except NotDifferentiable:
            possible = []
            for leaf in wanted:
                try:
                    gradient(self.graph, [leaf])
                except NotDifferentiable:
                    continue
                possible.append(leaf)
            return gradient(self.graph, possible)

    @property
    def _values(self) -> list[Leaf]:
        return [definition.leaf for definition in self.graph.definitions]

    @cached_property
    def steps(self) -> dict[str, Step]:
        """By the name of the value whose gradient it is."""
        return {step.of.name: step for step in self.derivation.steps}

    @cached_property
    def leaves(self) -> dict[str, Node]:
        """Names as claims know them -> what they are in formulas."""
        known: dict[str, Node] = {leaf.name: leaf for leaf in self.graph.symbols}
        known |= {leaf.name: leaf for leaf in self._values}
        return known | {f"d:{name}": step.leaf for name, step in self.steps.items()}

    @cached_property
    def sizes(self) -> dict[str, Expr]:
        """The dimensions by name."""
        return {name: dim(name) for name in self.graph.dims}

    def point(self, k: int, least: int = 0) -> Point:
        """The k-th point, each of other sizes; `least` is what all sizes exceed.

        Raises
        ------
        SymgradError    if the graph has no values at any that were tried.
        """
        found = self._points.get((k, least))
        if found is None:
            found = self._points[k, least] = self._drawn(k, least)
        return found

    def _drawn(self, k: int, least: int) -> Point:
        rng = np.random.default_rng([k, least])
        names = list(self.graph.dims)
        symbols = None
        for attempt in range(12):
            pool = SIZES[: max(len(names), 4) + attempt // 4]
            while len(pool) < len(names):
                pool = (*pool, pool[-1] + 1)
            # each dimension has another size at each of the first points
            turned = [pool[(n + k + attempt) % len(pool)] for n in range(len(names))]
            picked = turned if attempt % 2 == 0 else rng.choice(pool, len(names), replace=False)
            sizes = {name: int(v) + least for name, v in zip(names, picked, strict=True)}
            try:
                symbols = self.graph.sample(k, sizes)
                break
            except ShapeError:
                continue
        if symbols is None:
            symbols = self.graph.sample(k)
        return self.filled({name: int(symbols[name]) for name in names}, symbols)

    def filled(self, sizes: dict[str, int], symbols: dict[str, Any],
               precision: int | None = None) -> Point:  # fmt: skip
        """The point with the values of all definitions and gradients computed."""
        names = dict(self.graph.evaluate_all(symbols, precision=precision))
        inner = dict(names)
        for step in self.derivation.steps:
            (value,) = evaluate([step.expr], inner, sizes, precision)
            inner[step.leaf.name] = names[f"d:{step.of.name}"] = value
        return Point(sizes, {s.name: symbols[s.name] for s in self.graph.symbols}, names)

    def computed(self, node: Node, point: Point, gradients: Mapping[str, Any]) -> Any:
        """The value of a formula at a point, its gradients (by the names of values) as given.

        Raises
        ------
        ValueMismatch    where an array would be too large.
        """
        for part in topological(node):
            require_small(*(size_of(size, point.sizes) for size in part.shape))
        inner = dict(point.symbols) | dict(point.names)
        for step in self.derivation.steps:
            inner[step.leaf.name] = gradients[step.of.name]
        return evaluate([node], inner, point.sizes)[0]

    def unfolded(self, node: Node) -> list[Node]:
        """The node with gradients, then values, put in place step by step; the last has symbols."""
        forms = [node]
        order = list(self.derivation.steps)
        for step in reversed(order):  # those next to the claim first
            if step.leaf in topological(forms[-1]):
                forms.append(substitute(forms[-1], {step.leaf: step.expr}))
        for definition in reversed(self.graph.definitions):
            if definition.leaf in topological(forms[-1]):
                forms.append(substitute(forms[-1], {definition.leaf: definition.expr}))
        return forms


def truth_of(graph: Graph) -> Truth:
    """What is true of a graph, derived once; the graph keeps it."""
    found = vars(graph).get("_truth")
    if found is None:
        found = vars(graph)["_truth"] = Truth(graph.freeze())
    return found  # type: ignore[no-any-return]


__all__ = ["Point", "Truth", "truth_of"]
