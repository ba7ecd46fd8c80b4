"""The networks of DualGAN: TensorFlow's layers in PyTorch, state_dict keys by the official variable names.

Every convolution has stride 2 and TensorFlow's SAME padding, which is asymmetric: the output has half the
size, rounded up, and what has to be padded goes half before and half, rounded up, behind. Transposed
convolutions are the exact adjoints, so the networks take pictures of any size.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.interface import ImageShape

Drop = Callable[[str, Tensor], Tensor]
"""dropout of the named layer's output"""


def padding(size: int, kernel: int) -> tuple[int, int]:
    """Zeros before and behind a side of ``size`` pixels."""
    total = max(2 * (halved(size) - 1) + kernel - size, 0)
    return total // 2, total - total // 2


def halved(size: int) -> int:
    return -(-size // 2)


class DownConv(nn.Conv2d):
    """[B, C, H, W] -> [B, C', ceil(H/2), ceil(W/2)]."""

    def __init__(self, before: int, after: int, kernel: int = 3) -> None:
        super().__init__(before, after, kernel, stride=2)
        self.kernel = kernel
        nn.init.trunc_normal_(self.weight, std=0.02, a=-0.04, b=0.04)
        zero_bias(self)

    def forward(self, x: Tensor) -> Tensor:
        pads = (*padding(x.shape[3], self.kernel), *padding(x.shape[2], self.kernel))
        return super().forward(F.pad(x, pads))


class UpConv(nn.ConvTranspose2d):
    """The adjoint of :class:`DownConv`, to the size [H, W] whose half its input has."""

    def __init__(self, before: int, after: int, kernel: int = 3) -> None:
        super().__init__(before, after, kernel, stride=2)
        self.kernel = kernel
        nn.init.normal_(self.weight, std=0.02)
        zero_bias(self)

    def enlarge(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """[B, C, ceil(H/2), ceil(W/2)] -> [B, C', H, W] with (H, W) = ``size``."""
        top, left = (padding(side, self.kernel)[0] for side in size)
        return self(x)[:, :, top : top + size[0], left : left + size[1]]


class PictureNorm(nn.GroupNorm):
    """Each channel of each picture to mean 0 and variance 1 (eps 1e-6), then a learned scale and centre.

    A map of a single position becomes its centre, exactly: nothing in front of it can learn.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, eps=1e-6)
        nn.init.normal_(self.weight, 1.0, 0.02)

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[2] * x.shape[3] == 1:
            return x - x + self.bias.reshape(1, -1, 1, 1)
        return super().forward(x)


class Generator(nn.Module):
    """U-Net of eight halvings and eight doublings, tanh: [B, 3, H, W] in [-1, 1] to the same.

    The innermost maps of pictures up to 256 pixels are single positions, whose norm makes them constant: the
    picture passes by the skip connections alone. So it is in the official code at 256 and 128 pixels; smaller
    ones fail there.

    Source: duxingren14/DualGAN, model.py, ``DualNet.fcn``.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(8)]
        for i in range(1, 9):
            before = 3 if i == 1 else widths[i - 2]
            self.add_module(f"e{i}_conv", DownConv(before, widths[i - 1], kernel=5 if i == 1 else 3))
            if i > 1:
                self.add_module(f"bn_e{i}", PictureNorm(widths[i - 1]))
        for i in range(1, 9):
            before = widths[7] if i == 1 else 2 * widths[8 - i]
            after = 3 if i == 8 else widths[7 - i]
            self.add_module(f"d{i}", UpConv(before, after, kernel=5 if i == 8 else 3))
            if i < 8:
                self.add_module(f"bn_d{i}", PictureNorm(after))

    def forward(self, x: Tensor, drop: Drop | None = None) -> Tensor:
        """Translate; ``drop`` is applied to the first three layers of the decoder."""
        skips = [self.get_submodule("e1_conv")(x)]
        for i in range(2, 9):
            conv, norm = self.get_submodule(f"e{i}_conv"), self.get_submodule(f"bn_e{i}")
            skips.append(norm(conv(F.leaky_relu(skips[-1], 0.2))))
        d = skips.pop()
        for i in range(1, 8):
            skip = skips.pop()
            d = self.get_submodule(f"bn_d{i}")(self.enlarge(i, d, skip))
            if drop is not None and i <= 3:
                d = drop(f"d{i}", d)
            d = torch.cat((d, skip), 1)
        return torch.tanh(self.enlarge(8, d, x))

    def enlarge(self, i: int, d: Tensor, like: Tensor) -> Tensor:
        """Decoder layer ``i``, to the size of ``like``."""
        layer = self.get_submodule(f"d{i}")
        assert isinstance(layer, UpConv)
        return layer.enlarge(F.relu(d), (like.shape[2], like.shape[3]))


class Discriminator(nn.Module):
    """Raw scores: one a picture ([B, 1], ``patch`` False) or one a patch ([B, 1, h, w]).

    Five halvings, each but the first with a norm. Below 33 pixels the fifth map would be a single position,
    whose norm is constant; layers that come to that are left out.

    Source: duxingren14/DualGAN, model.py, ``DualNet.discriminator``.
    """

    def __init__(self, width: int, shape: ImageShape, patch: bool) -> None:
        super().__init__()
        self.h0_conv = DownConv(3, width, kernel=5)
        self.layers: list[tuple[str, str]] = []
        height, length, channels = halved(shape.height), halved(shape.width), width
        for conv, norm, multiple in (("h1", "bn1", 2), ("h2", "bn2", 4), ("h3", "bn3", 8), ("h3_1", "bn3_1", 8)):
            if halved(height) * halved(length) == 1:
                break
            height, length = halved(height), halved(length)
            self.add_module(f"{conv}_conv", DownConv(channels, multiple * width))
            self.add_module(norm, PictureNorm(multiple * width))
            self.layers.append((f"{conv}_conv", norm))
            channels = multiple * width
        self.patch = patch
        if patch:
            self.h4 = DownConv(channels, 1)
        else:
            self.d_h3_lin = nn.Linear(channels * height * length, 1)
            nn.init.normal_(self.d_h3_lin.weight, std=0.02)
            zero_bias(self.d_h3_lin)

    def forward(self, x: Tensor) -> Tensor:
        x = F.leaky_relu(self.h0_conv(x), 0.2)
        for conv, norm in self.layers:
            x = F.leaky_relu(self.get_submodule(norm)(self.get_submodule(conv)(x)), 0.2)
        if self.patch:
            return self.h4(x)
        return self.d_h3_lin(x.permute(0, 2, 3, 1).flatten(1))


def zero_bias(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> None:
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
