"""Norms of every order against NumPy's, along every axis and pair of axes."""

from itertools import permutations

import numpy as np
import pytest

import symgrad as sg

VECTORS = ["None", "1", "2", "3", "4", "0.5", "1.5", "7", "inf", "-inf"]
MATRICES = ["None", '"fro"', '"nuc"', "1", "-1", "2", "-2", "inf", "-inf"]
CALLS = [f"norm(G, ord={p}, axis={k})" for p in VECTORS for k in (0, -2, 2)] + [
    f"norm(G, ord={p}, axis={axes}, keepdims={keep})"
    for p, keep in zip(MATRICES * 2, [True] * 9 + [False] * 9, strict=True)
    for axes in permutations(range(3), 2)
]
ALONE = [f"norm(x, {p})" for p in VECTORS] + [f"norm(X, {p})" for p in ('"fro"', '"nuc"', "2")]
SYMBOLS = {"x": ("n",), "X": ("n", "d"), "G": ("n", "d", "h")}


def numpys(call, values):
    """The same call of numpy.linalg; the texts are those of the table above."""
    return eval(call, {"norm": np.linalg.norm, "inf": np.inf} | values)


def graph_of(call):
    name = call[5]
    return name, sg.parse(f"f = {call}; J = sum(cos(f))", {name: SYMBOLS[name]}, parameters=[name])


@pytest.mark.parametrize("call", CALLS + ALONE)
def test_norm(call):
    name, graph = graph_of(call)
    values = graph.sample(4, dict(zip(graph.dims, (4, 3, 2), strict=False)))
    ours, expected = graph.evaluate(values, "f"), numpys(call, values)
    assert ours.shape == np.shape(expected)
    # sums of some ten powers; singular values to some 1e-15
    np.testing.assert_allclose(ours, expected, rtol=1e-13)

    direction = np.random.default_rng(2).normal(size=values[name].shape)
    step = 1e-6
    above, below = (
        np.cos(numpys(call, {name: values[name] + move * direction})).sum()
        for move in (step, -step)
    )
    slope = (sg.gradient(graph)[name].evaluate(values) * direction).sum()
    # differences: h² f''' ~ 1e-8 where a root is near 0, rounding 1e-15 / h ~ 1e-9
    np.testing.assert_allclose(slope, (above - below) / (2 * step), rtol=1e-6, atol=1e-7)


def test_size_one():
    for call in CALLS + ALONE:
        _, graph = graph_of(call)
        values = graph.sample(4, dict.fromkeys(graph.dims, 1))
        np.testing.assert_allclose(graph.evaluate(values, "f"), numpys(call, values), rtol=1e-13)


def test_the_gradient_of_the_nuclear_norm_is_u_vt():
    graph = sg.parse('norm(X, "nuc")', {"X": ("n", "d")}, parameters=["X"])
    values = graph.sample(4, {"n": 5, "d": 3})
    u, _, vt = np.linalg.svd(values["X"], full_matrices=False)
    np.testing.assert_allclose(sg.gradient(graph)["X"].evaluate(values), u @ vt, atol=1e-13)
