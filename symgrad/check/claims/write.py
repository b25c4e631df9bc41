"""Terms written back in NumPy's syntax, as people write it."""

import ast
import re
from typing import Any

from sympy import Expr

from symgrad.check.claims.operations import OPERATIONS
from symgrad.check.claims.terms import Slice, Term

_INFIX: dict[str, tuple[str, int]] = {
    "or": ("|", 1), "and": ("&", 2), "lt": ("<", 3), "le": ("<=", 3), "gt": (">", 3),
    "ge": (">=", 3), "eq": ("==", 3), "ne": ("!=", 3), "add": ("+", 4), "sub": ("-", 4),
    "mul": ("*", 5), "div": ("/", 5), "matmul": ("@", 5), "pow": ("**", 7),
}  # fmt: skip
_NEG, _POSTFIX = 6, 8

#: What is true or false entry by entry: A[mask] = x is where(mask, x, A).
_MASKS = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})

#: Functions that the vocabulary has and NumPy has not, which are written without np.
_BARE = frozenset(
    """sigmoid relu softplus softmax log_softmax logsumexp sigmoid_prime tanh_prime relu_prime
    softplus_prime elu selu gelu silu onehot layer_norm batch_norm""".split()
)
_CALL = re.compile(r"(?<![\w.])([a-z]\w*)\(")


def written(term: Term, names: dict[str, str] | None = None) -> str:
    """The text of a term; `names` are spellings other than the names themselves."""
    return _text(term, names or {})[0]


def with_modules(text: str) -> str:
    """The text of a formula in our grammar, its functions called as people import NumPy.

    >>> with_modules("outer(x, 1 - tanh(z)**2) + sigmoid(z)")
    'np.outer(x, 1 - np.tanh(z)**2) + sigmoid(z)'
    """
    return _CALL.sub(lambda match: _function(match[1]) + "(", text)


def _function(op: str) -> str:
    return op if op in _BARE or op not in OPERATIONS else f"np.{_SPELLED.get(op, op)}"


def _text(term: Any, names: dict[str, str]) -> tuple[str, int]:
    """The text, and how tightly it holds together."""
    if isinstance(term, Expr):
        return _number(term)
    if not isinstance(term, Term):
        return _static(term, names), 9
    match term.op, term.args:
        case "name", (text,):
            shown = names.get(text, f"d{text[2:]}" if text.startswith("d:") else text)
            return shown, 9 if shown.isidentifier() else _level(shown)
        case "number", (value,):
            return _number(value)
        case "neg", (inner,):
            return f"-{_inside(inner, 5, names)}", _NEG - 2
        case "not", (inner,):
            return f"~{_inside(inner, _POSTFIX, names)}", _NEG
        case "plus", (first, *rest):
            text = _inside(first, 4, names)
            for each in rest:
                minus = isinstance(each, Term) and each.op == "neg"
                text += (
                    f" {'-' if minus else '+'} {_inside(each.args[0] if minus else each, 5, names)}"
                )
            return text, 4
        case "times", factors:
            return _product(factors, names), 5
        case "chain", (first, *rest):
            return " @ ".join([_inside(first, 5, names), *(_inside(e, 6, names) for e in rest)]), 5
        case "over", (inner,):
            return f"1 / {_inside(inner, 6, names)}", 5
        case "T", (inner,):
            return f"{_inside(inner, _POSTFIX, names)}.T", _POSTFIX
        case "index", (inner, key):
            return f"{_inside(inner, _POSTFIX, names)}[{_key(key, names)}]", _POSTFIX
        case "set", (inner, Term(op=op) as mask, value) if op in _MASKS:
            return _text(Term("where", mask, value, inner), names)
        case "each", (body, index, size):
            text = written(body, names).replace(f"({index} - 1)", "j").replace(
                f"{index} - 1", "j").replace(str(index), "(j + 1)")  # fmt: skip
            return f"np.array([{text} for j in range({size})])", 9
        case op, (left, right) if op in _INFIX:
            sign, level = _INFIX[op]
            right_level = level + 1 if op != "pow" else level
            left_level = level + 1 if op == "pow" else level
            return (f"{_inside(left, left_level, names)} {sign} "
                    f"{_inside(right, right_level, names)}"), level  # fmt: skip
    args = [_static(each, names) for each in term.args]
    args += [
        f"{key}={_static(value, names)}"
        for key, value in term.options
        if value is not None and value is not False
    ]
    name = term.op if term.op in _BARE else f"np.{_SPELLED.get(term.op, term.op)}"
    return f"{name}({', '.join(args)})", 9


def _level(text: str) -> int:
    """How tightly a formula that stands for a name holds together."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError:
        return 9  # no formula in NumPy's syntax: a spelling
    if isinstance(tree, ast.BinOp):
        return {ast.Add: 4, ast.Sub: 4, ast.Pow: 7}.get(type(tree.op), 5)
    return 4 if isinstance(tree, ast.UnaryOp | ast.Compare | ast.BoolOp) else 9


def _product(factors: tuple[Any, ...], names: dict[str, str]) -> str:
    above = [f for f in factors if not (isinstance(f, Term) and f.op == "over")]
    below = [f.args[0] for f in factors if isinstance(f, Term) and f.op == "over"]
    text = " * ".join(_inside(f, 5 if k == 0 else 6, names) for k, f in enumerate(above)) or "1"
    return text + "".join(f" / {_inside(f, 6, names)}" for f in below)


_SPELLED = {"add_at": "add.at", "inv": "linalg.inv", "solve": "linalg.solve", "det": "linalg.det",
            "norm": "linalg.norm", "mul": "multiply"}  # fmt: skip


def _inside(term: Any, level: int, names: dict[str, str]) -> str:
    text, own = _text(term, names)
    return text if own >= level else f"({text})"


def _number(value: Expr) -> tuple[str, int]:
    text = str(value)
    if value.is_Rational and not value.is_Integer:
        return text, 5 if value > 0 else 4
    if value.is_Atom and not text.startswith("-"):
        return text.replace("pi", "np.pi") if text == "pi" else text, 9
    if "sqrt(" in text:
        text = text.replace("sqrt(", "np.sqrt(")
    return text, 7 if value.is_Pow else 4 if value.is_Add or text.startswith("-") else 5


def _static(value: Any, names: dict[str, str]) -> str:
    if isinstance(value, Term | Expr):
        return _text(value, names)[0]
    if isinstance(value, Slice):
        return _key(value, names)
    if isinstance(value, tuple):
        inner = ", ".join(_static(each, names) for each in value)
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def _key(value: Any, names: dict[str, str]) -> str:
    if isinstance(value, Slice):
        start, stop, step = ("" if each is None else _static(each, names) for each in value)
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if isinstance(value, tuple):
        return ", ".join(_key(each, names) for each in value)
    if value is Ellipsis:
        return "..."
    return _static(value, names)


__all__ = ["written"]
