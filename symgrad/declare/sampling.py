"""Random values in the declared domains."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
from sympy import Expr

from symgrad.declare.symbols import DOMAINS, labels_below
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor.bounds import require_bounds
from symgrad.tensor.dims import Dim, size_of
from symgrad.tensor.nodes import Leaf

Array = np.ndarray[Any, Any]
Rng = np.random.Generator


def _along(axis: str, draw: Callable[[tuple[int, ...], Rng], Array]) -> Any:
    """Draw along the last axis, or along the first where the domain says so."""

    def drawn(shape: tuple[int, ...], rng: Rng) -> Array:
        if axis == "0":
            return np.moveaxis(draw((*shape[1:], shape[0]), rng), -1, 0)
        return draw(shape, rng)

    return drawn


def _onehot(shape: tuple[int, ...], rng: Rng) -> Array:
    return np.eye(shape[-1])[rng.integers(shape[-1], size=shape[:-1])]


def _simplex(shape: tuple[int, ...], rng: Rng) -> Array:
    e = np.exp(rng.normal(size=shape))
    return e / e.sum(-1, keepdims=True)


def _spd(shape: tuple[int, ...], rng: Rng) -> Array:
    x = rng.normal(size=shape)
    return x @ x.T / shape[0] + np.eye(shape[0])


def _signs(shape: tuple[int, ...], rng: Rng) -> Array:
    return np.where(rng.random(shape) < 0.5, -1.0, 1.0)


def _symmetric(shape: tuple[int, ...], rng: Rng) -> Array:
    x = rng.normal(size=shape)
    return x + x.T


#: Domain -> how it is drawn.
DRAWS: dict[str, Callable[[tuple[int, ...], Rng], Array]] = {
    "real": lambda shape, rng: rng.normal(size=shape),
    "small": lambda shape, rng: rng.normal(size=shape) / 3,
    "large": lambda shape, rng: rng.normal(size=shape) * 10.0 ** rng.uniform(-1, 3, shape),
    "positive": lambda shape, rng: rng.uniform(0.5, 1.5, shape),
    "unit": lambda shape, rng: rng.uniform(0.1, 0.9, shape),
    "nonzero": lambda shape, rng: _signs(shape, rng) * rng.uniform(0.5, 1.5, shape),
    "sign": _signs,
    "binary": lambda shape, rng: (rng.random(shape) < 0.5) * 1.0,
    "simplex": _simplex,
    "simplex:0": _along("0", _simplex),
    "onehot": _onehot,
    "onehot:0": _along("0", _onehot),
    "symmetric": _symmetric,
    "spd": _spd,
    "invertible": lambda shape, rng: 2 * np.eye(shape[0]) + rng.normal(size=shape) / 2,
    "lower": lambda shape, rng: (
        np.tril(rng.normal(size=shape), -1) / 2 + np.diag(rng.uniform(0.5, 1.5, shape[0]))
    ),
}


assert {name.partition(":")[0] for name in DRAWS} == DOMAINS, "a domain that cannot be drawn"


def draw(leaf: Leaf, sizes: Mapping[str, int], rng: Rng) -> Array:
    """A random array for a symbol; integers for labels."""
    shape = tuple(size_of(d, dict(sizes)) for d in leaf.shape)
    classes = labels_below(leaf.domain)
    if classes is not None:
        return np.asarray(rng.integers(size_of(classes, dict(sizes)), size=shape))
    return np.asarray(DRAWS[leaf.domain](shape, rng))


def draw_sizes(
    sizes_used: Iterable[Dim],
    dimensions: Iterable[str],
    given: Mapping[str, int],
    rng: Rng,
    conditions: Mapping[Expr, str],
) -> dict[str, int]:
    """Sizes of all dimensions: those given, and others drawn pairwise different from 2 on.

    All `sizes_used` come out positive; the `conditions` are those of slices (tensor/bounds.py).

    Raises
    ------
    DeclarationError    for a given size that is no positive integer.
    ShapeError          if no sizes are found for which all shapes are positive.
    """
    for name, size in given.items():
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
            raise DeclarationError(f"size {name} = {size!r} is not a positive integer")
    composite = {size for size in sizes_used if not (size.is_Symbol or size.is_Integer)}
    missing = [name for name in dimensions if name not in given]
    for attempt in range(200):
        # small at first; larger where composite dimensions (n - K + 1) ask for it
        top = 2 + len(missing) + len(given) + 2 * (attempt // 10)
        free = [n for n in range(2, top + 2) if n not in given.values()]
        picked = rng.choice(free, size=len(missing), replace=False)
        sizes = {**given} | {n: int(v) for n, v in zip(missing, picked, strict=True)}
        try:
            for size in composite:
                size_of(size, sizes)
            require_bounds(conditions, sizes)
        except ShapeError as error:
            if not missing:
                raise
            failed = error
            continue
        return {name: int(size) for name, size in sizes.items()}
    raise ShapeError(
        f"no sizes found for {', '.join(missing)}; the last failed: {failed.what}",
        hint="give sizes= for them",
    )
