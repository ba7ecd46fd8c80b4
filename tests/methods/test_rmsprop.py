from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from methods.rmsprop import TensorFlowRMSProp


def descend(optimizer: TensorFlowRMSProp, p: nn.Parameter, gradient: float) -> float:
    p.grad = torch.full_like(p, gradient)
    optimizer.step()
    return float(p.detach())


def test_two_steps_by_hand() -> None:
    p = nn.Parameter(torch.tensor(1.0, dtype=torch.float64))
    optimizer = TensorFlowRMSProp([p], lr=0.1, decay=0.9, eps=0.0)
    # The mean square starts at 1: 0.9 * 1 + 0.1 * 2^2 = 1.3.
    first = 1 - 0.1 * 2 / 1.3**0.5
    assert descend(optimizer, p, 2.0) == pytest.approx(first, rel=1e-14)
    # 0.9 * 1.3 + 0.1 * 1^2 = 1.27
    assert descend(optimizer, p, 1.0) == pytest.approx(first - 0.1 / 1.27**0.5, rel=1e-14)


def test_eps_stands_inside_the_root() -> None:
    p = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
    optimizer = TensorFlowRMSProp([p], lr=1.0, decay=0.0, eps=3.0)
    assert descend(optimizer, p, 1.0) == pytest.approx(-1 / (1 + 3) ** 0.5)  # mean square 1^2


def test_a_parameter_without_gradient_stays() -> None:
    p, q = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    optimizer = TensorFlowRMSProp([p, q], lr=0.1)
    p.grad = torch.ones(2)
    optimizer.step()
    assert torch.equal(q.detach(), torch.ones(2))
    assert not torch.equal(p.detach(), torch.ones(2))


def test_the_rate_is_a_tensor_that_is_read_in_each_step() -> None:
    p = nn.Parameter(torch.tensor(1.0))
    optimizer = TensorFlowRMSProp([p], lr=0.1)
    optimizer.param_groups[0]["lr"].fill_(0.0)
    assert descend(optimizer, p, 5.0) == 1.0
    assert optimizer.param_groups[0]["initial_lr"] == 0.1


def test_state_survives_saving() -> None:
    p = nn.Parameter(torch.tensor(1.0))
    optimizer = TensorFlowRMSProp([p], lr=0.1)
    descend(optimizer, p, 3.0)
    q = nn.Parameter(p.detach().clone())
    restored = TensorFlowRMSProp([q], lr=0.1)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert descend(restored, q, -2.0) == descend(optimizer, p, -2.0)
