"""Common subexpressions: what stands several times in formulas gets a name, where that shortens."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from sympy import S

from symgrad.declare.graph import Definition
from symgrad.simplify.cost import operations
from symgrad.simplify.names import Names
from symgrad.simplify.terms import Term, build, flatten
from symgrad.tensor.nodes import UNIT, Einsum, Leaf, Node, leaves, topological

#: What a name must save to be worth a line of its own, in operations.
LEAST_SAVED = 2
#: Formulas shorter than this are left alone; at most so many parts are tried each time.
SHORT, MOST_TRIED = 6, 12
#: More names than this do not help a reader.
MOST_NAMES = 12
#: The most factors of a product that is looked for in other products.
MOST_FACTORS = 4

#: Letters for scalars, vectors, and all else, in the order in which they are used.
LETTERS = ("trcq", "uvwqrp", "UVQRST")


@lru_cache(64)  # the same for each notation that a formula is printed in
def with_parts_named(
    definitions: tuple[Definition, ...], taken: frozenset[str]
) -> tuple[Definition, ...]:
    """The definitions, with further ones before them for what they share."""
    listed = list(definitions)
    used = set(taken)
    while len(listed) < len(definitions) + MOST_NAMES and (best := _best(listed)) is not None:
        name = _name(best, used)
        leaf = Leaf(name, best.shape, "value")
        named = Names.of({best: leaf})
        changed = [replace(d, expr=named.put_back(d.expr)) for d in listed]
        at = next(n for n, d in enumerate(changed) if leaf in leaves(d.expr))
        listed = [*changed[:at], Definition(leaf, best), *changed[at:]]
        used.add(name)
    return tuple(listed)


def _name(node: Node, used: set[str]) -> str:
    letters = LETTERS[min(node.ndim, 2)]
    names = (*letters, *(f"{letters[0]}{k}" for k in range(1, len(used) + 2)))
    return next(name for name in names if name not in used)


def _best(listed: Sequence[Definition]) -> Node | None:
    """The part whose name saves most."""
    exprs = [d.expr for d in listed]
    before = sum(map(operations, exprs))
    if before < SHORT:
        return None
    found: Node | None = None
    least = before - LEAST_SAVED + 1
    inside = [set(topological(expr)) for expr in exprs]
    for part in _parts(exprs):
        placeholder = Leaf("_", part.shape, "value")
        named = Names.of({part: placeholder})
        after = operations(part)
        for expr, nodes in zip(exprs, inside, strict=True):
            there = part in nodes or nodes.issuperset(part.operands)
            after += operations(named.put_back(expr) if there else expr)
        if after < least:
            found, least = part, after
    return found


def _parts(exprs: Iterable[Node]) -> list[Node]:
    """The parts that stand several times, those that promise most first."""
    times: dict[Node, int] = {}
    for expr in exprs:
        times[expr] = times.get(expr, 0) + 1
        for node in topological(expr):
            for operand in node.operands:
                times[operand] = times.get(operand, 0) + 1
            if isinstance(node, Einsum):
                for part in _products_in(node):
                    times[part] = times.get(part, 0) + 1
    promise = {
        part: (n - 1) * operations(part)
        for part, n in times.items()
        if n > 1 and operations(part) > 1 and leaves(part)
    }
    ordered = sorted(promise, key=lambda part: (-promise[part], part.digest))
    return [part for part in ordered if promise[part] >= LEAST_SAVED][:MOST_TRIED]


@lru_cache(4096)  # formulas are looked at again after each name
def _products_in(node: Einsum) -> tuple[Node, ...]:
    return tuple(_products(flatten(node)))


def _products(term: Term) -> Iterator[Node]:
    """The products of a few factors of the term that are joined by labels, in canonical form."""
    seen: set[frozenset[int]] = set()
    groups = [frozenset([n]) for n in range(len(term.factors))]
    for group in groups:  # grows while it is walked
        for n, (_, labels) in enumerate(term.factors):
            if n in group or len(group) == MOST_FACTORS or len(term.factors) > 2 * MOST_FACTORS:
                continue
            own = {k for m in group for k in term.factors[m][1]} - {UNIT}
            larger = group | {n}
            if own & set(labels) and larger not in seen:
                seen.add(larger)
                groups.append(larger)
                if len(larger) < len(term.factors):
                    part = _product(term, sorted(larger))
                    if part.ndim <= 2:  # more axes have no matrix notation
                        yield part


def _product(term: Term, members: Sequence[int]) -> Node:
    """The product of some factors, its axes in the order that gives the least of its two forms."""
    factors = tuple(term.factors[n] for n in members)
    rest = [labels for n, (_, labels) in enumerate(term.factors) if n not in members]
    outside = {k for labels in rest for k in labels} | set(term.output)
    held = dict.fromkeys(k for _, labels in factors for k in labels if k != UNIT)
    output = tuple(k for k in held if k in outside)
    whole = replace(term, coefficient=S.One, factors=factors, output=output)
    if len(output) != 2:
        return build(whole)
    return min((build(whole), build(replace(whole, output=output[::-1]))), key=lambda n: n.digest)


__all__ = ["with_parts_named"]
