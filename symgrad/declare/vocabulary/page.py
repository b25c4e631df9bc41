"""The page of the vocabulary, docs/vocabulary.md, from the table."""

from types import ModuleType

from symgrad.declare.vocabulary.table import FUNCTIONS, Entry

_HEAD = """# Vocabulary

The functions that networks are written with: in text (`sg.parse`, `.sg` files) and in Python
(`sg.softmax`) alike. Axes, broadcasting and names are NumPy's; activations and losses are those of
JAX and PyTorch. A condition is 0 or 1; a mask, a sign or labels are symbols declared with a domain:
`binary`, `sign`, `labels:k`.

At a kink a derivative takes the value that stands here, everywhere: in formulas, checks and
generated modules. What is masked out of a softmax is a large negative number,
`softmax(where(mask, z, -1e9))`, whose share is exactly 0; an infinity is no number here.

Labels y of `labels:c` index arrays: `Z[arange(N), y]` is the score of each row's own class, `E[y]`
the rows of a table, and entries that are read several times add up in the derivative.

[Layers](layers.md) has the conventions of layers (gates, masks, statistics of a batch) and examples
of those that are a few lines of text; [convolutions and pooling](convolution.md) have a page too.
"""


def page(chapters: tuple[ModuleType, ...]) -> str:
    """The page: a table for each file, its rows in the order of the file."""
    return "\n".join([_HEAD, *map(_chapter, chapters)])


def _chapter(module: ModuleType) -> str:
    title = (module.__doc__ or "").split(":")[0].strip().rstrip(".")
    names = [name for name, function in FUNCTIONS.items() if function.__module__ == module.__name__]
    rows = "\n".join(map(_row, map(Entry.of, names)))
    return f"## {title}\n\n| function | is | notes | source |\n| --- | --- | --- | --- |\n{rows}\n"


def _row(entry: Entry) -> str:
    notes = "; ".join(part for part in (entry.more, entry.stability, entry.kink) if part)
    call = f"`{entry.name}({entry.arguments})`"
    return "| " + " | ".join(map(_cell, (call, entry.formula, notes, entry.source))) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
