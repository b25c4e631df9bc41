"""Nodes as terms: a formula that was read from LaTeX or SymPy, for edits to be made on.

What has no form in terms is taken as a whole, under a name of the pool.
"""

from collections.abc import Callable
from typing import Any

from sympy import Add, Expr, Integer, Mul, Pow, Symbol, expand

from symgrad.check.claims.terms import Slice, Term, name, number
from symgrad.check.diagnose.many import chain, negative, over, plus, times, transposed
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, same_shape
from symgrad.tensor.nodes import (
    INDEX,
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Labels,
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
            found = _product(node, parts)
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


# --- products


def _product(node: Einsum, parts: list[Term]) -> Term | None:
    one = number(Integer(1))
    numbers = [
        p for p, factor in zip(parts, node.factors, strict=True) if not factor.ndim and p is not one
    ]
    arrays = [
        (p, labels)
        for p, factor, labels in zip(parts, node.factors, node.inputs, strict=True)
        if factor.ndim
    ]
    inner = _arrays(node, arrays)
    if inner is None:
        return None
    if inner is one and numbers:
        return times(*numbers)
    return times(*numbers, inner) if numbers else inner


def _arrays(node: Einsum, arrays: list[tuple[Term, Labels]]) -> Term | None:
    kept = [k for k in node.output if k != UNIT]
    summed = {k for _, own in arrays for k in own if k != UNIT} - set(kept)
    if not arrays:
        return number(Integer(1))
    if not summed:
        return _entries(node, arrays)
    if len(arrays) == 1:
        return _summed(node, *arrays[0])
    linked = all(sum(k in own for _, own in arrays) == 2 for k in summed)
    simple = all(len(own) == len(set(own)) <= 2 and UNIT not in own for _, own in arrays)
    if linked and simple and UNIT not in node.output:
        found = _chained(node, arrays, summed)
        if found is not None:
            return found
    alone = [k for k in sorted(summed) if sum(k in own for _, own in arrays) == 1]
    if alone and len(alone) < len(summed):
        found = _summed_last(node, arrays, alone)
        if found is not None:
            return found
    return _multiplied_and_summed(node, arrays, summed)


def _summed_last(node: Einsum, arrays: list[tuple[Term, Labels]], alone: list[int]) -> Term | None:
    """Labels that one factor has are summed over when the others are multiplied."""
    bare = tuple(k for k in node.output if k != UNIT)
    output = (*bare, *alone)
    shape = tuple(node.sizes[k] for k in output)
    inputs = [own for _, own in arrays]
    stand_ins = [
        Leaf(f"factor{n}", tuple(ONE if k == UNIT else node.sizes[k] for k in own))
        for n, own in enumerate(inputs)
    ]
    whole = Einsum(inputs, output, shape, *stand_ins)
    if len(whole.factors) != len(arrays):
        return None
    parts = [(part, own) for (part, _), own in zip(arrays, whole.inputs, strict=True)]
    inner = _arrays(whole, parts)
    if inner is None:
        return None
    axes = list(range(len(bare), len(output)))
    summed = Term("sum", inner, axis=_axis(axes, output), keepdims=False)
    return _aligned(summed, bare, node.output) if bare != node.output else summed


def _entries(node: Einsum, arrays: list[tuple[Term, Labels]]) -> Term | None:
    """A product entry by entry, or an outer product of two vectors."""
    if len(arrays) == 2 and all(len(own) == 1 and UNIT not in own for _, own in arrays):
        if node.output == (arrays[0][1][0], arrays[1][1][0]) and len(set(node.output)) == 2:
            return Term("outer", arrays[0][0], arrays[1][0])
        if node.output == (arrays[1][1][0], arrays[0][1][0]) and len(set(node.output)) == 2:
            return Term("outer", arrays[1][0], arrays[0][0])
    if len(arrays) == 2 and len(node.output) == 2 and UNIT not in node.output:
        found = [_lines(part, own) for part, own in arrays]
        labels = [each[0] for each in found if each is not None]
        if len(labels) == 2 and sorted(labels) == sorted(node.output) and labels[0] != labels[1]:
            columns = {each[0]: each[1] for each in found if each is not None}
            row = columns[node.output[1]]
            return chain(columns[node.output[0]], transposed(row))
    items = [_aligned(part, own, node.output) for part, own in arrays]
    if any(each is None for each in items):
        return None
    return times(*(each for each in items if each is not None))


def _lines(part: Term, own: Labels) -> tuple[int, Term] | None:
    """The label of a matrix of one column or row, and it as a column."""
    if len(own) != 2 or sum(k == UNIT for k in own) != 1:
        return None
    return (own[0], part) if own[1] == UNIT else (own[1], transposed(part))


def _aligned(part: Term, own: Labels, output: Labels) -> Term | None:
    """An array with axes that NumPy broadcasts to the output's."""
    if own == output:
        return part
    bare = [k for k in own if k != UNIT]
    if len(set(bare)) < len(bare):
        return Term("diag", part) if len(own) == 2 and output == (own[0],) else None
    order = [k for k in output if k in bare]
    if bare != order:
        if (len(own) == 2 and UNIT not in own) or (len(own) == 2 and len(bare) == 1):
            part, own = transposed(part), own[::-1]
        else:
            return None
    if own == output[len(output) - len(own) :]:
        return part
    if UNIT in own:
        if len(own) == len(output) and all(
            a in (UNIT, b) for a, b in zip(own, output, strict=True)
        ):
            return part
        part = Term("index", part, tuple(Integer(0) if k == UNIT else Slice() for k in own))
        own = tuple(k for k in own if k != UNIT)
    key = tuple(Slice() if k in own else None for k in output)
    while key and key[0] is None:
        key = key[1:]
    return part if all(isinstance(k, Slice) for k in key) else Term("index", part, key)


def _summed(node: Einsum, part: Term, own: Labels) -> Term | None:
    """A sum along axes of one array."""
    if len({*own} - {UNIT}) < sum(k != UNIT for k in own):
        return Term("trace", part) if len(own) == 2 and not node.output else None
    axes = [axis for axis, k in enumerate(own) if k != UNIT and k not in node.output]
    kept = [k for k in own if k in node.output and k != UNIT]
    if [k for k in node.output if k != UNIT] != kept:
        return None
    wide = tuple(UNIT if n in axes else k for n, k in enumerate(own))
    if node.output == wide:
        return Term("sum", part, axis=_axis(axes, own), keepdims=True)
    if not node.output:
        return Term("sum", part, axis=None, keepdims=False)
    rest = tuple(k for n, k in enumerate(own) if n not in axes)
    if node.output != rest and UNIT in own:  # single axes go with those that are summed
        axes = [axis for axis, k in enumerate(own) if k == UNIT or k not in node.output]
        rest = tuple(k for n, k in enumerate(own) if n not in axes)
    summed = Term("sum", part, axis=_axis(axes, own), keepdims=False)
    return summed if node.output == rest else _aligned(summed, rest, node.output)


def _axis(axes: list[int], own: Labels) -> Any:
    if len(axes) == len(own):
        return None
    return Integer(axes[0]) if len(axes) == 1 else tuple(map(Integer, axes))


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


def _chained(node: Einsum, arrays: list[tuple[Term, Labels]], summed: set[int]) -> Term | None:
    """A product of matrices and vectors, from the output's first label on."""
    left = list(arrays)
    vector = [each for each in left if len(each[1]) == 1]
    if node.output:
        start: int | None = node.output[0]
    else:
        start = None
    items: list[Term] = []
    current = start
    if start is None:
        if not vector:
            return None
        first = vector[0]
        left.remove(first)
        items.append(first[0])
        current = first[1][0]
    while left:
        found = next((each for each in left if current in each[1]), None)
        if found is None:
            return None
        left.remove(found)
        part, own = found
        if len(own) == 1:
            items.append(part)
            current = None
            if left:
                return None
            break
        items.append(part if own[0] == current else transposed(part))
        current = own[1] if own[0] == current else own[0]
        if left and current not in summed:
            return None
    wanted = node.output[1] if len(node.output) > 1 else None
    if len(node.output) > 2 or (len(node.output) == 2 and current != wanted):
        return None
    if len(node.output) == 1 and current not in (None, node.output[0]):
        return None
    return chain(*items)


def _multiplied_and_summed(
    node: Einsum, arrays: list[tuple[Term, Labels]], summed: set[int]
) -> Term | None:
    """A product entry by entry along all labels, then summed."""
    order = [k for k in node.output if k != UNIT]
    wide = (*order, *sorted(summed))
    items = [_aligned(part, own, wide) for part, own in arrays]
    if any(each is None for each in items):
        return None
    axes: Any = tuple(Integer(n) for n, k in enumerate(wide) if k in summed)
    axes = axes[0] if len(axes) == 1 else axes
    whole = times(*(each for each in items if each is not None))
    result = Term("sum", whole, axis=axes, keepdims=False)
    return _aligned(result, tuple(order), node.output)
