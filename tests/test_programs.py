"""Programs as courses and books have them: right as they are, wrong where one thing is changed."""

from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

import pytest

import symgrad as sg
from symgrad.check.diagnose import Diagnosis

FOLDER = Path(__file__).parent / "derivations"

#: file -> what its claims are about.
FILES = {
    "two_layer_net.py": "dscores dW2 db2 dW1 db1",
    "softmax_naive.py": "dW",
    "svm_vectorized.py": "dW",
    "deep_network.py": "dAL dW3 db3 dW2 dW1 db2 db1",
    "char_rnn.py": "dWxh dWhh dWhy dbh dby",
    "lstm_step.py": "dh_new do dc df di dg dWf dbf dWi dWc dWo dc_prev dz dh_prev",
    "attention.py": "dO dV dP dS dQ dK dWq dWk dWv dX",
    "linear_class.py": "dZ dW db",
    "batch_norm_short.py": "dbeta dgamma dx_hat dx",
    "loss_after.py": "dz dw",
    "scalars.py": "do de dn db ds dn1 dw1 dw2 dx1",
    "lecture_notes.tex": "dz2 dW2 db2 dz1 dW1",
    "homework.md": "dw dw",
}

#: file, what stands there, what is put in its place, and gradients with the mistakes in them.
MISTAKES = [
    ("two_layer_net.py", "dhidden[h1 <= 0] = 0", "pass", {"dW1": "any", "db1": "any"}),
    ("two_layer_net.py", "dscores /= N", "pass", {"dscores": "missing-mean-factor"}),
    ("two_layer_net.py", "np.dot(X.T, dhidden) + reg * W1", "np.dot(X.T, dhidden)",
     {"dW1": "missing-regulariser"}),
    ("softmax_naive.py", "dW /= num_train", "pass", {"dW": "any"}),
    ("softmax_naive.py", "(p[j] - 1) * X[i]", "p[j] * X[i]", {"dW": "any"}),
    ("svm_vectorized.py", "-np.sum(mask, axis=1)", "-1", {"dW": "any"}),
    ("char_rnn.py", " + dhnext", "", {"dWxh": "any", "dWhh": "any", "dbh": "any"}),
    ("lstm_step.py", "df = dc * c_prev", "df = dc * c", {"df": "stale-variable"}),
    ("lstm_step.py", "dc = dh_new * o * (1 - np.tanh(c) ** 2)", "dc = dh_new * o * (1 - c ** 2)",
     {"dc": "any"}),
    ("attention.py", "dS /= np.sqrt(d)", "pass", {"dQ": "any", "dK": "any"}),
    ("attention.py", "dK = dS.T @ Q", "dK = dS @ Q", {"dK": "missing-transpose"}),
    ("linear_class.py", "dZ.sum(axis=0)", "dZ.sum(axis=1)", {"db": "wrong-axis"}),
    ("batch_norm_short.py", "x_hat, std, gamma = cache", "x_hat, gamma, std = cache",
     {"dx_hat": "stale-variable", "dx": "stale-variable"}),
    ("loss_after.py", "dz = (p - y)", "dz = (y - p)", {"dz": "sign"}),
    ("scalars.py", "dn = 1 - o ** 2", "dn = 1 - o", {"dn": "wrong-derivative-rule"}),
    ("lecture_notes.tex", r"a^{(1)} \odot (1", r"(1", {"dz1": "wrong-activation-derivative"}),
    ("homework.md", ") / n + lam", ") + lam", {"dw": "missing-mean-factor"}),
]  # fmt: skip


def verified(folder, name, old="", new=""):
    text = (FOLDER / name).read_text(encoding="utf-8")
    assert not old or text.count(old) == 1
    file = folder / name
    file.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    return sg.verify_file(file)


def unnamed(*_):
    """In place of a search for mistakes, which takes most of the time."""
    return Diagnosis((), "It is wrong.", "")


def test_all_files_are_met():
    assert {file.name for file in FOLDER.iterdir()} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_what_is_right(tmp_path, name):
    result = verified(tmp_path, name)
    assert [each.verdict.name for each in result] == FILES[name].split()
    assert {each.verdict.status for each in result} <= {"proved", "agrees"}
    assert all("dA0 is not judged" in note for note in result.notes)  # X has no other name


@pytest.mark.parametrize(("name", "old", "new", "wrong"), MISTAKES)
def test_what_is_wrong(tmp_path, name, old, new, wrong):
    """The line with the mistake is wrong, and no other; those after it are right on their own."""
    named = {"any"} != set(wrong.values())
    with nullcontext() if named else patch("symgrad.check.verify.diagnose", unnamed):
        result = verified(tmp_path, name, old, new)
    found = {each.verdict.name: each.verdict for each in result if not each.verdict.right}
    assert {name: verdict.status for name, verdict in found.items()} == dict.fromkeys(
        wrong, "wrong"
    )
    for gradient, mistake in wrong.items():
        assert mistake in ("any", found[gradient].mistake)


def test_a_mistake_in_a_helper_is_one_in_every_layer(tmp_path):
    """Also where layers are counted by names: `L = 3` in place of the length of a list."""
    text = (FOLDER / "deep_network.py").read_text(encoding="utf-8")
    for old, new in (("dA_prev = np.dot(W.T, dZ)", "dA_prev = 2 * np.dot(W.T, dZ)"),
                     ("L = len(caches)", "L = 3"), ("np.sum(dZ, axis=1, keepdims=True) / m", "m"),
                     ("dW = np.dot(dZ, A_prev.T) / m", "dW = np.dot(dZ, A_prev.T)"),
                     ("dAL = -(", "dAL = -1 / m * (")):  # fmt: skip
        assert text.count(old) == 1
        text = text.replace(old, new)
    file = tmp_path / "deep.py"
    file.write_text(text, encoding="utf-8")
    with patch("symgrad.check.verify.diagnose", unnamed):
        found = {each.verdict.name: each.verdict.status for each in sg.verify_file(file)}
    wrong = {"dW2", "dW1", "db3", "db2", "db1"}
    assert found == {name: "wrong" if name in wrong else "proved" for name in found}
    assert len(found) == 7


@pytest.mark.parametrize(("depth", "works"), [
    ("L = len(parameters)", True), ("L = 3", True), ("L = len(layer_dims) - 1", True),
    ("pass", False), ("L = X.shape[1]", False),
])  # fmt: skip
def test_the_number_of_layers_is_known_or_asked_for(tmp_path, depth, works):
    head = "#sg symbols:\n#sg   X: (d, m)\n#sg parameters:\n" + "".join(
        f"#sg   W{k}: (d, d)\n" for k in (1, 2, 3)
    )
    code = (
        f"import numpy as np\nlayer_dims = [4, 5, 3, 1]\ndef forward(X, parameters):\n    {depth}\n"
        "    A = X\n    kept = [X]\n    for l in range(1, L + 1):\n"
        "        A = np.tanh(parameters['W' + str(l)] @ A)\n        kept.append(A)\n"
        "    return A, kept\ndef loss(A):\n    J = np.sum(A)\n    return J\n"
        f"def backward(X, kept, parameters):\n    {depth}\n    grads = {{}}\n"
        "    G = np.ones_like(kept[L])\n    for l in reversed(range(1, L + 1)):\n"
        "        S = G * (1 - kept[l]**2)\n        grads[f'dW{l}'] = S @ kept[l - 1].T\n"
        "        G = parameters[f'W{l}'].T @ S\n    return grads\n"
    )
    file = tmp_path / "deep.py"
    file.write_text(head + code, encoding="utf-8")
    if not works:
        with pytest.raises(sg.SymgradError) as caught:
            sg.verify_file(file)
        assert "line" in str(caught.value)
        assert "how many layers" in str(caught.value)
        assert "len(parameters)" in str(caught.value)
        return
    result = sg.verify_file(file)
    assert {each.verdict.name: each.verdict.status for each in result} == dict.fromkeys(
        ("dW1", "dW2", "dW3"), "proved"
    )
    file.write_text(head + code.replace("1 - kept[l]**2", "1 - kept[l]"), encoding="utf-8")
    with patch("symgrad.check.verify.diagnose", unnamed):
        assert {each.verdict.status for each in sg.verify_file(file)} == {"wrong"}
