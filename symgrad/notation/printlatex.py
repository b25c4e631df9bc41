"""Formulas as LaTeX that KaTeX renders."""

import re
from collections.abc import Iterable, Mapping, Sequence

from sympy import Expr, latex

from symgrad.declare.spellings import latex_name
from symgrad.notation.build import as_decimal, negative
from symgrad.notation.entries import sides
from symgrad.notation.formula import Formula
from symgrad.notation.marks import ATOM, CALL, POWER, PRODUCT, SUM, Notation, Printed
from symgrad.notation.names import latex_leaf
from symgrad.notation.printmath import printed
from symgrad.tensor.nodes import Leaf

#: Functions with a LaTeX command or a form of their own; all others are upright words.
_COMMANDS = {
    "exp": r"\exp", "log": r"\log", "sin": r"\sin", "cos": r"\cos", "tan": r"\tan",
    "sinh": r"\sinh", "cosh": r"\cosh", "tanh": r"\tanh", "arcsin": r"\arcsin",
    "arccos": r"\arccos", "arctan": r"\arctan", "maximum": r"\max", "minimum": r"\min",
    "max": r"\max", "min": r"\min", "sigmoid": r"\sigma", "trace": r"\operatorname{tr}",
}  # fmt: skip


_RAISED = re.compile(r"([^\^]+)\^\{([^{}^]+)\}")


class Latex(Notation):
    """LaTeX's marks; `names` overrides spellings of symbols."""

    one = r"\mathbf{1}"
    transposed = r"\top"
    times = r"\odot"
    divided = r"\oslash"
    star = r"\star"
    convolved = r"\ast"
    minus = "-"
    identity = "I"
    inline = False
    comparisons: Mapping[str, str] = {
        "gt": ">", "ge": r"\ge", "lt": "<", "le": r"\le", "eq": "=", "ne": r"\ne",
    }  # fmt: skip

    def __init__(self, letters: Sequence[str], names: Mapping[str, str]) -> None:
        super().__init__(letters)
        self.names = names

    def name(self, leaf: Leaf) -> Printed:
        text = latex_leaf(leaf, self.names)
        return Printed(text, POWER if text.startswith((r"\frac", r"\nabla")) else ATOM)

    def number(self, value: Expr) -> Printed:
        text = as_decimal(value)
        if text:
            mantissa, _, exponent = text.partition("e")
            if exponent:
                ten = f"10^{{{int(exponent)}}}"
                alone = mantissa in ("1", "-1")
                text = mantissa.rstrip("1") + ten if alone else rf"{mantissa} \cdot {ten}"
                level = SUM if negative(value) else POWER if alone else PRODUCT
                return Printed(text, level)
        else:
            dims = {s: self.names[s.name] for s in value.free_symbols if s.name in self.names}
            text = latex(value, symbol_names=dims)
        if negative(value) or value.is_Add:
            return Printed(text, SUM)
        single = value.is_Symbol or value.is_Integer or value.is_NumberSymbol or as_decimal(value)
        return Printed(text, ATOM if single else PRODUCT)

    def join(self, texts: Iterable[str]) -> str:
        """Factors side by side; a dot where 0.01 before a bold 1 would read as 0.011."""
        first, *rest = texts
        for text in rest:
            digits = first[-1:].isdigit() and text.startswith(self.one)
            first += rf" \cdot {text}" if digits else f" {text}"
        return first

    def word(self, name: str) -> str:
        return self.names.get(name, r"\ell" if name == "l" else latex_name(name))

    def brackets(self, text: str) -> str:
        tall = any(mark in text for mark in (r"\frac", r"\sum", r"\left", r"\sqrt"))
        return rf"\left({text}\right)" if tall else f"({text})"

    def fraction(self, top: Printed, bottom: Printed) -> Printed:
        return Printed(rf"\frac{{{top.text}}}{{{bottom.text}}}", PRODUCT)

    def above(self, base: str, exponent: str) -> str:
        if exponent == r"\top" and (spelled := _RAISED.fullmatch(base)):
            return rf"{spelled[1]}^{{{spelled[2]}\top}}"  # the transpose of W^{(2)}
        if ("^" in base and not base.endswith((")", "]"))) or base.endswith("'"):
            base = f"{{{base}}}"
        exponent = exponent if exponent == r"\top" else f"{{{exponent}}}"
        return f"{base}^{exponent}"

    def below(self, base: str, index: str) -> str:
        if "_" in base or "^" in base:
            base = f"{{{base}}}"
        return f"{base}_{{{index}}}"

    def entrywise(self, exponent: str) -> str:
        return rf"\odot {exponent}"

    def root(self, inner: Printed) -> Printed:
        return Printed(rf"\sqrt{{{inner.text}}}", CALL)

    def norm(self, inner: str, matrix: bool, exponent: str) -> Printed:
        tall = r"\frac" in inner or r"\sum" in inner
        bars = (r"\left\lVert", r"\right\rVert") if tall else (r"\lVert", r"\rVert")
        text = f"{bars[0]} {inner} {bars[1]}" + "_F" * matrix
        return Printed(f"{text}^{{{exponent}}}" if exponent else text, POWER)

    def pair(self, left: str, right: str) -> str:
        return rf"\left\langle {left},\, {right} \right\rangle"

    def function(self, name: str, arguments: Sequence[str]) -> Printed:
        if name == "abs":
            return Printed(rf"\left|{arguments[0]}\right|", CALL)
        if name == "log1p":
            return Printed(rf"\log{self.brackets(f'1 + {arguments[0]}')}", CALL)
        head = _COMMANDS.get(name, rf"\operatorname{{{name}}}")
        return Printed(head + self.brackets(r",\, ".join(arguments)), CALL)

    def along(self, name: str, axes: str, argument: str) -> Printed:
        head = _COMMANDS.get(name, rf"\operatorname{{{name}}}")
        if axes:
            head += (
                rf"_{{\text{{axis }}{axes}}}" if "," not in axes else rf"_{{\text{{axes }}{axes}}}"
            )
        return Printed(head + self.brackets(argument), CALL)

    def bracket(self, condition: str) -> str:
        return rf"\mathbf{{1}}[{condition}]"

    def partial(self, name: str, by: str) -> Printed:
        return Printed(rf"\frac{{\partial {name}}}{{\partial {by}}}", PRODUCT)

    def entries(self, inner: str, index: str) -> str:
        return rf"\left[{inner}\right]_{{{index}}}"

    def summation(self, index: str) -> str:
        return rf"\sum_{{{index}}}"


def latex_text(formula: Formula, letters: Sequence[str], names: Mapping[str, str]) -> str:
    """The formula in LaTeX."""
    return printed(formula, Latex(letters, names)).text


def latex_sides(
    left: Leaf, formula: Formula, letters: Sequence[str], names: Mapping[str, str]
) -> tuple[str, str]:
    """Both sides of an equation in LaTeX."""
    notation = Latex(letters, names)
    return sides(notation.name(left), formula, notation)
