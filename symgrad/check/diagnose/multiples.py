"""Constant factors of a claim, or of a part of it: what it is a multiple of the truth by."""

from collections.abc import Callable, Iterable
from functools import partial

from sympy import S

from symgrad.check.claims.terms import Term, number
from symgrad.check.diagnose.case import Budget, Case, Hit
from symgrad.check.diagnose.edits import Place, places, put
from symgrad.check.diagnose.knowledge import CHECKS
from symgrad.check.diagnose.many import plus, times
from symgrad.check.diagnose.scales import ratio, recognised

#: Summands of which some next to each other may lack one factor.
MOST_SUMMANDS = 6


def scaled_parts(case: Case, budget: Budget) -> Iterable[Hit]:
    """A constant factor of the claim, or of a part of it."""
    know, claim = case.know, case.claim
    if claim is None:
        yield from _scaled_values(case)
        return
    for place in places(claim):
        parent = place.around[-1].op if place.around else ""
        if place.part.op == "number" and parent in ("times", "over") and len(place.path) > 1:
            continue
        for part, whole in _parts(claim, place):
            ratios = _ratios(case, part, whole)
            scale = recognised(know, ratios, regular=_is_regular(case, part))
            if scale is None:
                continue
            if part is place.part and parent == "times" and scale.label != "wrong-count":
                continue  # the product around it has the same factor
            new = whole(times(scale.factor, part))
            if case.is_true(new):
                deep = 0.0 if part is claim else 0.1 if part is place.part else 0.2
                factor = scale.factor if part is claim else None
                yield Hit(scale.label, scale.cost + deep, scale.said, new, scale.also, factor)


def _parts(claim: Term, place: Place) -> Iterable[tuple[Term, Callable[[Term], Term]]]:
    """A part and some of its summands, each with what makes a claim of what stands there."""
    yield place.part, partial(put, claim, place.path)
    if place.part.op != "plus" or not 2 < len(place.part.args) <= MOST_SUMMANDS:
        return
    items = place.part.args
    for start in range(len(items)):
        for stop in range(start + 2, min(start + len(items), len(items) + 1)):
            yield plus(*items[start:stop]), partial(_with_summands, claim, place, start, stop)


def _with_summands(claim: Term, place: Place, start: int, stop: int, new: Term) -> Term:
    items = place.part.args
    return put(claim, place.path, plus(*items[:start], new, *items[stop:]))


def _ratios(case: Case, part: Term, whole: Callable[[Term], Term]) -> list[float]:
    """What the part must be multiplied by at each point, as far as one number does it."""
    ratios: list[float] = []
    without = whole(times(number(S.Zero), part))
    for k in range(CHECKS):
        value, ours = case.value(without, k), case.ours[k]
        if value is None or ours is None or value.shape != case.truths[k].shape:
            break
        c = ratio(case.truths[k] - value, ours - value)
        if c is None:
            break
        ratios.append(c)
    return ratios


def _scaled_values(case: Case) -> Iterable[Hit]:
    ratios = [ratio(t, o) for t, o in zip(case.truths, case.ours, strict=True) if o is not None]
    if len(ratios) == CHECKS and None not in ratios:
        scale = recognised(case.know, [r for r in ratios if r is not None])
        if scale is not None:
            yield Hit(scale.label, scale.cost, scale.said, None, scale.also)


def multiple(case: Case) -> Term | None:
    """The count that a claim must be multiplied by to be right, as far as it is one."""
    if case.shapeless:
        return None
    ratios = [ratio(t, o) for t, o in zip(case.truths, case.ours, strict=True)]
    scale = recognised(case.know, [r for r in ratios if r is not None])
    return scale.factor if scale is not None and "mean" in scale.label else None


def _is_regular(case: Case, part: Term) -> bool:
    """Whether a part depends on the variable itself alone, as a regulariser's does."""
    names = {each.part.args[0] for each in places(part) if each.part.op == "name"}
    return case.target in names and names <= {case.target, *case.know.numbers}
