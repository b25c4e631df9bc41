"""Verdicts on networks that nobody wrote rules for, and how often the mistake is named."""

import pytest
from own_claims import NETWORKS

import symgrad as sg


def verdicts(network):
    text, symbols, domain, claims = network
    net = sg.parse(text, symbols=symbols, domain=domain, parameters=list(symbols))
    for name, claim, labels in claims:
        yield name, claim, labels, sg.verify(net, f"{name} = {claim}")[0]


@pytest.fixture(scope="module")
def judged():
    return [row for network in NETWORKS for row in verdicts(network)]


def test_verdicts_are_right(judged):
    """Nothing false is proved or agrees, nothing true is wrong."""
    assert len(judged) == 132
    for name, claim, labels, verdict in judged:
        assert verdict.status != "unreadable", (name, claim)
        assert verdict.right == (labels is None), (name, claim, verdict)


def test_wrong_claims_are_explained(judged):
    """By a witness, or by shapes that do not fit; in every case with the right form."""
    for name, claim, labels, verdict in judged:
        if labels is not None:
            shapes = ("shape", "inner dimensions", "do not fit", "do not broadcast")
            assert verdict.witness or any(each in verdict.explanation for each in shapes), claim
            assert verdict.corrected, (name, claim)


def test_mistakes_are_named(judged):
    wrong = [(labels, verdict) for _, _, labels, verdict in judged if labels is not None]
    first = sum(verdict.mistake in labels for labels, verdict in wrong)
    three = sum(not set(labels).isdisjoint(verdict.candidates[:3]) for labels, verdict in wrong)
    proved = sum(v.status == "proved" for _, _, labels, v in judged if labels is None)
    assert len(wrong) == 93
    assert first >= 80
    assert three >= 85
    assert proved >= 36  # of 39
