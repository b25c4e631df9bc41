"""Subscripts in place of brackets: Σ Xₕ Kᵤ [h = 2 i + u − 1] = Σ X_{2 i + u − 1} Kᵤ.

An entry whose subscript is beyond its axis is 0.
"""

from collections.abc import Iterator

from sympy import Expr, S

from symgrad.notation.formula import Bracket, Identity, Indexed, OneHot, affine
from symgrad.tensor.dims import ONE
from symgrad.tensor.nodes import INDEX

#: A summed label's value: Σ coefficient · label + constant.
Subscript = tuple[tuple[tuple[int, Expr], ...], Expr]


def subscripts(formula: Indexed) -> tuple[dict[int, Subscript], set[int]]:
    """The labels that brackets give, and the positions of those brackets among the factors."""
    found: dict[int, Subscript] = {}
    gone: set[int] = set()
    brackets = {n: own for n, own in enumerate(formula.inputs) if _is_equation(formula.factors[n])}
    read = {
        k
        for own, factor in zip(formula.inputs, formula.factors, strict=True)
        if not isinstance(factor, Bracket | OneHot | Identity)
        for k in own
    }
    for n, own in brackets.items():
        others = {
            k for m, labels in enumerate(formula.inputs) for k in labels
            if m != n and isinstance(formula.factors[m], Bracket | OneHot | Identity)
        }  # fmt: skip
        for label, value in _values(formula.factors[n], own):
            if label in read and label not in formula.output and label not in others:
                found[label] = value
                gone.add(n)
                break
    return found, gone


def _is_equation(factor: object) -> bool:
    return isinstance(factor, Bracket) and factor.op == "eq" and not factor.operands


def _values(bracket: object, own: tuple[int, ...]) -> Iterator[tuple[int, Subscript]]:
    """Each label that the equation can be solved for, and its value."""
    assert isinstance(bracket, Bracket)
    if len(set(own)) < len(own):
        return
    names = dict(zip(INDEX, own, strict=False))
    pairs, rest = affine(bracket.condition, names)
    for name, c in sorted(pairs, key=lambda pair: INDEX.index(pair[0])):  # positions come first
        if c in (1, -1) and bracket.shape[own.index(names[name])] is not ONE:
            terms = tuple((names[other], -k / c) for other, k in pairs if other != name)
            yield names[name], (terms, S(-rest / c))
