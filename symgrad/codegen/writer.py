"""Statements as lines of Python: loops, local variables, loads and stores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sympy import Expr, S

from symgrad.codegen.nests import (
    Accumulate,
    Affine,
    Assign,
    Fill,
    Finish,
    Index,
    Loop,
    Point,
    Product,
    Start,
    Statement,
    Var,
    factor_points,
)
from symgrad.codegen.plan import matrices
from symgrad.codegen.scalars import ATOM, CHOICE, SUM, Scalars, Text, size_text
from symgrad.errors import TemplateError
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    Constant,
    Einsum,
    Iverson,
    Leaf,
    Map,
    Node,
    Reduce,
    Total,
)

_LETTERS = "ijklmpqrstuvw"
#: Pieces longer than this get a line and a name of their own.
_LONG = 60
#: Lines with a formula beside them end before this column.
_WIDE = 100


@dataclass(slots=True)
class Writer:
    """Writes statements; what is read and not in a local variable ends up in `stored`.

    `names` gives the identifiers of symbols, values and sizes, `formula` the equation of a named
    value, `taken` all identifiers that mean something.
    """

    kept: set[Node]
    names: Mapping[Node, str]
    scalars: Scalars
    taken: set[str]
    formula: Callable[[Node], str]
    stored: set[Node]
    arrays: Mapping[Node, str] = field(default_factory=dict)
    narrow: bool = False
    lines: list[str] = field(default_factory=list)
    scopes: list[dict[object, Text]] = field(default_factory=lambda: [{}])
    letters: dict[Var, str] = field(default_factory=dict)
    depth: int = 1
    locals: set[str] = field(default_factory=set)

    def write(self, statements: list[Statement]) -> None:
        for statement in statements:
            _WRITE[type(statement)](self, statement)

    def line(self, text: str, note: str = "") -> None:
        text = "    " * self.depth + text
        if note and len(text) + len(note) + 4 <= _WIDE:
            text += f"  # {note}"
        elif note and len(note) + 4 * self.depth + 2 <= _WIDE:
            self.lines.append("    " * self.depth + f"# {note}")
        self.lines.append(text)

    # Names and places

    def index(self, index: Index) -> str:
        if index is None:
            return "0"
        if isinstance(index, Var):
            return self.letters[index.root()]
        found = self.local(index)
        if found is None:
            raise AssertionError("an index is used before its guard")
        return found.text

    def local(self, key: object) -> Text | None:
        for scope in reversed(self.scopes):
            if key in scope:
                return scope[key]
        return None

    def place(self, node: Node, point: Point) -> str:
        """An entry of an array."""
        if not node.ndim:
            return self.names[node] + ("" if isinstance(node, Leaf) else "_kept[0]")
        name = self.array(node)
        return f"{name}[{', '.join(map(self.index, point))}]"

    def array(self, node: Node) -> str:
        """The name of a stored array: that of the last value which lives in it."""
        return self.arrays.get(node) or self.names[node]

    def variable(self, node: Node, point: Point, suffix: str = "") -> str:
        """The local variable of a value at a point."""
        letters = "".join(self.index(i) for i in point if isinstance(i, Var))
        if not letters and not suffix:
            return self.names[node] if not node.ndim else f"{self.names[node]}_only"
        name = self.names[node] + (f"_{letters}" if letters else "") + suffix
        while name in self.taken:
            name += "_"
        return name

    def key(self, node: Node, point: Point) -> object:
        return node, tuple(i.root() if isinstance(i, Var) else i for i in point)

    # Values

    def value(self, node: Node, point: Point) -> Text:
        """A value at a point: a local variable, an entry, or its formula."""
        found = self.local(self.key(node, point))
        if found is not None:
            if (
                node.ndim == 0
                and node in self.kept
                and self.depth > 1
                and found.text in self.locals
            ):
                return Text(f"real({found.text})") if self.narrow else found
            return found
        if isinstance(node, Constant):
            return self.scalars.constant(node.value)
        if isinstance(node, Leaf):
            if node.domain.startswith(("labels", "binary")) and node.ndim:
                return (
                    Text(f"real({self.place(node, point)})")
                    if node.domain.startswith("labels")
                    else Text(self.place(node, point))
                )
            return Text(self.place(node, point))
        if node in self.kept:
            self.stored.add(node)
            return Text(self.place(node, point))
        return self.named(self.written(node, point), node, point)

    def named(self, text: Text, node: Node, point: Point) -> Text:
        """A long piece as a local variable."""
        if len(text.text) <= _LONG:
            return text
        n = 1
        while f"t{n}" in self.taken or f"t{n}" in self.locals:
            n += 1
        name = f"t{n}"
        self.locals.add(name)
        self.line(f"{name} = {text.text}")
        self.scopes[-1][self.key(node, point)] = Text(name)
        return Text(name)

    def written(self, node: Node, point: Point) -> Text:
        """The formula of a value at a point."""
        match node:
            case Total():
                return self.scalars.sum((c, self.value(term, point)) for c, term in node.pairs)
            case Map():
                return self.scalars.body(node.body, [self.value(o, point) for o in node.operands])
            case Einsum():
                return self.factors(factor_points(node, point))
            case Iverson():
                return self.bracket(node, point)
        raise TemplateError(f"no code is known for a {type(node).__name__}")

    def factors(self, factors: tuple[tuple[Node, Point], ...]) -> Text:
        texts = [
            self.value(f, p) for f, p in factors if not (isinstance(f, Constant) and f.value == 1)
        ]
        if len(texts) == 2 and texts[0] == texts[1]:
            return (
                self.scalars.call("square", texts[:1])
                if len(texts[0].text) > 20
                else (self.scalars.product(texts))
            )
        return self.scalars.product(texts) if texts else Text(self.scalars.numbers.name(S.One))

    def bracket(self, node: Iverson, point: Point) -> Text:
        condition = self.whole(node, point)
        one, zero = (self.scalars.numbers.name(n) for n in (S.One, S.Zero))
        sign = {"eq": "==", "ge": ">="}[node.op]
        return Text(f"{one} if {condition} {sign} 0 else {zero}", CHOICE)

    def whole(self, node: Iverson, point: Point) -> str:
        from sympy import expand

        condition = expand(node.condition)
        zero = dict.fromkeys((*INDEX, *LOOKUP), S.Zero)
        terms: list[tuple[Expr, str]] = []
        for symbol, index in zip(INDEX, point, strict=False):
            if condition.coeff(symbol) != 0:
                terms.append((condition.coeff(symbol), self.index(index)))
        for symbol, axes, operand in zip(LOOKUP, node.operand_axes, node.operands, strict=False):
            entry = self.place(operand, tuple(point[a] for a in axes))
            terms.append((condition.coeff(symbol), entry))
        return _affine(condition.xreplace(zero), terms)

    def guard(self, affine: Affine) -> str:
        """Computes an index; returns the condition under which it is one."""
        terms = [(c, self.index(var)) for c, var in affine.variables]
        terms += [(c, self.place(node, point)) for c, node, point in affine.entries]
        n = 1
        while f"at{n}" in self.taken or f"at{n}" in self.locals:
            n += 1
        self.locals.add(f"at{n}")
        self.line(f"at{n} = {_affine(affine.constant, terms)}")
        self.scopes[-1][affine] = Text(f"at{n}")
        return f"0 <= at{n} < {size_text(affine.dim)}"

    # Statements

    def loop(self, loop: Loop) -> None:
        used = {self.letters[v] for v in self.letters}
        letter = next(c for c in _letters() if c not in self.taken and c not in used)
        root = loop.var.root()
        self.letters[root] = letter
        self.line(f"for {letter} in range({size_text(root.dim)}):")
        self.depth += 1
        self.scopes.append({})
        self.write(loop.body)
        self.scopes.pop()
        self.depth -= 1
        del self.letters[root]

    def assign(self, s: Assign) -> None:
        text = self.written(s.node, s.point)
        self.keep(s.node, s.point, text)

    def keep(self, node: Node, point: Point, text: Text) -> None:
        name = self.variable(node, point)
        note = self.formula(node)
        self.scopes[-1][self.key(node, point)] = Text(name)
        self.locals.add(name)
        self.line(f"{name} = {text.text}", note)
        if node in self.stored:
            self.line(f"{self.place(node, point)} = {name}")

    def start(self, s: Start) -> None:
        name = self.variable(s.node, s.point, "_row" if s.partial else "")
        self.locals.add(name)
        if isinstance(s.node, Reduce):
            first = "-np.inf" if s.node.op == "max" else "np.inf"
            self.line(f"{name} = real({first})")
        else:
            self.line(f"{name} = {'0.0' if self.wide(s.node) and not s.partial else self.zero()}")

    def wide(self, node: Node) -> bool:
        """Sums over everything are added up in float64."""
        return node.ndim == 0

    def zero(self) -> str:
        return self.scalars.numbers.name(S.Zero)

    def accumulate(self, s: Accumulate) -> None:
        conditions = [self.guard(g) for g in s.guards]
        if conditions:
            self.line(f"if {' and '.join(conditions)}:")
            self.depth += 1
            self.scopes.append({})
        text = self.factors(s.factors)
        if s.scatter:
            self.stored.add(s.node)
            self.line(f"{self.place(s.node, s.point)} += {text.text}", self.formula(s.node))
        else:
            name = self.variable(s.node, s.point, "_row" if s.partial else "")
            if s.op == "+":
                self.line(f"{name} += {text.text}")
            else:
                call = self.scalars.call(f"{s.op}imum", [Text(name), text])
                self.line(f"{name} = {call.text}")
        if conditions:
            self.depth -= 1
            self.scopes.pop()

    def finish(self, s: Finish) -> None:
        if s.partial:
            self.line(
                f"{self.variable(s.node, s.point)} += {self.variable(s.node, s.point, '_row')}"
            )
            return
        name = self.variable(s.node, s.point)
        self.scopes[-1][self.key(s.node, s.point)] = Text(name)
        if s.node in self.stored:
            self.line(f"{self.place(s.node, s.point)} = {name}", self.formula(s.node))

    def fill(self, s: Fill) -> None:
        self.stored.add(s.node)
        whole = ", ".join(":" * s.node.ndim)
        self.line(f"{self.array(s.node)}[{whole}] = {self.zero()}")

    def product(self, s: Product) -> None:
        m = matrices(s.einsum)
        assert m is not None
        self.stored.add(s.node)
        for factor in (m.left, m.right):
            if not isinstance(factor, Leaf):
                self.stored.add(factor)
        factors = [self.value(scalar, ()) for scalar in s.scalars]
        if s.coefficient != 1 or not factors:
            factors.insert(0, self.scalars.constant(s.coefficient))
        alpha = self.scalars.product(factors).text
        if s.scalars:
            alpha = f"real({alpha})"
        kind = "nt"[m.transpose_left] + "nt"[m.transpose_right]
        left_shape = (m.inner, m.rows) if m.transpose_left else (m.rows, m.inner)
        right_shape = (m.columns, m.inner) if m.transpose_right else (m.inner, m.columns)
        arguments = [
            alpha,
            _matrix(self.array(m.left), m.left, left_shape),
            _matrix(self.array(m.right), m.right, right_shape),
            _matrix(self.array(s.node), s.node, (m.rows, m.columns)),
        ]
        self.scalars.used.add(f"product_{kind}")
        note = self.formula(s.node) or (
            f"{self.names[s.node]} = {self.names[m.left]}{'ᵀ' * m.transpose_left}"
            f"·{self.names[m.right]}{'ᵀ' * m.transpose_right}"
        )
        self.line(f"_product_{kind}({', '.join(arguments)})", note)


def _matrix(name: str, node: Node, groups: tuple[tuple[Expr, ...], tuple[Expr, ...]]) -> str:
    """The array as a matrix whose rows and columns are groups of its axes."""
    if node.ndim == 2:
        return name
    sizes = [
        " * ".join(
            Text(size_text(s), SUM).within(ATOM)
            if not (s.is_Symbol or s.is_Integer)
            else size_text(s)
            for s in group
        )
        for group in groups
    ]
    return f"{name}.reshape({sizes[0]}, {sizes[1]})"


def _affine(constant: Expr, terms: list[tuple[Expr, str]]) -> str:
    """An integer expression in indices."""
    text = ""
    for coefficient, entry in terms:
        minus = coefficient.could_extract_minus_sign()
        size = -coefficient if minus else coefficient
        piece = (
            entry
            if size == 1
            else f"{Text(size_text(size), ATOM if size.is_Atom else SUM).within(ATOM)} * {entry}"
        )
        text += (" - " if minus else " + ") + piece if text else ("-" if minus else "") + piece
    if constant == 0 and text:
        return text
    if not text:
        return size_text(constant)
    minus = constant.could_extract_minus_sign()
    return f"{text} {'-' if minus else '+'} {size_text(-constant if minus else constant)}"


def _letters() -> "list[str]":
    return [*_LETTERS, *(f"{c}{n}" for n in range(1, 9) for c in _LETTERS)]


_WRITE: dict[type, Callable[..., None]] = {
    Loop: Writer.loop,
    Assign: Writer.assign,
    Start: Writer.start,
    Accumulate: Writer.accumulate,
    Finish: Writer.finish,
    Fill: Writer.fill,
    Product: Writer.product,
}
