"""Symbols: what they are, how they print, and the order in which graphs list them."""

import gc
import pickle
import subprocess
import sys

import pytest
import sympy

import symgrad as sg
from symgrad.declare.identifiers import require_identifier
from symgrad.errors import DeclarationError, NameClash
from symgrad.tensor.dims import dim


def test_symbols_are_sympy_objects():
    n, d = sg.dims("n, d")
    X = sg.tensor("X", n, d, domain="positive", latex=r"\mathbf{X}")
    assert isinstance(X, sympy.Basic)
    assert isinstance(n, sympy.Symbol)
    assert (X.name, X.shape, X.role, X.domain, X.latex) == (
        "X", (n, d), "input", "positive", r"\mathbf{X}",
    )  # fmt: skip
    assert sg.parameter("W", d).role == "parameter"
    assert (sg.scalar("lam").role, sg.scalar("lam").shape) == ("input", ())
    assert sg.scalar("lam") is sg.tensor("lam")


def test_a_shape_may_be_said_in_many_ways():
    n = dim("n")
    again = sympy.Symbol("n")  # equal names are one dimension, whatever SymPy assumes of them
    assert sg.tensor("x", n, 2) is sg.tensor("x", "n", 2) is sg.tensor("x", again, sympy.Integer(2))
    assert sg.tensor("x", "4*n").shape == (4 * n,)
    half = sg.tensor("x", "(n - 1) // 2 + 1")
    assert half is sg.tensor("x", sympy.floor((n - 1) / 2) + 1) is sg.tensor("x", *half.shape)
    assert str(half.shape[0]) == "floor((n - 1)/2) + 1"
    assert sg.tensor("x", 2 * n + 1) is sg.tensor("x", "n + n + 1")


def test_equal_declarations_are_one_node():
    assert sg.tensor("x", "n") is sg.tensor("x", "n")
    assert sg.tensor("x", "n") is not sg.parameter("x", "n")
    assert sg.tensor("x", "n") is not sg.tensor("x", "n", domain="positive")
    assert sg.tensor("x", "n") is not sg.tensor("x", "m")


@pytest.mark.parametrize("name", ["x", "X1", "W_out", "_", "_x", "lam", "v", "print", "match", "e"])
def test_names(name):
    assert require_identifier(name) == name


@pytest.mark.parametrize(
    "name", ["", " ", "1x", "x y", "x-y", "x.y", "x\n", "x;", "λ", "é", "__x", "__import__", "if",
             "None", "lambda", None, 3, ("x",), b"x"],
)  # fmt: skip
def test_names_that_are_none(name):
    with pytest.raises(NameClash):
        require_identifier(name)


def test_domains():
    for domain in ("real", "onehot:0", "simplex", "labels:7", "labels:k"):
        assert sg.tensor("x", "n", domain=domain).domain == domain
    for domain in ("spd", "symmetric", "lower", "invertible"):
        assert sg.tensor("A", "n", "n", domain=domain).domain == domain
        assert sg.tensor("A", "n + 1", "1 + n", domain=domain).domain == domain
        for shape in ((), ("n",), ("n", "m"), ("n", "n", "n")):
            with pytest.raises(DeclarationError, match=f"A is {domain}, so its shape"):
                sg.tensor("A", *shape, domain=domain)
    for domain in ("onehot", "simplex", "onehot:0", "simplex:0"):
        with pytest.raises(DeclarationError, match="needs an axis"):
            sg.tensor("x", domain=domain)


# --- the order of declaration


def two_products(order):
    leaves = {name: sg.tensor(name, "n") for name in order}
    net = sg.Graph()
    net.define("J", sg.sum(leaves["b"] * leaves["a"]))
    return net


def test_inputs_are_listed_as_declared():
    assert two_products("ab").inputs == ("a", "b")
    assert two_products("ba").inputs == ("b", "a")


def test_a_later_declaration_changes_no_earlier_graph():
    first = two_products("ab")
    second = two_products("ba")  # the same nodes, declared again in the other order
    assert (first.inputs, second.inputs) == (("a", "b"), ("b", "a"))
    sg.tensor("a", "n")
    assert (first.inputs, second.inputs) == (("a", "b"), ("b", "a"))


def test_parameters_too():
    net = sg.Graph()
    W1, W2, lam = sg.parameter("W1", "d", "d"), sg.parameter("W2", "d", "d"), sg.scalar("lam")
    x, unused = sg.tensor("x", "d"), sg.tensor("unused", "d")
    net.define("J", lam * sg.sum(x @ W2 @ W1))
    assert net.parameters == ("W1", "W2")
    assert net.inputs == ("lam", "x")
    assert unused.name not in net.inputs


def test_given_symbols_keep_their_order_and_come_first():
    a, b, c = (sg.tensor(name, "n") for name in "abc")
    net = sg.Graph(symbols=[c, b])
    net.define("J", sg.sum(a * b))
    assert net.inputs == ("c", "b", "a")


def test_the_order_survives_pickling_and_another_process():
    net = two_products("ba")
    text = pickle.dumps(net)
    assert pickle.loads(text).inputs == ("b", "a")
    code = "import pickle, sys; print(*pickle.loads(sys.stdin.buffer.read()).inputs)"
    run = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, check=True)
    assert run.stdout.split() == [b"b", b"a"]


def test_nothing_is_kept_alive():
    name = "held_by_nobody"
    sg.tensor(name, "n")
    gc.collect()
    from symgrad.declare import symbols

    assert name not in {leaf.name for leaf in symbols._declared}
