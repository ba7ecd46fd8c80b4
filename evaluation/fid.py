"""FID by pytorch-fid's arithmetic, and the Fréchet distance on random features for whoever has no weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from evaluation.features import Extractor, Features
from evaluation.frechet import frechet_distance
from evaluation.images import Picture, decode
from evaluation.protocol import METRICS, Measurement
from evaluation.random_network import SEED, SIZE, RandomNetwork
from evaluation.resize import bilinear

if TYPE_CHECKING:
    from evaluation.scoring import FolderPair

INCEPTION_SIZE = 299


def measure_fid(pair: FolderPair) -> Measurement:
    """FID of a pair of folders: values of pytorch-fid 0.3.0 at 2048 dimensions.

    Raises:
        EvaluationError: no weights, or a broken file.
    """
    _, digest = pair.inception
    extractor = pytorch_fid_features(pair)
    value = frechet_distance(*pair.features_of_both(extractor))
    return Measurement(value, details=f"inception={digest[:8]}", weights=digest)


def measure_fd_random(pair: FolderPair) -> Measurement:
    """Fréchet distance on the features of the seeded random network; never to be called FID.

    Raises:
        EvaluationError: a broken file.
    """
    extractor = random_features(pair)
    value = frechet_distance(*pair.features_of_both(extractor))
    return Measurement(value, details=f"seed={SEED}")


def pytorch_fid_features(pair: FolderPair) -> Extractor[Picture]:
    """Inception's 2048 features after pytorch-fid's resize: bilinear to 299x299, no antialias."""
    network, digest = pair.inception

    def extract(pictures: Sequence[Picture]) -> Features:
        x = bilinear(pictures, INCEPTION_SIZE, pair.device)
        with exact_inference(pair.device):
            return to_features(network(2 * x - 1)[2048])

    return Extractor(f"{METRICS['fid'].protocol}/2048 inception {digest}", decode, extract)


def random_features(pair: FolderPair) -> Extractor[Picture]:
    """The random network's 480 features after an antialiased bilinear resize to 256x256."""
    network = RandomNetwork(pair.device)

    def extract(pictures: Sequence[Picture]) -> Features:
        x = bilinear(pictures, SIZE, pair.device, antialias=True)
        with exact_inference(pair.device):
            return to_features(network(2 * x - 1))

    return Extractor(f"{METRICS['fd-random'].protocol} seed {SEED}", decode, extract)


@contextmanager
def exact_inference(device: torch.device) -> Iterator[None]:
    """No gradients, no autocast, no TF32: the same figures wherever the caller stands."""
    with (
        torch.inference_mode(),
        torch.autocast(device.type, enabled=False),
        torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
    ):
        yield


def to_features(features: Tensor) -> Features:
    """float32, in the memory of the CPU."""
    return features.float().cpu().numpy()
