r"""The entries that an equation with ⋆ and ∗ in LaTeX gives, by loops; no code of symgrad's.

Only what such equations are made of: names with letters below, Σ over letters, pad, slices, sums.
"""

import itertools
import re
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Image:
    """An array, with ⋆ as @ and ∗ as //, which bind alike in Python and from left to right."""

    array: np.ndarray

    def __matmul__(self, other):
        """(A ⋆ B)ᵢ = Σᵤ Aᵢ₊ᵤ Bᵤ for all i for which B lies inside A."""
        a, b = self.array, other.array
        shape = [n - k + 1 for n, k in zip(a.shape, b.shape, strict=True)]
        made = np.zeros(shape)
        for i in np.ndindex(*shape):
            for u in np.ndindex(*b.shape):
                made[i] += a[tuple(np.add(i, u))] * b[u]
        return Image(made)

    def __floordiv__(self, other):
        """(A ∗ B)ₕ = Σ Aᵢ Bᵤ over all i + u = h."""
        a, b = self.array, other.array
        made = np.zeros([n + k - 1 for n, k in zip(a.shape, b.shape, strict=True)])
        for i in np.ndindex(*a.shape):
            for u in np.ndindex(*b.shape):
                made[tuple(np.add(i, u))] += a[i] * b[u]
        return Image(made)

    def __add__(self, other):
        return Image(self.array + raw(other))

    __radd__ = __add__

    def __sub__(self, other):
        return Image(self.array - raw(other))

    def __rsub__(self, other):
        return Image(raw(other) - self.array)

    def __pow__(self, exponent):
        return Image(self.array**exponent)

    def __mul__(self, other):
        return Image(self.array * raw(other))

    __rmul__ = __mul__

    def __getitem__(self, keys):
        return Image(self.array[keys])


def raw(value):
    return value.array if isinstance(value, Image) else value


def pad(image, width):
    return Image(np.pad(image.array, width))


def tanh(image):
    return Image(np.tanh(raw(image)))


#: What LaTeX is in Python, from the first to the last.
SPELLINGS = [
    (r"\\left\(\\frac\{\\partial J\}\{\\partial (\w+)\}\\right\)", r"d\1"),
    (r"\\frac\{\\partial J\}\{\\partial (\w+)\}", r"d\1"),
    (r"\\frac\{1\}\{2\} ", "0.5 * "),
    (r"\\operatorname\{(\w+)\}", r"\1"),
    (r"\\(left|right)(?=[()])", ""),
    (r"\\tanh", "tanh"),
    (r"\^\{\\odot (\d)\}", r" ** \1"),
    (r"\\odot (?=[\w(])", "* "),
    (r"\\,", ""),
    (r"\\star", "@"),
    (r"\\ast", "//"),
    (r"(?<!sum)_\{(\w+)\}", lambda match: f"[{','.join(match[1])}]"),
]


def python(text):
    """The right side in Python; each Σ is a call that has what follows, up to + or −."""
    for pattern, spelled in SPELLINGS:
        text = re.sub(pattern, spelled, text)
    while (found := re.search(r"\\sum_\{(\w+)\} ", text)) is not None:
        depth, stop = 0, len(text)
        for k in range(found.end(), len(text)):
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[k], 0)
            if depth < 0 or (depth == 0 and text[k : k + 3] in (" + ", " - ")):
                stop = k
                break
        letters, inner = found[1], text[found.end() : stop]
        call = f"total('{letters}', lambda {', '.join(letters)}: {inner})"
        text = text[: found.start()] + call + text[stop:]
    return text


def evaluated(equation, values):
    """The array that `name_{letters} = right` gives for all that the letters count."""
    left, right = equation.split(" = ", 1)
    code = python(right)
    left = python(left)
    target, letters = re.fullmatch(r"(\w+)(?:\[([\w,]+)\])?", left).groups()
    letters = letters.split(",") if letters else []
    reach = {}
    for name, own in re.findall(r"(\w+)\[([a-z](?:,[a-z])*)\]", f"{left} {code}"):
        reach |= dict(zip(own.split(","), values[name].shape, strict=False))

    def total(bound, inner):
        terms = [inner(*at) for at in itertools.product(*(range(reach[k]) for k in bound))]
        return Image(sum(raw(term) for term in terms))

    class Family:
        """A name with letters: its entry, which is an array or a number."""

        def __init__(self, array):
            self.array = array

        def __getitem__(self, keys):
            found = self.array[keys]
            return Image(found) if np.ndim(found) else found

    made = np.zeros(values[target].shape)
    for at in np.ndindex(*(reach[k] for k in letters)):
        known = {name: Family(array) if f"{name}[" in code else Image(array)
                 for name, array in values.items()}  # fmt: skip
        scope = {
            **known,
            "total": total,
            "pad": pad,
            "tanh": tanh,
            **dict(zip(letters, at, strict=True)),
        }
        made[at] = raw(eval(code, scope))
    return made
