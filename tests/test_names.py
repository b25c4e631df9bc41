"""Names put back for products, and names for what formulas share."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.simplify.names import Names
from symgrad.simplify.shared import with_parts_named
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Leaf, leaves
from symgrad.tensor.operators import einsum, matmul, multiply, power

n, d, k = sg.dims("n d k")
X, Y, W = sg.tensor("X", n, d), sg.tensor("Y", n, d), sg.tensor("W", d, k)
x, y, s = sg.tensor("x", n), sg.tensor("y", n), sg.tensor("s", n)
P = Leaf("P", (n, d), "value")
Z = Leaf("Z", (n, k), "value")
q = Leaf("q", (n,), "value")


def put(values, node):
    return Names.of(values).put_back(node)


def test_a_product_is_found_among_other_factors():
    assert set(leaves(put({multiply(X, Y): P}, multiply(multiply(X, X), Y)))) == {P, X}
    assert set(leaves(put({matmul(X, W): Z}, matmul(matmul(X, W), W.T)))) == {Z, W}


def test_a_product_is_found_transposed_and_twice():
    gram = matmul(matmul(X, W), matmul(X, W).T)
    assert set(leaves(put({matmul(X, W): Z}, gram))) == {Z}
    assert set(leaves(put({matmul(X, W): Z}, matmul(X, W).T))) == {Z}


def test_a_quotient_is_found_below_a_square():
    found = put({multiply(x, power(s, -1)): q}, multiply(x, power(s, -2)))
    assert set(leaves(found)) == {q, s}


def test_what_is_joined_in_another_way_is_not_found():
    other = einsum(((0, 1), (2, 1)), (0, 2), X, Y)  # X Yᵀ, not X ⊙ Y
    assert put({multiply(X, Y): P}, other) is other
    kept = einsum(((0, 1), (1, 2), (1,)), (0, 2), X, W, sg.tensor("v", d))  # X diag(v) W
    assert put({matmul(X, W): Z}, kept) is kept


NETWORKS = [
    "u = x - mean(x); J = sum(exp(u * y) / (1 + exp(u * y)) * s)",
    "J = sum((x - mean(x)) / sqrt(mean((x - mean(x))**2) + 1) * y)",
    "h = tanh(X @ W); J = sum(log(1 + sum(h**2, axis=1))) + sum(h)",
    "J = y @ X @ solve(X.T @ X + eye(d), X.T @ y)",
    "J = sum(softmax(X * Y, axis=1)**2)",
]


@pytest.mark.parametrize("text", NETWORKS)
def test_named_parts_keep_the_value_and_save_operations(text):
    from symgrad.simplify.cost import operations

    symbols = {leaf.name: leaf.shape for leaf in (X, Y, W, x, y, s)}
    used = {name: shape for name, shape in symbols.items() if name in text}
    net = sg.parse(text, symbols=used, parameters=[next(iter(used))])
    derivative = next(iter(sg.gradient(net).values()))
    shown = derivative.shown
    before = sum(operations(each.expr) for each in derivative.definitions)
    after = sum(operations(each.expr) for each in shown)
    assert after <= before
    values = net.sample(0)
    known = net.evaluate_all(values)
    for definition in shown:
        (known[definition.leaf.name],) = evaluate([definition.expr], known, values)
    expected = derivative.evaluate(values)
    scale = np.abs(expected).max()
    # the same operations in another order: a few roundings
    np.testing.assert_allclose(known[shown[-1].leaf.name], expected, atol=1e-13 * scale)


def test_names_are_new_and_fit_the_rank():
    net = sg.parse("J = sum(tanh(X @ W)**2 / (1 + tanh(X @ W)**2))", parameters=["W"],
                   symbols={"X": ("n", "d"), "W": ("d", "U")})  # fmt: skip
    names = [each.leaf.name for each in sg.gradient(net)["W"].shown[:-1]]
    assert names
    assert all(name[0] in "VQRST" for name in names)


def test_short_formulas_are_left_alone():
    net = sg.parse("r = X @ w - y; J = r @ r", parameters=["w"],
                   symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",)})  # fmt: skip
    assert sg.gradient(net)["w"].shown == sg.gradient(net)["w"].definitions


def test_the_order_of_definitions_holds():
    """Each shared part stands before what reads it, and reads only what stands before."""
    net = sg.parse(NETWORKS[1], symbols={"x": ("n",), "y": ("n",)}, parameters=["x"])
    shown = sg.hessian(net, "x").shown
    seen = {*net.symbols, *(d.leaf for d in net.definitions)}
    for definition in with_parts_named(shown, frozenset()):
        assert set(leaves(definition.expr)) <= seen
        seen.add(definition.leaf)


def test_an_adjoint_in_a_solution_that_has_a_name():
    """The fitted v is found in (AᵀA + I)⁻¹ ∂J/∂v, for ∂J/∂v is −Aᵀ y."""
    net = sg.parse(
        "v = solve(A.T @ A + eye(d), A.T @ y); J = y @ y - y @ A @ v",
        {"A": ("n", "d"), "y": ("n",)},
        parameters=["A"],
    )
    assert sg.gradient(net)["A"].text() == "∂J/∂A = 2 (A v − y) vᵀ"
    assert sg.check(net)
