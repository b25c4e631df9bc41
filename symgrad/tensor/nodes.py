"""The closed set of nodes that every tensor expression is built from.

Nodes are SymPy objects with all state in `args`, interned: equal nodes are one object, so equality
and hash are identity. Shapes are checked when a node is made. A node is never changed.

| node | meaning |
| --- | --- |
| Leaf | a symbol: a parameter, an input, a named value, an adjoint |
| Constant | a number, or an expression in dimensions |
| Einsum | generalised product: shared labels are summed, a missing label broadcasts |
| Total | linear combination |
| Map | a scalar function applied to each entry |
| Iverson | a structural 0/1 array of affine conditions on its indices |
| Reduce, LogSumExp, Softmax | maxima and products; the fused functions that must be stable |
| UnspecifiedTensor | a function of tensors that nobody specified, or its derivative |

Beside these stand the few of `primitives`: reshapes, argmax, functions of matrices.
The set follows Laue, Mitterreiter, Giesen: A Simple and Efficient Tensor Calculus (AAAI 2020).
"""

from collections.abc import Callable, Container, Iterable, Iterator
from functools import cache
from hashlib import blake2b
from typing import Any, ClassVar, Self
from weakref import WeakValueDictionary

from sympy import Basic, Expr, Symbol, Tuple, sympify
from sympy.core.symbol import Str

from symgrad.errors import ShapeError
from symgrad.tensor.dims import ONE, Dim, Shape, as_shape, same, same_shape, show
from symgrad.tensor.scalar import ARGS

#: The label of a unit axis: it is never summed and never couples two factors.
UNIT = -1

#: The index along each axis of an Iverson, and its integer operands.
INDEX = tuple(Symbol(f"_i{k}", integer=True) for k in range(16))
LOOKUP = tuple(Symbol(f"_y{k}", integer=True) for k in range(4))

Labels = tuple[int, ...]

_interned: "WeakValueDictionary[tuple[Any, ...], Node]" = WeakValueDictionary()


class Node(Basic):
    """A tensor expression: an immutable, interned SymPy object with a `shape`."""

    __slots__ = ("__weakref__", "digest", "form", "operands", "shape")
    __array_ufunc__ = None  # so that array + node reaches __radd__
    is_commutative = True

    shape: Shape
    operands: tuple["Node", ...]
    digest: bytes  # of all that it is
    form: bytes  # of all but the names of symbols: layers and steps that do the same share it

    @classmethod
    def _intern(cls, shape: Shape, *args: Basic) -> Self:
        """The one node of these arguments, each of which is the one object of its value."""
        key = (cls, *map(id, args))
        node = _interned.get(key)
        if node is None:
            node = Basic.__new__(cls, *args)
            node.shape = shape
            node.operands = tuple(arg for arg in args if isinstance(arg, Node))
            node.digest = _digest(cls.__name__, args)
            node.form = _form(cls.__name__, args)
            node = _interned.setdefault(key, node)
        return node

    # identity, at C speed; SymPy's own recurse
    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _unflatten, (_flatten(self),)

    def __reduce_ex__(self, protocol: object) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.__reduce__()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def _sympystr(self, printer: object) -> str:
        from symgrad.notation import abridged

        return abridged(self)

    def _latex(self, printer: object) -> str:
        from symgrad.notation import abridged_latex

        return abridged_latex(self)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def T(self) -> "Node":
        """All axes in reverse order, as NumPy's."""
        return _operators.transpose(self)

    def __add__(self, other: object) -> "Node":
        return _operators.add(self, other)

    def __radd__(self, other: object) -> "Node":
        return _operators.add(other, self)

    def __sub__(self, other: object) -> "Node":
        return _operators.subtract(self, other)

    def __rsub__(self, other: object) -> "Node":
        return _operators.subtract(other, self)

    def __mul__(self, other: object) -> "Node":
        return _operators.multiply(self, other)

    def __rmul__(self, other: object) -> "Node":
        return _operators.multiply(other, self)

    def __truediv__(self, other: object) -> "Node":
        return _operators.divide(self, other)

    def __rtruediv__(self, other: object) -> "Node":
        return _operators.divide(other, self)

    def __pow__(self, other: object) -> "Node":
        return _operators.power(self, other)

    def __rpow__(self, other: object) -> "Node":
        return _operators.power(other, self)

    def __matmul__(self, other: object) -> "Node":
        return _operators.matmul(self, other)

    def __rmatmul__(self, other: object) -> "Node":
        return _operators.matmul(other, self)

    def __neg__(self) -> "Node":
        return _operators.scale(-1, self)

    def __pos__(self) -> "Node":
        return self

    def __lt__(self, other: object) -> "Node":
        return _operators.compare("lt", self, other)

    def __le__(self, other: object) -> "Node":
        return _operators.compare("le", self, other)

    def __gt__(self, other: object) -> "Node":
        return _operators.compare("gt", self, other)

    def __ge__(self, other: object) -> "Node":
        return _operators.compare("ge", self, other)

    def __getitem__(self, key: object) -> "Node":
        return _indices.index(self, key)

    def __iter__(self) -> Iterator["Node"]:
        raise TypeError("a tensor expression cannot be iterated over")

    def __bool__(self) -> bool:
        raise TypeError("a tensor expression has no truth value; use `is` to compare nodes")


def _digest(kind: str, args: tuple[Basic, ...]) -> bytes:
    parts = [kind.encode()]
    parts += [arg.digest if isinstance(arg, Node) else _text_key(arg) for arg in args]
    return blake2b(b"\x00".join(parts), digest_size=16).digest()


def _form(kind: str, args: tuple[Basic, ...]) -> bytes:
    """As the digest, without what is said of symbols: their names, roles and domains."""
    parts = [kind.encode()]
    parts += [
        arg.form if isinstance(arg, Node) else _text_key(arg)
        for arg in args
        if not (kind == "Leaf" and isinstance(arg, Str))
    ]
    return blake2b(b"\x00".join(parts), digest_size=16).digest()


@cache
def _text_key(arg: Basic) -> bytes:
    """A text that tells arguments apart; SymPy's printer is too slow for the frequent kinds."""
    if isinstance(arg, Str):
        return b"'" + arg.name.encode() + b"'"
    if isinstance(arg, Tuple):
        return b"(" + b",".join(map(_text_key, arg)) + b")"
    return f"{type(arg).__name__}:{arg}".encode()


@cache
def _pack(values: tuple[Any, ...]) -> Tuple:
    """The SymPy Tuple of labels, label tuples or dimensions; few different ones are ever met."""
    return Tuple(*(_pack(v) if isinstance(v, tuple) else v for v in values))


@cache
def _word(text: str) -> Str:
    return Str(text)


@cache
def _one(value: Basic) -> Basic:
    """The first of all equal scalar expressions."""
    return value


class Leaf(Node):
    """A symbol. Its role is one of ROLES; facts stand in `domain`, its spelling in `latex`."""

    __slots__ = ("domain", "latex", "name", "role")
    ROLES: ClassVar = ("parameter", "input", "value", "adjoint", "tangent")

    def __new__(
        cls, name: str, shape: object, role: str = "input", domain: str = "real", latex: str = ""
    ) -> "Leaf":
        shape = as_shape(tuple(shape))  # type: ignore[arg-type]
        if str(role) not in cls.ROLES:
            raise ValueError(f"{role} is none of {cls.ROLES}")
        name, role, domain, latex = map(str, (name, role, domain, latex))
        self = cls._intern(shape, _word(name), _pack(shape), *map(_word, (role, domain, latex)))
        self.name, self.role, self.domain, self.latex = name, role, domain, latex
        return self


class Constant(Node):
    """A number, or an expression in dimensions; shape ()."""

    __slots__ = ("value",)

    def __new__(cls, value: object) -> "Constant":
        value = sympify(value)
        self = cls._intern((), _one(value))
        self.value = value
        return self


class Einsum(Node):
    """A generalised product: out[output] = Σ over the other labels of Π factor[labels].

    Labels are integers. The constructor numbers the output's from 0 and the summed ones after them
    by first appearance, and gives every unit axis the label UNIT. A label of the output that no
    factor has broadcasts; a label twice in one factor takes its diagonal.

    Raises
    ------
    ShapeError    if a label stands for two different dimensions, or the labels do not fit the axes.
    """

    __slots__ = ("factors", "inputs", "output", "sizes")

    inputs: tuple[Labels, ...]
    output: Labels
    factors: tuple[Node, ...]
    sizes: dict[int, Dim]

    def __new__(cls, inputs: Any, output: Any, shape: Any, *factors: Node) -> "Einsum":
        shape = tuple(shape)
        inputs, output, sizes = _relabel(inputs, output, shape, factors)
        args = (_pack(inputs), _pack(output), _pack(shape))
        self = cls._intern(shape, *args, *factors)
        self.inputs, self.output, self.factors, self.sizes = inputs, output, factors, sizes
        return self


def _relabel(
    inputs: Any, output: Any, shape: Shape, factors: tuple[Node, ...]
) -> tuple[tuple[Labels, ...], Labels, dict[int, Dim]]:
    if len(inputs) != len(factors) or len(output) != len(shape):
        raise ShapeError(f"einsum: {len(inputs)} label lists for {len(factors)} factors")
    number: dict[Any, int] = {}
    sizes: dict[int, Dim] = {}

    def visit(labels: Any, dims: Shape, where: str) -> Labels:
        if len(labels) != len(dims):
            raise ShapeError(f"einsum: {len(labels)} labels for {where} of shape {show(dims)}")
        result = []
        for label, size in zip(labels, dims, strict=True):
            if size is ONE:
                result.append(UNIT)
                continue
            if label == UNIT:
                raise ShapeError(f"einsum: an axis of size {size} of {where} has no label")
            k = number.setdefault(int(label), len(number))
            known = sizes.setdefault(k, size)
            if known is not size and not same(known, size):
                raise ShapeError(f"einsum: one label stands for both {known} and {size} in {where}")
            result.append(k)
        return tuple(result)

    new_output = visit(output, shape, "the result")
    if len({k for k in new_output if k != UNIT}) < sum(k != UNIT for k in new_output):
        raise ShapeError("einsum: a label stands twice in the result")
    new_inputs = tuple(
        visit(labels, factor.shape, f"factor {k + 1}")
        for k, (labels, factor) in enumerate(zip(inputs, factors, strict=True))
    )
    return new_inputs, new_output, sizes


class Total(Node):
    """A linear combination Σ coefficient · term; coefficients are numbers and dimensions.

    Raises
    ------
    ShapeError    if the terms' shapes differ: broadcasts are explicit.
    """

    __slots__ = ("coefficients", "terms")

    coefficients: tuple[Expr, ...]
    terms: tuple[Node, ...]

    def __new__(cls, coefficients: Any, *terms: Node) -> "Total":
        coefficients = _pack(tuple(map(sympify, coefficients)))
        if not terms or len(coefficients) != len(terms):
            raise ShapeError(f"total: {len(coefficients)} coefficients for {len(terms)} terms")
        for term in terms[1:]:
            if not same_shape(term.shape, terms[0].shape):
                raise ShapeError(
                    f"total: shapes {show(terms[0].shape)} and {show(term.shape)} differ"
                )
        self = cls._intern(terms[0].shape, coefficients, *terms)
        self.coefficients, self.terms = tuple(coefficients), terms
        return self

    @property
    def pairs(self) -> tuple[tuple[Expr, Node], ...]:
        return tuple(zip(self.coefficients, self.terms, strict=True))


class Map(Node):
    """A scalar function of ARGS[0], ARGS[1], ... applied to each entry of operands of one shape."""

    __slots__ = ("body",)

    body: Expr

    def __new__(cls, body: Any, *operands: Node) -> "Map":
        body = sympify(body)
        if not operands:
            raise ShapeError("map: no operands; a Constant is one without")
        for operand in operands[1:]:
            if not same_shape(operand.shape, operands[0].shape):
                raise ShapeError(
                    f"map: shapes {show(operands[0].shape)} and {show(operand.shape)} differ"
                )
        self = cls._intern(operands[0].shape, _one(body), *operands)
        self.body = body
        return self

    @property
    def bound(self) -> tuple[Symbol, ...]:
        """The symbols of the body that stand for the operands."""
        return ARGS[: len(self.operands)]


class Iverson(Node):
    """The 0/1 array [condition = 0] ("eq") or [condition ≥ 0] ("ge").

    The condition is affine in the axis indices INDEX[k], the entries LOOKUP[k] of integer operands
    (read at the axes `operand_axes[k]`) and dimensions.
    """

    __slots__ = ("condition", "op", "operand_axes")

    op: str
    condition: Expr
    operand_axes: tuple[tuple[int, ...], ...]

    def __new__(
        cls, op: Any, condition: Any, shape: Any, operand_axes: Any = (), *operands: Node
    ) -> "Iverson":
        shape, condition, op = tuple(shape), sympify(condition), str(op)
        if op not in ("eq", "ge"):
            raise ValueError(f"iverson: {op} is neither eq nor ge")
        if op == "eq" and condition.could_extract_minus_sign():
            condition = -condition  # [i = j] and [j = i] are one node
        axes = tuple(tuple(int(a) for a in each) for each in operand_axes)
        if len(axes) != len(operands):
            raise ShapeError(f"iverson: {len(axes)} axis lists for {len(operands)} operands")
        for each, operand in zip(axes, operands, strict=True):
            if not same_shape(tuple(shape[a] for a in each), operand.shape):
                raise ShapeError(f"iverson: axes {each} do not fit shape {show(operand.shape)}")
        args = (_word(op), _one(condition), _pack(shape), _pack(axes))
        self = cls._intern(shape, *args, *operands)
        self.op, self.condition, self.operand_axes = op, condition, axes
        return self


class _AlongAxes(Node):
    """A function along axes of one operand."""

    __slots__ = ("axes",)

    axes: tuple[int, ...]

    @property
    def operand(self) -> Node:
        return self.operands[0]

    @classmethod
    def _checked(cls, axes: Any, operand: Node) -> tuple[int, ...]:
        axes = tuple(sorted(int(a) for a in axes))
        if not axes or len(set(axes)) < len(axes) or not all(0 <= a < operand.ndim for a in axes):
            raise ShapeError(f"{cls.__name__}: no axes {axes} in shape {show(operand.shape)}")
        return axes


def without(shape: Shape, axes: Iterable[int]) -> Shape:
    """The shape less those axes."""
    return tuple(d for k, d in enumerate(shape) if k not in set(axes))


class Reduce(_AlongAxes):
    """The maximum ("max"), minimum ("min") or product ("prod") along axes, which are removed."""

    __slots__ = ("op",)

    op: str

    def __new__(cls, op: Any, axes: Any, operand: Node) -> "Reduce":
        if str(op) not in ("max", "min", "prod"):
            raise ValueError(f"reduce: {op} is none of max, min, prod")
        axes = cls._checked(axes, operand)
        self = cls._intern(without(operand.shape, axes), _word(str(op)), _pack(axes), operand)
        self.op, self.axes = str(op), axes
        return self


class LogSumExp(_AlongAxes):
    """log Σ exp along axes, which are removed; shifted by the maximum, so it never overflows."""

    __slots__ = ()

    def __new__(cls, axes: Any, operand: Node) -> "LogSumExp":
        axes = cls._checked(axes, operand)
        self = cls._intern(without(operand.shape, axes), _pack(axes), operand)
        self.axes = axes
        return self


class Softmax(_AlongAxes):
    """exp(x)/Σ exp(x) along axes, which are kept."""

    __slots__ = ()

    def __new__(cls, axes: Any, operand: Node) -> "Softmax":
        axes = cls._checked(axes, operand)
        self = cls._intern(operand.shape, _pack(axes), operand)
        self.axes = axes
        return self


class UnspecifiedTensor(Node):
    """A function of tensors that nobody specified, or its derivative.

    `wrt` lists the operands that it was differentiated by; `result` is the function's own shape,
    and the derivative's is that followed by theirs.
    """

    __slots__ = ("name", "result", "wrt")

    name: str
    wrt: tuple[int, ...]
    result: Shape

    def __new__(cls, name: Any, wrt: Any, result: Any, *operands: Node) -> "UnspecifiedTensor":
        name, wrt, result = str(name), tuple(int(k) for k in wrt), tuple(result)
        shape = result + tuple(d for k in wrt for d in operands[k].shape)
        self = cls._intern(shape, _word(name), _pack(wrt), _pack(result), *operands)
        self.name, self.wrt, self.result = name, wrt, result
        return self


def topological(*roots: Node, seen: Container[Node] = frozenset()) -> list[Node]:
    """All nodes below the roots, each once, operands before what uses them; no recursion.

    Nodes in `seen` are left out, with what is below them: a pass over many roots that share parts
    visits each part once.
    """
    order: dict[Node, None] = {}
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in order or node in seen:
                stack.pop()
                continue
            height = len(stack)
            for operand in reversed(node.operands):
                if operand not in order and operand not in seen:
                    stack.append(operand)
            if len(stack) == height:
                order[stack.pop()] = None
    return list(order)


def leaves(*roots: Node) -> list[Leaf]:
    """The symbols below the roots, each once, in the order in which they are met."""
    return [node for node in topological(*roots) if isinstance(node, Leaf)]


def rebuild(node: Node, operands: tuple[Node, ...]) -> Node:
    """The node with other operands, of the same shapes."""
    if operands == node.operands:
        return node
    head = node.args[: len(node.args) - len(node.operands)]
    return node.func(*head, *operands)  # type: ignore[no-any-return]


def transform(roots: Iterable[Node], change: Callable[[Node], Node]) -> dict[Node, Node]:
    """Each node below the roots mapped to its change, operands first; no recursion."""
    done: dict[Node, Node] = {}
    for node in topological(*roots):
        done[node] = change(rebuild(node, tuple(done[operand] for operand in node.operands)))
    return done


def substitute(node: Node, values: dict[Node, Node]) -> Node:
    """The node with whole subexpressions replaced, the outermost first."""
    done: dict[Node, Node] = {}
    for each in topological(node):
        operands = tuple(done[operand] for operand in each.operands)
        done[each] = values[each] if each in values else rebuild(each, operands)
    return done[node]


def _flatten(root: Node) -> tuple[tuple[type[Node], tuple[Any, ...]], ...]:
    """The nodes below the root as rows (class, arguments); operands are row numbers."""
    order = topological(root)
    row = {node: k for k, node in enumerate(order)}
    return tuple(
        (type(node), tuple(row[a] if isinstance(a, Node) else a for a in node.args))
        for node in order
    )


def _unflatten(rows: tuple[tuple[type[Node], tuple[Any, ...]], ...]) -> Node:
    built: list[Node] = []
    for kind, args in rows:
        built.append(kind(*(built[a] if type(a) is int else a for a in args)))
    return built[-1]


# The operators build nodes and the nodes offer the operators, so one of the two imports comes last.
from symgrad.tensor import indices as _indices  # noqa: E402
from symgrad.tensor import operators as _operators  # noqa: E402
