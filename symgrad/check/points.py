"""Where a gradient is checked: the values there, the output as a function, differences of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

import mpmath
import numpy as np

from symgrad.calculus import Derivation
from symgrad.check.differences import Array, Function, central, taylor_order
from symgrad.check.methods import choose, is_analytic
from symgrad.declare.graph import Definition, Graph
from symgrad.tensor.evaluate import evaluate
from symgrad.tensor.nodes import Leaf, leaves

#: Above so many numbers in the graph, arithmetic of 60 digits takes too long.
MOST_PRECISE = 20_000

#: Domains whose values may be moved a little without leaving them.
_OPEN = frozenset(("real", "small", "large", "positive", "unit", "nonzero"))


@dataclass(frozen=True, slots=True)
class Differences:
    """Numerical slopes along some directions, by what formula, and how far off they may be.

    The test is |a − b| ≤ noise + rtol (max|b| + |b|), with a noise for each direction; `why` says
    where the tolerance comes from.
    """

    method: str
    slopes: Array
    rtol: float
    noise: Array
    why: str


class Point(Protocol):
    """A place where a gradient is checked.

    `of` says whose numbers the gradients are; `nudge` how far values move to leave a kink.
    """

    of: ClassVar[str]

    @property
    def nudge(self) -> float: ...

    @property
    def sizes(self) -> Mapping[str, int]: ...

    @property
    def wrt(self) -> tuple[Leaf, ...]: ...

    @property
    def output(self) -> float: ...

    def value(self, leaf: Leaf) -> Array: ...

    def gradient(self, leaf: Leaf) -> Array: ...

    def output_of(self, leaf: Leaf) -> Function: ...

    def differences(
        self, leaf: Leaf, f: Function, x: Array, along: Array, directions: Iterable[Array]
    ) -> Differences: ...

    def order(self, f: Function, x: Array, along: Array, slope: float) -> float: ...

    def holds_precisely(
        self, leaf: Leaf, failing: list[Array], rng: np.random.Generator
    ) -> bool: ...

    def moved(self, rng: np.random.Generator, by: float) -> "Point": ...

    def first_not_finite(self) -> str: ...


def moved(
    graph: Graph, values: Mapping[str, Array], rng: np.random.Generator, by: float
) -> dict[str, Array]:
    """The values of symbols, those whose domain allows it moved at random."""
    result = dict(values)
    for leaf in graph.symbols:
        if leaf.domain in _OPEN:
            x = result[leaf.name]
            result[leaf.name] = x + by * np.maximum(1, np.abs(x)) * rng.normal(size=x.shape)
    return result


def first_not_finite(known: Mapping[str, Array]) -> str:
    """What holds the first NaN or infinity, and where; empty if nothing does."""
    for name, value in known.items():
        bad = np.argwhere(~np.isfinite(value))
        if len(bad):
            entry = tuple(int(i) for i in bad[0])
            return f"{name} holds {value[entry]}" + (f" at {entry}" if entry else "")
    return ""


@dataclass(frozen=True, slots=True)
class FormulaPoint:
    """A derivation at values of its symbols: all named values and adjoints there."""

    derivation: Derivation
    symbols: Mapping[str, Array]
    sizes: Mapping[str, int]
    known: Mapping[str, Array]
    precision: int | None = None
    of: ClassVar[str] = "formula"
    nudge: ClassVar[float] = 1e-6

    @classmethod
    def at(
        cls,
        derivation: Derivation,
        values: Mapping[str, Any],
        sizes: Mapping[str, int],
        precision: int | None = None,
    ) -> "FormulaPoint":
        graph = derivation.graph
        symbols, bound = graph.bind(values, sizes, nan=True)
        bare = cls(derivation, symbols, bound, {}, precision)
        return replace(bare, known=bare.run([*graph.definitions, *derivation.definitions], symbols))

    def run(
        self, definitions: Iterable[Definition], known: Mapping[str, Array]
    ) -> dict[str, Array]:
        """The named values, and those of further definitions."""
        result = dict(known)
        for each in definitions:
            (result[each.leaf.name],) = evaluate(
                [each.expr], result, dict(self.sizes), self.precision
            )
        return result

    def path(self, leaf: Leaf) -> list[Definition]:
        """The definitions through which the output depends on a leaf."""
        found, depends = [], {leaf}
        for each in self.derivation.graph.definitions:
            if each.leaf is not leaf and not depends.isdisjoint(leaves(each.expr)):
                depends.add(each.leaf)
                found.append(each)
        return found

    def output_of(self, leaf: Leaf) -> Function:
        """The output as a function of the value of one leaf."""
        path, output = self.path(leaf), self.derivation.graph.output

        def f(x: Array) -> Any:
            return self.run(path, {**self.known, leaf.name: x})[output][()]

        return f

    def value(self, leaf: Leaf) -> Array:
        """The value of a leaf, in this point's kind of number."""
        return evaluate([leaf], self.known, dict(self.sizes), self.precision)[0]

    def gradient(self, leaf: Leaf) -> Array:
        return self.known[self.derivation[leaf].leaf.name]

    @property
    def wrt(self) -> tuple[Leaf, ...]:
        return self.derivation.wrt

    @property
    def output(self) -> float:
        return float(self.known[self.derivation.graph.output])

    def precisely(self) -> "FormulaPoint":
        """The same point in numbers of 60 digits."""
        return FormulaPoint.at(self.derivation, self.symbols, self.sizes, 60)

    def moved(self, rng: np.random.Generator, by: float) -> "FormulaPoint":
        """A point nearby: every value whose domain allows it moved at random."""
        values = moved(self.derivation.graph, self.symbols, rng, by)
        return FormulaPoint.at(self.derivation, values, self.sizes)

    def differences(
        self, leaf: Leaf, f: Function, x: Array, along: Array, directions: Iterable[Array]
    ) -> Differences:
        """By complex step, Richardson or central differences (methods.py)."""
        analytic = is_analytic(each.expr for each in self.path(leaf))
        method = choose(f, x, along, analytic, self.entries)
        slopes = np.array([method.slope(f, x, v) for v in directions])
        return Differences(
            method.name, slopes, method.rtol, np.full(len(slopes), method.noise), method.why
        )

    def order(self, f: Function, x: Array, along: Array, slope: float) -> float:
        return taylor_order(f, x, along, slope)

    def holds_precisely(self, leaf: Leaf, failing: list[Array], rng: np.random.Generator) -> bool:
        """Whether what fails in float64 holds at 60 digits: then it was rounding.

        By random combinations of the directions that fail, for a derivative is linear in them.
        """
        if self.entries > MOST_PRECISE:
            return False
        precise = self.precisely()
        f, x, g = precise.output_of(leaf), precise.value(leaf), precise.gradient(leaf)
        with mpmath.workdps(60):
            h = mpmath.mpf(10) ** -15
            for _ in range(3):
                v = sum(
                    c * each for c, each in zip(rng.normal(size=len(failing)), failing, strict=True)
                )
                ours, theirs = np.sum(g * v), central(f, x, v, h)
                # the formula's h² f''', and rounding far below it
                if not abs(ours - theirs) <= 1e-12 * abs(theirs) + 1e-28 * max(1, abs(f(x))):
                    return False
        return True

    @property
    def entries(self) -> int:
        """How many numbers there are in all, a bound for the length of sums."""
        return sum(np.size(value) for value in self.known.values())

    def first_not_finite(self) -> str:
        """What holds the first NaN or infinity, and where; empty if nothing does."""
        return first_not_finite(self.known)
