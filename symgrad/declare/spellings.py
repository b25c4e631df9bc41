"""How a name suggests that it is spelled in LaTeX: W1 is W_{1}, lam is λ, x_hat is x̂."""

import re

GREEK_WORDS = """
    alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau
    upsilon phi chi psi omega
""".split()
#: Names of Greek letters as people type them, and the LaTeX commands of those that have one.
GREEK = (
    {name: name for name in GREEK_WORDS}
    | {
        name.capitalize(): name.capitalize()
        for name in """
            gamma delta theta lambda xi pi sigma upsilon phi psi omega
        """.split()
    }
    | {"lam": "lambda", "Lam": "Lambda", "eps": "varepsilon", "phi": "varphi", "varphi": "varphi"}
)

#: Endings that are marks: LaTeX command, combining character.
ACCENTS = {
    "hat": ("hat", "\u0302"),
    "bar": ("bar", "\u0304"),
    "tilde": ("tilde", "\u0303"),
    "dot": ("dot", "\u0307"),
}
ABOVE = {"star": ("^{\\star}", "*"), "prime": ("'", "\u2032"), "T": ("^{T}", "\u1d40")}


def name_parts(name: str) -> tuple[str, list[str], str, str]:
    """Base, accents, what stands below, what stands above."""
    first, *rest = [part for part in name.split("_") if part] or [name]
    base, digits = re.fullmatch(r"(.*?)(\d*)", first).groups()  # type: ignore[union-attr]
    if not base:
        base, digits = first, ""
    accents = [part for part in rest if part in ACCENTS]
    above = "".join(part for part in rest if part in ABOVE)
    below = [digits] * bool(digits) + [p for p in rest if p not in ACCENTS and p not in ABOVE]
    return base, accents, ",".join(below), above


def latex_name(name: str) -> str:
    r"""The LaTeX spelling that follows from a name.

    >>> [latex_name(n) for n in ("W1", "lam", "x_hat", "b_out", "loss", "h_t")]
    ['W_{1}', '\\lambda', '\\hat{x}', 'b_{\\mathrm{out}}', '\\mathrm{loss}', 'h_{t}']
    """
    base, accents, below, above = name_parts(name)
    text = _latex_word(base)
    for accent in accents:
        text = f"\\{ACCENTS[accent][0]}{{{text}}}"
    if below:
        text += f"_{{{','.join(map(_latex_word, below.split(',')))}}}"
    if above:
        text += ABOVE[above][0] if above in ABOVE else f"^{{\\mathrm{{{above}}}}}"
    return text


def _latex_word(word: str) -> str:
    if word in GREEK:
        return f"\\{GREEK[word]}"
    return word if len(word) == 1 or word.isdigit() else f"\\mathrm{{{word}}}"
