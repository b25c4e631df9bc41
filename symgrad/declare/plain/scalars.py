"""Scalars: arithmetic, the functions of the scalar table, and functions that nobody specified."""

from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

import sympy as sp
from sympy import Basic, Dummy, Expr, Symbol

from symgrad.declare.identifiers import require_identifier
from symgrad.declare.plain.reading import Index, Reader, Rule, Value, aligned, brief, nothing
from symgrad.errors import DeclarationError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, as_dim
from symgrad.tensor.nodes import UnspecifiedTensor
from symgrad.tensor.scalar import ARGS, NAMES, Unspecified


def _symbol(reader: Reader, expr: Symbol, _: list[Value]) -> Value:
    known = reader.bound.get(expr)
    if isinstance(known, Value):
        return known
    if isinstance(known, Index):
        raise DeclarationError(f"the index {expr} stands outside of a subscript")
    if reader.names.is_dim(expr):
        return Value(op.as_node(as_dim(expr)), ())
    return Value(reader.names.leaf(expr, ()), ())


def _number(_: Reader, expr: Expr, __: list[Value]) -> Value:
    return Value(op.as_node(expr), ())


def _add(_: Reader, __: Expr, operands: list[Value]) -> Value:
    nodes, axes = aligned(operands)
    return Value(op.total([(1, node) for node in nodes], nodes[0].shape), axes)


def multiplied(_: Reader, __: Expr, operands: list[Value]) -> Value:
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


def _pow(_: Reader, __: Expr, operands: list[Value]) -> Value:
    base, exponent = operands
    if not exponent.axes and op.constant_of(exponent.node) is not None:
        return Value(op.power(base.node, exponent.node), base.axes)
    nodes, axes = aligned(operands)
    return Value(op.power(*nodes), axes)


def _applied(body: Expr, operands: Iterable[Value]) -> Value:
    nodes, axes = aligned(operands)
    return Value(op.apply(body, *nodes), axes)


def _function(_: Reader, expr: Expr, operands: list[Value]) -> Value:
    return _applied(expr.func(*ARGS[: len(operands)]), operands)


def _rewritten(body: Callable[[Expr], Expr]) -> Rule:
    return Rule("scalar", lambda _, __, operands: _applied(body(ARGS[0]), operands))


def _pairwise(kind: Any) -> Rule:
    body = kind(*ARGS[:2])
    return Rule(
        "scalar", lambda _, __, operands: reduce(lambda a, b: _applied(body, (a, b)), operands)
    )


def _unspecified(_: Reader, expr: Expr, operands: list[Value]) -> Value:
    """phi(x) of numbers is one entry by entry; l(o, y) of matrices is a number."""
    name = require_identifier(expr.func.__name__)
    if not operands:
        raise DeclarationError(f"{name} needs an argument")
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


def _piecewise(_: Reader, expr: sp.Piecewise, operands: list[Value]) -> Value:
    (*nodes, result), axes = aligned(operands)
    for k in reversed(range(len(expr.args) - 1)):
        left, right, chosen = nodes[3 * k : 3 * k + 3]
        test = op.compare(_COMPARE[type(expr.args[k][1])], left, right)
        result = op.fused(scalar.where(*ARGS[:3]), test, chosen, result)
    return Value(result, axes)


NUMBER = Rule("scalar", _number, nothing)
UNSPECIFIED = Rule("both", _unspecified)

SCALARS: dict[type[Basic], Rule] = {
    Symbol: Rule("scalar", _symbol, nothing),
    Dummy: Rule("scalar", _symbol, nothing),
    sp.Add: Rule("scalar", _add),
    sp.Mul: Rule("scalar", multiplied),
    sp.Pow: Rule("scalar", _pow),
    sp.Max: _pairwise(scalar.maximum),
    sp.Min: _pairwise(scalar.minimum),
    sp.cot: _rewritten(lambda x: 1 / sp.tan(x)),
    sp.sec: _rewritten(lambda x: 1 / sp.cos(x)),
    sp.csc: _rewritten(lambda x: 1 / sp.sin(x)),
    sp.coth: _rewritten(lambda x: 1 / sp.tanh(x)),
    sp.sech: _rewritten(lambda x: 1 / sp.cosh(x)),
    sp.csch: _rewritten(lambda x: 1 / sp.sinh(x)),
    sp.Piecewise: Rule("scalar", _piecewise, _cases),
} | {kind: Rule("scalar", _function) for kind in NAMES}
