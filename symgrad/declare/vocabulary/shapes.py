"""Linear algebra and shapes: products, diagonals, triangles, constants, joining, labels."""

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod

from sympy import Expr, S, cancel

from symgrad.declare.vocabulary.arguments import one_axis, sizes_of, square
from symgrad.declare.vocabulary.table import named
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, as_dim, as_shape, same, show
from symgrad.tensor.labels import classes_of
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Iverson, Node, without


@named
def dot(a: object, b: object) -> Node:
    """a · b of scalars, vectors and matrices.

    Source: NumPy.
    """
    left, right = op.as_node(a), op.as_node(b)
    if not left.ndim or not right.ndim:
        return op.multiply(left, right)
    if left.ndim > 2 or right.ndim > 2:
        raise ShapeError("dot: of vectors and matrices only", hint="use @ for stacks of matrices")
    return op.matmul(left, right)


@named
def outer(a: object, b: object) -> Node:
    """a bᵀ of two vectors.

    Source: NumPy.
    """
    left, right = op.as_node(a), op.as_node(b)
    if left.ndim != 1 or right.ndim != 1:
        raise ShapeError(f"outer: of two vectors, not {show(left.shape)} and {show(right.shape)}")
    return op.einsum(((0,), (1,)), (0, 1), left, right)


@named
def trace(x: object) -> Node:
    """Σᵢ xᵢᵢ of a square matrix.

    Source: NumPy.
    """
    return op.einsum(((0, 0),), (), square(x, "trace"))


@named
def diag(x: object) -> Node:
    """The diagonal of a square matrix, or the diagonal matrix of a vector.

    Source: NumPy.
    """
    node = op.as_node(x)
    if node.ndim == 1:
        if node.shape[0] == 1:
            return node[:, None]
        return op.einsum(((0,), (0, 1)), (0, 1), node, op.eye(node.shape[0]))
    node = square(node, "diag")
    return op.einsum(((0, 0),), (0,), node, sizes={0: node.shape[0]})


@named
def einsum(equation: str, *operands: object) -> Node:
    """Σ over the letters that the result lacks: "ij,jk->ik" is a matrix product.

    Source: NumPy.
    """
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


@named
def transpose(x: object, *order: object, axes: Sequence[object] | None = None) -> Node:
    """The axes in another order, reversed without one; x.transpose(0, 2, 1) is a way to write it.

    Source: NumPy.
    """
    given = order if axes is None else (*order, axes)
    if not given or given == (None,):
        return op.transpose(op.as_node(x))
    listed = given[0] if len(given) == 1 and isinstance(given[0], tuple | list) else given
    return op.transpose(op.as_node(x), [op.whole(each, "axis") for each in listed])


@named
def reshape(x: object, *shape: object) -> Node:
    """The entries, in row-major order, in another shape; one size may be −1, for what is left.

    Source: NumPy.
    """
    node = op.as_node(x)
    listed = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    given = [op.number(each) for each in listed]
    sizes = [S.NegativeOne if each == -1 else as_dim(each) for each in given]
    count, rest = op.count(node), [k for k, size in enumerate(sizes) if size == -1]
    if len(rest) > 1:
        raise ShapeError("reshape: one size is −1 at most")
    if rest:
        others = prod((size for size in sizes if size != -1), start=S.One)
        left = cancel(count / others)
        if left.as_numer_denom()[1] != 1:
            raise ShapeError(
                f"reshape: {show(node.shape)} has {count} entries, which {others} may not divide",
                hint='declare a dimension as a product of others, such as "H*d"',
            )
        sizes[rest[0]] = left
    return op.reshape(node, as_shape(tuple(sizes)))


# --- constants and triangles


@named
def ones(shape: object) -> Node:
    """An array of ones.

    Source: NumPy.
    """
    return op.full(1, sizes_of(shape))


@named
def zeros(shape: object) -> Node:
    """An array of zeros.

    Source: NumPy.
    """
    return op.full(0, sizes_of(shape))


@named
def eye(size: object) -> Node:
    """[i = j]: the identity matrix.

    Source: NumPy.
    """
    return op.eye(as_dim(op.number(size)))


@named
def arange(size: object) -> Node:
    """The numbers 0, 1, …, size − 1; as an index, each row's own.

    Source: NumPy.
    """
    return op.arange(op.number(size))


@named
def tri(N: object, M: object = None, k: object = 0) -> Node:
    """[j ≤ i + k]: ones on and below the k-th diagonal.

    Source: NumPy.
    """
    return tril(op.full(1, sizes_of((N, N if M is None else M))), k)


@named
def tril(x: object, k: object = 0) -> Node:
    """xᵢⱼ [j ≤ i + k]: the entries on and below the k-th diagonal; the others are zero.

    Source: NumPy.
    """
    return _triangle(x, k, lambda i, j, k: i - j + k)


@named
def triu(x: object, k: object = 0) -> Node:
    """xᵢⱼ [j ≥ i + k]: the entries on and above the k-th diagonal; the others are zero.

    Source: NumPy.
    """
    return _triangle(x, k, lambda i, j, k: j - i - k)


def _triangle(x: object, k: object, condition: Callable[[Expr, Expr, Expr], Expr]) -> Node:
    node, diagonal = op.as_node(x), op.exact(op.number(k))
    if not diagonal.is_integer:
        raise DeclarationError(f"a diagonal is a whole number, not {diagonal}")
    if node.ndim < 2:
        raise ShapeError(f"a triangle is of a matrix, not of {show(node.shape)}")
    mask = Iverson("ge", condition(INDEX[0], INDEX[1], diagonal), node.shape[-2:])
    return op.multiply(node, mask)


# --- joining and padding: each part is shifted to its place, yᵢ = Σⱼ xⱼ [i = j + offset]


@named
def concatenate(arrays: Sequence[object], axis: object = 0) -> Node:
    """The arrays one after the other along an axis.

    Source: NumPy.
    """
    nodes = _listed(arrays, "concatenate")
    first = nodes[0]
    along = one_axis(first, axis, "concatenate")
    for node in nodes[1:]:
        rest = without(node.shape, (along,)) if node.ndim == first.ndim else None
        if rest is None or not all(map(same, rest, without(first.shape, (along,)))):
            raise ShapeError(
                f"concatenate: shapes {show(first.shape)} and {show(node.shape)} differ "
                f"beside axis {along}"
            )
    sizes = [node.shape[along] for node in nodes]
    *offsets, length = accumulate(sizes, initial=S.Zero)
    parts = [
        _placed(node, along, offset, as_dim(length))
        for node, offset in zip(nodes, offsets, strict=True)
    ]
    return op.total(((1, part) for part in parts), parts[0].shape)


@named
def stack(arrays: Sequence[object], axis: object = 0) -> Node:
    """The arrays side by side along a new axis.

    Source: NumPy.
    """
    nodes = _listed(arrays, "stack")
    rank = nodes[0].ndim + 1
    k = op.whole(axis, "axis")
    if not -rank <= k < rank:
        raise ShapeError(f"stack: axis {k} is out of range for a result with {rank} axes")
    key = [slice(None)] * (k % rank) + [None]
    return concatenate([node[(*key, ...)] for node in nodes], k % rank)


@named
def pad(x: object, pad_width: object) -> Node:
    """Zeros around x: one width, (before, after), or such a pair for each axis.

    Source: NumPy.
    """
    node = op.as_node(x)
    for axis, (before, after) in enumerate(_widths(pad_width, node.ndim)):
        if before or after:
            node = _placed(node, axis, before, as_dim(before + node.shape[axis] + after))
    return node


def _widths(given: object, rank: int) -> list[tuple[Expr, Expr]]:
    listed = given if isinstance(given, tuple | list) else (given, given)
    pairs = listed if any(isinstance(each, tuple | list) for each in listed) else (listed,)
    if len(pairs) == 1:
        pairs = tuple(pairs) * rank
    if len(pairs) != rank or not all(isinstance(p, tuple | list) and len(p) == 2 for p in pairs):
        raise DeclarationError(
            f"pad: {given!r} is no width for {rank} axes",
            hint="give a number, (before, after), or such a pair for each axis",
        )
    widths = [(op.exact(op.number(before)), op.exact(op.number(after))) for before, after in pairs]
    for each in (width for pair in widths for width in pair):
        if not each.is_integer or each.is_negative:
            raise DeclarationError(f"pad: a width is a whole number from 0 on, not {each}")
    return widths


def _listed(arrays: object, what: str) -> list[Node]:
    if not isinstance(arrays, tuple | list) or not arrays:
        raise DeclarationError(f"{what}: of a list of arrays", hint=f"write {what}((a, b))")
    return [op.as_node(each) for each in arrays]


def _placed(node: Node, axis: int, offset: Expr, length: Dim) -> Node:
    """The node from `offset` on along an axis of that length, with zeros around it."""
    size, output = node.shape[axis], tuple(range(node.ndim))
    if same(size, length):
        return node
    unit = size is ONE
    inner = UNIT if unit else node.ndim  # the label of the node's own axis
    condition = INDEX[0] - offset - (0 if unit else INDEX[1])
    place = Iverson("eq", condition, (length,) if unit else (length, size))
    own = tuple(inner if k == axis else k for k in output)
    sizes = dict(enumerate(node.shape)) | {axis: length, inner: size}
    labels = (axis,) if unit else (axis, inner)
    return op.einsum((own, labels), output, node, place, sizes=sizes)


# --- labels


@named
def onehot(labels: object, size: object) -> Node:
    """[k = yᵢ] along a new last axis, for integer labels from 0 to size − 1.

    Source: Bishop (2006), section 4.1.2 (1-of-K coding).
    """
    node, n = op.as_node(labels), as_dim(op.number(size))
    if classes_of(node) is None:
        raise DeclarationError(
            "onehot: the labels must be a symbol of integers", hint='declare domain="labels:<size>"'
        )
    axes = tuple(range(node.ndim))
    return Iverson("eq", INDEX[node.ndim] - LOOKUP[0], (*node.shape, n), (axes,), node)


@named
def take(x: object, indices: object, axis: object = None) -> Node:
    """The entries of x at integer labels along an axis; repeated ones add up in the derivative.

    Source: NumPy.
    """
    node = op.as_node(x)
    along = one_axis(node, axis, "take")
    return node[(*[slice(None)] * along, indices)]
