"""Declared facts on which formulas rely: kernels test them, and the module names what breaks one.

Only the facts by which formulas are shortened: without them the gradient would be another. Modules
rely on facts of inputs alone: parameters are moved, away from what was declared of them.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sympy import Expr

from symgrad.codegen.layout import literal
from symgrad.declare.graph import Graph
from symgrad.tensor.nodes import Leaf, Node, substitute


@dataclass(frozen=True, slots=True)
class Fact:
    """`where` is NumPy's text for which entries x, or rows along axis {0}, are `what`.

    `test` is the condition in a kernel that all are, of an array {x}, its {rows} or its {matrices};
    `alone` that of a number.
    """

    what: str
    where: str
    test: str
    alone: str = ""


_SYMMETRIC = Fact(
    "symmetric", "~(abs(x - x.swapaxes(-1, -2)) > 1e-5 * abs(x).max())", "_is_symmetric({matrices})"
)
FACTS = {
    "binary": Fact("0 or 1", "(x == 0) | (x == 1)", "_is_binary({x})", "({x} == 0 or {x} == 1)"),
    "sign": Fact("-1 or 1", "abs(x) == 1", "_is_sign({x})", "abs({x}) == 1"),
    "onehot": Fact(
        "one-hot", "((x == 0) | (x == 1)).all({0}) & (x.sum({0}) == 1)", "_is_onehot({rows})"
    ),
    "simplex": Fact(
        "of sum one", "(x >= 0).all({0}) & (abs(x.sum({0}) - 1) < 1e-3)", "_is_simplex({rows})"
    ),
    "symmetric": _SYMMETRIC,
    "spd": _SYMMETRIC,
}


def fact_of(leaf: Leaf) -> Fact | None:
    """What is relied on of a symbol's values."""
    return FACTS.get(leaf.domain.partition(":")[0])


def fact_table(symbols: Iterable[Leaf]) -> Iterator[tuple[str, str, str]]:
    """Of each symbol with a fact, as text: its name, what it is, and the function that looks."""
    for leaf in symbols:
        fact, axis = fact_of(leaf), leaf.domain.partition(":")[2]
        if fact is not None:
            where = fact.where.format(axis or -1)
            yield literal(leaf.name), literal(fact.what), f"lambda x: {where}"


def broken(leaf: Leaf, x: str, size: Callable[[Expr], str]) -> str | None:
    """The condition in a kernel that the value x of a symbol is not what was declared."""
    fact = fact_of(leaf)
    if fact is None:
        return None
    if not leaf.ndim:
        return f"not {fact.alone.format(x=x)}"
    first, last = size(leaf.shape[0]), size(leaf.shape[-1])
    rows = x if leaf.ndim == 2 else f"{x}.reshape(-1, {last})"
    if leaf.domain.endswith(":0"):
        rows = f"{x}.T" if leaf.ndim == 2 else f"{x}.reshape({first}, -1).T"
    matrices = f"{x}.reshape(-1, {last}, {last})"
    return f"not {fact.test.format(x=x, rows=rows, matrices=matrices)}"


def loosened(graph: Graph) -> Graph:
    """The graph without facts of parameters and of defined values; itself where there are none."""

    def loose(leaf: Leaf) -> Leaf:
        if leaf.role == "input" or fact_of(leaf) is None:
            return leaf
        return Leaf(leaf.name, leaf.shape, leaf.role, "real", leaf.latex)

    done: dict[Node, Node] = {leaf: loose(leaf) for leaf in graph.symbols}
    if all(leaf is loose(leaf) for leaf in (*done, *(d.leaf for d in graph.definitions))):
        return graph
    result = Graph(graph.name, symbols=map(loose, graph.symbols), output=graph.output)
    for each in graph.definitions:
        expr = substitute(each.expr, done)
        if each.named:
            leaf = result.define(
                each.leaf.name, expr, domain=loose(each.leaf).domain, latex=each.leaf.latex
            )
        else:
            leaf = result.define_unnamed(expr)
        done[each.leaf] = leaf
    return result.freeze()


def require_facts_of_values(graph: Graph) -> None:
    """Raise ValueMismatch for a defined value that drawn values show not to be as declared.

    A module of a derivative could not tell: it does not have all values.
    """
    if any(fact_of(each.leaf) for each in graph.definitions):
        graph.evaluate_all(graph.sample(0))
