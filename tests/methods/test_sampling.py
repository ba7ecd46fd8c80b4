from __future__ import annotations

import pytest
import torch

from methods.interface import Draws
from methods.sampling import attention_map, dag_positions
from tests.small import Replayed

SCORES = torch.tensor([[3.0, 1.0], [2.0, 0.0]], dtype=torch.float64).reshape(1, 1, 2, 2)  # lowest at position 3
FIRST, SECOND = "s/sample0/oversample", "s/sample0/random"


def test_scores_are_interpolated_between_pixel_centres() -> None:
    # From width 2 to width 4 the new centres lie at -1/4, 1/4, 3/4 and 5/4 of the old ones, clamped.
    scores = torch.tensor([0.0, 4.0]).reshape(1, 1, 1, 2)
    assert attention_map(scores, (1, 4)).flatten().tolist() == [0, 1, 3, 4]


def test_guided_then_covering_positions() -> None:
    draws = Replayed({FIRST: [0, 1, 2, 3], SECOND: [1, 3, 2, 0]})
    # Two patches: of four candidates the most fake one, and the last of the second permutation.
    assert dag_positions(SCORES, (2, 2), 2, 2, 0.5, draws, "s").tolist() == [[3, 0]]
    assert draws.names == [FIRST, SECOND]


def test_only_candidates_are_ranked() -> None:
    draws = Replayed({FIRST: [0, 1, 3, 2], SECOND: [1, 3, 2, 0]})
    assert dag_positions(SCORES, (2, 2), 2, 1, 0.5, draws, "s").tolist() == [[1, 0]]  # candidates 0 and 1


def test_highest_takes_what_looks_most_real() -> None:
    draws = Replayed({FIRST: [0, 1, 2, 3], SECOND: [1, 3, 2, 0]})
    # A covering position may repeat a guided one.
    assert dag_positions(SCORES, (2, 2), 2, 2, 0.5, draws, "s", highest=True).tolist() == [[0, 0]]


def test_without_covering_positions_there_is_no_second_permutation() -> None:
    draws = Replayed({FIRST: [2, 0, 3, 1]})
    assert dag_positions(SCORES, (2, 2), 3, 4, 0.0, draws, "s").tolist() == [[3, 1, 2]]
    assert draws.names == [FIRST]


def test_covering_positions_alone_are_the_end_of_the_second_permutation() -> None:
    draws = Replayed({FIRST: [0, 1, 2, 3], SECOND: [2, 0, 1, 3]})
    assert dag_positions(SCORES, (2, 2), 3, 1, 1.0, draws, "s").tolist() == [[0, 1, 3]]


def test_the_share_of_covering_positions_is_rounded_down() -> None:
    draws = Replayed({FIRST: [0, 1, 2, 3], SECOND: [3, 2, 1, 0]})
    assert dag_positions(SCORES, (2, 2), 3, 4, 0.5, draws, "s").tolist() == [[3, 1, 0]]  # two guided, one covering


def test_more_patches_than_positions() -> None:
    draws = Replayed({FIRST: [0, 1, 2, 3], SECOND: [3, 2, 1, 0]})
    assert dag_positions(SCORES, (2, 2), 100, 4, 0.5, draws, "s").tolist() == [[3, 1, 1, 0]]


def test_each_picture_is_ranked_by_its_own_scores() -> None:
    scores = torch.cat((SCORES, 3 - SCORES))
    draws = Replayed({FIRST: [0, 1, 2, 3], "s/sample1/oversample": [0, 1, 2, 3]})
    assert dag_positions(scores, (2, 2), 1, 4, 0.0, draws, "s").tolist() == [[3], [0]]


def test_equal_scores_keep_the_order_of_the_candidates() -> None:
    draws = Replayed({FIRST: [2, 3, 0, 1]})
    assert dag_positions(torch.zeros(1, 1, 2, 2), (2, 2), 2, 2, 0.0, draws, "s").tolist() == [[2, 3]]


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_drawn_positions_exist_and_repeat_only_across_the_two_parts(share: float) -> None:
    scores = torch.randn(2, 1, 6, 5)
    positions = dag_positions(scores, (12, 10), 40, 2, share, Draws(), "s")
    assert positions.shape == (2, 40)
    assert positions.min() >= 0
    assert positions.max() < 120
    guided = 40 - int(40 * share)
    for rows in positions:
        assert len(set(rows[:guided].tolist())) == guided
        assert len(set(rows[guided:].tolist())) == 40 - guided
