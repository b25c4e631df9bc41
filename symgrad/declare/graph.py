"""The graph: an ordered list of named definitions over declared symbols."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from sympy import Basic, Expr, MatrixExpr, Trace

from symgrad.declare.facts import require_fact
from symgrad.declare.identifiers import require_identifier
from symgrad.declare.plain import PlainSymbols, is_plain, name_of
from symgrad.declare.sampling import draw, draw_sizes
from symgrad.declare.symbols import declared_at, labels_below, require_domain
from symgrad.declare.values import bind
from symgrad.errors import DeclarationError, NameClash, SymgradError, UnknownName
from symgrad.tensor.bounds import undecided
from symgrad.tensor.dims import show
from symgrad.tensor.evaluate import bind_sizes, evaluate
from symgrad.tensor.labels import classes_of
from symgrad.tensor.nodes import Leaf, Node, leaves, topological
from symgrad.tensor.operators import as_node


@dataclass(frozen=True, slots=True)
class Definition:
    """`leaf = expr`: later expressions know the value by its leaf alone.

    `named` is whether a person chose the name, so that formulas may use it.
    """

    leaf: Leaf
    expr: Node
    named: bool = True

    def __str__(self) -> str:
        from symgrad.notation import abridged_sides

        return " = ".join(abridged_sides(self.leaf, self.expr))


#: Symbols that a graph is given in order come before all that it meets later.
LISTED = 2**62


class Graph:
    """Named definitions over symbols; the last one is the output.

    A graph is frozen at its first use (a derivation, a check, an evaluation).

    Parameters
    ----------
    symbols :    symbols in the order in which they are to be listed.
    output :     the name of the output; the last definition without it.
    parameters : those of the plain SymPy symbols that gradients are taken by, in order.
    domain :     name -> domain of plain SymPy symbols, beyond what their assumptions say.
    latex :      name -> spelling of plain SymPy symbols.

    >>> import symgrad as sg
    >>> n, d = sg.dims("n d")
    >>> net = sg.Graph("least_squares")
    >>> X, w, y = sg.tensor("X", n, d), sg.parameter("w", d), sg.tensor("y", n)
    >>> r = net.define("r", X @ w - y)
    >>> J = net.define("J", sg.sum(r**2) / 2)
    >>> net.parameters, net.inputs, net.output
    (('w',), ('X', 'y'), 'J')
    """

    def __init__(
        self,
        name: str = "net",
        *,
        symbols: Iterable[Leaf] = (),
        output: str = "",
        parameters: Iterable[object] | None = (),
        domain: Mapping[str, str] | None = None,
        latex: Mapping[str, str] | None = None,
    ) -> None:
        self.name = require_identifier(name)
        self._symbols: dict[str, Leaf] = {}
        self._order: dict[Leaf, int] = {}
        self._definitions: dict[str, Definition] = {}
        self._dims: dict[str, None] = {}
        self._output = output
        self._frozen = False
        self._plain = PlainSymbols.told(parameters, domain, latex)
        for position, leaf in enumerate(symbols):
            if self._is_new(leaf):
                self._admit([leaf], [leaf])
                self._order[leaf] = position - LISTED

    @classmethod
    def from_sympy(
        cls,
        expr: Expr,
        name: str = "J",
        parameters: Iterable[object] | None = (),
        domain: Mapping[str, str] | None = None,
        latex: Mapping[str, str] | None = None,
    ) -> "Graph":
        """A graph of one definition from a plain SymPy expression; 1 × 1 is read as its entry.

        >>> from sympy import MatrixSymbol, symbols
        >>> n, x = symbols("n"), MatrixSymbol("x", symbols("n"), 1)
        >>> net = Graph.from_sympy(x.T * MatrixSymbol("A", n, n) * x, parameters=[x])
        >>> print(net)
        graph net: parameters x
          inputs A; output J
            J = xᵀ A x   ()
        """
        graph = cls(parameters=parameters, domain=domain, latex=latex)
        if isinstance(expr, MatrixExpr) and expr.shape == (1, 1):
            expr = Trace(expr)
        graph.define(name, expr)
        return graph.freeze()

    def define(self, name: str, expr: object, *, domain: str = "real", latex: str = "") -> Any:
        """Name a value; returns what stands for it in later expressions.

        Parameters
        ----------
        expr :   a tensor expression, a number, or an expression in dimensions: the answer is a
                 leaf. Of plain SymPy it is in kind, a MatrixSymbol for a matrix expression and a
                 Symbol for a scalar; symbols that appear are declared by it.
        domain : a declared fact about the value (a kernel matrix as spd, say).
        latex :  its spelling.

        Raises
        ------
        NameClash           if the name is unsafe or taken; a dimension's name may be a value's too.
        UnknownName         if the expression uses a value that this graph does not define.
        DeclarationError    if the graph is frozen.
        """
        if self._frozen:
            raise DeclarationError(
                f"graph {self.name!r} is in use, so {name!r} cannot be added",
                hint="define everything before the first derivation, check or evaluation",
            )
        require_identifier(name)
        if name in self._definitions:
            raise NameClash(f"{name!r} is defined twice", hint="give each value its own name")
        if name in self._symbols:
            raise NameClash(f"{name!r} is a declared symbol; a definition cannot have its name")
        plain, met = is_plain(expr, self._dims), dict[str, Basic]()
        if isinstance(expr, Expr) and plain:
            node, met = self._plain.read(expr, self._known, self._dims)
        else:
            node = as_node(expr)
        classes = classes_of(node)
        if domain == "real" and classes is not None and labels_below(f"labels:{classes}"):
            domain = f"labels:{classes}"
        require_domain(name, node.shape, domain)
        value = Leaf(name, node.shape, "value", domain, latex)
        new = [leaf for leaf in leaves(node) if self._is_new(leaf)]
        if name in [leaf.name for leaf in new]:
            raise NameClash(
                f"{name!r} is a symbol in its own definition; a value needs its own name"
            )
        self._admit(new, [node, value])
        self._order |= {
            leaf: k - LISTED for leaf in new if (k := self._plain.rank(leaf)) is not None
        }
        self._definitions[name] = Definition(value, node)
        self._plain.met |= met
        return self._plain.answer(value, expr) if isinstance(expr, Expr) and plain else value

    def _known(self, name: str) -> Leaf | None:
        """The symbol or value of that name, if there is one."""
        definition = self._definitions.get(name)
        return definition.leaf if definition else self._symbols.get(name)

    def define_unnamed(self, expr: object) -> Leaf:
        """Define the output of a text that gives it no name: formulas do not refer to it."""
        name = "out"
        while name in self._symbols or name in self._definitions or name in self._dims:
            name += "_"
        leaf = self.define(name, expr)
        self._definitions[name] = replace(self._definitions[name], named=False)
        return leaf

    def _is_new(self, leaf: Leaf) -> bool:
        """Whether a symbol is met for the first time; raise if it is none of this graph's."""
        known = self._definitions.get(leaf.name)
        if leaf.role == "value":
            if known is None or known.leaf is not leaf:
                raise UnknownName(
                    f"{leaf.name!r} is not defined in graph {self.name!r}",
                    hint="define it first; values of other graphs cannot be used",
                )
            return False
        if known is not None:
            raise NameClash(f"{leaf.name!r} is already the name of a definition")
        if leaf.role not in ("parameter", "input"):
            raise DeclarationError(f"{leaf.name!r} is of role {leaf.role}; it cannot be declared")
        if self._symbols.get(leaf.name, leaf) is not leaf:
            raise NameClash(f"{leaf.name!r} is declared twice, in different ways")
        return leaf.name not in self._symbols

    def _admit(self, symbols: Iterable[Leaf], nodes: Iterable[Node]) -> None:
        """Take in symbols and the dimensions of nodes: all of them, or none and raise."""
        new = {leaf.name: leaf for leaf in symbols}
        for leaf in symbols:
            if new[leaf.name] is not leaf:
                raise NameClash(f"{leaf.name!r} is declared twice, in different ways")
        sizes = dict.fromkeys(name for node in topological(*nodes) for name in _dimensions(node))
        for name in new:
            if name in self._dims or name in sizes:
                raise NameClash(f"{name!r} is both a symbol and a dimension")
        for name in sizes:
            if name in self._symbols:
                raise NameClash(f"{name!r} is both a dimension and a symbol")
        self._symbols |= new
        self._order |= {leaf: declared_at(leaf) for leaf in symbols}
        self._dims |= sizes

    def freeze(self) -> "Graph":
        """The graph, which cannot be changed from now on.

        Raises
        ------
        DeclarationError    if it defines nothing.
        """
        if not self._definitions:
            raise DeclarationError(f"graph {self.name!r} defines nothing")
        if self._output and self._output not in self._definitions:
            raise UnknownName(f"the output {self._output!r} is not defined")
        self._plain.require_met(self._symbols)
        self._frozen = True
        return self

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """All definitions, in order."""
        return tuple(self._definitions.values())

    @property
    def output(self) -> str:
        """The name of the output: the last definition unless said otherwise."""
        return self._output or (next(reversed(self._definitions)) if self._definitions else "")

    @output.setter
    def output(self, name: str) -> None:
        if self._frozen:
            raise DeclarationError(f"graph {self.name!r} is in use; its output cannot be changed")
        self._output = name

    @property
    def wanted(self) -> str:
        """The name that was said to be the output; "" if that is the last definition."""
        return self._output

    @property
    def symbols(self) -> tuple[Leaf, ...]:
        """All declared symbols, in the order of their declaration."""
        return tuple(sorted(self._symbols.values(), key=self._order.__getitem__))

    @property
    def plain_symbols(self) -> dict[str, Basic]:
        """The plain SymPy symbols that were met, by name."""
        return dict(self._plain.met)

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names that gradients are taken by, in the order of their declaration."""
        return tuple(leaf.name for leaf in self.symbols if leaf.role == "parameter")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of all other symbols."""
        return tuple(leaf.name for leaf in self.symbols if leaf.role != "parameter")

    @property
    def dims(self) -> tuple[str, ...]:
        """The names of all dimensions, in the order in which they are met."""
        return tuple(self._dims)

    @property
    def shadowed(self) -> frozenset[str]:
        """The names of dimensions that values have as well: in equations they mean the values."""
        return frozenset(self._dims.keys() & self._definitions.keys())

    def leaf(self, name: object) -> Leaf:
        """The symbol or defined value of that name (a leaf of the graph stands for itself).

        Raises
        ------
        UnknownName    if there is none; suggests the closest.
        """
        wanted = name_of(name)
        found = self._known(wanted)
        if found is None:
            raise UnknownName(
                f"graph {self.name!r} has no symbol or value {wanted!r}", hint=self._closest(wanted)
            )
        if isinstance(name, Leaf) and name is not found:
            raise UnknownName(f"{name.name!r} is another graph's")
        return found

    def _closest(self, name: object) -> str:
        from difflib import get_close_matches

        names = [*self._symbols, *self._definitions]
        close = get_close_matches(str(name), names, 1)
        return f"did you mean {close[0]!r}?" if close else f"it has {', '.join(names)}"

    @cached_property
    def _conditions(self) -> dict[Expr, str]:
        """What the slices of a frozen graph ask of sizes."""
        return undecided(d.expr for d in self.definitions)

    def sample(self, seed: int = 0, sizes: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Random values of all symbols in their domains, and the sizes of all dimensions.

        Sizes that are not given are drawn, pairwise different.
        """
        self.freeze()
        if not isinstance(seed, int | np.integer) or seed < 0:
            raise DeclarationError(f"a seed is a whole number from 0 on, not {seed!r}")
        rng = np.random.default_rng(seed)
        told = {str(name): size for name, size in (sizes or {}).items()}
        given = {name: told[name] for name in self.dims if name in told}
        nodes = topological(*self.symbols, *(d.expr for d in self.definitions))
        used = {size for node in nodes for size in node.shape}
        values: dict[str, Any] = dict(draw_sizes(used, self.dims, given, rng, self._conditions))
        for leaf in self.symbols:
            values[leaf.name] = draw(leaf, values, rng)
        return values

    def evaluate(self, values: Mapping[str, Any], name: str | None = None) -> np.ndarray[Any, Any]:
        """The output, or the value of that name, in NumPy; other keys of `values` are ignored.

        Raises
        ------
        ValueMismatch, ShapeError    if a value is missing or does not fit its declared shape.
        UnknownName                  if there is no value of that name.
        """
        wanted = self.output if name is None else self.leaf(name).name
        return np.asarray(self.evaluate_all(values, wanted)[wanted])

    def evaluate_all(
        self, values: Mapping[str, Any], name: str | None = None, precision: int | None = None
    ) -> dict[str, Any]:
        """The values of all symbols and definitions, up to that of a name."""
        known, sizes = self.bind(values)
        last = None if name is None else self.leaf(name)
        if last is not None and last.role != "value":
            bind_sizes([last], known)
            return known
        for definition in self.definitions:
            try:
                (value,) = evaluate([definition.expr], known, sizes, precision)
                require_fact(definition.leaf, value)
            except SymgradError as error:
                raise error.at(f'definition "{definition.leaf.name}"') from None
            known[definition.leaf.name] = value
            if definition.leaf is last:
                break
        return known

    def bind(
        self,
        values: Mapping[str, Any],
        sizes: Mapping[str, int] | None = None,
        nan: bool = False,
    ) -> tuple[dict[str, Any], dict[str, int]]:
        """The values of symbols as arrays, checked, and the sizes of dimensions (values.py)."""
        self.freeze()
        return bind(self.symbols, values, self._conditions, sizes, nan)

    def __str__(self) -> str:
        head = f"graph {self.name}: parameters {', '.join(self.parameters) or 'none'}"
        lines = [
            head,
            f"  inputs {', '.join(self.inputs) or 'none'}; output {self.output or 'none'}",
        ]
        rows = [(f"    {d}", show(d.leaf.shape)) for d in self.definitions]
        width = max((len(row) for row, _ in rows), default=0)
        return "\n".join(lines + [f"{row:<{width}}   {shape}" for row, shape in rows])

    __repr__ = __str__


def _dimensions(node: Node) -> list[str]:
    """The names of the dimensions in a node's shape, numbers and domain."""
    sizes: list[Basic] = list(node.shape)
    if isinstance(node, Leaf):
        sizes += filter(None, [labels_below(node.domain)])
    sizes += [arg for arg in node.args if not isinstance(arg, Node)]
    return [name for size in sizes for name in _names(size)]


@cache
def _names(value: Basic) -> tuple[str, ...]:
    """The dimensions in an expression; the indices and arguments of nodes start with "_"."""
    names = {s.name for s in value.free_symbols if s.is_integer}
    return tuple(sorted(name for name in names if not name.startswith("_")))
