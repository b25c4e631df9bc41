"""A network of one example made into one of a batch: a leading axis for all that depends on it.

Bradbury et al. (2018), JAX's `vmap`: one rule for each kind of node.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from sympy import S

from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError, NameClash
from symgrad.tensor import operators as op
from symgrad.tensor.dims import Dim, as_dim
from symgrad.tensor.nodes import (
    INDEX,
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
from symgrad.tensor.primitives import ArgReduce, MatrixFunction, Reshape, StopGradient

#: Names of the new dimension, in the order in which they are tried.
NAMES = ("B", "N", "batch")

#: How the outputs of the examples, where they are numbers, become one.
REDUCTIONS = ("mean", "sum", "none")


def batched(graph: Graph, *inputs: object, size: object = None, reduction: str = "mean") -> Graph:
    """The graph of a batch of examples: the inputs, and all that depends on them, get an axis.

    Parameters
    ----------
    inputs :     names or symbols of what differs between examples: data and labels. All else, such
                 as the parameters, is shared.
    size :       the new dimension, the first axis of those; B without it (N, or batch, where that
                 name is taken).
    reduction :  how the outputs of the examples, where they are numbers, become one: their mean,
                 their "sum", or "none", which leaves them an array of shape (B,). What does not
                 depend on the inputs, such as a regulariser, is added once.

    Returns
    -------
    Graph    a new one with the same names. The output of a single example and that of the batch of
             one are equal, and so are the gradients.

    Raises
    ------
    UnknownName         if an input is no symbol of the graph.
    DeclarationError    for no inputs, for inputs that are defined values, for facts that do not
                        hold of a batch (an spd matrix), for unspecified functions of tensors.
    NameClash           if the name of the size is taken.

    Examples
    --------
    >>> import symgrad as sg
    >>> net = sg.parse("z = W @ x + b; J = sum((z - y)**2) + lam * sum(W**2)",
    ...                symbols={"W": ("c", "d"), "x": ("d",), "b": ("c",), "y": ("c",), "lam": ()},
    ...                parameters=["W", "b"])
    >>> print(sg.batched(net, "x", "y"))
    graph net: parameters W, b
      inputs x, y, lam; output J
        z = x Wᵀ + 𝟏 bᵀ           (B, c)
        J = ‖z − y‖²/B + λ ‖W‖²   ()
    """
    graph.freeze()
    symbols = [graph.leaf(name) for name in inputs]
    if not symbols:
        raise DeclarationError("batched: no inputs", hint='sg.batched(net, "x", "y")')
    if reduction not in REDUCTIONS:
        raise DeclarationError(
            f"batched: reduction {reduction!r} is none of {', '.join(REDUCTIONS)}"
        )
    batch = _Batch(_size(graph, size))
    told = {symbol: batch.symbol(symbol) for symbol in graph.symbols if symbol in symbols}
    if len(told) < len(set(symbols)):
        (value, *_) = (symbol for symbol in symbols if symbol not in told)
        raise DeclarationError(
            f"batched: {value.name} is a defined value", hint="name the inputs that it depends on"
        )
    batch.done.update(told)
    result = Graph(graph.name, symbols=[told.get(s, s) for s in graph.symbols], output=graph.output)
    for definition in graph.definitions:
        node, has_axis = batch.node(definition.expr)
        last = definition.leaf.name == graph.output and not definition.leaf.ndim
        if has_axis and last and reduction != "none":
            node, has_axis = batch.reduced(definition.expr, reduction), False
        leaf = definition.leaf
        domain = leaf.domain if not has_axis or _holds_by_example(leaf.domain) else "real"
        if definition.named:
            value = result.define(leaf.name, node, domain=domain, latex=leaf.latex)
        else:
            value = result.define_unnamed(node)
        batch.done[leaf] = value
        batch.shared[leaf] = not has_axis
    return result.freeze()


def _size(graph: Graph, size: object) -> Dim:
    names = {
        *graph.dims,
        *(s.name for s in graph.symbols),
        *(d.leaf.name for d in graph.definitions),
    }
    if size is None:
        free = [name for name in NAMES if name not in names]
        if not free:
            raise NameClash("batched: the new dimension needs a name", hint='size="examples"')
        return as_dim(free[0])
    dimension = as_dim(size)
    taken = sorted(s.name for s in dimension.free_symbols if s.name in names)
    if taken:
        raise NameClash(f"batched: {taken[0]!r} is a name of graph {graph.name!r} already")
    return dimension


def _holds_by_example(domain: str) -> bool:
    """Whether a fact of one example is one of the batch: not if it counts axes from the first."""
    kind, _, axis = domain.partition(":")
    return axis != "0" and kind not in ("symmetric", "spd", "invertible", "lower")


class _Batch:
    """The rules at work: `done` has what each node became, `shared` whether it has no new axis."""

    def __init__(self, size: Dim) -> None:
        self.size = size
        self.done: dict[Node, Node] = {}
        self.shared: dict[Node, bool] = {}

    def symbol(self, leaf: Leaf) -> Leaf:
        """The symbol with the new axis."""
        if not _holds_by_example(leaf.domain):
            raise DeclarationError(
                f"batched: {leaf.name} is declared {leaf.domain}, which a batch of them is not",
                hint="declare it real",
            )
        self.shared[leaf] = False
        return Leaf(leaf.name, (self.size, *leaf.shape), leaf.role, leaf.domain, leaf.latex)

    def node(self, root: Node) -> tuple[Node, bool]:
        """The node for the batch, and whether it has the new axis."""
        for node in topological(root):
            if node in self.done:
                continue
            if all(self.shared[operand] for operand in node.operands):
                self.shared[node] = True
                operands = tuple(self.done[operand] for operand in node.operands)
                self.done[node] = _with_operands(node, operands)
                continue
            self.shared[node] = False
            rule = RULES.get(type(node))
            if rule is None:
                raise DeclarationError(
                    f"batched: there is no rule for a {type(node).__name__} of examples"
                )
            self.done[node] = rule(self, node)
        return self.done[root], not self.shared[root]

    def parts(self, node: Node) -> list[tuple[Node, bool]]:
        """The operands for the batch, and whether each has the new axis."""
        return [(self.done[each], not self.shared[each]) for each in node.operands]

    def spread(self, node: Node) -> list[Node]:
        """The operands, all with the new axis."""
        return [
            each if has_axis else op.broadcast_to(each, (self.size, *each.shape))
            for each, has_axis in self.parts(node)
        ]

    def reduced(self, root: Node, reduction: str) -> Node:
        """The mean or sum over the examples of a scalar; terms that are shared are added once."""
        pairs = root.pairs if isinstance(root, Total) else ((S.One, root),)
        count = self.size if reduction == "mean" else S.One
        terms: list[tuple[Any, Node]] = []
        for coefficient, term in pairs:
            node, has_axis = self.node(term)
            terms.append(
                (coefficient / count, op.sum_over(node)) if has_axis else (coefficient, node)
            )
        return op.total(terms, ())


def _with_operands(node: Node, operands: tuple[Node, ...]) -> Node:
    if operands == node.operands:
        return node
    head = node.args[: len(node.args) - len(operands)]
    return node.func(*head, *operands)


def _einsum(batch: _Batch, node: Einsum) -> Node:
    """One more label, on each factor that has the axis, and on the result."""
    new = 1 + max((k for labels in (*node.inputs, node.output) for k in labels), default=0)
    parts = batch.parts(node)
    inputs = [
        (new, *labels) if has_axis else labels
        for labels, (_, has_axis) in zip(node.inputs, parts, strict=True)
    ]
    shape = (batch.size, *node.shape)
    return Einsum(inputs, (new, *node.output), shape, *(factor for factor, _ in parts))


def _iverson(batch: _Batch, node: Iverson) -> Node:
    """All indices one further; labels are read at the new axis where they have it."""
    condition = node.condition.xreplace(dict(pairwise(INDEX)))
    parts = batch.parts(node)
    axes = [
        (*((0,) if has_axis else ()), *(a + 1 for a in each))
        for each, (_, has_axis) in zip(node.operand_axes, parts, strict=True)
    ]
    shape = (batch.size, *node.shape)
    return Iverson(node.op, condition, shape, axes, *(operand for operand, _ in parts))


def _total(batch: _Batch, node: Total) -> Node:
    return Total(node.coefficients, *batch.spread(node))


def _map(batch: _Batch, node: Map) -> Node:
    return Map(node.body, *batch.spread(node))


def _along(batch: _Batch, node: Any) -> Node:
    """The axes one further."""
    head = node.args[: len(node.args) - 2]
    (operand,) = batch.spread(node)
    result: Node = type(node)(*head, tuple(a + 1 for a in node.axes), operand)
    return result


def _of_each(batch: _Batch, node: Node) -> Node:
    """A node that works on stacks, or entry by entry."""
    return _with_operands(node, tuple(batch.spread(node)))


def _reshape(batch: _Batch, node: Reshape) -> Node:
    return Reshape((batch.size, *node.shape), *batch.spread(node))


#: One rule for each kind of node that has operands; None is none.
RULES: dict[type[Node], Callable[[_Batch, Any], Node] | None] = {
    Einsum: _einsum,
    Iverson: _iverson,
    Total: _total,
    Map: _map,
    Reduce: _along,
    LogSumExp: _along,
    Softmax: _along,
    ArgReduce: _along,
    MatrixFunction: _of_each,
    StopGradient: _of_each,
    Reshape: _reshape,
    UnspecifiedTensor: None,
}

__all__ = ["batched"]
