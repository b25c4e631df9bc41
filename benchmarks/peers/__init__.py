"""Peer registry.

A peer is `module[:variant]`; the module (in this folder, or any importable name) offers
    build(case, data, variant) -> call | None     None: this peer does not do this workload
    to_numpy(call()) -> [loss, grad0, grad1, ...] in the order of the parameters
                        (Hessian / HVP workloads: just the arrays)
`call()` takes no arguments, has its inputs already in the peer's own arrays, and returns only when
the numbers are ready.  Each peer lives in its own process (`PYTHON` may name another interpreter).
symgrad_peer runs in the interpreter that SYMGRAD_PYTHON names (the project's own environment).
"""

import os
import sys

PYTHON = {
    "symgrad_peer": os.environ.get("SYMGRAD_PYTHON", sys.executable)
}  # module -> interpreter, default: the one running run.py
PEERS = [
    "symgrad_peer", "numba_limit", "numba_limit:dot", "numpy_peer", "jax_peer", "torch_peer",
    "roofline:gemm", "roofline:mem",
]  # fmt: skip
# subsets that keep a full run short: peer -> substrings of case ids it takes (None: all)
ONLY = {"numba_limit:dot": ["W1/", "W2/b32/", "W2/b1024", "W3/", "W4", "W5c"]}
