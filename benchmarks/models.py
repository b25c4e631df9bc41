# ruff: noqa: E402
"""Value and gradient of common models, symgrad beside JAX, one thread, both in one process.

    PYTHONPATH=. peers-env/bin/python benchmarks/models.py [NAME ...]

Calls take turns; printed are medians of CPU time, and how far the gradients are apart.
"""

import os
import sys

for name in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{name}_NUM_THREADS"] = "1"
os.environ |= {
    "NPROC": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}

import time
from dataclasses import dataclass, field
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import gelu, relu, sigmoid, softmax, softplus
from jax.scipy.special import logsumexp

import symgrad as sg

jax.config.update("jax_enable_x64", True)
ROUNDS, SECONDS = 30, 0.01
#: How far gradients may be apart, relative to the largest entry.
CLOSE = {"float32": 1e-4, "float64": 1e-10}


@dataclass
class Model:
    """Equations for symgrad, shapes, parameters, sizes, and the same loss for JAX."""

    text: str
    symbols: dict
    parameters: str
    sizes: dict
    loss: object
    domain: dict = field(default_factory=dict)
    dtypes: tuple = ("float32", "float64")


def conv(X, K, stride=1, padding=0):
    n = K.ndim - 2
    return jax.lax.conv_general_dilated(X, K, (stride,) * n, [(padding, padding)] * n)


def cross_entropy(Z, y):
    return (logsumexp(Z, axis=1) - Z[jnp.arange(len(Z)), y]).mean()


def heads(X, T, A, B, C, O):
    n, length, _ = X.shape
    Q, K, V = ((X @ M).reshape(n, length, 4, 16).transpose(0, 2, 1, 3) for M in (A, B, C))
    S = softmax(Q @ K.transpose(0, 1, 3, 2) / 4, axis=-1)
    return (((S @ V).transpose(0, 2, 1, 3).reshape(n, length, 64) @ O - T) ** 2).mean()


def lstm(X, T, A, B, b):
    h = c = jnp.zeros_like(T)
    for x in X:
        i, f, g, o = jnp.split(x @ A + h @ B + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * jnp.tanh(g)
        h = sigmoid(o) * jnp.tanh(c)
    return ((h - T) ** 2).mean()


def recurrent(X, T, A, B, b):
    h = jnp.zeros_like(T)
    for x in X:
        h = jnp.tanh(x @ A + h @ B + b)
    return ((h - T) ** 2).mean()


def process(X, y, l, s):
    """By Cholesky factors, as people write it in JAX; symgrad solves with LU factors."""
    squares = ((X[:, None] - X) ** 2).sum(2)
    L = jnp.linalg.cholesky(jnp.exp(-l * squares) + jnp.exp(s) * jnp.eye(len(X)))
    return y @ jax.scipy.linalg.cho_solve((L, True), y) / 2 + jnp.log(jnp.diag(L)).sum()


def vae(X, e, A, a, B, b, C, c, D, d, E, f):
    h = jnp.tanh(X @ A + a)
    mu, lv = h @ B + b, h @ C + c
    x = jnp.tanh((mu + jnp.exp(lv / 2) * e) @ D + d) @ E + f
    divergence = (1 + lv - mu**2 - jnp.exp(lv)).sum(1).mean() / 2
    return (softplus(x) - X * x).sum(1).mean() - divergence


def block(X, T, g, s, A, a, B, b):
    mu = X.mean(-1, keepdims=True)
    Y = (X - mu) / jnp.sqrt(((X - mu) ** 2).mean(-1, keepdims=True) + 1e-5) * g + s
    return ((gelu(Y @ A + a, approximate=False) @ B + b + X - T) ** 2).mean()


def normalised(X, T, A, g, s, B):
    U = X @ A
    V = (U - U.mean(0)) / jnp.sqrt(((U - U.mean(0)) ** 2).mean(0) + 1e-5)
    return ((relu(V * g + s) @ B - T) ** 2).mean()


def huber(X, y, w):
    r = X @ w - y
    small = jnp.where(abs(r) <= 1, r**2 / 2, abs(r) - 0.5)
    return small.mean() + 0.1 * abs(w).sum()


LSTM = "; ".join(
    f"z{t} = X[{t}] @ A{f' + h{t - 1} @ B' if t else ''} + b; "
    f"c{t} = {f'sigmoid(z{t}[:, h:2*h]) * c{t - 1} + ' if t else ''}"
    f"sigmoid(z{t}[:, :h]) * tanh(z{t}[:, 2*h:3*h]); h{t} = sigmoid(z{t}[:, 3*h:]) * tanh(c{t})"
    for t in range(8)
)
STEPS = "; ".join(
    f"h{t} = tanh(X[{t}] @ A{f' + h{t - 1} @ B' if t else ''} + b)" for t in range(10)
)
SPLIT = ".reshape(n, l, 4, 16).transpose(0, 2, 1, 3)"
CROSS = "J = mean(logsumexp(Z, axis=1) - Z[arange(n), y])"

MODELS = {
    "attention": Model(
        "S = softmax((X @ A) @ (X @ B).T / sqrt(d), axis=1); J = mean((S @ (X @ C) - T)**2)",
        {"X": "ld", "T": "ld", "A": "dd", "B": "dd", "C": "dd"},
        "A B C",
        {"l": 128, "d": 64},
        lambda X, T, A, B, C: (
            (softmax((X @ A) @ (X @ B).T / 8, axis=1) @ (X @ C) - T) ** 2
        ).mean(),
    ),
    "attention, 4 heads": Model(
        f"Q = (X @ A){SPLIT}; K = (X @ B){SPLIT}; V = (X @ C){SPLIT}; "
        "S = softmax(Q @ K.transpose(0, 1, 3, 2) / 4, axis=3); "
        "Y = (S @ V).transpose(0, 2, 1, 3).reshape(n, l, 64) @ O; J = mean((Y - T)**2)",
        {"X": ("n", "l", 64), "T": ("n", "l", 64)} | dict.fromkeys("ABCO", (64, 64)),
        "A B C O",
        {"n": 4, "l": 50},
        heads,
    ),
    "layer norm, GELU, residual": Model(
        "Y = layer_norm(X, g, s); H = gelu(Y @ A + a) @ B + b + X; J = mean((H - T)**2)",
        {"X": "nld", "T": "nld", "g": "d", "s": "d", "A": "dh", "a": "h", "B": "hd", "b": "d"},
        "g s A a B b",
        {"n": 8, "l": 32, "d": 64, "h": 256},
        block,
    ),
    "LSTM, 8 steps": Model(
        f"{LSTM}; J = mean((h7 - T)**2)",
        {"X": (8, "n", "d"), "T": "nh", "A": ("d", "4*h"), "B": ("h", "4*h"), "b": ("4*h",)},
        "A B b",
        {"n": 32, "d": 32, "h": 64},
        lstm,
    ),
    "recurrent, 10 steps": Model(
        f"{STEPS}; J = mean((h9 - T)**2)",
        {"X": (10, "n", "d"), "T": "nh", "A": "dh", "B": "hh", "b": "h"},
        "A B b",
        {"n": 32, "d": 32, "h": 64},
        recurrent,
    ),
    "convolution of vectors": Model(
        "Z = relu(conv1d(X, K, padding=2)); J = mean((mean(Z, axis=2) @ W - T)**2)",
        {"X": "ncl", "K": ("o", "c", 5), "W": "od", "T": "nd"},
        "K W",
        {"n": 16, "c": 8, "l": 128, "o": 16, "d": 4},
        lambda X, T, K, W: ((relu(conv(X, K, 1, 2)).mean(2) @ W - T) ** 2).mean(),
    ),
    "two strided convolutions": Model(
        "Z = relu(conv2d(X, K, stride=2, padding=1)); Y = relu(conv2d(Z, M, stride=2, padding=1)); "
        "J = mean(Y**2)",
        {"X": ("n", 3, 32, 32), "K": (16, 3, 3, 3), "M": (32, 16, 3, 3)},
        "K M",
        {"n": 8},
        lambda X, K, M: (relu(conv(relu(conv(X, K, 2, 1)), M, 2, 1)) ** 2).mean(),
    ),
    "three layers, cross-entropy": Model(
        f"h1 = relu(X @ A + a); h2 = relu(h1 @ B + b); Z = h2 @ C + c; {CROSS}",
        {"X": "np", "y": "n", "A": "ph", "a": "h", "B": "hh", "b": "h", "C": "hk", "c": "k"},
        "A a B b C c",
        {"n": 32, "p": 100, "h": 64, "k": 10},
        lambda X, y, A, a, B, b, C, c: cross_entropy(relu(relu(X @ A + a) @ B + b) @ C + c, y),
        {"y": "labels:k"},
    ),
    "batch norm": Model(
        "h = relu(batch_norm(X @ A, g, s)); J = mean((h @ B - T)**2)",
        {"X": "nd", "T": "nk", "A": "dh", "g": "h", "s": "h", "B": "hk"},
        "A g s B",
        {"n": 128, "d": 64, "h": 64, "k": 8},
        normalised,
    ),
    "variational autoencoder": Model(
        "h = tanh(X @ A + a); mu = h @ B + b; lv = h @ C + c; z = mu + exp(lv / 2) * e; "
        "x = tanh(z @ D + d) @ E + f; J = mean(sum(softplus(x) - X * x, axis=1)) "
        "- mean(sum(1 + lv - mu**2 - exp(lv), axis=1)) / 2",
        {"X": "np", "e": "nk", "A": "ph", "a": "h", "B": "hk", "b": "k", "C": "hk", "c": "k"}
        | {"D": "kh", "d": "h", "E": "hp", "f": "p"},
        "A a B b C c D d E f",
        {"n": 64, "p": 200, "h": 64, "k": 8},
        vae,
    ),
    "graph convolution": Model(
        f"Z = P @ relu(P @ X @ A) @ B; {CROSS}",
        {"P": "nn", "X": "nd", "y": "n", "A": "dh", "B": "hk"},
        "A B",
        {"n": 200, "d": 64, "h": 32, "k": 7},
        lambda P, X, y, A, B: cross_entropy(P @ relu(P @ X @ A) @ B, y),
        {"y": "labels:k"},
    ),
    "softmax regression": Model(
        f"Z = X @ W + b; {CROSS} + 0.001 * sum(W**2)",
        {"X": "nd", "y": "n", "W": "dk", "b": "k"},
        "W b",
        {"n": 256, "d": 100, "k": 10},
        lambda X, y, W, b: cross_entropy(X @ W + b, y) + 0.001 * (W**2).sum(),
        {"y": "labels:k"},
    ),
    "Poisson regression": Model(
        "e = X @ w + b; J = mean(exp(e) - y * e)",
        {"X": "nd", "y": "n", "w": "d", "b": ""},
        "w b",
        {"n": 2000, "d": 50},
        lambda X, y, w, b: (jnp.exp(X @ w + b) - y * (X @ w + b)).mean(),
    ),
    "Huber loss": Model(
        "r = X @ w - y; J = mean(where(abs(r) <= 1, r**2 / 2, abs(r) - 0.5)) + 0.1 * sum(abs(w))",
        {"X": "nd", "y": "n", "w": "d"},
        "w",
        {"n": 1000, "d": 30},
        huber,
    ),
    "triplet loss": Model(
        "a = X @ W; p = Y @ W; q = Z @ W; "
        "J = mean(relu(sum((a - p)**2, axis=1) - sum((a - q)**2, axis=1) + 1))",
        {"X": "nd", "Y": "nd", "Z": "nd", "W": "dk"},
        "W",
        {"n": 128, "d": 100, "k": 32},
        lambda X, Y, Z, W: relu(
            (((X - Y) @ W) ** 2).sum(1) - (((X - Z) @ W) ** 2).sum(1) + 1
        ).mean(),
    ),
    "skip-gram": Model(
        "u = E[c]; s = sum(u * F[o], axis=1); r = einsum('id,ikd->ik', u, F[z]); "
        "J = mean(softplus(-s)) + mean(sum(softplus(r), axis=1))",
        {"c": "n", "o": "n", "z": ("n", 5), "E": "vd", "F": "vd"},
        "E F",
        {"n": 64, "v": 500, "d": 32},
        lambda c, o, z, E, F: (
            softplus(-(E[c] * F[o]).sum(1)).mean()
            + softplus(jnp.einsum("id,ikd->ik", E[c], F[z])).sum(1).mean()
        ),
        {"c": "labels:v", "o": "labels:v", "z": "labels:v"},
    ),
    "matrix factorisation": Model(
        "R = U @ V.T + a[:, None] + b; J = sum(M * (T - R)**2) + 0.1 * (sum(U**2) + sum(V**2))",
        {"T": "nm", "M": "nm", "U": "nk", "V": "mk", "a": "n", "b": "m"},
        "U V a b",
        {"n": 200, "m": 150, "k": 8},
        lambda T, M, U, V, a, b: (
            (M * (T - U @ V.T - a[:, None] - b) ** 2).sum() + 0.1 * ((U**2).sum() + (V**2).sum())
        ),
    ),
    "mixture of Gaussians": Model(
        "D = sum((X[:, None] - M)**2, axis=2); "
        "J = logsumexp(a) - mean(logsumexp(a - D / 2, axis=1))",
        {"X": "nd", "M": "kd", "a": "k"},
        "M a",
        {"n": 1000, "d": 8, "k": 16},
        lambda X, M, a: (
            logsumexp(a) - logsumexp(a - ((X[:, None] - M) ** 2).sum(2) / 2, axis=1).mean()
        ),
    ),
    "Gaussian process": Model(
        "K = exp(-l * sum((X[:, None] - X)**2, axis=2)) + exp(s) * eye(n); "
        "J = y @ solve(K, y) / 2 + logdet(K) / 2",
        {"X": "nd", "y": "n", "l": "", "s": ""},
        "l s",
        {"n": 150, "d": 4},
        process,
        dtypes=("float64",),
    ),
    "Rosenbrock": Model(
        "J = sum(100 * (x[1:] - x[:-1]**2)**2 + (1 - x[:-1])**2)",
        {"x": "n"},
        "x",
        {"n": 10000},
        lambda x: (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(),
    ),
}


def drawn(model, net, dtype):
    """Values of all symbols, of a size that keeps layers from saturating."""
    rng = np.random.default_rng(0)
    values = {}
    for name in model.symbols:
        leaf = net.leaf(name)
        shape = tuple(
            int(size.subs({symbol: model.sizes[symbol.name] for symbol in size.free_symbols}))
            for size in leaf.shape
        )
        if name in model.domain:
            most = model.sizes[model.domain[name].partition(":")[2]]
            values[name] = rng.integers(0, most, shape)
        else:
            fan = np.prod(shape[1:]) if len(shape) > 2 else shape[0] if len(shape) == 2 else 4
            scale = fan if name in net.parameters else 4
            values[name] = np.asarray(rng.normal(size=shape) / np.sqrt(scale), dtype)
    return values


def measure(model, dtype):
    """Microseconds of a call of both, and how far their gradients are apart."""
    parameters = model.parameters.split()
    symbols = {name: tuple(shape) for name, shape in model.symbols.items()}
    net = sg.parse(model.text, symbols, domain=model.domain, parameters=parameters)
    values = drawn(model, net, dtype)
    module = sg.compile(net, dtype=dtype)
    params = module.pack({name: values[name] for name in parameters})
    inputs = [values[name] if values[name].ndim else float(values[name]) for name in net.inputs]
    work = module.workspace(params, *inputs)
    _, grads = module.value_and_grad(params, *inputs, workspace=work)

    def loss(given):
        return model.loss(**given, **fixed)

    fixed = {name: jnp.asarray(values[name]) for name in net.inputs}
    given = {name: jnp.asarray(values[name]) for name in parameters}
    function = jax.jit(jax.value_and_grad(loss))
    slopes = jax.block_until_ready(function(given))[1]
    apart = max(
        np.abs(np.asarray(slopes[n]) - grads[n]).max() / np.abs(grads[n]).max() for n in parameters
    )
    calls = (
        lambda: module.value_and_grad(params, *inputs, workspace=work),
        lambda: jax.block_until_ready(function(given)),
    )
    times = [[], []]
    for _ in range(ROUNDS):
        for call, row in zip(calls, times, strict=True):
            count, start = 0, time.process_time()
            while time.process_time() < start + SECONDS:
                call()
                count += 1
            row.append((time.process_time() - start) / count)
    return [1e6 * median(row) for row in times], apart


def main():
    names = sys.argv[1:] or list(MODELS)
    print(
        f"{'model':<28} {'dtype':<8} {'symgrad, µs':>12} {'JAX, µs':>9} {'ratio':>6} {'apart':>8}"
    )
    for name in names:
        for dtype in MODELS[name].dtypes:
            (ours, theirs), apart = measure(MODELS[name], dtype)
            if not apart < CLOSE[dtype]:
                sys.exit(f"{name} in {dtype}: the gradients are {apart:.0e} apart")
            ratio = theirs / ours
            print(
                f"{name:<28} {dtype:<8} {ours:12.1f} {theirs:9.1f} {ratio:6.2f} {apart:8.0e}",
                flush=True,
            )


if __name__ == "__main__":
    main()
