"""Arithmetic and saved bytes of operations whose counts are known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evaluation.counting import HostRead, Meter, Saved


def test_arithmetic_of_a_convolution_and_of_a_matrix_product() -> None:
    """Forward 2 k k C_in C_out H W; backward the same for the weights, and again for the input if it is wanted."""
    forward = 2 * 3 * 3 * 3 * 8 * 16 * 16
    conv = nn.Conv2d(3, 8, 3, padding=1)
    with Meter() as meter:
        conv(torch.zeros(1, 3, 16, 16))
    assert meter.flop == forward
    with Meter() as meter:
        conv(torch.zeros(1, 3, 16, 16)).sum().backward()
    assert meter.flop == 2 * forward
    with Meter() as meter:
        conv(torch.zeros(1, 3, 16, 16, requires_grad=True)).sum().backward()
    assert meter.flop == 3 * forward
    with Meter() as meter:
        torch.zeros(5, 7) @ torch.zeros(7, 11)
    assert meter.flop == 2 * 5 * 7 * 11


def test_saved_bytes_count_a_storage_once_and_only_while_it_is_kept() -> None:
    """exp keeps its result, the square its input, which is the same; both are let go after the backward pass."""
    x = torch.zeros(1000, requires_grad=True)
    with Saved([]) as saved:
        y = x.exp().square().sum()
        assert saved.now == 4000
        y.backward()
        assert saved.now == 0
        (x.sin() * 2).sum().backward()  # keeps x alone
    assert saved.peak == 4000


def test_saved_bytes_leave_out_what_exists_anyway() -> None:
    weight, x = torch.ones(10, requires_grad=True), torch.ones(10)
    with Saved([weight]) as saved:
        product = weight * (x * 2).requires_grad_(True)
    assert saved.peak == 40
    product.sum().backward()
    assert saved.now == 0


def test_a_meter_can_refuse_that_numbers_are_read_back() -> None:
    with Meter(no_reads=True), pytest.raises(HostRead, match=r"\.item\(\)"):
        torch.ones(()).item()
    with Meter():
        assert torch.ones(()).item() == 1
