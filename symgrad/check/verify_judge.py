"""Whether a claim is what it says: shapes before values, values before proofs.

Values in floating point find most mistakes; what they leave open is proved by normal form, or
compared with 50 digits. Only a proof is called one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mpmath
import numpy as np

from symgrad.check.claims.algebra import Symbolic
from symgrad.check.claims.compute import Builder, Values
from symgrad.check.claims.read import Text
from symgrad.check.claims.scope import Scope
from symgrad.check.claims.statements import Interpreter
from symgrad.check.claims.terms import Term
from symgrad.check.claims.terms import number as number_term
from symgrad.check.equal import Witness, _gap, _Point
from symgrad.check.equal import _precise as precise_values
from symgrad.check.methods import is_analytic
from symgrad.check.verify_truth import Point, Truth
from symgrad.errors import DeclarationError, ShapeError, SymgradError
from symgrad.simplify import simplify
from symgrad.simplify.normal import vanishes
from symgrad.tensor import operators as op
from symgrad.tensor.dims import same_shape, show
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Node, leaves, topological
from symgrad.tensor.operators import constant_of, total

#: Points that values are compared at, and how far apart they may be by rounding: far less than
#: MISMATCH of the largest intermediate value is doubt, more is a mistake.
POINTS, ROUNDING, MISMATCH = 3, 1e-9, 1e-6

#: Points more for a claim with kinks that is not proved: its masks may differ in few places.
MORE_POINTS = 12

#: A difference below this may come from numbers near 1 that nearly cancel.
SMALL = 1e-7

#: The nodes of all differences that proofs of one claim are tried on; counted, not timed, so that
#: what is proved depends on the claim alone.
MOST_NODES = 2000

#: Differences, unfolded step by step, that rules are tried on where normal forms do not prove them.
BY_RULES = 12


@dataclass(slots=True)
class Frame:
    """A truth in the person's scale: dZ may stand for m ∂J/∂Z."""

    truth: Truth
    scope: Scope
    scales: dict[str, Term]
    _points: dict[Any, Point] = field(default_factory=dict)
    leaves: dict[str, Node] = field(init=False)

    def __post_init__(self) -> None:
        self.leaves = dict(self.truth.leaves)
        builder = Builder(self.truth.leaves)
        for name, scale in self.scales.items():
            self.leaves[f"d:{name}"] = op.multiply(builder.node(scale), self.leaves[f"d:{name}"])

    @classmethod
    def of(cls, truth: Truth, scope: Scope, scaled: Mapping[str, object]) -> "Frame":
        """`scaled` maps spellings of gradients to texts, such as {"dZ2": "m"}."""
        scales = {}
        for spelling, given in scaled.items():
            value = scope.target(str(spelling))
            if value is None or value not in truth.steps:
                raise scope.unknown(str(spelling))
            text = Text.of(str(given))
            run = Interpreter(text.source, scope, Symbolic(truth.leaves, truth.sizes))
            if len(text.statements) != 1 or not hasattr(text.statements[0], "value"):
                raise DeclarationError(f"the scale of {spelling} is an expression, not {given!r}")
            found = run.value(text.statements[0].value)
            found = run.array(found, text.statements[0])
            scales[value] = found if isinstance(found, Term) else number_term(found)
        return cls(truth, scope, scales)

    def symbolic(self) -> Symbolic:
        """What reads claims for all sizes."""
        return Symbolic(self.leaves, self.truth.sizes)

    def target(self, name: str) -> Node:
        """What the gradient by a value is, in terms of those it follows from."""
        return self.scaled(name, self.truth.steps[name].expr)

    def scaled(self, name: str, node: Node) -> Node:
        """A form of a gradient, in the person's scale."""
        scale = self.scales.get(name)
        return node if scale is None else op.multiply(Builder(self.truth.leaves).node(scale), node)

    def point(self, k: int, least: int = 0) -> Point:
        """A point, gradients in the person's scale."""
        found = self._points.get((k, least))
        if found is None:
            found = self._points[k, least] = self.in_scale(self.truth.point(k, least))
        return found

    def unscaled(self, point: Point, name: str) -> Any:
        """The true gradient by a value at a point of this frame."""
        value = point.names[f"d:{name}"]
        scale = self.scales.get(name)
        return value if scale is None else value / Values(point.names, point.sizes).array(scale)

    def in_scale(self, point: Point) -> Point:
        """The point with the gradients that are scaled multiplied by their scale."""
        if not self.scales:
            return point
        values, names = Values(point.names, point.sizes), dict(point.names)
        for name, scale in self.scales.items():
            names[f"d:{name}"] = names[f"d:{name}"] * values.array(scale)
        return Point(point.sizes, point.symbols, names)


@dataclass(slots=True)
class Judgement:
    """proved, agrees or wrong; why, and what a proof rests on or where it fails."""

    status: str
    why: str
    facts: tuple[str, ...] = ()
    witness: Witness | None = None
    shape: str = ""  # what is said of shapes that do not fit
    at: int = 0  # the number of the point at which it is wrong


#: Computes a claim at a point.
Run = Callable[[Point], Any]


def judge(frame: Frame, name: str, run: Run, node: Node | None, least: int = 0) -> Judgement:
    """Judge a claim about the gradient by a value; `node` is its formula, if it has one."""
    wanted = frame.truth.leaves[name].shape
    if node is not None and not same_shape(node.shape, wanted):
        return Judgement("wrong", "", shape=f"it has shape {show(node.shape)}, and the gradient "
                         f"has that of {name}, {show(wanted)}")  # fmt: skip
    compared = _compared(frame, name, run, least, 0.0 if node is None else SMALL)
    if compared.status == "wrong":
        return compared
    if node is None:
        elsewhere = _elsewhere(frame, name, run, None)
        return compared if elsewhere is None else elsewhere
    exact = None if compared.status == "agrees" else _precise(frame, name, node)
    if exact is not None and exact.status == "wrong":
        return exact
    proof = prove(frame, name, node)
    if proof is not None and exact is None:
        return proof
    exact = exact or _precise(frame, name, node)
    if exact.status == "agrees" and proof is not None:
        return proof
    return (exact.status == "agrees" and _elsewhere(frame, name, run, node)) or exact


def _elsewhere(frame: Frame, name: str, run: Run, node: Node | None) -> Judgement | None:
    """Where a claim with kinks is wrong after all, at some points more; None if nowhere."""
    if node is not None and is_analytic((node, frame.truth.steps[name].expr)):
        return None
    more = range(POINTS, POINTS + MORE_POINTS)
    found = _compared(frame, name, run, 0, SMALL, more)
    if found.status != "wrong" or found.shape:
        return None
    if node is not None and _precise(frame, name, node, (found.at,)).status != "wrong":
        return None  # rounding
    return found


def _compared(
    frame: Frame, name: str, run: Run, least: int, least_gap: float,
    points: Sequence[int] = range(POINTS),
) -> Judgement:  # fmt: skip
    """The claim's values at some points, in floating point; what differs by less is in doubt."""
    doubt, compared = False, 0
    for k in points:
        point = frame.point(k, least if k == POINTS - 1 else 0)
        truth = np.asarray(point.names[f"d:{name}"])
        try:
            claim = np.asarray(run(point), dtype=float)
        except SymgradError as error:
            return Judgement("wrong", "", shape=error.what)
        if claim.shape != truth.shape:
            return Judgement("wrong", "", shape=f"it has shape {claim.shape} where the gradient "
                             f"has shape {truth.shape}, for " + _sizes(point))  # fmt: skip
        gap, entry = _largest_gap(claim, truth)
        if gap is None:
            continue
        compared += 1
        scale = max(_size(claim), _size(truth))
        if gap < least_gap:  # 1 - a² of a saturated a has no digit right
            doubt = doubt or gap > ROUNDING * scale
        elif gap > MISMATCH * scale or not np.isfinite(gap):
            witness = Witness(point.sizes, point.symbols, entry, float(claim[entry]),
                              float(truth[entry]))  # fmt: skip
            return Judgement("wrong", str(witness), witness=witness, at=k)
        doubt = doubt or gap > ROUNDING * scale
    if not compared:
        return Judgement("doubt", "no point was found at which it has a value")
    status = "doubt" if doubt else "agrees"
    return Judgement(status, f"equal at {compared} random points, not proved")


def _sizes(point: Point) -> str:
    return ", ".join(f"{name} = {size}" for name, size in point.sizes.items())


def _size(x: Any) -> float:
    finite = np.abs(x[np.isfinite(x)]) if np.ndim(x) else np.abs(x)
    return float(np.max(finite, initial=0.0))


def _largest_gap(claim: Any, truth: Any) -> tuple[float | None, tuple[int, ...]]:
    """The largest difference of entries, and where it is; None if no entry has a value."""
    both = ~np.isfinite(claim) & ~np.isfinite(truth)
    with np.errstate(invalid="ignore"):
        gaps = np.where(both, 0.0, np.abs(claim - truth))
    gaps = np.where(np.isnan(gaps), np.inf, gaps)
    if both.all() or not gaps.size:
        return None, ()
    k = int(np.argmax(gaps))
    entry = tuple(int(i) for i in np.unravel_index(k, gaps.shape))
    return float(gaps[entry]), entry


# --- proofs


def prove(frame: Frame, name: str, node: Node) -> Judgement | None:
    """A proof that a formula is the gradient, with values unfolded as far as it takes."""
    left = MOST_NODES
    step = frame.truth.steps[name]
    for form in dict.fromkeys((step.expr, step.raw)):
        gap = total(((1, node), (-1, frame.scaled(name, form))), node.shape)
        proof = _by_rules(gap) or _by_normal_form(gap)
        if proof is not None:
            return proof
    for n, each in enumerate(frame.truth.unfolded(gap)[1:]):
        left -= len(topological(each))
        if left < 0:
            return None
        proof = _by_normal_form(each)
        if proof is not None:  # rules take longer, and say more of a proof
            return (left > MOST_NODES // 2 and _by_rules(each)) or proof
        proof = _by_rules(each) if n < BY_RULES else None
        if proof is not None:
            return proof
    return None


def _by_rules(gap: Node) -> Judgement | None:
    try:
        if constant_of(gap) == 0:
            return Judgement("proved", "it is the same expression")
        found = simplify(gap)
    except ShapeError:
        return None
    if constant_of(found.node) == 0:
        return Judgement("proved", "the difference simplifies to 0", found.notes)
    return None


def _by_normal_form(gap: Node) -> Judgement | None:
    declared = any(leaf.domain not in ("", "real") for leaf in leaves(gap))
    try:
        for facts in (False, True)[: 1 + declared]:
            zero = vanishes(gap, facts=facts)
            if zero:
                rests = ("by declared domains",) if facts else ()
                return Judgement("proved", "both have one normal form", rests)
            if zero is None:  # too large, whatever is declared
                return None
    except ShapeError:
        return None
    return None


def _precise(
    frame: Frame, name: str, node: Node, points: Sequence[int] = range(POINTS)
) -> Judgement:
    """The formula and the gradient with 50 digits and more, where floating point cannot tell."""
    compared = 0
    for k in points:
        point = frame.truth.point(k)
        before: Any = None
        for digits in (50, 100, 200):
            with mpmath.workdps(digits):
                gap, entry, pair = _precise_gap(frame, name, node, point, digits)
                if gap is None:
                    break
                compared += digits == 50
                if digits == 50:
                    before = gap
                    if gap == 0:
                        break
                    continue
                if gap <= before * mpmath.mpf(10) ** (-digits // 4):
                    break
                if before and gap > before * mpmath.mpf(10) ** -5:
                    witness = Witness(point.sizes, point.symbols, entry, *map(float, pair))
                    return Judgement("wrong", str(witness), witness=witness, at=k)
                before = gap
    if not compared:
        return Judgement("agrees", "no point was found at which it has a value")
    return Judgement("agrees", f"equal to 50 digits at {compared} random points, not proved")


def _precise_gap(frame: Frame, name: str, node: Node, point: Point, digits: int) -> Any:
    symbols = list(frame.truth.graph.symbols)
    values = precise_values(symbols, _Point(point.sizes, point.symbols), digits)
    full = frame.truth.filled(point.sizes, values | point.sizes, precision=digits)
    inner = dict(full.names)
    for each in frame.truth.derivation.steps:
        inner[each.leaf.name] = full.names[f"d:{each.of.name}"]
    target = frame.scaled(name, frame.truth.steps[name].leaf)
    left, right = evaluate([node, target], inner, point.sizes, digits)
    gaps = [(_gap(x, y), k) for k, (x, y) in enumerate(zip(left.flat, right.flat, strict=True))]
    known = [each for each in gaps if each[0] is not None]
    if not known:
        return None, (), ()
    gap, k = max(known, key=lambda each: each[0])
    entry = tuple(int(i) for i in np.unravel_index(k, left.shape))
    return gap, entry, (left.flat[k], right.flat[k])
