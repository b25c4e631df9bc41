"""Files of equations and Python files: what is read, and where each error points."""

import re
from pathlib import Path

import pytest

import symgrad as sg

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "docs" / "examples" / "digits.sg"


@pytest.fixture
def write(tmp_path):
    def write(text, name="net.sg"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_digits_are_declared_as_written():
    net = sg.load(DIGITS)
    assert (net.name, net.output) == ("digits", "J")
    assert net.parameters == ("W1", "b1", "W2", "b2")
    assert net.inputs == ("X", "Y", "lam")
    shapes = {leaf.name: str(leaf.shape) for leaf in net.symbols}
    assert shapes["X"] == "(B, d)"
    assert shapes["b1"] == "(h,)"
    assert shapes["lam"] == "()"
    assert net.leaf("Y").domain == "onehot"
    assert (net.leaf("lam").domain, net.leaf("lam").latex) == ("positive", r"\lambda")
    assert sg.gradient(net, "Z2")["Z2"].numpy() == "(P - Y) / B"


def test_the_shipped_copy_is_the_documented_one():
    text = DIGITS.read_text(encoding="utf-8")
    assert (ROOT / "symgrad" / "train" / "digits.sg").read_text(encoding="utf-8") == text
    assert f"```sg\n{text}```" in (ROOT / "docs" / "files.md").read_text(encoding="utf-8")


def test_every_file_in_the_documentation_can_be_derived(write):
    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sg\n(.*?)```", text, flags=re.S)
    assert len(blocks) == 2
    for block in blocks:
        net = sg.load(write(block))
        assert tuple(sg.gradient(net)) == net.parameters


def test_symbols_name_parameters_on_a_line(write):
    net = sg.load(
        write("symbols:\n  a: ()\n  b: (n,)\n  c: (n)\nparameters: c, a\nJ = a * sum(b * c)")
    )
    assert net.parameters == ("c", "a")
    assert net.inputs == ("b",)


def test_the_file_names_the_graph_unless_it_says_its_name(write):
    assert sg.load(write("inputs:\n  x: ()\nJ = x", "a net-2.sg")).name == "a_net_2"
    assert sg.load(write("inputs:\n  x: ()\nJ = x", "2nets.sg")).name == "_2nets"
    assert sg.load(write("name: mine\ninputs:\n  x: ()\nJ = x")).name == "mine"


def test_shapes_hold_expressions_and_trailing_commas(write):
    net = sg.load(write("inputs:\n  x: ((n - 3)//2 + 1, 4*m,) positive $x$\nJ = sum(x)"))
    assert str(net.leaf("x").shape) == "(floor((n - 3)/2) + 1, 4*m)"
    assert (net.leaf("x").domain, net.leaf("x").latex) == ("positive", "x")


def test_values_have_facts_and_spellings(write):
    net = sg.load(
        write(
            "inputs:\n  X: (n, d)\nvalues:\n  K: symmetric\n  t: \\tau\noutput: t\n"
            "K = X.T @ X\nt = trace(K)\nu = 2 * t"
        )
    )
    assert net.leaf("K").domain == "symmetric"
    assert net.leaf("t").latex == r"\tau"
    assert net.output == "t"


def test_layout_is_free(write):
    text = (
        "\ufeff# a comment\r\nequations:\r\n  z = (x\r\n    + 1)  # and one here\r\n"
        "  J = sum(z[1:])\r\ninputs:   # later\r\n\tx: (n)\r\n"
    )
    net = sg.load(write(text))
    assert [d.leaf.name for d in net.definitions] == ["z", "J"]
    assert net.evaluate({"x": [1.0, 2.0, 3.0]}) == 7


ERRORS = [
    # text, error, what, line, column, the hint's words
    ("J = sum(x)", sg.UnknownName, "'x' is not declared", 1, 9, ""),
    ("inputs:\n  x: (n)\n\ny = x +\nJ = y", sg.ParseError, "cannot read this", 4, 8, ""),
    ("inputs:\n  x: (n)\nJ = sim(x)", sg.UnknownName, "no function is named 'sim'", 3, 5, "sum"),
    ("inputs:\n  x: (n)\nJ = x\nJ = x", sg.NameClash, "'J' is defined twice", 4, 1, ""),
    ("inputs:\n  x: (n)\nJ = J + x", sg.UnknownName, "'J' is defined by itself", 3, 5, ""),
    (
        "inputs:\n  x: (n, d)\n  y: (n, d)\n\nJ = sum(x @ y)",
        sg.ShapeError, "matmul", 5, 9, "last axis",
    ),
    ("input:\n  x: (n)\nJ = x", sg.ParseError, "no section is called 'input'", 1, 1, "inputs"),
    ("X: (n)\nJ = X", sg.ParseError, "no section is called 'X'", 1, 1, "indented"),
    ("inputs: x (n)\nJ = x", sg.ParseError, "stands alone", 1, 9, "X: (B, d)"),
    ("equations: J = 1", sg.ParseError, "stands alone", 1, 12, "next line"),
    ("inputs:\n  x = (n)\nJ = x", sg.ParseError, "holds declarations", 2, 3, "not indented"),
    ("inputs:\n  x: n\nJ = x", sg.ParseError, "in parentheses", 2, 6, "()"),
    ("inputs:\n  x: (n\nJ = x", sg.ParseError, "not closed", 2, 6, "parenthesis"),
    ("inputs:\n  x: (n, 2.5*d)\nJ = x", sg.ParseError, "dimension '2.5*d'", 2, 10, ""),
    ("inputs:\n  x: (n,,d)\nJ = x", sg.ParseError, "cannot read the dimension", 2, 9, ""),
    ("inputs:\n  x: (n) positve\nJ = x", sg.DeclarationError, "'positve'", 2, 10, "positive"),
    ("inputs:\n  x: (n) net\nJ = x", sg.DeclarationError, "'net'", 2, 10, "dollars"),
    ("inputs:\n  x: (n, m) spd\nJ = x", sg.DeclarationError, "x is spd", 2, 3, ""),
    ("inputs:\n  x: ()\n  x: (n)\nJ = x", sg.NameClash, "'x' is declared twice", 3, 3, ""),
    ("inputs:\n  lambda: ()\nJ = 1", sg.NameClash, "reserved", 2, 3, "lambda_"),
    ("inputs:\n  x: (n)\n  n: ()\nJ = x", sg.NameClash, "a symbol and a dimension", 3, 3, ""),
    ("parameters: w\nJ = 1", sg.UnknownName, "'w' is not among the symbols", 1, 13, ""),
    ("parameters: w; v\nJ = 1", sg.NameClash, "'w;' is not a name", 1, 13, ""),
    ("parameters: w w\nJ = 1", sg.NameClash, "'w' is among the parameters twice", 1, 15, ""),
    ("parameters: w (n)\nJ = 1", sg.ParseError, "takes names here", 1, 15, "indented"),
    ("inputs:\n  x: ()\noutput: K\nJ = x", sg.UnknownName, "'K' is not defined", 3, 9, ""),
    ("inputs:\n  x: ()\nvalues:\n  K: spd\nJ = x", sg.UnknownName, "'K'", 4, 3, ""),
    ("name: two words\nJ = 1", sg.ParseError, "one word", 1, 6, ""),
    ("name: class\nJ = 1", sg.NameClash, "reserved", 1, 7, ""),
    ("name: a\nname: b\nJ = 1", sg.ParseError, "given twice", 2, 1, ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "what", "line", "column", "hint"), ERRORS)
def test_errors_point_into_the_file(write, text, kind, what, line, column, hint):
    path = write(text)
    with pytest.raises(kind) as caught:
        sg.load(path)
    error = caught.value
    assert what in error.what
    assert hint in error.hint
    first, shown, caret = error.where.split("\n")
    assert first == f"{path}, line {line}:"
    # a line is shown without its indentation, the caret under the same character
    indentation = len(text.splitlines()[line - 1]) - len(text.splitlines()[line - 1].lstrip())
    assert shown.strip() == text.splitlines()[line - 1].strip()
    assert caret.index("^") - 6 + indentation == column - 1
    if isinstance(error, sg.ParseError):
        assert (error.line, error.column) == (line, column)


@pytest.mark.parametrize("text", ["", "# nothing\n", "inputs:\n  x: (n)\n"])
def test_a_file_without_equations(write, text):
    with pytest.raises(sg.ParseError, match="no equations") as caught:
        sg.load(write(text))
    assert "net.sg" in caught.value.where


def test_files_that_cannot_be_read(tmp_path, write):
    with pytest.raises(FileNotFoundError):
        sg.load(tmp_path / "none.sg")
    with pytest.raises(FileNotFoundError):
        sg.load(tmp_path / "none.py")
    with pytest.raises(sg.DeclarationError, match="neither"):
        sg.load(write("J = 1", "net.txt"))
    (tmp_path / "bad.sg").write_bytes(b"J = 1 # \xff")
    with pytest.raises(sg.ParseError, match="UTF-8"):
        sg.load(tmp_path / "bad.sg")


PYTHON = """
import symgrad as sg
from helper import square

net = sg.Graph("mine")
net.define("J", square(sg.parameter("w")))
"""


def test_python_files(write):
    write("def square(x):\n    return x * x\n", "helper.py")
    path = write(PYTHON, "mine.py")
    assert sg.load(f"{path}:net").name == "mine"
    assert sg.load(path).name == "mine"
    write(PYTHON.replace('"mine"', '"changed"'), "mine.py")
    assert sg.load(f"{path}:net").name == "changed"  # never the file as it was


@pytest.mark.parametrize(
    ("text", "name", "kind", "what", "where"),
    [
        ("x = 1", "net", sg.UnknownName, "has no name 'net'", ""),
        ("net = 1", "net", sg.DeclarationError, "is of type int, no Graph", ""),
        ("x = 1", "", sg.DeclarationError, "makes no graph", ""),
        ("import symgrad as sg\na, b = sg.Graph(), sg.Graph()", "", sg.DeclarationError,
         "which graph", ""),
        ("\n1 / 0", "net", sg.DeclarationError, "ZeroDivisionError", "line 2: 1 / 0"),
        ("x = (", "net", sg.DeclarationError, "SyntaxError", "line 1"),
        ("raise SystemExit(3)", "net", sg.DeclarationError, "SystemExit: 3", "line 1"),
        ("import symgrad as sg\nsg.tensor('1x')", "net", sg.NameClash, "is not a name", "line 2"),
    ],
)  # fmt: skip
def test_python_files_that_make_no_graph(write, text, name, kind, what, where):
    path = write(text, "mine.py")
    with pytest.raises(kind) as caught:
        sg.load(f"{path}:{name}" if name else path)
    assert what in caught.value.what
    assert where in caught.value.where
