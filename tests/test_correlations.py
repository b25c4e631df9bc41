r"""Correlations ⋆ and convolutions ∗: printed, evaluated by loops, read again, refused."""

import numpy as np
import pytest
from reference_correlations import evaluated

import symgrad as sg
from symgrad.declare.latex import Scope, read_claim
from symgrad.errors import ParseError, ShapeError
from symgrad.notation import latex_sides
from symgrad.tensor.evaluate import evaluate

IMAGES = {"X": ("n", "c", "h", "w"), "W": ("o", "c", "u", "v")}
LINES = {"X": ("n", "c", "h"), "W": ("o", "c", "u")}

#: A layer, its symbols, what is printed of it, of ∂J/∂X and of ∂J/∂W.
PRINTED = [
    ("conv2d(X, W)", IMAGES,
     "Zᵢⱼ = Σₖ Xᵢₖ ⋆ Wⱼₖ",
     "(∂J/∂X)ᵢⱼ = Σₖ (∂J/∂Z)ᵢₖ ∗ Wₖⱼ",
     "(∂J/∂W)ᵢⱼ = Σₖ Xₖⱼ ⋆ (∂J/∂Z)ₖᵢ"),
    ("conv1d(X, W)", LINES,
     "Zᵢⱼ = Σₖ Xᵢₖ ⋆ Wⱼₖ",
     "(∂J/∂X)ᵢⱼ = Σₖ (∂J/∂Z)ᵢₖ ∗ Wₖⱼ",
     "(∂J/∂W)ᵢⱼ = Σₖ Xₖⱼ ⋆ (∂J/∂Z)ₖᵢ"),
    ("conv2d(X, W, padding=1) + b[:, None, None]", IMAGES | {"W": ("o", "c", 3, 3), "b": ("o",)},
     "Zᵢⱼ = Σₖ pad(Xᵢₖ, 1) ⋆ Wⱼₖ + bⱼ",
     "(∂J/∂X)ᵢⱼ = (Σₖ (∂J/∂Z)ᵢₖ ∗ Wₖⱼ)[1:−1, 1:−1]",
     "(∂J/∂W)ᵢⱼ = Σₖ pad(Xₖⱼ, 1) ⋆ (∂J/∂Z)ₖᵢ"),
    ("conv1d(X, W, padding=2)", LINES | {"W": ("o", "c", 5)},
     "Zᵢⱼ = Σₖ pad(Xᵢₖ, 2) ⋆ Wⱼₖ",
     "(∂J/∂X)ᵢⱼ = (Σₖ (∂J/∂Z)ᵢₖ ∗ Wₖⱼ)[2:−2]",
     "(∂J/∂W)ᵢⱼ = Σₖ pad(Xₖⱼ, 2) ⋆ (∂J/∂Z)ₖᵢ"),
    # as the textbook: a stride in the layer, and indices in its gradients
    ("conv1d(X, W, stride=2, padding=1)", LINES | {"W": ("o", "c", 3)},
     "Zᵢⱼ = (Σₖ pad(Xᵢₖ, 1) ⋆ Wⱼₖ)[::2]",
     "(∂J/∂X)ᵢⱼₖ = Σₗₚ (∂J/∂Z)ᵢₗₚ W_{l, j, k + 1 − 2 p}",
     "(∂J/∂W)ᵢⱼₖ = Σₗₚ (∂J/∂Z)ₗᵢₚ X_{l, j, k + 2 p − 1}"),
    ("conv2d(X, W, stride=(1, 3))", IMAGES | {"W": ("o", "c", 3, 3)},
     "Zᵢⱼ = (Σₖ Xᵢₖ ⋆ Wⱼₖ)[:, ::3]", None, None),
    ("conv_transpose2d(X, W)", IMAGES | {"W": ("c", "o", "u", "v")},
     "Zᵢⱼ = Σₖ Xᵢₖ ∗ Wₖⱼ",
     "(∂J/∂X)ᵢⱼ = Σₖ (∂J/∂Z)ᵢₖ ⋆ Wⱼₖ",
     "(∂J/∂W)ᵢⱼ = Σₖ (∂J/∂Z)ₖⱼ ⋆ Xₖᵢ"),
    ("conv2d(X, W)", {"X": ("n", 1, "h", "w"), "W": ("o", 1, "u", "v")},
     "Zᵢⱼ = Σₖ Xᵢₖ ⋆ Wⱼₖ",
     "(∂J/∂X)ᵢⱼ = Σₖ (∂J/∂Z)ᵢₖ ∗ Wₖⱼ",
     "(∂J/∂W)ᵢⱼ = Σₖ Xₖⱼ ⋆ (∂J/∂Z)ₖᵢ"),
    ("conv2d(X, W)", {"X": (1, 1, "h", "w"), "W": (1, 1, "u", 1)},
     "Zᵢⱼ = Σₖ Xᵢₖ ⋆ Wⱼₖ", None, None),
    ("conv1d(X, W)", {"X": ("c", "h"), "W": ("o", "c", "u")},
     "Zᵢ = Σⱼ Xⱼ ⋆ Wᵢⱼ", None, "(∂J/∂W)ᵢⱼ = Xⱼ ⋆ (∂J/∂Z)ᵢ"),
    ("conv1d(X[None, None], W[None, None])[0, 0]", {"X": ("h",), "W": ("u",)},
     "Z = X ⋆ W", "∂J/∂X = (∂J/∂Z) ∗ W", "∂J/∂W = X ⋆ (∂J/∂Z)"),
    ("tanh(conv1d(X, W))", LINES, "Zᵢⱼ = tanh(Σₖ Xᵢₖ ⋆ Wⱼₖ)", None, None),
    ("conv1d(conv1d(X, W), V)", LINES | {"V": ("q", "o", "t")},
     "Zᵢⱼ = Σₖ (Σₗ Xᵢₗ ⋆ Wₖₗ) ⋆ Vⱼₖ", None, None),
    ("conv1d(X * M, W) / 2", LINES | {"M": ("n", "c", "h")},
     "Zᵢⱼ = Σₖ (Xᵢₖ ⊙ Mᵢₖ) ⋆ Wⱼₖ/2", None, None),
]  # fmt: skip


LAYERS = [row[:2] for row in PRINTED]
every_layer = pytest.mark.parametrize(("layer", "symbols"), LAYERS, ids=[row[0] for row in LAYERS])


def network(layer, symbols):
    net = sg.parse(f"Z = {layer}; J = sum(Z**3) / 3", symbols, parameters=["X", "W"])
    return net, sg.gradient(net)


def last(text):
    """The last of aligned equations."""
    *_, line = text.removesuffix("\n\\end{aligned}").splitlines()
    return line.replace(" &= ", " = ")


def sampled(net, derivation):
    """Values of all names and true gradients, in small sizes."""
    small = {"n": 2, "c": 3, "o": 2, "q": 2, "h": 7, "w": 6, "u": 3, "v": 2, "t": 2}
    values = net.sample(3, {name: size for name, size in small.items() if name in net.dims})
    known = net.evaluate_all(values)
    known |= {f"d{name}": np.asarray(derivation[name].evaluate(values)) for name in net.parameters}
    (slope,) = evaluate([sg.gradient(net, wrt=["Z"])["Z"].expr], known, sizes_of(net, values))
    return values, known | {"dZ": slope}


def sizes_of(net, values):
    return {name: int(values[name]) for name in net.dims}


@pytest.mark.parametrize(
    ("layer", "symbols", "forward", "image", "kernel"), PRINTED, ids=[row[0] for row in PRINTED]
)
def test_printed(layer, symbols, forward, image, kernel):
    net, derivation = network(layer, symbols)
    assert str(net.definitions[0]) == forward
    for name, expected in (("X", image), ("W", kernel)):
        if expected is not None:
            assert last(derivation[name].text()) == expected


@every_layer
def test_what_is_printed_is_meant(layer, symbols):
    """Each equation evaluated by loops over ⋆ and ∗, against the values that it is of."""
    net, derivation = network(layer, symbols)
    _, known = sampled(net, derivation)
    arrays = {name: value for name, value in known.items() if np.ndim(value)}
    forward = " = ".join(latex_sides(net.leaf("Z"), net.definitions[0].expr))
    texts = {"Z": forward} | {f"d{name}": last(derivation[name].latex()) for name in "XW"}
    for name, text in texts.items():
        if r"\star" in text or r"\ast" in text:
            # sums of at most a hundred products of order 1
            np.testing.assert_allclose(
                evaluated(text, arrays), known[name], rtol=1e-12, atol=1e-12, err_msg=text
            )


@every_layer
def test_what_is_printed_is_read_again(layer, symbols):
    net, derivation = network(layer, symbols)
    values, known = sampled(net, derivation)
    forward = " = ".join(latex_sides(net.leaf("Z"), net.definitions[0].expr))
    again = sg.parse_latex(forward, symbols)
    np.testing.assert_allclose(
        again.evaluate(values),
        known["Z"],
        rtol=1e-12,
        atol=1e-12,  # the same sums
    )
    scope = Scope.of(net)
    for name in "XW":
        text = derivation[name].latex()
        claimed = read_claim(text, scope, net.leaf(name).shape, name)
        assert not claimed.problem
        assert not claimed.readings
        (got,) = evaluate([claimed.node], known, sizes_of(net, values))
        np.testing.assert_allclose(got, known[f"d{name}"], rtol=1e-12, atol=1e-12)
        (verdict,) = sg.verify(net, {f"d{name}": last(text)}, notation="latex")
        assert verdict.status == "proved", verdict


def options(rng, choices, rank):
    """A number for each axis, mostly the same."""
    found = rng.choice(choices, rank if rng.random() < 0.2 else 1)
    return tuple(map(int, np.broadcast_to(found, rank)))


def random_layer(rng):
    """A convolution of any stride, padding, dilation and number of groups, and numbers as sizes."""
    rank = int(rng.integers(1, 3))
    groups, inner = int(rng.choice([1, 1, 1, 2])), int(rng.integers(1, 3))
    outputs = groups * int(rng.integers(1, 3))
    transposed = rng.random() < 0.3
    places = [int(k) for k in rng.integers(1, 4, rank)]
    stride, padding, dilation = (
        options(rng, choices, rank) for choices in ([1, 1, 1, 2], [0, 1, 1], [1] * 5 + [2])
    )
    sizes = [int(k) for k in rng.integers(6, 8, rank)]
    channels = outputs if transposed else groups * inner
    shapes = {"X": (int(rng.integers(1, 3)), channels, *sizes), "W": (outputs, inner, *places)}
    name = f"conv{'_transpose' * transposed}{rank}d"
    return f"{name}(X, W, {stride=}, {padding=}, {dilation=}, {groups=})", shapes


@pytest.mark.parametrize("seed", range(80))
def test_random_layers(seed):
    """What is printed with ⋆ or ∗ is meant and read again; all else keeps its indices."""
    layer, symbols = random_layer(np.random.default_rng(seed))
    net, derivation = network(layer, symbols)
    values, known = sampled(net, derivation)
    arrays = {name: value for name, value in known.items() if np.ndim(value)}
    forward = " = ".join(latex_sides(net.leaf("Z"), net.definitions[0].expr))
    texts = {"Z": forward} | {f"d{name}": last(derivation[name].latex()) for name in "XW"}
    scope = Scope.of(net)
    for name, text in texts.items():
        if r"\star" not in text and r"\ast" not in text:
            continue
        np.testing.assert_allclose(evaluated(text, arrays), known[name], rtol=1e-12, atol=1e-12)
        if name == "Z":
            again = sg.parse_latex(forward, symbols).evaluate(values)
            np.testing.assert_allclose(again, known["Z"], rtol=1e-12, atol=1e-12)
        else:
            claimed = read_claim(text, scope, net.leaf(name[1:]).shape, name[1:])
            (got,) = evaluate([claimed.node], known)
            np.testing.assert_allclose(got, known[name], rtol=1e-12, atol=1e-12)


def test_most_random_layers_are_correlations():
    """So that the test above is of both signs, often enough."""
    found = [random_layer(np.random.default_rng(seed)) for seed in range(80)]
    texts = [equation for row in found for equation in printed(*row)]
    assert sum(r"\star" in text for text in texts) > 40
    assert sum(r"\ast" in text for text in texts) > 15


def printed(layer, symbols):
    net, derivation = network(layer, symbols)
    yield str(latex_sides(net.leaf("Z"), net.definitions[0].expr))
    yield from (last(derivation[name].latex()) for name in "XW")


@pytest.mark.parametrize(
    ("layer", "symbols", "which"),
    [
        ("conv1d(X, W, dilation=2)", {}, "ZX"),
        ("conv1d(X, W, groups=2)", {"W": (6, 2, 3)}, "ZXW"),
        ("conv1d(X, W, stride=2)", {}, "XW"),
        ("conv_transpose1d(X, W, 2)", {"W": (4, 6, 3)}, "Z"),
        ("conv1d(concatenate((X, zeros((5, 4, 1))), axis=2), W)", {"X": (5, 4, 8)}, "ZXW"),
        ("conv1d(X, W)[:, :, 1:]", {}, "XW"),
        ("conv1d(X[:, :, ::-1], W)", {}, "XW"),
        ("conv2d(X[:, None], W[:, None]) + a", {"a": ("h - 2",)}, "Z"),  # along one of two axes
    ],
)
def test_what_keeps_its_indices(layer, symbols, which):
    net, derivation = network(layer, {"X": ("n", 4, "h"), "W": (6, 4, 3)} | symbols)
    texts = {"Z": str(net.definitions[0])}
    texts |= {name: last(derivation[name].text()) for name in "XW"}
    for name in which:
        assert "⋆" not in texts[name], texts[name]
        assert "∗" not in texts[name], texts[name]


# --- sums over windows that a person writes


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        (r"z_j = \sum_{t=0}^{m-1} k_t x_{t+j}", "z = x ⋆ k"),
        (r"z_{ij} = \sum_{s} \sum_{t} K_{st} X_{i+s, j+t}", "z = X ⋆ K"),
        (r"z_{bj} = \sum_{t=0}^{m-1} k_t A_{b, t+j}", "zᵢ = Aᵢ ⋆ k"),
        (r"z = x \star k", "z = x ⋆ k"),
        (r"z = \operatorname{pad}(x, 2) \star k", "z = pad(x, 2) ⋆ k"),
        (r"z = x \ast k", "z = x ∗ k"),
        (r"z = (x \star k)[::3]", "z = (x ⋆ k)[::3]"),
        (r"z = \left(X \ast K\right)[1:-1, 1:-1]", "z = (X ∗ K)[1:−1, 1:−1]"),
    ],
)
def test_windows_that_a_person_writes(text, printed):
    symbols = {"x": ("n",), "k": ("m",), "X": ("h", "w"), "K": ("p", "q"), "A": ("b", "n")}
    net = sg.parse_latex(text, symbols)
    assert str(net.definitions[0]) == printed


IMAGE = np.random.default_rng(0).standard_normal((5, 6))
PLACES = np.random.default_rng(1).standard_normal((2, 3))


@pytest.mark.parametrize(
    ("text", "mode", "flip"),
    [(r"Z = X \star K", "valid", True), (r"Z = X \ast K", "full", False)],
)
def test_signs_are_scipys(text, mode, flip):
    signal = pytest.importorskip("scipy.signal")
    net = sg.parse_latex(text, {"X": (5, 6), "K": (2, 3)})
    rule = signal.correlate2d if flip else signal.convolve2d
    np.testing.assert_allclose(
        net.evaluate({"X": IMAGE, "K": PLACES}), rule(IMAGE, PLACES, mode), rtol=1e-13, atol=1e-13
    )


# --- claims


LAYER = sg.parse(
    "Z = conv2d(X, W); J = sum((Z - T)**2) / 2",
    IMAGES | {"T": ("n", "o", "h - u + 1", "w - v + 1")},
    parameters=["X", "W"],
)


@pytest.mark.parametrize(
    ("of", "claim", "status"),
    [
        (
            "W",
            r"\frac{\partial J}{\partial W_{ij}}"
            r" = \sum_{k} X_{kj} \star \frac{\partial J}{\partial Z_{ki}}",
            "proved",
        ),
        ("W", r"(\nabla_W J)_{oc} = \sum_{n} X_{nc} \star (Z_{no} - T_{no})", "proved"),
        ("W", r"\frac{\partial J}{\partial W_{ij}} = \sum_{k} (dZ)_{ki} \star X_{kj}", "wrong"),
        ("W", r"\frac{\partial J}{\partial W_{ij}} = \sum_{k} X_{kj} \ast (dZ)_{ki}", "wrong"),
        ("W", r"\frac{\partial J}{\partial W_{ij}} = 2 \sum_{k} X_{kj} \star (dZ)_{ki}", "wrong"),
        ("W", r"\frac{\partial J}{\partial W_{ij}} = \sum_{k} X_{ki} \star (dZ)_{kj}", "wrong"),
        ("W", r"\frac{\partial J}{\partial W} = X \star dZ", "unreadable"),
        ("X", r"(dX)_{ij} = \sum_{k} \frac{\partial J}{\partial Z_{ik}} \ast W_{kj}", "proved"),
        ("X", r"(dX)_{ij} = \sum_{k} W_{kj} \ast (dZ)_{ik}", "proved"),
        ("X", r"(dX)_{ij} = \sum_{k} (dZ)_{ik} \star W_{kj}", "wrong"),
        ("X", r"(dX)_{ij} = \sum_{k} (dZ)_{ik} * W_{kj}", "wrong"),
    ],
)  # fmt: skip
def test_claims(of, claim, status):
    (verdict,) = sg.verify(LAYER, {f"d{of}": claim}, notation="latex")
    assert verdict.status == status, verdict


def test_a_correlation_is_no_convolution():
    """Of a kernel as large as the image both have one shape in the middle alone."""
    net = sg.parse(
        "z = conv1d(pad(x, 1)[None, None], k[None, None])[0, 0]; J = sum(z**2) / 2",
        {"x": ("n",), "k": (3,)},
        parameters=["x", "k"],
    )
    for claim, status in (
        (r"(dz \ast k)[1:-1]", "proved"),
        (r"\operatorname{pad}(dz, 1) \star k", "wrong"),
    ):
        (verdict,) = sg.verify(net, {"dx": claim}, notation="latex")
        assert verdict.status == status, verdict


def test_a_star_between_arrays_of_one_shape():
    r"""a \ast b may be either; the shape of a gradient says which, a definition must say it."""
    with pytest.raises(ParseError, match="several ways"):
        sg.parse_latex(r"z = a \ast b", {"a": ("n",), "b": ("n",)})
    net = sg.parse("z = a * b; J = sum(z**2) / 2", {"a": ("n",), "b": ("n",)}, parameters=["a"])
    (verdict,) = sg.verify(net, {"da": r"dz \ast b"}, notation="latex")
    assert verdict.status == "proved"


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (r"Z = K \star X", ShapeError, "does not lie inside"),
        (r"Z = B \star B", ParseError, "two vectors or of two images"),
        (r"Z = X \star x", ParseError, "two vectors or of two images"),
        (r"Z = X \star \mathbf{1}", ParseError, "two vectors or of two images"),
        (r"Z = \operatorname{pad}(X)", ParseError, "a number of zeros"),
        (r"Z = \operatorname{pad}(X, x)", ParseError, "a number of zeros"),
    ],
)
def test_what_is_refused(text, kind, message):
    symbols = {"X": (5, 6), "K": (2, 7), "x": (3,), "B": (2, 2, 3, 3)}
    with pytest.raises(kind) as caught:
        sg.parse_latex(text, symbols)
    assert message in str(caught.value)
