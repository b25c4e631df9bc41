"""Derivations of the literature: equations, the closed forms that are printed there, sources."""

from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class Form:
    """A closed form of the literature: the derivative by a variable, or the Hessian by two.

    `latex` is what is printed there, in the names of the equations and with ∂J/∂z for what some
    write δ; `numpy` is the same as text, with dz for it, whose operations are counted.
    """

    by: str
    latex: str
    numpy: str
    left: str = ""  # what the LaTeX is of, where it is not the whole derivative
    ranges: bool = True  # whether the LaTeX says over what all its indices run

    @property
    def is_second(self) -> bool:
        return " " in self.by


@dataclass(frozen=True, eq=False)
class Derivation:
    """A function of the literature as text, its derivatives there, and how the prints differ."""

    title: str
    source: str
    text: str
    symbols: str
    forms: tuple[Form, ...]
    remark: str
    domain: str = ""
    latex: dict[str, str] = field(default_factory=dict)


BISHOP = "Bishop, *Pattern Recognition and Machine Learning* (2006)"
COOKBOOK = "Petersen & Pedersen, *The Matrix Cookbook* (2012)"
DEEP = "Goodfellow, Bengio & Courville, *Deep Learning* (2016)"
ESL = "Hastie, Tibshirani & Friedman, *The Elements of Statistical Learning* (2nd ed.)"

DERIVATIONS = (
    Derivation(
        "Linear regression",
        f"{ESL}, eq. 3.4",
        "r = y - X @ beta; J = sum(r**2)",
        "X: N p, y: N, beta: p",
        (
            Form("beta", r"-2 X^\top (y - X \beta)", "-2 * X.T @ (y - X @ beta)"),
            Form("beta beta", r"2 X^\top X", "2 * X.T @ X"),
        ),
        "The same; the residual has a name, which is kept.",
    ),
    Derivation(
        "Ridge regression",
        f"{ESL}, §3.4.1",
        "r = y - X @ beta; J = sum(r**2) + lam * sum(beta**2)",
        "X: N p, y: N, beta: p, lam: ",
        (
            Form(
                "beta",
                r"-2 X^\top (y - X \beta) + 2 \lambda \beta",
                "-2 * X.T @ (y - X @ beta) + 2 * lam * beta",
            ),
            Form("beta beta", r"2 (X^\top X + \lambda I)", "2 * (X.T @ X + lam * eye(p))"),
        ),
        "The same.",
        "lam: positive",
        {"lam": r"\lambda"},
    ),
    Derivation(
        "Logistic regression",
        f"{BISHOP}, eqs. 4.96, 4.97",
        "y = sigmoid(Phi @ w); J = -sum(t * log(y) + (1 - t) * log(1 - y))",
        "Phi: N M, t: N, w: M",
        (
            Form("w", r"\Phi^\top (y - t)", "Phi.T @ (y - t)"),
            Form(
                "w w",
                r"\Phi^\top \operatorname{diag}(y \odot (1 - y)) \Phi",
                "Phi.T @ diag(y * (1 - y)) @ Phi",
            ),
        ),
        "The same.",
        "t: binary",
        {"Phi": r"\Phi"},
    ),
    Derivation(
        "Softmax regression",
        f"{BISHOP}, §4.3.4",
        "Y = softmax(Phi @ W); J = -sum(T * log(Y))",
        "Phi: N M, T: N K, W: M K",
        (
            Form("W", r"\Phi^\top (Y - T)", "Phi.T @ (Y - T)"),
            Form(
                "W W",
                r"\sum_{n=1}^{N} Y_{nj} (\delta_{jl} - Y_{nl}) \Phi_{ni} \Phi_{nk}",
                "einsum('nj,njl,ni,nk->ijkl', Y, eye(K) - Y[:, None, :], Phi, Phi)",
            ),
        ),
        "The same; Bishop writes the Hessian in blocks, one for each two classes j and l.",
        "T: onehot",
        {"Phi": r"\Phi"},
    ),
    Derivation(
        "Two-layer perceptron",
        f"{BISHOP}, §5.3.2, eqs. 5.65–5.67",
        "A = X @ W1; Z = tanh(A); Y = Z @ W2; J = sum((Y - T)**2) / 2",
        "X: N D, T: N K, W1: D M, W2: M K",
        (
            Form("Y", "Y - T", "Y - T"),
            Form("W2", r"Z^\top \frac{\partial J}{\partial Y}", "Z.T @ dY"),
            Form(
                "A",
                r"(1 - Z^{\odot 2}) \odot \left(\frac{\partial J}{\partial Y} W_2^\top\right)",
                "(1 - Z**2) * (dY @ W2.T)",
            ),
            Form("W1", r"X^\top \frac{\partial J}{\partial A}", "X.T @ dA"),
        ),
        "The same, with a name for ∂J/∂Z as well.",
    ),
    Derivation(
        "Batch normalisation",
        "Ioffe & Szegedy, *Batch Normalization* (2015), §3",
        "mu = mean(X, axis=0); v = mean((X - mu)**2, axis=0);"
        "H = (X - mu) / sqrt(v + eps); Y = gamma * H + beta; J = sum(G * Y)",
        "X: m d, G: m d, gamma: d, beta: d, eps: ",
        (
            Form("H", r"G \odot \gamma", "G * gamma"),
            Form(
                "v",
                r"\sum_{i=1}^{m} \frac{\partial J}{\partial h_i} \odot (x_i - \mu) \odot"
                r" \frac{-1}{2} (v + \varepsilon)^{-3/2}",
                "sum(dH * (X - mu) * (-1 / 2) * (v + eps) ** (-3 / 2), axis=0)",
            ),
            Form(
                "mu",
                r"\sum_{i=1}^{m} \frac{\partial J}{\partial h_i} \odot \frac{-1}{\sqrt{v +"
                r" \varepsilon}} + \frac{\partial J}{\partial v} \odot"
                r" \frac{\sum_{i=1}^{m} -2 (x_i - \mu)}{m}",
                "sum(dH * (-1 / sqrt(v + eps)), axis=0) + dv * sum(-2 * (X - mu), axis=0) / m",
            ),
            Form(
                "X",
                r"\frac{\partial J}{\partial H} \odot \frac{1}{\sqrt{v + \varepsilon}} +"
                r" \frac{\partial J}{\partial v} \odot \frac{2 (X - \mu)}{m} +"
                r" \frac{1}{m} \frac{\partial J}{\partial \mu}",
                "dH * (1 / sqrt(v + eps)) + dv * (2 * (X - mu) / m) + dmu / m",
            ),
            Form("gamma", r"\sum_{i=1}^{m} G_i \odot H_i", "sum(G * H, axis=0)"),
            Form("beta", r"\sum_{i=1}^{m} G_i", "sum(G, axis=0)"),
        ),
        "Sums of deviations from μ are zero and left out; 1/√(v + ε) has a name.",
        "eps: positive",
        {"eps": r"\varepsilon"},
    ),
    Derivation(
        "Layer normalisation",
        "Ba, Kiros & Hinton, *Layer Normalization* (2016), eq. 3; the chain rule as for batches",
        "mu = mean(a); v = mean((a - mu)**2); h = (a - mu) / sqrt(v); y = g * h; J = t @ y",
        "a: H, g: H, t: H",
        (
            Form("h", r"g \odot t", "g * t"),
            Form(
                "a",
                r"\frac{1}{\sqrt{v}} \left(\frac{\partial J}{\partial h} - \frac{1}{H} \mathbf{1}"
                r" \mathbf{1}^\top \frac{\partial J}{\partial h} - \frac{1}{H} h h^\top"
                r" \frac{\partial J}{\partial h}\right)",
                "(dh - mean(dh) - h * (h @ dh) / H) / sqrt(v)",
            ),
        ),
        "The same; h hᵀ is applied to the vector and never formed.",
    ),
    Derivation(
        "Scaled dot-product attention",
        "Vaswani et al., *Attention Is All You Need* (2017), eq. 1;"
        " Dao et al., *FlashAttention* (2022), appendix B",
        "S = Q @ K.T / sqrt(d); P = softmax(S); O = P @ V; J = sum(G * O)",
        "Q: n d, K: m d, V: m k, G: n k",
        (
            Form("V", r"P^\top G", "P.T @ G"),
            Form("P", r"G V^\top", "G @ V.T"),
            Form(
                "S",
                r"P \odot \left(\frac{\partial J}{\partial P} -"
                r" \left(\left(G \odot O\right) \mathbf{1}\right) \mathbf{1}^\top\right)",
                "P * (dP - sum(G * O, axis=1)[:, None])",
            ),
            Form("Q", r"\frac{1}{\sqrt{d}} \frac{\partial J}{\partial S} K", "dS @ K / sqrt(d)"),
            Form(
                "K",
                r"\frac{1}{\sqrt{d}} \left(\frac{\partial J}{\partial S}\right)^\top Q",
                "dS.T @ Q / sqrt(d)",
            ),
        ),
        "The row sums of ∂J/∂P ⊙ P are those of G ⊙ O, which FlashAttention takes: it keeps no P.",
    ),
    Derivation(
        "Recurrent step",
        f"{DEEP}, §10.2.2",
        "h = tanh(U @ x + W @ s + b); J = g @ h",
        "x: p, s: n, U: n p, W: n n, b: n, g: n",
        (
            Form("b", r"\operatorname{diag}(1 - h^{\odot 2}) g", "diag(1 - h**2) @ g"),
            Form(
                "W",
                r"\operatorname{diag}(1 - h^{\odot 2}) g s^\top",
                "diag(1 - h**2) @ outer(g, s)",
            ),
            Form("s", r"W^\top \operatorname{diag}(1 - h^{\odot 2}) g", "W.T @ diag(1 - h**2) @ g"),
        ),
        "A diagonal matrix times a vector is printed as a product of entries.",
    ),
    Derivation(
        "LSTM step",
        "Greff et al., *LSTM: A Search Space Odyssey* (2017), §II.B",
        "Z = Wz @ x; I = Wi @ x; F = Wf @ x; O = Wo @ x; z = tanh(Z); i = sigmoid(I);"
        "f = sigmoid(F); o = sigmoid(O); c = z * i + s * f; y = tanh(c) * o; J = g @ y",
        "x: n, s: k, Wz: k n, Wi: k n, Wf: k n, Wo: k n, g: k",
        (
            Form("O", r"g \odot \tanh(c) \odot o \odot (1 - o)", "g * tanh(c) * o * (1 - o)"),
            Form("c", r"g \odot o \odot (1 - \tanh(c)^{\odot 2})", "g * o * (1 - tanh(c)**2)"),
            Form(
                "F",
                r"\frac{\partial J}{\partial c} \odot s \odot f \odot (1 - f)",
                "dc * s * f * (1 - f)",
            ),
            Form(
                "I",
                r"\frac{\partial J}{\partial c} \odot z \odot i \odot (1 - i)",
                "dc * z * i * (1 - i)",
            ),
            Form(
                "Z",
                r"\frac{\partial J}{\partial c} \odot i \odot (1 - z^{\odot 2})",
                "dc * i * (1 - z**2)",
            ),
            Form("Wz", r"\frac{\partial J}{\partial Z} x^\top", "outer(dZ, x)"),
            Form("s", r"\frac{\partial J}{\partial c} \odot f", "dc * f"),
        ),
        "The same: y has the factors tanh(c) ⊙ o, and is read where both stand.",
        "",
        {"Wz": "W_{z}", "Wi": "W_{i}", "Wf": "W_{f}", "Wo": "W_{o}"},
    ),
    Derivation(
        "Matrix factorisation",
        "Koren, Bell & Volinsky, *Matrix Factorization Techniques for Recommender Systems* (2009)",
        "E = M * (R - P @ Q.T); J = sum(E**2) + lam * (sum(P**2) + sum(Q**2))",
        "R: m n, M: m n, P: m f, Q: n f, lam: ",
        (
            Form("P", r"-2 E Q + 2 \lambda P", "-2 * E @ Q + 2 * lam * P"),
            Form("Q", r"-2 E^\top P + 2 \lambda Q", "-2 * E.T @ P + 2 * lam * Q"),
            Form(
                "P P",
                r"2 \delta_{ik} \left(\lambda \delta_{jl} + \sum_{u=1}^{n}"
                r" M_{iu} Q_{uj} Q_{ul}\right)",
                "2 * einsum('ik,ijl->ijkl', eye(m),"
                " lam * eye(f) + einsum('iu,uj,ul->ijl', M, Q, Q))",
                ranges=False,
            ),
        ),
        "The same: M ⊙ E is E, for M is 0 or 1.",
        "M: binary, lam: positive",
        {"lam": r"\lambda"},
    ),
    Derivation(
        "Gaussian log-likelihood",
        f"{COOKBOOK}, eqs. 57, 61, 86",
        "J = -logdet(Sigma) / 2 - (x - mu) @ inv(Sigma) @ (x - mu) / 2",
        "x: d, mu: d, Sigma: d d",
        (
            Form(
                "Sigma",
                r"-\frac{1}{2} \left(\Sigma^{-1} - \Sigma^{-1} (x - \mu) (x - \mu)^\top \Sigma^{-1}"
                r"\right)",
                "-(inv(Sigma) - inv(Sigma) @ outer(x - mu, x - mu) @ inv(Sigma)) / 2",
            ),
            Form("mu", r"\Sigma^{-1} (x - \mu)", "inv(Sigma) @ (x - mu)"),
        ),
        "The vector that stands there twice gets a name, and is the solution of a linear system.",
        "Sigma: spd",
    ),
    Derivation(
        "Log-determinant",
        "Boyd & Vandenberghe, *Convex Optimization* (2004), §A.4",
        "J = logdet(X)",
        "X: n n",
        (
            Form("X", "X^{-1}", "inv(X)"),
            Form(
                "X X",
                r"-(X^{-1})_{il} (X^{-1})_{jk}",
                "-einsum('il,jk->ijkl', inv(X), inv(X))",
            ),
        ),
        "The same; that X is symmetric shortens what is printed, and never what is differentiated.",
        "X: spd",
    ),
    Derivation(
        "Quadratic form",
        f"{COOKBOOK}, eqs. 84, 88",
        "J = (x - A @ s) @ W @ (x - A @ s)",
        "x: n, A: n m, s: m, W: n n",
        (
            Form("s", r"-2 A^\top W (x - A s)", "-2 * A.T @ W @ (x - A @ s)"),
            Form("A", r"-2 W (x - A s) s^\top", "-2 * W @ outer(x - A @ s, s)"),
            Form("s s", r"2 A^\top W A", "2 * A.T @ W @ A"),
        ),
        "The same.",
        "W: symmetric",
    ),
    Derivation(
        "Rayleigh quotient",
        "Trefethen & Bau, *Numerical Linear Algebra* (1997), Lecture 27",
        "r = x @ A @ x / (x @ x)",
        "x: n, A: n n",
        (Form("x", r"\frac{2}{x^\top x} (A x - r x)", "2 / (x @ x) * (A @ x - r * x)"),),
        "The same; xᵀ x is a squared norm.",
        "A: symmetric",
    ),
    Derivation(
        "t-SNE",
        "van der Maaten & Hinton, *Visualizing Data using t-SNE* (2008), eq. 5",
        "P = A / sum(A); q = sum(Y**2, axis=1); D = q[:, None] + q - 2 * Y @ Y.T;"
        "W = (1 - eye(n)) / (1 + D); Q = W / sum(W); C = sum(P * log(1 + D)) + log(sum(W))",
        "A: n n, Y: n d",
        (
            Form(
                "Y",
                r"4 \sum_{j=1}^{n} (P_{ij} - Q_{ij}) (y_i - y_j)"
                r" (1 + \lVert y_i - y_j \rVert^2)^{-1}",
                "4 * einsum('ij,ijl->il', (P - Q) / (1 + D), Y[:, None] - Y)",
                r"\frac{\partial C}{\partial y_i}",
            ),
        ),
        "The sum over j of the difference is the Laplacian of the forces times Y, n² d operations"
        " without an n × n × d array.",
        "A: symmetric",
    ),
    Derivation(
        "GloVe",
        "Pennington, Socher & Manning, *GloVe* (2014), eq. 8",
        "E = W @ V.T + b[:, None] + c - log(X); J = sum(F * E**2)",
        "X: n m, F: n m, W: n d, V: m d, b: n, c: m",
        (
            Form("W", r"2 (F \odot E) V", "2 * (F * E) @ V"),
            Form("V", r"2 (F \odot E)^\top W", "2 * (F * E).T @ W"),
            Form("b", r"2 (F \odot E) \mathbf{1}", "2 * sum(F * E, axis=1)"),
        ),
        "The same, with a name for ∂J/∂E.",
        "X: positive, F: positive",
    ),
    Derivation(
        "Skip-gram with negative sampling",
        "Mikolov et al., *Distributed Representations of Words and Phrases* (2013), eq. 4",
        "J = -log(sigmoid(u @ v)) - sum(log(sigmoid(-N @ v)))",
        "v: d, u: d, N: k d",
        (
            Form(
                "v",
                r"(\sigma(u^\top v) - 1) u + N^\top \sigma(N v)",
                "(sigmoid(u @ v) - 1) * u + N.T @ sigmoid(N @ v)",
            ),
            Form("u", r"(\sigma(u^\top v) - 1) v", "(sigmoid(u @ v) - 1) * v"),
            Form("N", r"\sigma(N v) v^\top", "outer(sigmoid(N @ v), v)"),
        ),
        "The same, with a minus sign in front of 1 − σ.",
    ),
    Derivation(
        "Mixture of Gaussians",
        f"{BISHOP}, §9.2.2, eqs. 9.13, 9.16",
        "D = sum((X[:, None, :] - mu)**2, axis=2); R = softmax(log(w) - D / (2 * s));"
        "J = sum(logsumexp(log(w) - D / (2 * s), axis=1))",
        "X: N D, mu: K D, w: K, s: ",
        (
            Form(
                "mu",
                r"\frac{1}{s} \sum_{n=1}^{N} R_{nk} (x_n - \mu_k)",
                "einsum('nk,nkj->kj', R, X[:, None] - mu) / s",
                r"\frac{\partial J}{\partial \mu_k}",
            ),
        ),
        "The same: the responsibilities R are recognised in the derivative.",
        "w: simplex, s: positive",
        {"mu": r"\mu"},
    ),
    Derivation(
        "Gaussian process",
        "Rasmussen & Williams, *Gaussian Processes for Machine Learning* (2006), eq. 5.9",
        "K = s * C + v * eye(n); a = solve(K, y);"
        "J = -y @ a / 2 - logdet(K) / 2 - n / 2 * log(2 * pi)",
        "y: n, C: n n, s: , v: ",
        (
            Form(
                "s",
                r"\frac{1}{2} \operatorname{tr}\left((a a^\top - K^{-1}) C\right)",
                "trace((outer(a, a) - inv(K)) @ C) / 2",
            ),
            Form(
                "v",
                r"\frac{1}{2} \operatorname{tr}(a a^\top - K^{-1})",
                "trace(outer(a, a) - inv(K)) / 2",
            ),
        ),
        "A trace of a product is printed as an inner product, which takes n² operations.",
        "C: spd, s: positive, v: positive",
    ),
    Derivation(
        "Variational autoencoder",
        "Kingma & Welling, *Auto-Encoding Variational Bayes* (2014), appendix B",
        "J = -sum(1 + l - m**2 - exp(l)) / 2",
        "m: k, l: k",
        (
            Form("m", "m", "m"),
            Form("l", r"\frac{1}{2} (\exp(l) - 1)", "(exp(l) - 1) / 2"),
            Form("l l", r"\frac{1}{2} \operatorname{diag}(\exp(l))", "diag(exp(l)) / 2"),
        ),
        "The same.",
    ),
    Derivation(
        "Support vector machine",
        "Shalev-Shwartz et al., *Pegasos* (2011), §2",
        "J = lam / 2 * w @ w + sum(relu(1 - y * (X @ w))) / m",
        "X: m d, y: m, w: d, lam: ",
        (
            Form(
                "w",
                r"\lambda w - \frac{1}{m} X^\top (\mathbf{1}[y \odot (X w) < 1] \odot y)",
                "lam * w - X.T @ ((y * (X @ w) < 1) * y) / m",
            ),
        ),
        "The same.",
        "y: sign, lam: positive",
        {"lam": r"\lambda"},
    ),
    Derivation(
        "Convolutional layer",
        f"{DEEP}, §9.5, eqs. 9.11–9.13 with s = 1, summed over N examples",
        "Z = conv2d(V, K); J = sum(G * Z)",
        "V: N C H+a-1 W+b-1, K: O C a b, G: N O H W",
        (
            Form(
                "K",
                r"\sum_{t} \sum_{m=1}^{H} \sum_{n=1}^{W} G_{timn} V_{t, j, m - 1 + k, n - 1 + l}",
                "transpose(conv2d(transpose(V, (1, 0, 2, 3)), transpose(G, (1, 0, 2, 3))), "
                "(1, 0, 2, 3))",
                r"\frac{\partial J}{\partial K_{ijkl}}",
            ),
            Form(
                "V",
                r"\sum_{l, m \,:\, l - 1 + m = j} \sum_{n, p \,:\, n - 1 + p = k} \sum_{q} "
                r"K_{qimp} G_{tqln}",
                "conv_transpose2d(G, K)",
                r"\frac{\partial J}{\partial V_{tijk}}",
            ),
        ),
        "The same: the sum over m and n is a correlation ⋆, and that over all l + m and n + p of "
        "one size a convolution ∗.",
    ),
    Derivation(
        "Convolutional layer with a stride",
        f"{DEEP}, §9.5, eqs. 9.11–9.13 with s = 2, summed over N examples",
        "Z = conv2d(V, K, stride=2); J = sum(G * Z)",
        "V: N C 2*H+a-2 2*W+b-2, K: O C a b, G: N O H W",
        (
            Form(
                "K",
                r"\sum_{t} \sum_{m=1}^{H} \sum_{n=1}^{W} "
                r"G_{timn} V_{t, j, 2 (m - 1) + k, 2 (n - 1) + l}",
                "transpose(conv2d(transpose(V, (1, 0, 2, 3)), transpose(G, (1, 0, 2, 3)), "
                "dilation=2), (1, 0, 2, 3))",
                r"\frac{\partial J}{\partial K_{ijkl}}",
            ),
            Form(
                "V",
                r"\sum_{l, m \,:\, 2 (l - 1) + m = j} \sum_{n, p \,:\, 2 (n - 1) + p = k} "
                r"\sum_{q} K_{qimp} G_{tqln}",
                "conv_transpose2d(G, K, stride=2)",
                r"\frac{\partial J}{\partial V_{tijk}}",
            ),
        ),
        "The same, with indices that count from 0.",
    ),
    Derivation(
        "InfoNCE",
        "van den Oord, Li & Vinyals, *Contrastive Predictive Coding* (2018), eq. 4",
        "P = softmax(Z @ C.T / tau); J = -sum(log(diag(P))) / n",
        "Z: n d, C: n d, tau: ",
        (
            Form("Z", r"\frac{1}{n \tau} (P - I) C", "(P - eye(n)) @ C / (n * tau)"),
            Form("C", r"\frac{1}{n \tau} (P - I)^\top Z", "(P - eye(n)).T @ Z / (n * tau)"),
        ),
        "A product with the identity is never printed.",
        "tau: positive",
        {"tau": r"\tau"},
    ),
)


def table(text):
    """{"X": ("N", "p"), "y": ("N",)} for "X: N p, y: N"."""
    rows = (row.partition(":") for row in text.split(",") if row.strip())
    return {name.strip(): tuple(words.split()) for name, _, words in rows}


def declared(row):
    """The symbols and the domains of a derivation."""
    return table(row.symbols), {name: word for name, (word,) in table(row.domain).items()}
