"""Counts of what code does, exact and the same on every machine: arithmetic, and the bytes kept for backward passes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

READ = torch.ops.aten._local_scalar_dense.default
"""the operation behind ``.item()``, ``float(tensor)``, ``if tensor`` and ``.tolist()``"""


class HostRead(RuntimeError):
    """A number was read back from the device."""


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Counts the floating point operations of what runs within it; with ``no_reads`` HostRead where a number is
    read back."""

    def __init__(self, no_reads: bool = False) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
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

    def __enter__(self) -> Saved:  # type: ignore[override]  # torch's returns None
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
