"""Formulas as SymPy's own matrix expressions; a vector (n,) is the column n × 1.

What SymPy has no matrix expression for (an array of three axes, an einsum, a maximum along an axis)
is an error that names it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import sympy as sp
from sympy import Basic, Dummy, Expr, Lambda, MatrixExpr, MatrixSymbol, Piecewise
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalOf
from sympy.matrices.expressions.special import OneMatrix

from symgrad.errors import SymgradError
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
    fold,
)
from symgrad.tensor.dims import ONE, Shape, show
from symgrad.tensor.scalar import FUNCTIONS

#: Stands for an entry in functions that act entry by entry.
_T = Dummy("t", real=True)


@dataclass(frozen=True, slots=True)
class Made:
    """A SymPy expression; where it acts entry by entry, `body` is a function of _T of `base`'s."""

    expr: Any
    base: Any = None
    body: Any = _T


class Symbols:
    """SymPy's symbols of a graph's: those that a person used where they are known by name."""

    def __init__(self, known: Mapping[str, Basic]) -> None:
        self.known = known
        free = {s for symbol in known.values() for s in _sizes(symbol)}
        self.dims = {name: s for s in free for name in [s.name]}

    def number(self, value: Expr) -> Expr:
        """A number with the dimensions as the person declared them."""
        moved = {s: self.dims[s.name] for s in value.free_symbols if s.name in self.dims}
        return value.xreplace(moved) if moved else value

    def shape(self, shape: Shape) -> tuple[Expr, Expr]:
        """Rows and columns."""
        if len(shape) > 2:
            raise SymgradError(f"SymPy's matrices have two axes, not {show(shape)}")
        rows, columns = (*map(self.number, shape), ONE, ONE)[:2] if shape else (ONE, ONE)
        return rows, columns

    def leaf(self, formula: Name) -> Any:
        leaf = formula.leaf
        if leaf.name in self.known and not isinstance(self.known[leaf.name], sp.IndexedBase):
            return self.known[leaf.name]
        if leaf.ndim:
            return MatrixSymbol(leaf.name, *self.shape(leaf.shape))
        return sp.Symbol(leaf.name, **({"positive": True} if leaf.domain == "positive" else {}))


def _sizes(symbol: Basic) -> set[Any]:
    return symbol.shape[0].free_symbols | symbol.shape[1].free_symbols if isinstance(
        symbol, MatrixSymbol
    ) else set()  # fmt: skip


def sympy_expr(formula: Formula, known: Mapping[str, Basic]) -> Any:
    """The formula as a SymPy expression: a matrix expression, or a scalar one for shape ().

    Raises
    ------
    SymgradError    for what SymPy has no matrix expression for; names it.
    """
    try:
        return fold(formula, _RULES, Symbols(known), check=_unchecked).expr
    except RecursionError:
        raise SymgradError(
            "the formula is too deep for SymPy", hint="names=True keeps the names of values"
        ) from None
    except (TypeError, ValueError, NotImplementedError) as error:  # slices of slices, say
        raise SymgradError(f"SymPy cannot write it as a matrix expression: {error}") from None


def _unchecked(made: Made) -> Made:
    return made


Parts = Sequence[Made]


def _none(what: str) -> Callable[..., Made]:
    """A rule for what SymPy cannot say."""

    def rule(formula: Formula, *_: object) -> Made:
        raise SymgradError(f"SymPy has no matrix expression for {what}")

    return rule


def _of(build: Callable[..., Any]) -> Callable[..., Made]:
    """A rule that needs nothing but the expressions of the parts."""
    return lambda _, parts, __: Made(build(*(part.expr for part in parts)))


def _name(formula: Name, _: Parts, symbols: Symbols) -> Made:
    return Made(symbols.leaf(formula))


def _number(formula: Number, _: Parts, symbols: Symbols) -> Made:
    return Made(symbols.number(formula.value))


def _identity(formula: Identity, _: Parts, symbols: Symbols) -> Made:
    return Made(sp.Identity(symbols.shape(formula.shape)[0]))


def _sum(formula: Sum, parts: Parts, _: Symbols) -> Made:
    terms = [sign * part.expr for sign, part in zip(formula.signs, parts, strict=True)]
    return Made(reduce(lambda a, b: a + b, terms))


def _product(formula: Product, parts: Parts, symbols: Symbols) -> Made:
    rest = list(parts)[(formula.top is not None) + (formula.bottom is not None) :]
    above = rest[: len(formula.over)]
    below = rest[len(formula.over) :]
    coefficient = symbols.number(formula.coefficient)
    arrays = []
    for made, form in zip(above, formula.over, strict=True):
        if form.ndim:
            arrays.append(made.expr)
        else:
            coefficient *= made.expr
    for made, form in zip(below, formula.under, strict=True):
        if form.ndim:
            arrays.append(sp.HadamardPower(made.expr, -1))
        else:
            coefficient /= made.expr
    if not arrays:
        return Made(coefficient)
    product = arrays[0] if len(arrays) == 1 else sp.HadamardProduct(*arrays)
    return Made(coefficient * product)


def _power(formula: Power, parts: Parts, _: Symbols) -> Made:
    base, exponent = (
        _constant(form, part) for form, part in zip(formula.parts, parts, strict=True)
    )
    if not formula.base.ndim:
        return Made(base**exponent)
    return Made(sp.HadamardPower(parts[0].expr, exponent))


def _constant(formula: Formula, part: Made) -> Any:
    """The scalar that a broadcast repeats, else the expression."""
    scalar = isinstance(formula, Spread) and not formula.operand.ndim
    return part.body if scalar and part.base is None and part.body is not _T else part.expr


# --- entry by entry


def _entries(formulas: Sequence[Formula], parts: Parts, what: str) -> tuple[Any, list[Any]]:
    """The one matrix whose entries the parts are functions of, and these functions."""
    base, bodies = None, []
    for form, part in zip(formulas, parts, strict=True):
        if not form.ndim:
            bodies.append(part.expr)
            continue
        if part.base is None and part.body is not _T:  # a number at each entry
            bodies.append(part.body)
            continue
        own = part.expr if part.base is None else part.base
        if base is not None and base != own:
            raise SymgradError(f"SymPy has no matrix expression for {what} of two matrices")
        base = own
        bodies.append(part.body)
    return base, bodies


def _applied(formula: Formula, base: Any, body: Any) -> Made:
    if not formula.ndim or base is None:
        return Made(body)
    return Made(base.applyfunc(Lambda(_T, body)), base, body)


def _call(formula: Call, parts: Parts, _: Symbols) -> Made:
    base, bodies = _entries(formula.arguments, parts, formula.name)
    return _applied(formula, base, FUNCTION_FORMS[formula.name](*bodies))


def _compare(formula: Compare, parts: Parts, _: Symbols) -> Made:
    base, bodies = _entries((formula.left, formula.right), parts, "a comparison")
    return _applied(formula, base, _indicator(_RELATIONS[formula.op](*bodies)))


def _unknown(formula: Unknown, parts: Parts, _: Symbols) -> Made:
    if any(formula.orders):
        raise SymgradError(f"SymPy has no matrix expression for a derivative of {formula.name}")
    base, bodies = _entries(formula.arguments, parts, formula.name)
    return _applied(formula, base, sp.Function(formula.name)(*bodies))


def _indicator(condition: Any) -> Any:
    return Piecewise((1, condition), (0, True))


_RELATIONS = {"gt": sp.Gt, "ge": sp.Ge, "lt": sp.Lt, "le": sp.Le, "eq": sp.Eq, "ne": sp.Ne}

#: The functions of the scalar table as SymPy has them.
FUNCTION_FORMS: dict[str, Callable[..., Any]] = {
    name: row.kind for name, row in FUNCTIONS.items() if row.kind.__module__.startswith("sympy.")
} | {
    "log1p": lambda x: sp.log(1 + x),
    "expm1": lambda x: sp.exp(x) - 1,
    "sigmoid": lambda x: 1 / (1 + sp.exp(-x)),
    "softplus": lambda x: sp.log(1 + sp.exp(x)),
    "relu": lambda x: sp.Max(x, 0),
    "maximum": sp.Max,
    "minimum": sp.Min,
    "clip": lambda x, low, high: sp.Min(sp.Max(x, low), high),
    "where": lambda test, yes, no: Piecewise((yes, sp.Ne(test, 0)), (no, True)),
}


# --- matrices


def _along(formula: Along, parts: Parts, symbols: Symbols) -> Made:
    made, operand = parts[0].expr, formula.operand
    if formula.name == "softmax":
        powers = _exponentials(parts[0])
        return Made(sp.HadamardProduct(
            powers, sp.HadamardPower(_spread_sum(powers, operand, formula.axes, symbols), -1)
        ))  # fmt: skip
    if formula.name == "logsumexp":
        total = _summed(_exponentials(parts[0]), operand, formula.axes, symbols)
        log = sp.log(total) if isinstance(total, Expr) and not isinstance(total, MatrixExpr) else (
            total.applyfunc(sp.log)
        )  # fmt: skip
        return Made(_kept(log, formula))
    if formula.name != "sum":
        raise SymgradError(f"SymPy has no matrix expression for {formula.name} along an axis")
    return Made(_kept(_summed(made, operand, formula.axes, symbols), formula))


def _exponentials(part: Made) -> Any:
    return part.expr.applyfunc(sp.exp)


def _summed(made: Any, operand: Formula, axes: Sequence[int], symbols: Symbols) -> Any:
    """The sum along axes: a scalar, or the column of what is left."""
    rows, columns = symbols.shape(operand.shape)
    if len(axes) == operand.ndim:
        return sp.Trace(OneMatrix(columns, rows) * made)
    if tuple(axes) == (0,):
        return made.T * OneMatrix(rows, 1)
    return made * OneMatrix(columns, 1)


def _spread_sum(made: Any, operand: Formula, axes: Sequence[int], symbols: Symbols) -> Any:
    """The sum along axes, at each entry."""
    rows, columns = symbols.shape(operand.shape)
    left = OneMatrix(rows, rows) * made if 0 in axes else made
    return left * OneMatrix(columns, columns) if 1 in axes else left


def _kept(value: Any, formula: Along) -> Any:
    """The value with the axes that it went along as axes of size 1."""
    if not formula.keepdims:
        return value
    if not isinstance(value, MatrixExpr):
        return value * OneMatrix(1, 1)
    return value.T if formula.axes == (0,) else value


def _norm2(formula: Norm2, parts: Parts, _: Symbols) -> Made:
    made = parts[0].expr
    return Made(sp.Trace(made.T * made) if formula.operand.ndim else made**2)


def _inner(formula: Inner, parts: Parts, _: Symbols) -> Made:
    left, right = (part.expr for part in parts)
    return Made(sp.Trace(left.T * right) if formula.left.ndim else left * right)


def _chain(formula: Chain, parts: Parts, _: Symbols) -> Made:
    factors = [part.expr for part in parts]
    row = formula.factors[0].ndim == 1
    if row:
        factors[0] = factors[0].T
    product = reduce(lambda a, b: a * b, factors)
    if not formula.ndim:
        return Made(sp.Trace(product))
    return Made(product.T if row and formula.ndim == 1 else product)


def _transpose(formula: Transpose, parts: Parts, _: Symbols) -> Made:
    return Made(parts[0].expr.T if formula.ndim == 2 else parts[0].expr)


def _matrix(formula: Matrix, parts: Parts, _: Symbols) -> Made:
    (made,) = parts
    spd = isinstance(formula.operand, Name) and formula.operand.leaf.domain == "spd"
    match formula.name:
        case "inv":
            return Made(sp.Inverse(made.expr))
        case "det":
            return Made(sp.Determinant(made.expr))
        case "logdet":
            size = sp.Determinant(made.expr)
            return Made(sp.log(size if spd else sp.Abs(size)))
    raise SymgradError(f"SymPy has no matrix expression for {formula.name}")


# --- axes


def _reshaped(formula: Reshaped, parts: Parts, symbols: Symbols) -> Made:
    """Axes of size 1 may come and go."""
    before = [d for d in formula.operand.shape if d is not ONE]
    if before != [d for d in formula.shape if d is not ONE]:
        raise SymgradError("SymPy has no matrix expression for a reshape")
    return Made(_fitted(parts[0].expr, formula.operand.shape, formula.shape, symbols))


def _fitted(made: Any, before: Shape, after: Shape, symbols: Symbols) -> Any:
    """The same entries, axes of size 1 put elsewhere."""
    if not after:
        return sp.Trace(made) if before else made
    if not before:
        return made * OneMatrix(1, 1)
    same = symbols.shape(before) == symbols.shape(after)
    return made if same else made.T


def _squeeze(formula: Squeeze, parts: Parts, symbols: Symbols) -> Made:
    return Made(_fitted(parts[0].expr, formula.operand.shape, formula.shape, symbols))


def _spread(formula: Spread, parts: Parts, symbols: Symbols) -> Made:
    operand, made = formula.operand, parts[0].expr
    rows, columns = symbols.shape(formula.shape)
    if not operand.ndim:
        if made == 0:
            return Made(sp.ZeroMatrix(rows, columns), None, sp.S.Zero)
        return Made(made * OneMatrix(rows, columns), None, made)
    if formula.ndim == 1:  # of one entry
        return Made(OneMatrix(rows, 1) * made)
    if operand.ndim == 1:
        at_rows = formula.axes == (0,)
        own = made if at_rows else made.T
        height, width = (operand.shape[0], ONE) if at_rows else (ONE, operand.shape[0])
    else:
        own, (height, width) = made, operand.shape
    if height is ONE and formula.shape[0] is not ONE:
        own = OneMatrix(rows, 1) * own
    if width is ONE and formula.shape[1] is not ONE:
        own = own * OneMatrix(1, columns)
    return Made(own)


def _at(formula: At, parts: Parts, _: Symbols) -> Made:
    made, index = parts[0].expr, parts[1].expr
    if not isinstance(formula.index, Number):
        raise SymgradError("SymPy has no matrix expression for entries at labels")
    if formula.operand.ndim == 1:
        return Made(made[index, 0])
    return Made(made[index, :].T if formula.axis == 0 else made[:, index])


def _cut(formula: Cut, parts: Parts, symbols: Symbols) -> Made:
    if not (formula.step.is_Integer and formula.step > 0):
        raise SymgradError("SymPy has no matrix expression for a slice with a negative step")
    size = formula.operand.shape[formula.axis]
    stop = size if formula.stop is None else formula.stop
    key = slice(*(symbols.number(each) for each in (formula.start, stop, formula.step)))
    whole = slice(None)
    return Made(parts[0].expr[(key, whole) if formula.axis == 0 else (whole, key)])


def _placed(formula: Placed, parts: Parts, symbols: Symbols) -> Made:
    """Blocks of zeros before and behind."""
    pieces = [parts[0].expr]
    for count, at in ((formula.front, 0), (formula.behind, len(pieces))):
        if count != 0:
            shape = list(symbols.shape(formula.operand.shape))
            shape[formula.axis] = symbols.number(count)
            pieces.insert(len(pieces) if at else 0, sp.ZeroMatrix(*shape))
    return Made(_blocks(pieces, formula.axis))


def _joined(formula: Joined, parts: Parts, _: Symbols) -> Made:
    return Made(_blocks([part.expr for part in parts], formula.axis))


def _blocks(pieces: list[Any], axis: int) -> Any:
    if len(pieces) == 1:
        return pieces[0]
    return sp.BlockMatrix([pieces] if axis == 1 else [[piece] for piece in pieces])


_RULES: dict[type[Formula], Callable[..., Made]] = {
    Name: _name,
    Number: _number,
    Identity: _identity,
    OneHot: _none("one-hot rows"),
    Bracket: _none("an array of conditions on indices"),
    Sum: _sum,
    Product: _product,
    Power: _power,
    Call: _call,
    Compare: _compare,
    Unknown: _unknown,
    UnknownTensor: _none("an unspecified function of tensors"),
    Along: _along,
    Norm2: _norm2,
    Inner: _inner,
    Trace: _of(sp.Trace),
    Chain: _chain,
    Outer: _of(lambda left, right: left * right.T),
    Transpose: _transpose,
    Diag: _of(DiagMatrix),
    Diagonal: _of(DiagonalOf),
    Matrix: _matrix,
    Kronecker: _of(sp.KroneckerProduct),
    Reshaped: _reshaped,
    Fixed: _none("stop_gradient"),
    Spread: _spread,
    Squeeze: _squeeze,
    At: _at,
    Cut: _cut,
    Placed: _placed,
    Joined: _joined,
    Indexed: _none("a product with indices (einsum)"),
    Windowed: _none("a convolution"),
    Correlation: _none("a convolution"),
}
assert _RULES.keys() == FORMS, "a form has no rule for SymPy"
assert FUNCTION_FORMS.keys() >= FUNCTIONS.keys() - _RELATIONS.keys(), "a function has no form"
