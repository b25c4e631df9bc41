"""Formulas as one line of Unicode."""

import re
from collections.abc import Mapping, Sequence

from sympy import Expr, Symbol
from sympy.printing.str import StrPrinter

from symgrad.notation.build import as_decimal, negative
from symgrad.notation.entries import sides
from symgrad.notation.formula import Formula
from symgrad.notation.marks import ATOM, CALL, HADAMARD, POWER, PRODUCT, SUM, Notation, Printed
from symgrad.notation.names import subscript, superscript, text_leaf, text_name
from symgrad.notation.printmath import printed
from symgrad.tensor.nodes import Leaf

_WORDS = {"sigmoid": "σ", "trace": "tr", "maximum": "max", "minimum": "min"}


class _Numbers(StrPrinter):
    """SymPy's text of a number, with marks for floors, roots and π."""

    def _print_Pi(self, expr: Expr) -> str:
        return "π"

    def _print_Pow(self, expr: Expr, rational: bool = False) -> str:
        return re.sub(r"^(1/)?sqrt\(", r"\1√(", super()._print_Pow(expr, rational))

    def _print_floor(self, expr: Expr) -> str:
        return f"⌊{self._print(expr.args[0].together())}⌋"


class Unicode(Notation):
    """Unicode's marks, fractions as slashes on the line; `names` overrides spellings of symbols."""

    one = "𝟏"
    transposed = "ᵀ"
    times = "⊙"
    divided = "⊘"
    star = "⋆"
    convolved = "∗"
    minus = "−"
    identity = "I"
    inline = True
    comparisons: Mapping[str, str] = {
        "gt": ">", "ge": "≥", "lt": "<", "le": "≤", "eq": "=", "ne": "≠",
    }  # fmt: skip

    def __init__(self, letters: Sequence[str], names: Mapping[str, str]) -> None:
        super().__init__(letters)
        self.names = names

    def name(self, leaf: Leaf) -> Printed:
        text = text_leaf(leaf, self.names)
        split = "/" in text and not text.endswith(")")  # (∂J/∂z) W, but ∂J/∂z + W and d(∂J/∂z) W
        split = split or text.startswith("∇")
        return Printed(text, HADAMARD if split else ATOM)

    def number(self, value: Expr) -> Printed:
        text = as_decimal(value)
        if text.startswith("-"):
            text = f"−{text[1:]}"
        if not text:
            shown = {s: self.names.get(s.name) or text_name(s.name) for s in value.free_symbols}
            spelled = {s: Symbol(n, **s.assumptions0) for s, n in shown.items() if n != s.name}
            text = _Numbers().doprint(value.xreplace(spelled))
            text = text.replace("**2", "²").replace("**3", "³").replace("**", "^")
            text = text.replace("*", " ").replace("-", "−").replace("oo", "∞")
        if negative(value) or value.is_Add:
            return Printed(text, SUM)
        single = value.is_Symbol or value.is_Integer or value.is_NumberSymbol or as_decimal(value)
        return Printed(text, ATOM if single else PRODUCT)

    def word(self, name: str) -> str:
        return "ℓ" if name == "l" else text_name(name)

    def brackets(self, text: str) -> str:
        return f"({text})"

    def fraction(self, top: Printed, bottom: Printed) -> Printed:
        below = (
            bottom.text if bottom.level >= POWER and "/" not in bottom.text else f"({bottom.text})"
        )
        return Printed(f"{self.at(top, PRODUCT)}/{below}", PRODUCT)

    def above(self, base: str, exponent: str) -> str:
        if base[-1:] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁾ᵀ*":
            base = f"({base})"
        return base + (exponent if exponent == "ᵀ" else superscript(exponent))

    def below(self, base: str, index: str) -> str:
        return base + subscript(index)

    def entrywise(self, exponent: str) -> str:
        return exponent

    def root(self, inner: Printed) -> Printed:
        return Printed(f"√{self.at(inner, ATOM)}", CALL)

    def norm(self, inner: str, matrix: bool, exponent: str) -> Printed:
        text = f"‖{inner}‖"
        return Printed(text + superscript(exponent) if exponent else text, POWER)

    def pair(self, left: str, right: str) -> str:
        return f"⟨{left}, {right}⟩"

    def function(self, name: str, arguments: Sequence[str]) -> Printed:
        if name == "abs":
            return Printed(f"|{arguments[0]}|", CALL)
        return Printed(f"{_WORDS.get(name, name)}({', '.join(arguments)})", CALL)

    def along(self, name: str, axes: str, argument: str) -> Printed:
        noted = f", {'axes' if ',' in axes else 'axis'} {axes}" if axes else ""
        return Printed(f"{name}({argument}{noted})", CALL)

    def bracket(self, condition: str) -> str:
        return f"[{condition}]"

    def partial(self, name: str, by: str) -> Printed:
        return Printed(f"∂{name}/∂{by}", PRODUCT)

    def entries(self, inner: str, index: str) -> str:
        return f"[{inner}]{subscript(index)}"

    def summation(self, index: str) -> str:
        return f"Σ{subscript(index)}"


def plain_text(formula: Formula, letters: Sequence[str], names: Mapping[str, str]) -> str:
    """The formula in Unicode."""
    return printed(formula, Unicode(letters, names)).text


def text_sides(
    left: Leaf, formula: Formula, letters: Sequence[str], names: Mapping[str, str]
) -> tuple[str, str]:
    """Both sides of an equation in Unicode."""
    notation = Unicode(letters, names)
    return sides(notation.name(left), formula, notation)
