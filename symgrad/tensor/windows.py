"""Which labels of a product follow from its brackets: [h = s·i + d·u − p] gives h from i and u.

Such a label needs no loop of its own, and the bracket no array. What a label is solved for is
decided from sizes alone; those that are not numbers count as REPRESENTATIVE.
"""

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from sympy import Expr, Integer, Mod, S, Symbol, expand, floor

from symgrad.tensor.dims import Dim
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Einsum, Iverson, Labels, Map, Node
from symgrad.tensor.primitives import ArgReduce
from symgrad.tensor.scalar import ARGS

#: The sizes that unknown dimensions are taken to have where one must be chosen: any, and those of
#: windows.
REPRESENTATIVE, NARROW = 64, 3


def representative(size: Dim, narrow: Container[Symbol] = ()) -> int:
    """The size with all dimensions at REPRESENTATIVE, or NARROW; at least 1."""
    values = {s: Integer(NARROW if s in narrow else REPRESENTATIVE) for s in size.free_symbols}
    return max(1, int(size.xreplace(values)))


def representatives(node: Einsum) -> dict[int, int]:
    """A size for each label of a product; windows are narrower than what they move over."""
    narrow = {
        symbol
        for factor in node.factors
        if isinstance(factor, Iverson) and factor.op == "eq" and factor.ndim == 3
        for symbol in factor.shape[2].free_symbols
    }
    return {label: representative(size, narrow) for label, size in node.sizes.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """The value of a label: constant + Σ c · label + Σ c · entry of an integer array.

    `bracket` is the position of the factor whose equation gave it.
    """

    bracket: int
    constant: Expr
    labels: Mapping[int, Expr]
    entries: tuple[tuple[Expr, Node, Labels], ...] = ()

    def over(self) -> Labels:
        """The labels that it depends on."""
        read = (k for _, _, labels in self.entries for k in labels if k != UNIT)
        return tuple(dict.fromkeys((*self.labels, *read)))


def places(node: Einsum) -> dict[int, Place]:
    """Each label that an equation among the factors gives, and its value in terms of the others."""
    equations = [
        (n, factor, labels)
        for n, (factor, labels) in enumerate(zip(node.factors, node.inputs, strict=True))
        if isinstance(factor, Iverson) and factor.op == "eq"
    ]
    reserved = {
        labels[a] for _, bracket, labels in equations for axes in bracket.operand_axes for a in axes
    }
    found: dict[int, Place] = {}
    sizes = representatives(node) if equations else {}
    for n, bracket, labels in equations:
        zero = _substituted(_equation(n, bracket, labels), found)
        whole = _digits(zero, node.sizes)
        if whole and not reserved.intersection(whole):
            found = {k: _substituted(old, whole) for k, old in found.items()} | whole
            continue
        able = {k: sizes[k] for k, c in zero.labels.items() if c in (1, -1) and k not in reserved}
        label = _longest(able, node.output, len(zero.labels))
        if label is not None:
            c = -zero.labels[label]  # 0 = rest + (−c) label, and c is its own inverse
            place = Place(
                n,
                zero.constant * c,
                {k: each * c for k, each in zero.labels.items() if k != label},
                tuple((each * c, operand, own) for each, operand, own in zero.entries),
            )
            found = {k: _substituted(old, {label: place}) for k, old in found.items()}
            found[label] = place
    return found


def _digits(zero: Place, sizes: Mapping[int, Dim]) -> dict[int, Place]:
    """All labels of an equation that says that a largest entry's position is theirs: its digits."""
    match zero.entries:
        case ((c, ArgReduce() as position, own),) if zero.constant == 0 and c in (1, -1):
            steps = {-c * step: label for label, step in zero.labels.items()}
        case _:
            return {}
    digits: dict[int, Place] = {}
    step = S.One
    while step in steps and sizes[steps[step]].is_Integer:
        label = steps.pop(step)
        size = sizes[label]
        entry = (S.One, Map(Mod(floor(ARGS[0] / step), size), position), own)
        digits[label] = Place(zero.bracket, S.Zero, {}, (entry,) if size != 1 else ())
        step *= size
    return digits if not steps and step == position.classes else {}


def digit(node: Node) -> tuple[ArgReduce, int, int] | None:
    """A position p, a step and a size, if the node is the digit (p // step) % size."""
    if not (isinstance(node, Map) and isinstance(node.operands[0], ArgReduce)):
        return None
    if not isinstance(node.body, Mod):
        return None
    whole, size = node.body.args
    step = ARGS[0] / whole.args[0]
    return node.operands[0], int(step), int(size)


def _equation(n: int, bracket: Iverson, labels: Labels) -> Place:
    """The left side of condition = 0, in labels."""
    condition = expand(bracket.condition)
    coefficients: dict[int, Expr] = {}
    for axis, label in enumerate(labels):
        if label != UNIT:
            coefficients[label] = coefficients.get(label, S.Zero) + condition.coeff(INDEX[axis])
    entries = tuple(
        (condition.coeff(symbol), operand, tuple(labels[a] for a in axes))
        for symbol, operand, axes in zip(
            LOOKUP, bracket.operands, bracket.operand_axes, strict=False
        )
    )
    constant = condition.xreplace(dict.fromkeys((*INDEX, *LOOKUP), S.Zero))
    return Place(n, constant, {k: c for k, c in coefficients.items() if c != 0}, entries)


def _substituted(place: Place, known: Mapping[int, Place]) -> Place:
    for label in [k for k in place.labels if k in known]:
        c, inner = place.labels[label], known[label]
        sums = {k: each for k, each in place.labels.items() if k != label}
        for k, each in inner.labels.items():
            sums[k] = expand(sums.get(k, S.Zero) + c * each)
        place = replace(
            place,
            constant=expand(place.constant + c * inner.constant),
            labels={k: each for k, each in sums.items() if each != 0},
            entries=place.entries + tuple((c * e, node, own) for e, node, own in inner.entries),
        )
    return place


def _longest(sizes: Mapping[int, int], output: Labels, count: int) -> int | None:
    """The label that needs the longest loop, a summed one among equals; of two labels a summed one,
    which is read, unless the other, which would be written, is quite longer.
    """
    read = max((k for k in sizes if k not in output), key=sizes.__getitem__, default=None)
    written = max((k for k in sizes if k in output), key=sizes.__getitem__, default=None)
    if read is None or written is None:
        return written if read is None else read
    slack = 5 if count == 2 else 4
    return written if 4 * sizes[written] > slack * sizes[read] else read


def solid(node: Einsum, found: Mapping[int, Place]) -> list[int]:
    """The positions of the factors that are read as arrays: all but the solved brackets."""
    used = {place.bracket for place in found.values()}
    return [n for n in range(len(node.factors)) if n not in used]


def loops(labels: Iterable[int], found: Mapping[int, Place]) -> Labels:
    """The labels to loop over where those are read."""
    return tuple(
        dict.fromkeys(
            k
            for label in labels
            if label != UNIT
            for k in (found[label].over() if label in found else (label,))
        )
    )
