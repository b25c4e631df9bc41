"""Plain SymPy expressions to nodes: one table of what is read, and how.

A matrix keeps both of its axes, so that n × 1 stays n × 1. Nothing broadcasts: SymPy's matrices do
not. Everything is real, so an adjoint is a transpose.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, Protocol

import sympy as sp
from sympy import Basic, Dummy, Expr, MatrixExpr, Symbol
from sympy.core.function import AppliedUndef
from sympy.matrices.expressions.adjoint import Adjoint
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import OneMatrix

from symgrad.declare.entries import Index, entry
from symgrad.declare.identifiers import require_identifier
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, Shape, as_dim, as_shape, same_shape, show
from symgrad.tensor.nodes import INDEX, Iverson, Leaf, Node, UnspecifiedTensor
from symgrad.tensor.scalar import ARGS, NAMES, Unspecified

#: The largest power of a matrix that is written out as a product.
MOST_FACTORS = 64


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
    if isinstance(expr, MatrixExpr) and not same_shape(as_shape(tuple(expr.shape)), value.node.shape):
        raise ShapeError(
            f"{brief(expr)} has shape {show(value.node.shape)}, but SymPy takes it for "
            f"{show(tuple(expr.shape))}"
        )
    return value


#: What the bound symbols of sums and Lambdas stand for.
Bound = dict[Basic, "Value | Index"]


def read(expr: Expr, names: Names) -> Node:
    """The node of a SymPy expression: of shape (rows, columns), or () for a scalar.

    Raises
    ------
    DeclarationError    for what is outside the table; names it.
    ShapeError          for matrices that do not fit.
    NameClash           for a name that stands for two symbols.
    """
    try:
        return _Reader(names, {}).value(expr).node
    except RecursionError:
        raise DeclarationError(
            "the expression is nested too deeply", hint="name parts of it with define"
        ) from None


@dataclass(slots=True)
class _Reader:
    """Reads one expression; sums and Lambdas, which bind symbols, have readers of their own."""

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
            rule = _rule(expr)
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
        return _Reader(self.names, self.bound | bound).value(body)

    def indices(self) -> dict[Basic, Index]:
        return {s: each for s, each in self.bound.items() if isinstance(each, Index)}


@dataclass(frozen=True, slots=True)
class _Rule:
    """How one kind of expression is read: whether its operands are scalars, matrices or both."""

    kind: str
    build: Callable[[_Reader, Any, list[Value]], Value]
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


def _rule(expr: Basic) -> _Rule:
    found = _RULES.get(type(expr))
    if found is not None:
        return found
    if type(expr) in NAMES:
        return _FUNCTION
    for kind, rule in _FAMILIES:
        if isinstance(expr, kind):
            return rule
    raise DeclarationError(
        f"{type(expr).__name__} is not supported: {brief(expr)}",
        hint=_HINTS.get(type(expr), _KNOWN),
    )


def brief(expr: object) -> str:
    """An expression in a message."""
    text = str(expr)
    return text if len(text) <= 60 else f"{text[:57]}..."


# --- scalars


def _aligned(values: Iterable[Value]) -> tuple[list[Node], tuple[Basic, ...]]:
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


def _symbol(reader: _Reader, expr: Symbol, _: list[Value]) -> Value:
    known = reader.bound.get(expr)
    if isinstance(known, Value):
        return known
    if isinstance(known, Index):
        raise DeclarationError(f"the index {expr} stands outside of a subscript")
    if reader.names.is_dim(expr):
        return Value(op.as_node(as_dim(expr)), ())
    return Value(reader.names.leaf(expr, ()), ())


def _number(_: _Reader, expr: Expr, __: list[Value]) -> Value:
    return Value(op.as_node(expr), ())


def _add(_: _Reader, __: Expr, operands: list[Value]) -> Value:
    nodes, axes = _aligned(operands)
    return Value(op.total([(1, node) for node in nodes], nodes[0].shape), axes)


def _mul(_: _Reader, __: Expr, operands: list[Value]) -> Value:
    """One flat product; numbers in front."""
    coefficient: Expr = ONE
    factors: list[Value] = []
    for each in operands:
        number = None if each.axes else op.constant_of(each.node)
        if number is None:
            factors.append(each)
        else:
            coefficient *= number
    if not factors:
        return Value(op.as_node(coefficient), ())
    axes = tuple(dict.fromkeys(axis for each in factors for axis in each.scalar_axes))
    labels = [[axes.index(axis) for axis in each.scalar_axes] for each in factors]
    nodes = [each.node for each in factors]
    node = nodes[0] if len(nodes) == 1 else op.einsum(labels, range(len(axes)), *nodes)
    return Value(op.scale(coefficient, node), axes)


def _pow(_: _Reader, __: Expr, operands: list[Value]) -> Value:
    base, exponent = operands
    if not exponent.axes and op.constant_of(exponent.node) is not None:
        return Value(op.power(base.node, exponent.node), base.axes)
    nodes, axes = _aligned(operands)
    return Value(op.power(*nodes), axes)


def _applied(body: Expr, operands: Iterable[Value]) -> Value:
    nodes, axes = _aligned(operands)
    return Value(op.apply(body, *nodes), axes)


def _function(_: _Reader, expr: Expr, operands: list[Value]) -> Value:
    return _applied(expr.func(*ARGS[: len(operands)]), operands)


def _rewritten(body: Callable[[Expr], Expr]) -> _Rule:
    return _Rule("scalar", lambda _, __, operands: _applied(body(ARGS[0]), operands))


def _pairwise(kind: Any) -> _Rule:
    body = kind(*ARGS[:2])
    return _Rule(
        "scalar", lambda _, __, operands: reduce(lambda a, b: _applied(body, (a, b)), operands)
    )


def _unspecified(_: _Reader, expr: Expr, operands: list[Value]) -> Value:
    """phi(x) of numbers is one entry by entry; l(o, y) of matrices is a number."""
    name = require_identifier(expr.func.__name__)
    if all(each.axes is not None for each in operands):
        orders = (0,) * len(operands)
        return _applied(Unspecified(name, orders, *ARGS[: len(operands)]), operands)
    nodes = [each.node for each in operands if not each.axes]
    if len(nodes) < len(operands):
        raise DeclarationError(f"{name} of a matrix and of indexed entries in {brief(expr)}")
    return Value(UnspecifiedTensor(name, (), (), *nodes), ())


_COMPARE = {sp.Gt: "gt", sp.Ge: "ge", sp.Lt: "lt", sp.Le: "le", sp.Eq: "eq", sp.Ne: "ne"}


def _cases(expr: sp.Piecewise) -> list[Basic]:
    """The operands of a Piecewise: two of each condition, and the results."""
    *cases, (last, otherwise) = expr.args
    if otherwise != True or any(type(c) not in _COMPARE for _, c in cases):  # noqa: E712  SymPy's
        raise DeclarationError(
            f"Piecewise of such conditions is not supported: {brief(expr)}",
            hint="conditions are comparisons, and the last is True",
        )
    return [part for result, condition in cases for part in (*condition.args, result)] + [last]


def _piecewise(_: _Reader, expr: sp.Piecewise, operands: list[Value]) -> Value:
    (*nodes, result), axes = _aligned(operands)
    for k in reversed(range(len(expr.args) - 1)):
        left, right, chosen = nodes[3 * k : 3 * k + 3]
        test = op.compare(_COMPARE[type(expr.args[k][1])], left, right)
        result = op.fused(scalar.where(*ARGS[:3]), test, chosen, result)
    return Value(result, axes)


# --- indices


def _element(reader: _Reader, expr: MatrixElement, operands: list[Value]) -> Value:
    return _entry(reader, operands[0].node, expr.args[1:])


def _entry(reader: _Reader, node: Node, subscripts: Sequence[Expr]) -> Value:
    indices = reader.indices()
    for each in subscripts:
        for symbol in each.free_symbols:
            if symbol not in indices and str(symbol) not in reader.names.sizes:
                raise DeclarationError(
                    f"the index {symbol} is not bound by a sum",
                    hint="a sum is Sum(W[i, j]**2, (i, 0, n - 1), (j, 0, d - 1))",
                )
    return Value(*entry(node, subscripts, indices))


def _indexed(reader: _Reader, expr: sp.Indexed, _: list[Value]) -> Value:
    """An entry of an IndexedBase; without a shape, the ranges of its indices give it."""
    told, indices = expr.base.shape, reader.indices()
    shape = as_shape(tuple(told)) if told else None
    if shape is None and all(index in indices for index in expr.indices):
        if all(indices[index].start == 0 for index in expr.indices):
            shape = tuple(indices[index].size for index in expr.indices)
    return _entry(reader, reader.names.leaf(expr.base, shape), expr.indices)


def _sum(reader: _Reader, expr: sp.Sum, _: list[Value]) -> Value:
    ranges: Bound = {}
    indices = {*reader.bound, *expr.variables}
    for symbol, first, last in expr.limits:
        if (first.free_symbols | last.free_symbols) & indices:
            raise DeclarationError(f"bounds that depend on an index: {brief(expr)}")
        start = op.exact(first)
        ranges[symbol] = Index(start, as_dim(op.exact(last) - start + 1))
    body = reader.inside(expr.function, ranges)
    if body.axes is None:
        raise DeclarationError(f"Sum of matrices is not supported: {brief(expr)}")
    node, free = body.node, tuple(a for a in body.axes if a not in ranges)
    summed = [k for k, axis in enumerate(body.axes) if axis in ranges]
    for symbol, each in ranges.items():
        if symbol not in body.axes and isinstance(each, Index):
            node = op.scale(each.size, node)
    return Value(op.sum_over(node, summed) if summed else node, free)


# --- matrices


def _matrix_symbol(reader: _Reader, expr: sp.MatrixSymbol, _: list[Value]) -> Value:
    return Value(reader.names.leaf(expr, as_shape(tuple(expr.shape))))


def _same_shapes(expr: Basic, operands: Iterable[Value]) -> list[Node]:
    nodes = [each.node for each in operands]
    for node in nodes[1:]:
        if not same_shape(node.shape, nodes[0].shape):
            raise ShapeError(
                f"{type(expr).__name__}: shapes {show(nodes[0].shape)} and {show(node.shape)} "
                f"differ in {brief(expr)}"
            )
    return nodes


def _mat_add(_: _Reader, expr: Basic, operands: list[Value]) -> Value:
    nodes = _same_shapes(expr, operands)
    return Value(op.total([(1, node) for node in nodes], nodes[0].shape))


def _mat_mul(reader: _Reader, expr: Basic, operands: list[Value]) -> Value:
    scalars = [each for each in operands if each.axes is not None]
    matrices = [each.node for each in operands if each.axes is None]
    product = reduce(op.matmul, matrices)
    if not scalars:
        return Value(product)
    factor = _mul(reader, sp.S.One, scalars)
    if factor.axes:
        raise DeclarationError(f"a matrix that depends on an index is not supported: {brief(expr)}")
    return Value(op.multiply(factor.node, product))


def _mat_pow(_: _Reader, expr: sp.MatPow, operands: list[Value]) -> Value:
    copies = expr.exp
    if not copies.is_Integer or not 0 < copies <= MOST_FACTORS:
        raise DeclarationError(
            f"MatPow with the exponent {copies} is not supported: {brief(expr)}",
            hint=f"the exponent is a whole number from 1 to {MOST_FACTORS}",
        )
    return Value(reduce(op.matmul, [operands[0].node] * int(copies)))


def _hadamard(_: _Reader, expr: Basic, operands: list[Value]) -> Value:
    return Value(reduce(op.multiply, _same_shapes(expr, operands)))


def _hadamard_power(_: _Reader, expr: Basic, operands: list[Value]) -> Value:
    base, exponent = operands
    if base.axes is not None or exponent.axes:
        raise DeclarationError(f"HadamardPower of a scalar in {brief(expr)}")
    if exponent.axes is None:
        _same_shapes(expr, operands)
    return Value(op.power(base.node, exponent.node))


def _apply_function(
    reader: _Reader, expr: ElementwiseApplyFunction, operands: list[Value]
) -> Value:
    """f at each entry: the body's symbol stands for an entry, whose indices are fresh."""
    node, upright = operands[0].node, _upright(expr) is expr.expr
    rows, columns = Dummy("row"), Dummy("column")
    rule = expr.function
    if not isinstance(rule, sp.Lambda) or len(rule.variables) != 1:
        raise DeclarationError(f"applyfunc of {brief(rule)} is not supported", hint=_KNOWN)
    (variable,) = rule.variables
    body = reader.inside(rule.expr, {variable: Value(node, (rows, columns))})
    if body.axes is None:
        raise DeclarationError(f"applyfunc with a matrix as its result: {brief(expr)}")
    if set(body.axes) - {rows, columns}:
        raise DeclarationError(f"applyfunc with an index in its function: {brief(expr)}")
    (_, result), _ = _aligned([Value(node, (rows, columns)), body])
    return Value(result if upright else op.transpose(result))


def _upright(expr: ElementwiseApplyFunction) -> Expr:
    """The operand or its transpose, as the person had it: SymPy writes f(W x)ᵀ as f(xᵀ Wᵀ)."""
    inner, turned = expr.expr, expr.expr.T
    count = [
        sum(isinstance(e, sp.Transpose) for e in sp.preorder_traversal(each))
        for each in (inner, turned)
    ]
    return turned if count[1] < count[0] else inner


def _filled(value: int) -> _Rule:
    return _Rule(
        "matrix",
        lambda _, expr, __: Value(op.full(value, as_shape(tuple(expr.shape)))),
        lambda _: (),
    )


def _identity(_: _Reader, expr: Basic, __: list[Value]) -> Value:
    rows, columns = as_shape(tuple(expr.shape))  # type: ignore[attr-defined]
    return Value(op.full(1, (rows, columns)) if rows is ONE else op.eye(rows))


def _vector(node: Node) -> Node:
    """A row or column without its unit axis."""
    return node[:, 0] if node.shape[1] is ONE else node[0, :]


def _of(function: Callable[[Node], Node], axes: tuple[Basic, ...] | None = None) -> _Rule:
    return _Rule("matrix", lambda _, __, operands: Value(function(operands[0].node), axes))


def _only_diagonal(node: Node) -> Node:
    FUNCTIONS["trace"](node)  # of a square matrix
    return op.multiply(node, op.eye(node.shape[0])) if node.shape[0] is not ONE else node


def _dot(_: _Reader, expr: Basic, operands: list[Value]) -> Value:
    return Value(op.matmul(*(_vector(each.node) for each in operands)), ())


def _slice(_: _Reader, expr: MatrixSlice, operands: list[Value]) -> Value:
    keys = tuple(slice(*each) for each in (expr.rowslice, expr.colslice))
    return Value(operands[0].node[keys])


def _kronecker(_: _Reader, __: Basic, operands: list[Value]) -> Value:
    """(A ⊗ B)[p i + k, q j + l] = A[i, j] B[k, l] for B of shape (p, q)."""
    return Value(reduce(_kronecker_pair, [each.node for each in operands]))


def _kronecker_pair(a: Node, b: Node) -> Node:
    places = []
    for outer, inner in zip(a.shape, b.shape, strict=True):
        condition = INDEX[0] - inner * INDEX[1] - INDEX[2]
        places.append(Iverson("eq", condition, (as_dim(outer * inner), outer, inner)))
    return op.einsum([(2, 3), (4, 5), (0, 2, 4), (1, 3, 5)], (0, 1), a, b, *places)


def _first(expr: Basic) -> Sequence[Basic]:
    return expr.args[:1]


def _nothing(_: Basic) -> Sequence[Basic]:
    return ()


_FUNCTION = _Rule("scalar", _function)

_RULES: dict[type[Basic], _Rule] = {
    Symbol: _Rule("scalar", _symbol, _nothing),
    Dummy: _Rule("scalar", _symbol, _nothing),
    sp.Add: _Rule("scalar", _add),
    sp.Mul: _Rule("scalar", _mul),
    sp.Pow: _Rule("scalar", _pow),
    sp.Max: _pairwise(scalar.maximum),
    sp.Min: _pairwise(scalar.minimum),
    sp.cot: _rewritten(lambda x: 1 / sp.tan(x)),
    sp.sec: _rewritten(lambda x: 1 / sp.cos(x)),
    sp.csc: _rewritten(lambda x: 1 / sp.sin(x)),
    sp.coth: _rewritten(lambda x: 1 / sp.tanh(x)),
    sp.sech: _rewritten(lambda x: 1 / sp.cosh(x)),
    sp.csch: _rewritten(lambda x: 1 / sp.sinh(x)),
    sp.Piecewise: _Rule("scalar", _piecewise, _cases),
    sp.Sum: _Rule("scalar", _sum, _nothing),
    sp.Indexed: _Rule("scalar", _indexed, _nothing),
    MatrixElement: _Rule("matrix", _element, _first),
    sp.Trace: _of(FUNCTIONS["trace"], ()),
    DotProduct: _Rule("matrix", _dot),
    sp.MatrixSymbol: _Rule("matrix", _matrix_symbol, _nothing),
    sp.MatAdd: _Rule("matrix", _mat_add),
    sp.MatMul: _Rule("both", _mat_mul),
    sp.MatPow: _Rule("matrix", _mat_pow, _first),
    sp.Transpose: _of(op.transpose),
    Adjoint: _of(op.transpose),
    sp.HadamardProduct: _Rule("matrix", _hadamard),
    sp.HadamardPower: _Rule("both", _hadamard_power),
    ElementwiseApplyFunction: _Rule("matrix", _apply_function, lambda expr: (_upright(expr),)),
    sp.KroneckerProduct: _Rule("matrix", _kronecker),
    DiagMatrix: _of(lambda node: FUNCTIONS["diag"](_vector(node))),
    DiagonalOf: _of(lambda node: FUNCTIONS["diag"](node)[:, None]),
    DiagonalMatrix: _of(_only_diagonal),
    MatrixSlice: _Rule("matrix", _slice, _first),
    sp.Identity: _Rule("matrix", _identity, _nothing),
    OneMatrix: _filled(1),
    sp.ZeroMatrix: _filled(0),
}

_FAMILIES: tuple[tuple[Any, _Rule], ...] = (
    ((sp.Number, sp.NumberSymbol, type(sp.I)), _Rule("scalar", _number, _nothing)),
    (AppliedUndef, _Rule("both", _unspecified)),
)

_KNOWN = (
    f"matrices: {', '.join(sorted(k.__name__ for k in _RULES if issubclass(k, MatrixExpr)))}; "
    f"functions: {', '.join(sorted(NAMES.values()))}"
)
_HINTS: dict[type[Basic], str] = {
    sp.ImmutableDenseMatrix: "write it with MatrixSymbol, and give its entries as a value",
}


__all__ = ["Names", "brief", "read"]
