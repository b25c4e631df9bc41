"""The plan of a module: which values are kept, in which loops they are made, where they live."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sympy import Add, Expr, Mul, Number, Pow, S

from symgrad.codegen.lower import summed
from symgrad.codegen.nests import (
    Assign,
    Index,
    Loop,
    Point,
    Product,
    Schedule,
    Statement,
    Var,
    nest_of,
    reads,
    writes,
)
from symgrad.tensor.dims import same_shape
from symgrad.tensor.nodes import (
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Map,
    Node,
    Reduce,
    Total,
    topological,
)
from symgrad.tensor.scalar import ARGS

#: Products whose sizes are known and not above this are loops, to be fused with their neighbours.
SMALL = 256
#: A value is kept where the formula it would be part of gets deeper than this.
DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Matrices:
    """How a product of two tensors is one of matrices: left · right, each perhaps transposed.

    `rows`, `inner`, `columns` are the numbers of leading axes, by operand.
    """

    left: Node
    right: Node
    transpose_left: bool
    transpose_right: bool
    rows: tuple[Expr, ...]
    inner: tuple[Expr, ...]
    columns: tuple[Expr, ...]


def matrices(node: Node) -> Matrices | None:
    """The product as one of matrices, if it is one of two operands without a common kept axis."""
    if not (isinstance(node, Einsum) and len(node.factors) == 2 and summed(node)):
        return None
    if any(isinstance(f, Iverson) for f in node.factors):
        return None
    sizes = node.sizes
    a, b = ([k for k in labels if k != UNIT] for labels in node.inputs)
    out = [k for k in node.output if k != UNIT]
    inner = [k for k in a if k in summed(node)]
    if len(set(a)) < len(a) or len(set(b)) < len(b) or {k for k in b if k not in out} != set(inner):
        return None
    rows, columns = [k for k in a if k not in inner], [k for k in b if k not in inner]
    if not rows or not columns or set(rows) & set(columns) or sorted(out) != sorted(rows + columns):
        return None
    left, right = node.factors
    if out == columns + rows:
        left, right, a, b, rows, columns = right, left, b, a, columns, rows
    if out != rows + columns:
        return None
    for order in (inner, [k for k in b if k in inner]):
        if a in (rows + order, order + rows) and b in (order + columns, columns + order):
            if all(sizes[k].is_Integer for k in sizes) and _entries(sizes.values()) <= SMALL:
                return None
            return Matrices(
                left, right, a == order + rows and a != rows + order,
                b == columns + order and b != order + columns,
                *(tuple(sizes[k] for k in group) for group in (rows, order, columns)),
            )  # fmt: skip
    return None


def _entries(sizes: Iterable[Expr]) -> int:
    result = 1
    for size in sizes:
        result *= int(size)
    return result


def kept_nodes(roots: Iterable[Node], named: set[Node]) -> set[Node]:
    """The values that are computed once and kept, in a buffer or a local variable."""
    roots = list(roots)
    order = topological(*roots)
    kept = {root for root in roots if not isinstance(root, Leaf | Constant)}
    users: dict[Node, set[Node]] = {}
    for node in order:
        for operand in node.operands:
            users.setdefault(operand, set()).add(node)
        product = matrices(node)
        if product:
            kept |= {f for f in (product.left, product.right) if not isinstance(f, Leaf | Constant)}
    depth: dict[Node, int] = {}
    for node in order:
        below = max((depth[o] for o in node.operands), default=-1) + 1
        if not isinstance(node, Leaf | Constant | Iverson) and node not in kept:
            many = len(users.get(node, ())) > 1
            if (
                isinstance(node, Reduce)
                or (isinstance(node, Einsum) and summed(node))
                or (not _trivial(node) and _spread(node, users.get(node, set())))
                or (not _trivial(node) and node.ndim == 0)
                or (many and (node in named or _costly(node)))
                or below > DEEPEST
            ):
                kept.add(node)
        depth[node] = 0 if node in kept else below
    return kept


def _trivial(node: Node) -> bool:
    """Whether reading it anew costs nothing: a symbol or number, spread or transposed."""
    while isinstance(node, Einsum) and len(node.factors) == 1 and not summed(node):
        node = node.factors[0]
    return isinstance(node, Leaf | Constant | Iverson)


def _costly(node: Node) -> bool:
    if not isinstance(node, Map):
        return False
    return any(
        not isinstance(part, Add | Mul | Number) and part not in ARGS
        and not (isinstance(part, Pow) and part.exp.is_Integer and 0 < part.exp <= 3)
        for part in _bodies(node.body)
    )  # fmt: skip


def _bodies(body: Expr) -> Iterable[Expr]:
    from sympy import preorder_traversal

    return preorder_traversal(body)


def _spread(node: Node, users: set[Node]) -> bool:
    """Whether it is read along an axis that it does not have."""
    for user in users:
        if isinstance(user, Einsum):
            every = {k for k in (*user.output, *summed(user)) if k != UNIT}
            for labels, factor in zip(user.inputs, user.factors, strict=True):
                if factor is node and every - set(labels):
                    return True
    return False


@dataclass(slots=True)
class Plan:
    """Statements of the forward and of the backward part, and the arrays that they need."""

    forward: list[Statement]
    backward: list[Statement]
    kept: set[Node]
    names: dict[Node, str]
    external: dict[Node, str] = field(default_factory=dict)


def build(
    first: Iterable[Node], then: Iterable[Node], names: Mapping[Node, str]
) -> tuple[list[Statement], list[Statement], set[Node]]:
    """Statements that compute the `first` nodes, those for `then` after them, and what is kept."""
    first, then = list(first), list(then)
    kept = kept_nodes([*first, *then], set(names))
    schedule = Schedule(kept)
    done: set[Node] = set()
    folded = _folded([*first, *then], kept)
    for node in topological(*first, *then):
        if node in kept and node not in done:
            done.add(node)
            if node in folded.values():
                continue
            _place(schedule, node, folded)
    needed = set(topological(*first)) & kept
    last = max(
        (n for n, s in enumerate(schedule.body) if {w for w, _ in writes(s)} & needed), default=-1
    )
    return schedule.body[: last + 1], schedule.body[last + 1 :], kept


def _place(schedule: Schedule, node: Node, folded: Mapping[Node, Node]) -> None:
    core = folded.get(node, node)
    product = matrices(core)
    if product is None:
        schedule.add(*nest_of(node))
        return
    assert isinstance(core, Einsum)
    if core is node:
        schedule.body.append(Product(node, core))
    elif isinstance(node, Total):
        schedule.body.append(Product(node, core, node.coefficients[0]))
    else:
        assert isinstance(node, Einsum)
        scalars = tuple(f for f in node.factors if f is not core)
        schedule.body.append(Product(node, core, S.One, scalars))


def _folded(roots: list[Node], kept: set[Node]) -> dict[Node, Node]:
    """Kept multiples of a matrix product that nothing else reads: the product takes the factor."""
    users: dict[Node, int] = {}
    for node in topological(*roots):
        for operand in node.operands:
            users[operand] = users.get(operand, 0) + 1
    found: dict[Node, Node] = {}
    for node in kept:
        core: Node | None = None
        if isinstance(node, Total) and len(node.terms) == 1:
            core = node.terms[0]
        elif isinstance(node, Einsum) and not summed(node):
            whole = [
                f
                for f, labels in zip(node.factors, node.inputs, strict=True)
                if labels == node.output
            ]
            if len(whole) == 1 and all(f.ndim == 0 for f in node.factors if f is not whole[0]):
                core = whole[0]
        if core is not None and core not in roots and users.get(core) == 1 and matrices(core):
            found[node] = core
    return found


def in_place(
    parts: Iterable[list[Statement]], kept: set[Node], stored: set[Node], external: Iterable[Node]
) -> dict[Node, Node]:
    """Stored values that may live where another one lived: each mapped to that other one.

    A value is put over one that it alone reads last, entry by entry at the same place; never over
    what the forward part leaves for the backward part, which may be run again.
    """
    fixed = set(external)
    result: dict[Node, Node] = {}
    for part in parts:
        made: dict[Node, int] = {}
        seen: dict[Node, list[tuple[int, tuple[Var, ...], Point]]] = {}
        assigns: list[tuple[int, tuple[Var, ...], Assign]] = []
        for n, (path, statement) in enumerate(_flat(part)):
            for node, point in reads(statement, kept):
                seen.setdefault(node, []).append((n, path, point))
            for node, _ in writes(statement):
                made.setdefault(node, n)
            if isinstance(statement, Assign) and statement.node in stored:
                assigns.append((n, path, statement))
        for n, path, assign in assigns:
            node = assign.node
            for old in dict.fromkeys(old for old, _ in reads(assign, kept)):
                if (
                    old in stored
                    and old in made
                    and old not in result.values()
                    and not (old in fixed and node in fixed)
                    and old not in fixed
                    and same_shape(old.shape, node.shape)
                    and all(
                        _overwritable(read, n, path, assign.point) for read in seen.get(old, ())
                    )
                ):
                    result[node] = old
                    break
    later = list(parts)[1:] if not isinstance(parts, list) else parts[1:]
    if later:  # what the backward part reads must survive in the forward part
        kept_for_later = {old for part in later for s in part for old, _ in reads(s, kept)}
        made_there = {w for part in later for s in part for w, _ in writes(s)}
        needed = kept_for_later - made_there
        result = {new: old for new, old in result.items() if old not in needed}
    return result


def _overwritable(
    read: tuple[int, tuple[Var, ...], Point], n: int, path: tuple[Var, ...], point: Point
) -> bool:
    when, where, at = read
    if when > n:
        return False
    if when == n:
        return all(_same_index(p, q) for p, q in zip(at, point, strict=True))
    return all(
        any(_is(p, var) and _is(q, var) for p, q in zip(at, point, strict=True))
        for var in {v.root() for v in path} & {v.root() for v in where}
    )


def _is(index: Index, var: Var) -> bool:
    return isinstance(index, Var) and index.root() is var


def _same_index(p: Index, q: Index) -> bool:
    return p is q or (isinstance(p, Var) and isinstance(q, Var) and p.root() is q.root())


def _flat(
    statements: list[Statement], path: tuple[Var, ...] = ()
) -> Iterable[tuple[tuple[Var, ...], Statement]]:
    for statement in statements:
        if isinstance(statement, Loop):
            yield from _flat(statement.body, (*path, statement.var))
        else:
            yield path, statement
