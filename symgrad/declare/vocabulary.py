"""The vocabulary: the functions that networks are written with, in text and in Python alike.

One table, FUNCTIONS, from name to function; `sg.exp` and `exp` in text are the same row. Each is a
few lines that compose nodes; its docstring's first line is the formula. Where a formula has a form
that is stable in floating point, that is the one built, and the docstring says so.
"""

from collections.abc import Callable, Sequence
from typing import Any

from sympy import Abs, Expr, Rational, S, pi

from symgrad.declare.symbols import labels_below
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import as_dim, as_shape, same, same_shape, show
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    Constant,
    Iverson,
    Leaf,
    LogSumExp,
    Node,
    Softmax,
)
from symgrad.tensor.scalar import ARGS

_X, _Y = ARGS[:2]

FUNCTIONS: dict[str, Callable[..., Any]] = {}


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function into the table under its name (a trailing underscore is dropped)."""
    FUNCTIONS[function.__name__.rstrip("_")] = function
    return function


def _scalar_function(name: str) -> Callable[..., Node]:
    def function(x: object) -> Node:
        return op.apply(scalar.FUNCTIONS[name].kind(ARGS[0]), x)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name}(x) entry by entry."
    return function


for _name in """
    exp log log1p expm1 sin cos tan sinh cosh tanh arcsin arccos arctan erf abs sign sigmoid
    softplus relu
""".split():
    _named(_scalar_function(_name))
del _name


# --- elementwise


@_named
def sqrt(x: object) -> Node:
    """√x entry by entry."""
    return op.power(x, S.Half)


@_named
def maximum(a: object, b: object) -> Node:
    """max(a, b) entry by entry; at ties each has half the derivative."""
    return op.apply(scalar.maximum(ARGS[0], ARGS[1]), a, b)


@_named
def minimum(a: object, b: object) -> Node:
    """min(a, b) entry by entry; at ties each has half the derivative."""
    return op.apply(scalar.minimum(ARGS[0], ARGS[1]), a, b)


@_named
def where(condition: object, a: object, b: object) -> Node:
    """a where the condition is not 0, else b; a NaN of the branch not taken stays out."""
    return op.fused(scalar.where(*ARGS[:3]), condition, a, b)


@_named
def clip(x: object, low: object, high: object) -> Node:
    """min(max(x, low), high) entry by entry; None is no bound."""
    above = x if low is None else maximum(x, low)
    return op.as_node(above) if high is None else minimum(above, high)


@_named
def leaky_relu(x: object, negative_slope: object = Rational(1, 100)) -> Node:
    """x for x > 0, else negative_slope · x. Maas, Hannun, Ng (2013)."""
    return op.apply(scalar.where(scalar.gt(_X, 0), _X, _Y * _X), x, negative_slope)


@_named
def elu(x: object, alpha: object = 1) -> Node:
    """x for x > 0, else alpha (eˣ − 1). Clevert et al. (2016), eq. 15."""
    return op.apply(scalar.where(scalar.gt(_X, 0), _X, _Y * scalar.expm1(_X)), x, alpha)


@_named
def silu(x: object) -> Node:
    """x sigmoid(x). Hendrycks, Gimpel (2016)."""
    return op.multiply(x, FUNCTIONS["sigmoid"](x))


@_named
def softsign(x: object) -> Node:
    """x / (1 + |x|)."""
    return op.divide(x, op.add(1, FUNCTIONS["abs"](x)))


@_named
def gelu(x: object, approximate: str = "none") -> Node:
    """x Φ(x) with the normal distribution Φ; "tanh" approximates it.

    Hendrycks, Gimpel (2016), eq. 2.
    """
    if approximate == "tanh":
        inner = op.multiply(x, op.add(1, op.multiply(Rational(44715, 10**6), op.power(x, 2))))
        gate = FUNCTIONS["tanh"](op.multiply(op.exact((2 / pi) ** S.Half), inner))
    elif approximate == "none":
        gate = FUNCTIONS["erf"](op.multiply(x, 2 ** Rational(-1, 2)))
    else:
        raise DeclarationError(f'gelu: approximate is "none" or "tanh", not {approximate!r}')
    return op.multiply(op.scale(S.Half, op.as_node(x)), op.add(1, gate))


# --- sums, extrema, norms


@_named
def sum_(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """Σ x along axes."""
    return op.sum_over(op.as_node(x), axis, _flag(keepdims))


@_named
def mean(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """(1/n) Σ x along axes."""
    node = op.as_node(x)
    return op.scale(1 / op.count(node, axis), op.sum_over(node, axis, _flag(keepdims)))


@_named
def var(x: object, axis: object = None, keepdims: bool = False, ddof: object = 0) -> Node:
    """Σ (x − mean x)² / (n − ddof) along axes, ddof 0 or 1; centred before it is squared."""
    node = op.as_node(x)
    if op.whole(ddof, "ddof") not in (0, 1):
        raise DeclarationError(f"var: ddof is 0 or 1, not {ddof}")
    centred = op.subtract(node, mean(node, axis, True))
    weight = op.raised(op.count(node, axis) - op.whole(ddof, "ddof"), S.NegativeOne)
    return op.scale(weight, op.sum_over(op.power(centred, 2), axis, _flag(keepdims)))


@_named
def max_(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """The maximum along axes; ties share the derivative equally."""
    return op.extremum("max", op.as_node(x), axis, _flag(keepdims))


@_named
def min_(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """The minimum along axes; ties share the derivative equally."""
    return op.extremum("min", op.as_node(x), axis, _flag(keepdims))


@_named
def norm(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """√Σ x² along axes: of a vector, the Frobenius norm of a matrix; its gradient at 0 is 0."""
    return op.apply(
        scalar.root(ARGS[0], S.Half), op.sum_over(op.power(x, 2), axis, _flag(keepdims))
    )


@_named
def logsumexp(x: object, axis: object = None, keepdims: bool = False) -> Node:
    """log Σ exp x along axes; shifted by the maximum, so that it never overflows."""
    return op.along(LogSumExp, op.as_node(x), axis, _flag(keepdims))


@_named
def softmax(x: object, axis: object = -1) -> Node:
    """exp(x) / Σ exp(x) along an axis; shifted by the maximum, so that it never overflows."""
    node = op.as_node(x)
    return Softmax(op.axes_of(node, axis), node)


@_named
def log_softmax(x: object, axis: object = -1) -> Node:
    """x − logsumexp(x) along an axis; never the logarithm of a computed probability."""
    return op.subtract(x, logsumexp(x, axis, True))


# --- linear algebra and shapes


@_named
def dot(a: object, b: object) -> Node:
    """a · b: NumPy's dot of scalars, vectors and matrices."""
    left, right = op.as_node(a), op.as_node(b)
    if not left.ndim or not right.ndim:
        return op.multiply(left, right)
    if left.ndim > 2 or right.ndim > 2:
        raise ShapeError("dot: of vectors and matrices only", hint="use @ for stacks of matrices")
    return op.matmul(left, right)


@_named
def outer(a: object, b: object) -> Node:
    """a bᵀ of two vectors."""
    left, right = op.as_node(a), op.as_node(b)
    if left.ndim != 1 or right.ndim != 1:
        raise ShapeError(f"outer: of two vectors, not {show(left.shape)} and {show(right.shape)}")
    return op.einsum(((0,), (1,)), (0, 1), left, right)


@_named
def trace(x: object) -> Node:
    """Σᵢ xᵢᵢ of a square matrix."""
    return op.einsum(((0, 0),), (), _square(x, "trace"))


@_named
def diag(x: object) -> Node:
    """The diagonal of a square matrix, or the diagonal matrix of a vector."""
    node = op.as_node(x)
    if node.ndim == 1:
        if node.shape[0] == 1:
            return node[:, None]
        return op.einsum(((0,), (0, 1)), (0, 1), node, op.eye(node.shape[0]))
    node = _square(node, "diag")
    return op.einsum(((0, 0),), (0,), node, sizes={0: node.shape[0]})


@_named
def transpose(x: object, axes: Sequence[object] | None = None) -> Node:
    """The axes in another order, reversed without one."""
    if axes is None:
        return op.transpose(op.as_node(x))
    listed = axes if isinstance(axes, tuple | list) else (axes,)
    return op.transpose(op.as_node(x), [op.whole(each, "axis") for each in listed])


@_named
def ones(shape: object) -> Node:
    """An array of ones."""
    return op.full(1, _shape(shape))


@_named
def zeros(shape: object) -> Node:
    """An array of zeros."""
    return op.full(0, _shape(shape))


@_named
def eye(size: object) -> Node:
    """The identity matrix."""
    return op.eye(as_dim(_number(size)))


@_named
def tril(x: object, k: object = 0) -> Node:
    """The entries on and below the k-th diagonal; the others are zero."""
    return _triangle(x, k, lambda i, j, k: i - j + k)


@_named
def triu(x: object, k: object = 0) -> Node:
    """The entries on and above the k-th diagonal; the others are zero."""
    return _triangle(x, k, lambda i, j, k: j - i - k)


def _triangle(x: object, k: object, condition: Callable[[Expr, Expr, Expr], Expr]) -> Node:
    node, diagonal = op.as_node(x), op.exact(_number(k))
    if not diagonal.is_integer:
        raise DeclarationError(f"a diagonal is a whole number, not {diagonal}")
    if node.ndim != 2:
        raise ShapeError(f"a triangle is of a matrix, not of {show(node.shape)}")
    mask = Iverson("ge", condition(INDEX[0], INDEX[1], diagonal), node.shape)
    return op.multiply(node, mask)


@_named
def einsum(equation: str, *operands: object) -> Node:
    """NumPy's einsum: "ij,jk->ik"."""
    if not isinstance(equation, str) or "." in equation:
        raise DeclarationError("einsum: the first argument is an equation without an ellipsis")
    left, arrow, output = equation.replace(" ", "").partition("->")
    inputs = left.split(",")
    nodes = [op.as_node(each) for each in operands]
    if len(inputs) != len(nodes):
        raise ShapeError(f'einsum: "{equation}" is for {len(inputs)} operands, not {len(nodes)}')
    if not arrow:
        letters = "".join(inputs)
        output = "".join(sorted(k for k in set(letters) if letters.count(k) == 1))
    if not (set(output) <= set("".join(inputs)) and len(set(output)) == len(output)):
        raise ShapeError(f'einsum: "{equation}" has a result that the operands do not give')
    sizes: dict[str, Expr] = {}
    for labels, node in zip(inputs, nodes, strict=True):
        if len(labels) != node.ndim or (not labels.isalpha() and labels):
            raise ShapeError(f'einsum: "{labels}" does not fit shape {show(node.shape)}')
        for letter, size in zip(labels, node.shape, strict=True):
            known = sizes.setdefault(letter, size) if size != 1 else size
            if not same(known, size):
                raise ShapeError(f'einsum: "{letter}" stands for both {known} and {size}')
    return op.einsum([tuple(map(ord, k)) for k in inputs], tuple(map(ord, output)), *nodes)


@_named
def onehot(labels: object, size: object) -> Node:
    """[k = yᵢ] along a new last axis, for integer labels from 0 to size − 1."""
    node, n = op.as_node(labels), as_dim(_number(size))
    if not (isinstance(node, Leaf) and labels_below(node.domain) is not None):
        raise DeclarationError(
            "onehot: the labels must be a symbol of integers", hint='declare domain="labels:<size>"'
        )
    axes = tuple(range(node.ndim))
    return Iverson("eq", INDEX[node.ndim] - LOOKUP[0], (*node.shape, n), (axes,), node)


@_named
def linear(x: object, weight: object, bias: object = None) -> Node:
    """x Wᵀ + b with the weight as (outputs, inputs), PyTorch's convention."""
    product = op.matmul(x, op.transpose(op.as_node(weight)))
    return product if bias is None else op.add(product, bias)


# --- losses: of rows where they are per example, of all entries where they are a mean


@_named
def cross_entropy(logits: object, targets: object) -> Node:
    """−Σₖ yₖ log softmax(z)ₖ of each row, for one-hot or soft targets, or integer labels.

    Built on log_softmax, never on the logarithm of a computed probability.
    """
    z, y = _classified("cross_entropy", logits, targets)
    return op.scale(-1, op.sum_over(op.multiply(y, log_softmax(z)), -1))


@_named
def nll_loss(log_probabilities: object, targets: object) -> Node:
    """−Σₖ yₖ log pₖ of each row, given log p."""
    p, y = _classified("nll_loss", log_probabilities, targets)
    return op.scale(-1, op.sum_over(op.multiply(y, p), -1))


@_named
def binary_cross_entropy(probabilities: object, targets: object) -> Node:
    """−(y log p + (1 − y) log(1 − p)) entry by entry."""
    p, y = _paired("binary_cross_entropy", probabilities, targets)
    log = FUNCTIONS["log"]
    parts = op.add(op.multiply(y, log(p)), op.multiply(op.subtract(1, y), log(op.subtract(1, p))))
    return op.scale(-1, parts)


@_named
def binary_cross_entropy_with_logits(logits: object, targets: object) -> Node:
    """softplus(z) − y z entry by entry: the above at p = sigmoid(z), and stable for all z."""
    z, y = _paired("binary_cross_entropy_with_logits", logits, targets)
    return op.subtract(FUNCTIONS["softplus"](z), op.multiply(y, z))


@_named
def mse_loss(prediction: object, target: object) -> Node:
    """The mean of (a − y)² over all entries."""
    return mean(op.power(op.subtract(*_paired("mse_loss", prediction, target)), 2))


@_named
def huber_loss(prediction: object, target: object, delta: object = 1) -> Node:
    """r²/2 for |r| ≤ δ, else δ(|r| − δ/2), entry by entry. Huber (1964)."""
    bound = op.constant_of(op.as_node(delta))
    if bound is not None and bound.is_positive is False:
        raise DeclarationError(f"huber_loss: delta is positive, not {bound}")
    r = op.subtract(*_paired("huber_loss", prediction, target))
    size = Abs(_X)
    return op.apply(scalar.where(scalar.le(size, _Y), _X**2 / 2, _Y * (size - _Y / 2)), r, delta)


@_named
def hinge_loss(scores: object, signs: object) -> Node:
    """max(0, 1 − y s) entry by entry, for y = ±1."""
    s, y = _paired("hinge_loss", scores, signs)
    return FUNCTIONS["relu"](op.subtract(1, op.multiply(y, s)))


@_named
def kl_div(p: object, q: object) -> Node:
    """p (log p − log q) entry by entry."""
    left, right = _paired("kl_div", p, q)
    log = FUNCTIONS["log"]
    return op.multiply(left, op.subtract(log(left), log(right)))


# --- arguments


def _paired(what: str, prediction: object, target: object) -> tuple[Node, Node]:
    """Both as nodes of one shape, or one a scalar: (n, 1) against (n,) would give (n, n)."""
    a, b = op.as_node(prediction), op.as_node(target)
    if a.ndim and b.ndim and not same_shape(a.shape, b.shape):
        raise ShapeError(
            f"{what}: shapes {show(a.shape)} and {show(b.shape)} differ",
            hint="a loss compares arrays of one shape; index with None or reshape one of them",
        )
    return a, b


def _classified(what: str, scores: object, targets: object) -> tuple[Node, Node]:
    """Scores (..., classes) and targets of their shape, made of labels where they are."""
    z, y = op.as_node(scores), op.as_node(targets)
    classes = labels_below(y.domain) if isinstance(y, Leaf) else None
    if classes is not None and z.ndim and not same(classes, z.shape[-1]):
        raise ShapeError(
            f"{what}: the labels are below {classes}, but the last axis has size {z.shape[-1]}",
            hint=f'declare domain="labels:{z.shape[-1]}"',
        )
    if classes is not None and z.ndim:
        y = onehot(y, z.shape[-1])
    if not z.ndim or not same_shape(z.shape, y.shape):
        raise ShapeError(
            f"{what}: scores {show(z.shape)} and targets {show(y.shape)} do not fit",
            hint='targets are labels (declare domain="labels:<classes>") or as wide as the scores',
        )
    return z, y


def _number(value: object) -> Any:
    return value.value if isinstance(value, Constant) else value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise DeclarationError(f"keepdims is True or False, not {value!r}")
    return value


def _shape(value: object) -> tuple[Expr, ...]:
    listed = value if isinstance(value, tuple | list) else (value,)
    return as_shape(tuple(_number(each) for each in listed))


def _square(value: object, what: str) -> Node:
    node = op.as_node(value)
    if node.ndim != 2 or not same(node.shape[0], node.shape[1]):
        raise ShapeError(f"{what}: of a square matrix, not of {show(node.shape)}")
    return node
