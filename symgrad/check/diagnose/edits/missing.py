"""Factors that are left out."""

from collections.abc import Iterator
from itertools import combinations

from sympy import Integer, S

from symgrad.check.claims.terms import Slice, Term, name, number
from symgrad.check.diagnose.activations import Activation
from symgrad.check.diagnose.edits.places import Edit, Place, Rule, same_value
from symgrad.check.diagnose.factors import local_factors
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import chain, negative, plus, times, transposed


def _more_factors(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    part = place.part
    parent = place.around[-1].op if place.around else ""
    if parent in ("times", "over", "neg") or part.op == "number":
        return
    for activation in know.activations:
        if part is activation.z and same_value(know, times(part, activation.slope), activation.a):
            continue  # relu(z) is z relu'(z): z stands where a belongs
        at = know.quote(activation.z)
        said = f"the derivative of {activation.function} at {at} is left out"
        if part.op == "chain":
            for i, j in combinations(range(len(part.args) + 1), 2):
                if 2 <= j - i < len(part.args):
                    group = times(chain(*part.args[i:j]), activation.slope)
                    new = chain(*part.args[:i], group, *part.args[j:])
                    yield Edit(new, activation.unmasked, 1.5, said, ("missing-chain-factor",))
        cost = 1.3 if activation.z is name(target) or not place.path else 1.4
        yield Edit(times(part, activation.slope), activation.unmasked, cost, said,
                   ("missing-activation-derivative", "missing-chain-factor"))  # fmt: skip
        if activation.function == "softmax":
            yield from _through_softmax(activation, part)
    for factor, label, said in local_factors(know, target):
        yield Edit(times(part, factor), label, 1.62, said)
    for mask in know.masks:
        for shown in _spread_over(know, mask):
            yield Edit(times(part, shown), "mask-not-applied", 1.4,
                       f"the mask {{{mask}}} is left out")  # fmt: skip
    for text, shape in know.shapes.items():
        if shape and text not in (know.graph.output, f"d:{target}"):
            near = 0.1 if not place.path else 0.3
            yield Edit(times(part, name(text)), "missing-chain-factor", 1.8 + near,
                       f"the factor {{{text}}} is left out")  # fmt: skip
            if len(shape) == 2 and parent != "chain":
                for each in (name(text), transposed(name(text))):
                    for new in (chain(part, each), chain(each, part)):
                        yield Edit(new, "missing-chain-factor", 1.9 + near,
                                   f"the factor {know.quote(each)} is left out")  # fmt: skip
            if len(shape) == 2 and part.op == "chain":
                for k in range(1, len(part.args)):
                    for each in (name(text), transposed(name(text))):
                        yield Edit(chain(*part.args[:k], each, *part.args[k:]),
                                   "missing-chain-factor", 1.9 + near,
                                   f"the factor {know.quote(each)} is left out")  # fmt: skip


def _weights(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """A sum of rows or columns, each of which must be weighted."""
    part = place.part
    if part.op != "sum" or not isinstance(part.args[0], Term):
        return
    for text, shape in know.shapes.items():
        if len(shape) == 1 and text != f"d:{target}":
            own, cost = name(text), 1.5 if text.startswith("d:") else 1.8
            for new in (chain(own, part.args[0]), chain(part.args[0], own)):
                yield Edit(new, "missing-chain-factor", cost,
                           f"the factor {{{text}}} is left out of the sum")  # fmt: skip


def _through_softmax(activation: Activation, part: Term) -> Iterator[Edit]:
    """P ⊙ (g − Σ g ⊙ P), for a gradient g by P."""
    for axis in (-1, 0):
        inner = Term("sum", times(part, activation.a), axis=Integer(axis), keepdims=True)
        whole = times(activation.a, plus(part, negative(inner)))
        said = "the Jacobian of the softmax is left out"
        yield Edit(whole, "missing-activation-derivative", 1.6, said, ("missing-chain-factor",))


def _spread_over(know: Knowledge, mask: str) -> Iterator[Term]:
    yield name(mask)
    shape = know.shapes[mask]
    if len(shape) == 1:
        yield Term("index", name(mask), (Slice(), None))
        yield Term("index", name(mask), (None, Slice()))


def _diagonal_only(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """G p (1 − p) for p ⊙ (g − Σ g ⊙ p)."""
    if place.part.op != "times":
        return
    for activation in know.activations:
        if activation.function != "softmax":
            continue
        one_minus = plus(number(S.One), negative(activation.a))
        items = list(place.part.args)
        if one_minus in items and activation.a in items:
            items.remove(one_minus)
            items.remove(activation.a)
            if not items:
                continue
            rest = times(*items)
            for edit in _through_softmax(activation, rest):
                yield Edit(edit.new, "softmax-diagonal-only", 1.2,
                           "only the diagonal of the softmax's Jacobian is used")  # fmt: skip


RULES: tuple[Rule, ...] = (
    _more_factors,
    _weights,
    _diagonal_only,
)
