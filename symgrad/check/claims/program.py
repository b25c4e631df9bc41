"""Programs as people write them: what of them runs a network, and what states its gradients."""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from symgrad.check.claims.scope import Scope, may_be_gradient
from symgrad.check.claims.slices import free, is_objective, reads
from symgrad.check.claims.stated import Spelled
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
    them until it is known which names are gradients. `unnamed` is what is returned without a name
    that says which gradient it is, and `unread` what is called as the gradient by something that is
    not known, with its line.
    """

    helpers: list[ast.stmt] = field(default_factory=list)
    forward: list[ast.stmt] = field(default_factory=list)
    backward: list[ast.stmt] = field(default_factory=list)
    functions: list[ast.FunctionDef] = field(default_factory=list)
    unnamed: list[ast.expr] = field(default_factory=list)
    unread: list[tuple[int, str]] = field(default_factory=list)

    @classmethod
    def of(cls, statements: Iterable[ast.stmt], names: Iterable[str] = ()) -> "Program":
        """A program by the names of its functions; a script where it states gradients outside.

        A function that others call is a helper, unless it is called with the names of its own
        arguments: then it stands in the place of the call. `names` are known beside the program's.
        """
        flat = list(_unpacked(statements))
        functions = [tree for tree in flat if isinstance(tree, ast.FunctionDef)]
        loose = [tree for tree in flat if not isinstance(tree, _NO_SCRIPT) and not _is_guard(tree)]
        declared = set(names)
        known = [*declared, *_assigned(flat)]
        script = any(may_be_gradient(name, known) for tree in loose for name in _stated(tree))
        kinds = {tree.name: _kind(tree, known) for tree in functions if not script}
        stages = _named([tree for tree in functions if kinds.get(tree.name)])
        spliced = _Splicing(stages, kinds)
        for name in spliced.drivers():  # train(X, Y) calls all stages, and is none
            del stages[name]
        called = spliced.called()
        whole = {name: tree for name, tree in stages.items() if name not in called}
        for name in _unused(whole, declared):
            del whole[name]
        program = cls([tree for tree in functions if tree.name not in whole])
        if not whole:
            program.forward = list(_rounds(loose))
            return program
        program.helpers += [tree for tree in loose if _is_constant(tree)]
        if all(kinds[name] == "backward" for name in whole):  # that score themselves
            kinds |= {name: "cost" for name, tree in whole.items()
                      if any(map(is_objective, _assigned(tree.body)))}  # fmt: skip
        running = [tree for kind in ("forward", "cost") for name, tree in whole.items()
                   if kinds[name] == kind]  # fmt: skip
        _require_apart(running)
        for tree in running:
            program.forward += [*_defaults(tree, declared), *spliced.body(tree)]
        for name, tree in whole.items():
            if kinds[name] == "backward":
                program.functions.append(tree)
                program.backward += [*_defaults(tree, declared), *spliced.body(tree)]
        return program

    def states_gradients(self, known: Sequence[str]) -> bool:
        """Whether it states the gradient by any of the known values."""
        bodies = _assigned([*self.forward, *self.backward])
        return bool(self.functions) or any(may_be_gradient(name, known) for name in bodies)

    def claims(
        self, scope: Scope, parameters: Sequence[str],
        written: Callable[[list[ast.stmt]], list[ast.stmt]] = list,
    ) -> list[ast.stmt]:  # fmt: skip
        """The statements that state gradients, each of them under a name of its own.

        `written` writes out loops over layers.
        """
        bodies = written(self.backward or self.forward)
        sole = f"d{parameters[0]}" if len(parameters) == 1 else ""
        names = [tree.name for tree in self.functions if scope.target(tree.name) is not None]
        stated = frozenset(name for name in _assigned(bodies) if scope.target(name) is not None)
        returns = names[0] if len(names) == 1 else sole
        spelled = Spelled(scope, returns, stated, bool(self.functions))
        out: list[ast.stmt] = []
        try:
            for tree in bodies:
                out += spelled.statements(tree)
        except RecursionError:
            raise ParseError("the text is nested too deeply", hint="name parts of it") from None
        self.unnamed = spelled.unnamed
        self.unread = _unread(out, scope)
        return [*self.helpers, *out]


#: What is no statement of a script; all others may calculate something.
_NO_SCRIPT = (ast.FunctionDef, ast.Import, ast.ImportFrom, ast.Assert, ast.Pass)


def _is_guard(tree: ast.stmt) -> bool:
    """`if __name__ == "__main__":`."""
    return isinstance(tree, ast.If) and any(
        isinstance(each, ast.Name) and each.id == "__name__" for each in ast.walk(tree.test)
    )


def _named(functions: Iterable[ast.FunctionDef]) -> dict[str, ast.FunctionDef]:
    """Functions by name.

    Raises
    ------
    ParseError    where two have one name, as methods of classes may.
    """
    found: dict[str, ast.FunctionDef] = {}
    for tree in functions:
        if tree.name in found:
            first = found[tree.name].lineno
            raise ParseError(
                f"two functions are named {tree.name!r}, in lines {first} and {tree.lineno}",
                hint="a file is one network: put each layer into a file of its own",
            )
        found[tree.name] = tree
    return found


def _unused(whole: Mapping[str, ast.FunctionDef], declared: set[str]) -> list[str]:
    """The functions that use a network which others run: predict(X), of whose values none is read.

    Where nothing else runs it, they do.
    """
    uses = {name for name in whole if any(word in name.lower() for word in _USES)}
    found = []
    for name in uses if len(uses) < len(whole) else ():
        own = set(_assigned(whole[name].body))
        read = set[str]()
        for other, tree in whole.items():
            if other not in uses:
                read |= free(tree.body) - declared
        if not own & read:
            found.append(name)
    return found


#: Names of functions that use a network.
_USES = ("predict", "accuracy", "evaluate", "sample", "plot")


def _require_apart(functions: Sequence[ast.FunctionDef]) -> None:
    """Raise where two functions give one name to values, and neither goes on from the other's."""
    owner: dict[str, ast.FunctionDef] = {}
    for tree in functions:
        given = {each.arg for each in tree.args.args}
        for name in _assigned([each for each in tree.body if not _keeps(each)]):
            other = owner.setdefault(name, tree)
            if other is not tree and name not in given | free(tree.body):
                raise ParseError(
                    f"{other.name} and {tree.name} both compute {name!r}, in lines {other.lineno} "
                    f"and {tree.lineno}, and neither goes on from the other",
                    hint="a file is one network: put each layer into a file of its own",
                )


def _keeps(tree: ast.stmt) -> bool:
    """Whether a statement names sizes, or keeps values for later."""
    if not isinstance(tree, ast.Assign):
        return False
    value = tree.value.value if isinstance(tree.value, ast.Subscript) else tree.value
    kept = ast.Tuple | ast.Dict | ast.List | ast.Name | ast.Constant | ast.Attribute
    return isinstance(value, kept)


def _unread(statements: Sequence[ast.stmt], scope: Scope) -> list[tuple[int, str]]:
    """Names as dQ that are no gradient by a known value, and that nothing reads."""
    bodies = [tree for tree in statements if not isinstance(tree, ast.FunctionDef)]
    read = set[str]().union(*map(reads, bodies))
    lines = {name: tree.lineno for tree in bodies for name in _assigned([tree])}
    return [
        (line, name) for name, line in lines.items()
        if name[:1] == "d" and len(name) > 1 and name not in read
        and scope.target(name) is None and name not in scope.known
    ]  # fmt: skip


def _defaults(function: ast.FunctionDef, declared: set[str]) -> list[ast.stmt]:
    """Arguments of a function that are numbers or words unless said otherwise, as assignments."""
    args = function.args
    pairs = list(zip(args.args[len(args.args) - len(args.defaults) :], args.defaults, strict=True))
    pairs += [(arg, value) for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=True)
              if value is not None]  # fmt: skip
    out: list[ast.stmt] = []
    for arg, value in pairs:
        plain = isinstance(value, ast.Constant) and value.value is not None
        if plain and arg.arg not in declared:
            target = ast.copy_location(ast.Name(arg.arg, ast.Store()), value)
            out.append(ast.copy_location(ast.Assign([target], value), value))
    return out


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
        case ast.If(body=body, orelse=orelse):
            return [name for each in (*body, *orelse) for name in _stated(each)]
    return []


def _trains(loop: ast.For | ast.While) -> bool:
    """Whether a loop assigns values and their gradients: W and dW."""
    names = _assigned(loop.body)
    return any(may_be_gradient(name, names) for name in names)


def _is_constant(tree: ast.stmt) -> bool:
    """eps = 1e-8, or square = lambda x: x**2, which functions may read."""
    return isinstance(tree, ast.Assign) and (
        isinstance(tree.value, ast.Lambda)
        or not any(isinstance(each, ast.Call | ast.Subscript) for each in ast.walk(tree.value))
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


__all__ = ["Program"]
