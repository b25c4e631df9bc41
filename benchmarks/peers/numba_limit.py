# ruff: noqa: E501, E731, F841, RUF059
"""The best hand-written Numba: one njit call for loss+gradients, preallocated workspace, fused
elementwise loops with polynomial transcendental functions, BLAS through cython_blas with beta.
variants:  ''   : BLAS threads = thread setting, loops on one thread
           'mt' : batch split over prange(nthreads), one-thread BLAS inside (W2,W3,W4a)
           'dot': like '' but only np.dot(a,b,out) and math.* functions (no intrinsics): what plain Numba gives
"""

import functools
import math
import os

import numba as nb
import numpy as np
from numba import njit, prange
from workloads import EPS, LAM

from . import blas, vmath

NT = int(os.environ.get("BENCH_THREADS", "1"))
OPT = {"fastmath": True, "error_model": "numpy", "boundscheck": False}


@functools.lru_cache(None)
def kit(dt, variant):
    """returns (nn, tn, nt, V) : gemms + vector math for the dtype"""
    dt = np.dtype(dt)
    if variant == "dot":

        @njit
        def nn(A, B, C, beta):
            np.dot(A, B, C)

        @njit
        def tn(A, B, C, beta):
            np.dot(A.T, B, C)

        @njit
        def nt(A, B, C, beta):
            np.dot(A, B.T, C)

        class V:
            pass

        v = V()
        v.exp = njit(lambda x: math.exp(x))
        v.tanh = njit(lambda x: math.tanh(x))
        v.sigmoid = njit(lambda x: 1 / (1 + math.exp(-x)))
        T = dt.type
        Z, O = T(0), T(1)

        @njit(**OPT)
        def sps(x):
            u = math.exp(-abs(x))
            return max(x, Z) + math.log1p(u), (O if x >= 0 else u) / (O + u)

        v.softplus_sigmoid = sps
        v.softplus = njit(lambda x: max(x, Z) + math.log1p(math.exp(-abs(x))))
        return nn, tn, nt, v
    b = blas.make(dt)
    return b.nn, b.tn, b.nt, vmath.make(dt)


@functools.lru_cache(None)
def softmax_ce(dt, V):
    T = np.dtype(dt).type
    exp = V.exp
    Z0, ONE = T(0), T(1)

    @njit(**OPT)
    def f(Z, b, y, scale):
        """Z += b ; returns sum of CE; Z becomes (softmax-onehot)*scale.  Class count is small."""
        n, c = Z.shape
        tot = 0.0
        for i in range(n):
            z = Z[i]
            m = z[0] + b[0]
            for j in range(c):
                z[j] += b[j]
                m = max(m, z[j])
            zy = z[y[i]]
            s = Z0
            for j in range(c):
                e = exp(z[j] - m)
                z[j] = e
                s += e
            r = scale / s
            for j in range(c):
                z[j] *= r
            z[y[i]] -= scale
            tot += math.log(s) + m - zy
        return tot

    return f


# ---------------------------------------------------------------- W1
def W1(c, D, variant):
    X, y, P = D["X"], D["y"], D["params"]
    N = len(y)
    th = np.concatenate([p.ravel() for p in P])
    g = np.zeros(14)
    V = vmath.make("float64")
    exp, lg = V.exp, V.log1p01
    if variant == "dot":
        exp, lg = njit(lambda x: math.exp(x)), njit(lambda x: math.log1p(x))
    A1 = nb.float64[::1]

    @njit(nb.float64(A1, nb.float64[:, ::1], A1, A1), **OPT)
    def k(th, X, y, g):
        a00, a01, a02, a10, a11, a12, b0, b1, b2, c0, c1, c2, d = (
            th[0],
            th[1],
            th[2],
            th[3],
            th[4],
            th[5],
            th[6],
            th[7],
            th[8],
            th[9],
            th[10],
            th[11],
            th[12],
        )
        g00 = g01 = g02 = g10 = g11 = g12 = e0 = e1 = e2 = f0 = f1 = f2 = h = loss = 0.0
        N = X.shape[0]
        r = 1.0 / N
        for i in range(N):
            x0, x1 = X[i, 0], X[i, 1]
            z0 = x0 * a00 + x1 * a10 + b0
            z1 = x0 * a01 + x1 * a11 + b1
            z2 = x0 * a02 + x1 * a12 + b2
            p0, p1, p2 = max(z0, 0.0), max(z1, 0.0), max(z2, 0.0)
            z = p0 * c0 + p1 * c1 + p2 * c2 + d
            u = exp(-abs(z))
            q = 1 / (1 + u)
            s = q if z >= 0 else u * q
            loss += max(z, 0.0) - z * y[i] + lg(u)
            dz = s - y[i]
            f0 += p0 * dz
            f1 += p1 * dz
            f2 += p2 * dz
            h += dz
            d0 = dz * c0 if z0 > 0 else 0.0
            d1 = dz * c1 if z1 > 0 else 0.0
            d2 = dz * c2 if z2 > 0 else 0.0
            g00 += x0 * d0
            g01 += x0 * d1
            g02 += x0 * d2
            g10 += x1 * d0
            g11 += x1 * d1
            g12 += x1 * d2
            e0 += d0
            e1 += d1
            e2 += d2
        g[0] = g00 * r
        g[1] = g01 * r
        g[2] = g02 * r
        g[3] = g10 * r
        g[4] = g11 * r
        g[5] = g12 * r
        g[6] = e0 * r
        g[7] = e1 * r
        g[8] = e2 * r
        g[9] = f0 * r
        g[10] = f1 * r
        g[11] = f2 * r
        g[12] = h * r
        return loss * r

    G = [g[0:6].reshape(2, 3), g[6:9], g[9:12].reshape(3, 1), g[12:13]]
    return lambda: (k(th, X, y, g), G)


# ---------------------------------------------------------------- W2
@functools.lru_cache(None)
def w2_kernels(dt, variant):
    nn, tn, nt, V = kit(dt, variant)
    sm = softmax_ce(dt, V)
    T = np.dtype(dt).type
    lam = T(LAM)
    Z0 = T(0)

    @njit(**OPT)
    def fb(X, y, A, a, B, b, H, Z, dH, gA, ga, gB, gb, scale):
        """un-normalised batch part: CE sum; gradients of scale*sum CE, no regulariser"""
        nn(X, A, H, 0)
        n, h = H.shape
        for i in range(n):
            for j in range(h):
                H[i, j] = max(H[i, j] + a[j], Z0)
        nn(H, B, Z, 0)
        loss = sm(Z, b, y, scale)
        tn(H, Z, gB, 0)
        nt(Z, B, dH, 0)
        for j in range(gb.size):
            gb[j] = Z0
        for i in range(n):
            for j in range(gb.size):
                gb[j] += Z[i, j]
        for j in range(h):
            ga[j] = Z0
        for i in range(n):
            for j in range(h):
                v = dH[i, j] if H[i, j] > Z0 else Z0
                dH[i, j] = v
                ga[j] += v
        tn(X, dH, gA, 0)
        return loss

    @njit(**OPT)
    def reg(W, gW):
        w = W.reshape(-1)
        g = gW.reshape(-1)
        s = Z0
        for i in range(w.size):
            v = w[i]
            s += v * v
            g[i] += lam * v
        return s

    @njit(**OPT)
    def b1(X, y, A, a, B, b, H, Z, dH, gA, ga, gB, gb, scale):
        """batch 1: matrix-vector sweeps; |A|^2 rides on the forward sweep, lam*A on the outer product"""
        n, h = A.shape
        hv = H[0]
        x = X[0]
        s = Z0
        dh = dH[0]
        for j in range(h):
            hv[j] = a[j]
        for i in range(0, n - 3, 4):
            x0, x1, x2, x3 = x[i], x[i + 1], x[i + 2], x[i + 3]
            for j in range(h):
                w0, w1, w2, w3 = A[i, j], A[i + 1, j], A[i + 2, j], A[i + 3, j]
                hv[j] += x0 * w0 + x1 * w1 + x2 * w2 + x3 * w3
                s += w0 * w0 + w1 * w1 + w2 * w2 + w3 * w3
        for i in range(n - n % 4, n):
            for j in range(h):
                hv[j] += x[i] * A[i, j]
                s += A[i, j] * A[i, j]
        for j in range(h):
            hv[j] = max(hv[j], Z0)
        z = Z[0]
        c = z.size
        for j in range(c):
            z[j] = Z0
        for i in range(h):
            for j in range(c):
                z[j] += hv[i] * B[i, j]
        loss = sm(Z, b, y, scale)
        for i in range(h):
            v = Z0
            hi = hv[i]
            for j in range(c):
                w = B[i, j]
                v += w * z[j]
                s += w * w
                gB[i, j] = hi * z[j] + lam * w
            dh[i] = v if hi > Z0 else Z0
            ga[i] = dh[i]
        for j in range(c):
            gb[j] = z[j]
        for i in range(n):
            xi = x[i]
            for j in range(h):
                gA[i, j] = xi * dh[j] + lam * A[i, j]
        return loss, s

    @njit(**OPT)
    def full(X, y, A, a, B, b, H, Z, dH, gA, ga, gB, gb):
        N = X.shape[0]
        if N == 1:
            l, s = b1(X, y, A, a, B, b, H, Z, dH, gA, ga, gB, gb, T(1))
            return l + 0.5 * LAM * s
        l = fb(X, y, A, a, B, b, H, Z, dH, gA, ga, gB, gb, T(1) / T(N))
        return l / N + 0.5 * LAM * (reg(A, gA) + reg(B, gB))

    return fb, reg, full


def W2(c, D, variant):
    dt = c.np_dtype if D["X"].dtype == c.np_dtype else D["X"].dtype
    N = len(D["X"])
    T = dt.type
    X, y, P = D["X"], D["y"], D["params"]
    e = lambda *s: np.empty(s, dt)
    fb, reg, full = w2_kernels(dt, "dot" if variant == "dot" else "")
    H, Z, dH, G = e(N, 128), e(N, 10), e(N, 128), [np.empty_like(p) for p in P]
    if variant == "mt":
        if N < 32:
            return None
        K = NT
        GG = [[np.empty_like(p) for p in P] for _ in range(K)]
        ga = np.stack([g[0] for g in GG])
        gb_ = [np.stack([g[i] for g in GG]) for i in range(4)]
        gA, gav, gB, gbv = gb_
        ls = np.zeros(8 * K)

        @njit(parallel=True, **OPT)
        def par(X, y, A, a, B, b, H, Z, dH, gA, ga, gB, gb, ls, oA, oa, oB, ob):
            K = gA.shape[0]
            N = X.shape[0]
            q = N // K
            for t in prange(K):
                s = t * q
                f = N if t == K - 1 else s + q
                ls[8 * t] = fb(
                    X[s:f],
                    y[s:f],
                    A,
                    a,
                    B,
                    b,
                    H[s:f],
                    Z[s:f],
                    dH[s:f],
                    gA[t],
                    ga[t],
                    gB[t],
                    gb[t],
                    T(1) / T(N),
                )
            nA = A.shape[0]
            qa = (nA + K - 1) // K
            for t in prange(K):
                r = T(0)
                for i in range(t * qa, min(nA, t * qa + qa)):
                    for j in range(A.shape[1]):
                        w = A[i, j]
                        v = T(LAM) * w
                        r += w * w
                        for u in range(K):
                            v += gA[u, i, j]
                        oA[i, j] = v
                ls[8 * t + 1] = r
            tot = 0.0
            r = 0.0
            for t in range(K):
                tot += ls[8 * t]
                r += ls[8 * t + 1]
            oB[:] = gB[0]
            oa[:] = ga[0]
            ob[:] = gb[0]
            for t in range(1, K):
                for i in range(B.shape[0]):
                    for j in range(B.shape[1]):
                        oB[i, j] += gB[t, i, j]
                for j in range(oa.size):
                    oa[j] += ga[t, j]
                for j in range(ob.size):
                    ob[j] += gb[t, j]
            return tot / N + 0.5 * LAM * (r + reg(B, oB))

        return lambda: (par(X, y, P[0], P[1], P[2], P[3], H, Z, dH, gA, gav, gB, gbv, ls, *G), G)
    return lambda: (full(X, y, P[0], P[1], P[2], P[3], H, Z, dH, *G), G)


# ---------------------------------------------------------------- W3
def W3(c, D, variant):
    X, Tg, P = D["X"], D["T"], D["params"]
    L, N, h = c.dims["L"], len(X), c.dims["H"]
    dt = X.dtype
    T = dt.type
    nn, tn, nt, V = kit(dt, variant)
    tanh = V.tanh
    Z0, ONE = T(0), T(1)
    W = np.stack(P[0::2])
    b = np.stack(P[1::2])
    gW, gb = np.empty_like(W), np.empty_like(b)

    @njit(**OPT)
    def bias_tanh(A, b):
        for i in range(A.shape[0]):
            for j in range(A.shape[1]):
                A[i, j] = tanh(A[i, j] + b[j])

    @njit(**OPT)
    def dact(dA, A, gb):
        for j in range(gb.size):
            gb[j] = Z0
        for i in range(A.shape[0]):
            for j in range(A.shape[1]):
                v = dA[i, j] * (ONE - A[i, j] * A[i, j])
                dA[i, j] = v
                gb[j] += v

    @njit(**OPT)
    def fb(X, Tg, W, b, A, d0, d1, gW, gb, scale):
        L = W.shape[0]
        nn(X, W[0], A[0], 0)
        bias_tanh(A[0], b[0])
        for l in range(1, L):
            nn(A[l - 1], W[l], A[l], 0)
            bias_tanh(A[l], b[l])
        s = Z0
        O = A[L - 1]
        for i in range(O.shape[0]):
            for j in range(O.shape[1]):
                e = O[i, j] - Tg[i, j]
                s += e * e
                d0[i, j] = T(2) * scale * e
        cur, oth = d0, d1
        for l in range(L - 1, 0, -1):
            dact(cur, A[l], gb[l])
            tn(A[l - 1], cur, gW[l], 0)
            nt(cur, W[l], oth, 0)
            cur, oth = oth, cur
        dact(cur, A[0], gb[0])
        tn(X, cur, gW[0], 0)
        return s

    G = [v for l in range(L) for v in (gW[l], gb[l])]
    A = np.empty((L, N, h), dt)
    d0, d1 = np.empty((N, h), dt), np.empty((N, h), dt)
    if variant == "mt":
        K = NT
        q = N // K
        A = np.empty((K, L, q, h), dt)
        gWk = np.empty((K, *W.shape), dt)
        gbk = np.empty((K, *b.shape), dt)
        ls = np.zeros(8 * K)

        @njit(parallel=True, **OPT)
        def par(X, Tg, W, b, A, d0, d1, gWk, gbk, gW, gb, ls):
            K = A.shape[0]
            N = X.shape[0]
            q = N // K
            for t in prange(K):
                s = t * q
                ls[8 * t] = fb(
                    X[s : s + q],
                    Tg[s : s + q],
                    W,
                    b,
                    A[t],
                    d0[s : s + q],
                    d1[s : s + q],
                    gWk[t],
                    gbk[t],
                    T(1) / T(N * W.shape[2]),
                )
            for l in prange(W.shape[0]):
                for i in range(W.shape[1]):
                    for j in range(W.shape[2]):
                        v = gWk[0, l, i, j]
                        for u in range(1, K):
                            v += gWk[u, l, i, j]
                        gW[l, i, j] = v
                for j in range(W.shape[2]):
                    v = gbk[0, l, j]
                    for u in range(1, K):
                        v += gbk[u, l, j]
                    gb[l, j] = v
            s = 0.0
            for t in range(K):
                s += ls[8 * t]
            return s / (N * W.shape[2])

        return lambda: (par(X, Tg, W, b, A, d0, d1, gWk, gbk, gW, gb, ls), G)
    sc = T(1.0 / (N * h))

    @njit(**OPT)
    def full(X, Tg, W, b, A, d0, d1, gW, gb):
        return fb(X, Tg, W, b, A, d0, d1, gW, gb, sc) * sc

    return lambda: (full(X, Tg, W, b, A, d0, d1, gW, gb), G)


# ---------------------------------------------------------------- W4a
def W4a(c, D, variant):
    X, Tg, P = D["X"], D["T"], D["params"]
    dt = X.dtype
    T = dt.type
    N, d = X.shape
    h = c.dims["H"]
    nn, tn, nt, V = kit(dt, variant)
    tanh = V.tanh
    k0, k1, k3, HF, ONE, Z0, TWO = (
        T(math.sqrt(2 / math.pi)),
        T(0.044715),
        T(3 * 0.044715),
        T(0.5),
        T(1),
        T(0),
        T(2),
    )

    @njit(**OPT)
    def fb(X, Tg, g, be, A, a, B, b, XH, Y, U, Dg, O, gg, gbe, gA, ga, gB, gb, sc):
        N, d = X.shape
        h = A.shape[1]
        rd = T(1) / T(d)
        for i in range(N):
            s = Z0
            for j in range(d):
                s += X[i, j]
            mu = s * rd
            s = Z0
            for j in range(d):
                v = X[i, j] - mu
                s += v * v
            inv = ONE / math.sqrt(s * rd + T(EPS))
            for j in range(d):
                v = (X[i, j] - mu) * inv
                XH[i, j] = v
                Y[i, j] = v * g[j] + be[j]
        nn(Y, A, U, 0)
        for i in range(N):
            for j in range(h):
                u = U[i, j] + a[j]
                u2 = u * u
                t = tanh(k0 * (u + k1 * u2 * u))
                p = HF * (ONE + t)
                U[i, j] = u * p
                Dg[i, j] = p + HF * u * (ONE - t * t) * k0 * (ONE + k3 * u2)
        nn(U, B, O, 0)
        s = Z0
        for j in range(d):
            gb[j] = Z0
        for i in range(N):
            for j in range(d):
                e = X[i, j] + O[i, j] + b[j] - Tg[i, j]
                s += e * e
                e *= TWO * sc
                O[i, j] = e
                gb[j] += e
        tn(U, O, gB, 0)
        nt(O, B, U, 0)
        for j in range(h):
            ga[j] = Z0
        for i in range(N):
            for j in range(h):
                v = U[i, j] * Dg[i, j]
                U[i, j] = v
                ga[j] += v
        tn(Y, U, gA, 0)
        nt(U, A, Y, 0)
        for j in range(d):
            gg[j] = Z0
            gbe[j] = Z0
        for i in range(N):
            for j in range(d):
                v = Y[i, j]
                gbe[j] += v
                gg[j] += v * XH[i, j]
        return s

    e = lambda *s: np.empty(s, dt)
    WS = [e(N, d), e(N, d), e(N, h), e(N, h), e(N, d)]
    G = [np.empty_like(p) for p in P]
    sc = T(1 / (N * d))
    if variant == "mt":
        K = NT
        GK = [np.empty((K, *p.shape), dt) for p in P]
        ls = np.zeros(8 * K)

        @njit(parallel=True, **OPT)
        def par(
            X,
            Tg,
            g,
            be,
            A,
            a,
            B,
            b,
            XH,
            Y,
            U,
            Dg,
            O,
            kg,
            kbe,
            kA,
            ka,
            kB,
            kb,
            gg,
            gbe,
            gA,
            ga,
            gB,
            gb,
            ls,
        ):
            K = kA.shape[0]
            N = X.shape[0]
            q = N // K
            for t in prange(K):
                s = t * q
                f = s + q
                ls[8 * t] = fb(
                    X[s:f],
                    Tg[s:f],
                    g,
                    be,
                    A,
                    a,
                    B,
                    b,
                    XH[s:f],
                    Y[s:f],
                    U[s:f],
                    Dg[s:f],
                    O[s:f],
                    kg[t],
                    kbe[t],
                    kA[t],
                    ka[t],
                    kB[t],
                    kb[t],
                    sc,
                )
            for i in prange(A.shape[0]):
                for j in range(A.shape[1]):
                    gA[i, j] = kA[0, i, j] + kA[1, i, j]
            for i in prange(B.shape[0]):
                for j in range(B.shape[1]):
                    gB[i, j] = kB[0, i, j] + kB[1, i, j]
            for j in range(gg.size):
                gg[j] = kg[0, j] + kg[1, j]
                gbe[j] = kbe[0, j] + kbe[1, j]
                gb[j] = kb[0, j] + kb[1, j]
            for j in range(ga.size):
                ga[j] = ka[0, j] + ka[1, j]
            return (ls[0] + ls[8]) * sc

        return lambda: (par(X, Tg, *P, *WS, *GK, *G, ls), G)

    @njit(**OPT)
    def full(X, Tg, g, be, A, a, B, b, XH, Y, U, Dg, O, gg, gbe, gA, ga, gB, gb):
        return fb(X, Tg, g, be, A, a, B, b, XH, Y, U, Dg, O, gg, gbe, gA, ga, gB, gb, sc) * sc

    return lambda: (full(X, Tg, *P, *WS, *G), G)


# ---------------------------------------------------------------- W4b
def W4b(c, D, variant):
    if variant == "mt":
        return None
    X, Tg, M, P = D["X"], D["T"], D["mask"], D["params"]
    dt = X.dtype
    T = dt.type
    N, d = X.shape
    h = c.dims["H"]
    nn, tn, nt, V = kit(dt, variant)
    sps = V.softplus_sigmoid
    Z0, ONE, TWO = T(0), T(1), T(2)
    rN = T(1 / N)
    sc = T(1 / (N * d))

    @njit(**OPT)
    def full(X, Tg, M, A, g, be, B, b, U, S, Q, O, mu, inv, gA, gg, gbe, gB, gb):
        N, d = X.shape
        h = A.shape[1]
        nn(X, A, U, 0)
        for j in range(h):
            mu[j] = Z0
            inv[j] = Z0
        for i in range(N):
            for j in range(h):
                mu[j] += U[i, j]
        for j in range(h):
            mu[j] *= rN
        for i in range(N):
            for j in range(h):
                v = U[i, j] - mu[j]
                inv[j] += v * v
        for j in range(h):
            inv[j] = ONE / math.sqrt(inv[j] * rN + T(EPS))
        for i in range(N):
            for j in range(h):
                x = (U[i, j] - mu[j]) * inv[j]
                U[i, j] = x
                p, q = sps(g[j] * x + be[j])
                m = M[i, j]
                S[i, j] = p * m
                Q[i, j] = q * m
        nn(S, B, O, 0)
        s = Z0
        for j in range(d):
            gb[j] = Z0
        for i in range(N):
            for j in range(d):
                e = O[i, j] + b[j] - Tg[i, j]
                s += e * e
                e *= TWO * sc
                O[i, j] = e
                gb[j] += e
        tn(S, O, gB, 0)
        nt(O, B, S, 0)
        for j in range(h):
            gg[j] = Z0
            gbe[j] = Z0
        for i in range(N):
            for j in range(h):
                v = S[i, j] * Q[i, j]
                S[i, j] = v
                gbe[j] += v
                gg[j] += v * U[i, j]
        for j in range(h):
            inv[j] *= g[j]
        for i in range(N):
            for j in range(h):
                S[i, j] = inv[j] * (S[i, j] - rN * (gbe[j] + U[i, j] * gg[j]))
        tn(X, S, gA, 0)
        return s * sc

    e = lambda *s: np.empty(s, dt)
    WS = [e(N, h), e(N, h), e(N, h), e(N, d), e(h), e(h)]
    G = [np.empty_like(p) for p in P]
    return lambda: (full(X, Tg, M, *P, *WS, *G), G)


# ---------------------------------------------------------------- W4c
def W4c(c, D, variant):
    X, (a, b) = D["X"], D["params"]
    dt = X.dtype
    T = dt.type
    n = X.size
    ga, gb = np.empty_like(a), np.empty_like(b)
    _, _, _, V = kit(dt, variant)
    tanh, sig = V.tanh, V.sigmoid
    rn, ONE, Z0 = T(1 / n), T(1), T(0)

    @njit(**OPT)
    def part(a, b, X, ga, gb):
        acc = Z0
        for i in range(X.size):
            x = X[i]
            t = tanh(a[i] * x + b[i])
            g = sig(b[i] * x)
            acc += t * g
            dt = g * (ONE - t * t) * rn
            ds = t * g * (ONE - g) * rn
            ga[i] = dt * x
            gb[i] = dt + ds * x
        return acc

    @njit(parallel=variant == "mt", **OPT)
    def k(a, b, X, ga, gb):
        s = 0.0
        nb_ = 64
        q = (X.size + nb_ - 1) // nb_
        for c in prange(nb_):
            # slice, then loop from 0: with a start of unknown sign Numba adds wrap-around tests and LLVM stops vectorising
            s += part(
                a[c * q : c * q + q],
                b[c * q : c * q + q],
                X[c * q : c * q + q],
                ga[c * q : c * q + q],
                gb[c * q : c * q + q],
            )
        return s / X.size

    G = [ga, gb]
    return lambda: (k(a, b, X, ga, gb), G)


# ---------------------------------------------------------------- W5
def W5a(c, D, variant):
    if variant == "mt":
        return None
    X, y, (w,) = D["X"], D["y"], D["params"]
    dt = X.dtype
    T = dt.type
    n, d = X.shape
    nn, tn, nt, V = kit(dt, variant)
    exp = V.exp
    B = blas.make(dt)
    syrk = B.syrk_t
    plain = variant == "dot"
    ONE = T(1)

    @njit(**OPT)
    def k(X, y, w, S, m, H):
        n, d = X.shape
        for i in range(n):
            v = T(0)
            for j in range(d):
                v += X[i, j] * w[j]
            u = exp(-abs(v))
            q = math.sqrt(u) / (ONE + u)  # sqrt(s(1-s)); symmetric in the sign, y drops out
            for j in range(d):
                S[i, j] = X[i, j] * q
        if plain:
            tn(S, S, H, 0)
        else:
            syrk(S, H)
            for i in range(d):
                for j in range(i + 1, d):
                    H[i, j] = H[j, i]
        return 0

    S, m, H = np.empty_like(X), np.empty(n, dt), np.empty((d, d), dt)

    def f():
        k(X, y, w, S, m, H)
        return None, (H,)

    return f


def W5b(c, D, variant):
    if variant == "mt":
        return None
    U, V = D["params"][0], D["Vm"]
    n, k_ = U.shape
    H = np.zeros((n * k_, n * k_))
    C = np.empty((k_, k_))
    comp = variant == "compressed"

    @njit(**OPT)
    def k(V, C, H):
        q = C.shape[0]
        m = V.shape[0]
        for a in range(q):
            for b in range(a + 1):
                s = 0.0
                for i in range(m):
                    s += V[i, a] * V[i, b]
                C[a, b] = 2 * s
                C[b, a] = 2 * s
        if comp:
            return
        for i in range(H.shape[0] // q):  # off-diagonal zeros are written once, at allocation
            for a in range(q):
                for b in range(q):
                    H[i * q + a, i * q + b] = C[a, b]

    if comp:

        def f():
            k(V, C, H)
            return None, (np.kron(np.eye(n), C),) if f.check else (C,)

        f.check = False
        return f

    def f():
        k(V, C, H)
        return None, (H,)

    return f


def W5c(c, D, variant):
    if variant == "mt":
        return None
    X, y, (A, a, B, b) = D["X"], D["y"], D["params"]
    dt = X.dtype
    T = dt.type
    N, I, H, O = (c.dims[k] for k in "NIHO")
    nn, tn, nt, V = kit(dt, variant)
    tanh = V.tanh
    sm = softmax_ce(dt, V)
    rN = T(1 / N)
    nI, nH = I * (I + 1) // 2, H * (H + 1) // 2

    @njit(**OPT)
    def k(X, y, A, a, B, b, h, Z, XX, M, R, BP, s, Hs):
        N, I = X.shape
        H = A.shape[1]
        O = B.shape[1]
        nn(X, A, h, 0)
        for i in range(N):
            for j in range(H):
                h[i, j] = tanh(h[i, j] + a[j])
        nn(h, B, Z, 0)
        sm(Z, b, y, rN)  # Z = (p-1_y)/N
        for n in range(N):
            q = 0
            for i in range(I):
                for j in range(i + 1):
                    XX[n, q + j] = X[n, i] * X[n, j]
                q += i + 1
            yy = y[n]
            for i in range(H):
                t = T(0)
                g = T(0)
                for o in range(O):
                    z = Z[n, o]
                    p = z + (rN if o == yy else T(0))
                    v = B[i, o] * p
                    BP[i, o] = v
                    t += v
                    g += z * B[i, o]
                s[i] = t
                s[H + i] = g
            q = 0
            for i in range(H):
                di = T(1) - h[n, i] * h[n, i]
                si = s[i] * T(N)
                for j in range(i + 1):
                    v = T(0)
                    for o in range(O):
                        v += BP[i, o] * B[j, o]
                    M[n, q + j] = (v - si * s[j]) * di * (T(1) - h[n, j] * h[n, j])
                M[n, q + i] += s[H + i] * (-T(2) * h[n, i] * di)
                q += i + 1
        tn(XX, M, R, 0)
        q = 0
        for i in range(I):
            for k in range(i + 1):
                r = R[q]
                q += 1
                u = 0
                for j in range(H):
                    for l in range(j + 1):
                        v = r[u]
                        u += 1
                        Hs[i * H + j, k * H + l] = v
                        Hs[i * H + l, k * H + j] = v
                        Hs[k * H + l, i * H + j] = v
                        Hs[k * H + j, i * H + l] = v

    e = lambda *s: np.empty(s, dt)
    Hs = e(I * H, I * H)
    W = [e(N, H), e(N, O), e(N, nI), e(N, nH), e(nI, nH), e(H, O), e(2 * H)]

    def f():
        k(X, y, A, a, B, b, *W, Hs)
        return None, (Hs,)

    return f


def W5d(c, D, variant):
    if variant == "mt":
        return None
    X, y, P, Vv = D["X"], D["y"], D["params"], D["V"]
    dt = X.dtype
    T = dt.type
    N = len(y)
    nn, tn, nt, V = kit(dt, variant)
    sm = softmax_ce(dt, V)
    lam, Z0, rN = T(LAM), T(0), T(1 / N)
    plain = variant == "dot"

    @njit(**OPT)
    def k(X, y, A, a, B, b, VA, va, VB, vb, H, RH, Z, RZ, dH, gB2, gA, ga, gB, gb, dH2, RZ2):
        nn(X, A, H, 0)
        nn(X, VA, RH, 0)
        n, h = H.shape
        c = Z.shape[1]
        for i in range(n):
            for j in range(h):
                z = H[i, j] + a[j]
                m = z > Z0
                H[i, j] = z if m else Z0
                RH[i, j] = RH[i, j] + va[j] if m else Z0
        nn(H, B, Z, 0)
        nn(H, VB, RZ, 0)
        if plain:
            nn(RH, B, RZ2, 0)
            for i in range(n):
                for j in range(c):
                    RZ[i, j] += RZ2[i, j]
        else:
            nn(RH, B, RZ, 1)
        sm(Z, b, y, rN)
        for j in range(c):
            gb[j] = Z0
        for i in range(n):
            s = Z0
            yy = y[i]
            for j in range(c):
                p = Z[i, j] + (rN if j == yy else Z0)
                r = (RZ[i, j] + vb[j]) * p
                RZ[i, j] = r
                s += r
            s *= T(n)
            for j in range(c):
                v = RZ[i, j] - (Z[i, j] + (rN if j == yy else Z0)) * s
                RZ[i, j] = v
                gb[j] += v
        tn(RH, Z, gB, 0)
        nt(RZ, B, dH, 0)
        if plain:
            tn(H, RZ, gB2, 0)
            nt(Z, VB, dH2, 0)
            for i in range(h):
                for j in range(c):
                    gB[i, j] += gB2[i, j]
            for i in range(n):
                for j in range(h):
                    dH[i, j] += dH2[i, j]
        else:
            tn(H, RZ, gB, 1)
            nt(Z, VB, dH, 1)
        for i in range(h):
            for j in range(c):
                gB[i, j] += lam * VB[i, j]
        for j in range(h):
            ga[j] = Z0
        for i in range(n):
            for j in range(h):
                v = dH[i, j] if H[i, j] > Z0 else Z0
                dH[i, j] = v
                ga[j] += v
        tn(X, dH, gA, 0)
        for i in range(gA.shape[0]):
            for j in range(h):
                gA[i, j] += lam * VA[i, j]

    e = lambda *s: np.empty(s, dt)
    G = [np.empty_like(p) for p in P]
    W = [e(N, 128), e(N, 128), e(N, 10), e(N, 10), e(N, 128), e(128, 10)]
    W2 = [e(N, 128), e(N, 10)]

    def f():
        k(X, y, *P, *Vv, *W, *G, *W2)
        return None, G

    return f


# ---------------------------------------------------------------- W6
def W6(c, D, variant):
    if variant == "mt":
        return None
    X, y, (Kk, kb, W, b) = D["X"], D["y"], D["params"]
    dt = X.dtype
    T = dt.type
    N = len(y)
    nn, tn, nt, V = kit(dt, variant)
    sm = softmax_ce(dt, V)
    Z0 = T(0)
    rN = T(1 / N)

    @njit(**OPT)
    def k(X, y, K2, kb, W, b, XT, col, C, Fl, ix, Z, dF, gK, gkb, gW, gb):
        N = X.shape[0]
        IC = X.shape[1]
        OC = C.shape[0]
        Q = K2.shape[1]
        for n in range(N):
            # im2col (72 x 784), border zeros are permanent in col
            for ic in range(IC):
                for ky in range(3):
                    for kx in range(3):
                        r = col[n, (ic * 3 + ky) * 3 + kx]
                        lo = max(0, 1 - kx)
                        w = min(28, 29 - kx) - lo
                        for yy in range(max(0, 1 - ky), min(28, 29 - ky)):
                            dst = r[yy * 28 + lo : yy * 28 + lo + w]
                            src = X[n, ic, yy + ky - 1, lo + kx - 1 : lo + kx - 1 + w]
                            for xx in range(dst.size):
                                dst[xx] = src[xx]
            nn(K2, col[n], C, 0)
            for oc in range(OC):
                cr = C[oc]
                kbv = kb[oc]
                for py in range(14):
                    for px in range(14):
                        o = py * 56 + 2 * px
                        m = cr[o]
                        i = o
                        if cr[o + 1] > m:
                            m = cr[o + 1]
                            i = o + 1
                        if cr[o + 28] > m:
                            m = cr[o + 28]
                            i = o + 28
                        if cr[o + 29] > m:
                            m = cr[o + 29]
                            i = o + 29
                        m += kbv
                        f = oc * 196 + py * 14 + px
                        if m > Z0:
                            Fl[n, f] = m
                            ix[n, f] = i
                        else:
                            Fl[n, f] = Z0
                            ix[n, f] = -1
        nn(Fl, W, Z, 0)
        loss = sm(Z, b, y, rN)
        tn(Fl, Z, gW, 0)
        nt(Z, W, dF, 0)
        for j in range(gb.size):
            gb[j] = Z0
        for i in range(N):
            for j in range(gb.size):
                gb[j] += Z[i, j]
        for oc in range(OC):
            gkb[oc] = Z0
        for n in range(N):
            for oc in range(OC):
                cr = C[oc]
                for i in range(784):
                    cr[i] = Z0
                s = Z0
                for p in range(196):
                    i = ix[n, oc * 196 + p]
                    if i >= 0:
                        v = dF[n, oc * 196 + p]
                        cr[i] = v
                        s += v
                gkb[oc] += s
            nt(C, col[n], gK, 1 if n else 0)
        return loss * rN

    K2 = Kk.reshape(16, 72)
    e = lambda *s: np.empty(s, dt)
    gK = e(16, 72)
    gkb, gW, gb = e(16), np.empty_like(W), np.empty_like(b)
    XT, col, C, Fl, ix, Z, dF = (
        e(1),
        np.zeros((N, 72, 784), dt),
        e(16, 784),
        e(N, 3136),
        np.empty((N, 3136), np.int32),
        e(N, 10),
        e(N, 3136),
    )
    if variant == "dot":
        return None
    G = [gK.reshape(16, 8, 3, 3), gkb, gW, gb]
    return lambda: (k(X, y, K2, kb, W, b, XT, col, C, Fl, ix, Z, dF, gK, gkb, gW, gb), G)


BUILD = {k: v for k, v in globals().items() if k[0] == "W" and k[1].isdigit()}


def build(c, D, variant=""):
    if variant == "mt" and (NT == 1 or c.fam not in ("W2", "W3", "W4a", "W4c")):
        return None
    if variant == "compressed" and c.fam != "W5b":
        return None
    return BUILD[c.fam](c, D, variant)


def to_numpy(o):
    r = [np.array(x) for x in o[1]]
    return r if o[0] is None else [np.array(o[0]), *r]
