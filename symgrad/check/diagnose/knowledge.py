"""What diagnosis knows of a graph: activations and their slopes, masks, counts, families of names.

What has no name in the graph is given one that starts with "pool:"; its formula and its values
stand beside those of the graph's own.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations
from typing import Any

from symgrad.calculus.sweep import pull_definition
from symgrad.check.claims.compute import Builder, Values
from symgrad.check.claims.terms import Term, name, names_in, number
from symgrad.check.claims.write import with_modules
from symgrad.check.diagnose.activations import (
    CHOICES,
    Activation,
    function_name,
    functions_in,
    of_one,
    slope_term,
)
from symgrad.check.diagnose.structure import (
    divides,
    is_entrywise,
    is_whole_sum,
    reduction,
    sums_products,
)
from symgrad.check.verify_judge import Frame
from symgrad.check.verify_truth import Point
from symgrad.declare.graph import Definition
from symgrad.errors import SymgradError
from symgrad.notation import numpy
from symgrad.simplify.recognise import recognised
from symgrad.tensor import operators as op
from symgrad.tensor import scalar
from symgrad.tensor.dims import Shape, same, same_shape
from symgrad.tensor.nodes import (
    UNIT,
    Einsum,
    Leaf,
    Map,
    Node,
    Softmax,
    leaves,
    substitute,
    topological,
)
from symgrad.tensor.primitives import MatrixFunction
from symgrad.tensor.scalar import ARGS

#: Points at which a hit must hold.
CHECKS = 2


@dataclass
class Knowledge:
    """Facts of a graph in a person's scale."""

    frame: Frame
    start: int = 0
    formulas: dict[str, Node] = field(default_factory=dict)
    quoted: dict[str, Term] = field(default_factory=dict)
    _values: list[Values] = field(default_factory=list)
    _symmetric: dict[Any, Point] = field(default_factory=dict)

    @property
    def graph(self) -> Any:
        return self.frame.truth.graph

    # --- values

    def values(self, k: int) -> Values:
        """What computes terms at the k-th point, the pool's among them."""
        while len(self._values) <= k:
            point = self.point(len(self._values))
            self._values.append(Values(dict(point.names), point.sizes))
        values = self._values[k]
        for text, node in self.formulas.items():
            if text not in values.names:
                try:
                    values.names[text] = self._computed(node, k)  # type: ignore[index]
                except SymgradError:
                    values.names[text] = float("nan")  # type: ignore[index]
        return values

    def point(self, k: int) -> Point:
        """The k-th point at which a hit must hold, gradients in the person's scale."""
        return self.frame.point(self.start + k)

    def true_point(self, k: int) -> Point:
        """The same point, with the true gradients."""
        return self.frame.truth.point(self.start + k)

    @cached_property
    def square(self) -> tuple[str, ...]:
        """The symbols that are square matrices and not declared symmetric."""
        return tuple(
            leaf.name
            for leaf in self.graph.symbols
            if leaf.ndim == 2 and same(*leaf.shape) and leaf.domain not in ("symmetric", "spd")
        )

    def symmetric_point(self, names: tuple[str, ...], k: int) -> Point:
        """The k-th point with these matrices made symmetric, all values and gradients anew."""
        if (names, k) not in self._symmetric:
            point = self.true_point(k)
            values = dict(point.symbols)
            for each in names:
                values[each] = values[each] + values[each].T
            filled = self.frame.truth.filled(point.sizes, values | point.sizes)
            self._symmetric[names, k] = self.frame.in_scale(filled)
        return self._symmetric[names, k]

    def symmetric_values(self, target: str, names: tuple[str, ...], k: int) -> tuple[Point, Any]:
        """The k-th point with these made symmetric, nothing else anew, and the gradient's value."""
        truth, point = self.frame.truth, self.true_point(k)
        made = {each: point.names[each] + point.names[each].T for each in names}
        own = {each: made.get(each, value) for each, value in point.symbols.items()}
        changed = Point(point.sizes, own, dict(point.names) | made)
        gradients = {each: changed.names[f"d:{each}"] for each in truth.steps}
        return changed, truth.computed(truth.steps[target].expr, changed, gradients)

    def _computed(self, node: Node, k: int) -> Any:
        truth, point = self.frame.truth, self.true_point(k)
        return truth.computed(node, point, {name: point.names[f"d:{name}"] for name in truth.steps})

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
                    formula = with_modules(numpy(self.named(self.formulas[text])))
                except SymgradError:
                    formula = text
                found[text] = formula
        return found

    def named(self, node: Node) -> Node:
        """A formula in which values of the network have their names."""
        values = {each.expr: each.leaf for each in self.frame.truth.graph.definitions}
        return substitute(node, {expr: leaf for expr, leaf in values.items() if expr.operands})

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

    def is_square(self, text: str) -> bool:
        """Whether a name is that of a square matrix."""
        shape = self.shapes.get(text, ())
        return len(shape) == 2 and same(*shape)

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
    def numbers(self) -> tuple[str, ...]:
        """All symbols that are numbers, parameters among them."""
        return tuple(leaf.name for leaf in self.graph.symbols if not leaf.ndim)

    def is_regular(self, target: str, node: Node) -> bool:
        """Whether a summand is a regulariser's: of the variable's own entries and numbers."""
        if any(isinstance(each, MatrixFunction) for each in topological(node)):
            return False  # log det of a covariance is what is fitted
        return target in {leaf.name for leaf in leaves(node)} and self.is_own(target, node)

    def is_own(self, target: str, node: Node) -> bool:
        """Whether a summand has the variable and numbers alone, unlike others of the gradient."""
        free = {target, *self.numbers}
        own, whole = (
            {leaf.name for leaf in leaves(each)} <= free
            for each in (node, self.frame.truth.steps[target].expr)
        )
        return own and not whole

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
        kinds = {reduction(node) for node in nodes}
        if "norm" in kinds:
            return "norm"
        return "mean" if "mean" in kinds and any(map(divides, nodes)) else ""

    # --- activations

    @cached_property
    def activations(self) -> list[Activation]:
        """All functions of one entry, and softmaxes, that values are made with."""
        found: dict[Node, Activation] = {}
        for text, root in self.definitions.items():
            for node in topological(root):
                if node in found:
                    continue
                a = name(text) if node is root else self.pooled(node)
                made = (
                    self._softmax(node, a) if isinstance(node, Softmax) else self._mapped(node, a)
                )
                if made is not None:
                    found[node] = made
        return list(found.values())

    def _softmax(self, node: Softmax, a: Term) -> Activation:
        own = op.multiply(node, op.subtract(1, node))
        z = self.pooled(node.operands[0])
        return Activation("softmax", z, a, self.pooled(own), None, node.shape)

    def _mapped(self, node: Node, a: Term) -> Activation | None:
        """The activation that a function of one node's entries is."""
        known = of_one(node)
        if known is None or (function := function_name(known.body)) is None:
            return None
        body, operand = known.body, known.operand
        z = self.pooled(operand)
        slope = scalar.partial(body, ARGS[0])
        at_z = slope_term(body, z, a) or self.pooled(known.apply(slope, operand))
        masks = tuple(
            self.pooled(each)
            for condition in slope.atoms(scalar.gt, scalar.ge, scalar.lt, scalar.le)
            for hold in [known.apply(condition, operand)]
            for each in (hold, op.subtract(1, hold))
        )
        branch = any(map(body.has, CHOICES)) and (
            self._is_averaged(a) or not self._is_layer(operand)
        )
        at_a = self.pooled(known.apply(slope, node))
        composed = body.func not in scalar.NAMES
        return Activation(function, z, a, at_z, at_a, node.shape, branch, masks, composed)

    def _is_averaged(self, a: Term) -> bool:
        """Whether a value goes into the output by a weighted sum: it is a loss of each example."""
        step = self.frame.truth.steps.get(a.args[0])
        if step is None:
            return False
        made = set(self.definitions)
        return not any(leaf.role == "adjoint" or leaf.name in made for leaf in leaves(step.expr))

    def _is_layer(self, node: Node) -> bool:
        """Whether a value is computed by a sum of products, as a layer's is, and by no loss."""
        for each in topological(node):
            if isinstance(each, Leaf):
                root = self.definitions.get(each.name) if each is node else None
                if root is not None and self._is_layer(root):
                    return True
            elif isinstance(each, Einsum) and each.ndim and sums_products(each):
                return True
        return False

    def activation_of(self, value: str) -> Activation | None:
        """The activation that a value goes into, by the name of the value."""
        wanted = name(value)
        return next((each for each in self.activations if each.z is wanted), None)

    def slope_between(self, z: str, a: str) -> Activation | None:
        """The activation a = f(z) of two values, entry by entry."""
        found = self.activation_of(z)
        entrywise = found is not None and found.function != "softmax"
        return found if entrywise and found.a is name(a) else None  # type: ignore[union-attr]

    def activation_to(self, value: str) -> Activation | None:
        """The activation that a value is."""
        wanted = name(value)
        return next((each for each in self.activations if each.a is wanted), None)

    @cached_property
    def elementary(self) -> list[tuple[str, Term, Term]]:
        """Functions such as exp of named values that others are made with: name, z and f(z)."""
        nodes = {node: None for root in self.definitions.values() for node in topological(root)}
        return [
            (scalar.NAMES[node.body.func], self.pooled(node.operands[0]), self.pooled(node))
            for node in nodes
            if isinstance(node, Map) and node.body.args == ARGS[:1]
            and node.body.func in scalar.NAMES and isinstance(node.operands[0], Leaf)
        ]  # fmt: skip

    def entry_slope(self, target: str) -> Term | None:
        """The slope of a value's only use, if that is a curved function of each of its entries."""
        leaf = self.graph.leaf(target)
        users = [root for root in self.definitions.values() if leaf in leaves(root)]
        if len(users) != 1 or not is_entrywise(users[0], leaf):
            return None
        made = Definition(Leaf("use", users[0].shape, "value"), users[0])
        seed = op.full(1, users[0].shape)
        slope = pull_definition(made, seed, frozenset({leaf}))[leaf].term
        return self.pooled(slope) if leaf in leaves(slope) else None

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names of all functions of entries that values are made with."""
        bodies = {
            node.body
            for root in self.definitions.values()
            for node in topological(root)
            if isinstance(node, Map)
        }
        return frozenset(each for body in bodies for each in functions_in(body))

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
        for weights in self.weights:
            found.setdefault(Term("sum", name(weights)), f"the sum of {weights}")
        return found

    @cached_property
    def weights(self) -> list[str]:
        """Symbols by whose sum something is divided: the weights of a mean."""
        below = {
            node.operands[0]
            for root in self.definitions.values()
            for node in topological(root)
            if isinstance(node, Map) and node.body == 1 / ARGS[0] and not node.ndim
        }
        return [
            leaf.name
            for leaf in self.graph.symbols
            if leaf.ndim and any(is_whole_sum(self.definitions, node, leaf) for node in below)
        ]

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

    def normalises(self, value: str) -> bool:
        """Whether a value, or one made of its entries, is broadcast: as a variance is, under √."""
        leaf = self.frame.truth.graph.leaf(value)
        made = [
            text
            for text, root in self.definitions.items()
            if same_shape(root.shape, leaf.shape) and leaf in leaves(root)
        ]
        return self.is_shared(value) or any(map(self.normalises, made))

    def is_shared(self, target: str) -> bool:
        """Whether a value is broadcast where it is used: its gradient sums over what shares it."""
        leaf = self.frame.truth.graph.leaf(target)
        for root in self.definitions.values():
            for node in topological(root):
                if isinstance(node, Einsum):
                    for labels, factor in zip(node.inputs, node.factors, strict=True):
                        own = {k for k in labels if k != UNIT}
                        more = {k for k in node.output if k != UNIT} - own
                        while isinstance(factor, Map) and len(factor.operands) == 1:
                            factor = factor.operands[0]
                        if factor is leaf and own <= set(node.output) and more:
                            return True
        return False
