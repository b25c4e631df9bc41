"""Statements as lines of Python: loops, local variables, loads and stores."""

import re
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from math import prod

from sympy import Expr, S

from symgrad.codegen import linear
from symgrad.codegen.layout import WIDE, fitted
from symgrad.codegen.matrices import View, Whole
from symgrad.codegen.names import free, letters
from symgrad.codegen.numbers import ATOM, CHOICE, PRODUCT, SUM, Text
from symgrad.codegen.plan import Program
from symgrad.codegen.products import Multiple, matrices
from symgrad.codegen.scalars import Scalars, has_bits
from symgrad.codegen.statements import (
    Accumulate,
    Affine,
    Assign,
    Call,
    Fill,
    Finish,
    Index,
    Loop,
    Point,
    Product,
    Read,
    Start,
    Statement,
    Var,
    bracket_terms,
    factor_points,
)
from symgrad.errors import TemplateError
from symgrad.notation import text as unicode
from symgrad.tensor.nodes import (
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Map,
    Node,
    Reduce,
    Total,
    rebuild,
    substitute,
    topological,
)
from symgrad.tensor.operators import constant_of
from symgrad.tensor.primitives import ArgReduce
from symgrad.tensor.windows import digit

#: Pieces longer than this get a line and a name of their own.
_LONG = 60
#: Likewise those that are read more than once, or are part of a long sum.
_SHORT = 12
#: So many numbers are added up in float32 before their sum goes to a total in float64.
ROW = 256


@dataclass(slots=True)
class Writer:
    """Writes the statements of one kernel; `taken` are the identifiers that mean something.

    `narrow`: it computes in float32. `returns`: it returns a number. `general`: symbols stand for
    those of any layer. `margin`: how deep statements outside loops stand.
    """

    program: Program
    scalars: Scalars
    taken: Set[str]
    narrow: bool = False
    returns: bool = False
    general: bool = False
    lines: list[str] = field(default_factory=list)
    scopes: list[dict[object, Text]] = field(default_factory=lambda: [{}])
    letters: dict[Var, str] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    twins: list[dict[Read, Start]] = field(default_factory=list)
    margin: int = 1
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        self.depth = self.margin

    def write(self, statements: Iterable[Statement]) -> None:
        for statement in statements:
            _WRITE[type(statement)](self, statement)

    def line(self, text: str, note: str = "") -> None:
        """A line, with a formula beside it or above it."""
        text = "    " * self.depth + text
        if note and len(text) + len(note) + 4 <= WIDE:
            text += f"  # {note}"
        elif note and len(note) + 4 * self.depth + 2 <= WIDE:
            self.lines.append("    " * self.depth + f"# {note}")
        self.lines += fitted(text)

    # Names and places

    def index(self, index: Index) -> str:
        if index is None:
            return "0"
        if isinstance(index, Var):
            return self.letters[index]
        found = self.local(index)
        if found is None:
            raise AssertionError("an index is used before its guard")
        return found.text

    def local(self, key: object) -> Text | None:
        for scope in reversed(self.scopes):
            if key in scope:
                return scope[key]
        return None

    def stored(self, node: Node) -> bool:
        return node in self.program.arrays

    def place(self, node: Node, point: Point) -> str:
        """An entry of an array."""
        if isinstance(node, Leaf):
            name = self.program.names[node]
            return f"{name}[{', '.join(map(self.index, point))}]" if node.ndim else name
        return f"{self.program.arrays[node]}[{', '.join(map(self.index, point)) or 0}]"

    def array(self, node: Node) -> str:
        return self.program.arrays.get(node) or self.program.names[node]

    def variable(self, node: Node, point: Point, suffix: str = "") -> str:
        """The local variable of a value: with its indices, where its array has the plain name."""
        name = self.program.names[node]
        if node.ndim and (self.stored(node) or node in self.program.formulas):
            name += "_" + ("".join(self.index(i) for i in point if isinstance(i, Var)) or "0")
        elif not suffix:
            return name
        return free(name + suffix, self.taken)

    def fresh(self, stem: str) -> str:
        """A new local variable."""
        n = 1
        while f"{stem}{n}" in self.taken or f"{stem}{n}" in self.own:
            n += 1
        self.own.add(f"{stem}{n}")
        return f"{stem}{n}"

    # Values

    def value(self, node: Node, point: Point) -> Text:
        """A value at a point: a local variable, an entry, or its formula."""
        found = self.local((node, point))
        if found is not None:
            if (
                self.narrow
                and node.ndim == 0
                and node in self.program.kept
                and self.depth > self.margin
            ):
                return _real(found)  # sums over everything are float64
            return found
        if isinstance(node, Constant):
            return self.scalars.constant(node.value)
        if isinstance(node, Leaf):
            place = self.place(node, point)
            return Text(f"real({place})" if node.domain.startswith("labels") else place)
        if self.stored(node):
            return Text(self.place(node, point))
        again = node in self.program.shared and not isinstance(node, Iverson)
        longest = _SHORT if again else _LONG
        return self.named(self.written(node, point), node, point, longest)

    def at(
        self, texts: Iterable[Text], node: Node, point: Point
    ) -> Iterable[tuple[Text, Node, Point]]:
        """The texts of the operands of a node with the nodes, and where they are read."""
        return ((t, o, point) for t, o in zip(texts, node.operands, strict=True))

    def named(self, text: Text, node: Node, point: Point, longest: int = _LONG) -> Text:
        """A long piece as a local variable."""
        if len(text.text) <= longest or not (" " in text.text or "(" in text.text):
            return text
        name = self.fresh("t")
        self.line(f"{name} = {text.text}")
        self.scopes[-1][(node, point)] = Text(name)
        return Text(name)

    def written(self, node: Node, point: Point) -> Text:
        """The formula of a value at a point."""
        match node:
            case Total():
                return self.total(node, point)
            case Map():
                texts = [self.value(operand, point) for operand in node.operands]
                if self.narrow and not node.ndim and has_bits(node.body):
                    texts = [_real(text) for text in texts]  # a sum over everything is float64
                texts = [
                    self.named(*each, _SHORT) if node.body.count(symbol) > 1 else each[0]
                    for symbol, each in zip(node.bound, self.at(texts, node, point), strict=True)
                ]
                return self.scalars.body(node.body, texts)
            case Einsum():
                return self.factors(factor_points(node, point))
            case Iverson():
                return self.bracket(node, point)
        raise TemplateError(f"no code is known for a {type(node).__name__}")

    def total(self, node: Total, point: Point) -> Text:
        numbers = [constant_of(term) for term in node.terms]
        texts = [
            self.value(term, point) if number is None else self.scalars.constant(c * number)
            for (c, term), number in zip(node.pairs, numbers, strict=True)
        ]
        if sum(len(text.text) for text in texts) > _LONG:
            texts = [self.named(*each, _SHORT) for each in self.at(texts, node, point)]
        coefficients = (
            c if number is None else S.One
            for c, number in zip(node.coefficients, numbers, strict=True)
        )
        return self.scalars.sum(zip(coefficients, texts, strict=True))

    def factors(self, factors: Iterable[Read]) -> Text:
        texts = [
            self.value(f, p) for f, p in factors if not (isinstance(f, Constant) and f.value == 1)
        ]
        if len(texts) == 2 and texts[0] == texts[1] and len(texts[0].text) > 20:
            return self.scalars.call("square", texts[:1])
        return self.scalars.product(texts) if texts else Text(self.scalars.numbers.name(S.One))

    def bracket(self, node: Iverson, point: Point) -> Text:
        constant, terms = bracket_terms(node, point)
        condition = self.affine(constant, terms)
        one, zero = (self.scalars.numbers.name(n) for n in (S.One, S.Zero))
        return Text(f"{one} if {condition} {_SIGNS[node.op]} 0 else {zero}", CHOICE)

    def guard(self, affine: Affine) -> str:
        """Computes an index; returns the condition under which it is one, "" if it always is."""
        terms: list[tuple[Expr, Index | Read]] = [*affine.variables]
        terms += [(c, (node, point)) for c, node, point in affine.entries]
        name = self.fresh("at")
        text = self.affine(affine.constant, terms)
        self.scopes[-1][affine] = Text(name)
        if affine.inside:  # what has no sign is not tested for being from the end
            self.line(f"{name} = index({text})" if terms else f"{name} = {text}")
            return ""
        self.line(f"{name} = {text}")
        return f"0 <= {name} < {self.scalars.size(affine.dim)}"

    def affine(self, constant: Expr, terms: Iterable[tuple[Expr, Index | Read]]) -> str:
        """An integer expression in indices, entries and sizes."""
        text = ""
        for coefficient, each in terms:
            entry = self.entry(*each) if isinstance(each, tuple) else self.index(each)
            minus = coefficient.could_extract_minus_sign()
            size = -coefficient if minus else coefficient
            piece = entry if size == 1 else f"{self._within(size)} * {entry}"
            text += (" - " if minus else " + ") + piece if text else ("-" if minus else "") + piece
        if not text:
            return self.scalars.size(constant)
        if constant == 0:
            return text
        minus = constant.could_extract_minus_sign()
        rest = self.scalars.size(-constant if minus else constant)
        return f"{text} - ({rest})" if minus and " " in rest else f"{text} {'-+'[not minus]} {rest}"

    def entry(self, node: Node, point: Point) -> str:
        """An integer that is read: of an input of labels, or a position that was computed."""
        if isinstance(node, Leaf):
            return self.place(node, point)
        found = digit(node)
        if found is None:
            return f"int({self.value(node, point).text})"
        position, step, size = found
        text = self.entry(position, point)
        if step > 1:
            text += f" // {step}"
        if step * size != position.classes:
            text += f" % {size}"
        return f"({text})" if " " in text else text

    def _within(self, size: Expr) -> str:
        return Text(self.scalars.size(size), ATOM if size.is_Atom else SUM).within(ATOM)

    # Statements

    def loop(self, loop: Loop) -> None:
        used = {*self.letters.values(), *self.taken}
        letter = next(c for c in letters() if c not in used)
        self.letters[loop.var] = letter
        self.scopes.append({})
        self.twins.append(_twins(loop.body))
        outside = set(self.own)
        totals = self.totals(loop)
        if totals:
            self.by_rows(loop, letter, totals)
        else:
            self.line(f"for {letter} in range({self.scalars.size(loop.var.dim)}):")
            self.depth += 1
            self.write(loop.body)
            self.depth -= 1
        self.own = outside
        self.twins.pop()
        self.scopes.pop()
        del self.letters[loop.var]

    def totals(self, loop: Loop) -> list[Accumulate]:
        """The sums in float64 to which a loop over float32 adds at each index."""
        size = loop.var.dim
        if not self.narrow or (size.is_Integer and size <= ROW):
            return []
        if any(isinstance(s, Loop) for s in loop.body):  # then it adds once a row
            return []
        sums = (s for s in loop.body if isinstance(s, Accumulate) and s.op == "+")
        return [s for s in sums if not (s.node.ndim or s.partial or s.scatter)]

    def by_rows(self, loop: Loop, letter: str, totals: Sequence[Accumulate]) -> None:
        """A loop in rows, each added up in float32: vectors of float64 hold half as many."""
        size, row, column = self.scalars.size, self.fresh("row"), self.fresh("column")
        dim = loop.var.dim
        self.line(f"for {row} in range(({size(dim + ROW - 1)}) // {ROW}):")
        self.depth += 1
        self.write(Start(s.node, s.point, partial=True) for s in totals)
        self.line(f"for {column} in range(min({ROW}, {size(dim)} - {ROW} * {row})):")
        self.depth += 1
        self.line(f"{letter} = {ROW} * {row} + {column}")
        rows: dict[Statement, Statement] = {s: replace(s, partial=True) for s in totals}
        self.write(rows.get(s, s) for s in loop.body)
        self.depth -= 1
        self.write(Finish(s.node, s.point, partial=True) for s in totals)
        self.depth -= 1

    def formula(self, node: Node) -> str:
        return self.program.formulas.get(node, "")

    def assign(self, s: Assign) -> None:
        text = self.written(s.node, s.point)
        if self.stored(s.node) and s.node not in self.program.storage.locals:
            self.line(_updated(self.place(s.node, s.point), text), self.formula(s.node))
            return
        name = self.variable(s.node, s.point)
        self.scopes[-1][(s.node, s.point)] = Text(name)
        self.line(f"{name} = {text.text}", self.formula(s.node))
        if self.stored(s.node):
            self.line(f"{self.place(s.node, s.point)} = {name}")

    def accumulator(self, s: Start | Accumulate | Finish) -> str:
        return self.variable(s.node, s.point, "_row" if s.partial else "")

    def start(self, s: Start) -> None:
        if isinstance(s.node, ArgReduce):
            worst = "-np.inf" if s.node.op == "max" else "np.inf"
            self.line(f"{self.accumulator(s)}, {self.record(s)} = 0, real({worst})")
            return
        if self.twin(s) is not None:
            return
        if isinstance(s.node, Reduce):
            first = self.neutral(s.node)
        else:  # sums over everything are added up in float64
            first = "0.0" if s.node.ndim == 0 and not s.partial else self.zero()
        self.line(f"{self.accumulator(s)} = {first}")

    def neutral(self, node: Reduce) -> str:
        """What a maximum, a minimum or a product begins with."""
        if node.op == "prod":  # of everything in float64, like sums
            return self.scalars.numbers.name(S.One) if node.ndim else "1.0"
        return "real(-np.inf)" if node.op == "max" else "real(np.inf)"

    def record(self, s: Start | Accumulate) -> str:
        """The local variable of the largest entry so far."""
        return self.variable(s.node, s.point, "_best")

    def twin(self, s: Start | Accumulate | Finish) -> Start | None:
        """The search for the position of a maximum, if it is made in the same loops."""
        at = s.node, s.point
        return next((known[at] for known in reversed(self.twins) if at in known), None)

    def zero(self) -> str:
        return self.scalars.numbers.name(S.Zero)

    def accumulate(self, s: Accumulate) -> None:
        if self.twin(s) is not None:
            return
        read = {i for point in (s.point, *(p for _, p in s.factors)) for i in point}
        needed = (i for i in s.guards if i in read or not i.inside)
        conditions = list(filter(None, map(self.guard, needed)))
        if conditions:
            self.line(f"if {' and '.join(conditions)}:")
            self.depth += 1
            self.scopes.append({})
        text = self.factors(s.factors)
        if s.scatter:
            self.line(f"{self.place(s.node, s.point)} += {text.text}", self.formula(s.node))
        elif s.op in _UPDATES:
            self.line(f"{self.accumulator(s)} {_UPDATES[s.op]} {text.text}")
        elif isinstance(s.node, ArgReduce):
            self.position(s, s.node, text)
        else:
            name = self.accumulator(s)
            self.line(f"{name} = {self.scalars.call(f'{s.op}imum', [Text(name), text]).text}")
        if conditions:
            self.depth -= 1
            self.scopes.pop()

    def position(self, s: Accumulate, node: ArgReduce, text: Text) -> None:
        """Keeps the position of an entry that beats all before it; the first NaN beats all."""
        name, best, entry = self.accumulator(s), self.record(s), self.fresh("t")
        ((_, point),) = s.factors
        stride: Expr = S.One
        terms: list[tuple[Expr, Index | Read]] = []
        for axis in reversed(node.axes):
            if point[axis] is not None:
                terms.insert(0, (stride, point[axis]))
            stride *= node.operand.shape[axis]
        self.line(f"{entry} = {text.text}")
        better = self.fresh("better")  # no branch, for a processor could not foresee it
        test = "above" if node.op == "max" else "below"
        self.line(f"{better} = {self.scalars.call(test, map(Text, (entry, best))).text}")
        self.line(f"{name} = {self.affine(S.Zero, terms)} if {better} else {name}")
        self.line(f"{best} = {entry} if {better} else {best}")

    def finish(self, s: Finish) -> None:
        if s.into is not None:
            place = self.place(s.into, s.point)
            self.line(f"{place} += {self.accumulator(s)}", self.formula(s.into))
            return
        twin = self.twin(s)
        name = self.variable(s.node, s.point) if twin is None else self.record(twin)
        if s.partial:
            self.line(f"{name} += {self.accumulator(s)}")
            return
        self.scopes[-1][(s.node, s.point)] = Text(name)
        if self.stored(s.node):
            self.line(f"{self.place(s.node, s.point)} = {name}", self.formula(s.node))

    def fill(self, s: Fill) -> None:
        axes = ", ".join(":" * s.node.ndim)
        whole = f"[{axes}]" if s.node.ndim < 3 else ".reshape(-1)[:]"  # one loop, twice as fast
        self.line(f"{self.array(s.node)}{whole} = {self.zero()}")

    def product(self, s: Product) -> None:
        m = matrices(s.einsum)
        assert m is not None
        left, right = (m.rows, m.inner), (m.inner, m.columns)
        shapes = (
            left[::-1] if m.transpose_left else left,
            right[::-1] if m.transpose_right else right,
            (m.rows, m.columns),
        )
        arguments = [
            self.scale(Multiple(s.coefficient, s.scalars, s.node)),
            *(self.matrix(*read, *shape) for read, shape in zip(s.points(), shapes, strict=True)),
        ]
        self.scalars.products.add(m.kind)
        name = "_dot"
        if s.addend is None:
            before = self.scalars.numbers.name(S.One) if m.adds or s.onto else self.zero()
            arguments.insert(3, before)
        else:
            name = "_add"
            self.scalars.sums.add(m.kind)
            whole: Point = (None, None)
            arguments[3:3] = [self.scale(s.addend), self.matrix(s.addend.array, whole, *shapes[2])]
        call = f"{name}_{m.kind}({', '.join(arguments)})"
        part = s.addend is None and isinstance(s.node, Total) and len(s.node.terms) > 1
        formula = "" if part else self.formula(s.node)
        fits = formula and len(formula) + len(call) + 4 * self.depth + 4 <= WIDE
        self.line(call, formula if fits else self.told(s))

    def scale(self, m: Multiple) -> str:
        """The number in front of an array."""
        factors = [self.value(scalar, ()) for scalar in m.scalars]
        if m.coefficient != 1 or not factors:
            factors.insert(0, self.scalars.constant(m.coefficient))
        text = self.scalars.product(factors).text
        return f"real({text})" if m.scalars else text

    def call(self, s: Call) -> None:
        """Fills an array; ends the kernel where a matrix has no such value."""
        node, row = s.node, linear.ROUTINES[s.node.name]
        self.scalars.routines.add(node.name)
        arrays = zip((*node.operands, node), row.axes, strict=True)
        arguments = [self.stack(each, axes, node.batch) for each, axes in arrays]
        call = f"_{node.name}({', '.join(arguments)})"
        if not row.fault:
            self.line(call, self.formula(node))
            return
        place = self.fresh("bad")
        self.line(f"{place} = {call}", self.formula(node))
        self.line(f"if {place} >= 0:")
        number = self.scalars.fault(self.matrix_in(node), row.fault, node.batch > 0)
        fault = f"_fault(sizes, {number}, {place})"
        for line in (f"return {fault}",) if self.returns else (fault, "return"):
            self.line(f"    {line}")

    def stack(self, node: Node, axes: int | None, batch: int) -> str:
        """An array with one axis for its first `batch` and so many beside; as it is for None."""
        name = self.array(node)
        if axes is None:
            return name
        rest = node.shape[batch:]
        groups = [node.shape[:batch], *((d,) for d in rest[: axes - 1]), rest[axes - 1 :]]
        groups = groups[: axes + 1]
        if all(len(group) == 1 for group in groups):
            return name
        sizes = (self.scalars.size(prod(group, start=S.One)) for group in groups)
        return f"{name}.reshape({', '.join(sizes)})"

    def matrix_in(self, node: Whole) -> str:
        """The matrix that a function is of, as a person knows it."""
        matrix = node.operands[0]
        if isinstance(matrix, Whole) and matrix.name == "lu":
            (matrix,) = matrix.operands
        if isinstance(matrix, Leaf):
            return matrix.name
        if self.formula(matrix) or isinstance(matrix, View | Whole):
            return self.array(matrix)
        known: dict[Node, Node] = {
            each: Leaf(self.program.arrays.get(each) or self.program.names[each], each.shape)
            for each in topological(matrix)
            if each in self.program.arrays or each in self.program.names
            if not isinstance(each, Leaf)
        }
        known.pop(matrix, None)
        told = unicode(substitute(matrix, known))
        return told if len(told) <= _LONG else self.array(matrix)

    def told(self, s: Product) -> str:
        """The formula of a product that no definition names."""

        def called(node: Node) -> Node:
            own = isinstance(node, Leaf) and not self.general
            return node if own else Leaf(self.array(node), node.shape)

        core = rebuild(s.einsum, tuple(map(called, s.einsum.operands)))
        rest = {s.einsum: core, **{scalar: called(scalar) for scalar in s.scalars}}
        if s.addend is not None:
            rest |= {each: called(each) for each in (s.addend.array, *s.addend.scalars)}
        if s.addend is None and not s.scalars:
            whole = core if s.coefficient == 1 else Total((s.coefficient,), core)
        else:
            whole = substitute(s.node, rest)
        return f"{unicode(called(s.node))} {'+=' if s.onto else '='} {unicode(whole)}"

    def matrix(self, node: Node, point: Point, *groups: tuple[Expr, ...]) -> str:
        """An array, or its part at the indices of a point, as a matrix of groups of its axes."""
        first = 1 + max((n for n, i in enumerate(point) if i is not None), default=-1)
        name = self.array(node)
        if first:
            name += f"[{', '.join(map(self.index, point[:first]))}]"
        if all(len(group) == 1 for group in groups) and node.ndim == first + len(groups):
            return name
        sizes = (" * ".join(map(self._within, group)) for group in groups)
        return f"{name}.reshape({', '.join(sizes)})"


def _twins(body: Sequence[Statement]) -> dict[Read, Start]:
    """Maxima and minima whose position is searched for in the same loops, with that search."""
    starts = {(s.node, s.point): s for s in body if isinstance(s, Start)}
    found = {}
    for node, point in starts:
        if isinstance(node, Reduce) and node.op != "prod":
            position = ArgReduce(node.op, node.axes, node.operand)
            other = starts.get((position, point))
            if other is not None and _home(body, node) == _home(body, position):
                found[node, point] = other
    return found


def _home(body: Iterable[Statement], node: Node) -> tuple[Var, ...] | None:
    """The loops in a body around what is accumulated for a node."""
    for s in body:
        if isinstance(s, Accumulate) and s.node is node:
            return ()
        inner = _home(s.body, node) if isinstance(s, Loop) else None
        if isinstance(s, Loop) and inner is not None:
            return (s.var, *inner)
    return None


def _real(text: Text) -> Text:
    """A number in the module's own precision."""
    return (
        text if text.text.startswith("real(") and text.binds == ATOM else Text(f"real({text.text})")
    )


def _updated(place: str, text: Text) -> str:
    """`place = text`, or `place += rest` where the text begins with the place itself."""
    for sign, binds in (("+", SUM), ("*", PRODUCT)):
        start = f"{place} {sign} "
        if text.binds == binds and text.text.startswith(start):
            return f"{place} {sign}= {text.text[len(start) :]}"
    if text.text.endswith(f" * {place}") and re.fullmatch(r"\w+", text.text[: -len(place) - 3]):
        return f"{place} *= {text.text[: -len(place) - 3]}"
    return f"{place} = {text.text}"


_SIGNS = {"eq": "==", "ge": ">="}
_UPDATES = {"+": "+=", "prod": "*="}

_WRITE: dict[type, Callable[..., None]] = {
    Loop: Writer.loop,
    Assign: Writer.assign,
    Start: Writer.start,
    Accumulate: Writer.accumulate,
    Finish: Writer.finish,
    Fill: Writer.fill,
    Product: Writer.product,
    Call: Writer.call,
}
