# ruff: noqa: B007, E402, E501, F841, SIM115
"""Side-by-side baselines.  python run.py --threads 1 --cases W1,W2/b32 --out res.json
Every peer is a process of its own; blocks are interleaved A B C A B C ...; before timing, each peer
is checked in float64 against numpy_peer to 1e-9 (and in float32, if that is timed, to 2e-3)."""

import argparse
import json
import os
import pickle
import statistics as st
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np

TMP = tempfile.gettempdir()
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(
    0, os.environ.get("BENCH_FOLDER", HERE)
)  # BENCH_FOLDER: another folder with workloads.py and peers/
import peers
from workloads import CASES, data


def env(nt):
    e = dict(os.environ)
    for k in (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "BENCH_THREADS",
        "TORCHINDUCTOR_COMPILE_THREADS",
    ):
        e[k] = str(nt)
    e["NPROC"] = str(
        nt
    )  # XLA:CPU takes its pool size from NPROC; the old --xla_cpu_multi_thread_eigen flag is ignored
    e["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=%s" % ("false" if nt == 1 else "true")
    e["JAX_PLATFORMS"] = "cpu"
    e["PYTENSOR_FLAGS"] = "compiledir={}".format(os.path.join(TMP, "pytensor_bench"))
    e["NUMBA_CPU_NAME"] = e.get("NUMBA_CPU_NAME", "")
    e.pop("NUMBA_CPU_NAME")
    return e


class W:
    def __init__(s, peer, nt):
        m = peer.partition(":")[0]
        ev = env(nt)
        if peer.endswith(":mt"):
            ev.update(OPENBLAS_NUM_THREADS="1", OMP_WAIT_POLICY="PASSIVE")
        s.peer = peer
        s.p = subprocess.Popen(
            [peers.PYTHON.get(m, sys.executable), HERE + "/worker.py", peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=open(os.path.join(TMP, f"bench_{peer.replace(':', '_')}_{nt}.log"), "w"),
            env=ev,
        )

    def __call__(s, *a):
        b = pickle.dumps(a)
        s.p.stdin.write(struct.pack("<q", len(b)) + b)
        s.p.stdin.flush()
        h = s.p.stdout.read(8)
        if len(h) < 8:
            return ("ERR", "worker died")
        return pickle.loads(s.p.stdout.read(struct.unpack("<q", h)[0]))


def err(a, b):
    return float(
        np.max(np.abs(a.reshape(b.shape).astype("f8") - b)) / max(np.max(np.abs(b)), 1e-300)
    )


def main():
    ap = argparse.ArgumentParser()
    A = ap.add_argument
    A("--threads", type=int, default=1)
    A("--cases", default="")
    A("--peers", default="")
    A("--rounds", type=int, default=15)
    A("--block", type=float, default=0.02)
    A("--budget", type=float, default=12.0)
    A("--out", default="result.json")
    A("--limit", default="numba_limit")
    a = ap.parse_args()
    pl = a.peers.split(",") if a.peers else peers.PEERS
    cs = [c for c in CASES.values() if not a.cases or any(x in c.id for x in a.cases.split(","))]
    ws = {}
    R = {"threads": a.threads, "started": time.strftime("%F %T"), "cases": {}}
    from peers import numpy_peer as ref

    for c in cs:
        live = {}
        rows = {}
        D = data(c, "float64")
        rf = ref.to_numpy(ref.build(c, D)())
        for p in pl:
            o = peers.ONLY.get(p)
            if o and not any(x in c.id for x in o):
                continue
            w = ws.get(p)
            if w is None or w.p.poll() is not None:
                w = ws[p] = W(p, a.threads)
            t = time.time()
            r = w("build", c.id, "float64", 150)
            e64 = None
            if r is None:
                continue
            if isinstance(r, tuple):
                print(f"  {c.id} {p}: {r[1]}", flush=True)
                rows[p] = {"error": r[1]}
                continue
            if not r["unverified"]:
                e64 = (
                    max(err(x, y) for x, y in zip(r["out"], rf, strict=False))
                    if len(r["out"]) == len(rf)
                    else np.inf
                )
                if not e64 < 1e-9:
                    print(f"  {c.id} {p}: WRONG in float64: {e64:.1e}", flush=True)
                    rows[p] = {"error": f"wrong {e64}"}
                    continue
            row = {
                "err64": e64,
                "build_s": r["build"],
                "first_s": r["first"],
                "rss": r["rss"],
                "import_s": r["imp"],
            }
            if c.dtype == "float32":
                r = w("build", c.id, None, 150)
                if isinstance(r, tuple):
                    rows[p] = {"error": r[1]}
                    continue
                if not r["unverified"]:
                    # same random draws, rounded: reference recomputed from the rounded data
                    D32 = data(c, None)
                    D64 = {
                        k: (
                            [x.astype("f8") for x in v]
                            if isinstance(v, list)
                            else v.astype("f8")
                            if v.dtype == np.float32
                            else v
                        )
                        for k, v in D32.items()
                    }
                    row["err32"] = e32 = max(
                        err(x, y)
                        for x, y in zip(r["out"], ref.to_numpy(ref.build(c, D64)()), strict=False)
                    )
                    if not e32 < 2e-3:
                        print(f"  {c.id} {p}: WRONG in float32: {e32:.1e}", flush=True)
                        continue
                row.update(build_s=r["build"], first_s=r["first"])
            ns = w("calib", a.block)
            if isinstance(ns[0], str):
                rows[p] = {"error": ns[1]}
                continue
            row.update(ns=ns[1], wall=[], cpu=[], medr=[])
            rows[p] = row
            live[p] = w
        t0 = time.time()
        k = 0
        while live and k < a.rounds and (k < 3 or time.time() - t0 < a.budget):
            for p, w in live.items():
                x = w("block", rows[p]["ns"])
                if isinstance(x[0], str):
                    rows[p]["error"] = x[1]
                    continue
                rows[p]["wall"] += x[0]
                rows[p]["cpu"].append(x[1])
                rows[p]["medr"].append(st.median(x[0]))
            k += 1
        for p, r in rows.items():
            if "wall" not in r or not r["wall"]:
                continue
            w = r.pop("wall")
            r.update(
                n=len(w),
                wall_min=min(w),
                wall_p25=float(np.percentile(w, 25)),
                wall_med=st.median(w),
                cpu_med=st.median(r["cpu"]),
                cpu_min=min(r["cpu"]),
                rounds=k,
            )
        L = rows.get(a.limit, {})
        lc, lm = L.get("cpu", []), L.get("medr", [])
        print(
            f"\n{c.id}  [{c.note}] threads={a.threads} rounds={k} load={os.getloadavg()[0]:.1f}\n{'peer':24s}{'min us':>11s}{'med us':>11s}{'cpu us':>11s}{'x lim min':>10s}{'x lim cpu':>10s}{'first s':>9s}",
            flush=True,
        )
        for p, r in rows.items():
            if "wall_min" not in r:
                continue
            if L.get("wall_min"):
                r["x_min"] = r["wall_min"] / L["wall_min"]
                r["x_cpu"] = st.median([x / y for x, y in zip(r["cpu"], lc, strict=False)])
                r["x_med"] = st.median([x / y for x, y in zip(r["medr"], lm, strict=False)])
            print(
                f"{p:24s}{r['wall_min'] * 1e6:11.1f}{r['wall_med'] * 1e6:11.1f}{r['cpu_med'] * 1e6:11.1f}{r.get('x_min', 0):10.2f}{r.get('x_cpu', 0):10.2f}{r['build_s'] + r['first_s']:9.2f}",
                flush=True,
            )
            r.pop("cpu")
            r.pop("medr")
        R["cases"][c.id] = rows
        json.dump(R, open(a.out, "w"), indent=1)
    for w in ws.values():
        try:
            w.p.stdin.close()
            w.p.wait(10)
        except Exception:
            w.p.terminate()


if __name__ == "__main__":
    main()
