"""How long code takes on a device, and the most that the device gives at convolutions."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

BATCH, CHANNELS, SIDE, KERNEL = 2, 256, 64, 3
"""the convolution of `convolution_peak`: where networks for pictures of 256 pixels spend most of their time"""
PEAK_FLOP = 3 * 2 * BATCH * (CHANNELS * KERNEL) ** 2 * SIDE**2
"""its arithmetic, forward and backward, 2 for a multiply-add"""
PEAK_SECONDS, PEAK_RUNS = 1.0, 3
"""how long, and how often at least, it is timed"""


def seconds_of(run: Callable[[], object], times: int, device: torch.device) -> list[float]:
    """Seconds of each of ``times`` calls of ``run``, one after the other.

    On CUDA between events on the device, which is waited for only once, at the end; else on the wall clock.
    """
    if device.type != "cuda":
        return [wall_seconds(run) for _ in range(times)]
    marks = [torch.cuda.Event(enable_timing=True) for _ in range(times + 1)]  # type: ignore[no-untyped-call]  # torch's
    torch.cuda.synchronize(device)
    marks[0].record()
    for mark in marks[1:]:
        run()
        mark.record()
    torch.cuda.synchronize(device)
    return [before.elapsed_time(after) / 1e3 for before, after in itertools.pairwise(marks)]


def wall_seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def convolution_peak(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Floating point operations a second of one large convolution, forward and backward: the best of a second.

    3x3, 256 channels, 64x64, batch 2, channels-last.
    """
    inside, weight = (BATCH, CHANNELS, SIDE, SIDE), (CHANNELS, CHANNELS, KERNEL, KERNEL)
    x, w, g = (
        torch.randn(shape, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
        for shape in (inside, weight, inside)
    )
    x.requires_grad_()
    w.requires_grad_()

    def both() -> None:
        torch.autograd.grad(F.conv2d(x, w, padding=KERNEL // 2), (x, w), g)

    both()
    queued = 10 if device.type == "cuda" else 1  # so that a GPU does not wait for the host
    times: list[float] = []
    while len(times) < PEAK_RUNS or sum(times) < PEAK_SECONDS:
        times += seconds_of(both, queued, device)
    return PEAK_FLOP / min(times)
