"""Verifying derivations by hand: each gradient proved, in agreement, or wrong, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

from symgrad.check.claims.scope import Scope
from symgrad.check.diagnose import diagnose
from symgrad.check.equal import Witness
from symgrad.check.verify_judge import Frame, Judgement, judge
from symgrad.check.verify_read import READERS, Reading
from symgrad.check.verify_truth import truth_of
from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError

#: What a claim may be written in.
NOTATIONS = tuple(READERS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be said of one claim.

    `status` is "proved" (equal for all sizes and all values in the domains, off kinks), "agrees"
    (equal at all points that were tried, not proved), "wrong", or "unreadable". `mistake` is the
    likeliest label of what went wrong, `candidates` all that fit, likeliest first. `corrected` is
    the right form, as close to the claim as can be.
    """

    name: str
    status: str
    explanation: str
    mistake: str | None = None
    candidates: tuple[str, ...] = ()
    corrected: str = ""
    witness: Witness | None = field(default=None, repr=False)
    facts: tuple[str, ...] = ()

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
            lines.append(f"  right: {self.corrected}")
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
    truth = truth_of(graph)
    scope = Scope.of(
        [leaf.name for leaf in (*graph.symbols, *(d.leaf for d in graph.definitions))],
        graph.output, truth.steps, graph.dims, names or {},
    )  # fmt: skip
    frame = Frame.of(truth, scope, scaled or {})
    readings = READERS[notation](frame, claims, names or {})
    return Verdicts(tuple(_verdict(frame, reading) for reading in readings))


def _verdict(frame: Frame, reading: Reading) -> Verdict:
    """The verdict on one claim."""
    spelling = reading.spelling
    if reading.fault or reading.run is None:
        return Verdict(spelling, "unreadable", reading.fault)
    if reading.shape:
        judgement = Judgement("wrong", "", shape=reading.shape)
    else:
        judgement = judge(frame, reading.name, reading.run, reading.node, reading.least)
    if judgement.status != "wrong":
        return Verdict(spelling, judgement.status, judgement.why, facts=judgement.facts)
    diagnosis = diagnose(frame, reading.name, reading.term, reading.run, reading.write)
    shape = f"{judgement.shape}. " if judgement.shape else ""
    return Verdict(
        spelling, "wrong", shape + diagnosis.explanation,
        diagnosis.candidates[0] if diagnosis.candidates else None, diagnosis.candidates,
        diagnosis.corrected, judgement.witness,
    )  # fmt: skip


__all__ = ["Verdict", "Verdicts", "verify"]
