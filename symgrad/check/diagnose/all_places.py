"""One slip made in all places of a claim: each time step, each transpose, each logarithm."""

from collections.abc import Callable, Iterator

from sympy import Integer

from symgrad.check.claims.terms import Term, name, names_in
from symgrad.check.diagnose.edits import Edit, with_term
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import over, transposed


def changed(root: Term, change: Callable[[Term], Term | None]) -> Term:
    """The claim with a change made to every part, those inside first."""
    result = root
    for k, each in enumerate(root.terms):
        inner = changed(each, change)
        if inner is not each:
            result = with_term(result, k, inner)
    new = change(result)
    return result if new is None else new


def changes(know: Knowledge, claim: Term) -> Iterator[Edit]:
    """The claims that changes in all places make."""
    yield from _other_numbers(know, claim)
    yield from _other_families(know, claim)
    for change, label, said in _CHANGES:
        new = changed(claim, lambda part, change=change: change(know, part))  # type: ignore[misc]
        if new is not claim:
            yield Edit(new, label, 1.5, said)


def _other_numbers(know: Knowledge, claim: Term) -> Iterator[Edit]:
    """h1, h2, h3 for h0, h1, h2."""
    numbered = {text: know.families[text] for text in names_in(claim) if text in know.families}
    whole = {family: text for text, family in know.families.items()}
    for base in dict.fromkeys(base for base, _ in numbered.values()):
        own = {text: number for text, (family, number) in numbered.items() if family == base}
        if len(own) < 2:
            continue
        for move in (-1, 1):
            names = {text: whole.get((base, number + move)) for text, number in own.items()}
            if None not in names.values():
                new = claim.replaced({name(a): name(b) for a, b in names.items() if b})
                yield Edit(new, "stale-variable", 1.3, f"{{{base}}} is that of another step",
                           ("wrong-index",))  # fmt: skip


def _other_families(know: Knowledge, claim: Term) -> Iterator[Edit]:
    """Dh for da, at all steps."""
    numbered = {text: know.families[text] for text in names_in(claim) if text in know.families}
    whole = {family: text for text, family in know.families.items()}
    bases = dict.fromkeys(base for base, _ in know.families.values())
    for base in dict.fromkeys(base for base, _ in numbered.values()):
        own = {text: number for text, (family, number) in numbered.items() if family == base}
        if len(own) < 2:
            continue
        for other in bases:
            names = {text: whole.get((other, number)) for text, number in own.items()}
            if other == base or None in names.values():
                continue
            new = claim.replaced({name(a): name(b) for a, b in names.items() if b})
            first = next(iter(names))
            into = know.activation_to(first[2:]) if first.startswith("d:") else None
            if into is not None and into.z is name(str(names[first])[2:]):
                yield Edit(new, "missing-activation-derivative", 1.3,
                           f"the derivative of {into.function} is left out at each step",
                           ("stale-variable",))  # fmt: skip
            else:
                yield Edit(new, "stale-variable", 1.5, "the variable is another one at each step")


def _outer(know: Knowledge, part: Term) -> Term | None:
    return Term("outer", *reversed(part.args)) if part.op == "outer" else None


def _log(know: Knowledge, part: Term) -> Term | None:
    return over(part.args[0]) if part.op == "log" else None


def _matrix(know: Knowledge, part: Term) -> Term | None:
    """Parameters in products, transposed."""
    if part.op != "chain":
        return None
    items = [
        transposed(each)
        if each.op == "name" and len(know.shapes.get(each.args[0], ())) == 2
        and not each.args[0].startswith("d:")
        else each
        for each in part.args
    ]  # fmt: skip
    return Term("chain", *items)


def _bare(know: Knowledge, part: Term) -> Term | None:
    if part.op != "chain":
        return None
    return Term("chain", *(each.args[0] if each.op == "T" else each for each in part.args))


def _axis(know: Knowledge, part: Term) -> Term | None:
    """Sums along rows for sums along columns, and the reverse."""
    given = dict(part.options)
    axis = given.get("axis", part.args[1] if len(part.args) > 1 else None)
    if part.op not in ("sum", "mean") or axis not in (0, 1, -1):
        return None
    return Term(part.op, part.args[0], axis=Integer(1 if axis == 0 else 0), keepdims=True)


_CHANGES: tuple[tuple[Callable[[Knowledge, Term], Term | None], str, str], ...] = (
    (_axis, "wrong-axis", "the sums run over the wrong axis"),
    (_outer, "swapped-factors", "the outer products are turned round"),
    (_log, "wrong-derivative-rule", "logarithms stand where their derivatives belong"),
    (_matrix, "missing-transpose", "the matrices must be transposed"),
    (_bare, "wrong-transpose", "the matrices must not be transposed"),
)
