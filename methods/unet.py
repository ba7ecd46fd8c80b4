"""The U-Net generator, with the official state_dict keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from methods.layers import InstanceNorm


class UnetBlock(nn.Module):
    """One level of the U: halve the resolution, run the levels below, double it again, append to the input.

    [B, outer, H, W] -> [B, 2 * outer, H, W]: first the input as the LeakyReLU leaves it, then what came from
    below.

    Source: junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py, ``UnetSkipConnectionBlock``.
    """

    def __init__(self, outer: int, inner: int, below: UnetBlock | None) -> None:
        super().__init__()
        down = [nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(outer, inner, 4, stride=2, padding=1)]
        middle = [] if below is None else [InstanceNorm(), below]
        width = inner if below is None else 2 * inner
        up = [nn.ReLU(inplace=True), nn.ConvTranspose2d(width, outer, 4, stride=2, padding=1), InstanceNorm()]
        self.model = nn.Sequential(*down, *middle, *up)

    def forward(self, x: Tensor) -> Tensor:
        # The LeakyReLU works in place: the skip carries the activated input, as in the official code.
        return torch.cat((x, self.model(x)), 1)


class Outermost(nn.Module):
    """The first and the last convolution, around the levels ``below`` that see ``ngf`` channels."""

    def __init__(self, ngf: int, below: UnetBlock) -> None:
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(3, ngf, 4, stride=2, padding=1),
            below,
            nn.ReLU(inplace=True),
            nn.ConvTranspose2d(2 * ngf, 3, 4, stride=2, padding=1),
            nn.Tanh(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class UnetGenerator(nn.Module):
    """Downsamplings to a single position and back, with a skip connection at each resolution, tanh.

    Widths from outside: c, 2c, 4c, 8c, then 8c on every further level (c = ``ngf``).

    Source: junyanz/pytorch-CycleGAN-and-pix2pix, models/networks.py, ``UnetGenerator``.
    """

    def __init__(self, ngf: int = 64, num_downs: int = 8) -> None:
        super().__init__()
        self.num_downs = num_downs
        widths = [ngf * min(2**level, 8) for level in range(num_downs)]
        block: UnetBlock | None = None
        for outer, inner in zip(widths[-2::-1], widths[:0:-1], strict=True):
            block = UnetBlock(outer, inner, block)
        if block is None:
            raise ValueError(f"num_downs is {num_downs}; a U-Net needs at least 2")
        self.model = Outermost(ngf, block)

    def forward(self, x: Tensor) -> Tensor:
        """Translate pictures [B, 3, H, W] in [-1, 1]; H and W multiples of 2**num_downs.

        Raises:
            ValueError: at any other size.
        """
        side = 2**self.num_downs
        if x.shape[2] % side or x.shape[3] % side:
            raise ValueError(
                f"pictures of {x.shape[3]}x{x.shape[2]} do not fit this U-Net; it needs multiples of {side}"
            )
        return self.model(x)
