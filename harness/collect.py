"""The scores of all runs in a folder, as a table needs them. Imports no torch."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from harness.errors import UserError
from harness.index import Entry, read_runs
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

    def add(self, spec: RunSpec, folder: str, entry: Entry) -> None:
        """Take in the scores of one run."""
        rows = {(row.metric, row.protocol, row.selected): row for row in rows_of(folder, entry)}
        if rows:
            self.scored.append(Scored(spec, tuple(rows.values()), machine_of(entry.hardware)))
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
    for name, entry in read_runs(runs).items():
        folder = f"{runs}/{name}"
        try:
            spec = spec_of(folder, entry)
            found.datasets.add(spec.dataset)
            if dataset is None or spec.dataset == dataset:
                found.add(spec, folder, entry)
        except UserError as error:
            found.unreadable[name] = str(error)
    return found


def spec_of(folder: str, entry: Entry) -> RunSpec:
    """The configuration of a run; UserError where it cannot be read."""
    if entry.spec is None:
        raise UserError(f"{folder} holds no readable spec.json")
    return RunSpec.from_json(entry.spec)


def rows_of(folder: str, entry: Entry) -> Iterator[Row]:
    """The scores of a run."""
    for values in entry.rows:
        try:
            yield Row(**values)
        except TypeError as error:
            raise UserError(f"metrics.jsonl of {folder} is of another version of the harness ({error})") from None


def machine_of(hardware: Mapping[str, Any]) -> Machine:
    """The machine that the provenance of a run names."""
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
