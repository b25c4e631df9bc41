"""Random networks over the whole vocabulary, written as text and built in Python at once.

`drawn(seed)` gives a `Network`: its text, its symbols, and the same graph built by the functions
that the text names. Each function of the vocabulary has a move in MOVES, which keeps values in a
range where the function is tame; those that are not are drawn again by whoever asks.
"""

import random
from dataclasses import dataclass, field
from typing import Any

import sympy as sp

import symgrad as sg
from symgrad.declare.vocabulary import FUNCTIONS

n, m, k, length = sg.dims("n m k l")
#: Pairwise different, so that a mix-up of axes shows as a shape; and some of size 1.
SIZES = ({"n": 3, "m": 2, "k": 4, "l": 5}, {"n": 1, "m": 3, "k": 2, "l": 4},
         {"n": 2, "m": 1, "k": 1, "l": 4})  # fmt: skip


@dataclass(frozen=True, eq=False)
class Value:
    """A value, and the text that people write for it; operators build both."""

    text: str
    node: Any

    @property
    def shape(self):
        return self.node.shape

    @property
    def ndim(self):
        return self.node.ndim

    @property
    def T(self):
        return Value(f"{self.text}.T", self.node.T)

    def __add__(self, other):
        return _binary(self, "+", other, lambda a, b: a + b)

    def __radd__(self, other):
        return _binary(other, "+", self, lambda a, b: a + b)

    def __sub__(self, other):
        return _binary(self, "-", other, lambda a, b: a - b)

    def __rsub__(self, other):
        return _binary(other, "-", self, lambda a, b: a - b)

    def __mul__(self, other):
        return _binary(self, "*", other, lambda a, b: a * b)

    def __rmul__(self, other):
        return _binary(other, "*", self, lambda a, b: a * b)

    def __truediv__(self, other):
        return _binary(self, "/", other, lambda a, b: a / b)

    def __rtruediv__(self, other):
        return _binary(other, "/", self, lambda a, b: a / b)

    def __pow__(self, other):
        return _binary(self, "**", other, lambda a, b: a**b)

    def __rpow__(self, other):
        return _binary(other, "**", self, lambda a, b: a**b)

    def __matmul__(self, other):
        return _binary(self, "@", other, lambda a, b: a @ b)

    def __gt__(self, other):
        return _binary(self, ">", other, lambda a, b: a > b)

    def __le__(self, other):
        return _binary(self, "<=", other, lambda a, b: a <= b)

    def __neg__(self):
        return Value(f"(-{self.text})", -self.node)

    def __getitem__(self, key):
        listed = key if isinstance(key, tuple) else (key,)
        return Value(f"{self.text}[{', '.join(map(_key_text, listed))}]", self.node[_inner(key)])


def _binary(a, sign, b, apply):
    return Value(f"({_text(a)} {sign} {_text(b)})", apply(_inner(a), _inner(b)))


def _inner(each):
    """What a function of the vocabulary takes for an argument."""
    if isinstance(each, Value):
        return each.node
    if isinstance(each, slice):
        return slice(*map(_inner, (each.start, each.stop, each.step)))
    return type(each)(map(_inner, each)) if isinstance(each, tuple | list) else each


def _text(each):
    """An argument as people write it."""
    if isinstance(each, Value):
        return each.text
    if isinstance(each, tuple):
        return f"({', '.join(map(_text, each))}{',' if len(each) == 1 else ''})"
    if isinstance(each, list):
        return f"[{', '.join(map(_text, each))}]"
    if isinstance(each, sp.Expr):
        text = _size_text(each).replace("min(", "minimum(")  # as an expression has it
        return text if each.is_Symbol else f"({text})"
    return repr(each) if isinstance(each, str) else str(each)


def _size_text(size):
    """A dimension in Python's syntax: ⌊(l + 1)/2⌋ is (l + 1) // 2."""
    size, floors = sp.sympify(size), {}
    for each in size.atoms(sp.floor):
        above, below = sp.together(each.args[0]).as_numer_denom()
        floors[each] = sp.Symbol(f"(({above}) // {below})")
    return str(size.xreplace(floors)).replace("Min(", "min(")


def _key_text(key):
    if isinstance(key, slice):
        start, stop, step = ("" if each is None else _text(each)
                             for each in (key.start, key.stop, key.step))  # fmt: skip
        return f"{start}:{stop}" + (f":{step}" if step else "")
    return "..." if key is Ellipsis else _text(key)


@dataclass
class Network:
    """What has been drawn so far: symbols, statements, and the values to go on from."""

    rng: random.Random
    symbols: dict[str, tuple] = field(default_factory=dict)
    domain: dict[str, str] = field(default_factory=dict)
    parameters: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    moves: list[str] = field(default_factory=list)
    graph: Any = field(default_factory=lambda: sg.Graph("random"))
    pool: list[Value] = field(default_factory=list)
    used: set = field(default_factory=set)

    @property
    def text(self):
        return "\n".join(self.lines)

    def parsed(self, **options):
        """The graph that its text is read as."""
        symbols = {name: tuple(map(_size_text, shape)) for name, shape in self.symbols.items()}
        return sg.parse(
            self.text, symbols, domain=self.domain, parameters=self.parameters, **options
        )

    # --- drawing

    def chance(self, share):
        return self.rng.random() < share

    def pick(self, options):
        return self.rng.choice(list(options))

    def number(self):
        """A constant as people write them."""
        return self.pick([0.5, 2, 0.1, 1.5, 3, -0.7, 0.25])

    def symbol(self, shape, domain="real", parameter=None):
        """A new symbol of that shape."""
        name = f"x{len(self.symbols)}"
        is_parameter = self.chance(0.7) if parameter is None else parameter
        self.symbols[name] = tuple(shape)
        if domain != "real":
            self.domain[name] = domain
        if is_parameter:
            self.parameters.append(name)
        make = sg.parameter if is_parameter else sg.tensor
        return Value(name, make(name, *shape, domain=domain))

    def dim(self):
        return self.pick([n, n, m, m, k, k, sp.Integer(1), sp.Integer(2), 2 * m])

    def shape(self, rank):
        return tuple(self.dim() for _ in range(rank))

    def value(self, *ranks, like=None):
        """A value of one of the ranks, or of a shape: one that is there, or a new symbol."""
        if like is None:
            fits = [v for v in self.pool if not ranks or v.ndim in ranks]
        else:
            fits = [v for v in self.pool if v.shape == like]
        if fits and self.chance(0.75):
            found = fits[-1] if self.chance(0.4) else self.pick(fits)
            self.used.add(found)
            return found
        rank = self.pick(ranks or (0, 1, 1, 2, 2, 2, 3))
        made = self.symbol(like if like is not None else self.shape(rank))
        self.pool.append(made)
        self.used.add(made)
        return made

    def beside(self, value):
        """A value that broadcasts against another: of its shape, or with axes left out or 1."""
        if self.chance(0.5):
            return self.value(like=value.shape)
        if value.ndim == 2 and self.chance(0.3):  # a row or a column, as people write them
            axis = self.pick([0, 1])
            vector = self.value(like=(value.shape[axis],))
            return vector[:, None] if axis == 0 else vector[None, :]
        kept = value.shape[self.rng.randrange(value.ndim + 1) :]
        return self.value(like=tuple(sp.Integer(1) if self.chance(0.25) else d for d in kept))

    def axis(self, value):
        return self.rng.randrange(-value.ndim, value.ndim)

    def axes(self, value):
        """An `axis=` argument and `keepdims`, as keywords."""
        some = self.rng.sample(range(value.ndim), self.rng.randint(1, value.ndim))
        options = {"axis": self.pick([None, self.axis(value), tuple(some)])}
        return options | ({"keepdims": True} if self.chance(0.4) else {})

    # --- values in a range

    def call(self, name, *args, **options):
        """A call of the vocabulary."""
        texts = [*map(_text, args), *(f"{key}={_text(each)}" for key, each in options.items())]
        arguments = {key: _inner(each) for key, each in options.items()}
        node = FUNCTIONS[name](*map(_inner, args), **arguments)
        return Value(f"{name}({', '.join(texts)})", node)

    def calls(self, name, *args):
        """A call that gives several values, as a list of them."""
        nodes = FUNCTIONS[name](*map(_inner, args))
        text = f"{name}({', '.join(map(_text, args))})"
        return [Value(f"{text}[{at}]", node) for at, node in enumerate(nodes)]

    def tame(self, value):
        """A value between about −1 and 1."""
        return self.call(self.pick(["tanh", "sin", "softsign", "erf"]), value)

    def positive(self, *ranks, like=None):
        """A value above 0, and not near it."""
        if self.chance(0.4):
            shape = like if like is not None else self.shape(self.pick(ranks or (0, 1, 2)))
            return self.symbol(shape, "positive")
        x = self.value(*ranks, like=like)
        return self.pick([lambda: self.call("exp", self.tame(x)), lambda: x**2 + 0.5,
                          lambda: self.call("softplus", x) + 0.1])()  # fmt: skip

    def unit(self, *ranks, like=None):
        """A value between 0 and 1, and not near them."""
        if self.chance(0.4):
            return self.symbol(like if like is not None else self.shape(self.pick(ranks)), "unit")
        return self.call("sigmoid", self.tame(self.value(*ranks, like=like)))

    def matrix(self, *, square=False, stacked=True):
        """A matrix, or a stack of them, in general position."""
        rows, columns = self.pick([n, m, k]), self.pick([n, m, k])
        shape = (rows, rows if square else columns)
        if stacked and self.chance(0.2):
            shape = (self.pick([n, m, k]), *shape)
        made = self.symbol(shape)
        return made + 0.3 * self.tame(self.beside(made)) if self.chance(0.4) else made

    def invertible(self):
        """A square matrix far from singular."""
        size = self.pick([n, m, k])
        made = self.symbol((size, size), self.pick(["invertible", "spd", "lower"]))
        return made + 0.2 * self.tame(self.beside(made)) if self.chance(0.3) else made

    def spd(self):
        """A symmetric positive definite matrix, declared so or made so."""
        if self.chance(0.5):
            size = self.pick([n, m, k])
            return self.symbol((size, size), "spd")
        x = self.value(2)
        return x @ x.T / 4 + self.call("eye", x.shape[0])

    def labels(self, shape, classes):
        """Integers below a number of classes: declared, or where something is largest."""
        if self.chance(0.6):
            return self.symbol(shape, f"labels:{classes}", parameter=False)
        return self.call(self.pick(["argmax", "argmin"]), self.symbol((*shape, classes)), axis=-1)

    # --- statements

    def move(self, only=None):
        """One statement more, or an expression for later ones to hold."""
        name = self.pick(only or MOVES)
        self.moves.append(name)
        made = MOVES[name](self)
        self.add(made, named=self.chance(0.7))

    def add(self, made, named=True):
        if named:
            made = self.define(f"v{len(self.lines)}", made)
        self.pool.append(made)

    def define(self, name, value):
        self.lines.append(f"{name} = {value.text}")
        return Value(name, self.graph.define(name, value.node))

    def finish(self):
        """The output: a bounded function of every value that nothing else has used."""
        terms = []
        for at, value in enumerate(v for v in self.pool if v not in self.used):
            inner = self.call(self.pick(["sin", "tanh"]), value)
            weight = self.pick([1, 2, 0.5, -1])
            whole = self.call("mean", inner) if value.ndim else inner
            terms.append(self.define(f"part{at}", weight * whole) if self.chance(0.2)
                         else weight * whole)  # fmt: skip
        if not terms:
            terms = [self.call("sum", self.call("cos", self.pool[-1]))]
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        self.define("J", total)
        return self


def drawn(seed, most=6, only=None):
    """The network of that seed, of so many moves; `only` some of them."""
    net = Network(random.Random(seed))
    for _ in range(net.rng.randint(1, most)):
        net.move(only)
    if not net.parameters:
        net.pool.append(net.symbol((n,), parameter=True))
    return net.finish()


# --- the moves: one for each function of the vocabulary, then the operators


def unary(name, inner=lambda d, x: x):
    return lambda d: d.call(name, inner(d, d.value()))


def along(name, inner=lambda d, x: x):
    def made(d):
        x = d.value(1, 2, 3)
        return d.call(name, inner(d, x), **d.axes(x))

    return made


def one_axis(name, inner=lambda d, x: x):
    def made(d):
        x = d.value(1, 2, 3)
        return d.call(name, inner(d, x), axis=d.axis(x))

    return made


def _matmul(d):
    a = d.value(1, 2, 3)
    inner = a.shape[-1]
    b = d.value(like=d.pick([(inner,), (inner, d.pick([n, m, k])), (inner, inner)]))
    return d.tame(a) @ b


def _dot(d):
    a = d.value(0, 1, 2)
    if not a.ndim:
        return d.call("dot", a, d.value())
    return d.call("dot", d.tame(a), d.value(like=(a.shape[-1], *d.shape(d.pick([0, 1])))))


def _square(d):
    fits = [v for v in d.pool if v.ndim == 2 and v.shape[0] == v.shape[1]]
    return d.pick(fits) if fits and d.chance(0.6) else d.symbol((size := d.dim(), size))


def _einsum(d):
    letters = dict(zip("nmkjop", (n, m, k, 2 * m, sp.Integer(1), sp.Integer(2)), strict=True))
    words, operands = [], []
    for _ in range(d.rng.randint(1, 3)):
        x = d.value(1, 2, 3)
        names = {size: letter for letter, size in letters.items()}
        if not set(x.shape) <= names.keys():
            x = d.symbol(d.shape(2))
        words.append("".join(names[size] for size in x.shape))
        operands.append(x if len(operands) < 1 else d.tame(x))
    used = sorted(set("".join(words)))
    output = d.rng.sample(used, d.rng.randint(0, len(used)))
    return d.call("einsum", f"{','.join(words)}->{''.join(output)}", *operands) / 4


def _concatenate(d):
    x = d.value(1, 2, 3)
    axis = d.axis(x)
    shape = list(x.shape)
    shape[axis] = d.dim()
    others = [d.value(like=x.shape), d.value(like=tuple(shape))]
    return d.call("concatenate", d.pick([(x, others[1]), [x, *others]]), axis=axis)


def _index(d):
    x = d.value(1, 2, 3)
    key = []
    for size in x.shape:
        options = [slice(None), slice(None)]
        if size in (n, k, length, 2 * m):  # of two or more entries, most often
            options += [0, -1, slice(1, None), slice(None, -1), slice(None, None, -1),
                        slice(None, None, 2), slice(1, None, 2)]  # fmt: skip
        key.append(d.pick(options))
        if d.chance(0.15):
            key.append(None)
    return x[tuple(key)] if d.chance(0.9) else x[..., None]


def _picked(d):
    """Rows at integer labels, and one entry of each row."""
    x = d.value(2)
    rows = d.labels((d.pick([n, m, k]),), x.shape[0])
    if d.chance(0.5):
        return x[rows]
    return x[d.call("arange", x.shape[0]), d.labels((x.shape[0],), x.shape[1])]


def _reshape(d):
    x = d.value(1, 2, 3)
    if any(size.has(sp.floor) for size in x.shape):
        x = d.symbol(d.shape(2))
    shape = d.rng.sample(x.shape, x.ndim)
    if d.chance(0.4):
        return d.call("reshape", x, -1)
    if d.chance(0.3) and x.ndim > 1:
        return d.call("reshape", x, (x.shape[0], -1))
    return d.call("reshape", x, d.pick([tuple(shape), (*shape, 1)]))


def _norm(d):
    x = d.value(1, 2) + 0.3  # texts of derivatives have no value where a norm is 0
    options = d.pick([{}, {"axis": d.axis(x)}, {"axis": d.axis(x), "keepdims": True},
                      {"ord": d.pick([1, 2, 3, 1.5]), "axis": d.axis(x)}])  # fmt: skip
    return d.call("norm", x, **options)


def _images(d, rank):
    """A signal (batch, channels, places ...) of moderate values."""
    return d.symbol((d.pick([n, m]), m, *[length, sp.Integer(6)][:rank]))


def _windows(d):
    """Strides, paddings and the like, as keywords."""
    options = {"stride": d.pick([1, 2]), "padding": d.pick([0, 1]), "dilation": d.pick([1, 1, 2])}
    return {name: each for name, each in options.items() if d.chance(0.6)}


def _convolution(name, rank, transposed=False):
    def made(d):
        x = _images(d, rank)
        places = (2, 3)[:rank]
        grouped = d.chance(0.2)
        shape = (m, 2, *places) if transposed else (d.pick([k, 2 * m]), m, *places)
        if grouped:
            shape = (m, 3, *places) if transposed else (2 * m, 1, *places)
        options = _windows(d) | ({"groups": m} if grouped else {})
        return d.call(name, x, d.symbol(shape) * 0.5, **options)

    return made


def _pool(name, rank):
    def made(d):
        options = d.pick([{}, {"stride": 1}, {"stride": 2, "padding": 1}])
        return d.call(name, _images(d, rank), 2, **options)

    return made


def _channels(d):
    x = d.value(2, 3)
    return x, d.value(like=(x.shape[1],)), d.value(like=(x.shape[1],))


def _batch_norm(d):
    x, scale, shift = _channels(d)
    if d.chance(0.4):
        mean, var = d.value(like=(x.shape[1],)), d.positive(like=(x.shape[1],))
        return d.call("batch_norm", x, scale, shift, training=False, mean=mean, var=var)
    return d.call("batch_norm", x, scale, shift, eps=0.1)


def _group_norm(d):
    x = d.symbol((n, 2 * m, k)) if d.chance(0.5) else d.value(2, 3)
    groups = d.pick([m, 2, 1]) if x.shape[1] == 2 * m else d.pick([1, x.shape[1]])
    return d.call("group_norm", x, groups, d.value(like=(x.shape[1],)), eps=0.1)


def _instance_norm(d):
    x = d.value(3)
    return d.call("instance_norm", x, d.value(like=(x.shape[1],)), d.value(like=(x.shape[1],)),
                  eps=0.1)  # fmt: skip


def _last(name):
    def made(d):
        x = d.value(1, 2, 3)
        last = (x.shape[-1],)
        options = {"eps": 0.1}
        return d.call(name, x, *d.pick([(), (d.value(like=last),)]), **options)

    return made


def _cell(name, gates, states):
    def made(d):
        lead, i, h = d.pick([(n,), ()]), d.pick([m, k]), d.pick([m, n])
        x = d.value(like=(*lead, i))
        hidden = [d.value(like=(*lead, h)) for _ in range(states)]
        wide = sp.expand(gates * h)
        arguments = [d.symbol((wide, i)), d.symbol((wide, h))]
        if d.chance(0.3):
            arguments.append(d.symbol((wide,)))
        if states == 1:
            return d.call(name, x, *hidden, *arguments)
        return d.pick(d.calls(name, x, *hidden, *arguments))

    return made


def _attention(d):
    lead, keys, width = d.pick([(), (m,)]), d.pick([n, k]), d.pick([m, k])
    q, key, v = (d.value(like=(*lead, rows, columns)) for rows, columns in
                 ((n, width), (keys, width), (keys, d.pick([m, n]))))  # fmt: skip
    masks = [(), (d.symbol((n, keys), "binary", False),), (d.call("tri", n, keys),)]
    mask = masks[0] if d.chance(0.5) else d.pick(masks)
    return d.call("scaled_dot_product_attention", q, key, v, *mask)


def _classes(name, inner):
    def made(d):
        x = d.value(1, 2)
        x = d.symbol(d.shape(2)) if not x.ndim else x
        targets = [lambda: d.labels(x.shape[:-1], x.shape[-1]) if x.ndim > 1
                   else d.symbol((), f"labels:{x.shape[-1]}", False),
                   lambda: d.symbol(x.shape, d.pick(["simplex", "onehot"])),
                   lambda: d.call("softmax", d.value(like=x.shape))]  # fmt: skip
        y = d.pick(targets)()
        if y.text.startswith("arg"):  # labels are a symbol of their own
            y = d.symbol(y.shape, f"labels:{x.shape[-1]}", False)
        return d.call(name, inner(d, x), y)

    return made


def _pairs(name, left, domain):
    def made(d):
        x = d.value(1, 2)
        y = d.symbol(x.shape, d.pick(domain))
        return d.call(name, left(d, x), y)

    return made


def _eigh(d):
    size = d.pick([n, m, k])
    x = d.symbol((size, size), d.pick(["real", "symmetric", "spd"]))
    return d.pick(d.calls("eigh", x))


def _solve(name, right_first=False, **options):
    def made(d):
        a = d.invertible()
        b = d.value(like=(a.shape[0], *d.pick([(), (m,), (k,)])))
        if name == "solve_triangular":
            a = a + 2 * d.call("eye", a.shape[0])
            return d.call(name, a, b, **d.pick([{}, {"lower": True}]))
        return d.call(name, b, a + d.call("eye", a.shape[0])) if right_first else d.call(name, a, b)

    return made


def _pad(d):
    x = d.value(1, 2)
    pairs = tuple((d.pick([0, 1]), d.pick([0, 1, 2])) for _ in x.shape)
    return d.call("pad", x, d.pick([1, (0, 1), pairs]))


def _stack(d):
    x = d.value(0, 1, 2)
    values = [x, d.value(like=x.shape), d.value(like=x.shape)]
    return d.call("stack", values[: d.pick([2, 3])], axis=d.pick(range(x.ndim + 1)))


def _onehot(d):
    shape, classes = (d.pick([n, m, k]),), d.pick([n, m, k])
    return d.call("onehot", d.labels(shape, classes), classes) * d.value(like=(*shape, classes))


def _transpose(d):
    x = d.value(2, 3)
    return d.call("transpose", x, tuple(d.rng.sample(range(x.ndim), x.ndim)))


def _clip(d):
    low, high = d.pick([(-0.5, 0.5), (None, 0.3), (-0.2, None)])
    return d.call("clip", d.value(), low, high)


def _where(d):
    x, y = (v := d.value()), d.beside(v)
    condition = d.pick([lambda: x > d.number(), lambda: x > y,
                        lambda: d.symbol(x.shape, "binary", False)])()  # fmt: skip
    return d.call("where", condition, d.pick([x * y, x**2, d.tame(x)]), y)


def _glu(d):
    x = d.value(1, 2)
    return d.call("glu", d.call("concatenate", (x, d.value(like=x.shape)), axis=-1))


def _embedding(d):
    table = d.value(2)
    labels = d.symbol((d.pick([n, m, k]),), f"labels:{table.shape[0]}", False)
    return d.call("embedding", labels, table)


def _take(d):
    x = d.value(1, 2, 3)
    axis = d.rng.randrange(x.ndim)
    return d.call("take", x, d.labels((d.pick([n, m, k]),), x.shape[axis]), axis=axis)


def _linear(d):
    x, out = d.value(1, 2, 3), d.pick([n, m, k])
    weight = d.value(like=(out, x.shape[-1]))
    return d.call("linear", d.tame(x), weight, *d.pick([(), (d.value(like=(out,)),)]))


def _weight_norm(d):
    v = d.value(2)
    axis = d.pick([0, 1])
    return d.call("weight_norm", v + 0.3, d.value(like=(v.shape[axis],)), axis=axis)


def _kron(d):
    a, b = d.value(1, 2), d.value(1, 2)
    return d.call("kron", d.tame(a), b)


def _power(d):
    x = d.value()
    return d.pick([lambda: d.tame(x) ** d.pick([2, 3, 4]), lambda: d.positive(like=x.shape) ** -2,
                   lambda: d.positive(like=x.shape) ** d.tame(x),
                   lambda: 2 ** d.tame(x), lambda: d.positive(like=x.shape) ** 0.5])()  # fmt: skip


def _positions(d):
    """A position as a number: constant nearly everywhere."""
    x = d.value(1, 2)
    return d.call(d.pick(["argmax", "argmin"]), x, axis=d.axis(x)) * d.number()


TABLE = {
    "sum": along("sum"),
    "mean": along("mean"),
    "var": along("var"),
    "max": along("max"),
    "min": along("min"),
    "prod": along("prod", lambda d, x: d.tame(x) + 0.5),
    "cumsum": one_axis("cumsum"),
    "cumprod": one_axis("cumprod", lambda d, x: d.tame(x) + 0.5),
    "argmax": _positions,
    "argmin": _positions,
    "stop_gradient": lambda d: d.call("stop_gradient", d.symbol(d.shape(2), parameter=False)),
    "logsumexp": along("logsumexp"),
    "softmax": one_axis("softmax"),
    "log_softmax": one_axis("log_softmax"),
    "scaled_dot_product_attention": _attention,
    "conv1d": _convolution("conv1d", 1),
    "conv2d": _convolution("conv2d", 2),
    "conv_transpose1d": _convolution("conv_transpose1d", 1, True),
    "conv_transpose2d": _convolution("conv_transpose2d", 2, True),
    "max_pool1d": _pool("max_pool1d", 1),
    "max_pool2d": _pool("max_pool2d", 2),
    "avg_pool2d": _pool("avg_pool2d", 2),
    "log": lambda d: d.call("log", d.positive()),
    "log1p": lambda d: d.call("log1p", d.positive()),
    "sqrt": lambda d: d.call("sqrt", d.positive()),
    "arcsin": unary("arcsin", lambda d, x: d.tame(x) * 0.8),
    "arccos": unary("arccos", lambda d, x: d.tame(x) * 0.8),
    "tan": unary("tan", lambda d, x: d.tame(x)),
    **{name: unary(name, lambda d, x: d.tame(x) if d.chance(0.5) else x * 0.5)
       for name in ("exp", "expm1", "sinh", "cosh")},
    **{name: unary(name) for name in """
        sin cos tanh arctan erf abs sign sigmoid softplus relu selu silu mish softsign hard_tanh
        hard_sigmoid""".split()},
    "maximum": lambda d: d.call("maximum", x := d.value(), d.pick([d.number(), d.beside(x)])),
    "minimum": lambda d: d.call("minimum", x := d.value(), d.pick([d.number(), d.beside(x)])),
    "where": _where,
    "clip": _clip,
    "leaky_relu": lambda d: d.call("leaky_relu", d.value(), *d.pick([(), (0.2,)])),
    "elu": lambda d: d.call("elu", d.value(), *d.pick([(), (1.5,)])),
    "celu": lambda d: d.call("celu", d.value(), *d.pick([(), (0.7,)])),
    "gelu": lambda d: d.call("gelu", d.value(), **d.pick([{}, {"approximate": "tanh"}])),
    "linear": _linear,
    "embedding": _embedding,
    "glu": _glu,
    "dropout": lambda d: d.call("dropout", x := d.value(1, 2), d.symbol(x.shape, "binary", False),
                                d.pick([0.25, 0.5])),
    "dot": _dot,
    "outer": lambda d: d.call("outer", d.value(1), d.value(1)),
    "trace": lambda d: d.call("trace", _square(d)),
    "diag": lambda d: d.call("diag", d.value(1) if d.chance(0.5) else _square(d)),
    "einsum": _einsum,
    "transpose": _transpose,
    "reshape": _reshape,
    "ones": lambda d: d.call("ones", (x := d.value(1, 2)).shape) * x - x**2,
    "zeros": lambda d: d.call("zeros", (x := d.value(1)).shape) + x,
    "eye": lambda d: d.call("eye", (x := _square(d)).shape[0]) * d.number() + x,
    "arange": lambda d: d.call("arange", (x := d.value(1)).shape[0]) * x * 0.3,
    "tri": lambda d: d.call("tri", *(x := d.value(2)).shape, **d.pick([{}, {"k": -1}])) * x,
    "tril": lambda d: d.call("tril", d.value(2), *d.pick([(), (-1,), (1,)])),
    "triu": lambda d: d.call("triu", d.value(2), **d.pick([{}, {"k": 1}])),
    "concatenate": _concatenate,
    "stack": _stack,
    "pad": _pad,
    "onehot": _onehot,
    "take": _take,
    "cross_entropy": _classes("cross_entropy", lambda d, x: x),
    "nll_loss": _classes("nll_loss", lambda d, x: d.call("log_softmax", x)),
    "binary_cross_entropy": _pairs(
        "binary_cross_entropy", lambda d, x: d.unit(like=x.shape), ("binary", "unit")),
    "binary_cross_entropy_with_logits": _pairs(
        "binary_cross_entropy_with_logits", lambda d, x: x, ("binary", "unit")),
    "mse_loss": _pairs("mse_loss", lambda d, x: x, ("real",)),
    "huber_loss": _pairs("huber_loss", lambda d, x: x, ("real", "small")),
    "hinge_loss": _pairs("hinge_loss", lambda d, x: x, ("sign",)),
    "kl_div": _pairs("kl_div", lambda d, x: d.call("softmax", x), ("simplex", "positive")),
    "inv": lambda d: d.call("inv", d.invertible()),
    "pinv": lambda d: d.call("pinv", d.matrix()),
    "det": lambda d: d.call("det", d.matrix(square=True)) if d.chance(0.5)
    else d.call("det", d.invertible()),
    "logdet": lambda d: d.call("logdet", d.pick([d.invertible, d.spd])()),
    "slogdet": lambda d: d.calls("slogdet", d.pick([d.invertible, d.spd])())[1],
    "solve": _solve("solve"),
    "solve_triangular": _solve("solve_triangular"),
    "cholesky": lambda d: d.call("cholesky", d.spd()),
    "cholesky_solve": _solve("cholesky_solve", right_first=True),
    "eigh": _eigh,
    "svd": lambda d: d.pick(d.calls("svd", d.matrix())),
    "expm": lambda d: d.call("expm", d.matrix(square=True, stacked=False) * 0.5),
    "kron": _kron,
    "vec": lambda d: d.call("vec", d.value(2)),
    "layer_norm": _last("layer_norm"),
    "rms_norm": _last("rms_norm"),
    "batch_norm": _batch_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "weight_norm": _weight_norm,
    "norm": _norm,
    "rnn_cell": _cell("rnn_cell", 1, 1),
    "gru_cell": _cell("gru_cell", 3, 1),
    "lstm_cell": _cell("lstm_cell", 4, 2),
}  # fmt: skip

OPERATORS = {
    "a + b": lambda d: (x := d.value()) + d.beside(x),
    "a - b": lambda d: d.beside(x := d.value()) - x,
    "a * b": lambda d: (x := d.value()) * d.beside(x),
    "a / b": lambda d: (x := d.value()) / d.positive(like=x.shape),
    "a ** b": _power,
    "a @ b": _matmul,
    "-a": lambda d: -d.value(),
    "number": lambda d: d.number() * d.value() + d.number(),
    "a.T": lambda d: d.value(2, 3).T,
    "a[key]": _index,
    "a[labels]": _picked,
    "a > b": lambda d: (d.tame(x := d.value()) > d.number()) * x,
    "size": lambda d: (x := d.value(1, 2)) / d.pick([x.shape[0], x.shape[0] + 1]),
}

#: Every function and operator, each as likely as any other.
MOVES = TABLE | OPERATORS
