"""The scores of all runs in a folder, as a table needs them. Imports no torch."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from harness.errors import UserError
from harness.runs import Row, RunFolder, all_runs
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
    """runs whose spec.json cannot be read, and why"""

    @property
    def datasets(self) -> list[str]:
        return sorted({run.spec.dataset for run in self.scored} | {spec.dataset for spec in self.unscored})

    @property
    def metrics(self) -> list[str]:
        return sorted({row.metric for run in self.scored for row in run.rows})


def collect(runs: Path) -> Collected:
    """Read the scores of every run below ``runs``; one that cannot be read does not hide the others."""
    found = Collected(runs)
    with no_garbage_collection():
        for run in all_runs(runs):
            try:
                spec = run.spec
            except UserError as error:
                found.unreadable[run.name] = str(error)
                continue
            rows = {(row.metric, row.protocol, row.selected): row for row in run.rows()}
            if rows:
                found.scored.append(Scored(spec, tuple(rows.values()), machine_of(run)))
            else:
                found.unscored.append(spec)
    return found


def machine_of(run: RunFolder) -> Machine:
    hardware = run.provenance().get("hardware")
    if not isinstance(hardware, dict):
        return Machine("", "", "")
    device = str(hardware.get("device", ""))
    name = device if device not in ("", "cpu") else str(hardware.get("cpu", device))
    return Machine(str(hardware.get("host", "")), name, str(hardware.get("torch", "")))


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Thousands of runs make many objects that all stay; searching them for cycles costs a tenth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
