"""Each rewrite rule alone: what it makes of a product or a node has the same value.

In fractions where the rule is rational, to 50 digits elsewhere, at sizes that are pairwise
different and include 1, and at the edges of the domains.
"""

from dataclasses import replace
from fractions import Fraction

import mpmath
import pytest
from exact import drawn, exactly
from test_simplify import FIRES

from symgrad.simplify import engine, simplify
from symgrad.simplify.rules import NODE_RULES, TERM_RULES
from symgrad.simplify.terms import Term, build
from symgrad.tensor.evaluate import evaluate

SIZES = (
    {"n": 3, "k": 4, "m": 5},
    {"n": 1, "k": 3, "m": 2},
    {"n": 2, "k": 1, "m": 5},
    {"n": 5, "k": 2, "m": 1},
)
RULES = {rule.name: rule for rule in (*TERM_RULES, *NODE_RULES)}


def uses_of(monkeypatch, name, node):
    """What the rule was given and what it made of that, while the node was simplified."""
    found = []

    def watched(rule):
        def apply(before):
            after = rule.apply(before)
            if after is not None and rule.name == name:
                found.append((before, after))
            return after

        return replace(rule, apply=apply)

    with monkeypatch.context() as patch:
        for table in ("TERM_RULES", "NODE_RULES"):
            patch.setattr(engine, table, tuple(map(watched, getattr(engine, table))))
        simplify(node)
    return [tuple(build(side) if isinstance(side, Term) else side for side in use) for use in found]


def compared(monkeypatch, before, after, sizes, seed, edge):
    """Whether fractions could be compared; the sides are equal wherever the first has a value."""
    values = drawn((before, after), sizes, seed, edge)
    both = exactly(monkeypatch, (before, after), values, sizes)
    exact = both is not None
    digits = 200 if edge else 50  # 1 + e¹⁰⁰ takes more than 50
    left, right = both or evaluate((before, after), values, sizes, precision=digits)
    assert left.shape == right.shape
    for u, v in zip(left.ravel(), right.ravel(), strict=True):
        if exact and isinstance(u, Fraction | int):
            assert u == v
        elif not exact and mpmath.isfinite(u):
            # a few dozen operations; at the edges 1 + e¹⁰⁰ and 10⁻⁹ cancel, squared and cubed
            assert abs(u - v) <= mpmath.mpf(10) ** -40 * max(1, abs(u))
    return exact


#: Rules of what is not rational at all: exponentials, logarithms and roots.
TO_DIGITS = {
    "scale of a norm", "softmax by hand", "sigmoid of exp", "tanh by hand", "log of a softmax",
    "log of a sigmoid", "log of 1 − sigmoid", "log of a picked softmax", "log of a quotient",
    "softplus by hand", "sigmoid by hand", "logsumexp by hand", "softmax of a shift",
    "logsumexp of a shift", "log of a squared determinant",
}  # fmt: skip


@pytest.mark.parametrize("name", FIRES)
def test_a_rule_keeps_the_value(name, monkeypatch):
    exact = []
    for node, _ in FIRES[name]:
        uses = uses_of(monkeypatch, name, node)
        assert uses, f"{name} does not apply to {node}"
        for before, after in uses:
            for seed, sizes in enumerate(SIZES):
                for edge in (False, True):
                    exact.append(compared(monkeypatch, before, after, sizes, seed, edge))
    assert any(exact) == (name not in TO_DIGITS)


def test_a_rule_that_is_wrong_is_found(monkeypatch):
    """The comparison tells 2 x from x + 1 off x = 1, in fractions and to digits."""
    node = FIRES["powers"][2][0]
    with pytest.raises(AssertionError):
        compared(monkeypatch, node, 2 * node, SIZES[0], 0, edge=False)
    node = FIRES["log of a softmax"][0][0]
    with pytest.raises(AssertionError):
        compared(monkeypatch, node, node + Fraction(1, 10**30), SIZES[0], 0, edge=False)
