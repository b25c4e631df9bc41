"""A network from code: what its statements assign are the values of a graph."""

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sympy import Integer

from symgrad.check.claims.algebra import Symbolic
from symgrad.check.claims.program import Program
from symgrad.check.claims.read import Text
from symgrad.check.claims.rerun import Ran
from symgrad.check.claims.scope import Scope, may_be_gradient
from symgrad.check.claims.slices import first_gradient, is_objective, objective_after
from symgrad.check.claims.statements import Interpreter, Left, Returned, _assigned
from symgrad.check.claims.terms import Term, number, subterms
from symgrad.declare.graph import Graph
from symgrad.declare.symbols import tensor
from symgrad.errors import ParseError, SymgradError
from symgrad.tensor.dims import ONE, dim
from symgrad.tensor.nodes import Leaf, Node, leaves
from symgrad.tensor.operators import reshape, sum_over


def define_network(
    text: Text, program: Program, graph: Graph, domains: dict[str, str],
    spellings: Mapping[str, str],
) -> list[Ran]:  # fmt: skip
    """Define the values that a program computes, in order, up to its first gradient.

    A name that is assigned several times is the value of its last assignment. What a script says
    after its first gradient is moved to what states gradients. Where the output is an array, as
    that of one layer, the objective is its sum weighted by a gradient from above. The answer is
    what was read, in order.

    Raises
    ------
    ParseError, UnknownName, ShapeError    for what cannot be read, with its line.
    """
    run = _Forward.on(text, graph, domains, spellings)
    run.all(program)
    run.close()
    run.require_used([*program.forward, *program.backward])
    text.carried = {
        name: value for name, value in run.interpreter.names.items() if _is_container(value)
    }
    return run.ran


_ZERO = number(Integer(0))


@dataclass(slots=True)
class _Forward:
    """Runs statements on formulas; what they assign are definitions of the graph."""

    graph: Graph
    interpreter: Interpreter
    algebra: Symbolic
    leaves: dict[str, Node]
    domains: dict[str, str]
    spellings: Mapping[str, str]
    values: dict[str, Leaf] = field(default_factory=dict)
    returned: Term | None = None
    first: str = ""
    ran: list[Ran] = field(default_factory=list)

    @classmethod
    def on(
        cls, text: Text, graph: Graph, domains: dict[str, str], spellings: Mapping[str, str]
    ) -> "_Forward":
        names = [leaf.name for leaf in graph.symbols]
        scope = Scope.of(names, "", (), graph.dims, {})
        scope.parameters = graph.parameters
        leaves: dict[str, Node] = {leaf.name: leaf for leaf in graph.symbols}
        algebra = Symbolic(leaves, {name: dim(name) for name in graph.dims})
        interpreter = Interpreter(text.source, scope, algebra)
        return cls(graph, interpreter, algebra, leaves, domains, spellings)

    def all(self, program: Program) -> None:
        """Every statement of the forward pass."""
        self.interpreter.run(program.helpers)
        self.ran += map(Ran, program.helpers)
        symbols = {leaf.name for leaf in self.graph.symbols}
        end = first_gradient(program.forward, symbols)
        forward, rest = program.forward[:end], program.forward[end:]
        self.first = next((name for tree in program.forward if isinstance(tree, ast.Return)
                           and (name := _first_name(tree))), "")  # fmt: skip
        wanted = self.graph.wanted or (self.first if is_objective(self.first) else "")
        later, more = objective_after(rest, symbols, wanted) if rest else ("", [])
        self.first = later or self.first
        self._run([*forward, *more], symbols)
        if rest:
            again = set(_assigned(more))
            before = [each for each in forward
                      if self._prepares(each) or again.intersection(_assigned([each]))]  # fmt: skip
            program.backward = [*before, *rest, *program.backward]

    def _run(self, statements: list[ast.stmt], symbols: set[str]) -> None:
        """Run statements; what they assign last is a definition."""
        counts = Counter(name for tree in statements for name in _assigned([tree]))
        for tree in statements:
            own = _assigned([tree])
            if isinstance(tree, ast.Return):
                self.returned = self._number(tree) or self.returned
            elif own and symbols.issuperset(own):
                self._initialised(own, tree)
            elif not _says_nothing(tree):
                self._statement(tree)
                self.ran.append(Ran(tree))
            for name in own:
                counts[name] -= 1
                if counts[name] == 0 and name not in symbols and self._define(name, tree):
                    self.ran[-1] = Ran(tree, (*self.ran[-1].names, name))

    def _statement(self, tree: ast.stmt) -> None:
        """One statement, which may end a function only if it never does."""
        try:
            self.interpreter.statement(tree)
        except Returned:
            raise self.interpreter.fault(
                "the function ends here, before what follows", tree,
                "leave out what is not reached",
            ) from None  # fmt: skip
        except Left as left:
            raise self.interpreter.fault(f"{left.kind} stands outside of a loop", tree) from None

    def _initialised(self, names: list[str], tree: ast.stmt) -> None:
        """W1 = randn(...) or W1 = params['W1'] says what is declared already, and computes nothing.

        What is declared is free: a value that is computed from it, or from others, is another one.
        """
        declared = {leaf.name for leaf in self.graph.symbols}
        try:
            value = self.interpreter.value(tree.value) if isinstance(tree, ast.Assign) else None
        except SymgradError:
            value = None
        if value is not None and self._is_itself(names, value):
            return
        used = {leaf.name for each in self.graph.definitions for leaf in leaves(each.expr)}
        for name in names:
            if name in used:
                raise self.interpreter.fault(
                    f"{name!r} is declared, and changes after it was used", tree,
                    "give the changed value a name of its own",
                )  # fmt: skip
        known = _computes_with(tree) & {*declared, *self.values}
        if known:
            raise self.interpreter.fault(
                f"{names[0]!r} is declared, and computed here from {sorted(known)[0]!r}", tree,
                "give the computed value a name of its own, or declare it not",
            )  # fmt: skip

    def _is_itself(self, names: list[str], value: Any) -> bool:
        values = value if isinstance(value, tuple) else (value,)
        own = [each.args[0] if isinstance(each, Term) and each.op == "name" else None
               for each in values]  # fmt: skip
        return own == names

    def _prepares(self, tree: ast.stmt) -> bool:
        """Whether a statement names sizes and numbers alone, which what follows may use."""
        names = _assigned([tree])
        own = self.interpreter.names
        return bool(names) and all(
            name in own and name not in self.values and not _is_container(own[name])
            for name in names
        )

    def _number(self, tree: ast.Return) -> Term | None:
        """What a function returns, if it is one number that has no name."""
        stated = tree.value
        if isinstance(stated, ast.Tuple) and stated.elts:
            stated = stated.elts[0]
        if stated is None or isinstance(stated, ast.Name | ast.Tuple | ast.Dict):
            return None
        value = self.interpreter.value(stated)
        if isinstance(value, Term) and value.op != "name" and _is_number(self._node(value)):
            return value
        return None

    def _node(self, term: Term) -> Node:
        """The formula; what people write as maximum(0, x) is a ReLU, whose slope at 0 is 0."""
        rectified: dict[Term, Term] = {}
        for each in subterms(term):
            if each.op == "maximum" and _ZERO in each.args and not each.options:
                (operand, *_) = [arg for arg in each.args if arg is not _ZERO] or [_ZERO]
                rectified[each] = Term("relu", operand.replaced(rectified))
        return self.algebra.builder.node(term.replaced(rectified))

    def _define(self, name: str, tree: ast.stmt) -> bool:
        """Define what a name was assigned, if that is a value of the network."""
        value = self.interpreter.names.get(name)
        if not isinstance(value, Term) or (value.op == "name" and value.args[0] == name):
            return False
        try:
            node = self._node(value)
            leaf = self.graph.define(
                name, node, domain=self.domains.pop(name, "real"),
                latex=self.spellings.get(name, ""),
            )  # fmt: skip
        except SymgradError as error:
            raise self.interpreter.placed(error, tree) from None
        del self.interpreter.names[name]
        self.values[name] = self.leaves[name] = leaf
        self.interpreter.scope.known[name] = name
        return True

    def close(self) -> None:
        """Make the output a number: what is returned, the objective, or a sum of an array."""
        objective = _free("J", self.graph)
        if self.returned is not None:
            self.graph.define(objective, reshape(self._node(self.returned), ()))
        elif self.values:
            output = self._output()
            if output.ndim == 0:
                self.graph.output = output.name
                return
            if _is_number(output):
                self.graph.define(objective, reshape(output, ()))
            else:
                above = tensor(_free(f"upstream_{output.name}", self.graph), *output.shape)
                self.graph.define(objective, sum_over(above * output))
        self.graph.output = objective if self.graph.definitions else ""

    def require_used(self, statements: list[ast.stmt]) -> None:
        """Raise where a gradient is stated by a name that had another value when it was used."""
        used = {self.graph.output}
        for each in reversed(self.graph.definitions):
            if each.leaf.name in used:
                used |= {leaf.name for leaf in leaves(each.expr)}
        for name in self.values.keys() - used:
            places = [each.tree.lineno for each in self.ran if name in _assigned([each.tree])]
            if len(places) > 1 and any(may_be_gradient(d, [name]) for d in _assigned(statements)):
                raise ParseError(
                    f"{name!r} is given a value in line {places[-2]} and another in line "
                    f"{places[-1]}, on which nothing depends",
                    hint="its gradient may be that of either: give each value a name of its own",
                )

    def _output(self) -> Leaf:
        """What is minimised: what is declared to be, the number that nothing else is made of, or
        the last value.

        Raises
        ------
        ParseError    where several numbers may be meant.
        """
        if self.graph.wanted:
            return self.graph.leaf(self.graph.wanted)
        used = {leaf for each in self.graph.definitions for leaf in leaves(each.expr)}
        last = [leaf for leaf in self.values.values() if leaf not in used]
        numbers = [leaf for leaf in last if _is_number(leaf)]
        named = [leaf for leaf in numbers if is_objective(leaf.name)]
        first = self.values.get(self.first)
        if first is not None and (first in named or not named):
            if _is_number(first) or not numbers or first in last:
                return first
        (*others, chosen) = named or numbers or [last[-1]]
        if others and _is_number(chosen):
            several = " and ".join(leaf.name for leaf in (*others, chosen))
            raise ParseError(
                f"{several} may each be what is minimised",
                hint=f"say which: # sg output: {chosen.name}",
            )
        return chosen


def _is_container(value: object) -> bool:
    """Whether it is a list or dictionary, whose entries are known to what comes later."""
    return isinstance(value, list | dict) or type(value) is tuple


#: Modules and functions that show, and calculate nothing.
_SHOWS = frozenset(
    "print display plt pyplot sns logging logger warnings os sys time tqdm pbar writer".split()
)


def _says_nothing(tree: ast.stmt) -> bool:
    """Whether a statement calculates nothing: a remark, or a call that shows or draws."""
    match tree:
        case ast.Expr(value=ast.Constant() | ast.Name()):
            return True
        case ast.Expr(value=ast.Call(func=function)):
            parts = ast.unparse(function).split(".")
            return parts[0] in _SHOWS or parts[1:] in (["random", "seed"], ["set_printoptions"])
    return False


def _computes_with(tree: ast.stmt) -> set[str]:
    """The names whose values a statement reads, rather than their sizes or their kind."""
    found = set[str]()
    if isinstance(tree, ast.AugAssign):
        found |= set(_assigned([tree]))
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        match node:
            case ast.Attribute(attr="shape" | "size" | "ndim" | "dtype"):
                continue
            case ast.Call(func=ast.Name(id="len")):
                continue
            case (
                ast.Name(id=name, ctx=ast.Load())
                | ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Load())
                | ast.Subscript(slice=ast.Constant(value=str() as name), ctx=ast.Load())
            ):
                found.add(name)
        stack += ast.iter_child_nodes(node)
    return found


def _first_name(tree: ast.Return) -> str:
    """The name of what a function returns, before what it keeps for later."""
    match tree.value:
        case ast.Name(id=name) | ast.Tuple(elts=[ast.Name(id=name), *_]):
            return name
    return ""


def _is_number(node: Node) -> bool:
    return all(size is ONE for size in node.shape)


def _free(name: str, graph: Graph) -> str:
    """A name that nobody has taken."""
    taken = {
        *graph.dims,
        *(leaf.name for leaf in graph.symbols),
        *(d.leaf.name for d in graph.definitions),
    }
    while name in taken:
        name += "_"
    return name


__all__ = ["define_network"]
