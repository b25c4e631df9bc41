"""The plan of a module: its kernels as statements, and where each value lives."""

from collections.abc import Container, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from sympy import Expr, expand

from symgrad.calculus import gradient
from symgrad.calculus.derivation import Derivation
from symgrad.codegen import statements
from symgrad.codegen.blocks import Block, blocks, locations, places
from symgrad.codegen.facts import loosened
from symgrad.codegen.matrices import View, Whole
from symgrad.codegen.names import Identifiers, part_name, value_names
from symgrad.codegen.predict import prediction
from symgrad.codegen.schedule import schedule
from symgrad.codegen.statements import Call, Loop, Start, Statement
from symgrad.codegen.storage import Storage, storage
from symgrad.codegen.sums import prepared
from symgrad.declare.graph import Definition, Graph
from symgrad.errors import DeclarationError, SymgradError
from symgrad.tensor.dims import as_dim, show
from symgrad.tensor.nodes import Constant, Leaf, Map, Node, leaves, topological
from symgrad.tensor.scalar import ARGS

DTYPES = ("float64", "float32")


@dataclass(frozen=True, slots=True)
class Kernel:
    """A function, or a part of one that can be run apart: its statements, the number that it
    returns and the vector that it fills. `blocks` are statements that repeat.
    """

    name: str
    body: tuple[Statement, ...]
    result: Node | None = None
    out: str = ""
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """Kernels over shared values: which are kept, where they live, what they are called.

    `inputs` are arguments, `packed` the symbols that stand one behind the other in vectors.
    `names` are those of symbols and values, `arrays` of the arrays in which stored values live;
    `formulas` say what holds of a value once it is made; `shared` are read by several others.
    """

    kernels: tuple[Kernel, ...]
    inputs: tuple[Leaf, ...]
    packed: Mapping[str, tuple[Leaf, ...]]
    kept: frozenset[Node]
    storage: Storage
    names: Mapping[Node, str]
    arrays: Mapping[Node, str]
    formulas: Mapping[Node, str]
    shared: frozenset[Node]
    whole: str = "_value_and_grad"

    @property
    def name(self) -> str:
        """The name of its function: of one kernel, or of parts that can be run apart."""
        return self.kernels[0].name if len(self.kernels) == 1 else self.whole

    @property
    def out(self) -> str:
        """The vector of the results."""
        return next(kernel.out for kernel in self.kernels if kernel.out)

    def __str__(self) -> str:
        lines = []
        for title, buffers in (("workspace", self.storage.buffers), ("out", self.storage.results)):
            for buffer in buffers:
                values = ", ".join(dict.fromkeys(self.arrays[value] for value in buffer.values))
                lines.append(f"{title:<10} {show(buffer.shape):<12} {values}")
        for kernel in self.kernels:
            lines += ["", kernel.name]
            lines += statements.lines(kernel.body, self._called, self.kept, 1)
            if kernel.result is not None:
                lines.append(f"    return {self.names[kernel.result]}")
        return "\n".join(lines)

    def _called(self, node: Node) -> str:
        return self.arrays.get(node) or self.names[node]


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The program that computes what a model predicts, and what that is."""

    what: str
    program: Program
    node: Node


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """The program of a product with a matrix of second derivatives, by all parameters."""

    name: str
    what: str
    program: Program


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All that a module computes. `print` shows loops, products and buffers.

    `together` computes value and gradient in fewer passes than `gradient`, whose parts can be run
    apart, where there is such a program. `dims` and `symbols` map the names that a person chose to
    identifiers.
    """

    graph: Graph
    derivation: Derivation
    dtype: str
    gradient: Program
    together: Program | None
    prediction: Prediction | None
    products: tuple[Product, ...]
    dims: Mapping[str, str]
    symbols: Mapping[Leaf, str]
    taken: frozenset[str]

    def __str__(self) -> str:
        parts = [f"value and gradient of {self.graph.name}, {self.dtype}", str(self.gradient)]
        if self.together is not None:
            parts += ["", "in fewer passes", str(self.together)]
        if self.prediction is not None:
            parts += ["", f"prediction: {self.prediction.what}", str(self.prediction.program)]
        for product in self.products:
            parts += ["", f"{product.name}: {product.what}", str(product.program)]
        return "\n".join(parts)


def require_dtype(dtype: str) -> None:
    """Raise DeclarationError unless modules can hold numbers of that dtype."""
    if dtype not in DTYPES:
        raise DeclarationError(f"dtype {dtype!r}: modules hold {' or '.join(DTYPES)}")


def plan(derivation: Derivation, dtype: str = "float64", *, second_order: bool = False) -> Plan:
    """Kernels, loops and memory for the value and the gradient of a derivation's graph.

    With `second_order` also for products with its Hessian and its Gauss-Newton matrix.

    Raises
    ------
    DeclarationError    if the dtype is none of float32 and float64.
    TemplateError       if something has no code.
    """
    from symgrad.codegen.second import products

    require_dtype(dtype)
    declared, graph = derivation.graph, loosened(derivation.graph)
    if graph is not declared:
        derivation = gradient(graph, [leaf.name for leaf in derivation.wrt])
    try:
        ids = Identifiers()
        dims = {name: ids.give(name) for name in graph.dims}
        symbols = {leaf: ids.give(leaf.name) for leaf in graph.symbols}
        program, together = _gradient(derivation, symbols, frozenset(ids.taken))
        predicted = _prediction(graph, symbols, Identifiers(set(ids.taken)))
        second = products(graph, symbols, frozenset(ids.taken)) if second_order else ()
    except SymgradError as error:
        raise error.at(f'graph "{graph.name}"') from None
    return Plan(
        declared,
        derivation,
        dtype,
        program,
        together,
        predicted,
        second,
        dims,
        symbols,
        frozenset(ids.taken),
    )


def free_sizes(graph: Graph) -> tuple[str, ...]:
    """The dimensions that are the size of no symbol's axis: they follow from others, or are told.

    A number of heads or groups is one, where axes are as long as heads times something. So are
    those in the shapes of parameters that are the size of no parameter's axis.
    """
    bound = {size for leaf in graph.symbols for size in leaf.shape if size.is_Symbol}
    shapes = [graph.leaf(name).shape for name in graph.parameters]
    used = {s for shape in shapes for size in shape for s in size.free_symbols}
    missing = used - {size for shape in shapes for size in shape}
    known = {s.name for s in bound - missing}
    return tuple(name for name in graph.dims if name not in known)


def _gradient(
    derivation: Derivation, symbols: Mapping[Leaf, str], taken_ids: Set[str]
) -> tuple[Program, Program | None]:
    """The program whose parts can be run apart, and the one in fewer passes."""
    graph = derivation.graph
    output, wanted = graph.leaf(graph.output), [s.leaf for s in steps(derivation)]
    used = needed([*graph.definitions, *derivation.definitions], [output, *wanted])
    lowered = prepared(used)
    value = distinct(lowered[output], ())
    results: dict[Leaf, Node] = {}
    taken = set(topological(value))
    for definition in derivation.definitions:  # each as soon as it can be had
        if definition.leaf in wanted:
            results[definition.leaf] = distinct(lowered[definition.leaf], taken)
            taken.add(results[definition.leaf])
    titles = titles_of(lowered)
    titles |= {node: leaf.name for leaf, node in results.items()}
    first, then, kept = schedule([value], results.values(), titles)
    inputs = tuple(graph.leaf(name) for name in graph.inputs)
    ordered = [results[leaf] for leaf in wanted]

    def program(kernels: tuple[Kernel, ...]) -> Program:
        ids = Identifiers(set(taken_ids))
        return make_program(
            kernels, inputs, _packed(graph), kept, ordered, symbols, titles, used, ids
        )

    parts = program((Kernel("forward", first, value), Kernel("backward", then, out="grads")))
    once, _, _ = schedule([value, *results.values()], [], titles)
    if not _fewer_passes(once, (*first, *then)):
        return parts, None
    together = program((Kernel("_value_and_grad", once, value, "grads"),))
    if not expand(parts.storage.room - together.storage.room).is_nonnegative:
        return parts, None
    return replace(parts, whole="_forward_or_backward"), together


def _fewer_passes(body: Sequence[Statement], than: Sequence[Statement]) -> bool:
    """Whether a program is of loops alone, whose passes over memory are what it costs, and has
    fewer of them.
    """
    if any(isinstance(s, statements.Product | Call) for _, s in statements.flat(body)):
        return False
    return sum(isinstance(s, Loop) for s in body) < sum(isinstance(s, Loop) for s in than)


def _packed(graph: Graph) -> dict[str, tuple[Leaf, ...]]:
    return {"params": tuple(graph.leaf(name) for name in graph.parameters)}


def steps(derivation: Derivation) -> list[Definition]:
    """The definitions of the parameters' gradients, in the order of the parameters."""
    by_name = {step.of.name: step.definition for step in derivation.steps}
    return [by_name[name] for name in derivation.graph.parameters]


def _prediction(graph: Graph, symbols: Mapping[Leaf, str], ids: Identifiers) -> Prediction | None:
    found = prediction(graph)
    if found is None:
        return None
    what, definition, inputs = found
    used = [*needed(graph.definitions, leaves(definition.expr)), definition]
    lowered = prepared(used)
    node = distinct(lowered[definition.leaf], ())
    titles = titles_of(lowered)
    if titles.get(node) == definition.leaf.name:
        titles[node] = "prediction"
    body, _, kept = schedule([node], [], titles)
    kernels = (Kernel("_predict", body, out="out"),)
    program = make_program(
        kernels, inputs, _packed(graph), kept, [node], symbols, titles, used, ids
    )
    return Prediction(what, program, node)


def needed(definitions: Iterable[Definition], wanted: Iterable[Leaf]) -> list[Definition]:
    """The definitions that some leaves need, in order."""
    listed = list(definitions)
    need = set(wanted)
    for definition in reversed(listed):
        if definition.leaf in need:
            need.update(leaves(definition.expr))
    return [d for d in listed if d.leaf in need]


def distinct(node: Node, taken: Container[Node]) -> Node:
    """A value of its own: a copy of what is an argument, a number, or computed for another use.

    A number that a function puts into an array is one in a local variable then.
    """
    while (
        isinstance(node, Leaf | Constant | View)
        or (isinstance(node, Whole) and not node.ndim)
        or node in taken
    ):
        node = Map(ARGS[0], node)
    return node


def titles_of(lowered: Mapping[Leaf, Node]) -> dict[Node, str]:
    """The values that definitions name, each by the first of its names."""
    titles: dict[Node, str] = {}
    for leaf, node in lowered.items():
        if not isinstance(node, Leaf | Constant):
            titles.setdefault(node, leaf.name)
    return titles


def make_program(
    kernels: tuple[Kernel, ...],
    inputs: tuple[Leaf, ...],
    packed: Mapping[str, tuple[Leaf, ...]],
    kept: frozenset[Node],
    results: Sequence[Node],
    symbols: Mapping[Leaf, str],
    titles: Mapping[Node, str],
    used: Iterable[Definition],
    ids: Identifiers,
) -> Program:
    """The program of scheduled kernels: where values live, and what they are called."""
    returned = [kernel.result for kernel in kernels if kernel.result is not None]
    bodies = [kernel.body for kernel in kernels]
    where = storage(bodies, kept, results, returned)
    found, lacking = _blocks(kernels, where, kept, inputs, packed, symbols)
    if lacking:
        where = storage(bodies, kept, results, returned, lacking)
        found, _ = _blocks(kernels, where, kept, inputs, packed, symbols)
    kernels = tuple(replace(k, blocks=each) for k, each in zip(kernels, found, strict=True))
    hidden = {old: new for old, new in where.heirs.items() if old not in titles}
    made = dict.fromkeys(
        s.node
        for kernel in kernels
        for _, s in statements.flat(kernel.body)
        if isinstance(s, Start) or s.node not in hidden or s.node in where.locals
    )
    views = [node for node in topological(*made) if isinstance(node, View)]
    names: dict[Node, str] = {**symbols, **value_names((*made, *views), titles, ids)}
    arrays: dict[Node, str] = {view: names[view] for view in views}
    for buffer in (*where.results, *where.buffers):
        for node in reversed(buffer.values):
            if node in hidden:
                arrays[node] = arrays[hidden[node]]
            else:
                arrays[node] = (
                    names[node] if node.ndim else ids.give(part_name(names[node], "kept"))
                )
    equations = {d.leaf.name: _equation(d) for d in used}
    formulas = {node: equations[titles[node]] for node in made if titles.get(node, "") in equations}
    return Program(kernels, inputs, packed, kept, where, names, arrays, formulas, _shared(kept))


def _blocks(
    kernels: Sequence[Kernel],
    where: Storage,
    kept: frozenset[Node],
    inputs: Sequence[Leaf],
    packed: Mapping[str, tuple[Leaf, ...]],
    symbols: Mapping[Leaf, str],
) -> tuple[list[tuple[Block, ...]], set[Node]]:
    """The blocks of each kernel, and the numbers that must be in memory for more of them."""
    (out,) = (kernel.out for kernel in kernels if kernel.out)
    vectors = places(where, packed, out)
    stops = [n for n in topological(*kept) if isinstance(n, Leaf | View) or n in kept]
    at = locations(stops, vectors, where, inputs)
    dims = {s.name for leaf in symbols for size in leaf.shape for s in size.free_symbols}
    stored = {node for node in stops if vectors.get(node) or isinstance(node, Leaf | View)}
    found, lacking = [], set()
    for kernel in kernels:
        outside = [kernel.result] if kernel.result is not None else []
        own, numbers = blocks(kernel.body, at, stored, outside, dims)
        found.append(own)
        lacking |= numbers
    return found, lacking


def _shared(kept: Iterable[Node]) -> frozenset[Node]:
    """Values that several others are computed from."""
    users: dict[Node, int] = {}
    for node in topological(*kept):
        for operand in set(node.operands):
            users[operand] = users.get(operand, 0) + 1
    return frozenset(node for node, count in users.items() if count > 1)


def _equation(definition: Definition) -> str:
    from symgrad.notation import text_equation

    return text_equation(definition.leaf, definition.expr)


def label_size(leaf: Leaf) -> Expr | None:
    """The number of labels of an input that holds labels, as an expression in sizes."""
    kind, _, size = leaf.domain.partition(":")
    return as_dim(int(size) if size.isdigit() else size) if kind == "labels" else None
