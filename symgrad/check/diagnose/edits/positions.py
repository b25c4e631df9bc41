"""Entries that are read or laid out at the wrong place."""

from collections.abc import Iterator
from itertools import permutations
from typing import Any

from sympy import Expr, Integer, S

from symgrad.check.claims.terms import Slice, Term
from symgrad.check.diagnose.edits.places import Edit, Place, Rule
from symgrad.check.diagnose.knowledge import Knowledge


def _positions(know: Knowledge, target: str, place: Place) -> Iterator[Edit]:
    part = place.part
    said = "entries are read or laid out at the wrong place"
    match part.op, part.args:
        case (("concatenate" | "hstack" | "vstack" | "stack" | "array"), (tuple() as parts, *rest)):
            if len(parts) <= 5 and all(isinstance(each, Term) for each in parts):
                for order in permutations(range(len(parts))):
                    if order != tuple(range(len(parts))):
                        new = tuple(parts[k] for k in order)
                        yield Edit(Term(part.op, new, *rest, **dict(part.options)), "wrong-index",
                                   1.3, "the parts are joined in the wrong order")  # fmt: skip
        case (("convolve" | "correlate" as kind), (a, b, *rest)):
            other = "correlate" if kind == "convolve" else "convolve"
            flip = "a convolution stands in place of a correlation, or the reverse"
            mode = () if rest or dict(part.options) else (
                ("full",) if kind == "convolve" else ("valid",))  # fmt: skip
            yield Edit(Term(other, a, b, *rest, *mode, **dict(part.options)), "kernel-flip", 1.1,
                       flip)  # fmt: skip
            for x, y in ((Term("flip", a), b), (a, Term("flip", b))):
                yield Edit(Term(kind, x, y, *rest, **dict(part.options)), "kernel-flip", 1.2, flip)
        case "index", (inner, key):
            if key == Slice(None, None, Integer(-1)) or (
                isinstance(key, tuple) and any(k == Slice(None, None, Integer(-1)) for k in key)
            ):
                yield Edit(inner, "kernel-flip", 1.1, "it is flipped once too often")
            yield from _shifted(place, key, said)
        case "flip", (inner, *_):
            yield Edit(inner, "kernel-flip", 1.1, "it is flipped once too often")
        case (("set" | "increase"), (before, key, value)):
            if part.op == "set":
                yield Edit(Term("increase", before, key, value), "missing-accumulation", 1.3,
                           "what comes later overwrites what came before")  # fmt: skip
            yield Edit(Term("add_at", before, key, value), "missing-accumulation", 1.2,
                       "of entries that are named twice only the last is kept")  # fmt: skip
            yield from _shifted(place, key, said)
    if part.op == "name" and know.shapes.get(part.args[0]) and len(know.shapes[part.args[0]]) == 1:
        if place.around and place.around[-1].op in ("convolve", "correlate"):
            return
        yield Edit(Term("flip", part), "kernel-flip", 2.0, "it must be flipped")


def _shifted(place: Place, key: Any, said: str) -> Iterator[Edit]:
    """Slices that begin one earlier or later, or move with the index of the loop."""
    keys = list(key) if isinstance(key, tuple) and not isinstance(key, Slice) else [key]
    part = place.part
    loops = {each.args[1] for each in place.around if each.op == "each"}
    moves = [Integer(1), Integer(-1), *(index - 1 for index in loops)]
    moves += [-move for move in moves[2:]]
    for k, each in enumerate(keys):
        for move in moves:
            if isinstance(each, Slice) and (each.start is not None or each.stop is not None):
                start = (each.start if each.start is not None else S.Zero) + move
                stop = each.stop + move if each.stop is not None else None
                new: Any = Slice(start, stop, each.step)
            elif isinstance(each, Expr):
                new = each + move
            else:
                continue
            changed = [new if n == k else old for n, old in enumerate(keys)]
            whole = tuple(changed) if isinstance(key, tuple) and not isinstance(key, Slice) else (
                changed[0])  # fmt: skip
            yield Edit(Term(part.op, part.args[0], whole, *part.args[2:]), "wrong-index", 1.6, said)


RULES: tuple[Rule, ...] = (_positions,)
