"""What gradients look like in training: their statistics, what vanishes, explodes or is dead.

Of a gradient g with n entries: mean, standard deviation, norm ‖g‖, root mean square r = ‖g‖/√n, and
how many entries are NaN or infinite. It vanishes where r is tiny beside that of other parameters,
and explodes where it is huge (Bengio, Simard, Frasconi: Learning long-term dependencies with
gradient descent is difficult, 1994; compared between layers as in Glorot, Bengio: Understanding the
difficulty of training deep feedforward neural networks, 2010). A unit of a ReLU is dead where it is
0 for all examples, so that nothing flows back through it (Maas, Hannun, Ng: Rectifier
nonlinearities improve neural network acoustic models, 2013).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

import numpy as np

from symgrad.declare.graph import Graph
from symgrad.errors import ValueMismatch
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Map, topological
from symgrad.tensor.scalar import FUNCTIONS
from symgrad.train.clip import norm
from symgrad.train.optimise import Array

#: A gradient vanishes if r is less than this share of the largest r that does not explode.
VANISHING = 1e-4

#: It explodes if r is more than so many times the root mean square of the parameter, or than this.
EXPLODING = 1e3

#: A layer is dying if more than this share of its units is dead.
DYING = 0.5

State = Literal["fine", "vanishing", "exploding", "zero", "not finite"]


@dataclass(frozen=True, slots=True)
class GradientRow:
    """The gradient by one parameter in numbers; `share` is ‖g‖/‖θ‖, NaN where θ is not given."""

    name: str
    shape: tuple[int, ...]
    mean: float
    std: float
    norm: float
    share: float
    nan: int
    inf: int
    state: State

    @property
    def rms(self) -> float:
        """r = ‖g‖/√n."""
        return self.norm / max(1, int(np.prod(self.shape))) ** 0.5


@dataclass(frozen=True, slots=True)
class DeadRow:
    """The units of one ReLU: how many there are, and how many are 0 for all examples."""

    name: str
    units: int
    dead: int

    @property
    def share(self) -> float:
        """The share of dead units."""
        return self.dead / self.units


@dataclass(frozen=True, slots=True)
class Health:
    """Gradients in numbers: true if nothing is wrong with them; prints as a table."""

    rows: tuple[GradientRow, ...]
    relus: tuple[DeadRow, ...] = ()

    def __bool__(self) -> bool:
        return not self.complaints

    def __getitem__(self, name: str) -> GradientRow:
        return next(row for row in self.rows if row.name == name)

    @property
    def complaints(self) -> tuple[str, ...]:
        """A sentence for each thing that is wrong."""
        said = [f"the gradient by {row.name} is {_SAID[row.state].format(row=row)}"
                for row in self.rows if row.state != "fine"]  # fmt: skip
        said += [
            f"{row.dead} of {row.units} units of {row.name} are dead"
            for row in self.relus
            if row.share > DYING
        ]
        return tuple(said)

    def __str__(self) -> str:
        lines = _table(
            ("gradient by", "shape", "mean", "std", "norm", "norm/‖θ‖", ""),
            [
                (row.name, str(row.shape), *map(_number, (row.mean, row.std, row.norm, row.share)),
                 row.state)
                for row in self.rows
            ],
        )  # fmt: skip
        if self.relus:
            rows = [(r.name, str(r.units), str(r.dead), f"{r.share:.0%}") for r in self.relus]
            lines += ["", *_table(("ReLU", "units", "dead", ""), rows)]
        return "\n".join([*lines, "", *(self.complaints or ("nothing is wrong",))])

    __repr__ = __str__


_SAID: dict[State, str] = {
    "vanishing": f"vanishing: ‖g‖/√n = {{row.rms:.1e}}, below {VANISHING:g} of the largest",
    "exploding": f"exploding: ‖g‖/√n = {{row.rms:.1e}}, above {EXPLODING:g} times the parameter's",
    "zero": "zero",
    "not finite": "not finite: {row.nan} NaN, {row.inf} infinite",
}


def health(
    graph: Graph,
    grads: Mapping[str, Any] | Iterable[Array],
    params: Mapping[str, Any] | Iterable[Array] | None = None,
    inputs: Mapping[str, Any] | None = None,
) -> Health:
    """Statistics of gradients, and what is wrong with them.

    Parameters
    ----------
    grads :  arrays by name or in the order of the parameters, as a generated module gives them.
    params : the parameters, likewise; then a gradient is compared with what it moves.
    inputs : the other symbols by name; with them and `params` the dead units are counted.

    Raises
    ------
    ValueMismatch    if an array is missing or too many.

    >>> import symgrad as sg
    >>> net = sg.parse("J = sum(W) + sum(b)", symbols={"W": (2,), "b": (1,)},
    ...                parameters=["W", "b"])
    >>> print(health(net, {"W": np.array([3e-9, 4e-9]), "b": np.array([1.0])}))
    gradient by   shape   mean      std       norm      norm/‖θ‖
    W             (2,)    3.5e-09   5.0e-10   5.0e-09   –          vanishing
    b             (1,)    1.0e+00   0.0e+00   1.0e+00   –          fine
    <BLANKLINE>
    the gradient by W is vanishing: ‖g‖/√n = 3.5e-09, below 0.0001 of the largest
    """
    slopes = _named(graph, grads)
    own = None if params is None else _named(graph, params)
    rms = {name: _rms(g) for name, g in slopes.items()}
    # a parameter of size below 1 may well have a gradient that is large beside it
    most = {name: EXPLODING * (max(1.0, _rms(own[name])) if own else 1.0) for name in slopes}
    largest = max((r for name, r in rms.items() if r <= most[name]), default=0.0)
    rows = [
        _row(name, g, None if own is None else own[name], _state(rms[name], most[name], largest))
        for name, g in slopes.items()
    ]
    relus = () if own is None or inputs is None else dead_units(graph, {**inputs, **own})
    return Health(tuple(rows), relus)


def _state(rms: float, most: float, largest: float) -> State:
    if not np.isfinite(rms):
        return "not finite"
    if rms > most:
        return "exploding"
    if rms == 0:
        return "zero"
    return "vanishing" if rms < VANISHING * largest else "fine"


def _row(name: str, g: Array, theta: Array | None, state: State) -> GradientRow:
    with np.errstate(all="ignore"):  # what is not finite is said
        scale = float(np.max(np.abs(g), initial=0.0)) or 1.0  # no square overflows
        return GradientRow(
            name=name,
            shape=g.shape,
            mean=scale * float(np.mean(g / scale)),
            std=scale * float(np.std(g / scale)),
            norm=norm(g),
            share=float("nan") if theta is None else float(np.divide(norm(g), norm(theta))),
            nan=int(np.isnan(g).sum()),
            inf=int(np.isinf(g).sum()),
            state=state,
        )


def dead_units(graph: Graph, values: Mapping[str, Any]) -> tuple[DeadRow, ...]:
    """The units of each ReLU of a graph, and how many of them are 0 for all examples.

    The examples lie along the axes whose dimensions no parameter has; where there is no such axis,
    one example tells nothing, and the ReLU is left out.

    Parameters
    ----------
    values : of all symbols, as for `graph.evaluate`: parameters and a batch, the larger the better.
    """
    known = graph.evaluate_all(values)
    _, sizes = graph.bind(values)
    of_parameters = {
        s for name in graph.parameters for d in graph.leaf(name).shape for s in d.free_symbols
    }
    rows = []
    for definition in graph.definitions:
        for node in topological(definition.expr):
            examples = tuple(
                axis
                for axis, size in enumerate(node.shape)
                if size.free_symbols and size.free_symbols.isdisjoint(of_parameters)
            )
            if isinstance(node, Map) and node.body.func is FUNCTIONS["relu"].kind and examples:
                (value,) = evaluate([node], known, sizes)
                silent = np.all(value == 0, axis=examples)
                rows.append(DeadRow(definition.leaf.name, int(silent.size), int(silent.sum())))
    return tuple(rows)


def _named(graph: Graph, arrays: Mapping[str, Any] | Iterable[Array]) -> dict[str, Array]:
    """One array for each parameter, by name, in float64."""
    names = graph.parameters
    given = dict(arrays if isinstance(arrays, Mapping) else zip_longest(names, arrays))
    missing = [name for name in names if given.get(name) is None]
    if missing or len(given) > len(names):
        extra = [str(name) for name in given if name not in names]
        raise ValueMismatch(
            f"there is no array for {', '.join(missing)}"
            if missing
            else f"more arrays than parameters: {', '.join(extra)}",
            where=f'graph "{graph.name}"',
            hint=f"the parameters are {', '.join(names)}",
        )
    return {name: np.asarray(given[name], np.float64) for name in names}


def _rms(x: Array) -> float:
    return norm(x) / max(1, x.size) ** 0.5


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.1e}"


def _table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    cells = [titles, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "   ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
