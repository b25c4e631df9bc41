"""Short derivatives found by looking through the names of values: J as one formula, differentiated.

Some gradients are short, or zero, only once all names are looked through: that of log(p₀/p₁) for
p = softmax(z) is e₀ − e₁, and that by a scale in front of a normalisation is 0.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from symgrad.calculus.derivation import Step
from symgrad.calculus.shorten import Shortener
from symgrad.calculus.source import needed
from symgrad.calculus.sweep import pull_definition
from symgrad.declare.graph import Definition
from symgrad.simplify.cost import operations
from symgrad.tensor.nodes import Leaf, Node, substitute
from symgrad.tensor.operators import full

#: The longest function that is looked through, in operations with all names put in place.
MOST_LOOKED_THROUGH = 40


def looked_through(
    definitions: Sequence[Definition], output: Leaf, steps: Iterable[Step], shortener: Shortener
) -> dict[Leaf, Step]:
    """The steps of symbols that are much shorter so: less than two thirds of all they need."""
    whole = _whole(definitions, output, shortener)
    if whole is None:
        return {}
    steps = tuple(steps)
    listed = [Definition(step.leaf, step.expr) for step in steps]
    found = {}
    for step in steps:
        if step.of.role not in ("parameter", "input"):
            continue
        length = sum(operations(d.expr) for d in needed(listed, [step.leaf]))
        if length < 3:
            continue
        part = pull_definition(Definition(output, whole), full(1, ()), frozenset([step.of]))
        if step.of not in part:
            continue
        short = shortener.shorten(part[step.of].term)
        if 3 * operations(short.node) < 2 * length:
            notes = tuple(dict.fromkeys((*short.notes, *step.notes)))
            found[step.of] = replace(step, expr=short.node, notes=notes)
    return found


def _whole(definitions: Sequence[Definition], output: Leaf, shortener: Shortener) -> Node | None:
    """The output in terms of symbols alone, simplified; None if that is no short formula."""
    if len(definitions) < 2 or len(definitions) > MOST_LOOKED_THROUGH:
        return None
    if sum(operations(d.expr) for d in definitions) > MOST_LOOKED_THROUGH:
        return None
    done: dict[Node, Node] = {}
    for definition in definitions:
        done[definition.leaf] = substitute(definition.expr, done)
        if operations(done[definition.leaf]) > MOST_LOOKED_THROUGH:
            return None
    return shortener.exactly.run(done[output]).node
