"""Every scalar function: NumPy values against 50 digits, derivatives, tails, kinks and NaN."""

import itertools
import math
import pickle

import mpmath
import numpy as np
import pytest
import sympy as sp

from symgrad.errors import NotDifferentiable
from symgrad.tensor.evaluate import Float, Precise, body_value
from symgrad.tensor.scalar import ARGS, FUNCTIONS, NAMES, Unspecified, partial, where

EPS = np.finfo(np.float64).eps
TINY = np.finfo(np.float64).tiny
X, Y, Z = ARGS[:3]

UNARY = [name for name, row in FUNCTIONS.items() if len(row.partials) == 1]
BINARY = [name for name, row in FUNCTIONS.items() if len(row.partials) == 2]
#: Where each function that is not smooth everywhere has its kink or jump.
KINKS = {"relu": 0.0, "abs": 0.0, "sign": 0.0}

WIDE = np.array(
    [
        *(s * 10.0**e for s in (1, -1) for e in (-300, -160, -20, -10, -8, -5, -3, -1)),
        *np.linspace(-5, 5, 41),
        *(
            s * x
            for s in (1, -1)
            for x in (20, 37, 40, 88, 300, 700, 709, 715, 730, 744, 800, 1e5, 1e17, 1e300)
        ),
        0.0,
        -0.0,
    ]
)


def rounded(x):
    """The float64 nearest to a number of many digits."""
    if abs(x) > mpmath.mpf(np.finfo(np.float64).max):
        return math.copysign(math.inf, x)
    return float(x)


def at_digits(body, point):
    bound = {symbol: np.asarray(mpmath.mpf(x)) for symbol, x in zip(ARGS, point, strict=False)}
    with mpmath.workdps(50):
        return np.asarray(body_value(body, bound, {}, Precise(50)), dtype=object)[()]


def in_floats(body, point):
    bound = {symbol: np.asarray(float(x)) for symbol, x in zip(ARGS, point, strict=False)}
    with np.errstate(all="ignore"):
        return float(body_value(body, bound, {}, Float()))


@pytest.mark.parametrize("name", UNARY)
def test_value_of_one_argument(name):
    body = FUNCTIONS[name].kind(X)
    for x in WIDE:
        ours, exact = in_floats(body, [x]), at_digits(body, [x])
        if mpmath.isnan(exact):
            assert math.isnan(ours), (x, ours)
            continue
        expected = rounded(exact)
        # libm's functions are good to 1 ulp, ours compose at most four of them
        assert ours == expected or abs(ours - expected) <= 4 * EPS * max(abs(expected), TINY), (
            x,
            ours,
            expected,
        )


PAIRS = [(a, b) for a in (-2.5, -0.0, 0.0, 1.0, 1e300) for b in (-2.5, 0.0, 1.0, 3.0)]


@pytest.mark.parametrize("name", BINARY)
def test_value_of_two_arguments(name):
    body = FUNCTIONS[name].kind(X, Y)
    for pair in PAIRS:
        assert in_floats(body, pair) == float(at_digits(body, pair)), pair


@pytest.mark.parametrize(
    ("name", "numpy"),
    [
        ("maximum", np.maximum),
        ("minimum", np.minimum),
        ("gt", np.greater),
        ("ge", np.greater_equal),
        ("lt", np.less),
        ("le", np.less_equal),
        ("eq", np.equal),
        ("ne", np.not_equal),
    ],
)
def test_binary_functions_are_numpys(name, numpy):
    special = [*{a for pair in PAIRS for a in pair}, math.inf, -math.inf, math.nan]
    a, b = (each.ravel() for each in np.meshgrid(special, special))
    np.testing.assert_array_equal(FUNCTIONS[name].numpy(a, b), numpy(a, b).astype(float))


def test_where_takes_the_branch_whole():
    row = FUNCTIONS["where"]
    c, a, b = np.array([0.0, -0.0, 1.0, -3.0]), np.array([math.nan] * 4), np.arange(4.0)
    np.testing.assert_array_equal(row.numpy(c, a, b), [0, 1, math.nan, math.nan])
    assert row.mpmath(mpmath.mpf(0), mpmath.nan, mpmath.mpf(2)) == 2


@pytest.mark.parametrize("name", UNARY)
def test_nan_is_kept(name):
    body = FUNCTIONS[name].kind(X)
    assert math.isnan(in_floats(body, [math.nan]))
    assert mpmath.isnan(at_digits(body, [mpmath.nan]))


@pytest.mark.parametrize("name", UNARY)
def test_nan_is_kept_in_complex_numbers(name):
    with np.errstate(all="ignore"):
        value = FUNCTIONS[name].numpy(np.array([math.nan + 1e-30j]))
    assert np.isnan(np.real(value)).all()


@pytest.mark.parametrize("name", "sin tan sinh tanh arcsin arctan erf expm1 log1p".split())
def test_odd_zeros_keep_their_sign(name):
    body = FUNCTIONS[name].kind(X)
    assert math.copysign(1, in_floats(body, [-0.0])) == -1
    assert math.copysign(1, in_floats(body, [0.0])) == 1


def test_far_tails_never_cancel():
    """σ and softplus far below zero are exp, to the last subnormal number."""
    x = -np.arange(40.0, 745.0)
    with np.errstate(all="ignore"):
        for name in ("sigmoid", "softplus"):
            # two or three roundings of ε/2 each, and one of the least number where that is coarser
            np.testing.assert_allclose(
                FUNCTIONS[name].numpy(x), np.exp(x), rtol=2 * EPS, atol=TINY * EPS
            )


#: Without -0, which mpmath has not.
SPECIAL = [0.0, 1.0, -2.5, 1e300, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("name", [*BINARY, "where"])
def test_number_systems_agree_at_special_values(name):
    count = len(FUNCTIONS[name].partials)
    body = FUNCTIONS[name].kind(*ARGS[:count])
    for point in itertools.product(SPECIAL, repeat=count):
        np.testing.assert_equal(in_floats(body, point), rounded(at_digits(body, point)))


@pytest.mark.parametrize("name", ["maximum", "minimum"])
@pytest.mark.parametrize("pair", [(math.nan, 1.0), (1.0, math.nan)])
def test_an_extremum_keeps_nan(name, pair):
    body = FUNCTIONS[name].kind(X, Y)
    assert math.isnan(in_floats(body, pair))
    assert mpmath.isnan(at_digits(body, pair))


LIMITS = {  # at -inf and +inf
    "exp": (0, math.inf),
    "log": (math.nan, math.inf),
    "log1p": (math.nan, math.inf),
    "expm1": (-1, math.inf),
    "sin": (math.nan, math.nan),
    "cos": (math.nan, math.nan),
    "tan": (math.nan, math.nan),
    "sinh": (-math.inf, math.inf),
    "cosh": (math.inf, math.inf),
    "tanh": (-1, 1),
    "arcsin": (math.nan, math.nan),
    "arccos": (math.nan, math.nan),
    "arctan": (-math.pi / 2, math.pi / 2),
    "erf": (-1, 1),
    "sigmoid": (0, 1),
    "softplus": (0, math.inf),
    "relu": (0, math.inf),
    "abs": (math.inf, math.inf),
    "sign": (-1, 1),
}


@pytest.mark.parametrize("name", UNARY)
def test_limits(name):
    body = FUNCTIONS[name].kind(X)
    for at, expected in zip((-math.inf, math.inf), LIMITS[name], strict=True):
        np.testing.assert_equal(in_floats(body, [at]), expected)
        np.testing.assert_equal(rounded(at_digits(body, [at])), expected)


def inner(name):
    """Points well inside the domain, on both sides of a kink and never on it."""
    domain = {
        "log": (1e-3, 50),
        "log1p": (-0.99, 50),
        "arcsin": (-0.99, 0.99),
        "arccos": (-0.99, 0.99),
    }.get(name, (-6, 6))
    return np.linspace(*domain, 24)


@pytest.mark.parametrize("name", UNARY)
def test_derivative_against_mpmath(name):
    row, slope = FUNCTIONS[name], partial(FUNCTIONS[name].kind(X), X)
    for x in inner(name):
        with mpmath.workdps(60):
            expected = mpmath.diff(row.mpmath, mpmath.mpf(x), h=mpmath.mpf(10) ** -25)
        assert abs(at_digits(slope, [x]) - expected) <= mpmath.mpf(10) ** -20 * (1 + abs(expected))


@pytest.mark.parametrize("name", UNARY)
def test_second_derivative_against_mpmath(name):
    slope = partial(FUNCTIONS[name].kind(X), X)
    second = partial(slope, X)
    for x in inner(name):
        with mpmath.workdps(60):
            expected = mpmath.diff(
                lambda t: at_digits(slope, [t]), mpmath.mpf(x), h=mpmath.mpf(10) ** -20
            )
        # central differences of values of 50 digits at h = 1e-20
        assert abs(at_digits(second, [x]) - expected) <= mpmath.mpf(10) ** -15 * (1 + abs(expected))


@pytest.mark.parametrize("name", UNARY)
def test_complex_step_is_the_derivative(name):
    row, slope = FUNCTIONS[name], partial(FUNCTIONS[name].kind(X), X)
    for x in [*inner(name), *(WIDE if name not in ("log", "log1p", "arcsin", "arccos") else ())]:
        if abs(x) < 1e-20:  # the step must be small beside x
            continue
        with np.errstate(all="ignore"):
            value = complex(row.numpy(np.array([x + 1e-30j]))[0])
        real = in_floats(FUNCTIONS[name].kind(X), [x])
        np.testing.assert_allclose(value.real, real, rtol=1e-14, atol=TINY)
        if not math.isfinite(real):
            continue
        expected = rounded(at_digits(slope, [x]))
        # NumPy's complex functions are good to a few ulp; 1 - tanh² cancels below 50 digits
        np.testing.assert_allclose(value.imag / 1e-30, expected, rtol=1e-14, atol=1e-49)


@pytest.mark.parametrize(
    ("name", "argument", "point", "slope"),
    [
        ("relu", X, (0,), 0),
        ("abs", X, (0,), 0),
        ("sign", X, (0,), 0),
        ("sign", X, (2,), 0),
        ("maximum", X, (1, 1), 0.5),
        ("maximum", Y, (1, 1), 0.5),
        ("minimum", X, (1, 1), 0.5),
        ("minimum", Y, (1, 1), 0.5),
        ("maximum", X, (2, 1), 1),
        ("maximum", Y, (2, 1), 0),
        ("maximum", X, (1, 2), 0),
        ("minimum", X, (2, 1), 0),
        ("minimum", Y, (2, 1), 1),
        ("where", Y, (1, 5, 6), 1),
        ("where", Y, (0, 5, 6), 0),
        ("where", Z, (0, 5, 6), 1),
        ("where", X, (0, 5, 6), 0),
        ("gt", X, (1, 1), 0),
        ("eq", Y, (1, 1), 0),
    ],
)
def test_conventions_at_kinks(name, argument, point, slope):
    row = FUNCTIONS[name]
    body = partial(row.kind(*ARGS[: len(row.partials)]), argument)
    assert in_floats(body, point) == slope
    assert at_digits(body, point) == slope


def test_a_branch_not_taken_stays_out_of_the_derivative():
    safe = where(FUNCTIONS["gt"].kind(X, 0), sp.log(X), 0)
    assert in_floats(partial(safe, X), [-1.0]) == 0
    assert in_floats(partial(safe, X), [0.0]) == 0
    assert in_floats(partial(safe, X), [4.0]) == 0.25


COMPOSITES = [
    X**3 * sp.exp(-(X**2)),
    sp.sqrt(1 + X**2),
    (1 + X**2) ** Y,
    sp.log(1 + sp.exp(X)) / (2 + sp.cos(X * Y)),
    FUNCTIONS["sigmoid"].kind(X) * X,
    sp.tanh(sp.sqrt(2 / sp.pi) * (X + sp.Rational(44715, 10**6) * X**3)),
    FUNCTIONS["softplus"].kind(-X) + FUNCTIONS["maximum"].kind(X, Y) ** 2,
    FUNCTIONS["where"].kind(FUNCTIONS["lt"].kind(X, Y), X * Y, X - Y),
    sp.erf(X / sp.sqrt(2)) / (1 + sp.Abs(X)),
    2**X,
    X**-2,
]


@pytest.mark.parametrize("body", COMPOSITES, ids=str)
@pytest.mark.parametrize("argument", [X, Y], ids=str)
def test_chain_and_product_rules(body, argument):
    slope = partial(body, argument)
    k = ARGS.index(argument)
    for point in [(0.7, 1.3), (1.9, -0.4), (2.5, 0.1)]:

        def along(t, point=point):
            return at_digits(body, [*point[:k], t, *point[k + 1 :]])

        with mpmath.workdps(60):
            expected = mpmath.diff(along, mpmath.mpf(point[k]), h=mpmath.mpf(10) ** -20)
        assert abs(at_digits(slope, point) - expected) <= mpmath.mpf(10) ** -15 * (
            1 + abs(expected)
        )


def test_powers():
    for exponent, base, expected in [
        (3, -2.0, -8.0),
        (-2, -2.0, 0.25),
        (0.5, -1.0, math.nan),
        (-1, 0.0, math.inf),
        (sp.Rational(1, 3), -8.0, math.nan),
    ]:
        body = sp.Pow(X, exponent)
        np.testing.assert_equal(in_floats(body, [base]), expected)
        np.testing.assert_equal(rounded(at_digits(body, [base])), expected)


def test_unspecified_functions_keep_their_orders():
    phi = Unspecified("phi", (0, 0), X, Y**2)
    slope = partial(partial(phi, Y), X)
    assert slope == 2 * Y * Unspecified("phi", (1, 1), X, Y**2)
    assert str(Unspecified("phi", (2,), X)) == "phi''(_x0)"
    assert pickle.loads(pickle.dumps(slope)) == slope
    assert slope.xreplace({X: Z}).free_symbols == {Y, Z}


def test_a_function_outside_the_table_has_no_derivative():
    with pytest.raises(NotDifferentiable, match="gamma"):
        partial(sp.gamma(X), X)
    assert partial(sp.gamma(X), Y) == 0


def test_the_table_is_whole():
    assert set(NAMES.values()) == set(FUNCTIONS)
    assert set(LIMITS) == set(UNARY)
    for row in FUNCTIONS.values():
        bound = ARGS[: len(row.partials)]
        for argument in bound:  # derivatives stay inside the table
            body = partial(row.kind(*bound), argument)
            outside = {f.func for f in body.atoms(sp.Function)} - set(NAMES)
            assert not outside
