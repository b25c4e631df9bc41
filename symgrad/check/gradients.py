"""Checking a graph's gradients: the formulas, or a module's numbers, against differences."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from symgrad.calculus import gradient
from symgrad.check.differences import Array, norm_ratio
from symgrad.check.modules import ModulePoint, require_module
from symgrad.check.points import FormulaPoint, Point
from symgrad.check.report import CheckReport, Row, Status, Worst
from symgrad.declare.graph import Graph
from symgrad.declare.sizes import require_sizes
from symgrad.errors import DeclarationError
from symgrad.tensor.dims import show
from symgrad.tensor.nodes import Leaf

#: How often a sample on a kink is drawn anew.
REDRAWS = 4

#: Slopes of log remainder by log step below this mean a wrong gradient: right is 2, wrong is 1.
LEAST_ORDER = 1.5

#: What is said where the output and its gradient are finite, but not beside the point.
UNDECIDED = "the differences are not finite"

#: Differences whose norm ratio is larger show nothing, whatever they are allowed.
LOOSE = 1e-2

#: Random directions beside the entries that are tested of a large parameter.
DIRECTIONS = 8


def check(
    graph: Graph,
    wrt: Iterable[object] | None = None,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
    values: Mapping[str, Any] | None = None,
    module: ModuleType | None = None,
) -> CheckReport:
    """Compare the gradients of a graph's output with numerical differences of it.

    Parameters
    ----------
    wrt :    names or symbols, defined values included; all parameters without it.
    seed :   of the values that are drawn, and of the directions.
    sizes :  sizes of dimensions; those not given are drawn, pairwise different.
    values : arrays by name; symbols without one are drawn. Everything is computed in float64.
    module : a module generated for the graph: its gradients are compared with differences of its
             own value, and its value with that of the formulas.

    Returns
    -------
    CheckReport    true if every gradient agrees; prints as a table with the formula of the test.

    Raises
    ------
    ShapeError           if the output is not a scalar; names it and its shape.
    UnknownName          if a size is of a dimension that the graph has not.
    DeclarationError     if the module is another graph's.
    ValueMismatch        if a function is unspecified, values do not fit their declaration, or the
                         module's value is not that of the formulas.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    Entry by entry for small parameters; a part of the entries and random directions for large ones.
    What float64 cannot decide, such as 1 − tanh² of a saturated unit, is decided at 60 digits. A
    failure that goes away when all values move by 1e-6 is a kink, no error: such samples are drawn
    anew, and reported as kinks if that does not help. A module is asked for its value in its own
    dtype, so a difference is as exact as the rounding there allows: it is by Ridders' method, which
    tells how far off it may be.
    """
    if isinstance(graph, ModuleType):
        raise DeclarationError(
            "a module alone does not say what values its arguments may have",
            hint="check(net, module=module) checks the module of the graph net",
        )
    derivation = gradient(graph, wrt)
    if module is not None:
        require_module(module, graph, derivation.wrt)
    given = dict(values or {})
    known = [leaf for leaf in graph.symbols if leaf.name in given]
    _, told = graph.bind(given, require_sizes(graph.name, graph.dims, sizes), nan=True)
    everything = len(known) == len(graph.symbols)
    for attempt in range(1 if everything else REDRAWS):
        drawn = {} if everything else graph.sample(seed + attempt, told)
        at = {**drawn, **given}
        point: Point = (
            FormulaPoint.at(derivation, at, told)
            if module is None
            else ModulePoint.at(module, derivation, at, told)
        )
        report = CheckReport(
            graph=graph.name,
            output=graph.output,
            value=point.output,
            seed=None if everything else seed + attempt,
            sizes=tuple((name, point.sizes[name]) for name in graph.dims if name in point.sizes),
            rows=tuple(_row(point, leaf, seed) for leaf in derivation.wrt),
            module="" if module is None else str(module.DTYPE),
        )
        if report.failures or not report.kinks:
            break
    return report


def _row(point: Point, leaf: Leaf, seed: int) -> Row:
    """One gradient against differences; a failure that goes away nearby is a kink.

    Differences of a module's value may cross kinks that are too near for its dtype, or drown in
    rounding, and then show nothing or too little. So where they and the formulas are at odds about
    its gradient, the formulas decide, if these agree with differences of their own.
    """
    row = _beside(point, leaf, np.random.default_rng(seed))
    if not isinstance(point, ModulePoint):
        return row
    worst = _beside_formula(point, leaf)
    if row.status == "wrong" or row.note == UNDECIDED:
        at_odds = worst.passes
    else:
        at_odds = row.status == "agrees" and not (worst.passes and row.ratio < LOOSE)
    if not at_odds or _row(point.formulas, leaf, seed).status != "agrees":
        return row
    status: Status = "agrees" if worst.passes else "wrong"
    size = point.gradient(leaf).size
    return replace(
        row,
        tested=f"all {size}" if size > 1 else "1",
        method="formula",
        ratio=norm_ratio(point.gradient(leaf), point.formulas.gradient(leaf)),
        worst=worst,
        status=status,
        note=f"differences in {point.module.DTYPE} cross kinks or drown in rounding; compared with "
        "the formula, which agrees with its own",
    )


def _beside_formula(point: ModulePoint, leaf: Leaf) -> Worst:
    """The entry of a module's gradient that is farthest from the formula's, for what is allowed."""
    ours, theirs = point.gradient(leaf), point.formulas.gradient(leaf)
    allowed = np.asarray(point.rtol * (np.max(np.abs(theirs)) + np.abs(theirs)))
    excess = np.nan_to_num(np.abs(ours - theirs) - allowed, nan=np.inf)
    at = np.unravel_index(int(np.argmax(excess)), excess.shape)
    numbers = float(ours[at]), float(theirs[at]), float(allowed[at])
    return Worst(_place(at), *numbers, of=point.of, beside="formula")


def _beside(point: Point, leaf: Leaf, rng: np.random.Generator) -> Row:
    """One gradient against differences, at the point and, if they fail, beside it."""
    with np.errstate(all="ignore"):
        row = _compare(point, leaf, rng)
    if row.status != "wrong":
        return row
    if row.worst.passes:  # it is the order that is wrong: do its steps cross a kink?
        near = _compare(point.moved(rng, 1e-2), leaf, rng)
        note = "the steps of the order cross a kink" if near.status == "agrees" else "wrong order"
        return replace(row, status="kink" if near.status == "agrees" else "wrong", note=note)
    near = _compare(point.moved(rng, point.nudge), leaf, rng)
    if near.status == "agrees" or (near.status == "wrong" and near.worst.passes):
        return replace(row, status="kink", note="the values lie on a kink; agrees beside it")
    return row


def _compare(point: Point, leaf: Leaf, rng: np.random.Generator) -> Row:
    f, x, g = point.output_of(leaf), point.value(leaf), point.gradient(leaf)
    along = np.asarray(rng.normal(size=x.shape))
    along = along / max(1.0, float(np.linalg.norm(along)))
    tested = _directions(x.shape, rng, max(8, min(256, 3000 // len(point.wrt))))
    ours = np.array([np.sum(g * v) for _, v in tested])
    found = point.differences(leaf, f, x, along, [v for _, v in tested])
    theirs = found.slopes
    finite = np.isfinite(f(x)) and np.all(np.isfinite(g)) and np.all(np.isfinite(theirs))
    bad = "" if finite else point.first_not_finite() or UNDECIDED
    order = float("nan") if bad else point.order(f, x, along, float(np.sum(g * along)))
    allowed = found.noise + found.rtol * (np.max(np.abs(theirs)) + np.abs(theirs))
    error = np.abs(ours - theirs)
    failing = [tested[k][1] for k in np.flatnonzero(~(error <= allowed))]
    at = int(np.argmax(np.nan_to_num(error, nan=np.inf) / (allowed + np.finfo(float).tiny)))
    note = bad
    if failing and not bad and point.holds_precisely(leaf, failing, rng):
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
        method=found.method,
        why=found.why,
        rtol=found.rtol,
        ratio=norm_ratio(ours, theirs),
        order=order,
        worst=Worst(
            tested[at][0], float(ours[at]), float(theirs[at]), float(allowed[at]), point.of
        ),
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
        result.append((_place(np.unravel_index(k, shape)), v.reshape(shape)))
    for number in range(DIRECTIONS if size > budget else 0):
        v = rng.normal(size=shape)
        result.append((f"direction {number + 1}", v / np.linalg.norm(v)))
    return result


def _place(index: Iterable[Any]) -> str:
    return f"({', '.join(str(int(i)) for i in index)})"


def _described(size: int, tested: list[tuple[str, Array]]) -> str:
    entries = sum(place.startswith("(") for place, _ in tested)
    if entries == size:
        return f"all {size}" if size > 1 else "1"
    return f"{entries} of {size}, {len(tested) - entries} directions"
