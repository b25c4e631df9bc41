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


@dataclass(slots=True)
class _Product:
    """An Einsum in the making: labels of index letters and of axes, and factors with theirs."""

    letters: list[str]
    label: dict[str, int]
    sizes: dict[int, Dim]
    factors: list[Node]
    inputs: list[list[int]]

    @classmethod
    def of(cls, value: Value) -> "_Product":
        count = len(value.letters)
        label = {letter: k for k, letter in enumerate(value.letters)}
        sizes = dict(enumerate(value.node.shape[:count]))
        return cls([*value.letters], label, sizes, [value.node], [[*range(count)]])

    def fresh(self, size: Dim) -> int:
        """A new label of that size."""
        self.sizes[len(self.sizes)] = size
        return len(self.sizes) - 1

    def index(self, ident: str, size: Dim) -> int:
        """The label of an index."""
        if ident not in self.label:
            self.letters.append(ident)
            self.label[ident] = self.fresh(size)
        return self.label[ident]

    def times(self, factor: Node, labels: list[int]) -> None:
        self.factors.append(factor)
        self.inputs.append(labels)

    def result(self, kept: list[int]) -> Value:
        """The product with an axis for each index, then the kept ones."""
        real = {k: size for k, size in self.sizes.items() if size is not ONE}
        inputs = [
            tuple(k if size is not ONE else UNIT for k, size in zip(own, f.shape, strict=True))
            for own, f in zip(self.inputs, self.factors, strict=True)
        ]
        order = [self.label[letter] for letter in self.letters] + kept
        output = [k if k in real else UNIT for k in order]
        return Value(op.einsum(inputs, output, *self.factors, sizes=real), tuple(self.letters))


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
    made = _Product.of(value)
    own, kept = made.inputs[0], list[int]()
    for key, size in zip(keys, value.shape, strict=True):
        if isinstance(key, Affine) and key.letter is not None:
            own.append(made.index(key.letter, size))
            continue
        axis = made.fresh(size)
        own.append(axis)
        if key is None:
            kept.append(axis)
        elif isinstance(key, Affine):
            _placed(made, key, size, axis, sizes, base)
        else:
            _labelled(made, key, size, axis)
    return made.result(kept)


def _placed(
    made: _Product, key: Affine, size: Dim, axis: int, sizes: Mapping[str, Dim], base: int
) -> None:
    """A bracket [axis = Σ coefficient · index + constant]."""
    constant = key.position(base)
    if not key.terms:
        gap = expand(size - 1 - constant)
        if constant.is_negative or gap.is_negative:
            raise ShapeError(f"index {key.constant} is out of range for an axis of size {size}")
    if size is ONE and key.terms:
        raise ShapeError("an axis of size 1 is indexed by a sum")
    condition = INDEX[0] - constant
    shape, labels = [size], [axis]
    for k, (ident, c) in enumerate(key.terms.items(), 1):
        condition -= c * INDEX[k]
        shape.append(sizes[ident])
        labels.append(made.index(ident, sizes[ident]))
    if size is not ONE:
        made.times(Iverson("eq", expand(condition), tuple(shape)), labels)


def _labelled(made: _Product, key: Value, size: Dim, axis: int) -> None:
    """A bracket [axis = labels]."""
    classes = classes_of(key.node)
    if key.rank or classes is None:
        raise DeclarationError(
            "an index is a letter, a number or an array of labels",
            hint=f'declare domain="labels:{size}"',
        )
    if not same(classes, size):
        raise ShapeError(f"labels below {classes} index an axis of size {size}")
    made.times(onehot(key, size).node, [*(made.index(k, d) for k, d in key.sizes.items()), axis])


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
