"""What a check found: one row for each gradient, and the table that it prints as."""

from dataclasses import dataclass
from math import isinf, isnan
from typing import Literal

from symgrad.errors import GradientMismatch

Status = Literal["agrees", "wrong", "kink", "not finite"]

#: When a number a and a difference's number b agree.
TEST = "|a − b| ≤ atol + rtol |b|, atol = rtol max|b|"

#: What is added to atol where a difference tells how far off it may be.
RIDDERS = "by Ridders: atol and ten times the error that the extrapolation of b tells"

_MARKS: dict[str, str] = {"agrees": "✓", "wrong": "✗", "kink": "∧", "not finite": "✗"}


@dataclass(frozen=True, slots=True)
class Worst:
    """The comparison that came out worst: where, the formula's number and the difference's.

    `of` says whose number it is, that of the formula or of a module; `beside` what it is compared
    with, a difference or the formula.
    """

    place: str
    ours: float
    theirs: float
    tolerance: float
    of: str = "formula"
    beside: str = "difference"

    @property
    def error(self) -> float:
        """|a − b|."""
        return abs(self.ours - self.theirs)

    @property
    def passes(self) -> bool:
        """Whether it is within the tolerance."""
        return self.error <= self.tolerance

    def __str__(self) -> str:
        return (
            f"at {self.place}: {self.of} {self.ours:.10g}, "
            f"{self.beside} {self.theirs:.10g}, "
            f"|a − b| = {self.error:.2g}, allowed {self.tolerance:.2g}"
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One gradient against numerical differences.

    `ratio` is ‖g − n‖ / (‖g‖ + ‖n‖) over what was tested; `order` the order of convergence of the
    Taylor remainder (2 is right, infinite for an affine function); `method` the formula of the
    difference, `rtol` the relative error allowed for it and `why` where that comes from. `note` is
    what else is to be said.
    """

    name: str
    shape: str
    tested: str
    method: str
    why: str
    rtol: float
    ratio: float
    order: float
    worst: Worst
    status: Status
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the gradient."""
        return self.status in ("agrees", "kink")


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The outcome of a check: true if no gradient is wrong; prints as a table.

    `module` is the dtype of the module that was checked, empty if it was the formulas.
    """

    graph: str
    output: str
    value: float
    seed: int | None
    sizes: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...]
    module: str = ""

    def __bool__(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> tuple[Row, ...]:
        """The rows that are wrong or not finite."""
        return tuple(row for row in self.rows if not row.ok)

    @property
    def kinks(self) -> tuple[Row, ...]:
        """The rows whose sample stayed on a kink: neither right nor wrong there."""
        return tuple(row for row in self.rows if row.status == "kink")

    def __getitem__(self, name: str) -> Row:
        return next(row for row in self.rows if row.name == name)

    def raise_if_wrong(self) -> "CheckReport":
        """The report itself, or GradientMismatch with the first failure."""
        if not self.failures:
            return self
        row = self.failures[0]
        raise GradientMismatch(
            f"∂{self.output}/∂{row.name} is {row.status}: {row.note or row.worst}",
            where=f"graph {self.graph!r}",
            hint=f"the test: {_formula(row)}",
        )

    def __str__(self) -> str:
        return "\n".join([self._head(), "", *self._table(), "", *self._foot()])

    __repr__ = __str__

    def _head(self) -> str:
        sizes = ", ".join(f"{name} = {size}" for name, size in self.sizes)
        drawn = "given values" if self.seed is None else f"values drawn with seed {self.seed}"
        what = f"the {self.module} module of {self.graph}" if self.module else self.graph
        return f"check of {what}: {self.output} = {self.value:.10g} for {drawn}" + (
            f", {sizes}" if sizes else ""
        )

    def _table(self) -> list[str]:
        titles = (
            "",
            "shape",
            "tested",
            "difference",
            "worst |a−b|",
            "norm ratio",
            "order",
            "",
        )
        cells = [titles]
        cells += [
            (
                self._symbol(row),
                row.shape,
                row.tested,
                row.method,
                f"{row.worst.error:.1e}",
                f"{row.ratio:.1e}",
                _order(row.order),
                f"{_MARKS[row.status]} {row.status}",
            )
            for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        return [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in cells
        ]

    def _foot(self) -> list[str]:
        whose = "module's number" if self.module else "formula"
        lines = [f"test: {TEST}, of the {whose} a and the difference b"]
        tolerances: dict[str, dict[str, None]] = {}
        for row in self.rows:
            tolerances.setdefault(f"rtol = {row.rtol:.1e} ({row.why})", {})[row.method] = None
        lines += [f"      {rtol}: {', '.join(methods)}" for rtol, methods in tolerances.items()]
        if any(row.method.endswith("branches") for row in self.rows):
            lines.append("      by branches: kinks follow the real part, as Richardson confirms")
        if any(row.method == "Ridders" for row in self.rows):
            lines.append(f"      {RIDDERS}")
        lines.append("norm ratio: ‖a − b‖/(‖a‖ + ‖b‖)")
        if not all(isnan(row.order) for row in self.rows):
            lines.append("order: of |f(x + εv) − f(x) − ε a·v| in ε; 2 is right, 1 is wrong")
        for row in self.rows:
            if row.note:
                lines.append(f"{self._symbol(row)}: {row.note}")
            if row.status == "wrong":
                lines.append(f"{self._symbol(row)} is wrong {row.worst}")
        return [*lines, self._verdict()]

    def _verdict(self) -> str:
        count = len(self.rows)
        right = count - len(self.failures) - len(self.kinks)
        verdict = f"{right} of {count} gradients agree" if right < count else f"all {count} agree"
        return verdict + (f", {len(self.kinks)} could not be told at a kink" if self.kinks else "")

    def _symbol(self, row: Row) -> str:
        return f"∂{self.output}/∂{row.name}"


def _order(order: float) -> str:
    if isnan(order):
        return "–"
    return "exact" if isinf(order) else f"{order:.2f}"


def _formula(row: Row) -> str:
    return f"{TEST}, rtol = {row.rtol:.1e} ({row.why}); b by {row.method}"
