"""Indices with NumPy's meaning: whole numbers, slices, None, Ellipsis, and arrays of labels.

Each is an Einsum with an Iverson: x[k] = Σⱼ xⱼ [j = k], U[y] = Σⱼ [j = yᵢ] uⱼₖ.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Self, TypeGuard

from sympy import Expr, S, expand, floor

from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import labels as known
from symgrad.tensor import operators as op
from symgrad.tensor.bounds import extremes
from symgrad.tensor.dims import ONE, Dim, Shape, as_dim, broadcast, same, show
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Constant, Iverson, Labels, Map, Node
from symgrad.tensor.scalar import INDICATORS


def index(node: Node, key: object) -> Node:
    """node[key] for whole numbers, slices, None, Ellipsis, and symbols of labels.

    Symbols of labels, such as the y of Z[arange(N), y], stand side by side: where they are apart,
    NumPy moves their axes to the front.

    Raises
    ------
    ShapeError          if there are more indices than axes, or one is out of range.
    DeclarationError    if an index is neither a whole number nor a symbol of labels.
    """
    keys = _one_for_each_axis(node, key)
    arrays = _Arrays.among(keys, 2 * node.ndim)
    own = list(range(node.ndim))  # the labels of the node's axes
    factors: list[Node] = []
    inputs: list[Labels] = []
    output: list[int] = []
    sizes: dict[int, Dim] = dict(enumerate(node.shape)) | arrays.sizes
    axis = 0
    for place, each in enumerate(keys):
        if place == arrays.first:
            output += arrays.labels
        if each is None:
            output.append(UNIT)
            continue
        size = node.shape[axis]
        if isinstance(each, slice):
            if each == slice(None):
                output.append(UNIT if size is ONE else axis)
            else:
                start, length, step = _bounds(each, size)
                fresh = node.ndim + axis
                sizes[fresh] = length
                output.append(UNIT if length == 1 else fresh)
                if size is not ONE:
                    condition = expand(INDEX[0] - start - step * INDEX[1])
                    factors.append(Iverson("eq", condition, (size, length)))
                    inputs.append((axis, fresh))
        elif _is_array(each):
            labels = arrays.labels_of(each)
            if _counts(each, size):
                (own[axis],) = labels
            else:
                bracket, axes = _picks(each, size)
                factors.append(bracket)
                inputs.append(tuple(axis if a < 0 else labels[a] for a in axes))
        else:
            k = _position(each, size)
            if size is not ONE:
                factors.append(Iverson("eq", INDEX[0] - k, (size,)))
                inputs.append((axis,))
        axis += 1
    return op.einsum((tuple(own), *inputs), output, node, *factors, sizes=sizes)


def _one_for_each_axis(node: Node, key: object) -> list[object]:
    """The keys with the ellipsis, written or not, spelled out."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(isinstance(each, list) for each in keys):
        raise DeclarationError(
            "an index must be a whole number or a symbol of labels, not a list",
            hint="join the entries: stack((x[0], x[2]))",
        )
    if sum(each is Ellipsis for each in keys) > 1:
        raise ShapeError("an index has one ellipsis at most")
    taken = sum(each is not None and each is not Ellipsis for each in keys)
    if taken > node.ndim:
        raise ShapeError(f"{taken} indices for shape {show(node.shape)}")
    if not any(each is Ellipsis for each in keys):
        keys.append(Ellipsis)
    at = next(k for k, each in enumerate(keys) if each is Ellipsis)
    keys[at : at + 1] = [slice(None)] * (node.ndim - taken)
    return keys


def _is_array(key: object) -> TypeGuard[Node]:
    return isinstance(key, Node) and not isinstance(key, Constant)


def _counts(array: Node, size: Dim) -> bool:
    """Whether an index is the arange of its axis."""
    return array.ndim == 1 and same(array.shape[0], size) and array is op.arange(array.shape[0])


@dataclass(frozen=True, slots=True)
class _Arrays:
    """The axes that arrays among the keys make together, and the place where these stand."""

    first: int
    labels: Labels
    sizes: dict[int, Dim]

    @classmethod
    def among(cls, keys: list[object], fresh: int) -> Self:
        arrays = [key for key in keys if _is_array(key)]
        if not arrays:
            return cls(-1, (), {})
        places = [k for k, key in enumerate(keys) if key is not None and type(key) is not slice]
        if places[-1] - places[0] >= len(places):
            raise ShapeError(
                "indices by arrays and numbers must stand side by side",
                hint="index twice: first with the slices, then with the arrays",
            )
        empty: Shape = ()
        shape = reduce(broadcast, (key.shape for key in arrays), empty)
        labels = tuple(UNIT if size is ONE else fresh + k for k, size in enumerate(shape))
        sizes = {fresh + k: size for k, size in enumerate(shape)}
        return cls(places[0], labels, sizes)

    def labels_of(self, array: Node) -> Labels:
        """The labels of an array's axes, which are broadcast."""
        last = self.labels[len(self.labels) - array.ndim :]
        return tuple(
            UNIT if size is ONE else label for label, size in zip(last, array.shape, strict=True)
        )


def _picks(array: Node, size: Dim) -> tuple[Iverson, Labels]:
    """[j = yᵢ] for an array of indices, and the axis of it that each index is of; −1 is for j."""
    value = known.affine_in_indices(array)
    if value is not None:
        return _affine(array, value, size)
    classes = known.classes_of(array)
    if isinstance(array, Map) and array.body.func in INDICATORS:
        raise DeclarationError(
            "an index by a condition gives an array whose size depends on values",
            hint="where(condition, x, 0) keeps the shape",
        )
    if classes is None:
        raise DeclarationError(
            "an index must be a whole number or a symbol of labels, not an array",
            hint=f'declare domain="labels:{size}"; arange({size}) counts an axis of that size',
        )
    if not same(classes, size):
        raise ShapeError(f"labels below {classes} index an axis of size {size}",
                         hint=f'declare domain="labels:{size}"')  # fmt: skip
    axes = tuple(range(array.ndim))
    bracket = Iverson("eq", INDEX[array.ndim] - LOOKUP[0], (*array.shape, size), (axes,), array)
    return bracket, (*axes, -1)


def _affine(array: Node, value: Expr, size: Dim) -> tuple[Iverson, Labels]:
    """[j = n·i + k] for an array that counts: `n * arange(m)[:, None] + arange(n)`."""
    low, high = extremes(value, dict(zip(INDEX, array.shape, strict=False)))
    room = expand(size - 1 - high)
    if not value.is_integer:
        raise DeclarationError("an array of indices must hold whole numbers")
    if low.is_negative or room.is_negative:
        raise ShapeError(
            f"indices from {low} to {high} are out of range for size {size}",
            hint="an array of indices counts from 0",
        )
    used = tuple(a for a in range(array.ndim) if value.has(INDEX[a]))
    if len(used) > 1 and not (low.is_nonnegative and room.is_nonnegative):  # one: at run time
        which = f"from {low} to {high}" if low is not S.NaN else "whose order depends on sizes"
        raise ShapeError(f"indices {which} may be out of range for size {size}")
    own = value.xreplace({INDEX[a]: INDEX[n + 1] for n, a in enumerate(used)})
    shape = (size, *(array.shape[a] for a in used))
    return Iverson("eq", INDEX[0] - own, shape), (-1, *used)


def _position(key: object, size: Dim) -> Expr:
    k = op.exact(op.number(key))
    if not (k.is_integer or k.free_symbols):
        raise DeclarationError(f"an index must be a whole number, not {k}")
    position = k + size if k.is_negative else k
    gap = size - 1 - position
    if position.is_negative or gap.is_negative:
        raise ShapeError(f"index {k} is out of range for an axis of size {size}")
    return position


def _bounds(key: slice, size: Dim) -> tuple[Expr, Dim, Expr]:
    """The first position, the number of positions and the step of a slice."""
    step = op.exact(1 if key.step is None else op.number(key.step))
    if not (step.is_Integer and step != 0):
        raise DeclarationError(f"a slice's step must be a whole number but 0, not {step}")
    low, high = (S.Zero, size) if step > 0 else (S.NegativeOne, size - 1)
    first, last = (low, high) if step > 0 else (high, low)

    def bound(value: object, default: Expr) -> Expr:
        if value is None:
            return default
        k = op.exact(op.number(value))
        if not (k.is_integer or k.free_symbols):
            raise DeclarationError(f"a bound of a slice must be a whole number, not {k}")
        if k.is_negative:
            k += size
        if (k - low).is_negative:  # bounds beyond the ends are clipped, as NumPy's
            return low
        return high if (k - high).is_positive else k

    start, stop = bound(key.start, first), bound(key.stop, last)
    length = (stop - start + step - (1 if step > 0 else -1)) / step
    return start, as_dim(floor(length)), step
