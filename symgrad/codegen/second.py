"""Products with second derivatives in modules: the Hessian's, and that of Gauss and Newton."""

from collections.abc import Callable, Mapping

from symgrad.calculus import Derivation, Derivative, ggnvp, hvp
from symgrad.calculus.products import directions_of
from symgrad.codegen.names import Identifiers
from symgrad.codegen.plan import Kernel, Product, Program, distinct, make_program, needed, titles_of
from symgrad.codegen.schedule import schedule
from symgrad.codegen.sums import prepared
from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError
from symgrad.tensor.nodes import Leaf, Node

_KINDS: dict[str, tuple[Callable[..., Derivative | Derivation], str]] = {
    "hvp": (hvp, "The Hessian by all parameters times v"),
    "ggnvp": (ggnvp, "The Gauss-Newton matrix by all parameters times v"),
}

#: The functions of a module that are products with second derivatives.
PRODUCTS = tuple(_KINDS)


def products(
    graph: Graph, symbols: Mapping[Leaf, str], taken: frozenset[str]
) -> tuple[Product, ...]:
    """Both products; without a value at which the loss can be split, the Hessian's alone.

    Raises
    ------
    NotDifferentiable    if there is no second derivative.
    """
    found = []
    for name, (derive, what) in _KINDS.items():
        try:
            derivation = derive(graph, list(graph.parameters))
        except DeclarationError:
            if name == "hvp":
                raise
            continue
        assert isinstance(derivation, Derivation)
        found.append(Product(name, what, _program(name, derivation, symbols, set(taken))))
    return tuple(found)


def _program(
    name: str, derivation: Derivation, symbols: Mapping[Leaf, str], taken: set[str]
) -> Program:
    graph, ids = derivation.graph, Identifiers(taken)
    definitions = needed((*graph.definitions, *derivation.definitions), derivation.results)
    lowered = prepared(definitions)
    results: list[Node] = []
    for leaf in derivation.results:
        results.append(distinct(lowered[leaf], results))
    titles = titles_of(lowered) | {
        node: leaf.name for node, leaf in zip(results, derivation.results, strict=True)
    }
    body, _, kept = schedule(results, [], titles)
    directions = directions_of(graph, derivation.wrt)
    named = {**symbols, **{leaf: ids.give(leaf.name) for leaf in directions}}
    return make_program(
        (Kernel(f"_{name}", body, out="out"),),
        tuple(graph.leaf(each) for each in graph.inputs),
        {"params": derivation.wrt, "direction": directions},
        kept, results, named, titles, definitions, ids,
    )  # fmt: skip
