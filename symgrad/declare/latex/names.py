"""Names with their scripts: values and their entries, gates, examples of a batch, e, π and I."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sympy import S

from symgrad.declare.latex import gradients
from symgrad.declare.latex.arrays import norm
from symgrad.declare.latex.entries import Index, Key, entry
from symgrad.declare.latex.resolve import Found, is_transpose
from symgrad.declare.latex.scope import spelled_all
from symgrad.declare.latex.subscripts import (
    builds,
    built,
    free_index,
    kronecker,
    subscript_keys,
    subscripted,
)
from symgrad.declare.latex.superscripts import raised
from symgrad.declare.latex.trees import (
    Above,
    Differential,
    Group,
    Mark,
    Name,
    Scripted,
    Tree,
    Word,
)
from symgrad.declare.latex.values import Value, elementwise, identity, ones, scalar, transposed
from symgrad.declare.vocabulary import FUNCTIONS
from symgrad.errors import ShapeError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, as_dim, same
from symgrad.tensor.nodes import Leaf

if TYPE_CHECKING:
    from symgrad.declare.latex.reader import Reader

Below = tuple[Tree, ...]
Aboves = tuple[Above, ...]


def scripted(reader: "Reader", tree: Scripted) -> Value:
    """A base with subscripts, superscripts and primes."""
    base = tree.base
    match base:
        case Name(text=text) | Word(text=text) if tree.primes:
            return _primed(reader, tree, text)
        case Name(text=text) | Word(text=text):
            return named(reader, tree, text, tree.below, tree.above)
        case Differential(of=Name(text=text) | Word(text=text)) if not tree.primes:
            return gradients.differential(reader, tree, text, tree.below, tree.above)
        case Mark(kind="one") if not tree.primes:
            return _ones(reader, tree)
        case Group(kind="BRACK", items=(inner,)) if builds(reader, tree.below):
            return raised(reader, built(reader, inner, tree), tree.above, tree)
        case Group(kind="NORM" | "BAR") if not tree.primes:
            return norm(reader, base, tree.below, tree.above)
    value = subscripted(reader, reader.value(base), tree.below, tree)
    if tree.primes == 1:  # X' as in MATLAB
        value = transposed(value)
    elif tree.primes:
        reader.fail("a prime belongs to a function", tree)
    return raised(reader, value, tree.above, tree)


def named(reader: "Reader", tree: Tree, text: str, below: Below, above: Aboves) -> Value:
    """A name with its scripts."""
    if text in reader.local:
        value = subscripted(reader, reader.local[text](), below, tree)
        return raised(reader, value, above, tree)
    if not below and not above:
        if text in reader.bound:
            return counted(reader, reader.bound[text], tree)
        if text in reader.numbers:
            return Value(op.as_node(reader.numbers[text]))
    gate = _gate(reader, text, below)
    if gate is not None:
        return raised(reader, gate, above, tree)
    found = reader.found(text, below, above)
    if found is None or (_is_number(reader, found) and _no_power(reader, text, above)):
        return _undeclared(reader, tree, text, below, above)
    if not found.gradient:
        return of_name(reader, found, tree)
    delta = kronecker(reader, found, tree)
    return delta if delta is not None else of_name(reader, found, tree)


def _is_number(reader: "Reader", found: Found) -> bool:
    return not isinstance(reader.scope.nodes.get(found.name), Leaf)


def _no_power(reader: "Reader", text: str, above: Sequence[Above]) -> bool:
    """Whether a superscript is no power of a dimension: V^T, or e^{-x} where e is one as well."""
    items = [item for each in above for item in each.items]
    return any(map(is_transpose, items)) or (
        text == "e" and any(reader.number(item) is None for item in items)
    )


def of_name(reader: "Reader", found: Found, tree: Tree) -> Value:
    """The value of a name or its gradient, with all scripts that are no part of the name."""
    reader.note(found.note)
    known = reader.scope.gradients if found.gradient else reader.scope.nodes
    if found.name not in known:
        reader.fail(f"there is no gradient by {found.name} here", tree)
    value = Value(known[found.name])
    above, below = list(found.above), found.below
    example = next((each for each in above if _is_example(reader, each)), None)
    if example is not None:
        above.remove(example)
        (item,) = example.items
        assert isinstance(item, Group)
        value = _at_example(reader, value, item.items[0], tree, rows=False)
    elif found.lowered and value.rank == 2 and len(subscript_keys(reader, below)) == 1:
        value, below = _at_example(reader, value, below[0], tree, rows=True), ()
    return raised(reader, subscripted(reader, value, below, tree), above, tree)


def counted(reader: "Reader", index: Index, tree: Tree) -> Value:
    """An index as a number."""
    counts = op.add(op.arange(reader.size(index, tree)), reader.base)
    return Value(counts, (index.ident,))


def _is_example(reader: "Reader", above: Above) -> bool:
    """Whether a superscript is (i) for an index i."""
    match above.items:
        case (Group(kind="PAREN" | "BRACK", items=(inner,)),):
            affine = reader.affine(inner) or free_index(reader, inner)
            return affine is not None and bool(affine.terms)
    return False


def _at_example(reader: "Reader", value: Value, item: Tree, tree: Tree, rows: bool) -> Value:
    """One example of a batch: along the axis that its index counts, or that counts the examples;
    else a row, if `rows`.
    """
    key = reader.affine(item) or free_index(reader, item)
    if key is None:
        labels = reader.value(item)
        return entry(value, [labels, *[None] * (value.rank - 1)], {}, reader.base)
    axes = [k for k, size in enumerate(value.shape) if size is not ONE] or [*range(value.rank)]
    if not axes:
        reader.fail("a number has no entries", tree)
    index = reader.index_of(key.letter)
    wanted = index.size or index.count if index is not None else None
    wanted = wanted or reader.scope.batch()
    fitting = [k for k in axes if wanted is not None and same(value.shape[k], wanted)]
    if len(axes) > 1 and len(fitting) != 1 and not rows:
        reader.fail("which axis does this index count?", item, r"write \sum_{i=1}^{m}, or x_{i,:}")
    axis = fitting[0] if fitting else axes[0]
    if index is not None and not index.fits(value.shape[axis]):
        raise ShapeError(
            f"the index {index.letter} runs to {index.size}, but here over {value.shape[axis]}"
        )
    keys: list[Key] = [None] * value.rank
    keys[axis] = key
    result = entry(value, keys, reader.sizes([key], tree), reader.base)
    if result.rank and all(size is ONE for size in result.shape):
        return scalar(result)  # an example with a single feature
    return result


def _gate(reader: "Reader", text: str, below: Below) -> Value | None:
    """a_f: the part of a for the gate f, of as many equal parts as there are gates."""
    letters = reader.gates.get(text)
    if not letters or len(below) != 1 or spelled_all(below) not in letters:
        return None
    found = reader.found(text, (), ())
    if found is None:
        return None
    node = reader.scope.nodes[found.name]
    width = op.exact(node.shape[-1] / len(letters)) if node.ndim else S.Zero
    if not (width.is_integer and width.is_positive):
        return None
    k = letters.index(spelled_all(below))
    reader.note(f"{text} has the parts {', '.join(letters)} in this order")
    return Value(node[..., slice(k * width, (k + 1) * width)])


def _primed(reader: "Reader", tree: Scripted, text: str) -> Value:
    """A name with a prime: another name, or MATLAB's transpose of a declared one."""
    above = (*tree.above, Above((), mark="'" * tree.primes))
    found = reader.found(text, tree.below, above)
    if found is None:
        reader.fail(f"{text} with a prime is neither a function nor a name", tree)
    marks = [each for each in found.above if each.mark.startswith("'")]
    rest = tuple(each for each in found.above if each not in marks)
    value = of_name(reader, replace(found, above=()), tree)
    if marks:
        if marks[0].mark != "'" or value.rank == 0:
            reader.fail("cannot read these primes", tree)
        value = transposed(value)
    return raised(reader, value, rest, tree)


def _ones(reader: "Reader", tree: Scripted) -> Value:
    r"""\mathbf{1}_{n}, \mathbf{1}_{n \times d}, and their transposes."""
    value = ones()
    if tree.below:
        sizes = []
        for item in tree.below:
            for part in getattr(item, "parts", (item,)):
                size = reader.number(part) if part is not None else None
                if size is None:
                    reader.fail("the length of ones is a dimension", item)
                sizes.append(as_dim(size))
        value = Value(op.full(1, tuple(sizes)))
    return raised(reader, value, tree.above, tree)


def _undeclared(reader: "Reader", tree: Tree, text: str, below: Below, above: Aboves) -> Value:
    """A letter that nobody declared: e, π, I, δ_{ij}, or a parameter by the shape that fits."""
    if text == "e" and above and not below and len(above[0].items) == 1:
        value = elementwise(FUNCTIONS["exp"], reader.value(above[0].items[0]))
        return raised(reader, value, above[1:], tree)
    if text == "I" and len(below) == 1:
        size = reader.number(below[0])
        if size is not None:
            return raised(reader, Value(op.eye(as_dim(size))), above, tree)
    if text == r"\delta":
        delta = kronecker(reader, Found("", below, above), tree)
        if delta is not None:
            return delta
    if not below:
        constants = {r"\pi": S.Pi, "e": S.Exp1}
        if text in constants:
            return raised(reader, Value(op.as_node(constants[text])), above, tree)
        if text == "I":
            return raised(reader, identity(), above, tree)
    candidates = [] if below else _by_letter(reader, text)
    if not candidates:
        shown = reader.latex.text[tree.start : tree.end]
        spelled = text + (f"_{{{spelled_all(below)}}}" if below else "")
        hint = reader.resolver.closest(spelled)
        reader.latex.unknown(f"{shown} is not declared", tree.start, hint)
    name = candidates[reader.pick(len(candidates), f"declare {text}")]
    reader.note(f"{text} is read as {name}, the only parameter that fits")
    return raised(reader, Value(reader.scope.nodes[name]), above, tree)


def _by_letter(reader: "Reader", text: str) -> list[str]:
    """Parameters that a capital letter nobody declared may stand for, in a claim."""
    if not reader.target or not (len(text) == 1 and text.isupper()):
        return []
    found = reader.found(text, (), ())
    if found is not None and not _is_number(reader, found):
        return []
    return [
        name
        for name, node in reader.scope.nodes.items()
        if isinstance(node, Leaf) and node.role == "parameter" and node.ndim == 2
    ]
