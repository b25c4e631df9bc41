"""Jacobians, Hessians and Hessian-vector products, from the same pullbacks as gradients."""

from collections.abc import Iterable

from symgrad.calculus.derivation import Derivative, Step, require_scalar
from symgrad.calculus.gradient import taken_names
from symgrad.calculus.reverse import Reverse
from symgrad.declare.graph import Definition, Graph
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import INDEX, Einsum, Iverson, Leaf, Node, leaves
from symgrad.tensor.operators import einsum, full


def jacobian(graph: Graph, wrt: object) -> Derivative:
    """The derivative of the output, of shape S, by a symbol or value of shape V: S + V.

    Raises
    ------
    UnknownName          if the name is not the graph's.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    All entries of a variable are independent, also where its domain is symmetric.
    """
    graph.freeze()
    wanted = graph.leaf(wrt)
    output = graph.leaf(graph.output)
    sweep = Reverse(graph.definitions, output, (wanted,), taken_names(graph))
    steps = sweep.run(identity(output.shape))
    definitions = _needed(steps, _step_of(steps, wanted))
    return Derivative(graph, wanted, definitions, tuple((s.leaf, s.of) for s in steps))


def hessian(graph: Graph, wrt: object, other: object = None) -> Derivative:
    """The second derivative by one variable, V + V, or the mixed block of two, V1 + V2.

    Raises
    ------
    ShapeError           if the output is not a scalar.
    UnknownName          if a name is not the graph's.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    The Jacobian of the gradient, whose exact form is differentiated: declared facts shorten the
    result, and never enter what is differentiated again.
    """
    first, second = graph.leaf(wrt), graph.leaf(wrt if other is None else other)
    outer, steps, taken = _gradient_steps(graph, first)
    definitions = (*graph.definitions, *(Definition(s.leaf, s.exact) for s in steps))
    sweep = Reverse(definitions, outer.leaf, (second,), taken)
    again = sweep.run(identity(outer.leaf.shape))
    return Derivative(graph, second, _needed((*steps, *again), _step_of(again, second)))


def hvp(graph: Graph, wrt: object) -> Derivative:
    """The Hessian times a direction: the new symbol d<wrt>, in the shape of the variable.

    Where the graph has a d<wrt> of its own, the direction gets a mark behind its name, as its
    `directions` tell.

    Raises
    ------
    ShapeError           if the output is not a scalar.
    UnknownName          if the name is not the graph's.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    The gradient of the product of gradient and direction; about the cost of two gradients.
    Pearlmutter (1994): Fast exact multiplication by the Hessian.
    """
    wanted = graph.leaf(wrt)
    taken = taken_names(graph)
    direction = Leaf(_fresh(f"d{wanted.name}", taken), wanted.shape, "tangent")
    outer, steps, taken = _gradient_steps(graph, wanted, {direction.name})
    labels = tuple(range(wanted.ndim))
    slope = Leaf(_fresh("slope", taken), (), "value")
    definitions = (
        *graph.definitions,
        *(Definition(s.leaf, s.exact) for s in steps),
        Definition(slope, einsum((labels, labels), (), outer.leaf, direction)),
    )
    again = Reverse(definitions, slope, (wanted,), taken).run(full(1, ()))
    found = _needed((*steps, *again), _step_of(again, wanted))
    return Derivative(graph, wanted, found, tuple((s.leaf, s.of) for s in steps))


def _gradient_steps(
    graph: Graph, wanted: Leaf, reserved: Iterable[str] = ()
) -> tuple[Step, tuple[Step, ...], set[str]]:
    """The step of a gradient, all steps that lead to it, and the names that are taken."""
    graph.freeze()
    require_scalar(graph)
    taken = taken_names(graph) | set(reserved)
    sweep = Reverse(graph.definitions, graph.leaf(graph.output), (wanted,), taken)
    steps = sweep.run(full(1, ()))
    return _step_of(steps, wanted), steps, taken


def _step_of(steps: Iterable[Step], leaf: Leaf) -> Step:
    return next(step for step in steps if step.of is leaf)


def _needed(steps: Iterable[Step], last: Step) -> tuple[Definition, ...]:
    """The definitions that a step needs, in order, itself last."""
    by_leaf = {step.leaf: step for step in steps}
    wanted, stack = {last.leaf}, [last.expr]
    while stack:
        for leaf in leaves(stack.pop()):
            if leaf in by_leaf and leaf not in wanted:
                wanted.add(leaf)
                stack.append(by_leaf[leaf].expr)
    before = (step for step in by_leaf.values() if step.leaf in wanted and step is not last)
    return (*(step.definition for step in before), last.definition)


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def identity(shape: Shape) -> Node:
    """The derivative of a tensor by itself, of shape S + S: a product of [i = j] for each axis."""
    rank = len(shape)
    labels = tuple(range(2 * rank))
    inputs, factors = [], []
    for axis, size in enumerate(shape):
        if size != 1:
            inputs.append((axis, rank + axis))
            factors.append(Iverson("eq", INDEX[0] - INDEX[1], (size, size)))
    if not factors:
        return full(1, shape + shape)
    return Einsum(inputs, labels, shape + shape, *factors)
