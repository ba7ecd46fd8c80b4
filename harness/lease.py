"""Who works on a folder: a lease that one process holds, also where the folder lies on a network file system.

A lease is a file ``lease-N.json`` in the folder; the one with the highest N counts. It is made by a hard link to a
file of its own (where links are refused, by an exclusive create), which succeeds for one process only and on every
file system that the harness is used on; POSIX locks and appends from several hosts are not relied on.

Taking over the lease N is making N + 1, so of many who try one wins. A name is used once: a process that was slow to
make N + 1 while others went on to N + 2 sees that its own is not the highest and gives it up. The new holder removes
the older files before it does anything, and nobody ever makes them again; so a holder that was frozen and wakes up
finds its own file gone in :meth:`Lease.check`, which is called before every write, and stops.

A holder is gone, at once, if it ran on this machine since the same boot and its process (number and start time) has
ended. Of any other the heartbeat is watched: a counter in the file that a thread of the holder raises every few
seconds. Only if it stands still for `STALE_SECONDS` of the watcher's own clock, in which the watcher was awake, is
the lease taken over. Clocks of different hosts are never compared, and one that is set back does no harm.

Assumed of a network file system: a link is made once or fails; a file that was removed cannot be opened any more by
its path on another host; a host that has just changed a folder lists it afresh. What remains is the moment between a
check and the rename that follows it: a process frozen exactly there can put one old state or checkpoint in place,
which is one that the new holder reached too, since a run repeats itself to the bit.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from harness.errors import UserError
from harness.machine import boot_of, process, this_machine

BEAT_SECONDS = 3.0
"""time between two heartbeats"""
STALE_SECONDS = 30.0
"""how long a heartbeat of another machine must stand still before its lease is taken over"""
BELIEVED_SECONDS = 600.0
"""age of a heartbeat that a reader, who does not wait, still takes for life; generous, since clocks differ"""
LOOK_SECONDS = 0.2
"""time between two looks at a heartbeat that is watched"""
NAME = re.compile(r"lease-(\d+)\.json")


class LeaseLost(Exception):
    """Another process took the run over while this one stood still; nothing more may be written."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """What a lease says of the process that holds it."""

    token: str = ""
    """random; "" where the file is not written yet"""
    pid: int = 0
    started: str = ""
    """when the process was started, in clock ticks since the boot"""
    machine: str = ""
    """the boot and the process namespace in which ``pid`` means something; "" where the system does not tell"""
    host: str = ""
    job: str = ""
    """what a launcher calls the job"""
    beats: int = 0
    released: bool = False

    def text(self) -> bytes:
        """As it stands in the file; of the same length for every ``beats``, so that it can be written over."""
        return json.dumps(asdict(self) | {"beats": f"{self.beats:012d}"}).encode()

    @classmethod
    def of(cls, path: Path) -> Holder | None:
        """The holder that a lease file names, one without a name where it is not written yet; None without a file."""
        try:
            values: dict[str, Any] = json.loads(path.read_bytes() or b"{}")
            return cls(**values | {"beats": int(values.get("beats", 0))})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            return cls()

    @property
    def standing(self) -> Literal["alive", "gone", "unsure"]:
        """What can be said of the holder without watching it."""
        if self.released:
            return "gone"
        if not self.machine or self.machine != this_machine():
            return "unsure"
        try:
            os.kill(self.pid, 0)
            state, started = process(self.pid)
        except (ProcessLookupError, FileNotFoundError):
            return "gone"
        except OSError:  # a process of somebody else, of which this system tells nothing
            return "unsure"
        if started != self.started or state in "ZX":
            return "gone"
        return "unsure" if state in "Tt" else "alive"

    def __str__(self) -> str:
        job = f" (job {self.job})" if self.job else ""
        return f"process {self.pid or '?'} on {self.host or 'another host'}{job}"


class Lease:
    """A lease that this process holds."""

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path, self.holder = path, holder

    def check(self) -> None:
        """LeaseLost unless this process still holds the lease. To be called before anything is written."""
        found = Holder.of(self.path)
        if found is None or found.token != self.holder.token:
            _, other = newest(self.path.parent)
            raise LeaseLost(f"{self.path.parent.name} was taken over by {other or 'another process'}: stops here")

    def write(self, holder: Holder) -> None:
        """Write over the file, which is not made again if it was removed; OSError where that fails."""
        descriptor = os.open(self.path, os.O_WRONLY)
        try:
            os.truncate(descriptor, os.pwrite(descriptor, holder.text(), 0))
        finally:
            os.close(descriptor)
        self.holder = holder

    def beat(self, over: threading.Event, seconds: float) -> None:
        """Raise the counter until ``over``. A beat that fails is left out: `check` says whether the lease is lost."""
        while not over.wait(seconds):
            with suppress(OSError):
                self.write(replace(self.holder, beats=self.holder.beats + 1))


@contextmanager
def lease(folder: Path, job: str = "", patience: float = STALE_SECONDS) -> Iterator[Lease]:
    """Hold the lease of ``folder`` for the duration of the block.

    Args:
        job: what a launcher calls the job, for people to read.
        patience: how long a holder that cannot be asked is watched before its lease is taken over, seconds.

    Raises UserError if a living process holds it, or if the folder cannot be written.
    """
    try:
        held = acquire(folder, job, patience)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from None
    over = threading.Event()
    heart = threading.Thread(target=held.beat, args=(over, BEAT_SECONDS), daemon=True)
    heart.start()
    try:
        yield held
    finally:
        over.set()
        heart.join()
        with suppress(OSError):
            held.write(replace(held.holder, released=True))


@contextmanager
def alone(folder: Path) -> Iterator[Lease]:
    """Hold the lease of ``folder`` for the short time that the block takes; waits for others that do the same."""
    with ExitStack() as stack:
        for _ in range(round(STALE_SECONDS / LOOK_SECONDS)):
            with suppress(UserError):
                held = stack.enter_context(lease(folder))
                break
            time.sleep(LOOK_SECONDS)
        else:
            held = stack.enter_context(lease(folder))
        yield held


def acquire(folder: Path, job: str, patience: float) -> Lease:
    """The next lease of ``folder``; UserError if a living process holds the present one."""
    started = process(os.getpid())[1] if this_machine() else ""
    who = Holder(pid=os.getpid(), started=started, machine=this_machine(), host=socket.gethostname(), job=job)
    while True:
        number, present = newest(folder)
        if present and not is_gone(folder, number, present, patience):
            raise UserError(f"{folder.name} is being run by {present}; wait for it")
        mine = replace(who, token=secrets.token_hex(16))
        path = folder / f"lease-{number + 1}.json"
        if not create(path, mine):
            continue
        if newest(folder)[0] != number + 1:
            path.unlink(missing_ok=True)
            continue
        for older in numbers(folder):
            if older <= number:
                (folder / f"lease-{older}.json").unlink(missing_ok=True)
        for unused in folder.glob(".lease-*"):  # of a killed process; a living one does without it
            if int(unused.name.split("-")[1].split(".")[0]) <= number + 1:
                unused.unlink(missing_ok=True)
        return Lease(path, mine)


def create(path: Path, holder: Holder) -> bool:
    """Make the file if there is none of its name; whether this call made it."""
    beside = path.with_name(f".{path.name}.{holder.token}")
    try:
        beside.write_bytes(holder.text())
    except OSError:  # no space left
        beside.unlink(missing_ok=True)
        raise
    try:
        os.link(beside, path)
    except FileExistsError:
        # A network file system may have made the link, lost its answer and been asked again.
        with suppress(FileNotFoundError):  # removed by the process that was faster
            return os.stat(beside).st_nlink == 2
        return False
    except OSError:  # a file system without links
        try:
            with path.open("xb") as file:
                file.write(holder.text())
        except FileExistsError:
            return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def numbers(folder: Path) -> list[int]:
    """The numbers of the lease files in ``folder``."""
    try:
        return [int(match[1]) for name in os.listdir(folder) if (match := NAME.fullmatch(name))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def newest(folder: Path) -> tuple[int, Holder | None]:
    """The highest number and who holds it; 0 and None where nobody ever held a lease."""
    number = max(numbers(folder), default=0)
    return number, Holder.of(folder / f"lease-{number}.json") if number else None


def is_gone(folder: Path, number: int, holder: Holder, patience: float) -> bool:
    """Whether a lease may be taken over; where it cannot be told at once, watches until the heart beats (False) or
    has stood still for ``patience`` seconds (True)."""
    if holder.standing != "unsure":
        return holder.standing == "gone"
    watched, last = 0.0, time.monotonic()
    print(f"{folder.name}  waits up to {patience:.0f} s to see whether {holder} still works on it", flush=True)
    while watched < patience:
        time.sleep(LOOK_SECONDS)
        if newest(folder) != (number, holder):
            _, now = newest(folder)
            return now is None or now.standing == "gone"
        # A pause of the watcher, in which the holder may have paused too, counts little.
        watched += min(time.monotonic() - last, 2 * LOOK_SECONDS)
        last = time.monotonic()
    return True


def holder_of(folder: Path) -> Holder | None:
    """Who holds the lease of ``folder``, as far as a reader can tell who does not wait; None if nobody does."""
    number, holder = newest(folder)
    if holder is None or holder.standing == "gone":
        return None
    if holder.standing == "unsure" and holder.machine != this_machine():
        if holder.host == socket.gethostname() and boot_of(holder.machine) != boot_of(this_machine()):
            return None  # this machine, before it was booted again
        with suppress(OSError):
            beaten = os.stat(folder / f"lease-{number}.json").st_mtime
            return holder if time.time() - beaten < BELIEVED_SECONDS else None
    return holder


def ask_to_stop(folder: Path) -> bool:
    """Send SIGTERM to the process that holds the lease of ``folder``; whether it runs on this machine and was told."""
    holder = holder_of(folder)
    if holder is None or not holder.machine or holder.machine != this_machine():
        return False
    with suppress(OSError):
        os.kill(holder.pid, signal.SIGTERM)
        return True
    return False
