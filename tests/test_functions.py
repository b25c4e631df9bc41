"""Functions of one's own: unspecified ones, and layers from a scalar SymPy expression."""

import numpy as np
import pytest
import sympy as sp

import symgrad as sg
from symgrad.errors import DeclarationError, NameClash, SymgradError, ValueMismatch
from symgrad.tensor.nodes import Map, UnspecifiedTensor

x, y = sg.tensor("x", "n"), sg.tensor("y", "n")


def layer_value(rule, values):
    net = sg.Graph()
    net.define("J", sg.elementwise(rule)(*[sg.tensor(name, "n") for name in values]))
    return net, net.evaluate({name: np.array(v, float) for name, v in values.items()})


def test_a_layer_of_ones_own():
    net, value = layer_value(lambda t: t / (1 + sp.exp(-1.702 * t)), {"x": [-1.5, 0, 2]})
    t = np.array([-1.5, 0, 2])
    np.testing.assert_allclose(value, t / (1 + np.exp(-1.702 * t)), rtol=1e-14)  # four operations
    body = net.definitions[0].expr.body
    assert not body.atoms(sp.Float)  # 1.702 is exactly 851/500
    assert sp.Rational(851, 500) in {abs(number) for number in body.atoms(sp.Rational)}


def test_several_operands_broadcast():
    layer = sg.elementwise(lambda s, t: s * sp.tanh(t) + s**2)
    node = layer(x[:, None], y)
    assert str(node.shape) == "(n, n)"
    net = sg.Graph()
    net.define("J", node)
    a, b = np.array([1.0, 2]), np.array([0.5, -1])
    expected = a[:, None] * np.tanh(b) + a[:, None] ** 2
    np.testing.assert_allclose(net.evaluate({"x": a, "y": b}), expected, rtol=1e-14)


def test_maxima_of_sympy_are_ours():
    """SymPy's derivative of Max has a Heaviside; ours shares ties."""
    net = sg.Graph()
    w = sg.parameter("w", 3)
    net.define("J", sg.sum(sg.elementwise(lambda t: sp.Max(t, 0) - sp.Min(1, t))(w)))
    at = {"w": np.array([-1.0, 0.0, 2.0])}
    assert net.evaluate(at) == (0 + 1) + 0 + (2 - 1)
    np.testing.assert_array_equal(sg.gradient(net)["w"].evaluate(at), [-1, -0.5, 1])


def test_gradient_of_a_layer():
    net = sg.Graph()
    w = sg.parameter("w", "n")
    net.define("J", sg.sum(sg.elementwise(lambda t: sp.sqrt(1 + t**2))(w)))
    at = np.array([0.0, 0.75])
    slopes = sg.gradient(net)["w"].evaluate({"w": at})
    np.testing.assert_allclose(slopes, at / np.sqrt(1 + at**2), rtol=1e-15)


LAYERS = [
    (lambda t: "t + 1", "'t + 1' is no scalar expression"),
    (lambda t: "__import__('os')", "is no scalar expression"),
    (lambda t: None, "None is no scalar expression"),
    (lambda t: [t], "is no scalar expression"),
    (lambda t: t > 0, "is no scalar expression"),
    (lambda t: x, "x is no scalar expression"),
    (lambda t: sp.Matrix([t]), "ImmutableDenseMatrix is no function"),
    (lambda t: t + sp.Symbol("q"), "q is no argument of the rule"),
    (lambda t: sp.gamma(t), "gamma is no function that symgrad knows"),
    (lambda t: sp.Heaviside(t), "Heaviside is no function that symgrad knows"),
    (lambda t: sp.Piecewise((t, t > 0), (0, True)), "Piecewise is no function"),
    (lambda t: sp.Function("f")(t), "f is no function that symgrad knows"),
    (lambda t: sp.I * t, "not a number that an expression can hold"),
    (lambda t: t * sp.nan, "nan is not a number"),
    (lambda t: t * float("inf"), "not a number that an expression can hold"),
    (lambda *t: 1, "a fixed number of arguments"),
    (lambda: 1, "a fixed number of arguments"),
    (lambda *, t: t, "a fixed number of arguments"),
    (lambda t, **more: t, "a fixed number of arguments"),
    (max, "is no function of scalars"),
    (3, "3 is no function of scalars"),
    (None, "None is no function of scalars"),
]


@pytest.mark.parametrize(("rule", "message"), LAYERS, ids=[m for _, m in LAYERS])
def test_layers_that_are_none(rule, message):
    with pytest.raises(DeclarationError) as caught:
        sg.elementwise(rule)(x)
    assert message in str(caught.value)


def test_a_layer_counts_its_operands():
    layer = sg.elementwise(lambda s, t: s + t)
    with pytest.raises(DeclarationError, match="takes 2 operands, not 1"):
        layer(x)
    with pytest.raises(SymgradError, match="neither a tensor expression nor a number"):
        layer(x, "y")


# --- unspecified functions


def test_phi_entry_by_entry():
    phi = sg.function("phi")
    node = phi(x)
    assert isinstance(node, Map)
    assert node.shape == x.shape
    assert str(node) == "phi(x)" or "φ(x)" in str(node)
    assert phi(x) is sg.function("phi")(x)
    assert phi(x) is not sg.function("psi")(x)
    assert str(phi(x[:, None], y).shape) == "(n, n)"


def test_a_loss_of_whole_tensors():
    loss = sg.function("l", shape=())(x, y)
    assert isinstance(loss, UnspecifiedTensor)
    assert loss.shape == ()
    assert str(sg.function("f", shape=("m", 2))(x).shape) == "(m, 2)"


def test_phi_has_no_value():
    net = sg.Graph()
    net.define("J", sg.sum(sg.function("phi")(x)))
    with pytest.raises(ValueMismatch, match="phi is an unspecified function"):
        net.evaluate({"x": np.ones(2)})


@pytest.mark.parametrize("name", ["", "a b", "λ", "if", "__f", None, 3])
def test_names(name):
    with pytest.raises(NameClash):
        sg.function(name)


def test_calls_that_are_none():
    with pytest.raises(DeclarationError, match="phi needs an argument"):
        sg.function("phi")()
    with pytest.raises(DeclarationError, match="'x' is neither"):
        sg.function("phi")("x")
    with pytest.raises(DeclarationError, match="is not a shape"):
        sg.function("phi", shape=2.5)


# --- the chain rule in several variables: z = f(x, y), x = g(t), y = h(t)


def chain(f, g, h):
    net = sg.Graph("chain")
    t = sg.parameter("t")
    u, v = net.define("x", g(t)), net.define("y", h(t))
    net.define("z", f(u, v))
    return net


def test_several_variables_chain_rule():
    D = sg.gradient(chain(*map(sg.function, ("f", "g", "h"))))
    assert [line.split("   ")[0].strip() for line in D.text().splitlines()[1:]] == [
        "∂z/∂x = ∂f(x, y)/∂x",
        "∂z/∂y = ∂f(x, y)/∂y",
        "∂z/∂t = (∂z/∂x) g'(t) + (∂z/∂y) h'(t)",
    ]
    assert D["t"].latex().splitlines()[1:-1] == [
        r"\frac{\partial z}{\partial x} &= \frac{\partial f(x, y)}{\partial x} \\",
        r"\frac{\partial z}{\partial y} &= \frac{\partial f(x, y)}{\partial y} \\",
        r"\frac{\partial z}{\partial t} &= \frac{\partial z}{\partial x} g'(t)"
        r" + \frac{\partial z}{\partial y} h'(t)",
    ]


def test_the_same_chain_with_functions_that_are_known():
    net = chain(
        sg.elementwise(lambda u, v: u**2 * sp.sin(v)), lambda t: sg.exp(t), lambda t: t**3 + t
    )
    at = 0.6
    x_, y_ = np.exp(at), at**3 + at
    slope = 2 * x_ * np.sin(y_) * x_ + x_**2 * np.cos(y_) * (3 * at**2 + 1)
    got = sg.gradient(net)["t"].evaluate({"t": at})
    np.testing.assert_allclose(got, slope, rtol=1e-14)  # a dozen operations


def test_partial_derivatives_are_told_apart():
    """By place, where an argument has no name of its own or stands twice."""
    f, g = sg.function("f"), sg.function("g")
    t, s = sg.parameter("t"), sg.parameter("s")
    cases = [
        (f(t, s) + f(s, t), "∂z/∂t = ∂f(s, t)/∂t + ∂f(t, s)/∂t"),
        (f(t, t), "∂z/∂t = ∂₁f(t, t) + ∂₂f(t, t)"),
        (f(g(t), s), "∂z/∂t = ∂₁f(g(t), s) g'(t)"),
        (f(t, 2 * s), "∂z/∂t = ∂₁f(t, 2 s)"),
    ]
    for expr, expected in cases:
        net = sg.Graph()
        net.define("z", expr)
        found = sg.gradient(net, wrt=["t"])["t"].text()
        left, right = found.split(" = ")
        wanted = expected.split(" = ")[1]
        assert (left, sorted(right.split(" + "))) == ("∂z/∂t", sorted(wanted.split(" + ")))


def test_rules_cannot_ask_for_values():
    with pytest.raises(DeclarationError, match="use where"):
        sg.elementwise(lambda x: x if x > 0 else 0)
