"""The table of SymPy expressions that are read, and the way into it."""

from typing import Any

import sympy as sp
from sympy import Basic, Expr, MatrixExpr
from sympy.core.function import AppliedUndef

from symgrad.declare.plain.indices import INDEXED
from symgrad.declare.plain.matrices import MATRICES
from symgrad.declare.plain.reading import Names, Reader, Rule, brief
from symgrad.declare.plain.scalars import NUMBER, SCALARS, UNSPECIFIED
from symgrad.errors import DeclarationError
from symgrad.tensor.nodes import Node
from symgrad.tensor.scalar import NAMES

RULES: dict[type[Basic], Rule] = SCALARS | INDEXED | MATRICES

#: Kinds with many classes.
FAMILIES: tuple[tuple[Any, Rule], ...] = (
    ((sp.Number, sp.NumberSymbol, type(sp.I)), NUMBER),
    (AppliedUndef, UNSPECIFIED),
)

_KNOWN = (
    f"matrices: {', '.join(sorted(k.__name__ for k in RULES if issubclass(k, MatrixExpr)))}; "
    f"functions: {', '.join(sorted(NAMES.values()))}"
)
_HINTS: dict[type[Basic], str] = {
    sp.ImmutableDenseMatrix: "write it with MatrixSymbol, and give its entries as a value",
}


def read(expr: Expr, names: Names) -> Node:
    """The node of a SymPy expression: of shape (rows, columns), or () for a scalar.

    Raises
    ------
    DeclarationError    for what is outside the table; names it.
    ShapeError          for matrices that do not fit.
    NameClash           for a name that stands for two symbols.
    """
    try:
        return Reader(_rule, names, {}).value(expr).node
    except RecursionError:
        raise DeclarationError(
            "the expression is nested too deeply", hint="name parts of it with define"
        ) from None


def _rule(expr: Basic) -> Rule:
    found = RULES.get(type(expr))
    if found is not None:
        return found
    for kind, rule in FAMILIES:
        if isinstance(expr, kind):
            return rule
    raise DeclarationError(
        f"{type(expr).__name__} is not supported: {brief(expr)}",
        hint=_HINTS.get(type(expr), _KNOWN),
    )
