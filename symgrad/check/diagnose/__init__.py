"""Finding the mistake in a wrong claim."""

from symgrad.check.diagnose.explain import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]
