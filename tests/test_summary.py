"""What a network costs: counts by hand, beside modules, and what the table says."""

import numpy as np
import pytest
from networks import example
from sympy import symbols

import symgrad as sg

B, d, h, c = symbols("B d h c", integer=True, positive=True)
SIZES = {"B": 32, "d": 64, "h": 48, "c": 10}


@pytest.fixture(scope="module")
def classifier():
    return example("classifier").net


def test_counts_by_hand(classifier):
    found = sg.summary(classifier)
    assert found.parameters == d * h + h + h * c + c
    # a product of matrices is 2 flops for each of its multiplications; X is not differentiated
    products = {B * d * h: (2, 2), B * h * c: (2, 4)}
    for term, (forward, backward) in products.items():
        assert found.forward.coeff(term) == forward
        assert found.backward.coeff(term) == backward
    assert [row.name for row in found.rows] == ["z1", "a1", "z2", "P", "L", "J"]
    assert found.rows[0].flops == 2 * B * d * h + B * h
    assert found.rows[0].parameters == (("W1", (d, h)), ("b1", (h,)))
    assert [
        row.kind for row in found.rows[:4]
    ] == "matrix product|tanh|matrix product|softmax".split("|")


def test_numbers_are_the_polynomials_at_the_sizes(classifier):
    general, found = sg.summary(classifier), sg.summary(classifier, SIZES)
    at = {B: 32, d: 64, h: 48, c: 10}
    for name in ("parameters", "forward", "backward"):
        assert getattr(found, name) == getattr(general, name).subs(at)
        assert isinstance(getattr(found, name), int)
    for name in ("workspace", "training", "prediction", "inference"):
        assert getattr(found.memory, name) == getattr(general.memory, name).subs(at)
    assert sum(row.count for row in found.rows) == found.parameters
    assert sum(row.flops for row in found.rows) == found.forward
    assert found.rows[0].shape == (32, 48)


def test_some_sizes_leave_polynomials_in_the_others(classifier):
    found = sg.summary(classifier, {"B": 2})
    assert found.rows[0].shape == (2, h)
    assert found.forward.free_symbols == {d, h, c}
    assert sg.summary(classifier, {B: 2}).forward == found.forward


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_memory_is_what_a_module_holds(classifier, dtype):
    found = sg.summary(classifier, SIZES, dtype=dtype)
    module = sg.compile(classifier, dtype=dtype)
    params = module.init(**{name: SIZES[name] for name in "dhc"})
    X, Y = np.zeros((32, 64), dtype), np.eye(10, dtype=dtype)[np.arange(32) % 10]
    work = module.workspace(params, X, Y, 0.1)
    assert found.memory.workspace == work.buffers.size
    assert found.memory.training == work.buffers.size + work.grads.flat.size + params.flat.size
    out, buffers, _ = module._prediction(params, {"X": X})
    assert found.memory.inference == params.flat.size + out.size + buffers.size
    assert found.memory.inference < found.memory.training


def test_work_is_linear_in_depth_and_in_parameters():
    n = symbols("n", integer=True, positive=True)
    network = example("tanh_layers").network
    ten, twenty = sg.summary(network(10)), sg.summary(network(20))
    # each further layer costs the same, and its products 2 flops for each weight and example
    step = (twenty.forward - ten.forward) / 10
    assert step == sg.summary(network(11)).forward - ten.forward
    assert step == 2 * n * d * d + 2 * n * d
    assert ten.forward.coeff(n * d**2) == 20
    assert ten.backward.coeff(n * d**2) == 2 * 20 - 2  # not for the first layer's input
    assert twenty.memory.training.coeff(n * d) - ten.memory.training.coeff(n * d) == 10


def test_layers_that_repeat_are_folded():
    text = str(sg.summary(example("tanh_layers").network(50)))
    assert "48 times the like" in text
    assert "z50 " in text
    assert "z49 " not in text
    text = str(sg.summary(example("tanh_layers").net))
    assert "the like" not in text
    assert "z2 " in text


def test_tied_weights_count_once():
    found = sg.summary(example("autoencoder").net, {"m": 7, "d": 5, "h": 3})
    assert found.parameters == 5 * 3 + 3 + 5
    assert "W again" in str(found)


def test_the_table_says_what_it_counts(classifier):
    lines = str(sg.summary(classifier, SIZES, dtype="float32")).splitlines()
    assert lines[0].startswith("summary of classifier: J from X (32, 64), Y (32, 10), lam ()")
    assert max(map(len, lines)) <= 100
    text = "\n".join(lines)
    for words in ("KiB", "3 120", "times the forward ones", "float32", "flops:"):
        assert words in text, words


def test_without_a_module_there_is_no_memory():
    found = sg.summary(example("one_hidden_layer").general)
    assert found.memory is None
    assert "nobody specified" in found.why
    assert "no module" in str(found)
    assert [row.kind for row in found.rows[:4]] == ["matrix product", "phi", "matrix product", "l"]
    assert found.rows[1].flops == h


@pytest.mark.parametrize(
    ("sizes", "error", "words"),
    [
        ({"q": 3}, sg.UnknownName, "no dimension 'q'"),
        ({"B": 0}, sg.DeclarationError, "B = 0"),
        ({"B": True}, sg.DeclarationError, "B = True"),
        ({"B": 2.0}, sg.DeclarationError, "B = 2.0"),
    ],
)
def test_sizes_that_cannot_be(classifier, sizes, error, words):
    for call in (sg.summary, lambda net, sizes: sg.check(net, sizes=sizes)):
        with pytest.raises(error, match=words):
            call(classifier, sizes)


def test_other_errors(classifier):
    with pytest.raises(sg.DeclarationError, match="int8"):
        sg.summary(classifier, dtype="int8")
    with pytest.raises(sg.ShapeError, match="a gradient is of a number"):
        sg.summary(sg.parse("y = 2 * x", symbols={"x": ("n",)}, parameters=["x"]))
    net = sg.parse("J = sum(x[m:])", symbols={"x": ("n - m",), "u": ("m",)}, parameters=["x"])
    with pytest.raises(sg.ShapeError, match="not a positive integer"):
        sg.summary(net, {"n": 3, "m": 4})
