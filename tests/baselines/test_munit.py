"""MUNIT and UNIT: norms, codes and terms against numbers worked out by hand."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.munit import MUNIT, UNIT
from baselines.munit_networks import AdaIN, ConvBlock, LayerNorm, MsImageDis, smallest_side
from baselines.munit_shared import perceptual_distance
from methods.interface import Draws, ImageShape
from methods.vgg import POOLED, RELU5_3, VGG16
from tests.small import batch, pictures, random_vgg16

pytestmark = pytest.mark.usefixtures("exact")
SHAPE = ImageShape(3, 32, 32)
SMALL: dict[str, Any] = {"gen_dim": 2, "dis_dim": 2, "n_res": 2, "num_scales": 2, "weight_decay": 0.0}


class Noise(Draws):
    """Normal numbers by name: each name has its own seed."""

    def normal(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        return torch.randn(shape, generator=torch.Generator().manual_seed(sum(map(ord, name))))


def munit(vgg: dict[str, Tensor] | None = None, **options: Any) -> MUNIT:
    torch.manual_seed(1)
    method = MUNIT(MUNIT.Config(**({"mlp_dim": 4} | SMALL | options)), SHAPE, vgg)
    method.draw = Noise()
    return method


def unit(**options: Any) -> UNIT:
    torch.manual_seed(1)
    method = UNIT(UNIT.Config(**(SMALL | options)), SHAPE)
    method.draw = Noise()
    return method


def l1(x: Tensor, y: Tensor) -> Tensor:
    return (x - y).abs().mean()


def lsgan(scores: list[Tensor], label: float) -> Tensor:
    """Summed over scales."""
    return torch.stack([(s - label).square().mean() for s in scores]).sum()


def noise(name: str, *shape: int) -> Tensor:
    return Noise().normal(name, shape, torch.device("cpu"))


def test_layer_norm_worked_out() -> None:
    norm = LayerNorm(2)
    with torch.no_grad():
        norm.gamma.copy_(torch.tensor([1.0, 10.0]))
        norm.beta.copy_(torch.tensor([0.0, 5.0]))
    x = torch.tensor([0.0, 2.0, 4.0, 6.0]).reshape(1, 2, 1, 2)
    std = (20 / 3) ** 0.5 + 1e-5  # squares 9 + 1 + 1 + 9, divided by one less than four
    expected = torch.tensor([-3 / std, -1 / std, 5 + 10 / std, 5 + 30 / std])
    torch.testing.assert_close(norm(x).flatten().detach(), expected)
    assert torch.equal(norm(torch.cat((x, 7 * x)))[:1], norm(x))  # each picture alone


def test_layer_norm_starts_with_scales_between_0_and_1() -> None:
    gamma = LayerNorm(1000).gamma
    assert 0 <= gamma.min() < 0.1
    assert 0.9 < gamma.max() <= 1


def test_adain_takes_the_shift_first() -> None:
    x = torch.tensor([-1.0, 1.0, 0.0, 4.0]).reshape(1, 2, 1, 2)  # means 0 and 2, deviations 1 and 2
    code = torch.tensor([[10.0, 20.0, 3.0, 4.0]])
    found = AdaIN(2)(x, code).flatten()
    torch.testing.assert_close(found, torch.tensor([7.0, 13.0, 16.0, 24.0]), atol=1e-4, rtol=0)


def test_codes_go_to_the_adains_in_their_order() -> None:
    method = munit()
    decoder, content = method.gen_a.dec, torch.randn(1, 8, 8, 8)
    code = torch.randn(1, 2 * 2 * 2 * 8)  # shift and scale, two convolutions, two blocks, eight channels
    parts = code.split(16, dim=1)
    x = content
    for block, first, second in zip(decoder.model[0].model, parts[::2], parts[1::2], strict=True):
        inner = block.model[0](x, first)
        assert inner.min() == 0  # ReLU behind the first, nothing behind the second
        x = x + block.model[1](inner, second)
    for layer in decoder.model[1:]:
        x = layer(x)
    torch.testing.assert_close(decoder(content, code), x)


@pytest.mark.parametrize("pad_type", ["reflect", "replicate", "zero"])
@pytest.mark.parametrize("activation", ["relu", "lrelu", "prelu", "selu", "tanh"])
def test_a_block_pads_convolves_norms_and_activates(pad_type: Any, activation: str) -> None:
    block, x = ConvBlock(3, 4, 3, 1, 1, "in", activation, pad_type), torch.randn(2, 3, 5, 5)
    mode = {"reflect": "reflect", "replicate": "replicate", "zero": "constant"}[pad_type]
    y = F.instance_norm(F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), block.conv.weight, block.conv.bias))
    expected = {
        "relu": y.relu(),
        "lrelu": F.leaky_relu(y, 0.2),
        "prelu": F.leaky_relu(y, 0.25),  # where its slope starts
        "selu": F.selu(y),
        "tanh": y.tanh(),
    }[activation]
    torch.testing.assert_close(block(x), expected)


def test_scales_of_the_discriminator() -> None:
    net = MsImageDis(2, 3, 3, "none", "lrelu", "reflect")
    x = pictures(1, 32, 0)
    half = F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
    scores = net(x)
    assert [tuple(s.shape) for s in scores] == [(1, 1, 4, 4), (1, 1, 2, 2), (1, 1, 1, 1)]
    torch.testing.assert_close(scores[1], net.cnns[1](half))
    assert "cnns.2.3.weight" in net.state_dict()  # the last convolution is a plain one


@pytest.mark.parametrize(("n_layer", "num_scales"), [(4, 3), (3, 1), (2, 4)])
def test_the_least_side_is_the_least(n_layer: int, num_scales: int) -> None:
    net, least = MsImageDis(1, n_layer, num_scales, "none", "lrelu", "reflect"), smallest_side(n_layer, num_scales)
    assert net(pictures(1, least, 0))[-1].numel() == 1
    with pytest.raises(RuntimeError):
        net(pictures(1, least - 1, 0))


def test_a_step_of_munit() -> None:
    method = munit(gan_w=0.5, recon_x_w=3.0, recon_s_w=5.0, recon_c_w=7.0, recon_x_cyc_w=2.0)
    m, (a, b) = deepcopy(method), batch(2)
    losses = method.step(batch(2))

    (c_a, s_a_own), (c_b, s_b_own) = m.gen_a.encode(a), m.gen_b.encode(b)
    s_a, s_b = noise("s_a_gen", 2, 8, 1, 1), noise("s_b_gen", 2, 8, 1, 1)
    x_ba, x_ab = m.gen_a.decode(c_b, s_a), m.gen_b.decode(c_a, s_b)
    (c_b_again, s_a_again), (c_a_again, s_b_again) = m.gen_a.encode(x_ba), m.gen_b.encode(x_ab)
    shown_ba = m.gen_a.decode(c_b, noise("s_a_dis", 2, 8, 1, 1))
    shown_ab = m.gen_b.decode(c_a, noise("s_b_dis", 2, 8, 1, 1))
    expected = {
        "recon_x_a": l1(m.gen_a.decode(c_a, s_a_own), a),
        "recon_x_b": l1(m.gen_b.decode(c_b, s_b_own), b),
        "recon_s_a": l1(s_a_again, s_a),
        "recon_s_b": l1(s_b_again, s_b),
        "recon_c_a": l1(c_a_again, c_a),
        "recon_c_b": l1(c_b_again, c_b),
        "cycrecon_x_a": l1(m.gen_a.decode(c_a_again, s_a_own), a),
        "cycrecon_x_b": l1(m.gen_b.decode(c_b_again, s_b_own), b),
        "adv_a": lsgan(method.dis_a(x_ba), 1),  # by the updated discriminators
        "adv_b": lsgan(method.dis_b(x_ab), 1),
        "D_a": lsgan(m.dis_a(shown_ba), 0) + lsgan(m.dis_a(a), 1),  # no half
        "D_b": lsgan(m.dis_b(shown_ab), 0) + lsgan(m.dis_b(b), 1),
    }
    weights = {"recon_x": 3.0, "recon_s": 5.0, "recon_c": 7.0, "cycrecon_x": 2.0, "adv": 0.5}
    expected["G"] = sum((weights.get(name[:-2], 0) * v for name, v in expected.items()), torch.zeros(()))
    expected["D"] = 0.5 * (expected["D_a"] + expected["D_b"])
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value.detach(), msg=name)


def test_the_content_is_led_from_both_sides() -> None:
    method, (a, b) = munit(), batch()
    codes = method.encode(a, b)
    c_a = codes[0]

    def again() -> Tensor:
        return method.gen_b.enc_content(method.gen_b.decode(c_a, noise("s_b_gen", 1, 8, 1, 1)))

    (found,) = torch.autograd.grad(method.generator_terms(a, b, codes)["recon_c_a"][1], c_a, retain_graph=True)
    (as_source,) = torch.autograd.grad(l1(again(), c_a.detach()), c_a, retain_graph=True)
    (as_target,) = torch.autograd.grad(l1(again().detach(), c_a), c_a, retain_graph=True)
    assert as_source.abs().max() > 0
    assert as_target.abs().max() > 0
    torch.testing.assert_close(found, as_source + as_target)


def test_a_step_of_unit() -> None:
    method = unit(recon_x_w=3.0, recon_x_cyc_w=2.0, recon_kl_w=5.0, recon_kl_cyc_w=7.0)
    m, (a, b) = deepcopy(method), batch(2)
    losses = method.step(batch(2))

    h_a, h_b = m.gen_a.enc(a), m.gen_b.enc(b)
    z_a, z_b = h_a + noise("n_a_gen", *h_a.shape), h_b + noise("n_b_gen", *h_b.shape)
    x_ba, x_ab = m.gen_a.dec(z_b), m.gen_b.dec(z_a)
    h_b_again, h_a_again = m.gen_a.enc(x_ba), m.gen_b.enc(x_ab)
    shown_ba = m.gen_a.dec(h_b + noise("n_b_dis", *h_b.shape))
    expected = {
        "recon_x_a": (3, l1(m.gen_a.dec(z_a), a)),
        "recon_x_b": (3, l1(m.gen_b.dec(z_b), b)),
        "recon_kl_a": (5, h_a.square().mean()),
        "recon_kl_b": (5, h_b.square().mean()),
        "recon_kl_cyc_aba": (7, h_a_again.square().mean()),
        "recon_kl_cyc_bab": (7, h_b_again.square().mean()),
        "cyc_x_a": (2, l1(m.gen_a.dec(h_a_again + noise("n_a_recon_gen", *h_a.shape)), a)),
        "cyc_x_b": (2, l1(m.gen_b.dec(h_b_again + noise("n_b_recon_gen", *h_b.shape)), b)),
        "adv_a": (1, lsgan(method.dis_a(x_ba), 1)),
        "adv_b": (1, lsgan(method.dis_b(x_ab), 1)),
    }
    for name, (_, value) in expected.items():
        torch.testing.assert_close(losses[name], value.detach(), msg=name)
    total = torch.stack([weight * value for weight, value in expected.values()]).sum()
    torch.testing.assert_close(losses["G"], total.detach())
    torch.testing.assert_close(losses["D_a"], (lsgan(m.dis_a(shown_ba), 0) + lsgan(m.dis_a(a), 1)).detach())
    assert losses.keys() == expected.keys() | {"G", "D", "D_a", "D_b"}


@pytest.mark.parametrize("build", [munit, unit])
def test_terms_without_weight_are_left_out(build: Any) -> None:
    losses = build(recon_x_cyc_w=0.0).step(batch())
    assert not any("cyc_x" in name or "cycrecon" in name or "vgg" in name for name in losses)


def test_cross_entropy() -> None:
    method = munit(gan_type="nsgan")
    m, (a, b) = deepcopy(method), batch()
    losses = method.step(batch())
    fake = m.gen_a.decode(m.gen_b.enc_content(b), noise("s_a_dis", 1, 8, 1, 1))
    terms = [
        F.binary_cross_entropy(net.sigmoid(), torch.full_like(net, label))
        for label, x in ((0.0, fake), (1.0, a))
        for net in m.dis_a(x)
    ]
    torch.testing.assert_close(losses["D_a"], torch.stack(terms).sum().detach())


def test_perceptual_term() -> None:
    method = munit(random_vgg16(), vgg_w=2.0)
    assert not any(key.startswith("vgg") for key in method.state_dict())
    m, (a, b) = deepcopy(method), batch()
    losses = method.step(batch())
    x_ba = m.gen_a.decode(m.gen_b.enc_content(b), noise("s_a_gen", 1, 8, 1, 1))
    x_ab = m.gen_b.decode(m.gen_a.enc_content(a), noise("s_b_gen", 1, 8, 1, 1))
    vgg = VGG16(random_vgg16(), "oxford", pooled=POOLED[:-1])  # no pooling in front of the last block
    for name, x, source in (("vgg_a", x_ba, b), ("vgg_b", x_ab, a)):
        found, expected = (F.instance_norm(vgg(y, [RELU5_3])[0]) for y in (x, source))
        torch.testing.assert_close(losses[name], F.mse_loss(found, expected).detach())
    assert float(perceptual_distance(vgg, a, a)) == 0


def test_the_rate_is_halved_step_by_step() -> None:
    method = munit(step_size=10, n_epochs=40)
    assert [method.lr_factor(epoch) for epoch in (1, 10, 11, 20, 21, 40)] == [1, 1, 0.5, 0.5, 0.25, 0.125]
    assert munit(gamma=1.0, n_epochs=4, n_epochs_decay=4).lr_factor(8) == 1 - 4 / 5
    method.start_epoch(21)
    assert {float(group["lr"]) for o in method.optimizers.values() for group in o.param_groups} == {1e-4 / 4}


def test_the_official_budget() -> None:
    c = MUNIT.Config()
    assert (c.n_epochs + c.n_epochs_decay, c.step_size) == (1000, 100)  # in thousands of iterations
    method = munit()  # at iteration 250,000 the official rate is lr / 4
    assert method.lr_factor(1 + 250_000 * 1000 // 1_000_000) == 0.25


def test_weight_decay_is_a_gradient() -> None:
    method = munit(weight_decay=0.1, gan_w=0.0, recon_x_w=0.0, recon_s_w=0.0, recon_c_w=0.0)
    before = deepcopy(method)
    method.step(batch())
    for p, q in zip(method.parameters(), before.parameters(), strict=True):
        large = q.detach().abs() > 1e-3  # where Adam's eps does not matter
        moved = (p - q).detach()[large]
        torch.testing.assert_close(moved, -1e-4 * q.detach()[large].sign(), rtol=1e-3, atol=0)


def test_a_picture_keeps_its_style_whatever_it_is_translated_with() -> None:
    method, x = munit(), (pictures(3, 32, 0) * 127).round() / 127.5 - 0.5 / 127.5  # as read from 8 bits
    together = method.translate(x)
    assert together.shape == x.shape
    assert together.abs().max() <= 1
    torch.manual_seed(99)
    for i in (2, 0, 1):
        torch.testing.assert_close(method.translate(x[i : i + 1]), together[i : i + 1])
    styles = method.test_styles(x).flatten(1)
    assert len(styles.unique(dim=0)) == 3
    torch.testing.assert_close(method.test_styles(x + 1e-4).flatten(1), styles)  # the same in 8 bits
    assert not torch.equal(munit(test_seed=2).test_styles(x).flatten(1), styles)
    expected = method.gen_b.decode(method.gen_a.enc_content(x), method.test_styles(x))
    torch.testing.assert_close(together, expected)
    torch.testing.assert_close(
        method.translate_back(x), method.gen_a.decode(method.gen_b.enc_content(x), method.test_styles(x))
    )


def test_synchronized_styles() -> None:
    styles = munit(synchronized=True).test_styles(pictures(3, 32, 0)).flatten(1)
    assert len(styles.unique(dim=0)) == 1
    assert not torch.equal(munit(synchronized=True, test_seed=5).test_styles(pictures(1, 32, 0)).flatten(1), styles[:1])


def test_styles_are_standard_normal() -> None:
    styles = munit().test_styles(pictures(400, 4, 0)).flatten()
    assert abs(float(styles.mean())) < 5 / 3200**0.5
    assert abs(float(styles.std()) - 1) < 5 / 6400**0.5


def test_translations_leave_the_random_numbers_of_training_alone() -> None:
    method, x = munit(), pictures(1, 32, 0)
    before = torch.get_rng_state()
    method.translate(x)
    assert torch.equal(torch.get_rng_state(), before)


def test_unit_translates_without_noise() -> None:
    method, x = unit(), pictures(2, 32, 0)
    torch.testing.assert_close(method.translate(x), method.gen_b.dec(method.gen_a.enc(x)))
    torch.testing.assert_close(method.translate_back(x), method.gen_a.dec(method.gen_b.enc(x)))


@pytest.mark.parametrize(
    ("init", "std"), [("kaiming", (2 / 1152) ** 0.5), ("xavier", 1 / 24), ("gaussian", 0.02), ("orthogonal", None)]
)
def test_how_weights_start(init: Any, std: float | None) -> None:
    method = munit(init=init, gen_dim=32)
    conv = method.gen_a.enc_content.model[3].model[0].model[0].conv  # 128 to 128 channels, 3x3
    if std is not None:
        torch.testing.assert_close(float(conv.weight.detach().std()), std, rtol=0.02, atol=0)
    else:
        rows = conv.weight.detach().flatten(1)
        torch.testing.assert_close(rows @ rows.T, 2 * torch.eye(128))
    assert conv.bias.abs().max() == 0
    judge = method.dis_a.cnns[0][3].conv.weight.detach()
    assert abs(float(judge.std()) - 0.02) < 0.003


@pytest.mark.parametrize("norm", ["in", "ln"])
def test_norms_of_the_discriminator(norm: Any) -> None:
    method = munit(dis_norm=norm, num_scales=1)
    keys = {key for key in method.dis_a.state_dict() if "norm" in key}
    assert keys == ({f"cnns.0.{i}.norm.{n}" for i in (1, 2, 3) for n in ("gamma", "beta")} if norm == "ln" else set())
    assert method.step(batch())["D"].isfinite()


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (ImageShape(3, 32, 32), "expected sides of at least 61"),
        (ImageShape(3, 64, 66), "multiples of 4"),
    ],
)
def test_pictures_that_do_not_fit(shape: ImageShape, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        UNIT(UNIT.Config(), shape)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"n_res": 0}, "n_res is 0; expected 1 or more"),
        ({"beta1": 1.0}, "beta1 is 1.0; expected less than 1"),
        ({"style_dim": 0}, "style_dim is 0"),
        ({"gan_type": "wgan"}, "expected one of lsgan, nsgan"),
        ({"vgg_w": -1.0}, "expected a number that is not negative"),
    ],
)
def test_impossible_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MUNIT.Config(**options)
