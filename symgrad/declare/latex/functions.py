"""Which function a formula names: by command, by word, or as the activation of the network."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sympy import Expr, S

from symgrad.declare.latex.trees import Above, Group, Name, Scripted, Tree, Word
from symgrad.declare.latex.values import Value
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.tensor import scalar
from symgrad.tensor.nodes import Constant, Einsum, Leaf, Map, Node, Total, topological
from symgrad.tensor.scalar import ARGS

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader

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

_FOLDED = {name.replace("_", ""): name for name in ENTRYWISE if name.isidentifier()}


@dataclass(frozen=True, slots=True)
class Function:
    """A function that a formula names.

    Parameters
    ----------
    name :      its name in the vocabulary, or the letter of an activation.
    head :      what names it, with its scripts.
    entrywise : whether it acts on each entry by itself.
    body :      its scalar body, where it is no row of the vocabulary.
    diagonal :  whether its values are put on a diagonal: Nielsen's Σ'(z).
    activation : whether it is the network's own, of whatever name.
    """

    name: str
    head: Scripted
    entrywise: bool = True
    body: Expr | None = None
    diagonal: bool = False
    activation: bool = False


def function(reader: "Reader", tree: Tree) -> Function | None:
    """The function that a tree names; None for everything else."""
    head = tree if isinstance(tree, Scripted) else Scripted(tree.start, tree.end, tree, (), (), 0)
    base = head.base
    if not isinstance(base, Name | Word) or base.text in {**reader.bound, **reader.local}:
        return None
    known, primes = _known(base), head.primes
    marks = (*head.above, Above((), mark="'" * primes)) if primes else head.above
    found = reader.found(base.text, head.below, marks)
    guessed = found is None or found.lowered or bool(found.note)
    if not guessed and not (known and primes):
        return None  # a declared name
    if base.text == r"\Sigma" and primes == 1:
        body = scalar.partial(scalar.sigmoid(ARGS[0]), ARGS[0])
        return Function("sigmoid", head, body=body, diagonal=True)
    if known is None:
        return Function(base.text, head, activation=True) if primes else None
    name, entrywise = known
    if not primes:
        return Function(name, head, entrywise)
    if not entrywise:
        reader.fail(f"the derivative of {name} is no array of its shape", tree)
    return Function(name, head, body=_derived(_body(name), primes))


def _known(tree: Tree) -> tuple[str, bool] | None:
    """The vocabulary's name of a function, and whether it acts entry by entry."""
    text = tree.text.strip() if isinstance(tree, Name | Word) else ""
    if isinstance(tree, Name) and not text.startswith("\\"):
        return None
    folded = "".join(char for char in text if char not in "_- ").lower()
    for each in (text, folded):
        if each in ENTRYWISE:
            return ENTRYWISE[each], True
        if each in WHOLE:
            return WHOLE[each], False
        if each in _FOLDED:
            return _FOLDED[each], True
    return (text, False) if isinstance(tree, Word) and text in FUNCTIONS else None


def _derived(body: Expr, primes: int) -> Expr:
    for _ in range(primes):
        body = scalar.partial(body, ARGS[0])
    return body


def _body(name: str) -> Expr:
    """The scalar body of a function of one entry."""
    if name in scalar.FUNCTIONS:
        return scalar.FUNCTIONS[name].kind(ARGS[0])
    return _inlined(FUNCTIONS[name](Leaf("x", ())))


def _inlined(node: Node) -> Expr:
    """A scalar node as a body of its one leaf."""
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
            case Total(pairs=pairs):
                done[each] = sum((c * done[term] for c, term in pairs), S.Zero)
            case Map(operands=operands, bound=bound, body=body):
                values = [done[operand] for operand in operands]
                done[each] = body.xreplace(dict(zip(bound, values, strict=True)))
    return done[node]


def of_network(reader: "Reader", fn: Function, argument: Value) -> Function:
    """The f of f'(z): what the network applies to the value on the left, to z, or everywhere."""
    node, activations = argument.node, reader.scope.activations
    own = list(activations.get(reader.target, ()))
    if not own and isinstance(node, Leaf):
        own = list(activations.get(node.name, ()))
    everywhere = dict.fromkeys(body for bodies in activations.values() for body in bodies)
    bodies = own or list(everywhere)
    if len(bodies) != 1:
        reader.latex.unknown(
            f"which function is {fn.name}?", fn.head.start, r"write it by name: \tanh', \sigma' ..."
        )
    reader.note(f"{fn.name} is read as the activation of the network")
    return replace(fn, body=_derived(bodies[0], fn.head.primes), activation=False)


def require_plain_scripts(reader: "Reader", fn: Function) -> None:
    r"""Raise for scripts of a function that say nothing clear: \log_a, \sigma^{(2)}."""
    if fn.head.below and fn.entrywise and not fn.activation and fn.name != "log":
        reader.fail(f"cannot read this subscript of {fn.name}", fn.head.below[0])
    if fn.activation or fn.body is not None:
        return
    for each in fn.head.above:
        if any(isinstance(item, Group) for item in each.items):
            reader.fail(
                f"is this a layer, a power or a derivative of {fn.name}?",
                each.items[0],
                r"write f'(x) for a derivative, f(x)^2 for a power",
            )
