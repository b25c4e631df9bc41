"""Which statements a name rests on: what is read tells the forward pass from the gradients."""

import ast
import re
from collections.abc import Iterable, Mapping
from copy import copy

from symgrad.check.claims.scope import may_be_gradient
from symgrad.check.claims.statements import _assigned
from symgrad.errors import ParseError

#: How people call what is minimised.
_OBJECTIVE = re.compile(
    r"(?i)^(\w*(loss|cost|objective|criterion|energy)\w*|[jlec]|nll|err|error|mse|sse|total)$"
)


def is_objective(name: str) -> bool:
    """Whether a name is how people call what is minimised."""
    return _OBJECTIVE.match(name) is not None


def reads(tree: ast.AST) -> set[str]:
    """The names that a tree reads: of entries and attributes too."""
    found = set[str]()
    for node in ast.walk(tree):
        match node:
            case (
                ast.Name(id=name, ctx=ast.Load())
                | ast.Attribute(attr=name, ctx=ast.Load())
                | ast.Subscript(slice=ast.Constant(value=str() as name), ctx=ast.Load())
            ):
                found.add(name)
            case ast.AugAssign(target=target):
                found |= set(_assigned([ast.Assign([target], ast.Constant(0))]))
    return found


def free(statements: Iterable[ast.stmt]) -> set[str]:
    """The names that statements read before they assign them."""
    found, own = set[str](), set[str]()
    for tree in statements:
        found |= reads(tree) - own
        own |= set(_assigned([tree]))
    return found


def needed(statements: list[ast.stmt], wanted: set[str]) -> list[ast.stmt]:
    """The statements that names rest on, of loops and conditions their parts; `wanted` grows."""
    kept: list[ast.stmt] = []
    for tree in reversed(statements):
        if not wanted.intersection(_assigned([tree])):
            continue
        match tree:
            case ast.For(iter=head) | ast.While(test=head) | ast.If(test=head):
                wanted |= reads(head)
                part = copy(tree)
                part.body = _settled(tree.body, wanted)
                part.orelse = tree.orelse and _settled(tree.orelse, wanted)
                kept.append(part)
            case _:
                wanted |= reads(tree)
                kept.append(tree)
    return kept[::-1]


def _settled(body: list[ast.stmt], wanted: set[str]) -> list[ast.stmt]:
    """The statements of a loop that names rest on, in this round or through an earlier one."""
    while True:
        size = len(wanted)
        kept = needed(body, wanted)
        if len(wanted) == size:
            return kept or [ast.Pass()]


def early_read(
    chosen: Mapping[int, ast.stmt], target: str, first: Mapping[str, int]
) -> ParseError | None:
    """What is to be said of a claim that reads a gradient before it is stated, or adds to nothing.

    `first` says which of the statements states a gradient first.
    """
    wanted = {target}
    needed(list(chosen.values()), wanted)
    for k, tree in chosen.items():
        for name in wanted.intersection(reads(tree), first):
            simple = not isinstance(tree, ast.For | ast.While)
            if k < first[name] or (k == first[name] and simple):
                return ParseError(
                    f"line {tree.lineno} reads {name} before it is stated",
                    hint=f"write {name} = ... above it; of zeros, if what comes is added up",
                )
    return None


def first_gradient(statements: list[ast.stmt], symbols: Iterable[str]) -> int:
    """The position of the first statement that states a gradient; behind the last if none does."""
    given = set(symbols)
    known = given.union(_assigned(statements))
    for n, tree in enumerate(statements):
        if any(name not in given and may_be_gradient(name, known) for name in _assigned([tree])):
            return n
    return len(statements)


def objective_after(
    statements: list[ast.stmt], symbols: Iterable[str], output: str
) -> tuple[str, list[ast.stmt]]:
    """The objective that is computed after a gradient, or beside it in a loop, and its statements.

    Nothing if there is none, or if it rests on a gradient.
    """
    given = set(symbols)
    names = _assigned(statements)
    known = given.union(names)
    gradients = {name for name in names if name not in given and may_be_gradient(name, known)}
    for name in reversed(names):
        if name not in gradients and (name == output or (not output and is_objective(name))):
            wanted = {name}
            kept = needed(statements, wanted)
            if not wanted & gradients:
                return name, kept
    return "", []


__all__ = [
    "early_read",
    "first_gradient",
    "free",
    "is_objective",
    "needed",
    "objective_after",
    "reads",
]
