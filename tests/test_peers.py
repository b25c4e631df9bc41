"""Gradients of the example networks against JAX and PyTorch, where they are installed."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

import symgrad as sg

EXAMPLES = Path(__file__).parent.parent / "docs" / "examples"


def example(name):
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def classifier(xp, v):
    z = xp.tanh(v["X"] @ v["W1"] + v["b1"]) @ v["W2"] + v["b2"]
    top = xp.exp(z)
    likely = top / top.sum(1)[:, None]
    decay = v["lam"] / 2 * ((v["W1"] ** 2).sum() + (v["W2"] ** 2).sum())
    return -(v["Y"] * xp.log(likely)).sum() / v["Y"].shape[0] + decay


def one_hidden_layer(xp, v):
    o = v["W2"] @ xp.tanh(v["W1"] @ v["x"])
    decay = v["lam"] / 2 * ((v["W1"] ** 2).sum() + (v["W2"] ** 2).sum())
    return ((o - v["y"]) ** 2).sum() / 2 + decay


def tanh_layers(xp, v):
    h = v["X"]
    for layer in (1, 2, 3):
        h = xp.tanh(h @ v[f"W{layer}"] + v[f"b{layer}"])
    return ((h - v["T"]) ** 2).mean()


LOSSES = {
    "classifier": classifier,
    "one_hidden_layer": one_hidden_layer,
    "tanh_layers": tanh_layers,
}
SIZES = [None, {"B": 1, "n": 1}, {"h": 1, "c": 2}, {"d": 1}]


def jax_gradients(loss, values, names):
    jax = pytest.importorskip("jax", reason="JAX is an optional test peer")
    jax.config.update("jax_enable_x64", True)
    fixed = {k: v for k, v in values.items() if k not in names}

    def function(parameters):
        return loss(jax.numpy, {**fixed, **parameters})

    value, grads = jax.value_and_grad(function)({name: values[name] for name in names})
    return float(value), {name: np.asarray(g) for name, g in grads.items()}


def torch_gradients(loss, values, names):
    torch = pytest.importorskip("torch", reason="PyTorch is an optional test peer")
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in values.items()}
    for name in names:
        tensors[name].requires_grad_()
    value = loss(torch, tensors)
    value.backward()
    return float(value), {name: tensors[name].grad.numpy() for name in names}


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("peer", [jax_gradients, torch_gradients])
@pytest.mark.parametrize("name", LOSSES)
def test_gradients_agree(name, peer, sizes):
    net = example(name).net
    values = net.sample(7, sizes={k: v for k, v in (sizes or {}).items() if k in net.dims})
    loss, grads = peer(LOSSES[name], values, net.parameters)
    derivation = sg.gradient(net)
    module = sg.compile(net)
    params = module.pack({p: values[p] for p in net.parameters})
    own, own_grads = module.value_and_grad(params, *(values[i] for i in net.inputs))
    # sums of a few hundred float64 numbers of order 1: 1e-12 is a thousand roundings
    np.testing.assert_allclose(net.evaluate(values), loss, rtol=1e-12)
    np.testing.assert_allclose(own, loss, rtol=1e-12)
    for parameter, got in zip(net.parameters, own_grads, strict=True):
        expected = grads[parameter]
        np.testing.assert_allclose(
            derivation[parameter].evaluate(values), expected, rtol=1e-10, atol=1e-12
        )
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)
