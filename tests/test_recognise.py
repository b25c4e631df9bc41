"""Functions written by hand: derived as what they are, checked, and stable in generated modules."""

import numpy as np
import pytest
from modules import module_of

import symgrad as sg
from symgrad.simplify.cost import operations
from symgrad.tensor.evaluate import evaluate

SOFTMAX = "exp(Z) / sum(exp(Z), axis=1, keepdims=True)"
ONEHOT = "L = -sum(Y * log(P)) / n"

# what is written, domains, and ∂L/∂Z in NumPy's syntax
BY_HAND = {
    "softmax": (f"P = {SOFTMAX}; {ONEHOT}", {"Y": "onehot"}, "(P - Y) / n"),
    "shifted softmax": (
        "P = exp(Z - max(Z, axis=1, keepdims=True))"
        f" / sum(exp(Z - max(Z, axis=1, keepdims=True)), axis=1, keepdims=True); {ONEHOT}",
        {"Y": "onehot"}, "(P - Y) / n",
    ),
    "softmax, not named": (f"L = -sum(Y * log({SOFTMAX})) / n", {"Y": "onehot"},
                           "(softmax(Z) - Y) / n"),
    "labels": ("P = softmax(Z); L = -mean(log(P[arange(n), y]))", {"y": "labels:d"},
               "(P - onehot(y, d)) / n"),
    "labels, not named": ("L = -mean(log(softmax(Z)[arange(n), y]))", {"y": "labels:d"},
                          "(softmax(Z) - onehot(y, d)) / n"),
    "labels of log_softmax": ("L = -mean(log_softmax(Z)[arange(n), y])", {"y": "labels:d"},
                              "(softmax(Z) - onehot(y, d)) / n"),
    "one-hot rows that pick": ("P = softmax(Z); L = -mean(log(sum(P * Y, axis=1)))",
                               {"Y": "onehot"}, "(P - Y) / n"),
    "logsumexp": ("L = sum(log(sum(exp(Z), axis=1))) + 0 * sum(Y)", {}, "softmax(Z)"),
    "shifted logsumexp": (
        "L = sum(log(sum(exp(Z - Y[:, :1]), axis=1, keepdims=True)) + Y[:, :1])", {}, "softmax(Z)",
    ),
    "sigmoid": ("P = 1 / (1 + exp(-Z)); L = -sum(Y * log(P) + (1 - Y) * log(1 - P))",
                {"Y": "binary"}, "P - Y"),
    "sigmoid of exp": ("P = exp(Z) / (1 + exp(Z)); L = sum(P * Y)", {}, "Y * P * (1 - P)"),
    "softplus": ("L = sum(log(1 + exp(-Y * Z)))", {"Y": "sign"}, "-Y * sigmoid(-Y * Z)"),
    "tanh": ("P = (exp(Z) - exp(-Z)) / (exp(Z) + exp(-Z)); L = sum(P * Y)", {}, "Y * (1 - P**2)"),
}  # fmt: skip


def network(name, parameters=("Z",)):
    text, domain, _ = BY_HAND[name]
    symbols = {"Z": ("n", "d"), "Y": ("n", "d"), "y": ("n",)}
    used = {key: shape for key, shape in symbols.items() if key in text}
    return sg.parse(text, used, domain, parameters=parameters, name="by_hand")


@pytest.mark.parametrize("name", BY_HAND)
def test_gradient_reads_as_in_books(name):
    graph = network(name)
    expected = BY_HAND[name][2]
    step = sg.gradient(graph).steps[-1]
    symbols = {leaf.name: leaf.shape for leaf in graph.symbols}
    symbols |= {d.leaf.name: d.leaf.shape for d in graph.definitions}
    book = sg.parse(f"dZ = {expected}", symbols, BY_HAND[name][1]).definitions[0].expr
    values = graph.evaluate_all(graph.sample(4, {"n": 4, "d": 3}))
    ours = sg.gradient(graph)["Z"].evaluate(values)
    (theirs,) = evaluate([book], values, {"n": 4, "d": 3})
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)  # some dozen operations
    assert operations(step.expr) <= operations(book)


@pytest.mark.parametrize("name", BY_HAND)
def test_check(name):
    assert sg.check(network(name))


def test_declared_rows_never_enter_what_is_differentiated_again():
    """∂²L/∂Z∂Y of L = −mean log Σ P ⊙ Y, for entries of Y that are independent."""
    graph = network("one-hot rows that pick")
    values = graph.sample(1, {"n": 2, "d": 3})

    def loss(z, y):
        e = np.exp(z)
        return -np.mean(np.log((e / e.sum(1, keepdims=True) * y).sum(1)))

    def slope(y):
        """∂L/∂Z by the complex step, exact to rounding."""
        steps = 1e-30j * np.eye(6).reshape(6, 2, 3)
        return np.array([loss(values["Z"] + h, y).imag / 1e-30 for h in steps]).reshape(2, 3)

    moves = 1e-5 * np.eye(6).reshape(6, 2, 3)
    rows = [(slope(values["Y"] + h) - slope(values["Y"] - h)) / 2e-5 for h in moves]
    mixed = np.moveaxis(np.array(rows).reshape(2, 3, 2, 3), (0, 1), (2, 3))
    ours = sg.hessian(graph, "Z", "Y").evaluate(values)
    # central differences: h² times a third derivative ~ 1e-9, rounding 1e-16 / h ~ 1e-11
    np.testing.assert_allclose(ours, mixed, rtol=1e-7, atol=1e-8)


#: The same losses by functions that never overflow.
STABLE = {
    "softmax": "L = mean(cross_entropy(Z, Y))",
    "shifted softmax": "L = mean(cross_entropy(Z, Y))",
    "labels": "L = mean(cross_entropy(Z, y))",
    "labels, not named": "L = mean(cross_entropy(Z, y))",
    "logsumexp": "L = sum(logsumexp(Z, axis=1)) + 0 * sum(Y)",
    "sigmoid": "L = sum(binary_cross_entropy_with_logits(Z, Y))",
    "sigmoid of exp": "L = sum(sigmoid(Z) * Y)",
    "softplus": "L = sum(softplus(-Y * Z))",
    "tanh": "L = sum(tanh(Z) * Y)",
}


@pytest.mark.parametrize("name", STABLE)
def test_modules_do_not_overflow(name, tmp_path):
    graph = network(name)
    stable = sg.parse(
        STABLE[name],
        {s.name: s.shape for s in graph.symbols},
        BY_HAND[name][1],
        parameters=["Z"],
    )
    values = graph.sample(2, {"n": 3, "d": 4})
    values["Z"] = np.array([[2000.0, -2000, 0, 1], [-3000, -1, 2, 900], [800, 801, -800, 5]])
    module = module_of(graph, tmp_path, jit=False)
    params = module.pack({"Z": values["Z"]})
    value, grads = module.value_and_grad(params, *(values[name] for name in graph.inputs))
    # one rounding of numbers up to 5000 each; a dozen of them
    np.testing.assert_allclose(value, stable.evaluate(values), rtol=1e-14)
    expected = sg.gradient(stable)["Z"].evaluate(values)
    np.testing.assert_allclose(grads["Z"], expected, rtol=1e-12, atol=1e-15)
