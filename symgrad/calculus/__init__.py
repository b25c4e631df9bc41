"""Pullbacks, the reverse sweep, derivations and their steps."""

from symgrad.calculus.derivation import Derivation, Derivative, Step
from symgrad.calculus.gradient import gradient
from symgrad.calculus.second import hessian, hvp, jacobian

__all__ = ["Derivation", "Derivative", "Step", "gradient", "hessian", "hvp", "jacobian"]
