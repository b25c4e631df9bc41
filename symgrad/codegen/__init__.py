"""From a derivation to a self-contained Numba module: lower, fuse, place buffers, write."""

from symgrad.codegen.build import compile, difference, generate

__all__ = ["compile", "difference", "generate"]
