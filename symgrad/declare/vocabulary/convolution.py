"""Convolutions and pooling: products with windows [h = s·i + d·u − p], by which h, the position,
follows from i, the window's number, and u, the place in it.

Nothing here has a derivative of its own: that of an Einsum is an Einsum with the same windows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr, S, expand, floor

from symgrad.declare.vocabulary.table import named
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, as_dim, same, show
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Iverson, Labels, Map, Node
from symgrad.tensor.primitives import ArgReduce
from symgrad.tensor.scalar import ARGS
from symgrad.tensor.scalar import where as choose

#: Labels: of leading axes, of input channels c and output channels o, of the group and the channels
#: in it (c = γ·(C/G) + c'), and of the axis a: positions h, windows i, places u.
_LEAD, _C, _O, _GROUP, _C_IN, _O_IN, _H, _I, _U = range(100, 1000, 100)


@dataclass(frozen=True, slots=True)
class _Axis:
    """One axis with windows: how many positions, windows and places in a window there are."""

    positions: Dim
    windows: Dim
    places: Dim
    stride: Expr
    dilation: Expr
    padding: Expr

    @property
    def bare(self) -> bool:
        """Whether each window is one position, in order."""
        one = (self.places, self.stride, self.padding) == (1, 1, 0)
        return one and same(self.positions, self.windows)

    def position(self) -> Expr:
        """h for i = INDEX[1], u = INDEX[2]."""
        return expand(self.stride * INDEX[1] + self.dilation * INDEX[2] - self.padding)

    def bracket(self, a: int) -> tuple[Node, Labels]:
        """[h = s·i + d·u − p] and its labels."""
        shape = (self.positions, self.windows, self.places)
        labels = (_H + a, _I + a, _U + a)
        return Iverson("eq", INDEX[0] - self.position(), shape), _units(labels, shape)

    def inside(self, a: int) -> Iterator[tuple[Node, Labels]]:
        """[0 ≤ h] and [h < positions]: whether a place of a window is no padding."""
        shape = (self.windows, self.places)
        at = self.position().xreplace({INDEX[1]: INDEX[0], INDEX[2]: INDEX[1]})
        for condition in (at, expand(self.positions - 1 - at)):
            yield Iverson("ge", condition, shape), _units((_I + a, _U + a), shape)


def _units(labels: Labels, shape: Sequence[Dim]) -> Labels:
    return tuple(UNIT if d is ONE else k for k, d in zip(labels, shape, strict=True))


def _windows(size: Dim, places: Dim, stride: Expr, dilation: Expr, padding: Expr) -> _Axis:
    """As many windows as fit: ⌊(n + 2p − d(k − 1) − 1)/s⌋ + 1."""
    last = size + 2 * padding - dilation * (places - 1) - 1
    if expand(last).is_negative:
        raise ShapeError(
            f"a window of {expand(dilation * (places - 1) + 1)} positions does not fit into an "
            f"axis of size {expand(size + 2 * padding)}, padding included"
        )
    return _Axis(size, as_dim(floor(expand(last) / stride) + 1), places, stride, dilation, padding)


def _axes(what: str, sizes: Sequence[Dim], places: Sequence[Dim], *given: object) -> list[_Axis]:
    columns = (_each(what, *row, len(sizes)) for row in zip(_OPTIONS, given, strict=False))
    return [_windows(*row) for row in zip(sizes, places, *columns, strict=True)]


#: Options, and the least that each may be.
_OPTIONS = (("stride", 1), ("dilation", 1), ("padding", 0), ("output_padding", 0))


def _each(what: str, option: tuple[str, int], value: object, rank: int) -> list[Expr]:
    """A whole number, or a dimension, for each axis."""
    name, least = option
    listed = value if isinstance(value, tuple | list) else (value,) * rank
    if len(listed) != rank:
        raise DeclarationError(f"{what}: {name} has {len(listed)} numbers for {rank} axes")
    found = [op.exact(op.number(each)) for each in listed]
    for each in found:
        if not each.is_integer or (each - least).is_negative:
            raise DeclarationError(f"{what}: {name} is a whole number from {least} on, not {each}")
    return found


def _read(what: str, x: object, kernel: object, rank: int) -> tuple[Node, Node]:
    signal, weights = op.as_node(x), op.as_node(kernel)
    axes = ", ".join("HW"[2 - rank :])
    if signal.ndim <= rank or weights.ndim != rank + 2:
        raise ShapeError(
            f"{what}: x {show(signal.shape)} and a kernel {show(weights.shape)} do not fit",
            hint=f"x is (batch, channels, {axes}), the kernel has {rank + 2} axes",
        )
    return signal, weights


def _groups(what: str, groups: object, channels: Dim) -> Expr:
    """The number of groups, which divides the channels."""
    count = op.exact(op.number(groups))
    if not (count.is_integer and count.is_positive):
        raise DeclarationError(f"{what}: groups is a whole number from 1 on, not {count}")
    if not expand(channels / count).is_integer:
        raise ShapeError(
            f"{what}: {channels} channels do not fall into {count} equal groups",
            hint=f'declare them as a multiple, such as "{count}*k"',
        )
    return count


def _split(label: int, size: Dim, groups: Expr, inner: int) -> Iterator[tuple[Node, Labels]]:
    """[c = γ·(C/G) + c']: a channel from its group and its place there; none for one group."""
    if groups != 1:
        shape = (size, as_dim(groups), as_dim(expand(size / groups)))
        condition = INDEX[0] - expand(shape[2] * INDEX[1]) - INDEX[2]
        yield Iverson("eq", condition, shape), _units((label, _GROUP, inner), shape)


def _convolved(
    x: Node, kernel: Node, axes: Sequence[_Axis], groups: Expr, channels: Dim, transposed: bool
) -> Node:
    """Y[n, o, i] = Σ X[n, c, h] K[o, c', u] [h = s·i + d·u − p], or with h and i exchanged."""
    rank = len(axes)
    lead = tuple(_LEAD + k for k in range(x.ndim - rank - 1))
    read, made = (_I, _H) if transposed else (_H, _I)
    bare = {a for a, axis in enumerate(axes) if axis.bare}
    source, target = (
        tuple((_I if a in bare else k) + a for a in range(rank)) for k in (read, made)
    )
    grouped = groups != 1
    own, out = (_C_IN if grouped else _C), (_O_IN if grouped else _O)
    pair = (_C, out) if transposed else (_O, own)
    sizes: dict[int, Dim] = {_O: channels}
    sizes |= {k: axis.positions if transposed else axis.windows
              for k, axis in zip(target, axes, strict=True)}  # fmt: skip
    factors = [x, kernel]
    inputs = [(*lead, _C, *source), (*pair, *(_U + a for a in range(rank)))]
    brackets = [axis.bracket(a) for a, axis in enumerate(axes) if a not in bare]
    brackets += _split(_C, x.shape[-rank - 1], groups, _C_IN)
    brackets += _split(_O, channels, groups, _O_IN)
    for bracket, labels in brackets:
        factors.append(bracket)
        inputs.append(labels)
    return op.einsum(inputs, (*lead, _O, *target), *factors, sizes=sizes)


def _correlation(
    what: str, x: object, kernel: object, rank: int, groups: object, *options: object
) -> Node:
    signal, weights = _read(what, x, kernel, rank)
    channels, made = signal.shape[-rank - 1], weights.shape[0]
    count = _groups(what, groups, made)
    if not same(channels, expand(count * weights.shape[1])):
        raise ShapeError(
            f"{what}: x {show(signal.shape)} has {channels} channels, the kernel "
            f"{show(weights.shape)} is for {expand(count * weights.shape[1])}",
            hint="a kernel is (outputs, inputs / groups, sizes ...)",
        )
    axes = _axes(what, signal.shape[-rank:], weights.shape[2:], *options)
    return _convolved(signal, weights, axes, count, made, False)


@named
def conv1d(
    x: object,
    kernel: object,
    stride: object = 1,
    padding: object = 0,
    dilation: object = 1,
    groups: object = 1,
) -> Node:
    """yₙₒᵢ = Σ xₙ꜀ₕ kₒ꜀ᵤ with h = stride·i + dilation·u − padding; the kernel is (O, C/groups, K).

    Source: PyTorch's convention, torch.nn.functional.conv1d; Dumoulin, Visin (2016).
    """
    return _correlation("conv1d", x, kernel, 1, groups, stride, dilation, padding)


@named
def conv2d(
    x: object,
    kernel: object,
    stride: object = 1,
    padding: object = 0,
    dilation: object = 1,
    groups: object = 1,
) -> Node:
    """As conv1d along two axes: x is (N, C, H, W), the kernel (O, C/groups, K, L). A correlation.

    Source: PyTorch's convention, torch.nn.functional.conv2d; Dumoulin, Visin (2016).
    """
    return _correlation("conv2d", x, kernel, 2, groups, stride, dilation, padding)


def _transposed(
    what: str, x: object, kernel: object, rank: int, groups: object, *options: object
) -> Node:
    signal, weights = _read(what, x, kernel, rank)
    channels, inner, *places = weights.shape
    count = _groups(what, groups, channels)
    if not same(signal.shape[-rank - 1], channels):
        raise ShapeError(
            f"{what}: x {show(signal.shape)} has {signal.shape[-rank - 1]} channels, the kernel "
            f"{show(weights.shape)} is for {channels}",
            hint="a kernel is (inputs, outputs / groups, sizes ...)",
        )
    columns = [_each(what, *row, rank) for row in zip(_OPTIONS, options, strict=True)]
    axes = []
    for n, k, s, d, p, more in zip(signal.shape[-rank:], places, *columns, strict=True):
        if (more - s).is_nonnegative and (more - d).is_nonnegative:
            raise DeclarationError(
                f"{what}: output_padding {more} is not below the stride or the dilation"
            )
        size = as_dim(expand((n - 1) * s - 2 * p + d * (k - 1) + more + 1))
        axes.append(_Axis(size, n, k, s, d, p))
    return _convolved(signal, weights, axes, count, as_dim(expand(count * inner)), True)


@named
def conv_transpose1d(
    x: object,
    kernel: object,
    stride: object = 1,
    padding: object = 0,
    output_padding: object = 0,
    groups: object = 1,
    dilation: object = 1,
) -> Node:
    """The transpose of conv1d: yₙₒₕ = Σ xₙ꜀ᵢ k꜀ₒᵤ, h as there; the kernel is (C, O/groups, K).

    Source: PyTorch's convention, torch.nn.functional.conv_transpose1d; Dumoulin, Visin (2016).
    """
    options = (stride, dilation, padding, output_padding)
    return _transposed("conv_transpose1d", x, kernel, 1, groups, *options)


@named
def conv_transpose2d(
    x: object,
    kernel: object,
    stride: object = 1,
    padding: object = 0,
    output_padding: object = 0,
    groups: object = 1,
    dilation: object = 1,
) -> Node:
    """As conv_transpose1d along two axes; the kernel is (C, O/groups, K, L).

    Source: PyTorch's convention, torch.nn.functional.conv_transpose2d; Dumoulin, Visin (2016).
    """
    options = (stride, dilation, padding, output_padding)
    return _transposed("conv_transpose2d", x, kernel, 2, groups, *options)


# --- pooling


def _pooled(
    what: str, x: object, size: object, stride: object, padding: object, rank: int
) -> tuple[Node, list[_Axis]]:
    """The windows of x, (..., windows, places), and what they are along each axis."""
    node = op.as_node(x)
    if node.ndim < rank:
        raise ShapeError(f"{what}: x {show(node.shape)} has no {rank} axes")
    places = [as_dim(k) for k in _each(what, ("size", 1), size, rank)]
    steps = places if stride is None or op.number(stride) is None else stride
    axes = _axes(what, node.shape[node.ndim - rank :], places, steps, 1, padding)
    for axis in axes:
        if (axis.places - 2 * axis.padding).is_negative:
            raise DeclarationError(
                f"{what}: padding {axis.padding} is more than half the window of {axis.places}"
            )
    lead = tuple(_LEAD + k for k in range(node.ndim - rank))
    brackets = [axis.bracket(a) for a, axis in enumerate(axes) if not axis.bare]
    source = tuple((_I if axis.bare else _H) + a for a, axis in enumerate(axes))
    output = (*lead, *_range(_I, rank), *_range(_U, rank))
    sizes = {_I + a: axis.windows for a, axis in enumerate(axes)}
    sizes |= {_U + a: axis.places for a, axis in enumerate(axes)}
    inputs = [(*lead, *source), *(labels for _, labels in brackets)]
    return op.einsum(inputs, output, node, *(b for b, _ in brackets), sizes=sizes), axes


def _range(label: int, rank: int) -> Labels:
    return tuple(label + a for a in range(rank))


def _maximum(
    what: str, x: object, size: object, stride: object, padding: object, rank: int
) -> Node:
    node, axes = _pooled(what, x, size, stride, padding, rank)
    lead = tuple(_LEAD + k for k in range(node.ndim - 2 * rank))
    windows, places = _range(_I, rank), _range(_U, rank)
    labels = (*lead, *windows, *places)
    real = [pair for a, axis in enumerate(axes) if axis.padding != 0 for pair in axis.inside(a)]
    if real:
        sizes = dict(zip(labels, node.shape, strict=True))
        inside = op.einsum([own for _, own in real], labels, *(b for b, _ in real), sizes=sizes)
        node = Map(choose(ARGS[0], ARGS[1], S.NegativeInfinity), inside, node)
    along = tuple(range(node.ndim - rank, node.ndim))
    if all(node.shape[a] == 1 for a in along):
        return op.einsum([labels], (*lead, *windows), node)
    first = ArgReduce("max", along, node)
    condition, step = -LOOKUP[0], S.One
    for k in reversed(range(rank)):
        condition += step * INDEX[first.ndim + k]
        step *= node.shape[first.ndim + k]
    shape = (*first.shape, *(node.shape[a] for a in along))
    chosen = Iverson("eq", expand(condition), shape, (tuple(range(first.ndim)),), first)
    return op.einsum([labels, labels], (*lead, *windows), node, chosen)


@named
def max_pool1d(x: object, size: object, stride: object = None, padding: object = 0) -> Node:
    """maxᵤ x₍stride·i + u − padding₎ along the last axis; the stride is the size unless given.

    Source: PyTorch's convention, torch.nn.functional.max_pool1d.
    Stability: padding is −∞, so that it never wins; a NaN in a window is its maximum.
    Kink: ties go to the first place of the window.
    """
    return _maximum("max_pool1d", x, size, stride, padding, 1)


@named
def max_pool2d(x: object, size: object, stride: object = None, padding: object = 0) -> Node:
    """As max_pool1d along the last two axes.

    Source: PyTorch's convention, torch.nn.functional.max_pool2d; LeCun et al. (1998).
    Stability: padding is −∞, so that it never wins; a NaN in a window is its maximum.
    Kink: ties go to the first place of the window, row by row.
    """
    return _maximum("max_pool2d", x, size, stride, padding, 2)


@named
def avg_pool2d(x: object, size: object, stride: object = None, padding: object = 0) -> Node:
    """Means of windows of the last two axes; zeros of the padding count, as PyTorch's default.

    Source: PyTorch's convention, torch.nn.functional.avg_pool2d; LeCun et al. (1998).
    """
    node, axes = _pooled("avg_pool2d", x, size, stride, padding, 2)
    sums = op.sum_over(node, (-2, -1))
    return op.scale(1 / (axes[0].places * axes[1].places), sums)
