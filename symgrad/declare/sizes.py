"""The sizes that a person gives for dimensions, checked."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symgrad.errors import DeclarationError, UnknownName


def require_sizes(
    graph: str, dims: Sequence[str], sizes: Mapping[Any, Any] | None
) -> dict[str, int]:
    """The given sizes by name; keys may be dimensions.

    Raises
    ------
    UnknownName         for a name that is no dimension of the graph.
    DeclarationError    for a size that is no positive integer.
    """
    told = {str(name): size for name, size in (sizes or {}).items()}
    for name, size in told.items():
        if name not in dims:
            raise UnknownName(
                f"{graph} has no dimension {name!r}", hint=f"it has {', '.join(dims) or 'none'}"
            )
        if not isinstance(size, int | np.integer) or isinstance(size, bool) or size < 1:
            raise DeclarationError(f"size {name} = {size!r} is not a positive integer")
    return {name: int(size) for name, size in told.items()}
