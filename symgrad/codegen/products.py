"""Which sums are products of two matrices, or of stacks of them, for BLAS; which multiples of them
are folded in, and for which sums axes are brought into the order that makes them such products.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, replace
from math import prod
from weakref import WeakKeyDictionary

from sympy import Expr, S

from symgrad.codegen.lower import WORTH, summed
from symgrad.tensor.dims import same_shape
from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Labels,
    Leaf,
    Node,
    Total,
    topological,
)
from symgrad.tensor.operators import einsum
from symgrad.tensor.windows import representatives

#: Products whose sizes are known and not above this are loops, to be fused with their neighbours.
SMALL = 256


@dataclass(frozen=True, slots=True)
class Matrices:
    """How a product of two tensors is one of matrices: left · right, each perhaps transposed.

    `rows`, `inner`, `columns` are the sizes of the axes that each of the three consists of. For
    each value of the labels of the `stack`, the first ones of the arrays that have them, there is
    one product; they are added up where the result does not have it. `labels` are those of left,
    right and result.
    """

    left: Node
    right: Node
    transpose_left: bool
    transpose_right: bool
    rows: tuple[Expr, ...]
    inner: tuple[Expr, ...]
    columns: tuple[Expr, ...]
    labels: tuple[Labels, Labels, Labels]
    stack: Labels = ()

    @property
    def kind(self) -> str:
        """Which factors are transposed, as letters: nn, nt, tn, tt."""
        return "nt"[self.transpose_left] + "nt"[self.transpose_right]

    @property
    def adds(self) -> bool:
        """Whether products are added up."""
        return not set(self.stack) <= set(self.labels[2])


#: What is known of products; every pass over a program asks.
_matrices: "WeakKeyDictionary[Node, Matrices | None]" = WeakKeyDictionary()


def matrices(node: Node) -> Matrices | None:
    """The product as one of matrices, or as a stack of them, if the axes are in such an order."""
    if not isinstance(node, Einsum) or len(node.factors) != 2:
        return None
    if node not in _matrices:
        _matrices[node] = _found(node)
    return _matrices[node]


def _found(node: Einsum) -> Matrices | None:
    groups = _groups(node)
    if groups is None:
        return None
    a, b, out, every, rows, inner, columns = groups
    sizes = node.sizes
    known = [sizes[k] for k in (*rows, *inner, *columns)]
    if all(size.is_Integer for size in known) and prod(map(int, known)) <= SMALL:
        return None
    for stack in _stacks(a, b, out):
        more = set(stack) - set(every)
        if not set(every) <= set(stack):
            continue
        rest = [tuple(k for k in group if k not in more) for group in (rows, inner, columns)]
        if more:
            count = representatives(node)
            if any(prod(count[k] for k in group) < WORTH for group in rest):
                continue
        found = _as_matrices(node, (a, b, out), stack, *rest)
        if found is not None:
            return found
    return None


def _stacks(*arrays: Labels) -> Iterator[Labels]:
    """The labels that can stand in front: each is the first one left in all arrays that have it.

    Those of fewest labels come first.
    """
    waiting: list[Labels] = [()]
    for stack in waiting:
        yield stack
        rest = [tuple(k for k in labels if k not in stack) for labels in arrays]
        for label in dict.fromkeys(labels[0] for labels in reversed(rest) if labels):
            if all(label not in labels[1:] for labels in rest):
                waiting.append((*stack, label))


def _as_matrices(
    node: Einsum, arrays: tuple[Labels, Labels, Labels], stack: Labels,
    rows: Labels, inner: Labels, columns: Labels,
) -> Matrices | None:  # fmt: skip
    """The product as one of matrices for each value of the labels of a stack."""
    if not (rows and inner and columns):
        return None
    sizes = node.sizes
    a, b, out = (tuple(k for k in labels if k not in stack) for labels in arrays)
    (left, right), (left_labels, right_labels) = node.factors, node.inputs
    if out == columns + rows:
        left, right, a, b, rows, columns = right, left, b, a, columns, rows
        left_labels, right_labels = right_labels, left_labels
    if out != rows + columns:
        return None
    for order in dict.fromkeys((inner, tuple(k for k in b if k in inner))):
        if a in (rows + order, order + rows) and b in (order + columns, columns + order):
            axes = [tuple(sizes[k] for k in group) for group in (rows, order, columns)]
            labels = (left_labels, right_labels, node.output)
            turned = a != rows + order, b != order + columns
            return Matrices(left, right, *turned, axes[0], axes[1], axes[2], labels, stack)
    return None


def _groups(node: Node) -> tuple[Labels, ...] | None:
    """The labels of left, right and result, and those of its stack, rows, inner axis and columns.

    None for what is no sum of products of two arrays with all of the last three.
    """
    if not (isinstance(node, Einsum) and len(node.factors) == 2 and summed(node)):
        return None
    if any(isinstance(f, Iverson | Constant) or _integers(f) for f in node.factors):
        return None
    a, b, out = (tuple(k for k in ls if k != UNIT) for ls in (*node.inputs, node.output))
    if any(len(set(labels)) < len(labels) for labels in (a, b, out)) or set(out) - {*a, *b}:
        return None
    inner = tuple(k for k in a if k not in out)
    if {k for k in b if k not in out} != set(inner):
        return None
    stack = tuple(k for k in out if k in a and k in b)
    rows, columns = (tuple(k for k in ls if k in out and k not in stack) for ls in (a, b))
    return (a, b, out, stack, rows, inner, columns) if rows and columns else None


def packed(node: Einsum) -> Node:
    """A sum of products as a product of matrices, of copies whose axes are in order where that is
    worth it; the node itself where it is no such product, or needs no copies.

    Transpose-transpose-GEMM-transpose: Springer and Bientinesi (2018), Design of a
    high-performance GEMM-like tensor-tensor multiplication.
    """
    groups = _groups(node)
    if groups is None or matrices(node) is not None:
        return node
    a, b, out, stack, rows, inner, columns = groups
    count = representatives(node)
    if any(prod(count[k] for k in group) < WORTH for group in (rows, inner, columns)):
        return node

    def ordered(own: Labels, one: Labels, other: Labels) -> Labels:
        """The labels as they are, where they are in order; else their last one stays if it can."""
        ways = stack + one + other, stack + other + one
        return own if own in ways else next((w for w in ways if w[-1] == own[-1]), ways[0])

    def copies(order: Labels) -> int:
        return (ordered(a, rows, order) != a) + (ordered(b, order, columns) != b)

    order = min((inner, tuple(k for k in b if k in inner)), key=copies)
    left, right = ordered(a, rows, order), ordered(b, order, columns)
    first_rows, first_columns = stack + rows + columns, stack + columns + rows
    columns_first = out == first_columns or (out != first_rows and out[-1] in rows)
    whole = first_columns if columns_first else first_rows  # the last axis stays in one piece
    first, second = (
        factor if own == labels else einsum((labels,), own, factor)
        for own, labels, factor in zip((left, right), node.inputs, node.factors, strict=True)
    )
    product = einsum((left, right), whole, first, second)
    return product if whole == node.output else einsum((whole,), node.output, product)


def _integers(node: Node) -> bool:
    return isinstance(node, Leaf) and node.domain.startswith("labels")


@dataclass(frozen=True, slots=True)
class Multiple:
    """coefficient · Π scalars · array."""

    coefficient: Expr
    scalars: tuple[Node, ...]
    array: Node


@dataclass(frozen=True, slots=True)
class Folded:
    """A multiple of a product of matrices, and perhaps a multiple of an array that is added."""

    product: Multiple
    addend: Multiple | None = None


def folded(roots: Iterable[Node], kept: Set[Node], sums: Set[Node]) -> dict[Node, Folded]:
    """Kept multiples of a matrix product that nothing else reads: the product takes the factor.

    Results that are such a multiple and one of an array, a gradient with weight decay: the product
    is added to that while it is written. Not `sums`, which are added up term by term.
    """
    roots = list(roots)
    users: dict[Node, int] = {}
    for node in topological(*roots):
        for operand in node.operands:
            users[operand] = users.get(operand, 0) + 1

    def parts(node: Node, root: Node) -> list[Multiple]:
        """The node as a sum of multiples of arrays."""
        if node is root or (node not in kept and users[node] == 1):
            if isinstance(node, Total):
                terms = ((c, part) for c, term in node.pairs for part in parts(term, root))
                return [replace(part, coefficient=c * part.coefficient) for c, part in terms]
            factors = _scaled(node)
            if factors is not None:
                array, scalars = factors
                return [
                    replace(part, scalars=(*scalars, *part.scalars)) for part in parts(array, root)
                ]
        return [Multiple(S.One, (), node)]

    def product(part: Multiple) -> bool:
        core = part.array
        return core not in roots and users.get(core) == 1 and matrices(core) is not None

    def addend(part: Multiple, node: Node) -> bool:
        array = part.array
        read = (array in kept or isinstance(array, Leaf)) and not _integers(array)
        return read and same_shape(array.shape, node.shape)

    result: dict[Node, Folded] = {}
    for node in kept - sums:
        match parts(node, node):
            case [one] if one.array is not node and product(one):
                result[node] = Folded(one)
            case [one, two] if node not in users:
                for first, second in ((one, two), (two, one)):
                    if product(first) and addend(second, node) and not _stacked(first.array):
                        result.setdefault(node, Folded(first, second))
    return result


def _stacked(node: Node) -> bool:
    found = matrices(node)
    return found is not None and bool(found.stack)


def _scaled(node: Node) -> tuple[Node, tuple[Node, ...]] | None:
    """The one array of which a node is a multiple by numbers, and the numbers."""
    if not isinstance(node, Einsum) or summed(node):
        return None
    pairs = list(zip(node.factors, node.inputs, strict=True))
    arrays = [factor for factor, labels in pairs if factor.ndim or labels == node.output]
    if len(arrays) != 1 or arrays[0].ndim != node.ndim or node.output not in node.inputs:
        return None
    return arrays[0], tuple(factor for factor, _ in pairs if factor is not arrays[0])
