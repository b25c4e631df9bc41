"""The names that a formula may use: their spellings, layers, gradients and activations."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from sympy import Expr

from symgrad.declare.graph import Graph
from symgrad.declare.latex.scan import words_of
from symgrad.declare.latex.source import Latex
from symgrad.declare.latex.tokens import Tokens
from symgrad.declare.latex.trees import (
    Above,
    Colon,
    Group,
    Mark,
    Name,
    Number,
    Product,
    Scripted,
    Sum,
    Tree,
    Word,
    parsed,
)
from symgrad.declare.spellings import latex_name
from symgrad.errors import DeclarationError, ParseError
from symgrad.tensor import scalar
from symgrad.tensor.dims import ONE, Dim, dim
from symgrad.tensor.nodes import Leaf, Map, Node, Softmax, topological
from symgrad.tensor.operators import as_node

#: Functions of one entry that are activations, and not mere arithmetic.
_ACTIVATIONS = (
    *(
        scalar.FUNCTIONS[name].kind
        for name in """
            tanh sigmoid relu softplus erf where sin cos arctan abs sign maximum minimum
        """.split()
    ),
    scalar.Unspecified,
)

_FACE = re.compile(r"\\(?:bold|blackboard|script)\{((?:[^{}]|\{[^{}]*\})*)\}")


@dataclass(frozen=True, slots=True)
class Spelling:
    """A declared spelling in parts: W^{(1)} is W, below "", above "(1)"."""

    name: str
    stem: str
    below: str = ""
    above: str = ""

    @property
    def layer(self) -> int | None:
        """The number of its layer or step: 1 of W_1, W^{(1)} and W^{[1]}."""
        for text in (self.above.strip("()[]"), self.below):
            if text.isdigit():
                return int(text)
        return None

    @property
    def rest(self) -> str:
        """What is below beside the number of the layer."""
        return "" if self.below.isdigit() else self.below


def plain_face(text: str) -> str:
    r"""The letter of a letter in another face: \mathbf{h} is h, under a hat too."""
    return _FACE.sub(lambda match: match[1], text)


def spelled(tree: Tree | None) -> str:
    """A script as text, without braces and blanks; "" where it is no plain text."""
    match tree:
        case Number(text=text) | Name(text=text) | Word(text=text):
            return text
        case Mark(kind=kind):
            return kind
        case Product(factors=factors, divides=divides) if not any(divides):
            return "".join(map(spelled, factors))
        case Sum(terms=terms, signs=signs):
            text = "".join(
                ("+" if sign > 0 else "-") + spelled(term)
                for sign, term in zip(signs, terms, strict=True)
            )
            return text.removeprefix("+")
        case Group(kind="PAREN", items=items):
            return "(" + spelled_all(items) + ")"
        case Group(kind="BRACK", items=items):
            return "[" + spelled_all(items) + "]"
        case Scripted(base=base, below=below, above=(), primes=0):
            return f"{spelled(base)}_{spelled_all(below)}"
        case Colon(parts=(None, None)):
            return ":"
    return ""


def spelled_all(items: Sequence[Tree]) -> str:
    """Scripts with commas between."""
    return ",".join(map(spelled, items))


def read_spelling(name: str, text: str) -> Spelling:
    """A spelling in parts.

    Raises
    ------
    DeclarationError    if it is more than letters, marks, words and scripts.
    """
    try:
        latex = Latex(text)
        (tree,) = parsed(latex, Tokens(latex).read())
    except (ParseError, ValueError):
        raise DeclarationError(f"cannot read {text!r}, the spelling of {name}") from None
    below, above, primes = "", "", 0
    base = tree
    if isinstance(tree, Scripted):
        base, primes = tree.base, tree.primes
        below = spelled_all(tree.below)
        above = "".join(spelled_above(each) for each in tree.above)
        if (tree.below and not below) or (tree.above and not above):
            raise DeclarationError(f"cannot read {text!r}, the spelling of {name}")
    match base:
        case Name(text=stem) | Word(text=stem):
            return Spelling(name, stem, below, above + "'" * primes)
    words = words_of(text)
    if isinstance(base, Product) and base is tree and len(words) > 1:
        return Spelling(name, " ".join(words))
    raise DeclarationError(
        f"cannot read {text!r}, the spelling of {name}",
        hint="a spelling is a letter or word with marks, subscripts and superscripts",
    )


def spelled_above(above: Above) -> str:
    """A superscript as text."""
    return above.mark or ("" if above.entrywise else spelled_all(above.items))


@dataclass(slots=True)
class Scope:
    """What the names of a formula stand for.

    Parameters
    ----------
    nodes :       name -> node: symbols, values and dimensions.
    spellings :   all spellings of names, by stem.
    gradients :   name -> the gradient of the objective by it, which formulas write as dW, ∂J/∂W,
                  ∇_W J or δ.
    output :      the name of the objective.
    activations : name of a value -> the functions of its entries that the network applies to it.
    preactivations : values that an activation or a softmax is applied to, in order.
    together :    name -> values of its shape that stand beside it in some definition.
    soft :        name -> the axes of the softmax that the network applies to it.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    spellings: dict[str, list[Spelling]] = field(default_factory=dict)
    gradients: dict[str, Node] = field(default_factory=dict)
    output: str = ""
    activations: dict[str, list[Expr]] = field(default_factory=dict)
    preactivations: list[str] = field(default_factory=list)
    together: dict[str, list[str]] = field(default_factory=dict)
    soft: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        graph: Graph,
        names: Mapping[str, str] | None = None,
        gradients: Mapping[str, Node] | None = None,
        more: Mapping[str, Node] | None = None,
    ) -> Self:
        """The names of a graph.

        Parameters
        ----------
        names :     name -> its LaTeX; others are spelled as declared, or as they suggest.
        gradients : name -> what dW, ∂J/∂W ... stand for; new adjoints named dW without it.
        more :      further names.

        Raises
        ------
        DeclarationError    for a spelling that cannot be read.
        """
        scope = cls(output=graph.output)
        names = dict(names or {})
        for size in graph.dims:
            if size not in graph.shadowed:
                scope.add(size, as_node(dim(size)), names.get(size, ""))
        for leaf in (*graph.symbols, *(d.leaf for d in graph.definitions)):
            scope.add(leaf.name, leaf, names.get(leaf.name) or leaf.latex)
            if gradients is None:
                scope.gradients[leaf.name] = Leaf(f"d{leaf.name}", leaf.shape, "adjoint")
        scope.gradients |= dict(gradients or {})
        for name, node in (more or {}).items():
            scope.add(name, node, names.get(name, ""))
        for definition in graph.definitions:
            scope.learn(definition.expr)
        return scope

    def add(self, name: str, node: Node, latex: str = "") -> None:
        """A further name; with a spelling of its own, or as it suggests and as it is typed."""
        self.nodes[name] = node
        texts = [latex] if latex else [latex_name(name)]
        if not latex and "_" not in name:
            texts.append(name)
        for text in texts:
            spelling = read_spelling(name, text)
            known = self.spellings.setdefault(spelling.stem, [])
            clash = [s for s in known if (s.below, s.above) == (spelling.below, spelling.above)]
            if any(s.name == name for s in clash):
                continue
            if clash and latex:
                known.remove(clash[0])  # what a person spells wins over what a name suggests
            elif clash:
                continue
            known.append(spelling)

    def learn(self, expr: Node) -> None:
        """What a definition says of activations, and of values that belong together."""
        for node in topological(expr):
            if isinstance(node, Map) and len(node.operands) == 1 and node.body.has(*_ACTIVATIONS):
                self._applied(node.operands[0], node.body)
            elif isinstance(node, Softmax) and isinstance(node.operand, Leaf):
                self.soft[node.operand.name] = node.axes
                self._preactivation(node.operand)
        used = [node for node in topological(expr) if isinstance(node, Leaf)]
        for leaf in used:
            beside = [o.name for o in used if o is not leaf and o.shape == leaf.shape]
            known = self.together.setdefault(leaf.name, [])
            known += [name for name in beside if name not in known]

    def _applied(self, operand: Node, body: Expr) -> None:
        if isinstance(operand, Leaf):
            known = self.activations.setdefault(operand.name, [])
            if body not in known:
                known.append(body)
            self._preactivation(operand)
        else:
            self.activations.setdefault("", []).append(body)

    def _preactivation(self, leaf: Leaf) -> None:
        if leaf.role == "value" and leaf.name not in self.preactivations:
            self.preactivations.append(leaf.name)

    def tokens(self, latex: Latex, differentials: bool = False) -> Tokens:
        """The reader of tokens that knows these names."""
        phrases = [tuple(stem.split(" ")) for stem in self.spellings if " " in stem]
        phrases.sort(key=lambda phrase: (-len(" ".join(phrase)), phrase))
        return Tokens(
            latex, self.spellings.keys(), phrases, self.differentiable() if differentials else ()
        )

    def differentiable(self) -> frozenset[str]:
        """The stems of names that gradients are by, in their face and without one."""
        stems = [
            stem
            for stem, all_ in self.spellings.items()
            if any(s.name in self.gradients for s in all_)
        ]
        return frozenset([*stems, *map(plain_face, stems)])

    def family(self, stem: str) -> dict[int, list[Spelling]]:
        """The members of a family W_1, W_2, ... by number."""
        found: dict[int, list[Spelling]] = {}
        for each in self.spellings.get(stem, ()):
            if each.layer is not None:
                found.setdefault(each.layer, []).append(each)
        return found

    def last_layer(self) -> int | None:
        """The highest number of any family of two members or more."""
        tops = [max(f) for stem in self.spellings if len(f := self.family(stem)) > 1]
        return max(tops, default=None)

    def first_layer(self) -> int:
        """The number at which most families begin."""
        starts = Counter(min(f) for stem in self.spellings if len(f := self.family(stem)) > 1)
        return max(starts, key=lambda k: (starts[k], k), default=1)

    def layer_of(self, name: str) -> int | None:
        """The number of the layer of a name."""
        for spellings in self.spellings.values():
            for each in spellings:
                if each.name == name and each.layer is not None:
                    return each.layer
        match = re.search(r"(\d+)$", name)
        return int(match[1]) if match else None

    def batch(self) -> Dim | None:
        """The dimension that counts examples: the most frequent one that no parameter has."""
        leaves = [node for node in self.nodes.values() if isinstance(node, Leaf)]
        if not any(leaf.role == "parameter" for leaf in leaves):
            return None
        owned = {size for leaf in leaves if leaf.role == "parameter" for size in leaf.shape}
        counts = Counter(
            size
            for leaf in leaves
            if leaf.role != "parameter" and leaf.ndim
            for size in leaf.shape
            if size not in owned and size is not ONE
        )
        return counts.most_common(1)[0][0] if counts else None

    def names_like(self) -> Iterable[str]:
        """A spelling of each name, for hints."""
        shown: set[str] = set()
        for stem, spellings in self.spellings.items():
            for each in spellings:
                if each.name not in shown:
                    shown.add(each.name)
                    text = stem if "\\" in stem else stem.replace(" ", "")
                    below = f"_{{{each.below}}}" if each.below else ""
                    above = f"^{{{each.above}}}" if each.above else ""
                    yield text + below + above
