"""Derivatives against numerical differences."""

import sys
from types import ModuleType
from typing import Any

from symgrad.check.differences import (
    central,
    complex_step,
    norm_ratio,
    one_sided,
    richardson,
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
    "taylor_order",
]


class _Callable(ModuleType):
    """Importing this package sets `symgrad.check` to it; called, it is the function `check`."""

    def __call__(self, *args: Any, **kwargs: Any) -> CheckReport:
        return check(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
