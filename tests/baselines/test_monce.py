"""MoNCE: transport plans and the modulated contrast against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from baselines.cut import CUT
from baselines.monce import MoNCE, modulated_nce, transport_plan
from methods.interface import Batch, ImageShape
from methods.nce import patch_nce
from methods.sinkhorn import sinkhorn

pytestmark = pytest.mark.usefixtures("exact")
SMALL = {"ngf": 4, "ndf": 4, "num_patches": 16}


def test_one_sweep_scales_rows_then_columns() -> None:
    kernel = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    # u = 1/(1+2), 1/(3+4); v = 1/(1/3 + 3/7), 1/(2/3 + 4/7) = 21/16, 21/26
    expected = torch.tensor([[[7 / 16, 7 / 13], [9 / 16, 6 / 13]]])
    torch.testing.assert_close(sinkhorn(kernel, 1), expected)


def test_sweeps_converge_to_the_plan_known_in_closed_form() -> None:
    # For [[a, b], [c, d]] the doubly stochastic scaling has diagonal s/(1+s), s = sqrt(ad/(bc)).
    kernel = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    s = math.sqrt(4 / 6)
    plan = sinkhorn(kernel, 50)[0]
    expected = torch.tensor([[s, 1.0], [1.0, s]]) / (1 + s)
    torch.testing.assert_close(plan, expected, atol=1e-12, rtol=0)


def test_gradient_flows_through_every_sweep() -> None:
    kernel = (torch.rand(1, 3, 3) + 0.5).requires_grad_()
    assert torch.autograd.gradcheck(lambda k: sinkhorn(k, 4), (kernel,))


def test_anchor_gives_its_positive_nothing_and_three_patches_share_alike() -> None:
    # With three patches, rows and columns summing to 1 and an empty diagonal, and c symmetric, the plan is 1/2.
    similarity = torch.tensor([[[1.0, 0.3, -0.2], [0.3, 1.0, 0.6], [-0.2, 0.6, 1.0]]])
    plan = transport_plan(similarity, "hard", 0.1, 500)[0]
    torch.testing.assert_close(plan.diagonal(), torch.zeros(3), atol=1e-12, rtol=0)
    cycle = plan[0, 1], plan[1, 2], plan[2, 0]
    torch.testing.assert_close(torch.stack(cycle), torch.full((3,), 0.5))


def test_hard_favours_similar_negatives_and_easy_dissimilar_ones() -> None:
    angle = torch.tensor([0.0, 0.1, 1.5, 1.6])
    rows = torch.stack((angle.cos(), angle.sin()), 1)
    similarity = (rows @ rows.T)[None]
    hard = transport_plan(similarity, "hard", 0.5, 50)[0]
    easy = transport_plan(similarity, "easy", 0.5, 50)[0]
    assert hard[0, 1] > 2 * hard[0, 3]
    assert easy[0, 3] > 2 * easy[0, 1]
    for plan in (hard, easy):
        torch.testing.assert_close(plan.sum(0), torch.ones(4))
        torch.testing.assert_close(plan.sum(1), torch.ones(4))


def test_equal_negatives_weigh_neg_term_weight_each() -> None:
    # All rows alike: c = 1, plan 1/(N-1), so f = w for each of the N-1 negatives:
    # loss = -log( e / (e + (N-1) w e) ) with e = exp(1/T), whatever T.
    row = torch.tensor([[0.6, 0.8]]).repeat(4, 1)
    config = MoNCE.Config(num_patches=4, neg_term_weight=0.5, eps=0.1)
    loss = modulated_nce(row, row, 1, config)
    torch.testing.assert_close(loss, torch.full((4,), math.log(1 + 3 * 0.5)))


def test_weights_use_the_option_where_a_layer_has_fewer_patches() -> None:
    row = torch.tensor([[0.6, 0.8]]).repeat(4, 1)
    # f = (256 - 1) / (4 - 1) = 85 for each of three negatives
    loss = modulated_nce(row, row, 1, MoNCE.Config(num_patches=256, eps=0.1))
    torch.testing.assert_close(loss, torch.full((4,), math.log(1 + 3 * 85.0)))


def test_two_patches_leave_no_choice_and_equal_cut() -> None:
    query, key = torch.randn(2, 2, 5)
    query, key = torch.nn.functional.normalize(query), torch.nn.functional.normalize(key)
    ours = modulated_nce(query, key, 1, MoNCE.Config(num_patches=2, eps=0.1))
    torch.testing.assert_close(ours, patch_nce(query, key, 1, 0.07), atol=1e-6, rtol=1e-6)


def test_pictures_of_a_batch_have_plans_of_their_own() -> None:
    query, key = torch.nn.functional.normalize(torch.randn(2, 12, 5), dim=2)
    config = MoNCE.Config(num_patches=6, eps=0.2)
    together = modulated_nce(query, key, 2, config)
    apart = torch.cat([modulated_nce(q, k, 1, config) for q, k in zip(query.split(6), key.split(6), strict=True)])
    torch.testing.assert_close(together, apart)


@pytest.mark.parametrize("detach", [False, True])
def test_gradient_through_the_weights_is_optional(detach: bool) -> None:
    raw = torch.randn(6, 5)
    key = torch.nn.functional.normalize(torch.randn(6, 5))
    config = MoNCE.Config(num_patches=6, eps=0.1, detach_plan=detach)
    query = raw.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(modulated_nce(query, key, 1, config).sum(), query)
    # Central difference along one direction; with frozen weights the true derivative is another.
    step, direction = 1e-6, torch.randn_like(raw)
    with torch.no_grad():
        up, down = (modulated_nce(raw + s * step * direction, key, 1, config).sum() for s in (1, -1))
    same = torch.isclose((up - down) / (2 * step), (gradient * direction).sum(), rtol=1e-5)
    assert bool(same) is not detach


def test_layers_contrasted_together_equal_layers_contrasted_alone() -> None:
    config = MoNCE.Config(**SMALL, nce_layers=(4, 12, 16), eps=0.2)
    method = MoNCE(config, ImageShape(3, 12, 12))  # layers 12 and 16 have 9 positions, layer 4 takes 16
    picture, other = torch.rand(2, 2, 3, 12, 12)
    queries, keys = method.G.encode(picture, config.nce_layers), method.G.encode(other, config.nce_layers)
    torch.manual_seed(1)
    ours = method.nce("NCE", queries, keys)
    torch.manual_seed(1)
    alone = []
    for i, (q, k) in enumerate(zip(queries, keys, strict=True)):
        at = torch.randperm(q.shape[2] * q.shape[3])[: config.num_patches]
        q, k = (x.flatten(2)[:, :, at].transpose(1, 2).flatten(0, 1) for x in (q, k))
        alone.append(modulated_nce(method.F(q, i), method.F(k, i), 2, config).mean())
    torch.testing.assert_close(ours, sum(alone) / 3)


def test_a_step_learns_and_only_the_contrast_differs_from_cut() -> None:
    shape, (a, b) = ImageShape(3, 32, 32), torch.rand(2, 1, 3, 32, 32)
    results = []
    for kind in (CUT, MoNCE):
        torch.manual_seed(0)
        results.append(kind(kind.Config(**SMALL), shape).step(Batch(a, b)))
    cut, monce = results
    assert cut["G_GAN"] == monce["G_GAN"]
    assert cut["D"] == monce["D"]
    assert cut["NCE"] != monce["NCE"]
    torch.testing.assert_close(monce["G"], monce["G_GAN"] + (monce["NCE"] + monce["NCE_Y"]) / 2)


def test_half_precision_similarities_are_transported_in_float32() -> None:
    plan = transport_plan(torch.rand(1, 8, 8).bfloat16(), "hard", 0.1, 50)
    assert plan.dtype == torch.float32
    torch.testing.assert_close(plan.sum(2), torch.ones(1, 8, dtype=torch.float32), atol=1e-3, rtol=0)


@pytest.mark.parametrize("cost_type", ["hard", "easy"])
def test_the_smallest_eps_allowed_does_not_overflow(cost_type: str) -> None:
    row = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=torch.float32).repeat(4, 1)
    config = MoNCE.Config(num_patches=8, eps=0.025, cost_type=cost_type)  # type: ignore[arg-type]
    assert modulated_nce(row, row, 1, config).isfinite().all()


@pytest.mark.parametrize("wrong", [{"eps": 0.01}, {"sinkhorn_sweeps": 0}, {"cost_type": "medium"}])
def test_impossible_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MoNCE.Config(**wrong)  # type: ignore[arg-type]
