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
}
