"""Which value of a graph is the model's prediction, and what of it people want to see."""

from symgrad.calculus.split import last_prediction
from symgrad.declare.graph import Definition, Graph
from symgrad.tensor.nodes import Leaf, LogSumExp, Map, Node, Softmax, topological
from symgrad.tensor.scalar import ARGS, sigmoid, softplus


def prediction(graph: Graph) -> tuple[str, Definition, tuple[Leaf, ...]] | None:
    """What `predict` returns, the definition that gives it, and the inputs that it reads.

    It is the last array on the way to the output that depends on parameters and on the fewest
    inputs: all but the targets. Logits of a softmax or sigmoid loss are shown as probabilities.
    """
    found = last_prediction(graph)
    if found is None:
        return None
    best, used = found
    needed = tuple(leaf for leaf in graph.symbols if leaf.role != "parameter" and leaf in used)
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
