"""The false-alarm rate of a gate, from figures whose rate is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.gates.gate import Figure
from harness.gates.resampling import false_alarms


def figure(values: tuple[float, ...], better: str = "neither", floor: float = 0.0) -> Figure:
    mean, std = float(np.mean(values)), float(np.std(values, ddof=1))
    return Figure(
        kind="loss",
        name="G 1-1",
        better=better,  # type: ignore[arg-type]
        how={},
        mean=mean,
        std=std,
        n=len(values),
        floor=floor,
        values=values,
    )


def test_a_floor_wider_than_all_values_never_fails() -> None:
    assert false_alarms([figure((1.0, 2.0, 3.0, 4.0, 5.0), floor=10.0)], 2) == 0.0


def test_one_outlier_fails_as_often_as_it_is_taken_out() -> None:
    """Without it the others do not vary at all, so every draw of 2 of 10 that has it fails: 20 %."""
    values = (*(1.0,) * 9, 2.0)
    assert false_alarms([figure(values)], 2) == pytest.approx(0.2, abs=0.03)


def test_a_score_fails_as_often_as_students_t_says() -> None:
    """Draws of 3 against 21: beyond 2.5 standard errors one-sided with 20 degrees of freedom, about 1.06 %."""
    random = np.random.default_rng(1)
    rates = [false_alarms([figure(tuple(random.normal(0, 1, 24)), "lower")], 3, 200) for _ in range(60)]
    assert np.mean(rates) == pytest.approx(0.0106, abs=0.006)
    assert math.isfinite(np.std(rates))
