"""A wrong claim at the points where a mistake must show, and what is found of it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from symgrad.check.claims.terms import Term, names_in
from symgrad.check.diagnose.cuts import Faulty, faulty
from symgrad.check.diagnose.edits.places import Place
from symgrad.check.diagnose.knowledge import CHECKS, Knowledge
from symgrad.check.diagnose.many import spread
from symgrad.check.verify_judge import Run
from symgrad.errors import SymgradError

#: Changes of a claim that are tried: one alone, and two at once.
MOST_EDITS, MOST_PAIRS = 6_000, 12_000

#: Operands that are computed anew for a change, on the average: changes deep in long claims count
#: for more. The body of a loop is computed so many times.
OPERANDS, LOOP = 16, 6


#: Operations of a claim that is edited, shared parts counted wherever they stand.
MOST_TERMS = 2_000


@dataclass(slots=True)
class Budget:
    """What a search may still try: changes, and the work that they take."""

    left: int
    work: int

    @classmethod
    def of(cls, count: int) -> "Budget":
        """So many changes."""
        return cls(count, count * OPERANDS)

    def spent(self, place: Place, more: int = 0) -> bool:
        """One change more, and operations beside it; whether it is too many."""
        self.left -= 1
        self.work -= _work(place) + more
        return self.left < 0 or self.work < 0


def _work(place: Place) -> int:
    """The operands of all operations that a change at a place makes anew."""
    count = 1 + len(place.part.terms)
    for outer in reversed(place.around):
        count += len(outer.terms)
        if outer.op == "each":  # all of its body
            count = LOOP * (count + outer.size)
    return count


@dataclass(frozen=True, slots=True)
class Hit:
    """A mistake that explains a claim: its label, how likely it is, what is said, what is right."""

    label: str
    cost: float
    said: str
    term: Term | None = None
    also: tuple[str, ...] = ()
    factor: Term | None = None  # what the whole claim must be multiplied by


class Retold(NamedTuple):
    """A claim run in another way, and the mistake that it had if it then is right."""

    label: str
    said: str
    run: Run


@dataclass(slots=True)
class Case:
    """A wrong claim: its values at the points (None where it has none), and the true ones."""

    know: Knowledge
    target: str
    run: Run
    claim: Term | None
    ours: list[Any]
    truths: list[Any]
    retold: tuple[Retold, ...] = ()

    @classmethod
    def of(
        cls, know: Knowledge, target: str, claim: Term | None, run: Run,
        retold: tuple[Retold, ...] = (),
    ) -> "Case":  # fmt: skip
        """The case of a claim that `run` computes."""
        ours: list[Any] = []
        truths = []
        for k in range(CHECKS):
            point = know.point(k)
            truths.append(np.asarray(point.names[f"d:{target}"], dtype=float))
            try:
                ours.append(np.asarray(run(point), dtype=float))
            except (SymgradError, TypeError, ValueError):
                ours.append(None)
        short = claim is not None and claim.size <= MOST_TERMS
        known = spread(claim, know.scalars) if claim is not None and short else None
        return cls(know, target, run, known, ours, truths, retold)

    def value(self, term: Term, k: int) -> Any:
        """The array of a term at a point; None if it has none."""
        try:
            with np.errstate(all="ignore"):
                return np.asarray(self.know.values(k).array(term), dtype=float)
        except (SymgradError, TypeError, ValueError):
            return None

    @property
    def shapeless(self) -> bool:
        """Whether the claim has no value of the gradient's shape."""
        pairs = zip(self.ours, self.truths, strict=True)
        return any(ours is None or ours.shape != truth.shape for ours, truth in pairs)

    @property
    def faults(self) -> list[Faulty]:
        """Derivations with one mistake that start where the claim does."""
        names = names_in(self.claim) if self.claim is not None else []
        atoms = frozenset(text[2:] for text in names if text.startswith("d:"))
        return faulty(self.know, self.target, atoms)

    def is_true(self, term: Term) -> bool:
        """Whether a term is the gradient, at all points."""
        return all(same(self.value(term, k), self.truths[k]) for k in range(CHECKS))


def same(a: Any, b: Any) -> bool:
    """Whether two arrays are equal up to rounding."""
    if a is None or b is None or a.shape != b.shape:
        return False
    scale = np.max(np.abs(b), initial=0.0)
    if not np.isfinite(scale) or not np.isfinite(a).all():
        return False
    return bool(np.all(np.abs(a - b) <= 1e-8 * scale + 1e-300))
