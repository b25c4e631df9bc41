"""Values of symbols: whether they fit what was declared, and the sizes that they give."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from sympy import Expr

from symgrad.declare.facts import require_fact
from symgrad.declare.symbols import labels_below
from symgrad.errors import ValueMismatch
from symgrad.tensor.bounds import require_bounds
from symgrad.tensor.dims import size_of
from symgrad.tensor.evaluate import Array, Sizes, bind_sizes
from symgrad.tensor.nodes import Leaf


def bind(
    symbols: Iterable[Leaf],
    values: Mapping[str, Any],
    conditions: Mapping[Expr, str],
    sizes: Mapping[str, int] | None = None,
    nan: bool = False,
) -> tuple[dict[str, Array], Sizes]:
    """The given values of symbols as arrays, and the sizes of dimensions; other keys are ignored.

    Parameters
    ----------
    conditions : what slices ask of sizes (tensor/bounds.py).
    sizes :      sizes that the values must have.
    nan :        whether NaN may pass, for a check that names it in its report.

    Raises
    ------
    ValueMismatch    for what is no array of real numbers, for NaN, for labels out of range, and for
                     values that contradict a declared fact on which formulas rely.
    ShapeError       for shapes and sizes that contradict the declarations or each other.
    """
    if not isinstance(values, Mapping):
        raise ValueMismatch(f"values are a mapping from names to arrays, not {_kind(values)}")
    given = [leaf for leaf in symbols if leaf.name in values]
    arrays = {leaf.name: _array(leaf.name, values[leaf.name], nan) for leaf in given}
    known = bind_sizes(given, {**values, **arrays}, sizes)
    require_bounds(conditions, known)
    for leaf in given:
        _require_labels(leaf, arrays[leaf.name], known)
        require_fact(leaf, arrays[leaf.name])
    return arrays, known


def _array(name: str, value: object, nan: bool) -> Array:
    if isinstance(value, np.ma.MaskedArray):
        raise ValueMismatch(
            f"the value of {name} is a masked array", hint="declare the mask as an input of its own"
        )
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        raise ValueMismatch(f"the value of {name} is no array: {_kind(value)}") from None
    if array.dtype.kind == "c":
        raise ValueMismatch(f"the value of {name} is complex", hint="values are real numbers")
    if array.dtype.kind == "f" and not nan and np.isnan(array).any():
        at = tuple(int(k) for k in np.argwhere(np.isnan(array))[0])
        raise ValueMismatch(f"the value of {name} is NaN" + (f" at {list(at)}" if at else ""))
    if array.dtype.kind not in "biufO":
        raise ValueMismatch(f"the value of {name} is of dtype {array.dtype}, not of numbers")
    return array


def _require_labels(leaf: Leaf, array: Array, sizes: Sizes) -> None:
    classes = labels_below(leaf.domain)
    if classes is None or array.dtype.kind == "O" or not array.size:
        return
    if not (array == np.rint(array)).all():
        raise ValueMismatch(f"the labels {leaf.name} are not whole numbers")
    if {s.name for s in classes.free_symbols} <= sizes.keys():
        bound = size_of(classes, sizes)
        if array.min() < 0 or array.max() >= bound:
            worst = array.min() if array.min() < 0 else array.max()
            raise ValueMismatch(
                f"the labels {leaf.name} are from 0 to {bound - 1} ({leaf.domain}), not {worst}"
            )


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
