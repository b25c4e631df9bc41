"""Which values are computed once and kept, in a buffer or a local variable."""

from collections.abc import Iterable

from sympy import Add, Expr, Mul, Number, Pow, preorder_traversal

from symgrad.codegen.lower import summed
from symgrad.codegen.matrices import View, Whole
from symgrad.codegen.products import matrices
from symgrad.codegen.sums import one_array
from symgrad.tensor.nodes import (
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Map,
    Node,
    Reduce,
    topological,
)
from symgrad.tensor.primitives import ArgReduce
from symgrad.tensor.scalar import ARGS, eq
from symgrad.tensor.windows import loops, places

#: A value is kept where the formula it would be part of gets deeper than this.
DEEPEST = 12


def kept_nodes(roots: Iterable[Node], named: set[Node]) -> set[Node]:
    """What is kept; all other values are written out wherever they are read."""
    roots = list(roots)
    order = topological(*roots)
    kept = {root for root in roots if not isinstance(root, Leaf | Constant)}
    users: dict[Node, set[Node]] = {}
    for node in order:
        for operand in node.operands:
            users.setdefault(operand, set()).add(node)
        product = matrices(node)
        if product:
            kept |= _computed(product.left, product.right)
        elif isinstance(node, Whole):
            kept |= {node, *_computed(*node.operands)}
        elif isinstance(node, View):
            kept |= _computed(node.operand)
    depth: dict[Node, int] = {}
    for node in order:
        below = max((depth[o] for o in node.operands), default=-1) + 1
        if not isinstance(node, Leaf | Constant | Iverson | View) and node not in kept:
            its = users.get(node, set())
            if (
                isinstance(node, Reduce | ArgReduce)
                or (isinstance(node, Einsum) and summed(node))
                or one_array(node, users, roots)
                or (not _trivial(node) and _spread(node, its))
                or (not _trivial(node) and node.ndim == 0 and (node in named or _outside(its)))
                or (len(its) > 1 and (node in named or _costly(node) or _compared(its)))
                or below > DEEPEST
            ):
                kept.add(node)
        depth[node] = 0 if node in kept or isinstance(node, View) else below
    return kept


def _computed(*nodes: Node) -> set[Node]:
    """Those that are computed: no symbols, numbers or views."""
    return {node for node in nodes if not isinstance(node, Leaf | Constant | View)}


def _trivial(node: Node) -> bool:
    """Whether reading it anew costs nothing: a symbol or number, spread or transposed."""
    while isinstance(node, Einsum) and len(node.factors) == 1 and not summed(node):
        node = node.factors[0]
    return isinstance(node, Leaf | Constant | Iverson | View)


def _outside(users: set[Node]) -> bool:
    """Whether a number is read in loops, and so is better computed before them."""
    return any(
        user.ndim
        or isinstance(user, Reduce | ArgReduce)
        or (isinstance(user, Einsum) and bool(summed(user)))
        for user in users
    )


def _costly(node: Node) -> bool:
    """Whether a scalar function is worth more than reading its result again."""
    if not isinstance(node, Map):
        return False
    return not all(map(_cheap, preorder_traversal(node.body)))


def _compared(users: set[Node]) -> bool:
    """Whether it is compared with its own maximum: both must read numbers rounded alike."""
    return any(isinstance(user, Reduce) for user in users) and any(
        isinstance(user, Map) and user.body.has(eq) for user in users
    )


def _cheap(part: Expr) -> bool:
    if isinstance(part, Pow):
        return bool(part.exp.is_Integer and 0 < part.exp <= 3)
    return isinstance(part, Add | Mul | Number) or part in ARGS


def _spread(node: Node, users: set[Node]) -> bool:
    """Whether it is read in a loop over an axis that it does not have."""
    for user in users:
        if isinstance(user, Einsum) and user.factors.count(node):
            found = places(user)
            every = set(loops((*user.output, *summed(user)), found))
            for labels, factor in zip(user.inputs, user.factors, strict=True):
                if factor is node and every - set(loops(labels, found)):
                    return True
    return False
