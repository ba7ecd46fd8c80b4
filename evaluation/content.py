"""Content error: how far pictures are from their known counterparts."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evaluation.errors import EvaluationError
from evaluation.images import Picture, read_batches
from evaluation.protocol import Measurement

if TYPE_CHECKING:
    from evaluation.scoring import FolderPair

PEAK = 255.0
WINDOW = 11
"""Side of SSIM's window in pixels."""


def psnr(a: Picture, b: Picture) -> float:
    """Peak signal-to-noise ratio in dB, 10 log10(255^2 / MSE) over all pixels and channels.

    Infinite for equal pictures. Both height x width x 3.
    """
    mse = np.square(a.astype(np.float64) - b).mean()
    return math.inf if mse == 0 else float(10 * np.log10(PEAK**2 / mse))


def ssim(a: Picture, b: Picture) -> float:
    """Structural similarity, -1..1, of each colour channel, averaged (Wang et al. 2004, equation 13).

    Window: 11 x 11 Gaussian, sigma 1.5, positions wholly inside the picture; K1 = 0.01, K2 = 0.03.
    Both height x width x 3, at least 11 x 11.
    """
    x, y = a.astype(np.float64), b.astype(np.float64)
    c1, c2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
    mu_x, mu_y = _window(x), _window(y)
    var_x = _window(x * x) - mu_x**2
    var_y = _window(y * y) - mu_y**2
    covariance = _window(x * y) - mu_x * mu_y
    similarity = (2 * mu_x * mu_y + c1) * (2 * covariance + c2)
    similarity /= (mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2)
    return float(similarity.mean())


def _window(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gaussian-weighted mean at every position of the window, rows then columns."""
    offsets = np.arange(WINDOW) - WINDOW // 2
    weights = np.exp(-(offsets**2) / (2 * 1.5**2))
    weights /= weights.sum()
    for axis in (0, 1):
        length = x.shape[axis] - WINDOW + 1
        x = sum(w * x.take(range(i, i + length), axis) for i, w in enumerate(weights))
    return x


def measure_psnr(pair: FolderPair) -> Measurement:
    """Mean PSNR over the pictures of a pair of folders (infinite if one of them is met exactly)."""
    return Measurement(_mean(pair, psnr))


def measure_ssim(pair: FolderPair) -> Measurement:
    """Mean SSIM over the pictures of a pair of folders."""
    return Measurement(_mean(pair, ssim, smallest=WINDOW))


def _mean(pair: FolderPair, compare: Callable[[Picture, Picture], float], smallest: int = 1) -> float:
    couples = counterparts(pair.fake.pictures, pair.real.pictures)
    files = [path for couple in couples for path in couple]
    values = []
    for (fake, real), (a, b) in zip(couples, read_batches(files, 2), strict=True):
        require_equal_sizes(fake, real, a, b)
        if min(a.shape[:2]) < smallest:
            size = f"{a.shape[1]}x{a.shape[0]}"
            raise EvaluationError(f"{fake}: {size}, smaller than the window of {smallest}x{smallest}")
        values.append(compare(a, b))
        pair.report(len(values), len(couples))
    return float(np.mean(values))


def require_equal_sizes(fake: Path, real: Path, a: Picture, b: Picture) -> None:
    """EvaluationError unless a picture and its counterpart are of one size."""
    if a.shape != b.shape:
        sizes = f"{a.shape[1]}x{a.shape[0]} and {b.shape[1]}x{b.shape[0]}"
        raise EvaluationError(f"{fake} and its counterpart {real} have different sizes, {sizes}")


def counterparts(fake: list[Path], real: list[Path]) -> list[tuple[Path, Path]]:
    """Pairs of files with equal stems (the name without its extension), in order of name.

    Raises:
        EvaluationError: a file has no counterpart on the other side, or two files of a side share a stem.
    """
    fakes, reals = _by_stem(fake), _by_stem(real)
    _require_counterparts(fakes, reals)
    _require_counterparts(reals, fakes)
    return [(fakes[stem], reals[stem]) for stem in sorted(fakes)]


def _require_counterparts(ours: dict[str, Path], theirs: dict[str, Path]) -> None:
    alone = sorted(ours.keys() - theirs.keys())
    if alone:
        folder = next(iter(theirs.values())).parent
        more = f" (nor have {len(alone) - 1} more)" if len(alone) > 1 else ""
        raise EvaluationError(f"{ours[alone[0]]} has no counterpart of the same name in {folder}{more}")


def _by_stem(files: list[Path]) -> dict[str, Path]:
    stems: dict[str, Path] = {}
    for path in files:
        if path.stem in stems:
            raise EvaluationError(f"{stems[path.stem]} and {path} have the same name: counterparts are unclear")
        stems[path.stem] = path
    return stems
