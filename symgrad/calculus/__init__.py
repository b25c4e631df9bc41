"""Pullbacks, the reverse sweep, derivations and their steps."""

from symgrad.calculus.derivation import Derivation, Derivative, Step
from symgrad.calculus.gradient import gradient

__all__ = ["Derivation", "Derivative", "Step", "gradient"]
