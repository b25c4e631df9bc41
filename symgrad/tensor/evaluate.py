"""Reference evaluator, slow and obvious: NumPy in float64 or complex128, or mpmath.

It shares nothing with the code generator, so that each can be tested by the other.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import mpmath
import numpy as np
from sympy import (
    Add,
    Expr,
    Integer,
    Mul,
    Number,
    NumberSymbol,
    Pow,
    S,
    Symbol,
    expand,
    preorder_traversal,
)

from symgrad.errors import ShapeError, SymgradError, ValueMismatch
from symgrad.tensor.contraction import Condition, contract
from symgrad.tensor.dims import MOST, Dim, show, size_of
from symgrad.tensor.matrices import matrix_value
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    LogSumExp,
    Map,
    Node,
    Reduce,
    Softmax,
    Total,
    UnspecifiedTensor,
    leaves,
    topological,
)
from symgrad.tensor.primitives import ArgReduce, MatrixFunction, Reshape, StopGradient
from symgrad.tensor.scalar import FUNCTIONS, NAMES, Unspecified

Array = np.ndarray[Any, Any]
Sizes = dict[str, int]


class Float:
    """Arithmetic in NumPy's float64, or complex128 where the values are complex."""

    dtype: Any = np.float64

    def number(self, value: Expr) -> Any:
        return _converted(float, value)

    def array(self, value: object) -> Array:
        """Integers too become float64: products of them would wrap around in silence."""
        a = np.asarray(value)
        if a.dtype.kind not in "biufc":
            raise ValueMismatch(f"values of dtype {a.dtype} are not numbers")
        return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)

    def function(self, name: str) -> Any:
        return FUNCTIONS[name].numpy

    def power(self, base: Any, exponent: Any, whole: int | None) -> Any:
        if whole is None:
            return np.power(base, exponent)
        return base**whole if whole >= 0 else 1 / base**-whole


class Precise:
    """Arithmetic in mpmath numbers of `digits` decimal digits, held in object arrays.

    As in NumPy, what leaves the real numbers is a NaN and 1/0 is infinite (there is no -0 here).
    """

    dtype: Any = object

    def __init__(self, digits: int) -> None:
        self.digits = digits

    def number(self, value: Expr) -> Any:
        # rounded as results are, or a number would differ from the maximum that it is
        return _converted(lambda v: +mpmath.mpmathify(v.evalf(self.digits + 5)), value)

    def array(self, value: object) -> Array:
        a = np.asarray(value, dtype=object)
        try:
            return np.asarray(np.frompyfunc(mpmath.mpmathify, 1, 1)(a))
        except (TypeError, ValueError):
            raise ValueMismatch("values are not numbers") from None

    def function(self, name: str) -> Any:
        row = FUNCTIONS[name]
        return np.frompyfunc(_kept_real(row.mpmath), len(row.partials), 1)

    def power(self, base: Any, exponent: Any, whole: int | None) -> Any:
        raised = np.frompyfunc(_kept_real(mpmath.power), 2, 1)
        return raised(base, exponent if whole is None else whole)


def _converted(convert: Any, value: Expr) -> Any:
    try:
        return convert(value)
    except (OverflowError, TypeError, ValueError):  # exp(exp(exp(exp(10))))
        raise ValueMismatch(f"{value} cannot be computed as a number") from None


def _kept_real(function: Any) -> Any:
    """An mpmath function with NumPy's results outside its domain."""

    def kept(*arguments: Any) -> Any:
        try:
            result = function(*arguments)
        except ZeroDivisionError:
            return mpmath.inf
        if isinstance(result, mpmath.mpc) and not any(
            isinstance(argument, mpmath.mpc) for argument in arguments
        ):
            return mpmath.nan
        return result

    return kept


def bind_sizes(
    symbols: Iterable[Leaf], values: Mapping[str, Any], given: Mapping[str, int] | None = None
) -> Sizes:
    """The sizes of the dimensions, read off the arrays; sizes among `values` fill what is left.

    Raises
    ------
    ValueMismatch    if a value is missing or has another rank.
    ShapeError       if two axes give one dimension two sizes, or one contradicts the `given` sizes.
    """
    sizes: Sizes = {}
    source: dict[str, str] = {}
    later: list[tuple[Leaf, int, Dim, int]] = []
    for leaf in symbols:
        if leaf.name not in values:
            raise ValueMismatch(f"no value for {leaf.name} {show(leaf.shape)}")
        shape = np.shape(values[leaf.name])
        if len(shape) != leaf.ndim:
            raise ValueMismatch(
                f"{leaf.name} has shape {shape}; declared is {show(leaf.shape)}",
                hint=f"give {leaf.name} {leaf.ndim} axes",
            )
        for axis, (size, actual) in enumerate(zip(leaf.shape, shape, strict=True)):
            if isinstance(size, Symbol) and size.name not in sizes:
                sizes[size.name], source[size.name] = actual, leaf.name
            else:
                later.append((leaf, axis, size, actual))
    told = dict(given or {})
    for name in sorted(sizes.keys() & told.keys()):
        if sizes[name] != told[name]:
            raise ShapeError(
                f"dimension {name} is {sizes[name]} in {source[name]}, but given as {told[name]}"
            )
    spare = {name: int(v) for name, v in values.items() if isinstance(v, int | np.integer)}
    known = spare | told | sizes
    for leaf, axis, size, actual in later:
        expected = size_of(size, known)
        if expected != actual:
            named = ", ".join(f"{n} = {known[n]} in {source.get(n, 'sizes')}"
                              for n in sorted(s.name for s in size.free_symbols))  # fmt: skip
            raise ShapeError(
                f"axis {axis} of {leaf.name} has size {actual}, but {size} is {expected}"
                + (f" ({named})" if named else "")
            )
    return known


def evaluate(
    nodes: Iterable[Node],
    values: Mapping[str, Any],
    sizes: Sizes | None = None,
    precision: int | None = None,
) -> list[Array]:
    """The arrays that the nodes are, for values of their leaves by name.

    Parameters
    ----------
    sizes :     sizes of dimensions; read off the values where not given.
    precision : decimal digits of mpmath arithmetic; without it NumPy's float64 or complex128.

    Raises
    ------
    ValueMismatch    if a value is missing, or a node has none (an unspecified function).
    ShapeError       if the values' shapes contradict the declared ones.
    """
    roots = list(nodes)
    known = bind_sizes(leaves(*roots), values, sizes)
    with np.errstate(all="ignore"):
        if precision is None:
            return _run(roots, values, known, Float())
        with mpmath.workdps(precision):
            return _run(roots, values, known, Precise(precision))


def _run(roots: list[Node], values: Mapping[str, Any], sizes: Sizes, system: Any) -> list[Array]:
    done: dict[Node, Array | Condition] = {}  # a bracket is an array only where it must be one
    for node in topological(*roots):
        if isinstance(node, Leaf):
            try:
                done[node] = system.array(values[node.name])
            except SymgradError as error:
                raise error.at(f"the value of {node.name}") from None
            continue
        rule = _RULES.get(type(node))
        if rule is None:
            raise ValueMismatch(f"a {type(node).__name__} has no value")
        operands = [done[operand] for operand in node.operands]
        if not isinstance(node, Einsum):
            operands = [_dense(operand) for operand in operands]
        value = rule(node, operands, sizes, system)
        done[node] = value if isinstance(value, Condition) else np.asarray(value)
    return [_dense(done[root]) for root in roots]


def _dense(value: Array | Condition) -> Array:
    return value.dense() if isinstance(value, Condition) else value


def number_value(value: Expr) -> Any:
    """A number without dimensions in float64; exp(exp(exp(9))) is infinite, not computed."""
    with np.errstate(all="ignore"):
        return _number(value, {}, Float())


def _number(value: Expr, sizes: Sizes, system: Any) -> Any:
    if value in (S.Infinity, S.NegativeInfinity):  # as written: what pads a maximum
        return system.array(float(value))
    names = {s: Integer(_size(s, sizes)) for s in value.free_symbols}
    exact = value.xreplace(names) if names else value
    if exact.is_finite is False or exact is S.NaN:  # 1 / (n - 3) at n = 3
        raise ValueMismatch(f"{value} is not a finite number for {sizes}")
    if any(part.func in NAMES for part in preorder_traversal(exact)):
        return body_value(exact, {}, {}, system)
    return system.number(exact)


def _size(symbol: Symbol, sizes: Sizes) -> int:
    if symbol.name not in sizes:
        raise ShapeError(f"the size of dimension {symbol.name} is unknown")
    return sizes[symbol.name]


def _shape(node: Node, sizes: Sizes) -> tuple[int, ...]:
    return tuple(size_of(d, sizes) for d in node.shape)


def _constant(node: Constant, _: list[Array], sizes: Sizes, system: Any) -> Any:
    return np.array(_number(node.value, sizes, system), dtype=system.dtype)


def _einsum(node: Einsum, operands: list[Array | Condition], sizes: Sizes, system: Any) -> Any:
    known = {label: size_of(size, sizes) for label, size in node.sizes.items()}
    result = contract(operands, node.inputs, node.output, known)
    if result.dtype.kind == "i":  # of brackets alone
        result = result.astype(system.dtype)
    return result.reshape(_shape(node, sizes))


def _total(node: Total, operands: list[Array], sizes: Sizes, system: Any) -> Any:
    result: Any = 0
    for coefficient, operand in zip(node.coefficients, operands, strict=True):
        result = result + _number(coefficient, sizes, system) * operand
    return result


def _map(node: Map, operands: list[Array], sizes: Sizes, system: Any) -> Any:
    return body_value(node.body, dict(zip(node.bound, operands, strict=True)), sizes, system)


def body_value(body: Expr, bound: dict[Symbol, Array], sizes: Sizes, system: Any) -> Any:
    """The value of a scalar body, its arguments bound to arrays."""
    if body in bound:
        return bound[body]
    if isinstance(body, Symbol | Number | NumberSymbol):
        return _number(body, sizes, system)
    if isinstance(body, Unspecified):
        raise ValueMismatch(
            f"{body.name} is an unspecified function: it has no value",
            hint="declare the function to compute with it",
        )
    arguments = [body_value(arg, bound, sizes, system) for arg in body.args]
    if isinstance(body, Add):
        return sum(arguments[1:], arguments[0])
    if isinstance(body, Mul):
        result = arguments[0]
        for argument in arguments[1:]:
            result = result * argument
        return result
    if isinstance(body, Pow):
        return system.power(*arguments, int(body.exp) if body.exp.is_Integer else None)
    return system.function(NAMES[body.func])(*arguments)


def _iverson(node: Iverson, operands: list[Array], sizes: Sizes, system: Any) -> Condition:
    condition = expand(node.condition)
    entries = tuple(
        (_whole(condition.coeff(symbol), sizes), _labels(operand), axes)
        for symbol, axes, operand in zip(LOOKUP, node.operand_axes, operands, strict=False)
    )
    terms = tuple(
        (axis, _whole(condition.coeff(symbol), sizes))
        for axis, symbol in enumerate(INDEX[: node.ndim])
        if condition.has(symbol)
    )
    constant = _whole(condition.xreplace(dict.fromkeys((*INDEX, *LOOKUP), S.Zero)), sizes)
    return Condition(node.op, _shape(node, sizes), constant, terms, entries)


def _labels(operand: Array) -> Array:
    labels = np.real(operand).astype(np.float64)
    if not np.all(np.isfinite(labels) & (labels == np.rint(labels))):
        raise ValueMismatch("labels must be integers", hint="give an array of integers")
    return labels.astype(np.int64)


def _whole(value: Expr, sizes: Sizes) -> int:
    """A term of a condition on indices; exact, for half an index is none."""
    exact = value.xreplace({s: Integer(_size(s, sizes)) for s in value.free_symbols})
    if not exact.is_Integer:
        raise ShapeError(f"{value} is {exact}, not a whole number, for {sizes}")
    if abs(exact) > MOST // 4:  # sums of a few would wrap around in silence
        raise ShapeError("an index or diagonal is too large", hint="it is beyond all sizes")
    return int(exact)


def _reduce(node: Reduce, operands: list[Array], sizes: Sizes, system: Any) -> Any:
    (x,) = operands
    if node.op == "prod":
        return np.prod(x, axis=node.axes)
    if system.dtype is object:
        for axis in reversed(node.axes):
            x = system.function(f"{node.op}imum").reduce(x, axis=axis)
        return x
    pick = np.argmax if node.op == "max" else np.argmin
    rows = np.moveaxis(x, node.axes, range(-len(node.axes), 0))
    rows = rows.reshape(*rows.shape[: x.ndim - len(node.axes)], -1)
    return np.take_along_axis(rows, pick(np.real(rows), axis=-1)[..., None], -1)[..., 0]


def _argreduce(node: ArgReduce, operands: list[Array], sizes: Sizes, system: Any) -> Any:
    x = operands[0] if system.dtype is object else np.real(operands[0])
    rows = np.moveaxis(x, node.axes, range(-len(node.axes), 0))
    rows = rows.reshape(*rows.shape[: x.ndim - len(node.axes)], -1)
    return (np.argmax if node.op == "max" else np.argmin)(rows, axis=-1)


def _reshape(node: Reshape, operands: list[Array], sizes: Sizes, system: Any) -> Any:
    return operands[0].reshape(_shape(node, sizes))


def _stop_gradient(node: StopGradient, operands: list[Array], *_: object) -> Any:
    return operands[0]


def _matrix_function(node: MatrixFunction, operands: list[Array], *_: object) -> Any:
    return matrix_value(node.name, operands[0])


def _shifted(x: Array, axes: tuple[int, ...], system: Any) -> tuple[Array, Array]:
    top = np.max(x if system.dtype is object else np.real(x), axis=axes, keepdims=True)
    top = np.where(np.isfinite(top.astype(np.float64)), top, 0)
    return top, np.asarray(system.function("exp")(x - top))


def _logsumexp(node: LogSumExp, operands: list[Array], sizes: Sizes, system: Any) -> Any:
    top, e = _shifted(operands[0], node.axes, system)
    result = system.function("log")(np.sum(e, axis=node.axes, keepdims=True)) + top
    return np.squeeze(np.asarray(result), axis=node.axes)


def _softmax(node: Softmax, operands: list[Array], sizes: Sizes, system: Any) -> Any:
    _, e = _shifted(operands[0], node.axes, system)
    return e / np.sum(e, axis=node.axes, keepdims=True)


def _unspecified(node: UnspecifiedTensor, *_: object) -> Any:
    raise ValueMismatch(
        f"{node.name} is an unspecified function: it has no value",
        hint="declare the function to compute with it",
    )


_RULES: dict[type[Node], Any] = {
    Constant: _constant,
    Einsum: _einsum,
    Total: _total,
    Map: _map,
    Iverson: _iverson,
    Reduce: _reduce,
    LogSumExp: _logsumexp,
    Softmax: _softmax,
    UnspecifiedTensor: _unspecified,
    ArgReduce: _argreduce,
    Reshape: _reshape,
    StopGradient: _stop_gradient,
    MatrixFunction: _matrix_function,
}

__all__ = ["Float", "Precise", "bind_sizes", "body_value", "evaluate", "number_value"]
