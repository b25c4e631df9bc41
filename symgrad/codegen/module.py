"""A graph to the text of a module: derive, lower, plan, write."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sympy import Expr, Integer, S, Symbol, expand, prod

from symgrad.calculus import gradient
from symgrad.calculus.derivation import Derivation
from symgrad.codegen import functions
from symgrad.codegen.kernels import Identifiers, Program, Scales, words
from symgrad.codegen.lower import lower
from symgrad.codegen.predict import prediction
from symgrad.codegen.samples import sample_text, start_text
from symgrad.codegen.scalars import Numbers, Scalars, size_text
from symgrad.declare.graph import Definition, Graph
from symgrad.errors import DeclarationError, SymgradError, TemplateError
from symgrad.notation import numpy, text
from symgrad.tensor.nodes import Constant, Leaf, Map, Node, leaves, topological
from symgrad.tensor.scalar import ARGS

#: Products of fewer multiplications are loops.
THRESHOLD = 1024
ZEROS = "0" * 64
_GEMM = {"float64": "dgemm", "float32": "sgemm"}


def module_text(graph: Graph, *, dtype: str = "float64") -> str:
    """The source of a module with forward, backward, value_and_grad, predict and check.

    Raises
    ------
    DeclarationError    if the dtype is none of float32 and float64.
    TemplateError       if something in the graph has no code.
    """
    if dtype not in _GEMM:
        raise DeclarationError(f"dtype {dtype!r}: modules hold float32 or float64")
    derivation = gradient(graph)
    try:
        context = _Writing(derivation, dtype).context()
    except SymgradError as error:
        raise error.at(f'graph "{graph.name}"') from None
    return sealed(environment().get_template("module.py.jinja").render(context))


def sealed(source: str) -> str:
    """The source with its own digest in place of the zeros."""
    return source.replace(ZEROS, hashlib.sha256(source.encode()).hexdigest())


@cache
def environment() -> Any:
    """Jinja's environment over the folder of templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    here = Path(__file__).parent.parent
    folders = [here.parent / "templates", here / "templates"]
    return Environment(
        loader=FileSystemLoader(folders), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip


class _Writing:
    """One module in the making."""

    def __init__(self, derivation: Derivation, dtype: str) -> None:
        self.derivation, self.graph, self.dtype = derivation, derivation.graph, dtype
        graph = self.graph
        self.ids = Identifiers()
        self.dims = [*graph.dims]
        self.dim_names = {name: self.ids.give(name) for name in self.dims}
        self.symbols = list(graph.symbols)
        self.parameters = [graph.leaf(name) for name in graph.parameters]
        self.inputs = [graph.leaf(name) for name in graph.inputs]
        self.names: dict[Node, str] = {leaf: self.ids.give(leaf.name) for leaf in self.symbols}
        self.numbers = Numbers(self.ids.taken)
        self.scales = Scales(self.ids)
        self.scalars = Scalars(self.numbers, self._scale)
        if any(self.dim_names[d] != d for d in self.dims):
            clash = next(d for d in self.dims if self.dim_names[d] != d)
            raise DeclarationError(f"a dimension cannot be called {clash!r} in generated code")
        bound = {s.name for leaf in self.symbols for s in leaf.shape if isinstance(s, Symbol)}
        for name in self.dims:
            if name not in bound:
                raise TemplateError(
                    f"the size of {name} cannot be read off any argument",
                    hint=f"declare a symbol with an axis of size {name} itself",
                )

    def _scale(self, value: Expr) -> str:
        return self.scales(value)

    # The values

    def context(self) -> dict[str, Any]:
        graph, derivation = self.graph, self.derivation
        definitions = [*graph.definitions, *derivation.definitions]
        output = graph.leaf(graph.output)
        used = _needed(definitions, [output, *(s.leaf for s in self._steps())])
        lowered = lower(used)
        self.titles: dict[Node, str] = {}
        for leaf, node in lowered.items():
            if not isinstance(node, Leaf | Constant):
                self.titles.setdefault(node, leaf.name)
        self.formulas = {d.leaf.name: _equation(d) for d in used}
        loss = lowered[output]
        if isinstance(loss, Leaf | Constant):
            loss = Map(ARGS[0], loss)
        forward = set(topological(loss))
        external: dict[Node, str] = {}
        for parameter, step in zip(self.parameters, self._steps(), strict=True):
            node = lowered[step.leaf]
            while node in external or node in forward or isinstance(node, Leaf | Constant):
                node = Map(ARGS[0], node)
            external[node] = self.ids.give(f"d{parameter.name}")
        self.external = external
        program = Program(
            [loss], list(external), self.ids, dict(self.names), self.titles, self.formulas,
            external, self.scalars, self.dtype == "float32",
        )  # fmt: skip
        self.loss = loss
        kernels = self._kernels(program)
        context: dict[str, Any] = self._frame(used)
        context["predict"], more = self._predict(lowered)
        context["room"] = self._room(program)
        kernels = [*kernels, *more]
        context["kernels"] = kernels
        helpers = functions.sources(self.scalars.used & functions.NAMES, self.dtype)
        products = sorted(n[-2:] for n in self.scalars.used if n.startswith("product_"))
        context |= {
            "blas": bool(products),
            "products": products,
            "threshold": THRESHOLD,
            "gemm": _GEMM[self.dtype],
        }
        body = [line for kernel in kernels for line in kernel["lines"]]
        whole = "\n".join([*body, *helpers])
        context["math"] = "math." in whole
        self.numbers.name(S.Zero)
        self.numbers.name(S.One)
        basic = {S.Half: "half", Integer(2): "two"}
        for value, name in basic.items():
            if re.search(rf"\b{name}\b", whole):
                self.numbers.name(value)
        numbers = {"real": f"np.{self.dtype}"}
        if helpers:
            numbers["whole"] = f"np.int{self.dtype[-2:]}"
        numbers |= self.numbers.definitions()
        numbers |= functions.used_constants(helpers, self.dtype)
        context["numbers"] = list(numbers.items())
        context["functions"] = helpers
        return context

    def _steps(self) -> list[Any]:
        by_leaf = {step.of: step for step in self.derivation.steps}
        return [by_leaf[parameter] for parameter in self.parameters]

    # The kernels

    def _kernels(self, program: Program) -> list[dict[str, Any]]:
        forward, backward = program.functions()
        value = program.names[self.loss]
        arguments = [
            *(self.names[leaf] for leaf in self.inputs),
            "params",
            "grads",
            "work",
            "sizes",
        ]
        checks = [
            f"    if _outside({self.names[leaf]}, {_label_size(leaf)}):  # no label of its range\n"
            f"        return np.nan"
            for leaf in self.inputs
            if leaf.domain.startswith("labels")
        ]
        forward = [*forward, f"    return {value}"]
        call = ", ".join(arguments)
        return [
            {
                "name": "_value_and_grad", "arguments": call, "doc": "",
                "lines": [
                    f"    value = _forward({call})", f"    _backward({call})", "    return value",
                ],
            },
            {
                "name": "_forward", "arguments": call, "doc": "",
                "lines": [*self._prologue(program, [*checks, *forward]), *checks, *forward],
            },
            {
                "name": "_backward", "arguments": call, "doc": "",
                "lines": [*self._prologue(program, backward), *backward] or ["    return"],
            },
        ]  # fmt: skip

    def _prologue(self, program: Program, lines: list[str]) -> list[str]:
        """Sizes, views and constants that the lines name."""
        used = words(lines)
        views: list[str] = []
        views += self._views("params", [(self.names[p], p.shape) for p in self.parameters], used)
        externals = [(name, node.shape) for node, name in self.external.items()]
        views += self._views("grads", externals, used)
        views += self._views("work", [(b.name, b.shape or (S.One,)) for b in program.buffers], used)
        views += [
            f"    {self.names[leaf]} = real({self.names[leaf]})"
            for leaf in self.inputs
            if not leaf.ndim and self.names[leaf] in used
        ]
        scales = [
            f"    {name} = {self.scales.definition(name)}"
            for name in self.scales.names.values()
            if name in used
        ]
        known = words([*lines, *views, *scales])
        sizes = [f"    {d} = sizes[{n}]" for n, d in enumerate(self.dims) if d in known]
        if sizes:
            names = [(n, d) for n, d in enumerate(self.dims) if d in known]
            sizes = [
                f"    {', '.join(d for _, d in names)} = "
                f"{', '.join(f'sizes[{n}]' for n, _ in names)}"
            ]
        return [*sizes, *views, *scales]

    def _views(
        self, vector: str, arrays: Sequence[tuple[str, tuple[Expr, ...]]], used: set[str]
    ) -> list[str]:
        lines, start = [], S.Zero
        for name, shape in arrays:
            if name in used:
                if shape:
                    lines.append(
                        f"    {name} = _view({vector}, {size_text(start)}, {_tuple(shape)})"
                    )
                elif vector == "params":
                    lines.append(f"    {name} = {vector}[{size_text(start)}]")
                else:
                    lines.append(f"    {name}_kept = _view({vector}, {size_text(start)}, (1,))")
            elif f"{name}_kept" in used:
                lines.append(f"    {name}_kept = _view({vector}, {size_text(start)}, (1,))")
            start = expand(start + prod(shape))
        return lines

    def _room(self, program: Program) -> str:
        return size_text(expand(sum((prod(b.shape) for b in program.buffers), S.Zero)))

    def _predict(
        self, lowered: dict[Leaf, Node]
    ) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
        found = prediction(self.graph)
        if found is None:
            return None, []
        what, definition, inputs = found
        node = lower([*_needed(self.graph.definitions, leaves(definition.expr)), definition])[
            definition.leaf
        ]
        while isinstance(node, Leaf | Constant):
            node = Map(ARGS[0], node)
        own = Identifiers({*self.ids.taken})
        program = Program(
            [node], [], own, dict(self.names), {**self.titles}, self.formulas, {node: "out_"},
            self.scalars, self.dtype == "float32",
        )  # fmt: skip
        saved, self.external = self.external, {node: "out_"}
        lines, _ = program.functions()
        whole = [*self._prologue(program, lines), *lines]
        self.external = saved
        arguments = [*(self.names[leaf] for leaf in inputs), "params", "grads", "work", "sizes"]
        kernel = {
            "name": "_predict", "arguments": ", ".join(arguments), "doc": "", "lines": whole,
        }  # fmt: skip
        own_names = [self.names[leaf] for leaf in inputs]
        return {
            "what": what,
            "comma_inputs": "".join(f", {name}" for name in own_names),
            "check_inputs": ", ".join(f'"{leaf.name}": {self.names[leaf]}' for leaf in inputs),
            "kernel_inputs": "".join(f"{_passed(leaf, self.names)}, " for leaf in inputs),
            "shape": _tuple(tuple(_at_python(d) for d in node.shape), sizes=True),
            "room": self._room(program),
        }, [kernel]

    # The frame

    def _frame(self, used: list[Definition]) -> dict[str, Any]:
        graph, names = self.graph, self.names
        from symgrad import __version__

        texts = [f"{d.leaf.name} = {numpy(d.expr)}" for d in graph.definitions]
        expression = "; ".join(texts)
        inputs = [names[leaf] for leaf in self.inputs]
        arrays = [leaf for leaf in self.inputs if leaf.ndim]
        label_inputs = [leaf for leaf in self.inputs if leaf.domain.startswith("labels")]
        numbers = [leaf for leaf in self.inputs if not leaf.ndim]
        form = ", ".join(
            f"({names[leaf]}.shape, {names[leaf]}.strides, {names[leaf]}.dtype)" for leaf in arrays
        )
        derived = {
            str(d): d
            for leaf in self.symbols
            for d in leaf.shape
            if not (d.is_Symbol or d.is_Integer)
        }
        sizes = _sample_sizes(self.dims)
        parameter_dims = [
            d for d in self.dims if any(d in map(str, p.shape) for p in self.parameters)
        ]
        fields = tuple(
            f"{p.name}_" if p.name in ("flat", "sizes", "_names") else p.name
            for p in self.parameters
        )
        return {
            "title": f"Value and gradient of {graph.output} in the graph {graph.name}.",
            "version": __version__,
            "graph": graph.name,
            "dtype": self.dtype,
            "zeros": ZEROS,
            "expression": [_quoted(part) for part in _pieces(expression)],
            "digest": hashlib.sha256(expression.encode()).hexdigest(),
            "output": graph.output,
            "equations": _equations(graph, self.derivation),
            "about_inputs": [
                f"Inputs, in order or by name: {', '.join(_about(x) for x in self.inputs)}."
            ],
            "sizes_text": ", ".join(self.dims) or "none",
            "parameters": repr(tuple(p.name for p in self.parameters)),
            "inputs": repr(tuple(leaf.name for leaf in self.inputs)),
            "labels": repr({leaf.name: _literal(_label_dim(leaf)) for leaf in label_inputs}),
            "shapes": [(x.name, repr(tuple(_literal(d) for d in x.shape))) for x in self.symbols],
            "slots": f"{', '.join(repr(f) for f in fields)},",
            "fields": repr(fields),
            "size_names": repr(tuple(self.dims)),
            "size_arguments": ", ".join(self.dims),
            "sizes_tuple": f"[{', '.join(f'work.sizes[{d!r}]' for d in self.dims)}]",
            "init_arguments": "".join(f"{d}, " for d in parameter_dims),
            "init_example": ", ".join(f"{d}={sizes[d]}" for d in parameter_dims),
            "sizes_dict": ", ".join(f'"{d}": {d}' for d in parameter_dims),
            "draws": [f'"{p.name}": {start_text(p)}' for p in self.parameters],
            "samples": [f'"{names[x]}": {sample_text(x)}' for x in self.inputs],
            "parameter_samples": [f'"{p.name}": {sample_text(p)}' for p in self.parameters],
            "check_sizes": ", ".join(f'"{d}": {s}' for d, s in sizes.items()),
            "comma_inputs": "".join(f", {name}" for name in inputs),
            "check_inputs": ", ".join(f'"{x.name}": {names[x]}' for x in self.inputs),
            "kernel_inputs": "".join(f"{_passed(x, names)}, " for x in self.inputs),
            "array_inputs": ", ".join(names[x] for x in arrays),
            "label_inputs": [names[x] for x in label_inputs],
            "label_pairs": "{" + ", ".join(f'"{x.name}": {names[x]}' for x in label_inputs) + "}",
            "form": f"({form},)" if form else "()",
            "scalar_tests": "".join(f" and isinstance({names[x]}, float)" for x in numbers),
            "derived": [
                (text, tuple(sorted(s.name for s in d.free_symbols)), size_text(d))
                for text, d in derived.items()
            ],
        }  # fmt: skip


def _needed(definitions: Iterable[Definition], wanted: Iterable[Leaf]) -> list[Definition]:
    """The definitions that some leaves need, in order."""
    listed = list(definitions)
    need = set(wanted)
    for definition in reversed(listed):
        if definition.leaf in need:
            need.update(leaves(definition.expr))
    return [d for d in listed if d.leaf in need]


def _passed(leaf: Leaf, names: dict[Node, str]) -> str:
    return names[leaf] if leaf.ndim else f"float({names[leaf]})"


def _label_dim(leaf: Leaf) -> Expr:
    from symgrad.tensor.dims import as_dim

    size = leaf.domain.partition(":")[2]
    return as_dim(int(size) if size.isdigit() else size)


def _label_size(leaf: Leaf) -> str:
    return size_text(_label_dim(leaf))


def _literal(dim: Expr) -> int | str:
    return int(dim) if dim.is_Integer else str(dim)


def _tuple(shape: Sequence[Any], *, sizes: bool = False) -> str:
    parts = [part if sizes else size_text(part) for part in shape]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def _at_python(dim: Expr) -> str:
    text = size_text(dim)
    return re.sub(r"[A-Za-z_]\w*", lambda m: f'sizes["{m.group()}"]', text)


def _sample_sizes(dims: Sequence[str]) -> dict[str, int]:
    """Sizes for the module's own check: pairwise different, the first the largest."""
    return {name: 6 if n == 0 else 2 + n for n, name in enumerate(dims)}


def _equation(definition: Definition) -> str:
    try:
        return f"{text(definition.leaf)} = {text(definition.expr)}"
    except SymgradError:
        return ""


def _equations(graph: Graph, derivation: Derivation) -> list[str]:
    lines = [f"Value, and its shape, where dV = ∂{graph.output}/∂V"]
    for definition in graph.definitions:
        lines.append(f"    {_equation(definition):<70} {_shape_text(definition.leaf)}")
    lines += ["", "Gradient"]
    for definition in derivation.definitions:
        lines.append(f"    {_equation(definition):<70} {_shape_text(definition.leaf)}")
    return [line.rstrip() for line in lines]


def _shape_text(leaf: Leaf) -> str:
    from symgrad.tensor.dims import show

    return show(leaf.shape)


def _about(leaf: Leaf) -> str:
    return f"{leaf.name} {_shape_text(leaf)} {leaf.domain}".strip()


def _pieces(expression: str) -> list[str]:
    """The expression in pieces of one statement or less."""
    pieces = [part + "; " for part in expression.split("; ")]
    pieces[-1] = pieces[-1][:-2]
    return [part[n : n + 88] for part in pieces for n in range(0, len(part), 88)]


def _quoted(piece: str) -> str:
    return '"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"'
