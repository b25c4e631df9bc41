"""Where a loss is split from the model: what it reads of it."""

from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError
from symgrad.simplify.recognise import recognised
from symgrad.tensor.nodes import Leaf, Map, Node, Softmax, leaves
from symgrad.tensor.scalar import ARGS, sigmoid


def last_prediction(graph: Graph) -> tuple[Leaf, frozenset[Leaf]] | None:
    """What the model predicts, and the symbols that it depends on.

    It is the last array on the way to the output that depends on parameters and on the fewest
    inputs: all but the targets.
    """
    uses: dict[Leaf, frozenset[Leaf]] = {}
    for definition in graph.definitions:
        found: set[Leaf] = set()
        for leaf in leaves(definition.expr):
            found |= uses.get(leaf, frozenset({leaf}))
        uses[definition.leaf] = frozenset(found)
    data = {leaf for leaf in graph.symbols if leaf.role != "parameter" and leaf.ndim}
    best: Leaf | None = None
    for definition in graph.definitions:
        leaf, used = definition.leaf, uses[definition.leaf]
        if leaf.ndim and used & data and any(u.role == "parameter" for u in used):
            if best is None or used & data <= uses[best] & data:
                best = leaf
    return None if best is None else (best, uses[best])


def read_by_loss(graph: Graph) -> Leaf:
    """The value at which a Gauss-Newton product splits the loss: its logits where it has such.

    Raises
    ------
    DeclarationError    if no value is named at which it can be split.
    """
    found = last_prediction(graph)
    if found is None:
        raise DeclarationError(
            f"graph {graph.name!r} names no array that the loss reads",
            hint="define the model's prediction, or give output=",
        )
    best, _ = found
    exprs = {definition.leaf: definition.expr for definition in graph.definitions}
    known = recognised(exprs.values())
    logits = _logits(known[exprs[best]])
    if logits is None:
        return best
    if isinstance(logits, Leaf) and logits in exprs:
        return logits
    raise DeclarationError(
        f"the loss reads {best.name}, probabilities whose logits have no name",
        hint="define the logits, or give output=",
    )


def _logits(expr: Node) -> Node | None:
    """x of a softmax or sigmoid of x."""
    if isinstance(expr, Softmax):
        return expr.operand
    if isinstance(expr, Map) and expr.body == sigmoid(ARGS[0]):
        return expr.operands[0]
    return None
