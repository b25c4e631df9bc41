"""Networks in LaTeX are the networks of NumPy's text: every value, at random points."""

import numpy as np
import pytest

import symgrad as sg

MLP = {"X": ("B", "d"), "W1": ("d", "h"), "b1": ("h",), "W2": ("h", "c"), "b2": ("c",)}
COLUMNS = {"X": ("d", "m"), "W1": ("h", "d"), "b1": ("h", 1), "Y": (1, "m"), "W2": (1, "h")}
ROWS = {"X": ("m", "n"), "y": ("m",), "w": ("n",), "lam": ()}
VECTOR = {"x": ("n",), "y": ("n",)}

# each: LaTeX, NumPy's text, symbols, and what else the two readers are told
SAME = [
    # layers in every notation
    (r"Z_1 = X W_1 + b_1 \\ A_1 = \tanh(Z_1)", "Z1 = X @ W1 + b1; A1 = tanh(Z1)", MLP),
    (
        r"Z^{[1]} = W^{[1]} X + b^{[1]}, \quad A^{[1]} = \sigma(Z^{[1]})",
        "Z1 = W1 @ X + b1; A1 = sigmoid(Z1)",
        COLUMNS,
    ),
    (r"\mathbf{Z} = \mathbf{X}\mathbf{W}_1 + \mathbf{1} \mathbf{b}_1^\top", "Z = X @ W1 + b1", MLP),
    (
        "\\begin{align}\nH &= \\mathrm{ReLU}(X W_{1}\n + b_{1}) \\\\\n"
        "S &= \\operatorname{softmax}(H W_2 + b_2)\n\\end{align}",
        "H = relu(X @ W1 + b1); S = softmax(H @ W2 + b2)",
        MLP,
    ),
    (r"J = \sum_{l=1}^{2} \lVert W^{(l)} \rVert_F^2", "J = sum(W1**2) + sum(W2**2)", MLP),
    (r"J = \sum_l \|W_l\|_F^2 % weight decay", "J = sum(W1**2) + sum(W2**2)", MLP),
    (
        r"f_t = \sigma(W_f \cdot [h_{t-1}, x_t] + b_f)",
        "f = sigmoid(Wf @ concatenate([h, x]) + bf)",
        {"Wf": ("k", "k + d"), "h": ("k",), "x": ("d",), "bf": ("k",)},
        {"names": {"Wf": "W_f", "h": "h_{t-1}", "x": "x_t", "bf": "b_f", "f": "f_t"}},
    ),
    # gates are parts of one array, in the order in which they are written
    (
        r"i = \sigma(a_i), f = \sigma(a_f), g = \tanh(a_g)",
        "i = sigmoid(a[:, :H]); f = sigmoid(a[:, H:2*H]); g = tanh(a[:, 2*H:])",
        {"a": ("N", "3 * H"), "W": ("H", "H")},
    ),
    # transposes
    *(
        (f"C = A^{mark} B", "C = A.T @ B", {"A": ("n", "m"), "B": ("n", "k")})
        for mark in (r"\top", "T", r"{\mathsf T}", r"\intercal", r"{\mathrm{T}}", r"{\text{T}}")
    ),
    ("C = A' B", "C = A.T @ B", {"A": ("n", "m"), "B": ("n", "k")}),
    (r"f = x^\top A x + b^\top x + c", "f = x @ A @ x + b @ x + c",
     {"x": ("n",), "A": ("n", "n"), "b": ("n",), "c": ()}),
    # losses
    (
        r"J(w) = \frac{1}{2m} \sum_{i=1}^{m} (w^\top x^{(i)} - y^{(i)})^2 + \lambda \|w\|^2",
        "J = sum((X @ w - y)**2) / (2*m) + lam * sum(w**2)",
        ROWS,
    ),
    (
        r"J = \sum_{i=1}^{m} \max(0, 1 - y_i w^\top x_i) + \frac{\lambda}{2} w^T w",
        "J = sum(maximum(0, 1 - y * (X @ w))) + lam / 2 * (w @ w)",
        ROWS,
    ),
    # a sum takes in the terms that have its index
    (
        r"J = -\frac{1}{n} \sum_{i} x_i \log y_i + (1 - x_i) \log(1 - y_i)",
        "J = -mean(x * log(y) + (1 - x) * log(1 - y))",
        VECTOR,
        {"domain": {"y": "unit"}},
    ),
    (r"J = \sum_i x_i + y^\top y", "J = sum(x) + y @ y", VECTOR),
    (
        r"L = -\frac{1}{N} \sum_{n=1}^{N} \log p_{n, y_n}",
        "L = -mean(log(P[arange(N), y]))",
        {"P": ("N", "K"), "y": ("N",)},
        {"domain": {"y": "labels:K", "P": "positive"}},
    ),
    (
        r"L = -\sum_{i} \sum_{k=1}^{K} \mathbb{1}\{y_i = k\} \log P_{ik}",
        "L = -sum(log(P[arange(N), y]))",
        {"P": ("N", "K"), "y": ("N",)},
        {"domain": {"y": "labels:K", "P": "positive"}},
    ),
    (
        r"L = \begin{cases} \frac12 r^2, & \text{if } |r| \le \delta \\ "
        r"\delta (|r| - \frac12 \delta) & \text{otherwise} \end{cases}",
        "L = where(abs(r) <= delta, r**2 / 2, delta * (abs(r) - delta / 2))",
        {"r": ("n",), "delta": ()},
        {"domain": {"delta": "positive"}},
    ),
    # indices
    (
        r"\mu_j = \frac1m \sum_{i=1}^m x_{ij} \\ v_j = \frac1m \sum_i (x_{ij} - \mu_j)^2 \\"
        r"z_{ij} = \frac{x_{ij} - \mu_j}{\sqrt{v_j + \epsilon}}",
        "mu = mean(X, 0); v = mean((X - mu)**2, 0); z = (X - mu) / sqrt(v + eps)",
        {"X": ("m", "n"), "eps": ()},
        {"domain": {"eps": "positive"}},
    ),
    (r"p_k = \frac{e^{z_k}}{\sum_j e^{z_j}}", "p = softmax(z)", {"z": ("n",)}),
    (
        r"K_{ij} = \exp(-\gamma \lVert x_i - x_j \rVert^2)",
        "K = exp(-gamma * sum((X[:, None] - X)**2, axis=2))",
        {"X": ("n", "d"), "gamma": ()},
    ),
    (
        r"S_{ij} = q_i^\top k_j / \sqrt{d}; A_{ij} = \frac{e^{S_{ij}}}{\sum_l e^{S_{il}}}; "
        r"o_i = \sum_j A_{ij} v_j",
        "S = Q @ K.T / sqrt(d); A = softmax(S); o = A @ V",
        {"Q": ("n", "d"), "K": ("m", "d"), "V": ("m", "e")},
    ),
    (
        r"y_t = \sum_{j=1}^{K} k_j x_{t+j-1}",
        "y = conv1d(x[None, None], k[None, None])[0, 0]",
        {"x": ("n",), "k": ("K",)},
    ),
    (
        r"y_t = \sum_{j=0}^{K-1} k_j x_{t+j}",
        "y = conv1d(x[None, None], k[None, None])[0, 0]",
        {"x": ("n",), "k": ("K",)},
    ),
    (r"e_i = C_{y_i}", "e = C[y]", {"C": ("V", "d"), "y": ("n",)}, {"domain": {"y": "labels:V"}}),
    (r"d_{ij} = x_i \delta_{ij}", "d = diag(x)", {"x": ("n",)}, {"names": {"d": "d"}}),
    (r"m = \max_j x_j; s = \sum_{j} e^{x_j - m}; p = \prod_{i=1}^n x_i",
     "m = max(x); s = sum(exp(x - m)); p = prod(x)", VECTOR),
    # vectors that are added to columns are matrices of one column
    (r"s = X \mathbf{1}_n \\ Z = X - s", "s = sum(X, axis=1, keepdims=True); Z = X - s",
     {"X": ("m", "n")}),
    (r"Y = \operatorname{diag}(s) X \operatorname{diag}(t)", "Y = s[:, None] * X * t",
     {"s": ("n",), "X": ("n", "m"), "t": ("m",)}),
    # functions and numbers
    (r"l = \log \sum_j e^{x_j} + \frac12 \ln 2\pi", "l = logsumexp(x) + log(2*pi) / 2", VECTOR),
    (r"k = e^{-\frac{\lVert x - y \rVert^2}{2 \sigma^2}}",
     "k = exp(-sum((x - y)**2) / (2 * sigma**2))", VECTOR | {"sigma": ()},
     {"domain": {"sigma": "positive"}}),
    (r"c = \sigma(x) \odot \tanh^2(y) \oslash (1 + x^{\odot 2})",
     "c = sigmoid(x) * tanh(y)**2 / (1 + x**2)", VECTOR),
    (r"a = \lVert x \rVert_1 + \|y\| + |x|^\top |y|; b = \log_2 e^{x} / 3",
     "a = sum(abs(x)) + norm(y) + abs(x) @ abs(y); b = x / log(2) / 3", VECTOR),
    (r"y' = 2 \cdot 10^{-3} x + 0.5 \pi", "z = 0.002 * x + pi / 2", {"x": ("n",)},
     {"names": {"z": "y'"}}),
    (r"w = (X^\top X + \lambda I)^{-1} X^\top y", "w = solve(X.T @ X + lam * eye(n), X.T @ y)",
     {"X": ("m", "n"), "y": ("m",), "lam": ()}, {"domain": {"lam": "positive"}}),
    (r"f = \operatorname{tr}(X^\top A X) + \log\det A + \langle A, A^{-1} \rangle",
     "f = trace(X.T @ A @ X) + logdet(A) + sum(A * inv(A))",
     {"X": ("n", "k"), "A": ("n", "n")}, {"domain": {"A": "spd"}}),
    (r"Z = (I_n - \frac1n \mathbf{1}\mathbf{1}^\top) X", "Z = X - mean(X, 0)", {"X": ("n", "d")}),
    (r"C = A \otimes B", "C = kron(A, B)", {"A": ("n", "m"), "B": ("p", "q")}),
    (r"C = \begin{bmatrix} A & B \\ B & A \end{bmatrix}",
     "C = concatenate([concatenate([A, B], 1), concatenate([B, A], 1)])",
     {"A": ("n", "m"), "B": ("n", "m")}),
    (r"\mathrm{loss} = \frac1n \sum_i |y_i - \hat{y}_i|", "loss = mean(abs(y - y_hat))",
     {"y": ("n",), "y_hat": ("n",)}),
    (r"A = \operatorname{softmax}_{\text{axis }0}(X), b = \operatorname{sum}(X, \text{axis}=1)",
     "A = softmax(X, axis=0); b = sum(X, axis=1)", {"X": ("m", "n")}),
]  # fmt: skip


@pytest.mark.parametrize("case", SAME, ids=lambda case: case[0][:40])
def test_networks_are_those_of_numpy(case):
    text, numpy, symbols, *rest = case
    told = dict(*rest)
    ours = sg.parse_latex(text, symbols=symbols, **told)
    names = told.pop("names", {})
    theirs = sg.parse(numpy, symbols=symbols, **told)
    assert [d.leaf.name for d in ours.definitions] == [d.leaf.name for d in theirs.definitions]
    values = theirs.sample(3)
    for definition in theirs.definitions:
        name = definition.leaf.name
        mine, expected = ours.evaluate(values, name), theirs.evaluate(values, name)
        assert mine.shape == expected.shape, name
        # the same operations in another order: a few ulp of the largest intermediate value
        np.testing.assert_allclose(mine, expected, rtol=1e-10, atol=1e-12, err_msg=name)
    assert all(ours.leaf(name).latex == text for name, text in names.items())


def test_examples_may_be_columns():
    net = sg.parse_latex(
        r"Z = W X + b; P = \operatorname{softmax}(Z); J = -\frac1m \sum_i y^{(i)\top} \log p^{(i)}",
        symbols={"W": ("c", "d"), "X": ("d", "m"), "b": ("c", 1), "Y": ("c", "m")},
        domain={"Y": "onehot:0"},
        parameters=["W", "b"],
    )
    text = "Z = W @ X + b; P = softmax(Z, axis=0); J = -sum(Y * log(P)) / m"
    same = sg.parse(
        text,
        symbols={"W": ("c", "d"), "X": ("d", "m"), "b": ("c", 1), "Y": ("c", "m")},
        domain={"Y": "onehot:0"},
        parameters=["W", "b"],
    )
    assert sg.equal(net, same)


def test_signs_of_unicode_are_commands():
    net = sg.parse_latex("z = σ(x) ⊙ y − y²", symbols=VECTOR)
    assert sg.equal(net, sg.parse("z = sigmoid(x) * y - y**2", symbols=VECTOR))


# each: text, symbols, the error, what it says, and what stands from the caret on
WRONG = [
    ("z = X w + q", ROWS, sg.UnknownName, "q is not declared", "q"),
    (r"z = \sigm(x)", VECTOR, sg.ParseError, r"the command \sigm is not known", r"\sigm"),
    ("z = X X", ROWS, sg.ShapeError, "n and m differ", "X"),
    ("z = x + X", VECTOR | {"X": ("m", "k")}, sg.ShapeError, "do not broadcast", "X"),
    (r"z = \frac{x}{", VECTOR, sg.ParseError, "never closed", "{"),
    ("z = (x", VECTOR, sg.ParseError, "the end does not fit here", ""),
    ("z = x +", VECTOR, sg.ParseError, "the end does not fit here", ""),
    ("z = x)", VECTOR, sg.ParseError, "closes nothing", ")"),
    ("x = y", VECTOR, sg.NameClash, "defined twice, or declared", None),
    ("x + y", VECTOR, sg.ParseError, "an equation is name = expression", "x"),
    ("z = x_i", VECTOR, sg.ParseError, "nothing says what the index i runs over", "i"),
    (r"z = \sum_i 2", VECTOR, sg.ParseError, "how far the index i runs is not said", r"\sum"),
    (r"z = x \cdot y", VECTOR, sg.ParseError, "several ways", "x"),
    (r"z = \log x y", VECTOR, sg.ParseError, "how far does the argument of log go?", "y"),
    (r"z = \tanh^{-1}(x)", VECTOR, sg.ParseError, "inverse function or a reciprocal", None),
    (r"z = \sigma^{(2)}(x)", VECTOR, sg.ParseError, "a layer, a power or a derivative", None),
    (r"z = \exp_2(x)", VECTOR, sg.ParseError, "cannot read this subscript of exp", "2"),
    ("z = x^12", VECTOR, sg.ParseError, "only the 1 of 12 is in this script", "12"),
    ("z = A_{12}", {"A": ("n", "n")}, sg.ParseError, "is 12 one index or 2?", "12"),
    ("z = A^{1/2}", {"A": ("n", "n")}, sg.ParseError, "of a matrix or of its entries", "1/2"),
    ("z = |A|", {"A": ("n", "n")}, sg.ParseError, "absolute values or a determinant", "|"),
    ("z = A + x", {"A": ("n", "n"), "x": ("n",)}, sg.ParseError, "the rows and the columns", None),
    (r"z = x_1 + \dots + x_n", VECTOR, sg.ParseError, "dots are not read", r"\dots"),
    (r"z = \mathbf{1}", VECTOR, sg.ParseError, "the shape of this is not known", "z"),
    (r"z = \mathbf{1}^\top \mathbf{1}", VECTOR, sg.ParseError, "length of these ones", None),
    (r"z = \begin{tabular} x \end{tabular}", VECTOR, sg.ParseError, "is not read", r"\begin"),
    (r"z = \begin{cases} x & x > 0 \\ y & y > 0 \end{cases}", VECTOR, sg.ParseError,
     "leave something out", None),
    (r"z = \frac{\partial J}{\partial q}", VECTOR, sg.UnknownName, "q is not declared", "q"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "symbols", "error", "says", "at"), WRONG, ids=[row[0][:40] for row in WRONG]
)
def test_what_cannot_be_read_is_said_where_it_stands(text, symbols, error, says, at):
    with pytest.raises(error) as caught:
        sg.parse_latex(text, symbols=symbols)
    assert says in caught.value.what
    if at is not None:
        _, shown, caret = caught.value.where.split("\n")
        assert shown[caret.index("^") :].startswith(at)
    if at is not None and isinstance(caught.value, sg.ParseError):
        assert text[caught.value.column - 1 :].startswith(at)
        assert caught.value.line == 1


def test_lines_and_columns_count_from_one():
    with pytest.raises(sg.UnknownName) as caught:
        sg.parse_latex("z = x + y\n  q = z + r", symbols=VECTOR)
    assert (caught.value.line, caught.value.column) == (2, 11)
    assert "did you mean" in caught.value.hint or "known are" in caught.value.hint


def test_a_hint_names_the_closest_spelling():
    with pytest.raises(sg.UnknownName, match=r"did you mean W_\{hh\}"):
        sg.parse_latex("z = W_{hx} x", symbols={"W": ("n", "n"), "x": ("n",)},
                       names={"W": "W_{hh}"})  # fmt: skip


@pytest.mark.parametrize("told", [{"domain": {"q": "positive"}}, {"parameters": ["q"]}])
def test_what_is_told_of_no_name_is_an_error(told):
    with pytest.raises(sg.UnknownName):
        sg.parse_latex("z = x + y", symbols=VECTOR, **told)


def test_a_spelling_that_cannot_be_read_is_an_error():
    with pytest.raises(sg.DeclarationError, match="the spelling of x"):
        sg.parse_latex("z = x", symbols={"x": ("n",)}, names={"x": r"\frac{x}{2}"})
    with pytest.raises(sg.DeclarationError):
        sg.parse_latex("z = x", symbols={"x": ("n",)}, names={"x": 3})


def test_text_that_is_none_is_an_error():
    with pytest.raises(sg.ParseError, match="a text"):
        sg.parse_latex(3, symbols=VECTOR)
    with pytest.raises(sg.ParseError, match="no equations"):
        sg.parse_latex(" % nothing", symbols=VECTOR)
    with pytest.raises(sg.ParseError, match="too long"):
        sg.parse_latex("z = x" + " + x" * 100_000, symbols=VECTOR)
    with pytest.raises(sg.ParseError, match="nested too deeply"):
        sg.parse_latex("z = " + "(" * 200 + "x" + ")" * 200, symbols=VECTOR)
