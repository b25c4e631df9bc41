r"""Push-forwards, and the forward sweep: one pass over the definitions gives every value's tangent.

A push-forward is the transpose of a pullback, and so it is found: with a cotangent g of the node
that stands for itself, ⟨pullback(g), t⟩ = ⟨g, J t⟩ is linear in g, and its derivative by g is J t.
There are no rules of its own to get wrong. Griewank, Walther (2008), section 3.1; Christianson
(1992) for the derivative of an adjoint.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from symgrad.calculus.derivation import Step
from symgrad.calculus.reverse import fresh
from symgrad.calculus.shorten import Shortener
from symgrad.calculus.sweep import Contribution, conventions, main_rule, pull_definition
from symgrad.declare.graph import Definition
from symgrad.tensor.nodes import Leaf, Node, leaves, substitute
from symgrad.tensor.operators import constant_of, einsum, full, total


def inner(a: Node, b: Node) -> Node:
    """⟨a, b⟩, the sum of all products of entries."""
    labels = tuple(range(a.ndim))
    return einsum((labels, labels), (), a, b)


def push_definition(definition: Definition, tangents: Mapping[Leaf, Node]) -> Contribution | None:
    """The tangent of a definition, given those of the leaves that it depends on; None if it is 0.

    Raises
    ------
    NotDifferentiable    if a node on the path has no derivative; names it and the definition.
    """
    # no person's name has these signs
    g = Leaf("(cotangent)", definition.leaf.shape, "adjoint")
    pulled = pull_definition(definition, g, frozenset(tangents))
    if not pulled:
        return None
    slope = total(((1, inner(part.term, tangents[leaf])) for leaf, part in pulled.items()), ())
    again = Definition(Leaf("(slope)", (), "value"), slope)
    found = pull_definition(again, full(1, ()), frozenset({g})).get(g)
    if found is None:
        return None
    # linear in g, so that its derivative is the same everywhere; where it shows a g, it is at 0
    term = substitute(found.term, {g: full(0, g.shape)})
    rules = tuple(dict.fromkeys(rule for part in pulled.values() for rule in part.rules))
    return Contribution(definition.leaf, rules, term)


@dataclass(slots=True)
class Forward:
    """One sweep over definitions, from given tangents of some leaves to those of all values."""

    definitions: tuple[Definition, ...]
    directions: Mapping[Leaf, Node]
    taken: set[str]
    apart: Collection[Leaf] = ()
    tangents: dict[Leaf, Node] = field(default_factory=dict)

    def run(self) -> dict[Leaf, Step]:
        """The step of each value that depends on the leaves; all others have the tangent 0."""
        shortener, definitions = Shortener.over(self.definitions, self.apart)
        steps: dict[Leaf, Step] = {}
        self.tangents.update(self.directions)
        for definition in definitions:
            step = self._push(shortener, definition)
            if step is None:
                continue
            steps[definition.leaf] = step
            shortener.keep(step)
            value = constant_of(step.expr)
            self.tangents[definition.leaf] = step.leaf if value is None else step.exact
        return steps

    def _push(self, shortener: Shortener, definition: Definition) -> Step | None:
        reached = {
            leaf: self.tangents[leaf] for leaf in leaves(definition.expr) if leaf in self.tangents
        }
        part = push_definition(definition, reached) if reached else None
        if part is None:
            return None
        given = self.directions.get(definition.leaf)  # a value that is moved by itself as well
        raw = part.term if given is None else part.term + given
        formula = shortener.formula(raw)
        return Step(
            leaf=self._tangent(definition.leaf),
            of=definition.leaf,
            raw=formula.raw,
            expr=formula.expr,
            exact=formula.exact,
            notes=(*formula.notes, *conventions(part.rules)),
            through=(definition.leaf,),
            rules=(main_rule(part.rules),),
        )

    def _tangent(self, leaf: Leaf) -> Leaf:
        """The symbol of a tangent: dv, or v_dot where dv is an adjoint's or a direction's name."""
        name = f"d{leaf.name}"
        if name in self.taken and leaf.role == "value":
            name = f"{leaf.name}_dot"
        return Leaf(fresh(name, self.taken), leaf.shape, "tangent")
