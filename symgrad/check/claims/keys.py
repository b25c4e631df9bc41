"""Keys that are put together, as "W" + str(l): which layer is meant is known in a loop alone."""

import ast
from collections.abc import Iterable

#: What is said where the number of layers is not known, and what is to be done.
HOW_MANY = "how many layers this is about is not known"
SAY_IT = "say it above, as in L = 3, or as len(parameters) // 2 of those that are declared"


def is_computed(tree: ast.expr) -> bool:
    """Whether a key is put together: "W" + str(l), f"W{l}"."""
    match tree:
        case ast.JoinedStr():
            return True
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return is_computed(left) or is_computed(right)
        case ast.Constant(value=str()):
            return True  # a part of one
    return False


def computed_keys(tree: ast.AST) -> Iterable[ast.Subscript]:
    return (each for each in ast.walk(tree)
            if isinstance(each, ast.Subscript) and not isinstance(each.slice, ast.Constant)
            and is_computed(each.slice))  # fmt: skip


__all__ = ["HOW_MANY", "SAY_IT", "computed_keys", "is_computed"]
