"""Results as plain dictionaries for JSON, in which numbers that are not finite are null."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from math import isfinite
from typing import Any

from symgrad.calculus import Derivation
from symgrad.check import CheckReport
from symgrad.declare.graph import Definition
from symgrad.notation import latex, numpy, text
from symgrad.show.summary import Amount, Summary
from symgrad.tensor.nodes import Node

Record = dict[str, Any]


def derivation_record(derivation: Derivation) -> Record:
    """The definitions, the steps in order, and the wanted gradients in closed form."""
    graph = derivation.graph
    return {
        "graph": graph.name,
        "output": graph.output,
        "parameters": list(graph.parameters),
        "inputs": list(graph.inputs),
        "definitions": [_definition(each) for each in graph.definitions],
        "steps": [
            {
                **_definition(step.definition),
                "of": step.of.name,
                "rule": step.rule,
                "through": [leaf.name for leaf in step.through],
                "raw": _formula(step.raw),
                "facts": list(step.notes),
                "uses": [leaf.name for leaf in step.uses],
            }
            for step in derivation.steps
        ],
        "gradients": {
            name: {
                "shape": [str(size) for size in derivative.shape],
                "numpy": derivative.numpy(),
                "text": derivative.text(),
                "latex": derivative.latex(),
            }
            for name, derivative in derivation.items()
        },
    }


def report_record(report: CheckReport) -> Record:
    """The rows of a check; `order` is null where it is infinite (exact) or was not measured."""
    return {
        "graph": report.graph,
        "output": report.output,
        "module": report.module or None,
        "value": _finite(report.value),
        "seed": report.seed,
        "sizes": dict(report.sizes),
        "agrees": bool(report),
        "rows": [_finite(asdict(row)) for row in report.rows],
    }


def summary_record(summary: Summary) -> Record:
    """Integers, or polynomials as text; `memory` is null where there is no module."""
    memory = summary.memory
    return {
        "graph": summary.graph,
        "output": summary.output,
        "sizes": dict(summary.sizes),
        "dtype": summary.dtype,
        "inputs": {name: _amounts(shape) for name, shape in summary.inputs},
        "values": [
            {
                "name": row.name,
                "by": row.kind,
                "shape": _amounts(row.shape),
                "parameters": {name: _amounts(shape) for name, shape in row.parameters},
                "again": list(row.again),
                "numbers": _amount(row.count),
                "flops": _amount(row.flops),
            }
            for row in summary.rows
        ],
        "parameters": _amount(summary.parameters),
        "forward": _amount(summary.forward),
        "backward": _amount(summary.backward),
        "memory": None
        if memory is None
        else {field.name: _amount(getattr(memory, field.name)) for field in fields(memory)},
    }


def _amounts(shape: Iterable[Amount]) -> list[int | str | None]:
    return [_amount(size) for size in shape]


def _amount(value: Amount | None) -> int | str | None:
    return value if value is None or isinstance(value, int) else str(value)


def _definition(definition: Definition) -> Record:
    return {
        "name": definition.leaf.name,
        "shape": [str(size) for size in definition.leaf.shape],
        "formula": _formula(definition.expr),
    }


def _formula(node: Node) -> Record:
    return {"numpy": numpy(node), "text": text(node), "latex": latex(node)}


def _finite(value: Any) -> Any:
    """The value with null in place of NaN and infinities, which JSON does not know."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(each) for key, each in value.items()}
    return value
