"""Convolutions and pooling: values and derivatives of every order against loops and PyTorch."""

import itertools
from collections import Counter

import mpmath
import numpy as np
import pytest
import reference_numpy
import reference_windows as windows
from modules import compare, module_of
from sympy import sympify

import symgrad as sg
from symgrad.errors import DeclarationError, ShapeError
from symgrad.notation import numpy as numpy_text
from symgrad.tensor.cost import cost
from symgrad.tensor.evaluate import evaluate

# a call with its arguments as text, the shapes of X and of the kernel K
CONVOLUTIONS = [
    ("conv1d", "", (2, 3, 6), (4, 3, 3)),
    ("conv1d", "stride=2, padding=1", (2, 3, 7), (4, 3, 3)),
    ("conv1d", "padding=2, dilation=2", (1, 3, 4), (1, 3, 3)),
    ("conv1d", "stride=3", (2, 1, 8), (2, 1, 1)),
    ("conv1d", "stride=2, padding=1", (2, 2, 5), (2, 2, 1)),
    ("conv1d", "groups=2", (2, 4, 5), (6, 2, 2)),
    ("conv1d", "padding=3", (1, 2, 1), (2, 2, 4)),
    ("conv2d", "", (2, 3, 5, 4), (4, 3, 3, 2)),
    ("conv2d", "", (1, 2, 4, 3), (3, 2, 4, 3)),
    ("conv2d", "", (2, 2, 3, 3), (3, 2, 1, 1)),
    ("conv2d", "stride=2", (2, 2, 3, 4), (3, 2, 1, 1)),
    ("conv2d", "stride=(2, 1), padding=(0, 2), dilation=(1, 2)", (2, 2, 6, 5), (3, 2, 3, 2)),
    ("conv2d", "stride=2, padding=1, groups=2", (2, 4, 5, 4), (6, 2, 3, 3)),
    ("conv2d", "padding=1, groups=4", (2, 4, 4, 4), (4, 1, 3, 3)),
    ("conv2d", "stride=2, groups=3", (1, 3, 4, 4), (6, 1, 2, 3)),
    ("conv2d", "", (1, 1, 1, 1), (1, 1, 1, 1)),
    ("conv2d", "padding=1", (2, 1, 1, 4), (1, 1, 3, 3)),
    ("conv_transpose1d", "", (2, 3, 4), (3, 2, 3)),
    ("conv_transpose1d", "stride=2, padding=1, output_padding=1", (2, 3, 4), (3, 2, 3)),
    ("conv_transpose2d", "", (2, 3, 3, 2), (3, 2, 2, 3)),
    ("conv_transpose2d", "stride=(2, 3), padding=(0, 1)", (2, 3, 3, 2), (3, 2, 2, 3)),
    ("conv_transpose2d", "2, 1, 1, 2, (2, 1)", (2, 4, 3, 3), (4, 3, 2, 3)),
    ("conv_transpose2d", "3", (1, 1, 1, 1), (1, 1, 1, 1)),
    ("conv_transpose2d", "(3, 1), (3, 0), (0, 1), 1, (2, 2)", (1, 1, 6, 2), (1, 2, 3, 1)),
    ("conv_transpose1d", "1, 2, 1, 3, 2", (2, 3, 2), (3, 1, 4)),
]
POOLS = [
    ("max_pool1d", "3", (2, 3, 8), None),
    ("max_pool1d", "3, 2, 1", (2, 3, 8), None),
    ("max_pool1d", "3, 1, 1", (2, 4, 4), None),
    ("max_pool1d", "1", (2, 3), None),
    ("max_pool2d", "2", (2, 3, 5, 4), None),
    ("max_pool2d", "(3, 2), (2, 1), (1, 0)", (2, 3, 5, 4), None),
    ("max_pool2d", "3, 2, 1", (2, 4, 4), None),
    ("max_pool2d", "(1, 3), 1, (0, 1)", (1, 1, 3, 3), None),
    ("max_pool2d", "2, 2, 1", (1, 1, 1, 1), None),
    ("avg_pool2d", "2", (2, 3, 5, 4), None),
    ("avg_pool2d", "(3, 2), (2, 1), (1, 0)", (2, 3, 5, 4), None),
    ("avg_pool2d", "1", (2, 3, 2, 2), None),
]
CASES = CONVOLUTIONS + POOLS


def named(case):
    name, options, shape, kernel = case
    return f"{name}({shape}{f', {kernel}' if kernel else ''}{f', {options}' if options else ''})"


every_case = pytest.mark.parametrize("case", CASES, ids=map(named, CASES))


def call(case):
    name, options, _, kernel = case
    return f"{name}({', '.join(filter(None, ['X', kernel and 'K', options]))})"


def graph(case):
    """J = Σ Y³/3, whose second derivative is not constant."""
    _, _, shape, kernel = case
    shapes = {"X": shape} | ({"K": kernel} if kernel else {})
    return sg.parse(f"Y = {call(case)}; J = sum(Y**3) / 3", shapes, parameters=list(shapes))


def values_of(case, seed=0):
    rng = np.random.default_rng(seed)
    _, _, shape, kernel = case
    found = {"X": rng.standard_normal(shape)}
    return found | ({"K": rng.standard_normal(kernel)} if kernel else {})


REFERENCES = {
    "conv": windows.conv,
    "conv_transpose": windows.conv_transpose,
    "max_pool": windows.pool,
    "avg_pool": lambda *given, **options: windows.pool(*given, mean=True, **options),
}


def reference(case, values):
    """The call by loops."""
    name = case[0]
    function = REFERENCES[name[:-2]]

    def called(*given, **options):
        more = {"rank": int(name[-2])} if "pool" in name else {}
        return function(*given, **options, **more)

    return eval(call(case), {name: called}, values)


def output(case, values):
    return np.sum(reference(case, values) ** 3) / 3


def complex_step(function, values, name):
    """The gradient by one argument, without a difference of close numbers."""
    found = np.zeros(values[name].shape)
    for at in np.ndindex(*found.shape):
        moved = values[name].astype(complex)
        moved[at] += 1e-40j
        found[at] = function(values | {name: moved}).imag / 1e-40
    return found


def defined(derivative, values, **options):
    """The derivative at any values, definition by definition."""
    known = dict(values)
    for definition in (*derivative.graph.definitions, *derivative.definitions):
        (known[definition.leaf.name],) = evaluate([definition.expr], known, **options)
    return known[derivative.leaf.name]


@every_case
def test_value(case):
    values = values_of(case)
    ours, expected = graph(case).evaluate(values, "Y"), reference(case, values)
    assert ours.shape == expected.shape
    # sums of at most a hundred products of order 1
    np.testing.assert_allclose(ours, expected, rtol=1e-13, atol=1e-13)


@every_case
def test_gradient(case):
    values = values_of(case)
    derivation = sg.gradient(graph(case))
    for name in values:
        expected = complex_step(lambda v: output(case, v), values, name)
        ours = derivation[name].evaluate(values)
        # a complex step is exact to rounding; some hundred numbers of order 10 to 100
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-11)


@every_case
def test_hessian_product(case):
    """H v as the complex step of the gradient along v."""
    values = values_of(case)
    net = graph(case)
    derivation = sg.gradient(net)
    for name in values:
        direction = np.random.default_rng(1).standard_normal(values[name].shape)
        moved = values | {name: values[name] + 1e-40j * direction}
        expected = defined(derivation[name], moved).imag / 1e-40
        ours = sg.hvp(net, name).evaluate(values | {f"d{name}": direction})
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-10)  # as above


SMALL = [case for case in CASES if np.prod(case[2]) <= 16]


@pytest.mark.parametrize("case", SMALL, ids=map(named, SMALL))
def test_hessian_and_mixed_block(case):
    values = values_of(case)
    net = graph(case)
    derivation = sg.gradient(net)
    for one, other in itertools.product(values, repeat=2):
        block = sg.hessian(net, one, other).evaluate(values)
        slope = derivation[one]
        for at in np.ndindex(*values[other].shape):
            moved = values[other].astype(complex)
            moved[at] += 1e-40j
            expected = defined(slope, values | {other: moved}).imag / 1e-40
            np.testing.assert_allclose(block[..., *at], expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("case", CASES[::4], ids=map(named, CASES[::4]))
def test_fifty_digits(case):
    """The gradient along a direction and a central difference, both in 50 digits."""
    values = values_of(case)
    net = graph(case)
    derivation = sg.gradient(net)
    loss = [definition.expr for definition in net.definitions]
    rng = np.random.default_rng(2)
    with mpmath.workdps(50):
        step = mpmath.mpf(10) ** -12
        for name in values:
            move = rng.standard_normal(values[name].shape).astype(object)
            exact = []
            for sign in (1, -1):
                known = values | {name: values[name] + sign * step * move}
                known["Y"] = evaluate(loss[:1], known, precision=50)[0]
                exact.append(evaluate(loss[1:], known, precision=50)[0][()])
            slope = (exact[0] - exact[1]) / (2 * step)
            ours = np.sum(defined(derivation[name], values, precision=50) * move)
            # step² f''' ~ 1e-22, and 1e-50 / step is far less
            assert abs(slope - ours) <= 1e-20 * (1 + abs(ours))


@every_case
def test_numpy_text(case):
    """What is printed can be run, and is what is meant; of convolutions without dense brackets."""
    values = values_of(case)
    net = graph(case)
    texts = {"Y": numpy_text(net.definitions[0].expr)}
    texts |= {name: sg.gradient(net)[name].numpy() for name in values}
    expected = {"Y": net.evaluate(values, "Y")}
    expected |= {name: sg.gradient(net)[name].evaluate(values) for name in values}
    given = values | {"Y": expected["Y"]}
    for name, text in texts.items():
        # the same sums in another order
        np.testing.assert_allclose(
            reference_numpy.run(text, given), expected[name], rtol=1e-11, atol=1e-11, err_msg=text
        )
    if case in CONVOLUTIONS and "groups" not in case[1]:
        dense = [name for name, text in texts.items() if "arange" in text]
        assert not dense or case[0].startswith("conv_transpose")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@every_case
def test_module(case, dtype, tmp_path):
    """Run by Python alone: what Numba compiles is tested below."""
    net = graph(case)
    module = module_of(net, tmp_path, dtype, jit=False)
    # sums of at most a thousand products of order up to 10
    tolerance = 1e-12 if dtype == "float64" else 2e-4
    compare(module, net, values_of(case), tolerance, 10 * tolerance)


LENET = """
    H1 = max_pool2d(relu(conv2d(X, K1, padding=1) + b1[:, None, None]), 2)
    H2 = avg_pool2d(relu(conv2d(H1, K2, stride=2, padding=1, groups=2)), 2, 1)
    Z = einsum("nchw,chwk->nk", H2, W)
    J = mean(cross_entropy(Z, y))
"""


def lenet():
    return sg.parse(
        LENET,
        symbols={
            "X": ("n", 1, 8, 6), "y": ("n",), "K1": (4, 1, 3, 3), "b1": (4,), "K2": (6, 2, 3, 3),
            "W": (6, 1, 1, "k"),
        },
        domain={"y": "labels:k"},
        parameters=["K1", "b1", "K2", "W"],
        name="lenet",
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_network_compiled(dtype, tmp_path):
    net = lenet()
    values = net.sample(0, {"n": 3, "k": 4})
    module = module_of(net, tmp_path, dtype)
    tolerance = 1e-12 if dtype == "float64" else 1e-4  # sums of a few hundred numbers of order 1
    compare(module, net, values, tolerance, tolerance)
    assert sg.check(net, sizes={"n": 3, "k": 4})


def test_brackets_are_no_arrays():
    """Buffers of a module are results, and arrays of all windows for products of matrices (im2col),
    in some order of axes: none has the axes of a bracket [h = 2 i + u − 1].
    """
    net = sg.parse(
        "Y = conv2d(X, K, stride=2, padding=1); J = sum(Y**2)",
        {"X": ("n", "c", "h", "w"), "K": ("o", "c", 3, 3)},
        parameters=["K", "X"],
    )
    from symgrad.codegen.plan import plan

    program = plan(sg.gradient(net)).gradient
    n, c, *_ = net.leaf("X").shape
    _, o, p, q = net.leaf("Y").shape
    allowed = [Counter((n, o, p, q)), Counter((n, c, p, q, 3, 3))]
    found = [Counter(map(sympify, b.shape)) for b in program.storage.buffers if b.shape]
    assert found
    assert all(shape in allowed for shape in found)
    assert found.count(allowed[1]) == 2  # the windows of X, for Y and ∂J/∂K, and those of ∂J/∂X


# --- work


COUNTED = [
    ("conv2d(X, K)", (2, 3, 12, 11), (4, 3, 3, 3)),
    ("conv2d(X, K, 2, 1)", (2, 3, 12, 11), (4, 3, 3, 3)),
    ("conv2d(X, K, 1, 2, 2)", (2, 3, 12, 11), (4, 3, 3, 3)),
    ("conv2d(X, K, 3)", (2, 3, 12, 11), (4, 3, 3, 2)),
    ("conv2d(X, K, 1, 1, 1, 2)", (2, 4, 8, 8), (6, 2, 3, 3)),
    ("conv1d(X, K, 1, 3)", (2, 3, 9), (4, 3, 7)),
    ("conv_transpose2d(X, K, 2, 1)", (2, 3, 6, 7), (3, 4, 3, 3)),
]


def derived(row):
    text, shape, kernel = row
    net = sg.parse(
        f"Y = {text}; J = sum(T * Y)", {"X": shape, "K": kernel, "T": ()}, parameters=["X", "K"]
    )
    forward = net.definitions[0].expr
    seed = sg.tensor("T", *forward.shape)
    whole = sg.Graph("counted")
    x, k = sg.parameter("X", *shape), sg.parameter("K", *kernel)
    y = whole.define("Y", eval(text, {n: getattr(sg, n) for n in dir(sg)}, {"X": x, "K": k}))
    whole.define("J", sg.sum(seed * y))
    return forward, sg.gradient(whole)


@pytest.mark.parametrize("row", COUNTED, ids=[row[0] for row in COUNTED])
def test_backward_costs_at_most_twice_forward(row):
    forward, derivation = derived(row)
    flops = cost([forward], {}).flops
    each = [derivation[name].cost({}).flops for name in ("X", "K")]
    assert flops > 0
    assert sum(each) <= 2 * flops


@pytest.mark.parametrize("row", COUNTED, ids=[row[0] for row in COUNTED])
def test_the_evaluator_multiplies_no_more_than_that(row, monkeypatch):
    """The turns of the loops of every einsum that the evaluator runs."""
    turns = []

    def counted(*arguments, **options):
        sizes = {}
        for array, labels in zip(arguments[:-1:2], arguments[1::2], strict=True):
            sizes |= dict(zip(labels, array.shape, strict=True))
        turns.append(np.prod(list(sizes.values())))
        return einsum(*arguments, **options)

    einsum = np.einsum
    monkeypatch.setattr(np, "einsum", counted)
    forward, derivation = derived(row)
    rng = np.random.default_rng(0)
    values = {"X": rng.standard_normal(row[1]), "K": rng.standard_normal(row[2])}
    values["T"] = rng.standard_normal([int(d) for d in forward.shape])
    evaluate([forward], values)
    first, turns[:] = sum(turns), []
    for name in ("X", "K"):
        evaluate([derivation[name].expr], values)
    assert 0 < sum(turns) <= 2 * first


# --- kinks, padding, what is no number


def gradient_of(text, x):
    net = sg.parse(f"J = sum({text})", {"x": x.shape}, parameters=["x"])
    return net.evaluate({"x": x}), sg.gradient(net)["x"].evaluate({"x": x})


def test_ties_go_to_the_first_of_a_window():
    _, slope = gradient_of("max_pool2d(x, 2)", np.ones((4, 4)))
    np.testing.assert_array_equal(slope, np.kron(np.ones((2, 2)), [[1, 0], [0, 0]]))
    _, slope = gradient_of("max_pool1d(x, 3, 1, 1)", np.zeros(4))
    np.testing.assert_array_equal(slope, [2, 1, 1, 0])


@pytest.mark.parametrize("fill", [-3.0, -1e300, -np.inf])
def test_padding_never_wins(fill):
    x = np.full((3, 3), fill)
    net = sg.parse("y = max_pool2d(x, 3, 2, 1)", {"x": (3, 3)})
    np.testing.assert_array_equal(net.evaluate({"x": x}), np.full((2, 2), fill))


def test_a_nan_is_the_maximum_of_its_windows(tmp_path):
    x = np.arange(6.0)
    x[1] = np.nan
    net = sg.parse("y = max_pool1d(x, 2); J = sum(y)", {"x": (6,)}, parameters=["x"])
    value, slope = evaluate([net.definitions[0].expr, sg.gradient(net)["x"].expr], {"x": x})
    np.testing.assert_array_equal(value, [np.nan, 3, 5])
    np.testing.assert_array_equal(slope, [0, 1, 0, 1, 0, 1])
    module = module_of(net, tmp_path, jit=False)
    loss, grads = module.value_and_grad(module.pack({"x": x}))
    assert np.isnan(loss)
    np.testing.assert_array_equal(grads["x"], slope)


def test_what_is_not_read_may_be_infinite():
    """A stride leaves entries out; an infinity there is no NaN in the sum."""
    value, slope = gradient_of("conv1d(x, ones((1, 1, 1)), 2)", np.array([[[1.0, np.inf, 2.0]]]))
    assert value == 3
    np.testing.assert_array_equal(slope, [[[1, 0, 1]]])


# --- symbolic sizes, and what is refused


def test_sizes_are_dimensions():
    n, c, h, w, o, k = sg.dims("n c h w o k")
    x, kernel = sg.tensor("X", n, c, h, w), sg.tensor("K", o, c, k, 3)
    y = sg.conv2d(x, kernel, stride=2, padding=1)
    assert y.shape == sg.tensor("Y", n, o, "(h + 2 - k) // 2 + 1", "(w - 1) // 2 + 1").shape
    assert sg.conv2d(x, kernel).shape == (n, o, h - k + 1, w - 2)
    assert sg.max_pool2d(x, 2).shape == sg.tensor("Y", n, c, "h // 2", "w // 2").shape
    assert sg.conv_transpose2d(x, sg.tensor("K", c, o, k, 3), 2).shape == (
        n, o, 2 * h + k - 2, 2 * w + 1,
    )  # fmt: skip


def test_a_stride_may_be_a_dimension():
    net = sg.parse(
        "Y = conv1d(X, K, s); J = sum(T * Y)",
        {"X": (1, 1, "n"), "K": (1, 1, "k"), "T": (1, 1, "(n - k) // s + 1"), "S": ("s",)},
        parameters=["X"],
    )
    values = {"X": np.arange(9.0).reshape(1, 1, 9), "K": np.array([[[1.0, 10.0]]])}
    values |= {"S": np.zeros(3), "T": np.ones((1, 1, 3))}
    np.testing.assert_array_equal(net.evaluate(values, "Y"), [[[10, 43, 76]]])
    slope = sg.gradient(net)["X"].evaluate(values)
    np.testing.assert_array_equal(slope, [[[1, 10, 0, 1, 10, 0, 1, 10, 0]]])


def test_a_window_too_large_is_a_typed_error():
    net = sg.parse("Y = conv1d(X, K); J = sum(Y)", {"X": (1, 1, "n"), "K": (1, 1, "k")},
                   parameters=["X"])  # fmt: skip
    values = {"X": np.zeros((1, 1, 2)), "K": np.zeros((1, 1, 4))}
    with pytest.raises(ShapeError, match="not a positive integer"):
        net.evaluate(values)
    module = sg.compile(net)
    with pytest.raises(module.ShapeError, match="> 0"):
        module.value_and_grad(module.pack({"X": values["X"]}), values["K"])


X = sg.tensor("X", "n", 4, 6, 5)
K = sg.tensor("K", 6, 4, 3, 3)

REFUSED = [
    (lambda: sg.conv2d(X, K, stride=0), DeclarationError, "stride is a whole number from 1 on"),
    (lambda: sg.conv2d(X, K, stride=(1, 1, 1)), DeclarationError, "3 numbers for 2 axes"),
    (lambda: sg.conv2d(X, K, padding=-1), DeclarationError, "padding is a whole number from 0 on"),
    (lambda: sg.conv2d(X, K, dilation=0.5), DeclarationError, "dilation is a whole number"),
    (lambda: sg.conv2d(X, K, groups=4), ShapeError, "6 channels do not fall into 4 equal groups"),
    (lambda: sg.conv2d(X, K, groups=2), ShapeError, "has 4 channels, the kernel"),
    (lambda: sg.conv2d(X, K, groups=0), DeclarationError, "groups is a whole number from 1 on"),
    (lambda: sg.conv1d(X, K), ShapeError, "do not fit"),
    (lambda: sg.conv2d(X, K, dilation=3), ShapeError, "a window of 7 positions does not fit"),
    (lambda: sg.conv2d(X, sg.tensor("L", "o", 2, 3, 3), groups=2), ShapeError, '"2*k"'),
    (lambda: sg.conv_transpose2d(X, K), ShapeError, "has 4 channels, the kernel"),
    (
        lambda: sg.conv_transpose2d(X, sg.tensor("L", 4, 2, 3, 3), 2, output_padding=2),
        DeclarationError,
        "output_padding 2 is not below",
    ),
    (lambda: sg.max_pool2d(X, 3, padding=2), DeclarationError, "more than half the window of 3"),
    (lambda: sg.max_pool2d(X, 7), ShapeError, "a window of 7 positions does not fit"),
    (lambda: sg.max_pool2d(X, 0), DeclarationError, "size is a whole number from 1 on"),
    (lambda: sg.max_pool2d(sg.tensor("v", "n"), 2), ShapeError, "has no 2 axes"),
]


@pytest.mark.parametrize(("make", "kind", "message"), REFUSED, ids=[m for *_, m in REFUSED])
def test_what_is_refused_is_a_typed_error(make, kind, message):
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value)


# --- PyTorch


@every_case
def test_pytorch(case):
    torch = pytest.importorskip("torch", reason="PyTorch is an optional test peer")
    name = case[0]
    values = values_of(case)
    net = graph(case)
    tensors = {k: torch.tensor(v, requires_grad=True) for k, v in values.items()}
    function = getattr(torch.nn.functional, name)

    def called(x, *given, **options):
        # PyTorch's pools want one leading axis more, and conv puts a bias behind the kernel
        if "conv" in name:
            kernel, *rest = given
            return function(x, kernel, None, *rest, **options)
        lead = x.ndim - int(name[-2])
        return function(x.reshape(-1, 1, *x.shape[lead:]), *given, **options)

    y = eval(call(case), {name: called}, tensors)
    (y**3).sum().div(3).backward()
    np.testing.assert_allclose(
        net.evaluate(values, "Y").ravel(), y.detach().numpy().ravel(), rtol=1e-12, atol=1e-12
    )
    derivation = sg.gradient(net)
    for key, tensor in tensors.items():
        ours = derivation[key].evaluate(values)
        np.testing.assert_allclose(ours, tensor.grad.numpy(), rtol=1e-10, atol=1e-10)
