"""The measure of "compact": the number of operations in an expression as people write it."""

from weakref import WeakKeyDictionary

from sympy import Expr

from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Map,
    Node,
    Total,
    topological,
)
from symgrad.tensor.scalar import root_of

_known: "WeakKeyDictionary[Node, int]" = WeakKeyDictionary()


def operations(node: Node) -> int:
    """Operators and functions written in the expression; a shared part counts at each use."""
    found = _known.get(node)
    if found is not None:
        return found
    for each in topological(node):
        if each not in _known:
            _known[each] = _own(each) + sum(_known[operand] for operand in each.operands)
    return _known[node]


def number_operations(value: Expr) -> int:
    """Operations to write a number or an expression in dimensions; 0 for an atom or minus it."""
    count = int(value.count_ops(visual=False))
    return count - 1 if value.could_extract_minus_sign() and count else count


def coefficient_operations(value: Expr) -> int:
    """Operations to multiply by a number: 0 for ±1, 1 for 2 and 1/n, 2 for 2/n."""
    if value in (1, -1):
        return 0
    top, bottom = value.as_numer_denom()
    sides = [side for side in (top, bottom) if side not in (1, -1)]
    return sum(1 + number_operations(side) for side in sides)


def _own(node: Node) -> int:
    match node:
        case Leaf():
            return 0
        case Constant():
            return number_operations(node.value)
        case Total():
            negative = all(c.could_extract_minus_sign() for c in node.coefficients)
            return (
                len(node.terms) - 1 + negative + sum(map(coefficient_operations, node.coefficients))
            )
        case Einsum():
            return max(len(node.factors) - 1, 0) + _lone_sums(node)
        case Iverson():
            return 0 if node.operands else 1  # labels read as the one-hot rows that they are
        case Map():
            found = root_of(node.body)
            body = node.body if found is None else found[0] ** found[1]
            return int(body.count_ops(visual=False))
    return 1


def _lone_sums(node: Einsum) -> int:
    """1 if a label is summed that no product of two factors sums."""
    output = set(node.output)
    for labels in node.inputs:
        for label in labels:
            if label != UNIT and label not in output:
                holders = sum(label in other for other in node.inputs)
                if holders == 1:
                    return 1
    return 0
