"""Nodes as terms: a formula that was read from LaTeX or SymPy, for edits to be made on.

What has no form in terms is taken as a whole, under a name of the pool.
"""

from collections.abc import Callable

from sympy import Add, Expr, Integer, Mul, Pow, Symbol, expand

from symgrad.check.claims.terms import Term, name, number
from symgrad.check.diagnose.from_products import product_of
from symgrad.check.diagnose.many import negative, over, plus, times
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, same_shape
from symgrad.tensor.nodes import (
    INDEX,
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Map,
    Node,
    Reduce,
    Softmax,
    Total,
    rebuild,
    topological,
)
from symgrad.tensor.primitives import MatrixFunction
from symgrad.tensor.scalar import ARGS

#: Operations of a formula that a person may have written: a longer one is taken as a whole.
MOST_NODES = 300

#: Gives a node that has no form a name.
Pool = Callable[[Node], Term]


def term_of(root: Node, names: dict[Node, str], pool: Pool) -> Term:
    """The term of a node; `names` are the nodes that have names."""
    if len(topological(root, seen=set(names))) > MOST_NODES:
        return pool(root)
    plain = _composed(root, set(names))
    done: dict[Node, Term] = {}
    for node in topological(plain, seen=set(names)):
        done[node] = _term(node, done, names, pool)
    return name(names[plain]) if plain in names else done[plain]


def _composed(root: Node, named: set[Node]) -> Node:
    """The node with what only moves axes put into what uses it."""
    done: dict[Node, Node] = {}
    for node in topological(root, seen=named):
        operands = tuple(done.get(operand, operand) for operand in node.operands)
        new = rebuild(node, operands)
        done[node] = _one(new, named) if isinstance(new, Einsum) else new
    return done.get(root, root)


def _one(node: Einsum, named: set[Node]) -> Node:
    """A product whose factors that only move axes are read through."""
    inputs: list[tuple[int, ...]] = []
    factors: list[Node] = []
    sizes = dict(node.sizes)
    fresh = 10_000
    for labels, factor in zip(node.inputs, node.factors, strict=True):
        if factor in named or not isinstance(factor, Einsum) or len(factor.factors) != 1:
            inputs.append(labels)
            factors.append(factor)
            continue
        (own,) = factor.inputs
        summed = {k for k in own if k != UNIT} - set(factor.output)
        spread = {k for k in factor.output if k != UNIT} - set(own)
        unsummed = {k for labels_ in node.inputs for k in labels_} <= {UNIT, *node.output}
        if (summed and len(node.factors) > 1) or (spread and not unsummed):
            inputs.append(labels)
            factors.append(factor)
            continue
        at = {k: labels[p] for p, k in enumerate(factor.output) if k != UNIT}
        for k in sorted(summed):
            fresh += 1
            at[k], sizes[fresh] = fresh, factor.sizes[k]
        inputs.append(tuple(UNIT if k == UNIT else at[k] for k in own))
        factors.append(factor.factors[0])
    new = Einsum(inputs, node.output, node.shape, *factors)
    if len(factors) == 1 and new.inputs[0] == new.output and same_shape(
        new.shape, factors[0].shape
    ):  # fmt: skip
        return factors[0]
    return new


def _term(node: Node, done: dict[Node, Term], names: dict[Node, str], pool: Pool) -> Term:
    parts = [name(names[each]) if each in names else done[each] for each in node.operands]
    match node:
        case Leaf():
            return name(names[node]) if node in names else pool(node)
        case Constant():
            return _number(node.value)
        case Total():
            joined = _joined(node, done, names, pool)
            if joined is not None:
                return joined
            items = [
                _scaled(coefficient, part)
                for coefficient, part in zip(node.coefficients, parts, strict=True)
            ]
            return plus(*items)
        case Map():
            found = _body(node.body, dict(zip(node.bound, parts, strict=True)))
            return pool(node) if found is None else found
        case Softmax(axes=(axis,)):
            return Term("softmax", parts[0], axis=Integer(axis))
        case Reduce(op=op, axes=(axis,)):
            return Term(op, parts[0], axis=Integer(axis), keepdims=False)
        case MatrixFunction(name="inv" | "det"):
            return Term(node.name, parts[0])
        case Iverson() if _is_eye(node):
            return Term("eye", number(node.shape[0]))
        case Einsum():
            found = product_of(node, parts)
            return pool(node) if found is None else found
    return pool(node)


def _number(value: Expr) -> Term:
    """A number; a size below the bar divides."""
    if value.is_Rational:
        return number(value)
    above, below = value.as_numer_denom()
    if below.free_symbols or below != 1:
        bar = over(number(below))
        return bar if above == 1 else times(number(above), bar)
    return number(value)


def _scaled(coefficient: Expr, part: Term) -> Term:
    if coefficient == 1:
        return part
    if coefficient.could_extract_minus_sign():
        return negative(_scaled(-coefficient, part))
    return times(_number(coefficient), part)


_FUNCTIONS = frozenset(scalar.FUNCTIONS) - {"gt", "ge", "lt", "le", "eq", "ne"}


def _body(body: Expr, bound: dict[Symbol, Term]) -> Term | None:
    """A scalar body as a term."""
    if body in bound:
        return bound[body]
    if not body.free_symbols & set(ARGS):
        return _number(body)
    inner = [_body(arg, bound) for arg in body.args]
    if any(each is None for each in inner):
        return None
    parts = [each for each in inner if each is not None]
    match body:
        case Add():
            return plus(*parts)
        case Mul():
            minus = parts[0] is number(Integer(-1))
            rest = times(*parts[1:]) if minus and len(parts) > 1 else times(*parts)
            return negative(rest) if minus else rest
        case Pow(exp=exponent) if exponent == -1:
            return over(parts[0])
        case Pow(exp=exponent) if exponent.is_Integer and exponent < 0:
            return over(Term("pow", parts[0], number(-exponent)))
        case Pow():
            return Term("pow", *parts)
    kind = scalar.NAMES.get(body.func)
    return None if kind is None else Term(kind, *parts)


def _is_eye(node: Iverson) -> bool:
    return node.op == "eq" and node.ndim == 2 and not node.operands and (
        expand(node.condition) in (INDEX[0] - INDEX[1], INDEX[1] - INDEX[0])
    )  # fmt: skip


# --- parts along an axis


def _joined(node: Total, done: dict[Node, Term], names: dict[Node, str], pool: Pool) -> Term | None:
    """Parts one after the other along an axis: each is put at its place by a bracket."""
    rows: list[tuple[Expr, Term]] = []
    axis: int | None = None
    for coefficient, term in node.pairs:
        if coefficient != 1 or not isinstance(term, Einsum):
            return None
        brackets = [k for k, f in enumerate(term.factors) if isinstance(f, Iverson)]
        if len(brackets) != 1 or len(term.factors) < 2:
            return None
        (k,) = brackets
        bracket, labels = term.factors[k], term.inputs[k]
        assert isinstance(bracket, Iverson)
        if bracket.op != "eq" or bracket.operands or labels[0] not in term.output:
            return None
        offset = expand(INDEX[0] - bracket.condition * bracket.condition.coeff(INDEX[0]))
        if len(labels) == 2:
            offset = expand(offset - INDEX[1])
        if offset.has(*INDEX):
            return None
        place = term.output.index(labels[0])
        if axis is not None and axis != place:
            return None
        axis = place
        own = labels[1] if len(labels) == 2 else UNIT
        if own != UNIT and own in term.output:
            return None  # a diagonal
        output = tuple(own if n == place else label for n, label in enumerate(term.output))
        rest = [f for n, f in enumerate(term.factors) if n != k]
        inputs = [f for n, f in enumerate(term.inputs) if n != k]
        shape = tuple(
            (bracket.shape[1] if len(labels) == 2 else ONE) if n == place else size
            for n, size in enumerate(term.shape)
        )
        inner = Einsum(inputs, output, shape, *rest)
        plain = _one(inner, set(names))
        for each in topological(plain, seen=set(names)):
            if each not in done:
                done[each] = _term(each, done, names, pool)
        rows.append((offset, name(names[plain]) if plain in names else done[plain]))
    if len(rows) < 2 or axis is None:
        return None
    try:
        rows.sort(key=lambda row: (bool(row[0].free_symbols), _size_key(row[0])))
    except TypeError:
        return None
    return Term("concatenate", tuple(part for _, part in rows), axis=Integer(axis))


def _size_key(offset: Expr) -> float:
    """Offsets in their order for any sizes: 0, H, 2 H, ..."""
    return float(offset.xreplace({s: Integer(7 + 3 * n) for n, s in enumerate(
        sorted(offset.free_symbols, key=str))}))  # fmt: skip
