"""Declared facts on which formulas rely, and whether values obey them."""

from collections.abc import Callable

import numpy as np

from symgrad.errors import ValueMismatch
from symgrad.tensor.evaluate import Array
from symgrad.tensor.nodes import Leaf

#: How far from 1 a sum of probabilities may be: those of float16 and of tables of few digits pass.
_NEAR_ONE = 1e-3


#: How far from symmetric a matrix may be, relative to its largest entry: sums in float32 pass.
_NEAR_SYMMETRIC = 1e-5


def _symmetric(array: Array) -> Array:
    return abs(array - array.swapaxes(-1, -2)) <= _NEAR_SYMMETRIC * abs(array).max(initial=0)


def _sums_to_one(array: Array) -> Array:
    return (array >= 0).all(-1) & (abs(array.sum(-1, dtype=float) - 1) <= _NEAR_ONE)


#: Domain -> what its entries are, or its rows for one that holds along an axis, and which are so.
#: These are the facts by which formulas are shortened: without them gradients would be wrong.
_FACTS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "binary": ("0 or 1", lambda x: (x == 0) | (x == 1)),
    "sign": ("-1 or 1", lambda x: abs(x) == 1),
    "onehot": ("one-hot", lambda x: ((x == 0) | (x == 1)).all(-1) & (x.sum(-1) == 1)),
    "simplex": ("probabilities that sum to one", _sums_to_one),
    "symmetric": ("symmetric", _symmetric),
    "spd": ("symmetric", _symmetric),
}


def require_fact(leaf: Leaf, array: Array) -> None:
    """Raise ValueMismatch for a value that contradicts what was declared; names the place."""
    kind, _, axis = leaf.domain.partition(":")
    if kind not in _FACTS or array.dtype.kind in "cO" or np.isnan(array).any():
        return
    what, obeys = _FACTS[kind]
    rows = np.moveaxis(array, 0, -1) if axis == "0" else array
    broken = np.argwhere(~np.asarray(obeys(rows.astype(float))))
    if len(broken):
        at = [int(k) for k in broken[0]]
        raise ValueMismatch(
            f"the value of {leaf.name} is not {what}" + (f" at {at}" if at else ""),
            hint=f"{leaf.name} is declared {leaf.domain}, and formulas rely on it",
        )
