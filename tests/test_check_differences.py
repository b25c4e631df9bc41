"""The formulas of numerical derivatives: their accuracy, and the order of convergence."""

import numpy as np
import pytest

from symgrad.check.differences import (
    central,
    complex_step,
    norm_ratio,
    one_sided,
    richardson,
    taylor_order,
)

rng = np.random.default_rng(0)
A = rng.normal(size=(4, 4))


def f(x):
    """A smooth function of a vector, with the gradient of test `slope`."""
    return np.sum(np.tanh(A @ x) ** 3 + np.exp(-(x**2)) * x)


def slope(x, v):
    t = np.tanh(A @ x)
    g = A.T @ (3 * t**2 * (1 - t**2)) + np.exp(-(x**2)) * (1 - 2 * x**2)
    return g @ v


POINTS = [(rng.normal(size=4), rng.normal(size=4)) for _ in range(20)]


@pytest.mark.parametrize(
    ("formula", "allowed"),
    # the largest errors of shared measurements, with room of ten
    [(complex_step, 1e-13), (richardson, 2e-9), (central, 1e-7)],
)
def test_accuracy(formula, allowed):
    for x, v in POINTS:
        expected = slope(x, v)
        assert abs(formula(f, x, v) - expected) <= allowed * (1 + abs(expected))


@pytest.mark.parametrize("formula", [complex_step, richardson, central])
def test_functions_with_array_values(formula):
    x, v = POINTS[0]
    np.testing.assert_allclose(formula(lambda z: A @ z**2, x, v), 2 * A @ (x * v), atol=1e-8)


def test_a_point_of_any_shape():
    x = rng.normal(size=(2, 3))
    v = np.ones((2, 3))
    np.testing.assert_allclose(complex_step(lambda z: np.sum(z**2), x, v), 2 * x.sum(), rtol=1e-15)
    assert complex_step(np.sin, np.array(0.0), np.array(1.0)) == 1


def test_the_central_step_grows_with_x():
    x = np.array([1e6])
    np.testing.assert_allclose(central(lambda z: np.sum(z**2), x, np.ones(1)), 2e6, rtol=1e-9)


def test_one_sided_slopes_differ_at_a_kink_alone():
    left, right = one_sided(lambda z: np.sum(np.abs(z)), np.zeros(1), np.ones(1), 1e-7)
    assert (left, right) == (-1, 1)
    left, right = one_sided(f, *POINTS[0], 1e-7)
    assert abs(left - right) < 1e-5


def test_norm_ratio():
    a = np.array([3.0, 4.0])
    assert norm_ratio(a, a) == 0
    assert norm_ratio(a, -a) == 1
    assert norm_ratio(0 * a, 0 * a) == 0
    np.testing.assert_allclose(norm_ratio(a, 1.03 * a), 0.03 / 2.03, rtol=1e-12)


@pytest.mark.parametrize("error", [1.0, 0.03, 1e-4])
def test_order(error):
    """2 for the right slope; 1 for a wrong one, however little wrong."""
    for x, v in POINTS:
        v = v / np.linalg.norm(v)
        assert taylor_order(f, x, v, slope(x, v)) > 1.8
        assert 0.8 < taylor_order(f, x, v, slope(x, v) + error) < 1.3


def test_order_of_an_affine_function():
    def affine(x):
        return 1e3 + np.sum(A @ x)

    x, v = POINTS[0]
    assert taylor_order(affine, x, v, np.sum(A @ v)) == float("inf")
    assert abs(taylor_order(affine, x, v, np.sum(A @ v) + 1e-3) - 1) < 0.01


def test_order_of_an_array_value():
    x, v = POINTS[0]
    assert abs(taylor_order(lambda z: np.sin(A @ z), x, v, np.cos(A @ x) * (A @ v)) - 2) < 0.05
    assert abs(taylor_order(lambda z: np.sin(A @ z), x, v, np.cos(A @ x) * (A.T @ v)) - 1) < 0.05


def test_order_is_not_fooled_by_rounding():
    """Values of 1e8 with differences of 1e-3: most remainders are noise."""

    def shifted(x):
        return 1e8 + np.sum(np.sin(x))

    x, v = POINTS[0]
    assert taylor_order(shifted, x, v, np.cos(x) @ v) > 1.5
    assert taylor_order(shifted, x, v, np.cos(x) @ v + 0.1) < 1.3
