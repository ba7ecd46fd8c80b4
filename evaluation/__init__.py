"""Scores of pictures by named protocols. Knows no method and no run; importing it imports no torch.

>>> import evaluation
>>> evaluation.score("fake", "real", ["fid"])  # doctest: +SKIP
[Score(metric='fid', value=165.1094, protocol='pytorch-fid/v1[inception=c9ce7f36]', ...)]
"""

from __future__ import annotations

from evaluation.errors import EvaluationError
from evaluation.protocol import METRICS, Measurement, Metric, Score, find_metric
from evaluation.scoring import FolderPair, score

__all__ = [
    "METRICS",
    "EvaluationError",
    "FolderPair",
    "Measurement",
    "Metric",
    "Score",
    "find_metric",
    "score",
]
