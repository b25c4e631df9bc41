"""How a derivation's formulas are spelled: adjoints as ∂J/∂z, symbols of a general layer as z_l."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from symgrad.calculus.derivation import Derivation, Derivative
from symgrad.calculus.families import placed
from symgrad.notation import abridged, abridged_latex
from symgrad.notation.layers import Layers
from symgrad.notation.names import (
    latex_leaf,
    latex_words,
    partial_latex,
    partial_text,
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
        adjoints = {step.leaf: step.of for step in derivation.steps}
        self.layers = Layers(symbols, adjoints, graph.dims)
        self.shadowed = graph.shadowed
        self.names = {leaf.name: self.partial(self.name(of)) for leaf, of in adjoints.items()}

    @abstractmethod
    def name(self, leaf: Leaf) -> str: ...

    @abstractmethod
    def partial(self, below: str) -> str:
        """The derivative of the output by what is spelled so."""

    @abstractmethod
    def shown(self, node: Node, names: Mapping[str, str], reserved: str) -> str: ...

    @abstractmethod
    def at_layer(self, stem: str, index: str) -> str:
        """A symbol of a general layer."""

    @abstractmethod
    def say(self, words: str) -> str:
        """Plain words among formulas."""

    def node(self, node: Node) -> str:
        """The formula."""
        return self.shown(told_apart(node, self.shadowed), self.names, "")

    def general(self, node: Node) -> str:
        """The formula, of a general layer."""
        names = dict(self.names)
        for name in _names(node):
            place = placed(name)
            if place is not None:
                stem, offset = place
                of = self.layers.stems.get(stem)
                spelled = self.at_layer(of or stem, self.layers.index(offset, self.minus))
                names[name] = self.partial(spelled) if of else spelled
        return self.shown(told_apart(node, self.shadowed), names, self.layers.letter)

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

    def shown(self, node: Node, names: Mapping[str, str], reserved: str) -> str:
        return abridged_latex(node, names, reserved)

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

    def shown(self, node: Node, names: Mapping[str, str], reserved: str) -> str:
        return abridged(node, names, reserved)

    def at_layer(self, stem: str, index: str) -> str:
        return self.layers.text(stem, index)

    def say(self, words: str) -> str:
        return words


def latex_names(derivative: Derivative) -> dict[str, str]:
    """LaTeX of the adjoints that a derivative is told with, and of its left side."""
    output = derivative.graph.leaf(derivative.graph.output)
    names = {
        leaf.name: partial_latex(output, latex_leaf(of, {})) for leaf, of in derivative.adjoints
    }
    along = "".join(rf"\, {latex_leaf(leaf, {})}" for leaf in derivative.directions)
    return {derivative.leaf.name: rf"\nabla^2 {latex_leaf(output, {})}{along}"} | names


def text_names(derivative: Derivative) -> dict[str, str]:
    """Unicode of the adjoints that a derivative is told with, and of its left side."""
    output = derivative.graph.leaf(derivative.graph.output)
    names = {leaf.name: partial_text(output, text_leaf(of)) for leaf, of in derivative.adjoints}
    along = "".join(f" {text_leaf(leaf)}" for leaf in derivative.directions)
    return {derivative.leaf.name: f"∇²{text_leaf(output)}{along}"} | names


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
