"""Index notation: Σ and δ, conditions in brackets, and equations told entry by entry."""

from collections.abc import Callable, Mapping, Sequence

from sympy import Expr

from symgrad.notation.build import negative
from symgrad.notation.correlations import stays_whole
from symgrad.notation.formula import (
    Bracket,
    Correlation,
    Formula,
    Identity,
    Indexed,
    OneHot,
    affine,
)
from symgrad.notation.marks import (
    CALL,
    HADAMARD,
    PRODUCT,
    Notation,
    Parts,
    Printed,
    symmetric,
)
from symgrad.notation.subscripts import Subscript, subscripts
from symgrad.tensor.nodes import INDEX, LOOKUP


def _onehot(formula: OneHot, parts: Parts, notation: Notation) -> Printed:
    letters = notation.letters[: formula.ndim]
    text = notation.bracket(onehot_condition(parts[0], letters, notation))
    return Printed(text, CALL, None, tuple(parts))


def onehot_condition(labels: Printed, letters: Sequence[str], notation: Notation) -> str:
    """k = yᵢ, the last letter being the class."""
    read = notation.at(labels, CALL)
    if letters[:-1]:
        read = notation.below(read, "".join(letters[:-1]))
    return f"{letters[-1]} = {read}"


def _bracket(formula: Bracket, parts: Parts, notation: Notation) -> Printed:
    letters = notation.letters[: formula.ndim]
    text = notation.bracket(condition(formula, parts, letters, notation))
    return Printed(text, CALL, None, tuple(parts))


def condition(
    formula: Bracket, parts: Sequence[Printed], letters: Sequence[str], notation: Notation
) -> str:
    """The condition in index letters, all terms positive."""
    texts: dict[Expr, str] = dict(zip(INDEX, letters, strict=False))
    for symbol, axes, part in zip(LOOKUP, formula.operand_axes, parts, strict=False):
        index = "".join(letters[a] for a in axes)
        read = notation.at(part, CALL)
        texts[symbol] = notation.below(read, index) if index else read
    sides: tuple[list[str], list[str]] = ([], [])
    pairs, rest = affine(formula.condition, texts)
    for name, coefficient in pairs:
        size = -coefficient if negative(coefficient) else coefficient
        text = texts[name]
        if size != 1:
            text = f"{notation.at(notation.number(size), PRODUCT)} {text}"
        sides[negative(coefficient)].append(text)
    if rest != 0:
        sides[negative(rest)].append(notation.number(-rest if negative(rest) else rest).text)
    left, right = (" + ".join(side) or "0" for side in sides)
    return f"{left} {notation.comparisons[formula.op]} {right}"


#: How the entry of a factor at some letters is written, where all letters that mean something are.
Entry = Callable[[Formula, Printed | None, Sequence[str], Sequence[str]], Printed]


def _indexed(formula: Indexed, parts: Parts, notation: Notation) -> Printed:
    def entry(factor: Formula, part: Printed | None, own: Sequence[str], _: object) -> Printed:
        assert part is not None
        return whole_entry(factor, part, own, notation)

    letters = letters_beside((), formula.ndim, notation)
    result = products(formula, parts, letters, letters, notation, entry)
    if not formula.output:
        return symmetric(result)
    return Printed(notation.entries(result.text, "".join(letters)), CALL)


def letters_beside(scope: Sequence[str], count: int, notation: Notation) -> list[str]:
    """That many letters with no meaning yet; numbered ones where letters run out."""
    free = [letter for letter in notation.letters if letter not in scope]
    return [*free, *(f"i{n}" for n in range(len(scope) + count))][:count]


def products(
    formula: Indexed,
    parts: Sequence[Printed | None],
    letters: Sequence[str],
    scope: Sequence[str],
    notation: Notation,
    entry: Entry,
) -> Printed:
    """Σ Π factors at these letters of the output; `scope` are all letters that mean something."""
    labels = dict.fromkeys(k for own in formula.inputs for k in own)
    inner = [k for k in labels if k not in formula.output]
    fresh = letters_beside(scope, len(inner), notation)
    letter = dict(zip((*formula.output, *inner), (*letters, *fresh), strict=True))
    scope = (*scope, *fresh)
    found, gone = subscripts(formula)
    shown = letter | {k: _subscript(value, letter, notation) for k, value in found.items()}
    pieces = []
    for n, (own, factor, part) in enumerate(
        zip(formula.inputs, formula.factors, parts, strict=True)
    ):
        if n in gone:
            continue
        if found.keys() & set(own):
            assert part is not None
            index = ", ".join(shown[k] for k in own)
            pieces.append(notation.below(notation.at(part, CALL), index))
        else:
            one = entry(factor, part, [letter[k] for k in own], scope)
            pieces.append(notation.at(one, PRODUCT))
    summed = [letter[k] for k in inner if k not in found]
    if summed:
        pieces.insert(0, notation.summation("".join(summed)))
    return Printed(notation.join(pieces), HADAMARD if summed else PRODUCT)


def _correlation(formula: Correlation, parts: Parts, notation: Notation) -> Printed:
    """[Σₚ Xᵢₚ ⋆ Kⱼₚ]ᵢⱼ; with indices alone where arrays have no entries that are arrays."""

    def entry(factor: Formula, part: Printed | None, own: Sequence[str], _: object) -> Printed:
        assert part is not None
        return whole_entry(factor, part, own, notation) if own else part

    if not stays_whole(formula, formula.rank):
        return parts[-1]
    letters = letters_beside((), formula.ndim - formula.rank, notation)
    result = correlated(formula, parts, letters, letters, notation, entry)
    if not formula.output:
        return result
    return Printed(notation.entries(result.text, "".join(letters)), CALL)


def correlated(
    formula: Correlation,
    parts: Sequence[Printed | None],
    letters: Sequence[str],
    scope: Sequence[str],
    notation: Notation,
    entry: Entry,
) -> Printed:
    """Σ left ⋆ right at these letters of the output, with zeros around left, or ∗; cut as it is."""
    labels = dict.fromkeys(k for own in formula.inputs for k in own)
    inner = [k for k in labels if k not in formula.output]
    fresh = letters_beside(scope, len(inner), notation)
    letter = dict(zip((*formula.output, *inner), (*letters, *fresh), strict=True))
    factors = (formula.left, formula.right, *formula.others)
    left, right, *others = (
        entry(factor, part, [letter[k] for k in own], (*scope, *fresh))
        for factor, part, own in zip(factors, parts, formula.inputs, strict=False)
    )
    star, number = formula.kind == "⋆", notation.number(formula.padding)
    if star and formula.padding != 0:
        left = notation.function("pad", [left.text, number.text])
    front = [notation.summation("".join(fresh))] if fresh else []
    front += [notation.at(each, PRODUCT) for each in others]
    text = notation.join([*front, notation.at(left, PRODUCT)])
    mark = notation.star if star else notation.convolved
    text += f" {mark} {notation.at(right, PRODUCT)}"
    keys = [f"::{notation.number(step).text}" if step != 1 else ":" for step in formula.stride]
    if not star and formula.padding != 0:
        cut = f"{number.text}:{notation.minus}{notation.at(number, PRODUCT)}"
        keys = [cut] * formula.rank
    if all(key == ":" for key in keys):
        return Printed(text, HADAMARD)
    return Printed(f"{notation.brackets(text)}[{', '.join(keys)}]", CALL)


def whole_entry(
    formula: Formula, part: Printed, letters: Sequence[str], notation: Notation
) -> Printed:
    """The entry of what is printed as a whole: a subscript, δ, or a condition."""
    index = "".join(letters)
    if isinstance(formula, Identity):
        return Printed(notation.below("δ" if notation.inline else "\\delta", index), CALL)
    if isinstance(formula, OneHot):
        return Printed(notation.bracket(onehot_condition(part.inner[0], letters, notation)), CALL)
    if isinstance(formula, Bracket):
        return Printed(notation.bracket(condition(formula, part.inner, letters, notation)), CALL)
    return Printed(notation.below(notation.at(part, CALL), index) if index else part.text, CALL)


def _subscript(value: Subscript, letter: Mapping[int, str], notation: Notation) -> str:
    """Σ c · letter + constant, the positive terms first."""
    terms, constant = value
    pieces: list[tuple[bool, str]] = []
    for label, c in terms:
        size = -c if negative(c) else c
        front = [] if size == 1 else [notation.at(notation.number(size), PRODUCT)]
        pieces.append((negative(c), notation.join([*front, letter[label]])))
    if constant != 0:
        size = -constant if negative(constant) else constant
        pieces.append((negative(constant), notation.number(size).text))
    text = ""
    for minus, piece in sorted(pieces, key=lambda pair: pair[0]):
        sign = notation.minus if minus else "+" if text else ""
        text += f" {sign} {piece}" if text else f"{sign}{piece}"
    return text or "0"


INDEXED: dict[type[Formula], Callable[..., Printed]] = {
    OneHot: _onehot,
    Bracket: _bracket,
    Indexed: _indexed,
    Correlation: _correlation,
}
