"""The ResNet generator of the CycleGAN / CUT family, with the official state_dict keys."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from methods.config import ResnetGanConfig
from methods.layers import BlurDownsample, BlurUpsample, InstanceNorm


class ResnetBlock(nn.Module):
    """x + [pad 1, conv 3x3, norm, ReLU, pad 1, conv 3x3, norm](x); no ReLU after the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            InstanceNorm(),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            InstanceNorm(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv_block(x)


class ResnetGenerator(nn.Module):
    """Encoder (two downsamplings), residual blocks, decoder (two upsamplings), tanh.

    The layers stand in one container ``model``; "layer i" in the papers' lists of tapped layers is its i-th
    module. Layer 0 is the reflection-padded image. Tapping a norm gives the tensor behind the following ReLU,
    as in the official code, because that ReLU works in place.

    Source: taesungp/contrastive-unpaired-translation, models/networks.py, ``ResnetGenerator``.
    """

    def __init__(
        self, ngf: int = 64, n_blocks: int = 9, no_antialias: bool = False, no_antialias_up: bool = False
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, ngf, 7), *norm_relu()]
        for c in (ngf, 2 * ngf):
            if no_antialias:
                layers += [nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), *norm_relu()]
            else:
                layers += [nn.Conv2d(c, 2 * c, 3, padding=1), *norm_relu(), BlurDownsample(2 * c)]
        layers += [ResnetBlock(4 * ngf) for _ in range(n_blocks)]
        for c in (4 * ngf, 2 * ngf):
            if no_antialias_up:
                up = nn.ConvTranspose2d(c, c // 2, 3, stride=2, padding=1, output_padding=1)
                layers += [up, *norm_relu()]
            else:
                layers += [BlurUpsample(c), nn.Conv2d(c, c // 2, 3, padding=1), *norm_relu()]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(ngf, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Translate pictures [B, 3, H, W] in [-1, 1]; H and W multiples of 4."""
        return self.model(x)

    def tapped(self, x: Tensor, layers: Sequence[int]) -> tuple[Tensor, list[Tensor]]:
        """The translation and the outputs of ``layers``, in the order asked for."""
        found: dict[int, Tensor] = {}
        for i, layer in enumerate(self.model):
            x = layer(x)
            if i in layers:
                found[i] = x
        return x, [found[i] for i in layers]

    def encode(self, x: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """The outputs of ``layers`` alone; nothing behind the last of them is computed."""
        found: dict[int, Tensor] = {}
        for i, layer in enumerate(self.model[: max(layers) + 1]):
            x = layer(x)
            if i in layers:
                found[i] = x
        return [found[i] for i in layers]

    def channels(self, layer: int) -> int:
        """Channels of the output of ``layer``."""
        if not 0 <= layer < len(self.model):
            raise ValueError(f"layer {layer} does not exist; this generator has layers 0 to {len(self.model) - 1}")
        widths = [3]
        for module in self.model:
            conv = isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
            widths.append(module.out_channels if conv else widths[-1])  # type: ignore[arg-type]
        return widths[layer + 1]


def norm_relu() -> list[nn.Module]:
    return [InstanceNorm(), nn.ReLU(inplace=True)]


def resnet_generator(config: ResnetGanConfig) -> ResnetGenerator:
    """The generator that ``config`` describes, not yet initialised."""
    return ResnetGenerator(config.ngf, residual_blocks(config.netG), config.no_antialias, config.no_antialias_up)


def residual_blocks(netG: str) -> int:
    """``"resnet_9blocks"`` -> 9."""
    return int(netG.removeprefix("resnet_").removesuffix("blocks"))
