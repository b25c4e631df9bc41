"""The factors of a true gradient that a claim may lack."""

from symgrad.check.claims.terms import Term
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.nodes import UNIT, Einsum, Iverson, Leaf, Map, Node, Total, topological
from symgrad.tensor.operators import constant_of

#: Factors that are tried.
MOST = 10


def local_factors(know: Knowledge, target: str) -> list[tuple[Term, str, str]]:
    """Factors that the true gradient has, and what it is called to leave one out."""
    cache = know.__dict__.setdefault("_factors", {})
    if target not in cache:
        step = know.frame.truth.steps[target]
        found: dict[Node, None] = {}
        unfolded = know.frame.truth.unfolded(step.expr)
        for root in (step.raw, *unfolded[: 1 + len(know.frame.truth.steps)]):
            for node in topological(root) if len(found) < MOST else ():
                if isinstance(node, Einsum) and len(node.factors) > 1:
                    found |= dict.fromkeys(_factors(node))
        cache[target] = [_local(know, node) for node in list(found)[:MOST]]
    rows: list[tuple[Term, str, str]] = cache[target]
    return rows


def _factors(node: Einsum) -> list[Node]:
    """Factors that are no names; those that are summed together are one."""
    found: list[Node] = [f for f in node.factors if not isinstance(f, Leaf | Iverson)]
    found += [f for f, own in zip(node.factors, node.inputs, strict=True)
              if isinstance(f, Iverson) and own == node.output]  # fmt: skip
    kept = {k for k in node.output if k != UNIT}
    groups: list[tuple[set[int], list[int]]] = []
    for n, labels in enumerate(node.inputs):
        gone = {k for k in labels if k != UNIT} - kept
        if gone:
            joined = [group for group in groups if group[0] & gone]
            groups = [group for group in groups if not group[0] & gone]
            groups.append((gone.union(*(g[0] for g in joined)),
                           [*(m for g in joined for m in g[1]), n]))  # fmt: skip
    for _, places in groups:
        if len(places) < len(node.factors):
            inputs = [node.inputs[n] for n in places]
            factors = [node.factors[n] for n in places]
            found.append(op.einsum(inputs, node.output, *factors, sizes=node.sizes))
    return found


def _local(know: Knowledge, node: Node) -> tuple[Term, str, str]:
    term = know.pooled(node)
    if isinstance(node, Einsum) and all(map(_is_indicator, node.factors)):
        gone = {k for labels in node.inputs for k in labels} - {*node.output, UNIT}
        if gone:
            return term, "wrong-count", f"the count {know.quote(term)} is taken as one"
    return term, "missing-chain-factor", f"the factor {know.quote(term)} is left out"


def _is_indicator(node: Node) -> bool:
    """Whether all entries are 0 or 1."""
    match node:
        case Leaf():
            return node.domain.partition(":")[0] in ("binary", "onehot")
        case Map():
            return isinstance(node.body, scalar.gt | scalar.eq)
        case Total(terms=(one, rest), coefficients=(1, -1)):
            return constant_of(one) == 1 and _is_indicator(rest)
        case Einsum():
            summed = {k for own in node.inputs for k in own} - {*node.output}
            return not summed and all(map(_is_indicator, node.factors))
    return isinstance(node, Iverson)
