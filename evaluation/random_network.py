"""The seeded random network of ``fd-random``: features of pictures where no trained weights are wanted."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SEED = 0
WIDTHS = (32, 64, 128, 256)
"""Channels after each convolution; features are the means of all their maps, 480 together."""
SIZE = 256
"""Pictures are resized to this square before the network."""
DETAIL_GAIN = 8
"""Factor on the filters that see only detail, whose responses to pictures are otherwise drowned by brightness."""


class RandomNetwork:
    """Four 3x3 convolutions of stride 2 with ReLU, He-initialised from a seed; nothing is trained.

    Half of the first filters have zero mean over the window: they see texture and sharpness, the other
    half brightness and colour. Weights come from NumPy's ``RandomState``, the same in every version.
    """

    def __init__(self, device: torch.device, seed: int = SEED) -> None:
        draw = np.random.RandomState(seed)
        self.weights: list[Tensor] = []
        inputs = 3
        for outputs in WIDTHS:
            weight = draw.standard_normal((outputs, inputs, 3, 3)) * np.sqrt(2 / (9 * inputs))
            if not self.weights:
                detail = weight[: outputs // 2]
                detail -= detail.mean((2, 3), keepdims=True)
                detail *= DETAIL_GAIN
            self.weights.append(torch.from_numpy(weight.astype(np.float32)).to(device))
            inputs = outputs

    def __call__(self, x: Tensor) -> Tensor:
        """[N, 3, 256, 256] in [-1, 1] -> [N, 480]."""
        levels = []
        for weight in self.weights:
            x = F.relu(F.conv2d(x, weight, stride=2, padding=1))
            levels.append(x.mean((2, 3)))
        return torch.cat(levels, 1)
