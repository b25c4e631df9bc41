r"""Gradients of the objective: \frac{\partial J}{\partial W}, dW and \nabla_W J."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from symgrad.declare.latex import names
from symgrad.declare.latex.resolve import is_transpose
from symgrad.declare.latex.superscripts import raised
from symgrad.declare.latex.trees import (
    Above,
    Differential,
    Fraction,
    Group,
    Mark,
    Name,
    Product,
    Scripted,
    Tree,
    Word,
)
from symgrad.declare.latex.values import Value
from symgrad.tensor.nodes import Leaf

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader


def parts(tree: Tree) -> tuple[str | None, tuple[Tree, ...], tuple[Above, ...]]:
    """The letter of a name, its subscripts and superscripts; None for what is no name."""
    match tree:
        case Name(text=text) | Word(text=text):
            return text, (), ()
        case Scripted(base=Name(text=text) | Word(text=text), below=below, above=above, primes=0):
            return text, below, above
        case Group(kind="PAREN", items=(inner,)):
            return parts(inner)
    return None, (), ()


def behind(tree: Tree) -> tuple[Tree, str] | None:
    """What stands behind a ∂ or d, and which of the two."""
    match tree:
        case Product(factors=(Mark(kind="partial"), only), divides=(_, False)):
            return only, "partial"
        case Differential(of=inner):
            return inner, "d"
        case Scripted(base=Differential(of=inner)):
            return replace(tree, base=inner), "d"
    return None


def derivative(reader: "Reader", tree: Fraction) -> Tree | None:
    r"""The W of \frac{\partial J}{\partial W} or \frac{dJ}{dW}; None for other fractions."""
    top, bottom = behind(tree.top), behind(tree.bottom)
    if top is None or bottom is None or top[1] != bottom[1]:
        return None
    require_objective(reader, top[0])
    return bottom[0]


def require_objective(reader: "Reader", tree: Tree) -> None:
    """Raise unless it is the objective: the output, or a scalar that nobody declared."""
    text, below, above = parts(tree)
    if text is None:
        reader.fail("only derivatives of the objective are read", tree)
        return
    found = reader.found(text, below, above)
    if found is None or found.lowered or found.name == reader.scope.output:
        return
    node = reader.scope.nodes.get(found.name)
    what = found.name
    if isinstance(node, Leaf) and node.ndim == 0 and node.role == "value":
        what += ", a part of the objective"
    reader.fail(
        f"only derivatives of the objective are read, not of {what}",
        tree,
        f"write the chain rule out in derivatives of {reader.scope.output or 'the objective'}",
    )


def gradient(reader: "Reader", by: Tree, tree: Tree) -> Value:
    """The gradient by a name, at its subscripts."""
    text, below, above = parts(by)
    if text is None:
        reader.fail("a derivative is by a name", by)
        raise AssertionError
    return _by_name(reader, by, text, below, above, tree)


def _by_name(
    reader: "Reader",
    by: Tree,
    text: str,
    below: tuple[Tree, ...],
    above: tuple[Above, ...],
    tree: Tree,
) -> Value:
    found = reader.found(text, below, above)
    if found is None or found.gradient:
        shown = reader.latex.text[by.start : by.end]
        reader.latex.unknown(f"{shown} is not declared", by.start, reader.resolver.closest(text))
        raise AssertionError
    return names.of_name(reader, replace(found, gradient=True), tree)


def nabla(reader: "Reader", tree: Tree, rest: Sequence[Tree]) -> Value:
    r"""\nabla_{W} J; a T above the J is of the whole."""
    if not isinstance(tree, Scripted) or len(tree.below) != 1 or tree.above:
        reader.fail(r"\nabla needs a name below it: \nabla_{W} J", tree)
        raise AssertionError
    if not rest:
        reader.fail(r"\nabla_{W} needs the objective after it", tree)
    objective = rest[0]
    above: tuple[Above, ...] = ()
    if isinstance(objective, Scripted) and all(
        is_transpose(item) for each in objective.above for item in each.items
    ):
        above = objective.above
        objective = replace(objective, above=())
    require_objective(reader, objective)
    return raised(reader, gradient(reader, tree.below[0], tree), above, tree)


def differential(
    reader: "Reader", tree: Tree, text: str, below: tuple[Tree, ...], above: tuple[Above, ...]
) -> Value:
    """The gradient by W, written dW in one word."""
    if "d" in reader.scope.spellings:
        reader.note(f"d{text} is read as a gradient, not as a product with d")
    return _by_name(reader, tree, text, below, above, tree)
