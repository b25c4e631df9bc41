"""Verdicts on networks that nobody wrote rules for, and how often the mistake is named."""

import re

import own_claims
import own_claims_fifth
import own_claims_fourth
import own_claims_second
import own_claims_third
import pytest

import symgrad as sg

#: Of each file and notation: claims, wrong ones, and at least how many of these are named first and
#: among three, and how many of the others are proved.
FILES = {
    (own_claims, "numpy"): (132, 93, 90, 92, 38),  # of 39
    (own_claims_second, "numpy"): (180, 112, 107, 109, 68),  # when first judged 79, 89 and 60
    (own_claims_third, "numpy"): (53, 36, 34, 35, 17),  # when first judged 27, 28 and 16
    (own_claims_fourth, "numpy"): (266, 170, 169, 170, 93),  # of 96; first judged 153, 158, 93
    (own_claims_fourth, "latex"): (257, 164, 163, 164, 90),  # of 93; first judged 145, 154, 90
    (own_claims_fifth, "numpy"): (76, 46, 45, 45, 30),  # when first judged 42, 43 and 30
    (own_claims_fifth, "latex"): (76, 46, 45, 45, 29),  # of 30; when first judged 42, 43 and 29
}

#: Names that are letters of another alphabet in LaTeX.
GREEK = {"mu": r"\mu", "tau": r"\tau"}


def claims_of(rows, notation):
    """Gradient, claim, labels or None; rows with both notations give one of them."""
    for name, claim, *more in rows:
        if len(more) == 1:
            yield name, f"{name} = {claim}", more[0]
            continue
        latex, labels = more
        if notation == "latex":
            below = GREEK.get(name[1:], re.sub(r"([a-z])(\d)$", r"\1_\2", name[1:]))
            whole = (
                latex if " = " in latex else rf"\frac{{\partial J}}{{\partial {below}}} = {latex}"
            )
            if latex:
                yield name, {name: whole}, labels.split() or None
        else:
            yield name, f"{name} = {claim}", labels.split() or None


def verdicts(network, notation):
    text, symbols, domain, rows = network
    net = sg.parse(text, symbols=symbols, domain=domain, parameters=list(symbols))
    for name, claim, labels in claims_of(rows, notation):
        yield name, claim, labels, sg.verify(net, claim, notation=notation)[0]


@pytest.fixture(scope="module", params=FILES, ids=lambda key: f"{key[0].__name__}-{key[1]}")
def judged(request):
    """The claims of a file with their verdicts, and what is asked of them."""
    file, notation = request.param
    rows = [row for network in file.NETWORKS for row in verdicts(network, notation)]
    return rows, FILES[request.param]


def test_verdicts_are_right(judged):
    """Nothing false is proved or agrees, nothing true is wrong."""
    rows, (count, *_) = judged
    assert len(rows) == count
    for name, claim, labels, verdict in rows:
        assert verdict.status != "unreadable", (name, claim)
        assert verdict.right == (labels is None), (name, claim, verdict)


def test_wrong_claims_are_explained(judged):
    """By a witness, or by shapes that do not fit; in every case with the right form."""
    rows, _ = judged
    for name, claim, labels, verdict in rows:
        if labels is not None:
            shapes = ("shape", "inner dimensions", "do not fit", "do not broadcast")
            assert verdict.witness or any(each in verdict.explanation for each in shapes), claim
            assert verdict.corrected, (name, claim)


def test_mistakes_are_named(judged):
    rows, (_, count, least_first, least_three, least_proved) = judged
    wrong = [(labels, verdict) for _, _, labels, verdict in rows if labels is not None]
    first = sum(verdict.mistake in labels for labels, verdict in wrong)
    three = sum(not set(labels).isdisjoint(verdict.candidates[:3]) for labels, verdict in wrong)
    proved = sum(v.status == "proved" for _, _, labels, v in rows if labels is None)
    assert len(wrong) == count
    assert first >= least_first
    assert three >= least_three
    assert proved >= least_proved
