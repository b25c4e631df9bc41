"""Checks of generated modules: right ones pass in both dtypes, mistakes in their code are found."""

import types
from pathlib import Path

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from modules import module_of
from networks import example
from strategies import SIZES, networks

import symgrad as sg
from symgrad.check import ridders
from symgrad.codegen.build import load_module

DTYPES = ["float64", "float32"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("modules")


@pytest.fixture(scope="module")
def classifier():
    return example("classifier").net


def spoilt(graph, folder, dtype, *edits):
    """The module of a graph with pieces of its source replaced; run by Python alone."""
    path = Path(module_of(graph, folder, dtype, jit=False).__file__)
    source = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in source, old
        source = source.replace(old, new)
    path = path.with_name(f"spoilt_{path.name}")
    path.write_text(source, encoding="utf-8")
    before, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, True
    try:
        return load_module(path)
    finally:
        numba.config.DISABLE_JIT = before


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["classifier", "mlp_relu", "binary_columns", "autoencoder"])
def test_modules_of_the_examples_agree(name, dtype, folder):
    net = example(name).net
    module = module_of(net, folder, dtype, jit=False)
    report = sg.check(net, module=module)
    assert report, report
    assert report.module == dtype
    assert [row.name for row in report.rows] == list(net.parameters)
    for row in report.rows:
        assert row.status == "agrees"
        # Ridders' method loses 2 to 3 digits of what the dtype has
        assert row.ratio < (1e-10 if dtype == "float64" else 1e-4)
    assert report.value == pytest.approx(float(sg.check(net).value), rel=1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(net=networks())
def test_modules_of_random_networks_agree(folder, dtype, net):
    module = module_of(net, folder, dtype, jit=False)
    report = sg.check(net, module=module, sizes={d: SIZES[d] for d in net.dims})
    assert report, f"{net}\n{report}"


MISTAKES = {
    "tanh' without the square": ("one - a1[i, j] * a1[i, j]", "one - a1[i, j]", {"W1", "b1"}),
    "no decay in W2": ("real(lam), W2, dW2", "zero, W2, dW2", {"W2"}),
    "a bias doubled": ("db2[j] += dz2[i, j]", "db2[j] += two * dz2[i, j]", {"b2"}),
    "one part in a hundred": ("real(lam), W1", "real(1.03 * lam), W1", {"W1"}),
    "one entry": ("db1[:] = zero", "db1[:] = zero; db1[0] = real(0.1)", {"b1"}),
    "nothing written": ("_add_tn(one, X, dz1, real(lam), W1, dW1)", "dW1[:] = zero", {"W1"}),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_the_code_are_found(mistake, dtype, classifier, folder):
    old, new, wrong = MISTAKES[mistake]
    report = sg.check(classifier, module=spoilt(classifier, folder, dtype, (old, new)))
    assert {row.name for row in report.failures} == wrong, report
    assert "module " in str(report)
    with pytest.raises(sg.GradientMismatch, match="is wrong: at"):
        report.raise_if_wrong()


@pytest.mark.parametrize("dtype", DTYPES)
def test_another_value_is_found_though_its_gradient_fits(dtype, classifier, folder):
    edits = [
        ("half * lam * (J_sum1 + J_sum2)", "lam * (J_sum1 + J_sum2)"),
        ("real(lam), W1", "real(2 * lam), W1"),
        ("real(lam), W2", "real(2 * lam), W2"),
    ]
    with pytest.raises(sg.ValueMismatch, match="is not that of the formulas"):
        sg.check(classifier, module=spoilt(classifier, folder, dtype, *edits))


def test_a_kink_is_no_mistake(folder):
    net = sg.parse("J = sum(relu(w)) + sum(w**2)", symbols={"w": ("n",)}, parameters=["w"])
    for dtype in DTYPES:
        module = module_of(net, folder, dtype, jit=False)
        report = sg.check(net, module=module, values={"w": np.array([0.0, 1.0, -1.0])})
        assert report
        assert report["w"].status == "kink"


def test_where_a_dtype_cannot_decide_the_formulas_do(folder):
    # kinks of 40 examples on both sides, nearer than the smallest step in float32
    net = sg.parse("J = sum(relu(X @ w))", symbols={"X": ("n", "d"), "w": ("d",)},
                   parameters=["w"])  # fmt: skip
    values = {"X": np.random.default_rng(0).normal(size=(40, 3)), "w": np.full(3, 1e-5)}
    report = sg.check(net, module=module_of(net, folder, "float32", jit=False), values=values)
    assert (report["w"].status, report["w"].method) == ("agrees", "formula")
    assert "cross kinks" in str(report)
    mistake = ("dw[j] += X[i, j] * dw_map  #", "dw[j] += one + X[i, j] * dw_map  #")
    report = sg.check(net, module=spoilt(net, folder, "float32", mistake), values=values)
    assert report["w"].status == "wrong"


def test_what_loose_differences_would_pass_is_found(folder):
    # float32 resolves 1 in 10⁷: of the gradient, of order 1, a difference says nothing
    net = sg.parse("J = sum(10**7 + w**2)", symbols={"w": ("n",)}, parameters=["w"])
    assert sg.check(net, module=module_of(net, folder, "float32", jit=False))
    module = spoilt(net, folder, "float32", ("dw[i] = two * w[i]", "dw[i] = w[i]"))
    report = sg.check(net, module=module)
    assert not report
    assert "formula " in str(report["w"].worst)


def test_values_that_are_not_finite_are_named(folder):
    net = sg.parse("J = sum(log(w))", symbols={"w": ("n",)}, parameters=["w"])
    module = module_of(net, folder, jit=False)
    report = sg.check(net, module=module, values={"w": np.array([1.0, -1.0])})
    assert not report
    assert report["w"].status == "not finite"
    assert "holds nan" in report["w"].note


def test_the_table_says_that_it_is_of_a_module(classifier, folder):
    text = str(sg.check(classifier, module=module_of(classifier, folder, "float32", jit=False)))
    for words in ("check of the float32 module of classifier", "module's number a", "Ridders", "–"):
        assert words in text, words


def test_modules_that_cannot_be_checked(classifier, folder):
    module = module_of(classifier, folder, jit=False)
    with pytest.raises(sg.DeclarationError, match="check\\(net, module=module\\)"):
        sg.check(module)
    with pytest.raises(sg.DeclarationError, match="no generated module: it has no DTYPE"):
        sg.check(classifier, module=types)
    with pytest.raises(sg.DeclarationError, match="another graph's: its parameters"):
        sg.check(example("ridge").net, module=module)
    with pytest.raises(sg.DeclarationError, match="no gradient by z1"):
        sg.check(classifier, ["z1"], module=module)


def test_ridders_tells_its_error():
    x, v = np.array([0.3, -0.7]), np.array([1.0, 0.5])
    slope, error = ridders(lambda z: np.sum(np.exp(np.sin(3 * z))), x, v)
    true = np.sum(np.exp(np.sin(3 * x)) * 3 * np.cos(3 * x) * v)
    assert abs(slope - true) <= 3 * error
    assert error < 1e-10
    # a kink at a distance of 1e-4 shows only to steps that are larger
    slope, error = ridders(lambda z: np.sum(np.maximum(z - 0.2999, 0) + z**3), x, v)
    assert abs(slope - (1 + 3 * x**2 @ v)) <= 3 * error < 1e-6
    # in float32 eight digits at most
    slope, error = ridders(
        lambda z: np.sum(np.sin(z.astype(np.float32))), x, v, float(np.finfo(np.float32).eps)
    )
    assert abs(slope - np.cos(x) @ v) <= 3 * error < 1e-3
