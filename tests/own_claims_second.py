# ruff: noqa: E501  (one claim a line, as people write them)
"""More claims in the style of own_claims.py, all written before any of them was judged.

They are about slopes of activations with a constant, margins and masks, regularisers within the
objective, matrices that are taken as symmetric, and normalisations.
"""

NETWORKS = []


def net(text, symbols, domain, claims):
    NETWORKS.append((text, symbols, domain, claims))


net(
    """Z = W @ X + b[:, None]
A = np.where(Z > 0, Z, 0.2 * Z)
s = v @ A
e = s - y
J = np.sum(e**2) / (2*n) + rho/2 * np.sum(W**2) + rho/2 * np.sum(v**2)""",
    {"X": ("d", "n"), "W": ("h", "d"), "b": ("h",), "v": ("h",), "y": ("n",), "rho": ()},
    {"rho": "positive"},
    [
        ("de", "e / n", None),
        ("ds", "(s - y) / n", None),
        ("dv", "A @ e / n + rho * v", None),
        ("dv", "A @ e / n", ["missing-regulariser"]),
        ("dv", "A @ e / n + rho * W.sum(axis=1)", ["stale-variable"]),
        ("dv", "A @ e / n + 2 * rho * v", ["constant-factor"]),
        ("dv", "Z @ e / n + rho * v", ["stale-variable"]),
        ("dv", "A.T @ e / n + rho * v", ["wrong-transpose"]),
        ("dA", "np.outer(v, e) / n", None),
        ("dZ", "dA * np.where(Z > 0, 1, 0.2)", None),
        ("dZ", "dA * np.where(A > 0, 1, 0.2)", None),
        ("dZ", "dA * ((Z > 0) + 0.2 * (Z <= 0))", None),
        ("dZ", "dA * np.where(Z > 0, 1, 0.02)", ["wrong-activation-derivative", "constant-factor"]),
        ("dZ", "dA * np.where(Z > 0, 1, 0)", ["wrong-activation-derivative"]),
        ("dZ", "dA * np.where(Z > 0, 1, -0.2)", ["wrong-activation-derivative", "sign"]),
        ("dZ", "dA * np.where(Z < 0, 1, 0.2)", ["wrong-activation-derivative", "mask-not-applied"]),
        ("dZ", "dA * np.where(Z > 1, 1, 0.2)", ["wrong-activation-derivative", "mask-not-applied"]),
        ("dZ", "dA * np.where(Z > 0, Z, 0.2 * Z)", ["wrong-activation-derivative"]),
        ("dZ", "dA * np.where(Z > 0, 1, 0.2 * Z)", ["wrong-activation-derivative"]),
        ("dZ", "0.2 * dA", ["wrong-activation-derivative", "mask-not-applied"]),
        ("dZ", "dA * (Z > 0) * 0.2", ["wrong-activation-derivative"]),
        ("dZ", "dA * A", ["wrong-activation-derivative"]),
        ("dW", "dZ @ X.T + rho * W", None),
        ("dW", "dZ @ X.T", ["missing-regulariser"]),
        ("dW", "dZ @ X.T + rho / 2 * W", ["constant-factor"]),
        ("dW", "dZ @ X.T + rho * W / n", ["extra-mean-factor"]),
        ("dW", "rho * W", ["missing-term", "missing-path"]),
        ("dW", "dA @ X.T + rho * W", ["missing-activation-derivative", "stale-variable"]),
        ("db", "dZ.sum(axis=1)", None),
        ("db", "dZ.sum(axis=1) + rho * b", ["bias-regularised"]),
        ("db", "dZ.sum(axis=0)", ["wrong-axis"]),
    ],
)
net(
    """Z = X @ W + c
A = elu(Z)
s = A @ v
q = softplus(s)
J = np.mean((q - y)**2)""",
    {"X": ("n", "d"), "W": ("d", "h"), "c": ("h",), "v": ("h",), "y": ("n",)},
    {},
    [
        ("dq", "2 * (q - y) / n", None),
        ("dq", "(q - y) / n", ["constant-factor"]),
        ("ds", "dq * sigmoid(s)", None),
        ("ds", "dq * (1 - np.exp(-q))", None),
        ("ds", "dq * sigmoid(q)", ["derivative-at-activation"]),
        ("ds", "dq * sigmoid(s) * (1 - sigmoid(s))", ["wrong-activation-derivative"]),
        ("ds", "dq * np.exp(s)", ["wrong-activation-derivative"]),
        ("ds", "dq / (1 + np.exp(s))", ["wrong-activation-derivative", "sign"]),
        ("ds", "dq", ["missing-activation-derivative"]),
        ("dv", "A.T @ ds", None),
        ("dA", "np.outer(ds, v)", None),
        ("dA", "ds[:, None] @ v[None, :]", None),
        ("dA", "ds @ v", ["matmul-for-elementwise"]),
        ("dZ", "dA * np.where(Z > 0, 1, np.exp(Z))", None),
        ("dZ", "dA * np.where(Z > 0, 1, A + 1)", None),
        ("dZ", "dA * np.where(Z > 0, 1, A)", ["wrong-activation-derivative"]),
        (
            "dZ",
            "dA * np.where(Z > 0, 1, np.exp(A))",
            ["derivative-at-activation", "stale-variable"],
        ),
        ("dZ", "dA * np.where(Z > 0, 1, np.exp(Z) - 1)", ["wrong-activation-derivative"]),
        ("dZ", "dA * np.exp(Z)", ["wrong-activation-derivative", "mask-not-applied"]),
        ("dZ", "dA * (Z > 0)", ["wrong-activation-derivative"]),
        (
            "dZ",
            "dA * np.where(Z > 0, np.exp(Z), 1)",
            ["wrong-activation-derivative", "mask-not-applied"],
        ),
        ("dc", "np.sum(dZ, axis=0)", None),
        ("dc", "np.sum(dA, axis=0)", ["missing-activation-derivative", "stale-variable"]),
        ("dW", "X.T @ dZ", None),
        ("dW", "X.T @ (dA * A)", ["wrong-activation-derivative", "stale-variable"]),
    ],
)
net(
    """r = x - mu
q = r @ A @ r
J = np.log(1 + q) + tau * np.trace(A @ S @ A.T) - logdet(S) / 2""",
    {"x": ("k",), "mu": ("k",), "A": ("k", "k"), "S": ("k", "k"), "tau": ()},
    {"tau": "positive", "S": "spd", "A": "spd"},
    [
        ("dq", "1 / (1 + q)", None),
        ("dq", "1 / q", ["wrong-derivative-rule", "missing-term"]),
        ("dr", "dq * (A + A.T) @ r", None),
        ("dr", "2 * dq * A @ r", None),
        ("dr", "dq * A @ r", ["constant-factor", "missing-term"]),
        ("dmu", "-2 * A @ r / (1 + q)", None),
        ("dmu", "2 * A @ r / (1 + q)", ["sign"]),
        ("dA", "np.outer(r, r) / (1 + q) + 2 * tau * A @ S", None),
        ("dA", "np.outer(r, r) / (1 + q) + tau * A @ S", ["constant-factor", "missing-term"]),
        ("dA", "r @ r / (1 + q) + 2 * tau * A @ S", ["matmul-for-elementwise"]),
        ("dA", "np.outer(r, r) + 2 * tau * A @ S", ["missing-chain-factor"]),
        ("dA", "np.outer(r, r) / (1 + q) + 2 * tau * S @ A", ["swapped-factors"]),
        ("dS", "tau * A.T @ A - np.linalg.inv(S).T / 2", None),
        ("dS", "tau * A @ A - np.linalg.inv(S) / 2", None),
        ("dS", "tau * A.T @ A - np.linalg.inv(S)", ["constant-factor"]),
        ("dS", "tau * A.T @ A - S / 2", ["wrong-derivative-rule"]),
        ("dS", "tau * A.T @ A", ["missing-term", "missing-path"]),
        ("dS", "tau * A.T @ A - 1 / S / 2", ["elementwise-for-matmul"]),
    ],
)
net(
    """p = X @ B
g = np.sum(p * X, axis=1)
J = np.sum(g * u) + np.trace(C @ B @ C)""",
    {"X": ("n", "d"), "B": ("d", "d"), "C": ("d", "d"), "u": ("n",)},
    {},
    [
        ("dg", "u", None),
        ("dp", "u[:, None] * X", None),
        ("dB", "X.T @ (u[:, None] * X) + C.T @ C.T", None),
        ("dB", "X.T @ np.diag(u) @ X + (C @ C).T", None),
        ("dB", "X.T @ (u[:, None] * X) + C @ C", ["symmetry-assumed", "missing-transpose"]),
        ("dB", "X.T @ (u[:, None] * X) + C.T @ C", ["symmetry-assumed", "missing-transpose"]),
        ("dB", "X.T @ (u[:, None] * X)", ["missing-term", "missing-path"]),
        ("dX", "u[:, None] * (X @ (B + B.T))", None),
        ("dX", "2 * u[:, None] * (X @ B)", ["symmetry-assumed"]),
        ("dX", "2 * u[:, None] * (X @ B.T)", ["symmetry-assumed"]),
        ("dX", "u[:, None] * (X @ B.T)", ["missing-term", "missing-path"]),
        ("dX", "u[:, None] * (X @ B)", ["missing-term", "missing-path"]),
        ("dX", "dp @ B.T + u[:, None] * p", None),
        ("dX", "dp @ B + u[:, None] * p", ["missing-transpose", "symmetry-assumed"]),
        ("dC", "(B @ C).T + (C @ B).T", None),
        ("dC", "B @ C + C @ B", ["symmetry-assumed", "wrong-transpose", "missing-transpose"]),
        ("dC", "2 * (B @ C).T", ["symmetry-assumed"]),
        ("dC", "2 * B @ C", ["symmetry-assumed"]),
        ("dC", "(B @ C).T", ["missing-term", "missing-path"]),
    ],
)
net(
    """f = X @ w + b
t = y * f
l = np.maximum(0, 1 - t)**2
J = np.sum(l) / n + lam * np.sum(w**2)""",
    {"X": ("n", "d"), "w": ("d",), "b": (), "y": ("n",), "lam": ()},
    {"y": "sign", "lam": "positive"},
    [
        ("dl", "np.ones(n) / n", None),
        ("dt", "-2 * np.maximum(0, 1 - t) / n", None),
        ("dt", "-2 * (1 - t) * (t < 1) / n", None),
        ("dt", "-2 * (1 - t) * (t <= 1) / n", None),
        ("dt", "-2 * (1 - t) * (t < 0) / n", ["mask-not-applied"]),
        ("dt", "-2 * (1 - t) / n", ["mask-not-applied"]),
        ("dt", "-2 * (1 - t) * (t > 1) / n", ["mask-not-applied"]),
        ("dt", "-2 * (t < 1) / n", ["missing-chain-factor"]),
        ("dt", "-np.maximum(0, 1 - t) / n", ["constant-factor"]),
        ("dt", "2 * np.maximum(0, 1 - t) / n", ["sign"]),
        ("dt", "-2 * np.maximum(0, t) / n", ["missing-term", "stale-variable", "mask-not-applied"]),
        ("df", "y * dt", None),
        ("df", "dt", ["missing-chain-factor"]),
        ("db", "np.sum(df)", None),
        ("db", "df", ["missing-batch-sum"]),
        ("db", "np.sum(df) + 2 * lam * b", ["bias-regularised"]),
        ("db", "np.mean(df)", ["extra-mean-factor"]),
        ("dw", "X.T @ df + 2 * lam * w", None),
        ("dw", "X.T @ df + lam * w", ["constant-factor"]),
        ("dw", "X.T @ df", ["missing-regulariser"]),
        ("dw", "X.T @ df - 2 * lam * w", ["sign"]),
        ("dw", "X.T @ dt + 2 * lam * w", ["missing-chain-factor", "stale-variable"]),
        ("dw", "X.T @ df + 2 * lam * np.sum(w)", ["wrong-derivative-rule", "misplaced-factor"]),
    ],
)
net(
    """pos = np.sum((a - p)**2, axis=1)
neg = np.sum((a - q)**2, axis=1)
h = np.maximum(0, pos - neg + mar)
J = np.sum(h) / N""",
    {"a": ("N", "k"), "p": ("N", "k"), "q": ("N", "k"), "mar": ()},
    {"mar": "positive"},
    [
        ("dh", "np.ones(N) / N", None),
        ("dpos", "(pos - neg + mar > 0) / N", None),
        ("dpos", "(h > 0) / N", None),
        ("dpos", "(pos - neg > 0) / N", ["mask-not-applied"]),
        ("dpos", "np.ones(N) / N", ["mask-not-applied"]),
        ("dpos", "(pos - neg + mar < 0) / N", ["mask-not-applied"]),
        ("dpos", "h / N", ["wrong-activation-derivative", "mask-not-applied"]),
        ("dneg", "-dpos", None),
        ("dneg", "dpos", ["sign"]),
        ("dp", "-2 * dpos[:, None] * (a - p)", None),
        ("dp", "2 * dpos[:, None] * (a - p)", ["sign"]),
        ("dp", "-2 * (a - p) / N", ["mask-not-applied"]),
        ("dp", "-2 * dpos[:, None] * (a - q)", ["stale-variable"]),
        ("da", "2 * (h > 0)[:, None] * (q - p) / N", None),
        ("da", "2 * dpos[:, None] * (a - p) + 2 * dneg[:, None] * (a - q)", None),
        ("da", "2 * dpos[:, None] * (a - p)", ["missing-path", "missing-term"]),
        ("da", "2 * dpos[:, None] * (p - q)", ["sign"]),
        ("da", "2 * dpos[:, None] * (a - p) - 2 * dneg[:, None] * (a - q)", ["sign"]),
    ],
)
net(
    """mu = np.mean(X, axis=1, keepdims=True)
C = X - mu
v = np.mean(C**2, axis=1, keepdims=True)
s = np.sqrt(v + eps)
H = C / s
Y = g * H + b
J = np.sum((Y - T)**2) / (2*n)""",
    {"X": ("n", "d"), "g": ("d",), "b": ("d",), "T": ("n", "d"), "eps": ()},
    {"eps": "positive"},
    [
        ("dY", "(Y - T) / n", None),
        ("dg", "np.sum(dY * H, axis=0)", None),
        ("dg", "np.sum(dY * C, axis=0)", ["stale-variable"]),
        ("dg", "np.sum(dY * H, axis=1)", ["wrong-axis"]),
        ("db", "dY.sum(axis=0)", None),
        ("dH", "dY * g", None),
        ("ds", "-np.sum(dH * C, axis=1, keepdims=True) / s**2", None),
        ("ds", "-np.sum(dH * H, axis=1, keepdims=True) / s", None),
        (
            "ds",
            "-np.sum(dH * C, axis=1, keepdims=True) / s",
            ["wrong-derivative-rule", "missing-chain-factor"],
        ),
        ("ds", "np.sum(dH * C, axis=1, keepdims=True) / s**2", ["sign"]),
        ("dv", "ds / (2 * s)", None),
        ("dv", "-0.5 * np.sum(dH * C, axis=1, keepdims=True) * (v + eps)**-1.5", None),
        ("dv", "ds / s", ["constant-factor"]),
        ("dv", "ds * s / 2", ["wrong-derivative-rule"]),
        ("dC", "dH / s + 2 * C * dv / d", None),
        ("dC", "(dH - H * np.mean(dH * H, axis=1, keepdims=True)) / s", None),
        ("dC", "dH / s", ["missing-norm-path"]),
        ("dC", "dH / s + 2 * C * dv", ["missing-mean-factor"]),
        ("dC", "dH / s + C * dv / d", ["constant-factor"]),
        ("dmu", "-np.sum(dC, axis=1, keepdims=True)", None),
        ("dmu", "-np.sum(dH, axis=1, keepdims=True) / s", None),
        ("dX", "dC + dmu / d", None),
        (
            "dX",
            "(dH - dH.mean(axis=1, keepdims=True) - H * (dH * H).mean(axis=1, keepdims=True)) / s",
            None,
        ),
        (
            "dX",
            "(d * dH - dH.sum(axis=1, keepdims=True) - H * np.sum(dH * H, axis=1, keepdims=True)) / (d * s)",
            None,
        ),
        ("dX", "(dH - H * np.mean(dH * H, axis=1, keepdims=True)) / s", ["missing-mean-path"]),
        ("dX", "(dH - dH.mean(axis=1, keepdims=True)) / s", ["missing-norm-path"]),
        ("dX", "dH / s + 2 * C * dv / d + dmu", ["missing-mean-factor"]),
        (
            "dX",
            "(dY - dY.mean(axis=1, keepdims=True) - H * (dY * H).mean(axis=1, keepdims=True)) / s",
            ["stale-variable", "missing-chain-factor", "missing-scale-factor"],
        ),
        ("dX", "(dH - dH.mean(axis=0) - H * (dH * H).mean(axis=0)) / s", ["wrong-axis"]),
    ],
)
net(
    """P = U @ V.T + c
E = M * (R - P)
J = np.sum(E**2) / 2 + lam/2 * (np.sum(U**2) + np.sum(V**2))""",
    {"U": ("n", "k"), "V": ("p", "k"), "c": ("p",), "M": ("n", "p"), "R": ("n", "p"), "lam": ()},
    {"M": "binary", "lam": "positive"},
    [
        ("dP", "-M * E", None),
        ("dP", "-E", None),
        ("dP", "E", ["sign"]),
        ("dP", "P - R", ["mask-not-applied"]),
        ("dU", "-E @ V + lam * U", None),
        ("dU", "M * (P - R) @ V + lam * U", None),
        ("dU", "(P - R) @ V + lam * U", ["mask-not-applied"]),
        ("dU", "-E @ V", ["missing-regulariser"]),
        ("dU", "-E @ V + lam * V", ["stale-variable"]),
        ("dU", "-E @ V.T + lam * U", ["wrong-transpose"]),
        ("dV", "-E.T @ U + lam * V", None),
        ("dV", "-E @ U + lam * V", ["missing-transpose"]),
        ("dV", "-E.T @ U + 2 * lam * V", ["constant-factor"]),
        ("dV", "-E.T @ U", ["missing-regulariser"]),
        ("dc", "-E.sum(axis=0)", None),
        ("dc", "-E.sum(axis=0) + lam * c", ["bias-regularised"]),
        ("dc", "-E.mean(axis=0)", ["extra-mean-factor"]),
    ],
)
