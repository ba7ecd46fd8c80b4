"""Which positions of a feature map a patch loss looks at."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.interface import Draws


def attention_map(scores: Tensor, size: tuple[int, int]) -> Tensor:
    """The discriminator's raw scores [B, 1, h, w] at every position of a feature map: [B, 1, *size]."""
    return F.interpolate(scores, size=size, mode="bilinear", align_corners=False)


def dag_positions(
    scores: Tensor,
    size: tuple[int, int],
    num_patches: int,
    oversample_ratio: int,
    random_ratio: float,
    draw: Draws,
    name: str,
    highest: bool = False,
) -> Tensor:
    """Discriminative attention-guided sampling (EnCo, "Patch Sampling Strategy"): int64 [B, S].

    Every position of a feature map of ``size`` gets an attention, the discriminator's raw score there.
    Of ``oversample_ratio * S`` positions drawn at random those that the discriminator finds most fake (lowest
    score; with ``highest`` most real) are kept, and ``random_ratio * S`` uniform ones are added from all
    positions, so that some may occur twice. S is ``num_patches``, or all positions if there are fewer.

    Args:
        scores: raw scores of the translated pictures, [B, 1, h, w], without gradient.
        name: of the draws, ``{name}/sample{i}/oversample`` and ``.../random``.

    Source: XiudingCai/EnCo-pytorch, models/networks.py, ``PatchSampleWithDAGF``. Paper and code differ:
    see ``EnCo.differences``.
    """
    n = size[0] * size[1]
    total = min(num_patches, n)
    covering = int(total * random_ratio)
    guided = total - covering
    rows = []
    for i, row in enumerate(attention_map(scores, size).flatten(1)):
        candidates = draw.permutation(f"{name}/sample{i}/oversample", n, row.device)[: total * oversample_ratio]
        order = torch.argsort(row[candidates], stable=True, descending=highest)
        parts = [candidates[order[:guided]]]
        if covering:
            parts.append(draw.permutation(f"{name}/sample{i}/random", n, row.device)[-covering:])
        rows.append(torch.cat(parts))
    return torch.stack(rows)
