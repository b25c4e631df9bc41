"""Random shapes, leaves, index keys and networks, well-shaped by construction."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from sympy import Integer

from symgrad.tensor.dims import ONE, dims, size_of
from symgrad.tensor.nodes import Leaf

n, m, k = dims("n m k")
#: Pairwise different, so that a mix-up of axes shows as a shape.
SIZES = {"n": 3, "m": 2, "k": 4}


def dims_of():
    """A dimension: mostly named, sometimes a unit axis, a number or a polynomial."""
    return st.sampled_from([n, m, k, n, m, k, ONE, Integer(5), 2 * m + 1])


def shapes(min_rank=0, max_rank=3):
    """Shapes of those dimensions."""
    return st.lists(dims_of(), min_size=min_rank, max_size=max_rank).map(tuple)


@st.composite
def suffixes(draw, shape):
    """Shapes that broadcast to a shape: leading axes dropped, others made 1."""
    kept = shape[draw(st.integers(0, len(shape))) :]
    return tuple(ONE if draw(st.integers(0, 3)) == 0 else d for d in kept)


def axes_of_rank(rank):
    """An `axis` argument: None, a number of either sign, or a tuple."""
    if not rank:
        return st.just(None)
    one = st.integers(-rank, rank - 1)
    several = st.lists(one, min_size=1, max_size=rank, unique_by=lambda a: a % rank).map(tuple)
    return st.one_of(st.none(), one, several)


def leaf(name, shape):
    """An input of that shape."""
    return Leaf(name, tuple(shape))


def array_for(node, data, positive=False):
    """Values of order 1 for a leaf, from a drawn seed."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    shape = tuple(size_of(d, SIZES) for d in node.shape)
    values = rng.uniform(0.5, 1.5, shape)
    return values if positive else values * np.where(rng.random(shape) < 0.5, -1, 1)


@st.composite
def keys(draw, shape):
    """A key into an array of that shape: whole numbers, slices, None and Ellipsis.

    Bounds of named axes stay inside their size; those of numbers may lie beyond, where NumPy clips.
    """
    result = []
    for dimension in shape[: draw(st.integers(0, len(shape)))]:
        size = size_of(dimension, SIZES)
        beyond = 2 if dimension.is_Integer else 0
        at = st.none() | st.integers(-size - beyond, size + beyond)
        kind = draw(st.integers(0, 4))
        if kind == 0:
            result.append(draw(st.integers(-size, size - 1)))
        elif kind == 1:
            result.append(slice(None))
        else:
            result.append(slice(draw(at), draw(at), draw(st.none() | st.integers(1, 3))))
        if draw(st.integers(0, 4)) == 0:
            result.append(None)
    if len(shape) >= len(result) and draw(st.integers(0, 3)) == 0:
        result.append(Ellipsis)
    return tuple(result)
