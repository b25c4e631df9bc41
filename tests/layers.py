"""Layers as people use them: text, shapes, and the same in NumPy. One table for several tests."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import reference_layers as ref

import symgrad as sg


@dataclass(frozen=True)
class Layer:
    """Statements that end in `f = ...`; the symbols in the order of the reference's arguments."""

    text: str
    symbols: dict[str, tuple[str, ...]]
    reference: Callable[..., Any]
    domain: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> list[str]:
        return [name for name in self.symbols if self.domain.get(name, "real") in OPEN]

    def graph(self) -> sg.Graph:
        """J = Σ weight ⊙ sin(f)."""
        alone = sg.parse(self.text, self.symbols, self.domain)
        shape = next(d.leaf.shape for d in alone.definitions if d.leaf.name == "f")
        return sg.parse(
            f"{self.text.strip()}; J = sum(weight * sin(f))",
            self.symbols | {"weight": shape},
            self.domain,
            parameters=self.parameters,
        )


#: Domains in which a small step in any direction stays.
OPEN = ("real", "positive")


def dims(text):
    """{"x": ("N", "d"), ...} from "x N,d  g d  lam" and the like: expressions have no blanks."""
    words = [word for word in text.split("  ") if word]
    pairs = [word.split() for word in words]
    return {name: tuple(sizes[0].split(",")) if sizes else () for name, *sizes in pairs}


CELL = "x N,I  h N,H  W_ih {0}H,I  W_hh {0}H,H  b_ih {0}H  b_hh {0}H"
QKV = "q T,d  k S,d  v S,e"
HEADS = "q B,a,T,d  k B,a,T,d  v B,a,T,e"


def attention(q, k, v, mask=None):
    return ref.scaled_dot_product_attention(q, k, v, mask)


def causal(q, k, v):
    return attention(q, k, v, np.tri(q.shape[-2]))


def lstm(x, h, c, *weights):
    h, c = ref.lstm_cell(x, h, c, *weights)
    return h + 2 * c


def unrolled(cell):
    def steps(X, h, *weights):
        for t in range(3):
            h = cell(X[:, t], h, *weights)
        return h

    return steps


MULTI_HEAD = """
q = transpose(reshape(X @ W_q, (B, T, a, e)), (0, 2, 1, 3))
k = transpose(reshape(X @ W_k, (B, T, a, e)), (0, 2, 1, 3))
v = transpose(reshape(X @ W_v, (B, T, a, e)), (0, 2, 1, 3))
o = scaled_dot_product_attention(q, k, v, tri(T))
f = reshape(transpose(o, (0, 2, 1, 3)), (B, T, a * e)) @ W_o
"""


def multi_head(X, W_q, W_k, W_v, W_o, heads):
    parts = [
        causal(X @ W_q[:, at], X @ W_k[:, at], X @ W_v[:, at])
        for at in np.split(np.arange(W_q.shape[1]), heads)
    ]
    return np.concatenate(parts, -1) @ W_o


def masked_losses(X, h, W_ih, W_hh, V, M, Y):
    losses = []
    for t in range(3):
        h = ref.rnn_cell(X[:, t], h, W_ih, W_hh)
        losses.append(-np.log((ref.softmax(h @ V) * Y[:, t]).sum(-1)))
    return (np.stack(losses, 1) * M).sum() / M.sum()


MASKED = """
h1 = rnn_cell(X[:, 0], h, W_ih, W_hh); h2 = rnn_cell(X[:, 1], h1, W_ih, W_hh)
h3 = rnn_cell(X[:, 2], h2, W_ih, W_hh)
l = cross_entropy(stack((h1, h2, h3), axis=1) @ V, Y)
f = sum(l * M) / sum(M)
"""

LAYERS = {
    "layer_norm": Layer(
        "f = layer_norm(x, g, b)", dims("x N,d  g d  b d"), ref.layer_norm),
    "layer_norm of sequences": Layer(
        "f = layer_norm(x, g)", dims("x N,T,d  g d"), ref.layer_norm),
    "rms_norm": Layer("f = rms_norm(x, g)", dims("x N,T,d  g d"), ref.rms_norm),
    "batch_norm": Layer(
        "f = batch_norm(x, g, b)", dims("x N,C  g C  b C"), ref.batch_norm),
    "batch_norm of images": Layer(
        "f = batch_norm(x, g, b)", dims("x N,C,h,w  g C  b C"), ref.batch_norm),
    "batch_norm in evaluation": Layer(
        "f = batch_norm(x, g, b, training=False, mean=m, var=v)",
        dims("x N,C,h,w  g C  b C  m C  v C"), ref.batch_norm, {"v": "positive"}),
    "group_norm": Layer(
        "f = group_norm(x, a, g, b)", dims("x N,a*m,h,w  g a*m  b a*m"),
        lambda x, g, b: ref.group_norm(x, SIZES[x.shape], g, b)),
    "group_norm of two": Layer(
        "f = group_norm(x, 2, g, b)", dims("x N,2*m  g 2*m  b 2*m"),
        lambda x, g, b: ref.group_norm(x, 2, g, b)),
    "instance_norm": Layer(
        "f = instance_norm(x, g, b)", dims("x N,C,h,w  g C  b C"), ref.instance_norm),
    "weight_norm": Layer(
        "W = weight_norm(v, g); f = x @ W.T + b", dims("x N,I  v O,I  g O  b O"),
        lambda x, v, g, b: x @ ref.weight_norm(v, g).T + b),
    "rnn_cell": Layer(
        "f = rnn_cell(x, h, W_ih, W_hh, b_ih, b_hh)", dims(CELL.format("")), ref.rnn_cell),
    "gru_cell": Layer(
        "f = gru_cell(x, h, W_ih, W_hh, b_ih, b_hh)", dims(CELL.format("3*")), ref.gru_cell),
    "lstm_cell": Layer(
        "h1, c1 = lstm_cell(x, h, c, W_ih, W_hh, b_ih, b_hh); f = h1 + 2 * c1",
        dims(CELL.format("4*").replace("h N,H", "h N,H  c N,H")), lstm),
    "gru over time": Layer(
        "h1 = gru_cell(X[:, 0], h, W, U); h2 = gru_cell(X[:, 1], h1, W, U); "
        "f = gru_cell(X[:, 2], h2, W, U)",
        dims("X N,3,I  h N,H  W 3*H,I  U 3*H,H"), unrolled(ref.gru_cell)),
    "attention": Layer("f = scaled_dot_product_attention(q, k, v)", dims(QKV), attention),
    "attention with a mask": Layer(
        "f = scaled_dot_product_attention(q, k, v, M)", dims(QKV + "  M T,S"), attention,
        {"M": "binary"}),
    "attention with padding": Layer(
        "f = scaled_dot_product_attention(q, k, v, M[:, None, None, :])",
        dims(HEADS + "  M B,T"),
        lambda q, k, v, M: attention(q, k, v, M[:, None, None, :]), {"M": "binary"}),
    "causal attention": Layer(
        "f = scaled_dot_product_attention(q, k, v, tri(T))", dims(HEADS), causal),
    "causal attention with padding": Layer(
        "f = scaled_dot_product_attention(q, k, v, M[:, None, None] * tril(ones((T, T))))",
        dims(HEADS + "  M B,T"),
        lambda q, k, v, M: attention(q, k, v, M[:, None, None] * np.tri(q.shape[-2])),
        {"M": "binary"}),
    "multi-head attention": Layer(
        MULTI_HEAD, dims("X B,T,d  W_q d,a*e  W_k d,a*e  W_v d,a*e  W_o a*e,d"),
        lambda X, *weights: multi_head(X, *weights, SIZES[X.shape])),
    "swiglu": Layer(
        "f = (silu(X @ W) * (X @ V)) @ U", dims("X N,d  W d,h  V d,h  U h,e"),
        lambda X, W, V, U: (X @ W * ref.sigmoid(X @ W) * (X @ V)) @ U),
    "geglu": Layer(
        'f = gelu(X @ W, approximate="tanh") * (X @ V)', dims("X N,d  W d,h  V d,h"),
        lambda X, W, V: (z := X @ W) / 2
        * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3))) * (X @ V)),
    "bilinear": Layer(
        'f = einsum("ni,oij,nj->no", x, W, y) + b', dims("x N,I  W O,I,J  y N,J  b O"),
        lambda x, W, y, b: np.einsum("ni,oij,nj->no", x, W, y) + b),
    "mixture of experts": Layer(
        'f = einsum("ne,neo->no", softmax(X @ G), tanh(einsum("ni,eio->neo", X, W)))',
        dims("X N,I  G I,E  W E,I,O"),
        lambda X, G, W: np.einsum(
            "ne,neo->no", ref.softmax(X @ G), np.tanh(np.einsum("ni,eio->neo", X, W)))),
    "graph convolution": Layer(
        "D = sum(A + eye(n), axis=1)**-0.5; "
        "f = tanh(D[:, None] * (A + eye(n)) * D @ X @ W)",
        dims("X n,d  W d,h  A n,n"),
        lambda X, W, A: np.tanh(
            (B := A + np.eye(len(A))) / np.sqrt(B.sum(1)[:, None] * B.sum(1)) @ X @ W),
        {"A": "binary"}),
    "masked losses over time": Layer(
        MASKED, dims("X N,3,I  h N,H  W_ih H,I  W_hh H,H  V H,c  M N,3  Y N,3,c"), masked_losses,
        {"M": "binary", "Y": "onehot"}),
    "embedding": Layer(
        "f = layer_norm(embedding(y, E), g) @ E.T", dims("E c,d  g d  y N"),
        lambda E, g, y: ref.layer_norm(E[y], g) @ E.T, {"y": "labels:c"}),
}  # fmt: skip

#: The number of groups or heads, which no array has, by the shape of the first array.
SIZES: dict[tuple[int, ...], int] = {}


def values_of(layer, seed, size_of):
    """A graph and values of its symbols; the sizes of its dimensions in order from `size_of`."""
    graph = layer.graph()
    sizes = {name: size_of(n) for n, name in enumerate(graph.dims)}
    values = graph.sample(seed, sizes)
    if "a" in sizes:
        SIZES[values[next(iter(layer.symbols))].shape] = sizes["a"]
    if "M" in layer.symbols:  # nobody sees nothing
        values["M"][..., 0] = 1
    return graph, values
