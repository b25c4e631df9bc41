"""What diagnosis knows of a graph: activations and their slopes, masks, counts, families of names.

What has no name in the graph is given one that starts with "pool:"; its formula and its values
stand beside those of the graph's own.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

import sympy
from sympy import Expr, Integer, preorder_traversal

from symgrad.check.claims.compute import Builder, Values
from symgrad.check.claims.terms import Term, name, names_in, number
from symgrad.check.diagnose.many import negative, plus, times
from symgrad.check.verify_judge import Frame
from symgrad.check.verify_truth import Point
from symgrad.errors import SymgradError
from symgrad.notation import numpy
from symgrad.simplify.recognise import recognised
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import Shape
from symgrad.tensor.nodes import (
    UNIT,
    Einsum,
    Leaf,
    Map,
    Node,
    Softmax,
    Total,
    leaves,
    topological,
)
from symgrad.tensor.scalar import ARGS

#: Functions of one entry that are rules of calculus rather than activations.
_ELEMENTARY = frozenset({"exp", "log", "log1p", "expm1", "abs", "sign"})

#: Points at which a hit must hold.
CHECKS = 2


@dataclass(frozen=True, slots=True)
class Activation:
    """A = f(z): terms of z, of a and of the slope f'(z), and the name of f."""

    function: str
    z: Term
    a: Term
    slope: Term
    at_a: Term | None
    shape: Shape


@dataclass
class Knowledge:
    """Facts of a graph in a person's scale."""

    frame: Frame
    formulas: dict[str, Node] = field(default_factory=dict)
    quoted: dict[str, Term] = field(default_factory=dict)
    _values: list[Values] = field(default_factory=list)

    @property
    def graph(self) -> Any:
        return self.frame.truth.graph

    # --- values

    def values(self, k: int) -> Values:
        """What computes terms at the k-th point, the pool's among them."""
        while len(self._values) <= k:
            point = self.frame.point(len(self._values))
            self._values.append(Values(dict(point.names), point.sizes))
        values = self._values[k]
        for text, node in self.formulas.items():
            if text not in values.names:
                try:
                    values.names[text] = self._computed(node, k)  # type: ignore[index]
                except SymgradError:
                    values.names[text] = float("nan")  # type: ignore[index]
        return values

    def _computed(self, node: Node, k: int) -> Any:
        truth = self.frame.truth
        point = truth.point(k)
        return truth.computed(node, point, {name: point.names[f"d:{name}"] for name in truth.steps})

    def points(self) -> list[Point]:
        """Those at which a hit must hold."""
        return [self.frame.point(k) for k in range(CHECKS)]

    def pooled(self, node: Node) -> Term:
        """A term for a formula: its name, or one of the pool."""
        if isinstance(node, Leaf):
            found = next((n for n, leaf in self.frame.truth.leaves.items() if leaf is node), None)
            if found is not None:
                return name(found)
        for text, known in self.formulas.items():
            if known is node:
                return name(text)
        text = f"pool:{len(self.formulas)}"
        self.formulas[text] = node
        return name(text)

    def quote(self, term: Term) -> str:
        """A mark in a sentence for a term, which is written in the person's notation later."""
        key = term.args[0] if term.op == "name" else f"#{id(term)}"
        self.quoted[key] = term
        return f"{{{key}}}"

    def spelled(self, term: Term) -> dict[str, str]:
        """The NumPy text of what has a name of the pool in a term."""
        found = {}
        for text in names_in(term):
            if text in self.formulas:
                try:
                    formula = numpy(self.formulas[text])
                except SymgradError:
                    formula = text
                whole = formula.isidentifier() or term.op == "name"
                found[text] = formula if whole else f"({formula})"
        return found

    def leaves(self) -> dict[str, Node]:
        """The nodes of all names, the pool's among them."""
        return self.frame.leaves | self.formulas

    def builder(self) -> Builder:
        """What builds terms of the pool."""
        return Builder(self.leaves())

    # --- names

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each name."""
        return {text: node.shape for text, node in self.frame.truth.leaves.items()}

    @cached_property
    def scalars(self) -> frozenset[str]:
        """The names that are numbers."""
        return frozenset(text for text, shape in self.shapes.items() if not shape)

    @cached_property
    def definitions(self) -> dict[str, Node]:
        """The formula of each defined value, functions written by hand recognised."""
        known = recognised([d.expr for d in self.graph.definitions])
        return {d.leaf.name: known[d.expr] for d in self.graph.definitions}

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Arrays that are declared, other than data with a domain of its own."""
        return frozenset(self.graph.parameters)

    @cached_property
    def masks(self) -> list[str]:
        """Symbols of zeros and ones."""
        return [leaf.name for leaf in self.graph.symbols if leaf.domain == "binary" and leaf.ndim]

    @cached_property
    def hyper(self) -> list[str]:
        """Numbers among the inputs."""
        return [leaf.name for leaf in self.graph.symbols if not leaf.ndim
                and leaf.name not in self.parameters]  # fmt: skip

    @cached_property
    def data_free(self) -> frozenset[str]:
        """Values that depend on parameters and numbers alone, such as a regulariser."""
        free = set(self.parameters) | set(self.hyper)
        for text, node in self.definitions.items():
            if {leaf.name for leaf in leaves(node)} <= free:
                free.add(text)
        return frozenset(free)

    def reduces(self, value: str) -> str:
        """Whether a defined value is a mean ("mean"), or of squares ("norm"), along axes."""
        root = self.definitions.get(value)
        if root is None:
            return ""
        nodes = topological(root)
        kinds = {_reduction(node) for node in nodes}
        if "norm" in kinds:
            return "norm"
        return "mean" if "mean" in kinds and any(map(_divides, nodes)) else ""

    # --- activations

    @cached_property
    def activations(self) -> list[Activation]:
        """All functions of one entry, and softmaxes, that values are made with."""
        found: dict[Node, Activation] = {}
        for text, root in self.definitions.items():
            for node in topological(root):
                known = _activation(node)
                if known is None or node in found:
                    continue
                operand = node.operands[0]
                a = name(text) if node is root else self.pooled(node)
                z = self.pooled(operand)
                if known == "softmax":
                    own = op.multiply(node, op.subtract(1, node))
                    found[node] = Activation(known, z, a, self.pooled(own), None, node.shape)
                    continue
                slope = scalar.partial(node.body, ARGS[0])  # type: ignore[attr-defined]
                at_a = self.pooled(op.apply(slope, node))
                at_z = _slope_term(node.body, z, a) or self.pooled(op.apply(slope, operand))  # type: ignore[attr-defined]
                found[node] = Activation(known, z, a, at_z, at_a, node.shape)
        return list(found.values())

    def activation_of(self, value: str) -> Activation | None:
        """The activation that a value goes into, by the name of the value."""
        wanted = name(value)
        return next((each for each in self.activations if each.z is wanted), None)

    def activation_to(self, value: str) -> Activation | None:
        """The activation that a value is."""
        wanted = name(value)
        return next((each for each in self.activations if each.a is wanted), None)

    # --- counts and scales

    @cached_property
    def counts(self) -> dict[Term, str]:
        """Numbers that a mean may divide by, and what they count."""
        sizes = [self.frame.truth.sizes[each] for each in self.graph.dims]
        named = {
            size: None
            for leaf in (*self.graph.symbols, *(d.leaf for d in self.graph.definitions))
            for size in leaf.shape
            if not size.is_Integer
        }
        found = {number(size): f"{size}" for size in dict.fromkeys((*sizes, *named))}
        for size in sizes:
            found.setdefault(number(size - 1), f"{size} − 1")
        for one, two in combinations(dict.fromkeys((*sizes, *named)), 2):
            found.setdefault(number(one * two), f"{one}·{two}")
        for mask in self.masks:
            found[Term("sum", name(mask))] = f"the number of ones in {mask}"
        return found

    @cached_property
    def families(self) -> dict[str, tuple[str, int]]:
        """h2 -> (h, 2): names that differ in a number alone."""
        found = {}
        for text in self.shapes:
            match = re.fullmatch(r"((?:d:)?[A-Za-z_]*?[A-Za-z])_?(\d+)", text)
            if match:
                found[text] = (match[1], int(match[2]))
        return found

    @cached_property
    def steps(self) -> frozenset[int]:
        """How many numbered values share a name: the numbers of layers or time steps, from 3."""
        bases: dict[str, int] = {}
        for base, _ in self.families.values():
            bases[base] = bases.get(base, 0) + 1
        return frozenset(count for count in bases.values() if count > 2)

    def is_shared(self, target: str) -> bool:
        """Whether a value is broadcast where it is used: its gradient sums over what shares it."""
        leaf = self.frame.truth.graph.leaf(target)
        for root in self.definitions.values():
            for node in topological(root):
                if isinstance(node, Einsum):
                    for labels, factor in zip(node.inputs, node.factors, strict=True):
                        own = {k for k in labels if k != UNIT}
                        more = {k for k in node.output if k != UNIT} - own
                        if factor is leaf and own <= set(node.output) and more:
                            return True
        return False


def _slope_term(body: Expr, z: Term, a: Term) -> Term | None:
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


def _divides(node: Node) -> bool:
    """Whether a node divides by a size."""
    return isinstance(node, Total) and any(
        coefficient.as_numer_denom()[1].free_symbols for coefficient in node.coefficients
    )


def _reduction(node: Node) -> str:
    """Whether a node sums one array, or its square, along some of its axes."""
    if not isinstance(node, Einsum) or not node.output:
        return ""
    kept = {k for k in node.output if k != UNIT}
    gone = {k for labels in node.inputs for k in labels if k != UNIT} - kept
    if not gone or len(set(node.factors)) > 1 or len(set(node.inputs)) > 1:
        return ""
    (first, *more) = node.factors
    if isinstance(first, Einsum) and len(set(first.factors)) > 1:
        return ""
    squared = more or (isinstance(first, Map) and first.body == ARGS[0] ** 2) or (
        isinstance(first, Einsum) and len(first.factors) == 2 and len(set(first.factors)) == 1
    )  # fmt: skip
    return "norm" if squared else "mean"


def _activation(node: Node) -> str | None:
    """The name of the activation that a node is."""
    if isinstance(node, Softmax):
        return "softmax"
    if not isinstance(node, Map) or len(node.operands) != 1:
        return None
    body = node.body
    kinds = {scalar.NAMES[part.func] for part in body.atoms(scalar._Real)} | {
        scalar.NAMES[part.func] for part in _functions(body) if part.func in scalar.NAMES
    }
    if not kinds or kinds <= _ELEMENTARY or scalar.root_of(body) is not None:
        return None
    return scalar.NAMES.get(body.func, "activation")


def _functions(body: Expr) -> list[Expr]:
    return [part for part in preorder_traversal(body) if isinstance(part, Expr)]
