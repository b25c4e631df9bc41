"""Jacobians and Hessians, of graphs and of derivatives: any order comes from the same pullbacks."""

from collections.abc import Iterable
from functools import partial

from symgrad.calculus.derivation import Derivative, Step
from symgrad.calculus.reverse import Reverse
from symgrad.calculus.source import Source, leaf_of, needed
from symgrad.declare.graph import Definition, Graph
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import INDEX, Einsum, Iverson, Leaf, Node
from symgrad.tensor.operators import full


def jacobian(of: Graph | Derivative, wrt: object) -> Derivative:
    """The derivative of the output, of shape S, by a symbol or value of shape V: S + V.

    Parameters
    ----------
    of :   a graph, or a derivative that is to be differentiated once more: the Jacobian of a
           Hessian, V + V, is the third derivative, V + V + V.
    wrt :  a name or symbol; of a product also its direction.

    Raises
    ------
    UnknownName          if the name is not the graph's.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    All entries of a variable are independent, also where its domain is symmetric. A derivative is
    differentiated in its exact form: declared facts shorten the result, and never enter what is
    differentiated again.

    Examples
    --------
    >>> import symgrad as sg
    >>> net = sg.parse("J = sum(w**3)", symbols={"w": ("n",)}, parameters=["w"])
    >>> sg.jacobian(sg.gradient(net)["w"], "w").numpy()
    '6 * diag(w)'
    """
    return by(of, leaf_of(of, wrt), frozenset())


def by(of: Graph | Derivative, wanted: Leaf, apart: frozenset[Leaf]) -> Derivative:
    """As `jacobian`, for a derivative by the values in `apart` to follow."""
    source = Source.of(of, {wanted, *apart})
    sweep = Reverse(source.definitions, source.output, (wanted,), source.taken, apart)
    steps = sweep.run(identity(source.output.shape))
    known = tuple((step.leaf, step.of) for step in steps)
    order, kind = 1, "derivative"
    if isinstance(of, Derivative):
        order, kind = of.order + 1, of.kind if of.kind in ("derivative", "hvp") else "other"
        known = source.adjoints
    return derivative(
        source, (*source.steps, *steps), _step_of(steps, wanted).leaf, wanted,
        adjoints=known, kind=kind, order=order, derive=partial(by, of, wanted),
    )  # fmt: skip


def hessian(of: Graph | Derivative, wrt: object, other: object = None) -> Derivative:
    """The second derivative by one variable, V + V, or the mixed block of two, V1 + V2.

    Raises
    ------
    ShapeError           if the output is not a scalar.
    UnknownName          if a name is not the graph's.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    The Jacobian of the gradient. By defined values too: each is moved by itself, and what is
    computed from it follows.
    """
    first, second = leaf_of(of, wrt), leaf_of(of, wrt if other is None else other)
    Source.of(of).require_scalar()
    apart = frozenset(leaf for leaf in (second,) if leaf.role == "value")
    return by(by(of, first, apart), second, frozenset())


def derivative(
    source: Source,
    steps: Iterable[Step],
    result: Leaf,
    of: Leaf,
    *,
    adjoints: tuple[tuple[Leaf, Leaf], ...],
    kind: str,
    order: int,
    derive: object,
) -> Derivative:
    """The derivative that a step gives, with the definitions that it needs, itself last."""
    steps = tuple(steps)
    *before, last = needed((Definition(step.leaf, step.expr) for step in steps), [result])
    return Derivative(
        source.graph,
        of,
        (*before, last),
        adjoints,
        kind,
        order,
        steps,
        derive,  # type: ignore[arg-type]
    )


def _step_of(steps: Iterable[Step], leaf: Leaf) -> Step:
    return next(step for step in steps if step.of is leaf)


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
