"""The table of rewrite rules and the engine that applies them."""

from symgrad.simplify.engine import Simplified, Simplifier, simplify

__all__ = ["Simplified", "Simplifier", "simplify"]
