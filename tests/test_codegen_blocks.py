"""Statements that repeat are one function, called in a loop or one by one: the unrolled module is
the reference.
"""

import re

import numpy as np
import pytest
from modules import arguments, compare, module_of

import symgrad as sg
from symgrad.codegen import blocks
from symgrad.codegen.general import general, numbers
from symgrad.codegen.module import graph_text
from symgrad.codegen.plan import plan


def chain(layers, line, output, before="", **symbols):
    """A network of equal lines: `{x}` is the value before layer {i}, `{y}` that of the layer."""
    lines, x = [before] if before else [], "X"
    for i in range(1, layers + 1):
        lines.append(line.format(i=i, k=i - 1, x=x, y=f"h{i}"))
        x = f"h{i}"
    lines.append(output.format(x=x, last=layers))
    shapes = {"X": ("n", "d"), "T": ("n", "d")}
    names = []
    for name, shape in symbols.items():
        if name[0].isupper() or name in ("b", "g", "s"):
            for i in range(1, layers + 1):
                shapes[f"{name}{i}"] = tuple(str(size).format(i=i, k=i - 1) for size in shape)
                names.append(f"{name}{i}")
        else:
            shapes[name] = shape
            names.append(name)
    return sg.parse("; ".join(lines), symbols=shapes, parameters=names)


SQUARE = {"W": ("d", "d"), "b": ("d",)}
MEAN = "J = mean(({x} - T)**2)"
NORM = (
    "m{i} = {x} - mean({x}, axis=1, keepdims=True); "
    "v{i} = m{i} / sqrt(mean(m{i}**2, axis=1, keepdims=True) + 0.1) * g{i}; "
    "{y} = {x} + gelu(v{i} @ W{i} + b{i})"
)
ATTENTION = (
    "q{i} = {x} @ Q{i}; k{i} = {x} @ K{i}; v{i} = {x} @ V{i}; "
    "a{i} = softmax(q{i} @ k{i}.T / 3, axis=1) @ v{i}; {y} = {x} + tanh(a{i} @ W{i})"
)
NETWORKS = {
    "tanh": chain(9, "{y} = tanh({x} @ W{i} + b{i})", MEAN, **SQUARE),
    "relu": chain(8, "z{i} = {x} @ W{i} + b{i}; {y} = relu(z{i})", MEAN, **SQUARE),
    "residual": chain(10, "{y} = {x} + tanh({x} @ W{i} + b{i})", MEAN, **SQUARE),
    "norms": chain(6, NORM, MEAN, g=("d",), **SQUARE),
    "attention": chain(
        6, ATTENTION, MEAN, Q=("d", "c"), K=("d", "c"), V=("d", "c"), W=("c", "d")
    ),
    "one step, many times": chain(
        12, "{y} = tanh({x} @ w + X @ u)", MEAN, w=("d", "d"), u=("d", "d")
    ),
    "all layers are read": chain(
        9, "{y} = tanh({x} @ W{i} + b{i})",
        "s = " + " + ".join(f"h{i}" for i in range(1, 10)) + "; J = mean((s - T)**2)", **SQUARE,
    ),
    "scalars": chain(9, "{y} = tanh(s{i} * {x} @ W{i})", MEAN, s=(), W=("d", "d")),
    "scaled by norms": chain(
        9, "r{i} = sqrt(sum(W{i}**2)); {y} = tanh({x} @ W{i} / r{i})", MEAN, W=("d", "d")
    ),
}  # fmt: skip


def widths(layers, functions=("tanh",)):
    """A network whose widths are all different, its functions one after another."""
    lines, x = [], "X"
    shapes, names = {"X": ("n", "d0"), "T": ("n", f"d{layers}")}, []
    for i in range(1, layers + 1):
        lines.append(f"h{i} = {functions[i % len(functions)]}({x} @ W{i} + b{i})")
        shapes |= {f"W{i}": (f"d{i - 1}", f"d{i}"), f"b{i}": (f"d{i}",)}
        names += [f"W{i}", f"b{i}"]
        x = f"h{i}"
    lines.append(f"J = mean(({x} - T)**2)")
    return sg.parse("; ".join(lines), symbols=shapes, parameters=names)


def decay(layers):
    """Weight decay of every layer: many numbers that one formula reads at the end."""
    lines = [f"h{i} = tanh({f'h{i - 1}' if i > 1 else 'X'} @ W{i})" for i in range(1, layers + 1)]
    squares = " + ".join(f"sum(W{i}**2)" for i in range(1, layers + 1))
    lines.append(f"J = mean((h{layers} - T)**2) + lam / 2 * ({squares})")
    shapes = {"X": ("n", "d"), "T": ("n", "d"), "lam": ()}
    shapes |= {f"W{i}": ("d", "d") for i in range(1, layers + 1)}
    return sg.parse(
        "; ".join(lines), symbols=shapes, domain={"lam": "positive"},
        parameters=[f"W{i}" for i in range(1, layers + 1)],
    )  # fmt: skip


NETWORKS |= {
    "widths": widths(9),
    "widths and functions": widths(12, ("tanh", "relu", "softplus")),
    "decay": decay(9),
}


def both(net, folder, monkeypatch, **options):
    """The module, and the one in which nothing is taken together."""
    rolled = module_of(net, folder, **options)
    monkeypatch.setattr(blocks, "FEWEST", 10**9)
    unrolled = module_of(net, folder, **options)
    monkeypatch.undo()
    assert not any(name.startswith("_block") for name in vars(unrolled))
    return rolled, unrolled


def sizes(net):
    return {name: 2 + n % 4 for n, name in enumerate(net.dims)}


@pytest.mark.parametrize("second", [False, True])
@pytest.mark.parametrize("name", NETWORKS)
def test_it_computes_what_the_unrolled_module_does(name, second, tmp_path, monkeypatch):
    net = NETWORKS[name]
    rolled, unrolled = both(net, tmp_path, monkeypatch, jit=False, second_order=second)
    assert any(name.startswith("_block") for name in vars(rolled))
    values = net.sample(3, sizes(net))
    found = []
    for module in (rolled, unrolled):
        params, inputs, _ = arguments(module, net, values)
        work = module.workspace(params, *inputs)
        value, grads = module.value_and_grad(params, *inputs, workspace=work)
        results = (
            [value, grads.flat.copy(), module.predict(params, *inputs[:1]).copy()]
            if (hasattr(module, "predict") and net.inputs[:1] == ("X",) and len(inputs) == 2)
            else [value, grads.flat.copy()]
        )
        if second:
            v = module.Params(np.sin(np.arange(params.flat.size)), params.sizes)
            results.append(module.hvp(params, *inputs, v=v, workspace=work).flat.copy())
        found.append(results)
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)  # to the last bit


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["residual", "widths and functions", "decay"])
def test_compiled(name, dtype, tmp_path):
    net = NETWORKS[name]
    module = module_of(net, tmp_path, dtype)
    rtol, atol = {"float64": (1e-10, 1e-12), "float32": (2e-3, 2e-5)}[dtype]
    compare(module, net, net.sample(5, sizes(net)), rtol, atol)
    compare(module, net, net.sample(6, dict.fromkeys(net.dims, 1)), rtol, atol)


def kernels(net):
    """The kernels for the value, the gradient and predictions."""
    source = graph_text(net, second_order=False)
    return source[source.index("\n# The kernels.") : source.index("\n# The checks")]


def deep(layers):
    return chain(layers, "{y} = tanh({x} @ W{i} + b{i})", MEAN, **SQUARE)


def test_kernels_of_equal_layers_are_of_one_length():
    lengths = {layers: kernels(deep(layers)).count("\n") for layers in (20, 100, 300)}
    assert len(set(lengths.values())) == 1, lengths


def test_layers_of_different_sizes_are_calls():
    short, long = kernels(widths(24)), kernels(widths(48))
    assert short.count("_tanh(") == long.count("_tanh(")  # one function for all of them
    assert short.count("def _block") == long.count("def _block")


def test_blocks_of_a_plan():
    program = plan(sg.gradient(deep(20))).gradient
    forward, backward = (kernel.blocks for kernel in program.kernels)
    assert [len(block.instances) for block in forward] == [19]  # the first reads X
    assert [len(block.instances) for block in backward] == [18]
    assert [block.length for block in forward] == [2]  # a loop nest and a product
    assert not any(k.blocks for k in plan(sg.gradient(deep(3))).gradient.kernels)


def test_a_loop_counts_as_its_layers_do():
    source = kernels(deep(20))
    assert re.search(r"for l in range\(1, 20\):\n", source)
    assert re.search(r"for l in range\(\d\d, 2, -1\):\n", source)
    assert "# hₗ = tanh(hₗ₋₁ Wₗ" in source or "# h_after = hₗ W_after" in source


def test_general_texts():
    assert numbers(["h2", "h3"]) == (2, 3)
    assert numbers(["h", "h"]) is None
    assert general(["z3_prod", "z4_prod"], [3, 4], name=True) == "z_l_prod"
    assert general(["W2", "W4"], [3, 5], name=True) == "W_before"
    assert general(["W2", "W5"], [3, 4], name=True) is None
    assert general(["dh₉ = x", "dh₁₀ = x"], [9, 10]) == "dhₗ = x"
    assert general(["dh₉ = x", "dh₁₀ = y"], [9, 10]) is None
