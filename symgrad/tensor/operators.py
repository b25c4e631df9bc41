"""Builders of nodes with NumPy's meaning: arithmetic, broadcasting, products, axes, indices."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

from sympy import Expr, Float, Integer, Max, Min, Poly, Pow, Rational, S, Symbol

from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, Dim, Shape, as_dim, broadcast, same, same_shape, show
from symgrad.tensor.nodes import (
    INDEX,
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Labels,
    Leaf,
    Map,
    Node,
    Reduce,
    Total,
)
from symgrad.tensor.primitives import Reshape
from symgrad.tensor.scalar import ARGS


def exact(value: object) -> Expr:
    """A number as an exact SymPy number: 0.1 is 1/10; dimensions pass as they are.

    Raises
    ------
    DeclarationError    for anything that is neither; for NaN and infinities.
    """
    if isinstance(value, Rational):
        return _short(value)
    if value is S.Infinity or value is S.NegativeInfinity:
        value = float(value)  # type: ignore[arg-type]
    if isinstance(value, bool) or not isinstance(value, Real | Expr):
        raise DeclarationError(f"{value!r} is neither a tensor expression nor a number")
    if isinstance(value, Expr):
        if not all(isinstance(s, Symbol) for s in value.free_symbols):
            raise DeclarationError(
                f"{value} is plain SymPy; it cannot be mixed with tensors",
                hint="write an expression in one of the two ways",
            )
        known = {s: as_dim(s) for s in value.free_symbols}
        known |= {number: exact(float(number)) for number in value.atoms(Float)}
        result = value.xreplace(known) if known else value
        return _short(result) if isinstance(result, Rational) else _real(result)
    if isinstance(value, int | Fraction):
        return _short(Rational(value))
    if value != value or value in (float("inf"), float("-inf")):
        raise DeclarationError(
            f"{value} is not a number that an expression can hold",
            hint="a mask hides scores behind a large negative number, such as -1e9",
        )
    return Rational(repr(float(value)))


#: Powers within an exact number, such as 2**2**-0.5: towers of more take long to look at.
MOST_POWERS = 20

#: An exact number has at most so many bits above and below the bar; more is a slip or an attack.
MOST_BITS = 4096


def _short(value: Expr) -> Expr:
    """The exact number itself, unless it is too long or too large for floating point."""
    if value.p.bit_length() > MOST_BITS or value.q.bit_length() > MOST_BITS:
        raise DeclarationError("a number has too many digits", hint=f"at most {MOST_BITS} bits")
    if value.p.bit_length() - value.q.bit_length() > 1024:
        raise DeclarationError("a number is too large", hint="at most about 1e308")
    return value


def raised(base: Expr, exponent: Expr) -> Expr:
    """base ** exponent of exact numbers and dimensions.

    Raises
    ------
    DeclarationError    if the result is infinite, complex, or too long to be exact (2**10**10).
    """
    if base.is_zero and exponent.is_negative:
        raise DeclarationError("division by the number 0")
    length = max(base.p.bit_length(), base.q.bit_length()) if base.is_Rational else 1
    if exponent.is_Rational and abs(exponent) * (length - 1) > MOST_BITS:
        raise DeclarationError("a power of numbers is too long to be exact")
    result = base**exponent
    powers = result.atoms(Pow)
    if len(powers) > MOST_POWERS:
        raise DeclarationError("a number has too many powers within each other")
    for power in powers:
        size = power.exp
        if abs(size) > MOST_BITS if size.is_Rational else not _is_affine(size):
            raise DeclarationError("an exponent of a number or dimension is too large")
    return exact(result)


def _is_affine(value: Expr) -> bool:
    names = value.free_symbols
    return not names or (value.is_polynomial(*names) and Poly(value, *names).total_degree() <= 1)


def _real(value: Expr) -> Expr:
    """The number or scalar body itself, unless it holds what is no real number."""
    if value.has(*_INFINITE):
        value = "an infinite value (1/0, or the log of 0, for all values)"
    elif value.is_real is not False and not value.has(S.ImaginaryUnit, S.NaN):
        return value
    raise DeclarationError(f"{value} is not a number that an expression can hold")


_INFINITE = (S.Infinity, S.NegativeInfinity, S.ComplexInfinity)


def as_node(value: object) -> Node:
    """The node itself, or the Constant of a number or of an expression in dimensions."""
    if isinstance(value, Node):
        return value
    number = exact(value)
    for kind, ours in ((Min, scalar.minimum), (Max, scalar.maximum)):
        number = number.replace(kind, lambda *parts, ours=ours: reduce(ours, parts))
    return Constant(number)


def einsum(
    inputs: Sequence[Sequence[int]],
    output: Sequence[int],
    *factors: Node,
    sizes: dict[int, Dim] | None = None,
) -> Einsum:
    """An Einsum whose shape follows from its labels; `sizes` gives those that only broadcast."""
    known = dict(sizes or {})
    for labels, factor in zip(inputs, factors, strict=True):
        for label, size in zip(labels, factor.shape, strict=True):
            if label != UNIT and (size is not ONE or label not in known):
                known[label] = size
    shape = tuple(ONE if label == UNIT else known[label] for label in output)
    return Einsum(inputs, output, shape, *factors)


def full(value: object, shape: Shape) -> Node:
    """An array of that shape with one value everywhere; a Constant for shape ()."""
    node = as_node(value)
    return broadcast_to(node, shape)


def broadcast_to(node: Node, shape: Shape) -> Node:
    """The node with NumPy's broadcasting to a shape; itself where it has it."""
    if same_shape(node.shape, shape):
        return node
    lead = len(shape) - node.ndim
    labels = tuple(range(len(shape)))
    return Einsum((labels[lead:],), labels, shape, node)


def constant_of(node: Node) -> Expr | None:
    """The number that every entry of the node is, where it shows at once; else None."""
    while isinstance(node, Einsum) and len(node.factors) == 1 and node.factors[0].ndim == 0:
        node = node.factors[0]
    return node.value if isinstance(node, Constant) else None


def scale(coefficient: object, node: Node) -> Node:
    """A number, or an expression in dimensions, times a node."""
    c = exact(coefficient)
    value = constant_of(node)
    if value is not None:
        return full(c * value, node.shape)
    if c is S.One:
        return node
    if c is S.Zero:
        return full(0, node.shape)
    if isinstance(node, Total) and len(node.terms) == 1:
        return scale(c * node.coefficients[0], node.terms[0])
    return Total((c,), node)


def total(pairs: Iterable[tuple[object, Node]], shape: Shape) -> Node:
    """Σ coefficient · term of one shape; equal terms are collected, zeros dropped."""
    collected: dict[Node, Expr] = {}
    for coefficient, node in pairs:
        c = exact(coefficient)
        if isinstance(node, Total) and len(node.terms) == 1:
            c, node = c * node.coefficients[0], node.terms[0]
        value = constant_of(node)
        if value is not None:
            c, node = c * value, full(1, node.shape)
        collected[node] = collected.get(node, S.Zero) + c
    rows = [(c, node) for node, c in collected.items() if c != 0]
    if not rows:
        return full(0, shape)
    if len(rows) == 1:
        return scale(*rows[0])
    return Total(tuple(c for c, _ in rows), *(node for _, node in rows))


def _pair(a: object, b: object) -> tuple[Node, Node, Shape]:
    left, right = as_node(a), as_node(b)
    return left, right, _broadcast(left, right)


def _broadcast(left: Node, right: Node) -> Shape:
    return broadcast(left.shape, right.shape, f"{_named(left)} and {_named(right)}")


def add(a: object, b: object) -> Node:
    """a + b, broadcast."""
    left, right, shape = _pair(a, b)
    return total(((1, broadcast_to(left, shape)), (1, broadcast_to(right, shape))), shape)


def subtract(a: object, b: object) -> Node:
    """a − b, broadcast."""
    left, right, shape = _pair(a, b)
    return total(((1, broadcast_to(left, shape)), (-1, broadcast_to(right, shape))), shape)


def multiply(a: object, b: object) -> Node:
    """a · b entry by entry, broadcast."""
    left, right, shape = _pair(a, b)
    for number, node in ((left, right), (right, left)):
        value = constant_of(number)
        if value is not None:
            return scale(value, broadcast_to(node, shape))
    labels = tuple(range(len(shape)))
    inputs = (labels[len(shape) - left.ndim :], labels[len(shape) - right.ndim :])
    return Einsum(inputs, labels, shape, left, right)


def divide(a: object, b: object) -> Node:
    """a / b entry by entry, broadcast."""
    right = as_node(b)
    value = constant_of(right)
    if value is not None:
        return scale(
            raised(value, S.NegativeOne), broadcast_to(as_node(a), _broadcast(as_node(a), right))
        )
    return multiply(a, apply(1 / ARGS[0], right))


def power(a: object, b: object) -> Node:
    """a ** b entry by entry, broadcast; a small whole power is a product."""
    left, right, shape = _pair(a, b)
    base, exponent = constant_of(left), constant_of(right)
    if base is not None and exponent is not None:
        return full(raised(base, exponent), shape)
    if exponent is None:
        return apply(ARGS[0] ** ARGS[1], left, right)
    left = broadcast_to(left, shape)
    if exponent.is_Integer and 0 <= exponent <= 4:
        labels = tuple(range(len(shape)))
        copies = int(exponent)
        if copies < 2:
            return left if copies else full(1, shape)
        return Einsum((labels,) * copies, labels, shape, *(left,) * copies)
    return apply(ARGS[0] ** exponent, left)


def apply(body: Expr, *operands: object) -> Node:
    """A scalar function of ARGS applied to each entry of the operands, which are broadcast.

    Operands that are numbers throughout enter the body.
    """
    nodes = [as_node(operand) for operand in operands]
    shape: Shape = nodes[0].shape
    for left, right in pairwise(nodes):
        shape = broadcast(shape, right.shape, f"{_named(left)} and {_named(right)}")
    kept: list[Node] = []
    values: dict[Symbol, Expr] = {}
    for argument, node in zip(ARGS, nodes, strict=False):
        value = constant_of(node)
        if value is None:
            values[argument] = ARGS[len(kept)]
            kept.append(broadcast_to(node, shape))
        else:
            values[argument] = value
    body = _real(body.xreplace(values))
    if not body.free_symbols & set(ARGS):
        return full(body, shape)
    if body == ARGS[0]:
        return kept[0]
    return Map(body, *kept)


def fused(body: Expr, *operands: object) -> Node:
    """As `apply`, with the bodies of operands that are Maps written into the body.

    Derivatives then go by branches: what is infinite on a branch not taken never meets a zero.
    """
    inner: list[Node] = []
    values: dict[Symbol, Expr] = {}
    for argument, operand in zip(ARGS, map(as_node, operands), strict=False):
        is_map = isinstance(operand, Map)
        parts = operand.operands if is_map else (operand,)
        inner += [part for part in dict.fromkeys(parts) if part not in inner]
        places = [ARGS[inner.index(part)] for part in parts]
        bound = dict(zip(operand.bound, places, strict=True)) if is_map else {}
        values[argument] = operand.body.xreplace(bound) if is_map else places[0]
    return apply(body.xreplace(values), *inner)


def compare(name: str, a: object, b: object) -> Node:
    """The 0/1 array of a comparison: gt, ge, lt, le, eq, ne."""
    return apply(scalar.FUNCTIONS[name].kind(ARGS[0], ARGS[1]), a, b)


def transpose(node: Node, axes: Sequence[int] | None = None) -> Node:
    """The node with its axes in another order (reversed without one)."""
    order = tuple(reversed(range(node.ndim))) if axes is None else tuple(axes)
    order = tuple(k + node.ndim if k < 0 else k for k in order)
    if sorted(order) != list(range(node.ndim)):
        raise ShapeError(f"transpose: {order} is no order of the axes of {show(node.shape)}")
    if order == tuple(range(node.ndim)):
        return node
    return einsum((tuple(range(node.ndim)),), order, node, sizes=dict(enumerate(node.shape)))


def matrix_transpose(node: Node) -> Node:
    """The transpose of each matrix of a stack: the last two axes exchanged."""
    *stack, row, column = range(node.ndim)
    return transpose(node, (*stack, column, row))


def reshape(node: Node, shape: Shape) -> Node:
    """The entries, in row-major order, in another shape; unit axes alone are no reshape."""
    if isinstance(node, Reshape):
        node = node.operand
    if same_shape(node.shape, shape):
        return node
    value = constant_of(node)
    if value is not None:
        Reshape(shape, node)  # raises where the numbers of entries differ
        return full(value, shape)
    axes = [k for k, d in enumerate(node.shape) if d is not ONE]
    places = [k for k, d in enumerate(shape) if d is not ONE]
    if same_shape(tuple(node.shape[k] for k in axes), tuple(shape[k] for k in places)):
        at = dict(zip(axes, places, strict=True))
        inner = tuple(at.get(k, UNIT) for k in range(node.ndim))
        output = tuple(UNIT if d is ONE else k for k, d in enumerate(shape))
        return einsum((inner,), output, node, sizes=dict(enumerate(shape)))
    return Reshape(shape, node)


def matmul(a: object, b: object) -> Node:
    """A @ b with NumPy's meaning for vectors, matrices and stacks of them.

    Raises
    ------
    ShapeError    for scalars, and where the inner dimensions differ; names both operands.
    """
    left, right = as_node(a), as_node(b)
    title = f"matmul: {_named(left)} @ {_named(right)}"
    if not left.ndim or not right.ndim:
        raise ShapeError(f"{title}: an operand is a scalar", hint="use * for products with numbers")
    inner, other = left.shape[-1], right.shape[0 if right.ndim == 1 else -2]
    if not same(inner, other):
        raise ShapeError(
            f"{title}: inner dimensions {inner} and {other} differ",
            hint="the last axis of the left factor must be the last but one of the right",
        )
    rows = left.shape[-2:-1]
    columns = right.shape[-1:] if right.ndim > 1 else ()
    batch = broadcast(left.shape[:-2], right.shape[:-2])
    shape = batch + rows + columns
    labels = tuple(range(len(shape)))
    row, column = labels[len(batch) : len(batch) + len(rows)], labels[len(batch) + len(rows) :]
    summed = (len(shape),)

    def stack(node: Node) -> Labels:
        lead = max(node.ndim - 2, 0)
        return labels[len(batch) - lead : len(batch)]

    inputs = (stack(left) + row + summed, stack(right) + summed + column)
    return Einsum(inputs, labels, shape, left, right)


def _named(node: Node) -> str:
    name = node.name if isinstance(node, Leaf) else "an expression"
    return f"{name} {show(node.shape)}"


def axes_of(node: Node, axis: object, what: str = "axis") -> tuple[int, ...]:
    """Axes as non-negative numbers; None is all of them.

    Raises
    ------
    ShapeError    if one is out of range or stands twice.
    """
    if axis is None:
        return tuple(range(node.ndim))
    listed = axis if isinstance(axis, tuple | list) else (axis,)
    result = []
    for each in listed:
        k = whole(each, what)
        if not -node.ndim <= k < node.ndim:
            raise ShapeError(f"{what} {k} is out of range for shape {show(node.shape)}")
        result.append(k % node.ndim)
    if len(set(result)) < len(result):
        raise ShapeError(f"{what} {axis} names an axis twice")
    return tuple(sorted(result))


def whole(value: object, what: str) -> int:
    """A whole number: Python's, NumPy's, SymPy's, or that of a Constant."""
    found = number(value)
    if isinstance(found, bool) or not isinstance(found, Integral | Integer):
        raise DeclarationError(f"{what} must be a whole number, not {value!r}")
    return int(found)


def number(value: object) -> Any:
    """The value of a Constant, where the smaller of two sizes is a size; anything else as it is."""
    return value.value.replace(scalar.minimum, Min) if isinstance(value, Constant) else value


def keep(node: Node, shape: Shape, axes: tuple[int, ...]) -> Node:
    """A result without `axes` given them back as unit axes (NumPy's keepdims)."""
    labels = tuple(UNIT if k in axes else k for k in range(len(shape)))
    inner = tuple(k for k in labels if k != UNIT)
    return einsum((inner,), labels, node, sizes={k: shape[k] for k in inner})


def sum_over(node: Node, axis: object = None, keepdims: bool = False) -> Node:
    """The sum along axes."""
    axes = axes_of(node, axis)
    labels = tuple(range(node.ndim))
    output = tuple(k for k in labels if k not in axes)
    if keepdims:
        output = tuple(UNIT if k in axes else k for k in labels)
    return einsum((labels,), output, node, sizes=dict(enumerate(node.shape)))


def count(node: Node, axis: object = None) -> Expr:
    """The number of entries along axes."""
    result: Expr = S.One
    for k in axes_of(node, axis):
        result *= node.shape[k]
    return result


def along(kind: type[Any], node: Node, axis: object, keepdims: bool = False, *head: object) -> Node:
    """Reduce or LogSumExp along axes; axes of size 1 are no work."""
    axes = axes_of(node, axis)
    result = kind(*head, axes, node) if axes else node
    return keep(result, node.shape, axes) if keepdims else result


def extremum(op: str, node: Node, axis: object = None, keepdims: bool = False) -> Node:
    """The maximum ("max") or minimum ("min") along axes."""
    return along(Reduce, node, axis, keepdims, op)


def eye(size: object) -> Node:
    """The identity matrix."""
    n = as_dim(size)
    return Iverson("eq", INDEX[0] - INDEX[1], (n, n))


def is_identity(node: Node) -> bool:
    """Whether it is the identity matrix."""
    bare = isinstance(node, Iverson) and node.op == "eq" and not node.operands and node.ndim == 2
    return bare and node.condition == INDEX[0] - INDEX[1] and same(*node.shape)  # type: ignore[attr-defined]


def arange(size: object) -> Node:
    """The numbers 0, 1, …, size − 1, each the count of those before it: Σⱼ [j < i]."""
    n = as_dim(size)
    if n is ONE:
        return full(0, (n,))
    return sum_over(Iverson("ge", INDEX[0] - INDEX[1] - 1, (n, n)), 1)
