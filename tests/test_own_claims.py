"""Verdicts on networks that nobody wrote rules for, and how often the mistake is named."""

import own_claims
import own_claims_second
import own_claims_third
import pytest

import symgrad as sg

#: Of each file: claims, wrong ones, and at least how many of these are named first and among
#: three, and how many of the others are proved.
FILES = {
    own_claims: (132, 93, 90, 92, 38),  # of 39
    own_claims_second: (180, 112, 107, 109, 68),  # of 68; when first judged 79, 89 and 60
    own_claims_third: (53, 36, 33, 34, 17),  # of 17; when first judged 27, 28 and 16
}


def verdicts(network):
    text, symbols, domain, claims = network
    net = sg.parse(text, symbols=symbols, domain=domain, parameters=list(symbols))
    for name, claim, labels in claims:
        yield name, claim, labels, sg.verify(net, f"{name} = {claim}")[0]


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.__name__)
def judged(request):
    """The claims of a file with their verdicts, and what is asked of them."""
    rows = [row for network in request.param.NETWORKS for row in verdicts(network)]
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
