# ruff: noqa: E731
"""Workload definitions: data, shapes, FLOP counts.  A case id is e.g. 'W2/b128/f32'."""

from dataclasses import dataclass, field

import numpy as np

LAM = 1e-3  # L2 coefficient in W2:  loss += LAM/2 * (|W1|^2+|W2|^2)
EPS = 1e-5


@dataclass
class Case:
    id: str
    fam: str
    dtype: str
    dims: dict
    gemms: list = field(default_factory=list)  # (m,k,n,count) needed by the compressed algorithm
    passes: float = 0.0  # elements streamed (read+write) by unavoidable elementwise passes
    note: str = ""

    @property
    def np_dtype(self):
        return np.dtype(self.dtype)

    @property
    def flops(self):
        return sum(2.0 * m * k * n * c for m, k, n, c in self.gemms)


CASES = {}


def _add(c):
    CASES[c.id] = c


_D = {"f32": "float32", "f64": "float64"}

for b in (1, 32):
    _add(Case(f"W1/b{b}/f64", "W1", "float64", {"N": b}, [], 0, "2-3-1 relu, BCE"))
for t in ("f32", "f64"):
    for b in (1, 32, 128, 1024):
        _add(
            Case(
                f"W2/b{b}/{t}",
                "W2",
                _D[t],
                {"N": b},
                [
                    (b, 784, 128, 1),
                    (784, b, 128, 1),
                    (b, 128, 10, 1),
                    (128, b, 10, 1),
                    (b, 10, 128, 1),
                ],
                3 * 784 * 128 + 3 * b * 128,
                "784-128-10 relu softmax-CE + L2",
            )
        )
    for b in (32, 256):
        _add(
            Case(
                f"W3/b{b}/{t}",
                "W3",
                _D[t],
                {"N": b, "L": 20, "H": 64},
                [(b, 64, 64, 39), (64, b, 64, 20)],
                20 * b * 64 * 5,
                "20x64 tanh MSE",
            )
        )
    _add(
        Case(
            f"W4a/b256/{t}",
            "W4a",
            _D[t],
            {"N": 256, "D": 256, "H": 1024},
            [(256, 256, 1024, 6)],
            256 * 1024 * 6 + 256 * 256 * 8,
            "LayerNorm-Dense-GELU-Dense-residual-MSE",
        )
    )
    _add(
        Case(
            f"W4b/b256/{t}",
            "W4b",
            _D[t],
            {"N": 256, "D": 256, "H": 1024},
            [(256, 256, 1024, 5)],
            256 * 1024 * 12 + 256 * 256 * 3,
            "Dense-BatchNorm-softplus-dropout-Dense-MSE",
        )
    )
    _add(
        Case(
            f"W4c/n1M/{t}",
            "W4c",
            _D[t],
            {"n": 1_000_000},
            [],
            5e6,
            "mean(tanh(a*x+b)*sigmoid(b*x)), grads a,b",
        )
    )
    _add(
        Case(
            f"W5d/b128/{t}",
            "W5d",
            _D[t],
            {"N": 128},
            [(128, 784, 128, 3), (128, 128, 10, 7)],
            5 * 784 * 128,
            "HVP of W2 net",
        )
    )
    _add(
        Case(
            f"W6/b8/{t}",
            "W6",
            _D[t],
            {"N": 8},
            [(16, 72, 784, 16), (8, 3136, 10, 3)],
            8 * 784 * 72 * 2,
            "conv3x3 8->16 + relu + maxpool + dense + CE",
        )
    )
_add(
    Case(
        "W5a/n2000d200/f64",
        "W5a",
        "float64",
        {"n": 2000, "d": 200},
        [(200, 2000, 200, 0.5)],
        2000 * 200 * 3,
        "logreg Hessian",
    )
)
_add(
    Case(
        "W5b/n50k5/f64",
        "W5b",
        "float64",
        {"n": 50, "m": 50, "k": 5},
        [],
        250 * 250,
        "MF Hessian (dense 250x250)",
    )
)
_add(
    Case(
        "W5b/n200k5/f64",
        "W5b",
        "float64",
        {"n": 200, "m": 200, "k": 5},
        [],
        1e6,
        "MF Hessian (dense 1000x1000)",
    )
)
_add(
    Case(
        "W5c/b128/f64",
        "W5c",
        "float64",
        {"N": 128, "I": 16, "H": 32, "O": 10},
        [(136, 128, 528, 1)],
        512 * 512,
        "MLP Hessian wrt layer-1 W (512x512)",
    )
)


def data(case, dtype=None, seed=0):
    dt = np.dtype(dtype or case.dtype)
    r = np.random.default_rng(seed)
    d = case.dims
    f = lambda *s, sc=1.0: np.ascontiguousarray((r.standard_normal(s) * sc).astype(dt))
    F = case.fam
    if F == "W1":
        N = d["N"]
        return {
            "X": f(N, 2),
            "y": (r.random(N) > 0.5).astype(dt),
            "params": [f(2, 3), f(3), f(3, 1), f(1)],
        }
    if F in ("W2", "W5d"):
        N = d["N"]
        D = {
            "X": f(N, 784),
            "y": r.integers(0, 10, N),
            "params": [f(784, 128, sc=0.05), f(128, sc=0.1), f(128, 10, sc=0.1), f(10, sc=0.1)],
        }
        if F == "W5d":
            D["V"] = [f(784, 128, sc=0.05), f(128, sc=0.1), f(128, 10, sc=0.1), f(10, sc=0.1)]
        return D
    if F == "W3":
        N, L, H = d["N"], d["L"], d["H"]
        P = []
        for _ in range(L):
            P += [f(H, H, sc=1.2 / np.sqrt(H)), f(H, sc=0.1)]
        return {"X": f(N, H), "T": f(N, H), "params": P}
    if F == "W4a":
        N, D_, H = d["N"], d["D"], d["H"]
        return {
            "X": f(N, D_),
            "T": f(N, D_),
            "params": [
                1 + f(D_, sc=0.1),
                f(D_, sc=0.1),
                f(D_, H, sc=1 / 16),
                f(H, sc=0.1),
                f(H, D_, sc=1 / 32),
                f(D_, sc=0.1),
            ],
        }
    if F == "W4b":
        N, D_, H = d["N"], d["D"], d["H"]
        return {
            "X": f(N, D_),
            "T": f(N, D_),
            "mask": ((r.random((N, H)) > 0.2) / 0.8).astype(dt),
            "params": [
                f(D_, H, sc=1 / 16),
                1 + f(H, sc=0.1),
                f(H, sc=0.1),
                f(H, D_, sc=1 / 32),
                f(D_, sc=0.1),
            ],
        }
    if F == "W4c":
        return {"X": f(d["n"]), "params": [f(d["n"]), f(d["n"])]}
    if F == "W5a":
        return {
            "X": f(d["n"], d["d"]),
            "y": np.sign(r.standard_normal(d["n"])).astype(dt),
            "params": [f(d["d"], sc=0.1)],
        }
    if F == "W5b":
        return {"T": f(d["n"], d["m"]), "params": [f(d["n"], d["k"])], "Vm": f(d["m"], d["k"])}
    if F == "W5c":
        N, I, H, O = (d[k] for k in "NIHO")
        return {
            "X": f(N, I),
            "y": r.integers(0, O, N),
            "params": [f(I, H, sc=0.25), f(H, sc=0.1), f(H, O, sc=0.2), f(O, sc=0.1)],
        }
    if F == "W6":
        return {
            "X": f(d["N"], 8, 28, 28),
            "y": r.integers(0, 10, d["N"]),
            "params": [f(16, 8, 3, 3, sc=0.12), f(16, sc=0.1), f(3136, 10, sc=0.03), f(10, sc=0.1)],
        }
    raise KeyError(F)
