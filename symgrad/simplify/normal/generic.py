"""What is zero on a null set alone, so that [x ≥ 0] and [x > 0] are equal almost everywhere.

x is; x[:, None] − x is zero on its diagonal, relu(x) on half of the line, a label often.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from symgrad.simplify.terms import build, flatten
from symgrad.tensor.nodes import Constant, Einsum, Leaf, Map, Node, Total, topological
from symgrad.tensor.primitives import MatrixFunction, Reshape
from symgrad.tensor.scalar import NAMES

#: Domains whose values fill an open set: no equation holds for all of them.
_OPEN = frozenset(
    {"real", "small", "large", "positive", "unit", "nonzero", "invertible", "symmetric", "spd"}
)

#: Functions that are analytic and not constant.
_ANALYTIC = frozenset({"exp", "log", "sin", "cos", "erf", "arctan", "arcsin", "arccos"})
_SMOOTH_MATRICES = frozenset({"inv", "det", "logdet", "expm"})


def is_generic(products: Iterable[Node]) -> bool:
    """Whether a sum of products surely vanishes on a null set alone, in each of its entries.

    It does where a symbol stands in it once only, in a product of analytic functions of symbols
    whose values fill an open set: then it depends on that symbol's entry wherever it is defined.
    A sign in front is never 0; a sum of signs may be.
    """
    listed = [_without_signs(product) for product in products]
    times: Counter[Node] = Counter()
    for product in listed:
        times += _occurrences(product)
    return any(
        _is_analytic(product) and any(times[node] == 1 for node in topological(product)
                                      if isinstance(node, Leaf))
        for product in listed
    )  # fmt: skip


def _without_signs(product: Node) -> Node:
    """The product without factors that are 1 or −1 in all entries of what it is."""
    term = flatten(product)
    left = tuple(
        (atom, labels)
        for atom, labels in term.factors
        if not (isinstance(atom, Leaf) and atom.domain == "sign" and {*labels} <= {*term.output})
    )
    return product if len(left) == len(term.factors) else build(replace(term, factors=left))


def _occurrences(product: Node) -> Counter[Node]:
    """How often each node stands in a product when shared parts are written out, up to two."""
    times: Counter[Node] = Counter({product: 1})
    for node in reversed(topological(product)):
        for operand in node.operands:
            times[operand] = min(times[operand] + times[node], 2)
    return times


def _is_analytic(product: Node) -> bool:
    return all(map(_is_analytic_itself, topological(product)))


def _is_analytic_itself(node: Node) -> bool:
    match node:
        case Leaf():
            return node.role in ("parameter", "input") and node.domain in _OPEN
        case Map():
            body = node.body
            power = body.is_Pow and not body.exp.free_symbols
            return len(node.operands) == 1 and (power or NAMES.get(body.func) in _ANALYTIC)
        case MatrixFunction():
            return node.name in _SMOOTH_MATRICES
    return isinstance(node, Constant | Einsum | Total | Reshape)
