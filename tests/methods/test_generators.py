from __future__ import annotations

import pytest
import torch
from torch import nn

from methods.config import ResnetGanConfig
from methods.generators import ResnetGenerator, resnet_generator
from methods.unet import UnetBlock, UnetGenerator


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("down", [False, True])
@pytest.mark.parametrize("up", [False, True])
def test_sizes_of_the_official_generators(down: bool, up: bool) -> None:
    with torch.device("meta"):
        assert parameters(ResnetGenerator(64, 9, down, up)) == 11_378_179
        assert parameters(ResnetGenerator(64, 6, down, up)) == 7_837_699


def test_the_configuration_decides() -> None:
    net = resnet_generator(ResnetGanConfig(ngf=3, netG="resnet_4blocks", no_antialias=True, no_antialias_up=True))
    assert len(net.model) == 28 - 5
    assert net.channels(1) == 3


def test_channels_of_every_layer() -> None:
    net = ResnetGenerator(ngf=2, n_blocks=1)
    x = torch.randn(1, 3, 8, 8)
    _, taps = net.tapped(x, range(len(net.model)))
    assert [net.channels(i) for i in range(len(net.model))] == [tap.shape[1] for tap in taps]
    with pytest.raises(ValueError, match="layer 24 does not exist; this generator has layers 0 to 23"):
        net.channels(24)


def test_layer_0_is_the_padded_picture() -> None:
    net = ResnetGenerator(ngf=2, n_blocks=1)
    x = torch.randn(2, 3, 8, 8)
    (padded,) = net.encode(x, [0])
    assert padded.shape == (2, 3, 14, 14)
    assert torch.equal(padded[:, :, 3:-3, 3:-3], x)
    assert torch.equal(padded[:, :, 3:-3, 2], x[:, :, :, 1])  # reflected, the border itself not repeated


def test_taps_come_in_the_order_asked_for() -> None:
    net = ResnetGenerator(ngf=2, n_blocks=2)
    x = torch.randn(1, 3, 8, 8)
    y, (late, early) = net.tapped(x, [13, 4])
    assert torch.equal(y, net(x))
    assert torch.equal(early, net.model[:5](x))
    assert torch.equal(late, net.model[:14](x))
    assert all(torch.equal(a, b) for a, b in zip(net.encode(x, [13, 4]), (late, early), strict=True))


def test_a_residual_block_adds_to_its_input() -> None:
    block = ResnetGenerator(ngf=1, n_blocks=1).model[12]
    x = torch.randn(1, 4, 6, 6)
    for p in block.parameters():
        nn.init.zeros_(p)
    assert torch.equal(block(x), x)  # no ReLU behind the sum


def test_size_of_the_official_unet() -> None:
    with torch.device("meta"):
        assert parameters(UnetGenerator(64, 8)) == 54_409_603


def test_a_unet_skip_carries_the_activated_input() -> None:
    block = UnetBlock(outer=2, inner=3, below=None)
    x = torch.tensor([-1.0, 2.0]).reshape(1, 1, 1, 2).expand(1, 2, 2, 2)
    out = block(x.clone())
    assert out.shape == (1, 4, 2, 2)
    assert torch.equal(out[:, :2], torch.tensor([-0.2, 2.0]).reshape(1, 1, 1, 2).expand(1, 2, 2, 2))


def test_a_unet_narrows_to_one_position_and_back() -> None:
    net = UnetGenerator(ngf=2, num_downs=3)
    sizes = []
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda module, args, out: sizes.append((out.shape[1], out.shape[3])))
    y = net(torch.rand(2, 3, 8, 16) * 2 - 1)
    assert y.shape == (2, 3, 8, 16)
    assert y.abs().max() < 1
    assert sizes == [(2, 8), (4, 4), (8, 2)]  # channels and widths


def test_a_unet_refuses_sizes_it_cannot_halve() -> None:
    with pytest.raises(ValueError, match="pictures of 12x8 do not fit this U-Net; it needs multiples of 8"):
        UnetGenerator(ngf=1, num_downs=3)(torch.zeros(1, 3, 8, 12))
    with pytest.raises(ValueError, match="at least 2"):
        UnetGenerator(ngf=1, num_downs=1)
