"""The committed modules in generated/ are what the tool emits for the networks of docs/examples."""

import difflib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from modules import compare

from symgrad.codegen import difference
from symgrad.codegen.build import generate, load_module
from symgrad.codegen.module import graph_text
from symgrad.declare.files import load

ROOT = Path(__file__).parent.parent
#: The file in generated/: the example, the dtype, sizes to check it at.
MODULES = {
    "classifier": ("classifier.py", "float64", {"B": 9, "d": 4, "h": 5, "c": 3}),
    "one_hidden_layer": ("one_hidden_layer.py", "float64", {"d": 4, "h": 5, "q": 3}),
    "tanh_layers": ("tanh_layers.py", "float64", {"n": 7, "d": 4}),
    "mlp_relu": ("mlp_relu.py", "float64", {"m": 9, "n": 4, "h": 5, "c": 3}),
    "binary_columns": ("binary_columns.py", "float64", {"m": 9}),
    "ridge": ("ridge.py", "float64", {"n": 9, "d": 4}),
    "softmax_regression": ("softmax_regression.py", "float64", {"m": 9, "d": 4, "c": 3}),
    "autoencoder": ("autoencoder.py", "float64", {"m": 9, "d": 4, "h": 3}),
    "digits": ("digits.sg", "float32", {"B": 9, "d": 8, "h": 6, "c": 10}),
}


def network(name):
    path = ROOT / "docs" / "examples" / MODULES[name][0]
    return load(f"{path}:net" if path.suffix == ".py" else path)


@pytest.mark.parametrize("name", MODULES)
def test_generated_modules_are_up_to_date(name, request):
    path, dtype = ROOT / "generated" / f"{name}.py", MODULES[name][1]
    graph = network(name)
    if request.config.getoption("--update-golden"):
        generate(graph, path, dtype=dtype)
    found = path.read_text(encoding="utf-8") if path.exists() else ""
    now = graph_text(graph, dtype)
    if found != now:
        lines = difflib.unified_diff(
            found.splitlines(), now.splitlines(), f"generated/{name}.py", "now", lineterm="", n=1
        )
        reason = difference(graph, path, dtype=dtype)
        pytest.fail(
            "\n".join([reason, *lines, "use --update-golden to accept, and read what changes"]),
            pytrace=False,
        )


@pytest.mark.parametrize("name", MODULES)
def test_generated_modules_compute_what_they_say(name):
    graph, (_, dtype, sizes) = network(name), MODULES[name]
    module = load_module(ROOT / "generated" / f"{name}.py")
    known = {d: sizes[d] for d in graph.dims}
    # sums of at most a hundred terms of order 1
    tolerance = {"float64": 1e-12, "float32": 1e-4}[dtype]
    compare(module, graph, graph.sample(3, known), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", MODULES)
def test_generated_modules_are_laid_out_as_black_does(name):
    ruff = shutil.which("ruff") or shutil.which("ruff", path=str(Path(sys.executable).parent))
    if ruff is None:
        pytest.skip("ruff is not installed")
    command = [ruff, "format", "--isolated", "--line-length", "100", "--diff", "-"]
    source = (ROOT / "generated" / f"{name}.py").read_text(encoding="utf-8")
    done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout
