"""Steps run on tensors without data: what they cost, and whether they wait for the host.

The method is copied with tensors that have shapes only (torch's fake tensors), so a step of any size costs
milliseconds and no memory, and whatever would have to look at a number stops it: ``.item()``, ``if tensor``,
NumPy, and shapes that depend on numbers. What runs so has no branch that data decides and can be captured.
"""

from __future__ import annotations

import copy
import math
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import torch
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode

from evaluation import counting
from evaluation.counting import Meter, Saved
from methods.interface import Batch, Method
from methods.turns import Turns


@dataclass(frozen=True)
class Trace:
    """What a training step needs, averaged over a round of turns."""

    flop: int
    """floating point operations of convolutions and matrix products, 2 for a multiply-add"""
    saved_bytes: int
    """the most that is kept for backward passes at any moment, without weights and buffers"""


def turns(method: Method) -> int:
    """Steps until every network had its turn, where the method counts them with methods.turns; else 1."""
    return math.lcm(*(module.period for module in method.modules() if isinstance(module, Turns)))


def trace(method: Method, batch_size: int) -> Trace:
    """Run a round of steps of a copy of ``method`` without data; the method itself stays as it is.

    Raises:
        Exception: whatever a step raises that looks at numbers; `where` says at which line.
    """
    mode = FakeTensorMode(allow_non_fake_inputs=True)  # constants that a method keeps outside of its buffers
    with FakeCopyMode(mode):
        copied = copy.deepcopy(method)
    shape = (batch_size, method.shape.channels, method.shape.height, method.shape.width)
    rounds = turns(method)
    meter, saved = Meter(no_reads=True), Saved([*copied.parameters(), *copied.buffers()])
    with mode, meter, saved:
        batch = Batch(*(torch.empty(shape).to(memory_format=torch.channels_last) for _ in "ab"))
        for _ in range(rounds):
            copied.step(batch)
    return Trace(meter.flop // rounds, saved.peak)


def where(error: BaseException) -> str:
    """``TypeOfError: message (file.py, line n)`` in one line; the place is the last one outside of torch."""
    message = " ".join(str(error).split())
    place = last_place(error.__traceback__)
    return f"{type(error).__name__}: {message}" + (f" ({place})" if place else "")


def last_place(trail: TracebackType | None) -> str:
    """``file.py, line n`` of the last frame that is neither torch's nor that of a counter; empty if there is none."""
    torch_folder, here = Path(torch.__file__).parent, (Path(__file__), Path(counting.__file__))
    for frame in reversed(traceback.extract_tb(trail)):
        path = Path(frame.filename)
        if path not in here and torch_folder not in path.parents:
            return f"{path.name}, line {frame.lineno}"
    return ""
