"""Random changes of colour that leave the geometry of pictures as it is."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.interface import Draws


def color_jitter(
    pictures: Tensor, draw: Draws, name: str, brightness: float, contrast: float, saturation: float, hue: float
) -> Tensor:
    """Pictures [B, 3, H, W] in [-1, 1] with brightness, contrast, saturation and hue changed at random.

    Each picture draws its own amounts, ``{name}/brightness`` and so on, and its own order of the four changes,
    ``{name}/order``. The first three are factors, uniform on 1 - amount to 1 + amount; the hue is turned by a
    share of the colour circle uniform on -hue to hue.

    Source: pytorch/vision, ``transforms.ColorJitter``, whose tensors are changed in the same way; pictures of
    Pillow are rounded to 8 bits after each change there.
    """
    x, n, device = (pictures + 1) / 2, len(pictures), pictures.device

    def amount(kind: str, reach: float) -> Tensor:
        return reach * (2 * draw.uniform(f"{name}/{kind}", (n,), device) - 1).reshape(n, 1, 1, 1)

    bright, strong, vivid = (
        1 + amount(kind, reach)
        for kind, reach in (("brightness", brightness), ("contrast", contrast), ("saturation", saturation))
    )
    turned = amount("hue", hue)
    order = draw.uniform(f"{name}/order", (n, 4), device).argsort(dim=1)
    for place in range(4):
        changed = (
            (bright * x).clamp(0, 1),
            blend(x, grey(x).mean((1, 2, 3), keepdim=True), strong),
            blend(x, grey(x), vivid),
            turn_hue(x, turned),
        )
        which = order[:, place].reshape(1, n, 1, 1, 1).expand(1, *x.shape)
        x = torch.stack(changed).gather(0, which)[0]  # chosen on the device, one for each picture
    return 2 * x - 1


def grey(x: Tensor) -> Tensor:
    """The luminance of pictures (ITU-R 601): [B, 3, H, W] -> [B, 1, H, W]."""
    red, green, blue = x.chunk(3, dim=1)
    return 0.299 * red + 0.587 * green + 0.114 * blue


def blend(x: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    """factor x + (1 - factor) other, cut to [0, 1]."""
    return (factor * x + (1 - factor) * other).clamp(0, 1)


def turn_hue(x: Tensor, share: Tensor) -> Tensor:
    """Colours [B, 3, H, W] in [0, 1] turned around the HSV circle by ``share`` of a full turn."""
    value, lightest = x.max(1)
    chroma = value - x.amin(1)
    red, green, blue = x.unbind(1)
    safe = torch.where(chroma > 0, chroma, torch.ones_like(chroma))
    sixths = torch.stack(((green - blue) / safe, 2 + (blue - red) / safe, 4 + (red - green) / safe))
    hue = sixths.gather(0, lightest[None])[0] + 6 * share.reshape(-1, 1, 1)
    # A channel is darkened by a trapezoid of its distance from the hue: 0 within one sixth, full beyond two.
    distance = torch.stack([hue + shift for shift in (5, 3, 1)], dim=1) % 6
    dark = torch.minimum(distance, 4 - distance).clamp(0, 1)
    return value[:, None] - chroma[:, None] * dark
