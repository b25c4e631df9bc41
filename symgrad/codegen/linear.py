"""Functions of matrices in generated modules: source of the functions that kernels call.

Each takes stacks of matrices, (stack, rows, columns), and the array that it fills. Those that can
fail return which matrix of the stack is the first at fault, or -1. What a matrix with entries that
are not finite gives is NaN, never an error. LU and Cholesky factors need no memory of their own;
spectra and exponentials allocate. Large systems are solved by BLAS and LAPACK, small ones by loops.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True, slots=True)
class Routine:
    """The source of one function; how many axes each argument has beside that of the stack.

    None is a vector of all entries. `fault` says what a matrix is that has no such value.
    """

    source: str
    axes: tuple[int | None, ...]
    needs: tuple[str, ...] = ()
    fault: str = ""
    allocates: bool = False


#: Values of pinv below this multiple of the largest count as zero: NumPy's in float64, and as
#: many roundings in float32.
_CUTOFF = {"float64": "1e-15", "float32": "5.4e-7"}

#: Matrices larger than this are factorised by LAPACK, block by block; smaller ones by loops.
BLOCKED = 32

ROUTINES = {
    "finite": Routine(
        '''
        @_jit
        def _finite(A):
            """Whether all entries are."""
            for x in A.flat:
                if not abs(x) < inf:
                    return False
            return True
        ''',
        (2,),
    ),
    "lu": Routine(
        '''
        @_jit
        def _lu(A, out):
            """P A = L U of each matrix: columns as rows, below them which rows were swapped."""
            n = A.shape[1]
            for k in range(len(A)):
                lu = out[k]
                if not _finite(A[k]):
                    lu[:n] = np.nan
                    lu[n] = zero
                    continue
                for i in range(n):
                    for j in range(n):
                        lu[j, i] = A[k, i, j]
                if n > {blocked}:
                    rows = lu[n].view(np.int32)
                    _getrf(n, n, lu[:n], rows)
                    for j in range(n - 1, -1, -1):
                        lu[n, j] = rows[j] - 1
                    continue
                for j in range(n):
                    p = j
                    for i in range(j + 1, n):
                        if abs(lu[j, i]) > abs(lu[j, p]):
                            p = i
                    lu[n, j] = p
                    if p != j:
                        for l in range(n):
                            lu[l, j], lu[l, p] = lu[l, p], lu[l, j]
                    if lu[j, j] != zero:
                        for i in range(j + 1, n):
                            lu[j, i] /= lu[j, j]
                    for l in range(j + 1, n):
                        u = lu[l, j]
                        for i in range(j + 1, n):
                            lu[l, i] -= u * lu[j, i]
        ''',
        (2, 2),
        ("finite",),
    ),
    "det": Routine(
        '''
        @_jit
        def _det(lu, out):
            """The determinant of each matrix, by its LU factors."""
            n = lu.shape[2]
            for k in range(len(lu)):
                value = one
                for j in range(n):
                    value *= lu[k, j, j] if lu[k, n, j] == j else -lu[k, j, j]
                out[k] = value
        ''',
        (2, 0),
        ("lu",),
    ),
    "logdet": Routine(
        '''
        @_jit
        def _logdet(lu, out):
            """log |det A| of each matrix, by its LU factors."""
            for k in range(len(lu)):
                value = 0.0
                for j in range(lu.shape[2]):
                    size = abs(lu[k, j, j])
                    value += math.log(size) if size != zero else -inf
                out[k] = value
        ''',
        (2, 0),
        ("lu",),
    ),
    "inv": Routine(
        '''
        @_jit
        def _inv(lu, out):
            """A⁻¹ of each matrix, by its LU factors."""
            out[:] = zero
            for k in range(len(lu)):
                for i in range(lu.shape[2]):
                    out[k, i, i] = one
            return _solve(lu, out, out)
        ''',
        (2, 2),
        ("lu", "solve"),
        "singular",
    ),
    "solve": Routine(
        '''
        @_jit
        def _solve(lu, B, out):
            """A⁻¹ B for each matrix, by its LU factors."""
            n, m = B.shape[1:]
            for k in range(len(lu)):
                x, lu_k = out[k], lu[k]
                for i in range(n):
                    for c in range(m):
                        x[i, c] = B[k, i, c]
                for j in range(n):
                    if lu_k[j, j] == zero:
                        return k
                    p = int(lu_k[n, j])
                    if p != j:
                        for c in range(m):
                            x[j, c], x[p, c] = x[p, c], x[j, c]
                if n > {blocked}:
                    _trsm(RIGHT, LOWER, YES, UNIT, m, n, one, lu_k[:n], x)
                    _trsm(RIGHT, UPPER, YES, NO, m, n, one, lu_k[:n], x)
                    continue
                for j in range(n):  # L, which has ones on its diagonal
                    for i in range(j + 1, n):
                        for c in range(m):
                            x[i, c] -= lu_k[j, i] * x[j, c]
                for j in range(n - 1, -1, -1):  # U
                    for c in range(m):
                        x[j, c] /= lu_k[j, j]
                    for i in range(j):
                        for c in range(m):
                            x[i, c] -= lu_k[j, i] * x[j, c]
            return -1
        ''',
        (2, 2, 2),
        ("lu",),
        "singular",
    ),
    "solve_t": Routine(
        '''
        @_jit
        def _solve_t(lu, B, out):
            """A⁻ᵀ B for each matrix, by its LU factors."""
            n, m = B.shape[1:]
            for k in range(len(lu)):
                x, lu_k = out[k], lu[k]
                for i in range(n):
                    for c in range(m):
                        x[i, c] = B[k, i, c]
                for j in range(n):
                    if lu_k[j, j] == zero:
                        return k
                if n > {blocked}:
                    _trsm(RIGHT, UPPER, NO, NO, m, n, one, lu_k[:n], x)
                    _trsm(RIGHT, LOWER, NO, UNIT, m, n, one, lu_k[:n], x)
                else:
                    for j in range(n):  # Uᵀ
                        for i in range(j):
                            for c in range(m):
                                x[j, c] -= lu_k[j, i] * x[i, c]
                        for c in range(m):
                            x[j, c] /= lu_k[j, j]
                    for j in range(n - 1, -1, -1):  # Lᵀ
                        for i in range(j + 1, n):
                            for c in range(m):
                                x[j, c] -= lu_k[j, i] * x[i, c]
                for j in range(n - 1, -1, -1):  # the rows back
                    p = int(lu_k[n, j])
                    if p != j:
                        for c in range(m):
                            x[j, c], x[p, c] = x[p, c], x[j, c]
            return -1
        ''',
        (2, 2, 2),
        ("lu",),
        "singular",
    ),
    "cholesky": Routine(
        '''
        @_jit
        def _cholesky(A, out):
            """The lower L with L Lᵀ = (A + Aᵀ)/2 of each matrix."""
            n = A.shape[1]
            for k in range(len(A)):
                L = out[k]
                if not _finite(A[k]):
                    L[:] = np.nan
                    continue
                L[:] = zero
                if n > {blocked}:
                    for i in range(n):
                        for j in range(i + 1):
                            L[i, j] = half * (A[k, i, j] + A[k, j, i])
                    if _potrf(UPPER, n, L) > 0:
                        return k
                    continue
                for i in range(n):
                    for j in range(i + 1):
                        rest = half * (A[k, i, j] + A[k, j, i])
                        for l in range(j):
                            rest -= L[i, l] * L[j, l]
                        if i > j:
                            L[i, j] = rest / L[j, j]
                        elif rest <= zero:
                            return k
                        else:
                            L[i, i] = math.sqrt(rest)
            return -1
        ''',
        (2, 2),
        ("finite",),
        "not positive definite",
    ),
    "eigh": Routine(
        '''
        @_jit
        def _eigh(A, out):
            """The eigenvalues of (A + Aᵀ)/2 of all matrices, then the vectors, as columns."""
            stack, n = A.shape[:2]
            values = out[: stack * n].reshape(stack, n)
            vectors = out[stack * n :].reshape(stack, n, n)
            for k in range(stack):
                if _finite(A[k]):
                    S = half * (A[k] + A[k].T)
                    values[k], vectors[k] = np.linalg.eigh(S)
                else:
                    values[k], vectors[k] = np.nan, np.nan
        ''',
        (2, None),
        ("finite",),
        allocates=True,
    ),
    "svd": Routine(
        '''
        @_jit
        def _svd(A, out):
            """U of all matrices, then the singular values, then Vᵀ."""
            stack, m, n = A.shape
            r = min(m, n)
            first, last = stack * m * r, stack * (m + 1) * r
            u = out[:first].reshape(stack, m, r)
            s = out[first:last].reshape(stack, r)
            vt = out[last:].reshape(stack, r, n)
            for k in range(stack):
                if _finite(A[k]):
                    u[k], s[k], vt[k] = np.linalg.svd(A[k].copy(), False)
                else:
                    u[k], s[k], vt[k] = np.nan, np.nan, np.nan
        ''',
        (2, None),
        ("finite",),
        allocates=True,
    ),
    "pinv": Routine(
        '''
        @_jit
        def _pinv(u, s, vt, out):
            """V diag(1/s) Uᵀ of each matrix, without the singular values that are zero."""
            n, m = out.shape[1:]
            out[:] = zero
            for k in range(len(out)):
                for r in range(s.shape[1]):
                    if s[k, r] <= real({cutoff}) * s[k, 0]:
                        break
                    for i in range(n):
                        v = vt[k, r, i] / s[k, r]
                        for j in range(m):
                            out[k, i, j] += v * u[k, j, r]
        ''',
        (2, 1, 2, 2),
        ("svd",),
    ),
    "expm": Routine(
        '''
        PADE = (  # the numerator of the approximant [13/13] of exp
            64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
            129060195264000.0, 10559470521600.0, 670442572800.0, 33522128640.0, 1323241920.0,
            40840800.0, 960960.0, 16380.0, 182.0, 1.0,
        )


        @_jit
        def _expm(A, out):
            """exp A of each matrix: by scaling, a Padé approximant and squaring (Higham 2005)."""
            n = A.shape[1]
            lu = np.empty((1, n + 1, n), A.dtype)
            odd, even = np.empty((n, n), A.dtype), np.empty((n, n), A.dtype)
            for k in range(len(A)):
                size = 0.0
                for j in range(n):
                    column = 0.0
                    for i in range(n):
                        column += abs(A[k, i, j])
                    size = max(size, column)
                if not (size < inf and _finite(A[k])):
                    out[k] = np.nan
                    continue
                scale, squarings = 1.0, 0
                while size * scale > 5.371920351148152:
                    scale, squarings = scale / 2, squarings + 1
                X = A[k] * real(scale)
                X2 = X @ X
                X4 = X2 @ X2
                X6 = X2 @ X4
                for i in range(n):
                    for j in range(n):
                        x2, x4, x6 = X2[i, j], X4[i, j], X6[i, j]
                        odd[i, j] = PADE[13] * x6 + PADE[11] * x4 + PADE[9] * x2
                        even[i, j] = PADE[12] * x6 + PADE[10] * x4 + PADE[8] * x2
                odd, even = X6 @ odd, X6 @ even
                for i in range(n):
                    for j in range(n):
                        x2, x4, x6 = X2[i, j], X4[i, j], X6[i, j]
                        odd[i, j] += PADE[7] * x6 + PADE[5] * x4 + PADE[3] * x2
                        even[i, j] += PADE[6] * x6 + PADE[4] * x4 + PADE[2] * x2
                    odd[i, i] += PADE[1]
                    even[i, i] += PADE[0]
                odd = X @ odd
                _lu((even - odd).reshape(1, n, n), lu)
                _solve(lu, (even + odd).reshape(1, n, n), out[k : k + 1])
                for _ in range(squarings):
                    out[k] = out[k] @ out[k]
        ''',
        (2, 2),
        ("lu", "solve"),
        allocates=True,
    ),
    "rooted": Routine(
        '''
        @_jit
        def _rooted(A, v, out):
            """The rows √|vᵢ| Aᵢ of each matrix, those of negative vᵢ from the last row up."""
            for k in range(len(A)):
                top, bottom = 0, A.shape[1]
                for i in range(A.shape[1]):
                    if v[k, i] < zero:
                        bottom -= 1
                        row = out[k, bottom]
                    else:
                        row = out[k, top]
                        top += 1
                    root = math.sqrt(abs(v[k, i]))
                    for j in range(len(row)):
                        row[j] = root * A[k, i, j]
        ''',
        (2, 1, 2),
    ),
    "gram": Routine(
        '''
        @_jit
        def _gram(rows, v, out):
            """Σᵢ vᵢ Aᵢ Aᵢᵀ from rooted rows: half of a product of matrices, as it is symmetric."""
            n, d = rows.shape[1:]
            for k in range(len(rows)):
                top = 0
                for i in range(n):
                    if not v[k, i] < zero:
                        top += 1
                _syrk(LOWER, NO, d, top, one, rows[k, :top], zero, out[k])
                if top < n:
                    _syrk(LOWER, NO, d, n - top, -one, rows[k, top:], one, out[k])
                for i in range(d):
                    for j in range(i):
                        out[k, i, j] = out[k, j, i]
        ''',
        (2, 1, 2),
    ),
}  # fmt: skip


def needed(names: Iterable[str]) -> list[str]:
    """The routines and all that they call, callees first."""
    order: dict[str, None] = {}

    def visit(name: str) -> None:
        for inner in ROUTINES[name].needs:
            visit(inner)
        order[name] = None

    for name in sorted(names):
        visit(name)
    return list(order)


def sources(names: Iterable[str], dtype: str) -> list[str]:
    """The source of the routines of those names, for one dtype."""
    return [
        dedent(ROUTINES[name].source)
        .strip()
        .replace("{cutoff}", _CUTOFF[dtype])
        .replace("{blocked}", str(BLOCKED))
        for name in needed(names)
    ]
