"""Rules for matrices: inverses that cancel, transposes and numbers drawn out, symmetry."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from weakref import WeakKeyDictionary

from sympy import Expr, S, log

from symgrad.simplify.terms import Term, build, flatten, others, power_of, relabelled
from symgrad.tensor import operators as op
from symgrad.tensor.dims import same
from symgrad.tensor.nodes import (
    INDEX,
    UNIT,
    Einsum,
    Iverson,
    Labels,
    Leaf,
    Map,
    Node,
    Reduce,
    Total,
)
from symgrad.tensor.primitives import MatrixFunction
from symgrad.tensor.scalar import ARGS

#: Symmetric factors of one product that are turned in all ways; further ones stay as they are.
MOST_TURNED = 5


def _transposed(node: Node) -> Node | None:
    """Y if the node is Yᵀ, matrix by matrix."""
    if not (isinstance(node, Einsum) and len(node.factors) == 1 and node.ndim >= 2):
        return None
    (labels,) = node.inputs
    turned = (*node.output[:-2], node.output[-1], node.output[-2])
    return node.factors[0] if labels == turned and UNIT not in labels[-2:] else None


def of_transpose(node: Node) -> Node | None:
    """f(Xᵀ) = f(X)ᵀ of inverses and exponentials; determinants and singular values of Xᵀ are X's.

    So is what is said of the symmetric part: eigenvalues, eigenvectors, the Cholesky factor.
    """
    if not isinstance(node, MatrixFunction):
        return None
    inner = _transposed(node.operand)
    if inner is None:
        return None
    if node.name in ("inv", "pinv", "expm"):
        return op.matrix_transpose(MatrixFunction(node.name, inner))
    if node.name in ("det", "logdet", "eigvals", "eigvecs", "cholesky", "svd_s"):
        return MatrixFunction(node.name, inner)
    return None


def of_inverse(node: Node) -> Node | None:
    """(X⁻¹)⁻¹ = X, det X⁻¹ = 1/det X, log|det X⁻¹| = −log|det X|."""
    if not isinstance(node, MatrixFunction):
        return None
    inner = node.operand
    if not (isinstance(inner, MatrixFunction) and inner.name == "inv"):
        return None
    match node.name:
        case "inv":
            return inner.operand
        case "det":
            return op.power(MatrixFunction("det", inner.operand), -1)
        case "logdet":
            return op.scale(-1, MatrixFunction("logdet", inner.operand))
    return None


def of_identity(node: Node) -> Node | None:
    """I⁻¹ = I, det I = 1, log det I = 0."""
    if isinstance(node, MatrixFunction) and op.is_identity(node.operand):
        match node.name:
            case "inv" | "cholesky" | "pinv":
                return node.operand
            case "det":
                return op.full(1, ())
            case "logdet":
                return op.full(0, ())
    return None


def of_multiple(node: Node) -> Node | None:
    """(c X)⁻¹ = X⁻¹/c."""
    if not (isinstance(node, MatrixFunction) and node.name in ("inv", "pinv")):
        return None
    inner = node.operand
    if isinstance(inner, Total) and len(inner.terms) == 1:
        return op.scale(1 / inner.coefficients[0], MatrixFunction(node.name, inner.terms[0]))
    return None


def of_diagonal(node: Node) -> Node | None:
    """diag(x)⁻¹ = diag(1/x), det diag(x) = Π x, log|det diag(x)| = Σ log|x|."""
    if not (isinstance(node, MatrixFunction) and node.name in ("inv", "det", "logdet")):
        return None
    inner = node.operand
    if not (isinstance(inner, Einsum) and inner.ndim == 2):
        return None
    deltas = [n for n, f in enumerate(inner.factors) if op.is_identity(f)]
    if len(deltas) != 1 or set(inner.inputs[deltas[0]]) != set(inner.output):
        return None
    first = inner.output[0]
    rest = [n for n in range(len(inner.factors)) if n != deltas[0]]
    held = [tuple(first if k == inner.output[1] else k for k in inner.inputs[n]) for n in rest]
    factors = [inner.factors[n] for n in rest]
    vector = op.einsum(held, (first,), *factors, sizes=inner.sizes)
    if node.name == "det":
        return Reduce("prod", (0,), vector)
    if node.name == "logdet":
        return op.sum_over(op.apply(log(ARGS[0]), op.apply(abs(ARGS[0]), vector)))
    inverse = op.power(vector, -1)
    return op.einsum(((0,), (0, 1)), (0, 1), inverse, inner.factors[deltas[0]])


def log_of_square(node: Node) -> Node | None:
    """log (det X)² = 2 log|det X|."""
    if not (isinstance(node, Map) and node.body == log(ARGS[0])):
        return None
    (inner,) = node.operands
    base, exponent = power_of(inner)
    if isinstance(inner, Einsum) and len(inner.factors) == 2 and len(set(inner.factors)) == 1:
        if not inner.ndim and not inner.factors[0].ndim:
            base, exponent = inner.factors[0], S(2)
    if not (isinstance(base, MatrixFunction) and base.name == "det"):
        return None
    if exponent.is_Integer and exponent % 2 == 0:
        return op.scale(exponent, MatrixFunction("logdet", base.operand))
    return None


def inverse_cancels(term: Term) -> Term | None:
    """X X⁻¹ = X⁻¹ X = I."""
    for n, (node, labels) in enumerate(term.factors):
        if not (isinstance(node, MatrixFunction) and node.name == "inv") or UNIT in labels:
            continue
        for m, (other, own) in enumerate(term.factors):
            if other is not node.operand or own[:-2] != labels[:-2]:
                continue
            for inside, outside in ((-2, -1), (-1, -2)):
                # the label between them, and the ends
                middle, left, right = labels[inside], labels[outside], own[inside]
                if own[outside] != middle or middle in term.output or left == middle:
                    continue
                holders = [k for k, (_, each) in enumerate(term.factors) if middle in each]
                if sorted(holders) != sorted((n, m)) or right == middle:
                    continue
                size = node.shape[-1]
                delta = Iverson("eq", INDEX[0] - INDEX[1], (size, size))
                rest = (*others(term, n, m), (delta, (left, right)))
                return replace(term, factors=rest)
    return None


def inverse_opens(term: Term) -> Term | None:
    """(P Q)⁻¹ P = Q⁻¹ and Q (P Q)⁻¹ = P⁻¹ for square P and Q."""
    for n, (node, labels) in enumerate(term.factors):
        if not (isinstance(node, MatrixFunction) and node.name == "inv" and node.ndim == 2):
            continue
        product = node.operand
        if not isinstance(product, Einsum) or UNIT in labels or not _of_squares(product):
            continue
        for inner, outer in ((1, 0), (0, 1)):  # what stands behind meets the chain's first factor
            middle, end = labels[inner], product.output[1 - inner]
            holders = [m for m, (_, own) in enumerate(term.factors) if middle in own]
            if middle in term.output or len(holders) != 2:
                continue
            (m,) = {*holders} - {n}
            other, own = term.factors[m]
            ends = [k for k, each in enumerate(product.inputs) if end in each]
            if len(ends) != 1 or product.factors[ends[0]] is not other or len(own) != 2:
                continue
            first = product.inputs[ends[0]]
            if own.count(middle) != 1 or own.index(middle) != first.index(end):
                continue
            far, inside = own[1 - own.index(middle)], first[1 - first.index(end)]
            rest = [k for k in range(len(product.factors)) if k != ends[0]]
            output = (inside, product.output[1]) if inner == 1 else (product.output[0], inside)
            left = Einsum(
                [product.inputs[k] for k in rest],
                output,
                product.shape,
                *(product.factors[k] for k in rest),
            )
            place = (labels[outer], far) if inner == 1 else (far, labels[outer])
            new = (MatrixFunction("inv", build(flatten(left))), place)
            return replace(term, factors=(*others(term, n, m), new))
    return None


def _of_squares(node: Einsum) -> bool:
    """Whether it is a chain of square matrices."""
    size = node.shape[0]
    if len(node.factors) < 2 or node.output[0] == node.output[1] or UNIT in node.output:
        return False
    held = Counter(k for own in node.inputs for k in own)
    chain = all(held[k] == (1 if k in node.output else 2) for k in held)
    square = all(
        f.ndim == 2 and same(f.shape[0], size) and same(f.shape[1], size) for f in node.factors
    )
    return chain and square and all(own[0] != own[1] for own in node.inputs)


# --- symmetry

_known: dict[bool, "WeakKeyDictionary[Node, bool]"] = {
    False: WeakKeyDictionary(),
    True: WeakKeyDictionary(),
}


def is_symmetric(node: Node, facts: bool) -> bool:
    """Whether a matrix is known to be its own transpose; with `facts` from declarations too."""
    if node.ndim != 2 or not same(*node.shape):
        return False
    if node.shape[0] == 1:
        return True
    known = _known[facts]
    if node not in known:
        known[node] = _is_symmetric(node, facts)
    return known[node]


def _is_symmetric(node: Node, facts: bool) -> bool:
    match node:
        case Leaf(domain=domain):
            return facts and domain in ("symmetric", "spd")
        case MatrixFunction(name="inv" | "pinv" | "expm", operand=inner):
            return is_symmetric(inner, facts)
        case Iverson():
            return op.is_identity(node)
        case Total(terms=terms) if len(terms) <= 16:
            rest = [(c, each) for c, each in node.pairs if not is_symmetric(each, facts)]
            return not rest or _exchanged(rest, facts)
        case Map(operands=operands):
            return all(is_symmetric(each, facts) for each in operands)
        case Einsum(factors=factors) if len(factors) <= 8:
            term = _identities_first(flatten(node))
            turned = _renamed(replace(term, output=term.output[::-1]), term.output)
            turned = _identities_first(turned)
            return _canonical(term, facts) is _canonical(turned, facts)
    return False


def _renamed(term: Term, output: Labels) -> Term:
    """The term with its two output labels in the names and the order of `output`."""
    a, b = output
    place = {a: b, b: a}
    factors = tuple((f, tuple(place.get(k, k) for k in own)) for f, own in term.factors)
    sizes = {**term.sizes, a: term.sizes[b], b: term.sizes[a]}
    return replace(term, factors=factors, output=output, sizes=sizes)


def _exchanged(pairs: Sequence[tuple[Expr, Node]], facts: bool) -> bool:
    """Whether transposing exchanges the terms of a sum, as in x 𝟏ᵀ + 𝟏 xᵀ."""
    terms = [(c, flatten(node)) for c, node in pairs]
    given = Counter((c, _canonical(term, facts)) for c, term in terms)
    return given == Counter(
        (c, _canonical(_renamed(replace(t, output=t.output[::-1]), t.output), facts))
        for c, t in terms
    )


def _identities_first(term: Term) -> Term:
    """The term with one label for both of what an identity couples, so that sᵢ [i = j] is sⱼ."""
    factors = term.factors
    for n, (node, own) in enumerate(factors):
        if op.is_identity(node) and UNIT not in own:
            low, high = sorted(own)
            rest = relabelled((*factors[:n], *factors[n + 1 :]), high, low)
            factors = (*rest[:n], (node, (low, high)), *rest[n:])
    return replace(term, factors=factors)


def _canonical(term: Term, facts: bool) -> Node:
    return build(_turned(term, facts) or term)


def turned(facts: bool) -> Callable[[Term], Term | None]:
    """Mᵢⱼ = Mⱼᵢ of symmetric matrices: the order that gives the fewest transposes."""

    def rule(term: Term) -> Term | None:
        return _turned(term, facts)

    rule.__doc__ = turned.__doc__
    return rule


def _turned(term: Term, facts: bool) -> Term | None:
    places = [
        n
        for n, (node, labels) in enumerate(term.factors)
        if len(labels) == 2
        and UNIT not in labels
        and labels[0] != labels[1]
        and not op.is_identity(node)
        and is_symmetric(node, facts)
    ][:MOST_TURNED]
    if not places:
        return None
    best = min(_turns(term, places), key=_order)
    return None if _order(best) == _order(term) else best


def _turns(term: Term, places: list[int]) -> list[Term]:
    results = []
    for flips in product((False, True), repeat=len(places)):
        factors = list(term.factors)
        for n, flip in zip(places, flips, strict=True):
            if flip:
                node, labels = factors[n]
                factors[n] = (node, labels[::-1])
        results.append(replace(term, factors=tuple(factors)))
    return results


def _order(term: Term) -> tuple[int, int, tuple[Labels, ...]]:
    """Joints at which a chain of the factors turns, its transposes, the labels in their order."""
    marks = 0
    held = Counter(k for _, own in term.factors for k in own)
    alone = {k for k in term.summed if held[k] == 1}
    vectors = {own[0] for _, own in term.factors if len(own) == 1}
    vectors |= {k for _, own in term.factors if len(own) == 2 and {*own} & alone for k in own}
    for label in term.summed:
        sides = [
            own
            for _, own in term.factors
            if label in own and len(own) == 2 and not {*own} & alone - {label}
        ]
        ends = [own.index(label) for own in sides]
        entrywise = len(sides) == 2 and {*sides[0]} == {*sides[1]}
        marks += len(ends) == 2 and (ends[0] == ends[1]) != entrywise
        marks += len(ends) == 1 and label in vectors and ends[0] == 0  # M v, not vᵀ M
    for axis, label in enumerate(term.output):
        marks += sum(
            own.index(label) != axis
            for _, own in term.factors
            if label in own and len(own) == len(term.output) == 2 and not {*own} & vectors
        )
    node = build(replace(term, coefficient=S.One))
    return marks, _transposes(term), node.inputs if isinstance(node, Einsum) else ()


def _transposes(term: Term) -> int:
    """The transposes in a chain of matrices between the two labels of the output."""
    if len(term.output) != 2:
        return 0
    label, last = term.output
    waiting = [own for _, own in term.factors if len(own) == 2 and own[0] != own[1]]
    count = 0
    while label != last and (met := next((own for own in waiting if label in own), None)):
        waiting.remove(met)
        count += met[0] != label
        label = met[met[0] == label]
    return count
