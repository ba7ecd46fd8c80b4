from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.dualgan import DualGAN
from baselines.dualgan_networks import Discriminator, DownConv, Generator, PictureNorm, UpConv, padding
from methods.interface import ImageShape
from tests.small import Replayed, batch, pictures


def dual(size: int = 32, **options: Any) -> DualGAN:
    torch.manual_seed(0)
    return DualGAN(DualGAN.Config(**({"gcn": 2, "dcn": 2} | options)), ImageShape(3, size, size))


def changed(method: DualGAN, seed: int = 0) -> set[str]:
    """The networks whose weights one step changes."""
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    method.step(batch(1, method.shape.height, seed))
    return {name.split(".")[0] for name, p in method.named_parameters() if not torch.equal(p, before[name])}


@pytest.mark.parametrize(
    ("size", "kernel", "expected"),
    [(256, 5, (1, 2)), (128, 3, (0, 1)), (2, 3, (0, 1)), (1, 3, (1, 1)), (5, 3, (1, 1)), (7, 5, (2, 2))],
)
def test_same_padding_of_tensorflow(size: int, kernel: int, expected: tuple[int, int]) -> None:
    assert padding(size, kernel) == expected


def test_convolution_by_hand() -> None:
    layer = DownConv(1, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(1.0, 10).reshape(1, 1, 3, 3))
        y = layer(torch.ones(1, 1, 2, 2))
    assert y.flatten().tolist() == [1 + 2 + 4 + 5]  # the 2x2 picture lies under the kernel's first rows and columns


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(8, 8), (2, 1), (1, 1), (7, 10)])
def test_transposed_convolution_is_the_adjoint(kernel: int, size: tuple[int, int], exact: None) -> None:
    down, up = DownConv(2, 3, kernel), UpConv(3, 2, kernel)
    with torch.no_grad():
        up.weight.copy_(down.weight)
    x = torch.rand(1, 2, *size)
    y = torch.rand_like(down(x))
    torch.testing.assert_close((down(x) * y).sum(), (x * up.enlarge(y, size)).sum())


def test_norm_of_each_picture_by_hand() -> None:
    norm = PictureNorm(1)
    with torch.no_grad():
        norm.weight.fill_(2.0)
        norm.bias.fill_(0.5)
    y = norm(torch.tensor([[1.0, 3.0], [10.0, 20.0]]).reshape(2, 1, 1, 2))  # deviations 1 and 5
    torch.testing.assert_close(y.flatten(), torch.tensor([-1.5, 2.5, -1.5, 2.5]), rtol=1e-5, atol=1e-5)
    x = torch.tensor([[3.0], [1e4]]).reshape(2, 1, 1, 1).requires_grad_()
    y = norm(x)
    assert y.flatten().tolist() == [0.5, 0.5]
    y.sum().backward()
    assert x.grad is not None
    assert not x.grad.any()


@pytest.mark.parametrize(
    ("net", "parameters"),
    [
        (lambda: Generator(64), 30_627_907),
        (lambda: Discriminator(64, ImageShape(3, 256, 256), patch=False), 3_949_441),
        (lambda: Discriminator(64, ImageShape(3, 256, 256), patch=True), 3_921_281),
    ],
)
def test_official_sizes_of_networks(net: Any, parameters: int) -> None:
    assert sum(p.numel() for p in net().parameters()) == parameters


def test_the_linear_layer_reads_rows_then_columns_then_channels() -> None:
    net = Discriminator(1, ImageShape(3, 64, 64), patch=False)
    seen: list[Tensor] = []
    net.bn3_1.register_forward_hook(lambda *call: seen.append(call[-1]))
    position = 5  # of 2x2 positions with 8 channels: row 0, column 0, channel 5
    with torch.no_grad():
        net.d_h3_lin.weight.zero_()[0, position] = 1
        score = net(pictures(1, 64, 0))
    torch.testing.assert_close(score, F.leaky_relu(seen[0], 0.2)[:, 5, 0, 0].reshape(1, 1))


class Sum(nn.Module):
    """A critic that weighs all values of a picture alike."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(weight))

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x.sum((1, 2, 3)).reshape(-1, 1)


def test_gradient_penalty_of_a_linear_critic() -> None:
    method = dual()
    real, fake = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
    # The gradient is 0.5 at each of 4 values: its length is 1.
    penalty = method.gradient_penalty(Sum(0.5), real, fake, "eps_A")  # type: ignore[arg-type]
    assert float(penalty.detach()) == pytest.approx(0, abs=1e-6)
    penalty = method.gradient_penalty(Sum(2.0), real, fake, "eps_A")  # type: ignore[arg-type]
    assert float(penalty.detach()) == pytest.approx(9)  # (4 - 1)^2


def test_the_penalty_looks_between_real_and_fake() -> None:
    class Square(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 0.5 * x.square().sum((1, 2, 3))

    method = dual()
    method.draw = Replayed(uniforms={"eps_A": 0.25})
    real, fake = torch.full((1, 1, 1, 1), 2.0), torch.full((1, 1, 1, 1), 10.0)
    # x = 2 + 0.25 * 8 = 4 is also the gradient
    penalty = method.gradient_penalty(Square(), real, fake, "eps_A")  # type: ignore[arg-type]
    assert float(penalty.detach()) == pytest.approx(9)


def test_losses_of_critics_by_hand() -> None:
    real, fake = torch.full((2, 1, 1, 1), 3.0), torch.full((2, 1, 1, 1), 1.0)
    plain = dual().critic_loss(Sum(1.0), real, fake)  # type: ignore[arg-type]
    assert float(plain.detach()) == pytest.approx(1 - 3)
    crossed = dual(GAN_type="classic").critic_loss(Sum(1.0), real, fake)  # type: ignore[arg-type]
    expected = -torch.tensor(3.0).sigmoid().log() - (1 - torch.tensor(1.0).sigmoid()).log()
    torch.testing.assert_close(crossed.detach(), expected)


@pytest.mark.parametrize("metric", ["L1", "L2"])
def test_the_generators_losses_carry_the_other_ones_cycle(metric: str) -> None:
    method = dual(lambda_A=2.0, lambda_B=3.0, loss_metric=metric)
    a, b = batch()
    with torch.no_grad():
        a2b, b2a = method.translations(a, b, "G")
        found = method.update_generators(a, b, a2b, b2a, "G", update=False)
        back, forth = method.B_g(a2b) - a, method.A_g(b2a) - b
        a_loss, b_loss = (d.abs().mean() if metric == "L1" else d.square().mean() for d in (back, forth))
        torch.testing.assert_close(found["Ag_loss"], 3 * b_loss - method.A_d(a2b).mean())
        torch.testing.assert_close(found["Bg_loss"], 2 * a_loss - method.B_d(b2a).mean())


@pytest.mark.parametrize(
    ("options", "updated"),
    [
        ({}, [True, True, True, True]),
        ({"n_critic": 2}, [True, False, True, False]),  # the official count begins at 2
        ({"n_critic": 3}, [False, True, False, False]),
        ({"n_critic": 3, "GAN_type": "classic"}, [True, True, True, True]),
    ],
)
def test_how_often_the_generators_are_updated(options: dict[str, Any], updated: list[bool]) -> None:
    method = dual(64, **options)
    for step, generators in enumerate(updated):
        expected = {"A_d", "B_d", "A_g", "B_g"} if generators else {"A_d", "B_d"}
        assert changed(method, step) == expected


def test_clipping_takes_hold_of_every_weight_of_the_critics() -> None:
    method = dual(GAN_type="wgan", clip_value=0.05)
    method.step(batch())
    for net in (method.A_d, method.B_d):
        assert all(p.abs().max() <= 0.05 for p in net.parameters())
        assert float(net.bn1.weight.detach().max()) == pytest.approx(0.05)  # scales begin near 1
    assert max(float(p.detach().abs().max()) for p in method.A_g.parameters()) > 0.5


def test_classic_updates_the_generators_twice_on_one_batch() -> None:
    method = dual(GAN_type="classic", lr=1e-3)
    losses = method.step(batch())
    assert losses["A_loss_2"] < losses["A_loss"]
    assert "GP" not in losses


def test_dropout_keeps_and_enlarges() -> None:
    method = dual(dropout_keep=0.6)
    method.draw = Replayed(uniforms={"x/d1": 0.39, "x/d2": 0.41})
    drop = method.dropout("x")
    assert drop is not None
    ones = torch.ones(1, 2, 1, 1)
    assert not drop("d1", ones).any()
    torch.testing.assert_close(drop("d2", ones), ones / 0.6)


def test_dropout_draws_anew_in_every_pass() -> None:
    method = dual(64, dropout_keep=0.5, GAN_type="classic")
    method.draw = draws = Replayed()
    method.step(batch(1, 64))
    passes = ["D/A2B", "D/B2A", *(f"{run}/{call}" for run in ("G", "G2") for call in ("A2B", "B2A", "A2B2A", "B2A2B"))]
    assert sorted(draws.names) == sorted(f"{name}/d{i}" for name in passes for i in (1, 2, 3))
    x = pictures(1, 256, 0)
    assert not torch.equal(method.translate(x), method.translate(x))


def test_without_dropout_only_the_penalty_draws() -> None:
    method = dual()
    method.draw = draws = Replayed()
    method.step(batch())
    assert draws.names == ["eps_A", "eps_B"]


@pytest.mark.parametrize("disc_type", ["globalgan", "patchgan"])
@pytest.mark.parametrize("size", [16, 32, 36, 64, 256])
def test_critics_of_any_size_see_the_picture(size: int, disc_type: str) -> None:
    method = dual(size, disc_type=disc_type)
    x = pictures(2, size, 0)
    scores = method.A_d(x)
    assert scores.shape[:2] == (2, 1)
    assert not torch.equal(scores[0], scores[1])
    assert all(value.isfinite() for value in method.step(batch(2, size)).values())


@pytest.mark.parametrize("size", [(32, 32), (37, 50), (1, 300)])
def test_translation_of_any_size(size: tuple[int, int]) -> None:
    method, x = dual(), torch.rand(2, 3, *size) * 2 - 1
    with torch.no_grad():
        for y in (method.translate(x), method.translate_back(x)):
            assert y.shape == x.shape
            assert y.abs().max() <= 1


def test_a_loaded_method_continues_where_the_other_stood() -> None:
    one, other = dual(n_critic=2), dual(n_critic=2)
    one.step(batch())
    other.load_state_dict(one.state_dict())
    for name, optimizer in other.optimizers.items():
        optimizer.load_state_dict(copy.deepcopy(one.optimizers[name].state_dict()))
    for method in (one, other):
        torch.manual_seed(1)
        for step in range(3):
            method.step(batch(1, 32, step))
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize(
    "options", [{"n_critic": 0}, {"dropout_keep": 0.0}, {"dropout_keep": 1.2}, {"GAN_type": "lsgan"}]
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        DualGAN.Config(**options)
