"""Functions in formulas: by command, by word, and the activations of a network."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from sympy import Expr, S

from symgrad.declare.latex.scope import spelled_all
from symgrad.declare.latex.subscripts import subscripted
from symgrad.declare.latex.superscripts import raised
from symgrad.declare.latex.trees import (
    Above,
    Group,
    Name,
    Number,
    Relation,
    Scripted,
    Tree,
    Word,
)
from symgrad.declare.latex.values import Value, elementwise, power, product, summed
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, Dim, as_dim, same, show
from symgrad.tensor.nodes import INDEX, Iverson, Leaf, Node
from symgrad.tensor.scalar import ARGS

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader, Tail

#: Spellings of functions of one entry.
ENTRYWISE = {
    r"\exp": "exp", r"\log": "log", r"\ln": "log", r"\sin": "sin", r"\cos": "cos", r"\tan": "tan",
    r"\sinh": "sinh", r"\cosh": "cosh", r"\tanh": "tanh", r"\arcsin": "arcsin",
    r"\arccos": "arccos", r"\arctan": "arctan", r"\sigma": "sigmoid", "sigm": "sigmoid",
    "logistic": "sigmoid", "relu": "relu", "ln": "log", "swish": "silu", "sgn": "sign",
    "absolute": "abs",
} | {
    name: name
    for name in """
        exp log log1p expm1 sin cos tan sinh cosh tanh arcsin arccos arctan erf abs sign sigmoid
        softplus sqrt leaky_relu elu selu celu silu mish softsign gelu hard_tanh hard_sigmoid
    """.split()
}  # fmt: skip

#: Spellings of functions of whole arrays.
WHOLE = {
    r"\det": "det", "tr": "trace", "trace": "trace", "Tr": "trace", "diag": "diag", "Diag": "diag",
    "vec": "vec", "softmax": "softmax", "log_softmax": "log_softmax", "logsoftmax": "log_softmax",
    "logsumexp": "logsumexp", "LSE": "logsumexp", "sum": "sum", "mean": "mean", "max": "max",
    "min": "min", r"\max": "max", r"\min": "min", "prod": "prod", "var": "var", "inv": "inv",
    "pinv": "pinv", "logdet": "logdet", "expm": "expm", "chol": "cholesky", "cholesky": "cholesky",
    "det": "det", "norm": "norm", "maximum": "maximum", "minimum": "minimum", "dot": "dot",
    "outer": "outer", "concat": "concatenate", "concatenate": "concatenate", "kron": "kron",
    "tril": "tril", "triu": "triu", "stop": "stop_gradient", "cumsum": "cumsum",
    "cross_entropy": "cross_entropy", "mse_loss": "mse_loss",
    "rowsum": "rowsum", "colsum": "colsum",
    "where": "where", "clip": "clip", "transpose": "transpose", "eigvals": "eigvals",
}  # fmt: skip

_FOLDED = {name.replace("_", "").lower(): name for name in ENTRYWISE if name.isidentifier()}


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a formula names.

    `body` is a scalar body for functions of one entry that are no row of the vocabulary.
    """

    name: str
    tree: Tree
    entrywise: bool = True
    body: Expr | None = None
    diagonal: bool = False
    below: tuple[Tree, ...] = ()
    above: tuple[Above, ...] = ()
    of_target: bool = False


def function(reader: "Reader", tree: Tree) -> Function | None:
    """The function that a tree names; None for everything else."""
    base = tree.base if isinstance(tree, Scripted) else tree
    if not isinstance(base, Name | Word):
        return None
    text = base.text
    whole = tree if isinstance(tree, Scripted) else Scripted(tree.start, tree.end, tree, (), (), 0)
    below, above, primes = whole.below, whole.above, whole.primes
    if text in reader.bound or text in reader.local:
        return None
    known = named_function(base)
    marks = (*above, Above((), mark="'" * primes)) if primes else above
    found = reader.found(text, below, marks)
    if found is not None and (not primes or (known is None and not _callable(reader, found))):
        declared = not (found.lowered or found.note) or known is None
        if declared and not (known and primes):
            return None
    if text == r"\Sigma" and primes == 1:  # Nielsen's diagonal matrix of derivatives
        body = scalar.partial(scalar.sigmoid(ARGS[0]), ARGS[0])
        return Function("sigmoid", tree, body=body, diagonal=True, below=(), above=())
    if known is None:
        if primes and found is None and len(text) <= 6:
            return Function(text, tree, of_target=True, below=below, above=above)
        return None
    name, entrywise = known
    if primes:
        if not entrywise:
            reader.fail(f"the derivative of {name} is no array of this shape", tree)
        body = _body(name)
        for _ in range(primes):
            body = scalar.partial(body, ARGS[0])
        return Function(name, tree, body=body, below=below, above=above)
    return Function(name, tree, entrywise, below=below, above=above)


def _callable(reader: "Reader", found: Any) -> bool:
    """Whether a found name is only a guess that a prime rules out."""
    return bool(found.lowered or found.note)


def named_function(tree: Tree) -> tuple[str, bool] | None:
    """The vocabulary's name of a function, and whether it acts entry by entry."""
    text = tree.text if isinstance(tree, Name | Word) else ""
    if isinstance(tree, Name) and not text.startswith("\\"):
        return None
    text = text.strip()
    if text in ENTRYWISE:
        return ENTRYWISE[text], True
    if text in WHOLE:
        return WHOLE[text], False
    folded = text.replace("_", "").replace(" ", "").replace("-", "").lower()
    if folded in _FOLDED:
        return ENTRYWISE[_FOLDED[folded]], True
    if folded in WHOLE:
        return WHOLE[folded], False
    if isinstance(tree, Word) and text in FUNCTIONS:
        return text, False
    return None


def _body(name: str) -> Expr:
    """The scalar body of a function of one entry."""
    if name in scalar.FUNCTIONS:
        return scalar.FUNCTIONS[name].kind(ARGS[0])
    leaf = Leaf("x", ())
    node: Node = FUNCTIONS[name](leaf)
    return _inlined(node, leaf)


def _inlined(node: Node, leaf: Leaf) -> Expr:
    """A scalar node as a body of its one leaf."""
    from symgrad.tensor.nodes import Constant, Einsum, Map, Total, topological

    done: dict[Node, Expr] = {}
    for each in topological(node):
        match each:
            case Leaf():
                done[each] = ARGS[0]
            case Constant(value=value):
                done[each] = value
            case Einsum(factors=factors):
                result: Expr = S.One
                for factor in factors:
                    result *= done[factor]
                done[each] = result
            case Total(coefficients=coefficients, terms=terms):
                done[each] = sum(
                    (c * done[t] for c, t in zip(coefficients, terms, strict=True)), S.Zero
                )
            case Map(operands=operands, body=body):
                done[each] = body.xreplace(
                    dict(zip(each.bound, map(done.get, operands), strict=True))
                )
    return done[node]


def applied(
    reader: "Reader",
    fn: Function,
    tree: Tree,
    rest: tuple[Tree, ...],
    divides: tuple[bool, ...],
    tail: "Tail",
) -> tuple[Value, int, bool]:
    """A function with its argument: the value, the factors that it took, whether the tail too."""
    if not rest or divides[0]:
        reader.fail(f"{fn.name} needs an argument", tree)
    first = rest[0]
    scripts = first if isinstance(first, Scripted) and isinstance(first.base, Group) else None
    group = scripts.base if scripts is not None else first
    done = False
    used = 2
    if isinstance(group, Group) and group.kind in ("PAREN", "BRACK", "CURLY"):
        value = _call(reader, fn, group, tree)
        if scripts is not None:
            if scripts.primes:
                reader.fail("a prime belongs to a function", scripts)
            if fn.name != "reshape":
                value = subscripted(reader, value, scripts.below, scripts)
            value = raised(reader, value, scripts.above, scripts)
    else:
        value, used, done = _bare_argument(reader, fn, tree, rest, divides, tail)
    return _after(reader, fn, value), used, done


def _bare_argument(
    reader: "Reader",
    fn: Function,
    tree: Tree,
    rest: tuple[Tree, ...],
    divides: tuple[bool, ...],
    tail: "Tail",
) -> tuple[Value, int, bool]:
    r"""\log x, \log 2 \pi, \log \sum_i x_i: an argument without brackets."""
    argument, used, done = reader.factor(rest, divides, tail)
    left = rest[used:]
    if left and isinstance(rest[0], Number) and used == 1 and not divides[1]:
        more, extra, done = reader.factor(rest[1:], divides[1:], tail)
        argument, used = product(argument, more), used + extra
        left = rest[used:]
    if left and not done and not divides[used] and function(reader, left[0]) is None:
        reader.fail(f"how far does the argument of {fn.name} go?", left[0], "put it in brackets")
    return _evaluate(reader, fn, [argument], {}, tree), 1 + used, done


def _after(reader: "Reader", fn: Function, value: Value) -> Value:
    r"""\tanh^2(z) is the square of the value."""
    for each in fn.above if fn.body is None else ():
        if each.mark or len(each.items) != 1:
            reader.fail("cannot read this superscript of a function", fn.tree)
        exponent = reader.value(each.items[0])
        number = op.constant_of(exponent.node)
        if number is not None and number.is_negative:
            reader.fail(
                "is this an inverse function or a reciprocal?", fn.tree, r"write \frac{1}{f(x)}"
            )
        value = power(value, exponent)
    return value


def _call(reader: "Reader", fn: Function, group: Group, tree: Tree) -> Value:
    arguments: list[Value] = []
    options: dict[str, Any] = {}
    for item in group.items:
        match item:
            case Relation(sides=(Word(text=word), value), signs=("=",)):
                options[word.strip()] = _option(reader, value)
            case Word(text=text) if "=" in text:
                word, _, said = text.partition("=")
                options[word.strip()] = {"True": True, "False": False}.get(said.strip(), said)
            case _:
                arguments.append(reader.value(item))
    return _evaluate(reader, fn, arguments, options, tree)


def _option(reader: "Reader", tree: Tree) -> Any:
    match tree:
        case Number(text=text) if text.isdigit():
            return int(text)
        case Word(text="True" | "False" as text):
            return text == "True"
    number = reader.number(tree)
    if number is None or not number.is_Integer:
        reader.fail("an option is a whole number, True or False", tree)
    return int(number)  # type: ignore[arg-type]


def _evaluate(
    reader: "Reader", fn: Function, arguments: list[Value], options: dict[str, Any], tree: Tree
) -> Value:
    if fn.of_target:
        fn = _activation(reader, fn, arguments, tree)
    if fn.entrywise or fn.body is not None:
        if len(arguments) != 1 or options:
            reader.fail(f"{fn.name} takes one argument", tree)
        (value,) = arguments
        if value.unit or value.elastic:
            reader.fail(f"{fn.name} of a matrix or vector of no stated size", tree)
        body = fn.body
        if body is not None:
            value = elementwise(lambda x: op.apply(body, x), value)
            return _diagonal(value) if fn.diagonal else value
        return elementwise(lambda x: FUNCTIONS[fn.name](x), value)
    if any(value.unit for value in arguments):
        reader.fail("the size of the identity matrix is not known", tree, "write I_{n}")
    if any(value.elastic for value in arguments):
        reader.fail("the length of these ones is not known", tree, r"write it: \mathbf{1}_{n}")
    rule = _WHOLE.get(fn.name)
    if rule is not None:
        return rule(reader, fn, arguments, options, tree)
    return _plain(reader, fn, arguments, options, tree)


def _activation(reader: "Reader", fn: Function, arguments: list[Value], tree: Tree) -> Function:
    """The f of f'(z): what the network applies to the value on the left, to z, or everywhere."""
    if len(arguments) != 1:
        reader.fail(f"{fn.name} takes one argument", tree)
    node = arguments[0].node
    activations = reader.scope.activations
    own = activations.get(reader.target, ())
    if not own and isinstance(node, Leaf):
        own = activations.get(node.name, ())
    everywhere = list(dict.fromkeys(body for bodies in activations.values() for body in bodies))
    bodies = list(own) or everywhere
    if len(bodies) != 1:
        reader.latex.unknown(
            f"which function is {fn.name}?", tree.start, r"write it by name: \tanh', \sigma' ..."
        )
    reader.note(f"{fn.name} is read as the activation of the network")
    body = bodies[0]
    primes = tree.primes if isinstance(tree, Scripted) else 0
    for _ in range(primes):
        body = scalar.partial(body, ARGS[0])
    return replace(fn, body=body, of_target=False)


def _plain(
    reader: "Reader", fn: Function, arguments: list[Value], options: dict[str, Any], tree: Tree
) -> Value:
    """A function of the vocabulary as it is, of arrays without indices."""
    if any(value.letters for value in arguments):
        reader.fail(f"{fn.name} of entries is not read", tree, "write it of the whole array")
    nodes = [value.node for value in arguments]
    try:
        result = FUNCTIONS[fn.name](*nodes, **options)
    except TypeError:
        reader.fail(f"{fn.name} does not take these arguments", tree)
        raise AssertionError from None
    if not isinstance(result, Node):
        reader.fail(f"{fn.name} has several results", tree)
    return Value(result)


def _axes(reader: "Reader", fn: Function) -> tuple[int, ...] | None:
    r"""The axes of max_{\text{axis }0}."""
    text = spelled_all(fn.below).replace(" ", "")
    for word in ("axis", "axes"):
        if text.startswith(word):
            digits = text.removeprefix(word).split(",")
            if all(each.lstrip("-").isdigit() for each in digits):
                return tuple(map(int, digits))
    if fn.below:
        reader.fail(f"cannot read the subscript of {fn.name}", fn.tree)
    return None


Options = dict[str, Any]


def _soft(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    """Softmax and its kin along rows, or along columns where examples are columns."""
    if len(arguments) != 1:
        reader.fail(f"{fn.name} takes one argument", tree)
    (value,) = arguments
    if value.rank == 0:
        reader.fail(f"{fn.name} is of a vector or a matrix", tree)
    said = _axes(reader, fn)
    axis = options.get("axis", said[0] if said else None)
    if axis is None:
        axis = soft_axis(reader, value) if fn.name != "logsumexp" or value.rank > 1 else -1
    n = len(value.letters)
    axis = n + axis if axis >= 0 else axis
    node = FUNCTIONS[fn.name](value.node, axis=axis)
    return Value(node, value.letters, value.lying and node.ndim == value.node.ndim)


def soft_axis(reader: "Reader", value: Value) -> int:
    """The axis of classes: as the network takes its softmax, as targets are one-hot, or the one
    that does not count the examples.
    """
    scope = reader.scope
    if value.rank != 2:
        return -1
    if isinstance(value.node, Leaf) and value.node.name in scope.soft:
        return scope.soft[value.node.name][0]
    for node in scope.nodes.values():
        if isinstance(node, Leaf) and node.shape == value.shape:
            kind = node.domain.partition(":")
            if kind[0] in ("onehot", "simplex") and node.role != "parameter":
                return 0 if kind[2] == "0" else -1
    batch = scope.batch()
    rows, columns = value.shape
    if batch is not None and same(columns, batch) and not same(rows, batch):
        return 0
    return -1


def _along(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    """Sums, means and extrema of all entries or along an axis."""
    if len(arguments) == 2 and fn.name in ("max", "min") and not options:
        return elementwise(FUNCTIONS["maximum" if fn.name == "max" else "minimum"], *arguments)
    if len(arguments) != 1:
        reader.fail(f"{fn.name} takes one argument", tree)
    (value,) = arguments
    n = len(value.letters)
    said = options.get("axis", _axes(reader, fn))
    axes = tuple(range(value.rank)) if said is None else said
    axes = (axes,) if isinstance(axes, int) else axes
    if any(not -value.rank <= k < value.rank for k in axes):
        raise ShapeError(f"axis {axes} is out of range for shape {show(value.shape)}")
    if not axes:
        return value
    axes = tuple(n + k % value.rank for k in axes)
    keep = {"keepdims": True} if options.get("keepdims") in (True, "True") else {}
    return Value(FUNCTIONS[fn.name](value.node, axis=axes, **keep), value.letters)


def _lines(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    """The sums of the rows of a matrix, or of its columns."""
    (value,) = arguments
    if value.rank != 2:
        raise ShapeError(f"{fn.name} is of a matrix, not of {show(value.shape)}")
    result = summed(value, (1,) if fn.name == "rowsum" else (0,))
    return replace(result, lying=fn.name == "colsum")


def _trace(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    (value,) = arguments
    if value.rank == 0:
        return value
    if value.rank != 2 or not same(*value.shape):
        raise ShapeError(f"the trace is of a square matrix, not of {show(value.shape)}")
    if not value.letters:
        return Value(FUNCTIONS["trace"](value.node))
    n = len(value.letters)
    labels = (*range(n), n, n)
    node = op.einsum((labels,), tuple(range(n)), value.node,
                     sizes=dict(enumerate(value.node.shape)))  # fmt: skip
    return Value(node, value.letters)


def _diag(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    if len(arguments) != 1:
        reader.fail("diag takes one argument", tree)
    (value,) = arguments
    if value.rank == 1:
        return _diagonal(value)
    if value.rank == 2 and ONE in value.shape and value.shape != (ONE, ONE):
        row = value.shape[0] is ONE
        axis = len(value.letters) + (0 if row else 1)
        return _diagonal(Value(op.sum_over(value.node, axis), value.letters))
    return _plain(reader, fn, arguments, options, tree)


def _diagonal(value: Value) -> Value:
    """The diagonal matrix of a vector."""
    if not value.letters:
        return Value(FUNCTIONS["diag"](value.node))
    eye = op.eye(value.shape[0])
    node = op.multiply(value.node[(..., None)], eye)
    return Value(node, value.letters)


def _vec(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    return _plain(reader, fn, arguments, options, tree)


def _pair(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    """Functions of two arrays, entry by entry."""
    return elementwise(FUNCTIONS[fn.name], *arguments)


def _matrix(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    """Functions of a matrix."""
    from symgrad.tensor.primitives import MatrixFunction

    if len(arguments) != 1 or options:
        reader.fail(f"{fn.name} takes one argument", tree)
    (value,) = arguments
    if value.rank == 0 and fn.name in ("det", "inv"):
        return value if fn.name == "det" else elementwise(lambda x: op.power(x, -1), value)
    return Value(MatrixFunction(fn.name, value.node), value.letters)


def _reshape(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    reader.fail("a reshape is not read", tree, "declare the array in its own shape")
    raise AssertionError


def _joined(
    reader: "Reader", fn: Function, arguments: list[Value], options: Options, tree: Tree
) -> Value:
    axes = _axes(reader, fn) or (options.get("axis", 0),)
    return concatenated(arguments, axes[0])


_WHOLE: dict[str, Callable[..., Value]] = {
    "softmax": _soft, "log_softmax": _soft, "logsumexp": _soft, "sum": _along, "mean": _along,
    "max": _along, "min": _along, "prod": _along, "var": _along, "trace": _trace,
    "rowsum": _lines, "colsum": _lines,
    "diag": _diag,
    "vec": _vec, "maximum": _pair, "minimum": _pair, "where": _pair, "concatenate": _joined,
    "reshape": _reshape, "dot": lambda r, f, a, o, t: r.dotted(a, t),
} | dict.fromkeys(
    ("det", "logdet", "inv", "pinv", "expm", "cholesky", "eigvals"), _matrix
)  # fmt: skip


def concatenated(values: Sequence[Value], axis: int) -> Value:
    """Arrays one after the other along an axis."""
    from symgrad.declare.latex.values import union

    if not any(value.letters for value in values):
        return Value(FUNCTIONS["concatenate"]([value.node for value in values], axis=axis))
    letters = union(*values)
    nodes = []
    for value in values:
        full = spread_full(value, letters, values)
        nodes.append(full)
    at = axis if axis < 0 else len(letters) + axis
    return Value(FUNCTIONS["concatenate"](nodes, axis=at), letters)


def spread_full(value: Value, letters: tuple[str, ...], values: Sequence[Value]) -> Node:
    """A node that has all the letters' axes, broadcast."""
    from symgrad.declare.latex.values import spread

    sizes: dict[str, Dim] = {}
    for each in values:
        sizes |= each.sizes
    node = spread(value, letters, value.rank)
    shape = tuple(sizes[k] for k in letters) + value.shape
    return op.broadcast_to(node, shape)


def norm(reader: "Reader", tree: Group, below: tuple[Tree, ...], above: tuple[Above, ...]) -> Value:
    r"""\lVert x \rVert_2^2 and |x|: norms, absolute values."""
    if len(tree.items) != 1:
        reader.fail("a norm is of one array", tree)
    value = reader.value(tree.items[0])
    if value.unit or value.elastic:
        reader.fail("the norm of a matrix or vector of no stated size", tree)
    if tree.kind == "BAR":
        if below:
            reader.fail("cannot read this subscript", below[0])
        if value.rank == 2 and same(*value.shape):
            reader.fail(
                "are these bars absolute values or a determinant?", tree,
                r"write \operatorname{abs}(A) or \det(A)",
            )  # fmt: skip
        absolute = elementwise(lambda x: FUNCTIONS["abs"](x), value)
        return raised(reader, absolute, above, tree)
    order = spelled_all(below)
    axes = tuple(range(len(value.letters), value.node.ndim))
    squared = len(above) == 1 and spelled_all(above[0].items) == "2" and not above[0].entrywise
    if order in ("", "F", "2", "Frob") and not (order == "2" and value.rank == 2):
        total = Value(op.sum_over(op.power(value.node, 2), axes), value.letters)
        if squared:
            return total
        if value.rank == 0:
            result = elementwise(lambda x: FUNCTIONS["abs"](x), value)
        else:
            result = Value(FUNCTIONS["norm"](value.node, axis=axes if len(axes) < 2 or value.letters
                                             else None), value.letters)  # fmt: skip
        return raised(reader, result, above, tree)
    orders: dict[str, object] = {"1": 1, "2": 2, "inf": S.Infinity, "*": "nuc"}
    if order not in orders or value.rank not in (1, 2):
        reader.fail("cannot read this norm", tree)
    axis = axes[0] if len(axes) == 1 else axes
    result = Value(FUNCTIONS["norm"](value.node, ord=orders[order], axis=axis), value.letters)
    return raised(reader, result, above, tree)


def kronecker(reader: "Reader", left: Value, right: Value) -> Value:
    """a ⊗ b of matrices; of vectors the outer product, or its entries one below the other."""
    if left.rank == right.rank == 1 and reader.pick(2, r"write a b^\\top for the outer product"):
        return product(left, replace(right, lying=True))
    if left.letters or right.letters:
        raise ShapeError("a Kronecker product of entries is not read")
    nodes = [
        op.transpose(v.node[(None,)]) if v.rank == 1 and not v.lying and other.rank == 2 else v.node
        for v, other in ((left, right), (right, left))
    ]
    return Value(FUNCTIONS["kron"](*nodes))


def correlated(left: Value, right: Value) -> Value:
    r"""x \star k: y_j = Σ_t k_t x_{t+j}, where both fit."""
    if left.rank != 1 or right.rank != 1:
        raise ShapeError(r"\star is of two vectors")
    (long,), (short,) = left.shape, right.shape
    size = as_dim(long - short + 1)
    window = Value(Iverson("eq", INDEX[0] - INDEX[1] - INDEX[2], (long, short, size)))
    from symgrad.declare.latex.values import union

    letters = union(left, right)
    label = {k: n for n, k in enumerate(letters)}
    p, t, j = (len(letters) + k for k in range(3))
    inputs = (
        (*[label[k] for k in left.letters], p),
        (*[label[k] for k in right.letters], t),
        (p, t, j),
    )
    sizes = dict(zip(inputs[0], left.node.shape, strict=True))
    sizes |= dict(zip(inputs[1], right.node.shape, strict=True)) | {j: size}
    output = (*range(len(letters)), j)
    node = op.einsum(inputs, output, left.node, right.node, window.node, sizes=sizes)
    return Value(node, letters)


def closest_function(text: str) -> str:
    """A hint with the closest function."""
    close = get_close_matches(text, [*ENTRYWISE, *WHOLE], 1)
    return f"did you mean {close[0]}?" if close else ""
