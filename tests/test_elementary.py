"""The elementary functions of generated modules: ulps, edges, vector code and how they read."""

import re
from functools import cache

import mpmath
import numba
import numpy as np
import pytest

import symgrad as sg
from symgrad.codegen import functions
from symgrad.codegen.build import load_module
from symgrad.codegen.polynomials import POLYNOMIALS
from symgrad.tensor.scalar import FUNCTIONS

DTYPES = ["float64", "float32"]
#: Functions of one argument with a bound, and all that loops must be vectorised over.
BOUNDED = [*functions.ULPS]
PLAIN = ["relu", "sign", "sqrt"]
OF_TWO = ["maximum", "minimum", "gt", "ge", "lt", "le", "eq", "ne"]
TEXT = (
    "J = sum("
    + " + ".join(f"{name}(x)" for name in [*BOUNDED, "relu", "sign", "sqrt", "abs", "sin"])
    + " + maximum(x, y) + minimum(x, y)"
    # of other multiples each: all three of x < y, x = y, x > y would be 1
    + "".join(
        f" + where(x {op} {k} * y, x, y)"
        for k, op in enumerate((">", ">=", "<", "<=", "==", "!="), 2)
    )
    + " + where(x * y, x, y))"
)


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """A generated module for each dtype that holds all functions."""
    net = sg.parse(TEXT, symbols={"x": ("n",), "y": ("n",)}, parameters=["x"])
    folder = tmp_path_factory.mktemp("elementary")
    return {d: load_module(sg.generate(net, folder / f"all_{d}.py", dtype=d)) for d in DTYPES}


_JIT = numba.njit(error_model="numpy", fastmath={"contract", "reassoc"})  # as kernels have it


@cache
def loop(function, arguments=1):
    """A loop over arrays; LLVM's text of it is at hand once it was called."""
    if arguments == 1:

        def run(x, out):
            for i in range(x.size):
                out[i] = function(x[i])

    elif arguments == 2:

        def run(x, y, out):
            for i in range(x.size):
                out[i] = function(x[i], y[i])

    else:

        def run(x, y, z, out):
            for i in range(x.size):
                out[i] = function(x[i], y[i], z[i])

    return _JIT(run)


def values(module, name, *arrays):
    out = np.empty_like(arrays[0])
    loop(getattr(module, f"_{name}"), len(arrays))(*arrays, out)
    return out


def bound(name, dtype):
    return functions.ULPS[name][DTYPES[::-1].index(dtype)]


def points(name, dtype, count):
    """Bit patterns, all magnitudes near 0 and 1, the range of exp, its ends, multiples of log 2."""
    info, rng = np.finfo(dtype), np.random.default_rng(11)
    top, end = np.log(float(info.max)), np.log(float(info.smallest_subnormal))
    bits = rng.integers(0, 2**info.bits - 1, count, f"u{info.bits // 8}", endpoint=True)
    sign = rng.choice([-1, 1], count)
    steps = np.arange(-24, 25)[:, None] * np.log(2) / 4
    x = np.concatenate([
        bits.view(dtype)[np.isfinite(bits.view(dtype))],
        rng.normal(size=count) * 2,
        sign * np.exp2(rng.uniform(-info.nmant - 8, 4, count)),
        1 + sign * np.exp2(rng.uniform(-info.nmant - 4, 0, count)),
        rng.uniform(end - 2, top + 2, count),
        rng.uniform(end - 1, np.log(float(info.tiny)) + 1, count),  # subnormal results
        rng.uniform(top - 0.01, top + 0.01, count),  # overflow
        (steps * (1 + np.arange(-8, 9) * float(info.eps))).ravel(),  # seams of the reduction
        [0.5 + k * float(info.eps) for k in range(-9, 9)],
        [1 + k * float(info.eps) for k in range(-9, 9)],  # where erf changes its form
        info.smallest_subnormal * np.arange(1, 9.0) * (-1) ** np.arange(8),
        float(info.tiny) * (1 + np.arange(-8, 9) * float(info.eps)),
        [s * b for s in (1, -1) for b in (info.max, info.max / 2, 2.0**info.nmant, 1e6, 1e30)],
    ]).astype(dtype)  # fmt: skip
    x = x[np.isfinite(x)]
    return abs(x) if name == "log" else x[x > -1] if name == "log1p" else x


def ulps(ours, exact, info):
    """|ours − exact| over the distance of floats at `exact`; infinity counts as 2^maxexp."""
    if mpmath.isinf(exact) or not np.isfinite(ours):
        over = mpmath.mpf(2) ** int(info.maxexp)
        if np.isnan(ours) or (mpmath.isinf(exact) and np.isfinite(ours)):
            return mpmath.inf
        if abs(exact) >= over:
            return mpmath.mpf(0 if mpmath.sign(exact) == np.sign(ours) else mpmath.inf)
        ours = over * int(np.sign(ours))
    exponent = mpmath.frexp(exact)[1] - 1 if exact else int(info.minexp)
    return abs(mpmath.mpf(ours if isinstance(ours, mpmath.mpf) else float(ours)) - exact) / (
        mpmath.mpf(2) ** (max(int(exponent), int(info.minexp)) - int(info.nmant))
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BOUNDED)
def test_within_the_bound_of_fifty_digits(modules, name, dtype):
    x, info = points(name, dtype, 300), np.finfo(dtype)
    ours = values(modules[dtype], name, x)
    with mpmath.workdps(50):
        errors = [
            ulps(v, FUNCTIONS[name].mpmath(mpmath.mpf(float(u))), info)
            for u, v in zip(x, ours, strict=True)
        ]
    worst = int(np.argmax(errors))
    assert errors[worst] <= bound(name, dtype), (x[worst], ours[worst])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BOUNDED)
def test_within_the_bound_of_wider_arithmetic(modules, name, dtype):
    """Many more points, against NumPy in float64 or in long double where that is wider."""
    wide = np.float64 if dtype == "float32" else np.longdouble
    if np.finfo(wide).nmant < np.finfo(dtype).nmant + 10 or (name, dtype) == ("erf", "float64"):
        pytest.skip("no wider arithmetic for this function on this machine")
    x, info = points(name, dtype, 20_000), np.finfo(dtype)
    ours = values(modules[dtype], name, x).astype(wide)
    with np.errstate(all="ignore"):
        exact = FUNCTIONS[name].numpy(x.astype(wide))
    over = wide(2) ** int(info.maxexp)
    ours, exact = np.clip(ours, -over, over), np.clip(exact, -over, over)
    exponent = np.maximum(np.frexp(exact)[1] - 1, int(info.minexp))
    errors = abs(ours - exact) / np.ldexp(wide(1), exponent - int(info.nmant))
    worst = int(np.argmax(errors))  # the first NaN, if there is one
    # the wider function is itself good to 2 of its own ulp
    slack = 2.0 ** (1 - (np.finfo(wide).nmant - info.nmant))
    assert errors[worst] <= bound(name, dtype) + slack, (x[worst], ours[worst], exact[worst])


def special(dtype):
    info = np.finfo(dtype)
    tiny = [info.smallest_subnormal, info.tiny, float(info.tiny) / 4]
    return np.array(
        [0.0, -0.0, np.inf, -np.inf, np.nan, *tiny, *(-t for t in tiny), -1, -2, 1e30, -1e30], dtype
    )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*BOUNDED, *PLAIN])
def test_edges_are_numpys(modules, name, dtype):
    """Zeros with their signs, infinities, NaN and subnormal numbers, in every lane of a vector."""
    x = special(dtype)
    for shift in range(len(x)):
        turned = np.roll(np.tile(x, 5), shift)
        with np.errstate(all="ignore"):
            expected = (np.sqrt if name == "sqrt" else FUNCTIONS[name].numpy)(turned)
        ours = values(modules[dtype], name, turned)
        at_zero = expected == 0
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(expected))
        np.testing.assert_array_equal(np.signbit(ours[at_zero]), np.signbit(expected[at_zero]))
        exact = ~np.isfinite(expected) | (abs(turned) < np.finfo(dtype).eps)
        # NumPy's float32 functions are good to 2 ulp; log and softplus of tiny numbers are inexact
        np.testing.assert_allclose(ours[exact], expected[exact], rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OF_TWO)
def test_functions_of_two_arguments_are_the_evaluators(modules, name, dtype):
    a, b = (each.ravel() for each in np.meshgrid(special(dtype), special(dtype)))
    ours = values(modules[dtype], name, a, b)
    np.testing.assert_array_equal(ours, FUNCTIONS[name].numpy(a, b))


@pytest.mark.parametrize("dtype", DTYPES)
def test_where_takes_a_branch_whole(modules, dtype):
    test = np.tile(special(dtype), 3)
    nan, ones = np.full_like(test, np.nan), np.ones_like(test)
    np.testing.assert_array_equal(
        values(modules[dtype], "where", test, ones, nan), np.where(test != 0, ones, nan)
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_tails_keep_their_relative_error(modules, dtype):
    """σ(x) and softplus(x) are eˣ far below zero, to the last subnormal number."""
    x = -np.arange(40, 104 if dtype == "float32" else 745, dtype=dtype)
    expected = np.exp(x.astype(np.longdouble)).astype(dtype)
    least = np.finfo(dtype).smallest_subnormal
    for name in ("sigmoid", "softplus", "exp"):
        ours = values(modules[dtype], name, x)
        # the bound of 2 ulp; an ulp is the least subnormal number below the least normal one
        np.testing.assert_allclose(ours, expected, rtol=2 * np.finfo(dtype).eps, atol=2 * least)
        assert (ours > 0).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_symmetry_and_range(modules, dtype):
    info = np.finfo(dtype)
    x = points("exp", dtype, 5000)
    module = modules[dtype]
    for odd in ("tanh", "erf"):
        np.testing.assert_array_equal(values(module, odd, -x), -values(module, odd, x))
        assert (abs(values(module, odd, x)) <= 1).all()
    s = values(module, "sigmoid", x)
    assert ((s >= 0) & (s <= 1)).all()
    # each of two numbers of at most 1 is off by at most 2 ulp, an ulp at most eps/2 below 1
    np.testing.assert_allclose(s + values(module, "sigmoid", -x), 1, atol=3 * info.eps)
    assert (values(module, "softplus", x) >= np.maximum(x, 0)).all()
    assert (values(module, "exp", x) >= 0).all()
    assert (values(module, "expm1", x) >= -1).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", BOUNDED)
def test_rising(modules, name, dtype):
    """All of them rise: a fall between neighbours is at most the two errors."""
    x = np.unique(points(name, dtype, 20_000))
    v = values(modules[dtype], name, x)
    falls = v[:-1] > v[1:]
    ulp = np.spacing(np.maximum(abs(v[:-1]), abs(v[1:]))[falls])
    assert (v[:-1][falls] - v[1:][falls] <= 2 * bound(name, dtype) * ulp).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*BOUNDED, *PLAIN, *OF_TWO, "where"])
def test_loops_are_vectorised(modules, name, dtype):
    """LLVM's text holds vectors of the dtype, no call of a library, and float32 no double.

    What is left over of a vector may call sqrt, which is an instruction.
    """
    count = 3 if name == "where" else 2 if name in OF_TWO else 1
    values(modules[dtype], name, *(np.ones(8, dtype) for _ in range(count)))
    (text,) = loop(getattr(modules[dtype], f"_{name}"), count).inspect_llvm().values()
    kind = "double" if dtype == "float64" else "float"
    assert re.search(rf"<\d+ x {kind}>", text)
    assert not re.search(r"call[\w ]* (double|float) @(?!llvm|sqrt)", text)
    if dtype == "float32":
        assert "double" not in text


@pytest.mark.parametrize("name", ["softplus", "erf", "log1p"])
def test_long_functions_are_inlined_wherever_they_are_called(modules, name):
    """LLVM would call them from the second place on; the decorator forbids it."""
    f = getattr(modules["float64"], f"_{name}")

    @_JIT
    def thrice(x, out):
        for i in range(x.size):
            out[i] = f(x[i]) + f(x[i] * 0.5)
        for i in range(x.size):
            out[i] += f(x[i] + 1.0)

    thrice(np.ones(8), np.ones(8))
    (text,) = thrice.inspect_llvm().values()
    width = re.search(r"<(\d+) x double>", text).group(1)
    # the last step of each, on vectors: at least as often as it is called
    assert len(re.findall(rf"fadd [\w ]*<{width} x double>", text)) > 3
    assert not re.search(rf"(call|invoke).*_{name}", text)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_text_reads_well(modules, dtype):
    texts = functions.sources(set(functions.NAMES), dtype)
    assert max(len(line) for text in texts for line in text.splitlines()) <= 100
    assert not [text for text in texts if re.search(r"[{}]", text)]  # no place left open
    with open(modules[dtype].__file__, encoding="utf-8") as file:
        module = file.read()
    for text in functions.sources(set(BOUNDED), dtype):
        assert text in module
    known = {"real", "whole", "zero", "one", "two", "half", "math", "np", "inf"}
    shared = functions.used_constants(texts, dtype)
    for text in texts:  # every name is an argument, a local, a shared number or a function
        code = re.sub(r'""".*?"""|#.*', "", text, flags=re.DOTALL)
        loaded = set(compile(code, "text", "exec").co_consts[0].co_names)
        unknown = {n for n in loaded if not n.startswith("_")} - known - {*shared}
        assert unknown <= {"view", "abs", "copysign", "nan", *dir(modules[dtype].math)}, text


#: Polynomial -> what it stands for, on which interval, and what turns its error into one of the
#: function relative to the function (expm1, log1p and erf near 0, 1 − erfc in the tail).
FITS = {
    "exp": (lambda r: (mpmath.expm1(r) - r) / r**2, lambda _: (-0.3466, 0.3466), abs),
    "log": (
        lambda z: 2 * (mpmath.atanh(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z,
        lambda _: (0, 0.02944),
        lambda z: z / 2,
    ),
    "erf": (
        lambda z: mpmath.erf(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1,
        lambda _: (0, 1),
        lambda z: 1,
    ),
    "erfc": (
        lambda a: mpmath.log(mpmath.erfc(a)) / a,
        lambda dtype: (1, 6 if dtype == "float64" else 4),
        lambda a: a * mpmath.erfc(a),
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", list(FITS))
def test_polynomials_fit_well_below_an_ulp(name, dtype):
    function, interval, weight = FITS[name]
    table = [mpmath.mpf(c) for c in POLYNOMIALS[name][dtype]]
    low, high = interval(dtype)
    with mpmath.workdps(60):
        for x in np.linspace(low, high, 200)[1:]:
            error = (mpmath.polyval(table, mpmath.mpf(x)) - function(mpmath.mpf(x))) * weight(x)
            assert abs(error) <= 0.3 * np.finfo(dtype).eps / 2, x


def test_callees_come_first():
    order = functions.needed({"softplus", "tanh"})
    assert order.index("split") < order.index("exp") < order.index("softplus")
    assert order.index("split") < order.index("tanh")
    assert len(order) == len(set(order))
    assert functions.needed(set()) == []
