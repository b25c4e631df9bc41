"""The order of statements: loops over one dimension become one where that is right.

A value that is stored or accumulated is a statement; all others are written out where they are
read. Two loops are fused where every value that the later one reads was made by the earlier one at
the same index.
"""

from collections.abc import Iterable, Mapping

from sympy import S

from symgrad.codegen.keep import kept_nodes
from symgrad.codegen.matrices import Whole
from symgrad.codegen.nests import Nest, nest_of, share
from symgrad.codegen.products import Folded, Multiple, folded, matrices
from symgrad.codegen.statements import (
    Call,
    Fill,
    Loop,
    Point,
    Product,
    Read,
    Statement,
    Var,
    adds,
    begins,
    reads,
    renamed,
    wrapped,
    writes,
)
from symgrad.codegen.sums import one_array, users_of
from symgrad.tensor.dims import same
from symgrad.tensor.nodes import Einsum, Node, topological

Body = tuple[Statement, ...]


def schedule(
    first: Iterable[Node], then: Iterable[Node], named: Iterable[Node]
) -> tuple[Body, Body, frozenset[Node]]:
    """Statements that compute the `first` nodes, those for `then`, and which values are kept.

    What `then` needs may be made among the first statements already, where a loop is open for it;
    the `then` nodes themselves never are, so that the second part can be run again by itself.
    """
    first, then = list(first), list(then)
    roots = [*first, *then]
    kept = kept_nodes(roots, set(named))
    users = users_of(roots)
    order = topological(*roots)  # all that `first` needs comes first
    sums = {node for node in kept if one_array(node, users, roots)}
    shares = {term: (node, c) for node in sums for c, term in node.pairs}
    multiples = folded(roots, kept, sums)
    inside = {fold.product.array for fold in multiples.values()}.union(sums)
    needed, late = set(topological(*first)), set(then)
    for node in order:
        if late.intersection(node.operands):
            late.add(node)
    body: list[Statement] = []
    cut = 0
    begun: set[Node] = set()
    for node in order:
        if node in shares or (node in kept and node not in inside):
            total, coefficient = shares.get(node, (node, S.One))
            if node in shares:
                fills, nest = share(total, coefficient, node, total not in begun)
                begun.add(total)
            else:
                fills, nest = _statements(node, multiples)
            before = len(body)
            # all of a sum on one side of the cut, so that the second part adds it up anew
            after = node in late or (node in shares and total not in needed)
            place = _merge(body, nest, kept, cut if after else 0)
            body[place:place] = fills
            if node in needed or place < cut:
                cut += len(body) - before
    return tuple(body[:cut]), tuple(body[cut:]), frozenset(kept)


def _statements(node: Node, multiples: Mapping[Node, Folded]) -> Nest:
    if isinstance(node, Whole):
        return (), (Call(node),)
    fold = multiples.get(node, Folded(Multiple(S.One, (), node)))
    core, addend = fold.product.array, fold.addend
    found = matrices(core)
    if found is None:
        return nest_of(node)
    assert isinstance(core, Einsum)
    at = tuple(Var(core.sizes[label]) for label in found.stack)
    product = Product(node, core, at, fold.product.coefficient, fold.product.scalars, addend)
    return (Fill(node),) * found.adds, wrapped(at, [product])


def _merge(body: list[Statement], new: Body, kept: set[Node], first: int = 0) -> int:
    """Put statements into a body, not before position `first`; returns where they begin."""
    loops = [s for s in new if isinstance(s, Loop)]
    place = _partner(body, loops[0], kept, first) if len(loops) == 1 else None
    if place is None:
        body.extend(new)
        return len(body) - len(new)
    loop, partner = loops[0], body[place]
    assert isinstance(partner, Loop)
    n = new.index(loop)
    inner = list(partner.body)
    _merge(inner, renamed(loop.body, loop.var, partner.var), kept)
    body[place : place + 1] = [*new[:n], Loop(partner.var, tuple(inner)), *new[n + 1 :]]
    return place


def _partner(body: list[Statement], loop: Loop, kept: set[Node], first: int) -> int | None:
    """The last loop of the body that a loop may be fused with."""
    wanted, added = list(reads(loop, kept)), list(adds(loop))
    shared = {node for node, _ in wanted if node.ndim}
    for place in range(len(body) - 1, first - 1, -1):
        other = body[place]
        made, begun = list(writes(other)), list(begins(other))
        if isinstance(other, Loop) and same(other.var.dim, loop.var.dim):
            touched = {node for node, _ in made} | {node for node, _ in reads(other, kept)}
            ways = (made, wanted), (begun, added)
            if touched & shared and all(_aligned(*way, other.var, loop.var) for way in ways):
                return place
        if _met(made, wanted) or _met(begun, added):
            return None  # an earlier place would be before what it needs
    return None


def _met(made: list[Read], wanted: list[Read]) -> bool:
    return not {node for node, _ in made}.isdisjoint(node for node, _ in wanted)


def _aligned(made: list[Read], wanted: list[Read], outer: Var, inner: Var) -> bool:
    """Whether each value made in one loop is read in the other at the same index alone."""
    points: dict[Node, list[Point]] = {}
    for node, point in made:
        points.setdefault(node, []).append(point)
    return all(
        any(s is outer and p is inner for s, p in zip(source, point, strict=True))
        for node, point in wanted
        for source in points.get(node, ())
    )
