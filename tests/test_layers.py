"""Layers against NumPy: values, gradients by complex step, second derivatives by differences."""

import numpy as np
import pytest
from layers import LAYERS, values_of

import symgrad as sg

#: Sizes of the dimensions of a layer, in order: pairwise different, and all 1.
SIZES = {"different": lambda n: 2 + n, "one": lambda n: 1}

every_layer = pytest.mark.parametrize("name", LAYERS)
both_sizes = pytest.mark.parametrize("sizes", SIZES)


def loss(layer, values):
    """J = Σ weight ⊙ sin(f) in NumPy, for real or complex values."""
    f = layer.reference(*(values[name] for name in layer.symbols))
    return (values["weight"] * np.sin(f)).sum()


def slopes(layer, values, name):
    """The gradient by complex step, exact to rounding."""
    base = values[name]
    result = np.empty(base.size)
    for k in range(base.size):
        moved = base.astype(complex).ravel()
        moved[k] += 1e-30j
        result[k] = loss(layer, values | {name: moved.reshape(base.shape)}).imag / 1e-30
    return result.reshape(base.shape)


def close(ours, expected, tolerance):
    """Relative to the largest entry: some entries are 0 but for rounding."""
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(ours, expected, rtol=tolerance, atol=tolerance * scale)


@every_layer
@both_sizes
def test_value(name, sizes):
    graph, values = values_of(LAYERS[name], 3, SIZES[sizes])
    expected = LAYERS[name].reference(*(values[each] for each in LAYERS[name].symbols))
    # at most some hundred operations on numbers of order 1
    close(graph.evaluate(values, "f"), expected, 1e-13)


@every_layer
@both_sizes
def test_gradient(name, sizes):
    layer = LAYERS[name]
    graph, values = values_of(layer, 3, SIZES[sizes])
    derivation = sg.gradient(graph)
    for each in layer.parameters:
        # 1 / √eps = 300 where a variance is 0: some hundred operations on numbers of that order
        close(derivation[each].evaluate(values), slopes(layer, values, each), 1e-11)


@every_layer
@both_sizes
def test_second_derivative(name, sizes):
    """Hessian times a direction against a difference of order 4 of gradients by complex step."""
    layer = LAYERS[name]
    graph, values = values_of(layer, 3, SIZES[sizes])
    rng = np.random.default_rng(7)
    # rounding 1e-16 / h; where a variance is 0, the scale of x is √eps, and numbers are 300² times
    h, tolerance = 1e-5, 1e-9 if sizes == "different" else 1e-6
    for each in layer.parameters:
        direction = rng.normal(size=values[each].shape)
        near, far = (
            slopes(layer, values | {each: values[each] + step * direction}, each)
            - slopes(layer, values | {each: values[each] - step * direction}, each)
            for step in (h, 2 * h)
        )
        expected = (8 * near - far) / (12 * h)
        ours = sg.hvp(graph, each).evaluate(values | {f"d{each}": direction})
        close(ours, expected, tolerance)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "group_norm of two"])
def test_a_large_mean_cancels_nothing(name):
    """The gradient at x + 10⁶, whose rounding alone is 10⁻¹⁰; Σ x² − (Σ x)²/n would lose 10⁻⁴."""
    layer = LAYERS[name]
    graph, values = values_of(layer, 5, SIZES["different"])
    moved = values | {"x": values["x"] + 1e6}
    derivation = sg.gradient(graph)
    for each in layer.parameters:
        exact = derivation[each].evaluate(moved | {"x": moved["x"] - 1e6})
        close(derivation[each].evaluate(moved), exact, 1e-8)


def test_a_bias_before_batch_norm_has_no_gradient():
    graph = sg.parse(
        "z = X @ W + b; J = sum(T * tanh(batch_norm(z, g, s)))",
        {"X": ("N", "d"), "W": ("d", "h"), "b": ("h",), "g": ("h",), "s": ("h",), "T": ("N", "h")},
        parameters=["W", "b"],
    )
    values = graph.sample(3, {"N": 7, "d": 3, "h": 4})
    gradient = sg.gradient(graph)
    assert np.abs(gradient["W"].evaluate(values)).max() > 0.1
    # sums of some ten numbers of order 1
    assert np.abs(gradient["b"].evaluate(values)).max() < 1e-14


def test_a_scale_of_weights_before_normalisation_has_no_gradient():
    """Rows of W are orthogonal to their gradient, for the output does not depend on their size."""
    graph = sg.parse(
        "V = weight_norm(W, g); J = sum(T * sin(x @ V.T))",
        {"x": ("N", "d"), "W": ("h", "d"), "g": ("h",), "T": ("N", "h")},
        parameters=["W"],
    )
    values = graph.sample(3, {"N": 7, "d": 3, "h": 4})
    gradient = sg.gradient(graph)["W"].evaluate(values)
    assert np.abs((gradient * values["W"]).sum(1)).max() < 1e-14
    assert np.abs(gradient).max() > 0.1


def test_hidden_keys_weigh_exactly_nothing():
    graph = sg.parse(
        "f = scaled_dot_product_attention(q, k, v, M); J = sum(f**2)",
        {"q": ("T", "d"), "k": ("S", "d"), "v": ("S", "e"), "M": ("T", "S")},
        {"M": "binary"}, parameters=["q", "k", "v"],
    )  # fmt: skip
    values = graph.sample(3, {"T": 3, "S": 4, "d": 2, "e": 5})
    values["M"] = np.ones((3, 4))
    values["M"][:, 2] = 0
    gradient = sg.gradient(graph)
    for name in ("k", "v"):
        assert (gradient[name].evaluate(values)[2] == 0).all()
    other = values | {"v": values["v"] + 1e6 * np.eye(4)[2][:, None]}
    assert (graph.evaluate(other, "f") == graph.evaluate(values, "f")).all()


def test_who_sees_nothing_takes_the_mean():
    graph = sg.parse(
        "scaled_dot_product_attention(q, k, v, M)",
        {"q": ("T", "d"), "k": ("S", "d"), "v": ("S", "e"), "M": ("T", "S")}, {"M": "binary"},
    )  # fmt: skip
    values = graph.sample(3, {"T": 3, "S": 4, "d": 2, "e": 5})
    values["M"] = np.zeros((3, 4))
    # a sum of four numbers of order 1
    np.testing.assert_allclose(
        graph.evaluate(values), np.broadcast_to(values["v"].mean(0), (3, 5)), rtol=1e-14, atol=1e-15
    )


@pytest.mark.parametrize(
    "mask",
    ["M", "1 - M", "M * tri(T)", "tril(ones((T, T)))", "q @ q.T > 0", "where(M, 1, 0)", "eye(T)",
     "maximum(M, tri(T))", "(q[:, :1] < 1) * (q[:, :1] > -1)", "ones((T, T))"],
)  # fmt: skip
def test_what_is_a_mask(mask):
    graph = sg.parse(
        f"scaled_dot_product_attention(q, q, q, {mask})",
        {"q": ("T", "d"), "M": ("T", "T")}, {"M": "binary"},
    )  # fmt: skip
    assert graph.evaluate(graph.sample(1, {"T": 3, "d": 2})).shape == (3, 2)


@pytest.mark.parametrize(
    "mask", ["q @ q.T", "2 * M", "M - 1", "M + M", "M @ M", "exp(M)", "b", "3"]
)
def test_what_is_no_mask(mask):
    with pytest.raises(sg.DeclarationError, match="not known to be of 0 and 1"):
        sg.parse(
            f"scaled_dot_product_attention(q, q, q, {mask})",
            {"q": ("T", "d"), "M": ("T", "T"), "b": ("T", "T")}, {"M": "binary"},
        )  # fmt: skip
