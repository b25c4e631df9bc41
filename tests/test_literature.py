"""The page of derivations beside the literature's: generated here, each of its forms verified."""

import importlib.util
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from literature import DERIVATIONS, declared

import symgrad as sg
from symgrad.notation import latex
from symgrad.tensor.nodes import leaves, substitute

ROOT = Path(__file__).parent.parent

HEAD = """# Derivations of the literature

Twenty-five functions of textbooks and papers: what is derived by hand there, and what symgrad
prints. Operations are counted in the same way for both, in the form as NumPy text: operators,
functions and transposes. Gradients of several variables share the steps of one derivation, which
are counted once; with them, ∂J/∂z in a form of the literature stands for what some call δ.

`tests/test_literature.py` makes this page from the equations below, and proves each form of the
literature equal to symgrad's, as LaTeX and as NumPy text.
"""


@cache
def operations():
    """How the cases of benchmarks/ count operations, which knows nothing of symgrad."""
    path = ROOT / "benchmarks" / "cases" / "evaluate.py"
    spec = importlib.util.spec_from_file_location("evaluate_cases", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.operations


@cache
def network(row):
    symbols, domain = declared(row)
    return sg.parse(row.text, symbols, domain=domain, latex=row.latex)


def spelled(row, name):
    """A name of the equations in LaTeX."""
    return latex(network(row).leaf(name))


def first(row):
    return [form for form in row.forms if not form.is_second]


def second(row):
    return [form for form in row.forms if form.is_second]


FIRST = [(row, form) for row in DERIVATIONS for form in first(row)]
SECOND = [(row, form) for row in DERIVATIONS for form in second(row)]


def ids(cases):
    return [f"{row.title}, {form.by}" for row, form in cases]


def left(row, form):
    """What a closed form of a gradient is of, as LaTeX."""
    output = network(row).output
    return form.left or rf"\frac{{\partial {output}}}{{\partial {spelled(row, form.by)}}}"


@pytest.mark.parametrize(("row", "form"), FIRST, ids=ids(FIRST))
def test_gradients_are_those_of_the_literature(row, form):
    net = network(row)
    (text,) = sg.verify(net, {f"d{form.by}": form.numpy})
    assert text.status == "proved", text
    claim = {f"d{form.by}": f"{left(row, form)} = {form.latex}"}
    (printed,) = sg.verify(net, claim, notation="latex", names=row.latex)
    assert printed.status == "proved", printed


@pytest.mark.parametrize(("row", "form"), SECOND, ids=ids(SECOND))
def test_hessians_are_those_of_the_literature(row, form):
    symbols, domain = declared(row)
    net = network(row)
    hessian = sg.hessian(net, *form.by.split())
    text = sg.parse(f"{row.text}; H_ = {form.numpy}", symbols, domain=domain, latex=row.latex)
    assert sg.equal(hessian, text.leaf("H_"), graph=text).status == "proved"
    if not form.ranges:
        return  # δᵢₖ alone does not say how far k runs
    known = (*net.symbols, *(definition.leaf for definition in net.definitions))
    shapes = {leaf.name: tuple(map(str, leaf.shape)) for leaf in known}
    entries = "H_{ijkl}" if len(hessian.shape) == 4 else "H"
    printed = sg.parse_latex(f"{entries} = {form.latex}", shapes, names=row.latex)
    formula = printed.definitions[-1].expr
    formula = substitute(formula, {leaf: net.leaf(leaf.name) for leaf in leaves(formula)})
    assert sg.equal(hessian, formula, graph=net).status == "proved"


def aligned(equations):
    """Equations (left, right) as a block of LaTeX."""
    if len(equations) == 1:
        return " = ".join(equations[0])
    rows = " \\\\\n".join(" &= ".join(pair) for pair in equations)
    return f"\\begin{{aligned}}\n{rows}\n\\end{{aligned}}"


def statements(derivative):
    """The formulas of a derivative as NumPy text."""
    *before, result = derivative.numpy().split("; ")
    return [pair.split(" = ", 1)[1] for pair in before] + [result]


def counted(texts):
    return sum(map(operations(), texts))


def count(number):
    return f"{number} operation{'s' if number != 1 else ''}"


def beside(theirs, number, ours, own):
    """Two blocks of LaTeX with their numbers of operations."""
    return (
        f"The literature, {count(number)}:\n\n$$\n{theirs}\n$$\n\n"
        f"symgrad, {count(own)}:\n\n$$\n{ours}\n$$\n"
    )


def together(derivatives):
    """Gradients as one list of definitions, so that what they share is named and counted once."""
    definitions = {d.leaf: d for each in derivatives for d in each.definitions}
    adjoints = {pair: None for each in derivatives for pair in each.adjoints}
    return replace(derivatives[-1], definitions=(*definitions.values(),), adjoints=(*adjoints,))


def gradients(row):
    """The gradients of both sides, and how many operations they take."""
    forms = first(row)
    derivation = sg.gradient(network(row), wrt=[form.by for form in forms])
    derivative = together([derivation[form.by] for form in forms])
    theirs = aligned([(left(row, form), form.latex) for form in forms])
    number = counted(form.numpy for form in forms)
    return theirs, number, derivative.latex(), counted(statements(derivative))


def hessian_of(row, form):
    """The same of a second derivative."""
    derivative = sg.hessian(network(row), *form.by.split())
    entries = r"{(\nabla^2 J)}_{ijkl}" if len(derivative.shape) == 4 else r"\nabla^2 J"
    theirs = aligned([(entries, form.latex)])
    own = counted(statements(derivative))
    return theirs, counted([form.numpy]), derivative.latex(), own


def heading(row, form):
    names = " and ".join(f"${spelled(row, name)}$" for name in dict.fromkeys(form.by.split()))
    return f"Second derivative by {names}. "


def section(number, row):
    """A derivation of the page."""
    symbols, domain = declared(row)
    shapes = "; ".join(
        f"`{name} ({', '.join(shape)}{',' if len(shape) == 1 else ''})`"
        + (f" {domain[name]}" if name in domain else "")
        for name, shape in symbols.items()
    )
    text = "\n".join(part.strip() for part in row.text.split(";"))
    parts = [beside(*gradients(row))]
    parts += [heading(row, form) + beside(*hessian_of(row, form)) for form in second(row)]
    blocks = "\n".join(parts)
    return (
        f"## {number}. {row.title}\n\n{row.source}.\n\n```\n{text}\n```\n\n{shapes}.\n\n"
        f"{blocks}\n{row.remark}\n"
    )


def page():
    return "\n".join([HEAD, *(section(k, row) for k, row in enumerate(DERIVATIONS, 1))])


def test_the_page_is_made_of_the_table(golden):
    golden("../../docs/literature.md", page())
