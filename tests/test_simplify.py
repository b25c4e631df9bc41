"""The simplifier: rules keep values, results are what people write, facts are kept apart."""

from fractions import Fraction
from math import prod

import numpy as np
import pytest
from sympy import S, exp, log, tanh

import symgrad as sg
from symgrad.declare.sampling import draw
from symgrad.declare.symbols import dims, scalar, tensor
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import SymgradError
from symgrad.simplify import simplify
from symgrad.simplify.cost import operations
from symgrad.simplify.page import page
from symgrad.simplify.rules import NODE_RULES, TERM_RULES
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    Einsum,
    Iverson,
    Leaf,
    LogSumExp,
    Map,
    Reduce,
    Softmax,
    Total,
    leaves,
    topological,
)
from symgrad.tensor.operators import (
    apply,
    einsum,
    eye,
    full,
    matmul,
    multiply,
    power,
    sum_over,
    total,
    transpose,
)
from symgrad.tensor.primitives import MatrixFunction, Reshape
from symgrad.tensor.scalar import ARGS, eq, gt, le, log1p, ne, relu, root, sigmoid, where

n, k, m = dims("n k m")
X, A = tensor("X", n, k), tensor("A", n, k)
Y = tensor("Y", n, k, domain="onehot")
C = tensor("C", k, n, domain="onehot:0")
p = tensor("p", k, domain="simplex")
s = tensor("s", n, domain="sign")
q = tensor("q", k, domain="positive")
b = tensor("b", n, k, domain="binary")
y = tensor("y", n, domain="labels:k")
x, v = tensor("x", n), tensor("v", k)
lam = scalar("lam")
onehot = Iverson("eq", INDEX[1] - LOOKUP[0], (n, k), ((0,),), y)
soft = Softmax((1,), X)
scores = Softmax((0,), x)
deviations = Leaf("D", (n, k), "value", "centred:0")
dropped = Leaf("H", (n, k), "value", "masked:b")
mean_row, mean_all = Leaf("mu", (k,), "value", "mean:0:X"), Leaf("nu", (), "value", "mean:0,1:X")
window = Iverson("eq", INDEX[0] - 2 * INDEX[1] + 1, (n, k))
inside, below = (Iverson("ge", c, (k,)) for c in (2 * INDEX[0] - 1, n - 2 * INDEX[0]))
SIZES = {"n": 3, "k": 4, "m": 5}


def values_of(node, seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    values = {leaf.name: value_of(leaf, sizes, rng) for leaf in leaves(node) if not is_mean(leaf)}
    for leaf in leaves(node):
        kind, _, mask = leaf.domain.partition(":")
        if kind == "masked":
            values[leaf.name] *= values[mask]
    return values | means_of(node, values)


def is_mean(leaf):
    return leaf.domain.startswith("mean:")


def means_of(node, values):
    """The values that are declared to be means of others."""
    found = {}
    for leaf in filter(is_mean, leaves(node)):
        _, axes, name = leaf.domain.split(":")
        along = tuple(map(int, axes.split(",")))
        whole = np.frompyfunc(Fraction, 1, 1)(values[name])
        found[leaf.name] = whole.sum(axis=along) / prod(whole.shape[a] for a in along)
    return found


def value_of(leaf, sizes, rng):
    """A draw from the domain; columns that sum to zero exactly are drawn here."""
    if leaf.domain.startswith("masked:"):
        leaf = Leaf(leaf.name, leaf.shape, leaf.role)
    if leaf.domain != "centred:0":
        return draw(leaf, sizes, rng)
    rows = rng.integers(-9, 9, size=(sizes["n"], sizes["k"])) / 8
    return rows - np.vstack([rows[1:] * 0, rows.sum(axis=0)])


M, K = tensor("M", n, n, domain="invertible"), tensor("K", n, n, domain="spd")
gram = matmul(X, transpose(X)) + eye(n)
inv, pinv, det, logdet, diag, concatenate, outer, expm, cholesky = (
    FUNCTIONS[name]
    for name in ("inv", "pinv", "det", "logdet", "diag", "concatenate", "outer", "expm", "cholesky")
)
K2, V2 = tensor("K2", k, n), tensor("V2", k, n)
u, w = tensor("u", n), tensor("w", n)
A2 = tensor("A2", n, n, domain="invertible")
stack = tensor("Q", m, n, n)
placed = Iverson("eq", INDEX[0] - INDEX[1] - n, (3 * n, n))


def at(row, position):
    """One entry of a vector."""
    return einsum(((0,), (0,)), (), row, Iverson("eq", INDEX[0] - position, row.shape))


def spread(rows, axis=0):
    """A vector along axis 0 of an (n, k) array."""
    return Einsum(((axis,),), (0, 1), (n, k), rows)


def spread_rows(vector):
    """A vector in each row of a square matrix."""
    size = vector.shape[0]
    return Einsum(((1,),), (0, 1), (size, size), vector)


def pick(scores, rows, exponent, axis=1):
    """A power of the entries that one-hot rows pick, spread over the rows again."""
    found = power(sum_over(multiply(scores, rows), axis, True), exponent)
    return multiply(found, full(1, scores.shape))


def by_hand(scores):
    """A softmax as people write it."""
    e = apply(exp(ARGS[0]), scores)
    return e / sum_over(e, 1, True)


def wide_tanh(values):
    """The hyperbolic tangent as people write it."""
    up, down = apply(exp(ARGS[0]), values), apply(exp(ARGS[0]), -values)
    return (up - down) / (up + down)


# rule -> expressions where it must fire, and the operations that are left
FIRES = {
    "delta": [
        (einsum(((0, 1), (1, 2)), (0, 2), eye(n), X), 0),
        (einsum(((0, 1),), (), eye(n)), 0),
        (einsum(((0, 1), (0,), (1,)), (), eye(n), x, x), 1),
    ],
    "one index": [
        (einsum(((1,), (0, 1)), (0, 1), x, eye(n)) - diag(x), 0),
        (einsum(((2, 1), (0, 2), (2,)), (0, 1, 2), M, eye(n), u), 3),
    ],
    "sums to one": [(sum_over(soft, 1), 0), (sum_over(onehot, 1), 0), (sum_over(soft), 0)],
    "declared to sum to one": [
        (sum_over(Y, 1), 0),
        (sum_over(C, 0), 0),
        (sum_over(p), 0),
        (einsum(((0, 1), (0,)), (), Y, x), 1),
    ],
    "deviations sum to zero": [
        (sum_over(deviations, 0), 0),
        (einsum(((0, 1), (1,)), (), deviations, v), 0),
        (sum_over(X - spread(mean_row, 1), 0), 0),
        (einsum(((0, 1), (1,)), (), X - spread(mean_row, 1), v), 0),
        (sum_over(X - multiply(mean_all, full(1, (n, k)))), 0),
    ],
    "powers": [
        (multiply(X, power(X, -1)), 0),
        (multiply(multiply(X, X), power(X, -1)), 0),
        (multiply(power(X, -1), power(X, -1)), 2),
        (multiply(power(p, 0.5), power(p, 0.5)), 0),
    ],
    "inverse of a product": [
        (matmul(inv(matmul(M, A2)), M), 1),
        (matmul(A2, inv(matmul(M, A2))), 1),
        (matmul(transpose(inv(matmul(M, A2))), transpose(A2)), 2),
        (matmul(matmul(M, M), inv(matmul(M, matmul(M, M)))), 1),
    ],
    "scale of a norm": [
        (multiply(lam, power(sum_over(power(multiply(lam, q), 2)), -0.5)), 4),
        (multiply(multiply(lam, x), power(sum_over(power(multiply(lam, q), 2)), -1.5)), 9),
        (multiply(lam, apply(root(ARGS[0], -S.Half), sum_over(power(multiply(lam, x), 2)))), 4),
    ],
    "log of a quotient": [
        (apply(log(ARGS[0]), multiply(at(scores, 0), power(at(Softmax((0,), u), 0), -1))), 5),
        (apply(log(ARGS[0]), multiply(apply(sigmoid(ARGS[0]), X), power(soft, -1))), 8),
        (apply(log(ARGS[0]), multiply(apply(exp(ARGS[0]), X), apply(exp(ARGS[0]), A))), 1),
    ],
    "power of a product": [
        (multiply(power(multiply(X, A), -1), multiply(X, A)), 0),
        (multiply(power(multiply(X, A), -2), power(X, 3)), 4),
    ],
    "product of the others": [
        (Reduce("prod", (1,), Map(where(ARGS[0], 1, ARGS[1]), eye(k), spread_rows(q))), 3),
    ],
    "power of a multiple": [(power(3 * X, -2), 3), (apply(ARGS[0] ** 0.5, 4 * p), 2)],
    "power of powers": [(power(multiply(X, X), -2), 2)],
    "padding never wins": [(FUNCTIONS["max_pool1d"](X, 3, 1, 1), 10)],
    "indicator squared": [
        (multiply(apply(gt(ARGS[0], 0), X), apply(gt(ARGS[0], 0), X)), 1),
    ],
    "binary squared": [(multiply(b, b), 0), (multiply(Y, Y), 0)],
    "masked": [
        (multiply(dropped, b), 0),
        (multiply(power(dropped, 2), b), 1),
        (einsum(((0, 1), (0, 1), (0, 2)), (1, 2), b, dropped, X), 2),
    ],
    "signs": [(multiply(s, s), 0), (multiply(multiply(s, x), s), 0)],
    "log of a softmax": [(apply(log(ARGS[0]), soft), 2)],
    "log of a sigmoid": [(apply(log(ARGS[0]), apply(sigmoid(ARGS[0]), X)), 3)],
    "log of 1 − sigmoid": [(apply(log(ARGS[0]), 1 - apply(sigmoid(ARGS[0]), X)), 2)],
    "inverse functions": [
        (apply(exp(ARGS[0]), apply(log(ARGS[0]), p)), 0),
        (Map(1 / ARGS[0], Map(ARGS[0] ** -2, X)), 1),
        (Map(ARGS[0] ** -2, Map(ARGS[0] ** 3, X)), 2),
        (Map(ARGS[0] ** -2, Map(root(ARGS[0], S.Half), sum_over(power(X, 2), 1))), 3),
        (Map(ARGS[0] ** -3, Map(ARGS[0] ** S.Half, p)), 3),
    ],
    "picked entry": [
        (multiply(pick(X, onehot, -1), multiply(X, onehot)), 0),
        (einsum(((0, 1), (0, 1), (0, 1)), (0,), X, onehot, pick(X, onehot, -1)), 0),
    ],
    "declared to pick": [
        (multiply(pick(X, Y, -1), multiply(X, Y)), 0),
        (multiply(pick(C, X.T, -1, 0), multiply(X.T, C)), 0),
    ],
    "ReLU and its slope": [
        (multiply(apply(gt(ARGS[0], 0), X), apply(relu(ARGS[0]), X)), 1),
    ],
    "softmax by hand": [
        (by_hand(X), 1),
        (multiply(apply(exp(ARGS[0]), X), power(sum_over(apply(exp(ARGS[0]), X)), -1)), 1),
    ],
    "sigmoid of exp": [
        (apply(exp(ARGS[0]), X) / (1 + apply(exp(ARGS[0]), X)), 1),
        (multiply(apply(exp(ARGS[0]), -X), power(1 + apply(exp(ARGS[0]), -X), -2)), 4),
    ],
    "tanh by hand": [(wide_tanh(X), 1), (wide_tanh(-X), 2)],
    "log of a picked softmax": [(apply(log(ARGS[0]), sum_over(multiply(soft, onehot), 1)), 4)],
    "comparison of multiples": [
        (apply(gt(*ARGS[:2]), X, X / 10), 1),
        (apply(le(*ARGS[:2]), X / 10, X), 1),
        (apply(eq(*ARGS[:2]), 2 * X, -3 * X), 1),
    ],
    "softplus by hand": [
        (apply(log(ARGS[0]), 1 + apply(exp(ARGS[0]), X)), 1),
        (apply(log1p(ARGS[0]), apply(exp(ARGS[0]), X)), 1),
    ],
    "sigmoid by hand": [
        (power(1 + apply(exp(ARGS[0]), -X), -1), 1),
        (power(1 + apply(exp(ARGS[0]), X), -3), 8),
    ],
    "logsumexp by hand": [
        (apply(log(ARGS[0]), sum_over(apply(exp(ARGS[0]), X), 1, True)), 1),
        (apply(log(ARGS[0]), sum_over(apply(exp(ARGS[0]), X))), 1),
    ],
    "softmax of a shift": [(Softmax((1,), X - spread(x) + 2), 1)],
    "logsumexp of a shift": [
        (LogSumExp((1,), X - spread(x) + 2), 4),
        (LogSumExp((0, 1), 2 * X + lam), 3),
    ],
    "mask": [(Map(where(ARGS[0], 1, 0), b), 1)],
    "bracket composed": [
        (einsum(((0, 1), (0, 2), (1,)), (2,), placed, placed, x), 0),
        (concatenate((x, v))[:n], 0),
        (concatenate((x, v))[n:], 0),
    ],
    "bracket decided": [
        (multiply(X, Iverson("ge", INDEX[0] + 1, (n, k))), 0),
        (multiply(X, Iverson("eq", INDEX[0] + 1 + INDEX[1], (n, k))), 0),
    ],
    "inverse cancels": [
        (matmul(M, inv(M)), 1),
        (matmul(inv(M), matmul(M, X)), 0),
        (einsum(((0, 1), (1, 0)), (), inv(M), M), 0),
        (matmul(transpose(M), transpose(inv(M))), 1),
        (matmul(inv(M + eye(n)), M + eye(n)), 1),
        (matmul(inv(stack), stack), 1),
    ],
    "symmetric": [
        (matmul(inv(gram), x) - matmul(x, inv(gram)), 0),
        (transpose(inv(gram)) + inv(gram), 6),
    ],
    "declared symmetric": [
        (matmul(K, x) - matmul(x, K), 0),
        (transpose(K) + K, 1),
        (einsum(((0, 1), (2, 1), (2, 3)), (0, 3), K, inv(K), X), 0),
    ],
    "of a transpose": [
        (inv(transpose(M)) - transpose(inv(M)), 0),
        (det(transpose(M)), 1),
        (logdet(transpose(stack, (0, 2, 1))), 1),
        (pinv(transpose(M)) - transpose(pinv(M)), 0),
        (expm(transpose(M)), 2),
        (cholesky(transpose(M)), 1),
        (MatrixFunction("eigvals", transpose(M)), 1),
        (MatrixFunction("svd_s", transpose(X)), 1),
    ],
    "of an inverse": [(inv(inv(M)), 0), (det(inv(stack)), 2), (logdet(inv(M)), 2)],
    "of an identity": [
        (inv(eye(n)), 1),
        (det(eye(n)), 0),
        (logdet(eye(n)), 0),
        (cholesky(eye(n)), 1),
        (pinv(eye(n)), 1),
    ],
    "of a multiple": [(inv(2 * M), 2), (inv(-stack / 3), 3), (pinv(2 * M), 2)],
    "of a diagonal": [(inv(diag(s)), 4), (logdet(diag(s)), 3), (det(diag(s)), 1)],
    "log of a squared determinant": [
        (apply(log(ARGS[0]), det(M) ** 2), 2),
        (apply(log(ARGS[0]), det(M) ** -4), 3),
    ],
    "reshape of a sum": [
        (Reshape((n, k), Reshape((n * k,), X) + Reshape((n * k,), A)), 1),
    ],
    "reshape of an identity": [
        (einsum(((0, 1), (0, 1, 0, 1)), (), X, Reshape((n, k, n, k), eye(n * k))), 1),
    ],
    "index in range": [
        (einsum(((0,), (0, 1), (1,)), (), x, window, inside), 3),
        (einsum(((0,), (0, 1), (1,)), (), x, window, below), 3),
    ],
    "bracket": [
        (apply(ne(ARGS[0], 0), window), 1),
        (apply(ne(ARGS[0], 0), multiply(window, inside[:, None].T)), 2),
    ],
    "sign of a ReLU": [(apply(gt(ARGS[0], 0), apply(relu(ARGS[0]), X)), 1)],
}


def test_every_rule_has_a_row():
    assert set(FIRES) == {rule.name for rule in TERM_RULES + NODE_RULES}


@pytest.mark.parametrize(
    ("name", "node", "left"),
    [(name, node, left) for name, rows in FIRES.items() for node, left in rows],
)
def test_rule_keeps_the_value_and_shortens(name, node, left):
    result = simplify(node).node
    assert operations(result) <= left
    for seed, sizes in enumerate((SIZES, {"n": 1, "k": 3, "m": 2}, {"n": 2, "k": 1, "m": 1})):
        values = values_of(node, seed, sizes)
        before, after = evaluate([node, result], values, sizes, precision=50)
        assert before.shape == after.shape
        # drawn simplex rows are float64, so they sum to one to within their rounding only
        close = 1e-15 if p in leaves(node) else 1e-40
        assert all(abs(u - w) < close for u, w in zip(before.ravel(), after.ravel(), strict=True))


@pytest.mark.parametrize(
    "node",
    [sum_over(Y, 1), sum_over(C, 0), sum_over(p), multiply(b, b), multiply(s, s)],
)
def test_facts_are_off_where_asked(node):
    assert simplify(node).used_facts
    assert (
        simplify(node, facts=False).node
        is simplify(simplify(node, facts=False).node, facts=False).node
    )
    assert operations(simplify(node, facts=False).node) > operations(simplify(node).node)
    assert not simplify(node, facts=False).used_facts


UNTOUCHED = {
    "soft rows pick no entry": multiply(pick(X, soft, -1), multiply(X, soft)),
    "rows of a simplex pick none": multiply(pick(X, spread(p, 1), -1), multiply(X, spread(p, 1))),
    "labels of another row": multiply(pick(X, onehot, -1), multiply(A, onehot)),
    "a sum along another axis": multiply(
        apply(exp(ARGS[0]), X), power(sum_over(apply(exp(ARGS[0]), A), 1, True), -1)
    ),
    "a shift that varies": Softmax((1,), X - spread(v, 1)),
    "one plus another": power(1 + 2 * apply(exp(ARGS[0]), X), -1),
    "two different exponents": (apply(exp(ARGS[0]), X) - apply(exp(ARGS[0]), -A))
    / (apply(exp(ARGS[0]), X) + apply(exp(ARGS[0]), -X)),
}


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_only_looks_alike_keeps_its_value(name):
    node = UNTOUCHED[name]
    values = values_of(node)
    before, after = evaluate([node, simplify(node).node], values, SIZES)
    assert operations(simplify(node).node) >= operations(node) - 2
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-14)  # a dozen operations


def test_notes_name_the_fact():
    assert simplify(sum_over(Y, 1)).notes == ("rows of Y sum to one",)
    assert simplify(X + A).notes == ()


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (X - X, full(0, (n, k))),
        (X + X - 2 * X, full(0, (n, k))),
        (multiply(X, A) - multiply(A, X), full(0, (n, k))),
        ((X @ v) - (v @ X.T), full(0, (n,))),
        (multiply(X + A, X - A) - X * X + A * A, full(0, (n, k))),
        (2 * (X + A) - 2 * X - 2 * A, full(0, (n, k))),
        (sum_over(X + A) - sum_over(X) - sum_over(A), full(0, ())),
        (sum_over(multiply(x, x)) - x @ x, full(0, ())),
        (X.T.T, X),
        ((X.T @ x) - (x @ X), full(0, (k,))),
        (soft - total(((1, soft),), (n, k)), full(0, (n, k))),
        (multiply(soft, spread(sum_over(soft, 1))), soft),
    ],
)
def test_equal_expressions_meet(node, expected):
    assert simplify(node).node is expected


@pytest.mark.parametrize(
    ("node", "most"),
    [
        (soft / n - Y / n, 3),  # (softmax(X) − Y)/n
        (lam * X + lam * A, 2),
        (X / 2 + X / 2, 0),
        (multiply(x, 1 - multiply(x, x)), 3),
        (multiply(soft, X) - multiply(soft, A), 3),
        (2 - 2 * apply(sigmoid(ARGS[0]), -X), 2),  # 2 σ(X)
        (matmul(M, x) - multiply(x, matmul(matmul(x, M), x)), 5),  # M x − (xᵀ M x) x
    ],
)
def test_shortest_form(node, most):
    result = simplify(node).node
    assert operations(result) <= most
    values = values_of(node)
    before, after = evaluate([node, result], values, SIZES)
    np.testing.assert_allclose(after, before, rtol=1e-12, atol=1e-14)


def test_spelling_does_not_matter():
    assert simplify(x * x * v[0]).node is simplify(v[0] * x**2).node
    assert simplify(sum_over(X) / n).node is simplify(sum_over(X / n)).node
    assert simplify(2 * X + A).node is simplify(A + X + X).node
    assert simplify(einsum(((0, 1), (1, 2)), (0, 2), X, X.T)).node is simplify(X @ X.T).node


def test_summed_labels_are_canonical():
    one = einsum(((0, 1), (1, 2), (2, 3)), (0, 3), X, X.T, X)
    other = einsum(((2, 3), (1, 2), (0, 1)), (0, 3), X, X.T, X)
    assert simplify(one).node is simplify(other).node


def test_simplifying_twice_changes_nothing():
    for rows in FIRES.values():
        for node, _ in rows:
            once = simplify(node).node
            assert simplify(once).node is once


def test_deep_nesting_is_no_recursion():
    node = x
    for i in range(3000):
        node = apply(tanh(ARGS[0]), node + x) if i % 2 else node * x
    assert simplify(node).node.shape == (n,)


def test_logsumexp_gradient_parts_stay_finite():
    big = {"X": np.array([[1e4, -1e4, 0.0]])}
    (value,) = evaluate([simplify(apply(log(ARGS[0]), soft)).node], big)
    assert np.isfinite(value).all()
    assert simplify(apply(log(ARGS[0]), soft)).notes == ("rewritten: log of a softmax",)
    assert any(isinstance(t, Einsum) and isinstance(t.factors[0], LogSumExp)
               for t in simplify(apply(log(ARGS[0]), soft)).node.terms)  # fmt: skip


def test_sums_of_one_term_do_not_stay():
    assert not isinstance(simplify(Total((1,), X)).node, Total)
    with pytest.raises(SymgradError):
        Total(
            (),
        )


def test_norms_are_powers_that_vanish_at_zero():
    squares = sum_over(power(x, 2))
    norm, slope = (apply(root(ARGS[0], e), squares) for e in (S.Half, -S.Half))
    assert simplify(multiply(norm, norm)).node is simplify(squares).node
    assert simplify(multiply(norm, slope)).node is full(1, ())
    inverse = apply(root(ARGS[0], S.NegativeOne), squares)
    assert simplify(multiply(slope, power(norm, -1))).node is simplify(inverse).node
    direction = simplify(multiply(slope, x)).node
    at_zero, beside = (evaluate([direction], {"x": np.array(v)})[0] for v in ([0, 0], [3, 4]))
    np.testing.assert_array_equal(at_zero, [0, 0])
    np.testing.assert_allclose(beside, [0.6, 0.8], rtol=1e-15)


def test_sharing_is_not_expanded():
    """One expression of 60 residual layers: as a tree its gradient has more than 2⁶⁰ nodes."""
    W, value = tensor("W", n, n), x
    for _ in range(60):
        value = value + apply(tanh(ARGS[0]), W @ value)
    squares = sum_over(power(value, 2))
    result = simplify(squares + value[0]).node
    assert len(topological(result)) < 60 * 60
    assert operations(result) > 2**50


def test_long_sums_are_one_sum():
    terms = [tensor(f"u{i}", n) for i in range(300)]
    nested = terms[0]
    for term in terms[1:]:
        nested = nested + term
    result = simplify(nested + nested).node
    factor, (inner,) = result.coefficients, result.terms
    assert factor == (2,)
    assert len(inner.terms) == 300


def test_a_factor_that_most_terms_share_goes_outside():
    parts = [tensor(f"u{i}", n) for i in range(40)]
    result = simplify(total(((1, multiply(x, part)) for part in parts), (n,))).node
    assert operations(result) == 40  # x ⊙ (u0 + ... + u39)


SHARED = {
    "X W + X V = X (W + V)": (lambda: matmul(X, K2) + matmul(X, V2), 2),
    "transposed": (lambda: matmul(transpose(A), X) + matmul(transpose(X), A), 3),
    "a matrix and its transpose": (lambda: matmul(M, X) + matmul(transpose(M), X), 2),
    "from both sides": (lambda: matmul(matmul(M, K), X) + matmul(matmul(M, M), X), 3),
    "within a chain": (
        lambda: matmul(matmul(M, inv(K)), X) - matmul(matmul(M, transpose(M)), X),
        4,
    ),
    "scalar products": (lambda: sum_over(multiply(x, u)) + sum_over(multiply(x, w)), 2),
    "no outer products": (
        lambda: matmul(X, outer(v, x)) + matmul(X, outer(p, u)),
        5,
    ),
    "a difference that vanishes": (
        lambda: matmul(x, M - transpose(M)) + matmul(M - transpose(M), x),
        0,
    ),
}


@pytest.mark.parametrize("name", SHARED)
def test_matrices_that_terms_share_are_put_outside(name):
    make, least = SHARED[name]
    node = make()
    result = simplify(node).node
    assert operations(result) == least
    for seed, sizes in enumerate((SIZES, {"n": 1, "k": 3}, {"n": 2, "k": 1})):
        values = values_of(node, seed, sizes)
        before, after = evaluate([node, result], values, sizes, precision=40)
        assert all(abs(a - b) < 1e-30 for a, b in zip(before.ravel(), after.ravel(), strict=True))


def test_a_factor_is_shared_for_as_many_rows_as_the_result_has_axes():
    """Σₖ aᵢₖ (xₖⱼ − xᵢⱼ)ₖᵢⱼ stays two products: the sum inside would have three axes."""
    D = tensor("D", n, n, k)
    node = einsum(((0, 2), (0, 2, 1)), (0, 1), M, D) + einsum(((0, 2), (2, 0, 1)), (0, 1), M, D)
    assert all(each.ndim <= 3 for each in topological(simplify(node).node))
    assert not any(isinstance(each, Total) and each.ndim == 3
                   for each in topological(simplify(node).node))  # fmt: skip


QUOTIENTS = {
    "a denominator inside and beside": (
        lambda: multiply(power(q, -1), power(1 + multiply(v, power(q, -1)), -1)),
        2,
    ),
    "two sums over one": (
        lambda: multiply(1 + power(q, -1), power(1 + multiply(v, power(q, -1)), -1)),
        3,
    ),
    "inside alone": (lambda: 1 + multiply(v, power(q, -1)), 2),
    "the lowest power": (
        lambda: power(q + power(v, 2), -0.5) - multiply(power(v, 2), power(q + power(v, 2), -1.5)),
        6,
    ),
}


@pytest.mark.parametrize("name", QUOTIENTS)
def test_denominators_are_cleared_where_they_meet(name):
    make, least = QUOTIENTS[name]
    node = make()
    result = simplify(node).node
    assert operations(result) <= least
    values = values_of(node)
    before, after = evaluate([node, result], values, SIZES, precision=40)
    assert all(abs(a - b) < 1e-30 for a, b in zip(before.ravel(), after.ravel(), strict=True))


THROUGH = {
    "a ratio of probabilities": ("p = softmax(z); J = log(p[0] / p[1])", "p", 3),
    "a scale before a norm": ("y = s * z; J = a @ y / norm(y)", "s", 0),
    "a scale before a normalisation": (
        "y = s * z; D = y - mean(y); J = a @ D / sqrt(mean(D**2))",
        "s",
        0,
    ),
    "a middle of two": (
        "r = (q + z**2) / 2; J = sum(q * log(q / r)) + sum(z**2 * log(z**2 / r))",
        "q",
        2,
    ),
}


@pytest.mark.parametrize("name", THROUGH)
def test_names_are_looked_through_where_that_is_much_shorter(name):
    text, wrt, least = THROUGH[name]
    net = sg.parse(
        text,
        symbols={"z": ("n",), "a": ("n",), "q": ("n",), "s": ()},
        domain={"q": "positive"},
        parameters=["z", "q", "s"],
    )
    wrt = "z" if wrt == "p" else wrt
    derivative = sg.gradient(net)[wrt]
    assert len(derivative.definitions) == 1
    assert operations(derivative.expr) <= least
    values = net.sample(0, {"n": 4})
    number = check(net, wrt, values)
    np.testing.assert_allclose(derivative.evaluate(values), number, rtol=1e-6, atol=1e-8)


def check(net, wrt, values):
    """Central differences with steps of 1e-5, whose error is 1e-10 of third derivatives."""
    value, step = np.asarray(values[wrt], float), 1e-5
    result = np.zeros(value.shape)
    for index in np.ndindex(value.shape):
        moved = [value.copy() for _ in range(2)]
        for sign, each in zip((1, -1), moved, strict=True):
            each[index] += sign * step
        up, down = (float(net.evaluate(values | {wrt: each})) for each in moved)
        result[index] = (up - down) / (2 * step)
    return result


KNOWN = {
    "a Gram matrix": ("C = X @ X.T + diag(s); J = logdet(C) + y @ solve(C, y)", "C", "C.T", 0),
    "through a name": ("r = sum(X**2, axis=1); K = exp(X @ X.T - r - r[:, None]); J = y @ K @ y",
                       "X", ".T @ X", 0),
    "rows of a named softmax": ("P = softmax(X, axis=1); J = sum(P * logsumexp(X))",
                                "X", "sum(P", 0),
    "deviations": ("D = X - mean(X, axis=0); J = sum((D @ D.T)**2)", "X", "mean(", 0),
    "deviations from a named mean": (
        "m = mean(X, axis=0); D = (X - m) / s[0]; J = sum((D @ D.T)**2)", "X", "mean(", 0),
    "a sum of deviations": (
        "m = mean(X, axis=0); v = mean((X - m)**2, axis=0); J = sum((X - m)**3 / v)",
        "m", "mean(", 0),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_what_definitions_say_shortens(name):
    text, wrt, word, times = KNOWN[name]
    net = sg.parse(
        text,
        symbols={"X": ("n", "d"), "A": ("n", "d"), "s": ("n",), "y": ("n",)},
        domain={"s": "positive"},
    )
    derivative = sg.gradient(net, wrt=[wrt])[wrt]
    assert derivative.numpy().count(word) == times


def test_what_definitions_say_is_not_differentiated_again():
    """The derivative of C⁻¹ has independent entries: −C⁻ᵀ ⊗ C⁻¹, though C is symmetric."""
    text = "C = X @ X.T; J = logdet(C + eye(n))"
    net = sg.parse(text, symbols={"X": ("n", "d")})
    H = sg.hessian(net, "C")
    sizes, values = {"n": 3, "d": 4}, net.sample(0, {"n": 3, "d": 4})
    value = H.evaluate(values)
    C = values["X"] @ values["X"].T + np.eye(3)
    expected = -np.einsum("il,kj->ijkl", np.linalg.inv(C).T, np.linalg.inv(C).T)
    assert sizes["n"] == len(C)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)  # two inverses of 3 × 3


def test_the_page_of_rules_is_that_of_the_table(golden):
    golden("../../docs/rules.md", page())


def test_every_rule_says_its_identity_and_its_source():
    for rule in (*TERM_RULES, *NODE_RULES):
        assert rule.formula.endswith("."), rule.name
        assert rule.source, rule.name


MASKED = {"R": ("m", "n"), "M": ("m", "n"), "P": ("m", "f"), "Q": ("n", "f")}


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("E = M * (R - P @ Q.T); J = sum(E**2)", "−(∂J/∂E) Q"),
        ("E = (R - P @ Q.T) * M / 3; J = sum(E**2)", "−(∂J/∂E) Q/3"),
        # another mask, none that is declared, the mask of another layout, what is no product
        ("E = N * (R - P @ Q.T); J = sum((M * E)**2)", "−((∂J/∂E) ⊙ N) Q"),
        ("E = A * (R - P @ Q.T); J = sum(E**2)", "−((∂J/∂E) ⊙ A) Q"),
        ("E = M * (R - P @ Q.T) + A; J = sum(E**2)", "−((∂J/∂E) ⊙ M) Q"),
    ],
)
def test_a_mask_that_is_a_factor_already(text, printed):
    symbols = MASKED | {"N": ("m", "n"), "A": ("m", "n")}
    net = sg.parse(text, symbols, domain={"M": "binary", "N": "binary"}, parameters=["P"])
    derivative = sg.gradient(net)["P"]
    assert derivative.text().splitlines()[-1] == f"∂J/∂P = {printed}"
    values = net.sample(1)
    P = np.asarray(values["P"])
    step = np.zeros(P.shape)
    for at in np.ndindex(*P.shape):  # J is a square, so that its central difference is exact
        move = np.zeros(P.shape)
        move[at] = 1
        step[at] = net.evaluate(values | {"P": P + move}) - net.evaluate(values | {"P": P - move})
    np.testing.assert_allclose(derivative.evaluate(values), step / 2, rtol=1e-10, atol=1e-10)


def test_a_mask_transposed_is_another():
    net = sg.parse(
        "E = M.T * (P @ P); J = sum(M * E**2)", {"M": ("n", "n"), "P": ("n", "n")},
        domain={"M": "binary"}, parameters=["P"],
    )  # fmt: skip
    assert "⊙ Mᵀ" in sg.gradient(net)["P"].text()
    assert sg.check(net)
