"""Pullbacks, the reverse sweep, derivations and their steps."""
