"""Every pullback is the transpose of its node's derivative, with and without leading axes."""

import numpy as np
import pytest
from sympy import exp, log, tanh

from symgrad.calculus.pullbacks import PULLBACKS, pullback
from symgrad.declare.symbols import dims, scalar, tensor
from symgrad.errors import NotDifferentiable
from symgrad.tensor.dims import size_of
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import (
    Einsum,
    Iverson,
    Leaf,
    LogSumExp,
    Node,
    Reduce,
    Softmax,
    UnspecifiedTensor,
    leaves,
    topological,
)
from symgrad.tensor.operators import apply, einsum, eye, matmul, multiply, power, transpose
from symgrad.tensor.primitives import MatrixFunction, Reshape
from symgrad.tensor.scalar import ARGS, FUNCTIONS, maximum, relu, sigmoid, softplus, where

n, k, m = dims("n k m")
X, A, W = tensor("X", n, k), tensor("A", n, k), tensor("W", k, m)
S = tensor("S", n, n)
col, row = tensor("col", n, 1), tensor("row", 1, k)
v, t = tensor("v", k), scalar("t")
T, U = tensor("T", n, k, m), tensor("U", n, m, k)

# each node with the operands that it is differentiated by
NODES: dict[str, Node] = {
    "matrix product": matmul(X, W),
    "batched product": matmul(T, U),
    "transpose": transpose(X),
    "transpose of order 3": transpose(T, (2, 0, 1)),
    "Hadamard": multiply(X, A),
    "square": power(X, 2),
    "cube": power(X, 3),
    "trace": einsum(((0, 0),), (), S),
    "diagonal": einsum(((0, 0),), (0,), S),
    "diagonal matrix": einsum(((0,), (0, 1)), (0, 1), v, eye(k)),
    "outer": einsum(((0,), (1,)), (0, 1), v, v),
    "sum of an axis": einsum(((0, 1),), (1,), X),
    "sum of all": einsum(((0, 1),), (), X),
    "broadcast": Einsum(((1,),), (0, 1), (n, k), v),
    "scalar multiple": multiply(t, X),
    "column times row": multiply(col, row),
    "row product": matmul(row, W),
    "kept axis": einsum(((0, 1),), (0, -1), X),
    "triple": einsum(((0, 1), (1, 2), (0, 1)), (2,), X, W, A),
    "total": 2 * X - A / 3,
    "total with itself": X + 3 * X,
    "tanh": apply(tanh(ARGS[0]), X),
    "composite": apply(tanh(ARGS[0]) * exp(-(ARGS[0] ** 2)) / 3, X),
    "two operands": apply(exp(ARGS[0]) * ARGS[1] ** 2, X, A),
    "root": apply((1 + ARGS[0] ** 2) ** 0.5, X),
    "log": apply(log(1 + ARGS[0] ** 2), X),
    "variable exponent": apply((1 + ARGS[0] ** 2) ** ARGS[1], X, A),
    "sigmoid": apply(sigmoid(ARGS[0]), X),
    "softplus": apply(softplus(ARGS[0]), X),
    "relu": apply(relu(ARGS[0]), X),
    "maximum": apply(maximum(ARGS[0], ARGS[1]), X, A),
    "where": apply(where(FUNCTIONS["gt"].kind(ARGS[0], 0), ARGS[1], ARGS[0] * ARGS[1]), X, A),
    "max along rows": Reduce("max", (1,), X),
    "max of all": Reduce("max", (0, 1), X),
    "min along columns": Reduce("min", (0,), X),
    "logsumexp": LogSumExp((1,), X),
    "logsumexp of all": LogSumExp((0, 1), X),
    "softmax": Softmax((1,), X),
    "softmax of columns": Softmax((0,), X),
    "softmax of order 3": Softmax((1, 2), T),
    "product along rows": Reduce("prod", (1,), X),
    "product of all": Reduce("prod", (0, 1), X),
    "reshape": Reshape((k, n), X),
    "reshape of order 3": Reshape((n * k, m), T),
}


def draw(nodes, sizes, seed):
    rng = np.random.default_rng(seed)
    return {
        leaf.name: rng.normal(size=tuple(size_of(d, sizes) for d in leaf.shape))
        for leaf in leaves(*nodes)
    }


@pytest.mark.parametrize("sizes", [{"n": 3, "k": 4, "m": 2}, {"n": 1, "k": 3, "m": 2},
                                   {"n": 2, "k": 1, "m": 1}], ids=str)  # fmt: skip
@pytest.mark.parametrize("lead", [0, 2])
@pytest.mark.parametrize("name", NODES)
def test_transpose_of_the_derivative(name, lead, sizes):
    """⟨g, J t⟩ = ⟨Jᵀ g, t⟩, J t by the complex step, for each operand at each of its places."""
    node = NODES[name]
    p, q = dims("p q")
    front = (p, q)[:lead]
    g = Leaf("g", (*front, *node.shape), "adjoint")
    sizes = {**sizes, "p": 2, "q": 3}
    values = draw([node, g], sizes, 1)
    rng = np.random.default_rng(2)
    for leaf in leaves(node):
        tangent = rng.normal(size=values[leaf.name].shape)
        stepped = {**values, leaf.name: values[leaf.name] + 1e-30j * tangent}
        push = evaluate([node], stepped, sizes)[0].imag / 1e-30
        total = np.zeros(tuple([2, 3][:lead]))
        for place, operand in enumerate(node.operands):
            if leaf is not operand:
                continue
            pulled = pullback(node, g, place, lead)
            assert pulled.shape == (*front, *operand.shape)
            (value,) = evaluate([pulled], values, sizes)
            total = total + np.tensordot(value, tangent, tangent.ndim)
        expected = np.tensordot(values["g"], push, push.ndim)
        scale = np.abs(values["g"]).sum() * max(np.abs(push).max(), 1)
        # both sides sum products of float64 numbers: rounding grows with their magnitudes
        np.testing.assert_allclose(total, expected, atol=1e-14 * scale, rtol=0)


def test_every_node_kind_is_tested():
    kinds = {type(node) for node in NODES.values()}
    # functions of matrices: tests/test_matrices.py
    assert set(PULLBACKS) - kinds == {UnspecifiedTensor, MatrixFunction}
    assert kinds <= set(PULLBACKS)


def test_unspecified_tensor():
    o, y = tensor("o", k), tensor("y", k)
    loss = UnspecifiedTensor("l", (), (), o, y)
    g = Leaf("g", (), "adjoint")
    slope = pullback(loss, g, 0)
    assert slope.shape == (k,)
    inner = next(f for f in slope.factors if isinstance(f, UnspecifiedTensor))
    assert inner.wrt == (0,)
    second = pullback(inner, Leaf("h", (k,), "adjoint"), 1)
    assert second.shape == (k,)
    assert any(isinstance(f, UnspecifiedTensor) and f.wrt == (0, 1) for f in second.factors)


def test_ties_share_equally():
    values = {"X": np.array([[2.0, 2.0, 1.0], [0.0, -1.0, 0.0]])}
    node = NODES["max along rows"]
    (value,) = evaluate([pullback(node, node * 0 + 1, 0)], values)
    np.testing.assert_array_equal(value, [[0.5, 0.5, 0], [0.5, 0, 0.5]])


@pytest.mark.parametrize(
    ("name", "at", "slope"),
    [("relu", 0.0, 0.0), ("relu", -1.0, 0.0), ("relu", 1.0, 1.0), ("abs", 0.0, 0.0),
     ("abs", -2.0, -1.0), ("abs", 3.0, 1.0), ("sign", 0.0, 0.0)],
)  # fmt: skip
def test_kinks(name, at, slope):
    x = tensor("x", n)
    node = apply(FUNCTIONS[name].kind(ARGS[0]), x)
    ones = Einsum(((),), (0,), (n,), Leaf("one", (), "adjoint"))
    values = {"x": np.array([at]), "one": np.array(1.0)}
    (value,) = evaluate([pullback(node, ones, 0)], values, {"n": 1})
    np.testing.assert_array_equal(value, [slope])


def test_maximum_at_a_tie():
    node = NODES["maximum"]
    g = Leaf("g", node.shape, "adjoint")
    same = np.array([[1.0]])
    values = {"X": same, "A": same, "g": np.array([[3.0]])}
    for place in range(2):
        (value,) = evaluate([pullback(node, g, place)], values)
        np.testing.assert_array_equal(value, [[1.5]])


def test_a_constant_has_no_pullback():
    with pytest.raises(NotDifferentiable, match="Iverson"):
        pullback(Iverson("eq", n - n, (n,)), X, 0)


def test_tanh_reuses_its_value():
    g = Leaf("g", (n, k), "adjoint")
    node = NODES["tanh"]
    assert node in topological(pullback(node, g, 0))
