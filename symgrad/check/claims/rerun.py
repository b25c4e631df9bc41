"""A network that was read of code is what the code computes: both are run at a point."""

import ast
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symgrad.check.claims.algebra import Numeric
from symgrad.check.claims.read import Text
from symgrad.check.claims.scope import Scope
from symgrad.check.claims.statements import Interpreter
from symgrad.check.verify_truth import truth_of
from symgrad.declare.graph import Graph


@dataclass(frozen=True, slots=True)
class Ran:
    """A statement that was read, and the values that it defines."""

    tree: ast.stmt
    names: tuple[str, ...] = ()


def require_same(text: Text, statements: Sequence[Ran], graph: Graph) -> None:
    """Run what was read on arrays.

    Raises
    ------
    ParseError    where a value is another one than what was read for all sizes.
    """
    point = truth_of(graph).point(1)
    scope = Scope.of([leaf.name for leaf in graph.symbols], "", (), graph.dims, {})
    scope.parameters = graph.parameters
    run = Interpreter(text.source, scope, Numeric(point.symbols, point.sizes))

    def differs(each: Ran, name: str) -> bool:
        ours = run.names.get(name)
        return ours is None or not _alike(run.array(ours, each.tree), point.names[name])

    for each in statements:
        run.statement(each.tree)
        for name in each.names:
            if differs(each, name):
                raise run.fault(f"{name!r} has another value than it seems when this is run",
                                each.tree, _SHARED)  # fmt: skip
    for each in statements:
        for name in each.names:
            if differs(each, name):
                raise run.fault(f"{name!r} is changed in place later, by another name",
                                each.tree, _SHARED)  # fmt: skip


_SHARED = "arrays that share memory change together: write b = a.copy() where both are needed"


def _alike(ours: object, read: object) -> bool:
    try:
        a, b = np.asarray(ours, dtype=float), np.asarray(read, dtype=float)
    except (TypeError, ValueError):
        return False
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-6, atol=1e-9, equal_nan=True)


__all__ = ["Ran", "require_same"]
