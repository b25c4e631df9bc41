"""Dimensions: arithmetic, equality for all sizes, broadcasting, sizes, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Float, Integer, Min, Rational, Symbol, floor

from symgrad.errors import DeclarationError, NameClash, ParseError, ShapeError
from symgrad.tensor.dims import (
    ONE,
    as_dim,
    as_shape,
    broadcast,
    dim,
    dims,
    same,
    same_shape,
    show,
    size_of,
)

n, m, k = dims("n m k")


def test_equal_names_are_one_dimension():
    assert dim("n") is n
    assert dims("n, m") == (n, m)
    assert as_dim(Symbol("n")) is n  # a plain symbol of that name too
    assert as_dim(Symbol("n", real=True) + 1) == n + 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, Integer(3)),
        (np.int64(3), Integer(3)),
        ("n", n),
        ("4*n", 4 * n),
        ("(n + 1)*(n - 1) + 1", n**2),
        ("n - m + 1", n - m + 1),
        ("n // 2", floor(n / 2)),
        ("(n - m) // k + 1", floor((n - m) / k) + 1),
        ("n**2", n**2),
        (" 2 ", Integer(2)),
        ("3 - 1", Integer(2)),
        ("min(n, 2*m) + 1", Min(n, 2 * m) + 1),
        (n * (n + 1), n**2 + n),
    ],
)
def test_as_dim(value, expected):
    assert as_dim(value) == expected


@pytest.mark.parametrize("text", ["min(n, 2*m) + 1", "(n - m) // k + 1", "n*(n + 1)//2"])
def test_what_prints_is_read(text):
    """The domain of an argmax is told as the text of a dimension."""
    assert as_dim(str(as_dim(text))) == as_dim(text)


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        True,
        2.0,
        None,
        Float(2.0),
        Rational(1, 2),
        "0",
        "1 - 2",
        "n - n",
        "-n",
        "n*0",
        "(n + 1)*(n - 1) - n**2 + 1",
        "1//0",
        "n/0",
        "1/2",
        [3],
        b"n",
        1j,
        -n,
    ],
    ids=str,
)
def test_not_a_dimension(value):
    with pytest.raises(DeclarationError):
        as_dim(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "n +",
        "n.real",
        "f(n)",
        "n[0]",
        "2.5",
        "n if m else k",
        "lambda: 0",
        "'n'",
        "n; m",
        "__import__('os')",
        "n < m",
        "n = 2",
        "n %2",
    ],
)
def test_unreadable_dimensions(text):
    with pytest.raises(ParseError, match="cannot read the dimension"):
        as_dim(text)


def test_a_name_must_be_an_identifier():
    with pytest.raises(NameClash, match="2n"):
        dim("2n")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((), ()),
        (("n", 1), (n, ONE)),
        ("n", (n,)),
        (3, (Integer(3),)),
        (["n", m], (n, m)),
        (n, (n,)),
    ],
    ids=str,
)
def test_as_shape(value, expected):
    assert as_shape(value) == expected


def test_a_set_is_no_shape():
    with pytest.raises(DeclarationError):
        as_shape({"n"})


def test_equality_is_for_all_sizes():
    assert same((n + 1) * (n - 1), n**2 - 1)
    assert not same(n, m)
    assert not same(n, Integer(3))
    assert same_shape((n * (m + 1), ONE), (n * m + n, ONE))
    assert not same_shape((n,), (n, ONE))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((), (), ()),
        ((), (n,), (n,)),
        ((n, 1), (m,), (n, m)),
        ((n, 1), (1, m), (n, m)),
        ((k, n, m), (n, 1), (k, n, m)),
        ((1,), (1, 1), (1, 1)),
        ((n * (m + 1),), (n * m + n,), (n * m + n,)),
        ((3,), (3,), (3,)),
    ],
    ids=str,
)
def test_broadcast(a, b, expected):
    result = broadcast(as_shape(a), as_shape(b))
    assert same_shape(result, as_shape(expected))
    assert same_shape(broadcast(as_shape(b), as_shape(a)), result)


@pytest.mark.parametrize(
    ("a", "b"),
    [((n,), (m,)), ((n, m), (m, n)), ((n,), (2,)), ((2,), (3,)), ((n, m), (n,))],
    ids=str,
)
def test_what_does_not_broadcast_names_both_shapes(a, b):
    with pytest.raises(ShapeError) as caught:
        broadcast(as_shape(a), as_shape(b))
    assert show(as_shape(a)) in str(caught.value)
    assert show(as_shape(b)) in str(caught.value)


@given(st.data())
def test_broadcast_is_numpys(data):
    shapes = st.lists(st.sampled_from([1, 1, 2, 3]), max_size=4).map(tuple)
    a, b = data.draw(shapes), data.draw(shapes)
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ShapeError):
            broadcast(as_shape(a), as_shape(b))
    else:
        assert tuple(map(int, broadcast(as_shape(a), as_shape(b)))) == expected


@pytest.mark.parametrize(
    ("text", "sizes", "expected"),
    [
        ("n", {"n": 4}, 4),
        ("4*n + m", {"n": 2, "m": 3}, 11),
        ("(n - m) // k + 1", {"n": 8, "m": 3, "k": 2}, 3),
        ("n/2", {"n": 4}, 2),
        ("7", {}, 7),
    ],
)
def test_size_of(text, sizes, expected):
    assert size_of(as_dim(text), sizes) == expected


@pytest.mark.parametrize(
    ("text", "sizes", "complaint"),
    [
        ("n", {}, "n is unknown"),
        ("n + m", {"n": 3}, "m is unknown"),
        ("n - m", {"n": 3, "m": 3}, "is 0"),
        ("n - m", {"n": 2, "m": 3}, "-1"),
        ("n/2", {"n": 3}, "3/2"),
    ],
)
def test_sizes_that_are_none(text, sizes, complaint):
    with pytest.raises(ShapeError, match=complaint):
        size_of(as_dim(text), sizes)


@pytest.mark.parametrize(("shape", "text"), [((), "()"), ((n,), "(n,)"), ((n, 4 * m), "(n, 4*m)")])
def test_show(shape, text):
    assert show(shape) == text


polynomials = st.recursive(
    st.sampled_from([n, m, Integer(2), Integer(3)]),
    lambda inner: st.tuples(inner, inner, st.sampled_from("+*")).map(
        lambda t: t[0] + t[1] if t[2] == "+" else t[0] * t[1]
    ),
    max_leaves=6,
)


@given(polynomials, polynomials, st.integers(1, 9), st.integers(10, 19))
def test_equal_dimensions_have_equal_sizes(a, b, first, second):
    sizes = {"n": first, "m": second}
    a, b = as_dim(a), as_dim(b)
    assert same(a * b, as_dim(b) * a)
    assert size_of(as_dim(a * b + a), sizes) == size_of(a, sizes) * (size_of(b, sizes) + 1)
    if same(a, b):
        assert size_of(a, sizes) == size_of(b, sizes)
