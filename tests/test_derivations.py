"""Derivations in files: what is read of Markdown, LaTeX, Python and .sg, and what is said of it."""

import json
import random
from pathlib import Path

import pytest
from test_cli import symgrad  # noqa: F401  # a fixture

import symgrad as sg
from symgrad.declare.passages import SUFFIXES, Document, document
from symgrad.errors import DeclarationError, ParseError, ShapeError, UnknownName
from symgrad.notation.difference import differing, underline, underlined
from symgrad.show.verdicts import verdict_table, verification_page

FOLDER = Path(__file__).parent.parent / "docs" / "examples" / "derivations"

#: file -> what it is about; gradient -> the mistake in it, for those that are wrong.
EXAMPLES = {
    "logistic.md": ("the regulariser is forgotten", {"dw": "missing-regulariser"}),
    "softmax_regression.py": ("code of a course: the scores are shifted, and gradients changed in "
                              "place", {"dW": "constant-factor"}),
    "shallow_network.py": ("functions with dictionaries between them; dZ2 and dZ1 stand for m "
                           "times the gradient, which is found", {"db1": "wrong-axis"}),
    "batch_norm.py": ("one layer, its gradient from above unknown; the term of the mean that many "
                      "miss is 0, and the derivation is right", {}),
    "layer_norm.tex": ("σ depends on x as well", {"dx": "missing-path"}),
    "rnn.md": ("equations of steps in code: a transpose and the first step are missing",
               {"dh1": "missing-transpose", "dWh": "dropped-time-step"}),
    "attention.tex": ("the derivative of a softmax is no product entry by entry",
                      {"dS": "missing-term", "dK": "missing-scale-factor"}),
    "factorisation.md": ("shapes tell that a transpose is missing", {"dV": "missing-transpose"}),
    "hinge.py": ("a loop over examples with a condition", {"dw": "sign"}),
    "ridge.sg": ("equations and gradients as text", {"dw": "constant-factor"}),
}  # fmt: skip


def page():
    """The worked examples: each file, and what the command says of it."""
    out = [
        "# Ten derivations, verified", "",
        "The files stand in `docs/examples/derivations`; below each is what `symgrad verify FILE`",
        "says. [What the verdicts mean](verify.md).",
    ]  # fmt: skip
    for name, (about, _) in EXAMPLES.items():
        text = (FOLDER / name).read_text(encoding="utf-8")
        result = sg.verify_file(FOLDER / name)
        shown = verdict_table(result, 100).replace(str(FOLDER / name), name)
        kind = {"py": "python", "md": "markdown", "tex": "latex", "sg": ""}[name.split(".")[1]]
        out += ["", f"## {name}", "", f"{about[0].upper()}{about[1:]}.", ""]
        out += [f"~~~~{kind}", text.rstrip(), "~~~~", "", "~~~~", shown, "~~~~"]
    return "\n".join(out) + "\n"


def test_the_page_of_examples_is_what_the_command_says(golden):
    golden("../../docs/derivations.md", page())


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name):
    """Right lines are proved, and the mistakes are the ones that were put in."""
    result = sg.verify_file(FOLDER / name)
    wrong = {each.verdict.name: each.verdict.mistake for each in result if not each.verdict.right}
    assert wrong == EXAMPLES[name][1]
    assert {each.verdict.status for each in result if each.verdict.right} <= {"proved"}
    assert bool(result) is not bool(wrong)


# --- passages


def test_passages_keep_their_places():
    text = "a\n$$x = 1$$ b $$y =\n 2$$\n```python\nz = 3\n```\n`$$no$$` <!-- $$no$$ -->\n"
    found = document(text, ".md")
    alone = found.alone(found.latex, ";")
    assert alone == " \n  x = 1;      y =\n 2"
    for start, end in found.latex:
        assert alone[start:end] == text[start:end]
    below = Document("a = 1\n\n  b = 2\n")
    assert below.alone([(0, 5), (9, 14)], ";") == "a = 1\n\n; b = 2"
    assert [text[i:j] for i, j in found.code] == ["z = 3\n"]


@pytest.mark.parametrize(("suffix", "text", "latex", "code", "declarations"), [
    (".tex", "%sg symbols:\n% sg   x: (n)\n% $$no$$\n\\[a = b\\] \\verb|x|\n\\begin{align*}\n"
     "c &= d\n\\end{align*}\n\\begin{lstlisting}[language=Python]\ne = 5 % 2\n\\end{lstlisting}\n"
     "\\begin{verbatim}$$no$$\\end{verbatim}",
     ["a = b", "\\begin{align*}\nc &= d\n\\end{align*}"], ["\ne = 5 % 2\n"], "symbols:\n  x: (n)"),
    (".md", "~~~sg\nx: 1\n~~~\n```math\na = b\n```\n```bash\nls\n```\n\\[c = d\\]",
     ["a = b\n", "c = d"], [], "\nx: 1"),
    (".py", "#sg symbols:\n#sg   x: (n)\ny = x\n", [], ["#sg symbols:\n#sg   x: (n)\ny = x\n"],
     "symbols:\n  x: (n)"),
    (".sg", "y = x", [], [], "y = x"),
])  # fmt: skip
def test_passages_of_each_kind(suffix, text, latex, code, declarations):
    found = document(text, suffix)
    assert [found.text[i:j] for i, j in found.latex] == latex
    assert [found.text[i:j] for i, j in found.code] == code
    assert found.declarations == declarations


def test_a_document_counts_lines_from_1():
    assert [Document("a\nb\n").line(k) for k in (0, 1, 2)] == [1, 1, 2]
    assert set(SUFFIXES) == {".md", ".markdown", ".tex", ".py", ".sg"}


# --- networks from code

SHAPES = "#sg symbols:\n#sg   X: (n, d)\n#sg   y: (n)\n#sg parameters:\n#sg   w: (d)\n"
RIGHT = "    r = X @ w - y\n    J = np.sum(r**2) / n\n    dr = 2 * r / n\n    dw = X.T @ dr\n"


def verified(tmp_path, text, suffix=".py", **options):
    file = tmp_path / f"derivation{suffix}"
    file.write_text(text, encoding="utf-8")
    return sg.verify_file(file, **options)


def statuses(result):
    return {each.verdict.name: each.verdict.status for each in result}


PROGRAMS = {
    "script": RIGHT.replace("    ", ""),
    "loop of training": f"w = np.zeros(3)\nfor step in range(9):\n{RIGHT}    w -= 0.1 * dw\n",
    "functions": """
def loss(w):
    r = X @ w - y
    J = np.sum(r**2) / n
    return J
def backward(w, r):
    dr = 2 * r / n
    dw = X.T @ dr
    return dr, dw
""",
    "a driver": """
def forward(X, w):
    r = X @ w - y
    return r
def loss(r):
    return np.sum(r**2) / len(r)
def gradients(X, r):
    dr = 2 * r / X.shape[0]
    return {"dr": dr, "dw": X.T @ dr}
def model_fit(X, y, w):
    for i in range(100):
        r = forward(X, w)
        grads = gradients(X, r)
        w = w - 0.1 * grads["dw"]
    return w
""",
    "one function calls another with its own names": """
def forward(X, w):
    r = X @ w - y
    return r
def loss(X, w, y):
    r = forward(X, w)
    return (r * r).sum() / n
def loss_gradient(X, w, y):
    r = forward(X, w)
    dr = 2 * r / n
    dw = X.T @ dr
    return dw
""",
    "a class": """
class Regression:
    def forward(self, X):
        self.r = X @ self.w - y
        self.J = np.sum(self.r**2) / n
    def backward(self):
        self.dr = 2 * self.r / n
        self.dw = self.X.T @ self.dr
""",
    "a gradient that is returned": """
def cost(w):
    return np.sum((X @ w - y)**2) / n
def gradient(w):
    return 2 * X.T @ (X @ w - y) / n
""",
    "gradients by the names of what they are by": """
grads = {}
r = X @ w - y
J = (r**2).sum() / n
dr = 2 * r / n
grads['w'] = X.T @ dr
""",
}


@pytest.mark.parametrize("kind", PROGRAMS)
def test_programs_of_every_kind(tmp_path, kind):
    """The network and both gradients are found in code however it is arranged."""
    result = verified(tmp_path, f"{SHAPES}import numpy as np\nn = len(y)\n{PROGRAMS[kind]}")
    want = {"dw": "proved"} if "returned" in kind else {"dr": "proved", "dw": "proved"}
    assert statuses(result) == want
    assert result.graph.parameters == ("w",)
    wrong = f"{SHAPES}import numpy as np\nn = len(y)\n{PROGRAMS[kind]}".replace(" 2 * ", " 3 * ")
    assert not verified(tmp_path, wrong)


def test_lines_are_those_of_the_file(tmp_path):
    lines = f"{SHAPES}\n\n{PROGRAMS['script']}".splitlines()
    result = verified(tmp_path, "\n".join(lines))
    assert [lines[each.line - 1] for each in result] == [each.text for each in result]
    assert [each.text for each in result] == ["dr = 2 * r / n", "dw = X.T @ dr"]


def test_a_gradient_that_is_changed_and_passed_on(tmp_path):
    """dA[A <= 0] = 0 makes of the gradient by A that by what has no name; as many write it."""
    head = "#sg symbols:\n#sg   X: (n, d)\n#sg parameters:\n#sg   W: (d, h)\n#sg   V: (h, c)\n"
    body = "A = np.maximum(0, X @ W)\nJ = np.sum((A @ V)**2) / 2\ndA = A @ V @ V.T\n"
    right = verified(tmp_path, f"{head}{body}dA[A <= 0] = 0\ndW = X.T @ dA\n")
    assert statuses(right) == {"dA": "proved", "dW": "proved"}
    assert right[0].text == "dA = A @ V @ V.T"
    # where nothing goes on from it, it is what is claimed; of a parameter it always is
    last = verified(tmp_path, f"{head}{body}dA[A <= 0] = 0\n")
    assert statuses(last) == {"dA": "wrong"}
    twice = verified(
        tmp_path, f"{head}{body}dW = X.T @ (dA * (A > 0))\ndW += W\ndV = A.T @ A @ V\n"
    )
    assert statuses(twice) == {"dA": "proved", "dW": "wrong", "dV": "proved"}


def test_a_wrong_line_in_the_scale_of_the_lines_around_it(tmp_path):
    text = (FOLDER / "shallow_network.py").read_text().replace("(1 - np.power(A1, 2))", "(1 - A1)")
    verdicts = {each.verdict.name: each.verdict for each in verified(tmp_path, text)}
    assert verdicts["dZ1"].mistake == "wrong-activation-derivative"
    assert verdicts["dZ1"].corrected == "W2.T @ dZ2 * (1 - A1 ** 2)"
    assert verdicts["dW1"].status == "proved"
    assert verdicts["dW1"].inherits == ("dZ1",)


def test_nothing_of_a_file_is_run(tmp_path, monkeypatch):
    """What would be done by running a program is done by no line of it."""
    touched = tmp_path / "touched"
    attack = f"os.system('touch {touched}')\n"
    text = f"{SHAPES}import os\n{attack}def helper():\n    {attack}n = len(y)\n{PROGRAMS['script']}"
    assert statuses(verified(tmp_path, text)) == {"dr": "proved", "dw": "proved"}
    for line in (f"dw = __import__('os').system('touch {touched}')", f"dw = eval({attack[:-1]!r})",
                 f"dw = {attack}", "dw = X.__class__.__mro__", "dw = (lambda: 1)()"):  # fmt: skip
        result = verified(
            tmp_path, f"{SHAPES}n = len(y)\nr = X @ w - y\nJ = np.sum(r**2)\n{line}\n"
        )
        assert statuses(result) == {"dw": "unreadable"}
    assert not touched.exists()


# --- networks from elsewhere


def test_a_network_from_another_file(tmp_path):
    (tmp_path / "net.sg").write_text(
        "symbols:\n  X: (n, d)\n  y: (n)\nparameters:\n  w: (d)\nr = X @ w - y\nJ = sum(r**2) / n\n"
    )
    formula = "$$\\frac{\\partial J}{\\partial w} = \\frac{2}{n} X^\\top r$$"
    for text, suffix in (("dw = 2 * X.T @ r / n\n", ".py"), (formula, ".md")):
        result = verified(tmp_path, text, suffix, network=tmp_path / "net.sg")
        assert statuses(result) == {"dw": "proved"}
    assert not verified(tmp_path, "dw = X.T @ r / n", network=sg.load(tmp_path / "net.sg"))


def test_formulas_define_and_code_derives(tmp_path):
    text = (
        "```sg\nsymbols:\n  X: (n, d)\n  y: (n)\nparameters:\n  w: (d)\n```\n"
        "$$r = X w - y, \\quad J = \\lVert r \\rVert^2$$\n"
        "```python\ndr = 2 * r\ndw = X.T @ dr\n```\n$$\\nabla_w J = 2 X^\\top X w$$\n"
    )
    result = verified(tmp_path, text, ".md")
    assert [(e.line, e.verdict.status) for e in result] == [
        (10, "proved"), (11, "proved"), (13, "wrong")]  # fmt: skip


def test_scaled_gradients_are_declared(tmp_path):
    text = ("symbols:\n  x: (n)\nparameters:\n  w: (n)\nscaled:\n  dr: n\nr = w * x\n"
            "J = sum(r**2) / n\ngradients:\ndr = 2 * r\ndw = dr * x / n\n")  # fmt: skip
    assert statuses(verified(tmp_path, text, ".sg")) == {"dr": "proved", "dw": "proved"}
    assert not verified(tmp_path, text.replace("  dr: n", "  dr: 2"), ".sg")


# --- errors

FENCE = "```sg\nsymbols:\n  x: (n)\nparameters:\n  w: (n)\n```\n"


@pytest.mark.parametrize(("text", "suffix", "error", "words"), [
    ("hello", ".md", DeclarationError, ("no equations that define", "derivation.md")),
    ("hello", ".doc", DeclarationError, ("no derivation that can be read", ".md")),
    (f"{SHAPES}r = X @ w - y\nJ = np.sum(r)\n", ".py", DeclarationError, ("states no gradient",)),
    (f"{SHAPES}r = X @ w - \n", ".py", ParseError, ("line 6", "r = X @ w -")),
    (f"{SHAPES}r = X @ v - y\ndw = 1\n", ".py", UnknownName, ("'v' is not defined", "line 6")),
    (f"{SHAPES}r = X.T @ w - y\ndw = 1\n", ".py", ShapeError, ("line 6", "derivation.py")),
    (f"{SHAPES}r = X @ w - y\nw = w * 2\nJ = np.sum(r * (X @ w))\ndw = w\n", ".py", ParseError,
     ("'w' is declared, and changes after it was used", "line 7")),
    (f"{SHAPES}r = X @ w - y\nr.sort()\nJ = np.sum(r[1:])\ndw = w\n", ".py", ParseError,
     ("sort", "line 7")),
    (f"{SHAPES}r = X @ w - y\nopen('x', 'w')\nJ = np.sum(r)\ndw = w\n", ".py", UnknownName,
     ("'open' is not defined", "line 7")),
    (f"{SHAPES}r = {'-' * 3000}X @ w\ndw = r\n", ".py", ParseError, ("nested too deeply",)),
    ("#sg symbols:\n#sg   X: n\n", ".py", ParseError, ("a shape stands in parentheses", "line 2")),
    ("#sg   X: (n)\n#sg simbols:\n", ".py", ParseError, ("simbols", "line 2")),
    (f"{FENCE}$$J = w^\\top u$$\n$$\\nabla_w J = x$$", ".md", UnknownName, ("u", "line 7")),
])  # fmt: skip
def test_errors_name_file_and_line(tmp_path, text, suffix, error, words):
    with pytest.raises(error) as caught:
        verified(tmp_path, text, suffix)
    for word in words:
        assert word in str(caught.value)


def test_what_shows_or_initialises_is_passed_over(tmp_path):
    text = (
        f"{SHAPES}import numpy as np\nnp.random.seed(1)\nw = np.random.randn(3)\nn = len(y)\n"
        + (PROGRAMS["script"].replace("dr =", "print(J)\nplt.plot(r)\ndr =") + "print('done')\n")
    )
    assert statuses(verified(tmp_path, text)) == {"dr": "proved", "dw": "proved"}


def test_what_numpy_writes_to_is_assigned(tmp_path):
    head = "#sg symbols:\n#sg parameters:\n#sg   x: (n)\n"
    body = "z = x * 1\nnp.maximum(z, 0, out=z)\nJ = np.sum(z**2)\ndx = 2 * z\n"
    assert statuses(verified(tmp_path, head + body)) == {"dx": "proved"}
    wrong = body.replace("dx = 2 * z", "dx = 2 * x\nnp.multiply(dx, x < 0, out=dx)")
    assert statuses(verified(tmp_path, head + wrong)) == {"dx": "wrong"}
    right = body.replace("dx = 2 * z", "t = 2 * x\ndx = np.multiply(t, x > 0, out=t)")
    assert statuses(verified(tmp_path, head + right)) == {"dx": "proved"}


def test_code_beside_formulas_may_state_nothing(tmp_path):
    text = f"{FENCE}$$J = w^\\top x$$\n```python\nimport numpy as np\nx = np.ones(3)\n```\n" + (
        "$$\\nabla_w J = x$$"
    )
    assert statuses(verified(tmp_path, text, ".md")) == {"dw": "proved"}


def test_a_claim_that_cannot_be_read_is_no_error_of_the_file(tmp_path):
    result = verified(tmp_path, f"{SHAPES}n = len(y)\n{PROGRAMS['script']}db = q\ndw = X.T @ q\n")
    (dr, dw) = result
    assert (dr.verdict.status, dw.verdict.status) == ("proved", "unreadable")
    assert "'q' is not defined" in dw.verdict.explanation
    assert not result


def test_formulas_that_say_nothing_of_the_network_are_passed_over(tmp_path):
    result = verified(tmp_path, f"{FENCE}$$J = w^\\top x$$\n$$\\frac{{d}}{{du}} e^u = e^u$$\n"
                      "$$u > 0$$\n$$\\nabla_v J = x$$\n$$\\nabla_w J = x.$$", ".md")  # fmt: skip
    assert [note.split(":")[0] for note in result.notes] == [
        "line 8 is passed over", "line 9 is passed over"]  # fmt: skip
    unknown, known = result
    assert (unknown.line, unknown.verdict.status) == (10, "unreadable")
    assert "v is not declared" in unknown.verdict.explanation
    assert "line 10" in unknown.verdict.explanation
    assert (known.line, known.verdict.status) == (11, "proved")


# --- what is shown


def test_the_command_and_its_exit_status(symgrad, tmp_path):  # noqa: F811
    code, out, err = symgrad("verify", FOLDER / "batch_norm.py")
    assert (code, err) == (0, "")
    assert out.endswith("9 claims: 9 proved\n")
    page = tmp_path / "out" / "page.html"
    code, out, err = symgrad("verify", FOLDER / "ridge.sg", "--json", "--html", page)
    record = json.loads(out)
    assert code == 1
    assert [each["status"] for each in record["claims"]] == ["proved", "wrong"]
    assert record["claims"][1]["corrected"] == "X.T @ (X @ w - y) / n + lam * w"
    assert set(record["claims"][1]["witness"]) == {"sizes", "entry", "claimed", "true"}
    assert "constant-factor" in page.read_text(encoding="utf-8")
    code, out, err = symgrad("verify", tmp_path / "none.md")
    assert code == 2
    assert "No such file" in err


def test_a_page_escapes_what_people_write(tmp_path):
    text = f"{SHAPES}n = len(y)\n{PROGRAMS['script']}".replace("2 * r / n", "2 * r * (r < '<b>')")
    shown = verification_page(verified(tmp_path, text))
    assert "<b>" not in shown
    assert "&lt;b&gt;" in shown


def test_a_page_has_every_claim_and_its_right_form():
    result = sg.verify_file(FOLDER / "layer_norm.tex")
    shown = verification_page(result)
    assert shown.count("<tr>") == len(result) + 1
    assert r"{\underline{+ \frac" in shown
    assert "http" not in shown.replace("https://cdn.jsdelivr.net/npm/katex@0.16.11", "")


@pytest.mark.parametrize(("text", "part", "want"), [
    (r"\frac{1}{n} X^\top r", "1", r"\frac{{\underline{1}}}{n} X^\top r"),
    (r"\frac{1}{n} X^\top r", r"^\top r", r"\frac{1}{n} {\underline{X^\top r}}"),
    (r"\frac{1}{n} X", "1}{n", r"{\underline{\frac{1}{n}}} X"),
    (r"a \left(b + c\right)", r"\left(b", r"a \left({\underline{b}} + c\right)"),
    (r"a \left(b + c\right)", r"+ c\right)", r"a \left(b {\underline{+ c}}\right)"),
    (r"a \left(b + c\right)", r"\left(", r"a \left(b + c\right)"),
    (r"x_{12}", "_{12}", r"{\underline{x_{12}}}"),
    (r"a & b", "a & b", "a & b"),
])  # fmt: skip
def test_formulas_are_underlined_in_whole_groups(text, part, want):
    start = text.index(part)
    assert underlined(text, [(start, start + len(part))]) == want


@pytest.mark.parametrize(("wrong", "right", "marks"), [
    ("np.sum(dZ, axis=1)", "np.sum(dZ, axis=0)", ("                ~", "                ~")),
    ("a @ b", "a.T @ b", ("", " ~~")),
    ("a @ b", "something(entirely, different)", ("", "")),
    (r"\frac{1}{n} X r", r"\frac{2}{n} X r", ("      ~", "      ~")),
    ("a <= b", "a < b", ("  ~~", "  ~")),
    ("", "x", ("", "")),
])  # fmt: skip
def test_what_differs_is_underlined(wrong, right, marks):
    assert tuple(map(underline, differing(wrong, right))) == marks


@pytest.mark.parametrize("part", range(6))
def test_changed_files_end_in_verdicts_or_typed_errors(tmp_path, part):
    """Lines and letters left out, doubled and put elsewhere."""
    names = sorted(EXAMPLES)
    for seed in range(part, 60, 6):
        rng = random.Random(seed)
        name = names[seed % len(names)]
        lines = (FOLDER / name).read_text(encoding="utf-8").split("\n")
        for _ in range(rng.randint(1, 3)):
            i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
            at = rng.randrange(len(lines[i]) + 1)
            piece = rng.choice(["", "(", "}", "\\", "$$", "0", "**", "[0]", "= ", "_"])
            changed = lines[i][:at] + piece + lines[i][at + rng.randrange(4) :]
            lines[i] = rng.choice(["", lines[j], changed, changed])
        said = ""
        try:
            assert len(verified(tmp_path, "\n".join(lines), Path(name).suffix))
        except sg.SymgradError as error:
            said = str(error)
        assert not said or str(tmp_path) in said
