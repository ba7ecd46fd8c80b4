"""The Fréchet distance against numbers worked out by hand; those of four libraries are in `check_golden`."""

from __future__ import annotations

import numpy as np
import pytest

from evaluation import EvaluationError
from evaluation.frechet import frechet_distance, frechet_from_moments
from tests.evaluation.conftest import golden
from tests.parity.eval_frechet import features

DATA = golden("eval_frechet")
CASES = {case["name"]: case for case in DATA["cases"]}


@pytest.mark.parametrize("name", ["full_rank_d8", "full_rank_d32", "singular_d64", "one_side_singular_d48"])
def test_moments_equal_the_features_they_come_from(name: str) -> None:
    case = CASES[name]
    x, y = (features(DATA["seed"], case, side) for side in "12")
    value = frechet_from_moments(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    bound = 1e-10 if name.startswith("full") else 1e-6  # roots of rounding noise in the null directions
    assert value == pytest.approx(case["frechet_exact_lowrank"], rel=bound)


def test_one_dimension_by_hand() -> None:
    x, y = np.array([[0.0], [2.0]]), np.array([[1.0], [7.0]])  # means 1, 4; variances 2, 18
    assert frechet_distance(x, y) == pytest.approx((4 - 1) ** 2 + (np.sqrt(18) - np.sqrt(2)) ** 2)


def test_float32_features_are_compared_in_float64() -> None:
    x = (1e4 + np.random.RandomState(0).standard_normal((20, 5))).astype(np.float32)
    assert frechet_distance(x, x + np.float32(1)) == pytest.approx(5, rel=1e-3)


def test_two_pictures_are_the_least() -> None:
    with pytest.raises(EvaluationError, match="at least 2 pictures"):
        frechet_distance(np.zeros((1, 4)), np.zeros((5, 4)))


def test_dimensions_must_agree() -> None:
    with pytest.raises(EvaluationError, match="4 and 5 dimensions"):
        frechet_distance(np.zeros((3, 4)), np.zeros((3, 5)))
    with pytest.raises(EvaluationError, match="do not fit"):
        frechet_from_moments(np.zeros(3), np.eye(3), np.zeros(3), np.eye(4))


def test_damaged_features_are_refused() -> None:
    x = np.zeros((3, 4))
    x[1, 2] = np.nan
    with pytest.raises(EvaluationError, match="not finite"):
        frechet_distance(x, np.zeros((3, 4)))
