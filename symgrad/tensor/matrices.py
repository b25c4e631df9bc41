"""Values of functions of matrices: NumPy in real and complex numbers, mpmath in any precision.

Complex values are those of the analytic continuation (plain transposes, no conjugates), so that a
complex step differentiates them; the signs of vectors are those of the real matrix.
"""

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
from scipy.linalg import expm

from symgrad.errors import ValueMismatch

Array = np.ndarray[Any, Any]


def matrix_value(name: str, x: Array) -> Array:
    """The function of that name of each matrix of a stack.

    Raises
    ------
    ValueMismatch    if a matrix has no such value: it is singular, not positive definite ...
    """
    if x.dtype == object:
        rows = x.reshape(-1, *x.shape[-2:])
        values = [_precise(name, row) for row in rows]
        return np.asarray(np.stack(values)).reshape((*x.shape[:-2], *values[0].shape))
    if not np.isfinite(x).all():
        raise ValueMismatch(f"{name}: the matrix has entries that are not finite")
    try:
        return np.asarray((_COMPLEX if np.iscomplexobj(x) else _REAL)[name](x))
    except np.linalg.LinAlgError as error:
        raise ValueMismatch(f"{name}: {_SAID.get(str(error), error)}") from None


_SAID = {
    "Singular matrix": "the matrix is singular",
    "Matrix is not positive definite": "the matrix is not positive definite",
    "matrix is not positive-definite": "the matrix is not positive definite",
}


def transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def symmetric(x: Array) -> Array:
    return (x + transposed(x)) / 2


def _svd(k: int) -> Callable[[Array], Array]:
    return lambda x: np.asarray(np.linalg.svd(x, full_matrices=False)[k])


_REAL: dict[str, Callable[[Array], Any]] = {
    "inv": np.linalg.inv,
    "pinv": np.linalg.pinv,
    "det": np.linalg.det,
    "logdet": lambda x: np.linalg.slogdet(x)[1],
    "expm": expm,
    "cholesky": lambda x: np.linalg.cholesky(symmetric(x)),
    "eigvals": lambda x: np.linalg.eigvalsh(symmetric(x)),
    "eigvecs": lambda x: np.linalg.eigh(symmetric(x))[1],
    "svd_u": _svd(0),
    "svd_s": _svd(1),
    "svd_vt": _svd(2),
}


def _complex_logdet(x: Array) -> Array:
    """log(± det x), the sign that makes the real part of ± det x positive."""
    unit, size = np.linalg.slogdet(x)
    return np.asarray(size + np.log(unit * np.sign(unit.real)))


def _complex_pinv(x: Array) -> Array:
    t = transposed(x)
    if x.shape[-2] >= x.shape[-1]:
        return np.asarray(np.linalg.inv(t @ x) @ t)
    return np.asarray(t @ np.linalg.inv(x @ t))


def _complex_cholesky(x: Array) -> Array:
    a = symmetric(x)
    factor = np.zeros_like(a)
    for j in range(a.shape[-1]):
        row = factor[..., j, :j]
        factor[..., j, j] = np.sqrt(a[..., j, j] - (row * row).sum(-1))
        below = (factor[..., j + 1 :, :j] * row[..., None, :]).sum(-1)
        factor[..., j + 1 :, j] = (a[..., j + 1 :, j] - below) / factor[..., j, j, None]
    return factor


def _complex_eigh(x: Array) -> tuple[Array, Array]:
    """Eigenvalues in the order of their real parts; vectors with vᵀv = 1 (no conjugate)."""
    a = symmetric(x)
    values, vectors = np.linalg.eig(a)
    order = np.argsort(values.real, axis=-1)
    values = np.take_along_axis(values, order, -1)
    vectors = np.take_along_axis(vectors, order[..., None, :], -1)
    vectors = vectors / np.sqrt((vectors * vectors).sum(-2, keepdims=True))
    return values, _aligned(vectors, np.linalg.eigh(a.real)[1])


def _aligned(vectors: Array, real: Array) -> Array:
    """Columns with the signs of those of the real matrix."""
    sign = np.sign((vectors.real * real).sum(-2, keepdims=True))
    return np.asarray(vectors * np.where(sign == 0, 1, sign))


def _complex_svd(x: Array) -> tuple[Array, Array, Array]:
    if x.shape[-2] < x.shape[-1]:
        u, s, vt = _complex_svd(transposed(x))
        return _signed(x, transposed(vt), s, transposed(u))
    squares, v = _complex_eigh(transposed(x) @ x)
    s, v = np.sqrt(squares[..., ::-1]), v[..., ::-1]
    return _signed(x, (x @ v) / s[..., None, :], s, transposed(v))


def _signed(x: Array, u: Array, s: Array, vt: Array) -> tuple[Array, Array, Array]:
    real = np.linalg.svd(x.real, full_matrices=False)[2]
    sign = np.sign((vt.real * real).sum(-1))
    return u * sign[..., None, :], s, vt * sign[..., None]


_COMPLEX: dict[str, Callable[[Array], Any]] = _REAL | {
    "logdet": _complex_logdet,
    "pinv": _complex_pinv,
    "cholesky": _complex_cholesky,
    "eigvals": lambda x: _complex_eigh(x)[0],
    "eigvecs": lambda x: _complex_eigh(x)[1],
    "svd_u": lambda x: _complex_svd(x)[0],
    "svd_s": lambda x: _complex_svd(x)[1],
    "svd_vt": lambda x: _complex_svd(x)[2],
}


# --- mpmath


def _precise(name: str, x: Array) -> Array:
    a = mpmath.matrix(x.tolist())
    try:
        result = _MPMATH[name](a)
    except ZeroDivisionError:
        raise ValueMismatch(f"{name}: the matrix is singular") from None
    except (ValueError, TypeError) as error:
        raise ValueMismatch(f"{name}: {_SAID.get(str(error), error)}") from None
    if not isinstance(result, mpmath.matrix):
        return np.array([+result], dtype=object).reshape(())
    rows = np.array(result.tolist(), dtype=object).reshape(result.rows, result.cols)
    rows = np.asarray(+rows)  # to the digits asked for: mpmath's more would tell equal values apart
    return rows[:, 0] if name in ("eigvals", "svd_s") else rows


def _half(a: Any) -> Any:
    return (a + a.T) / 2


def _precise_pinv(a: Any) -> Any:
    if a.rows >= a.cols:
        return mpmath.inverse(a.T * a) * a.T
    return a.T * mpmath.inverse(a * a.T)


def _precise_svd(k: int) -> Callable[[Any], Any]:
    """A part of mpmath's decomposition, with the signs of NumPy's."""

    def part(a: Any) -> Any:
        u, s, vt = mpmath.svd_r(a)
        real = np.linalg.svd(np.array(a.tolist(), dtype=float), full_matrices=False)[2]
        for i in range(vt.rows):
            if sum(float(vt[i, j]) * real[i, j] for j in range(vt.cols)) < 0:
                u[:, i], vt[i, :] = -u[:, i], -vt[i, :]
        return (u, s, vt)[k]

    return part


def _precise_eigenvectors(a: Any) -> Any:
    _, vectors = mpmath.eigsy(_half(a))
    real = np.linalg.eigh(symmetric(np.array(a.tolist(), dtype=float)))[1]
    for j in range(vectors.cols):
        if sum(float(vectors[i, j]) * real[i, j] for i in range(vectors.rows)) < 0:
            vectors[:, j] = -vectors[:, j]
    return vectors


_MPMATH: dict[str, Callable[[Any], Any]] = {
    "inv": mpmath.inverse,
    "pinv": _precise_pinv,
    "det": mpmath.det,
    "logdet": lambda a: mpmath.log(abs(mpmath.det(a))),
    "expm": lambda a: mpmath.expm(a, method="taylor"),
    "cholesky": lambda a: mpmath.cholesky(_half(a)),
    "eigvals": lambda a: mpmath.eigsy(_half(a), eigvals_only=True),
    "eigvecs": _precise_eigenvectors,
    "svd_u": _precise_svd(0),
    "svd_s": _precise_svd(1),
    "svd_vt": _precise_svd(2),
}
