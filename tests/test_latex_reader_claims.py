# ruff: noqa: E501 # a claim stands on one line
"""Claims in LaTeX, in the notations of textbooks, stand for what they say: by values."""

from functools import cache

import numpy as np
import pytest

import symgrad as sg
from symgrad.declare.latex import Scope, read_claim
from symgrad.tensor.evaluate import evaluate

LAYERS = {
    "W1": "W^{[1]}", "b1": "b^{[1]}", "W2": "W^{[2]}", "b2": "b^{[2]}", "Z1": "Z^{[1]}",
    "A1": "A^{[1]}", "Z2": "Z^{[2]}", "A2": "A^{[2]}",
}  # fmt: skip

#: name -> text, symbols, parameters, domains, spellings
NETWORKS = {
    "regression": (
        "z = X @ theta; r = z - y; J = sum(r**2) / (2*m)",
        {"X": ("m", "n"), "theta": ("n",), "y": ("m",)},
        ["theta"], {}, {},
    ),
    "columns": (
        "Z1 = W1 @ X + b1; A1 = tanh(Z1); Z2 = W2 @ A1 + b2; A2 = sigmoid(Z2);"
        "J = -sum(Y * log(A2) + (1 - Y) * log(1 - A2)) / m",
        {"X": ("n0", "m"), "Y": (1, "m"), "W1": ("n1", "n0"), "b1": ("n1", 1),
         "W2": (1, "n1"), "b2": (1, 1)},
        ["W1", "b1", "W2", "b2"], {"Y": "binary"}, LAYERS,
    ),
    "norm": (
        "mu = mean(x, 0); xc = x - mu; s = mean(xc**2, 0); t = 1 / sqrt(s + eps); xh = xc * t;"
        "y = gamma * xh + beta; J = sum(y * G)",
        {"x": ("m", "n"), "gamma": ("n",), "beta": ("n",), "G": ("m", "n"), "eps": ()},
        ["gamma", "beta"], {"eps": "positive"},
        {"mu": r"\mu", "xh": r"\hat{x}", "s": r"\sigma^2", "eps": r"\epsilon", "xc": r"\bar{x}"},
    ),
    "rows": (
        "Z = X @ W + b; P = softmax(Z); L = -sum(Y * log(P)) / N",
        {"X": ("N", "D"), "W": ("D", "K"), "b": ("K",), "Y": ("N", "K")},
        ["W", "b"], {"Y": "onehot"}, {},
    ),
    "single": (
        "z = W @ x + b; p = softmax(z); L = -sum(y * log(p))",
        {"x": ("d",), "W": ("K", "d"), "b": ("K",), "y": ("K",)},
        ["W", "b"], {"y": "onehot"}, {},
    ),
    "layers": (
        "z1 = W1 @ x + b1; a1 = tanh(z1); z2 = W2 @ a1 + b2; yh = softmax(z2); L = -sum(y * log(yh))",
        {"x": ("d",), "y": ("c",), "W1": ("h", "d"), "b1": ("h",), "W2": ("c", "h"), "b2": ("c",)},
        ["W1", "b1", "W2", "b2"], {"y": "onehot"},
        {"W1": "W_1", "W2": "W_2", "z1": "z_1", "z2": "z_2", "a1": "a_1", "yh": r"\hat{y}"},
    ),
    "bold": (
        "r = X @ w - y; J = sum(r**2) / (2*n) + lam / 2 * sum(w**2)",
        {"X": ("n", "d"), "w": ("d",), "y": ("n",), "lam": ()}, ["w"], {},
        {"X": r"\mathbf{X}", "w": r"\mathbf{w}", "y": r"\mathbf{y}", "lam": r"\lambda"},
    ),
    "attention": (
        "S = Q @ K.T / sqrt(d); A = softmax(S); O = A @ V; L = sum(O * G)",
        {"Q": ("n", "d"), "K": ("m", "d"), "V": ("m", "e"), "G": ("n", "e")},
        ["Q", "K", "V"], {}, {},
    ),
    "steps": (
        "a1 = W @ x1 + U @ h0; h1 = tanh(a1); a2 = W @ x2 + U @ h1; h2 = tanh(a2);"
        "a3 = W @ x3 + U @ h2; h3 = tanh(a3); L = c @ h3 + h1 @ h2",
        {"x1": ("d",), "x2": ("d",), "x3": ("d",), "h0": ("h",), "W": ("h", "d"),
         "U": ("h", "h"), "c": ("h",)},
        ["W", "U"], {}, {},
    ),
    "embedding": (
        "e = C[x]; u = e @ W; L = sum(u**2) / 2",
        {"C": ("V", "d"), "x": ("n",), "W": ("d", "k")},
        ["C", "W"], {"x": "labels:V"}, {},
    ),
    "convolution": (
        "y = conv1d(x[None, None], k[None, None])[0, 0]; L = sum(y**3)",
        {"x": ("n",), "k": ("K",)}, ["x", "k"], {}, {},
    ),
}  # fmt: skip

#: network -> gradient -> claims that are true
TRUE = {
    "layers": {
        "z2": [
            r"\partial_{z_2} L = \hat{y} - y",
            r"\frac{\partial L}{\partial z_2} = \left(\operatorname{diag}(\hat{y}) - \hat{y} \hat{y}^\top\right) \frac{\partial L}{\partial \hat{y}}",
            r"\frac{\partial L}{\partial z_{2,k}} = \hat{y}_k - y_k",
        ],
        "W2": [
            r"\left[\frac{\partial L}{\partial W_2}\right]_{ij} = (\hat{y}_i - y_i) a_{1,j}",
            r"(\nabla_{W_2} L)_{ij} = (\hat{y}_i - y_i) a_{1j}",
            r"\frac{\partial L}{\partial (W_2)_{ij}} = (\hat{y}_i - y_i) (a_1)_j",
            r"\partial L / \partial W_2 = \partial L / \partial z_2 \, a_1^\top",
        ],
        "a1": [
            r"\frac{\partial L}{\partial a_{1j}} = \sum_{k=1}^{c} W_{2,kj} (\hat{y}_k - y_k)",
            r"\mathrm{d}L/\mathrm{d}a_1 = W_2^\top dL/dz_2",
        ],
    },
    "bold": {
        "w": [
            r"\frac{\partial J}{\partial w_j} = \frac{1}{n} \sum_{i=1}^{n} r_i X_{ij} + \lambda w_j",
            r"\frac{\partial J}{\partial \mathbf w} = \frac{1}{n} \sum_{i=1}^{n} (\mathbf{x}_i^\top \mathbf{w} - y_i) \mathbf{x}_i + \lambda \mathbf{w}",
            r"\nabla J(\mathbf{w}) = \tfrac1n \mathbf{X}^\top \mathbf{X}\mathbf{w} - \tfrac1n \mathbf{X}^\top\mathbf{y} + \lambda \mathbf{w}",
            r"\nabla_w J = \left(\frac{1}{n} X^T X + \lambda I\right) w - \frac{1}{n} X^T y",
            r"\mathrm{d}J/\mathrm{d}w = X^\top r/n + \lambda w",
        ],
        "lam": [r"\frac{\partial J}{\partial \lambda} = \frac12 \langle w, w \rangle"],
    },
    "regression": {
        "theta": [
            r"\frac{\partial J}{\partial \theta_j} = \frac1m \sum_{i=1}^{m} (z^{(i)} - y^{(i)}) x_j^{(i)}",
            r"\frac{\partial}{\partial \theta_j} J(\theta) = \frac{1}{m} \sum_{i=1}^{m}"
            r" (\theta^\top x^{(i)} - y^{(i)}) x_j^{(i)}",
            r"\nabla_\theta J(\theta) = \frac{1}{m} X^T (X \theta - y)",
            r"\frac{dJ}{d\theta} = \frac{1}{m} X^{\mathrm{T}} r",
            r"\frac{\mathrm{d}J}{\mathrm{d}\theta} = \frac{1}{m} X' r",
            r"\nabla_{\theta} J = \frac{1}{m} \sum_i r_i x_i",
            r"\frac{1}{m} \sum_{i} r_i X_{i,:}",
            r"d\theta = X^\top r / m",
            r"\boldsymbol{\nabla}_{\boldsymbol\theta} J = \frac{1}{m} \mathbf{X}^\intercal \mathbf{r}",
            r"\frac{\partial \mathcal{L}}{\partial \theta} = X^\top \frac{\partial \mathcal L}{\partial r}",
            r"d\theta = M^\top dr, \quad M = X",
        ],
        "r": [r"\frac{\partial J}{\partial r} = \frac{r}{m}", r"dr = \frac{z - y}{m}"],
    },
    "columns": {
        "Z2": [
            r"dZ^{[2]} = \frac{1}{m}(A^{[2]} - Y)", r"\delta^{[2]} = \frac{1}{m}(A^{[2]} - Y)",
            r"\delta^{(L)} = \frac{1}{m}(a^{(L)} - y)",
        ],
        "W2": [
            r"dW^{[2]} = dZ^{[2]} A^{[1]T}", r"dW^{[l]} = dZ^{[l]} A^{[l-1]T}",
            r"\frac{\partial J}{\partial W^{[2]}} = \frac{1}{m} \sum_{i=1}^m"
            r" (a^{[2](i)} - y^{(i)}) a^{[1](i)T}",
            r"\frac{\partial J}{\partial W^{(l)}} = \delta^{(l)} (A^{(l-1)})^T",
            r"\frac{\partial J}{\partial W_{ij}^{(2)}} = \sum_{k} \delta^{(2)}_{ik} A^{(1)}_{jk}",
        ],
        "b2": [
            r"db^{[2]} = \sum_{i=1}^{m} dZ^{[2](i)}", r"\sum_i dz^{[2](i)}",
            r"db^{[2]} = np.sum(dZ^{[2]}, axis=1, keepdims=True)", r"db^{[2]} = dZ^{[2]} \mathbf{1}",
        ],
        "Z1": [
            r"dZ^{[1]} = W^{[2]T} dZ^{[2]} * g^{[1]'}(Z^{[1]})",
            r"dZ^{[1]} = W^{[2]T} dZ^{[2]} * g^{[1]\prime}(Z^{[1]})",
            r"dZ^{[1]} = (W^{[2]})^T dZ^{[2]} \odot (1 - (A^{[1]})^2)",
            r"\delta^{l} = (W^{l+1})^T \delta^{l+1} \odot \tanh'(Z^{l})",
            r"dZ^{[l]} = dA^{[l]} * g'(Z^{[l]})",
        ],
        "W1": [r"dW^{[1]} = \left( W^{[2]T} dZ^{[2]} \odot \left(1 - A^{[1]2}\right) \right) X^T"],
    },
    "norm": {
        "gamma": [
            r"\frac{\partial J}{\partial \gamma} = \sum_{i=1}^m \frac{\partial J}{\partial y_i} \cdot \hat{x}_i",
            r"\frac{\partial J}{\partial \gamma_j} = \sum_{i=1}^m \frac{\partial J}{\partial y_{ij}} \hat{x}_{ij}",
        ],
        "s": [
            r"\frac{\partial J}{\partial \sigma^2} = \sum_{i=1}^m \frac{\partial J}{\partial \hat{x}_i}"
            r" \cdot (x_i - \mu) \cdot \frac{-1}{2} (\sigma^2 + \epsilon)^{-3/2}",
        ],
        "mu": [
            r"\frac{\partial J}{\partial \mu} = \left( \sum_{i=1}^m \frac{\partial J}{\partial \hat{x}_i}"
            r" \cdot \frac{-1}{\sqrt{\sigma^2 + \epsilon}} \right) + \frac{\partial J}{\partial \sigma^2}"
            r" \cdot \frac{\sum_{i=1}^m -2(x_i - \mu)}{m}",
        ],
        "x": [
            r"\frac{\partial J}{\partial x_{ij}} = \frac{\gamma_j}{m \sqrt{\sigma^2_j + \epsilon}} \left( m"
            r" \frac{\partial J}{\partial y_{ij}} - \sum_{k=1}^m \frac{\partial J}{\partial y_{kj}}"
            r" - \hat{x}_{ij} \sum_{k=1}^m \frac{\partial J}{\partial y_{kj}} \hat{x}_{kj} \right)",
            r"dx = \frac{\gamma t}{m} \left( m \, dy - \sum_i (dy)_i - \hat{x} \odot \sum_i (dy)_i \odot"
            r" (\hat{x})_i \right)",
        ],
    },
    "rows": {
        "Z": [
            r"\frac{\partial L}{\partial Z_{ik}} = \frac{1}{N} (p_{ik} - \mathbb{1}\{y_i = k\})",
            r"\frac{\partial L}{\partial z_i} = \frac1N (p_i - y_i)", r"\delta = (P - Y)/N",
            r"\frac{\partial L}{\partial Z_{ik}} = \sum_{j} \frac{\partial L}{\partial P_{ij}}"
            r" P_{ij} (\delta_{jk} - P_{ik})",
            r"(dZ)_{ik} = \frac1N \begin{cases} p_{ik} - 1 & k = y_i \\ p_{ik} & k \neq y_i \end{cases}",
        ],
        "W": [
            r"\nabla_{W} L = \frac{1}{N} \sum_{i=1}^N x_i (p_i - y_i)^\top",
            r"\frac{\partial L}{\partial W_{jk}} = \frac{1}{N} \sum_{i} x_{ij} (p_{ik} - y_{ik})",
            r"\nabla_{w_k} L = \frac{1}{N} \sum_i (p_{ik} - 1\{y_i = k\}) x_i",
        ],
        "b": [
            r"\frac{\partial L}{\partial b} = \sum_i \frac{\partial L}{\partial z_i}",
            r"\nabla_b L = \frac1N (P-Y)^\top \mathbf 1_N", r"db = \mathbf{1}^\top dZ",
        ],
    },
    "single": {
        "z": [
            r"\nabla_z L = \hat{y} - y",
            r"\frac{\partial L}{\partial z_k} = \sum_j \frac{\partial L}{\partial p_j} p_j (\delta_{jk} - p_k)",
            r"\nabla_z L = (\operatorname{diag}(p) - p p^\top) \nabla_p L",
        ],
        "W": [
            r"\frac{\partial L}{\partial W_{ij}} = \delta_i x_j", r"\nabla_W L = \nabla_z L \otimes x",
            r"\frac{\partial L}{\partial w_{ij}} = \frac{\partial L}{\partial z_i} x_j",
        ],
        "x": [r"W^\top (p-y)", r"\frac{\partial L}{\partial x_j} = \sum_{i=1}^{K} \delta_i W_{ij}"],
    },
    "attention": {
        "S": [
            r"dS = A \odot (dA - (dA \odot A) \mathbf{1} \mathbf{1}^\top)",
            r"dS_{ij} = A_{ij} (dA_{ij} - \sum_k A_{ik} dA_{ik})",
            r"dS = A \circ (dA - \operatorname{rowsum}(dA \circ A))",
        ],
        "K": [r"dK = dS^\top Q / \sqrt{d}"],
    },
    "steps": {
        "U": [
            r"\frac{\partial L}{\partial U} = \sum_{t=1}^{T} \frac{\partial L}{\partial a_t} h_{t-1}^\top",
            r"dU = \sum_{t=1}^{3} \operatorname{diag}(1 - h_t^2) \, dh_t \, h_{t-1}^\top",
        ],
        "W": [r"\nabla_W L = \sum_t \delta_t x_t^\top"],
        "h2": [r"\frac{\partial L}{\partial h_t} = U^\top \frac{\partial L}{\partial a_{t+1}} + h_{t-1}"],
    },
    "embedding": {
        "C": [
            r"\left(\frac{\partial L}{\partial C}\right)_{v} = \sum_{i : x_i = v} (de)_i",
            r"dC = O^\top de, \quad O_{iv} = \mathbb{1}[x_i = v]",
        ],
    },
    "convolution": {
        "k": [r"\frac{\partial L}{\partial k_j} = \sum_t \frac{\partial L}{\partial y_t} x_{t+j}",
              r"dk = x \star dy"],
        "x": [r"\frac{\partial L}{\partial x_t} = \sum_{j=0}^{K-1} k_j \frac{\partial L}{\partial y_{t-j}}",
              r"\frac{\partial L}{\partial x_t} = \sum_{j=1}^{K} k_j \frac{\partial L}{\partial y_{t-j+1}}"],
    },
}  # fmt: skip

#: Claims that are well-formed and false.
FALSE = {
    "regression": {"theta": [r"\frac{2}{m} X^\top r", r"\nabla_\theta J = \frac1n X^\top r"]},
    "columns": {"Z1": [r"dZ^{[1]} = W^{[2]T} dZ^{[2]} * g'(A^{[1]})"], "b2": [r"dZ^{[2]}"]},
    "rows": {"W": [r"(dW)_{jk} = \frac1N (p_{ik} - y_{ik}) x_{ij}", r"P"]},
    "steps": {
        "U": [r"dU = \sum_{t=2}^{T} da_t h_{t-1}^\top", r"dU = \sum_{t=1}^{T} da_t h_t^\top"],
        "h2": [r"\frac{\partial L}{\partial h_t} = U^\top \frac{\partial L}{\partial a_t} + h_{t-1}"],
    },
    # rows that are met twice overwrite each other
    "embedding": {"C": [r"(dC)_{x_i} = (de)_i", r"(dC)_{x_i} \leftarrow (de)_i"]},
}  # fmt: skip

#: Claims whose factors do not fit, or that nobody can read: the error and what it says.
BAD = {
    "regression": [
        (r"\frac1m X r", sg.ShapeError, "n and m differ"),
        (r"\nabla_\theta J = X^\top q", sg.UnknownName, "q is not declared"),
        (r"\nabla_w J = X^\top r", sg.UnknownName, "w is not declared"),
        (r"\nabla_y J = X^\top r", sg.ParseError, "is the gradient by y, not by theta"),
        (r"\frac{\partial r}{\partial \theta} X", sg.ParseError, "only derivatives of the objective"),
        (r"\nabla X^\top r", sg.ParseError, "cannot read 'nabla'"),
        (r"\theta_{t+1} = X^\top r", sg.ParseError, ""),
    ],
    "steps": [(r"dU = \sum_{t=1}^{T} da_{t+1} h_t^\top", sg.UnknownName, "not declared")],
}  # fmt: skip


@cache
def network(name):
    """The graph, its scope, and all values and true gradients at a point."""
    text, symbols, parameters, domain, names = NETWORKS[name]
    net = sg.parse(text, symbols=symbols, parameters=parameters, domain=domain)
    # classes that are met twice, so that overwriting differs from adding
    values = net.sample(5, {"V": 4, "n": 7} if name == "embedding" else None)
    leaves = (*net.symbols, *(d.leaf for d in net.definitions))
    wrt = [leaf.name for leaf in leaves if not leaf.domain.startswith("labels")
           and leaf.name != net.output]  # fmt: skip
    found = sg.gradient(net, wrt=wrt)
    true = {f"d{name}": np.asarray(found[name].evaluate(values)) for name in wrt}
    sizes = {name: int(values[name]) for name in net.dims}
    return net, Scope.of(net, names=names), {**net.evaluate_all(values), **true}, sizes


def readings(name, of, text):
    """The values of all readings of a claim, and the true gradient."""
    net, scope, values, sizes = network(name)
    claimed = read_claim(text, scope, net.leaf(of).shape, f"d{of}")
    nodes = [each.node for each in (claimed, *claimed.readings)]
    return claimed, evaluate(nodes, values, sizes), values[f"d{of}"]


def rows(table):
    return [
        pytest.param(name, of, text, id=f"{name}-{of}-{k}")
        for name, gradients in table.items()
        for of, texts in gradients.items()
        for k, text in enumerate(texts)
    ]


@pytest.mark.parametrize(("name", "of", "text"), rows(TRUE))
def test_claims_say_what_they_mean(name, of, text):
    claimed, found, true = readings(name, of, text)
    assert not claimed.problem
    # rounding of a few operations on numbers near 1
    assert any(each.shape == true.shape and np.allclose(each, true, rtol=1e-9) for each in found)


@pytest.mark.parametrize(("name", "of", "text"), rows(FALSE))
def test_false_claims_are_read_as_they_stand(name, of, text):
    claimed, found, true = readings(name, of, text)
    # far more than rounding
    assert claimed.problem or not any(np.allclose(each, true, rtol=1e-3) for each in found)


@pytest.mark.parametrize(
    ("name", "text", "error", "says"),
    [(name, *row) for name, texts in BAD.items() for row in texts],
)
def test_what_is_no_claim_is_an_error(name, text, error, says):
    with pytest.raises(error) as caught:
        readings(name, {"steps": "U"}.get(name, "theta"), text)
    assert says in caught.value.what
    assert caught.value.where


def test_shapes_that_do_not_fit_the_gradient_are_reported():
    claimed, _, _ = readings("rows", "W", r"dW = X^\top dZ \mathbf{1}")
    assert "has shape (D,), the gradient (D, K)" in claimed.problem
    claimed, _, _ = readings("rows", "b", r"(db)_k = dZ_{ik}")
    assert "the index i" in claimed.problem


def test_conventions_are_noted():
    claimed, _, _ = readings("columns", "Z1", r"dZ^{[1]} = dA^{[1]} * g'(Z^{[1]})")
    assert claimed.notes == ("g is read as the activation of the network",)
    claimed, _, _ = readings("single", "z", r"\nabla_z L = \hat{y} - y")
    assert claimed.notes == (r"\hat{y} is read as p",)


def test_parts_know_where_they_stand():
    text = r"dW = \frac1N X^\top (P - Y)"
    claimed, _, _ = readings("rows", "W", text)
    places = {text[start:end] for start, end in claimed.spans.values()}
    assert {"P - Y", r"\frac1N"} <= places
    assert claimed.left == "dW"


def test_a_chain_of_equalities_has_all_its_values():
    claimed, _, _ = readings("regression", "theta", r"d\theta = X^\top dr = \frac1m X^\top r")
    assert len(claimed.others) == 1


def test_a_dot_between_vectors_has_two_readings():
    claimed, _, _ = readings("norm", "gamma", r"d\gamma = \sum_{i=1}^m dy_i \cdot \hat{x}_i")
    assert len(claimed.readings) == 0  # an inner product has no entry for each feature
    claimed, _, _ = readings("norm", "s", r"d\sigma^2 = (\mu \cdot \gamma) \mu")
    assert len(claimed.readings) == 1
