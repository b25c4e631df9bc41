"""What a constant factor between a claim and the truth is: a sign, a count, a hyperparameter."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
from sympy import Integer, Rational, S, sqrt

from symgrad.check.claims.terms import Term, name, names_in, number
from symgrad.check.diagnose.knowledge import CHECKS, Knowledge
from symgrad.errors import SymgradError

#: The largest number above or below the bar of a factor that people slip by.
MOST = 24

#: Numbers that stand beside a count or a hyperparameter in such a factor.
BESIDE = (1, 2, 3, 4, Fraction(1, 2), Fraction(1, 3), Fraction(1, 4))


class Scale(NamedTuple):
    """What a claim must be multiplied by, and what the mistake is called."""

    factor: Term
    label: str
    cost: float
    said: str
    also: tuple[str, ...] = ()


def ratio(above: Any, below: Any) -> float | None:
    """The one number that `above` is times `below` in all entries; None if there is none."""
    x, y = np.asarray(above, dtype=float), np.asarray(below, dtype=float)
    if x.shape != y.shape or not x.size or not np.isfinite(x).all() or not np.isfinite(y).all():
        return None
    k = int(np.argmax(np.abs(y)))
    if y.flat[k] == 0:
        return None
    c = float(x.flat[k] / y.flat[k])
    scale = np.max(np.abs(x)) or 1.0
    if c == 0 or not np.isfinite(c) or not np.allclose(x, c * y, rtol=1e-7, atol=1e-9 * scale):
        return None
    return c


def recognised(know: Knowledge, ratios: list[float], *, regular: bool = False) -> Scale | None:
    """What the factors at all points are one form of."""
    if len(ratios) != CHECKS:
        return None
    best: Scale | None = None
    rows = _table(know, regular)
    if max(ratios) - min(ratios) <= 1e-7 * abs(ratios[0]):
        # the sizes differ at these points: it is a number, or of what has values
        rows = [row for row in rows if row[0] is number(S.One) or names_in(row[0])]
    for factor, label, cost, said in rows:
        values = []
        for k in range(CHECKS):
            try:
                values.append(float(know.values(k).array(factor)))
            except (SymgradError, TypeError, ValueError):
                break
        if len(values) < CHECKS or not all(values):
            continue
        rests = [r / v for r, v in zip(ratios, values, strict=True)]
        if not np.isfinite(rests).all():
            continue
        rest = Fraction(rests[0]).limit_denominator(MOST)
        if not rest or abs(rest.numerator) > MOST:
            continue
        if factor is not number(S.One) and abs(rest) not in BESIDE:
            continue
        if any(abs(r - rest) > 1e-7 * abs(rest) for r in rests):
            continue
        found = _with_number(know, factor, rest, label, cost, said)
        if best is None or found.cost < best.cost:
            best = found
    return best


def _with_number(
    know: Knowledge, factor: Term, rest: Fraction, label: str, cost: float, said: str
) -> Scale:
    if rest == 1:
        return Scale(factor, label, cost, said)
    exact = number(Rational(rest.numerator, rest.denominator))
    if factor is number(S.One):
        if rest == -1:
            return Scale(exact, "sign", 1.0, "the sign is wrong")
        if rest in know.steps:
            return Scale(exact, "extra-mean-factor", 1.1, f"the loss is a sum over {rest} steps, "
                         "not a mean", ("constant-factor",))  # fmt: skip
        if 1 / rest in know.steps:
            return Scale(exact, "missing-mean-factor", 1.2, "the mean over the steps is missing",
                         ("constant-factor",))  # fmt: skip
        label = "sign" if rest < 0 and abs(rest) == 1 else "constant-factor"
        simple = 0.0 if abs(rest) in BESIDE else 0.3
        return Scale(exact, label, 1.2 + simple, f"a factor {rest} is missing")
    return Scale(Term("times", exact, factor), label, cost + 0.4, said, ("constant-factor",))


def _table(know: Knowledge, regular: bool) -> list[tuple[Term, str, float, str]]:
    """Factors that people slip by."""
    cached = know.__dict__.setdefault("_scales", {})
    if regular not in cached:
        cached[regular] = _built(know, regular)
    rows: list[tuple[Term, str, float, str]] = cached[regular]
    return rows


def _built(know: Knowledge, regular: bool) -> list[tuple[Term, str, float, str]]:
    rows: list[tuple[Term, str, float, str]] = [(number(S.One), "constant-factor", 1.2, "")]
    counts = know.counts
    for count, shown in counts.items():
        rows.append((Term("over", count), "missing-mean-factor", 1.1,
                     f"the factor 1/{{{shown}}} of the mean is missing"))  # fmt: skip
        rows.append((count, "extra-mean-factor", 1.1,
                     f"the factor 1/{{{shown}}} is there once too often"))  # fmt: skip
    for count, shown in counts.items():
        for other, instead in counts.items():
            if other is not count:
                rows.append((Term("times", count, Term("over", other)), "wrong-count", 1.15,
                             f"it divides by {shown} where the count is {instead}"))  # fmt: skip
    for size in know.frame.truth.sizes.values():
        rows.append((number(1 / sqrt(size)), "missing-scale-factor", 1.2,
                     f"the factor 1/√{size} is missing"))  # fmt: skip
        rows.append((number(sqrt(size)), "missing-scale-factor", 1.4,
                     f"the factor 1/√{size} is there once too often"))  # fmt: skip
    label = "constant-factor" if regular else "missing-scale-factor"
    for text in know.numbers:
        one, own = number(Integer(1)), name(text)
        keep = Term("plus", one, Term("neg", own))
        for factor, said in (
            (own, f"the factor {{{text}}} is missing"),
            (Term("over", own), f"the factor {{{text}}} is there once too often"),
            (Term("times", own, own), f"the factor {{{text}}} is missing twice"),
            (keep, f"the factor 1 − {{{text}}} is missing"),
            (Term("over", keep), f"the factor 1/(1 − {{{text}}}) is missing"),
        ):
            rows.append((factor, label, 1.2, said))
    return rows
