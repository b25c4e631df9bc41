"""Generated modules in tests: compiled, or run by Python alone, beside the reference evaluator."""

import ast
import itertools
import warnings
from collections import Counter
from contextlib import contextmanager

import numba
import numpy as np

import symgrad as sg
from symgrad.codegen.build import generate, load_module

_number = itertools.count()


def module_of(graph, folder, dtype="float64", jit=True, **options):
    """The graph's module; without `jit` its kernels run as Python, which small sizes allow."""
    if isinstance(graph, sg.Graph):
        options.setdefault("second_order", False)  # which takes as long again
    path = generate(graph, folder / f"module_{next(_number)}.py", dtype=dtype, **options)
    require_distinct_names(path.read_text(encoding="utf-8"))
    before, numba.config.DISABLE_JIT = numba.config.DISABLE_JIT, not jit
    try:
        module = load_module(path)
    finally:
        numba.config.DISABLE_JIT = before
    if not jit and hasattr(module, "_gemm"):
        module._gemm = gemm
    return module


def gemm(first, second, m, n, k, alpha, A, B, beta, C):
    """What BLAS does, which takes matrices by columns; kernels in Python have no BLAS."""
    left, right = (M if flag == ord("T") else M.T for flag, M in ((first, A), (second, B)))
    assert (left.shape, right.shape, C.shape) == ((m, k), (k, n), (n, m))
    C[...] = (alpha * (left @ right)).T + (beta * C if beta else 0)


def require_distinct_names(source):
    """No function or class of a module hides another."""
    defined = (ast.FunctionDef, ast.ClassDef)
    names = Counter(each.name for each in ast.parse(source).body if isinstance(each, defined))
    assert max(names.values()) == 1, names.most_common(3)


@contextmanager
def unoptimised():
    """Compile without optimisation, which takes most of the time: for types and values alone."""
    before = numba.config.OPT
    numba.config.OPT = type(before)(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", numba.NumbaWarning)  # such code is not cached
            yield
    finally:
        numba.config.OPT = before


def arguments(module, graph, values):
    """Parameters and inputs for a module, in its dtype; labels stay integers."""
    cast = {
        name: value
        if not np.ndim(value) or graph.leaf(name).domain.startswith("labels")
        else np.ascontiguousarray(value, module.DTYPE).reshape(np.shape(value))
        for name, value in ((s.name, values[s.name]) for s in graph.symbols)
    }
    told = {name: values[name] for name in getattr(module, "FREE", ())}
    params = module.pack({name: cast[name] for name in graph.parameters}, **told)
    return params, [cast[name] for name in graph.inputs], cast


def evaluated(module, values, **options):
    """What the module of a derivative gives for values by name."""
    told = {name: values[name] for name in getattr(module, "FREE", ())}
    given = {}
    for name in module.ARGUMENTS:
        value = np.asarray(values[name])
        if name not in module.LABELS:
            value = np.ascontiguousarray(value, module.DTYPE).reshape(value.shape)
        given[name] = value if value.ndim or name in module.LABELS else float(value)
    return module.evaluate(**given, **told, **options)


def compare(module, graph, values, rtol, atol, again=True):
    """Value and gradient of a module against the evaluator; `again`: forward and backward too."""
    params, inputs, cast = arguments(module, graph, values)
    wide = {name: np.asarray(v, float) if np.ndim(v) else v for name, v in cast.items()}
    wide |= {name: cast[name] for name in cast if graph.leaf(name).domain.startswith("labels")}
    wide |= {name: values[name] for name in graph.dims if name in values}
    expected = float(graph.evaluate(wide))
    derivation = sg.gradient(graph)
    slopes = {name: derivation[name].evaluate(wide) for name in graph.parameters}
    work = module.workspace(params, *inputs)

    def check(grads, what):
        for name in graph.parameters:
            np.testing.assert_allclose(
                grads[name], slopes[name], rtol, atol, err_msg=f"{what}: d{name}"
            )

    value, grads = module.value_and_grad(params, *inputs, workspace=work)
    np.testing.assert_allclose(value, expected, rtol, atol)
    check(grads, "value_and_grad")
    if not again:
        return
    value, work = module.forward(params, *inputs, workspace=work)
    np.testing.assert_allclose(value, expected, rtol, atol)
    for what in ("backward", "backward again"):  # what forward left must survive
        work.grads.flat[:] = np.nan
        check(module.backward(params, *inputs, workspace=work), what)
