"""Whatever is typed, the LaTeX reader reads it or says in a typed error why not."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_latex_reader import SAME, WRONG
from test_latex_reader_claims import TRUE, network

import symgrad as sg
from symgrad.declare.latex import marks, read_claim

TOKENS = re.compile(r"\\[A-Za-z]+|\\.|[A-Za-z]|\d+|.", re.DOTALL)
CLAIMS = [
    (name, of, text) for name, all_ in TRUE.items() for of, texts in all_.items() for text in texts
]
TEXTS = [text for text, *_ in SAME] + [row[0] for row in WRONG]
POOL = sorted(
    {token for text in [*TEXTS, *(c[2] for c in CLAIMS)] for token in TOKENS.findall(text)}
    | {*marks.LETTERS, *marks.MARKS, *marks.PRODUCTS, *marks.RELATIONS, *marks.BRACKETS}
    | {*marks.BARS, *marks.STYLES, *marks.ACCENTS, *marks.WORDS, *marks.SILENT, "\x00", "é", "\n"}
)

EDITS = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 4), st.sampled_from(POOL)), min_size=1, max_size=5
)

# what the fuzzer found once
FOUND = [
    ("columns", "Z1", "dZ^{[1]} {[2]T} dZ^{[2]} * A^{[1]} * (1 - A^{[1]})"),
    ("steps", "U", r"dU = \sum_{t=1}\sum_{t=1}^{T} \frac{\partial L}{\partial a_t}"),
    ("single", "z", r"\delta = (p - I) \odot \sigma'(z)"),
    ("rows", "Z", r"dZ = \begin{cases} P Y \\ 0 & Z \leq 0 \end{cases}"),
    ("rows", "W", r"\frac{\partial L}{\partial W_{\lambda}} = X"),
    ("rows", "W", r"z,M\mathbf\leftarrow\ell001\mathsf\bar"),
    ("rows", "W", r"dW = \frac999999999999999999999999999999{\partial L}{\partial Z}"),
]


def mutated(text, edits):
    tokens = TOKENS.findall(text)
    for place, kind, token in edits:
        at = place % (len(tokens) + 1)
        if kind == 0:
            del tokens[at : at + 1]
        elif kind == 1:
            tokens.insert(at, token)
        elif kind == 2:
            tokens[at : at + 1] = [token]
        elif kind == 3:
            tokens[at:at] = tokens[at : at + 6]
        else:
            del tokens[at : at + 5]
    return "".join(tokens)


def refusal(call, *told, **more):
    """The typed error of a call, or None; anything else is raised."""
    try:
        call(*told, **more)
    except sg.SymgradError as error:
        return error
    return None


def read(name, of, text):
    """Read a claim; an error is a symgrad error, and knows its place."""
    net, scope, *_ = network(name)
    error = refusal(read_claim, text, scope, net.leaf(of).shape, of)
    assert error is None or str(error)
    if isinstance(error, sg.ParseError):
        assert error.line >= 1
        assert error.where


@settings(max_examples=250, deadline=None)
@given(st.sampled_from(CLAIMS), EDITS)
def test_mutated_claims(claim, edits):
    name, of, text = claim
    read(name, of, mutated(text, edits))


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SAME), EDITS)
def test_mutated_networks(case, edits):
    text, _, symbols, *rest = case
    error = refusal(sg.parse_latex, mutated(text, edits), symbols=symbols, **dict(*rest))
    assert error is None or str(error)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(POOL), max_size=40).map("".join))
def test_random_tokens(text):
    read("rows", "W", text)


@pytest.mark.parametrize(("name", "of", "text"), FOUND)
def test_what_was_found_once(name, of, text):
    read(name, of, text)
