"""The vocabulary: the functions that networks are written with, in text and in Python alike.

One table, FUNCTIONS, from name to function; `sg.exp` and `exp` in text are the same row. Each is a
few lines that compose nodes. Its docstring holds its formula, its source, and how it stays stable
in floating point where the plain formula would not; `Entry` reads it.
"""

from symgrad.declare.vocabulary import (
    attention,
    convolution,
    elementwise,
    layers,
    losses,
    matrices,
    normalisation,
    norms,
    recurrent,
    reductions,
    shapes,
)
from symgrad.declare.vocabulary.table import FUNCTIONS, Entry

#: The folder's files, in the order in which people look functions up.
CHAPTERS = (
    elementwise, reductions, norms, shapes, matrices, layers, convolution, normalisation, recurrent,
    attention, losses,
)  # fmt: skip

__all__ = ["CHAPTERS", "FUNCTIONS", "Entry"]
