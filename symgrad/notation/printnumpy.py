"""Formulas as NumPy text, in the grammar of einsum, operators and the vocabulary's functions."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from string import ascii_lowercase

from sympy import Expr, Pow, Rational, S
from sympy.printing.str import StrPrinter

from symgrad.errors import SymgradError
from symgrad.notation.build import as_decimal, is_row, negative
from symgrad.notation.formula import (
    FORMS,
    Along,
    At,
    Bracket,
    Call,
    Chain,
    Compare,
    Cut,
    Diag,
    Diagonal,
    Fixed,
    Formula,
    Identity,
    Indexed,
    Inner,
    Kronecker,
    Matrix,
    Name,
    Norm2,
    Number,
    OneHot,
    Outer,
    Power,
    Product,
    Reshaped,
    Spread,
    Squeeze,
    Sum,
    Trace,
    Transpose,
    Unknown,
    UnknownTensor,
    Windowed,
    affine,
    fold,
)
from symgrad.notation.limits import bounded
from symgrad.tensor.dims import ONE, Shape, broadcast, same_shape
from symgrad.tensor.nodes import INDEX, LOOKUP

# Python's precedences
COMPARE, ADD, MULTIPLY, UNARY, POWER, ATOM = range(6)


_SPACED = re.compile(r"(?<![*/])[*/](?![*/])")


class _Numbers(StrPrinter):
    """Numbers as Python writes them, with // for a floor."""

    def _print_floor(self, expr: Expr) -> str:
        top, bottom = (self._print(part) for part in expr.args[0].as_numer_denom())
        pair = [part if part.isalnum() else f"({part})" for part in (top, bottom)]
        return f"({' // '.join(pair)})"


@dataclass(frozen=True, slots=True)
class Code:
    """Text, how tightly it binds, the shape of its array (which may still broadcast), its kind.

    `squared` is x where the code is x**2, `root` the norm where it is a sum of squares, `inverse`
    the matrix whose inverse it is.
    """

    text: str
    level: int
    shape: Shape
    boolean: bool = False
    squared: "Code | None" = None
    root: "Code | None" = None
    inverse: "Code | None" = None

    def at(self, level: int) -> str:
        """The text where at least this binding is needed."""
        return self.text if self.level >= level else f"({self.text})"


Codes = list[Code]


def numpy_text(formula: Formula) -> str:
    """A closed form that `evaluate.py` evaluates to an array of exactly the formula's shape."""
    code = fold(formula, _RULES, check=bounded)
    return _full(_numeric(code), formula.shape).text


def _call(name: str, shape: Shape, *arguments: str) -> Code:
    return Code(f"{name}({', '.join(arguments)})", ATOM, shape)


def _tuple(shape: Sequence[object]) -> str:
    inner = [_number(d).text if isinstance(d, Expr) else str(d) for d in shape]
    return inner[0] if len(inner) == 1 else f"({', '.join(inner)})"


def _numeric(code: Code) -> Code:
    """A comparison as 0.0 and 1.0; the number first, so that a minus may stand in front."""
    if not code.boolean:
        return code
    return Code(f"1.0 * {code.at(UNARY)}", MULTIPLY, code.shape)


def _full(code: Code, shape: Shape) -> Code:
    """The code with all its entries written out, where it only broadcasts."""
    if same_shape(code.shape, shape):
        return code
    if code.text in ("0", "1"):
        return _call("zeros" if code.text == "0" else "ones", shape, _tuple(shape))
    return Code(f"{code.at(MULTIPLY)} * ones({_tuple(shape)})", MULTIPLY, shape)


def _joint(codes: Sequence[Code]) -> Shape:
    shape: Shape = ()
    for code in codes:
        shape = broadcast(shape, code.shape)
    return shape


def _exact(formula: Formula, codes: Codes) -> Codes:
    """The parts as numbers, each of its full shape."""
    return [_full(_numeric(c), part.shape) for c, part in zip(codes, formula.parts, strict=True)]


# leaves


def _name(formula: Name, _: Codes) -> Code:
    return Code(formula.leaf.name, ATOM, formula.shape)


def _number(value: Expr) -> Code:
    if value in (S.Infinity, S.NegativeInfinity):
        return Code("inf", ATOM, ()) if value is S.Infinity else Code("-inf", ADD, ())
    text = as_decimal(value)
    if not text:
        text = _SPACED.sub(r" \g<0> ", _Numbers({"full_prec": False}).doprint(value))
        if value.is_Integer and abs(value) >= 10**15:
            text = repr(float(value))
    if negative(value):
        return Code(text, ADD, ())
    if text.isidentifier() or (not value.args and not value.is_Rational):
        return Code(text, ATOM, ())
    if value.is_Rational:
        return Code(text, MULTIPLY if "/" in text else ATOM, ())
    if value.is_Add:
        return Code(text, ADD, ())
    if isinstance(value, Pow):
        return Code(text, ATOM if text.startswith("sqrt") else MULTIPLY, ())
    return Code(text, MULTIPLY if value.is_Mul else ATOM, ())


def _number_rule(formula: Number, _: Codes) -> Code:
    return _number(formula.value)


def _identity(formula: Identity, _: Codes) -> Code:
    return _call("eye", formula.shape, _number(formula.shape[0]).text)


def _onehot(formula: OneHot, codes: Codes) -> Code:
    return _call("onehot", formula.shape, codes[0].text, _number(formula.shape[-1]).text)


def _bracket(formula: Bracket, codes: Codes) -> Code:
    """The condition on index vectors: arange along each axis, labels read at theirs."""
    rank = formula.ndim
    texts: dict[Expr, str] = {}
    for axis in range(rank):
        index = f"arange({_number(formula.shape[axis]).text})"
        texts[INDEX[axis]] = index + _insert(rank, (axis,))
    for symbol, axes, code in zip(LOOKUP, formula.operand_axes, codes, strict=False):
        if list(axes) != sorted(axes):
            raise SymgradError(f"labels at the axes {axes} of a bracket have no NumPy text")
        texts[symbol] = code.at(ATOM) + _insert(rank, axes)
    left: list[tuple[Expr, str]] = []
    right: list[tuple[Expr, str]] = []
    pairs, rest = affine(formula.condition, texts)
    for name, coefficient in pairs:
        if negative(coefficient):
            right.append((-coefficient, texts[name]))
        else:
            left.append((coefficient, texts[name]))
    sides = [
        " + ".join(text if c == 1 else f"{_number(c).at(MULTIPLY)} * {text}" for c, text in side)
        for side in (left, right)
    ]
    if rest != 0:
        positive = not negative(rest)
        shown = _number(rest if positive else -rest).at(MULTIPLY)
        place = 0 if positive else 1
        sides[place] = f"{sides[place]} + {shown}" if sides[place] else shown
    sign = "==" if formula.op == "eq" else ">="
    text = f"{sides[0] or '0'} {sign} {sides[1] or '0'}"
    used = {a for a in range(rank) if formula.condition.has(INDEX[a])}
    used |= {a for axes in formula.operand_axes for a in axes}
    shape = tuple(d if a in used else ONE for a, d in enumerate(formula.shape))
    while shape and shape[0] is ONE and formula.shape[rank - len(shape)] is not ONE:
        shape = shape[1:]
    return Code(text, COMPARE, shape, boolean=True)


def _insert(rank: int, axes: Sequence[int]) -> str:
    """The index that puts an array's axes at those of `rank`; leading axes need none."""
    if not axes:
        return ""
    keys = [":" if a in axes else "None" for a in range(min(axes), rank)]
    while keys and keys[-1] == ":":
        keys.pop()
    return f"[{', '.join(keys)}]" if keys else ""


# entry by entry


def _sum(formula: Sum, codes: Codes) -> Code:
    booleans = [c for c in codes if c.boolean]
    if len(booleans) > 1 or (booleans and codes[0].boolean and formula.signs[0] < 0):
        codes = [_numeric(c) for c in codes]
    text = ""
    for sign, code in zip(formula.signs, codes, strict=True):
        part = code.at(ADD if sign > 0 and not code.text.startswith("-") else MULTIPLY)
        if text:
            text += f" {'+' if sign > 0 else '-'} {part}"
        else:
            text = part if sign > 0 else f"-{part}"
    return Code(text, ADD, _joint(codes))


def _product(formula: Product, codes: Codes) -> Code:
    rest = iter(codes)
    top = [next(rest)] if formula.top else []
    bottom = [next(rest)] if formula.bottom else []
    over = [next(rest) for _ in formula.over]
    under = [_numeric(next(rest)) for _ in formula.under]
    if over and not top and all(c.boolean for c in over):
        over[0] = _numeric(over[0])
    pairs = sorted(zip(formula.over, over, strict=True), key=lambda pair: pair[1].boolean)
    if formula.bottom is not None:
        bottom = _averages(formula.bottom.value, pairs) or bottom
        bottom = [c for c in bottom if c.text != "1"]
    scalars = [(f, c) for f, c in pairs if not f.ndim]
    arrays = [(f, c) for f, c in pairs if f.ndim]
    text = _factors(top, [*scalars, *arrays], len(scalars))
    divisors = bottom + under
    if len(divisors) == 1:
        text = f"{text or '1'} / {divisors[0].at(UNARY)}"
    elif divisors:
        below = " * ".join(c.at(MULTIPLY if n == 0 else UNARY) for n, c in enumerate(divisors))
        text = f"{text or '1'} / ({below})"
    shape = _joint([*top, *over, *divisors])
    if negative(formula.coefficient):
        return Code(f"-{text}", ADD, shape)
    return Code(text, MULTIPLY, shape)


def _factors(top: Codes, pairs: Sequence[tuple[Formula, Code]], scalars: int) -> str:
    """Factors joined; a matrix product needs no brackets alone or after scalars."""
    texts = [c.at(MULTIPLY) for c in top]
    for n, (formula, code) in enumerate(pairs):
        last = n == len(pairs) - 1
        if isinstance(formula, Chain) and not (last and n <= scalars):
            texts.append(f"({code.text})")
        else:
            loose = not texts or isinstance(formula, Chain)
            texts.append(code.at(MULTIPLY if loose else UNARY))
    return " * ".join(texts)


def _averages(bottom: Expr, pairs: list[tuple[Formula, Code]]) -> Codes:
    """Makes a sum over as many entries as it is divided by a mean; what it is still divided by."""
    for n, (formula, code) in enumerate(pairs):
        if not isinstance(formula, Along | Norm2 | Inner) or not code.text.startswith("sum("):
            continue
        inside = formula.left if isinstance(formula, Inner) else formula.operand
        axes = formula.axes if isinstance(formula, Along) else range(inside.ndim)
        count = prod(inside.shape[a] for a in axes)
        left = (bottom / count).cancel()
        if left.as_numer_denom()[1] == 1:
            pairs[n] = (formula, replace(code, text="mean" + code.text.removeprefix("sum")))
            return [_number(left)]
    return []


def _power(formula: Power, codes: Codes) -> Code:
    base, exponent = _numeric(codes[0]), _numeric(codes[1])
    value = formula.exponent.value if isinstance(formula.exponent, Number) else None
    if value is not None and base.root is not None and value.q == 2:
        if value.p == 1:
            return base.root
        return Code(f"{base.root.text}**{value.p}", POWER, base.shape)
    shape = _joint([base, exponent])
    if value == Rational(1, 2):
        return _call("sqrt", shape, base.text)
    text = f"{base.at(ATOM)}**{exponent.at(ATOM)}"
    return Code(text, POWER, shape, squared=base if value == 2 else None)


def _function(formula: Call, codes: Codes) -> Code:
    test, *others = codes
    numeric = [_numeric(c) for c in others]
    first = test if formula.name == "where" and test.boolean else _numeric(test)
    if formula.name == "where" and not test.boolean:
        first = Code(f"{first.at(ADD)} != 0", COMPARE, test.shape)
    codes = [first, *numeric]
    return _call(formula.name, _joint(codes), *(c.text for c in codes))


_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}


def _compare(formula: Compare, codes: Codes) -> Code:
    left, right = (_numeric(c) for c in codes)
    text = f"{left.at(ADD)} {_SIGNS[formula.op]} {right.at(ADD)}"
    return Code(text, COMPARE, _joint([left, right]), boolean=True)


def _unknown(formula: Unknown, codes: Codes) -> Code:
    codes = [_numeric(c) for c in codes]
    marks = "".join(f"d{k}" if len(codes) > 1 else "d" for k, n in enumerate(formula.orders)
                    for _ in range(n))  # fmt: skip
    name = f"{marks}_{formula.name}" if len(codes) > 1 and marks else f"{marks}{formula.name}"
    return _call(name, _joint(codes), *(c.text for c in codes))


def _unknown_tensor(formula: UnknownTensor, codes: Codes) -> Code:
    codes = _exact(formula, codes)
    marks = "".join(f"d{k}" for k in formula.wrt)
    name = f"{marks}_{formula.name}" if marks else formula.name
    return _call(name, formula.shape, *(c.text for c in codes))


# arrays as wholes


def _along(formula: Along, codes: Codes) -> Code:
    operand = formula.operand
    code = _full(_numeric(codes[0]), operand.shape)
    options = []
    if len(formula.axes) < operand.ndim:
        axes = formula.axes
        options.append(f"axis={axes[0] if len(axes) == 1 else axes}")
    if formula.keepdims and formula.name != "softmax":
        options.append("keepdims=True")
    result = _call(formula.name, formula.shape, code.text, *options)
    if formula.name == "sum" and code.squared is not None and len(formula.axes) < 3:
        base = _full(code.squared, operand.shape)
        return replace(result, root=_call("norm", formula.shape, base.text, *options))
    return result


def _norm2(formula: Norm2, codes: Codes) -> Code:
    (code,) = _exact(formula, codes)
    root = _call("norm", (), code.text)
    if formula.operand.ndim == 1 and code.level == ATOM:
        return Code(f"{code.text} @ {code.text}", MULTIPLY, (), root=root)
    return replace(_call("sum", (), f"{code.at(ATOM)}**2"), root=root)


def _inner(formula: Inner, codes: Codes) -> Code:
    pair = [_numeric(c) for c in codes]
    text = f"{_at_product(pair[0], formula.left)} * {pair[1].at(UNARY)}"
    code = _full(Code(text, MULTIPLY, _joint(pair)), formula.left.shape)
    return _call("sum", (), code.text)


def _at_product(code: Code, formula: Formula) -> str:
    return code.at(UNARY if isinstance(formula, Chain) else MULTIPLY)


def _trace(formula: Trace, codes: Codes) -> Code:
    return _call("trace", (), _exact(formula, codes)[0].text)


#: What NumPy calls a function of a matrix, where it goes by another name.
_MATRICES = {
    "eigvals": ("eigh", "[0]"),
    "eigvecs": ("eigh", "[1]"),
    "svd_u": ("svd", "[0]"),
    "svd_s": ("svd", "[1]"),
    "svd_vt": ("svd", "[2]"),
}


def _matrix(formula: Matrix, codes: Codes) -> Code:
    (code,) = _exact(formula, codes)
    name, part = _MATRICES.get(formula.name, (formula.name, ""))
    result = _call(name, formula.shape, code.text)
    return replace(result, text=result.text + part, inverse=code if name == "inv" else None)


def _kronecker(formula: Kronecker, codes: Codes) -> Code:
    return _call("kron", formula.shape, *(code.text for code in _exact(formula, codes)))


def _reshaped(formula: Reshaped, codes: Codes) -> Code:
    (code,) = _exact(formula, codes)
    operand = formula.operand
    if formula.ndim == 1 and operand.ndim == 2 and isinstance(operand, Transpose):
        return _call("vec", formula.shape, code.text.removesuffix(".T"))
    return _call("reshape", formula.shape, code.text, _shape(formula.shape))


def _shape(shape: Shape) -> str:
    text = _tuple(shape)
    return f"({text},)" if len(shape) == 1 else text


def _fixed(formula: Fixed, codes: Codes) -> Code:
    return _call("stop_gradient", formula.shape, _exact(formula, codes)[0].text)


def _solved(formula: Chain, factors: Codes) -> Code | None:
    """A product with an inverse in front of something as the solution of a linear system."""
    at = next((n for n, code in enumerate(factors[:-1]) if code.inverse is not None), None)
    if at is None:
        last = factors[-1].inverse
        if last is None or formula.ndim != 1:
            return None
        return _call("solve", formula.shape, _flipped(last).text, _joined(factors[:-1]).text)
    inverse = factors[at].inverse
    assert inverse is not None
    rest = [_solved(formula, factors[at + 1 :]) or _joined(factors[at + 1 :])]
    solution = _call("solve", formula.shape, inverse.text, rest[0].text)
    return _joined([*factors[:at], solution]) if at else solution


def _joined(factors: Codes) -> Code:
    if len(factors) == 1:
        return factors[0]
    return Code(" @ ".join(code.at(UNARY) for code in factors), MULTIPLY, ())


def _chain(formula: Chain, codes: Codes) -> Code:
    factors = _exact(formula, codes)
    first, last = formula.factors[0], formula.factors[-1]
    solved = _solved(formula, factors)
    if solved is not None:
        return replace(solved, shape=formula.shape)
    if last.ndim == 1 and first.ndim > 1 and len(factors) > 2:  # matrix times vector, each time
        text = factors[-1].at(UNARY)
        for code in reversed(factors[1:-1]):
            text = f"({code.at(UNARY)} @ {text})"
        text = f"{factors[0].at(UNARY)} @ {text}"
    else:
        text = " @ ".join(code.at(UNARY) for code in factors)
    return Code(text, MULTIPLY, formula.shape)


def _outer(formula: Outer, codes: Codes) -> Code:
    return _call("outer", formula.shape, *(c.text for c in _exact(formula, codes)))


def _transpose(formula: Transpose, codes: Codes) -> Code:
    (code,) = _exact(formula, codes)
    if formula.ndim < 2:
        return code
    flipped = Code(f"{code.at(ATOM)}.T", ATOM, formula.shape)
    if code.inverse is not None and formula.ndim == 2:
        return replace(flipped, inverse=_flipped(code.inverse))
    return flipped


def _flipped(code: Code) -> Code:
    """The transpose, of a transpose the matrix itself."""
    text = code.text.removesuffix(".T")
    if text != code.text and text.isidentifier():
        return Code(text, ATOM, code.shape[::-1])
    return Code(f"{code.at(ATOM)}.T", ATOM, code.shape[::-1])


def _diag(formula: Diag | Diagonal, codes: Codes) -> Code:
    return _call("diag", formula.shape, _exact(formula, codes)[0].text)


def _spread(formula: Spread, codes: Codes) -> Code:
    (code,) = codes
    if not code.shape:
        return code
    axes, rank = formula.axes, formula.ndim
    code = _full(code if same_shape(code.shape, formula.operand.shape) else _numeric(code),
                 formula.operand.shape)  # fmt: skip
    index = _insert(rank, axes)
    shape = [ONE] * rank
    for axis, size in zip(axes, formula.operand.shape, strict=True):
        shape[axis] = size
    result = tuple(shape[min(axes) :])
    if not index:
        return Code(code.text, code.level, result, code.boolean)
    return Code(code.at(ATOM) + index, ATOM, result, code.boolean)


def _squeeze(formula: Squeeze, codes: Codes) -> Code:
    (code,) = _exact(formula, codes)
    keys = ["0" if a in formula.axes else ":" for a in range(formula.operand.ndim)]
    while keys[-1] == ":":
        keys.pop()
    return Code(f"{code.at(ATOM)}[{', '.join(keys)}]", ATOM, formula.shape)


def _at(formula: At, codes: Codes) -> Code:
    operand = _full(_numeric(codes[0]), formula.operand.shape)
    keys = [":"] * formula.axis + [codes[1].text]
    return Code(f"{operand.at(ATOM)}[{', '.join(keys)}]", ATOM, formula.shape)


def _cut(formula: Cut, codes: Codes) -> Code:
    (operand,) = _exact(formula, codes)
    stop = formula.stop
    start = "" if formula.begins is None else _number(formula.begins).text
    key = f"{start}:{'' if stop is None else _number(stop).text}"
    key += "" if formula.step == 1 else f":{formula.step}"
    keys = [":"] * formula.axis + [key]
    return Code(f"{operand.at(ATOM)}[{', '.join(keys)}]", ATOM, formula.shape)


def _indexed(formula: Indexed, codes: Codes) -> Code:
    factors = _exact(formula, codes)
    labels = dict.fromkeys((*formula.output, *(k for own in formula.inputs for k in own)))
    if len(labels) > len(ascii_lowercase) - 8:
        raise SymgradError(f"an einsum over {len(labels)} labels has no NumPy text")
    letter = dict(zip(labels, ascii_lowercase[8:] + ascii_lowercase[:8], strict=False))
    inputs = ",".join("".join(letter[k] for k in own) for own in formula.inputs)
    output = "".join(letter[k] for k in formula.output)
    return _call("einsum", formula.shape, f'"{inputs}->{output}"', *(c.text for c in factors))


def _windowed(formula: Windowed, codes: Codes) -> Code:
    if formula.name.startswith("argmax"):  # no function of the vocabulary
        return codes[-1]
    parts = zip(codes, formula.arguments, strict=False)
    texts = [_full(_numeric(code), part.shape).text for code, part in parts]
    order = f"({', '.join(map(str, (1, 0, *range(2, formula.ndim))))})"
    if formula.exchanged:
        texts = [f"transpose({text}, {order})" for text in texts]
    for name, values in formula.options:
        value = values[0] if len(set(values)) == 1 else values
        shown = _number(value).text if isinstance(value, Expr) else _tuple(value)
        texts.append(f"{name}={shown}")
    result = _call(formula.name, formula.shape, *texts)
    if formula.exchanged:
        cut = ", ".join(f":{_number(size).text}" for size in formula.shape[2:])
        result = _call("transpose", formula.shape, f"{result.text}[:, :, {cut}]", order)
    return result


_RULES: dict[type[Formula], Callable[..., Code]] = {
    Name: _name,
    Number: _number_rule,
    Identity: _identity,
    OneHot: _onehot,
    Bracket: _bracket,
    Sum: _sum,
    Product: _product,
    Power: _power,
    Call: _function,
    Compare: _compare,
    Unknown: _unknown,
    UnknownTensor: _unknown_tensor,
    Along: _along,
    Norm2: _norm2,
    Inner: _inner,
    Trace: _trace,
    Chain: _chain,
    Outer: _outer,
    Transpose: _transpose,
    Diag: _diag,
    Diagonal: _diag,
    Matrix: _matrix,
    Kronecker: _kronecker,
    Reshaped: _reshaped,
    Fixed: _fixed,
    Spread: _spread,
    Squeeze: _squeeze,
    At: _at,
    Cut: _cut,
    Indexed: _indexed,
    Windowed: _windowed,
}
assert _RULES.keys() == FORMS, "a form has no NumPy text"

__all__ = ["is_row", "numpy_text"]
