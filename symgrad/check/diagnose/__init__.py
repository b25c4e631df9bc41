"""Finding the mistake in a wrong claim."""

from symgrad.check.diagnose.explain import Diagnosis, diagnose, knowledge_of, multiple_of
from symgrad.check.diagnose.search import Hit, Retold

__all__ = ["Diagnosis", "Hit", "Retold", "diagnose", "knowledge_of", "multiple_of"]
