"""Initialisation, clipping, and the statistics that tell how gradients fare."""

import numpy as np
import pytest
from networks import example

import symgrad as sg
from symgrad.train import clip, dead_units, health, initialise
from symgrad.train.initialise import fans


def parsed(text, parameters, **shapes):
    domain = {"y": "labels:v"} if "y" in shapes else {}
    return sg.parse(text, symbols=shapes, domain=domain, parameters=parameters)


# --- initialisation

#: A network, its weight, and the names of fan_in and fan_out.
WEIGHTS = {
    "rows": ("J = sum(tanh(X @ W + b))", {"X": ("n", "p"), "W": ("p", "q"), "b": ("q",)}, "p", "q"),
    "columns": ("J = sum(W @ X)", {"X": ("p", "n"), "W": ("q", "p")}, "p", "q"),
    "one column": ("J = sum(W @ x)", {"x": ("p",), "W": ("q", "p")}, "p", "q"),
    "decay first": ("s = sum(W**2); J = s + sum(X @ W)", {"X": ("n", "p"), "W": ("p", "q")},
                    "p", "q"),
    "transposed": ("J = sum(X @ W.T)", {"X": ("n", "p"), "W": ("q", "p")}, "p", "q"),
    "first of two": ("J = sum(X @ W @ V)", {"X": ("n", "p"), "W": ("p", "q"), "V": ("q", "r")},
                     "p", "q"),
    "last of two": ("J = sum(X @ V @ W)", {"X": ("n", "r"), "V": ("r", "p"), "W": ("p", "q")},
                    "p", "q"),
    "vector": ("J = sum((X @ W)**2)", {"X": ("n", "p"), "W": ("p",)}, "p", ""),
    "embedding": ("J = sum(tanh(W[y]))", {"y": ("n",), "W": ("v", "q"), "u": ("v",)}, "", "q"),
    "one input": ("J = sum(X @ W)", {"X": ("n", 1), "W": (1, "q")}, "", "q"),
}  # fmt: skip


@pytest.mark.parametrize("name", WEIGHTS)
def test_fans_follow_the_product(name):
    text, shapes, into, out = WEIGHTS[name]
    net = parsed(text, [n for n in shapes if n not in ("X", "x", "y", "u")], **shapes)
    found = fans(net, net.leaf("W"))
    assert " ".join(map(str, found.into)) == into
    assert " ".join(map(str, found.out)) == out


@pytest.mark.parametrize(
    ("rule", "variance"),
    [("lecun", 1 / 300), ("glorot", 2 / (300 + 200)), ("he", 2 / 300)],
)
def test_variances(rule, variance):
    net = parsed("J = sum(tanh(X @ W + b))", ["W", "b"], X=("n", "p"), W=("p", "q"), b=("q",))
    start = initialise(net, {"p": 300, "q": 200}, rule, seed=3)
    W = start["W"]
    assert W.shape == (300, 200)
    # of 60 000 draws: the mean's deviation is σ/245, the variance's at most 0.6 %
    assert abs(W.mean()) < 5 * (variance / 60_000) ** 0.5
    assert abs(W.var() / variance - 1) < 0.03
    if rule == "glorot":
        assert np.abs(W).max() <= (6 / 500) ** 0.5
    np.testing.assert_array_equal(start["b"], np.zeros(200))
    np.testing.assert_array_equal(initialise(net, {"p": 300, "q": 200}, rule, seed=3)["W"], W)


@pytest.mark.parametrize(("rule", "activation"), [("he", "relu"), ("lecun", "identity")])
def test_signals_keep_their_size(rule, activation):
    wide = " ".join(f"W{k}" for k in range(8)).split()
    text, value = [], "X"
    for k, W in enumerate(wide):
        text.append(f"z{k} = {value} @ {W}")
        value = f"relu(z{k})" if activation == "relu" else f"z{k}"
    net = parsed("; ".join([*text, f"J = sum({value})"]), wide,
                 X=("n", "d"), **dict.fromkeys(wide, ("d", "d")))  # fmt: skip
    values = initialise(net, {"d": 200}, rule, seed=1)
    values["X"] = np.random.default_rng(0).normal(size=(100, 200))
    first, last = (np.mean(net.evaluate(values, name) ** 2) for name in ("z0", "z7"))
    # the mean square of a layer of 200 units wanders by about √(5/200) a layer
    assert 0.4 < last / first < 2.5


def test_scales_start_at_one_and_domains_are_kept():
    net = sg.parse(
        "h = g * (X @ W) + b; J = sum(h**2) / s + logdet_of",
        symbols={"X": ("n", "d"), "W": ("d", "d"), "g": ("d",), "b": ("d",), "s": (),
                 "logdet_of": ()},
        domain={"s": "positive"}, parameters=["W", "g", "b", "s"],
    )  # fmt: skip
    start = initialise(net, {"d": 4})
    np.testing.assert_array_equal(start["g"], np.ones(4))
    np.testing.assert_array_equal(start["b"], np.zeros(4))
    assert start["s"] == 1
    assert start["W"].std() > 0


def test_what_initialise_gives_a_module_takes():
    net = example("binary_columns").net
    module = sg.compile(net)
    params = module.pack(initialise(net, {}, "he"))
    assert params.W1.std() > 0
    assert not params.b1.any()


def test_initialise_says_what_is_wrong():
    net = example("mlp_relu").net
    with pytest.raises(sg.DeclarationError, match="no rule 'xavier'"):
        initialise(net, {"n": 2, "h": 3, "c": 4}, "xavier")
    with pytest.raises(sg.ShapeError, match=r"size of dimension c is unknown\n.*W2"):
        initialise(net, {"n": 2, "h": 3})
    with pytest.raises(sg.UnknownName, match="no dimension 'q'"):
        initialise(net, {"q": 2})
    net = parsed("J = sum(X @ (W + V))", ["W", "V"], X=("n", "d"), W=("d", "h"), V=("d", "h"))
    with pytest.raises(sg.DeclarationError, match="W is in no product"):
        initialise(net, {"d": 2, "h": 3})


# --- clipping


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_clipping_keeps_the_direction(dtype):
    g = np.random.default_rng(0).normal(size=1000).astype(dtype)
    before = g.copy()
    size = clip(g, 2.0)
    eps = float(np.finfo(dtype).eps)
    assert size == pytest.approx(np.linalg.norm(before.astype(float)), rel=1e-12)
    assert np.linalg.norm(g.astype(float)) == pytest.approx(2, rel=10 * eps)
    np.testing.assert_allclose(g * dtype_of(size / 2, dtype), before, rtol=10 * eps)
    again = g.copy()
    assert clip(g, 3.0) == pytest.approx(2, rel=10 * eps)
    np.testing.assert_array_equal(g, again)


def dtype_of(value, dtype):
    return np.dtype(dtype).type(value)


def test_clipping_at_the_edges():
    assert clip(np.zeros(3), 1.0) == 0
    huge = np.full(4, 1e30, np.float32)  # squares overflow in float32
    assert clip(huge, 1.0) == pytest.approx(2e30)
    np.testing.assert_allclose(huge, 0.5, rtol=1e-6)  # ten roundings of float32
    tiny = np.full(4, 1e-200)  # squares underflow
    assert clip(tiny, 1.0) == pytest.approx(2e-200)
    for bad in (np.nan, np.inf, -np.inf):
        g = np.array([1.0, bad, 2.0])
        with pytest.raises(sg.ValueMismatch, match="at 1, and 1 such"):
            clip(g, 1.0)
        assert g[0] == 1
    for limit in (0.0, -1.0, np.nan):
        with pytest.raises(sg.ValueMismatch, match="positive number"):
            clip(np.ones(2), limit)


# --- health


def deep(activation, layers=12):
    names = [f"W{k}" for k in range(layers)]
    text, value = [], "X"
    for W in names:
        text.append(f"a{W} = {activation}({value} @ {W})")
        value = f"a{W}"
    return parsed("; ".join([*text, f"J = mean({value}**2)"]), names,
                  X=("n", "d"), **dict.fromkeys(names, ("d", "d")))  # fmt: skip


def states(net, values):
    derivation = sg.gradient(net)
    grads = {name: derivation[name].evaluate(values) for name in net.parameters}
    found = health(net, grads, {name: values[name] for name in net.parameters})
    return found, [row.state for row in found.rows]


def test_vanishing_gradients_are_named():
    net = deep("sigmoid")  # sigmoid' ≤ 1/4, so twelve layers lose a factor of a million
    values = initialise(net, {"d": 20}) | {"X": np.random.default_rng(0).normal(size=(8, 20))}
    found, named = states(net, values)
    assert named[0] == "vanishing"
    assert named[-1] == "fine"
    assert not found
    assert "the gradient by W0 is vanishing" in str(found)


def test_exploding_gradients_are_named():
    net = deep("relu")
    values = initialise(net, {"d": 20}, "he") | {"X": np.random.default_rng(0).normal(size=(8, 20))}
    assert set(states(net, values)[1]) == {"fine"}
    for name in net.parameters:
        values[name] = 4 * values[name]
    found, named = states(net, values)
    assert set(named) == {"exploding"}
    assert "the gradient by W0 is exploding" in str(found)


def test_what_is_not_finite_is_counted():
    net = parsed("J = sum(W) + sum(b) + sum(c)", ["W", "b", "c"], W=(2, 2), b=(3,), c=(2,))
    grads = {"W": [[1, np.nan], [np.nan, 2]], "b": [1, -np.inf, 1], "c": [0, 0]}
    found = health(net, grads)
    assert (found["W"].nan, found["W"].inf, found["W"].state) == (2, 0, "not finite")
    assert (found["b"].nan, found["b"].inf, found["b"].state) == (0, 1, "not finite")
    assert found["c"].state == "zero"
    assert len(found.complaints) == 3
    assert "2 NaN, 0 infinite" in str(found)


def test_statistics_are_those_of_numpy():
    net = parsed("J = sum(W) + sum(b)", ["W", "b"], W=("p", "q"), b=("q",))
    rng = np.random.default_rng(0)
    grads = [rng.normal(1, 2, (30, 20)), rng.normal(size=20)]
    params = [rng.normal(size=(30, 20)), np.zeros(20)]
    found = health(net, grads, params)
    assert found
    row = found["W"]
    # sums of 600 numbers of order 1 in float64
    np.testing.assert_allclose(
        [row.mean, row.std, row.norm, row.rms, row.share],
        [grads[0].mean(), grads[0].std(), np.linalg.norm(grads[0]),
         np.sqrt(np.mean(grads[0] ** 2)), np.linalg.norm(grads[0]) / np.linalg.norm(params[0])],
        rtol=1e-12,
    )  # fmt: skip
    assert found["b"].share == np.inf


def test_dead_units_are_counted():
    net = example("mlp_relu").net
    values = net.sample(0, {"m": 50, "n": 3, "h": 8, "c": 4})
    values["W1"][:, :5] = 0
    values["b1"][:] = [-1, -1, -1, -1, -1, 100, 100, 100]
    (row,) = dead_units(net, values)
    assert (row.name, row.units, row.dead) == ("A1", 8, 5)
    derivation = sg.gradient(net)
    assert not derivation["W1"].evaluate(values)[:, :5].any()
    grads = {name: derivation[name].evaluate(values) for name in net.parameters}
    found = health(net, grads, {n: values[n] for n in net.parameters},
                   {n: values[n] for n in net.inputs})  # fmt: skip
    assert "5 of 8 units of A1 are dead" in found.complaints
    assert "62%" in str(found)


def test_dead_units_of_columns_and_of_single_examples():
    net = example("binary_columns").net
    values = net.sample(0, {"m": 40})
    values["W1"][1] = 0
    values["b1"][:] = [[9], [-1], [9]]
    (row,) = dead_units(net, values)
    assert (row.units, row.dead) == (3, 1)
    single = parsed("J = sum(relu(W @ x))", ["W"], W=("q", "p"), x=("p",))
    assert dead_units(single, single.sample(0)) == ()


def test_a_module_s_gradients_are_taken_as_they_are():
    net = example("mlp_relu").net
    module = sg.compile(net)
    values = net.sample(1, {"m": 9, "n": 4, "h": 5, "c": 3})
    params = module.pack({name: values[name] for name in net.parameters})
    inputs = {name: values[name] for name in net.inputs}
    _, grads = module.value_and_grad(params, **inputs)
    found = health(net, grads, params, inputs)
    assert [row.name for row in found.rows] == list(net.parameters)
    assert found["W2"].norm == pytest.approx(np.linalg.norm(grads.W2), rel=1e-12)
    assert found.relus[0].units == 5


def test_health_says_what_is_missing():
    net = parsed("J = sum(W) + sum(b)", ["W", "b"], W=(2,), b=(2,))
    with pytest.raises(sg.ValueMismatch, match="no array for b"):
        health(net, {"W": np.ones(2)})
    with pytest.raises(sg.ValueMismatch, match="no array for W, b"):
        health(net, [])
    with pytest.raises(sg.ValueMismatch, match="more arrays than parameters: c"):
        health(net, {"W": np.ones(2), "b": np.ones(2), "c": np.ones(2)})
    with pytest.raises(sg.ValueMismatch, match="more arrays"):
        health(net, [np.ones(2)] * 3)
