"""Claims in LaTeX: an equation for a gradient, read with the names of a network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from symgrad.declare.latex.entries import Key
from symgrad.declare.latex.extent import search
from symgrad.declare.latex.left import Left, arranged, base_of, bind_layer, left_keys, left_of
from symgrad.declare.latex.reader import Reader
from symgrad.declare.latex.scope import Scope
from symgrad.declare.latex.source import Latex
from symgrad.declare.latex.trees import Colon, Name, Relation, Tree, parsed
from symgrad.declare.latex.values import Value, sized
from symgrad.errors import ParseError, ShapeError, SymgradError
from symgrad.tensor import operators as op
from symgrad.tensor.dims import ONE, Shape, same, same_shape, show
from symgrad.tensor.nodes import Node

#: Readings of one text that are tried at most.
MOST_READINGS = 64

#: Characters that are read again for other readings; members of a chain a = b = c.
MOST_READ, MOST_MEMBERS = 60_000, 20


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an equation claims.

    Parameters
    ----------
    node :     the right side, in the wanted shape where it fits it.
    left :     the left side as it was written; None where there is none.
    problem :  how the shape differs from the wanted one; "" where it fits.
    notes :    conventions that the reading rests on, in words.
    spans :    part of the right side -> where it stands in the text.
    others :   what a chain of equalities claims before the last; `notes` name members that are
               not read, and not among them.
    readings : other ways in which the text can be read, if they fit as well.
    """

    node: Node
    left: str | None
    problem: str = ""
    notes: tuple[str, ...] = ()
    spans: Mapping[Node, tuple[int, int]] = field(default_factory=dict)
    others: tuple["Claimed", ...] = ()
    readings: tuple["Claimed", ...] = ()


def read_claim(text: str, scope: Scope, wanted: Shape | None = None, of: str = "") -> Claimed:
    r"""What an equation in LaTeX claims, or an expression alone.

    Parameters
    ----------
    scope :   the names that it may use (`Scope.of`).
    wanted :  the shape that the right side should have.
    of :      the name that the claim is the gradient by, w2 or dw2; it says which layer l or step t
              a general equation is read for.

    Raises
    ------
    ParseError     for what cannot be read, and for what can be read in several ways.
    UnknownName    for a letter that nobody declared.
    ShapeError     for factors or terms that do not fit each other.
    """
    if not isinstance(text, str):
        raise ParseError(f"a claim is a text, not a {type(text).__name__}")
    try:
        return _Claim(Latex(text), scope, wanted, _target(scope, of)).read()
    except RecursionError:
        raise ParseError("the formula is nested too deeply", hint="name parts of it") from None


def _target(scope: Scope, of: str) -> str:
    return of if of in scope.nodes else of[1:] if of[:1] == "d" and of[1:] in scope.nodes else ""


@dataclass(slots=True)
class _Claim:
    latex: Latex
    scope: Scope
    wanted: Shape | None
    target: str

    def read(self) -> Claimed:
        statements = parsed(self.latex, self.scope.tokens(self.latex, True).read())
        best: SymgradError | None = None
        found: list[Claimed] = []
        unfit: list[Claimed] = []
        path: list[int] = []
        for _ in range(min(MOST_READINGS, 1 + MOST_READ // (len(self.latex.text) + 1))):
            reader = Reader(self.latex, self.scope, path=path)
            reader.target, reader.wanted = self.target, self.wanted or ()
            try:
                claimed = self._once(reader, statements)
                (unfit if claimed.problem else found).append(claimed)
            except SymgradError as error:
                best = best or error
            following = _next(reader.taken, reader.widths)
            if following is None:
                break
            path = following
        if not found and not unfit:
            assert best is not None
            raise best
        first, *rest = found or unfit[:1]
        more = {claimed.node: claimed for claimed in rest if claimed.node is not first.node}
        return replace(first, readings=tuple(more.values()))

    def _once(self, reader: Reader, statements: tuple[Tree, ...]) -> Claimed:
        """The claim in one reading."""
        main = self._main(reader, statements)
        sides = main.sides if isinstance(main, Relation) and _equates(main) else (main,)
        if len(sides) > MOST_MEMBERS:
            self.latex.fail("a chain of too many equalities", sides[MOST_MEMBERS].start)
        left = left_of(sides[0]) if len(sides) > 1 else None
        bodies = sides[1:] if len(sides) > 1 else sides
        reader.base = base_of(reader, statements)
        reader.statement = bodies[-1]
        items = self._bind(reader, left, bodies[-1])
        keys = left_keys(reader, items, self.wanted, bodies[-1])
        shown = self.latex.text[sides[0].start : sides[0].end] if len(sides) > 1 else None
        others: list[Claimed] = []
        for body in bodies[:-1]:
            bound = dict(reader.bound)
            try:
                node, problem = self._member(reader, body, keys, sides[0])
                others.append(Claimed(node, shown, problem))
            except ShapeError:
                raise  # a mistake, and not a notation
            except SymgradError as error:
                reader.bound = bound
                reader.note(f"{self.latex.text[body.start : body.end]} is not read: {error.what}")
        node, problem = self._member(reader, bodies[-1], keys, sides[0])
        return Claimed(node, shown, problem, tuple(reader.notes), reader.spans, tuple(others))

    def _member(
        self, reader: Reader, body: Tree, keys: Sequence[Key], left: Tree
    ) -> tuple[Node, str]:
        """One member of a chain of equalities, and how its shape differs from the wanted one."""
        return self._fitted(arranged(reader, reader.value(body), keys, left), body)

    def _main(self, reader: Reader, statements: tuple[Tree, ...]) -> Tree:
        """The equation for the target; others define names that it uses."""
        chosen: Tree | None = None
        for statement in statements:
            if not isinstance(statement, Relation) or not _equates(statement):
                if len(statements) == 1:
                    return statement
                self.latex.fail("this is no equation", statement.start)
            assert isinstance(statement, Relation)
            left = left_of(statement.sides[0])
            if left is None and not self.target:
                chosen = statement  # a Jacobian, a Hessian: whatever it is, its right side is read
                continue
            if left is None:
                self.latex.fail("cannot read this left side", statement.start)
            if not left.gradient and self._is_new(reader, left):
                self._localise(reader, left, statement)
            elif self._is_target(reader, left):
                chosen = statement
        if chosen is None:
            main = [
                statement
                for statement in statements
                if isinstance(statement, Relation)
                and (side := left_of(statement.sides[0])) is not None
                and side.text not in reader.local
            ]
            if len(main) != 1:
                self.latex.fail("which of these equations is the claim?", statements[0].start)
            return main[0]
        return chosen

    def _is_new(self, reader: Reader, left: Left) -> bool:
        """Whether nobody declared the name on the left; what is only guessed is none."""
        found = reader.found(left.text, left.below, left.above)
        return found is None or found.lowered or bool(found.note)

    def _is_target(self, reader: Reader, left: Left) -> bool:
        if not left.gradient or not self.target:
            return left.gradient
        before = dict(reader.numbers)
        found = bind_layer(reader, left)
        reader.numbers = before
        return found is not None and found.name == self.target

    def _localise(self, reader: Reader, left: Left, statement: Relation) -> None:
        """A name that the text defines for itself, read when it is used."""
        running: list[bool] = []

        def value() -> Value:
            if running:
                self.latex.fail(f"{left.text} is defined by itself", statement.start)
            running.append(True)
            try:
                bound, reader.bound = reader.bound, {}
                keys = left_keys(reader, left.below, None, statement.sides[1])
                result = arranged(reader, reader.value(statement.sides[1]), keys, left.tree)
                reader.bound = bound
                return result
            finally:
                running.pop()

        reader.local[left.text] = value

    def _bind(self, reader: Reader, left: Left | None, body: Tree) -> tuple[Tree, ...]:
        """Bind the layer on the left; the subscripts there that are indices."""
        if left is None:
            return ()
        found = bind_layer(reader, left)
        if found is None:
            if left.gradient and left.text == r"\delta":
                return left.outer
            shown = self.latex.text[left.name.start : left.name.end]
            self.latex.unknown(
                f"{shown} is not declared", left.name.start, reader.resolver.closest(left.text)
            )
        name = found.name
        if self.target and left.gradient and name != self.target and left.text != r"\delta":
            self.latex.fail(
                f"the left side is the gradient by {name}, not by {self.target}", left.tree.start
            )
        if found.lowered and len(found.below) == 1 and self.wanted and len(self.wanted) == 2:
            return self._beside(reader, found.below[0], body)
        return (*found.below, *left.outer)

    def _beside(self, reader: Reader, item: Tree, body: Tree) -> tuple[Tree, ...]:
        """The subscripts of the columns w_k of W, where k counts these and not the rows."""
        assert self.wanted is not None
        whole = Colon(item.start, item.start, (None, None))
        if isinstance(item, Name):
            index = reader.index(item.text, body)
            search(reader, index)
            rows, columns = self.wanted
            if index.size is not None and same(index.size, columns) and not same(index.size, rows):
                return (whole, item)
        return (item,)

    def _fitted(self, value: Value, body: Tree) -> tuple[Node, str]:
        """The node in the wanted shape, or how it differs."""
        if self.wanted is None:
            if value.unit or value.elastic:
                self.latex.fail("the shape of this is not known", body.start)
            return value.node, ""
        wanted = self.wanted
        if value.unit:
            if len(wanted) == 2 and same(*wanted):
                return sized(value, wanted[0]).node, ""
            raise ShapeError(f"an identity matrix is claimed, but the gradient is {show(wanted)}")
        if value.letters:
            free = ", ".join(letter.partition("#")[0] for letter in value.letters)
            return value.node, f"nothing sums over the index {free} or binds it on the left"
        node = _elongated(value, wanted)
        if same_shape(node.shape, wanted):
            return node, ""
        stood = _stood(value, node, wanted)
        if stood is not None:
            return stood, ""
        if op.constant_of(node) == 0 and not node.ndim:
            return op.full(0, wanted), ""
        return node, f"the claim has shape {show(node.shape)}, the gradient {show(wanted)}"


def _next(taken: list[int], widths: list[int]) -> list[int] | None:
    """The choices after these, in the order of an odometer; None after the last."""
    path = list(taken)
    while path:
        if path[-1] + 1 < widths[len(path) - 1]:
            path[-1] += 1
            return path
        path.pop()
    return None


def _equates(tree: Relation) -> bool:
    return all(sign in ("=", "<-") for sign in tree.signs)


def _elongated(value: Value, wanted: Shape) -> Node:
    """The node with the axes that take any length as long as they are wanted."""
    if not value.elastic or value.rank != len(wanted):
        return value.node
    shape = tuple(wanted[k] if k in value.elastic else size for k, size in enumerate(value.shape))
    return op.broadcast_to(value.node, shape)


def _stood(value: Value, node: Node, wanted: Shape) -> Node | None:
    """A vector as the matrix of one column or row that is wanted, or the other way round."""
    if value.rank == len(wanted) == 2:
        return None  # a row is no column
    full = [size for size in wanted if size is not ONE]
    own = [size for size in node.shape if size is not ONE]
    if len(full) != len(own) or not all(map(same, full, own)):
        return None
    if value.rank == 1 and len(wanted) == 2:
        across = wanted[0] is ONE
        if across != value.lying and wanted != (ONE, ONE):
            return None
    return op.reshape(node, wanted)
