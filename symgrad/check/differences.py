"""Numerical derivatives along a direction, of any function of an array.

Each takes f, the point x and the direction v, and gives the derivative of f(x + t v) by t at t = 0;
f may have a number or an array as value. All compute in float64.

| formula | error | f |
| --- | --- | --- |
| complex_step | rounding alone | analytic, and computed so in complex numbers |
| richardson | h⁴ f⁽⁵⁾ + ε f / h | five times differentiable near x |
| central | h² f''' + ε f / h | three times differentiable near x |
| ridders | as it tells | any, with kinks as near as √ε, and of any rounding |

Squire, Trapp: Using complex variables to estimate derivatives of real functions (SIAM Rev. 1998);
Nocedal, Wright: Numerical Optimization (2nd ed. 2006), section 8.1; Ridders: Accurate computation
of F′(x) and F′(x)F″(x) (Adv. Eng. Softw. 1982).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Function = Callable[[Array], Any]

EPS = float(np.finfo(np.float64).eps)

#: Steps of the three formulas; the central one is relative to max(1, |x|).
COMPLEX_STEP = 1e-30
RICHARDSON_STEP = 1e-3
CENTRAL_STEP = EPS ** (1 / 3)


def complex_step(f: Function, x: Array, v: Array, h: float = COMPLEX_STEP) -> Any:
    """Im f(x + i h v) / h: nothing is subtracted, so h may be as small as one likes.

    >>> float(complex_step(np.exp, np.array(1.0), np.array(1.0)) - np.e)
    0.0
    """
    return np.imag(f(x + 1j * h * v)) / h


def central(f: Function, x: Array, v: Array, h: float | None = None) -> Any:
    """(f(x + h v) - f(x - h v)) / 2h, with h = ε^(1/3) max(1, |x|) without one."""
    step = CENTRAL_STEP * max(1.0, float(np.max(np.abs(x), initial=0.0))) if h is None else h
    return (f(x + step * v) - f(x - step * v)) / (2 * step)


def richardson(f: Function, x: Array, v: Array, h: float = RICHARDSON_STEP) -> Any:
    """Central differences at h and h/2, extrapolated: (4 D(h/2) - D(h)) / 3."""
    return (4 * central(f, x, v, h / 2) - central(f, x, v, h)) / 3


def ridders(f: Function, x: Array, v: Array, eps: float = EPS) -> tuple[float, float]:
    """Central differences at 0.1, 0.05 ... √ε, extrapolated to 0; and how far off that may be.

    Of Neville's scheme the entry whose error is least: by how much it differs from those that it
    was made of, and three times the rounding of f over its step. Rounding is what moves of a few ε
    change in f, so f may compute in a dtype of that ε.
    """
    scale = eps * max(1.0, float(np.max(np.abs(x), initial=0.0)))
    here = float(f(x))
    rounding = max(
        eps * abs(here), *(abs(float(f(x + k * scale * v)) - here) for k in (-3, -1, 2, 4))
    )
    best, least = float("nan"), float("inf")
    above: list[float] = []
    h = 0.1
    while h > eps**0.5 and not least <= 6 * rounding / h:
        row = [float(central(f, x, v, h))]
        for k, old in enumerate(above):
            row.append(row[k] + (row[k] - old) / (4 ** (k + 1) - 1))
            error = max(abs(row[k + 1] - row[k]), abs(row[k + 1] - old)) + 3 * rounding / h
            if error < least:
                best, least = row[k + 1], error
        above, h = row, h / 2
    return best, least


def one_sided(f: Function, x: Array, v: Array, h: float) -> tuple[Any, Any]:
    """The slopes to the left and to the right, each by one step of h: at a kink they differ."""
    here = f(x)
    return (here - f(x - h * v)) / h, (f(x + h * v) - here) / h


def norm_ratio(a: Array, b: Array) -> float:
    """‖a − b‖ / (‖a‖ + ‖b‖), as in courses: 0 for equal arrays, at most 1; 0 for two zeros."""
    whole = float(np.linalg.norm(a) + np.linalg.norm(b))
    return float(np.linalg.norm(np.subtract(a, b))) / whole if whole else 0.0


def taylor_order(f: Function, x: Array, v: Array, slope: Any) -> float:
    """The power p of |f(x + ε v) − f(x) − ε slope| ~ ε^p: 2 or more if the slope is right, else 1.

    The least-squares line through the remainders at the smallest steps that are still well above
    rounding, whose size is measured at steps where nothing but rounding is left. Infinite where all
    remainders are rounding: f is affine along v.

    Parameters
    ----------
    slope :  the derivative along v, to be judged; of the shape of f's value.
    """
    here = f(x)

    def remainder(step: float) -> float:
        return float(np.linalg.norm(np.ravel(f(x + step * v) - here - step * slope)))

    noise = max(remainder(step) for step in (1e-13, -1e-13, 3e-14))
    floor = 100 * max(noise, EPS * float(np.linalg.norm(np.ravel(here))))
    steps = 10.0 ** np.arange(-1, -9, -0.5)
    remainders = np.array([remainder(step) for step in steps])
    usable = np.flatnonzero(remainders > floor)[-6:]
    if len(usable) < 3:
        return float("inf")
    return float(np.polyfit(np.log(steps[usable]), np.log(remainders[usable]), 1)[0])
