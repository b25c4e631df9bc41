"""Derivations as people read them: one adjoint after another, with the rules beside them.

Layers that repeat are one formula for a general layer l, printed where the first of them stands.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import NamedTuple

from symgrad.calculus.derivation import Derivation
from symgrad.calculus.families import Family, families
from symgrad.notation.names import text_leaf
from symgrad.notation.spelling import LatexSpelling, Spelling, TextSpelling
from symgrad.notation.wrap import wrapped
from symgrad.tensor.dims import show
from symgrad.tensor.nodes import Leaf, Node

#: Columns of a terminal, and of a formula beside which a remark stands in line with others.
WIDTH, COLUMN = 100, 56


class Row(NamedTuple):
    """An equation: what the rule gives, the shortest form, and why."""

    leaf: Leaf
    raw: Node
    expr: Node
    through: tuple[Leaf, ...] = ()
    rules: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line; the left side is empty where the line before goes on."""

    left: str
    right: str
    remark: str = ""
    general: bool = False
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """What stands above formulas for a general layer."""

    text: str


def derivation_text(derivation: Derivation, *, shapes: bool = False) -> str:
    """The steps in Unicode, as a table: name, shape on demand, formula, why."""
    spelling = TextSpelling(derivation)
    lines = list(_lines(_steps(derivation), spelling))
    indent = {line: "    " if line.general else "  " for line in lines if isinstance(line, Line)}
    left = max((len(indent[line] + line.left) for line in indent), default=0)
    right = max((len(line.right) for line in indent if len(line.right) <= COLUMN), default=0)
    widest = max((len(line.shape) for line in indent), default=0)
    rows = [_title(derivation)]
    for line in lines:
        if isinstance(line, Heading):
            rows.append(f"  {line.text}:")
        else:
            name = f"{indent[line] + line.left:<{left}}"
            if shapes:
                name += f"  {line.shape:<{widest}}"
            rows += _table_row(line, f"{name} = ", right)
    return "\n".join(rows)


def _table_row(line: Line, left: str, right: int) -> list[str]:
    """The line in at most WIDTH columns, as far as its formula can be broken."""
    first, *more = wrapped(line.right, WIDTH - len(left))
    rows = [left + first, *(" " * len(left) + each for each in more)]
    if line.remark:
        beside = f"{rows[-1]:<{len(left) + right}}   {line.remark}"
        indent = " " * (min(len(left) + right, WIDTH - COLUMN // 2) + 3)
        parts = wrap(line.remark, WIDTH - len(indent))
        if len(beside) <= WIDTH:
            rows[-1] = beside
        elif not more and len(rows[-1]) < len(indent):
            rows[-1] = f"{rows[-1]:<{len(indent)}}{parts[0]}"
            rows += [indent + part for part in parts[1:]]
        else:
            rows += [indent + part for part in parts]
    return rows


def derivation_latex(derivation: Derivation) -> str:
    """The steps as one aligned block; remarks stand to the right."""
    return _aligned(_lines(_steps(derivation), LatexSpelling(derivation)))


def derivation_markdown(derivation: Derivation) -> str:
    """The steps as Markdown: what is given, then the derivation."""
    spelling = LatexSpelling(derivation)
    given = [Row(d.leaf, d.expr, d.expr) for d in derivation.graph.definitions]
    return (
        f"## {_title(derivation)}\n\n"
        f"Given\n\n$$\n{_aligned(_lines(given, spelling))}\n$$\n\n"
        f"the gradients are\n\n$$\n{_aligned(_lines(_steps(derivation), spelling))}\n$$\n"
    )


def _aligned(lines: Iterable[Line | Heading]) -> str:
    rows = []
    for line in lines:
        if isinstance(line, Heading):
            rows.append(rf"& \mathrlap{{{line.text}\colon}}")
        else:
            remark = f" && {line.remark}" if line.remark else ""
            rows.append(f"{line.left} &= {line.right}{remark}")
    return "\\begin{aligned}\n" + " \\\\[1ex]\n".join(rows) + "\n\\end{aligned}"


def _title(derivation: Derivation) -> str:
    graph = derivation.graph
    names = [text_leaf(leaf) for leaf in derivation.wrt]
    if len(names) > 8:
        names = [*names[:2], "…", *names[-2:]]
    output = text_leaf(graph.leaf(graph.output))
    what = TITLES[derivation.kind].format(output)
    return f"{what} with respect to {', '.join(names)} ({graph.name})"


#: The titles of derivations, by kind.
TITLES = {
    "derivative": "Gradient of {}",
    "vjp": "Cotangent times Jacobian of {}",
    "hvp": "Hessian of {} times a direction",
    "ggnvp": "Gauss-Newton matrix of {} times a direction",
}


def _steps(derivation: Derivation) -> list[Row]:
    """The steps but the first, ∂J/∂J = 1, unless that is what was asked for."""
    return [
        Row(step.leaf, step.raw, step.expr, step.through, step.rules, step.notes)
        for step in derivation.steps
        if step.of.name != derivation.graph.output or step.of in derivation.wrt
    ]


def _lines(rows: Sequence[Row], spelling: Spelling) -> Iterator[Line | Heading]:
    """Each row, or once for all layers of a family, where that at least halves their number.

    Families that follow each other are one block.
    """
    found = families(rows)
    later = {position for family in found for position in family.positions[1:]}
    if 2 * len(later) < len(rows):
        found, later = (), set()
    first = {family.positions[0]: family for family in found}
    block: list[Family] = []
    for position, row in enumerate(rows):
        if position in first:
            block.append(first[position])
        elif position not in later:
            yield from _block(block, spelling)
            block = []
            yield from _equation(row, spelling)
    yield from _block(block, spelling)


def _block(block: Sequence[Family], spelling: Spelling) -> Iterator[Line | Heading]:
    if not block:
        return
    down = block[0].layers[0] > block[0].layers[-1]
    layers = sorted({layer for family in block for layer in family.layers}, reverse=down)
    yield Heading(spelling.heading(layers))
    for family in _ordered(block):
        limits = spelling.limits(family.layers, layers)
        yield from _equation(Row(*family.row), spelling, limits, general=True)


def _ordered(block: Sequence[Family]) -> Sequence[Family]:
    """The families as they stand in one layer: there each comes after those that it needs."""
    common = set(block[0].layers).intersection(*(family.layers for family in block))
    for layer in reversed(block[0].layers):
        if layer in common:
            return sorted(block, key=lambda f: f.positions[f.layers.index(layer)])
    return block


def _equation(
    row: Row, spelling: Spelling, limits: str = "", *, general: bool = False
) -> Iterator[Line]:
    """What the rule gives, and where that is longer the shortest form below it."""
    formula = spelling.general if general else spelling.node
    sides = spelling.general_sides if general else spelling.sides
    (left, raw), (result, expr) = (sides(row.leaf, node) for node in (row.raw, row.expr))
    # the sizes of a general layer have no names
    shape = "" if general else show(row.leaf.shape)
    why = ""
    for leaf, rule in zip(reversed(row.through), reversed(row.rules), strict=True):
        why += spelling.say(f"{', ' if why else ''}{rule} in ") + formula(leaf)
    facts = spelling.say("; ".join(row.facts))
    if limits:
        why += spelling.say(" (" if why else "(") + limits + spelling.say(")")
    if raw == expr:
        remark = spelling.say("; ").join(filter(None, (why, facts)))
        yield Line(left, expr, remark, general, shape)
    else:
        yield Line(left, raw, why, general, shape)
        yield Line("" if result == left else result, expr, facts, general)
