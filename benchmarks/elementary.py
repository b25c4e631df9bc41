"""Nanoseconds an element of the elementary functions: generated, NumPy, the C library in Numba.

python benchmarks/elementary.py [-n 4096] prints the table of docs/numerics.md.
"""

import argparse
import math
import tempfile
import time
from pathlib import Path

import numba
import numpy as np

import symgrad as sg
from symgrad.codegen.build import load_module
from symgrad.codegen.functions import ULPS
from symgrad.tensor.scalar import FUNCTIONS

kernel = numba.njit(error_model="numpy", fastmath={"contract", "reassoc"})
inner = numba.njit(error_model="numpy", fastmath={"contract"})


@inner
def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@inner
def softplus(x):
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


LIBRARY = {"sigmoid": sigmoid, "softplus": softplus}


def loop(function):
    @kernel
    def run(x, out):
        for i in range(x.size):
            out[i] = function(x[i])

    return run


def nanoseconds(run, x, rounds=60, seconds=0.001):
    """The least of many short rounds: interruptions only ever add."""
    out = np.empty_like(x)
    run(x, out)
    calls, times = max(1, int(seconds / elapsed(run, x, out, 1))), []
    for _ in range(rounds):
        times.append(elapsed(run, x, out, calls))
    return 1e9 * min(times) / calls / x.size


def elapsed(run, x, out, calls):
    start = time.perf_counter()
    for _ in range(calls):
        run(x, out)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=4096, help="elements")
    n = parser.parse_args().n
    text = "J = sum(" + " + ".join(f"{name}(x)" for name in ULPS) + ")"
    net = sg.parse(text, symbols={"x": ("n",)}, parameters=["x"])
    rows = {name: [] for name in ULPS}
    for dtype in ("float64", "float32"):
        with tempfile.TemporaryDirectory() as folder:
            path = sg.generate(net, Path(folder) / f"elementary_{dtype}.py", dtype=dtype)
            module = load_module(path)
            for name in ULPS:
                x = (2 * np.random.default_rng(0).normal(size=n)).astype(dtype)
                x = abs(x) if name.startswith("log") else x
                library = LIBRARY.get(name) or getattr(math, name)
                rows[name] += [
                    nanoseconds(loop(getattr(module, f"_{name}")), x),
                    nanoseconds(lambda x, out, f=FUNCTIONS[name].numpy: f(x), x),
                    nanoseconds(loop(library), x),
                ]
    heads = [f"{who}, {bits}" for bits in ("f64", "f32") for who in ("generated", "NumPy", "libm")]
    print(f"| ns an element, {n} elements | {' | '.join(heads)} |")
    print("| --- |" + " --: |" * len(heads))
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(f'{value:.2f}' for value in row)} |")


if __name__ == "__main__":
    main()
