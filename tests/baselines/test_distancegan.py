from __future__ import annotations

from typing import Any

import pytest
import torch

from baselines.discogan import unit
from baselines.distancegan import DistanceGAN
from baselines.distancegan_disco import DistanceGANDisco
from baselines.distancegan_networks import PatchGAN, ResnetGenerator
from baselines.distances import half_distances, pair_distances
from methods.interface import Batch, ImageShape
from tests.small import batch, pictures

BATCHES = [batch(2, 32, seed) for seed in range(4)]


def distance(size: int = 32, **options: Any) -> DistanceGAN:
    torch.manual_seed(0)
    small = {"ngf": 4, "ndf": 4, "which_model_netG": "resnet_6blocks"}
    return DistanceGAN(DistanceGAN.Config(**(small | options)), ImageShape(3, size, size))


def disco(**options: Any) -> DistanceGANDisco:
    torch.manual_seed(0)
    return DistanceGANDisco(DistanceGANDisco.Config(**({"width": 4} | options)), ImageShape(3, 32, 32))


def changed(method: DistanceGAN) -> set[str]:
    """The networks whose weights one step changes."""
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    method.step(batch(2))
    return {name.split(".")[0] for name, p in method.named_parameters() if not torch.equal(p, before[name])}


def test_mean_and_deviation_are_those_of_whole_batches() -> None:
    method = distance()
    method.prepare(BATCHES[:3])
    a = [x.a for x in BATCHES[:3]]
    d = torch.stack([(a[0] - a[1]).abs().mean(), (a[0] - a[2]).abs().mean(), (a[1] - a[2]).abs().mean()])
    torch.testing.assert_close(method.distances.normal_A.mu, d.mean())
    torch.testing.assert_close(method.distances.normal_A.sd, (d - d.mean()).square().mean().sqrt())
    assert not torch.equal(method.distances.normal_A.mu, method.distances.normal_B.mu)


def test_incomplete_batches_and_those_beyond_max_items_are_not_measured() -> None:
    short = Batch(pictures(1, 32, 7), pictures(1, 32, 8))
    all_of_it, less = distance(), distance(max_items=4)
    all_of_it.prepare(BATCHES[:3])
    less.prepare([*BATCHES[:3], short, *BATCHES])
    assert torch.equal(all_of_it.distances.normal_A.mu, less.distances.normal_A.mu)


def test_self_distance_is_measured_on_halves() -> None:
    method = distance(use_self_distance=True)
    method.prepare(BATCHES)
    d = torch.stack([half_distances(x.b).mean() for x in BATCHES])
    torch.testing.assert_close(method.distances.normal_B.mu, d.mean())
    method = distance(use_self_distance=True, self_distance_per_picture=True)
    method.prepare(BATCHES)
    torch.testing.assert_close(
        method.distances.normal_B.sd, torch.cat([half_distances(x.b) for x in BATCHES]).std(correction=0)
    )


def test_the_generators_loss_is_the_sum_of_its_terms() -> None:
    method = distance(direction="both", use_cycle_loss=True, lambda_distance_A=3.0, unnormalized_distances=True)
    a, b = batch(2)
    with torch.no_grad():
        fake_b = method.G_A(a)
        expected = 3 * (pair_distances(a) - pair_distances(fake_b)).abs().mean()
        adversarial = (method.D_A(fake_b) - 1).square().mean()
    losses = method.step(Batch(a, b))
    torch.testing.assert_close(losses["distance_A"], expected)
    torch.testing.assert_close(losses["G_A"], adversarial)
    terms = ("G_A", "distance_A", "G_B", "distance_B", "cycle_A", "cycle_B")
    torch.testing.assert_close(losses["G"], torch.stack([losses[name] for name in terms]).sum())


@pytest.mark.parametrize(
    ("options", "networks"),
    [
        ({}, {"G_A", "D_A"}),
        ({"use_cycle_loss": True}, {"G_A", "G_B", "D_A"}),
        ({"direction": "both"}, {"G_A", "G_B", "D_A", "D_B"}),
    ],
)
def test_only_networks_in_use_are_built_and_all_of_them_learn(options: dict[str, Any], networks: set[str]) -> None:
    method = distance(unnormalized_distances=True, **options)
    assert {name.split(".")[0] for name, _ in method.named_parameters()} == networks
    assert changed(method) == networks


def test_one_direction_trains_the_same_with_or_without_the_other() -> None:
    one, two = distance(), distance(direction="both")
    two.G_A.load_state_dict(one.G_A.state_dict())
    two.D_A.load_state_dict(one.D_A.state_dict())
    for method in (one, two):
        method.prepare(BATCHES)
        for step in range(2):
            method.step(batch(2, 32, step))
    assert all(torch.equal(p, q) for p, q in zip(one.G_A.parameters(), two.G_A.parameters(), strict=True))
    with pytest.raises(ValueError, match="direction=both"):
        one.translate_back(pictures(1, 32, 0))
    assert two.translate_back(pictures(1, 32, 0)).shape == (1, 3, 32, 32)


def test_training_waits_for_the_measurement_and_a_checkpoint_brings_it() -> None:
    method, other = distance(), distance()
    with pytest.raises(RuntimeError, match="prepare"):
        method.step(batch(2))
    method.prepare(BATCHES)
    other.load_state_dict(method.state_dict())
    torch.testing.assert_close(method.step(batch(2)), other.step(batch(2)), rtol=0, atol=0)


def test_pairs_need_two_pictures_and_halves_one() -> None:
    assert DistanceGAN.min_batch_size == DistanceGANDisco.min_batch_size == 2
    with pytest.raises(ValueError, match="batch size from 2"):
        distance(unnormalized_distances=True).step(batch(1))
    assert distance(unnormalized_distances=True, use_self_distance=True).step(batch(1))["distance_A"].isfinite()


def test_the_rate_falls_at_the_end_of_an_epoch() -> None:
    method = distance()
    factors = [method.lr_factor(epoch) for epoch in (1, 101, 102, 150, 200)]
    assert factors == pytest.approx([1, 1, 0.99, 0.51, 0.01])
    constant = distance(n_epochs=3, n_epochs_decay=0)
    assert [constant.lr_factor(epoch) for epoch in (1, 3)] == [1, 1]


@pytest.mark.parametrize(
    ("net", "parameters"),
    [
        (lambda: ResnetGenerator(64, 9, use_dropout=False), 11_388_675),
        (lambda: ResnetGenerator(64, 6, use_dropout=False), 7_845_123),
        (lambda: PatchGAN(64, 3, padding=1), 2_766_529),
    ],
)
def test_official_sizes_of_networks(net: Any, parameters: int) -> None:
    assert sum(p.numel() for p in net().parameters()) == parameters


@pytest.mark.parametrize(("padding", "size", "scores"), [(1, 256, 30), (1, 64, 6), (1, 24, 1), (1, 16, 0), (2, 64, 11)])
def test_scores_of_the_discriminator(padding: int, size: int, scores: int) -> None:
    net = PatchGAN(2, 3, padding)
    assert net.scores(size) == scores
    if scores:
        assert net(pictures(1, size, 0)).shape == (1, 1, scores, scores)


def test_least_squares_or_cross_entropy() -> None:
    method = distance(no_lsgan=True, unnormalized_distances=True)
    a, b = batch(2)
    with torch.no_grad():
        expected = -torch.sigmoid(method.D_A(method.G_A(a))).log().mean()
    torch.testing.assert_close(method.step(Batch(a, b))["G_A"], expected)


def test_dropout_moves_the_second_convolution_and_rests_in_translation() -> None:
    method = distance(use_dropout=True)
    assert "model.9.conv_block.4.weight" in method.G_A.state_dict()
    x = pictures(1, 32, 0)
    assert not torch.equal(method.G_A(x), method.G_A(x))
    assert torch.equal(method.translate(x), method.translate(x))
    assert method.G_A.training


@pytest.mark.parametrize("size", [(32, 32), (37, 50), (5, 3)])
def test_translation_of_any_size(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size) * 2 - 1
    with torch.no_grad():
        y = distance().translate(x)
    assert y.shape == x.shape
    assert y.abs().max() <= 1


@pytest.mark.parametrize("size", [24, 48, 256])
def test_sizes(size: int) -> None:
    method = distance(size, ngf=2, ndf=2, unnormalized_distances=True)
    assert all(value.isfinite() for value in method.step(batch(2, size)).values())


@pytest.mark.parametrize(("size", "said"), [(30, "multiples of 4"), (16, "too small")])
def test_sizes_that_do_not_fit_are_refused(size: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        distance(size)


@pytest.mark.parametrize("options", [{"padw": 3}, {"max_items": 0}, {"pool_size": -1}, {"direction": "B_to_A"}])
def test_impossible_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        DistanceGAN.Config(**options)


def test_disco_measures_single_pictures_in_the_range_0_to_1() -> None:
    method = disco(max_items=3)
    method.prepare(BATCHES)
    a = unit(torch.cat([x.a for x in BATCHES])[:3])
    d = pair_distances(a)
    torch.testing.assert_close(method.distances.normal_A.mu, d.mean())
    torch.testing.assert_close(method.distances.normal_A.sd, d.std(correction=0))


def test_disco_halves_as_coded_or_alike() -> None:
    b = unit(torch.cat([x.b for x in BATCHES]))
    for halves in ("top_bottom", "left_right"):
        method = disco(use_self_distance=True, measured_halves=halves)
        method.prepare(BATCHES)
        torch.testing.assert_close(method.distances.normal_B.mu, half_distances(b, halves).mean())


def test_disco_content_is_the_distance_and_on_request_the_reconstruction() -> None:
    a, b = (unit(x) for x in batch(3))
    method = disco(unnormalized_distances=True)
    ab, ba = method.generator_B(a), method.generator_A(b)
    terms, content_a, _ = method.content(a, b, ab, ba)
    expected = (pair_distances(a) - pair_distances(ab)).abs().mean()
    torch.testing.assert_close(content_a, expected)
    assert set(terms) == {"distance_A", "distance_B"}
    method = disco(unnormalized_distances=True, use_reconst_loss=True)
    terms, content_a, content_b = method.content(a, b, ab, ba)
    torch.testing.assert_close(content_a, terms["distance_A"] + terms["recon_loss_A"])
    torch.testing.assert_close(content_b, terms["distance_B"] + terms["recon_loss_B"])


def test_disco_trains() -> None:
    method = disco()
    method.prepare(BATCHES)
    for step in range(3):
        losses = method.step(batch(2, 32, step))
        assert all(value.isfinite() for value in losses.values())
