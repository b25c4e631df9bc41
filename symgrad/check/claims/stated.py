"""Gradients under names of their own: entries of dictionaries, and what functions return."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from symgrad.check.claims.scope import Scope
from symgrad.check.claims.slices import reads
from symgrad.check.claims.statements import _assigned

#: Dictionaries whose entries are gradients: grads['W1'] is the gradient by W1.
_GRADIENTS = frozenset(
    "grads grad gradients gradient grad_dict gradients_dict derivatives dparams".split()
)


@dataclass(slots=True)
class Spelled(ast.NodeTransformer):
    """Statements in which entries of dictionaries stand as names, and what is returned has one.

    `returns` is the gradient that a function returns which returns one expression. `stated` are the
    gradients that have names; what is returned beside them without one is in `unnamed`, and so is
    all that is calculated there if the function `derives` and does nothing else.
    """

    scope: Scope
    returns: str
    stated: frozenset[str] = frozenset()
    derives: bool = False
    unnamed: list[ast.expr] = field(default_factory=list)

    def statements(self, tree: ast.stmt) -> Iterator[ast.stmt]:
        """What stands for a statement."""
        match tree:
            case ast.Return(value=ast.Dict() as entries):
                yield from self._entries(entries, True)
            case ast.Return(value=ast.Name() | None):
                pass
            case ast.Return(value=ast.Tuple(elts=several)):
                for each in several:
                    yield from self._returned(self.visit(each))
            case ast.Return(value=ast.expr() as value) if self.returns:
                yield self._assigned(self.returns, self.visit(value))
            case ast.Return(value=ast.expr() as value):
                yield from self._returned(self.visit(value))
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as entries):
                yield self.visit(tree)
                yield from self._entries(entries, name in _GRADIENTS)
            case ast.Assign(targets=[ast.Tuple() as several], value=value):
                yield from self._unpacked(self.visit(several), self.visit(value), tree)
            case _:
                yield self.visit(tree)

    def _returned(self, value: ast.expr) -> Iterator[ast.stmt]:
        """What is returned: dW / m is what becomes of dW; what has no name is noted."""
        if not isinstance(value, ast.BinOp | ast.UnaryOp | ast.Call):
            return
        stated = {name for name in reads(value) if name in self.stated}
        changed = _changed(value)
        if stated == {changed}:
            yield self._assigned(changed, value)
        elif stated or (self.derives and not isinstance(value, ast.Call)):
            self.unnamed.append(value)

    def _unpacked(self, names: ast.Tuple, value: ast.expr, tree: ast.stmt) -> Iterator[ast.stmt]:
        """dX, dW = f(dY) one by one, so that one gradient can be left out and the other not."""
        given = _assigned([ast.Assign(list(names.elts), value)])
        stated = [self.scope.target(name) is not None for name in given]
        if all(stated) or not any(stated):
            yield ast.copy_location(ast.Assign([names], value), tree)
            return
        whole = f"unpacked in line {tree.lineno}"
        yield ast.copy_location(ast.Assign([_at(tree, ast.Name(whole, ast.Store()))], value), tree)
        for k, each in enumerate(names.elts):
            one = _at(tree, ast.Subscript(_at(tree, ast.Name(whole, ast.Load())),
                                          _at(tree, ast.Constant(k)), ast.Load()))  # fmt: skip
            yield ast.copy_location(ast.Assign([each], one), tree)

    def _entries(self, entries: ast.Dict, of_gradients: bool) -> Iterator[ast.stmt]:
        """{'dW1': ..., 'dW2': ...} as assignments, if they are of gradients."""
        for key, value in zip(entries.keys, entries.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                name = self._gradient(key.value, of_gradients)
                known = isinstance(value, ast.Name) and self.scope.target(value.id) is not None
                if name and not known:
                    yield self._assigned(name, self.visit(value))

    def _gradient(self, key: str, of_gradients: bool) -> str:
        """The gradient that a key means."""
        if self.scope.target(key) is not None:
            return key
        if of_gradients and key in self.scope.known and self.scope.target(f"d{key}") is not None:
            return f"d{key}"
        return ""

    def _assigned(self, name: str, value: ast.expr) -> ast.stmt:
        target = ast.copy_location(ast.Name(name, ast.Store()), value)
        return ast.copy_location(ast.Assign([target], value), value)

    def visit_Subscript(self, tree: ast.Subscript) -> ast.AST:  # as Python calls it
        """grads['W1'] as dW1."""
        match tree:
            case ast.Subscript(value=ast.Name(id=holder), slice=ast.Constant(value=str() as key)):
                name = self._gradient(key, True) if holder in _GRADIENTS else ""
                if name:
                    return ast.copy_location(ast.Name(name, tree.ctx), tree)
        return self.generic_visit(tree)


def _changed(value: ast.expr) -> str:
    """dW of dW / m, -dW, dW + reg * W: the name that an expression changes, if it is one."""
    match value:
        case ast.Name(id=name):
            return name
        case ast.UnaryOp(operand=inner):
            return _changed(inner)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
            return _changed(left) or _changed(right)
    return ""


def _at(tree: ast.AST, new: ast.expr) -> ast.expr:
    return ast.copy_location(new, tree)


__all__ = ["Spelled"]
