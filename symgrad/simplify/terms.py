"""Terms: products of indexed atoms, what Einsums are flattened into and built from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from math import gcd
from weakref import WeakKeyDictionary

from sympy import Expr, Rational, S

from symgrad.tensor.dims import Dim, Shape
from symgrad.tensor.nodes import (
    INDEX,
    UNIT,
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
)
from symgrad.tensor.operators import constant_of, full, scale
from symgrad.tensor.scalar import ARGS, root_of

Factor = tuple[Node, Labels]


@dataclass(frozen=True, slots=True)
class Term:
    """coefficient · Σ Π atom[labels]: the labels of `output` stay, all others are summed."""

    coefficient: Expr
    factors: tuple[Factor, ...]
    output: Labels
    sizes: dict[int, Dim]

    @property
    def summed(self) -> list[int]:
        """The labels that are summed, by first appearance."""
        seen = dict.fromkeys(k for _, labels in self.factors for k in labels)
        return [k for k in seen if k != UNIT and k not in self.output]

    def shape(self) -> Shape:
        """The shape of the term as an array."""
        return tuple(S.One if k == UNIT else self.sizes[k] for k in self.output)


def others(term: Term, *positions: int) -> tuple[Factor, ...]:
    """The factors of a term but for those at these positions."""
    return tuple(f for n, f in enumerate(term.factors) if n not in positions)


def power_of(node: Node) -> tuple[Node, Expr]:
    """The base and the exponent of a factor."""
    if isinstance(node, Map):
        base, exponent = root_of(node.body) or node.body.as_base_exp()
        if base == ARGS[0] and not exponent.free_symbols & set(ARGS):
            return node.operands[0], exponent
    return node, S.One


def is_root(node: Node) -> bool:
    """Whether it is a power that is 0 at 0, as that of a norm in its gradient."""
    return isinstance(node, Map) and root_of(node.body) is not None


_known: "WeakKeyDictionary[Einsum, Term]" = WeakKeyDictionary()


def flatten(node: Node) -> Term:
    """The node as one term: nested Einsums are merged, numbers drawn out; sums stay atoms."""
    if not isinstance(node, Einsum):
        return _flattened(node)
    found = _known.get(node)  # never held by its own term, for an Einsum is no atom
    if found is None:
        found = _known[node] = _flattened(node)
    return found


def _flattened(node: Node) -> Term:
    fresh = count(10_000)
    output = tuple(UNIT if size == 1 else k for k, size in enumerate(node.shape))
    sizes: dict[int, Dim] = {k: node.shape[k] for k in output if k != UNIT}
    coefficient: Expr = S.One
    factors: list[Factor] = []
    summed: list[int] = []
    stack: list[Factor] = [(node, output)]
    while stack:
        atom, labels = stack.pop()
        if isinstance(atom, Constant):
            coefficient *= atom.value
        elif isinstance(atom, Total):
            if len(atom.terms) == 1:
                coefficient *= atom.coefficients[0]
                stack.append((atom.terms[0], labels))
                continue
            if atom is not node:
                own, atom = content(atom)
                coefficient *= own
            factors.append((atom, labels))
        elif isinstance(atom, Einsum):
            names = dict(zip(atom.output, labels, strict=True))
            for label, size in atom.sizes.items():
                if label not in names:
                    names[label] = new = next(fresh)
                    sizes[new] = size
                    summed.append(new)
            names[UNIT] = UNIT
            for inner, own in zip(reversed(atom.factors), reversed(atom.inputs), strict=True):
                stack.append((inner, tuple(names[k] for k in own)))
        else:
            factors.append((atom, labels))
    held = {k for _, labels in factors for k in labels}
    for label in summed:
        if label not in held:  # a sum over what does not depend on it
            coefficient *= sizes[label]
    return Term(coefficient, tuple(factors), output, sizes)


def components(node: Einsum) -> list[Factor]:
    """The factors of a product, those that share summed labels as one: Σₖ xₖ yₖ · zᵢ is two."""
    output = {k for k in node.output if k != UNIT}
    groups: list[tuple[set[int], list[int]]] = []  # summed labels, positions of factors
    for n, labels in enumerate(node.inputs):
        summed = {k for k in labels if k != UNIT and k not in output}
        met = [g for g in groups if g[0] & summed]
        joined = (summed.union(*(g[0] for g in met)), [n, *(m for g in met for m in g[1])])
        groups = [g for g in groups if g not in met] + [joined]
    found: list[Factor] = []
    for summed, positions in groups:
        inputs = tuple(node.inputs[n] for n in sorted(positions))
        factors = [node.factors[n] for n in sorted(positions)]
        if len(factors) == 1 and not summed:
            found.append((factors[0], inputs[0]))
            continue
        own = tuple(k for k in node.output if any(k in labels for labels in inputs) and k != UNIT)
        shape = tuple(node.sizes[k] for k in own)
        found.append((build(flatten(Einsum(inputs, own, shape, *factors))), own))
    return found


_contents: "WeakKeyDictionary[Total, tuple[Expr, Node] | None]" = WeakKeyDictionary()


def content(node: Total) -> tuple[Expr, Node]:
    """The common factor of a sum of several terms, and the rest, whose leading sign is positive."""
    if node not in _contents:
        found = _content(node)
        _contents[node] = None if found[1] is node else found  # nothing holds its own key
    return _contents[node] or (S.One, node)


def _content(node: Total) -> tuple[Expr, Node]:
    factor = common_factor(node.coefficients)
    positive = [c for c in node.coefficients if not c.could_extract_minus_sign()]
    lead = next((c for c, t in node.pairs if constant_of(t) is not None), node.coefficients[0])
    if not positive or (lead.could_extract_minus_sign() and 2 * len(positive) <= len(node.terms)):
        factor = -factor
    if factor is S.One:
        return S.One, node
    rows = sorted(((c / factor, t) for c, t in node.pairs), key=lambda row: place(*row))
    return factor, Total(tuple(c for c, _ in rows), *(t for _, t in rows))


def common_factor(coefficients: Sequence[Expr]) -> Expr:
    """The greatest common factor of coefficients, positive; dimensions included."""
    if all(c in (1, -1) for c in coefficients):
        return S.One
    result = coefficients[0]
    for each in coefficients[1:]:
        result = _common(result, each)
    return -result if result.could_extract_minus_sign() else result


def _common(a: Expr, b: Expr) -> Expr:
    (ca, ma), (cb, mb) = a.as_coeff_Mul(), b.as_coeff_Mul()
    number: Expr = S.One
    if ca.is_Rational and cb.is_Rational:
        number = Rational(gcd(ca.p * cb.q, cb.p * ca.q), ca.q * cb.q)
    pa, pb = ma.as_powers_dict(), mb.as_powers_dict()
    shared: Expr = S.One
    for base, exponent in pa.items():
        other = pb.get(base, S.Zero)
        if exponent.is_number and other.is_number and exponent * other > 0:
            shared *= base ** (min(exponent, other) if exponent > 0 else max(exponent, other))
    return number * shared


_ROLES = {"adjoint": 0, "tangent": 0, "input": 2, "value": 3, "parameter": 4}
_KINDS: dict[type[Node], int] = {Softmax: 1, LogSumExp: 1, Reduce: 1, Map: 5, Total: 6}


def rank(node: Node) -> tuple[int, int, str, bytes]:
    """The order in which people write factors: numbers, upstream gradients, by kind and name."""
    if isinstance(node, Leaf):
        return (0 if not node.ndim else 1, _ROLES[node.role], node.name, b"")
    return (1, _KINDS.get(type(node), 7), "", node.form + node.digest)


def place(coefficient: Expr, node: Node) -> tuple[object, ...]:
    """The order in which people write terms: positive before negative, upstream gradients first."""
    atoms = node.factors if isinstance(node, Einsum) else (node,)
    upstream = any(isinstance(n, Leaf) and n.role in ("adjoint", "tangent") for n in atoms)
    negative = coefficient.could_extract_minus_sign()
    return (negative, not upstream, constant_of(node) is None, min(map(rank, atoms)), rank(node))


def build(term: Term) -> Node:
    """The term as a node in canonical form: factors in order, labels numbered."""
    shape = term.shape()
    if term.coefficient == 0 or not term.factors:
        return full(term.coefficient, shape)
    ordered = [_along_output(factor, term.output) for factor in canonical_factors(term)]
    if len(ordered) == 1 and ordered[0][1] == term.output and ordered[0][0].shape == shape:
        return scale(term.coefficient, ordered[0][0])
    inputs = tuple(labels for _, labels in ordered)
    return scale(term.coefficient, Einsum(inputs, term.output, shape, *(f for f, _ in ordered)))


def _along_output(factor: Factor, output: Labels) -> Factor:
    """[i = j] with its labels in the order of the output: [j = i] is the same."""
    node, labels = factor
    if isinstance(node, Iverson) and node.condition == INDEX[0] - INDEX[1] and len(labels) == 2:
        i, j = labels
        if i in output and j in output and output.index(i) > output.index(j):
            if node.op == "eq" and node.shape[0] == node.shape[1]:
                return node, (j, i)
    return factor


def canonical_factors(term: Term) -> list[Factor]:
    """The factors in an order that does not depend on how summed labels were numbered.

    Labels are told apart by refinement: a label's colour is that of the places where it stands,
    again and again until nothing changes.
    """
    if len(term.factors) < 2:
        return list(term.factors)
    ranks = {node: rank(node) for node, _ in term.factors}
    order = {key: k for k, key in enumerate(sorted(set(ranks.values())))}
    kind = {node: order[key] for node, key in ranks.items()}
    colour: dict[int, int] = {k: -2 - n for n, k in enumerate(term.output) if k != UNIT}
    colour[UNIT] = -1
    summed = term.summed
    if len(set(kind.values())) < len(term.factors):  # equal atoms: their labels tell them apart
        for label in summed:
            colour[label] = 0
        for _ in summed:
            places = {
                label: tuple(
                    sorted(
                        (kind[node], axis, tuple(colour[k] for k in labels))
                        for node, labels in term.factors
                        for axis, k in enumerate(labels)
                        if k == label
                    )
                )
                for label in summed
            }
            names = {key: n for n, key in enumerate(sorted(set(places.values())))}
            refined = {label: names[places[label]] for label in summed}
            if len(names) == len({colour[k] for k in summed}) and all(
                refined[k] == colour[k] for k in summed
            ):
                break
            colour |= refined
        return sorted(term.factors, key=lambda f: (ranks[f[0]], tuple(colour[k] for k in f[1])))
    return sorted(term.factors, key=lambda f: ranks[f[0]])


def relabelled(factors: Iterable[Factor], old: int, new: int) -> tuple[Factor, ...]:
    """The factors with one label in place of another."""
    return tuple((node, tuple(new if k == old else k for k in labels)) for node, labels in factors)
