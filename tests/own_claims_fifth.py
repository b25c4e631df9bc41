# ruff: noqa: E501  (one claim a line, as people write them)
r"""Claims written after the rules for own_claims_fourth.py, before any of them was judged.

In the form of that file: gradient, NumPy, LaTeX, labels; none where it is right.
"""

NETWORKS = []


def net(text, symbols, domain, claims):
    rows = [[field.strip() for field in line.split(";;")] for line in claims.strip().splitlines()]
    NETWORKS.append((text, symbols, domain, rows))


# root mean square normalisation, then a linear unit
net(
    """q = np.mean(X**2, axis=1, keepdims=True)
s = np.sqrt(q + eps)
H = X / s
Y = H * g
f = Y @ w
J = np.sum((f - t)**2) / (2*n)""",
    {"X": ("n", "d"), "g": ("d",), "w": ("d",), "t": ("n",), "eps": ()},
    {"eps": "positive"},
    r"""
df ;; (f - t) / n ;; \frac{1}{n} (f - t) ;;
df ;; (f - t) / (2*n) ;; \frac{1}{2n} (f - t) ;; constant-factor
dw ;; Y.T @ df ;; Y^\top df ;;
dw ;; H.T @ df ;; H^\top df ;; stale-variable
dY ;; np.outer(df, w) ;; df w^\top ;;
dg ;; np.sum(dY * H, axis=0) ;; (dY \odot H)^\top \mathbf{1} ;;
dg ;; np.sum(dY, axis=0) ;; dY^\top \mathbf{1} ;; missing-chain-factor
dg ;; dY * H ;; dY \odot H ;; missing-batch-sum
dH ;; dY * g ;; dY \operatorname{diag}(g) ;;
dX ;; (dH - H * np.mean(dH * H, axis=1, keepdims=True)) / s ;; \operatorname{diag}(s)^{-1} (dH - \frac{1}{d} H \odot ((dH \odot H) \mathbf{1} \mathbf{1}^\top)) ;;
dX ;; dH / s ;; dH \oslash (s \mathbf{1}^\top) ;; missing-norm-path
dX ;; (dH - H * np.sum(dH * H, axis=1, keepdims=True)) / s ;; (dH - H \odot ((dH \odot H) \mathbf{1} \mathbf{1}^\top)) \oslash (s \mathbf{1}^\top) ;; missing-mean-factor
dX ;; (dH - X * np.mean(dH * H, axis=1, keepdims=True)) / s ;; (dH - \frac{1}{d} X \odot ((dH \odot H) \mathbf{1} \mathbf{1}^\top)) \oslash (s \mathbf{1}^\top) ;; stale-variable missing-chain-factor
dX ;; (dH + H * np.mean(dH * H, axis=1, keepdims=True)) / s ;; (dH + \frac{1}{d} H \odot ((dH \odot H) \mathbf{1} \mathbf{1}^\top)) \oslash (s \mathbf{1}^\top) ;; sign
""",
)
# a focal loss
net(
    """z = X @ w + b
p = sigmoid(z)
l = -y * (1 - p)**2 * np.log(p) - (1 - y) * p**2 * np.log(1 - p)
J = np.mean(l)""",
    {"X": ("n", "d"), "w": ("d",), "b": (), "y": ("n",)},
    {"y": "binary"},
    r"""
dl ;; np.ones(n) / n ;; \frac{1}{n} \mathbf{1} ;;
dp ;; dl * (y * (2 * (1 - p) * np.log(p) - (1 - p)**2 / p) + (1 - y) * (p**2 / (1 - p) - 2 * p * np.log(1 - p))) ;; dl \odot (y \odot (2 (1 - p) \odot \log p - (1 - p)^2 \oslash p) + (1 - y) \odot (p^2 \oslash (1 - p) - 2 p \odot \log(1 - p))) ;;
dp ;; dl * (-y * (1 - p)**2 / p + (1 - y) * p**2 / (1 - p)) ;; dl \odot (-y \odot (1 - p)^2 \oslash p + (1 - y) \odot p^2 \oslash (1 - p)) ;; missing-term missing-path
dp ;; dl * (y * (2 * (1 - p) * np.log(p) + (1 - p)**2 / p) + (1 - y) * (p**2 / (1 - p) - 2 * p * np.log(1 - p))) ;; dl \odot (y \odot (2 (1 - p) \odot \log p + (1 - p)^2 \oslash p) + (1 - y) \odot (p^2 \oslash (1 - p) - 2 p \odot \log(1 - p))) ;; sign
dz ;; dp * p * (1 - p) ;; dp \odot p \odot (1 - p) ;;
dz ;; dp * z * (1 - z) ;; dp \odot z \odot (1 - z) ;; stale-variable derivative-at-activation wrong-activation-derivative
dz ;; dp * (1 - p) ;; dp \odot (1 - p) ;; wrong-activation-derivative
dz ;; (p - y) / n ;; \frac{1}{n} (p - y) ;; missing-chain-factor wrong-derivative-rule missing-scale-factor
dw ;; X.T @ dz ;; X^\top dz ;;
dw ;; X.T @ dp ;; X^\top dp ;; missing-activation-derivative stale-variable
db ;; dz.sum() ;; \sum_{i=1}^{n} dz_i ;;
db ;; dz.mean() ;; \frac{1}{n} \sum_{i=1}^{n} dz_i ;; extra-mean-factor
""",
)
# attention that pools a sequence of states
net(
    """U = np.tanh(H @ A)
s = U @ v
a = softmax(s)
c = a @ H
o = C @ c
J = np.sum((o - y)**2) / 2""",
    {"H": ("m", "d"), "A": ("d", "k"), "v": ("k",), "C": ("e", "d"), "y": ("e",)},
    {},
    r"""
do ;; o - y ;; o - y ;;
dC ;; np.outer(do, c) ;; do \, c^\top ;;
dC ;; np.outer(c, do) ;; c \, do^\top ;; wrong-transpose swapped-factors
dc ;; C.T @ do ;; C^\top do ;;
dc ;; C @ do ;; C \, do ;; missing-transpose
da ;; H @ dc ;; H \, dc ;;
da ;; H.T @ dc ;; H^\top dc ;; wrong-transpose
ds ;; a * (da - a @ da) ;; a \odot (da - a^\top da) ;;
ds ;; a * (1 - a) * da ;; a \odot (1 - a) \odot da ;; softmax-diagonal-only
ds ;; a * da - a @ da ;; a \odot da - a^\top da ;; misplaced-factor missing-chain-factor
dv ;; U.T @ ds ;; U^\top ds ;;
dU ;; np.outer(ds, v) ;; ds \, v^\top ;;
dA ;; H.T @ (dU * (1 - U**2)) ;; H^\top (dU \odot (1 - U^2)) ;;
dA ;; H.T @ dU * (1 - U**2) ;; H^\top dU \odot (1 - U^2) ;; misplaced-factor
dA ;; H.T @ (dU * (1 + U**2)) ;; H^\top (dU \odot (1 + U^2)) ;; sign wrong-activation-derivative
dH ;; np.outer(a, dc) + (dU * (1 - U**2)) @ A.T ;; a \, dc^\top + (dU \odot (1 - U^2)) A^\top ;;
dH ;; np.outer(a, dc) ;; a \, dc^\top ;; missing-path
dH ;; np.outer(a, dc) + (dU * (1 - U**2)) @ A ;; a \, dc^\top + (dU \odot (1 - U^2)) A ;; missing-transpose
""",
)
# a student that learns from soft targets at a temperature
net(
    """Z = X @ W + b
P = softmax(Z)
S = softmax(Z / T)
J = -alpha * np.sum(Y * np.log(P)) / n - T**2 * np.sum(Q * np.log(S)) / n + rho/2 * np.sum(W**2)""",
    {
        "X": ("n", "d"),
        "W": ("d", "c"),
        "b": ("c",),
        "Y": ("n", "c"),
        "Q": ("n", "c"),
        "T": (),
        "alpha": (),
        "rho": (),
    },
    {"Y": "onehot", "Q": "simplex", "T": "positive", "alpha": "positive", "rho": "positive"},
    r"""
dZ ;; (alpha * (P - Y) + T * (S - Q)) / n ;; \frac{1}{n} (\alpha (P - Y) + T (S - Q)) ;;
dZ ;; alpha * (P - Y) / n ;; \frac{\alpha}{n} (P - Y) ;; missing-path missing-term
dZ ;; (alpha * (P - Y) + T**2 * (S - Q)) / n ;; \frac{1}{n} (\alpha (P - Y) + T^2 (S - Q)) ;; missing-scale-factor missing-chain-factor constant-factor
dZ ;; ((P - Y) + T * (S - Q)) / n ;; \frac{1}{n} (P - Y + T (S - Q)) ;; missing-scale-factor constant-factor missing-chain-factor
dZ ;; (alpha * (P - Y) + T * (P - Q)) / n ;; \frac{1}{n} (\alpha (P - Y) + T (P - Q)) ;; stale-variable
dZ ;; (alpha * (P - Y) - T * (S - Q)) / n ;; \frac{1}{n} (\alpha (P - Y) - T (S - Q)) ;; sign
dW ;; X.T @ dZ + rho * W ;; X^\top dZ + \rho W ;;
dW ;; X.T @ dZ / n + rho * W ;; \frac{1}{n} X^\top dZ + \rho W ;; extra-mean-factor
dW ;; X.T @ dZ + rho * np.sum(W**2) ;; X^\top dZ + \rho \lVert W \rVert^2 ;; wrong-derivative-rule
dW ;; X.T @ dZ ;; X^\top dZ ;; missing-regulariser
db ;; dZ.sum(axis=0) ;; dZ^\top \mathbf{1} ;;
db ;; dZ.sum(axis=1) ;; dZ \mathbf{1} ;; wrong-axis
db ;; dZ.sum(axis=0) + rho * b ;; dZ^\top \mathbf{1} + \rho b ;; bias-regularised
""",
)
# times to an event: gamma regression with a log link
net(
    """u = X @ w
m = np.exp(u)
r = y / m
J = k * np.sum(r + u) / n + lam * np.sum(w**2)""",
    {"X": ("n", "d"), "w": ("d",), "y": ("n",), "k": (), "lam": ()},
    {"y": "positive", "k": "positive", "lam": "positive"},
    r"""
dr ;; k / n * np.ones(n) ;; \frac{k}{n} \mathbf{1} ;;
dm ;; -dr * y / m**2 ;; -dr \odot y \oslash m^2 ;;
dm ;; -dr * y / m ;; -dr \odot y \oslash m ;; wrong-derivative-rule
dm ;; dr * y / m**2 ;; dr \odot y \oslash m^2 ;; sign
dm ;; -dr / m**2 ;; -dr \oslash m^2 ;; missing-chain-factor
dm ;; dr / m ;; dr \oslash m ;; wrong-derivative-rule
du ;; k * (1 - r) / n ;; \frac{k}{n} (1 - r) ;;
du ;; -k * r / n ;; -\frac{k}{n} r ;; missing-path missing-term
du ;; (1 - r) / n ;; \frac{1}{n} (1 - r) ;; missing-scale-factor missing-chain-factor constant-factor
du ;; k * (1 - y) / n ;; \frac{k}{n} (1 - y) ;; stale-variable missing-chain-factor
dw ;; X.T @ du + 2 * lam * w ;; X^\top du + 2 \lambda w ;;
dw ;; X.T @ du + lam * w ;; X^\top du + \lambda w ;; constant-factor
dw ;; du @ X.T + 2 * lam * w ;; X du + 2 \lambda w ;; wrong-transpose missing-transpose
""",
)
# labels read in a table, and in a target of scores
net(
    """E = C[i]
h = np.mean(E, axis=0)
s = U @ h
p = softmax(s)
J = -np.log(p[j])""",
    {"C": ("v", "e"), "i": ("n",), "U": ("v", "e"), "j": ()},
    {"i": "labels:v", "j": "labels:v"},
    r"""
dU ;; np.outer(ds, h) ;; ds \, h^\top ;;
dU ;; np.outer(h, ds) ;; h \, ds^\top ;; swapped-factors wrong-transpose
dh ;; U.T @ ds ;; U^\top ds ;;
dh ;; U @ ds ;; U \, ds ;; missing-transpose
dE ;; np.ones((n, 1)) * dh / n ;; \frac{1}{n} \mathbf{1} dh^\top ;;
dE ;; np.ones((n, 1)) * dh ;; \mathbf{1} dh^\top ;; missing-mean-factor
""",
)
