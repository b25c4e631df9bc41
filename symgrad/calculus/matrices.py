r"""Pullbacks of functions of matrices.

Y = f(X) of each matrix of a stack, its cotangent Ȳ with extra axes in front, which broadcast. After
Giles: Collected Matrix Derivative Results for Forward and Reverse Mode AD (2008), unless a rule
says otherwise. All entries of X are independent; f of a symmetric matrix is f of (X + Xᵀ)/2.
"""

from collections.abc import Callable

from sympy import Expr, S

from symgrad.tensor import operators as op
from symgrad.tensor.nodes import INDEX, UNIT, Einsum, Iverson, Node
from symgrad.tensor.operators import matmul, scale, total
from symgrad.tensor.primitives import MatrixFunction


def pull_matrix(node: Node, g: Node, k: int, lead: int) -> Node:
    """The cotangent of the matrices, from that of the function's values."""
    assert isinstance(node, MatrixFunction)
    return _RULES[node.name](node, g)


def symmetric(x: Node) -> Node:
    """(X + Xᵀ)/2 of each matrix of a stack."""
    return total(((S.Half, x), (S.Half, op.matrix_transpose(x))), x.shape)


def _chain(*factors: Node) -> Node:
    result = factors[0]
    for factor in factors[1:]:
        result = matmul(result, factor)
    return result


def _columns(x: Node, scales: Node) -> Node:
    """x with its columns scaled: x diag(s)."""
    return op.multiply(x, scales[..., None, :])


def _rows(scales: Node, x: Node) -> Node:
    """x with its rows scaled: diag(s) x."""
    return op.multiply(scales[..., :, None], x)


def _other(node: MatrixFunction, name: str) -> Node:
    return MatrixFunction(name, node.operand)


def _inverse(node: MatrixFunction, g: Node) -> Node:
    r"""Y = X⁻¹:  X̄ = −Yᵀ Ȳ Yᵀ."""
    t = op.matrix_transpose(node)
    return scale(-1, _chain(t, g, t))


def _determinant(node: MatrixFunction, g: Node) -> Node:
    r"""y = det X:  X̄ = ȳ y X⁻ᵀ."""
    return _scaled(op.multiply(g, node), op.matrix_transpose(_other(node, "inv")))


def _logdet(node: MatrixFunction, g: Node) -> Node:
    r"""y = log|det X|:  X̄ = ȳ X⁻ᵀ."""
    return _scaled(g, op.matrix_transpose(_other(node, "inv")))


def _scaled(scalars: Node, matrices: Node) -> Node:
    """Each matrix of a stack times its number."""
    value = op.constant_of(scalars)
    if value is not None and scalars.ndim == matrices.ndim - 2:
        return scale(value, matrices)
    if not scalars.ndim:
        return op.multiply(scalars, matrices)
    return op.multiply(scalars[..., None, None], matrices)


def _pseudoinverse(node: MatrixFunction, g: Node) -> Node:
    r"""P = X⁺ of constant rank: Golub, Pereyra (1973), eq. 4.12, transposed.

    X̄ = −Pᵀ P̄ Pᵀ + (I − X P) P̄ᵀ P Pᵀ + Pᵀ P P̄ᵀ (I − P X).
    """
    x, p = node.operand, node
    t, gt = op.matrix_transpose(p), op.matrix_transpose(g)
    left = op.subtract(gt, _chain(x, p, gt))
    right = op.subtract(gt, _chain(gt, p, x))
    terms = (
        (S.NegativeOne, _chain(t, g, t)),
        (S.One, _chain(left, p, t)),
        (S.One, _chain(t, p, right)),
    )
    return total(terms, terms[0][1].shape)


def _exponential(node: MatrixFunction, g: Node) -> Node:
    r"""Y = exp X:  X̄ is the upper right block of exp [[Xᵀ, Ȳ], [0, Xᵀ]].

    Najfeld, Havel (1995), theorem 4.6; Higham: Functions of Matrices (2008), eq. 10.43. A multiple
    of the identity commutes with X, and gives ȳ exp(X)ᵀ.
    """
    number = _of_identity(g)
    if number is not None:
        return _scaled(number, op.matrix_transpose(node))
    x = op.matrix_transpose(node.operand)
    *batch, n, _ = g.shape
    shape = (*batch, 2 * n, 2 * n)
    stack = tuple(range(len(batch)))
    i, j, r, c = range(len(batch), len(batch) + 4)

    def block(matrix: Node, down: int, right: int) -> Node:
        """The matrix at that block of a matrix of 2 × 2 blocks."""
        own = stack[len(stack) - (matrix.ndim - 2) :]
        places = [
            Iverson("eq", INDEX[0] - INDEX[1] - offset * n, (2 * n, n)) for offset in (down, right)
        ]
        inner, labels = ((UNIT, UNIT), ((r,), (c,))) if n == 1 else ((i, j), ((r, i), (c, j)))
        if n == 1:  # an axis of size 1 has no label
            places = [Iverson("eq", INDEX[0] - offset * n, (2 * n,)) for offset in (down, right)]
        sizes: dict[int, Expr] = dict(zip(stack, batch, strict=True))
        inputs = ((*own, *inner), *labels)
        return op.einsum(inputs, (*stack, r, c), matrix, *places, sizes=sizes)

    blocks = ((1, block(x, 0, 0)), (1, block(g, 0, 1)), (1, block(x, 1, 1)))
    whole = MatrixFunction("expm", total(blocks, shape))
    return whole[..., :n, n:]


def _of_identity(g: Node) -> Node | None:
    """The scalars c of a stack c I; None if it is none."""
    n = g.ndim - 2
    if op.is_identity(g):
        return op.full(1, ())
    if not (isinstance(g, Einsum) and g.output[n:] != (UNIT, UNIT)):
        return None
    hits = [
        m
        for m, (f, own) in enumerate(zip(g.factors, g.inputs, strict=True))
        if op.is_identity(f) and set(own) == set(g.output[n:])
    ]
    rest = [m for m in range(len(g.factors)) if hits[:1] != [m]]
    if not hits or any(set(g.output[n:]) & set(g.inputs[m]) for m in rest):
        return None
    factors = [g.factors[m] for m in rest]
    if not factors:
        return op.full(1, g.shape[:n])
    return op.einsum([g.inputs[m] for m in rest], g.output[:n], *factors, sizes=g.sizes)


def _cholesky(node: MatrixFunction, g: Node) -> Node:
    r"""L Lᵀ = X:  X̄ = (S + Sᵀ)/2, S = L⁻ᵀ Φ(Lᵀ L̄) L⁻¹.

    Φ takes the lower triangle and halves the diagonal. Murray: Differentiation of the Cholesky
    decomposition (2016), eq. 10.
    """
    n = node.shape[-1]
    inverse = MatrixFunction("inv", node)
    inner = matmul(op.matrix_transpose(node), g)
    if n == 1:
        half: Node = scale(S.Half, inner)
    else:
        lower = Iverson("ge", INDEX[0] - INDEX[1], (n, n))
        mask = total(((S.One, lower), (-S.Half, op.eye(n))), (n, n))
        half = op.multiply(inner, mask)
    return symmetric(_chain(op.matrix_transpose(inverse), half, inverse))


def _gaps(values: Node, squared: bool) -> Node:
    """Fᵢⱼ = 1/(λⱼ − λᵢ) for i ≠ j, else 0; of the squares of the values if so."""
    n = values.shape[-1]
    own = op.power(values, 2) if squared else values
    eye = op.eye(n)
    difference = op.subtract(own[..., None, :], own[..., :, None])
    return op.subtract(op.power(op.add(difference, eye), -1), eye)


def _eigenvalues(node: MatrixFunction, g: Node) -> Node:
    r"""λ of X = V diag(λ) Vᵀ:  X̄ = V diag(λ̄) Vᵀ."""
    v = _other(node, "eigvecs")
    return _chain(_columns(v, g), op.matrix_transpose(v))


def _eigenvectors(node: MatrixFunction, g: Node) -> Node:
    r"""V of X = V diag(λ) Vᵀ:  X̄ = (S + Sᵀ)/2, S = V (F ⊙ Vᵀ V̄) Vᵀ, Fᵢⱼ = 1/(λⱼ − λᵢ).

    Infinite where two eigenvalues are equal: the vectors have no derivative there.
    """
    t = op.matrix_transpose(node)
    inner = op.multiply(_gaps(_other(node, "eigvals"), squared=False), matmul(t, g))
    return symmetric(_chain(node, inner, t))


def _singular_values(node: MatrixFunction, g: Node) -> Node:
    r"""s of X = U diag(s) Vᵀ:  X̄ = U diag(s̄) Vᵀ."""
    return matmul(_columns(_other(node, "svd_u"), g), _other(node, "svd_vt"))


def _left_vectors(node: MatrixFunction, g: Node) -> Node:
    r"""U of X = U S Vᵀ:  X̄ = (U (K + Kᵀ) S + (I − U Uᵀ) Ū S⁻¹) Vᵀ, K = F ⊙ Uᵀ Ū.

    Fᵢⱼ = 1/(sⱼ² − sᵢ²). Townsend: Differentiating the Singular Value Decomposition (2016).
    """
    u, s, vt = node, _other(node, "svd_s"), _other(node, "svd_vt")
    product = matmul(op.matrix_transpose(u), g)
    inner = op.multiply(_gaps(s, squared=True), product)
    both = _columns(matmul(u, op.add(inner, op.matrix_transpose(inner))), s)
    rest = _columns(op.subtract(g, matmul(u, product)), op.power(s, -1))
    return matmul(op.add(both, rest), vt)


def _right_vectors(node: MatrixFunction, g: Node) -> Node:
    r"""Vᵀ of X = U S Vᵀ, as the left vectors of Xᵀ."""
    u, s, vt = _other(node, "svd_u"), _other(node, "svd_s"), node
    product = matmul(g, op.matrix_transpose(vt))  # (Vᵀ V̄)ᵀ
    inner = op.multiply(_gaps(s, squared=True), op.matrix_transpose(product))
    both = _rows(s, matmul(op.add(inner, op.matrix_transpose(inner)), vt))
    rest = _rows(op.power(s, -1), op.subtract(g, matmul(product, vt)))
    return matmul(u, op.add(both, rest))


_RULES: dict[str, Callable[[MatrixFunction, Node], Node]] = {
    "inv": _inverse,
    "det": _determinant,
    "logdet": _logdet,
    "pinv": _pseudoinverse,
    "expm": _exponential,
    "cholesky": _cholesky,
    "eigvals": _eigenvalues,
    "eigvecs": _eigenvectors,
    "svd_u": _left_vectors,
    "svd_s": _singular_values,
    "svd_vt": _right_vectors,
}
