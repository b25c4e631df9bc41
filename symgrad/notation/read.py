"""Nodes to formulas: one rule for each kind of node, and one for the scalar functions of a Map."""

from collections.abc import Callable, Sequence

from sympy import Add, Expr, Mul, Pow, S, Symbol

from symgrad.notation.build import (
    linear,
    number,
    power,
    product,
    scalar_inside,
    spread,
    total,
    transpose,
)
from symgrad.notation.correlations import correlation
from symgrad.notation.formula import (
    Along,
    Bracket,
    Call,
    Compare,
    Fixed,
    Formula,
    Identity,
    Kronecker,
    Matrix,
    Name,
    Number,
    OneHot,
    Reshaped,
    Sum,
    Transpose,
    Unknown,
    UnknownTensor,
    Windowed,
)
from symgrad.notation.matrix import contraction
from symgrad.notation.windows import window_call
from symgrad.simplify.terms import build, flatten
from symgrad.tensor import operators
from symgrad.tensor.dims import Shape, same
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    LogSumExp,
    Map,
    Node,
    Reduce,
    Softmax,
    Total,
    UnspecifiedTensor,
    topological,
)
from symgrad.tensor.primitives import ArgReduce, MatrixFunction, Reshape, StopGradient
from symgrad.tensor.scalar import NAMES, Unspecified, root_of

#: What a comparison is with its sides exchanged.
COMPARISONS = {"gt": "lt", "ge": "le", "lt": "gt", "le": "ge", "eq": "eq", "ne": "ne"}

Formulas = Sequence[Formula]


def formula_of(node: Node) -> Formula:
    """The node in matrix notation, as far as it has one; no recursion over nodes."""
    done: dict[Node, Formula] = {}
    for each in topological(node):
        pair, call = _kronecker(each), window_call(each)
        if pair is None:
            done[each] = _RULES[type(each)](each, [done[operand] for operand in each.operands])
        else:
            done[each] = Kronecker(each.shape, *(done[factor] for factor in pair))
        if call is not None:
            arguments = tuple(done[argument] for argument in call.arguments)
            form = (call.name, arguments, call.options, call.exchanged)
            done[each] = Windowed(each.shape, *form, done[each])
        done[each] = correlation(each, done, done[each])
    return done[node]


def _kronecker(node: Node) -> tuple[Node, Node] | None:
    """The factors of a Kronecker product of matrices: aᵢⱼ bₖₗ with the axes (i k), (j l) merged."""
    if not (isinstance(node, Reshape) and node.ndim == 2 and isinstance(node.operand, Einsum)):
        return None
    inner = node.operand
    if len(inner.factors) != 2 or inner.ndim != 4 or UNIT in inner.output:
        return None
    i, k, j, l = inner.output  # noqa: E741
    if not same(node.shape[0], inner.shape[0] * inner.shape[1]):
        return None
    left, right = (inner.factors[inner.inputs.index(own)] if own in inner.inputs else None
                   for own in ((i, j), (k, l)))  # fmt: skip
    return None if left is None or right is None else (left, right)


def _leaf(node: Leaf, _: Formulas) -> Formula:
    return Name(node.shape, node)


def _constant(node: Constant, _: Formulas) -> Formula:
    return number(node.value)


def _einsum(node: Einsum, operands: Formulas) -> Formula:
    apart = _diagonal_apart(node)
    return contraction(node, operands) if apart is None else formula_of(apart)


def _diagonal_apart(node: Einsum) -> Node | None:
    """diag(a) − a aᵀ for aⱼ ([i = j] − aᵢ), which would read (I − a 𝟏ᵀ) diag(a)."""
    wide = [n for n, factor in enumerate(node.factors) if isinstance(factor, Total)]
    if node.ndim != 2 or len(node.sizes) != 2 or len(wide) != 1 or len(node.factors) < 2:
        return None
    (at,) = wide
    inner = node.factors[at]
    assert isinstance(inner, Total)
    vectors = all(f.ndim == 1 for n, f in enumerate(node.factors) if n != at)
    if not vectors or set(node.inputs[at]) != set(node.output):
        return None
    if not (any(map(operators.is_identity, inner.terms)) and any(map(_is_spread, inner.terms))):
        return None
    products = (
        Einsum(node.inputs, node.output, node.shape, *node.factors[:at], t, *node.factors[at + 1 :])
        for t in inner.terms
    )
    pairs = zip(inner.coefficients, map(build, map(flatten, products)), strict=True)
    return operators.total(pairs, node.shape)


def _is_spread(node: Node) -> bool:
    """Whether it is a vector for each row or each column."""
    return isinstance(node, Einsum) and len(node.factors) == 1 and node.factors[0].ndim == 1


def _total(node: Total, operands: Formulas) -> Formula:
    return total(node.shape, zip(node.coefficients, operands, strict=True))


def _map(node: Map, operands: Formulas) -> Formula:
    result = body_formula(node.body, dict(zip(node.bound, operands, strict=True)), node.shape)
    return _fit(result, node.shape)


def _iverson(node: Iverson, operands: Formulas) -> Formula:
    last = node.ndim - 1
    if operators.is_identity(node):
        return Identity(node.shape)
    if node.op == "eq" and node.operand_axes == (tuple(range(last)),):
        if node.condition in (INDEX[last] - LOOKUP[0], LOOKUP[0] - INDEX[last]):
            return OneHot(node.shape, operands[0])
    return Bracket(node.shape, node.op, node.condition, node.operand_axes, tuple(operands))


def _reduce(node: Reduce, operands: Formulas) -> Formula:
    return Along(node.shape, node.op, node.axes, False, operands[0])


def _logsumexp(node: LogSumExp, operands: Formulas) -> Formula:
    return Along(node.shape, "logsumexp", node.axes, False, operands[0])


def _softmax(node: Softmax, operands: Formulas) -> Formula:
    return Along(node.shape, "softmax", node.axes, True, operands[0])


def _argreduce(node: ArgReduce, operands: Formulas) -> Formula:
    return Along(node.shape, f"arg{node.op}", node.axes, False, operands[0])


def _reshape(node: Reshape, operands: Formulas) -> Formula:
    return linear(node.shape, Reshaped, operands[0])


def _matrix_function(node: MatrixFunction, operands: Formulas) -> Formula:
    if node.name == "inv" and isinstance(operands[0], Transpose) and node.ndim == 2:
        return transpose(Matrix(node.shape, "inv", operands[0].operand))
    return Matrix(node.shape, node.name, operands[0])


def _stop_gradient(node: StopGradient, operands: Formulas) -> Formula:
    return Fixed(node.shape, operands[0])


def _unspecified(node: UnspecifiedTensor, operands: Formulas) -> Formula:
    return UnknownTensor(node.shape, node.name, node.wrt, tuple(operands))


_RULES: dict[type[Node], Callable[..., Formula]] = {
    Leaf: _leaf,
    Constant: _constant,
    Einsum: _einsum,
    Total: _total,
    Map: _map,
    Iverson: _iverson,
    Reduce: _reduce,
    LogSumExp: _logsumexp,
    Softmax: _softmax,
    UnspecifiedTensor: _unspecified,
    ArgReduce: _argreduce,
    Reshape: _reshape,
    MatrixFunction: _matrix_function,
    StopGradient: _stop_gradient,
}


def body_formula(body: Expr, bound: dict[Symbol, Formula], shape: Shape) -> Formula:
    """A scalar body with formulas for its arguments; no recursion."""
    done: dict[Expr, Formula] = dict(bound)
    stack: list[Expr] = [body]
    while stack:
        expr = stack[-1]
        if expr in done:
            stack.pop()
            continue
        if not expr.free_symbols & set(bound):
            done[expr] = number(expr)
            continue
        arguments = expr.arguments if isinstance(expr, Unspecified) else expr.args
        waiting = [arg for arg in arguments if arg not in done]
        if waiting:
            stack.extend(waiting)
        else:
            done[stack.pop()] = _scalar(expr, done, shape)
    return done[body]


def _fit(formula: Formula, shape: Shape) -> Formula:
    return formula if formula.ndim else spread(formula, shape, ())


def comparison(shape: Shape, name: str, left: Formula, right: Formula) -> Formula:
    """[left op right], [1 − x > 0] as [x < 1] and [x − y > 0] as [x > y]."""
    zero = scalar_inside(right)
    if not (isinstance(left, Sum) and len(left.terms) == 2 and isinstance(zero, Number)):
        return Compare(shape, name, left, right)
    (a, b), (first, second) = left.terms, left.signs
    if zero.value != 0 or first == second:
        return Compare(shape, name, left, right)
    if isinstance(scalar_inside(a), Number):  # a number stands on the right
        a, b, first = b, a, second
    return Compare(shape, name if first > 0 else COMPARISONS[name], a, b)


def _scalar(expr: Expr, done: dict[Expr, Formula], shape: Shape) -> Formula:
    match expr:
        case Add():
            terms = [_fit(done[arg], shape) for arg in expr.as_ordered_terms()]
            return total(shape, [(S.One, term) for term in terms])
        case Mul():
            # as_ordered_factors takes -3 for -1 and 3, which are no arguments
            coefficient, rest = expr.as_coeff_Mul()
            parts = rest.as_ordered_factors() if isinstance(rest, Mul) else [rest]
            parts = parts if coefficient is S.One else [coefficient, *parts]
            return product(shape, S.One, [done[part] for part in parts])
        case Pow(base=base, exp=exponent):
            return power(_fit(done[base], shape), done[exponent])
        case Unspecified():
            arguments = tuple(_fit(done[arg], shape) for arg in expr.arguments)
            return Unknown(shape, expr.name, expr.orders, arguments)
    name = NAMES[expr.func]
    if root_of(expr) is not None:  # off 0 it is a power
        return done[expr.args[1]]
    arguments = tuple(_fit(done[arg], shape) for arg in expr.args)
    if name in COMPARISONS:
        return comparison(shape, name, *arguments)
    if name == "minimum":
        for lower, upper in (arguments, arguments[::-1]):
            if isinstance(lower, Call) and lower.name == "maximum":
                return Call(shape, "clip", (*lower.arguments, upper))
    return Call(shape, name, arguments)
