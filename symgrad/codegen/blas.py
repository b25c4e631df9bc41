"""The functions of BLAS and LAPACK that modules call, as SciPy offers them to compiled code."""

from collections.abc import Iterable
from typing import NamedTuple

from symgrad.codegen.layout import words


class Binding(NamedTuple):
    """Arguments and their types; an array is one with how far apart its columns are, but a vector
    of integers; `returns` whether it failed, which LAPACK says last.
    """

    home: str
    arguments: str
    signature: str
    returns: str
    what: str


BINDINGS = {
    "gemm": Binding(
        "cython_blas",
        "ta, tb, m, n, k, alpha, A, B, beta, C",
        "_flag, _flag, _size, _size, _size, _number, A, B, _number, C",
        "void",
        "C = alpha · A·B + beta · C",
    ),
    "syrk": Binding(
        "cython_blas",
        "half, ta, n, k, alpha, A, beta, C",
        "_flag, _flag, _size, _size, _number, A, _number, C",
        "void",
        "C = alpha · A·Aᵀ + beta · C in one half, LOWER or UPPER",
    ),
    "trsm": Binding(
        "cython_blas",
        "side, half, ta, unit, m, n, alpha, A, B",
        "_flag, _flag, _flag, _flag, _size, _size, _number, A, B",
        "void",
        "B = alpha · X with X·A = B, of which A is one half",
    ),
    "getrf": Binding(
        "cython_lapack",
        "m, n, A, rows",
        "_size, _size, A, rows",
        "int32",
        "A = L and U of P A, and from 1 which rows were swapped",
    ),
    "potrf": Binding(
        "cython_lapack",
        "half, n, A",
        "_flag, _size, A",
        "int32",
        "A = its Cholesky factor in one half; positive if there is none",
    ),
}


def used(lines: Iterable[str]) -> list[tuple[str, Binding]]:
    """The functions that some lines call, by name."""
    found = words(lines)
    return [(name, binding) for name, binding in BINDINGS.items() if f"_{name}" in found]
