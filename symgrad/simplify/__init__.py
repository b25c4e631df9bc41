"""The table of rewrite rules and the engine that applies them."""

from symgrad.simplify.engine import Simplified, simplify

__all__ = ["Simplified", "simplify"]
