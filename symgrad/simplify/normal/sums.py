"""Sums of products: their arithmetic, and what stands in one product."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from sympy import Expr, S, log

from symgrad.simplify.terms import Factor, Term, build, flatten, power_of
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Shape
from symgrad.tensor.nodes import UNIT, Einsum, Labels, Map, Node, Total
from symgrad.tensor.scalar import ARGS, eq, gt

#: A sum of products: each product, a node without a number in front, with its coefficient.
Sum = dict[Node, Expr]


def constant(value: Expr, shape: Shape) -> Sum:
    return {} if value == 0 else {op.full(1, shape): value}


def total_of(pairs: Iterable[tuple[Expr, Sum]]) -> Sum:
    found: Sum = {}
    for c, form in pairs:
        for node, own in form.items():
            found[node] = found.get(node, S.Zero) + c * own
    return clean(found)


def clean(form: Sum) -> Sum:
    expanded = ((node, c.expand() if c.free_symbols else c) for node, c in form.items())
    return {node: c for node, c in expanded if c != 0}


def is_one(node: Node) -> bool:
    return op.constant_of(node) == 1


def form_of(node: Node, shape: Shape) -> Sum:
    term = flatten(node)
    if not term.factors:
        return constant(term.coefficient, shape)
    return {build(replace(term, coefficient=S.One)): term.coefficient}


def degree(node: Node) -> int:
    """The number of factors of a product; powers count as often as they say."""
    if is_one(node):
        return 0
    degree = 0
    for atom, _ in flatten(node).factors:
        _, exponent = power_of(atom)
        degree += int(exponent) if exponent.is_Integer and exponent > 0 else 1
    return degree


def powers(term: Term) -> dict[Factor, Expr]:
    """The exponents of the bases of a product's factors that stand along the output alone."""
    found: Counter[Factor] = Counter()
    for atom, labels in term.factors:
        if all(k == UNIT or k in term.output for k in labels):
            base, exponent = power_of(atom)
            if exponent.is_Rational:
                found[base, labels] += exponent
    return dict(found)


def axes(node: Node) -> Labels:
    return tuple(UNIT if d is ONE else k for k, d in enumerate(node.shape))


def log_inside(node: Node) -> Node | None:
    """x of log x, an atom or its spread."""
    term = flatten(node)
    if len(term.factors) != 1 or term.summed:
        return None
    atom, labels = term.factors[0]
    if not (isinstance(atom, Map) and atom.body == log(ARGS[0])):
        return None
    return Einsum((labels,), term.output, term.shape(), atom.operands[0])


def has_number(term: Term) -> bool:
    return any(op.constant_of(atom) is not None for atom, _ in term.factors)


def with_factors(term: Term, factors: list[Factor]) -> Term:
    return replace(term, factors=(*term.factors, *factors))


def merged(term: Term) -> Term:
    """The term with the products among its factors flattened."""
    inputs = tuple(labels for _, labels in term.factors)
    node = Einsum(inputs, term.output, term.shape(), *(atom for atom, _ in term.factors))
    flat = flatten(node)
    return replace(flat, coefficient=flat.coefficient * term.coefficient)


def counted(term: Term, gone: Labels) -> Term:
    """A term that lost factors: a sum over a label that nothing holds any more counts."""
    held = {k for _, labels in term.factors for k in labels} | set(term.output)
    number = term.coefficient
    for label in dict.fromkeys(gone):
        if label != UNIT and label not in held:
            number *= term.sizes[label]
    return replace(term, coefficient=number)


def narrowest(nodes: list[Node], shape: Shape) -> tuple[tuple[int, ...], list[Node]] | None:
    """The axes along which some of the nodes vary, and the nodes over these; None if over all."""
    axes: set[int] = set()
    for node in nodes:
        for term in node.terms if isinstance(node, Total) else (node,):
            flat = flatten(term)
            place = {k: a for a, k in enumerate(flat.output) if k != UNIT}
            axes |= {place[k] for _, labels in flat.factors for k in labels if k in place}
    kept = tuple(sorted(axes))
    if len(kept) == sum(d is not ONE for d in shape):
        return None
    inner = tuple(shape[a] for a in kept)
    found = []
    for node in nodes:
        pairs = node.pairs if isinstance(node, Total) else ((S.One, node),)
        terms = []
        for c, term in pairs:
            flat = flatten(term)
            output = tuple(flat.output[a] for a in kept)
            terms.append((c, build(replace(flat, output=output))))
        found.append(op.total(terms, inner))
    return kept, found


def indicator_in(form: Sum) -> Factor | None:
    """A factor [x > 0] or [x = 0] of some product of a sum, at its axes; the first in an order."""
    found = {
        (atom, labels)
        for node in form
        for atom, labels in _along_axes(node)
        if isinstance(atom, Map) and atom.body.func in (gt, eq)
    }
    return min(found, key=lambda factor: (factor[0].digest, factor[1]), default=None)


def _along_axes(node: Node) -> list[Factor]:
    """The factors of a product that stand along its axes alone, labelled by these."""
    term = flatten(node)
    place = dict(zip(term.output, axes(node), strict=True)) | {UNIT: UNIT}
    return [
        (atom, tuple(place[k] for k in labels))
        for atom, labels in term.factors
        if all(k in place for k in labels)
    ]


def parted(form: Sum, chosen: Factor) -> tuple[Sum, Sum]:
    """P and Q of a sum P + I Q with a factor I."""
    without: Sum = {}
    within: Sum = {}
    for node, c in form.items():
        term = flatten(node)
        place = dict(zip(term.output, axes(node), strict=True)) | {UNIT: UNIT}
        left = tuple(
            (atom, labels)
            for atom, labels in term.factors
            if (atom, tuple(place.get(k) for k in labels)) != chosen
        )
        if len(left) == len(term.factors):
            without[node] = c
        else:
            rest = form_of(build(replace(term, factors=left)), node.shape)
            within = total_of([(S.One, within), (c, rest)])
    return without, within


def leading(form: Sum) -> Node:
    """The product of most factors; of several the last in an order of their own."""
    return max(form, key=lambda node: (degree(node), node.digest))
