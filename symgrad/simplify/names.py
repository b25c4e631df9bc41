"""Names of values put back: where all factors of a value's product stand in a formula, its name."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sympy import Expr, S

from symgrad.simplify.cost import is_square, operations
from symgrad.simplify.matrices import is_symmetric
from symgrad.simplify.terms import Factor, Term, build, content, flatten, is_root, power_of
from symgrad.tensor.nodes import UNIT, Einsum, Labels, Map, Node, Total, transform
from symgrad.tensor.operators import apply, power, scale
from symgrad.tensor.scalar import ARGS, root


@dataclass(frozen=True, slots=True)
class _Pattern:
    """The product that a name stands for."""

    name: Node
    term: Term
    atoms: Counter[Node]


@dataclass(slots=True)
class Names:
    """What has a name: whole expressions, and products, found by one of their factors.

    A sum is found in its multiples, and a power of something by other powers of that.
    """

    whole: dict[Node, Node] = field(default_factory=dict)
    patterns: dict[Node, list[_Pattern]] = field(default_factory=dict)
    sums: dict[Node, tuple[Expr, Node]] = field(default_factory=dict)
    powers: dict[Node, tuple[Expr, Node]] = field(default_factory=dict)
    facts: bool = False

    @classmethod
    def of(cls, values: Mapping[Node, Node], *, facts: bool = False) -> "Names":
        """For a mapping from expressions to the names that may stand for them.

        With `facts`, matrices that were declared symmetric are found in both orders.
        """
        names = cls(facts=facts)
        for expr, name in values.items():
            names.whole[expr] = name
            base, exponent = power_of(expr)
            if base is not expr:
                names.powers.setdefault(base, (exponent, name))
            if isinstance(expr, Total):
                number, rest = _multiple(expr)
                if isinstance(rest, Total):
                    names.sums.setdefault(rest, (number, name))
            if not isinstance(expr, Einsum):
                continue
            term = _opened(flatten(expr))
            held = {k for _, labels in term.factors for k in labels}
            if len(term.factors) < 2 or any(k not in held for k in term.output):
                continue
            atoms = Counter(_atom(atom) for atom, _ in term.factors)
            pattern = _Pattern(name, term, atoms)
            rarest = min(atoms, key=lambda atom: len(names.patterns.get(atom, ())))
            names.patterns.setdefault(rarest, []).append(pattern)
        return names

    def put_back(self, node: Node) -> Node:
        """The formula with names where that is no longer."""
        if not self.whole:
            return node
        found = transform([node], self._change)[node]
        return found if operations(found) <= operations(node) else node

    def has_part(self, node: Node) -> bool:
        """Whether a product is a part of one that has a name, so that its factors may find it."""
        atoms = Counter(atom for atom, _ in flatten(node).factors)
        return any(atoms <= p.atoms for found in self.patterns.values() for p in found)

    def _change(self, node: Node) -> Node:
        if node in self.whole:
            return self.whole[node]
        if isinstance(node, Total) and self.sums:
            number, rest = _multiple(node)
            own, name = self.sums.get(rest, (number, node))
            return node if name is node else scale(number / own, name)
        if isinstance(node, Map) and self.powers:
            return self._power(node)
        if not isinstance(node, Einsum) or not any(map(self._leads_to, node.factors)):
            return node
        term, changed = _opened(flatten(node)), True
        first = term
        while changed:
            changed = False
            for pattern in self._candidates(term):
                matched = _matched(pattern, term, self.facts)
                if matched is not None:
                    term, changed = matched, True
                    break
        return node if term is first else build(term)

    def _power(self, node: Map) -> Node:
        """1/‖x‖³ as r⁻³ for a named r = ‖x‖, and 0 where that is 0."""
        base, exponent = power_of(node)
        own, name = self.powers.get(base, (exponent, node))
        times = exponent / own
        if base is node or name is node or not times.is_Integer:
            return node
        if not is_root(node):
            return power(name, times) if own.is_Integer else node
        return apply(root(ARGS[0], times), name) if own.is_positive else node

    def _leads_to(self, factor: Node) -> bool:
        """Whether a product that has a name may be found by this factor."""
        if isinstance(factor, Einsum | Total) or factor in self.patterns:
            return True
        return any(_atom(atom) in self.patterns for atom, _ in _copies(factor, ()))

    def _candidates(self, term: Term) -> Iterable[_Pattern]:
        """The patterns whose factors all stand in the term, those of most factors first."""
        atoms = Counter(_atom(atom) for atom, _ in term.factors)
        found = [p for atom in atoms for p in self.patterns.get(atom, ()) if p.atoms <= atoms]
        return sorted(found, key=lambda p: -len(p.term.factors))


def _multiple(node: Total) -> tuple[Expr, Node]:
    """The sum as a number times one that is no multiple."""
    number: Expr = S.One
    inner: Node = node
    while isinstance(inner, Total) and len(inner.terms) == 1:
        number, inner = number * inner.coefficients[0], inner.terms[0]
    if isinstance(inner, Total):
        own, inner = content(inner)
        number *= own
    return number, inner


def _opened(term: Term) -> Term:
    """The term with x⁻² as x⁻¹ x⁻¹, ‖x‖⁻³ as three, so that a quotient is found in it."""
    factors = (copy for atom, labels in term.factors for copy in _copies(atom, labels))
    return replace(term, factors=tuple(factors))


def _copies(atom: Node, labels: Labels) -> list[Factor]:
    base, exponent = power_of(atom)
    one = S.One if exponent.is_Integer else S.Half
    if exponent not in (-2 * one, -3 * one, -4 * one):
        return [(atom, labels)]
    single = apply(root(ARGS[0], -one), base) if is_root(atom) else power(base, -one)
    return [(single, labels)] * int(-exponent / one)


def _atom(node: Node) -> Node:
    """A factor as it is looked up: a quotient by a norm is one thing, 0 at 0 or not."""
    base, exponent = power_of(node)
    if exponent == -S.Half and is_square(base):
        return apply(root(ARGS[0], exponent), base)
    return node


def _matched(pattern: _Pattern, term: Term, facts: bool) -> Term | None:
    """The term with the name in place of the pattern's factors, if they are joined in its way."""
    inner = pattern.term
    for taken, place in matches(inner, term, facts=facts):
        rest = [f for n, f in enumerate(term.factors) if n not in taken]
        own = tuple(place[k] for k in inner.output)
        coefficient: Expr = term.coefficient / inner.coefficient
        return replace(term, coefficient=coefficient, factors=(*rest, (pattern.name, own)))
    return None


Placement = tuple[tuple[int, ...], dict[int, int]]


def matches(
    inner: Term,
    term: Term,
    place: Mapping[int, int] | None = None,
    apart: tuple[int, ...] = (),
    *,
    facts: bool = False,
) -> Iterator[Placement]:
    """The ways in which all factors of a product stand in another, joined alike.

    Each is the positions of the factors, and the label there of each label of the product. What the
    product sums nothing else may hold. Some labels may be placed already, and factors set `apart`.
    """
    bound = set(inner.summed)
    known = {UNIT: UNIT, **(place or {})}
    for taken, found in _placements(inner.factors, term.factors, known, apart, facts):
        used = taken[len(apart) :]
        rest = [f for n, f in enumerate(term.factors) if n not in taken]
        ends = [found[k] for k in bound]
        outside = {k for _, labels in rest for k in labels} | set(term.output)
        outside |= {found[k] for k in inner.output if k in found}
        if len(set(ends)) == len(ends) and not outside & set(ends):
            yield used, found


def _placements(
    wanted: tuple[Factor, ...],
    given: tuple[Factor, ...],
    place: dict[int, int],
    taken: tuple[int, ...],
    facts: bool,
) -> Iterator[Placement]:
    """The ways to find the wanted factors among those given; no deeper than they are many."""
    if not wanted:
        yield taken, place
        return
    (atom, labels), *others = wanted
    for n, (node, own) in enumerate(given):
        if n in taken or (node is not atom and _atom(node) is not _atom(atom)):
            continue
        turned = (own, own[::-1]) if is_symmetric(node, facts) else (own,)
        for ends in turned:
            new = dict(place)
            if all(
                new.setdefault(k, there) == there for k, there in zip(labels, ends, strict=True)
            ):
                yield from _placements(tuple(others), given, new, (*taken, n), facts)
