"""Functions of one entry that values are made with: which a node is, and its slope."""

from dataclasses import dataclass
from typing import NamedTuple

import sympy
from sympy import Add, Expr, Integer, Mul, preorder_traversal

from symgrad.check.claims.terms import Term, number
from symgrad.check.diagnose.many import negative, plus, times
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import Shape, same_shape
from symgrad.tensor.nodes import UNIT, Einsum, Leaf, Map, Node, Softmax, Total, leaves
from symgrad.tensor.operators import constant_of
from symgrad.tensor.scalar import ARGS

#: Functions of one entry that are rules of calculus rather than activations.
_ELEMENTARY = frozenset({"exp", "log", "log1p", "expm1", "abs", "sign"})

#: Functions that choose between cases: in a loss, leaving one out is to leave out a mask.
CHOICES = frozenset({scalar.maximum, scalar.minimum, scalar.where})


@dataclass(frozen=True, slots=True)
class Activation:
    """A = f(z): terms of z, of a and of the slope f'(z), and the name of f."""

    function: str
    z: Term
    a: Term
    slope: Term
    at_a: Term | None
    shape: Shape
    branch: bool = False  # a case of a loss, such as a hinge's, rather than a layer
    masks: tuple[Term, ...] = ()  # where the slope is one or the other
    composed: bool = False  # of several functions: its slope may be wrong in one of its factors

    @property
    def unmasked(self) -> str:
        """What it is called to leave the slope out."""
        return "mask-not-applied" if self.branch else "missing-activation-derivative"

    @property
    def masked(self) -> str:
        """What it is called to have a wrong slope."""
        return "mask-not-applied" if self.branch else "wrong-activation-derivative"


def slope_term(body: Expr, z: Term, a: Term) -> Term | None:
    """The derivative as people write it, where they have one form for it."""
    one = number(Integer(1))
    match body.func:
        case scalar.sigmoid:
            return times(a, plus(one, negative(a)))
        case sympy.tanh:
            return plus(one, negative(Term("pow", a, number(Integer(2)))))
        case scalar.relu:
            return Term("gt", z, number(Integer(0)))
    return None


class Entrywise(NamedTuple):
    """A scalar body of each entry of a node, and of numbers: those are the arguments after it."""

    body: Expr
    operand: Node
    numbers: tuple[Node, ...] = ()

    def apply(self, body: Expr, node: Node) -> Node:
        """A scalar body of the same arguments, of the entries of another node."""
        return op.apply(body, node, *self.numbers)


def of_one(node: Node) -> Entrywise | None:
    """What is computed of each entry of one node: where(z > 0, z, z/10) is such a function of z.

    The node is what a function is applied to, or else the one array that all of it is made of.
    """
    if isinstance(node, Map):
        bases = {_base(each) for each in node.operands if _number(each) is None}
        if len(bases) == 1:
            return _read(node, *bases)
    arrays = {each for each in leaves(node) if each.ndim}
    return _read(node, *arrays) if len(arrays) == 1 else None


def _base(node: Node) -> Node:
    return node.terms[0] if isinstance(node, Total) and len(node.terms) == 1 else node


def _number(node: Node) -> Node | None:
    """The number that is broadcast to an array."""
    while isinstance(node, Einsum) and len(node.factors) == 1 and not node.factors[0].ndim:
        node = node.factors[0]
    return node if isinstance(node, Leaf) and not node.ndim else None


def _read(root: Node, operand: Node) -> Entrywise | None:
    numbers: list[Node] = []

    def read(node: Node) -> Expr | None:
        if node is operand:
            return ARGS[0]
        number = _number(node)
        if number is not None:
            if number not in numbers:
                numbers.append(number)
            argument: Expr = ARGS[1 + numbers.index(number)]
            return argument
        if not node.operands:
            return constant_of(node)
        parts = [read(each) for each in node.operands]
        inner = [part for part in parts if part is not None]
        if len(inner) < len(parts):
            return None
        match node:
            case Map():
                made: Expr = node.body.xreplace(dict(zip(node.bound, inner, strict=True)))
                return made
            case Total() if not any(each.free_symbols for each in node.coefficients):
                return Add(*(c * part for c, part in zip(node.coefficients, inner, strict=True)))
            case Einsum() if all(own in (node.output, ()) for own in node.inputs) and (
                UNIT not in node.output and len(set(node.output)) == len(node.output)
            ):
                return Mul(*inner)
        return None

    body = read(root) if same_shape(root.shape, operand.shape) else None
    return None if body is None else Entrywise(body, operand, tuple(numbers))


def activation_name(node: Node) -> str | None:
    """The name of the activation that a node is."""
    if isinstance(node, Softmax):
        return "softmax"
    return function_name(node.body) if isinstance(node, Map) and len(node.operands) == 1 else None


def function_name(body: Expr) -> str | None:
    """The name of a function of one entry, if it is more than a rule of calculus."""
    kinds = functions_in(body)
    if not kinds or kinds <= _ELEMENTARY or scalar.root_of(body) is not None:
        return None
    return "activation" if body.func is scalar.where else scalar.NAMES.get(body.func, "activation")


def functions_in(body: Expr) -> set[str]:
    """The names of the functions in a scalar body."""
    return {scalar.NAMES[part.func] for part in body.atoms(scalar._Real)} | {
        scalar.NAMES[part.func] for part in _functions(body) if part.func in scalar.NAMES
    }


def _functions(body: Expr) -> list[Expr]:
    return [part for part in preorder_traversal(body) if isinstance(part, Expr)]
