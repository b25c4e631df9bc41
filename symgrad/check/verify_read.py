"""Claims in any notation, read: each a formula for all sizes, or what computes it at a point."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from sympy import Basic, Integer

from symgrad.check.claims.algebra import NotSymbolic, Numeric
from symgrad.check.claims.compute import Builder, Values
from symgrad.check.claims.read import Claims, Part, Text, pairs_of, parts_of
from symgrad.check.claims.terms import Slice, Term, subterms
from symgrad.check.claims.write import written
from symgrad.check.diagnose import Retold, knowledge_of
from symgrad.check.diagnose.from_nodes import term_of
from symgrad.check.verify_judge import Frame, Run
from symgrad.check.verify_truth import Point
from symgrad.declare.latex import Scope as LatexScope
from symgrad.declare.latex import read_claim
from symgrad.declare.plain import PlainSymbols, is_plain
from symgrad.errors import ParseError, ShapeError, SymgradError
from symgrad.notation import latex
from symgrad.tensor.dims import ONE, Dim, Shape, same_shape
from symgrad.tensor.nodes import Leaf, Node, leaves, substitute
from symgrad.tensor.operators import as_node, reshape


@dataclass(slots=True)
class Reading:
    """One claim: about which gradient, its formula and term if it has them, what computes it.

    `fault` says why it cannot be read, `shape` that its shapes do not fit. `write` prints a term in
    the person's notation. `before` are the members of a chain of equalities before the last, and
    `notes` what the reading rests on.
    """

    spelling: str
    name: str = ""
    node: Node | None = None
    term: Term | None = None
    run: Run | None = None
    fault: str = ""
    line: int = 0
    shape: str = ""
    least: int = 0
    write: Callable[[Term], str] = written
    notes: tuple[str, ...] = ()
    before: tuple["Reading", ...] = ()
    retold: tuple[Retold, ...] = ()


# --- NumPy


def read_numpy(frame: Frame, claims: Claims, names: Mapping[str, str]) -> Iterator[Reading]:
    """Claims in NumPy's syntax."""
    spelled = {name: text for name, text in names.items() if text.isidentifier()}
    spelled |= {f"d:{name[1:]}": text for name, text in spelled.items() if name[:1] == "d"}
    know = knowledge_of(frame)

    def algebra() -> Numeric:
        return Numeric(frame.point(0).names, frame.point(0).sizes)

    for part in parts_of(
        claims, frame.scope, frame.truth.graph.parameters, partial(_part_holds, frame), algebra
    ):
        if isinstance(part, Part):
            reading = _numpy(frame, part)
            reading.line = part.line
            reading.write = lambda term: written(term, spelled | know.spelled(term))
            yield reading
        else:
            spelling, given = part
            what = given if isinstance(given, SymgradError) else _no_text(given)
            yield Reading(spelling, fault=str(what))


def _part_holds(frame: Frame, part: Part) -> bool:
    """Whether what statements compute is the true gradient at a point."""
    name = frame.scope.target(part.spelling)
    if name is None or name not in frame.truth.steps:
        return False
    try:
        ours = np.asarray(_runner(frame, part, None)(frame.point(0)), float)
    except (SymgradError, TypeError, ValueError):
        return False
    true = np.asarray(frame.point(0).names[f"d:{name}"], float)
    return ours.shape == true.shape and np.allclose(ours, true, rtol=1e-7, atol=1e-10)


def _no_text(given: object) -> ParseError:
    return ParseError(f"a claim in this notation is a text, not a {type(given).__name__}")


def _numpy(frame: Frame, part: Part) -> Reading:
    name = frame.scope.target(part.spelling)
    if name is None or name not in frame.truth.steps:
        return Reading(part.spelling, fault=str(frame.scope.unknown(part.spelling)))
    term: Term | None = None
    node: Node | None = None
    clash: SymgradError | None = None
    symbolic = frame.symbolic()
    try:
        term = part.result(frame.scope, symbolic)
    except NotSymbolic:
        pass
    except SymgradError as error:
        return Reading(part.spelling, fault=str(error))
    if term is not None:
        try:
            node = symbolic.builder.node(term)
        except SymgradError as error:
            clash = error
        if not _same_reading(frame, part, term, node):
            term = node = None
    run = _runner(frame, part, term)
    reading = Reading(part.spelling, name, node, term, run, least=_least(term))
    if term is None:
        adding = _runner(frame, replace(part, adds=True), None)
        reading.retold = (Retold("missing-accumulation", "what comes later overwrites what came "
                                 "before, where it must add up", adding),)  # fmt: skip
    fault = _fault(run, frame.point(0))
    if fault is None:
        return reading
    if term is None or not isinstance(clash, ShapeError):
        return Reading(part.spelling, name, fault=str(clash or fault))
    reading.shape = clash.what
    return reading


def _runner(frame: Frame, part: Part, term: Term | None) -> Run:
    """What computes a claim at a point: its term, or the interpreter."""
    if term is not None:
        return lambda point: Values(point.names, point.sizes).array(term)
    return lambda point: part.result(frame.scope, Numeric(point.names, point.sizes))


def _fault(run: Run, point: Point) -> SymgradError | None:
    try:
        run(point)
    except SymgradError as error:
        return error
    return None


def _same_reading(frame: Frame, part: Part, term: Term, node: Node | None) -> bool:
    """Whether what was read for all sizes is what the code computes when it is run."""
    point = frame.point(1)
    try:
        ran = part.result(frame.scope, Numeric(point.names, point.sizes))
    except SymgradError:
        return node is None and _fault(_runner(frame, part, term), point) is not None
    try:
        read = [Values(point.names, point.sizes).array(term)]
        if node is not None:
            read.append(node_run(frame, node)(point))
    except SymgradError:
        return False
    return all(
        np.shape(each) == np.shape(ran)
        and np.allclose(np.asarray(each, float), np.asarray(ran, float), rtol=1e-6, atol=1e-9,
                        equal_nan=True)
        for each in read
    )  # fmt: skip


def node_run(frame: Frame, node: Node) -> Run:
    """What computes a formula at a point; its gradients are atoms, in the true scale."""

    def run(point: Point) -> Any:
        true = {name: frame.unscaled(point, name) for name in frame.truth.steps}
        return frame.truth.computed(node, point, true)

    return run


def _least(term: Term | None) -> int:
    """Sizes that exceed the numbers of slices: x[:64] is all of x where n ≤ 64."""
    if term is None:
        return 0
    bounds = [0]
    for each in subterms(term):
        if each.op in ("index", "set", "increase", "add_at"):
            key = each.args[1]
            for part in (key,) if isinstance(key, Slice) or not isinstance(key, tuple) else key:
                if isinstance(part, Slice):
                    bounds += [int(b) for b in part if isinstance(b, Integer)]
    top = max(abs(b) for b in bounds)
    return top if 3 <= top <= 300 else 0


# --- LaTeX


def read_latex(frame: Frame, claims: Claims, names: Mapping[str, str]) -> Iterator[Reading]:
    """Claims in LaTeX, a mapping from gradients to equations."""
    if isinstance(claims, str | Text):
        raise ParseError("claims in LaTeX are a mapping from gradients to equations",
                         hint='{"dW2": r"\\frac{\\partial J}{\\partial W_2} = ..."}')  # fmt: skip
    graph = frame.truth.graph
    gradients = {name: frame.leaves[f"d:{name}"] for name in frame.truth.steps}
    known = {name: text for name, text in names.items() if name[:1] != "d" or name in gradients}
    scope = LatexScope.of(graph, known, gradients)
    for spelling, given in pairs_of(claims):
        name = frame.scope.target(spelling)
        if name is None or name not in frame.truth.steps:
            yield Reading(spelling, fault=str(frame.scope.unknown(spelling)))
        elif not isinstance(given, str):
            yield Reading(spelling, name, fault=str(_no_text(given)))
        else:
            yield _latex(frame, scope, spelling, name, given, known)


def _latex(
    frame: Frame, scope: LatexScope, spelling: str, name: str, given: str, names: Mapping[str, str]
) -> Reading:
    wanted = frame.truth.leaves[name].shape

    def write(term: Term) -> str:
        return _as_latex(frame, term, names)

    try:
        claimed = read_claim(given, scope, wanted, name)
    except ShapeError as error:
        term = _regardless_of_shapes(frame, scope, given, name)
        return Reading(
            spelling, name, term=term, shape=error.what, write=write, run=_runner_of(frame, term)
        )
    except SymgradError as error:
        return Reading(spelling, name, fault=str(error))
    for each in claimed.readings:  # a · b may be an inner product or one of entries
        if _holds(frame, name, each.node) and not _holds(frame, name, claimed.node):
            claimed = each
    reading = _of_node(frame, spelling, name, claimed.node, claimed.problem, write, claimed.notes)
    reading.before = tuple(
        _of_node(frame, spelling, name, each.node, each.problem, write) for each in claimed.others
    )
    return reading


def _holds(frame: Frame, name: str, node: Node) -> bool:
    """Whether a reading gives the true gradient at a point: then it is what the person means."""
    try:
        ours = node_run(frame, node)(frame.point(0))
    except SymgradError:
        return False
    true = np.asarray(frame.point(0).names[f"d:{name}"], float)
    return np.shape(ours) == true.shape and np.allclose(np.asarray(ours, float), true, rtol=1e-6)


def _runner_of(frame: Frame, term: Term | None) -> Run:
    return _nothing if term is None else lambda point: Values(point.names, point.sizes).array(term)


def _regardless_of_shapes(frame: Frame, scope: LatexScope, given: str, name: str) -> Term | None:
    """The term of a claim whose shapes do not fit: read as if two or three sizes were one."""
    graph = frame.truth.graph
    sizes: dict[Dim, None] = {}
    for leaf in (*graph.symbols, *(d.leaf for d in graph.definitions)):
        sizes |= dict.fromkeys(leaf.shape)
    some = [size for size in sizes if size is not ONE]
    pairs = [{a: a, b: a} for a, b in combinations(some, 2)]
    pairs += [{ONE: size} for size in some]
    pairs += [{a: a, b: a, c: a} for a, b, c in combinations(some, 3)]
    for alike in pairs[: min(MOST_LIKENESSES, MOST_READ // (len(given) + 1))]:
        found = _read_alike(frame, scope, given, name, alike)
        if found is not None:
            return found
    return None


#: Sizes that are taken as one, two or three at a time; characters that are read again for that.
MOST_LIKENESSES, MOST_READ = 60, 30_000


def _read_alike(
    frame: Frame, scope: LatexScope, given: str, name: str, alike: dict[Dim, Dim]
) -> Term | None:
    """The term of a claim, with some sizes taken as others."""

    def level(shape: Shape) -> Shape:
        return tuple(alike.get(size, size) for size in shape)

    names: dict[Node, str] = {}
    nodes: dict[str, Node] = {}
    gradients: dict[str, Node] = {}
    for text, node in scope.nodes.items():
        nodes[text] = node
        if isinstance(node, Leaf):
            nodes[text] = Leaf(text, level(node.shape), node.role)
            names[nodes[text]] = text
    for text, node in scope.gradients.items():
        gradients[text] = Leaf(f"gradient_{text}", level(node.shape), "adjoint")
        names[gradients[text]] = f"d:{text}"
    try:
        claimed = read_claim(
            given, replace(scope, nodes=nodes, gradients=gradients),
            level(frame.truth.leaves[name].shape), name,
        )  # fmt: skip
        return term_of(claimed.node, names, _no_pool)
    except SymgradError:
        return None


def _no_pool(node: Node) -> Term:
    raise SymgradError("a part has no form in terms")


def _nothing(point: Point) -> Any:
    raise ShapeError("the shapes do not fit")


def _of_node(
    frame: Frame, spelling: str, name: str, node: Node, problem: str,
    write: Callable[[Term], str], notes: tuple[str, ...] = (),
) -> Reading:  # fmt: skip
    know = knowledge_of(frame)
    named = {each: text for text, each in frame.leaves.items()}
    term = term_of(node, named, know.pooled)
    run = node_run(frame, node)
    if not _agree(frame, term, run):
        term = know.pooled(node)
    return Reading(spelling, name, node, term, run, shape=problem, write=write, notes=notes)


def _agree(frame: Frame, term: Term, run: Run) -> bool:
    """Whether a term is the formula that it was made of."""
    try:
        ours = knowledge_of(frame).values(0).array(term)
        theirs = run(frame.point(0))
    except SymgradError:
        return False
    return np.shape(ours) == np.shape(theirs) and np.allclose(
        np.asarray(ours, float), np.asarray(theirs, float), rtol=1e-8, atol=1e-11, equal_nan=True
    )


def _as_latex(frame: Frame, term: Term, names: Mapping[str, str]) -> str:
    """A term in LaTeX, in the person's spellings."""
    know = knowledge_of(frame)
    atoms = {f"d:{step.of.name}": step.leaf for step in frame.truth.steps.values()}
    output = frame.truth.graph.leaf(frame.truth.graph.output)
    node = know.named(Builder(know.leaves() | atoms).node(term))
    spelled = dict(names)
    for step in frame.truth.steps.values():
        below = latex(step.of, spelled)
        spelled[step.leaf.name] = rf"\frac{{\partial {latex(output, spelled)}}}{{\partial {below}}}"
    return latex(node, spelled)


# --- SymPy


def read_sympy(frame: Frame, claims: Claims, names: Mapping[str, str]) -> Iterator[Reading]:
    """Claims as expressions of SymPy's or of symgrad's."""
    if isinstance(claims, str | Text):
        raise ParseError("claims of SymPy's are a mapping from gradients to expressions")
    for spelling, given in pairs_of(claims):
        name = frame.scope.target(spelling)
        if name is None or name not in frame.truth.steps:
            yield Reading(spelling, fault=str(frame.scope.unknown(spelling)))
            continue
        try:
            node = _sympy(frame, given)
        except ShapeError as error:
            yield Reading(spelling, name, shape=error.what, run=_nothing)
            continue
        except SymgradError as error:
            yield Reading(spelling, name, fault=str(error))
            continue
        wanted = frame.truth.leaves[name].shape
        node = _stood(node, wanted)
        yield _of_node(frame, spelling, name, node, "", written)


def _stood(node: Node, wanted: Any) -> Node:
    """A column of SymPy's as the vector that is wanted."""
    bare = [size for size in node.shape if size is not ONE]
    full = [size for size in wanted if size is not ONE]
    if len(node.shape) != len(wanted) and same_shape(tuple(bare), tuple(full)):
        return reshape(node, wanted)
    return node


def _sympy(frame: Frame, given: object) -> Node:
    """The node of an expression; gradients are symbols named dW."""
    if isinstance(given, Node):
        return _renamed(frame, given)
    if not isinstance(given, Basic):
        return as_node(given)
    sizes = frame.truth.graph.dims
    if not is_plain(given, dict.fromkeys(sizes)):
        return as_node(given)

    # a vector is a column there: its symbols are put in place when they are read
    symbols = PlainSymbols.told((), None, None)
    node, _ = symbols.read(given, lambda text: None, dict.fromkeys(sizes))
    return _renamed(frame, node)


def _renamed(frame: Frame, node: Node) -> Node:
    """Gradients in the person's scale, and symbols named dW as gradients."""
    values: dict[Node, Node] = {}
    for leaf in leaves(node):
        own: Node | None = frame.truth.leaves.get(leaf.name)
        if own is None and leaf.name[:1] == "d":
            own = frame.leaves.get(f"d:{leaf.name[1:]}")
        if own is None:
            raise frame.scope.unknown(leaf.name)
        if own is not leaf:
            values[leaf] = reshape(own, leaf.shape)
    return substitute(node, values)


READERS = {"numpy": read_numpy, "latex": read_latex, "sympy": read_sympy}
