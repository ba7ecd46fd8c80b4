"""Times are those of the calls; the peak is that of a convolution of known arithmetic."""

from __future__ import annotations

import time

import torch

from evaluation.counting import Meter
from evaluation.timing import PEAK_FLOP, PEAK_RUNS, convolution_peak, seconds_of

CPU = torch.device("cpu")


def test_each_call_is_timed() -> None:
    waits = iter((0.0, 0.03, 0.0))
    seconds = seconds_of(lambda: time.sleep(next(waits)), 3, CPU)
    assert len(seconds) == 3
    assert max(seconds) == seconds[1] >= 0.03
    assert min(seconds) >= 0


def test_the_peak_counts_the_arithmetic_that_is_done() -> None:
    """Forward 2 x 3 x 3 x 256 x 256 x 64 x 64 for each of two pictures, backward twice as much."""
    assert PEAK_FLOP == 3 * 2 * (2 * 3 * 3 * 256 * 256 * 64 * 64)
    start = time.perf_counter()
    with Meter() as meter:
        peak = convolution_peak(CPU)
    runs, rest = divmod(meter.flop, PEAK_FLOP)
    assert rest == 0
    assert runs > PEAK_RUNS  # and one that is not timed
    assert peak >= meter.flop / (time.perf_counter() - start)  # the best is at least the mean
