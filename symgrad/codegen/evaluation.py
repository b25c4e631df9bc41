"""Modules that evaluate one derivative: a Jacobian, a Hessian, a product with one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sympy import Symbol

from symgrad.calculus import Derivative
from symgrad.codegen.facts import require_facts_of_values
from symgrad.codegen.frame import (
    about,
    allocating,
    assigned,
    bounds,
    equation_rows,
    forms,
    labelled,
    literal_mapping,
    passed,
    provenance,
    size_tables,
    sizes_text,
    wrapped,
)
from symgrad.codegen.layout import call
from symgrad.codegen.names import Identifiers, free
from symgrad.codegen.numbers import polynomial_text, size_text
from symgrad.codegen.plan import (
    Kernel,
    Program,
    distinct,
    make_program,
    needed,
    require_dtype,
    titles_of,
)
from symgrad.codegen.schedule import schedule
from symgrad.codegen.sums import prepared
from symgrad.declare.graph import Definition
from symgrad.errors import SymgradError
from symgrad.notation import text as unicode
from symgrad.notation.spelling import text_names
from symgrad.tensor.dims import Shape, dim, show
from symgrad.tensor.nodes import Leaf, Node, topological

#: What the public functions call or define: no argument can have these names.
_PRIVATE = frozenset(
    """
    _arrays _check_labels _evaluate _float _int _ready _require_facts _require_values _target _work
    """.split()
)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """All that the module of a derivative computes. `print` shows loops, products and buffers.

    `definitions` are those of the graph and of adjoints that it needs, itself last; `dims` and
    `symbols` map names to identifiers.
    """

    derivative: Derivative
    definitions: tuple[Definition, ...]
    dtype: str
    program: Program
    dims: Mapping[str, str]
    symbols: Mapping[Leaf, str]
    taken: frozenset[str]

    @property
    def arguments(self) -> tuple[Leaf, ...]:
        """The symbols whose values are needed."""
        return self.program.inputs

    @property
    def free(self) -> tuple[str, ...]:
        """The dimensions that are the size of no argument's axis."""
        known = {size for leaf in self.arguments for size in leaf.shape}
        return tuple(name for name in self.dims if dim(name) not in known)

    @property
    def shape(self) -> Shape:
        """The shape of the derivative's array."""
        return self.derivative.shape

    def __str__(self) -> str:
        title = f"{unicode(self.derivative.leaf)} of {self.derivative.graph.name}, {self.dtype}"
        return f"{title}\n{self.program}"


def evaluation(derivative: Derivative, dtype: str = "float64") -> Evaluation:
    """The kernel, loops and memory for the array of a derivative.

    Raises
    ------
    DeclarationError    if the dtype is none of float32 and float64.
    TemplateError       if something has no code.
    ValueMismatch       if a defined value is not as declared.
    """
    require_dtype(dtype)
    graph = derivative.graph
    try:
        require_facts_of_values(graph)
        definitions = needed((*graph.definitions, *derivative.definitions), [derivative.leaf])
        used = _dims_of(d.expr for d in definitions)
        arguments = _arguments(derivative, definitions, used)
        used |= {s.name for leaf in arguments for size in leaf.shape for s in size.free_symbols}
        ids = Identifiers()
        dims = {name: ids.give(name) for name in graph.dims if name in used}
        symbols = {leaf: ids.give(leaf.name) for leaf in arguments}
        taken = frozenset(ids.taken)
        lowered = prepared(definitions)
        node = distinct(lowered[derivative.leaf], ())
        titles = {**titles_of(lowered), node: derivative.leaf.name}
        body, _, kept = schedule([node], [], titles)
        kernels = (Kernel("_evaluate", body, out="out"),)
        program = make_program(
            kernels, arguments, {}, kept, [node], symbols, titles, definitions, ids
        )
    except SymgradError as error:
        raise error.at(f'graph "{graph.name}"') from None
    return Evaluation(derivative, tuple(definitions), dtype, program, dims, symbols, taken)


def _arguments(
    derivative: Derivative, definitions: Iterable[Definition], used: set[str]
) -> tuple[Leaf, ...]:
    """The symbols that are read, and those that tell sizes; then the directions of a product."""
    symbols, directions = derivative.graph.symbols, derivative.directions
    read = {node for d in definitions for node in topological(d.expr) if isinstance(node, Leaf)}
    wanted = [leaf for leaf in (*symbols, *directions) if leaf in read]
    for name in sorted(used):
        if not any(dim(name) in leaf.shape for leaf in wanted):
            wanted += _tellers(dim(name), symbols)
    return tuple(leaf for leaf in (*symbols, *directions) if leaf in wanted)


def _tellers(size: Symbol, symbols: Iterable[Leaf]) -> list[Leaf]:
    """The first symbol with an axis of that size, else all with an axis that depends on it."""
    direct = [leaf for leaf in symbols if size in leaf.shape]
    among = [leaf for leaf in symbols if any(d.has(size) for d in leaf.shape)]
    return direct[:1] or among


def _dims_of(roots: Iterable[Node]) -> set[str]:
    """The dimensions that expressions mention: in shapes, coefficients and conditions."""
    found = set()
    for node in topological(*roots):
        for part in (*node.args, *node.shape):
            if not isinstance(part, Node):
                found |= {s for s in part.free_symbols if s.is_Symbol}
    return {s.name for s in found if not s.name.startswith("_") and s == dim(s.name)}


def evaluation_frame(plan: Evaluation) -> dict[str, Any]:
    """The context of the template, but for the kernel and constants."""
    graph, program = plan.derivative.graph, plan.program
    before = [d for d in plan.definitions if d in graph.definitions]
    after = [d for d in plan.definitions if d not in graph.definitions]
    names = text_names(plan.derivative)
    values, derivative = equation_rows(before, after, names=names)
    public = {x: free(x.name, _PRIVATE) for x in plan.arguments}
    taken = {*public.values(), *plan.dims}
    own = {name: free(name, taken) for name in ("out", "workspace")}
    told = plan.free
    # a derivative's own slices may pick nothing
    limits = {
        gap: text
        for gap, text in bounds(graph.definitions).items()
        if {s.name for s in gap.free_symbols} <= set(plan.dims)
    }
    given, room = list(public.values()), program.storage.room
    sizes = [size_text(d, plan.dims) for d in plan.shape]
    return {
        **provenance(graph, plan.definitions, plan.dtype),
        "what": unicode(plan.derivative.leaf, names),
        "shown_shape": show(plan.shape),
        "values": values,
        "derivative": derivative,
        "sizes_text": sizes_text(plan.arguments, plan.dims),
        "arguments_text": wrapped(f"Arguments: {'; '.join(map(about, plan.arguments))}."),
        "memory_text": wrapped(
            f"Memory: a workspace holds {polynomial_text(room)} numbers. Calls that are given one, "
            f"and `out`, allocate no array{allocating(program)}."
        ),
        "usage": [
            *call("work = workspace", given),
            *call("value = evaluate", [*given, "workspace=work"]),
        ],
        "arguments": assigned("ARGUMENTS", [x.name for x in plan.arguments]),
        "tell": "give it by keyword, as {name}=...",
        "own": own,
        "given": given,
        "arrays": [public[x] for x in plan.arguments if x.ndim],
        "told": list(told),
        "told_given": [f"{name}=None" for name in told],
        "passed": passed(public),
        "mapping": literal_mapping({x.name: name for x, name in public.items()}),
        "told_mapping": literal_mapping({name: name for name in told}),
        **labelled(public),
        "private": list(plan.symbols.values()),
        "private_told": [plan.dims[name] for name in told],
        "private_mapping": literal_mapping({x.name: name for x, name in plan.symbols.items()}),
        "private_told_mapping": literal_mapping({name: plan.dims[name] for name in told}),
        **forms(plan.symbols, ["type(work) is not Workspace"]),
        "dim_arguments": list(plan.dims.values()),
        "shape": f"({', '.join(sizes)}{',' * (len(sizes) == 1)})",
        "room": size_text(room, plan.dims),
        "fact_tests": (),
        **size_tables(plan.arguments, plan.arguments, list(plan.dims), told, limits),
    }
