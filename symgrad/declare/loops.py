"""Sums and arrays over an index that a loop runs through: Σⱼ f(j), [f(j) for j in range(K)].

The index is a symbol while f is read; then every node that depends on it gets a leading axis.
"""

from itertools import count

from sympy import Expr, S, Symbol, expand

from symgrad.declare.batched import RULES, _Batch
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, dim
from symgrad.tensor.nodes import (
    INDEX,
    Constant,
    Iverson,
    Map,
    Node,
    Total,
    topological,
)
from symgrad.tensor.scalar import ARGS

_fresh = count()


def loop_index() -> Symbol:
    """A new symbol that stands for 1, 2, …, size: a dimension, so that expressions may hold it."""
    return dim(f"place_in_loop_{next(_fresh)}__")


def over(node: Node, index: Symbol, size: Dim) -> Node:
    """The nodes for each value of the index, along a new leading axis of that size.

    Raises
    ------
    DeclarationError    if the shape of a part depends on the index.
    ShapeError          if a position that depends on the index may be out of range.
    """
    loop = _Loop(index, size)
    for each in topological(node):
        loop.visit(each)
    result, has_axis = loop.done[node], not loop.shared[node]
    return result if has_axis else op.broadcast_to(result, (size, *result.shape))


class _Loop(_Batch):
    """The rules of `batched`, and those for nodes that hold the index themselves."""

    def __init__(self, index: Symbol, size: Dim) -> None:
        super().__init__(size)
        self.index = index

    def visit(self, node: Node) -> None:
        """Fill `done` and `shared` for a node whose operands are done."""
        if any(size.has(self.index) for size in node.shape):
            raise DeclarationError("a shape depends on the index of a loop")
        own = self.index in _symbols(node)
        self.shared[node] = not own and all(self.shared[each] for each in node.operands)
        if self.shared[node]:
            self.done[node] = node
        elif own:
            self.done[node] = self._with_index(node)
        else:
            rule = RULES.get(type(node))
            if rule is None:
                raise DeclarationError(f"there is no loop over a {type(node).__name__}")
            self.done[node] = rule(self, node)

    def _with_index(self, node: Node) -> Node:
        match node:
            case Constant():
                return self._number(node.value)
            case Iverson():
                self._require_range(node)
                moved = RULES[Iverson](self, node)  # type: ignore[misc]
                condition = moved.condition.xreplace({self.index: INDEX[0] + 1})  # type: ignore[attr-defined]
                head = (node.op, condition, moved.shape, moved.operand_axes)  # type: ignore[attr-defined]
                return Iverson(*head, *moved.operands)
            case Total():
                scaled = [
                    op.multiply(_columns(self._number(coefficient), node.ndim), term)
                    for coefficient, term in zip(node.coefficients, self.spread(node), strict=True)
                ]
                return op.total(((1, each) for each in scaled), scaled[0].shape)
            case Map():
                operands = self.spread(node)
                place = _columns(op.arange(self.size), node.ndim)
                body = node.body.xreplace({self.index: ARGS[len(operands)] + 1})
                return op.apply(body, *operands, place)
        raise DeclarationError(f"there is no loop over a {type(node).__name__}")

    def _number(self, value: Expr) -> Node:
        """The values of an expression in the index, shape (size,)."""
        body = value.xreplace({self.index: ARGS[0] + 1})
        return op.broadcast_to(op.apply(body, op.arange(self.size)), (self.size,))

    def _require_range(self, bracket: Iverson) -> None:
        """Raise unless [j = start + step·i] picks a position for every value of the index."""
        condition = expand(bracket.condition)
        if bracket.op != "eq" or bracket.operands or condition.coeff(INDEX[0]) not in (1, -1):
            return
        place = expand(INDEX[0] - condition * condition.coeff(INDEX[0]))
        ends: tuple[Expr, Expr] = (place, place)
        for symbol, first, last in (
            (self.index, ONE, self.size),
            *((INDEX[1], S.Zero, size - 1) for size in bracket.shape[1:2]),
        ):
            down = place.coeff(symbol).is_negative
            pair = (last, first) if down else (first, last)
            ends = ends[0].xreplace({symbol: pair[0]}), ends[1].xreplace({symbol: pair[1]})
        gaps = expand(ends[0]), expand(bracket.shape[0] - 1 - ends[1])
        if not all(gap.is_nonnegative for gap in gaps):
            raise ShapeError(
                f"positions from {ends[0]} to {ends[1]} may be out of range for an axis of size "
                f"{bracket.shape[0]}"
            )


def _columns(vector: Node, rank: int) -> Node:
    """A vector along the first of 1 + rank axes."""
    return vector[(slice(None), *[None] * rank)]


def _symbols(node: Node) -> set[Symbol]:
    """The symbols in a node's own numbers and conditions."""
    return {s for arg in node.args if not isinstance(arg, Node) for s in arg.free_symbols}


__all__ = ["loop_index", "over"]
