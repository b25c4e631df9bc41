"""Finding the mistake in a wrong claim."""

from symgrad.check.diagnose.explain import Diagnosis, diagnose, knowledge_of

__all__ = ["Diagnosis", "diagnose", "knowledge_of"]
