"""Discriminators of the CycleGAN / CUT family, with the official state_dict keys."""

from __future__ import annotations

from torch import Tensor, nn

from methods.config import GanConfig
from methods.layers import BlurDownsample, InstanceNorm


class PatchGAN(nn.Module):
    """A map of raw scores, one for each overlapping patch: [B, 3, H, W] -> [B, 1, h, w] (30x30 at 256x256).

    Receptive field 70 pixels without antialiasing, 84 with it. No sigmoid.

    Source: taesungp/contrastive-unpaired-translation, models/networks.py, ``NLayerDiscriminator``.
    """

    def __init__(self, ndf: int = 64, n_layers: int = 3, no_antialias: bool = False) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = 3
        for n in range(n_layers + 1):
            out = ndf * min(2**n, 8)
            down = n < n_layers  # the last of these convolutions keeps the resolution
            stride = 2 if down and no_antialias else 1
            layers.append(nn.Conv2d(width, out, 4, stride=stride, padding=1))
            if n > 0:
                layers.append(InstanceNorm())
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            if down and not no_antialias:
                layers.append(BlurDownsample(out))
            width = out
        layers.append(nn.Conv2d(width, 1, 4, padding=1))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class PixelGAN(nn.Module):
    """A raw score for every pixel, from that pixel's colours alone (``PixelDiscriminator``)."""

    def __init__(self, ndf: int = 64) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(3, ndf, 1),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, 2 * ndf, 1),
            InstanceNorm(),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * ndf, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def discriminator(config: GanConfig) -> PatchGAN | PixelGAN:
    """The discriminator that ``config`` describes, not yet initialised."""
    if config.netD == "pixel":
        return PixelGAN(config.ndf)
    return PatchGAN(config.ndf, 3 if config.netD == "basic" else config.n_layers_D, config.no_antialias)
