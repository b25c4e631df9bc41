"""What the names in a claim mean: symbols, values, gradients, sizes, and the person's own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from symgrad.errors import ParseError, UnknownName

#: Dictionaries and objects whose entries are known by their own names: parameters['W1'].
HOLDERS = frozenset(
    """parameters params param cache caches grads gradients gradient grad model weights self memory
    activations inputs data net state""".split()
)

#: Those of them that hold all parameters, and nothing else.
OF_PARAMETERS = frozenset("parameters params param weights".split())

#: How the gradient by a value x of an output J may be called.
_GRADIENTS = ("d{x}", "d{J}_d{x}", "d{J}d{x}", "grad_{x}", "{x}_grad", "{x}grad", "d_{x}", "g_{x}",
              "delta_{x}")  # fmt: skip


@dataclass(slots=True)
class Scope:
    """Spelling -> name of a symbol, value or gradient, and of sizes."""

    known: dict[str, str]
    gradients: dict[str, str]  # spelling -> the value whose gradient it is
    sizes: frozenset[str]
    parameters: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, names: Iterable[str], output: str, atoms: Iterable[str], sizes: Iterable[str],
        spelled: Mapping[str, str],
    ) -> "Scope":  # fmt: skip
        """The scope of a graph; `atoms` are the values that have a gradient.

        `spelled` maps names to how the person spells them.
        """
        known = {name: name for name in names}
        taken = {*known, *sizes}
        gradients: dict[str, str] = {}
        for pattern in _GRADIENTS:
            for value in atoms:
                spelling = pattern.format(x=value, J=output)
                if spelling not in taken and spelling not in gradients:
                    gradients[spelling] = value
        for name, spelling in spelled.items():
            if not spelling.isidentifier():
                continue
            if name in known:
                known[spelling] = name
            elif name in gradients:
                gradients[spelling] = gradients[name]
        return cls(known, gradients, frozenset(sizes))

    def target(self, spelling: str) -> str | None:
        """The value whose gradient a spelling is."""
        return self.gradients.get(spelling)

    def unknown(self, name: str, more: Iterable[str] = ()) -> UnknownName:
        """The error for a name that nobody declared."""
        wanted = [*self.known, *self.sizes, *more]
        gradients = [*self.gradients] if name.startswith("d") else []
        close = get_close_matches(name, gradients, 1) or get_close_matches(name, wanted, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(wanted[:12])}"
        return UnknownName(f"{name!r} is not defined", hint=hint)


def may_be_gradient(name: str, known: Iterable[str]) -> bool:
    """Whether a name is how people call the gradient by one of the known values."""
    return any(pattern.format(x=value, J="J") == name for value in known for pattern in _GRADIENTS)


#: Characters of a derivation by hand; more is a slip or an attack.
MOST_LONG = 20_000


def require_short(text: str, most: int = MOST_LONG) -> None:
    """Raise for a text that is too long to be a derivation by hand."""
    if len(text) > most:
        raise ParseError(f"the claim has {len(text)} characters", hint=f"at most {most}")
