"""Whatever is typed as a claim or network gives a verdict or a typed error; nothing is run.

`python tests/fuzz_claims.py --count 100000` goes through as many inputs as one likes.
"""

import sys

import pytest
from fuzz_claims import WATCH, Reader, install
from fuzz_inputs import HOSTILE, KINDS, SHAPES, Input, made, networks
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def reader():
    install()
    return Reader()


def number_of(network):
    return next(k for k, net in enumerate(networks()) if net["id"] == network)


def test_some_inputs_of_each_shape_and_kind(reader):
    met = set()
    for number in range(250):
        case = made(100, number)
        met.add((case.kind, case.shape))
        _, fault = reader.read(case, diagnosing=number % 25 == 0)
        assert not fault, (number, fault, case)
    assert {kind for kind, _ in met} == set(KINDS)
    assert {shape for _, shape in met} == {shape.__name__ for shape in SHAPES}


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**9))
def test_inputs_of_any_number(reader, number):
    case = made(101, number)
    _, fault = reader.read(case, diagnosing=False)
    assert not fault, (number, fault, case)


@pytest.mark.parametrize("text", HOSTILE.replace("\n", "|").split("|"))
def test_nothing_hostile_is_run(reader, text):
    of, x = "dz2", "a1"
    told = text.replace("\\n", "\n").replace("{x}", x).replace("{of}", of)
    told = told.replace("{{", "{").replace("}}", "}")
    case = Input("numpy", "hostile", number_of("nielsen-sigmoid-quadratic"), of, told)
    _, fault = reader.read(case, diagnosing=True)
    assert not fault, fault


# what the fuzzer found once: kind, network, gradient, text
FOUND = [
    ("numpy", "logistic-regression-columns", "dZ", "A" + " - Y * A" * 300),
    ("numpy", "nielsen-sigmoid-quadratic", "dz3", "a3" + " @ a3" * 300),
    ("numpy", "makemore-batchnorm-mlp", "dvar", "2 ** " * 300 + "-0.5 * dvar"),
    ("numpy", "nielsen-sigmoid-quadratic", "dz3", "continue"),
    ("numpy", "nielsen-sigmoid-quadratic", "dz3", "dz3 = a3\nif 1 > 0:\n    break"),
    ("latex", "nielsen-sigmoid-quadratic", "dz3", r"dz^{[" + "9" * 5000 + "]}"),
    ("latex", "nielsen-sigmoid-quadratic", "dz3", r"\sum_{i=1}^{10^{12}} i"),
    ("latex", "logistic-regression-columns", "dZ", r"\exp(\exp(\exp(\exp(m))))"),
    ("latex", "logistic-regression-columns", "dZ", r"A \circ Y \\ " * 2000),
    ("latex", "logistic-regression-columns", "db", "dZ = " + "A " * 1900),
    ("latex", "nielsen-sigmoid-quadratic", "dz3", r"\sigma'(" * 30 + "z^3" + ")" * 30),
    ("latex", "nielsen-sigmoid-quadratic", "dz3", r"\frac0.5{a^3}"),
    ("latex", "nielsen-sigmoid-quadratic", "dz3", "a_3 = " * 300 + "a_3"),
    ("latex", "nielsen-sigmoid-quadratic", "dz3", r"\sum (a_3 - y) h^T + " * 500 + "y"),
    ("numpy", "mlp-tanh-regression-decay", "dY", "2 * (Y - T) / 1e308"),
    ("numpy", "near-saturated-tanh", "dz", "(a - t) * 4 * np.exp(-1" + "0" * 30 + " * z)"),
    ("numpy", "conv1d-valid", "dX", "dX = X\nfor j in range(dX):\n    K[:, j:j + n] += k[j] * dY"),
    ("numpy", "residual-block", "dz", "np.kron(np.kron(W2, W2), np.kron(W2, W2))"),
    ("equations", "nielsen-sigmoid-quadratic", "", "Z = A_{" + "9" * 5000 + "}"),
    ("equations", "gru-step", "", r"q_t = " + r"\sum_{i,j} h_{t-1} " * 2000),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "network", "of", "text"), FOUND)
def test_what_was_found_once(reader, kind, network, of, text):
    number = number_of(network)
    names = networks()[number]["symbols"]["partial"] if kind in ("latex", "equations") else {}
    case = Input(kind, "found", number, of, text, tuple(names.items()))
    ended, fault = reader.read(case, diagnosing=True)
    assert not fault, fault
    assert ended not in ("proved", "agrees", "network")


def test_the_watch_sees_what_is_run(reader, tmp_path):
    """Else the tests above say nothing."""
    file = tmp_path / "x"
    for run in (lambda: eval("1"), lambda: file.write_text("x"), lambda: __import__("this")):
        sys.modules.pop("this", None)
        with pytest.raises(PermissionError), WATCH.over(5.0):
            run()
        assert WATCH.events
