"""When a figure counts as worse: the one-sided bound of a score, the band of a loss. Pure arithmetic, no torch."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

Better = Literal["lower", "higher", "neither"]
"""which values of a figure are better; of neither, every departure from what was recorded counts"""
SIGMAS = 2.5
"""standard errors of the difference that a score may be worse by"""
SHARE = 0.03
"""share of the recorded mean that a score may be worse by, where that is more"""
BAND_SIGMAS = 3.0
"""standard deviations between seeds that a loss may lie off its recorded mean"""
FLOOR_SHARE = 0.01
"""half-width that a band has at least, as a share of the largest mean of the same loss"""
START_SHARE, START_LEAST = 1e-3, 1e-6
"""share and amount by which a loss of the first step may differ: rounding stays far below, another formula does not"""


class Bounds(NamedTuple):
    """The values that hold, both ends included."""

    low: float
    high: float


EVERYTHING = Bounds(-math.inf, math.inf)


def allowance(mean: float, std: float, s: int, s0: int) -> float:
    """By how much the mean over ``s`` new seeds may be worse than the ``mean`` over ``s0`` recorded ones.

    max(2.5 std sqrt(1/s + 1/s0), 3 % of the mean), with the sample standard deviation (n - 1) of the recorded ones.
    """
    return max(SIGMAS * std * math.sqrt(1 / s + 1 / s0), SHARE * abs(mean))


def bounds(better: Better, mean: float, std: float, floor: float, s: int, s0: int) -> Bounds:
    """What the mean over ``s`` new seeds has to lie in: one-sided for a score, mean ± max(3 std, floor) for a band."""
    if better == "neither":
        half = max(BAND_SIGMAS * std, floor)
        return Bounds(mean - half, mean + half)
    room = allowance(mean, std, s, s0)
    return Bounds(-math.inf, mean + room) if better == "lower" else Bounds(mean - room, math.inf)


def margin(value: float, limits: Bounds) -> float:
    """How far inside the bounds ``value`` lies, in its own unit; negative outside, NaN for NaN."""
    return min(value - limits.low, limits.high - value)


def share_left(value: float, mean: float, limits: Bounds) -> float:
    """The margin as a share of the way from the recorded mean to the bound: 1 at the mean, 0 at the bound."""
    room = min(mean - limits.low, limits.high - mean)
    left = margin(value, limits)
    return left / room if room else math.copysign(math.inf, left) if left else 1.0
