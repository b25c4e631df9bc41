"""Plain SymPy in: every expression that is read, against NumPy; answers in kind; errors."""

import functools

import numpy as np
import pytest
import sympy as sp
from reference_numpy import run
from sympy import MatrixSymbol, Symbol, Trace, tanh
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import OneMatrix

import symgrad as sg
from symgrad.errors import DeclarationError, NameClash, ShapeError, UnknownName

lam = Symbol("lam")
mu = Symbol("mu", positive=True)
i, j, k = sp.symbols("i j k", integer=True)


def shapes(n, d):
    return {"A": (n, d), "B": (n, d), "C": (d, n), "S": (n, n), "T": (d, d), "x": (d, 1),
            "y": (n, 1), "r": (1, d)}  # fmt: skip


def symbols(n, d):
    return (MatrixSymbol(name, *shape) for name, shape in shapes(n, d).items())


def expressions(n, d):
    """Pairs of an expression and its value in NumPy, given all symbols by name."""
    A, B, C, S, T, x, y, r = symbols(n, d)
    v, G = sp.IndexedBase("v"), sp.IndexedBase("G", shape=(n, d, 3))
    m = sp.Idx("m", n)
    I_, J_ = (i, 0, n - 1), (j, 0, d - 1)
    return [
        (A, lambda A, **_: A),
        (A + B, lambda A, B, **_: A + B),
        (A - 3 * B, lambda A, B, **_: A - 3 * B),
        (-A / n, lambda A, **_: -A / len(A)),
        (0.1 * A + B * sp.pi, lambda A, B, **_: A / 10 + np.pi * B),
        (A * C * A, lambda A, C, **_: A @ C @ A),
        (lam * A * x, lambda A, x, lam, **_: lam * A @ x),
        (A * x + y, lambda A, x, y, **_: A @ x + y),
        (x * y.T, lambda x, y, **_: x @ y.T),
        (y.T * A * x, lambda A, x, y, **_: y.T @ A @ x),
        (r * x, lambda r, x, **_: r @ x),
        (x * r, lambda r, x, **_: x @ r),
        (r.T + x, lambda r, x, **_: r.T + x),
        (A.T, lambda A, **_: A.T),
        ((A * x).T * A, lambda A, x, **_: (A @ x).T @ A),
        (A.adjoint(), lambda A, **_: A.T),
        (S**3, lambda S, **_: S @ S @ S),
        ((2 * S) ** 2, lambda S, **_: 4 * S @ S),
        (S.I, lambda S, **_: np.linalg.inv(S)),
        (S**-2, lambda S, **_: np.linalg.inv(S) @ np.linalg.inv(S)),
        (sp.MatPow(S, 0), lambda S, **_: np.eye(len(S))),
        ((A.T * A + lam**2 * sp.Identity(d)).I * x,
         lambda A, x, lam, **_: np.linalg.solve(A.T @ A + lam**2 * np.eye(len(x)), x)),
        (sp.Determinant(S) * A, lambda A, S, **_: np.linalg.det(S) * A),
        (sp.BlockMatrix([[A, B], [2 * B, A]]), lambda A, B, **_: np.block([[A, B], [2 * B, A]])),
        (sp.BlockMatrix([[A * C, y]]), lambda A, C, y, **_: np.hstack([A @ C, y])),
        (Trace(S) * A, lambda A, S, **_: np.trace(S) * A),
        (sp.HadamardProduct(A, B, A), lambda A, B, **_: A * B * A),
        (sp.HadamardPower(A, 2), lambda A, **_: A**2),
        (sp.HadamardPower(A.applyfunc(sp.exp), lam), lambda A, lam, **_: np.exp(A) ** lam),
        (sp.HadamardPower(A.applyfunc(sp.exp), B), lambda A, B, **_: np.exp(A) ** B),
        (A.applyfunc(tanh), lambda A, **_: np.tanh(A)),
        ((A * x).applyfunc(tanh).T, lambda A, x, **_: np.tanh(A @ x).T),
        (A.applyfunc(lambda t: lam * t**2 + Trace(S)),
         lambda A, S, lam, **_: lam * A**2 + np.trace(S)),
        (A.applyfunc(lambda t: 1 / (1 + sp.exp(-t))), lambda A, **_: 1 / (1 + np.exp(-A))),
        (A.applyfunc(lambda t: sp.Max(0, t)), lambda A, **_: np.maximum(A, 0)),
        (A.applyfunc(lambda t: sp.Min(1, t, -t)), lambda A, **_: np.minimum(1, -abs(A))),
        (A.applyfunc(lambda t: sp.Piecewise((t, t > 0), (lam * t, t > -1), (0, True))),
         lambda A, lam, **_: np.where(A > 0, A, np.where(A > -1, lam * A, 0))),
        (A.applyfunc(sp.Lambda(k, 3)), lambda A, **_: np.full(A.shape, 3)),
        (x.applyfunc(sp.Lambda(k, mu)), lambda x, mu, **_: np.full(x.shape, mu)),
        (A.applyfunc(lambda t: abs(t) + sp.sign(t)), lambda A, **_: abs(A) + np.sign(A)),
        (A.applyfunc(lambda t: sp.sech(t) + sp.coth(t)),
         lambda A, **_: 1 / np.cosh(A) + 1 / np.tanh(A)),
        (A.applyfunc(lambda t: sp.sec(t) * sp.cot(t) + sp.csc(t) * sp.csch(t)),
         lambda A, **_: 1 / np.sin(A) + 1 / np.sin(A) / np.sinh(A)),
        (sp.OneMatrix(1, n) * A, lambda A, **_: A.sum(0, keepdims=True)),
        (A + sp.OneMatrix(n, d), lambda A, **_: A + 1),
        (y * sp.OneMatrix(1, d), lambda A, y, **_: y + 0 * A),
        (S + lam * sp.Identity(n), lambda S, lam, **_: S + lam * np.eye(len(S))),
        (sp.MatAdd(A, sp.ZeroMatrix(n, d)), lambda A, **_: A),
        (DiagMatrix(x), lambda x, **_: np.diag(x[:, 0])),
        (DiagMatrix(r), lambda r, **_: np.diag(r[0])),
        (DiagonalOf(S), lambda S, **_: np.diag(S)[:, None]),
        (DiagonalMatrix(S), lambda S, **_: np.diag(np.diag(S))),
        (sp.kronecker_product(A, T), lambda A, T, **_: np.kron(A, T)),
        (sp.kronecker_product(x, A, r), lambda A, x, r, **_: np.kron(np.kron(x, A), r)),
        (A[:, 0], lambda A, **_: A[:, :1]),
        (A[n - 1, :], lambda A, **_: A[-1:]),
        (A[0, 0], lambda A, **_: A[0, 0]),
        (A[n - 1, d - 1] * lam, lambda A, lam, **_: A[-1, -1] * lam),
        ((A * x)[0, 0], lambda A, x, **_: (A @ x)[0, 0]),
        (Trace(A * C), lambda A, C, **_: np.trace(A @ C)),
        (Trace(A.T * A) + 1, lambda A, **_: (A**2).sum() + 1),
        (lam / 2 * Trace(A.T * A) / n**2, lambda A, lam, **_: lam / 2 * (A**2).sum() / len(A) ** 2),
        (sp.sqrt(Trace(A.T * A)), lambda A, **_: np.sqrt((A**2).sum())),
        (sp.log(mu) ** 3 - sp.exp(lam * mu) / mu,
         lambda lam, mu, **_: np.log(mu) ** 3 - np.exp(lam * mu) / mu),
        (mu ** lam, lambda lam, mu, **_: mu**lam),
        (DotProduct(x, r.T), lambda x, r, **_: (r @ x)[0, 0]),
        (sp.Sum(A[i, j] ** 2, I_, J_), lambda A, **_: (A**2).sum()),
        (sp.Sum(A[i, j] * x[j, 0] * y[i, 0], I_, J_), lambda A, x, y, **_: (y.T @ A @ x)[0, 0]),
        (sp.Sum(S[i, i], I_), lambda S, **_: np.trace(S)),
        (sp.Sum(lam, I_, J_), lambda A, lam, **_: lam * A.size),
        (sp.Sum(A[i, j] + y[i, 0], I_, J_), lambda A, y, **_: (A + y).sum()),
        (sp.Sum(tanh(y[i, 0] - x[j, 0]) + sp.exp(y[i, 0]) ** x[j, 0], J_, I_),
         lambda x, y, **_: (np.tanh(y - x.T) + np.exp(y) ** x.T).sum()),
        (sp.Sum(sp.log(sp.Sum(sp.exp(A[i, j]), J_)), I_),
         lambda A, **_: np.log(np.exp(A).sum(1)).sum()),
        (sp.Sum(A[i, j] * sp.Sum(A[k, j], (k, 0, n - 1)), I_, J_),
         lambda A, **_: (A * A.sum(0)).sum()),
        (sp.Sum(sp.Sum(y[i, 0], I_) * y[i, 0], I_), lambda y, **_: y.sum() ** 2),
        (sp.Sum(x[j, 0] * x[d - 1 - j, 0], J_), lambda x, **_: (x * x[::-1]).sum()),
        (sp.Sum(A[i - 1, j - 1] ** 3, (i, 1, n), (j, 1, d)), lambda A, **_: (A**3).sum()),
        (sp.Sum(v[m] * y[m, 0], m), lambda v, y, **_: v @ y[:, 0]),
        (sp.Sum(v[i] * v[i], I_), lambda v, **_: (v**2).sum()),
        (sp.Sum(G[i, j, 2] * A[i, j], I_, J_), lambda G, A, **_: (G[:, :, 2] * A).sum()),
        (A.applyfunc(lambda t: t * sp.Sum(tanh(t * y[i, 0]), I_)),
         lambda A, y, **_: A * np.tanh(A[:, :, None] * y[:, 0]).sum(-1)),
    ]  # fmt: skip


def long_expressions(n, d):
    """The same for indices that need sizes of at least 3."""
    A, _, _, S, _, _, y, _ = symbols(n, d)
    I1, J1 = (i, 1, n - 2), (j, 1, d - 1)
    return [
        (A[0:2, 1:], lambda A, **_: A[:2, 1:]),
        (A[:, ::2], lambda A, **_: A[:, ::2]) if d == 4 else (A[:, 1], lambda A, **_: A[:, 1:2]),
        (A[1, 2], lambda A, **_: A[1, 2]),
        (sp.Sum((y[i + 1, 0] - y[i, 0]) ** 2, (i, 0, n - 2)),
         lambda y, **_: (np.diff(y[:, 0]) ** 2).sum()),
        (sp.Sum(A[i, j] ** 2, I1, J1), lambda A, **_: (A[1:-1, 1:] ** 2).sum()),
        (sp.Sum(y[2 * i, 0], (i, 0, 1)), lambda y, **_: y[0, 0] + y[2, 0]),
        (sp.Sum(S[i, i + 1] * A[i, 1], (i, 0, n - 2)),
         lambda A, S, **_: (np.diag(S, 1) * A[:-1, 1]).sum()),
    ]  # fmt: skip


def value_and_oracle(expr, oracle, sizes):
    graph = sg.Graph()
    graph.define("out", expr)
    rng = np.random.default_rng(7)
    n, d = sizes
    values = {}
    for name, shape in (shapes(n, d) | {"lam": (), "mu": (), "v": (n,), "G": (n, d, 3)}).items():
        signs = 1 if name == "mu" else rng.choice([-1, 1], shape)
        values[name] = rng.uniform(0.5, 1.5, shape) * signs
    return graph.evaluate(values | {"n": n, "d": d}), oracle(**values)


def require_equal(table, sizes):
    for expr, oracle in table:
        got, expected = value_and_oracle(expr, oracle, sizes)
        assert got.shape == np.shape(expected), expr
        # a few dozen operations on numbers of order 1, whose sums may cancel to order 1/10
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13, err_msg=str(expr))


@pytest.mark.parametrize("sizes", [(5, 4), (1, 3), (3, 1), (1, 1)], ids=str)
def test_expressions(sizes):
    require_equal(expressions(*sp.symbols("n d")), sizes)
    if sizes != (1, 1):  # SymPy's applyfunc hands a 1 × 1 matrix to Python functions, which fail
        require_equal(expressions(*sizes), sizes)


def test_expressions_with_slices_and_shifts():
    require_equal(long_expressions(*sp.symbols("n d", integer=True)), (5, 4))
    require_equal(long_expressions(5, 4), (5, 4))


@pytest.mark.parametrize("part", range(3))
def test_gradients(part):
    """Of the sum of squares of every expression, by all of its symbols; and their NumPy texts."""
    n, d = sp.symbols("n d")
    for expr, _ in (expressions(n, d) + long_expressions(5, 4))[part::3]:
        inputs = sg.Graph.from_sympy(expr).inputs
        if not inputs:
            continue
        net = sg.Graph(parameters=inputs)
        value = net.define("V", expr)
        net.define("J", Trace(value.T * value) if isinstance(value, MatrixSymbol) else value**2)
        assert sg.check(net), expr
        values = net.evaluate_all(sample := net.sample(seed=5)) | {k: sample[k] for k in net.dims}
        for name, derivative in sg.gradient(net).items():
            got, expected = run(derivative.numpy(), values), derivative.evaluate(sample)
            assert np.shape(got) == expected.shape, (expr, name)
            scale = max(1, abs(expected).max())  # a hundred roundings of numbers of that order
            np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-12 * scale)


# --- answers in kind

n, d = sp.symbols("n d")


def two_layers():
    h, d, c = sp.symbols("h d c")
    W, V = MatrixSymbol("W", h, d), MatrixSymbol("V", c, h)
    b, x, t = MatrixSymbol("b", h, 1), MatrixSymbol("x", d, 1), MatrixSymbol("t", c, 1)
    net = sg.Graph("two_layers", parameters=[W, b, "V"], domain={"x": "large"})
    z = net.define("z", W * x + b)
    a = net.define("a", z.applyfunc(tanh))
    o = net.define("o", V * a)
    E = net.define("E", Trace((o - t).T * (o - t)) / 2)
    J = net.define("J", E + mu / 2 * (Trace(W.T * W) + Trace(V.T * V)))
    return net, z, E, J


def test_answers_in_kind():
    net, z, E, J = two_layers()
    assert isinstance(z, MatrixSymbol)
    assert [str(size) for size in z.shape] == ["h", "1"]
    assert [type(each) for each in (E, J)] == [Symbol, Symbol]
    assert [each.name for each in (E, J)] == ["E", "J"]
    assert (net.parameters, net.output) == (("W", "b", "V"), "J")
    assert set(net.inputs) == {"x", "t", "mu"}
    assert net.dims == ("h", "d", "c")
    assert (net.leaf("mu").domain, net.leaf("x").domain) == ("positive", "large")
    assert net.leaf(z) is net.leaf("z")
    assert str(net.leaf(z).shape) == "(h, 1)"


def test_two_layers_with_weight_decay():
    """SymPy's own `diff` gives zero for a trace and a constant, and no layers at all."""
    net, z, E, _ = two_layers()
    D = sg.gradient(net)
    assert D[MatrixSymbol("V", 2, 3)].numpy() == "do = o - t; do @ a.T + mu * V"
    assert "∂J/∂W = (∂J/∂z) xᵀ + μ W" in str(D)
    assert "∂J/∂z = (∂J/∂a) ⊙ (1 − a²)" in str(D)
    assert sg.check(net)
    assert tuple(sg.gradient(net, wrt=z)) == ("z",)
    assert tuple(sg.gradient(net, wrt=[E, Symbol("mu")])) == ("E", "mu")


def test_spellings_and_order():
    net = sg.Graph(parameters=["V", "W"], latex={"W": "W^{(1)}"})
    W, V = MatrixSymbol("W", n, d), MatrixSymbol("V", n, n)
    net.define("J", Trace(W.T * V * W))
    assert net.parameters == ("V", "W")
    assert sg.gradient(net)["V"].latex().endswith(r"= W^{(1)} W^{(1)\top}")


def test_second_derivatives():
    x, Q = MatrixSymbol("x", n, 1), MatrixSymbol("Q", n, n)
    net = sg.Graph.from_sympy(x.T * Q * x, parameters=[x])
    at = {"Q": np.arange(9.0).reshape(3, 3), "x": np.ones((3, 1)), "dx": np.eye(3)[:, :1]}
    H = sg.hessian(net, x).evaluate(at)
    assert H.shape == (3, 1, 3, 1)
    np.testing.assert_allclose(H[:, 0, :, 0], at["Q"] + at["Q"].T, rtol=1e-15)
    np.testing.assert_allclose(sg.hvp(net, x).evaluate(at), H[:, 0, :, 0] @ at["dx"], rtol=1e-15)


def test_a_trace_plus_a_constant():
    W = MatrixSymbol("W", 3, 3)
    net = sg.Graph.from_sympy(Trace(W) + lam, parameters=["W"])
    at = {"W": np.arange(9.0).reshape(3, 3), "lam": 0.5}
    np.testing.assert_array_equal(sg.gradient(net)["W"].evaluate(at), np.eye(3))
    assert net.evaluate(at) == 12.5


@pytest.mark.parametrize("flat", [False, True])
def test_the_documented_network(flat):
    """From definition to compiled module, and the same in one expression."""
    h, d, lam = sp.symbols("h d lam")
    W, x = MatrixSymbol("W", h, d), MatrixSymbol("x", d, 1)
    if flat:
        a = (W * x).applyfunc(tanh)
        net = sg.Graph.from_sympy(Trace(a.T * a) + lam / 2 * Trace(W.T * W), parameters=["W"])
    else:
        net = sg.Graph("net", parameters=["W"])
        z = net.define("z", W * x)
        a = net.define("a", z.applyfunc(tanh))
        net.define("J", Trace(a.T * a) + lam / 2 * Trace(W.T * W))
    assert sg.check(net)
    values = net.sample(seed=3, sizes={"h": 3, "d": 2})
    slope = 2 * (u := np.tanh(values["W"] @ values["x"])) * (1 - u**2)
    expected = slope @ values["x"].T + values["lam"] * values["W"]
    got = sg.gradient(net)["W"].evaluate(values)
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-14)  # ten operations of order 1
    module = sg.compile(net)
    params = module.pack({"W": values["W"]})
    loss, grads = module.value_and_grad(params, **{name: values[name] for name in net.inputs})
    np.testing.assert_allclose(loss, net.evaluate(values), rtol=1e-13)
    np.testing.assert_allclose(grads.W, expected, rtol=1e-13, atol=1e-14)


def test_one_by_one_is_its_entry_in_from_sympy():
    A, x = MatrixSymbol("A", n, n), MatrixSymbol("x", n, 1)
    net = sg.Graph.from_sympy(x.T * A * x, name="q", parameters=[x])
    assert (net.output, net.leaf("q").shape) == ("q", ())
    assert sg.check(net)
    assert sg.gradient(net)["x"].numpy() == "(A + A.T) @ x"


def test_one_by_one_is_a_matrix_in_define():
    net = sg.Graph(parameters=[x])
    assert net.define("q", x.T * x).shape == (1, 1)
    with pytest.raises(ShapeError, match=r"the output q has shape \(1, 1\)"):
        sg.gradient(net)


def test_depth_is_no_limit():
    deep = lam
    for _ in range(3000):
        deep = sp.Add(1, sp.exp(deep, evaluate=False), evaluate=False)
    net = sg.Graph.from_sympy(deep, parameters=[lam])
    assert np.isinf(net.evaluate({"lam": 1.0}))


def test_two_ways_in_one_graph():
    """A tensor that is a matrix is the MatrixSymbol of its name and shape."""
    X = sg.tensor("X", n, d)
    net = sg.Graph()
    net.define("s", sg.sum(X))
    J = net.define("J", Trace(MatrixSymbol("X", n, d) * MatrixSymbol("X", n, d).T))
    assert isinstance(J, Symbol)
    assert net.inputs == ("X",)
    net.define("K", net.leaf(J) * net.leaf("s"))
    assert net.evaluate({"X": np.ones((2, 3))}) == 36


def test_dimensions_stay_dimensions():
    """Numbers and dimensions alone make leaves, as before."""
    X = MatrixSymbol("X", n, 2)
    net = sg.Graph()
    net.define("s", Trace(X.T * X) / n)
    assert (net.dims, net.inputs) == (("n",), ("X",))
    assert isinstance(net.define("k", 2 / n), type(net.leaf("s")))
    assert net.evaluate({"X": np.ones((4, 2))}) == 0.5


def test_unspecified_functions():
    phi, loss = sp.Function("phi"), sp.Function("l")
    W, x, y = MatrixSymbol("W", n, n), MatrixSymbol("x", n, 1), MatrixSymbol("y", n, 1)
    net = sg.Graph(parameters=[W])
    z = net.define("z", W * x)
    h = net.define("h", z.applyfunc(phi))
    L = net.define("L", loss(h, y))
    net.define("J", L + lam * Trace(W.T * W))
    text = str(sg.gradient(net))
    assert "∂J/∂z = (∂J/∂h) ⊙ φ'(z)" in text
    assert "∂J/∂W = (∂J/∂z) xᵀ + 2 λ W" in text


def test_many_terms():
    terms = [MatrixSymbol(f"A{k}", 2, 2) for k in range(1000)]
    net = sg.Graph.from_sympy(Trace(sp.MatAdd(*terms)), parameters=["A7"])
    np.testing.assert_array_equal(
        sg.gradient(net)["A7"].evaluate({f"A{k}": np.ones((2, 2)) for k in range(1000)}), np.eye(2)
    )


# --- errors

A, S, x = MatrixSymbol("A", n, d), MatrixSymbol("S", n, n), MatrixSymbol("x", d, 1)
w = sp.IndexedBase("w")

BAD = [
    (sp.ImmutableMatrix([[1, lam]]), DeclarationError, "ImmutableDenseMatrix is not supported"),
    (sp.exp(S), DeclarationError, "exp of a matrix in exp(S)"),
    (sp.sin(S) + lam, DeclarationError, "sin of a matrix"),
    (S**n, DeclarationError, "MatPow with the exponent n is not supported"),
    (sp.MatPow(S, 65), DeclarationError, "MatPow with the exponent 65"),
    (sp.MatPow(S, lam), DeclarationError, "MatPow with the exponent lam"),
    (sp.gamma(lam), DeclarationError, "gamma is not supported: gamma(lam)"),
    (A.applyfunc(sp.gamma), DeclarationError, "gamma is not supported"),
    (sp.Derivative(lam**2, lam), DeclarationError, "Derivative is not supported"),
    (sp.Integral(lam, (lam, 0, 1)), DeclarationError, "Integral is not supported"),
    (sp.Product(A[i, 0], (i, 0, n - 1)), DeclarationError, "Product is not supported"),
    (sp.Heaviside(lam), DeclarationError, "Heaviside is not supported"),
    (sp.I * lam, DeclarationError, "not a number that an expression can hold"),
    (lam + sp.oo * mu, DeclarationError, "not a number that an expression can hold"),
    (lam + sp.nan, DeclarationError, "not a number that an expression can hold"),
    (sp.Piecewise((lam, lam > 0)), DeclarationError, "Piecewise of such conditions"),
    (sp.Piecewise((lam, (lam > 0) & (mu < 1)), (0, True)), DeclarationError, "Piecewise of such"),
    (A + S, ShapeError, "MatAdd: shapes (n, d) and (n, n) differ in A + S"),
    (A * A, ShapeError, "inner dimensions d and n differ"),
    (A * sp.OneMatrix(n, 1), ShapeError, "inner dimensions d and n differ"),
    (sp.HadamardProduct(A, S), ShapeError, "HadamardProduct: shapes"),
    (sp.MatAdd(A, x), ShapeError, "MatAdd: shapes (n, d) and (d, 1)"),
    (A + MatrixSymbol("A", n, n), NameClash, "'A' is a MatrixSymbol of shape"),
    (A * MatrixSymbol("lam", d, n) * lam, NameClash, "'lam' is a"),
    (lam + Symbol("lam", positive=True), NameClash, "'lam' is a Symbol"),
    (MatrixSymbol("n", n, n), NameClash, "n is both a symbol and a dimension"),
    (A * x * Symbol("A"), NameClash, "'A' is a"),
    (MatrixSymbol("W^{(1)}", n, n), NameClash, "'W^{(1)}' is not a name"),
    (Symbol("lambda") * Trace(S), NameClash, "'lambda' is reserved"),
    (Symbol("z", imaginary=True) * Trace(S), DeclarationError, "z is not real"),
    (Symbol("z", commutative=False) * Trace(S), DeclarationError, "z is not real"),
    (Symbol("m", integer=True, negative=True) * lam, DeclarationError, "m is an integer, but no"),
    (A[i, 0], DeclarationError, "the index i is not bound by a sum"),
    (sp.Sum(A[i, j], (i, 0, n - 1)), DeclarationError, "the index j is not bound"),
    (A[0, 3 * d], ShapeError, "out of range"),
    (sp.Sum(i * A[i, 0], (i, 0, n - 1)), DeclarationError, "the index i stands outside"),
    (sp.Sum(A[i, j], (j, 0, i), (i, 0, n - 1)), DeclarationError, "bounds that depend on an index"),
    (sp.Sum(A[i, 0], (i, 0, 1), (i, 0, 2)), DeclarationError, "one index is summed twice"),
    (sp.Sum(A[i, 0], (i, 0, n)), ShapeError, "the subscript i is out of range"),
    (sp.Sum(A[i - 1, 0], (i, 0, n - 1)), ShapeError, "the subscript i - 1 is out of range"),
    (sp.Sum(A[i + j, 0], (i, 0, n - 1), (j, 0, d - 1)), ShapeError, "cannot be decided"),
    (sp.Sum(A[i**2, 0], (i, 0, 1)), DeclarationError, "is not affine"),
    (sp.Sum(A[i, 0], (i, 3, 2)), DeclarationError, "a dimension must be a positive integer"),
    (w[0], ShapeError, "the shape of w does not follow"),
    (sp.Sum(w[i] + w[i, i], (i, 0, n - 1)), NameClash, "'w' has shape (n,)"),
    (sp.Sum(w[i], (i, 0, n - 1)) + sp.Sum(w[i], (i, 0, d - 1)), NameClash, "'w' has shape"),
    (A[::2, :], ShapeError, "but SymPy takes it for (floor(n/2), d)"),
    (A.applyfunc(lambda t: Trace(t * S)), DeclarationError, "a matrix that depends on an index"),
    (A.applyfunc(lambda t: Trace(S.applyfunc(lambda s: s * t))), DeclarationError, "with an index"),
    (Trace(A), ShapeError, "trace: of a square matrix"),
    (DiagonalMatrix(A), ShapeError, "of a square matrix"),
    (lam * Trace(S) + sp.Function("f g")(lam), NameClash, "'f g' is not a name"),
    (sp.Function("f")() + lam, DeclarationError, "f needs an argument"),
    (sp.Indexed("v", 0) * lam, ShapeError, "the shape of v does not follow"),
    (Symbol("out") + lam, NameClash, "'out' is a symbol in its own definition"),
    (sp.tan(lam) + sp.zeta(lam), DeclarationError, "zeta is not supported"),
]  # fmt: skip


@pytest.mark.parametrize(("expr", "kind", "message"), BAD, ids=[str(e)[:40] for e, *_ in BAD])
def test_what_is_not_read(expr, kind, message):
    net = sg.Graph()
    with pytest.raises(kind) as caught:
        net.define("out", expr)
    assert message in str(caught.value)
    assert not net.definitions
    assert not net.symbols


def test_names_that_are_told_must_be_met():
    for options, message in (
        ({"parameters": ["V"]}, "parameters= names 'V', but no symbol has that name"),
        ({"domain": {"V": "spd"}}, "domain= names 'V'"),
        ({"latex": {"V": "v"}}, "latex= names 'V'"),
        ({"domain": {"A": "spd"}}, "A is spd, so its shape must be"),
        ({"domain": {"A": "odd"}}, "unknown domain 'odd'"),
        ({"parameters": ["lam", "J"]}, "parameters= names 'J', but no symbol"),
    ):
        with pytest.raises((UnknownName, DeclarationError)) as caught:
            sg.Graph.from_sympy(Trace(A.T * A) * lam, **options)
        assert message in str(caught.value)


def test_options_of_other_kinds():
    assert sg.Graph(parameters=None).parameters == ()
    for options in ({"parameters": 3}, {"domain": "spd"}, {"latex": ["W"]}):
        with pytest.raises(DeclarationError, match=f"{next(iter(options))}= is a"):
            sg.Graph(**options)


def test_an_input_is_no_parameter():
    net = sg.Graph(parameters=["X"])
    net.define("J", sg.sum(sg.tensor("X", "n")))
    with pytest.raises(DeclarationError, match="names 'X', which is declared an input"):
        sg.gradient(net)


def test_names_clash_with_the_graph():
    net = sg.Graph(parameters=[A])
    z = net.define("z", A * x)
    for expr in (
        MatrixSymbol("z", n, 2).T * z,  # another z
        Trace(MatrixSymbol("x", n, n)),  # another x
        Symbol("x") * z,
        Symbol("x", positive=True) * z,
        Symbol("z") ** 2,
    ):
        with pytest.raises(NameClash):
            net.define("bad", expr)
    with pytest.raises(NameClash, match="'z' is defined twice"):
        net.define("z", A * x)
    with pytest.raises(NameClash, match="'A' is a declared symbol"):
        net.define("A", z)
    with pytest.raises(NameClash, match="'x' is both a dimension and a symbol"):
        net.define("bad", Trace(MatrixSymbol("Q", Symbol("x"), Symbol("x"))))
    net.define("J", Trace(z * z.T))
    assert sg.check(net)


def test_no_mixture_within_an_expression():
    X = sg.tensor("X", "n")
    with pytest.raises(DeclarationError, match="cannot be mixed with tensors"):
        sg.sum(X) * Trace(S)
    with pytest.raises((DeclarationError, TypeError)):
        X + A


def test_an_error_says_where():
    with pytest.raises(DeclarationError) as caught:
        sg.Graph().define("J", Trace(sp.MatPow(S, lam) * S.T))
    assert str(caught.value).splitlines()[:2] == [
        "MatPow with the exponent lam is not supported: S**lam",
        '  in "Trace(S**lam*S.T)"',
    ]


# back to SymPy


def numpy_of(expr, values, sizes):
    """The value of SymPy's expression in NumPy; it shares no code with symgrad."""

    def of(part):
        if isinstance(part, MatrixSymbol):
            return np.reshape(values[part.name], (len(np.atleast_1d(values[part.name])), -1))
        if isinstance(part, Symbol):
            return sizes[part.name] if part.name in sizes else values[part.name]
        if isinstance(part, ElementwiseApplyFunction):
            (variable,) = part.function.variables
            others = {s: of(s) for s in part.function.expr.free_symbols - {variable}}
            body = sp.lambdify(variable, part.function.expr.xreplace(others), "numpy")
            return np.vectorize(lambda t: float(body(t)))(of(part.expr))
        if type(part) in SHAPED:
            return SHAPED[type(part)](*(int(of(sp.sympify(size))) for size in part.shape))
        if isinstance(part, sp.BlockMatrix):
            return np.block([[of(b) for b in part.blocks.row(r)] for r in range(part.blocks.rows)])
        if isinstance(part, MatrixSlice):
            keys = [slice(*(int(of(sp.sympify(k))) for k in key)) for key in part.args[1:]]
            return of(part.parent)[tuple(keys)]
        if not part.args:
            return float(part)
        return NUMPY[type(part)](*(of(arg) for arg in part.args))

    return of(expr)


def product(*factors):
    result = factors[0]
    for factor in factors[1:]:
        scalar = np.ndim(result) == 0 or np.ndim(factor) == 0
        result = result * factor if scalar else result @ factor
    return result


SHAPED = {
    sp.Identity: lambda rows, _: np.eye(rows),
    OneMatrix: lambda *shape: np.ones(shape),
    sp.ZeroMatrix: lambda *shape: np.zeros(shape),
}
NUMPY = {
    sp.MatMul: product,
    sp.Mul: product,
    sp.MatAdd: lambda *terms: sum(terms),
    sp.Add: lambda *terms: sum(terms),
    sp.Pow: lambda a, b: a**b,
    sp.HadamardProduct: lambda *factors: np.prod(factors, axis=0),
    sp.HadamardPower: lambda a, b: a**b,
    sp.Transpose: np.transpose,
    sp.Trace: np.trace,
    sp.Inverse: lambda a, *_: np.linalg.inv(a),
    sp.MatPow: lambda a, k: np.linalg.matrix_power(a, int(k)),
    sp.Determinant: np.linalg.det,
    sp.KroneckerProduct: lambda *factors: functools.reduce(np.kron, factors),
    DiagMatrix: lambda a: np.diag(np.ravel(a)),
    DiagonalOf: lambda a: np.diag(a)[:, None],
    MatrixElement: lambda a, i, j: a[int(i), int(j)],
    sp.exp: np.exp,
    sp.log: np.log,
    sp.Abs: np.abs,
    sp.tanh: np.tanh,
}

#: Parts of the expressions above whose gradients SymPy cannot say, by words of the error.
UNSAID = (
    "array of conditions", "reshape", "of two matrices", "negative step", "two axes", "einsum",
    "cannot write it", "cannot be read",
)  # fmt: skip


def test_gradients_go_back_to_sympy():
    """Right by NumPy and read back, or an error that says what has no form."""
    n, d = sp.symbols("n d")
    said, unsaid = 0, []
    for expr, _ in expressions(n, d):
        inputs = sg.Graph()
        inputs.define("V", expr)
        net = sg.Graph(parameters=[s.name for s in inputs.symbols if s.ndim < 3])
        value = net.define("V", expr)
        net.define("J", Trace(value.T * value) if isinstance(value, MatrixSymbol) else value**2)
        sample = net.sample(seed=5)
        for name in net.parameters:
            derivative = sg.gradient(net)[name]
            expected = derivative.evaluate(sample)
            try:
                back = derivative.to_sympy()
            except sg.SymgradError as error:
                unsaid.append(str(error))
                continue
            said += 1
            got = np.reshape(numpy_of(back, sample, sample), expected.shape)
            # a few dozen operations on numbers of order 1
            tolerance = 1e-11 * max(1, np.abs(expected).max())
            np.testing.assert_allclose(got, expected, 0, tolerance, err_msg=f"{expr} {name} {back}")
    assert all(any(words in message for words in UNSAID) for message in unsaid), unsaid
    assert said > 4 * len(unsaid)


def test_what_sympy_gets_wrong_or_refuses():
    """SymPy's own diff gives 0 for a trace and a constant, and raises for two layers."""
    n, d, h = sp.symbols("n d h")
    X, W1, W2 = MatrixSymbol("X", n, d), MatrixSymbol("W1", d, h), MatrixSymbol("W2", h, 1)

    def gradient(expr, by, **more):
        return sg.gradient(sg.Graph.from_sympy(expr, parameters=[by], **more))[by].to_sympy()

    Q = MatrixSymbol("Q", d, d)
    assert gradient(Trace(Q) + lam, Q) == sp.Identity(d)
    assert gradient(sp.log(sp.Determinant(Q)), Q, domain={"Q": "invertible"}) == Q.I.T
    assert gradient(Trace(W1.T * W1) + lam, W1) == 2 * W1
    assert gradient(Trace(Q * X.T * X), Q) == X.T * X
    layers = (X * W1).applyfunc(tanh) * W2
    net = sg.Graph.from_sympy(Trace(layers.T * layers), parameters=[W1, W2])
    back = sg.gradient(net)["W1"].to_sympy()
    assert back.shape == (d, h)
    assert back.free_symbols >= {X, W1, W2}
    again = sg.Graph()
    again.define("G", back)
    values = net.sample(0)
    np.testing.assert_allclose(  # a few dozen operations on numbers of order 1
        again.evaluate(values), sg.gradient(net)["W1"].evaluate(values), rtol=1e-11, atol=1e-12
    )


def test_named_values_may_stay():
    z = MatrixSymbol("z", 3, 1)
    net = sg.Graph(parameters=[z])
    a = net.define("a", z.applyfunc(sp.exp))
    net.define("J", Trace(a.T * a) / 2)
    kept = sg.gradient(net)["z"].to_sympy(names=True)
    assert kept == sp.HadamardPower(a, 2)
    assert sg.gradient(net)["z"].to_sympy().free_symbols == {z}


def test_networks_of_tensors_go_to_sympy_with_columns():
    net = sg.parse("r = X @ w - y; J = sum(r**2) / 2", {"X": ("n", "d"), "w": ("d",), "y": ("n",)},
                   parameters=["w"])  # fmt: skip
    back = sg.gradient(net)["w"].to_sympy()
    assert str(back) == "X.T*(X*w - y)"
    assert [str(size) for size in back.shape] == ["d", "1"]
    assert str(sg.hessian(net, "w").to_sympy()) == "X.T*X"
    assert str(sg.hvp(net, "w").to_sympy()) == "X.T*X*dw"


def test_what_has_no_form_in_sympy_is_an_error():
    net = sg.parse("J = sum(max(X, axis=1))", {"X": ("n", "d")}, parameters=["X"])
    with pytest.raises(sg.SymgradError, match="SymPy has no matrix expression for"):
        sg.gradient(net)["X"].to_sympy()
    third = sg.parse("J = sum(w**3)", {"w": ("n",)}, parameters=["w"])
    with pytest.raises(sg.SymgradError, match="SymPy"):
        sg.jacobian(sg.hessian(third, "w"), "w").to_sympy()
    fixed = sg.parse("J = sum(w * stop_gradient(w**2))", {"w": ("n",)}, parameters=["w"])
    with pytest.raises(sg.SymgradError, match="stop_gradient"):
        sg.gradient(fixed)["w"].to_sympy()
