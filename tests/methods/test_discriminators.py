from __future__ import annotations

import pytest
import torch
from torch import nn

from methods.config import GanConfig
from methods.discriminators import PatchGAN, PixelGAN, discriminator
from methods.layers import BlurDownsample


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_sizes_of_the_official_discriminators() -> None:
    for no_antialias in (False, True):
        assert parameters(discriminator(GanConfig(no_antialias=no_antialias))) == 2_764_737
    assert parameters(discriminator(GanConfig(netD="pixel"))) == 8_705


@pytest.mark.parametrize("no_antialias", [False, True])
@pytest.mark.parametrize(("size", "scores"), [(64, 6), (128, 14), (256, 30)])
def test_scores_of_overlapping_patches(no_antialias: bool, size: int, scores: int) -> None:
    net = PatchGAN(ndf=1, no_antialias=no_antialias)
    assert net(torch.zeros(2, 3, size, size)).shape == (2, 1, scores, scores)


@pytest.mark.parametrize(("no_antialias", "field"), [(True, 70), (False, 84)])
def test_receptive_field(no_antialias: bool, field: int) -> None:
    """Of the convolutions alone; instance norms let every position see the whole picture."""
    linear = [m for m in PatchGAN(1, 3, no_antialias).model if isinstance(m, (nn.Conv2d, BlurDownsample))]
    for p in nn.Sequential(*linear).parameters():
        nn.init.ones_(p)
    x = torch.zeros(1, 3, 256, 256, requires_grad=True)
    scores = nn.Sequential(*linear)(x)
    (seen,) = torch.autograd.grad(scores[0, 0, 15, 15], x)
    rows = seen[0, 0].abs().sum(1).nonzero()
    assert int(rows.max() - rows.min()) + 1 == field


def test_the_number_of_layers() -> None:
    three = discriminator(GanConfig(ndf=2))
    assert isinstance(three, PatchGAN)
    assert three.state_dict().keys() == discriminator(GanConfig(ndf=2, netD="n_layers")).state_dict().keys()
    deep = discriminator(GanConfig(ndf=2, netD="n_layers", n_layers_D=5))
    widths = [m.out_channels for m in deep.modules() if isinstance(m, nn.Conv2d)]
    assert widths == [2, 4, 8, 16, 16, 16, 1]  # at most eight times ndf


def test_a_pixel_is_judged_without_its_neighbours() -> None:
    net = PixelGAN(ndf=2)
    x = torch.randn(1, 3, 4, 4)
    order = torch.randperm(16)
    moved = net(x.flatten(2)[:, :, order].reshape(1, 3, 4, 4))
    torch.testing.assert_close(moved.flatten(), net(x).flatten()[order])
