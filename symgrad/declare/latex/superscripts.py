"""Superscripts: transposes, inverses and powers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from symgrad.declare.latex.resolve import is_transpose
from symgrad.declare.latex.trees import Above, Mark, Name, Number, Product, Sum, Tree
from symgrad.declare.latex.values import Value, inverse, matmul, power, sized, transposed
from symgrad.tensor import operators as op
from symgrad.tensor.dims import same
from symgrad.tensor.primitives import MatrixFunction

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader

#: The highest power of a matrix that is written out.
MOST_POWER = 64


def raised(reader: "Reader", value: Value, above: Sequence[Above], tree: Tree) -> Value:
    """A value with its superscripts, one after the other."""
    for each in above:
        value = _raised(reader, value, each, tree)
    return value


def _raised(reader: "Reader", value: Value, above: Above, tree: Tree) -> Value:
    if above.mark == "+":
        return _of_matrix(reader, "pinv", value, tree)
    if above.mark:
        reader.fail(f"cannot read the superscript {above.mark!r}", tree)
    if len(above.items) != 1:
        reader.fail("a superscript is one exponent", above.items[0])
    (item,) = above.items
    if not above.entrywise:
        special = _special(reader, value, item, tree)
        if special is not None:
            return special
    exponent = reader.value(item)
    number = op.constant_of(exponent.node) if not exponent.letters and not exponent.unit else None
    square = value.unit or (value.rank == 2 and same(*value.shape) and not value.elastic)
    if not above.entrywise and square and number is not None and number.is_Integer:
        return _matrix_power(reader, value, int(number), tree)
    if not above.entrywise and square and not value.unit:
        reader.fail("is this a power of a matrix or of its entries?", item,
                    r"write ^{\odot p} for entries")  # fmt: skip
    if exponent.rank and not above.entrywise and value.rank:
        reader.fail("the exponent of an array is a number", item, r"entry by entry: x^{\odot y}")
    return power(value, exponent)


def _special(reader: "Reader", value: Value, item: Tree, tree: Tree) -> Value | None:
    """What is no power: T, −T, +, +T; None for powers."""
    if is_transpose(item):
        return _turned(reader, value, item, tree)
    match item:
        case Mark(kind="pinv"):
            return _of_matrix(reader, "pinv", value, tree)
        case Mark(kind="prime"):
            return transposed(value)
        case Sum(terms=(Mark() | Name() as mark,), signs=(1,)) if is_transpose(mark):
            return transposed(_of_matrix(reader, "pinv", value, tree))
        case Sum(terms=(Mark() | Name() as mark,), signs=(-1,)) if is_transpose(mark):
            return transposed(_inverted(reader, value, tree))
        case Sum(terms=(Product(factors=(Number(text="1"), mark)),), signs=(-1,)) if is_transpose(
            mark
        ):
            return transposed(_inverted(reader, value, tree))
    return None


def _turned(reader: "Reader", value: Value, item: Tree, tree: Tree) -> Value:
    """The transpose; of a number with a T that is declared, the power."""
    if isinstance(item, Name) and value.rank == 0 and not value.unit:
        found = reader.found("T", (), ())
        if found is not None and not found.lowered and not found.note:
            return power(value, reader.value(item))
    return transposed(value)


def _inverted(reader: "Reader", value: Value, tree: Tree) -> Value:
    if value.rank != 2:
        reader.fail("only a matrix has an inverse", tree)
    return inverse(value)


def _of_matrix(reader: "Reader", name: str, value: Value, tree: Tree) -> Value:
    if value.rank != 2 or value.unit or value.elastic:
        reader.fail(f"{name} is of a matrix of a stated size", tree)
    return Value(MatrixFunction(name, value.node), value.letters)


def _matrix_power(reader: "Reader", value: Value, exponent: int, tree: Tree) -> Value:
    """A A ... A of a square matrix; its inverse."""
    if exponent < 0:
        value, exponent = inverse(value), -exponent
    if value.unit:
        return power(value, Value(op.as_node(exponent)))
    if exponent > MOST_POWER:
        reader.fail(f"a power of a matrix is at most {MOST_POWER}", tree)
    if exponent == 0:
        return sized(Value(op.as_node(1), unit=True), value.shape[0])
    result = value
    for _ in range(exponent - 1):
        result = matmul(result, value)
    if exponent > 1:
        reader.note(
            r"a power of a square matrix is a product of matrices; ^{\odot 2} is of entries"
        )
    return result
