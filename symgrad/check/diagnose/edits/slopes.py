"""Derivatives of activations that are wrong."""

from collections.abc import Iterator
from itertools import combinations

from symgrad.check.claims.terms import Term, name
from symgrad.check.diagnose.activations import Activation
from symgrad.check.diagnose.edits.places import Edit, Place, Rule, names_below, same_value
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import times


def _slopes(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """A factor, or two of a product, in the place of an activation's derivative."""
    part = place.part
    parent = place.around[-1].op if place.around else ""
    if part.op == "number" or parent in ("over",):
        return
    for activation in know.activations:
        if activation.function == "softmax":
            continue
        said = f"the derivative of {activation.function} is wrong"
        cost = 1.4 + 0.1 * (activation.z is not name(target)) + 0.3 * activation.composed
        if part.op == "times":
            several = range(len(part.args))
            for gone in (*combinations(several, 2), *combinations(several, 1)):
                rest = [part.args[k] for k in several if k not in gone]
                old = times(*(part.args[k] for k in gone))
                if rest:
                    yield _slope_edit(activation, old, times(*rest, activation.slope), cost, said,
                                      know)  # fmt: skip
        elif parent != "times":
            yield _slope_edit(activation, part, activation.slope, cost, said, know)


def _slope_edit(
    activation: Activation, old: Term, new: Term, cost: float, said: str, know: Knowledge
) -> Edit:
    """The label depends on what stood there: another layer's derivative, or none at all."""
    for other in know.activations:
        if other is not activation and other.function == activation.function:
            if same_value(know, old, other.slope):
                return Edit(new, "stale-variable", cost, "the derivative of "
                            f"{activation.function} is another layer's",
                            ("missing-activation-derivative", "misplaced-factor"))  # fmt: skip
    if activation.at_a is not None and same_value(know, old, activation.at_a):
        said = f"{activation.function}′ is taken at the activation in place of its argument"
        return Edit(new, "derivative-at-activation", cost - 0.3, said)
    if any(n.startswith("d:") for n in names_below(old)) and old.op == "name":
        return Edit(new, "stale-variable", cost + 1.0, said)
    names = names_below(old)
    about = {activation.a, activation.z} & {name(n) for n in names}
    if activation.z is not activation.a and same_value(
        know, old.replaced({activation.z: activation.a}), activation.slope
    ):
        at = f"{know.quote(activation.z)} stands where {know.quote(activation.a)} belongs"
        return Edit(new, "stale-variable", cost, f"in the derivative of {activation.function} {at}",
                    ("wrong-activation-derivative",))  # fmt: skip
    return Edit(new, activation.masked, cost + (0.0 if about else 0.6), said)


RULES: tuple[Rule, ...] = (_slopes,)
