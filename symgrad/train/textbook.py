"""The demo's network as a textbook writes it in NumPy, and a race of it against a module."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from symgrad.train.optimise import Array


def value_and_grad(
    W1: Array, b1: Array, W2: Array, b2: Array, X: Array, Y: Array, lam: float
) -> tuple[Any, tuple[Array, Array, Array, Array]]:
    """The loss of tanh hidden units under a softmax, and its gradients, by hand."""
    B = len(X)
    A1 = np.tanh(X @ W1 + b1)
    Z2 = A1 @ W2 + b2
    E = np.exp(Z2 - Z2.max(axis=1, keepdims=True))
    P = E / E.sum(axis=1, keepdims=True)
    J = -np.sum(Y * np.log(P)) / B + lam / 2 * (np.sum(W1**2) + np.sum(W2**2))
    dZ2 = (P - Y) / B
    dW2 = A1.T @ dZ2 + lam * W2
    db2 = dZ2.sum(axis=0)
    dZ1 = (dZ2 @ W2.T) * (1 - A1**2)
    dW1 = X.T @ dZ1 + lam * W1
    db1 = dZ1.sum(axis=0)
    return J, (dW1, db1, dW2, db2)


def race(*runners: Callable[[], object], rounds: int, calls: int = 20) -> list[float]:
    """The median time of a call of each, in seconds; they run in turn, some calls a round."""
    times: list[list[float]] = [[] for _ in runners]
    for _ in range(rounds):
        for runner, mine in zip(runners, times, strict=True):
            start = perf_counter()
            for _ in range(calls):
                runner()
            mine.append((perf_counter() - start) / calls)
    return [median(mine) for mine in times]
