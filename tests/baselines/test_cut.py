from __future__ import annotations

import math
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.cut import CUT, FastCUT
from methods.interface import ImageShape, Losses
from methods.nce import patch_nce, patches
from tests.small import Replayed, batch

pytestmark = pytest.mark.usefixtures("exact")
SHAPE = ImageShape(3, 32, 32)
LAYERS = (0, 4, 8)


def cut(kind: type[CUT] = CUT, **options: Any) -> CUT:
    small: dict[str, Any] = {"ngf": 2, "ndf": 2, "netG": "resnet_4blocks", "nce_layers": LAYERS}
    small |= {"num_patches": 8, "netF_nc": 4}
    torch.manual_seed(1)
    return kind(kind.Config(**(small | options)), SHAPE)


def stepped(method: CUT, n: int = 1) -> Losses:
    torch.manual_seed(0)
    return method.step(batch(n))


def patch_columns(*vectors: tuple[float, float, float]) -> Tensor:
    """A picture-like feature of one row, a column for each vector."""
    return torch.tensor(vectors).T.reshape(1, 3, 1, -1)


@pytest.fixture
def one_layer() -> CUT:
    """One layer of three channels, whose head passes on what is not negative."""
    method = cut(nce_layers=(0,), netF_nc=3, nce_T=1.0, lambda_NCE=2.0)
    method.F.load_state_dict(
        {
            "mlp_0.0.weight": torch.eye(3),
            "mlp_0.0.bias": torch.zeros(3),
            "mlp_0.2.weight": torch.eye(3),
            "mlp_0.2.bias": torch.zeros(3),
        }
    )
    return method


def test_the_contrastive_term_worked_out(one_layer: CUT) -> None:
    features = patch_columns((2.0, 0.0, 0.0), (0.0, 5.0, 0.0))
    # Unit rows that agree with themselves only, twice -log(e / (e + e^-10 + 1)).
    expected = 2 * (math.log(math.e + math.exp(-10) + 1) - 1)
    assert float(one_layer.nce("NCE", [features], [features]).detach()) == pytest.approx(expected, rel=1e-6)


def test_negatives_of_the_minibatch_are_an_option(one_layer: CUT) -> None:
    features = torch.cat((patch_columns((2.0, 0.0, 0.0)), patch_columns((0.0, 5.0, 0.0))))  # two pictures of one patch
    everything = cut(
        nce_layers=(0,), netF_nc=3, nce_T=1.0, lambda_NCE=2.0, nce_includes_all_negatives_from_minibatch=True
    )
    everything.F.load_state_dict(one_layer.F.state_dict())
    alone, across = (float(m.nce("NCE", [features], [features]).detach()) for m in (one_layer, everything))
    assert alone == pytest.approx(2 * (math.log(math.e + math.exp(-10)) - 1), rel=1e-3)
    assert across == pytest.approx(2 * (math.log(math.e + math.exp(-10) + 1) - 1), rel=1e-6)


def test_layers_are_averaged_at_the_same_positions_in_query_and_key() -> None:
    method = cut(num_patches=2, lambda_NCE=3.0)
    queries, keys = ([torch.rand(1, c, 2, 3) for c in (3, 4, 8)] for _ in range(2))
    orders = [[5, 0, 1, 2, 3, 4], [3, 4, 0, 1, 2, 5], [1, 2, 0, 3, 4, 5]]
    method.draw = Replayed({f"NCE/layer{layer}": order for layer, order in zip(LAYERS, orders, strict=True)})
    total = torch.zeros(())
    for i, order in enumerate(orders):
        query, key = (method.F(patches(f[i], torch.tensor(order[:2])), i) for f in (queries, keys))
        total = total + patch_nce(query, key, groups=1, temperature=0.07).mean()
    torch.testing.assert_close(method.nce("NCE", queries, keys), total)  # 3 * mean of three


def test_the_total_halves_the_two_contrastive_terms() -> None:
    losses = stepped(cut())
    torch.testing.assert_close(losses["G"], losses["G_GAN"] + 0.5 * (losses["NCE"] + losses["NCE_Y"]))


def test_without_identity_the_contrastive_term_is_whole() -> None:
    losses = stepped(cut(nce_idt=False))
    assert "NCE_Y" not in losses
    torch.testing.assert_close(losses["G"], losses["G_GAN"] + losses["NCE"])


def test_weight_zero_switches_the_contrast_off() -> None:
    method = cut(lambda_NCE=0.0)
    losses = stepped(method)
    assert losses.keys() == {"G", "G_GAN", "D", "D_fake", "D_real"}
    assert torch.equal(losses["G"], losses["G_GAN"])
    assert all(p.grad is None for p in method.F.parameters())


def test_a_step_is_made_of_fresh_features_and_the_updated_discriminator() -> None:
    method = cut()
    before = deepcopy(method)
    names = [f"{term}/layer{layer}" for term in ("NCE", "NCE_Y") for layer in LAYERS]
    sizes = [38 * 38, 32 * 32, 16 * 16] * 2
    orders = {name: torch.randperm(n).tolist() for name, n in zip(names, sizes, strict=True)}
    method.draw = before.draw = Replayed(orders)
    losses = method.step(batch())
    a, b = batch()
    fake, idt = before.G(a), before.G(b)
    assert float(losses["G_GAN"]) == pytest.approx(float((method.D(fake) - 1).square().mean().detach()))
    for term, y, x in (("NCE", fake, a), ("NCE_Y", idt, b)):
        expected = before.nce(term, before.G.encode(y, LAYERS), before.G.encode(x, LAYERS))
        torch.testing.assert_close(losses[term], expected.detach())


@pytest.mark.parametrize("mirrored", [False, True])
def test_fastcut_mirrors_its_input_and_mirrors_the_features_back(mirrored: bool) -> None:
    method = cut(FastCUT)
    before = deepcopy(method)
    orders = {f"NCE/layer{layer}": torch.randperm(n).tolist() for layer, n in ((0, 38**2), (4, 32**2), (8, 16**2))}
    method.draw = Replayed(orders, coins={"flip": mirrored})
    before.draw = Replayed(orders)
    losses = method.step(batch())
    a, b = batch()
    fake = before.G(a.flip(3) if mirrored else a)
    queries = before.G.encode(fake, LAYERS)
    if mirrored:
        queries = [q.flip(3) for q in queries]
    expected = before.nce("NCE", queries, before.G.encode(a, LAYERS))
    torch.testing.assert_close(losses["NCE"], expected.detach())
    torch.testing.assert_close(losses["G"], losses["G_GAN"] + losses["NCE"])
    torch.testing.assert_close(losses["D_fake"], before.D(fake).square().mean().detach())
    torch.testing.assert_close(losses["D_real"], (before.D(b) - 1).square().mean().detach())


def test_every_network_learns() -> None:
    method = cut()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    stepped(method, n=2)
    after = method.state_dict()
    same = {name for name, value in before.items() if torch.equal(value, after[name])}
    assert all(name.endswith("filt") for name in same), same
