# ruff: noqa
"""Time from a fresh process to the first loss and gradients in hand, cold and with a warm disk cache.

    SYMGRAD_PYTHON=... python first_gradient.py [CASE,...]

For symgrad the module is generated beforehand; what is timed is a process that imports it and calls it (it never imports symgrad).
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from run import env  # noqa: E402
from workloads import CASES, data  # noqa: E402

REPORT = """
import resource
print(json.dumps(dict(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu, rss=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)))
"""
START = "import sys, time, json, pickle\nimport numpy as np\n"
PEER = (
    START
    + """
sys.path.insert(0, sys.argv[1])
from workloads import CASES, data
import importlib, os
case = CASES[sys.argv[2]]; arrays = data(case); name, _, variant = sys.argv[3].partition(":")
wall, cpu = time.perf_counter(), time.process_time()
peer = importlib.import_module("peers." + name)
if os.environ.get("JAX_COMPILATION_CACHE_DIR") and name == "jax_peer":
    import jax
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0); jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
peer.to_numpy(peer.build(case, arrays, variant)())
"""
    + REPORT
)
GENERATE = """
import sys
sys.path.insert(0, sys.argv[1])
import symgrad as sg
from workloads import CASES
from peers.symgrad_peer import PARAMETERS, TEXTS, deep
case = CASES[sys.argv[2]]
text, symbols, domain, names = deep(case) if case.fam == "W3" else (*TEXTS[case.fam], PARAMETERS[case.fam].split())
graph = sg.parse(text, symbols=symbols, domain=domain, parameters=names)
sg.generate(graph, sys.argv[3], dtype=case.dtype)
print(*graph.parameters); print(*graph.inputs)
"""
MODULE = (
    START
    + """
folder, values = sys.argv[1:3]
params, inputs = pickle.load(open(values, "rb"))
sys.path.insert(0, folder)
wall, cpu = time.perf_counter(), time.process_time()
import first_gradient_module as module
packed = module.pack(params)
module.value_and_grad(packed, *inputs, workspace=module.workspace(packed, *inputs))
"""
    + REPORT
)


def run(python, code, *args, **variables):
    done = subprocess.run(
        [python, "-c", code, *args],
        capture_output=True,
        text=True,
        env=env(1) | variables,
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no output"])[-1])
    return done.stdout


def symgrad(case, folder, caches):
    python = os.environ.get("SYMGRAD_PYTHON", sys.executable)
    values = os.path.join(folder, "values.pickle")
    if not os.path.exists(values):
        names, inputs = (
            run(python, GENERATE, HERE, case.id, os.path.join(folder, "first_gradient_module.py"))
            .strip()
            .splitlines()[-2:]
        )
        arrays = data(case)
        pickle.dump(
            (dict(zip(names.split(), arrays["params"])), [arrays[name] for name in inputs.split()]),
            open(values, "wb"),
        )
    return run(python, MODULE, folder, values, **caches)


def main():
    for name in (sys.argv[1] if len(sys.argv) > 1 else "W2/b128/f32,W3/b32/f64").split(","):
        for peer in ("numpy_peer", "jax_peer", "torch_peer", "symgrad_peer"):
            folder = tempfile.mkdtemp()
            caches = dict(
                JAX_COMPILATION_CACHE_DIR=folder + "/jax", NUMBA_CACHE_DIR=folder + "/numba"
            )
            for state in ("cold", "warm"):
                try:
                    out = (
                        symgrad(CASES[name], folder, caches)
                        if peer == "symgrad_peer"
                        else run(sys.executable, PEER, HERE, name, peer, **caches)
                    )
                    figures = json.loads(out.strip().splitlines()[-1])
                    print(
                        name,
                        peer,
                        state,
                        {key: round(value, 2) for key, value in figures.items()},
                        flush=True,
                    )
                except Exception as error:
                    print(name, peer, state, f"{type(error).__name__}: {error}"[:200], flush=True)


if __name__ == "__main__":
    main()
