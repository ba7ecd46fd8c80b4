"""DRN-D-22, the dilated residual network that segments street scenes into the 19 classes of Cityscapes.

Yu, Koltun, Funkhouser, "Dilated Residual Networks", CVPR 2017; keys of the state dict are those of
github.com/fyu/drn, ``DRNSeg("drn_d_22", 19)``, so that files made there fit.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CLASSES = 19
MEAN = (0.29010095242892997, 0.32808144844279574, 0.28696394422942517)
STD = (0.1829540508368939, 0.18656561047509476, 0.18447508988480435)
"""of RGB in [0, 1] over the photos of Cityscapes (fyu/drn, datasets/cityscapes/info.json)"""
STRIDE = 8
"""pixels of a picture for one position of the last features"""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; both use the dilation of their stage."""

    def __init__(self, inputs: int, channels: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, channels, 3, stride, padding=dilation, dilation=dilation, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, padding=dilation, dilation=dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != channels:
            shortcut = nn.Conv2d(inputs, channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return F.relu(self.bn2(self.conv2(y)).add_(shortcut), inplace=True)


class DRN(nn.Module):
    """DRN-D-22 with its segmentation head; ``forward`` takes pictures that `normalised` made.

    The weights are drawn as in fyu/drn: convolutions normal with deviation sqrt(2 / (kernel area * outputs)).
    """

    def __init__(self) -> None:
        super().__init__()
        self.base = nn.Sequential(
            _convolution(3, 16, kernel=7),
            _convolution(16, 16),
            _convolution(16, 32, stride=2),
            _blocks(32, 64, stride=2),
            _blocks(64, 128, stride=2),
            _blocks(128, 256, dilation=2),
            _blocks(256, 512, dilation=4),
            _convolution(512, 512, dilation=2),
            _convolution(512, 512),
        )
        self.seg = nn.Conv2d(512, CLASSES, 1)
        self.up = nn.ConvTranspose2d(
            CLASSES, CLASSES, 2 * STRIDE, STRIDE, padding=STRIDE // 2, groups=CLASSES, bias=False
        )
        self._draw_weights()

    def _draw_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                outputs = module.kernel_size[0] * module.kernel_size[1] * module.out_channels
                nn.init.normal_(module.weight, 0, math.sqrt(2 / outputs))
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.up.weight.requires_grad_(False).copy_(bilinear_kernel())

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised pictures [N, 3, H, W] -> log-probabilities [N, 19, H, W], and the scores before they are
        enlarged [N, 19, H / 8, W / 8].

        H and W should be multiples of 8; other sizes are rounded up in the output.
        """
        scores = self.seg(self.base(x))
        return F.log_softmax(self.up(scores), dim=1), scores


def _convolution(inputs: int, outputs: int, stride: int = 1, dilation: int = 1, kernel: int = 3) -> nn.Sequential:
    padding = dilation * (kernel // 2)
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


def _blocks(inputs: int, channels: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, channels, stride, dilation), BasicBlock(channels, channels, 1, dilation))


def bilinear_kernel() -> Tensor:
    """The fixed kernel of ``up``, [1, 1, 16, 16]: bilinear interpolation from one position in 8 to every pixel."""
    size = 2 * STRIDE
    tent = 1 - (torch.arange(size) / STRIDE - (size - 1) / size).abs()
    return (tent[:, None] * tent[None, :])[None, None]


def normalised(pictures: Tensor) -> Tensor:
    """uint8 [N, H, W, 3] -> [N, 3, H, W] of the default dtype, as the network expects its input."""
    x = pictures.permute(0, 3, 1, 2).to(torch.get_default_dtype()).div(255)
    mean, std = (x.new_tensor(values)[:, None, None] for values in (MEAN, STD))
    return (x - mean) / std


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Shape of every entry of the state dict, by key."""
    with torch.device("meta"):
        return {key: tuple(value.shape) for key, value in DRN().state_dict().items()}
