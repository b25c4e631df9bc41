"""Training: the data as shipped, optimisers against their recurrences, batches, the loop."""

import math

import numpy as np
import pytest

import symgrad as sg
from symgrad.train import data, textbook
from symgrad.train.batches import batches, train
from symgrad.train.optimise import SGD, Adam

#: Labels at the beginning of the training and of the test images.
SPLIT = [0, 6, 3, 8, 1, 8, 4, 1, 5, 8, 9, 7, 6, 2, 4, 2, 4, 1, 9, 3, 0, 5, 7, 4]

#: Images of each digit in the collection's test set, from its documentation at the UCI repository.
COUNTS = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_digits_are_all_there_once():
    digits = data.digits()
    assert digits.images.shape == (1437, 64)
    assert digits.test_images.shape == (360, 64)
    labels = np.concatenate([digits.labels, digits.test_labels])
    assert np.bincount(labels).tolist() == COUNTS
    pixels = 4 * np.concatenate([digits.images, digits.test_images]) + 8
    assert set(np.unique(pixels)) == set(range(17))
    stored, _ = data._stored()
    # as multisets of rows: nothing lost, nothing twice
    assert sorted(map(bytes, pixels.astype(np.uint8))) == sorted(map(bytes, stored))


def test_the_split_is_the_same_everywhere():
    digits = data.digits()
    assert digits.labels[:12].tolist() == SPLIT[:12]
    assert digits.test_labels[:12].tolist() == SPLIT[12:]


def test_images_come_in_the_wanted_precision():
    single, double = data.digits("float32"), data.digits("float64")
    assert single.images.dtype == np.float32
    assert single.images.flags.c_contiguous
    assert np.array_equal(single.images, double.images)  # quarters are exact in both


def test_damaged_data_is_refused(monkeypatch):
    monkeypatch.setattr(data, "_DIGEST", "0" * 64)
    with pytest.raises(sg.ValueMismatch, match="damaged"):
        data.digits()
    monkeypatch.setattr(data, "_SHAPES", {"images": (1797, 8, 8), "labels": (1797,)})
    with pytest.raises(sg.ValueMismatch, match="images has shape"):
        data.digits()


def test_onehot_rows():
    assert data.onehot(np.array([2, 0]), 3, "float32").tolist() == [[0, 0, 1], [1, 0, 0]]


def gradient_at(x):
    """Of x⁴/4 + x, by hand."""
    return x**3 + 1


def test_momentum_follows_its_recurrence():
    theta, optimiser = np.array([0.5, -2.0]), SGD(rate=0.05, momentum=0.9)
    for start, index in ((0.5, 0), (-2.0, 1)):
        x, v = start, 0.0
        for _ in range(20):
            v = 0.9 * v + gradient_at(x)
            x -= 0.05 * v
        theta[index] = x
    moved = np.array([0.5, -2.0])
    for _ in range(20):
        optimiser.step(moved, gradient_at(moved))
    np.testing.assert_allclose(moved, theta, rtol=1e-13)  # 20 steps of a few roundings each


def test_adam_follows_algorithm_1():
    x, m, v = 0.5, 0.0, 0.0
    for t in range(1, 21):
        g = gradient_at(x)
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g * g
        x -= 0.01 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
    moved, optimiser = np.array([0.5]), Adam(rate=0.01)
    for _ in range(20):
        optimiser.step(moved, gradient_at(moved))
    np.testing.assert_allclose(moved, [x], rtol=1e-13)


@pytest.mark.parametrize("optimiser", [SGD(0.1, 0.9), Adam(0.1)])
def test_optimisers_work_in_place_and_keep_the_precision(optimiser):
    params, grads = np.ones(3, np.float32), np.full(3, 2, np.float32)
    view = params[:]
    optimiser.step(params, grads)
    optimiser.step(params, grads)
    assert params.dtype == np.float32
    assert np.all(view < 1)
    assert grads.tolist() == [2, 2, 2]


@pytest.mark.parametrize(("count", "size"), [(1437, 32), (7, 7), (5, 8), (6, 3)])
def test_batches_are_a_partition(count, size):
    rng = np.random.default_rng(0)
    first, second = list(batches(count, size, rng)), list(batches(count, size, rng))
    assert [len(each) for each in first[:-1]] == [size] * (len(first) - 1)
    assert len(first[-1]) == count - size * (len(first) - 1) > 0
    for order in (first, second):
        assert sorted(np.concatenate(order).tolist()) == list(range(count))
    assert count == 1 or not np.array_equal(np.concatenate(first), np.concatenate(second))


@pytest.fixture(scope="module")
def network():
    from symgrad.train import demo

    with demo.resources.as_file(demo.resources.files("symgrad.train") / "digits.sg") as path:
        return sg.load(path)


@pytest.fixture(scope="module")
def module(network, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SYMGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        return sg.compile(network, dtype="float64")


def test_the_textbook_agrees_with_the_derivation(network):
    values = network.sample(0, {"B": 5, "d": 4, "h": 3, "c": 6})
    names = ("W1", "b1", "W2", "b2", "X", "Y", "lam")
    loss, grads = textbook.value_and_grad(*(values[name] for name in names))
    derivation = sg.gradient(network)
    # sums of at most 6 terms of size 10, in float64
    assert abs(loss - network.evaluate(values)) < 1e-13 * abs(loss)
    for name, grad in zip(names, grads, strict=False):
        np.testing.assert_allclose(grad, derivation[name].evaluate(values), rtol=0, atol=1e-13)


def test_training_is_gradient_descent_on_batches(module):
    """The same epochs by hand: same batches, a smaller last one, momentum."""
    digits = data.digits()
    X, Y = digits.images[:100], data.onehot(digits.labels[:100], 10)
    params = module.init(d=64, h=7, c=10, seed=3)
    theta = params.flat.copy()
    losses = list(
        train(module, params, {"X": X, "Y": Y}, SGD(0.1, 0.9), batch=32, epochs=3, seed=5,
              fixed={"lam": 1e-3})
    )  # fmt: skip

    rng, velocity, expected = np.random.default_rng(5), np.zeros_like(theta), []
    cuts = np.cumsum([64 * 7, 7, 7 * 10])
    for _ in range(3):
        order, total = rng.permutation(100), 0.0
        for picked in (order[:32], order[32:64], order[64:96], order[96:]):
            W1, b1, W2, b2 = np.split(theta, cuts)
            loss, grads = textbook.value_and_grad(
                W1.reshape(64, 7), b1, W2.reshape(7, 10), b2, X[picked], Y[picked], 1e-3
            )
            velocity = 0.9 * velocity + np.concatenate([g.ravel() for g in grads])
            theta = theta - 0.1 * velocity
            total += loss * len(picked)
        expected.append(total / 100)
    # 12 steps, each of sums of 64 terms: 1e-14 a step, growing at most a hundredfold
    np.testing.assert_allclose(losses, expected, rtol=1e-11)
    np.testing.assert_allclose(params.flat, theta, rtol=0, atol=1e-11)


def test_a_race_takes_turns():
    calls = []
    times = textbook.race(lambda: calls.append("a"), lambda: calls.append("b"), rounds=3, calls=2)
    assert "".join(calls) == "aabb" * 3
    assert all(0 < t < 1 for t in times)
