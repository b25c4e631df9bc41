"""A generated module where it is checked: its gradients, and its value as a function."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

import numpy as np

from symgrad.calculus import Derivation
from symgrad.check.differences import Array, Function, ridders, taylor_order
from symgrad.check.points import Differences, FormulaPoint, first_not_finite, moved
from symgrad.declare.graph import Graph
from symgrad.declare.symbols import labels_below
from symgrad.errors import DeclarationError, ValueMismatch
from symgrad.tensor.nodes import Leaf

#: A difference may be off by so many times what it tells.
SAFETY = 10

#: What every module has.
_NAMES = ("DTYPE", "INPUTS", "PARAMETERS", "SHAPES", "forward", "pack", "value_and_grad")


def require_module(module: ModuleType, graph: Graph, wrt: Iterable[Leaf]) -> None:
    """Raise DeclarationError unless the module was generated for such a graph."""
    missing = [name for name in _NAMES if not hasattr(module, name)]
    if missing:
        raise DeclarationError(
            f"{getattr(module, '__name__', module)!r} is no generated module: it has no "
            f"{', '.join(missing)}"
        )
    shapes = {
        leaf.name: tuple(int(d) if d.is_Integer else str(d) for d in leaf.shape)
        for leaf in graph.symbols
    }
    for what, theirs, ours in (
        ("parameters", module.PARAMETERS, graph.parameters),
        ("inputs", module.INPUTS, graph.inputs),
        ("shapes", module.SHAPES, shapes),
    ):
        if theirs != ours:
            raise DeclarationError(
                f"the module is another graph's: its {what} are {theirs}, those of {graph.name} "
                f"are {ours}",
                hint="generate it anew",
            )
    for leaf in wrt:
        if leaf.name not in graph.parameters:
            raise DeclarationError(
                f"a module has no gradient by {leaf.name}",
                hint=f"its parameters are {', '.join(graph.parameters)}",
            )


@dataclass(frozen=True, slots=True)
class ModulePoint:
    """A module at values of its arguments; `formulas` are the graph's at the same values."""

    module: ModuleType
    formulas: FormulaPoint
    params: Any
    inputs: tuple[Any, ...]
    workspace: Any
    output: float
    grads: Mapping[str, Array]
    of: ClassVar[str] = "module"

    @classmethod
    def at(
        cls,
        module: ModuleType,
        derivation: Derivation,
        values: Mapping[str, Any],
        sizes: Mapping[str, int],
    ) -> "ModulePoint":
        """The module at values in its dtype.

        Raises
        ------
        ValueMismatch    if the module's value is not that of the formulas.
        """
        graph = derivation.graph
        symbols, bound = graph.bind(values, sizes, nan=True)
        own = {leaf.name: _cast(leaf, symbols[leaf.name], module.DTYPE) for leaf in graph.symbols}
        formulas = FormulaPoint.at(derivation, own, bound)
        told = {name: bound[name] for name in getattr(module, "FREE", ())}
        params = module.pack({name: own[name] for name in graph.parameters}, **told)
        inputs = tuple(own[name] for name in graph.inputs)
        workspace = module.workspace(params, *inputs)
        value, grads = module.value_and_grad(params, *inputs, workspace=workspace)
        copied = {name: np.array(grads[name], np.float64) for name in graph.parameters}
        point = cls(module, formulas, params, inputs, workspace, float(value), copied)
        point.require_value()
        return point

    def require_value(self) -> None:
        """Raise ValueMismatch unless the module computes what the formulas say."""
        ours, theirs = self.output, self.formulas.output
        if not (np.isfinite(ours) and np.isfinite(theirs)):
            return
        named = (np.max(np.abs(v), initial=1) for v in self.formulas.known.values())
        allowed = self.rtol * max(float(size) for size in named if np.isfinite(size))
        if not abs(ours - theirs) <= allowed:
            graph = self.formulas.derivation.graph
            raise ValueMismatch(
                f"the module's value {graph.output} = {ours!r} is not that of the formulas, "
                f"{theirs!r}: they differ by {abs(ours - theirs):.2g}, allowed {allowed:.2g}",
                where=f"graph {graph.name!r}",
                hint="generate the module anew",
            )

    @property
    def eps(self) -> float:
        return float(np.finfo(self.module.DTYPE).eps)

    @property
    def rtol(self) -> float:
        """The relative rounding of a sum over everything."""
        return float(100 * self.eps * self.formulas.entries**0.5)

    @property
    def nudge(self) -> float:
        """Far beside the smallest step of a difference."""
        return 50 * self.eps**0.5

    @property
    def wrt(self) -> tuple[Leaf, ...]:
        return self.formulas.wrt

    @property
    def sizes(self) -> Mapping[str, int]:
        return self.formulas.sizes

    def value(self, leaf: Leaf) -> Array:
        return np.array(self.params[leaf.name], np.float64)

    def gradient(self, leaf: Leaf) -> Array:
        return self.grads[leaf.name]

    def output_of(self, leaf: Leaf) -> Function:
        """The module's value as a function of one parameter, which is rounded to its dtype."""
        told = {name: self.params.sizes[name] for name in getattr(self.module, "FREE", ())}
        own = {name: self.params[name] for name in self.module.PARAMETERS}
        moving = self.module.pack(own, **told)
        view = moving[leaf.name]

        def f(x: Array) -> float:
            view[...] = x
            return float(self.module.forward(moving, *self.inputs, workspace=self.workspace)[0])

        return f

    def differences(
        self, leaf: Leaf, f: Function, x: Array, along: Array, directions: Iterable[Array]
    ) -> Differences:
        """By Ridders' method, which tells for each direction how far off it may be."""
        found = np.array([ridders(f, x, v, self.eps) for v in directions])
        why = f"100 ε √N, N = {self.formulas.entries}, {self.module.DTYPE}"
        return Differences("Ridders", found[:, 0], self.rtol, SAFETY * found[:, 1], why)

    def order(self, f: Function, x: Array, along: Array, slope: float) -> float:
        """Of a float64 module; in float32 rounding hides the remainders at small steps."""
        return taylor_order(f, x, along, slope) if self.module.DTYPE == "float64" else float("nan")

    def holds_precisely(self, leaf: Leaf, failing: list[Array], rng: np.random.Generator) -> bool:
        """There are no more digits in a module than those of its dtype."""
        return False

    def moved(self, rng: np.random.Generator, by: float) -> "ModulePoint":
        derivation = self.formulas.derivation
        values = moved(derivation.graph, self.formulas.symbols, rng, by)
        return ModulePoint.at(self.module, derivation, values, self.sizes)

    def first_not_finite(self) -> str:
        """What holds the first NaN or infinity: of the formulas, else of the module."""
        own = {self.formulas.derivation.graph.output: np.asarray(self.output)}
        own |= {f"d{name}": grad for name, grad in self.grads.items()}
        found = first_not_finite(own)
        return self.formulas.first_not_finite() or (f"in the module {found}" if found else "")


def _cast(leaf: Leaf, value: Array, dtype: Any) -> Any:
    """A value as the module takes it: whole numbers for labels, else its dtype."""
    if labels_below(leaf.domain) is not None:
        return np.ascontiguousarray(value, np.int64).reshape(value.shape)
    array = np.ascontiguousarray(value, dtype).reshape(value.shape)
    return array if leaf.ndim or leaf.role == "parameter" else float(array)
