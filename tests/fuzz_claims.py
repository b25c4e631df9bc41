"""Fuzz the readers of claims and networks.

    python tests/fuzz_claims.py --count 100000 --seed 0 [--from N] [--jobs 2] [--only KIND]

Of each input of fuzz_inputs.py it must hold that

- reading ends in a verdict, a network or a SymgradError, within seconds and without much memory;
- nothing is run, opened or imported by it: Python's audit events say so;
- a claim that is proved agrees with the gradient at a point that no verdict looked at.

The mistake in a wrong claim is looked for in one of ten inputs: that takes most of the time.
"""

import argparse
import faulthandler
import importlib
import multiprocessing
import os
import pkgutil
import resource
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import numpy as np
from fuzz_inputs import Input, build, declared, made, networks

import symgrad as sg
from symgrad.check.claims.scope import Scope
from symgrad.check.diagnose import Diagnosis
from symgrad.check.documents import verify_text
from symgrad.check.verify_judge import Frame
from symgrad.check.verify_read import READERS
from symgrad.check.verify_truth import truth_of
from symgrad.errors import SymgradError
from symgrad.show.verdicts import verdict_table

#: Seconds of computing for one input, and for one whose mistake is looked for; bytes it may add.
MOST_SECONDS, MOST_DIAGNOSING, MOST_BYTES = 5.0, 30.0, 600_000_000

#: How much longer a whole derivation may take than one claim.
FILES = 10

#: Seconds after which a process that answers to no signal is ended.
DEAD = 600.0

#: A network is built anew after so many inputs: it keeps what diagnosis found out.
FRESH = 300

#: Events of Python's that reading a text must not cause; `compile` is Python's parser.
FORBIDDEN = (
    "exec", "open", "import", "os.", "subprocess.", "socket.", "shutil.", "ctypes.", "pty.",
    "urllib.", "code.__new__", "function.__new__", "marshal.", "pickle.",
)  # fmt: skip

#: What Python's parser looks for to show a line of: a text has no file, and gives it no name.
SOURCE_LINE = ("open", ("<unknown>", "rb", 0))

#: Where SymPy makes functions of its own that multiply monomials, by the number of variables alone.
MONOMIALS = os.path.join("sympy", "polys", "monomials.py")


class Slow(BaseException):
    """Not caught by anything that reads."""


@dataclass
class Watch:
    """Records forbidden events while `armed`."""

    armed: bool = False
    events: list[str] = field(default_factory=list)

    def hook(self, event: str, args: object) -> None:
        if not self.armed or not event.startswith(FORBIDDEN) or (event, args) == SOURCE_LINE:
            return
        if not sys._getframe(1).f_code.co_filename.endswith(MONOMIALS):
            self.events.append(f"{event} {str(args)[:200]}")
            raise PermissionError(event)

    @contextmanager
    def over(self, seconds: float) -> Iterator[None]:
        """Forbids events, and interrupts what computes for longer."""
        self.events.clear()
        signal.setitimer(signal.ITIMER_PROF, seconds)
        self.armed = True
        try:
            yield
        finally:
            self.armed = False
            signal.setitimer(signal.ITIMER_PROF, 0)


WATCH = Watch()


def install() -> None:
    """Load all that is loaded late, then watch."""
    for each in pkgutil.walk_packages(sg.__path__, "symgrad."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
    importlib.import_module("sympy.physics.units")  # SymPy asks it of a sum of large numbers
    warnings.simplefilter("ignore")
    net = sg.parse("r = X @ w - y; J = sum(sigmoid(r) * r**2) / n",
                   symbols={"X": ("n", "d"), "w": ("d",), "y": ("n",)})  # fmt: skip
    for claim in ("dr = r", "dw = X.T @ dr", "dw = np.linalg.inv(X @ X.T) @ dr", "dw = X @ ("):
        outcome(lambda claim=claim: str(sg.verify(net, claim)))  # type: ignore[misc]
    outcome(lambda: str(sg.verify(net, {"dw": r"dw = X^\top dr"}, notation="latex")))
    outcome(lambda: str(sg.parse_latex("J = w^2", symbols={"w": ()})))

    def slow(*_: object) -> None:
        raise Slow

    signal.signal(signal.SIGPROF, slow)
    sys.addaudithook(WATCH.hook)


def outcome(call) -> str:
    try:
        return call()
    except SymgradError as error:
        str(error)
        return type(error).__name__


# --- one input


@dataclass
class Reader:
    """Reads inputs; networks are kept for a while."""

    graphs: dict[int, sg.Graph] = field(default_factory=dict)
    uses: Counter[int] = field(default_factory=Counter)

    def graph(self, number: int) -> sg.Graph:
        self.uses[number] += 1
        if number not in self.graphs or self.uses[number] % FRESH == 0:
            self.graphs[number] = build(number)
            truth = truth_of(self.graphs[number])
            for k in (0, 1, 2, 5):
                truth.point(k)
        return self.graphs[number]

    def read(self, case: Input, *, diagnosing: bool) -> tuple[str, str]:
        """What came of an input, and what is at fault with that ("" if nothing is)."""
        graph = self.graph(case.network) if case.kind in ("numpy", "latex") else None
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        ended, fault = "", ""
        try:
            most = MOST_DIAGNOSING if diagnosing else MOST_SECONDS
            with WATCH.over(most * FILES if case.kind == "file" else most):
                ended = outcome(lambda: read(case, graph, diagnosing=diagnosing))
        except Slow:
            fault = "it takes too long"
        except BaseException as error:  # whatever it is, it is no SymgradError
            fault = f"{type(error).__name__}: {error}"
        if WATCH.events:
            fault = f"it caused {WATCH.events[0]}"
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
        if not fault and grown > MOST_BYTES:
            fault = f"it took {grown / 1e6:.0f} MB"
        if not fault and graph is not None and ended == "proved":
            fault = refuted(graph, case)
        return ended, fault


def _no_diagnosis(*_: object) -> Diagnosis:
    return Diagnosis((), "It is wrong.", "")


def read(case: Input, graph: sg.Graph | None, *, diagnosing: bool) -> str:
    """The status of a claim, "network", or "file"."""
    if case.kind == "file":
        with nullcontext() if diagnosing else patch("symgrad.check.verify.diagnose", _no_diagnosis):
            result = verify_text(case.text, Path(f"derivation{case.of}"))
        assert len(result)
        assert verdict_table(result, 100)
        assert all(1 <= each.line <= case.text.count("\n") + 1 for each in result)
        return "file"
    if graph is None:
        parse = sg.parse if case.kind == "text" else sg.parse_latex
        more = {} if case.kind == "text" else {"names": dict(case.names)}
        told = declared(networks()[case.network])
        str(parse(case.text, **told, **more))
        return "network"
    claims, more = {case.of: case.text}, {"names": dict(case.names)} if case.names else {}
    if diagnosing:
        (verdict,) = sg.verify(graph, claims, notation=case.kind, **more)
    else:
        with patch("symgrad.check.verify.diagnose", _no_diagnosis):
            (verdict,) = sg.verify(graph, claims, notation=case.kind, **more)
    assert str(verdict)
    assert verdict.status in ("proved", "agrees", "wrong", "unreadable")
    return verdict.status


def refuted(graph: sg.Graph, case: Input) -> str:
    """Where a claim that is proved differs from the gradient, at a point of its own."""
    truth = truth_of(graph)
    scope = Scope.of(
        [leaf.name for leaf in (*graph.symbols, *(d.leaf for d in graph.definitions))],
        graph.output, truth.steps, graph.dims, dict(case.names),
    )  # fmt: skip
    frame = Frame.of(truth, scope, {})
    point = frame.point(5)
    (reading,) = READERS[case.kind](frame, {case.of: case.text}, dict(case.names))
    true = np.asarray(point.names[f"d:{reading.name}"], dtype=float)
    for each in (*reading.before, reading):
        assert each.run is not None
        ours = np.asarray(each.run(point), dtype=float)
        if ours.shape != true.shape:
            return f"proved, and of shape {ours.shape} in place of {true.shape}"
        size = max(np.max(np.abs(true), initial=0.0), np.max(np.abs(ours), initial=0.0), 1e-7)
        if np.isfinite(size) and not np.all(np.abs(ours - true) <= 1e-6 * size):
            return "proved, and another value at another point"
    return ""


# --- many


def job(seed: int, first: int, count: int, step: int, only: str, tell) -> None:
    """Every `step`-th input; tells its number, kind, shape, outcome, fault and seconds."""
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    install()
    reader = Reader()
    for number in range(first, first + count, step):
        case = made(seed, number)
        if only not in (case.kind, case.shape, ""):
            continue
        tell.put((number, "", "", "", "", 0.0))
        faulthandler.dump_traceback_later(DEAD, exit=True)
        start = time.process_time()
        ended, fault = reader.read(case, diagnosing=number % 10 == 0)
        faulthandler.cancel_dump_traceback_later()
        spent = time.process_time() - start
        tell.put((number, case.kind, case.shape, ended, fault, spent))
    tell.put(None)


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    options.add_argument("--count", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--from", type=int, default=0, dest="first")
    options.add_argument("--jobs", type=int, default=1)
    options.add_argument("--only", default="", help="one kind or shape of input")
    told = options.parse_args()
    context = multiprocessing.get_context("spawn")
    found: Counter[tuple[str, str]] = Counter()
    faults, slowest, done, start = [], (0.0, -1), 0, time.monotonic()
    stop = told.first + told.count

    def started(first: int) -> list:
        queue = context.Queue()
        args = (told.seed, first, stop - first, told.jobs, told.only, queue)
        process = context.Process(target=job, args=args)
        process.start()
        return [process, queue, -1]

    workers = [started(told.first + k) for k in range(told.jobs)]
    while workers:
        for worker in list(workers):
            process, queue, last = worker
            try:
                message = queue.get(timeout=1.0)
            except Exception:  # nothing within a second
                if not process.is_alive() and queue.empty():
                    faults.append(last)
                    print(f"{last}: the process ended: {made(told.seed, last)}", flush=True)
                    workers[workers.index(worker)] = started(last + told.jobs)
                continue
            if message is None:
                process.join()
                workers.remove(worker)
                continue
            number, kind, shape, ended, fault, spent = message
            worker[2] = number
            if not kind:
                continue
            done += 1
            found[kind, ended or "fault"] += 1
            slowest = max(slowest, (spent, number))
            if fault:
                faults.append(number)
                text = made(told.seed, number).text
                print(f"{number} {kind} {shape}: {fault}\n    {text!r:.300}", flush=True)
            if done % 1000 == 0:
                print(f"{done} inputs, {len(faults)} faults, {time.monotonic() - start:.0f} s, "
                      f"slowest {slowest[0]:.1f} s (number {slowest[1]})", flush=True)  # fmt: skip
    for (kind, ended), count in sorted(found.items()):
        print(f"{kind:10} {ended:20} {count}")
    whole = f"{done} inputs of seed {told.seed} from {told.first}"
    print(f"{whole}: {len(faults)} faults; slowest {slowest[0]:.1f} s (number {slowest[1]}); "
          f"{time.monotonic() - start:.0f} s")  # fmt: skip
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
