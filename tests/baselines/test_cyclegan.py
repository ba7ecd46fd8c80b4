from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch

from baselines.cyclegan import CycleGAN
from methods.interface import ImageShape, Losses
from methods.layers import BlurDownsample, BlurUpsample
from tests.small import Replayed, batch

pytestmark = pytest.mark.usefixtures("exact")
SHAPE = ImageShape(3, 32, 32)


def cyclegan(shape: ImageShape = SHAPE, **options: Any) -> CycleGAN:
    small: dict[str, Any] = {"ngf": 2, "ndf": 2, "netG": "resnet_4blocks"}
    torch.manual_seed(1)
    return CycleGAN(CycleGAN.Config(**(small | options)), shape)


def l1(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return (x - y).abs().mean().detach()


def test_a_step_is_the_paper_objective_on_networks_before_any_update() -> None:
    method = cyclegan(lambda_A=3.0, lambda_B=5.0, lambda_identity=0.2)
    m = deepcopy(method)
    (a, b), losses = batch(2), method.step(batch(2))
    fake_b, fake_a = m.G_A(a), m.G_B(b)
    expected = {
        "G_A": (m.D_A(fake_b) - 1).square().mean(),
        "G_B": (m.D_B(fake_a) - 1).square().mean(),
        "cycle_A": 3 * l1(m.G_B(fake_b), a),
        "cycle_B": 5 * l1(m.G_A(fake_a), b),
        "idt_A": 5 * 0.2 * l1(m.G_A(b), b),  # G_A is to leave B alone
        "idt_B": 3 * 0.2 * l1(m.G_B(a), a),
    }
    expected["G"] = torch.stack(list(expected.values())).sum()
    expected["D_A"] = 0.5 * ((m.D_A(b) - 1).square().mean() + m.D_A(fake_b).square().mean())
    expected["D_B"] = 0.5 * ((m.D_B(a) - 1).square().mean() + m.D_B(fake_a).square().mean())
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value.detach(), msg=name)


def test_without_identity() -> None:
    losses = cyclegan(lambda_identity=0.0).step(batch())
    assert losses.keys() == {"G", "G_A", "G_B", "cycle_A", "cycle_B", "D_A", "D_B"}
    torch.testing.assert_close(losses["G"], sum(losses[k] for k in ("G_A", "G_B", "cycle_A", "cycle_B")))


def test_identity_does_not_change_the_other_terms() -> None:
    with_identity, without = cyclegan().step(batch()), cyclegan(lambda_identity=0.0).step(batch())
    for name in without.keys() - {"G"}:
        torch.testing.assert_close(with_identity[name], without[name], msg=name)


def test_discriminators_judge_what_the_pools_show() -> None:
    method = cyclegan(pool_size=1)
    exchange = {f"pool_{side}/0/{what}": value for side in "AB" for what, value in (("swap", 0.9), ("slot", 0.0))}
    method.draw = Replayed(uniforms=exchange)
    with torch.no_grad():
        first = method.G_A(batch(seed=0).a), method.G_B(batch(seed=0).b)
    method.step(batch(seed=0))
    before = deepcopy(method)
    losses = method.step(batch(seed=5))
    a, b = batch(seed=5)
    for name, real, old in (("D_A", b, first[0]), ("D_B", a, first[1])):
        judge = before.get_submodule(name)
        expected = 0.5 * (judge(old).square().mean() + (judge(real) - 1).square().mean())
        torch.testing.assert_close(losses[name], expected.detach(), msg=name)
    with torch.no_grad():
        torch.testing.assert_close(method.pool_B.pictures[0], before.G_A(a)[0])


def test_every_network_learns_and_one_adam_serves_each_side() -> None:
    method = cyclegan()
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    method.step(batch())
    assert all(not torch.equal(before[name], p) for name, p in method.named_parameters())
    sizes = {name: sum(p.numel() for p in o.param_groups[0]["params"]) for name, o in method.optimizers.items()}
    parameters = {name: sum(p.numel() for p in net.parameters()) for name, net in method.named_children()}
    assert sizes == {"G": parameters["G_A"] * 2, "D": parameters["D_A"] * 2}


def test_networks_are_the_original_ones_unless_asked() -> None:
    def blurred(method: CycleGAN) -> set[type]:
        return {type(m) for m in method.modules()} & {BlurDownsample, BlurUpsample}

    assert blurred(cyclegan()) == set()
    assert blurred(cyclegan(no_antialias_up=False)) == {BlurUpsample}
    assert blurred(cyclegan(no_antialias=False, no_antialias_up=False)) == {BlurDownsample, BlurUpsample}


def test_weights_are_drawn_as_the_original_does_unless_asked() -> None:
    convolutions = (
        m.G_A.get_parameter("model.1.weight") for m in (cyclegan(ngf=32), cyclegan(ngf=32, init_type="xavier"))
    )
    original, copies = (float(weight.detach().std()) for weight in convolutions)
    assert original == pytest.approx(0.02, rel=0.05)
    assert copies == pytest.approx(0.02 * (2 / (3 * 49 + 32 * 49)) ** 0.5, rel=0.05)


def test_a_unet_as_generator() -> None:
    shape = ImageShape(3, 128, 128)
    method = cyclegan(shape, netG="unet_128", ngf=1, ndf=1, netD="pixel")
    losses = method.step(batch(size=128))
    assert all(torch.isfinite(value) for value in losses.values())
    with torch.no_grad():
        assert method.translate(batch(size=256).a).shape == (1, 3, 256, 256)
    with pytest.raises(ValueError, match="netG unet_256 needs sides that are multiples of 256, not 128x128"):
        cyclegan(shape, netG="unet_256")


def test_both_directions() -> None:
    method = cyclegan()
    a, b = batch()
    with torch.no_grad():
        assert torch.equal(method.translate(a), method.G_A(a))
        assert torch.equal(method.translate_back(b), method.G_B(b))


def test_a_resumed_run_repeats_the_pools() -> None:
    method = cyclegan(pool_size=1)
    method.step(batch(seed=0))
    other = cyclegan(pool_size=1)
    other.load_state_dict(method.state_dict())
    for name, optimizer in other.optimizers.items():
        optimizer.load_state_dict(deepcopy(method.optimizers[name].state_dict()))

    def continued(m: CycleGAN) -> Losses:
        torch.manual_seed(3)
        m.step(batch(seed=1))
        return m.step(batch(seed=2))

    ours, theirs = continued(method), continued(other)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
