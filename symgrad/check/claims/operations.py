"""The closed list of operations of a claim: what each builds as a node, and computes in NumPy.

Both readings of one row must agree; a claim whose two readings differ is not judged by its node.
"""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
from sympy import Expr

from symgrad.calculus.pullbacks import pullback
from symgrad.check.claims import arrays
from symgrad.check.claims.arrays import through_nodes
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, Shape, as_dim, as_shape, same, same_shape
from symgrad.tensor.labels import affine_in_indices
from symgrad.tensor.nodes import INDEX, UNIT, Einsum, Iverson, Map, Node, Total
from symgrad.tensor.operators import constant_of
from symgrad.tensor.scalar import ARGS


class Operation(NamedTuple):
    """One operation: as a node from nodes, and as an array from arrays."""

    build: Callable[..., Any]
    value: Callable[..., Any]


# --- nodes


def _more(a: object, b: object) -> Node:
    return op.compare("gt", a, b)


def _not(x: object) -> Node:
    return op.subtract(1, x)


def _astype(x: object, kind: str) -> Node:
    """Whole numbers cut off what is behind the point; only of truth values is that no matter."""
    node = op.as_node(x)
    if "float" in kind or kind == "double" or _looks_true(node):
        return node
    raise DeclarationError(f"an array made {kind} has no formula")


def _folded(rule: Callable[[Any, Any], Node], *parts: object) -> Node:
    """One operation after the other, from the left."""
    return op.as_node(reduce(rule, parts))


def _square(x: object) -> Node:
    return op.power(x, 2)


def _transposed(x: object) -> Node:
    return op.transpose(op.as_node(x))


def _times(a: object, b: object) -> Node:
    return op.multiply(a, b)


def _either(a: object, b: object) -> Node:
    return op.apply(scalar.maximum(*ARGS[:2]), a, b)


def _index(x: Node, key: object) -> Node:
    return op.as_node(x)[key]


def _placed(x: Node, key: object, value: object) -> tuple[Node, Node]:
    """The value at the places of x[key], zero elsewhere; and where these places are."""
    read = _index(x, key)
    spread = op.broadcast_to(op.as_node(value), read.shape)
    if read is x:
        return spread, op.full(1, x.shape)
    if not (isinstance(read, Einsum) and read.factors[0] is x):
        raise DeclarationError("these entries cannot be told apart in a formula")
    marks = op.full(1, read.shape)
    return pullback(read, spread, 0), pullback(read, marks, 0)


def _is_mask(x: Node, key: object) -> bool:
    return isinstance(key, Node) and key.ndim == x.ndim and x.ndim > 0 and _looks_true(key)


def _looks_true(key: Node) -> bool:
    """Whether all entries are 0 or 1 as they are written."""
    match key:
        case Map():
            return isinstance(key.body, scalar.gt | scalar.eq)
        case Total(terms=(first, second), coefficients=(one, minus)):
            return constant_of(first) == 1 and (one, minus) == (1, -1) and _looks_true(second)
        case Einsum():
            kept = all(k in key.output for labels in key.inputs for k in labels)
            return kept and all(map(_looks_true, key.factors))
    return isinstance(key, Iverson)


def _set(x: object, key: object, value: object) -> Node:
    """x with x[key] = value; where positions repeat there is no one formula."""
    node, given = op.as_node(x), op.as_node(value)
    if _is_mask(node, key):
        return op.add(op.multiply(node, _not(key)), op.multiply(key, given))
    _require_distinct(key)
    placed, marks = _placed(node, key, given)
    kept = op.total(((1, op.full(1, node.shape)), (-1, marks)), node.shape)
    return op.add(op.multiply(node, kept), placed)


def _increase(x: object, key: object, value: object) -> Node:
    """x with x[key] += value, as NumPy does it: a position twice is increased once."""
    node = op.as_node(x)
    if _is_mask(node, key):
        return op.add(node, op.multiply(key, value))
    _require_distinct(key)
    return op.add(node, _placed(node, key, value)[0])


def _add_at(x: object, key: object, value: object) -> Node:
    """x with all values added at their positions (np.add.at)."""
    node = op.as_node(x)
    return op.add(node, _placed(node, key, value)[0])


def _require_distinct(key: object) -> None:
    """Raise where an index by arrays may name one position twice."""
    keys = key if isinstance(key, tuple) else (key,)
    arrays_in = [each for each in keys if isinstance(each, Node) and each.ndim]
    if not arrays_in:
        return
    if max(each.ndim for each in arrays_in) == 1:
        for each in arrays_in:
            value = affine_in_indices(each)
            if value is not None and value.coeff(INDEX[0]) != 0:
                return
    raise DeclarationError("positions may repeat: the last one wins, which is no formula")


def _array(rows: object) -> Node:
    """Np.array of nested lists."""
    if isinstance(rows, tuple):
        return FUNCTIONS["stack"](tuple(_array(each) for each in rows))  # type: ignore[no-any-return]
    return op.as_node(rows)


def _like(value: object) -> Callable[..., Node]:
    return lambda x, **_: op.full(value, op.as_node(x).shape)


def _full(shape: object, value: object) -> Node:
    return op.full(op.as_node(value), _shape(shape))


def _shape(value: object) -> Shape:
    return as_shape(value if isinstance(value, tuple) else (value,))


def _flat(x: object) -> Node:
    return FUNCTIONS["reshape"](x, -1)  # type: ignore[no-any-return]


def _squeeze(x: object, axis: object = None) -> Node:
    node = op.as_node(x)
    unit = [k for k, size in enumerate(node.shape) if size is ONE]
    if axis is not None:
        chosen = op.axes_of(node, axis)
        if not set(chosen) <= set(unit):
            raise ShapeError(f"squeeze: axis {axis} is not of size 1")
        unit = list(chosen)
    return node[tuple(0 if k in unit else slice(None) for k in range(node.ndim))]


def _expand(x: object, axis: object) -> Node:
    node = op.as_node(x)
    rank = node.ndim + 1
    k = op.whole(axis, "axis")
    if not -rank <= k < rank:
        raise ShapeError(f"expand_dims: axis {k} is out of range")
    return node[(*[slice(None)] * (k % rank), None, ...)]


def _swap(x: object, a: object, b: object) -> Node:
    node = op.as_node(x)
    (i,), (j,) = op.axes_of(node, a), op.axes_of(node, b)
    order = list(range(node.ndim))
    order[i], order[j] = order[j], order[i]
    return op.transpose(node, order)


def _flip(x: object, axis: object = None) -> Node:
    node = op.as_node(x)
    axes = op.axes_of(node, axis)
    return node[tuple(slice(None, None, -1 if k in axes else 1) for k in range(node.ndim))]


def _hstack(rows: object) -> Node:
    first = op.as_node(rows[0])  # type: ignore[index]
    return FUNCTIONS["concatenate"](rows, 0 if first.ndim == 1 else 1)  # type: ignore[no-any-return]


def _vstack(rows: Sequence[object]) -> Node:
    nodes = [op.as_node(each) for each in rows]
    return FUNCTIONS["concatenate"]([n[None, :] if n.ndim == 1 else n for n in nodes], 0)  # type: ignore[no-any-return]


def _column_stack(rows: Sequence[object]) -> Node:
    nodes = [op.as_node(each) for each in rows]
    return FUNCTIONS["concatenate"]([n[:, None] if n.ndim == 1 else n for n in nodes], 1)  # type: ignore[no-any-return]


def _repeat(x: object, times: Expr, axis: object = None) -> Node:
    """Only of an axis of size 1: other repeats are no product of axes."""
    node = op.as_node(x)
    if axis is None:
        raise DeclarationError("repeat: without an axis it is no formula")
    (k,) = op.axes_of(node, axis)
    if node.shape[k] is not ONE:
        raise DeclarationError("repeat: of an axis that is not of size 1")
    return op.broadcast_to(node, (*node.shape[:k], as_dim(times), *node.shape[k + 1 :]))


def _tile(x: object, times: object) -> Node:
    node = op.as_node(x)
    reps = list(times) if isinstance(times, tuple) else [times]
    rank = max(node.ndim, len(reps))
    shape = (ONE,) * (rank - node.ndim) + node.shape
    reps = [ONE] * (rank - len(reps)) + [as_dim(each) for each in reps]
    for size, n in zip(shape, reps, strict=True):
        if size is not ONE and n != 1:
            raise DeclarationError("tile: of an axis that is not of size 1")
    wide = tuple(n if size is ONE else size for size, n in zip(shape, reps, strict=True))
    return op.broadcast_to(op.reshape(node, shape), wide)


def _windows(full: bool) -> Callable[..., Node]:
    """Σₜ x[j + t] y[t] of vectors (valid correlation); Σₜ x[j − t] y[t] (full convolution)."""

    def slide(a: object, b: object, mode: str = "") -> Node:
        x, y = op.as_node(a), op.as_node(b)
        mode = mode or ("full" if full else "valid")
        if x.ndim != 1 or y.ndim != 1 or mode not in ("full", "valid"):
            raise DeclarationError("of two vectors, valid or full")
        n, k = x.shape[0], y.shape[0]
        size = as_dim(n + k - 1 if mode == "full" else n - k + 1)
        if mode == "full":
            place = INDEX[0] - INDEX[1] - INDEX[2]
            own = place if full else place - k + 1 + 2 * INDEX[2]
        else:
            own = INDEX[1] - INDEX[0] - INDEX[2] if not full else (
                INDEX[1] - INDEX[0] + INDEX[2] - k + 1
            )  # fmt: skip
        labels = [UNIT if d is ONE else at for at, d in enumerate((size, n, k))]
        bracket = Iverson("eq", own, (size, n, k))
        sizes = dict(enumerate((size, n, k)))
        return op.einsum([(labels[1],), (labels[2],), labels], labels[:1], x, y, bracket,
                         sizes=sizes)  # fmt: skip

    return slide


def _count(x: object, axis: object = None, keepdims: bool = False) -> Node:
    return op.sum_over(op.compare("ne", x, 0), axis, keepdims)


def _spread_of(x: object, axis: object = None, keepdims: bool = False, ddof: object = 0) -> Node:
    """Σ(x − μ)²/(n − ddof)."""
    node = op.as_node(x)
    count = op.count(node, axis)
    centred = op.subtract(node, op.divide(op.sum_over(node, axis, True), count))
    return op.divide(op.sum_over(_square(centred), axis, keepdims), count - op.exact(ddof))


def _std(x: object, axis: object = None, keepdims: bool = False, ddof: object = 0) -> Node:
    return op.power(_spread_of(x, axis, keepdims, ddof), op.exact(0.5))


def _inner(a: object, b: object) -> Node:
    left, right = op.as_node(a), op.as_node(b)
    if left.ndim == right.ndim == 1 and same_shape(left.shape, right.shape):
        return op.matmul(left, right)
    raise DeclarationError("inner: of two vectors")


def _outer(a: object, b: object) -> Node:
    """As NumPy: arrays are made flat first."""
    left, right = (each if each.ndim == 1 else _flat(each) for each in map(op.as_node, (a, b)))
    return FUNCTIONS["outer"](left, right)  # type: ignore[no-any-return]


def _tensordot(a: object, b: object, axes: object = 2) -> Node:
    left, right = op.as_node(a), op.as_node(b)
    if isinstance(axes, tuple):
        ours, theirs = ([*each] if isinstance(each, tuple) else [each] for each in axes)
    else:
        n = op.whole(axes, "axes")
        ours, theirs = list(range(-n, 0)), list(range(n))
    summed = list(zip((int(k) % left.ndim for k in ours), (int(k) % right.ndim for k in theirs),
                      strict=True))  # fmt: skip
    labels = list(range(left.ndim))
    other = [left.ndim + k for k in range(right.ndim)]
    for i, j in summed:
        if not same(left.shape[i], right.shape[j]):
            raise ShapeError(f"tensordot: sizes {left.shape[i]} and {right.shape[j]} differ")
        other[j] = labels[i]
    gone = {labels[i] for i, _ in summed}
    output = [k for k in (*labels, *other) if k not in gone]
    inputs = [
        [UNIT if d is ONE else k for k, d in zip(own, node.shape, strict=True)]
        for own, node in ((labels, left), (other, right))
    ]
    unit = {k for own, node in ((labels, left), (other, right))
            for k, d in zip(own, node.shape, strict=True) if d is ONE}  # fmt: skip
    return op.einsum(inputs, [UNIT if k in unit else k for k in output], left, right)


def _slope(name: str) -> Callable[..., Node]:
    """The derivative of a function, as a function."""
    body = scalar.partial(scalar.FUNCTIONS[name].kind(ARGS[0]), ARGS[0])
    return lambda x: op.apply(body, x)


def _step(x: object, half: object) -> Node:
    return op.add(op.compare("gt", x, 0), op.multiply(half, op.compare("eq", x, 0)))


def _divided(a: object, b: object) -> Node:
    return op.divide(a, b)


def _moments(name: str) -> Callable[..., Node]:
    return lambda x, axis=None, keepdims=False: FUNCTIONS[name](x, axis, keepdims)


def _diag(x: object) -> Node:
    return FUNCTIONS["diag"](x)  # type: ignore[no-any-return]


def _rounded(x: object) -> Node:
    raise DeclarationError("rounding is no formula")


# --- the table

_ARITHMETIC: dict[str, Operation] = {
    "add": Operation(op.add, np.add),
    "sub": Operation(op.subtract, np.subtract),
    "mul": Operation(_times, np.multiply),
    "div": Operation(_divided, np.divide),
    "pow": Operation(op.power, arrays.power),
    "neg": Operation(partial(op.scale, -1), np.negative),
    "matmul": Operation(op.matmul, arrays.matmul),
    "dot": Operation(FUNCTIONS["dot"], arrays.dot),
    "T": Operation(_transposed, np.transpose),
    "square": Operation(_square, np.square),
    "reciprocal": Operation(lambda x: op.divide(1, x), np.reciprocal),
    "and": Operation(_times, np.logical_and),
    "or": Operation(_either, np.logical_or),
    "not": Operation(_not, np.logical_not),
    # all by one comparison: a ≤ b is not a > b
    "gt": Operation(_more, np.greater),
    "lt": Operation(lambda a, b: _more(b, a), np.less),
    "le": Operation(lambda a, b: _not(_more(a, b)), np.less_equal),
    "ge": Operation(lambda a, b: _not(_more(b, a)), np.greater_equal),
    "eq": Operation(lambda a, b: op.compare("eq", a, b), np.equal),
    "ne": Operation(lambda a, b: _not(op.compare("eq", a, b)), np.not_equal),
}

#: Sums and products of any number of operands, as edits of claims see them; `over` divides.
_MANY: dict[str, Operation] = {
    "plus": Operation(partial(_folded, op.add), arrays.folded(np.add)),
    "times": Operation(partial(_folded, op.multiply), arrays.folded(np.multiply)),
    "chain": Operation(partial(_folded, op.matmul), arrays.folded(arrays.matmul)),
    "over": Operation(lambda x: op.divide(1, x), arrays.over),
}

_ENTRIES: dict[str, Operation] = {
    "index": Operation(_index, arrays.index),
    "set": Operation(_set, arrays.set_entries),
    "increase": Operation(_increase, arrays.increase),
    "add_at": Operation(_add_at, arrays.add_at),
    "array": Operation(_array, arrays.array),
    "astype": Operation(_astype, arrays.astype),
    "zeros_like": Operation(_like(0), lambda x, **_: np.zeros(np.shape(x))),
    "ones_like": Operation(_like(1), lambda x, **_: np.ones(np.shape(x))),
    "full": Operation(_full, arrays.full),
    "full_like": Operation(
        lambda x, value: op.full(op.as_node(value), op.as_node(x).shape),
        lambda x, value: np.full(np.shape(x), value, dtype=float),
    ),
    "ravel": Operation(_flat, np.ravel),
    "squeeze": Operation(_squeeze, np.squeeze),
    "expand_dims": Operation(_expand, np.expand_dims),
    "swapaxes": Operation(_swap, np.swapaxes),
    "flip": Operation(_flip, np.flip),
    "hstack": Operation(_hstack, np.hstack),
    "vstack": Operation(_vstack, np.vstack),
    "column_stack": Operation(_column_stack, np.column_stack),
    "repeat": Operation(_repeat, arrays.repeat),
    "tile": Operation(_tile, arrays.tile),
    "broadcast_to": Operation(
        lambda x, shape: op.broadcast_to(op.as_node(x), _shape(shape)), arrays.broadcast_to
    ),
}

_SUMS: dict[str, Operation] = {
    "sum": Operation(_moments("sum"), arrays.along(np.sum)),
    "mean": Operation(_moments("mean"), arrays.along(np.mean)),
    "prod": Operation(_moments("prod"), arrays.along(np.prod)),
    "max": Operation(_moments("max"), arrays.along(np.max)),
    "min": Operation(_moments("min"), arrays.along(np.min)),
    "var": Operation(_spread_of, arrays.along(np.var)),
    "std": Operation(_std, arrays.along(np.std)),
    "count_nonzero": Operation(_count, arrays.along(np.count_nonzero)),
    "inner": Operation(_inner, np.inner),
    "outer": Operation(_outer, arrays.outer),
    "tensordot": Operation(_tensordot, arrays.tensordot),
    "correlate": Operation(_windows(False), arrays.slide(np.correlate, "valid")),
    "convolve": Operation(_windows(True), arrays.slide(np.convolve, "full")),
    "round": Operation(_rounded, np.round),
    "floor": Operation(_rounded, np.floor),
}

_SLOPES: dict[str, Operation] = {
    spelled: Operation(_slope(name), through_nodes(_slope(name)))
    for name in ("sigmoid", "tanh", "relu", "softplus")
    for spelled in (f"{name}_prime", f"d{name}", f"{name}_derivative", f"{name}_grad",
                    f"{name}_backward_slope", f"d_{name}", f"{name}_deriv")
}  # fmt: skip

_PLAIN: dict[str, Any] = {
    "exp": np.exp, "log": np.log, "log1p": np.log1p, "expm1": np.expm1, "sqrt": np.sqrt,
    "abs": np.abs, "sign": np.sign, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arcsin": np.arcsin, "arccos": np.arccos,
    "arctan": np.arctan, "maximum": np.maximum, "minimum": np.minimum, "where": np.where,
    "clip": np.clip, "trace": np.trace, "diag": np.diag, "cumsum": arrays.along(np.cumsum),
    "argmax": arrays.along(np.argmax), "argmin": arrays.along(np.argmin),
    "concatenate": arrays.joined(np.concatenate), "stack": arrays.joined(np.stack),
    "transpose": arrays.transpose, "reshape": arrays.reshape, "einsum": arrays.einsum,
    "ones": arrays.ones, "zeros": arrays.zeros, "eye": arrays.eye, "arange": arrays.arange,
    "tril": arrays.triangle(np.tril), "triu": arrays.triangle(np.triu),
    "norm": arrays.along(np.linalg.norm), "inv": np.linalg.inv, "det": np.linalg.det,
    "solve": np.linalg.solve, "sigmoid": arrays.sigmoid, "relu": arrays.relu,
    "softmax": arrays.softmax, "heaviside": np.heaviside,
}  # fmt: skip

OPERATIONS: dict[str, Operation] = (
    {
        name: Operation(function, _PLAIN.get(name) or through_nodes(function))
        for name, function in FUNCTIONS.items()
    }
    | _ARITHMETIC
    | _MANY
    | _ENTRIES
    | _SUMS
    | _SLOPES
    | {"heaviside": Operation(_step, np.heaviside)}
)

#: Other names of NumPy's and of Python's for the same.
ALIASES: dict[str, str] = {
    "subtract": "sub", "multiply": "mul", "divide": "div", "true_divide": "div", "power": "pow",
    "negative": "neg", "absolute": "abs", "fabs": "abs", "amax": "max", "amin": "min",
    "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge", "equal": "eq",
    "not_equal": "ne", "logical_and": "and", "logical_or": "or", "logical_not": "not",
    "identity": "eye", "flatten": "ravel", "vdot": "inner", "asarray": "array",
    "float_power": "pow", "concat": "concatenate", "around": "round",
    "bitwise_and": "and", "bitwise_or": "or", "invert": "not", "row_stack": "vstack",
    "log_sum_exp": "logsumexp", "swapdims": "swapaxes", "permute_dims": "transpose",
    "expit": "sigmoid", "logistic": "sigmoid", "ReLU": "relu",
}  # fmt: skip

assert set(ALIASES.values()) <= set(OPERATIONS), "an alias of nothing"
