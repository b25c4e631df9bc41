"""The reference evaluator: nodes against NumPy, three number systems, values that do not fit."""

import mpmath
import numpy as np
import pytest
from scipy.special import logsumexp, softmax
from sympy import Rational, exp, pi, sin, sqrt

from symgrad.errors import ShapeError, ValueMismatch
from symgrad.tensor.dims import ONE, dims
from symgrad.tensor.evaluate import bind_sizes, evaluate
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    LogSumExp,
    Map,
    Reduce,
    Softmax,
    Total,
    UnspecifiedTensor,
)
from symgrad.tensor.scalar import ARGS, FUNCTIONS, Unspecified

n, m, k, s = dims("n m k s")
X, W, v, t = Leaf("X", (n, m)), Leaf("W", (m, k)), Leaf("v", (n,)), Leaf("t", ())
S, T = Leaf("S", (n, n)), Leaf("T", (n, m, k))
col, row = Leaf("col", (n, ONE)), Leaf("row", (ONE, m))
y = Leaf("y", (n,), domain="labels:m")

rng = np.random.default_rng(5)
SIZES = {"n": 3, "m": 4, "k": 2}
VALUES = {
    leaf.name: rng.normal(size=tuple(SIZES.get(str(d), 1) for d in leaf.shape))
    for leaf in (X, W, v, t, S, T, col, row)
} | {"y": np.array([3, 0, 3])}
relu = FUNCTIONS["relu"].kind

#: node -> what NumPy makes of the values
CASES = [
    ("leaf", X, lambda a: a["X"]),
    ("constant", Constant(Rational(1, 10)), lambda a: 0.1),
    ("irrational", Constant(sqrt(2 / pi)), lambda a: np.sqrt(2 / np.pi)),
    ("dimension", Constant(n / m), lambda a: 3 / 4),
    ("product", Einsum(((0, 2), (2, 1)), (0, 1), (n, k), X, W), lambda a: a["X"] @ a["W"]),
    ("transpose", Einsum(((1, 0),), (0, 1), (m, n), X), lambda a: a["X"].T),
    ("trace", Einsum(((0, 0),), (), (), S), lambda a: np.trace(a["S"])),
    ("diagonal", Einsum(((0, 0),), (0,), (n,), S), lambda a: np.diag(a["S"])),
    ("sum", Einsum(((0, 1, 2),), (1,), (m,), T), lambda a: a["T"].sum((0, 2))),
    (
        "broadcast",
        Einsum(((0,),), (0, 1, 2), (n, m, k), v),
        lambda a: np.broadcast_to(a["v"][:, None, None], (3, 4, 2)),
    ),
    ("ones", Einsum((), (0, 1), (n, m)), lambda a: np.ones((3, 4))),
    (
        "scalar product",
        Einsum(((), (0, 1), ()), (0, 1), (n, m), t, X, t),
        lambda a: a["t"] ** 2 * a["X"],
    ),
    ("column", Einsum(((0,),), (0, UNIT), (n, ONE), v), lambda a: a["v"][:, None]),
    (
        "column times row",
        Einsum(((0, UNIT), (UNIT, 1)), (0, 1), (n, m), col, row),
        lambda a: a["col"] * a["row"],
    ),
    ("squeezed", Einsum(((0, UNIT),), (0,), (n,), col), lambda a: a["col"][:, 0]),
    ("total", Total((Rational(1, 3), -1 / n), X, X), lambda a: (1 / 3 - 1 / 3) * a["X"]),
    ("total of one", Total((m,), v), lambda a: 4 * a["v"]),
    (
        "map",
        Map(sin(ARGS[0]) / (1 + ARGS[1] ** 2) + n, X, X),
        lambda a: np.sin(a["X"]) / (1 + a["X"] ** 2) + 3,
    ),
    ("map of a scalar", Map(exp(ARGS[0]), t), lambda a: np.exp(a["t"])),
    ("eye", Iverson("eq", INDEX[0] - INDEX[1], (n, n)), lambda a: np.eye(3)),
    ("triangle", Iverson("ge", INDEX[0] - INDEX[1], (n, n)), lambda a: np.tri(3)),
    (
        "window",
        Iverson("eq", INDEX[0] - 2 * INDEX[1] - 1, (m, k)),
        lambda a: np.array([[0, 0], [1, 0], [0, 0], [0, 1]]),
    ),
    ("last", Iverson("eq", INDEX[0] - n + 1, (n,)), lambda a: np.array([0, 0, 1])),
    (
        "symbolic stride",
        Iverson("eq", INDEX[0] - k * INDEX[1], (m, k)),
        lambda a: np.array([[1, 0], [0, 0], [0, 1], [0, 0]]),
    ),
    (
        "onehot",
        Iverson("eq", INDEX[1] - LOOKUP[0], (n, m), ((0,),), y),
        lambda a: np.eye(4)[a["y"]],
    ),
    (
        "onehot in columns",
        Iverson("eq", INDEX[0] - LOOKUP[0], (m, n), ((1,),), y),
        lambda a: np.eye(4)[a["y"]].T,
    ),
    (
        "before the label",
        Iverson("ge", LOOKUP[0] - INDEX[1] - 1, (n, m), ((0,),), y),
        lambda a: np.arange(4) < a["y"][:, None],
    ),
    (
        "equal labels",
        Iverson("eq", LOOKUP[0] - LOOKUP[1], (n, n), ((0,), (1,)), y, y),
        lambda a: a["y"][:, None] == a["y"],
    ),
    ("max", Reduce("max", (1,), X), lambda a: a["X"].max(1)),
    ("max over two", Reduce("max", (0, 2), T), lambda a: a["T"].max((0, 2))),
    ("min of all", Reduce("min", (0, 1), X), lambda a: a["X"].min()),
    ("logsumexp", LogSumExp((0,), X), lambda a: logsumexp(a["X"], 0)),
    ("logsumexp of two", LogSumExp((0, 2), T), lambda a: logsumexp(a["T"], (0, 2))),
    ("softmax", Softmax((1,), X), lambda a: softmax(a["X"], 1)),
    ("softmax of all", Softmax((0, 1), X), lambda a: softmax(a["X"])),
]
IDS = [name for name, _, _ in CASES]
# sums of at most 24 products of standard normal numbers
TOLERANCE = {"rtol": 1e-13, "atol": 1e-14}


@pytest.mark.parametrize(("_", "node", "expected"), CASES, ids=IDS)
def test_float64(_, node, expected):
    (value,) = evaluate([node], VALUES, SIZES)
    wanted = np.asarray(expected(VALUES))
    assert value.shape == wanted.shape
    np.testing.assert_allclose(value, wanted, **TOLERANCE)


@pytest.mark.parametrize(("_", "node", "expected"), CASES, ids=IDS)
def test_fifty_digits(_, node, expected):
    (value,) = evaluate([node], VALUES, SIZES, precision=50)
    wanted = np.asarray(expected(VALUES))
    assert value.shape == wanted.shape
    np.testing.assert_allclose(value.astype(float), wanted, **TOLERANCE)


@pytest.mark.parametrize(("_", "node", "expected"), CASES, ids=IDS)
def test_complex_keeps_the_real_part(_, node, expected):
    moved = {name: a if name == "y" else a + 1e-30j for name, a in VALUES.items()}
    (value,) = evaluate([node], moved, SIZES)
    np.testing.assert_allclose(np.real(value), expected(VALUES), **TOLERANCE)


@pytest.mark.parametrize(
    "name", ["product", "sum", "total", "map", "logsumexp", "softmax", "trace"]
)
def test_complex_step_is_the_derivative(name):
    """Along one direction of all values at once, against central differences at 50 digits."""
    node = next(node for title, node, _ in CASES if title == name)
    direction = {key: rng.normal(size=a.shape) for key, a in VALUES.items() if key != "y"}

    def at(h):
        moved = {
            key: a if key == "y" else np.asarray(a) + h * direction[key]
            for key, a in VALUES.items()
        }
        return evaluate([node], moved, SIZES, precision=None if isinstance(h, complex) else 50)[0]

    with mpmath.workdps(50):
        h = mpmath.mpf(10) ** -12
        expected = np.asarray((at(h) - at(-h)) / (2 * h)).astype(float)  # error h² = 1e-24
    np.testing.assert_allclose(at(1e-30j).imag / 1e-30, expected, rtol=1e-12, atol=1e-13)


def test_fifty_digits_are_fifty():
    third = Total((Rational(1, 3), Rational(-1, 3)), Map(exp(ARGS[0]), t), Map(exp(ARGS[0]), t))
    (value,) = evaluate([third], {"t": 1}, precision=50)
    assert value == 0
    with mpmath.workdps(50):
        (value,) = evaluate([Constant(sqrt(2))], {}, precision=50)
        assert abs(value[()] ** 2 - 2) < mpmath.mpf(10) ** -49


def test_sizes_of_one():
    ones = {"n": 1, "m": 1, "k": 1}
    values = {leaf.name: rng.normal(size=(1,) * leaf.ndim) for leaf in (X, W, v, t, S, T, col, row)}
    for name, node, _ in CASES:
        shape = tuple(1 for _ in node.shape)
        (value,) = evaluate([node], {**values, "y": np.array([0])}, ones)
        assert value.shape == shape, name


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.int32, np.int64, bool, np.float16, np.float32]
)
def test_arithmetic_is_in_float64_whatever_comes(dtype):
    values = {"v": np.array([200, 100, 1]).astype(dtype)}
    square = Einsum(((0,), (0,)), (0,), (n,), v, v)
    (value,) = evaluate([square], values)
    assert value.dtype == np.float64
    np.testing.assert_array_equal(value, values["v"].astype(float) ** 2)
    large = Einsum(((0,),) * 4, (0,), (n,), v, v, v, v)
    (value,) = evaluate([large], {"v": np.array([10**6])})  # beyond int64
    assert value == 1e24


@pytest.mark.parametrize("value", [np.array(["a"]), np.array([None]), np.array([{}])], ids=str)
@pytest.mark.parametrize("precision", [None, 30])
def test_values_that_are_no_numbers(value, precision):
    with pytest.raises(ValueMismatch, match="the value of v"):
        evaluate([v], {"v": value}, precision=precision)


@pytest.mark.parametrize("precision", [None, 30])
@pytest.mark.parametrize("bad", [[0.5, 0, 1], [np.nan, 0, 1], [np.inf, 0, 1]], ids=str)
def test_labels_must_be_integers(bad, precision):
    node = Iverson("eq", INDEX[1] - LOOKUP[0], (n, m), ((0,),), y)
    with pytest.raises(ValueMismatch, match="labels must be integers"):
        evaluate([node], {"y": np.array(bad)}, {"m": 4}, precision)


def test_half_an_index_is_an_error():
    middle = Iverson("eq", INDEX[0] - (n - 1) / 2, (n,))
    np.testing.assert_array_equal(evaluate([middle], {}, {"n": 5})[0], [0, 0, 1, 0, 0])
    with pytest.raises(ShapeError, match="not a whole number"):
        evaluate([middle], {}, {"n": 4})


@pytest.mark.parametrize("system", [None, 30], ids=["float64", "30 digits"])
def test_nan_passes_every_node(system):
    bad = {**VALUES, "X": VALUES["X"].copy(), "T": VALUES["T"].copy(), "v": np.full(3, np.nan)}
    bad["X"][1, 2] = np.nan
    bad["T"][:, 2, 1] = np.nan
    for name in (
        "leaf",
        "product",
        "transpose",
        "sum",
        "broadcast",
        "total",
        "map",
        "max",
        "max over two",
        "min of all",
        "logsumexp",
        "logsumexp of two",
        "softmax",
    ):
        node = next(node for title, node, _ in CASES if title == name)
        (value,) = evaluate([node], bad, SIZES, system)
        assert np.isnan(value.astype(float)).any(), name
    (value,) = evaluate([Map(relu(ARGS[0]), v)], bad, precision=system)
    assert np.isnan(value.astype(float)).all()


@pytest.mark.parametrize("precision", [None, 30])
def test_fused_functions_neither_overflow_nor_underflow(precision):
    rows = np.array([[1e4, 0, -1e4], [-1e4, -1e4 - 1, -1e4], [-np.inf, 0, -np.inf]])
    x = Leaf("x", (n, m))
    lse, p = evaluate([LogSumExp((1,), x), Softmax((1,), x)], {"x": rows}, precision=precision)
    np.testing.assert_allclose(lse.astype(float), logsumexp(rows, 1), rtol=1e-15)
    np.testing.assert_allclose(p.astype(float), softmax(rows, 1), rtol=1e-14)


def test_logsumexp_of_infinities_is_scipys():
    x = Leaf("x", (n, m))
    rows = np.array([[-np.inf, -np.inf], [np.inf, 0], [np.inf, -np.inf], [np.nan, 0]])
    (value,) = evaluate([LogSumExp((1,), x)], {"x": rows})
    np.testing.assert_array_equal(value, logsumexp(rows, 1))


def test_sizes_are_read_off_the_arrays():
    assert bind_sizes([X, W], {"X": np.ones((3, 4)), "W": np.ones((4, 2))}) == SIZES
    four = Leaf("g", (4 * n,))
    assert bind_sizes([four, v], {"g": np.ones(12), "v": np.ones(3)})["n"] == 3
    assert evaluate([four], {"g": np.ones(12)}, {"n": 3})[0].shape == (12,)
    assert evaluate([Constant(n)], {"n": 7})[0] == 7


@pytest.mark.parametrize(
    ("values", "sizes", "error", "words"),
    [
        ({}, {}, ValueMismatch, ["no value", "X (n, m)"]),
        ({"X": np.ones(3)}, {}, ValueMismatch, ["X", "(3,)", "(n, m)", "2 axes"]),
        ({"X": np.ones((3, 4)), "W": np.ones((5, 2))}, {}, ShapeError, ["W", "5", "m", "4", "X"]),
        ({"X": np.ones((3, 4)), "W": np.ones((4, 2))}, {"n": 5}, ShapeError, ["n is 3 in X", "5"]),
    ],
    ids=str,
)
def test_values_that_do_not_fit(values, sizes, error, words):
    with pytest.raises(error) as caught:
        evaluate([Einsum(((0, 2), (2, 1)), (0, 1), (n, k), X, W)], values, sizes)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    ("declared", "given", "words"),
    [
        ((3,), (4,), ["axis 0", "4", "3"]),
        ((ONE, n), (2, 3), ["axis 0", "2", "1"]),
        ((n, n), (2, 3), ["axis 1", "3", "n is 2"]),
    ],
)
def test_declared_sizes_are_checked(declared, given, words):
    with pytest.raises(ShapeError) as caught:
        evaluate([Leaf("a", declared)], {"a": np.ones(given)})
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_unknown_size_is_named():
    for node in (Constant(s), Einsum((), (0,), (s,)), Total((s,), v)):
        with pytest.raises(ShapeError, match="dimension s"):
            evaluate([node], {"v": np.ones(2)})


@pytest.mark.parametrize(
    "node", [UnspecifiedTensor("loss", (), (), v), Map(Unspecified("phi", (0,), ARGS[0]), v)]
)
def test_unspecified_functions_have_no_value(node):
    with pytest.raises(ValueMismatch, match=r"(loss|phi) is an unspecified function"):
        evaluate([node], {"v": np.ones(2)})


def test_the_arguments_are_left_alone():
    before = {name: np.array(a) for name, a in VALUES.items()}
    evaluate([node for _, node, _ in CASES], VALUES, SIZES)
    for name, a in VALUES.items():
        np.testing.assert_array_equal(a, before[name])
