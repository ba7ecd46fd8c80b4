"""The real pytorch-fid and clean-fid, run beside ours with the same weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
CPU = torch.device("cpu")


@contextmanager
def quiet() -> Iterator[None]:
    """Both programs call what scipy and torch have deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def pytorch_fid_score(fake: Path, real: Path) -> float:
    """Half a minute: the root of a 2048 x 2048 matrix."""
    from pytorch_fid.fid_score import calculate_fid_given_paths

    with quiet():
        return float(calculate_fid_given_paths([str(fake), str(real)], 8, "cpu", 2048, 0))


def pytorch_fid_features(files: list[Path]) -> Array:
    """One file at a time, as it cannot batch mixed sizes."""
    from pytorch_fid.fid_score import get_activations
    from pytorch_fid.inception import InceptionV3

    with quiet():
        return np.asarray(get_activations(files, InceptionV3([3]), 1, 2048, "cpu", 0))


def clean_fid_network() -> Callable[[Tensor], Tensor]:
    """Its own copy of the network, from torch's hub cache, on the numbers that its clean mode feeds."""
    from cleanfid.inception_pytorch import InceptionV3

    with quiet():
        network = InceptionV3([3], resize_input=False, normalize_input=False).eval()
    return lambda x: network((x - 128) / 128)[0][..., 0, 0]


def torchscript_network(folder: Path) -> Callable[[Tensor], Tensor]:
    """Its TorchScript network, from ``inception-2015-12-05.pt`` in a folder."""
    from cleanfid.inception_torchscript import InceptionV3W

    with quiet():
        return InceptionV3W(str(folder), download=False).eval()


def clean_fid_features(folder: Path, network: Callable[[Tensor], Tensor]) -> Array:
    from cleanfid.fid import get_folder_features

    with quiet():
        found = get_folder_features(str(folder), network, num_workers=0, batch_size=8, device=CPU, verbose=False)
    return np.asarray(found)


def clean_fid_score(fake: Path, real: Path, network: Callable[[Tensor], Tensor]) -> float:
    """Half a minute: the root of a 2048 x 2048 matrix."""
    from cleanfid.fid import compare_folders

    with quiet():
        return float(compare_folders(str(fake), str(real), network, "clean", num_workers=0, device=CPU, verbose=False))


def clean_fid_kid(fake: Array, real: Array, seed: int) -> float:
    """Its mean over 100 subsets as large as the smaller set; it draws from NumPy's global generator."""
    from cleanfid.fid import kernel_distance

    before = np.random.get_state()  # noqa: NPY002
    np.random.seed(seed)  # noqa: NPY002
    try:
        return float(kernel_distance(fake, real))
    finally:
        np.random.set_state(before)  # noqa: NPY002
