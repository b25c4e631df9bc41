"""The reverse sweep as steps: adjoints in the order of a textbook, each simplified and named."""

from dataclasses import dataclass, field, replace

from symgrad.calculus.derivation import Step
from symgrad.calculus.sweep import Contribution, conventions, main_rule, pull_definition, reachable
from symgrad.declare.graph import Definition
from symgrad.simplify import Simplifier
from symgrad.simplify.cost import operations
from symgrad.simplify.recognise import recognised
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Leaf,
    Node,
    Reduce,
    leaves,
    substitute,
    topological,
)
from symgrad.tensor.operators import constant_of, full, total


@dataclass(slots=True)
class Reverse:
    """One sweep back over definitions, from the output to the wanted leaves.

    With a scalar output the adjoints are named, so that later steps refer to earlier ones; with an
    array output (`lead` extra axes in front) their formulas are put in place, so that the unit
    tensors they start from vanish.
    """

    definitions: tuple[Definition, ...]
    output: Leaf
    wanted: tuple[Leaf, ...]
    taken: set[str]
    parts: dict[Leaf, list[Contribution]] = field(default_factory=dict)
    steps: dict[Leaf, Step] = field(default_factory=dict)
    by_adjoint: dict[Leaf, Step] = field(default_factory=dict)
    folded: dict[Node, Node] = field(default_factory=dict)
    shortest: Simplifier = field(default_factory=Simplifier)
    exactly: Simplifier = field(default_factory=lambda: Simplifier(facts=False))

    def run(self, seed: Node) -> tuple[Step, ...]:
        """All steps, in order; the seed is the output's own adjoint."""
        lead = seed.ndim - self.output.ndim
        front = seed.shape[:lead]
        needed = reachable(self.definitions, self.wanted)
        ready: dict[Leaf, list[Leaf]] = {}  # what is complete once a definition is pulled back:
        seen: set[Leaf] = set()  # the first definition that uses a leaf is the last to be pulled
        for definition in self.definitions:
            fresh = [leaf for leaf in leaves(definition.expr) if leaf not in seen]
            ready[definition.leaf] = fresh
            seen.update(fresh)
        position = {d.leaf: n for n, d in enumerate(self.definitions)}
        self.folded = {d.expr: d.leaf for d in self.definitions if d.named and _may_stand(d.expr)}
        known = recognised(d.expr for d in self.definitions)
        self.definitions = tuple(replace(d, expr=known[d.expr]) for d in self.definitions)
        self.folded |= {known[expr]: leaf for expr, leaf in self.folded.items()}
        self._finish(self.output, seed, lead)
        for definition in reversed(self.definitions):
            if definition.leaf in self.steps and definition.leaf in needed:
                self._pull(definition, needed, lead)
            complete = [leaf for leaf in ready[definition.leaf] if leaf in self.parts]
            for leaf in sorted(complete, key=lambda leaf: position.get(leaf, -1)):
                self._finish(leaf, self._gather(leaf), lead)
        for leaf in self.wanted:
            if leaf not in self.steps:  # the output does not depend on it
                self._finish(leaf, full(0, (*front, *leaf.shape)), lead)
        return tuple(self.steps.values())

    def _pull(self, definition: Definition, needed: frozenset[Leaf], lead: int) -> None:
        step = self.steps[definition.leaf]
        inline = lead or constant_of(step.expr) is not None
        seed: Node = step.exact if inline else step.leaf
        for leaf, part in pull_definition(definition, seed, needed, lead).items():
            self.parts.setdefault(leaf, []).append(part)

    def _gather(self, leaf: Leaf) -> Node:
        parts = self.parts[leaf]
        return total(((1, part.term) for part in parts), parts[0].term.shape)

    def _finish(self, leaf: Leaf, raw: Node, lead: int) -> None:
        """The step of a leaf whose contributions are all known."""
        raw = substitute(raw, self.folded)
        best = self.shortest.run(raw)
        exact = ruled = self.exactly.run(raw).node if best.used_facts else best.node
        for adjoint in leaves(best.node):
            inner = self.by_adjoint.get(adjoint)
            if inner is None:
                continue
            if not isinstance(inner.expr, Leaf) and (
                _has_matrix_product(inner.expr)  # nothing cancels across one
                or not _may_cancel(best.node, adjoint)
            ):
                continue
            shorter = self.shortest.run(substitute(best.node, {adjoint: inner.expr}))
            if isinstance(inner.expr, Leaf) or operations(shorter.node) < operations(best.node):
                same = exact is best.node and inner.exact is inner.expr and not shorter.used_facts
                exact = substitute(exact, {adjoint: inner.exact})
                exact = shorter.node if same else self.exactly.run(exact).node
                best = shorter
        parts = self.parts.get(leaf, [])
        step = Step(
            leaf=self._adjoint(leaf, raw.shape[:lead]),
            of=leaf,
            raw=ruled,
            expr=best.node,
            exact=exact,
            notes=(*best.notes, *conventions(name for part in parts for name in part.rules)),
            through=tuple(part.through for part in parts),
            rules=tuple(main_rule(part.rules) for part in parts),
        )
        self.steps[leaf] = self.by_adjoint[step.leaf] = step

    def _adjoint(self, leaf: Leaf, front: Shape) -> Leaf:
        """The symbol of ∂J/∂v: named dv, in the code and in `.numpy()`."""
        name = f"d{leaf.name}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return Leaf(name, (*front, *leaf.shape), "adjoint")


def _may_stand(expr: Node) -> bool:
    """Whether the name of a value may stand for its expression in formulas.

    Not that of a maximum: the expression that it is compared with could be rounded in another way.
    """
    if isinstance(expr, Reduce):
        return isinstance(expr.operand, Leaf)
    return not isinstance(expr, Leaf | Constant)


def _may_cancel(expr: Node, adjoint: Leaf) -> bool:
    """Whether putting an adjoint's formula in place can shorten: not if it is only summed over."""
    for node in topological(expr):
        if isinstance(node, Einsum):
            for labels, factor in zip(node.inputs, node.factors, strict=True):
                if factor is adjoint and set(labels) <= {UNIT, *node.output}:
                    return True
        elif adjoint in node.operands:
            return True
    return expr is adjoint


def _has_matrix_product(expr: Node) -> bool:
    """Whether it sums over factors of different axes; what a row does to itself may cancel."""
    for node in topological(expr):
        if isinstance(node, Einsum) and len({frozenset(labels) for labels in node.inputs}) > 1:
            held = {k for labels in node.inputs for k in labels if k != UNIT}
            if held - set(node.output):
                return True
    return False
