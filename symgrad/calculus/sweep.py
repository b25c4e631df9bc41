"""The reverse sweep: one pass backwards over the definitions gives the adjoint of every value.

Griewank, Walther: Evaluating Derivatives (2nd ed. 2008), section 3.2: the adjoint of v sums, over
the definitions that use v, the pullback of their adjoints.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symgrad.calculus.pullbacks import LOCALLY_CONSTANT, pullback
from symgrad.declare.graph import Definition
from symgrad.errors import SymgradError
from symgrad.tensor.nodes import (
    UNIT,
    Einsum,
    Iverson,
    Leaf,
    LogSumExp,
    Map,
    Node,
    Reduce,
    Softmax,
    Total,
    UnspecifiedTensor,
    topological,
)
from symgrad.tensor.operators import total
from symgrad.tensor.primitives import ArgReduce, MatrixFunction, Reshape
from symgrad.tensor.scalar import NAMES, Unspecified, root_of


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one definition adds to the adjoint of a symbol or value that it uses."""

    through: Leaf
    rules: tuple[str, ...]
    term: Node


def pull_definition(
    definition: Definition, seed: Node, wanted: frozenset[Leaf], lead: int = 0
) -> dict[Leaf, Contribution]:
    """The contributions of one definition, whose adjoint is `seed`, to the wanted leaves.

    The definition's own expression, wherever a pullback reuses it, is left in place; the caller
    puts the name for it.

    Raises
    ------
    NotDifferentiable    if a node on the path has no derivative; names it and the definition.
    """
    order = topological(definition.expr)
    active: set[Node] = {node for node in order if isinstance(node, Leaf) and node in wanted}
    for node in order:
        if isinstance(node, LOCALLY_CONSTANT):
            continue
        if any(operand in active for operand in node.operands):
            active.add(node)
    gathered: dict[Node, list[Node]] = {definition.expr: [seed]}
    rules: dict[Node, dict[str, None]] = {definition.expr: {}}
    found: dict[Leaf, Contribution] = {}
    for node in reversed(order):
        if node not in active or node not in gathered:
            continue
        parts = gathered.pop(node)
        g = parts[0] if len(parts) == 1 else total(((1, p) for p in parts), parts[0].shape)
        if isinstance(node, Leaf):
            found[node] = Contribution(definition.leaf, tuple(rules[node]), g)
            continue
        name = rule_name(node)
        for k, operand in enumerate(node.operands):
            if operand not in active:
                continue
            try:
                part = pullback(node, g, k, lead)
            except SymgradError as error:
                raise error.at(f'definition "{definition.leaf.name}"') from None
            gathered.setdefault(operand, []).append(part)
            rules.setdefault(operand, {}).update({**rules[node], **({name: None} if name else {})})
    return found


def reachable(definitions: Iterable[Definition], wanted: Iterable[Leaf]) -> frozenset[Leaf]:
    """The leaves on a path from the wanted ones to the end: those whose adjoints are needed."""
    found = set(wanted)
    for definition in definitions:
        if any(node in found for node in topological(definition.expr)):
            found.add(definition.leaf)
    return frozenset(found)


_TITLES: dict[type[Node], str] = {
    Total: "sum",
    LogSumExp: "log-sum-exp",
    Softmax: "softmax",
    UnspecifiedTensor: "chain rule",
    Reshape: "reshape",
}
_REDUCED = {"max": "maximum", "min": "minimum", "prod": "product of entries"}
_MATRICES = {
    "inv": "inverse",
    "det": "determinant",
    "logdet": "log-determinant",
    "pinv": "pseudo-inverse",
    "expm": "matrix exponential",
    "cholesky": "Cholesky factor",
    "eigvals": "eigenvalues",
    "eigvecs": "eigenvectors",
    "svd_u": "singular vectors",
    "svd_s": "singular values",
    "svd_vt": "singular vectors",
}


#: What a derivative is at a kink, by the rule that meets it.
_AT_KINKS = {
    "relu": "slope 0 at 0",
    "abs": "slope 0 at 0",
    "norm": "gradient 0 at 0",
    "maximum": "ties share equally",
    "minimum": "ties share equally",
    "choice of the first largest": "ties go to the first",
    "eigenvectors": "where no two eigenvalues are equal",
    "singular vectors": "where no two singular values are equal",
    "pseudo-inverse": "where the rank does not change",
}


def conventions(rules: Iterable[str]) -> tuple[str, ...]:
    """What to say of kinks where these rules were used."""
    return tuple(dict.fromkeys(_AT_KINKS[rule] for rule in rules if rule in _AT_KINKS))


def rule_name(node: Node) -> str:
    """The name of the rule that pulls back through a node, as textbooks call it."""
    if isinstance(node, Map):
        body = node.body
        if isinstance(body, Unspecified):
            return "chain rule"
        if root_of(body) is not None:
            return "norm"
        return NAMES.get(body.func, "power" if body.is_Pow else "chain rule")
    if isinstance(node, Einsum):
        return _product_name(node)
    if isinstance(node, Reduce):
        return _REDUCED[node.op]
    if isinstance(node, MatrixFunction):
        return _MATRICES[node.name]
    return _TITLES.get(type(node), type(node).__name__)


#: Rules that a reader takes for granted where another one is met too; the last says most.
_GRANTED = (
    "transpose", "sum", "scalar multiple", "sum of all entries", "sum over an axis", "broadcast",
)  # fmt: skip


def main_rule(rules: Sequence[str]) -> str:
    """What to tell of the rules that one definition was pulled back by."""
    told = [name for name in rules if name not in _GRANTED]
    if len(told) > 3:
        return "chain rule"
    return ", ".join(told) or max(rules, key=_GRANTED.index, default="identity")


def _bracket_name(node: Einsum) -> str:
    """The name of a product that brackets make a convolution, or a choice; else none."""
    equations = [f for f in node.factors if isinstance(f, Iverson) and f.op == "eq"]
    arrays = [f for f in node.factors if not isinstance(f, Iverson)]
    if any(isinstance(operand, ArgReduce) for f in equations for operand in f.operands):
        return "choice of the first largest"
    if any(f.ndim == 3 and not f.operands for f in equations):
        return "convolution" if len(arrays) > 1 else "windows"
    return ""


def _product_name(node: Einsum) -> str:
    named = _bracket_name(node)
    if named:
        return named
    output = set(node.output)
    summed = {k for labels in node.inputs for k in labels if k != UNIT} - output
    if len(node.factors) == 1:
        if summed:
            return "sum over an axis" if output else "sum of all entries"
        return "broadcast" if output - set(node.inputs[0]) else "transpose"
    if len(set(node.factors)) == 1:
        return "squared norm" if summed and not output else "power"
    if any(sum(k in labels for labels in node.inputs) > 1 for k in summed):
        return "matrix product"
    if any(not labels for labels in node.inputs):
        return "scalar multiple"
    return "product"
