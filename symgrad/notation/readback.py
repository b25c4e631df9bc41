"""SymPy's expressions read back: its own rules may change what they are built from.

HadamardPower(A, B).T is HadamardPower(A.T, B) in SymPy 1.14, for one.
"""

from typing import Any

import numpy as np

from symgrad.declare.graph import Graph
from symgrad.errors import SymgradError, ValueMismatch
from symgrad.tensor.dims import size_of
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Node, leaves


def require_same(node: Node, expr: Any, graph: Graph) -> None:
    """Raise SymgradError unless the expression, read again, has the node's values at some point.

    Not where there are none: an unspecified function, or sizes that no slice allows.
    """
    written = Graph("written")
    try:
        written.define("value_", expr)
        drawn = graph.sample(0)
        known = {**drawn, **graph.evaluate_all(drawn)}
    except ValueMismatch:
        return
    except SymgradError as error:
        raise SymgradError(f"SymPy writes what cannot be read: {error.what}") from None
    sizes = {name: int(drawn[name]) for name in graph.dims}
    rng = np.random.default_rng(0)
    for leaf in leaves(node):
        if leaf.name not in known:  # a direction
            known[leaf.name] = rng.normal(size=tuple(size_of(d, sizes) for d in leaf.shape))
    (ours,) = evaluate([node], known, sizes)
    columns = {name: np.reshape(v, (-1, 1)) if np.ndim(v) == 1 else v for name, v in known.items()}
    theirs = written.evaluate(columns | sizes)
    # the same formula in float64, in another order
    if not np.allclose(theirs.reshape(ours.shape), ours, rtol=1e-8, atol=1e-8, equal_nan=True):
        raise SymgradError("SymPy's own rules change the value of this formula")
