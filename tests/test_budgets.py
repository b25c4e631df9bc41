"""Long sums and products: right, short where a short form is known, with work that is counted."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.simplify.engine import Simplifier


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
