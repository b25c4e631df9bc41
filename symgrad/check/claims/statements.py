"""Statements of NumPy code: assignments, updates in place, loops, conditions, functions."""

import ast
from dataclasses import dataclass
from typing import Any

from sympy import Expr, Integer

from symgrad.check.claims.algebra import NotSymbolic
from symgrad.check.claims.expressions import Expressions
from symgrad.check.claims.keys import HOW_MANY, SAY_IT, computed_keys
from symgrad.check.claims.kinds import Defined, Holder
from symgrad.check.claims.terms import Slice, Term, names_in, number, subterms
from symgrad.declare.loops import loop_index
from symgrad.declare.syntax import describe
from symgrad.errors import ParseError, SymgradError, UnknownName


class Returned(Exception):  # no error: how a function ends
    """The end of a function."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class Left(Exception):
    """`break` or `continue`."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind


@dataclass(slots=True)
class Interpreter(Expressions):
    """Runs statements; with `adds`, what is written to entries is added to them instead."""

    adds: bool = False

    def run(self, statements: list[ast.stmt]) -> None:
        """All statements, in order."""
        for statement in statements:
            self.statement(statement)

    def statement(self, tree: ast.stmt) -> None:
        """One statement."""
        self.tick()
        try:
            self._statement(tree)
        except SymgradError as error:
            raise self.placed(error, tree) from None

    def _statement(self, tree: ast.stmt) -> None:
        match tree:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int())) if (
                name in self.scope.sizes
            ):
                pass  # n = 100 is one of the sizes that an axis may have: what is said is of all
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Lambda(args=args, body=body)):
                self._define(name, args, body)
            case ast.Assign(targets=targets, value=value):
                result = self.value(value)
                for target in targets:
                    self.assign(target, result)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self.assign(target, self.value(value))
            case ast.AugAssign(target=target, op=kind, value=value):
                self.update(target, type(kind), self.value(value), tree)
            case ast.For(orelse=[]):
                self._loop(tree)
            case ast.While(orelse=[]):
                self._while(tree)
            case ast.If(test=test, body=body, orelse=orelse):
                self.run(body if self.condition(self.value(test), tree) else orelse)
            case ast.FunctionDef(name=name, args=args, body=body):
                self._define(name, args, body)
            case ast.Return(value=value):
                raise Returned(None if value is None else self.value(value))
            case ast.Expr(value=ast.Call() as call):
                self._call_statement(call)
            case ast.Expr(value=value):
                self.value(value)
            case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Global():
                pass
            case ast.Break():
                raise Left("break")
            case ast.Continue():
                raise Left("continue")
            case _:
                raise self.fault(f"{describe(tree)} is not understood", tree)

    def _define(self, name: str, args: ast.arguments, body: Any) -> None:
        """def name(args): body, or name = lambda args: body."""
        if args.vararg or args.kwarg or args.kwonlyargs or args.posonlyargs:
            raise self.fault(f"the arguments of {name} are not understood", (args.vararg or
                             args.kwarg or [*args.kwonlyargs, *args.posonlyargs][0]),
                             "write them one by one, without * and /")  # fmt: skip
        defaults = tuple(self.value(each) for each in args.defaults)
        own = tuple(each.arg for each in args.args)
        self.names[name] = Defined(name, own[own[:1] == ("self",) :], defaults, body)

    def _call_statement(self, tree: ast.Call) -> None:
        """np.add.at(A, key, values), list.append(...), or a call for nothing."""
        match tree:
            case ast.Call(
                func=ast.Attribute(value=ast.Attribute(attr="add" | "subtract" as kind), attr="at"),
                args=[target, key, value],
            ):
                given = self.lifted(self.array(self.value(value), tree))
                if kind == "subtract":
                    given = self.call("neg", given)
                whole, before = self._target(target)
                self._change(whole, before, self.call(
                    "add_at", before, self.key(self.value(key), tree), given))  # fmt: skip
            case _:
                self.value(tree)

    # --- assignments

    def write(self, target: ast.expr, value: Any) -> None:
        """np.multiply(dA, mask, out=dA)."""
        whole, before = self._target(target)
        self._change(whole, before, value)

    def assign(self, target: ast.expr, value: Any) -> None:
        """target = value."""
        match target:
            case ast.Subscript(value=inner, slice=key):
                holder = self._held(inner)
                if holder is not None:
                    self._enter(holder, self.value(key), value, target)
                    return
                whole, before = self._target(inner)
                given = self.lifted(self.array(value, target))
                place = self.key(self.value(key), target)
                new = self.call("add_at", before, place, given) if self.adds else (
                    self._set(before, place, given))  # fmt: skip
                self._change(whole, before, new)
            case ast.Attribute(value=ast.Name()):
                self.names[target.attr] = value
            case ast.Starred():
                raise self.fault("a starred name is not understood", target)
            case ast.Tuple() | ast.List() if isinstance(value, Holder):
                return  # (Z1, A1) = cache: they are known by their own names
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                values = self.items(value, target)
                if len(values) != len(targets):
                    raise self.fault(f"{len(targets)} names for {len(values)} values", target)
                for each, item in zip(targets, values, strict=True):
                    self.assign(each, item)
            case _:
                self.bind(target, value)

    def _set(self, before: Any, key: Any, value: Any) -> Any:
        """The array with new entries; dX[mask] = dA[mask] is dA where the mask holds."""
        if isinstance(key, Term) and isinstance(value, Term):
            masked = {
                each: each.args[0]
                for each in subterms(value)
                if each.op == "index" and each.args[1] is key
            }
            value = value.replaced(masked)
        return self.call("set", before, key, value)

    def _held(self, tree: ast.expr) -> Any:
        """The dictionary or list that a target stands in, if it does."""
        match tree:
            case ast.Name(id=name) if name not in self.names and name not in self.scope.known:
                if name in self.scope.gradients or name in self.scope.sizes:
                    return None
                return self.named(name)
            case ast.Name(id=name):
                value = self.names.get(name)
                return value if isinstance(value, dict | list) else None
        return None

    def _enter(self, holder: Any, key: Any, value: Any, tree: ast.AST) -> None:
        """grads['dW1'] = value: the entry is known by its own name too."""
        if isinstance(holder, list):
            holder[self._int(key, tree)] = value
            return
        name = str(key) if isinstance(key, str) else None
        if isinstance(holder, dict):
            holder[int(key) if isinstance(key, Integer) else key] = value
        elif name is None:
            raise self.fault("an entry is known by a name", tree)
        if name is not None:
            self.names[name] = value

    def _target(self, tree: ast.expr) -> tuple[ast.expr, Any]:
        """The name that is updated, and its value now."""
        match tree:
            case ast.Name() | ast.Subscript() | ast.Attribute():
                value = self.value(tree)
                return tree, self.lifted(self.array(value, tree))
        raise self.fault(f"{describe(tree)} cannot be updated", tree)

    def _change(self, target: ast.expr, before: Any, value: Any) -> None:
        """Put a value in the place of an array that is changed, by whatever name it is known."""
        after = self.algebra.changed(before, value)
        if after is not before or not isinstance(target, ast.Subscript):
            self._store(target, after)  # what is part of an array was written through to it

    def _store(self, target: ast.expr, value: Any) -> None:
        """Know a value where a target says."""
        match target:
            case ast.Name(id=name):
                self.names[name] = value
            case ast.Attribute(attr=name):
                self.names[name] = value
            case ast.Subscript(value=inner, slice=key):
                holder = self._held(inner)
                if holder is not None:
                    self._enter(holder, self.value(key), value, target)
                    return
                whole, before = self._target(inner)
                self._change(whole, before, self.call(
                    "set", before, self.key(self.value(key), target), value))  # fmt: skip

    def update(self, target: ast.expr, kind: type[ast.operator], value: Any, tree: ast.AST) -> None:
        """target op= value."""
        match target:
            case ast.Subscript(value=inner, slice=key) if self._held(inner) is None:
                whole, before = self._target(inner)
                where = self.key(self.value(key), target)
                if kind in (ast.Add, ast.Sub):
                    given = self.lifted(self.array(value, tree))
                    given = self.call("neg", given) if kind is ast.Sub else given
                    kind_of = "add_at" if self.adds else "increase"
                    self._change(whole, before, self.call(kind_of, before, where, given))
                    return
                old = self.call("index", before, where)
                new = self._set(before, where, self.binary(kind, old, value, tree))
                self._change(whole, before, new)
            case _:
                old = self.value(target)
                if isinstance(old, list) and kind is ast.Add:  # the list itself grows
                    old += self.items(value, tree)
                    return
                self._change(target, old, self.binary(kind, old, value, tree))

    # --- loops

    def _loop(self, tree: ast.For) -> None:
        of_layers = any(True for _ in computed_keys(tree))
        iterated: Any = None
        try:
            iterated = self.value(tree.iter)
            items = self.items(iterated, tree.iter)
        except (NotSymbolic, UnknownName) as error:
            if of_layers and self.algebra.symbolic:
                raise self.fault(f"{HOW_MANY}: {error.what}", tree, SAY_IT) from None
            if isinstance(error, UnknownName) or not self.algebra.symbolic or iterated is None:
                raise
            self._symbolic_loop(tree, iterated)
            return
        for item in items:
            self.tick()
            self.bind(tree.target, item)
            if self._body(tree.body) == "break":
                break

    def _body(self, body: list[ast.stmt]) -> str:
        try:
            self.run(body)
        except Left as left:
            return left.kind
        return ""

    def _while(self, tree: ast.While) -> None:
        while self.condition(self.value(tree.test), tree):
            self.tick()
            if self._body(tree.body) == "break":
                break

    def _symbolic_loop(self, tree: ast.For, iterated: Any) -> None:
        """A loop over a size: what is added up becomes a sum over an index."""
        index = loop_index()
        item, size = self.symbolic_item(iterated, index, tree)
        before = dict(self.names)
        holes = {
            name: Term("name", f"before the loop: {name}")
            for name, value in before.items()
            if isinstance(value, Term | Expr)
        }
        changed = _assigned(tree.body)
        self.names = before | {name: hole for name, hole in holes.items() if name in changed}
        grown = {
            name: len(value)
            for name, value in before.items()
            if isinstance(value, list) and not value
        }
        self.bind(tree.target, item)
        if self._body(tree.body):
            raise NotSymbolic("a loop that is left early has no formula")
        after = self.names
        self.names = dict(before)
        for name in changed:
            if name in holes:
                start = self.lifted(before[name])
                self.names[name] = self._closed(holes[name], start, after[name], index, size)
            elif name not in before:
                self.names[name] = NotSymbolic(f"{name} is the last of a loop")
        for name in grown:
            value = after[name]
            if len(value) == 1:
                raise NotSymbolic("a list that grows in a loop over a size")

    def _closed(self, hole: Term, start: Term, after: Any, index: Any, size: Expr) -> Any:
        """What a name is after the loop, from what one step makes of it."""
        if after is hole:
            return start
        if not isinstance(after, Term):
            raise NotSymbolic("what a loop computes has no formula")

        def each(value: Any) -> Term:
            return Term("each", self.lifted(value), index, size)

        def free(*values: Any) -> bool:
            return all(hole.args[0] not in names_in(v) for v in values if isinstance(v, Term))

        inner: Term
        match after:
            case Term(op="add" | "sub", args=(inner, value)) if free(value):
                step = self.call("sum", each(value), axis=Integer(0))
                return self.call(after.op, self._closed(hole, start, inner, index, size), step)
            case Term(op="add", args=(value, inner)) if free(value):
                step = self.call("sum", each(value), axis=Integer(0))
                return self.call("add", step, self._closed(hole, start, inner, index, size))
            case Term(op="increase" | "add_at", args=(inner, key, value)) if free(value):
                zero = self.call("zeros_like", start)
                placed = self.call(after.op, zero, key, value)
                step = self.call("sum", each(placed), axis=Integer(0))
                return self.call("add", self._closed(hole, start, inner, index, size), step)
            case Term(op="set", args=(inner, key, value)) if free(value) and inner is hole:
                first = key[0] if isinstance(key, tuple) and key else key
                rest = key[1:] if isinstance(key, tuple) else ()
                shape = self.algebra.shape(start)
                if first == index - 1 and shape[0] == size and all(k == Slice() for k in rest):
                    row = self.call("index", start, Integer(0))
                    spread = self.call("add", self.call("zeros_like", row), self.lifted(value))
                    return each(spread)
        raise NotSymbolic("what a loop computes has no formula")


def _assigned(body: list[ast.stmt]) -> list[str]:
    """The names that statements may change."""
    found: dict[str, None] = {}
    for statement in body:
        for node in ast.walk(statement):
            targets: list[ast.expr] = []
            match node:
                case ast.Assign(targets=several):
                    targets = list(several)
                case (
                    ast.AugAssign(target=target)
                    | ast.AnnAssign(target=target)
                    | ast.For(target=target)
                ):
                    targets = [target]
                case ast.Call(func=ast.Attribute(attr="at"), args=[first, *_]):
                    targets = [first]
                case ast.Call(keywords=keywords):
                    targets = [each.value for each in keywords if each.arg == "out"]
            for target in targets:
                for name in _base_names(target):
                    found[name] = None
    return list(found)


def _base_names(target: ast.expr) -> list[str]:
    match target:
        case ast.Name(id=name):
            return [name]
        case ast.Subscript(value=inner, slice=ast.Constant(value=str() as name)):
            return [name, *_base_names(inner)]
        case ast.Subscript(value=inner):
            return _base_names(inner)
        case ast.Attribute(attr=name):
            return [name]
        case ast.Tuple(elts=several) | ast.List(elts=several):
            return [name for each in several for name in _base_names(each)]
    return []


def returned(run: Expressions, body: list[ast.stmt]) -> Any:
    """What a function gives back."""
    if not isinstance(run, Interpreter):
        raise ParseError("a function cannot be called here")
    try:
        run.run(body)
    except Returned as end:
        return end.value
    return None


__all__ = ["Interpreter", "Left", "Returned", "number", "returned", "subterms"]
