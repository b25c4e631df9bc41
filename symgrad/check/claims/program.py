"""Programs as people write them: what of them runs a network, and what states its gradients."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from symgrad.check.claims.scope import Scope, may_be_gradient
from symgrad.check.claims.statements import _assigned
from symgrad.errors import ParseError

#: What the names of functions say: which of them run a network, score it, and derive it.
_STAGES = {
    "backward": ("back", "bwd", "grad", "deriv"),
    "cost": ("cost", "loss", "objective", "criterion"),
    "forward": ("forward", "fwd", "predict", "model"),
}


@dataclass(slots=True)
class Program:
    """Statements in three parts: helpers, what runs the network, and what states its gradients.

    `functions` are those that the gradients stand in; a script has none, and no part of its own for
    them until it is known which names are gradients.
    """

    helpers: list[ast.stmt] = field(default_factory=list)
    forward: list[ast.stmt] = field(default_factory=list)
    backward: list[ast.stmt] = field(default_factory=list)
    functions: list[ast.FunctionDef] = field(default_factory=list)

    @classmethod
    def of(cls, statements: Iterable[ast.stmt], names: Iterable[str] = ()) -> "Program":
        """A program by the names of its functions; a script where it states gradients outside.

        A function that others call is a helper, unless it is called with the names of its own
        arguments: then it stands in the place of the call. `names` are known beside the program's.
        """
        flat = list(_unpacked(statements))
        functions = [tree for tree in flat if isinstance(tree, ast.FunctionDef)]
        loose = [tree for tree in flat if isinstance(tree, _SCRIPT)]
        known = [*names, *_assigned(flat)]
        script = any(may_be_gradient(name, known) for tree in loose for name in _stated(tree))
        kinds = {tree.name: _kind(tree, known) for tree in functions if not script}
        stages = {tree.name: tree for tree in functions if kinds.get(tree.name)}
        spliced = _Splicing(stages, kinds)
        for name in spliced.drivers():  # train(X, Y) calls all stages, and is none
            del stages[name]
        called = spliced.called()
        whole = {name: tree for name, tree in stages.items() if name not in called}
        program = cls([tree for tree in functions if tree.name not in whole])
        if not whole:
            program.forward = list(_rounds(loose))
            return program
        program.helpers += [tree for tree in loose if _is_constant(tree)]
        for kind in ("forward", "cost"):
            for name, tree in whole.items():
                if kinds[name] == kind:
                    program.forward += spliced.body(tree)
        for name, tree in whole.items():
            if kinds[name] == "backward":
                program.functions.append(tree)
                program.backward += spliced.body(tree)
        return program

    def states_gradients(self, known: Sequence[str]) -> bool:
        """Whether it states the gradient by any of the known values."""
        bodies = _assigned([*self.forward, *self.backward])
        return bool(self.functions) or any(may_be_gradient(name, known) for name in bodies)

    def claims(self, scope: Scope, parameters: Sequence[str]) -> list[ast.stmt]:
        """The statements that state gradients, each of them under a name of its own."""
        bodies = self.backward or self.forward
        sole = f"d{parameters[0]}" if len(parameters) == 1 else ""
        names = [tree.name for tree in self.functions if scope.target(tree.name) is not None]
        spelled = _Spelled(scope, names[0] if len(names) == 1 else sole)
        out: list[ast.stmt] = []
        try:
            for tree in bodies:
                out += spelled.statements(tree)
        except RecursionError:
            raise ParseError("the text is nested too deeply", hint="name parts of it") from None
        return [*self.helpers, *out]


#: Statements of a script that may calculate something.
_SCRIPT = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.For, ast.While, ast.Expr)


def _unpacked(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, those of classes in place of the classes."""
    for tree in statements:
        if isinstance(tree, ast.ClassDef):
            yield from _unpacked(tree.body)
        else:
            yield tree


def _rounds(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a script, one round of a loop of training in place of the loop."""
    for tree in statements:
        if isinstance(tree, ast.For | ast.While) and _trains(tree):
            yield from _rounds(tree.body)
        else:
            yield tree


def _stated(tree: ast.stmt) -> list[str]:
    """The names that a statement of a script calculates, rather than unpacks."""
    match tree:
        case ast.Assign(value=ast.Call(func=ast.Name())):  # grads = backward(...)
            return []
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            return [] if isinstance(value, ast.Subscript | ast.Name) else [name]
        case ast.For(body=body) | ast.While(body=body):
            return [name for each in body for name in _stated(each)]
    return []


def _trains(loop: ast.For | ast.While) -> bool:
    """Whether a loop assigns values and their gradients: W and dW."""
    names = _assigned(loop.body)
    return any(may_be_gradient(name, names) for name in names)


def _is_constant(tree: ast.stmt) -> bool:
    """eps = 1e-8, which functions may read."""
    return isinstance(tree, ast.Assign) and not any(
        isinstance(each, ast.Call | ast.Subscript) for each in ast.walk(tree.value)
    )


def _kind(function: ast.FunctionDef, known: Sequence[str]) -> str:
    """Whether a function runs the network, scores or derives it; "" if nothing tells.

    Its name tells, else that it states gradients: of a network that it scores itself.
    """
    name = function.name.lower()
    found = (kind for kind, words in _STAGES.items() if any(word in name for word in words))
    states = any(may_be_gradient(each, known) for tree in function.body for each in _stated(tree))
    return next(found, "cost" if states else "")


@dataclass(slots=True)
class _Splicing:
    """Puts the bodies of functions in the place of their calls, where the names are the same."""

    stages: dict[str, ast.FunctionDef]
    kinds: dict[str, str]

    def drivers(self) -> list[str]:
        """The functions that call what derives, and do not derive themselves."""
        return [
            name for name, tree in self.stages.items()
            if self.kinds[name] != "backward" and any(
                inner is not None and self.kinds[inner.name] == "backward"
                for inner in map(self._called, ast.walk(tree))
            )
        ]  # fmt: skip

    def called(self) -> set[str]:
        """The stages that others of the same kind, or earlier kinds, call."""
        found = set[str]()
        for name, tree in self.stages.items():
            for each in ast.walk(tree):
                inner = self._called(each)
                if inner is not None and inner.name != name:
                    mixed = self.kinds[name] == "backward" != self.kinds[inner.name]
                    if not mixed:
                        found.add(inner.name)
        return found

    def body(self, function: ast.FunctionDef, depth: int = 0) -> list[ast.stmt]:
        """The statements of a function."""
        out: list[ast.stmt] = []
        for tree in function.body:
            call = tree.value if isinstance(tree, ast.Assign | ast.Expr) else None
            inner = self._called(call) if isinstance(call, ast.Call) else None
            if (
                not isinstance(call, ast.Call)
                or inner is None
                or not (depth <= len(self.stages) and _same_names(call, inner))
            ):
                out.append(tree)
                continue
            own = self.body(inner, depth + 1)
            last = own[-1] if own and isinstance(own[-1], ast.Return) else None
            out += own[:-1] if last is not None else own
            if last is not None and last.value is not None and isinstance(tree, ast.Assign):
                again = ast.Assign(tree.targets, last.value)
                if not _is_itself(again):
                    out.append(ast.copy_location(again, tree))
        return out

    def _called(self, tree: ast.AST) -> ast.FunctionDef | None:
        """The stage that a call is of, self.forward(X) too."""
        match tree:
            case (
                ast.Call(func=ast.Name(id=name))
                | ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name))
            ):
                return self.stages.get(name)
        return None


def _same_names(call: ast.Call, function: ast.FunctionDef) -> bool:
    """Whether a function is called with the names of its arguments."""
    own = [each.arg for each in function.args.args if each.arg != "self"]
    given = [each.id if isinstance(each, ast.Name) else "" for each in call.args]
    keys = {each.arg: each.value for each in call.keywords}
    named = all(isinstance(v, ast.Name) and v.id == k for k, v in keys.items())
    return given == own[: len(given)] and named


def _is_itself(tree: ast.Assign) -> bool:
    """Z1, A1 = Z1, A1."""
    return all(ast.unparse(target) == ast.unparse(tree.value) for target in tree.targets)


#: Dictionaries whose entries are gradients: grads['W1'] is the gradient by W1.
_GRADIENTS = frozenset(
    "grads grad gradients gradient grad_dict gradients_dict derivatives dparams".split()
)


@dataclass(slots=True)
class _Spelled(ast.NodeTransformer):
    """Statements in which entries of dictionaries stand as names, and what is returned has one.

    `returns` is the gradient that a function returns which returns one expression.
    """

    scope: Scope
    returns: str

    def statements(self, tree: ast.stmt) -> Iterator[ast.stmt]:
        """What stands for a statement."""
        match tree:
            case ast.Return(value=ast.Dict() as entries):
                yield from self._entries(entries, True)
            case ast.Return(value=ast.Name() | ast.Tuple() | None):
                pass
            case ast.Return(value=ast.expr() as value):
                if self.returns:
                    yield self._assigned(self.returns, value)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict() as entries):
                yield self.visit(tree)
                yield from self._entries(entries, name in _GRADIENTS)
            case _:
                yield self.visit(tree)

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


__all__ = ["Program"]
