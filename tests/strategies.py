"""Random shapes, leaves, index keys and networks, well-shaped by construction."""

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from sympy import Integer

from symgrad.declare.graph import Graph
from symgrad.declare.symbols import parameter, tensor
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, dims, size_of
from symgrad.tensor.nodes import INDEX, LOOKUP, Iverson, Leaf, LogSumExp, Softmax
from symgrad.tensor.scalar import ARGS, FUNCTIONS

n, m, k = dims("n m k")
#: Pairwise different, so that a mix-up of axes shows as a shape.
SIZES = {"n": 3, "m": 2, "k": 4}


def dims_of():
    """A dimension: mostly named, sometimes a unit axis, a number or a polynomial."""
    return st.sampled_from([n, m, k, n, m, k, ONE, Integer(5), 2 * m + 1])


def shapes(min_rank=0, max_rank=3):
    """Shapes of those dimensions."""
    return st.lists(dims_of(), min_size=min_rank, max_size=max_rank).map(tuple)


@st.composite
def suffixes(draw, shape):
    """Shapes that broadcast to a shape: leading axes dropped, others made 1."""
    kept = shape[draw(st.integers(0, len(shape))) :]
    return tuple(ONE if draw(st.integers(0, 3)) == 0 else d for d in kept)


def axes_of_rank(rank):
    """An `axis` argument: None, a number of either sign, or a tuple."""
    if not rank:
        return st.just(None)
    one = st.integers(-rank, rank - 1)
    several = st.lists(one, min_size=1, max_size=rank, unique_by=lambda a: a % rank).map(tuple)
    return st.one_of(st.none(), one, several)


def leaf(name, shape):
    """An input of that shape."""
    return Leaf(name, tuple(shape))


def array_for(node, data, positive=False):
    """Values of order 1 for a leaf, from a drawn seed."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    shape = tuple(size_of(d, SIZES) for d in node.shape)
    values = rng.uniform(0.5, 1.5, shape)
    return values if positive else values * np.where(rng.random(shape) < 0.5, -1, 1)


@st.composite
def keys(draw, shape, empty=True):
    """A key into an array of that shape: whole numbers, slices, None and Ellipsis.

    Bounds of named axes stay inside their size; those of numbers may lie beyond, where NumPy clips.
    Slices that select nothing are left out unless `empty`.
    """
    result = []
    for dimension in shape[: draw(st.integers(0, len(shape)))]:
        size = size_of(dimension, SIZES)
        beyond = 2 if dimension.is_Integer else 0
        at = st.none() | st.integers(-size - beyond, size + beyond)
        kind = draw(st.integers(0, 4))
        if kind == 0:
            result.append(draw(st.integers(-size, size - 1)))
        elif kind == 1:
            result.append(slice(None))
        else:
            picked = slice(draw(at), draw(at), draw(st.none() | st.integers(1, 3)))
            result.append(picked if empty or len(range(size)[picked]) else slice(None))
        if draw(st.integers(0, 4)) == 0:
            result.append(None)
    if len(shape) >= len(result) and draw(st.integers(0, 3)) == 0:
        result.append(Ellipsis)
    return tuple(result)


x, y = ARGS[:2]
_F = {name: row.kind for name, row in FUNCTIONS.items()}

#: Scalar bodies over the whole table of functions, of moderate size for any argument.
UNARY = (
    sp.exp(-(x**2)),
    sp.exp(sp.tanh(x)),
    sp.log(1 + x**2),
    _F["log1p"](x**2),
    _F["expm1"](sp.sin(x)),
    sp.sin(x),
    sp.cos(2 * x),
    sp.tan(sp.tanh(x)),
    sp.sinh(sp.sin(x)),
    sp.cosh(sp.tanh(x)) / 2,
    sp.tanh(x),
    sp.asin(sp.tanh(x) / 2),
    sp.acos(sp.sin(x) / 2),
    sp.atan(x),
    sp.erf(x),
    _F["sigmoid"](x),
    _F["softplus"](x),
    _F["relu"](x),
    sp.Abs(x),
    sp.sign(x) * sp.sin(x),
    1 / (1 + x**2),
    sp.sqrt(1 + x**2),
    (1 + x**2) ** sp.Rational(-3, 2),
    _F["maximum"](x, sp.Rational(1, 2)),
    _F["minimum"](x, sp.Rational(1, 3)),
    _F["where"](_F["gt"](x, 0), x / (1 + x**2), sp.sin(x)),
    _F["ge"](x, sp.Rational(1, 4)) * sp.cos(x),
    _F["relu"](x) - sp.Rational(1, 100) * _F["relu"](-x),
    x * _F["sigmoid"](x),
    sp.tanh(sp.sqrt(2 / sp.pi) * (x + x**3 / 20)),
)
BINARY = (
    x * _F["sigmoid"](y),
    sp.sin(x * y),
    _F["maximum"](x, y),
    _F["minimum"](x, y),
    _F["where"](_F["lt"](x, y), sp.sin(x), sp.cos(y)),
    _F["le"](x, y) * sp.tanh(x),
    (1 + x**2) ** sp.sin(y),
    (_F["eq"](x, y) + _F["ne"](x, y)) * sp.tanh(x - y),
    x / (1 + y**2),
    sp.exp(-((x - y) ** 2)),
)


class Network:
    """A graph that grows by drawn moves; each move is one of MOVES and keeps values moderate."""

    def __init__(self, draw) -> None:
        self.draw = draw
        self.graph = Graph("random")
        self.count = 0
        start = draw(st.sampled_from([(n, m), (n, k), (m,), (n, m, k), (n, n), (n, ONE)]))
        self.pool = [self.fresh(start, "parameter")]

    def number(self, top):
        return self.draw(st.integers(0, top))

    def pick(self, options):
        return options[self.number(len(options) - 1)]

    def fresh(self, shape, role=None):
        """A new symbol: a parameter or an input."""
        self.count += 1
        make = parameter if (role or self.pick(["parameter", "input"])) == "parameter" else tensor
        return make(f"x{self.count}", *shape)

    def operand(self, *, rank=None):
        """A value that is there already, or a new symbol where none has the rank."""
        options = [v for v in self.pool if rank is None or v.ndim in rank]
        if options:
            return options[-1 - self.number(len(options) - 1)]
        return self.fresh(tuple(self.pick([n, m, k]) for _ in range(max(rank))))

    def like(self, node):
        """A value of that shape that is there already, or a new one that broadcasts to it."""
        options = [v for v in self.pool if v.shape == node.shape]
        if options and self.number(1):
            return self.pick(options)
        return self.fresh(self.draw(suffixes(node.shape)))

    def axis(self, node):
        return self.number(node.ndim - 1)

    def move(self):
        node = self.pick(list(MOVES.values()))(self)
        if self.number(2) and not isinstance(node, Leaf):
            node = self.graph.define(f"v{len(self.graph.definitions)}", node)
        self.pool.append(node)

    def finish(self):
        """The output: a bounded function of the last values, and of the first."""
        parts = [op.sum_over(op.apply(sp.sin(x), v)) for v in (*self.pool[-2:], self.pool[0])]
        if self.number(1):
            parts = [self.graph.define(f"part{i}", part) for i, part in enumerate(parts)]
        self.graph.define("J", parts[0] + parts[1] / 2 - parts[2] / n)
        return self.graph


def _matmul(net):
    a = net.operand(rank=(1, 2, 3))
    same = [v for v in net.pool if v.ndim == 2 and v.shape[0] == a.shape[-1]]
    b = net.pick(same) if same and net.number(1) else net.fresh((a.shape[-1], net.pick([n, m, k])))
    return a @ b / 2


def _gram(net):
    a = net.operand(rank=(2,))
    return op.apply(sp.tanh(x), a @ a.T if net.number(1) else a.T @ a)


def _index(net):
    a = net.operand(rank=(1, 2, 3))
    return a[net.draw(keys(a.shape, empty=False))]


def _square(net):
    """A square matrix: one that is there, or an outer product of a value with itself."""
    squares = [v for v in net.pool if v.ndim == 2 and v.shape[0] is v.shape[1] is not ONE]
    return net.pick(squares) if squares else net.fresh((n, n))


def _labels(net):
    a = net.operand(rank=(2,))
    if a.shape[1] is ONE or not a.shape[1].is_Symbol:
        return op.apply(sp.cos(x), a)
    net.count += 1
    y = tensor(f"y{net.count}", a.shape[0], domain=f"labels:{a.shape[1]}")
    if a.shape[0] is ONE:
        return op.apply(sp.sin(x), a)
    picked = Iverson("eq", INDEX[1] - LOOKUP[0], a.shape, ((0,),), y)
    return op.sum_over(a * picked, 1)


def _mask(net):
    a = net.operand(rank=(2,))
    if ONE in a.shape:
        return a * 2
    return a * Iverson("ge", INDEX[0] - INDEX[1], a.shape)


def _along(build):
    def made(net):
        a = net.operand(rank=(1, 2, 3))
        return build(a, net.axis(a), bool(net.number(1)))

    return made


def _einsum(net):
    a = net.operand(rank=(2, 3))
    b = net.fresh((a.shape[0], a.shape[-1]))
    labels = tuple(range(a.ndim))
    word = (0, a.ndim - 1)
    used = [z for z, size in zip(labels, a.shape, strict=True) if size is not ONE]
    output = net.draw(st.permutations(used))[: net.number(len(used))]
    return op.einsum((labels, word, word), tuple(output), a, b, b) / 2


#: Every kind of node and the ways in which people use it.
MOVES = {
    "map": lambda net: op.apply(net.pick(UNARY), net.operand()),
    "map of two": lambda net: op.apply(net.pick(BINARY), a := net.operand(), net.like(a)),
    "add": lambda net: (a := net.operand()) + net.like(a),
    "subtract": lambda net: net.like(a := net.operand()) - a,
    "multiply": lambda net: (a := net.operand()) * net.like(a) / 2,
    "divide": lambda net: (a := net.operand()) / (1 + net.like(a) ** 2),
    "power": lambda net: op.apply(sp.tanh(x), net.operand()) ** net.pick([2, 3, 4]),
    "scale": lambda net: net.operand() * net.pick([-1, 0.5, sp.Rational(1, 3), 1 / n, m / k]),
    "matmul": _matmul,
    "gram": _gram,
    "transpose": lambda net: op.transpose(
        a := net.operand(), net.draw(st.permutations(range(a.ndim)))
    ),
    "sum": _along(op.sum_over),
    "mean": _along(lambda a, axis, keep: op.sum_over(a, axis, keep) / op.count(a, axis)),
    "max": _along(lambda a, axis, keep: op.extremum("max", a, axis, keep)),
    "min": _along(lambda a, axis, keep: op.extremum("min", a, axis, keep)),
    "logsumexp": _along(lambda a, axis, keep: op.along(LogSumExp, a, axis, keep)),
    "softmax": _along(lambda a, axis, keep: Softmax((axis,), a)),
    "index": _index,
    "trace": lambda net: op.einsum(((0, 0),), (), _square(net)),
    "diagonal": lambda net: op.einsum(((0, 0),), (0,), _square(net)),
    "diagonal matrix": lambda net: op.eye((a := net.fresh((n,))).shape[0]) * a,
    "labels": _labels,
    "mask": _mask,
    "einsum": _einsum,
}


@st.composite
def networks(draw, max_moves=8):
    """Random graphs of named definitions with a scalar output, over the whole set of nodes."""
    net = Network(draw)
    for _ in range(draw(st.integers(1, max_moves))):
        net.move()
    return net.finish()
