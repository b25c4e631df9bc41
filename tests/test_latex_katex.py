"""LaTeX as browsers show it: KaTeX in strict mode takes every golden and every random expression.

KaTeX (MIT licence, tests/katex/license.txt) runs in V8, which mini-racer brings as a wheel.
"""

from functools import cache
from pathlib import Path

import pytest
from cases_calculus import CASES, declared
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import NETWORKS
from strategies import networks

import symgrad as sg
from symgrad.errors import SymgradError
from symgrad.notation import latex
from symgrad.notation.difference import underlined

racer = pytest.importorskip("py_mini_racer", reason="pip install mini-racer to run KaTeX")
pytestmark = pytest.mark.katex

SCRIPT = Path(__file__).parent / "katex" / "katex.min.js"
GOLDENS = Path(__file__).parent / "goldens"
DOCS = Path(__file__).parent.parent / "docs"
STRICT = {"throwOnError": True, "strict": "error", "displayMode": True}


@cache
def engine():
    context = racer.MiniRacer()
    context.eval(SCRIPT.read_text(encoding="utf-8"))
    return context


def render(text):
    """The HTML; raises where KaTeX does not take the text."""
    return engine().call("katex.renderToString", text, STRICT)


@pytest.mark.parametrize("wrong", [r"\frac{a}{", r"a_b_c", r"\foo", "é"])
def test_the_renderer_refuses_what_is_wrong(wrong):
    with pytest.raises(racer.JSEvalException):
        render(wrong)


@pytest.mark.parametrize("path", sorted(GOLDENS.glob("*.tex")), ids=lambda path: path.stem)
def test_goldens_render(path):
    assert "katex-html" in render(path.read_text(encoding="utf-8"))


def test_the_page_of_the_literature_renders():
    page = (DOCS / "literature.md").read_text(encoding="utf-8")
    blocks = page.split("$$")[1::2]
    assert len(blocks) > 40  # two for each of twenty derivations
    for block in blocks:
        render(block)


@pytest.mark.parametrize("name", NETWORKS)
def test_definitions_and_derivatives_render(name):
    graph = NETWORKS[name]()
    derivation = sg.gradient(graph)
    for block in derivation.markdown().split("$$")[1::2]:
        render(block)
    for definition in graph.definitions:
        render(latex(definition.expr))
    for derivative in derivation.values():
        render(derivative.latex())


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks(), st.data())
def test_random_expressions_render(graph, data):
    derivation = sg.gradient(graph)
    render(derivation.latex())
    for definition in graph.definitions:
        render(latex(definition.expr))
    name = data.draw(st.sampled_from([*graph.parameters]))
    try:
        shown = sg.hessian(graph, name).latex()
    except SymgradError:  # too long to print: said so, and not rendered
        return
    render(shown)


@pytest.mark.parametrize("row", CASES, ids=[row[0] for row in CASES])
def test_derivatives_of_papers_and_textbooks_render(row):
    _, text, symbols, domain, variables = declared(row)
    graph = sg.parse(text, symbols, domain=domain, parameters=variables)
    derivation = sg.gradient(graph)
    render(derivation.latex())
    for derivative in derivation.values():
        text = derivative.latex()
        render(text)
        for start in range(0, len(text), 7):  # any part of it underlined: groups stay whole
            render(underlined(text, [(start, min(start + 5, len(text)))]))
    render(sg.hessian(graph, variables[0]).latex())
