"""Peaks of memory: what a process held at most, and what the driver of a GPU says."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from evaluation.gpu import bytes_of, parse_users
from evaluation.memory import MemoryPeaks, forget_peaks, memory_peaks

CODE = """
import torch
from evaluation.memory import resident_peak
before = resident_peak()
held = b"x" * 200_000_000
del held
print(before, resident_peak())
"""


def test_the_peak_stays_when_memory_is_given_back_and_leaves_out_the_parent() -> None:
    large = b"x" * 800_000_000  # what the parent holds while it starts the child
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    before, after = map(int, done.stdout.split())
    assert 190_000_000 < after - before < 300_000_000
    assert before < len(large)


def test_without_a_gpu_there_is_main_memory_alone() -> None:
    cpu = torch.device("cpu")
    forget_peaks(cpu)
    peaks = memory_peaks(cpu)
    assert peaks == MemoryPeaks(resident=peaks.resident)
    assert peaks.resident > 50_000_000  # torch is loaded


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_peak_of_a_gpu_begins_anew() -> None:
    device = torch.device("cuda")
    torch.empty(2**28, dtype=torch.uint8, device=device)
    forget_peaks(device)
    kept = torch.empty(2**24, dtype=torch.uint8, device=device)
    peaks = memory_peaks(device)
    assert peaks.allocated is not None
    assert kept.numel() <= peaks.allocated < 2**28
    assert peaks.reserved is not None
    assert peaks.reserved >= peaks.allocated


def test_what_the_driver_says_of_processes() -> None:
    users = parse_users("1234, 512\n77, 3\n88, [N/A]\n\n")
    assert users == {1234: 512 * 2**20, 77: 3 * 2**20}
    assert bytes_of(users, 77) == 3 * 2**20
    assert bytes_of(users, 5) is None
    assert bytes_of({1234: 9}, 5) == 9  # in a container, where the driver knows us by another number
    assert bytes_of({}, 5) is None
