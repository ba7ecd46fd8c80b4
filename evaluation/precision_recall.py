"""Improved precision and recall: how much of each set lies within the estimated manifold of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.features import Compared
from evaluation.fid import pytorch_fid_features
from evaluation.protocol import Measurement

if TYPE_CHECKING:
    from evaluation.scoring import FolderPair

NEIGHBOURS = 3
ROUNDING = 1e-12
"""Share of the squared norms below which a squared distance is rounding: the features are equal."""
BLOCK = 1024
"""Rows of a distance matrix that are in memory at once."""


def measure_precision(pair: FolderPair) -> Measurement:
    """Share of generated pictures within the manifold of the real ones, on the features of `fid`.

    Raises:
        EvaluationError: no weights, or a broken file.
    """
    return _measure(pair, of_fake=True)


def measure_recall(pair: FolderPair) -> Measurement:
    """Share of real pictures within the manifold of the generated ones, on the features of `fid`.

    Raises:
        EvaluationError: no weights, or a broken file.
    """
    return _measure(pair, of_fake=False)


def _measure(pair: FolderPair, of_fake: bool) -> Measurement:
    _, digest = pair.inception
    extractor = pytorch_fid_features(pair)
    fake, real = pair.features_of_both(extractor)
    value = share_covered(fake, real) if of_fake else share_covered(real, fake)
    return Measurement(value, details=f"k={NEIGHBOURS} inception={digest[:8]}", weights=digest)


def share_covered(points: Compared, by: Compared, neighbours: int = NEIGHBOURS) -> float:
    """Share of ``points`` within the manifold of ``by``: precision of (fake, real), recall of (real, fake).

    The manifold is the union of balls around each member, as wide as the Euclidean distance to its
    ``neighbours``-th nearest fellow (itself not counted), rim included. Kynkäänniemi et al. 2019, equation 1.

    Args:
        points, by: features, n x d each.

    Raises:
        EvaluationError: ``by`` holds no more than ``neighbours`` rows, or the dimensions differ.
    """
    if len(by) <= neighbours:
        raise EvaluationError(f"{len(by)} pictures: expected at least {neighbours + 1} for {neighbours} neighbours")
    if points.shape[1:] != by.shape[1:]:
        raise EvaluationError(f"features of {points.shape[1]} and {by.shape[1]} dimensions cannot be compared")
    points, by = points.astype(np.float64), by.astype(np.float64)
    blocks = [by[i : i + BLOCK] for i in range(0, len(by), BLOCK)]
    radii = [np.partition(_squared_distances(block, by), neighbours, axis=1)[:, neighbours] for block in blocks]
    covered = np.zeros(len(points), dtype=bool)
    for block, radius in zip(blocks, radii, strict=True):
        covered |= (_squared_distances(block, points) <= radius[:, None]).any(0)
    return float(covered.mean())


def _squared_distances(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """n_x x n_y; exactly zero for equal rows."""
    norms = np.square(x).sum(1)[:, None] + np.square(y).sum(1)
    squared = norms - 2 * (x @ y.T)
    squared[squared < ROUNDING * norms] = 0
    return squared
