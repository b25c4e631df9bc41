"""A plan to the text of a module; all that is decided here is layout."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from sympy import Integer, S

from symgrad.calculus import gradient
from symgrad.codegen import functions, linear
from symgrad.codegen.frame import frame
from symgrad.codegen.kernels import Kernels, words
from symgrad.codegen.layout import literal
from symgrad.codegen.plan import Plan, plan
from symgrad.declare.graph import Graph

#: Products of fewer multiplications are loops.
THRESHOLD = 1024
ZEROS = "0" * 64
_GEMM = {"float64": "dgemm", "float32": "sgemm"}


def module_text(plan: Plan) -> str:
    """The source of a module with forward, backward, value_and_grad, predict and check."""
    kernels = Kernels(plan)
    written = kernels.functions()
    scalars = kernels.scalars
    lines = [line for kernel in written for line in kernel.lines]
    helpers = functions.sources(scalars.used, plan.dtype)
    routines = linear.sources(scalars.routines, plan.dtype)
    texts = [*helpers, *routines]
    context = frame(plan) | {
        "zeros": ZEROS,
        "kernels": written,
        "products": sorted(scalars.products),
        "threshold": THRESHOLD,
        "gemm": _GEMM[plan.dtype],
        "functions": helpers,
        "routines": routines,
        "faults": list(map(literal, scalars.faults)),
        "math": "math." in "\n".join([*texts, *scalars_text(kernels)]),
        "numbers": _numbers(plan, kernels, [*(h for f in texts for h in f.splitlines()), *lines]),
    }
    return sealed(environment().get_template("module.py.jinja").render(context))


def scalars_text(kernels: Kernels) -> list[str]:
    """The right sides of coefficients that depend on sizes."""
    return list(kernels.scalars.scales.definitions().values())


def _numbers(plan: Plan, kernels: Kernels, lines: list[str]) -> list[tuple[str, str]]:
    """The typed constants that the lines name, and those of the functions."""
    numbers, used = kernels.scalars.numbers, words(lines)
    for value in (S.Zero, S.One):  # the products name them
        numbers.name(value)
    for value, name in ((S.Half, "half"), (Integer(2), "two")):
        if name in used:
            numbers.name(value)
    found = numbers.definitions() | functions.used_constants(lines, plan.dtype)
    bits = "whole" in words([*lines, *found.values()])
    types = {"real": f"np.{plan.dtype}"} | ({"whole": f"np.int{plan.dtype[-2:]}"} if bits else {})
    return list((types | found).items())


def sealed(source: str) -> str:
    """The source with its own digest in place of the zeros."""
    return source.replace(ZEROS, hashlib.sha256(source.encode()).hexdigest())


def graph_text(graph: Graph, dtype: str = "float64") -> str:
    """The module of a graph: derived, planned and written."""
    return module_text(plan(gradient(graph), dtype))


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
