"""The demo from end to end: what it writes, what it says, what it learns."""

import re

import numpy as np
import pytest

import symgrad as sg
from symgrad.codegen import difference
from symgrad.train import demo
from symgrad.train.batches import train
from symgrad.train.data import digits, onehot
from symgrad.train.optimise import SGD


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """The demo, run once: its folder, its outcome, what it printed."""
    import contextlib
    import io

    folder, printed = tmp_path_factory.mktemp("demo") / "generated", io.StringIO()
    with contextlib.redirect_stdout(printed):
        outcome = demo.run(folder, seed=0)
    return folder, outcome, printed.getvalue()


def test_it_learns_the_digits(done):
    _, outcome, printed = done
    assert outcome.accuracy >= 0.97
    right = int(re.search(r"(\d+) of 360 test images", printed).group(1))
    assert right == round(360 * outcome.accuracy)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_seeds_learn_them_too(done, seed):
    module = demo._imported(done[0] / "digits.py")
    data = digits(demo.DTYPE)
    params = demo._fresh(module, data, seed)
    targets = onehot(data.labels, 10, demo.DTYPE)
    losses = train(
        module, params, {"X": data.images, "Y": targets}, SGD(demo.RATE, demo.MOMENTUM),
        batch=demo.BATCH, epochs=demo.EPOCHS, seed=seed, fixed={"lam": demo.DECAY},
    )  # fmt: skip
    losses = list(losses)
    assert losses[-1] < losses[0] / 10
    right = np.argmax(module.predict(params, data.test_images), axis=1) == data.test_labels
    assert np.mean(right) >= 0.97


def test_the_module_and_the_textbook_agree(done):
    # sums of 64 terms and two layers: some tens of roundings of float32
    assert done[1].difference < 50 * np.finfo(np.float32).eps
    assert done[1].ratio > 0


def test_it_writes_what_generate_would_write(done):
    folder = done[0]
    net = sg.load(folder / "digits.sg")
    assert difference(net, folder / "digits.py", dtype=demo.DTYPE) == ""


def test_it_says_everything_in_order(done):
    folder, _, printed = done
    parts = [
        "W2: (h, c)", "P = softmax(Z2)", "∂J/∂Z₂", "(P − Y)/B", "all 4 agree",
        f"{folder / 'digits.py'}", "dZ₂ = (P − Y)/B", "the last of 29", "test accuracy",
        "textbook NumPy", "times as fast", "Where everything is", f"derive {folder / 'digits.sg'}",
    ]  # fmt: skip
    at = [printed.find(part) for part in parts]
    assert -1 not in at
    assert at == sorted(at)


def test_it_is_plain_and_narrow_where_nobody_watches(done):
    _, _, printed = done
    assert "\033" not in printed
    assert "\r" not in printed
    long = [line for line in printed.splitlines() if len(line) > 100 and "/" not in line]
    assert not long  # paths alone may be longer
