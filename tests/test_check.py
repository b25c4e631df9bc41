"""Checks of gradients: right ones pass, mistakes are found, kinks and NaN are told apart."""

import dataclasses

import numpy as np
import pytest
import sympy as sp

from symgrad.calculus.pullbacks import PULLBACKS
from symgrad.check import CheckReport, check
from symgrad.check.gradients import REDRAWS
from symgrad.check.methods import is_analytic
from symgrad.declare.graph import Graph
from symgrad.declare.symbols import dims, parameter, scalar, tensor
from symgrad.errors import GradientMismatch, ShapeError, UnknownName, ValueMismatch
from symgrad.tensor import operators as op
from symgrad.tensor.nodes import Einsum, LogSumExp, Map, Reduce, Softmax, Total
from symgrad.tensor.scalar import ARGS, FUNCTIONS, Unspecified, relu

B, d, h, c = dims("B d h c")


def mlp(activation=sp.tanh):
    """Two layers, cross-entropy and weight decay."""
    X, Y = tensor("X", B, d), tensor("Y", B, c, domain="onehot")
    W1, b1, W2, b2 = (
        parameter("W1", d, h),
        parameter("b1", h),
        parameter("W2", h, c),
        parameter("b2", c),
    )
    lam = scalar("lam", domain="positive")
    net = Graph("mlp")
    z1 = net.define("z1", X @ W1 + b1)
    a1 = net.define("a1", op.apply(activation(ARGS[0]), z1))
    z2 = net.define("z2", a1 @ W2 + b2)
    L = net.define("L", (op.sum_over(LogSumExp((1,), z2)) - op.sum_over(Y * z2)) / B)
    net.define("J", L + lam / 2 * (op.sum_over(W1**2) + op.sum_over(W2**2)))
    return net


def whole(expr, *symbols):
    """A graph of one definition, the sum of squares of an expression."""
    net = Graph("whole")
    r = net.define("r", expr)
    net.define("J", op.sum_over(r**2) / 2)
    return net


def test_a_right_gradient_passes():
    report = check(mlp())
    assert report
    assert [row.name for row in report.rows] == ["W1", "b1", "W2", "b2"]
    for row in report.rows:
        assert row.status == "agrees"
        assert row.method == "complex step"
        assert row.ratio < 1e-14
        assert row.worst.error < 1e-13
        assert 1.9 < row.order < 2.1
    assert report.raise_if_wrong() is report
    assert dict(report.sizes).keys() == {"B", "d", "h", "c"}


def test_the_table_says_what_was_tested():
    text = str(check(mlp(), seed=3))
    for words in (
        "check of mlp: J = ",
        "seed 3",
        "∂J/∂W1  (d, h)",
        "all ",
        "complex step",
        "|a − b| ≤ atol + rtol |b|",
        "100 ε √N",
        "order",
        "all 4 agree",
    ):
        assert words in text, words
    widths = {len(line) for line in text.splitlines() if line.startswith("∂")}
    assert len(widths) == 1


def test_inputs_and_named_values_too():
    report = check(mlp(), wrt=["X", "z1", "a1", "L", "J", "lam"])
    assert report, str(report)
    assert report["J"].worst.ours == 1
    assert report["L"].order == float("inf")


def test_the_seed_decides():
    assert str(check(mlp(), seed=1)) == str(check(mlp(), seed=1))
    assert str(check(mlp(), seed=1)) != str(check(mlp(), seed=2))


def test_sizes_and_values_can_be_given():
    rng = np.random.default_rng(0)
    given = {"W1": rng.normal(size=(3, 2)).astype(np.float32)}
    report = check(mlp(), sizes={"B": 7}, values=given)
    assert report
    assert dict(report.sizes)["B"] == 7
    assert dict(report.sizes)["d"] == 3
    assert max(row.worst.error for row in report.rows) < 1e-13  # float64 all the same


def test_a_whole_sample_can_be_given():
    net = mlp()
    report = check(net, values=net.sample(5, {"B": 2}))
    assert report
    assert report.seed is None
    assert dict(report.sizes)["B"] == 2


def test_large_parameters_by_entries_and_directions():
    report = check(mlp(), sizes={"B": 20, "d": 30, "h": 20, "c": 3})
    assert report
    assert report["W1"].tested == "248 of 600, 8 directions"
    assert report["W2"].tested == "all 60"


def test_functions_with_kinks_are_tested_by_branches():
    report = check(mlp(relu))
    assert report
    assert report["W1"].method == "complex step by branches"
    assert report["W2"].method == "complex step"
    assert "as Richardson confirms" in str(report)


def test_check_is_a_public_name_whatever_was_imported_before():
    import symgrad
    import symgrad.check.differences

    assert isinstance(symgrad.check(mlp()), CheckReport)


# --- mistakes


def scaled(rule, factor):
    return lambda node, g, k, lead=0: op.scale(factor, rule(node, g, k, lead))


X, W, v = tensor("X", B, d), parameter("W", d, h), parameter("v", h)
USES = {
    Total: lambda: whole(2 * W + 3 * W**2),
    Einsum: lambda: whole(X @ W),
    Map: lambda: whole(op.apply(sp.exp(ARGS[0] / 3), W)),
    Reduce: lambda: whole(op.extremum("max", X @ W, 1)),
    LogSumExp: lambda: whole(LogSumExp((1,), X @ W)),
    Softmax: lambda: whole(Softmax((1,), X @ W)),
}


@pytest.mark.parametrize("kind", USES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("factor", [-2, 2, sp.Rational(103, 100), sp.Rational(1000001, 1000000)])
def test_a_wrong_rule_is_found(kind, factor, monkeypatch):
    assert check(USES[kind]())
    monkeypatch.setitem(PULLBACKS, kind, scaled(PULLBACKS[kind], factor))
    report = check(USES[kind]())
    assert not report
    (row,) = report.failures
    assert row.status == "wrong"
    assert factor == sp.Rational(1000001, 1000000) or 0.8 < row.order < 1.2
    assert row.worst.error > row.worst.tolerance
    assert "is wrong at" in str(report)
    with pytest.raises(GradientMismatch) as caught:
        report.raise_if_wrong()
    for words in ("∂J/∂W is wrong", "formula", "difference", "|a − b| ≤", "whole"):
        assert words in str(caught.value)


def test_one_wrong_entry_is_found_and_named(monkeypatch):
    right = PULLBACKS[Einsum]

    def wrong(node, g, k, lead=0):
        result = right(node, g, k, lead)
        if node.shape or result.ndim != 2:
            return result
        corner = op.einsum(((0,), (1,)), (0, 1), op.eye(d)[1], op.eye(h)[2])
        return result * (1 + corner * 0.03)

    net = Graph("entry")
    net.define("J", op.sum_over(op.apply(sp.sin(ARGS[0]), W)))
    monkeypatch.setitem(PULLBACKS, Einsum, wrong)
    row = check(net)["W"]
    assert row.status == "wrong"
    assert row.worst.place == "(1, 2)"
    assert row.order < 1.2
    np.testing.assert_allclose(row.worst.ours / row.worst.theirs, 1.03, rtol=1e-12)


def test_a_gradient_wrong_on_one_side_only_is_no_kink(monkeypatch):
    """relu with slope 1.1 on the left: moving off the point does not help."""
    from symgrad.tensor import scalar as functions

    row = FUNCTIONS["relu"]
    wrong = dataclasses.replace(row, partials=(lambda x: functions.gt(x, 0) * 1.1,))
    functions.partial.cache_clear()
    monkeypatch.setitem(FUNCTIONS, "relu", wrong)
    try:
        for seed in range(4):
            assert not check(whole(op.apply(relu(ARGS[0]), X @ W)), seed=seed)
    finally:
        functions.partial.cache_clear()


# --- kinks

KINKED = {
    "relu": lambda u: op.apply(relu(ARGS[0]), u),
    "abs": lambda u: op.apply(sp.Abs(ARGS[0]), u),
    "maximum": lambda u: op.apply(FUNCTIONS["maximum"].kind(ARGS[0], ARGS[1]), u, 0),
    "max": lambda u: op.extremum("max", u, 1),
    "where": lambda u: op.apply(
        FUNCTIONS["where"].kind(FUNCTIONS["gt"].kind(ARGS[0], 0), ARGS[0], 2 * ARGS[0]), u
    ),
}


@pytest.mark.parametrize("name", KINKED)
def test_both_sides_of_a_kink(name):
    x = np.ones((2, 3))
    net = Graph("kink")
    net.define("J", op.sum_over(KINKED[name](X @ W)))
    for side in (1, -1):
        spread = side * np.array([[1.0, 2, 3, 4], [1, 3, 2, 1], [2, 1, 1, 2]])
        report = check(net, values={"X": x, "W": spread})
        assert report, str(report)
        assert not report.kinks


@pytest.mark.parametrize("name", KINKED)
def test_values_on_a_kink_are_reported_as_such(name):
    net = Graph("kink")
    net.define("J", op.sum_over(KINKED[name](X @ W)))
    report = check(net, values={"X": np.ones((2, 3)), "W": np.zeros((3, 4))})
    assert report
    (row,) = report.kinks
    assert row.status == "kink"
    assert "1 could not be told at a kink" in str(report)


def test_a_sample_on_a_kink_is_drawn_anew():
    """The binary mask makes a kink at X = 0 likely but not certain."""
    mask = tensor("mask", domain="binary")
    p = parameter("p")
    net = Graph("redraw")
    net.define("J", op.apply(relu(ARGS[0]), p * mask) + p)
    seeds = {check(net, seed=seed).seed - seed for seed in range(12)}
    assert 0 in seeds
    assert seeds <= set(range(REDRAWS))
    assert all(not check(net, seed=seed).failures for seed in range(12))


# --- numbers that are none, and float64's limits


def test_nan_is_named():
    values = {"X": np.ones((2, 3)), "W": np.zeros((3, 4))}
    values["X"][1, 2] = np.nan
    report = check(whole(X @ W), values=values)
    assert not report
    (row,) = report.failures
    assert row.status == "not finite"
    assert "X holds nan at (1, 2)" in str(report)
    with pytest.raises(GradientMismatch, match="X holds nan"):
        report.raise_if_wrong()


def test_infinity_in_a_value_is_named():
    report = check(whole(op.apply(sp.exp(ARGS[0]), W)), values={"W": np.full((2, 3), 1e3)})
    assert "r holds inf at (0, 0)" in str(report)
    assert not report


def test_infinity_in_a_gradient_is_named():
    report = check(whole(op.apply(sp.sqrt(ARGS[0]), v) + 1), values={"v": np.array([0.0, 1])})
    assert report["v"].status == "not finite"
    assert "holds" in report["v"].note


def test_infinities_that_do_not_reach_the_result_are_fine():
    mask = tensor("mask", B, h)
    net = Graph("masked")
    p = net.define("p", Softmax((1,), X @ W + mask))
    net.define("J", op.sum_over(p**2))
    hidden = np.array([[0, -np.inf, 0], [0, 0, -np.inf]])
    report = check(net, values={"mask": hidden})
    assert report, str(report)


def test_saturated_units_are_decided_at_sixty_digits():
    values = {"X": np.full((2, 3), 10.0), "W": np.full((3, 4), 0.8)}
    net = Graph("saturated")
    a = net.define("a", op.apply(sp.tanh(ARGS[0]), X @ W))
    net.define("J", op.sum_over(a))
    report = check(net, values=values)
    assert report, str(report)
    assert "agrees at 60 digits" in str(report)


def test_a_wrong_gradient_of_a_saturated_unit_is_still_wrong(monkeypatch):
    monkeypatch.setitem(PULLBACKS, Map, scaled(PULLBACKS[Map], sp.Rational(11, 10)))
    values = {"X": np.full((2, 3), 10.0), "W": np.full((3, 4), 0.8)}
    net = Graph("saturated")
    a = net.define("a", op.apply(sp.tanh(ARGS[0]), X @ W))
    net.define("J", op.sum_over(a))
    assert not check(net, values=values)


def test_a_gradient_that_is_zero_by_cancellation():
    net = Graph("shift")
    p = net.define("p", Softmax((1,), X @ W + v))
    net.define("J", op.sum_over(p))
    report = check(net)
    assert report, str(report)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_the_scale_of_the_loss_does_not_matter(scale, monkeypatch):
    net = whole(op.scale(scale, op.apply(sp.sin(ARGS[0]), X @ W)))
    assert check(net)
    monkeypatch.setitem(PULLBACKS, Map, scaled(PULLBACKS[Map], sp.Rational(101, 100)))
    assert not check(net)


def test_one_number():
    p = parameter("p")
    net = Graph("one")
    net.define("J", op.apply(sp.exp(ARGS[0]), p))
    report = check(net)
    assert report
    assert report["p"].tested == "1"


def test_a_parameter_that_does_not_matter():
    net = Graph("idle")
    net.define("r", v * 2)
    net.define("J", op.sum_over(X @ W))
    report = check(net, wrt=["v", "W"])
    assert report
    assert report["v"].order == float("inf")


# --- what is refused


def test_the_output_must_be_a_number():
    net = Graph("vector")
    net.define("r", X @ W)
    with pytest.raises(ShapeError, match=r"output r has shape \(B, h\)"):
        check(net)


def test_unspecified_functions_have_no_value():
    net = Graph("unspecified")
    net.define("J", op.sum_over(Map(Unspecified("phi", (0,), ARGS[0]), v)))
    with pytest.raises(ValueMismatch, match="phi is an unspecified function"):
        check(net)


def test_unknown_names_and_shapes_that_do_not_fit():
    with pytest.raises(UnknownName, match="W3"):
        check(mlp(), wrt=["W3"])
    with pytest.raises(ValueMismatch, match="W1"):
        check(mlp(), values={"W1": np.ones(3)})
    with pytest.raises(ShapeError, match="d"):
        check(mlp(), sizes={"d": 5}, values={"W1": np.ones((3, 2))})


def test_analytic():
    assert is_analytic([X @ W, Softmax((0,), X), op.apply(sp.erf(ARGS[0]), X)])
    assert not is_analytic([X @ op.apply(relu(ARGS[0]), W)])
    assert not is_analytic([op.extremum("max", X, 0)])
    assert not is_analytic([X < 0])
