"""The table of the vocabulary, and what each row says of itself."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

FUNCTIONS: dict[str, Callable[..., Any]] = {}


def named(function: Callable[..., Any]) -> Callable[..., Any]:
    """Enter a function into the table under its name (a trailing underscore is dropped)."""
    FUNCTIONS[function.__name__.rstrip("_")] = function
    return function


@dataclass(frozen=True, slots=True)
class Entry:
    """What a function's docstring says: its first line, those that begin with these words, and what
    stands between.
    """

    name: str
    arguments: str
    formula: str
    source: str
    stability: str = ""
    kink: str = ""
    more: str = ""

    @classmethod
    def of(cls, name: str) -> Self:
        """The entry of a function of the table.

        >>> from symgrad.declare.vocabulary import Entry
        >>> Entry.of("softplus").stability
        'by max(x, 0) + log1p(exp(−|x|)): no overflow'
        """
        function = FUNCTIONS[name]
        formula, _, rest = inspect.cleandoc(function.__doc__ or "").partition("\n")
        said: dict[str, str] = {}
        between: list[str] = []
        for paragraph in rest.strip().split("\n"):
            word, colon, text = paragraph.partition(": ")
            if colon and word.lower() in ("source", "stability", "kink"):
                said[word.lower()] = text.rstrip(".")
            elif said:  # the line goes on
                last = next(reversed(said))
                said[last] = f"{said[last]} {paragraph.strip()}".strip().rstrip(".")
            elif paragraph.strip():
                between.append(paragraph.strip())
        arguments = ", ".join(map(_argument, inspect.signature(function).parameters.values()))
        more = " ".join(between).rstrip(".")
        return cls(name, arguments, formula.rstrip("."), said.pop("source", ""), **said, more=more)


def _argument(parameter: inspect.Parameter) -> str:
    star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
    if parameter.default is parameter.empty:
        return star + parameter.name
    return f"{parameter.name}={_spelled(parameter.default)}"


def _spelled(default: object) -> str:
    """A default as people write it: 0.01, not 1/100."""
    if isinstance(default, str):
        return f'"{default}"'
    return str(default) if isinstance(default, bool | int | None) else f"{float(default):g}"  # type: ignore[arg-type]
