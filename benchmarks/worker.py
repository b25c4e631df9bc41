# ruff: noqa: E402
"""One peer in one process; frames of pickle on stdin/stdout.  Started by run.py."""

import gc
import importlib
import os
import pickle
import resource
import signal
import struct
import sys
import time

T0 = time.perf_counter()
out = os.fdopen(os.dup(1), "wb")
os.dup2(2, 1)
inp = sys.stdin.buffer
sys.path.insert(0, os.environ.get("BENCH_FOLDER", os.path.dirname(os.path.abspath(__file__))))


def send(o):
    b = pickle.dumps(o)
    out.write(struct.pack("<q", len(b)) + b)
    out.flush()


def recv():
    h = inp.read(8)
    if len(h) < 8:
        sys.exit(0)
    return pickle.loads(inp.read(struct.unpack("<q", h)[0]))


peer = sys.argv[1]
modname, _, var = peer.partition(":")
t = time.perf_counter()
mod = importlib.import_module("peers." + modname)
IMPORT = time.perf_counter() - t
from workloads import CASES, data


class TO(Exception):
    pass


def _al(*a):
    raise TO()


signal.signal(signal.SIGALRM, _al)
call = None
inner = 1


def rss():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


while True:
    cmd, *a = recv()
    try:
        if cmd == "build":  # case, dtype for verification or None
            cid, dt, to = a
            c = CASES[cid]
            call = None
            gc.collect()
            D = data(c, dt)
            signal.alarm(to)
            t = time.perf_counter()
            call = mod.build(c, D, var)
            tb = time.perf_counter() - t
            if call is None:
                signal.alarm(0)
                send(None)
                continue
            if hasattr(call, "check"):
                call.check = True
            t = time.perf_counter()
            o = call()
            tf = time.perf_counter() - t
            signal.alarm(0)
            res = mod.to_numpy(o)
            if hasattr(call, "check"):
                call.check = False
            call()
            call()
            send(
                {
                    "build": tb,
                    "first": tf,
                    "out": res,
                    "rss": rss(),
                    "imp": IMPORT,
                    "unverified": getattr(mod, "UNVERIFIED", False),
                }
            )
        elif cmd == "calib":  # target seconds per block -> calls per sample, samples per block
            t = time.perf_counter()
            call()
            d = time.perf_counter() - t
            n = 1
            while d < 2e-3 and n < 4096:
                n *= 2
                t = time.perf_counter()
                for _ in range(n):
                    call()
                d = time.perf_counter() - t
            per = d / n
            inner = max(1, int(50e-6 / per))
            send((inner, max(1, int(a[0] / (per * inner)))))
        elif cmd == "block":
            ns = a[0]
            w = []
            pc = time.perf_counter
            gc.disable()
            f = call
            r = range(inner)
            call()
            c0 = time.process_time()
            w0 = pc()
            for _ in range(ns):
                t = pc()
                for _ in r:
                    f()
                w.append((pc() - t) / inner)
            cpu = (time.process_time() - c0) / (ns * inner)
            gc.enable()
            send((w, cpu))
        elif cmd == "quit":
            send("bye")
            break
    except BaseException as ex:
        signal.alarm(0)
        send(("ERR", type(ex).__name__ + ": " + str(ex)[:300]))
