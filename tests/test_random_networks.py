"""Random networks over the whole vocabulary; `random_networks.py` runs any number of them.

Every fault that was found so stands in FOUND, reduced to a few statements.
"""

import pytest
from modules import compare, module_of
from random_moves import FUNCTIONS, MOVES, TABLE, drawn
from random_networks import WildValuesError, check, values_of

import symgrad as sg
from symgrad.tensor.evaluate import evaluate

#: Networks of a few statements of functions whose derivatives are short; the others are for runs by
#: hand, and have tests of their own.
SEEDS = range(0, 120)
QUICK = [name for name in MOVES if name not in ("gru_cell", "lstm_cell", "layer_norm")]


def test_every_function_has_a_move():
    assert TABLE.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", MOVES)
def test_every_move_is_drawn(name):
    """Each move makes statements that are read as they were built."""
    for seed in range(3):
        net = drawn(seed, only=[name])
        graph = net.parsed()
        for mine, read in zip(net.graph.definitions, graph.definitions, strict=True):
            assert mine.expr is read.expr


@pytest.mark.parametrize("part", range(10))
def test_networks(part, tmp_path):
    for seed in SEEDS[part::10]:
        try:
            check(drawn(seed, 3, QUICK), seed, tmp_path if seed % 40 == 0 else None, seed % 8 < 2)
        except WildValuesError:
            continue
        except Exception as error:
            error.add_note(f"network {seed}:\n{drawn(seed, 3, QUICK).text}")
            raise


# text, symbols (parameters first), domains; sizes differ where names do
FOUND = [
    # entries of an inverse to more digits than others had no equal, and so no minimum
    ("v = min(inv(S), axis=(1, 0), keepdims=True); J = sum(sin(v))", {"S": ("n", "n")},
     {"S": "invertible"}),
    # −∞ times 0 in what is printed of a maximum with padding
    ("J = sum(max_pool1d(x, 2, stride=2, padding=1)**2)", {"x": ("m", "m", "l")}, {}),
    # vec of what is no matrix, and indices that count
    ("v = vec(X[:, None] * Y); J = sum(sin(v[n * arange(k) + arange(1)]))",
     {"X": ("n", "m"), "Y": ("n", "k", 1)}, {}),
    ("J = sum(sin(kron(tanh(x), X)) * 0.5)", {"x": ("n",), "X": ("m", "n")}, {}),
    # a slice that goes on where its axis ends
    ("J = logsumexp(concatenate((x[1:], x[:-1])))", {"x": ("n",)}, {}),
    # matrices of one entry are symmetric
    ("J = mean(sin(inv(X @ X.T + eye(1)))) + sum(y[:, None] * y)", {"X": (1, "n"), "y": (1,)}, {}),
    # terms that are 0 have no common factor to divide by
    ("z = concatenate((arange(1) * x, arange(1) * x)); J = sum(sin(z)) + sum(x)", {"x": (1,)}, {}),
    # a position in what has no windows
    ("J = argmax(max(x, axis=0, keepdims=True), axis=0) * sum(x)", {"x": ("m",)}, {}),
    # indices that count to the smaller of two sizes
    ("J = sum(sin(kron(svd(X)[1], Y)))", {"X": ("n", "m"), "Y": ("n", 2)}, {}),
    # labels below a size that is no name
    ("s = svd(X)[1]; J = s[argmax(s)] + sum(max_pool1d(x, 2)[argmax(x[:, 0])])",
     {"X": ("n", "m"), "x": ("n", "l")}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "symbols", "domain"), FOUND, ids=[t[:60] for t, *_ in FOUND])
def test_found(text, symbols, domain):
    graph = sg.parse(text, symbols, domain=domain, parameters=[*symbols])
    for seed in range(3):
        values_of(graph, seed)


@pytest.mark.parametrize("text", ["cross_entropy(x, y)", "nll_loss(log_softmax(x), y)", "x[y]**2"])
def test_a_label_that_is_a_number_compiles(text, tmp_path):
    graph = sg.parse(f"J = {text}", {"x": ("k",), "y": ()}, {"y": "labels:k"}, parameters=["x"])
    # some ten operations on numbers of order one
    compare(module_of(graph, tmp_path, jit=False), graph, graph.sample(0), 1e-13, 1e-13)


# where the axes of a window stand in its bracket differs from network to network
@pytest.mark.parametrize(("text", "symbols"), [
    ("conv1d(x, w, padding=1)", {"x": ("m", "m", "l"), "w": ("k", "m", 2)}),
    ("tanh(conv1d(x, w, padding=1))", {"x": ("m", "m", "l"), "w": ("k", "m", 2)}),
    ("sin(conv2d(x, w, padding=1))", {"x": ("n", "m", "l", 6), "w": ("k", "m", 2, 3)}),
    ("tanh(conv_transpose1d(x, w, padding=1))", {"x": ("m", "m", "l"), "w": ("m", 2, 2)}),
    ("tanh(conv_transpose1d(x, w, dilation=2, groups=m))", {"x": ("n", "m", "l"),
                                                          "w": ("m", 3, 2)}),
])  # fmt: skip
def test_means_of_convolutions_compile(text, symbols, tmp_path):
    graph = sg.parse(f"J = mean({text})", symbols, parameters=["x", "w"])
    for seed in range(2):
        compare(module_of(graph, tmp_path, jit=False), graph, graph.sample(seed), 1e-13, 1e-13)


def test_a_maximum_of_numbers_is_one_of_them_to_any_digits():
    """A number of more digits than results would equal no maximum: a tie of none, and 0/0."""
    graph = sg.parse("v = minimum(x, -0.7); J = sum(sin(max(v, axis=0)))", {"x": ("m", "k")},
                     parameters=["x"])  # fmt: skip
    found = sg.gradient(graph)["x"].evaluate({"x": [[0.0], [-1.0], [1.0]]})
    assert found.tolist() == [[0.0], [0.0], [0.0]]
    known = graph.evaluate_all({"x": [[0.0], [1.0]]}, precision=40)
    derived = sg.gradient(graph)
    for definition in derived.definitions:
        sizes = {"m": 2, "k": 1}
        (known[definition.leaf.name],) = evaluate([definition.expr], known, sizes, 40)
    assert [float(each) for each in known["dx"].flat] == [0.0, 0.0]
