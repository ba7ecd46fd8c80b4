"""Runs on this machine: a queue, and slots that work on it one run each, detached from the front and the terminal.

There is a slot for each GPU, or on a machine without one for every few processor cores. A slot is a process of its
own (:mod:`harness.launchers.slot`) that ends when nothing waits.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from harness.errors import UserError
from harness.job import read_job, write_job
from harness.launchers import JobState, Resources, Settings
from harness.launchers.queue import Queue, Slot
from harness.lease import alone, holder_of

MOST_THREADS = 4
"""threads of a run on the CPU unless said otherwise: more make one run little faster and all together slower"""


@dataclass(frozen=True)
class Local:
    """The queue and the slots of one folder of runs. The id of a job is the name of its run."""

    runs: Path
    slots: int | None = None
    threads: int | None = None
    name = "local"
    poll_seconds = 0.5

    @classmethod
    def of(cls, runs: Path, settings: Settings) -> Local:
        for option, value in (("slots", settings.slots), ("threads", settings.threads)):
            if value is not None and value < 1:
                raise UserError(f"--{option} {value}: expected 1 or more")
        return cls(runs, settings.slots, settings.threads)

    @property
    def queue(self) -> Queue:
        return Queue(self.runs.resolve())

    def submit(self, folders: Sequence[Path], resources: Resources) -> list[str]:
        try:
            self.queue.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot write to {self.runs}: {error.strerror}") from None
        with alone(self.queue.root):
            taken = self.queue.waiting().keys() | self.queue.claimed().keys()
            for folder in folders:
                if folder.name not in taken:
                    job = read_job(folder)
                    write_job(folder, replace(job, launcher=self.name, id=folder.name))
                    self.queue.put(folder.name, self.kind_of(job.device))
        self.tend()
        return [folder.name for folder in folders]

    def kind_of(self, device: str) -> str:
        """The kind of slot that a job needs: one that is bound to a device waits for that device."""
        if device in ("auto", "cuda"):
            return "gpu" if self.gpus else "cpu"
        return device

    def states(self, ids: Sequence[str]) -> Mapping[str, JobState]:
        waiting, claimed = self.queue.waiting(), self.queue.claimed()
        return {id: "queued" if id in waiting else "running" if id in claimed else "ended" for id in ids}

    def cancel(self, ids: Sequence[str]) -> None:
        for id in ids:
            self.queue.cancel(id)
        self.recover()  # a run that outlived its slot is stopped by the next process in that slot

    def logs(self, id: str) -> Path | None:
        path = self.queue.output(id)
        return path if path.exists() else None

    def tend(self) -> None:
        """Give back what dead slots had claimed, and start slots for what waits."""
        self.recover()
        waiting = list(self.queue.waiting().values())
        for kind in set(waiting):
            free = [slot for slot in self.slots_of(kind) if holder_of(self.queue.place(slot.name)) is None]
            for slot in free[: waiting.count(kind)]:
                self.start(slot)

    def recover(self) -> None:
        """Give back what dead slots had claimed. Where a run outlived its slot, another process becomes the slot."""
        self.queue.settle_dead_slots()
        for name in {*self.queue.claimed().values()}:
            orphaned = Slot.named(name)
            if orphaned and holder_of(self.queue.place(name)) is None:
                self.start(orphaned)

    def slots_of(self, kind: str) -> list[Slot]:
        """The slots of this machine for jobs of one kind."""
        if kind == "cpu":
            number = self.slots or max(1, cores() // self.threads_each)
        elif kind == "gpu":
            number = self.slots or max(1, len(self.gpus))
        else:
            number = 1
        return [Slot(kind, index) for index in range(number)]

    @property
    def threads_each(self) -> int:
        """Processor threads of a run on the CPU."""
        return self.threads or int(os.environ.get("OMP_NUM_THREADS") or 0) or min(MOST_THREADS, cores())

    @cached_property
    def gpus(self) -> list[str]:
        """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES calls them."""
        import torch

        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        names = [name.strip() for name in visible.split(",") if name.strip()] if visible is not None else None
        count = torch.cuda.device_count()
        return names[:count] if names else [str(index) for index in range(count)]

    def start(self, slot: Slot) -> None:
        """Start the process of a slot; if there is one already, the new one ends at once."""
        environment = dict(os.environ)
        if slot.kind == "cpu":
            environment |= {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": str(self.threads_each)}
        elif slot.kind == "gpu" and self.gpus:
            share = max(1, cores() // len(self.slots_of("gpu")))
            environment["CUDA_VISIBLE_DEVICES"] = self.gpus[slot.index % len(self.gpus)]
            environment.setdefault("OMP_NUM_THREADS", str(self.threads or share))
        place = self.queue.place(slot.name)
        place.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "harness.launchers.slot", str(self.queue.runs), slot.kind, str(slot.index)]
        with (place / "log.txt").open("ab") as log:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, check=True)


def cores() -> int:
    """The processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
