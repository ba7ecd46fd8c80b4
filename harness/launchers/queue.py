"""The queue of the local launcher: folders of small files, moved by renames, so that a job is taken once.

Below ``RUNS/.local``: ``waiting/KIND/RUN`` a job that waits for a slot of its kind, ``claimed/SLOT/RUN`` one that a
slot has taken, ``cancelled/RUN`` a mark on a claimed one, ``slots/SLOT`` the lease and the log of a slot,
``output/RUN.txt`` what the worker of a run printed. A job is called by the name of its run. Imports no torch.
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import UserError
from harness.interrupts import STOPPED
from harness.lease import holder_of, lease
from harness.runs import RunFolder, State, read_json, write_json

MOST_DEATHS = 3
"""how often the worker of a run may die by a signal before the run counts as failed"""


@dataclass(frozen=True)
class Slot:
    """A place for one run at a time on one machine: ``cpu0``, ``gpu1``."""

    kind: str
    """what its jobs ask for: cpu, gpu, or one device by name"""
    index: int

    @property
    def name(self) -> str:
        """Unique among all machines that share a folder of runs."""
        return f"{socket.gethostname()}.{self.kind}.{self.index}"

    @classmethod
    def named(cls, name: str) -> Slot | None:
        """The slot of this name; None where it is one of another machine."""
        host, kind, index = name.rsplit(".", 2)
        return cls(kind, int(index)) if host == socket.gethostname() else None


@dataclass(frozen=True)
class Queue:
    """The queue beside the run folders in ``runs``."""

    runs: Path

    @property
    def root(self) -> Path:
        return self.runs / ".local"

    def output(self, run: str) -> Path:
        """What the worker of a run printed."""
        return self.root / "output" / f"{run}.txt"

    def place(self, slot: str) -> Path:
        """The folder whose lease a slot holds."""
        return self.root / "slots" / slot

    def mark(self, run: str) -> Path:
        """Exists where a claimed job was cancelled."""
        return self.root / "cancelled" / run

    def waiting(self) -> dict[str, str]:
        """The kind of slot that each waiting job needs."""
        return dict(files(self.root / "waiting"))

    def claimed(self) -> dict[str, str]:
        """The slot that took each claimed job."""
        return dict(files(self.root / "claimed"))

    def put(self, run: str, kind: str) -> None:
        """Let a run wait for a slot of this kind. The caller has seen that it neither waits nor is claimed."""
        self.mark(run).unlink(missing_ok=True)
        self.write(self.root / "waiting" / kind / run, kind, deaths=0)

    def write(self, path: Path, kind: str, deaths: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"kind": kind, "deaths": deaths})

    def take(self, slot: Slot) -> str | None:
        """The job that waits longest, claimed for ``slot``; None if none waits."""
        folder, claims = self.root / "waiting" / slot.kind, self.root / "claimed" / slot.name
        claims.mkdir(parents=True, exist_ok=True)
        for run in oldest_first(folder):
            with suppress(FileNotFoundError):  # another slot was first
                os.rename(folder / run, claims / run)
                return run
        return None

    def claims(self, slot: str) -> list[str]:
        """The jobs claimed by a slot: one at most, and none for long after its worker ended."""
        return oldest_first(self.root / "claimed" / slot)

    def cancel(self, run: str) -> None:
        """Take a waiting job out; mark a claimed one, which its slot then stops."""
        for kind in {*self.waiting().values()}:
            with suppress(FileNotFoundError):
                (self.root / "waiting" / kind / run).unlink()
        if run in self.claimed():
            self.mark(run).parent.mkdir(parents=True, exist_ok=True)
            self.mark(run).touch()

    def drop(self, slot: str, run: str) -> None:
        """Forget a claimed job."""
        (self.root / "claimed" / slot / run).unlink(missing_ok=True)
        self.mark(run).unlink(missing_ok=True)

    def give_back(self, slot: str, run: str, deaths: int = 0) -> None:
        """Let a claimed job wait again, behind the others, with so many more deaths of its worker."""
        claim = self.root / "claimed" / slot / run
        values = read_json(claim)
        if values is None:  # another process gave it back
            return
        kind = str(values["kind"])
        self.write(claim, kind, int(values["deaths"]) + deaths)
        (self.root / "waiting" / kind).mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            os.rename(claim, self.root / "waiting" / kind / run)

    def settle(self, slot: str, run: str, before: State | None = None, code: int | None = None) -> None:
        """Decide what becomes of a claimed job on which nobody works any more.

        Args:
            before: the state of the run when its worker was started; None where that is not known.
            code: how the worker ended, negative for a signal; None where the slot died and nobody saw it.
        """
        state = RunFolder(self.runs / run).state()
        values = read_json(self.root / "claimed" / slot / run) or {}
        deaths = int(values.get("deaths", 0)) + 1
        over = state.stage in ("finished", "stopped") or (state.stage == "failed" and state != before)
        if over or code == STOPPED or self.mark(run).exists():
            self.drop(slot, run)
        elif code is not None and (code >= 0 or deaths >= MOST_DEATHS):
            self.fail(run, state, code, deaths)
            self.drop(slot, run)
        else:
            self.give_back(slot, run, deaths=code is not None)

    def fail(self, run: str, state: State, code: int, deaths: int) -> None:
        """Note that a run failed whose worker could not say so itself."""
        if code < 0:
            message = f"its worker died {deaths} times, the last time by {signal.Signals(-code).name}"
        else:
            message = f"its worker ended with code {code}: {last_line(self.output(run))}"
        path = self.runs / run
        with suppress(UserError, OSError), lease(path):  # no space, or the run is somebody else's by now
            RunFolder(path).set_state(replace(state, stage="failed", message=message))

    def settle_dead_slots(self) -> None:
        """Decide on the claims of slots that are gone, but for runs that somebody still works on."""
        for run, slot in self.claimed().items():
            if holder_of(self.place(slot)) is None and holder_of(self.runs / run) is None:
                self.settle(slot, run)


def files(folder: Path) -> Iterator[tuple[str, str]]:
    """(name of a file, name of its folder) two floors below ``folder``."""
    with suppress(FileNotFoundError):
        for owner in os.listdir(folder):
            for name in os.listdir(folder / owner):
                if not name.startswith("."):
                    yield name, owner


def oldest_first(folder: Path) -> list[str]:
    """The files in a folder by the time they were written."""
    found = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                with suppress(FileNotFoundError):
                    found.append((entry.stat().st_mtime_ns, entry.name))
    return [name for _, name in sorted(found)]


def last_line(path: Path) -> str:
    """The last line of a file that holds anything; "" without one."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
