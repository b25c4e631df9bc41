"""Functions of one entry that values are made with: which a node is, and its slope."""

from dataclasses import dataclass
from typing import NamedTuple

import sympy
from sympy import Expr, Integer, preorder_traversal

from symgrad.check.claims.terms import Term, number
from symgrad.check.diagnose.many import negative, plus, times
from symgrad.tensor import scalar
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import Map, Node, Softmax, Total
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
    """A scalar body, and the node whose entries it takes."""

    body: Expr
    operand: Node


def of_one(node: Node) -> Entrywise | None:
    """What is computed of each entry of one node: where(z > 0, z, z/10) is such a function of z."""
    if not isinstance(node, Map):
        return None
    if len(node.operands) == 1:
        return Entrywise(node.body, node.operands[0])
    inner = {each.operands[0] if _is_multiple(each) else each for each in node.operands}
    if len(inner) != 1:
        return None
    (z,) = inner
    parts = {
        symbol: ARGS[0] * each.coefficients[0] if isinstance(each, Total) and each is not z  # type: ignore[attr-defined]
        else ARGS[0]
        for symbol, each in zip(node.bound, node.operands, strict=True)
    }  # fmt: skip
    return Entrywise(node.body.xreplace(parts), z)


def _is_multiple(node: Node) -> bool:
    return isinstance(node, Total) and len(node.terms) == 1


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
