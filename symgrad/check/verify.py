"""Verifying derivations by hand: each gradient proved, in agreement, or wrong, and why."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np
from sympy import Integer

from symgrad.check.claims.algebra import NotSymbolic, Numeric
from symgrad.check.claims.arrays import require_small
from symgrad.check.claims.compute import Builder, Values
from symgrad.check.claims.read import Part, parts_of
from symgrad.check.claims.scope import Scope
from symgrad.check.claims.terms import Slice, Term, subterms
from symgrad.check.diagnose import diagnose
from symgrad.check.equal import Witness
from symgrad.check.verify_judge import Frame, Judgement, Run, judge
from symgrad.check.verify_truth import Point, truth_of
from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError, ParseError, ShapeError, SymgradError
from symgrad.tensor.dims import size_of
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Node, topological

#: What a claim may be written in.
NOTATIONS = ("numpy", "latex", "sympy")


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
    reader = READERS[notation]
    return Verdicts(tuple(reader(frame, claims, names or {})))


def _numpy(
    frame: Frame, claims: str | Mapping[str, object], names: Mapping[str, str]
) -> Iterator[Verdict]:
    for part in parts_of(claims, frame.scope):
        if isinstance(part, Part):
            yield _judged(frame, part)
        else:
            spelling, given = part
            error = given if isinstance(given, SymgradError) else ParseError(
                f"a claim is a text, not a {type(given).__name__}"
            )  # fmt: skip
            yield Verdict(spelling, "unreadable", str(error))


def _judged(frame: Frame, part: Part) -> Verdict:
    """The verdict on a claim in NumPy."""
    name = frame.scope.target(part.spelling)
    if name is None or name not in frame.truth.steps:
        return Verdict(part.spelling, "unreadable", str(frame.scope.unknown(part.spelling)))
    term: Term | None = None
    node: Node | None = None
    clash: SymgradError | None = None
    symbolic = frame.symbolic()
    try:
        term = part.result(frame.scope, symbolic)
    except NotSymbolic:
        pass
    except SymgradError as error:
        return Verdict(part.spelling, "unreadable", str(error))
    if term is not None:
        try:
            node = symbolic.builder.node(term)
        except SymgradError as error:
            clash = error
    run: Run = _runner(frame, part, term)
    if term is not None and not _same_reading(frame, part, term, node):
        term = node = None
        run = _runner(frame, part, None)
    if term is not None and not _computes(frame, run):
        shape = clash.what if isinstance(clash, ShapeError) else ""
        if not shape:
            return Verdict(part.spelling, "unreadable", str(clash))
        return _verdict(frame, part, name, term, run, Judgement("wrong", "", shape=shape))
    if term is None and not _computes(frame, run):
        try:
            run(frame.point(0))
        except SymgradError as error:
            return Verdict(part.spelling, "unreadable", str(error))
    return _verdict(frame, part, name, term, run, judge(frame, name, run, node, _least(term)))


def _runner(frame: Frame, part: Part, term: Term | None) -> Run:
    """What computes a claim at a point: its term, or the interpreter."""
    if term is not None:
        return lambda point: Values(point.names, point.sizes).array(term)
    return lambda point: part.result(frame.scope, Numeric(point.names, point.sizes))


def _computes(frame: Frame, run: Run) -> bool:
    try:
        run(frame.point(0))
    except SymgradError:
        return False
    return True


def _same_reading(frame: Frame, part: Part, term: Term, node: Node | None) -> bool:
    """Whether what was read for all sizes is what the code computes when it is run."""
    point = frame.point(1)
    try:
        ran = part.result(frame.scope, Numeric(point.names, point.sizes))
    except SymgradError:
        return node is None
    try:
        read = [Values(point.names, point.sizes).array(term)]
        if node is not None:
            require_small_parts(node, point.sizes)
            inner = dict(point.names)
            for step in frame.truth.derivation.steps:
                inner[step.leaf.name] = frame.truth.point(1).names[f"d:{step.of.name}"]
            read += evaluate([node], inner, point.sizes)
    except SymgradError:
        return False
    return all(
        np.shape(each) == np.shape(ran)
        and np.allclose(np.asarray(each, float), np.asarray(ran, float), rtol=1e-6, atol=1e-9,
                        equal_nan=True)
        for each in read
    )  # fmt: skip


def require_small_parts(node: Node, sizes: dict[str, int]) -> None:
    """Raise where a part of a formula is too large an array to compute."""
    for part in topological(node):
        require_small(*(size_of(size, sizes) for size in part.shape))


def _least(term: Term | None) -> int:
    """Sizes that exceed the numbers of slices: x[:64] is all of x where n ≤ 64."""
    if term is None:
        return 0
    bounds = [0]
    for each in subterms(term):
        if each.op in ("index", "set", "increase", "add_at"):
            key = each.args[1]
            for part in (key,) if isinstance(key, Slice) or not isinstance(key, tuple) else key:
                if isinstance(part, Slice):
                    bounds += [int(b) for b in part if isinstance(b, Integer)]
    top = max(abs(b) for b in bounds)
    return top if 3 <= top <= 300 else 0


def _verdict(
    frame: Frame, part: Part, name: str, term: Term | None, run: Run, judgement: Judgement
) -> Verdict:
    if judgement.status != "wrong":
        return Verdict(part.spelling, judgement.status, judgement.why, facts=judgement.facts)
    diagnosis = diagnose(frame, name, term, run)
    shape = f"{judgement.shape}. " if judgement.shape else ""
    return Verdict(
        part.spelling, "wrong", shape + diagnosis.explanation,
        diagnosis.candidates[0] if diagnosis.candidates else None, diagnosis.candidates,
        diagnosis.corrected, judgement.witness,
    )  # fmt: skip


def _not_yet(frame: Frame, claims: Any, names: Any) -> Iterator[Verdict]:
    raise DeclarationError("this notation cannot be read yet")


READERS: dict[str, Any] = {"numpy": _numpy, "latex": _not_yet, "sympy": _not_yet}

__all__ = ["Builder", "Point", "Verdict", "Verdicts", "verify"]
