"""Reading an expression: values, rules that make them, and the reader that applies the rules."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sympy import Basic, Expr, MatrixExpr, Symbol

from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import Dim, Shape, as_shape, same_shape, show
from symgrad.tensor.nodes import Leaf, Node


@dataclass(frozen=True, slots=True)
class Index:
    """The range of an index: start, start + 1, ... `size` values."""

    start: Expr
    size: Dim


class Names(Protocol):
    """What the symbols of an expression stand for; `sizes` are the names of dimensions in it."""

    sizes: set[str]

    def is_dim(self, symbol: Symbol) -> bool: ...

    def leaf(self, symbol: Basic, shape: Shape | None) -> Leaf: ...


@dataclass(frozen=True, slots=True)
class Value:
    """A matrix (`axes` is None), or a scalar for each setting of the indices that its axes are."""

    node: Node
    axes: tuple[Basic, ...] | None = None

    @property
    def scalar_axes(self) -> tuple[Basic, ...]:
        assert self.axes is not None, "a rule for scalars met a matrix"
        return self.axes


def _as_sympy_says(expr: Basic, value: Value) -> Value:
    """The value, if it has the shape that SymPy gives the expression; slices are rounded there."""
    if isinstance(expr, MatrixExpr) and not same_shape(
        as_shape(tuple(expr.shape)), value.node.shape
    ):
        raise ShapeError(
            f"{brief(expr)} has shape {show(value.node.shape)}, but SymPy takes it for "
            f"{show(tuple(expr.shape))}"
        )
    return value


#: What the bound symbols of sums and Lambdas stand for.
Bound = dict[Basic, "Value | Index"]


@dataclass(slots=True)
class Reader:
    """Reads one expression; sums and Lambdas, which bind symbols, have readers of their own."""

    rule: "Callable[[Basic], Rule]"
    names: Names
    bound: Bound
    done: dict[Basic, Value] = field(default_factory=dict)

    def value(self, root: Basic) -> Value:
        """The value of an expression; operands first, without recursion."""
        stack = [root]
        while stack:
            expr = stack[-1]
            if expr in self.done:
                stack.pop()
                continue
            rule = self.rule(expr)
            waiting = [each for each in rule.operands(expr) if each not in self.done]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            operands = [self.done[each] for each in rule.operands(expr)]
            rule.require(expr, operands)
            self.done[stack.pop()] = _as_sympy_says(expr, rule.build(self, expr, operands))
        return self.done[root]

    def inside(self, body: Basic, bound: Bound) -> Value:
        """The value of an expression in which further symbols are bound."""
        return Reader(self.rule, self.names, self.bound | bound).value(body)

    def indices(self) -> dict[Basic, Index]:
        return {s: each for s, each in self.bound.items() if isinstance(each, Index)}


@dataclass(frozen=True, slots=True)
class Rule:
    """How one kind of expression is read: whether its operands are scalars, matrices or both."""

    kind: str
    build: Callable[[Reader, Any, list[Value]], Value]
    operands: Callable[[Any], Sequence[Basic]] = lambda expr: expr.args

    def require(self, expr: Basic, operands: list[Value]) -> None:
        """Raise DeclarationError unless the operands are of the right kind."""
        if self.kind == "scalar" and any(each.axes is None for each in operands):
            raise DeclarationError(
                f"{type(expr).__name__} of a matrix in {brief(expr)}",
                hint="X.applyfunc(f) applies a function to each entry",
            )
        if self.kind == "matrix" and any(each.axes is not None for each in operands):
            raise DeclarationError(f"{type(expr).__name__} of a scalar in {brief(expr)}")


def brief(expr: object) -> str:
    """An expression in a message."""
    try:
        text = str(expr)
    except RecursionError:  # SymPy's printers recurse
        text = f"{type(expr).__name__}(...)"
    return text if len(text) <= 60 else f"{text[:57]}..."


def aligned(values: Iterable[Value]) -> tuple[list[Node], tuple[Basic, ...]]:
    """Scalars as nodes over the indices of all of them."""
    values = list(values)
    sizes = {
        axis: size
        for each in values
        for axis, size in zip(each.scalar_axes, each.node.shape, strict=True)
    }
    number = {axis: k for k, axis in enumerate(sizes)}
    labels, shape = tuple(number.values()), dict(enumerate(sizes.values()))
    nodes = [
        each.node
        if each.axes == tuple(sizes)
        else op.einsum([[number[a] for a in each.scalar_axes]], labels, each.node, sizes=shape)
        for each in values
    ]
    return nodes, tuple(sizes)


def first(expr: Basic) -> Sequence[Basic]:
    return expr.args[:1]


def nothing(_: Basic) -> Sequence[Basic]:
    return ()
