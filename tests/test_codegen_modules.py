"""What a generated module promises: workspaces, errors, names, no allocation, vector code."""

import ast
import pickle
import re
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from modules import arguments, compare, module_of

import symgrad as sg
from symgrad.codegen import difference, functions
from symgrad.codegen.build import generate, load_module
from symgrad.codegen.module import graph_text
from symgrad.errors import DeclarationError, TemplateError

TEXT = """
    z = tanh(X @ W + b) @ V * s
    J = mean(cross_entropy(z, y)) + lam / 2 * sum(W**2)
"""
SYMBOLS = {
    "X": ("n", "d"), "y": ("n",), "lam": (), "W": ("d", "h"), "b": ("h",), "V": ("h", "c"), "s": (),
}  # fmt: skip
SIZES = {"n": 70, "d": 16, "h": 33, "c": 10}


def classifier():
    return sg.parse(
        TEXT, symbols=SYMBOLS, domain={"y": "labels:c", "lam": "positive"},
        parameters=["W", "b", "V", "s"], name="classifier",
    )  # fmt: skip


@pytest.fixture(scope="module", params=["float64", "float32"])
def made(request, tmp_path_factory):
    """The module, its graph, parameters and inputs: large enough that BLAS is called."""
    graph = classifier()
    module = module_of(graph, tmp_path_factory.mktemp("modules"), request.param)
    params, inputs, _ = arguments(module, graph, graph.sample(1, SIZES))
    return module, graph, params, inputs


def test_agrees_with_the_evaluator(made):
    module, graph, *_ = made
    tolerance = {"float64": 1e-12, "float32": 2e-5}[module.DTYPE.name]  # sums of up to 70 terms
    for sizes in (SIZES, {**SIZES, "n": 1}, {"n": 3, "d": 2, "h": 1, "c": 2}):
        compare(module, graph, graph.sample(3, sizes), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "text", ["sum(abs(x)) * exp(b)", "sum(x) * exp(b)", "tanh(b) + 0 * sum(x)"]
)
def test_the_gradient_may_read_the_value_itself(text, tmp_path):
    graph = sg.parse(f"J = {text}", symbols={"x": ("d",), "b": ()}, parameters=["x", "b"])
    module = module_of(graph, tmp_path, jit=False)
    compare(module, graph, graph.sample(1), rtol=1e-14, atol=1e-14)  # a handful of operations


def test_check_of_its_own(made):
    module, *_ = made
    assert module.check() < {"float64": 1e-8, "float32": 1e-3}[module.DTYPE.name]


def test_check_finds_a_wrong_gradient(tmp_path):
    net = sg.parse("J = sum((w - x)**2) * lam", parameters=["w"],
                   symbols={"x": ("n",), "lam": (), "w": ("n",)})  # fmt: skip
    path = generate(net, tmp_path / "wrong.py")
    source = path.read_text()
    wrong = source.replace("dw[i] = two", "dw[i] = -two")
    assert wrong != source
    path.write_text(wrong)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "ArithmeticError: grads · v = " in done.stderr


# Parameters


def test_params(made):
    module, graph, params, _ = made
    assert graph.parameters == module.PARAMETERS
    assert [array.shape for array in params] == [(16, 33), (33,), (33, 10), ()]
    assert all(np.shares_memory(array, params.flat) for array in params)
    copy = pickle.loads(pickle.dumps(params))
    np.testing.assert_array_equal(copy.flat, params.flat)
    assert copy.sizes == params.sizes
    copy.b = 7
    np.testing.assert_array_equal(copy.flat[16 * 33 : 16 * 33 + 33], 7)
    assert repr(params) == "Params(W (16, 33), b (33,), V (33, 10), s ())"
    with pytest.raises(AttributeError):
        copy.U = 1


def test_init(made):
    module, *_ = made
    params = module.init(d=3, h=4, c=5, seed=1)
    assert params.flat.dtype == module.DTYPE
    assert np.abs(params.W).max() <= np.sqrt(6 / 7)
    assert not params.b.any()
    np.testing.assert_array_equal(params.flat, module.init(d=3, h=4, c=5, seed=1).flat)
    other = {"float64": "float32", "float32": "float64"}[module.DTYPE.name]
    with pytest.raises(module.DtypeError, match=f"this module holds {module.DTYPE.name}"):
        module.init(d=3, h=4, c=5, dtype=other)


def test_pack_needs_all_names(made):
    module, _, params, _ = made
    with pytest.raises(KeyError, match="pack needs W, b, V, s; it was given W"):
        module.pack({"W": params.W})
    with pytest.raises(KeyError, match="'U' is none of W, b, V, s"):
        params["U"]
    with pytest.raises(module.DtypeError, match="complex"):
        module.pack({"W": params.W * 1j, "b": params.b, "V": params.V, "s": params.s})


# Workspaces


def test_without_a_workspace_arrays_are_fresh(made):
    module, _, params, inputs = made
    value, first = module.value_and_grad(params, *inputs)
    again, second = module.value_and_grad(params, *inputs)
    assert value == again
    assert not np.shares_memory(first.flat, second.flat)
    np.testing.assert_array_equal(first.flat, second.flat)


def test_with_a_workspace_they_are_overwritten(made):
    module, _, params, inputs = made
    work = module.workspace(params, *inputs)
    _, first = module.value_and_grad(params, *inputs, workspace=work)
    _, second = module.value_and_grad(params, *inputs, workspace=work)
    assert first is second


def test_accumulate(made):
    module, _, params, inputs = made
    work = module.workspace(params, *inputs)
    _, once = module.value_and_grad(params, *inputs)
    for times in (1, 2, 3):
        _, total = module.value_and_grad(params, *inputs, workspace=work, accumulate=True)
        np.testing.assert_allclose(total.flat, times * once.flat, rtol=1e-6, atol=1e-7)


def test_inputs_by_name(made):
    module, graph, params, inputs = made
    named = dict(zip(graph.inputs, inputs, strict=True))
    assert module.value_and_grad(params, **named)[0] == module.value_and_grad(params, *inputs)[0]


def test_backward_needs_forward(made):
    module, _, params, inputs = made
    work = module.workspace(params, *inputs)
    with pytest.raises(ValueError, match="call forward with it first"):
        module.backward(params, *inputs, workspace=work)
    value, same = module.forward(params, *inputs, workspace=work)
    assert same is work
    grads = module.backward(params, *inputs, workspace=work)
    expected = module.value_and_grad(params, *inputs)
    assert value == expected[0]
    np.testing.assert_array_equal(grads.flat, expected[1].flat)


def test_predict(made):
    module, graph, params, inputs = made
    X, _, lam = inputs
    values = {**dict(zip(graph.inputs, inputs, strict=True)), "lam": lam}
    values |= {name: params[name] for name in module.PARAMETERS}
    z = graph.evaluate(values, "z")
    expected = np.exp(z - z.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    # probabilities: at most 1, with the roundings of some fifty additions
    tolerance = 1e-13 if np.float64 == module.DTYPE else 1e-5
    np.testing.assert_allclose(module.predict(params, X), expected, atol=tolerance)
    assert module.predict(params, X[:1].copy()).shape == (1, 10)


def changed(inputs, **new):
    return [new.get(name, value) for name, value in zip("X y lam".split(), inputs, strict=True)]


BAD = {  # what is passed, the error, and what its message must say
    "list": (lambda m, i: changed(i, X=[[1.0]]), "DtypeError", "X is a list"),
    "dtype": (lambda m, i: changed(i, X=i[0].astype("f2")), "DtypeError", "X holds float16"),
    "order": (lambda m, i: changed(i, X=np.asfortranarray(i[0])), "ShapeError",
              "X is not C-contiguous"),
    "strides": (lambda m, i: changed(i, y=np.repeat(i[1], 2)[::2]), "ShapeError",
                "y is not C-contiguous"),
    "axes": (lambda m, i: changed(i, X=i[0][0].copy()), "ShapeError",
             r"X has shape \(16,\); its axes are \(n, d\)"),
    "size": (lambda m, i: changed(i, X=i[0][:, :3].copy()), "ShapeError",
             r"X has shape \(70, 3\), so d = 3; but d = 16 in W"),
    "batch": (lambda m, i: changed(i, y=i[1][:9].copy()), "ShapeError",
              r"y has shape \(9,\), so n = 9; but n = 70 in X"),
    "empty": (lambda m, i: changed(i, X=i[0][:0].copy(), y=i[1][:0].copy()), "ShapeError",
              "an axis must be at least 1"),
    "labels": (lambda m, i: changed(i, y=i[1].astype("f8")), "DtypeError",
               "y holds float64; it must hold integers"),
    "number": (lambda m, i: changed(i, lam="large"), "DtypeError", "lam is a str"),
    "vector": (lambda m, i: changed(i, lam=np.ones(2, m.DTYPE)), "ShapeError", "lam has shape"),
    "complex": (lambda m, i: changed(i, lam=1j), "DtypeError", "lam is a complex"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_typed_errors(made, case):
    module, _, params, inputs = made
    build, kind, message = BAD[case]
    bad = build(module, inputs)
    work = module.workspace(params, *inputs)
    module.value_and_grad(params, *inputs, workspace=work)
    calls = [
        lambda: module.workspace(params, *bad),
        lambda: module.value_and_grad(params, *bad),
        lambda: module.forward(params, *bad),
    ]
    for call in calls:
        with pytest.raises(getattr(module, kind), match=message):
            call()
    with pytest.raises(getattr(module, kind)):  # here a size may be said to be the workspace's
        module.value_and_grad(params, *bad, workspace=work)


def test_wrong_workspaces_are_typed_errors(made):
    module, _, params, inputs = made
    smaller = [inputs[0][:5].copy(), inputs[1][:5].copy(), inputs[2]]
    work = module.workspace(params, *inputs)
    with pytest.raises(module.ShapeError, match=r"X .* so n = 5; but n = 70 in the workspace"):
        module.value_and_grad(params, *smaller, workspace=work)
    module.value_and_grad(params, *smaller, workspace=module.workspace(params, *smaller))
    with pytest.raises(TypeError, match="workspace is a dict"):
        module.value_and_grad(params, *inputs, workspace={})
    with pytest.raises(TypeError, match="params is a list"):
        module.value_and_grad([1.0], *inputs, workspace=work)
    _, grads = module.value_and_grad(params, *inputs, workspace=work)
    with pytest.raises(ValueError, match="params is the gradient that this workspace holds"):
        module.value_and_grad(grads, *inputs, workspace=work)
    wider = module.init(d=16, h=34, c=10)
    with pytest.raises(module.ShapeError, match="h = 34; but h = 33 in the workspace"):
        module.value_and_grad(wider, *inputs, workspace=work)


@pytest.mark.parametrize("label", [-1, 10])
def test_labels_out_of_range(made, label):
    module, _, params, inputs = made
    bad = inputs[1].copy()
    bad[4] = label
    work = module.workspace(params, *inputs)
    message = rf"y\[4\] is {label}; labels go from 0 to 9"
    for call in (module.workspace, module.value_and_grad, module.forward):
        with pytest.raises(module.LabelError, match=message):
            call(params, inputs[0], bad, inputs[2])
    with pytest.raises(module.LabelError, match=message):
        module.value_and_grad(params, inputs[0], bad, inputs[2], workspace=work)
    with pytest.raises(ValueError, match="the workspace is empty"):  # nothing was computed
        module.backward(params, *inputs, workspace=work)


@pytest.mark.parametrize(
    ("domain", "value", "message"),
    [
        ("onehot", [[0, 1, 0], [0, 1, 1]], r"Y is not one-hot at \[1\]"),
        ("onehot:0", [[1, 0, 0], [0, 0, 1]], r"Y is not one-hot at \[1\]"),
        ("simplex", [[0.5, 0.5, 0], [0.5, 0.5, 0.1]], r"Y is not of sum one at \[1\]"),
        ("binary", [[0, 1, 1], [0, 0.5, 1]], r"Y is not 0 or 1 at \[1, 1\]"),
        ("sign", [[1, -1, 1], [1, 0, 1]], r"Y is not -1 or 1 at \[1, 1\]"),
    ],
)
@pytest.mark.parametrize("jit", [True, False])
def test_facts_on_which_formulas_rely(domain, value, message, jit, tmp_path):
    graph = sg.parse("J = mean(cross_entropy(Z, Y))", {"Z": ("n", "c"), "Y": ("n", "c")},
                     {"Y": domain}, parameters=["Z"])  # fmt: skip
    module = module_of(graph, tmp_path, jit=jit, second_order=True)
    params = module.init(n=2, c=3)
    good = np.ascontiguousarray(graph.sample(0, {"n": 2, "c": 3})["Y"])
    require_fact_checks(module, params, [good], [np.array(value, float)], message)


def require_fact_checks(module, params, good, bad, message):
    """A module calls good inputs good and bad ones bad, in the first call and in later ones."""
    work = module.workspace(params, *good)
    with pytest.raises(module.DomainError, match=message):
        module.workspace(params, *bad)
    for _ in range(2):
        for call in (module.value_and_grad, module.forward):
            with pytest.raises(module.DomainError, match=message):
                call(params, *bad, workspace=work)
        with pytest.raises(module.DomainError, match=message):
            module.hvp(params, *bad, v=params, workspace=work)
        with pytest.raises(ValueError, match="the workspace is empty"):
            module.backward(params, *good, workspace=work)
        assert np.isfinite(module.value_and_grad(params, *good, workspace=work)[0])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_facts_of_matrices_and_numbers(dtype, tmp_path):
    """Of inputs they are checked in every call; parameters may be anything."""
    graph = sg.parse(
        "J = s * (logdet(S) + trace(inv(S) @ C)) + sum(S @ C)",
        {"S": ("n", "n"), "C": ("n", "n"), "s": ()}, {"S": "spd", "C": "spd", "s": "sign"},
        parameters=["S"],
    )  # fmt: skip
    module = module_of(graph, tmp_path, dtype, second_order=True)
    C = np.array([[2, 1, 0], [1, 3, 0], [0, 0, 1]], dtype)
    slanted = C + np.triu(np.full((3, 3), 0.5, dtype), 1)
    params = module.pack({"S": slanted})
    require_fact_checks(module, params, [C, 1.0], [slanted, 1.0], r"C is not symmetric at \[0, 1\]")
    require_fact_checks(module, params, [C, -1.0], [C, 0.5], "s is not -1 or 1")
    inverse = np.linalg.inv(slanted.astype(float))
    expected = inverse.T - inverse.T @ C @ inverse.T + C.sum(1)
    found = module.value_and_grad(params, C, 1.0)[1]["S"]
    assert np.abs(found - expected).max() < (1e-13 if dtype == "float64" else 1e-5)
    module.check()


def test_nan_goes_in_and_comes_out(made):
    module, _, params, inputs = made
    X = inputs[0].copy()
    X[3, 2] = np.nan
    value, grads = module.value_and_grad(params, X, *inputs[1:])
    assert np.isnan(value)
    assert np.isnan(grads.W).any()


# Speed, as far as it can be seen without a clock


def test_calls_with_a_workspace_allocate_nothing(made):
    from numba.core.runtime import _nrt_python, nrt

    module, _, params, inputs = made
    inputs = [np.repeat(each, 10, axis=0) if np.ndim(each) else each for each in inputs]
    work = module.workspace(params, *inputs)
    module.value_and_grad(params, *inputs, workspace=work)
    _nrt_python.memsys_enable_stats()
    before = nrt.rtsys.get_allocation_stats()
    tracemalloc.start()
    for _ in range(20):
        module.value_and_grad(params, *inputs, workspace=work)
        module.forward(params, *inputs, workspace=work)
        module.backward(params, *inputs, workspace=work)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    after = nrt.rtsys.get_allocation_stats()
    arrays = 3 * 6  # Numba makes a handle for each array that a kernel is given: no more
    assert after.alloc - before.alloc == 20 * arrays
    assert after.alloc - after.free == before.alloc - before.free
    assert peak < 700 * 16 * 4  # less than an array of a batch


def ir(function):
    (code,) = function.inspect_llvm().values()
    return code


def test_loops_are_vector_code(made):
    module, _, params, inputs = made
    module.value_and_grad(params, *inputs)
    kind = {"float64": "double", "float32": "float"}[module.DTYPE.name]
    code = ir(module._value_and_grad)
    assert re.search(rf"fdiv.* <\d+ x {kind}>", code)  # of tanh, entry by entry


def test_float32_modules_compute_in_float32(made):
    module, _, params, inputs = made
    if np.float64 == module.DTYPE:
        pytest.skip("of float32 modules")
    work = module.workspace(params, *inputs)
    module.forward(params, *inputs, workspace=work)
    module.backward(params, *inputs, workspace=work)
    module.predict(params, inputs[0])
    for kernel in (module._value_and_grad, module._predict):
        assert not re.search(r"<\d+ x double>", ir(kernel)), kernel
    assert "fpext" not in ir(module._predict)  # which has no sum over everything


# Names


def test_functions_of_sums_in_float32(tmp_path):
    """Sums over everything are float64, which functions of bits must not be given."""
    graph = sg.parse(
        "s = x @ w + b; J = log(s) * log1p(s) + "
        + " + ".join(f"{name}(s)" for name in functions.ULPS if not name.startswith("log")),
        {"x": ("n",), "w": ("n",), "b": ()}, {"x": "unit", "w": "unit", "b": "positive"},
        parameters=["w", "b"],
    )  # fmt: skip
    module = module_of(graph, tmp_path, "float32")  # compiled: Python alone would not mind
    compare(module, graph, graph.sample(1, {"n": 3}), rtol=1e-5, atol=1e-5)  # a few ulp


def test_any_name_can_be_chosen(tmp_path):
    names = (
        "v out workspace seed dX params work sizes zero one real Params grads np float value "
        "accumulate range t1 c1 J_sum1 a_ij at1 rng flat DTYPE _ready per_k"
    ).split()
    symbols = dict.fromkeys(names, ("k", "l")) | {"i": ("l",), "pack": ("dtype", "l")}
    inputs = ("out", "workspace", "params", "work", "value", "accumulate", "np", "float", "_ready")
    body = " + ".join(f"sum(tanh({name})**2)" for name in names)
    text = f"a = zero * one; prod = {body} + sum(a * i) + sum(pack @ i); J = prod / k + mean(a * a)"
    parameters = [name for name in symbols if name not in inputs]
    graph = sg.parse(text, symbols=symbols, parameters=parameters, name="names")
    module = module_of(graph, tmp_path, jit=False)
    values = graph.sample(2, {"k": 3, "l": 2, "dtype": 4})
    params, given, cast = arguments(module, graph, values)
    by_name = {name: cast[name] for name in inputs if name != "_ready"}  # the module's own
    value, grads = module.value_and_grad(params, **by_name, _ready_=cast["_ready"])
    # a sum of some hundred terms of order 1
    np.testing.assert_allclose(value, graph.evaluate(values), rtol=1e-13)
    derivation = sg.gradient(graph)
    for name in graph.parameters:
        np.testing.assert_allclose(
            grads[name], derivation[name].evaluate(values), rtol=1e-12, atol=1e-13
        )
    assert grads.flat.size == sum(map(np.size, grads))
    assert module.value_and_grad(params, *given)[0] == value
    assert np.isfinite(module.check())


def test_sizes_of_no_axis_follow_or_are_told(tmp_path):
    text = "f = tanh(reshape(X @ W, (n, a, e))); J = sum(f[:, 0] * x[0]) / a + sum(x) / m"
    graph = sg.parse(
        text, symbols={"X": ("n", "d"), "W": ("d", "a*e"), "x": ("2*m",)}, parameters=["W"]
    )
    module = module_of(graph, tmp_path, jit=False)
    assert module.FREE == ("a", "e", "m")
    compare(module, graph, graph.sample(1, {"n": 3, "d": 2, "a": 2, "e": 5, "m": 4}), 1e-12, 1e-13)
    X, W, x = np.ones((3, 2)), np.ones((2, 6)), np.ones(4)
    value, _ = module.value_and_grad(module.pack({"W": W}, a=2), X, x)  # e = 3, m = 2
    assert value == pytest.approx(9 * np.tanh(2) / 2 + 2, rel=1e-14)
    for told, given, error, message in (
        ({}, x, module.ShapeError, "no argument tells the size a: give it to pack, as a=..."),
        ({"a": 4}, x, module.ShapeError, r"axis 1 of W has size 6; it must be a\*e"),
        ({"a": 2, "e": 2}, x, module.ShapeError, r"it must be a\*e, which is 4 here"),
        ({"a": 0}, x, module.ShapeError, "a = 0; a size is a whole number, at least 1"),
        ({"d": 2}, x, KeyError, "d is not one of the sizes a, e, m"),
        ({"a": 2}, np.ones(5), module.ShapeError, r"axis 0 of x has size 5; it must be 2\*m"),
    ):
        with pytest.raises(error, match=message):
            module.value_and_grad(module.pack({"W": W}, **told), X, given)
    assert module.init(d=2, a=2, e=3, m=1).W.shape == (2, 6)
    assert np.isfinite(module.check())


def test_sizes_that_parameters_do_not_show(tmp_path):
    symbols = {"x": ("n",), "w": ("n + 1",), "W": ("k", "n**2")}
    text = "J = sum(x * w[1:]) + w[0] + sum(W) / n"
    graph = sg.parse(text, symbols=symbols, parameters=["w", "W"])
    module = module_of(graph, tmp_path, jit=False)
    params = module.pack({"w": np.ones(4), "W": np.ones((2, 9))})
    assert params.sizes["n"] == 3
    assert module.value_and_grad(params, np.ones(3))[0] == pytest.approx(10, rel=1e-15)
    with pytest.raises(module.ShapeError, match=r"x has shape .*; but n = 3 in params"):
        module.value_and_grad(params, np.ones(2))
    graph = sg.parse("J = sum(x) * sum(W)", symbols={"x": ("n",), "W": ("n**2",)}, parameters=["W"])
    module = module_of(graph, tmp_path, jit=False)
    assert module.pack({"W": np.ones(9)}, n=3).sizes == {"n": 3}
    with pytest.raises(module.ShapeError, match="no argument tells the size n"):
        module.pack({"W": np.ones(9)})


def test_unspecified_functions_have_no_code():
    phi = sg.function("phi")
    net = sg.Graph("general")
    net.define("J", sg.sum(phi(sg.parameter("x", "n"))))
    with pytest.raises(TemplateError, match="phi"):
        graph_text(net)


def test_dtypes():
    with pytest.raises(DeclarationError, match="'float16': modules hold float64 or float32"):
        graph_text(classifier(), "float16")


def test_threads(tmp_path):
    with pytest.raises(DeclarationError, match="threads=2: the loops of modules run on one thread"):
        generate(classifier(), tmp_path / "net.py", threads=2)


def test_check_chooses_sizes_within_bounds(tmp_path):
    net = sg.parse("J = sum(sin(x[4:]) * x[9]) + sum(X[:, 7]) * y[n - 8]", parameters=["x"],
                   symbols={"X": ("m", "d"), "x": ("n",), "y": ("n",)})  # fmt: skip
    assert module_of(net, tmp_path, jit=False).check() < 1e-8


# Text


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_text_is_of_one_piece(dtype):
    source = graph_text(classifier(), dtype)
    tree = ast.parse(source)
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported <= {"math", "sys", "types", "numpy", "numba", "llvmlite"}
    assert max(map(len, source.splitlines())) <= 100
    assert not [name for name in re.findall(r"\w+", source) if re.search(r"[^_]__(?!$)|___", name)]


def test_text_is_the_same_in_every_process():
    code = (
        "from test_codegen_modules import classifier, graph_text; import hashlib;"
        "print(hashlib.sha256(graph_text(classifier()).encode()).hexdigest())"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(
                filter(None, sys.path))}, capture_output=True, text=True, check=True, timeout=120,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1


# Files


def test_difference_tells_why(tmp_path):
    graph, path = classifier(), tmp_path / "net.py"
    assert "does not exist" in difference(graph, path)
    generate(graph, path)
    assert difference(graph, path) == ""
    assert "outdated" in difference(graph, path, dtype="float32")
    path.write_text(path.read_text().replace("tanh(z", "tanh( z"))
    assert "edited by hand" in difference(graph, path)
    path.write_text("print(1)\n")
    assert "not generated by symgrad" in difference(graph, path)


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    import os

    path = tmp_path / "net.py"
    path.write_text("before\n")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(TemplateError, match=r"cannot write .*: No space left"):
        generate(classifier(), path)
    assert path.read_text() == "before\n"
    assert [p.name for p in tmp_path.iterdir()] == ["net.py"]
    with pytest.raises(TemplateError, match="not the name of a Python module"):
        generate(classifier(), tmp_path / "two words.py")
    with pytest.raises(TemplateError, match="not the name of a Python module"):
        generate(classifier(), tmp_path / "class.py")
    with pytest.raises(TemplateError, match="imported in place of numba"):
        generate(classifier(), tmp_path / "numba.py")


def test_the_cache_on_disk_serves_every_name(tmp_path):
    """Numba remembers the module that a function was compiled in, by name."""
    generate(classifier(), tmp_path / "net.py")
    (tmp_path / "other.py").write_text("import importlib.util as u, sys\n"
        "spec = u.spec_from_file_location('another', 'net.py')\n"
        "module = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
        "print(module.check())\n")  # fmt: skip
    commands = (["other.py"], ["net.py"], ["-c", "import net; print(net.check())"], ["other.py"])
    for command in commands:
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True,
                              text=True, timeout=120)  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        assert float(done.stdout) < 1e-8
    compiled = len([*(tmp_path / "__pycache__").glob("net._value_and_grad*.nbc")])
    assert compiled == 1


def test_modules_of_one_name_are_told_apart(tmp_path):
    made = []
    for power in (2, 3):
        net = sg.parse(f"J = sum(w**{power})", {"w": ("n",)}, parameters=["w"])
        made.append(load_module(generate(net, tmp_path / str(power) / "net.py")))
    made.append(load_module(generate(net, tmp_path / "2" / "net.py")))  # written anew
    values = [m.value_and_grad(m.pack({"w": np.array([3.0])}))[0] for m in made]
    assert values == [9, 27, 27]  # small whole numbers are exact


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_maxima_are_compared_with_what_they_were_found_among(dtype):
    """a x + b is rounded once or twice, by fused arithmetic or not; none may lose its maximum."""
    net = sg.parse(
        "t = max(a[:, None] * X + b[:, None], axis=1); J = sum(sin(t))",
        symbols={"X": ("n", "d"), "a": ("n",), "b": ("n",)},
        parameters=["a", "b"],
    )
    values = net.sample(0, {"n": 300, "d": 7})
    values = {k: np.asarray(v, dtype) for k, v in values.items()}
    module = sg.compile(net, dtype=dtype)
    _, grads = module.value_and_grad(module.pack({"a": values["a"], "b": values["b"]}), values["X"])
    top = np.max(values["a"][:, None] * values["X"] + values["b"][:, None], axis=1)
    rounding = 100 * np.finfo(dtype).eps
    np.testing.assert_allclose(grads.b, np.cos(top), rtol=rounding, atol=rounding)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_label_that_is_a_number(dtype, tmp_path):
    graph = sg.parse("z = W @ x; J = cross_entropy(z, y)", {"W": ("k", "n"), "x": ("n",), "y": ()},
                     {"y": "labels:k"}, parameters=["W"])  # fmt: skip
    module = module_of(graph, tmp_path, dtype)
    params, x = module.init(k=3, n=4, seed=0), np.ones(4, dtype)
    work = module.workspace(params, x, 2)
    for label in (0, np.int64(1), np.array(2)):
        found, expected = (
            module.value_and_grad(params, x, label, workspace=work)[0],
            graph.evaluate({"W": params["W"], "x": x, "y": int(label)}),
        )
        assert abs(found - expected) < 1e-6
    for wrong, error, message in [
        (3, module.LabelError, "y is 3; labels go from 0 to 2"),
        (-1, module.LabelError, "y is -1; labels go from 0 to 2"),
        (1.0, module.DtypeError, "y holds float64; it must hold integers"),
        (True, module.DtypeError, "y is a bool"),
        ("1", module.DtypeError, "y is a str"),
    ]:
        for each in (work, None):
            with pytest.raises(error, match=message):
                module.value_and_grad(params, x, wrong, workspace=each)
