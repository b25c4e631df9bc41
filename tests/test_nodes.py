"""Nodes: interning, digests, pickling, rebuilding, depth, and every shape that is refused."""

import copy
import gc
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from sympy import Integer, Rational, Symbol, exp, sin

from symgrad.errors import ShapeError
from symgrad.tensor.dims import ONE, dims, show
from symgrad.tensor.evaluate import evaluate
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
    Node,
    Reduce,
    Softmax,
    Total,
    UnspecifiedTensor,
    leaves,
    rebuild,
    substitute,
    topological,
    transform,
)
from symgrad.tensor.scalar import ARGS, Unspecified

n, m, k = dims("n m k")
X, Y = Leaf("X", (n, m), "parameter"), Leaf("Y", (n, m))
W, v, t = Leaf("W", (m, k)), Leaf("v", (n,)), Leaf("t", ())
labels = Leaf("labels", (n,), domain="labels:m")


def make_all():
    """One of each kind of node, made anew."""
    return [
        Leaf("X", (n, m), "parameter"),
        Leaf("A", (n, 4 * m + 1), "value", "spd", r"\mathbf{A}"),
        Constant(Rational(1, 10)),
        Constant(n * m / 2),
        Einsum(((0, 2), (2, 1)), (0, 1), (n, k), X, W),
        Einsum(((1, 0),), (0, 1), (m, n), X),
        Einsum((), (0,), (n,)),
        Einsum(((0,),), (0, UNIT), (n, ONE), v),
        Total((Rational(1, 2), -1 / n), X, Y),
        Map(exp(ARGS[0]) * sin(ARGS[1]), X, Y),
        Map(Unspecified("phi", (1,), ARGS[0]), v),
        Iverson("eq", INDEX[0] - INDEX[1], (n, n)),
        Iverson("ge", INDEX[0] - 2 * INDEX[1] + 1, (n, m)),
        Iverson("eq", INDEX[1] - LOOKUP[0], (n, m), ((0,),), labels),
        Reduce("max", (1,), X),
        Reduce("min", (0, 1), X),
        LogSumExp((1,), X),
        Softmax((0,), X),
        UnspecifiedTensor("l", (), (), X, Y),
        UnspecifiedTensor("l", (0, 1), (), X, Y),
    ]


ALL = make_all()
KINDS = {Leaf, Constant, Einsum, Total, Map, Iverson, Reduce, LogSumExp, Softmax, UnspecifiedTensor}


def test_every_kind_is_here():
    assert {type(node) for node in ALL} == KINDS


def test_equal_nodes_are_one_object():
    for a, b in zip(ALL, make_all(), strict=True):
        assert a is b
    assert len(set(ALL)) == len({node.digest for node in ALL}) == len(ALL)


@pytest.mark.parametrize("node", ALL, ids=lambda node: type(node).__name__)
def test_a_node_is_its_function_of_its_arguments(node):
    assert node.func(*node.args) is node
    assert rebuild(node, node.operands) is node
    assert copy.copy(node) is node
    assert copy.deepcopy([node])[0] is node
    assert pickle.loads(pickle.dumps(node)) is node
    assert set(node.operands) == {arg for arg in node.args if isinstance(arg, Node)}
    with pytest.raises(AttributeError):
        node.unknown = 1


@pytest.mark.parametrize("node", ALL, ids=lambda node: type(node).__name__)
def test_no_truth_value_and_no_iteration(node):
    with pytest.raises(TypeError, match="truth value"):
        bool(node)
    with pytest.raises(TypeError, match="iterated"):
        list(node)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Leaf("x", (n,)), Leaf("x", (m,))),
        (Leaf("x", (n,)), Leaf("x", (n,), "parameter")),
        (Leaf("x", (n,)), Leaf("x", (n,), domain="positive")),
        (Leaf("x", (n,)), Leaf("x", (n,), latex="y")),
        (Constant(1), Constant(True)),
        (Constant(Integer(1)), Constant(1.0)),
        (Constant(Rational(1, 2)), Constant(0.5)),
        (Total((1, -1), X, Y), Total((1, -1), Y, X)),
        (Map(exp(ARGS[0]), v), Map(exp(ARGS[0]), Leaf("w", (n,)))),
        (Map(ARGS[0] - ARGS[1], X, Y), Map(ARGS[0] - ARGS[1], Y, X)),
        (
            Einsum(((0, 1),), (0, 1), (n, n), Leaf("S", (n, n))),
            Einsum(((1, 0),), (0, 1), (n, n), Leaf("S", (n, n))),
        ),
        (Reduce("max", (0,), X), Reduce("min", (0,), X)),
        (Iverson("eq", INDEX[0] - INDEX[1], (n, n)), Iverson("ge", INDEX[0] - INDEX[1], (n, n))),
        (Iverson("ge", INDEX[0] - INDEX[1], (n, n)), Iverson("ge", INDEX[1] - INDEX[0], (n, n))),
    ],
)
def test_different_nodes_are_told_apart(a, b):
    assert a is not b
    assert a.digest != b.digest


def test_labels_are_canonical():
    product = Einsum(((7, 3), (3, 5)), (7, 5), (n, k), X, W)
    assert product is Einsum(((0, 2), (2, 1)), (0, 1), (n, k), X, W)
    assert product.inputs == ((0, 2), (2, 1))
    assert product.output == (0, 1)
    assert product.sizes == {0: n, 1: k, 2: m}
    column = Leaf("c", (n, 1))
    assert Einsum(((4, 9),), (4,), (n,), column).inputs == ((0, UNIT),)
    # a unit axis never couples: its label may stand for anything else
    assert Einsum(((4, 9), (9,)), (4, 9), (n, m), column, Leaf("r", (m,))).inputs == ((0, -1), (1,))


def test_an_identity_matrix_is_symmetric():
    assert Iverson("eq", INDEX[0] - INDEX[1], (n, n)) is Iverson("eq", INDEX[1] - INDEX[0], (n, n))


def test_nothing_is_kept_alive_by_interning():
    from symgrad.tensor.nodes import _interned

    def ours():
        return sum(getattr(each, "name", "") == "fleeting" for each in _interned.values())

    node = Leaf("fleeting", (n,))
    assert ours() == 1
    del node
    gc.collect()
    assert ours() == 0


PRINT_DIGESTS = """
import sys; sys.path[:0] = {path!r}
from test_nodes import ALL
print(" ".join(node.digest.hex() for node in ALL))
"""


def test_digests_do_not_depend_on_the_hash_seed():
    here = os.path.dirname(__file__)
    script = PRINT_DIGESTS.format(path=[here, os.path.dirname(here)])
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "4242")
    }
    assert printed == {" ".join(node.digest.hex() for node in ALL)}


def test_pickles_load_in_another_process(tmp_path):
    (tmp_path / "nodes").write_bytes(pickle.dumps(ALL))
    here = os.path.dirname(__file__)
    script = (
        f"import sys, pickle; sys.path[:0] = {[here, os.path.dirname(here)]!r}\n"
        f"loaded = pickle.load(open({str(tmp_path / 'nodes')!r}, 'rb'))\n"
        "from test_nodes import make_all\n"
        "assert all(a is b for a, b in zip(loaded, make_all(), strict=True))\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def chain(depth):
    node = v
    for _ in range(depth):
        node = Total((1, 1), node, Map(sin(ARGS[0]), node))
    return node


def test_twenty_thousand_deep():
    deep = chain(10_000)  # two nodes a layer
    order = topological(deep)
    assert len(order) == 20_001
    position = {node: place for place, node in enumerate(order)}
    assert all(position[o] < position[node] for node in order for o in node.operands)
    assert leaves(deep) == [v]
    assert pickle.loads(pickle.dumps(deep)) is deep
    other = substitute(deep, {v: Leaf("u", (n,))})
    assert [leaf.name for leaf in leaves(other)] == ["u"]
    assert transform([deep], lambda node: node)[deep] is deep
    (value,) = evaluate([chain(500)], {"v": np.zeros(3)})
    assert not value.any()


def test_twenty_thousand_deep_and_gone():
    node = Leaf("unique", (n,))
    for _ in range(20_000):
        node = Total((2,), node)
    del node
    gc.collect()


def test_substitute_replaces_the_outermost_first():
    square = Einsum(((0,), (0,)), (0,), (n,), v, v)
    outer = Map(exp(ARGS[0]), square)
    u, w = Leaf("u", (n,)), Leaf("w", (n,))
    assert substitute(outer, {square: u, v: w}) is Map(exp(ARGS[0]), u)
    assert substitute(outer, {v: w}) is Map(exp(ARGS[0]), Einsum(((0,), (0,)), (0,), (n,), w, w))
    assert substitute(outer, {}) is outer
    assert substitute(v, {v: u}) is u


def test_shared_operands_stand_once():
    both = Total((1, 1), X, Map(exp(ARGS[0]), X))
    assert topological(both, X) == [X, Map(exp(ARGS[0]), X), both]
    assert topological() == []


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: Total((1, 1), X, v), (X, v)),
        (lambda: Total((1, 1), X, W), (X, W)),
        (lambda: Map(ARGS[0] * ARGS[1], X, v), (X, v)),
        (lambda: Iverson("eq", INDEX[1] - LOOKUP[0], (m, n), ((0,),), labels), (labels,)),
        (lambda: Reduce("max", (2,), X), (X,)),
        (lambda: Reduce("max", (0, 0), X), (X,)),
        (lambda: Reduce("max", (), X), (X,)),
        (lambda: LogSumExp((-1,), X), (X,)),
        (lambda: Softmax((5,), X), (X,)),
        (lambda: Softmax((0,), t), (t,)),
    ],
)
def test_shape_errors_name_the_shapes(make, named):
    with pytest.raises(ShapeError) as caught:
        make()
    for node in named:
        assert show(node.shape) in str(caught.value)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Einsum(((0, 1), (1, 2)), (0, 2), (n, m), X, X), "one label stands for both"),
        (lambda: Einsum(((0, 0),), (), (), X), "one label stands for both"),
        (lambda: Einsum(((0,),), (), (), X), "1 labels for factor 1"),
        (lambda: Einsum(((0, 1),), (0,), (n, m), X), "label lists"),
        (lambda: Einsum(((0, 1), (0, 1)), (0, 1), (n, m), X), "2 label lists for 1 factors"),
        (lambda: Einsum(((0, 1),), (0, 0), (n, n), X), "twice in the result"),
        (lambda: Einsum(((0, 1),), (0, 1), (n, k), X), "one label stands for both"),
        (lambda: Einsum(((0, UNIT),), (0,), (n,), X), "has no label"),
        (lambda: Total(()), "0 coefficients for 0 terms"),
        (lambda: Total((1,), X, Y), "1 coefficients for 2 terms"),
        (lambda: Map(exp(ARGS[0])), "no operands"),
        (lambda: Iverson("eq", INDEX[0], (n,), ((0,),)), "1 axis lists for 0 operands"),
    ],
)
def test_what_is_no_node(make, complaint):
    with pytest.raises(ShapeError, match=complaint):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Leaf("x", (n,), "nothing"),
        lambda: Reduce("sum", (0,), X),
        lambda: Iverson("gt", INDEX[0], (n,)),
    ],
)
def test_tables_are_closed(make):
    with pytest.raises(ValueError, match=r"none of|neither"):
        make()


def test_dimensions_are_compared_as_polynomials():
    a, b = Leaf("a", (n * (n + 1),)), Leaf("b", (n**2 + n,))
    assert Total((1, 1), a, b).shape == (n**2 + n,)
    with pytest.raises(ShapeError):
        Total((1, 1), a, Leaf("c", (n**2,)))


def test_a_plain_symbol_of_the_same_name_is_the_same_dimension():
    assert Leaf("x", (Symbol("n"),)) is Leaf("x", (n,))


def test_derivatives_of_unspecified_functions_append_axes():
    assert UnspecifiedTensor("l", (), (k,), X, v).shape == (k,)
    assert UnspecifiedTensor("l", (1, 0), (k,), X, v).shape == (k, n, n, m)
