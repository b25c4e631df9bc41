"""Notation by itself: names, fractions, general layers, width, and what is too long to print."""

import pytest
import sympy
from networks import NETWORKS, example
from strategies import n

import symgrad as sg
from symgrad.errors import SymgradError
from symgrad.notation import latex, numpy, text, text_equation
from symgrad.notation.wrap import wrapped
from symgrad.simplify import simplify

d = sg.dims("n d")[1]
X = sg.tensor("X", n, d)


def bracketed(line):
    """Whether brackets close in order."""
    depth = 0
    for char in line:
        depth += (char in "([⟨") - (char in ")]⟩")
        if depth < 0:
            return False
    return depth == 0


def test_the_textbook_derivation_in_its_order():
    rows = sg.gradient(example("one_hidden_layer").general).text().splitlines()[1:]
    formulas = [" ".join(row.split()) for row in rows]
    wanted = [
        "∂J/∂L = 1",
        "∂J/∂s = 1",
        "∂J/∂o = ∂ℓ/∂o",
        "∂J/∂W⁽²⁾ = (∂J/∂o) hᵀ + λ W⁽²⁾",
        "∂J/∂h = (W⁽²⁾)ᵀ (∂J/∂o)",
        "∂J/∂z = (∂J/∂h) ⊙ φ'(z)",
        "∂J/∂W⁽¹⁾ = (∂J/∂z) xᵀ + λ W⁽¹⁾",
    ]
    assert len(formulas) == len(wanted)
    for formula, start in zip(formulas, wanted, strict=True):
        assert formula.startswith(start)


@pytest.mark.parametrize("name", NETWORKS)
def test_lines_fit_a_terminal_and_brackets_close(name):
    for line in sg.gradient(NETWORKS[name]()).text().splitlines():
        assert len(line) <= 100
        assert bracketed(line)


def test_long_formulas_break_in_front_of_loose_operators():
    line = "a + " + " + ".join(f"b{k} ⊙ (c + d)" for k in range(9)) + " − f(x, y)"
    pieces = wrapped(line, 30)
    assert " ".join(pieces) == line
    assert max(map(len, pieces)) <= 30
    assert all(map(bracketed, pieces))
    assert wrapped("x" * 50, 30) == ["x" * 50]  # nothing to break at
    deep = "f(" + " + ".join(f"long{k}" for k in range(20)) + ")"
    assert " ".join(wrapped(deep, 40)) == deep
    assert max(map(len, wrapped(deep, 40))) <= 40


# layers that repeat


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_few_layers_are_printed_each(layers):
    shown = sg.gradient(example("tanh_layers").network(layers)).text()
    assert "for " not in shown
    assert all(f"∂J/∂{name}" in shown for name in ("W₁", "b₁"))


@pytest.mark.parametrize("layers", [4, 7, 40])
def test_many_layers_are_printed_once(layers):
    derivation = sg.gradient(example("tanh_layers").network(layers))
    lines = derivation.text().splitlines()
    assert len(lines) == 8
    assert lines[2] == f"  for l = {layers}, …, 1:"
    assert f"matrix product in zₗ₊₁ (l ≤ {layers - 1})" in lines[3]
    assert len(derivation.steps) == 4 * layers + 1
    assert derivation.latex().count(r"\\") == 6
    assert derivation.markdown().count(r"\mathrlap") == 2


def test_general_formulas_hold_for_each_layer():
    """The line for l, with a number in place of l, is that layer's own line."""
    derivation = sg.gradient(example("tanh_layers").network(6))
    shown = [" ".join(line.split()) for line in derivation.text().splitlines()]
    own = {s.of.name: s.expr for s in derivation.steps}
    rule = next(row for row in shown if row.startswith("∂J/∂Wₗ"))
    for layer in (2, 5):
        formula = text(own[f"W{layer}"]).replace(f"dz{chr(0x2080 + layer)}", "(∂J/∂zₗ)")
        formula = formula.replace(f"h{chr(0x2080 + layer - 1)}", "hₗ₋₁")
        assert rule.startswith(f"∂J/∂Wₗ = {formula}")


def test_declared_spellings_and_a_letter_that_is_free():
    n, a = sg.dims("n a")
    value, net = sg.tensor("v0", n, a, latex="v^{[0]}"), sg.Graph("letters")
    factor = sg.scalar("l", domain="positive")
    for k in range(1, 6):
        W = sg.parameter(f"W{k}", a, a, latex=f"W^{{[{k}]}}")
        value = net.define(f"v{k}", sg.tanh(value @ W) * factor, latex=f"v^{{[{k}]}}")
    net.define("J", sg.sum(value**2))
    derivation = sg.gradient(net)
    assert "for k = 5, …, 1:" in derivation.text()
    assert r"\frac{\partial J}{\partial W^{[k]}}" in derivation.latex()
    assert r"v^{[k-1]\top}" in derivation.latex()


def test_a_layer_that_differs_is_told_apart():
    """relu in layer 3 of 9: no general formula covers it."""
    n, d = sg.dims("n d")
    value, net = sg.tensor("h0", n, d), sg.Graph("odd")
    for k in range(1, 10):
        z = net.define(f"z{k}", value @ sg.parameter(f"W{k}", d, d))
        value = net.define(f"h{k}", sg.relu(z) if k == 3 else sg.tanh(z))
    net.define("J", sg.sum(value**2))
    shown = sg.gradient(net).text()
    assert "∂J/∂z₃" in shown
    assert "[z₃ > 0]" in shown
    assert "for l = 9, …" in shown


def test_layers_with_numbers_that_mean_something_else():
    """Coefficients c1, c2, ... used out of step must not be taken for the layer's own."""
    n, d = sg.dims("n d")
    value, net = sg.tensor("h0", n, d), sg.Graph("shuffled")
    scales = [sg.scalar(f"c{k}") for k in range(1, 6)]
    for k, c in zip(range(1, 6), [scales[j] for j in (2, 0, 4, 1, 3)], strict=True):
        value = net.define(f"h{k}", sg.tanh(value @ sg.parameter(f"W{k}", d, d)) * c)
    net.define("J", sg.sum(value**2))
    shown = sg.gradient(net).text()
    assert "for " not in shown
    for k in range(1, 6):
        assert f"c{chr(0x2080 + k)}" in shown


# second order


SECOND = {"jacobian": sg.jacobian, "hessian": sg.hessian, "hvp": sg.hvp}


def test_a_second_derivative_is_not_spelled_as_a_first_one():
    net = NETWORKS["scalar_chain"]()
    last = {name: make(net, "x").text().splitlines()[-1] for name, make in SECOND.items()}
    assert last["jacobian"].startswith("∂y/∂x = ")
    assert last["hessian"].startswith("∇²y = ")
    assert last["hvp"].startswith("∇²y dx = ")
    two = sg.parse("a = x**3; b = sin(a); J = sum(b**2)", {"x": ("n",)}, parameters=["x"])
    names = [line.partition(" = ")[0] for line in sg.hvp(two, "x").text().splitlines()]
    assert len(set(names)) == len(names)  # adjoints of the first sweep are ∂J/∂a, of the second da
    assert r"\nabla^2 y\, \mathrm{d}x " in sg.hvp(net, "x").latex()


# numbers and names


def test_names_of_dimensions_keep_their_letters():
    spin, sqrt_d = sg.dims("spin sqrt_d")
    shown = text(sg.tensor("x", spin) / (spin * sqrt_d))
    assert "spin" in shown
    assert "π" not in shown
    assert "√" not in shown
    assert "π" in text(X * sympy.pi)
    assert "√(2)" in text(X * sympy.sqrt(2))


def test_floors_and_slices_to_the_end():
    x = sg.tensor("x", n)
    assert numpy(x[1:]) == "x[1:]"
    assert numpy(x[::2]) == "x[::2]"
    assert numpy(x[:3]) == "x[:3]"
    assert numpy(sg.sum(x[::2]) * 0 + x[::2].shape[0]).count("(n + 1) // 2") == 1


# what is too long


def deep(step, times=200):
    node = X
    for _ in range(times):
        node = step(node)
    return node


DEEP = {
    "residual": lambda x: x + sg.tanh(x),
    "doubled": lambda x: x + sg.sum(x),
    "powers": lambda x: sg.tanh(x) ** sg.tanh(x),
    "gram": lambda x: x @ (x.T @ x),
    "product": lambda x: x * sg.exp(x),
    "sums of sums": lambda x: (x - sg.sin(x)) + (x - sg.cos(x)),
    "quotient": lambda x: x / (1 + x),
}


@pytest.mark.parametrize("name", DEEP)
def test_deep_shared_expressions_are_described(name):
    """2²⁰⁰ characters would be written without the bound, so that it returns is the test."""
    node = deep(DEEP[name])
    for shown in (str(node), repr(node), sympy.latex(node), node._repr_latex_()):
        assert "too long to print" in shown
        assert len(shown) < 200
    for form in (text, latex, numpy):
        with pytest.raises(SymgradError, match="the formula"):
            form(node)


def test_deep_derivations_print():
    net = sg.Graph("deep")
    W = sg.parameter("W", d, d)
    net.define("J", sg.sum(deep(lambda x: x + sg.tanh(x @ W), 40)))
    derivation = sg.gradient(net)
    assert "too long to print" in derivation.text()
    assert "too long to print" in derivation._repr_markdown_()
    assert "200000" in str(derivation["W"])
    assert derivation["W"]._repr_latex_() is None
    with pytest.raises(SymgradError):
        derivation["W"].numpy()


def test_printers_of_sympy_and_notebooks():
    node = sg.tanh(X) / n
    assert str(node) == "tanh(X)/n"
    assert sympy.latex(node) == r"\frac{1}{n} \tanh(X)"
    assert node._repr_latex_() == r"$\displaystyle \frac{1}{n} \tanh(X)$"
    assert "tanh" in sympy.pretty(node)
    derivation = sg.gradient(NETWORKS["scalar_chain"]())
    assert derivation["x"]._repr_latex_().startswith(r"$\displaystyle \begin{aligned}")
    assert derivation._repr_markdown_() == derivation.markdown()


def hessian_text(text, symbols, *wrt, domain=None):
    net = sg.parse(text, symbols=symbols, parameters=list(wrt), domain=domain or {})
    return sg.hessian(net, *wrt).text().splitlines()


def test_hessians_of_matrices_are_told_entry_by_entry():
    shapes = {"T": ("m", "n"), "U": ("m", "r"), "V": ("n", "r")}
    residuals = "J = sum((T - U @ V.T)**2)"
    assert hessian_text(residuals, shapes, "U") == ["(∇²J)ᵢⱼₖₗ = 2 δᵢₖ (Vᵀ V)ₗⱼ"]
    mixed = hessian_text(residuals, shapes, "U", "V")
    assert mixed == ["(∇²J)ᵢⱼₖₗ = 2 (Uᵢₗ Vₖⱼ + ((U Vᵀ)ᵢₖ − Tᵢₖ) δⱼₗ)"]
    quadratic = hessian_text("J = trace(X.T @ A @ X)", {"X": ("n", "m"), "A": ("n", "n")}, "X")
    assert quadratic == ["(∇²J)ᵢⱼₖₗ = (Aᵢₖ + Aₖᵢ) δⱼₗ"]


def test_entries_of_several_sums_keep_their_letters_apart():
    """A sum inside a sum has a letter of its own, and a matrix with a form is read as a whole."""
    net = sg.parse(
        'C = einsum("ijp,pk->ijk", A, B) * x + D',
        symbols={
            "A": ("m", "n", "p"), "B": ("p", "q"), "D": ("m", "n", "q"), "x": ("q",),
        },
        parameters=["A"],
    )  # fmt: skip
    (row,) = sg.jacobian(net, "A").text().splitlines()
    assert row == "(∂C/∂A)_{ijklpq} = B_{qk} xₖ δⱼₚ δᵢₗ"
    X3 = sg.tensor("X", *sg.dims("m n p"))
    whole = sg.einsum("ijk,jk->ijk", X3, sg.tensor("Y", *sg.dims("n p")))
    left = sg.tensor("L", *sg.dims("m n p"))
    assert text_equation(left, whole + X3) == "Lᵢⱼₖ = Xᵢⱼₖ Yⱼₖ + Xᵢⱼₖ"


# what people write shorter

LSTM = """
z = W @ x + b; i = sigmoid(z[:k]); f = sigmoid(z[k:2*k]); g = tanh(z[2*k:3*k]);
o = sigmoid(z[3*k:]);
c = f * c0 + i * g; J = o @ tanh(c)
"""

SHORT = {
    "a number over an array": ("J = sum(log(x**2))", "x", r"2 \oslash x", "2 / x"),
    "gates side by side": (
        LSTM,
        "z",
        r"\operatorname{concat}\left(\frac{\partial J}{\partial i} \odot i \odot (1 - i),"
        r" \frac{\partial J}{\partial f} \odot f \odot (1 - f),"
        r" \frac{\partial J}{\partial g} \odot (1 - g^{\odot 2}),"
        r" \frac{\partial J}{\partial o} \odot o \odot (1 - o)\right)",
        "concatenate((di * i * (1 - i), df * f * (1 - f), dg * (1 - g**2), do * o * (1 - o)))",
    ),
    "a condition": (
        "J = sum(relu(1 - x)) + sum(relu(x - a))",
        "x",
        r"\mathbf{1}[x > a] - \mathbf{1}[x < 1]",
        "1.0 * (x > a) - 1.0 * (x < 1)",
    ),
    "many zeros": ("J = -2.5e7 * sum(x**2)", "x", r"-5 \cdot 10^{7} x", "-50000000 * x"),
    "a symmetric matrix in a chain": (
        "v = A @ x; J = v @ K @ v; H = A.T @ K @ A",
        "H",
        r"A^\top K A",
        "A.T @ K @ A",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHORT)
def test_what_people_write_shorter(name):
    text, by, printed, array = SHORT[name]
    symbols = {"x": ("n",), "a": ("n",), "b": ("4*k",), "c0": ("k",), "W": ("4*k", "n"),
               "A": ("m", "n"), "K": ("m", "m")}  # fmt: skip
    net = sg.parse(text, symbols, domain={"K": "spd"})
    if by == "H":
        node = simplify(net.definitions[-1].expr).node
        assert (latex(node), numpy(node)) == (printed, array)
        return
    derivative = sg.gradient(net, wrt=[by])[by]
    assert derivative.latex().split("=")[-1].removesuffix(r"\end{aligned}").strip() == printed
    assert derivative.numpy().split("; ")[-1] == array
