"""Networks of MUNIT and UNIT, with the official state_dict keys.

Source: NVlabs/MUNIT, networks.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from methods.layers import InstanceNorm

Activation = Literal["relu", "lrelu", "prelu", "selu", "tanh"]
Padding = Literal["reflect", "replicate", "zero"]
Norm = Literal["none", "in", "ln", "adain"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "lrelu": lambda: nn.LeakyReLU(0.2, inplace=True),
    "prelu": nn.PReLU,
    "selu": lambda: nn.SELU(inplace=True),
    "tanh": nn.Tanh,
    "none": nn.Identity,
}
PADDINGS: dict[str, Callable[[int], nn.Module]] = {
    "reflect": nn.ReflectionPad2d,
    "replicate": nn.ReplicationPad2d,
    "zero": nn.ZeroPad2d,
}


class LayerNorm(nn.Module):
    """(x - mean) / (std + 1e-5) over all of a picture's feature, then gamma x + beta for each channel.

    Other than PyTorch's: the deviation is the unbiased one, and eps stands outside the root.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        variance, mean = torch.var_mean(x, dim=(1, 2, 3), keepdim=True, correction=1)
        x = (x - mean) / (variance.sqrt() + 1e-5)
        return x * self.gamma.reshape(-1, 1, 1) + self.beta.reshape(-1, 1, 1)


class AdaIN(nn.Module):
    """Instance norm, then a scale and a shift that come from outside (Huang and Belongie, ICCV 2017).

    The two buffers are constants of the official state_dict; nothing reads them.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = InstanceNorm()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        """``code`` [B, 2C]: the shift of each channel, then its scale."""
        shift, scale = code[:, :, None, None].chunk(2, dim=1)
        return scale * self.norm(x) + shift


def norm_layer(norm: Norm, channels: int) -> nn.Module:
    if norm == "adain":
        return AdaIN(channels)
    if norm == "ln":
        return LayerNorm(channels)
    return InstanceNorm() if norm == "in" else nn.Identity()


class ConvBlock(nn.Module):
    """Padding, convolution, norm, activation."""

    def __init__(
        self,
        before: int,
        after: int,
        kernel: int,
        stride: int,
        padding: int,
        norm: Norm = "none",
        activation: str = "relu",
        pad_type: Padding = "reflect",
    ) -> None:
        super().__init__()
        self.pad = PADDINGS[pad_type](padding)
        self.conv = nn.Conv2d(before, after, kernel, stride)
        self.norm = norm_layer(norm, after)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor, *code: Tensor) -> Tensor:
        """``code`` is what an AdaIN takes."""
        return self.activation(self.norm(self.conv(self.pad(x)), *code))


class ResBlock(nn.Module):
    """x + two 3x3 convolutions of x, the second without activation."""

    def __init__(self, channels: int, norm: Norm, activation: Activation, pad_type: Padding) -> None:
        super().__init__()
        self.model = nn.Sequential(
            ConvBlock(channels, channels, 3, 1, 1, norm, activation, pad_type),
            ConvBlock(channels, channels, 3, 1, 1, norm, "none", pad_type),
        )

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        """``code`` [B, 4C]: those of two AdaINs."""
        if code is None:
            return x + self.model(x)
        first, second = code.chunk(2, dim=1)
        return x + self.model[1](self.model[0](x, first), second)


class ResBlocks(nn.Module):
    """``n_res`` residual blocks."""

    def __init__(self, n_res: int, channels: int, norm: Norm, activation: Activation, pad_type: Padding) -> None:
        super().__init__()
        self.model = nn.Sequential(*[ResBlock(channels, norm, activation, pad_type) for _ in range(n_res)])

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        if code is None:
            return self.model(x)
        for block, part in zip(self.model, code.chunk(len(self.model), dim=1), strict=True):
            x = block(x, part)
        return x


class ContentEncoder(nn.Module):
    """[B, 3, H, W] -> [B, dim 2^n, H/2^n, W/2^n] with n halvings; instance norm takes the style away."""

    def __init__(self, n_downsample: int, n_res: int, dim: int, activation: Activation, pad_type: Padding) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvBlock(3, dim, 7, 1, 3, "in", activation, pad_type)]
        for _ in range(n_downsample):
            layers.append(ConvBlock(dim, 2 * dim, 4, 2, 1, "in", activation, pad_type))
            dim *= 2
        layers.append(ResBlocks(n_res, dim, "in", activation, pad_type))
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class StyleEncoder(nn.Module):
    """[B, 3, H, W] -> [B, style_dim, 1, 1]: four halvings without norm, then the mean over all places."""

    def __init__(self, dim: int, style_dim: int, activation: Activation, pad_type: Padding) -> None:
        super().__init__()
        layers: list[nn.Module] = [ConvBlock(3, dim, 7, 1, 3, "none", activation, pad_type)]
        for before, after in ((dim, 2 * dim), (2 * dim, 4 * dim), (4 * dim, 4 * dim), (4 * dim, 4 * dim)):
            layers.append(ConvBlock(before, after, 4, 2, 1, "none", activation, pad_type))
        layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(4 * dim, style_dim, 1)]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Decoder(nn.Module):
    """Residual blocks, then doublings with layer norm, then tanh."""

    def __init__(
        self, n_upsample: int, n_res: int, channels: int, norm: Norm, activation: Activation, pad_type: Padding
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [ResBlocks(n_res, channels, norm, activation, pad_type)]
        for _ in range(n_upsample):
            layers.append(nn.Upsample(scale_factor=2))
            layers.append(ConvBlock(channels, channels // 2, 5, 1, 2, "ln", activation, pad_type))
            channels //= 2
        layers.append(ConvBlock(channels, 3, 7, 1, 3, "none", "tanh", pad_type))
        self.model = nn.Sequential(*layers)

    def forward(self, content: Tensor, code: Tensor | None = None) -> Tensor:
        """``code``: those of all AdaINs, in their order."""
        return self.model[1:](self.model[0](content, code))


class LinearBlock(nn.Module):
    """Linear layer, activation."""

    def __init__(self, before: int, after: int, activation: str) -> None:
        super().__init__()
        self.fc = nn.Linear(before, after)
        self.activation = ACTIVATIONS[activation]()

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(self.fc(x))


class MLP(nn.Module):
    """A style code [B, style_dim, 1, 1] to the scales and shifts of all AdaINs."""

    def __init__(self, before: int, after: int, dim: int, activation: Activation) -> None:
        super().__init__()
        self.model = nn.Sequential(
            LinearBlock(before, dim, activation), LinearBlock(dim, dim, activation), LinearBlock(dim, after, "none")
        )

    def forward(self, style: Tensor) -> Tensor:
        return self.model(style.flatten(1))


class AdaINGen(nn.Module):
    """The auto-encoder of one domain of MUNIT: content and style apart, style put back by AdaIN."""

    def __init__(
        self,
        dim: int,
        style_dim: int,
        n_downsample: int,
        n_res: int,
        mlp_dim: int,
        activation: Activation,
        pad_type: Padding,
    ) -> None:
        super().__init__()
        channels = dim * 2**n_downsample
        self.enc_style = StyleEncoder(dim, style_dim, activation, pad_type)
        self.enc_content = ContentEncoder(n_downsample, n_res, dim, activation, pad_type)
        self.dec = Decoder(n_downsample, n_res, channels, "adain", activation, pad_type)
        self.mlp = MLP(style_dim, 4 * channels * n_res, mlp_dim, activation)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Content [B, dim 2^n, H/2^n, W/2^n] and style [B, style_dim, 1, 1]."""
        return self.enc_content(x), self.enc_style(x)

    def decode(self, content: Tensor, style: Tensor) -> Tensor:
        return self.dec(content, self.mlp(style))


class VAEGen(nn.Module):
    """The auto-encoder of one domain of UNIT; its code has unit variance around what is encoded."""

    def __init__(self, dim: int, n_downsample: int, n_res: int, activation: Activation, pad_type: Padding) -> None:
        super().__init__()
        self.enc = ContentEncoder(n_downsample, n_res, dim, activation, pad_type)
        self.dec = Decoder(n_downsample, n_res, dim * 2**n_downsample, "in", activation, pad_type)


class MsImageDis(nn.Module):
    """One PatchGAN for each of several scales of a picture; returns the raw scores of each."""

    def __init__(
        self, dim: int, n_layer: int, num_scales: int, norm: Norm, activation: Activation, pad_type: Padding
    ) -> None:
        super().__init__()
        self.downsample = nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False)
        self.cnns = nn.ModuleList()
        for _ in range(num_scales):
            layers: list[nn.Module] = [ConvBlock(3, dim, 4, 2, 1, "none", activation, pad_type)]
            for n in range(n_layer - 1):
                layers.append(ConvBlock(dim * 2**n, dim * 2 ** (n + 1), 4, 2, 1, norm, activation, pad_type))
            self.cnns.append(nn.Sequential(*layers, nn.Conv2d(dim * 2 ** (n_layer - 1), 1, 1)))

    def forward(self, x: Tensor) -> list[Tensor]:
        scores = []
        for net in self.cnns:
            scores.append(net(x))
            x = self.downsample(x)
        return scores


def smallest_side(n_layer: int, num_scales: int) -> int:
    """The least side of a picture that leaves the coarsest discriminator a score."""
    return 2 ** (num_scales - 1) * (2**n_layer - 1) + 1
