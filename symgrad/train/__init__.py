"""Training: initialisation, mini-batches, optimisers, clipping, health, the demo."""

from symgrad.train.batches import batches, train
from symgrad.train.clip import clip
from symgrad.train.health import Health, dead_units, health
from symgrad.train.initialise import initialise
from symgrad.train.optimise import SGD, Adam

__all__ = [
    "SGD",
    "Adam",
    "Health",
    "batches",
    "clip",
    "dead_units",
    "health",
    "initialise",
    "train",
]
