"""Layers in NumPy, a few lines each, as their papers write them; they share no code with symgrad.

All take complex arrays too, for complex steps.
"""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - np.max(x.real, axis=-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def normalised(x, axes, eps):
    centred = x - x.mean(axes, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)


def along(vector, axis, rank):
    """A vector laid along an axis of an array of that rank; a number as it is."""
    return vector if np.ndim(vector) == 0 else np.reshape(vector, (-1, *[1] * (rank - 1 - axis)))


def layer_norm(x, scale=1, shift=0, eps=1e-5):
    return normalised(x, -1, eps) * scale + shift


def rms_norm(x, scale=1, eps=1e-6):
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * scale


def batch_norm(x, scale=1, shift=0, mean=None, var=None, eps=1e-5):
    scale, shift, mean, var = (
        each if each is None else along(each, 1, x.ndim) for each in (scale, shift, mean, var)
    )
    if mean is None:
        result = normalised(x, (0, *range(2, x.ndim)), eps)
    else:
        result = (x - mean) / np.sqrt(var + eps)
    return result * scale + shift


def group_norm(x, groups, scale=1, shift=0, eps=1e-5):
    split = x.reshape(x.shape[0], groups, -1)
    inner = normalised(split, -1, eps).reshape(x.shape)
    return inner * along(scale, 1, x.ndim) + along(shift, 1, x.ndim)


def instance_norm(x, scale=1, shift=0, eps=1e-5):
    inner = normalised(x, tuple(range(2, x.ndim)), eps)
    return inner * along(scale, 1, x.ndim) + along(shift, 1, x.ndim)


def weight_norm(v, g, axis=0):
    if np.ndim(g) == 0:
        return g * v / np.sqrt((v**2).sum())
    axis %= v.ndim
    others = tuple(k for k in range(v.ndim) if k != axis)
    return along(g, axis, v.ndim) * v / np.sqrt((v**2).sum(others, keepdims=True))


def rnn_cell(x, h, W_ih, W_hh, b_ih=0, b_hh=0):
    return np.tanh(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh)


def gru_cell(x, h, W_ih, W_hh, b_ih=0, b_hh=0):
    r, z, n = np.split(x @ W_ih.T + b_ih, 3, axis=-1)
    hr, hz, hn = np.split(h @ W_hh.T + b_hh, 3, axis=-1)
    r, z = sigmoid(r + hr), sigmoid(z + hz)
    return (1 - z) * np.tanh(n + r * hn) + z * h


def lstm_cell(x, h, c, W_ih, W_hh, b_ih=0, b_hh=0):
    i, f, g, o = np.split(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def scaled_dot_product_attention(q, k, v, mask=None):
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(k.shape[-1])
    if mask is not None:
        scores = np.where(mask, scores, -1e9)
    return softmax(scores) @ v
