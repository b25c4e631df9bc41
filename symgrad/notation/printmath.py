"""Formulas as mathematics: what LaTeX and Unicode share; each says how its own marks are written.

A vector (n,) is a column. Functions and powers of arrays act entry by entry. Of two products, ⊙
binds looser than juxtaposition.
"""

from collections.abc import Callable

from sympy import Expr

from symgrad.notation.entrywise import ENTRYWISE
from symgrad.notation.formula import (
    FORMS,
    Along,
    At,
    Chain,
    Cut,
    Diag,
    Diagonal,
    Fixed,
    Formula,
    Identity,
    Inner,
    Joined,
    Kronecker,
    Matrix,
    Name,
    Norm2,
    Number,
    Outer,
    Placed,
    Reshaped,
    Spread,
    Squeeze,
    Trace,
    Transpose,
    UnknownTensor,
    Windowed,
    fold,
)
from symgrad.notation.indices import INDEXED
from symgrad.notation.limits import bounded
from symgrad.notation.marks import (
    ATOM,
    CALL,
    HADAMARD,
    POWER,
    PRODUCT,
    Notation,
    Parts,
    Printed,
    symmetric,
    two,
)
from symgrad.tensor.dims import ONE, Shape, same


def printed(formula: Formula, notation: Notation) -> Printed:
    """The formula in that notation; no recursion."""
    return fold(formula, RULES, notation, check=bounded)


# leaves


def _name(formula: Name, _: Parts, notation: Notation) -> Printed:
    result = notation.name(formula.leaf)
    return result if formula.ndim else Printed(result.text, result.level, result)


def _number(formula: Number, _: Parts, notation: Notation) -> Printed:
    return notation.number(formula.value)


def _identity(formula: Identity, _: Parts, notation: Notation) -> Printed:
    whole = Printed(notation.identity, ATOM)
    return Printed(whole.text, whole.level, whole)


# arrays as wholes


def _unknown_tensor(formula: UnknownTensor, parts: Parts, notation: Notation) -> Printed:
    name = notation.word(formula.name)
    if len(formula.wrt) == 1 and isinstance(formula.arguments[formula.wrt[0]], Name):
        return notation.partial(name, parts[formula.wrt[0]].text)
    if formula.wrt:
        by = "".join(str(k + 1) for k in formula.wrt)
        name = notation.below("∂" if notation.inline else "\\partial", by) + name
    return Printed(f"{name}({', '.join(part.text for part in parts)})", CALL)


def _along(formula: Along, parts: Parts, notation: Notation) -> Printed:
    operand = formula.operand
    if formula.name == "sum" and operand.ndim <= 2:
        return _matrix_sum(formula, parts[0], notation)
    rows = formula.axes == (operand.ndim - 1,)
    axes = "" if rows else ",".join(map(str, formula.axes))
    result = notation.along(formula.name, axes, parts[0].text)
    return result if formula.ndim else symmetric(result)


def _matrix_sum(formula: Along, part: Printed, notation: Notation) -> Printed:
    """Products with vectors of ones."""
    ones, row = notation.one, notation.row_of_ones()
    inner = notation.at(part, PRODUCT)
    across = notation.at(notation.flipped(part), PRODUCT)
    if formula.operand.ndim == 1:
        lies = isinstance(formula.operand, Squeeze) and formula.operand.axes == (0,)
        pieces = [across, ones] if lies else [row, inner]
        return symmetric(Printed(notation.join(pieces), PRODUCT))
    if len(formula.axes) == 2:
        return symmetric(Printed(notation.join([row, inner, ones]), PRODUCT))
    if formula.axes == (1,):
        column = Printed(notation.join([inner, ones]), PRODUCT)
        return two(column, Printed(notation.join([row, across]), PRODUCT))
    column = Printed(notation.join([across, ones]), PRODUCT)
    lying = Printed(notation.join([row, inner]), PRODUCT)
    return two(lying, column) if formula.keepdims else two(column, lying)


def _norm2(formula: Norm2, parts: Parts, notation: Notation) -> Printed:
    result = notation.norm(parts[0].text, formula.operand.ndim > 1, "2")
    return Printed(result.text, result.level, result, tuple(parts))


def _inner(formula: Inner, parts: Parts, notation: Notation) -> Printed:
    return symmetric(Printed(notation.pair(parts[0].text, parts[1].text), CALL))


def _trace(formula: Trace, parts: Parts, notation: Notation) -> Printed:
    return symmetric(notation.function("trace", [parts[0].text]))


def _chain(formula: Chain, parts: Parts, notation: Notation) -> Printed:
    text = notation.join(notation.at(part, PRODUCT) for part in parts)
    flips = [notation.flipped(part) for part in reversed(parts)]
    flip = notation.join(notation.at(part, PRODUCT) for part in flips)
    if not formula.ndim:
        return symmetric(Printed(text, PRODUCT))
    whole, flipped = Printed(text, PRODUCT), Printed(flip, PRODUCT)
    return two(whole, flipped)


#: Functions of a matrix that are marks above it; all others are words.
_MARKS = {"inv": ("1", True), "pinv": ("+", False)}
_WORDS = {
    "cholesky": "chol",
    "eigvals": "eigvals",
    "eigvecs": "eigvecs",
    "svd_u": "left",
    "svd_s": "singular",
    "svd_vt": "right",
}


def _matrix(formula: Matrix, parts: Parts, notation: Notation) -> Printed:
    (part,) = parts
    if formula.name in _MARKS:
        mark, negated = _MARKS[formula.name]
        sign = notation.minus if negated else ""
        base = notation.at(part, CALL)
        flip = f"{sign}{notation.transposed}" if negated else f"{mark}{notation.transposed}"
        whole = Printed(notation.above(base, sign + mark), POWER)
        if formula.ndim != 2:
            return whole
        return two(whole, Printed(notation.above(base, flip), POWER))
    if formula.name == "logdet":
        inner = notation.function("det", [part.text]).text
        return symmetric(notation.function("log", [notation.function("abs", [inner]).text]))
    result = notation.function(_WORDS.get(formula.name, formula.name), [part.text])
    return result if formula.ndim else symmetric(result)


def _kronecker(formula: Kronecker, parts: Parts, notation: Notation) -> Printed:
    flips = [notation.flipped(part) for part in parts]
    mark = "⊗" if notation.inline else r"\otimes"
    whole, flip = (
        Printed(f" {mark} ".join(notation.at(part, PRODUCT) for part in pair), HADAMARD)
        for pair in (parts, flips)
    )
    return two(whole, flip)


def _reshaped(formula: Reshaped, parts: Parts, notation: Notation) -> Printed:
    operand, (part,) = formula.operand, parts
    if formula.ndim == 1 and isinstance(operand, Transpose) and operand.ndim == 2:
        return notation.function("vec", [notation.flipped(part).text])
    sizes = [notation.at(notation.number(d), CALL) for d in formula.shape]
    head = notation.function("reshape", [part.text])
    return Printed(notation.below(head.text, ", ".join(sizes)), CALL)


def _fixed(formula: Fixed, parts: Parts, notation: Notation) -> Printed:
    result = notation.function("stop", [parts[0].text])
    return result if formula.ndim else symmetric(result)


def _outer(formula: Outer, parts: Parts, notation: Notation) -> Printed:
    def shown(left: Printed, right: Printed) -> Printed:
        pieces = [notation.at(left, PRODUCT), notation.at(notation.flipped(right), PRODUCT)]
        return Printed(notation.join(pieces), PRODUCT)

    return two(shown(*parts), shown(parts[1], parts[0]))


def _transpose(formula: Transpose, parts: Parts, notation: Notation) -> Printed:
    flip = notation.flipped(parts[0])
    return Printed(flip.text, flip.level, parts[0])


def _diag(formula: Diag | Diagonal, parts: Parts, notation: Notation) -> Printed:
    result = notation.function("diag", [parts[0].text])
    return symmetric(result) if isinstance(formula, Diag) else result


def _spread(formula: Spread, parts: Parts, notation: Notation) -> Printed:
    (part,) = parts
    ones, row = notation.one, notation.row_of_ones()
    if not formula.operand.ndim:
        array = _ones(formula.shape, notation)
        if part.text == "1":
            return array
        return Printed(notation.join([notation.at(part, PRODUCT), array.text]), PRODUCT)
    if formula.ndim != 2:
        axes = ",".join(map(str, formula.axes))
        return notation.along("spread", axes, part.text)
    lies = formula.operand.ndim == 2 and formula.operand.shape[0] is ONE
    stands = formula.axes[0] == 0 and not lies
    column = notation.flipped(part) if lies else part
    lying = part if lies else notation.flipped(part)
    standing = Printed(notation.join([notation.at(column, PRODUCT), row]), PRODUCT)
    spread = Printed(notation.join([ones, notation.at(lying, PRODUCT)]), PRODUCT)
    if ONE in formula.shape:
        standing, spread = column, lying
    whole, flip = (standing, spread) if stands else (spread, standing)
    return Printed(whole.text, whole.level, Printed(flip.text, flip.level), (column,))


def _ones(shape: Shape, notation: Notation) -> Printed:
    column, row = notation.one, notation.row_of_ones()
    if len(shape) == 2 and shape[0] is ONE:
        return Printed(row, POWER)
    if len(shape) == 2 and shape[1] is not ONE:
        return Printed(notation.join([column, row]), PRODUCT)
    return Printed(column, ATOM)


def _squeeze(formula: Squeeze, parts: Parts, notation: Notation) -> Printed:
    lies = formula.operand.ndim == 2 and formula.axes == (0,)
    return notation.flipped(parts[0]) if lies else parts[0]


def _at(formula: At, parts: Parts, notation: Notation) -> Printed:
    keys = [":"] * formula.operand.ndim
    keys[formula.axis] = parts[1].text
    return Printed(f"{notation.at(parts[0], CALL)}[{', '.join(keys)}]", CALL)


def _cut(formula: Cut, parts: Parts, notation: Notation) -> Printed:
    stop = formula.stop
    start = "" if formula.begins is None else notation.number(formula.begins).text
    key = f"{start}:{'' if stop is None else notation.number(stop).text}"
    keys = [":"] * formula.operand.ndim
    keys[formula.axis] = key if formula.step == 1 else f"{key}:{formula.step}"
    return Printed(f"{notation.at(parts[0], CALL)}[{', '.join(keys)}]", CALL)


def _placed(formula: Placed, parts: Parts, notation: Notation) -> Printed:
    widths = [
        f"({notation.number(formula.front).text}, {notation.number(formula.behind).text})"
        if axis == formula.axis
        else "(0, 0)"
        for axis in range(formula.ndim)
    ]
    text = widths[0] if formula.ndim == 1 else f"({', '.join(widths)})"
    if formula.ndim == 1 and same(formula.front, formula.behind):
        text = notation.number(formula.front).text
    return notation.function("pad", [parts[0].text, text])


def _joined(formula: Joined, parts: Parts, notation: Notation) -> Printed:
    axis = str(formula.axis) if formula.axis else ""
    return notation.along("concat", axis, ", ".join(part.text for part in parts))


def _windowed(formula: Windowed, parts: Parts, notation: Notation) -> Printed:
    """With indices; the maximum of windows as maxpool(X, size, stride, padding)."""
    if "max" not in formula.name:
        return parts[-1]
    values = [values[0] if len(set(values)) == 1 else values for _, values in formula.options]
    shown = [
        notation.number(v).text
        if isinstance(v, Expr)
        else notation.brackets(", ".join(notation.number(each).text for each in v))
        for v in values
    ]
    name = "maxpool" if formula.name.startswith("max") else "argmaxpool"
    return notation.function(name, [parts[0].text, *shown])


RULES: dict[type[Formula], Callable[..., Printed]] = {
    **ENTRYWISE,
    **INDEXED,
    Name: _name,
    Number: _number,
    Identity: _identity,
    UnknownTensor: _unknown_tensor,
    Along: _along,
    Norm2: _norm2,
    Inner: _inner,
    Trace: _trace,
    Chain: _chain,
    Outer: _outer,
    Transpose: _transpose,
    Diag: _diag,
    Diagonal: _diag,
    Matrix: _matrix,
    Kronecker: _kronecker,
    Reshaped: _reshaped,
    Fixed: _fixed,
    Spread: _spread,
    Squeeze: _squeeze,
    At: _at,
    Cut: _cut,
    Placed: _placed,
    Joined: _joined,
    Windowed: _windowed,
}
assert RULES.keys() == FORMS, "a form cannot be printed"
