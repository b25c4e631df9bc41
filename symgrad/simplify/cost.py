"""The measure of "compact": the number of operations in an expression as people write it."""

from collections import Counter
from math import prod
from weakref import WeakKeyDictionary

from sympy import Expr, Rational, cancel

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
from symgrad.tensor.scalar import ARGS, root, root_of

_INVERSES = (1 / ARGS[0], root(ARGS[0], -1))

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
            return len(node.terms) - 1 + negative + sum(_scaling(c, t) for c, t in node.pairs)
        case Einsum():
            count = max(len(node.factors) - 1, 0) + bool(_summed_alone(node))
            return count - _divisors(node) - 2 * _slices(node)
        case Iverson():
            return 0 if node.operands else 1  # labels read as the one-hot rows that they are
        case Map():
            base, exponent = root_of(node.body) or node.body.as_base_exp()
            half = base == ARGS[0] and (2 * exponent).is_Integer and not exponent.is_Integer
            if half and is_square(node.operands[0]):
                return _of_norm(exponent) - _own(node.operands[0])
            body = base**exponent if root_of(node.body) else node.body
            return int(body.count_ops(visual=False))
    return 1


def _divisors(node: Einsum) -> int:
    """The operations that factors 1/x save: a/(x y) has two, of which their own are none."""
    below = above = 0
    for factor, own in zip(node.factors, node.inputs, strict=True):
        inverse = isinstance(factor, Map) and factor.body in _INVERSES
        if inverse and {*own} <= {*node.output, UNIT}:
            below += 1
        elif not isinstance(factor, Iverson):
            above += 1
    return below if above else max(below - 1, 0)


def _slices(node: Einsum) -> int:
    """The brackets that read a part of another factor, x[1:] or x[0], which is no operation."""
    found = 0
    for n, (factor, own) in enumerate(zip(node.factors, node.inputs, strict=True)):
        if not (isinstance(factor, Iverson) and factor.op == "eq" and not factor.operands):
            continue
        beside = {k for m, labels in enumerate(node.inputs) if m != n for k in labels}
        for axis, label in enumerate(own):
            sizes = [size for k, size in enumerate(factor.shape) if k != axis]
            longer = not sizes or (factor.shape[axis] - sizes[0]).is_nonnegative
            if label not in node.output and label in beside and len(sizes) < 2 and longer:
                found += 1
                break
    return found


def is_square(node: Node) -> bool:
    """Whether it is a sum of squares, whose root is a norm."""
    return (
        isinstance(node, Einsum)
        and len(node.factors) == 2
        and node.factors[0] is node.factors[1]
        and node.inputs[0] == node.inputs[1]
        and {*node.output} - {UNIT} < {*node.inputs[0]}
    )


def _of_norm(exponent: Expr) -> int:
    """Operations of a power of the square of a norm: ‖x‖, 1/‖x‖, ‖x‖³."""
    return 1 + (exponent.is_negative is True) + (abs(exponent) != Rational(1, 2))


def _scaling(coefficient: Expr, node: Node) -> int:
    """Operations to multiply an array by a number: none for a sum that is divided to a mean."""
    if coefficient in (1, -1):
        return 0
    if isinstance(node, Einsum) and (labels := _summed_alone(node)):
        count = prod(node.sizes[k] for k in labels)
        left = cancel(coefficient * count)
        if left.as_numer_denom()[1] == 1:
            return coefficient_operations(left)
    return coefficient_operations(coefficient)


def _summed_alone(node: Einsum) -> set[int]:
    """The labels that are summed entry by entry, not as a product of matrices or vectors."""
    holders: dict[int, set[frozenset[int]]] = {}
    for labels in node.inputs:
        own = frozenset(labels) - {UNIT}
        for label in own - {*node.output}:
            holders.setdefault(label, set()).add(own)
    times = Counter(k for labels in node.inputs for k in {*labels})
    return {
        label
        for label, kinds in holders.items()
        if times[label] == 1 or (len(kinds) == 1 and len(next(iter(kinds))) > 1)
    }
