"""Samples: values in their domains, sizes pairwise different, seeds that repeat."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.declare.sampling import DRAWS
from symgrad.errors import DeclarationError, ShapeError


def rows_one(x, axis):
    np.testing.assert_allclose(x.sum(axis), 1, rtol=1e-15)  # a sum of at most seven numbers
    return (x >= 0).all()


PROPERTIES = {
    "real": lambda x: (x < 0).any() and (x > 0).any(),
    "small": lambda x: 0.2 < x.std() < 0.5,  # 1/3, of 42 draws
    "large": lambda x: np.abs(x).max() > 10,
    "positive": lambda x: (x > 0).all(),
    "unit": lambda x: ((x > 0) & (x < 1)).all(),
    "nonzero": lambda x: (np.abs(x) >= 0.5).all() and (x < 0).any() and (x > 0).any(),
    "sign": lambda x: set(np.unique(x)) == {-1.0, 1.0},
    "binary": lambda x: set(np.unique(x)) == {0.0, 1.0},
    "simplex": lambda x: rows_one(x, -1) and (x > 0).all(),
    "simplex:0": lambda x: rows_one(x, 0) and (x > 0).all(),
    "onehot": lambda x: rows_one(x, -1) and set(np.unique(x)) == {0.0, 1.0},
    "onehot:0": lambda x: rows_one(x, 0) and set(np.unique(x)) == {0.0, 1.0},
    "symmetric": lambda x: (x == x.T).all() and (np.linalg.eigvalsh(x) < 0).any(),
    "spd": lambda x: (x == x.T).all() and (np.linalg.eigvalsh(x) >= 1 - 1e-12).all(),
    "invertible": lambda x: np.linalg.cond(x) < 1e3,
    "lower": lambda x: (np.triu(x, 1) == 0).all() and (np.diag(x) > 0).all(),
}
SQUARE = {"symmetric", "spd", "invertible", "lower"}


def drawn(domain, shape, seed=0, sizes=None):
    return sg.parse("J = X", {"X": shape}, {"X": domain}).sample(seed, sizes)["X"]


def test_every_domain_is_tested():
    assert set(PROPERTIES) == set(DRAWS)


@pytest.mark.parametrize("domain", PROPERTIES)
def test_domains(domain):
    shape = ("n", "n") if domain in SQUARE else ("n", "d")
    for seed in range(5):
        x = drawn(domain, shape, seed, {"n": 6, "d": 7})
        assert x.shape == (6, 6 if domain in SQUARE else 7)
        assert x.dtype == np.float64
        assert PROPERTIES[domain](x)


@pytest.mark.parametrize("domain", sorted(set(PROPERTIES) - SQUARE))
def test_other_ranks(domain):
    axis = 0 if domain.endswith(":0") else -1
    for shape in [("n",), ("n", "d", "h")] + [()] * (domain.partition(":")[0] not in (
        "onehot", "simplex")):  # fmt: skip
        x = drawn(domain, shape, 1)
        assert x.ndim == len(shape)
        assert np.isfinite(x).all()
        if domain.startswith(("onehot", "simplex")):
            assert rows_one(x, axis)


def test_labels():
    x = drawn("labels:k", ("n", "d"), 0, {"n": 20, "d": 20, "k": 3})
    assert x.dtype.kind == "i"
    assert set(np.unique(x)) == {0, 1, 2}
    assert set(np.unique(drawn("labels:4", ("n",), 0, {"n": 99}))) == {0, 1, 2, 3}
    assert drawn("labels:k", ()).shape == ()


def test_seeds():
    one, two = drawn("real", ("n",), 5), drawn("real", ("n",), 5)
    np.testing.assert_array_equal(one, two)
    sizes = {"n": 4}
    assert (drawn("real", ("n",), 5, sizes) != drawn("real", ("n",), 6, sizes)).all()
    for seed in (-1, 0.5, None, "a"):
        with pytest.raises(DeclarationError, match="a seed is a whole number"):
            drawn("real", ("n",), seed)


# --- sizes


def test_missing_sizes_are_pairwise_different():
    graph = sg.parse("J = X", {"X": tuple("abcdefgh"[:3]), "Y": tuple("defg")})
    for seed in range(30):
        values = graph.sample(seed, {"c": 3})
        sizes = [values[name] for name in graph.dims]
        assert values["c"] == 3
        assert len(set(sizes)) == len(sizes) == 7
        assert min(sizes) >= 2
        assert max(sizes) < 12  # small: seven sizes, and some room
        assert values["X"].shape == (values["a"], values["b"], 3)
        assert all(type(size) is int for size in sizes)


def test_composite_sizes_come_out_positive():
    graph = sg.parse("J = X", {"X": ("(n - K) // s + 1",), "Y": ("n - 2*K",)})
    for seed in range(20):
        values = graph.sample(seed)
        assert values["Y"].shape == (values["n"] - 2 * values["K"],)
        assert len(values["Y"]) >= 1


def test_sizes_satisfy_the_slices():
    graph = sg.parse("J = sum(x[:m]) + sum(y[k:])", {"x": ("n",), "z": ("m",), "y": ("n",),
                     "w": ("k",)})  # fmt: skip
    for seed in range(20):
        values = graph.sample(seed)
        assert values["m"] <= values["n"] > values["k"]


def test_sizes_by_symbol_or_name_and_others_ignored():
    n = sg.dims("n")[0]
    assert drawn("real", ("n",), 0, {n: 7}).shape == (7,)
    assert drawn("real", ("n",), 0, {"n": np.int64(7), "other": 0}).shape == (7,)


@pytest.mark.parametrize("size", [0, -1, 2.0, True, "3", None])
def test_sizes_that_are_none(size):
    with pytest.raises(DeclarationError, match=r"size n = .* is not a positive integer"):
        drawn("real", ("n",), 0, {"n": size})


def test_sizes_that_do_not_fit():
    graph = sg.parse("J = X", {"X": ("n - 5",)})
    with pytest.raises(ShapeError, match="dimension n - 5 is -1"):
        graph.sample(0, {"n": 4})
    graph = sg.parse("J = X", {"X": ("n - m",), "Y": ("m - n",)})
    with pytest.raises(ShapeError, match="no sizes found for m, n; the last failed"):
        graph.sample(0)
    graph = sg.parse("J = x[4]", {"x": ("n",)})
    with pytest.raises(ShapeError, match="4 < n does not hold for n = 4"):
        graph.sample(0, {"n": 4})
