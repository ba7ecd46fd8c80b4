"""The Inception network of the FID (2015), with the state_dict keys of pytorch-fid."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

LEVELS = (64, 192, 768, 2048)
"""Feature levels, named by their width: after the first and second max-pool, after 6e, after 7c."""
STEM_BATCH = 4
"""Pictures that pass the stem at once on a CPU: its largest map then stays below 32 MiB."""


class ConvUnit(nn.Module):
    """Convolution without bias, batch norm (eps 0.001), ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn: nn.Module = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)), inplace=True)

    def fold(self) -> None:
        """Let the convolution do the batch norm's work (inference only; equal up to rounding)."""
        assert isinstance(self.bn, nn.BatchNorm2d)
        self.conv = fuse_conv_bn_eval(self.conv, self.bn)
        self.bn = nn.Identity()


def _average_pool(x: Tensor) -> Tensor:
    """3x3 mean at stride 1 over the pixels that exist: padding is not counted."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class BlockA(nn.Module):
    """Mixed_5b, 5c, 5d."""

    def __init__(self, inputs: int, pool: int) -> None:
        super().__init__()
        self.branch1x1 = ConvUnit(inputs, 64, 1)
        self.branch5x5_1 = ConvUnit(inputs, 48, 1)
        self.branch5x5_2 = ConvUnit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvUnit(inputs, 64, 1)
        self.branch3x3dbl_2 = ConvUnit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvUnit(96, 96, 3, padding=1)
        self.branch_pool = ConvUnit(inputs, pool, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(_average_pool(x))], 1)


class ReductionA(nn.Module):
    """Mixed_6a."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = ConvUnit(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvUnit(inputs, 64, 1)
        self.branch3x3dbl_2 = ConvUnit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvUnit(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, stride=2)], 1)


class BlockC(nn.Module):
    """Mixed_6b to 6e; ``middle`` is the width inside the factorised 7x7 branches."""

    def __init__(self, inputs: int, middle: int) -> None:
        super().__init__()
        self.branch1x1 = ConvUnit(inputs, 192, 1)
        self.branch7x7_1 = ConvUnit(inputs, middle, 1)
        self.branch7x7_2 = ConvUnit(middle, middle, (1, 7), padding=(0, 3))
        self.branch7x7_3 = ConvUnit(middle, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = ConvUnit(inputs, middle, 1)
        self.branch7x7dbl_2 = ConvUnit(middle, middle, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = ConvUnit(middle, middle, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = ConvUnit(middle, middle, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = ConvUnit(middle, 192, (1, 7), padding=(0, 3))
        self.branch_pool = ConvUnit(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_average_pool(x))], 1)


class ReductionB(nn.Module):
    """Mixed_7a."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3_1 = ConvUnit(inputs, 192, 1)
        self.branch3x3_2 = ConvUnit(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvUnit(inputs, 192, 1)
        self.branch7x7x3_2 = ConvUnit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = ConvUnit(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = ConvUnit(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat([three, self.branch7x7x3_4(seven), F.max_pool2d(x, 3, stride=2)], 1)


class BlockE(nn.Module):
    """Mixed_7b (average pool) and 7c (max pool)."""

    def __init__(self, inputs: int, max_pool: bool) -> None:
        super().__init__()
        self.max_pool = max_pool
        self.branch1x1 = ConvUnit(inputs, 320, 1)
        self.branch3x3_1 = ConvUnit(inputs, 384, 1)
        self.branch3x3_2a = ConvUnit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = ConvUnit(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = ConvUnit(inputs, 448, 1)
        self.branch3x3dbl_2 = ConvUnit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvUnit(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = ConvUnit(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = ConvUnit(inputs, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.max_pool else _average_pool(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled)]
        return torch.cat(parts, 1)


class Inception(nn.Module):
    """Inception-v3 as converted from the 2015 TensorFlow graph, without its classifier.

    The two quirks against torchvision's network are kept: average pools do not count padding, and the pool
    of the last block is a max-pool. Source: Szegedy et al. 2016; pytorch-fid ``fid_inception_v3``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = ConvUnit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = ConvUnit(32, 32, 3)
        self.Conv2d_2b_3x3 = ConvUnit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = ConvUnit(64, 80, 1)
        self.Conv2d_4a_3x3 = ConvUnit(80, 192, 3)
        self.Mixed_5b = BlockA(192, pool=32)
        self.Mixed_5c = BlockA(256, pool=64)
        self.Mixed_5d = BlockA(288, pool=64)
        self.Mixed_6a = ReductionA(288)
        self.Mixed_6b = BlockC(768, middle=128)
        self.Mixed_6c = BlockC(768, middle=160)
        self.Mixed_6d = BlockC(768, middle=160)
        self.Mixed_6e = BlockC(768, middle=192)
        self.Mixed_7a = ReductionB(768)
        self.Mixed_7b = BlockE(1280, max_pool=False)
        self.Mixed_7c = BlockE(2048, max_pool=True)

    def stem(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 3, 299, 299] -> maps of the levels 64 [N, 64, 73, 73] and 192 [N, 192, 35, 35]."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x64 = F.max_pool2d(x, 3, stride=2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x64))
        return x64, F.max_pool2d(x, 3, stride=2)

    def forward(self, x: Tensor, levels: Collection[int] = (2048,)) -> dict[int, Tensor]:
        """Features of the levels asked for, each averaged over its map; nothing above the highest is computed.

        Args:
            x: [N, 3, 299, 299] in [-1, 1].
            levels: some of `LEVELS`.

        Returns:
            level -> [N, level].
        """
        return {level: found.mean((2, 3)) for level, found in self.maps(x, levels).items()}

    def maps(self, x: Tensor, levels: Collection[int]) -> dict[int, Tensor]:
        """The maps [N, level, H, W] of the levels asked for; arguments as in `forward`."""
        # blocks above 32 MiB go back to the system at once and cost page faults, hence few pictures at a time
        few = torch.split(x, STEM_BATCH if x.device.type == "cpu" else len(x))
        parts = [self.stem(pictures) for pictures in few]
        maps = {64: torch.cat([p[0] for p in parts])} if 64 in levels else {}
        maps[192] = torch.cat([p[1] for p in parts])
        if max(levels) > 192:
            x = self.Mixed_6a(self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(maps[192]))))
            maps[768] = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        if max(levels) > 768:
            maps[2048] = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(maps[768])))
        return {level: maps[level] for level in levels}


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """The shape of every weight that features depend on, under pytorch-fid's name."""
    with torch.device("meta"):
        state = Inception().state_dict()
    return {key: tuple(tensor.shape) for key, tensor in state.items() if not key.endswith("num_batches_tracked")}


def load_inception(state: Mapping[str, Tensor], device: torch.device) -> Inception:
    """The network for inference: batch norms folded into the convolutions, channels-last, on ``device``.

    Args:
        state: weights under pytorch-fid's names (those of `expected_shapes`).
    """
    with torch.device("meta"):
        network = Inception()
    network.load_state_dict(dict(state), assign=True)
    network.eval().requires_grad_(False)
    for unit in network.modules():
        if isinstance(unit, ConvUnit):
            unit.fold()
    return network.to(device).to(memory_format=torch.channels_last)
