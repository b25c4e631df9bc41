"""Modules of one derivative: Jacobians, Hessians and products with them, against the evaluator."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from layers import LAYERS, values_of
from modules import evaluated, module_of, unoptimised
from strategies import SIZES, networks

import symgrad as sg
from symgrad.codegen import difference, generate
from symgrad.codegen.evaluation import evaluation
from symgrad.errors import DeclarationError, ShapeError, SymgradError, TemplateError
from symgrad.tensor.dims import size_of

NET = sg.parse(
    "z = tanh(X @ W1); o = z @ W2; "
    "J = mean(cross_entropy(o, y)) + lam / 2 * sum(W1**2); K = solve(A, z.T); f = K @ o",
    symbols={"X": ("n", "d"), "y": ("n",), "W1": ("d", "h"), "W2": ("h", "c"), "lam": (),
             "A": ("h", "h")},
    domain={"y": "labels:c", "A": "invertible"}, parameters=["W1", "W2"], output="J", name="net",
)  # fmt: skip
WIDE = sg.parse(
    "K = solve(A, tanh(X.T)); f = K @ X @ W", parameters=["X", "W"], name="wide",
    symbols={"X": ("n", "h"), "A": ("h", "h"), "W": ("h", "c")}, domain={"A": "invertible"},
)  # fmt: skip
DERIVATIVES = {
    "gradient": lambda: sg.gradient(NET)["W1"],
    "Hessian": lambda: sg.hessian(NET, "W1"),
    "mixed block": lambda: sg.hessian(NET, "W1", "W2"),
    "by a value": lambda: sg.hessian(NET, "o"),
    "Hessian-vector product": lambda: sg.hvp(NET, "W1"),
    "Gauss-Newton product": lambda: sg.ggnvp(NET, "W2"),
    "Jacobian": lambda: sg.jacobian(WIDE, "X"),
    "linear Jacobian": lambda: sg.jacobian(WIDE, "W"),
    "product with a Jacobian": lambda: sg.vjp(WIDE, "X"),
    "third derivative": lambda: sg.jacobian(sg.hessian(sg.parse("J = sum(w**4)", {"w": ("n",)},
                                                                parameters=["w"]), "w"), "w"),
    "of a scalar": lambda: sg.gradient(sg.parse("J = sum(x * t)", {"x": ("n",), "t": ()},
                                                parameters=["t"]))["t"],
    "a number": lambda: sg.hessian(sg.parse("J = t**2 / 2", {"t": ()}, parameters=["t"]), "t"),
    "zero": lambda: sg.hessian(sg.parse("J = sum(X @ w)", {"X": ("n", "d"), "w": ("d",)},
                                        parameters=["w"]), "w"),
}  # fmt: skip


@pytest.mark.parametrize("name", DERIVATIVES)
def test_agrees_with_the_evaluator(name, tmp_path):
    derivative = DERIVATIVES[name]()
    module = module_of(derivative, tmp_path, jit=False)
    rng = np.random.default_rng(0)
    for sizes in ({"n": 4, "d": 3, "h": 2, "c": 3}, {"n": 1, "d": 1, "h": 1, "c": 1}):
        values = derivative.graph.sample(1, sizes)
        for leaf in derivative.directions:
            values[leaf.name] = rng.normal(size=[size_of(d, sizes) for d in leaf.shape])
        expected = derivative.evaluate(values)
        result = evaluated(module, values)
        assert result.shape == expected.shape
        # some hundred operations on numbers of order 1
        np.testing.assert_allclose(result, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_compiled(dtype, tmp_path):
    derivative = sg.hessian(NET, "W1")
    with unoptimised():
        module = module_of(derivative, tmp_path, dtype)
        values = NET.sample(1, {"n": 5, "d": 3, "h": 2, "c": 4})
        result = evaluated(module, values)
        assert result.dtype == dtype
        eps = np.finfo(dtype).eps  # as above
        np.testing.assert_allclose(result, derivative.evaluate(values), 1e4 * eps, 1e3 * eps)


def test_arguments_are_those_that_are_needed(tmp_path):
    assert module_of(sg.hessian(NET, "W2"), tmp_path, jit=False).ARGUMENTS == (
        "W1", "W2", "X",
    )  # fmt: skip
    ridge = sg.parse("J = sum((X @ w - y)**2) + lam * sum(w**2)", parameters=["w"],
                     symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",), "lam": ()})  # fmt: skip
    assert module_of(sg.hessian(ridge, "w"), tmp_path, jit=False).ARGUMENTS == ("X", "lam")
    decay = sg.parse("J = lam * sum(w**2)", {"w": ("d",), "lam": ()}, parameters=["w"])
    module = module_of(sg.hessian(decay, "w"), tmp_path, jit=False)
    assert module.ARGUMENTS == ("w", "lam")  # w tells how large the Hessian is
    np.testing.assert_array_equal(module.evaluate(np.ones(3), 2.0), 4 * np.eye(3))
    assert module_of(sg.hvp(ridge, "w"), tmp_path, jit=False).ARGUMENTS == ("X", "lam", "dw")


def test_slices(tmp_path):
    """Those of a graph must be in range; those that a derivative makes of them may pick nothing."""
    net = sg.parse("v = concatenate([x[1:], x[:1]]); J = sum(sin(v)) + x[2]", {"x": ("n",)},
                   parameters=["x"])  # fmt: skip
    hessian = sg.hessian(net, "x")
    module = module_of(hessian, tmp_path, jit=False)
    values = net.sample(1, {"n": 4})
    np.testing.assert_allclose(evaluated(module, values), hessian.evaluate(values), rtol=1e-14)
    with pytest.raises(module.ShapeError, match=r"2 < n does not hold for n = 2"):
        module.evaluate(np.ones(2))


def test_calls_with_out_and_a_workspace(tmp_path):
    module = module_of(sg.hessian(NET, "W1"), tmp_path, jit=False)
    values = NET.sample(1, {"n": 4, "d": 3, "h": 2, "c": 3})
    arguments = [values[n] if np.ndim(values[n]) else float(values[n]) for n in module.ARGUMENTS]
    expected = module.evaluate(*arguments)
    work, out = module.workspace(*arguments), np.full((3, 2, 3, 2), np.nan)
    for _ in range(2):  # the second call takes the short way
        assert module.evaluate(*arguments, out=out, workspace=work) is out
        np.testing.assert_array_equal(out, expected)
        out.fill(np.nan)
    assert module.evaluate(*arguments, workspace=work) is not module.evaluate(*arguments)
    W1 = arguments[module.ARGUMENTS.index("W1")]
    X = arguments[module.ARGUMENTS.index("X")]
    for options, change, error, message in (
        ({"out": np.empty((3, 2))}, {}, module.ShapeError, r"out has shape \(3, 2\); it must be"),
        ({"out": out.astype("f4")}, {}, module.DtypeError, "out must be an array of float64"),
        ({"out": out.T}, {}, module.ShapeError, "it must be contiguous"),
        ({"workspace": 3}, {}, TypeError, "workspace is a int; make one with workspace"),
        ({"workspace": work}, {"W1": np.ones((3, 4))}, module.ShapeError, "h = 4; but h = 2"),
        ({}, {"W1": W1.astype("f4")}, module.DtypeError, "W1 holds float32; it must hold float64"),
        ({}, {"X": X[::-1]}, module.ShapeError, "X is not C-contiguous"),
        ({}, {"X": X[:0]}, module.ShapeError, "an axis must be at least 1"),
        ({}, {"lam": "x"}, module.DtypeError, "lam is a str; it must be a number"),
        ({}, {"y": np.array([0, 1, 2, 3])}, module.LabelError, r"y\[3\] is 3; labels go from 0"),
    ):
        given = dict(zip(module.ARGUMENTS, arguments, strict=True)) | change
        with pytest.raises(error, match=message):
            module.evaluate(**given, **options)
    overlap = np.empty(6 * 6)
    view, out = overlap[:6].reshape(3, 2), overlap.reshape(3, 2, 3, 2)
    with pytest.raises(ValueError, match="out overlaps an argument"):
        module.evaluate(
            **dict(zip(module.ARGUMENTS, arguments, strict=True)) | {"W1": view}, out=out
        )


def test_singular_matrices(tmp_path):
    module = module_of(sg.jacobian(WIDE, "X"), tmp_path, jit=False)
    values = WIDE.sample(1, {"n": 3, "h": 2, "c": 2})
    expected = evaluated(module, values)
    bad, out = values | {"A": np.ones((2, 2))}, np.zeros_like(expected)
    with pytest.raises(module.MatrixError, match="A is singular"):
        evaluated(module, bad, out=out)
    assert np.isnan(out).all()
    np.testing.assert_array_equal(evaluated(module, values, out=out), expected)


def test_sizes_of_no_axis(tmp_path):
    graph, values = values_of(LAYERS["group_norm of two"], 1, lambda n: n + 2)
    module = module_of(sg.hessian(graph, "g"), tmp_path, jit=False)
    np.testing.assert_allclose(
        evaluated(module, values), sg.hessian(graph, "g").evaluate(values), rtol=1e-11, atol=1e-12
    )
    told = sg.parse("f = sum(reshape(x, (a, e)), axis=0)", {"x": ("a*e",)}, parameters=["x"])
    module = module_of(sg.jacobian(told, "x"), tmp_path, jit=False)
    assert module.evaluate(np.ones(6), a=2).shape == (3, 6)
    with pytest.raises(module.ShapeError, match="no argument tells the size a: give it by keyword"):
        module.evaluate(np.ones(6))
    work = module.workspace(np.ones(6), a=2)
    with pytest.raises(module.ShapeError, match="a = 3; but a = 2 in the workspace"):
        module.evaluate(np.ones(6), a=3, workspace=work)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_hessians_of_random_networks(tmp_path_factory, net):
    name = net.parameters[0]
    derivative = sg.hessian(net, name)
    module = module_of(derivative, tmp_path_factory.mktemp("random"), jit=False)
    try:
        values = net.sample(3, {name: size for name, size in SIZES.items() if name in net.dims})
    except ShapeError:  # these sizes leave an index out of range
        return
    # values stay below about 10, and sums below 1000 terms
    np.testing.assert_allclose(
        evaluated(module, values), derivative.evaluate(values), rtol=1e-7, atol=1e-7
    )


def test_names_of_people(tmp_path):
    names = ["out", "workspace", "work", "form", "_target", "_evaluate", "sizes", "zero"]
    text = f"J = sum(x**2 * {' * '.join(names)})"
    graph = sg.parse(text, dict.fromkeys(names, ()) | {"x": ("n",)}, parameters=["x"])
    module = module_of(sg.gradient(graph)["x"], tmp_path, jit=False)
    arguments = [np.ones(2) if name == "x" else 2.0 for name in module.ARGUMENTS]
    np.testing.assert_array_equal(module.evaluate(*arguments), 2 ** (1 + len(names)) * np.ones(2))
    assert module.evaluate(*arguments, out_=np.ones(2), workspace_=None) is not None


def test_what_has_no_module():
    with pytest.raises(DeclarationError, match="a module is of one derivative, or of a graph"):
        sg.compile(sg.gradient(NET))
    with pytest.raises(DeclarationError, match="of a Graph or a Derivative, not of a str"):
        sg.compile("J = x")
    with pytest.raises(DeclarationError, match="dtype 'float16'"):
        sg.compile(sg.hessian(NET, "W1"), dtype="float16")
    phi = sg.function("phi")
    net = sg.Graph("general")
    net.define("J", sg.sum(phi(sg.parameter("x", "n"))))
    with pytest.raises(TemplateError, match="phi"):
        sg.compile(sg.hessian(net, "x"))
    assert issubclass(TemplateError, SymgradError)


def test_files(tmp_path):
    derivative = sg.hessian(NET, "W1")
    path = generate(derivative, tmp_path / "hessian.py")
    assert difference(derivative, path) == ""
    source = path.read_text(encoding="utf-8")
    assert max(map(len, source.splitlines())) <= 100
    assert source.startswith('"""The derivative ∇²J of the graph `net`, of shape (d, h, d, h), in')
    path.write_text(source.replace("half", "one"), encoding="utf-8")
    assert "edited by hand" in difference(derivative, path)
    assert "for i < " in str(evaluation(derivative))


def test_a_diagonal_is_written_alone(tmp_path):
    """2 δᵢₖ (Vᵀ V)ₗⱼ: the product once, zeros everywhere, and then the blocks: k² n numbers."""
    net = sg.parse("J = sum((T - U @ V.T)**2)", {"T": ("n", "m"), "U": ("n", "k"), "V": ("m", "k")},
                   parameters=["U"])  # fmt: skip
    module = module_of(sg.hessian(net, "U"), tmp_path)
    source = Path(module.__file__).read_text(encoding="utf-8")
    kernel = source[source.index("def _evaluate") :].split("\n\n\n")[0]
    assert kernel.count("_dot_tn") == kernel.count("= zero") == 1
    assert kernel.count("for ") == 3
    for sizes in ({"n": 4, "m": 3, "k": 2}, {"n": 1, "m": 1, "k": 1}):
        values = net.sample(0, sizes)
        found, expected = evaluated(module, values), sg.hessian(net, "U").evaluate(values)
        assert np.abs(found - expected).max() <= 1e-14 * np.abs(expected).max()
