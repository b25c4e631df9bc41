"""CPU seconds from a network to its first gradient, by depth, for equal layers and others.

    python benchmarks/compile_growth.py [KIND:LAYERS,...]

`equal`: tanh layers of 64; `widths`: tanh layers whose widths are symbols of their own; `mixed`:
these with five functions in turn. Each row is a process with empty caches.
"""

import os
import subprocess
import sys
import tempfile

ROWS = "equal:10,equal:20,equal:50,equal:100,equal:1000,widths:50,mixed:50"
FUNCTIONS = {
    "equal": ("tanh",),
    "widths": ("tanh",),
    "mixed": ("tanh", "relu", "sigmoid", "softplus", "gelu"),
}


def network(kind, layers):
    """The text of a network, its symbols and its parameters."""
    names = ["h"] * (layers + 1) if kind == "equal" else [f"d{k}" for k in range(layers + 1)]
    functions = FUNCTIONS[kind]
    lines, x = [], "X"
    symbols = {"X": ("N", names[0]), "T": ("N", names[-1])}
    for k in range(layers):
        lines.append(f"h{k} = {functions[k % len(functions)]}({x} @ W{k} + b{k})")
        symbols |= {f"W{k}": (names[k], names[k + 1]), f"b{k}": (names[k + 1],)}
        x = f"h{k}"
    lines.append(f"J = mean(({x} - T)**2)")
    return "; ".join(lines), symbols, [f"{p}{k}" for k in range(layers) for p in "Wb"]


def measure(kind, layers):
    """One row: seconds of each stage, the lines of the module, microseconds of a call."""
    import time

    import numpy as np

    import symgrad as sg
    from symgrad.codegen.build import load_module, write_whole
    from symgrad.codegen.module import module_text
    from symgrad.codegen.plan import plan

    def timed(function):
        start = time.process_time()
        result = function()
        return result, time.process_time() - start

    def compiled():
        path = write_whole(target, source) or target
        module = load_module(path)
        params = module.pack(values)
        work = module.workspace(params, X, T)
        module.value_and_grad(params, X, T, workspace=work)
        return lambda: module.value_and_grad(params, X, T, workspace=work)

    from pathlib import Path

    target = Path(os.environ["SYMGRAD_CACHE"]) / "deep.py"
    text, symbols, names = network(kind, layers)
    graph = sg.parse(text, symbols=symbols, parameters=names)
    sg.gradient(sg.parse("J = sum(tanh(x))", symbols={"x": ("n",)}, parameters=["x"]))  # imports
    derivation, derive = timed(lambda: sg.gradient(graph))
    planned, planning = timed(lambda: plan(derivation))
    source, writing = timed(lambda: module_text(planned))
    widths = {
        d: 32 if d == "N" else 64 if kind == "equal" else 20 + n % 7
        for n, d in enumerate(graph.dims)
    }
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=[widths[d] for d in symbols[name]]) / 8 for name in names}
    X, T = (rng.normal(size=[widths[d] for d in symbols[name]]) for name in "XT")
    call, numba = timed(compiled)
    best = min(timed(call)[1] for _ in range(30))
    total = derive + planning + writing + numba
    print(
        f"{kind}:{layers:<5} derive {derive:.2f} plan {planning:.2f} write {writing:.2f} "
        f"compile and call {numba:.2f} all {total:.2f} s; {source.count(chr(10))} lines; "
        f"{best * 1e6:.0f} µs a call"
    )


def main():
    if len(sys.argv) == 3:
        measure(sys.argv[1], int(sys.argv[2]))
        return
    for row in (sys.argv[1] if len(sys.argv) > 1 else ROWS).split(","):
        caches = {"NUMBA_CACHE_DIR": tempfile.mkdtemp(), "SYMGRAD_CACHE": tempfile.mkdtemp()}
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, *row.split(":")]
        subprocess.run(command, env=os.environ | caches | threads, check=False)


if __name__ == "__main__":
    main()
