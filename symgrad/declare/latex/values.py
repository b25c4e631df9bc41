"""What a part of a formula stands for: an array, with the indices that it depends on.

A vector is a column unless it lies, as a row does. Juxtaposition is the matrix product, everything
else acts entry by entry. A bold 1 and an identity matrix of no stated size take the size that fits.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from symgrad.errors import ParseError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, Shape, same, show
from symgrad.tensor.nodes import UNIT, Node
from symgrad.tensor.primitives import MatrixFunction


@dataclass(frozen=True, slots=True)
class Value:
    """An array for each value of its index letters.

    Parameters
    ----------
    node :    its leading axes are those of the letters, the others those of the array.
    letters : the indices that it depends on.
    lying :   whether a vector is a row.
    elastic : axes of the array, of one entry in `node`, whose length is whatever fits.
    unit :    whether it is `node`, a scalar, times an identity matrix of whatever size fits.
    """

    node: Node
    letters: tuple[str, ...] = ()
    lying: bool = False
    elastic: frozenset[int] = frozenset()
    unit: bool = False

    @property
    def rank(self) -> int:
        return 2 if self.unit else self.node.ndim - len(self.letters)

    @property
    def shape(self) -> Shape:
        """The shape of the array."""
        return self.node.shape[len(self.letters) :]

    @property
    def sizes(self) -> dict[str, Dim]:
        """The size of each letter."""
        return dict(zip(self.letters, self.node.shape, strict=False))

    @property
    def is_scalar(self) -> bool:
        """Whether it is one number: an array of a single entry is."""
        return not self.unit and (self.rank == 0 or (self.shape == (ONE,) and not self.elastic))


def ones() -> Value:
    """A column of ones of the length that fits."""
    return Value(op.full(1, (ONE,)), elastic=frozenset({0}))


def identity() -> Value:
    """The identity matrix of the size that fits."""
    return Value(op.as_node(1), unit=True)


def spread(value: Value, letters: Sequence[str], rank: int) -> Node:
    """The node with an axis for each letter, then `rank` axes; of size 1 where it has none."""
    own = {letter: k for k, letter in enumerate(value.letters)}
    array = range(len(value.letters), value.node.ndim)
    output = [own.get(letter, UNIT) for letter in letters]
    output += [UNIT] * (rank - len(array)) + list(array)
    labels = tuple(range(value.node.ndim))
    if tuple(output) == labels:
        return value.node
    return op.einsum((labels,), output, value.node, sizes=dict(enumerate(value.node.shape)))


def union(*values: Value) -> tuple[str, ...]:
    """The letters of all, in order."""
    return tuple(dict.fromkeys(letter for value in values for letter in value.letters))


def elementwise(rule: Callable[..., Node], *values: Value) -> Value:
    """A function of entries; vectors are broadcast along the axis of a matrix that they fit."""
    if any(value.unit for value in values):
        values = _sized(values)
    values = _stood(values)
    letters = union(*values)
    rank = max(value.rank for value in values)
    if letters:
        nodes = [spread(value, letters, rank) for value in values]
    else:
        nodes = [value.node for value in values]
    vectors = [value for value in values if value.rank == 1]
    lying = bool(vectors) and all(value.lying for value in vectors)
    elastic = frozenset(axis for axis in range(rank) if _stays_elastic(values, axis - rank))
    return Value(rule(*nodes), letters, rank == 1 and lying, elastic)


def _stays_elastic(values: Sequence[Value], axis: int) -> bool:
    """Whether every array that has this axis, counted from the last, has any length there."""
    having = [value for value in values if value.rank >= -axis]
    return all(value.rank + axis in value.elastic for value in having)


def _sized(values: Sequence[Value]) -> tuple[Value, ...]:
    """The values with identity matrices of the others' size."""
    sizes = [
        size
        for v in values
        if not v.unit and v.rank == 2
        for axis, size in enumerate(v.shape)
        if axis not in v.elastic
    ]
    if not sizes:
        raise ParseError("the size of the identity matrix is not known", hint=r"write I_{n}")
    if not all(same(size, sizes[0]) for size in sizes):
        raise ShapeError(f"an identity matrix and a matrix {show(tuple(sizes))} do not fit")
    return tuple(sized(value, sizes[0]) if value.unit else value for value in values)


def sized(value: Value, size: Dim) -> Value:
    """A multiple of the identity matrix of that size."""
    eye = Value(op.eye(size))
    return elementwise(op.multiply, replace(value, unit=False), eye)


def _stood(values: Sequence[Value]) -> tuple[Value, ...]:
    """The values, a column that fits the rows of a matrix alone as a matrix of one column."""
    matrices = [value for value in values if value.rank == 2]
    if not matrices or not any(value.rank == 1 for value in values):
        return tuple(values)
    rows, columns = ONE, ONE
    for matrix in matrices:
        rows = matrix.shape[0] if rows is ONE else rows
        columns = matrix.shape[1] if columns is ONE else columns
    return tuple(_column(v, rows, columns) if v.rank == 1 else v for v in values)


def _column(value: Value, rows: Dim, columns: Dim) -> Value:
    (size,) = value.shape
    if value.lying or (size is ONE and not value.elastic):
        return value
    if value.elastic or (same(size, rows) and not same(size, columns)):
        node = op.einsum(
            (tuple(range(value.node.ndim)),),
            (*range(value.node.ndim), UNIT),
            value.node,
            sizes=dict(enumerate(value.node.shape)),
        )
        return Value(node, value.letters, False, value.elastic)
    if same(size, rows):
        raise ParseError(
            f"a vector ({size},) fits the rows and the columns of a matrix ({rows}, {columns})",
            hint=r"write \mathbf{1} b^\top to add it to each row, b \mathbf{1}^\top to each column",
        )
    return value


def transposed(value: Value) -> Value:
    """The transpose; of a stack of matrices, of each."""
    if value.unit or value.rank == 0:
        return value
    if value.rank == 1:
        return replace(value, lying=not value.lying)
    n = value.node.ndim
    order = (*range(n - 2), n - 1, n - 2)
    swap = {value.rank - 2: value.rank - 1, value.rank - 1: value.rank - 2}
    elastic = frozenset(swap.get(axis, axis) for axis in value.elastic)
    return Value(op.transpose(value.node, order), value.letters, elastic=elastic)


def scalar(value: Value) -> Value:
    """An array of a single entry as that entry."""
    n = len(value.letters)
    if value.rank == 0 or not all(size is ONE for size in value.shape):
        return value
    labels = (*range(n), *[UNIT] * value.rank)
    sizes = dict(enumerate(value.node.shape[:n]))
    output = tuple(UNIT if size is ONE else k for k, size in sizes.items())
    inner = (*output, *labels[n:])
    return Value(op.einsum((inner,), output, value.node, sizes=sizes), value.letters)


def product(a: Value, b: Value) -> Value:
    """Two factors side by side."""
    if a.unit or b.unit:
        if a.unit and b.unit:
            return replace(elementwise(op.multiply, _bare(a), _bare(b)), unit=True)
        factor, other = (_bare(a), b) if a.unit else (_bare(b), a)
        if other.is_scalar:
            return replace(elementwise(op.multiply, factor, other), unit=True)
        return elementwise(op.multiply, factor, other)
    if a.is_scalar or b.is_scalar:
        return _scaled(a, b)
    if a.rank == b.rank == 1 and a.lying == b.lying and _alike(a, b):
        return elementwise(op.multiply, a, b)
    if a.rank == 1 and b.rank == 2 and not a.lying and _scales(a, b):
        return elementwise(op.multiply, a, b)
    return matmul(a, b)


def _scales(a: Value, b: Value) -> bool:
    """Whether a vector scales the columns of a matrix, as in γ (x − μ): no product fits it."""
    (size,), (rows, columns) = a.shape, b.shape
    if a.elastic or b.elastic or rows is ONE or same(size, rows):
        return False
    return same(size, columns)


def _bare(value: Value) -> Value:
    return replace(value, unit=False)


def _alike(a: Value, b: Value) -> bool:
    return not a.elastic and not b.elastic and same(a.shape[0], b.shape[0])


def _scaled(a: Value, b: Value) -> Value:
    left, right = (scalar(v) if v.is_scalar else v for v in (a, b))
    result = elementwise(op.multiply, left, right)
    array = left if right.rank == 0 else right
    return replace(result, lying=array.lying, elastic=array.elastic)


@dataclass(frozen=True, slots=True)
class _Side:
    """An operand of a matrix product: labels of its axes; None is an axis that it does not have."""

    outer: int | None
    inner: int | None


def matmul(a: Value, b: Value) -> Value:
    """The matrix product; a column is (n, 1), a row (1, n).

    Raises
    ------
    ShapeError    where the inner dimensions differ.
    """
    if a.rank == 1 and not a.lying and b.rank >= 2 and _row_fits(a, b):
        a = replace(a, lying=True)  # v A of a vector that nobody stood up
    _require_inner(a, b)
    letters = union(a, b)
    label = {letter: k for k, letter in enumerate(letters)}
    stack = max(a.rank, b.rank, 2) - 2
    fresh = len(letters) + stack
    row, inner, column = fresh, fresh + 1, fresh + 2
    batch = list(range(len(letters), fresh))
    inputs = []
    for value, own in (
        (a, ([inner] if a.lying else [row]) if a.rank == 1 else [row, inner]),
        (b, ([column] if b.lying else [inner]) if b.rank == 1 else [inner, column]),
    ):
        lead = value.rank - len(own)
        labels = [label[k] for k in value.letters] + batch[stack - lead :] + own
        inputs.append(_units(labels, value.node))
    output = [label[k] for k in letters] + batch
    rows = not (a.rank == 1 and a.lying)
    columns = not (b.rank == 1 and not b.lying)
    output += [row] * rows + [column] * columns
    sizes: dict[int, Dim] = {}
    for known, value in zip(inputs, (a, b), strict=True):
        sizes |= {k: d for k, d in zip(known, value.node.shape, strict=True) if k != UNIT}
    output = [k if k in sizes else UNIT for k in output]
    node = op.einsum(inputs, output, a.node, b.node, sizes=sizes)
    elastic = set()
    if rows and (a.rank - 2 if a.rank > 1 else 0) in a.elastic:
        elastic.add(stack)
    if columns and (b.rank - 1) in b.elastic:
        elastic.add(stack + rows)
    lying = columns and not rows
    return Value(node, letters, lying, frozenset(elastic))


def _units(labels: list[int], node: Node) -> tuple[int, ...]:
    return tuple(UNIT if size is ONE else k for k, size in zip(labels, node.shape, strict=True))


def _inner(value: Value, axis: int) -> Dim | None:
    """The inner dimension, 1 of an axis that a vector lacks, None of one that stretches."""
    if value.rank == 1:
        if value.lying != (axis == -1):
            return ONE
        return None if value.elastic else value.shape[0]
    at = value.rank + axis
    return None if at in value.elastic else value.shape[at]


def _row_fits(a: Value, b: Value) -> bool:
    inner = _inner(b, -2)
    return inner is not None and inner is not ONE and not a.elastic and same(a.shape[0], inner)


def _require_inner(a: Value, b: Value) -> None:
    left, right = _inner(a, -1), _inner(b, -2)
    if left is None and right is None:
        raise ParseError("the length of these ones is not known", hint=r"write it: \mathbf{1}_{n}")
    if left is not None and right is not None and not same(left, right):
        raise ShapeError(
            f"matrix product: {_shown(a)} and {_shown(b)} do not fit: {left} and {right} differ",
            hint="a transpose may be missing, or the factors be in the other order",
        )


def _shown(value: Value) -> str:
    size = ["any" if k in value.elastic else str(d) for k, d in enumerate(value.shape)]
    if value.rank == 1:
        return f"a row (1, {size[0]})" if value.lying else f"a column ({size[0]}, 1)"
    return f"({', '.join(size)})"


def power(base: Value, exponent: Value) -> Value:
    """Entry by entry."""
    if base.unit:
        return replace(elementwise(op.power, _bare(base), exponent), unit=True)
    return elementwise(op.power, base, exponent)


def inverse(value: Value) -> Value:
    """The inverse of a square matrix."""
    if value.unit:
        return replace(value, node=op.power(value.node, -1))
    return Value(MatrixFunction("inv", value.node), value.letters)


def summed(value: Value, axes: Sequence[int]) -> Value:
    """The sum along axes of the array.

    Raises
    ------
    ParseError    if one is of ones of no stated length.
    """
    if value.unit:
        raise ParseError("the size of the identity matrix is not known", hint=r"write I_{n}")
    if value.elastic & set(axes):
        raise ParseError("the length of these ones is not known", hint=r"write it: \mathbf{1}_{n}")
    n = len(value.letters)
    return Value(op.sum_over(value.node, tuple(n + axis for axis in axes)), value.letters)
