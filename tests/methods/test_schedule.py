from __future__ import annotations

import pytest

from methods.schedule import linear_decay


@pytest.mark.parametrize(
    ("epoch", "factor"),
    [(1, 1), (3, 1), (4, 1 - 1 / 5), (5, 1 - 2 / 5), (7, 1 / 5)],  # three epochs, then four of decay
)
def test_constant_then_linear(epoch: int, factor: float) -> None:
    assert linear_decay(epoch, 3, 4) == pytest.approx(factor, rel=1e-15)


@pytest.mark.parametrize(("epoch", "factor"), [(1, 0.25), (3, 0.75), (4, 1), (5, 1), (6, 1 - 1 / 3)])
def test_warm_up_rises_linearly(epoch: int, factor: float) -> None:
    assert linear_decay(epoch, 5, 2, warmup_epochs=4) == pytest.approx(factor, rel=1e-15)


def test_no_factor_exceeds_one_or_reaches_zero() -> None:
    factors = [linear_decay(epoch, 100, 100, 20) for epoch in range(1, 201)]
    assert max(factors) == 1
    assert factors[-1] == pytest.approx(1 / 101)


def test_warm_up_may_reach_into_the_decay() -> None:
    assert linear_decay(5, 2, 4, warmup_epochs=5) == 1
    assert linear_decay(6, 2, 4, warmup_epochs=5) == pytest.approx(1 - 4 / 5)
