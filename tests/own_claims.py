# ruff: noqa: E501  (one claim a line, as people write them)
"""Claims about networks that the rules of diagnosis were not written for.

Each network: its text, symbols, domains, then (gradient, claim, labels that describe its mistake; None
where it is right).
"""

NETWORKS = []


def net(text, symbols, domain, claims):
    NETWORKS.append((text, symbols, domain, claims))


net(
    """h = X @ W + b
a = sigmoid(h)
e = a @ v - y
J = np.sum(e**2) / (2*m) + mu * np.sum(v**2)""",
    {"X": ("m", "d"), "W": ("d", "k"), "b": ("k",), "v": ("k",), "y": ("m",), "mu": ()},
    {"mu": "positive"},
    [
        ("de", "e / m", None),
        ("de", "e", ["missing-mean-factor"]),
        ("de", "2*e/m", ["constant-factor"]),
        ("de", "-e/m", ["sign"]),
        ("de", "e/k", ["wrong-count"]),
        ("dv", "a.T @ e / m + 2*mu*v", None),
        ("dv", "a.T @ e / m", ["missing-regulariser"]),
        ("dv", "a.T @ e / m + mu*v", ["constant-factor"]),
        ("dv", "a.T @ e / m - 2*mu*v", ["sign"]),
        ("dv", "2*mu*v", ["missing-term", "missing-path"]),
        ("dv", "a.T @ de + 2*mu*v", None),
        ("dv", "a.T @ y / m + 2*mu*v", ["stale-variable"]),
        ("da", "np.outer(e, v)/m", None),
        ("da", "np.outer(v, e)/m", ["wrong-transpose", "swapped-factors"]),
        ("da", "e[:,None]*v/m", None),
        ("da", "np.outer(e, e)/m", ["stale-variable"]),
        ("dh", "np.outer(e, v)/m * a*(1-a)", None),
        ("dh", "da * a * (1 - a)", None),
        ("dh", "da * (1 - a)", ["wrong-activation-derivative"]),
        ("dh", "da * sigmoid(a)*(1-sigmoid(a))", ["derivative-at-activation"]),
        ("dh", "da", ["missing-activation-derivative"]),
        ("dh", "da*(1-a**2)", ["wrong-activation-derivative"]),
        ("dh", "da*h*(1-h)", ["stale-variable", "derivative-at-activation"]),
        ("dW", "X.T @ dh", None),
        ("dW", "X @ dh", ["missing-transpose"]),
        ("dW", "dh.T @ X", ["wrong-transpose", "swapped-factors"]),
        ("dW", "X.T @ dh / m", ["extra-mean-factor"]),
        ("dW", "X.T @ da", ["missing-activation-derivative", "stale-variable"]),
        ("db", "dh.sum(axis=0)", None),
        ("db", "dh.sum(axis=1)", ["wrong-axis"]),
        ("db", "dh", ["missing-batch-sum"]),
        ("db", "dh.mean(axis=0)", ["extra-mean-factor"]),
        ("db", "np.sum(dh, axis=0) + 2*mu*b", ["bias-regularised"]),
        ("db", "np.ones(m) @ dh", None),
    ],
)
net(
    """S = Q @ K.T / np.sqrt(d)
P = softmax(S)
O = P @ V
J = np.sum((O - T)**2)/2""",
    {"Q": ("n", "d"), "K": ("p", "d"), "V": ("p", "c"), "T": ("n", "c")},
    {},
    [
        ("dO", "O - T", None),
        ("dO", "2*(O-T)", ["constant-factor"]),
        ("dV", "P.T @ dO", None),
        ("dV", "P @ dO", ["missing-transpose"]),
        ("dV", "S.T @ dO", ["stale-variable"]),
        ("dP", "dO @ V.T", None),
        ("dP", "dO @ V", ["missing-transpose"]),
        ("dP", "V @ dO.T", ["wrong-transpose", "swapped-factors"]),
        ("dS", "P * (dP - np.sum(dP*P, axis=1, keepdims=True))", None),
        ("dS", "P*(1-P)*dP", ["softmax-diagonal-only"]),
        ("dS", "P * (dP - np.sum(dP*P, axis=0, keepdims=True))", ["wrong-axis"]),
        ("dS", "P * dP", ["missing-term", "missing-path", "missing-norm-path"]),
        (
            "dS",
            "dP - P*np.sum(dP*P, axis=1, keepdims=True)",
            ["misplaced-factor", "missing-chain-factor"],
        ),
        ("dS", "P * (dP - np.sum(dP, axis=1, keepdims=True))", ["missing-chain-factor"]),
        ("dQ", "dS @ K / np.sqrt(d)", None),
        ("dQ", "dS @ K", ["missing-scale-factor"]),
        ("dQ", "dS @ K / d", ["wrong-derivative-rule", "constant-factor", "missing-scale-factor"]),
        ("dQ", "dP @ K / np.sqrt(d)", ["missing-activation-derivative", "stale-variable"]),
        ("dK", "dS.T @ Q / np.sqrt(d)", None),
        ("dK", "dS @ Q / np.sqrt(d)", ["missing-transpose"]),
        ("dK", "Q.T @ dS / np.sqrt(d)", ["wrong-transpose", "swapped-factors"]),
    ],
)
net(
    """u = np.exp(s)
r = (y - X @ w) / u
J = np.sum(r**2)/2 + n * s""",
    {"X": ("n", "d"), "w": ("d",), "y": ("n",), "s": ()},
    {},
    [
        ("dr", "r", None),
        ("dw", "-X.T @ r / u", None),
        ("dw", "X.T @ r / u", ["sign"]),
        ("dw", "-X.T @ r", ["missing-chain-factor", "missing-scale-factor"]),
        (
            "dw",
            "-X.T @ (y - X@w)",
            ["missing-chain-factor", "missing-scale-factor", "constant-factor"],
        ),
        ("dw", "-X @ r / u", ["missing-transpose"]),
        ("ds", "n - np.sum(r**2)", None),
        ("ds", "n + np.sum(r**2)", ["sign"]),
        ("ds", "-np.sum(r**2)", ["missing-term", "missing-path"]),
        ("ds", "1 - np.sum(r**2)", ["constant-factor", "wrong-count", "missing-chain-factor"]),
        ("ds", "n - np.sum(r**2)/2", ["constant-factor"]),
        ("ds", "n - np.sum(r**2)/u", ["extra-term"]),
        ("ds", "n - np.sum(r)**2", ["misplaced-factor", "wrong-derivative-rule"]),
        ("du", "-np.sum(r**2)/u", None),
        ("du", "-np.sum(r**2)", ["missing-chain-factor"]),
        ("dX", "-np.outer(r, w)/u", None),
        ("dX", "-np.outer(w, r)/u", ["wrong-transpose", "swapped-factors"]),
        ("dX", "-np.outer(r, w)", ["missing-chain-factor", "missing-scale-factor"]),
    ],
)
net(
    """A = leaky_relu(X @ W1, 0.1)
m1 = np.mean(A, axis=0)
C = A - m1
N = C / np.sqrt(np.mean(C**2, axis=0) + eps)
o = N @ w2
J = np.mean(np.log(1 + np.exp(-y*o)))""",
    {"X": ("n", "d"), "W1": ("d", "h"), "w2": ("h",), "y": ("n",), "eps": ()},
    {"eps": "positive", "y": "sign"},
    [
        ("do", "-y*sigmoid(-y*o)/n", None),
        ("do", "-y/(1+np.exp(y*o))/n", None),
        ("do", "y*sigmoid(-y*o)/n", ["sign"]),
        ("do", "-sigmoid(-y*o)/n", ["missing-chain-factor"]),
        ("do", "-y*sigmoid(y*o)/n", ["sign"]),
        ("do", "-y*sigmoid(-y*o)", ["missing-mean-factor"]),
        ("dw2", "N.T @ do", None),
        ("dw2", "C.T @ do", ["stale-variable"]),
        ("dN", "np.outer(do, w2)", None),
        ("dC", "(dN - N*np.mean(dN*N, axis=0))/np.sqrt(np.mean(C**2, axis=0)+eps)", None),
        ("dC", "dN/np.sqrt(np.mean(C**2, axis=0)+eps)", ["missing-norm-path"]),
        (
            "dC",
            "(dN - N*np.sum(dN*N, axis=0))/np.sqrt(np.mean(C**2, axis=0)+eps)",
            ["missing-mean-factor"],
        ),
        (
            "dC",
            "(dN - N*np.mean(dN*N, axis=0))/(np.mean(C**2, axis=0)+eps)",
            ["wrong-derivative-rule", "missing-scale-factor", "constant-factor"],
        ),
        ("dA", "dC - np.mean(dC, axis=0)", None),
        ("dA", "dC", ["missing-mean-path"]),
        ("dA", "dC - np.sum(dC, axis=0)", ["missing-mean-factor"]),
        ("dA", "dC - np.mean(dC, axis=1)", ["wrong-axis"]),
        ("dA", "dC + np.mean(dC, axis=0)", ["sign"]),
        ("dW1", "X.T @ (dA * np.where(X @ W1 > 0, 1, 0.1))", None),
        ("dW1", "X.T @ (dA * (X @ W1 > 0))", ["wrong-activation-derivative"]),
        ("dW1", "X.T @ dA", ["missing-activation-derivative"]),
        ("dW1", "X.T @ (dA * np.where(A > 0, 1, 0.1))", None),
        (
            "dW1",
            "X.T @ (dA * np.where(X @ W1 > 0, 0.1, 1))",
            ["mask-not-applied", "wrong-activation-derivative"],
        ),
    ],
)
net(
    """h1 = np.tanh(x1 @ U + h0 @ W)
h2 = np.tanh(x2 @ U + h1 @ W)
J = np.sum((h2 - t)**2)/2 + np.sum((h1 - q)**2)/2""",
    {
        "x1": ("b", "d"),
        "x2": ("b", "d"),
        "h0": ("b", "k"),
        "U": ("d", "k"),
        "W": ("k", "k"),
        "t": ("b", "k"),
        "q": ("b", "k"),
    },
    {},
    [
        ("dh2", "h2 - t", None),
        ("dh1", "(h1 - q) + (dh2*(1-h2**2)) @ W.T", None),
        ("dh1", "(dh2*(1-h2**2)) @ W.T", ["missing-term", "missing-path"]),
        ("dh1", "h1 - q", ["missing-recurrent-path"]),
        ("dh1", "(h1 - q) + (dh2*(1-h2**2)) @ W", ["missing-transpose"]),
        ("dh1", "(h1 - q) + dh2 @ W.T", ["missing-activation-derivative"]),
        ("dh1", "(h1 - q) + (dh2*(1-h2)**2) @ W.T", ["wrong-activation-derivative"]),
        ("dW", "h1.T @ (dh2*(1-h2**2)) + h0.T @ (dh1*(1-h1**2))", None),
        ("dW", "h1.T @ (dh2*(1-h2**2))", ["dropped-time-step"]),
        (
            "dW",
            "h2.T @ (dh2*(1-h2**2)) + h1.T @ (dh1*(1-h1**2))",
            ["stale-variable", "wrong-index"],
        ),
        ("dW", "h1.T @ (dh2*(1-h2**2)) - h0.T @ (dh1*(1-h1**2))", ["sign"]),
        ("dW", "h1 @ (dh2*(1-h2**2)) + h0 @ (dh1*(1-h1**2))", ["missing-transpose"]),
        ("dU", "x1.T @ (dh1*(1-h1**2)) + x2.T @ (dh2*(1-h2**2))", None),
        ("dU", "x2.T @ (dh2*(1-h2**2))", ["dropped-time-step"]),
        ("dU", "x1.T @ ((h1-q)*(1-h1**2)) + x2.T @ (dh2*(1-h2**2))", ["missing-recurrent-path"]),
    ],
)
net(
    """J = x @ A @ x / 2 + logdet(B) + np.trace(C @ np.linalg.inv(B))""",
    {"x": ("n",), "A": ("n", "n"), "B": ("k", "k"), "C": ("k", "k")},
    {"B": "invertible"},
    [
        ("dx", "(A + A.T) @ x / 2", None),
        ("dx", "A @ x", ["symmetry-assumed"]),
        ("dx", "A.T @ x", ["symmetry-assumed"]),
        ("dA", "np.outer(x, x)/2", None),
        ("dA", "np.outer(x, x)", ["constant-factor"]),
        ("dB", "np.linalg.inv(B).T - np.linalg.inv(B).T @ C.T @ np.linalg.inv(B).T", None),
        (
            "dB",
            "np.linalg.inv(B) - np.linalg.inv(B) @ C @ np.linalg.inv(B)",
            ["wrong-transpose", "symmetry-assumed", "missing-transpose"],
        ),
        ("dB", "np.linalg.inv(B).T + np.linalg.inv(B).T @ C.T @ np.linalg.inv(B).T", ["sign"]),
        ("dB", "-np.linalg.inv(B).T @ C.T @ np.linalg.inv(B).T", ["missing-term"]),
        ("dC", "np.linalg.inv(B).T", None),
        ("dC", "np.linalg.inv(B)", ["missing-transpose", "wrong-transpose"]),
    ],
)
net(
    """s = X @ w
J = np.sum(c * np.maximum(0, 1 - y*s)) / n + lam * np.sum(np.abs(w))""",
    {"X": ("n", "d"), "w": ("d",), "c": ("n",), "y": ("n",), "lam": ()},
    {"y": "sign", "c": "positive", "lam": "positive"},
    [
        ("ds", "-c*y*(y*s < 1)/n", None),
        ("ds", "-c*y/n", ["mask-not-applied"]),
        ("ds", "-y*(y*s < 1)/n", ["missing-scale-factor", "missing-chain-factor"]),
        ("ds", "-c*(y*s < 1)/n", ["missing-chain-factor"]),
        ("ds", "-c*y*(y*s > 1)/n", ["mask-not-applied"]),
        ("dw", "X.T @ ds + lam*np.sign(w)", None),
        ("dw", "X.T @ ds + lam", ["missing-chain-factor", "wrong-derivative-rule"]),
        ("dw", "X.T @ ds + 2*lam*w", ["wrong-derivative-rule"]),
        ("dw", "X.T @ ds", ["missing-regulariser"]),
        ("dw", "X @ ds + lam*np.sign(w)", ["missing-transpose"]),
    ],
)
