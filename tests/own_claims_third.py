"""Claims written after the rules for own_claims_second.py, before any of them was judged."""

NETWORKS = []


def net(text, symbols, domain, claims):
    NETWORKS.append((text, symbols, domain, claims))


net(
    """Z = X @ W + b
H = np.maximum(0.3 * Z, Z)
D = H * M / keep
f = D @ u
J = np.mean(np.abs(f - y)) + gam * np.sum(np.abs(u)) + gam * np.sum(W**2) / 2""",
    {
        "X": ("n", "d"),
        "W": ("d", "h"),
        "b": ("h",),
        "M": ("n", "h"),
        "keep": (),
        "u": ("h",),
        "y": ("n",),
        "gam": (),
    },
    {"M": "binary", "keep": "unit", "gam": "positive"},
    [
        ("df", "np.sign(f - y) / n", None),
        ("df", "np.sign(f - y)", ["missing-mean-factor"]),
        ("df", "(f - y) / n", ["wrong-derivative-rule"]),
        ("du", "D.T @ df + gam * np.sign(u)", None),
        ("du", "D.T @ df + gam * u", ["wrong-derivative-rule"]),
        ("du", "D.T @ df", ["missing-regulariser"]),
        ("du", "H.T @ df + gam * np.sign(u)", ["stale-variable", "mask-not-applied"]),
        ("dD", "np.outer(df, u)", None),
        ("dH", "dD * M / keep", None),
        ("dH", "dD * M", ["missing-scale-factor"]),
        ("dH", "dD / keep", ["mask-not-applied"]),
        ("dZ", "dH * np.where(Z > 0, 1, 0.3)", None),
        ("dZ", "dH * np.where(H > 0, 1, 0.3)", None),
        ("dZ", "dH * (Z > 0)", ["wrong-activation-derivative"]),
        ("dZ", "dH * np.where(Z > 0, 0.3, 1)", ["wrong-activation-derivative", "mask-not-applied"]),
        ("dZ", "dH * np.where(Z > 0, 1, 0.7)", ["wrong-activation-derivative"]),
        ("dZ", "dH", ["missing-activation-derivative"]),
        ("dW", "X.T @ dZ + gam * W", None),
        ("dW", "X.T @ dZ", ["missing-regulariser"]),
        ("dW", "X.T @ dZ + gam * W**2 / 2", ["wrong-derivative-rule"]),
        ("db", "dZ.sum(axis=0)", None),
        ("db", "dZ.mean(axis=0)", ["extra-mean-factor"]),
    ],
)
net(
    """G = V.T @ Q @ V
w = G @ c
J = w @ P @ w / 2 - k * (c @ G @ c)""",
    {"V": ("n", "r"), "Q": ("n", "n"), "c": ("r",), "P": ("r", "r"), "k": ()},
    {"k": "positive"},
    [
        ("dw", "(P + P.T) @ w / 2", None),
        ("dw", "P @ w", ["symmetry-assumed"]),
        ("dw", "P.T @ w / 2", ["missing-term", "missing-path"]),
        ("dG", "np.outer(dw, c) - k * np.outer(c, c)", None),
        ("dG", "np.outer(c, dw) - k * np.outer(c, c)", ["swapped-factors", "wrong-transpose"]),
        ("dG", "np.outer(dw, c) + k * np.outer(c, c)", ["sign"]),
        ("dG", "np.outer(dw, c)", ["missing-term", "missing-path"]),
        ("dQ", "V @ dG @ V.T", None),
        ("dQ", "V.T @ dG @ V", ["wrong-transpose", "missing-transpose", "swapped-factors"]),
        ("dV", "Q @ V @ dG.T + Q.T @ V @ dG", None),
        ("dV", "2 * Q @ V @ dG", ["symmetry-assumed"]),
        ("dV", "Q @ V @ dG + Q.T @ V @ dG.T", ["wrong-transpose", "missing-transpose"]),
        ("dV", "Q.T @ V @ dG", ["missing-term", "missing-path"]),
        ("dc", "G.T @ dw - k * (G + G.T) @ c", None),
        ("dc", "G.T @ dw - 2 * k * G @ c", ["symmetry-assumed"]),
        ("dc", "G @ dw - k * (G + G.T) @ c", ["missing-transpose"]),
        ("dc", "- k * (G + G.T) @ c", ["missing-term", "missing-path"]),
    ],
)
net(
    """n2 = np.sum(E**2, axis=1, keepdims=True)
U = E / np.sqrt(n2)
S = U @ C.T / tau
m = np.max(S, axis=1)
J = np.sum(np.maximum(0, delta - m)) / N""",
    {"E": ("N", "k"), "C": ("p", "k"), "tau": (), "delta": ()},
    {"tau": "positive", "delta": "positive"},
    [
        ("dm", "-1.0 * (m < delta) / N", None),
        ("dm", "(m < delta) / N", ["sign"]),
        ("dm", "-1.0 * (m > delta) / N", ["mask-not-applied"]),
        ("dm", "-np.ones(N) / N", ["mask-not-applied"]),
        ("dm", "-1.0 * (m < 0) / N", ["mask-not-applied"]),
        ("dU", "dS @ C / tau", None),
        ("dU", "dS @ C", ["missing-scale-factor"]),
        ("dC", "dS.T @ U / tau", None),
        ("dC", "dS.T @ E / tau", ["stale-variable"]),
        ("dE", "(dU - U * np.sum(dU * U, axis=1, keepdims=True)) / np.sqrt(n2)", None),
        ("dE", "dU / np.sqrt(n2)", ["missing-norm-path"]),
        ("dE", "(dU - U * np.sum(dU * U, axis=0)) / np.sqrt(n2)", ["wrong-axis"]),
        (
            "dE",
            "(dU - U * np.mean(dU * U, axis=1, keepdims=True)) / np.sqrt(n2)",
            ["extra-mean-factor"],
        ),
        ("dE", "(dU - U * np.sum(dU * U, axis=1, keepdims=True)) / n2", ["wrong-derivative-rule"]),
    ],
)
