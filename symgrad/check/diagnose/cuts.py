"""Buggy differentiation: what comes out where a use of a value is not followed, or a rule fails.

The reverse sweep is run on arrays, over the operations between a variable and the gradients that a
claim starts from; every operation is pulled back by its own rule, but for the one that is faulty.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from sympy import Integer, expand

from symgrad.calculus.pullbacks import LOCALLY_CONSTANT, pullback
from symgrad.check.diagnose.activations import activation_name
from symgrad.check.diagnose.knowledge import CHECKS, Knowledge
from symgrad.errors import SymgradError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import (
    INDEX,
    UNIT,
    Einsum,
    Iverson,
    Leaf,
    Map,
    Node,
    Softmax,
    Total,
    topological,
)
from symgrad.tensor.scalar import ARGS

#: Operations of a sweep, and cuts of two uses at once: beyond them only some are tried.
MOST_NODES, MOST_PAIRS = 120, 60


@dataclass(frozen=True, slots=True)
class Faulty:
    """A gradient with a mistake in it: the label, what is said, its arrays at the points."""

    label: str
    said: str
    cost: float
    arrays: tuple[Any, ...]


#: How the cotangent of a node becomes that of one of its operands.
Rule = Callable[[Node, int], Node]

#: An operation, and which of its operands: one, or all that are used alike, as in x ⊙ x.
Edge = tuple[Node, tuple[int, ...]]


def _uses(node: Node, operand: Node) -> list[Edge]:
    """The uses of an operand, those that no index tells apart as one."""
    places = [k for k, each in enumerate(node.operands) if each is operand]
    if isinstance(node, Einsum):
        alike: dict[object, list[int]] = {}
        for k in places:
            alike.setdefault(node.inputs[k], []).append(k)
        return [(node, tuple(ks)) for ks in alike.values()]
    return [(node, tuple(places))]


def faulty(know: Knowledge, target: str, atoms: frozenset[str]) -> list[Faulty]:
    """All gradients by a variable with one mistake; `atoms` are the values whose are right."""
    cache = know.__dict__.setdefault("_faulty", {})
    key = (target, atoms)
    if key not in cache:
        try:
            cache[key] = list(_Sweep(know, target, atoms).all())
        except SymgradError:
            cache[key] = []
    found: list[Faulty] = cache[key]
    return found


class _Sweep:
    """One variable, and the operations between it and the gradients that are given."""

    def __init__(self, know: Knowledge, target: str, atoms: frozenset[str]) -> None:
        self.know, self.target = know, target
        truth = know.frame.truth
        self.leaf: Node = truth.steps[target].of
        self.roots: dict[Node, Node] = {
            truth.graph.leaf(text): node for text, node in know.definitions.items()
        }
        self.atoms = {truth.graph.leaf(text) for text in atoms if text in truth.steps}
        self.output = truth.graph.leaf(truth.graph.output)
        self.order = self._between()
        self.users: dict[Node, list[Edge]] = {}
        inside = set(self.order)
        for node in self.order:
            if isinstance(node, LOCALLY_CONSTANT):
                continue
            for operand in dict.fromkeys(node.operands):
                if operand in inside:
                    self.users.setdefault(operand, []).extend(_uses(node, operand))

    def _between(self) -> list[Node]:
        """The variable, and what depends on it, up to the gradients that are given."""
        order: list[Node] = [self.leaf]
        active: set[Node] = {self.leaf}
        for leaf, root in self.roots.items():
            for node in topological(root):
                if node in active or isinstance(node, LOCALLY_CONSTANT):
                    continue
                if any(operand in active for operand in node.operands):
                    active.add(node)
                    order.append(node)
            if root in active and leaf not in self.atoms:
                active.add(leaf)
                order.append(leaf)
        if len(order) > MOST_NODES:
            raise SymgradError("the network between is too large")
        return order

    # --- faults

    def all(self) -> Iterator[Faulty]:
        """Every cut and every faulty rule."""
        forks = [node for node, edges in self.users.items() if len(edges) > 1]
        edges = [edge for node in forks for edge in self.users[node]]
        single: list[tuple[tuple[Edge, ...], str, str]] = []
        for edge in edges:
            label, said = self._called(edge)
            single.append(((edge,), label, said))
        for cut, label, said in single:
            yield from self._run(label, said, 1.35, cut=cut)
        named = [each for each in single if each[1] != "missing-term"]
        terms = [each for each in single if each[1] == "missing-term"]
        for group, cost in ((named, 1.6), (terms, 1.9)):
            for one, two in list(combinations(group, 2))[:MOST_PAIRS]:
                label = min(one[1], two[1])
                said = one[2] if one[2] == two[2] else f"{one[2]}, and {two[2]}"
                yield from self._run(label, said, cost, cut=(*one[0], *two[0]))
        for node in self.order:
            yield from self._faulty_rules(node)

    def _called(self, edge: Edge) -> tuple[str, str]:
        """The label of not following a use."""
        node, (k, *_) = edge
        source = node.operands[k]
        shown = f"{{{source.name}}}" if isinstance(source, Leaf) else "a value"
        kind = self._reduction(node)
        if kind and self._regular(source, node):
            return "missing-regulariser", "the term of the regulariser is left out"
        if kind == "mean":
            return "missing-mean-path", f"the path from {shown} through the mean is not followed"
        if kind == "norm":
            said = f"the path from {shown} through the variance or norm is not followed"
            return "missing-norm-path", said
        into = self._into(node)
        goes = f" into {{{into}}}" if into else ""
        mine = self.know.families.get(source.name) if isinstance(source, Leaf) else None
        theirs = self.know.families.get(into)
        if mine and theirs and theirs[1] > mine[1]:
            return "missing-recurrent-path", f"the path from {shown}{goes} is not followed"
        users = {self._into(user) for user, _ in self.users[source]}
        if isinstance(source, Leaf) and len(users) == 1 and not self._through_matrices(node, k):
            slope = self.know.slope_between(source.name, into)
            if slope is not None:
                return slope.masked, f"the derivative of {slope.function} is wrong"
            return "missing-term", f"a term of the derivative of {{{into}}} is left out"
        return "missing-path", f"the path from {shown}{goes} is not followed"

    def _through_matrices(self, node: Node, k: int) -> bool:
        """Whether the use, or what follows it alone, is a product of matrices."""
        for _ in range(4):
            if isinstance(node, Einsum):
                kept = {label for label in node.output if label != UNIT}
                gone = {n for labels in node.inputs for n in labels if n != UNIT} - kept
                if any(sum(label in own for own in node.inputs) > 1 for label in gone):
                    return True
            users = self.users.get(node, [])
            if len(users) != 1:
                return False
            node = users[0][0]
        return False

    def _regular(self, source: Node, node: Node) -> bool:
        """Whether a use is a sum of all of a parameter alone."""
        users = [node]
        while users and users[-1].ndim:
            users.append(next((user for user, _ in self.users.get(users[-1], [])), node))
            if len(users) > 5:
                return False
        return source not in self.roots and self.know.is_own(self.target, users[-1])

    def _reduction(self, node: Node) -> str:
        """Whether a use is a sum over an axis of the value, or of its square."""
        while isinstance(node, Total | Einsum | Map):
            if isinstance(node, Einsum):
                kept = {k for k in node.output if k != UNIT}
                gone = {k for labels in node.inputs for k in labels if k != UNIT} - kept
                if gone:
                    if len(set(node.factors)) == 1 and len(set(node.inputs)) == 1:
                        return "norm" if len(node.factors) > 1 else "mean"
                    return ""
                square = len(node.factors) == 2 and len(set(node.factors)) == 1
            elif isinstance(node, Map):
                square = node.body == ARGS[0] ** 2
                if not square:
                    return ""
            else:
                square = False
                if len(node.terms) > 1:
                    return ""
            users = self.users.get(node, [])
            if len(users) != 1:
                return ""
            if square:
                return "norm" if self._reduction(users[0][0]) == "mean" else ""
            node = users[0][0]
        return ""

    def _into(self, node: Node) -> str:
        """The name of the value that an operation is part of."""
        return next(
            (leaf.name for leaf, root in self.roots.items() if node in topological(root)),  # type: ignore[attr-defined]
            "",
        )

    def _faulty_rules(self, node: Node) -> Iterator[Faulty]:
        if isinstance(node, Softmax):

            def diagonal(g: Node, k: int) -> Node:
                return op.multiply(g, op.multiply(node, op.subtract(1, node)))

            yield from self._run("softmax-diagonal-only",
                                 "only the diagonal of the softmax's Jacobian is used", 1.3,
                                 at=node, rule=diagonal)  # fmt: skip
            yield from self._run("missing-activation-derivative",
                                 "the Jacobian of the softmax is left out", 1.4, at=node,
                                 rule=lambda g, k: g)  # fmt: skip
        if isinstance(node, Einsum):
            for label, said, other in _windows(node):
                yield from self._run(label, said, 1.5, at=node, rule=partial(pullback, other))
        known = activation_name(node)
        if isinstance(node, Map) and known is not None:
            slope = scalar.partial(node.body, ARGS[0])
            at_a = op.apply(slope, node)
            leaf = next((leaf for leaf, root in self.roots.items() if root is node), node)
            own = next((a for a in self.know.activations if a.a is self.know.pooled(leaf)), None)
            missed = "missing-activation-derivative" if own is None else own.unmasked
            yield from self._run(missed, f"the derivative of {known} is left out", 1.35, at=node,
                                 rule=lambda g, k: g)  # fmt: skip
            yield from self._run("derivative-at-activation",
                                 f"{known}′ is taken at the activation in place of its argument",
                                 1.35, at=node, rule=lambda g, k: op.multiply(g, at_a))  # fmt: skip
            yield from self._run("wrong-activation-derivative",
                                 f"{known} itself stands in place of its derivative", 1.6, at=node,
                                 rule=lambda g, k: op.multiply(g, node))  # fmt: skip

    # --- the sweep

    def _run(
        self, label: str, said: str, cost: float, *, cut: tuple[Edge, ...] = (),
        at: Node | None = None, rule: Rule | None = None,
    ) -> Iterator[Faulty]:  # fmt: skip
        try:
            arrays = tuple(self._gradient(k, cut, at, rule) for k in range(CHECKS))
        except SymgradError:
            return
        yield Faulty(label, said, cost, arrays)

    def _gradient(self, k: int, cut: tuple[Edge, ...], at: Node | None, rule: Rule | None) -> Any:
        know = self.know
        point = know.true_point(k)
        gathered: dict[Node, Any] = {}

        def add(node: Node, value: Any) -> None:
            gathered[node] = gathered[node] + value if node in gathered else value

        for leaf in self.atoms:
            root = self.roots.get(leaf)
            if root is not None and leaf is not self.leaf:
                add(root, point.names[f"d:{leaf.name}"])  # type: ignore[attr-defined]
        if self.output not in self.atoms and self.output in self.roots:
            add(self.roots[self.output], np.ones(()))
        for node in reversed(self.order):
            if node not in gathered or node is self.leaf:
                continue
            value = gathered.pop(node)
            if isinstance(node, Leaf):
                if node in self.roots and node is not self.output:
                    add(self.roots[node], value)
                continue
            g = Leaf("cotangent", node.shape, "adjoint")
            for n, operand in enumerate(node.operands):
                if operand not in self.users and operand is not self.leaf:
                    continue
                if any(node is at_node and n in places for at_node, places in cut):
                    continue
                pulled = rule(g, n) if node is at and rule is not None else pullback(node, g, n)
                names = dict(point.names) | {"cotangent": value}
                (part,) = evaluate([pulled], names, point.sizes)
                add(operand, part)
        result = gathered.get(self.leaf)
        if result is None:
            raise SymgradError("nothing comes back")
        scale = know.frame.scales.get(self.target)
        if scale is not None:
            result = result * know.values(k).array(scale)
        return np.asarray(result, dtype=float)


def _windows(node: Einsum) -> Iterator[tuple[str, str, Node]]:
    """A window or slice turned round, moved by one, or not moved."""
    for n, factor in enumerate(node.factors):
        if not isinstance(factor, Iverson) or factor.op != "eq" or factor.operands:
            continue
        axes = [a for a in range(factor.ndim) if factor.condition.has(INDEX[a])]
        if len(axes) < 2:
            continue
        turned = "a convolution stands in place of a correlation, or the reverse"
        changes = [
            ("kernel-flip", turned, {INDEX[a]: factor.shape[a] - 1 - INDEX[a]}) for a in axes
        ]
        changes += [
            ("wrong-index", "the window does not move", {INDEX[a]: Integer(0)}) for a in axes
        ]
        off = "entries are read one place off"
        changes += [
            ("wrong-index", off, {INDEX[axes[0]]: INDEX[axes[0]] + move}) for move in (1, -1)
        ]
        for label, said, change in changes:
            condition = expand(factor.condition.xreplace(change))
            other = Iverson("eq", condition, factor.shape)
            factors = (*node.factors[:n], other, *node.factors[n + 1 :])
            yield label, said, Einsum(node.inputs, node.output, node.shape, *factors)
