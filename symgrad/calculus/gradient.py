"""Gradients: the reverse sweep over a graph, simplified step by step."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from symgrad.calculus.derivation import Derivation, Step, require_scalar
from symgrad.calculus.sweep import Contribution, pull_definition, reachable
from symgrad.declare.graph import Definition, Graph
from symgrad.errors import UnknownName
from symgrad.simplify import Simplifier
from symgrad.simplify.cost import operations
from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Leaf,
    Node,
    leaves,
    substitute,
    topological,
)
from symgrad.tensor.operators import constant_of, full, total


def gradient(graph: Graph, wrt: Iterable[object] | None = None) -> Derivation:
    """The gradients of the output, as a derivation.

    Parameters
    ----------
    graph :  a graph with a scalar output, shape ().
    wrt :    names or symbols, of parameters, inputs or defined values; all parameters without it.

    Returns
    -------
    Derivation    each derivative in the shape of its variable, in units of the output per unit of it.

    Raises
    ------
    ShapeError           if the output is not a scalar.
    UnknownName          if a name is not the graph's, or there is nothing to differentiate by.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    Reverse accumulation; facts about domains simplify what is shown (`Step.expr`), never what would
    be differentiated again (`Step.exact`).
    """
    graph.freeze()
    require_scalar(graph)
    if isinstance(wrt, str | Leaf):
        wrt = [wrt]
    wanted = tuple(
        graph.leaf(name) for name in (graph.parameters if wrt is None else dict.fromkeys(wrt))
    )
    if not wanted:
        raise UnknownName(
            f"graph {graph.name!r} has no parameters", hint="give wrt=, or declare parameters"
        )
    return Derivation(graph, wanted, tuple(_Sweep(graph, wanted).run()))


@dataclass(slots=True)
class _Sweep:
    graph: Graph
    wanted: tuple[Leaf, ...]
    parts: dict[Leaf, list[Contribution]] = field(default_factory=dict)
    steps: dict[Leaf, Step] = field(default_factory=dict)
    by_adjoint: dict[Leaf, Step] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    shortest: Simplifier = field(default_factory=Simplifier)
    exactly: Simplifier = field(default_factory=lambda: Simplifier(facts=False))

    def run(self) -> Iterable[Step]:
        definitions = self.graph.definitions
        output = self.graph.leaf(self.graph.output)
        needed = reachable(definitions, self.wanted)
        ready: dict[Leaf, list[Leaf]] = {}  # what is complete once a definition is pulled back:
        seen: set[Leaf] = set()  # the first definition that uses a leaf is the last to be pulled
        for definition in definitions:
            fresh = [leaf for leaf in leaves(definition.expr) if leaf not in seen]
            ready[definition.leaf] = fresh
            seen.update(fresh)
        position = {d.leaf: n for n, d in enumerate(definitions)}
        self.taken = {*(s.name for s in self.graph.symbols), *self.graph.dims,
                      *(d.leaf.name for d in definitions)}  # fmt: skip
        folded = {d.expr: d.leaf for d in definitions if not isinstance(d.expr, Leaf | Constant)}
        self._finish(output, full(1, ()), folded)
        for definition in reversed(definitions):
            if definition.leaf not in needed or definition.leaf not in self.steps:
                continue
            if definition.leaf is not output and position[definition.leaf] > position[output]:
                continue
            self._pull(definition, needed)
            complete = [leaf for leaf in ready[definition.leaf] if leaf in self.parts]
            for leaf in sorted(complete, key=lambda leaf: position.get(leaf, -1)):
                self._finish(leaf, self._gather(leaf), folded)
        for leaf in self.wanted:
            if leaf not in self.steps:  # the output does not depend on it
                self._finish(leaf, full(0, leaf.shape), folded)
        return self.steps.values()

    def _pull(self, definition: Definition, needed: frozenset[Leaf]) -> None:
        step = self.steps[definition.leaf]
        trivial = constant_of(step.expr) is not None
        seed: Node = step.expr if trivial else step.leaf
        for leaf, part in pull_definition(definition, seed, needed).items():
            self.parts.setdefault(leaf, []).append(part)

    def _gather(self, leaf: Leaf) -> Node:
        return total(((1, part.term) for part in self.parts[leaf]), leaf.shape)

    def _finish(self, leaf: Leaf, raw: Node, folded: dict[Node, Leaf]) -> None:
        """The step of a leaf whose contributions are all known."""
        raw = substitute(raw, folded)
        best = self.shortest.run(raw)
        exact = self.exactly.run(raw).node if best.used_facts else best.node
        for adjoint in leaves(best.node):
            if adjoint.role != "adjoint" or not _may_cancel(best.node, adjoint):
                continue
            inner = self.by_adjoint[adjoint]
            if _has_matrix_product(inner.expr):  # nothing cancels across one
                continue
            shorter = self.shortest.run(substitute(best.node, {adjoint: inner.expr}))
            if isinstance(inner.expr, Leaf) or operations(shorter.node) < operations(best.node):
                same = exact is best.node and inner.exact is inner.expr and not shorter.used_facts
                exact = substitute(exact, {adjoint: inner.exact})
                exact = shorter.node if same else self.exactly.run(exact).node
                best = shorter
        parts = self.parts.get(leaf, [])
        rules = dict.fromkeys(name for part in parts for name in part.rules)
        step = Step(
            leaf=self._adjoint(leaf),
            of=leaf,
            rule=", ".join(rules),
            raw=raw,
            expr=best.node,
            exact=exact,
            notes=best.notes,
            through=tuple(part.through for part in parts),
        )
        self.steps[leaf] = self.by_adjoint[step.leaf] = step

    def _adjoint(self, leaf: Leaf) -> Leaf:
        """The symbol of ∂J/∂v: named dv, in the code and in `.numpy()`."""
        name = f"d{leaf.name}"
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return Leaf(name, leaf.shape, "adjoint")


def _may_cancel(expr: Node, adjoint: Leaf) -> bool:
    """Whether putting an adjoint's formula in place can shorten: not where it is only summed over."""
    for node in topological(expr):
        if isinstance(node, Einsum):
            for labels, factor in zip(node.inputs, node.factors, strict=True):
                if factor is adjoint and set(labels) <= {UNIT, *node.output}:
                    return True
        elif adjoint in node.operands:
            return True
    return expr is adjoint


def _has_matrix_product(expr: Node) -> bool:
    for node in topological(expr):
        if isinstance(node, Einsum) and len(node.factors) > 1:
            held = {k for labels in node.inputs for k in labels if k != UNIT}
            if held - set(node.output):
                return True
    return False
