"""How mathematics is marked: what a notation must say, how tightly forms bind, what is printed."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr

from symgrad.tensor.nodes import Leaf

# how tightly forms bind
SUM, HADAMARD, PRODUCT, POWER, CALL, ATOM = range(6)


@dataclass(frozen=True, slots=True)
class Printed:
    """Text and how tightly it binds.

    `flip` is the transpose, where that is more than a mark; `inner` what stands inside, for forms
    that are shown in another way in some places.
    """

    text: str
    level: int
    flip: "Printed | None" = None
    inner: tuple["Printed", ...] = ()


Parts = list[Printed]


class Notation(ABC):
    """The marks of one way of writing mathematics."""

    one: str
    transposed: str
    times: str
    divided: str
    star: str
    convolved: str
    minus: str
    identity: str
    #: whether a fraction is a slash on the line, so that what it divides comes first
    inline: bool
    comparisons: Mapping[str, str]

    def __init__(self, letters: Sequence[str]) -> None:
        self.letters = letters

    @abstractmethod
    def name(self, leaf: Leaf) -> Printed: ...

    @abstractmethod
    def number(self, value: Expr) -> Printed: ...

    @abstractmethod
    def word(self, name: str) -> str:
        """The name of an unspecified function."""

    @abstractmethod
    def brackets(self, text: str) -> str: ...

    @abstractmethod
    def fraction(self, top: Printed, bottom: Printed) -> Printed: ...

    @abstractmethod
    def above(self, base: str, exponent: str) -> str: ...

    @abstractmethod
    def below(self, base: str, index: str) -> str: ...

    @abstractmethod
    def entrywise(self, exponent: str) -> str:
        """An exponent that acts entry by entry."""

    @abstractmethod
    def root(self, inner: Printed) -> Printed: ...

    @abstractmethod
    def norm(self, inner: str, matrix: bool, exponent: str) -> Printed: ...

    @abstractmethod
    def pair(self, left: str, right: str) -> str: ...

    @abstractmethod
    def function(self, name: str, arguments: Sequence[str]) -> Printed: ...

    @abstractmethod
    def along(self, name: str, axes: str, argument: str) -> Printed: ...

    @abstractmethod
    def bracket(self, condition: str) -> str: ...

    @abstractmethod
    def partial(self, name: str, by: str) -> Printed: ...

    @abstractmethod
    def entries(self, inner: str, index: str) -> str:
        """The array whose entries are the inner text."""

    @abstractmethod
    def summation(self, index: str) -> str: ...

    # shared

    def at(self, part: Printed, level: int) -> str:
        return part.text if part.level >= level else self.brackets(part.text)

    def flipped(self, part: Printed) -> Printed:
        """The transpose of what was printed."""
        if part.flip is not None:
            return part.flip
        return Printed(self.above(self.at(part, CALL), self.transposed), POWER, part)

    def join(self, texts: Iterable[str]) -> str:
        return " ".join(texts)

    def row_of_ones(self) -> str:
        return self.above(self.one, self.transposed)


def symmetric(part: Printed) -> Printed:
    return Printed(part.text, part.level, Printed(part.text, part.level))


def two(whole: Printed, flip: Printed) -> Printed:
    return Printed(whole.text, whole.level, Printed(flip.text, flip.level, whole))
