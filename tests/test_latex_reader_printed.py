"""What symgrad prints in LaTeX is read again, wherever it is in matrix notation."""

import numpy as np
import pytest
from networks import NETWORKS

import symgrad as sg
from symgrad.declare.latex import Scope, read_claim
from symgrad.tensor.evaluate import evaluate

#: Gradients that the reader refuses: what argmaxpool gives has no bounds.
REFUSED = {("convolutions", "A")}

#: Networks with a function that nobody specified have no values.
NETS = [name for name in NETWORKS if name != "general_layers"]


@pytest.mark.parametrize("name", NETS)
def test_printed_gradients_are_read_again(name):
    net = NETWORKS[name]()
    try:
        values = net.sample(4)
        known = net.evaluate_all(values)
    except sg.ValueMismatch:
        pytest.skip("a function that nobody specified has no values")
    wrt = [*net.parameters, *(d.leaf.name for d in net.definitions if d.leaf.name != net.output)]
    found = sg.gradient(net, wrt=wrt)
    true = {f"d{each}": np.asarray(found[each].evaluate(values)) for each in wrt}
    sizes = {size: int(values[size]) for size in net.dims}
    scope = Scope.of(net)
    for each in wrt:
        text = found[each].latex()
        if (name, each) in REFUSED:
            with pytest.raises(sg.ParseError):
                read_claim(text, scope, net.leaf(each).shape, each)
            continue
        claimed = read_claim(text, scope, net.leaf(each).shape, each)
        (got,) = evaluate([claimed.node], {**known, **true}, sizes)
        assert not claimed.problem, each
        # the same formula, evaluated in another order
        np.testing.assert_allclose(got, true[f"d{each}"], rtol=1e-8, atol=1e-10, err_msg=each)


@pytest.mark.parametrize(
    ("text", "symbols", "kind"),
    [
        ("y = tanh(W @ x + b)", {"W": ("h", "d"), "x": ("d",), "b": ("h",)}, "jacobian"),
        ("J = sum(softplus(A @ x))", {"A": ("n", "d"), "x": ("d",)}, "hessian"),
        ("J = x @ A @ x / 2", {"A": ("n", "n"), "x": ("n",)}, "hessian"),
        ("y = x / norm(x)", {"x": ("n",)}, "jacobian"),
    ],
)
def test_printed_jacobians_and_hessians_are_read_again(text, symbols, kind):
    net = sg.parse(text, symbols=symbols, parameters=["x"])
    derivative = getattr(sg, kind)(net, "x")
    values = net.sample(2)
    true = derivative.evaluate(values)
    claimed = read_claim(derivative.latex(), Scope.of(net), derivative.expr.shape)
    sizes = {size: int(values[size]) for size in net.dims}
    (got,) = evaluate([claimed.node], net.evaluate_all(values), sizes)
    np.testing.assert_allclose(got, true, rtol=1e-8, atol=1e-10)  # another order of operations


def test_a_whole_derivation_is_read_for_each_of_its_lines():
    net = sg.parse(
        "Z = X @ W + b; P = softmax(Z); L = -sum(Y * log(P)) / N",
        symbols={"X": ("N", "D"), "W": ("D", "K"), "b": ("K",), "Y": ("N", "K")},
        domain={"Y": "onehot"},
        parameters=["W", "b"],
    )
    steps = sg.gradient(net).latex()  # with remarks beside the lines
    scope = Scope.of(net)
    for name in ("P", "W", "b"):
        claimed = read_claim(steps, scope, net.leaf(name).shape, name)
        assert not claimed.problem
