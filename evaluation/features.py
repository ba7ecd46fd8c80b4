"""Features of pictures: a network by name, and its output for the pictures of a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.images import read_ahead

Features = NDArray[np.float32]
"""pictures x dimensions"""
Compared = NDArray[np.float32] | NDArray[np.float64]
"""the same in either precision"""

Report = Callable[[int, int], None]
"""Called with pictures done and pictures to do."""


T = TypeVar("T")


def comparable(x: Compared, y: Compared, what: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two sets of features in float64.

    Args:
        x, y: n_x x d and n_y x d.
        what: is to be computed, for messages.

    Raises:
        EvaluationError: a side has fewer than two rows, a feature is not finite, or the dimensions differ.
    """
    for side in (x, y):
        if side.ndim != 2 or len(side) < 2:
            raise EvaluationError(f"{what} needs at least 2 pictures on each side, found {len(side)}")
        if not np.isfinite(side).all():
            raise EvaluationError("a feature is not finite: the weights of the network are damaged")
    if x.shape[1] != y.shape[1]:
        raise EvaluationError(f"features of {x.shape[1]} and {y.shape[1]} dimensions cannot be compared")
    return x.astype(np.float64), y.astype(np.float64)


@dataclass(frozen=True)
class Extractor(Generic[T]):
    """What turns pictures into features."""

    name: str
    """all that changes values: resize, network, digest of its weights, version of the code"""
    read: Callable[[Path], T]
    """one file -> what ``extract`` takes; called ahead of it in several threads, so work is best done here"""
    extract: Callable[[Sequence[T]], Features]
    """a batch of what was read -> features, one row each"""


def compute_features(
    files: Sequence[Path], extractor: Extractor[T], batch_size: int, report: Report, workers: int | None = None
) -> Features:
    """Features of ``files``, in their order, float32; files are read ahead of the network.

    Raises:
        EvaluationError: a file is broken; names it.
    """
    rows: list[Features] = []
    done = 0
    for batch in read_ahead(extractor.read, files, batch_size, workers):
        rows.append(extractor.extract(batch).astype(np.float32, copy=False))
        done += len(batch)
        report(done, len(files))
    return np.concatenate(rows)
