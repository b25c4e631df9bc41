"""Sums that are added up in one array, term after term: of products of matrices, which BLAS adds to
what is there, of other sums, and of terms that are put at computed places, such as slices.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Set

from sympy import Expr, S

from symgrad.codegen.lower import lower, spread_by_bracket, summed
from symgrad.codegen.matrices import in_parts
from symgrad.codegen.nests import nest_of
from symgrad.codegen.products import matrices
from symgrad.declare.graph import Definition
from symgrad.tensor.nodes import Einsum, Leaf, Node, Total, rebuild, topological


def prepared(definitions: Iterable[Definition]) -> dict[Leaf, Node]:
    """The values of definitions as modules compute them: few kinds of nodes, functions of matrices
    in parts, and a sum of its own for all the terms of a sum that one array can take.
    """
    lowered = in_parts(lower(definitions))
    users = users_of(lowered.values())
    done: dict[Node, Node] = {}
    for node in topological(*lowered.values()):
        done[node] = rebuild(node, tuple(done[operand] for operand in node.operands))
        if isinstance(node, Total):
            pairs = list(_terms(node, users))
            own = [(c, done[t]) for c, t in pairs if _takes(t, users[t])]
            rest = [(c, done[t]) for c, t in pairs if not _takes(t, users[t])]
            if len(own) > 1:
                inner = _total(own)
                done[node] = _total([(S.One, inner), *rest]) if rest else inner
    return {leaf: done[node] for leaf, node in lowered.items()}


def _terms(node: Total, users: Mapping[Node, Set[Node]]) -> Iterator[tuple[Expr, Node]]:
    """Coefficients and terms, with those of sums that nothing else reads."""
    for c, term in node.pairs:
        if isinstance(term, Total) and len(users[term]) == 1:
            yield from ((c * inner, each) for inner, each in _terms(term, users))
        else:
            yield c, term


def _total(pairs: Iterable[tuple[Expr, Node]]) -> Node:
    coefficients, terms = zip(*pairs, strict=True)
    return Total(coefficients, *terms)


def users_of(roots: Iterable[Node]) -> dict[Node, set[Node]]:
    """Which values each value is an operand of."""
    roots = list(roots)
    users: dict[Node, set[Node]] = {root: set() for root in roots}
    for node in topological(*roots):
        for operand in node.operands:
            users.setdefault(operand, set()).add(node)
    return users


def _takes(term: Node, users: Set[Node]) -> bool:
    """Whether an array can take a term that nothing else reads."""
    if len(users) > 1 or not isinstance(term, Einsum) or not term.ndim:
        return False
    if not (summed(term) or spread_by_bracket(term)):
        return False
    return matrices(term) is not None or bool(nest_of(term)[0])  # else a local variable takes it


def one_array(node: Node, users: Mapping[Node, Set[Node]], roots: Collection[Node]) -> bool:
    """Whether a value is a sum that is added up in one array."""
    return (
        isinstance(node, Total)
        and 1 < len(node.terms) == len(set(node.terms))  # each term adds once
        and all(_takes(term, users[term]) and term not in roots for term in node.terms)
    )
