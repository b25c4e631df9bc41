"""Mini-batches, and training with them."""

from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from symgrad.train.optimise import Array, Optimiser


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[Array]:
    """The indices 0 ... count − 1 in a new order, `size` at a time; the last batch may be smaller.

    >>> [len(batch) for batch in batches(7, 3, np.random.default_rng(0))]
    [3, 3, 1]
    """
    order = rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def train(
    module: ModuleType,
    params: Any,
    data: Mapping[str, Array],
    optimiser: Optimiser,
    *,
    batch: int,
    epochs: int,
    seed: int = 0,
    fixed: Mapping[str, float] | None = None,
) -> Iterator[float]:
    """Train a generated module's parameters in place; yields the mean loss of each epoch.

    Parameters
    ----------
    data :  inputs of the module by name, with one entry along the first axis for each example.
    fixed : inputs that are the same for all batches.

    Notes
    -----
    A workspace is made for each size of a batch that occurs: the last one is often smaller.
    """
    rng = np.random.default_rng(seed)
    given = dict(fixed or {})
    count = len(next(iter(data.values())))
    workspaces: dict[int, Any] = {}
    for _ in range(epochs):
        total = 0.0
        for picked in batches(count, batch, rng):
            inputs = {name: array[picked] for name, array in data.items()} | given
            if len(picked) not in workspaces:
                workspaces[len(picked)] = module.workspace(params, **inputs)
            loss, grads = module.value_and_grad(params, **inputs, workspace=workspaces[len(picked)])
            optimiser.step(params.flat, grads.flat)
            total += float(loss) * len(picked)
        yield total / count
