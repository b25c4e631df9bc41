"""The value of an Einsum with brackets: equations give indices, so that no bracket is an array.

Each equation [h = s·i + u − p] is solved for one label, the longest that has the coefficient 1 or
−1. A summed label is then read where the equation says (a gather); one of the result is written
there (a scatter that adds). Where the index is out of range, there is nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from symgrad.tensor.nodes import UNIT, Labels

Array = np.ndarray[Any, Any]

#: An array, and the label of each of its axes.
Labelled = tuple[Array, Labels]

#: Sums over more entries than this are worth the search for an order of contraction.
_LARGE = 2**16

#: The most arrays that one call of np.einsum takes, its result aside.
_OPERANDS = 30


@dataclass(frozen=True, slots=True)
class Condition:
    """A bracket for given sizes: constant + Σ c · index + Σ c · entry, = 0 ("eq") or ≥ 0 ("ge").

    `terms` holds each axis with its coefficient; `entries` integer arrays with theirs, and the axes
    at which they are read.
    """

    op: str
    shape: tuple[int, ...]
    constant: int
    terms: tuple[tuple[int, int], ...]
    entries: tuple[tuple[int, Array, Labels], ...]

    def summands(self, labels: Labels) -> list[Labelled]:
        """What the condition adds up, but for the indices, when its axes have those labels."""
        found: list[Labelled] = [(np.array(self.constant), ())]
        found += [(c * entry, tuple(labels[a] for a in axes)) for c, entry, axes in self.entries]
        return found

    def holds(self, total: Array) -> Array:
        """1 where the condition holds, else 0."""
        return np.asarray(total == 0 if self.op == "eq" else total >= 0).astype(int)

    def dense(self) -> Array:
        """The whole array of zeros and ones."""
        axes = tuple(range(len(self.shape)))
        indices = [(c * np.arange(self.shape[axis]), (axis,)) for axis, c in self.terms]
        total = _sum([*self.summands(axes), *indices], axes)
        return np.broadcast_to(self.holds(total), self.shape)


def contract(
    factors: Sequence[Array | Condition],
    inputs: Sequence[Labels],
    output: Labels,
    sizes: dict[int, int],
) -> Array:
    """Σ Π factor[labels] over the labels that the output lacks; unit axes are squeezed."""
    state = _Contraction(sizes, tuple(k for k in output if k != UNIT))
    equations = []
    for factor, labels in zip(factors, inputs, strict=True):
        if isinstance(factor, Condition) and factor.op == "eq":
            equations.append((factor, labels))
        else:
            whole = factor.dense() if isinstance(factor, Condition) else factor
            state.factors.append(_squeezed(whole, labels))
    for condition, labels in equations:  # where labels are looked up, theirs stay
        state.reserved.update(labels[a] for _, _, axes in condition.entries for a in axes)
    for condition, labels in equations:
        state.solve(condition, labels)
    return state.result()


def _squeezed(array: Array, labels: Labels) -> Labelled:
    """The array without unit axes; of a label that stands twice the diagonal."""
    kept = tuple(k for k in labels if k != UNIT)
    array = array.reshape([array.shape[a] for a, k in enumerate(labels) if k != UNIT])
    once = tuple(dict.fromkeys(kept))
    return (array, kept) if once == kept else (np.einsum(array, kept, once), once)


def _aligned(array: Array, own: Labels, labels: Labels) -> Array:
    """A view of the array that broadcasts along the labels that it lacks."""
    order = [own.index(k) for k in labels if k in own]
    present = iter(array.transpose(order).shape)
    return array.transpose(order).reshape([next(present) if k in own else 1 for k in labels])


def _sum(parts: Iterable[Labelled], labels: Labels) -> Array:
    return np.asarray(sum(_aligned(array, own, labels) for array, own in parts))


def _union(*groups: Labels) -> Labels:
    return tuple(dict.fromkeys(k for labels in groups for k in labels))


@dataclass(slots=True)
class _Contraction:
    """Factors, and the labels that equations gave: each with its value over other labels."""

    sizes: dict[int, int]
    output: Labels
    factors: list[Labelled] = field(default_factory=list)
    solved: dict[int, Labelled] = field(default_factory=dict)
    reserved: set[int] = field(default_factory=set)

    def solve(self, condition: Condition, labels: Labels) -> None:
        """Give one label by the equation; where none can be, its zeros and ones are a factor."""
        coefficients: dict[int, int] = {}
        for axis, c in condition.terms:
            if labels[axis] != UNIT:
                coefficients[labels[axis]] = coefficients.get(labels[axis], 0) + c
        parts = [_squeezed(*part) for part in condition.summands(labels)]
        for k in coefficients.keys() & self.solved.keys():
            array, own = self.solved[k]
            parts.append((coefficients[k] * array, own))
        free = {k: c for k, c in coefficients.items() if k not in self.solved}
        bound = self.reserved.union(*(own for _, own in parts))
        able = [k for k, c in free.items() if abs(c) == 1 and k not in bound]
        label = max(able, key=lambda k: (self.sizes[k], k not in self.output), default=None)
        parts += [(c * np.arange(self.sizes[k]), (k,)) for k, c in free.items() if k != label]
        names = _union(*(own for _, own in parts))
        total = _sum(parts, names)
        if label is None:
            self.factors.append((condition.holds(total), names))
        else:
            self.place(label, -free[label] * total, names)

    def place(self, label: int, index: Array, names: Labels) -> None:
        """Read whatever has the label at that index."""
        inside = (index >= 0) & (index < self.sizes[label])
        at = np.where(inside, index, 0)
        held = False
        for n, (array, own) in enumerate(self.factors):
            if label in own:
                found, new = self.read(array, own, label, at, names)
                self.factors[n] = np.where(_aligned(inside, names, new), found, 0), new
                held = True
        for k, (array, own) in self.solved.items():
            if label in own:
                self.solved[k] = self.read(array, own, label, at, names)
        if not held and label not in self.output:
            self.factors.append((inside.astype(int), names))
        self.solved[label] = index, names

    def read(self, array: Array, own: Labels, label: int, at: Array, names: Labels) -> Labelled:
        new = _union(tuple(k for k in own if k != label), names)
        key = (
            _aligned(at, names, new)
            if k == label
            else _aligned(np.arange(self.sizes[k]), (k,), new)
            for k in own
        )
        return array[tuple(key)], new

    def result(self) -> Array:
        scattered = [k for k in self.output if k in self.solved]
        output = _union(*(self.solved[k][1] if k in self.solved else (k,) for k in self.output))
        held = set(_union(*(own for _, own in self.factors)))
        alone = [k for k in self.sizes if k not in held and k not in self.solved]
        alone += [k for k in output if k not in held and k not in alone]
        for k in alone:  # a broadcast, or a sum over what does not depend on it
            self.factors.append((np.ones(self.sizes[k], dtype=int), (k,)))
        summed = _einsum(self.factors, output, self.sizes) if self.factors else np.ones(())
        return self.scatter(summed, output) if scattered else summed

    def scatter(self, summed: Array, labels: Labels) -> Array:
        """The sums added to the entries of the result that the equations name."""
        inside = np.array(True)
        key: list[Array] = []
        for k in self.output:
            index, own = self.solved.get(k, (np.arange(self.sizes[k]), (k,)))
            index = _aligned(index, own, labels)
            within = (index >= 0) & (index < self.sizes[k])
            inside = inside & within
            key.append(np.where(within, index, 0))
        result = np.zeros([self.sizes[k] for k in self.output], dtype=summed.dtype)
        at = tuple(np.broadcast_to(index, summed.shape) for index in key)
        np.add.at(result, at, np.where(inside, summed, 0))
        return result


def _fewer(factors: Sequence[Labelled]) -> list[Labelled]:
    """The factors with those along the same labels multiplied, then the shortest with each other.

    A product of two keeps the labels of both, so no sum is taken too early.
    """
    groups: dict[Labels, Array] = {}
    for array, own in factors:
        groups[own] = groups[own] * array if own in groups else array
    left = sorted(((array, own) for own, array in groups.items()), key=lambda part: len(part[1]))
    while len(left) > _OPERANDS:
        (first, a), (second, b), *left = left
        both = _union(a, b)
        product = _aligned(first, a, both) * _aligned(second, b, both)
        left = sorted([(product, both), *left], key=lambda part: len(part[1]))
    return left


def _einsum(factors: Sequence[Labelled], output: Labels, sizes: dict[int, int]) -> Array:
    if len(factors) > _OPERANDS:
        factors = _fewer(factors)
    arguments = [part for array, own in factors for part in (array, list(own))]
    entries = prod(sizes[k] for k in _union(output, *(own for _, own in factors)))
    if len(factors) <= 2 or entries <= _LARGE:
        return np.asarray(np.einsum(*arguments, list(output), optimize=False))
    if not any(array.dtype == object for array, _ in factors):
        return np.asarray(np.einsum(*arguments, list(output), optimize="greedy"))
    return _one_by_one(list(factors), output, arguments)


def _one_by_one(factors: list[Labelled], output: Labels, arguments: list[Any]) -> Array:
    """A product in NumPy's greedy order: a sum of all entries of objects is no array to NumPy,
    which loses its way where it contracts further.
    """
    path, _ = np.einsum_path(*arguments, list(output), optimize="greedy")
    for chosen in path[1:]:
        parts = [factors.pop(k) for k in sorted(chosen, reverse=True)]
        read = {*output}.union(*(own for _, own in factors))
        kept = tuple(k for k in _union(*(own for _, own in parts)) if k in read)
        kept = kept if factors else output
        inner = [each for array, own in parts for each in (array, list(own))]
        factors.append((np.asarray(np.einsum(*inner, list(kept), optimize=False)), kept))
    ((result, _),) = factors
    return result
