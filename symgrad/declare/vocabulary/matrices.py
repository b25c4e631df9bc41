"""Matrices: inverses, determinants, factors, spectra, exponentials, Kronecker products.

All of stacks (..., n, n) too. A function of a symmetric matrix is one of (X + Xᵀ)/2, so that the
entries of X stay independent.
"""

from symgrad.declare.vocabulary.arguments import flag
from symgrad.declare.vocabulary.shapes import tril, triu
from symgrad.declare.vocabulary.table import FUNCTIONS, named
from symgrad.errors import ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import as_dim, same, show
from symgrad.tensor.nodes import Node
from symgrad.tensor.primitives import MatrixFunction


@named
def inv(x: object) -> Node:
    """X⁻¹ of a square matrix.

    Source: NumPy; derivative Giles (2008), section 2.2.3.
    Stability: a product with an inverse is computed as the solution of a linear system.
    """
    return MatrixFunction("inv", op.as_node(x))


@named
def pinv(x: object) -> Node:
    """X⁺, the pseudo-inverse.

    Source: Penrose (1955); derivative Golub, Pereyra (1973), eq. 4.12.
    Kink: where the rank changes there is no derivative.
    """
    return MatrixFunction("pinv", op.as_node(x))


@named
def det(x: object) -> Node:
    """The determinant of a square matrix.

    Source: NumPy; derivative Giles (2008), section 2.2.4.
    Kink: the derivative is computed with the inverse, so of singular matrices it is an error.
    """
    return MatrixFunction("det", op.as_node(x))


@named
def logdet(x: object) -> Node:
    """log |det X| of a square matrix.

    Source: NumPy, numpy.linalg.slogdet; derivative Giles (2008), section 2.2.4.
    Stability: never the logarithm of a determinant, which over- and underflows.
    """
    return MatrixFunction("logdet", op.as_node(x))


@named
def slogdet(x: object) -> tuple[Node, Node]:
    """The sign of det X, and log |det X|, of a square matrix.

    Source: NumPy, numpy.linalg.slogdet.
    Stability: the sign is that of det(X/|det X|^(1/n)), which neither over- nor underflows.
    """
    node = op.as_node(x)
    size = logdet(node)
    scale = FUNCTIONS["exp"](size * (-1 / node.shape[-1]))
    unit = det(node * scale[..., None, None])
    return FUNCTIONS["sign"](unit), size


@named
def solve(a: object, b: object) -> Node:
    """A⁻¹ b of a square matrix and a vector, a matrix, or stacks of them.

    Source: NumPy.
    Stability: computed as the solution of a linear system.
    """
    return _solved("solve", MatrixFunction("inv", op.as_node(a)), b)


@named
def solve_triangular(a: object, b: object, lower: bool = False) -> Node:
    """A⁻¹ b, of which the upper triangle of A is read, or the lower one.

    Source: SciPy, scipy.linalg.solve_triangular.
    """
    triangle = tril(a) if flag(lower, "lower") else triu(a)
    return _solved("solve_triangular", MatrixFunction("inv", triangle), b)


@named
def cholesky(x: object) -> Node:
    """The lower triangular L with L Lᵀ = X, of a symmetric positive definite matrix.

    Source: NumPy; derivative Murray (2016), eq. 10.
    """
    return MatrixFunction("cholesky", op.as_node(x))


@named
def cholesky_solve(b: object, factor: object) -> Node:
    """(L Lᵀ)⁻¹ b for a lower triangular factor L.

    Source: PyTorch, torch.cholesky_solve.
    """
    inverse = MatrixFunction("inv", tril(factor))
    half = _solved("cholesky_solve", inverse, b)
    return _solved("cholesky_solve", op.matrix_transpose(inverse), half)


@named
def eigh(x: object) -> tuple[Node, Node]:
    """w, V: the eigenvalues of a symmetric matrix, ascending, and its vectors as columns.

    Source: NumPy; derivative Giles (2008), section 3.1.
    Kink: where eigenvalues are equal their vectors have no derivative.
    """
    node = op.as_node(x)
    return MatrixFunction("eigvals", node), MatrixFunction("eigvecs", node)


@named
def svd(x: object) -> tuple[Node, Node, Node]:
    """U, s, Vᵀ: the thin singular value decomposition X = U diag(s) Vᵀ, s descending.

    Source: NumPy, full_matrices=False; derivative Townsend (2016).
    Kink: where singular values are equal or 0 their vectors have no derivative.
    """
    node = op.as_node(x)
    u, s, vt = (MatrixFunction(name, node) for name in ("svd_u", "svd_s", "svd_vt"))
    return u, s, vt


@named
def expm(x: object) -> Node:
    """exp X = I + X + X²/2 + …, the matrix exponential.

    Source: SciPy, scipy.linalg.expm; derivative Najfeld, Havel (1995), theorem 4.6.
    """
    return MatrixFunction("expm", op.as_node(x))


@named
def kron(a: object, b: object) -> Node:
    """The Kronecker product: the blocks aᵢⱼ B.

    Source: NumPy; Van Loan (2000).
    """
    left, right = op.as_node(a), op.as_node(b)
    rank = max(left.ndim, right.ndim)
    left, right = _padded(left, rank), _padded(right, rank)
    pairs = tuple((2 * k, 2 * k + 1) for k in range(rank))
    inputs = (tuple(p for p, _ in pairs), tuple(q for _, q in pairs))
    sizes = {label: d for own, node in zip(inputs, (left, right), strict=True)
             for label, d in zip(own, node.shape, strict=True)}  # fmt: skip
    product = op.einsum(inputs, tuple(range(2 * rank)), left, right, sizes=sizes)
    shape = tuple(as_dim(p * q) for p, q in zip(left.shape, right.shape, strict=True))
    return op.reshape(product, shape)


@named
def vec(x: object) -> Node:
    """The columns of a matrix one below the other; of any array, the first axis fastest.

    Source: Magnus, Neudecker (1988), section 2.4.
    """
    node = op.as_node(x)
    return op.reshape(op.transpose(node), (as_dim(op.count(node)),))


def _padded(node: Node, rank: int) -> Node:
    return node[(None,) * (rank - node.ndim)] if node.ndim < rank else node


def _solved(what: str, inverse: Node, right: object) -> Node:
    b = op.as_node(right)
    inner = b.shape[0 if b.ndim == 1 else -2] if b.ndim else None
    if inner is None or not same(inverse.shape[-1], inner):
        raise ShapeError(
            f"{what}: a matrix {show(inverse.shape)} and a right side {show(b.shape)} do not fit",
            hint="the right side is a vector (n,) or a matrix (n, k)",
        )
    return op.matmul(inverse, b)
