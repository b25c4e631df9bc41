"""One change of a claim at a time: what it would have to be, and what the mistake is then called.

A rule takes a part of a claim and yields what may stand in its place. Costs order the mistakes by
how often they are made and by how much they change: the least that repairs a claim wins.
"""

from collections.abc import Iterator

from symgrad.check.claims.terms import Term
from symgrad.check.diagnose.edits import (
    axes,
    functions,
    matrices,
    missing,
    positions,
    products,
    slopes,
    sums,
    variables,
)
from symgrad.check.diagnose.edits.places import (
    Edit,
    Place,
    Rule,
    everywhere,
    places,
    put,
    with_term,
)
from symgrad.check.diagnose.knowledge import Knowledge

#: All rules, those of the mistakes that are made most often first.
RULES: tuple[Rule, ...] = (
    *sums.RULES,
    *products.RULES,
    *matrices.RULES,
    *variables.RULES,
    *missing.RULES,
    *slopes.RULES,
    *axes.RULES,
    *functions.RULES,
    *positions.RULES,
)


def edits(know: Knowledge, target: str, root: Term) -> Iterator[tuple[Edit, Place]]:
    """All single edits of a claim, each with its place."""
    for place in places(root):
        for rule in RULES:
            for edit in rule(know, target, place):
                if edit.new is not place.part:
                    yield edit, place


__all__ = ["RULES", "Edit", "Place", "edits", "everywhere", "places", "put", "with_term"]
