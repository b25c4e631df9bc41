"""Derivations in LaTeX: which equations define values, and which say what a gradient is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symgrad.declare.latex.left import bind_layer, left_of
from symgrad.declare.latex.reader import Reader
from symgrad.declare.latex.scope import Scope
from symgrad.declare.latex.source import Latex
from symgrad.declare.latex.trees import Name, Product, Relation, Tree, parsed


@dataclass(frozen=True, slots=True)
class Statement:
    """Where a statement stands in the text, and what it is.

    `kind` is "value" if it defines one, "gradient" if it says what one is, and "" if its left side
    is neither, or it is no equation.
    """

    start: int
    end: int
    kind: str


def statements_of(text: str, scope: Scope) -> Iterator[Statement]:
    """The statements of a text, in order; of names that are not declared too.

    Raises
    ------
    ParseError    for what is no formula, with its place.
    """
    latex = Latex(text)
    for tree in parsed(latex, scope.tokens(latex, True).read()):
        kind = ""
        if isinstance(tree, Relation):
            if _is_gradient(tree.sides[0], scope):
                kind = "gradient"
            elif left_of(tree.sides[0]) is not None and tree.signs == ("=",):
                kind = "value"
        yield Statement(tree.start, tree.end, kind)


def _is_gradient(side: Tree, scope: Scope) -> bool:
    left = left_of(side)
    if left is not None:
        return (left.gradient and left.text not in scope.spellings) or left.tree is not left.name
    match side:  # dZ, where Z is declared nowhere yet
        case Product(factors=(Name(text="d"), _), divides=(False, False)):
            return "d" not in scope.spellings
    return False


def targets_of(text: str, statement: Statement, scope: Scope) -> tuple[str, ...]:
    """The names whose gradients an equation is about; a general layer l is about several.

    Raises
    ------
    UnknownName    for the gradient by a name that nobody declared.
    """
    before = re.sub(r"[^\n]", " ", text[: statement.start])  # errors know the line
    latex = Latex(before + text[statement.start : statement.end])
    *_, tree = parsed(latex, scope.tokens(latex, True).read())
    left = left_of(tree.sides[0]) if isinstance(tree, Relation) else None
    if left is None:
        latex.fail("cannot read this left side", tree.start)
    found = []
    for name in scope.gradients:
        reader = Reader(latex, scope)
        reader.target = name
        bound = bind_layer(reader, left)
        if bound is not None and bound.name == name:
            found.append(name)
    if not found:
        shown = text[left.name.start : left.name.end]
        closest = Reader(latex, scope).resolver.closest(left.text)
        latex.unknown(f"{shown} is not declared", left.name.start, closest)
    return tuple(found)
