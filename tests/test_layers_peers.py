"""Layers against PyTorch in float64, where it is installed: values, gradients, Hessian products."""

import numpy as np
import pytest
from layers import LAYERS, SIZES, values_of

import symgrad as sg

torch = pytest.importorskip("torch", reason="PyTorch is an optional test peer")
attention_kernels = pytest.importorskip("torch.nn.attention")
F, sdpa_kernel = torch.nn.functional, attention_kernels.sdpa_kernel
MATH = attention_kernels.SDPBackend.MATH


def batch_norm(x, g, b):
    return F.batch_norm(x, None, None, g, b, training=True)


def attention(q, k, v, mask=None, causal=False):
    keep = None if mask is None else mask != 0
    with sdpa_kernel(MATH):  # the others have no second derivative
        return F.scaled_dot_product_attention(q, k, v, keep, is_causal=causal)


def rnn(x, h, *weights):
    return torch.rnn_tanh_cell(x, h, *weights)


def lstm(x, h, c, *weights):
    h, c = torch.lstm_cell(x, (h, c), *weights)
    return h + 2 * c


def gru_over_time(X, h, W, U):
    for t in range(3):
        h = torch.gru_cell(X[:, t], h, W, U)
    return h


def batch_norm_in_evaluation(x, g, b, m, v):
    """PyTorch's own, and the same with gradients by the running mean and variance."""
    m_, v_, g_, b_ = (each[:, None, None] for each in (m, v, g, b))
    result = (x - m_) / torch.sqrt(v_ + 1e-5) * g_ + b_
    torch.testing.assert_close(result, F.batch_norm(x, m.detach(), v.detach(), g, b))
    return result


def multi_head(X, W_q, W_k, W_v, W_o):
    heads = SIZES[tuple(X.shape)]
    q, k, v = ((X @ W).unflatten(-1, (heads, -1)).transpose(1, 2) for W in (W_q, W_k, W_v))
    return attention(q, k, v, causal=True).transpose(1, 2).flatten(2) @ W_o


def masked_losses(X, h, W_ih, W_hh, V, M, Y):
    losses = []
    for t in range(3):
        h = torch.rnn_tanh_cell(X[:, t], h, W_ih, W_hh)
        losses.append(F.cross_entropy(h @ V, Y[:, t], reduction="none"))
    return (torch.stack(losses, 1) * M).sum() / M.sum()


def graph_convolution(X, W, A):
    A = A + torch.eye(len(A), dtype=A.dtype)
    scale = A.sum(1) ** -0.5
    return torch.tanh(scale[:, None] * A * scale @ X @ W)


def experts(X, G, W):
    each = torch.stack([torch.tanh(X @ W[e]) for e in range(len(W))], -1)
    return (each * F.softmax(X @ G, -1)[:, None]).sum(-1)


#: The layers of the table as PyTorch writes them.
PEERS = {
    "layer_norm": lambda x, g, b: F.layer_norm(x, g.shape, g, b),
    "layer_norm of sequences": lambda x, g: F.layer_norm(x, g.shape, g),
    "rms_norm": lambda x, g: F.rms_norm(x, g.shape, g, eps=1e-6),
    "batch_norm": batch_norm,
    "batch_norm of images": batch_norm,
    "batch_norm in evaluation": batch_norm_in_evaluation,
    "group_norm": lambda x, g, b: F.group_norm(x, SIZES[tuple(x.shape)], g, b),
    "group_norm of two": lambda x, g, b: F.group_norm(x, 2, g, b),
    "instance_norm": lambda x, g, b: F.instance_norm(x, weight=g, bias=b),
    # not torch._weight_norm, whose second derivatives are wrong (2.13, CPU)
    "weight_norm": lambda x, v, g, b: F.linear(x, F.normalize(v, dim=1) * g[:, None], b),
    "rnn_cell": rnn,
    "gru_cell": torch.gru_cell,
    "lstm_cell": lstm,
    "gru over time": gru_over_time,
    "attention": attention,
    "attention with a mask": attention,
    "attention with padding": lambda q, k, v, M: attention(q, k, v, M[:, None, None, :]),
    "causal attention": lambda q, k, v: attention(q, k, v, causal=True),
    "causal attention with padding": lambda q, k, v, M: attention(
        q, k, v, M[:, None, None] * torch.ones((q.shape[-2],) * 2).tril()
    ),
    "multi-head attention": multi_head,
    "swiglu": lambda X, W, V, U: (F.silu(X @ W) * (X @ V)) @ U,
    "geglu": lambda X, W, V: F.gelu(X @ W, approximate="tanh") * (X @ V),
    "bilinear": lambda x, W, y, b: F.bilinear(x, y, W, b),
    "mixture of experts": experts,
    "graph convolution": graph_convolution,
    "masked losses over time": masked_losses,
    "embedding": lambda E, g, y: F.layer_norm(F.embedding(y, E), g.shape, g) @ E.T,
}


def test_every_layer_has_a_peer():
    assert PEERS.keys() == LAYERS.keys()


@pytest.mark.parametrize("size", [2, 3], ids=["from 2", "from 3"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, size):
    layer = LAYERS[name]
    # the sizes differ; an odd number of rows, and other numbers of channels
    graph, values = values_of(layer, 11, lambda n: size + n)
    tensors = {k: torch.tensor(v) for k, v in values.items() if k in (*layer.symbols, "weight")}
    for each in layer.parameters:
        tensors[each].requires_grad_()
    f = PEERS[name](*(tensors[each] for each in layer.symbols))
    # some hundred operations on numbers of order 1 to 10
    np.testing.assert_allclose(
        graph.evaluate(values, "f"), f.detach().numpy(), rtol=1e-11, atol=1e-12
    )
    loss = (tensors["weight"] * torch.sin(f)).sum()
    inputs = [tensors[each] for each in layer.parameters]
    grads = torch.autograd.grad(loss, inputs, create_graph=True)
    derivation = sg.gradient(graph)
    rng = np.random.default_rng(5)
    for each, tensor, grad in zip(layer.parameters, inputs, grads, strict=True):
        close(derivation[each].evaluate(values), grad.detach().numpy())
        direction = rng.normal(size=tensor.shape)
        (product,) = torch.autograd.grad((grad * torch.tensor(direction)).sum(), tensor,
                                         retain_graph=True)  # fmt: skip
        ours = sg.hvp(graph, each).evaluate(values | {f"d{each}": direction})
        close(ours, product.numpy())


def close(ours, expected):
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-10 * scale)
