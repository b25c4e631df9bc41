"""Derivatives against numerical differences; whether two expressions are equal."""

from symgrad.check.differences import (
    central,
    complex_step,
    norm_ratio,
    one_sided,
    richardson,
    ridders,
    taylor_order,
)
from symgrad.check.equal import Equality, equal
from symgrad.check.gradients import check
from symgrad.check.report import CheckReport, Row, Worst

__all__ = [
    "CheckReport",
    "Equality",
    "Row",
    "Worst",
    "central",
    "check",
    "complex_step",
    "equal",
    "norm_ratio",
    "one_sided",
    "richardson",
    "ridders",
    "taylor_order",
]
