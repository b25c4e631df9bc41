"""The search for a mistake: what, changed in a claim or in the derivation, makes the two agree."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from symgrad.check.claims.terms import Term, names_in
from symgrad.check.diagnose.all_places import changes
from symgrad.check.diagnose.case import (
    MOST_EDITS,
    MOST_PAIRS,
    Budget,
    Case,
    Hit,
    Retold,
    same,
)
from symgrad.check.diagnose.edits import edits, everywhere, places, put
from symgrad.check.diagnose.knowledge import CHECKS
from symgrad.check.diagnose.many import plus, summands, times
from symgrad.check.diagnose.multiples import scaled_parts
from symgrad.check.diagnose.parts import contributions, parts
from symgrad.check.diagnose.scales import ratio, recognised
from symgrad.check.verify_truth import Point
from symgrad.errors import SymgradError


def search(case: Case) -> list[Hit]:
    """All explanations that were found, likeliest first, one for each label."""
    hits: list[Hit] = []
    for finder, always in FINDERS:
        if always or not hits:
            hits += finder(case, Budget.of(MOST_EDITS if always else MOST_PAIRS))
    best: dict[str, Hit] = {}
    for hit in sorted(hits, key=lambda hit: hit.cost):
        best.setdefault(hit.label, hit)
    return list(best.values())


# --- programs


def _run_otherwise(case: Case, budget: Budget) -> Iterable[Hit]:
    """A program that is right when it is run in another way."""
    for each in case.retold:
        try:
            values = [each.run(case.know.point(k)) for k in range(CHECKS)]
        except SymgradError:
            continue
        if all(
            same(np.asarray(v, dtype=float), t) for v, t in zip(values, case.truths, strict=True)
        ):
            yield Hit(each.label, 1.0, each.said)


# --- symmetry


def _symmetric(case: Case, budget: Budget) -> Iterable[Hit]:
    """A claim that is right where a square matrix, or all of them, is symmetric."""
    for chosen, cost in _matrices(case):
        for k in range(CHECKS):
            try:
                point, truth = _made_symmetric(case, chosen, k)
                ours = np.asarray(case.run(point), dtype=float)
            except (SymgradError, TypeError, ValueError):
                break
            if not same(ours, np.asarray(truth, dtype=float)):
                break
        else:
            shown = " and ".join(f"{{{each}}}" for each in chosen)
            said = f"{shown} {'is' if len(chosen) == 1 else 'are'} taken to be symmetric"
            yield Hit("symmetry-assumed", cost, said)
            return


def _matrices(case: Case) -> Iterable[tuple[tuple[str, ...], float]]:
    """Square matrices, one and all, and the gradients by square ones that a claim starts from."""
    know = case.know
    yield from (((each,), 1.7) for each in know.square)
    if len(know.square) > 1:
        yield know.square, 1.7
    names = names_in(case.claim) if case.claim is not None else set()
    gradients = [each for each in sorted(names) if each.startswith("d:") and know.is_square(each)]
    if not know.frame.scales:
        yield from (((own, each), 1.9) for own in know.square for each in gradients)


def _made_symmetric(case: Case, chosen: tuple[str, ...], k: int) -> tuple[Point, Any]:
    """A point where these are symmetric, and the gradient there; given ones stay as they are."""
    if any(each.startswith("d:") for each in chosen):
        return case.know.symmetric_values(case.target, chosen, k)
    point = case.know.symmetric_point(chosen, k)
    return point, point.names[f"d:{case.target}"]


# --- single edits


def _edited(case: Case, budget: Budget) -> Iterable[Hit]:
    if case.claim is None:
        return
    often = Counter(place.part for place in places(case.claim))
    for edit, place in edits(case.know, case.target, case.claim):
        if budget.spent(place, case.claim.size * (often[place.part] > 1)):
            return
        deep = 0.05 * len(place.path)
        several = {put(case.claim, place.path, edit.new): 0.0}
        if often[place.part] > 1:
            several.setdefault(everywhere(case.claim, place.part, edit.new), 0.1)
        for new, more in several.items():
            if same(case.value(new, 0), case.truths[0]) and case.is_true(new):
                yield Hit(edit.label, edit.cost + deep + more, edit.said, new, edit.also)


# --- the derivation


def _missing_parts(case: Case, budget: Budget) -> Iterable[Hit]:
    """A summand of the truth that the claim lacks, or has with the other sign."""
    if case.shapeless:
        return
    gaps = [t - o for t, o in zip(case.truths, case.ours, strict=True)]
    subtracted = list(_subtracted(case))
    for part in parts(case.know, case.target):
        values = [case.value(part.term, k) for k in range(CHECKS)]
        if any(v is None for v in values):
            continue
        new = plus(case.claim, part.term) if case.claim is not None else None
        if all(same(v, gap) for v, gap in zip(values, gaps, strict=True)):
            if not any(same(each, values[0]) for each in subtracted):  # else it is one too many
                yield Hit(part.label, part.cost, part.said, new)
        elif all(same(2 * v, gap) for v, gap in zip(values, gaps, strict=True)):
            yield Hit("sign", part.cost, "the sign of a term is wrong", None)
        else:
            rest = [ratio(truth - v, ours) for truth, v, ours in
                    zip(case.truths, values, case.ours, strict=True)]  # fmt: skip
            scale = recognised(case.know, [r for r in rest if r is not None])
            if scale is not None and None not in rest:
                yield Hit(part.label, part.cost + scale.cost, f"{part.said}; {scale.said}", None,
                          (scale.label,))  # fmt: skip


def _subtracted(case: Case) -> Iterable[Any]:
    """The values of what a claim subtracts, broadcast to the gradient's shape."""
    shape = case.truths[0].shape
    for each in summands(case.claim) if case.claim is not None else ():
        value = case.value(each.args[0], 0) if each.op == "neg" else None
        if value is not None and value.shape in ((), shape):
            yield np.broadcast_to(value, shape)


def _faulty_sweeps(case: Case, budget: Budget) -> Iterable[Hit]:
    """A derivation with one use of a value not followed, or one rule that is faulty."""
    for each in case.faults:
        if all(same(a, o) for a, o in zip(each.arrays, case.ours, strict=True)):
            yield Hit(each.label, each.cost, each.said)


# --- several parts


def _matched(case: Case, budget: Budget) -> Iterable[Hit]:
    """One and the same mistake in each of several summands, or joined parts."""
    claim = case.claim
    if claim is None:
        return
    if claim.op == "plus":
        paths = [case.know.pooled(case.know.frame.scaled(case.target, node))
                 for _, node in contributions(case.know, case.target)]  # fmt: skip
        targets = [[case.value(path, k) for k in range(CHECKS)] for path in paths]
        mine = [(n, each) for n, each in enumerate(claim.args)]
        for pair in list(mine):
            for m, goal in enumerate(targets):
                if all(same(case.value(pair[1], k), goal[k]) for k in range(CHECKS)):
                    del targets[m]
                    mine.remove(pair)
                    break
        if 2 <= len(mine) == len(targets) <= 6:
            yield from _each_repaired(case, mine, targets, budget)
    if claim.op in ("concatenate", "hstack", "vstack"):
        rows: Any = claim.args[0]
        axis = dict(claim.options).get("axis", claim.args[1] if len(claim.args) > 1 else 0)
        if isinstance(rows, tuple):
            goals = []
            for k in range(CHECKS):
                values = [case.value(each, k) for each in rows]
                if any(v is None or not v.ndim for v in values):
                    return
                ends = np.cumsum([v.shape[int(axis)] for v in values])
                if ends[-1] != case.truths[k].shape[int(axis)]:
                    return
                goals.append(np.split(case.truths[k], ends[:-1], axis=int(axis)))
            wrong = [(n, each) for n, each in enumerate(rows)
                     if not same(case.value(each, 0), goals[0][n])]  # fmt: skip
            wanted = [[goals[k][n] for k in range(CHECKS)] for n, _ in wrong]
            if len(wrong) >= 2:
                yield from _each_repaired(case, wrong, wanted, budget, in_order=True)


def _each_repaired(
    case: Case, mine: list[tuple[int, Term]], targets: list[Any], budget: Budget,
    in_order: bool = False,
) -> Iterable[Hit]:  # fmt: skip
    """All parts repaired one by one by edits of one label."""
    found: list[dict[str, tuple[float, str, Term, int]]] = []
    for n, (_, part) in enumerate(mine):
        labels: dict[str, tuple[float, str, Term, int]] = {}
        goals = [(n, targets[n])] if in_order else list(enumerate(targets))
        for edit, place in edits(case.know, case.target, part):
            if budget.spent(place):
                return
            new = put(part, place.path, edit.new)
            value = case.value(new, 0)
            for m, goal in goals:
                if same(value, goal[0]) and same(case.value(new, 1), goal[1]):
                    for label in (edit.label, *edit.also):
                        if label not in labels or edit.cost < labels[label][0]:
                            labels[label] = (edit.cost, edit.said, new, m)
        found.append(labels)
    for label in found[0]:
        if all(label in each for each in found):
            used = {each[label][3] for each in found}
            if len(used) == len(found):
                cost = sum(each[label][0] for each in found) / len(found)
                yield Hit(label, cost + 0.2, f"{found[0][label][1]}, in each of the terms")


def _everywhere(case: Case, budget: Budget) -> Iterable[Hit]:
    """The same slip in all places: other time steps, all transposes, all products turned round."""
    if case.claim is None:
        return
    for change in changes(case.know, case.claim):
        if case.is_true(change.new):
            yield Hit(change.label, change.cost, change.said, change.new, change.also)


# --- two mistakes


def _two(case: Case, budget: Budget) -> Iterable[Hit]:
    """An edit and a constant factor, an edit of a faulty derivation, or two edits."""
    if case.claim is None:
        yield from _faulty_and_scaled(case)
        return
    tried: list[tuple[Any, Term]] = []
    seen: set[Term] = set()
    for edit, place in edits(case.know, case.target, case.claim):
        if budget.spent(place):
            return
        new = put(case.claim, place.path, edit.new)
        if new in seen:
            continue
        seen.add(new)
        value = case.value(new, 0)
        tried.append((edit, new))
        if value is None or value.shape != case.truths[0].shape:
            continue
        for fault in case.faults:
            if same(value, fault.arrays[0]) and same(case.value(new, 1), fault.arrays[1]):
                yield Hit(fault.label, fault.cost + edit.cost, f"{fault.said}; {edit.said}",
                          None, (edit.label, *edit.also))  # fmt: skip
        c = ratio(case.truths[0], value)
        if c is None:
            continue
        rest = [ratio(case.truths[k], case.value(new, k)) for k in range(1, CHECKS)]
        scale = recognised(case.know, [c, *(r for r in rest if r is not None)])
        if scale is not None:
            yield Hit(edit.label, edit.cost + scale.cost, f"{edit.said}; {scale.said}",
                      times(scale.factor, new), (scale.label, *edit.also))  # fmt: skip
    yield from _faulty_and_scaled(case)
    tried.sort(key=lambda pair: pair[0].cost)
    for first, root in tried:
        if first.cost > 2.0:
            return
        for edit, place in edits(case.know, case.target, root):
            if budget.spent(place):
                return
            if edit.cost > 2.0:
                continue
            new = put(root, place.path, edit.new)
            if same(case.value(new, 0), case.truths[0]) and case.is_true(new):
                yield Hit(first.label, first.cost + edit.cost, f"{first.said}; {edit.said}", new,
                          (edit.label, *first.also, *edit.also))  # fmt: skip
                return


def _faulty_and_scaled(case: Case) -> Iterable[Hit]:
    """A faulty derivation times a constant factor."""
    if case.shapeless:
        return
    for fault in case.faults:
        ratios = [ratio(a, o) for a, o in zip(fault.arrays, case.ours, strict=True)]
        if None in ratios:
            continue
        scale = recognised(case.know, [r for r in ratios if r is not None])
        if scale is not None:
            yield Hit(fault.label, fault.cost + scale.cost, f"{fault.said}; {scale.said}", None,
                      (scale.label,))  # fmt: skip


#: Each with whether it is tried although something was found before.
FINDERS: tuple[tuple[Callable[[Case, Budget], Iterable[Hit]], bool], ...] = (
    (scaled_parts, True), (_run_otherwise, True), (_missing_parts, True),
    (_faulty_sweeps, True), (_edited, True),
    (_everywhere, True), (_matched, False), (_symmetric, True), (_two, False),
)  # fmt: skip

__all__ = ["Case", "Hit", "Retold", "search"]
