"""A network from code: what its statements assign are the values of a graph."""

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sympy import Integer

from symgrad.check.claims.algebra import Symbolic
from symgrad.check.claims.program import Program
from symgrad.check.claims.read import Text
from symgrad.check.claims.scope import Scope, may_be_gradient
from symgrad.check.claims.statements import Interpreter, _assigned
from symgrad.check.claims.terms import Term, number, subterms
from symgrad.declare.graph import Graph
from symgrad.declare.symbols import tensor
from symgrad.errors import SymgradError
from symgrad.tensor.dims import ONE, dim
from symgrad.tensor.nodes import Leaf, Node, leaves
from symgrad.tensor.operators import reshape, sum_over


def define_network(
    text: Text, program: Program, graph: Graph, domains: dict[str, str],
    spellings: Mapping[str, str],
) -> None:  # fmt: skip
    """Define the values that a program computes, in order, up to its first gradient.

    A name that is assigned several times is the value of its last assignment. What a script says
    after its first gradient is moved to what states gradients. Where the output is an array, as
    that of one layer, the objective is its sum weighted by a gradient from above.

    Raises
    ------
    ParseError, UnknownName, ShapeError    for what cannot be read, with its line.
    """
    run = _Forward.on(text, graph, domains, spellings)
    run.all(program)
    run.close()


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

    @classmethod
    def on(
        cls, text: Text, graph: Graph, domains: dict[str, str], spellings: Mapping[str, str]
    ) -> "_Forward":
        names = [leaf.name for leaf in graph.symbols]
        scope = Scope.of(names, "", (), graph.dims, {})
        leaves: dict[str, Node] = {leaf.name: leaf for leaf in graph.symbols}
        algebra = Symbolic(leaves, {name: dim(name) for name in graph.dims})
        interpreter = Interpreter(text.source, scope, algebra)
        return cls(graph, interpreter, algebra, leaves, domains, spellings)

    def all(self, program: Program) -> None:
        """Every statement of the forward pass."""
        self.interpreter.run(program.helpers)
        symbols = {leaf.name for leaf in self.graph.symbols}
        end = _first_gradient(program.forward, symbols)
        counts = Counter(name for tree in program.forward[:end] for name in _assigned([tree]))
        for tree in program.forward[:end]:
            own = _assigned([tree])
            if isinstance(tree, ast.Return):
                self.returned = self._number(tree) or self.returned
                self.first = _first_name(tree) or self.first
            elif own and symbols.issuperset(own):
                self._initialised(own, tree)
            elif not _says_nothing(tree):
                self.interpreter.statement(tree)
            for name in own:
                counts[name] -= 1
                if counts[name] == 0:
                    self._define(name, tree)
        if end < len(program.forward):
            before = [each for each in program.forward[:end] if self._prepares(each)]
            program.backward = [*before, *program.forward[end:], *program.backward]

    def _initialised(self, names: list[str], tree: ast.stmt) -> None:
        """W1 = randn(...) says what is declared already, as long as nothing was computed of it."""
        used = {leaf.name for value in self.graph.definitions for leaf in leaves(value.expr)}
        for name in names:
            if name in used:
                raise self.interpreter.fault(
                    f"{name!r} is declared, and changes after it was used", tree,
                    "give the changed value a name of its own",
                )  # fmt: skip

    def _prepares(self, tree: ast.stmt) -> bool:
        """Whether a statement names sizes and numbers alone, which what follows may use."""
        names = _assigned([tree])
        return bool(names) and all(
            name in self.interpreter.names and name not in self.values for name in names
        )

    def _number(self, tree: ast.Return) -> Term | None:
        """What a function returns, if it is one number that has no name."""
        if tree.value is None or isinstance(tree.value, ast.Name | ast.Tuple | ast.Dict):
            return None
        value = self.interpreter.value(tree.value)
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

    def _define(self, name: str, tree: ast.stmt) -> None:
        """Define what a name was assigned, if that is a value of the network."""
        value = self.interpreter.names.get(name)
        if not isinstance(value, Term) or (value.op == "name" and value.args[0] == name):
            return
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

    def close(self) -> None:
        """Make the output a number: what is returned, the last value of one entry, or a sum."""
        objective = _free("J", self.graph)
        if self.returned is not None:
            self.graph.define(objective, reshape(self._node(self.returned), ()))
            return
        if not self.values:
            return
        output = self.graph.leaf(self.first if self.first in self.values else self.graph.output)
        numbers = [leaf for leaf in self.values.values() if _is_number(leaf)]
        if numbers and not (output.name == self.graph.output and not output.ndim):
            number = output if _is_number(output) else numbers[-1]
            self.graph.define(objective, reshape(number, ()))
        elif output.ndim:
            above = tensor(_free(f"upstream_{output.name}", self.graph), *output.shape)
            self.graph.define(objective, sum_over(above * output))


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


def _first_gradient(statements: list[ast.stmt], symbols: set[str]) -> int:
    """The position of the first statement that states a gradient; behind the last if none does."""
    known = symbols.union(*(_assigned([tree]) for tree in statements))
    for n, tree in enumerate(statements):
        if any(may_be_gradient(name, known) and name not in symbols for name in _assigned([tree])):
            return n
    return len(statements)


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
