"""What stands around the kernels of a module: documentation, tables, arguments, samples."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sympy import Expr, S, Symbol, degree, expand, prod

from symgrad.codegen.facts import fact_of, fact_table
from symgrad.codegen.layout import WIDE, bracketed, call, either, literal, pieces
from symgrad.codegen.linear import ROUTINES
from symgrad.codegen.names import free
from symgrad.codegen.numbers import polynomial_text, size_text
from symgrad.codegen.plan import Plan, Program, free_sizes, label_size
from symgrad.codegen.products import matrices
from symgrad.codegen.samples import sample_text, start_text
from symgrad.codegen.statements import Call, Product, flat
from symgrad.declare.graph import Definition, Graph
from symgrad.notation import numpy, text_equation
from symgrad.tensor.bounds import undecided
from symgrad.tensor.dims import show
from symgrad.tensor.nodes import Leaf, topological

#: Fields of Params beside the parameters.
_FIELDS = ("flat", "sizes")
#: What public functions call: no argument can have these names.
_PRIVATE = frozenset(
    """
    BACKWARD BOTH FORWARD _explain _fail _float _forward_or_backward _ggnvp _hvp _int _prediction
    _prediction_shape _predict _product _ready _require_values _scratch _value_and_grad _workspace
    """.split()
)


def frame(plan: Plan) -> dict[str, Any]:
    """The context of the template, but for kernels and constants."""
    return {
        **provenance(plan.graph, plan.graph.definitions, plan.dtype),
        **_documentation(plan),
        **_tables(plan),
        **_arguments(plan),
        **_samples(plan),
    }


def provenance(graph: Graph, definitions: Iterable[Definition], dtype: str) -> dict[str, Any]:
    """What a module is made from."""
    from symgrad import __version__

    expression = "; ".join(f"{d.leaf.name} = {numpy(d.expr)}" for d in definitions)
    expression = expression.replace('"', "'")  # no marks in front of quotes inside quotes
    return {
        "version": __version__,
        "graph": graph.name,
        "output": graph.output,
        "dtype": dtype,
        "expression": _expression(expression),
        "digest": hashlib.sha256(expression.encode()).hexdigest(),
    }


def _expression(expression: str) -> list[str]:
    """The assignment of the expression, in one line or one line for each statement."""
    line = f"EXPRESSION = {literal(expression)}"
    if len(line) <= WIDE:
        return [line]
    parts = [part + "; " for part in expression.split("; ")]
    parts[-1] = parts[-1][:-2]
    lines = [f"    {literal(piece)}" for part in parts for piece in pieces(part, WIDE - 8)]
    return ["EXPRESSION = (", *lines, ")"]


# Documentation


def _documentation(plan: Plan) -> dict[str, Any]:
    graph = plan.graph
    equations, gradient = equation_rows(graph.definitions, plan.derivation.definitions)
    products = [size_products(plan.gradient, n) for n in range(2)]
    numbers = _count(graph.leaf(name) for name in graph.parameters)
    return {
        "equations": equations,
        "gradient": gradient,
        "sizes_text": sizes_text(graph.symbols, graph.dims),
        "inputs_text": wrapped(_inputs_text(plan)),
        "cost": [
            f"{name:<15} {polynomial_text(flops)}"
            for name, flops in (("forward", products[0]), ("value_and_grad", sum(products)))
        ],
        "memory_text": wrapped(
            f"Memory: a workspace holds {polynomial_text(plan.gradient.storage.room)} "
            f"numbers, and {polynomial_text(numbers)} for the gradient. Calls that are given "
            f"one allocate nothing{allocating(plan.gradient)}."
        ),
        "usage": [
            f"work = {line}" if n == 0 else line
            for n, line in enumerate(call("workspace", ["params", *graph.inputs]))
        ]
        + call("loss, grads = value_and_grad", ["params", *graph.inputs, "workspace=work"]),
    }


def allocating(program: Program) -> str:
    """What still takes memory in every call."""
    names = {s.node.name for k in program.kernels for _, s in flat(k.body) if isinstance(s, Call)}
    found = [name for name in sorted(names) if ROUTINES[name].allocates]
    return f" but in {' and '.join(found)}" if found else ""


def equation_rows(
    *groups: Iterable[Definition], names: Mapping[str, str] | None = None
) -> list[list[str]]:
    """Definitions as lines, with the shapes in one column; `names` are spelled so."""
    rows = [[(text_equation(d.leaf, d.expr, names), d) for d in group] for group in groups]
    width = max(len(next(iter(pieces(row, WIDE - 24)))) for group in rows for row, _ in group)
    return [[line for row, d in group for line in _row(row, d, width)] for group in rows]


def _row(equation: str, definition: Definition, width: int) -> Iterable[str]:
    """An equation and the shape of its value; a long equation goes on in further lines."""
    first, *rest = pieces(equation, WIDE - 24)
    shape = show(definition.leaf.shape)
    if len(f"    {first:<{width}}   {shape}") > WIDE:
        rest, shape = [*rest, *pieces(shape, WIDE - 8)], ""
    yield f"    {first:<{width}}   {shape}".rstrip()
    yield from (f"        {piece}".rstrip() for piece in rest)


def wrapped(text: str) -> list[str]:
    """A text in lines."""
    return [piece.rstrip() for piece in pieces(text, WIDE)]


def sizes_text(symbols: Iterable[Leaf], dims: Iterable[str]) -> list[str]:
    """Each dimension with the first axis that shows it."""
    shown: dict[str, str] = {}
    for leaf in symbols:
        for axis, size in enumerate(leaf.shape):
            if isinstance(size, Symbol):
                shown.setdefault(size.name, f"{size.name} = {leaf.name}.shape[{axis}]")
    names = list(dims)
    found = [shown[name] for name in names if name in shown]
    found += [f"{name} as it follows, or told" for name in names if name not in shown]
    return wrapped(f"Sizes: {', '.join(found) or 'all are fixed'}.")


def _inputs_text(plan: Plan) -> str:
    """Each input with its shape and its domain."""
    leaves = [plan.graph.leaf(name) for name in plan.graph.inputs]
    if not leaves:
        return "There are no inputs but the parameters."
    return f"Inputs, in order or by name: {'; '.join(map(about, leaves))}."


def about(leaf: Leaf) -> str:
    """An argument with its shape and its domain."""
    size = label_size(leaf)
    if size is not None:
        last = size_text(expand(size - 1))
        return f"{leaf.name} {show(leaf.shape)}, labels from 0 to {last}"
    if not leaf.ndim:
        return f"{leaf.name}, a {leaf.domain} number"
    return f"{leaf.name} {show(leaf.shape)}, {leaf.domain}"


def size_products(program: Program, kernel: int) -> Expr:
    """The flops of the matrix products of a kernel."""
    flops: Expr = S.Zero
    for _, statement in flat(program.kernels[kernel].body):
        if isinstance(statement, Product):
            m = matrices(statement.einsum)
            assert m is not None
            stack = (var.dim for var in statement.at)
            flops += 2 * prod((*m.rows, *m.inner, *m.columns, *stack), start=S.One)
    return expand(flops)


def _count(leaves: Iterable[Leaf]) -> Expr:
    return expand(sum((prod(leaf.shape, start=S.One) for leaf in leaves), S.Zero))


# Tables


def _tables(plan: Plan) -> dict[str, Any]:
    graph = plan.graph
    fields = tuple(free(name, set(_FIELDS)) for name in graph.parameters)
    inputs = [graph.leaf(name) for name in graph.inputs]
    told = free_sizes(graph)
    return {
        "parameters": assigned("PARAMETERS", graph.parameters),
        "fields": assigned("FIELDS", fields),
        "inputs": assigned("INPUTS", graph.inputs),
        "tell": "give it to pack, as {name}=...",
        "fact_tests": {
            fact.test.partition("(")[0] for x in inputs if x.ndim and (fact := fact_of(x))
        },
        **size_tables(graph.symbols, inputs, graph.dims, told, bounds(graph.definitions)),
    }


def size_tables(
    symbols: Sequence[Leaf],
    inputs: Iterable[Leaf],
    dims: Sequence[str],
    told: Sequence[str],
    limits: Mapping[Expr, str],
) -> dict[str, Any]:
    """Tables of shapes, labels, sizes and facts; the facts of the inputs are checked."""
    labels = {leaf.name: size for leaf in symbols if (size := label_size(leaf)) is not None}
    sizes = [*(d for leaf in symbols for d in leaf.shape), *labels.values()]
    derived = {str(d): d for d in sizes if not (d.is_Symbol or d.is_Integer)}
    return {
        "dims": assigned("SIZES", dims),
        "labels": literal({name: _literal(size) for name, size in labels.items()}),
        "shapes": [
            (literal(x.name), literal(tuple(_literal(d) for d in x.shape))) for x in symbols
        ],
        "derived": [line for text, d in derived.items() for line in _entry(text, d)],
        "free": tuple(told),
        "free_sizes": assigned("FREE", told),
        "solved": [
            f"{literal(text)}: {literal(names)}" for text, names in _solved(derived, told).items()
        ],
        "bounds": [line for gap, text in limits.items() for line in _entry(text, gap)],
        "facts": list(fact_table(inputs)),
    }


def _entry(text: str, size: Expr) -> list[str]:
    """A table's entry: the sizes in an expression, and the expression as a function of them."""
    names = sorted(s.name for s in size.free_symbols)
    function = f"lambda {', '.join(names)}: {size_text(size)}"
    return call(f"    {literal(text)}: ", [literal(tuple(names)), function], ",")


def bounds(definitions: Iterable[Definition]) -> dict[Expr, str]:
    """What must not be negative, so that slices are in range and no axis is empty."""
    roots = [d.expr for d in definitions]
    found = undecided(roots)
    for node in topological(*roots):
        for size in node.shape:
            if not (size.is_positive or expand(size - 1).is_nonnegative):
                found.setdefault(expand(size - 1), f"{size} > 0")
    return found


def assigned(name: str, values: Sequence[str]) -> list[str]:
    """The assignment of a tuple of names."""
    return bracketed(f"{name} = ", map(literal, values), "")


def _solved(derived: Mapping[str, Expr], free: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The free sizes that each expression gives, where it is linear in them, if all others are
    known.
    """
    found = {
        text: tuple(
            s.name
            for s in sorted(size.free_symbols, key=str)
            if s.name in free and size.is_polynomial(s) and degree(size, s) == 1
        )
        for text, size in derived.items()
    }
    return {text: names for text, names in found.items() if names}


def _literal(dim: Expr) -> int | str:
    return int(dim) if dim.is_Integer else str(dim)


# Arguments


def _arguments(plan: Plan) -> dict[str, Any]:
    """Arguments of public functions: a person's names as they are, and our own beside them."""
    graph = plan.graph
    inputs = [graph.leaf(name) for name in graph.inputs]
    public = {leaf: free(leaf.name, _PRIVATE) for leaf in inputs}
    own = {
        name: free(name, set(public.values()))
        for name in (
            "params",
            "workspace",
            "accumulate",
            "work",
            "value",
            "out",
            "sizes",
            "buffers",
            "v",
        )
    }
    private = [plan.symbols[leaf] for leaf in inputs]
    return {
        "own": own,
        "given": list(public.values()),
        "private": private,
        "passed": passed(public),
        "mapping": literal_mapping({leaf.name: name for leaf, name in public.items()}),
        "private_mapping": literal_mapping({leaf.name: plan.symbols[leaf] for leaf in inputs}),
        **labelled(public),
        **forms(
            {leaf: plan.symbols[leaf] for leaf in inputs},
            ["type(work) is not Workspace", "params is not work.params"],
        ),
        "dim_arguments": list(plan.dims.values()),
        "parts": plan.gradient.name,
        "together": plan.together is not None,
        "room": size_text(plan.gradient.storage.room, plan.dims),
        "second": [
            {
                "name": product.name,
                "what": product.what,
                "room": size_text(product.program.storage.room, plan.dims),
            }
            for product in plan.products
        ],
        **_prediction(plan, public),
    }


def forms(names: Mapping[Leaf, str], tests: Iterable[str]) -> dict[str, Any]:
    """The form of arguments, and the test whether a workspace saw it last time."""
    arrays = [x for leaf, x in names.items() if leaf.ndim]
    shapes = [f"{x}.{each}" for x in arrays for each in ("shape", "strides", "dtype")]
    numbers = [f"type({x}) is not {_kind(leaf)}" for leaf, x in names.items() if not leaf.ndim]
    return {
        "form": bracketed("        form = ", shapes, ""),
        "unlike": either("    if ", [*tests, "form != work.form", *numbers]),
    }


def labelled(names: Mapping[Leaf, str]) -> dict[str, Any]:
    """Which inputs, each under its name, hold labels, and whether as arrays or as numbers."""
    labels = {leaf: name for leaf, name in names.items() if label_size(leaf) is not None}
    return {
        "label_mapping": literal_mapping({leaf.name: name for leaf, name in labels.items()}),
        "array_labels": any(leaf.ndim for leaf in labels),
        "scalar_labels": any(not leaf.ndim for leaf in labels),
    }


def passed(names: Mapping[Leaf, str]) -> list[str]:
    """Inputs, each under its name, as the kernels take them."""
    return [x if leaf.ndim else f"_{_kind(leaf)}({x})" for leaf, x in names.items()]


def _kind(leaf: Leaf) -> str:
    """The type of a number that is an input."""
    return "float" if label_size(leaf) is None else "int"


def literal_mapping(names: Mapping[str, str]) -> str:
    """A dictionary of variables."""
    return f"{{{', '.join(f'{literal(key)}: {name}' for key, name in names.items())}}}"


def _prediction(plan: Plan, public: Mapping[Leaf, str]) -> dict[str, Any]:
    if plan.prediction is None:
        return {"predict": None}
    inputs, node = plan.prediction.program.inputs, plan.prediction.node
    axes = [size_text(d, plan.dims) for d in node.shape]
    return {
        "predict": {
            "what": plan.prediction.what,
            "given": [public[leaf] for leaf in inputs],
            "mapping": literal_mapping({leaf.name: public[leaf] for leaf in inputs}),
            "passed": passed({leaf: public[leaf] for leaf in inputs}),
            "shape": f"({', '.join(axes)}{',' * (len(axes) == 1)})",
            "room": size_text(plan.prediction.program.storage.room, plan.dims),
        }
    }


# Samples


def _sample_sizes(plan: Plan) -> dict[str, int]:
    """Sizes for a check: pairwise different, the first the largest, and within all bounds."""
    names = plan.graph.dims
    gaps = bounds(plan.graph.definitions)
    tries = [[6, *range(3, 2 + len(names))]]
    rng = np.random.default_rng(0)
    tries += [list(map(int, 1 + rng.permutation(20 + len(names)))) for _ in range(500)]
    for sizes in tries:
        at = {Symbol(n, integer=True, positive=True): s for n, s in zip(names, sizes, strict=False)}
        if not any(gap.xreplace(at).is_negative for gap in gaps):
            break
    return dict(zip(names, sizes, strict=False))


def _samples(plan: Plan) -> dict[str, Any]:
    graph, dims = plan.graph, plan.dims
    parameters = [graph.leaf(name) for name in graph.parameters]
    inputs = [graph.leaf(name) for name in graph.inputs]
    sizes = _sample_sizes(plan)
    of_parameters = {s.name for p in parameters for d in p.shape for s in d.free_symbols}
    told = free_sizes(graph)
    listed = [name for name in graph.dims if name in of_parameters or name in told]
    return {
        "init_own": {name: free(name, {dims[d] for d in listed}) for name in ("dtype", "seed")},
        "init_given": [dims[name] for name in listed],
        "free_given": ["", *(f"{dims[name]}={dims[name]}" for name in told)],
        "init_example": ", ".join(f"{dims[name]}={sizes[name]}" for name in listed),
        "starts": [f"{literal(p.name)}: {start_text(p, dims)}" for p in parameters],
        "check_sizes": (
            f"{', '.join(dims.values())} = {', '.join(map(str, sizes.values()))}" if dims else ""
        ),
        "check_inputs": [f"{literal(x.name)}: {sample_text(x, dims)}" for x in inputs],
        "check_parameters": [f"{literal(p.name)}: {sample_text(p, dims)}" for p in parameters],
    }
