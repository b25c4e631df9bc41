"""Arrays that share memory by two names, in what is run and in what is read of files."""

import pytest
from test_derivations import statuses, verified

import symgrad as sg
from symgrad.errors import ParseError, ValueMismatch

HEAD = (
    "#sg symbols:\n#sg   X: (n, d)\n#sg   T: (n, c)\n#sg parameters:\n#sg   W: (d, h)\n"
    "#sg   b: (h)\n#sg   V: (h, c)\nimport numpy as np\n"
)
NET = "Z = X @ W + b\nA = np.maximum(Z, 0)\nO = A @ V\nJ = np.sum((O - T)**2) / 2\n"
BACK = "dO = O - T\ndV = A.T @ dO\ndA = dO @ V.T\n"


@pytest.mark.parametrize(("lines", "doubled"), [
    ("b = a\nb *= 2", True),
    ("b = a\nb = b * 2", False),
    ("b = a.copy()\nb *= 2", False),
    ("b = np.array(a)\nb *= 2", False),
    ("b = np.asarray(a)\nb *= 2", True),
    ("b = a[:]\nb *= 2", True),
    ("b = a.T\nb *= 2", True),
    ("b = a.reshape(-1)\nb *= 2", True),
    ("b = a.ravel()\nb *= 2", True),
    ("b = a.flatten()\nb *= 2", False),
    ("b = a[np.arange(len(a))]\nb *= 2", False),
    ("b = a + 0\nb *= 2", False),
    ("for row in a:\n    row *= 2", True),
    ("b = [a]\nb[0] *= 2", True),
    ("b = c = a\nc *= 2", True),
    ("b, c = a, 1\nb *= 2", True),
    ("np.multiply(a, 2, out=a)", True),
    ("def f(t):\n    t *= 2\nf(a)", True),
    ("def f(t):\n    t = t * 2\nf(a)", False),
    ("b = a\nb[b > 9] = 0\nb[...] = 2 * b", True),
])  # fmt: skip
def test_what_shares_memory_is_what_numpy_says(lines, doubled):
    """The gradient is 2 a or 4 a, by whether a change of b is one of a."""
    net = sg.parse("J = sum(x**2)", symbols={"x": ("n", "m")}, parameters=["x"])
    claim = f"a = 2 * x\n{lines}\ndx = a"
    assert sg.verify(net, claim)[0].status == ("wrong" if doubled else "proved")
    half = claim.replace("a = 2 * x", "a = 1 * x")
    assert sg.verify(net, half)[0].right is doubled


@pytest.mark.parametrize(("lines", "words"), [
    ("dZ = dA\ndZ[Z <= 0] = 0\ndb = dA.sum(axis=0)", ("reads dA", "dZ", "line 17", "dZ = dA.copy")),
    ("G = A\nG *= 2\ndb = np.sum((dA * (G > 0)), axis=0)", ()),
    ("def back(g):\n    g[Z <= 0] = 0\n    return g\ndZ = back(dA)\ndb = dA.sum(axis=0)",
     ("reads dA", "shares its memory with g")),
    ("G = dV.T\nG *= 2\ndb = np.sum(dA * (Z > 0), axis=0)", ("dV shares", "changed after")),
])  # fmt: skip
def test_a_change_by_another_name_is_seen_where_it_matters(tmp_path, lines, words):
    result = verified(tmp_path, f"{HEAD}{NET}{BACK}{lines}\n")
    said = [each.verdict for each in result if not each.verdict.right]
    assert [each.status for each in said] == ["unreadable"] * bool(words)
    for word in words:
        assert word in said[0].explanation


def test_an_array_that_is_changed_and_read_no_more_is_no_matter(tmp_path):
    """dscores = probs, as CS231n writes it."""
    text = f"{HEAD}{NET}{BACK}dZ = dA\ndZ[Z <= 0] = 0\ndW = X.T @ dZ\ndb = dZ.sum(axis=0)\n"
    assert set(statuses(verified(tmp_path, text)).values()) == {"proved"}


@pytest.mark.parametrize(("old", "new", "error", "words"), [
    ("A = np.maximum(Z, 0)", "A = Z\nA[A < 0] = 0", ParseError, "'Z' is changed in place later"),
    ("O = A @ V", "O = A @ V\nP = O\nP *= 2", ParseError, "'J' has another value"),
    ("Z = X @ W + b", "Z = np.zeros((1, len(b)))\nZ += X @ W + b", ValueMismatch,
     "cannot become one of shape"),
])  # fmt: skip
def test_a_network_is_what_the_code_computes(tmp_path, old, new, error, words):
    with pytest.raises(error, match=words) as caught:
        verified(tmp_path, f"{HEAD}{NET.replace(old, new)}{BACK}")
    assert "line" in str(caught.value)


def test_a_method_or_function_that_changes_its_argument(tmp_path):
    """v[v < 0] = 0 in a helper makes of Z what it should not be."""
    helper = "def relu(v):\n    v[v < 0] = 0\n    return v\n"
    net = NET.replace("np.maximum(Z, 0)", "relu(Z)")
    with pytest.raises(ParseError, match="'Z' is changed in place later"):
        verified(tmp_path, f"{HEAD}{helper}{net}{BACK}")
    copied = helper.replace("v[v", "v = v.copy()\n    v[v")
    assert set(statuses(verified(tmp_path, f"{HEAD}{copied}{net}{BACK}")).values()) == {"proved"}
