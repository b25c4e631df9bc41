"""Products with second derivatives in modules, against the evaluator and differences."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from modules import arguments, module_of, unoptimised
from strategies import SIZES, networks

import symgrad as sg
from symgrad.codegen import difference, generate
from symgrad.codegen.plan import plan
from symgrad.errors import ShapeError

NET = sg.parse(
    "z = tanh(X @ W1 + b1); o = z @ W2; "
    "J = mean(cross_entropy(o, y)) + lam / 2 * sum(W1**2)",
    symbols={"X": ("n", "d"), "y": ("n",), "W1": ("d", "h"), "b1": ("h",), "W2": ("h", "c"),
             "lam": ()},
    domain={"y": "labels:c"}, parameters=["W1", "b1", "W2"], name="net",
)  # fmt: skip
PRODUCTS = {"hvp": sg.hvp, "ggnvp": sg.ggnvp}


def directions(graph, params, seed=0):
    """Random directions by the names of their parameters, and as the evaluator calls them."""
    rng = np.random.default_rng(seed)
    drawn = {name: rng.normal(size=params[name].shape) for name in graph.parameters}
    return drawn, {f"d{name}": value for name, value in drawn.items()}


def require_products(module, graph, values, rtol, atol, names=tuple(PRODUCTS)):
    params, inputs, cast = arguments(module, graph, values)
    drawn, named = directions(graph, params)
    told = {name: values[name] for name in getattr(module, "FREE", ())}
    v = module.pack(drawn, **told)
    work = module.workspace(params, *inputs)
    for name in names:
        found = getattr(module, name)(params, *inputs, v=v, workspace=work)
        derivation = PRODUCTS[name](graph)
        for parameter in graph.parameters:
            expected = derivation[parameter].evaluate({**values, **cast, **named})
            np.testing.assert_allclose(found[parameter], expected, rtol, atol, err_msg=name)


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    return module_of(NET, tmp_path_factory.mktemp("second"), jit=False, second_order=True)


def sample(n=5):
    return NET.sample(1, {"n": n, "d": 3, "h": 4, "c": 3})


def test_products(module):
    require_products(module, NET, sample(), 1e-12, 1e-13)  # some hundred operations of order 1


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_compiled(dtype, tmp_path):
    with unoptimised():
        module = module_of(NET, tmp_path, dtype, second_order=True)
        eps = np.finfo(dtype).eps
        require_products(module, NET, sample(), 5e3 * eps, 5e2 * eps)  # as above


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_random_networks(tmp_path_factory, net):
    folder = tmp_path_factory.mktemp("random")
    module = module_of(net, folder, jit=False, second_order=True)
    try:
        values = net.sample(3, {name: size for name, size in SIZES.items() if name in net.dims})
    except ShapeError:  # these sizes leave an index out of range
        return
    names = [name for name in PRODUCTS if hasattr(module, name)]
    # values stay below about 10, and sums below 1000 terms
    require_products(module, net, values, 1e-7, 1e-7, names)


def test_the_hessian_product_is_the_slope_of_the_gradient(module):
    params, inputs, _ = arguments(module, NET, sample())
    drawn, _ = directions(NET, params)
    v = module.pack(drawn)
    found = module.hvp(params, *inputs, v=v)
    step = 1e-5
    ends = [
        module.value_and_grad(module.Params(params.flat + s * v.flat, params.sizes), *inputs)[1]
        for s in (step, -step)
    ]
    # a third derivative of order 10 times step², and rounding 1e-16 over step
    np.testing.assert_allclose(
        found.flat, (ends[0].flat - ends[1].flat) / (2 * step), rtol=1e-7, atol=1e-9
    )


def test_storage_of_their_own(module):
    params, inputs, _ = arguments(module, NET, sample())
    v = module.pack(directions(NET, params)[0])
    work = module.workspace(params, *inputs)
    _, grads = module.value_and_grad(params, *inputs, workspace=work)
    before = grads.flat.copy()
    first = module.hvp(params, *inputs, v=v, workspace=work)
    kept = first.flat.copy()
    second = module.ggnvp(params, *inputs, v=v, workspace=work)
    np.testing.assert_array_equal(grads.flat, before)
    np.testing.assert_array_equal(first.flat, kept)
    assert module.hvp(params, *inputs, v=v, workspace=work) is first
    assert module.hvp(params, *inputs, v=v) is not first
    assert second.W1.shape == (3, 4)
    module.backward(params, *inputs, workspace=work)  # forward's values are still there
    np.testing.assert_array_equal(work.grads.flat, before)
    with pytest.raises(ValueError, match="v is the product that this workspace holds; copy it"):
        module.hvp(params, *inputs, v=first, workspace=work)
    module.ggnvp(params, *inputs, v=first, workspace=work)


def test_what_is_refused(module):
    params, inputs, _ = arguments(module, NET, sample())
    v = module.pack(directions(NET, params)[0])
    other = module.init(d=3, h=4, c=2)
    for wrong in (other, v.flat, None):
        with pytest.raises(TypeError, match="v must be Params of the sizes of the parameters"):
            module.hvp(params, *inputs, v=wrong)
    with pytest.raises(TypeError, match="v"):
        module.hvp(params, *inputs)
    X, y, lam = inputs
    for product in (module.hvp, module.ggnvp):
        work = module.workspace(params, *inputs)
        product(params, *inputs, v=v, workspace=work)
        with pytest.raises(module.LabelError, match=r"y\[0\] is 7; labels go from 0 to 2"):
            product(params, X, y + 7 - y[0], lam, v=v, workspace=work)
        with pytest.raises(module.ShapeError, match="n = 4"):
            product(params, X[:4], y, lam, v=v, workspace=work)


def test_singular_matrices(tmp_path):
    net = sg.parse("x = solve(A, y); J = sum(x**3) + logdet(A)", {"A": ("n", "n"), "y": ("n",)},
                   parameters=["A", "y"])  # fmt: skip
    module = module_of(net, tmp_path, jit=False, second_order=True)
    rng = np.random.default_rng(0)
    values = {"A": rng.normal(size=(3, 3)) + 3 * np.eye(3), "y": rng.normal(size=3)}
    # condition below 10, a hundred operations
    require_products(module, net, values, 1e-11, 1e-12, ["hvp"])
    assert not hasattr(module, "ggnvp")  # nothing is predicted
    params = module.pack(values | {"A": np.ones((3, 3))})
    with pytest.raises(module.MatrixError, match="A is singular"):
        module.hvp(params, v=params)


def test_names_of_people(tmp_path):
    """A direction called v, symbols called as directions and as what kernels say."""
    symbols = dict.fromkeys(["w", "dw", "v", "direction", "out", "ddw"], ("n",))
    net = sg.parse("J = sum(dw * w**2 * v * direction * out * ddw)", symbols, parameters=["w", "v"])
    module = module_of(net, tmp_path, jit=False, second_order=True)
    params = module.pack({"w": np.ones(2), "v": np.ones(2)})
    inputs = [np.full(2, 2.0)] * 4
    found = module.hvp(params, *inputs, v=params)  # H = 16 ((2 v, 2 w), (2 w, 0))
    np.testing.assert_array_equal(found.w, np.full(2, 64.0))
    np.testing.assert_array_equal(found["v"], np.full(2, 32.0))


def test_files(tmp_path):
    path = generate(NET, tmp_path / "net.py", second_order=True)
    assert difference(NET, path, second_order=True) == ""
    assert difference(NET, path) == ""  # there is a second derivative
    assert "def hvp" not in generate(NET, path, second_order=False).read_text("utf-8")
    assert "outdated" in difference(NET, path)
    assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 100
    assert "hvp: The Hessian" in str(plan(sg.gradient(NET), second_order=True))
    assert not hasattr(module_of(NET, tmp_path, jit=False), "hvp")


def test_products_of_a_plain_module_are_made_when_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setenv("SYMGRAD_CACHE", str(tmp_path))
    net = sg.parse(
        "z = X @ w; J = sum((z - y)**2)",
        symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",)}, parameters=["w"],
    )  # fmt: skip
    module = sg.compile(net)
    assert "hvp" not in vars(module)
    assert len(list(tmp_path.glob("*.py"))) == 1
    X, y = np.arange(6.0).reshape(3, 2), np.ones(3)
    params, v = module.pack({"w": np.array([1.0, -2.0])}), module.pack({"w": np.array([3.0, 1.0])})
    work = module.workspace(params, X, y)
    _, grads = module.value_and_grad(params, X, y, workspace=work)
    before = grads.flat.copy()
    for product in (module.hvp, module.ggnvp):  # one module for both
        found = product(params, X, y, v=v, workspace=work)
        assert isinstance(found, module.Params)
        np.testing.assert_allclose(found["w"], 2 * X.T @ (X @ v["w"]), 1e-12)
    assert len(list(tmp_path.glob("*.py"))) == 2
    np.testing.assert_array_equal(grads.flat, before)
    with pytest.raises(AttributeError, match="no attribute 'hpv'"):
        module.hpv  # noqa: B018
    with pytest.raises(TypeError, match="workspace"):
        module.hvp(params, X, y, v=v, workspace=module)
