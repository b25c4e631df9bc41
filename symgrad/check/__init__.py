"""Derivatives against numerical differences."""

from symgrad.check.differences import (
    central,
    complex_step,
    norm_ratio,
    one_sided,
    richardson,
    ridders,
    taylor_order,
)
from symgrad.check.gradients import check
from symgrad.check.report import CheckReport, Row, Worst

__all__ = [
    "CheckReport",
    "Row",
    "Worst",
    "central",
    "check",
    "complex_step",
    "norm_ratio",
    "one_sided",
    "richardson",
    "ridders",
    "taylor_order",
]
