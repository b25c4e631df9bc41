"""A network of one example made into one of a batch: the same numbers, example by example."""

import re

import numpy as np
import pytest
from test_vocabulary import DOMAIN, ROWS, SYMBOLS

import symgrad as sg
from symgrad.declare.batched import RULES
from symgrad.errors import DeclarationError, NameClash, UnknownName
from symgrad.tensor import nodes, primitives
from symgrad.tensor.nodes import leaves

COUNT = 3
TEXTS = [row[1] for row in ROWS]

LOGISTIC = {
    "text": "z = W @ x + b; L = cross_entropy(z, y); J = L + lam / 2 * sum(W**2)",
    "symbols": {"W": ("c", "d"), "x": ("d",), "b": ("c",), "y": (), "lam": ()},
    "domain": {"y": "labels:c"},
    "parameters": ["W", "b"],
}


def logistic(**more):
    return sg.parse(**LOGISTIC, **more)


def examples(graph, chosen, seed=0):
    """Values of a batch, and of each example; what is not chosen is the same in all."""
    one = graph.sample(seed)
    sizes = {name: one[name] for name in graph.dims}
    each = [graph.sample(seed + 1 + k, sizes) for k in range(COUNT)]
    each = [one | {name: values[name] for name in chosen} for values in each]
    return one | {name: np.stack([values[name] for values in each]) for name in chosen}, each


def close(actual, expected):
    scale = max(1.0, float(np.max(np.abs(expected), initial=0)))
    # the same sums of a few hundred products in another order
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12 * scale)


def test_every_node_has_a_rule_or_none():
    kinds = {
        kind
        for module in (nodes, primitives)
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, nodes.Node) and kind.__name__[0] != "_"
    }
    assert kinds - {nodes.Node, nodes.Leaf, nodes.Constant} == set(RULES)


@pytest.mark.parametrize("which", ["all", "first", "last"])
@pytest.mark.parametrize("text", TEXTS, ids=[f"{n}-{text}" for n, text in enumerate(TEXTS)])
def test_the_vocabulary_by_example(text, which):
    used = {name: shape for name, shape in SYMBOLS.items() if re.search(rf"\b{name}\b", text)}
    if not used:
        return
    domain = {name: DOMAIN[name] for name in used if name in DOMAIN}
    net = sg.parse(f"z = {text}", used, domain=domain)
    chosen = {"all": list(used), "first": list(used)[:1], "last": list(used)[-1:]}[which]
    facts = {domain.get(name, "real").partition(":")[0] for name in chosen}
    if facts & {"symmetric", "spd", "invertible", "lower"}:
        with pytest.raises(DeclarationError, match="which a batch of them is not"):
            sg.batched(net, *chosen)
        return
    batch = sg.batched(net, *chosen, reduction="none")
    values, each = examples(net, chosen)
    found = batch.evaluate(values)
    if set(chosen) & {leaf.name for leaf in leaves(net.definitions[-1].expr)}:
        assert batch.leaf("z").ndim == 1 + net.leaf("z").ndim
        close(found, np.stack([net.evaluate(v) for v in each]))
    else:  # einsum("Ba, aC, B", X, W, x): its text has a letter that is no symbol
        close(found, net.evaluate(each[0]))


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_losses_and_gradients_are_those_of_the_examples(reduction):
    net = logistic()
    batch = sg.batched(net, "x", "y", reduction=reduction)
    values, each = examples(net, ["x", "y"])
    take = getattr(np, reduction)
    decay = values["lam"] / 2 * np.sum(values["W"] ** 2)
    close(batch.evaluate(values), take([net.evaluate(v) - decay for v in each]) + decay)
    ours, theirs = sg.gradient(batch), sg.gradient(net)
    slope = {"W": values["lam"] * values["W"], "b": 0 * values["b"]}
    for name in net.parameters:
        alone = [theirs[name].evaluate(v) - slope[name] for v in each]
        close(ours[name].evaluate(values), take(alone, axis=0) + slope[name])
    v = {f"d{n}": np.random.default_rng(0).normal(size=np.shape(values[n])) for n in "Wb"}
    product, singles = sg.hvp(batch)["W"], sg.hvp(net)["W"]
    decayed = values["lam"] * v["dW"]
    alone = [singles.evaluate(at | v) - decayed for at in each]
    close(product.evaluate(values | v), take(alone, axis=0) + decayed)


def test_a_batch_of_one_is_the_example():
    net = logistic()
    batch = sg.batched(net, "x", "y", size=1)
    assert batch.leaf("z").shape == (1, *net.leaf("z").shape)
    values = net.sample(0)
    one = values | {"x": values["x"][None], "y": np.asarray(values["y"])[None]}
    close(batch.evaluate(one), net.evaluate(values))
    close(sg.gradient(batch)["W"].evaluate(one), sg.gradient(net)["W"].evaluate(values))


def test_it_reads_as_people_write_it():
    shown = [" ".join(line.split()) for line in str(sg.batched(logistic(), "x", "y")).splitlines()]
    assert shown[2] == "z = x Wᵀ + 𝟏 bᵀ (B, c)"
    assert shown[3].endswith("(B,)")
    assert sg.gradient(sg.batched(logistic(), "x", "y"))["W"].numpy().endswith("dz.T @ x + lam * W")


def test_what_does_not_depend_on_the_inputs_stays_as_it_is():
    net = sg.parse("K = W @ W.T; J = sum(K) * x", {"W": ("n", "d"), "x": ()}, parameters=["W"])
    batch = sg.batched(net, "x")
    assert batch.leaf("K") is net.leaf("K")
    assert batch.leaf("J").shape == ()


def test_names_of_the_new_dimension():
    assert sg.batched(logistic(), "x", "y").leaf("x").shape[0].name == "B"
    assert sg.batched(logistic(), "x", "y", size="m").leaf("x").shape[0].name == "m"
    taken = sg.parse("J = sum(B * x)", {"B": ("N",), "x": ("N",)}, parameters=["B"])
    assert sg.batched(taken, "x").leaf("x").shape[0].name == "batch"
    with pytest.raises(NameClash, match="'N'"):
        sg.batched(taken, "x", size="N")


def test_errors():
    net = logistic()
    with pytest.raises(UnknownName, match="xx"):
        sg.batched(net, "xx")
    with pytest.raises(DeclarationError, match="no inputs"):
        sg.batched(net)
    with pytest.raises(DeclarationError, match="z is a defined value"):
        sg.batched(net, "x", "z")
    with pytest.raises(DeclarationError, match="none of mean"):
        sg.batched(net, "x", reduction="average")
    spd = sg.parse("J = sum(K @ x)", {"K": ("n", "n"), "x": ("n",)}, domain={"K": "spd"})
    with pytest.raises(DeclarationError, match="declared spd"):
        sg.batched(spd, "K")
    assert sg.batched(spd, "x").leaf("K").domain == "spd"
    o = sg.tensor("o", *sg.dims("n"))
    unspecified = sg.Graph("net")
    unspecified.define("J", nodes.UnspecifiedTensor("l", (), (), o))
    with pytest.raises(DeclarationError, match="UnspecifiedTensor"):
        sg.batched(unspecified, "o")
