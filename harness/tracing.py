"""Steps run on tensors without data: what they cost, and whether they wait for the host.

The method is copied with tensors that have shapes only (torch's fake tensors), so a step of any size costs
milliseconds and no memory, and whatever would have to look at a number stops it: ``.item()``, ``if tensor``,
NumPy, and shapes that depend on numbers. What runs so has no branch that data decides and can be captured.
"""

from __future__ import annotations

import copy
import math
import traceback
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from methods.interface import Batch, Method
from methods.turns import Turns

READ = torch.ops.aten._local_scalar_dense.default
"""the operation behind ``.item()``, ``float(tensor)``, ``if tensor`` and ``.tolist()``"""


class HostRead(RuntimeError):
    """A number was read back from the device."""


@dataclass(frozen=True)
class Trace:
    """What a training step needs, averaged over a round of turns."""

    flop: int
    """floating point operations of convolutions and matrix products, 2 for a multiply-add"""
    saved_bytes: int
    """the most that is kept for backward passes at any moment, without weights and buffers"""


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the floating point operations of what runs within it; with ``no_reads`` HostRead where a number is
    read back."""

    def __init__(self, no_reads: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.no_reads, self.flop = no_reads, 0

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is READ and self.no_reads:
            raise HostRead("a number is read back from the device (.item(), float(), if, .tolist())")
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.flop += count(*args, **kwargs, out_val=out)
        return out


class Saved(saved_tensors_hooks):
    """Follows the bytes that autograd keeps: ``peak`` is the most at any moment, each storage counted once.

    ``apart`` are tensors that exist anyway.
    """

    def __init__(self, apart: Iterable[Tensor]) -> None:
        super().__init__(lambda tensor: Held(self, tensor), lambda held: held.tensor)
        self.apart = {storage_of(tensor) for tensor in apart}
        self.uses: dict[int, int] = {}
        self.now = self.peak = 0

    def __enter__(self) -> Saved:  # type: ignore[override]
        super().__enter__()
        return self

    def take(self, tensor: Tensor) -> None:
        key = storage_of(tensor)
        if key in self.apart:
            return
        if not self.uses.get(key):
            self.now += tensor.untyped_storage().nbytes()
            self.peak = max(self.peak, self.now)
        self.uses[key] = self.uses.get(key, 0) + 1

    def give_back(self, tensor: Tensor) -> None:
        key = storage_of(tensor)
        if key in self.apart:
            return
        self.uses[key] -= 1
        if not self.uses[key]:
            del self.uses[key]
            self.now -= tensor.untyped_storage().nbytes()


class Held:
    """A tensor for as long as autograd keeps it."""

    def __init__(self, owner: Saved, tensor: Tensor) -> None:
        self.owner, self.tensor = owner, tensor.detach()
        owner.take(self.tensor)

    def __del__(self) -> None:
        self.owner.give_back(self.tensor)


def storage_of(tensor: Tensor) -> int:
    """The identity of a tensor's storage, for as long as it lives."""
    return tensor.untyped_storage()._cdata


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
    """``file.py, line n`` of the last frame that is neither torch's nor this module's; empty if there is none."""
    torch_folder, here = Path(torch.__file__).parent, Path(__file__)
    for frame in reversed(traceback.extract_tb(trail)):
        path = Path(frame.filename)
        if path != here and torch_folder not in path.parents:
            return f"{path.name}, line {frame.lineno}"
    return ""
