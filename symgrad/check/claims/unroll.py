"""Loops over layers written out: grads["dW" + str(l)] in them says which gradient it is."""

import ast
from collections.abc import Iterable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass

from sympy import Integer

from symgrad.check.claims.keys import HOW_MANY, SAY_IT, computed_keys, is_computed
from symgrad.check.claims.statements import Interpreter, Left, Returned
from symgrad.errors import ParseError, SymgradError

#: Rounds of a loop that are written out.
MOST_ROUNDS = 200


def unrolled(statements: list[ast.stmt], run: Interpreter) -> list[ast.stmt]:
    """Statements whose keys are texts; loops in which they are put together are written out.

    `run` reads what comes before, for what the number of rounds is.

    Raises
    ------
    ParseError    where a key depends on a number of layers that is not known.
    """
    if not any(True for tree in statements for _ in computed_keys(tree)):
        return statements
    out: list[ast.stmt] = []
    for tree in statements:
        if isinstance(tree, ast.For) and any(True for _ in computed_keys(tree)):
            for rounds in _rounds(tree, run):
                out += unrolled(rounds, run)
            continue
        out.append(_Folded(run).visit(tree) if any(True for _ in computed_keys(tree)) else tree)
        with suppress(SymgradError, Returned, Left):  # it is said where it is judged
            run.statement(out[-1])
    return out


def _rounds(tree: ast.For, run: Interpreter) -> Iterable[list[ast.stmt]]:
    """The body of a loop for each of its numbers, one after the other."""
    try:
        items = run.items(run.value(tree.iter), tree.iter)
    except SymgradError as error:
        raise _unknown(run, tree, error) from None
    names = tree.target.elts if isinstance(tree.target, ast.Tuple) else [tree.target]
    if len(items) > MOST_ROUNDS:
        raise run.fault(f"a loop over {len(items)} layers is too long to be written out", tree,
                        f"at most {MOST_ROUNDS}")  # fmt: skip
    for item in items:
        values = item if isinstance(item, tuple) else (item,)
        known = {
            name.id: str(value) if isinstance(value, str) else int(value)
            for name, value in zip(names, values, strict=False)
            if isinstance(name, ast.Name) and isinstance(value, Integer | str)
        }
        run.bind(tree.target, item)
        yield [_Put(known).visit(deepcopy(each)) for each in tree.body]


def _unknown(run: Interpreter, tree: ast.AST, error: SymgradError) -> ParseError:
    return run.fault(f"{HOW_MANY}: {error.what}", tree, SAY_IT)


@dataclass(slots=True)
class _Put(ast.NodeTransformer):
    """Puts numbers in the place of names."""

    known: dict[str, int | str]

    def visit_Name(self, tree: ast.Name) -> ast.AST:  # as Python calls it
        """l as 3."""
        if tree.id in self.known and isinstance(tree.ctx, ast.Load):
            return ast.copy_location(ast.Constant(self.known[tree.id]), tree)
        return tree


@dataclass(slots=True)
class _Folded(ast.NodeTransformer):
    """Writes keys that are put together as they come out."""

    run: Interpreter

    def visit_Subscript(self, tree: ast.Subscript) -> ast.AST:  # as Python calls it
        """grads["dW" + str(3)] as grads["dW3"]."""
        if is_computed(tree.slice) and not isinstance(tree.slice, ast.Constant):
            try:
                key = self.run.value(tree.slice)
            except SymgradError as error:
                raise _unknown(self.run, tree, error) from None
            if isinstance(key, str):
                tree.slice = ast.copy_location(ast.Constant(key), tree.slice)
        return self.generic_visit(tree)


__all__ = ["unrolled"]
