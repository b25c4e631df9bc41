"""Networks from text in NumPy's syntax: parsed with Python's grammar, never evaluated."""

import ast
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, NoReturn

from sympy import Expr, S, floor, pi

from symgrad.declare.arguments import closest, declared, require_known, texts
from symgrad.declare.graph import Graph
from symgrad.declare.identifiers import require_identifier
from symgrad.declare.loops import loop_index, over
from symgrad.declare.syntax import Source, describe
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import NameClash, ParseError, SymgradError, UnknownName
from symgrad.tensor import operators as op
from symgrad.tensor.dims import as_dim, dim
from symgrad.tensor.nodes import Constant, Leaf, Node

#: Names that stand for NumPy in front of a function.
_NUMPY = frozenset({"np", "numpy", "jnp"})

#: Functions that are also methods of an array.
_METHODS = frozenset(
    """sum mean var max min prod dot trace transpose clip reshape argmax argmin cumsum
    cumprod""".split()
)

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: op.add,
    ast.Sub: op.subtract,
    ast.Mult: op.multiply,
    ast.Div: op.divide,
    ast.Pow: op.power,
    ast.MatMult: op.matmul,
}
_NUMBERS: dict[type[ast.operator], Callable[[Expr, Expr], Expr]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a * op.raised(b, S.NegativeOne),
    ast.FloorDiv: lambda a, b: floor(a * op.raised(b, S.NegativeOne)),
    ast.Pow: op.raised,
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne",
}  # fmt: skip

#: Digits of a number: more say nothing, and Python converts them slowly or not at all.
_MOST_DIGITS = 1000

#: What these mean between two comparisons: True + True is True.
_OF_TRUTHS: dict[type[ast.operator], str] = {
    ast.Add: "reads + as or between", ast.Sub: "refuses - between", ast.Pow: "has no ** of",
}  # fmt: skip

_GRAMMAR = (
    "expressions are made of names, numbers, + - * / ** @, comparisons, .T, indices and "
    "calls of the vocabulary's functions"
)


def parse(
    text: str,
    symbols: Mapping[str, object],
    domain: Mapping[str, str] | None = None,
    parameters: Iterable[str] = (),
    output: str | None = None,
    name: str = "net",
    latex: Mapping[str, str] | None = None,
) -> Graph:
    """A graph from equations in NumPy's syntax.

    Parameters
    ----------
    text :       statements `name = expression`, ended by ";" or a line break; the last may be a
                 bare expression; "#" starts a comment.
    symbols :    name -> shape: a tuple of dimension names, integers and expressions in them.
    domain :     name -> domain, of symbols and defined values; real where not given.
    parameters : the symbols that gradients are taken by, in order.
    output :     the name of the output; the last definition without it.
    latex :      name -> spelling.

    Raises
    ------
    ParseError     for text that is not in the grammar; says line and column.
    UnknownName    for a name or function that nobody declared; suggests the closest.
    NameClash      for a name that is defined twice, unsafe, or both a dimension and a symbol.
    ShapeError     for shapes that do not fit; names both operands and the line.

    >>> net = parse("r = X @ w - y; J = sum(r**2) / 2",
    ...             symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",)}, parameters=["w"])
    >>> net.parameters, net.inputs, net.output
    (('w',), ('X', 'y'), 'J')
    """
    domains, spellings = texts(domain, "domain"), texts(latex, "latex")
    leaves = declared(symbols, parameters, domains, spellings)
    graph = Graph(name, symbols=leaves, output=output or "")
    reader = _Reader(Source(text), graph, domains, spellings)
    reader.read()
    require_known(domains, "domain", reader.names)
    require_known(spellings, "spelling", reader.names)
    return graph.freeze()


@dataclass(slots=True)
class _Reader:
    source: Source
    graph: Graph
    domains: dict[str, str]
    spellings: dict[str, str]
    names: dict[str, Leaf | Expr] = field(init=False)
    later: dict[str, int] = field(init=False)
    truths: set[str] = field(default_factory=set)
    current: str = ""

    def __post_init__(self) -> None:
        self.names = {"pi": pi} | {size: dim(size) for size in self.graph.dims}
        self.names |= {leaf.name: leaf for leaf in self.graph.symbols}

    def read(self) -> None:
        """Define every statement in the graph."""
        statements = self.source.statements()
        self.later = {
            target.id: statement.lineno
            for statement in reversed(statements)
            if isinstance(statement, ast.Assign)
            for targets in statement.targets
            for target in (targets.elts if isinstance(targets, ast.Tuple) else [targets])
            if isinstance(target, ast.Name)
        }
        for statement in statements:
            self._statement(statement, statement is statements[-1])

    def _statement(self, statement: ast.stmt, last: bool) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                names: tuple[str, ...] = (name,)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=value) if all(
                isinstance(target, ast.Name) for target in targets
            ):
                names = tuple(target.id for target in targets)  # type: ignore[attr-defined]
            case ast.Expr(value=value) if last:
                names = ()
            case ast.Expr():
                self.source.fail(
                    "only the last statement may be without a name", statement.lineno,
                    statement.col_offset, "write name = expression",
                )  # fmt: skip
            case _:
                self.source.fail(
                    f"a statement must be name = expression, not {describe(statement)}",
                    statement.lineno, statement.col_offset,
                )  # fmt: skip
        self.current = names[0] if names else ""
        try:
            self._define(names, value, isinstance(statement, ast.Assign) and len(names) > 1)
        except RecursionError:
            self.source.fail(
                "the expression is nested too deeply", statement.lineno, statement.col_offset,
                "name parts of it",
            )  # fmt: skip
        except SymgradError as error:
            raise self._placed(error, statement) from None

    def _define(self, names: tuple[str, ...], tree: ast.expr, several: bool) -> None:
        """Define the names, of one value or of as many as there are; "_" is none."""
        for name in names:
            if name != "_" or not several:
                require_identifier(name)
            if isinstance(self.names.get(name), Leaf):
                self._clash(name)
        result = self.value(tree)
        if not names:
            expr = result if isinstance(result, Node | Expr) else self._no_tensor(tree, result)
            self.graph.define_unnamed(expr)
            return
        values = result if several and isinstance(result, tuple | list) else (result,)
        if len(values) != len(names):
            raise ParseError(f"{len(names)} names for {len(values)} values")
        for name, each in zip(names, values, strict=True):
            if name == "_" and several:
                continue
            expr = each if isinstance(each, Node | Expr) else self._no_tensor(tree, each)
            self.names[name] = self.graph.define(
                name, expr, domain=self.domains.pop(name, "real"),
                latex=self.spellings.get(name, ""),
            )  # fmt: skip
            if self._is_truth(tree):
                self.truths.add(name)

    def _clash(self, name: str) -> NoReturn:
        defined = self.names[name] in (d.leaf for d in self.graph.definitions)
        what = "defined twice" if defined else "a declared symbol"
        raise NameClash(f"{name!r} is {what}", hint="give each value a name of its own")

    def _no_tensor(self, tree: ast.expr, found: object) -> NoReturn:
        what, hint = f"{describe(tree)} is no value", ""
        if isinstance(found, tuple) and isinstance(tree, ast.Call):
            what = f"this call gives {len(found)} values, not one"
            hint = "write a, b = f(x), or f(x)[0] for the first of them"
        self.source.fail(what, tree.lineno, tree.col_offset, hint)

    # --- expressions

    def value(self, tree: ast.expr) -> Any:
        """A node, an exact number (SymPy's), or an argument: tuple, text, flag, slice."""
        try:
            if isinstance(tree, ast.BinOp):
                return self._chain(tree)
            rule = _RULES.get(type(tree))
            if rule is None:
                raise ParseError(f"{describe(tree)} is outside the grammar", hint=_GRAMMAR)
            return rule(self, tree)
        except SymgradError as error:
            raise self._placed(error, tree) from None

    def _chain(self, tree: ast.BinOp) -> Any:
        """A + b + c + ... leans to the left: read it without recursion."""
        links = [tree]
        while isinstance(links[-1].left, ast.BinOp):
            links.append(links[-1].left)
        result = self.value(links[-1].left)
        for link in reversed(links):
            try:
                result = self._binary(link, result, self.value(link.right))
            except SymgradError as error:
                raise self._placed(error, link) from None
        return result

    def _binary(self, tree: ast.BinOp, left: Any, right: Any) -> Any:
        kind = type(tree.op)
        for side in (left, right):
            if not isinstance(side, Node | Expr):
                raise ParseError(f"{side!r} is no value to calculate with")
        if isinstance(left, Expr) and isinstance(right, Expr) and kind in _NUMBERS:
            return op.exact(_NUMBERS[kind](left, right))
        if kind in _OF_TRUTHS and all(
            self._is_truth(side) and not isinstance(result, Constant)
            for side, result in ((tree.left, left), (tree.right, right))
        ):
            raise ParseError(
                f"NumPy {_OF_TRUTHS[kind]} comparisons, which is no arithmetic",
                hint="write 1 * (a < b) for the numbers 0 and 1",
            )
        if kind not in _BINARY:
            raise ParseError(f"{describe(tree.op)} is outside the grammar", hint=_GRAMMAR)
        return _BINARY[kind](left, right)

    def _unary(self, tree: ast.UnaryOp) -> Any:
        if not isinstance(tree.op, ast.USub | ast.UAdd):
            raise ParseError(f"{describe(tree.op)} is outside the grammar", hint=_GRAMMAR)
        inner = self.value(tree.operand)
        if not isinstance(inner, Node | Expr):
            raise ParseError(f"{describe(tree.operand)} is no value to calculate with")
        if self._is_truth(tree.operand) and not isinstance(inner, Constant):
            raise ParseError("NumPy has no sign of a comparison", hint="write -1 * (a < b)")
        return inner if isinstance(tree.op, ast.UAdd) else -inner

    def _is_truth(self, tree: ast.expr) -> bool:
        """Whether it is an array of truth values in NumPy: a comparison, or products of such."""
        match tree:
            case ast.Compare():
                return True
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return self._is_truth(right) and self._is_truth(left)
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                return self._is_truth(inner)
            case ast.Name(id=name):
                return name in self.truths
        return False

    def _compare(self, tree: ast.Compare) -> Node:
        if len(tree.ops) > 1:
            raise ParseError("comparisons cannot be chained", hint="write (a < b) * (b < c)")
        kind = type(tree.ops[0])
        if kind not in _COMPARE:
            raise ParseError(f"{describe(tree.ops[0])} is outside the grammar", hint=_GRAMMAR)
        return op.compare(_COMPARE[kind], self.value(tree.left), self.value(tree.comparators[0]))

    def _name(self, tree: ast.Name) -> Any:
        name = tree.id
        if name in self.names:
            return self.names[name]
        if name in self.later:
            raise UnknownName(
                f"{name!r} is defined by itself"
                if name == self.current
                else f"{name!r} is used before it is defined (line {self.later[name]})",
                hint="equations go from inputs to output, without cycles",
            )
        if name in FUNCTIONS:
            raise UnknownName(f"{name!r} is a function; it needs arguments")
        if name == "inf":
            return S.Infinity  # an order of a norm; no expression can hold it
        raise UnknownName(f"{name!r} is not declared", hint=closest(name, [*self.names]))

    def _number(self, tree: ast.Constant) -> Any:
        value = tree.value
        if value is None or isinstance(value, bool | str) or value is Ellipsis:
            return value
        if isinstance(value, int | float):
            return _exact(self.source.typed(tree), value)
        raise ParseError(f"{describe(tree)} is outside the grammar", hint="numbers are real")

    def _attribute(self, tree: ast.Attribute) -> Any:
        if tree.attr == "T":
            inner = self.value(tree.value)
            return op.transpose(inner) if isinstance(inner, Node) else inner
        if isinstance(tree.value, ast.Name) and tree.value.id in _NUMPY:
            if tree.attr == "pi":
                return pi
            if tree.attr == "inf":
                return S.Infinity
        raise ParseError(f"the attribute .{tree.attr} is outside the grammar", hint=_GRAMMAR)

    def _call(self, tree: ast.Call) -> Any:
        match tree:
            case ast.Call(func=ast.Name(id="sum"), args=[ast.GeneratorExp() as each], keywords=[]):
                return self._sum_of_each(each)
        function, name, own = self._function(tree.func)
        if any(isinstance(each, ast.Starred) for each in tree.args):
            raise ParseError("starred arguments are outside the grammar")
        arguments = own + [self.value(each) for each in tree.args]
        options = {}
        for keyword in tree.keywords:
            if keyword.arg is None:
                raise ParseError("starred arguments are outside the grammar")
            if keyword.arg in options:
                raise ParseError(f"{name}: {keyword.arg} is given twice")
            options[keyword.arg] = self.value(keyword.value)
        try:
            inspect.signature(function).bind(*arguments, **options)
        except TypeError as error:
            raise ParseError(f"{name}: {error}", hint=f"{name}{_signature(function)}") from None
        return function(*arguments, **options)

    def _sum_of_each(self, tree: ast.GeneratorExp) -> Node:
        """Python's sum(f(j) for j in range(K))."""
        match tree.generators:
            case [ast.comprehension(target=ast.Name(id=name), ifs=[], iter=ast.Call(
                func=ast.Name(id="range"), args=[size], keywords=[],
            ))] if name not in self.names:  # fmt: skip
                index, count = loop_index(), as_dim(self.value(size))
            case _:
                raise ParseError("a sum goes over one new name in range(...)")
        self.names[name] = index - 1
        try:
            summand = op.as_node(self.value(tree.elt))
        finally:
            del self.names[name]
        return op.sum_over(over(summand, index, count), 0)

    def _function(self, tree: ast.expr) -> tuple[Callable[..., Any], str, list[Any]]:
        match tree:
            case ast.Name(id=name):
                if name in self.names:
                    raise ParseError(f"{name!r} is a value here, not a function")
                own: list[Any] = []
            case ast.Attribute(value=ast.Name(id=module), attr=name) if (
                module in _NUMPY and module not in self.names
            ):
                own = []
            case ast.Attribute(
                value=ast.Attribute(value=ast.Name(id=module), attr="linalg"), attr=name
            ) if module in _NUMPY and module not in self.names:
                own = []
            case ast.Attribute(value=value, attr=name) if name in _METHODS:
                own = [self.value(value)]
            case ast.Attribute(value=value, attr=name):
                self.value(value)  # an unknown name is the nearer fault
                raise UnknownName(f"arrays have no method {name!r} here",
                                  hint=closest(name, sorted(_METHODS)))  # fmt: skip
            case _:
                raise ParseError(f"{describe(tree)} cannot be called")
        if name not in FUNCTIONS:
            raise UnknownName(f"no function is named {name!r}", hint=closest(name, [*FUNCTIONS]))
        return FUNCTIONS[name], name, own

    def _subscript(self, tree: ast.Subscript) -> Any:
        inner, key = self.value(tree.value), self.value(tree.slice)
        if isinstance(inner, tuple):  # one of the results of a function that has several
            k = op.whole(key, "the number of a result")
            if not -len(inner) <= k < len(inner):
                raise ParseError(f"there are {len(inner)} results, not one of number {k}")
            return inner[k]
        if not isinstance(inner, Node):
            raise ParseError("a number has no entries")
        return inner[key]

    def _tuple(self, tree: ast.Tuple) -> tuple[Any, ...]:
        return tuple(self.value(each) for each in tree.elts)

    def _list(self, tree: ast.List) -> list[Any]:
        """Arrays to be joined; as an index it means something else than a tuple."""
        return [self.value(each) for each in tree.elts]

    def _slice(self, tree: ast.Slice) -> slice:
        parts = (tree.lower, tree.upper, tree.step)
        return slice(*(None if part is None else self.value(part) for part in parts))

    # --- errors

    def _placed(self, error: SymgradError, tree: ast.stmt | ast.expr) -> SymgradError:
        """The error with its line, the text of the line and a caret under the culprit."""
        if error.where:
            return error
        where, column = self.source.place(tree.lineno, tree.col_offset)
        placed = error.at(where)
        if isinstance(placed, ParseError):
            placed.line, placed.column = tree.lineno, column
        return placed


def _exact(typed: str, value: float) -> Expr:
    """The number that was typed: 0.1 is 1/10."""
    if isinstance(value, int):
        return op.exact(value)
    if value in (float("inf"), float("-inf")):
        raise ParseError(f"{typed:.60} is too large to be a number")
    mantissa = typed.lower().partition("e")[0]
    if value == 0 and any(digit in mantissa for digit in "123456789"):
        raise ParseError(f"{typed:.60} is too small to be a number", hint="write 0")
    if len(typed) > _MOST_DIGITS:
        raise ParseError("a number has too many digits", hint=f"at most {_MOST_DIGITS}")
    return op.exact(Fraction(typed.replace("_", "")))


def _signature(function: Callable[..., Any]) -> str:
    names = []
    for each in inspect.signature(function).parameters.values():
        default = "" if each.default is each.empty else f"={each.default}"
        names.append(f"{'*' if each.kind is each.VAR_POSITIONAL else ''}{each.name}{default}")
    return f"({', '.join(names)})"


_RULES: dict[type[ast.expr], Callable[[_Reader, Any], Any]] = {
    ast.UnaryOp: _Reader._unary,
    ast.Compare: _Reader._compare,
    ast.Name: _Reader._name,
    ast.Constant: _Reader._number,
    ast.Attribute: _Reader._attribute,
    ast.Call: _Reader._call,
    ast.Subscript: _Reader._subscript,
    ast.Tuple: _Reader._tuple,
    ast.List: _Reader._list,
    ast.Slice: _Reader._slice,
}
