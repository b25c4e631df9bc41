"""Brackets as indices: sums with any brackets against the same sums over dense arrays."""

import re

import numpy as np
import pytest
from modules import compare, module_of
from sympy import Integer, expand

import symgrad as sg
from symgrad.tensor import contraction
from symgrad.tensor.contraction import Condition, contract
from symgrad.tensor.cost import cost, pairwise
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Einsum, Iverson, Leaf, topological
from symgrad.tensor.operators import einsum
from symgrad.tensor.windows import loops, places, solid


def random_sum(rng):
    """Factors, brackets among them, with their labels; an output; sizes of the labels."""
    count = int(rng.integers(2, 6))
    sizes = {k: int(rng.integers(1, 5)) for k in range(count)}
    factors, inputs = [], []

    def some(most):
        return tuple(int(k) for k in rng.integers(0, count, int(rng.integers(1, most + 1))))

    for _ in range(int(rng.integers(0, 3))):
        labels = some(3)
        factors.append(rng.integers(-3, 4, [sizes[k] for k in labels]).astype(float))
        inputs.append(labels)
    for _ in range(int(rng.integers(1, 4))):
        labels = some(3)
        shape = tuple(sizes[k] for k in labels)
        terms = tuple((a, int(c)) for a in range(len(labels)) if (c := rng.integers(-2, 3)))
        entries = ()
        if rng.random() < 0.4:
            axes = tuple(int(a) for a in rng.permutation(len(labels))[: rng.integers(0, 3)])
            looked_up = rng.integers(-1, 4, [shape[a] for a in axes])
            entries = ((int(rng.choice([-1, 1, 2])), looked_up, axes),)
        op = "ge" if rng.random() < 0.2 else "eq"
        factors.append(Condition(op, shape, int(rng.integers(-2, 3)), terms, entries))
        inputs.append(labels)
    order = rng.permutation(len(factors))
    output = tuple(int(k) for k in rng.permutation(count)[: rng.integers(0, 4)])
    return [factors[n] for n in order], [inputs[n] for n in order], output, sizes


def dense_sum(factors, inputs, output, sizes):
    arguments = []
    for factor, labels in zip(factors, inputs, strict=True):
        arguments += [factor.dense() if isinstance(factor, Condition) else factor, list(labels)]
    for label, size in sizes.items():
        arguments += [np.ones(size), [label]]
    return np.einsum(*arguments, list(output))


def test_sums_with_brackets_are_those_over_dense_arrays():
    rng = np.random.default_rng(0)
    for n in range(1500):
        case = random_sum(rng)
        # whole numbers: exact
        np.testing.assert_array_equal(contract(*case), dense_sum(*case), err_msg=f"case {n}")


def test_a_dense_bracket_is_its_condition():
    entry = np.array([2, 0])
    bracket = Condition("eq", (2, 3), 0, ((1, 1),), ((-1, entry, (0,)),))
    np.testing.assert_array_equal(bracket.dense(), [[0, 0, 1], [1, 0, 0]])


def test_a_sum_of_brackets_alone_is_real():
    n = sg.dims("n")[0]
    whole = einsum(((0, 1),), (), Iverson("eq", INDEX[0] - INDEX[1], (n, n)))
    (value,) = evaluate([whole], {}, {"n": 3})
    assert value.dtype == float
    assert value == 3


n, c, o, k, m = sg.dims("n c o k m")
X, K, y = sg.tensor("X", n, c, m), sg.tensor("K", o, c, k), sg.tensor("y", n, domain="labels:m")


def window(h, i, u, stride=1, padding=0):
    return Iverson("eq", INDEX[0] - stride * INDEX[1] - INDEX[2] + padding, (h, i, u))


def test_the_position_follows_from_the_window():
    product = sg.conv1d(X, K, 2, 1)
    (label,) = places(product)
    place = places(product)[label]
    assert product.sizes[label] == m
    assert sorted(map(int, place.labels.values())) == [1, 2]
    assert place.constant == -1
    assert len(solid(product, places(product))) == 2
    assert {product.sizes[j] for j in loops(product.inputs[0], places(product))} == {
        n, c, k, product.shape[-1],
    }  # fmt: skip


def test_an_entry_is_looked_up_at_labels_that_stay():
    hot = Iverson("eq", INDEX[1] - LOOKUP[0], (n, m), ((0,),), y)
    product = einsum(((0, 1, 2), (0, 2)), (0, 1), X, hot)
    (place,) = places(product).values()
    assert place.labels == {}
    assert place.entries == ((1, y, (0,)),)


def test_one_equation_is_put_into_another():
    """[h = 2 i + u] [g = h + v]: g in terms of i, u and v."""
    five, nine = Integer(5), Integer(9)
    outer, inner = window(nine, five, five), window(five, Integer(2), Integer(3), 2)
    product = Einsum(((0,), (0, 1, 2), (1, 3, 4)), (3,), (Integer(2),), Leaf("x", (nine,)), outer,
                     inner)  # fmt: skip
    found = places(product)
    x = product.inputs[0][0]
    assert sorted(map(int, found[x].labels.values())) == [1, 1, 2]
    assert not set(found[x].labels) & set(found)


def test_without_a_coefficient_of_one_a_bracket_stays():
    product = einsum(
        ((0,), (0, 1)), (1,), sg.tensor("x", n), Iverson("eq", 2 * INDEX[0] - 3 * INDEX[1], (n, m))
    )
    assert places(product) == {}
    values = {"x": np.arange(7.0)}
    (value,) = evaluate([product], values, {"m": 5})
    np.testing.assert_array_equal(value, [0, 0, 3, 0, 6])


def test_unit_axes_are_no_loops():
    product = sg.conv1d(sg.tensor("X", n, 1, 5), sg.tensor("K", 1, 1, 5))
    assert UNIT not in loops((j for labels in product.inputs for j in labels), places(product))


def test_the_work_of_a_gather_is_nothing():
    assert cost([X[:, :, ::2]]).flops == 0
    work = cost([sg.conv1d(X, K)])
    assert expand(work.flops - 2 * n * o * c * k * (m - k + 1)) == 0
    assert expand(work.largest - n * o * (m - k + 1)) == 0  # no bracket is an array


def test_brackets_stand_in_no_order_of_contraction():
    net = sg.parse("J = sum(conv1d(conv1d(X, K), L)**2)",
                   {"X": (2, 3, 9), "K": (4, 3, 3), "L": (5, 4, 2)}, parameters=["X"])  # fmt: skip
    for definition in (*net.definitions, *sg.gradient(net).definitions):
        for node in topological(definition.expr):
            if isinstance(node, Einsum):
                arrays = len(solid(node, places(node)))
                assert len(list(pairwise(node))) == max(arrays - 1, 0) if arrays else True


MODULES = [
    "J = sum(conv1d(conv1d(X, K, 1, 1), L, 2)**2)",
    "J = sum(conv1d(X, K)**2 * conv1d(X, K * K))",
    "J = sum(max_pool1d(conv1d(X, K, 2, 2), 2)**2)",
    "J = sum(max_pool2d(max_pool2d(X, 2, 1), 2)**3)",
    "J = sum(avg_pool2d(conv1d(X, K), (2, 3), 1, 1)**2)",
    "J = sum((E[y] @ V)**2)",
    "J = sum((E[y][::-1, ::2])**3)",
    "J = sum(conv1d(transpose(E[t], (0, 2, 1)), M)**3)",
    "J = sum(X[::-1, 0, 3::-2]**3) + sum(X[1:, 0] * X[:-1, 1])",
    "J = sum(E[:, argmax(V, axis=0)]**3)",
    "J = sum(argmax(E, axis=1) * E[:, 0])",
    "Z = conv2d(I, F, 2, 1, groups=2); J = sum(tanh(Z)**2) + sum(b**2)",
]


@pytest.mark.parametrize("text", MODULES)
def test_modules_with_brackets(text, tmp_path):
    """Brackets in brackets, look-ups in windows, windows of windows: against the evaluator."""
    symbols = {
        "X": (2, 3, "n"), "K": (4, 3, 3), "L": (2, 4, 2), "M": (4, 3, "k"), "E": ("v", 3),
        "V": (3, "h"), "y": (5,), "t": (2, "n"), "I": (2, "2*c", 4, "n"), "F": ("2*q", "c", 3, "k"),
        "b": ("q", "c"),
    }  # fmt: skip
    used = {name: shape for name, shape in symbols.items() if re.search(rf"\b{name}\b", text)}
    domain = {name: "labels:v" for name in ("y", "t") if name in used}
    parameters = [name for name in used if name not in domain]
    net = sg.parse(text, used, domain, parameters=parameters)
    sizes = {"n": 7, "k": 3, "v": 4, "c": 2, "q": 3, "h": 6}
    sizes = {name: size for name, size in sizes.items() if name in net.dims}
    values = net.sample(0, sizes)
    # sums of at most a thousand products of order 1 to 10
    compare(module_of(net, tmp_path, jit=False), net, values, 1e-11, 1e-10)
    assert sg.check(net, sizes=sizes)


@pytest.mark.parametrize(("labels", "output"), [
    ([(0, 1), (0, 1), (2, 3), (2,), (3,)], ()),
    ([(0,), (0,), (1, 2), (2, 3), (3,)], (1,)),
    ([(0,), (0,), (1,), (1,)], ()),
])  # fmt: skip
def test_long_products_of_exact_numbers(labels, output):
    """Sums of all entries within them are arrays too, whatever NumPy makes of single objects."""
    sizes, rng = {0: 30, 1: 40, 2: 50, 3: 20}, np.random.default_rng(0)
    arrays = [rng.integers(-3, 4, [sizes[k] for k in own]) for own in labels]
    factors = list(zip(arrays, labels, strict=True))
    exact = contraction._einsum([(a.astype(object), own) for a, own in factors], output, sizes)
    plain = np.einsum(*(part for a, own in factors for part in (a, list(own))), list(output))
    assert exact.shape == plain.shape
    assert (exact == plain).all()
