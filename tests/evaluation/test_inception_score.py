"""The Inception score in cases that need no network; torch-fidelity's figures are in `check_golden`."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import EvaluationError
from evaluation.inception_score import inception_score


def test_sure_and_diverse_pictures_score_the_number_of_classes() -> None:
    mean, std = inception_score(1000 * np.eye(5).repeat(4, axis=0), splits=1)
    assert (mean, std) == (pytest.approx(5), 0)


def test_equal_or_unsure_pictures_score_one() -> None:
    assert inception_score(np.tile([[3.0, 1.0, 0.0]], (8, 1)), splits=2) == (pytest.approx(1), pytest.approx(0))
    assert inception_score(np.zeros((8, 3)), splits=1)[0] == pytest.approx(1)


def test_order_matters_to_parts_and_a_seed_deals_anew() -> None:
    logits = 1000 * np.eye(2).repeat(4, axis=0)  # each half holds one class
    assert inception_score(logits, splits=2)[0] == pytest.approx(1)
    assert inception_score(logits, splits=2, seed=0)[0] > 1.5
    assert inception_score(logits, splits=2, seed=0) == inception_score(logits, splits=2, seed=0)


@pytest.mark.parametrize("splits", [0, 4])
def test_parts_must_hold_pictures(splits: int) -> None:
    with pytest.raises(EvaluationError, match=f"{splits} parts of 3 pictures"):
        inception_score(np.zeros((3, 2)), splits)
