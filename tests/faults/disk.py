"""A disk that is full, or that cannot be written any more, from a given moment on."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from harness.faults import Fault
from tests.faults.place import Lost, Outcome, Place, clean, same

SIZE = "32m"
MOMENTS = {
    "the lease": "lease-",
    "the provenance": "provenance.json",
    "the state": "state.json",
    "a loss row": "losses.jsonl",
    "a sample": "samples/.step-",
    "a checkpoint": "checkpoints/.step-",
    "a translation": ".translations/",
    "the scores": "metrics.jsonl",
}
"""what is about to be written when it happens, and what its path holds"""
PLACES = (1, 7, 3)
"""which of the writings of one kind it is, one after the other, where there are as many"""
MOST = {"the lease": 1, "a translation": 2, "the scores": 1}
"""how often those are written that are written seldom"""


def full(place: Place, times: int) -> Outcome:
    """No space is left from the moment that one of `MOMENTS` begins, until somebody makes room."""
    return strike(place, times, fill, empty, errno.ENOSPC)


def locked(place: Place, times: int) -> Outcome:
    """The file system is mounted read-only from that moment on, until it is mounted for writing."""
    return strike(place, times, partial(mount, "remount,ro"), partial(mount, "remount,rw"), errno.EROFS)


def strike(
    place: Place, times: int, break_it: Callable[[Path], None], mend: Callable[[Path], None], number: int
) -> Outcome:
    outcome, expected = Outcome(), os.strerror(number)
    with small_disk(place.root / "small") as disk:
        for k in range(times):
            name, part = list(MOMENTS.items())[k % len(MOMENTS)]
            run = place.new(disk / "runs")
            nth = min(PLACES[k // len(MOMENTS) % len(PLACES)], MOST.get(name, 9))
            worker = place.work(run, Fault(at=nth, named=part, act=partial(break_it, disk)))
            code = worker.wait(300)
            mend(disk)
            text = clean(worker)
            same(f"exit code where {name} was to be written", 2, code)
            if expected not in text:
                raise Lost(f"{name}: nothing is said of {expected!r}: {text}")
            place.finish(run)
            outcome.struck()
            place.tell(f"{outcome.times}/{times} ({name})")
            place.remove(run)
    outcome.notes.append("before " + ", ".join(list(MOMENTS)[:times]))
    return outcome


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def mount(options: str, disk: Path) -> None:
    subprocess.run(["mount", "-o", options, str(disk)], check=True)


def fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as file:
        for size in (2**20, 4096):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass


def empty(disk: Path) -> None:
    (disk / "ballast").unlink(missing_ok=True)
