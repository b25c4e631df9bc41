"""Scalar functions of real numbers: one table of what each is, its values and its derivative.

Conventions at kinks, used everywhere: relu'(0) = 0, |x|' = 0 at 0, sign' = 0, ties of a maximum
share equally.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import mpmath
import numpy as np
import sympy as sp
from sympy import Add, Expr, Function, Integer, Mul, Pow, Rational, S, Symbol, Tuple
from sympy.core.symbol import Str

from symgrad.errors import NotDifferentiable

#: The canonical arguments of a scalar body; a Map binds them to its operands.
ARGS = tuple(Symbol(f"_x{k}", real=True) for k in range(64))


class _Real(Function):
    """A real function of real arguments that SymPy leaves as it stands."""

    is_real = True
    is_commutative = True


def _by_sign(x: Expr, positive: Expr, zero: Expr, negative: Expr) -> Expr | None:
    """One of three by the sign of a number; None where there are symbols, or it is undecided."""
    if not x.is_number:
        return None
    rows = ((x.is_zero, zero), (x.is_positive, positive), (x.is_negative, negative))
    return next((result for held, result in rows if held), None)


class sigmoid(_Real):  # the classes are named as the functions are written
    nargs = 1


class softplus(_Real):
    nargs = 1


class relu(_Real):
    nargs = 1

    @classmethod
    def eval(cls, x: Expr) -> Expr | None:
        return _by_sign(x, x, S.Zero, S.Zero)


class expm1(_Real):
    nargs = 1


class log1p(_Real):
    nargs = 1


def _in_order(kind: Callable[..., Expr], a: Expr, b: Expr) -> Expr | None:
    """A function of two dimensions with the first name first, so that it is one expression."""
    entries = (a.free_symbols | b.free_symbols) & set(ARGS)
    return None if entries or str(a) <= str(b) else kind(b, a)


class maximum(_Real):
    nargs = 2

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        found = _by_sign(a - b, a, a, b)
        return _in_order(cls, a, b) if found is None else found


class minimum(_Real):
    nargs = 2

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        found = _by_sign(a - b, b, a, a)
        return _in_order(cls, a, b) if found is None else found


class where(_Real):
    nargs = 3

    @classmethod
    def eval(cls, test: Expr, yes: Expr, no: Expr) -> Expr | None:
        if yes == no:
            return yes
        if no == 0 and isinstance(test, _Comparison):  # a number goes in front
            number, rest = yes.as_coeff_Mul()
            if rest == 1:
                return number * test
            if number != 1:
                return number * cls(test, rest, no)
        return _by_sign(test, yes, no, yes)


class _Comparison(_Real):
    nargs = 2
    values: ClassVar[tuple[int, int, int]]  # for a > b, a = b, a < b

    @classmethod
    def eval(cls, a: Expr, b: Expr) -> Expr | None:
        return _by_sign(a - b, *map(Integer, cls.values))


class gt(_Comparison):
    values = (1, 0, 0)


class ge(_Comparison):
    values = (1, 1, 0)


class lt(_Comparison):
    values = (0, 0, 1)


class le(_Comparison):
    values = (0, 1, 1)


class eq(_Comparison):
    values = (0, 1, 0)


class ne(_Comparison):
    values = (1, 0, 1)


#: The functions that are 0 or 1.
INDICATORS = (gt, ge, lt, le, eq, ne)


class Unspecified(Expr):
    """A function that nobody specified, or its partial derivative: phi, phi', phi''.

    `args` are its name, the order of the derivative by each argument, and the arguments.
    """

    is_commutative = True
    is_real = True

    def __new__(cls, name: str, orders: tuple[int, ...], *arguments: Expr) -> "Unspecified":
        return Expr.__new__(cls, Str(str(name)), Tuple(*orders), *arguments)  # type: ignore[no-any-return]

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def orders(self) -> tuple[int, ...]:
        return tuple(int(n) for n in self.args[1])

    @property
    def arguments(self) -> tuple[Expr, ...]:
        return tuple(self.args[2:])

    @property
    def func(self) -> Callable[..., Expr]:
        return lambda name, orders, *arguments: Unspecified(name.name, orders, *arguments)

    def _sympystr(self, printer: Any) -> str:
        marks = "".join("'" * n for n in self.orders)
        return f"{self.name}{marks}({', '.join(map(printer._print, self.arguments))})"


def root(base: Expr, exponent: Expr) -> Expr:
    """base ** exponent for base > 0, else 0: the powers of a sum of squares that norms are made of.

    So a norm has a gradient of 0 at 0, where base ** −½ is infinite.
    """
    return where(gt(base, 0), base**exponent, 0)


def root_of(body: Expr) -> tuple[Expr, Expr] | None:
    """The base and the exponent of a `root`; None for anything else."""
    if body.func is not where:
        return None
    test, power, otherwise = body.args
    if not (test.func is gt and test.args[1] == 0 and isinstance(power, Pow) and otherwise == 0):
        return None
    return (power.base, power.exp) if power.base == test.args[0] else None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One function: its SymPy class, values in NumPy and mpmath, and its partial derivatives."""

    kind: type[Function]
    numpy: Callable[..., Any]
    mpmath: Callable[..., Any]
    partials: tuple[Callable[..., Expr], ...]


def _zero(*_: Expr) -> Expr:
    return S.Zero


def _branch(test: Any, yes: Any, no: Any) -> Any:
    return np.where(test, yes, no)


def _numpy_log1p(x: Any) -> Any:
    """NumPy's own loses the real part of small complex numbers."""
    if not np.iscomplexobj(x):
        return np.log1p(x)
    near = np.abs(x) < 0.5
    z = _branch(near, x, 0)
    log = np.log1p(z.real * (2 + z.real) + z.imag**2) / 2 + 1j * np.arctan2(z.imag, 1 + z.real)
    return _branch(near, log, np.log(1 + _branch(near, 0, x)))


def _numpy_sigmoid(x: Any) -> Any:
    """By e^-|x|, so that neither tail overflows or cancels."""
    e = np.exp(_branch(np.real(x) > 0, -x, x))
    return _branch(np.real(x) > 0, 1, e) / (1 + e)


def _numpy_softplus(x: Any) -> Any:
    return _branch(np.real(x) > 0, x, 0) + _numpy_log1p(np.exp(_branch(np.real(x) > 0, -x, x)))


def _numpy_sign(x: Any) -> Any:
    return np.sign(np.real(x))


def _erf(x: Any) -> Any:
    from scipy.special import erf

    return erf(x)


def _half_ties(more: type[Function]) -> Callable[[Expr, Expr], Expr]:
    """The derivative of a maximum or minimum: 1 where it wins, one half at a tie."""
    return lambda a, b: more(a, b) + eq(a, b) / 2


#: All functions of scalar bodies beside SymPy's Add, Mul and Pow. Complex arguments (for the
#: complex step) follow the branch of their real part.
FUNCTIONS: dict[str, Scalar] = {
    "exp": Scalar(sp.exp, np.exp, mpmath.exp, (sp.exp,)),
    "log": Scalar(sp.log, np.log, mpmath.log, (lambda x: 1 / x,)),
    "log1p": Scalar(log1p, _numpy_log1p, mpmath.log1p, (lambda x: 1 / (1 + x),)),
    "expm1": Scalar(expm1, np.expm1, mpmath.expm1, (sp.exp,)),
    "sin": Scalar(sp.sin, np.sin, mpmath.sin, (sp.cos,)),
    "cos": Scalar(sp.cos, np.cos, mpmath.cos, (lambda x: -sp.sin(x),)),
    "tan": Scalar(sp.tan, np.tan, mpmath.tan, (lambda x: 1 + sp.tan(x) ** 2,)),
    "sinh": Scalar(sp.sinh, np.sinh, mpmath.sinh, (sp.cosh,)),
    "cosh": Scalar(sp.cosh, np.cosh, mpmath.cosh, (sp.sinh,)),
    "tanh": Scalar(sp.tanh, np.tanh, mpmath.tanh, (lambda x: 1 - sp.tanh(x) ** 2,)),
    "arcsin": Scalar(sp.asin, np.arcsin, mpmath.asin, (lambda x: (1 - x**2) ** Rational(-1, 2),)),
    "arccos": Scalar(
        sp.acos, np.arccos, mpmath.acos, (lambda x: -((1 - x**2) ** Rational(-1, 2)),)
    ),
    "arctan": Scalar(sp.atan, np.arctan, mpmath.atan, (lambda x: 1 / (1 + x**2),)),
    "erf": Scalar(sp.erf, _erf, mpmath.erf, (lambda x: 2 / sp.sqrt(sp.pi) * sp.exp(-(x**2)),)),
    "sigmoid": Scalar(
        sigmoid,
        _numpy_sigmoid,
        lambda x: 1 / (1 + mpmath.exp(-x)),
        (lambda x: sigmoid(x) * (1 - sigmoid(x)),),
    ),
    "softplus": Scalar(
        softplus,
        _numpy_softplus,
        lambda x: max(x, mpmath.mpf(0)) + mpmath.log1p(mpmath.exp(-abs(x))),
        (sigmoid,),
    ),
    "relu": Scalar(
        relu,
        lambda x: _branch(~(np.real(x) <= 0), x, 0),  # a NaN stays a NaN
        lambda x: max(x, mpmath.mpf(0)),
        (lambda x: gt(x, 0),),
    ),
    "abs": Scalar(
        sp.Abs, lambda x: _branch(np.signbit(np.real(x)), -x, x), abs, (lambda x: sp.sign(x),)
    ),
    "sign": Scalar(sp.sign, _numpy_sign, mpmath.sign, (_zero,)),
    "maximum": Scalar(
        maximum,
        lambda a, b: _branch(np.isnan(a) | (np.real(a) >= np.real(b)), a, b),
        lambda a, b: a if mpmath.isnan(a) or a >= b else b,  # Python's max drops a NaN
        (_half_ties(gt), lambda a, b: _half_ties(gt)(b, a)),
    ),
    "minimum": Scalar(
        minimum,
        lambda a, b: _branch(np.isnan(a) | (np.real(a) <= np.real(b)), a, b),
        lambda a, b: a if mpmath.isnan(a) or a <= b else b,
        (_half_ties(lt), lambda a, b: _half_ties(lt)(b, a)),
    ),
    "where": Scalar(
        where,
        lambda c, a, b: _branch(np.real(c) != 0, a, b),
        lambda c, a, b: a if c != 0 else b,
        (_zero, lambda c, a, b: where(c, 1, 0), lambda c, a, b: where(c, 0, 1)),
    ),
} | {
    name: Scalar(kind, numpy, exact, (_zero, _zero))
    for name, kind, numpy, exact in (
        ("gt", gt, lambda a, b: (np.real(a) > np.real(b)) * 1.0, lambda a, b: mpmath.mpf(a > b)),
        ("ge", ge, lambda a, b: (np.real(a) >= np.real(b)) * 1.0, lambda a, b: mpmath.mpf(a >= b)),
        ("lt", lt, lambda a, b: (np.real(a) < np.real(b)) * 1.0, lambda a, b: mpmath.mpf(a < b)),
        ("le", le, lambda a, b: (np.real(a) <= np.real(b)) * 1.0, lambda a, b: mpmath.mpf(a <= b)),
        ("eq", eq, lambda a, b: (np.real(a) == np.real(b)) * 1.0, lambda a, b: mpmath.mpf(a == b)),
        ("ne", ne, lambda a, b: (np.real(a) != np.real(b)) * 1.0, lambda a, b: mpmath.mpf(a != b)),
    )
}

NAMES = {row.kind: name for name, row in FUNCTIONS.items()}
assert len(NAMES) == len(FUNCTIONS), "two functions share a class"
assert all(len(row.partials) in row.kind.nargs for row in FUNCTIONS.values())


@cache
def partial(body: Expr, argument: Symbol) -> Expr:
    """The derivative of a scalar body by one of its arguments, by the table above.

    Raises
    ------
    NotDifferentiable    if the body holds a function outside the table.
    """
    if body == argument:
        return S.One
    if argument not in body.free_symbols:
        return S.Zero
    match body:
        case Add():
            return Add(*(partial(term, argument) for term in body.args))
        case Mul():
            factors = body.args
            return Add(
                *(
                    Mul(partial(factor, argument), *factors[:k], *factors[k + 1 :])
                    for k, factor in enumerate(factors)
                )
            )
        case Pow(base=base, exp=exponent):
            result = exponent * base ** (exponent - 1) * partial(base, argument)
            if argument in exponent.free_symbols:
                result += body * sp.log(base) * partial(exponent, argument)
            return result
        case Unspecified():
            return Add(
                *(
                    Unspecified(
                        body.name,
                        tuple(n + (j == k) for j, n in enumerate(body.orders)),
                        *body.arguments,
                    )
                    * partial(inner, argument)
                    for k, inner in enumerate(body.arguments)
                )
            )
    if body.func is where:  # by branches: a NaN of the branch not taken stays out
        test, yes, no = body.args
        return where(test, partial(yes, argument), partial(no, argument))
    if body.func not in NAMES:
        raise NotDifferentiable(f"no derivative is known for {body.func.__name__}")
    partials = FUNCTIONS[NAMES[body.func]].partials
    return Add(
        *(
            rule(*body.args) * partial(inner, argument)
            for rule, inner in zip(partials, body.args, strict=True)
        )
    )
