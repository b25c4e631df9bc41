"""Plain SymPy in: matrix expressions to nodes, and answers in kind."""

from symgrad.declare.plain.symbols import PlainSymbols, is_plain, name_of

__all__ = ["PlainSymbols", "is_plain", "name_of"]
