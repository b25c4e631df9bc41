"""Gradients that are too long, shortened."""

import numpy as np

from symgrad.errors import ValueMismatch
from symgrad.train.optimise import Array


def clip(grads: Array, limit: float) -> float:
    r"""Shorten a flat gradient in place to the norm `limit` if it is longer; returns its norm.

    g ← g min(1, c/‖g‖): the direction stays. Pascanu, Mikolov, Bengio (2013), "On the difficulty of
    training recurrent neural networks", algorithm 1.

    Raises
    ------
    ValueMismatch    if the limit is not positive, or the gradient holds NaN or infinity.

    >>> g = np.array([3.0, 4.0])
    >>> clip(g, 1.0), g
    (5.0, array([0.6, 0.8]))
    """
    if not limit > 0:
        raise ValueMismatch(f"a norm is clipped to a positive number, not {limit}")
    size = norm(grads)
    if not np.isfinite(size):
        bad = np.flatnonzero(~np.isfinite(grads))
        raise ValueMismatch(
            f"the gradient holds {grads[bad[0]]} at {bad[0]}, and {len(bad)} such numbers in all"
            if len(bad)
            else "the norm of the gradient is infinite",
            hint="symgrad.train.health says in which parameter",
        )
    if size > limit:
        grads *= limit / size
    return size


def norm(values: Array) -> float:
    """‖x‖ in float64, of the largest entry and the rest beside it: squares never overflow."""
    largest = float(np.max(np.abs(values), initial=0.0))
    if not (0 < largest < float("inf")):
        return largest
    return largest * float(np.linalg.norm(np.ravel(values).astype(np.float64) / largest))
