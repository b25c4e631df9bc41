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
        case Scripted(base=Name(text=text) | Word(text=text), below=below, above=above):
            marks = (Above((), mark="'" * tree.primes),) if tree.primes else ()
            return text, below, (*above, *marks)
        case Group(kind="PAREN", items=(inner,)):
            return parts(inner)
        case Scripted(base=Group(kind="PAREN", items=(inner,)), below=below, above=(), primes=0):
            stem, low, high = parts(inner)
            if not any(is_transpose(item) for each in high for item in each.items):
                return stem, (*low, *below), high  # (W_2)_{ij}
    return None, (), ()


def lists_names(tree: Tree) -> bool:
    """Whether it is the (W, b) of J(W, b)."""
    return (
        isinstance(tree, Group)
        and tree.kind == "PAREN"
        and all(parts(item)[0] is not None for item in tree.items)
    )


def behind(tree: Tree) -> tuple[Tree, str] | None:
    """What stands behind a ∂ or d, and which of the two."""
    match tree:
        case Product(factors=(Mark(kind="partial"), only, *rest)) if all(map(lists_names, rest)):
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
    return names.of_name(reader, replace(found, gradient=True), tree)


def takes_objective(tree: Tree) -> Tree | None:
    r"""The W of \nabla_{W}, \partial_{W} and \frac{\partial}{\partial W}, before the objective."""
    match tree:
        case Scripted(base=Mark(kind="nabla" | "partial"), below=(by,), above=(), primes=0):
            return by
        case Fraction(top=Mark(kind="partial"), bottom=bottom):
            found = behind(bottom)
            return found[0] if found is not None else None
    return None


def operated(reader: "Reader", tree: Tree, by: Tree, rest: Sequence[Tree]) -> tuple[Value, int]:
    r"""\nabla_{W} J(W, b): the value and the factors it took; a T above the J is of the whole."""
    if not rest:
        reader.fail("the objective is missing here", tree, r"write \nabla_{W} J")
    objective = rest[0]
    above: tuple[Above, ...] = ()
    if isinstance(objective, Scripted) and all(
        is_transpose(item) for each in objective.above for item in each.items
    ):
        above = objective.above
        objective = replace(objective, above=())
    require_objective(reader, objective)
    used = 3 if len(rest) > 1 and lists_names(rest[1]) else 2
    return raised(reader, gradient(reader, by, tree), above, tree), used


def differential(
    reader: "Reader", tree: Tree, text: str, below: tuple[Tree, ...], above: tuple[Above, ...]
) -> Value:
    """The gradient by W, written dW in one word."""
    if "d" in reader.scope.spellings:
        reader.note(f"d{text} is read as a gradient, not as a product with d")
    return _by_name(reader, tree, text, below, above, tree)
