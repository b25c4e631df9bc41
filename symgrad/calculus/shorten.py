"""The two forms of a step's formula: the shortest, and the one that may be differentiated again."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from symgrad.calculus.derivation import Step
from symgrad.declare.graph import Definition
from symgrad.simplify import Simplified, Simplifier
from symgrad.simplify.cost import operations
from symgrad.simplify.known import known
from symgrad.simplify.names import Names
from symgrad.simplify.recognise import recognised
from symgrad.simplify.sums import is_flat
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
from symgrad.tensor.primitives import MatrixFunction

#: Operations of a formula that may be put in place of its name; what cancels is short, and trying
#: costs time: ∂J/∂a = (1 − y)/(1 − a) − y/a is longest of those that books put in place.
MOST_INLINED = 8

#: Operations of a formula that takes its name's place also where that is no shorter in itself.
LEAST_FOLDED = 2
#: Operations of one number for all entries, which is no array to be named.
MOST_REPEATED = 3


class Formula(NamedTuple):
    """What the chain rule gives, its shortest form, that without declared facts, and remarks."""

    raw: Node
    expr: Node
    exact: Node
    notes: tuple[str, ...]


@dataclass(slots=True)
class Shortener:
    """Shortens the formulas of one sweep: names stand for values, and steps for one another.

    `steps` are those that are done, by the symbol that each defines; `facts` are values and
    adjoints with what their definitions say about them, `told` the names with that.
    """

    folded: dict[Node, Node]
    names: Names
    told: Names
    steps: dict[Leaf, Step] = field(default_factory=dict)
    facts: dict[Node, Node] = field(default_factory=dict)
    shortest: Simplifier = field(default_factory=Simplifier)
    exactly: Simplifier = field(default_factory=lambda: Simplifier(facts=False))

    @classmethod
    def over(
        cls, definitions: Iterable[Definition], apart: Collection[Leaf] = ()
    ) -> tuple["Shortener", tuple[Definition, ...]]:
        """One for these definitions, and they with functions written by hand recognised.

        Values in `apart` stand for themselves alone, never for an equal expression: what is
        differentiated by a value next must tell its uses from copies of its formula.
        """
        definitions = tuple(definitions)
        folded: dict[Node, Node] = {
            d.expr: d.leaf
            for d in definitions
            if d.named and d.leaf not in apart and _may_stand(d.expr)
        }
        read = recognised(d.expr for d in definitions)
        folded |= {read[expr]: leaf for expr, leaf in folded.items()}
        shortest, exactly = Simplifier(), Simplifier(facts=False)
        forms = {expr: shortest.run(expr) for expr in folded}
        names = Names.of(
            {
                exactly.run(expr).node if form.used_facts else form.node: folded[expr]
                for expr, form in forms.items()
            }
        )
        shortener = cls(folded, names, names, shortest=shortest, exactly=exactly)
        for definition in definitions:
            shortener.note(definition.leaf, read[definition.expr])
        if shortener.facts:
            told = {shortener._told(expr): shortener._told(leaf) for expr, leaf in folded.items()}
            shown = {shortest.run(expr).node: leaf for expr, leaf in told.items()}
            shortener.told = Names.of(shown, facts=True)
        return shortener, tuple(replace(d, expr=read[d.expr]) for d in definitions)

    def note(self, leaf: Leaf, expr: Node) -> None:
        """Keep what the formula of a value says about it."""
        fact = known(leaf, self._told(expr), self.shortest)
        if fact is not leaf:
            self.facts[leaf] = fact

    def keep(self, step: Step) -> None:
        """Later formulas may use the step."""
        self.steps[step.leaf] = step
        self.note(step.leaf, step.expr)

    def _told(self, expr: Node) -> Node:
        """The expression with what is known of its values."""
        facts = {leaf: self.facts[leaf] for leaf in leaves(expr) if leaf in self.facts}
        return substitute(expr, facts) if facts else expr

    def formula(self, raw: Node) -> Formula:
        """The forms of a formula, that of an earlier step put in place where that is shorter."""
        raw = substitute(raw, self.folded)
        best = self._run(self.shortest, raw)
        exact = ruled = self._run(self.exactly, raw).node if best.used_facts else best.node
        open_ = _may_cancel(best.node)
        for symbol in leaves(best.node):
            inner = self.steps.get(symbol)
            if inner is None:
                continue
            if not self._may_fold(symbol, inner.expr, open_):
                continue
            shorter = self._run(self.shortest, substitute(best.node, {symbol: inner.expr}))
            saved = operations(best.node) - operations(shorter.node)
            if saved >= self._least_saved(inner.expr):
                same = exact is best.node and inner.exact is inner.expr and not shorter.used_facts
                exact = substitute(exact, {symbol: inner.exact})
                exact = shorter.node if same else self._run(self.exactly, exact).node
                best = shorter
        return Formula(ruled, best.node, exact, best.notes)

    def shorten(self, raw: Node) -> Simplified:
        """The shortest form of a formula, names put where products and sums have them."""
        return self._run(self.shortest, substitute(raw, self.folded))

    def _may_fold(self, symbol: Leaf, expr: Node, open_: set[Node]) -> bool:
        """Whether a formula in place of its name could be shorter."""
        if isinstance(expr, Leaf):
            return True
        if operations(expr) > MOST_INLINED:
            return False
        # nothing cancels across a product of matrices, unless it is part of a value
        if _has_inverse(expr) or self.names.has_part(expr):
            return True
        return symbol in open_ and not _has_matrix_product(expr)

    def _least_saved(self, expr: Node) -> int:
        """The operations that a formula must save to take its name's place."""
        count = operations(expr)
        if isinstance(expr, Leaf) or (is_flat(expr) and count <= MOST_REPEATED):
            return -count
        return int(count < LEAST_FOLDED)

    def _run(self, simplifier: Simplifier, raw: Node) -> Simplified:
        """The shortest form, products that have names put as these."""
        told = self._told(raw) if simplifier is self.shortest else raw
        names = self.names if told is raw else self.told
        found = simplifier.run(told)
        named = names.put_back(found.node)
        if named is not found.node:
            again = simplifier.run(named)
            if operations(again.node) < operations(found.node):
                notes = tuple(dict.fromkeys((*found.notes, *again.notes)))
                used = found.used_facts or again.used_facts or told is not raw
                found = Simplified(again.node, notes, used)
        if told is raw:
            return found
        back = {fact: leaf for leaf, fact in self.facts.items()}
        return replace(found, node=substitute(found.node, back))


def _may_stand(expr: Node) -> bool:
    """Whether the name of a value may stand for its expression in formulas.

    Not that of a maximum: the expression that it is compared with could be rounded in another way.
    """
    if isinstance(expr, Reduce):
        return isinstance(expr.operand, Leaf)
    return not isinstance(expr, Leaf | Constant)


def _may_cancel(expr: Node) -> set[Node]:
    """What a formula in place of a symbol can shorten.

    Not where the symbol is summed over with factors along other axes only, as in a product of
    matrices.
    """
    found = {expr}
    for node in topological(expr):
        if isinstance(node, Einsum):
            kinds = Counter(frozenset(own) for own in node.inputs)
            for labels, factor in zip(node.inputs, node.factors, strict=True):
                alone = len(node.factors) == 1 or kinds[frozenset(labels)] > 1
                if alone or {*labels} <= {UNIT, *node.output}:
                    found.add(factor)
        else:
            found.update(node.operands)
    return found


def _has_inverse(expr: Node) -> bool:
    """Whether it is a product with an inverse, which a matrix before it may cancel."""
    return isinstance(expr, Einsum) and any(
        isinstance(factor, MatrixFunction) and factor.name == "inv" for factor in expr.factors
    )


def _has_matrix_product(expr: Node) -> bool:
    """Whether it sums over factors of different axes; what a row does to itself may cancel."""
    for node in topological(expr):
        if isinstance(node, Einsum):
            for label in {k for own in node.inputs for k in own if k != UNIT} - {*node.output}:
                if len({frozenset(own) - {UNIT} for own in node.inputs if label in own}) > 1:
                    return True
    return False
