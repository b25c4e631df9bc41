"""Networks from equations in LaTeX."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from symgrad.declare.arguments import declared, require_known, texts
from symgrad.declare.graph import Graph
from symgrad.declare.identifiers import require_identifier
from symgrad.declare.latex import sums
from symgrad.declare.latex.left import Left, arranged, base_of, left_keys, left_of
from symgrad.declare.latex.reader import Reader
from symgrad.declare.latex.scope import Scope, plain_face, read_spelling, spelled_above, spelled_all
from symgrad.declare.latex.source import Latex
from symgrad.declare.latex.trees import Name, Product, Relation, Scripted, Tree, parsed, walk
from symgrad.declare.latex.values import Value
from symgrad.errors import NameClash, ParseError, SymgradError
from symgrad.tensor.dims import dim
from symgrad.tensor.nodes import Node
from symgrad.tensor.operators import as_node


def parse_latex(
    text: str,
    symbols: Mapping[str, object],
    domain: Mapping[str, str] | None = None,
    parameters: Iterable[str] = (),
    output: str | None = None,
    name: str = "net",
    names: Mapping[str, str] | None = None,
) -> Graph:
    r"""A graph from equations in LaTeX.

    Parameters
    ----------
    text :       equations, one in a line or apart by \\ or commas; align and its kin are fine.
    symbols :    name -> shape: a tuple of dimension names, integers and expressions in them.
    domain :     name -> domain, of symbols and defined values; real where not given.
    parameters : the symbols that gradients are taken by, in order.
    output :     the name of the output; the last definition without it.
    names :      name -> the LaTeX that stands for it, of symbols, values and dimensions; without
                 one a name is spelled as it suggests: W1 as W_{1}, lam as \lambda.

    Raises
    ------
    ParseError     for what cannot be read, and for what can be read in several ways.
    UnknownName    for a letter that nobody declared; suggests the closest.
    NameClash      for a name that is defined twice, or unsafe.
    ShapeError     for shapes that do not fit; points at the part that does not.

    Notes
    -----
    Juxtaposition is the matrix product and binds tighter than ⊙; a vector is a column; functions
    act entry by entry. docs/latex.md has the whole notation.

    Examples
    --------
    >>> import symgrad as sg
    >>> net = sg.parse_latex(r"r = X w - y \\ J = \frac{1}{2} \lVert r \rVert^2",
    ...                      symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",)}, parameters=["w"])
    >>> print(net)
    graph net: parameters w
      inputs X, y; output J
        r = X w − y   (n,)
        J = ‖r‖²/2    ()
    """
    if not isinstance(text, str):
        raise ParseError(f"equations are a text, not a {type(text).__name__}")
    domains, spellings = texts(domain, "domain"), texts(names, "names")
    leaves = declared(symbols, parameters, domains, spellings)
    columns: frozenset[str] = frozenset()
    while True:
        graph = Graph(name, symbols=leaves, output=output or "")
        network = _Network(Latex(text), graph, dict(domains), spellings, columns)
        try:
            network.read()
        except RecursionError:
            raise ParseError("the text is nested too deeply", hint="name parts of it") from None
        if network.columns <= columns:
            break
        columns |= network.columns  # read again: these stand as matrices of one column
    require_known(network.domains, "domain", network.scope.nodes)
    return graph.freeze()


@dataclass(slots=True)
class _Network:
    """Reads equations into a graph.

    `planned` has the spellings of all names, of those that are defined later as well. `stands` are
    the values that are read as (n, 1): they are added to the columns of a matrix.
    """

    latex: Latex
    graph: Graph
    domains: dict[str, str]
    spellings: Mapping[str, str]
    stands: frozenset[str]
    columns: set[str] = field(default_factory=set)
    scope: Scope = field(default_factory=Scope)
    planned: Scope = field(default_factory=Scope)
    gates: dict[str, list[str]] = field(default_factory=dict)

    def read(self) -> None:
        """Define every equation."""
        self._declare()
        statements = parsed(self.latex, self.planned.tokens(self.latex).read())
        self._find_gates(statements)
        for statement in statements:
            try:
                self._define(statement)
            except SymgradError as error:
                raise self.latex.placed(error, statement.start) from None

    def _declare(self) -> None:
        for scope in (self.scope, self.planned):
            for size in self.graph.dims:
                scope.add(size, as_node(dim(size)), self.spellings.get(size, ""))
            for leaf in self.graph.symbols:
                scope.add(leaf.name, leaf, self.spellings.get(leaf.name, ""))
        known = {*self.scope.nodes}
        nothing = as_node(0)
        for name, latex in self.spellings.items():
            if name not in known:
                require_identifier(name)
                self.planned.add(name, nothing, latex)
        for word in re.findall(
            r"(?m)(?:^|\\\\|[;,&])\s*([A-Za-z][A-Za-z]+\d*)\s*&?\s*=", self.latex.text
        ):
            if word not in self.planned.nodes:
                spelling = read_spelling(word, word)
                self.planned.nodes[word] = nothing
                self.planned.spellings.setdefault(spelling.stem, []).append(spelling)

    def _find_gates(self, statements: tuple[Tree, ...]) -> None:
        r"""Subscripts that are names themselves: f = \sigma(a_f) reads a part of a."""
        for statement in statements:
            if not isinstance(statement, Relation) or not isinstance(statement.sides[0], Name):
                continue
            gate = statement.sides[0].text
            for each in walk(statement.sides[1]):
                if isinstance(each, Scripted) and spelled_all(each.below) == gate:
                    stem = each.base.text if isinstance(each.base, Name) else ""
                    found = self.planned.spellings.get(stem, ())
                    if any(not s.below and not s.above for s in found) and not any(
                        s.below == gate for s in found
                    ):
                        self.gates.setdefault(stem, []).append(gate)

    def _define(self, statement: Tree) -> None:
        if not isinstance(statement, Relation) or statement.signs != ("=",):
            self.latex.fail("an equation is name = expression", statement.start)
            return
        left = left_of(statement.sides[0])
        body = statement.sides[1]
        if left is None or (left.gradient and left.text != r"\delta"):
            self.latex.fail("the left side of an equation is a name", statement.start)
            return
        name, latex, items = self._name(left, body)
        reader = Reader(self.latex, self.scope, gates=self.gates, statement=body, closed=True)
        reader.base = base_of(reader, [statement])
        keys = left_keys(reader, (*items, *left.outer), None, body)
        value = arranged(reader, reader.value(body), keys, statement.sides[0])
        self.columns |= {c for c in reader.columns if c not in self.graph.inputs
                         and c not in self.graph.parameters}  # fmt: skip
        node = self._settled(name, value, statement)
        leaf = self.graph.define(
            name, node, domain=self.domains.pop(name, "real"), latex=self.spellings.get(name, latex)
        )
        self.scope.add(name, leaf, latex)
        self.scope.learn(node)
        if reader.doubts:
            self.latex.fail("this can be read in several ways", body.start, reader.doubts[0])

    def _settled(self, name: str, value: Value, statement: Tree) -> Node:
        if value.letters or value.elastic or value.unit:
            self.latex.fail("the shape of this is not known", statement.start,
                            r"write \mathbf{1}_{n} and I_{n} with their sizes")  # fmt: skip
        if name in self.stands and value.rank == 1:
            return value.node[:, None]
        return value.node

    def _name(self, left: Left, body: Tree) -> tuple[str, str, tuple[Tree, ...]]:
        """The name on the left, its spelling, and the subscripts that are indices."""
        resolver = Reader(self.latex, self.planned).resolver
        for rule in (resolver.exact, resolver.alone):
            found = rule(left.text, left.below, left.above)
            if found is not None and not found.above:
                if found.name in self.scope.nodes:
                    raise NameClash(f"{found.name!r} is defined twice, or declared")
                return found.name, self.spellings.get(found.name, ""), found.below
        reader = Reader(self.latex, self.scope)
        letters = [item.text for item in subscript_letters(left.below)]
        if letters and all(sums.mentions(reader, body, letter) for letter in letters):
            return *self._fresh(replace(left, below=())), left.below
        return *self._fresh(left), ()

    def _fresh(self, left: Left) -> tuple[str, str]:
        """A name that the text itself brings, and its spelling: Z^{(1)} is Z1."""
        stem = plain_face(left.text)
        below = spelled_all(left.below)
        above = "".join(spelled_above(each) for each in left.above)
        latex = stem + (f"_{{{below}}}" if below else "") + (f"^{{{above}}}" if above else "")
        accent = re.fullmatch(r"\\(hat|bar|tilde|dot)\{\\?(\w+)\}", stem)
        word = f"{accent[2]}_{accent[1]}" if accent else re.sub(r"\W+", "_", stem).strip("_")
        word = {"lambda": "lam"}.get(word, word)
        for part in (below, above):
            part = re.sub(r"\W+", "_", part.replace("'", "prime")).strip("_")
            if part:
                word += part if part.isdigit() and not word[-1:].isdigit() else f"_{part}"
        if not word.isidentifier():
            self.latex.fail(f"{latex} cannot be made a name", left.tree.start, "say it by names=")
        if word in self.scope.nodes:
            raise NameClash(f"{word!r} is defined twice, or declared")
        return word, latex


def subscript_letters(below: tuple[Tree, ...]) -> list[Name]:
    """The letters of subscripts such as i,j or ij; none if there is anything else."""
    found: list[Name] = []
    for item in below:
        for each in item.factors if isinstance(item, Product) else (item,):
            if not (isinstance(each, Name) and len(each.text) == 1 and each.text.islower()):
                return []
            found.append(each)
    return found
