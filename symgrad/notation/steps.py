"""Derivations as people read them: one adjoint after another, rules and facts beside formulas."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from symgrad.calculus.derivation import Derivation, Step
from symgrad.notation import latex, text
from symgrad.notation.names import latex_leaf, text_leaf
from symgrad.tensor.dims import show
from symgrad.tensor.nodes import Leaf, Node, substitute


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a step: the left side is empty where the line before goes on."""

    left: str
    right: str
    remark: str


def spelled(derivation: Derivation) -> dict[Node, Node]:
    r"""Adjoint symbols -> the same symbols, spelled \frac{\partial J}{\partial v}."""
    output = latex_leaf(derivation.graph.leaf(derivation.graph.output), {})
    return {
        step.leaf: Leaf(
            step.leaf.name,
            step.leaf.shape,
            step.leaf.role,
            step.leaf.domain,
            rf"\frac{{\partial {output}}}{{\partial {latex_leaf(step.of, {})}}}",
        )
        for step in derivation.steps
    }


def _texts(derivation: Derivation, show: Callable[[Node], str]) -> Callable[[Node], str]:
    names = spelled(derivation)
    return lambda node: show(substitute(node, names))


def derivation_text(derivation: Derivation, *, shapes: bool = False) -> str:
    """The steps in Unicode, as a table: formula, then why."""
    shown = _texts(derivation, text)
    lines = list(_lines(derivation, shown, text_leaf))
    left = max((len(line.left) for line in lines), default=0)
    right = max((len(line.right) for line in lines if len(line.right) <= 60), default=0)
    rows = [_title(derivation)]
    for line in lines:
        row = f"  {line.left:<{left}} = {line.right:<{right}}"
        rows.append(f"{row}   {line.remark}".rstrip())
    if shapes:
        rows.append("shapes")
        rows += [f"  {shown(step.leaf):<{left}}   {show(step.shape)}" for step in derivation.steps]
    return "\n".join(rows)


def derivation_latex(derivation: Derivation) -> str:
    """The steps as one aligned block; remarks stand to the right."""
    rows = []
    for line in _lines(derivation, _texts(derivation, latex), _unicode):
        remark = rf" && \text{{{_escaped(line.remark)}}}" if line.remark else ""
        rows.append(rf"{line.left} &= {line.right}{remark}")
    return "\\begin{aligned}\n" + " \\\\[1ex]\n".join(rows) + "\n\\end{aligned}"


def derivation_markdown(derivation: Derivation) -> str:
    """The steps as Markdown: what is given, then the derivation."""
    given = " \\\\\n".join(
        f"{latex(d.leaf)} &= {latex(d.expr)}" for d in derivation.graph.definitions
    )
    return (
        f"## {_title(derivation)}\n\n$$\n\\begin{{aligned}}\n{given}\n\\end{{aligned}}\n$$\n\n"
        f"$$\n{derivation_latex(derivation)}\n$$\n"
    )


def _title(derivation: Derivation) -> str:
    wanted = ", ".join(text_leaf(leaf) for leaf in derivation.wrt)
    return f"Gradient of {derivation.graph.output} by {wanted} ({derivation.graph.name})"


def _unicode(leaf: Leaf) -> str:
    """A name for remarks in LaTeX, which are plain text."""
    return leaf.name


def _lines(
    derivation: Derivation, show_node: Callable[[Node], str], show_name: Callable[[Leaf], str]
) -> Iterator[Line]:
    for step in derivation.steps:
        if step.of.name == derivation.graph.output and step.of not in derivation.wrt:
            continue  # ∂J/∂J = 1
        final = show_node(step.expr)
        first = show_node(step.raw)
        facts = "; ".join(step.notes)
        if first == final:
            remark = "; ".join(part for part in (_reason(step, show_name), facts) if part)
            yield Line(show_node(step.leaf), final, remark)
        else:
            yield Line(show_node(step.leaf), first, _reason(step, show_name))
            yield Line("", final, facts)


def _reason(step: Step, show_name: Callable[[Leaf], str]) -> str:
    """Which definitions the step goes back through, and by what rules."""
    through = ", ".join(show_name(leaf) for leaf in step.through)
    return f"through {through}: {step.rule}" if through else step.rule


def _escaped(remark: str) -> str:
    return "".join(rf"\{char}" if char in "_%&#$" else char for char in remark)
