# ruff: noqa: E501  (tables of tokens, a line as long as it is)
"""Inputs for fuzzing the readers: each is made from its seed and number alone.

Five ways in: claims in NumPy's syntax and in LaTeX, networks as text and in LaTeX, and whole
derivations. What is written
there comes from tokens of the grammar, from real claims of the cases with some of it changed, and
from things that nobody writes by accident.
"""

import random
import re
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import symgrad as sg

CASES = Path(__file__).parent.parent / "benchmarks" / "cases"
DERIVATIONS = (Path(__file__).parent.parent / "docs" / "examples" / "derivations",
               Path(__file__).parent / "derivations")  # fmt: skip
DOMAINS = {"onehot-rows": "onehot", "onehot-columns": "onehot:0", "probability-rows": "simplex",
           "probability-columns": "simplex:0", "mask": "binary", "normal": "real",
           "wide": "real"}  # fmt: skip
TOKENS = re.compile(r"\\[A-Za-z]+|\\.|[A-Za-z_]\w*|\d+\.?\d*|\*\*|\n +|.", re.DOTALL)


@dataclass(frozen=True)
class Input:
    """One text, and how it is given: kind is "numpy", "latex", "text", "equations" or "file".

    Of a file `of` is its suffix.
    """

    kind: str
    shape: str  # how the text was made
    network: int
    of: str  # the gradient that a claim is about
    text: str
    names: tuple[tuple[str, str], ...] = ()


# --- what is known


@cache
def networks() -> list[dict[str, Any]]:
    """The networks of the cases, equations and claims alike."""
    found = []
    for file in ("hand_derivations.py", "near_misses.py"):
        for net in runpy.run_path(str(CASES / file))["NETWORKS"]:
            found.append(net | {"equations": net.get("equations") or net["claims"]})
    return found


def declared(net: dict[str, Any]) -> dict[str, Any]:
    """What `sg.parse` is told of a network."""
    assigned = {step["name"] for step in net["forward"]}
    symbols = {name: shape for name, shape in net["shapes"].items() if name not in assigned}
    symbols |= dict.fromkeys(net["constants"], ())
    domain = dict.fromkeys(net["constants"], "positive")
    for name, kind in net["draws"].items():
        kind, _, size = kind.partition(":")
        domain[name] = f"labels:{size}" if kind == "index" else DOMAINS.get(kind, kind)
    return {"symbols": symbols, "domain": domain, "output": net["loss"]}


def forward(net: dict[str, Any]) -> str:
    return "\n".join(f"{step['name']} = {step['numpy']}" for step in net["forward"])


def build(number: int) -> sg.Graph:
    net = networks()[number]
    return sg.parse(forward(net), **declared(net))


@cache
def sources(kind: str) -> list[tuple[int, str, str, tuple[tuple[str, str], ...]]]:
    """The real texts of a kind: of which network, about which gradient, and its spellings."""
    found = []
    if kind == "file":
        files = sorted(file for folder in DERIVATIONS for file in folder.iterdir())
        return [(0, file.suffix, file.read_text(encoding="utf-8"), ()) for file in files]
    for number, net in enumerate(networks()):
        symbols = net["symbols"]
        for each in net["equations"] if kind in ("numpy", "latex") else ():
            if kind == "numpy":
                found.append((number, each["lhs"], each["numpy"], ()))
            for style, text in each["latex"] if kind == "latex" else ():
                names = symbols.get(style, symbols["partial"])
                found.append((number, each["lhs"], text, tuple(names.items())))
        if kind == "text":
            found.append((number, "", forward(net), ()))
        for style, names in symbols.items() if kind == "equations" else ():
            lines = [dict(step["latex"]) for step in net["forward"]]
            texts = [line.get(style, line.get("partial")) for line in lines]
            if None not in texts:
                found.append((number, "", "\n".join(texts), tuple(names.items())))
    return found


LATEX = r"""\frac \partial \nabla \sum \prod \left( \right) \left[ \right] \odot \circ \oslash \cdot
\times \top \mathsf \mathbf \mathrm \operatorname \begin{cases} \end{cases} \begin{aligned}
\end{aligned} \\ & = + - * / ^ _ { } ( ) [ ] | \lVert \rVert \langle \rangle \sigma \tanh \log \exp
\max \min \delta \lambda \mathbb{1} \mathcal{L} \hat \bar \tilde \prime ' \leq \geq < > \in \text{if}
\quad \, \! \infty \pi 0 1 2 3 0.5 10 i j k l m n t T F I J L W X Y Z a b d w x y z ^{(i)} ^{[l]}
_{ij} _{t-1} ^{-1} ^{\top} \sqrt \overline \underbrace \dots \cdots \ldots \forall \det
\operatorname{diag} \operatorname{tr} \otimes \leftarrow \approx \equiv \mid \binom \stackrel \verb
\def \newcommand \input \write18 \csname \catcode # $ $$ % ~ \( \) \[ \] \label{x} \tag{1}""".split()
CODE = r"""np . @ + - * / // % ** ( ) [ ] { } , : ; = == != < <= > >= += -= *= @= | & ^ ~ -> := . ...
for in range if else elif while def return lambda yield import from as with try except class del
global assert not and or is None True False pass break continue len zip enumerate sum max min list
tuple dict print map filter open eval exec __import__ getattr setattr globals vars dir compile input
np.sum np.mean np.dot np.outer np.einsum np.zeros_like np.ones np.zeros np.eye np.where np.exp
np.log np.maximum np.add.at np.concatenate np.linalg.inv np.tile np.repeat np.arange np.array
np.random.randn np.load np.save np.fromfile np.frompyfunc np.vectorize np.apply_along_axis .T .sum
.reshape .shape .copy .astype .tofile .__class__ .__dict__ .__globals__ .__init__ .base .data .dtype
.ctypes .flat .real axis= keepdims=True axis=0 axis=-1 X Y W W1 b b1 Z A A1 dZ dA dW J m n d i j k x
y 0 1 2 3 -1 0.5 1e-8 1e308 10**9 0x7f 1_000 1j 'ij,jk->ik' 'W' f'W{i}' b'a' "" \n \n\t # \ parameters
cache grads self""".split(" ")
CODE = [token.replace("\\n", "\n").replace("\\t", "    ") for each in CODE
        for token in each.split("\n")]  # fmt: skip
STRANGE = ["\0", "\x01", "\x1b[31m", "\x7f", "\x85", "\u2028", "\u200b", "\u202e", "\ufeff", "\r",
           "\f", "é", "ℒ", "∂", "∇", "λ", "²", "ₜ", "ᵀ", "⊙", "∑", "𝐖", "𝟏", "中", "🙂", "e\u0301",
           "\ud800", "½", "−", "×", "٣", "Ⅷ", "µ", "K"]  # fmt: skip

HOSTILE = """__import__('os').system('true')|{x}.__class__.__base__.__subclasses__()|open('/etc/passwd')
eval('1')|exec('x = 1')|(lambda: {x})()|[{x} for _ in range(10**9)]|10**10**10 * {x}|2**2**2**2**2**2
np.ones((10**6, 10**6))|np.zeros(10**12)|'a' * 10**9|[0] * 10**9|while True:\n    pass
def f(x):\n    return f(x)\n{of} = f({x})|for i in range(10**18):\n    {of} = {x}|import os\n{of} = {x}
{of} = {x}\nwhile 1 > 0:\n    {of} = {of} + {x}|({of} := {x})|f'{{{x}}}'|f'{{{x}.__class__}}'
np.einsum('ijklmnop,qrstuvw->ijklmnopqrstuvw', {x}, {x})|{x}[...][..., None][::0]|{x}[10**30]
{x}[{x}]|{x}[::{x}]|{x}.reshape(-1, -1)|{x}.reshape(10**20, 0)|{x}.astype('O')|np.array([[1], [2, 3]])
{of} = {x}\n{of}[{x} > 0][0] = 1|np.add.at({x}, {x}, {x})|{x}.T.T.T.T.T.T.T.T|{x} ** {x} ** {x} ** {x}
np.repeat({x}, 10**8)|np.tile({x}, (10**4, 10**4))|np.outer(np.ones(10**5), np.ones(10**5))|np.arange(10**15)
{x} if {x} else {x}|{x} and {x} or not {x}|[*{x}]|{{**{x}}}|{{{x}: {x}}}|{x}.tofile('x')|np.load('x')
np.linalg.inv({x}) @ np.linalg.inv({x}.T)|np.frompyfunc(print, 1, 1)({x})|getattr({x}, '__class__')
sum(sum(sum({x} for i in range(10**6)) for j in range(10**6)) for k in range(10**6))|1/0|0**-1|np.inf * {x}
np.log(-1) * {x}|np.sqrt(-1) + {x}|1e400|1e-400|{x} // 0|{x} % 0|0 / 0 * {x}|np.tensordot({x}, {x}, axes=10**6)
np.cumsum(np.cumsum(np.cumsum({x})))|np.linalg.matrix_power({x}, 10**9)|np.sum({x}, axis=(0, 0, 0))
class A: pass|async def f(): await g()|with open('x') as f: pass|try:\n    1/0\nexcept: {of} = {x}
global {of}\n{of} = {x}|del {x}\n{of} = {x}|{of} = {of}|{of}: float = {x}|{of} = {x} = {x}|{x} = 0\n{of} = {x}
print({x})\n{of} = {x}|{of} = yield {x}|raise {x}|assert {x}, {of}|nonlocal {of}|@f\ndef {of}(): pass
np.pad({x}, 10**7)|np.full((3, 3), {x})|np.eye(10**7)|np.tri(10**6)|np.kron(np.kron({x}, {x}), np.kron({x}, {x}))
x = [1]\nfor i in x:\n    x.append(i)\n{of} = x|x = [1]\nfor i in range(100):\n    x = x + x\n{of} = x
x = 3\nfor i in range(60):\n    x = x ** x\n{of} = x * {x}|x = 7\nfor i in range(100):\n    x = x * x\n{of} = x * {x}
x = {x}\nfor i in range(200):\n    x = x * x + x\n{of} = x|x = ''\nfor i in range(99):\n    x = f'{{x}}{{x}}a'\n{of} = {x}
d = {{}}\nd['d'] = d\n{of} = d|x = []\nx.append(x)\n{of} = x|x = ({x},)\nfor i in range(60):\n    x = (x, x)\n{of} = x"""
DANGEROUS_LATEX = r"""\input{{/etc/passwd}}|\write18{{ls}}|\def\a{{\a\a}}\a|{of} = {of}|10^{{10^{{10^{{10}}}}}} {x}
{x}^{{9999999999}}|\frac{{1}}{{0}} {x}|\sum_{{i=1}}^{{10^{{12}}}} {x}|\prod_{{i=1}}^{{n}} \prod_{{j=1}}^{{n}} {x}
{x}^{{{x}^{{{x}}}}}|{x}_{{{x}_{{{x}}}}}|0^{{-1}} {x}|\sqrt{{-1}} {x}|\log 0 {x}|\frac{{\partial}}{{\partial}}
1e999999|0.{nines}|{nines} {x}|{nines}^{{{nines}}}|\frac{{{x}}}{{{x} - {x}}}|\exp(\exp(\exp(\exp({x}))))
\lim_{{x \to 0}} {x}|\int {x} dx|\begin{{cases}} {x} \end{{cases}}|= = =|\frac|^|_|{{|}}|\\|&&&|\left(|\right."""


# --- shapes of text


def _tokens(kind: str) -> list[str]:
    return LATEX if kind in ("latex", "equations") else CODE


def random_tokens(rng: random.Random, kind: str, of: str, text: str) -> str:
    """Tokens of the grammar, in any order, with some of the network's own."""
    pool = _tokens(kind) + TOKENS.findall(text) * 3
    joint = " " if rng.random() < 0.8 else ""
    return joint.join(rng.choice(pool) for _ in range(rng.randint(1, 30)))


def mutated(rng: random.Random, kind: str, of: str, text: str) -> str:
    """A real text with tokens deleted, doubled, swapped, inserted, replaced."""
    tokens = TOKENS.findall(text)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at, other = (rng.randrange(len(tokens) + 1) for _ in range(2))
        end = at + rng.choice((1, 1, 2, 5))
        match rng.randrange(6):
            case 0:
                del tokens[at:end]
            case 1:
                tokens[at:at] = tokens[at:end]
            case 2 if at < len(tokens) and other < len(tokens):
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3:
                tokens.insert(at, rng.choice(_tokens(kind)))
            case 4:
                tokens[at : at + 1] = [rng.choice(_tokens(kind))]
            case _ if tokens:
                tokens[at : at + 1] = [rng.choice(tokens)]
    return "".join(tokens)


def truncated(rng: random.Random, kind: str, of: str, text: str) -> str:
    """A real text, of which an end is missing."""
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.7 else text[at:]


def crossed(rng: random.Random, kind: str, of: str, text: str) -> str:
    """The beginning of one text and the end of another."""
    other = rng.choice(sources(kind))[2]
    return text[: rng.randrange(len(text) + 1)] + other[rng.randrange(len(other) + 1) :]


def nested(rng: random.Random, kind: str, of: str, text: str) -> str:
    """The same thing around a text, many times."""
    depth = rng.choice((5, 30, 100, 300, 1000, 4000))
    code = [("(", ")"), ("[", "]"), ("-", ""), ("np.exp(", ")"), ("not ", ""), ("(", ").T"),
            ("(", " + 1)"), ("np.array([", "])"), ("sum(", " for i in range(3))"), ("1 + ", ""),
            ("(", ")[0]"), ("2 ** ", ""), ("{0: ", "}"), ("(1 if ", " else 2)")]  # fmt: skip
    latex = [("(", ")"), ("{", "}"), (r"\left(", r"\right)"), (r"\frac{1}{", "}"), (r"\sqrt{", "}"),
             ("-", ""), (r"\exp(", ")"), ("x^{", "}"), ("x_{", "}"), (r"\sum_i ", ""),
             (r"\begin{cases}", r"\end{cases}"), (r"\lVert ", r"\rVert"), (r"\sigma'(", ")"),
             ("1 + ", ""), ("a = ", ""), (r"\mathbf{", "}")]  # fmt: skip
    before, after = rng.choice(latex if _tokens(kind) is LATEX else code)
    left, equals, right = text.rpartition("=") if rng.random() < 0.5 else ("", "", text)
    return left + equals + before * depth + right + after * rng.choice((depth, depth, depth - 1))


def huge(rng: random.Random, kind: str, of: str, text: str) -> str:
    """Numbers that are too large, too small or too long."""
    numbers = ["9" * rng.choice((20, 400, 5000)), "1e999", "-1e-999", "0." + "3" * 1000, "10**400",
               "2**64", "0", "-1", "1" + "0" * 30, "10^{400}", "9^{9^{9}}", "9**9**9"]  # fmt: skip
    tokens = TOKENS.findall(text)
    for _ in range(rng.randint(1, 3)):
        places = [k for k, each in enumerate(tokens) if each[0].isdigit()]
        at = rng.choice(places) if places and rng.random() < 0.7 else rng.randrange(len(tokens) + 1)
        tokens[at : at + rng.randrange(2)] = [rng.choice(numbers)]
    return "".join(tokens)


def strange(rng: random.Random, kind: str, of: str, text: str) -> str:
    """Control characters, other alphabets, lone surrogates, digits that are none."""
    letters = list(text)
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(len(letters) + 1)
        letters[at : at + rng.randrange(2)] = [rng.choice(STRANGE)]
    return "".join(letters)


def long(rng: random.Random, kind: str, of: str, text: str) -> str:
    """A text many times over."""
    times = rng.choice((10, 50, 300, 2000))
    joint = rng.choice((" + ", " ", "\n", ", ", " * ", " @ ", "", r" \\ ", "; "))
    left, equals, right = text.rpartition("=") if rng.random() < 0.5 else ("", "", text)
    return left + equals + joint.join([right] * times)


def hostile(rng: random.Random, kind: str, of: str, text: str) -> str:
    """What must never be run, or would take all time or memory."""
    known = [each for each in TOKENS.findall(text) if each.isidentifier()] or ["X"]
    parts = (DANGEROUS_LATEX if _tokens(kind) is LATEX else HOSTILE).replace("\n", "|").split("|")
    chosen = rng.choice(parts).replace("\\n", "\n") if kind in ("numpy", "text") else (
        rng.choice(parts))  # fmt: skip
    names = {"x": rng.choice(known), "of": of or "J", "nines": "9" * rng.choice((30, 3000))}
    told = re.sub(r"\{(x|of|nines)\}", lambda match: names[match[1]], chosen)
    told = told.replace("{{", "{").replace("}}", "}")
    return told if rng.random() < 0.7 else f"{text}\n{told}"


SHAPES: dict[Callable[..., str], int] = {
    random_tokens: 3, mutated: 7, truncated: 1, crossed: 1, nested: 1, huge: 2, strange: 2, long: 1,
    hostile: 2,
}  # fmt: skip
KINDS = {"numpy": 4, "latex": 4, "text": 1, "equations": 1, "file": 1}


def made(seed: int, number: int) -> Input:
    """The input of that number."""
    rng = random.Random(f"{seed}/{number}")
    (kind,) = rng.choices(list(KINDS), KINDS.values())
    (shape,) = rng.choices(list(SHAPES), SHAPES.values())
    network, of, text, names = rng.choice(sources(kind))
    return Input(kind, shape.__name__, network, of, shape(rng, kind, of, text), names)
