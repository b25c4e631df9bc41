"""Pullbacks, the sweeps both ways, derivations and their steps, products, higher orders."""

from symgrad.calculus.derivation import Derivation, Derivative, Step
from symgrad.calculus.gradient import gradient
from symgrad.calculus.products import ggnvp, hvp, jvp, vjp
from symgrad.calculus.second import hessian, jacobian

__all__ = [
    "Derivation",
    "Derivative",
    "Step",
    "ggnvp",
    "gradient",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "vjp",
]
