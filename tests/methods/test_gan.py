from __future__ import annotations

import math

import pytest
import torch

from methods.gan import Mode, discriminator_loss, gan_loss

SCORES = torch.tensor([[0.5, -1.0]], dtype=torch.float64)


def softplus(x: float) -> float:
    return math.log(1 + math.exp(x))


@pytest.mark.parametrize(
    ("mode", "real", "fake"),
    [
        ("lsgan", (0.25 + 4) / 2, (0.25 + 1) / 2),  # (p - 1)^2, p^2
        ("vanilla", (softplus(-0.5) + softplus(1)) / 2, (softplus(0.5) + softplus(-1)) / 2),
        ("nonsaturating", (softplus(-0.5) + softplus(1)) / 2, (softplus(0.5) + softplus(-1)) / 2),
        ("wgangp", 0.25, -0.25),  # -mean p, mean p
        ("hinge", (0.5 + 2) / 2, (1.5 + 0) / 2),  # max(0, 1 - p), max(0, 1 + p)
    ],
)
def test_both_sides_of_each_objective(mode: Mode, real: float, fake: float) -> None:
    assert float(gan_loss(SCORES, True, mode)) == pytest.approx(real, rel=1e-14)
    assert float(gan_loss(SCORES, False, mode)) == pytest.approx(fake, rel=1e-14)


def test_relativistic_objectives_subtract_the_mean_of_the_other_kind() -> None:
    reference = torch.tensor([0.0, 1.0])  # mean 0.5, so the scores become 0 and -1.5
    assert float(gan_loss(SCORES, True, "ralsgan", reference)) == pytest.approx((1 + 6.25) / 2)
    assert float(gan_loss(SCORES, False, "ralsgan", reference)) == pytest.approx((0 + 2.25) / 2)
    assert float(gan_loss(SCORES, True, "rahinge", reference)) == pytest.approx((1 + 2.5) / 2)
    assert float(gan_loss(SCORES, False, "rahinge", reference)) == pytest.approx((1 + 0) / 2)


def test_relativistic_objectives_need_a_reference() -> None:
    with pytest.raises(ValueError, match="ralsgan compares two sets of scores"):
        gan_loss(SCORES, True, "ralsgan")


def test_a_hinge_generator_learns_nothing_from_scores_above_one() -> None:
    scores = torch.tensor([2.0, 0.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(gan_loss(scores, True, "hinge"), scores)
    assert gradient.tolist() == [0.0, -0.5]


def test_the_discriminator_minimises_half_of_both_sides() -> None:
    fake, real = torch.tensor([1.0, 3.0]), torch.tensor([0.0])  # mean p^2 = 5, (p - 1)^2 = 1
    assert float(discriminator_loss(fake, real, "lsgan")) == 3.0
