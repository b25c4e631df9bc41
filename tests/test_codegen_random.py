"""Generated modules against the evaluator: the whole vocabulary and random networks."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from layers import LAYERS, values_of
from modules import arguments, compare, module_of, unoptimised
from numba.core.runtime import _nrt_python, nrt
from strategies import SIZES, networks
from test_vocabulary import DOMAIN, ROWS, SYMBOLS

import symgrad as sg
from symgrad.errors import ShapeError

#: The symbols that rows are differentiated by; the others have domains of whole numbers or signs.
PARAMETERS = [name for name in SYMBOLS if name not in ("B", "S", "labels")]

#: What is compiled; the others are made of the same statements, or compiled in tests of their own.
COMPILED = set(
    """
    abs relu maximum where clip var max prod cumprod logsumexp softmax cross_entropy take
    concatenate einsum onehot argmax stop_gradient reshape kron batch_norm group_norm lstm_cell
    scaled_dot_product_attention conv2d max_pool2d
""".split()
)


def graph_of(rows):
    """J = Σ over the rows of a bounded smooth function of each, weighted so that none cancels."""
    values = [(f"value_{n}", text) for n, (_, text, *_) in enumerate(rows)]
    lines = [f"{name} = {text}" for name, text in values]
    terms = [f"{n + 1} / 8 * mean(sin({name}))" for n, (name, _) in enumerate(values)]
    anchor = "mean(x * y) + mean(A) + mean(W) + mean(V) + mean(X) + mean(b) + mean(G)"
    text = "; ".join([*lines, f"J = {' + '.join([*terms, anchor])}"])
    return sg.parse(text, symbols=SYMBOLS, domain=DOMAIN, parameters=PARAMETERS, name="rows")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("modules")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[1][:40]}")
def test_vocabulary_in_python(row, folder):
    graph = graph_of([row])
    module = module_of(graph, folder, jit=False)
    for sizes in ({"n": 3, "d": 4, "h": 2}, {"n": 1, "d": 1, "h": 1}):
        # a few hundred float64 operations on numbers of order 1
        compare(module, graph, graph.sample(5, sizes), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, folder):
    """Value and gradient of each layer, of every size and of sizes 1."""
    for size_of in ((lambda n: [3, 4, 2, 5, 6, 7][n]), (lambda n: 1)):
        graph, values = values_of(LAYERS[name], 3, size_of)
        module = module_of(graph, folder, jit=False)
        # a few hundred float64 operations on numbers of order 1; norms divide by small ones
        compare(module, graph, values, rtol=1e-9, atol=1e-10)


HOT = """
q = layer_norm(X @ W, g); k = batch_norm(X @ V, g)
f = reshape(scaled_dot_product_attention(q, k, q * k), (n * h,))
C = transpose(reshape(f, (h, n))) @ reshape(f, (h, n)) / 9 + eye(n)
J = sum(solve(C, X)**2) + logdet(C) + sum(cholesky(C)) + prod(g) + mean(max(f * f, axis=0))
"""


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_calls_with_a_workspace_allocate_nothing(dtype, folder):
    """Beside the handles that Numba makes of arguments, whatever the sizes."""
    symbols = {"X": ("n", "d"), "W": ("d", "h"), "V": ("d", "h"), "g": ("h",)}
    graph = sg.parse(HOT, symbols, parameters=["W", "V", "g"], name="hot")
    with unoptimised():
        module = module_of(graph, folder, dtype)
        counts = []
        for sizes in ({"n": 3, "d": 2, "h": 4}, {"n": 30, "d": 20, "h": 40}):
            values = graph.sample(1, sizes)
            params, inputs, _ = arguments(module, graph, values)
            work = module.workspace(params, *inputs)
            module.value_and_grad(params, *inputs, workspace=work)
            _nrt_python.memsys_enable_stats()
            before = nrt.rtsys.get_allocation_stats()
            module.value_and_grad(params, *inputs, workspace=work)
            after = nrt.rtsys.get_allocation_stats()
            assert after.alloc - before.alloc == after.free - before.free
            counts.append(after.alloc - before.alloc)
        assert counts == [5, 5]  # X, params, grads, work, sizes
    values = graph.sample(1, {"n": 3, "d": 2, "h": 4})
    # a few thousand operations, conditions below 10
    eps = np.finfo(dtype).eps
    compare(module, graph, values, 1e4 * eps, 1e4 * eps, again=False)


@pytest.mark.parametrize("part", range(3))
def test_vocabulary_compiled(part, folder):
    """Whether Numba's types are those of Python: a row for each kind of statement."""
    firsts = {row[0]: row for row in reversed(ROWS) if row[0] in COMPILED}
    assert set(firsts) == COMPILED
    graph = graph_of(list(firsts.values())[part::3])
    # sums of some hundred float32 terms of order 1 to 10: a hundred roundings
    with unoptimised():
        module = module_of(graph, folder, "float32")
        for sizes in ({"n": 5, "d": 7, "h": 3}, {"n": 1, "d": 1, "h": 1}):
            compare(module, graph, graph.sample(5, sizes), rtol=5e-5, atol=1e-3, again=False)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_random_networks(folder, net):
    module = module_of(net, folder, jit=False)
    source = Path(module.__file__).read_text(encoding="utf-8")
    assert max(map(len, source.splitlines())) <= 100
    for sizes in (SIZES, {"n": 1, "m": 1, "k": 2}):
        known = {name: size for name, size in sizes.items() if name in net.dims}
        try:
            values = net.sample(3, known)
        except ShapeError:  # these sizes leave an index out of range
            continue
        # values stay below about 10, and sums below 100 terms
        compare(module, net, values, rtol=1e-7, atol=1e-8)


def test_indices_out_of_range_are_refused(folder):
    net = sg.parse("J = sum(x[1:] * x[1]) + sum(X[:, 2])", symbols={"x": ("n",), "X": ("n", "d")},
                   parameters=["x"])  # fmt: skip
    module = module_of(net, folder, jit=False)
    with pytest.raises(module.ShapeError, match=r"1 < n does not hold for n = 1"):
        module.pack({"x": np.ones(1)})
    params = module.pack({"x": np.ones(3)})
    with pytest.raises(module.ShapeError, match=r"2 < d does not hold for d = 2"):
        module.workspace(params, np.ones((3, 2)))
