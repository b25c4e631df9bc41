"""Random networks over the whole vocabulary, and everything that must hold of each.

    python tests/random_networks.py --count 10000 --seed 0

Gradients and Hessian-vector products against differences of values at 80 digits; Hessians and
Jacobians against products; what `.numpy()` prints, run by a reference that shares no code with
symgrad, and read back by the parser; for every fourth LaTeX and Unicode; for some the
generated module. Each network has a seed of its own: `--seed N --count 1 --show` prints it.
"""

import argparse
import contextlib
import itertools
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import mpmath
import numpy as np
from modules import compare, module_of
from random_moves import SIZES, drawn
from reference_numpy import run

import symgrad as sg
from symgrad.errors import ShapeError, TemplateError
from symgrad.notation import numpy
from symgrad.tensor.evaluate import bind_sizes, evaluate
from symgrad.tensor.nodes import Reduce, topological

#: Differences along directions of length about 1 are off by STEP² f''', below 1e-30 for what is
#: drawn; rounding is below 1e-80 / STEP² = 1e-40.
DIGITS, STEP = 80, mpmath.mpf(10) ** -20
#: Formulas at half of those digits, and what they may differ by.
HALF, TINY = 40, 1e-18
#: Values above this are drawn again: there, formulas in float64 say little.
LARGE = 1e3


class WildValuesError(Exception):
    """The values that were drawn are too large, none, or at a kink: the network says nothing."""


class Fault(AssertionError):
    """Something that does not hold of a network."""


def exact(array):
    """An array of mpmath numbers."""
    return np.frompyfunc(mpmath.mpf, 1, 1)(np.asarray(array, dtype=object))


def sampled(graph, seed, given=None):
    """Values of the symbols for one of SIZES, at which no index is out of range."""
    for at in (seed, 0):
        sizes = given or SIZES[at % len(SIZES)]
        known = {name: size for name, size in sizes.items() if name in graph.dims}
        try:
            values = graph.sample(seed, known)
            arrays = graph.evaluate_all(values)
        except ShapeError:
            if at == 0:
                raise
            continue
        break
    for leaf in graph.symbols:
        if leaf.domain == "simplex":  # sums of one to the last digit, on which formulas rely
            values[leaf.name] = np.round(values[leaf.name] * 2**20) / 2**20
            values[leaf.name][..., -1] = 1 - values[leaf.name][..., :-1].sum(-1)
    for definition in graph.definitions:
        array = np.asarray(arrays[definition.leaf.name])
        if not (np.isfinite(array).all() and np.abs(array).max() < LARGE):
            raise WildValuesError
    if any(near_a_tie(node, arrays, values) for node in topological(*exprs_of(graph))):
        raise WildValuesError
    return values


def exprs_of(graph):
    return [definition.expr for definition in graph.definitions]


def near_a_tie(node, known, values):
    """Whether the two largest of some entries are equal, as in a matrix that is symmetric."""
    if not (isinstance(node, Reduce) and node.op != "prod"):
        return False
    sizes = {name: int(size) for name, size in values.items() if np.ndim(size) == 0}
    (inner,) = evaluate([node.operand], known, sizes)
    rows = np.moveaxis(inner, node.axes, range(-len(node.axes), 0))
    rows = np.sort(rows.reshape(*rows.shape[: node.ndim], -1), axis=-1)
    ends = rows[..., -2:] if node.op == "max" else rows[..., :2]
    return ends.shape[-1] > 1 and np.abs(ends[..., 1] - ends[..., 0]).min() < 1e-9


def directions_of(graph, values, seed):
    """Two random directions for each parameter."""
    rng = np.random.default_rng(seed)
    return [{name: rng.normal(size=np.shape(values[name])) for name in graph.parameters}
            for _ in range(2)]  # fmt: skip


def moved(values, *steps):
    """The values plus steps · directions, in numbers of many digits."""
    result = dict(values)
    for step, direction in steps:
        for name, v in direction.items():
            result[name] = exact(result[name]) + step * exact(v)
    return result


def slopes(graph, values, u, v, name=None):
    """Of the output, or a named value: the derivative along u + v, and the second along u and v."""
    with mpmath.workdps(DIGITS):
        corners = {
            (a, b): graph.evaluate_all(
                moved(values, (a * STEP, u), (b * STEP, v)), name, precision=DIGITS
            )[name or graph.output]
            for a in (1, -1) for b in (1, -1)
        }  # fmt: skip
        first = (corners[1, 1] - corners[-1, -1]) / (2 * STEP)
        second = sum(a * b * value for (a, b), value in corners.items()) / (4 * STEP**2)
    return first, second


def slope(graph, values, direction):
    """The derivative of the output along a direction."""
    with mpmath.workdps(DIGITS):
        above, below = (
            graph.evaluate_all(moved(values, (step, direction)), precision=DIGITS)[graph.output]
            for step in (STEP, -STEP)
        )
        return (above - below) / (2 * STEP)


def at_a_kink(graph, values, u, v):
    """Whether first or second differences on the two sides are not the same."""
    with mpmath.workdps(DIGITS):
        for sign in (1, -1):
            line = [
                graph.evaluate_all(moved(values, (k * STEP, u), (sign * k * STEP, v)),
                                   precision=DIGITS)[graph.output]
                for k in range(-2, 3)
            ]  # fmt: skip
            slopes_ = [(b - a) / STEP for a, b in itertools.pairwise(line)]
            bends = [(b - a) / STEP for a, b in itertools.pairwise(slopes_)]
            if abs(bends[1]) > 1e6 or abs(bends[2] - bends[0]) > 1e-6 * (1 + abs(bends[1])):
                return True
    return False


def all_values(derived, values, precision=None):
    """The values of all definitions of derivatives that share their steps."""
    known = derived.graph.evaluate_all(values, precision=precision)
    sizes = bind_sizes([s for s in derived.graph.symbols if s.name in values], values)
    known |= {d.name: values[d.name] for d in derived.directions}
    for definition in derived.definitions:
        (known[definition.leaf.name],) = evaluate([definition.expr], known, sizes, precision)
    return {name: known[derived[name].leaf.name] for name in derived}


def product(arrays, direction):
    """⟨gradient, direction⟩, and the size of what is added up."""
    with mpmath.workdps(DIGITS):
        terms = [exact(arrays[name]) * exact(v) for name, v in direction.items()]
        total = sum((np.sum(term) for term in terms), mpmath.mpf(0))
        return total, sum((np.sum(abs(term)) for term in terms), mpmath.mpf(0))


def require_close(found, expected, size, what, tolerance=TINY):
    off = abs(found - expected) / (1 + size)
    if not off < tolerance:
        raise Fault(f"{what}: {mpmath.nstr(found, 12)} for {mpmath.nstr(expected, 12)}, "
                    f"off by {mpmath.nstr(off, 3)}")  # fmt: skip


def arrays_close(found, expected, what, tolerance):
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    if found.shape != expected.shape:
        raise Fault(f"{what}: shape {found.shape} for {expected.shape}")
    scale = 1 + np.abs(expected).max(initial=0)
    off = np.abs(found - expected).max(initial=0) / scale
    if not off < tolerance:
        raise Fault(f"{what}: off by {off:.1e}")


def check_derivatives(graph, gradient, products, values, seed):
    """Gradients and H v against differences; both in float64, and how far that rounds."""
    u, v = directions_of(graph, values, seed)
    with mpmath.workdps(DIGITS):
        both = {name: exact(u[name]) + exact(v[name]) for name in u}
    first = slope(graph, values, both)
    u, v = ({name: each for name, each in along.items() if name in products} for along in (u, v))
    second = slopes(graph, values, u, v)[1]
    at = values | {f"d{name}": each for name, each in v.items()}
    precise, curved = all_values(gradient, values, HALF), all_values(products, at, HALF)
    try:
        require_close(*_pair(precise, both, first), "gradient")
        require_close(*_pair(curved, u, second), "H v")
    except Fault:
        if at_a_kink(graph, values, u, v):
            raise WildValuesError from None
        raise
    plain, bent = all_values(gradient, values), all_values(products, at)
    rounding = max(_off(plain, precise), _off(bent, curved))
    if not rounding < 1e-4:
        raise Fault(f"float64 loses all but {rounding:.0e}")
    return plain, bent, at, rounding


def gradient_of(graph, values, seed):
    """The gradient by all parameters at once, and its text."""
    v = directions_of(graph, values, seed)[0]
    nothing = {name: np.zeros(np.shape(each)) for name, each in v.items()}
    gradient = sg.gradient(graph)
    plain = all_values(gradient, values)
    first, _ = slopes(graph, values, v, nothing)
    require_close(*_pair(plain, v, first), "gradient", 1e-9)
    texts = {name: gradient[name].numpy() for name in gradient}
    check_texts(texts, plain, values | graph.evaluate_all(values), 1e-9)


def _pair(arrays, direction, expected):
    found, size = product(arrays, direction)
    return found, expected, size


def _off(found, expected):
    return max((float(np.max(np.abs(np.asarray(found[n], float) - np.asarray(e, float)), initial=0))
                / (1 + float(np.max(np.abs(np.asarray(e, float)), initial=0)))
                for n, e in expected.items()), default=0.0)  # fmt: skip


def printed(derived, notations=True):
    """What is printed of derivatives in NumPy's syntax; the other notations print too."""
    for name in derived if notations else []:
        derived[name].latex(), derived[name].text()
    return {name: derived[name].numpy() for name in derived}


def check_texts(texts, arrays, known, tolerance):
    """`.numpy()` says to the reference what `.evaluate` gives."""
    for name, text in texts.items():
        with np.errstate(all="ignore"):
            found = run(text, known)
        arrays_close(found, arrays[name], f"text of {name}: {text}", tolerance)


def read_back(graph):
    """The network that is printed, and read again."""
    texts = {d.leaf.name: numpy(d.expr) for d in graph.definitions}
    symbols = {leaf.name: leaf.shape for leaf in graph.symbols}
    domain = {leaf.name: leaf.domain for leaf in graph.symbols if leaf.domain != "real"}
    text = "\n".join(f"{name} = {text}" for name, text in texts.items())
    return texts, sg.parse(text, symbols, domain=domain, parameters=graph.parameters)


def check_hessians(graph, values, at, seed, tolerance):
    """A block of the Hessian against H v, and a mixed one against its transpose."""
    small = [name for name in graph.parameters if np.size(values[name]) <= 8]
    if not small:
        return
    rng = np.random.default_rng(seed)
    p, q = rng.choice(small), rng.choice(small)
    block = sg.hessian(graph, p).evaluate(values)
    along = np.tensordot(block, at[f"d{p}"], np.ndim(values[p]))
    arrays_close(along, sg.hvp(graph, p).evaluate(at), f"Hessian by {p}", tolerance)
    mixed, other = (sg.hessian(graph, a, b).evaluate(values) for a, b in ((p, q), (q, p)))
    rank = np.ndim(values[q])
    order = [*range(rank, mixed.ndim), *range(rank)]
    arrays_close(other.transpose(order), mixed, f"blocks of {p} and {q}", tolerance)


def check_jacobians(net, values, seed, tolerance):
    """Of a value inside: J v against differences, u J against J v, and J itself."""
    rng = np.random.default_rng(seed)
    named = [d.leaf for d in net.graph.definitions if d.leaf.shape and d.leaf.ndim < 4]
    if not named:
        return
    inner = named[rng.integers(len(named))].name
    graph = net.parsed(output=inner)
    v = directions_of(graph, values, seed)[0]
    nothing = {name: np.zeros(np.shape(each)) for name, each in v.items()}
    expected, _ = slopes(graph, values, v, nothing, inner)
    at = values | {f"d{name}": each for name, each in v.items()}
    pushed = sg.jvp(graph).evaluate(at)
    arrays_close(pushed, expected, f"J v of {inner}", tolerance)
    pulled = sg.vjp(graph)
    cotangent = rng.normal(size=pushed.shape)
    back = all_values(pulled, at | {d.name: cotangent for d in pulled.directions})
    found, size = product(back, v)
    require_close(found, mpmath.mpf(float(np.sum(cotangent * pushed))), size, "⟨u, J v⟩", tolerance)
    small = [n for n in graph.parameters if np.size(values[n]) * pushed.size <= 64]
    if small:
        p = rng.choice(small)
        jacobian = sg.jacobian(graph, p).evaluate(values)
        alone = sg.jvp(graph, p).evaluate(at)
        along = np.tensordot(jacobian, v[p], np.ndim(v[p]))
        arrays_close(along, alone, f"Jacobian of {inner} by {p}", tolerance)


def check_module(graph, values, folder, tolerance):
    """The generated module, run by Python, against the evaluator; True where there is one."""
    try:
        module = module_of(graph, folder, jit=False)
    except TemplateError as error:
        if "no code is known" in error.what or "cannot be" in error.what:
            return False
        raise
    compare(module, graph, values, rtol=tolerance, atol=tolerance)
    return True


def values_of(graph, seed, sizes=None, quick=False):
    """Gradients, H v and all texts of a graph at values of a seed; what later checks go on from.

    `quick`: H v by one parameter. LaTeX and Unicode are printed for every fourth.
    """
    values = sampled(graph, seed, sizes)
    some = [graph.parameters[seed % len(graph.parameters)]] if quick else list(graph.parameters)
    gradient, products = sg.gradient(graph), sg.hvp(graph, some)
    plain, bent, at, rounding = check_derivatives(graph, gradient, products, values, seed)
    tolerance = 1e-9 + 1e4 * rounding  # texts take the same operations in another order
    known = at | graph.evaluate_all(values)
    texts, again = read_back(graph)
    check_texts(texts, {name: known[name] for name in texts}, known, 1e-9)
    notations = not quick and seed % 4 == 2  # they take a third of all time
    check_texts(printed(gradient, notations), plain, known, tolerance)
    check_texts(printed(products, notations), bent, known, tolerance)
    arrays_close(again.evaluate(values), known[graph.output], "read back", 1e-9)
    return values, at, tolerance


def check(net, seed, folder=None, deep=True):
    """Everything of one network; what was done, by name.

    `folder`: a module too; `deep`: Hessians of every fourth, Jacobians of every fourth.
    """
    graph, done = net.parsed(), Counter(networks=1)
    for mine, read in zip(net.graph.definitions, graph.definitions, strict=True):
        if mine.expr is not read.expr:
            raise Fault(f"the text of {mine.leaf.name} is read as another node")
    values, at, tolerance = values_of(graph, seed, quick=not deep)
    if deep and seed % 4 == 0:
        at |= {f"d{n}": each for n, each in directions_of(graph, values, seed)[1].items()}
        check_hessians(graph, values, at, seed, tolerance)
        done["Hessians"] += 1
    if deep and seed % 4 == 1:
        check_jacobians(net, values, seed, tolerance)
        done["Jacobians"] += 1
    if folder is not None:
        compiled = check_module(graph, values, folder, 1e-6 + tolerance)
        done["modules" if compiled else "not compiled"] += 1
    return done


@contextlib.contextmanager
def time_limit(seconds):
    """A Fault after so many seconds of this process, whatever else the machine does."""

    def stop(*_):
        raise Fault(f"no answer in {seconds} s")

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def said(error):
    """The first lines of an error."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--count", type=int, default=100)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--modules", type=int, default=20, help="every which network: a module")
    options.add_argument("--most", type=int, default=6, help="statements in a network at most")
    options.add_argument("--quick", action="store_true", help="H v by one parameter, no Hessians")
    options.add_argument("--show", action="store_true", help="print each network")
    options.add_argument("--limit", type=int, default=60, help="CPU seconds for one network")
    options = options.parse_args()
    done, moves, faults, start, slow = Counter(), Counter(), [], time.monotonic(), (0.0, 0)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seed, options.seed + options.count):
            begin = time.monotonic()
            net = drawn(seed, options.most)
            if options.show:
                print(net.text, net.symbols, net.domain, f"parameters {net.parameters}", sep="\n")
            try:
                with time_limit(options.limit):
                    modules = Path(folder) if seed % options.modules == 0 else None
                    done += check(net, seed, modules, not options.quick)
                moves.update(net.moves)
            except WildValuesError:
                done["wild"] += 1
            except Exception as error:  # whatever it is, the network's text leads to it
                faults.append(seed)
                print(f"\rseed {seed}: {said(error)}", flush=True)
            slow = max(slow, (time.monotonic() - begin, seed))
            bar = "█" * (30 * (seed + 1 - options.seed) // options.count)
            print(f"\r{bar:30} {seed + 1 - options.seed}/{options.count}, {len(faults)} faults",
                  end="", file=sys.stderr, flush=True)  # fmt: skip
    seconds = time.monotonic() - start
    print(f"\n{dict(done)}\n{len(faults)} faults {faults}; {seconds:.0f} s, "
          f"slowest seed {slow[1]} with {slow[0]:.1f} s")  # fmt: skip
    print("least often drawn:", moves.most_common()[:-6:-1])
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
