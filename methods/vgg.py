"""VGG16 as a frozen judge of pictures (Simonyan and Zisserman, ICLR 2015)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.vgg_files import VggKind

WIDTHS = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
"""channels of the 13 convolutions, relu1_1 to relu5_3"""
POSITIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
"""places of the convolutions in torchvision's ``features``"""
POOLED = (2, 4, 7, 10)
"""convolutions with a max pooling in front, in the published network"""
RELU1_2, RELU2_2, RELU3_3, RELU4_3, RELU5_3 = 1, 3, 6, 9, 12


def shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of the weights: ``features.0.weight``, ``features.0.bias``, ... in torchvision's names."""
    found: dict[str, tuple[int, ...]] = {}
    for position, before, width in zip(POSITIONS, (3, *WIDTHS), WIDTHS, strict=False):
        found[f"features.{position}.weight"] = (width, before, 3, 3)
        found[f"features.{position}.bias"] = (width,)
    return found


def no_weights() -> dict[str, Tensor]:
    """NaN in place of the weights, for translating alone: a step that looked at them could not go unnoticed."""
    return {name: torch.full(shape, torch.nan) for name, shape in shapes().items()}


def scale_of(layer: int) -> int:
    """How many times smaller than the picture the feature map of ``layer`` (0 to 12) is along each side."""
    return 2 ** sum(layer >= pooled for pooled in POOLED)


class FrozenConv(nn.Module):
    """A 3x3 convolution that is neither trained nor saved: its weights are buffers outside the state_dict."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", torch.empty(weight.shape).copy_(weight), persistent=False)
        self.register_buffer("bias", torch.empty(bias.shape).copy_(bias), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=1)


class VGG16(nn.Module):
    """The convolutions of VGG16 with given weights, up to the last layer asked for.

    Layer i of 0 to 12 is the output of the i-th ReLU: relu1_1, relu1_2, relu2_1, ..., relu5_3.
    Gradients pass to the pictures, never to the weights; a checkpoint holds nothing of it.

    Args:
        weights: as :func:`methods.vgg_weights.find_vgg16` finds them.
        kind: whose weights they are, which decides what pictures are turned into: RGB in units of ImageNet's
            mean and deviation (torchvision), or BGR in 0 to 255 without its mean (oxford).
        last: the last layer that is wanted.
        pooled: convolutions with a max pooling in front.
    """

    factor: Tensor
    offset: Tensor

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        kind: VggKind,
        last: int = RELU5_3,
        pooled: Sequence[int] = POOLED,
    ) -> None:
        super().__init__()
        self.kind = kind
        layers: list[nn.Module] = []
        for i, position in enumerate(POSITIONS[: last + 1]):
            if i in POOLED:
                layers.append(nn.MaxPool2d(2) if i in pooled else nn.Identity())
            conv = FrozenConv(weights[f"features.{position}.weight"], weights[f"features.{position}.bias"])
            layers += [conv, nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        if kind == "torchvision":
            mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
            factor, offset = 0.5 / std, (0.5 - mean) / std
        else:
            mean = torch.tensor([103.939, 116.779, 123.680])
            factor, offset = torch.full((3,), 127.5), 127.5 - mean
        self.register_buffer("factor", factor.reshape(3, 1, 1), persistent=False)
        self.register_buffer("offset", offset.reshape(3, 1, 1), persistent=False)

    def prepared(self, pictures: Tensor) -> Tensor:
        """Pictures [B, 3, H, W] in [-1, 1] as the weights expect them."""
        ordered = pictures if self.kind == "torchvision" else pictures.flip(1)
        return ordered * self.factor + self.offset

    def forward(self, pictures: Tensor, layers: Sequence[int]) -> list[Tensor]:
        """The outputs of ``layers`` for pictures in [-1, 1]; nothing behind the last of them is computed."""
        x, found = self.prepared(pictures), {}
        for position, module in enumerate(self.features[: POSITIONS[max(layers)] + 2]):
            x = module(x)
            if isinstance(module, nn.ReLU):
                found[POSITIONS.index(position - 1)] = x
        return [found[layer] for layer in layers]
