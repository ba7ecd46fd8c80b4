from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.discogan import DiscoGAN, feature_matching, unit
from baselines.discogan_networks import Discriminator, Generator
from methods.interface import ImageShape
from tests.small import batch, pictures

NETS = ("generator_A", "generator_B", "discriminator_A", "discriminator_B")


def disco(size: int = 32, **options: Any) -> DiscoGAN:
    torch.manual_seed(0)
    return DiscoGAN(DiscoGAN.Config(**({"width": 4} | options)), ImageShape(3, size, size))


def changed(method: DiscoGAN, seed: int = 0) -> set[str]:
    """The networks whose weights one step changes."""
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    method.step(batch(2, method.shape.height, seed))
    return {name.split(".")[0] for name, p in method.named_parameters() if not torch.equal(p, before[name])}


def test_feature_matching_compares_batch_means() -> None:
    real = torch.tensor([[1.0, 2.0], [3.0, 6.0]]).reshape(2, 2, 1, 1)  # means 2 and 4
    fake = torch.tensor([[0.0, 3.0], [2.0, 4.0], [1.0, 2.0]]).reshape(3, 2, 1, 1)  # means 1 and 3
    assert float(feature_matching(real, fake)) == 1.0  # ((2 - 1)^2 + (4 - 3)^2) / 2


def test_adversarial_losses_are_cross_entropies_of_probabilities() -> None:
    method, real, fake = disco(), unit(pictures(2, 32, 1)), unit(pictures(2, 32, 2))
    net = method.discriminator_A
    gan, fm, dis = method.adversarial(net, real, fake)
    (on_real, features), (on_fake, fake_features) = net(real), net(fake)
    p, q = torch.sigmoid(on_real), torch.sigmoid(on_fake)
    torch.testing.assert_close(dis, -0.5 * p.log().mean() - 0.5 * (1 - q).log().mean())
    torch.testing.assert_close(gan, -q.log().mean())
    # At 32 pixels there are three halvings; layers 2 and 3 have a batch norm.
    torch.testing.assert_close(fm, sum(feature_matching(features[i], fake_features[i]) for i in (2, 3)))


def numbers(*values: float) -> list[Tensor]:
    return [torch.tensor(value) for value in values]


@pytest.mark.parametrize(
    ("direction", "iteration", "expected"),
    [
        # rate 0.25: A -> B is 0.75 (0.1 * 3 + 0.9 * 4) + 0.25 * 5, B -> A is 0.75 (0.1 + 0.9 * 2) + 0.25 * 6 = 2.925
        ("A_to_B", 1, 4.175),
        ("both", 1, 7.1),
        # rate 0.5 once two steps are done: 0.5 * 3.9 + 0.5 * 5
        ("A_to_B", 2, 4.45),
        # no share is taken from the adversarial part alone: 0.1 * 3 + 0.9 * 4
        ("gan", 1, 3.9),
    ],
)
def test_the_curriculum_shares_out_the_generators_loss(direction: str, iteration: int, expected: float) -> None:
    method = disco(direction=direction, starting_rate=0.25, default_rate=0.5, gan_curriculum=2)
    method.turns.iteration.fill_(iteration)
    loss, _ = method.generator_loss(*numbers(1, 2, 3, 4, 5, 6))
    assert float(loss) == pytest.approx(expected)


def test_discriminators_come_first_and_then_generators_twice() -> None:
    method = disco()
    generators, discriminators = set(NETS[:2]), set(NETS[2:])
    turns = [changed(method, seed) for seed in range(4)]
    assert turns == [discriminators, generators, generators, discriminators]


def test_one_sided_objectives_leave_the_other_side_alone() -> None:
    method = disco(direction="A_to_B", update_interval=2)
    assert changed(method) == {"discriminator_B"}  # weight decay does not touch discriminator_A either
    assert changed(method) == {"generator_A", "generator_B"}  # generator_A learns to reconstruct
    method = disco(direction="gan", update_interval=2)
    assert changed(method) == {"discriminator_B"}
    assert changed(method) == {"generator_B"}


def test_running_statistics_move_in_every_step() -> None:
    method = disco()
    for step in range(1, 3):
        method.step(batch(2, 32, step))
        tracked = [b for name, b in method.named_buffers() if name.endswith("num_batches_tracked")]
        assert {int(count) for count in tracked} == {2 * step}  # real and fake pass of every network


def test_reconstruction_runs_in_the_range_0_to_1() -> None:
    method = disco()
    a, b = (unit(x) for x in batch(2))
    ab, ba = method.generator_B(a), method.generator_A(b)
    terms, content_a, content_b = method.content(a, b, ab, ba)
    torch.testing.assert_close(content_a, (method.generator_A(ab) - a).square().mean())
    torch.testing.assert_close(content_b, (method.generator_B(ba) - b).square().mean())
    assert set(terms) == {"recon_loss_A", "recon_loss_B"}
    assert float(unit(torch.tensor(-1.0))) == 0
    assert float(unit(torch.tensor(1.0))) == 1


@pytest.mark.parametrize(
    ("net", "parameters"),
    [
        (lambda: Generator(64, 4, bottleneck=False), 5_513_856),
        (lambda: Generator(64, 4, bottleneck=True), 7_153_480),
        (lambda: Generator(64, 3, bottleneck=False), 1_318_016),
        (lambda: Discriminator(64, 4), 2_765_568),
    ],
)
def test_official_sizes_of_networks(net: Any, parameters: int) -> None:
    assert sum(p.numel() for p in net().parameters()) == parameters


@pytest.mark.parametrize(
    ("size", "layers", "features"), [(16, 4, [2]), (32, 3, [2, 3]), (64, 5, [2, 3, 4]), (256, 4, [2, 3, 4, 5, 6])]
)
def test_other_sizes_keep_the_4x4_end(size: int, layers: int, features: list[int]) -> None:
    method = disco(size, num_layers=layers)
    scores, found = method.discriminator_A(pictures(2, size, 0))
    assert scores.shape == (2,)
    assert list(found) == features == list(method.fm_features)
    assert found[features[-1]].shape[2:] == (4, 4)
    losses = method.step(batch(2, size))
    assert all(value.isfinite() for value in losses.values())


@pytest.mark.parametrize(("height", "width"), [(48, 48), (64, 32), (8, 8)])
def test_sizes_that_cannot_be_halved_to_4x4_are_refused(height: int, width: int) -> None:
    with pytest.raises(ValueError, match=f"{width}x{height}.*power of two"):
        DiscoGAN(DiscoGAN.Config(), ImageShape(3, height, width))


@pytest.mark.parametrize("layers", [3, 4, 5])
@pytest.mark.parametrize("size", [(32, 32), (37, 50), (9, 70)])
def test_translation_of_any_size(layers: int, size: tuple[int, int]) -> None:
    method, x = disco(num_layers=layers), torch.rand(2, 3, *size) * 2 - 1
    with torch.no_grad():
        for y in (method.translate(x), method.translate_back(x)):
            assert y.shape == x.shape
            assert -1 <= y.min() < y.max() <= 1


def test_running_norms_translate_each_picture_by_itself() -> None:
    method, x = disco(), pictures(3, 32, 5)
    method.step(batch(2))
    with torch.no_grad():
        torch.testing.assert_close(method.translate(x)[:1], method.translate(x[:1]))
        method = disco(translate_norm="batch")
        assert not torch.allclose(method.translate(x)[:1], method.translate(x[:1]), atol=1e-3)


@pytest.mark.parametrize("norm", ["running", "batch"])
def test_translation_leaves_the_state_alone(norm: str) -> None:
    method = disco(translate_norm=norm)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    method.translate(pictures(2, 32, 0))
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(module.training for module in method.modules())


def test_a_loaded_method_continues_where_the_other_stood() -> None:
    one, other = disco(gan_curriculum=3), disco(gan_curriculum=3)
    for step in range(2):
        one.step(batch(2, 32, step))
    other.load_state_dict(one.state_dict())
    for name, optimizer in other.optimizers.items():
        optimizer.load_state_dict(copy.deepcopy(one.optimizers[name].state_dict()))
    for step in range(2, 5):
        torch.testing.assert_close(one.step(batch(2, 32, step)), other.step(batch(2, 32, step)), rtol=0, atol=0)
    assert all(torch.equal(p, q) for p, q in zip(one.parameters(), other.parameters(), strict=True))


def test_a_single_picture_trains_but_not_through_a_1x1_map() -> None:
    disco().step(batch(1))
    with pytest.raises(ValueError, match="batch size from 2"):
        disco(num_layers=5).step(batch(1))


@pytest.mark.parametrize(
    "options",
    [{"num_layers": 6}, {"width": 0}, {"update_interval": 0}, {"starting_rate": 1.5}, {"direction": "B_to_A"}],
)
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        DiscoGAN.Config(**options)


def test_features_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="layers 2 to 3"):
        disco(fm_features=(4,))
