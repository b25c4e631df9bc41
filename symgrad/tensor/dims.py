"""Dimensions: positive integers, named symbols, and polynomials in them."""

import ast
import keyword
from collections.abc import Callable
from functools import cache
from numbers import Integral
from typing import TypeAlias

from sympy import Add, Expr, Float, Integer, Min, Symbol, expand, floor, nan, sympify, together, zoo

from symgrad.errors import DeclarationError, NameClash, ParseError, ShapeError, SymgradError

Dim: TypeAlias = Expr
Shape: TypeAlias = tuple[Dim, ...]

ONE = Integer(1)

#: The largest size of an axis, and the most terms that a dimension may have when written out.
MOST, MOST_TERMS = 2**63 - 1, 200


@cache
def dim(name: str) -> Symbol:
    """The dimension of that name: a positive integer symbol; equal names are one dimension."""
    if not (name.isidentifier() and name.isascii()) or keyword.iskeyword(name) or name[0] == "_":
        raise NameClash(
            f"{name!r} cannot name a dimension", hint="use letters, digits and underscores"
        )
    return Symbol(name, integer=True, positive=True)


def dims(names: str) -> tuple[Symbol, ...]:
    """Dimensions by name, separated by blanks or commas.

    >>> dims("B d h")
    (B, d, h)
    """
    if not isinstance(names, str):
        raise DeclarationError(f"{names!r} is no text of dimension names")
    return tuple(dim(name) for name in names.replace(",", " ").split())


def as_dim(value: object) -> Dim:
    """A dimension from an integer, a name, an expression in names, or a SymPy expression.

    Raises
    ------
    DeclarationError    if it is not a positive integer for positive integer dimensions.
    ParseError          if a text is not arithmetic in names and integers.

    >>> as_dim("4*H"), as_dim("min(n, 3)"), as_dim("(n - K) // s + 1")
    (4*H, Min(3, n), floor((-K + n)/s) + 1)
    """
    if isinstance(value, str):
        result = _parsed(value)
    elif isinstance(value, Expr):
        result = _of_dims(value)
    elif isinstance(value, Integral) and not isinstance(value, bool):
        result = Integer(int(value))
    else:
        raise DeclarationError(
            f"{value!r} is not a dimension",
            hint="a dimension is a name, a positive integer, or an expression in them",
        )
    return _normal(result)


@cache
def _of_dims(value: Expr) -> Expr:
    """A SymPy expression with the dimensions of its symbols' names for these."""
    known = {s: dim(s.name) for s in value.free_symbols}
    return value if all(s is d for s, d in known.items()) else value.xreplace(known)


@cache
def _normal(value: Expr) -> Expr:
    result = expand(value)
    if result.has(floor):  # expand goes into them: back to one quotient, as people write it
        result = result.replace(floor, lambda inside: floor(together(inside)))
    bad = result.has(Float, nan, zoo)
    if result.is_Integer and result > MOST:
        raise DeclarationError("a dimension is too large", hint="at most 2**63 - 1")
    if bad or result.is_positive is False or result.is_integer is False:
        raise DeclarationError(f"a dimension must be a positive integer, not {value}")
    return result


@cache
def _parsed(text: str) -> Expr:
    try:
        tree = ast.parse(text.strip(), mode="eval").body
        return _arithmetic(tree, text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        raise ParseError(
            f"cannot read the dimension {text[:60]!r}",
            hint="use names, integers, + - * // ** and min(a, b) only",
        ) from None


def _terms(value: Expr) -> int:
    return len(Add.make_args(value))


def _product(a: Expr, b: Expr) -> Expr:
    if _terms(a) * _terms(b) > MOST_TERMS:
        raise DeclarationError("a dimension has too many terms when it is written out")
    return expand(a * b)


def _power(a: Expr, b: Expr) -> Expr:
    if not (b.is_Integer and 0 <= b <= 63):
        raise DeclarationError("the exponent of a dimension is a whole number from 0 to 63")
    result: Expr = ONE
    for _ in range(int(b)):
        result = _product(result, a)
    return result


_ARITHMETIC: dict[type[ast.operator], Callable[[Expr, Expr], Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: _product,
    ast.FloorDiv: lambda a, b: floor(a / b),
    ast.Div: lambda a, b: a / b,
    ast.Pow: _power,
}


def _arithmetic(tree: ast.expr, text: str) -> Expr:
    match tree:
        case ast.Name(id=name):
            return dim(name)
        case ast.Constant(value=int(value)) if not isinstance(value, bool) and value <= MOST:
            return Integer(value)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _ARITHMETIC[type(op)](_arithmetic(left, text), _arithmetic(right, text))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_arithmetic(operand, text)
        # as people write them, and as they print
        case ast.Call(func=ast.Name(id="min" | "Min"), args=[a, b], keywords=[]):
            return Min(_arithmetic(a, text), _arithmetic(b, text))
        case ast.Call(func=ast.Name(id="floor"), args=[a], keywords=[]):
            return floor(_arithmetic(a, text))
    raise ParseError(
        f"cannot read the dimension {text[:60]!r}",
        hint="use names, integers, + - * // ** and min(a, b) only",
    )


def as_shape(values: object) -> Shape:
    """A tuple of dimensions; a single dimension stands for a vector's shape."""
    if isinstance(values, str | int | Expr):
        values = (values,)
    if not isinstance(values, tuple | list):
        raise DeclarationError(
            f"{values!r} is not a shape", hint="a shape is a tuple of dimensions"
        )
    return tuple(as_dim(value) for value in values)


def labels_below(domain: str) -> Dim | None:
    """The number of classes of the domain `labels:k`, k a dimension or a number; else None."""
    kind, _, size = domain.partition(":")
    if kind != "labels" or not size:
        return None
    try:
        return as_dim(size)
    except SymgradError:
        return None


@cache
def same(a: Dim, b: Dim) -> bool:
    """Whether two dimensions are equal for all sizes, as polynomials in names and floors."""
    if a == b:
        return True
    gap = expand(a - b)
    return bool(gap == 0 or (gap.has(floor) and expand(gap.replace(floor, _whole_apart)) == 0))


def _whole_apart(inside: Expr) -> Expr:
    """⌊(n − 1)/2⌋ = ⌊(n + 1)/2⌋ − 1: the whole part of a constant stands beside the floor."""
    constant, rest = expand(inside).as_coeff_Add()
    whole = floor(constant)
    return floor(rest + constant - whole) + whole


def same_shape(a: Shape, b: Shape) -> bool:
    """Whether two shapes are equal for all sizes."""
    return len(a) == len(b) and all(map(same, a, b))


def broadcast(a: Shape, b: Shape, operands: str = "") -> Shape:
    """NumPy's rule; only a literal 1 broadcasts, a symbolic dimension never does.

    An error names the shapes, or the `operands` as the caller says.

    >>> broadcast(as_shape(("n", 1)), as_shape(("d",)))
    (n, d)
    """
    rank = max(len(a), len(b))
    pairs = zip((ONE,) * (rank - len(a)) + a, (ONE,) * (rank - len(b)) + b, strict=True)
    result = []
    for p, q in pairs:
        if not (p is ONE or q is ONE or same(p, q)):
            raise ShapeError(
                f"{operands or f'shapes {show(a)} and {show(b)}'} do not broadcast: "
                f"{p} and {q} differ",
                hint="a named dimension never broadcasts as if it were 1",
            )
        result.append(q if p is ONE else p)
    return tuple(result)


def show(shape: Shape) -> str:
    """The shape as people write it: (n, d), (n,), ()."""
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def size_of(value: Dim, sizes: dict[str, int]) -> int:
    """The integer that a dimension is, given the sizes of the named ones.

    Raises
    ------
    ShapeError    if a size is missing, or the result is not a positive integer.
    """
    if value.is_Integer:
        return int(value)
    try:
        result = value.xreplace({s: Integer(sizes[s.name]) for s in value.free_symbols})
    except KeyError as missing:
        raise ShapeError(f"the size of dimension {missing.args[0]} is unknown") from None
    result = sympify(result)
    if not (result.is_Integer and result > 0):
        raise ShapeError(f"dimension {value} is {result}, not a positive integer, for {sizes}")
    return int(result)
