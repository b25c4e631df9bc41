"""Expressions of NumPy code, run by an interpreter of our own over a closed list of functions.

Static values (numbers, sizes, texts, lists, dictionaries) are Python's and SymPy's; arrays are
those of an algebra: terms, or NumPy's.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sympy import E, Expr, Integer, S, floor, pi

from symgrad.check.claims.algebra import Algebra, NotSymbolic
from symgrad.check.claims.kinds import (
    Function,
    Holder,
    Method,
    Module,
    Rows,
    Span,
    Tupled,
    hashed,
)
from symgrad.check.claims.operations import ALIASES, OPERATIONS
from symgrad.check.claims.scope import HOLDERS, OF_PARAMETERS, Scope
from symgrad.check.claims.terms import Slice, Term
from symgrad.check.claims.terms import number as number_term
from symgrad.declare.loops import loop_index
from symgrad.declare.parse import _exact
from symgrad.declare.syntax import Source, describe
from symgrad.errors import ParseError, SymgradError
from symgrad.tensor.operators import raised

#: Steps of a claim: more is a slip or an attack. So many entries of an array are a step more.
MOST_STEPS, STEP_ENTRIES = 200_000, 256

#: Modules by name, and those within them.
_MODULES = frozenset({"np", "numpy", "jnp", "scipy", "special", "math"})
_INNER = frozenset({"linalg", "special", "nn", "functional", "lib"})

_STATIC: dict[type[ast.operator], Callable[[Expr, Expr], Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a * raised(b, S.NegativeOne),
    ast.FloorDiv: lambda a, b: floor(a * raised(b, S.NegativeOne)),
    ast.Mod: lambda a, b: a - b * floor(a * raised(b, S.NegativeOne)),
    ast.Pow: raised,
}
_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.Pow: "pow",
    ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or",
}  # fmt: skip
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip
_CONSTANTS: dict[str, Any] = {"pi": pi, "e": E, "newaxis": None, "inf": S.Infinity}
_TYPES = frozenset({"float", "float32", "float64", "int", "int32", "int64", "bool", "bool_",
                    "double", "dtype"})  # fmt: skip

#: Functions of NumPy's that no formula is needed for.
_COPIES = frozenset({"copy"})
_BUILTINS = frozenset({"range", "len", "zip", "enumerate", "reversed", "list", "tuple", "dict",
                       "print", "slice", "map", "isinstance", "str"})  # fmt: skip

#: Options of NumPy's that change nothing of a value.
_IDLE = frozenset({"dtype", "order", "copy", "out", "optimize"})


@dataclass(slots=True)
class Expressions:
    """Evaluates expressions; `names` are the person's own, `read` what was read of the scope."""

    source: Source
    scope: Scope
    algebra: Algebra
    names: dict[str, Any] = field(default_factory=dict)
    steps: int = 0

    # --- bounds

    def tick(self, steps: int = 1) -> None:
        """One step more, or several."""
        self.steps += steps
        if self.steps > MOST_STEPS:
            raise ParseError("the claim takes too many steps", hint="a claim is a short text")

    def fault(self, what: str, tree: ast.AST, hint: str = "") -> ParseError:
        """The error at a place."""
        where, column = self.source.place(tree.lineno, tree.col_offset)  # type: ignore[attr-defined]
        return ParseError(what, where, hint, tree.lineno, column)  # type: ignore[attr-defined]

    def placed(self, error: SymgradError, tree: ast.AST) -> SymgradError:
        """The error with its line and a caret under the culprit."""
        if error.where or not hasattr(tree, "lineno"):
            return error
        where, column = self.source.place(tree.lineno, tree.col_offset)  # type: ignore[attr-defined]
        found = error.at(where)
        if isinstance(found, ParseError):
            found.line, found.column = tree.lineno, column
        return found

    # --- values

    def value(self, tree: ast.expr) -> Any:
        """The value of an expression."""
        self.tick()
        rule = _RULES.get(type(tree))
        if rule is None:
            raise self.fault(f"{describe(tree)} is not understood", tree)
        try:
            return rule(self, tree)
        except SymgradError as error:
            raise self.placed(error, tree) from None

    def array(self, value: Any, tree: ast.AST) -> Any:
        """The value as an operand: an array or a number."""
        if isinstance(value, Rows):
            return value.term
        if isinstance(value, bool):
            return Integer(int(value))
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return self.algebra.call("array", self.nested(value, tree))
        if isinstance(value, Expr) or self.algebra.is_array(value):
            return value
        raise self.fault(f"{_kind(value)} is no value to calculate with", tree)

    def nested(self, value: Any, tree: ast.AST) -> Any:
        """Lists of lists as tuples of arrays."""
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return tuple(self.nested(each, tree) for each in value)
        return self.array(value, tree)

    def lifted(self, value: Any) -> Any:
        """A static number as an array of the algebra where one is needed."""
        return number_term(value) if self.algebra.symbolic and isinstance(value, Expr) else value

    def call(self, op: str, *args: Any, **options: Any) -> Any:
        """An operation of the table; in terms, operands that are numbers are terms too."""
        if op not in OPERATIONS:
            raise ParseError(f"no function is named {op!r}")
        result = self.algebra.call(op, *args, **options)
        self.tick(self.algebra.entries(result) // STEP_ENTRIES)
        return result

    def _constant(self, tree: ast.Constant) -> Any:
        value = tree.value
        if value is None or isinstance(value, bool | str) or value is Ellipsis:
            return value
        if isinstance(value, int | float):
            return _exact(self.source.typed(tree), value)
        raise self.fault(f"{describe(tree)} is not understood", tree, "numbers are real")

    def _name(self, tree: ast.Name) -> Any:
        return self.named(tree.id)

    def named(self, name: str) -> Any:
        """What a name stands for: the person's own first, then the graph's."""
        if name in self.names:
            value = self.names[name]
            if isinstance(value, SymgradError):
                raise value
            return value
        if name in self.scope.known:
            return self.algebra.known(self.scope.known[name])
        if name in self.scope.sizes:
            return self.algebra.size(name)
        if name in self.scope.gradients:
            return self.algebra.known("d:" + self.scope.gradients[name])
        if name in _MODULES:
            return Module(name)
        if name in HOLDERS:
            return Holder(name)
        function = ALIASES.get(name, name)
        if function in OPERATIONS or name in _BUILTINS or name in _TYPES:
            return Function(function)
        if name == "pi":
            return pi
        raise self.scope.unknown(name, self.names)

    def binary(self, kind: type[ast.operator], left: Any, right: Any, tree: ast.AST) -> Any:
        """A op b."""
        if isinstance(left, str) and isinstance(right, str) and kind is ast.Add:
            return left + right
        if isinstance(left, list) and kind is ast.Mult and isinstance(right, Integer):
            if len(left) * abs(int(right)) > 10_000:
                raise self.fault("a list is too long", tree)
            return left * int(right)
        if isinstance(left, list) and isinstance(right, list) and kind is ast.Add:
            return left + right
        a, b = self.array(left, tree), self.array(right, tree)
        if isinstance(a, Expr) and isinstance(b, Expr):
            if kind not in _STATIC:
                raise self.fault(f"{describe(kind())} is not understood here", tree)
            return _STATIC[kind](a, b)
        if kind not in _BINARY:
            raise self.fault(f"{describe(kind())} is not understood", tree)
        return self.call(_BINARY[kind], self.lifted(a), self.lifted(b))

    def _binop(self, tree: ast.BinOp) -> Any:
        links = [tree]
        while isinstance(links[-1].left, ast.BinOp):
            links.append(links[-1].left)
        result = self.value(links[-1].left)
        for link in reversed(links):
            result = self.binary(type(link.op), result, self.value(link.right), link)
        return result

    def _unary(self, tree: ast.UnaryOp) -> Any:
        inner = self.value(tree.operand)
        if isinstance(tree.op, ast.Not):
            return not self.condition(inner, tree)
        value = self.array(inner, tree)
        if isinstance(tree.op, ast.Invert):
            return self.call("not", self.lifted(value))
        if isinstance(tree.op, ast.UAdd):
            return value
        return -value if isinstance(value, Expr) else self.call("neg", value)

    def _compare(self, tree: ast.Compare) -> Any:
        values = [self.value(each) for each in (tree.left, *tree.comparators)]
        results = [
            self._compared(kind, a, b, tree)
            for kind, a, b in zip(tree.ops, values, values[1:], strict=False)
        ]
        result = results[0]
        for each in results[1:]:
            result = self._both(result, each, tree)
        return result

    def _compared(self, kind: ast.cmpop, a: Any, b: Any, tree: ast.AST) -> Any:
        if isinstance(kind, ast.In | ast.NotIn):
            inside = any(each == a for each in (b if isinstance(b, tuple | list | dict) else ()))
            return inside == isinstance(kind, ast.In)
        if isinstance(kind, ast.Is | ast.IsNot):
            return (a is b) == isinstance(kind, ast.Is)
        if isinstance(a, str) or a is None or isinstance(b, str) or b is None:
            return (a == b) == isinstance(kind, ast.Eq)
        x, y = self.array(a, tree), self.array(b, tree)
        name = _COMPARE[type(kind)]
        if isinstance(x, Expr) and isinstance(y, Expr):
            return self._decided(name, x - y, tree)
        return self.call(name, self.lifted(x), self.lifted(y))

    def _decided(self, name: str, gap: Expr, tree: ast.AST) -> bool:
        answer = {
            "lt": gap.is_negative, "le": gap.is_nonpositive, "gt": gap.is_positive,
            "ge": gap.is_nonnegative, "eq": gap.is_zero,
            "ne": None if gap.is_zero is None else not gap.is_zero,
        }[name]  # fmt: skip
        if answer is None:
            raise NotSymbolic("a condition on sizes has no answer for all of them")
        return bool(answer)

    def _both(self, a: Any, b: Any, tree: ast.AST) -> Any:
        if isinstance(a, bool) and isinstance(b, bool):
            return a and b
        return self.call("and", self.lifted(self.array(a, tree)), self.lifted(self.array(b, tree)))

    def condition(self, value: Any, tree: ast.AST) -> bool:
        """Whether a value counts as true."""
        if self.algebra.is_array(value):
            return self.algebra.truth(value)
        if isinstance(value, Expr):
            return not self._decided("eq", value, tree)
        return bool(value)

    def _boolean(self, tree: ast.BoolOp) -> Any:
        wanted = isinstance(tree.op, ast.Or)
        result: Any = None
        for each in tree.values:
            result = self.value(each)
            if self.condition(result, tree) == wanted:
                return result
        return result

    def _choice(self, tree: ast.IfExp) -> Any:
        return self.value(tree.body if self.condition(self.value(tree.test), tree) else tree.orelse)

    def _listed(self, tree: ast.List | ast.Tuple) -> Any:
        values = []
        for each in tree.elts:
            if isinstance(each, ast.Starred):
                values += self.items(self.value(each.value), each)
            else:
                values.append(self.value(each))
        return values if isinstance(tree, ast.List) else tuple(values)

    def _dictionary(self, tree: ast.Dict) -> Any:
        result = {}
        for key, value in zip(tree.keys, tree.values, strict=True):
            if key is None:
                raise self.fault("** is not understood in a dictionary", tree)
            result[hashed(self.value(key))] = self.value(value)
        return result

    def _text(self, tree: ast.JoinedStr) -> str:
        """'W' + a number, as f"W{l}" writes it."""
        parts = []
        for each in tree.values:
            if isinstance(each, ast.FormattedValue):
                parts.append(str(hashed(self.value(each.value))))
            elif isinstance(each, ast.Constant):
                parts.append(str(each.value))
        return "".join(parts)

    def _slice(self, tree: ast.Slice) -> Slice:
        parts = (tree.lower, tree.upper, tree.step)
        return Slice(*(None if part is None else self._whole(part) for part in parts))

    def _whole(self, tree: ast.expr) -> Any:
        value = self.value(tree)
        if value is None or isinstance(value, Expr):
            return value
        if not self.algebra.symbolic and self.algebra.is_array(value):
            return Integer(int(value))
        raise NotSymbolic("a bound of a slice depends on values")

    def write(self, target: ast.expr, value: Any) -> None:
        """Put a value where a call says out=; statements alone can."""
        raise self.fault("nothing can be written to here", target)

    # --- attributes and entries

    def _attribute(self, tree: ast.Attribute) -> Any:
        if isinstance(tree.value, ast.Name) and tree.value.id in HOLDERS - self.names.keys():
            if tree.value.id not in self.scope.known:
                return self.entry(tree.value.id, tree.attr, tree)
        return self.attribute(self.value(tree.value), tree.attr, tree)

    def entry(self, holder: str, name: Any, tree: ast.AST) -> Any:
        """parameters['W1'] is W1; self.cache is a holder again."""
        if not isinstance(name, str):
            raise self.fault(f"an entry of {holder} is known by a name", tree)
        if name in HOLDERS and name not in self.scope.known:
            return Holder(name)
        return self.named(name)

    def attribute(self, value: Any, name: str, tree: ast.AST) -> Any:
        """value.name."""
        match value:
            case Module():
                if name in _CONSTANTS:
                    return _CONSTANTS[name]
                if name in _INNER:
                    return Module(name)
                function = ALIASES.get(name, name)
                if function in OPERATIONS or name in _TYPES or name in _COPIES:
                    return Function(function)
                raise self.fault(f"np.{name} is not among the functions that are understood", tree)
            case Holder():
                return self.entry(value.name, name, tree)
            case Function() if name in ("at", "outer", "reduce"):
                return Function(f"{value.name}.{name}", value.own)
        if isinstance(value, dict | list | str | tuple) and not hasattr(value, "_fields"):
            return Method(name, value)
        operand = self.array(value, tree)
        if isinstance(operand, Expr):
            return operand if name in ("T", "real") else Method(name, operand)
        if name == "T":
            return self.call("T", operand)
        if name in ("shape", "size", "ndim"):
            shape = self.algebra.shape(operand)
            count = S.One
            for size in shape:
                count *= size
            return {"shape": shape, "size": count, "ndim": Integer(len(shape))}[name]
        if name == "dtype":
            return "dtype"
        return Function(ALIASES.get(name, name), (operand,))

    def _subscript(self, tree: ast.Subscript) -> Any:
        inner = self.value(tree.value)
        key = self.value(tree.slice)
        return self.subscript(inner, key, tree)

    def subscript(self, inner: Any, key: Any, tree: ast.AST) -> Any:
        """inner[key]."""
        match inner:
            case Holder():
                return self.entry(inner.name, hashed(key), tree)
            case dict():
                if hashed(key) not in inner:
                    if isinstance(hashed(key), str):
                        return self.named(str(hashed(key)))
                    raise self.fault(f"the dictionary has no entry {key!r}", tree)
                return inner[hashed(key)]
            case Rows():
                return self.call("index", inner.term, self.key(key, tree))
            case Function(name="T" | "c_" | "r_"):
                raise self.fault(f"{inner.name}[...] is not understood", tree)
        if isinstance(inner, list | tuple | str) and not hasattr(inner, "_fields"):
            if isinstance(key, Slice):
                return inner[slice(*(None if k is None else self._int(k, tree) for k in key))]
            position = self._int(key, tree)
            if not -len(inner) <= position < len(inner):
                raise self.fault(
                    f"there are {len(inner)} entries, not one of number {position}", tree
                )
            return inner[position]
        operand = self.array(inner, tree)
        if isinstance(operand, Expr):
            raise self.fault("a number has no entries", tree)
        return self.call("index", operand, self.key(key, tree))

    def _int(self, value: Any, tree: ast.AST) -> int:
        if not self.algebra.symbolic and self.algebra.is_array(value):
            value = Integer(int(value))
        if not isinstance(value, Integer):
            raise NotSymbolic("a position is not a known number")
        return int(value)

    def key(self, key: Any, tree: ast.AST) -> Any:
        """An index: numbers, slices, None, an ellipsis, arrays."""
        if isinstance(key, tuple) and not hasattr(key, "_fields"):
            return tuple(self.key(each, tree) for each in key)
        if key is None or key is Ellipsis or isinstance(key, Slice | Expr):
            return key
        if isinstance(key, Span):
            if key.start == 0 and key.step == 1:
                return self.call("arange", key.stop)
            raise self.fault("an index counts from 0", tree)
        return self.array(key, tree)

    # --- iteration

    def items(self, value: Any, tree: ast.AST) -> list[Any]:
        """The items of what is iterated over, where their number is known.

        Raises
        ------
        NotSymbolic    where the number is a dimension.
        """
        match value:
            case Span(start, stop, step):
                if not (isinstance(start, Integer) and isinstance(stop, Integer)):
                    raise NotSymbolic("the number of steps of a loop is not known")
                if abs(int(stop) - int(start)) > MOST_STEPS:
                    raise self.fault("a loop takes too many steps", tree)
                return [Integer(k) for k in range(int(start), int(stop), step)]
            case Tupled(parts, counted):
                rows = [self.items(part, tree) for part in parts]
                if counted:
                    return [(Integer(k), each) for k, each in enumerate(rows[0])]
                return list(zip(*rows, strict=False))
            case dict():
                return list(value)
            case Holder(name) if name in OF_PARAMETERS:
                return list(self.scope.parameters)
            case Rows():
                raise NotSymbolic("the length of a list is not known")
        if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
            return list(value)
        operand = self.array(value, tree)
        if isinstance(operand, Expr):
            raise self.fault("a number cannot be iterated over", tree)
        (size, *_) = self.algebra.shape(operand) or (None,)
        if size is None:
            raise self.fault("a number cannot be iterated over", tree)
        if not isinstance(size, Integer):
            raise NotSymbolic("the length of an array is not known")
        return [self.call("index", operand, Integer(k)) for k in range(int(size))]

    def symbolic_item(self, value: Any, index: Expr, tree: ast.AST) -> tuple[Any, Expr]:
        """The item for an index of unknown range, and how many there are."""
        match value:
            case Span(start, stop, step) if step == 1:
                return start + index - 1, stop - start
            case Span(start, stop, step) if step == -1:
                return start - index + 1, start - stop
            case Rows(term, size):
                return self.call("index", term, index - 1), size
            case Tupled(parts, counted):
                pairs = [self.symbolic_item(part, index, tree) for part in parts]
                if counted:
                    return (index - 1, pairs[0][0]), pairs[0][1]
                if any(size != pairs[0][1] for _, size in pairs):
                    raise NotSymbolic("what is zipped differs in length")
                return tuple(item for item, _ in pairs), pairs[0][1]
        if self.algebra.is_array(value):
            size = self.algebra.shape(value)[0]
            return self.call("index", value, index - 1), size
        raise NotSymbolic("the length of what is iterated over is not known")

    def bind(self, target: ast.expr, value: Any) -> None:
        """Name what a loop or an assignment gives."""
        match target:
            case ast.Name(id=name):
                self.names[name] = value
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                if isinstance(value, Holder):  # (Z1, A1) = cache: known by their own names
                    return
                values = self.items(value, target)
                if len(values) != len(targets):
                    raise self.fault(f"{len(targets)} names for {len(values)} values", target)
                for each, item in zip(targets, values, strict=True):
                    self.bind(each, item)
            case _:
                raise self.fault(f"{describe(target)} cannot be named here", target)

    def _comprehension(self, tree: ast.ListComp | ast.GeneratorExp) -> Any:
        if len(tree.generators) > 2:
            raise self.fault("a comprehension has two loops at most", tree)
        saved = dict(self.names)
        try:
            first = tree.generators[0]
            iterated = self.value(first.iter)
            try:
                items = self.items(iterated, first.iter)
            except NotSymbolic:
                if len(tree.generators) > 1 or first.ifs:
                    raise
                return self._rows(tree, iterated)
            return self._collected(tree, 0, items)
        finally:
            self.names = saved

    def _collected(self, tree: Any, level: int, items: list[Any]) -> list[Any]:
        generator, result = tree.generators[level], []
        for item in items:
            self.bind(generator.target, item)
            if not all(self.condition(self.value(test), test) for test in generator.ifs):
                continue
            if level + 1 < len(tree.generators):
                inner = self.value(tree.generators[level + 1].iter)
                result += self._collected(tree, level + 1, self.items(inner, tree))
            else:
                result.append(self.value(tree.elt))
        return result

    def _rows(self, tree: Any, iterated: Any) -> Rows:
        index = loop_index()
        item, size = self.symbolic_item(iterated, index, tree)
        self.bind(tree.generators[0].target, item)
        body = self.nested(self.value(tree.elt), tree)
        if isinstance(body, tuple):
            body = self.call("array", body)
        return Rows(Term("each", self.lifted(body), index, size), size)


def _kind(value: Any) -> str:
    names: dict[type, str] = {str: "a text", Function: "a function", Module: "a module",
                              Holder: "a dictionary", dict: "a dictionary"}  # fmt: skip
    return names.get(type(value), f"{value!r:.40}")


def _call(self: Expressions, tree: ast.Call) -> Any:
    from symgrad.check.claims.calls import call

    value = call(self, tree)
    for keyword in tree.keywords:
        if keyword.arg == "out" and not isinstance(keyword.value, ast.Constant):
            self.write(keyword.value, value)
    return value


_RULES: dict[type[ast.expr], Callable[[Expressions, Any], Any]] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.BinOp: Expressions._binop,
    ast.UnaryOp: Expressions._unary,
    ast.Compare: Expressions._compare,
    ast.BoolOp: Expressions._boolean,
    ast.IfExp: Expressions._choice,
    ast.List: Expressions._listed,
    ast.Tuple: Expressions._listed,
    ast.Dict: Expressions._dictionary,
    ast.JoinedStr: Expressions._text,
    ast.Slice: Expressions._slice,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.ListComp: Expressions._comprehension,
    ast.GeneratorExp: Expressions._comprehension,
    ast.Call: _call,
}
