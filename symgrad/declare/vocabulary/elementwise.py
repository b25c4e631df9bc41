"""Functions that act entry by entry: the elementary ones, and activations."""

from collections.abc import Callable
from typing import Any

from sympy import Abs, Rational, S, pi

from symgrad.declare.vocabulary.table import FUNCTIONS, named
from symgrad.errors import DeclarationError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.nodes import Node
from symgrad.tensor.scalar import ARGS

_X, _Y = ARGS[:2]

_ELEMENTARY = "NIST DLMF, chapter 4"

#: Rows of tensor/scalar.py that are functions of one argument: name, formula, source, and what
#: else there is to say.
_SCALARS: tuple[tuple[str, str, str, str], ...] = (
    ("exp", "eˣ", _ELEMENTARY, ""),
    ("log", "The natural logarithm", _ELEMENTARY, ""),
    ("log1p", "log(1 + x)", _ELEMENTARY, "Stability: exact for small x, where 1 + x rounds."),
    ("expm1", "eˣ − 1", _ELEMENTARY, "Stability: exact for small x, where eˣ − 1 cancels."),
    ("sin", "sin x", _ELEMENTARY, ""),
    ("cos", "cos x", _ELEMENTARY, ""),
    ("tan", "tan x", _ELEMENTARY, ""),
    ("sinh", "(eˣ − e⁻ˣ) / 2", _ELEMENTARY, ""),
    ("cosh", "(eˣ + e⁻ˣ) / 2", _ELEMENTARY, ""),
    ("tanh", "(eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)", _ELEMENTARY, "Stability: no overflow in either tail."),
    ("arcsin", "The angle from −π/2 to π/2 whose sine is x", _ELEMENTARY, ""),
    ("arccos", "The angle from 0 to π whose cosine is x", _ELEMENTARY, ""),
    ("arctan", "The angle from −π/2 to π/2 whose tangent is x", _ELEMENTARY, ""),
    (
        "erf",
        "(2/√π) ∫₀ˣ exp(−t²) dt",
        "NIST DLMF, eq. 7.2.1",
        "",
    ),
    ("abs", "|x|", _ELEMENTARY, "Kink: the derivative at 0 is 0."),
    ("sign", "−1, 0 or 1", _ELEMENTARY, "Kink: the derivative is 0 everywhere."),
    (
        "sigmoid",
        "1 / (1 + e⁻ˣ)",
        "Goodfellow, Bengio, Courville (2016), eq. 3.30",
        "Stability: by e^−|x|, so that neither tail overflows or cancels.",
    ),
    (
        "softplus",
        "log(1 + eˣ)",
        "Dugas, Bengio et al. (2000); Goodfellow, Bengio, Courville (2016), eq. 3.31",
        "Stability: by max(x, 0) + log1p(exp(−|x|)): no overflow.",
    ),
    ("relu", "max(x, 0)", "Nair, Hinton (2010)", "Kink: the derivative at 0 is 0."),
)


def _scalar_function(name: str, formula: str, source: str, more: str) -> Callable[..., Any]:
    def function(x: object) -> Node:
        return op.apply(scalar.FUNCTIONS[name].kind(_X), x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{formula}, entry by entry.\n\nSource: {source}.\n{more}"
    return function


for _row in _SCALARS:
    named(_scalar_function(*_row))
del _row


@named
def sqrt(x: object) -> Node:
    """√x, entry by entry.

    Source: NIST DLMF, chapter 4.
    """
    return op.power(x, S.Half)


@named
def maximum(a: object, b: object) -> Node:
    """max(a, b), entry by entry.

    Source: NumPy.
    Kink: at ties each has half the derivative.
    """
    return op.apply(scalar.maximum(_X, _Y), a, b)


@named
def minimum(a: object, b: object) -> Node:
    """min(a, b), entry by entry.

    Source: NumPy.
    Kink: at ties each has half the derivative.
    """
    return op.apply(scalar.minimum(_X, _Y), a, b)


@named
def where(condition: object, a: object, b: object) -> Node:
    """a where the condition is not 0, else b, entry by entry.

    Source: NumPy.
    Stability: a NaN or an infinite slope of the branch not taken stays out.
    """
    return op.fused(scalar.where(*ARGS[:3]), condition, a, b)


@named
def clip(x: object, low: object, high: object) -> Node:
    """min(max(x, low), high), entry by entry; None is no bound.

    Source: NumPy.
    Kink: at a bound the derivative is 1/2.
    """
    above = x if low is None else maximum(x, low)
    return op.as_node(above) if high is None else minimum(above, high)


# --- activations


@named
def leaky_relu(x: object, negative_slope: object = Rational(1, 100)) -> Node:
    """x for x > 0, else negative_slope · x, entry by entry.

    Source: Maas, Hannun, Ng (2013).
    Kink: the derivative at 0 is negative_slope.
    """
    return op.apply(scalar.where(scalar.gt(_X, 0), _X, _Y * _X), x, negative_slope)


@named
def elu(x: object, alpha: object = 1) -> Node:
    """x for x > 0, else alpha (eˣ − 1), entry by entry.

    Source: Clevert, Unterthiner, Hochreiter (2016), eq. 15.
    Stability: by expm1, exact for small x; no overflow for large x.
    """
    return op.apply(scalar.where(scalar.gt(_X, 0), _X, _Y * scalar.expm1(_X)), x, alpha)


#: The scale and the alpha of SELU as the doubles nearest to the paper's numbers.
_SELU_SCALE, _SELU_ALPHA = Rational("1.0507009873554805"), Rational("1.6732632423543772")


@named
def selu(x: object) -> Node:
    """1.0507 · elu(x, 1.6733), entry by entry: keeps mean 0 and variance 1.

    Source: Klambauer, Unterthiner, Mayr, Hochreiter (2017), eq. 2.
    Stability: by expm1, exact for small x; no overflow for large x.
    Kink: the derivative at 0 is 1.7581.
    """
    return op.scale(_SELU_SCALE, elu(x, _SELU_ALPHA))


@named
def celu(x: object, alpha: object = 1) -> Node:
    """x for x > 0, else alpha (exp(x / alpha) − 1), entry by entry.

    Source: Barron (2017).
    Stability: by expm1, exact for small x; no overflow for large x.
    """
    if op.constant_of(op.as_node(alpha)) == 0:
        raise DeclarationError("celu: alpha is not 0")
    below = _Y * scalar.expm1(_X / _Y)
    return op.apply(scalar.where(scalar.gt(_X, 0), _X, below), x, alpha)


@named
def silu(x: object) -> Node:
    """x sigmoid(x), entry by entry.

    Source: Hendrycks, Gimpel (2016); Ramachandran, Zoph, Le (2017).
    """
    return op.multiply(x, FUNCTIONS["sigmoid"](x))


@named
def mish(x: object) -> Node:
    """x tanh(softplus(x)), entry by entry.

    Source: Misra (2020).
    Stability: by the stable softplus.
    """
    return op.multiply(x, FUNCTIONS["tanh"](FUNCTIONS["softplus"](x)))


@named
def softsign(x: object) -> Node:
    """x / (1 + |x|), entry by entry.

    Source: Glorot, Bengio (2010).
    """
    return op.divide(x, op.add(1, FUNCTIONS["abs"](x)))


@named
def gelu(x: object, approximate: str = "none") -> Node:
    """x Φ(x) with the normal distribution Φ, entry by entry; "tanh" approximates it.

    Source: Hendrycks, Gimpel (2016).
    """
    if approximate == "tanh":
        inner = op.multiply(x, op.add(1, op.multiply(Rational(44715, 10**6), op.power(x, 2))))
        gate = FUNCTIONS["tanh"](op.multiply(op.exact((2 / pi) ** S.Half), inner))
    elif approximate == "none":
        gate = FUNCTIONS["erf"](op.multiply(x, 2 ** Rational(-1, 2)))
    else:
        raise DeclarationError(f'gelu: approximate is "none" or "tanh", not {approximate!r}')
    return op.multiply(op.scale(S.Half, op.as_node(x)), op.add(1, gate))


@named
def hard_tanh(x: object) -> Node:
    """min(max(x, −1), 1), entry by entry.

    Source: Collobert (2004).
    Kink: at −1 and 1 the derivative is 1.
    """
    inside = scalar.le(Abs(_X), 1)
    return op.apply(scalar.where(inside, _X, scalar.FUNCTIONS["sign"].kind(_X)), x)


@named
def hard_sigmoid(x: object) -> Node:
    """min(max(x + 3, 0), 6) / 6, entry by entry.

    Source: Howard et al. (2019).
    Kink: at −3 and 3 the derivative is 1/6.
    """
    inside, end = scalar.le(Abs(_X), 3), scalar.gt(_X, 0)
    return op.apply(scalar.where(inside, _X / 6 + S.Half, end), x)
