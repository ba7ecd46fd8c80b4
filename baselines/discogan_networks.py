"""The networks of DiscoGAN, for square pictures whose side is a power of two, with the official state_dict keys.

The official widths and depths are for 64 pixels. Other sizes get as many halvings more or less that the
innermost map stays what it is there, 4x4: an extension of this project.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from methods.interface import ImageShape

BOTTLENECK = 100
"""channels of the 1x1 map of generators with five encoder layers"""


def halvings(shape: ImageShape) -> int:
    """How often the side must be halved to reach 4; ValueError where it cannot be."""
    side = shape.height
    if shape.width != side or side < 16 or side & (side - 1):
        raise ValueError(
            f"pictures of {shape.width}x{shape.height} do not fit DiscoGAN's networks;"
            " expected a square whose side is a power of two from 16 (64 in the paper)"
        )
    return side.bit_length() - 3


class Generator(nn.Module):
    """Encoder of strided convolutions, decoder of transposed ones: [B, 3, H, W] in [0, 1] to the same.

    Args:
        width: channels behind the first convolution; doubled with each halving up to 8 times that.
        downs: halvings of the resolution; H and W must be multiples of 2**downs.
        bottleneck: reduce the innermost 4x4 map further to a single position of 100 channels.

    Source: SKTBrain/DiscoGAN, discogan/model.py, ``Generator``.
    """

    def __init__(self, width: int, downs: int, bottleneck: bool) -> None:
        super().__init__()
        widths = [width * min(2**i, 8) for i in range(downs)]
        layers: list[nn.Module] = [down(3, widths[0]), leaky()]
        for before, after in pairwise(widths):
            layers += [down(before, after), nn.BatchNorm2d(after), leaky()]
        if bottleneck:
            inner = widths[-1]
            layers += [nn.Conv2d(inner, BOTTLENECK, 4, bias=False), nn.BatchNorm2d(BOTTLENECK), leaky()]
            layers += [nn.ConvTranspose2d(BOTTLENECK, inner, 4, bias=False), nn.BatchNorm2d(inner), relu()]
        for before, after in pairwise(reversed(widths)):
            layers += [up(before, after), nn.BatchNorm2d(after), relu()]
        self.main = nn.Sequential(*layers, up(widths[0], 3), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        return self.main(x)


class Discriminator(nn.Module):
    """One raw score a picture, and the features that are matched.

    ``conv1`` to ``conv{downs}`` halve the resolution down to 4x4, one more convolution makes the score. The
    official network ends with a sigmoid; here the losses take the raw score.

    Source: SKTBrain/DiscoGAN, discogan/model.py, ``Discriminator``.
    """

    def __init__(self, width: int, downs: int) -> None:
        super().__init__()
        self.downs = downs
        widths = [3] + [width * min(2**i, 8) for i in range(downs)]
        for i, (before, after) in enumerate(pairwise(widths), start=1):
            self.add_module(f"conv{i}", down(before, after))
            if i > 1:
                self.add_module(f"bn{i}", nn.BatchNorm2d(after))
        self.add_module(f"conv{downs + 1}", nn.Conv2d(widths[-1], 1, 4, bias=False))
        self.activation = leaky()

    def forward(self, x: Tensor) -> tuple[Tensor, dict[int, Tensor]]:
        """Scores [B], and the features behind layers 2 to ``downs`` by the number of the layer."""
        features = {}
        for i in range(1, self.downs + 1):
            x = self.get_submodule(f"conv{i}")(x)
            if i == 1:
                x = self.activation(x)
            else:
                x = features[i] = self.activation(self.get_submodule(f"bn{i}")(x))
        return self.get_submodule(f"conv{self.downs + 1}")(x).flatten(), features


def down(before: int, after: int) -> nn.Module:
    """Halve the resolution."""
    return nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)


def up(before: int, after: int) -> nn.Module:
    """Double the resolution."""
    return nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)


def leaky() -> nn.Module:
    return nn.LeakyReLU(0.2, inplace=True)


def relu() -> nn.Module:
    return nn.ReLU(inplace=True)
