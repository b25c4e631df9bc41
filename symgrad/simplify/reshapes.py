"""Products of reshaped factors: an axis that merges several is taken apart, so that reshapes go.

vec(X)ᵀ (A ⊗ B) vec(X) is a sum over pairs of indices; so is tr(A ⊗ B) = Σᵢₖ aᵢᵢ bₖₖ.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from math import prod

from sympy import S, cancel

from symgrad.simplify.terms import Factor, Term, build
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, Shape, same
from symgrad.tensor.nodes import INDEX, UNIT, Iverson, Labels, Node, Total
from symgrad.tensor.primitives import Reshape

Axes = tuple[int, ...]


def groups(source: Shape, target: Shape) -> list[tuple[Axes, Axes]]:
    """The smallest groups of consecutive axes of two shapes that hold equally many entries.

    >>> from symgrad.tensor.dims import as_shape
    >>> groups(as_shape(("n", "m", "k")), as_shape(("n*m", "k")))
    [((0, 1), (0,)), ((2,), (1,))]
    """
    left = [k for k, d in enumerate(source) if d is not ONE]
    right = [k for k, d in enumerate(target) if d is not ONE]
    found = []
    while left and right:
        own, other = [left.pop(0)], [right.pop(0)]
        while True:
            p, q = (
                prod((source[k] for k in own), start=S.One),
                prod((target[k] for k in other), start=S.One),
            )
            if same(p, q):
                break
            divides = [cancel(a / b).as_numer_denom()[1] == 1 for a, b in ((q, p), (p, q))]
            if left and (divides[0] or not divides[1]):
                own.append(left.pop(0))
            elif right:
                other.append(right.pop(0))
            else:
                own += left
                left = []
                break
        found.append((tuple(own), tuple(other)))
    return found


def taken_apart(term: Term) -> Node | None:
    """The term with merged axes as several, where that leaves fewer reshapes."""
    before = sum(isinstance(node, Reshape) for node, _ in term.factors)
    if not before:
        return None
    parts = _parts(term)
    if not parts:
        return None
    fresh = count(max([0, *term.sizes]) + 1)
    names = {label: tuple(next(fresh) for _ in dims) for label, dims in parts.items()}
    sizes = dict(term.sizes)
    for label, dims in parts.items():
        sizes |= dict(zip(names[label], dims, strict=True))
    factors = [each for f in term.factors for each in _opened(f, parts, names)]
    output = tuple(k for label in term.output for k in names.get(label, (label,)))
    merged = output != term.output
    after = sum(isinstance(node, Reshape) for node, _ in factors) + merged
    if after >= before:
        return None
    inner = build(replace(term, factors=tuple(factors), output=output, sizes=sizes))
    return op.reshape(inner, term.shape()) if merged else inner


def _parts(term: Term) -> dict[int, Shape]:
    """The labels that all who hold them can take apart, and the sizes of their parts."""
    parts: dict[int, Shape] = {}
    for node, labels in term.factors:
        if isinstance(node, Reshape):
            for label, dims in _merges(node, labels):
                if parts.setdefault(label, dims) != dims:
                    return {}
    changed = True
    while changed:  # [i = j] takes j apart where i is
        changed = False
        for node, labels in term.factors:
            if op.is_identity(node) and len({*labels} & {*parts}) == 1:
                (known,) = {*labels} & {*parts}
                (other,) = {*labels} - {known} or {known}
                changed = other not in parts
                parts[other] = parts[known]
    for node, labels in term.factors:
        held = [k for k in labels if k in parts]
        if not held or op.is_identity(node):
            continue
        own = dict(_merges(node, labels)) if isinstance(node, Reshape) else {}
        if any(k not in own for k in held):
            return {}
    return parts


def _merges(node: Reshape, labels: Labels) -> Iterator[tuple[int, Shape]]:
    """The labels of axes that merge several of the operand's, and the sizes of these."""
    for source, target in groups(node.operand.shape, node.shape):
        if len(source) > 1 and len(target) == 1 and labels[target[0]] != UNIT:
            yield labels[target[0]], tuple(node.operand.shape[k] for k in source)


def _opened(factor: Factor, parts: dict[int, Shape], names: dict[int, Labels]) -> Iterator[Factor]:
    node, labels = factor
    if not {*labels} & {*parts}:
        yield factor
    elif isinstance(node, Reshape):
        shape: list[Dim] = []
        own: list[int] = []
        for label, size in zip(labels, node.shape, strict=True):
            shape += parts.get(label, (size,))
            own += names.get(label, (label,))
        yield op.reshape(node.operand, tuple(shape)), tuple(own)
    else:  # an identity: one for each part
        left, right = (names[k] for k in labels)
        for a, b, size in zip(left, right, parts[labels[0]], strict=True):
            yield Iverson("eq", INDEX[0] - INDEX[1], (size, size)), (a, b)


def of_sum(node: Node) -> Node | None:
    """A reshaped sum of reshaped terms: each term in the last shape."""
    if not (isinstance(node, Reshape) and isinstance(node.operand, Total)):
        return None
    inner = node.operand
    if not any(isinstance(term, Reshape) for term in inner.terms):
        return None
    return op.total(((c, op.reshape(term, node.shape)) for c, term in inner.pairs), node.shape)


def of_identity(node: Node) -> Node | None:
    """The identity of pairs of indices is a product of identities: [ik = jl] = [i = j] [k = l]."""
    if not (isinstance(node, Reshape) and op.is_identity(node.operand)):
        return None
    found = groups(node.operand.shape, node.shape)
    if [len(source) for source, _ in found] != [1, 1]:
        return None
    (_, rows), (_, columns) = found
    sizes = [node.shape[k] for k in rows]
    if sizes != [node.shape[k] for k in columns] or len(sizes) < 2:
        return None
    pairs = list(zip(rows, columns, strict=True))
    deltas = [Iverson("eq", INDEX[0] - INDEX[1], (node.shape[a], node.shape[b])) for a, b in pairs]
    return op.einsum(pairs, tuple(range(node.ndim)), *deltas, sizes=dict(enumerate(node.shape)))
