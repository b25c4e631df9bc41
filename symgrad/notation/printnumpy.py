"""Formulas as NumPy text, in the grammar of einsum, operators and the vocabulary's functions."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from string import ascii_lowercase

from sympy import Expr, Integer, Pow, Rational, S
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
    Correlation,
    Cut,
    Diag,
    Diagonal,
    Fixed,
    Formula,
    Identity,
    Indexed,
    Inner,
    Joined,
    Kronecker,
    Matrix,
    Name,
    Norm2,
    Number,
    OneHot,
    Outer,
    Placed,
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

    def _print_Min(self, expr: Expr) -> str:
        return f"minimum({', '.join(map(self._print, expr.args))})"

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
    # a size is a whole number, and never negative
    text = "" if value.is_Integer and value.is_positive else as_decimal(value)
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
    short = None if formula.operands else _unit_rows(formula) or _triangle(formula)
    if short is not None:
        return short
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


def _unit_rows(formula: Bracket) -> Code | None:
    """[i = k] and [i = j + k] as parts of an identity matrix."""
    condition, shape = formula.condition, formula.shape
    if formula.op != "eq" or formula.ndim > 2:
        return None
    for place, size in enumerate(shape):  # the axis that is all of the identity's
        unit = condition.coeff(INDEX[place])
        if unit not in (1, -1):
            continue
        solved = (INDEX[place] - unit * condition).expand()
        if formula.ndim == 1:
            known = (size - 1 - solved).is_nonnegative and solved.is_nonnegative
            text = f"eye({_number(size).text})[{_number(solved).text}]"
            return Code(text, ATOM, shape) if known else None
        other, length = INDEX[1 - place], shape[1 - place]
        step = solved.coeff(other)
        start = solved - step * other
        last = (start + step * (length - 1)).expand()
        if not (step.is_Integer and step > 0 and start.is_nonnegative):
            continue
        if start.has(*INDEX[:2]) or not (size - 1 - last).expand().is_nonnegative:
            continue
        cut = Cut(shape, Identity((size, size)), 1 - place, start, step)
        return _cut(cut, [_identity(Identity((size, size)), [])])
    return None


def _triangle(formula: Bracket) -> Code | None:
    """[i + k ≥ j] as the lower triangle of ones, or its transpose."""
    if formula.op != "ge" or formula.ndim != 2:
        return None
    i, j = INDEX[:2]
    for row, column in ((i, j), (j, i)):
        rest = (formula.condition - row + column).expand()
        if not rest.has(i, j):
            shape = formula.shape if row == i else formula.shape[::-1]
            ones = f"ones({_tuple(shape)})"
            arguments = [ones] if rest == 0 else [ones, _number(rest).text]
            code = _call("tril", shape, *arguments)
            return code if row == i else Code(f"{code.text}.T", ATOM, formula.shape)
    return None


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
    for n, (outer, code) in enumerate(pairs):
        formula = outer.operand if isinstance(outer, Spread | Squeeze) else outer
        if not isinstance(formula, Along | Norm2 | Inner) or not code.text.startswith("sum("):
            continue
        inside = formula.left if isinstance(formula, Inner) else formula.operand
        axes = formula.axes if isinstance(formula, Along) else range(inside.ndim)
        count = prod(inside.shape[a] for a in axes)
        left = (bottom / count).cancel()
        if left.as_numer_denom()[1] == 1:
            pairs[n] = (outer, replace(code, text="mean" + code.text.removeprefix("sum")))
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
    first = test if formula.name == "where" else _numeric(test)
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
    flat = code
    if operand.ndim > 1:
        flat = _call("vec", formula.shape, f"{code.at(ATOM)}.T")
    if formula.ndim == 1:
        return flat
    return Code(f"{flat.at(ATOM)}[{_positions(formula.shape)}]", ATOM, formula.shape)


def _positions(shape: Shape) -> str:
    """The row-major positions of an array's entries: arange(n)[:, None] * m + arange(m)."""
    terms, stride = list[str](), Integer(1)
    for axis in reversed(range(len(shape))):
        index = f"arange({_number(shape[axis]).text})"
        if axis < len(shape) - 1:
            index += f"[:{', None' * (len(shape) - 1 - axis)}]"
        terms.append(index if stride == 1 else f"{index} * {_number(stride).at(UNARY)}")
        stride = (stride * shape[axis]).expand()
    return " + ".join(reversed(terms))


def _fixed(formula: Fixed, codes: Codes) -> Code:
    return _call("stop_gradient", formula.shape, _exact(formula, codes)[0].text)


def _solved(formula: Chain, factors: Codes) -> Code | None:
    """A product with an inverse in front of something as the solution of a linear system."""
    at = next((n for n, code in enumerate(factors[:-1]) if code.inverse is not None), None)
    if at is None:
        last = factors[-1].inverse
        if last is None or formula.ndim != 1:
            return None
        return _call("solve", formula.shape, _flipped(last).text, _multiplied(factors[:-1]).text)
    inverse = factors[at].inverse
    assert inverse is not None
    rest = _solved(formula, factors[at + 1 :]) or _multiplied(factors[at + 1 :])
    solution = _call("solve", formula.shape, inverse.text, rest.text)
    return _multiplied([*factors[:at], solution]) if at else solution


def _multiplied(factors: Codes) -> Code:
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


def _placed(formula: Placed, codes: Codes) -> Code:
    (code,) = _exact(formula, codes)
    pieces = []
    for size, piece in ((formula.front, ""), (None, code.text), (formula.behind, "")):
        if size == 0:
            continue
        if size is not None:
            shape = [*formula.shape]
            shape[formula.axis] = size
            piece = f"zeros({_tuple(shape)})"
        pieces.append(piece)
    return _concatenated(formula.shape, formula.axis, pieces)


def _joined(formula: Joined, codes: Codes) -> Code:
    pieces = [code.text for code in _exact(formula, codes)]
    return _concatenated(formula.shape, formula.axis, pieces)


def _concatenated(shape: Shape, axis: int, pieces: list[str]) -> Code:
    options = [f"axis={axis}"] if axis else []
    return _call("concatenate", shape, f"({', '.join(pieces)})", *options)


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
    Placed: _placed,
    Joined: _joined,
    Indexed: _indexed,
    Windowed: _windowed,
    Correlation: lambda formula, codes: codes[-1],
}
assert _RULES.keys() == FORMS, "a form has no NumPy text"

__all__ = ["is_row", "numpy_text"]
