"""Deviations from a mean, x − mean x: their sum is 0, and their square is summed as it is."""

from collections import Counter
from math import prod

from sympy import S

from symgrad.simplify.terms import Term, flatten
from symgrad.tensor.nodes import Leaf, Node, Total


def is_deviation(node: Total) -> bool:
    """Whether two terms are of the same factors along other axes, as in x − mean x or A − Aᵀ."""
    kinds = [sorted(hash(atom) for atom, _ in flatten(term).factors) for term in node.terms]
    return any(kind and kind in kinds[:n] for n, kind in enumerate(kinds))


def mean_domain(expr: Node) -> str:
    """What is known of a value that is the mean of a symbol over axes: "mean:0:X"; else nothing."""
    term = flatten(expr)
    if len(term.factors) != 1 or not term.summed or not isinstance(term.factors[0][0], Leaf):
        return ""
    ((leaf, labels),) = term.factors
    count = prod((term.sizes[k] for k in term.summed), start=S.One)
    if term.coefficient * count != 1 or len({*labels}) < len(labels):
        return ""
    return f"mean:{','.join(str(labels.index(k)) for k in term.summed)}:{leaf.name}"


def centred_axes(node: Node) -> tuple[int, ...]:
    """The axes along which, together, the entries are known to sum to zero; () if none."""
    if isinstance(node, Leaf):
        kind, _, axis = node.domain.partition(":")
        return (int(axis),) if kind == "centred" else ()
    if not (isinstance(node, Total) and len(node.terms) == 2 and sum(node.coefficients) == 0):
        return ()
    for one, other in (node.terms, node.terms[::-1]):
        mean = flatten(other)
        if not (isinstance(one, Leaf) and len(mean.factors) == 1 and mean.coefficient == 1):
            continue
        ((leaf, labels),) = mean.factors
        kind, _, rest = leaf.domain.partition(":") if isinstance(leaf, Leaf) else ("", "", "")
        axes, _, name = rest.partition(":")
        if kind == "mean" and name == one.name and not mean.summed:
            gone = tuple(map(int, axes.split(",")))
            left = [k for a, k in enumerate(mean.output) if a not in gone]
            if left == [k for k in labels if k in left]:
                return gone
    return ()


def sums_to_zero(term: Term) -> Term | None:
    """Σₖ dᵢₖ = 0 for deviations d from their mean, where nothing else depends on k."""
    held = Counter(k for _, labels in term.factors for k in labels)
    alone = {k for k in term.summed if held[k] == 1}
    for node, labels in term.factors:
        if alone.isdisjoint(labels):
            continue
        along = {labels[axis] for axis in centred_axes(node)}
        if along and along <= alone:
            return Term(term.coefficient * 0, (), term.output, term.sizes)
    return None
