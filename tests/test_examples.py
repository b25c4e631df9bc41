"""The examples of docs/examples: each runs, is checked, compiles, and agrees with the peers."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from modules import compare
from networks import EXAMPLES, example
from test_peers import jax_gradients, torch_gradients

import symgrad as sg

SCRIPTS = sorted(path.stem for path in Path(EXAMPLES).glob("*.py"))
NETWORKS = [name for name in SCRIPTS if name != "training"]


def cross_entropy(xp, z, likely):
    return -(likely * (z - xp.log(xp.exp(z).sum(1))[:, None])).sum() / z.shape[0]


def mlp_relu(xp, v):
    z = v["X"] @ v["W1"] + v["b1"]
    z = (z * (z > 0)) @ v["W2"] + v["b2"]
    decay = v["lam"] / 2 * ((v["W1"] ** 2).sum() + (v["W2"] ** 2).sum())
    return cross_entropy(xp, z, v["y"][:, None] == xp.arange(z.shape[1])) + decay


def binary_columns(xp, v):
    z = v["W1"] @ v["X"] + v["b1"]
    a = 1 / (1 + xp.exp(-(v["W2"] @ (z * (z > 0)) + v["b2"])))
    return -(v["Y"] * xp.log(a) + (1 - v["Y"]) * xp.log(1 - a)).mean()


def ridge(xp, v):
    return ((v["X"] @ v["w"] - v["y"]) ** 2).mean() / 2 + v["lam"] / 2 * (v["w"] ** 2).sum()


def softmax_regression(xp, v):
    return cross_entropy(xp, v["X"] @ v["W"] + v["b"], v["Y"])


def autoencoder(xp, v):
    hidden = 1 / (1 + xp.exp(-(v["X"] @ v["W"] + v["b"])))
    return ((hidden @ v["W"].T + v["c"] - v["X"]) ** 2).sum() / (2 * v["X"].shape[0])


LOSSES = [mlp_relu, binary_columns, ridge, softmax_regression, autoencoder]
SIZES = [{}, {"m": 1, "n": 1}, {"h": 1, "d": 1, "c": 2}]


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_runs_as_a_script(name):
    path = EXAMPLES / f"{name}.py"
    done = subprocess.run(
        [sys.executable, path], capture_output=True, text=True, encoding="utf-8", timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "False" not in done.stdout
    if name in NETWORKS:
        assert "Gradient of J" in done.stdout
        assert " agree\n" in done.stdout


@pytest.mark.parametrize("name", SCRIPTS)
def test_it_is_short(name):
    lines = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 45


@pytest.mark.parametrize("name", NETWORKS)
def test_it_agrees_with_differences_to_1e_9(name):
    for seed in range(3):
        report = sg.check(example(name).net, seed=seed)
        assert report, report
        for row in report.rows:
            # the complex step is exact but for rounding, 2e-14 for these few hundred numbers
            assert row.status == "agrees"
            assert row.ratio < 1e-9
            assert row.worst.error <= 1e-9 * max(1, abs(row.worst.theirs))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("name", [loss.__name__ for loss in LOSSES])
def test_its_module_agrees_with_the_evaluator(name, sizes):
    net = example(name).net
    values = net.sample(5, {dim: size for dim, size in sizes.items() if dim in net.dims})
    # sums of a few hundred float64 numbers of order 10
    compare(sg.compile(net), net, values, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("peer", [jax_gradients, torch_gradients])
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
def test_it_agrees_with_peers(loss, peer):
    net = example(loss.__name__).net
    for seed, sizes in enumerate(SIZES):
        values = net.sample(seed, {dim: size for dim, size in sizes.items() if dim in net.dims})
        value, grads = peer(loss, values, net.parameters)
        # sums of a few hundred float64 numbers of order 10
        np.testing.assert_allclose(net.evaluate(values), value, rtol=1e-11)
        for name, derivative in sg.gradient(net).items():
            np.testing.assert_allclose(
                derivative.evaluate(values), grads[name], rtol=1e-10, atol=1e-12
            )
