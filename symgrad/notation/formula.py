"""Formulas: the closed set of matrix-notation forms that nodes are read as and printers print."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from typing import TypeVar

from sympy import Expr, Integer, floor

from symgrad.tensor.dims import Shape, as_dim, same
from symgrad.tensor.nodes import Leaf

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Formula:
    """A form of a shape, NumPy's; in mathematics a vector (n,) is a column."""

    shape: Shape

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def parts(self) -> tuple["Formula", ...]:
        """The formulas directly inside, in the order of the fields."""
        return tuple(_parts(self))


def _parts(formula: Formula) -> Iterator[Formula]:
    for field in fields(formula):
        value = getattr(formula, field.name)
        if isinstance(value, Formula):
            yield value
        elif isinstance(value, tuple):
            yield from (each for each in value if isinstance(each, Formula))


@dataclass(frozen=True, slots=True, eq=False)
class Name(Formula):
    """A symbol."""

    leaf: Leaf


@dataclass(frozen=True, slots=True, eq=False)
class Number(Formula):
    """A number, or an expression in dimensions; shape ()."""

    value: Expr


@dataclass(frozen=True, slots=True, eq=False)
class Identity(Formula):
    """The identity matrix."""


@dataclass(frozen=True, slots=True, eq=False)
class OneHot(Formula):
    """The rows [k = y_i] of integer labels y; the classes are the last axis."""

    labels: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Bracket(Formula):
    """The 0/1 array [condition = 0] or [condition ≥ 0]; the fields are an Iverson's."""

    op: str
    condition: Expr
    operand_axes: tuple[tuple[int, ...], ...]
    operands: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sum(Formula):
    """Σ ± term, entry by entry; the terms have the shape of the sum."""

    signs: tuple[int, ...]
    terms: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Product(Formula):
    """± top/bottom · Π over / Π under, entry by entry; top and bottom are the coefficient's.

    Each factor has the shape of the product or is a scalar; at least one has the shape.
    """

    coefficient: Expr
    top: Number | None
    bottom: Number | None
    over: tuple[Formula, ...]
    under: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Power(Formula):
    """base ** exponent, entry by entry; the exponent may be a scalar."""

    base: Formula
    exponent: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Call(Formula):
    """A scalar function of the table, entry by entry."""

    name: str
    arguments: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Compare(Formula):
    """The 0/1 array [left op right]."""

    op: str
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Unknown(Formula):
    """An unspecified scalar function or its derivative, entry by entry."""

    name: str
    orders: tuple[int, ...]
    arguments: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class UnknownTensor(Formula):
    """An unspecified function of tensors, or its derivative by the arguments `wrt`."""

    name: str
    wrt: tuple[int, ...]
    arguments: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Along(Formula):
    """sum, max, logsumexp, argmax ... (the axes go, or stay as 1) or softmax (the axes stay)."""

    name: str
    axes: tuple[int, ...]
    keepdims: bool
    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Norm2(Formula):
    """‖x‖², the sum of squares of all entries."""

    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Inner(Formula):
    """The sum of all entries of left ⊙ right."""

    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Trace(Formula):
    """The trace of a matrix."""

    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Chain(Formula):
    """A product of matrices; a vector may end it as a column, or begin it transposed."""

    factors: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Outer(Formula):
    """left rightᵀ of two vectors (n,)."""

    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Transpose(Formula):
    """All axes in reverse order; of a vector (n,) it is the row, whose array is the vector's."""

    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Diag(Formula):
    """The diagonal matrix of a vector."""

    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Diagonal(Formula):
    """The diagonal of a square matrix."""

    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Matrix(Formula):
    """A function of a matrix: its inverse, determinant, eigenvalues ... by MATRIX_KINDS' name."""

    name: str
    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Kronecker(Formula):
    """The Kronecker product of two matrices."""

    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Reshaped(Formula):
    """The entries, in row-major order, in another shape."""

    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Fixed(Formula):
    """The operand, a constant to every derivative."""

    operand: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Spread(Formula):
    """A broadcast: axis k of the operand is axis `axes[k]` of the shape, increasing.

    An axis of size 1 stretches.
    """

    operand: Formula
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Squeeze(Formula):
    """The operand without axes of size 1."""

    operand: Formula
    axes: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class At(Formula):
    """The operand at integer labels or a fixed position along one axis."""

    operand: Formula
    axis: int
    index: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Cut(Formula):
    """The operand from `start` by `step`, which may be negative, along one axis."""

    operand: Formula
    axis: int
    start: Expr
    step: Expr

    @property
    def begins(self) -> Expr | None:
        """The start of the slice; None where that is the end of the axis where it must be."""
        end = 0 if self.step > 0 else self.operand.shape[self.axis] - 1
        return None if same(self.start, end) else self.start

    @property
    def stop(self) -> Expr | None:
        """The end of the slice; None where it goes to the end of the axis."""
        length, step = self.shape[self.axis], self.step
        size = self.operand.shape[self.axis]
        room = size - self.start + step - 1 if step > 0 else self.start - step
        most = floor(room / abs(step))
        if same(length, as_dim(most)):
            return None
        return (self.start + step * (length - 1) + (1 if step > 0 else -1)).expand()


@dataclass(frozen=True, slots=True, eq=False)
class Placed(Formula):
    """The operand from position `front` on along one axis, with zeros around it."""

    operand: Formula
    axis: int
    front: Expr

    @property
    def behind(self) -> Expr:
        """The number of zeros behind it."""
        return (self.shape[self.axis] - self.front - self.operand.shape[self.axis]).expand()


@dataclass(frozen=True, slots=True, eq=False)
class Joined(Formula):
    """The pieces one after the other along one axis."""

    axis: int
    pieces: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Indexed(Formula):
    """Σ Π factor[labels]: what no matrix form is known for."""

    output: tuple[int, ...]
    inputs: tuple[tuple[int, ...], ...]
    factors: tuple[Formula, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Windowed(Formula):
    """A convolution, or the maxima of windows: a function's call, and the same with indices.

    `exchanged`: batches and channels of both arguments and of the result change places, and the
    result is cut to its shape.
    """

    name: str
    arguments: tuple[Formula, ...]
    options: tuple[tuple[str, tuple[Expr, ...]], ...]
    exchanged: bool
    indexed: Formula


@dataclass(frozen=True, slots=True, eq=False)
class Correlation(Formula):
    """Σ Π others · (left ⋆ right) or (left ∗ right) of the last axes, and the same with indices.

    For ⋆, `left` has `padding` zeros around it, and `stride` says which entries are taken along
    each axis; of ∗, as many entries go at each end. `inputs` are the labels of all other axes of
    left and right, and of the others.
    """

    kind: str
    stride: tuple[Expr, ...]
    padding: Expr
    output: tuple[int, ...]
    inputs: tuple[tuple[int, ...], ...]
    left: Formula
    right: Formula
    others: tuple[Formula, ...]
    indexed: Formula

    @property
    def rank(self) -> int:
        """The number of axes along which it goes."""
        return len(self.stride)


def fold(
    root: Formula,
    rules: dict[type[Formula], Callable[..., T]],
    *context: object,
    check: Callable[[T], T],
) -> T:
    """rule(formula, results of its parts, *context), checked, from the inside out; no recursion."""
    results: dict[Formula, T] = {}
    stack = [root]
    while stack:
        formula = stack[-1]
        if formula in results:
            stack.pop()
            continue
        waiting = [part for part in formula.parts if part not in results]
        if waiting:
            stack.extend(reversed(waiting))
        else:
            stack.pop()
            parts = [results[part] for part in formula.parts]
            results[formula] = check(rules[type(formula)](formula, parts, *context))
    return results[root]


#: Every class of formula; each printer has a rule for each, asserted where it is made.
FORMS: frozenset[type[Formula]] = frozenset(
    kind
    for kind in list(globals().values())
    if isinstance(kind, type) and issubclass(kind, Formula) and kind is not Formula
)


def affine(condition: Expr, names: Iterable[Expr]) -> tuple[list[tuple[Expr, Expr]], Expr]:
    """A condition as Σ coefficient · name, and the rest; in p i + k that of i is p."""
    known, pairs, rest = set(names), list[tuple[Expr, Expr]](), Integer(0)
    for term, number in condition.as_coefficients_dict().items():
        inside = known & term.free_symbols
        if inside:
            (name,) = inside
            pairs.append((name, number * term / name))
        else:
            rest += number * term
    return pairs, rest
