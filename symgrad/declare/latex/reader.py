"""From trees to values: arithmetic, with the names of a scope."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, NoReturn

from sympy import Expr, Integer, Rational, S

from symgrad.declare.latex import (
    arrays,
    calls,
    correlations,
    functions,
    gradients,
    names,
    relations,
    subscripts,
    sums,
)
from symgrad.declare.latex.entries import Affine, Index
from symgrad.declare.latex.extent import search
from symgrad.declare.latex.resolve import Found, Resolver
from symgrad.declare.latex.scope import Scope
from symgrad.declare.latex.source import Latex
from symgrad.declare.latex.trees import (
    Chain,
    Colon,
    Differential,
    Fraction,
    Group,
    Mark,
    Name,
    Number,
    Product,
    Relation,
    Root,
    Scripted,
    Sum,
    Table,
    Tree,
    Word,
)
from symgrad.declare.latex.values import Value, elementwise, matmul, ones, power, product
from symgrad.errors import ShapeError, SymgradError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import Dim, Shape, same
from symgrad.tensor.nodes import Leaf, Node


@dataclass(frozen=True, slots=True)
class Tail:
    """What follows a product: the rest of its chain, and terms that a sum may take in."""

    parts: tuple[Tree, ...] = ()
    signs: tuple[str, ...] = ()
    terms: tuple[Tree, ...] = ()
    term_signs: tuple[int, ...] = ()


@dataclass(slots=True)
class Reader:
    """Reads the expressions of one text.

    Parameters
    ----------
    base :    the first number of indices, 0 or 1.
    bound :   letters that are indices.
    numbers : letters of layers and steps, l = 2.
    local :   names that the text itself defines, read when they are used.
    target :  the name whose gradient the text claims.
    wanted :  the shape that it should have.
    path :    the readings that are chosen where there are several.
    """

    latex: Latex
    scope: Scope
    base: int = 1
    bound: dict[str, Index] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    local: dict[str, Callable[[], Value]] = field(default_factory=dict)
    target: str = ""
    wanted: Shape = ()
    gates: dict[str, list[str]] = field(default_factory=dict)
    statement: Tree | None = None
    closed: bool = False
    path: Sequence[int] = ()
    taken: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    columns: set[str] = field(default_factory=set)
    spans: dict[Node, tuple[int, int]] = field(default_factory=dict)
    _fresh: Iterator[int] = field(default_factory=count)

    # --- state

    def fail(self, what: str, tree: Tree, hint: str = "") -> NoReturn:
        """Raise a ParseError that points at a tree."""
        self.latex.fail(what, tree.start, hint)

    def note(self, text: str) -> None:
        if text and text not in self.notes:
            self.notes.append(text)

    def pick(self, options: int, why: str) -> int:
        """Which of several readings; the readings of a text are tried one after the other.

        `why` says how to write it so that there is one only.
        """
        self.doubts.append(why)
        step = len(self.taken)
        chosen = self.path[step] if step < len(self.path) else 0
        self.taken.append(chosen)
        self.widths.append(options)
        return chosen

    @property
    def resolver(self) -> Resolver:
        layer = self.scope.layer_of(self.target) if self.target else None
        return Resolver(self.scope, self.numbers, layer, self.target, self.bound)

    def index(self, letter: str, *trees: Tree) -> Index:
        """A new index of that letter."""
        return Index(letter, f"{letter}#{next(self._fresh)}", None, trees)

    def index_of(self, ident: str | None) -> Index | None:
        """The index of that identity."""
        return next((each for each in self.bound.values() if each.ident == ident), None)

    @contextmanager
    def binding(self, indices: Sequence[Index]) -> Iterator[None]:
        """The letters are these indices inside."""
        before = dict(self.bound)
        self.bound |= {each.letter: each for each in indices}
        try:
            yield
        finally:
            self.bound = before

    def find_size(self, index: Index) -> Dim | None:
        """The size of an index, which its other uses or its bounds say."""
        if index.size is None and not index.searching:
            index.searching = True
            try:
                search(self, index)
            finally:
                index.searching = False
        return index.size if index.size is not None else index.count

    def size(self, index: Index, tree: Tree) -> Dim:
        """The size of an index.

        Raises
        ------
        ParseError    if nothing says it.
        """
        found = self.find_size(index)
        if found is None:
            self.fail(
                f"how far the index {index.letter} runs is not said",
                tree,
                rf"write bounds: \sum_{{{index.letter}=1}}^{{n}}",
            )
        index.size = found
        return found

    def sizes(self, affines: Sequence[Affine], tree: Tree) -> dict[str, Dim]:
        """The sizes of all indices of sums of indices."""
        by_ident = {each.ident: each for each in self.bound.values()}
        return {ident: self.size(by_ident[ident], tree) for each in affines for ident in each.terms}

    # --- values

    def value(self, tree: Tree) -> Value:
        """What a tree stands for.

        Raises
        ------
        ParseError    for what cannot be read; points at it.
        ShapeError    for factors and terms that do not fit; points at the second of them.
        """
        return self.open(tree, Tail())[0]

    def open(self, tree: Tree, tail: Tail) -> tuple[Value, bool]:
        """The value, and whether a sum at its end took in the tail."""
        value, done = self._open(tree, tail)
        self.spans.setdefault(value.node, (tree.start, tree.end))
        return value, done

    def _open(self, tree: Tree, tail: Tail) -> tuple[Value, bool]:
        try:
            match tree:
                case Product(factors=factors, divides=divides):
                    return self.beside(factors, divides, tail)
                case Chain(parts=parts, signs=signs):
                    return self.chain(parts, signs, tail)
                case Mark() | Name() | Word():
                    return self.beside((tree,), (False,), tail)
                case Scripted():
                    return self.beside((tree,), (False,), tail)
            return _RULES[type(tree)](self, tree), False
        except SymgradError as error:
            raise self.latex.placed(error, tree.start) from None

    def number(self, tree: Tree) -> Expr | None:
        """The number or expression in dimensions that a tree is; None if it is neither."""
        try:
            value = self.value(tree)
        except SymgradError:
            return None
        if value.letters or value.rank:
            return None
        return op.constant_of(value.node)

    def sum(self, tree: Sum) -> Value:
        """Terms one after the other; a Σ takes in the terms that have its index."""
        total: Value | None = None
        k = 0
        while k < len(tree.terms):
            term, sign = tree.terms[k], tree.signs[k]
            taken = sums.taken_in(self, term, tree.terms[k + 1 :])
            if not taken and sums.ends_bare(self, term) and k + 1 < len(tree.terms):
                taken = 1
            rest = slice(k + 1, k + 1 + taken)
            value, _ = self.open(term, Tail((), (), tree.terms[rest], tree.signs[rest]))
            if total is not None:
                self._broadcast(total, value)
            if sign < 0:
                value = replace(value, node=op.scale(-1, value.node))
            try:
                total = value if total is None else self.added(total, value)
            except SymgradError as error:
                raise self.latex.placed(error, term.start) from None
            k += 1 + taken
        assert total is not None
        return total

    def added(self, left: Value, right: Value) -> Value:
        if left.unit and right.unit:
            bare = elementwise(op.add, replace(left, unit=False), replace(right, unit=False))
            return replace(bare, unit=True)
        return elementwise(op.add, left, right)

    def _broadcast(self, *values: Value) -> None:
        """Take down that a named vector is added to the columns of a matrix: it is (n, 1)."""
        matrices = [v for v in values if v.rank == 2 and not v.elastic and not v.unit]
        for value in values:
            if matrices and value.rank == 1 and isinstance(value.node, Leaf):
                rows, columns = matrices[0].shape
                (size,) = value.shape
                if not value.lying and same(size, rows) and not same(size, columns):
                    self.columns.add(value.node.name)

    def chain(
        self, parts: tuple[Tree, ...], signs: tuple[str, ...], tail: Tail
    ) -> tuple[Value, bool]:
        """a ⊙ b ⊙ c, from left to right; a Σ has all that follows."""
        total: Value | None = None
        for k, part in enumerate(parts):
            rest = Tail(parts[k + 1 :], signs[k:], tail.terms, tail.term_signs)
            value, done = self.open(part, rest)
            try:
                total = value if total is None else self.times(total, signs[k - 1], value, part)
            except SymgradError as error:
                raise self.latex.placed(error, part.start) from None
            if done:
                return total, True
        assert total is not None
        return total, False

    def times(self, left: Value, sign: str, right: Value, tree: Tree) -> Value:
        """Two parts with a sign between them."""
        match sign:
            case "hadamard":
                self._broadcast(left, right)
                return elementwise(op.multiply, left, right)
            case "divide":
                return elementwise(op.divide, left, right)
            case "dot":
                return self.dotted(left, right, tree)
            case "kron":
                return arrays.kronecker(self, left, right)
            case "correlate":
                return correlations.correlated(left, right)
            case "convolve":
                return correlations.convolved(self, left, right)
        raise AssertionError(sign)

    def dotted(self, left: Value, right: Value, tree: Tree) -> Value:
        """a · b: a product with a number, the inner product of vectors, or that of matrices."""
        if left.unit or right.unit or left.is_scalar or right.is_scalar:
            return product(left, right)
        if left.rank == right.rank == 1 and left.lying == right.lying:
            if self.pick(2, r"write a^\top b or a \odot b for a \cdot b of two vectors"):
                return elementwise(op.multiply, left, right)
            return matmul(replace(left, lying=True), replace(right, lying=False))
        try:
            return matmul(left, right)
        except ShapeError:
            self.note("a dot between arrays of one shape is read entry by entry")
            return elementwise(op.multiply, left, right)

    def beside(
        self, factors: tuple[Tree, ...], divides: tuple[bool, ...], tail: Tail
    ) -> tuple[Value, bool]:
        """Factors side by side, from left to right; functions take what follows them."""
        total: Value | None = None
        k, done = 0, False
        while k < len(factors):
            at, over = factors[k], divides[k]
            value, used, done = self.factor(factors[k:], divides[k:], tail)
            try:
                if total is None:
                    total = value
                elif over:
                    total = elementwise(op.divide, total, value)
                else:
                    total = product(total, value)
            except SymgradError as error:
                raise self.latex.placed(error, at.start) from None
            k += used
        assert total is not None
        return total, done

    def factor(
        self, factors: tuple[Tree, ...], divides: tuple[bool, ...], tail: Tail
    ) -> tuple[Value, int, bool]:
        """The first factor with what it takes: value, number of factors, whether the tail too."""
        tree = factors[0]
        head = tree.base if isinstance(tree, Scripted) else tree
        try:
            if sums.reduces(self, tree):
                rest = (factors[1:], divides[1:])
                return sums.reduction(self, tree, *rest, tail), len(factors), True
            by = gradients.takes_objective(tree)
            if by is not None:
                return *gradients.operated(self, tree, by, factors[1:]), False
            if isinstance(head, Mark) and head.kind == "one":
                found = relations.indicator(self, tree, factors[1:])
                if found is not None:
                    return *found, False
            function = functions.function(self, tree)
            if function is not None:
                return calls.applied(self, function, factors[1:], divides[1:], tail)
            value = self._plain(tree)
            if factors[1:] and isinstance(group := factors[1], Group) and group.is_slice:
                return subscripts.sliced(self, value, group), 2, False
            return value, 1, False
        except SymgradError as error:
            raise self.latex.placed(error, tree.start) from None

    def _plain(self, tree: Tree) -> Value:
        match tree:
            case Scripted():
                return names.scripted(self, tree)
            case Name(text=text) | Word(text=text):
                return names.named(self, tree, text, (), ())
            case Mark(kind="one"):
                return ones()
            case Mark(kind="dots"):
                self.fail("dots are not read", tree, "write the sum or the product out")
            case Mark(kind=kind):
                self.fail(f"cannot read {kind!r} here", tree)
        return self.value(tree)

    def found(self, stem: str, below: Any, above: Any) -> Found | None:
        """The declared name that a letter with scripts is."""
        return self.resolver.find(stem, below, above)

    def fraction(self, tree: Fraction) -> Value:
        by = gradients.derivative(self, tree)
        if by is not None:
            return gradients.gradient(self, by, tree)
        top, bottom = self.value(tree.top), self.value(tree.bottom)
        if bottom.unit or bottom.elastic:
            self.fail("cannot divide by this", tree.bottom)
        return elementwise(op.divide, top, bottom)

    def root(self, tree: Root) -> Value:
        degree = 2 if tree.degree is None else self.number(tree.degree)
        if degree is None:
            self.fail("the degree of a root is a number", tree)
        return power(self.value(tree.inner), Value(op.as_node(S.One / degree)))

    def literal(self, tree: Number) -> Value:
        if len(tree.text) > 1000:
            self.fail("a number has too many digits", tree, "at most 1000")
        return Value(op.as_node(Rational(tree.text)))

    def differential(self, tree: Differential) -> Value:
        if not isinstance(tree.of, Name | Word):
            self.fail("a gradient is by a name", tree)
        return gradients.differential(self, tree, tree.of.text, (), ())

    def group(self, tree: Group) -> Value:
        return relations.grouped(self, tree)

    def table(self, tree: Table) -> Value:
        return relations.tabled(self, tree)

    def relation(self, tree: Relation) -> Value:
        return relations.related(self, tree)

    def colon(self, tree: Colon) -> Value:
        self.fail("a colon stands in indices only", tree)

    def affine(self, tree: Tree | None) -> Affine | None:
        """A sum of indices and numbers, if that is all that it is."""
        match tree:
            case Name(text=text) if text in self.bound:
                return Affine({self.bound[text].ident: 1}, S.Zero)
            case Name(text=text) if text in self.numbers:
                return Affine({}, Integer(self.numbers[text]))
            case Number(text=text) if text.isdigit():
                return Affine({}, Integer(text))
            case Group(kind="PAREN", items=(inner,)):
                return self.affine(inner)
            case Sum(terms=terms, signs=signs):
                total = Affine({}, S.Zero)
                for term, sign in zip(terms, signs, strict=True):
                    part = self.affine(term)
                    if part is None:
                        return None
                    total = total.plus(part, sign)
                return total
            case Product(factors=(Number(text=text), inner)) if text.isdigit():
                part = self.affine(inner)
                return part.times(int(text)) if part is not None else None
            case Name() | Scripted() | Product():
                if any(isinstance(t, Scripted) and t.below for t in (tree,)):
                    return None
                value = self.number(tree)
                if value is not None and value.is_integer and value.free_symbols:
                    return Affine({}, value)
        return None


_RULES: dict[type[Tree], Callable[[Reader, Any], Value]] = {
    Sum: Reader.sum,
    Number: Reader.literal,
    Fraction: Reader.fraction,
    Root: Reader.root,
    Group: Reader.group,
    Table: Reader.table,
    Relation: Reader.relation,
    Colon: Reader.colon,
    Differential: Reader.differential,
}
