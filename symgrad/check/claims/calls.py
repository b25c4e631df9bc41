"""Calls in claims: of NumPy's functions and methods, of Python's own few, of the person's own."""

import ast
from typing import Any

from sympy import Expr, Integer, S

from symgrad.check.claims.algebra import NotSymbolic
from symgrad.check.claims.expressions import _BUILTINS, _IDLE, _TYPES, Expressions
from symgrad.check.claims.kinds import (
    Defined,
    Function,
    Holder,
    Method,
    Rows,
    Span,
    Tupled,
    hashed,
)
from symgrad.check.claims.operations import OPERATIONS
from symgrad.check.claims.scope import OF_PARAMETERS
from symgrad.check.claims.terms import Slice
from symgrad.declare.syntax import describe
from symgrad.errors import UnknownName

#: Functions whose first argument is a shape, a size or a list of arrays.
_SHAPED = frozenset({"zeros", "ones", "eye", "arange", "full", "tri"})
_LISTS = frozenset({"concatenate", "stack", "hstack", "vstack", "column_stack"})

#: Methods that give the array itself, as far as a formula goes.
_SAME = frozenset({"view", "item", "tolist", "real"})

#: np.add.at and its kin.
_AT = {"add.at": 1, "sub.at": -1}


def call(run: Expressions, tree: ast.Call) -> Any:
    """The value of a call."""
    function = run.value(tree.func)
    args: list[Any] = []
    for each in tree.args:
        if isinstance(each, ast.Starred):
            args += run.items(run.value(each.value), each)
        else:
            args.append(run.value(each))
    options = {}
    for keyword in tree.keywords:
        if keyword.arg is None:
            raise run.fault("** is not understood in a call", tree)
        if keyword.arg not in _IDLE:
            options[keyword.arg] = run.value(keyword.value)
    if isinstance(function, Function) and function.name in _FILLED and _is_whole(tree):
        return run.call("astype", _function(run, function, args, options, tree), "int")
    match function:
        case Method():
            return _method(run, function, args, tree)
        case Defined():
            return _defined(run, function, args, options, tree)
        case Function():
            return _function(run, function, args, options, tree)
    raise run.fault(f"{describe(tree.func)} cannot be called", tree)


#: Functions that make an array of a kind of numbers.
_FILLED = frozenset({"zeros", "ones", "full", "zeros_like", "ones_like", "full_like"})


def _is_whole(tree: ast.Call) -> bool:
    """Whether a call makes whole numbers: np.zeros(3, dtype=int)."""
    kinds = [ast.unparse(each.value) for each in tree.keywords if each.arg == "dtype"]
    return any("int" in kind for kind in kinds)


def _method(run: Expressions, method: Method, args: list[Any], tree: ast.Call) -> Any:
    """Methods of lists, dictionaries, texts and numbers."""
    of = method.of
    if isinstance(of, list) and method.name in ("append", "insert", "extend", "reverse"):
        if method.name == "append" and len(args) == 1:
            of.append(args[0])
        elif method.name == "insert" and len(args) == 2:
            of.insert(run._int(args[0], tree), args[1])
        elif method.name == "extend" and len(args) == 1:
            of.extend(run.items(args[0], tree))
        else:
            of.reverse()
        return None
    if isinstance(of, dict) and method.name in ("items", "keys", "values", "get", "copy"):
        if method.name == "get":
            return of.get(args[0], args[1] if len(args) > 1 else None)
        if method.name == "copy":
            return dict(of)
        return {"items": list(of.items()), "keys": list(of), "values": list(of.values())}[
            method.name
        ]
    if isinstance(of, Expr):
        return (
            of if method.name in _SAME | {"copy"} else run.call(method.name, run.lifted(of), *args)
        )
    raise run.fault(f"the method .{method.name} is not understood here", tree)


def _defined(
    run: Expressions, function: Defined, args: list[Any], options: dict[str, Any], tree: ast.Call
) -> Any:
    """A function of the person's own, with names of its own."""
    from symgrad.check.claims.statements import returned

    names = function.arguments
    if len(args) > len(names):
        raise run.fault(f"{function.name} takes {len(names)} arguments, not {len(args)}", tree)
    bound = dict(zip(names[len(names) - len(function.defaults) :], function.defaults, strict=True))
    bound |= dict(zip(names, args, strict=False)) | options
    missing = [name for name in names if name not in bound]
    if missing or not bound.keys() <= set(names):
        raise run.fault(f"{function.name} is called with other arguments than it has", tree)
    saved, run.names = run.names, {**run.names, **bound}
    try:
        if isinstance(function.body, ast.expr):
            return run.value(function.body)
        return returned(run, function.body)
    finally:
        run.names = saved | {name: run.names[name] for name in _kept(function.body)
                             if name in run.names}  # fmt: skip


def _kept(body: Any) -> set[str]:
    """The attributes of self that a method assigns."""
    trees = body if isinstance(body, list) else []
    return {each.attr for tree in trees for each in ast.walk(tree)
            if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)
            and isinstance(each.value, ast.Name) and each.value.id == "self"}  # fmt: skip


def _function(
    run: Expressions, function: Function, args: list[Any], options: dict[str, Any], tree: ast.Call
) -> Any:
    """A function of the table, a method of an array, or a built-in of Python."""
    name = function.name
    if name == "copy" and (args or function.own):
        return run.algebra.copied(run.array([*function.own, *args][0], tree))
    if function.own:
        if name in _SAME:
            return function.own[0]
        if name == "astype":
            return run.call("astype", function.own[0], _dtype(args, options))
        args = [*function.own, *args]
    if name in _TYPES:
        if args and run.algebra.is_array(args[0]):
            return run.call("astype", args[0], name)
        return args[0] if args else S.Zero
    if name in _BUILTINS:
        return _builtin(run, name, args, tree)
    if name in _AT or name.endswith(".outer"):
        if name == "mul.outer":
            return run.call("outer", *(run.array(each, tree) for each in args))
        raise run.fault(f"np.{name} is a statement, or not understood", tree)
    if name not in OPERATIONS:
        known = "a method" if function.own else "a function"
        raise UnknownName(f"{name!r} is not {known} that is understood")
    if name == "where" and len(args) != 3:
        raise run.fault("np.where takes a condition and two values here", tree)
    if name == "array" and len(args) == 1:
        if isinstance(args[0], Rows):
            return args[0].term
        if not isinstance(args[0], list | tuple):
            given = run.array(args[0], tree)
            return given if _called(tree) == "asarray" else run.algebra.copied(given)
        return run.call("array", run.nested(args[0], tree))
    plain_sum = isinstance(tree.func, ast.Name) and name == "sum"
    if plain_sum and len(args) == 1 and isinstance(args[0], Rows | list | tuple | Tupled):
        return _python_sum(run, args[0], tree)
    if name in ("max", "min") and isinstance(tree.func, ast.Name) and len(args) > 1:
        return _largest(run, name, args, tree)
    if name in ("reshape", "transpose") and len(args) > 1 and not isinstance(args[1], tuple | list):
        args = [args[0], tuple(args[1:])]
    result = run.call(
        name,
        *(_argument(run, name, k, each, tree) for k, each in enumerate(args)),
        **{key: _argument(run, name, key, value, tree) for key, value in options.items()},
    )
    return run.algebra.copied(result) if _called(tree) == "flatten" else result


def _called(tree: ast.Call) -> str:
    """The name that a function is called by."""
    return getattr(tree.func, "attr", getattr(tree.func, "id", ""))


def _dtype(args: list[Any], options: dict[str, Any]) -> str:
    given = args[0] if args else options.get("dtype", "float")
    return given.name if isinstance(given, Function) else str(given)


def _argument(run: Expressions, name: str, place: int | str, value: Any, tree: ast.Call) -> Any:
    """An argument as the table takes it: axes and shapes stay numbers, operands are arrays."""
    if value is None or isinstance(value, bool | str | Slice):
        return value
    if name in _LISTS and place == 0:
        if isinstance(value, Rows):
            if name in ("stack", "vstack"):  # rows that are vectors
                return (value.term,) if name == "vstack" else value.term
            raise NotSymbolic("joining a list of unknown length")
        return tuple(run.lifted(run.array(each, tree)) for each in run.items(value, tree))
    if place == 0 and name not in _SHAPED:
        return run.lifted(run.array(value, tree))
    if isinstance(value, tuple | list) and not hasattr(value, "_fields"):
        return tuple(_argument(run, name, place, each, tree) for each in value)
    if isinstance(value, Expr):
        operand = isinstance(place, int) and name in _BROADCAST
        return run.lifted(value) if operand else value
    if not run.algebra.symbolic and run.algebra.is_array(value):
        return value
    return run.array(value, tree)


#: Functions all of whose arguments are operands.
_BROADCAST = frozenset(
    """add sub mul div pow maximum minimum where lt le gt ge eq ne and or not dot matmul outer
    einsum inner heaviside""".split()
)


def _builtin(run: Expressions, name: str, args: list[Any], tree: ast.Call) -> Any:
    match name, args:
        case "range", [stop]:
            return Span(S.Zero, _bound(run, stop, tree), 1)
        case "range", [start, stop]:
            return Span(_bound(run, start, tree), _bound(run, stop, tree), 1)
        case "range", [start, stop, Integer() as step] if step != 0:
            return Span(_bound(run, start, tree), _bound(run, stop, tree), int(step))
        case "len", [Holder(name)] if name in OF_PARAMETERS:
            return Integer(len(run.scope.parameters))
        case "len", [each]:
            if isinstance(each, Rows):
                return each.size
            if run.algebra.is_array(each):
                return run.algebra.shape(each)[0]
            return Integer(len(run.items(each, tree)))
        case "zip", _:
            return Tupled(tuple(args))
        case "enumerate", [each]:
            return Tupled((each,), True)
        case "reversed", [Span(start, stop, step)]:
            if step == 1:
                return Span(stop - 1, start - 1, -1)
            return Span(stop + 1, start + 1, 1) if step == -1 else run.items(args[0], tree)[::-1]
        case "reversed", [each]:
            return run.items(each, tree)[::-1]
        case (("list" | "tuple"), [Rows() as rows]):
            return rows
        case "list", []:
            return []
        case (("list" | "tuple"), [each]):
            listed = run.items(each, tree)
            return listed if name == "list" else tuple(listed)
        case "dict", []:
            return {}
        case "str", [each]:
            return str(hashed(each))
        case "slice", _ if 1 <= len(args) <= 3:
            return Slice(None, args[0]) if len(args) == 1 else Slice(*args)
        case "print", _:
            return None
    raise run.fault(f"this call of {name} is not understood", tree)


def _bound(run: Expressions, value: Any, tree: ast.Call) -> Any:
    if isinstance(value, Expr):
        return value
    if not run.algebra.symbolic and run.algebra.is_array(value):
        return Integer(int(value))
    if isinstance(value, Holder):
        raise run.fault("a dictionary is no number", tree)
    raise NotSymbolic("a bound of a loop depends on values")


def _python_sum(run: Expressions, value: Any, tree: ast.Call) -> Any:
    """Python's sum: of the items, one by one."""
    if isinstance(value, Rows):
        return run.call("sum", value.term, axis=Integer(0))
    items = run.items(value, tree)
    result: Any = items[0] if items else S.Zero
    for each in items[1:]:
        result = run.binary(ast.Add, result, each, tree)
    return result


def _largest(run: Expressions, name: str, args: list[Any], tree: ast.Call) -> Any:
    result = run.lifted(run.array(args[0], tree))
    for each in args[1:]:
        result = run.call(f"{name}imum", result, run.lifted(run.array(each, tree)))
    return result
