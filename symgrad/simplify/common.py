"""What the terms of a sum share: a factor along labels of the result, or across summed ones.

A factor with labels that are summed is shared where these meet the rest of each term: in
A B + A C = A (B + C) it is A, whose columns B and C are summed with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sympy import Expr

from symgrad.simplify.matrices import is_symmetric
from symgrad.simplify.terms import Factor, Term, flatten, others
from symgrad.tensor.nodes import UNIT, Iverson, Labels, Node
from symgrad.tensor.primitives import MatrixFunction

Rows = list[tuple[Expr, Node]]

#: Where labels begin that stand for the summed ones of a shared factor; a result has fewer axes,
#: and `flatten` numbers summed labels above.
FIRST = 1000


@dataclass(frozen=True, slots=True)
class Share:
    """A factor that several terms have; `open` are its summed labels that others hold too."""

    node: Node
    labels: Labels
    open: Labels


def shared_factors(rows: Rows) -> list[Share]:
    """What several terms share, the most shared first; along labels of the result before others."""
    members: dict[Share, int] = {}
    for _, node in rows:
        term = flatten(node)
        for share in dict.fromkeys(_share(term, n) for n in range(len(term.factors))):
            members[share] = members.get(share, 0) + 1
    shared = [s for s, count in members.items() if count > 1 and (_plain(s) or _joins(rows, s))]
    return sorted(shared, key=lambda s: (-members[s], len(s.open)))


def _plain(share: Share) -> bool:
    return all(k < FIRST for k in share.labels)


def _share(term: Term, at: int) -> Share:
    """The factor of a term, its summed labels named by their places."""
    node, labels = term.factors[at]
    orders = [labels]
    across = len(labels) == 2 and UNIT not in labels and not {*labels} <= {*term.output}
    if across and is_symmetric(node, facts=False):
        orders.append(labels[::-1])
    held = {k for n, (_, own) in enumerate(term.factors) if n != at for k in own}
    found = []
    for order in orders:
        names: dict[int, int] = {}
        for k in order:
            if k != UNIT and k not in term.output:
                names.setdefault(k, FIRST + len(names))
        own = tuple(names.get(k, k) for k in order)
        found.append(Share(node, own, tuple(new for k, new in names.items() if k in held)))
    return min(found, key=lambda share: (share.labels, share.open))


def _joins(rows: Rows, share: Share) -> bool:
    """Whether what the factor is multiplied with is better added up first.

    Not slices, and no inverses for a vector, which are solved with; no more axes than the result
    has; and the rest of some term is one array, no outer product of two: X (u vᵀ + p qᵀ) would be
    shorter than (X u) vᵀ + (X p) qᵀ, and cost more. Before a vector none is an outer product:
    A x − x (xᵀ A x) has a number in it.
    """
    if not share.open or isinstance(share.node, Iverson):
        return False
    parts = [part for _, node in rows if (part := apart(flatten(node), share))]
    for part in parts:
        for node, own in part.factors:
            inverse = isinstance(node, MatrixFunction) and share.node.ndim == 1
            if {*own} & {*share.open} and (isinstance(node, Iverson) or inverse):
                return False
    wanted = {*axes_beside(parts, share)}
    if len(wanted) > max(2, len(parts[0].output)):
        return False
    least = all if share.node.ndim == 1 else any
    return len(wanted) < 2 or least(_connected(part, wanted) for part in parts)


def axes_beside(parts: Sequence[Term], share: Share) -> Labels:
    """The labels of what the factor is multiplied with, in the order of the fewest transposes."""
    held = [own for part in parts for _, own in part.factors]
    output = [k for k in parts[0].output if k != UNIT and any(k in own for own in held)]
    kept = (*output, *share.open)
    if len(kept) != 2:
        return kept
    turned = sum((own == kept) - (own == kept[::-1]) for own in held)
    ends = [k for k in share.labels if k != UNIT and k in parts[0].output]
    if turned < 0 or (turned == 0 and output and ends and min(ends) < output[0]):
        return kept[::-1]
    return kept


def _connected(term: Term, wanted: set[int]) -> bool:
    """Whether factors that share labels hold all the wanted ones."""
    reached = {min(wanted)}
    waiting = [set(own) - {UNIT} for _, own in term.factors]
    while met := [own for own in waiting if own & reached]:
        reached.update(*met)
        waiting = [own for own in waiting if own not in met]
    return wanted <= reached


def apart(term: Term, share: Share) -> Term | None:
    """What stands beside the shared factor, in its names for summed labels; None if it has none."""
    for n, (node, labels) in enumerate(term.factors):
        if node is not share.node or _share(term, n) != share:
            continue
        order = labels if _matches(labels, share.labels, term) else labels[::-1]
        names = {k: new for k, new in zip(order, share.labels, strict=True) if new >= FIRST}
        factors: tuple[Factor, ...] = tuple(
            (each, tuple(names.get(k, k) for k in own)) for each, own in others(term, n)
        )
        sizes = term.sizes | {new: term.sizes[k] for k, new in names.items()}
        return replace(term, factors=factors, sizes=sizes)
    return None


def _matches(labels: Labels, names: Labels, term: Term) -> bool:
    return all(
        new >= FIRST if k != UNIT and k not in term.output else new == k
        for k, new in zip(labels, names, strict=True)
    )
