"""Relations between the factors of a product, used from left to right.

Each looks at one factor of a term; it gives the terms whose sum the term is, or None.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sympy import S, cos, sin

from symgrad.simplify.names import matches
from symgrad.simplify.normal.sums import (
    Sum,
    counted,
    form_of,
    is_one,
    merged,
    total_of,
    with_factors,
)
from symgrad.simplify.terms import Factor, Term, build, flatten, power_of
from symgrad.tensor import operators as op
from symgrad.tensor.nodes import INDEX, UNIT, Einsum, Iverson, Labels, Map, Node, Total
from symgrad.tensor.primitives import MatrixFunction
from symgrad.tensor.scalar import ARGS

if TYPE_CHECKING:
    from symgrad.simplify.normal.core import Normal


def quotient(normal: "Normal", term: Term, n: int, atom: Node, labels: Labels) -> list[Term] | None:
    """m sᵏ = (sᵏ⁺¹ − r sᵏ)/c for s = c m + r and k < 0."""
    base, exponent = power_of(atom)
    if not (exponent.is_Integer and exponent.is_negative and isinstance(base, Total | Einsum)):
        return None
    lead, rest = normal.lead(base)
    for taken, _ in matches(lead, term, dict(enumerate(labels)), (n,)):
        left = tuple(f for m, f in enumerate(term.factors) if m not in (*taken, n))
        number = term.coefficient / lead.coefficient
        whole = replace(term, coefficient=number, factors=left)
        first = with_factors(
            whole, [] if exponent == -1 else [(op.power(base, exponent + 1), labels)]
        )
        results = [counted(first, labels)]
        for node, c in rest.items():
            scaled = replace(whole, coefficient=-number * c)
            results.append(merged(with_factors(scaled, [(atom, labels), (node, labels)])))
        return results
    return None


def partial(normal: "Normal", term: Term, n: int, atom: Node, labels: Labels) -> list[Term] | None:
    """1/(xᵃ s) = (x⁻ᵃ − c xᵏ⁻ᵃ/s)/r for s = c xᵏ + r with a number r: partial fractions."""
    base, exponent = power_of(atom)
    if not (exponent.is_Integer and exponent.is_negative and isinstance(base, Total)):
        return None
    lead, rest = normal.lead(base)
    if len(set(lead.factors)) != 1 or len(rest) != 1 or not all(map(is_one, rest)):
        return None
    ((_, r),) = rest.items()
    own, places = lead.factors[0]
    x, degree = power_of(own)
    degree *= len(lead.factors)
    place = dict(zip(lead.output, labels, strict=True)) | {UNIT: UNIT}
    if any(k not in place for k in places):
        return None
    wanted = (x, tuple(place[k] for k in places))
    for m, (other, at) in enumerate(term.factors):
        inner, power = power_of(other)
        if (inner, at) != wanted or not (power.is_Integer and power.is_negative):
            continue
        left = tuple(f for k, f in enumerate(term.factors) if k not in (m, n))
        results = []
        for number, a, b in (
            (1 / r, power, exponent + 1),
            (-lead.coefficient / r, power + degree, exponent),
        ):
            powers = [
                (op.power(each, e), held)
                for each, e, held in ((inner, a, at), (base, b, labels))
                if e != 0
            ]
            scaled = replace(term, coefficient=term.coefficient * number, factors=left)
            results.append(merged(with_factors(scaled, powers)))
        return results
    return None


def pushed(normal: "Normal", term: Term, n: int, atom: Node, labels: Labels) -> list[Term] | None:
    """A (c I + B A)⁻¹ = (c I + A B)⁻¹ A, towards the inverse that comes first in an order."""
    if not (isinstance(atom, MatrixFunction) and atom.name == "inv" and atom.ndim == 2):
        return None
    base = atom.operand
    if not (isinstance(base, Total) and len(base.terms) == 2 and UNIT not in labels):
        return None
    if sum(_multiple_of_identity(each) is not None for each in base.terms) != 1:
        return None
    for operand, ends in ((base, labels), (normal.transposed(base), labels[::-1])):
        for side in (0, 1):
            found = pushed_at(normal, term, n, operand, ends, side, base.digest)
            if found is not None:
                return [found]
    return None


def _multiple_of_identity(node: Node) -> tuple[Factor, ...] | None:
    """The scalars of a product that is a multiple of the identity; None if it is none."""
    if op.is_identity(node):
        return ()
    term = flatten(node)
    deltas = [f for f in term.factors if op.is_identity(f[0]) and {*f[1]} == {*term.output}]
    scalars = tuple(f for f in term.factors if not f[1])
    return scalars if len(deltas) == 1 and len(scalars) == len(term.factors) - 1 else None


def pushed_at(
    normal: "Normal", term: Term, n: int, base: Node, labels: Labels, side: int, before: bytes
) -> Term | None:
    """The same, of the factor that stands at that side of the inverse."""
    assert isinstance(base, Total)
    middle, end = labels[side], labels[1 - side]
    ((scale, scalars),) = (
        (c, found) for c, t in base.pairs if (found := _multiple_of_identity(t)) is not None
    )
    ((number, chain),) = ((c, t) for c, t in base.pairs if _multiple_of_identity(t) is None)
    inner = flatten(chain)
    near, far = inner.output[side], inner.output[1 - side]
    last = [k for k, (_, own) in enumerate(inner.factors) if far in own]
    beside = [m for m, (_, own) in enumerate(term.factors) if middle in own and m != n]
    if len(last) != 1 or len(beside) != 1 or middle in term.output or middle == end:
        return None
    (node, own), (found, at) = inner.factors[last[0]], term.factors[beside[0]]
    if found is not node or len(set(own)) != 2 or at.index(middle) != own.index(far):
        return None
    (joint,), (outer,) = set(own) - {far}, set(at) - {middle}
    if joint in inner.output or outer == middle:
        return None
    # the chain with its last factor first: summed where it ended, open where it was joined
    fresh, size = max(inner.sizes) + 1, inner.sizes[joint]
    moved = tuple(fresh if k == joint else near for k in own)
    rest = tuple(f for k, f in enumerate(inner.factors) if k != last[0])
    output = (joint, fresh) if side else (fresh, joint)
    sizes = {**inner.sizes, fresh: size}
    product = build(Term(inner.coefficient, (*rest, (node, moved)), output, sizes))
    delta: Factor = (Iverson("eq", INDEX[0] - INDEX[1], (size, size)), (0, 1))
    own_sizes = {0: size, 1: size}
    identity: Sum = {build(Term(S.One, (*scalars, delta), (0, 1), own_sizes)): scale}
    form = total_of([(number, form_of(product, (size, size))), (S.One, identity)])
    operand = normal.node(form, (size, size))
    turned = normal.transposed(operand)
    link = max([*term.sizes, *term.output]) + 1
    pair = (link, outer) if side else (outer, link)
    if turned.digest < operand.digest:
        operand, pair = turned, pair[::-1]
    if operand.digest >= before:
        return None
    left = tuple(f for k, f in enumerate(term.factors) if k not in (n, beside[0]))
    across = tuple(link if k == outer else end for k in at)
    factors = (*left, (MatrixFunction("inv", operand), pair), (found, across))
    return replace(term, factors=factors, sizes={**term.sizes, link: size})


def inverse(normal: "Normal", term: Term, n: int, atom: Node, labels: Labels) -> list[Term] | None:
    """M S⁻¹ = (I − R S⁻¹)/c, and S⁻¹ M likewise, for S = c M + R."""
    if not (isinstance(atom, MatrixFunction) and atom.name == "inv" and atom.ndim == 2):
        return None
    base = atom.operand
    if not isinstance(base, Total) or UNIT in labels:
        return None
    lead, rest = normal.lead(base)
    for side in (0, 1):
        middle, end = labels[side], labels[1 - side]
        if middle in term.output or middle == end:
            continue
        for taken, at in matches(lead, term, {1 - side: middle}, (n,)):
            left = tuple(f for m, f in enumerate(term.factors) if m not in (*taken, n))
            other = at.get(side)
            if other is None or other == middle or any(middle in own for _, own in left):
                continue
            number = term.coefficient / lead.coefficient
            delta = Iverson("eq", INDEX[0] - INDEX[1], base.shape)
            whole = replace(term, coefficient=number, factors=left)
            results = [with_factors(whole, [(delta, (other, end))])]
            own = (middle, other) if side else (other, middle)
            for node, c in rest.items():
                scaled = replace(whole, coefficient=-number * c)
                results.append(merged(with_factors(scaled, [(atom, labels), (node, own)])))
            return results
    return None


def sine(normal: "Normal", term: Term, n: int, atom: Node, labels: Labels) -> list[Term] | None:
    """sin² = 1 − cos²."""
    if not (isinstance(atom, Map) and atom.body == sin(ARGS[0])):
        return None
    other = next((m for m, f in enumerate(term.factors) if f == (atom, labels) and m > n), None)
    if other is None:
        return None
    left = tuple(f for m, f in enumerate(term.factors) if m not in (n, other))
    whole = replace(term, factors=left)
    cosine = (op.apply(cos(ARGS[0]), *atom.operands), labels)
    minus = replace(whole, coefficient=-whole.coefficient)
    return [counted(whole, labels), with_factors(minus, [cosine, cosine])]


RELATIONS: tuple[Callable[["Normal", Term, int, Node, Labels], list[Term] | None], ...] = (
    quotient, partial, inverse, pushed, sine,
)  # fmt: skip
