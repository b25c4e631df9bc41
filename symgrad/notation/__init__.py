r"""From index notation to matrix notation: LaTeX, Unicode, NumPy text.

A vector of shape (n,) is written as a column; functions, ⊙, ⊘ and powers \({}^{\odot 2}\) act entry
by entry; 𝟏 is a vector of ones; what has no matrix form is written with indices.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from sympy import Basic

from symgrad.errors import SymgradError
from symgrad.notation.shadowed import HIDDEN, told_apart
from symgrad.tensor.dims import show
from symgrad.tensor.nodes import Iverson, Leaf, Node, leaves, topological

#: Index letters, in the order in which they are used.
_LETTERS = "ijklpqrstuvwmnabcdefgh"


class Defined(Protocol):
    """A definition: `leaf = expr`."""

    @property
    def leaf(self) -> Leaf: ...

    @property
    def expr(self) -> Node: ...


def latex(node: Node, names: Mapping[str, str] | None = None, reserved: str = "") -> str:
    r"""The expression in LaTeX.

    Parameters
    ----------
    names :     LaTeX spellings of symbols by name; a symbol's own, or what its name suggests,
                without.
    reserved :  letters that must not stand for an index.

    Raises
    ------
    SymgradError    if the formula is longer than anyone can read.
    """
    from symgrad.notation.printlatex import latex_text
    from symgrad.notation.read import formula_of

    return latex_text(formula_of(node), _letters(node, reserved), names or {})


def text(node: Node, names: Mapping[str, str] | None = None, reserved: str = "") -> str:
    """The expression as one line of Unicode; as `latex`."""
    from symgrad.notation.printtext import plain_text
    from symgrad.notation.read import formula_of

    return plain_text(formula_of(node), _letters(node, reserved), names or {})


def numpy(node: Node, shadowed: Collection[str] = ()) -> str:
    """A closed form as NumPy text, einsum only where there is no matrix form; raises as `latex`.

    Unspecified functions are called by their names, their derivatives with a d in front. `shadowed`
    are dimensions that the text cannot name, for values have their names.

    Raises
    ------
    SymgradError    if a shadowed dimension is needed.
    """
    from symgrad.notation.printnumpy import numpy_text
    from symgrad.notation.read import formula_of

    result = numpy_text(formula_of(told_apart(node, shadowed, HIDDEN)))
    lost = result.partition(HIDDEN)[2]
    if lost:
        name = re.split(r"\W", lost, maxsplit=1)[0]
        raise SymgradError(
            f"NumPy text needs the size {name}, but {name} is a value's name as well",
            hint="give the dimension or the value another name",
        )
    return result


def sympy_of(node: Node, known: Mapping[str, Basic] | None = None) -> Any:
    """The expression as SymPy's own, with the symbols that are `known` by name.

    Raises
    ------
    SymgradError    for what SymPy has no matrix expression for.
    """
    from symgrad.notation.printsympy import sympy_expr
    from symgrad.notation.read import formula_of

    return sympy_expr(formula_of(node), known or {})


def latex_sides(
    leaf: Leaf, node: Node, names: Mapping[str, str] | None = None, reserved: str = ""
) -> tuple[str, str]:
    """Both sides of `leaf = node` in LaTeX; entry by entry where only indices tell it."""
    from symgrad.notation.printlatex import latex_sides as sides
    from symgrad.notation.read import formula_of

    return sides(leaf, formula_of(node), _letters(node, reserved), names or {})


def text_sides(
    leaf: Leaf, node: Node, names: Mapping[str, str] | None = None, reserved: str = ""
) -> tuple[str, str]:
    """Both sides of `leaf = node` in Unicode; entry by entry where only indices tell it."""
    from symgrad.notation.printtext import text_sides as sides
    from symgrad.notation.read import formula_of

    return sides(leaf, formula_of(node), _letters(node, reserved), names or {})


def latex_equation(leaf: Leaf, node: Node, names: Mapping[str, str] | None = None) -> str:
    """`leaf = node` in LaTeX."""
    return " = ".join(latex_sides(leaf, node, names))


def text_equation(leaf: Leaf, node: Node, names: Mapping[str, str] | None = None) -> str:
    """`leaf = node` in Unicode."""
    return " = ".join(text_sides(leaf, node, names))


def latex_equations(definitions: Iterable[Defined], names: Mapping[str, str] | None = None) -> str:
    """Definitions in LaTeX, several aligned at the signs of equality."""
    rows = [latex_sides(d.leaf, d.expr, names) for d in definitions]
    if len(rows) == 1:
        return " = ".join(rows[0])
    lines = " \\\\\n".join(f"{left} &= {right}" for left, right in rows)
    return f"\\begin{{aligned}}\n{lines}\n\\end{{aligned}}"


def abridged(node: Node, names: Mapping[str, str] | None = None, reserved: str = "") -> str:
    """The text, or a description where that would be too long: for `str`; never raises.

    >>> from symgrad.tensor.nodes import Leaf
    >>> abridged(Leaf("W1", ("d", "h")))
    'W₁'
    """
    try:
        return text(node, names, reserved)
    except SymgradError:
        return _described(node)


def abridged_latex(node: Node, names: Mapping[str, str] | None = None, reserved: str = "") -> str:
    """The LaTeX, or a description where that would be too long; never raises."""
    from symgrad.notation.names import latex_words

    try:
        return latex(node, names, reserved)
    except SymgradError:
        return latex_words(_described(node))


def abridged_sides(
    leaf: Leaf, node: Node, names: Mapping[str, str] | None = None, reserved: str = ""
) -> tuple[str, str]:
    """As `text_sides`, with a description where that would be too long; never raises."""
    try:
        return text_sides(leaf, node, names, reserved)
    except SymgradError:
        return text(leaf, names), _described(node)


def abridged_latex_sides(
    leaf: Leaf, node: Node, names: Mapping[str, str] | None = None, reserved: str = ""
) -> tuple[str, str]:
    """As `latex_sides`, with a description where that would be too long; never raises."""
    from symgrad.notation.names import latex_words

    try:
        return latex_sides(leaf, node, names, reserved)
    except SymgradError:
        return latex(leaf, names), latex_words(_described(node))


def _described(node: Node) -> str:
    kind, size = type(node).__name__, len(topological(node))
    return f"<{kind} of shape {show(node.shape)}, {size} nodes: too long to print>"


def _letters(node: Node, reserved: str) -> str:
    """Index letters that no symbol of the expression has."""
    taken = {*reserved, *(leaf.name for leaf in leaves(node))}
    for each in topological(node):
        if isinstance(each, Iverson):  # sizes beside indices
            taken.update(s.name for s in each.condition.free_symbols)
    return "".join(letter for letter in _LETTERS if letter not in taken)


__all__ = [
    "abridged",
    "abridged_latex",
    "abridged_latex_sides",
    "abridged_sides",
    "latex",
    "latex_equation",
    "latex_equations",
    "latex_sides",
    "numpy",
    "sympy_of",
    "text",
    "text_equation",
    "text_sides",
]
