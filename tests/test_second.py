"""Products with derivatives and derivatives of higher order, against differences at 50 digits."""

import pickle
import re
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from networks import NETWORKS
from test_vocabulary import DOMAIN, ROWS, SYMBOLS

import symgrad as sg
from symgrad.errors import DeclarationError, ShapeError, UnknownName
from symgrad.tensor.nodes import topological

#: An odd number of digits for the step, so that h² is below 1e-30 and rounding below 1e-25.
H, DIGITS = mpmath.mpf(10) ** -16, 60

MLP = {
    "text": "z1 = X @ W1 + b1; a1 = tanh(z1); z2 = a1 @ W2 + b2;"
    "L = mean(cross_entropy(z2, Y)); J = L + lam / 2 * (sum(W1**2) + sum(W2**2))",
    "symbols": {
        "X": ("B", "d"), "Y": ("B", "c"), "W1": ("d", "h"), "b1": ("h",), "W2": ("h", "c"),
        "b2": ("c",), "lam": (),
    },
    "domain": {"Y": "onehot"},
    "parameters": ["W1", "b1", "W2", "b2"],
}  # fmt: skip
SIZES = {"B": 4, "d": 3, "h": 2, "c": 5}


def mlp():
    return sg.parse(**MLP)


def as_float(array):
    return np.asarray(array, dtype=np.float64)


def moved(values, directions, step):
    """The values with d<name> added to each name, in numbers of 60 digits."""
    with mpmath.workdps(DIGITS):
        exact = np.frompyfunc(mpmath.mpf, 1, 1)
        return values | {
            name: exact(np.asarray(values[name], dtype=object)) + step * exact(v)
            for name, v in directions.items()
        }


def slope(function, values, directions):
    """Central differences along directions; h² f'''/6 is below 1e-28 for functions of order 1."""
    up, down = (function(moved(values, directions, s * H)) for s in (1, -1))
    with mpmath.workdps(DIGITS):
        return {name: as_float((up[name] - down[name]) / (2 * H)) for name in up}


def drawn(graph, names, seed=0, sizes=None):
    """Values of a graph, and a random direction for each name."""
    values = graph.sample(seed, sizes)
    rng = np.random.default_rng(seed + 1)
    return values, {name: rng.normal(size=np.shape(values[name])) for name in names}


def close(actual, expected, what=""):
    """Formula in float64 against 25 digits: sums of a few hundred products of order 1."""
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-11 * scale, err_msg=what)


def along(directions):
    return {f"d{name}": v for name, v in directions.items()}


# every function of the vocabulary


def row_graph(text, output):
    used = {name: shape for name, shape in SYMBOLS.items() if mentions(text, name)}
    domain = {name: DOMAIN[name] for name in used if name in DOMAIN}
    fixed = (
        "labels",
        "binary",
        "sign",
        "onehot",
        "simplex",
        "spd",
        "symmetric",
    )  # facts hold there only
    parameters = [n for n in used if not domain.get(n, "real").startswith(fixed)]
    return sg.parse(output.format(text), used, domain=domain, parameters=parameters)


def mentions(text, name):
    return re.search(rf"\b{name}\b", text) is not None


ROW_IDS = [f"{n}-{row[1]}" for n, row in enumerate(ROWS)]


@pytest.mark.parametrize("text", [row[1] for row in ROWS], ids=ROW_IDS)
def test_products_over_the_vocabulary(text):
    """J v and u J of z, H v of a bounded function of z, by all symbols at once."""
    net = row_graph(text, "z = {}")
    if not net.parameters:
        return
    values, directions = drawn(net, net.parameters)
    pushed = sg.jvp(net).evaluate(values | along(directions))
    close(pushed, slope(lambda v: net.evaluate_all(v, precision=DIGITS), values, directions)["z"])
    cotangent = np.random.default_rng(5).normal(size=np.shape(pushed))
    pulled = sg.vjp(net)
    at = values | {pulled.directions[0].name: cotangent} if pulled.directions else values
    found = sum(np.sum(pulled[n].evaluate(at) * directions[n]) for n in net.parameters)
    close(found, np.sum(cotangent * pushed), "⟨u, J v⟩ = ⟨u J, v⟩")

    loss = row_graph(text, "z = {}; J = sum(sin(z))")
    gradient, products = sg.gradient(loss), sg.hvp(loss)

    def gradients(v):
        return {n: gradient[n].evaluate(v, precision=DIGITS) for n in loss.parameters}

    expected = slope(gradients, values, directions)
    for name in loss.parameters:
        close(products[name].evaluate(values | along(directions)), expected[name], name)


# networks


@pytest.mark.parametrize("name", NETWORKS)
def test_hessian_vector_products_of_networks(name):
    net = NETWORKS[name]()
    try:
        values, directions = drawn(net, net.parameters)
        net.evaluate(values)
    except sg.SymgradError:  # an unspecified function has no values
        return
    if np.shape(net.evaluate(values)):
        return
    gradient, products = sg.gradient(net), sg.hvp(net)

    def gradients(v):
        return {n: gradient[n].evaluate(v, precision=DIGITS) for n in net.parameters}

    expected = slope(gradients, values, directions)
    for each in net.parameters:
        close(products[each].evaluate(values | along(directions)), expected[each], each)


def test_blocks_of_the_hessian_are_transposes_of_each_other():
    """By parameters, inputs and defined values; H v is the sum of blocks times directions."""
    net = mlp()
    values = net.sample(0, SIZES)
    known = net.evaluate_all(values)
    names = ["W1", "b2", "X", "lam", "z1", "a1"]
    for n, first in enumerate(names):
        for second in names[n:]:
            block = sg.hessian(net, first, second).evaluate(values)
            other = sg.hessian(net, second, first).evaluate(values)
            rank = np.ndim(known[first])
            order = (*range(np.ndim(known[second]), block.ndim), *range(np.ndim(known[second])))
            close(block, other.transpose(order), f"{first} {second}")
            assert block.shape == np.shape(known[first]) + np.shape(known[second])
            v = np.random.default_rng(n).normal(size=np.shape(known[second]))
            product = sg.hvp(net, second).evaluate(values | {f"d{second}": v})
            if first == second:
                close(product, np.tensordot(block, v, rank), first)


def test_a_value_is_told_from_expressions_equal_to_it():
    """By a = tanh(z), J = Σ a²: ∂J/∂z = 2 a (1 − tanh² z) holds tanh z, which is not moved with a.

    In the first test the copy of the formula stands in the text itself.
    """
    copied = sg.parse(
        "z = x * w; J = sum((x * w)**2) + sum(sin(z))", {"x": ("n",), "w": ("n",)}, parameters=["w"]
    )
    values = copied.sample(0)
    close(sg.hessian(copied, "w", "z").evaluate(values),
          np.diag(-np.sin(values["x"] * values["w"]) * values["x"]))  # fmt: skip
    net = sg.parse("a = tanh(z); J = sum(a**2)", {"z": ("n",)}, parameters=["z"])
    values = net.sample(0)
    expected = np.diag(2 * (1 - np.tanh(values["z"]) ** 2))
    close(sg.hessian(net, "z", "a").evaluate(values), expected)
    close(sg.jacobian(sg.gradient(net)["z"], "a").evaluate(values), expected)
    close(sg.hessian(net, "a", "z").evaluate(values), expected)


def test_third_derivatives_are_symmetric():
    net = sg.parse(
        "p = softmax(W @ x); J = log(sum(p**2)) + sum(tanh(x)**3)",
        {"W": ("h", "d"), "x": ("d",)},
        parameters=["x", "W"],
    )
    values = net.sample(0, {"h": 3, "d": 4})
    hessian = sg.hessian(net, "x")
    third = sg.jacobian(hessian, "x").evaluate(values)
    assert third.shape == (4, 4, 4)
    for order in ((0, 2, 1), (1, 0, 2), (2, 1, 0)):
        close(third, third.transpose(order))
    v = {"x": np.random.default_rng(0).normal(size=4)}
    expected = slope(lambda at: {"H": hessian.evaluate(at, precision=DIGITS)}, values, v)["H"]
    close(third @ v["x"], expected)
    mixed = sg.jacobian(sg.hessian(net, "x", "W"), "x").evaluate(values)
    close(mixed, sg.jacobian(hessian, "W").evaluate(values).transpose(0, 2, 3, 1))
    along_v = sg.jacobian(sg.hvp(net, "x"), "x").evaluate(values | {"dx": v["x"]})
    close(along_v, expected)
    fourth = sg.jacobian(sg.jacobian(hessian, "x"), "x").evaluate(values)
    moved_third = slope(
        lambda at: {"T": sg.jacobian(hessian, "x").evaluate(at, precision=DIGITS)}, values, v
    )["T"]
    close(fourth @ v["x"], moved_third)


def test_facts_never_enter_what_is_differentiated_again():
    """Σⱼ Yᵢⱼ = 1 is used in what is shown; the derivative by Y is that of independent entries."""
    net = sg.parse("J = mean(cross_entropy(Z, Y))", {"Z": ("n", "c"), "Y": ("n", "c")},
                   domain={"Y": "onehot"}, parameters=["Z"])  # fmt: skip
    values = net.sample(0, {"n": 2, "c": 3})
    assert "Y" not in sg.hvp(net, "Z").numpy()
    block = sg.jacobian(sg.gradient(net)["Z"], "Y").evaluate(values)
    p = np.exp(values["Z"]) / np.exp(values["Z"]).sum(1, keepdims=True)
    expected = np.einsum("ik,ij,l->ijkl", np.eye(2), p, np.ones(3)) / 2
    expected -= np.einsum("ik,jl->ijkl", np.eye(2), np.eye(3)) / 2
    close(block, expected)
    third = sg.jacobian(sg.hvp(net, "Z"), "Y").evaluate(values | {"dZ": np.ones((2, 3))})
    close(third, np.zeros((2, 3, 2, 3)))  # H·1 = 0 for any targets, their sum a factor


# Gauss-Newton


def gauss_newton(net, split, name, values, v):
    """Jᵀ H J v from the Jacobian and the Hessian by the split value."""
    known = net.evaluate_all(values)
    through = sg.parse(
        **{**MLP, "text": MLP["text"].partition("L =")[0], "parameters": [name], "output": split}
    ) if net.name == "net" else net  # fmt: skip
    J = sg.jacobian(through, name).evaluate(values)
    H = sg.hessian(net, split).evaluate(values)
    rank, inner = np.ndim(known[name]), np.ndim(known[split])
    pushed = np.tensordot(J, v, rank)
    curved = np.tensordot(H, pushed, inner)
    return np.tensordot(curved, J, inner)


@pytest.mark.parametrize("split", ["z2", "a1", None])
@pytest.mark.parametrize("name", ["W1", "b2", "W2"])
def test_gauss_newton_products(split, name):
    net = mlp()
    values, directions = drawn(net, [name], sizes=SIZES)
    v = directions[name]
    product = sg.ggnvp(net, name) if split is None else sg.ggnvp(net, name, output=split)
    found = product.evaluate(values | along(directions))
    if split == "a1":
        if name != "W1":  # then a1 does not depend on it, and what is beside it is exact
            return close(found, sg.hvp(net, name).evaluate(values | along(directions)))
    decay = values["lam"] * v if name != "b2" else 0 * v
    expected = gauss_newton(net, split or "z2", name, values, v) + decay
    close(found, expected)
    assert np.sum(found * v) >= 0 or values["lam"] < 0
    return None


def test_gauss_newton_of_all_parameters_is_symmetric_and_positive():
    net = mlp()
    products = sg.ggnvp(net)
    values, u = drawn(net, net.parameters, 0, SIZES)
    values["lam"] = np.array(0.1)
    _, v = drawn(net, net.parameters, 7, SIZES)
    at_u = {n: products[n].evaluate(values | along(u)) for n in products}
    at_v = {n: products[n].evaluate(values | along(v)) for n in products}
    close(sum(np.sum(at_u[n] * v[n]) for n in v), sum(np.sum(at_v[n] * u[n]) for n in v))
    assert sum(np.sum(at_u[n] * u[n]) for n in u) > 0


def test_gauss_newton_is_the_hessian_of_a_linear_model():
    symbols = {"X": ("n", "d"), "w": ("d",), "y": ("n",), "lam": ()}
    net = sg.parse(
        "z = X @ w; J = sum((z - y)**2) / n + lam * sum(w**2)", symbols, parameters=["w"]
    )
    values, directions = drawn(net, ["w"])
    at = values | along(directions)
    close(sg.ggnvp(net, "w").evaluate(at), sg.hvp(net, "w").evaluate(at))


def test_probabilities_are_split_at_their_logits():
    text = "z = X @ w; p = sigmoid(z); J = mean(binary_cross_entropy(p, y))"
    net = sg.parse(text, {"X": ("n", "d"), "w": ("d",), "y": ("n",)}, domain={"y": "binary"},
                   parameters=["w"])  # fmt: skip
    values, directions = drawn(net, ["w"])
    at = values | along(directions)
    close(sg.ggnvp(net, "w").evaluate(at), sg.hvp(net, "w").evaluate(at))  # linear below z
    assert np.abs(sg.ggnvp(net, "w", output="p").evaluate(at)
                  - sg.hvp(net, "w").evaluate(at)).max() > 1e-3  # fmt: skip


def test_what_cannot_be_split_is_an_error():
    net = sg.parse("J = sum((X @ w - y)**2)", {"X": ("n", "d"), "w": ("d",), "y": ("n",)},
                   parameters=["w"])  # fmt: skip
    with pytest.raises(DeclarationError, match="names no array"):
        sg.ggnvp(net, "w")
    symbols = {"X": ("n", "d"), "W": ("d", "c"), "Y": ("n", "c")}
    hidden = sg.parse("p = softmax(X @ W); J = -sum(Y * log(p))", symbols, parameters=["W"])
    with pytest.raises(DeclarationError, match="logits have no name"):
        sg.ggnvp(hidden, "W")
    with pytest.raises(ShapeError, match="this is of a number"):
        sg.ggnvp(sg.parse("z = X @ w", {"X": ("n", "d"), "w": ("d",)}, parameters=["w"]), "w", "z")


# the interface


def test_one_name_gives_a_derivative_and_several_a_derivation():
    net = mlp()
    assert isinstance(sg.hvp(net, "W1"), sg.Derivative)
    for make in (sg.hvp, sg.ggnvp, sg.vjp):
        made = make(net)
        assert isinstance(made, sg.Derivation)
        assert tuple(made) == net.parameters
        assert made["W2"].shape == net.leaf("W2").shape
        assert tuple(make(net, ["b1", "W2"])) == ("b1", "W2")
    tangent = sg.jvp(net, ["W1", "b1"])
    assert [leaf.name for leaf in tangent.directions] == ["dW1", "db1"]
    assert tangent.shape == ()


def test_a_derivation_is_asked_for_names_as_a_dictionary_is():
    derivation = sg.gradient(mlp())
    assert "W1" in derivation
    assert "X" not in derivation
    assert derivation.get("X") is None
    assert derivation.get("b1").numpy() == derivation["b1"].numpy()


def test_symbols_that_the_output_does_not_depend_on_give_zero():
    net = sg.parse("u = x**2; J = sum(w)", {"x": ("n",), "w": ("d",)}, parameters=["x", "w"])
    at = {"x": np.ones(2), "w": np.ones(3), "dx": np.ones(2), "dw": np.ones(3), "dJ": 2.0}
    close(sg.jvp(net, "x").evaluate(at), 0)
    close(sg.vjp(net, "x").evaluate(at), np.zeros(2))
    close(sg.hvp(net)["w"].evaluate(at), np.zeros(3))
    close(sg.jacobian(sg.hessian(net, "x"), "w").evaluate(at), np.zeros((2, 2, 3)))


def test_errors():
    net = mlp()
    with pytest.raises(UnknownName, match="W11"):
        sg.jvp(net, "W11")
    with pytest.raises(UnknownName, match="nothing"):
        sg.vjp(net, [])
    with pytest.raises(DeclarationError, match="not of a str"):
        sg.jvp("net", "W1")
    with pytest.raises(ShapeError, match="this is of a number"):
        sg.hessian(sg.gradient(net)["W1"], "W1")
    with pytest.raises(UnknownName, match="no parameters"):
        sg.hvp(sg.parse("J = sum(x)", {"x": ("n",)}))


def test_what_stops_gradients_stops_them_in_all_orders():
    net = sg.parse("a = x * stop_gradient(x**2); J = sum(a)", {"x": ("n",)}, parameters=["x"])
    x = np.array([1.0, -2.0, 3.0])
    at = {"x": x, "dx": np.ones(3), "da": np.ones(3), "dJ": 2.0}
    close(sg.gradient(net)["x"].evaluate(at), x**2)
    close(sg.hvp(net, "x").evaluate(at), np.zeros(3))
    close(sg.jvp(net, "x").evaluate(at), np.sum(x**2))
    close(sg.vjp(net, "x").evaluate(at), 2 * x**2)


def test_a_derivative_survives_a_pickle():
    product = sg.hvp(mlp(), "W1")
    again = pickle.loads(pickle.dumps(product))
    assert again.numpy() == product.numpy()


@pytest.mark.parametrize("build", [sg.jvp, sg.vjp, sg.hvp, sg.ggnvp])
def test_deep_networks_need_no_recursion_and_share(build):
    """Each further layer has as many nodes as the one before."""

    def size(layers):
        n = sg.dims("n")[0]
        w = sg.parameter("w")
        value = sg.tensor("x", n)
        net = sg.Graph("deep")
        for k in range(layers):
            value = net.define(f"h{k}", value + sg.tanh(value * w))
        net.define("J", sg.sum(value**2))
        made = build(net, "w")
        return len(topological(*(d.expr for d in made.definitions)))

    sizes = [size(layers) for layers in (15, 25, 35, 45)]
    steps = {after - before for before, after in pairwise(sizes)}
    assert len(steps) == 1


def test_scalar_chains_have_short_second_derivatives():
    """xₖ₊₁ = xₖ + tanh(xₖ)/2: written out it would have 2ᵏ terms."""
    x = sg.parameter("x")
    net, value = sg.Graph("chain"), x
    for k in range(30):
        value = net.define(f"h{k}", value + sg.tanh(value) / 1000)
    net.define("J", value**2)
    hessian = sg.hessian(net, "x")
    assert len(topological(*(d.expr for d in hessian.definitions))) < 20 * 30
    at = {"x": np.array(0.3), "dx": np.array(1.0)}
    close(hessian.evaluate(at), sg.hvp(net, "x").evaluate(at))
