"""What an expression costs to evaluate: floating-point operations and the largest intermediate."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod

from sympy import Expr, Integer, S, expand

from symgrad.tensor.dims import size_of
from symgrad.tensor.nodes import (
    Constant,
    Einsum,
    Iverson,
    Labels,
    Leaf,
    LogSumExp,
    Map,
    Node,
    Reduce,
    Softmax,
    Total,
    topological,
)
from symgrad.tensor.primitives import ArgReduce, MatrixFunction, Reshape, StopGradient
from symgrad.tensor.scalar import Unspecified
from symgrad.tensor.windows import Place, loops, places, representative, representatives, solid


@dataclass(frozen=True, slots=True)
class Cost:
    """Floating-point operations, and the number of entries of the largest intermediate.

    Numbers, or polynomials in the dimensions. Transcendental functions count as one operation.
    """

    flops: Expr | int
    largest: Expr | int

    def __str__(self) -> str:
        return f"{self.flops} flops, largest intermediate {self.largest} numbers"


def cost(nodes: Iterable[Node], sizes: Mapping[str, int] | None = None) -> Cost:
    """The cost of evaluating nodes, each shared part once.

    Parameters
    ----------
    sizes :  of the dimensions; without them the result is a polynomial in the dimensions.

    Raises
    ------
    ShapeError    if a dimension is left without a size.
    """
    flops: Expr = S.Zero
    shapes: list[Expr] = [S.One]
    roots = list(nodes)
    for node in topological(*roots):
        if isinstance(node, Leaf | Constant) or (isinstance(node, Iverson) and node not in roots):
            continue  # a bracket is read as an index
        flops += _FLOPS[type(node)](node) if type(node) in _FLOPS else _entries(node)
        shapes.append(_entries(node))
    if sizes is None:
        return Cost(expand(flops), max(shapes, key=representative))
    known = {s: Integer(size_of(s, dict(sizes))) for s in flops.free_symbols}
    return Cost(int(flops.xreplace(known)), max(size_of(shape, dict(sizes)) for shape in shapes))


def _entries(node: Node) -> Expr:
    return prod(node.shape, start=S.One)


def pairwise(
    node: Einsum, found: Mapping[int, Place] | None = None
) -> Iterator[tuple[int, int, Labels]]:
    """The order of contraction that opt_einsum chooses for the solid factors: positions of two of
    them (the result goes to the end of the list) and the labels that their product loops over.
    """
    import opt_einsum

    found = places(node) if found is None else found
    held = [loops(node.inputs[n], found) for n in solid(node, found)]
    output = set(loops(node.output, found))
    sizes = representatives(node)
    equation = ",".join("".join(map(opt_einsum.get_symbol, labels)) for labels in held)
    equation += "->" + "".join(map(opt_einsum.get_symbol, sorted(output & set(sum(held, ())))))
    shapes = [tuple(sizes[k] for k in labels) for labels in held]
    path, _ = opt_einsum.contract_path(equation, *shapes, shapes=True, optimize="auto")
    left = [set(labels) for labels in held]
    for step in path:
        if len(step) == 1:
            continue
        first, second = sorted(step)
        b, a = left.pop(second), left.pop(first)
        rest = set().union(output, *left)
        left.append((a | b) & rest)
        yield first, second, tuple(sorted(a | b))


def _einsum(node: Einsum) -> Expr:
    """A multiplication and, where it is added to others, an addition for each turn of the loops."""
    found = places(node)
    output = set(loops(node.output, found))
    adds = any(k in found for k in node.output)

    def turns(labels: Iterable[int]) -> Expr:
        return prod((node.sizes[k] for k in labels), start=S.One)

    arrays = solid(node, found)
    if len(arrays) < 2:
        held = loops((k for labels in node.inputs for k in labels), found)
        return turns(held) if adds or set(held) - output else S.Zero
    return sum(  # type: ignore[no-any-return]
        turns(labels) * (2 if adds or set(labels) - output else 1)
        for _, _, labels in pairwise(node, found)
    )


def _total(node: Total) -> Expr:
    scaled = sum(c not in (1, -1) for c in node.coefficients)
    return _entries(node) * (len(node.terms) - 1 + scaled)


def _operations(body: Expr) -> int:
    """Of one entry; SymPy does not count a function that nobody specified."""
    return int(body.count_ops(visual=False)) + len(body.atoms(Unspecified))


#: Operations of a node itself; a node that is not listed costs one for each of its entries.
_FLOPS: dict[type[Node], Callable[..., Expr]] = {
    Einsum: _einsum,
    Total: _total,
    Map: lambda node: _entries(node) * _operations(node.body),
    Iverson: lambda node: S.Zero,
    Reduce: lambda node: _entries(node.operand),
    LogSumExp: lambda node: 4 * _entries(node.operand),
    Softmax: lambda node: 5 * _entries(node.operand),
    ArgReduce: lambda node: _entries(node.operand),
    Reshape: lambda node: S.Zero,
    StopGradient: lambda node: S.Zero,
    MatrixFunction: lambda node: (
        prod(node.operand.shape[:-2], start=S.One) * node.kind.flops(*node.operand.shape[-2:])
    ),
}
