"""KID against numbers worked out by hand; those of the libraries are in `check_golden` and `test_programs`."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.typing import NDArray

from evaluation import EvaluationError
from evaluation.kid import BLOCK, WHOLE, kernel, kid, subset_kids


def draw(n: int, d: int = 6, shift: float = 0, seed: int = 0) -> NDArray[np.float64]:
    return RandomState(seed).standard_normal((n, d)) + shift


def test_two_and_three_points_by_hand() -> None:
    x, y = np.array([[0.0, 2.0], [2.0, 0.0]]), np.array([[2.0, 2.0], [0.0, 0.0], [4.0, 0.0]])
    k = {(a, b): (np.dot(a, b) / 2 + 1) ** 3 for a, b in product(map(tuple, [*x, *y]), repeat=2)}
    p, q, r, s, t = map(tuple, [*x, *y])
    within_x, within_y = k[p, q], (k[r, s] + k[r, t] + k[s, t]) / 3
    across = sum(k[a, b] for a in (p, q) for b in (r, s, t)) / 6
    assert kid(x, y) == pytest.approx(within_x + within_y - 2 * across, rel=1e-14)


def test_it_is_unbiased_and_sees_a_shift() -> None:
    same = [kid(draw(40, seed=2 * i), draw(30, seed=2 * i + 1)) for i in range(200)]
    assert abs(np.mean(same)) < 3 * np.std(same) / 200**0.5
    assert min(same) < 0 < max(same)
    assert kid(draw(40), draw(30, shift=1, seed=1)) > 5 * np.std(same)


def test_large_sets_in_blocks_equal_whole_ones() -> None:
    x, y = draw(WHOLE // 2 + 40), draw(WHOLE // 2, shift=0.5, seed=1)
    assert min(len(x), len(y)) > BLOCK
    xx, yy, xy = kernel(x, x), kernel(y, y), kernel(x, y)
    within = sum((k.sum() - k.trace()) / (len(k) * (len(k) - 1)) for k in (xx, yy))
    assert kid(x, y) == pytest.approx(within - 2 * xy.mean(), rel=1e-11)
    random = RandomState(3)
    rows = [[random.choice(len(side), 20, replace=False) for side in (x, y)] for _ in range(5)]
    parts = [kid(x[i], y[j]) for i, j in rows]
    np.testing.assert_allclose(subset_kids(x, y, 5, 20, RandomState(3)), parts, rtol=1e-11)


def test_spread_over_halves_is_that_between_draws_of_the_whole() -> None:
    between = np.std([kid(draw(60, seed=2 * i), draw(60, shift=0.4, seed=2 * i + 1)) for i in range(200)])
    halves = [
        subset_kids(draw(60, seed=2 * i), draw(60, shift=0.4, seed=2 * i + 1), 100, 30, RandomState(0)).std()
        for i in range(20)
    ]
    assert np.mean(halves) == pytest.approx(between, rel=0.25)


def test_parts_as_large_as_the_sets_have_no_spread() -> None:
    values = subset_kids(draw(20), draw(20, seed=1), 10, 20, RandomState(0))
    np.testing.assert_allclose(values, kid(draw(20), draw(20, seed=1)), rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("size", [1, 21])
def test_parts_must_fit(size: int) -> None:
    with pytest.raises(EvaluationError, match=f"subsets of {size}: expected 2 to 20"):
        subset_kids(draw(20), draw(30), 10, size, RandomState(0))


def test_bad_features_are_refused() -> None:
    with pytest.raises(EvaluationError, match="at least 2 pictures on each side, found 1"):
        kid(draw(1), draw(5))
    with pytest.raises(EvaluationError, match="6 and 7 dimensions"):
        kid(draw(3), draw(3, d=7))
    damaged = draw(3)
    damaged[1, 1] = np.nan
    with pytest.raises(EvaluationError, match="not finite"):
        kid(damaged, draw(3))
