"""QS-Attn: attention, selection and routing against numbers worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from baselines.cut import CUT
from baselines.qsattn import CHUNK, QSAttn, global_scores, log_entropy, window_scores, window_values, windows
from methods.interface import ImageShape
from tests.small import Replayed, batch

pytestmark = pytest.mark.usefixtures("exact")


def qsattn(**options: Any) -> QSAttn:
    small: dict[str, Any] = {"ngf": 2, "ndf": 2, "netG": "resnet_4blocks", "num_patches": 3, "nce_layers": (0, 4, 12)}
    return QSAttn(QSAttn.Config(**(small | {"random_layers": 2} | options)), ImageShape(3, 32, 32))


def test_entropy_of_a_fair_and_of_a_loaded_row() -> None:
    # Probabilities 1/2, 1/2: H = log 2. Probabilities 3/4, 1/4: H = 3/4 log(4/3) + 1/4 log 4.
    rows = torch.tensor([[5.0, 5.0], [math.log(3.0), 0.0]])
    expected = torch.tensor([math.log(2), 0.75 * math.log(4 / 3) + 0.25 * math.log(4)])
    torch.testing.assert_close(log_entropy(rows).exp(), expected)


def test_saturated_rows_are_still_told_apart_in_float32() -> None:
    rows = torch.tensor([[400.0, 0.0, 0.0], [500.0, 0.0, 0.0], [300.0, 0.0, 0.0]], dtype=torch.float32)
    assert torch.special.entr(rows.softmax(1)).sum(1).eq(0).all()  # as the official code sees them
    # H = 2 e^-s (s + ...) for a lead of s, so log H = log(2 s) - s up to rounding
    expected = torch.tensor([math.log(2 * s) - s for s in (400, 500, 300)], dtype=torch.float32)
    torch.testing.assert_close(log_entropy(rows), expected, rtol=1e-5, atol=0)
    assert log_entropy(torch.tensor([800.0, 0.0])).isfinite()


def test_a_lone_position_has_no_entropy() -> None:
    assert log_entropy(torch.zeros(1, 1)) == -math.inf


def feature() -> Tensor:
    """One channel, 2x3: values 1..6 in reading order."""
    return torch.arange(1.0, 7.0).reshape(1, 1, 2, 3)


def test_scores_with_the_whole_picture() -> None:
    scores = global_scores(feature(), torch.tensor([[4, 0]]))
    torch.testing.assert_close(scores, torch.tensor([[[5.0, 10, 15, 20, 25, 30], [1, 2, 3, 4, 5, 6]]]))


def test_windows_are_read_row_by_row_with_zeros_outside() -> None:
    around_5 = [1.0, 2, 3, 4, 5, 6, 0, 0, 0]
    around_1 = [0.0, 0, 0, 0, 1, 2, 0, 4, 5]
    found = windows(feature(), torch.tensor([[4, 0]]), 3)
    torch.testing.assert_close(found, torch.tensor([[around_5, around_1]])[..., None])
    scores = window_scores(feature(), torch.tensor([[4, 0]]), 3, "intended")
    torch.testing.assert_close(scores, torch.tensor([[around_5, around_1]]) * torch.tensor([5.0, 1.0])[:, None])


def test_windows_of_a_batch_come_from_their_own_picture() -> None:
    x = torch.randn(2, 4, 5, 6)
    positions = torch.tensor([[0, 29, 13], [7, 7, 24]])
    unfolded = torch.nn.functional.unfold(x, 3, padding=1).unflatten(1, (4, 9))  # [B, C, 9, L]
    for picture in range(2):
        for s, at in enumerate(positions[picture]):
            expected = unfolded[picture, :, :, at].T
            torch.testing.assert_close(windows(x, positions, 3)[picture, s], expected)


def test_official_keys_re_read_channels_as_positions() -> None:
    x = torch.randn(1, 2, 4, 4)
    row = torch.nn.functional.unfold(x, 3, padding=1)[0, :, 5]  # 18 numbers, channel by channel
    # (a, b) of the 9 x 2 matrix is entry 2a + b of that row
    expected = [row[2 * a] * x[0, 0, 1, 1] + row[2 * a + 1] * x[0, 1, 1, 1] for a in range(9)]
    torch.testing.assert_close(window_scores(x, torch.tensor([[5]]), 3, "official")[0, 0], torch.stack(expected))


def test_official_values_mix_the_patches_of_a_picture() -> None:
    x, ids = torch.randn(2, 2, 4, 4), torch.tensor([[5, 9, 0], [1, 2, 15]])
    unfolded = torch.nn.functional.unfold(x, 3, padding=1)
    gathered = torch.stack([unfolded[b][:, ids[b]] for b in range(2)])  # [B, C*9, P], as the code gathers
    expected = gathered.flatten().reshape(2, 3, 9, 2)
    torch.testing.assert_close(window_values(x, ids, 3, "official"), expected)
    intended = window_values(x, ids, 3, "intended")
    torch.testing.assert_close(intended, gathered.reshape(2, 2, 9, 3).permute(0, 3, 2, 1))


def peaked() -> Tensor:
    """Two channels, 1x4. Rows of the attention from certain to doubtful: positions 3, 0, 2, 1."""
    return torch.tensor([[[[2.0, 0.0, 0.0, 0.0]], [[0.0, 0.0, 1.0, 4.0]]]])


def test_selection_takes_the_least_entropy_in_ascending_order() -> None:
    # Scores: position 0: (4,0,0,0); 1: all 0; 2: (0,0,1,4); 3: (0,0,4,16).
    method = qsattn(QS_mode="global", num_patches=4)
    assert method.select(peaked()).tolist() == [[3, 0, 2, 1]]
    assert qsattn(num_patches=2).select(peaked()).tolist() == [[3, 0]]


def test_equal_entropies_keep_the_order_of_positions() -> None:
    assert qsattn(num_patches=6).select(torch.ones(1, 1, 2, 3)).tolist() == [[0, 1, 2, 3, 4, 5]]


def test_selection_among_more_positions_than_are_held_at_once() -> None:
    x, every = torch.randn(2, 3, 24, 24), torch.arange(576).expand(2, -1)
    assert every.shape[1] > CHUNK
    expected = log_entropy(global_scores(x, every)).argsort(dim=1)
    assert torch.equal(qsattn(num_patches=576).select(x), expected)


def test_global_routing_mixes_both_pictures_by_the_source_attention() -> None:
    method, source, target = qsattn(num_patches=1), peaked(), torch.randn(1, 2, 1, 4)
    query, key = method.route(target, source)
    weights = torch.tensor([0.0, 0.0, 4.0, 16.0]).softmax(0)  # row of position 3
    torch.testing.assert_close(query[0], (target[0, :, 0] * weights).sum(1))
    torch.testing.assert_close(key[0], (source[0, :, 0] * weights).sum(1))


def test_local_routing_mixes_the_window_and_local_global_the_picture() -> None:
    source, target = peaked(), torch.randn(1, 2, 1, 4)
    # Window of 3 on a single row: nine places, of which three are in the picture. Position 3 sees 2, itself and
    # seven zeros; position 0 itself, 1 and seven zeros: softmax of (16, 4, 0 x 7) and (4, 0, 0 x 7).
    local = qsattn(QS_mode="local", window=3, num_patches=1)
    assert local.select(source).tolist() == [[3]]
    weights = torch.tensor([16.0, 4.0, 0, 0, 0, 0, 0, 0, 0]).softmax(0)[:2]
    query, key = local.route(target, source)
    torch.testing.assert_close(query[0], weights[0] * target[0, :, 0, 3] + weights[1] * target[0, :, 0, 2])
    torch.testing.assert_close(key[0], weights[0] * source[0, :, 0, 3] + weights[1] * source[0, :, 0, 2])
    both = qsattn(QS_mode="local_global", window=3, num_patches=1)
    torch.testing.assert_close(both.route(target, source)[0], qsattn(num_patches=1).route(target, source)[0])


def test_anchors_follow_the_window_in_local_global_mode() -> None:
    # Every position has a twin far away: seen from the whole picture each row is undecided between twins, more so
    # for the weak ones; in its window the strong one is certain.
    x = torch.zeros(1, 2, 1, 8)
    x[0, 0, 0, 0] = x[0, 0, 0, 7] = 3.0  # twins out of each other's window: H about log 2 in the whole picture
    x[0, 1, 0, 4] = 2.0  # alone: H about 7 e^-4 (1 + 4), less than log 2; e^-9 of the twins is less still
    assert qsattn(num_patches=1).select(x).tolist() == [[4]]
    assert qsattn(num_patches=1, QS_mode="local_global", window=3).select(x).tolist() == [[0]]


@pytest.mark.parametrize("mode", ["global", "local", "local_global"])
@pytest.mark.parametrize("detach", [False, True])
def test_the_source_learns_through_the_attention_only_and_optionally(mode: str, detach: bool) -> None:
    method = qsattn(QS_mode=mode, window=3, detach_attention=detach)
    source, target = (0.3 * torch.randn(1, 4, 4, 4)).requires_grad_(), torch.randn(1, 4, 4, 4, requires_grad=True)
    query, key = method.route(target, source)
    assert not key.requires_grad
    query.square().sum().backward()
    assert target.grad is not None
    assert (source.grad is None) is detach


@pytest.mark.parametrize(
    "options",
    [{"QS_mode": "global"}, {"QS_mode": "local"}, {"QS_mode": "local_global"}]
    + [{"QS_mode": mode, "window_layout": "official"} for mode in ("local", "local_global")],
)
@pytest.mark.parametrize("n", [1, 2])
def test_a_step_draws_for_the_leading_layers_only(options: dict[str, Any], n: int) -> None:
    method = qsattn(**options)
    method.draw = recorded = Replayed()
    losses = method.step(batch(n))
    assert recorded.names == [f"{call}/layer{layer}" for call in ("NCE", "NCE_Y") for layer in (0, 4)]
    assert all(value.isfinite() for value in losses.values())


def test_with_all_layers_random_it_is_cut() -> None:
    method = qsattn(random_layers=3)
    torch.manual_seed(0)
    cut = CUT(CUT.Config(ngf=2, ndf=2, netG="resnet_4blocks", num_patches=3, nce_layers=(0, 4, 12)), method.shape)
    cut.load_state_dict(method.state_dict())
    steps = []
    for m in (method, cut):
        torch.manual_seed(1)
        steps.append(m.step(batch()))
    assert steps[0] == steps[1]


def test_half_precision_features_are_compared_in_float32() -> None:
    method = qsattn()
    x = (30 * torch.randn(1, 4, 4, 4)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        query, key = method.route(x, x)
    assert query.dtype == key.dtype == torch.float32
    torch.testing.assert_close(query, method.route(x.float(), x.float())[0])


@pytest.mark.parametrize(
    "wrong", [{"window": 4}, {"random_layers": -1}, {"flip_equivariance": True}, {"QS_mode": "nearby"}]
)
def test_impossible_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        QSAttn.Config(**wrong)


def test_mirrored_inputs_work_with_a_detached_attention() -> None:
    method = qsattn(flip_equivariance=True, detach_attention=True)
    method.draw = Replayed(coins={"flip": True})
    assert all(value.isfinite() for value in method.step(batch()).values())
