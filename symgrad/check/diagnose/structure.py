"""What formulas are made as: sums, means, norms, functions of each entry."""

from symgrad.tensor.dims import same_shape
from symgrad.tensor.nodes import UNIT, Einsum, Leaf, Map, Node, Total, leaves, topological
from symgrad.tensor.scalar import ARGS


def sums_products(node: Einsum) -> bool:
    """Whether different factors are summed along an axis that they share."""
    kept = set(node.output)
    gone = {k for own in node.inputs for k in own if k != UNIT and k not in kept}
    own = [set(labels) & gone for labels in node.inputs]
    return len(set(node.factors)) > 1 and any(sum(k in each for each in own) > 1 for k in gone)


def is_entrywise(root: Node, leaf: Leaf) -> bool:
    """Whether each entry is made of that entry of an array, others beside it."""
    for node in topological(root):
        if leaf not in leaves(node) or node is leaf:
            continue
        if not isinstance(node, Map | Total | Einsum) or not same_shape(node.shape, leaf.shape):
            return False
        if isinstance(node, Einsum) and any(
            own != node.output
            for own, factor in zip(node.inputs, node.factors, strict=True)
            if leaf in leaves(factor)
        ):
            return False
    return True


def is_whole_sum(definitions: dict[str, Node], node: Node, of: Leaf) -> bool:
    """Whether a node, or the value that it names, is the sum of all entries of an array."""
    if isinstance(node, Leaf) and node.name in definitions:
        node = definitions[node.name]
    return isinstance(node, Einsum) and not node.output and node.factors == (of,)


def divides(node: Node) -> bool:
    """Whether a node divides by a size."""
    return isinstance(node, Total) and any(
        coefficient.as_numer_denom()[1].free_symbols for coefficient in node.coefficients
    )


def reduction(node: Node) -> str:
    """Whether a node sums one array, or its square, along some of its axes."""
    if not isinstance(node, Einsum) or not node.output:
        return ""
    kept = {k for k in node.output if k != UNIT}
    gone = {k for labels in node.inputs for k in labels if k != UNIT} - kept
    if not gone or len(set(node.factors)) > 1 or len(set(node.inputs)) > 1:
        return ""
    (first, *more) = node.factors
    if isinstance(first, Einsum) and len(set(first.factors)) > 1:
        return ""
    squared = more or (isinstance(first, Map) and first.body == ARGS[0] ** 2) or (
        isinstance(first, Einsum) and len(first.factors) == 2 and len(set(first.factors)) == 1
    )  # fmt: skip
    return "norm" if squared else "mean"
