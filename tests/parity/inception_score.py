"""The Inception score of class logits, for the golden figures only.

It compares with no reference and needs Inception's classifier, which the weights of the FID tools in packages come
without: it is no metric here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def inception_score(
    logits: NDArray[np.float32] | NDArray[np.float64], splits: int = 10, seed: int | None = None
) -> tuple[float, float]:
    """exp of the mean divergence KL(p(y|x) || p(y)): mean and (population) standard deviation over ``splits``.

    Salimans et al. 2016; part i holds rows i N // splits to (i + 1) N // splits, as in torch-fidelity.

    Args:
        logits: pictures x classes, before the softmax.
        splits: parts that are scored apart.
        seed: of the order in which pictures are dealt to the parts; None keeps their own.
    """
    n = len(logits)
    if seed is not None:
        logits = logits[np.random.RandomState(seed).permutation(n)]
    shifted = logits.astype(np.float64) - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    parts = [log_p[i * n // splits : (i + 1) * n // splits] for i in range(splits)]
    scores = [_score(part) for part in parts]
    return float(np.mean(scores)), float(np.std(scores))


def _score(log_p: NDArray[np.float64]) -> float:
    p = np.exp(log_p)
    mean = np.maximum(p.mean(0), np.finfo(np.float64).tiny)  # a class that no picture shows adds 0
    divergence = (p * (log_p - np.log(mean))).sum(1)
    return float(np.exp(divergence.mean()))
