"""The demo: handwritten digits, from equations to a trained network."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources, util
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

import numpy as np
from numba import config

from symgrad.calculus import gradient
from symgrad.check import check
from symgrad.codegen import generate
from symgrad.codegen.build import write_whole
from symgrad.declare.files import load
from symgrad.show.terminal import fitted, heading, width, working
from symgrad.train.batches import batches, train
from symgrad.train.data import CLASSES, SPLIT_SEED, Digits, digits, onehot
from symgrad.train.optimise import SGD, Array
from symgrad.train.textbook import race, value_and_grad

DTYPE = "float32"
HIDDEN = 64
BATCH = 32
EPOCHS = 30
RATE, MOMENTUM = 0.1, 0.9
DECAY = 1e-4

#: Epochs after which the loss and the accuracy are printed.
SHOWN = (1, 2, 5, 10, 20, EPOCHS)
ROUNDS = 30

#: A paragraph with so many rows of a formula and its shape is a list of formulas.
FORMULAS = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo measured."""

    accuracy: float
    difference: float
    module_seconds: float
    numpy_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as long textbook NumPy takes for the same gradient."""
        return self.numpy_seconds / self.module_seconds


def run(folder: Path, seed: int = 0) -> Outcome:
    """Declare, derive, check, generate, train and compare, and print it all.

    Parameters
    ----------
    folder : where the equations and the module are written.
    seed :   of the parameters and of the mini-batches; the split of the data is fixed.
    """
    start = perf_counter()
    _say("symgrad demo: handwritten digits, from equations to a trained network")

    _head("1. A network is its equations")
    text = resources.files("symgrad.train").joinpath("digits.sg").read_text(encoding="utf-8")
    equations = folder / "digits.sg"
    write_whole(equations, text)
    _say(text.rstrip())
    graph = load(equations)

    _head("2. The gradient, derived step by step")
    derivation = gradient(graph)
    _say(derivation.text())

    _head("3. Checked against numerical differences")
    with working("checking"):
        report = check(graph, seed=seed).raise_if_wrong()
    _say(str(report))

    _head("4. Compiled to a module")
    since = perf_counter()
    path = generate(graph, folder / "digits.py", dtype=DTYPE)
    source = path.read_text(encoding="utf-8")
    _say(
        f"{path}: {len(source.splitlines())} lines of Python for Numba in {DTYPE}, which import no "
        f"symgrad, written in {perf_counter() - since:.1f} s. It begins with the formulas it holds:"
    )
    _say("")
    _say(_formulas(source))
    _say("")
    module = _imported(path)
    data = digits(DTYPE)
    targets = onehot(data.labels, CLASSES, DTYPE)
    _first_call(module, _fresh(module, data, seed), data, targets)

    _head("5. Trained")
    accuracy = _train(module, _fresh(module, data, seed), data, targets, seed)

    _head("6. Compared with textbook NumPy")
    outcome = _compare(module, _fresh(module, data, seed), data, targets, accuracy)

    _head("Where everything is")
    _say(f"{equations}   the equations; edit them, then try")
    _say(f"    symgrad derive {equations} --format latex")
    _say(f"    symgrad check {equations}")
    _say(f"    symgrad generate {equations} --dtype {DTYPE} -o {path}")
    _say(f"{path}   the module; copy it wherever there are NumPy, SciPy and Numba")
    _say("")
    _say(f"All of this took {perf_counter() - start:.1f} s.")
    return outcome


def _say(text: str) -> None:
    print(fitted(text, width()), flush=True)


def _head(title: str) -> None:
    print(f"\n{heading(title)}\n", flush=True)


def _formulas(source: str) -> str:
    """The paragraphs of a module's docstring that list formulas, with narrower gaps."""
    doc = ast.get_docstring(ast.parse(source), clean=False) or ""
    paragraphs = [
        [re.split(r"\s{3,}(?=\S)", line) for line in [*paragraph.splitlines(), ""]]
        for paragraph in doc.split("\n\n")
    ]
    rows = [row for p in paragraphs if sum(len(row) == 3 for row in p) >= FORMULAS for row in p]
    # the indent of a formula is a gap in front of it
    left = max((len(row[1]) for row in rows if len(row) == 3), default=0)
    return "\n".join(
        f"    {row[1]:<{left}}   {row[2]}" if len(row) == 3 else "   ".join(row) for row in rows
    ).rstrip()


def _imported(path: Path) -> ModuleType:
    """The module in a file, as it is now.

    What Numba keeps of it knows the name that the module has here, so it has a place of its own:
    people import the file under other names.
    """
    name = f"symgrad_demo_{path.stem}"
    spec = util.spec_from_file_location(name, path.resolve())
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = util.module_from_spec(spec)
    kept, config.CACHE_DIR = config.CACHE_DIR, str(path.resolve().parent / "__pycache__" / "demo")
    try:
        spec.loader.exec_module(module)
    finally:
        config.CACHE_DIR = kept
    return module


def _fresh(module: ModuleType, data: Digits, seed: int) -> Any:
    """Parameters before training."""
    return module.init(d=data.images.shape[1], h=HIDDEN, c=CLASSES, seed=seed)


def _first_call(module: ModuleType, params: Any, data: Digits, targets: Array) -> None:
    """Call everything once, so that training is timed without Numba's compiler."""
    since = perf_counter()
    with working("Numba compiles the module"):
        module.value_and_grad(params, data.images[:BATCH], targets[:BATCH], DECAY)
        module.predict(params, data.test_images)
    _say(
        f"First calls: {perf_counter() - since:.1f} s. Numba compiles once, and keeps what it "
        "compiled."
    )


def _train(module: ModuleType, params: Any, data: Digits, targets: Array, seed: int) -> float:
    count = len(data.images)
    _say(
        f"{count} images to learn from and {len(data.test_images)} to test with (split by seed "
        f"{SPLIT_SEED}); {HIDDEN} hidden units, {params.flat.size} parameters; batches of {BATCH}, "
        f"the last of {count % BATCH}; gradient descent with rate {RATE} and momentum {MOMENTUM}."
    )
    _say("")
    _say("    epoch      loss   test accuracy")
    losses = train(
        module,
        params,
        {"X": data.images, "Y": targets},
        SGD(RATE, MOMENTUM),
        batch=BATCH,
        epochs=EPOCHS,
        seed=seed,
        fixed={"lam": DECAY},
    )
    accuracy, busy = 0.0, 0.0
    since = perf_counter()
    for epoch, loss in enumerate(_with_bar(losses), 1):
        busy += perf_counter() - since
        if epoch in SHOWN:
            right = np.argmax(module.predict(params, data.test_images), axis=1) == data.test_labels
            accuracy = float(np.mean(right))
            _say(f"    {epoch:5d}   {loss:7.4f}   {100 * accuracy:6.2f} %")
        since = perf_counter()
    _say("")
    _say(
        f"Learnt in {busy:.2f} s: {round(accuracy * len(data.test_labels))} of "
        f"{len(data.test_labels)} test images are named right, {100 * accuracy:.2f} %."
    )
    return accuracy


def _with_bar(losses: Iterator[float]) -> Iterator[float]:
    """The losses of all epochs, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return iter(
        track(losses, "training", EPOCHS, console=console, transient=True)
        if console.is_terminal
        else losses
    )


def _compare(
    module: ModuleType, params: Any, data: Digits, targets: Array, accuracy: float
) -> Outcome:
    """The same gradient of the same batch at the same parameters, by the module and by hand."""
    picked = next(batches(len(data.images), BATCH, np.random.default_rng(0)))
    X, Y = data.images[picked], targets[picked]
    work = module.workspace(params, X, Y, DECAY)
    W1, b1, W2, b2 = params

    def ours() -> Any:
        return module.value_and_grad(params, X, Y, DECAY, workspace=work)

    def theirs() -> Any:
        return value_and_grad(W1, b1, W2, b2, X, Y, DECAY)

    expected = np.concatenate([g.ravel() for g in theirs()[1]])
    error = float(np.linalg.norm(ours()[1].flat - expected) / np.linalg.norm(expected))
    seconds = race(ours, theirs, rounds=ROUNDS)
    outcome = Outcome(accuracy, error, *seconds)
    _say(
        f"The same network written by hand in NumPy, in {DTYPE} as well. The gradients of one "
        f"batch of {BATCH} differ by {error:.0e} of their norm; {DTYPE} resolves "
        f"{np.finfo(DTYPE).eps:.0e}."
    )
    _say("")
    _say(f"    loss and gradient      time   (medians of {ROUNDS} rounds in turn)")
    _say(f"    textbook NumPy     {1e6 * seconds[1]:6.1f} µs")
    _say(f"    generated module   {1e6 * seconds[0]:6.1f} µs   {outcome.ratio:.1f} times as fast")
    return outcome
