# ruff: noqa: RUF059
"""Textbook hand-written NumPy (allocating; what a careful person writes first)."""

import numpy as np
from workloads import EPS, LAM


def _sm(Z, y):
    N = len(y)
    M = Z.max(1, keepdims=True)
    E = np.exp(Z - M)
    S = E.sum(1, keepdims=True)
    loss = np.mean(np.log(S[:, 0]) + M[:, 0] - Z[np.arange(N), y])
    P = E / S
    dZ = P.copy()
    dZ[np.arange(N), y] -= 1
    dZ /= N
    return loss, dZ, P


def W1(c, D):
    X, y, (A, a, B, b) = D["X"], D["y"], D["params"]
    N = len(y)

    def f():
        Z = X @ A + a
        H = np.maximum(Z, 0)
        z = (H @ B + b)[:, 0]
        loss = np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z))))
        dz = ((1 / (1 + np.exp(-z)) - y) / N)[:, None]
        dH = dz @ B.T
        dZ = dH * (Z > 0)
        return loss, X.T @ dZ, dZ.sum(0), H.T @ dz, dz.sum(0)

    return f


def W2(c, D):
    X, y, (A, a, B, b) = D["X"], D["y"], D["params"]

    def f():
        Z = X @ A + a
        H = np.maximum(Z, 0)
        O = H @ B + b
        loss, dO, _ = _sm(O, y)
        loss += LAM / 2 * (np.sum(A * A) + np.sum(B * B))
        dH = dO @ B.T
        dZ = dH * (Z > 0)
        return loss, X.T @ dZ + LAM * A, dZ.sum(0), H.T @ dO + LAM * B, dO.sum(0)

    return f


def W3(c, D):
    X, T, P = D["X"], D["T"], D["params"]
    L = c.dims["L"]

    def f():
        As = [X]
        for l in range(L):
            As.append(np.tanh(As[-1] @ P[2 * l] + P[2 * l + 1]))
        E = As[-1] - T
        loss = np.mean(E * E)
        dA = E * (2 / E.size)
        G = [None] * (2 * L)
        for l in range(L - 1, -1, -1):
            dZ = dA * (1 - As[l + 1] ** 2)
            G[2 * l] = As[l].T @ dZ
            G[2 * l + 1] = dZ.sum(0)
            if l:
                dA = dZ @ P[2 * l].T
        return [loss, *G]

    return f


K0, K1 = np.sqrt(2 / np.pi), 0.044715


def W4a(c, D):
    X, T, (g, be, A, a, B, b) = D["X"], D["T"], D["params"]
    k0, k1 = X.dtype.type(K0), X.dtype.type(K1)

    def f():
        mu = X.mean(1, keepdims=True)
        Xc = X - mu
        inv = 1 / np.sqrt((Xc * Xc).mean(1, keepdims=True) + EPS)
        xh = Xc * inv
        Y = xh * g + be
        U = Y @ A + a
        t = np.tanh(k0 * (U + k1 * U * U * U))
        G = 0.5 * U * (1 + t)
        O = X + G @ B + b
        E = O - T
        loss = np.mean(E * E)
        dO = E * (2 / E.size)
        dG = dO @ B.T
        dU = dG * (0.5 * (1 + t) + 0.5 * U * (1 - t * t) * k0 * (1 + 3 * k1 * U * U))
        dY = dU @ A.T
        return loss, (dY * xh).sum(0), dY.sum(0), Y.T @ dU, dU.sum(0), G.T @ dO, dO.sum(0)

    return f


def W4b(c, D):
    X, T, m, (A, g, be, B, b) = D["X"], D["T"], D["mask"], D["params"]
    N = len(X)

    def f():
        U = X @ A
        mu = U.mean(0)
        Uc = U - mu
        inv = 1 / np.sqrt((Uc * Uc).mean(0) + EPS)
        xh = Uc * inv
        V = g * xh + be
        S = np.logaddexp(V, 0) * m
        O = S @ B + b
        E = O - T
        loss = np.mean(E * E)
        dO = E * (2 / E.size)
        dV = (dO @ B.T) * m * (1 / (1 + np.exp(-V)))
        dg = (dV * xh).sum(0)
        db = dV.sum(0)
        dU = (g * inv / N) * (N * dV - db - xh * dg)
        return loss, X.T @ dU, dg, db, S.T @ dO, dO.sum(0)

    return f


def W4c(c, D):
    X, (a, b) = D["X"], D["params"]
    n = X.size

    def f():
        t = np.tanh(a * X + b)
        s = 1 / (1 + np.exp(-b * X))
        loss = np.mean(t * s)
        dt = s * (1 - t * t) / n
        ds = t * s * (1 - s) / n
        return loss, dt * X, dt + ds * X

    return f


def W5a(c, D):
    X, y, (w,) = D["X"], D["y"], D["params"]

    def f():
        s = 1 / (1 + np.exp(-y * (X @ w)))
        return (X.T @ (X * (s * (1 - s))[:, None]),)

    return f


def W5b(c, D):
    U, V = D["params"][0], D["Vm"]
    n = len(U)

    def f():
        return (np.kron(np.eye(n), 2 * (V.T @ V)),)

    return f


def W5c(c, D):
    X, y, (A, a, B, b) = D["X"], D["y"], D["params"]
    N, I, H, O = (c.dims[k] for k in "NIHO")

    def f():
        h = np.tanh(X @ A + a)
        Z = h @ B + b
        _, dZ, P = _sm(Z, y)
        d1 = 1 - h * h
        g = (dZ @ B.T) * (-2 * h * d1)
        WD = B[None] * d1[:, :, None]
        WP = WD * P[:, None, :]
        M = (WP @ WD.transpose(0, 2, 1) - WP.sum(2)[:, :, None] * WP.sum(2)[:, None, :]) / N
        M[:, np.arange(H), np.arange(H)] += g
        XX = X[:, :, None] * X[:, None, :]
        R = XX.reshape(N, -1).T @ M.reshape(N, -1)
        return (R.reshape(I, I, H, H).transpose(0, 2, 1, 3).reshape(I * H, I * H),)

    return f


def W5d(c, D):
    X, y, (A, a, B, b), (VA, va, VB, vb) = D["X"], D["y"], D["params"], D["V"]
    N = len(y)

    def f():
        Z = X @ A + a
        H = np.maximum(Z, 0)
        mk = Z > 0
        RH = (X @ VA + va) * mk
        O = H @ B + b
        RO = RH @ B + H @ VB + vb
        _, dO, P = _sm(O, y)
        RdO = (P * RO - P * (P * RO).sum(1, keepdims=True)) / N
        RdZ = (RdO @ B.T + dO @ VB.T) * mk
        return X.T @ RdZ + LAM * VA, RdZ.sum(0), RH.T @ dO + H.T @ RdO + LAM * VB, RdO.sum(0)

    return f


def W6(c, D):
    X, y, (K, kb, W, b) = D["X"], D["y"], D["params"]
    N = len(y)

    def f():
        Xp = np.pad(X, ((0, 0), (0, 0), (1, 1), (1, 1)))
        s = np.lib.stride_tricks.sliding_window_view(Xp, (3, 3), axis=(2, 3))  # N,8,28,28,3,3
        col = s.transpose(0, 2, 3, 1, 4, 5).reshape(N * 784, 72)
        C = (col @ K.reshape(16, 72).T + kb).reshape(N, 14, 2, 14, 2, 16)
        R = np.maximum(C, 0)
        P = R.max(axis=(2, 4))  # N,14,14,16
        Fl = P.transpose(0, 3, 1, 2).reshape(N, 3136)
        loss, dO, _ = _sm(Fl @ W + b, y)
        dP = (dO @ W.T).reshape(N, 16, 14, 14).transpose(0, 2, 3, 1)
        dC = (dP[:, :, None, :, None, :] * ((P[:, :, None, :, None, :] == R) & (C > 0))).reshape(
            N * 784, 16
        )
        return loss, (dC.T @ col).reshape(16, 8, 3, 3), dC.sum(0), Fl.T @ dO, dO.sum(0)

    return f


BUILD = {k: v for k, v in globals().items() if k[0] == "W" and k[1].isdigit()}


def build(c, D, variant=""):
    return BUILD[c.fam](c, D)


def to_numpy(out):
    return [np.asarray(o) for o in out]
