"""Arrays of whole numbers that can be indices: labels, and what is affine in its own indices."""

from sympy import Expr, Min, S, expand

from symgrad.tensor import operators as op
from symgrad.tensor.dims import Dim, labels_below
from symgrad.tensor.nodes import INDEX, UNIT, Einsum, Iverson, Labels, Leaf, Node, Total
from symgrad.tensor.primitives import ArgReduce, Reshape, StopGradient
from symgrad.tensor.scalar import minimum


def affine_in_indices(node: Node) -> Expr | None:
    """The entries as an expression in INDEX: n·i + j of `n * arange(m)[:, None] + arange(n)`."""
    value = op.constant_of(node)
    if value is not None:
        return value.replace(minimum, Min)
    if isinstance(node, Total):
        result: Expr = S.Zero
        for coefficient, term in node.pairs:
            inner = affine_in_indices(term)
            if inner is None:
                return None
            result += coefficient.replace(minimum, Min) * inner
        return expand(result)
    return _spread(node) if isinstance(node, Einsum) else None


def _spread(node: Einsum) -> Expr | None:
    """Numbers times one array, in other places: its axes are the result's, or cut by slices."""
    result: Expr = S.One
    rest: list[tuple[Node, Labels]] = []
    at: dict[int, Expr] = {k: INDEX[a] for a, k in enumerate(node.output) if k != UNIT}
    for factor, labels in zip(node.factors, node.inputs, strict=True):
        number = op.constant_of(factor)
        if number is not None:
            result *= number.replace(minimum, Min)
        elif isinstance(factor, Iverson) and factor.op == "eq" and not factor.operands:
            condition = expand(factor.condition)
            new = [(axis, k) for axis, k in enumerate(labels) if k not in at and k != UNIT]
            if len(new) != 1 or (unit := condition.coeff(INDEX[new[0][0]])) not in (1, -1):
                return None
            others = {INDEX[a]: at.get(k, S.Zero) for a, k in enumerate(labels) if k != new[0][1]}
            solved = expand(INDEX[new[0][0]] - unit * condition)
            at[new[0][1]] = solved.xreplace(others)
        else:
            rest.append((factor, labels))
    if not rest:
        return result
    if len(rest) != 1:
        return None
    ((factor, labels),) = rest
    free = [k for k in labels if k != UNIT and k not in at]
    if isinstance(factor, Iverson):
        inner = _counted(factor) if free == [labels[1]] else None
    else:
        inner = None if free else affine_in_indices(factor)
    if inner is None:
        return None
    return expand(
        result * inner.xreplace({INDEX[a]: at.get(k, S.Zero) for a, k in enumerate(labels)})
    )


def _counted(bracket: Iverson) -> Expr | None:
    """The i of [j < i], which a sum over j counts."""
    below = bracket.op == "ge" and not bracket.operands and bracket.ndim == 2
    return INDEX[0] if below and bracket.condition == INDEX[0] - INDEX[1] - 1 else None


def classes_of(node: Node) -> Dim | None:
    """The number that a node's entries, which are labels, are below; None if they are none."""
    match node:
        case ArgReduce():
            return node.classes
        case Leaf():
            return labels_below(node.domain)
        case Reshape() | StopGradient():
            return classes_of(node.operand)
        case Einsum():
            return _classes_of_entries(node)
    return None


def _classes_of_entries(node: Einsum) -> Dim | None:
    """Of labels in other places: transposed, broadcast, or each picked by equations of indices."""
    arrays = [f for f in node.factors if not isinstance(f, Iverson)]
    classes = classes_of(arrays[0]) if len(arrays) == 1 else None
    if classes is None:
        return None
    given = {k for k in node.output if k != UNIT}
    brackets = [
        (f, labels)
        for f, labels in zip(node.factors, node.inputs, strict=True)
        if isinstance(f, Iverson)
    ]
    for bracket, labels in brackets:  # each gives one index more
        if bracket.op != "eq":
            return None
        condition = expand(bracket.condition)
        new = [(axis, k) for axis, k in enumerate(labels) if k not in given and k != UNIT]
        if len(new) != 1 or condition.coeff(INDEX[new[0][0]]) not in (1, -1):
            return None
        given.add(new[0][1])
    held = {k for labels in node.inputs for k in labels if k != UNIT}
    return classes if held <= given else None
