"""Constructors of formulas: products flattened, signs and numbers drawn out, transposes inside."""

from collections.abc import Callable, Iterable, Sequence

from sympy import Expr, Pow, S

from symgrad.notation.formula import (
    Along,
    Chain,
    Diag,
    Diagonal,
    Formula,
    Identity,
    Inner,
    Joined,
    Norm2,
    Number,
    Outer,
    Placed,
    Power,
    Product,
    Spread,
    Squeeze,
    Sum,
    Trace,
    Transpose,
)
from symgrad.notation.limits import few
from symgrad.tensor.dims import ONE, Shape, same_shape
from symgrad.tensor.nodes import without

#: coefficient, factors above and factors below the line of a product.
Parts = tuple[Expr, tuple[Formula, ...], tuple[Formula, ...]]


def number(value: Expr) -> Number:
    """A number, or an expression in dimensions."""
    return Number((), value)


def parts_of(formula: Formula) -> Parts:
    """The formula as a product; a broadcast number is its coefficient."""
    inner = scalar_inside(formula)
    if isinstance(inner, Number):
        return inner.value, (), ()
    if isinstance(inner, Product):
        return inner.coefficient, inner.over, inner.under
    return S.One, (inner,), ()


def scalar_inside(formula: Formula) -> Formula:
    """The scalar that a formula broadcasts, if it does nothing else."""
    if isinstance(formula, Spread) and not formula.operand.ndim:
        return formula.operand
    return formula


def product(
    shape: Shape, coefficient: Expr, over: Iterable[Formula], under: Iterable[Formula] = ()
) -> Formula:
    """coefficient · Π over / Π under, entry by entry; equal factors become powers."""
    above: dict[Formula, Expr] = {}
    below: dict[Formula, Expr] = {}
    sides = ((over, above, below, 1), (under, below, above, -1))
    for factors, here, there, sign in sides:
        for factor in factors:
            own, tops, bottoms = parts_of(factor)
            coefficient *= own**sign
            for side, inner in ((here, tops), (there, bottoms)):
                for each in inner:
                    base, exponent = _base(each)
                    side[base] = side.get(base, S.Zero) + exponent
    for here, there in ((above, below), (below, above)):
        for base, exponent in list(here.items()):
            if exponent.is_negative:
                del here[base]
                there[base] = there.get(base, S.Zero) - exponent
    return _product(shape, coefficient, _powers(above), _powers(below))


def _base(formula: Formula) -> tuple[Formula, Expr]:
    if isinstance(formula, Power) and isinstance(formula.exponent, Number):
        return formula.base, formula.exponent.value
    return formula, S.One


def _powers(side: dict[Formula, Expr]) -> tuple[Formula, ...]:
    return tuple(
        base if exponent == 1 else Power(base.shape, base, number(exponent))
        for base, exponent in side.items()
        if exponent != 0
    )


def _product(
    shape: Shape, coefficient: Expr, over: tuple[Formula, ...], under: tuple[Formula, ...]
) -> Formula:
    full = any(each.ndim for each in (*over, *under))
    if shape and not full:
        return Spread(shape, _product((), coefficient, over, under), ())
    if not over and not under:
        return number(coefficient)
    if coefficient == 1 and len(over) == 1 and not under:
        return over[0]
    top, bottom = _fraction(-coefficient if negative(coefficient) else coefficient)
    return Product(
        shape,
        coefficient,
        None if top == 1 else number(top),
        None if bottom == 1 else number(bottom),
        over,
        under,
    )


def _fraction(value: Expr) -> tuple[Expr, Expr]:
    """Numerator and denominator as people write them: √(2/π), 1/√(2π), 0.1."""
    if value.is_Rational and as_decimal(value):
        return value, S.One
    top, bottom = value.as_numer_denom()
    if any(not p.exp.is_Integer for p in value.atoms(Pow)):
        under, over = (value**2).as_numer_denom()[::-1]
        if top != 1 and bottom != 1 and value.is_positive and not (under.has(Pow) or over.has(Pow)):
            if over == 1:
                return S.One, Pow(under, S.Half, evaluate=False)
            return Pow(over / under, S.Half, evaluate=False), S.One
    return top, bottom


def negative(value: Expr) -> bool:
    """Whether the number is written with a minus sign in front."""
    return bool(value.could_extract_minus_sign())


def as_decimal(value: Expr) -> str:
    """The decimal text of a number such as 0.1 or -1e9; empty for 1/2, 1/3, other whole numbers."""
    if value.is_Integer and abs(value) >= 10**6:
        return _in_thousands(int(value))
    if not value.is_Rational or value.is_Integer:
        return ""
    q, digits = int(value.q), 0
    if q % 10 and q < 64:
        return ""
    while q % 10 == 0:
        q, digits = q // 10, digits + 1
    for prime in (2, 5):
        while q % prime == 0:
            q, digits = q // prime, digits + 1
    if q != 1 or digits > 30:
        return ""
    whole = abs(int(value.p)) * 10**digits // int(value.q)
    sign = "-" if value.p < 0 else ""
    text = f"{whole:0{digits + 1}d}"
    text = f"{text[:-digits]}.{text[-digits:]}".rstrip("0")
    if len(text) > 8 and text.startswith("0.0000"):
        mantissa = text[2:].lstrip("0")
        exponent = len(text) - 2 - len(mantissa) + 1
        text = f"{mantissa[0]}{'.' if mantissa[1:] else ''}{mantissa[1:]}e-{exponent:02d}"
    return sign + text


def _in_thousands(value: int) -> str:
    """A whole number of many zeros, as -1e9 and 2.5e7; empty where it has few."""
    digits = str(abs(value))
    mantissa = digits.rstrip("0")
    if len(digits) - len(mantissa) < 6:
        return ""
    point = f".{mantissa[1:]}" if mantissa[1:] else ""
    return f"{'-' if value < 0 else ''}{mantissa[0]}{point}e{len(digits) - 1}"


def power(base: Formula, exponent: Formula) -> Formula:
    """base ** exponent, entry by entry; a negative number goes below the line."""
    if isinstance(exponent, Number):
        return product(base.shape, S.One, [Power(base.shape, base, exponent)])
    return Power(base.shape, base, exponent)


def total(shape: Shape, pairs: Iterable[tuple[Expr, Formula]]) -> Formula:
    """Σ coefficient · formula; common scalars are drawn out, a positive term comes first."""
    rows: list[Parts] = []
    for coefficient, formula in pairs:
        if isinstance(formula, Sum) and coefficient in (1, -1):
            for sign, term in zip(formula.signs, formula.terms, strict=True):
                own, over, under = parts_of(term)
                rows.append((own * sign * coefficient, over, under))
        else:
            own, over, under = parts_of(formula)
            rows.append((own * coefficient, over, under))
    few(rows)
    rows = [row for row in rows if row[0] != 0] or rows[:1]
    if len(rows) == 1:
        return product(shape, *rows[0])
    joined = _joined(shape, rows)
    if joined is not None:
        return joined
    (common, above, below), rows = _common(rows)
    if (common, above, below) != (S.One, (), ()):
        return product(shape, common, [*above, _sum(shape, rows)], below)
    return _sum(shape, rows)


def _joined(shape: Shape, rows: list[Parts]) -> Formula | None:
    """Terms that are placed side by side along one axis, with nothing between and around them."""
    pieces: list[tuple[Placed, Formula]] = []
    for coefficient, over, under in rows:
        placed = [f for f in over if isinstance(f, Placed)]
        if len(placed) != 1 or any(f.ndim for f in (*over, *under) if f is not placed[0]):
            return None
        inside = [f if f is not placed[0] else placed[0].operand for f in over]
        pieces.append((placed[0], product(placed[0].operand.shape, coefficient, inside, under)))
    axis, at = pieces[0][0].axis, S.Zero
    ordered: list[Formula] = []
    while pieces:
        found = next((p for p in pieces if p[0].axis == axis and p[0].front == at), None)
        if found is None:
            return None
        pieces.remove(found)
        ordered.append(found[1])
        at = (at + found[1].shape[axis]).expand()
    return Joined(shape, axis, tuple(ordered)) if at == shape[axis] else None


def _sum(shape: Shape, rows: list[Parts]) -> Formula:
    first = next((k for k, row in enumerate(rows) if not negative(row[0])), 0)
    rows = [rows[first], *rows[:first], *rows[first + 1 :]]
    signs = tuple(-1 if negative(row[0]) else 1 for row in rows)
    terms = tuple(
        product(shape, coefficient * sign, over, under)
        for sign, (coefficient, over, under) in zip(signs, rows, strict=True)
    )
    return Sum(shape, signs, terms)


def _common(rows: list[Parts]) -> tuple[Parts, list[Parts]]:
    """What all terms share, and the terms without it: numbers up to sign, scalars, denominators."""
    above = [f for f in rows[0][1] if not f.ndim and all(f in row[1] for row in rows)]
    below = [f for f in rows[0][2] if all(f in row[2] for row in rows)]
    numbers = [row[0].as_coeff_Mul() for row in rows]
    shared: Expr = S.One
    if all(abs(n) == abs(numbers[0][0]) for n, _ in numbers):
        shared *= abs(numbers[0][0])
    if all(symbolic == numbers[0][1] for _, symbolic in numbers):
        shared *= numbers[0][1]
    if shared != 1 and all(negative(row[0]) for row in rows):
        shared = -shared
    rest = [
        (
            coefficient / shared,
            tuple(f for f in over if f not in above),
            tuple(f for f in under if f not in below),
        )
        for coefficient, over, under in rows
    ]
    return (shared, tuple(above), tuple(below)), rest


def split(formula: Formula) -> tuple[Expr, list[Formula], list[Formula], Formula]:
    """Number, scalars above, scalars below, and the array that they multiply."""
    if not isinstance(formula, Product) or not formula.ndim:
        return S.One, [], [], formula
    scalars = [f for f in formula.over if not f.ndim]
    bottoms = [f for f in formula.under if not f.ndim]
    core = product(
        formula.shape,
        S.One,
        [f for f in formula.over if f.ndim],
        [f for f in formula.under if f.ndim],
    )
    return formula.coefficient, scalars, bottoms, core


def linear(
    shape: Shape, make: Callable[..., Formula], operand: Formula, *fields: object
) -> Formula:
    """make(shape, core, *fields) times the scalars that multiply the operand."""
    coefficient, above, below, core = split(operand)
    return product(shape, coefficient, [*above, make(shape, core, *fields)], below)


def by_sides(shape: Shape, place: Callable[[Formula], Formula], operand: Formula) -> Formula:
    """A placement of entries, done above and below the line of a product on their own."""
    if not isinstance(operand, Product) or not operand.ndim:
        return place(operand)
    sides: list[list[Formula]] = []
    for factors in (operand.over, operand.under):
        arrays = [f for f in factors if f.ndim]
        placed = [place(product(operand.shape, S.One, arrays))] if arrays else []
        sides.append([*(f for f in factors if not f.ndim), *placed])
    return product(shape, operand.coefficient, *sides)


def transpose(formula: Formula) -> Formula:
    """The transpose; of a product of matrices the reverse product, where that is no longer."""
    match formula:
        case Transpose():
            return formula.operand
        case Chain():
            flipped = [transpose(f) for f in reversed(formula.factors)]
            if _marks(flipped) <= _marks(formula.factors) + 1:
                return chain(flipped)
        case Outer():
            return Outer(tuple(reversed(formula.shape)), formula.right, formula.left)
        case Diag() | Identity():
            return formula
        case Spread() if formula.ndim == 2:
            if not formula.axes:
                return Spread(formula.shape[::-1], formula.operand, ())
            if formula.operand.ndim == 1:
                return Spread(formula.shape[::-1], formula.operand, (1 - formula.axes[0],))
    if not formula.ndim:
        return formula
    return linear(formula.shape[::-1], Transpose, formula)


def _marks(factors: Sequence[Formula]) -> int:
    return sum(isinstance(f, Transpose) and f.ndim > 1 for f in factors)


def is_row(formula: Formula) -> bool:
    """Whether it is a vector (n,) that stands as a row."""
    if isinstance(formula, Chain):
        return is_row(formula.factors[0]) and formula.factors[-1].ndim == 2
    return formula.ndim == 1 and isinstance(formula, Transpose)


def chain(factors: Iterable[Formula]) -> Formula:
    """The product of matrices, with at most a row in front and a column at the end."""
    coefficient: Expr = S.One
    flat: list[Formula] = []
    above: list[Formula] = []
    below: list[Formula] = []
    for factor in factors:
        own, tops, bottoms, core = split(factor)
        coefficient *= own
        above += tops
        below += bottoms
        flat += core.factors if isinstance(core, Chain) else (core,)
    few(flat)
    first, last = flat[0], flat[-1]
    if len(flat) == 1:
        return product(first.shape, coefficient, [*above, first], below)
    rows = () if first.ndim == 1 else first.shape[:1]
    columns = () if last.ndim == 1 else last.shape[1:]
    shape = rows + columns
    return product(shape, coefficient, [*above, Chain(shape, tuple(flat))], below)


def dot(left: Formula, right: Formula) -> Formula:
    """leftᵀ right of two vectors (n,), or rightᵀ left where that has fewer transposes."""
    if left is right:
        return linear_square(left)
    a, above, below, left = split(left)
    b, tops, bottoms, right = split(right)
    first, second = _dotted(left, right), _dotted(right, left)
    best = second if _marks(second) < _marks(first) else first
    shape: Shape = ()
    return product(shape, a * b, [*above, *tops, Chain(shape, best)], [*below, *bottoms])


def _dotted(left: Formula, right: Formula) -> tuple[Formula, ...]:
    row = transpose(left)
    front: tuple[Formula, ...] = (row,)
    if isinstance(row, Chain):
        front = row.factors
    if isinstance(left, Chain) and _marks(front) > _marks(left.factors):
        front = (Transpose(left.shape, left),)
    return front + (right.factors if isinstance(right, Chain) else (right,))


def linear_square(operand: Formula) -> Formula:
    """‖operand‖², the square of its scalars in front."""
    coefficient, above, below, core = split(operand)
    return product((), coefficient**2, [*above, *above, Norm2((), core)], [*below, *below])


def outer(shape: Shape, left: Formula, right: Formula) -> Formula:
    """left rightᵀ of two vectors (n,)."""
    a, above, below, left = split(left)
    b, tops, bottoms, right = split(right)
    return product(shape, a * b, [*above, *tops, Outer(shape, left, right)], [*below, *bottoms])


def inner(left: Formula, right: Formula) -> Formula:
    """Σ left ⊙ right of two arrays; a trace where one of them is a transpose."""
    if left is right:
        return linear_square(left)
    a, above, below, left = split(left)
    b, tops, bottoms, right = split(right)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Transpose) and one.ndim == 2:
            core: Formula = Trace((), chain([one.operand, other]))
            break
    else:
        core = Inner((), left, right)
    return product((), a * b, [*above, *tops, core], [*below, *bottoms])


def sum_over(operand: Formula, axes: Sequence[int]) -> Formula:
    """The sum over axes, which go; of all entries of a product an inner product."""
    axes = tuple(axes)
    shape = without(operand.shape, axes)
    coefficient, above, below, core = split(operand)
    result = _whole(core) if len(axes) == core.ndim else None
    if result is None:
        result = Along(shape, "sum", axes, False, core)
    return product(shape, coefficient, [*above, result], below)


def _whole(core: Formula) -> Formula | None:
    """The sum of all entries, where it has a form of its own."""
    match core:
        case Along(name="sum"):
            return sum_over(core.operand, range(core.operand.ndim))
        case Diagonal():
            return Trace((), core.operand)
        case Power(exponent=Number(value=value)) if value == 2:
            return Norm2((), core.base)
        case Product(over=(first, *others), under=()) if others:
            rest = product(core.shape, S.One, others)
            return (dot if core.ndim == 1 else inner)(first, rest)
    return None


def squeeze(operand: Formula, axes: tuple[int, ...]) -> Formula:
    """The operand without axes of size 1."""
    shape = without(operand.shape, axes)

    def place(core: Formula) -> Formula:
        if isinstance(core, Along) and core.keepdims and core.axes == axes:
            if core.name != "softmax":
                return Along(shape, core.name, axes, False, core.operand)
        if isinstance(core, Spread) and not set(axes) & set(core.axes):
            kept = [k for k in range(core.ndim) if k not in axes]
            return spread(core.operand, shape, [kept.index(k) for k in core.axes])
        return Squeeze(shape, core, axes)

    return by_sides(shape, place, operand)


def spread(operand: Formula, shape: Shape, axes: Sequence[int]) -> Formula:
    """The operand broadcast: its axis k becomes axis axes[k] of the shape."""
    axes = tuple(axes)
    if axes == tuple(range(len(shape))) and same_shape(operand.shape, shape):
        return operand
    if not operand.ndim:
        return Spread(shape, operand, axes)
    return by_sides(shape, lambda core: _spread(core, shape, axes), operand)


def _spread(operand: Formula, shape: Shape, axes: tuple[int, ...]) -> Formula:
    if isinstance(operand, Spread):
        return spread(operand.operand, shape, tuple(axes[k] for k in operand.axes))
    if isinstance(operand, Squeeze):
        wide = _unsqueezed(operand, shape, axes)
        if wide is not None:
            return spread(operand.operand, shape, wide)
    new = tuple(k for k in range(len(shape)) if k not in axes)
    if isinstance(operand, Along) and not operand.keepdims and operand.axes == new:
        if all(shape[k] is ONE for k in new):
            return Along(shape, operand.name, operand.axes, True, operand.operand)
    return Spread(shape, operand, axes)


def _unsqueezed(operand: Squeeze, shape: Shape, axes: tuple[int, ...]) -> tuple[int, ...] | None:
    """Axes for the operand with its axes of size 1, where there is room for them in order."""
    kept = [k for k in range(operand.operand.ndim) if k not in operand.axes]
    at = dict(zip(kept, axes, strict=True))
    result: list[int] = []
    for k in range(operand.operand.ndim):
        place = at.get(k, result[-1] + 1 if result else 0)
        if (result and place <= result[-1]) or place >= len(shape):
            return None
        if k in operand.axes and place in axes:
            return None
        result.append(place)
    return tuple(result)
