"""Plans: values that print, whose memory is enough and not more than that."""

import dataclasses
from collections import defaultdict

import pytest
from hypothesis import HealthCheck, given, settings
from strategies import networks
from test_generated import network

import symgrad as sg
from symgrad.codegen.layout import fitted, literal
from symgrad.codegen.plan import plan
from symgrad.codegen.statements import Assign, Loop, reads, writes
from symgrad.errors import TemplateError
from symgrad.tensor.dims import same_shape
from symgrad.tensor.nodes import Leaf

PRINTED = """
value and gradient of tanh_layers_1, float64
workspace  (n, d)       z1_prod
workspace  (n, d)       dz1
out        (d, d)       dW1
out        (d,)         db1

forward
    z1_prod = X · W1, a product of matrices
    for i < n
        for j < d
            h1[i, j] = of b1, z1_prod
            J_sum += of T, h1, by rows
            dz1[i, j] = of T, h1
    J = of J_sum
    return J

backward
    dW1 = Xᵀ · dz1, a product of matrices
    db1 = 0
    for i < n
        for j < d
            db1[j] += of dz1
"""


def tanh_layers(layers):
    n, d = sg.dims("n d")
    value, target = sg.tensor("X", n, d), sg.tensor("T", n, d)
    net = sg.Graph(f"tanh_layers_{layers}")
    for k in range(1, layers + 1):
        z = net.define(f"z{k}", value @ sg.parameter(f"W{k}", d, d) + sg.parameter(f"b{k}", d))
        value = net.define(f"h{k}", sg.tanh(z))
    net.define("J", sg.mean((value - target) ** 2))
    return net


def test_a_plan_prints_itself():
    printed = str(plan(sg.gradient(tanh_layers(1))))
    head, _, _ = printed.partition("\nprediction")
    assert head.strip() == PRINTED.strip()


def test_plans_are_frozen():
    made = plan(sg.gradient(network("classifier")))
    for value in (made, made.gradient, made.gradient.kernels[0], made.gradient.storage):
        field = dataclasses.fields(value)[0].name
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, field, None)
    assert all(isinstance(kernel.body, tuple) for kernel in made.gradient.kernels)


def test_memory_of_deep_networks():
    """One array for each layer's output, which backward needs, and few more for all of backward."""
    n, d = sg.dims("n d")
    for layers in (3, 5, 20):
        room = plan(sg.gradient(tanh_layers(layers))).gradient.storage.room
        assert room == (layers - 1 + 3) * n * d


def test_equal_products_are_computed_once():
    net = sg.parse(
        "J = sum(tanh(a * x) * sigmoid(x * a) + tanh(x * a))",
        symbols={"x": ("n",), "a": ("n",)}, parameters=["a"],
    )  # fmt: skip
    program = plan(sg.gradient(net)).gradient
    maps = [node for node in program.kept if program.names[node].startswith(("J_map", "da_map"))]
    assert len(maps) == 2


def everything(program):
    """All statements outside loops, numbered through all kernels."""
    return list(enumerate(s for kernel in program.kernels for s in kernel.body))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_values_that_share_memory_are_never_alive_together(net):
    try:
        program = plan(sg.gradient(net)).gradient
    except TemplateError:
        return
    made, last = {}, {}
    for n, statement in everything(program):
        for node, _ in writes(statement):
            made.setdefault(node, n)
        for node, _ in reads(statement, program.kept):
            if not isinstance(node, Leaf):
                assert node in made, "a value is read before it is made"
                last[node] = n
    cut = len(program.kernels[0].body)
    heirs = program.storage.heirs
    for buffer in program.storage.buffers:
        assert len(set(buffer.values)) == len(buffer.values)
        for old, new in zip(buffer.values, buffer.values[1:], strict=False):
            assert same_shape(old.shape, new.shape)
            assert not made[old] < cut <= last.get(old, 0), "backward needs what was overwritten"
            end = last.get(old, made[old])
            assert end <= made[new] if heirs.get(old) is new else end < made[new]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_backward_alone_writes_the_gradient(net):
    try:
        program = plan(sg.gradient(net)).gradient
    except TemplateError:
        return
    forward, backward = (
        {node for s in kernel.body for node, _ in writes(s)} for kernel in program.kernels
    )
    results = {buffer.values[-1] for buffer in program.storage.results}
    assert results <= backward
    assert not results & forward


def test_loops_are_fused():
    def nests(body):
        return sum(isinstance(s, Loop) for s in body)

    program = plan(sg.gradient(network("classifier"))).gradient
    forward, backward = program.kernels
    assert nests(forward.body) == 4  # tanh; softmax, loss and dz2 in one; two sums of squares
    assert nests(backward.body) == 2  # db2, dz1 with db1; λW1 and λW2 are part of products
    inner = defaultdict(int)
    for statement in forward.body:
        inner[type(statement)] += 1
    assert inner[Assign] == 2  # L and J


def test_layout():
    assert literal(("n",)) == '("n",)'
    assert literal({"a": ("n", 3)}) == '{"a": ("n", 3)}'
    long = "    total = " + " + ".join(f"part_{k} * other_{k}" for k in range(9))
    first, *parts, last = fitted(long)
    assert (first, last) == ("    total = (", "    )")
    assert parts[0] == "        part_0 * other_0"
    assert parts[1] == "        + part_1 * other_1"
    assert fitted("    x = y") == ["    x = y"]
    target = f"{' ' * 48}copy[i, j, k, l, p, q, r, s]"
    assert fitted(f"{target} = other[j, k, l, i, r, p, s, q]") == [
        f"{target} = (",
        f"{' ' * 52}other[j, k, l, i, r, p, s, q]",
        f"{' ' * 48})",
    ]
