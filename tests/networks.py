"""The networks whose derivations are goldens: those of docs/examples, and small ones."""

import importlib.util
from functools import cache
from pathlib import Path

import symgrad as sg

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"


@cache
def example(name):
    """The module docs/examples/<name>.py."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def relu_labels():
    """ReLU and softmax cross-entropy on integer labels, on average over the batch."""
    return sg.parse(
        "Z1 = X @ W1 + b1; A1 = relu(Z1); Z2 = A1 @ W2 + b2; J = mean(cross_entropy(Z2, y))",
        symbols={
            "X": ("B", "d"), "y": ("B",), "W1": ("d", "h"), "b1": ("h",),
            "W2": ("h", "c"), "b2": ("c",),
        },
        domain={"y": "labels:c"},
        parameters=["W1", "b1", "W2", "b2"],
        name="relu_labels",
    )  # fmt: skip


def binary_logits():
    """Binary cross-entropy on logits; examples are columns."""
    return sg.parse(
        "Z1 = W1 @ X + b1; A1 = sigmoid(Z1); Z2 = W2 @ A1 + b2;"
        "J = sum(binary_cross_entropy_with_logits(Z2, Y)) / m",
        symbols={
            "X": ("n", "m"), "Y": (1, "m"), "W1": ("h", "n"), "b1": ("h", 1),
            "W2": (1, "h"), "b2": (1, 1),
        },
        domain={"Y": "binary"},
        parameters=["W1", "b1", "W2", "b2"],
        name="binary_logits",
    )  # fmt: skip


def scalar_chain():
    """y = (x² + 1)³, one rule at a time."""
    return sg.parse(
        "u = x**2 + 1; y = u**3", symbols={"x": ()}, parameters=["x"], name="scalar_chain"
    )


def wide_layers():
    """Layers of different widths, spelled with the layer above, and weight decay."""
    n, *widths = sg.dims("n " + " ".join(f"d{k}" for k in range(7)))
    lam = sg.scalar("lam", domain="positive", latex=r"\lambda")
    net, decay = sg.Graph("wide_layers"), 0
    value = sg.tensor("h0", n, widths[0], latex="h^{(0)}")
    for k in range(1, 7):
        W = sg.parameter(f"W{k}", widths[k - 1], widths[k], latex=f"W^{{({k})}}")
        b = sg.parameter(f"b{k}", widths[k], latex=f"b^{{({k})}}")
        z = net.define(f"z{k}", value @ W + b, latex=f"z^{{({k})}}")
        value = net.define(f"h{k}", sg.relu(z), latex=f"h^{{({k})}}")
        decay = decay + sg.sum(W**2)
    T = sg.tensor("T", n, widths[6])
    net.define("J", sg.mean((value - T) ** 2) + lam / 2 * decay)
    return net


def logistic_neuron():
    """One neuron and one example, its output a probability with a name."""
    return sg.parse(
        "z = w @ x + b; a = sigmoid(z); L = -(y * log(a) + (1 - y) * log(1 - a))",
        symbols={"x": ("n",), "y": (), "w": ("n",), "b": ()},
        domain={"y": "binary"},
        parameters=["w", "b"],
        name="logistic_neuron",
    )


def logistic_columns():
    """The same for m examples in columns, their mean with 1/m in front."""
    return sg.parse(
        "Z = W @ X + b[:, None]; A = sigmoid(Z);"
        "J = -(1 / m) * sum(Y * log(A) + (1 - Y) * log(1 - A))",
        symbols={"X": ("n", "m"), "Y": ("k", "m"), "W": ("k", "n"), "b": ("k",)},
        domain={"Y": "binary"},
        parameters=["W", "b"],
        name="logistic_columns",
    )


def softmax_loss(loss, name, **targets):
    """Softmax regression with a loss as people write it."""
    return sg.parse(
        f"Z = X @ W + b; {loss}",
        symbols={"X": ("B", "d"), **targets, "W": ("d", "c"), "b": ("c",)},
        domain={"Y": "onehot"} if "Y" in targets else {"y": "labels:c"},
        parameters=["W", "b"],
        name=name,
    )


def general_layers(count=5):
    """Layers in columns with an activation g that nobody specified."""
    m, *n = sg.dims("m " + " ".join(f"n{k}" for k in range(count + 1)))
    g, loss = sg.function("g"), sg.function("l", shape=())
    net = sg.Graph("general_layers")
    value = sg.tensor("A0", n[0], m, latex="A^{(0)}")
    for k in range(1, count + 1):
        W = sg.parameter(f"W{k}", n[k], n[k - 1], latex=f"W^{{({k})}}")
        b = sg.parameter(f"b{k}", n[k], 1, latex=f"b^{{({k})}}")
        Z = net.define(f"Z{k}", W @ value + b, latex=f"Z^{{({k})}}")
        value = net.define(f"A{k}", g(Z), latex=f"A^{{({k})}}")
    net.define("J", loss(value, sg.tensor("Y", n[count], m)))
    return net


def weight_decay(regulariser, name):
    """Least squares with the bias in the penalty, or not."""
    return sg.parse(
        f"r = X @ W + b - Y; J = 1 / (2 * n) * sum(r**2) + lam / 2 * {regulariser}",
        symbols={"X": ("n", "d"), "Y": ("n", "k"), "W": ("d", "k"), "b": ("k",), "lam": ()},
        domain={"lam": "positive"},
        parameters=["W", "b"],
        name=name,
        latex={"lam": r"\lambda"},
    )


def activations():
    """A layer of each activation whose slope is a formula in its own value, or an indicator."""
    return sg.parse(
        "z = W @ x; s = sigmoid(z); t = tanh(z); r = relu(z); q = leaky_relu(z);"
        "L = u @ s + u @ t + u @ r + u @ q",
        symbols={"x": ("n",), "W": ("h", "n"), "u": ("h",)},
        parameters=["W"],
        name="activations",
    )


def two_paths():
    """The chain rule for several variables: z = f(x, y), x = g(t), y = h(t)."""
    f, g, h = (sg.function(name) for name in "fgh")
    net = sg.Graph("two_paths")
    t = sg.parameter("t")
    x = net.define("x", g(t))
    y = net.define("y", h(t))
    net.define("z", f(x, y))
    return net


def masked_attention():
    """A softmax over what a mask lets through, and dropout on what it reads."""
    return sg.parse(
        "S = Q @ K.T / sqrt(d); A = softmax(where(M, S, -1e9)); D = dropout(A, R, 0.1);"
        "O = D @ V; J = sum((O - T)**2)",
        symbols={"M": ("n", "m"), "R": ("n", "m"), "T": ("n", "k"), "Q": ("n", "d"),
                 "K": ("m", "d"), "V": ("m", "k")},
        domain={"M": "binary", "R": "binary"},
        parameters=["Q", "K", "V"],
        name="masked_attention",
    )  # fmt: skip


def convolutions():
    """A convolution with stride and padding, a ReLU, the maxima of windows, and a linear map."""
    return sg.parse(
        "Z = conv2d(X, K, stride=2, padding=1) + b[:, None, None]; A = relu(Z);"
        "P = max_pool2d(A, 2); y = einsum('nchw,chwk->nk', P, W); J = sum((y - t)**2) / (2 * n)",
        symbols={"X": ("n", 3, 8, 8), "t": ("n", "m"), "K": (5, 3, 3, 3), "b": (5,),
                 "W": (5, 2, 2, "m")},
        parameters=["K", "b", "W"],
        name="convolutions",
    )  # fmt: skip


_BY_HAND = "P = exp(Z) / sum(exp(Z), axis=1, keepdims=True); "
_SQUARES = "sum(W**2)"

NETWORKS = {
    "classifier": lambda: example("classifier").net,
    "one_hidden_layer": lambda: example("one_hidden_layer").net,
    "one_hidden_layer_general": lambda: example("one_hidden_layer").general,
    "tanh_layers": lambda: example("tanh_layers").net,
    "tanh_layers_10": lambda: example("tanh_layers").network(10),
    "mlp_relu": lambda: example("mlp_relu").net,
    "binary_columns": lambda: example("binary_columns").net,
    "ridge": lambda: example("ridge").net,
    "softmax_regression": lambda: example("softmax_regression").net,
    "autoencoder": lambda: example("autoencoder").net,
    "relu_labels": relu_labels,
    "binary_logits": binary_logits,
    "scalar_chain": scalar_chain,
    "wide_layers": wide_layers,
    "logistic_neuron": logistic_neuron,
    "logistic_columns": logistic_columns,
    "softmax_by_hand": lambda: softmax_loss(
        _BY_HAND + "J = -sum(Y * log(P)) / B", "softmax_by_hand", Y=("B", "c")
    ),
    "softmax_unnamed": lambda: softmax_loss(
        "J = -sum(Y * log(softmax(Z))) / B", "softmax_unnamed", Y=("B", "c")
    ),
    "softmax_labels": lambda: softmax_loss(
        "P = softmax(Z); J = -sum(log(P[arange(B), y])) / B", "softmax_labels", y=("B",)
    ),
    "general_layers": general_layers,
    "decay_of_weights": lambda: weight_decay(_SQUARES, "decay_of_weights"),
    "decay_of_all": lambda: weight_decay(f"({_SQUARES} + sum(b**2))", "decay_of_all"),
    "activations": activations,
    "two_paths": two_paths,
    "masked_attention": masked_attention,
    "convolutions": convolutions,
}

#: Jacobians and Hessians that books give: the function of z, and whether it is the Hessian.
SECOND = {
    "softmax_jacobian": ("a = softmax(z)", False),
    "sigmoid_jacobian": ("a = sigmoid(z)", False),
    "tanh_jacobian": ("a = tanh(z)", False),
    "relu_jacobian": ("a = relu(z)", False),
    "leaky_relu_jacobian": ("a = leaky_relu(z)", False),
    "log_softmax_jacobian": ("a = log_softmax(z)", False),
    "norm_jacobian": ("a = z / norm(z)", False),
    "logsumexp_hessian": ("f = logsumexp(z)", True),
    "cross_entropy_hessian": ("f = cross_entropy(z, y)", True),
    "softplus_hessian": ("f = sum(softplus(z))", True),
}


def second(name):
    """The derivative of a row of SECOND, by a vector z."""
    text, twice = SECOND[name]
    used = {"z": ("n",), "y": ("n",)} if "y)" in text else {"z": ("n",)}
    net = sg.parse(text, used, {"y": "onehot"} if "y" in used else {}, parameters=["z"])
    return (sg.hessian if twice else sg.jacobian)(net, "z")
