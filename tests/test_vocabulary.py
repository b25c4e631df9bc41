"""Every function of the vocabulary: values against NumPy and SciPy, gradients against differences.

One table. Each row says the same three times: as text, in Python, and in NumPy. A new function
without a row fails `test_every_function_has_a_row`.
"""

from typing import Any

import numpy as np
import pytest
import reference_layers as ref
import reference_windows as windows
import scipy.linalg
import scipy.special as sp
import sympy

import symgrad as sg
from symgrad.declare.vocabulary import CHAPTERS, FUNCTIONS, Entry
from symgrad.declare.vocabulary.page import page
from symgrad.errors import DeclarationError, ShapeError

SYMBOLS = {
    "x": ("n",), "y": ("n",), "X": ("n", "d"), "Y": ("n", "d"), "W": ("d", "h"), "A": ("n", "n"),
    "P": ("n", "d"), "Q": ("n", "d"), "U": ("n", "d"), "B": ("n", "d"), "S": ("n", "d"),
    "u": ("n",), "p": ("n",), "b": ("h",), "V": ("h", "d"), "lam": (), "labels": ("n",),
    "G": ("n", "d", "h"), "I": ("n", "d", "h", 4), "K1": (2, "d", 3), "K2": (4, "d", 3, 2),
    "M": ("n", "n"), "N": ("n", "n"),
    "K3": ("d", 2, 3, 2), "K4": ("d", 2, 3),
}  # fmt: skip
DOMAIN = {
    "P": "simplex", "Q": "simplex", "U": "unit", "u": "unit", "p": "positive", "B": "binary",
    "S": "sign", "labels": "labels:d", "M": "spd", "N": "invertible",
}  # fmt: skip


def log_softmax(x, axis=-1):
    return sp.log_softmax(x, axis=axis)


def one_hot(labels, size):
    return (labels[..., None] == np.arange(size)) * 1.0


def huber(r, delta):
    return np.where(np.abs(r) <= delta, r**2 / 2, delta * (np.abs(r) - delta / 2))


def selu(x):
    scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
    return np.where(x > 0, scale * x, scale * alpha * np.expm1(x))


def unary(name, numpy, symbol="X"):
    """A function of one argument, entry by entry."""
    return (name, f"{name}({symbol})", lambda v: getattr(sg, name)(v[symbol]),
            lambda v: numpy(v[symbol]))  # fmt: skip


# name, text, the same in Python, the same in NumPy
ROWS: list[tuple[str, str, Any, Any]] = [
    unary("exp", np.exp),
    unary("log", np.log, "p"),
    unary("log1p", np.log1p, "u"),
    unary("expm1", np.expm1),
    unary("sin", np.sin),
    unary("cos", np.cos),
    unary("tan", np.tan, "u"),
    unary("sinh", np.sinh),
    unary("cosh", np.cosh),
    unary("tanh", np.tanh),
    unary("arcsin", np.arcsin, "u"),
    unary("arccos", np.arccos, "u"),
    unary("arctan", np.arctan),
    unary("erf", sp.erf),
    unary("abs", np.abs),
    unary("sign", np.sign),
    unary("sqrt", np.sqrt, "p"),
    unary("sigmoid", sp.expit),
    unary("softplus", lambda x: np.logaddexp(x, 0)),
    unary("relu", lambda x: np.maximum(x, 0)),
    unary("silu", lambda x: x * sp.expit(x)),
    unary("softsign", lambda x: x / (1 + np.abs(x))),
    unary("gelu", lambda x: x * sp.ndtr(x)),
    ("gelu", 'gelu(X, approximate="tanh")', lambda v: sg.gelu(v["X"], approximate="tanh"),
     lambda v: v["X"] / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (v["X"] + 0.044715 * v["X"] ** 3)))),
    ("maximum", "maximum(X, y[:, None])", lambda v: sg.maximum(v["X"], v["y"][:, None]),
     lambda v: np.maximum(v["X"], v["y"][:, None])),
    ("minimum", "minimum(0.5, X)", lambda v: sg.minimum(0.5, v["X"]),
     lambda v: np.minimum(0.5, v["X"])),
    ("where", "where(B, X, Y)", lambda v: sg.where(v["B"], v["X"], v["Y"]),
     lambda v: np.where(v["B"] != 0, v["X"], v["Y"])),
    ("where", "where(X > Y, X**2, lam)", lambda v: sg.where(v["X"] > v["Y"], v["X"] ** 2, v["lam"]),
     lambda v: np.where(v["X"] > v["Y"], v["X"] ** 2, v["lam"])),
    ("clip", "clip(X, -0.5, 0.5)", lambda v: sg.clip(v["X"], -0.5, 0.5),
     lambda v: np.clip(v["X"], -0.5, 0.5)),
    ("clip", "clip(X, None, y[:, None])", lambda v: sg.clip(v["X"], None, v["y"][:, None]),
     lambda v: np.clip(v["X"], None, v["y"][:, None])),
    ("leaky_relu", "leaky_relu(X)", lambda v: sg.leaky_relu(v["X"]),
     lambda v: np.where(v["X"] > 0, v["X"], 0.01 * v["X"])),
    ("leaky_relu", "leaky_relu(X, negative_slope=0.2)", lambda v: sg.leaky_relu(v["X"], 0.2),
     lambda v: np.where(v["X"] > 0, v["X"], 0.2 * v["X"])),
    ("elu", "elu(X, 1.5)", lambda v: sg.elu(v["X"], 1.5),
     lambda v: np.where(v["X"] > 0, v["X"], 1.5 * np.expm1(v["X"]))),
    unary("selu", selu),
    unary("mish", lambda x: x * np.tanh(np.logaddexp(x, 0))),
    unary("hard_tanh", lambda x: np.clip(x, -1, 1)),
    unary("hard_sigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1)),
    ("celu", "celu(X, 0.7)", lambda v: sg.celu(v["X"], 0.7),
     lambda v: np.where(v["X"] > 0, v["X"], 0.7 * np.expm1(v["X"] / 0.7))),
    ("glu", "glu(concatenate((X, Y), axis=-1))",
     lambda v: sg.glu(sg.concatenate((v["X"], v["Y"]), axis=-1)),
     lambda v: v["X"] * sp.expit(v["Y"])),
    ("glu", "glu(stack((X, Y)), axis=0)", lambda v: sg.glu(sg.stack((v["X"], v["Y"])), axis=0),
     lambda v: (v["X"] * sp.expit(v["Y"]))[None]),
    ("dropout", "dropout(X, B, 0.25)", lambda v: sg.dropout(v["X"], v["B"], 0.25),
     lambda v: v["X"] * v["B"] / 0.75),
    ("dropout", "dropout(X, B, sigmoid(lam))",
     lambda v: sg.dropout(v["X"], v["B"], sg.sigmoid(v["lam"])),
     lambda v: v["X"] * v["B"] / (1 - sp.expit(v["lam"]))),
    ("embedding", "embedding(labels, U.T)", lambda v: sg.embedding(v["labels"], v["U"].T),
     lambda v: v["U"].T[v["labels"]]),
    ("sum", "sum(G, axis=(0, -1))", lambda v: sg.sum(v["G"], axis=(0, -1)),
     lambda v: np.sum(v["G"], axis=(0, -1))),
    ("sum", "X.sum(1, keepdims=True)", lambda v: sg.sum(v["X"], 1, True),
     lambda v: np.sum(v["X"], 1, keepdims=True)),
    ("mean", "mean(X)", lambda v: sg.mean(v["X"]), lambda v: np.mean(v["X"])),
    ("mean", "mean(X, -1, True)", lambda v: sg.mean(v["X"], -1, True),
     lambda v: np.mean(v["X"], -1, keepdims=True)),
    ("var", "var(X, axis=0)", lambda v: sg.var(v["X"], axis=0), lambda v: np.var(v["X"], axis=0)),
    ("var", "var(G, axis=(0, 1), keepdims=True)",
     lambda v: sg.var(v["G"], axis=(0, 1), keepdims=True),
     lambda v: np.var(v["G"], axis=(0, 1), keepdims=True)),
    ("max", "max(X, axis=1)", lambda v: sg.max(v["X"], axis=1), lambda v: np.max(v["X"], axis=1)),
    ("max", "max(X)", lambda v: sg.max(v["X"]), lambda v: np.max(v["X"])),
    ("min", "min(G, axis=(0, 2), keepdims=True)",
     lambda v: sg.min(v["G"], axis=(0, 2), keepdims=True),
     lambda v: np.min(v["G"], axis=(0, 2), keepdims=True)),
    ("cumsum", "cumsum(x)", lambda v: sg.cumsum(v["x"]), lambda v: np.cumsum(v["x"])),
    ("cumsum", "cumsum(G, axis=-2)", lambda v: sg.cumsum(v["G"], axis=-2),
     lambda v: np.cumsum(v["G"], axis=-2)),
    ("norm", "norm(X)", lambda v: sg.norm(v["X"]), lambda v: np.linalg.norm(v["X"])),
    ("norm", "norm(X, axis=-1, keepdims=True)",
     lambda v: sg.norm(v["X"], axis=-1, keepdims=True),
     lambda v: np.linalg.norm(v["X"], axis=-1, keepdims=True)),
    ("norm", "norm(x, 1)", lambda v: sg.norm(v["x"], 1), lambda v: np.linalg.norm(v["x"], 1)),
    ("norm", "norm(x, 3)", lambda v: sg.norm(v["x"], 3), lambda v: np.linalg.norm(v["x"], 3)),
    ("norm", "norm(p, 0.5)", lambda v: sg.norm(v["p"], 0.5),
     lambda v: np.linalg.norm(v["p"], 0.5)),
    ("norm", "norm(X, ord=inf, axis=1)", lambda v: sg.norm(v["X"], np.inf, 1),
     lambda v: np.linalg.norm(v["X"], np.inf, axis=1)),
    ("norm", "norm(x, -np.inf, keepdims=True)",
     lambda v: sg.norm(v["x"], -sympy.oo, keepdims=True),
     lambda v: np.linalg.norm(v["x"], -np.inf, keepdims=True)),
    ("norm", "norm(G, ord=2.5, axis=-2, keepdims=True)",
     lambda v: sg.norm(v["G"], 2.5, -2, True),
     lambda v: np.linalg.norm(v["G"], 2.5, axis=-2, keepdims=True)),
    ("norm", 'norm(X, "fro")', lambda v: sg.norm(v["X"], "fro"),
     lambda v: np.linalg.norm(v["X"], "fro")),
    ("norm", "norm(X, inf)", lambda v: sg.norm(v["X"], np.inf),
     lambda v: np.linalg.norm(v["X"], np.inf)),
    ("norm", "norm(X, -inf, keepdims=True)",
     lambda v: sg.norm(v["X"], -np.inf, keepdims=True),
     lambda v: np.linalg.norm(v["X"], -np.inf, keepdims=True)),
    ("norm", "norm(G, ord=1, axis=(2, 0))", lambda v: sg.norm(v["G"], 1, (2, 0)),
     lambda v: np.linalg.norm(v["G"], 1, axis=(2, 0))),
    ("norm", "norm(X, ord=-1, axis=(0, 1))", lambda v: sg.norm(v["X"], -1, (0, 1)),
     lambda v: np.linalg.norm(v["X"], -1, axis=(0, 1))),
    ("logsumexp", "logsumexp(X)", lambda v: sg.logsumexp(v["X"]), lambda v: sp.logsumexp(v["X"])),
    ("logsumexp", "logsumexp(G, (0, 2), True)", lambda v: sg.logsumexp(v["G"], (0, 2), True),
     lambda v: sp.logsumexp(v["G"], (0, 2), keepdims=True)),
    ("softmax", "softmax(X)", lambda v: sg.softmax(v["X"]), lambda v: sp.softmax(v["X"], -1)),
    ("softmax", "softmax(X, axis=0)", lambda v: sg.softmax(v["X"], axis=0),
     lambda v: sp.softmax(v["X"], 0)),
    ("softmax", "softmax(X, axis=None)", lambda v: sg.softmax(v["X"], axis=None),
     lambda v: sp.softmax(v["X"])),
    ("log_softmax", "log_softmax(X)", lambda v: sg.log_softmax(v["X"]),
     lambda v: log_softmax(v["X"])),
    ("log_softmax", "log_softmax(X, axis=0)", lambda v: sg.log_softmax(v["X"], axis=0),
     lambda v: log_softmax(v["X"], 0)),
    ("dot", "dot(x, y)", lambda v: sg.dot(v["x"], v["y"]), lambda v: np.dot(v["x"], v["y"])),
    ("dot", "X.dot(W)", lambda v: sg.dot(v["X"], v["W"]), lambda v: np.dot(v["X"], v["W"])),
    ("dot", "dot(x, X)", lambda v: sg.dot(v["x"], v["X"]), lambda v: np.dot(v["x"], v["X"])),
    ("dot", "dot(lam, X)", lambda v: sg.dot(v["lam"], v["X"]),
     lambda v: np.dot(v["lam"], v["X"])),
    ("outer", "outer(x, b)", lambda v: sg.outer(v["x"], v["b"]),
     lambda v: np.outer(v["x"], v["b"])),
    ("trace", "trace(A @ A)", lambda v: sg.trace(v["A"] @ v["A"]),
     lambda v: np.trace(v["A"] @ v["A"])),
    ("diag", "diag(x)", lambda v: sg.diag(v["x"]), lambda v: np.diag(v["x"])),
    ("diag", "diag(A)", lambda v: sg.diag(v["A"]), lambda v: np.diag(v["A"])),
    ("transpose", "transpose(X)", lambda v: sg.transpose(v["X"]), lambda v: v["X"].T),
    ("transpose", "transpose(G, (1, -1, 0))", lambda v: sg.transpose(v["G"], (1, -1, 0)),
     lambda v: np.transpose(v["G"], (1, -1, 0))),
    ("transpose", "G.transpose(1, -1, 0)", lambda v: sg.transpose(v["G"], 1, -1, 0),
     lambda v: v["G"].transpose(1, -1, 0)),
    ("transpose", "transpose(G, axes=(2, 0, 1))",
     lambda v: sg.transpose(v["G"], axes=(2, 0, 1)), lambda v: v["G"].transpose(2, 0, 1)),
    ("ones", "ones((n, d)) * X", lambda v: sg.ones(("n", "d")) * v["X"],
     lambda v: np.ones(v["X"].shape) * v["X"]),
    ("zeros", "zeros((n, 2)) + x[:, None]", lambda v: sg.zeros(("n", 2)) + v["x"][:, None],
     lambda v: np.zeros((len(v["x"]), 2)) + v["x"][:, None]),
    ("eye", "eye(n) * x", lambda v: sg.eye("n") * v["x"], lambda v: np.eye(len(v["x"])) * v["x"]),
    ("tril", "tril(A)", lambda v: sg.tril(v["A"]), lambda v: np.tril(v["A"])),
    ("tril", "tril(G)", lambda v: sg.tril(v["G"]), lambda v: np.tril(v["G"])),
    ("tril", "tril(X, -1)", lambda v: sg.tril(v["X"], -1), lambda v: np.tril(v["X"], -1)),
    ("triu", "triu(X, k=1)", lambda v: sg.triu(v["X"], k=1), lambda v: np.triu(v["X"], 1)),
    ("tri", "tri(n, k=-1) * x", lambda v: sg.tri("n", k=-1) * v["x"],
     lambda v: np.tri(len(v["x"]), k=-1) * v["x"]),
    ("tri", "tri(n, d) * X", lambda v: sg.tri("n", "d") * v["X"],
     lambda v: np.tri(*v["X"].shape) * v["X"]),
    ("arange", "arange(n) * x", lambda v: sg.arange("n") * v["x"],
     lambda v: np.arange(len(v["x"])) * v["x"]),
    ("arange", "X[arange(n), labels]", lambda v: v["X"][sg.arange("n"), v["labels"]],
     lambda v: v["X"][np.arange(len(v["X"])), v["labels"]]),
    ("arange", "A[arange(n), arange(n)] + G[arange(n), labels, 0]",
     lambda v: v["A"][sg.arange("n"), sg.arange("n")] + v["G"][sg.arange("n"), v["labels"], 0],
     lambda v: np.diag(v["A"]) + v["G"][np.arange(len(v["A"])), v["labels"], 0]),
    ("take", "take(G, labels, axis=1)", lambda v: sg.take(v["G"], v["labels"], axis=1),
     lambda v: np.take(v["G"], v["labels"], axis=1)),
    ("take", "take(U[0], labels) * x", lambda v: sg.take(v["U"][0], v["labels"]) * v["x"],
     lambda v: v["U"][0][v["labels"]] * v["x"]),
    ("concatenate", "concatenate((X, Y, X[:1] * lam))",
     lambda v: sg.concatenate((v["X"], v["Y"], v["X"][:1] * v["lam"])),
     lambda v: np.concatenate((v["X"], v["Y"], v["X"][:1] * v["lam"]))),
    ("concatenate", "concatenate([X, y[:, None], G[:, :, 0]], axis=-1)",
     lambda v: sg.concatenate([v["X"], v["y"][:, None], v["G"][:, :, 0]], axis=-1),
     lambda v: np.concatenate([v["X"], v["y"][:, None], v["G"][:, :, 0]], axis=-1)),
    ("stack", "stack([x, y])", lambda v: sg.stack([v["x"], v["y"]]),
     lambda v: np.stack([v["x"], v["y"]])),
    ("stack", "stack((X, Y, P), axis=-1)",
     lambda v: sg.stack((v["X"], v["Y"], v["P"]), axis=-1),
     lambda v: np.stack((v["X"], v["Y"], v["P"]), axis=-1)),
    ("pad", "pad(x, 2)", lambda v: sg.pad(v["x"], 2), lambda v: np.pad(v["x"], 2)),
    ("pad", "pad(X, ((1, 0), (0, 2)))", lambda v: sg.pad(v["X"], ((1, 0), (0, 2))),
     lambda v: np.pad(v["X"], ((1, 0), (0, 2)))),
    ("pad", "pad(X, (0, 1))", lambda v: sg.pad(v["X"], (0, 1)),
     lambda v: np.pad(v["X"], (0, 1))),
    ("einsum", 'einsum("ij,kj->ik", X, Y)', lambda v: sg.einsum("ij,kj->ik", v["X"], v["Y"]),
     lambda v: np.einsum("ij,kj->ik", v["X"], v["Y"])),
    ("einsum", 'einsum("ii", A)', lambda v: sg.einsum("ii", v["A"]),
     lambda v: np.einsum("ii", v["A"])),
    ("einsum", 'einsum("Ba, aC, B", X, W, x)',
     lambda v: sg.einsum("Ba, aC, B", v["X"], v["W"], v["x"]),
     lambda v: np.einsum("Ba, aC, B", v["X"], v["W"], v["x"])),
    ("onehot", "onehot(labels, d) * X", lambda v: sg.onehot(v["labels"], "d") * v["X"],
     lambda v: one_hot(v["labels"], v["X"].shape[1]) * v["X"]),
    ("prod", "prod(X)", lambda v: sg.prod(v["X"]), lambda v: np.prod(v["X"])),
    ("prod", "prod(G, axis=(0, -1), keepdims=True)",
     lambda v: sg.prod(v["G"], axis=(0, -1), keepdims=True),
     lambda v: np.prod(v["G"], axis=(0, -1), keepdims=True)),
    ("cumprod", "cumprod(x)", lambda v: sg.cumprod(v["x"]), lambda v: np.cumprod(v["x"])),
    ("cumprod", "cumprod(G, axis=-2)", lambda v: sg.cumprod(v["G"], axis=-2),
     lambda v: np.cumprod(v["G"], axis=-2)),
    ("argmax", "onehot(argmax(X, axis=1), d) * X",
     lambda v: sg.onehot(sg.argmax(v["X"], axis=1), "d") * v["X"],
     lambda v: one_hot(np.argmax(v["X"], axis=1), v["X"].shape[1]) * v["X"]),
    ("argmax", "argmax(X) * lam + argmax(G, -2)[:, 0]",
     lambda v: sg.argmax(v["X"]) * v["lam"] + sg.argmax(v["G"], -2)[:, 0],
     lambda v: np.argmax(v["X"]) * v["lam"] + np.argmax(v["G"], -2)[:, 0]),
    ("argmax", "W[argmax(X, 1)]", lambda v: v["W"][sg.argmax(v["X"], 1)],
     lambda v: v["W"][np.argmax(v["X"], 1)]),
    ("argmin", "argmin(X, axis=0) * Y", lambda v: sg.argmin(v["X"], axis=0) * v["Y"],
     lambda v: np.argmin(v["X"], axis=0) * v["Y"]),
    ("stop_gradient", "stop_gradient(B) * X", lambda v: sg.stop_gradient(v["B"]) * v["X"],
     lambda v: v["B"] * v["X"]),
    ("reshape", "reshape(X, (d, n))", lambda v: sg.reshape(v["X"], ("d", "n")),
     lambda v: np.reshape(v["X"], v["X"].shape[::-1])),
    ("reshape", "G.reshape(n, -1) * y[:, None]",
     lambda v: sg.reshape(v["G"], "n", -1) * v["y"][:, None],
     lambda v: np.reshape(v["G"], (len(v["y"]), -1)) * v["y"][:, None]),
    ("vec", "vec(X)", lambda v: sg.vec(v["X"]), lambda v: v["X"].T.reshape(-1)),
    ("vec", "vec(G) * lam", lambda v: sg.vec(v["G"]) * v["lam"],
     lambda v: v["G"].T.reshape(-1) * v["lam"]),
    ("kron", "kron(W, V)", lambda v: sg.kron(v["W"], v["V"]), lambda v: np.kron(v["W"], v["V"])),
    ("kron", "kron(x, X)", lambda v: sg.kron(v["x"], v["X"]), lambda v: np.kron(v["x"], v["X"])),
    ("inv", "inv(N)", lambda v: sg.inv(v["N"]), lambda v: np.linalg.inv(v["N"])),
    ("inv", "inv(M) @ X", lambda v: sg.inv(v["M"]) @ v["X"],
     lambda v: np.linalg.solve(v["M"], v["X"])),
    ("pinv", "pinv(X)", lambda v: sg.pinv(v["X"]), lambda v: np.linalg.pinv(v["X"])),
    ("det", "det(A)", lambda v: sg.det(v["A"]), lambda v: np.linalg.det(v["A"])),
    ("logdet", "logdet(A)", lambda v: sg.logdet(v["A"]),
     lambda v: np.linalg.slogdet(v["A"])[1]),
    ("logdet", "logdet(M)", lambda v: sg.logdet(v["M"]),
     lambda v: np.linalg.slogdet(v["M"])[1]),
    ("slogdet", "slogdet(A)[0] * x", lambda v: sg.slogdet(v["A"])[0] * v["x"],
     lambda v: np.linalg.slogdet(v["A"])[0] * v["x"]),
    ("slogdet", "np.linalg.slogdet(M)[1]", lambda v: sg.slogdet(v["M"])[1],
     lambda v: np.linalg.slogdet(v["M"])[1]),
    ("solve", "solve(N, x)", lambda v: sg.solve(v["N"], v["x"]),
     lambda v: np.linalg.solve(v["N"], v["x"])),
    ("solve", "solve(stack([N, M]), X)",
     lambda v: sg.solve(sg.stack([v["N"], v["M"]]), v["X"]),
     lambda v: np.linalg.solve(np.stack([v["N"], v["M"]]), v["X"])),
    ("solve_triangular", "solve_triangular(N, X)",
     lambda v: sg.solve_triangular(v["N"], v["X"]),
     lambda v: np.linalg.solve(np.triu(v["N"]), v["X"])),
    ("solve_triangular", "solve_triangular(N, x, lower=True)",
     lambda v: sg.solve_triangular(v["N"], v["x"], lower=True),
     lambda v: np.linalg.solve(np.tril(v["N"]), v["x"])),
    ("cholesky", "cholesky(A @ A.T + eye(n))",
     lambda v: sg.cholesky(v["A"] @ v["A"].T + sg.eye("n")),
     lambda v: np.linalg.cholesky(v["A"] @ v["A"].T + np.eye(len(v["A"])))),
    ("cholesky", "cholesky(M)", lambda v: sg.cholesky(v["M"]),
     lambda v: np.linalg.cholesky((v["M"] + v["M"].T) / 2)),
    ("cholesky_solve", "cholesky_solve(x, N)", lambda v: sg.cholesky_solve(v["x"], v["N"]),
     lambda v: np.linalg.solve(np.tril(v["N"]) @ np.tril(v["N"]).T, v["x"])),
    ("eigh", "eigh(A)[0]", lambda v: sg.eigh(v["A"])[0],
     lambda v: np.linalg.eigvalsh((v["A"] + v["A"].T) / 2)),
    ("eigh", "eigh(A)[1] * x", lambda v: sg.eigh(v["A"])[1] * v["x"],
     lambda v: np.linalg.eigh((v["A"] + v["A"].T) / 2)[1] * v["x"]),
    ("svd", "svd(X)[0]", lambda v: sg.svd(v["X"])[0],
     lambda v: np.linalg.svd(v["X"], full_matrices=False)[0]),
    ("svd", "svd(X)[1]", lambda v: sg.svd(v["X"])[1],
     lambda v: np.linalg.svd(v["X"], full_matrices=False)[1]),
    ("svd", "svd(X)[2] @ W", lambda v: sg.svd(v["X"])[2] @ v["W"],
     lambda v: np.linalg.svd(v["X"], full_matrices=False)[2] @ v["W"]),
    ("expm", "expm(A)", lambda v: sg.expm(v["A"]), lambda v: scipy.linalg.expm(v["A"])),
    ("expm", "expm(A.T * 0.3)[0] * x", lambda v: sg.expm(v["A"].T * 0.3)[0] * v["x"],
     lambda v: scipy.linalg.expm(v["A"].T * 0.3)[0] * v["x"]),
    ("linear", "linear(X, V)", lambda v: sg.linear(v["X"], v["V"]), lambda v: v["X"] @ v["V"].T),
    ("linear", "linear(X, V, bias=b)", lambda v: sg.linear(v["X"], v["V"], v["b"]),
     lambda v: v["X"] @ v["V"].T + v["b"]),
    ("layer_norm", "layer_norm(X, Y[0], P[0])",
     lambda v: sg.layer_norm(v["X"], v["Y"][0], v["P"][0]),
     lambda v: ref.layer_norm(v["X"], v["Y"][0], v["P"][0])),
    ("layer_norm", "layer_norm(G, shift=b, eps=0.1)",
     lambda v: sg.layer_norm(v["G"], shift=v["b"], eps=0.1),
     lambda v: ref.layer_norm(v["G"], 1, v["b"], 0.1)),
    ("rms_norm", "rms_norm(X, Y[0])", lambda v: sg.rms_norm(v["X"], v["Y"][0]),
     lambda v: ref.rms_norm(v["X"], v["Y"][0])),
    ("rms_norm", "rms_norm(G, eps=lam**2)", lambda v: sg.rms_norm(v["G"], eps=v["lam"] ** 2),
     lambda v: ref.rms_norm(v["G"], eps=v["lam"] ** 2)),
    ("batch_norm", "batch_norm(X, Y[0], P[0])",
     lambda v: sg.batch_norm(v["X"], v["Y"][0], v["P"][0]),
     lambda v: ref.batch_norm(v["X"], v["Y"][0], v["P"][0])),
    ("batch_norm", "batch_norm(G, X[0], Y[0])",
     lambda v: sg.batch_norm(v["G"], v["X"][0], v["Y"][0]),
     lambda v: ref.batch_norm(v["G"], v["X"][0], v["Y"][0])),
    ("batch_norm", "batch_norm(G, X[0], Y[0], training=False, mean=P[0], var=U[0])",
     lambda v: sg.batch_norm(v["G"], v["X"][0], v["Y"][0], False, v["P"][0], v["U"][0]),
     lambda v: ref.batch_norm(v["G"], v["X"][0], v["Y"][0], v["P"][0], v["U"][0])),
    ("group_norm", "group_norm(concatenate((X, Y), axis=1), 2, lam)",
     lambda v: sg.group_norm(sg.concatenate((v["X"], v["Y"]), axis=1), 2, v["lam"]),
     lambda v: ref.group_norm(np.concatenate((v["X"], v["Y"]), 1), 2, v["lam"])),
    ("group_norm", "group_norm(G, d, X[0], Y[0])",
     lambda v: sg.group_norm(v["G"], "d", v["X"][0], v["Y"][0]),
     lambda v: ref.group_norm(v["G"], v["G"].shape[1], v["X"][0], v["Y"][0])),
    ("instance_norm", "instance_norm(G, X[0], Y[0])",
     lambda v: sg.instance_norm(v["G"], v["X"][0], v["Y"][0]),
     lambda v: ref.instance_norm(v["G"], v["X"][0], v["Y"][0])),
    ("weight_norm", "weight_norm(W, X[0])", lambda v: sg.weight_norm(v["W"], v["X"][0]),
     lambda v: ref.weight_norm(v["W"], v["X"][0])),
    ("weight_norm", "weight_norm(W, b, axis=-1)",
     lambda v: sg.weight_norm(v["W"], v["b"], axis=-1),
     lambda v: ref.weight_norm(v["W"], v["b"], -1)),
    ("weight_norm", "weight_norm(x, lam)", lambda v: sg.weight_norm(v["x"], v["lam"]),
     lambda v: ref.weight_norm(v["x"], v["lam"])),
    ("rnn_cell", "rnn_cell(X, X @ W, V, V @ W, b)",
     lambda v: sg.rnn_cell(v["X"], v["X"] @ v["W"], v["V"], v["V"] @ v["W"], v["b"]),
     lambda v: ref.rnn_cell(v["X"], v["X"] @ v["W"], v["V"], v["V"] @ v["W"], v["b"])),
    ("gru_cell", "gru_cell(X, X @ W, concatenate((V, 2 * V, -V)), concatenate((V, -V, V)) @ W)",
     lambda v: sg.gru_cell(
         v["X"], v["X"] @ v["W"], sg.concatenate((v["V"], 2 * v["V"], -v["V"])),
         sg.concatenate((v["V"], -v["V"], v["V"])) @ v["W"]),
     lambda v: ref.gru_cell(
         v["X"], v["X"] @ v["W"], np.concatenate((v["V"], 2 * v["V"], -v["V"])),
         np.concatenate((v["V"], -v["V"], v["V"])) @ v["W"])),
    ("lstm_cell", "lstm_cell(X, X @ W, X @ W, concatenate((V, 2 * V, -V, V)), "
     "concatenate((V, -V, V, V)) @ W, b_hh=concatenate((b, b, -b, b)))[0]",
     lambda v: sg.lstm_cell(
         v["X"], v["X"] @ v["W"], v["X"] @ v["W"],
         sg.concatenate((v["V"], 2 * v["V"], -v["V"], v["V"])),
         sg.concatenate((v["V"], -v["V"], v["V"], v["V"])) @ v["W"],
         b_hh=sg.concatenate((v["b"], v["b"], -v["b"], v["b"])))[0],
     lambda v: ref.lstm_cell(
         v["X"], v["X"] @ v["W"], v["X"] @ v["W"],
         np.concatenate((v["V"], 2 * v["V"], -v["V"], v["V"])),
         np.concatenate((v["V"], -v["V"], v["V"], v["V"])) @ v["W"],
         b_hh=np.concatenate((v["b"], v["b"], -v["b"], v["b"])))[0]),
    ("scaled_dot_product_attention", "scaled_dot_product_attention(X, Y, X, tri(n))",
     lambda v: sg.scaled_dot_product_attention(v["X"], v["Y"], v["X"], sg.tri("n")),
     lambda v: ref.scaled_dot_product_attention(
         v["X"], v["Y"], v["X"], np.tri(len(v["X"])))),
    ("scaled_dot_product_attention", "scaled_dot_product_attention(X @ W, V.T, W, B)",
     lambda v: sg.scaled_dot_product_attention(v["X"] @ v["W"], v["V"].T, v["W"], v["B"]),
     lambda v: ref.scaled_dot_product_attention(v["X"] @ v["W"], v["V"].T, v["W"], v["B"])),
    ("scaled_dot_product_attention", "scaled_dot_product_attention(G, G**2, G)",
     lambda v: sg.scaled_dot_product_attention(v["G"], v["G"] ** 2, v["G"]),
     lambda v: ref.scaled_dot_product_attention(v["G"], v["G"] ** 2, v["G"])),
    ("cross_entropy", "cross_entropy(X, P)", lambda v: sg.cross_entropy(v["X"], v["P"]),
     lambda v: -(v["P"] * log_softmax(v["X"])).sum(-1)),
    ("cross_entropy", "cross_entropy(X, labels)", lambda v: sg.cross_entropy(v["X"], v["labels"]),
     lambda v: -log_softmax(v["X"])[np.arange(len(v["labels"])), v["labels"]]),
    ("nll_loss", "nll_loss(X, P)", lambda v: sg.nll_loss(v["X"], v["P"]),
     lambda v: -(v["P"] * v["X"]).sum(-1)),
    ("nll_loss", "nll_loss(X, labels)", lambda v: sg.nll_loss(v["X"], v["labels"]),
     lambda v: -v["X"][np.arange(len(v["labels"])), v["labels"]]),
    ("binary_cross_entropy", "binary_cross_entropy(U, B)",
     lambda v: sg.binary_cross_entropy(v["U"], v["B"]),
     lambda v: -(v["B"] * np.log(v["U"]) + (1 - v["B"]) * np.log(1 - v["U"]))),
    ("binary_cross_entropy_with_logits", "binary_cross_entropy_with_logits(X, U)",
     lambda v: sg.binary_cross_entropy_with_logits(v["X"], v["U"]),
     lambda v: -(v["U"] * np.log(sp.expit(v["X"])) + (1 - v["U"]) * np.log(sp.expit(-v["X"])))),
    ("mse_loss", "mse_loss(X, Y)", lambda v: sg.mse_loss(v["X"], v["Y"]),
     lambda v: np.mean((v["X"] - v["Y"]) ** 2)),
    ("huber_loss", "huber_loss(X, Y)", lambda v: sg.huber_loss(v["X"], v["Y"]),
     lambda v: huber(v["X"] - v["Y"], 1)),
    ("huber_loss", "huber_loss(X, Y, delta=0.3)",
     lambda v: sg.huber_loss(v["X"], v["Y"], delta=0.3),
     lambda v: huber(v["X"] - v["Y"], 0.3)),
    ("hinge_loss", "hinge_loss(X, S)", lambda v: sg.hinge_loss(v["X"], v["S"]),
     lambda v: np.maximum(0, 1 - v["S"] * v["X"])),
    ("kl_div", "kl_div(P, Q)", lambda v: sg.kl_div(v["P"], v["Q"]),
     lambda v: v["P"] * (np.log(v["P"]) - np.log(v["Q"]))),
    ("conv1d", "conv1d(G, K1, padding=1)", lambda v: sg.conv1d(v["G"], v["K1"], padding=1),
     lambda v: windows.conv(v["G"], v["K1"], padding=1)),
    ("conv2d", "conv2d(I, K2, (2, 1), (1, 0))",
     lambda v: sg.conv2d(v["I"], v["K2"], (2, 1), (1, 0)),
     lambda v: windows.conv(v["I"], v["K2"], (2, 1), (1, 0))),
    ("conv_transpose1d", "conv_transpose1d(G, K4, 2, 1)",
     lambda v: sg.conv_transpose1d(v["G"], v["K4"], 2, 1),
     lambda v: windows.conv_transpose(v["G"], v["K4"], 2, 1)),
    ("conv_transpose2d", "conv_transpose2d(I, K3, stride=2, output_padding=1)",
     lambda v: sg.conv_transpose2d(v["I"], v["K3"], stride=2, output_padding=1),
     lambda v: windows.conv_transpose(v["I"], v["K3"], 2, output_padding=1)),
    ("max_pool1d", "max_pool1d(I, 3, 1, 1)", lambda v: sg.max_pool1d(v["I"], 3, 1, 1),
     lambda v: windows.pool(v["I"], 3, 1, 1, rank=1)),
    ("max_pool2d", "max_pool2d(I, (1, 2))", lambda v: sg.max_pool2d(v["I"], (1, 2)),
     lambda v: windows.pool(v["I"], (1, 2))),
    ("avg_pool2d", "avg_pool2d(I, 2, padding=1)", lambda v: sg.avg_pool2d(v["I"], 2, padding=1),
     lambda v: windows.pool(v["I"], 2, padding=1, mean=True)),
]  # fmt: skip

by_text = pytest.mark.parametrize("row", ROWS, ids=[row[1] for row in ROWS])


def declared():
    return {
        name: sg.tensor(name, *shape, domain=DOMAIN.get(name, "real"))
        for name, shape in SYMBOLS.items()
    }


def graph_of(row, **options):
    text = row[1]
    used = {name: shape for name, shape in SYMBOLS.items() if name in _words(text)}
    domain = {name: DOMAIN[name] for name in used if name in DOMAIN}
    return sg.parse(f"f = {text}", symbols=used, domain=domain, **options)


def _words(text):
    import re

    return set(re.findall(r"\w+", text))


def test_every_function_has_a_row():
    assert {row[0] for row in ROWS} == set(FUNCTIONS)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_says_what_it_is(name):
    entry = Entry.of(name)
    assert entry.formula
    assert "\n" not in entry.formula
    assert entry.source
    chapters = {chapter.__name__ for chapter in CHAPTERS}
    assert FUNCTIONS[name].__module__ in chapters


def test_what_can_overflow_says_how_it_is_stable():
    stable = {name for name in FUNCTIONS if Entry.of(name).stability}
    assert {text.partition("(")[0] for text, *_ in FAR} <= stable | MILD


def test_what_has_a_kink_says_what_its_derivative_is():
    assert {text.partition("(")[0] for text, *_ in KINKS} <= {
        name for name in FUNCTIONS if Entry.of(name).kink
    } | SMOOTH


def test_the_page_is_that_of_the_table(golden):
    golden("../../docs/vocabulary.md", page(CHAPTERS))


@by_text
def test_text_and_python_build_one_node(row):
    assert graph_of(row).definitions[0].expr is row[2](declared())


# pairwise different, one axis of size 1 (a literal 1 never stands for a named size), all of size 1
SIZES = [{"n": 4, "d": 3, "h": 2}, {"n": 1, "d": 3, "h": 2}, {"n": 3, "d": 1, "h": 1},
         {"n": 1, "d": 1, "h": 1}]  # fmt: skip


@by_text
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_value(row, sizes):
    graph = graph_of(row)
    values = graph.sample(3, sizes)
    given = {"X": np.zeros((sizes["n"], sizes["d"]))} | values
    ours, expected = graph.evaluate(values), row[3](given)
    assert ours.shape == np.shape(expected)
    # at most some dozen operations on numbers of order 1
    np.testing.assert_allclose(ours, expected, rtol=1e-13, atol=1e-13)


@by_text
def test_gradient(row):
    """Of Σ cos(f) by each real argument, against central differences of the NumPy form."""
    text = row[1]
    symbols = {name: shape for name, shape in SYMBOLS.items() if name in _words(text)}
    open_sets = ("real", "unit", "positive", "simplex", "spd", "invertible")
    real = [name for name in symbols if DOMAIN.get(name, "real") in open_sets]
    domain = {name: DOMAIN[name] for name in symbols if name in DOMAIN}
    graph = sg.parse(f"f = {text}; J = sum(cos(f))", symbols, domain, parameters=real)
    values = graph.sample(5, {"n": 4, "d": 3, "h": 2})
    given = {"X": np.zeros((4, 3))} | values
    derivation = sg.gradient(graph)
    step = 1e-6
    for name in real:
        base = np.asarray(values[name], float)
        slopes = np.zeros(base.size)
        for k in range(base.size):
            move = step * (np.arange(base.size) == k).reshape(base.shape)
            above, below = (np.cos(row[3](given | {name: base + d})).sum() for d in (move, -move))
            slopes[k] = (above - below) / (2 * step)
        # differences: h² f''' ~ 1e-11, rounding 1e-15 / h ~ 1e-9 for sums of order 10
        ours = derivation[name].evaluate(values)
        np.testing.assert_allclose(ours, slopes.reshape(base.shape), rtol=1e-7, atol=2e-8)


# --- where floating point ends: text, values of x, result

FAR = [
    ("softmax(x)", [-1000, 1000], [0, 1]),
    ("softmax(x)", [1000, 1000], [0.5, 0.5]),
    ("log_softmax(x)", [-1000, 1000], [-2000, 0]),
    ("logsumexp(x)", [1000, 1000], 1000 + np.log(2)),
    ("logsumexp(x)", [-1000, -1000], -1000 + np.log(2)),
    ("logsumexp(x)", [-np.inf, -np.inf], -np.inf),
    ("softplus(x)", [-1000, 1000], [0, 1000]),
    ("sigmoid(x)", [-1000, 1000], [0, 1]),
    ("log1p(x)", [1e-300, 1e300], [1e-300, np.log(1e300)]),
    ("expm1(x)", [1e-300, -1000], [1e-300, -1]),
    ("tanh(x)", [-1000, 1000], [-1, 1]),
    ("silu(x)", [-1000, 1000], [0, 1000]),
    ("gelu(x)", [-1000, 1000], [0, 1000]),
    ("elu(x)", [-1000, 1000], [-1, 1000]),
    ("selu(x)", [-1000, 1000], [-1.0507009873554805 * 1.6732632423543772, 1050.7009873554805]),
    ("celu(x, 2)", [-1000, 1000], [-2, 1000]),
    ("mish(x)", [-1000, 1000], [0, 1000]),
    ("hard_sigmoid(x)", [-1000, 1000], [0, 1]),
    ("softmax(where(k == 0, x, -1e9))", [3, 1000], [1, 0]),
    ("binary_cross_entropy_with_logits(x, 1)", [-1000, 1000], [1000, 0]),
    ("cross_entropy(x, onehot(k, 2)[:, 0])", [0, 1000], 1000),
    ("var(x)", [1e8 + 1, 1e8 - 1], 1),
    ("norm(x)", [0, 0], 0),
    ("norm(x, inf)", [-1e300, 1], 1e300),
    ("norm(x, 1)", [0, 0], 0),
    ("layer_norm(x, eps=0)", [1e8 + 1, 1e8 - 1], [1, -1]),
    ("batch_norm(x[:, None], eps=0)[:, 0]", [1e8 + 1, 1e8 - 1], [1, -1]),
    ("group_norm(x[None], 1, eps=0)[0]", [1e8 + 1, 1e8 - 1], [1, -1]),
    ("instance_norm(x[None, None], eps=0)[0, 0]", [1e8 + 1, 1e8 - 1], [1, -1]),
    (
        "scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], tri(2))[:, 0]",
        [3, 1000],
        [3, 1000],
    ),
]


@pytest.mark.parametrize(("text", "x", "expected"), FAR, ids=[f"{t} {x}" for t, x, _ in FAR])
def test_far_out(text, x, expected):
    graph = sg.parse(text, {"x": (2,), "k": (2,)}, {"k": "labels:2"})
    result = graph.evaluate({"x": np.array(x, float), "k": np.array([0, 1])})
    np.testing.assert_allclose(result, expected, rtol=1e-15)  # exact but for the last bit


#: Functions of FAR that need no care of their own: they are made of those that have it.
MILD = {"silu", "gelu", "hard_sigmoid", "norm"}

# --- conventions at kinks: text, values of x, gradient of the sum

KINKS = [
    ("relu(x)", [0, -1, 1], [0, 0, 1]),
    ("abs(x)", [0, -2, 2], [0, -1, 1]),
    ("sign(x)", [0, -2, 2], [0, 0, 0]),
    ("leaky_relu(x)", [0, -1, 1], [0.01, 0.01, 1]),
    ("maximum(x, 0)", [0, -1, 1], [0.5, 0, 1]),
    ("minimum(x, 0)", [0, -1, 1], [0.5, 1, 0]),
    ("max(x)", [2, 2, 1], [0.5, 0.5, 0]),
    ("min(x)", [1, 1, 1], [1 / 3, 1 / 3, 1 / 3]),
    ("norm(x)", [0, 0, 0], [0, 0, 0]),
    ("norm(x)", [2, 3, 6], [2 / 7, 3 / 7, 6 / 7]),
    ("norm(x, 1)", [0, -1, 1], [0, -1, 1]),
    ("norm(x, 3)", [0, 0, 0], [0, 0, 0]),
    ("norm(x, 1.5)", [0, 0, 0], [0, 0, 0]),
    ("norm(x, 1.5)", [0, 0, -4], [0, 0, -1]),
    ("norm(x, 0.5)", [0, 1, 0], [0, 1, 0]),
    ("norm(x, inf)", [-2, 2, 1], [-0.5, 0.5, 0]),
    ("norm(x, -inf)", [0, 2, 1], [0, 0, 0]),
    ("norm(x[:, None] @ x[None], inf)", [0, 0, 0], [0, 0, 0]),
    ("weight_norm(x, 2)", [0, 0, 0], [0, 0, 0]),
    ("clip(x, -1, 1)", [-1, 0, 2], [0.5, 1, 0]),
    ("huber_loss(x, 0)", [-2, 0.5, 1], [-1, 0.5, 1]),
    ("hinge_loss(x, 1)", [1, 0, 2], [0, -1, 0]),
    ("where(x > 0, x**2, 3 * x)", [0, -1, 2], [3, 3, 4]),
    ("where(x > 0, log(x), x)", [-1, 0, 2], [1, 1, 0.5]),
    ("where(x > 0, sqrt(x), 0)", [-1, 0, 4], [0, 0, 0.25]),
    ("elu(x)", [-1000, 0, 1000], [0, 1, 1]),
    ("celu(x, 2)", [-1000, 0, 1000], [np.exp(-500), 1, 1]),
    ("selu(x)", [-1000, 0, 1], [0, 1.0507009873554805 * 1.6732632423543772, 1.0507009873554805]),
    ("mish(x)", [-1000, 0, 1000], [0, 0.6, 1]),
    ("hard_tanh(x)", [-1, 0, 2], [1, 1, 0]),
    ("hard_sigmoid(x)", [-3, 0, 4], [1 / 6, 1 / 6, 0]),
    ("silu(x)", [-1000, 0, 1000], [0, 0.5, 1]),
    ("softplus(x)", [-1000, 0, 1000], [0, 0.5, 1]),
    ("logsumexp(x)", [-1000, 1000, 1000], [0, 0.5, 0.5]),
]


#: Functions of KINKS that are smooth there: 0 is where their formula changes.
SMOOTH = {"huber_loss", "where", "elu", "celu", "silu", "mish", "softplus", "logsumexp"}


@pytest.mark.parametrize(("text", "x", "slopes"), KINKS, ids=[f"{t} {x}" for t, x, _ in KINKS])
def test_kinks(text, x, slopes):
    graph = sg.parse(f"J = sum({text})", {"x": (3,)}, parameters=["x"])
    ours = sg.gradient(graph)["x"].evaluate({"x": np.array(x, float)})
    np.testing.assert_allclose(ours, slopes, rtol=1e-15)  # one or two operations


# --- what is refused

X, x, y, k = (sg.tensor("X", "n", "d"), sg.tensor("x", "n"), sg.tensor("y", "n"),
              sg.tensor("k", "n", domain="labels:c"))  # fmt: skip

REFUSED = [
    (lambda: sg.softmax(sg.scalar("t")), ShapeError, "axis -1 is out of range for shape ()"),
    (lambda: sg.sum(X, axis=2), ShapeError, "axis 2 is out of range for shape (n, d)"),
    (lambda: sg.max(X, axis=(0, -2)), ShapeError, "names an axis twice"),
    (lambda: sg.mean(X, keepdims=1), DeclarationError, "keepdims is True or False, not 1"),
    (lambda: sg.sum(X, axis="rows"), DeclarationError, "axis must be a whole number"),
    (lambda: sg.sum(X, axis=0.0), DeclarationError, "axis must be a whole number, not 0.0"),
    (lambda: sg.sum(X, axis=True), DeclarationError, "axis must be a whole number, not True"),
    (lambda: sg.var(X, ddof=2), DeclarationError, "ddof is 0 or 1"),
    (lambda: sg.var(X[:, 0:1], axis=1, ddof=1), DeclarationError, "division by the number 0"),
    (lambda: sg.gelu(X, "exact"), DeclarationError, "approximate"),
    (lambda: sg.trace(X), ShapeError, "trace: of a square matrix, not of (n, d)"),
    (lambda: sg.diag(X), ShapeError, "diag: of a square matrix"),
    (lambda: sg.outer(X, x), ShapeError, "outer: of two vectors, not (n, d) and (n,)"),
    (lambda: sg.dot(X, x), ShapeError, "inner dimensions d and n differ"),
    (lambda: sg.transpose(X, (0, 0)), ShapeError, "no order of the axes"),
    (lambda: sg.transpose(X, (0.5, 1)), DeclarationError, "must be a whole number, not 0.5"),
    (lambda: sg.transpose(X, 1), ShapeError, "no order of the axes"),
    (lambda: sg.transpose(X, 1, axes=(1, 0)), DeclarationError, "axis must be a whole number"),
    (lambda: sg.tril(X, 0.5), DeclarationError, "a diagonal is a whole number, not 1/2"),
    (lambda: sg.tril(x), ShapeError, "of a matrix, not of (n,)"),
    (lambda: sg.ones((2.5,)), DeclarationError, "2.5 is not a dimension"),
    (lambda: sg.zeros(("n", 0)), DeclarationError, "positive integer, not 0"),
    (lambda: sg.eye("n - n"), DeclarationError, "positive integer, not 0"),
    (lambda: sg.einsum("ij,jk->ik", X), ShapeError, "2 operands, not 1"),
    (lambda: sg.einsum("ij->ji", x), ShapeError, '"ij" does not fit shape (n,)'),
    (lambda: sg.einsum("ij->ik", X), ShapeError, "a result that the operands do not give"),
    (lambda: sg.einsum("i,i->i", x, X[0]), ShapeError, '"i" stands for both n and d'),
    (lambda: sg.einsum("...i->i", X), DeclarationError, "without an ellipsis"),
    (lambda: sg.einsum(X, "ij"), DeclarationError, "the first argument is an equation"),
    (lambda: sg.onehot(x, 3), DeclarationError, "the labels must be a symbol of integers"),
    (lambda: X[x], DeclarationError, "a whole number or a symbol of labels, not an array"),
    (lambda: X[k], ShapeError, "labels below c index an axis of size n"),
    (lambda: X[k[:, None]], ShapeError, "labels below c index an axis of size n"),
    (lambda: X[k * 2], DeclarationError, "or a symbol of labels"),
    (lambda: X[sg.arange("n") - 1], ShapeError, "from -1 to n - 2 are out of range for size n"),
    (lambda: X[sg.arange("n") + 1], ShapeError, "from 1 to n are out of range for size n"),
    (lambda: X[sg.arange("n") / 2], DeclarationError, "must hold whole numbers"),
    (lambda: X[sg.arange("d")[:, None] + sg.arange("h")], ShapeError, "may be out of range"),
    (lambda: sg.tensor("G", "c", "n", "c")[k, :, k], ShapeError, "must stand side by side"),
    (lambda: sg.tensor("G", "c", "n", "c")[0, :, k], ShapeError, "must stand side by side"),
    (lambda: sg.tensor("G", "c", "n", "c")[k, None, 0], ShapeError, "must stand side by side"),
    (lambda: sg.tensor("C", "c", "m")[k, sg.arange("m")], ShapeError, "do not broadcast"),
    (lambda: sg.embedding(k, x), ShapeError, "embedding: the table is a matrix"),
    (lambda: sg.take(X, k), DeclarationError, "take: of an array with 2 axes; say along which"),
    (lambda: sg.cumsum(X), DeclarationError, "cumsum: of an array with 2 axes; say along which"),
    (lambda: sg.concatenate(X), DeclarationError, "concatenate: of a list of arrays"),
    (lambda: sg.concatenate(()), DeclarationError, "concatenate: of a list of arrays"),
    (lambda: sg.concatenate((X, x)), ShapeError, "shapes (n, d) and (n,) differ beside axis 0"),
    (lambda: sg.concatenate((X, X.T)), ShapeError, "shapes (n, d) and (d, n) differ beside axis 0"),
    (lambda: sg.concatenate((X, X), axis=2), ShapeError, "axis 2 is out of range"),
    (lambda: sg.stack((X, x)), ShapeError, "shapes (1, n, d) and (1, n) differ"),
    (lambda: sg.stack((x, y), axis=2), ShapeError, "stack: axis 2 is out of range"),
    (lambda: sg.pad(x, -1), DeclarationError, "a width is a whole number from 0 on, not -1"),
    (lambda: sg.pad(X, ((1, 1), (1, 1), (1, 1))), DeclarationError, "is no width for 2 axes"),
    (lambda: sg.pad(X, (1, 2, 3)), DeclarationError, "is no width for 2 axes"),
    (lambda: sg.glu(X), ShapeError, "an axis of size d has no two halves"),
    (lambda: sg.norm(X, 1), DeclarationError, "is 1 the order of a matrix norm, or an axis?"),
    (lambda: sg.norm(x, 0), DeclarationError, "the order of a norm of vectors is positive, not 0"),
    (lambda: sg.norm(x, -1), DeclarationError, "is positive, not -1"),
    (lambda: sg.norm(x, "n"), DeclarationError, "ord is a number, inf, \"fro\" or \"nuc\""),
    (lambda: sg.norm(x, x), DeclarationError, "ord is a number"),
    (lambda: sg.norm(x, np.ones(2)), DeclarationError, "neither a tensor expression nor a number"),
    (lambda: sg.norm(x, "fro"), ShapeError, "ord=fro is for one axis or two"),
    (lambda: sg.norm(X, 3), DeclarationError, "ord=3 is no norm of matrices"),
    (lambda: sg.norm(X, 1, (0, 0)), ShapeError, "names an axis twice"),
    (lambda: sg.layer_norm(sg.scalar("t")), ShapeError, "layer_norm: of an array with an axis"),
    (lambda: sg.layer_norm(X, x), ShapeError, "layer_norm: the scale is of shape (d,), not (n,)"),
    (lambda: sg.layer_norm(X, eps=-1), DeclarationError, "eps is not negative, as -1 is"),
    (lambda: sg.batch_norm(x), ShapeError, "batch_norm: of an array of shape (N, C, ...)"),
    (lambda: sg.batch_norm(X, x), ShapeError, "batch_norm: the scale is of shape (d,)"),
    (lambda: sg.batch_norm(X, mean=x), DeclarationError, "in training the mean and variance are"),
    (lambda: sg.batch_norm(X, training=False), DeclarationError, "takes the running mean"),
    (lambda: sg.batch_norm(X, training=1), DeclarationError, "training is True or False, not 1"),
    (lambda: sg.group_norm(X, 2), ShapeError, "d channels are not 2 groups of equal size"),
    (lambda: sg.instance_norm(X), ShapeError, "instance_norm: of an array of shape (N, C, L, ...)"),
    (lambda: sg.weight_norm(X, y[:2]), ShapeError, "weight_norm: the g is of shape (n,), not (2,)"),
    (lambda: sg.rnn_cell(X, X, X, X), ShapeError, "rnn_cell: W_ih is of shape (d, d), not (n, d)"),
    (lambda: sg.gru_cell(x, y, X, X), ShapeError, "gru_cell: W_ih is of shape (3*n, n)"),
    (lambda: sg.lstm_cell(x, sg.scalar("t"), y, X, X), ShapeError, "lstm_cell: h is a scalar"),
    (lambda: sg.scaled_dot_product_attention(x, X, X), ShapeError, "q has rows and columns"),
    (lambda: sg.scaled_dot_product_attention(X, X.T, X), ShapeError, "axis -1 of k is n, not d"),
    (lambda: sg.scaled_dot_product_attention(X, X, X.T), ShapeError, "axis -2 of v is d, not n"),
    (lambda: sg.scaled_dot_product_attention(X, X, X, X @ X.T), DeclarationError,
     "the mask is not known to be of 0 and 1"),
    (lambda: sg.celu(X, 0), DeclarationError, "celu: alpha is not 0"),
    (lambda: sg.dropout(X, X, 1), DeclarationError, "the rate is from 0 to below 1, not 1"),
    (lambda: sg.dropout(X, X, -0.1), DeclarationError, "the rate is from 0 to below 1"),
    (lambda: sg.where(X > 0, X, -np.inf), DeclarationError, "-inf is not a number"),
    (lambda: sg.cross_entropy(X, k), ShapeError, "the labels are below c, but the last axis"),
    (lambda: sg.cross_entropy(X, x), ShapeError, "scores (n, d) and targets (n,) do not fit"),
    (lambda: sg.nll_loss(sg.scalar("t"), k), ShapeError, "scores () and targets (n,)"),
    (lambda: sg.mse_loss(x[:, None], y), ShapeError, "shapes (n, 1) and (n,) differ"),
    (lambda: sg.huber_loss(X, x), ShapeError, "huber_loss: shapes (n, d) and (n,) differ"),
    (lambda: sg.huber_loss(x, y, delta=0), DeclarationError, "delta is positive, not 0"),
    (lambda: sg.kl_div(X, x), ShapeError, "kl_div"),
    (lambda: sg.hinge_loss(X, x), ShapeError, "hinge_loss"),
    (lambda: sg.binary_cross_entropy(X, x), ShapeError, "binary_cross_entropy"),
    (lambda: sg.exp("x"), DeclarationError, "'x' is neither a tensor expression nor a number"),
    (lambda: sg.exp(np.ones(3)), DeclarationError, "neither a tensor expression nor a number"),
    (lambda: sg.maximum(X, None), DeclarationError, "None is neither"),
    (lambda: sg.maximum(X, float("nan")), DeclarationError, "nan is not a number"),
    (lambda: sg.log(-1), DeclarationError, "not a number that an expression can hold"),
    (lambda: sg.log(0), DeclarationError, "not a number that an expression can hold"),
    (lambda: sg.arcsin(2), DeclarationError, "not a number that an expression can hold"),
    (lambda: sg.where(X, X, x), ShapeError, "do not broadcast"),
]  # fmt: skip


@pytest.mark.parametrize(("build", "kind", "message"), REFUSED, ids=[m for _, _, m in REFUSED])
def test_refused(build, kind, message):
    with pytest.raises(kind) as caught:
        build()
    assert message in str(caught.value)
    assert type(caught.value) is kind


def test_functions_of_numbers_are_numbers():
    texts = {
        "relu(2) + relu(-2)": 2, "maximum(1, 2)": 2, "minimum(pi, 3)": 3, "where(1 < 2, 3, 4)": 3,
        "(1 < 2) + (2 <= 2) + (1 == 2) + (1 != 2)": 3, "sigmoid(1) + softplus(2)":
        sp.expit(1) + np.logaddexp(2, 0), "log1p(1e-20) * 1e20": 1, "erf(0.5)": sp.erf(0.5),
        "abs(-3) + sign(-2)": 2, "clip(5, 0, 1)": 1,
    }  # fmt: skip
    for text, expected in texts.items():
        np.testing.assert_allclose(sg.parse(text, {}).evaluate({}), expected, rtol=1e-15)


def test_functions_of_dimensions():
    graph = sg.parse("(n < 3) * 10 + relu(n - 4) + mean(x) * 0", {"x": ("n",)})
    assert [graph.evaluate({"x": np.ones(n)}) for n in (2, 3, 6)] == [10, 0, 2]
