"""DCLGAN and SimDCL: every term against numbers worked out from their networks before the update."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any, TypeVar

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.dclgan import DCLGAN
from baselines.dclgan_networks import LightNetwork, project, stacked
from baselines.simdcl import SimDCL
from methods.heads import PatchHeads
from methods.interface import Batch, ImageShape
from tests.small import Replayed, batch

pytestmark = pytest.mark.usefixtures("exact")
AnyDCL = TypeVar("AnyDCL", DCLGAN, SimDCL)
SHAPE = ImageShape(3, 32, 32)
SMALL: dict[str, Any] = {
    "ngf": 2,
    "ndf": 2,
    "netG": "resnet_4blocks",
    "nce_layers": (4, 12),
    "num_patches": 8,
    "netF_nc": 6,
}


def dclgan(**options: Any) -> DCLGAN:
    return with_weights(DCLGAN(DCLGAN.Config(**(SMALL | options)), SHAPE))


def simdcl(**options: Any) -> SimDCL:
    return with_weights(SimDCL(SimDCL.Config(**(SMALL | options)), SHAPE))


def with_weights(method: AnyDCL) -> AnyDCL:
    """Larger weights than the official first ones, so that no term is close to a constant."""
    for p in method.parameters():
        nn.init.normal_(p, std=0.3)
    return method


def l1(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().mean().detach()


def contrast(query: Tensor, key: Tensor, temperature: float = 0.07) -> float:
    """PatchNCE with cosine similarity, row by row as it is written: all rows are negatives of each other."""
    cosine = F.cosine_similarity(query[:, None], key[None], dim=2).detach() / temperature
    total = 0.0
    for i in range(len(cosine)):
        negatives = [cosine[i, j].exp() for j in range(len(cosine)) if j != i]
        total -= math.log(cosine[i, i].exp() / (cosine[i, i].exp() + sum(negatives)))
    return total / len(cosine)


def embedded(net: nn.Module, heads: PatchHeads, picture: Tensor, positions: dict[int, list[int]]) -> list[Tensor]:
    """Rows of each layer at ``positions``, encoded afresh."""
    rows = []
    for i, (layer, at) in enumerate(positions.items()):
        x = picture
        for module in list(net.model)[: layer + 1]:  # type: ignore[arg-type]
            x = module(x)
        rows.append(heads(x.flatten(2)[:, :, at].transpose(1, 2).flatten(0, 1), i))
    return rows


POSITIONS = {
    "NCE1": {4: [5, 0, 77, 1023, 512, 3, 9, 100], 12: [63, 0, 7, 21, 33, 2, 40, 12]},
    "NCE2": {4: [8, 1, 70, 1000, 500, 30, 90, 10], 12: [1, 2, 3, 60, 61, 62, 20, 30]},
    "SIM_q1": {4: [11, 22, 33, 44, 55, 66, 77, 88], 12: [0, 1, 2, 3, 4, 5, 6, 7]},
    "SIM_q2": {4: [12, 23, 34, 45, 56, 67, 78, 89], 12: [8, 9, 10, 11, 12, 13, 14, 15]},
}


def replayed() -> Replayed:
    told = {f"{call}/layer{layer}": at for call, layers in POSITIONS.items() for layer, at in layers.items()}
    return Replayed(permutations=told)


@pytest.mark.parametrize("n", [1, 2])
def test_a_step_is_the_objective_on_networks_before_any_update(n: int) -> None:
    method = dclgan(lambda_GAN=0.7, lambda_NCE=1.5, lambda_IDT=3.0, gan_mode="lsgan", lr=0.0)
    method.draw = replayed()
    m, (a, b) = deepcopy(method), batch(n)
    losses = method.step(Batch(a, b))
    fake_b, fake_a = m.G_A(a), m.G_B(b)
    # Heads and encoders follow the domain of the picture: a fake B is embedded by G_B and F2.
    real_a, as_b = (
        embedded(m.G_A, m.F1, a, POSITIONS["NCE1"]),
        embedded(m.G_B, m.F2, fake_b, POSITIONS["NCE1"]),
    )
    real_b, as_a = (
        embedded(m.G_B, m.F2, b, POSITIONS["NCE2"]),
        embedded(m.G_A, m.F1, fake_a, POSITIONS["NCE2"]),
    )
    expected = {
        "D_A": 0.5 * (m.D_A(fake_b).square().mean() + (m.D_A(b) - 1).square().mean()),
        "D_B": 0.5 * (m.D_B(fake_a).square().mean() + (m.D_B(a) - 1).square().mean()),
        "G_A": 0.7 * (m.D_A(fake_b) - 1).square().mean(),
        "G_B": 0.7 * (m.D_B(fake_a) - 1).square().mean(),
        "NCE1": 1.5 * (contrast(as_b[0], real_a[0]) + contrast(as_b[1], real_a[1])) / 2,
        "NCE2": 1.5 * (contrast(as_a[0], real_b[0]) + contrast(as_a[1], real_b[1])) / 2,
        "idt_A": 3 * l1(m.G_A(b), b),
        "idt_B": 3 * l1(m.G_B(a), a),
    }
    expected = {name: torch.as_tensor(value) for name, value in expected.items()}
    expected["G"] = sum(expected[name] for name in ("G_A", "G_B", "NCE1", "NCE2", "idt_A", "idt_B")) / 2
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value.detach(), msg=name)


def test_hinge_generator_stops_pulling_above_one() -> None:
    method = dclgan(lambda_NCE=0.0, nce_idt=False)
    for net in (method.D_A, method.D_B):
        nn.init.zeros_(net.model[-1].weight)  # type: ignore[arg-type]
        nn.init.constant_(net.model[-1].bias, 1.5)  # type: ignore[arg-type]
    losses = method.step(batch())
    # D = 1.5 on everything: real 0, fake 1 + 1.5, halved; the generator's max(0, 1 - D) is 0. D moves by lr first.
    torch.testing.assert_close(losses["D_A"], torch.tensor(1.25))
    assert losses["G_A"] == 0


def test_only_queries_train_heads_and_encoders_of_their_domain() -> None:
    method, (a, b) = dclgan(), batch()
    fake_b = torch.rand_like(b)
    features_a, features_b = (
        [f.detach().requires_grad_() for f in g.encode(x, (4, 12))] for g, x in ((method.G_A, a), (method.G_B, b))
    )
    terms = method.content(features_a, features_b, torch.rand_like(a), fake_b)
    terms["NCE1"].backward()
    assert all(p.grad is not None for p in method.F2.parameters())
    assert any(p.grad is not None for p in method.G_B.parameters())
    assert all(p.grad is None for net in (method.F1, method.G_A) for p in net.parameters())
    assert all(f.grad is None for f in features_a)


def test_negatives_of_the_same_picture_only_is_an_option() -> None:
    method = dclgan(nce_includes_all_negatives_from_minibatch=False, lambda_NCE=1.0)
    query, key = torch.randn(2, 16, 6)
    apart = (contrast(query[:8], key[:8]) + contrast(query[8:], key[8:])) / 2
    torch.testing.assert_close(method.nce([query], [key], 2), torch.tensor(apart))


@pytest.mark.parametrize(
    ("options", "absent"),
    [
        ({"nce_idt": False}, {"idt_A", "idt_B"}),
        ({"lambda_IDT": 0.0}, {"idt_A", "idt_B"}),
        ({"lambda_NCE": 0.0}, {"NCE1", "NCE2"}),
    ],
)
def test_terms_can_be_switched_off(options: dict[str, Any], absent: set[str]) -> None:
    losses = dclgan(**options).step(batch())
    assert losses.keys() == {"G", "G_A", "G_B", "D_A", "D_B", "NCE1", "NCE2", "idt_A", "idt_B"} - absent
    others = [losses[name] for name in losses if name not in ("G", "D_A", "D_B")]
    torch.testing.assert_close(losses["G"], torch.stack(others).sum() / 2)


def test_discriminators_see_the_pool() -> None:
    method = dclgan(pool_size=1, gan_mode="lsgan", lr=0.0)
    method.draw = Replayed(uniforms={f"fake_{d}_pool/0/{what}": 0.9 for d in "AB" for what in ("swap", "slot")})
    first, second = batch(seed=1), batch(seed=2)
    shown = method.G_A(first.a)
    method.step(first)
    losses = method.step(second)  # the pool is full and exchanges: D judges the first translation again
    expected = 0.5 * (method.D_A(shown).square().mean() + (method.D_A(second.b) - 1).square().mean())
    torch.testing.assert_close(losses["D_A"], expected.detach())


def test_optimisers_are_those_of_the_official_code() -> None:
    def described(method: DCLGAN) -> dict[str, tuple[float, tuple[float, float], int]]:
        found = {}
        for name, optimizer in method.optimizers.items():
            (group,) = optimizer.param_groups
            found[name] = (group["initial_lr"], group["betas"], len(group["params"]))
        return found

    heads = 2 * 2 * 4
    assert described(dclgan())["F"] == (1e-3, (0.9, 0.999), heads)
    assert described(dclgan())["G"][:2] == described(dclgan())["D"][:2] == (1e-4, (0.5, 0.999))
    assert described(simdcl())["F"] == (2e-4, (0.5, 0.999), heads + 4 * 6)
    assert described(simdcl())["G"][:2] == (2e-4, (0.5, 0.999))


def test_translations_of_both_directions() -> None:
    method, (a, b) = dclgan(), batch()
    torch.testing.assert_close(method.translate(a), method.G_A(a))
    torch.testing.assert_close(method.translate_back(b), method.G_B(b))


def test_similarity_compares_each_domain_with_light_networks_of_its_own() -> None:
    method = simdcl(lambda_SIM=5.0, lr=0.0, lr_F=0.0)
    method.draw = replayed()
    m, (a, b) = deepcopy(method), batch()
    losses = method.step(Batch(a, b))
    fake_b, fake_a = m.G_A(a), m.G_B(b)

    def vector(light: LightNetwork, rows: list[Tensor]) -> Tensor:
        return light(torch.stack(rows)[None])  # type: ignore[no-any-return]

    real_a = vector(m.F3, embedded(m.G_A, m.F1, a, POSITIONS["NCE1"]))
    translated_b = vector(m.F4, embedded(m.G_B, m.F2, fake_b, POSITIONS["SIM_q1"]))
    real_b = vector(m.F5, embedded(m.G_B, m.F2, b, POSITIONS["NCE2"]))
    translated_a = vector(m.F6, embedded(m.G_A, m.F1, fake_a, POSITIONS["SIM_q2"]))
    expected = 5 * (l1(real_a, translated_a) + l1(real_b, translated_b))
    torch.testing.assert_close(losses["Sim"], expected)
    halves = [losses[name] for name in ("G_A", "G_B", "NCE1", "NCE2", "idt_A", "idt_B")]
    torch.testing.assert_close(losses["G"], torch.stack(halves).sum() / 2 + expected)


def test_similarity_trains_the_encoder_through_the_keys() -> None:
    method, (a, b) = simdcl(), batch()
    features_a, features_b = (
        [f.detach().requires_grad_() for f in g.encode(x, (4, 12))] for g, x in ((method.G_A, a), (method.G_B, b))
    )
    method.content(features_a, features_b, torch.rand_like(a), torch.rand_like(b))["Sim"].backward()
    trained = (method.F1, method.F2, method.F3, method.F4, method.F5, method.F6)
    assert all(p.grad is not None for net in trained for p in net.parameters())
    assert all(f.grad is not None for f in (*features_a, *features_b))


def test_light_network_by_hand() -> None:
    net = LightNetwork(layers=1)
    for p in net.parameters():
        nn.init.zeros_(p)
    with torch.no_grad():
        net.model[0].weight[0] = 1.0  # type: ignore[index]  # channel 0: sums of 3x3 windows, stride 2
        net.model[4].weight[0, 0] = 1.0  # type: ignore[index]
        net.model[6].weight[:2, 0] = torch.tensor([3e-8, 4e-8])  # type: ignore[index]
    image = torch.arange(25.0).reshape(1, 1, 5, 5)
    # Windows centred on 6, 8, 16, 18 sum to 9 times the centre, in the mean 9*12 = 108; times (3e-8, 4e-8) that
    # is a vector of norm 5e-8*108 = 5.4e-6, divided by 5.4e-6 + 1e-7.
    vector = net(image)
    expected = torch.zeros(1, 64)
    expected[0, :2] = torch.tensor([3.0, 4.0]) * 1.08e-6 / 5.5e-6
    torch.testing.assert_close(vector, expected)


def test_stacked_patches_are_layers_by_rows_and_small_pictures_use_the_fewest() -> None:
    many = torch.arange(2 * 3 * 1.0).reshape(6, 1)  # two pictures, three patches
    few = torch.arange(2 * 2 * 1.0).reshape(4, 1) + 100
    expected = torch.tensor([[[0.0, 1.0], [100.0, 101.0]], [[3.0, 4.0], [102.0, 103.0]]])[..., None]
    torch.testing.assert_close(stacked([many, few], 2), expected)


def test_projected_patches_are_ordered_picture_by_picture() -> None:
    heads = PatchHeads([2], 4)
    feature = torch.randn(2, 2, 3, 3)
    rows = project(heads, [feature], [torch.tensor([8, 1])])[0]
    by_hand = torch.stack([feature[0, :, 2, 2], feature[0, :, 0, 1], feature[1, :, 2, 2], feature[1, :, 0, 1]])
    torch.testing.assert_close(rows, heads(by_hand, 0))


def test_a_batch_of_simdcl_is_not_one_picture() -> None:
    losses = simdcl().step(batch(2))
    assert all(value.isfinite() for value in losses.values())


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (DCLGAN, {"nce_layers": ()}),
        (DCLGAN, {"nce_T": 0.0}),
        (DCLGAN, {"pool_size": -1}),
        (SimDCL, {"num_patches": 2}),
        (SimDCL, {"netF_nc": 1}),
    ],
)
def test_impossible_options_are_refused(kind: type[DCLGAN], wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind.Config(**wrong)
