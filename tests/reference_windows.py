"""Convolutions and pooling in NumPy, by loops over every index; they share no code with symgrad."""

import itertools

import numpy as np


def pair(value, rank):
    return value if isinstance(value, tuple) else (value,) * rank


def counts(sizes, places, stride, dilation, padding):
    return [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, d, p in zip(sizes, places, stride, dilation, padding, strict=True)
    ]


def positions(windows, places, sizes, stride, dilation, padding):
    """(i, u, h) for all windows i and places u whose position h is no padding."""
    for i in itertools.product(*map(range, windows)):
        for u in itertools.product(*map(range, places)):
            h = [
                s * a + d * b - p
                for a, b, s, d, p in zip(i, u, stride, dilation, padding, strict=True)
            ]
            if all(0 <= at < size for at, size in zip(h, sizes, strict=True)):
                yield i, u, tuple(h)


def conv(x, kernel, stride=1, padding=0, dilation=1, groups=1):
    """As conv1d and conv2d: the rank is that of the kernel, less 2."""
    rank = kernel.ndim - 2
    steps = [pair(each, rank) for each in (stride, dilation, padding)]
    sizes, places = x.shape[2:], kernel.shape[2:]
    windows = counts(sizes, places, *steps)
    outputs, inner = kernel.shape[:2]
    y = np.zeros((len(x), outputs, *windows), np.result_type(x, kernel))
    for o, c in itertools.product(range(outputs), range(inner)):
        channel = o // (outputs // groups) * inner + c
        for i, u, h in positions(windows, places, sizes, *steps):
            y[(slice(None), o, *i)] += x[(slice(None), channel, *h)] * kernel[(o, c, *u)]
    return y


def conv_transpose(x, kernel, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    rank = kernel.ndim - 2
    steps = [pair(each, rank) for each in (stride, dilation, padding)]
    more = pair(output_padding, rank)
    places = kernel.shape[2:]
    sizes = [
        (n - 1) * s - 2 * p + d * (k - 1) + e + 1
        for n, k, s, d, p, e in zip(x.shape[2:], places, *steps, more, strict=True)
    ]
    channels, inner = kernel.shape[:2]
    y = np.zeros((len(x), inner * groups, *sizes), np.result_type(x, kernel))
    for c, o in itertools.product(range(channels), range(inner)):
        output = c // (channels // groups) * inner + o
        for i, u, h in positions(x.shape[2:], places, sizes, *steps):
            y[(slice(None), output, *h)] += x[(slice(None), c, *i)] * kernel[(c, o, *u)]
    return y


def pool(x, size, stride=None, padding=0, rank=2, mean=False):
    """The largest (the first of equal ones) or the mean of each window of the last axes."""
    places = pair(size, rank)
    steps = [pair(stride or places, rank), (1,) * rank, pair(padding, rank)]
    sizes = x.shape[x.ndim - rank :]
    windows = counts(sizes, places, *steps)
    lead = x.shape[: x.ndim - rank]
    y = np.full((*lead, *windows), 0 if mean else -np.inf, x.dtype)
    for n in np.ndindex(*lead):
        for i, _, h in positions(windows, places, sizes, *steps):
            entry, best = x[n + h], y[n + i]
            if mean:
                y[n + i] = best + entry / np.prod(places)
            elif not np.isnan(best) and not entry.real <= best.real:
                y[n + i] = entry
    return y
