"""Layers that the CycleGAN / CUT family shares: instance norm, blurred down- and upsampling."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPS = 1e-5
"""what instance norm adds to a variance"""


class InstanceNorm(nn.Module):
    """Normalise every channel of every picture to mean 0 and variance 1; eps 1e-5, nothing is learned.

    Computed as a group norm with one group per channel: PyTorch's own instance norm on the CPU returns a
    wrong gradient at batch 1 when the incoming gradient has channels-last strides. PyTorch's group norm is right,
    but its backward pass takes five times as long on a CPU as the same formula in plain operations.
    """

    def forward(self, x: Tensor) -> Tensor:
        return _ChannelNorm.apply(x) if x.device.type == "cpu" else F.group_norm(x, x.shape[1], eps=EPS)


class _ChannelNorm(torch.autograd.Function):
    """Group norm with one group per channel, whose gradient is made of operations that are fast in channels-last.

    With m pixels, y = (x - mean) r and r = 1/sqrt(var + eps):
    dL/dx = r (dy - sum(dy)/m - (x - mean) r^2 sum(dy (x - mean))/m).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        y, mean, r = torch.native_group_norm(x, None, None, n, channels, height * width, channels, EPS)
        ctx.save_for_backward(x, mean, r)
        return y

    @staticmethod
    def backward(ctx: Any, dy: Tensor) -> Tensor:
        x, mean, r = ctx.saved_tensors
        if torch.is_grad_enabled():  # somebody wants the gradient of the gradient, through mean and r too
            y = F.group_norm(x, x.shape[1], eps=EPS)
            return torch.autograd.grad(y, x, dy, create_graph=True)[0]
        m = x.shape[2] * x.shape[3]
        exact = torch.promote_types(x.dtype, torch.float32)
        by_mean = dy.sum((2, 3), dtype=exact) / m
        by_scale = r * r * ((dy * x).sum((2, 3), dtype=exact) / m - mean * by_mean)
        shift, slope, scale = (
            v.to(x.dtype)[:, :, None, None] for v in (r * (mean * by_scale - by_mean), -r * by_scale, r)
        )
        return torch.addcmul(shift, x, slope).addcmul_(dy, scale)


class BlurDownsample(nn.Module):
    """Antialiased downsampling by 2: reflect-pad 1, depthwise [1,2,1]x[1,2,1]/16, stride 2 (Zhang, ICML 2019).

    [B, C, H, W] -> [B, C, floor((H-1)/2)+1, floor((W-1)/2)+1]. ``filt`` is a constant of the state_dict.
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        tap = torch.tensor([1.0, 2.0, 1.0])
        self.register_buffer("filt", (torch.outer(tap, tap) / 16).expand(channels, 1, 3, 3).clone())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), self.filt, stride=2, groups=x.shape[1])


class BlurUpsample(nn.Module):
    """Antialiased upsampling by 2 with the kernel [1,3,3,1]x[1,3,3,1]/16: [B, C, H, W] -> [B, C, 2H, 2W].

    The official transposed convolution with replicated borders equals bilinear interpolation (difference
    4e-16), which is several times faster. ``filt`` stays in the state_dict for official checkpoints.
    """

    filt: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        tap = torch.tensor([1.0, 3.0, 3.0, 1.0])
        self.register_buffer("filt", (torch.outer(tap, tap) / 16).expand(channels, 1, 4, 4).clone())

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


class L2Normalize(nn.Module):
    """x / (|x| + 1e-7) along the last axis (``Normalize`` of the official heads)."""

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.norm(dim=-1, keepdim=True) + 1e-7)
