from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from methods.layers import BlurDownsample, BlurUpsample, InstanceNorm, L2Normalize


def row(*values: float) -> Tensor:
    """A picture of one channel and one row."""
    return torch.tensor(values, dtype=torch.float64).reshape(1, 1, 1, -1)


def test_instance_norm_of_one_channel() -> None:
    # mean 2, variance 1: (x - 2) / sqrt(1 + 1e-5)
    expected = row(-1, 1) / math.sqrt(1.00001)
    torch.testing.assert_close(InstanceNorm()(row(1, 3)), expected)


def test_instance_norm_looks_at_each_channel_of_each_picture_alone() -> None:
    x = torch.randn(2, 3, 4, 5)
    together = InstanceNorm()(x)
    for i in range(2):
        for c in range(3):
            torch.testing.assert_close(together[i, c], InstanceNorm()(x[i : i + 1, c : c + 1])[0, 0])


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_instance_norm_gradient_does_not_depend_on_strides(batch: int, layout: torch.memory_format) -> None:
    x, incoming = torch.randn(batch, 4, 3, 5), torch.randn(batch, 4, 3, 5)

    def by_definition(x: Tensor) -> Tensor:
        mean = x.mean((2, 3), keepdim=True)
        return (x - mean) / ((x - mean).square().mean((2, 3), keepdim=True) + 1e-5).sqrt()

    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    (got,) = torch.autograd.grad(InstanceNorm()(ours), ours, incoming.contiguous(memory_format=layout))
    (expected,) = torch.autograd.grad(by_definition(theirs), theirs, incoming)
    torch.testing.assert_close(got, expected)


def test_instance_norm_has_first_and_second_derivatives() -> None:
    x = (5 + torch.randn(2, 2, 3, 4, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(InstanceNorm(), x)
    assert torch.autograd.gradgradcheck(InstanceNorm(), x)


def test_instance_norm_gradient_in_half_the_bits() -> None:
    x, incoming = torch.randn(2, 4, 16, 16), torch.randn(2, 4, 16, 16)
    got, expected = (
        torch.autograd.grad(InstanceNorm()(half), half, incoming.to(half.dtype))[0].float()
        for half in (x.bfloat16().requires_grad_(), x.clone().requires_grad_())
    )
    torch.testing.assert_close(got, expected, atol=0.03, rtol=0.03)


def test_blurred_downsampling_of_an_impulse() -> None:
    # 16 at row 1, column 1 of 4x4. In reflected borders it stands at -1 and 1, so the first output sees it
    # twice with weight 1 on each axis, the second (centred on 2) once.
    x = torch.zeros(1, 1, 4, 4)
    x[0, 0, 1, 1] = 16
    expected = torch.tensor([[4.0, 2.0], [2.0, 1.0]]).reshape(1, 1, 2, 2)
    torch.testing.assert_close(BlurDownsample(1)(x), expected)


@pytest.mark.parametrize(("before", "after"), [(2, 1), (3, 2), (4, 2), (5, 3), (255, 128)])
def test_blurred_downsampling_sizes(before: int, after: int) -> None:
    x = torch.ones(1, 2, before, before)
    torch.testing.assert_close(BlurDownsample(2)(x), torch.ones(1, 2, after, after))


def test_blurred_upsampling_of_a_row() -> None:
    # out[2i] = x[i-1]/4 + 3 x[i]/4, out[2i+1] = 3 x[i]/4 + x[i+1]/4, indices clamped at the borders
    expected = row(0, 1, 3, 5, 7, 8).expand(1, 1, 2, 6)
    torch.testing.assert_close(BlurUpsample(1)(row(0, 4, 8)), expected)


def test_blurred_upsampling_is_the_official_transposed_convolution() -> None:
    x, layer = torch.randn(2, 3, 5, 7), BlurUpsample(3)
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    official = F.conv_transpose2d(padded, layer.filt, stride=2, padding=2, groups=3)[:, :, 1:-1, 1:-1]
    torch.testing.assert_close(layer(x), official, rtol=0, atol=1e-14)


def test_kernels_are_part_of_the_state() -> None:
    down, up = BlurDownsample(5).state_dict()["filt"], BlurUpsample(5).state_dict()["filt"]
    assert down.shape == (5, 1, 3, 3)
    assert up.shape == (5, 1, 4, 4)
    assert down[3, 0].tolist() == [[1 / 16, 2 / 16, 1 / 16], [2 / 16, 4 / 16, 2 / 16], [1 / 16, 2 / 16, 1 / 16]]
    assert up[0, 0, 1].tolist() == [3 / 16, 9 / 16, 9 / 16, 3 / 16]


def test_unit_length() -> None:
    out = L2Normalize()(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    torch.testing.assert_close(out, torch.tensor([[3.0, 4.0], [0.0, 0.0]]) / torch.tensor([[5 + 1e-7], [1.0]]))
