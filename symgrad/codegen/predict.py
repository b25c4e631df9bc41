"""Which value of a graph is the model's prediction, and what of it people want to see."""

from symgrad.declare.graph import Definition, Graph
from symgrad.tensor.nodes import Leaf, LogSumExp, Map, Node, Softmax, leaves, topological
from symgrad.tensor.scalar import ARGS, sigmoid, softplus


def prediction(graph: Graph) -> tuple[str, Definition, tuple[Leaf, ...]] | None:
    """What `predict` returns, the definition that gives it, and the inputs that it reads.

    It is the last array on the way to the output that depends on parameters and on the fewest
    inputs: all but the targets. Logits of a softmax or sigmoid loss are shown as probabilities.
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
    if best is None:
        return None
    needed = tuple(
        leaf for leaf in graph.symbols if leaf.role != "parameter" and leaf in uses[best]
    )
    what, node = f"The value {best.name}.", _shown(graph, best)
    if node is not best:
        what = f"The probabilities that the loss gives the logits {best.name}."
    return what, Definition(Leaf("prediction_", node.shape, "value"), node), needed


def _shown(graph: Graph, logits: Leaf) -> Node:
    x = ARGS[0]
    for definition in graph.definitions:
        for node in topological(definition.expr):
            if isinstance(node, LogSumExp | Softmax) and node.operand is logits:
                return Softmax(node.axes, logits)
            if (
                isinstance(node, Map)
                and logits in node.operands
                and node.body.has(sigmoid, softplus)
                and node.operands == (logits,)
            ):
                return Map(sigmoid(x), logits)
    return logits
