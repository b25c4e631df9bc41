"""A plan to the text of a module; all that is decided here is layout."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from sympy import Integer, S

from symgrad.calculus import Derivation, Derivative, gradient
from symgrad.codegen import blas, functions, linear
from symgrad.codegen.evaluation import Evaluation, evaluation, evaluation_frame
from symgrad.codegen.frame import frame
from symgrad.codegen.kernels import Kernels
from symgrad.codegen.layout import literal, words
from symgrad.codegen.plan import Plan, Program, plan
from symgrad.declare.graph import Graph
from symgrad.errors import DeclarationError, NotDifferentiable

#: Products of fewer multiplications are loops.
THRESHOLD = 1024
#: Products of few rows are computed in pieces of so many multiplications: OpenBLAS takes these as
#: they are, and copies the other factor of larger ones first, which few rows do not pay for.
PIECE = 1_000_000
ZEROS = "0" * 64


def module_text(plan: Plan | Evaluation) -> str:
    """The source of a module, which a plan says all of."""
    if isinstance(plan, Evaluation):
        return _rendered("evaluation.py.jinja", [plan.program], plan, evaluation_frame(plan))
    programs = [plan.gradient, *(product.program for product in plan.products)]
    if plan.prediction is not None:
        programs.insert(1, plan.prediction.program)
    if plan.together is not None:
        programs.insert(0, plan.together)
    return _rendered("module.py.jinja", programs, plan, frame(plan))


def _rendered(
    template: str, programs: list[Program], plan: Plan | Evaluation, frame: dict[str, Any]
) -> str:
    kernels = Kernels(programs, plan.dims, plan.taken, plan.dtype)
    written = kernels.functions()
    scalars = kernels.scalars
    lines = [line for kernel in written for line in kernel.lines]
    helpers = functions.sources(scalars.used, plan.dtype)
    routines = linear.sources(scalars.routines, plan.dtype)
    texts = [*helpers, *routines]
    products = ["_gemm"] if scalars.products else []
    bindings = blas.used([*products, *routines])
    numbers = _numbers(plan.dtype, kernels, [*(h for f in texts for h in f.splitlines()), *lines])
    context = frame | {
        "zeros": ZEROS,
        "kernels": written,
        "blas": bindings,
        "letter": "d" if plan.dtype == "float64" else "s",
        "products": sorted(scalars.products),
        "sums": sorted(scalars.sums),
        "threshold": THRESHOLD,
        "piece": PIECE,
        "functions": helpers,
        "within": bool(
            kernels.blocks
            or helpers
            or scalars.products
            or frame["fact_tests"]
            or {"_outside", "_fault"} & words(lines)
        ),
        "routines": routines,
        "faults": list(map(literal, scalars.faults)),
        "math": "math." in "\n".join([*texts, *scalars_text(kernels)]),
        "numbers": numbers,
    }
    return sealed(environment().get_template(template).render(context))


def scalars_text(kernels: Kernels) -> list[str]:
    """The right sides of coefficients that depend on sizes."""
    return list(kernels.scalars.scales.definitions().values())


def _numbers(dtype: str, kernels: Kernels, lines: list[str]) -> list[tuple[str, str]]:
    """The typed constants that the lines name, and those of the functions."""
    numbers, used = kernels.scalars.numbers, words(lines)
    for value in (S.Zero, S.One):  # the products name them
        numbers.name(value)
    for value, name in ((S.Half, "half"), (Integer(2), "two")):
        if name in used:
            numbers.name(value)
    found = numbers.definitions() | functions.used_constants(lines, dtype)
    bits = "whole" in words([*lines, *found.values()])
    types = {"real": f"np.{dtype}"} | ({"whole": f"np.int{dtype[-2:]}"} if bits else {})
    types |= {"index": "np.uintp"} if "index" in used else {}
    return list((types | found).items())


def sealed(source: str) -> str:
    """The source with its own digest in place of the zeros."""
    return source.replace(ZEROS, hashlib.sha256(source.encode()).hexdigest())


def graph_text(graph: Graph, dtype: str = "float64", *, second_order: bool | None = None) -> str:
    """The module of a graph: derived, planned and written; see `generate`."""
    if second_order is None:
        try:
            return graph_text(graph, dtype, second_order=True)
        except NotDifferentiable:
            second_order = False
    return module_text(plan(gradient(graph), dtype, second_order=second_order))


def source_text(
    what: Graph | Derivative, dtype: str = "float64", *, second_order: bool | None = None
) -> str:
    """The module of a graph or of a derivative.

    Raises
    ------
    DeclarationError    if it is neither; the dtype is none of float32 and float64.
    """
    match what:
        case Graph():
            return graph_text(what, dtype, second_order=second_order)
        case Derivative():
            return module_text(evaluation(what, dtype))
        case Derivation():
            hint = f"choose one, such as [{what.wrt[0].name!r}]; a module of the graph gives all"
            raise DeclarationError("a module is of one derivative, or of a graph", hint=hint)
    kind = type(what).__name__
    raise DeclarationError(f"a module is of a Graph or a Derivative, not of a {kind}")


@cache
def environment() -> Any:
    """Jinja's environment over the folder of templates."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    here = Path(__file__).parent.parent
    folders = [here.parent / "templates", here / "templates"]
    loaded = Environment(
        loader=FileSystemLoader(folders), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    from symgrad.codegen.layout import bracketed

    def fit(items: list[str], head: str, tail: str = "", pair: str = "()") -> str:
        """`head(items)tail` within a line, or over several."""
        return "\n".join(bracketed(head, items, tail, pair))

    loaded.filters["fit"] = fit
    return loaded
