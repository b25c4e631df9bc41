"""The few primitives beside products, sums and maps: reshapes, argmax, functions of matrices.

| node | meaning |
| --- | --- |
| Reshape | the entries, in row-major order, in another shape |
| ArgReduce | where the maximum or minimum along axes is: integers |
| StopGradient | the operand, a constant to every derivative |
| MatrixFunction | inverse, determinant, Cholesky factor, eigenvalues ... of stacks of matrices |
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

from sympy import Expr, Min, S

from symgrad.errors import ShapeError
from symgrad.tensor.dims import ONE, Dim, Shape, same, show
from symgrad.tensor.nodes import Node, _AlongAxes, _pack, _word, without


class Reshape(Node):
    """The entries of the operand, in row-major order, in another shape.

    Raises
    ------
    ShapeError    if the two shapes have another number of entries for some sizes.
    """

    __slots__ = ()

    def __new__(cls, shape: Any, operand: Node) -> "Reshape":
        shape = tuple(shape)
        if not same(entries(shape), entries(operand.shape)):
            raise ShapeError(
                f"reshape: {show(operand.shape)} has {entries(operand.shape)} entries, "
                f"{show(shape)} has {entries(shape)}"
            )
        return cls._intern(shape, _pack(shape), operand)

    @property
    def operand(self) -> Node:
        return self.operands[0]


def entries(shape: Shape) -> Expr:
    """The number of entries of a shape."""
    return prod(shape, start=S.One)


class ArgReduce(_AlongAxes):
    """Where the maximum ("max") or minimum ("min") along axes is, which are removed.

    The first of equal ones; over several axes the row-major position in them. A step function:
    its derivative is zero wherever it has one.
    """

    __slots__ = ("op",)

    op: str

    def __new__(cls, op: Any, axes: Any, operand: Node) -> "ArgReduce":
        if str(op) not in ("max", "min"):
            raise ValueError(f"argreduce: {op} is neither max nor min")
        axes = cls._checked(axes, operand)
        self = cls._intern(without(operand.shape, axes), _word(str(op)), _pack(axes), operand)
        self.op, self.axes = str(op), axes
        return self

    @property
    def classes(self) -> Dim:
        """The number of positions that there are."""
        return entries(tuple(self.operand.shape[a] for a in self.axes))


class StopGradient(Node):
    """The operand, a constant to every derivative."""

    __slots__ = ()

    def __new__(cls, operand: Node) -> "StopGradient":
        return cls._intern(operand.shape, operand)

    @property
    def operand(self) -> Node:
        return self.operands[0]


@dataclass(frozen=True, slots=True)
class MatrixKind:
    """What is known of a function of an (m, n) matrix before any value: its shape and its cost."""

    shape: Callable[[Dim, Dim], Shape]
    flops: Callable[[Dim, Dim], Expr]
    square: bool = True
    symmetric: bool = False  # a function of (X + Xᵀ)/2


def _cubic(times: object) -> Callable[[Dim, Dim], Expr]:
    return lambda m, n: times * m * n * Min(m, n)  # type: ignore[operator]


#: Leading orders of the flops: Golub, Van Loan: Matrix Computations (4th ed. 2013).
MATRIX_KINDS: dict[str, MatrixKind] = {
    "inv": MatrixKind(lambda m, n: (n, n), _cubic(2)),
    "det": MatrixKind(lambda m, n: (), _cubic(S(2) / 3)),
    "logdet": MatrixKind(lambda m, n: (), _cubic(S(2) / 3)),
    "expm": MatrixKind(lambda m, n: (n, n), _cubic(20)),
    "cholesky": MatrixKind(lambda m, n: (n, n), _cubic(S(1) / 3), symmetric=True),
    "eigvals": MatrixKind(lambda m, n: (n,), _cubic(S(4) / 3), symmetric=True),
    "eigvecs": MatrixKind(lambda m, n: (n, n), _cubic(9), symmetric=True),
    "pinv": MatrixKind(lambda m, n: (n, m), _cubic(14), square=False),
    "svd_u": MatrixKind(lambda m, n: (m, Min(m, n)), _cubic(14), square=False),
    "svd_s": MatrixKind(lambda m, n: (Min(m, n),), _cubic(4), square=False),
    "svd_vt": MatrixKind(lambda m, n: (Min(m, n), n), _cubic(14), square=False),
}


class MatrixFunction(Node):
    """A function of each matrix of a stack (..., m, n); its name is one of MATRIX_KINDS.

    Raises
    ------
    ShapeError    if the operand is no stack of matrices, or they must be square and are not.
    """

    __slots__ = ("name",)

    name: str

    def __new__(cls, name: Any, operand: Node) -> "MatrixFunction":
        name = str(name)
        kind = MATRIX_KINDS[name]
        if operand.ndim < 2:
            raise ShapeError(f"{name}: of a matrix, not of shape {show(operand.shape)}")
        *batch, m, n = operand.shape
        if kind.square and not same(m, n):
            raise ShapeError(f"{name}: of a square matrix, not of shape {show(operand.shape)}")
        shape = tuple(ONE if d == 1 else d for d in kind.shape(m, n))
        self = cls._intern((*batch, *shape), _word(name), operand)
        self.name = name
        return self

    @property
    def operand(self) -> Node:
        return self.operands[0]

    @property
    def kind(self) -> MatrixKind:
        return MATRIX_KINDS[self.name]
