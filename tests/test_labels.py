"""Arrays as indices: what counts, and labels in other places, against NumPy's own indexing."""

import numpy as np
import pytest
from modules import compare, module_of
from reference_numpy import run

import symgrad as sg
from symgrad.errors import ShapeError
from symgrad.tensor.labels import affine_in_indices, classes_of
from symgrad.tensor.nodes import INDEX

SYMBOLS = {
    "x": ("n",), "X": ("n", "d"), "T": ("c", "c"), "v": ("n*d",), "E": ("n", "c"),
    "y": ("n",), "t": ("d", "n"),
}  # fmt: skip
DOMAIN = {"y": "labels:c", "t": "labels:c"}
SIZES = {"n": 5, "d": 3, "c": 4}

TEXTS = [
    "X[arange(d)]",
    "X[:, arange(d)]",
    "X[0, arange(d)]",
    "X[arange(1), arange(1)]",
    "x[n - 1 - arange(n)]",
    "x[arange(d) + 2]",
    "v[d * arange(n)[:, None] + arange(d)]",
    "v[arange(n) + n * arange(d)[:, None]]",
    "E[arange(n)[:, None], arange(c)]",
    "E[arange(n)[1:], y[:-1]]",
    "E[arange(n)[::-1], y]",
    "T[y[:-1], y[1:]]",
    "T[y[::-2]]",
    "T[y[:, None], y]",
    "T[t.T]",
    "T[t[0], y]",
    "E[arange(n), t]",
    "onehot(y[1:], c) * E[1:]",
]


def graph_of(text):
    symbols = {name: shape for name, shape in SYMBOLS.items() if name in text} | {
        "E": ("n", "c"),
        "X": ("n", "d"),
    }
    domain = {name: DOMAIN[name] for name in symbols if name in DOMAIN}
    real = [name for name in symbols if name not in DOMAIN]
    return sg.parse(
        f"z = {text}; J = sum(cos(z)) + mean(E) + mean(X)", symbols, domain, parameters=real
    )


@pytest.mark.parametrize("text", TEXTS)
def test_values_and_gradients(text, tmp_path):
    graph = graph_of(text)
    values = graph.sample(1, SIZES)
    expected = run(text, values)
    np.testing.assert_array_equal(graph.evaluate(values, "z"), expected)
    gradient, step = sg.gradient(graph), 1e-30
    for name in graph.parameters:
        for place in np.ndindex(np.shape(values[name])):
            moved = values[name].astype(complex)
            moved[place] += 1j * step
            slope = np.cos(run(text, values | {name: moved})).sum() + moved.mean() * (name in "EX")
            found = gradient[name].evaluate(values)[place]
            np.testing.assert_allclose(found, slope.imag / step, rtol=1e-13, atol=1e-14)
    # at most thirty cosines of numbers of order one
    compare(module_of(graph, tmp_path, jit=False), graph, values, rtol=1e-13, atol=1e-13)


def test_ranges_that_sizes_leave_open_are_checked_when_they_are_known():
    graph = sg.parse("sum(x[arange(d) + 2])", {"x": ("n",), "w": ("d",)}, parameters=["x"])
    assert graph.evaluate({"x": np.arange(5.0), "w": np.ones(3)}) == 9
    with pytest.raises(ShapeError, match=r"d \+ 1 < n does not hold for d = 3, n = 4"):
        graph.evaluate({"x": np.arange(4.0), "w": np.ones(3)})


def test_a_score_of_a_sequence():
    """Named labels keep what they are: emissions and transitions of a conditional random field."""
    text = "a = y[:-1]; b = y[1:]; s = sum(E[arange(n), y]) + sum(T[a, b])"
    graph = sg.parse(text, {"E": ("n", "c"), "T": ("c", "c"), "y": ("n",)}, {"y": "labels:c"},
                     parameters=["T"])  # fmt: skip
    assert graph.leaf("a").domain == "labels:c"
    values = graph.sample(0, {"n": 6, "c": 3})
    counts = np.zeros((3, 3))
    np.add.at(counts, (values["y"][:-1], values["y"][1:]), 1)
    np.testing.assert_array_equal(sg.gradient(graph)["T"].evaluate(values), counts)


n, c = sg.dims("n c")
y = sg.tensor("y", n, domain="labels:c")


@pytest.mark.parametrize(
    ("array", "value"),
    [
        (3 * sg.arange(n) + 1, 3 * INDEX[0] + 1),
        (sg.arange(n)[None, :, None] * n, n * INDEX[1]),
        (sg.arange(n)[2:], INDEX[0] + 2),
        (sg.arange(n)[::-1], n - 1 - INDEX[0]),
        (sg.ones((n,)), 1),
        (sg.arange(n) + sg.arange(1), INDEX[0]),
        (sg.arange(n) * sg.arange(n), None),
        (sg.cumsum(sg.arange(n)), None),
        (y, None),
    ],
    ids=str,
)
def test_what_counts(array, value):
    assert affine_in_indices(array) == value


@pytest.mark.parametrize(
    ("array", "classes"),
    [
        (y, c),
        (y[1:], c),
        (y[None, ::-1].T, c),
        (sg.argmax(sg.tensor("Z", n, c), axis=0)[0], n),
        (sg.pad(y, 1), c),  # a label 0
        (sg.stop_gradient(sg.reshape(y, (1, n))), c),
        (sg.cumsum(y), None),
        (sg.sum(y), None),
        (2 * y, None),
        (y * y, None),
        (sg.tensor("x", n), None),
    ],
    ids=str,
)
def test_what_are_labels(array, classes):
    assert classes_of(array) == classes
