"""A perceptual distance of pictures to their known counterparts. In the form of LPIPS, without its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from evaluation.content import counterparts, require_equal_sizes
from evaluation.fid import INCEPTION_SIZE, exact_inference
from evaluation.images import read_batches
from evaluation.protocol import Measurement
from evaluation.resize import bilinear

if TYPE_CHECKING:
    from evaluation.inception import Inception
    from evaluation.scoring import FolderPair

LAYERS = (64, 192, 768)
"""Levels of the Inception whose maps are compared; at 2048 the maps are too coarse to say where things are."""


def measure_perceptual(pair: FolderPair) -> Measurement:
    """Mean `perceptual_distance` over the pictures of a pair of folders, resized as pytorch-fid does.

    Raises:
        EvaluationError: a picture without counterpart or of another size than it, a broken file, no weights.
    """
    couples = counterparts(pair.fake.pictures, pair.real.pictures)
    network, digest = pair.inception
    files = [path for couple in couples for path in couple]
    total, done = 0.0, 0
    for pictures in read_batches(files, 2 * pair.batch_size):
        for i in range(0, len(pictures), 2):
            require_equal_sizes(*couples[done + i // 2], pictures[i], pictures[i + 1])
        x = bilinear(pictures, INCEPTION_SIZE, pair.device)
        with exact_inference(pair.device):
            total += float(perceptual_distance(network, 2 * x[0::2] - 1, 2 * x[1::2] - 1).double().sum())
        done += len(pictures) // 2
        pair.report(done, len(couples))
    return Measurement(total / len(couples), details=f"inception={digest[:8]}", weights=digest)


def perceptual_distance(network: Inception, x: Tensor, y: Tensor) -> Tensor:
    """sum_l mean_hw |x_l/|x_l| - y_l/|y_l||^2, channels of each position normalised (Zhang et al. 2018, equation 1).

    LPIPS weights each channel by what people judged similar; here all weights are one.

    Args:
        x, y: [N, 3, 299, 299] in [-1, 1].

    Returns:
        [N], each 0 to 6: 2 a layer at most, because the maps hold no negative values.
    """
    of_x, of_y = network.maps(x, LAYERS), network.maps(y, LAYERS)
    layers = [
        (F.normalize(of_x[level], dim=1) - F.normalize(of_y[level], dim=1)).square().sum(1).mean((1, 2))
        for level in LAYERS
    ]
    return torch.stack(layers).sum(0)
