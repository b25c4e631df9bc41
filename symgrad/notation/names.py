"""Spellings of names: W1 is W₁ and W_{1}, lam is λ, x_hat is x̂, b_out is b with a word below."""

import re
import unicodedata
from collections.abc import Mapping

from symgrad.declare.spellings import (
    ABOVE,
    ACCENTS,
    GREEK,
    GREEK_WORDS,
    latex_name,
    name_parts,
)
from symgrad.tensor.nodes import Leaf

_LETTERS = {
    command: unicodedata.lookup(f"GREEK {kind} LETTER {word.upper()}")
    for kind in ("SMALL", "CAPITAL")
    for word in GREEK_WORDS
    for command in [word if kind == "SMALL" else word.capitalize()]
    for word in [{"lambda": "lamda"}.get(word, word)]
} | {"varepsilon": "ε", "varphi": "φ", "ell": "ℓ"}

SUBSCRIPTS = str.maketrans("0123456789aehijklmnoprstuvx+-−=()",
                           "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₊₋₋₌₍₎")  # fmt: skip
SUPERSCRIPTS = str.maketrans("0123456789+-−=()inlktmr", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁱⁿˡᵏᵗᵐʳ")


def subscript(text: str) -> str:
    """The text below the line, in Unicode where all of it exists there."""
    moved = text.translate(SUBSCRIPTS)
    return moved if not set(moved) & set(text) else f"_{text}" if len(text) == 1 else f"_{{{text}}}"


def superscript(text: str) -> str:
    """The text above the line, in Unicode where all of it exists there."""
    moved = text.translate(SUPERSCRIPTS)
    if not set(moved) & set(text):
        return moved
    return f"^{text}" if text.isalnum() else f"^({text})"


def text_name(name: str) -> str:
    """The Unicode spelling that follows from a name.

    >>> [text_name(n) for n in ("W1", "lam", "b_out", "loss", "h_t", "J_t2")]
    ['W₁', 'λ', 'b_out', 'loss', 'hₜ', 'J_t2']
    """
    base, accents, below, above = name_parts(name)
    text = _LETTERS.get(GREEK.get(base, ""), base)
    if accents and len(text) > 1:
        return name
    text += "".join(ACCENTS[accent][1] for accent in accents)
    if below:
        words = [_LETTERS.get(GREEK.get(word, ""), word) for word in below.split(",")]
        text += below.translate(SUBSCRIPTS) if below.isdigit() else _below(words)
    if above:
        text += ABOVE[above][1] if above in ABOVE else f"^{above}"
    return text


def _below(words: list[str]) -> str:
    if len(words) == 1 and len(words[0]) == 1:
        return subscript(words[0])
    return "_" + "_".join(words)


def plain(latex: str) -> str | None:
    r"""Unicode for a simple LaTeX spelling, or None.

    >>> plain("W^{(1)}"), plain(r"\hat{y}_{i}"), plain(r"\mathcal{L}"), plain(r"\overline{x}")
    ('W⁽¹⁾', 'ŷᵢ', 'ℒ', None)
    """
    tokens = re.findall(r"\\[A-Za-z]+|[_^]?\{[^{}]*\}|[_^].|[A-Za-z0-9']|.", latex)
    result = ""
    pending = ""
    for token in tokens:
        if token[:1] == "\\":
            word = token[1:]
            if word in _LETTERS:
                token = _LETTERS[word]
            elif word in ACCENTS or word in ("mathrm", "mathbf", "mathcal", "text"):
                pending = word
                continue
            else:
                return None
        elif token[0] in "_^":
            inner = plain(token[1:].strip("{}"))
            if inner is None:
                return None
            token = (subscript if token[0] == "_" else superscript)(inner)
        elif token[0] == "{":
            inner = plain(token[1:-1])
            if inner is None:
                return None
            token = inner
        elif not (token.isalnum() or token in "()+-,'"):
            return None
        if pending:
            token = _styled(token, pending)
            pending = ""
        result += token
    return result


def _styled(text: str, word: str) -> str:
    if word in ACCENTS:
        return unicodedata.normalize("NFC", text + ACCENTS[word][1])
    if word == "mathcal" and len(text) == 1:
        script = {"L": "ℒ", "H": "ℋ", "E": "ℰ", "F": "ℱ", "B": "ℬ", "I": "ℐ", "R": "ℛ", "M": "ℳ"}
        return script.get(text, text)
    return text


def latex_leaf(leaf: Leaf, names: Mapping[str, str]) -> str:
    """How a symbol is written in LaTeX: as told, as declared, or as its name suggests."""
    if leaf.name in names:
        return names[leaf.name]
    if leaf.latex:
        return leaf.latex
    if leaf.role in ("adjoint", "tangent") and leaf.name[:1] == "d" and len(leaf.name) > 1:
        return f"\\mathrm{{d}}{latex_name(leaf.name[1:])}"
    return latex_name(leaf.name)


def text_leaf(leaf: Leaf, names: Mapping[str, str] | None = None) -> str:
    """How a symbol is written in Unicode: as told, as declared, or as its name suggests."""
    if names and leaf.name in names:
        return names[leaf.name]
    if leaf.latex:
        spelled = plain(leaf.latex)
        if spelled is not None:
            return spelled
    if leaf.role in ("adjoint", "tangent") and leaf.name[:1] == "d" and len(leaf.name) > 1:
        return f"d{text_name(leaf.name[1:])}"
    return text_name(leaf.name)


def partial_latex(output: Leaf, below: str) -> str:
    r"""\frac{\partial J}{\partial z}, given the spelling of z."""
    return rf"\frac{{\partial {latex_leaf(output, {})}}}{{\partial {below}}}"


def partial_text(output: Leaf, below: str) -> str:
    """∂J/∂z, given the spelling of z."""
    return f"∂{text_leaf(output)}/∂{below}"


#: Signs among words, in the mathematics that they are; a rule says "eˣ/Σ eˣ = softmax(x)".
_SIGNS = {
    "ˣ": "^x", "⁻ˣ": "^{-x}", "⁻¹": "^{-1}", "ᵀ": r"^\top", "²": "^2", "ᵏ": "^k", "Σ": r"\sum",
    "σ": r"\sigma", "−": "-", "√": r"\surd", "ᵢ": "_i", "ⱼ": "_j", "ₖ": "_k",
}  # fmt: skip
_SIGN = re.compile("|".join(sorted(_SIGNS, key=len, reverse=True)))


def latex_words(words: str) -> str:
    """Plain words in LaTeX."""
    escaped = "".join(rf"\{char}" if char in "_%&#${}" else char for char in words)
    escaped = _SIGN.sub(lambda sign: f"${{}}{_SIGNS[sign[0]]}$", escaped)
    return rf"\text{{{escaped}}}" if words else ""
