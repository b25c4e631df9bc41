"""What a formula in LaTeX says before its names mean anything: trees with their places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput

from symgrad.declare.latex.source import Latex


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """A part of a formula, from a position of the text to another."""

    start: int
    end: int

    def children(self) -> Iterator["Tree"]:
        """The parts that it is made of."""
        for name in self.__dataclass_fields__:
            yield from _trees(getattr(self, name))


def _trees(value: Any) -> Iterator[Tree]:
    if isinstance(value, Tree):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from _trees(each)


@dataclass(frozen=True, slots=True, eq=False)
class Number(Tree):
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Name(Tree):
    """A letter, with a mark above or in another face, or a declared name of several letters."""

    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Word(Tree):
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Mark(Tree):
    """A sign: sum, prod, partial, nabla, one, T, inf, pinv, dots."""

    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Differential(Tree):
    """The d of dW and the W."""

    of: Tree


@dataclass(frozen=True, slots=True, eq=False)
class Group(Tree):
    """What stands in brackets, apart by commas."""

    kind: str
    items: tuple[Tree, ...]

    @property
    def is_slice(self) -> bool:
        """Whether it is the [:, 1] of X[:, 1]."""
        return self.kind == "BRACK" and any(isinstance(each, Colon) for each in self.items)


@dataclass(frozen=True, slots=True, eq=False)
class Fraction(Tree):
    top: Tree
    bottom: Tree


@dataclass(frozen=True, slots=True, eq=False)
class Root(Tree):
    inner: Tree
    degree: Tree | None


@dataclass(frozen=True, slots=True, eq=False)
class Table(Tree):
    """Rows of cases or of a matrix."""

    kind: str
    rows: tuple[tuple[Tree, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Above:
    """A superscript; `entrywise` where ⊙ comes first. Without a tree it is a mark alone: + or *."""

    items: tuple[Tree, ...]
    entrywise: bool = False
    mark: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Scripted(Tree):
    base: Tree
    below: tuple[Tree, ...]
    above: tuple[Above, ...]
    primes: int

    def children(self) -> Iterator[Tree]:
        yield self.base
        yield from self.below
        for each in self.above:
            yield from each.items


@dataclass(frozen=True, slots=True, eq=False)
class Product(Tree):
    """Factors side by side; `divides` says of each whether a slash stands before it."""

    factors: tuple[Tree, ...]
    divides: tuple[bool, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Chain(Tree):
    """Products with ⊙, ·, ⊘, ⋆ or ⊗ between them."""

    parts: tuple[Tree, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Sum(Tree):
    """Terms with their signs, 1 or −1."""

    terms: tuple[Tree, ...]
    signs: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Relation(Tree):
    sides: tuple[Tree, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Colon(Tree):
    """a : b, parts may be missing."""

    parts: tuple[Tree | None, ...]


def walk(tree: Tree) -> Iterator[Tree]:
    """The tree and all its parts, from left to right."""
    stack = [tree]
    while stack:
        each = stack.pop()
        yield each
        stack += reversed(list(each.children()))


def scripts_of(tree: Scripted) -> Iterator[Tree]:
    """All that stands below and above."""
    yield from tree.below
    for each in tree.above:
        yield from each.items


def stem_of(tree: Scripted) -> str | None:
    """The letter that scripts belong to, of a gradient dW as well."""
    base = tree.base.of if isinstance(tree.base, Differential) else tree.base
    return base.text if isinstance(base, Name) else None


def uses(tree: Tree, letter: str) -> bool:
    """Whether a letter stands somewhere in a tree."""
    return any(isinstance(each, Name) and each.text == letter for each in walk(tree))


def _span(children: Sequence[Any]) -> tuple[int, int]:
    first, last = children[0], children[-1]
    start = first.start_pos if isinstance(first, Token) else first.start
    end = last.end_pos if isinstance(last, Token) else last.end
    return start or 0, end or 0


class _Build(Transformer[Token, Any]):
    """Trees from the grammar's rules, bottom up."""

    def start(self, c: list[Any]) -> tuple[Tree, ...]:
        return tuple(each for each in c if isinstance(each, Tree))

    def relation(self, c: list[Any]) -> Tree:
        if len(c) == 1:
            return c[0]
        return Relation(*_span(c), tuple(c[::2]), tuple(str(sign) for sign in c[1::2]))

    def sum(self, c: list[Any]) -> Tree:
        return c[0]

    def signed(self, c: list[Any]) -> Tree:
        return Sum(*_span(c), (c[1],), (1 if str(c[0]) == "+" else -1,))

    def added(self, c: list[Any]) -> Tree:
        left, sign, right = c
        one = 1 if str(sign) == "+" else -1
        if isinstance(left, Sum):
            return Sum(*_span(c), (*left.terms, right), (*left.signs, one))
        return Sum(*_span(c), (left, right), (1, one))

    def chain(self, c: list[Any]) -> Tree:
        return c[0]

    def times(self, c: list[Any]) -> Tree:
        left, sign, *rest = c
        right = rest[-1]
        if len(rest) == 2 and str(rest[0]) == "-":
            right = Sum(*_span(rest), (right,), (-1,))
        if isinstance(left, Chain):
            return Chain(*_span(c), (*left.parts, right), (*left.signs, str(sign)))
        return Chain(*_span(c), (left, right), (str(sign),))

    def product(self, c: list[Any]) -> Tree:
        return c[0]

    def beside(self, c: list[Any]) -> Tree:
        return self._joined(c[0], c[1], False, c)

    def over(self, c: list[Any]) -> Tree:
        return self._joined(c[0], c[2], True, c)

    def _joined(self, left: Tree, right: Tree, divides: bool, c: list[Any]) -> Tree:
        match left:
            case Product(
                factors=(*before, Mark(kind="partial") as top, of, Mark(kind="partial") as bottom),
                divides=(*signs, first, False, True),
            ) if not divides:  # \partial J/\partial W
                above = Product(top.start, of.end, (top, of), (False, False))
                below = Product(bottom.start, right.end, (bottom, right), (False, False))
                return self._last(
                    before, signs, first, Fraction(top.start, right.end, above, below)
                )
            case Product(factors=(*before, top), divides=(*signs, first)) if (
                divides and _is_differential(top) and _is_differential(right)
            ):
                return self._last(before, signs, first, Fraction(top.start, right.end, top, right))
        if divides and _is_differential(left) and _is_differential(right):
            return Fraction(*_span(c), left, right)
        if isinstance(left, Product):
            return Product(*_span(c), (*left.factors, right), (*left.divides, divides))
        return Product(*_span(c), (left, right), (False, divides))

    def _last(self, before: list[Tree], signs: list[bool], divides: bool, last: Tree) -> Tree:
        """A product with a fraction in place of its last factors."""
        if not before:
            return last
        return Product(before[0].start, last.end, (*before, last), (*signs, divides))

    def factor(self, c: list[Any]) -> Tree:
        return c[0]

    def below(self, c: list[Any]) -> Tree:
        base = self._scripted(c[0])
        if base.below and base is c[0]:
            base = Scripted(base.start, base.end, base, (), (), 0)
        return Scripted(*_span(c), base.base, (*base.below, *c[2]), base.above, base.primes)

    def above(self, c: list[Any]) -> Tree:
        base = self._scripted(c[0])
        above, primes = _primes(c[2])
        both = (*base.above, *above)
        return Scripted(*_span(c), base.base, base.below, both, base.primes + primes)

    def primed(self, c: list[Any]) -> Tree:
        base = self._scripted(c[0])
        return Scripted(*_span(c), base.base, base.below, base.above, base.primes + 1)

    def _scripted(self, tree: Tree) -> Scripted:
        if isinstance(tree, Scripted):
            return tree
        return Scripted(tree.start, tree.end, tree, (), (), 0)

    def raised(self, c: list[Any]) -> Above:
        return Above(c[0])

    def entrywise(self, c: list[Any]) -> Above:
        return Above((c[1],), entrywise=True)

    def star(self, c: list[Any]) -> Above:
        return Above((), mark=str(c[0]))

    def items(self, c: list[Any]) -> tuple[Tree, ...]:
        return tuple(each for each in c if isinstance(each, Tree))

    def item(self, c: list[Any]) -> Tree:
        return c[0]

    def colon(self, c: list[Any]) -> Tree:
        parts: list[Tree | None] = [None]
        for each in c:
            if isinstance(each, Token):
                parts.append(None)
            else:
                parts[-1] = each
        return Colon(*_span(c), tuple(parts))

    def number(self, c: list[Token]) -> Tree:
        return Number(*_span(c), str(c[0]))

    def name(self, c: list[Token]) -> Tree:
        return Name(*_span(c), str(c[0]))

    def word(self, c: list[Token]) -> Tree:
        return Word(*_span(c), str(c[0]))

    def mark(self, c: list[Token]) -> Tree:
        return Mark(*_span(c), str(c[0]))

    def differential(self, c: list[Any]) -> Tree:
        return Differential(*_span(c), c[1])

    def fraction(self, c: list[Any]) -> Tree:
        return Fraction(*_span(c), c[2], c[5])

    def root(self, c: list[Any]) -> Tree:
        trees = [each for each in c if isinstance(each, Tree)]
        return Root(*_span(c), trees[-1], trees[0] if len(trees) > 1 else None)

    def braces(self, c: list[Any]) -> Tree:
        return c[1]

    def group(self, c: list[Any]) -> Tree:
        return Group(*_span(c), c[0].type[1:], c[1])

    def table(self, c: list[Any]) -> Tree:
        return Table(*_span(c), str(c[0]), c[1])

    def rows(self, c: list[Any]) -> tuple[tuple[Tree, ...], ...]:
        return tuple(each for each in c if not isinstance(each, Token))

    def row(self, c: list[Any]) -> tuple[Tree, ...]:
        return tuple(each for each in c if not isinstance(each, Token))


def _is_differential(tree: Tree) -> bool:
    return isinstance(tree.base if isinstance(tree, Scripted) else tree, Differential)


def _primes(above: Above) -> tuple[tuple[Above, ...], int]:
    """The prime of g^{[1]'}, which belongs to the g, apart from the rest."""
    match above.items:
        case (Scripted(base=Group() as inner, below=(), above=(), primes=primes),):
            return (Above((inner,)),), primes
        case (Product(factors=(Group() as inner, Mark(kind="prime"))),):
            return (Above((inner,)),), 1
        case (Mark(kind="prime"),):
            return (), 1
    return (above,), 0


@cache
def _parser() -> Lark:
    grammar = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        grammar, parser="lalr", lexer="basic", transformer=_Build(), maybe_placeholders=False
    )


#: What may stand at a place, in words, for the hint of an error.
_EXPECTED = {
    "CLOSE": "}", "RPAREN": ")", "RBRACK": "]", "RCURLY": r"\}", "RBAR": "|", "RNORM": r"\|",
    "RANGLE": r"\rangle", "END": r"\end{...}",
}  # fmt: skip


def parsed(latex: Latex, tokens: Sequence[Token]) -> tuple[Tree, ...]:
    """The statements of a text.

    Raises
    ------
    ParseError    where the tokens are no formula; points at the first that does not fit.
    """
    if not tokens:
        latex.fail("there are no equations", 0, "write name = expression")
    machine = _parser().parse_interactive()
    last = tokens[0]
    try:
        for token in tokens:
            last = token
            machine.feed_token(token)
        last = Token("$END", "", start_pos=tokens[-1].end_pos, end_pos=tokens[-1].end_pos)
        return machine.feed_eof(last)  # type: ignore[no-any-return, no-untyped-call]
    except UnexpectedInput as error:
        expected: set[str] = set(getattr(error, "expected", ()) or ())
        closing = [_EXPECTED[name] for name in sorted(expected) if name in _EXPECTED]
        shown = (
            "the end" if last.type == "$END" else repr(latex.text[last.start_pos : last.end_pos])
        )
        what = f"cannot read this: {shown} does not fit here"
        hint = f"{' or '.join(closing)} is still to come" if closing else ""
        if not hint and "NAME" in expected:
            hint = "a name, a number or a bracket is missing before it"
        latex.fail(what, last.start_pos or 0, hint)
