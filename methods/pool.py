"""The image pool of CycleGAN (Shrivastava et al., CVPR 2017), kept on the device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.interface import Draws, ImageShape


class ImagePool(nn.Module):
    """Past translations that the discriminator is shown again.

    Until it is full, a picture is stored and returned. Afterwards each picture is, with probability 0.5,
    exchanged for a stored one; otherwise it is returned and not stored. The stored pictures are buffers, so
    that a checkpoint holds them (official code loses them). ``capacity`` 0 passes pictures through.

    Source: junyanz/pytorch-CycleGAN-and-pix2pix, util/image_pool.py, ``ImagePool``.
    """

    pictures: Tensor
    count: Tensor

    def __init__(self, capacity: int, shape: ImageShape) -> None:
        super().__init__()
        self.capacity = capacity
        self.register_buffer("pictures", torch.zeros(capacity, shape.channels, shape.height, shape.width))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def query(self, pictures: Tensor, draw: Draws, name: str) -> Tensor:
        """Pictures [B, C, H, W] without gradient in, what the discriminator is to see out.

        Picture ``i`` draws the uniform numbers ``{name}/{i}/swap`` (exchange above 0.5) and ``{name}/{i}/slot``
        (which stored picture).
        """
        if self.capacity == 0:
            return pictures
        shown = []
        for i, picture in enumerate(pictures.detach()):
            full = self.count >= self.capacity
            swap = full & (draw.uniform(f"{name}/{i}/swap", (), picture.device) > 0.5)
            slot = (draw.uniform(f"{name}/{i}/slot", (), picture.device) * self.capacity).long()
            place = torch.where(full, slot, self.count).clamp(max=self.capacity - 1).reshape(1)
            stored = self.pictures.index_select(0, place)[0]
            shown.append(torch.where(swap, stored, picture))
            self.pictures.index_copy_(0, place, torch.where(full & ~swap, stored, picture)[None])
            self.count += (~full).long()
        return torch.stack(shown)
