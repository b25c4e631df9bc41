"""The operations of claims on NumPy arrays, with bounds on how large a result may be."""

from collections.abc import Callable
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from sympy import Expr

from symgrad.check.claims.terms import Slice
from symgrad.errors import SymgradError, ValueMismatch
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Leaf, Node, topological
from symgrad.tensor.scalar import FUNCTIONS as SCALARS

#: Entries of an array that a claim may make; more is a slip or an attack.
MOST_ENTRIES = 4_000_000

Array = np.ndarray[Any, Any]


def require_small(*sizes: Any) -> None:
    """Raise unless an array of these sizes may be made."""
    if prod(abs(int(size)) for size in sizes) > MOST_ENTRIES:
        raise ValueMismatch(f"an array of {sizes} is too large", hint="claims use small arrays")


def plain(value: Any) -> Any:
    """Exact numbers as Python's, tuples through and through; slices as Python's."""
    if isinstance(value, Expr):
        return int(value) if value.is_Integer else float(value)
    if isinstance(value, Slice):
        return slice(*map(plain, value))
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    return value


def power(x: Any, y: Any) -> Any:
    """x ** y in floating point."""
    base = np.asarray(x, dtype=float) if np.asarray(x).dtype.kind in "biu" else x
    return np.power(base, y)


def _matmul_fits(a: Any, b: Any) -> None:
    if not np.ndim(a) or not np.ndim(b):
        raise ValueMismatch("matmul: an operand is a scalar")
    require_small(*np.shape(a)[:-1], *(np.shape(b)[:-2] + np.shape(b)[-1:]))


def matmul(a: Any, b: Any) -> Any:
    """A @ b."""
    _matmul_fits(a, b)
    return np.matmul(a, b)


def dot(a: Any, b: Any) -> Any:
    """np.dot."""
    if np.ndim(a) and np.ndim(b):
        _matmul_fits(a, b)
    return np.dot(a, b)


def folded(rule: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """One operation after the other, from the left."""
    return lambda *parts: reduce(rule, parts)


def over(x: Any) -> Any:
    """1/x."""
    return np.divide(1.0, x)


def outer(a: Any, b: Any) -> Array:
    """np.outer."""
    require_small(np.size(a), np.size(b))
    return np.outer(a, b)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """np.tensordot."""
    require_small(np.size(a), np.size(b))
    return np.tensordot(a, b, axes)


def _key(key: Any) -> Any:
    return tuple(map(_key, key)) if isinstance(key, list) else key


def index(x: Any, key: Any) -> Any:
    """x[key]."""
    return np.asarray(x)[key]


def set_entries(x: Any, key: Any, value: Any) -> Array:
    """A copy of x with x[key] = value; a value of the mask's own shape is read where it holds."""
    result = np.array(x)
    is_mask = isinstance(key, np.ndarray) and key.dtype == bool
    if is_mask and np.shape(value) == key.shape and key.ndim:
        value = np.asarray(value)[key]
    result[key] = value
    return result


def increase(x: Any, key: Any, value: Any) -> Array:
    """A copy of x with x[key] += value: of a repeated position the last wins."""
    result = np.array(x)
    result[key] += value
    return result


def add_at(x: Any, key: Any, value: Any) -> Array:
    """A copy of x with all values added (np.add.at)."""
    result = np.array(x)
    np.add.at(result, key, value)
    return result


def array(rows: Any) -> Array:
    """np.array of nested lists."""
    result = np.array(rows)
    if result.dtype == object:
        raise ValueMismatch("the rows of an array differ in length")
    return result


def astype(x: Any, kind: str) -> Any:
    """x.astype(kind)."""
    name = "float" if "float" in kind or kind in ("double", "dtype") else kind.rstrip("_")
    if name not in ("float", "int", "int32", "int64", "bool"):
        raise ValueMismatch(f"the type {kind} is not understood")
    return np.asarray(x).astype(name)


def full(shape: Any, value: Any) -> Array:
    """np.full."""
    require_small(*(shape if isinstance(shape, tuple) else (shape,)))
    return np.full(shape, value, dtype=float)


def ones(shape: Any, **_: Any) -> Array:
    """np.ones."""
    return full(shape, 1.0)


def zeros(shape: Any, **_: Any) -> Array:
    """np.zeros."""
    return full(shape, 0.0)


def eye(size: Any, columns: Any = None) -> Array:
    """np.eye."""
    require_small(size, size if columns is None else columns)
    return np.eye(size, columns)


def arange(*bounds: Any) -> Array:
    """np.arange."""
    require_small(*(abs(b) + 1 for b in bounds[:2]))
    return np.arange(*bounds)


def repeat(x: Any, times: Any, axis: Any = None) -> Array:
    """np.repeat."""
    require_small(np.size(x), np.max(times))
    return np.repeat(x, times, axis)


def tile(x: Any, times: Any) -> Array:
    """np.tile."""
    require_small(np.size(x), prod(times) if isinstance(times, tuple) else times)
    return np.tile(x, times)


def broadcast_to(x: Any, shape: Any) -> Array:
    """np.broadcast_to."""
    require_small(*(shape if isinstance(shape, tuple) else (shape,)))
    return np.array(np.broadcast_to(x, shape))


def along(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of NumPy with axis and keepdims by position or name."""

    def reduced(x: Any, axis: Any = None, keepdims: bool = False, **options: Any) -> Any:
        if not np.size(x) and function is not np.sum:
            raise ValueMismatch("an array without entries has no mean, maximum or product")
        more = {"keepdims": keepdims} if keepdims else {}
        return function(x, axis=axis, **more, **options)

    return reduced


def joined(function: Callable[..., Any]) -> Callable[..., Any]:
    """np.concatenate or np.stack."""
    return lambda rows, axis=0: function(rows, axis=axis)


def transpose(x: Any, *axes: Any) -> Any:
    """np.transpose; the axes one by one or as a tuple."""
    order = axes[0] if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple)) else axes
    return np.transpose(x, order or None)


def reshape(x: Any, *shape: Any) -> Any:
    """np.reshape; the sizes one by one or as a tuple."""
    return np.reshape(x, shape[0] if len(shape) == 1 else shape)


def einsum(equation: str, *operands: Any) -> Any:
    """np.einsum, bounded by the sizes of all its letters."""
    inputs = equation.replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, int] = {}
    for labels, each in zip(inputs, operands, strict=False):
        sizes.update(zip(labels, np.shape(each), strict=False))
    require_small(*sizes.values())
    return np.einsum(equation, *operands)


def slide(function: Callable[..., Any], default: str) -> Callable[..., Any]:
    """np.correlate or np.convolve; of the sizes in which it is a sum over a window."""

    def slid(a: Any, b: Any, mode: str = "") -> Any:
        return function(a, b, mode or default)

    return slid


def triangle(function: Callable[..., Any]) -> Callable[..., Any]:
    """np.tril or np.triu."""
    return lambda x, k=0: function(x, int(k))


def sigmoid(x: Any) -> Any:
    """1/(1 + e^-x)."""
    return SCALARS["sigmoid"].numpy(np.asarray(x, dtype=float))


def relu(x: Any) -> Any:
    """max(x, 0)."""
    return np.maximum(x, 0)


def softmax(x: Any, axis: Any = -1) -> Any:
    """exp(x)/Σ exp(x)."""
    shifted = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return shifted / np.sum(shifted, axis=axis, keepdims=True)


def through_nodes(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of nodes on arrays: what the vocabulary means is defined once."""

    def computed(*args: Any, **options: Any) -> Any:
        values: dict[str, Any] = {}

        def symbol(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(symbol, value))
            if not isinstance(value, np.ndarray | np.generic):
                return value
            name = f"a{len(values)}"
            values[name] = value
            kind = np.asarray(value).dtype.kind
            top = int(np.max(value, initial=0)) + 1 if kind in "iu" else 0
            return Leaf(name, np.shape(value), "input", f"labels:{top}" if top else "real")

        result = function(
            *map(symbol, args), **{key: symbol(value) for key, value in options.items()}
        )
        if isinstance(result, tuple):
            return tuple(evaluate([each], values)[0] for each in result)
        if not isinstance(result, Node):
            raise SymgradError("a function gave no array")
        for part in topological(result):
            require_small(*part.shape)
        return evaluate([result], values)[0]

    return computed
