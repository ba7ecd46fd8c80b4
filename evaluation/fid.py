"""FID by pytorch-fid's arithmetic, and the Fréchet distance on random features for whoever has no weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from evaluation.errors import EvaluationError
from evaluation.features import Extractor, Features
from evaluation.frechet import frechet_distance
from evaluation.images import Picture
from evaluation.protocol import METRICS, Measurement
from evaluation.random_network import SEED, SIZE, RandomNetwork

if TYPE_CHECKING:
    from evaluation.scoring import FolderPair

INCEPTION_SIZE = 299


def measure_fid(pair: FolderPair) -> Measurement:
    """FID of a pair of folders: values of pytorch-fid 0.3.0 at 2048 dimensions.

    Raises:
        EvaluationError: fewer than two pictures on a side; no weights.
    """
    _require_two(pair, "FID")
    _, digest = pair.inception
    extractor = pytorch_fid_features(pair)
    value = frechet_distance(pair.features(pair.fake, extractor), pair.features(pair.real, extractor))
    return Measurement(value, details=f"inception={digest[:8]}", weights=digest)


def measure_fd_random(pair: FolderPair) -> Measurement:
    """Fréchet distance on the features of the seeded random network; never to be called FID.

    Raises:
        EvaluationError: fewer than two pictures on a side.
    """
    _require_two(pair, "a Fréchet distance")
    extractor = random_features(pair)
    value = frechet_distance(pair.features(pair.fake, extractor), pair.features(pair.real, extractor))
    return Measurement(value, details=f"seed={SEED}")


def _require_two(pair: FolderPair, what: str) -> None:
    for folder in (pair.fake, pair.real):
        if len(folder.pictures) < 2:
            raise EvaluationError(f"{folder.path}: holds 1 picture; {what} needs at least 2 on each side")


def pytorch_fid_features(pair: FolderPair) -> Extractor:
    """Inception's 2048 features after pytorch-fid's resize: bilinear to 299x299, no antialias."""
    network, digest = pair.inception

    def extract(pictures: Sequence[Picture]) -> Features:
        x = resized(pictures, INCEPTION_SIZE, pair.device)
        with exact_inference(pair.device):
            return _numpy(network(2 * x - 1)[2048])

    return Extractor(f"{METRICS['fid'].protocol}/2048 inception {digest}", extract)


def random_features(pair: FolderPair) -> Extractor:
    """The random network's 480 features after an antialiased bilinear resize to 256x256."""
    network = RandomNetwork(pair.device)

    def extract(pictures: Sequence[Picture]) -> Features:
        x = resized(pictures, SIZE, pair.device, antialias=True)
        with exact_inference(pair.device):
            return _numpy(network(2 * x - 1))

    return Extractor(f"{METRICS['fd-random'].protocol} seed {SEED}", extract)


def resized(pictures: Sequence[Picture], size: int, device: torch.device, antialias: bool = False) -> Tensor:
    """Pictures of any sizes as one batch [N, 3, size, size] in [0, 1], bilinear, align_corners False."""
    batch = torch.empty(len(pictures), 3, size, size, dtype=torch.float32, device=device)
    for shape in {picture.shape for picture in pictures}:
        rows = [i for i, picture in enumerate(pictures) if picture.shape == shape]
        pixels = torch.from_numpy(np.stack([pictures[i] for i in rows])).to(device)
        x = pixels.permute(0, 3, 1, 2).contiguous().float().div(255)
        batch[rows] = F.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=antialias)
    return batch


@contextmanager
def exact_inference(device: torch.device) -> Iterator[None]:
    """No gradients, no autocast, no TF32: the same figures wherever the caller stands."""
    with (
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
    ):
        yield


def _numpy(features: Tensor) -> Features:
    return features.float().cpu().numpy()
