"""Declaring symbols in Python: tensors, parameters and scalars, as SymPy objects."""

from itertools import count
from weakref import WeakKeyDictionary

from symgrad.declare.identifiers import require_identifier
from symgrad.errors import DeclarationError, NameClash
from symgrad.tensor.dims import Shape, as_dim, as_shape, dim, dims, labels_below, same
from symgrad.tensor.nodes import Leaf

#: What a domain may be; `labels:k` are integers below the dimension k.
DOMAINS = frozenset(
    """
    real small large positive unit nonzero sign binary simplex onehot symmetric spd invertible
    lower
    """.split()
)
ALONG_FIRST = frozenset({"onehot:0", "simplex:0"})
SQUARE = frozenset({"symmetric", "spd", "invertible", "lower"})

# A graph lists its symbols in the order in which they were declared; nodes carry no such state, and
# equal declarations are one node. A graph keeps the numbers that it met: nothing reorders it later.
_clock = count()
_declared: "WeakKeyDictionary[Leaf, int]" = WeakKeyDictionary()


def declared_at(leaf: Leaf) -> int:
    """A number that orders symbols by their latest declaration."""
    return _declared.get(leaf, -1)


def tensor(name: str, *shape: object, domain: str = "real", latex: str = "") -> Leaf:
    """An input of that shape.

    Parameters
    ----------
    shape :  dimensions: SymPy symbols of `dims`, integers, names or expressions; none is a scalar.
    domain : what its values are (DOMAINS); declared facts simplify results.
    latex :  its spelling; without one it follows from the name.

    Raises
    ------
    NameClash           if the name is no safe identifier, or also a dimension of the shape.
    DeclarationError    if the domain is unknown or does not fit the shape.

    >>> tensor("X", "n", "d").shape
    (n, d)
    """
    return declare(name, as_shape(tuple(shape)), "input", domain, latex)


def parameter(name: str, *shape: object, domain: str = "real", latex: str = "") -> Leaf:
    """A parameter of that shape: what gradients are taken by. Otherwise as `tensor`."""
    return declare(name, as_shape(tuple(shape)), "parameter", domain, latex)


def scalar(name: str, domain: str = "real", latex: str = "") -> Leaf:
    """A number among the inputs, such as a weight decay. Otherwise as `tensor`."""
    return declare(name, (), "input", domain, latex)


def declare(name: str, shape: Shape, role: str, domain: str = "real", latex: str = "") -> Leaf:
    """A checked symbol of any role."""
    require_identifier(name)
    require_domain(name, shape, domain)
    if not isinstance(latex, str):
        raise DeclarationError(f"the spelling of {name} is a text, not {latex!r}")
    if name in {s.name for size in shape for s in size.free_symbols}:
        raise NameClash(
            f"{name} is both a symbol and a dimension", hint="give one of them another name"
        )
    leaf = Leaf(name, shape, role, domain, latex)
    _declared[leaf] = next(_clock)
    return leaf


def require_domain(name: str, shape: Shape, domain: str) -> None:
    """Raise DeclarationError unless the domain exists and fits the shape."""
    if not isinstance(domain, str):
        raise DeclarationError(f"the domain of {name} is a text, not {domain!r}")
    kind, _, size = domain.partition(":")
    if kind == "labels" and size:
        as_dim(size)
        return
    if domain not in DOMAINS | ALONG_FIRST:
        raise DeclarationError(
            f"{name} has the unknown domain {domain!r}",
            hint=f"a domain is one of {', '.join(sorted(DOMAINS))}, onehot:0, simplex:0, labels:k",
        )
    if kind in ("onehot", "simplex") and not shape:
        raise DeclarationError(f"{name} is a scalar; {domain} needs an axis")
    if kind in SQUARE and (len(shape) != 2 or not same(*shape)):
        raise DeclarationError(f"{name} is {domain}, so its shape must be (n, n)")


__all__ = ["declare", "declared_at", "dim", "dims", "labels_below", "parameter", "scalar", "tensor"]
