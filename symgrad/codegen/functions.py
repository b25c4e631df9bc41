"""Scalar functions of generated modules: source that LLVM vectorises loops over.

Numba's own exp, log and tanh call the C library once an element. These are polynomials after a
reduction of the range, within 2 ulp; NaN and infinities are kept, results below twice the least
normal number may be flushed to zero. Coefficients are Chebyshev fits (mpmath at 50 digits) of
(eʳ − 1 − r)/r² on |r| ≤ 1.01 (log 2)/2 and of 2 (artanh(s)/s − 1)/s² in s² on [0, 0.02945].
"""

from dataclasses import dataclass
from math import log
from textwrap import dedent

import numpy as np


@dataclass(frozen=True, slots=True)
class Function:
    """The source of one function of a generated module, and what else it needs."""

    source: str
    needs: tuple[str, ...] = ()


_EXP = {
    "float64": (
        1.6087177234380782e-10, 2.0918961837795778e-09, 2.5052069594795685e-08,
        2.755726102934377e-07, 2.7557319248633827e-06, 2.4801587338565345e-05,
        0.00019841269841262761, 0.0013888888888878269, 0.008333333333333333,
        0.04166666666666668, 0.16666666666666666, 0.5,
    ),
    "float32": (
        0.0001989198131397769, 0.0013934541928270264, 0.008333310024225292,
        0.04166645680967788, 0.16666666682534356, 0.5000000014286223,
    ),
}  # fmt: skip
_LOG = {
    "float64": (
        0.1308723619665962, 0.13268714792348096, 0.15386241881938595, 0.18181795600060793,
        0.22222222392089008, 0.28571428570801954, 0.4000000000000088, 0.6666666666666666,
    ),
    "float32": (0.2333096405177204, 0.2855080255327671, 0.4000012200081688, 0.6666666655430018),
}  # fmt: skip

#: log 2 as the sum of two numbers, the first so short that whole multiples of it are exact.
_LN2 = {
    "float64": (0.6931471803691238, 1.9082149292705877e-10),
    "float32": (0.693359375, -0.00021219444005469057),
}


def constants(dtype: str) -> dict[str, str]:
    """The numbers that the functions share, as source: name -> right side, in order."""
    info = np.finfo(dtype)
    bits = int(info.nmant)
    return {
        "inf": "real(np.inf)",
        "log2_e": f"real({1 / log(2)!r})",
        "round_off": f"real({1.5 * 2.0**bits!r})",
        "ln2_high": f"real({_LN2[dtype][0]!r})",
        "ln2_low": f"real({_LN2[dtype][1]!r})",
        "ln2": f"real({log(2)!r})",
        "least": f"real({log(2 * float(info.tiny))!r})",
        "most": f"real({log(float(info.max)) + 0.1!r})",
        "forty": "real(40)",
        "mantissa": f"whole({bits})",
        "bias": f"whole({int(info.maxexp) - 2})",
        "root_half": f"whole({_bits(0.5**0.5, dtype)})",
        "tiny": f"real({float(info.tiny)!r})",
        "lift": f"real({2.0 ** (bits + 1)!r})",
        "lifted": f"real({bits + 1})",
    }


def _bits(value: float, dtype: str) -> int:
    whole = {"float32": np.int32, "float64": np.int64}[dtype]
    return int(np.array(value, dtype).view(whole))


def _horner(table: tuple[float, ...], argument: str) -> str:
    """The polynomial with those coefficients, the highest first, as source."""
    text = f"real({table[0]!r})"
    for coefficient in table[1:]:
        text = f"({text} * {argument} + real({coefficient!r}))"
    return text[1:-1]


_SOURCES = {
    "split": Function(
        """
        @_elementary
        def _split(x):
            \"\"\"s, q with eˣ = 2 s (1 + q), s a power of two.\"\"\"
            t = x * log2_e + round_off
            k = t - round_off  # the whole number next to x / log 2; it is in the low bits of t
            r = (x - k * ln2_high) - k * ln2_low  # x = k log 2 + r, |r| ≤ (log 2)/2
            p = {exp_r}
            s = whole((real(t).view(whole) + bias) << mantissa).view(real)
            return s, r + r * r * p
        """
    ),
    "exp": Function(
        """
        @_elementary
        def _exp(x):
            s, q = _split(most if x > most else x)
            e = s + s * q
            return zero if x < least else e + e
        """,
        ("split",),
    ),
    "expm1": Function(
        """
        @_elementary
        def _expm1(x):
            s, q = _split(most if x > most else -forty if x < -forty else x)
            u = s * q + (s - half)
            return u + u
        """,
        ("split",),
    ),
    "tanh": Function(
        """
        @_elementary
        def _tanh(x):
            a = abs(x + x)
            s, q = _split(forty if a > forty else a)
            u = s * q + (s - half)  # u = (exp|2x| − 1)/2
            w = one / (one + u)
            t = u * w  # t = u/(1 + u) = tanh|x|, to 2.5 ulp
            t += w * ((u - t) - t * u)  # to 2 ulp
            return t if x > zero else -t
        """,
        ("split",),
    ),
    "sigmoid": Function(
        """
        @_elementary
        def _sigmoid(x):
            return one / (one + _exp(-x))
        """,
        ("exp",),
    ),
    "log": Function(
        """
        @_elementary
        def _log(x):
            small = x < tiny
            y = x * lift if small else x
            bits = real(y).view(whole)
            n = (bits - root_half) >> mantissa
            f = whole(bits - (n << mantissa)).view(real) - one  # y = 2ⁿ (1 + f), √½ ≤ 1 + f < √2
            k = real(n) - lifted if small else real(n)
            s = f / (two + f)
            z = s * s
            h = half * f * f
            p = {log_z}
            v = k * ln2_high - ((h - (s * (h + z * p) + k * ln2_low)) - f)
            v = v if x < inf else x
            v = v if x > zero else -inf
            return v if x >= zero else real(np.nan)
        """
    ),
    "log1p": Function(
        """
        @_elementary
        def _log1p(x):
            u = one + x
            v = _log(u)
            rest = (x - (u - one)) / u  # what rounding 1 + x lost
            return v + rest if zero < u < inf else v
        """,
        ("log",),
    ),
    "softplus": Function(
        """
        @_elementary
        def _softplus(x):
            u = _exp(-abs(x))
            f = half * (u - one) if u > half else u  # 1 + u = 1 + f, or 2 (1 + f)
            s = f / (two + f)
            z = s * s
            h = half * f * f
            v = f - (h - s * (h + z * {log_z}))
            return (x if x > zero else zero) + (v + ln2 if u > half else v)
        """,
        ("exp",),
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
    "sign": Function(
        """
        @_elementary
        def _sign(x):
            return one if x > zero else -one if x < zero else x
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
        ("arcsin", "asin"), ("arccos", "acos"), ("arctan", "atan"), ("erf", "erf"),
        ("sqrt", "sqrt"),
    )
}  # fmt: skip


def needed(names: set[str]) -> list[str]:
    """The functions and all that they call, callees first, in the order of the table."""
    found = set(names)
    stack = list(names)
    while stack:
        fresh = set(_SOURCES[stack.pop()].needs) - found
        found |= fresh
        stack += fresh
    order: list[str] = []

    def visit(name: str) -> None:
        for inner in _SOURCES[name].needs:
            visit(inner)
        if name not in order:
            order.append(name)

    for name in _SOURCES:
        if name in found:
            visit(name)
    return order


def sources(names: set[str], dtype: str) -> list[str]:
    """The source of the functions of those names, for one dtype."""
    fill = {"exp_r": _horner(_EXP[dtype], "r"), "log_z": f"({_horner(_LOG[dtype], chr(122))})"}
    texts = []
    for name in needed(names):
        text = dedent(_SOURCES[name].source).strip()
        for key, value in fill.items():
            text = text.replace("{" + key + "}", value)
        texts.append(text)
    return texts


def used_constants(texts: list[str], dtype: str) -> dict[str, str]:
    """The shared numbers that those sources name."""
    import re

    words = set(re.findall(r"[A-Za-z_]\w*", "\n".join(texts)))
    return {name: value for name, value in constants(dtype).items() if name in words}


NAMES = frozenset(_SOURCES)
