"""Dimensions whose name a value has too: the size h is written n_h where h is also a value."""

from collections.abc import Collection

from sympy import Basic, Symbol

from symgrad.tensor.nodes import Node, topological

#: In front of sizes that a text cannot name.
HIDDEN = "size_of_"


def told_apart(node: Node, names: Collection[str], mark: str = "n_") -> Node:
    """The node with a mark in front of every dimension of those names."""
    if not names:
        return node
    order = topological(node)
    sizes = {s for each in order for s in _sizes(each) if s.name in names}
    renamed = {s: Symbol(f"{mark}{s.name}", integer=True, positive=True) for s in sizes}
    if not renamed:
        return node
    done: dict[Node, Node] = {}
    for each in order:
        head = [arg.xreplace(renamed) for arg in each.args if not isinstance(arg, Node)]
        done[each] = each.func(*head, *(done[operand] for operand in each.operands))
    return done[node]


def _sizes(node: Node) -> set[Symbol]:
    found: set[Basic] = set()
    for arg in node.args:
        if not isinstance(arg, Node):
            found |= arg.free_symbols
    # the indices and arguments of nodes start with "_"
    return {s for s in found if isinstance(s, Symbol) and not s.name.startswith("_")}
