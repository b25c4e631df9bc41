r"""Left sides of equations: names with indices, and gradients in every notation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from symgrad.declare.latex import gradients, subscripts, sums
from symgrad.declare.latex.entries import Affine, Index, Key, onehot
from symgrad.declare.latex.reader import Reader
from symgrad.declare.latex.resolve import Found
from symgrad.declare.latex.steps import is_step
from symgrad.declare.latex.trees import (
    Above,
    Differential,
    Fraction,
    Group,
    Mark,
    Name,
    Number,
    Product,
    Scripted,
    Sum,
    Tree,
    walk,
)
from symgrad.declare.latex.values import Value, spread
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Shape
from symgrad.tensor.labels import classes_of
from symgrad.tensor.nodes import INDEX, UNIT, Iverson, Node


@dataclass(frozen=True, slots=True)
class Left:
    """A left side in parts: the letter and its scripts, further subscripts around it.

    `gradient` is whether it is a derivative of the objective by that name, or a δ; `name` is where
    that name stands in the whole.
    """

    text: str
    below: tuple[Tree, ...]
    above: tuple[Above, ...]
    outer: tuple[Tree, ...]
    gradient: bool
    tree: Tree
    name: Tree


def left_of(tree: Tree) -> Left | None:
    """The left side that a tree is; None if it is none."""
    match tree:
        case Scripted(
            base=Group(kind="PAREN" | "BRACK", items=(inner,)), below=below, above=(), primes=0
        ):
            left = left_of(inner)
            return replace(left, outer=(*left.outer, *below), tree=tree) if left else None
        case Group(kind="PAREN", items=(inner,)):
            return left_of(inner)
        case Fraction(top=top, bottom=bottom):
            of, by = gradients.behind(top), gradients.behind(bottom)
            return _gradient(by[0], tree) if of is not None and by is not None else None
        case Product(
            factors=(Scripted(base=Mark(kind="nabla" | "partial"), below=(name,)), _, *rest)
        ) if all(map(gradients.lists_names, rest)):
            return _gradient(name, tree)
        case Product(factors=(Mark(kind="nabla"), _, Group(kind="PAREN", items=(name,)))):
            return _gradient(name, tree)
        case Product(factors=(Fraction(top=Mark(kind="partial"), bottom=bottom), _, *rest)) if all(
            map(gradients.lists_names, rest)
        ):
            by = gradients.behind(bottom)
            return _gradient(by[0], tree) if by is not None else None
        case Product(factors=(head, *rest), divides=(False, False)) if all(
            map(gradients.lists_names, rest)
        ):
            left = left_of(head)  # J(W, b)
            return replace(left, tree=head) if left is not None else None
        case Differential(of=name):
            return _gradient(name, tree)
        case Scripted(base=Differential(of=name)):
            return _gradient(replace(tree, base=name), tree)
    text, low, high = gradients.parts(tree)
    return Left(text, low, high, (), text == r"\delta", tree, tree) if text is not None else None


def _gradient(by: Tree, tree: Tree) -> Left | None:
    text, below, above = gradients.parts(by)
    return Left(text, below, above, (), True, tree, by) if text is not None else None


def bind_layer(reader: Reader, left: Left) -> Found | None:
    """The name on the left; a letter l or t in its scripts becomes the layer of the target."""
    layer = reader.scope.layer_of(reader.target) if reader.target else None
    found = reader.found(left.text, left.below, left.above)
    if layer is None:
        return found
    scripts = [*left.below, *(item for each in left.above for item in each.items)]
    letters = [
        each.text for script in scripts for each in walk(script)
        if isinstance(each, Name) and each.text in _STEPS and each.text not in reader.bound
    ]  # fmt: skip
    most = len(left.below) + len(left.above)
    if found is not None and found.name == reader.target:
        most = len(found.below) + len(found.above)
    for letter in dict.fromkeys(letters):
        for shift in (0, 1, -1):
            reader.numbers[letter] = layer + shift
            bound = reader.found(left.text, left.below, left.above)
            if bound is not None and bound.name == reader.target:
                if len(bound.below) + len(bound.above) < most:
                    return bound
            del reader.numbers[letter]
    return found


#: Letters of a general layer or step.
_STEPS = {"l", "t", "k", "n", "s", "L", "T", "N", r"\ell", r"\tau"}


def base_of(reader: Reader, trees: Sequence[Tree]) -> int:
    """Whether indices count from 0 or 1: as sums say; in windows such as x_{t+j} from 0."""
    lows: set[str] = set()
    windows = False
    for tree in trees:
        for each in walk(tree):
            if sums.reduces(reader, each):
                for bound in sums.bounds(reader, each):
                    if isinstance(bound.low, Number) and not is_step(reader, bound.letter, tree):
                        lows.add(bound.low.text)
            elif isinstance(each, Scripted):
                windows = windows or any(_window(reader, item) for item in each.below)
    if "0" in lows:
        return 0
    return 0 if windows and "1" not in lows else 1


def _window(reader: Reader, item: Tree) -> bool:
    """Whether a subscript adds two index letters."""
    if not isinstance(item, Sum):
        return False
    letters = [each.text for each in walk(item) if isinstance(each, Name)
               and each.text.islower() and len(each.text) == 1]  # fmt: skip
    return len(letters) > 1


def left_keys(reader: Reader, items: Sequence[Tree], shape: Shape | None, body: Tree) -> list[Key]:
    """What subscripts on the left bind: letters count the axes of the shape, if it is known."""
    keys: list[Key] = []
    for item in items:
        for each in _single(item):
            letter = each.text if isinstance(each, Name) and len(each.text) == 1 else None
            if letter is not None and letter not in reader.numbers and letter not in reader.bound:
                index = reader.index(letter, body)
                if shape is not None and len(keys) < len(shape):
                    index.size = shape[len(keys)]
                reader.bound[letter] = index
                keys.append(Affine({index.ident: 1}, op.exact(0)))
                continue
            keys += subscripts.keys_of(reader, each)
    return keys


def _single(item: Tree) -> Sequence[Tree]:
    if isinstance(item, Product) and all(isinstance(each, Name) for each in item.factors):
        return item.factors
    return (item,)


def arranged(reader: Reader, value: Value, keys: Sequence[Key], tree: Tree) -> Value:
    """The array whose entries at keys are the value; indices that no key binds come first."""
    if not keys:
        return value
    if len(keys) == 1 and isinstance(keys[0], Value) and classes_of(keys[0].node) is not None:
        return _assigned(keys[0], value)
    by_ident = {each.ident: each for each in reader.bound.values()}
    indices: list[Index] = []
    for key in keys:
        if isinstance(key, Affine) and key.letter is not None:
            indices.append(by_ident[key.letter])
        elif key is not None:
            reader.fail("an equation is for each index, not for one", tree)
    gathered = subscripts.gathered(reader, value, indices, tree)
    lead = len(gathered.letters)
    array = list(range(lead + len(indices), gathered.node.ndim))
    own = list(range(lead, lead + len(indices)))
    if not any(key is None for key in keys):
        return gathered
    order = [own.pop(0) if key is not None else (array.pop(0) if array else UNIT) for key in keys]
    order += array
    labels = tuple(range(gathered.node.ndim))
    sizes = dict(enumerate(gathered.node.shape))
    order = [UNIT if k == UNIT or sizes[k] is ONE else k for k in [*range(lead), *order]]
    inner = tuple(UNIT if sizes[k] is ONE else k for k in labels)
    return Value(op.einsum((inner,), order, gathered.node, sizes=sizes), gathered.letters)


def _assigned(labels: Value, value: Value) -> Value:
    """Rows written one after the other to the places that labels say: the last one stays."""
    classes = classes_of(labels.node)
    assert classes is not None
    rows = onehot(labels, classes).node
    size = rows.shape[0]
    meet = op.matmul(rows, op.transpose(rows))
    after = Iverson("ge", INDEX[1] - INDEX[0] - 1, (size, size))
    later = op.sum_over(op.multiply(meet, after), 1)
    kept: Node = op.compare("eq", later, 0)
    node = spread(value, labels.letters, value.rank)
    array = tuple(range(2, node.ndim + 1))
    sizes = {0: size, 1: classes} | dict(zip(array, node.shape[1:], strict=True))
    return Value(op.einsum(((0, 1), (0,), (0, *array)), (1, *array), rows, kept, node, sizes=sizes))
