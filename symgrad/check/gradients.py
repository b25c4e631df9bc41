"""Checking a graph's gradients: the formulas against numerical differences of the output itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np

from symgrad.calculus import Derivation, gradient
from symgrad.check.differences import Array, Function, central, norm_ratio, taylor_order
from symgrad.check.methods import choose, is_analytic
from symgrad.check.report import CheckReport, Row, Status, Worst
from symgrad.declare.graph import Definition, Graph
from symgrad.declare.sizes import require_sizes
from symgrad.tensor.dims import show
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Leaf, leaves

#: How often a sample on a kink is drawn anew.
REDRAWS = 4

#: Slopes of log remainder by log step below this mean a wrong gradient: right is 2, wrong is 1.
LEAST_ORDER = 1.5

#: Random directions beside the entries that are tested of a large parameter.
DIRECTIONS = 8

#: Above so many numbers in the graph, arithmetic of 60 digits takes too long.
MOST_PRECISE = 20_000

#: Domains whose values may be moved a little without leaving them.
_OPEN = frozenset(("real", "small", "large", "positive", "unit", "nonzero"))


def check(
    graph: Graph,
    wrt: Iterable[object] | None = None,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    values: Mapping[str, Any] | None = None,
) -> CheckReport:
    """Compare the gradients of a graph's output with numerical differences of it.

    Parameters
    ----------
    wrt :    names or symbols, defined values included; all parameters without it.
    seed :   of the values that are drawn, and of the directions.
    sizes :  sizes of dimensions; those not given are drawn, pairwise different.
    values : arrays by name; symbols without one are drawn. Everything is computed in float64.

    Returns
    -------
    CheckReport    true if every gradient agrees; prints as a table with the formula of the test.

    Raises
    ------
    ShapeError           if the output is not a scalar; names it and its shape.
    UnknownName          if a size is of a dimension that the graph has not.
    ValueMismatch        if a function is unspecified, or values do not fit their declaration.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    Entry by entry for small parameters; a part of the entries and random directions for large ones.
    What float64 cannot decide, such as 1 − tanh² of a saturated unit, is decided at 60 digits. A
    failure that goes away when all values move by 1e-6 is a kink, no error: such samples are drawn
    anew, and reported as kinks if that does not help.
    """
    derivation = gradient(graph, wrt)
    given = dict(values or {})
    known = [leaf for leaf in graph.symbols if leaf.name in given]
    told_sizes = require_sizes(graph.name, graph.dims, sizes)
    _, told = graph.bind(given, told_sizes, nan=True)
    everything = len(known) == len(graph.symbols)
    for attempt in range(1 if everything else REDRAWS):
        drawn = {} if everything else graph.sample(seed + attempt, told)
        point = _Point.at(derivation, {**drawn, **given}, told)
        report = CheckReport(
            graph=graph.name,
            output=graph.output,
            value=float(point.known[graph.output]),
            seed=None if everything else seed + attempt,
            sizes=tuple((name, point.sizes[name]) for name in graph.dims if name in point.sizes),
            rows=tuple(_row(point, leaf, seed) for leaf in derivation.wrt),
        )
        if report.failures or not report.kinks:
            break
    return report


@dataclass(frozen=True, slots=True)
class _Point:
    """A derivation at values of its symbols: all named values and adjoints there."""

    derivation: Derivation
    symbols: Mapping[str, Array]
    sizes: Mapping[str, int]
    known: Mapping[str, Array]
    precision: int | None = None

    @classmethod
    def at(
        cls,
        derivation: Derivation,
        values: Mapping[str, Any],
        sizes: Mapping[str, int],
        precision: int | None = None,
    ) -> "_Point":
        graph = derivation.graph
        symbols, bound = graph.bind(values, sizes, nan=True)
        bare = cls(derivation, symbols, bound, {}, precision)
        return replace(bare, known=bare.run([*graph.definitions, *derivation.definitions], symbols))

    def run(
        self, definitions: Iterable[Definition], known: Mapping[str, Array]
    ) -> dict[str, Array]:
        """The named values, and those of further definitions."""
        result = dict(known)
        for each in definitions:
            (result[each.leaf.name],) = evaluate(
                [each.expr], result, dict(self.sizes), self.precision
            )
        return result

    def path(self, leaf: Leaf) -> list[Definition]:
        """The definitions through which the output depends on a leaf."""
        found, depends = [], {leaf}
        for each in self.derivation.graph.definitions:
            if each.leaf is not leaf and not depends.isdisjoint(leaves(each.expr)):
                depends.add(each.leaf)
                found.append(each)
        return found

    def output_of(self, leaf: Leaf) -> Function:
        """The output as a function of the value of one leaf."""
        path, output = self.path(leaf), self.derivation.graph.output

        def f(x: Array) -> Any:
            return self.run(path, {**self.known, leaf.name: x})[output][()]

        return f

    def value(self, leaf: Leaf) -> Array:
        """The value of a leaf, in this point's kind of number."""
        return evaluate([leaf], self.known, dict(self.sizes), self.precision)[0]

    def gradient(self, leaf: Leaf) -> Array:
        return self.known[self.derivation[leaf].leaf.name]

    def precisely(self) -> "_Point":
        """The same point in numbers of 60 digits."""
        return _Point.at(self.derivation, self.symbols, self.sizes, 60)

    def moved(self, rng: np.random.Generator, by: float) -> "_Point":
        """A point nearby: every value whose domain allows it moved at random."""
        values = dict(self.symbols)
        for leaf in self.derivation.graph.symbols:
            if leaf.domain in _OPEN:
                x = values[leaf.name]
                values[leaf.name] = x + by * np.maximum(1, np.abs(x)) * rng.normal(size=x.shape)
        return _Point.at(self.derivation, values, self.sizes)

    @property
    def entries(self) -> int:
        """How many numbers there are in all, a bound for the length of sums."""
        return sum(np.size(value) for value in self.known.values())

    def first_not_finite(self) -> str:
        """What holds the first NaN or infinity, and where; empty if nothing does."""
        for name, value in self.known.items():
            bad = np.argwhere(~np.isfinite(value))
            if len(bad):
                entry = tuple(int(i) for i in bad[0])
                return f"{name} holds {value[entry]}" + (f" at {entry}" if entry else "")
        return ""


def _row(point: _Point, leaf: Leaf, seed: int) -> Row:
    """One gradient against differences; a failure that goes away nearby is a kink."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        row = _compare(point, leaf, rng)
    if row.status != "wrong":
        return row
    if row.worst.passes:  # it is the order that is wrong: do its steps cross a kink?
        near = _compare(point.moved(rng, 1e-2), leaf, rng)
        note = "the steps of the order cross a kink" if near.status == "agrees" else "wrong order"
        return replace(row, status="kink" if near.status == "agrees" else "wrong", note=note)
    near = _compare(point.moved(rng, 1e-6), leaf, rng)
    if near.status == "agrees" or (near.status == "wrong" and near.worst.passes):
        return replace(row, status="kink", note="the values lie on a kink; agrees beside it")
    return row


def _compare(point: _Point, leaf: Leaf, rng: np.random.Generator) -> Row:
    f, x, g = point.output_of(leaf), point.value(leaf), point.gradient(leaf)
    along = np.asarray(rng.normal(size=x.shape))
    along = along / max(1.0, float(np.linalg.norm(along)))
    analytic = is_analytic(each.expr for each in point.path(leaf))
    method = choose(f, x, along, analytic, point.entries)
    tested = _directions(x.shape, rng, max(8, min(256, 3000 // len(point.derivation.wrt))))
    ours = np.array([np.sum(g * v) for _, v in tested])
    theirs = np.array([method.slope(f, x, v) for _, v in tested])
    finite = np.isfinite(f(x)) and np.all(np.isfinite(g)) and np.all(np.isfinite(theirs))
    bad = "" if finite else point.first_not_finite() or "the differences are not finite"
    order = float("nan") if bad else taylor_order(f, x, along, np.sum(g * along))
    allowed = method.noise + method.rtol * (np.max(np.abs(theirs)) + np.abs(theirs))
    error = np.abs(ours - theirs)
    failing = [tested[k][1] for k in np.flatnonzero(~(error <= allowed))]
    at = int(np.argmax(np.nan_to_num(error, nan=np.inf) / (allowed + np.finfo(float).tiny)))
    note = bad
    if failing and not bad and _agrees_precisely(point, leaf, failing, rng):
        failing, note = [], "float64 cannot decide all of it; agrees at 60 digits"
    status: Status = "agrees"
    if bad:
        status = "not finite"
    elif failing or order < LEAST_ORDER:
        status = "wrong"
    return Row(
        name=leaf.name,
        shape=show(leaf.shape),
        tested=_described(x.size, tested),
        method=method.name,
        why=method.why,
        rtol=method.rtol,
        ratio=norm_ratio(ours, theirs),
        order=order,
        worst=Worst(tested[at][0], float(ours[at]), float(theirs[at]), float(allowed[at])),
        status=status,
        note=note,
    )


def _directions(
    shape: tuple[int, ...], rng: np.random.Generator, budget: int
) -> list[tuple[str, Array]]:
    """All entries of a small array; some entries and random directions of a large one."""
    size = int(np.prod(shape))
    picked = np.arange(size)
    if size > budget:
        picked = np.sort(rng.choice(size, size=budget - DIRECTIONS, replace=False))
    result = []
    for k in picked:
        v = np.zeros(size)
        v[k] = 1
        place = ", ".join(str(int(i)) for i in np.unravel_index(k, shape))
        result.append((f"({place})", v.reshape(shape)))
    for number in range(DIRECTIONS if size > budget else 0):
        v = rng.normal(size=shape)
        result.append((f"direction {number + 1}", v / np.linalg.norm(v)))
    return result


def _described(size: int, tested: list[tuple[str, Array]]) -> str:
    entries = sum(place.startswith("(") for place, _ in tested)
    if entries == size:
        return f"all {size}" if size > 1 else "1"
    return f"{entries} of {size}, {len(tested) - entries} directions"


def _agrees_precisely(
    point: _Point, leaf: Leaf, failing: list[Array], rng: np.random.Generator
) -> bool:
    """Whether what fails in float64 holds at 60 digits: then it was rounding.

    By random combinations of the directions that fail, for a derivative is linear in them.
    """
    if point.entries > MOST_PRECISE:
        return False
    precise = point.precisely()
    f, x, g = precise.output_of(leaf), precise.value(leaf), precise.gradient(leaf)
    with mpmath.workdps(60):
        h = mpmath.mpf(10) ** -15
        for _ in range(3):
            v = sum(
                c * each for c, each in zip(rng.normal(size=len(failing)), failing, strict=True)
            )
            ours, theirs = np.sum(g * v), central(f, x, v, h)
            # the formula's h² f''', and rounding far below it
            if not abs(ours - theirs) <= 1e-12 * abs(theirs) + 1e-28 * max(1, abs(f(x))):
                return False
    return True
