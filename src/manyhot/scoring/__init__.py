"""From a model file to probabilities of raw rows. Imports nothing of training. Read `_scorer.py` first."""

from ._scorer import Scorer, load

__all__ = ["Scorer", "load"]
