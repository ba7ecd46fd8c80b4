"""Self-similarity maps, how two are compared, and the other terms of FSeSim and LSeSim.

Zheng et al., The Spatially-Correlative Loss for Various Image Translation Tasks, CVPR 2021.
Official code: lyndonzheng/F-LSeSim, models/losses.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.vgg import RELU1_2, RELU2_2, RELU3_3, RELU4_3

Features = Mapping[int, Tensor]
"""what layers of VGG16 show of a batch of pictures: [B, C, H, W] by the number of the layer"""
STYLE = (RELU1_2, RELU2_2, RELU3_3, RELU4_3)
"""layers whose Gram matrices are compared"""


class SpatialHeads(nn.Module):
    """One small network for each layer compared, ``conv_i``: C -> max(32, C/4) channels at every place."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        for i, c in enumerate(channels):
            width = max(32, c // 4)
            self.add_module(f"conv_{i}", nn.Sequential(nn.Conv2d(c, width, 1), nn.ReLU(), nn.Conv2d(width, width, 1)))

    def forward(self, feature: Tensor, i: int) -> Tensor:
        return self.get_submodule(f"conv_{i}")(feature)


def similarity_maps(feature: Tensor, places: Tensor | None, patch_size: int, use_norm: bool) -> Tensor:
    """How similar each of n places is to all others (or to those of its window): [B, C, H, W] -> [B, n, N].

    Features are centred first; then their dot products over C, in tanh(./10), or with ``use_norm`` their cosines.

    Args:
        places: row*width + column, int64 [n]; None: all places, each compared with all.
        patch_size: side of the window; where the feature map is no larger, a place is compared with all.

    Source: lyndonzheng/F-LSeSim, models/losses.py, ``PatchSim``.
    """
    channels, height, width = feature.shape[1:]
    f = feature - feature.mean((2, 3), keepdim=True)
    f = F.normalize(f, dim=1) if use_norm else f / channels**0.5
    keys = f.flatten(2)  # [B, C, H*W]
    queries = keys if places is None else keys.index_select(2, places)  # [B, C, n]
    similarity = torch.bmm(queries.transpose(1, 2), keys)  # [B, n, H*W]
    if places is not None and patch_size < min(height, width):
        inside = windows(places, height, width, patch_size)
        similarity = similarity.gather(2, inside.expand(len(feature), -1, -1))
    similarity = similarity.to(torch.promote_types(similarity.dtype, torch.float32))  # 1 - cosine is no bf16 number
    return similarity if use_norm else torch.tanh(similarity / 10)


def windows(places: Tensor, height: int, width: int, size: int) -> Tensor:
    """The places of the ``size`` x ``size`` window around each of ``places``, row by row: int64 [n, size*size].

    Windows at the border are shifted inwards.
    """
    steps = torch.arange(size, device=places.device)
    rows = (places // width - size // 2).clamp(0, height - size)[:, None] + steps
    columns = (places % width - size // 2).clamp(0, width - size)[:, None] + steps
    return (rows[:, :, None] * width + columns[:, None, :]).flatten(1)


def map_distance(source: Tensor, target: Tensor, loss_mode: Literal["cos", "l1"], use_norm: bool) -> Tensor:
    """How far the maps of a translation are from those of its source, both [B, n, N]; a scalar.

    Of each map only the entries count where the translation's own map is among its highest quarter. Their
    difference is 1 - cosine of a map, or that of each entry; its size is its absolute value with ``use_norm``,
    else SmoothL1. No gradient flows through the choice.

    Source: lyndonzheng/F-LSeSim, models/losses.py, ``SpatialCorrelativeLoss.compare_sim``.
    """
    n = target.shape[-1]
    quarter = n // 4
    threshold = target.detach().topk(quarter + 1, dim=-1).values[..., -1:]
    high = (target >= threshold).to(target.dtype)
    source, target = source * high, target * high
    if loss_mode == "cos":
        difference = 1 - F.cosine_similarity(source, target, dim=-1)
    else:
        difference = n / quarter * (source - target)
    if use_norm:
        return difference.abs().mean()
    return F.smooth_l1_loss(difference, torch.zeros_like(difference))


def map_contrast(source: Tensor, target: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Cross-entropy with which a place's map in ``source`` is found among the maps of ``target``; a scalar.

    Negatives are the other places, and the likeness of source and of target to the maps of ``other``, a
    picture that shows something else. All maps are [B, n, N]; they are compared within a picture of the batch.

    Source: lyndonzheng/F-LSeSim, models/losses.py, ``SpatialCorrelativeLoss.compare_sim``.
    """
    s, t, o = (F.normalize(maps, dim=-1) for maps in (source, target, other))
    pairs = ((s, t), (s, o), (t, o))
    logits = torch.cat([torch.bmm(x, y.transpose(1, 2)) for x, y in pairs], dim=2) / temperature  # [B, n, 3n]
    itself = torch.arange(logits.shape[1], device=logits.device).repeat(len(logits))
    return F.cross_entropy(logits.flatten(0, 1), itself)


def style_distance(target: Features, fake: Features) -> Tensor:
    """Sum over four layers of the mean distance between Gram matrices of target pictures and translations."""
    return torch.stack([F.l1_loss(gram(fake[layer]), gram(target[layer])) for layer in STYLE]).sum()


def gram(feature: Tensor) -> Tensor:
    """Products of channels, f f^T / (B C H W), of each picture: [B, C, H, W] -> [B, C, C]."""
    flat = feature.flatten(2)
    return torch.bmm(flat, flat.transpose(1, 2)) / feature.numel()


def gradient_penalty(critic: nn.Module, pictures: Tensor) -> Tensor:
    """mean (|dD/dx + 1e-16| - 1)^2 over ``pictures`` x (Gulrajani et al., NeurIPS 2017)."""
    x = pictures.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return ((gradient.flatten(1) + 1e-16).norm(dim=1) - 1).square().mean()
