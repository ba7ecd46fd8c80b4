"""The costs of one method, measured in this process: what ``harness profile`` starts for each measurement.

python -m harness.profiling REQUEST      prints a Measurement as JSON
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from harness.profiles import Arithmetic, Measurement
from harness.spec import RunSpec

if TYPE_CHECKING:
    import torch

    from methods.interface import Method


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one process is to measure."""

    label: str
    spec: Mapping[str, Any]
    repeat: int
    device: str
    arithmetic: Arithmetic
    warm_up: int
    steps: int


def measure(request: Request) -> Measurement:
    """Build the method of a request and measure it. Its first round of steps is counted, which is warm-up too."""
    begun = time.perf_counter()
    import torch

    from evaluation.counting import Meter, Saved
    from evaluation.memory import forget_peaks, memory_peaks
    from evaluation.timing import convolution_peak, seconds_of
    from harness.costs import noise, trained_parameters
    from harness.tracing import turns
    from harness.training import precision_of

    device, spec = torch.device(request.device), RunSpec.from_json(request.spec)
    settle(device, request.arithmetic)
    method = ready(spec, device)
    pictures, period = noise(spec.batch_size, method.shape, device), turns(method)
    autocast = cast(Callable[[], AbstractContextManager[None]], precision_of(spec, device))

    def steps() -> None:
        for _ in range(period):
            with autocast():
                method.step(pictures)

    def translate() -> None:
        with torch.no_grad():
            method.translate(pictures.a[:1])

    with Meter() as step_meter, Saved([*method.parameters(), *method.buffers()]) as saved:
        steps()
    for _ in range(math.ceil(request.warm_up / period) - 1):
        steps()
    forget_peaks(device)
    step_seconds = seconds_of(steps, math.ceil(request.steps / period), device)
    memory = asdict(memory_peaks(device))
    with Meter() as translate_meter:
        translate()
    for _ in range(request.warm_up - 1):
        translate()
    return Measurement(
        label=request.label,
        repeat=request.repeat,
        turns=period,
        step_seconds=[seconds / period for seconds in step_seconds],
        translate_seconds=seconds_of(translate, request.steps, device),
        shared=memory.pop("shared"),
        memory=memory,
        parameters=trained_parameters(method),
        step_flop=step_meter.flop // period,
        translate_flop=translate_meter.flop,
        saved_bytes=saved.peak,
        peak=convolution_peak(device, torch.bfloat16 if request.arithmetic == "bf16" else torch.float32),
        seconds=time.perf_counter() - begun,
    )


def ready(spec: RunSpec, device: torch.device) -> Method:
    """The method of ``spec`` before its first step, from a fixed seed.

    Raises:
        ValueError, FileNotFoundError: the method refuses its options or the size, or misses a file.
    """
    from harness.catalogue import load
    from harness.checkpoint import seed_everything
    from harness.costs import build
    from methods.interface import ImageShape

    seed_everything(0)
    cls = load(spec.method)
    return build(cls, cls.Config(**spec.options), ImageShape(3, spec.size, spec.size), spec.batch_size, device)


def settle(device: torch.device, arithmetic: Arithmetic) -> None:
    """Make ``device`` the one that works, with this arithmetic; TF32 rounds the factors of float32 to 10 bits."""
    import torch

    if device.type == "cuda":
        torch.cuda.set_device(device)
        torch.backends.cudnn.benchmark = True
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = arithmetic == "tf32"


def main() -> None:
    from harness.work import keep_memory

    keep_memory()
    print(json.dumps(asdict(measure(Request(**json.loads(sys.argv[1]))))))


if __name__ == "__main__":
    main()
