"""Texts against NumPy itself: the same text, run by Python over arrays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Min, Rational

import symgrad as sg
from symgrad.errors import ParseError, ShapeError

SYMBOLS = {
    "X": ("n", "d"), "Y": ("n", "d"), "W": ("d", "h"), "A": ("n", "n"), "x": ("n",), "z": ("n",),
    "b": ("h",), "r": (1, "d"), "c": ("n", 1), "G": ("n", "d", "h"), "lam": (), "t": (3,),
}  # fmt: skip
SIZES = {"n": 4, "d": 3, "h": 2}
NUMPY = {
    name: getattr(np, name)
    for name in "exp tanh abs sqrt sum mean max min maximum minimum where outer diag trace "
    "einsum ones zeros eye tril triu transpose dot var clip".split()
} | {"np": np, "pi": np.pi}


def numpy_value(text, values):
    """The text as Python runs it; the result of the last statement."""
    *first, last = text.split(";")
    scope = dict(values)
    for statement in first:
        exec(statement.strip(), NUMPY, scope)
    name, _, value = last.strip().partition(" = ")
    return eval(value or name, NUMPY, scope)


def agree(text, symbols=SYMBOLS, sizes=SIZES):
    graph = sg.parse(text, symbols=symbols)
    values = graph.sample(0, sizes)
    ours, expected = graph.evaluate(values), np.asarray(numpy_value(text, values) * 1.0)
    assert ours.shape == expected.shape
    # a few dozen operations on numbers of order 1 to 10
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-12)


TEXTS = """
-x**2
-2**2 + lam
(-x)**2
2**-1 * lam
-x @ z
x @ A @ z
-X.T @ x
2 * X @ W
X @ W / 2
X @ W ** 2
x ** 2 ** 0.0
x - z - lam
x - (z - lam)
x / 2 / 4
x / (2 / 4)
1 - 2 - 3 + lam
2 / 4 * lam
1 / 3 * x
x * -z
x - -z
x + +z
- - x
x * z / z
1e-3 * x + 1E2 + .5 + 1. + 1_000
0x10 * x + 0b11 + 0o7
x < z
x <= z
x > 0
0 >= x
x == x
x != z
(x < z) * x + (x >= z) * z
-1 * (x < z) + x
x < z + 1
X + r
X * c
r + c
c * x
X - x[:, None]
X / lam
X + W[:, 0]
lam + X
x[:, None] * x[None, :]
x[:, None] - x
X.T
X.T.T
x.T
G.T
(X + Y).T @ (X - Y)
X[0]
X[-1]
X[:, 0]
X[1:3]
X[:, -1]
X[:, -2:]
X[:, :-1]
X[1:, 1:]
X[::2, ::2]
G[..., 0]
G[0, ..., 1]
G[..., None]
G[None]
X[..., :2]
t[0] * t[-1] + t[1:3] @ t[:2]
t[0:10]
t[-10:]
x[1:-1]
x[n - 1]
x[d]
x[:d]
X[:d, :]
G[1, 2]
G[1][2]
X[()]
X[1, None, :2, None]
A[:n, 0]
n * lam
x / n
(n + 1) / (d - 1) * x
x * d ** 2
n < 3
sum(X)
sum(X, axis=0)
sum(X, 1)
sum(X, axis=-1, keepdims=True)
sum(G, axis=(0, 2))
sum(G, (0, -1), keepdims=True)
X.sum()
X.sum(0)
X.mean(axis=1, keepdims=True)
x.dot(z)
(X @ W).max(axis=1)
X.T.min(0)
A.trace()
G.transpose()
x.clip(-1, 1)
np.sum(np.exp(X), axis=0)
np.maximum(x, 0)
np.pi * lam
pi * lam + pi
pi ** 2 * lam
maximum(minimum(x, 0.5), -0.5)
where(x > 0, x, z)
outer(x, b)
einsum("ij,j->i", X, W[:, 0])
einsum('ij,jk->k', X, W)
a = X @ W; a + b
a = X @ W; c2 = tanh(a); d2 = a * c2; d2 - b
mean = x - z; mean + 1
mean = mean(x); mean * 2
sum = sum(x); v = sum + 1; v
out = x; out + 1
workspace = x; seed = z; dX = workspace * seed; dX
m = x > 0; m * (x < 1) * z
(n < 3) + (d < 3) + x
-(n < 5) * x
""".strip().split("\n")


@pytest.mark.parametrize("text", TEXTS)
def test_numpy_says_the_same(text):
    agree(text)


# --- random texts


def _combined(inner):
    one = inner.map(lambda s: f"({s})")
    binary = st.tuples(inner, st.sampled_from(["+", "-", "*", " - ", " * "]), inner).map("".join)
    unary = st.tuples(st.sampled_from(["-", "+", "- "]), inner).map("".join)
    call = st.tuples(st.sampled_from(["tanh", "abs", "exp", "np.tanh"]), inner).map(
        lambda p: f"{p[0]}({p[1]} * 0.1)"
    )
    power = st.tuples(one, st.sampled_from(["**2", " ** 3", "**0", "**1"])).map("".join)
    compare = st.tuples(one, st.sampled_from([" < ", ">=", " != "]), one).map(
        lambda p: f"1 * ({''.join(p)})"
    )
    over = st.tuples(inner, st.sampled_from(["", ", axis=-1", ", 0", ", keepdims=True"])).map(
        lambda p: f"sum(X * ({p[0]}){p[1]})" if "axis" in p[1] else f"sum({p[0]} + X{p[1]})"
    )
    return st.one_of(one, binary, unary, call, power, compare, over)


@given(
    st.recursive(st.sampled_from(["lam", "2", "0.5", "3", "d", "n", "1e-1"]), _combined,
                 max_leaves=8)
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_random_texts(text):
    """One value, or an error about shapes where NumPy has one."""
    values = {"X": np.ones((4, 3)) / 3, "lam": 0.7, "n": 4, "d": 3}
    try:
        expected = numpy_value(f"({text}) * lam", values)
    except ValueError:  # NumPy's error for shapes
        with pytest.raises(ShapeError, match="do not broadcast"):
            sg.parse(f"J = ({text}) * lam", symbols={"lam": (), "X": ("n", "d")})
        return
    graph = sg.parse(f"J = ({text}) * lam", symbols={"lam": (), "X": ("n", "d")})
    np.testing.assert_allclose(graph.evaluate(values), expected, rtol=1e-9)  # powers grow errors


# --- numbers


@pytest.mark.parametrize(
    ("typed", "exact"),
    [("0.1", Rational(1, 10)), ("1e-3", Rational(1, 1000)), ("1_000", 1000), ("1_0.2_5",
     Rational(41, 4)), ("1.", 1), (".5", Rational(1, 2)), ("1E3", 1000), ("0xff", 255), ("007.5",
     Rational(15, 2)), ("0.1 + 0.2", Rational(3, 10)), ("1 / 3", Rational(1, 3)), ("2**-3",
     Rational(1, 8)), ("-2**2", -4), ("2**3**2", 512), ("0.3333333333333333333333",
     Rational(3333333333333333333333, 10**22)), ("1e300 * 1e-300", 1), ("0e5", 0), ("0.0", 0)],
)  # fmt: skip
def test_numbers_are_exact(typed, exact):
    assert sg.parse(f"J = {typed}", {}).definitions[0].expr.value == exact


# --- statements


def definitions(text, **options):
    graph = sg.parse(text, symbols=options.pop("symbols", {"x": ("n",), "y": ()}), **options)
    return [d.leaf.name for d in graph.definitions]


@pytest.mark.parametrize(
    ("text", "names"),
    [("a = x; b = y", "a b"), ("a = x\nb = y", "a b"), ("a = x;\n\n  b = y;\n", "a b"),
     ("\n\n# a comment; c = x\na = x  # another\n", "a"), ("a = (x\n     + x)\nb = y", "a b"),
     ("a = x \\\n    + x\nb = y", "a b"), ("a = x\r\nb = y\rc = y", "a b c"),
     ("a\t=\tx", "a"), ("    a = x\n        b = y\n    c = y", "a b c"),
     ("a = sum(x,\n  axis=0\n)", "a"), ("a = x # λ ∂ ⊙", "a"), ("a = x; tanh(a)", "a out"),
     ("out = x; tanh(out)", "out out_"), ("a = x; (-a)", "a out"), ("a = x; -a", "a out"),
     ("a = x\n(-a)", "a out"), ("-x", "out"), ("a = [x][0] if 0 else x" * 0 + "a = x", "a")],
)  # fmt: skip
def test_statements(text, names):
    assert definitions(text) == names.split()


def test_ten_thousand_statements():
    lines = ["a0 = x"] + [f"a{k} = tanh(a{k - 1}) + x" for k in range(1, 10_000)]
    graph = sg.parse("\n".join(lines), {"x": ("n",)})
    assert len(graph.definitions) == 10_000
    assert graph.output == "a9999"


def test_long_sums():
    """Python's own grammar ends at about 2,900 terms: beyond is an error, never a crash."""
    text = " + ".join(f"x{k}" for k in range(1000))
    symbols = {f"x{k}": () for k in range(1000)}
    assert sg.parse(text, symbols).evaluate(dict.fromkeys(symbols, 0.5)) == 500
    with pytest.raises(ParseError, match="nested too deeply"):
        sg.parse("J = x" + " + x" * 100_000, {"x": ()})


def test_nested_brackets():
    text = "(" * 150 + "x" + ")" * 150
    assert sg.parse(f"a = {text}", {"x": ()}).definitions[0].expr is sg.scalar("x")


def test_names_are_the_persons():
    """Functions may be shadowed from the definition on; what symgrad needs is no name at all."""
    graph = sg.parse("s = sum(x); sum = 2 * s; J = sum + mean(x)", {"x": ("n",)})
    assert graph.evaluate({"x": np.array([1.0, 2.0, 3.0])}) == 14
    names = "v out workspace seed dX np e I S N self T _ x0 print match type exp pi".split()
    symbols = {name: ("n",) for name in names if name != "pi"}
    graph = sg.parse("J = " + " + ".join(names), symbols)
    assert graph.inputs == tuple(symbols)
    values = {name: np.full(2, float(k)) for k, name in enumerate(symbols)}
    np.testing.assert_allclose(graph.evaluate(values), sum(range(len(symbols))) + np.pi)
    assert sg.parse("pi = 3 * x; J = pi + 1", {"x": ()}).evaluate({"x": 2}) == 7
    assert sg.parse("J = np * 2", {"np": ()}).evaluate({"np": 2}) == 4


def test_symbols_parameters_and_domains():
    graph = sg.parse(
        "K = X @ X.T; J = trace(K) + lam * sum(w) + sum(X @ w)",
        symbols={"lam": (), "X": ("n", "d"), "w": "d", "b": 3, "y": ["n"]},
        domain={"lam": "positive", "K": "symmetric", "y": "labels:c"},
        parameters=["w", "b"],
        latex={"lam": r"\lambda", "K": "K_{XX}"},
        name="kernel",
    )
    assert graph.name == "kernel"
    assert graph.parameters == ("w", "b")
    assert graph.inputs == ("lam", "X", "y")
    assert graph.dims == ("d", "n", "c")
    assert graph.leaf("K").domain == "symmetric"
    assert (graph.leaf("K").latex, graph.leaf("lam").latex) == ("K_{XX}", r"\lambda")
    assert [str(graph.leaf(name).shape) for name in "wbX"] == ["(d,)", "(3,)", "(n, d)"]
    assert sg.parse("J = w", {"w": ()}, parameters="w").parameters == ("w",)


def test_the_output_may_be_any_definition():
    graph = sg.parse("a = x + 1; b = a * 2; c = b", {"x": ()}, output="b")
    assert graph.output == "b"
    assert graph.evaluate({"x": 1}) == 4


def test_a_dimension_of_labels_is_a_name_in_the_text():
    graph = sg.parse("J = onehot(y, k) * k", {"y": ("n",)}, {"y": "labels:k"})
    result = graph.evaluate({"y": np.array([1, 0]), "k": 3})
    np.testing.assert_array_equal(result, [[0, 3, 0], [3, 0, 0]])


def test_places_count_characters():
    with pytest.raises(ParseError) as caught:
        sg.parse("a = x\n   b = 'λλλ', nobody", {"x": ()})
    assert (caught.value.line, caught.value.column) == (2, 15)
    assert str(caught.value).splitlines()[2:4] == [
        "      b = 'λλλ', nobody", "                 ^",
    ]  # fmt: skip


def test_the_smaller_of_two_sizes_is_one_number():
    k, m = sg.dims("k m")
    x = sg.tensor("x", k)
    net = sg.parse("y = x / minimum(k, m); z = x / minimum(m, k)", {"x": ("k",), "w": ("m",)})
    assert [d.expr for d in net.definitions] == [x / Min(k, m), x / Min(m, k)]
