"""Definitions to few kinds of nodes: products of at most two factors where that is cheaper, row
functions spelled out, so that equal parts (a row's maximum, its sum of exponentials) are shared.
"""

from collections.abc import Iterable
from math import prod

from sympy import Abs, S, exp, expand, log, oo

from symgrad.declare.graph import Definition
from symgrad.errors import TemplateError
from symgrad.simplify.matrices import of_transpose
from symgrad.simplify.recognise import known
from symgrad.simplify.rules import NODE_RULES
from symgrad.tensor.cost import pairwise
from symgrad.tensor.nodes import (
    INDEX,
    LOOKUP,
    UNIT,
    Constant,
    Einsum,
    Iverson,
    Labels,
    Leaf,
    LogSumExp,
    Map,
    Node,
    Reduce,
    Softmax,
    Total,
    UnspecifiedTensor,
    rebuild,
    topological,
)
from symgrad.tensor.operators import einsum
from symgrad.tensor.primitives import ArgReduce, MatrixFunction, StopGradient
from symgrad.tensor.scalar import ARGS, Unspecified, gt, lt, relu, where
from symgrad.tensor.windows import Place, loops, places, representatives, solid

#: The rewrite rules that make numbers stable; lowering looks through names.
STABLE = (
    "log of a softmax", "log of a picked softmax", "log of a sigmoid", "log of 1 − sigmoid",
)  # fmt: skip


def lower(definitions: Iterable[Definition]) -> dict[Leaf, Node]:
    """Each defined leaf mapped to its expression over symbols alone; sharing is by identity.

    Raises
    ------
    TemplateError    if an expression holds a function that nobody specified.
    """
    whole: dict[Node, Node] = {}  # over symbols alone, as it was written
    done: dict[Node, Node] = {}
    met: dict[Node, Node] = {}
    result: dict[Leaf, Node] = {}
    listed = list(definitions)
    for definition in listed:
        for node in topological(definition.expr, seen=whole):
            whole[node] = stable(known(rebuild(node, tuple(whole[o] for o in node.operands))))
        whole[definition.leaf] = whole[definition.expr]
    for definition in listed:
        for node in topological(whole[definition.leaf], seen=done):
            new = _lowered(rebuild(node, tuple(done[o] for o in node.operands)))
            done[node] = met.setdefault(_sorted(new), new)
        result[definition.leaf] = done[whole[definition.leaf]]
    return _reuse_relu(result)


def _sorted(node: Node) -> Node:
    """What two sums, or two products, share that differ in the order of their parts alone."""
    if isinstance(node, Total):
        terms = sorted(node.pairs, key=lambda pair: (pair[1].digest, str(pair[0])))
        return Total(tuple(c for c, _ in terms), *(term for _, term in terms))
    if isinstance(node, Einsum):
        parts = zip(node.inputs, node.factors, strict=True)
        factors = sorted(parts, key=lambda part: (part[1].digest, part[0]))
        return Einsum([p[0] for p in factors], node.output, node.shape, *(p[1] for p in factors))
    return node


def stable(node: Node) -> Node:
    """The node by the first rule that keeps its logarithm off a rounded probability."""
    for rule in NODE_RULES:
        changed = rule.apply(node) if rule.name in STABLE else None  # type: ignore[arg-type]
        if changed is not None:
            return changed  # type: ignore[return-value]
    return node


def _lowered(node: Node) -> Node:
    match node:
        case Softmax():
            top, e, s = _row(node.operand, node.axes)
            return _along(node, e, Map(1 / ARGS[0], s))
        case LogSumExp():
            top, e, s = _row(node.operand, node.axes)
            return Map(log(ARGS[0]) + ARGS[1], s, top)
        case Einsum():
            largest = _largest(node)
            return split(_peeled(node)) if largest is None else largest
        case Total(terms=(term,), coefficients=(number,)) if spread_by_bracket(term):
            assert isinstance(term, Einsum)
            return Einsum(
                ((), *term.inputs), term.output, term.shape, Constant(number), *term.factors
            )
        case StopGradient():
            return node.operand
        case MatrixFunction():
            turned = of_transpose(node)
            return node if turned is None else turned
        case UnspecifiedTensor():
            raise TemplateError(
                f"{node.name}: a function that nobody specified has no code",
                hint="give the loss a formula",
            )
        case Map() if node.body.has(Unspecified):
            names = sorted({each.name for each in node.body.atoms(Unspecified)})
            raise TemplateError(
                f"{', '.join(names)}: a function that nobody specified has no code",
                hint="give the layer a formula: sg.elementwise, or a function of the vocabulary",
            )
    return node


def _largest(node: Einsum) -> Node | None:
    """The entry at the position of the largest one is the largest one."""
    if len(node.factors) != 2 or not isinstance(node.factors[1], Iverson):
        return None
    (own, labels), (array, chosen) = node.inputs, node.factors
    (first,) = chosen.operands if len(chosen.operands) == 1 else (None,)
    if not (isinstance(first, ArgReduce) and first.operand is array and chosen.op == "eq"):
        return None
    kept = tuple(k for a, k in enumerate(own) if a not in first.axes)
    along = tuple(k for a, k in enumerate(own) if a in first.axes)
    position, step = -LOOKUP[0], S.One
    for a in reversed(range(len(along))):
        position += step * INDEX[first.ndim + a]
        step *= array.shape[first.axes[a]]
    exact = chosen.condition == expand(position) and chosen.operand_axes == (
        tuple(range(first.ndim)),
    )
    if not exact or labels != (*kept, *along) or node.output != kept:
        return None
    return Reduce(first.op, first.axes, array)


def _row(x: Node, axes: tuple[int, ...]) -> tuple[Node, Node, Node]:
    """The finite maximum along axes, exp(x − maximum), and the sum of that."""
    top: Node = Reduce("max", axes, x)
    a = ARGS[0]
    top = Map(where(lt(Abs(a), oo), a, S.Zero), top)
    labels = tuple(range(x.ndim))
    kept = tuple(k for k in labels if k not in axes)
    wide = Einsum((kept,), labels, x.shape, top)
    e = Map(exp(ARGS[0] - ARGS[1]), x, wide)
    return top, e, Einsum((labels,), kept, top.shape, e)


def _along(node: Softmax, e: Node, share: Node) -> Node:
    labels = tuple(range(node.ndim))
    kept = tuple(k for k in labels if k not in node.axes)
    return Einsum((labels, kept), labels, node.shape, e, share)


def _peeled(node: Einsum) -> Einsum:
    """The product with transposed factors read through their transposes; a sum of what a bracket
    picks as one product, so that the bracket can give an index.
    """
    pairs = list(zip(node.inputs, node.factors, strict=True))
    changed = True
    while changed:
        changed = False
        for n, (labels, factor) in enumerate(pairs):
            if isinstance(factor, Einsum) and not summed(factor):
                picks = any(isinstance(f, Iverson) for f in factor.factors)
                if _transposes(factor) or (len(pairs) == 1 and picks):
                    at = dict(zip(factor.output, labels, strict=True)) | {UNIT: UNIT}
                    inner = (tuple(at[k] for k in each) for each in factor.inputs)
                    pairs[n : n + 1] = zip(inner, factor.factors, strict=True)
                    changed = True
                    break
    if len(pairs) == len(node.factors) and all(
        f is g for (_, f), g in zip(pairs, node.factors, strict=True)
    ):
        return node
    held = {k for labels, _ in pairs for k in labels}
    if summed(node) - held:  # a sum over what nothing depends on any more is a count
        return node
    return Einsum([p[0] for p in pairs], node.output, node.shape, *(p[1] for p in pairs))


def _transposes(node: Einsum) -> bool:
    """Whether it only reorders the axes of its one factor."""
    if len(node.factors) != 1:
        return False
    labels = node.inputs[0]
    once = len(set(labels) - {UNIT}) == sum(k != UNIT for k in labels)
    return once and set(labels) - {UNIT} == set(node.output) - {UNIT}


def summed(node: Einsum) -> set[int]:
    """The labels that are summed over."""
    return {k for labels in node.inputs for k in labels if k != UNIT} - set(node.output)


def split(node: Einsum) -> Node:
    """A sum whose labels no factor covers, as a chain of products of two in the cheapest order.

    What is the same along an axis is summed once, and spread then.
    """
    if not summed(node):
        return node
    read = {k for labels in node.inputs for k in labels}
    if not set(node.output) <= read | {UNIT}:
        own = tuple(k for k in node.output if k in read)
        inner = split(einsum(node.inputs, own, *node.factors))
        return Einsum((own,), node.output, node.shape, inner)
    if len(node.factors) == 1:
        return node
    scalars = [f for f in node.factors if f.ndim == 0]
    if scalars and len(scalars) < len(node.factors):
        pairs = [(labels, f) for labels, f in zip(node.inputs, node.factors, strict=True) if f.ndim]
        core = Einsum([p[0] for p in pairs], node.output, node.shape, *(p[1] for p in pairs))
        spread = tuple(range(node.ndim))
        return Einsum((*(() for _ in scalars), spread), spread, node.shape, *scalars, split(core))
    apart = _apart(node)
    if apart is not None:
        return apart
    found = places(node)
    arrays = solid(node, found)
    if len(arrays) < 2:
        return node
    for rule in (_patches, _picked):
        changed = rule(node, found, arrays)
        if changed is not None:
            return changed
    solved = _solved_first(node)
    if solved is not None:
        return solved
    every = set(loops((k for labels in node.inputs for k in labels), found))
    if len(arrays) == 2 or any(every <= set(loops(node.inputs[n], found)) for n in arrays):
        return node
    pairs = list(zip(node.inputs, node.factors, strict=True))
    held: list[tuple[Labels, Node]] = [pairs[n] for n in arrays]
    solved_by: dict[int, list[int]] = {}
    for label, place in found.items():
        solved_by.setdefault(place.bracket, []).append(label)
    waiting = {tuple(solved): pairs[n] for n, solved in solved_by.items()}
    for first, second, _ in pairwise(node, found):
        (lb, b), (la, a) = held.pop(second), held.pop(first)
        if not held:
            last = [(la, a), (lb, b), *waiting.values()]
            return split(
                Einsum([p[0] for p in last], node.output, node.shape, *(p[1] for p in last))
            )
        taken = _ready(waiting, node.output, held)
        parts = [(la, a), (lb, b), *(waiting.pop(solved) for solved in taken)]
        kept = set(node.output).union(*(labels for labels, _ in (*held, *waiting.values())))
        every_label = dict.fromkeys(k for labels, _ in parts for k in labels)
        labels = tuple(k for k in every_label if k != UNIT and k in kept)
        product = einsum([p[0] for p in parts], labels, *(p[1] for p in parts))
        held.append((labels, split(product) if isinstance(product, Einsum) else product))
    return node


def _apart(node: Einsum) -> Node | None:
    """A product of factors without a common label: each part's sums by themselves, done once."""
    parts: list[tuple[set[int], list[int]]] = []
    for n, labels in enumerate(node.inputs):
        own, members = set(labels) - {UNIT}, [n]
        for part in [part for part in parts if part[0] & own]:
            parts.remove(part)
            own, members = own | part[0], [*part[1], *members]
        parts.append((own, sorted(members)))
    if len(parts) < 2:
        return None
    inputs: list[Labels] = []
    factors: list[Node] = []
    for own, members in sorted(parts, key=lambda part: part[1]):
        if own <= set(node.output):
            inputs += [node.inputs[n] for n in members]
            factors += [node.factors[n] for n in members]
            continue
        output = tuple(k for k in node.output if k in own)
        inner = einsum(
            [node.inputs[n] for n in members], output, *(node.factors[n] for n in members)
        )
        inputs.append(output)
        factors.append(split(inner) if isinstance(inner, Einsum) else inner)
    return Einsum(inputs, node.output, node.shape, *factors)


def spread_by_bracket(node: Node) -> bool:
    """Whether it is a product without sums that a bracket makes zero nearly everywhere."""
    if not isinstance(node, Einsum) or summed(node):
        return False
    return any(label in node.output for label in places(node))


def _solved_first(node: Einsum) -> Node | None:
    """A product with inverses: the solution of a system with one of the other factors first.

    Of several the one with the fewest entries: a vector before a matrix.
    """
    best: tuple[int, tuple[int, ...]] | None = None
    sizes = representatives(node)
    for n, (own, factor) in enumerate(zip(node.inputs, node.factors, strict=True)):
        if not (isinstance(factor, MatrixFunction) and factor.name == "inv") or UNIT in own:
            continue
        for solved, end in ((own[-1], own[-2]), (own[-2], own[-1])):
            held = [m for m, labels in enumerate(node.inputs) if solved in labels and m != n]
            labels = {k for m in held for k in node.inputs[m]} - {UNIT}
            if len(held) > 1 or solved in node.output or end in labels:
                continue
            if any(isinstance(node.factors[m], MatrixFunction | Iverson) for m in held):
                continue
            size = prod(sizes[k] for k in labels)
            if best is None or size < best[0]:
                best = size, (n, *held)
    if best is None or len(best[1]) == len(node.factors):
        return None
    pair = best[1]
    rest = [m for m in range(len(node.factors)) if m not in pair]
    read = {*node.output}.union(*(node.inputs[m] for m in rest))
    output = tuple(dict.fromkeys(k for m in pair for k in node.inputs[m] if k in read - {UNIT}))
    inner = einsum([node.inputs[m] for m in pair], output, *(node.factors[m] for m in pair))
    inputs = [output, *(node.inputs[m] for m in rest)]
    factors = [inner, *(node.factors[m] for m in rest)]
    return split(Einsum(inputs, node.output, node.shape, *factors))


def _ready(
    waiting: dict[Labels, tuple[Labels, Node]], output: Labels, held: list[tuple[Labels, Node]]
) -> list[Labels]:
    """Solved labels, by bracket, that nothing reads any more but what is multiplied now."""

    def read(solved: Labels) -> bool:
        others = [labels for other, (labels, _) in waiting.items() if other != solved]
        lists = (output, *(labels for labels, _ in held), *others)
        return any(set(solved) & set(labels) for labels in lists)

    return [solved for solved in waiting if not read(solved)]


def _patches(node: Einsum, found: dict[int, Place], arrays: list[int]) -> Node | None:
    """A product with windows of one array as one with the array of all its windows, which is a
    product of matrices: im2col. Into windows: the product of all of them, which are added then.

    Chellapilla, Puri, Simard (2006), High performance convolutional neural networks.
    """
    windows = {
        label: place for label, place in found.items()
        if len(place.labels) > 1 and not place.entries
        and set(node.inputs[place.bracket]) == {label, *place.labels}
    }  # fmt: skip
    if len(arrays) != 2 or not windows or set(windows) != set(found):
        return None
    count = representatives(node)
    own = {label: node.inputs[place.bracket] for label, place in windows.items()}
    over = {label: [k for k in labels if k != label] for label, labels in own.items()}
    for n, other in (arrays, arrays[::-1]):
        kept, beside = node.inputs[n], node.inputs[other]
        inside, written = set(windows) <= set(kept), set(windows) <= set(node.output)
        if inside == written or set(windows) & set(beside):
            continue
        small = kept if inside else node.output
        order = [k for k in small if k in windows]  # so that equal arrays are one
        brackets = [node.factors[windows[k].bracket] for k in order]
        wide = [over[k] for k in order]
        free = [k for k in small if k not in windows and k != UNIT]
        every = [*free, *(labels[0] for labels in wide), *(labels[1] for labels in wide)]
        if len(set(every)) < len(every) or len(set(small)) < len(small):
            return None
        shared = [k for k in every if k in beside]
        apart = [k for k in every if k not in beside]
        across = [k for k in beside if k not in every and k != UNIT]
        groups = (shared, apart, across)
        if any(prod(count[k] for k in group) < WORTH for group in groups):
            return None
        if written and not set(every) <= {*kept, *beside}:
            return None  # a place that no factor has: the sum over it is one of windows alone
        # the array's first axis, examples, has a product each; places last, in one piece
        examples = free[:1]
        first, last = (shared, apart) if examples and examples[0] in apart else (apart, shared)
        patch = (*examples, *(k for k in (*first, *last) if k not in examples))
        if inside:
            inputs = (kept, *(own[k] for k in order))
            array = einsum(inputs, patch, node.factors[n], *brackets)
            return einsum((patch, beside), node.output, array, node.factors[other])
        product = einsum((kept, beside), patch, node.factors[n], node.factors[other])
        return einsum((patch, *(own[k] for k in order)), node.output, product, *brackets)
    return None


#: Sums in which a group of axes has fewer entries than this stay loops: no product of matrices.
WORTH = 8


def _picked(node: Einsum, found: dict[int, Place], arrays: list[int]) -> Node | None:
    """A product of what a bracket picks: entries of one factor first, or of the result last.

    The bracket neither repeats nor adds entries, so what is left may be a product of matrices.
    """
    for label, place in found.items():
        own, over = node.inputs[place.bracket], set(place.over())
        rest = [n for n in range(len(node.factors)) if n != place.bracket]
        readers = [n for n in rest if label in node.inputs[n]]
        if {k for k in own if k != UNIT} != over | {label} or (len(over) > 1 and place.labels):
            continue
        bracket = node.factors[place.bracket]
        inputs, factors = list(node.inputs), list(node.factors)
        if label not in node.output and len(readers) == 1 and readers[0] in arrays:
            (n,) = readers
            before = node.inputs[n]
            if before.count(label) > 1 or over & set(before):
                continue
            at = before.index(label)
            after = (*before[:at], *(k for k in own if k not in (label, UNIT)), *before[at + 1 :])
            inputs[n], factors[n] = after, einsum((before, own), after, factors[n], bracket)
            inner = Einsum([inputs[n] for n in rest], node.output, node.shape,
                           *(factors[n] for n in rest))  # fmt: skip
            return split(inner)
        if label in node.output and not readers and not over & set(node.output):
            at = node.output.index(label)
            before = (*node.output[:at], *(k for k in own if k not in (label, UNIT)),
                      *node.output[at + 1 :])  # fmt: skip
            part = einsum([inputs[n] for n in rest], before, *(factors[n] for n in rest),
                          sizes=node.sizes)  # fmt: skip
            return Einsum((before, own), node.output, node.shape, split(part), bracket)
    return None


def _reuse_relu(roots: dict[Leaf, Node]) -> dict[Leaf, Node]:
    """[z > 0] read as [relu(z) > 0] where relu(z) is computed anyway: z need not be kept."""
    x = ARGS[0]
    everything = topological(*roots.values())
    rectified = {
        node.operands[0] for node in everything if isinstance(node, Map) and node.body == relu(x)
    }
    if not rectified:
        return roots
    done: dict[Node, Node] = {}
    for node in everything:
        if isinstance(node, Map) and node.body == gt(x, 0) and node.operands[0] in rectified:
            done[node] = Map(node.body, Map(relu(x), done[node.operands[0]]))
        else:
            done[node] = rebuild(node, tuple(done[o] for o in node.operands))
    return {leaf: done[node] for leaf, node in roots.items()}
