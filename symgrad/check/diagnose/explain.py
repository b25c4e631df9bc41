"""What is said of a mistake: its name, a sentence, and the right form in the person's notation."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from symgrad.check.claims.terms import Term, name
from symgrad.check.claims.write import written
from symgrad.check.diagnose.knowledge import CHECKS, Knowledge
from symgrad.check.diagnose.many import tidied
from symgrad.check.diagnose.multiples import multiple
from symgrad.check.diagnose.search import Case, Hit, Retold, search
from symgrad.check.verify_judge import Frame, Run
from symgrad.errors import SymgradError


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Labels in order of likelihood, what is said, and the right form."""

    candidates: tuple[str, ...]
    explanation: str
    corrected: str
    hits: tuple[Hit, ...] = ()


def knowledge_of(frame: Frame, start: int = 0) -> Knowledge:
    """What is known of a graph in a person's scale; kept with the graph.

    `start` is the first point at which a hit must hold; formulas have one name whatever it is.
    """
    key = (start, *frame.scales.items())
    cache = vars(frame.truth).setdefault("_knowledge", {})
    if key not in cache:
        known = knowledge_of(frame).formulas if start else {}
        cache[key] = Knowledge(frame, start, known)
    found: Knowledge = cache[key]
    return found


def multiple_of(frame: Frame, target: str, term: Term | None, run: Run) -> Term | None:
    """The count that a wrong claim must be multiplied by to be right, as far as it is one."""
    return multiple(Case.of(knowledge_of(frame), target, term, run))


def diagnose(
    frame: Frame, target: str, term: Term | None, run: Run,
    write: Callable[[Term], str] = written, retold: tuple[Retold, ...] = (), at: int = 0,
) -> Diagnosis:  # fmt: skip
    """The mistake in a claim that is wrong at a point; `write` prints in the person's notation."""
    know = knowledge_of(frame, at if at >= CHECKS else 0)
    know.quoted.clear()
    hits = search(Case.of(know, target, term, run, retold))
    labels: dict[str, None] = {}
    for hit in hits:
        labels.setdefault(hit.label)
    for hit in hits:
        for label in hit.also:
            labels.setdefault(label)
    right = ""
    if hits and hits[0].term is not None:
        right = _shown(tidied(hits[0].term), write)
    if not right:
        right = _shown(know.pooled(frame.target(target)), write)
    said = hits[0].said if hits else "it differs from the gradient"
    begins = said[:1].upper() + said[1:]  # a name keeps its case: it is in braces
    said = re.sub(r"\{([^{}]*)\}", lambda match: _marked(know, match[1], write), begins)
    others = [label for label in labels if hits and label != hits[0].label]
    tie = [hit for hit in hits[1:] if hit.cost <= hits[0].cost + TIE]
    if tie and others:
        said += f" (or: {tie[0].label})"
    return Diagnosis(tuple(labels), f"{said}.", right, tuple(hits))


#: How much dearer an explanation may be to be told beside the best.
TIE = 0.1


def _marked(know: Knowledge, key: str, write: Callable[[Term], str]) -> str:
    term = know.quoted.get(key) or name(key)
    return _shown(term, write) or key


def _shown(term: Term, write: Callable[[Term], str]) -> str:
    """The term in the person's notation; nothing where it has none."""
    try:
        return write(term)
    except SymgradError:
        return ""
