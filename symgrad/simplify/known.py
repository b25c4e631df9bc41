"""What the definition of a value says about it: symmetric, a mean, masked, rows of a known sum.

Such facts shorten formulas as declared ones do, and like these they never enter what is
differentiated again.
"""

from symgrad.simplify.deviations import centred_axes, is_deviation, mean_domain
from symgrad.simplify.engine import Simplifier
from symgrad.simplify.functions import label_axes
from symgrad.simplify.matrices import is_symmetric
from symgrad.simplify.terms import flatten
from symgrad.tensor.dims import ONE, same
from symgrad.tensor.nodes import UNIT, Leaf, Node, Softmax, Total
from symgrad.tensor.operators import constant_of, sum_over


def known(leaf: Leaf, expr: Node, simplifier: Simplifier) -> Leaf:
    """The leaf with the domain that its definition gives it; itself where that tells nothing."""
    if leaf.domain != "real":
        return leaf
    domain = mean_domain(expr) or (_domain(expr, simplifier) if leaf.ndim else "")
    return Leaf(leaf.name, leaf.shape, leaf.role, domain, leaf.latex) if domain else leaf


def _domain(expr: Node, simplifier: Simplifier) -> str:
    last = expr.ndim - 1
    if isinstance(expr, Softmax):
        return "simplex" if expr.axes == (last,) else "simplex:0" if expr.axes == (0,) else ""
    if label_axes(expr) == (last,):
        return "onehot"
    if expr.ndim == 2 and same(*expr.shape) and is_symmetric(simplifier.run(expr).node, facts=True):
        return "symmetric"
    if expr.ndim <= 2 and _may_be_centred(expr):
        for axis, size in enumerate(expr.shape):
            if size is not ONE and constant_of(simplifier.run(sum_over(expr, axis)).node) == 0:
                return f"centred:{axis}"
    return _masked(expr)


def _masked(expr: Node) -> str:
    """masked:M for a product with the entries of a declared mask M, or of what has that domain."""
    term = flatten(expr)
    for atom, labels in term.factors:
        if isinstance(atom, Leaf) and labels == term.output and UNIT not in labels:
            if atom.domain == "binary":
                return f"masked:{atom.name}"
            if atom.domain.startswith("masked:"):
                return atom.domain
    return ""


def _may_be_centred(expr: Node) -> bool:
    """Whether a deviation from a mean is among its factors or terms."""
    parts = {atom: None for atom, _ in flatten(expr).factors}
    parts |= {
        atom: None
        for part in parts
        if isinstance(part, Total)
        for term in part.terms
        for atom, _ in flatten(term).factors
    }
    return any(
        centred_axes(part) or (isinstance(part, Total) and is_deviation(part)) for part in parts
    )
