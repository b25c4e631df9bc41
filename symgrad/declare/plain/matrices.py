"""Matrices: SymPy's matrix expressions as nodes with two axes.

Nothing broadcasts, for SymPy's matrices do not. All is real, so an adjoint is a transpose.
"""

from collections.abc import Callable, Iterable
from functools import reduce

import sympy as sp
from sympy import Basic, Dummy, Expr
from sympy.matrices.expressions.adjoint import Adjoint
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.diagonal import DiagMatrix, DiagonalMatrix, DiagonalOf
from sympy.matrices.expressions.dotproduct import DotProduct
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import OneMatrix

from symgrad.declare.plain.reading import Reader, Rule, Value, aligned, brief, first, nothing
from symgrad.declare.plain.scalars import multiplied
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, as_shape, same_shape, show
from symgrad.tensor.nodes import Node

#: The largest power of a matrix that is written out as a product.
MOST_FACTORS = 64


def _matrix_symbol(reader: Reader, expr: sp.MatrixSymbol, _: list[Value]) -> Value:
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


def _mat_add(_: Reader, expr: Basic, operands: list[Value]) -> Value:
    nodes = _same_shapes(expr, operands)
    return Value(op.total([(1, node) for node in nodes], nodes[0].shape))


def _mat_mul(reader: Reader, expr: Basic, operands: list[Value]) -> Value:
    scalars = [each for each in operands if each.axes is not None]
    matrices = [each.node for each in operands if each.axes is None]
    product = reduce(op.matmul, matrices)
    if not scalars:
        return Value(product)
    factor = multiplied(reader, sp.S.One, scalars)
    if factor.axes:
        raise DeclarationError(f"a matrix that depends on an index is not supported: {brief(expr)}")
    return Value(op.multiply(factor.node, product))


def _mat_pow(_: Reader, expr: sp.MatPow, operands: list[Value]) -> Value:
    copies, base = expr.exp, operands[0].node
    if not copies.is_Integer or abs(copies) > MOST_FACTORS:
        raise DeclarationError(
            f"MatPow with the exponent {copies} is not supported: {brief(expr)}",
            hint=f"the exponent is a whole number from -{MOST_FACTORS} to {MOST_FACTORS}",
        )
    if copies == 0:
        FUNCTIONS["trace"](base)  # of a square matrix
        return Value(_eye(base.shape[0]))
    return Value(reduce(op.matmul, [base if copies > 0 else _inverse(base)] * abs(int(copies))))


def _inverse(node: Node) -> Node:
    return FUNCTIONS["inv"](node)


def _block(reader: Reader, expr: sp.BlockMatrix, _: list[Value]) -> Value:
    """[A B; C D]: rows of blocks beside each other, below one another."""
    rows, columns = expr.blocks.shape
    blocks = [[reader.value(expr.blocks[i, j]).node for j in range(columns)] for i in range(rows)]
    join = FUNCTIONS["concatenate"]
    lines = [join(line, axis=1) if len(line) > 1 else line[0] for line in blocks]
    return Value(join(lines, axis=0) if len(lines) > 1 else lines[0])


def _hadamard(_: Reader, expr: Basic, operands: list[Value]) -> Value:
    return Value(reduce(op.multiply, _same_shapes(expr, operands)))


def _hadamard_power(_: Reader, expr: Basic, operands: list[Value]) -> Value:
    base, exponent = operands
    if base.axes is not None or exponent.axes:
        raise DeclarationError(f"HadamardPower of a scalar in {brief(expr)}")
    if exponent.axes is None:
        _same_shapes(expr, operands)
    return Value(op.power(base.node, exponent.node))


def _apply_function(reader: Reader, expr: ElementwiseApplyFunction, operands: list[Value]) -> Value:
    """f at each entry: the body's symbol stands for an entry, whose indices are fresh."""
    node, upright = operands[0].node, _upright(expr) is expr.expr
    rows, columns = Dummy("row"), Dummy("column")
    rule = expr.function
    if not isinstance(rule, sp.Lambda) or len(rule.variables) != 1:
        raise DeclarationError(
            f"applyfunc of {brief(rule)} is not supported", hint="use a function of one number"
        )
    (variable,) = rule.variables
    body = reader.inside(rule.expr, {variable: Value(node, (rows, columns))})
    if body.axes is None:
        raise DeclarationError(f"applyfunc with a matrix as its result: {brief(expr)}")
    if set(body.axes) - {rows, columns}:
        raise DeclarationError(f"applyfunc with an index in its function: {brief(expr)}")
    (_, result), _ = aligned([Value(node, (rows, columns)), body])
    return Value(result if upright else op.transpose(result))


def _upright(expr: ElementwiseApplyFunction) -> Expr:
    """The operand or its transpose, as the person had it: SymPy writes f(W x)ᵀ as f(xᵀ Wᵀ)."""
    inner, turned = expr.expr, expr.expr.T
    count = [
        sum(isinstance(e, sp.Transpose) for e in sp.preorder_traversal(each))
        for each in (inner, turned)
    ]
    return turned if count[1] < count[0] else inner


def _filled(value: int) -> Rule:
    return Rule(
        "matrix",
        lambda _, expr, __: Value(op.full(value, as_shape(tuple(expr.shape)))),
        lambda _: (),
    )


def _identity(_: Reader, expr: Basic, __: list[Value]) -> Value:
    return Value(_eye(as_shape(tuple(expr.shape))[0]))  # type: ignore[attr-defined]


def _eye(size: Dim) -> Node:
    return op.full(1, (size, size)) if size is ONE else op.eye(size)


def _vector(node: Node) -> Node:
    """A row or column without its unit axis."""
    return node[:, 0] if node.shape[1] is ONE else node[0, :]


def _of(function: Callable[[Node], Node], axes: tuple[Basic, ...] | None = None) -> Rule:
    return Rule("matrix", lambda _, __, operands: Value(function(operands[0].node), axes))


def _only_diagonal(node: Node) -> Node:
    FUNCTIONS["trace"](node)  # of a square matrix
    return op.multiply(node, op.eye(node.shape[0])) if node.shape[0] is not ONE else node


def _dot(_: Reader, expr: Basic, operands: list[Value]) -> Value:
    return Value(op.matmul(*(_vector(each.node) for each in operands)), ())


def _slice(_: Reader, expr: MatrixSlice, operands: list[Value]) -> Value:
    keys = tuple(slice(*each) for each in (expr.rowslice, expr.colslice))
    return Value(operands[0].node[keys])


def _kronecker(_: Reader, __: Basic, operands: list[Value]) -> Value:
    return Value(reduce(FUNCTIONS["kron"], [each.node for each in operands]))


MATRICES: dict[type[Basic], Rule] = {
    sp.Trace: _of(FUNCTIONS["trace"], ()),
    DotProduct: Rule("matrix", _dot),
    sp.MatrixSymbol: Rule("matrix", _matrix_symbol, nothing),
    sp.MatAdd: Rule("matrix", _mat_add),
    sp.MatMul: Rule("both", _mat_mul),
    sp.MatPow: Rule("matrix", _mat_pow, first),
    sp.Inverse: Rule("matrix", lambda _, __, operands: Value(_inverse(operands[0].node)), first),
    sp.Determinant: _of(FUNCTIONS["det"], ()),
    sp.BlockMatrix: Rule("matrix", _block, nothing),
    sp.Transpose: _of(op.transpose),
    Adjoint: _of(op.transpose),
    sp.HadamardProduct: Rule("matrix", _hadamard),
    sp.HadamardPower: Rule("both", _hadamard_power),
    ElementwiseApplyFunction: Rule("matrix", _apply_function, lambda expr: (_upright(expr),)),
    sp.KroneckerProduct: Rule("matrix", _kronecker),
    DiagMatrix: _of(lambda node: FUNCTIONS["diag"](_vector(node))),
    DiagonalOf: _of(lambda node: FUNCTIONS["diag"](node)[:, None]),
    DiagonalMatrix: _of(_only_diagonal),
    MatrixSlice: Rule("matrix", _slice, first),
    sp.Identity: Rule("matrix", _identity, nothing),
    OneMatrix: _filled(1),
    sp.ZeroMatrix: _filled(0),
}
