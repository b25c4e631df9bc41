"""Exact values: the evaluator in rational numbers, and rational draws from the domains."""

import random
from fractions import Fraction

import numpy as np
from sympy import Rational

from symgrad.declare.symbols import labels_below
from symgrad.tensor import evaluate as reference
from symgrad.tensor.dims import size_of
from symgrad.tensor.nodes import leaves
from symgrad.tensor.primitives import MatrixFunction
from symgrad.tensor.scalar import FUNCTIONS

NAN = float("nan")


class NotRational(Exception):
    """A function whose values at rational numbers are not rational."""


def _inverse(matrix):
    """Gauss and Jordan's elimination; None where the matrix is singular. And the determinant."""
    n = len(matrix)
    rows = [[*row, *(Fraction(i == j) for j in range(n))] for i, row in enumerate(matrix)]
    det = Fraction(1)
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k] != 0), None)
        if pivot is None:
            return None, Fraction(0)
        if pivot != k:
            rows[k], rows[pivot], det = rows[pivot], rows[k], -det
        det *= rows[k][k]
        rows[k] = [each / rows[k][k] for each in rows[k]]
        for i in range(n):
            if i != k:
                rows[i] = [a - rows[i][k] * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [row[n:] for row in rows], det


def _matrix(node, operands, *_):
    (x,) = operands
    if node.name not in ("inv", "det"):
        raise NotRational(node.name)
    found = [_inverse(each.tolist()) for each in x.reshape(-1, *x.shape[-2:])]
    if node.name == "det":
        return np.array([det for _, det in found], dtype=object).reshape(x.shape[:-2])
    nothing = np.full(x.shape[-2:], NAN)
    whole = [nothing if inverse is None else inverse for inverse, _ in found]
    return np.array(whole, dtype=object).reshape(x.shape)


#: The scalar functions that are rational on pieces.
_PIECES = {
    "relu": lambda x: max(x, 0),
    "abs": abs,
    "sign": lambda x: (x > 0) - (x < 0),
    "maximum": max,
    "minimum": min,
    "where": lambda c, yes, no: yes if c != 0 else no,
    "gt": lambda a, b: int(a > b),
    "ge": lambda a, b: int(a >= b),
    "lt": lambda a, b: int(a < b),
    "le": lambda a, b: int(a <= b),
    "eq": lambda a, b: int(a == b),
    "ne": lambda a, b: int(a != b),
}


class Exact:
    """Arithmetic in fractions; what has no value, as 1/0, is a NaN."""

    dtype = object

    def number(self, value):
        if not isinstance(value, Rational):
            raise NotRational(value)
        return Fraction(value.p, value.q)

    def array(self, value):
        a = np.asarray(value, dtype=object)
        convert = np.frompyfunc(lambda v: v if v in (np.inf, -np.inf) else Fraction(v), 1, 1)
        return np.asarray(convert(a), dtype=object)

    def function(self, name):
        if name not in _PIECES:
            raise NotRational(name)
        return np.frompyfunc(_PIECES[name], len(FUNCTIONS[name].partials), 1)

    def power(self, base, exponent, whole):
        if whole is None:
            raise NotRational(exponent)
        return np.frompyfunc(lambda b: b**whole if whole >= 0 or b != 0 else NAN, 1, 1)(base)


def exactly(monkeypatch, nodes, values, sizes):
    """The arrays of fractions that the nodes are; None where one of them is not rational."""
    with monkeypatch.context() as patch:
        patch.setitem(reference._RULES, MatrixFunction, _matrix)
        try:
            return reference._run(list(nodes), values, sizes, Exact())
        except NotRational:
            return None


# --- draws


def _each(shape, draw):
    return np.array([draw() for _ in range(int(np.prod(shape)))], dtype=object).reshape(shape)


def _between(rng, low, high):
    return low + (high - low) * Fraction(rng.randint(1, 96), 97)


def _reals(rng, edge):
    if edge:  # zeros, ties, opposites, the small and the large
        return lambda: rng.choice((0, 0, 1, 1, -1, Fraction(1, 10**9), -100, 100)) * Fraction(1)
    return lambda: rng.choice((-1, 1)) * _between(rng, 0, 3)


def _positives(rng, edge):
    if edge:
        return lambda: rng.choice((Fraction(1, 10**9), Fraction(1), Fraction(100)))
    return lambda: _between(rng, 0, 3)


def _rows(shape, axis, draw):
    """An array whose slices along the axis are draws of that length."""
    lead = [size for k, size in enumerate(shape) if k != axis]
    flat = np.array([draw(shape[axis]) for _ in range(int(np.prod(lead)))], dtype=object)
    return np.moveaxis(flat.reshape(*lead, shape[axis]), -1, axis)


def draw_exact(leaf, sizes, rng, edge=False):
    """Rational numbers in the domain of a symbol, or at its edges."""
    shape = tuple(size_of(d, dict(sizes)) for d in leaf.shape)
    kind, _, told = leaf.domain.partition(":")
    axis = int(told) if told.isdigit() else len(shape) - 1
    real, positive = _reals(rng, edge), _positives(rng, edge)
    match kind:
        case "positive":
            return _each(shape, positive)
        case "sign":
            return _each(shape, lambda: Fraction(rng.choice((-1, 1))))
        case "binary":
            return _each(shape, lambda: Fraction(rng.randint(0, 1)))
        case "labels":
            last = size_of(labels_below(leaf.domain), dict(sizes)) - 1
            return _each(shape, lambda: rng.choice((0, last)) if edge else rng.randint(0, last))
        case "onehot":
            return _rows(shape, axis, lambda k: _unit(k, rng.randrange(k)))
        case "simplex":
            return _rows(shape, axis, lambda k: _normalised([positive() for _ in range(k)]))
        case "centred":
            return _rows(shape, axis, lambda k: _centred([real() for _ in range(k)]))
        case "invertible" | "spd" | "symmetric":
            return _square(kind, _each(shape, _reals(rng, False)))
    return _each(shape, real)


def _unit(k, at):
    return [Fraction(i == at) for i in range(k)]


def _normalised(row):
    return [each / sum(row) for each in row]


def _centred(row):
    return [each - sum(row) / len(row) for each in row]


def _square(kind, x):
    identity = np.array([_unit(len(x), i) for i in range(len(x))], dtype=object)
    if kind == "spd":
        return x @ x.T + identity
    return x + x.T if kind == "symmetric" else x + 20 * identity


def drawn(nodes, sizes, seed, edge=False):
    """Values of all symbols of the nodes, by name."""
    rng = random.Random(seed)
    means = [leaf for leaf in leaves(*nodes) if leaf.domain.startswith("mean:")]
    values = {
        leaf.name: draw_exact(leaf, sizes, rng, edge)
        for leaf in leaves(*nodes)
        if leaf not in means
    }
    for leaf in means:
        _, axes, of = leaf.domain.split(":")
        along = tuple(map(int, axes.split(",")))
        count = int(np.prod([values[of].shape[a] for a in along]))
        values[leaf.name] = np.sum(values[of], axis=along) / Fraction(count)
    for leaf in leaves(*nodes):
        kind, _, mask = leaf.domain.partition(":")
        if kind == "masked":
            values[leaf.name] = values[leaf.name] * values[mask]
    return values
