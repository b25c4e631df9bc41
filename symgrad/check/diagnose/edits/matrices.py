"""Products of matrices: their order, their transposes, products entry by entry in their place."""

from collections.abc import Iterator
from itertools import combinations, permutations, product

from symgrad.check.claims.terms import Slice, Term
from symgrad.check.diagnose.edits.places import Edit, Place, Rule
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import chain, times, transposed


def _matrix_for_entries(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """a ⊙ b written for a product of matrices."""
    part = place.part
    if part.op != "times" or len(part.args) > 6:
        return
    said = "a product entry by entry stands in place of a matrix product"
    several = range(len(part.args))
    for i, j in permutations(several, 2):
        rest = [part.args[k] for k in several if k not in (i, j)]
        a, b = part.args[i], part.args[j]
        for left, right in ((a, b), (a, transposed(b)), (transposed(a), b)):
            cost = 2.0 + 0.1 * (left is not a) + 0.1 * (right is not b) + 0.05 * (i > j)
            yield Edit(times(*rest, chain(left, right)), "elementwise-for-matmul", cost, said)
        yield Edit(times(*rest, Term("outer", a, b)), "elementwise-for-matmul", 2.1, said)


def _entries_for_matrix(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """A @ b or an outer product written for a ⊙ b."""
    part = place.part
    said = "a matrix product stands in place of a product entry by entry"
    if part.op == "chain":
        for k in range(1, len(part.args)):
            left, right = chain(*part.args[:k]), chain(*part.args[k:])
            yield Edit(times(left, right), "matmul-for-elementwise", 1.8, said)
            yield Edit(Term("outer", left, right), "matmul-for-elementwise", 2.2,
                       "an outer product is meant")  # fmt: skip
        if len(part.args) == 2:
            for vector, matrix in permutations(part.args):
                column = Term("index", vector, (Slice(), None))
                for each in (matrix, transposed(matrix)):
                    yield Edit(times(column, each), "matmul-for-elementwise", 2.0,
                               "rows are to be multiplied by numbers, not summed")  # fmt: skip
    if part.op in ("outer", "inner"):
        yield Edit(times(*part.args), "matmul-for-elementwise", 1.8, said)


def _orders(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """Factors of a matrix product in another order, transposed or not."""
    part = place.part
    if part.op == "outer":
        a, b = part.args
        said = "the factors of the outer product are turned round"
        yield Edit(Term("outer", b, a), "swapped-factors", 1.2, said, ("wrong-transpose",))
        yield Edit(chain(a, b), "matmul-for-elementwise", 2.4, "a matrix product is meant")
        return
    if part.op != "chain" or len(part.args) > 4:
        return
    items = part.args
    for i, j in combinations(range(len(items) + 1), 2):
        if 2 <= j - i < len(items):
            group = chain(*items[i:j])
            yield Edit(chain(*items[:i], transposed(group), *items[j:]), "missing-transpose", 1.2,
                       f"{know.quote(group)} must be transposed")  # fmt: skip
    for order in permutations(range(len(items))):
        for turned in product((False, True), repeat=len(items)):
            moved = order != tuple(range(len(items)))
            if not moved and not any(turned):
                continue
            new = chain(*(transposed(items[k]) if turned[k] else items[k] for k in order))
            if moved:
                whole = order == tuple(reversed(range(len(items)))) and all(turned)
                if whole:
                    yield Edit(new, "wrong-transpose", 1.1, "the product is the transpose of what "
                               "it must be", ("swapped-factors",))  # fmt: skip
                else:
                    yield Edit(new, "swapped-factors", 1.5 + 0.4 * sum(turned),
                               "the factors of the product stand in the wrong order",
                               ("missing-transpose",))  # fmt: skip
                continue
            flipped = [k for k in range(len(items)) if turned[k]]
            missing = any(items[k].op != "T" for k in flipped)
            label = "missing-transpose" if missing else "wrong-transpose"
            shown = ", ".join(know.quote(items[k]) for k in flipped)
            said = f"{shown} must be transposed" if missing else f"{shown} must not be transposed"
            yield Edit(new, label, 1.0 + 0.3 * len(flipped), said)


def _turned(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """The whole, or one of its summands, transposed."""
    parent = place.around[-1].op if place.around else ""
    if place.path and parent not in ("plus", "neg"):
        if place.part.op == "T":
            yield Edit(place.part.args[0], "wrong-transpose", 1.4, "it must not be transposed")
        elif place.part.op == "name" and parent not in ("T", "chain"):
            yield Edit(transposed(place.part), "missing-transpose", 1.6, "it must be transposed")
        return
    label = "missing-transpose" if place.path else "wrong-transpose"
    yield Edit(transposed(place.part), label, 1.1, "the result is the transpose of the gradient"
               if not place.path else "a term is the transpose of what it must be",
               ("swapped-factors",) if not place.path else ("wrong-transpose",))  # fmt: skip


def _inverses(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """A square matrix, or its entries' reciprocals, where its inverse belongs."""
    part = place.part
    bare = part.args[0] if part.op == "over" else part
    if bare.op != "name" or not know.is_square(bare.args[0]):
        return
    label, cost, said = (
        ("elementwise-for-matmul", 1.5, "reciprocals of the entries stand in place of the inverse")
        if part.op == "over"
        else ("wrong-derivative-rule", 1.8, "the derivative of log det X is the inverse")
    )
    inverse = Term("inv", bare)
    for new in (inverse, transposed(inverse)):
        yield Edit(new, label, cost, said)


RULES: tuple[Rule, ...] = (
    _matrix_for_entries,
    _entries_for_matrix,
    _orders,
    _turned,
    _inverses,
)
