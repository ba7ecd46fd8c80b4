"""The check of the contract that kills: a run that dies again and again ends as one that was never disturbed."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from harness import checkpoint
from harness.contract import Broken, Subject, equal
from harness.data.folders import SPLITS, open_dataset
from harness.faults import CUT, KILLED, Fault, Worker, limit_files, start
from harness.progress import Log
from harness.runs import RunFolder
from harness.spec import RunSpec
from harness.training import train

STEPS = 6
"""of a run; each writes a checkpoint, as runs of few steps do"""
TRAIN_PICTURES, TEST_PICTURES = 8, 2
"""in each split"""
ZOOM = 4
"""pixels that pictures are larger than their crops"""


def kills(subject: Subject) -> str:
    """Killed before a file is written, inside the writing of a checkpoint, and at any moment, then to the end: losses,
    weights, optimisers and random generators are those of a run that nobody disturbed, to the bit."""
    with tempfile.TemporaryDirectory(prefix="contract-") as name:
        place = Path(name)
        make_pictures(place / "pictures", subject.side + ZOOM)
        expected = make_run(place, subject, "undisturbed")
        begun = time.monotonic()
        worker = train_process(place, expected)
        end(worker)
        seconds = time.monotonic() - begun

        rng = random.Random(subject.name)
        run = make_run(place, subject, "disturbed")
        operation = rng.randrange(2, worker.operations() // 2)
        die(train_process(place, run, Fault(at=operation)), KILLED)
        size = min(path.stat().st_size for path in checkpoint.checkpoints(expected.checkpoints))
        cut = rng.randrange(1, size)
        die(train_process(place, run, Fault(at=1, named="/.step-", act=partial(limit_files, cut))), CUT)
        worker, moment = train_process(place, run), rng.random() * seconds / 2
        if worker.wait(moment) is None:
            worker.process.kill()
            worker.wait()
        end(train_process(place, run))
        compare_runs(expected, run)
    return (
        f"before change {operation} of its files, after {cut:,} bytes of a checkpoint, after {moment:.1f} s, then "
        f"to step {STEPS}: the same to the bit"
    )


def make_pictures(folder: Path, side: int) -> None:
    """A dataset of square pictures of noise."""
    noise = np.random.Generator(np.random.PCG64(0))
    for split in SPLITS:
        (folder / split).mkdir(parents=True)
        for number in range(TRAIN_PICTURES if split.startswith("train") else TEST_PICTURES):
            pixels = noise.integers(256, size=(side, side, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / split / f"{number}.png")


def make_run(place: Path, subject: Subject, name: str) -> RunFolder:
    run = RunFolder(place / name)
    run.create(
        RunSpec(
            method=subject.name,
            options=subject.options,
            dataset="noise",
            data=str(place / "pictures"),
            size=subject.side,
            load_size=subject.side + ZOOM,
            batch_size=subject.cls.min_batch_size,
            steps=STEPS,
        )
    )
    return run


def train_process(place: Path, run: RunFolder, fault: Fault | None = None) -> Worker:
    """A process that trains ``run``, with a picture cache of its own."""
    output = place / f"{run.name}.txt"
    return start(train_run, [run.path], run.path, output, fault, {"HARNESS_CACHE": str(place / "cache")})


def train_run(folder: Path) -> int:
    """What the process does: train, as ``harness work`` does it, without scores."""
    run = RunFolder(folder)
    train(run, open_dataset(run.spec.data), torch.device("cpu"), Log(run.log, run.name))
    return 0


def end(worker: Worker) -> None:
    if worker.wait() != 0:
        lines = worker.text().splitlines()
        raise Broken(f"a run in a process of its own ends with exit code {worker.wait()}: {lines[-1] if lines else ''}")


def die(worker: Worker, code: int) -> None:
    if worker.wait() != code:
        raise Broken(f"a process that was to be killed ends with exit code {worker.wait()}; expected {code}")


def compare_runs(expected: RunFolder, found: RunFolder) -> None:
    """Broken unless the training curves and the last checkpoints of two runs are the same to the bit."""
    for one, other in zip(expected.losses(), sorted(found.losses(), key=lambda row: row["step"]), strict=True):
        for name, value in one.items():
            if other.get(name) != value:
                raise Broken(f"killed and continued, {name} of step {one['step']} is {other.get(name)}, not {value}")
    one, other = (dict(leaves(checkpoint.newest(run.checkpoints, print))) for run in (expected, found))
    for name in one.keys() | other.keys():
        if name not in one or name not in other or not alike(one[name], other[name]):
            raise Broken(f"killed and continued, {name} differs")


def leaves(state: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Everything in nested dictionaries and lists, by its path."""
    inside = state.items() if isinstance(state, dict) else enumerate(state) if isinstance(state, list | tuple) else None
    if inside is None:
        yield name, state
    else:
        for key, value in inside:
            yield from leaves(value, f"{name}.{key}" if name else str(key))


def alike(one: Any, other: Any) -> bool:
    return equal(one, other) if isinstance(one, Tensor) and isinstance(other, Tensor) else bool(one == other)
