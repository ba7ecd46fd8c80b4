"""What the small files of all runs say, kept in one file so that thousands of runs are read at once. No torch.

The files of the runs stay the truth: of each run the index holds what they said together with their stamps, and what
does not carry these stamps any more is read again. ``<runs>/.index`` may be deleted at any time; several processes may
read and write it, since it is written beside and renamed, and each entry is checked by whoever reads it.
"""

from __future__ import annotations

import json
import os
import time
import uuid
import zlib
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.runs import RunFolder, State, known_fields

FILE = ".index"
FORMAT = 2
"""raised when the contents below change meaning"""
FILES = ("spec.json", "state.json", "metrics.jsonl", "provenance.json")
SETTLED_NS = 2_000_000_000
"""What changed so shortly before it was read is not kept: another change within one tick of the file system's clock
(10 ms, on some 2 s) would leave the same stamp."""
REWRITE_SHARE = 50
"""the index is written again where more than one run in so many is not in it as it is now"""
ABANDONED_SECONDS = 3600
"""an unfinished file of this age belongs to a process that was killed"""

Stamp = list[int] | None
"""times of change of a file and of its status in nanoseconds, size and inode; None where there is no file"""


@dataclass(frozen=True)
class Entry:
    """The small files of one run as they were read; nothing in them is checked."""

    stamps: list[Stamp] = field(repr=False)
    """of FILES"""
    spec: dict[str, Any] | None
    state: dict[str, Any] | None
    rows: list[dict[str, Any]]
    hardware: dict[str, Any]
    """where it was made; empty where that was not recorded"""
    pictures: dict[str, Any]
    """digests of the pictures it began with, by split; empty where they were not recorded"""


def read_runs(runs: Path) -> dict[str, Entry]:
    """Every run below ``runs``, by name in order; the index is used, and written where that pays."""
    names = run_names(runs)
    index = Index.read(runs)
    clock = Clock(runs)
    found: dict[str, Entry] = {}
    for name in names:
        stamps = stamps_of(f"{runs}/{name}")
        known = index.entries.get(name)
        if known is None or known.stamps != stamps:
            clock.start()  # before the files are read, so that what is younger is known to be so
            known = read_files(f"{runs}/{name}", stamps)
        found[name] = known
    try:
        if outdated(index, found) * REWRITE_SHARE > len(found):
            clock.start()
            index.replace(runs, found, clock.now)
    finally:
        clock.stop()
    return found


def entry_state(run: RunFolder, entry: Entry) -> State:
    """How far a run is; whether one is still worked on is asked now. UserError where another version wrote it."""
    state = known_fields(State, entry.state) if entry.state else State()
    return run.state() if state.stage == "running" else state


def outdated(index: Index, found: dict[str, Entry]) -> int:
    """How many runs the index does not have as they are, or has although they are gone."""
    current = sum(index.entries.get(name) is entry for name, entry in found.items())
    return len(found) + len(index.entries) - 2 * current


class Clock:
    """The time of the file system that the runs lie on, which need not be that of this machine."""

    def __init__(self, runs: Path) -> None:
        self.probe = runs / f"{FILE}.{uuid.uuid4().hex}"
        self.now = 0
        """nanoseconds; 0 before the start and where the folder cannot be written"""

    def start(self) -> None:
        if self.now == 0:
            with suppress(OSError):
                self.probe.touch(exist_ok=False)
                self.now = self.probe.stat().st_mtime_ns

    def stop(self) -> None:
        with suppress(OSError):
            self.probe.unlink(missing_ok=True)


@dataclass(frozen=True)
class Index:
    """What was read of the runs before."""

    entries: dict[str, Entry] = field(default_factory=dict)
    clock: int = 0
    """when it was written, by the clock of the file system"""

    @staticmethod
    def read(runs: Path) -> Index:
        """The index of a folder; an empty one where there is none that is whole."""
        head, _, body = read(f"{runs}/{FILE}").partition(b"\n")
        if head != header(body):
            return Index()
        values = json.loads(body)
        return Index({name: Entry(*fields) for name, fields in values["entries"].items()}, values["clock"])

    def replace(self, runs: Path, entries: dict[str, Entry], now: int) -> None:
        """Write ``entries`` in place of this index, but for what was still changing ``now``, a time of `Clock`.

        A folder that cannot be written keeps the old one, which is as true as it was.
        """
        if now == 0:
            return
        if now < self.clock:  # the clock stepped back: stamps may come a second time
            entries = {name: entry for name, entry in entries.items() if self.entries.get(name) is not entry}
        kept = {name: vars(entry) for name, entry in entries.items() if settled(entry, now)}
        text = json.dumps({"clock": now, "entries": {name: list(fields.values()) for name, fields in kept.items()}})
        beside = runs / f"{FILE}.{uuid.uuid4().hex}"
        with suppress(OSError):
            try:
                body = text.encode()
                beside.write_bytes(header(body) + b"\n" + body)
                os.replace(beside, runs / FILE)
            finally:
                beside.unlink(missing_ok=True)
            remove_abandoned(runs)


def header(body: bytes) -> bytes:
    """The first line of the file, by which a torn or foreign one is known."""
    return f"index {FORMAT} {len(body)} {zlib.crc32(body)}".encode()


def settled(entry: Entry, now: int) -> bool:
    return all(max(stamp[:2]) < now - SETTLED_NS for stamp in entry.stamps if stamp)


def remove_abandoned(runs: Path) -> None:
    for path in runs.glob(f"{FILE}.*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink()


def run_names(runs: Path) -> list[str]:
    """The names of the run folders below ``runs``, sorted."""
    if not runs.is_dir():
        return []
    with os.scandir(runs) as entries:
        return sorted(entry.name for entry in entries if os.path.exists(f"{runs}/{entry.name}/spec.json"))


def stamps_of(folder: str) -> list[Stamp]:
    return [stamp_of(f"{folder}/{name}") for name in FILES]


def stamp_of(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return [found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


# What follows reads what harness.runs writes, four files of each of thousands of runs, in half its time: no Path
# objects, no text decoding, no buffers.


def read_files(folder: str, stamps: list[Stamp]) -> Entry:
    spec, state, provenance = (
        read_object(read(f"{folder}/{name}")) for name in ("spec.json", "state.json", "provenance.json")
    )
    lines = read(f"{folder}/metrics.jsonl").split(b"\n")
    rows = [values for line in lines if line and (values := read_object(line)) is not None]  # one may be torn
    hardware, pictures = (object_in(provenance or {}, key) for key in ("hardware", "data"))
    return Entry(stamps, spec, state, rows, hardware, pictures)


def object_in(values: dict[str, Any], key: str) -> dict[str, Any]:
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def read(path: str) -> bytes:
    """The bytes of a file; none where there is none that can be read."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read()
    except OSError:
        return b""


def read_object(data: bytes) -> dict[str, Any] | None:
    """The JSON object in ``data``; None where there is none."""
    try:
        values = json.loads(data.decode("utf-8", "replace"))
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
