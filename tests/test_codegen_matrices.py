"""Functions of matrices in generated modules: shared factorisations, solutions, errors, stacks."""

import re
from pathlib import Path

import numpy as np
import pytest
from modules import compare, module_of, unoptimised

import symgrad as sg
from symgrad.codegen.linear import BLOCKED, ROUTINES
from symgrad.codegen.plan import plan
from symgrad.codegen.statements import Call, flat

SYMBOLS = {"X": ("n", "d"), "A": ("n", "n"), "S": ("b", "m", "n", "n"), "T": ("b", "m", "n", "d"),
           "y": ("n",), "c": ("n",), "lam": ()}  # fmt: skip
DOMAIN = {"lam": "positive", "c": "positive", "A": "invertible"}


def parsed(text, *parameters):
    names = re.findall(r"(?<!\.)\b[A-Za-z_]\w*", text)
    symbols = {name: shape for name, shape in SYMBOLS.items() if name in names}
    domain = {name: kind for name, kind in DOMAIN.items() if name in symbols}
    return sg.parse(text, symbols, domain, parameters=parameters or list(symbols), name="net")


def calls(graph, kernel=None):
    """The names of the functions of matrices that a module calls, in order."""
    return [
        s.node.name
        for k in plan(sg.gradient(graph)).gradient.kernels
        for _, s in flat(k.body)
        if isinstance(s, Call) and kernel in (None, k.name)
    ]


SHARED = {
    "x = solve(A, y); J = logdet(A) + dot(x, x) + det(A)":
        ["lu", "solve", "logdet", "det", "inv", "solve_t"],
    "w, V = eigh(A); J = sum(sin(w)) + sum(V**4)": ["eigh"],
    "U, s, Vt = svd(X); J = sum(s * U[0]) + sum(pinv(X)**2) + sum(Vt**4)": ["svd", "pinv"],
    "J = sum((inv(A) @ X)**2)": ["lu", "solve", "solve_t"],
    "J = y @ inv(A.T) @ c": ["lu", "solve_t", "solve"],
    "J = dot(y * c, solve(A, c))": ["lu", "solve", "solve_t"],
    "J = sum(inv(A)**2)": ["lu", "inv", "solve", "solve_t"],
    "J = sum(inv(A))": ["lu", "solve", "solve_t"],
    "J = sum((inv(S) @ T)**2)": ["lu", "solve", "solve_t"],
}  # fmt: skip


@pytest.mark.parametrize("text", SHARED)
def test_one_factorisation_serves_all(text):
    assert sorted(calls(parsed(text))) == sorted(SHARED[text])


def test_what_forward_factorised_backward_reads():
    graph = parsed("J = sum((inv(A) @ X)**2)")
    assert calls(graph, "forward") == ["lu", "solve"]
    assert calls(graph, "backward") == ["solve_t"]


def test_solutions_are_no_products_with_inverses():
    graph = parsed("J = sum(inv(A) @ X @ X.T @ inv(A.T) @ y)")
    assert sorted(calls(graph)) == ["lu", "solve", "solve", "solve_t", "solve_t"]


EVERYTHING = """
K = X @ X.T + lam * eye(n) + diag(c)
a = solve(K, y); B = solve(A, X); w, V = eigh(K); U, s, Vt = svd(X)
J1 = dot(y, a) / 2 + logdet(K) / 2 + sum(sin(B)) + det(A) + sum(inv(A.T)**2)
J2 = sum(sin(w)) + sum(V**2 @ w) + sum((U * s) @ Vt * X) + sum(pinv(X)**2) / 9 + sum(s**3) / 99
J3 = sum(sin(expm(A / 4))) + sum(cholesky(K)) + sum(solve_triangular(A, X)**2) / 9
J = J1 + J2 + J3
"""
STACKS = """
J1 = sum(sin(solve(S, T))) + sum(logdet(S)) + sum(eigh(S)[0][0]**2) + sum(svd(T)[1]**2)
J = J1 + sum(sin(inv(S))) + sum(pinv(T)**2) / 9 + sum(sin(expm(S / 4)[0])) + sum(cholesky(S @ S)[1])
"""


def matrices(n, d, dtype=float):
    rng = np.random.default_rng(3)
    S = 2 * np.eye(n) + rng.normal(size=(2, 3, n, n)) / n + np.diag(np.arange(n))
    return {
        "X": rng.normal(size=(n, d)), "y": rng.normal(size=n), "c": 1.0 + np.arange(n),
        "lam": np.array(1.5), "S": S, "A": S[0, 0].copy(), "T": rng.normal(size=(2, 3, n, d)),
    }  # fmt: skip


SIZES = ((5, 3), (3, 5), (4, 4), (1, 2), (2, 1), (1, 1))


@pytest.mark.parametrize("text", [EVERYTHING, STACKS])
def test_everything_in_python(text, tmp_path):
    graph = parsed(text)
    module = module_of(graph, tmp_path, jit=False)
    for sizes in SIZES:
        # condition numbers to 100, values to 100: 1e5 roundings
        compare(module, graph, matrices(*sizes), 2e-11, 2e-10)


def test_everything_compiled(tmp_path):
    """In float32, whose types are the ones that may go wrong."""
    graph = parsed(EVERYTHING)
    with unoptimised():
        module = module_of(graph, tmp_path, "float32")
        for sizes in SIZES:
            compare(module, graph, matrices(*sizes), 1e-2, 1e-1, again=False)  # as above


# --- routines by themselves, against NumPy and SciPy


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_exponentials(n, tmp_path):
    import scipy.linalg

    module = module_of(parsed("J = sum(expm(A))"), tmp_path, jit=n > BLOCKED)
    rng = np.random.default_rng(n)
    for size in (1e-9, 0.1, 1, 5, 30):
        A = size * rng.normal(size=(2, n, n)) / n
        out = np.empty_like(A)
        module._expm(A, out)
        expected = scipy.linalg.expm(A)
        # the error of e^A is that of A, relative to its norm (Higham 2008, chapter 10)
        norm = np.abs(expected).max(axis=(1, 2)) * max(1, size)
        assert (np.abs(out - expected).max(axis=(1, 2)) < 1e-13 * norm).all()
    rotation = np.array([[[0, -np.pi], [np.pi, 0]]])
    module._expm(rotation, out := np.empty_like(rotation))
    np.testing.assert_allclose(out[0], -np.eye(2), atol=1e-15)


def test_pivoting(tmp_path):
    module = module_of(parsed("J = sum(solve(A, y)) + sum(inv(A)) + det(A)"), tmp_path, jit=False)
    A = np.array([[0.0, 1, 0], [0, 0, 2], [3, 0, 0]])[None]
    lu, out = np.empty((1, 4, 3)), np.empty((1, 3, 3))
    module._lu(A, lu)
    assert module._inv(lu, out) == -1
    np.testing.assert_array_equal(out @ A, np.eye(3)[None])
    module._det(lu, d := np.empty(1))
    assert d == 6  # an even permutation


# --- what fails


FAULTS = {
    "J = sum(inv(A) @ y)": (np.zeros((2, 2)), "A is singular"),
    "K = A + A.T; J = sum(sin(solve(K, y)))": (np.ones((2, 2)), "K is singular"),
    "J = sum(inv(A @ A.T)**2)": (np.ones((2, 2)), "A Aᵀ is singular"),
    "J = sum(cholesky(A))": (-np.eye(2), "A is not positive definite"),
    "J = logdet(A)": (np.ones((2, 2)), "A is singular"),  # in backward alone
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults_are_named(text, tmp_path):
    graph = parsed(text)
    module = module_of(graph, tmp_path, jit=False)
    bad, message = FAULTS[text]
    given = [np.ones(2)] * ("y" in graph.inputs)
    pack = {"A": bad} | ({"y": np.ones(2)} if "y" in graph.parameters else {})
    params = module.pack(pack)
    good = module.pack(pack | {"A": np.array([[2.0, 1], [1, 3]])})
    work = module.workspace(params, *given)
    module.value_and_grad(good, *given, workspace=work)
    right = work.grads.flat.copy()
    assert issubclass(module.MatrixError, np.linalg.LinAlgError)
    with pytest.raises(module.MatrixError, match=message):
        module.value_and_grad(params, *given, workspace=work)
    assert np.isnan(work.grads.flat).all()  # nobody takes what is left for a gradient
    with pytest.raises(ValueError, match="the workspace is empty"):
        module.backward(params, *given, workspace=work)
    with pytest.raises(module.MatrixError, match=message):
        module.backward(params, *given, workspace=module.forward(params, *given)[1])
    _, grads = module.value_and_grad(good, *given, workspace=work)  # it works again
    np.testing.assert_array_equal(grads.flat, right)
    with pytest.raises(module.MatrixError, match=message):
        module.value_and_grad(params, *given, workspace=work, accumulate=True)
    np.testing.assert_array_equal(work.grads.flat, right)  # what was added up before


def test_matrices_without_a_name_are_told_as_formulas(tmp_path):
    graph = parsed("J = sum(inv(inv(A + eye(n)) * A + eye(n)) @ y)")
    module = module_of(graph, tmp_path, jit=False)
    assert module.FAULTS[0] == "A + I is singular"
    assert module.FAULTS[1] == "J_inv ⊙ A + I is singular"
    compare(module, graph, {"A": np.array([[2.0, 1], [1, 3]]), "y": np.ones(2)}, 1e-13, 1e-14)
    # a product that takes its factor, so that it is kept under no name of its own
    graph = parsed("J = sum(inv(A.T @ (X @ X.T) / 3 @ (tanh(A) - X @ X.T) + 3 * eye(n)))")
    assert "FAULTS" in dir(module_of(graph, tmp_path, jit=False))


def test_which_matrix_of_a_stack(tmp_path):
    graph = parsed("J = sum(inv(S))")
    module = module_of(graph, tmp_path, jit=False)
    S = np.tile(np.eye(2), (2, 3, 1, 1))
    S[1, 2] = 0
    with pytest.raises(module.MatrixError, match="matrix 5 of S is singular"):
        module.value_and_grad(module.pack({"S": S}))


def test_predictions_fail_too(tmp_path):
    graph = parsed("z = solve(A, X); J = mean((z - y[:, None])**2)", "A")
    module = module_of(graph, tmp_path, jit=False)
    with pytest.raises(module.MatrixError, match="A is singular"):
        module.predict(module.pack({"A": np.zeros((2, 2))}), np.ones((2, 2)))


@pytest.mark.parametrize("name", ["inv", "det", "logdet", "cholesky", "expm", "pinv"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_goes_through(name, bad, tmp_path):
    module = module_of(parsed(f"J = sum({name}(A))"), tmp_path, jit=False)
    A = np.array([[2.0, bad], [bad, 3.0]])
    with np.errstate(all="ignore"):
        assert not np.isfinite(module.value_and_grad(module.pack({"A": A}))[0])


@pytest.mark.parametrize("text", ["J = sum(sin(eigh(A)[0]))", "J = sum(svd(A)[1])"])
def test_spectra_of_what_is_not_finite(text, tmp_path):
    module = module_of(parsed(text), tmp_path, jit=False)
    value, grads = module.value_and_grad(module.pack({"A": np.full((2, 2), np.nan)}))
    assert np.isnan(value)
    assert np.isnan(grads.flat).all()


def test_ranks(tmp_path):
    """Singular values that are rounding errors do not count, in either precision."""
    for dtype in ("float64", "float32"):
        module = module_of(parsed("J = sum(pinv(X))"), tmp_path, dtype, jit=False)
        X = np.outer(np.arange(1, 5), [1, 2, 3]).astype(dtype)
        value, _ = module.value_and_grad(module.pack({"X": X}))
        # σ = 1e-17 of a matrix of size 20 would give 1e17
        assert value == pytest.approx(np.linalg.pinv(X.astype(float), 1e-6).sum(), rel=1e-5)


def test_only_spectra_and_exponentials_allocate():
    assert {name for name, row in ROUTINES.items() if row.allocates} == {"eigh", "svd", "expm"}
    for row in ROUTINES.values():
        assert row.allocates == any(word in row.source for word in ("np.empty", "np.linalg"))


#: text -> products of matrices in value and gradient, and how many of them are of stacks
PRODUCTS = {
    "sum(sin(einsum('bij,bjk->bik', X, Y)))": (3, 3),
    "sum(sin(einsum('ijb,bjk->bik', X, Y)))": (3, 3),
    "sum(sin(einsum('bij,bkj->kbi', X, Y)))": (3, 3),
    "sum(sin(einsum('ijb,jkb->kbi', X, Y)))": (3, 3),
    "sum(sin(einsum('aij,bkj->akbi', X, Y)))": (3, 0),
    "sum(sin(einsum('aij,ijb->ab', X, Y)))": (3, 0),
    "sum(sin(einsum('bij,bij->bi', X, Y)))": (0, 0),
    "sum(sin(einsum('bij,bj->bi', X, Y[:, :, 0])))": (0, 0),
}


@pytest.mark.parametrize("text", PRODUCTS)
def test_sums_of_products_are_products_of_matrices(text, tmp_path):
    """Whatever the order of their axes; matrices by vectors, and entry by entry, are loops."""
    equation = re.search("'(.*)->", text)[1].split(",")
    sizes = {"a": 4, "b": 3, "i": 2, "j": 5, "k": 6}
    shapes = {"X": tuple(equation[0]), "Y": tuple((equation[1] + "k")[:3])}
    net = sg.parse(f"J = {text}", shapes, parameters=["X", "Y"])
    module = module_of(net, tmp_path, jit=False)
    source = Path(module.__file__).read_text(encoding="utf-8")
    kernels = source.partition("\n# Matrix products")[0]
    calls = re.findall(r"^( +)_dot_", kernels, re.MULTILINE)
    # part of forward or backward, and in a loop over the stack
    assert (len(calls), sum(len(margin) > 8 for margin in calls)) == PRODUCTS[text]
    for each in (sizes, dict.fromkeys(sizes, 1)):
        compare(module, net, net.sample(1, {d: each[d] for d in net.dims}), 1e-12, 1e-12)


# --- large matrices, for which LAPACK and BLAS are called


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_large_matrices(dtype, tmp_path):
    """Factors and solutions on both sides of BLOCKED, against NumPy; stacks; what fails."""
    graph = parsed("J = sum(solve(A, X)) + sum(solve(A.T, X)) + logdet(A) + sum(cholesky(A))")
    module = module_of(graph, tmp_path, dtype)
    rng, eps = np.random.default_rng(5), np.finfo(dtype).eps
    for n, d in ((BLOCKED, 2), (BLOCKED + 1, 1), (2 * BLOCKED + 7, 5), (150, 40)):
        A = rng.normal(size=(2, n, n)).astype(dtype)
        B = rng.normal(size=(2, n, d)).astype(dtype)
        lu, x = np.empty((2, n + 1, n), dtype), np.empty((2, n, d), dtype)
        module._lu(A, lu)
        wide = A.astype(float)
        worst = 100 * eps * n * np.linalg.cond(wide).max()
        for routine, matrix in ((module._solve, wide), (module._solve_t, wide.mT)):
            assert routine(lu, B, x) == -1
            expected = np.linalg.solve(matrix, B)
            np.testing.assert_allclose(x, expected, atol=worst * np.abs(expected).max())
        value = np.empty(2, dtype)
        module._logdet(lu, value)
        np.testing.assert_allclose(value, np.linalg.slogdet(wide)[1], rtol=worst)
        S = A @ A.mT + n * np.eye(n, dtype=dtype)
        L = np.empty_like(S)
        assert module._cholesky(S, L) == -1
        np.testing.assert_allclose(L, np.linalg.cholesky(S.astype(float)), atol=30 * eps * n)
        S[1, 0, 0] = -1
        assert module._cholesky(S, L) == 1
        A[1, :, 3] = 0
        module._lu(A, lu)
        assert [module._solve(lu, B, x), module._solve_t(lu, B, x)] == [1, 1]
        A[0, 2, 1] = np.nan
        module._lu(A, lu)
        module._cholesky(A, L)
        assert np.isnan(lu[0, :n]).all()
        assert np.isnan(L[0]).all()
