"""What of a program is minimised, what runs the network, and what is no part of it."""

import pytest
from test_derivations import RIGHT, SHAPES, statuses, verified

from symgrad.errors import ParseError

NET = RIGHT.replace("    ", "").replace("/ n", "/ len(y)")
PROVED = {"dr": "proved", "dw": "proved"}


@pytest.mark.parametrize(("old", "new"), [
    ("dr =", "accuracy = np.mean((r > 0) == y)\ndr ="),
    ("dr =", "scale = np.sum(X**2)\ndr ="),
    ("r = X", "scale = np.sum(X**2)\nr = X"),
    ("J = np.sum(r**2) / len(y)\ndr = 2 * r / len(y)\n",
     "dr = 2 * r / len(y)\nJ = np.sum(r**2) / len(y)\n"),
    ("J = np.sum(r**2) / len(y)\n", "K = np.sum(r**2)\nJ = K / len(y)\nmaximum = np.max(y)\n"),
    ("r = X", "n = 50\nr = X"),
])  # fmt: skip
def test_the_objective_is_found_among_other_numbers(tmp_path, old, new):
    assert NET.count(old) == 1
    result = verified(tmp_path, f"{SHAPES}{NET.replace(old, new)}")
    assert (result.graph.output, statuses(result)) == ("J", PROVED)


def test_numbers_within_a_layer_are_no_objective(tmp_path):
    """Of mean and variance the layer is made: it is what comes out."""
    head = "#sg symbols:\n#sg parameters:\n#sg   x: (n)\n#sg   g: (n)\n"
    body = "mu = x.mean()\nvar = x.var()\nout = g * (x - mu) / np.sqrt(var)\n"
    claim = "dg = dout * (x - mu) / np.sqrt(var)\n"
    assert statuses(verified(tmp_path, head + body + claim)) == {"dg": "proved"}


def test_several_objectives_are_an_error_that_says_what_to_do(tmp_path):
    text = SHAPES + NET.replace("dr =", "loss2 = np.sum(np.abs(r))\ndr =")
    with pytest.raises(ParseError, match="J and loss2 may each be what is minimised") as caught:
        verified(tmp_path, text)
    assert "# sg output: loss2" in str(caught.value)
    assert statuses(verified(tmp_path, f"{text}# sg output: J\n")) == PROVED


NAIVE = """
loss = 0.0
dw = np.zeros_like(w)
for i in range(len(y)):
    r = X[i] @ w - y[i]
    loss += r ** 2
    dw += 2 * r * X[i]
loss /= len(y)
dw /= len(y)
"""


def test_a_loop_that_computes_both(tmp_path):
    for text in (NAIVE, NAIVE.replace("    dw +=", "    if y[i] < 100:\n        dw +=")):
        assert verified(tmp_path, SHAPES + text)
    for old, new in (("2 * r *", "r *"), ("dw /=", "dw *="), ("loss += r ** 2", "loss += r")):
        assert statuses(verified(tmp_path, SHAPES + NAIVE.replace(old, new))) == {"dw": "wrong"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("w = np.abs(w)", "'w' is declared, and computed here from 'w'"),
        ("w = self.w * 2", "'w' is declared, and computed here from 'w'"),
        ("w = params['w'] + 1", "'w' is declared, and computed here from 'w'"),
        ("y = X @ w", "'y' is declared, and computed here from 'X'"),
        ("X -= X.mean()", "'X' is declared, and computed here from 'X'"),
    ],
)
def test_what_is_declared_is_not_computed(tmp_path, line, words):
    with pytest.raises(ParseError, match=words):
        verified(tmp_path, f"{SHAPES}{line}\n{NET}")


@pytest.mark.parametrize("line", [
    "w = np.random.randn(X.shape[1])", "w = params['w']", "X, y = load(3)", "y = np.zeros(len(y))",
    "w, y = params['w'], data['y']", "w = self.w",
])  # fmt: skip
def test_what_is_declared_may_be_given_a_value(tmp_path, line):
    assert statuses(verified(tmp_path, f"{SHAPES}{line}\n{NET}")) == PROVED


FUNCTIONS = """
def forward(X, w):
    out = X @ w
    return out
def loss(out, y):
    J = np.sum((out - y)**2)
    return J
def backward(X, out, y):
    dout = 2 * (out - y)
    dw = X.T @ dout
    return dout, dw
"""


@pytest.mark.parametrize(("old", "new", "words"), [
    ("def loss(out, y):\n    J", "def activate(X):\n    out = X**2\n    return out\n"
     "def forward_two(X):\n    out = X**2\n    return out\ndef loss(out, y):\n    J",
     "forward and forward_two both compute 'out'"),
    ("def loss", "class Other:\n    def forward(self, X):\n        return X\ndef loss",
     "two functions are named 'forward', in lines 7 and 11"),
    ("    J = np", "    if True:\n        return out\n    J = np", "the function ends here"),
])  # fmt: skip
def test_functions_that_are_not_one_network(tmp_path, old, new, words):
    with pytest.raises(ParseError, match=words):
        verified(tmp_path, SHAPES + FUNCTIONS.replace(old, new, 1))


def test_functions_that_use_the_network_are_no_part_of_it(tmp_path):
    more = "def predict(X, w):\n    J = X @ w > 0\n    if np.sum(J) > 3:\n        return 1\n"
    result = verified(tmp_path, SHAPES + FUNCTIONS + more)
    assert statuses(result) == {"dout": "proved", "dw": "proved"}


def test_what_is_returned_without_a_name(tmp_path):
    """dw / n is what becomes of dw; what nothing names is asked for."""
    changed = verified(tmp_path, SHAPES + FUNCTIONS.replace("dout, dw", "dout, dw / 2"))
    assert [(e.verdict.name, e.verdict.status) for e in changed] == [
        ("dout", "proved"), ("dw", "wrong")]  # fmt: skip
    assert changed[1].text == "return dout, dw / 2"
    unnamed = verified(tmp_path, SHAPES + FUNCTIONS.replace("dout, dw", "dout, X.T @ dout"))
    assert [(e.verdict.name, e.verdict.status) for e in unnamed] == [
        ("dout", "proved"), ("dw", "proved"), ("?", "unreadable")]  # fmt: skip
    assert "give it a name" in unnamed[2].verdict.explanation


def test_arguments_have_their_defaults(tmp_path):
    text = FUNCTIONS.replace("(out, y):", "(out, y, scale=3):").replace(
        "np.sum(", "scale * np.sum("
    )
    assert set(statuses(verified(tmp_path, SHAPES + text)).values()) == {"wrong", "proved"}
    right = text.replace("dout = 2 *", "dout = 6 *")
    assert statuses(verified(tmp_path, SHAPES + right)) == {"dout": "proved", "dw": "proved"}


def test_what_no_value_is_known_for_is_noted(tmp_path):
    result = verified(tmp_path, SHAPES + NET + "db = np.sum(dr)\n")
    assert statuses(result) == PROVED
    assert result.notes == ("line 10: db is not judged; no value b is known",)


def test_whole_numbers_hold_no_fractions(tmp_path):
    text = NET.replace("dw = ", "dw = np.zeros(len(w), dtype=int)\ndw += ")
    assert statuses(verified(tmp_path, SHAPES + text))["dw"] == "unreadable"
    right = text.replace("dtype=int", "dtype=float")
    assert statuses(verified(tmp_path, SHAPES + right)) == PROVED


def test_conditions_of_a_script_are_read(tmp_path):
    line = "if len(y) > 0:\n    dw += 1\n"
    assert statuses(verified(tmp_path, SHAPES + NET + line))["dw"] == "wrong"
    guard = "if __name__ == '__main__':\n    dw = main()\n"
    assert statuses(verified(tmp_path, SHAPES + NET + guard)) == PROVED
