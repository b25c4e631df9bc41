"""How a generated module draws values of its symbols, by their domains: source text.

The sizes stand in local variables with the names of the dimensions, `rng` is a generator.
"""

from collections.abc import Mapping, Sequence

from symgrad.codegen.numbers import size_text
from symgrad.tensor.nodes import Leaf

#: By domain: shape and sizes in, source out; the module's `rng`, `np` and `DTYPE` are at hand.
_DRAWS = {
    "real": "rng.normal(size={shape})",
    "small": "0.1 * rng.normal(size={shape})",
    "large": "10 * rng.normal(size={shape})",
    "positive": "rng.uniform(0.5, 1.5, {shape})",
    "unit": "rng.uniform(0.1, 0.9, {shape})",
    "nonzero": "rng.uniform(0.5, 1.5, {shape}) * rng.choice([-1.0, 1.0], {shape})",
    "sign": "rng.choice([-1.0, 1.0], {shape})",
    "binary": "rng.integers(0, 2, {shape})",
    "labels": "rng.integers(0, {size}, {shape})",
    "invertible": "np.eye({last}) + 0.1 * rng.normal(size={shape})",
    "lower": "np.tril(rng.uniform(0.5, 1.5, {shape}))",
    "symmetric": "(lambda a: a + a.T)(rng.normal(size={shape}))",
    "spd": "(lambda a: a @ a.T + np.eye(len(a)))(rng.normal(size={shape}))",
}
_LAST = {
    "onehot": "np.eye({last})[rng.integers(0, {last}, {rest})]",
    "simplex": "rng.dirichlet(np.ones({last}), {rest})",
}


def sample_text(leaf: Leaf, dims: Mapping[str, str]) -> str:
    """An array of the leaf's domain, in the dtype that the module expects."""
    kind, _, size = leaf.domain.partition(":")
    sizes = [size_text(d, dims) for d in leaf.shape]
    if kind in _LAST:
        first = size == "0" and len(sizes) > 1
        ordered = [*sizes[1:], sizes[0]] if first else sizes
        source = _LAST[kind].format(last=ordered[-1], rest=_tuple(ordered[:-1]))
        return f"_array({f'np.moveaxis({source}, -1, 0)' if first else source})"
    source = _DRAWS[kind].format(
        shape=_tuple(sizes),
        last=sizes[-1] if sizes else 1,
        size=size if size.isdigit() else dims.get(size, size),
    )
    if kind == "labels":
        return f"np.asarray({source})"
    return f"_array({source})" if sizes else f"float({source})"


def start_text(leaf: Leaf, dims: Mapping[str, str]) -> str:
    """A parameter's initial value."""
    sizes = [size_text(d, dims) for d in leaf.shape]
    kind = leaf.domain.partition(":")[0]
    if kind in ("real", "small", "large"):
        if len(sizes) < 2:
            return f"np.zeros({_tuple(sizes)})"
        return f"rng.uniform(-1, 1, {_tuple(sizes)}) * np.sqrt(6 / ({sizes[0]} + {sizes[1]}))"
    return (
        f"np.ones({_tuple(sizes)})" if kind in ("positive", "nonzero") else sample_text(leaf, dims)
    )


def _tuple(sizes: Sequence[str]) -> str:
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"
