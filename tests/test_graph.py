"""Graphs: what they list and print, what they refuse, and how they compute."""

import numpy as np
import pytest
from sympy import Symbol

import symgrad as sg
from symgrad.errors import (
    DeclarationError,
    NameClash,
    ShapeError,
    SymgradError,
    UnknownName,
    ValueMismatch,
)

n, d, h = sg.dims("n d h")


def network():
    X, Y = sg.tensor("X", n, d), sg.tensor("Y", n, h, domain="onehot")
    W, b = sg.parameter("W", d, h, latex="W^{(1)}"), sg.parameter("b", h)
    lam = sg.scalar("lam", domain="positive")
    net = sg.Graph("linear")
    z = net.define("z", X @ W + b)
    loss = net.define("L", sg.mean(sg.cross_entropy(z, Y)))
    net.define("J", loss + lam / 2 * sg.sum(W**2))
    return net


def numpy_values(v):
    z = v["X"] @ v["W"] + v["b"]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    loss = -(v["Y"] * np.log(p)).sum(1).mean()
    return {"z": z, "L": loss, "J": loss + v["lam"] / 2 * (v["W"] ** 2).sum()}


def test_what_a_graph_lists():
    net = network()
    assert (net.name, net.output) == ("linear", "J")
    assert net.parameters == ("W", "b")
    assert net.inputs == ("X", "Y", "lam")
    assert set(net.dims) == {"n", "d", "h"}
    assert [definition.leaf.name for definition in net.definitions] == ["z", "L", "J"]
    assert [definition.leaf.shape for definition in net.definitions] == [(n, h), (), ()]
    assert [leaf.name for leaf in net.symbols] == ["X", "Y", "W", "b", "lam"]


def test_it_prints_itself():
    lines = str(network()).splitlines()
    assert lines[0] == "graph linear: parameters W, b"
    assert lines[1] == "  inputs X, Y, lam; output J"
    assert [line.split(" = ")[0].strip() for line in lines[2:]] == ["z", "L", "J"]
    assert lines[2].endswith("(n, h)")
    assert repr(network()) == str(network())
    assert str(sg.Graph("empty")) == (
        "graph empty: parameters none\n  inputs none; output none"
    )  # fmt: skip


def test_values():
    net = network()
    values = net.sample(0, {"n": 5, "d": 3, "h": 2})
    expected = numpy_values(values)
    for name in ("z", "L", "J"):
        # sums of at most 15 products of order 1
        np.testing.assert_allclose(net.evaluate(values, name), expected[name], rtol=1e-13)
    np.testing.assert_allclose(net.evaluate(values), expected["J"], rtol=1e-13)
    everything = net.evaluate_all(values)
    assert set(everything) == {"X", "Y", "W", "b", "lam", "z", "L", "J"}
    assert isinstance(net.evaluate(values), np.ndarray)
    np.testing.assert_array_equal(net.evaluate(values, "X"), values["X"])
    np.testing.assert_array_equal(net.evaluate(values, name=net.leaf("z")), everything["z"])


def test_values_that_are_lists_and_numbers():
    net = sg.parse("J = sum(X @ w) + c", {"X": ("n", "d"), "w": ("d",), "c": ()})
    result = net.evaluate({"X": [[1, 2], [3, 4]], "w": (1, 1), "c": 0.5, "n": 9, "other": "?"})
    assert result == 10.5
    assert net.evaluate({"X": np.ones((2, 2), np.float32), "w": np.array([True, False]), "c": 1})


def test_only_what_is_needed_is_asked_for():
    net = sg.parse("a = x + 1; b = a + y; phi2 = b * 2", {"x": (), "y": ()})
    assert net.evaluate({"x": 1}, "a") == 2
    with pytest.raises(ValueMismatch) as caught:
        net.evaluate({"x": 1}, "b")
    assert str(caught.value).startswith('no value for y ()\n  in definition "b"')
    with pytest.raises(ValueMismatch, match=r"no value for y \(\)"):
        net.evaluate({"x": 1}, "y")


def test_sizes_that_contradict_each_other():
    net = network()
    values = net.sample(0, {"n": 5, "d": 3, "h": 2})
    with pytest.raises(ShapeError, match="axis 0 of W has size 4, but d is 3"):
        net.evaluate(values | {"W": np.ones((4, 2))})
    with pytest.raises(ValueMismatch, match=r"W has shape \(3,\); declared is \(d, h\)"):
        net.evaluate(values | {"W": np.ones(3)})


def test_composite_dimensions_are_checked():
    net = sg.parse("J = sum(x) + sum(y)", {"x": ("4*H",), "y": ("H",)})
    assert net.evaluate({"x": np.ones(8), "y": np.ones(2)}) == 10
    with pytest.raises(ShapeError, match=r"axis 0 of x has size 9, but 4\*H is 8"):
        net.evaluate({"x": np.ones(9), "y": np.ones(2)})


# --- names


def test_leaf():
    net = network()
    z = net.leaf("z")
    assert net.leaf(z) is z
    assert net.leaf(Symbol("z")) is z
    assert net.leaf("W").role == "parameter"
    for unknown in ("zz", "", "n", None, ["z"], 3):
        with pytest.raises(UnknownName, match="graph 'linear' has no symbol or value"):
            net.leaf(unknown)
    with pytest.raises(UnknownName, match="did you mean 'lam'"):
        net.leaf("lamb")
    with pytest.raises(UnknownName, match="'W' is another graph's"):
        net.leaf(sg.parameter("W", d, d))
    with pytest.raises(UnknownName):
        net.evaluate({}, "nobody")


# --- what define refuses; nothing of it stays behind

x = sg.tensor("x", n)


def foreign():
    other = sg.Graph("other")
    return other.define("f", x * 2)


DEFINE = [
    (lambda net: net.define("a", x), NameClash, "'a' is defined twice"),
    (lambda net: net.define("x", x), NameClash, "'x' is a declared symbol"),
    (lambda net: net.define("c", sg.tensor("u", "x")), NameClash, "'x' is both"),
    (lambda net: net.define("c", sg.tensor("n", "m")), NameClash, "'n' is both"),
    (lambda net: net.define("c d", x), NameClash, "'c d' is not a name"),
    (lambda net: net.define("", x), NameClash, "'' is not a name"),
    (lambda net: net.define(None, x), NameClash, "None is not a name"),
    (lambda net: net.define("c", foreign()), UnknownName, "'f' is not defined in graph 'net'"),
    (lambda net: net.define("c", sg.tensor("a", n) + 1), NameClash, "'a' is already the name"),
    (lambda net: net.define("c", sg.parameter("x", n)), NameClash, "'x' is declared twice"),
    (lambda net: net.define("c", sg.tensor("x", "m")), NameClash, "'x' is declared twice"),
    (lambda net: net.define("c", sg.scalar("u") + sg.parameter("u")), NameClash, "'u' is declared"),
    (lambda net: net.define("c", "x + 1"), DeclarationError, "'x + 1' is neither"),
    (lambda net: net.define("c", None), DeclarationError, "None is neither"),
    (lambda net: net.define("c", np.ones(3)), DeclarationError, "is neither"),
    (lambda net: net.define("c", x, domain="spd"), DeclarationError, "c is spd"),
    (lambda net: net.define("c", x, domain="?"), DeclarationError, "unknown domain '?'"),
]  # fmt: skip


@pytest.mark.parametrize(("define", "kind", "message"), DEFINE, ids=[m for _, _, m in DEFINE])
def test_define_refuses(define, kind, message):
    net = sg.Graph()
    net.define("a", x + sg.scalar("s"))
    before = str(net), net.dims, net.symbols
    with pytest.raises(SymgradError) as caught:
        define(net)
    assert type(caught.value) is kind
    assert message in str(caught.value)
    assert (str(net), net.dims, net.symbols) == before
    net.define("b", x * 2)
    assert net.output == "b"


def test_a_refused_definition_leaves_no_symbols():
    net = sg.Graph()
    with pytest.raises(NameClash):
        net.define("q", sg.tensor("fresh", "q") + sg.tensor("q", "q"))
    assert net.symbols == ()
    assert net.dims == ()


def test_a_value_may_have_the_name_of_a_dimension():
    """In equations the name then means the value; the size is written n with an index."""
    net = sg.parse(
        "h = tanh(X @ W); J = sum(mean(h, axis=1)**2)",
        symbols={"X": ("n", "d"), "W": ("d", "h")},
        parameters=["W"],
    )
    assert set(net.dims) == {"n", "d", "h"}
    assert net.shadowed == {"h"}
    derivation = sg.gradient(net, ["h", "W"])
    assert "nₕ" in derivation.text()
    assert "n_{h}" in derivation.latex()
    assert derivation["W"].text().count("nₕ") == 1
    with pytest.raises(SymgradError, match="needs the size h, but h is a value's name"):
        derivation["W"].numpy()
    values = net.sample(0, {"n": 2, "d": 3, "h": 4})
    h = np.tanh(values["X"] @ values["W"])
    slope = 2 * h.mean(axis=1, keepdims=True) / 4 * np.ones((2, 4))
    np.testing.assert_allclose(derivation["h"].evaluate(values), slope, rtol=1e-14)
    assert sg.check(net)
    module = sg.compile(net)
    value, grads = module.value_and_grad(module.pack({"W": values["W"]}), values["X"])
    np.testing.assert_allclose(value, net.evaluate(values), rtol=1e-13)
    np.testing.assert_allclose(grads.W, values["X"].T @ (slope * (1 - h**2)), rtol=1e-12)


def test_a_graph_in_use_is_frozen():
    net = network()
    net.evaluate(net.sample(0))
    with pytest.raises(DeclarationError, match="graph 'linear' is in use, so 'more' cannot be"):
        net.define("more", sg.scalar("lam"))
    assert network().freeze().output == "J"


def test_a_graph_that_defines_nothing():
    for use in (sg.Graph().freeze, lambda: sg.Graph().sample(0), lambda: sg.Graph().evaluate({})):
        with pytest.raises(SymgradError, match=r"defines nothing|has no symbol or value"):
            use()


def test_an_output_that_is_not_defined():
    net = sg.Graph(output="K")
    net.define("J", x)
    with pytest.raises(UnknownName, match="the output 'K' is not defined"):
        net.freeze()


def test_given_symbols():
    net = sg.Graph(symbols=[x, x])
    assert net.inputs == ("x",)
    with pytest.raises(NameClash, match="'x' is declared twice"):
        sg.Graph(symbols=[x, sg.parameter("x", n)])
    with pytest.raises(UnknownName, match="'f' is not defined"):
        sg.Graph(symbols=[foreign()])


def test_numbers_and_dimensions_are_values():
    net = sg.Graph()
    c = net.define("c", 0.1)
    k = net.define("k", 2 * n + 1)
    net.define("J", sg.sum(x) * c + k)
    assert net.evaluate({"x": np.ones(10)}) == 1.0 + 21
    assert net.dims == ("n",)


def test_a_long_chain_is_no_recursion():
    net = sg.Graph()
    value = net.define("a0", x)
    for k in range(1, 2000):
        value = net.define(f"a{k}", value + 1)
    assert net.evaluate({"x": np.zeros(2)})[0] == 1999
