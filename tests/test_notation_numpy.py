"""NumPy texts say what they stand for: run by a reference that shares nothing with symgrad."""

import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import NETWORKS
from reference_numpy import run
from strategies import networks

import symgrad as sg
from symgrad.errors import SymgradError
from symgrad.notation import numpy
from symgrad.tensor.nodes import INDEX, Iverson

#: Both sides take the same few hundred operations on numbers of order one, in another order.
CLOSE = {"rtol": 1e-9, "atol": 1e-11}

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck)}


def known(graph, seed=0):
    """Values of all symbols, definitions and dimensions."""
    values = graph.sample(seed)
    return {**values, **graph.evaluate_all(values)}, values


def agree(text, names, expected):
    with np.errstate(all="ignore"):
        actual = np.asarray(run(text, names), float)
    assert actual.shape == np.shape(expected), text
    np.testing.assert_allclose(actual, expected, err_msg=text, **CLOSE)


@settings(max_examples=60, **QUIET)
@given(networks(), st.integers(0, 99))
def test_texts_of_random_networks_evaluate_to_their_values(graph, seed):
    names, values = known(graph, seed)
    for definition in graph.definitions:
        agree(numpy(definition.expr), names, names[definition.leaf.name])
    for derivative in sg.gradient(graph).values():
        agree(derivative.numpy(), names, derivative.evaluate(values))


@settings(max_examples=15, **QUIET)
@given(networks(max_moves=4), st.data())
def test_texts_of_second_derivatives_evaluate_to_their_values(graph, data):
    name = data.draw(st.sampled_from(graph.parameters))
    names, values = known(graph)
    direction = np.random.default_rng(1).normal(size=np.shape(values[name]))
    product = sg.hvp(graph, name)
    more = {f"d{name}": direction}
    agree(product.numpy(), names | more, product.evaluate(values | more))
    hessian = sg.hessian(graph, name)
    try:
        text = hessian.numpy()
    except SymgradError:  # no text is an answer; a wrong one would not be
        return
    agree(text, names, hessian.evaluate(values))


@settings(max_examples=60, **QUIET)
@given(networks(), st.integers(0, 99))
def test_parsing_the_text_gives_the_same_values(graph, seed):
    names, values = known(graph, seed)
    names["sizes"] = np.zeros([values[dim] for dim in graph.dims])  # so that all are declared
    for definition in graph.definitions:
        text = numpy(definition.expr)
        if "arange" in text:  # conditions on indices are outside the vocabulary
            continue
        used = {leaf.name: leaf for leaf in (*graph.symbols, *(d.leaf for d in graph.definitions))}
        again = sg.parse(
            f"result = {text}",
            symbols={n: leaf.shape for n, leaf in used.items()} | {"sizes": graph.dims},
            domain={n: leaf.domain for n, leaf in used.items()},
        )
        actual = again.evaluate(names)
        np.testing.assert_allclose(actual, names[definition.leaf.name], err_msg=text, **CLOSE)


#: Networks with functions that nobody specified, which have no values.
UNSPECIFIED = {"one_hidden_layer_general", "general_layers", "two_paths"}


@pytest.mark.parametrize("name", [n for n in NETWORKS if n not in UNSPECIFIED])
def test_gradients_of_the_golden_networks(name):
    graph = NETWORKS[name]()
    names, values = known(graph)
    for derivative in sg.gradient(graph).values():
        agree(derivative.numpy(), names, derivative.evaluate(values))


n, m = sg.dims("n m")
x, A = sg.tensor("x", n), sg.tensor("A", n, m)
positive = x > 0

#: What was wrong once.
CASES = {
    "minus an indicator": -(positive * 1),
    "minus an indicator times a number": -(positive * (1 / n)),
    "minus an indicator first": -(positive * x),
    "indicator minus indicator": positive - (x > 1),
    "one minus an indicator": 1 - positive,
    "indicator to a power": 2**positive,
    "product of indicators": positive * (x < 1),
    "sum of an indicator": sg.sum(positive),
    "quotient of indicators": positive / (1 + (x < 1)),
    "an entry of a vector of entries": (A[0] * Iverson("eq", INDEX[0] - 1, (m,)))[1],
    "an entry twice": x[0] * x[1] / x[0],
    "sum of sums": sg.sum(sg.sum(2 * A * A, axis=1) / 3),
    "mean of sums": sg.mean(sg.sum(A * A, axis=1)),
    "sum of means": sg.sum(sg.mean(A * x[:, None], axis=1)),
    "where": sg.where(positive, x, -x),
    "a diagonal's entry": (A @ A.T)[1, 1],
    "a slice of a product": (A @ A.T)[1:, :2],
}


@pytest.mark.parametrize("name", CASES)
def test_cases(name):
    values = {"x": np.array([1.5, -0.5, 0.25]), "A": np.linspace(-1, 1.3, 6).reshape(3, 2)}
    values |= {"n": 3, "m": 2}
    net = sg.Graph("case")
    net.define("out_", CASES[name])
    agree(numpy(CASES[name]), values, net.evaluate(values))


def test_numbers_keep_their_value():
    for value in (sp.Rational(1, 3), sp.sqrt(2) / 3, sp.pi**2, sp.Integer(10) ** 20, 1 / n, n - m):
        node = x * value
        net = sg.Graph("number")
        net.define("r", node + 0 * sg.sum(A))
        values = {"x": np.array([1.5, -0.5, 0.25]), "A": np.ones((3, 2)), "n": 3, "m": 2}
        agree(numpy(node), values, net.evaluate(values))


def test_directions_give_way_to_the_names_of_a_graph():
    graph = sg.parse("dw = 2 * x * w; J = sum(dw**4)", {"x": ("n",), "w": ("n",)}, parameters=["w"])
    product = sg.hvp(graph, "w")
    assert [leaf.name for leaf in product.directions] == ["dw_"]
    values = {"x": np.array([1.0, 0.5]), "w": np.array([1.0, -2.0]), "dw_": np.array([1.0, 3.0])}
    expected = 12 * 16 * values["x"] ** 4 * values["w"] ** 2 * values["dw_"]
    np.testing.assert_allclose(product.evaluate(values), expected, rtol=1e-14)  # a few products
