"""Claims in NumPy's syntax are read as formulas for all sizes, or run by an interpreter of ours."""

import numpy as np
import pytest

import symgrad as sg
from symgrad.check.claims.algebra import NotSymbolic, Numeric, Symbolic
from symgrad.check.claims.compute import Values
from symgrad.check.claims.operations import ALIASES, OPERATIONS
from symgrad.check.claims.read import parts_of
from symgrad.check.claims.scope import Scope
from symgrad.check.verify_truth import truth_of
from symgrad.errors import ParseError, SymgradError, UnknownName
from symgrad.tensor.evaluate import evaluate


@pytest.fixture
def net():
    return sg.parse(
        "Z1 = X @ W1 + b1; A1 = relu(Z1); Z2 = A1 @ W2; J = sum((Z2 - Y)**2) / (2*N)",
        symbols={
            "X": ("N", "D"), "Y": ("N", "C"), "y": ("N",), "W1": ("D", "H"), "b1": ("H",),
            "W2": ("H", "C"),
        },
        domain={"y": "labels:C"},
        parameters=["W1", "b1", "W2"],
    )  # fmt: skip


def readings(net, text, name):
    """The claim as a formula, as a term and as run, at one point; and the formula."""
    truth = truth_of(net)
    names = [leaf.name for leaf in (*net.symbols, *(d.leaf for d in net.definitions))]
    scope = Scope.of(names, net.output, truth.steps, net.dims, {})
    (part,) = parts_of({name: text}, scope)
    point = truth.point(0)
    ran = part.result(scope, Numeric(point.names, point.sizes))
    symbolic = Symbolic(truth.leaves, truth.sizes)
    try:
        term = part.result(scope, symbolic)
        node = symbolic.builder.node(term)
    except SymgradError:
        return None, None, np.asarray(ran)
    values = dict(point.names)
    values |= {step.leaf.name: point.names[f"d:{step.of.name}"] for step in truth.steps.values()}
    (built,) = evaluate([node], values, point.sizes)
    return built, Values(point.names, point.sizes).array(term), np.asarray(ran)


def numpy_names(net):
    truth = truth_of(net)
    point = truth.point(0)
    known = {name.replace("d:", "d"): value for name, value in point.names.items()}
    return known | point.sizes


# each with what NumPy itself computes, written apart from the text that is read
SYMBOLIC = [
    ("dW2", "A1.T @ dZ2", lambda v: v["A1"].T @ v["dZ2"]),
    ("dW2", "np.dot(A1.T, dZ2)", lambda v: v["A1"].T @ v["dZ2"]),
    ("dW2", "np.einsum('nh,nc->hc', A1, dZ2)", lambda v: v["A1"].T @ v["dZ2"]),
    ("dW2", "sum(np.outer(A1[i], dZ2[i]) for i in range(N))", lambda v: v["A1"].T @ v["dZ2"]),
    ("dW2", "dW2 = np.zeros_like(W2)\nfor i in range(X.shape[0]):\n"
     "    dW2 += np.outer(A1[i], dZ2[i])", lambda v: v["A1"].T @ v["dZ2"]),
    ("dW2", "dW2 = np.zeros((H, C))\nfor a, g in zip(A1, dZ2):\n    dW2 = dW2 + np.outer(a, g)",
     lambda v: v["A1"].T @ v["dZ2"]),
    ("dW2", "cache['A1'].T @ grads['dZ2'] + 0 * parameters['W2']",
     lambda v: v["A1"].T @ v["dZ2"]),
    ("db1", "dZ1.sum(axis=0)", lambda v: v["dZ1"].sum(0)),
    ("db1", "np.sum(dZ1, 0, keepdims=True).ravel()", lambda v: v["dZ1"].sum(0)),
    ("db1", "np.array([dZ1[:, j].sum() for j in range(H)])", lambda v: v["dZ1"].sum(0)),
    ("dZ1", "dA1 * (Z1 > 0)", lambda v: v["dA1"] * (v["Z1"] > 0)),
    ("dZ1", "dZ1 = dA1.copy()\ndZ1[Z1 <= 0] = 0", lambda v: v["dA1"] * (v["Z1"] > 0)),
    ("dZ1", "dZ1 = dA1.copy()\ndZ1[~(Z1 > 0)] *= 0", lambda v: v["dA1"] * (v["Z1"] > 0)),
    ("dZ1", "dZ1 = np.zeros_like(Z1)\ndZ1[Z1 > 0] = dA1[Z1 > 0]",
     lambda v: v["dA1"] * (v["Z1"] > 0)),
    ("dZ1", "np.where(Z1 > 0, dA1, 0)", lambda v: v["dA1"] * (v["Z1"] > 0)),
    ("dZ1", "mask = (Z1 > 0).astype(float)\ndZ1 = mask * dA1",
     lambda v: v["dA1"] * (v["Z1"] > 0)),
    ("dZ2", "m, _ = Y.shape\ndZ2 = (Z2 - Y) / m", lambda v: (v["Z2"] - v["Y"]) / v["N"]),
    ("dZ2", "d = Z2.copy()\nd -= Y\nd /= len(Y)\nd", lambda v: (v["Z2"] - v["Y"]) / v["N"]),
    ("dZ2", "dZ2 = Z2.copy()\ndZ2[range(N), y] -= 1\ndZ2 /= N",
     lambda v: (v["Z2"] - np.eye(v["C"])[v["y"]]) / v["N"]),
    ("dZ2", "(Z2 - np.eye(C)[y]) / N", lambda v: (v["Z2"] - np.eye(v["C"])[v["y"]]) / v["N"]),
    ("dZ2", "(Z2 - (y[:, None] == np.arange(C))) / N",
     lambda v: (v["Z2"] - np.eye(v["C"])[v["y"]]) / v["N"]),
    ("dA1", "dA1 = np.zeros_like(A1)\ndA1[:, :] += dZ2 @ W2.T", lambda v: v["dZ2"] @ v["W2"].T),
    ("dA1", "dZ2.dot(W2.transpose())", lambda v: v["dZ2"] @ v["W2"].T),
    ("dA1", "np.tensordot(dZ2, W2, axes=([1], [1]))", lambda v: v["dZ2"] @ v["W2"].T),
    ("dW2", "np.concatenate([A1.T @ dZ2[:, :1], A1.T @ dZ2[:, 1:]], axis=1)",
     lambda v: v["A1"].T @ v["dZ2"]),
    ("dW2", "np.add.at(dW2, y, 1)\ndW2", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), SYMBOLIC[:-1])
def test_what_is_read_as_a_formula_is_what_numpy_computes(net, name, text, expected):
    built, term, ran = readings(net, text, name)
    assert built is not None, "it has a formula"
    wanted = expected(numpy_names(net))
    for found in (built, term, ran):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)  # a few roundings


RUN_ONLY = [
    ("db1", "db1 = np.zeros(H)\nfor i in range(N):\n    for j in range(H):\n        "
     "if Z1[i, j] > 0:\n            db1[j] += dA1[i, j]", lambda v: v["dZ1"].sum(0)),
    ("db1", "t, db1 = 0, np.zeros(H)\nwhile t < N:\n    db1 += dZ1[t]\n    t += 1",
     lambda v: v["dZ1"].sum(0)),
    ("db1", "rows = []\nfor i in range(N):\n    rows.append(dZ1[i])\ndb1 = np.sum(rows, axis=0)",
     lambda v: v["dZ1"].sum(0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), RUN_ONLY)
def test_what_has_no_formula_is_run(net, name, text, expected):
    built, _, ran = readings(net, text, name)
    assert built is None
    np.testing.assert_allclose(ran, expected(numpy_names(net)), rtol=1e-12, atol=1e-14)


def test_repeated_positions_overwrite_each_other_and_are_no_formula(net):
    text = (
        "dW2 = np.zeros_like(W2)\ndW2[:, :] += 0\nG = np.zeros((C, C))\nG[y] += 1\n"
        "dW2 = dW2 + G.sum()"
    )
    built, _, ran = readings(net, text, "dW2")
    assert built is None
    labels = numpy_names(net)["y"]
    assert ran.flat[0] == len(set(labels.tolist())) * numpy_names(net)["C"]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')", "(lambda: 1)()", "open('x')", "W2.__class__", "np.load('x')",
        "eval('1')", "10**10**10 * W2", "np.ones((10**6, 10**6))", "[0] * 10**9", "np.fft.fft(W2)",
        "W2.tofile('x')", "'a' * 3", "W2 if", "1 +", "f'{W2}'", "dW2", "while True: pass", "",
        "for i in range(10**9):\n    x = i", "def f(): return f()\nf()", "W2[0, 0, 0]", "\0",
        "np.zeros(10**10)", "np.outer(np.ones(10**4), np.ones(10**4))", "import os\nos.getcwd()",
    ],
)  # fmt: skip
def test_whatever_is_written_gives_a_verdict_or_a_typed_error(net, text):
    try:
        (verdict,) = sg.verify(net, {"dW2": text})
    except SymgradError:
        return
    assert verdict.status in ("unreadable", "wrong", "proved")
    if verdict.status == "proved":
        assert text == "dW2"


def test_an_undefined_name_is_named_with_its_place(net):
    (verdict,) = sg.verify(net, {"dW2": "A1.T @ dZ3"})
    assert verdict.status == "unreadable"
    assert "'dZ3' is not defined" in verdict.explanation
    assert "^" in verdict.explanation
    assert "did you mean 'dZ" in verdict.explanation


def test_aliases_and_operations_are_one_table():
    assert set(ALIASES.values()) <= set(OPERATIONS)
    assert not set(ALIASES) & set(OPERATIONS)


def test_a_condition_on_values_has_no_formula(net):
    truth = truth_of(net)
    with pytest.raises(NotSymbolic):
        Symbolic(truth.leaves, truth.sizes).truth(None)


def test_errors_of_reading_are_typed():
    assert issubclass(NotSymbolic, ParseError)
    assert issubclass(UnknownName, ParseError)


def test_verdicts_say_on_which_line_of_a_text_a_gradient_is_assigned_last(net):
    text = "m = X.shape[0]\ndZ2 = Z2 - Y\ndZ2 /= m\n\ndW2 = A1.T @ dZ2"
    assert [(v.name, v.status, v.line) for v in sg.verify(net, text)] == [
        ("dZ2", "proved", 3),
        ("dW2", "proved", 5),
    ]
    (alone,) = sg.verify(net, {"dW2": "A1.T @ dZ2"})
    assert (alone.status, alone.line) == ("proved", 1)


CHAINS = [  # the members of dz2, the verdict, and what is said
    (r"\frac{\partial L}{\partial z_2} = \hat{y} - y", "proved", "simplifies"),
    (r"y - \hat{y} = \hat{y} - y", "wrong", "member 1 of 2"),
    (r"\hat{y} - y = y - \hat{y}", "wrong", "member 2 of 2"),
    (r"\frac{\partial \hat{y}}{\partial z_2} \frac{\partial L}{\partial \hat{y}} = \hat{y} - y",
     "proved", "is not read: only derivatives of the objective"),
    (r"a_1 = \hat{y} - y", "wrong", "member 1 of 2"),
]  # fmt: skip


@pytest.mark.parametrize(("chain", "status", "said"), CHAINS, ids=[c[0] for c in CHAINS])
def test_all_members_of_a_chain_of_equalities_are_judged(chain, status, said):
    net = sg.parse(
        "z2 = W2 @ a1 + b2; yh = softmax(z2); L = -sum(y * log(yh))",
        {"a1": ("h",), "W2": ("c", "h"), "b2": ("c",), "y": ("c",)}, {"y": "onehot"},
        parameters=["W2", "b2"],
    )  # fmt: skip
    names = {"z2": "z_2", "a1": "a_1", "yh": r"\hat{y}"}
    (verdict,) = sg.verify(net, {"dz2": rf"\delta_2 = {chain}"}, notation="latex", names=names)
    assert verdict.status == status
    assert said in verdict.explanation
