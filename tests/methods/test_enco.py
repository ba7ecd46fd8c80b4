from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from methods.enco import EnCo
from methods.interface import ImageShape, Losses
from tests.small import Replayed, batch

SHAPE = ImageShape(3, 32, 32)
LAYERS = (3, 7, 19, 23)
"""stages (3, 23) and (7, 19) of a generator with four blocks"""
PARTS = ("oversample", "random")
SCORES = torch.tensor([[3.0, 1.0], [2.0, 0.0]], dtype=torch.float64).reshape(1, 1, 2, 2)


def enco(**options: Any) -> EnCo:
    small: dict[str, Any] = {"ngf": 2, "ndf": 2, "netG": "resnet_4blocks", "nce_layers": LAYERS, "num_patches": 8}
    torch.manual_seed(1)
    return EnCo(EnCo.Config(**(small | options)), SHAPE)


def stepped(method: EnCo, seed: int = 0) -> Losses:
    torch.manual_seed(seed)
    return method.step(batch())


def two_patches(first: tuple[float, float], second: tuple[float, float]) -> Tensor:
    """A feature map of two channels, one row and two columns."""
    return torch.tensor([first, second]).T.reshape(1, 2, 1, 2).clone()


@pytest.fixture
def plain() -> EnCo:
    """A stage of two channels whose heads do nothing: the cosine of the features themselves."""
    method = enco(nce_layers=(3, 23), netF_nc=2, head_norm="none", predictor=False, sampling="random")
    for name in ("mlp_0.0.weight", "mlp_0.3.weight"):
        with torch.no_grad():
            method.F.get_parameter(name).copy_(torch.eye(2))
    return method


def test_a_stage_is_2_minus_2_cos_averaged_over_patches(plain: EnCo) -> None:
    encoder = two_patches((3.0, 4.0), (1.0, 0.0))
    decoder = two_patches((4.0, 3.0), (0.0, 2.0))
    # cosines 24/25 and 0: (2 - 48/25 + 2) / 2
    assert float(plain.stage(0, encoder, decoder, SCORES).detach()) == pytest.approx(1.04, rel=1e-6)


def test_the_encoder_is_a_target_unless_its_gradient_is_kept(plain: EnCo) -> None:
    for stop in (True, False):
        method = enco(
            nce_layers=(3, 23), netF_nc=2, head_norm="none", predictor=False, sampling="random", stop_gradient=stop
        )
        method.F.load_state_dict(plain.F.state_dict())
        encoder = two_patches((3.0, 4.0), (1.0, 0.0)).requires_grad_()
        decoder = two_patches((4.0, 3.0), (0.0, 2.0)).requires_grad_()
        loss = method.stage(0, encoder, decoder, SCORES)
        to_encoder, to_decoder = torch.autograd.grad(loss, (encoder, decoder), allow_unused=True)
        assert (to_encoder is None) == stop
        # d(2 - 2 cos)/dq = -2 (k - (k.q) q) / |q| with unit k = (3, 4)/5, q = (4, 3)/5; one of two patches
        expected = -torch.tensor([3 / 5 - 24 / 25 * 4 / 5, 4 / 5 - 24 / 25 * 3 / 5]) / 5
        torch.testing.assert_close(to_decoder[0, :, 0, 0], expected, rtol=1e-6, atol=0)


def test_stages_are_paired_from_both_ends_and_averaged() -> None:
    method = enco()
    features = [torch.rand(1, c, s, s) for c, s in ((2, 8), (4, 4), (4, 4), (2, 8))]
    method.draw = Replayed({f"stage{i}/sample0/{part}": range(n) for i, n in ((0, 64), (1, 16)) for part in PARTS})
    whole = method.multi_stage(features, SCORES)
    outer = method.stage(0, features[0], features[3], SCORES)
    inner = method.stage(1, features[1], features[2], SCORES)
    assert float(whole.detach()) == pytest.approx(float((outer + inner).detach()) / 2, rel=1e-12)


def test_official_objective_halves_both_terms_while_identity_is_on() -> None:
    losses = stepped(enco(n_epochs=1, n_epochs_decay=1))
    assert losses["identity"] > 0
    torch.testing.assert_close(losses["G"], losses["G_GAN"] + 0.5 * (losses["MultiStage"] + losses["identity"]))


def test_paper_objective_has_no_halves() -> None:
    losses = stepped(enco(objective="paper"))
    torch.testing.assert_close(losses["G"], losses["G_GAN"] + losses["MultiStage"] + losses["identity"])


@pytest.mark.parametrize("objective", ["official", "paper"])
def test_without_identity_the_content_term_is_whole(objective: str) -> None:
    method = enco(objective=objective, n_epochs=1, n_epochs_decay=1)
    method.start_epoch(2)
    losses = stepped(method)
    assert losses["identity"] == 0
    torch.testing.assert_close(losses["G"], losses["G_GAN"] + losses["MultiStage"])


@pytest.mark.parametrize(
    ("stop_idt_epochs", "epochs_with_identity"), [(-1, [1, 2]), (0, []), (1, [1]), (4, [1, 2, 3, 4])]
)
def test_epochs_with_the_identity_term(stop_idt_epochs: int, epochs_with_identity: list[int]) -> None:
    method = enco(stop_idt_epochs=stop_idt_epochs, n_epochs=2, n_epochs_decay=2)
    found = []
    for epoch in range(1, 5):
        method.start_epoch(epoch)
        if stepped(method)["identity"] > 0:
            found.append(epoch)
    assert found == epochs_with_identity


def test_identity_is_the_weighted_distance_of_g_of_b_from_b() -> None:
    method = enco(lambda_IDT=3.0)
    _, b = batch()
    with torch.no_grad():
        expected = 3 * (method.G(b) - b).abs().mean()
    torch.testing.assert_close(stepped(method)["identity"], expected)


def test_identity_weight_may_fall_linearly() -> None:
    method = enco(decay_idt=True, lambda_IDT=8.0, stop_idt_epochs=4, n_epochs=2, n_epochs_decay=2)
    weights = []
    for epoch in range(1, 5):
        method.epoch = epoch
        weights.append(method.identity_weight())
    assert weights == [6, 4, 2, 0]  # 8 * (4 - E) / 4
    method.epoch = 1
    _, b = batch()
    with torch.no_grad():
        expected = 6 * (method.G(b) - b).abs().mean()
    torch.testing.assert_close(stepped(method)["identity"], expected)


def test_the_generator_is_judged_by_the_updated_discriminator() -> None:
    method = enco()
    before = deepcopy(method.D), deepcopy(method.G)
    losses = stepped(method)
    with torch.no_grad():
        fake, (_, b) = before[1](batch().a), batch()
        torch.testing.assert_close(losses["D_fake"], before[0](fake).square().mean())
        torch.testing.assert_close(losses["D_real"], (before[0](b) - 1).square().mean())
        torch.testing.assert_close(losses["G_GAN"], (method.D(fake) - 1).square().mean())
        assert not torch.allclose(losses["G_GAN"], (before[0](fake) - 1).square().mean())
    torch.testing.assert_close(losses["D"], 0.5 * (losses["D_fake"] + losses["D_real"]))


def guided(**options: Any) -> list[int]:
    """Positions of stage 0 in a 2x2 map with scores 3, 1, 2, 0; all four are candidates, 0 ends the second draw."""
    method = enco(num_patches=2, oversample_ratio=2, **options)
    first, second = (f"stage0/sample0/{part}" for part in PARTS)
    method.draw = Replayed({first: [0, 1, 2, 3], second: [3, 1, 2, 0]})
    (positions,) = method.positions(0, SCORES, (2, 2)).tolist()
    return list(positions)


def test_which_positions_are_compared() -> None:
    assert guided() == [3, 0]  # lowest score, then the covering one
    assert guided(dag_order="highest") == [0, 0]
    assert guided(sampling="lowest") == [3, 1]
    assert guided(sampling="highest") == [0, 2]
    assert guided(sampling="random") == [2, 0]  # the end of the second permutation
    assert guided(random_ratio=0.0) == [3, 1]
    assert guided(sampling="lowest", dag_order="highest") == [3, 1]  # dag_order speaks of sampling=dag alone


def test_heads_that_are_not_used_get_no_gradient() -> None:
    with_predictor, without = enco(), enco(predictor=False)
    for method in (with_predictor, without):
        stepped(method)
    for i in range(2):
        name = f"prj_{i}.3.weight"
        assert with_predictor.F.get_parameter(name).grad is not None
        assert without.F.get_parameter(name).grad is None


def test_extra_flips_mirror_the_pictures_themselves() -> None:
    flipping, still = enco(extra_flip=True), enco()
    flipping.draw = Replayed(coins={"flip_A": True, "flip_B": False})
    a, b = batch()
    torch.manual_seed(0)
    mirrored = flipping.step(batch())
    torch.manual_seed(0)
    expected = still.step(batch()._replace(a=a.flip(3), b=b))
    assert mirrored.keys() == expected.keys()
    for name, value in mirrored.items():
        torch.testing.assert_close(value, expected[name], msg=name)


def test_rates_follow_the_warm_up() -> None:
    method = enco(warmup_epochs=4, n_epochs=4, n_epochs_decay=1, lr_G=1.0, lr_F=2.0, lr_D=4.0)
    rates = []
    for epoch in (1, 4, 5):
        method.start_epoch(epoch)
        rates.append([float(method.optimizers[name].param_groups[0]["lr"]) for name in "GFD"])
    assert rates == [[0.25, 0.5, 1], [1, 2, 4], [0.5, 1, 2]]


def test_stages_must_have_equal_channels() -> None:
    with pytest.raises(ValueError, match="nce_layers pairs 3 with 19, whose channels differ"):
        enco(nce_layers=(3, 19))
    with pytest.raises(ValueError, match="layer 40 does not exist"):
        enco(nce_layers=(3, 40))


def test_a_translation_is_one_pass_of_the_generator() -> None:
    method = enco()
    a, _ = batch(2)
    with torch.no_grad():
        y = method.translate(a)
    assert y.shape == a.shape
    assert torch.equal(y, method.G(a))
    assert F.hardtanh(y).equal(y)
