"""Functions of one's own: unspecified ones (phi), and layers from a scalar expression."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from inspect import Parameter, signature

from sympy import (
    Add,
    Expr,
    Float,
    Max,
    Min,
    Mul,
    Number,
    NumberSymbol,
    Pow,
    Symbol,
    SympifyError,
    preorder_traversal,
    sympify,
)
from sympy.core.numbers import ImaginaryUnit

from symgrad.declare.identifiers import require_identifier
from symgrad.errors import DeclarationError
from symgrad.tensor.dims import Shape, as_shape
from symgrad.tensor.nodes import Node, UnspecifiedTensor
from symgrad.tensor.operators import apply, as_node, exact
from symgrad.tensor.scalar import ARGS, NAMES, Unspecified
from symgrad.tensor.scalar import FUNCTIONS as SCALARS


@dataclass(frozen=True, slots=True)
class UnspecifiedFunction:
    """A function that stays a symbol: φ is applied entry by entry, φ' is its derivative.

    With a `shape` it is a function of whole tensors with a result of that shape, such as a loss
    l(o, y); its derivative by o is ∂l/∂o.
    """

    name: str
    shape: Shape | None = None

    def __call__(self, *operands: object) -> Node:
        if not operands:
            raise DeclarationError(f"{self.name} needs an argument")
        if self.shape is None:
            body = Unspecified(self.name, (0,) * len(operands), *ARGS[: len(operands)])
            return apply(body, *operands)
        return UnspecifiedTensor(self.name, (), self.shape, *map(as_node, operands))


def function(name: str, shape: object = None) -> UnspecifiedFunction:
    r"""An unspecified function, whose derivative stays \(\varphi'\).

    Parameters
    ----------
    shape :  without one the function is applied to each entry; with one it maps whole tensors to
             that shape, () for a loss.

    Raises
    ------
    NameClash    if the name is no safe identifier.

    >>> function("l", shape=())("o").shape
    Traceback (most recent call last):
        ...
    symgrad.errors.DeclarationError: 'o' is neither a tensor expression nor a number
    """
    return UnspecifiedFunction(require_identifier(name), None if shape is None else as_shape(shape))


_ARITHMETIC = (Add, Mul, Pow, Number, NumberSymbol, ImaginaryUnit, Symbol, Unspecified)


def _scalar(result: object) -> Expr:
    """A rule's result with exact numbers; a text is none, for SymPy would evaluate it."""
    try:
        body = sympify(result, strict=True)
    except SympifyError:
        body = None
    if not isinstance(body, Expr) or isinstance(body, Node):
        raise DeclarationError(f"elementwise: {result!r} is no scalar expression")
    body = body.xreplace({number: exact(number) for number in body.atoms(Float)})
    for kind, pair in ((Max, SCALARS["maximum"].kind), (Min, SCALARS["minimum"].kind)):
        body = body.replace(kind, lambda *operands, pair=pair: reduce(pair, operands))
    for part in preorder_traversal(body):
        if isinstance(part, Expr) and not isinstance(part, (*_ARITHMETIC, *NAMES)):
            raise DeclarationError(
                f"elementwise: {type(part).__name__} is no function that symgrad knows",
                hint=f"it knows {', '.join(sorted(SCALARS))}",
            )
    return body


def elementwise(rule: Callable[..., object]) -> Callable[..., Node]:
    """A layer from a scalar SymPy expression: `elementwise(lambda x: x / (1 + sympy.exp(-x)))`.

    Parameters
    ----------
    rule :  a function of scalars, called once with SymPy symbols; its arguments become operands,
            which are broadcast.

    Raises
    ------
    DeclarationError    if the rule takes no fixed number of arguments, or gives no scalar.
    """
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    try:
        parameters = list(signature(rule).parameters.values())
    except (TypeError, ValueError):
        raise DeclarationError(f"elementwise: {rule!r} is no function of scalars") from None
    if not 0 < len(parameters) <= len(ARGS) or any(p.kind not in kinds for p in parameters):
        raise DeclarationError("elementwise: the rule must take a fixed number of arguments")
    arguments: tuple[Symbol, ...] = ARGS[: len(parameters)]
    try:
        body = _scalar(rule(*arguments))
    except TypeError as error:  # SymPy's: "cannot determine truth value of Relational"
        raise DeclarationError(
            f"elementwise: the rule fails on a SymPy symbol: {error}",
            hint="it is called once, without values; use where(condition, a, b)",
        ) from None
    foreign = body.free_symbols - set(arguments)
    if foreign:
        raise DeclarationError(
            f"elementwise: {', '.join(sorted(map(str, foreign)))} is no argument of the rule",
            hint="pass it as a further operand",
        )

    def layer(*operands: object) -> Node:
        if len(operands) != len(arguments):
            raise DeclarationError(
                f"this layer takes {len(arguments)} operands, not {len(operands)}"
            )
        return apply(body, *operands)

    return layer
