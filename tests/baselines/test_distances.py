from __future__ import annotations

import pytest
import torch
from torch import Tensor

from baselines.distances import Distances, Normalisation, half_distances, pair_distances


def flat(*values: float) -> Tensor:
    """Pictures of one colour each, [N, 3, 4, 4]."""
    return torch.tensor(values, dtype=torch.float32).reshape(-1, 1, 1, 1).expand(-1, 3, 4, 4).contiguous()


def halves(top: float, bottom: float) -> Tensor:
    x = torch.full((1, 3, 4, 4), float(top))
    x[:, :, 2:] = bottom
    return x


def normal(mu: float, sd: float) -> Normalisation:
    found = Normalisation()
    found.measure(torch.tensor([mu - sd, mu + sd], dtype=torch.float32))
    return found


def test_every_pair_has_its_mean_absolute_difference() -> None:
    assert pair_distances(flat(0, 1, 3)).tolist() == [1, 3, 2]  # 0-1, 0-3, 1-3
    mixed = torch.tensor([[1.0, -1.0], [0.0, 2.0]])
    assert pair_distances(mixed).tolist() == [2]  # (1 + 3) / 2


def test_half_precision_pictures_have_distances() -> None:
    assert pair_distances(flat(0, 1, 3).bfloat16()).tolist() == [1, 3, 2]


def test_halves_are_top_and_bottom_or_left_and_right() -> None:
    x = torch.cat((halves(0, 1), halves(2, -2)))
    assert half_distances(x).tolist() == [1, 4]
    assert half_distances(x, "left_right").tolist() == [0, 0]
    assert half_distances(x.transpose(2, 3), "left_right").tolist() == [1, 4]


def test_normalisation_is_by_mean_and_population_deviation() -> None:
    found = Normalisation()
    found.measure(torch.tensor([1.0, 3.0, 5.0, 7.0]))
    assert (float(found.mu), float(found.sd)) == pytest.approx((4.0, 5**0.5))  # (9 + 1 + 1 + 9) / 4
    assert found(torch.tensor(9.0)) == pytest.approx(5**0.5)


@pytest.mark.parametrize("distances", [[], [2.0], [2.0, 2.0]])
def test_distances_that_do_not_vary_cannot_be_normalised(distances: list[float]) -> None:
    with pytest.raises(ValueError, match=r"do not vary.*unnormalized_distances"):
        Normalisation().measure(torch.tensor(distances))


def test_measuring_comes_first_and_is_kept_in_a_checkpoint() -> None:
    fresh = Normalisation()
    with pytest.raises(RuntimeError, match="prepare"):
        fresh(torch.ones(1))
    fresh.load_state_dict(normal(2, 1).state_dict())
    assert fresh(torch.tensor(5.0)) == 3


def test_both_directions_by_hand() -> None:
    distances = Distances(halves=False, per_picture=False, normalised=True)
    distances.normal_A, distances.normal_B = normal(2, 1), normal(0, 2)
    # n_A(1) = -1 and n_B(3) = 1.5
    assert float(distances.a_to_b(flat(0, 1), flat(0, 3))) == pytest.approx(2.5)
    # n_B(1) = 0.5 and n_A(3) = 1
    assert float(distances.b_to_a(flat(0, 1), flat(0, 3))) == pytest.approx(0.5)
    plain = Distances(halves=False, per_picture=False, normalised=False)
    # |1 - 2|, |3 - 2|, |2 - 0| over the three pairs
    assert float(plain.a_to_b(flat(0, 1, 3), flat(0, 2, 2))) == pytest.approx(4 / 3)
    assert not plain.state_dict()


def test_self_distance_is_one_number_a_batch_or_one_a_picture() -> None:
    a = torch.cat((halves(0, 1), halves(0, 3)))  # distances 1 and 3, mean 2
    fake = torch.cat((halves(0, 3), halves(0, 1)))  # 3 and 1, mean 2
    assert float(Distances(True, False, False).a_to_b(a, fake)) == 0
    assert float(Distances(True, True, False).a_to_b(a, fake)) == 2


def test_the_gradient_flows_through_the_translation() -> None:
    fake = flat(0, 3).requires_grad_()
    Distances(False, False, False).a_to_b(flat(0, 1), fake).backward()
    # d = 3 > 1: the second picture must come nearer, each value by 1/48 of the mean
    assert fake.grad is not None
    torch.testing.assert_close(fake.grad, flat(-1 / 48, 1 / 48))


def test_a_single_picture_has_no_pairs() -> None:
    with pytest.raises(ValueError, match="batch size from 2"):
        Distances(False, False, False).a_to_b(flat(0), flat(1))
    assert float(Distances(True, False, False).a_to_b(halves(0, 1), halves(0, 3))) == 2
