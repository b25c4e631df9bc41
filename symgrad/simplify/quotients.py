"""Quotients: denominators within a sum cleared where they meet others, the lowest power outside."""

from dataclasses import replace
from weakref import WeakKeyDictionary

from sympy import Expr, Integer, S, sign

from symgrad.simplify.common import Rows
from symgrad.simplify.sums import MOST_TERMS, collect, flat_pairs
from symgrad.simplify.terms import (
    Factor,
    Term,
    build,
    components,
    flatten,
    is_root,
    others,
    power_of,
)
from symgrad.tensor.nodes import UNIT, Einsum, Labels, Map, Node, Total
from symgrad.tensor.operators import apply, power
from symgrad.tensor.scalar import ARGS, root


def cleared(term: Term) -> Term | None:
    """1/(v (1 + x/v)) = 1/(v + x): each sum times the denominators in it that also stand outside.

    None if there is no such. Where a denominator is 0 the product had no value.
    """
    for n in range(len(term.factors)):
        atom, labels = term.factors[n]
        total, exponent = power_of(atom)
        if not isinstance(total, Total) or not exponent.is_Integer or is_root(atom):
            continue
        place = dict(enumerate(labels)) | {UNIT: UNIT}
        for base, own, most in _denominators(total):
            outside = tuple(place[k] for k in own)
            if not _meets(term, n, base, outside):
                continue
            rows = [(c, build(_times(flatten(t), base, own, most))) for c, t in total.pairs]
            total = collect(rows, total.shape)  # type: ignore[assignment]
            factors = (*term.factors[:n], (power(total, exponent), labels), *term.factors[n + 1 :])
            term = _times(replace(term, factors=factors), base, outside, -most * exponent)
            return cleared(term) or term
    return None


_known: "WeakKeyDictionary[Total, list[tuple[Node, Labels, Expr]]]" = WeakKeyDictionary()


def _denominators(total: Total) -> list[tuple[Node, Labels, Expr]]:
    """What some terms are divided by along axes of the sum, and the highest power of it."""
    if total not in _known:
        _known[total] = _found_denominators(total)
    return _known[total]


def _found_denominators(total: Total) -> list[tuple[Node, Labels, Expr]]:
    found: dict[tuple[Node, Labels], Expr] = {}
    for inner in total.terms:
        term = flatten(inner)
        for atom, labels in term.factors:
            base, exponent = power_of(atom)
            entrywise = {*labels} <= {UNIT, *term.output} and not is_root(atom)
            if entrywise and exponent.is_Integer and exponent.is_negative:
                found[base, labels] = max(found.get((base, labels), S.Zero), -exponent)
    return [(base, labels, most) for (base, labels), most in found.items()]


def _meets(term: Term, at: int, base: Node, labels: Labels) -> bool:
    """Whether another factor is a power of that, or a sum that is divided by it."""
    for atom, own in others(term, at):
        inner, _ = power_of(atom)
        if inner is base and own == labels:
            return True
        if isinstance(inner, Total):
            place = dict(enumerate(own)) | {UNIT: UNIT}
            if any(
                each is base and tuple(place[k] for k in axes) == labels
                for each, axes, _ in _denominators(inner)
            ):
                return True
    return False


def _times(term: Term, base: Node, labels: Labels, exponent: Expr) -> Term:
    """The term times a power, put together with a power of the same that it has."""
    left: list[Factor] = []
    for atom, own in term.factors:
        inner, e = power_of(atom)
        if inner is base and own == labels and not is_root(atom):
            exponent += e
        else:
            left.append((atom, own))
    if exponent != 0:
        left.append((power(base, exponent), labels))
    return replace(term, factors=tuple(left))


def lowest_power(rows: Rows) -> tuple[Factor, Rows] | None:
    """The lowest of the powers of one sum that terms have, and the terms over it, multiplied out.

    1/√u − x²/√u³ = (u − x²)/√u³, where u = x² + c may cancel.
    """
    terms = [flatten(node) for _, node in rows]
    lowest: dict[tuple[Node, Labels, bool], list[Expr]] = {}
    for term in terms:
        for atom, labels in term.factors:
            base, exponent = power_of(atom)
            if isinstance(base, Total) and {*labels} <= {UNIT, *term.output}:
                lowest.setdefault((base, labels, is_root(atom)), []).append(exponent)
    for (base, labels, rooted), exponents in lowest.items():
        least = min(exponents, key=float) if all(e.is_number for e in exponents) else S.Zero
        if len(exponents) < len(rows) or not least.is_negative or len({*exponents}) < 2:
            continue
        inside: Rows = []
        for (c, _), term in zip(rows, terms, strict=True):
            n, own = next(
                (n, power_of(atom)[1])
                for n, (atom, there) in enumerate(term.factors)
                if power_of(atom)[0] is base and there == labels
            )
            times = own - least
            if not (times.is_Integer and times <= 2):
                return None
            inside += _multiplied(c, replace(term, factors=others(term, n)), base, labels, times)
            if len(inside) > MOST_TERMS:
                return None
        raised = apply(root(ARGS[0], least), base) if rooted else power(base, least)
        return (raised, labels), inside
    return None


def _multiplied(c: Expr, term: Term, base: Total, labels: Labels, times: Expr) -> Rows:
    """The term times a power of a sum as terms."""
    if times == 0:
        return [(c, build(term))]
    rows: Rows = []
    for own, inner in flat_pairs(base.pairs):
        part = flatten(inner)
        names: dict[int, int] = dict(enumerate(labels)) | {UNIT: UNIT}
        sizes = dict(term.sizes)
        for k, size in part.sizes.items():
            if k not in names:
                names[k] = max((*sizes, *names.values(), 20_000)) + 1
                sizes[names[k]] = size
        factors = tuple((f, tuple(names[k] for k in there)) for f, there in part.factors)
        whole = replace(
            term,
            coefficient=term.coefficient * part.coefficient,
            factors=(*term.factors, *factors),
            sizes=sizes,
        )
        rows += _multiplied(c * own, whole, base, labels, times - Integer(1))
    return rows


def scale_of_norm(term: Term) -> Term | None:
    """s/√(s² u) = sign(s)/√u: a norm takes the scale of what it divides."""
    for n, (atom, labels) in enumerate(term.factors):
        base, exponent = power_of(atom)
        if not isinstance(base, Einsum) or exponent not in (-S.Half, -3 * S.Half):
            continue
        place = dict(zip(base.output, labels, strict=True)) | {UNIT: UNIT}
        inside = components(base)
        for factor in inside:
            inner, own = factor
            outside = (inner, tuple(place[k] for k in own))
            if inside.count(factor) != 2 or outside not in term.factors:
                continue
            left = [each for each in inside if each != factor]
            rest = Einsum([k for _, k in left], base.output, base.shape, *(f for f, _ in left))
            assert isinstance(atom, Map)
            factors = [*others(term, n, term.factors.index(outside))]
            factors += [(Map(atom.body, build(flatten(rest))), labels)]
            factors += [(apply(sign(ARGS[0]), inner), outside[1])]
            scaled = replace(term, factors=tuple(factors))
            return _times(scaled, inner, outside[1], 2 * exponent + 1)
    return None
