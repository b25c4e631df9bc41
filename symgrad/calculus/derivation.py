"""Derivations: gradients as named steps, each a definition of an adjoint in terms of others."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from symgrad.declare.graph import Definition, Graph
from symgrad.declare.plain import name_of
from symgrad.errors import NotDifferentiable, ShapeError, SymgradError, UnknownName, ValueMismatch
from symgrad.tensor.cost import Cost, cost
from symgrad.tensor.dims import Shape, show
from symgrad.tensor.evaluate import bind_sizes, evaluate
from symgrad.tensor.nodes import Leaf, Node, leaves, substitute


@dataclass(frozen=True, slots=True)
class Step:
    """One adjoint: dv = ∂J/∂v.

    `raw` is what the chain rule gives, before declared facts and before other adjoints' formulas
    are put in place; `expr` is the shortest form. Both are in terms of adjoints that earlier steps
    define and of cached values. `exact` is `expr` without declared facts: what may be
    differentiated again. `rules` names, for each definition that the step goes `through`, the rule
    that matters.
    """

    leaf: Leaf
    of: Leaf
    raw: Node
    expr: Node
    exact: Node
    notes: tuple[str, ...]
    through: tuple[Leaf, ...]
    rules: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.leaf.name

    @property
    def rule(self) -> str:
        """The rules that matter, each once."""
        return ", ".join(dict.fromkeys(self.rules))

    @property
    def shape(self) -> Shape:
        return self.leaf.shape

    @property
    def uses(self) -> tuple[Leaf, ...]:
        """The cached forward values that the step reuses."""
        return tuple(leaf for leaf in leaves(self.expr) if leaf.role == "value")

    @property
    def definition(self) -> Definition:
        return Definition(self.leaf, self.expr)


@dataclass(frozen=True, slots=True)
class Derivative:
    """The derivative of a graph's output by one symbol or value, or a product with it.

    It is the last of a list of definitions: adjoints and tangents that its formula uses, then
    itself. `adjoints` pairs those that are written ∂J/∂z with z, and tangents of these, written
    d(∂J/∂z), with the adjoint. `kind` and `order` say what it is. `steps` are those that led to it,
    which hold the form that may be differentiated again; `derive` derives it anew, with some
    values kept apart from equal expressions.
    """

    graph: Graph
    of: Leaf
    definitions: tuple[Definition, ...]
    adjoints: tuple[tuple[Leaf, Leaf], ...] = field(default=(), compare=False)
    kind: str = field(default="derivative", compare=False)
    order: int = field(default=1, compare=False)
    steps: tuple[Step, ...] = field(default=(), compare=False)
    derive: "Callable[[frozenset[Leaf]], Derivative] | None" = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """The name of what it is the derivative by."""
        return self.of.name

    @property
    def leaf(self) -> Leaf:
        """The symbol that stands for it: dW1 for ∂J/∂W1."""
        return self.definitions[-1].leaf

    @property
    def expr(self) -> Node:
        """The formula, in terms of the graph's symbols and values and of earlier adjoints."""
        return self.definitions[-1].expr

    @property
    def shape(self) -> Shape:
        """The shape of its array."""
        return self.expr.shape

    @property
    def directions(self) -> tuple[Leaf, ...]:
        """The symbols that a product is taken with: d<name> of a Hessian-vector product."""
        found = leaves(*(definition.expr for definition in self.definitions))
        own = {definition.leaf for definition in self.definitions}
        return tuple(leaf for leaf in found if leaf.role == "tangent" and leaf not in own)

    @property
    def shown(self) -> tuple[Definition, ...]:
        """The definitions as they are printed: what they share has names of its own."""
        from symgrad.simplify.shared import with_parts_named

        taken = {leaf.name for leaf in self.graph.symbols} | set(self.graph.dims)
        taken |= {d.leaf.name for d in (*self.graph.definitions, *self.definitions)}
        taken |= {leaf.name for leaf in self.directions}
        return with_parts_named(self.definitions, frozenset(taken))

    def anew(self, apart: frozenset[Leaf]) -> "Derivative":
        """The same, in formulas that tell those values from expressions equal to them."""
        if self.derive is None:
            names = ", ".join(sorted(leaf.name for leaf in apart))
            raise NotDifferentiable(
                f"this derivative by {self.of.name} cannot be differentiated by the value {names}",
                hint="differentiate by symbols, or begin with the graph",
            )
        return self.derive(apart)

    def evaluate(
        self, values: Mapping[str, Any], precision: int | None = None
    ) -> np.ndarray[Any, Any]:
        """The derivative as an array, for values of all symbols by name.

        Parameters
        ----------
        precision :  decimal digits of mpmath arithmetic; without it float64 or complex128.

        Raises
        ------
        ValueMismatch, ShapeError    if a value is missing or does not fit its declared shape.
        """
        known = self.graph.evaluate_all(values, precision=precision)
        sizes = bind_sizes([s for s in self.graph.symbols if s.name in values], values)
        for direction in self.directions:
            if direction.name not in values:
                raise ValueMismatch(f"no value for the direction {direction.name}")
            known[direction.name] = values[direction.name]
        for definition in self.definitions:
            (known[definition.leaf.name],) = evaluate([definition.expr], known, sizes, precision)
        result: np.ndarray[Any, Any] = known[self.leaf.name]
        return result

    def numpy(self) -> str:
        """Closed form as text: `name = ...; ...; result`."""
        from symgrad.notation import numpy

        *before, last = self.shown
        shadowed = self.graph.shadowed
        lines = [f"{d.leaf.name} = {numpy(d.expr, shadowed)}" for d in before]
        return "; ".join([*lines, numpy(last.expr, shadowed)])

    def latex(self) -> str:
        """Matrix notation where it exists; several lines where the formula uses other adjoints."""
        from symgrad.notation import latex_equations
        from symgrad.notation.spelling import latex_names

        return latex_equations(self._told_apart(), latex_names(self))

    def text(self) -> str:
        """The same in Unicode."""
        from symgrad.notation import text_equation
        from symgrad.notation.spelling import text_names

        names = text_names(self)
        return "\n".join(text_equation(d.leaf, d.expr, names) for d in self._told_apart())

    def to_sympy(self, *, names: bool = False) -> Any:
        """SymPy's own expression: a MatrixExpr, or a scalar for shape (); a vector is a column.

        Parameters
        ----------
        names :  whether the graph's named values stay symbols, by name; without it their formulas
                 are put in place.

        Raises
        ------
        SymgradError    for what SymPy has no matrix expression for, such as three axes, and where
                        its own rules would change the formula.

        Notes
        -----
        What SymPy made is read back, and compared at a random point.

        Examples
        --------
        >>> from sympy import MatrixSymbol, Trace, symbols
        >>> n = symbols("n")
        >>> A, X = MatrixSymbol("A", n, n), MatrixSymbol("X", n, n)
        >>> net = Graph.from_sympy(Trace(A * X * X), parameters=[X])
        >>> from symgrad import gradient
        >>> gradient(net)["X"].to_sympy()
        A.T*X.T + X.T*A.T
        """
        from symgrad.notation import sympy_of
        from symgrad.notation.readback import require_same

        done: dict[Node, Node] = {}
        before = () if names else self.graph.definitions
        for definition in (*before, *self.definitions):
            done[definition.leaf] = substitute(definition.expr, done)
        expr = sympy_of(done[self.leaf], self.graph.plain_symbols)
        require_same(done[self.leaf], expr, self.graph)
        return expr

    def _told_apart(self) -> list[Definition]:
        from symgrad.notation.shadowed import told_apart

        shadowed = self.graph.shadowed
        return [replace(d, expr=told_apart(d.expr, shadowed)) for d in self.shown]

    def _repr_latex_(self) -> str | None:
        """For notebooks, which show the text where this is None: a formula that is too long."""
        try:
            return f"$\\displaystyle {self.latex()}$"
        except SymgradError:
            return None

    def cost(self, sizes: Mapping[str, int] | None = None) -> Cost:
        """Flops and the largest intermediate: numbers, or polynomials in the dimensions."""
        return cost([d.expr for d in self.definitions], sizes)

    def __str__(self) -> str:
        try:
            return self.text()
        except SymgradError as error:
            return f"<derivative by {self.of.name} of shape {show(self.shape)}: {error.what}>"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, eq=False)
class Derivation(Mapping[str, Derivative]):
    """Derivatives by name, and the steps that lead to them, in order.

    Gradients, unless `kind` and `order` say otherwise: the symbols in `results` then stand for
    what belongs to each of `wrt`.

    >>> import symgrad as sg
    >>> net = sg.parse("r = X @ w - y; J = sum(r**2) / 2",
    ...                symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",)}, parameters=["w"])
    >>> D = sg.gradient(net)
    >>> D["w"].numpy()
    'X.T @ r'
    """

    graph: Graph
    wrt: tuple[Leaf, ...]
    steps: tuple[Step, ...]
    kind: str = "derivative"
    order: int = 1
    results: tuple[Leaf, ...] = ()
    adjoints: tuple[tuple[Leaf, Leaf], ...] = ()
    derive: Callable[[Leaf, frozenset[Leaf]], Derivative] | None = field(default=None, repr=False)
    _by_name: dict[str, int] = field(init=False, repr=False)
    _by_leaf: dict[Leaf, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_leaf = {s.leaf: n for n, s in enumerate(self.steps)}
        by_name = {s.of.name: n for n, s in enumerate(self.steps)}
        for leaf, result in zip(self.wrt, self.results, strict=False):
            by_name[leaf.name] = by_leaf[result]
        if not self.results:
            object.__setattr__(self, "adjoints", tuple((s.leaf, s.of) for s in self.steps))
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_by_leaf", by_leaf)

    def __getitem__(self, name: object) -> Derivative:
        wanted = name_of(name)
        if wanted not in self._by_name:
            raise UnknownName(
                f"no derivative by {wanted!r} was asked for", hint=f"it has {', '.join(self)}"
            )
        step = self.steps[self._by_name[str(wanted)]]
        definitions = self._needed([step])
        of = next((leaf for leaf in self.wrt if leaf.name == wanted), step.of)
        derive = partial(self.derive, of) if self.derive is not None else None
        return Derivative(
            self.graph, of, definitions, self.adjoints, self.kind, self.order, self.steps, derive
        )

    def __contains__(self, name: object) -> bool:
        return name_of(name) in self._by_name

    def get(self, name: object, default: Any = None) -> Any:
        """The derivative by a name; the default where there is none."""
        return self[name] if name in self else default  # noqa: SIM401

    def __iter__(self) -> Iterator[str]:
        return iter(leaf.name for leaf in self.wrt)

    def __len__(self) -> int:
        return len(self.wrt)

    def _needed(self, last: Iterable[Step]) -> tuple[Definition, ...]:
        """The definitions that steps need, in order, themselves included; others were inlined."""
        wanted = {self._by_leaf[step.leaf] for step in last}
        stack = list(wanted)
        while stack:
            for leaf in leaves(self.steps[stack.pop()].expr):
                n = self._by_leaf.get(leaf)
                if n is not None and n not in wanted:
                    wanted.add(n)
                    stack.append(n)
        return tuple(self.steps[n].definition for n in sorted(wanted))

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """All adjoints that the wanted derivatives need, in order."""
        return self._needed(self.steps[self._by_name[leaf.name]] for leaf in self.wrt)

    @property
    def directions(self) -> tuple[Leaf, ...]:
        """The symbols that products are taken with: d<name> for each variable."""
        own = {step.leaf for step in self.steps}
        found = leaves(*(step.expr for step in self.steps))
        return tuple(leaf for leaf in found if leaf.role == "tangent" and leaf not in own)

    def text(self, *, shapes: bool = False) -> str:
        """The steps in Unicode, one after another."""
        from symgrad.notation.steps import derivation_text

        return derivation_text(self, shapes=shapes)

    def latex(self) -> str:
        """The steps as one aligned block."""
        from symgrad.notation.steps import derivation_latex

        return derivation_latex(self)

    def markdown(self) -> str:
        """The steps as Markdown with LaTeX in it."""
        from symgrad.notation.steps import derivation_markdown

        return derivation_markdown(self)

    def _repr_markdown_(self) -> str:
        return self.markdown()

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__


def require_scalar(graph: Graph) -> None:
    """Raise ShapeError unless the output is a number."""
    output = graph.leaf(graph.output)
    if output.shape:
        raise ShapeError(
            f"the output {output.name} has shape {show(output.shape)}; a gradient is of a number",
            where=f'graph "{graph.name}"',
            hint="sum it or take its mean, or ask for the Jacobian",
        )


__all__ = ["Derivation", "Derivative", "Step", "require_scalar"]
