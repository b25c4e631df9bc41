"""Another variable in the place of one."""

from collections.abc import Iterator

from sympy import S

from symgrad.check.claims.terms import name, number
from symgrad.check.diagnose.activations import Activation
from symgrad.check.diagnose.edits.places import Edit, Place, Rule, same_value
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import negative, plus, transposed
from symgrad.tensor.nodes import leaves


def _other_names(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """Another variable in the place of one."""
    part = place.part
    if part.op != "name" or part.args[0] not in know.shapes:
        return
    text: str = part.args[0]
    for other in know.shapes:
        if other == text or other == know.graph.output:
            continue
        yield from _renamed(know, target, place, text, other)


def _renamed(know: Knowledge, target: str, place: Place, text: str, other: str) -> Iterator[Edit]:
    if not know.shapes[other] and know.shapes[text]:
        return
    near = _nearness(know, text, other)
    new = name(other)
    if text.startswith("d:") and other.startswith("d:"):
        into = know.activation_of(other[2:])
        if into is not None and into.a is name(text[2:]):
            yield Edit(new, "missing-activation-derivative", 1.5,
                       f"the derivative of {into.function} is left out: {{{other}}} belongs in "
                       f"place of {{{text}}}", ("stale-variable",))  # fmt: skip
            return
    if other == f"d:{target}":
        return
    said = f"{{{text}}} stands where {{{other}}} belongs"
    between = know.activation_to(text) or know.activation_to(other)
    pair = between is not None and {between.a, between.z} == {name(text), name(other)}
    if between is not None and pair and _in_slope(know, between, place):
        if between.a is name(text) and _applies(place, between.function):
            said = f"{between.function}′ is taken at {{{text}}} in place of {{{other}}}"
            yield Edit(new, "derivative-at-activation", 1.2, said)
            return
        yield Edit(new, "stale-variable", 1.5 + near, said, ("wrong-activation-derivative",))
        return
    yield Edit(new, "stale-variable", 1.5 + near, said)
    yield Edit(transposed(new), "stale-variable", 2.2 + near, said)


def _in_slope(know: Knowledge, activation: Activation, place: Place) -> bool:
    """Whether a name stands within a factor that is made of it alone."""
    for outer in reversed(place.around):
        if outer.op in ("plus", "pow", "tanh", "sigmoid", "gt", "lt") or "prime" in outer.op:
            return True
        if outer.op in ("chain", "outer"):
            return False
    return False


def _applies(place: Place, function: str) -> bool:
    """Whether the name is the argument of that function or of its derivative."""
    return any(outer.op.startswith(function) or outer.op.endswith(function)
               or function in outer.op for outer in place.around)  # fmt: skip


def _nearness(know: Knowledge, text: str, other: str) -> float:
    """0 for names of one family, more for others."""
    if text.startswith("d:") != other.startswith("d:"):
        return 0.6
    root = know.definitions.get(other)
    if root is not None and know.leaves().get(text) in leaves(root):
        return 0.0
    mine, theirs = know.families.get(text), know.families.get(other)
    if mine and theirs and mine[0] == theirs[0]:
        return 0.0 if abs(mine[1] - theirs[1]) == 1 else 0.1
    return 0.2 if text[:1].lower() == other[:1].lower() else 0.3


def _activations(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """A = f(z) in the place of z, or of the derivative f'(z)."""
    part = place.part
    for activation in know.activations:
        if part is activation.z and activation.a.args[0].startswith("pool:"):
            shown = know.quote(part)
            said = f"{activation.function} of {shown} belongs in place of {shown}"
            yield Edit(activation.a, "stale-variable", 1.5, said,
                       ("missing-chain-factor", "wrong-activation-derivative"))  # fmt: skip
    for function, z, a in know.elementary:
        if part is z:
            said = f"{function} of {know.quote(z)} belongs in place of {know.quote(z)}"
            yield Edit(a, "stale-variable", 1.5, said, ("wrong-derivative-rule",))
    for activation in know.activations:
        if part.op in ("plus", "times", "gt", "pow") and same_value(know, part, activation.slope):
            function = activation.function
            said = f"the derivative of {function} stands where {function} itself belongs"
            yield Edit(activation.a, "wrong-derivative-rule", 1.5, said,
                       ("wrong-activation-derivative",))  # fmt: skip


def _complement(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    """Z for 1 − z, and the reverse."""
    part = place.part
    one = number(S.One)
    if part.op == "name" and know.shapes.get(part.args[0]):
        yield Edit(plus(one, negative(part)), "stale-variable", 2.0,
                   f"{{{part.args[0]}}} stands where its complement to 1 belongs",
                   ("missing-chain-factor",))  # fmt: skip
    if part.op == "plus" and len(part.args) == 2 and part.args[0] is one:
        rest = part.args[1]
        if rest.op == "neg":
            yield Edit(rest.args[0], "stale-variable", 2.0,
                       f"the complement to 1 stands where {know.quote(rest.args[0])} belongs",
                       ("missing-chain-factor",))  # fmt: skip


RULES: tuple[Rule, ...] = (
    _other_names,
    _activations,
    _complement,
)
