"""Long sums and products: right, short where a short form is known, with work that is counted."""

import sys
import time

import numpy as np
import pytest

import symgrad as sg
from symgrad.simplify import simplify
from symgrad.simplify.engine import Simplifier
from symgrad.simplify.normal import Normal, TooLarge, core, vanishes


def gradient_and_rules(text, symbols, monkeypatch):
    """The gradient by x, and how many products were simplified on the way."""
    calls = 0
    own = Simplifier._product

    def counted(self, node):
        nonlocal calls
        calls += 1
        return own(self, node)

    monkeypatch.setattr(Simplifier, "_product", counted)
    net = sg.parse(text, symbols=symbols, parameters=["x"])
    return net, sg.gradient(net)["x"], calls


@pytest.mark.parametrize("factors", [5, 60, 400])
def test_a_product_written_out_is_a_power(factors, monkeypatch):
    """x (x + 2)ᵏ written without names."""
    text = "J = x*" + "*".join(["(x + 2)"] * factors)
    net, found, calls = gradient_and_rules(text, {"x": ()}, monkeypatch)
    assert calls <= 10 * factors
    assert len(found.text()) < 60
    assert "1 + 1" not in found.text()
    for x in (-2.5, -2.0, -1.75, 0.0):
        at = {"x": np.array(x)}
        wanted = (x + 2) ** factors + factors * x * (x + 2) ** (factors - 1)
        np.testing.assert_allclose(found.evaluate(at), wanted, rtol=1e-12)
        np.testing.assert_allclose(net.evaluate(at), x * (x + 2) ** factors, rtol=1e-12)


@pytest.mark.parametrize("terms", [47, 49, 400])
def test_equal_terms_are_one_whatever_their_number(terms, monkeypatch):
    text = "J = sum(" + " + ".join(["tanh(x)"] * terms) + ")"
    _, found, _ = gradient_and_rules(text, {"x": ("n",)}, monkeypatch)
    x = np.array([-0.5, 0.0, 2.0])
    np.testing.assert_allclose(found.evaluate({"x": x}), terms * (1 - np.tanh(x) ** 2), rtol=1e-12)
    assert len(found.text()) < 40


@pytest.mark.parametrize("factors", [12, 60])
def test_products_of_many_sums_do_work_that_is_bounded(factors, monkeypatch):
    """Π (xᵢ + k): each of its terms has nearly all factors, and what they share is not sought."""
    text = "J = sum(" + "*".join(f"(x + {k})" for k in range(1, factors + 1)) + ")"
    _, found, calls = gradient_and_rules(text, {"x": ("n",)}, monkeypatch)
    assert calls <= 10 * factors
    x = np.array([0.25, -0.5, 0.0])  # no factor is 0
    ratios = sum(1 / (x + k) for k in range(1, factors + 1))
    values = np.prod([x + k for k in range(1, factors + 1)], axis=0)
    np.testing.assert_allclose(found.evaluate({"x": x}), values * ratios, rtol=1e-12)


def steps_of(work):
    """The Python functions that are called, which no clock and no other process changes."""
    count = 0

    def called(frame, event, argument):
        nonlocal count
        count += event == "call"

    sys.setprofile(called)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def product_of_sums(factors):
    """Π (aₖ + bₖ), each sum of symbols of its own, multiplied one after the other."""
    (n,) = sg.dims("n")
    names = [f"{letter}{factors}_{k}" for k in range(factors) for letter in "ab"]
    symbols = [sg.tensor(name, n) for name in names]
    product = symbols[0] + symbols[1]
    for a, b in zip(symbols[2::2], symbols[3::2], strict=True):
        product = product * (a + b)
    return product


def test_a_product_of_different_sums_takes_work_linear_in_their_number():
    few, many = (product_of_sums(factors) for factors in (50, 200))
    steps = [steps_of(lambda node=node: simplify(node)) for node in (few, many)]
    assert steps[1] < 6 * steps[0]  # four times as many factors; 16 times would be their square
    assert simplify(many).node.factors == simplify(simplify(many).node).node.factors


def test_a_gradient_of_a_product_of_sums_takes_work_linear_in_its_length():
    """Its terms have all factors but one: k (k − 1) of them are printed."""

    def derive(factors):
        text = "J = sum(" + "*".join(f"(x + c{factors}_{k})" for k in range(factors)) + ")"
        symbols = {"x": ("n",)} | {f"c{factors}_{k}": ("n",) for k in range(factors)}
        net = sg.parse(text, symbols=symbols, parameters=["x"])
        return steps_of(lambda: sg.gradient(net))

    assert derive(100) < 6 * derive(50)  # 4 times as long; 8 times would be the cube


def power_of_sum(exponent):
    symbols = dict.fromkeys("abcde", ("n",))
    text = f"r = (a + b + c + d + e)**{exponent} - (e + d + c + b + a)**{exponent} + a"
    return sg.parse(text, symbols=symbols).definitions[-1].expr


def test_the_normal_form_counts_its_work(monkeypatch):
    """What is proved depends on the expression alone, however slow the machine."""
    clock = iter(range(10**9))
    for name in ("monotonic", "perf_counter", "time"):
        monkeypatch.setattr(time, name, lambda: next(clock) * 1e6)
    assert [vanishes(power_of_sum(4)) for _ in range(2)] == [False, False]
    work = [normal._work for normal in (Normal(), Normal()) if normal.of(power_of_sum(4))]
    assert work[0] == work[1] > 0
    monkeypatch.setattr(core, "MOST_WORK", work[0] - 1)
    with pytest.raises(TooLarge):
        Normal().of(power_of_sum(4))
    assert vanishes(power_of_sum(4)) is None
