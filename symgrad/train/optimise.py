"""Optimisers: each moves a flat vector of parameters along its gradient, in place."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]


class Optimiser(Protocol):
    """Whatever moves a vector, given the gradient there."""

    def step(self, params: Array, grads: Array) -> None: ...


@dataclass(slots=True)
class SGD:
    r"""Gradient descent with momentum: v ← μ v + g, θ ← θ − η v.

    Polyak (1964), "Some methods of speeding up the convergence of iteration methods".

    >>> theta = np.array([1.0])
    >>> SGD(rate=0.1).step(theta, np.array([2.0])); theta
    array([0.8])
    """

    rate: float
    momentum: float = 0.0
    _velocity: Array | None = field(default=None, init=False, repr=False)

    def step(self, params: Array, grads: Array) -> None:
        if self._velocity is None:
            self._velocity = np.zeros_like(params)
        self._velocity *= self.momentum
        self._velocity += grads
        params -= self.rate * self._velocity


@dataclass(slots=True)
class Adam:
    r"""Adam: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g², θ ← θ − η m̂/(√v̂ + ε).

    m̂ = m/(1 − β₁ᵗ) and v̂ = v/(1 − β₂ᵗ) after t steps. Kingma and Ba (2015), "Adam: A Method for
    Stochastic Optimization", algorithm 1.

    >>> theta = np.array([1.0])
    >>> Adam(rate=0.1).step(theta, np.array([2.0])); theta.round(6)
    array([0.9])
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    _t: int = field(default=0, init=False, repr=False)
    _m: Array | None = field(default=None, init=False, repr=False)
    _v: Array | None = field(default=None, init=False, repr=False)

    def step(self, params: Array, grads: Array) -> None:
        if self._m is None or self._v is None:
            self._m, self._v = np.zeros_like(params), np.zeros_like(params)
        self._t += 1
        self._m += (1 - self.beta1) * (grads - self._m)
        self._v += (1 - self.beta2) * (grads * grads - self._v)
        rate = self.rate / (1 - self.beta1**self._t)
        scale = 1 / (1 - self.beta2**self._t) ** 0.5
        params -= rate * self._m / (scale * np.sqrt(self._v) + self.epsilon)
