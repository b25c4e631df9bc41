"""Verifying derivations by hand: each gradient proved, in agreement, or wrong, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import overload

import numpy as np

from symgrad.check.claims.read import Claims
from symgrad.check.claims.scope import Scope
from symgrad.check.claims.terms import Term, names_in
from symgrad.check.diagnose import diagnose, multiple_of
from symgrad.check.diagnose.many import over, spread, tidied
from symgrad.check.equal import Witness
from symgrad.check.verify_judge import Frame, Judgement, judge
from symgrad.check.verify_read import READERS, Reading
from symgrad.check.verify_truth import Point, truth_of
from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError, SymgradError
from symgrad.notation.difference import differing, underline

#: What a claim may be written in.
NOTATIONS = tuple(READERS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one claim.

    `status` is "proved" (equal for all sizes and all values in the domains, off kinks), "agrees"
    (equal at all points that were tried, not proved), "wrong", or "unreadable". `mistake` is the
    likeliest label of what went wrong, `candidates` all that fit, likeliest first. `corrected` is
    the right form, as close to the claim as can be, and `claimed` the claim in the same notation.
    `inherits` names the wrong lines that a line which is right on its own starts from; `line` is
    where the claim stands in a text of several, from 1, or 0.
    """

    name: str
    status: str
    explanation: str
    mistake: str | None = None
    candidates: tuple[str, ...] = ()
    corrected: str = ""
    claimed: str = ""
    witness: Witness | None = field(default=None, repr=False)
    facts: tuple[str, ...] = ()
    inherits: tuple[str, ...] = ()
    multiple: Term | None = field(default=None, repr=False)
    line: int = 0

    @property
    def right(self) -> bool:
        """Whether it is proved, or agrees at all points."""
        return self.status in ("proved", "agrees")

    def __str__(self) -> str:
        label = f" ({self.mistake})" if self.mistake else ""
        lines = [f"{self.name}: {self.status}{label}"]
        if self.explanation:
            lines.append(f"  {self.explanation}")
        if self.corrected:
            ours, theirs = differing(self.claimed, self.corrected)
            if ours:
                lines += [f"  claim: {self.claimed}", f"         {underline(ours)}"]
            lines.append(f"  right: {self.corrected}")
            if theirs:
                lines.append(f"         {underline(theirs)}")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Verdicts(Sequence[Verdict]):
    """The verdicts, in the order of the claims; true if none is wrong or unreadable."""

    items: tuple[Verdict, ...]

    @overload
    def __getitem__(self, key: int) -> Verdict: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Verdict, ...]: ...
    def __getitem__(self, key: int | slice) -> Verdict | tuple[Verdict, ...]:
        return self.items[key]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.items)

    def __bool__(self) -> bool:
        return all(each.right for each in self.items)

    def __str__(self) -> str:
        return "\n".join(map(str, self.items))

    __repr__ = __str__


def verify(
    graph: Graph,
    claims: str | Mapping[str, object],
    *,
    notation: str = "numpy",
    names: Mapping[str, str] | None = None,
    scaled: Mapping[str, object] | None = None,
) -> Verdicts:
    """Whether hand-derived gradients are right, each judged on its own.

    Parameters
    ----------
    graph :    with a scalar output.
    claims :   statements `dW1 = ...`, or a mapping from gradients to expressions or statements.
               In them dV stands for the true gradient by V.
    notation : what they are written in: "numpy", "latex" or "sympy".
    names :    name -> how the person spells it.
    scaled :   gradients that stand for a multiple, as {"dZ2": "m"} where dZ2 is m times the
               gradient.

    Returns
    -------
    Verdicts    one Verdict for each claim, in order.

    Raises
    ------
    DeclarationError    for an unknown notation, or claims that are no text and no mapping.
    UnknownName         for a scale of a gradient that there is not.
    ShapeError          if the output is not a scalar.

    Examples
    --------
    >>> import symgrad as sg
    >>> net = sg.parse("r = X @ w - y; J = sum(r**2) / n",
    ...                symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",)}, parameters=["w"])
    >>> [v.status for v in sg.verify(net, "dr = 2 * r / n; dw = X.T @ dr")]
    ['proved', 'proved']
    """
    if notation not in NOTATIONS:
        raise DeclarationError(f"notation {notation!r} is none of {', '.join(NOTATIONS)}")
    if not isinstance(graph, Graph) or not isinstance(claims, str | Mapping):
        raise DeclarationError("claims about a Graph are a text, or a mapping from names to texts")
    return judged(graph, claims, notation, names, scaled)


def judged(
    graph: Graph, claims: Claims, notation: str, names: Mapping[str, str] | None,
    scaled: Mapping[str, object] | None,
) -> Verdicts:  # fmt: skip
    """The verdicts on claims, some of which may be about the same gradient."""
    truth = truth_of(graph)
    scope = Scope.of(
        [leaf.name for leaf in (*graph.symbols, *(d.leaf for d in graph.definitions))],
        graph.output, truth.steps, graph.dims, names or {},
    )  # fmt: skip
    scope.parameters = graph.parameters
    frame = Frame.of(truth, scope, scaled or {})
    readings = list(READERS[notation](frame, claims, names or {}))
    if len(readings) == 1:
        return Verdicts((_verdict(frame, readings[0], explained=True),))
    verdicts = [_verdict(frame, reading) for reading in readings]
    found = _in_another_scale(frame, claims, names or {}, notation, verdicts)
    frame, readings, verdicts = found or (frame, readings, verdicts)
    verdicts = [
        _verdict(frame, reading, explained=True) if verdict.status == "wrong" else verdict
        for reading, verdict in zip(readings, verdicts, strict=True)
    ]
    return Verdicts(tuple(_inherited(frame, readings, verdicts)))


# --- claims that follow from one another


def _in_another_scale(
    frame: Frame, claims: Claims, names: Mapping[str, str], notation: str,
    verdicts: list[Verdict],
) -> tuple[Frame, list[Reading], list[Verdict]] | None:  # fmt: skip
    """The verdicts with some gradients taken as multiples, if more lines are right then.

    A line that is m times the gradient is a convention where the lines after it divide by m.
    """
    scales: dict[str, Term] = {}
    other, readings, retold = frame, list[Reading](), verdicts
    for _ in verdicts:
        more = {
            name: over(verdict.multiple)
            for verdict in retold
            if verdict.multiple is not None
            and (name := frame.scope.target(verdict.name)) is not None
            and name not in frame.scales | scales
            and frame.truth.graph.leaf(name).role == "value"
        }
        if not more:
            break
        scales |= more
        other, readings, retold = _retold(frame, claims, names, notation, scales)
    for name in _wrong_values(frame, retold) if scales else ():
        # a line that is wrong, but goes on in the scale of the lines around it
        for scale in dict.fromkeys(scales.values()):
            tried = _retold(frame, claims, names, notation, scales | {name: scale})
            if sum(v.right for v in tried[2]) > sum(v.right for v in retold):
                scales, (other, readings, retold) = scales | {name: scale}, tried
                break
    if sum(v.right for v in retold) <= sum(v.right for v in verdicts) + 1:
        return None
    for n, verdict in enumerate(retold):
        name = frame.scope.target(verdict.name)
        if name in scales and verdict.right:
            factor = readings[n].write(tidied(scales[name]))
            said = f"as {factor} times the gradient, which is how the lines after it take it"
            retold[n] = replace(verdict, explanation=f"{verdict.explanation}; {said}")
    return other, readings, retold


def _retold(
    frame: Frame, claims: Claims, names: Mapping[str, str], notation: str, scales: dict[str, Term]
) -> tuple[Frame, list[Reading], list[Verdict]]:
    """The readings and verdicts with some gradients taken as multiples."""
    other = Frame(frame.truth, frame.scope, frame.scales | scales)
    readings = list(READERS[notation](other, claims, names))
    return other, readings, [_verdict(other, reading) for reading in readings]


def _wrong_values(frame: Frame, verdicts: list[Verdict]) -> list[str]:
    """The values of the network whose gradients are wrong."""
    names = [frame.scope.target(each.name) for each in verdicts if each.status == "wrong"]
    return [name for name in names
            if name is not None and frame.truth.graph.leaf(name).role == "value"]  # fmt: skip


def _inherited(frame: Frame, readings: list[Reading], verdicts: list[Verdict]) -> list[Verdict]:
    """The verdicts, lines that are right on their own but follow from wrong ones told apart."""
    point = frame.point(0)
    own: dict[str, object] = {}
    result = []
    for reading, verdict in zip(readings, verdicts, strict=True):
        value = None
        if reading.run is not None:
            names = point.names | own
            try:
                value = reading.run(Point(point.sizes, point.symbols, names))
            except SymgradError:
                value = None
        if value is not None and verdict.right and not _same(value, point, reading.name):
            used = [
                other.name
                for other, before in zip(verdicts, readings, strict=True)
                if other.status == "wrong" and before.name in _upstream(frame, reading)
            ]
            said = f"; right on its own, but {' and '.join(used) or 'what it starts from'} is wrong"
            verdict = replace(verdict, explanation=verdict.explanation + said, inherits=tuple(used))
        if value is not None and reading.name:
            own[f"d:{reading.name}"] = value
        result.append(verdict)
    return result


def _same(value: object, point: Point, name: str) -> bool:
    ours, truth = np.asarray(value, dtype=float), point.names[f"d:{name}"]
    return ours.shape == truth.shape and np.allclose(ours, truth, rtol=1e-7, atol=1e-10)


def _upstream(frame: Frame, reading: Reading) -> set[str]:
    """The values whose gradients a claim reads."""
    if reading.term is not None:
        return {text[2:] for text in names_in(reading.term) if text.startswith("d:")}
    return set(frame.truth.steps)


#: How bad a status is: of a chain of equalities the worst one counts.
_WORST = ("wrong", "unreadable", "agrees", "proved")


def _verdict(frame: Frame, reading: Reading, *, explained: bool = False) -> Verdict:
    """The verdict on one claim: on a chain a = b = c the worst one of all its members.

    What is wrong about it, which takes longest to find, stands only in one that is `explained`.
    """
    members = [_alone(frame, each, explained) for each in (*reading.before, reading)]
    place, worst = min(enumerate(members), key=lambda pair: _WORST.index(pair[1].status))
    if len(members) > 1 and worst.status == "wrong":
        ordinal = f"member {place + 1} of {len(members)} of the equation"
        worst = replace(worst, explanation=f"{worst.explanation} (In {ordinal}.)")
    unread = [note for note in reading.notes if " is not read: " in note]
    if unread and worst.right:
        worst = replace(worst, explanation="; ".join([worst.explanation, *unread]))
    return worst


def _alone(frame: Frame, reading: Reading, explained: bool) -> Verdict:
    """The verdict on one member of a claim."""
    return replace(_of_reading(frame, reading, explained), line=reading.line)


def _of_reading(frame: Frame, reading: Reading, explained: bool) -> Verdict:
    spelling = reading.spelling
    if reading.fault or reading.run is None:
        return Verdict(spelling, "unreadable", reading.fault)
    if reading.shape:
        judgement = Judgement("wrong", "", shape=reading.shape)
    else:
        judgement = judge(frame, reading.name, reading.run, reading.node, reading.least)
    if judgement.status != "wrong":
        return Verdict(spelling, judgement.status, judgement.why, facts=judgement.facts)
    if not explained:
        multiple = multiple_of(frame, reading.name, reading.term, reading.run)
        return Verdict(spelling, "wrong", "", multiple=multiple)
    diagnosis = diagnose(
        frame, reading.name, reading.term, reading.run, reading.write, reading.retold, judgement.at
    )
    shape = f"{judgement.shape[:1].upper()}{judgement.shape[1:]}. " if judgement.shape else ""
    return Verdict(
        spelling, "wrong", shape + diagnosis.explanation,
        diagnosis.candidates[0] if diagnosis.candidates else None, diagnosis.candidates,
        diagnosis.corrected, _claimed(reading) if diagnosis.corrected else "", judgement.witness,
    )  # fmt: skip


def _claimed(reading: Reading) -> str:
    """The claim as it was read, in the notation of what is right; "" if it has no such form."""
    if reading.term is None:
        return ""
    try:
        return reading.write(tidied(spread(reading.term)))
    except SymgradError:
        return ""


__all__ = ["Verdict", "Verdicts", "verify"]
