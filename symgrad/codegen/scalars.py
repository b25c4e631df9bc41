"""Scalar bodies as source: typed constants, functions of the module, few parentheses."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import sympy as sp
from sympy import Add, Expr, Integer, Mul, Number, NumberSymbol, Pow, Rational, S, floor

from symgrad.codegen import functions
from symgrad.errors import TemplateError
from symgrad.tensor.scalar import ARGS, NAMES

ATOM, PRODUCT, SUM, CHOICE = 3, 2, 1, 0


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of source, and how tightly it binds."""

    text: str
    binds: int = ATOM

    def within(self, binds: int) -> str:
        return self.text if self.binds >= binds else f"({self.text})"


_WORDS = {
    S.Zero: "zero", S.One: "one", Integer(2): "two", Integer(3): "three", Integer(4): "four",
    S.Half: "half", sp.oo: "inf", Rational(1, 3): "third", Rational(1, 4): "quarter",
    Integer(10): "ten",
}  # fmt: skip


@dataclass(slots=True)
class Numbers:
    """The typed constants of a module: each number once, by a name."""

    taken: set[str]
    names: dict[Expr, str] = field(default_factory=dict)

    def name(self, value: Expr) -> str:
        if value not in self.names:
            n, name = 0, _WORDS.get(value, "")
            while not name or (name in self.taken and value not in _WORDS):
                n, name = n + 1, f"c{n + 1}"
            self.taken.add(name)
            self.names[value] = name
        return self.names[value]

    def definitions(self) -> dict[str, str]:
        """Name -> right side, in the order of first use."""
        return {name: f"real({_exact(value)})" for value, name in self.names.items()}


def _exact(value: Expr) -> str:
    """A Python expression for a real number, correctly rounded in float64."""
    if value is sp.oo:
        return "np.inf"
    if isinstance(value, Rational):
        return (
            f"{value.p} / {value.q}"
            if value.q != 1 and abs(value.p) < 2**53 > value.q
            else repr(float(value) if value.q != 1 else int(value))
        )
    return repr(float(value.evalf(25)))


def size_text(value: Expr) -> str:
    """A polynomial in sizes as integer arithmetic in Python.

    >>> from symgrad.tensor.dims import as_dim
    >>> size_text(as_dim("(n - K) // 2 + 1"))
    '(n - K) // 2 + 1'
    """
    return _size(value).text


def _size(value: Expr) -> Text:
    if value.is_Integer or value.is_Symbol:
        return Text(str(value), ATOM if value.is_Symbol or value >= 0 else SUM)
    if isinstance(value, floor):
        numerator, denominator = sp.fraction(sp.together(value.args[0]))
        return Text(
            f"{_size(sp.expand(numerator)).within(ATOM)} // {_size(denominator).within(ATOM)}",
            PRODUCT,
        )
    if isinstance(value, Add):
        text = ""
        for term in sorted(value.args, key=lambda t: (t.could_extract_minus_sign(), str(t))):
            minus = term.could_extract_minus_sign()
            part = _size(-term if minus else term).within(PRODUCT)
            text += (" - " if minus else " + ") + part if text else ("-" if minus else "") + part
        return Text(text, SUM)
    if isinstance(value, Mul):
        return Text(" * ".join(_size(f).within(ATOM) for f in value.args), PRODUCT)
    if isinstance(value, Pow) and value.exp.is_Integer and value.exp > 0:
        return Text(f"{_size(value.base).within(ATOM)} ** {value.exp}", PRODUCT)
    raise TemplateError(f"the size {value} cannot be written as integer arithmetic")


@dataclass(slots=True)
class Scalars:
    """Writes scalar bodies; remembers the constants and functions that they use."""

    numbers: Numbers
    scale: Callable[[Expr], str]  # the name of a coefficient that depends on sizes
    used: set[str] = field(default_factory=set)

    def constant(self, value: Expr) -> Text:
        if value.free_symbols:
            return Text(self.scale(value))
        if value.is_negative:
            return Text(f"-{self.numbers.name(-value)}", SUM)
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
        inner = [self.body(argument, arguments) for argument in body.args]
        if name == "abs":
            return Text(f"abs({inner[0].text})")
        return self.call(name, inner)

    def call(self, name: str, arguments: Iterable[Text]) -> Text:
        if name not in functions.NAMES:
            raise TemplateError(f"no code is known for the function {name}")
        self.used.add(name)
        return Text(f"_{name}({', '.join(a.text for a in arguments)})")

    def sum(self, terms: Iterable[tuple[Expr, Text]]) -> Text:
        """Σ coefficient · term."""
        text = ""
        listed = list(terms)
        listed.sort(key=lambda pair: _negative(pair[0]) or pair[1].text.startswith("-"))
        for coefficient, term in listed:
            minus = _negative(coefficient)
            size = -coefficient if minus else coefficient
            part = term if size == 1 else self.product([self.constant(size), term])
            if part.text.startswith("-") and part.binds <= SUM and part.text.count(" ") == 0:
                minus, part = not minus, Text(part.text[1:])
            piece = part.within(PRODUCT) if minus or not text else part.within(SUM)
            text += (" - " if minus else " + ") + piece if text else ("-" if minus else "") + piece
        return Text(text or self.numbers.name(S.Zero), SUM)

    def product(self, factors: Iterable[Text]) -> Text:
        texts = [f.within(PRODUCT if n == 0 else ATOM) for n, f in enumerate(factors)]
        return Text(" * ".join(texts), PRODUCT if len(texts) > 1 else ATOM)

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
        return Text(f"-{text.within(PRODUCT)}", SUM) if coefficient.is_negative else text

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


def _negative(value: Expr) -> bool:
    return bool(value.could_extract_minus_sign())


def _scaled(term: Expr) -> tuple[Expr, Expr]:
    """The number in front of a term, and the rest; a number alone is the rest."""
    coefficient, rest = term.as_coeff_Mul()
    return (S.One, term) if rest == 1 else (coefficient, rest)
