"""The FID Inception with the recipe's weights in float64, and the features it sees in pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from evaluation.fid import INCEPTION_SIZE
from evaluation.images import Picture
from evaluation.inception import Inception, expected_shapes
from evaluation.resize import bicubic
from tests.parity.recipe import weight

NET = "inception_fid"
"""the network's name in the recipe"""
FOLDER_FACTOR = 1.5
"""convolutions are multiplied by this where folders are compared, so that pictures separate"""
BATCH = 8

T = TypeVar("T")
Features = NDArray[np.float64]


def recipe_state(seed: int, factor: float = 1) -> dict[str, Tensor]:
    """Weights of the recipe, float64; convolutions times ``factor`` in float32; buffers as constructed."""
    state = {}
    for key, shape in expected_shapes().items():
        if "running" in key:
            state[key] = torch.full(shape, float(key.endswith("var")), dtype=torch.float64)
        else:
            drawn = weight(seed, NET, key, shape)
            state[key] = (drawn.float() * factor).double() if len(shape) == 4 else drawn
    return state


def plain_network(state: Mapping[str, Tensor]) -> Inception:
    """The network in the precision of its weights; batch norms are not folded."""
    with torch.device("meta"):
        network = Inception()
    network.load_state_dict(dict(state), assign=True)
    return network.eval()


def pytorch_fid_input(picture: Picture) -> Tensor:
    """[3, 299, 299] in [-1, 1], float64."""
    x = torch.from_numpy(picture).permute(2, 0, 1).double() / 255
    x = F.interpolate(x[None], (INCEPTION_SIZE, INCEPTION_SIZE), mode="bilinear", align_corners=False)
    return 2 * x[0] - 1


def clean_input(picture: Picture) -> Tensor:
    """[3, 299, 299], float64, from float32 pixels."""
    return (torch.from_numpy(bicubic(picture, INCEPTION_SIZE)).double() - 128) / 128


def features(network: Inception, inputs: Iterable[Tensor], levels: Sequence[int] = (2048,)) -> dict[int, Features]:
    """Features of all levels, a few pictures at a time."""
    found: dict[int, list[Features]] = {level: [] for level in levels}
    with torch.inference_mode():
        for batch in batches(inputs, BATCH):
            for level, rows in network(torch.stack(batch), levels).items():
                found[level].append(rows.numpy())
    return {level: np.concatenate(rows) for level, rows in found.items()}


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    waiting = iter(items)
    while batch := list(islice(waiting, size)):
        yield batch


def write_weights(state: Mapping[str, Tensor], path: Path) -> Path:
    """A float32 file, as the program takes it."""
    torch.save({key: tensor.float() for key, tensor in state.items()}, path)
    return path
