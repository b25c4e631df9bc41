"""Scalar functions of generated modules: source that LLVM vectorises loops over.

Numba's own exp, log, tanh and erf call the C library once an element. These are polynomials after
a reduction of the range, without a branch; NaN, infinities, signs of zero and subnormal numbers
are kept. Each row says how far its function is from the exact one (tests/test_elementary.py
measures it, docs/numerics.md tells how).
"""

import re
from dataclasses import dataclass
from math import log, sqrt
from textwrap import dedent

import numpy as np

from symgrad.codegen.polynomials import POLYNOMIALS, horner, powers


@dataclass(frozen=True, slots=True)
class Function:
    """The source of one function of a generated module, and what else it needs.

    `ulps` bounds |f(x) − exact| / ulp(exact) for float32 and float64, where one is promised.
    """

    source: str
    needs: tuple[str, ...] = ()
    ulps: tuple[float, float] | None = None


#: log 2 as the sum of two numbers, the first so short that whole multiples of it are exact.
_LN2 = {
    "float64": (0.6931471803691238, 1.9082149292705877e-10),
    "float32": (0.693359375, -0.00021219444005469057),
}
#: How far the exponents of subnormal results are lifted, so that they can be powers of two.
_LIFT = {"float64": 64, "float32": 32}
#: Where erf rounds to one.
_ERF_ONE = {"float64": 6, "float32": 4}


def constants(dtype: str) -> dict[str, str]:
    """The numbers that the functions share, as source: name -> right side, in order."""
    info = np.finfo(dtype)
    bits = int(info.nmant)
    round_off = 1.5 * 2.0**bits
    return {
        "inf": "real(np.inf)",
        "log2_e": f"real({1 / log(2)!r})",
        "round_off": f"real({round_off!r})",
        "round_bits": f"whole({_bits(round_off, dtype)})",
        "ln2_high": f"real({_LN2[dtype][0]!r})",
        "ln2_low": f"real({_LN2[dtype][1]!r})",
        "mantissa": f"whole({bits})",
        "exponent_bias": f"whole({int(info.maxexp) - 1})",
        "exp_down": "whole(-1)",
        "exp_up": f"whole({_LIFT[dtype]})",
        "exp_drop": f"real({2.0 ** -_LIFT[dtype]!r})",
        "exp_most": f"real({log(float(info.max)) + 0.1!r})",
        "exp_least": f"real({log(2 * float(info.tiny))!r})",
        "exp_lowest": f"real({log(float(info.tiny)) - (bits + 2) * log(2)!r})",
        "forty": "real(40)",
        "little": f"real({2.0 ** -(bits + 2)!r})",
        "root_half": f"whole({_bits(0.5**0.5, dtype)})",
        "root_two": f"real({sqrt(2)!r})",
        "log_tiny": f"real({float(info.tiny)!r})",
        "log_lift": f"real({2.0 ** (bits + 1)!r})",
        "log_lifted": f"real({bits + 1})",
        "erf_one": f"real({_ERF_ONE[dtype]})",
    } | {
        power: f"real({coefficient!r})"
        for name in POLYNOMIALS
        for power, coefficient in powers(name, dtype).items()
    }


def _bits(value: float, dtype: str) -> int:
    whole = {"float32": np.int32, "float64": np.int64}[dtype]
    return int(np.array(value, dtype).view(whole))


_SOURCES = {
    "split": Function(
        """
        @_elementary
        def _split(x, shift):
            \"\"\"s, r, t, c with eˣ 2^shift = s (1 + r + t + c), c less than an ulp of r.\"\"\"
            n = x * log2_e + round_off
            k = n - round_off  # the whole number next to x / log 2; it is in the low bits of n
            y = x - k * ln2_high
            r = y - k * ln2_low  # x = k log 2 + r, |r| ≤ (log 2)/2
            c = (y - r) - k * ln2_low  # what rounding lost
            {p = exp by r}  # p = (eʳ − 1 − r)/r²
            s = whole((real(n).view(whole) + (exponent_bias + shift)) << mantissa).view(real)
            return s, r, r2 * p, c
        """
    ),
    "exp": Function(
        """
        @_elementary
        def _exp(x):
            low = x < exp_least  # where s would be no normal number
            x = exp_most if x > exp_most else exp_lowest if x < exp_lowest else x
            s, r, t, _ = _split(x, exp_up if low else exp_down)
            return (s + s * (r + t)) * (exp_drop if low else two)
        """,
        ("split",),
        (1.1, 1.1),
    ),
    "expm1": Function(
        """
        @_elementary
        def _expm1(x):
            s, r, t, c = _split(exp_most if x > exp_most else -forty if x < -forty else x, exp_down)
            u = (s * r + (s - half)) + s * (t + c)  # u = (eˣ − 1)/2
            return x if abs(x) < little else u + u
        """,
        ("split",),
        (1.5, 1.5),
    ),
    "tanh": Function(
        """
        @_elementary
        def _tanh(x):
            a = abs(x + x)
            s, r, t, c = _split(forty if a > forty else a, exp_down)
            u = (s * r + (s - half)) + s * (t + c)  # u = (exp|2x| − 1)/2
            w = one / (one + u)
            v = u * w  # v = u/(1 + u) = tanh|x|
            return math.copysign(v + w * ((u - v) - v * u), x)  # and what rounding lost
        """,
        ("split",),
        (2, 2),
    ),
    "sigmoid": Function(
        """
        @_elementary
        def _sigmoid(x):
            e = _exp(-abs(x))
            v = one if x > zero else e
            w = one / (one + e)
            t = v * w  # t = v/(1 + e)
            return t + w * ((v - t) - t * e)  # and what rounding lost
        """,
        ("exp",),
        (1.6, 1.6),
    ),
    "parts": Function(
        """
        @_elementary
        def _parts(y):
            \"\"\"n, k, f with y = 2ⁿ (1 + f), √½ ≤ 1 + f < √2, and k = n as a real number.\"\"\"
            bits = real(y).view(whole)
            n = whole(whole(bits - root_half) >> mantissa)
            f = whole(bits - whole(n << mantissa)).view(real) - one
            return n, whole(n + round_bits).view(real) - round_off, f
        """
    ),
    "sum_log": Function(
        """
        @_elementary
        def _sum_log(k, f, c):
            \"\"\"k log 2 + log(1 + f) + c, for a whole k and a tiny c.\"\"\"
            s = f / (two + f)
            z = s * s
            h = half * f * f
            {p = log by z}  # log(1 + f) = f − h + s (h + z p)
            return k * ln2_high - ((h - (s * (h + z * p) + (k * ln2_low + c))) - f)
        """
    ),
    "edges": Function(
        """
        @_elementary
        def _edges(y, v):
            \"\"\"v = log y, with what belongs to 0, ∞, NaN and negative y.\"\"\"
            v = v if y < inf else y
            v = v if y > zero else -inf
            return v if y >= zero else real(np.nan)
        """
    ),
    "log": Function(
        """
        @_elementary
        def _log(x):
            small = x < log_tiny
            n, k, f = _parts(x * log_lift if small else x)
            return _edges(x, _sum_log(k - log_lifted if small else k, f, zero))
        """,
        ("parts", "sum_log", "edges"),
        (0.9, 0.9),
    ),
    "log1p": Function(
        """
        @_elementary
        def _log1p(x):
            u = one + x
            n, k, f = _parts(u)
            c = x - (u - one)  # what rounding lost: 1 + x = u + c
            s = whole((exponent_bias - n - exp_down) << mantissa).view(real)
            c *= s * (half - half * f * (one - f))  # c/u: s = 2¹⁻ⁿ, 1/(1 + f) ≈ 1 − f + f²
            v = _edges(u, _sum_log(k, f, c))
            return x if abs(x) < little else v
        """,
        ("parts", "sum_log", "edges"),
        (1, 1),
    ),
    "softplus": Function(
        """
        @_elementary
        def _softplus(x):
            e = _exp(-abs(x))
            large = one + e > root_two
            f = half * (e - one) if large else e  # 1 + e = 2 (1 + f) or 1 + f
            v = _sum_log(one if large else zero, f, zero)
            return (x if x > zero else zero) + v
        """,
        ("exp", "sum_log"),
        (1.8, 1.8),
    ),
    "erf": Function(
        """
        @_elementary
        def _erf(x):
            a = erf_one if abs(x) > erf_one else abs(x)
            z = x * x
            {p = erf by z}  # p = erf(x)/x − 1
            {g = erfc by a}  # g = log(erfc|x|)/|x|
            s, r, t, c = _split(g * a, exp_down)
            u = (s * r + (s - half)) + s * (t + c)  # u = −erf|x|/2
            return x + x * p if a < one else math.copysign(u + u, x)
        """,
        ("split",),
        (1.6, 1.6),
    ),
    "relu": Function(
        """
        @_elementary
        def _relu(x):
            return zero if x <= zero else x
        """
    ),
    "maximum": Function(
        """
        @_elementary
        def _maximum(x, y):
            return x if x >= y or x != x else y
        """
    ),
    "minimum": Function(
        """
        @_elementary
        def _minimum(x, y):
            return x if x <= y or x != x else y
        """
    ),
    "above": Function(
        """
        @_elementary
        def _above(x, most):
            return (most == most) & (not x <= most)  # a NaN is above all, and the first one stays
        """
    ),
    "below": Function(
        """
        @_elementary
        def _below(x, least):
            return (least == least) & (not x >= least)
        """
    ),
    "sign": Function(
        """
        @_elementary
        def _sign(x):
            return one if x > zero else -one if x < zero else abs(x)
        """
    ),
    "square": Function(
        """
        @_elementary
        def _square(x):
            return x * x
        """
    ),
    "cube": Function(
        """
        @_elementary
        def _cube(x):
            return x * x * x
        """
    ),
    "where": Function(
        """
        @_elementary
        def _where(test, yes, no):
            return yes if test != zero else no
        """
    ),
} | {
    name: Function(
        f"""
        @_elementary
        def _{name}(x, y):
            return one if x {sign} y else zero
        """
    )
    for name, sign in (
        ("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="), ("eq", "=="), ("ne", "!="),
    )
} | {
    name: Function(
        f"""
        @_elementary
        def _{name}(x):
            return math.{called}(x)
        """
    )
    for name, called in (
        ("sin", "sin"), ("cos", "cos"), ("tan", "tan"), ("sinh", "sinh"), ("cosh", "cosh"),
        ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"), ("sqrt", "sqrt"),
    )
}  # fmt: skip


def needed(names: set[str]) -> list[str]:
    """The functions and all that they call, callees first, else in the order of the table."""
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        for inner in _SOURCES[name].needs:
            visit(inner)
        order[name] = None

    for name in _SOURCES:
        if name in names:
            visit(name)
    return list(order)


#: Where a source has a polynomial in it: "{p = exp by r}".
_PLACE = re.compile(r"( *)\{(\w+) = (\w+) by (\w+)\}")


def sources(names: set[str], dtype: str) -> list[str]:
    """The source of the functions of those names, for one dtype."""
    texts = [dedent(_SOURCES[name].source).strip() for name in needed(names)]
    return [_PLACE.sub(lambda place: horner(dtype, *place.groups()), text) for text in texts]


def used_constants(texts: list[str], dtype: str) -> dict[str, str]:
    """The shared numbers that those sources name."""
    words = set(re.findall(r"[A-Za-z_]\w*", "\n".join(texts)))
    return {name: value for name, value in constants(dtype).items() if name in words}


NAMES = frozenset(_SOURCES)
#: What is promised of those functions: name -> ulps in float32 and in float64.
ULPS = {name: row.ulps for name, row in _SOURCES.items() if row.ulps}
