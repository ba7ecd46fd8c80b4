from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from methods.init import Init, init_weights


@pytest.mark.parametrize(
    ("kind", "std"),
    [
        ("xavier", 0.02 * math.sqrt(2 / (400 * 9 + 200 * 9))),  # gain sqrt(2 / (fan_in + fan_out))
        ("normal", 0.02),
        ("kaiming", math.sqrt(2 / (400 * 9))),  # sqrt(2 / fan_in)
    ],
)
def test_spread_of_a_convolution(kind: Init, std: float) -> None:
    conv = nn.Conv2d(400, 200, 3)
    init_weights(conv, kind)
    assert float(conv.weight.detach().std()) == pytest.approx(std, rel=0.01)
    assert float(conv.weight.detach().mean()) == pytest.approx(0, abs=std / 100)


def test_orthogonal_rows() -> None:
    linear = nn.Linear(8, 4)
    init_weights(linear, "orthogonal", gain=0.5)
    torch.testing.assert_close(linear.weight @ linear.weight.T, 0.25 * torch.eye(4))


def test_biases_are_zeroed_or_left() -> None:
    conv = nn.ConvTranspose2d(3, 4, 3)
    drawn = conv.bias.detach().clone() if conv.bias is not None else torch.zeros(0)
    init_weights(conv, zero_bias=False)
    assert conv.bias is not None
    assert torch.equal(conv.bias, drawn)
    init_weights(conv)
    assert torch.count_nonzero(conv.bias) == 0


def test_batch_norms_of_pictures_are_drawn_and_those_of_rows_are_not() -> None:
    net = nn.Sequential(nn.BatchNorm2d(2000), nn.BatchNorm1d(5))
    init_weights(net)
    drawn, left = net.get_parameter("0.weight").detach(), net.get_parameter("1.weight")
    assert float(drawn.std()) == pytest.approx(0.02, rel=0.1)
    assert float(drawn.mean()) == pytest.approx(1, abs=0.005)
    assert torch.equal(left, torch.ones(5))
