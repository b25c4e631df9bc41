"""What is said of a mistake: its name, a sentence, and the right form in the person's notation."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from symgrad.check.claims.terms import Term
from symgrad.check.claims.write import written
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.search import Case, Hit, search
from symgrad.check.verify_judge import Frame, Run
from symgrad.errors import SymgradError


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Labels in order of likelihood, what is said, and the right form."""

    candidates: tuple[str, ...]
    explanation: str
    corrected: str
    hits: tuple[Hit, ...] = ()


def knowledge_of(frame: Frame) -> Knowledge:
    """What is known of a graph in a person's scale; kept with the graph."""
    key = tuple(frame.scales.items())
    cache = vars(frame.truth).setdefault("_knowledge", {})
    if key not in cache:
        cache[key] = Knowledge(frame)
    found: Knowledge = cache[key]
    return found


def diagnose(
    frame: Frame, target: str, term: Term | None, run: Run, write: Callable[[Term], str] = written
) -> Diagnosis:
    """The mistake in a wrong claim; `write` prints a term in the person's notation."""
    know = knowledge_of(frame)
    hits = search(Case.of(know, target, term, run))
    labels: dict[str, None] = {}
    for hit in hits:
        labels.setdefault(hit.label)
    for hit in hits:
        for label in hit.also:
            labels.setdefault(label)
    said = hits[0].said if hits else "it differs from the gradient"
    right = ""
    if hits and hits[0].term is not None:
        try:
            right = write(hits[0].term)
        except SymgradError:
            right = ""
    return Diagnosis(tuple(labels), re.sub(r"[{}]", "", said), right, tuple(hits))
