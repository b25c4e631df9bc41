"""Operators against NumPy itself: broadcasting, products, axes, indices; and what is refused."""

import math
from fractions import Fraction
from functools import reduce

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import SIZES, array_for, axes_of_rank, dims_of, keys, leaf, shapes, suffixes
from sympy import Integer, Rational, Symbol, exp, log, pi, sqrt

from symgrad.errors import DeclarationError, ShapeError, SymgradError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, dim, dims, show, size_of
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Constant, Leaf, Map, Softmax
from symgrad.tensor.scalar import ARGS, FUNCTIONS

n, m, k = dims("n m k")
X, W, v, t = Leaf("X", (n, m)), Leaf("W", (m, k)), Leaf("v", (n,)), Leaf("t", ())

# a sum of at most a few hundred products of numbers of order 1
CLOSE = {"rtol": 1e-12, "atol": 1e-12}


def as_size(expr, sizes=SIZES):
    return expr.xreplace({dim(name): Integer(size) for name, size in sizes.items()})


def value(node, values, sizes=SIZES, precision=None):
    (result,) = evaluate([node], values, sizes, precision)
    assert result.shape == tuple(size_of(d, sizes) for d in node.shape)
    return result


def agree(node, expected, values, sizes=SIZES):
    ours = value(node, values, sizes)
    assert ours.shape == np.shape(expected)
    np.testing.assert_allclose(ours, expected, **CLOSE)


BINARY = {
    "+": (lambda a, b: a + b, np.add),
    "-": (lambda a, b: a - b, np.subtract),
    "*": (lambda a, b: a * b, np.multiply),
    "/": (lambda a, b: a / b, np.divide),
    "**": (lambda a, b: a**b, np.power),
    "maximum": (lambda a, b: op.apply(FUNCTIONS["maximum"].kind(*ARGS[:2]), a, b), np.maximum),
    "<": (lambda a, b: a < b, np.less),
    "<=": (lambda a, b: a <= b, np.less_equal),
    ">": (lambda a, b: a > b, np.greater),
    ">=": (lambda a, b: a >= b, np.greater_equal),
}


@pytest.mark.parametrize("name", BINARY)
@given(data=st.data())
def test_broadcasting(name, data):
    ours, numpy = BINARY[name]
    full = data.draw(shapes(max_rank=4))
    a, b = leaf("a", data.draw(suffixes(full))), leaf("b", data.draw(suffixes(full)))
    values = {each.name: array_for(each, data, positive=name in ("/", "**")) for each in (a, b)}
    agree(ours(a, b), numpy(values["a"], values["b"]), values)
    agree(ours(a, a), numpy(values["a"], values["a"]), values)


NUMBERS = [2, -3, 0.1, Fraction(1, 3), Rational(-2, 7), np.float64(0.5), np.int64(4), pi, sqrt(2)]


@pytest.mark.parametrize("number", NUMBERS, ids=str)
@pytest.mark.parametrize("name", BINARY)
def test_numbers_on_either_side(number, name):
    ours, numpy = BINARY[name]
    values = {"X": np.random.default_rng(0).uniform(0.5, 1.5, (3, 2))}
    agree(ours(X, number), numpy(values["X"], float(number)), values)
    if not (isinstance(number, np.generic) and name in ("<", "<=", ">", ">=")):
        if name == "**" and number < 0:
            return  # a negative base: NaN in both, tested below
        agree(ours(op.as_node(number), X), numpy(float(number), values["X"]), values)


@pytest.mark.parametrize("number", NUMBERS, ids=str)
def test_numbers_reach_the_reflected_operators(number):
    values = {"X": np.random.default_rng(0).uniform(0.5, 1.5, (3, 2))}
    x, c = values["X"], float(number)
    agree(number + X, c + x, values)
    agree(number - X, c - x, values)
    agree(number * X, c * x, values)
    agree(number / X, c / x, values)
    if c > 0:
        agree(number**X, c**x, values)


def test_decimals_are_exact():
    assert (0.1 * X).coefficients == (Rational(1, 10),)
    assert op.exact(np.float64(0.1)) == Rational(1, 10)
    assert op.exact(1e-300) == Rational(1, 10**300)
    assert (X / 3).coefficients == (Rational(1, 3),)


@pytest.mark.parametrize("dimension", [n, n * m, 1 / n, n - 1], ids=str)
def test_dimensions_are_numbers(dimension):
    values = {"X": np.ones((3, 2))}
    c = float(as_size(dimension))
    agree(dimension * X, c * values["X"], values)
    agree(X * dimension, c * values["X"], values)
    agree(X + dimension, c + values["X"], values)
    agree(X / dimension, values["X"] / c, values)
    agree(Symbol("n") * X, 3 * values["X"], values)


POWERS = [0, 1, 2, 3, 4, 5, -1, -2, 0.5, -0.5, Rational(1, 3), 2.5]


@pytest.mark.parametrize("exponent", POWERS, ids=str)
def test_powers(exponent):
    x = np.array([0.25, 1.0, 3.0, -2.0])
    ours = value(Leaf("x", (4,)) ** exponent, {"x": x})
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(ours, x ** float(exponent), rtol=1e-15)
    np.testing.assert_allclose(
        value(Leaf("x", (4,)) ** exponent, {"x": x}, precision=30).astype(float), ours, rtol=1e-15
    )


def test_a_negative_base_is_numpys_nan():
    x = np.array([2.0, 3.0, 0.5])
    np.testing.assert_array_equal(value((-2) ** Leaf("x", (3,)), {"x": x}), [4, -8, math.nan])


@given(st.data())
def test_matmul_of_every_rank(data):
    inner, rows, columns = (data.draw(dims_of()) for _ in range(3))
    batch = data.draw(shapes(max_rank=2))
    left = leaf(
        "a", data.draw(st.sampled_from([(inner,), (*data.draw(suffixes(batch)), rows, inner)]))
    )
    right = leaf(
        "b", data.draw(st.sampled_from([(inner,), (*data.draw(suffixes(batch)), inner, columns)]))
    )
    values = {each.name: array_for(each, data) for each in (left, right)}
    agree(left @ right, values["a"] @ values["b"], values)


@given(st.data())
def test_transpose(data):
    a = leaf("a", data.draw(shapes(max_rank=4)))
    axes = data.draw(st.permutations(range(a.ndim)))
    values = {"a": array_for(a, data)}
    agree(op.transpose(a, axes), values["a"].transpose(axes), values)
    agree(a.T, values["a"].T, values)
    assert value(a.T.T, values).tobytes() == values["a"].tobytes()


REDUCTIONS = {
    "sum": (op.sum_over, np.sum),
    "max": (lambda *args: op.extremum("max", *args), np.max),
    "min": (lambda *args: op.extremum("min", *args), np.min),
}


@pytest.mark.parametrize("name", REDUCTIONS)
@given(data=st.data())
def test_reductions(name, data):
    ours, numpy = REDUCTIONS[name]
    a = leaf("a", data.draw(shapes(max_rank=4)))
    axis = data.draw(axes_of_rank(a.ndim))
    keepdims = data.draw(st.booleans())
    values = {"a": array_for(a, data)}
    agree(ours(a, axis, keepdims), numpy(values["a"], axis=axis, keepdims=keepdims), values)
    counted = op.count(a, axis)
    whole = (
        values["a"].size
        if axis is None
        else math.prod(np.take(values["a"].shape, np.atleast_1d(axis).astype(int)))
    )
    assert as_size(counted) == whole


@given(st.data())
def test_indexing(data):
    a = leaf("a", data.draw(shapes(min_rank=1, max_rank=3)))
    key = data.draw(keys(a.shape))
    values = {"a": array_for(a, data)}
    expected = values["a"][key]
    if 0 in expected.shape:
        with pytest.raises(SymgradError):
            value(a[key], values)
    else:
        agree(a[key], expected, values)


SLICES = [
    np.s_[:],
    np.s_[1:],
    np.s_[:-1],
    np.s_[-2:],
    np.s_[::2],
    np.s_[1::2],
    np.s_[-3:-1],
    np.s_[1:-1:2],
    np.s_[0],
    np.s_[-1],
    np.s_[2],
    np.s_[..., 0],
    np.s_[None],
    np.s_[:, None],
    np.s_[None, 1:, None],
    np.s_[-9:],
    np.s_[:9],
    np.s_[-9:3],
    np.s_[1:99:3],
    np.s_[::-1],
    np.s_[::-2],
    np.s_[-2::-1],
    np.s_[3:0:-1],
    np.s_[9:1:-3],
    np.s_[:-4:-1],
    np.s_[3:-9:-2],
]


@pytest.mark.parametrize("key", SLICES, ids=str)
def test_slices_of_a_known_size(key):
    x = np.arange(5.0)
    agree(Leaf("x", (5,))[key], x[key], {"x": x})


@pytest.mark.parametrize(
    ("key", "numpy"),
    [
        (n - 1, np.s_[4]),
        (n - m, np.s_[3]),
        (slice(1, n - m), np.s_[1:3]),
        (slice(n - m, None), np.s_[3:]),
        (slice(None, -m), np.s_[:-2]),
        (-m, np.s_[-2]),
        (slice(m, 2 * m), np.s_[2:4]),
        (slice(None, n), np.s_[:]),
        (slice(None, None, -1), np.s_[::-1]),
        (slice(None, None, -3), np.s_[::-3]),
        (slice(n - 2, 0, -2), np.s_[3:0:-2]),
        (slice(None, m, -1), np.s_[:2:-1]),
        (slice(None, n + 1), np.s_[:]),
        (slice(-n - 1, m), np.s_[:2]),
        (slice(1, None, 2), np.s_[1::2]),
    ],
    ids=str,
)
def test_slices_by_dimensions(key, numpy):
    x = np.arange(5.0)
    agree(Leaf("x", (n,))[key], x[numpy], {"x": x}, {"n": 5, "m": 2})


@given(st.data())
def test_einsum(data):
    size = dict(enumerate(data.draw(st.lists(dims_of(), min_size=1, max_size=4))))
    words = st.lists(st.sampled_from(sorted(size)), max_size=3).map(tuple)
    inputs = data.draw(st.lists(words, min_size=1, max_size=3))
    used = sorted({label for word in inputs for label in word})
    output = tuple(data.draw(st.permutations(used)))[: data.draw(st.integers(0, 3))]
    factors = [leaf(f"a{i}", tuple(size[x] for x in word)) for i, word in enumerate(inputs)]
    values = {each.name: array_for(each, data) for each in factors}
    operands = [
        each
        for f, word in zip(factors, inputs, strict=True)
        for each in (values[f.name], list(word))
    ]
    expected = np.einsum(*operands, list(output))
    agree(op.einsum(inputs, output, *factors), expected, values)


@given(st.data())
def test_broadcast_to(data):
    full = data.draw(shapes(max_rank=4))
    a = leaf("a", data.draw(suffixes(full)))
    values = {"a": array_for(a, data)}
    shape = tuple(size_of(d, SIZES) for d in full)
    agree(op.broadcast_to(a, full), np.broadcast_to(values["a"], shape), values)


@given(st.lists(st.sampled_from("+-*/"), min_size=1, max_size=6), st.data())
def test_chains_collect_as_numpy_computes(names, data):
    """Sums collect equal terms and numbers; the value must not notice."""
    a, b = leaf("a", (n, m)), leaf("b", (m,))
    values = {each.name: array_for(each, data, positive=True) for each in (a, b)}
    pool = [(a, values["a"]), (b, values["b"]), (2, 2.0), (Rational(1, 2), 0.5), (-1, -1.0)]
    start = pool[data.draw(st.integers(0, 1))]

    def step(state, name):
        operand = pool[data.draw(st.integers(0, len(pool) - 1))]
        ours, numpy = BINARY[name]
        return ours(state[0], operand[0]), numpy(state[1], operand[1])

    node, expected = reduce(step, names, start)
    ours = value(node, values)
    np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("sizes", [{"n": 1, "m": 1, "k": 1}, {"n": 1, "m": 3, "k": 2}], ids=str)
def test_sizes_of_one(sizes):
    rng = np.random.default_rng(1)
    values = {
        "X": rng.normal(size=(sizes["n"], sizes["m"])),
        "W": rng.normal(size=(sizes["m"], sizes["k"])),
        "v": rng.normal(size=sizes["n"]),
    }
    x, w, u = values["X"], values["W"], values["v"]
    agree(X @ W, x @ w, values, sizes)
    agree(X.T @ v, x.T @ u, values, sizes)
    agree(X[-1], x[-1], values, sizes)
    agree(X[:, 0] * v, x[:, 0] * u, values, sizes)
    agree(op.sum_over(X, 0, True) + X, x.sum(0, keepdims=True) + x, values, sizes)
    agree(op.eye(n) @ X, x, values, sizes)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: X + v, (X, v)),
        (lambda: X * W, (X, W)),
        (lambda: X @ X, (X, X)),
        (lambda: X @ v, (X, v)),
        (lambda: v @ W, (v, W)),
        (lambda: X @ t, (X, t)),
        (lambda: 2 @ X, (X,)),
        (lambda: v > X, (X, v)),
        (lambda: X**v, (X, v)),
        (lambda: op.transpose(X, (0, 0)), (X,)),
        (lambda: op.transpose(X, (0,)), (X,)),
        (lambda: op.sum_over(X, 2), (X,)),
        (lambda: op.sum_over(X, -3), (X,)),
        (lambda: X[0, 0, 0], (X,)),
        (lambda: t[0], (t,)),
    ],
)
def test_shape_errors_name_the_operands(make, named):
    with pytest.raises(ShapeError) as caught:
        make()
    for node in named:
        assert show(node.shape) in str(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: X + "a",
        lambda: X + None,
        lambda: X + np.ones((3, 2)),
        lambda: np.ones((3, 2)) + X,
        lambda: X * 1j,
        lambda: X * True,
        lambda: X * math.nan,
        lambda: math.inf + X,
        lambda: X / 0,
        lambda: X / (0 * t),
        lambda: (t - t) ** -1,
        lambda: op.power(-8, Rational(1, 3)),
        lambda: op.apply(log(ARGS[0]), -1),
        lambda: op.apply(log(ARGS[0]), 0),
        lambda: op.as_node(sqrt(Integer(-1))),
        lambda: op.sum_over(X, (0, 0)),
        lambda: op.sum_over(X, (1, -1)),
        lambda: op.sum_over(X, 1.0),
        lambda: op.sum_over(X, True),
        lambda: X[::0],
        lambda: X[0.5],
        lambda: X[1:1.5],
        lambda: X[True],
        lambda: X["a"],
        lambda: Leaf("x", (5,))[5],
        lambda: Leaf("x", (5,))[-6],
        lambda: Leaf("x", (5,))[5:],
        lambda: Leaf("x", (5,))[3:3],
        lambda: X[n],
        lambda: X[-n - 1],
        lambda: X[v],
    ],
)
def test_what_is_refused_is_a_typed_error(make):
    with pytest.raises(SymgradError):
        make()


def test_sums_collect():
    assert X + X is 2 * X
    assert X - X is op.full(0, (n, m))
    assert 2 * (X / 2) is X
    assert X + 0 is X
    assert 1 * X is X
    assert op.constant_of(0 * X) == 0
    assert (X + X) - 2 * X is op.full(0, (n, m))
    negative = -X
    assert -negative is X
    assert +X is X


def test_numbers_enter_bodies():
    assert op.apply(ARGS[0] * exp(ARGS[1]), 2, v) is Map(2 * exp(ARGS[0]), v)
    assert op.apply(exp(ARGS[0]), Constant(0)) is Constant(1)
    assert op.apply(ARGS[0], v) is v


def test_unit_axes():
    column = Leaf("c", (n, ONE))
    values = {"c": np.arange(3.0)[:, None], "X": np.ones((3, 2))}
    agree(column * X, values["c"] * values["X"], values)
    agree(column @ column.T, values["c"] @ values["c"].T, values)
    agree(op.sum_over(column, 1), values["c"].sum(1), values)
    agree(op.extremum("max", column, 1, True), values["c"], values)
    agree(column[:, 0], values["c"][:, 0], values)
    agree(column[:, -1:], values["c"][:, -1:], values)
    agree(Softmax((1,), column), np.ones((3, 1)), values)


@example([1, 2, 3])
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=3))
def test_a_constant_tensor_is_its_number(numbers):
    node = op.full(numbers[0], (n, m))
    for number in numbers[1:]:
        node = node * number + number
    assert op.constant_of(node) is not None
    expected = reduce(lambda total, number: total * number + number, numbers[1:], numbers[0])
    agree(node, np.full((3, 2), float(expected)), {})


def test_errors_are_declaration_errors_for_what_is_no_number():
    with pytest.raises(DeclarationError, match="neither a tensor expression nor a number"):
        op.as_node([1, 2])
