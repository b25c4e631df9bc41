# ruff: noqa: E501
"""symgrad as a peer: every workload declared in its text form, compiled by symgrad.compile (see api.md)."""

import os

import numpy as np
from workloads import EPS, LAM

import symgrad as sg

MLP2 = "z1 = X @ A + a; a1 = relu(z1); z2 = a1 @ B + b; ce = logsumexp(z2, axis=1) - sum(onehot(y, c) * z2, axis=1); J = mean(ce)"
WEIGHT_DECAY = f" + {LAM} / 2 * (sum(A**2) + sum(B**2))"
D2 = {"X": ("N", "d"), "y": ("N",), "A": ("d", "h"), "a": ("h",), "B": ("h", "c"), "b": ("c",)}
TEXTS = {  # family: text, symbols in the order of data() with parameters last, domain
    "W1": (
        "z1 = X @ A + a; h = relu(z1); z2 = (h @ B + b)[:, 0]; J = mean(softplus(z2) - y * z2)",
        {"X": ("N", 2), "y": ("N",), "A": (2, 3), "a": (3,), "B": (3, 1), "b": (1,)},
        {"y": "binary"},
    ),
    "W2": (MLP2 + WEIGHT_DECAY, D2, {"y": "labels:c"}),
    "W4a": (
        f"mu = mean(X, axis=1, keepdims=True); v = mean((X - mu)**2, axis=1, keepdims=True); Y = (X - mu) / sqrt(v + {EPS}) * g + s; "
        "G = gelu(Y @ A + a, approximate='tanh'); O = X + G @ B + b; J = mean((O - T)**2)",
        {
            "X": ("N", "d"),
            "T": ("N", "d"),
            "g": ("d",),
            "s": ("d",),
            "A": ("d", "h"),
            "a": ("h",),
            "B": ("h", "d"),
            "b": ("d",),
        },
        {},
    ),
    "W4b": (
        f"U = X @ A; mu = mean(U, axis=0); v = mean((U - mu)**2, axis=0); V = (U - mu) / sqrt(v + {EPS}) * g + s; "
        "S = softplus(V) * mask; O = S @ B + b; J = mean((O - T)**2)",
        {
            "X": ("N", "d"),
            "T": ("N", "d"),
            "mask": ("N", "h"),
            "A": ("d", "h"),
            "g": ("h",),
            "s": ("h",),
            "B": ("h", "d"),
            "b": ("d",),
        },
        {},
    ),
    "W4c": (
        "J = mean(tanh(a * X + b) * sigmoid(b * X))",
        {"X": ("n",), "a": ("n",), "b": ("n",)},
        {},
    ),
    "W6": (
        "Z = conv2d(X, K, padding=1) + kb[:, None, None]; P = max_pool2d(relu(Z), 2); z2 = P.reshape(N, -1) @ W + b; "
        "J = mean(logsumexp(z2, axis=1) - sum(onehot(y, c) * z2, axis=1))",
        {
            "X": ("N", "ci", 28, 28),
            "y": ("N",),
            "K": ("co", "ci", 3, 3),
            "kb": ("co",),
            "W": ("196*co", "c"),
            "b": ("c",),
        },
        {"y": "labels:c"},
    ),
}
PARAMETERS = {
    "W1": "A a B b",
    "W2": "A a B b",
    "W4a": "g s A a B b",
    "W4b": "A g s B b",
    "W4c": "a b",
    "W6": "K kb W b",
}
HESSIANS = {
    "W5a": (
        "J = sum(log(1 + exp(-y * (X @ w))))",
        {"X": ("n", "d"), "y": ("n",), "w": ("d",)},
        {"y": "sign"},
        "w",
    ),
    "W5b": (
        "J = sum((T - U @ V.T)**2)",
        {"T": ("n", "m"), "U": ("n", "k"), "V": ("m", "k")},
        {},
        "U",
    ),
    "W5c": (MLP2.replace("relu", "tanh"), D2, {"y": "labels:c"}, "A"),
}


def deep(c):
    layers = c.dims["L"]
    text = "; ".join(f"h{i + 1} = tanh(h{i} @ W{i} + b{i})" for i in range(layers)).replace(
        "h0 ", "X "
    )
    symbols = {"X": ("N", "h"), "T": ("N", "h")} | {
        f"{p}{i}": ("h", "h") if p == "W" else ("h",) for i in range(layers) for p in "Wb"
    }
    return (
        f"{text}; J = mean((h{layers} - T)**2)",
        symbols,
        {},
        [f"{p}{i}" for i in range(layers) for p in "Wb"],
    )


def build(c, D, variant=""):
    threads = int(os.environ.get("BENCH_THREADS", "1"))
    dtype = D["X"].dtype.name if "X" in D else D["params"][0].dtype.name
    if c.fam in HESSIANS:
        text, symbols, domain, wrt = HESSIANS[c.fam]
        graph = sg.parse(
            text,
            symbols=symbols,
            domain=domain,
            parameters=[wrt] if c.fam != "W5c" else ["A", "a", "B", "b"],
        )
        module = sg.compile(sg.hessian(graph, wrt), dtype=dtype, threads=threads)
        values = dict(zip(graph.parameters, D["params"], strict=False)) | {
            k: v for k, v in D.items() if k != "params"
        }
        if "Vm" in values:
            values["V"] = values.pop("Vm")
        arguments = {name: values[name] for name in module.ARGUMENTS}
        n = D["params"][0].size
        out = np.empty(2 * D["params"][0].shape, dtype)
        return lambda: (None, [module.evaluate(**arguments, out=out).reshape(n, n)])
    if c.fam == "W3":
        text, symbols, domain, names = deep(c)
    else:
        text, symbols, domain = TEXTS["W2" if c.fam == "W5d" else c.fam]
        names = PARAMETERS["W2" if c.fam == "W5d" else c.fam].split()
    graph = sg.parse(text, symbols=symbols, domain=domain, parameters=names)
    module = sg.compile(graph, dtype=dtype)
    params = module.pack(dict(zip(names, D["params"], strict=False)))
    inputs = [D[name] for name in graph.inputs]
    workspace = module.workspace(params, *inputs)
    if c.fam == "W5d":
        v = module.pack(dict(zip(names, D["V"], strict=False)))
        return lambda: (None, [*module.hvp(params, *inputs, v=v, workspace=workspace)])
    value_and_grad = module.value_and_grad
    return lambda: value_and_grad(params, *inputs, workspace=workspace)


def to_numpy(o):
    arrays = [np.array(x) for x in o[1]]
    return arrays if o[0] is None else [np.array(o[0]), *arrays]
