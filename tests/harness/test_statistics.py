"""Statistics over seeds: golden figures, hand-made cases, SciPy and brute force."""

from __future__ import annotations

import copy
import math
from itertools import product

import numpy as np
import pytest
import scipy.stats
from numpy.random import RandomState

from harness import statistics
from harness.statistics import Outcome
from tests.evaluation.conftest import golden
from tests.parity import eval_stats

A = [48.8, 46.7, 43.4, 54.8, 50.2, 47.1, 49.9]
B = [43.2, 44.1, 52.2, 54.2, 58.5, 41.7, 40.0]


def test_official_figures_are_repeated() -> None:
    report = eval_stats.check(golden("eval_stats"))
    assert report.ok, (report.worst, report.wrong)


def test_a_wrong_figure_is_found() -> None:
    data = copy.deepcopy(golden("eval_stats"))
    data["pairs"][2]["paired_bootstrap_95"][1] *= 1 + 1e-8
    report = eval_stats.check(data)
    assert not report.ok
    assert report.worst["value"][1] == "p03 paired_bootstrap_95 1"


@pytest.mark.parametrize("n", [2, 3, 7])
def test_as_scipy(n: int) -> None:
    a, b = A[:n], B[:n]
    low, high = scipy.stats.t.interval(0.95, n - 1, loc=np.mean(a), scale=scipy.stats.sem(a))
    assert statistics.student_interval(a) == pytest.approx((low, high), rel=1e-12)
    assert statistics.paired_t(a, b) == pytest.approx(tuple(scipy.stats.ttest_rel(a, b)), rel=1e-12)
    assert statistics.welch_t(a, B) == pytest.approx(tuple(scipy.stats.ttest_ind(a, B, equal_var=False)), rel=1e-12)
    interval = scipy.stats.ttest_ind(a, B, equal_var=False).confidence_interval(0.95)
    assert statistics.welch_interval(a, B) == pytest.approx(tuple(interval), rel=1e-12)


def test_wilcoxon_over_all_signs() -> None:
    d = np.array([1.5, -0.5, 2.0, 3.0, -2.0, 0.5, 0.0])  # ties, and one pair that is equal
    kept = d[d != 0]
    ranks = scipy.stats.rankdata(abs(kept))
    sums = [sum(r for r, s in zip(ranks, signs, strict=True) if s) for signs in product((0, 1), repeat=len(kept))]
    statistic = min(ranks[kept > 0].sum(), ranks[kept < 0].sum())
    p = min(1.0, 2 * np.mean([total <= statistic for total in sums]))
    assert statistics.wilcoxon_exact(d, np.zeros(7)) == pytest.approx((statistic, p))


def test_the_smallest_p_that_pairs_can_give() -> None:
    for n in range(1, 8):
        assert statistics.wilcoxon_exact(np.arange(1, n + 1), np.zeros(n)).p == 2.0 ** (1 - n)
    assert statistics.wilcoxon_exact(A, A).p == 1


def test_holm_by_hand() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.6, 0.9]) == [1.0, 1.0]
    assert statistics.holm([]) == []


def test_differences_that_are_all_equal() -> None:
    assert statistics.paired_t([3.0, 4.0], [2.0, 3.0]) == Outcome(math.inf, 0.0)
    assert statistics.paired_t([2.0, 3.0], [3.0, 4.0]) == Outcome(-math.inf, 0.0)
    assert statistics.paired_t([2.0, 3.0], [2.0, 3.0]) == Outcome(0.0, 1.0)
    assert statistics.cohen_dz([2.0, 3.0], [2.0, 3.0]) == 0
    assert statistics.cohen_dz([3.0, 4.0], [2.0, 3.0]) == math.inf
    assert statistics.welch_t([1.0, 1.0], [2.0, 2.0]) == Outcome(-math.inf, 0.0)
    assert statistics.welch_interval([1.0, 1.0], [2.0, 2.0]) == (-1, -1)


def test_the_chance_of_being_below_counts_ties_half() -> None:
    assert statistics.probability_below([1, 2], [2, 3]) == (3 + 0.5) / 4
    assert statistics.probability_below([1], [1]) == 0.5


def test_a_bootstrap_lies_between_the_extremes_and_repeats() -> None:
    first, again = (statistics.bootstrap_interval(A, RandomState(3)) for _ in range(2))
    assert first == again
    assert min(A) <= first.low < np.mean(A) < first.high <= max(A)
    assert statistics.bootstrap_interval([2.0], RandomState(0)) == (2, 2)


def test_too_few_values_and_unequal_pairs() -> None:
    with pytest.raises(ValueError, match="at least 2 values, found 1"):
        statistics.student_interval([1.0])
    with pytest.raises(ValueError, match="needs pairs, found 2 and 3"):
        statistics.paired_t([1.0, 2.0], [1.0, 2.0, 3.0])
