r"""Correlations A \star B, convolutions A \ast B of vectors and images, and zeros around them."""

from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

from sympy import Expr, expand

from symgrad.declare.latex.functions import Function
from symgrad.declare.latex.values import Value, elementwise, product, union
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import ParseError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, as_dim, same, show
from symgrad.tensor.nodes import INDEX, UNIT, Iverson, Labels, Node

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader


def correlated(left: Value, right: Value) -> Value:
    r"""x \star k: y_j = Σ_t k_t x_{t+j}, where k lies inside x; of images along both axes."""
    if not _are_arrays(left, right):
        raise ParseError(
            r"\star is of two vectors or of two images",
            hint=r"name examples and channels: Z_{ij} = \sum_{k} X_{ik} \star W_{jk}",
        )
    sizes = [expand(n - k + 1) for n, k in zip(left.shape, right.shape, strict=True)]
    if any(size.is_nonpositive for size in sizes):
        raise ShapeError(
            f"{show(right.shape)} does not lie inside {show(left.shape)}",
            hint=r"the longer array stands first: X \star W",
        )
    return _windowed(left, right, [as_dim(size) for size in sizes], full=False)


def convolved(reader: "Reader", left: Value, right: Value) -> Value:
    r"""x \ast k: y_j = Σ_t k_t x_{j−t}, wherever they meet; or the product of entries, which people
    write so as well.
    """
    if left.unit or right.unit or left.is_scalar or right.is_scalar:
        return product(left, right)
    if not _are_arrays(left, right):
        return elementwise(op.multiply, left, right)
    pairs = list(zip(left.shape, right.shape, strict=True))
    fit = all(same(a, b) or ONE in (a, b) for a, b in pairs)
    if fit and not reader.pick(2, r"write a \odot b for a product of entries"):
        return elementwise(op.multiply, left, right)
    return _windowed(left, right, [as_dim(expand(a + b - 1)) for a, b in pairs], full=True)


def padded(
    reader: "Reader", fn: Function, arguments: list[Value], options: dict[str, object]
) -> Value:
    r"""\operatorname{pad}(x, p): p zeros at each end of each axis."""
    number = op.constant_of(arguments[1].node) if len(arguments) == 2 and not options else None
    if number is None or fn.head.below or arguments[1].letters:
        reader.fail("pad takes an array and a number of zeros", fn.head)
    value = arguments[0]
    widths = [(0, 0)] * len(value.letters) + [(number, number)] * value.rank
    return Value(FUNCTIONS["pad"](value.node, widths), value.letters)


def _are_arrays(left: Value, right: Value) -> bool:
    """Whether they are two vectors or two images of stated sizes."""
    both = (left, right)
    return left.rank == right.rank in (1, 2) and not any(v.unit or v.elastic for v in both)


def _windowed(left: Value, right: Value, shape: Sequence[Dim], *, full: bool) -> Value:
    """Σ with [h = i + u] along each axis; h is of the left array, or of the result if `full`."""
    letters = union(left, right)
    label = {letter: k for k, letter in enumerate(letters)}
    lead = [[label[letter] for letter in value.letters] for value in (left, right)]
    rows: list[list[int]] = [*lead, [*label.values()]]  # labels of left, right and the result
    fresh = count(len(letters))
    brackets: list[Labels] = []
    for three in zip(left.shape, right.shape, shape, strict=True):
        if ONE in three:  # the two others are the same axis
            only = next(fresh)
            triple = tuple(UNIT if size is ONE else only for size in three)
        else:
            triple = tuple(next(fresh) for _ in three)
            brackets.append((triple[2], *triple[:2]) if full else (triple[0], triple[2], triple[1]))
        for row, k in zip(rows, triple, strict=True):
            row.append(k)
    known = dict(zip((*rows[0], *rows[1]), (*left.node.shape, *right.node.shape), strict=True))
    known |= dict(zip(rows[2][len(letters) :], shape, strict=True))
    sizes = {k: size for k, size in known.items() if size is not ONE}
    inputs, output = ([k if k in sizes else UNIT for k in row] for row in rows[:2]), rows[2]
    condition = INDEX[0] - INDEX[1] - INDEX[2]
    windows = [_bracket(condition, own, sizes) for own in brackets]
    node = op.einsum(
        [*inputs, *(own for _, own in windows)],
        [k if k in sizes else UNIT for k in output],
        left.node,
        right.node,
        *(bracket for bracket, _ in windows),
        sizes=sizes,
    )
    return Value(node, letters)


def _bracket(condition: Expr, labels: Labels, sizes: dict[int, Dim]) -> tuple[Node, Labels]:
    """[h = i + u], and its labels."""
    shape = tuple(sizes.get(k, ONE) for k in labels)
    units = tuple(k if k in sizes else UNIT for k in labels)
    return Iverson("eq", condition, shape), units
