"""Clean-FID: the Fréchet distance after a resize that neither aliases nor rounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from evaluation.features import Extractor, Features
from evaluation.fid import INCEPTION_SIZE, exact_inference, to_features
from evaluation.frechet import frechet_distance
from evaluation.images import decode
from evaluation.protocol import METRICS, Measurement
from evaluation.resize import bicubic

if TYPE_CHECKING:
    from evaluation.scoring import FolderPair

Resized = NDArray[np.float32]
"""3 x 299 x 299 in 0..255"""


def measure_clean_fid(pair: FolderPair) -> Measurement:
    """Clean-FID of a pair of folders, with pytorch-fid's copy of the weights.

    Raises:
        EvaluationError: no weights, or a broken file.
    """
    _, digest = pair.inception
    extractor = clean_features(pair)
    value = frechet_distance(*pair.features_of_both(extractor))
    return Measurement(value, details=f"inception={digest[:8]}", weights=digest)


def clean_features(pair: FolderPair) -> Extractor[Resized]:
    """Inception's 2048 features after clean-fid's resize, shared by clean-FID and KID."""
    network, digest = pair.inception

    def extract(pictures: Sequence[Resized]) -> Features:
        x = torch.from_numpy(np.stack(pictures)).to(pair.device)  # N x 3 x 299 x 299 in 0..255
        with exact_inference(pair.device):
            return to_features(network((x - 128) / 128)[2048])

    name = f"{METRICS['clean-fid'].protocol}/2048 inception {digest}"
    return Extractor(name, _read, extract)


def _read(path: Path) -> Resized:
    return bicubic(decode(path), INCEPTION_SIZE)
