"""Two hundred functions of papers and textbooks: values, first and second derivatives, texts.

Values against NumPy, derivatives against differences of values at 80 digits (random_networks.py),
which declared facts do not enter.
"""

import numpy as np
import pytest
from cases_calculus import ARRAYS, CASES, declared
from modules import compare, module_of
from random_networks import arrays_close, directions_of, gradient_of, sampled, slopes, values_of
from reference_numpy import run

import symgrad as sg

#: Small, and tall where functions are of tall matrices.
SIZES = {"n": 4, "m": 3, "d": 2, "k": 3, "h": 2, "p": 2, "q": 5, "t": 4}


def ids(rows):
    return [row[0] for row in rows]


def sizes_of(graph):
    return {name: size for name, size in SIZES.items() if name in graph.dims}


@pytest.mark.parametrize("row", CASES, ids=ids(CASES))
def test_first_and_second_derivatives(row):
    """The gradient by all variables together, the second derivative by the first of them."""
    _, text, symbols, domain, variables = declared(row)
    graph = sg.parse(text, symbols, domain=domain, parameters=variables[:1])
    values, *_ = values_of(graph, 1, sizes_of(graph), quick=True)
    with np.errstate(all="ignore"):
        expected = run(text, dict(values))
    # a few hundred operations on numbers of order one; solutions of systems of condition below 1e3
    np.testing.assert_allclose(graph.evaluate(values), expected, rtol=1e-10, atol=1e-12)
    if variables[1:]:
        graph = sg.parse(text, symbols, domain=domain, parameters=variables)
        gradient_of(graph, sampled(graph, 1, sizes_of(graph)), 1)


@pytest.mark.parametrize("row", CASES[::5], ids=ids(CASES[::5]))
def test_modules(row, tmp_path):
    """Generated modules, run by Python, by all variables."""
    _, text, symbols, domain, variables = declared(row)
    graph = sg.parse(text, symbols, domain=domain, parameters=variables)
    values = sampled(graph, 1, sizes_of(graph))
    # as above: both solve systems of condition below 1e3
    compare(module_of(graph, tmp_path, jit=False), graph, values, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("row", ARRAYS, ids=ids(ARRAYS))
def test_jacobians(row):
    _, text, symbols, domain, variables = declared(row)
    for variable in variables:
        graph = sg.parse(text, symbols, domain=domain, parameters=[variable])
        values = sampled(graph, 1, sizes_of(graph))
        expected = run(text, dict(values))
        np.testing.assert_allclose(graph.evaluate(values), expected, rtol=1e-10, atol=1e-12)
        jacobian = sg.jacobian(graph, variable)
        found = jacobian.evaluate(values)
        v = directions_of(graph, values, 2)[0]
        nothing = {variable: np.zeros(np.shape(v[variable]))}
        along, _ = slopes(graph, values, v, nothing)
        rank = np.ndim(v[variable])
        arrays_close(np.tensordot(found, v[variable], rank), along, "J v", 1e-9)
        known = values | graph.evaluate_all(values)
        arrays_close(run(jacobian.numpy(), known), found, jacobian.numpy(), 1e-9)
        jacobian.latex(), jacobian.text()
