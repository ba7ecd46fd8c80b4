"""What several seeds say: intervals, paired and unpaired tests, the correction for many of them. Pure functions.

Imports numpy only; of scipy the distribution functions inside the functions that need them, because importing
``scipy.stats`` would cost a table a second. A p value is two-sided. Intervals hold 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray

CONFIDENCE = 0.95
RESAMPLES = 2000


class Interval(NamedTuple):
    low: float
    high: float


class Outcome(NamedTuple):
    """The outcome of a test of the null hypothesis that nothing differs."""

    statistic: float
    p: float


def floats(values: ArrayLike, least: int, what: str) -> NDArray[np.float64]:
    """The values as a vector; ValueError where there are fewer than ``least``."""
    v = np.asarray(values, np.float64)
    if v.ndim != 1 or len(v) < least:
        raise ValueError(f"{what} needs at least {least} values, found {v.size}")
    return v


def student_interval(values: ArrayLike) -> Interval:
    """Of the mean of independent values: mean ± t(n - 1) std / sqrt(n). At least two values."""
    from scipy.special import stdtrit

    v = floats(values, 2, "a Student interval")
    half = float(stdtrit(len(v) - 1, (1 + CONFIDENCE) / 2)) * standard_error(v)
    return Interval(float(v.mean()) - half, float(v.mean()) + half)


def standard_error(values: ArrayLike) -> float:
    """Of the mean: std (n - 1) / sqrt(n)."""
    v = floats(values, 2, "a standard error")
    return float(v.std(ddof=1) / math.sqrt(len(v)))


def bootstrap_interval(values: ArrayLike, random: RandomState, resamples: int = RESAMPLES) -> Interval:
    """Percentiles 2.5 and 97.5 of the means of resamples with replacement. Of few values too narrow.

    n values have comb(2n - 1, n) distinct resamples: 10 for n = 3, 126 for n = 5.
    """
    means = bootstrap_means(values, random, resamples)
    outside = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(means, [outside, 100 - outside])
    return Interval(float(low), float(high))


def bootstrap_means(values: ArrayLike, random: RandomState, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """The means of ``resamples`` resamples with replacement."""
    v = floats(values, 1, "a bootstrap")
    means: NDArray[np.float64] = v[random.randint(0, len(v), size=(resamples, len(v)))].mean(1)
    return means


def paired_t(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Student's test that the mean of a - b is 0; a[i] and b[i] belong together (same seed). At least two pairs.

    Where all differences are equal the statistic is infinite (p = 0), or, where they are all 0, 0 (p = 1).
    """
    d = paired_differences(a, b, "a paired t test")
    return t_test(float(d.mean()), standard_error(d), len(d) - 1)


def welch_t(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Welch's test that two independent sets have one mean; their variances may differ. At least two values each."""
    x, y = floats(a, 2, "Welch's test"), floats(b, 2, "Welch's test")
    u, v = standard_error(x) ** 2, standard_error(y) ** 2
    freedom = welch_freedom(x, y)
    return t_test(float(x.mean() - y.mean()), math.sqrt(u + v), freedom)


def welch_interval(a: ArrayLike, b: ArrayLike) -> Interval:
    """Of mean(a) - mean(b), by Welch's approximation. At least two values each."""
    from scipy.special import stdtrit

    x, y = floats(a, 2, "Welch's interval"), floats(b, 2, "Welch's interval")
    difference, error = float(x.mean() - y.mean()), math.hypot(standard_error(x), standard_error(y))
    half = float(stdtrit(welch_freedom(x, y), (1 + CONFIDENCE) / 2)) * error
    return Interval(difference - half, difference + half)


def welch_freedom(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Welch's degrees of freedom (Welch-Satterthwaite); those of the pooled test where nothing varies."""
    u, v = standard_error(x) ** 2, standard_error(y) ** 2
    if u + v == 0:
        return len(x) + len(y) - 2
    return (u + v) ** 2 / (u**2 / (len(x) - 1) + v**2 / (len(y) - 1))


def t_test(difference: float, error: float, freedom: float) -> Outcome:
    from scipy.special import stdtr

    if error == 0:
        return Outcome(0.0, 1.0) if difference == 0 else Outcome(math.copysign(math.inf, difference), 0.0)
    t = difference / error
    return Outcome(t, 2 * float(stdtr(freedom, -abs(t))))


def wilcoxon_exact(a: ArrayLike, b: ArrayLike) -> Outcome:
    """Wilcoxon's signed-rank test of pairs: the smaller sum of ranks, and its exact p over all 2^n signs.

    Equal pairs are left out, equal differences share the mean of their ranks. The smallest p that n pairs can
    give is 2^(1 - n): 0.0625 for 5, so fewer than 6 pairs cannot reach 0.05.
    """
    d = paired_differences(a, b, "Wilcoxon's test", least=1)
    d = d[d != 0]
    doubled = np.rint(2 * mean_ranks(np.abs(d))).astype(int)  # halves of shared ranks become whole
    positive, total = int(doubled[d > 0].sum()), int(doubled.sum())
    statistic = min(positive, total - positive)
    ways = np.zeros(total + 1)  # ways[s]: choices of signs whose positive ranks add up to s
    ways[0] = 1
    for rank in doubled:
        ways[rank:] += ways[: total + 1 - rank].copy()
    p = 2 * float(ways[: statistic + 1].sum() / ways.sum())
    return Outcome(statistic / 2, min(1.0, p))


def mean_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values share the mean of theirs."""
    below = (values[:, None] > values).sum(1)
    ties = (values[:, None] == values).sum(1)
    ranks: NDArray[np.float64] = below + (ties + 1) / 2
    return ranks


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's correction: the chance of any false finding among all tests stays below the level chosen."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted, largest = [1.0] * len(p_values), 0.0
    for done, i in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[i]))
        adjusted[i] = largest
    return adjusted


def cohen_dz(a: ArrayLike, b: ArrayLike) -> float:
    """Effect size of pairs: mean of a - b over the standard deviation (n - 1) of a - b; 0 / 0 is 0."""
    d = paired_differences(a, b, "an effect size")
    mean, std = float(d.mean()), float(d.std(ddof=1))
    return mean / std if std else math.copysign(math.inf, mean) if mean else 0.0


def probability_below(a: ArrayLike, b: ArrayLike) -> float:
    """Chance that a value of ``a`` is below one of ``b``, over all pairs; equal ones count half.

    With scores of which lower is better: the probability of improvement of ``a`` on ``b`` (Agarwal et al. 2021).
    """
    x, y = floats(a, 1, "a probability"), floats(b, 1, "a probability")
    return float((x[:, None] < y).mean() + (x[:, None] == y).mean() / 2)


def paired_differences(a: ArrayLike, b: ArrayLike, what: str, least: int = 2) -> NDArray[np.float64]:
    x, y = floats(a, least, what), floats(b, least, what)
    if len(x) != len(y):
        raise ValueError(f"{what} needs pairs, found {len(x)} and {len(y)} values")
    return x - y
