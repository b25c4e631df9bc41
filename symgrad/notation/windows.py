"""Which products are convolutions or maxima of windows, and how the vocabulary calls them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from sympy import Expr, S, expand, floor

from symgrad.tensor.dims import Dim, as_dim, same
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Einsum, Iverson, Labels, Map, Node
from symgrad.tensor.primitives import ArgReduce
from symgrad.tensor.scalar import ARGS, where

#: Options of the vocabulary's functions, a number for each axis.
Options = tuple[tuple[str, tuple[Expr, ...]], ...]


@dataclass(frozen=True, slots=True)
class WindowCall:
    """name(*arguments, **options).

    For the derivative by a kernel batches and channels change places: both arguments and the result
    have their first two axes exchanged, and of the result the last axes are cut.
    """

    name: str
    arguments: tuple[Node, ...]
    options: Options
    exchanged: bool = False


@dataclass(frozen=True, slots=True)
class _Window:
    """[h = stride·i + dilation·u − padding]; a bracket between channels has the same form."""

    labels: Labels
    stride: Expr
    dilation: Expr
    padding: Expr


def window_call(node: Node) -> WindowCall | None:
    """The call that a node is the value of: a convolution, or a maximum of windows or its place."""
    if isinstance(node, ArgReduce):
        return _first(node)
    if not (isinstance(node, Einsum) and any(isinstance(f, Iverson) for f in node.factors)):
        return None
    return _pooling(node) or _convolution(node)


def _windows(node: Einsum) -> tuple[list[int], list[_Window]] | None:
    """The positions of the arrays among the factors, and the brackets; None if one is no window."""
    arrays, found = [], []
    for n, (factor, labels) in enumerate(zip(node.factors, node.inputs, strict=True)):
        if not isinstance(factor, Iverson):
            arrays.append(n)
            continue
        condition = expand(factor.condition)
        condition *= condition.coeff(INDEX[0])  # 1 or -1
        if factor.op != "eq" or factor.operands or len(labels) != 3 or condition.has(*LOOKUP):
            return None
        c, stride, dilation = (condition.coeff(INDEX[a]) * (-1 if a else 1) for a in range(3))
        if c != 1 or not (stride.is_positive and dilation.is_positive):
            return None
        padding = condition.xreplace(dict.fromkeys(INDEX[:3], S.Zero))
        found.append(_Window(labels, stride, dilation, padding))
    return arrays, found


def _distinct(*groups: Labels) -> bool:
    labels = [k for group in groups for k in group if k != UNIT]
    return len(set(labels)) == len(labels)


def _matched(
    found: Sequence[_Window], triples: Sequence[Labels]
) -> tuple[list[_Window], list[_Window]] | None:
    """The window of each axis, given its labels (h, i, u), and the brackets that are left."""
    rest, axes = list(found), []
    for h, i, u in triples:
        fits = [w for w in rest if w.labels == (h, i, u)]
        if h == i and u == UNIT and not fits:  # each window is one position
            axes.append(_Window((h, i, u), S.One, S.One, S.Zero))
        elif len(set(fits)) == 1:
            axes.append(fits[0])
            rest.remove(fits[0])
        else:
            return None
    return axes, rest


def _groups(node: Einsum, rest: Sequence[_Window], c: int, own: int, o: int) -> Expr | None:
    """The number of groups, if brackets split the channels c and o, or c is the kernel's own."""
    if not rest:
        return S.One if c == own else None
    if len(rest) != 2 or any(w.dilation != 1 or w.padding != 0 for w in rest):
        return None
    first, second = sorted(rest, key=lambda w: w.labels[0] != c)
    if first.labels[0] != c or first.labels[2] != own or second.labels[0] != o:
        return None
    if first.labels[1] != second.labels[1] or UNIT in (first.labels[1], c, o):
        return None
    return node.sizes[first.labels[1]]


def _convolution(node: Einsum) -> WindowCall | None:
    parts = _windows(node)
    if parts is None or len(parts[0]) != 2:
        return None
    arrays, found = parts
    for first, second in permutations(arrays):
        call = _applied(node, found, first, second) or _by_kernel(node, found, first, second)
        if call is not None:
            return call
    return None


def _applied(node: Einsum, found: Sequence[_Window], signal: int, kernel: int) -> WindowCall | None:
    """Σ x[n, c, h] k[o, c, u], and its transpose Σ x[n, c, i] k[c, o, u]."""
    x, k = node.factors[signal], node.factors[kernel]
    own, weights, output = node.inputs[signal], node.inputs[kernel], node.output
    rank = k.ndim - 2
    if rank not in (1, 2) or x.ndim != node.ndim or x.ndim < rank + 1:
        return None
    lead, c, source = own[: -rank - 1], own[-rank - 1], own[-rank:]
    front, o, target = output[: -rank - 1], output[-rank - 1], output[-rank:]
    places = weights[2:]
    if front != lead or (c in (*output, *places) and c != UNIT):
        return None
    for name, triples, (a, b) in (
        (f"conv{rank}d", zip(source, target, places, strict=True), weights[:2]),
        (f"conv_transpose{rank}d", zip(target, source, places, strict=True), weights[1::-1]),
    ):
        matched = _matched(found, list(triples))
        if matched is None:
            continue
        axes, rest = matched
        transposed = name.startswith("conv_t")
        # the label that stands whole on the kernel's first axis, and the one that may be in a group
        whole, part, all_of = (c, a, o) if transposed else (o, b, c)
        if (b if transposed else a) != whole:
            continue
        groups = _groups(node, rest, all_of, part, whole)
        inner = () if groups == 1 else (rest[0].labels[1], part)
        windows = [w.labels for w in axes if w.labels[0] != w.labels[1] or w.labels[2] != UNIT]
        if groups is None or not _distinct(lead, (c, o), inner, *windows):
            continue
        sizes = [x.shape[-rank:], node.shape[-rank:]]
        rows = list(zip(*(sizes[::-1] if transposed else sizes), k.shape[2:], axes, strict=True))
        whole_windows = all(_as_many_as_fit(*row) for row in rows)
        more = tuple(_left_over(*row) for row in rows)
        options = _options(axes, groups)
        if transposed and any(each != 0 for each in more):
            options += (("output_padding", more),)
            if not (whole_windows or all(map(_is_below, more, axes))):
                continue
        elif not transposed and not whole_windows:
            continue
        return WindowCall(name, (x, k), options)
    return None


def _left_over(positions: Dim, windows: Dim, places: Dim, w: _Window) -> Expr:
    """The positions behind the last window, padding included."""
    reach = (windows - 1) * w.stride + w.dilation * (places - 1) + 1
    return expand(positions + 2 * w.padding - reach)


def _is_below(more: Expr, w: _Window) -> bool:
    """Whether that many positions may be left over."""
    least = more.is_nonnegative
    return bool(least and ((w.stride - more).is_positive or (w.dilation - more).is_positive))


def _as_many_as_fit(positions: Dim, windows: Dim, places: Dim, w: _Window) -> bool:
    room = expand(_left_over(positions, S.One, places, w) / w.stride)
    return not room.is_negative and same(windows, as_dim(floor(room) + 1))


def _by_kernel(
    node: Einsum, found: Sequence[_Window], signal: int, other: int
) -> WindowCall | None:
    """Σ g[n, o, i] x[n, c, h] for each [o, c, u]: x correlated with g, where i and u exchange."""
    x, g = node.factors[signal], node.factors[other]
    rank = node.ndim - 2
    if rank not in (1, 2) or x.ndim != node.ndim or g.ndim != node.ndim:
        return None
    (n, c, *h), (m, o, *i) = node.inputs[signal], node.inputs[other]
    places = node.output[2:]
    matched = _matched(found, list(zip(h, i, places, strict=True)))
    if n != m or node.output[:2] != (o, c) or matched is None or matched[1]:
        return None
    axes = matched[0]
    windows = [w.labels for w in axes if w.labels[0] != w.labels[1] or w.labels[2] != UNIT]
    bare = tuple(w.labels[0] for w in axes if w.labels not in windows)
    if not _distinct((n, c, o), bare, *windows) or (n in node.output and n != UNIT):
        return None
    swapped = [_Window(w.labels, w.dilation, w.stride, w.padding) for w in axes]
    return WindowCall(f"conv{rank}d", (x, g), _options(swapped, S.One), exchanged=True)


def _options(axes: Sequence[_Window], groups: Expr) -> Options:
    rows = {
        "stride": (1, tuple(w.stride for w in axes)),
        "padding": (0, tuple(w.padding for w in axes)),
        "dilation": (1, tuple(w.dilation for w in axes)),
        "groups": (1, (groups,)),
    }
    return tuple(
        (name, values)
        for name, (usual, values) in rows.items()
        if any(each != usual for each in values)
    )


def _pooling(node: Einsum) -> WindowCall | None:
    """Σ p[…, i, u] [position of u = argmax p]: the maximum of each window."""
    if len(node.factors) != 2:
        return None
    chosen, windows = sorted(node.factors, key=lambda f: not isinstance(f, Iverson))
    if not (isinstance(chosen, Iverson) and len(chosen.operands) == 1):
        return None
    first = chosen.operands[0]
    if not (isinstance(first, ArgReduce) and windows in (first.operand, _unpadded(first.operand))):
        return None
    if chosen.ndim != windows.ndim or node.ndim != first.ndim or not _picks(node, chosen, first):
        return None
    call = _first(first)
    return call and replace(call, name=call.name.removeprefix("arg"))


def _unpadded(node: Node) -> Node:
    """The x of where(c, x, −∞); another node as it is."""
    padded = isinstance(node, Map) and node.body == where(*ARGS[:2], S.NegativeInfinity)
    return node.operands[1] if padded else node


def _first(first: ArgReduce) -> WindowCall | None:
    """The position of the maximum of each window of x, padded with −∞."""
    inner, rank = _unpadded(first.operand), len(first.axes)
    padded = inner is not first.operand
    axes = list(_pooled(inner, rank))
    if first.op != "max" or len(axes) != rank or not isinstance(inner, Einsum):
        return None
    if padded != any(w.padding != 0 for w in axes):
        return None
    x = next(f for f in inner.factors if not isinstance(f, Iverson))
    options: Options = (
        ("size", tuple(inner.shape[-rank:])),
        ("stride", tuple(w.stride for w in axes)),
    )
    if padded:
        options += (("padding", tuple(w.padding for w in axes)),)
    return WindowCall(f"argmax_pool{rank}d", (x,), options)


def _picks(node: Einsum, chosen: Iverson, first: ArgReduce) -> bool:
    """Whether the bracket reads the position of the maximum in all axes, in order."""
    rank = len(first.axes)
    labels = node.inputs[0]
    if labels != node.inputs[1] or node.output != labels[: node.ndim] or not _distinct(labels):
        return False
    if first.axes != tuple(range(first.ndim, first.ndim + rank)):
        return False
    position, step = -LOOKUP[0], S.One
    for axis in reversed(first.axes):
        position += step * INDEX[axis]
        step *= chosen.shape[axis]
    unit = {INDEX[a]: S.Zero for a, k in enumerate(labels) if k == UNIT}
    gap = {expand(sign * chosen.condition.xreplace(unit)) for sign in (1, -1)}
    return chosen.op == "eq" and expand(position.xreplace(unit)) in gap


def _pooled(inner: Node, rank: int) -> Iterator[_Window]:
    """The windows of the last axes of x, (…, windows, places), each read once."""
    parts = _windows(inner) if isinstance(inner, Einsum) else None
    if parts is None or len(parts[0]) != 1:
        return
    assert isinstance(inner, Einsum)
    (at,) = parts[0]
    own, output = inner.inputs[at], inner.output
    if inner.ndim < 2 * rank:
        return
    if inner.factors[at].ndim != inner.ndim - rank or own[:-rank] != output[: -2 * rank]:
        return
    triples = zip(own[-rank:], output[-2 * rank : -rank], output[-rank:], strict=True)
    matched = _matched(parts[1], list(triples))
    if matched is not None and not matched[1]:
        yield from matched[0]


__all__ = ["Options", "WindowCall", "window_call"]
