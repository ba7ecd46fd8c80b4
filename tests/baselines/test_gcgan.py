from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.gcgan import GcGAN, consistency, turn, turn_back
from methods.interface import ImageShape
from tests.small import Replayed, batch

pytestmark = pytest.mark.usefixtures("exact")
SHAPE = ImageShape(3, 32, 32)
SQUARE = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 1, 2, 2)


def gcgan(shape: ImageShape = SHAPE, **options: Any) -> GcGAN:
    small: dict[str, Any] = {"ngf": 2, "ndf": 2, "netG": "resnet_4blocks"}
    torch.manual_seed(1)
    return GcGAN(GcGAN.Config(**(small | options)), shape)


def l1(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().mean()


def test_transforms() -> None:
    assert turn(SQUARE, "rot")[0, 0].tolist() == [[3, 1], [4, 2]]  # clockwise
    assert turn(SQUARE, "vf")[0, 0].tolist() == [[3, 4], [1, 2]]  # top and bottom
    for geometry in ("rot", "vf"):
        assert torch.equal(turn_back(turn(SQUARE, geometry), geometry), SQUARE)


def test_consistency_worked_out() -> None:
    fake = SQUARE.clone().requires_grad_()
    turned = torch.zeros(1, 1, 2, 2, requires_grad=True)
    loss = consistency(fake, turned, "rot")
    assert float(loss.detach()) == 5.0  # twice the mean of 1, 2, 3, 4
    # The gradient is that of a single mean of distances.
    to_fake, to_turned = torch.autograd.grad(loss, (fake, turned))
    assert to_fake.flatten().tolist() == [0.25] * 4
    assert to_turned.flatten().tolist() == [-0.25] * 4


@pytest.mark.parametrize("geometry", ["rot", "vf"])
@pytest.mark.parametrize("variant", ["share", "cross", "gan_alone"])
def test_a_step_with_one_transform(variant: str, geometry: str) -> None:
    method = gcgan(variant=variant, geometry=geometry, lambda_AB=3.0, lambda_gc=4.0, identity=0.2, lambda_GAN=0.5)
    m = deepcopy(method)
    (a, b), losses = batch(2), method.step(batch(2))
    ta, tb = turn(a, geometry), turn(b, geometry)
    other = m.G_gc_AB if variant == "cross" else m.G_AB
    judge = m.get_submodule("D_gc_B")
    fake, turned = m.G_AB(a), other(ta)
    expected = {
        "G_AB": 0.5 * (m.get_submodule("D_B")(fake) - 1).square().mean(),
        "G_gc_AB": 0.5 * (judge(turned) - 1).square().mean(),
        "gc": 2 * 3 * 4 * l1(fake, turn_back(turned, geometry)),
        "idt": 3 * 0.2 * l1(m.G_AB(b), b),
        "idt_gc": 3 * 0.2 * l1(other(tb), tb),
    }
    if variant == "gan_alone":
        del expected["gc"]
    expected["G"] = torch.stack(list(expected.values())).sum()
    expected["D_fake"] = m.get_submodule("D_B")(fake).square().mean()
    expected["D_real"] = (m.get_submodule("D_B")(b) - 1).square().mean()
    expected["D_gc_fake"] = judge(turned).square().mean()
    expected["D_gc_real"] = (judge(tb) - 1).square().mean()
    expected["D"] = 0.5 * sum(value for name, value in expected.items() if name.startswith("D_"))
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value.detach(), msg=name)


def mixed_terms(m: GcGAN, weights: dict[str, float]) -> dict[str, Tensor]:
    """The generator's terms of both transforms, weighted."""
    a, b = batch()
    fake, found = m.G_AB(a), {"G_gc_AB": torch.zeros(()), "gc": torch.zeros(()), "idt_gc": torch.zeros(())}
    for geometry, weight in weights.items():
        turned, tb = m.G_AB(turn(a, geometry)), turn(b, geometry)
        found["G_gc_AB"] = found["G_gc_AB"] + weight * (m.get_submodule(f"D_{geometry}_B")(turned) - 1).square().mean()
        found["gc"] = found["gc"] + weight * 2 * 20 * l1(turned, turn(fake, geometry))
        found["idt_gc"] = found["idt_gc"] + weight * 5 * l1(m.G_AB(tb), tb)
    return found


def judged(m: GcGAN, geometry: str) -> Tensor:
    """Half the discriminator's loss on one transform."""
    a, b = batch()
    net = m.get_submodule(f"D_{geometry}_B")
    fake = net(m.G_AB(turn(a, geometry))).square().mean()
    return 0.5 * (fake + (net(turn(b, geometry)) - 1).square().mean())


def test_mix_averages_the_generators_terms_and_adds_the_discriminators() -> None:
    method = gcgan(variant="mix")
    m = deepcopy(method)
    losses = method.step(batch())
    for name, value in mixed_terms(m, {"rot": 0.5, "vf": 0.5}).items():
        torch.testing.assert_close(losses[name], value.detach(), msg=name)
    plain = 0.5 * (losses["D_fake"] + losses["D_real"])
    torch.testing.assert_close(losses["D"] - plain, (judged(m, "rot") + judged(m, "vf")).detach())


@pytest.mark.parametrize(("coin", "drawn", "left"), [(True, "rot", "vf"), (False, "vf", "rot")])
def test_mix_random_trains_one_transform_a_step(coin: bool, drawn: str, left: str) -> None:
    method = gcgan(variant="mix_random")
    method.draw = Replayed(coins={"rot": coin})
    m = deepcopy(method)
    losses = method.step(batch())
    for name, value in mixed_terms(m, {drawn: 1.0}).items():
        torch.testing.assert_close(losses[name], value.detach(), msg=name)
    plain = 0.5 * (losses["D_fake"] + losses["D_real"])
    torch.testing.assert_close(losses["D"] - plain, judged(m, drawn).detach())
    for name, moved in ((drawn, True), (left, False)):
        before, after = (x.get_parameter(f"D_{name}_B.model.0.weight") for x in (m, method))
        assert torch.equal(before, after) != moved


def test_official_names() -> None:
    def nets(**options: Any) -> set[str]:
        return {name for name, _ in gcgan(**options).named_children() if not name.startswith("pool")}

    assert nets() == nets(variant="gan_alone") == {"G_AB", "D_B", "D_gc_B"}
    assert nets(variant="cross") == {"G_AB", "G_gc_AB", "D_B", "D_gc_B"}
    assert nets(variant="mix") == nets(variant="mix_random") == {"G_AB", "D_B", "D_rot_B", "D_vf_B"}


def test_without_identity_and_pools() -> None:
    method = gcgan(identity=0.0, pool_size=0)
    losses = method.step(batch())
    assert not {"idt", "idt_gc"} & losses.keys()
    torch.testing.assert_close(losses["G"], losses["G_AB"] + losses["G_gc_AB"] + losses["gc"])


def test_the_two_discriminators_draw_from_pools_of_their_own() -> None:
    method = gcgan(pool_size=1)
    keep = {"pool_B/0/swap": 0.9, "pool_B/0/slot": 0.0, "pool_gc_B/0/swap": 0.1, "pool_gc_B/0/slot": 0.0}
    method.draw = Replayed(uniforms=keep)
    with torch.no_grad():
        old = method.G_AB(batch(seed=0).a)
    method.step(batch(seed=0))
    m = deepcopy(method)
    losses = method.step(batch(seed=5))
    new = m.G_AB(turn(batch(seed=5).a, "rot"))
    torch.testing.assert_close(losses["D_fake"], m.get_submodule("D_B")(old).square().mean().detach())
    torch.testing.assert_close(losses["D_gc_fake"], m.get_submodule("D_gc_B")(new).square().mean().detach())


@pytest.mark.parametrize(
    ("early", "factors"),
    [(True, [1, 0.8, 0.6, 0.4, 0.2, 0]), (False, [1, 1, 0.8, 0.6, 0.4, 0.2])],
)
def test_the_decay_starts_an_epoch_early_as_in_the_official_code(early: bool, factors: list[float]) -> None:
    method = gcgan(early_decay=early, n_epochs=2, n_epochs_decay=4)
    assert [method.lr_factor(epoch) for epoch in range(1, 7)] == pytest.approx(factors, abs=1e-15)


def test_early_decay_leaves_the_warm_up_alone() -> None:
    method = gcgan(warmup_epochs=4, n_epochs=5, n_epochs_decay=1)
    assert [method.lr_factor(epoch) for epoch in (1, 4, 5)] == [0.25, 1, 0.5]


def test_biases_start_as_pytorch_draws_them() -> None:
    method = gcgan()
    assert torch.count_nonzero(method.G_AB.get_parameter("model.1.bias")) == 2
    assert torch.count_nonzero(method.get_parameter("D_B.model.0.bias")) == 2


def test_quarter_turns_need_squares() -> None:
    wide = ImageShape(3, 32, 64)
    for options in ({}, {"variant": "mix"}):
        with pytest.raises(ValueError, match="a quarter turn needs square pictures, not 64x32; set geometry=vf"):
            gcgan(wide, **options)
    assert gcgan(wide, geometry="vf").geometries == ("vf",)


def test_translation_uses_the_plain_generator() -> None:
    method = gcgan(variant="cross")
    a, _ = batch()
    with torch.no_grad():
        assert torch.equal(method.translate(a), method.G_AB(a))
