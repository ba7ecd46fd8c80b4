"""Resizes of pictures to the side of a network, one for each protocol. They differ by points of FID."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from evaluation.images import Picture


def bilinear(pictures: Sequence[Picture], size: int, device: torch.device, antialias: bool = False) -> Tensor:
    """Pictures of any sizes as one batch [N, 3, size, size] in [0, 1]; align_corners False.

    Without antialias: pytorch-fid's and clean-fid's ``legacy_pytorch`` resize. With it: torchmetrics' default.
    """
    batch = torch.empty(len(pictures), 3, size, size, dtype=torch.float32, device=device)
    for shape in {picture.shape for picture in pictures}:
        rows = [i for i, picture in enumerate(pictures) if picture.shape == shape]
        pixels = torch.from_numpy(np.stack([pictures[i] for i in rows])).to(device)
        x = pixels.permute(0, 3, 1, 2).contiguous().float().div(255)
        batch[rows] = F.interpolate(x, (size, size), mode="bilinear", align_corners=False, antialias=antialias)
    return batch


def bicubic_bytes(picture: Picture, width: int, height: int) -> Picture:
    """Pillow's bicubic resize of a picture, rounded to grey levels: [height, width, 3]; of that size unchanged."""
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def bicubic(picture: Picture, size: int) -> NDArray[np.float32]:
    """clean-fid's ``clean`` resize: [3, size, size] in 0..255, float32, not rounded to grey levels.

    Each channel alone, as Pillow's 32-bit float picture, bicubic: the filter widens with the reduction.
    """
    channels = [Image.fromarray(picture[..., c].astype(np.float32)) for c in range(3)]
    resized = [np.asarray(channel.resize((size, size), Image.Resampling.BICUBIC)) for channel in channels]
    return np.stack(resized).clip(0, 255)
