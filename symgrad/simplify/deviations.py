"""Deviations from a mean, x − mean x: their sum is 0, and their square is summed as it is."""

from symgrad.simplify.terms import Term, flatten
from symgrad.tensor.nodes import Leaf, Node, Total


def is_deviation(node: Total) -> bool:
    """Whether two terms are of the same factors along other axes, as in x − mean x or A − Aᵀ."""
    kinds = [sorted(hash(atom) for atom, _ in flatten(term).factors) for term in node.terms]
    return any(kind and kind in kinds[:n] for n, kind in enumerate(kinds))


def centred_axis(node: Node) -> int | None:
    """The axis along which the entries of a value are known to sum to zero."""
    if isinstance(node, Leaf):
        kind, _, axis = node.domain.partition(":")
        if kind == "centred":
            return int(axis)
    return None


def sums_to_zero(term: Term) -> Term | None:
    """Σₖ dᵢₖ = 0 for deviations d from their mean, where nothing else depends on k."""
    for node, labels in term.factors:
        axis = centred_axis(node)
        if axis is None or labels[axis] not in term.summed:
            continue
        if sum(labels[axis] in own for _, own in term.factors) == 1 == labels.count(labels[axis]):
            return Term(term.coefficient * 0, (), term.output, term.sizes)
    return None
