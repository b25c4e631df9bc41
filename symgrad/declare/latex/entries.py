"""Entries of arrays by their indices: x_i, W_{ij}, X_{:,t+j}, C_{x_i}."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sympy import Expr, Integer, expand

from symgrad.declare.latex.trees import Tree
from symgrad.declare.latex.values import Value
from symgrad.errors import DeclarationError, ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Dim, same, show
from symgrad.tensor.labels import classes_of
from symgrad.tensor.nodes import INDEX, LOOKUP, UNIT, Iverson, Node


@dataclass(slots=True, eq=False)
class Index:
    """A letter that counts along an axis; its size is known once it is met there.

    `trees` is where else it may be met, `count` how many numbers its bounds say.
    """

    letter: str
    ident: str
    size: Dim | None = None
    trees: tuple[Tree, ...] = ()
    searching: bool = field(default=False)
    count: Dim | None = None

    def fits(self, size: Dim) -> bool:
        """Whether it counts an axis of that size; one that nobody knows does from now on."""
        if self.size is None:
            self.size = size
        return same(self.size, size)


@dataclass(frozen=True, slots=True)
class Affine:
    """Σ coefficient · index + constant, in the numbers that people write."""

    terms: Mapping[str, int]
    constant: Expr

    def plus(self, other: "Affine", sign: int) -> "Affine":
        terms = dict(self.terms)
        for ident, c in other.terms.items():
            terms[ident] = terms.get(ident, 0) + sign * c
        constant = expand(self.constant + sign * other.constant)
        return Affine({k: c for k, c in terms.items() if c}, constant)

    def times(self, factor: int) -> "Affine":
        return Affine({k: c * factor for k, c in self.terms.items()}, self.constant * factor)

    def position(self, base: int) -> Expr:
        """The constant in positions from 0, where indices are written from `base`."""
        return expand(self.constant + base * (sum(self.terms.values()) - 1))

    @property
    def letter(self) -> str | None:
        """The index itself, if it is no more than that."""
        if self.constant == 0 and list(self.terms.values()) == [1]:
            return next(iter(self.terms))
        return None


Key = Affine | Value | None


def entry(value: Value, keys: Sequence[Key], sizes: Mapping[str, Dim], base: int) -> Value:
    """The array at keys, one for each axis: None is all of it, a Value labels.

    An entry beyond its axis is 0.

    Raises
    ------
    ShapeError    if there are more keys than axes, or a constant is out of range.
    """
    if len(keys) > value.rank:
        raise ShapeError(f"{len(keys)} indices for an array of shape {show(value.shape)}")
    keys = [*keys, *[None] * (value.rank - len(keys))]
    letters = list(value.letters)
    label: dict[str, int] = {letter: k for k, letter in enumerate(letters)}
    known: dict[int, Dim] = dict(enumerate(value.node.shape[: len(letters)]))
    fresh = iter(range(100, 10_000))

    def of(ident: str, size: Dim) -> int:
        if ident not in label:
            letters.append(ident)
            label[ident] = next(fresh)
            known[label[ident]] = size
        return label[ident]

    own: list[int] = [label[k] for k in value.letters]
    kept: list[int] = []
    factors: list[Node] = [value.node]
    inputs: list[list[int]] = [own]
    for key, size in zip(keys, value.shape, strict=True):
        if isinstance(key, Affine) and key.letter is not None:
            own.append(of(key.letter, size))
            continue
        axis = next(fresh)
        known[axis] = size
        own.append(axis)
        if key is None:
            kept.append(axis)
        elif isinstance(key, Affine):
            _placed(key, size, axis, of, sizes, base, factors, inputs)
        else:
            _labelled(key, size, axis, of, factors, inputs)
    shape = {k: d for k, d in known.items() if d is not ONE}
    tidy = [
        tuple(
            k if k in shape and d is not ONE else UNIT for k, d in zip(labels, f.shape, strict=True)
        )
        for labels, f in zip(inputs, factors, strict=True)
    ]
    order = [label[k] for k in letters] + kept
    output = [k if k in shape else UNIT for k in order]
    return Value(op.einsum(tidy, output, *factors, sizes=shape), tuple(letters))


def _placed(key: Affine, size: Dim, axis: int, of: object, sizes: Mapping[str, Dim], base: int,
            factors: list[Node], inputs: list[list[int]]) -> None:  # fmt: skip
    """A bracket [axis = Σ coefficient · index + constant]."""
    constant = key.position(base)
    if not key.terms:
        gap = expand(size - 1 - constant)
        if constant.is_negative or gap.is_negative:
            raise ShapeError(f"index {key.constant} is out of range for an axis of size {size}")
    condition = INDEX[0] - constant
    shape, labels = [size], [axis]
    for k, (ident, c) in enumerate(key.terms.items(), 1):
        condition -= c * INDEX[k]
        shape.append(sizes[ident])
        labels.append(of(ident, sizes[ident]))  # type: ignore[operator]
    if size is ONE:
        if key.terms:
            raise ShapeError("an axis of size 1 is indexed by a sum")
        return
    factors.append(Iverson("eq", expand(condition), tuple(shape)))
    inputs.append(labels)


def _labelled(key: Value, size: Dim, axis: int, of: object, factors: list[Node],
              inputs: list[list[int]]) -> None:  # fmt: skip
    """A bracket [axis = labels]."""
    classes = classes_of(key.node)
    if key.rank or classes is None:
        raise DeclarationError(
            "an index is a letter, a number or an array of labels",
            hint=f'declare domain="labels:{size}"',
        )
    if not same(classes, size):
        raise ShapeError(f"labels below {classes} index an axis of size {size}")
    picked = onehot(key, size)
    factors.append(picked.node)
    inputs.append([of(k, d) for k, d in key.sizes.items()] + [axis])  # type: ignore[operator]


def onehot(labels: Value, size: Dim) -> Value:
    """The one-hot rows of labels, each of that many entries."""
    n = len(labels.letters)
    shape = (*labels.node.shape, size)
    axes = (tuple(range(n)),)
    return Value(Iverson("eq", INDEX[n] - LOOKUP[0], shape, axes, labels.node), labels.letters)


def compared(
    op_name: str, left: Affine, right: Affine, sizes: Mapping[str, Dim], base: int
) -> Value:
    """The 0/1 array of a relation between indices."""
    gap = left.plus(right, -1)
    letters = tuple(gap.terms)
    condition: Expr = gap.constant + base * Integer(sum(gap.terms.values()))
    for k, letter in enumerate(letters):
        condition += gap.terms[letter] * INDEX[k]
    negated = op_name == "ne"
    names = {"eq": "eq", "ne": "eq", "ge": "ge", "gt": "ge", "le": "ge", "lt": "ge"}
    if op_name in ("le", "lt"):
        condition = -condition
    if op_name in ("gt", "lt"):
        condition -= 1
    node: Node = Iverson(names[op_name], expand(condition), tuple(sizes[k] for k in letters))
    return Value(op.subtract(1, node) if negated else node, letters)
