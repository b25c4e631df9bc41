"""How a derivation's formulas are spelled: adjoints as ∂J/∂z, symbols of a general layer as z_l."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence

from symgrad.calculus.derivation import Derivation, Derivative
from symgrad.calculus.families import numbered_name, placed
from symgrad.notation import (
    abridged,
    abridged_latex,
    abridged_latex_sides,
    abridged_sides,
)
from symgrad.notation.layers import Layers
from symgrad.notation.names import (
    latex_leaf,
    latex_words,
    partial_latex,
    partial_text,
    superscript,
    text_leaf,
)
from symgrad.notation.shadowed import told_apart
from symgrad.tensor.nodes import Leaf, Node, topological


class Spelling(ABC):
    """One notation, for the formulas and the remarks of a derivation."""

    minus: str
    dots: str
    relations: tuple[str, str]

    def __init__(self, derivation: Derivation) -> None:
        graph = derivation.graph
        self.output = graph.leaf(graph.output)
        symbols = (*graph.symbols, *(d.leaf for d in graph.definitions))
        told = {leaf: of for leaf, of in derivation.adjoints if leaf.role == "adjoint"}
        self.layers = Layers(symbols, told, graph.dims)
        self.shadowed = graph.shadowed
        self.names = spelled(derivation.adjoints, self.name, self.partial, self.along)
        self.tangents = _stems(derivation.adjoints)

    @abstractmethod
    def name(self, leaf: Leaf) -> str: ...

    @abstractmethod
    def partial(self, below: str) -> str:
        """The derivative of the output by what is spelled so."""

    @abstractmethod
    def along(self, what: str) -> str:
        """The differential of what is spelled so."""

    @abstractmethod
    def shown(self, node: Node, names: Mapping[str, str], reserved: str) -> str: ...

    @abstractmethod
    def both(
        self, leaf: Leaf, node: Node, names: Mapping[str, str], reserved: str
    ) -> tuple[str, str]: ...

    @abstractmethod
    def at_layer(self, stem: str, index: str) -> str:
        """A symbol of a general layer."""

    @abstractmethod
    def say(self, words: str) -> str:
        """Plain words among formulas."""

    def node(self, node: Node) -> str:
        """The formula."""
        return self.shown(told_apart(node, self.shadowed), self.names, "")

    def sides(self, leaf: Leaf, node: Node) -> tuple[str, str]:
        """Both sides of an equation."""
        return self.both(leaf, told_apart(node, self.shadowed), self.names, "")

    def general(self, node: Node) -> str:
        """The formula, of a general layer."""
        names = self._general_names(node)
        return self.shown(told_apart(node, self.shadowed), names, self.layers.letter)

    def general_sides(self, leaf: Leaf, node: Node) -> tuple[str, str]:
        """Both sides of an equation, of a general layer."""
        names = self._general_names(leaf, node)
        return self.both(leaf, told_apart(node, self.shadowed), names, self.layers.letter)

    def _general_names(self, *nodes: Node) -> dict[str, str]:
        names = dict(self.names)
        for name in set().union(*map(_names, nodes)):
            place = placed(name)
            if place is not None:
                names[name] = self._placed(place[0], self.layers.index(place[1], self.minus))
        return names

    def _placed(self, stem: str, index: str) -> str:
        if stem in self.tangents:
            return self.along(self._placed(self.tangents[stem], index))
        of = self.layers.stems.get(stem)
        return self.partial(self.at_layer(of, index)) if of else self.at_layer(stem, index)

    def heading(self, layers: Sequence[int]) -> str:
        """for l = 10, ..., 1"""
        return self.say("for ") + f"{self.layers.letter} = {layers[0]}, {self.dots}, {layers[-1]}"

    def limits(self, layers: Sequence[int], within: Sequence[int]) -> str:
        """Where a family has fewer layers than its heading says."""
        most, least = self.relations
        parts = []
        if max(layers) < max(within):
            parts.append(f"{self.layers.letter} {most} {max(layers)}")
        if min(layers) > min(within):
            parts.append(f"{self.layers.letter} {least} {min(layers)}")
        return ", ".join(parts)


class LatexSpelling(Spelling):
    """LaTeX."""

    minus = "-"
    dots = r"\dots"
    relations = (r"\le", r"\ge")

    def name(self, leaf: Leaf) -> str:
        return latex_leaf(leaf, {})

    def partial(self, below: str) -> str:
        return partial_latex(self.output, below)

    def along(self, what: str) -> str:
        return rf"\mathrm{{d}}{what}"

    def shown(self, node: Node, names: Mapping[str, str], reserved: str) -> str:
        return abridged_latex(node, names, reserved)

    def both(
        self, leaf: Leaf, node: Node, names: Mapping[str, str], reserved: str
    ) -> tuple[str, str]:
        return abridged_latex_sides(leaf, node, names, reserved)

    def at_layer(self, stem: str, index: str) -> str:
        return self.layers.latex(stem, index)

    def say(self, words: str) -> str:
        return latex_words(words)


class TextSpelling(Spelling):
    """Unicode."""

    minus = "−"
    dots = "…"
    relations = ("≤", "≥")

    def name(self, leaf: Leaf) -> str:
        return text_leaf(leaf)

    def partial(self, below: str) -> str:
        return partial_text(self.output, below)

    def along(self, what: str) -> str:
        return f"d({what})" if "/" in what else f"d{what}"

    def shown(self, node: Node, names: Mapping[str, str], reserved: str) -> str:
        return abridged(node, names, reserved)

    def both(
        self, leaf: Leaf, node: Node, names: Mapping[str, str], reserved: str
    ) -> tuple[str, str]:
        return abridged_sides(leaf, node, names, reserved)

    def at_layer(self, stem: str, index: str) -> str:
        return self.layers.text(stem, index)

    def say(self, words: str) -> str:
        return words


def spelled(
    pairs: Iterable[tuple[Leaf, Leaf]],
    name: Callable[[Leaf], str],
    partial: Callable[[str], str],
    along: Callable[[str], str],
) -> dict[str, str]:
    """Adjoints as ∂J/∂z, tangents as dz and d(∂J/∂z), by name."""
    names: dict[str, str] = {}
    for leaf, of in pairs:
        what = names.get(of.name, name(of)) if of.role == "adjoint" else name(of)
        names[leaf.name] = partial(what) if leaf.role == "adjoint" else along(what)
    return names


def _stems(pairs: Iterable[tuple[Leaf, Leaf]]) -> dict[str, str]:
    """The stems of tangents' names, with those of what they are tangents of."""
    found: dict[str, str] = {}
    for leaf, of in pairs:
        ours, theirs = numbered_name(leaf.name), numbered_name(of.name)
        if leaf.role == "tangent" and ours is not None and theirs is not None:
            found[ours[0]] = theirs[0]
    return found


def latex_names(derivative: Derivative) -> dict[str, str]:
    """LaTeX of the adjoints that a derivative is told with, and of its left side."""
    output = derivative.graph.leaf(derivative.graph.output)
    names = spelled(
        derivative.adjoints,
        lambda leaf: latex_leaf(leaf, {}),
        lambda below: partial_latex(output, below),
        lambda what: rf"\mathrm{{d}}{what}",
    )
    directions = [latex_leaf(leaf, {}) for leaf in derivative.directions]
    along = "".join(rf"\, {each}" for each in directions)
    left = {
        "derivative": rf"\nabla^{derivative.order} {latex_leaf(output, {})}",
        "hvp": rf"\nabla^{derivative.order} {latex_leaf(output, {})}{along}",
        "ggnvp": f"G{along}",
        "vjp": partial_latex(output, latex_leaf(derivative.of, {})).join(
            (r"\left(", r"\right)^\top")
        )
        + along,
    }
    return _with_left(derivative, names, left)


def text_names(derivative: Derivative) -> dict[str, str]:
    """Unicode of the adjoints that a derivative is told with, and of its left side."""
    output = derivative.graph.leaf(derivative.graph.output)
    names = spelled(
        derivative.adjoints,
        text_leaf,
        lambda below: partial_text(output, below),
        lambda what: f"d({what})" if "/" in what else f"d{what}",
    )
    along = "".join(f" {text_leaf(leaf)}" for leaf in derivative.directions)
    nabla = f"∇{superscript(str(derivative.order))}{text_leaf(output)}"
    left = {
        "derivative": nabla,
        "hvp": nabla + along,
        "ggnvp": f"G{along}",
        "vjp": f"({partial_text(output, text_leaf(derivative.of))})ᵀ{along}",
    }
    return _with_left(derivative, names, left)


def _with_left(
    derivative: Derivative, names: Mapping[str, str], left: Mapping[str, str]
) -> dict[str, str]:
    """The names, and that of the left side: an operator on directions, but not on several."""
    several = len(derivative.directions) > 1 and derivative.kind in ("hvp", "ggnvp")
    first = derivative.kind == "derivative" and derivative.order == 1
    if several or first or derivative.kind not in left:
        return dict(names)
    return {**names, derivative.leaf.name: left[derivative.kind]}


def _names(node: Node) -> set[str]:
    """The names of all symbols and dimensions in a formula."""
    found: set[str] = set()
    for each in topological(node):
        if isinstance(each, Leaf):
            found.add(each.name)
        for arg in each.args:
            if not isinstance(arg, Node):
                found |= {symbol.name for symbol in arg.free_symbols}
    return found
