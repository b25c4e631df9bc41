"""The summands of a true gradient: one for each value that it comes back through, and less."""

from dataclasses import dataclass
from itertools import combinations

from symgrad.calculus.sweep import pull_definition
from symgrad.check.claims.terms import Term
from symgrad.check.diagnose.knowledge import Knowledge
from symgrad.declare.graph import Definition
from symgrad.errors import SymgradError
from symgrad.simplify import simplify
from symgrad.tensor import operators as op
from symgrad.tensor.nodes import UNIT, Einsum, Leaf, Node, Total, leaves, topological
from symgrad.tensor.operators import constant_of, full, total

#: Paths of which any may be missing together; beyond it one alone.
MOST_PATHS = 6

#: What is said where a regulariser is missing.
REGULAR = "the term of the regulariser is left out"


@dataclass(frozen=True, slots=True)
class Part:
    """What a claim may lack: its formula, the label of lacking it, and what is said."""

    term: Term
    node: Node
    label: str
    said: str
    cost: float


def parts(know: Knowledge, target: str) -> list[Part]:
    """The summands of a gradient, and sums of them, in the person's scale."""
    cache = know.__dict__.setdefault("_parts", {})
    if target not in cache:
        cache[target] = _parts(know, target)
    found: list[Part] = cache[target]
    return found


def _parts(know: Knowledge, target: str) -> list[Part]:
    paths = contributions(know, target)
    found = []
    for count in range(1, min(len(paths), MOST_PATHS) + 1):
        if count > 1 and (len(paths) > MOST_PATHS or count == len(paths)):
            break
        for chosen in combinations(paths, count):
            node = total(((1, part) for _, part in chosen), chosen[0][1].shape)
            label, said = _missed(know, target, [through for through, _ in chosen], node)
            found.append(_part(know, target, node, label, said, 1.2 + 0.1 * (count - 1)))
    for through, path in paths:
        pieces = expanded(path)
        if len(pieces) == 1:
            pieces = expanded(simplify(path).node)
        for node in pieces if 1 < len(pieces) <= 12 else ():
            label, said, cost = _piece(know, target, node, [through])
            found.append(_part(know, target, node, label, said, cost))
    step = know.frame.truth.steps[target]
    pieces = expanded(step.expr)
    everything = [leaf for leaf, _ in paths]
    for node in pieces if 1 < len(pieces) <= 12 else ():
        label, said, cost = _piece(know, target, node, everything)
        found.append(_part(know, target, node, label, said, cost + 0.1 * (label == "missing-term")))
    return found


def _piece(know: Knowledge, target: str, node: Node, through: list[Leaf]) -> tuple[str, str, float]:
    """What it is called to leave out a summand of what comes back through some values."""
    if know.is_regular(target, node):
        return "missing-regulariser", REGULAR, 1.25
    slope = know.slope_between(target, through[0].name) if len(through) == 1 else None
    if slope is not None:
        return slope.masked, f"the derivative of {slope.function} is wrong", 1.4
    of = f" of the derivative of {{{through[0].name}}}" if len(through) == 1 else ""
    return "missing-term", f"a term{of} is left out", 1.7


def _part(know: Knowledge, target: str, node: Node, label: str, said: str, cost: float) -> Part:
    scaled = know.frame.scaled(target, node)
    return Part(know.pooled(scaled), scaled, label, said, cost)


def contributions(know: Knowledge, target: str) -> list[tuple[Leaf, Node]]:
    """What each value that uses a variable adds to its gradient, the next gradients as atoms."""
    truth = know.frame.truth
    leaf = truth.steps[target].of
    found: list[tuple[Leaf, Node]] = []
    for definition in truth.graph.definitions:
        if leaf not in topological(definition.expr):
            continue
        step = truth.steps.get(definition.leaf.name)
        if step is None:
            continue
        output = definition.leaf.name == truth.graph.output
        given = constant_of(step.expr) is not None
        seed = full(1, ()) if output else step.expr if given else step.leaf
        known = Definition(definition.leaf, know.definitions[definition.leaf.name])
        try:
            pulled = pull_definition(known, seed, frozenset({leaf}))
        except SymgradError:
            continue
        if leaf in pulled:
            found += [
                (definition.leaf, each) for each in _by_use(known, seed, leaf, pulled[leaf].term)
            ]
    return found


def _by_use(definition: Definition, seed: Node, leaf: Leaf, whole: Node) -> list[Node]:
    """One for each summand of a definition that uses the variable, such as a loss's regulariser."""
    root = definition.expr
    if isinstance(root, Total) and len(root.terms) > 1:
        using = [(c, term) for c, term in root.pairs if leaf in topological(term)]
        if len(using) > 1:
            each = []
            for coefficient, term in using:
                part = Definition(definition.leaf, op.scale(coefficient, term))
                each.append(pull_definition(part, seed, frozenset({leaf}))[leaf].term)
            return each
    return [whole]


def _missed(know: Knowledge, target: str, through: list[Leaf], node: Node) -> tuple[str, str]:
    """The label of leaving out what comes back through these values."""
    if know.is_regular(target, node):
        return "missing-regulariser", REGULAR
    shown = " and ".join(f"{{{leaf.name}}}" for leaf in through)
    mine = know.families.get(target)
    theirs = [know.families.get(leaf.name) for leaf in through]
    paths = contributions(know, target)
    users = [know.families.get(leaf.name) for leaf, _ in paths]
    numbered = {user[0] for user in users if user}
    if all(theirs) and len(numbered) == 1 and len(users) > 1 and all(users) and (
        mine is None or know.frame.truth.graph.leaf(target).role != "value"
    ):  # fmt: skip
        return "dropped-time-step", f"the sum over the steps is cut: {shown} is left out"
    if mine and all(their and their[1] > mine[1] for their in theirs) and len(users) > 1:
        return "missing-recurrent-path", f"what comes back through {shown} is left out"
    kinds = {know.normalises(leaf.name) and know.reduces(leaf.name) for leaf in through}
    if len(paths) > 1 and kinds <= {"mean", "norm"}:
        kind = "mean" if "mean" in kinds else "norm"
        return f"missing-{kind}-path", f"the path through {shown} is not followed"
    if len({leaf for leaf, _ in paths}) == 1 and not _goes_through_matrices(node):
        return "missing-term", f"a term of the derivative of {shown} is left out"
    return "missing-path", f"the path through {shown} is left out"


def _goes_through_matrices(node: Node) -> bool:
    """Whether a gradient comes back through a product of matrices."""
    for each in topological(node):
        if isinstance(each, Einsum) and any(
            isinstance(leaf, Leaf) and leaf.role == "adjoint" for leaf in leaves(each)
        ):
            kept = {k for k in each.output if k != UNIT}
            for label in {k for own in each.inputs for k in own if k != UNIT} - kept:
                if sum(label in own for own in each.inputs) > 1:
                    return True
    return False


def expanded(node: Node, depth: int = 3) -> list[Node]:
    """The summands of a node, products with sums multiplied out."""
    if depth and isinstance(node, Total):
        return [
            op.scale(coefficient, each)
            for coefficient, term in node.pairs
            for each in expanded(term, depth)
        ]
    if depth and isinstance(node, Einsum):
        for k, factor in enumerate(node.factors):
            inner = expanded(factor, depth - 1)
            if len(inner) > 1:
                return [
                    each
                    for part in inner
                    for each in expanded(
                        Einsum(
                            node.inputs, node.output, node.shape,
                            *node.factors[:k], part, *node.factors[k + 1 :],
                        ),
                        depth - 1,
                    )
                ]  # fmt: skip
    return [node]
