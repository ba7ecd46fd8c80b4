"""FSeSim and LSeSim: maps, their distance and their contrast against numbers worked out by hand."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.fsesim import FSeSim
from baselines.fsesim_maps import (
    gradient_penalty,
    gram,
    map_contrast,
    map_distance,
    similarity_maps,
    style_distance,
    windows,
)
from baselines.lsesim import LSeSim
from harness.errors import UserError
from harness.spec import RunSpec
from harness.training import build
from methods.interface import ImageShape
from methods.vgg import RELU3_3
from tests.small import Replayed, batch, random_vgg16

pytestmark = pytest.mark.usefixtures("exact")
SHAPE = ImageShape(3, 32, 32)
SMALL: dict[str, Any] = {
    "ngf": 2,
    "ndf": 2,
    "netG": "resnet_4blocks",
    "attn_layers": (0, 2),
    "patch_nums": 20,
    "patch_size": 8,
}


@pytest.fixture(scope="module")
def vgg() -> dict[str, Tensor]:
    return random_vgg16()


def fsesim(vgg: dict[str, Tensor], cls: type[FSeSim] = FSeSim, **options: Any) -> FSeSim:
    torch.manual_seed(1)
    return cls(cls.Config(**(SMALL | options)), SHAPE, vgg)


def maps(*rows: list[float]) -> Tensor:
    """One picture with one map a row."""
    return torch.tensor([rows], dtype=torch.float64)


def test_similarity_worked_out() -> None:
    feature = torch.tensor([0.0, 2.0, 4.0, 6.0]).reshape(1, 1, 2, 2)  # centred: -3, -1, 1, 3
    expected = torch.tensor([[9.0, 3.0, -3.0, -9.0], [-3.0, -1.0, 1.0, 3.0]])
    found = similarity_maps(feature, torch.tensor([0, 2]), 64, use_norm=False)
    torch.testing.assert_close(found[0], (expected / 10).tanh())
    found = similarity_maps(feature, torch.tensor([0, 2]), 64, use_norm=True)
    assert found[0].tolist() == [[1, 1, -1, -1], [-1, -1, 1, 1]]


def test_similarity_is_divided_by_the_channels() -> None:
    feature = torch.tensor([[1.0, -1.0], [2.0, -2.0]]).reshape(1, 2, 1, 2)  # its channels have mean 0
    found = similarity_maps(feature, None, 64, use_norm=False)
    torch.testing.assert_close(found[0], (torch.tensor([[5.0, -5.0], [-5.0, 5.0]]) / 2 / 10).tanh())


def test_windows_are_shifted_inwards() -> None:
    corner, middle = windows(torch.tensor([0, 13]), height=4, width=5, size=3).tolist()
    assert corner == [0, 1, 2, 5, 6, 7, 10, 11, 12]
    assert middle == [7, 8, 9, 12, 13, 14, 17, 18, 19]  # around row 2, column 3
    assert windows(torch.tensor([13]), 4, 5, 2).tolist() == [[7, 8, 12, 13]]  # an even window looks back


def test_a_window_is_part_of_the_whole_map() -> None:
    feature, places = torch.randn(2, 3, 6, 5), torch.tensor([0, 7, 29])
    whole = similarity_maps(feature, places, 5, use_norm=True)  # as wide as the map: no window
    assert whole.shape == (2, 3, 30)
    local = similarity_maps(feature, places, 3, use_norm=True)
    for i, inside in enumerate(windows(places, 6, 5, 3)):
        assert torch.equal(local[:, i], whole[:, i, inside])
    assert similarity_maps(feature, None, 3, use_norm=True).shape == (2, 30, 30)  # all places: with all


def test_distance_counts_the_highest_quarter_of_the_translation() -> None:
    source, target = maps([1, 2, 3, 4]), maps([4, 3, 2, 1])  # of the target, 4 and 3 count
    gap = 1 - (1 * 4 + 2 * 3) / (5**0.5 * 5)
    torch.testing.assert_close(map_distance(source, target, "cos", use_norm=True), torch.tensor(gap))
    torch.testing.assert_close(map_distance(source, target, "cos", use_norm=False), torch.tensor(gap**2 / 2))
    # Differences 4 (1 - 4) and 4 (2 - 3), over four entries; SmoothL1 takes a half off each.
    assert float(map_distance(source, target, "l1", use_norm=True)) == 4
    assert float(map_distance(source, target, "l1", use_norm=False)) == 3.75


def test_distance_keeps_ties_and_sends_no_gradient_through_the_choice() -> None:
    target = maps([3, 3, 3, 1]).requires_grad_()
    loss = map_distance(maps([0, 0, 0, 0]), target, "l1", use_norm=True)
    assert float(loss.detach()) == 9  # 4 x 3 for three of four
    assert torch.autograd.grad(loss, target)[0].flatten().tolist() == [1, 1, 1, 0]


def test_contrast_worked_out() -> None:
    s, o = maps([2.0, 0.0]), maps([0.0, 5.0])
    e = torch.tensor(1 / 0.5).exp()
    torch.testing.assert_close(map_contrast(s, 3 * s, o, 0.5), (1 + 2 / e).log())
    # Two places: the other place of the target is a negative, and both of the other picture, twice.
    s, t, o = maps([1.0, 0.0], [0.0, 1.0]), maps([0.0, 1.0], [1.0, 0.0]), maps([1.0, 0.0], [1.0, 0.0])
    first = [0, 1, 1, 1, 0, 0]  # s1 with t1, t2, o1, o2; t1 with o1, o2
    second = [1, 0, 0, 0, 1, 1]
    rows = torch.tensor([first, second]) * 2.0
    expected = (rows.logsumexp(1) - rows[[0, 1], [0, 1]]).mean()
    torch.testing.assert_close(map_contrast(s, t, o, 0.5), expected)
    twice = [torch.cat((x, x)) for x in (s, t, o)]
    torch.testing.assert_close(map_contrast(*twice, 0.5), expected)  # pictures of a batch apart


def test_gram_matrices() -> None:
    feature = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).reshape(1, 2, 1, 2)
    assert gram(feature).tolist() == [[[5 / 4, 11 / 4], [11 / 4, 25 / 4]]]
    assert gram(feature.expand(2, -1, -1, -1))[0, 0, 0] == 5 / 8  # the batch divides too
    layers = dict.fromkeys((1, 3, 6, 9), feature)
    assert float(style_distance(layers, {n: 0 * f for n, f in layers.items()})) == 4 * (5 + 11 + 11 + 25) / 4 / 4


def test_gradient_penalty_of_a_linear_critic() -> None:
    critic = nn.Linear(3, 1)
    with torch.no_grad():
        critic.weight.copy_(torch.tensor([[2.0, 1.0, 2.0]]))
    penalty = gradient_penalty(critic, torch.randn(5, 3))
    torch.testing.assert_close(penalty.detach(), torch.tensor(4.0))  # (3 - 1)^2
    (gradient,) = torch.autograd.grad(penalty, critic.weight)
    torch.testing.assert_close(gradient, 2 * 2 * critic.weight.detach() / 3)


def test_a_step_with_all_terms(vgg: dict[str, Tensor]) -> None:
    weights = {"spatial": 7.0, "spatial_idt": 3.0, "identity": 5.0, "perceptual": 2.0, "style": 4.0, "gradient": 0.5}
    method = fsesim(vgg, **{f"lambda_{name}": value for name, value in weights.items()}, lambda_GAN=0.5)
    m, (a, b) = deepcopy(method), batch(2)
    orders = {
        f"{name}/layer{layer}": torch.randperm(n).tolist()
        for name in ("spatial", "spatial_idt")
        for layer, n in ((0, 1024), (2, 256))
    }
    method.draw = Replayed(orders, uniforms={"gp_alpha": 0.25})
    losses = method.step(batch(2))

    fake, idt = m.G(a), m.G(b)
    seen = {
        name: dict(enumerate(m.vgg(x, range(10)))) for name, x in (("a", a), ("b", b), ("fake", fake), ("idt", idt))
    }

    def spatial(name: str, source: str, target: str) -> Tensor:
        terms = []
        for layer in (0, 2):
            places = torch.tensor(orders[f"{name}/layer{layer}"][:20])
            pair = [similarity_maps(seen[x][layer], places, 8, False) for x in (source, target)]
            terms.append(map_distance(*pair, "cos", False))
        return (terms[0] + terms[1]) / 2

    expected = {
        "spatial": 7 * spatial("spatial", "a", "fake"),
        "spatial_idt": 3 * spatial("spatial_idt", "b", "idt"),
        "identity": 5 * (idt - b).abs().mean(),
        "perceptual": 2 * (seen["fake"][RELU3_3] - seen["a"][RELU3_3]).abs().mean(),
        "style": 4 * style_distance(seen["b"], seen["fake"]),
        "D_real": (m.D(b) - 1).square().mean(),
        "D_fake": m.D(fake).square().mean(),
        "D_gradient": 0.5 * gradient_penalty(m.D, 0.25 * b + 0.75 * fake),
        "G_GAN": 0.5 * (method.D(fake) - 1).square().mean(),  # by the updated discriminator
    }
    expected["D"] = 0.5 * (expected["D_real"] + expected["D_fake"]) + expected["D_gradient"]
    expected["G"] = torch.stack([v for name, v in expected.items() if not name.startswith("D")]).sum()
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value.detach(), msg=name)


@pytest.mark.parametrize("augment", [False, True])
def test_heads_learn_first(vgg: dict[str, Tensor], augment: bool) -> None:
    method = fsesim(vgg, LSeSim, augment=augment)
    m, (a, b) = deepcopy(method), batch(2)
    orders = {
        f"{name}/layer{layer}": torch.randperm(n).tolist()
        for name in ("spatial", "spatial_F")
        for layer, n in ((0, 1024), (2, 256))
    }
    colours = {"aug_A": 1 - batch(2, seed=5).a, "aug_B": 1 - batch(2, seed=6).a}
    method.recoloured = lambda x, name: colours[name]  # type: ignore[method-assign]
    method.draw = Replayed(orders)
    losses = method.step(batch(2))

    def at(heads: nn.Module, x: Tensor, i: int, name: str) -> Tensor:
        layer = (0, 2)[i]
        feature = heads(m.vgg(x, [layer])[0], i)
        return similarity_maps(feature, torch.tensor(orders[f"{name}/layer{layer}"][:20]), 8, False)

    fake = m.G(a).detach()
    contrast, spatial = [], []
    for i in (0, 1):
        s, t, o = (at(m.F, x, i, "spatial_F") for x in (a, fake, b.flip((2, 3))))
        if augment:
            s, t = torch.cat((s, s)), torch.cat((t, at(m.F, colours["aug_A"], i, "spatial_F")))
            o = torch.cat((o, at(m.F, colours["aug_B"].flip((2, 3)), i, "spatial_F")))
        contrast.append(map_contrast(s, t, o, 0.07))
        spatial.append(map_distance(at(method.F, a, i, "spatial"), at(method.F, fake, i, "spatial"), "cos", False))
    torch.testing.assert_close(losses["spatial_F"], torch.stack(contrast).mean().detach())
    torch.testing.assert_close(losses["spatial"], 10 * torch.stack(spatial).mean().detach())
    assert all(not torch.equal(p, q) for p, q in zip(method.F.parameters(), m.F.parameters(), strict=True))


def test_heads_have_a_quarter_of_the_channels_and_at_least_32(vgg: dict[str, Tensor]) -> None:
    method = fsesim(vgg, LSeSim, attn_layers=(0, 4))
    shapes = {key: tuple(value.shape) for key, value in method.F.state_dict().items() if key.endswith("weight")}
    assert shapes["conv_0.0.weight"] == (32, 64, 1, 1)
    assert shapes["conv_1.0.weight"] == (64, 256, 1, 1)
    assert shapes["conv_1.2.weight"] == (64, 64, 1, 1)


def test_colours_change_and_places_do_not(vgg: dict[str, Tensor]) -> None:
    method = fsesim(vgg, LSeSim)
    picture = torch.zeros(1, 3, 8, 8)
    picture[:, 0, 2:4] = 0.8  # a band in another colour
    changed = method.recoloured(picture, "aug_A")
    assert not torch.allclose(changed, picture)
    assert len(changed[0].flatten(1).T.unique(dim=0)) == 2
    assert torch.equal(changed[..., :2, :], changed[..., 4:6, :])


def test_vgg_is_neither_trained_nor_saved(vgg: dict[str, Tensor]) -> None:
    method = fsesim(vgg, LSeSim)
    held = {id(p) for o in method.optimizers.values() for group in o.param_groups for p in group["params"]}
    assert held == {id(p) for p in method.parameters()}
    assert not any(key.startswith("vgg") for key in method.state_dict())
    before = [buffer.clone() for buffer in method.vgg.buffers()]
    method.step(batch())
    assert all(torch.equal(x, y) for x, y in zip(before, method.vgg.buffers(), strict=True))


def test_all_places_draw_nothing(vgg: dict[str, Tensor]) -> None:
    method = fsesim(vgg, patch_nums=-1, attn_layers=(4,), pool_size=0)
    method.draw = draws = Replayed()
    assert method.step(batch())["spatial"].isfinite()
    assert draws.names == []


def test_hinge_bounds_the_discriminator_alone(vgg: dict[str, Tensor]) -> None:
    method = fsesim(vgg, gan_mode="hinge", lambda_spatial=0.0)
    m, (a, b) = deepcopy(method), batch()
    losses, fake = method.step(batch()), m.G(a)
    torch.testing.assert_close(losses["D_fake"], F.relu(1 + m.D(fake)).mean().detach())
    torch.testing.assert_close(losses["D_real"], F.relu(1 - m.D(b)).mean().detach())
    torch.testing.assert_close(losses["G_GAN"], -method.D(fake).mean().detach())
    assert losses.keys() == {"G", "G_GAN", "D", "D_fake", "D_real"}


def test_the_discriminator_is_shown_past_translations(vgg: dict[str, Tensor]) -> None:
    method = fsesim(vgg, pool_size=1)
    method.draw = Replayed(uniforms={"pool_B/0/swap": 0.9, "pool_B/0/slot": 0.0})
    first = method.G(batch().a).detach()
    method.step(batch())
    expected = method.D(first).square().mean().detach()
    torch.testing.assert_close(method.step(batch(seed=3))["D_fake"], expected)


def test_bf16_does_not_round_small_distances_away() -> None:
    torch.manual_seed(0)
    feature = torch.randn(1, 64, 8, 8, dtype=torch.float32)
    near = feature + 0.05 * torch.randn_like(feature)

    def distance() -> Tensor:
        source, target = (similarity_maps(f, torch.arange(20), 64, use_norm=False) for f in (feature, near))
        return map_distance(source, target, "cos", use_norm=True)

    exact = distance()  # about 0.002, less than what bf16 tells from 1
    assert exact < 1 / 256
    with torch.autocast("cpu", dtype=torch.bfloat16):
        torch.testing.assert_close(distance(), exact, rtol=0.1, atol=0)


def test_defaults() -> None:
    c, learned = FSeSim.Config(), LSeSim.Config()
    assert (c.attn_layers, c.patch_size, c.lr, c.pool_size, c.vgg) == ((4, 7, 9), 64, 1e-4, 50, "torchvision")
    assert (c.learned_attn, c.augment) == (False, False)
    assert (learned.learned_attn, learned.augment, learned.patch_size) == (True, True, 32)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attn_layers": (4, 13)}, "expected layers of VGG16, 0 to 12"),
        ({"attn_layers": ()}, "expected layers of VGG16"),
        ({"patch_nums": 0}, "expected 1 or more, or -1"),
        ({"patch_size": 1}, "patch_size is 1; expected 2 or more"),
        ({"loss_mode": "info"}, "expected one of cos, l1"),
        ({"augment": True}, "augment changes nothing without learned_attn"),
        ({"learned_attn": True, "T": 0.0}, "T is 0"),
        ({"pool_size": -1}, "pool_size is -1"),
        ({"vgg": "caffe"}, "expected one of torchvision, oxford"),
    ],
)
def test_impossible_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FSeSim.Config(**options)


def test_pictures_too_small_for_the_layers(vgg: dict[str, Tensor]) -> None:
    with pytest.raises(ValueError, match="layer 12 of VGG16 is smaller than 2x2"):
        FSeSim(FSeSim.Config(attn_layers=(0, 12)), ImageShape(3, 16, 32), vgg)


def test_without_vgg_it_says_so_before_it_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("HARNESS_VGG16", raising=False)
    for kind, said in (("torchvision", "vgg16-397923af.pth"), ("oxford", "harness weights fetch vgg16-oxford")):
        with pytest.raises(FileNotFoundError, match=said):
            FSeSim(FSeSim.Config(vgg=kind), SHAPE)  # type: ignore[arg-type]
        spec = RunSpec(method="baselines.fsesim:FSeSim", dataset="toy", options={"vgg": kind}, size=64, load_size=64)
        with pytest.raises(UserError, match=said) as caught:
            build(spec, torch.device("cpu"))
        assert "\n" not in str(caught.value)
