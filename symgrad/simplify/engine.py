"""The engine: flattens, collects, applies the table of rules and keeps the shortest form.

A node is simplified operands first. Sums of products stay as they are written unless multiplying
out makes them shorter; that phase is bounded, and the best form so far is kept.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sympy import Expr, S

from symgrad.simplify.cost import operations
from symgrad.simplify.deviations import is_deviation
from symgrad.simplify.quotients import cleared, lowest_power
from symgrad.simplify.reshapes import taken_apart
from symgrad.simplify.rules import NODE_RULES, TERM_RULES, Rule
from symgrad.simplify.sums import MOST_FACTORS, MOST_TERMS, collect, flat_pairs
from symgrad.simplify.terms import Factor, Term, build, components, flatten, power_of
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Node,
    Softmax,
    Total,
    rebuild,
    topological,
)
from symgrad.tensor.operators import constant_of, total


@dataclass(frozen=True, slots=True)
class Simplified:
    """A simpler node of the same value, and what was used that a reader should be told."""

    node: Node
    notes: tuple[str, ...]
    used_facts: bool


def simplify(node: Node, *, facts: bool = True) -> Simplified:
    """The shortest form found. Without `facts`, declared domains are not used.

    What is differentiated again must be simplified without facts: for spd X the gradient of
    log det X becomes X⁻¹, and the derivative of that is wrong for independent entries.
    """
    return Simplifier(facts).run(node)


@dataclass(slots=True)
class Simplifier:
    """Simplifies many expressions that share parts; each part is worked on once."""

    facts: bool = True
    _done: dict[Node, Node] = field(default_factory=dict)
    _told: dict[Node, tuple[dict[str, None], bool]] = field(default_factory=dict)
    _notes: dict[str, None] = field(default_factory=dict)
    _used_facts: bool = False
    _reductions: int = 0

    def run(self, root: Node) -> Simplified:
        """The shortest form found of an expression."""
        order = topological(root)
        inside = _only_in_sums(order) | _only_in_a_product(order)
        parts: dict[Node, Node] = {}  # of sums and products that the one around them will open
        for node in order:
            if node in self._done:
                continue
            operands = tuple(parts[o] if o in parts else self._done[o] for o in node.operands)
            if node in inside:
                parts[node] = rebuild(node, operands)
                continue
            self._notes, self._used_facts = {}, False
            self._done[node] = self._local(rebuild(node, operands))
            if self._notes or self._used_facts:
                self._told[node] = (self._notes, self._used_facts)
        told = [self._told[node] for node in order if node in self._told]
        notes = tuple(dict.fromkeys(note for notes, _ in told for note in notes))
        return Simplified(self._done[root], notes, any(used for _, used in told))

    def _local(self, node: Node) -> Node:
        """The shortest form of a node whose operands are simplified."""
        if node in self._done:
            return self._done[node]
        if isinstance(node, Total):
            return self._sum(node.pairs, node.shape)
        if isinstance(node, Einsum):
            return self._product(node)
        return self._apply_node_rules(node)

    def _again(self, root: Node) -> Node:
        """A node that a rule made, its parts simplified in turn."""
        done: dict[Node, Node] = {}
        for node in topological(root):
            done[node] = self._local(rebuild(node, tuple(done[o] for o in node.operands)))
        return done[root]

    def _apply_node_rules(self, node: Node) -> Node:
        for rule in NODE_RULES:
            if rule.fact and not self.facts:
                continue
            changed = rule.apply(node)  # type: ignore[arg-type]
            if changed is not None:
                self._used_facts |= rule.fact
                self._log(rule)
                return self._again(changed)  # type: ignore[arg-type]
        return node

    def _log(self, rule: Rule, subject: str = "") -> None:
        if not rule.quiet:
            self._notes[rule.why.format(subject)] = None

    # --- products

    def _reduced(self, term: Term) -> Term:
        """The term after all term rules, again and again until none applies."""
        changed = True
        while changed:
            changed = False
            for rule in TERM_RULES:
                if rule.fact and not self.facts:
                    continue
                result: Term | None = rule.apply(term)  # type: ignore[arg-type, assignment]
                if result is not None:
                    self._used_facts |= rule.fact
                    if not rule.quiet:
                        self._log(rule, _gone(term, result))
                    term, changed = result, True
                    self._reductions += 1
        return term

    def _product(self, node: Node) -> Node:
        term = self._reduced(flatten(node))
        apart = taken_apart(term)
        if apart is not None:
            return self._again(apart)
        plain = build(term)
        clear = cleared(term)
        if clear is not None:
            clear = self._reduced(clear)
            if operations(build(clear)) < operations(plain):
                term, plain = clear, build(clear)
        sums = _openable(term)
        if not sums or not isinstance(plain, Einsum | Total) or not _may_reduce(term):
            return plain
        best, least = plain, operations(plain)
        for chosen in _choices(term, sums):
            told = dict(self._notes)
            candidate = self._expanded(term, chosen)
            if candidate is not None and operations(candidate) < least:
                best, least = candidate, operations(candidate)
            else:
                self._notes = told
        return best

    def _expanded(self, term: Term, chosen: tuple[int, ...]) -> Node | None:
        """The term with those sums multiplied out and each product simplified.

        None if no product became simpler and no two are alike: nothing is won then.
        """
        self._reductions = 0
        products = self._products(term, chosen)
        if products is None:
            return None
        if not self._reductions and len(flat_pairs(products)) == len(products):
            return None
        return self._sum(products, term.shape())

    def _products(self, term: Term, chosen: tuple[int, ...]) -> list[tuple[Expr, Node]] | None:
        """The products that multiplying out those sums gives; None if they are too many."""
        rows: list[tuple[Expr, list[Factor]]] = [(term.coefficient, [])]
        for n, (atom, labels) in enumerate(term.factors):
            if n in chosen and isinstance(atom, Total):
                if len(rows) * len(atom.terms) > MOST_TERMS:
                    return None
                rows = [
                    (c * own, [*factors, (inner, labels)])
                    for c, factors in rows
                    for own, inner in atom.pairs
                ]
            else:
                for _, factors in rows:
                    factors.append((atom, labels))
        shape = term.shape()
        products = []
        for coefficient, factors in rows:
            inputs = tuple(labels for _, labels in factors)
            held = {k for labels in inputs for k in labels}
            for label in term.summed:
                if label not in held:
                    coefficient *= term.sizes[label]
            product = Einsum(inputs, term.output, shape, *(atom for atom, _ in factors))
            products.append((coefficient, build(self._reduced(flatten(product)))))
        return products

    # --- sums

    def _sum(self, pairs: Iterable[tuple[Expr, Node]], shape: Shape) -> Node:
        pairs = flat_pairs(pairs)
        best = collect(pairs, shape)
        whole = total(pairs, shape)
        if not isinstance(whole, Total) or constant_of(best) is not None:
            return best
        told = dict(self._notes)
        over = lowest_power(pairs)
        if over is not None:
            (factor, labels), rows = over
            inside = collect(rows, shape)
            output = tuple(UNIT if size == 1 else k for k, size in enumerate(shape))
            product = Einsum((labels, output), output, shape, factor, inside)
            product = build(self._reduced(flatten(product)))
            if operations(product) < operations(best):
                return product
            self._notes = dict(told)
        if not _may_cancel(whole):
            return best
        expanded = self._multiplied_out(whole)
        if expanded is not None and operations(expanded) < operations(best):
            return expanded
        self._notes = told
        return best

    def _multiplied_out(self, node: Total) -> Node | None:
        """The sum with all products of sums in it multiplied out, as far as the bound allows."""
        pairs = flat_pairs(node.pairs)
        for _ in range(3):
            rows: list[tuple[Expr, Node]] = []
            changed = False
            for coefficient, each in pairs:
                term = flatten(each)
                sums = _openable(term)
                products = self._products(term, tuple(sums)) if sums else None
                if products is None:
                    rows.append((coefficient, each))
                else:
                    changed = True
                    rows += [(coefficient * c, product) for c, product in products]
                if len(rows) > MOST_TERMS:
                    return None
            if not changed:
                break
            pairs = flat_pairs(rows)
        return collect(pairs, node.shape)


def _openable(term: Term) -> list[int]:
    """The sums among the factors that may be multiplied out.

    Not a deviation that is squared: Σ (x − mean x)² is a variance, and Σ x² − (Σ x)²/n the
    difference of two large numbers, which rounding eats (Chan, Golub, LeVeque 1983). A sum over it
    alone, Σ (x − mean x), may be 0.
    """
    atoms = Counter(atom for atom, _ in term.factors)
    held = Counter(k for _, labels in term.factors for k in set(labels))
    alone = {k for k in term.summed if held[k] == 1}
    return [
        n
        for n, (atom, labels) in enumerate(term.factors)
        if isinstance(atom, Total)
        and (atoms[atom] == 1 or alone & {*labels} or not is_deviation(atom))
    ]


def _choices(term: Term, sums: list[int]) -> list[tuple[int, ...]]:
    """The sets of sums that are multiplied out: each different one alone, then all."""
    different = {term.factors[n]: n for n in reversed(sums)}
    alone: list[tuple[int, ...]] = [(n,) for n in sorted(different.values())[:MOST_FACTORS]]
    return [*alone, tuple(sums)] if len(sums) > 1 else alone


def _only_in_sums(order: list[Node]) -> set[Node]:
    """The sums that nothing but other sums read: simplifying each of a + b + c + ... is no use.

    Not those too long to be opened: nothing else would collect their terms.
    """
    found = {n for n in order[:-1] if isinstance(n, Total) and len(n.terms) <= MOST_TERMS}
    for node in order:
        if not isinstance(node, Total):
            found.difference_update(node.operands)
    return found


def _only_in_a_product(order: list[Node]) -> set[Node]:
    """The long products that are a factor of one product and read by nothing else.

    Simplifying each of a b, a b c, a b c d ... would take the square of their number; short ones
    are, for what they become may be all that is multiplied out.
    """
    readers = Counter(operand for node in order for operand in {*node.operands})
    count: dict[Node, int] = {}  # of factors, through nested products
    found: set[Node] = set()
    for node in order:
        if isinstance(node, Einsum):
            count[node] = sum(count.get(factor, 1) for factor in node.factors)
            found.update(f for f in node.factors if count.get(f, 1) > MOST_FACTORS)
    return {node for node in found if readers[node] == 1}


def _may_reduce(term: Term) -> bool:
    """Whether a rule could apply to the products that multiplying out a sum gives.

    That takes a base that stands both in a sum and beside it (or in two sums), once with another
    power than one or as what is 0, 1 or a sign; or a sum over what sums to one.
    """
    places: dict[Node, int] = {}
    special = False
    if any(isinstance(atom, Iverson) for atom, _ in term.factors) and any(
        isinstance(factor, Iverson)
        for atom, _ in term.factors
        if isinstance(atom, Total)
        for factor in _factors_below(atom)
    ):
        return True
    if _deviates(term):
        return True
    for atom, _ in term.factors:
        bases: dict[Node, None] = {}
        for factor in _factors_below(atom) if isinstance(atom, Total) else _opened(atom):
            base, exponent = power_of(factor)
            bases[base] = None
            special = special or exponent is not S.One or _has_fact(base)
        for base in bases:
            places[base] = places.get(base, 0) + 1
    return special and (max(places.values()) > 1 or any(map(_has_fact, places)))


def _opened(atom: Node) -> tuple[Node, ...]:
    """A factor, or those of the product that it is a whole power of."""
    base, exponent = power_of(atom)
    if isinstance(base, Einsum) and exponent.is_Integer and base is not atom:
        return tuple(factor for factor, _ in components(base))
    return (atom,)


def _deviates(term: Term) -> bool:
    """Whether a sum runs over nothing but a deviation from a mean, which may be 0."""
    held = Counter(k for _, labels in term.factors for k in set(labels))
    alone = {k for k in term.summed if held[k] == 1}
    return any(
        isinstance(atom, Total) and not alone.isdisjoint(labels) and is_deviation(atom)
        for atom, labels in term.factors
    )


#: Domains that rules for products of factors know.
FACTS = ("onehot", "simplex", "binary", "sign", "centred")


def _has_fact(node: Node) -> bool:
    if isinstance(node, Leaf):
        return node.domain.partition(":")[0] in FACTS
    return isinstance(node, Softmax | Iverson)


def _factors_below(node: Node) -> Iterable[Node]:
    """The factors of the products that a sum consists of, through nested sums, each once.

    Of the first MOST_TERMS nodes: a longer sum is not multiplied out.
    """
    stack, seen = [node], {node}
    while stack and len(seen) <= MOST_TERMS:
        each = stack.pop()
        if isinstance(each, Total | Einsum):
            fresh = [operand for operand in each.operands if operand not in seen]
            seen.update(fresh)
            stack.extend(fresh)
        else:
            yield each


def _may_cancel(node: Total) -> bool:
    """Whether two of the products that multiplying out gives could be alike."""
    seen: set[tuple[int, ...]] = set()
    for monomial in _monomials(node):
        if monomial in seen:
            return True
        seen.add(monomial)
        if len(seen) > MOST_TERMS:
            return False
    return False


def _monomials(node: Node) -> Iterable[tuple[int, ...]]:
    """The products that multiplying out gives, each as its sorted atoms, without their labels."""
    open_: list[tuple[tuple[Node, ...], tuple[int, ...]]] = [((node,), ())]
    while open_:
        waiting, atoms = open_.pop()
        while waiting:
            each, *rest = waiting
            waiting = tuple(rest)
            if isinstance(each, Total):
                open_ += [((term, *waiting), atoms) for term in reversed(each.terms)]
                break
            if isinstance(each, Einsum):
                waiting = (*each.factors, *waiting)
            elif not isinstance(each, Constant):
                atoms = (*atoms, hash(each))
        else:
            yield tuple(sorted(atoms))


_SPOKEN: dict[type[Node], str] = {Softmax: "the softmax", Iverson: "one-hot labels"}


def _gone(before: Term, after: Term) -> str:
    """The names of the factors that a rule removed, for its note."""
    left = {node for node, _ in after.factors}
    gone = [node for node, _ in before.factors if node not in left]
    return ", ".join(
        node.name if isinstance(node, Leaf) else _SPOKEN.get(type(node), "a product")
        for node in dict.fromkeys(gone)
    )
