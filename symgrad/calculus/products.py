"""Products with derivatives: J v, uᵀ J, H v and the Gauss-Newton product, none of them formed."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

from symgrad.calculus.derivation import Derivation, Derivative, Step
from symgrad.calculus.pushforward import Forward
from symgrad.calculus.reverse import Reverse, fresh
from symgrad.calculus.second import derivative
from symgrad.calculus.source import Source, leaves_of, needed
from symgrad.calculus.split import read_by_loss
from symgrad.calculus.sweep import Contribution
from symgrad.declare.graph import Definition, Graph
from symgrad.errors import DeclarationError
from symgrad.tensor.nodes import Leaf, Node, leaves
from symgrad.tensor.operators import constant_of, full

Pairs = tuple[tuple[Leaf, Leaf], ...]


def jvp(of: Graph | Derivative, wrt: object = None) -> Derivative:
    """The Jacobian of the output times a direction: its tangent, of the output's shape.

    Parameters
    ----------
    wrt :  a name or symbol, or a list of them, whose products are summed; all parameters without
           it. The direction of w is the new symbol dw, of its shape (`directions` lists them).

    Raises
    ------
    UnknownName          if a name is not the graph's, or there is nothing to differentiate by.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    One sweep forward; about the cost of two evaluations.

    Examples
    --------
    >>> import symgrad as sg
    >>> net = sg.parse("a = tanh(W @ x)", symbols={"W": ("h", "d"), "x": ("d",)}, parameters=["W"])
    >>> sg.jvp(net, "W").numpy()
    '(1 - a**2) * (dW @ x)'
    """
    wanted, _ = leaves_of(of, wrt)
    return _jvp(of, wanted, frozenset())


def _jvp(of: Graph | Derivative, wanted: tuple[Leaf, ...], apart: frozenset[Leaf]) -> Derivative:
    source = Source.of(of, {*wanted, *apart})
    directions = _directions(wanted, source.taken)
    steps = Forward(source.definitions, directions, source.taken, apart).run()
    result = _tangent(source.output, directions, steps, source.taken)
    adjoints = (*source.adjoints, *((step.leaf, step.of) for step in steps.values()))
    return derivative(
        source, (*source.steps, *steps.values(), result), result.leaf, wanted[0],
        adjoints=adjoints, kind="jvp", order=1, derive=partial(_jvp, of, wanted),
    )  # fmt: skip


def vjp(of: Graph | Derivative, wrt: object = None) -> Derivative | Derivation:
    """A cotangent of the output times the Jacobian, of the shape of the variable.

    Parameters
    ----------
    wrt :  a name or symbol; with a list of them, or without it for all parameters, the answer is a
           Derivation that has one product for each. The cotangent of an output y is the new symbol
           dy, of its shape (`directions` lists it).

    Raises
    ------
    UnknownName          if a name is not the graph's, or there is nothing to differentiate by.
    NotDifferentiable    if a node on the path has no derivative.

    Examples
    --------
    >>> import symgrad as sg
    >>> net = sg.parse("z = W @ x", symbols={"W": ("h", "d"), "x": ("d",)}, parameters=["W"])
    >>> sg.vjp(net, "W").numpy()
    'outer(dz, x)'
    """
    return _each(of, wrt, _vjp)


def hvp(of: Graph | Derivative, wrt: object = None) -> Derivative | Derivation:
    """The Hessian times a direction: the new symbol d<wrt>, in the shape of the variable.

    Where the graph has a d<wrt> of its own, the direction gets a mark behind its name, as its
    `directions` tell.

    Parameters
    ----------
    wrt :  a name or symbol. With a list of them, or without it for all parameters, the answer is a
           Derivation: for each, its rows of the Hessian by all of them times all their directions.

    Raises
    ------
    ShapeError           if the output is not a scalar.
    UnknownName          if a name is not the graph's, or there is nothing to differentiate by.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    The tangent of the gradient, forward over reverse; about the cost of two gradients.
    Pearlmutter (1994): Fast exact multiplication by the Hessian.
    """
    return _each(of, wrt, _hvp)


def ggnvp(graph: Graph, wrt: object = None, output: object = None) -> Derivative | Derivation:
    """The Gauss-Newton matrix times a direction d<wrt>: Jᵀ H J v, positive for a convex loss.

    J is the Jacobian of the value at which the loss is split, H the Hessian of the loss by it.

    Parameters
    ----------
    wrt :     as for `hvp`.
    output :  the name of the value z at which the loss is split. Without it, what the loss reads:
              the logits of a softmax or sigmoid loss, else the last array that is computed from
              parameters and the fewest inputs.

    Raises
    ------
    ShapeError           if the graph's output is not a scalar.
    UnknownName          if a name is not the graph's, or there is nothing to differentiate by.
    DeclarationError     if no value is named at which the loss can be split.
    NotDifferentiable    if a node on the path has no derivative.

    Notes
    -----
    What the output reads beside z, such as the parameters in a regulariser, keeps its own second
    derivatives: J is the Jacobian of (z, w) by w, H the Hessian of the output by both. Schraudolph
    (2002): Fast curvature matrix-vector products.

    Examples
    --------
    >>> import symgrad as sg
    >>> net = sg.parse("z = X @ w; J = mean(cross_entropy(z, y))", symbols={"X": ("n", "c", "d"),
    ...                "w": ("d",), "y": ("n", "c")}, domain={"y": "onehot"}, parameters=["w"])
    >>> sg.ggnvp(net, "w").directions
    (dw,)
    """
    if not isinstance(graph, Graph):
        raise DeclarationError(f"ggnvp is of a Graph, not of a {type(graph).__name__}")
    graph.freeze()
    split = read_by_loss(graph) if output is None else graph.leaf(output)
    return _each(graph, wrt, partial(_ggnvp, split=split))


class _Products(NamedTuple):
    """The steps of a product, and the symbol of what belongs to each variable."""

    source: Source
    steps: tuple[Step, ...]
    results: tuple[Leaf, ...]
    adjoints: Pairs
    kind: str
    order: int


def _each(
    of: Graph | Derivative, wrt: object, build: Callable[..., _Products]
) -> Derivative | Derivation:
    """The product of one variable, or a Derivation of those of several."""
    wanted, single = leaves_of(of, wrt)
    found = build(of, wanted, frozenset())
    if not single:
        found = found._replace(steps=_told(found.steps, found.results))
        return Derivation(
            found.source.graph, wanted, found.steps, found.kind, found.order, found.results,
            found.adjoints, partial(_one, of, wanted, build),
        )  # fmt: skip
    return _one(of, wanted, build, wanted[0], frozenset(), found)


def _one(
    of: Graph | Derivative,
    wanted: tuple[Leaf, ...],
    build: Callable[..., _Products],
    which: Leaf,
    apart: frozenset[Leaf],
    found: _Products | None = None,
) -> Derivative:
    found = found or build(of, wanted, apart)
    return derivative(
        found.source, found.steps, found.results[wanted.index(which)], which,
        adjoints=found.adjoints, kind=found.kind, order=found.order,
        derive=partial(_one, of, wanted, build, which),
    )  # fmt: skip


def _vjp(of: Graph | Derivative, wanted: tuple[Leaf, ...], apart: frozenset[Leaf]) -> _Products:
    source = Source.of(of, {*wanted, *apart})
    (seed,) = _directions([source.output], source.taken).values()
    steps = Reverse(source.definitions, source.output, wanted, source.taken, apart).run(seed)
    own = {step.of: step.leaf for step in steps}
    return _Products(source, (*source.steps, *steps), tuple(own[leaf] for leaf in wanted),
                     source.adjoints, "vjp", 1)  # fmt: skip


def _hvp(of: Graph | Derivative, wanted: tuple[Leaf, ...], apart: frozenset[Leaf]) -> _Products:
    values = frozenset(leaf for leaf in wanted if leaf.role == "value")
    source = Source.of(of, {*wanted, *apart})
    source.require_scalar()
    directions = _directions(wanted, source.taken)
    back = Reverse(
        source.definitions, source.output, wanted, source.taken, values | apart
    ).run(full(1, ()))  # fmt: skip
    gradients = {step.of: step.leaf for step in back}
    asked = [gradients[leaf] for leaf in wanted]
    definitions = needed((*source.definitions, *_exact(back)), asked)
    tangents = Forward(definitions, directions, source.taken, apart).run()
    results = [_tangent(leaf, directions, tangents, source.taken) for leaf in asked]
    steps = (*source.steps, *back, *tangents.values(), *results)
    adjoints = source.adjoints
    if isinstance(of, Graph):
        adjoints = tuple((step.leaf, step.of) for step in steps)
    order = of.order + 2 if isinstance(of, Derivative) else 2
    return _Products(source, steps, tuple(step.leaf for step in results), adjoints, "hvp", order)


def _ggnvp(of: Graph, wanted: tuple[Leaf, ...], apart: frozenset[Leaf], split: Leaf) -> _Products:
    source = Source.of(of)
    source.require_scalar()
    taken, definitions = source.taken, source.definitions
    directions = _directions(wanted, taken)
    values = frozenset(leaf for leaf in wanted if leaf.role == "value")
    # J v: the tangent of the split value
    below = needed(definitions, [split])
    pushed = Forward(below, directions, taken, apart).run()
    at_split = _tangent(split, directions, pushed, taken)
    # H J v: the loss is a function of the split value and of what else it reads
    above = tuple(d for d in definitions if d.leaf is not split)
    others = tuple(leaf for leaf in wanted if leaf is not split)
    back = Reverse(above, source.output, (split, *others), taken, apart | values | {split}).run(
        full(1, ())
    )
    gradients = {step.of: step.leaf for step in back}
    asked = [gradients[leaf] for leaf in (split, *others)]
    moved = {**directions, split: _symbol(at_split)}
    curved = Forward(needed((*above, *_exact(back)), asked), moved, taken, apart).run()
    at_loss, *direct = (_tangent(leaf, moved, curved, taken) for leaf in asked)
    # Jᵀ H J v, and beside it what does not go through the split value
    parts = {
        leaf: [Contribution(source.output, ("directly",), _symbol(step))]
        for leaf, step in zip(others, direct, strict=True)
        if constant_of(step.expr) != 0
    }
    pulled = Reverse(below, split, wanted, taken, apart, "{}_bar", parts).run(_symbol(at_loss))
    own = {step.of: step.leaf for step in pulled}
    before = (*pushed.values(), at_split, *back, *curved.values(), at_loss, *direct)
    return _Products(
        source,
        (*before, *pulled),
        tuple(own[leaf] for leaf in wanted),
        tuple((step.leaf, step.of) for step in before),
        "ggnvp",
        2,
    )


def directions_of(graph: Graph, wanted: Iterable[Leaf]) -> tuple[Leaf, ...]:
    """The symbols that products of a graph with those variables are taken with."""
    return tuple(_directions(wanted, Source.of(graph).taken).values())


def _directions(wanted: Iterable[Leaf], taken: set[str]) -> dict[Leaf, Leaf]:
    """A new symbol for each variable, of its shape."""
    return {leaf: Leaf(fresh(f"d{leaf.name}", taken), leaf.shape, "tangent") for leaf in wanted}


def _told(steps: Iterable[Step], results: Iterable[Leaf]) -> tuple[Step, ...]:
    """The steps that the results need in any of their forms, each once."""
    by_leaf = {step.leaf: step for step in steps}
    kept, stack = set(results), list(results)
    while stack:
        step = by_leaf[stack.pop()]
        for leaf in leaves(step.raw, step.expr, step.exact):
            if leaf in by_leaf and leaf not in kept:
                kept.add(leaf)
                stack.append(leaf)
    return tuple(step for leaf, step in by_leaf.items() if leaf in kept)


def _exact(steps: Iterable[Step]) -> tuple[Definition, ...]:
    return tuple(Definition(step.leaf, step.exact) for step in steps)


def _tangent(
    leaf: Leaf, directions: Mapping[Leaf, Node], steps: Mapping[Leaf, Step], taken: set[str]
) -> Step:
    """The step of a leaf's tangent: found in the sweep, or its direction, or 0."""
    if leaf in steps:
        return steps[leaf]
    value = directions.get(leaf, full(0, leaf.shape))
    symbol = Leaf(fresh(f"{leaf.name}_dot", taken), leaf.shape, "tangent")
    return Step(symbol, leaf, value, value, value, (), (), ())


def _symbol(step: Step) -> Node:
    """What stands for a step in later ones: its formula where that is a symbol or a number."""
    short = isinstance(step.exact, Leaf) or constant_of(step.exact) is not None
    return step.exact if short else step.leaf
