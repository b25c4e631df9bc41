"""Derivations as people read them; read each change of a golden as a mathematician would."""

import pytest
from networks import NETWORKS, SECOND, second

import symgrad as sg


@pytest.mark.parametrize("name", NETWORKS)
def test_derivation_reads_as_in_the_golden(name, golden):
    derivation = sg.gradient(NETWORKS[name]())
    golden(f"{name}.txt", derivation.text())
    golden(f"{name}.tex", derivation.latex())
    golden(f"{name}.md", derivation.markdown())
    first = list(derivation.items())[:6]
    closed = [f"# {key}\n" + each.numpy().replace("; ", "\n") for key, each in first]
    golden(f"{name}.numpy.txt", "\n\n".join(closed))


@pytest.mark.parametrize("name", SECOND)
def test_jacobian_reads_as_in_the_golden(name, golden):
    derivative = second(name)
    golden(f"{name}.txt", derivative.text())
    golden(f"{name}.tex", derivative.latex())
    golden(f"{name}.numpy.txt", derivative.numpy())
