"""Rules for brackets: what a window's equation says of the others."""

from collections.abc import Iterator
from dataclasses import replace

from sympy import Expr, S, expand

from symgrad.simplify.terms import Term, others
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Einsum, Iverson, Labels, Map, Node
from symgrad.tensor.scalar import ARGS, ne


def in_range(term: Term) -> Term | None:
    """[h = f] [f ≥ 0] = [h = f], and likewise for [f < n]: h is from 0 to n − 1."""
    bounds = set(_bounds(term))
    for n, (node, labels) in enumerate(term.factors):
        if isinstance(node, Iverson) and node.op == "ge" and not node.operands:
            if _linear(node, labels) in bounds:
                return replace(term, factors=others(term, n))
    return None


Linear = tuple[frozenset[tuple[int, Expr]], Expr]


def _linear(node: Iverson, labels: Labels) -> Linear:
    """The left side of a condition: the labels with their coefficients, and what is left."""
    condition = expand(node.condition)
    found: dict[int, Expr] = {}
    for axis, label in enumerate(labels):
        if label != UNIT:
            found[label] = found.get(label, S.Zero) + condition.coeff(INDEX[axis])
    rest = condition.xreplace(dict.fromkeys((*INDEX, *LOOKUP), S.Zero))
    return frozenset((k, c) for k, c in found.items() if c != 0), rest


def _bounds(term: Term) -> Iterator[Linear]:
    """What the equations of a term say is not negative: f and n − 1 − f for h = f."""
    for node, labels in term.factors:
        if not (isinstance(node, Iverson) and node.op == "eq" and not node.operands):
            continue
        terms, rest = _linear(node, labels)
        for label, c in [*terms, (UNIT, S.One)]:  # a unit axis is at 0
            if c not in (1, -1):
                continue
            size = S.One if label == UNIT else term.sizes[label]
            index = [(k, expand(-each / c)) for k, each in terms if k != label]
            constant = expand(-rest / c)
            yield frozenset(index), constant
            yield frozenset((k, -each) for k, each in index), expand(size - 1 - constant)


def nonzero_indicator(node: Node) -> Node | None:
    """[b ≠ 0] = b for what is 0 or 1."""
    if isinstance(node, Map) and node.body == ne(ARGS[0], 0) and _is_indicator(node.operands[0]):
        return node.operands[0]
    return None


def _is_indicator(node: Node) -> bool:
    if isinstance(node, Einsum):  # a product without sums
        held = {k for labels in node.inputs for k in labels if k != UNIT}
        return held <= set(node.output) and all(isinstance(f, Iverson) for f in node.factors)
    return isinstance(node, Iverson)
