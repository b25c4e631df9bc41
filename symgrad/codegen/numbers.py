"""Numbers in generated code: typed constants, sizes and what depends on sizes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import sympy as sp
from sympy import Add, Expr, Integer, Mul, Pow, Rational, S, fraction

from symgrad.codegen.names import Identifiers
from symgrad.errors import TemplateError

ATOM, PRODUCT, SUM, CHOICE = 3, 2, 1, 0


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of source, how tightly it binds, and whether it is one term behind a minus."""

    text: str
    binds: int = ATOM
    minus: bool = False

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

    identifiers: Identifiers
    names: dict[Expr, str] = field(default_factory=dict)

    def name(self, value: Expr) -> str:
        if value not in self.names:
            self.names[value] = _WORDS.get(value) or self.identifiers.number("c")
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


def size_text(value: Expr, names: Mapping[str, str] | None = None) -> str:
    """A polynomial in sizes as integer arithmetic in Python; `names` are those of the dimensions.

    >>> from symgrad.tensor.dims import as_dim
    >>> size_text(as_dim("(n - K) // 2 + 1"))
    '(n - K) // 2 + 1'
    """
    if names:
        value = value.xreplace({d: sp.Symbol(names[d.name]) for d in value.free_symbols})
    return _size(value).text


def polynomial_text(value: Expr) -> str:
    """A polynomial in sizes as people write it.

    >>> from symgrad.tensor.dims import as_dim
    >>> polynomial_text(as_dim("2 * B * c * h + 4 * B * h * h"))
    '2 B c h + 4 B h²'
    """
    text = size_text(value).replace(" * ", " ")
    for power, mark in ((3, "³"), (2, "²")):
        text = re.sub(rf"\b([A-Za-z_]\w*)( \1){{{power - 1}}}\b", rf"\1{mark}", text)
    return text


def _size(value: Expr) -> Text:
    if value.is_Integer or value.is_Symbol:
        return Text(str(value), ATOM if value.is_Symbol or value >= 0 else SUM)
    if isinstance(value, sp.floor):
        numerator, denominator = sp.fraction(sp.together(sp.expand(value.args[0])))
        return Text(
            f"{_size(sp.expand(numerator)).within(ATOM)} // {_size(denominator).within(ATOM)}",
            PRODUCT,
        )
    if isinstance(value, sp.Min):
        return Text(f"min({', '.join(sorted(_size(each).text for each in value.args))})")
    if isinstance(value, Add):
        text = ""
        for term in sorted(value.args, key=_place):
            minus = term.could_extract_minus_sign()
            part = _size(-term if minus else term).within(PRODUCT)
            text += (" - " if minus else " + ") + part if text else ("-" if minus else "") + part
        return Text(text, SUM)
    if isinstance(value, Mul):
        factors = (
            _size(f).within(ATOM if isinstance(f, sp.floor) else PRODUCT) for f in value.args
        )
        return Text(" * ".join(factors), PRODUCT)
    if isinstance(value, Pow) and value.exp.is_Integer and 0 < value.exp < 9:
        return Text(" * ".join([_size(value.base).within(ATOM)] * int(value.exp)), PRODUCT)
    raise TemplateError(f"the size {value} cannot be written as integer arithmetic")


def _place(term: Expr) -> tuple[bool, bool, int, str]:
    """Where a term stands in a sum: positive ones first, those of most factors, numbers last."""
    degree = sum(int(f.exp) if f.is_Pow else int(f.is_Symbol) for f in Mul.make_args(term))
    return bool(term.could_extract_minus_sign()), bool(term.is_number), -degree, str(term)


@dataclass(slots=True)
class Scales:
    """Coefficients that depend on sizes, as values computed where a kernel starts."""

    identifiers: Identifiers
    dims: Mapping[str, str]
    names: dict[Expr, str] = field(default_factory=dict)

    def name(self, value: Expr) -> str:
        if value not in self.names:
            above, below = fraction(value)
            simple = above == 1 and all(f.is_Symbol for f in Mul.make_args(below))
            wanted = f"per_{'_'.join(sorted(map(str, Mul.make_args(below))))}" if simple else ""
            if not wanted or wanted in self.identifiers.taken:
                wanted = self.identifiers.number("scale")
            self.identifiers.taken.add(wanted)
            self.names[value] = wanted
        return self.names[value]

    def definitions(self) -> dict[str, str]:
        """Name -> right side."""
        dims = {d: sp.Symbol(self.dims[d.name]) for v in self.names for d in v.free_symbols}
        return {
            name: f"real({real_text(value.xreplace(dims))})" for value, name in self.names.items()
        }


def real_text(value: Expr) -> str:
    """An expression in sizes as Python arithmetic in floats."""
    above, below = fraction(value)
    if below != 1:
        return f"{_atom(above)} / {_atom(below)}"
    try:
        return size_text(above)
    except TemplateError:  # a power of a size that is no integer, say
        return _general(value)


def _atom(value: Expr) -> str:
    text = real_text(value)
    return text if re.fullmatch(r"[\w.]+", text) else f"({text})"


def _general(value: Expr) -> str:
    if value.is_Add or value.is_Mul:
        sign = " + " if value.is_Add else " * "
        return sign.join(_atom(a) for a in value.args)
    if value.is_Pow:
        return f"float({_atom(value.base)}) ** {_atom(value.exp)}"
    if value.is_number:
        return repr(float(value))
    name = _FUNCTIONS.get(value.func.__name__)
    if name is None:
        raise TemplateError(f"the coefficient {value} cannot be written")
    return f"{name}({', '.join(map(real_text, value.args))})"


#: Functions of sizes, as Python has them.
_FUNCTIONS = {
    "log": "math.log", "exp": "math.exp", "Abs": "abs", "minimum": "min", "maximum": "max",
}  # fmt: skip
