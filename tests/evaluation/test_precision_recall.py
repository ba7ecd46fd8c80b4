"""Precision and recall against cases worked out by hand; torch-fidelity's figures are in `check_golden`."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import EvaluationError
from evaluation.precision_recall import BLOCK, share_covered


def line(*positions: float) -> np.ndarray:
    return np.array(positions, np.float64)[:, None]


def test_on_a_line_by_hand() -> None:
    by = line(0, 1, 3, 10)  # distances to the second neighbour: 3, 2, 3, 9 -> reach -3..6 and, from 10, 1..19
    assert share_covered(line(-3, -3.1, 6, 19, 19.1), by, neighbours=2) == 3 / 5
    assert share_covered(line(-3.1, 19.1), by, neighbours=2) == 0
    assert share_covered(by, by, neighbours=1) == 1


def test_the_rim_belongs_to_the_ball() -> None:
    assert share_covered(line(2, 2.0001), line(0, 1), neighbours=1) == 1 / 2


def test_equal_features_lie_in_a_ball_without_width() -> None:
    rs = np.random.RandomState(0)
    point = 100 * rs.standard_normal((1, 300)).astype(np.float32)
    by = np.repeat(point, 5, axis=0)  # five equal pictures: every neighbour is at distance 0
    assert share_covered(np.concatenate([point, point + 0.5]), by) == 1 / 2


@pytest.mark.parametrize("more", [0, BLOCK])
def test_many_points_in_blocks(more: int) -> None:
    rs = np.random.RandomState(0)
    points, by = rs.standard_normal((60 + more, 4)), 1.2 * rs.standard_normal((50 + more, 4))
    distances = np.linalg.norm(by[:, None] - by[None], axis=2)
    radii = np.sort(distances, axis=1)[:, 3]
    covered = (np.linalg.norm(points[:, None] - by[None], axis=2) <= radii).any(1)
    assert 0 < covered.mean() < 1
    assert share_covered(points, by) == covered.mean()


def test_too_few_neighbours_and_other_features() -> None:
    with pytest.raises(EvaluationError, match="3 pictures: expected at least 4"):
        share_covered(line(0), line(0, 1, 2))
    with pytest.raises(EvaluationError, match="1 and 2 dimensions"):
        share_covered(line(0), np.zeros((5, 2)))
