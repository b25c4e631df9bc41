"""Which formula a numerical derivative is taken by, and the errors that it is allowed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symgrad.check.differences import (
    CENTRAL_STEP,
    EPS,
    RICHARDSON_STEP,
    Array,
    Function,
    central,
    complex_step,
    one_sided,
    richardson,
)
from symgrad.tensor.nodes import Map, Node, Reduce, topological
from symgrad.tensor.scalar import FUNCTIONS

#: Functions with kinks or jumps; all other scalar functions and nodes are analytic.
KINKED = frozenset(
    FUNCTIONS[name].kind for name in "relu abs sign maximum minimum where gt ge lt le eq ne".split()
)


@dataclass(frozen=True, slots=True)
class Method:
    """A formula for the derivative along a direction, with the tolerance that follows from it.

    The test is |a − b| ≤ atol + rtol |b| with atol = rtol max|b| + noise.
    """

    name: str
    slope: Callable[[Function, Array, Array], Any]
    rtol: float
    noise: float
    why: str


def is_analytic(nodes: Iterable[Node]) -> bool:
    """Whether the nodes hold no maximum, comparison or other function with a kink."""
    for node in topological(*nodes):
        if isinstance(node, Reduce):
            return False
        if isinstance(node, Map) and any(f.func in KINKED for f in node.body.atoms(*KINKED)):
            return False
    return True


def choose(f: Function, x: Array, v: Array, analytic: bool, entries: int) -> Method:
    """The best formula for f near x, found out along one direction.

    Complex step where f is analytic. Where it has kinks too, if Richardson's formula confirms it,
    for the evaluator follows the branch of the real part; else Richardson, else central.
    """
    by_complex = complex_step(f, x, v)
    here = abs(f(x))
    rtol = 100 * EPS * entries**0.5
    exact = Method("complex step", complex_step, rtol, 0.0, f"100 ε √N, N = {entries}")
    if np.isfinite(by_complex):
        if analytic:
            return exact
        by_real = [richardson(f, x, v, h) for h in (RICHARDSON_STEP, 1e-5, 1e-7)]
        # small steps too, for a kink may be near: at h = 1e-7 rounding is 2e-9 |f|
        close = 1e-6 * (abs(by_complex) + here)
        left, right = one_sided(f, x, v, 1e-7)
        at_kink = abs(right - left) > 1e-5 * (abs(left) + abs(right) + here)
        if at_kink or min(abs(b - by_complex) for b in by_real) <= close:
            return Method("complex step by branches", complex_step, rtol, 0.0, exact.why)
    coarse, fine = central(f, x, v, RICHARDSON_STEP), central(f, x, v, RICHARDSON_STEP / 2)
    if abs(coarse - fine) <= 1e-3 * (abs(coarse) + abs(fine)):
        noise = 100 * EPS * here / RICHARDSON_STEP
        return Method("Richardson", richardson, 1e-8, noise, "h = 1e-3; its h⁴ and rounding")
    noise = 100 * EPS * here / CENTRAL_STEP
    return Method("central difference", central, 1e-6, noise, "h = ε^(1/3); its h² and rounding")
