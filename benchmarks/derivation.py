"""How long symgrad takes to derive and print: residual networks of 10, 100 and 1000 layers.

python benchmarks/derivation.py
"""

from itertools import pairwise
from statistics import median
from time import perf_counter

import symgrad as sg

ROUNDS = 3


def residual(layers):
    """hₗ = hₗ₋₁ + tanh(hₗ₋₁ Wₗ + bₗ) for l = 1 ... layers, with the mean squared error."""
    n, d = sg.dims("n d")
    value, T = sg.tensor("X", n, d), sg.tensor("T", n, d)
    net = sg.Graph("residual")
    for l in range(1, layers + 1):
        W, b = sg.parameter(f"W{l}", d, d), sg.parameter(f"b{l}", d)
        value = net.define(f"h{l}", value + sg.tanh(value @ W + b))
    net.define("J", sg.mean((value - T) ** 2))
    return net


def seconds(layers):
    """Declaring, deriving and printing, each in seconds."""
    marks = [perf_counter()]
    net = residual(layers)
    marks.append(perf_counter())
    derivation = sg.gradient(net)
    marks.append(perf_counter())
    derivation.text()
    marks.append(perf_counter())
    return [end - start for start, end in pairwise(marks)]


if __name__ == "__main__":
    seconds(3)  # imports
    print(f"seconds, medians of {ROUNDS}\nlayers   declare   derive    print")
    for layers in (10, 100, 1000):
        rows = [seconds(layers) for _ in range(ROUNDS)]
        print(f"{layers:6d}", *(f"{median(column):8.3f}" for column in zip(*rows, strict=True)))
