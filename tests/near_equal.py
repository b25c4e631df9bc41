# ruff: noqa: E501  (one claim a line, as people write them)
"""Claims about gradients that look equal and are not, and claims that are equal and do not look it.

For each network: its text, symbols, domains, then (gradient, claim, whether it is true).
"""

NEAR = [
    {
        "text": "r = X @ w - y; J = np.sum(r ** 2) / m + lam * np.sum(w ** 2)",
        "symbols": {"X": ("m", "n"), "y": ("m",), "w": ("n",), "lam": ()},
        "domain": {"lam": "positive"},
        "claims": [
            ("dw", "2 * X.T @ r / n + 2 * lam * w", False),
            ("dw", "2 * X.T @ r / m + 2 * lam * w * (1 + 1e-10)", False),
            ("dw", "2 * X.T @ r / m + 2 * lam * w + 1e-10", False),
            ("dw", "2 * X[:64].T @ r[:64] / m + 2 * lam * w", False),
            ("dr", "2 * r / (m + 1e-12)", False),
            ("dw", "2 * (X.T @ X @ w - X.T @ y) / m + 2 * lam * w", True),
            ("dw", "2 * (X.T @ X / m + lam * np.eye(n)) @ w - 2 * X.T @ y / m", True),
        ],
    },
    {
        "text": "K = X @ X.T + lam * np.eye(m); a = np.linalg.solve(K, y); w = X.T @ a; J = np.sum((w - t) ** 2) / 2",
        "symbols": {"X": ("m", "n"), "y": ("m",), "t": ("n",), "lam": ()},
        "domain": {"lam": "positive"},
        "claims": [
            ("dw", "np.linalg.inv(X.T @ X + lam * np.eye(n)) @ X.T @ y - t", True),
            ("dy", "X @ np.linalg.inv(X.T @ X + lam * np.eye(n)) @ (w - t)", True),
            (
                "dt",
                "t - X.T @ (y - X @ np.linalg.inv(X.T @ X + lam * np.eye(n)) @ X.T @ y) / lam",
                True,
            ),
            ("dK", "-np.outer(np.linalg.solve(K, X @ (w - t)), a)", True),
            ("dt", "t - np.linalg.inv(X.T @ X + (lam + 1e-11) * np.eye(n)) @ X.T @ y", False),
            (
                "dt",
                "t - (X.T @ y - X.T @ X @ (X.T @ y) / lam + X.T @ X @ (X.T @ X) @ (X.T @ y) / lam ** 2) / lam",
                False,
            ),
        ],
    },
    {
        "text": "c = np.trace(W @ W @ W) / 3; q = np.trace(S @ W @ S); J = c + q",
        "symbols": {"W": ("n", "n"), "S": ("n", "n")},
        "domain": {"S": "symmetric"},
        "claims": [
            ("dW", "W.T @ W.T + S @ S", True),
            ("dW", "np.einsum('ij,jk->ki', W, W) + np.einsum('ij,kj->ik', S, S)", True),
            ("dS", "(W @ S + S @ W).T", True),
            ("dS", "S @ W.T + W.T @ S", True),
            ("dW", "W @ W + S @ S", False),
            ("dS", "W @ S + S @ W", False),
            ("dS", "S @ (W + W.T)", False),
        ],
    },
    {
        "text": "P = softmax(Z); J = -np.sum(Q * np.log(P)) / m",
        "symbols": {"Z": ("m", "k"), "Q": ("m", "k")},
        "domain": {"Q": "simplex"},
        "claims": [
            ("dZ", "(P - Q) / m", True),
            ("dZ", "(P - Q - np.mean(P - Q, axis=1, keepdims=True)) / m", True),
            ("dZ", "(np.exp(Z - np.log(np.sum(np.exp(Z), axis=1, keepdims=True))) - Q) / m", True),
            (
                "dZ",
                "np.concatenate([P[:, :-1] - Q[:, :-1], np.sum(Q[:, :-1] - P[:, :-1], axis=1, keepdims=True)], axis=1) / m",
                True,
            ),
            ("dZ", "(P * np.sum(Q * Q, axis=1, keepdims=True) - Q) / m", False),
            ("dP", "-Q ** 2 / P / m", False),
            ("dP", "np.where(Q == np.max(Q, axis=1, keepdims=True), -1 / P, 0) / m", False),
        ],
    },
    {
        "text": "z = 40 * x; a = np.tanh(z); J = np.sum((a - t) ** 2) / 2",
        "symbols": {"x": ("n",), "t": ("n",)},
        "domain": {"x": "positive"},
        "claims": [
            ("da", "1 - 2 * np.exp(-2 * z) - t", False),
            ("dz", "(a - t) * 4 * np.exp(-2 * z)", False),
            ("dz", "np.zeros(n)", False),
            ("da", "1 - 2 / (np.exp(2 * z) + 1) - t", True),
            ("dx", "160 * (a - t) * np.exp(-2 * z) / (1 + np.exp(-2 * z)) ** 2", True),
            ("dz", "(a - t) * (1 - a) * (1 + a)", True),
        ],
    },
    {
        "text": "h = np.arctan(x); J = np.sum(h ** 2) / 2 + np.sum(np.log1p(v ** 2)) / 2",
        "symbols": {"x": ("n",), "v": ("n",)},
        "domain": {},
        "claims": [
            ("dh", "np.pi / 2 - np.arctan(1 / x)", False),
            ("dh", "np.arcsin(np.sin(2 * h)) / 2", False),
            ("dv", "v - v ** 3 + v ** 5 - v ** 7", False),
            ("dh", "np.arcsin(x / np.sqrt(1 + x ** 2))", True),
            ("dx", "h * np.cos(h) ** 2", True),
            ("dv", "(1 - 1 / (1 + v ** 2)) / v", True),
        ],
    },
    {
        "text": "J = (0.1 + 0.2) * np.sum(x ** 2) / 2 + np.sum(y) / 3 + np.exp(np.pi * np.sqrt(163)) * np.sum(z) + np.pi * np.sum(w)",
        "symbols": {"x": ("n",), "y": ("n",), "z": ("n",), "w": ("n",)},
        "domain": {},
        "claims": [
            ("dx", "0.3 * x", True),
            ("dx", "1.1 * 1.1 * x - 0.91 * x", True),
            ("dy", "0.1 / 0.3 * np.ones(n)", True),
            ("dz", "np.exp(np.pi) ** np.sqrt(163) * np.ones(n)", True),
            ("dw", "4 * np.arctan(1) * np.ones(n)", True),
            ("dx", "0.30000000000000004 * x", False),
            ("dy", "0.3333333333333333 * np.ones(n)", False),
            ("dz", "262537412640768744 * np.ones(n)", False),
            ("dw", "(2143 / 22) ** 0.25 * np.ones(n)", False),
            ("dw", "3.141592653589793 * np.ones(n)", False),
        ],
    },
    {
        "text": "r = a * x - y; J = np.sum(0.001 ** np.arange(n) * r ** 2) / 2 + b * np.sum(0.001 ** np.arange(n))",
        "symbols": {"x": ("n",), "y": ("n",), "a": (), "b": ()},
        "domain": {},
        "claims": [
            ("da", "np.sum((0.001 ** np.arange(n) * r * x)[:-1])", False),
            ("dr", "0.001 ** np.arange(n) * r * (np.arange(n) < n - 1)", False),
            ("db", "1 / (1 - 0.001)", False),
            ("db", "(1 - 0.001 ** n) / (1 - 0.001)", True),
            ("da", "np.sum(r * x / 10 ** (3 * np.arange(n)))", True),
            ("da", "np.sum((0.001 ** np.arange(n) * r * x)[::-1])", True),
        ],
    },
    {
        "text": "S = Q @ K.T / np.sqrt(d); P = softmax(S); O = P @ V; J = np.sum(O * G)",
        "symbols": {"Q": ("m", "d"), "K": ("n", "d"), "V": ("n", "h"), "G": ("m", "h")},
        "domain": {},
        "claims": [
            ("dQ", "dS @ K / np.sqrt(h)", False),
            ("dK", "dS.T @ Q / np.sqrt(d + 1e-9)", False),
            ("dS", "P * (dP - np.sum(dO * O, axis=1, keepdims=True))", True),
            (
                "dQ",
                "(P * (G @ V.T) - P * np.sum(G * O, axis=1, keepdims=True)) @ K / np.sqrt(d)",
                True,
            ),
            (
                "dS",
                "P * (G @ (V - np.mean(V, axis=0)).T - np.sum(G * (O - np.mean(V, axis=0)), axis=1, keepdims=True))",
                True,
            ),
        ],
    },
    {
        "text": "R = X - mu; J = np.sum((R @ P) * R) / (2 * m) - np.log(np.linalg.det(P)) / 2",
        "symbols": {"X": ("m", "n"), "mu": ("n",), "P": ("n", "n")},
        "domain": {"P": "spd"},
        "claims": [
            ("dR", "R @ P / m", True),
            ("dP", "R.T @ R / (2 * m) - np.linalg.inv(P) / 2", True),
            ("dmu", "-P @ np.mean(R, axis=0)", True),
            ("dmu", "P.T @ (mu - np.mean(X, axis=0))", True),
            ("dP", "R.T @ R / (2 * m) - np.linalg.inv(P + 1e-11 * np.eye(n)) / 2", False),
            ("dP", "R.T @ R / (2 * m) - np.diag(1 / np.diag(P)) / 2", False),
            ("dmu", "np.zeros(n)", False),
        ],
    },
]
