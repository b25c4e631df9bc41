"""What the readers of texts are told beside the text: symbols, domains, parameters, spellings."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from symgrad.declare.symbols import declare
from symgrad.errors import DeclarationError, UnknownName
from symgrad.tensor.dims import as_shape
from symgrad.tensor.nodes import Leaf


def declared(
    symbols: Mapping[str, object],
    parameters: Iterable[str],
    domains: dict[str, str],
    spellings: Mapping[str, str],
) -> list[Leaf]:
    """The symbols, parameters first; their domains are taken out of `domains`.

    Raises
    ------
    DeclarationError    if the symbols are no mapping.
    UnknownName         for a parameter that is not among them.
    """
    if not isinstance(symbols, Mapping):
        raise DeclarationError(
            "symbols= is a mapping from names to shapes",
            hint='symbols={"X": ("n", "d"), "w": ("d",)}',
        )
    wanted = (parameters,) if isinstance(parameters, str) else tuple(parameters or ())
    for name in wanted:
        if name not in symbols:
            raise UnknownName(
                f"the parameter {name!r} is not among the symbols",
                hint=closest(str(name), [*symbols]),
            )
    return [
        declare(
            name,
            as_shape(symbols[name]),
            "parameter" if name in wanted else "input",
            domains.pop(name, "real"),
            spellings.get(name, ""),
        )
        for name in (*wanted, *(each for each in symbols if each not in wanted))
    ]


def texts(given: Mapping[str, str] | None, what: str) -> dict[str, str]:
    """A mapping from names to texts, checked."""
    if not isinstance(given, Mapping | None):
        raise DeclarationError(f"{what}= is a mapping from names to texts")
    for name, text in (given or {}).items():
        if not (isinstance(name, str) and isinstance(text, str)):
            raise DeclarationError(
                f"{what}= is a mapping from names to texts, not {name!r}: {text!r}"
            )
    return dict(given or {})


def require_known(given: Iterable[str], what: str, known: Iterable[str]) -> None:
    """Raise UnknownName for the domain or spelling of a name that there is not."""
    names = [*known]
    for name in given:
        if name not in names:
            raise UnknownName(
                f"the {what} of {name!r} is given, but no such name is", hint=closest(name, names)
            )


def closest(name: str, names: list[str]) -> str:
    """A hint: the closest of the names, or some of them."""
    close = get_close_matches(name, names, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    listed = ", ".join(names[:12]) + (" ..." if len(names) > 12 else "")
    return f"known are {listed}"
