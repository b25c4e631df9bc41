"""Which sums are products of two matrices, for BLAS, and which multiples of them are folded in."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

from sympy import Expr

from symgrad.codegen.lower import summed
from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Node,
    Total,
    topological,
)

#: Products whose sizes are known and not above this are loops, to be fused with their neighbours.
SMALL = 256


@dataclass(frozen=True, slots=True)
class Matrices:
    """How a product of two tensors is one of matrices: left · right, each perhaps transposed.

    `rows`, `inner`, `columns` are the sizes of the axes that each of the three consists of.
    """

    left: Node
    right: Node
    transpose_left: bool
    transpose_right: bool
    rows: tuple[Expr, ...]
    inner: tuple[Expr, ...]
    columns: tuple[Expr, ...]

    @property
    def kind(self) -> str:
        """Which factors are transposed, as letters: nn, nt, tn, tt."""
        return "nt"[self.transpose_left] + "nt"[self.transpose_right]


def matrices(node: Node) -> Matrices | None:
    """The product as one of matrices, if it is one of two operands without a common kept axis."""
    if not (isinstance(node, Einsum) and len(node.factors) == 2 and summed(node)):
        return None
    if any(isinstance(f, Iverson | Constant) or _integers(f) for f in node.factors):
        return None
    sizes = node.sizes
    if all(size.is_Integer for size in sizes.values()) and prod(map(int, sizes.values())) <= SMALL:
        return None
    a, b = (tuple(k for k in labels if k != UNIT) for labels in node.inputs)
    out = tuple(k for k in node.output if k != UNIT)
    inner = tuple(k for k in a if k not in out)
    if len(set(a)) < len(a) or len(set(b)) < len(b) or {k for k in b if k not in out} != set(inner):
        return None
    rows, columns = (tuple(k for k in labels if k in out) for labels in (a, b))
    if not rows or not columns or set(rows) & set(columns):
        return None
    left, right = node.factors
    if out == columns + rows:
        left, right, a, b, rows, columns = right, left, b, a, columns, rows
    if out != rows + columns:
        return None
    for order in dict.fromkeys((inner, tuple(k for k in b if k in inner))):
        if a in (rows + order, order + rows) and b in (order + columns, columns + order):
            return Matrices(
                left, right, a != rows + order, b != order + columns,
                *(tuple(sizes[k] for k in group) for group in (rows, order, columns)),
            )  # fmt: skip
    return None


def _integers(node: Node) -> bool:
    return isinstance(node, Leaf) and node.domain.startswith("labels")


def folded(roots: Iterable[Node], kept: Iterable[Node]) -> dict[Node, Node]:
    """Kept multiples of a matrix product that nothing else reads: the product takes the factor."""
    roots = list(roots)
    users: dict[Node, int] = {}
    for node in topological(*roots):
        for operand in node.operands:
            users[operand] = users.get(operand, 0) + 1
    found: dict[Node, Node] = {}
    for node in kept:
        core = _multiple_of(node)
        if core is not None and core not in roots and users.get(core) == 1 and matrices(core):
            found[node] = core
    return found


def _multiple_of(node: Node) -> Node | None:
    """The one array of which a node is a multiple by numbers."""
    if isinstance(node, Total) and len(node.terms) == 1:
        return node.terms[0]
    if not isinstance(node, Einsum) or summed(node):
        return None
    arrays = [
        factor
        for factor, labels in zip(node.factors, node.inputs, strict=True)
        if factor.ndim or labels == node.output
    ]
    if len(arrays) != 1 or arrays[0].ndim != node.ndim or node.output not in node.inputs:
        return None
    return arrays[0]
