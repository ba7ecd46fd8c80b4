"""Kernel inception distance: the squared maximum mean discrepancy of two sets of features, in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from evaluation.clean import clean_features
from evaluation.errors import EvaluationError
from evaluation.features import Compared, comparable
from evaluation.protocol import Measurement

if TYPE_CHECKING:
    from evaluation.scoring import FolderPair

Matrix = NDArray[np.float64]
Rows = NDArray[np.int64]

FACTOR = 1000
"""KID is told in thousandths."""
SUBSETS = 100
LARGEST_SUBSET = 1000
"""The subsets of every library, and the largest that it draws."""
SEED = 2020
BLOCK = 1024
"""Rows of a kernel matrix that are in memory at once."""
WHOLE = 4096
"""Up to so many pictures of both sides the kernel matrices of the subsets are cut from one that is kept (128 MiB)."""


def measure_kid(pair: FolderPair) -> Measurement:
    """KID x 1000 of a pair of folders on clean-fid's features: all pictures, no draws; spread over subsets of half.

    Raises:
        EvaluationError: no weights, or a broken file.
    """
    _, digest = pair.inception
    extractor = clean_features(pair)
    fake, real = pair.features_of_both(extractor)
    size = min(len(fake), len(real), 2 * LARGEST_SUBSET) // 2
    spread = float(subset_kids(fake, real, SUBSETS, size, RandomState(SEED)).std()) if size > 1 else None
    return Measurement(
        FACTOR * kid(fake, real),
        details=f"inception={digest[:8]}",
        weights=digest,
        spread=None if spread is None else FACTOR * spread,
    )


def kernel(x: Matrix, y: Matrix) -> Matrix:
    """(x.y / d + 1)^3 for all pairs of rows: n_x x d, n_y x d -> n_x x n_y."""
    product = x @ y.T
    product /= x.shape[1]
    product += 1
    return product**3


def kid(x: Compared, y: Compared) -> float:
    """Unbiased estimate over the full sets: the off-diagonal means of K_xx and K_yy minus twice the mean of K_xy.

    A pure number (not times 1000), without random draws; may be slightly negative.
    Bińkowski et al. 2018, equation 4; torch-fidelity's and clean-fid's estimate where a subset is the whole set.

    Args:
        x, y: features, n_x x d and n_y x d, at least two rows each.

    Raises:
        EvaluationError: a side has fewer than two rows, or the dimensions differ.
    """
    x, y = comparable(x, y, "KID")
    return _off_diagonal_mean(x) + _off_diagonal_mean(y) - 2 * _sum(x, y) / (len(x) * len(y))


def subset_kids(x: Compared, y: Compared, subsets: int, size: int, random: RandomState) -> NDArray[np.float64]:
    """The estimate on each of ``subsets`` random parts of both sides; their standard deviation is a spread.

    For each part ``size`` rows of x are drawn, then ``size`` rows of y, both without replacement: the order of
    torch-fidelity (clean-fid draws its second set first). With parts of half the sets the standard deviation
    estimates that of `kid` itself; with parts as large as the sets it is zero and means nothing.

    Raises:
        EvaluationError: as `kid`, or a part is larger than a set or smaller than two.
    """
    x, y = comparable(x, y, "KID")
    if not 2 <= size <= min(len(x), len(y)):
        raise EvaluationError(f"subsets of {size}: expected 2 to {min(len(x), len(y))}, the smaller of the two sets")
    cut = _cutter(x, y)
    estimates = []
    for _ in range(subsets):
        rows_x, rows_y = (random.choice(len(side), size, replace=False) for side in (x, y))
        estimates.append(_estimate(*cut(rows_x, rows_y)))
    return np.array(estimates)


def _sum(x: Matrix, y: Matrix) -> float:
    """Sum of the kernel matrix of x and y, of which `BLOCK` rows are made at once."""
    return float(sum(kernel(x[i : i + BLOCK], y).sum() for i in range(0, len(x), BLOCK)))


def _off_diagonal_mean(x: Matrix) -> float:
    diagonal = (np.square(x).sum(1) / x.shape[1] + 1) ** 3
    return (_sum(x, x) - float(diagonal.sum())) / (len(x) * (len(x) - 1))


def _cutter(x: Matrix, y: Matrix) -> Callable[[Rows, Rows], tuple[Matrix, Matrix, Matrix]]:
    """The kernel matrices K_xx, K_yy, K_xy of some rows of both sides."""
    if len(x) + len(y) > WHOLE:
        return lambda i, j: (kernel(x[i], x[i]), kernel(y[j], y[j]), kernel(x[i], y[j]))
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    return lambda i, j: (xx[np.ix_(i, i)], yy[np.ix_(j, j)], xy[np.ix_(i, j)])


def _estimate(xx: Matrix, yy: Matrix, xy: Matrix) -> float:
    """The unbiased estimate from kernel matrices of equally many rows."""
    m = len(xy)
    off_diagonal = xx.sum() - xx.trace() + yy.sum() - yy.trace()
    return float(off_diagonal / (m * (m - 1)) - 2 * xy.mean())
