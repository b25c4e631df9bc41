"""Whether two expressions are equal: proved by rewriting, or compared at random points.

The stages go from the cheapest to the last resort: one node, one form, one value. A proof holds for
all sizes and all values in the declared domains, off null sets such as the kink of a ReLU; values
that agree at some points prove nothing, and the result says which of the two it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import mpmath
import numpy as np

from symgrad.calculus import Derivative
from symgrad.declare.graph import Definition, Graph
from symgrad.errors import ValueMismatch
from symgrad.simplify import simplify
from symgrad.simplify.normal import vanishes
from symgrad.tensor.dims import same_shape, show
from symgrad.tensor.evaluate import Array, evaluate
from symgrad.tensor.nodes import Leaf, Node, leaves, substitute
from symgrad.tensor.operators import as_node, constant_of, total

#: Decimal digits of the first comparison; where it leaves doubt they are doubled, twice at most.
DIGITS = 50

#: How many points are compared, each of other sizes.
POINTS = 4


@dataclass(frozen=True, slots=True)
class Witness:
    """Sizes and values for which two expressions differ, and the entry where they do."""

    sizes: Mapping[str, int]
    values: Mapping[str, Array]
    entry: tuple[int, ...]
    left: float
    right: float

    def __str__(self) -> str:
        at = ", ".join(f"{name} = {size}" for name, size in self.sizes.items())
        entry = f"entry {list(self.entry)}" if self.entry else "the value"
        return f"{entry} is {self.left:.17g} and {self.right:.17g}" + (f" for {at}" if at else "")


@dataclass(frozen=True, slots=True)
class Equality:
    """The answer of `equal`.

    `status` is "proved" (for all sizes and all values in the declared domains at which both are
    defined, off kinks), "agrees" (at the points that were tried, not proved) or "different" (with a
    `witness`, or of other shapes).
    `facts` are what a proof rests on beyond algebra. It is true unless they are different.
    """

    status: str
    why: str
    facts: tuple[str, ...] = ()
    witness: Witness | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return self.status != "different"

    def __str__(self) -> str:
        rests = f"; {'; '.join(self.facts)}" if self.facts else ""
        return f"{self.status}: {self.why}{rests}"

    __repr__ = __str__


def equal(
    a: object,
    b: object,
    *,
    graph: Graph | None = None,
    seed: int = 0,
    sizes: Mapping[str, int] | None = None,
) -> Equality:
    """Whether two expressions are equal for all sizes and all values in their declared domains.

    Parameters
    ----------
    a, b :   tensor expressions, numbers, derivatives, or graphs (then their outputs).
    graph :  what named values in expressions stand for; that of a derivative or graph beside them
             without it. A named value that no graph defines is a free symbol.
    seed :   of the random points.
    sizes :  of some dimensions at these points; the others are drawn, pairwise different.

    Raises
    ------
    DeclarationError    for what is no expression.
    ValueMismatch       if no point was found at which both have a value, or they have none.

    Notes
    -----
    Three stages prove: both are one node, their difference simplifies to zero, or its normal form
    is zero, with names as they are or with their formulas in place. Else both are evaluated at
    random points of pairwise different sizes, in numbers of 50 digits and more: what is left of a
    difference at twice the digits tells rounding from a difference of 1e-40. Schwartz (1980),
    Zippel (1979) for why random points rarely lie.

    Examples
    --------
    >>> import symgrad as sg
    >>> n, d = sg.dims("n d")
    >>> X, w = sg.tensor("X", n, d), sg.tensor("w", d)
    >>> sg.equal(X.T @ (X @ w) + w, X.T @ X @ w + w).status
    'proved'
    >>> sg.equal(sg.sin(w)**2 + sg.cos(w)**2, sg.ones(d))
    proved: they have one normal form
    >>> sg.equal(sg.mean(X), sg.sum(X) / n).status
    'different'
    """
    left, right = _node(a), _node(b)
    if not same_shape(left.shape, right.shape):
        return Equality("different", f"shapes {show(left.shape)} and {show(right.shape)} differ")
    told = graph or _graph_of(a) or _graph_of(b)
    graphs = _graph_of(a) or told, _graph_of(b) or told
    inlined = _inlined(left, graphs[0]), _inlined(right, graphs[1])
    named = (left, right) if graphs[0] is graphs[1] else inlined
    for pair in dict.fromkeys((named, inlined)):
        for stage in STAGES:
            proof = stage(*pair)
            if proof is not None:
                return proof
    return _compared(*inlined, seed, sizes)


def _graph_of(value: object) -> Graph | None:
    if isinstance(value, Graph):
        return value.freeze()
    return value.graph if isinstance(value, Derivative) else None


def _node(value: object) -> Node:
    if isinstance(value, Graph):
        return value.freeze().leaf(value.output)
    if isinstance(value, Derivative):
        return _put_in_place(value.expr, value.definitions[:-1])
    return as_node(value)


def _inlined(node: Node, graph: Graph | None) -> Node:
    """The node with all formulas in place of names; shared parts stay shared."""
    return node if graph is None else _put_in_place(node, graph.definitions)


def _put_in_place(node: Node, definitions: tuple[Definition, ...]) -> Node:
    done: dict[Node, Node] = {}
    for definition in definitions:
        done[definition.leaf] = substitute(definition.expr, done)
    return substitute(node, done)


# --- proofs


def _one_node(a: Node, b: Node) -> Equality | None:
    return Equality("proved", "they are the same expression") if a is b else None


def _one_form(a: Node, b: Node) -> Equality | None:
    """By the rules of symgrad/simplify/rules.py, each of which is proved by itself."""
    found = simplify(total(((1, a), (-1, b)), a.shape))
    if constant_of(found.node) == 0:
        return Equality("proved", "their difference simplifies to 0", found.notes)
    one, other = simplify(a), simplify(b)
    if one.node is other.node:
        notes = tuple(dict.fromkeys((*one.notes, *other.notes)))
        return Equality("proved", "they simplify to the same expression", notes)
    return None


def _one_normal_form(a: Node, b: Node) -> Equality | None:
    """By the sums of products that they are when written out (symgrad/simplify/normal)."""
    gap = total(((1, a), (-1, b)), a.shape)
    for facts in (False, True):
        if vanishes(gap, facts=facts):
            rests = ("by declared domains",) if facts else ()
            return Equality("proved", "they have one normal form", rests)
    return None


#: What proves that two nodes are equal, the cheapest first; None where it does not know.
STAGES = (_one_node, _one_form, _one_normal_form)


# --- points


class _Point(NamedTuple):
    """Values of all symbols, exact ones, and the sizes."""

    sizes: dict[str, int]
    values: dict[str, Any]


def _compared(a: Node, b: Node, seed: int, sizes: Mapping[str, int] | None) -> Equality:
    """The two at random points: the first at which they differ decides."""
    compared = 0
    for point in _points(a, b, seed, sizes):
        entry = _difference(a, b, point)
        if entry is None:
            continue
        if entry.differs:
            return Equality("different", str(entry.witness), witness=entry.witness)
        compared += 1
    if not compared:
        raise ValueMismatch(
            "no point was found at which both expressions have a value",
            hint='declare domains, such as domain="positive" below a logarithm',
        )
    return Equality("agrees", f"equal to {DIGITS} digits at {compared} random points, not proved")


def _points(a: Node, b: Node, seed: int, given: Mapping[str, int] | None) -> Iterator[_Point]:
    """Random points in the declared domains, of sizes that differ from point to point."""
    graph = Graph("equality")
    free = {
        leaf: Leaf(leaf.name, leaf.shape, "input", leaf.domain)
        for leaf in leaves(a, b)
        if leaf.role != "input"
    }
    names = {leaf.name for leaf in leaves(a, b)}
    for name, node in (("left", a), ("right", b)):
        while name in names:
            name += "_"
        graph.define(name, substitute(node, dict(free)))
    for n in range(POINTS):
        drawn = graph.sample(seed + n, given)
        sizes = {name: int(drawn[name]) for name in graph.dims}
        yield _Point(sizes, {leaf.name: drawn[leaf.name] for leaf in graph.symbols})


class _Entry(NamedTuple):
    """The worst entry of a comparison, and whether it is a difference or rounding."""

    differs: bool
    witness: Witness


def _difference(a: Node, b: Node, point: _Point) -> _Entry | None:
    """The entry that differs most; None where neither has a value.

    Rounding shrinks with the digits, a difference does not: it is one unless doubling the digits
    makes it smaller by half of the digits gained.
    """
    roots = leaves(a, b)
    before = mpmath.mpf(0)
    for digits in (DIGITS, 2 * DIGITS, 4 * DIGITS):
        values = _precise(roots, point, digits)
        left, right = evaluate([a, b], values, point.sizes, digits)
        with mpmath.workdps(digits):
            gaps = [
                (_gap(x, y), k) for k, (x, y) in enumerate(zip(left.flat, right.flat, strict=True))
            ]
            known = [each for each in gaps if each[0] is not None]
            if not known:
                return None
            gap, k = max(known, key=lambda each: each[0])  # type: ignore[arg-type, return-value]
            entry = tuple(int(i) for i in np.unravel_index(k, left.shape))
            witness = Witness(
                point.sizes, point.values, entry, float(left.flat[k]), float(right.flat[k])
            )
            if gap == mpmath.inf:
                return _Entry(True, witness)
            if digits > DIGITS:
                if gap == 0 or gap <= before * mpmath.mpf(10) ** (-digits // 4):
                    return _Entry(False, witness)
                if before and gap > before * mpmath.mpf(10) ** -5:
                    return _Entry(True, witness)
            before = gap
    return _Entry(True, witness)


def _gap(x: Any, y: Any) -> Any:
    """|x − y|; None where neither is a number, infinite where only one is."""
    lost = [not mpmath.isfinite(each) for each in (x, y)]
    if all(lost):
        return None
    return mpmath.inf if any(lost) else abs(x - y)


def _precise(roots: list[Leaf], point: _Point, digits: int) -> dict[str, Any]:
    """The values of the point, declared facts true in all digits: float64 rounds shares of one."""
    values = dict(point.values)
    with mpmath.workdps(digits + 5):
        for leaf in roots:
            kind, _, axis = leaf.domain.partition(":")
            exact = np.frompyfunc(mpmath.mpf, 1, 1)(np.asarray(values[leaf.name], dtype=object))
            if kind == "simplex":
                values[leaf.name] = exact / exact.sum(axis=int(axis or -1), keepdims=True)
            elif kind in ("symmetric", "spd"):
                values[leaf.name] = (exact + exact.T) / 2
    return values


__all__ = ["Equality", "Witness", "equal"]
