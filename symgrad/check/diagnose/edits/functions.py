"""Rules of derivatives: powers, logarithms, exponentials, masks."""

from collections.abc import Iterator

from sympy import Expr, Integer

from symgrad.check.claims.terms import Term, name, number
from symgrad.check.diagnose.edits.places import Edit, Place, Rule
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.check.diagnose.many import negative, over, plus, times


def _functions(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    part = place.part
    rule = "wrong-derivative-rule"
    said = "an elementary rule of derivatives is misapplied"
    match part.op, part.args:
        case "abs", (inner,):
            yield Edit(inner, rule, 1.5, "the absolute value loses the sign")
        case "log", (inner,):
            yield Edit(over(inner), rule, 1.5, "the derivative of log x is 1/x")
            yield Edit(inner, rule, 2.0, said)
        case "exp", (inner,):
            yield Edit(negative(inner), rule, 2.2, said)
            yield Edit(
                Term("exp", negative(inner)), "sign", 1.8, "the sign of an exponent is wrong"
            )
        case (("sqrt" | "tanh" | "sigmoid" | "relu"), (inner,)):
            label = rule if part.op == "sqrt" else "wrong-activation-derivative"
            yield Edit(inner, label, 2.0, said)
            if part.op == "relu":
                yield from _relu_of_gradient(know, part, inner)
        case "pow", (inner, exponent):
            value = exponent.args[0] if exponent.op == "number" else None
            if isinstance(value, Expr):
                slope = times(number(value), Term("pow", inner, number(value - 1)))
                yield Edit(inner if value == 2 else slope, rule, 1.4,
                           "a power stands where its derivative belongs")  # fmt: skip
                yield Edit(slope, rule, 1.4, "a power stands where its derivative belongs")
                for step in (-1, 1, Integer(-1) / 2, Integer(1) / 2):
                    yield Edit(Term("pow", inner, number(value + step)), rule, 1.6,
                               f"the exponent is {value + step}, not {value}")  # fmt: skip
                if value == 2:
                    yield Edit(inner, rule, 2.0, said)
        case (("gt" | "lt" | "ge" | "le" as kind), (a, b)):
            turned = {"gt": "lt", "lt": "gt", "ge": "lt", "le": "gt"}[kind]
            label = "mask-not-applied" if a.op == "name" and a.args[0] in know.masks else (
                next((each.masked for each in know.activations if each.branch),
                     "wrong-activation-derivative"))  # fmt: skip
            yield Edit(Term(turned, a, b), label, 1.3, "the mask is turned round", ("sign",))
            for activation in know.activations:
                for mask in activation.masks:
                    yield Edit(mask, activation.masked, 1.5,
                               f"the mask is {know.quote(mask)}", ("stale-variable",))  # fmt: skip
        case "over", (inner,):
            if inner is name(target):
                yield Edit(over(times(inner, inner)), rule, 1.4, "the derivative of 1/x is −1/x²")
            more = over(plus(number(Integer(1)), inner))
            yield Edit(more, rule, 1.9, "the 1 of log(1 + x) stays in its derivative",
                       ("missing-term",))  # fmt: skip
    if place.around and place.around[-1].op == "over" and part.op != "number":
        yield Edit(Term("sqrt", part), rule, 1.7, f"the root of {know.quote(part)} is lost")
    if part.op in ("name", "plus") and "abs" in know.functions:
        yield Edit(Term("sign", part), rule, 1.8, "the derivative of |x| is the sign of x")
    if part.op in ("name", "plus") and not (place.around and place.around[-1].op == "pow"):
        if not (place.around and place.around[-1].op == "times" and part in place.around[-1].args
                and place.around[-1].args.count(part) > 1):  # fmt: skip
            cost = 1.5 if place.around and place.around[-1].op != "chain" else 2.4
            yield Edit(times(part, part), rule, cost, "a square is lost",
                       ("wrong-activation-derivative",))  # fmt: skip
    if part.op == "times" and len(set(part.args)) < len(part.args):
        for each in dict.fromkeys(part.args):
            if part.args.count(each) > 1:
                rest = list(part.args)
                rest.remove(each)
                yield Edit(times(number(Integer(2)), *rest), rule, 1.3,
                           "a square stands where its derivative belongs")  # fmt: skip
                yield Edit(times(*rest), rule, 1.7, "a power is too high")


def _relu_of_gradient(know: Knowledge, part: Term, inner: Term) -> Iterator[Edit]:
    for activation in know.activations:
        if activation.function == "relu":
            yield Edit(times(inner, activation.slope), "wrong-activation-derivative", 1.3,
                       "the activation is applied to the gradient in place of its derivative",
                       ("missing-activation-derivative",))  # fmt: skip


RULES: tuple[Rule, ...] = (_functions,)
