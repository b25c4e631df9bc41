"""How often modules go over memory: value and gradient in one loop, rows of long sums."""

import re

import numpy as np
import pytest
from modules import arguments, compare, module_of

import symgrad as sg
from symgrad.codegen.evaluation import evaluation
from symgrad.codegen.module import graph_text
from symgrad.codegen.plan import plan
from symgrad.codegen.statements import Loop, Product

ENTRYWISE = sg.parse(
    "J = mean(tanh(a * X + b) * sigmoid(b * X))",
    symbols={"X": ("n",), "a": ("n",), "b": ("n",)}, parameters=["a", "b"],
)  # fmt: skip
LOGISTIC = sg.parse(
    "p = sigmoid(X @ w); J = -sum(y * log(p) + (1 - y) * log(1 - p))",
    symbols={"X": ("n", "d"), "y": ("n",), "w": ("d",)}, parameters=["w"],
)  # fmt: skip
DENSE = sg.parse(
    "J = sum((X @ W - Y)**2)",
    symbols={"X": ("n", "d"), "Y": ("n", "c"), "W": ("d", "c")}, parameters=["W"],
)  # fmt: skip


def loops(kernel):
    return sum(isinstance(s, Loop) for s in kernel.body)


@pytest.mark.parametrize("net", [ENTRYWISE, LOGISTIC], ids=["entrywise", "logistic"])
def test_value_and_gradient_in_one_pass(net):
    made = plan(sg.gradient(net))
    assert [loops(kernel) for kernel in made.gradient.kernels] == [1, 1]
    assert [loops(kernel) for kernel in made.together.kernels] == [1]
    assert made.together.storage.room == 0  # what backward would read is in local variables


def test_products_of_matrices_are_not_written_out_twice():
    assert plan(sg.gradient(DENSE)).together is None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("n", [1, 255, 256, 257, 1000])
def test_one_pass_gives_what_two_give(n, dtype, tmp_path):
    module = module_of(ENTRYWISE, tmp_path, dtype)
    tolerance = {"float64": 1e-14, "float32": 2e-6}[dtype]  # a dozen operations, a sum of 256
    values = ENTRYWISE.sample(1, {"n": n})
    compare(module, ENTRYWISE, values, rtol=tolerance, atol=tolerance)
    params, inputs, _ = arguments(module, ENTRYWISE, values)
    work = module.workspace(params, *inputs)
    module.forward(params, *inputs, workspace=work)
    once = module.value_and_grad(params, *inputs, workspace=work)[1].flat.copy()
    with pytest.raises(ValueError, match="call forward with it first"):
        module.backward(params, *inputs, workspace=work)
    twice = module.value_and_grad(params, *inputs, workspace=work, accumulate=True)[1].flat
    np.testing.assert_array_equal(twice, 2 * once)
    inputs[0][-1] = np.nan
    value, grads = module.value_and_grad(params, *inputs, workspace=work)
    assert np.isnan([value, grads.a[-1], grads.b[-1]]).all()
    assert np.isfinite(grads.flat).sum() == 2 * n - 2


def test_long_sums_are_as_wide_as_float32(tmp_path):
    """Rows are added up in float32, in vectors; the total of the rows in float64."""
    module = module_of(ENTRYWISE, tmp_path, "float32")
    params, inputs, _ = arguments(module, ENTRYWISE, ENTRYWISE.sample(1, {"n": 1000}))
    module.value_and_grad(params, *inputs)
    (code,) = module._value_and_grad.inspect_llvm().values()
    assert re.search(r"fdiv.* <\d+ x float>", code)
    assert not re.search(r"<\d+ x double>", code)
    for text in ("for i in range(n):", "_row"):
        assert (text in graph_text(ENTRYWISE, "float64")) == (text == "for i in range(n):")


def test_long_sums_in_float32_are_exact_to_a_row(tmp_path):
    """In float32 throughout a sum of a million equal numbers is off by 1e-4 and more."""
    net = sg.parse("J = sum(exp(x))", symbols={"x": ("n",)}, parameters=["x"])
    module = module_of(net, tmp_path, "float32")
    x = np.full(1_000_003, 0.1, np.float32)
    value, _ = module.value_and_grad(module.pack({"x": x}))
    exact = len(x) * np.exp(np.float64(x[0]))
    assert abs(value / exact - 1) < 256 * 2.0**-24  # an ulp of each sum in a row, at most


DECAY = sg.parse(
    "J = sum((X @ W - Y)**2) / n + lam * sum(W**2)",
    symbols={"X": ("n", "d"), "Y": ("n", "c"), "W": ("d", "c"), "lam": ()}, parameters=["W"],
)  # fmt: skip


def test_weight_decay_is_part_of_the_product():
    _, backward = plan(sg.gradient(DECAY)).gradient.kernels
    product = backward.body[-1]
    assert isinstance(product, Product)
    assert product.addend.array.name == "W"
    assert [leaf.name for leaf in product.addend.scalars] == ["lam"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_products_with_an_addend(dtype, tmp_path):
    """An outer product, loops, and BLAS."""
    module = module_of(DECAY, tmp_path, dtype)
    tolerance = {"float64": 1e-13, "float32": 2e-5}[dtype]  # sums of up to 40 products
    for sizes in ({"n": 1, "d": 40, "c": 30}, {"n": 2, "d": 3, "c": 4}, {"n": 30, "d": 40, "c": 1}):
        compare(module, DECAY, DECAY.sample(2, sizes), rtol=tolerance, atol=tolerance)


def test_outer_products_keep_nan(tmp_path):
    module = module_of(DECAY, tmp_path)
    params, inputs, _ = arguments(module, DECAY, DECAY.sample(2, {"n": 1, "d": 40, "c": 30}))
    inputs[0][0, 3] = np.nan
    _, grads = module.value_and_grad(params, *inputs)
    assert np.isnan(grads.W).all()


WEIGHTED = sg.parse(
    "J = sum(v * (X @ w)**2) / 2",
    symbols={"X": ("n", "d"), "v": ("n",), "w": ("d",)}, parameters=["w"],
)  # fmt: skip


def test_symmetric_products_are_computed_by_half():
    (body,) = (kernel.body for kernel in evaluation(sg.hessian(WEIGHTED, "w")).program.kernels)
    assert [s.node.name for s in body] == ["rooted", "gram"]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sizes", [(1, 1), (5, 3), (3, 5), (40, 30)])
def test_weights_of_both_signs(sizes, dtype, tmp_path):
    module = sg.compile(sg.hessian(WEIGHTED, "w"), dtype=dtype)
    rng = np.random.default_rng(0)
    X, v = rng.normal(size=sizes).astype(dtype), rng.normal(size=sizes[0]).astype(dtype)
    tolerance = {"float64": 1e-14, "float32": 1e-5}[dtype]  # sums of up to 40 products
    for weights in (v, abs(v), -abs(v), 0 * v):
        exact = np.einsum("ki,k,kj->ij", X.astype(float), weights.astype(float), X.astype(float))
        found = module.evaluate(X, weights)
        np.testing.assert_allclose(found, exact, tolerance, atol=tolerance * len(X))
        np.testing.assert_array_equal(found, found.T)
    v[-1] = np.nan
    assert np.isnan(module.evaluate(X, v)).all()


PREDICTED = sg.parse(
    "J = sum((tanh(X @ A) @ B)**2)",
    symbols={"X": ("n", "d"), "A": ("d", "h"), "B": ("h", "c")}, parameters=["A", "B"],
)  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("sizes", [(1, 700, 300, 9), (9, 700, 300, 9), (20, 700, 300, 9),
                                   (9, 30, 6000, 2), (40, 300, 200, 3)])  # fmt: skip
def test_products_of_few_rows_in_pieces(sizes, dtype, tmp_path):
    """One row, pieces of rows and of columns of the other factor, and what is computed at once."""
    module = module_of(PREDICTED, tmp_path, dtype)
    tolerance = {"float64": 1e-11, "float32": 5e-4}[dtype]  # tanh of sums of 700, sums of 6000
    values = PREDICTED.sample(4, dict(zip("ndhc", sizes, strict=True)))
    values = {name: value / 20 for name, value in values.items()}
    compare(module, PREDICTED, values, rtol=tolerance, atol=tolerance)
