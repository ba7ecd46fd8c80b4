"""What the driver of a GPU says of it, through ``nvidia-smi``."""

from __future__ import annotations

import subprocess

import torch

FACTS = {"driver": "driver_version", "power limit": "power.limit", "clock": "clocks.max.sm"}
"""what bears on times, and what ``nvidia-smi`` calls it"""


def gpu_facts(device: torch.device) -> dict[str, str]:
    """Driver, power limit (W) and highest clock (MHz); empty where the driver does not say."""
    answer = nvidia_smi(f"--query-gpu={','.join(FACTS.values())}", device).strip()
    values = [value.strip() for value in answer.split(",")]
    return dict(zip(FACTS, values, strict=True)) if len(values) == len(FACTS) else {}


def gpu_users(device: torch.device) -> dict[int, int]:
    """Bytes of a GPU by process; empty where the driver does not say."""
    return parse_users(nvidia_smi("--query-compute-apps=pid,used_gpu_memory", device))


def nvidia_smi(query: str, device: torch.device) -> str:
    """What ``nvidia-smi`` answers, a line of comma-separated values each; "" where it does not."""
    uuid = torch.cuda.get_device_properties(device).uuid
    command = ["nvidia-smi", query, "--format=csv,noheader,nounits", f"--id=GPU-{uuid}"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def parse_users(text: str) -> dict[int, int]:
    """``1234, 512`` a line, in MiB -> bytes by process; lines without numbers (``[N/A]``) are passed over."""
    rows = [[part.strip() for part in line.split(",")] for line in text.splitlines()]
    return {int(row[0]): int(row[1]) * 2**20 for row in rows if len(row) == 2 and all(map(str.isdigit, row))}


def bytes_of(users: dict[int, int], pid: int) -> int | None:
    """What process ``pid`` holds. Inside a container the driver counts processes otherwise: the only one is it."""
    if len(users) == 1:
        return next(iter(users.values()))
    return users.get(pid)
