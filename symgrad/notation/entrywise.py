"""Forms that act entry by entry: sums, products with ⊙ and ⊘, powers, functions, comparisons."""

from collections.abc import Callable, Sequence

from sympy import Integer, Rational

from symgrad.notation.build import negative, scalar_inside
from symgrad.notation.formula import (
    Call,
    Compare,
    Formula,
    Name,
    Norm2,
    Number,
    Power,
    Product,
    Spread,
    Sum,
    Unknown,
)
from symgrad.notation.marks import (
    CALL,
    HADAMARD,
    POWER,
    PRODUCT,
    SUM,
    Notation,
    Parts,
    Printed,
    symmetric,
)
from symgrad.tensor.dims import ONE


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
    if head and divisors and not (arrays or long or bottoms):  # 2 ⊘ x
        number, head = Printed(notation.join(notation.at(p, PRODUCT) for p in head), PRODUCT), []
        body = _entries([], divisors, [], notation, number)
    else:
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
    arrays: Sequence[Pair],
    divisors: Sequence[Pair],
    long: Sequence[Printed],
    notation: Notation,
    number: Printed | None = None,
) -> Printed | None:
    """The arrays of a product: diag(u) (A ⊙ B ⊘ C) diag(v), long scalars in front.

    A number, 1 if there is none, stands above the line where no array does.
    """
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
        text = f" {notation.times} ".join(notation.at(p, POWER) for p in tops)
        text = text or (number.text if number else "1")
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
        return symmetric(notation.norm(base.inner[0].text, formula.base.operand.ndim > 1, shown))
    if value == Rational(1, 2):
        return notation.root(base)
    text = notation.entrywise(exponent.text) if formula.ndim else exponent.text
    result = Printed(notation.above(notation.at(base, CALL), text), POWER)
    return result if formula.ndim else symmetric(result)


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


ENTRYWISE: dict[type[Formula], Callable[..., Printed]] = {
    Sum: _sum,
    Product: _product,
    Power: _power,
    Call: _call,
    Compare: _compare,
    Unknown: _unknown,
}
