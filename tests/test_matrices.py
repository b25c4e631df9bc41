"""Functions of matrices: values in three arithmetics, pullbacks, second derivatives, errors."""

import mpmath
import numpy as np
import pytest

import symgrad as sg
from symgrad.calculus.pullbacks import pullback
from symgrad.declare.sampling import draw
from symgrad.declare.symbols import dims, tensor
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import ShapeError, SymgradError, ValueMismatch
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Leaf
from symgrad.tensor.primitives import MATRIX_KINDS, MatrixFunction

m, n, k, b = dims("m n k b")
#: a domain in which each function is defined and smooth
DOMAINS = {"cholesky": "spd", "inv": "invertible", "det": "invertible", "logdet": "invertible"}
SIZES = [{"m": 4, "n": 3, "b": 2}, {"m": 2, "n": 3, "b": 3}, {"m": 3, "n": 3, "b": 1},
         {"m": 1, "n": 2, "b": 2}, {"m": 1, "n": 1, "b": 2}]  # fmt: skip


def node_of(name, batch=()):
    rows = n if MATRIX_KINDS[name].square else m
    return MatrixFunction(name, tensor("X", *batch, rows, n))


def matrices(name, sizes, batch=(), seed=0):
    """Values in the function's domain, all singular values and eigenvalues apart."""
    rng = np.random.default_rng(seed)
    square = MATRIX_KINDS[name].square
    leaf = tensor("X", n if square else m, n, domain=DOMAINS.get(name, "real"))
    count = int(np.prod([sizes[str(d)] for d in batch], dtype=int))
    drawn = [np.asarray(draw(leaf, sizes, rng)) for _ in range(count)]
    return np.stack(drawn).reshape(*(sizes[str(d)] for d in batch), *drawn[0].shape)


# NumPy's own functions on one matrix, X symmetric where the function is of (X + Xᵀ)/2
ORACLES = {
    "inv": np.linalg.inv,
    "pinv": np.linalg.pinv,
    "det": np.linalg.det,
    "logdet": lambda x: np.log(abs(np.linalg.det(x))),
    "expm": lambda x: np.real(np.linalg.eig(x)[1] @ np.diag(np.exp(np.linalg.eig(x)[0]))
                              @ np.linalg.inv(np.linalg.eig(x)[1])),
    "cholesky": lambda x: np.linalg.cholesky((x + x.T) / 2),
    "eigvals": lambda x: np.linalg.eigh((x + x.T) / 2)[0],
    "eigvecs": lambda x: np.linalg.eigh((x + x.T) / 2)[1],
    "svd_u": lambda x: np.linalg.svd(x, full_matrices=False)[0],
    "svd_s": lambda x: np.linalg.svd(x, full_matrices=False)[1],
    "svd_vt": lambda x: np.linalg.svd(x, full_matrices=False)[2],
}  # fmt: skip


def test_every_function_has_an_oracle():
    assert ORACLES.keys() == MATRIX_KINDS.keys()


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", MATRIX_KINDS)
def test_values_in_three_arithmetics(name, sizes):
    """Float64 against NumPy, stacks against one by one, 50 digits and complex against float64."""
    node, stacked = node_of(name), node_of(name, (b,))
    x = matrices(name, sizes, (b,))
    expected = np.stack([ORACLES[name](each) for each in x])
    (value,) = evaluate([stacked], {"X": x})
    # matrices of order 1 and condition below 1e3: 1e3 ε
    np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12)
    (precise,) = evaluate([node], {"X": x[0]}, precision=50)
    np.testing.assert_allclose(np.array(precise, dtype=float), value[0], rtol=1e-10, atol=1e-12)
    (analytic,) = evaluate([node], {"X": x[0].astype(complex)})
    # the complex eigenvalues of XᵀX lose half the digits of small singular values
    np.testing.assert_allclose(np.real(analytic), value[0], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("batch", [(), (b,)], ids=["one", "stack"])
@pytest.mark.parametrize("lead", [0, 2])
@pytest.mark.parametrize("name", MATRIX_KINDS)
def test_pullback_is_the_transpose_of_the_derivative(name, lead, batch, sizes):
    """⟨g, J t⟩ = ⟨Jᵀ g, t⟩, J t by differences at 50 digits; t is not symmetric."""
    node = node_of(name, batch)
    p, q = dims("p q")
    sizes = {**sizes, "p": 2, "q": 3}
    g = Leaf("g", ((p, q)[:lead] + node.shape), "adjoint")
    x, rng = matrices(name, sizes, batch, seed=1), np.random.default_rng(2)
    tangent = rng.normal(size=x.shape)
    steps = []
    with mpmath.workdps(50):
        for sign in (1, -1):
            moved = x.astype(object) + sign * mpmath.mpf(10) ** -15 * tangent.astype(object)
            steps.append(evaluate([node], {"X": moved}, sizes, precision=50)[0])
        push = np.asarray((steps[0] - steps[1]) / (2 * mpmath.mpf(10) ** -15)).astype(float)
    gv = rng.normal(size=((2, 3)[:lead] + push.shape))
    pulled = pullback(node, g, 0, lead)
    assert pulled.shape == (*g.shape[:lead], *node.operand.shape)
    (value,) = evaluate([pulled], {"X": x, "g": gv}, sizes)
    total, expected = (np.tensordot(a, c, c.ndim) for a, c in ((value, tangent), (gv, push)))
    # gaps between eigenvalues and singular values are above 1e-2 here: 1e4 ε of the result
    np.testing.assert_allclose(total, expected, rtol=1e-8, atol=1e-8)


# a function of each to scalars, of X (n, n) or (m, n), and constants A
TEXTS = {
    "inverse": ("sum(A * inv(X))", "invertible"),
    "solve": ("sum(solve(X, A)**2)", "invertible"),
    "determinant": ("det(X)", "real"),
    "log-determinant": ("logdet(X)", "invertible"),
    "exponential": ("sum(A * expm(X))", "real"),
    "trace of exponential": ("trace(expm(X))", "real"),
    "Cholesky": ("sum(A * cholesky(X))", "spd"),
    "Cholesky solve": ("sum(A * cholesky_solve(A, X))", "lower"),
    "triangular solve": ("sum(A * solve_triangular(X, A, lower=True))", "lower"),
    "eigenvalues": ("w, V = eigh(X); sum(w**3)", "symmetric"),
    "eigenvectors": ("w, V = eigh(X); sum(A * V**2)", "symmetric"),
    "singular values": ("U, s, V = svd(X); sum(s)", "real"),
    "singular vectors": ("U, s, V = svd(X); sum(A * (U * U)) + sum(A * (V * V))", "real"),
    "pseudo-inverse": ("sum(A * pinv(X))", "invertible"),
    "Kronecker": ("sum(kron(X, A)**2)", "real"),
    "vec": ("vec(X) @ kron(A, A) @ vec(X)", "real"),
    "spd inverse": ("sum(A * inv(X))", "spd"),
    "spd log-determinant": ("logdet(X)", "spd"),
}


@pytest.mark.parametrize("title", TEXTS)
def test_first_and_second_derivatives(title):
    """Gradients against complex steps and differences; Hessians against differences of these."""
    text, domain = TEXTS[title]
    symbols = {"X": ("n", "n"), "A": ("n", "n")}
    net = sg.parse(text, symbols=symbols, domain={"X": domain}, parameters=["X"])
    assert sg.check(net)
    values = net.sample(3, {"n": 3})
    gradient, hessian = sg.gradient(net)["X"], sg.hessian(net, "X").evaluate(values)
    rng = np.random.default_rng(4)
    tangent, step = rng.normal(size=(3, 3)), 1e-5
    if domain == "spd":  # the formula of the gradient uses the symmetry of X
        tangent = tangent + tangent.T
    up, down = (gradient.evaluate({**values, "X": values["X"] + s * step * tangent})
                for s in (1, -1))  # fmt: skip
    expected = (up - down) / (2 * step)
    found = np.tensordot(hessian, tangent, 2)
    # second-order differences: step² times third derivatives below 1e3, and rounding ε/step
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6 * np.abs(expected).max())
    np.testing.assert_allclose(hessian, hessian.transpose(2, 3, 0, 1), rtol=1e-8, atol=1e-8)
    direction = {**values, "dX": tangent}
    np.testing.assert_allclose(sg.hvp(net, "X").evaluate(direction), found, rtol=1e-8, atol=1e-8)


def test_facts_do_not_enter_second_derivatives():
    """For spd X the gradient of log det X reads X⁻¹; its derivative is that of X⁻ᵀ."""
    net = sg.parse("logdet(X)", symbols={"X": ("n", "n")}, domain={"X": "spd"}, parameters=["X"])
    assert sg.gradient(net)["X"].numpy() == "inv(X)"
    values = net.sample(0, {"n": 3})
    inverse = np.linalg.inv(values["X"])
    expected = -np.einsum("jk,li->ijkl", inverse, inverse)
    np.testing.assert_allclose(sg.hessian(net, "X").evaluate(values), expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("text", "gradient"),
    [
        ("a @ solve(X, b)", "-outer(solve(X.T, a), solve(X, b))"),
        ("logdet(X)", "inv(X).T"),
        ("trace(expm(X))", "expm(X).T"),
        ("trace(kron(X, X))", "2 * trace(X) * eye(n)"),
        ("trace(inv(X) @ X)", "zeros((n, n))"),
        ("U, s, V = svd(X); sum(s)", "U @ V"),
    ],
)
def test_closed_forms(text, gradient):
    symbols = {"X": ("n", "n"), "a": ("n",), "b": ("n",)}
    net = sg.parse(text, symbols=symbols, parameters=["X"])
    assert sg.gradient(net)["X"].numpy() == gradient


def test_errors_name_the_function_and_the_shape():
    with pytest.raises(ShapeError, match=r"inv: of a square matrix, not of shape \(m, n\)"):
        FUNCTIONS["inv"](tensor("X", m, n))
    with pytest.raises(ShapeError, match=r"det: of a matrix, not of shape \(n,\)"):
        FUNCTIONS["det"](tensor("x", n))
    with pytest.raises(ShapeError, match="solve"):
        FUNCTIONS["solve"](tensor("X", n, n), tensor("c", m))
    with pytest.raises(ShapeError, match=r"reshape: \(m, n\) has m\*n entries"):
        FUNCTIONS["reshape"](tensor("X", m, n), (m, k))
    with pytest.raises(SymgradError, match="may not divide"):
        FUNCTIONS["reshape"](tensor("X", m, n), (k, -1))


@pytest.mark.parametrize(
    ("name", "x", "said"),
    [
        ("inv", np.zeros((2, 2)), "singular"),
        ("cholesky", -np.eye(2), "positive definite"),
        ("inv", np.array([[np.nan, 0], [0, 1]]), "not finite"),
    ],
)
@pytest.mark.parametrize("precision", [None, 30])
def test_values_that_do_not_exist_are_errors(name, x, said, precision):
    if precision and said == "not finite":
        pytest.skip("mpmath carries NaN on")
    with pytest.raises(ValueMismatch, match=f"{name}: .*{said}"):
        evaluate([node_of(name)], {"X": x}, precision=precision)
