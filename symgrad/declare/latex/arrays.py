"""Functions of whole arrays: softmax, sums along axes, traces, norms, Kronecker products."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sympy import S

from symgrad.declare.latex.correlations import padded
from symgrad.declare.latex.functions import Function
from symgrad.declare.latex.scope import spelled_all
from symgrad.declare.latex.superscripts import raised
from symgrad.declare.latex.trees import Above, Group, Tree
from symgrad.declare.latex.values import Value, elementwise, product, spread, summed, union
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, same, show
from symgrad.tensor.nodes import Leaf, Node
from symgrad.tensor.primitives import MatrixFunction

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader

Options = dict[str, Any]
Rule = Callable[["Reader", Function, list[Value], Options], Value]


def plain(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    """A function of the vocabulary as it is, of arrays without indices."""
    if fn.head.below:
        reader.fail(f"cannot read the subscript of {fn.name}", fn.head)
    if any(value.letters for value in arguments):
        reader.fail(f"{fn.name} of entries is not read", fn.head, "write it of the whole array")
    try:
        result = FUNCTIONS[fn.name](*(value.node for value in arguments), **options)
    except TypeError:
        reader.fail(f"{fn.name} does not take these arguments", fn.head)
    if not isinstance(result, Node):
        reader.fail(f"{fn.name} has several results", fn.head)
    return Value(result)


def _single(reader: "Reader", fn: Function, arguments: list[Value]) -> Value:
    """The one argument."""
    if len(arguments) != 1:
        reader.fail(f"{fn.name} takes one argument", fn.head)
    return arguments[0]


def _axes(reader: "Reader", fn: Function) -> tuple[int, ...] | None:
    r"""The axes of \max_{\text{axis }0}."""
    text = spelled_all(fn.head.below).replace(" ", "")
    for word in ("axis", "axes"):
        digits = text.removeprefix(word).split(",")
        if text.startswith(word) and all(each.lstrip("-").isdigit() for each in digits):
            return tuple(map(int, digits))
    if fn.head.below:
        reader.fail(f"cannot read the subscript of {fn.name}", fn.head)
    return None


def _soft(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    """Softmax and its kin along rows, or along columns where examples are columns."""
    value = _single(reader, fn, arguments)
    if value.rank == 0:
        reader.fail(f"{fn.name} is of a vector or a matrix", fn.head)
    said = _axes(reader, fn)
    axis = options.get("axis", said[0] if said else None)
    axis = soft_axis(reader, value) if axis is None else axis
    axis = len(value.letters) + axis if axis >= 0 else axis
    node = FUNCTIONS[fn.name](value.node, axis=axis)
    return Value(node, value.letters, value.lying and node.ndim == value.node.ndim)


def soft_axis(reader: "Reader", value: Value) -> int:
    """The axis of classes: as the network takes its softmax, as targets are one-hot, or the one
    that does not count the examples.
    """
    scope = reader.scope
    if value.rank != 2:
        return -1
    if isinstance(value.node, Leaf) and value.node.name in scope.soft:
        return scope.soft[value.node.name][0]
    for node in scope.nodes.values():
        if isinstance(node, Leaf) and node.shape == value.shape and node.role != "parameter":
            kind, _, axis = node.domain.partition(":")
            if kind in ("onehot", "simplex"):
                return 0 if axis == "0" else -1
    batch = scope.batch()
    rows, columns = value.shape
    columns_count = batch is not None and same(columns, batch) and not same(rows, batch)
    return 0 if columns_count else -1


def _along(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    """Sums, means and extrema of all entries or along an axis; the maximum of two arrays."""
    if len(arguments) == 2 and fn.name in ("max", "min") and not options:
        return elementwise(FUNCTIONS["maximum" if fn.name == "max" else "minimum"], *arguments)
    value = _single(reader, fn, arguments)
    said = options.get("axis", _axes(reader, fn))
    axes = tuple(range(value.rank)) if said is None else said
    axes = (axes,) if isinstance(axes, int) else axes
    if any(not -value.rank <= k < value.rank for k in axes):
        raise ShapeError(f"axis {axes} is out of range for shape {show(value.shape)}")
    if not axes:
        return value
    axes = tuple(len(value.letters) + k % value.rank for k in axes)
    keep = bool(options.get("keepdims"))
    return Value(FUNCTIONS[fn.name](value.node, axis=axes, keepdims=keep), value.letters)


def _lines(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    """The sums of the rows of a matrix, or of its columns."""
    value = _single(reader, fn, arguments)
    if value.rank != 2:
        raise ShapeError(f"{fn.name} is of a matrix, not of {show(value.shape)}")
    result = summed(value, (1,) if fn.name == "rowsum" else (0,))
    return replace(result, lying=fn.name == "colsum")


def _trace(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    value = _single(reader, fn, arguments)
    if value.rank == 0:
        return value
    if value.rank != 2 or not same(*value.shape):
        raise ShapeError(f"the trace is of a square matrix, not of {show(value.shape)}")
    n, sizes = len(value.letters), dict(enumerate(value.node.shape))
    return Value(
        op.einsum(((*range(n), n, n),), tuple(range(n)), value.node, sizes=sizes), value.letters
    )


def _diag(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    value = _single(reader, fn, arguments)
    if value.rank == 1:
        return diagonal(value)
    if value.rank == 2 and ONE in value.shape and value.shape != (ONE, ONE):
        axis = len(value.letters) + (0 if value.shape[0] is ONE else 1)
        return diagonal(Value(op.sum_over(value.node, axis), value.letters))
    return plain(reader, fn, arguments, options)


def diagonal(value: Value) -> Value:
    """The diagonal matrix of a vector."""
    if value.rank != 1:
        raise ShapeError(f"a diagonal matrix is of a vector, not of {show(value.shape)}")
    if not value.letters:
        return Value(FUNCTIONS["diag"](value.node))
    return Value(op.multiply(value.node[(..., None)], op.eye(value.shape[0])), value.letters)


def _pair(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    """Functions of several arrays, entry by entry."""
    if options or len(arguments) != (3 if fn.name == "where" else 2):
        reader.fail(f"{fn.name} does not take these arguments", fn.head)
    return elementwise(FUNCTIONS[fn.name], *arguments)


def _matrix(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    """Functions of a matrix; a number is its own determinant."""
    value = _single(reader, fn, arguments)
    if options or fn.head.below:
        reader.fail(f"{fn.name} takes one argument", fn.head)
    if value.rank == 0 and fn.name in ("det", "inv"):
        return value if fn.name == "det" else elementwise(lambda x: op.power(x, -1), value)
    return Value(MatrixFunction(fn.name, value.node), value.letters)


def _joined(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    axes = _axes(reader, fn) or (options.get("axis", 0),)
    return concatenated(arguments, axes[0])


def _dot(reader: "Reader", fn: Function, arguments: list[Value], options: Options) -> Value:
    if len(arguments) != 2 or options:
        reader.fail("dot takes two arguments", fn.head)
    return plain(reader, fn, arguments, options)


RULES: dict[str, Rule] = (
    dict.fromkeys(("softmax", "log_softmax", "logsumexp"), _soft)
    | dict.fromkeys(("sum", "mean", "max", "min", "prod", "var"), _along)
    | dict.fromkeys(("rowsum", "colsum"), _lines)
    | dict.fromkeys(("maximum", "minimum", "where"), _pair)
    | dict.fromkeys(("det", "logdet", "inv", "pinv", "expm", "cholesky", "eigvals"), _matrix)
    | {"trace": _trace, "diag": _diag, "concatenate": _joined, "dot": _dot, "pad": padded}
)


def concatenated(values: Sequence[Value], axis: int) -> Value:
    """Arrays one after the other along an axis."""
    if any(value.unit or value.elastic for value in values):
        raise ShapeError("what has no stated size cannot stand in a list")
    letters = union(*values)
    if not letters:
        return Value(FUNCTIONS["concatenate"]([value.node for value in values], axis=axis))
    sizes: dict[str, Dim] = {}
    for value in values:
        sizes |= value.sizes
    nodes = [
        op.broadcast_to(
            spread(value, letters, value.rank), tuple(sizes[k] for k in letters) + value.shape
        )
        for value in values
    ]
    at = axis if axis < 0 else len(letters) + axis
    return Value(FUNCTIONS["concatenate"](nodes, axis=at), letters)


_ORDERS: dict[str, object] = {"1": 1, "2": 2, "inf": S.Infinity, "*": "nuc"}


def norm(reader: "Reader", tree: Group, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Value:
    r"""\lVert x \rVert_2^2 and |x|: norms, absolute values."""
    if len(tree.items) != 1:
        reader.fail("a norm is of one array", tree)
    value = reader.value(tree.items[0])
    if value.unit or value.elastic:
        reader.fail("the norm of a matrix or vector of no stated size", tree)
    if tree.kind == "BAR" or value.rank == 0:
        return raised(reader, _absolute(reader, value, tree, below), above, tree)
    order = spelled_all(below)
    n = len(value.letters)
    axes = tuple(range(n, value.node.ndim))
    if order in ("", "F", "Frob") or (order == "2" and value.rank == 1):
        if len(above) == 1 and spelled_all(above[0].items) == "2" and not above[0].entrywise:
            return Value(op.sum_over(op.power(value.node, 2), axes), value.letters)
        whole = {"axis": axes} if n else {}
        result = Value(FUNCTIONS["norm"](value.node, **whole), value.letters)
        return raised(reader, result, above, tree)
    if order not in _ORDERS or value.rank not in (1, 2):
        reader.fail("cannot read this norm", tree)
    axis = axes[0] if value.rank == 1 else axes
    result = Value(FUNCTIONS["norm"](value.node, ord=_ORDERS[order], axis=axis), value.letters)
    return raised(reader, result, above, tree)


def _absolute(reader: "Reader", value: Value, tree: Group, below: tuple[Tree, ...]) -> Value:
    if below:
        reader.fail("cannot read this subscript", below[0])
    if value.rank == 2 and same(*value.shape):
        reader.fail(
            "are these bars absolute values or a determinant?",
            tree,
            r"write \operatorname{abs}(A) or \det(A)",
        )
    return elementwise(lambda x: FUNCTIONS["abs"](x), value)


def kronecker(reader: "Reader", left: Value, right: Value) -> Value:
    """a ⊗ b of matrices; of vectors the outer product, or its entries one below the other."""
    if any(value.unit or value.elastic for value in (left, right)):
        raise ShapeError("a Kronecker product needs sizes: write I_{n}")
    if left.rank == right.rank == 1 and reader.pick(2, r"write a b^\top for the outer product"):
        return product(replace(left, lying=False), replace(right, lying=True))
    if left.letters or right.letters:
        raise ShapeError("a Kronecker product of entries is not read")
    nodes = [
        op.transpose(v.node[(None,)]) if v.rank == 1 and not v.lying and other.rank == 2 else v.node
        for v, other in ((left, right), (right, left))
    ]
    return Value(FUNCTIONS["kron"](*nodes))
