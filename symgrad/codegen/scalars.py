"""Scalar bodies as source: typed constants, functions of the module, few parentheses."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from sympy import Add, Expr, Mul, Number, NumberSymbol, Pow, S, preorder_traversal

from symgrad.codegen import functions
from symgrad.codegen.numbers import (
    ATOM,
    CHOICE,
    PRODUCT,
    SUM,
    Numbers,
    Scales,
    Text,
    size_text,
)
from symgrad.errors import TemplateError
from symgrad.tensor.scalar import ARGS, NAMES

_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}


@dataclass(slots=True)
class Scalars:
    """Writes scalar bodies; remembers the constants and functions that they use."""

    numbers: Numbers
    scales: Scales
    used: set[str] = field(default_factory=set)
    products: set[str] = field(default_factory=set)
    sums: set[str] = field(default_factory=set)
    routines: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def fault(self, matrix: str, what: str, stack: bool) -> int:
        """The number, from 1, of what a kernel may find wrong with a matrix, or one of a stack."""
        text = f"matrix {{}} of {matrix} is {what}" if stack else f"{matrix} is {what}"
        if text not in self.faults:
            self.faults.append(text)
        return self.faults.index(text) + 1

    def size(self, value: Expr) -> str:
        """An expression in dimensions as integer arithmetic."""
        return size_text(value, self.scales.dims)

    def constant(self, value: Expr) -> Text:
        if value.free_symbols:
            return Text(self.scales.name(value))
        if value.is_extended_negative:
            return Text(f"-{self.numbers.name(-value)}", SUM, True)
        return Text(self.numbers.name(value))

    def body(self, body: Expr, arguments: list[Text]) -> Text:
        """The source of a body, its arguments given."""
        if body in ARGS:
            return arguments[ARGS.index(body)]
        if isinstance(body, Number | NumberSymbol) or not body.has(*ARGS):
            return self.constant(body)
        match body:
            case Add():
                pairs = [_scaled(term) for term in body.args]
                return self.sum((c, self.body(rest, arguments)) for c, rest in pairs)
            case Mul():
                return self._product(body, arguments)
            case Pow():
                return self._power(body.base, body.exp, arguments)
        name = NAMES.get(body.func)
        if name is None:
            raise TemplateError(f"no code is known for the function {body.func.__name__}")
        sign = _SIGNS.get(NAMES.get(body.args[0].func, "")) if name == "where" else None
        if sign:
            parts = (*body.args[0].args, *body.args[1:])
            left, right, yes, no = (self.body(each, arguments).within(SUM) for each in parts)
            return Text(f"{yes} if {left} {sign} {right} else {no}", CHOICE)
        inner = [self.body(argument, arguments) for argument in body.args]
        return Text(f"abs({inner[0].text})") if name == "abs" else self.call(name, inner)

    def call(self, name: str, arguments: Iterable[Text]) -> Text:
        if name not in functions.NAMES:
            raise TemplateError(f"no code is known for the function {name}")
        self.used.add(name)
        return Text(f"_{name}({', '.join(a.text for a in arguments)})")

    def sum(self, terms: Iterable[tuple[Expr, Text]]) -> Text:
        """Σ coefficient · term, the positive terms first."""
        listed = [self._signed(coefficient, term) for coefficient, term in terms]
        listed.sort(key=lambda pair: pair[0])
        text = ""
        for minus, term in listed:
            piece = term.within(PRODUCT if minus or not text else SUM)
            text += (" - " if minus else " + ") + piece if text else ("-" if minus else "") + piece
        alone = len(listed) == 1
        if alone and not listed[0][0]:
            return listed[0][1]
        return Text(text or self.numbers.name(S.Zero), SUM, alone)

    def _signed(self, coefficient: Expr, term: Text) -> tuple[bool, Text]:
        """Whether a term is subtracted, and what of it is left then."""
        minus = bool(coefficient.could_extract_minus_sign())
        size = -coefficient if minus else coefficient
        if term.minus:
            minus, term = not minus, Text(term.text[1:], PRODUCT)
        return minus, term if size == 1 else self.product([self.constant(size), term])

    def product(self, factors: Iterable[Text]) -> Text:
        listed = list(factors)
        if len(listed) == 1:
            return listed[0]
        texts = [f.within(PRODUCT if n == 0 else ATOM) for n, f in enumerate(listed)]
        return Text(" * ".join(texts), PRODUCT)

    def _product(self, body: Mul, arguments: list[Text]) -> Text:
        above, below = [], []
        coefficient, rest = body.as_coeff_Mul()
        if coefficient != 1 and coefficient != -1:
            above.append(self.constant(abs(coefficient)))
        for factor in Mul.make_args(rest):
            if isinstance(factor, Pow) and factor.exp.is_number and factor.exp.is_negative:
                below.append(self._power(factor.base, -factor.exp, arguments))
            else:
                above.append(self.body(factor, arguments))
        text = self.product(above or [Text(self.numbers.name(S.One))])
        if below:
            text = Text(f"{text.within(PRODUCT)} / {self.product(below).within(ATOM)}", PRODUCT)
        return Text(f"-{text.within(PRODUCT)}", SUM, True) if coefficient.is_negative else text

    def _power(self, base: Expr, exponent: Expr, arguments: list[Text]) -> Text:
        inner = self.body(base, arguments)
        if exponent.is_number and exponent.is_negative:
            below = self._power(base, -exponent, arguments).within(ATOM)
            return Text(f"{self.numbers.name(S.One)} / {below}", PRODUCT)
        if exponent == S.Half:
            return self.call("sqrt", [inner])
        if exponent == 1:
            return inner
        if exponent == 2 and re.fullmatch(r"\w+(\[[\w, ]+\])?", inner.text):
            return Text(f"{inner.text} * {inner.text}", PRODUCT)
        if exponent in (2, 3):
            return self.call({2: "square", 3: "cube"}[int(exponent)], [inner])
        if exponent.is_Integer:
            return Text(f"{inner.within(ATOM)} ** {exponent}", PRODUCT)
        return Text(
            f"{inner.within(ATOM)} ** {self.body(exponent, arguments).within(ATOM)}", PRODUCT
        )


def has_bits(body: Expr) -> bool:
    """Whether a body calls functions that work on the bits of numbers in the module's precision."""
    return any(NAMES.get(part.func) in functions.ULPS for part in preorder_traversal(body))


def _scaled(term: Expr) -> tuple[Expr, Expr]:
    """The number in front of a term, and the rest; a number alone is the rest."""
    coefficient, rest = term.as_coeff_Mul()
    return (S.One, term) if rest == 1 else (coefficient, rest)
