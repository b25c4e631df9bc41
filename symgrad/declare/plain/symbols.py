"""What the plain SymPy symbols of a graph stand for, and its answers in kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sympy import (
    Add,
    Basic,
    Expr,
    Identity,
    IndexedBase,
    MatrixExpr,
    MatrixSymbol,
    Mul,
    Number,
    NumberSymbol,
    Pow,
    Sum,
    Symbol,
    ZeroMatrix,
    floor,
)
from sympy.core.numbers import ImaginaryUnit
from sympy.matrices.expressions.slice import MatrixSlice
from sympy.matrices.expressions.special import OneMatrix

from symgrad.declare.identifiers import require_identifier
from symgrad.declare.plain.reading import brief
from symgrad.declare.plain.table import read
from symgrad.declare.symbols import declare
from symgrad.errors import DeclarationError, NameClash, ShapeError, SymgradError, UnknownName
from symgrad.tensor.dims import Shape, as_shape, same_shape, show
from symgrad.tensor.nodes import Leaf, Node
from symgrad.tensor.scalar import NAMES

_ARITHMETIC = (Add, Mul, Pow, Number, NumberSymbol, ImaginaryUnit, floor, *NAMES)
_SHAPED = (MatrixSymbol, Identity, OneMatrix, ZeroMatrix)

#: What the assumptions on a Symbol say about its values; the first that holds.
_ASSUMED = (("is_positive", "positive"), ("is_nonzero", "nonzero"))


def name_of(symbol: object) -> str:
    """The name of a symbol, SymPy's or a leaf; a text is a name."""
    if isinstance(symbol, IndexedBase):
        return str(symbol.label)
    return str(symbol.name) if isinstance(symbol, Symbol | MatrixSymbol | Leaf) else str(symbol)


@dataclass(slots=True)
class PlainSymbols:
    """The plain symbols of one graph; each is declared when it is met first.

    `parameters`, `domain` and `latex` say by name what SymPy has no words for.
    """

    parameters: tuple[str, ...] = ()
    domain: Mapping[str, str] = field(default_factory=dict)
    latex: Mapping[str, str] = field(default_factory=dict)
    met: dict[str, Basic] = field(default_factory=dict)

    @classmethod
    def told(cls, parameters: object, domain: object, latex: object) -> "PlainSymbols":
        """From the arguments of a graph; raises DeclarationError where they are of other kinds."""
        listed = [parameters] if isinstance(parameters, str | Basic) else parameters or ()
        if not isinstance(listed, Iterable):
            raise DeclarationError(f"parameters= is a list of names or symbols, not {listed!r}")
        for what, given in (("domain", domain), ("latex", latex)):
            if not isinstance(given, Mapping | None):
                raise DeclarationError(f"{what}= is a mapping from names to texts, not {given!r}")
        spelled = [
            {name_of(k): v for k, v in given.items()} if isinstance(given, Mapping) else {}
            for given in (domain, latex)
        ]
        return cls(tuple(map(name_of, listed)), *spelled)

    def read(
        self, expr: Expr, known: Callable[[str], Leaf | None], sizes: Iterable[str]
    ) -> tuple[Node, dict[str, Basic]]:
        """The node of an expression, and the symbols that it has met, to be kept by `keep`.

        Parameters
        ----------
        known : the graph's own symbol or value of a name.
        sizes : the names of its dimensions.
        """
        reading = _Reading(self, known, {*sizes, *_sizes(expr)})
        try:
            return read(expr, reading), reading.met
        except SymgradError as error:
            raise error.at(f'"{brief(expr)}"') from None

    def leaf(self, symbol: Basic, shape: Shape) -> Leaf:
        """The declaration of a symbol."""
        name = name_of(symbol)
        role = "parameter" if name in self.parameters else "input"
        domain = self.domain.get(name) or _assumed(symbol)
        return declare(name, shape, role, domain, self.latex.get(name, ""))

    def rank(self, leaf: Leaf) -> int | None:
        """The place of a parameter among those that were listed."""
        return self.parameters.index(leaf.name) if leaf.name in self.parameters else None

    def answer(self, leaf: Leaf, expr: Expr) -> Expr:
        """The symbol that stands for a value in later expressions: a MatrixSymbol or a Symbol."""
        result: Expr
        if isinstance(expr, MatrixExpr):
            result = MatrixSymbol(leaf.name, *expr.shape)
        else:
            result = Symbol(leaf.name, **({"positive": True} if leaf.domain == "positive" else {}))
        self.met[leaf.name] = result
        return result

    def require_met(self, leaves: Mapping[str, Leaf]) -> None:
        """Raise unless all names that were told about are the graph's."""
        for what in ("parameters", "domain", "latex"):
            for name in getattr(self, what):
                if name not in leaves:
                    raise UnknownName(
                        f"{what}= names {name!r}, but no symbol has that name",
                        hint=f"the symbols are {', '.join(leaves) or 'none'}",
                    )
        for name in self.parameters:
            if leaves[name].role != "parameter":
                raise DeclarationError(f"parameters= names {name!r}, which is declared an input")


@dataclass(slots=True)
class _Reading:
    """What the symbols of one expression stand for; it changes nothing of the graph's."""

    symbols: PlainSymbols
    known: Callable[[str], Leaf | None]
    sizes: set[str]
    met: dict[str, Basic] = field(default_factory=dict)
    leaves: dict[str, Leaf] = field(default_factory=dict)

    def is_dim(self, symbol: Symbol) -> bool:
        if self.known(symbol.name) is not None:
            return False
        return symbol.name in self.sizes or bool(
            symbol.is_integer and symbol.is_positive is not False
        )

    def leaf(self, symbol: Basic, shape: Shape | None) -> Leaf:
        name = require_identifier(name_of(symbol))
        before = (self.symbols.met | self.met).get(name)
        if before is not None and _kind(before) != _kind(symbol):
            raise NameClash(f"{name!r} is {_describe(before)} and {_describe(symbol)}")
        leaf = self.leaves[name] if name in self.leaves else self.known(name)
        if leaf is None:
            if shape is None:
                raise ShapeError(
                    f"the shape of {name} does not follow from its indices",
                    hint=f'declare IndexedBase("{name}", shape=(n, d))',
                )
            leaf = self.symbols.leaf(symbol, shape)
        elif shape is not None and not same_shape(shape, leaf.shape):
            raise NameClash(f"{name!r} has shape {show(leaf.shape)}; here it has {show(shape)}")
        self.met[name], self.leaves[name] = symbol, leaf
        return leaf


def _kind(symbol: Basic) -> object:
    """What tells two symbols of one name apart; dimensions go by their names."""
    if isinstance(symbol, MatrixSymbol):
        return "MatrixSymbol", as_shape(tuple(symbol.shape))
    return "IndexedBase" if isinstance(symbol, IndexedBase) else symbol


def _describe(symbol: Basic) -> str:
    if isinstance(symbol, MatrixSymbol):
        return f"a MatrixSymbol of shape {show(tuple(symbol.shape))}"
    if isinstance(symbol, IndexedBase):
        return "an IndexedBase"
    assumed = [k for k, v in symbol._assumptions_orig.items() if v and k != "commutative"]  # type: ignore[attr-defined]
    return f"a Symbol{' that is ' if assumed else ''}{', '.join(assumed)}"


def _assumed(symbol: Basic) -> str:
    """The domain that SymPy's assumptions say."""
    if not isinstance(symbol, Symbol):
        return "real"
    if symbol.is_integer:
        raise DeclarationError(f"{symbol} is an integer, but no dimension: it is not positive")
    if symbol.is_real is False or symbol.is_commutative is False:
        raise DeclarationError(f"{symbol} is not real", hint="all values are real numbers")
    return next((domain for fact, domain in _ASSUMED if getattr(symbol, fact)), "real")


def is_plain(expr: object, sizes: Iterable[str]) -> bool:
    """Whether it is a plain SymPy expression, and more than arithmetic of a graph's dimensions."""
    names = set(sizes)
    return isinstance(expr, Expr) and not all(
        part.name in names or (part.is_integer and part.is_positive)
        if isinstance(part, Symbol)
        else isinstance(part, _ARITHMETIC)
        for part in _parts(expr)
    )


def _parts(root: Basic) -> Iterator[Basic]:
    """All subexpressions, each once; SymPy's traversal is recursive."""
    seen: set[Basic] = set()
    stack: list[Basic] = [root]
    while stack:
        expr = stack.pop()
        if expr not in seen:
            seen.add(expr)
            yield expr
            stack += [arg for arg in reversed(expr.args) if isinstance(arg, Basic)]


def _sizes(root: Expr) -> set[str]:
    """The names of the dimensions in an expression: in shapes, slices and the bounds of sums."""
    sizes = (size for part in _parts(root) for size in _written_sizes(part))
    return {s.name for size in sizes for s in size.free_symbols if isinstance(s, Symbol)}


def _written_sizes(expr: Basic) -> Iterable[Basic]:
    if isinstance(expr, _SHAPED):
        return tuple(expr.shape)
    if isinstance(expr, MatrixSlice):
        return (*expr.rowslice, *expr.colslice)
    if isinstance(expr, Sum):
        return [bound for limits in expr.limits for bound in limits[1:]]
    if isinstance(expr, IndexedBase) and expr.shape:
        return tuple(expr.shape)
    return ()


__all__ = ["PlainSymbols", "is_plain", "name_of"]
