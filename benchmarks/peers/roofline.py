# ruff: noqa: E731
"""Lower bounds, not peers.  ':gemm' runs only the BLAS calls a workload needs (same shapes, same
transposes, scipy's OpenBLAS called from one njit function); ':mem' streams as many elements as the
unavoidable elementwise passes read and write (triad)."""

import numpy as np
from numba import njit

from . import blas

UNVERIFIED = True


def build(c, D, variant):
    dt = D["X"].dtype if "X" in D else D["T"].dtype
    r = np.random.default_rng(0)
    e = lambda *s: r.standard_normal(s).astype(dt)
    if variant == "gemm":
        if not c.gemms:
            return None
        B = blas.make(dt)
        nn, tn, sy = B.nn, B.tn, B.syrk_t

        @njit
        def k(kind, A, Bm, C, n):
            for _ in range(n):
                if kind == 0:
                    nn(A, Bm, C, 0)
                elif kind == 1:
                    tn(A, Bm, C, 0)
                else:
                    sy(A, C)

        calls = []
        for m, kk, n, cnt in c.gemms:
            if cnt == 0.5:
                calls.append((2, e(kk, m), e(1, 1), e(m, n), 1))
                continue
            t = kk == c.dims.get("N", -1) or kk == c.dims.get("n", -1)
            calls.append(
                (1, e(kk, m), e(kk, n), e(m, n), int(cnt))
                if t
                else (0, e(m, kk), e(kk, n), e(m, n), int(cnt))
            )

        def f():
            for a in calls:
                k(*a)

        return f
    n = max(1, int(c.passes // 3))
    if c.passes == 0:
        return None
    a, b, o = e(n), e(n), e(n)

    @njit(fastmath=True)
    def triad(a, b, o):
        for i in range(a.size):
            o[i] = a[i] + b[i] * 2

    return lambda: triad(a, b, o)


def to_numpy(o):
    return []
