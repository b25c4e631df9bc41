"""Spellings for a general layer: W1, W2, W3, ... are W_l, and the one before it W_{l-1}."""

import re
from collections.abc import Iterable, Mapping

from symgrad.calculus.families import numbered_name
from symgrad.declare.spellings import latex_name
from symgrad.notation.names import plain, subscript, superscript, text_name
from symgrad.tensor.nodes import Leaf

#: Stands for the number of a layer until `l - 1` takes its place.
_NUMBER = "90909"


class Layers:
    """How symbols of a general layer are written, given the symbols of all layers.

    `letter` is the layer's, one that nothing else has; `stems` are those of adjoints with those of
    what they are the adjoints of.
    """

    def __init__(
        self, symbols: Iterable[Leaf], adjoints: Mapping[Leaf, Leaf], taken: Iterable[str]
    ) -> None:
        symbols = tuple(symbols)
        used = {*taken, *(leaf.name for leaf in symbols)}
        self.letter = next((letter for letter in "lktmr" if letter not in used), "layer")
        self.stems: dict[str, str] = {}
        for adjoint, of in adjoints.items():
            ours, theirs = numbered_name(adjoint.name), numbered_name(of.name)
            if ours is not None and theirs is not None:
                self.stems[ours[0]] = theirs[0]
        self._declared = _patterns(symbols)

    def index(self, offset: int, minus: str) -> str:
        """The layer: l, l + 1, l - 1."""
        sign = "+" if offset > 0 else minus
        return f"{self.letter}{sign}{abs(offset)}" if offset else self.letter

    def latex(self, stem: str, index: str) -> str:
        """The symbol in LaTeX."""
        pattern = self._declared.get(stem) or latex_name(_numbered(stem))
        return pattern.replace(_NUMBER, index)

    def text(self, stem: str, index: str) -> str:
        """The symbol in Unicode."""
        shown = plain(self._declared.get(stem, "")) or text_name(_numbered(stem))
        for put in (subscript, superscript):
            shown = shown.replace(put(_NUMBER), put(index))
        return shown.replace(_NUMBER, f"[{index}]")


def _numbered(stem: str) -> str:
    """The name with a number; marks such as _bar stay behind it."""
    base, mark, rest = re.fullmatch(r"(.*?)(_bar|_dot|)(_*)", stem).groups()  # type: ignore[union-attr]
    return f"{base}{_NUMBER}{mark}{rest}"


def _patterns(symbols: Iterable[Leaf]) -> dict[str, str]:
    """The declared spellings by stem, where those of all layers differ in their number alone."""
    found: dict[str, set[str]] = {}
    for leaf in symbols:
        numbered = numbered_name(leaf.name)
        if numbered is not None:
            stem, layer = numbered
            if not leaf.latex:
                found.setdefault(stem, set()).add("")
                continue
            pattern, count = re.subn(rf"(?<!\d){layer}(?!\d)", _NUMBER, leaf.latex)
            found.setdefault(stem, set()).add(pattern if count == 1 else "")
    return {stem: next(iter(each)) for stem, each in found.items() if len(each) == 1}
