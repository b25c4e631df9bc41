"""Parameters before training: random weights by the number of their inputs, biases zero.

| rule | distribution | keeps the variance of |
| --- | --- | --- |
| lecun | normal, variance 1/fan_in | values, through functions like tanh |
| glorot | uniform, variance 2/(fan_in + fan_out) | values and gradients, likewise |
| he | normal, variance 2/fan_in | values, through ReLU |

LeCun, Bottou, Orr, Müller: Efficient BackProp (1998), section 4.6; Glorot, Bengio: Understanding
the difficulty of training deep feedforward neural networks (2010), equation 16, known as Xavier's
rule; He, Zhang, Ren, Sun: Delving deep into rectifiers (2015), equation 10.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import starmap
from math import prod
from typing import Any

import numpy as np

from symgrad.declare.graph import Graph
from symgrad.declare.sampling import draw
from symgrad.declare.sizes import require_sizes
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor.dims import Dim, size_of
from symgrad.tensor.nodes import UNIT, Einsum, Iverson, Labels, Leaf, Node, topological

Array = np.ndarray[Any, Any]
Draw = Callable[[tuple[int, ...], int, int, np.random.Generator], Array]

#: Rule -> how a weight of a shape, fan_in and fan_out is drawn.
RULES: dict[str, Draw] = {
    "lecun": lambda shape, fan_in, fan_out, rng: rng.normal(0, (1 / fan_in) ** 0.5, shape),
    "glorot": lambda shape, fan_in, fan_out, rng: (
        rng.uniform(-1, 1, shape) * (6 / (fan_in + fan_out)) ** 0.5
    ),
    "he": lambda shape, fan_in, fan_out, rng: rng.normal(0, (2 / fan_in) ** 0.5, shape),
}

#: Domains of which zero or any real number is a member.
_FREE = frozenset(("real", "small", "large"))


@dataclass(frozen=True, slots=True)
class Fans:
    """The axes of a weight: those that its product sums over, and those that stay."""

    into: tuple[Dim, ...]
    out: tuple[Dim, ...]


def initialise(
    graph: Graph, sizes: Mapping[str, int], rule: str = "glorot", seed: int = 0
) -> dict[str, Array]:
    """Values of all parameters by name, for a module's `pack` (which casts them to its dtype).

    A parameter that is summed over in a product is a weight: whether X W or W x, its fan_in is the
    number of terms of that sum. One that only multiplies entry by entry starts at one, one that is
    added at zero; declared domains are kept.

    Parameters
    ----------
    sizes :  of all dimensions of the parameters.
    rule :   lecun, glorot or he.

    Raises
    ------
    DeclarationError            for another rule, a size that is no positive integer, or a matrix
                                in no product that tells its fan_in.
    UnknownName, ShapeError     for a size of no dimension, or one that is missing.

    >>> import symgrad as sg
    >>> net = sg.parse("J = sum((X @ W + b)**2)", symbols={"X": ("n", 50), "W": (50, 40),
    ...                "b": (40,)}, parameters=["W", "b"])
    >>> start = initialise(net, {}, "he")
    >>> round(float(start["W"].std()), 1), start["b"].any()
    (0.2, np.False_)
    """
    if rule not in RULES:
        raise DeclarationError(f"no rule {rule!r}", hint=f"there are {', '.join(RULES)}")
    known = require_sizes(graph.name, graph.dims, sizes)
    rng = np.random.default_rng(seed)
    return {name: _start(graph, graph.leaf(name), known, RULES[rule], rng)
            for name in graph.parameters}  # fmt: skip


def _start(
    graph: Graph, leaf: Leaf, known: dict[str, int], rule: Draw, rng: np.random.Generator
) -> Array:
    try:
        shape = tuple(size_of(d, known) for d in leaf.shape)
    except ShapeError as error:
        raise error.at(f"parameter {leaf.name}") from None
    if leaf.domain in ("positive", "nonzero"):
        return np.ones(shape)
    if leaf.domain not in _FREE:
        return draw(leaf, known, rng)
    found = fans(graph, leaf)
    if found is None and sum(size > 1 for size in shape) > 1:
        raise DeclarationError(
            f"{leaf.name} is in no product that tells how many inputs it has",
            hint="give its values yourself",
        )
    if found is None:
        return np.ones(shape) if _scales(graph, leaf) else np.zeros(shape)
    into, out = (prod(size_of(d, known) for d in axes) for axes in (found.into, found.out))
    return rule(shape, into, out, rng)


def fans(graph: Graph, leaf: Leaf) -> Fans | None:
    """The axes of a weight in the first product of it with a value; None if it is no weight.

    Of a product of several factors those sums count that it shares with values, not parameters: in
    X V W they are over the first axis of V, and over that of W, which has no other. A table from
    which rows are taken by index has one input, and so has a matrix whose only one has size 1.
    """
    for node, at, factors in _products(graph, leaf):
        own = [k for k in factors[at][1] if k != UNIT]
        others = [pair for n, pair in enumerate(factors) if n != at]
        looked_up = {k for f, labels in others if isinstance(f, Iverson) and f.operands
                     for k in labels}  # fmt: skip
        values = {k for f, labels in others if _is_value(f) for k in labels}
        summed = [k for k in own if k not in node.output and k not in looked_up]
        into = [k for k in summed if k in values] or summed
        single = leaf.ndim > 1 and len(own) < leaf.ndim
        if (values and (into or single)) or looked_up & {*own}:
            out = [k for k in own if k not in into and k not in looked_up]
            return Fans(tuple(node.sizes[k] for k in into), tuple(node.sizes[k] for k in out))
    return None


def _scales(graph: Graph, leaf: Leaf) -> bool:
    """Whether a parameter multiplies values entry by entry."""
    return any(_is_value(f) for _, _, factors in _products(graph, leaf) for f, _ in factors)


Factors = list[tuple[Node, Labels]]


def _products(graph: Graph, leaf: Leaf) -> Iterator[tuple[Einsum, int, Factors]]:
    """The products with a parameter, which of their factors it is, and these, transposes undone."""
    for node in topological(*(d.expr for d in graph.definitions)):
        if isinstance(node, Einsum) and len(node.factors) > 1:
            factors = list(starmap(_bare, zip(node.factors, node.inputs, strict=True)))
            for at, (factor, _) in enumerate(factors):
                if factor is leaf:
                    yield node, at, factors
                    break


def _bare(factor: Node, labels: Labels) -> tuple[Node, Labels]:
    """What a factor transposes, with its labels; else the factor itself."""
    while isinstance(factor, Einsum) and len(factor.factors) == 1:
        places = dict(zip(factor.output, labels, strict=True)) | {UNIT: UNIT}
        if not places.keys() >= set(factor.inputs[0]):  # it sums
            break
        labels = tuple(places[k] for k in factor.inputs[0])
        factor = factor.factors[0]
    return factor, labels


def _is_value(node: Node) -> bool:
    """Whether a factor is an array that changes with the data: no number, parameter or bracket."""
    parameter = isinstance(node, Leaf) and node.role == "parameter"
    return bool(node.ndim) and not parameter and not isinstance(node, Iverson)
