"""One way of writing the brackets of a product: [h = i + u] is [u + i = h]."""

from dataclasses import replace

from symgrad.simplify.terms import Factor, Term, canonical_factors
from symgrad.tensor.nodes import INDEX, UNIT, Iverson, Labels


def in_order(term: Term) -> Term:
    """The term with the axes of its brackets in the order in which its other factors have them."""
    factors = canonical_factors(term)
    told = [labels for node, labels in factors if not isinstance(node, Iverson)]
    order = {
        k: n for n, k in enumerate(dict.fromkeys(k for own in (term.output, *told) for k in own))
    }
    turned = tuple(_turned(factor, order) for factor in factors)
    return term if turned == tuple(factors) else replace(term, factors=turned)


def _turned(factor: Factor, order: dict[int, int]) -> Factor:
    node, labels = factor
    if not isinstance(node, Iverson) or node.operands or len(labels) < 3:
        return factor
    if UNIT in labels or len(set(labels)) < len(labels) or not order.keys() >= set(labels):
        return factor
    axes = sorted(range(len(labels)), key=lambda axis: order[labels[axis]])
    names = {INDEX[axis]: INDEX[n] for n, axis in enumerate(axes)}
    condition = node.condition.xreplace(names)
    if node.op == "eq" and condition.coeff(INDEX[0]).is_negative:
        condition = -condition
    turned = Iverson(node.op, condition, tuple(node.shape[axis] for axis in axes))
    own: Labels = tuple(labels[axis] for axis in axes)
    return turned, own


__all__ = ["in_order"]
