# ruff: noqa: E501  (one claim a line, as people write them)
r"""Claims in NumPy and LaTeX about networks of other fields, written before any of them was judged.

Of a network: its text, symbols, domains, and claims, one a line: gradient, NumPy, LaTeX, and the
labels that describe the mistake; none where it is right. LaTeX is the right side alone, or an
equation with its own left side; it is empty where only code is natural. More than one label stands
where one mistake has two names: a gradient that bypasses a function is another variable's, and its
derivative is missing.
"""

NETWORKS = []


def net(text, symbols, domain, claims):
    rows = [[field.strip() for field in line.split(";;")] for line in claims.strip().splitlines()]
    NETWORKS.append((text, symbols, domain, rows))


# a gated unit: SiLU times linear
net(
    """U = X @ W
G = X @ V
S = G * sigmoid(G)
H = S * U
Y = H @ Q
J = np.sum((Y - R)**2) / (2*n)""",
    {"X": ("n", "d"), "W": ("d", "k"), "V": ("d", "k"), "Q": ("k", "c"), "R": ("n", "c")},
    {},
    r"""
dY ;; (Y - R) / n ;; \frac{1}{n} (Y - R) ;;
dY ;; (Y - R) / (n*c) ;; \frac{1}{n c} (Y - R) ;; wrong-count extra-mean-factor
dH ;; dY @ Q.T ;; dY Q^\top ;;
dH ;; Q.T @ dY ;; Q^\top dY ;; swapped-factors
dH ;; dY @ Q ;; dY Q ;; missing-transpose
dQ ;; H.T @ dY ;; H^\top dY ;;
dQ ;; np.dot(H.T, dY) / n ;; \frac{1}{n} H^\top dY ;; extra-mean-factor
dQ ;; S.T @ dY ;; S^\top dY ;; stale-variable
dU ;; dH * S ;; dH \odot S ;;
dU ;; dH * G ;; dH \odot G ;; stale-variable
dS ;; dH * U ;; U \odot dH ;;
dG ;; dH * U * (sigmoid(G) + S * (1 - sigmoid(G))) ;; dH \odot U \odot (\sigma(G) + S \odot (1 - \sigma(G))) ;;
dG ;; dS * sigmoid(G) * (1 + G * (1 - sigmoid(G))) ;; dS \odot \sigma(G) \odot (1 + G \odot (1 - \sigma(G))) ;;
dG ;; dS * sigmoid(G) ;; dS \odot \sigma(G) ;; missing-term wrong-activation-derivative missing-path
dG ;; dS * sigmoid(G) * (1 - sigmoid(G)) ;; dS \odot \sigma(G) \odot (1 - \sigma(G)) ;; wrong-activation-derivative
dG ;; dS * (sigmoid(G) + G * (1 - sigmoid(G))) ;; dS \odot (\sigma(G) + G \odot (1 - \sigma(G))) ;; missing-chain-factor wrong-activation-derivative
dX ;; dU @ W.T + dG @ V.T ;; dU W^\top + dG V^\top ;;
dX ;; dU @ W.T ;; dU W^\top ;; missing-path
dX ;; dU @ V.T + dG @ W.T ;; dU V^\top + dG W^\top ;; stale-variable
dV ;; X.T @ dG ;; X^\top dG ;;
dV ;; X.T @ dS ;; X^\top dS ;; missing-activation-derivative stale-variable
dW ;; X.T @ dU ;; X^\top dU ;;
dW ;; X @ dU ;; X dU ;; missing-transpose
""",
)
# a graph convolution with a directed graph
net(
    """Z = A @ X @ W
H = relu(Z)
F = A @ H @ V
P = softmax(F)
J = -np.sum(Y * np.log(P)) / n""",
    {"A": ("n", "n"), "X": ("n", "d"), "W": ("d", "h"), "V": ("h", "c"), "Y": ("n", "c")},
    {"Y": "onehot"},
    r"""
dF ;; (P - Y) / n ;; \frac{1}{n} (P - Y) ;;
dF ;; (P - Y) / c ;; \frac{1}{c} (P - Y) ;; wrong-count
dF ;; P * (P - Y) / n ;; \frac{1}{n} P \odot (P - Y) ;; fused-gradient-reused extra-term
dF ;; P * (dP - np.sum(dP * P, axis=1, keepdims=True)) ;; P \odot (dP - (dP \odot P) \mathbf{1} \mathbf{1}^\top) ;;
dF ;; dP * P * (1 - P) ;; dP \odot P \odot (1 - P) ;; softmax-diagonal-only
dP ;; -Y / P / n ;; -\frac{1}{n} Y \oslash P ;;
dP ;; -Y * np.log(P) / n ;; -\frac{1}{n} Y \odot \log P ;; wrong-derivative-rule
dV ;; (A @ H).T @ dF ;; (A H)^\top dF ;;
dV ;; H.T @ dF ;; H^\top dF ;; missing-chain-factor
dV ;; H.T @ A @ dF ;; H^\top A dF ;; symmetry-assumed missing-transpose
dH ;; A.T @ dF @ V.T ;; A^\top dF V^\top ;;
dH ;; A @ dF @ V.T ;; A dF V^\top ;; symmetry-assumed missing-transpose
dH ;; dF @ V.T ;; dF V^\top ;; missing-chain-factor
dZ ;; dH * (Z > 0) ;; dH \odot [Z > 0] ;;
dZ ;; dH * (dH > 0) ;; dH \odot [dH > 0] ;; stale-variable wrong-activation-derivative mask-not-applied
dZ ;; dH * Z ;; dH \odot Z ;; wrong-activation-derivative
dW ;; X.T @ A.T @ dZ ;; X^\top A^\top dZ ;;
dW ;; X.T @ A.T @ dH ;; X^\top A^\top dH ;; missing-activation-derivative stale-variable
dX ;; A.T @ dZ @ W.T ;; A^\top dZ W^\top ;;
dX ;; A.T @ W.T @ dZ ;; A^\top W^\top dZ ;; swapped-factors
dX ;; A.T @ (dZ * W.T) ;; A^\top (dZ \odot W^\top) ;; elementwise-for-matmul
dA ;; dZ @ (X @ W).T + dF @ (H @ V).T ;; dZ (X W)^\top + dF (H V)^\top ;;
dA ;; dF @ (H @ V).T ;; dF (H V)^\top ;; missing-path
dA ;; H @ V @ dF.T + X @ W @ dZ.T ;; H V dF^\top + X W dZ^\top ;; wrong-transpose swapped-factors
""",
)
# a variational autoencoder, reparameterised
net(
    """M = X @ A
L = X @ B
S = np.exp(L / 2)
Z = M + S * E
R = Z @ D
J = np.sum((R - X)**2) / (2*n) + beta / (2*n) * np.sum(S**2 + M**2 - 1 - L)""",
    {
        "X": ("n", "d"),
        "A": ("d", "k"),
        "B": ("d", "k"),
        "D": ("k", "d"),
        "E": ("n", "k"),
        "beta": (),
    },
    {"beta": "positive"},
    r"""
dR ;; (R - X) / n ;; \frac{R - X}{n} ;;
dR ;; (X - R) / n ;; \frac{X - R}{n} ;; sign
dZ ;; dR @ D.T ;; dR D^\top ;;
dM ;; dZ + beta / n * M ;; dZ + \frac{\beta}{n} M ;;
dM ;; dZ ;; dZ ;; missing-regulariser missing-path missing-term
dM ;; dZ + beta * M ;; dZ + \beta M ;; missing-mean-factor
dM ;; dZ * S + beta / n * M ;; dZ \odot S + \frac{\beta}{n} M ;; extra-term
dM ;; dZ + 2 * beta / n * M ;; dZ + \frac{2 \beta}{n} M ;; constant-factor
dS ;; dZ * E + beta / n * S ;; dZ \odot E + \frac{\beta}{n} S ;;
dS ;; dZ + beta / n * S ;; dZ + \frac{\beta}{n} S ;; missing-chain-factor
dL ;; dZ * E * S / 2 + beta / (2*n) * (S**2 - 1) ;; \frac{1}{2} dZ \odot E \odot S + \frac{\beta}{2n} (S^2 - 1) ;;
dL ;; dS * S / 2 - beta / (2*n) ;; \frac{1}{2} dS \odot S - \frac{\beta}{2n} ;;
dL ;; dS * S - beta / (2*n) ;; dS \odot S - \frac{\beta}{2n} ;; missing-chain-factor constant-factor
dL ;; dS * S / 2 + beta / (2*n) ;; \frac{1}{2} dS \odot S + \frac{\beta}{2n} ;; sign
dL ;; dS * S / 2 ;; \frac{1}{2} dS \odot S ;; missing-term missing-path missing-regulariser
dL ;; dS / 2 - beta / (2*n) ;; \frac{1}{2} dS - \frac{\beta}{2n} ;; missing-activation-derivative missing-chain-factor wrong-derivative-rule
dL ;; dS * L / 2 - beta / (2*n) ;; \frac{1}{2} dS \odot L - \frac{\beta}{2n} ;; stale-variable wrong-derivative-rule
dA ;; X.T @ dM ;; X^\top dM ;;
dA ;; X.T @ dZ ;; X^\top dZ ;; stale-variable missing-path missing-regulariser missing-term
dB ;; X.T @ dL ;; X^\top dL ;;
dB ;; dL.T @ X ;; dL^\top X ;; wrong-transpose swapped-factors
dD ;; Z.T @ dR ;; Z^\top dR ;;
dD ;; M.T @ dR ;; M^\top dR ;; stale-variable
dX ;; dM @ A.T + dL @ B.T - dR ;; dM A^\top + dL B^\top - dR ;;
dX ;; dM @ A.T + dL @ B.T ;; dM A^\top + dL B^\top ;; missing-path missing-term
""",
)
# a factorisation machine of second order
net(
    """P = X @ V
f = c + X @ w + (np.sum(P**2, axis=1) - np.sum(X**2 @ V**2, axis=1)) / 2
e = f - y
J = np.mean(e**2) / 2""",
    {"X": ("n", "d"), "V": ("d", "k"), "w": ("d",), "c": (), "y": ("n",)},
    {},
    r"""
df ;; e / n ;; \frac{1}{n} e ;;
df ;; e ;; e ;; missing-mean-factor
dc ;; np.sum(df) ;; \mathbf{1}^\top df ;;
dc ;; df ;; df ;; missing-batch-sum
dc ;; e.mean() ;; \frac{1}{n} \sum_i e_i ;;
dc ;; np.mean(df) ;; \frac{1}{n} \mathbf{1}^\top df ;; extra-mean-factor
dw ;; X.T @ df ;; X^\top df ;;
dw ;; X.T * df ;;  ;; elementwise-for-matmul missing-batch-sum
dw ;; X.T @ e ;; X^\top e ;; missing-mean-factor
dP ;; df[:, None] * P ;; \operatorname{diag}(df) P ;;
dP ;; 2 * df[:, None] * P ;; 2 \operatorname{diag}(df) P ;; constant-factor
dP ;; df @ P ;; df^\top P ;; matmul-for-elementwise
dV ;; X.T @ (df[:, None] * P) - ((X**2).T @ df)[:, None] * V ;; X^\top \operatorname{diag}(df) P - \operatorname{diag}((X \odot X)^\top df) V ;;
dV ;; X.T @ (df[:, None] * P) ;; X^\top \operatorname{diag}(df) P ;; missing-term missing-path
dV ;; X.T @ dP + ((X**2).T @ df)[:, None] * V ;; X^\top dP + \operatorname{diag}((X \odot X)^\top df) V ;; sign
dV ;; X.T @ dP - (X.T @ df)[:, None] * V ;; X^\top dP - \operatorname{diag}(X^\top df) V ;; missing-chain-factor wrong-derivative-rule
dX ;; np.outer(df, w) + dP @ V.T - X * np.outer(df, np.sum(V**2, axis=1)) ;; df w^\top + dP V^\top - X \odot (df ((V \odot V) \mathbf{1})^\top) ;;
dX ;; np.outer(df, w) + dP @ V - X * np.outer(df, np.sum(V**2, axis=1)) ;; df w^\top + dP V - X \odot (df ((V \odot V) \mathbf{1})^\top) ;; missing-transpose
dX ;; dP @ V.T - X * np.outer(df, np.sum(V**2, axis=1)) ;; dP V^\top - X \odot (df ((V \odot V) \mathbf{1})^\top) ;; missing-term missing-path
dX ;; np.outer(df, w) + dP @ V.T ;; df w^\top + dP V^\top ;; missing-term missing-path
""",
)
# radial basis functions with learnt centres
net(
    """D = np.sum(X**2, axis=1, keepdims=True) - 2 * X @ C.T + np.sum(C**2, axis=1)
K = np.exp(-g * D)
f = K @ w
r = f - y
J = np.sum(r**2) / 2 + lam/2 * np.sum(w**2)""",
    {"X": ("n", "d"), "C": ("p", "d"), "w": ("p",), "y": ("n",), "g": (), "lam": ()},
    {"g": "positive", "lam": "positive"},
    r"""
df ;; f - y ;; f - y ;;
df ;; y - f ;; y - f ;; sign
dw ;; K.T @ r + lam * w ;; K^\top r + \lambda w ;;
dw ;; D.T @ r + lam * w ;; D^\top r + \lambda w ;; stale-variable
dw ;; K.T @ r + lam / n * w ;; K^\top r + \frac{\lambda}{n} w ;; extra-mean-factor
dw ;; K.T @ r + lam/2 * w**2 ;; K^\top r + \frac{\lambda}{2} w \odot w ;; wrong-derivative-rule
dK ;; np.outer(r, w) ;; r w^\top ;;
dK ;; np.outer(w, r) ;; w r^\top ;; swapped-factors wrong-transpose
dK ;; r @ w ;; r^\top w ;; matmul-for-elementwise
dD ;; -g * dK * K ;; -g \, dK \odot K ;;
dD ;; -dK * K ;; -dK \odot K ;; missing-chain-factor missing-scale-factor
dD ;; g * dK * K ;; g \, dK \odot K ;; sign
dD ;; -g * dK ;; -g \, dK ;; missing-activation-derivative missing-chain-factor wrong-derivative-rule
dD ;; -g * dK * np.exp(-g * K) ;; -g \, dK \odot \exp(-g K) ;; derivative-at-activation stale-variable
dg ;; -np.sum(dK * K * D) ;; -\sum_{i,j} (dK \odot K \odot D)_{ij} ;;
dg ;; -np.sum(dK * K) ;; -\sum_{i,j} (dK \odot K)_{ij} ;; missing-chain-factor
dC ;; 2 * (np.sum(dD, axis=0)[:, None] * C - dD.T @ X) ;; 2 (\operatorname{diag}(dD^\top \mathbf{1}) C - dD^\top X) ;;
dC ;; 2 * (np.sum(dD, axis=1)[:, None] * C - dD.T @ X) ;; 2 (\operatorname{diag}(dD \mathbf{1}) C - dD^\top X) ;; wrong-axis
dC ;; -2 * dD.T @ X ;; -2 dD^\top X ;; missing-path missing-term
dC ;; np.sum(dD, axis=0)[:, None] * C - dD.T @ X ;; \operatorname{diag}(dD^\top \mathbf{1}) C - dD^\top X ;; constant-factor
dX ;; 2 * (np.sum(dD, axis=1, keepdims=True) * X - dD @ C) ;; 2 (\operatorname{diag}(dD \mathbf{1}) X - dD C) ;;
dX ;; 2 * (np.sum(dD, axis=1, keepdims=True) * X - dD @ X) ;; 2 (\operatorname{diag}(dD \mathbf{1}) X - dD X) ;; stale-variable
dX ;; 2 * (np.sum(dD, axis=1, keepdims=True) * X + dD @ C) ;; 2 (\operatorname{diag}(dD \mathbf{1}) X + dD C) ;; sign
""",
)
# counts with exposure, elastic net
net(
    """a = X @ w + b
mu = t * np.exp(a)
J = np.sum(mu - y * np.log(mu)) / n + p * np.sum(np.abs(w)) + q/2 * np.sum(w**2)""",
    {"X": ("n", "d"), "w": ("d",), "b": (), "t": ("n",), "y": ("n",), "p": (), "q": ()},
    {"t": "positive", "y": "positive", "p": "positive", "q": "positive"},
    r"""
dmu ;; (1 - y / mu) / n ;; \frac{1}{n} (1 - y \oslash \mu) ;;
dmu ;; (1 - y * mu) / n ;; \frac{1}{n} (1 - y \odot \mu) ;; wrong-derivative-rule
dmu ;; -y / mu / n ;; -\frac{1}{n} y \oslash \mu ;; missing-term missing-path
dmu ;; (y / mu - 1) / n ;; \frac{1}{n} (y \oslash \mu - 1) ;; sign
da ;; (mu - y) / n ;; \frac{1}{n} (\mu - y) ;;
da ;; mu * (mu - y) / n ;; \frac{1}{n} \mu \odot (\mu - y) ;; fused-gradient-reused extra-term
da ;; dmu ;; d\mu ;; missing-activation-derivative missing-chain-factor
da ;; dmu * np.exp(a) ;; d\mu \odot \exp(a) ;; missing-chain-factor missing-scale-factor stale-variable
da ;; (np.exp(a) - y) / n ;; \frac{1}{n} (\exp(a) - y) ;; missing-chain-factor missing-scale-factor stale-variable
dw ;; X.T @ da + p * np.sign(w) + q * w ;; X^\top da + p \operatorname{sign}(w) + q w ;;
dw ;; X.T @ da + q * w ;; X^\top da + q w ;; missing-regulariser missing-term
dw ;; X.T @ da + p * np.abs(w) + q * w ;; X^\top da + p \lvert w \rvert + q w ;; wrong-derivative-rule
dw ;; X.T @ da + p * np.sign(w) + 2 * q * w ;; X^\top da + p \operatorname{sign}(w) + 2 q w ;; constant-factor
dw ;; X @ da + p * np.sign(w) + q * w ;; X da + p \operatorname{sign}(w) + q w ;; missing-transpose
db ;; np.sum(da) ;; \sum_i da_i ;;
db ;; np.sum(da) + q * b ;; \sum_i da_i + q b ;; bias-regularised
db ;; da ;; da ;; missing-batch-sum
dt ;; dmu * np.exp(a) ;; d\mu \odot \exp(a) ;;
dt ;; dmu * mu / t ;; d\mu \odot \mu \oslash t ;;
dt ;; dmu * mu ;; d\mu \odot \mu ;; missing-chain-factor extra-term
dt ;; dmu * a ;; d\mu \odot a ;; stale-variable wrong-derivative-rule missing-activation-derivative
""",
)
# Huber's loss, weighted
net(
    """r = X @ w + b - y
l = np.where(np.abs(r) <= k, r**2 / 2, k * (np.abs(r) - k/2))
J = np.sum(s * l) / np.sum(s)""",
    {"X": ("n", "d"), "w": ("d",), "b": (), "y": ("n",), "s": ("n",), "k": ()},
    {"s": "positive", "k": "positive"},
    r"""
dl ;; s / np.sum(s) ;; \frac{s}{\sum_i s_i} ;;
dl ;; s / n ;; \frac{1}{n} s ;; wrong-count
dl ;; np.ones(n) / np.sum(s) ;; \frac{\mathbf{1}}{\sum_i s_i} ;; missing-chain-factor missing-scale-factor
dl ;; s ;; s ;; missing-mean-factor
dr ;; dl * np.where(np.abs(r) <= k, r, k * np.sign(r)) ;; dl \odot \begin{cases} r & \lvert r \rvert \le k \\ k \operatorname{sign}(r) & \text{otherwise} \end{cases} ;;
dr ;; dl * np.clip(r, -k, k) ;; dl \odot \max(-k, \min(r, k)) ;;
dr ;; dl * r ;; dl \odot r ;; mask-not-applied
dr ;; dl * np.where(np.abs(r) <= k, r, k) ;; dl \odot \begin{cases} r & \lvert r \rvert \le k \\ k & \text{otherwise} \end{cases} ;; missing-chain-factor sign wrong-derivative-rule
dr ;; dl * np.where(np.abs(r) <= k, r, np.sign(r)) ;; dl \odot \begin{cases} r & \lvert r \rvert \le k \\ \operatorname{sign}(r) & \text{otherwise} \end{cases} ;; missing-chain-factor missing-scale-factor constant-factor
dr ;; dl * np.where(np.abs(r) <= k, 2*r, k * np.sign(r)) ;; dl \odot \begin{cases} 2 r & \lvert r \rvert \le k \\ k \operatorname{sign}(r) & \text{otherwise} \end{cases} ;; constant-factor
dr ;; dl * np.where(np.abs(r) > k, r, k * np.sign(r)) ;; dl \odot \begin{cases} r & \lvert r \rvert > k \\ k \operatorname{sign}(r) & \text{otherwise} \end{cases} ;; mask-not-applied
dr ;; dl * (np.abs(r) <= k) * r ;; dl \odot [\lvert r \rvert \le k] \odot r ;; missing-term missing-path mask-not-applied
dw ;; X.T @ dr ;; X^\top dr ;;
dw ;; X.T @ dl ;; X^\top dl ;; missing-activation-derivative missing-chain-factor stale-variable mask-not-applied
db ;; dr.sum() ;; \mathbf{1}^\top dr ;;
db ;; dr.sum() / n ;; \frac{1}{n} \mathbf{1}^\top dr ;; extra-mean-factor
dy ;; -dr ;; -dr ;;
dy ;; dr ;; dr ;; sign
""",
)
# experts mixed by a gate
net(
    """Z = X @ A
G = softmax(Z)
F = X @ B
f = np.sum(G * F, axis=1)
J = np.mean((f - y)**2)""",
    {"X": ("n", "d"), "A": ("d", "k"), "B": ("d", "k"), "y": ("n",)},
    {},
    r"""
df ;; 2 * (f - y) / n ;; \frac{2}{n} (f - y) ;;
df ;; (f - y) / n ;; \frac{1}{n} (f - y) ;; constant-factor
dG ;; df[:, None] * F ;; \operatorname{diag}(df) F ;;
dG ;; df[:, None] * G ;; \operatorname{diag}(df) G ;; stale-variable
dF ;; df[:, None] * G ;; \operatorname{diag}(df) G ;;
dF ;; df[:, None] * np.ones((n, k)) ;; df \mathbf{1}^\top ;; missing-chain-factor
dZ ;; G * (dG - np.sum(dG * G, axis=1, keepdims=True)) ;; G \odot (dG - (dG \odot G) \mathbf{1} \mathbf{1}^\top) ;;
dZ ;; df[:, None] * G * (F - f[:, None]) ;; \operatorname{diag}(df) (G \odot (F - f \mathbf{1}^\top)) ;;
dZ ;; df[:, None] * G * (f[:, None] - F) ;; \operatorname{diag}(df) (G \odot (f \mathbf{1}^\top - F)) ;; sign
dZ ;; G * dG ;; G \odot dG ;; missing-term missing-path missing-norm-path
dZ ;; dG * G * (1 - G) ;; dG \odot G \odot (1 - G) ;; softmax-diagonal-only
dZ ;; dG ;; dG ;; missing-activation-derivative
dZ ;; G * (dG - dG.sum(axis=1, keepdims=True)) ;; G \odot (dG - dG \mathbf{1} \mathbf{1}^\top) ;; missing-chain-factor
dZ ;; G * (dG - np.sum(dG * G, axis=0)) ;; G \odot (dG - \mathbf{1} \mathbf{1}^\top (dG \odot G)) ;; wrong-axis
dA ;; X.T @ dZ ;; X^\top dZ ;;
dA ;; X.T @ dG ;; X^\top dG ;; missing-activation-derivative stale-variable
dB ;; X.T @ dF ;; X^\top dF ;;
dX ;; dZ @ A.T + dF @ B.T ;; dZ A^\top + dF B^\top ;;
dX ;; dF @ B.T ;; dF B^\top ;; missing-path
dX ;; dZ @ A + dF @ B ;; dZ A + dF B ;; missing-transpose
""",
)
# word vectors with negative samples
net(
    """s = o @ v
q = N @ v
J = -np.log(sigmoid(s)) - np.sum(np.log(sigmoid(-q)))""",
    {"o": ("d",), "v": ("d",), "N": ("k", "d")},
    {},
    r"""
ds ;; sigmoid(s) - 1 ;; \sigma(s) - 1 ;;
ds ;; sigmoid(s) ;; \sigma(s) ;; missing-term
ds ;; 1 - sigmoid(s) ;; 1 - \sigma(s) ;; sign
ds ;; -1 / sigmoid(s) ;; -\frac{1}{\sigma(s)} ;; missing-activation-derivative missing-chain-factor
dq ;; sigmoid(q) ;; \sigma(q) ;;
dq ;; sigmoid(-q) ;; \sigma(-q) ;; sign
dq ;; sigmoid(q) - 1 ;; \sigma(q) - 1 ;; extra-term
dq ;; 1 / sigmoid(-q) ;; \frac{1}{\sigma(-q)} ;; missing-activation-derivative missing-chain-factor
do ;; (sigmoid(s) - 1) * v ;; (\sigma(s) - 1) v ;;
do ;; ds * o ;; ds \, o ;; stale-variable
dN ;; np.outer(sigmoid(q), v) ;; \sigma(q) v^\top ;;
dN ;; np.outer(v, sigmoid(q)) ;; v \sigma(q)^\top ;; wrong-transpose swapped-factors
dN ;; np.outer(sigmoid(q), o) ;; \sigma(q) o^\top ;; stale-variable
dv ;; ds * o + N.T @ dq ;; ds \, o + N^\top dq ;;
dv ;; ds * o ;; ds \, o ;; missing-path missing-term
dv ;; ds * o + N @ dq ;; ds \, o + N dq ;; missing-transpose
dv ;; ds * o + np.sum(dq) * np.sum(N, axis=0) ;;  ;; misplaced-factor
dv ;; ds * o + np.sum(N, axis=0) ;; ds \, o + N^\top \mathbf{1} ;; missing-chain-factor
dv ;; ds * o - N.T @ dq ;; ds \, o - N^\top dq ;; sign
""",
)
# pairs told apart within a batch
net(
    """S = A @ B.T / tau
P = softmax(S)
J = -np.trace(np.log(P)) / n""",
    {"A": ("n", "d"), "B": ("n", "d"), "tau": ()},
    {"tau": "positive"},
    r"""
dS ;; (P - np.eye(n)) / n ;; \frac{1}{n} (P - I) ;;
dS ;; P / n ;; \frac{1}{n} P ;; missing-term
dS ;; P - np.eye(n) ;; P - I ;; missing-mean-factor
dS ;; (np.eye(n) - P) / n ;; \frac{1}{n} (I - P) ;; sign
dS ;; P * (P - np.eye(n)) / n ;; \frac{1}{n} P \odot (P - I) ;; fused-gradient-reused extra-term
dP ;; -np.eye(n) / P / n ;; -\frac{1}{n} I \oslash P ;;
dP ;; -1 / P / n ;; -\frac{1}{n} \frac{1}{P} ;; mask-not-applied missing-chain-factor
dA ;; dS @ B / tau ;; \frac{1}{\tau} dS B ;;
dA ;; dS @ B ;; dS B ;; missing-scale-factor
dA ;; dS.T @ B / tau ;; \frac{1}{\tau} dS^\top B ;; wrong-transpose
dA ;; dS @ A / tau ;; \frac{1}{\tau} dS A ;; stale-variable
dB ;; dS.T @ A / tau ;; \frac{1}{\tau} dS^\top A ;;
dB ;; dS @ A / tau ;; \frac{1}{\tau} dS A ;; missing-transpose
dtau ;; -np.sum(dS * S) / tau ;; -\frac{1}{\tau} \sum_{i,j} (dS \odot S)_{ij} ;;
dtau ;; -np.sum(dS * S) / tau**2 ;; -\frac{1}{\tau^2} \sum_{i,j} (dS \odot S)_{ij} ;; missing-scale-factor extra-term constant-factor wrong-derivative-rule
dtau ;; np.sum(dS * S) / tau ;; \frac{1}{\tau} \sum_{i,j} (dS \odot S)_{ij} ;; sign
dtau ;; -np.sum(dS) * np.sum(S) / tau ;;  ;; misplaced-factor
""",
)
# a highway layer
net(
    """U = X @ A + a
V = X @ B + b
G = sigmoid(U)
H = np.tanh(V)
Y = G * H + (1 - G) * X
J = np.sum((Y - R)**2) / 2""",
    {"X": ("n", "d"), "A": ("d", "d"), "B": ("d", "d"), "a": ("d",), "b": ("d",), "R": ("n", "d")},
    {},
    r"""
dY ;; Y - R ;; Y - R ;;
dG ;; dY * (H - X) ;; dY \odot (H - X) ;;
dG ;; dY * H ;; dY \odot H ;; missing-path missing-term
dG ;; dY * (H + X) ;; dY \odot (H + X) ;; sign
dH ;; dY * G ;; dY \odot G ;;
dH ;; dY * (1 - G) ;; dY \odot (1 - G) ;; stale-variable
dU ;; dG * G * (1 - G) ;; dG \odot G \odot (1 - G) ;;
dU ;; dG * G ;; dG \odot G ;; wrong-activation-derivative
dU ;; dG * sigmoid(G) * (1 - sigmoid(G)) ;; dG \odot \sigma(G) \odot (1 - \sigma(G)) ;; derivative-at-activation
dU ;; dG * (1 - G**2) ;; dG \odot (1 - G^2) ;; wrong-activation-derivative
dV ;; dH * (1 - H**2) ;; dH \odot (1 - H^2) ;;
dV ;; dH * (1 - H)**2 ;; dH \odot (1 - H)^2 ;; wrong-activation-derivative
dV ;; dH * (1 - V**2) ;; dH \odot (1 - V^2) ;; stale-variable wrong-activation-derivative
dV ;; dH * (1 - np.tanh(H)**2) ;; dH \odot (1 - \tanh^2(H)) ;; derivative-at-activation
dA ;; X.T @ dU ;; X^\top dU ;;
da ;; dU.sum(axis=0) ;; dU^\top \mathbf{1} ;;
da ;; dU.sum(axis=1) ;; dU \mathbf{1} ;; wrong-axis
db ;; np.ones(n) @ dV ;; \sum_{i=1}^{n} dV_{i,:} ;;
db ;; dV ;; dV ;; missing-batch-sum
dX ;; dY * (1 - G) + dU @ A.T + dV @ B.T ;; dY \odot (1 - G) + dU A^\top + dV B^\top ;;
dX ;; dU @ A.T + dV @ B.T ;; dU A^\top + dV B^\top ;; missing-path
dX ;; dY + dU @ A.T + dV @ B.T ;; dY + dU A^\top + dV B^\top ;; missing-chain-factor
dX ;; dY * (1 - G) + dU @ A + dV @ B ;; dY \odot (1 - G) + dU A + dV B ;; missing-transpose symmetry-assumed
""",
)
# leaky units over two steps
net(
    """a1 = np.tanh(x1 @ U + h0 @ W)
h1 = (1 - k) * h0 + k * a1
a2 = np.tanh(x2 @ U + h1 @ W)
h2 = (1 - k) * h1 + k * a2
e1 = h1 @ C - y1
e2 = h2 @ C - y2
J = np.sum(e1**2) / 2 + np.sum(e2**2) / 2""",
    {
        "x1": ("m", "d"),
        "x2": ("m", "d"),
        "h0": ("m", "h"),
        "U": ("d", "h"),
        "W": ("h", "h"),
        "C": ("h", "c"),
        "y1": ("m", "c"),
        "y2": ("m", "c"),
        "k": (),
    },
    {"k": "unit"},
    r"""
dh2 ;; e2 @ C.T ;; e_2 C^\top ;;
dh2 ;; e2 @ C ;; e_2 C ;; missing-transpose
da2 ;; k * dh2 ;; k \, dh_2 ;;
da2 ;; dh2 ;; dh_2 ;; missing-scale-factor missing-chain-factor
dh1 ;; e1 @ C.T + (1 - k) * dh2 + (da2 * (1 - a2**2)) @ W.T ;; e_1 C^\top + (1 - k) dh_2 + (da_2 \odot (1 - a_2^2)) W^\top ;;
dh1 ;; e1 @ C.T ;; e_1 C^\top ;; missing-recurrent-path
dh1 ;; (1 - k) * dh2 + (da2 * (1 - a2**2)) @ W.T ;; (1 - k) dh_2 + (da_2 \odot (1 - a_2^2)) W^\top ;; missing-term missing-path
dh1 ;; e1 @ C.T + (da2 * (1 - a2**2)) @ W.T ;; e_1 C^\top + (da_2 \odot (1 - a_2^2)) W^\top ;; missing-path missing-term missing-recurrent-path
dh1 ;; e1 @ C.T + dh2 + (da2 * (1 - a2**2)) @ W.T ;; e_1 C^\top + dh_2 + (da_2 \odot (1 - a_2^2)) W^\top ;; missing-scale-factor missing-chain-factor
dh1 ;; e1 @ C.T + (1 - k) * dh2 + da2 @ W.T ;; e_1 C^\top + (1 - k) dh_2 + da_2 W^\top ;; missing-activation-derivative
dW ;; h0.T @ (da1 * (1 - a1**2)) + h1.T @ (da2 * (1 - a2**2)) ;; h_0^\top (da_1 \odot (1 - a_1^2)) + h_1^\top (da_2 \odot (1 - a_2^2)) ;;
dW ;; h1.T @ (da2 * (1 - a2**2)) ;; h_1^\top (da_2 \odot (1 - a_2^2)) ;; dropped-time-step
dW ;; h1.T @ (da1 * (1 - a1**2)) + h2.T @ (da2 * (1 - a2**2)) ;; h_1^\top (da_1 \odot (1 - a_1^2)) + h_2^\top (da_2 \odot (1 - a_2^2)) ;; stale-variable wrong-index
dU ;; x1.T @ (da1 * (1 - a1**2)) + x2.T @ (da2 * (1 - a2**2)) ;; x_1^\top (da_1 \odot (1 - a_1^2)) + x_2^\top (da_2 \odot (1 - a_2^2)) ;;
dU ;; (x1 + x2).T @ (da1 * (1 - a1**2) + da2 * (1 - a2**2)) ;; (x_1 + x_2)^\top (da_1 \odot (1 - a_1^2) + da_2 \odot (1 - a_2^2)) ;; misplaced-factor
dC ;; h1.T @ e1 + h2.T @ e2 ;; h_1^\top e_1 + h_2^\top e_2 ;;
dC ;; h2.T @ e2 ;; h_2^\top e_2 ;; dropped-time-step
dC ;; h1.T @ e2 + h2.T @ e1 ;; h_1^\top e_2 + h_2^\top e_1 ;; stale-variable wrong-index
""",
)
# a learnt filter along a series
net(
    """y = sum(k[j] * x[j:j + n - K + 1] for j in range(K))
a = np.tanh(y)
J = np.sum((a - t)**2) / 2""",
    {"x": ("n",), "k": ("K",), "t": ("n - K + 1",)},
    {},
    r"""
dy ;; (a - t) * (1 - a**2) ;; (a - t) \odot (1 - a^2) ;;
dy ;; a - t ;; a - t ;; missing-activation-derivative
dk ;; np.array([np.sum(dy * x[j:j + n - K + 1]) for j in range(K)]) ;; \frac{\partial J}{\partial k_j} = \sum_t dy_t x_{t+j} ;;
dk ;; np.correlate(x, dy, mode="valid") ;;  ;;
dk ;; np.convolve(x, dy, mode="valid") ;;  ;; kernel-flip
dk ;; np.array([np.sum(dy * x[:n - K + 1]) for j in range(K)]) ;; \frac{\partial J}{\partial k_j} = \sum_t dy_t x_t ;; wrong-index
dx ;; np.convolve(dy, k) ;;  ;;
dx ;; np.convolve(dy, k[::-1]) ;;  ;; kernel-flip
""",
)
# a table of vectors read by labels
net(
    """E = C[i]
f = E @ u
J = np.mean((f - y)**2) / 2""",
    {"C": ("v", "e"), "i": ("n",), "u": ("e",), "y": ("n",)},
    {"i": "labels:v"},
    r"""
df ;; (f - y) / n ;; \frac{1}{n} (f - y) ;;
dE ;; np.outer(df, u) ;; df u^\top ;;
dE ;; df * u ;; df \odot u ;; elementwise-for-matmul
dC ;; np.eye(v)[i].T @ dE ;;  ;;
dC ;; np.eye(v)[i] @ dE ;;  ;; missing-transpose
du ;; E.T @ df ;; E^\top df ;;
du ;; C.T @ df ;; C^\top df ;; stale-variable
""",
)
