"""Factors that are too many, upside down, or at the wrong place."""

from collections.abc import Iterator
from functools import partial
from itertools import combinations, permutations

from sympy import Integer

from symgrad.check.claims.terms import Term
from symgrad.check.diagnose.activations import Activation
from symgrad.check.diagnose.edits.places import Edit, Place, Rule, below, names_below, same_value
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import chain, over, plus, times, transposed


def _fewer_factors(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    part = place.part
    if part.op not in ("times", "chain"):
        return
    several = range(len(part.args))
    for count in (1, 2):
        for gone in combinations(several, count):
            kept = [part.args[k] for k in several if k not in gone]
            if not kept:
                continue
            lost = [part.args[k] for k in gone]
            rest = (times if part.op == "times" else chain)(*kept)
            label, said, cost = _surplus(know, target, lost, rest)
            yield Edit(rest, label, cost + 0.5 * (count - 1), said)


def _surplus(know: Knowledge, target: str, lost: list[Term], rest: Term) -> tuple[str, str, float]:
    """What it is called to have these factors too many."""
    bare = times(*lost) if len(lost) > 1 else lost[0]
    counts = know.counts
    if bare.op == "over" and bare.args[0] in counts:
        return "extra-mean-factor", f"the mean is taken twice: 1/{counts[bare.args[0]]}", 1.2
    if bare.op == "over" and _whole_number(bare.args[0]) in know.steps:
        return "extra-mean-factor", "the loss is a sum, not a mean", 1.2
    if bare in counts:
        return "constant-factor", f"the factor {counts[bare]} is too many", 1.5
    own = know.activation_of(target)
    if own is not None and own.function in ("softmax", "sigmoid", "tanh"):
        if _is_slope_like(know, own, bare):
            return ("fused-gradient-reused", "the rest already holds the derivative of "
                    f"{own.function}", 1.3)  # fmt: skip
    if not any(n.startswith("d:") for n in names_below(rest)):
        slope = know.entry_slope(target)
        if slope is not None and same_value(know, bare, slope):
            return "fused-gradient-reused", f"the rest already holds {know.quote(slope)}", 1.3
    return "extra-term", "a factor does not belong there", 1.9


def _whole_number(term: Term) -> int:
    value = term.args[0] if term.op == "number" else None
    return int(value) if isinstance(value, Integer) else -1


def _is_slope_like(know: Knowledge, activation: Activation, term: Term) -> bool:
    """Whether a factor is, or may be taken for, the derivative of an activation."""
    inside = {activation.a, activation.z} & below(term)
    return bool(inside) and not any(n.startswith("d:") for n in names_below(term))


def _upside_down(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    parent = place.around[-1].op if place.around else ""
    if place.part.op == "over":
        yield Edit(
            place.part.args[0], "wrong-derivative-rule", 2.0, "it divides where it must multiply"
        )
    elif parent not in ("over", "plus") and place.part.op not in ("number", "plus", "neg"):
        yield Edit(
            over(place.part), "wrong-derivative-rule", 2.0, "it multiplies where it must divide"
        )


def _misplaced(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """A factor outside a matrix product or sum in place of inside, or the reverse."""
    part = place.part
    said = "a factor is applied outside of a product or sum in place of inside, or the reverse"
    if part.op == "times":
        for i, j in permutations(range(len(part.args)), 2):
            whole, factor = part.args[i], part.args[j]
            rest = [each for k, each in enumerate(part.args) if k not in (i, j)]
            for inner in _inside(whole, factor):
                yield Edit(times(*rest, inner), "misplaced-factor", 1.9, said,
                           ("elementwise-for-matmul",))  # fmt: skip
    if part.op == "chain":
        for k, item in enumerate(part.args):
            own = item.args if item.op == "times" else ()
            for n, factor in enumerate(own):
                left = times(*own[:n], *own[n + 1 :])
                bare = chain(*part.args[:k], left, *part.args[k + 1 :])
                yield Edit(times(bare, factor), "misplaced-factor", 2.0, said)
                for m in range(len(part.args)):
                    if m != k:
                        items = [left if n2 == k else each for n2, each in enumerate(part.args)]
                        items[m] = times(items[m], factor)
                        yield Edit(chain(*items), "misplaced-factor", 2.1, said)
    if part.op in ("sum", "mean") and isinstance(part.args[0], Term):
        own = part.args[0].args if part.args[0].op == "times" else ()
        for n, factor in enumerate(own):
            left = times(*own[:n], *own[n + 1 :])
            bare = Term(part.op, left, *part.args[1:], **dict(part.options))
            yield Edit(times(bare, factor), "misplaced-factor", 2.0, said)


def _inside(whole: Term, factor: Term) -> Iterator[Term]:
    if whole.op == "chain":
        for k, item in enumerate(whole.args):
            yield chain(*whole.args[:k], times(item, factor), *whole.args[k + 1 :])
    if whole.op in ("sum", "mean") and isinstance(whole.args[0], Term):
        yield Term(whole.op, times(whole.args[0], factor), *whole.args[1:], **dict(whole.options))
    if whole.op == "plus":
        for k, item in enumerate(whole.args):
            yield plus(*whole.args[:k], times(item, factor), *whole.args[k + 1 :])


def _summed_apart(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """Σ a Σ b for Σ a ⊙ b: factors that are summed each on its own."""
    said = "the product of sums stands in place of the sum of products"
    part = place.part
    if part.op == "chain" and len(part.args) == 2:
        sums = [_as_sum(each) for each in part.args]
        if all(each.op == "plus" for each in sums) and len(sums[0].args) == len(sums[1].args):
            pairs = zip(*(each.args for each in sums), strict=True)
            yield Edit(plus(*(chain(*pair) for pair in pairs)), "misplaced-factor", 1.2, said)
    if part.op != "times":
        return
    for i, j in permutations(range(len(part.args)), 2):
        one, two = part.args[i], part.args[j]
        if one.op == two.op == "sum":
            rest = [each for k, each in enumerate(part.args) if k not in (i, j)]
            a, b = one.args[0], two.args[0]
            for new in (Term("sum", times(a, b), *two.args[1:], **dict(two.options)), chain(a, b)):
                yield Edit(times(*rest, new), "misplaced-factor", 1.3, said)


def _as_sum(term: Term) -> Term:
    """A transposed sum as the sum of what is transposed."""
    if term.op == "T" and term.args[0].op == "plus":
        return plus(*(transposed(each) for each in term.args[0].args))
    return term


def _multiplied(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """A product of sums for a sum of products; a product for a sum."""
    part = place.part
    if part.op in ("times", "outer", "chain") and len(part.args) == 2:
        a, b = part.args
        if part.op != "chain" and a.op == b.op == "plus" and len(a.args) == len(b.args):
            pairs = zip(a.args, b.args, strict=True)
            make = times if part.op == "times" else partial(Term, "outer")
            yield Edit(plus(*(make(*pair) for pair in pairs)), "misplaced-factor", 1.2,
                       "the product of sums stands in place of the sum of products")  # fmt: skip
        if part.op != "outer":
            yield Edit(plus(a, b), "misplaced-factor", 1.8,
                       "two terms are multiplied where they add up")  # fmt: skip


RULES: tuple[Rule, ...] = (
    _fewer_factors,
    _upside_down,
    _misplaced,
    _summed_apart,
    _multiplied,
)
