"""Equations in LaTeX: networks, and claims about their gradients."""

from symgrad.declare.latex.claims import Claimed, read_claim
from symgrad.declare.latex.network import parse_latex
from symgrad.declare.latex.scope import Scope

__all__ = ["Claimed", "Scope", "parse_latex", "read_claim"]
