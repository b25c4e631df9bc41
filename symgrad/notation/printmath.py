"""Formulas as mathematics: what LaTeX and Unicode share; each says how its own marks are written.

A vector (n,) is a column. Functions and powers of arrays act entry by entry. Of two products, ⊙
binds looser than juxtaposition.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Integer, Rational

from symgrad.notation.build import is_row, negative, scalar_inside
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
from symgrad.notation.subscripts import Subscript, subscripts
from symgrad.tensor.dims import ONE, Shape
from symgrad.tensor.nodes import INDEX, LOOKUP, Leaf

# how tightly forms bind
SUM, HADAMARD, PRODUCT, POWER, CALL, ATOM = range(6)


@dataclass(frozen=True, slots=True)
class Printed:
    """Text and how tightly it binds.

    `flip` is the transpose, where that is more than a mark; `inner` what stands inside, for forms
    that are shown in another way in some places.
    """

    text: str
    level: int
    flip: "Printed | None" = None
    inner: tuple["Printed", ...] = ()


Parts = list[Printed]


class Notation(ABC):
    """The marks of one way of writing mathematics."""

    one: str
    transposed: str
    times: str
    divided: str
    minus: str
    identity: str
    #: whether a fraction is a slash on the line, so that what it divides comes first
    inline: bool
    comparisons: Mapping[str, str]

    def __init__(self, letters: Sequence[str]) -> None:
        self.letters = letters

    @abstractmethod
    def name(self, leaf: Leaf) -> Printed: ...

    @abstractmethod
    def number(self, value: Expr) -> Printed: ...

    @abstractmethod
    def word(self, name: str) -> str:
        """The name of an unspecified function."""

    @abstractmethod
    def brackets(self, text: str) -> str: ...

    @abstractmethod
    def fraction(self, top: Printed, bottom: Printed) -> Printed: ...

    @abstractmethod
    def above(self, base: str, exponent: str) -> str: ...

    @abstractmethod
    def below(self, base: str, index: str) -> str: ...

    @abstractmethod
    def entrywise(self, exponent: str) -> str:
        """An exponent that acts entry by entry."""

    @abstractmethod
    def root(self, inner: Printed) -> Printed: ...

    @abstractmethod
    def norm(self, inner: str, matrix: bool, exponent: str) -> Printed: ...

    @abstractmethod
    def pair(self, left: str, right: str) -> str: ...

    @abstractmethod
    def function(self, name: str, arguments: Sequence[str]) -> Printed: ...

    @abstractmethod
    def along(self, name: str, axes: str, argument: str) -> Printed: ...

    @abstractmethod
    def bracket(self, condition: str) -> str: ...

    @abstractmethod
    def partial(self, name: str, by: str) -> Printed: ...

    @abstractmethod
    def entries(self, inner: str, index: str) -> str:
        """The array whose entries are the inner text."""

    @abstractmethod
    def summation(self, index: str) -> str: ...

    # shared

    def at(self, part: Printed, level: int) -> str:
        return part.text if part.level >= level else self.brackets(part.text)

    def flipped(self, part: Printed) -> Printed:
        """The transpose of what was printed."""
        if part.flip is not None:
            return part.flip
        return Printed(self.above(self.at(part, CALL), self.transposed), POWER, part)

    def join(self, texts: Iterable[str]) -> str:
        return " ".join(texts)

    def row_of_ones(self) -> str:
        return self.above(self.one, self.transposed)


def printed(formula: Formula, notation: Notation) -> Printed:
    """The formula in that notation; no recursion."""
    return fold(formula, RULES, notation, check=bounded)


# leaves


def _name(formula: Name, _: Parts, notation: Notation) -> Printed:
    result = notation.name(formula.leaf)
    return result if formula.ndim else Printed(result.text, result.level, result)


def _number(formula: Number, _: Parts, notation: Notation) -> Printed:
    return notation.number(formula.value)


def _identity(formula: Identity, _: Parts, notation: Notation) -> Printed:
    whole = Printed(notation.identity, ATOM)
    return Printed(whole.text, whole.level, whole)


def _onehot(formula: OneHot, parts: Parts, notation: Notation) -> Printed:
    letters = notation.letters[: formula.ndim]
    text = notation.bracket(onehot_condition(parts[0], letters, notation))
    return Printed(text, CALL, None, tuple(parts))


def onehot_condition(labels: Printed, letters: Sequence[str], notation: Notation) -> str:
    """k = yᵢ, the last letter being the class."""
    read = notation.at(labels, CALL)
    if letters[:-1]:
        read = notation.below(read, "".join(letters[:-1]))
    return f"{letters[-1]} = {read}"


def _bracket(formula: Bracket, parts: Parts, notation: Notation) -> Printed:
    letters = notation.letters[: formula.ndim]
    text = notation.bracket(condition(formula, parts, letters, notation))
    return Printed(text, CALL, None, tuple(parts))


def condition(
    formula: Bracket, parts: Sequence[Printed], letters: Sequence[str], notation: Notation
) -> str:
    """The condition in index letters, all terms positive."""
    texts: dict[Expr, str] = dict(zip(INDEX, letters, strict=False))
    for symbol, axes, part in zip(LOOKUP, formula.operand_axes, parts, strict=False):
        index = "".join(letters[a] for a in axes)
        read = notation.at(part, CALL)
        texts[symbol] = notation.below(read, index) if index else read
    sides: tuple[list[str], list[str]] = ([], [])
    pairs, rest = affine(formula.condition, texts)
    for name, coefficient in pairs:
        size = -coefficient if negative(coefficient) else coefficient
        text = texts[name]
        if size != 1:
            text = f"{notation.at(notation.number(size), PRODUCT)} {text}"
        sides[negative(coefficient)].append(text)
    if rest != 0:
        sides[negative(rest)].append(notation.number(-rest if negative(rest) else rest).text)
    left, right = (" + ".join(side) or "0" for side in sides)
    return f"{left} {notation.comparisons[formula.op]} {right}"


# entry by entry


def _bare(formula: Formula, part: Printed, notation: Notation) -> Printed:
    """Among entries a broadcast number is just the number."""
    inner = scalar_inside(formula)
    return notation.number(inner.value) if isinstance(inner, Number) else part


def _sum(formula: Sum, parts: Parts, notation: Notation) -> Printed:
    text = ""
    for sign, term, part in zip(formula.signs, formula.terms, parts, strict=True):
        shown = notation.at(_bare(term, part, notation), HADAMARD)
        if text:
            text += f" {'+' if sign > 0 else notation.minus} {shown}"
        else:
            text = shown if sign > 0 else f"{notation.minus}{shown}"
    return Printed(text, SUM)


def _product(formula: Product, parts: Parts, notation: Notation) -> Printed:
    rest = iter(parts)
    top = [next(rest)] if formula.top else []
    bottom = [next(rest)] if formula.bottom else []
    over = [(f, next(rest)) for f in formula.over]
    under = [(f, next(rest)) for f in formula.under]
    bottoms = bottom + [part for f, part in under if not f.ndim]
    scalars = [(f, part) for f, part in over if not f.ndim]
    arrays = [(f, part) for f, part in over if f.ndim]
    divisors = [(f, part) for f, part in under if f.ndim]
    divided = any(not f.ndim for f, _ in under)
    plain = [part for f, part in scalars if divided or isinstance(f, Name | Power)]
    long = [part for f, part in scalars if not (divided or isinstance(f, Name | Power))]
    head = top + plain
    body = _entries(arrays, divisors, long, notation)
    if bottoms and (head or not body or not notation.inline):
        first = notation.fraction(_together(head, notation), _together(bottoms, notation))
        bottoms = []
    else:
        first = _together(head, notation) if head else None  # type: ignore[assignment]
    pieces = [] if first is None else [notation.at(first, PRODUCT)]
    level = PRODUCT
    if body is not None:
        loose = not long and not bottoms
        pieces.append(notation.at(body, HADAMARD if loose else PRODUCT))
        level = min(PRODUCT, body.level) if loose and body.level >= HADAMARD else PRODUCT
    elif first is not None:
        level = first.level
    text = notation.join(pieces)
    if bottoms:
        text = notation.fraction(Printed(text, level), _together(bottoms, notation)).text
    result = Printed(text, level)
    if negative(formula.coefficient):
        result = Printed(f"{notation.minus}{text}", SUM)
    return result if formula.ndim else Printed(result.text, result.level, result)


def _together(parts: Sequence[Printed], notation: Notation) -> Printed:
    if not parts:
        return notation.number(Integer(1))
    if len(parts) == 1:
        return parts[0]
    return Printed(notation.join(notation.at(part, PRODUCT) for part in parts), PRODUCT)


Pair = tuple[Formula, Printed]


def _side(formula: Formula) -> int | None:
    """0 for a vector spread over columns, 1 for one spread over rows; None for all else."""
    if isinstance(formula, Spread) and formula.ndim == 2:
        shape = formula.operand.shape
        if formula.operand.ndim == 1:
            return formula.axes[0]
        if formula.operand.ndim == 2 and ONE in shape and shape != (ONE, ONE):
            return 0 if shape[1] is ONE else 1
    return None


def _entries(
    arrays: Sequence[Pair], divisors: Sequence[Pair], long: Sequence[Printed], notation: Notation
) -> Printed | None:
    """The arrays of a product: diag(u) (A ⊙ B ⊘ C) diag(v), long scalars in front."""
    full = any(_side(f) is None for f, _ in arrays)
    diagonals: dict[int, list[str]] = {0: [], 1: []}
    tops: list[Printed] = []
    bottoms: list[Printed] = []
    for pairs, rest in ((arrays, tops), (divisors, bottoms)):
        for f, part in pairs:
            side = _side(f) if full else None
            if side is None:
                rest.append(part)
            else:
                diagonals[side].append(_diag_text(part, rest is bottoms, notation))
    core: Printed | None = None
    if len(tops) == 1 and not bottoms:
        core = tops[0]
    elif tops or bottoms:
        text = f" {notation.times} ".join(notation.at(p, POWER) for p in tops) or "1"
        if bottoms:
            below = f" {notation.times} ".join(notation.at(p, POWER) for p in bottoms)
            text += f" {notation.divided} "
            text += notation.brackets(below) if len(bottoms) > 1 else below
        core = Printed(text, HADAMARD)
    if not long and not diagonals[0] and not diagonals[1]:
        return core
    pieces = [notation.at(part, PRODUCT) for part in long] + diagonals[0]
    if core is not None:
        pieces.append(notation.at(core, PRODUCT))
    return Printed(notation.join(pieces + diagonals[1]), PRODUCT)


def _diag_text(spread: Printed, inverse: bool, notation: Notation) -> str:
    text = notation.function("diag", [spread.inner[0].text]).text
    return notation.above(text, f"{notation.minus}1") if inverse else text


def _power(formula: Power, parts: Parts, notation: Notation) -> Printed:
    base, exponent = parts
    value = formula.exponent.value if isinstance(formula.exponent, Number) else None
    if isinstance(formula.base, Norm2) and value is not None and (2 * value).is_Integer:
        shown = "" if value == Rational(1, 2) else notation.number(2 * value).text
        return _symmetric(notation.norm(base.inner[0].text, formula.base.operand.ndim > 1, shown))
    if value == Rational(1, 2):
        return notation.root(base)
    text = notation.entrywise(exponent.text) if formula.ndim else exponent.text
    result = Printed(notation.above(notation.at(base, CALL), text), POWER)
    return result if formula.ndim else _symmetric(result)


def _symmetric(part: Printed) -> Printed:
    return Printed(part.text, part.level, Printed(part.text, part.level))


def _call(formula: Call, parts: Parts, notation: Notation) -> Printed:
    if formula.name == "where" and isinstance(formula.arguments[0], Compare):
        values = [scalar_inside(each) for each in formula.arguments[1:]]
        if all(isinstance(each, Number) for each in values):
            return _steps(values, parts[0], notation)
    shown = [_bare(f, p, notation) for f, p in zip(formula.arguments, parts, strict=True)]
    return notation.function(formula.name, [part.text for part in shown])


def _steps(values: Sequence[Formula], test: Printed, notation: Notation) -> Printed:
    """A number where a test holds and another where not, as a sum: [z > 0] + 0.1 [z ≤ 0]."""
    text = ""
    for each, held in zip(values, (test, *test.inner), strict=True):
        assert isinstance(each, Number)
        size = -each.value if negative(each.value) else each.value
        sign = notation.minus if negative(each.value) else "+" if text else ""
        front = [] if size == 1 else [notation.at(notation.number(size), PRODUCT)]
        term = notation.join([*front, held.text])
        text += f" {sign} {term}" if text else f"{sign}{term}"
    return Printed(text, SUM)


#: The comparison that holds where another does not.
_OTHERWISE = {"gt": "le", "ge": "lt", "lt": "ge", "le": "gt", "eq": "ne", "ne": "eq"}


def _compare(formula: Compare, parts: Parts, notation: Notation) -> Printed:
    left = _bare(formula.left, parts[0], notation).text
    right = _bare(formula.right, parts[1], notation).text
    shown, otherwise = (
        Printed(notation.bracket(f"{left} {notation.comparisons[op]} {right}"), CALL)
        for op in (formula.op, _OTHERWISE[formula.op])
    )
    return Printed(shown.text, CALL, inner=(otherwise,))


def _unknown(formula: Unknown, parts: Parts, notation: Notation) -> Printed:
    shown = [_bare(f, p, notation).text for f, p in zip(formula.arguments, parts, strict=True)]
    name = notation.word(formula.name)
    named = {f.leaf for f in formula.arguments if isinstance(f, Name)}
    if len(shown) == 1:
        name += "'" * formula.orders[0]
    elif sum(formula.orders) == 1 and len(named) == len(shown):
        return notation.partial(f"{name}({', '.join(shown)})", shown[formula.orders.index(1)])
    else:
        by = "".join(str(k + 1) * n for k, n in enumerate(formula.orders))
        name = notation.below("∂" if notation.inline else "\\partial", by) + name if by else name
    return Printed(f"{name}({', '.join(shown)})", CALL)


def _unknown_tensor(formula: UnknownTensor, parts: Parts, notation: Notation) -> Printed:
    name = notation.word(formula.name)
    if len(formula.wrt) == 1 and isinstance(formula.arguments[formula.wrt[0]], Name):
        return notation.partial(name, parts[formula.wrt[0]].text)
    if formula.wrt:
        by = "".join(str(k + 1) for k in formula.wrt)
        name = notation.below("∂" if notation.inline else "\\partial", by) + name
    return Printed(f"{name}({', '.join(part.text for part in parts)})", CALL)


# arrays as wholes


def _along(formula: Along, parts: Parts, notation: Notation) -> Printed:
    operand = formula.operand
    if formula.name == "sum" and operand.ndim <= 2:
        return _matrix_sum(formula, parts[0], notation)
    rows = formula.axes == (operand.ndim - 1,)
    axes = "" if rows else ",".join(map(str, formula.axes))
    result = notation.along(formula.name, axes, parts[0].text)
    return result if formula.ndim else _symmetric(result)


def _matrix_sum(formula: Along, part: Printed, notation: Notation) -> Printed:
    """Products with vectors of ones."""
    ones, row = notation.one, notation.row_of_ones()
    inner = notation.at(part, PRODUCT)
    across = notation.at(notation.flipped(part), PRODUCT)
    if formula.operand.ndim == 1:
        lies = isinstance(formula.operand, Squeeze) and formula.operand.axes == (0,)
        pieces = [across, ones] if lies else [row, inner]
        return _symmetric(Printed(notation.join(pieces), PRODUCT))
    if len(formula.axes) == 2:
        return _symmetric(Printed(notation.join([row, inner, ones]), PRODUCT))
    if formula.axes == (1,):
        column = Printed(notation.join([inner, ones]), PRODUCT)
        return _two(column, Printed(notation.join([row, across]), PRODUCT))
    column = Printed(notation.join([across, ones]), PRODUCT)
    lying = Printed(notation.join([row, inner]), PRODUCT)
    return _two(lying, column) if formula.keepdims else _two(column, lying)


def _two(whole: Printed, flip: Printed) -> Printed:
    return Printed(whole.text, whole.level, Printed(flip.text, flip.level, whole))


def _norm2(formula: Norm2, parts: Parts, notation: Notation) -> Printed:
    result = notation.norm(parts[0].text, formula.operand.ndim > 1, "2")
    return Printed(result.text, result.level, result, tuple(parts))


def _inner(formula: Inner, parts: Parts, notation: Notation) -> Printed:
    return _symmetric(Printed(notation.pair(parts[0].text, parts[1].text), CALL))


def _trace(formula: Trace, parts: Parts, notation: Notation) -> Printed:
    return _symmetric(notation.function("trace", [parts[0].text]))


def _chain(formula: Chain, parts: Parts, notation: Notation) -> Printed:
    text = notation.join(notation.at(part, PRODUCT) for part in parts)
    flips = [notation.flipped(part) for part in reversed(parts)]
    flip = notation.join(notation.at(part, PRODUCT) for part in flips)
    if not formula.ndim:
        return _symmetric(Printed(text, PRODUCT))
    whole, flipped = Printed(text, PRODUCT), Printed(flip, PRODUCT)
    return _two(whole, flipped)


#: Functions of a matrix that are marks above it; all others are words.
_MARKS = {"inv": ("1", True), "pinv": ("+", False)}
_WORDS = {
    "cholesky": "chol",
    "eigvals": "eigvals",
    "eigvecs": "eigvecs",
    "svd_u": "left",
    "svd_s": "singular",
    "svd_vt": "right",
}


def _matrix(formula: Matrix, parts: Parts, notation: Notation) -> Printed:
    (part,) = parts
    if formula.name in _MARKS:
        mark, negated = _MARKS[formula.name]
        sign = notation.minus if negated else ""
        base = notation.at(part, CALL)
        flip = f"{sign}{notation.transposed}" if negated else f"{mark}{notation.transposed}"
        whole = Printed(notation.above(base, sign + mark), POWER)
        if formula.ndim != 2:
            return whole
        return _two(whole, Printed(notation.above(base, flip), POWER))
    if formula.name == "logdet":
        inner = notation.function("det", [part.text]).text
        return _symmetric(notation.function("log", [notation.function("abs", [inner]).text]))
    result = notation.function(_WORDS.get(formula.name, formula.name), [part.text])
    return result if formula.ndim else _symmetric(result)


def _kronecker(formula: Kronecker, parts: Parts, notation: Notation) -> Printed:
    flips = [notation.flipped(part) for part in parts]
    mark = "⊗" if notation.inline else r"\otimes"
    whole, flip = (
        Printed(f" {mark} ".join(notation.at(part, PRODUCT) for part in pair), HADAMARD)
        for pair in (parts, flips)
    )
    return _two(whole, flip)


def _reshaped(formula: Reshaped, parts: Parts, notation: Notation) -> Printed:
    operand, (part,) = formula.operand, parts
    if formula.ndim == 1 and isinstance(operand, Transpose) and operand.ndim == 2:
        return notation.function("vec", [notation.flipped(part).text])
    sizes = [notation.at(notation.number(d), CALL) for d in formula.shape]
    head = notation.function("reshape", [part.text])
    return Printed(notation.below(head.text, ", ".join(sizes)), CALL)


def _fixed(formula: Fixed, parts: Parts, notation: Notation) -> Printed:
    result = notation.function("stop", [parts[0].text])
    return result if formula.ndim else _symmetric(result)


def _outer(formula: Outer, parts: Parts, notation: Notation) -> Printed:
    def shown(left: Printed, right: Printed) -> Printed:
        pieces = [notation.at(left, PRODUCT), notation.at(notation.flipped(right), PRODUCT)]
        return Printed(notation.join(pieces), PRODUCT)

    return _two(shown(*parts), shown(parts[1], parts[0]))


def _transpose(formula: Transpose, parts: Parts, notation: Notation) -> Printed:
    flip = notation.flipped(parts[0])
    return Printed(flip.text, flip.level, parts[0])


def _diag(formula: Diag | Diagonal, parts: Parts, notation: Notation) -> Printed:
    result = notation.function("diag", [parts[0].text])
    return _symmetric(result) if isinstance(formula, Diag) else result


def _spread(formula: Spread, parts: Parts, notation: Notation) -> Printed:
    (part,) = parts
    ones, row = notation.one, notation.row_of_ones()
    if not formula.operand.ndim:
        array = _ones(formula.shape, notation)
        if part.text == "1":
            return array
        return Printed(notation.join([notation.at(part, PRODUCT), array.text]), PRODUCT)
    if formula.ndim != 2:
        axes = ",".join(map(str, formula.axes))
        return notation.along("spread", axes, part.text)
    lies = formula.operand.ndim == 2 and formula.operand.shape[0] is ONE
    stands = formula.axes[0] == 0 and not lies
    column = notation.flipped(part) if lies else part
    lying = part if lies else notation.flipped(part)
    standing = Printed(notation.join([notation.at(column, PRODUCT), row]), PRODUCT)
    spread = Printed(notation.join([ones, notation.at(lying, PRODUCT)]), PRODUCT)
    if ONE in formula.shape:
        standing, spread = column, lying
    whole, flip = (standing, spread) if stands else (spread, standing)
    return Printed(whole.text, whole.level, Printed(flip.text, flip.level), (column,))


def _ones(shape: Shape, notation: Notation) -> Printed:
    column, row = notation.one, notation.row_of_ones()
    if len(shape) == 2 and shape[0] is ONE:
        return Printed(row, POWER)
    if len(shape) == 2 and shape[1] is not ONE:
        return Printed(notation.join([column, row]), PRODUCT)
    return Printed(column, ATOM)


def _squeeze(formula: Squeeze, parts: Parts, notation: Notation) -> Printed:
    lies = formula.operand.ndim == 2 and formula.axes == (0,)
    return notation.flipped(parts[0]) if lies else parts[0]


def _at(formula: At, parts: Parts, notation: Notation) -> Printed:
    keys = [":"] * formula.operand.ndim
    keys[formula.axis] = parts[1].text
    return Printed(f"{notation.at(parts[0], CALL)}[{', '.join(keys)}]", CALL)


def _cut(formula: Cut, parts: Parts, notation: Notation) -> Printed:
    stop = formula.stop
    start = "" if formula.begins is None else notation.number(formula.begins).text
    key = f"{start}:{'' if stop is None else notation.number(stop).text}"
    keys = [":"] * formula.operand.ndim
    keys[formula.axis] = key if formula.step == 1 else f"{key}:{formula.step}"
    return Printed(f"{notation.at(parts[0], CALL)}[{', '.join(keys)}]", CALL)


def _placed(formula: Placed, parts: Parts, notation: Notation) -> Printed:
    widths = [
        f"({notation.number(formula.front).text}, {notation.number(formula.behind).text})"
        if axis == formula.axis
        else "(0, 0)"
        for axis in range(formula.ndim)
    ]
    text = widths[0] if formula.ndim == 1 else f"({', '.join(widths)})"
    return notation.function("pad", [parts[0].text, text])


def _joined(formula: Joined, parts: Parts, notation: Notation) -> Printed:
    axis = str(formula.axis) if formula.axis else ""
    return notation.along("concat", axis, ", ".join(part.text for part in parts))


def _indexed(formula: Indexed, parts: Parts, notation: Notation) -> Printed:
    labels = dict.fromkeys((*formula.output, *(k for own in formula.inputs for k in own)))
    letter = dict(zip(labels, notation.letters, strict=False))
    if len(letter) < len(labels):
        letter = {k: f"i{n}" for n, k in enumerate(labels)}
    found, gone = subscripts(formula)
    shown = letter | {k: _subscript(value, letter, notation) for k, value in found.items()}
    pieces = []
    for n, (own, factor, part) in enumerate(
        zip(formula.inputs, formula.factors, parts, strict=True)
    ):
        letters = [letter[k] for k in own]
        if n in gone:
            continue
        if isinstance(factor, Identity):
            delta = "δ" if notation.inline else "\\delta"
            pieces.append(notation.below(delta, "".join(letters)))
        elif isinstance(factor, OneHot):
            pieces.append(notation.bracket(onehot_condition(part.inner[0], letters, notation)))
        elif isinstance(factor, Bracket):
            pieces.append(notation.bracket(condition(factor, part.inner, letters, notation)))
        else:
            comma = ", " if found.keys() & set(own) else ""
            index = comma.join(shown[k] for k in own)
            pieces.append(notation.below(notation.at(part, CALL), index))
    summed = [letter[k] for k in labels if k not in formula.output and k not in found]
    if summed:
        pieces.insert(0, notation.summation("".join(summed)))
    text = notation.join(pieces)
    if not formula.output:
        return _symmetric(Printed(text, HADAMARD))
    return Printed(notation.entries(text, "".join(letter[k] for k in formula.output)), CALL)


def _subscript(value: Subscript, letter: Mapping[int, str], notation: Notation) -> str:
    """Σ c · letter + constant, the positive terms first."""
    terms, constant = value
    pieces: list[tuple[bool, str]] = []
    for label, c in terms:
        size = -c if negative(c) else c
        front = [] if size == 1 else [notation.at(notation.number(size), PRODUCT)]
        pieces.append((negative(c), notation.join([*front, letter[label]])))
    if constant != 0:
        size = -constant if negative(constant) else constant
        pieces.append((negative(constant), notation.number(size).text))
    text = ""
    for minus, piece in sorted(pieces, key=lambda pair: pair[0]):
        sign = notation.minus if minus else "+" if text else ""
        text += f" {sign} {piece}" if text else f"{sign}{piece}"
    return text or "0"


def _windowed(formula: Windowed, parts: Parts, notation: Notation) -> Printed:
    """With indices; the maximum of windows as maxpool(X, size, stride, padding)."""
    if "max" not in formula.name:
        return parts[-1]
    values = [values[0] if len(set(values)) == 1 else values for _, values in formula.options]
    shown = [
        notation.number(v).text
        if isinstance(v, Expr)
        else notation.brackets(", ".join(notation.number(each).text for each in v))
        for v in values
    ]
    name = "maxpool" if formula.name.startswith("max") else "argmaxpool"
    return notation.function(name, [parts[0].text, *shown])


RULES: dict[type[Formula], Callable[..., Printed]] = {
    Name: _name,
    Number: _number,
    Identity: _identity,
    OneHot: _onehot,
    Bracket: _bracket,
    Sum: _sum,
    Product: _product,
    Power: _power,
    Call: _call,
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
}
assert RULES.keys() == FORMS, "a form cannot be printed"

__all__ = ["Notation", "Printed", "is_row", "printed"]
