"""Sums along axes."""

from collections.abc import Iterator
from typing import Any

from sympy import Integer

from symgrad.check.claims.terms import Term
from symgrad.check.diagnose.edits.places import Edit, Place, Rule, below
from symgrad.check.diagnose.knowledge import Knowledge


def _axes(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    part = place.part
    if part.op in ("sum", "mean", "max") and part.args:
        inner = part.args[0]
        given = dict(part.options)
        if len(part.args) > 1:
            given["axis"] = part.args[1]
        keep = given.get("keepdims", False)
        now = given.get("axis")
        for axis in (None, Integer(0), Integer(1), Integer(2)):
            for flag in dict.fromkeys((keep, True, False)):
                if (axis, flag) == (now, keep):
                    continue
                new = Term(part.op, inner, axis=axis, keepdims=flag)
                if axis is None and now is not None:
                    yield Edit(new, "missing-batch-sum", 1.4, "the sum over the other axes is "
                               "left out", ("wrong-axis",))  # fmt: skip
                    continue
                yield Edit(new, "wrong-axis", 1.3 + 0.2 * (flag != keep),
                           f"the sum runs over {_axis(now)} in place of {_axis(axis)}")  # fmt: skip
        other = "mean" if part.op == "sum" else "sum"
        label = "missing-mean-factor" if part.op == "sum" else "extra-mean-factor"
        if part.op != "max":
            said = "a mean stands in place of a sum" if other == "sum" else (
                "a sum stands in place of a mean")  # fmt: skip
            yield Edit(Term(other, inner, **given), label, 0.9, said)
        if not place.path:
            yield Edit(inner, "wrong-axis", 2.0, "nothing is to be summed")
        yield Edit(inner, "wrong-derivative-rule", 2.0, "the sum does not stay in the derivative",
                   ("wrong-axis",))  # fmt: skip
    parent = place.around[-1].op if place.around else ""
    if parent in ("sum", "neg") or part.op == "number":
        return
    summed = any(each.op in ("sum", "mean") for each in below(place.around[0] if place.around
                                                               else part))  # fmt: skip
    cost = (1.2 if not place.path else 1.9) + 0.5 * summed + 1.0 * (not know.is_shared(target))
    for axis in (Integer(0), Integer(1), None, (Integer(0), Integer(1)), Integer(2), Integer(-1)):
        for flag in (False, True):
            new = Term("sum", part, axis=axis, keepdims=flag)
            over_what = "all that share it" if not place.path else _axis(axis)
            yield Edit(new, "missing-batch-sum", cost,
                       f"the sum over {over_what} is left out")  # fmt: skip


def _axis(axis: Any) -> str:
    if axis is None:
        return "all axes"
    if isinstance(axis, tuple):
        return "axes " + " and ".join(map(str, axis))
    return f"axis {axis}"


RULES: tuple[Rule, ...] = (_axes,)
