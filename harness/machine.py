"""This machine and its processes, as a lease names them. Imports no torch."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path


def process(pid: int) -> tuple[str, str]:
    """State letter and start time of a process of this machine; FileNotFoundError where there is none."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], fields[19]


def boot_of(machine: str) -> str:
    return machine.partition(" ")[0]


@cache
def this_machine() -> str:
    """This boot and the process namespace; "" where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""
