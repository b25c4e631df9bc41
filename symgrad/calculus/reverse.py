"""The reverse sweep as steps: adjoints in the order of a textbook, each simplified and named."""

from collections.abc import Collection
from dataclasses import dataclass, field

from symgrad.calculus.derivation import Step
from symgrad.calculus.shorten import Shortener
from symgrad.calculus.sweep import Contribution, conventions, main_rule, pull_definition, reachable
from symgrad.calculus.through import looked_through
from symgrad.declare.graph import Definition
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import Leaf, Node, leaves
from symgrad.tensor.operators import constant_of, full, total


@dataclass(slots=True)
class Reverse:
    """One sweep back over definitions, from the output to the wanted leaves.

    With as many axes as the output the adjoints are named, so that later steps refer to earlier
    ones; with `lead` extra axes in front (a Jacobian) their formulas are put in place, so that the
    unit tensors they start from vanish. Values in `apart` are kept apart from equal expressions;
    `parts` may begin with what else adds to an adjoint.
    """

    definitions: tuple[Definition, ...]
    output: Leaf
    wanted: tuple[Leaf, ...]
    taken: set[str]
    apart: Collection[Leaf] = ()
    named: str = "d{}"
    parts: dict[Leaf, list[Contribution]] = field(default_factory=dict)
    steps: dict[Leaf, Step] = field(default_factory=dict)

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
        shortener, self.definitions = Shortener.over(self.definitions, self.apart)
        self._finish(shortener, self.output, seed, lead)
        for definition in reversed(self.definitions):
            if definition.leaf in self.steps and definition.leaf in needed:
                self._pull(definition, needed, lead)
            complete = [leaf for leaf in ready[definition.leaf] if leaf in self.parts]
            for leaf in sorted(complete, key=lambda leaf: position.get(leaf, -1)):
                self._finish(shortener, leaf, self._gather(leaf), lead)
        for leaf in self.wanted:
            if leaf not in self.steps:  # the output does not depend on it
                zero = full(0, (*front, *leaf.shape))
                self._finish(
                    shortener, leaf, self._gather(leaf) if leaf in self.parts else zero, lead
                )
        if not seed.ndim and not self.apart and constant_of(seed) == 1:
            short = looked_through(self.definitions, self.output, self.steps.values(), shortener)
            self.steps.update(short)
        return tuple(self.steps.values())

    def _pull(self, definition: Definition, needed: frozenset[Leaf], lead: int) -> None:
        step = self.steps[definition.leaf]
        given = definition.leaf is self.output and isinstance(step.expr, Leaf)
        inline = lead or given or constant_of(step.expr) is not None
        seed: Node = step.exact if inline else step.leaf
        for leaf, part in pull_definition(definition, seed, needed, lead).items():
            self.parts.setdefault(leaf, []).append(part)

    def _gather(self, leaf: Leaf) -> Node:
        parts = self.parts[leaf]
        return total(((1, part.term) for part in parts), parts[0].term.shape)

    def _finish(self, shortener: Shortener, leaf: Leaf, raw: Node, lead: int) -> None:
        """The step of a leaf whose contributions are all known."""
        formula = shortener.formula(raw)
        parts = self.parts.get(leaf, [])
        step = Step(
            leaf=self._adjoint(leaf, raw.shape[:lead]),
            of=leaf,
            raw=formula.raw,
            expr=formula.expr,
            exact=formula.exact,
            notes=(*formula.notes, *conventions(name for part in parts for name in part.rules)),
            through=tuple(part.through for part in parts),
            rules=tuple(main_rule(part.rules) for part in parts),
        )
        self.steps[leaf] = step
        shortener.keep(step)

    def _adjoint(self, leaf: Leaf, front: Shape) -> Leaf:
        """The symbol of ∂J/∂v: named dv, in the code and in `.numpy()`, unless told otherwise."""
        return Leaf(
            fresh(self.named.format(leaf.name), self.taken), (*front, *leaf.shape), "adjoint"
        )


def fresh(name: str, taken: set[str]) -> str:
    """The name, with marks behind it where it is taken; taken from now on."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
