"""Functions of one entry in few: σ, tanh, softplus in exp; ReLU, |x|, maxima in [x > 0].

Each rule gets the normal forms of the arguments.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sympy import Expr, Rational, S, cos, exp, sin

from symgrad.simplify.normal.sums import Sum, constant, is_one, leading, total_of
from symgrad.simplify.terms import flatten, power_of
from symgrad.tensor import scalar
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import Constant, Einsum, Iverson, Leaf, Map, Node, Total
from symgrad.tensor.scalar import ARGS

if TYPE_CHECKING:
    from symgrad.simplify.normal.core import Normal

Rule = Callable[["Normal", list[Sum], Shape], Sum]


def _sigmoid(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """σ(x) = 1 − 1/(1 + eˣ)."""
    one = constant(S.One, shape)
    share = n.power(total_of([(S.One, one), (S.One, n.exp(parts[0], shape))]), S.NegativeOne, shape)
    return total_of([(S.One, one), (S.NegativeOne, share)])


def _tanh(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """tanh(x) = 2 σ(2x) − 1."""
    double = total_of([(Rational(2), parts[0])])
    return total_of([(Rational(2), _sigmoid(n, [double], shape)),
                 (S.NegativeOne, constant(S.One, shape))])  # fmt: skip


def _hyperbolic(sign: int) -> Rule:
    """(eˣ ± e⁻ˣ)/2."""

    def rule(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
        minus = total_of([(S.NegativeOne, parts[0])])
        half = Rational(1, 2)
        return total_of([(half, n.exp(parts[0], shape)), (sign * half, n.exp(minus, shape))])

    return rule


def _softplus(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """log(1 + eˣ)."""
    return n.log(
        total_of([(S.One, constant(S.One, shape)), (S.One, n.exp(parts[0], shape))]), shape
    )


def _plus_one(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """log(1 + x)."""
    return n.log(total_of([(S.One, constant(S.One, shape)), (S.One, parts[0])]), shape)


def _less_one(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """eˣ − 1."""
    return total_of([(S.One, n.exp(parts[0], shape)), (S.NegativeOne, constant(S.One, shape))])


def _relu(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """x [x > 0]."""
    return n.times(parts[0], n.half(parts[0], shape), shape)


def _sign(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """2 [x > 0] + [x = 0] − 1."""
    return total_of(
        [
            (Rational(2), n.positive(parts[0], shape)),
            (S.One, n.zero(parts[0], shape)),
            (S.NegativeOne, constant(S.One, shape)),
        ]
    )


def _abs(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """x (2 [x > 0] − 1)."""
    half = n.half(parts[0], shape)
    sides = total_of([(Rational(2), half), (S.NegativeOne, constant(S.One, shape))])
    return n.times(parts[0], sides, shape)


def _gap(parts: list[Sum]) -> Sum:
    return total_of([(S.One, parts[0]), (S.NegativeOne, parts[1])])


def _greater(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """[a > b] = [a − b > 0]."""
    return n.positive(_gap(parts), shape)


def _at_least(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """[a ≥ b] = [a − b > 0] + [a − b = 0]."""
    gap = _gap(parts)
    return total_of([(S.One, n.positive(gap, shape)), (S.One, n.zero(gap, shape))])


def _unequal(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """[a ≠ b] = 1 − [a − b = 0]."""
    one = constant(S.One, shape)
    return total_of([(S.One, one), (S.NegativeOne, n.zero(_gap(parts), shape))])


def _extremum(sign: int) -> Rule:
    """max(a, b) = b + (a − b) [a > b]; of the minimum [a < b]."""

    def rule(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
        gap = _gap(parts)
        test = n.half(total_of([(S(sign), gap)]), shape)
        return total_of([(S.One, parts[1]), (S.One, n.times(gap, test, shape))])

    return rule


def _where(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """[c] a + (1 − [c]) b, of a condition c that is 0 or 1."""
    test, yes, no = parts
    endless = any(c.is_infinite for branch in (yes, no) for c in branch.values())
    if endless or not _is_truth(test):  # 0 · ∞ is no number
        return n.function(scalar.where(*ARGS[:3]), parts, shape)
    gap = total_of([(S.One, yes), (S.NegativeOne, no)])
    return total_of([(S.One, no), (S.One, n.times(gap, test, shape))])


def _is_truth(form: Sum) -> bool:
    """Whether a form is a product of what is 0 or 1, [x > 0] + [x = 0], or 1 less one of these."""
    left = {node: c for node, c in form.items() if not is_one(node)}
    constant = sum((c for node, c in form.items() if is_one(node)), S.Zero)
    if (constant, *set(left.values())) not in ((0, 1), (1, -1)):
        return False
    terms = [flatten(node) for node in left]
    if len(terms) == 1:
        return not terms[0].summed and all(_is_indicator(atom) for atom, _ in terms[0].factors)
    tests = [term.factors for term in terms]
    if len(tests) != 2 or any(len(factors) != 1 for factors in tests):
        return False
    ((one, own),), ((other, labels),) = tests
    both = isinstance(one, Map) and isinstance(other, Map) and own == labels
    return both and {one.body.func, other.body.func} == {scalar.gt, scalar.eq} and (
        one.operands == other.operands and one.body.args == other.body.args
    )  # fmt: skip


def _is_indicator(atom: Node) -> bool:
    match atom:
        case Map():
            return atom.body.func in (scalar.gt, scalar.eq)
        case Leaf():
            return atom.domain.partition(":")[0] in ("binary", "onehot")
    return isinstance(atom, Iverson)


def _even(function: type[Expr]) -> Rule:
    """f(−x) = f(x)."""
    return lambda n, parts, shape: n.function(function(ARGS[0]), [_signed(parts[0])[1]], shape)


def _odd(function: type[Expr]) -> Rule:
    """f(−x) = −f(x)."""

    def rule(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
        sign, inside = _signed(parts[0])
        return total_of([(sign, n.function(function(ARGS[0]), [inside], shape))])

    return rule


def _tangent(n: "Normal", parts: list[Sum], shape: Shape) -> Sum:
    """sin/cos."""
    below = n.power(_even(cos)(n, parts, shape), S.NegativeOne, shape)
    return n.times(_odd(sin)(n, parts, shape), below, shape)


def _signed(form: Sum) -> tuple[Expr, Sum]:
    """The sign of the leading coefficient, and the form without it."""
    if not form:
        return S.One, form
    lead = leading(form)
    if form[lead].could_extract_minus_sign():
        return S.NegativeOne, {node: -c for node, c in form.items()}
    return S.One, form


FUNCTIONS: Mapping[str, Rule] = {
    "exp": lambda n, parts, shape: n.exp(parts[0], shape),
    "log": lambda n, parts, shape: n.log(parts[0], shape),
    "sigmoid": _sigmoid,
    "tanh": _tanh,
    "sinh": _hyperbolic(-1),
    "cosh": _hyperbolic(1),
    "softplus": _softplus,
    "log1p": _plus_one,
    "expm1": _less_one,
    "relu": _relu,
    "sign": _sign,
    "abs": _abs,
    "gt": _greater,
    "ge": _at_least,
    "lt": lambda n, parts, shape: _greater(n, parts[::-1], shape),
    "le": lambda n, parts, shape: _at_least(n, parts[::-1], shape),
    "eq": lambda n, parts, shape: n.zero(_gap(parts), shape),
    "ne": _unequal,
    "maximum": _extremum(1),
    "minimum": _extremum(-1),
    "where": _where,
    "sin": _odd(sin),
    "cos": _even(cos),
    "tan": _tangent,
    "erf": _odd(scalar.FUNCTIONS["erf"].kind),
    "arctan": _odd(scalar.FUNCTIONS["arctan"].kind),
    "arcsin": _odd(scalar.FUNCTIONS["arcsin"].kind),
}


def is_positive(node: Node) -> bool:
    """Whether all entries are known to be positive: sums and products of exponentials, squares."""
    base, exponent = power_of(node)
    if base is not node:
        even = exponent.is_Integer and exponent % 2 == 0
        return even or is_positive(base)
    match node:
        case Leaf():
            return node.domain in ("positive", "unit")
        case Constant():
            return bool(node.value.is_positive)
        case Total():
            return all(c.is_positive for c in node.coefficients) and any(
                map(is_positive, node.terms)
            ) and all(is_positive(t) or _is_square(t) for t in node.terms)  # fmt: skip
        case Einsum():
            return all(map(is_positive, node.factors)) if node.factors else True
        case Map():
            return bool(node.body == exp(ARGS[0]))
    return False


def _is_square(node: Node) -> bool:
    """Whether it is a product, or a sum of products, of factors that stand twice each."""
    if not isinstance(node, Einsum):
        return False
    times = Counter(zip(node.factors, node.inputs, strict=True))
    return all(n % 2 == 0 or is_positive(factor) for (factor, _), n in times.items())
