"""The bounds, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from harness.gates.rules import allowance, bounds, margin, share_left


def test_a_score_may_be_worse_by_two_and_a_half_standard_errors() -> None:
    """2.5 * 2 * sqrt(1/3 + 1/6) = 5 * sqrt(1/2)."""
    assert allowance(50.0, 2.0, 3, 6) == pytest.approx(3.5355339)
    assert bounds("lower", 50.0, 2.0, 0.0, 3, 6) == (-math.inf, pytest.approx(53.5355339))


def test_or_by_three_percent_where_that_is_more() -> None:
    """2.5 * 0.1 * sqrt(1/2) = 0.18 is less than 3 % of 50."""
    assert bounds("lower", 50.0, 0.1, 0.0, 3, 6).high == pytest.approx(51.5)
    assert allowance(-50.0, 0.0, 3, 6) == pytest.approx(1.5)


def test_of_a_score_that_is_better_high_the_bound_is_mirrored() -> None:
    assert bounds("higher", 0.8, 0.0, 0.0, 3, 6) == (pytest.approx(0.776), math.inf)


def test_a_band_is_three_standard_deviations_wide_and_at_least_the_floor() -> None:
    assert bounds("neither", 1.0, 0.1, 0.05, 3, 6) == (pytest.approx(0.7), pytest.approx(1.3))
    assert bounds("neither", 1.0, 0.0, 0.05, 3, 6) == (0.95, 1.05)


def test_margins_are_measured_to_the_nearer_end() -> None:
    band = bounds("neither", 1.0, 0.1, 0.0, 3, 6)
    assert margin(1.1, band) == pytest.approx(0.2)
    assert margin(0.6, band) == pytest.approx(-0.1)
    assert math.isnan(margin(math.nan, band))
    assert share_left(1.0, 1.0, band) == pytest.approx(1.0)
    assert share_left(0.85, 1.0, band) == pytest.approx(0.5)
    assert share_left(1.6, 1.0, band) == pytest.approx(-1.0)


def test_more_seeds_make_a_tighter_bound() -> None:
    few, many = bounds("lower", 50.0, 2.0, 0.0, 1, 6), bounds("lower", 50.0, 2.0, 0.0, 6, 6)
    assert many.high < few.high
