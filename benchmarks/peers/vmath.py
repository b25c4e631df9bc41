# ruff: noqa: E402, E731
"""Branch-free, inlinable exp/tanh/sigmoid/softplus for Numba loops.

The PyPI llvmlite wheel (0.47, LLVM 20) is NOT built with the SVML patch, so `math.exp` in a
Numba loop is a scalar libm call and stops the loop vectorising.  These are plain polynomials;
LLVM inlines and vectorises them (AVX-512/AVX2/NEON), with no external library.
"""

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic


@intrinsic
def _bits64(tyctx, x):
    return types.int64(types.float64), lambda c, b, s, a: b.bitcast(a[0], ir.IntType(64))


@intrinsic
def _f64(tyctx, x):
    return types.float64(types.int64), lambda c, b, s, a: b.bitcast(a[0], ir.DoubleType())


@intrinsic
def _bits32(tyctx, x):
    return types.int32(types.float32), lambda c, b, s, a: b.bitcast(a[0], ir.IntType(32))


@intrinsic
def _f32(tyctx, x):
    return types.float32(types.int32), lambda c, b, s, a: b.bitcast(a[0], ir.FloatType())


def _cheb(f, lo, hi, deg):
    """near-minimax polynomial (power basis) of f on [lo,hi], in mpmath."""
    import mpmath as mp

    mp.mp.dps = 40
    c = mp.chebyfit(f, [lo, hi], deg + 1)
    return [float(v) for v in c[::-1]]


# Coefficients computed once by _cheb (see __main__), frozen here so that import needs no mpmath.
# expm1(r)/r on |r|<=ln2/2*1.01 ;  (atanh(s)/s - 1)/s^2 in t=s^2 on [0, .0296]
from ._vcoef import E32, E64, L32, L64

FM = {"contract", "nsz", "nnan", "ninf", "arcp"}  # no 'reassoc': keeps the range reduction exact
INLINE = {"fastmath": FM, "error_model": "numpy", "inline": "never"}


def make(dt):
    dt = np.dtype(dt)
    if dt == np.float64:
        T = np.float64
        bits, unb = _bits64, _f64
        I = np.int64
        C, L = E64, L64
        MAG = T(6755399441055744.0)
        SH = I(52)
        BIAS = I(1023)
        LN2H, LN2L = T(6.93147180369123816490e-01), T(1.90821492927058770002e-10)
        LO, HI = T(-708.0), T(709.0)
    else:
        T = np.float32
        bits, unb = _bits32, _f32
        I = np.int32
        C, L = E32, L32
        MAG = T(12582912.0)
        SH = I(23)
        BIAS = I(127)
        LN2H, LN2L = T(0.693359375), T(-2.12194440e-4)
        LO, HI = T(-87.0), T(88.0)
    LOG2E = T(1.4426950408889634)
    ONE, TWO, ZERO, HALF = T(1), T(2), T(0), T(0.5)
    LN2 = T(0.6931471805599453)
    UMID = T(0.41421356)
    # build Horner source with typed constants
    ns = {
        "T": T,
        "MAG": MAG,
        "LOG2E": LOG2E,
        "LN2H": LN2H,
        "LN2L": LN2L,
        "LO": LO,
        "HI": HI,
        "ONE": ONE,
        "TWO": TWO,
        "ZERO": ZERO,
        "HALF": HALF,
        "LN2": LN2,
        "UMID": UMID,
        "bits": bits,
        "unb": unb,
        "SH": SH,
        "BIAS": BIAS,
        "I": I,
        "abs": abs,
        "min": min,
        "max": max,
    }
    for i, c in enumerate(C):
        ns[f"c{i}"] = T(c)
    for i, c in enumerate(L):
        ns[f"l{i}"] = T(c)

    def horner(p, v, n):
        s = f"{p}{n - 1}"
        for i in range(n - 2, -1, -1):
            s = f"({s}*{v}+{p}{i})"
        return s

    src = f"""
def _red(x):
    t = x*LOG2E + MAG
    n = t - MAG
    r = x - n*LN2H
    r = r - n*LN2L
    p = r*{horner("c", "r", len(C))}
    s = unb(I((I(bits(t)) + BIAS) << SH))
    return p, s
def exp(x):
    x = min(max(x, LO), HI)
    p, s = red(x)
    return s*p + s
def expm1pos(x):
    p, s = red(x)
    return s*p + (s - ONE)
def tanh(x):
    a = min(abs(x+x), T(40.))
    p, s = red(a)
    e = s*p + (s - ONE)
    r = e/(e + TWO)
    return r if x >= ZERO else -r
def sigmoid(x):
    return ONE/(ONE + exp(-x))
def log1p01(u):
    big = u > UMID
    f = HALF*(u - ONE) if big else u
    s = f/(TWO + f)
    z = s*s
    v = TWO*s + TWO*s*z*{horner("l", "z", len(L))}
    return v + LN2 if big else v
def softplus(x):
    return max(x, ZERO) + log1p01(exp(-abs(x)))
def softplus_sigmoid(x):
    u = exp(-abs(x))
    q = ONE/(ONE + u)
    return max(x, ZERO) + log1p01(u), (q if x >= ZERO else u*q)
"""
    exec(src, ns)
    J = lambda f: nb.njit(**INLINE)(f)
    ns["red"] = J(ns["_red"])
    out = {}
    for k in ("exp", "tanh", "sigmoid", "log1p01", "softplus", "softplus_sigmoid"):
        ns[k] = out[k] = J(ns[k])

    class V:
        pass

    v = V()
    v.__dict__.update(out)
    v.T = T
    return v
