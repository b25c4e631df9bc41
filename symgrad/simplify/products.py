"""Rules for products of indexed entries: deltas, powers, what sums to one or is its own square."""

from collections.abc import Callable
from dataclasses import replace

from sympy import Expr, S

from symgrad.simplify.functions import label_axes
from symgrad.simplify.terms import Factor, Term, components, is_root, others, power_of, relabelled
from symgrad.tensor.nodes import (
    INDEX,
    UNIT,
    Einsum,
    Iverson,
    Labels,
    Leaf,
    Map,
    Node,
    Softmax,
)
from symgrad.tensor.operators import apply, is_identity, power
from symgrad.tensor.scalar import ARGS, INDICATORS, gt, relu, root

#: Factors that are written as often as they stand; more of one are a power.
MOST_REPEATED = 4


def _holders(term: Term, label: int) -> list[int]:
    return [n for n, (_, labels) in enumerate(term.factors) if label in labels]


def delta(term: Term) -> Term | None:
    """Σⱼ [i = j] xⱼ = xᵢ."""
    for n, (node, labels) in enumerate(term.factors):
        if not (isinstance(node, Iverson) and node.condition == INDEX[0] - INDEX[1]):
            continue
        if node.op != "eq" or len(labels) != 2 or UNIT in labels:
            continue
        if node.shape[0] != node.shape[1]:
            continue
        a, b = labels
        rest = others(term, n)
        if a == b:
            return _spread(replace(term, factors=rest), a)
        for old, new in ((a, b), (b, a)):
            if old not in term.output:
                return _spread(replace(term, factors=relabelled(rest, old, new)), new)
    return None


def one_index(term: Term) -> Term | None:
    """[i = j] xⱼ = [i = j] xᵢ: of two indices that stay, the first stands in the other factors."""
    for n, (node, labels) in enumerate(term.factors):
        if not is_identity(node) or not {*labels} <= {*term.output} - {UNIT}:
            continue
        first, second = sorted(labels, key=term.output.index)
        rest = others(term, n)
        if first != second and any(second in own for _, own in rest):
            return replace(term, factors=(*relabelled(rest, second, first), term.factors[n]))
    return None


def _spread(term: Term, label: int) -> Term:
    """A term that lost a factor with the label: a sum over nothing counts."""
    if label in term.output or label == UNIT or _holders(term, label):
        return term
    return replace(term, coefficient=term.coefficient * term.sizes[label])


def declared_to_one(node: Node) -> tuple[int, ...]:
    """The axes along which the entries were declared to sum to one; () if none."""
    if isinstance(node, Leaf):
        kind, _, axis = node.domain.partition(":")
        if kind in ("onehot", "simplex"):
            return (0,) if axis == "0" else (node.ndim - 1,)
    return ()


def naturally_to_one(node: Node) -> tuple[int, ...]:
    """The axes along which the entries sum to one whatever the values; () if none."""
    return node.axes if isinstance(node, Softmax) else label_axes(node)


def declared_onehot(node: Node) -> tuple[int, ...]:
    """The axis along which the entries were declared to be one-hot; () if none."""
    one_hot = isinstance(node, Leaf) and node.domain.partition(":")[0] == "onehot"
    return declared_to_one(node) if one_hot else ()


def sums_to_one(axes_of: Callable[[Node], tuple[int, ...]]) -> Callable[[Term], Term | None]:
    """Σₖ yᵢₖ = 1, where nothing else depends on k."""

    def rule(term: Term) -> Term | None:
        for n, (node, labels) in enumerate(term.factors):
            axes = axes_of(node)
            along = {labels[a] for a in axes}
            if not axes or UNIT in along or along & set(term.output):
                continue
            if all(_holders(term, label) == [n] for label in along):
                result = replace(term, factors=others(term, n))
                for label in set(labels) - along - {UNIT}:
                    result = _spread(result, label)
                return result
        return None

    rule.__doc__ = sums_to_one.__doc__
    return rule


def powers(term: Term) -> Term | None:
    """xᵃ xᵇ = xᵃ⁺ᵇ where one of the two is no whole positive power, or where they are many."""
    groups: dict[tuple[Node, Labels], list[tuple[int, Expr]]] = {}
    for n, (node, labels) in enumerate(term.factors):
        base, exponent = power_of(node)
        groups.setdefault((base, labels), []).append((n, exponent))
    for (base, labels), members in groups.items():
        if len(members) < 2 or (
            len(members) <= MOST_REPEATED and all(e is S.One for _, e in members)
        ):
            continue
        exponent = sum((e for _, e in members), S.Zero)
        result = replace(term, factors=others(term, *(n for n, _ in members)))
        if exponent.is_Integer and 0 < exponent <= MOST_REPEATED:
            return replace(result, factors=result.factors + ((base, labels),) * int(exponent))
        if exponent != 0:
            rooted = any(is_root(term.factors[n][0]) for n, _ in members)
            raised = apply(root(ARGS[0], exponent), base) if rooted else power(base, exponent)
            return replace(result, factors=(*result.factors, (raised, labels)))
        for label in set(labels) - {UNIT}:
            result = _spread(result, label)
        return result
    return None


def opened_power(term: Term) -> Term | None:
    """(x y)ᵏ x = xᵏ⁺¹ yᵏ for whole k: a power of a product is opened where a factor meets it."""
    bases = [(power_of(node)[0], labels) for node, labels in term.factors]
    for n, (node, labels) in enumerate(term.factors):
        base, exponent = power_of(node)
        if base is node or not isinstance(base, Einsum) or is_root(node):
            continue
        parts = components(base) if exponent.is_Integer else []
        place = dict(zip(base.output, labels, strict=True)) | {UNIT: UNIT}
        inner = [(factor, tuple(place[k] for k in own)) for factor, own in parts]
        beside = [each for m, each in enumerate(bases) if m != n]
        if any((power_of(factor)[0], own) in beside for factor, own in inner):
            raised = tuple((_raised(factor, exponent), own) for factor, own in inner)
            return replace(term, factors=(*others(term, n), *raised))
    return None


def _raised(node: Node, exponent: Expr) -> Node:
    base, own = power_of(node)
    if is_root(node):
        return apply(root(ARGS[0], own * exponent), base)
    return power(base, own * exponent)


def declared_binary(node: Node) -> bool:
    return isinstance(node, Leaf) and node.domain.partition(":")[0] in ("binary", "onehot")


def is_indicator(node: Node) -> bool:
    return isinstance(node, Iverson) or (isinstance(node, Map) and node.body.func in INDICATORS)


def idempotent(is_binary: Callable[[Node], bool]) -> Callable[[Term], Term | None]:
    """b² = b for what is 0 or 1."""

    def rule(term: Term) -> Term | None:
        seen: set[Factor] = set()
        for n, factor in enumerate(term.factors):
            if factor in seen and is_binary(factor[0]):
                return replace(term, factors=others(term, n))
            seen.add(factor)
        return None

    rule.__doc__ = idempotent.__doc__
    return rule


def masked(term: Term) -> Term | None:
    """b (b x) = b x for a declared mask b, where b x has a name; and for its powers."""
    for node, labels in term.factors:
        base, exponent = power_of(node)
        if not (isinstance(base, Leaf) and exponent.is_positive):
            continue
        kind, _, mask = base.domain.partition(":")
        for n, (other, own) in enumerate(term.factors):
            if kind == "masked" and own == labels and isinstance(other, Leaf):
                if other.name == mask and other.domain == "binary":
                    return replace(term, factors=others(term, n))
    return None


def signs(term: Term) -> Term | None:
    """s² = 1 for declared signs."""
    for n, factor in enumerate(term.factors):
        node, labels = factor
        if not (isinstance(node, Leaf) and node.domain == "sign"):
            continue
        if factor in term.factors[:n]:
            result = replace(term, factors=others(term, n, term.factors.index(factor)))
            for label in set(labels) - {UNIT}:
                result = _spread(result, label)
            return result
    return None


def picked(onehot_axis: Callable[[Node], tuple[int, ...]]) -> Callable[[Term], Term | None]:
    """yᵢⱼ pᵢⱼ / Σₖ yᵢₖ pᵢₖ = yᵢⱼ for one-hot rows yᵢ."""

    def rule(term: Term) -> Term | None:
        for n, (node, labels) in enumerate(term.factors):
            base, exponent = power_of(node)
            if exponent is not S.NegativeOne or not isinstance(base, Einsum):
                continue
            outside = dict(zip(base.output, labels, strict=True)) | {UNIT: UNIT}
            for hot, own in zip(base.factors, base.inputs, strict=True):
                axes = onehot_axis(hot)
                if len(axes) != 1 or own[axes[0]] in outside:
                    continue
                for at in (there for each, there in term.factors if each is hot):
                    gone = _matched(term, base, {**outside, own[axes[0]]: at[axes[0]]})
                    if gone:
                        left = [k for k in gone if term.factors[k][0] is not hot]
                        return replace(term, factors=others(term, n, *left))
        return None

    rule.__doc__ = picked.__doc__
    return rule


def _matched(term: Term, product: Einsum, place: dict[int, int]) -> list[int]:
    """Where the factors of a product stand in a term, its labels placed so; [] if one does not."""
    found: list[int] = []
    for node, labels in zip(product.factors, product.inputs, strict=True):
        wanted = (node, tuple(place.get(k) for k in labels))
        at = next((n for n, f in enumerate(term.factors) if f == wanted and n not in found), None)
        if at is None:
            return []
        found.append(at)
    return found


def rectified(term: Term) -> Term | None:
    """relu(x) [x > 0] = relu(x)."""
    for node, labels in term.factors:
        if isinstance(node, Map) and node.body == relu(ARGS[0]):
            slope = (apply(gt(ARGS[0], 0), node.operands[0]), labels)
            if slope in term.factors:
                return replace(term, factors=others(term, term.factors.index(slope)))
    return None
