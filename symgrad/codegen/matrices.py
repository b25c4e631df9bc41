"""Functions of matrices and reshapes as modules compute them: whole arrays, and views of arrays.

One factorisation serves all that is read from it: a determinant, an inverse and the solutions of
linear systems share LU factors; eigenvalues and vectors, and the three parts of a singular value
decomposition, are views of one array. A product with an inverse is the solution of a system.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

from sympy import Expr, Integer, Min, S, expand

from symgrad.codegen.lower import split, summed
from symgrad.codegen.products import matrices, packed
from symgrad.tensor.dims import Shape, labels_below
from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Labels,
    Leaf,
    Map,
    Node,
    _pack,
    _word,
    rebuild,
    topological,
)
from symgrad.tensor.operators import einsum
from symgrad.tensor.primitives import MatrixFunction, Reshape
from symgrad.tensor.scalar import ARGS


class View(Node):
    """Entries of the operand from an offset on, in row-major order, in a shape: no copy."""

    __slots__ = ("offset",)

    offset: Expr

    def __new__(cls, offset: Any, shape: Any, operand: Node) -> "View":
        offset, shape = expand(offset), tuple(shape)
        if isinstance(operand, View):
            offset, operand = expand(offset + operand.offset), operand.operand
        self = cls._intern(shape, offset, _pack(shape), operand)
        self.offset = offset
        return self

    @property
    def operand(self) -> Node:
        return self.operands[0]


class Whole(Node):
    """An array that one function of the module makes of others, for each of a stack of matrices.

    The first `batch` axes are those of the stack, but of eigh and svd, which give one vector of all
    entries. `name` is a key of `symgrad.codegen.linear.ROUTINES`.
    """

    __slots__ = ("batch", "name")

    name: str
    batch: int

    def __new__(cls, name: Any, batch: Any, shape: Any, *operands: Node) -> "Whole":
        name, batch, shape = str(name), int(batch), tuple(shape)
        self = cls._intern(shape, _word(name), Integer(batch), _pack(shape), *operands)
        self.name, self.batch = name, batch
        return self


def base(node: Node) -> Node:
    """The array that a node is read from: a view's operand, else itself."""
    return node.operand if isinstance(node, View) else node


def in_parts(lowered: Mapping[Leaf, Node]) -> dict[Leaf, Node]:
    """The lowered values with reshapes as views and functions of matrices as whole arrays."""
    done: dict[Node, Node] = {}
    for node in topological(*lowered.values()):
        new = rebuild(node, tuple(done[operand] for operand in node.operands))
        done[node] = _part(new)
    return {leaf: done[node] for leaf, node in lowered.items()}


def _part(node: Node) -> Node:
    match node:
        case Reshape():
            return View(0, node.shape, _reals(node.operand))
        case MatrixFunction():
            return _PARTS[node.name](_reals(node.operand), node)
        case Einsum():
            for rule in (_solution, _gram):
                found = rule(node)
                if found is not None:
                    return found
            return packed(node)
    return node


def _reals(node: Node) -> Node:
    """The node, or a copy of labels, which are integers."""
    if isinstance(node, Leaf) and labels_below(node.domain) is not None:
        return Map(ARGS[0], node)
    return node


def _stack(x: Node) -> tuple[Shape, Expr, Expr]:
    """The leading axes of a stack of matrices, and their sizes."""
    return x.shape[:-2], x.shape[-2], x.shape[-1]


def _simple(x: Node, node: MatrixFunction) -> Node:
    return Whole(node.name, x.ndim - 2, node.shape, x)


def _of_lu(x: Node, node: MatrixFunction) -> Node:
    batch, n, _ = _stack(x)
    return Whole(node.name, len(batch), node.shape, Whole("lu", len(batch), (*batch, n + 1, n), x))


def _eigen(x: Node, node: MatrixFunction) -> Node:
    batch, n, _ = _stack(x)
    count = prod(batch, start=S.One)
    both = Whole("eigh", len(batch), (expand(count * n * (n + 1)),), x)
    return View(0 if node.name == "eigvals" else count * n, node.shape, both)


def _svd(x: Node) -> dict[str, Node]:
    """U, s and Vᵀ: views of one array, in which they stand one behind the other."""
    batch, m, n = _stack(x)
    k, count = Min(m, n), prod(batch, start=S.One)
    whole = Whole("svd", len(batch), (expand(count * k * (m + n + 1)),), x)
    shapes = {name: MatrixFunction(name, x).shape for name in ("svd_u", "svd_s", "svd_vt")}
    starts = (S.Zero, count * m * k, count * (m + 1) * k)
    return {
        name: View(start, shape, whole)
        for start, (name, shape) in zip(starts, shapes.items(), strict=True)
    }


def _of_svd(x: Node, node: MatrixFunction) -> Node:
    return _svd(x)[node.name]


def _pinv(x: Node, node: MatrixFunction) -> Node:
    return Whole("pinv", x.ndim - 2, node.shape, *_svd(x).values())


_PARTS: dict[str, Callable[[Node, MatrixFunction], Node]] = {
    "inv": _of_lu,
    "det": _of_lu,
    "logdet": _of_lu,
    "expm": _simple,
    "cholesky": _simple,
    "eigvals": _eigen,
    "eigvecs": _eigen,
    "pinv": _pinv,
    "svd_u": _of_svd,
    "svd_s": _of_svd,
    "svd_vt": _of_svd,
}


# --- symmetric products


def _gram(node: Einsum) -> Node | None:
    """Aᵀ diag(v) A, a Hessian of a linear model: its half, of rows √|vᵢ| Aᵢ.

    The rows of negative weight are put together, so that each sign is one product.
    """
    m = matrices(node)
    if m is None or node.ndim != 2 or m.stack or m.kind != "tn":
        return None
    for array, scaled in ((m.left, m.right), (m.right, m.left)):
        if array.ndim != 2 or not isinstance(scaled, Einsum) or summed(scaled):
            continue
        parts = list(zip(scaled.inputs, scaled.factors, strict=True))
        row = scaled.output[:1]
        weights = [factor for labels, factor in parts if labels == row]
        if len(parts) == 2 and len(weights) == 1 and (scaled.output, array) in parts:
            rows = Whole("rooted", 0, array.shape, array, weights[0])
            return Whole("gram", 0, node.shape, rows, weights[0])
    return None


# --- products with inverses


def _solution(node: Einsum) -> Node | None:
    """Σⱼ (X⁻¹)ᵢⱼ Bⱼ… as the solution of X Y = B, or of Xᵀ Y = B; None if it is no such product."""
    for n, factor in enumerate(node.factors):
        if not (isinstance(factor, Whole) and factor.name == "inv"):
            continue
        own = node.inputs[n]
        if UNIT in own or len(set(own)) < len(own):
            continue
        for name, solved, free in (("solve", own[-1], own[-2]), ("solve_t", own[-2], own[-1])):
            found = _solved(node, n, name, solved, free)
            if found is not None:
                return found
    return None


def _solved(node: Einsum, n: int, name: str, solved: int, free: int) -> Node | None:
    """The factors that have the label `solved` are the right side, or ones; others come after."""
    inverse, stack = node.factors[n], node.inputs[n][:-2]
    others = [m for m in range(len(node.factors)) if m != n]
    right = [m for m in others if solved in node.inputs[m]]
    after = [m for m in others if m not in right]
    held = {k for m in right for k in node.inputs[m]} - {UNIT}
    if solved in node.output or free in held or (right and not set(stack) <= held):
        return None
    read = {*node.output}.union(*(node.inputs[m] for m in after))
    rest = tuple(k for k in sorted(held - {solved, *stack}) if k in read)
    factors = {m: node.factors[m] for m in right} or {n: Constant(1)}
    rhs = _product(node, factors, (*stack, solved, *rest), {} if right else {n: ()})
    own = (*stack, free, *rest)
    shape = tuple(node.sizes[k] for k in own)
    whole = Whole(name, len(stack), shape, inverse.operands[0], _reals(rhs))
    return _product(node, {n: whole} | {m: node.factors[m] for m in after}, node.output, {n: own})


def _product(
    node: Einsum,
    factors: Mapping[int, Node],
    output: Labels,
    labels: Mapping[int, Labels] | None = None,
) -> Node:
    """The product of some factors, which have their own labels or those given."""
    inputs = [(labels or {}).get(m, node.inputs[m]) for m in factors]
    if inputs == [output]:
        return next(iter(factors.values()))
    result = einsum(inputs, output, *factors.values(), sizes=node.sizes)
    return split(result) if summed(result) else result
