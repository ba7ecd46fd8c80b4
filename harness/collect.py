"""The scores of all runs in a folder, as a table needs them. Imports no torch."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import UserError
from harness.profiles import Profile, read_profiles
from harness.runs import Row
from harness.spec import RunSpec


class Machine(NamedTuple):
    """Where a run was trained and scored; empty strings where that was not recorded."""

    host: str
    device: str
    """name of the GPU, or of the processor where there was none"""
    torch: str


@dataclass(frozen=True)
class Scored:
    """One run with scores."""

    spec: RunSpec
    rows: tuple[Row, ...]
    """the last row of each metric, protocol and choice of checkpoint"""
    machine: Machine


@dataclass(frozen=True)
class Collected:
    """What a folder of runs holds."""

    runs: Path
    scored: list[Scored] = field(default_factory=list)
    unscored: list[RunSpec] = field(default_factory=list)
    """runs that have no scores yet"""
    unreadable: dict[str, str] = field(default_factory=dict)
    """runs that cannot be read, and why"""
    datasets: set[str] = field(default_factory=set)
    """of all runs, those that were not asked for too"""
    profiles: list[Profile] = field(default_factory=list)
    """what methods cost on the machines where that was measured"""

    def add(self, spec: RunSpec, folder: str) -> None:
        """Take in the scores of one run."""
        rows = {(row.metric, row.protocol, row.selected): row for row in read_rows(folder)}
        if rows:
            self.scored.append(Scored(spec, tuple(rows.values()), read_machine(folder)))
        else:
            self.unscored.append(spec)

    @property
    def metrics(self) -> list[str]:
        return sorted({row.metric for run in self.scored for row in run.rows})


def collect(runs: Path, dataset: str | None = None) -> Collected:
    """Read the scores of every run below ``runs``, or of those on one dataset.

    A run that cannot be read does not hide the others.
    """
    profiles, unreadable = read_profiles(runs)
    found = Collected(runs, unreadable=unreadable, profiles=profiles)
    for name in run_names(runs):
        folder = f"{runs}/{name}"
        try:
            spec = read_spec(folder)
            found.datasets.add(spec.dataset)
            if dataset is None or spec.dataset == dataset:
                found.add(spec, folder)
        except UserError as error:
            found.unreadable[name] = str(error)
    return found


def run_names(runs: Path) -> list[str]:
    """The names of the run folders below ``runs``, sorted."""
    if not runs.is_dir():
        return []
    with os.scandir(runs) as entries:
        return sorted(entry.name for entry in entries if os.path.exists(f"{runs}/{entry.name}/spec.json"))


# What follows reads what harness.runs writes, three files of each of thousands of runs, in half its time: no
# Path objects, no text decoding, no buffers.


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


def read_spec(folder: str) -> RunSpec:
    """The configuration of a run; UserError where it cannot be read."""
    values = read_object(read(f"{folder}/spec.json"))
    if values is None:
        raise UserError(f"{folder} holds no readable spec.json")
    return RunSpec.from_json(values)


def read_rows(folder: str) -> Iterator[Row]:
    """The scores of a run; a torn line is passed over."""
    for line in read(f"{folder}/metrics.jsonl").split(b"\n"):
        values = read_object(line) if line else None
        if values is not None:
            try:
                yield Row(**values)
            except TypeError as error:
                raise UserError(f"metrics.jsonl of {folder} is of another version of the harness ({error})") from None


def read_machine(folder: str) -> Machine:
    hardware = (read_object(read(f"{folder}/provenance.json")) or {}).get("hardware")
    if not isinstance(hardware, dict):
        return Machine("", "", "")
    device = str(hardware.get("device", ""))
    name = device if device not in ("", "cpu") else str(hardware.get("cpu", device))
    return Machine(str(hardware.get("host", "")), name, str(hardware.get("torch", "")))


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """For commands that read all runs: thousands of them make many objects that stay until the command ends, and
    searching those for cycles again and again costs a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
