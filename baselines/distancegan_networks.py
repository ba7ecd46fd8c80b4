"""The networks of DistanceGAN, with the official state_dict keys.

They are CycleGAN's but for zero padding, norms that learn scale and shift, and so other positions in ``model``.
"""

from __future__ import annotations

from typing import TypeVar

from torch import Tensor, nn

Net = TypeVar("Net", bound=nn.Module)


def norm(channels: int) -> nn.Module:
    """Instance norm with scale and shift: as a group norm, whose gradient is right in every memory layout."""
    return nn.GroupNorm(channels, channels)


def norm_relu(channels: int) -> list[nn.Module]:
    return [norm(channels), nn.ReLU(inplace=True)]


class ResnetBlock(nn.Module):
    """x + (conv, norm, ReLU, [dropout,] conv, norm)(x); zero padding, nothing after the sum."""

    def __init__(self, channels: int, use_dropout: bool) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            *norm_relu(channels),
            *([nn.Dropout(0.5)] if use_dropout else []),
            nn.Conv2d(channels, channels, 3, padding=1),
            norm(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class ResnetGenerator(nn.Module):
    """Two halvings, residual blocks, two doublings, tanh: [B, 3, H, W] in [-1, 1]; H and W multiples of 4.

    Source: sagiebenaim/DistanceGAN, cyclegan_arch/networks.py, ``ResnetGenerator``.
    """

    def __init__(self, ngf: int, n_blocks: int, use_dropout: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, ngf, 7, padding=3), *norm_relu(ngf)]
        for c in (ngf, 2 * ngf):
            layers += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), *norm_relu(2 * c)]
        layers += [ResnetBlock(4 * ngf, use_dropout) for _ in range(n_blocks)]
        for c in (4 * ngf, 2 * ngf):
            up = nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1)
            layers += [up, *norm_relu(c // 2)]
        self.model = nn.Sequential(*layers, nn.Conv2d(ngf, 3, 7, padding=3), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class PatchGAN(nn.Module):
    """A map of raw scores, one for each overlapping patch: 30x30 at 256x256 with ``padding`` 1.

    Source: sagiebenaim/DistanceGAN, cyclegan_arch/networks.py, ``NLayerDiscriminator``.
    """

    def __init__(self, ndf: int, n_layers: int, padding: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, ndf, 4, stride=2, padding=padding), nn.LeakyReLU(0.2, inplace=True)]
        width = ndf
        for n in range(1, n_layers + 1):
            stride = 2 if n < n_layers else 1  # the last of these convolutions keeps the resolution
            out = ndf * min(2**n, 8)
            layers += [nn.Conv2d(width, out, 4, stride=stride, padding=padding), norm(out)]
            layers += [nn.LeakyReLU(0.2, inplace=True)]
            width = out
        self.model = nn.Sequential(*layers, nn.Conv2d(width, 1, 4, padding=padding))
        self.n_layers, self.padding = n_layers, padding

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)

    def scores(self, side: int) -> int:
        """Scores along a side of ``side`` pixels; below 1 the pictures are too small."""
        for stride in (2,) * self.n_layers + (1, 1):
            side = (side + 2 * self.padding - 4) // stride + 1
        return side


def init_weights(net: Net) -> Net:
    """Weights of convolutions normal(0, 0.02), of norms normal(1, 0.02) with shifts 0; other biases stay.

    Source: sagiebenaim/DistanceGAN, cyclegan_arch/networks.py, ``weights_init``.
    """
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(module.weight, 0.0, 0.02)
        elif isinstance(module, nn.GroupNorm):
            nn.init.normal_(module.weight, 1.0, 0.02)
            nn.init.zeros_(module.bias)
    return net
