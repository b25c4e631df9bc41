"""Gradients: the reverse sweep over a graph, simplified step by step."""

from collections.abc import Iterable
from functools import partial

from sympy import Expr

from symgrad.calculus.derivation import Derivation, require_scalar
from symgrad.calculus.reverse import Reverse
from symgrad.calculus.second import by
from symgrad.calculus.source import continuous, taken_names
from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError, UnknownName
from symgrad.tensor.nodes import Leaf
from symgrad.tensor.operators import full


def gradient(graph: Graph, wrt: Iterable[object] | None = None) -> Derivation:
    """The gradients of the output, as a derivation.

    Parameters
    ----------
    graph :  a graph with a scalar output, shape ().
    wrt :    names or symbols, of parameters, inputs or defined values; all parameters without it.

    Returns
    -------
    Derivation    each derivative in the shape of its variable, in output units per unit of it.

    Raises
    ------
    ShapeError           if the output is not a scalar.
    UnknownName          if a name is not the graph's, or there is nothing to differentiate by.
    NotDifferentiable    if a node on the path has no derivative, or a name is of labels.

    Notes
    -----
    Reverse accumulation; facts about domains simplify what is shown (`Step.expr`), never what would
    be differentiated again (`Step.exact`).
    """
    if not isinstance(graph, Graph):
        raise DeclarationError(f"a gradient is of a Graph, not of a {type(graph).__name__}")
    graph.freeze()
    require_scalar(graph)
    if isinstance(wrt, str | Leaf | Expr):
        wrt = [wrt]
    wanted = tuple(
        continuous(graph.leaf(name))
        for name in (graph.parameters if wrt is None else dict.fromkeys(wrt))
    )
    if not wanted:
        raise UnknownName(
            f"graph {graph.name!r} has no parameters", hint="give wrt=, or declare parameters"
        )
    sweep = Reverse(graph.definitions, graph.leaf(graph.output), wanted, taken_names(graph))
    return Derivation(graph, wanted, sweep.run(full(1, ())), derive=partial(by, graph))
