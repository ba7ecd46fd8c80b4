"""What DCLGAN and SimDCL do with features: projected patches, and the light network over all of them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from methods.heads import PatchHeads
from methods.layers import L2Normalize
from methods.nce import patches


class LightNetwork(nn.Module):
    """Projected patches of a picture to one vector: [B, layers, S, width] -> [B, 64] of unit length.

    The layers are the channels of an image whose rows are patches and whose columns are features.

    Source: JunlinHan/DCLGAN, models/networks.py, ``MappingF``.
    """

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(layers, 64, 3, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(64, 64),
            nn.ReLU(),
            nn.Linear(64, 64),
        )
        self.normalize = L2Normalize()

    def forward(self, x: Tensor) -> Tensor:
        return self.normalize(self.model(x))


def project(heads: PatchHeads, features: Sequence[Tensor], ids: Sequence[Tensor]) -> list[Tensor]:
    """Each layer's patches at ``ids`` in the common space: [B*S, width], picture-major."""
    return [heads(patches(f, positions), i) for i, (f, positions) in enumerate(zip(features, ids, strict=True))]


def stacked(layers: list[Tensor], batch: int) -> Tensor:
    """Projected patches of all layers, [B*S, width] each, as one [B, layers, S, width].

    Small pictures have layers with fewer patches than others; then S is that of the smallest.
    """
    pictures = [rows.reshape(batch, -1, rows.shape[1]) for rows in layers]
    fewest = min(p.shape[1] for p in pictures)
    return torch.stack([p[:, :fewest] for p in pictures], dim=1)
