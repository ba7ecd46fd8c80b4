"""The most memory that a process held: in main memory, and on a GPU as torch, its allocator and the driver see it."""

from __future__ import annotations

import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from evaluation.gpu import bytes_of, gpu_users


@dataclass(frozen=True)
class MemoryPeaks:
    """Bytes. Those of a GPU are None where there is none."""

    resident: int
    """main memory of this process since it began"""
    allocated: int | None = None
    """of tensors on the GPU (max_memory_allocated)"""
    reserved: int | None = None
    """what the allocator took from the driver for them (max_memory_reserved)"""
    process: int | None = None
    """all that this process holds of the GPU now, libraries included, as the driver says; None where it does not"""
    shared: bool | None = None
    """whether other processes use the GPU too; None where the driver does not say"""


def forget_peaks(device: torch.device) -> None:
    """The peaks of ``device`` count from now on. Those of main memory cannot be taken back."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)


def memory_peaks(device: torch.device) -> MemoryPeaks:
    """The peaks so far."""
    if device.type != "cuda":
        return MemoryPeaks(resident_peak())
    users = gpu_users(device)
    return MemoryPeaks(
        resident=resident_peak(),
        allocated=torch.cuda.max_memory_allocated(device),
        reserved=torch.cuda.max_memory_reserved(device),
        process=bytes_of(users, os.getpid()),
        shared=len(users) > 1 if users else None,
    )


def resident_peak() -> int:
    """The most main memory that this process held, in bytes.

    From Linux's own account where there is one: ``ru_maxrss`` counts what the parent held before it started us.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
