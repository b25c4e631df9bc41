"""What is differentiated: the output of a graph, or a derivative once more."""

from collections.abc import Iterable
from dataclasses import dataclass

from symgrad.calculus.derivation import Derivative, Step
from symgrad.declare.graph import Definition, Graph
from symgrad.declare.plain import name_of
from symgrad.errors import DeclarationError, NotDifferentiable, ShapeError, UnknownName
from symgrad.tensor.dims import labels_below, show
from symgrad.tensor.nodes import Leaf, Node, leaves


@dataclass(frozen=True, slots=True)
class Source:
    """Definitions in order, those of `output` and what it needs; `steps` are derived ones of them.

    `directions` are symbols that a derivative brought in, `taken` the names that are in use.
    """

    graph: Graph
    output: Leaf
    definitions: tuple[Definition, ...]
    steps: tuple[Step, ...]
    directions: tuple[Leaf, ...]
    taken: set[str]
    adjoints: tuple[tuple[Leaf, Leaf], ...] = ()

    @classmethod
    def of(cls, what: object, wrt: Iterable[Leaf] = ()) -> "Source":
        """The source to be differentiated by those leaves, its declared facts left out.

        A derivative is taken anew where it is differentiated by a value: its formula may name the
        value where it only means an equal expression.
        """
        values = frozenset(leaf for leaf in wrt if leaf.role == "value")
        if isinstance(what, Graph):
            what.freeze()
            output = what.leaf(what.output)
            definitions = needed(what.definitions, [output])
            return cls(what, output, definitions, (), (), taken_names(what))
        if not isinstance(what, Derivative):
            raise DeclarationError(
                f"a derivative is of a Graph or a Derivative, not of a {type(what).__name__}"
            )
        if values:
            what = what.anew(values)
        own = [Definition(step.leaf, step.exact) for step in what.steps]
        definitions = needed((*what.graph.definitions, *own), [what.leaf])
        kept = {definition.leaf for definition in definitions}
        return cls(
            what.graph,
            what.leaf,
            definitions,
            tuple(step for step in what.steps if step.leaf in kept),
            what.directions,
            taken_names(what.graph) | {leaf.name for leaf in (*kept, *what.directions)},
            tuple((leaf, of) for leaf, of in what.adjoints if leaf in kept),
        )

    def require_scalar(self) -> None:
        """Raise ShapeError unless it is a number."""
        if self.output.shape:
            raise ShapeError(
                f"{self.output.name} has shape {show(self.output.shape)}; this is of a number",
                where=f'graph "{self.graph.name}"',
                hint="sum it or take its mean, or ask for the Jacobian",
            )


def leaf_of(what: object, name: object) -> Leaf:
    """The symbol or value of that name, of a graph or of a derivative with its directions.

    Raises
    ------
    UnknownName          if there is none.
    NotDifferentiable    if it holds labels.
    """
    if isinstance(what, Graph):
        return continuous(what.leaf(name))
    if not isinstance(what, Derivative):
        raise DeclarationError(
            f"a derivative is of a Graph or a Derivative, not of a {type(what).__name__}"
        )
    for direction in what.directions:
        if direction is name or direction.name == name_of(name):
            return direction
    return continuous(what.graph.leaf(name))


def continuous(leaf: Leaf) -> Leaf:
    """The leaf, unless it holds labels: what depends on them is no function of real numbers."""
    if labels_below(leaf.domain) is not None:
        raise NotDifferentiable(
            f"{leaf.name} holds labels, which are whole numbers: there is no derivative by it",
            hint="declare it real if its values are",
        )
    return leaf


def leaves_of(what: object, wrt: object) -> tuple[tuple[Leaf, ...], bool]:
    """The leaves that `wrt` names, and whether it is one name; all parameters for None."""
    if wrt is None:
        graph = what if isinstance(what, Graph) else getattr(what, "graph", None)
        names: list[object] = list(graph.parameters) if isinstance(graph, Graph) else []
        if not names:
            raise UnknownName(
                "there are no parameters to differentiate by",
                hint="give wrt=, or declare parameters",
            )
        return tuple(leaf_of(what, name) for name in names), False
    if isinstance(wrt, list | tuple):
        if not wrt:
            raise UnknownName("wrt= names nothing to differentiate by")
        return tuple(dict.fromkeys(leaf_of(what, name) for name in wrt)), False
    return (leaf_of(what, wrt),), True


def needed(definitions: Iterable[Definition], wanted: Iterable[Leaf]) -> tuple[Definition, ...]:
    """The definitions that the wanted leaves need, in order, theirs included."""
    by_leaf = {definition.leaf: definition for definition in definitions}
    kept: set[Leaf] = set()
    stack: list[Node] = list(wanted)
    while stack:
        for leaf in leaves(stack.pop()):
            if leaf in by_leaf and leaf not in kept:
                kept.add(leaf)
                stack.append(by_leaf[leaf].expr)
    return tuple(definition for leaf, definition in by_leaf.items() if leaf in kept)


def taken_names(graph: Graph) -> set[str]:
    """The names that a derivation must not give to its own symbols."""
    return {
        *(leaf.name for leaf in graph.symbols),
        *(definition.leaf.name for definition in graph.definitions),
        *graph.dims,
    }
