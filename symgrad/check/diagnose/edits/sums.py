"""Signs and summands of a claim."""

from collections.abc import Iterator

from symgrad.check.claims.terms import name
from symgrad.check.diagnose.edits.places import Edit, Place, Rule, below, names_below
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import negative, plus
from symgrad.check.diagnose.parts import parts


def _signs(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    part = place.part
    parent = place.around[-1].op if place.around else ""
    if part.op == "neg" or parent in ("neg", "times", "gt", "lt", "ge", "le"):
        return
    yield Edit(negative(part), "sign", 1.0 if not place.path else 1.2, "the sign is wrong")
    if part.op in ("sum", "mean"):
        return


def _negated(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    if place.part.op == "neg":
        yield Edit(place.part.args[0], "sign", 1.0, "the sign is wrong")


def _fewer_summands(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    part = place.part
    if part.op != "plus":
        return
    for k, gone in enumerate(part.args):
        rest = plus(*part.args[:k], *part.args[k + 1 :])
        bare = gone.args[0] if gone.op == "neg" else gone
        own = name(target) in below(bare) and not any(
            n.startswith("d:") for n in names_below(bare)
        )  # fmt: skip
        if own and not place.path:
            yield Edit(rest, "bias-regularised", 1.4, f"{{{target}}} is not regularised")
        yield Edit(rest, "extra-term", 1.8, "a term does not belong there")


def _regularisers(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """The true derivative of a regulariser for a summand of the variable and numbers alone."""
    if not place.around or place.around[-1].op != "plus":
        return
    names = set(names_below(place.part))
    if target in names and names <= {target, *know.numbers}:
        for part in parts(know, target):
            if part.label == "missing-regulariser":
                yield Edit(part.term, "wrong-derivative-rule", 1.5,
                           "the derivative of the regulariser is wrong")  # fmt: skip


RULES: tuple[Rule, ...] = (
    _signs,
    _negated,
    _fewer_summands,
    _regularisers,
)
