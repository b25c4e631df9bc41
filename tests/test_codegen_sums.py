"""Products of stacks, sums added up in one array, positions of maxima, indices without a sign."""

import re

import numpy as np
import pytest
from modules import arguments, compare, module_of, unoptimised

import symgrad as sg
from symgrad.codegen.module import graph_text
from symgrad.codegen.plan import plan
from symgrad.codegen.products import matrices
from symgrad.codegen.statements import Accumulate, Assign, Fill, Loop, Product, flat

STEPS = 4
RECURRENT = sg.parse(
    "; ".join(f"h{t} = tanh(X[{t}] @ A{f' + h{t - 1} @ B' if t else ''} + b)" for t in range(STEPS))
    + f"; J = mean((h{STEPS - 1} - T)**2)",
    {"X": (STEPS, "n", "d"), "T": ("n", "h"), "A": ("d", "h"), "B": ("h", "h"), "b": ("h",)},
    parameters=["A", "B", "b"],
)
GATES = sg.parse(
    "z = X @ W; c = sigmoid(z[:, :h]) * tanh(z[:, h:2*h]); J = mean(sigmoid(z[:, 2*h:]) * c)",
    {"X": ("n", "d"), "W": ("d", "3*h"), "T": ("n", "h")},
    parameters=["W"],
)
IMAGES = sg.parse(
    "Z = conv2d(X, K, stride=2, padding=1); Y = max_pool2d(relu(Z), 2); J = mean(Y * Y)",
    {"X": ("n", "c", 13, 12), "K": ("o", "c", 3, 3)},
    parameters=["K", "X"],
)


def statements(net, kind):
    program = plan(sg.gradient(net)).gradient
    return [(path, s) for k in program.kernels for path, s in flat(k.body) if isinstance(s, kind)]


# --- stacks


#: What a product of two arrays is: the sizes of its stack, and whether it is added up over it.
STACKS = {
    "einsum('oi,nip->nop', W, X)": (["n"], False),  # a convolution, example by example
    "einsum('nop,nip->oi', Z, X)": (["n"], True),  # and the gradient by its kernel
    "einsum('ntd,hdk->nhtk', X, U)": (["n", "h"], False),  # heads of attention
    "einsum('ntd,nhtk->hdk', X, V)": (["n", "h"], True),
    "einsum('ntd,dk->ntk', X, Y)": ([], False),  # one product, of more rows
    "einsum('ntd,ntk->dk', X, Z)": ([], False),
}


@pytest.mark.parametrize("text", STACKS)
def test_products_of_stacks(text):
    equation = re.search("'(.*)->", text)[1].split(",")
    names = re.findall(r"\b[A-Z]\b", text)
    net = sg.parse(f"J = sum(sin({text}))", dict(zip(names, map(tuple, equation), strict=True)))
    node = net.definitions[-1].expr
    while node.ndim == 0 or matrices(node) is None:
        node = node.operands[0]
    found, sizes = matrices(node), node.sizes
    assert ([str(sizes[k]) for k in found.stack], found.adds) == STACKS[text]


def test_a_convolution_is_a_loop_over_examples():
    """Windows, product, ReLU and pooling of an example stand in one loop, and nothing is copied."""
    program = plan(sg.gradient(IMAGES)).gradient
    loops = [s for k in program.kernels for s in k.body if isinstance(s, Loop)]
    assert len(loops) == 3  # forward to ∂W; what is put into ∂X; ∂K
    products = statements(IMAGES, Product)
    assert [[str(v.dim) for v in path] for path, _ in products] == [["n"]] * 3  # Z, ∂K and ∂X
    copies = [s for _, s in statements(IMAGES, Assign) if type(s.node).__name__ == "Einsum"]
    assert all(len(s.node.factors) > 1 for s in copies)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_convolution_compiled(dtype, tmp_path):
    module = module_of(IMAGES, tmp_path, dtype)
    tolerance = {"float64": 1e-12, "float32": 2e-5}[dtype]
    for sizes in ({"n": 3, "c": 2, "o": 40}, {"n": 1, "c": 1, "o": 1}, {"n": 2, "c": 9, "o": 16}):
        compare(module, IMAGES, IMAGES.sample(4, sizes), tolerance, tolerance)


def test_a_convolution_with_one_place_along_an_axis(tmp_path):
    net = sg.parse(
        "J = mean(tanh(conv2d(X, K, stride=2, dilation=2)))",
        {"X": ("n", "c", "h", 6), "K": ("o", "c", 2, 3)},
        parameters=["X", "K"],
    )
    module = module_of(net, tmp_path, jit=False)
    for sizes in ({"n": 3, "c": 2, "h": 7, "o": 4}, {"n": 1, "c": 1, "h": 3, "o": 1}):
        compare(module, net, net.sample(5, sizes), 1e-12, 1e-12)


# --- sums in one array


def test_a_weight_of_all_steps_is_added_up():
    """BLAS adds every product to what is there: no array of its own, no sum afterwards."""
    program = plan(sg.gradient(RECURRENT)).gradient
    targets = {}
    for _, s in statements(RECURRENT, Product):
        targets.setdefault(program.arrays[s.node], []).append(s.onto)
    assert targets["dA"] == [False] + [True] * (STEPS - 1)
    assert targets["dB"] == [False] + [True] * (STEPS - 2)
    assert targets["h2"] == [False, True]
    kept = {name for name in program.arrays.values() if name.startswith(("dA", "dB", "db"))}
    assert kept <= {"dA", "dB", "db", "dA_part", "dB_part"}


def test_the_parts_of_a_slice_are_put_into_one_array():
    program = plan(sg.gradient(GATES)).gradient
    body = [s for k in program.kernels for _, s in flat(k.body)]
    gates = [s for s in body if isinstance(s, Accumulate) and s.scatter]
    assert len(gates) == 3
    assert len({s.node for s in gates}) == 1
    assert [s.node for s in body if isinstance(s, Fill)] == [gates[0].node]
    wide = [b for b in program.storage.buffers if "3*h" in map(str, b.shape)]
    assert len(wide) <= 2  # z and its gradient


SUMS = [
    "K = X @ X.T + lam * eye(n) + diag(c); J = sum(sin(K))",
    "K = diag(c) - 2 * X @ X.T; J = sum(sin(K))",
    "K = X @ X.T; L = K + diag(c) + X @ A @ X.T; J = sum(sin(L)) + sum(K)",
    "J = sum(sin(concatenate([c, c[1:], c]) * 2)) + sum((X @ A)**2) + sum((A @ A)**2)",
    "y = pad(c, (1, 0))[:n] + pad(c[1:], (0, 1)); J = sum(y**3)",
    "h = X @ A + X @ A.T; J = sum(h * (X @ A))",  # a product that is read twice
    "J = sum(sin(G + c[:, None])) + sum(cos(2 * G - c[:, None])) + sum(G * c[:, None] * c)",
    "J = sum(relu(sum((X - A[0])**2, axis=1) - sum((X - A[-1])**2, axis=1) + 1))",
    "J = sum(c[1:] * c[:-1]) + sum(c[::2]**2) + c[0] * c[-1]",
]


@pytest.mark.parametrize("text", SUMS)
def test_sums_have_the_right_values(text, tmp_path):
    """Forward and backward each run again, too: what backward adds up begins anew."""
    symbols = {"X": ("n", "d"), "lam": (), "c": ("n",), "A": ("d", "d"), "G": (4, "n", "n")}
    used = {k: v for k, v in symbols.items() if re.search(rf"\b{k}\b", text)}
    net = sg.parse(text, used, parameters=[k for k in ("X", "A", "c") if k in used])
    module = module_of(net, tmp_path, jit=False, second_order=True)
    for sizes in ({"n": 5, "d": 3}, {"n": 3, "d": 4}, {"n": 2, "d": 1}):
        known = {name: sizes[name] for name in net.dims}
        compare(module, net, net.sample(2, known), 1e-12, 1e-12)


@pytest.mark.parametrize("net", [RECURRENT, GATES], ids=["recurrent", "gates"])
def test_recurrent_networks_compiled(net, tmp_path):
    module = module_of(net, tmp_path, "float32")
    for size in (33, 1):
        sizes = {name: size + n for n, name in enumerate(net.dims)}
        compare(module, net, net.sample(3, sizes), 3e-5, 3e-5)


def test_steps_are_alike_whatever_their_names():
    """The same terms and factors in the same order, so that steps are one function."""
    deep = sg.parse(
        "; ".join(
            f"z{t} = X @ A{f' + c{t - 1} @ B' if t else ''}; "
            f"c{t} = sigmoid(z{t}[:, :h]) * tanh(z{t}[:, h:])"
            for t in range(12)
        )
        + "; J = mean(c11**2)",
        {"X": ("n", "d"), "A": ("d", "2*h"), "B": ("h", "2*h")},
        parameters=["A", "B"],
    )
    instances = [
        len(block.instances)
        for kernel in plan(sg.gradient(deep)).gradient.kernels
        for block in kernel.blocks
    ]
    assert max(instances) >= 9
    assert sum(
        block.length > 1 for k in plan(sg.gradient(deep)).gradient.kernels for block in k.blocks
    )


# --- positions of maxima, and indices


@pytest.mark.parametrize("window", ["(2, 2)", "(3, 2), stride=(1, 2)", "(1, 3), stride=(1, 1)"])
def test_pooling(window, tmp_path):
    """Ties, infinities and NaN among the entries of a window; where windows overlap."""
    net = sg.parse(
        f"Y = max_pool2d(X, {window}); J = sum(exp(Y))",
        {"X": ("n", 2, 6, 6)},
        parameters=["X"],
    )
    module = module_of(net, tmp_path, jit=False)
    X = np.random.default_rng(1).normal(size=(3, 2, 6, 6))
    compare(module, net, {"X": X}, 1e-12, 1e-12)
    compare(module, net, {"X": np.round(X)}, 1e-12, 1e-12)
    X[0, 0, 2:5, :5] = -np.inf
    compare(module, net, {"X": X}, 1e-12, 1e-12)
    X[1, 1, 0, 0] = np.nan
    _, grads = module.value_and_grad(module.pack({"X": X}))
    assert np.isfinite(grads.X[0, 1]).all()
    assert (grads.X[1, 1] != 0).sum() > 0


POSITIONS = [
    "J = sum(max(Z, axis=1) * logsumexp(Z, axis=1)) + sum(onehot(argmax(Z, axis=1), k) * Z**2)",
    "J = sum(logsumexp(Z, axis=1)) + sum(max(Z, axis=1) * argmax(Z, axis=1) * sum(Z, axis=1))",
    "J = sum(max(Z, axis=1) * argmax(Z, axis=1)) + sum(min(Z, axis=1)**2 * argmin(Z, axis=1))",
    "J = sum(argmax(Z, axis=1) * sum(softmax(Z, axis=1)**2, axis=1)) + sum(max(Z, axis=1)**3)",
]


@pytest.mark.parametrize("text", POSITIONS)
def test_positions_beside_maxima(text, tmp_path):
    """A maximum is what the search for its position found, where both are made in one loop."""
    symbols = {"X": ("n", "d"), "W": ("d", "k")}
    net = sg.parse(f"Z = X @ W; {text}", symbols, parameters=["X", "W"])
    module = module_of(net, tmp_path, jit=False)
    for sizes in ({"n": 4, "d": 5, "k": 3}, {"n": 1, "d": 2, "k": 6}, {"n": 3, "d": 1, "k": 1}):
        compare(module, net, net.sample(1, sizes), 1e-12, 1e-12)


def test_positions_are_decoded():
    """No loop looks for the entry that was the largest, and no branch for its range."""
    text = graph_text(IMAGES, second_order=False)
    assert re.search(r"= index\(2 \* k \+ \(int\(dZ_argmax\) // 2\)\)", text)
    assert re.search(r"= index\(2 \* l \+ \(int\(dZ_argmax\) % 2\)\)", text)
    assert "_maximum" not in text  # the search for the position has it already


def test_slices_are_vectors(tmp_path):
    """An index without a sign cannot count from the end, which LLVM would have to ask of each."""
    net = sg.parse("J = sum(c[1:] * c[:-1])", {"c": ("n",)}, parameters=["c"])
    module = module_of(net, tmp_path)
    params, inputs, _ = arguments(module, net, net.sample(0, {"n": 100}))
    module.value_and_grad(params, *inputs)
    (code,) = module._value_and_grad.inspect_llvm().values()
    assert re.search(r"fmul.* <\d+ x double>", code)
    assert not re.search(r"masked\.gather", code)


MASKED = [
    "J = sum(tril(A)[1:, :-1]**2)",
    "J = sum(sin(triu(A, 1)[::-1, :]))",
    "J = sum(cumsum(triu(A)[:, ::-1], axis=1)**2)",
    "J = sum(sin(max(tril(A)[::-1, ::2], axis=1) * argmax(tril(A)[::-1, ::2], axis=1)))",
]


@pytest.mark.parametrize("text", MASKED)
@pytest.mark.parametrize("jit", [False, True])
def test_masks_at_computed_indices(text, jit, tmp_path):
    """Differences of indices that have no sign are none: conditions are in those of the loops."""
    net = sg.parse(text, {"A": ("n", "n")}, parameters=["A"])
    with unoptimised():
        module = module_of(net, tmp_path, jit=jit)
        for size in (5, 2):
            compare(module, net, net.sample(1, {"n": size}), 1e-12, 1e-12)
