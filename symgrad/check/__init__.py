"""Derivatives against numerical differences."""
