"""Where runs are worked on. Every launcher starts the same line, ``harness work RUN_FOLDER``. Imports no torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from harness.errors import UserError

LAUNCHERS = {"local": "harness.launchers.local:Local", "slurm": "harness.launchers.slurm:Slurm"}
"""class of each launcher, made by its ``of(runs, settings)`` when it is asked for"""

JobState = Literal["queued", "running", "ended", "unknown"]
"""what a launcher knows of a job; how the run itself fared stands in its ``state.json``"""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one job needs. None: the launcher's or the cluster's default."""

    cpus: int | None = None
    gpus: int | None = None
    mem_gb: float | None = None
    minutes: int | None = None
    """longest time of one start; a job that needs longer is requeued and continues from its checkpoint"""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the command line says to launchers; each takes what concerns it. None: not said."""

    slots: int | None = None
    """runs that are worked on at a time on this machine"""
    threads: int | None = None
    """processor threads of each of them"""
    profile: str | None = None
    """a cluster profile by name, or the file that holds one"""


class Launcher(Protocol):
    """Takes run folders, and answers for the jobs it made of them, also to a process that did not submit them.

    Raises UserError for what the user can mend: no such partition, no slots, a program that is missing.
    """

    name: str
    poll_seconds: float
    """how often a front that waits may ask for states"""

    def submit(self, folders: Sequence[Path], resources: Resources) -> list[str]:
        """Hand over run folders that hold a ``spec.json`` and a ``job.json``; returns an id for each, and writes
        launcher and id into its ``job.json``. Folders it already has waiting or running are not taken twice."""
        ...

    def states(self, ids: Sequence[str]) -> Mapping[str, JobState]:
        """The state of each job, asked all at once."""
        ...

    def cancel(self, ids: Sequence[str]) -> None:
        """Take waiting jobs out, and ask running ones to stop after their current step."""
        ...

    def logs(self, id: str) -> Path | None:
        """What the job printed, beside the ``log.txt`` of its run; None where there is nothing yet."""
        ...

    def tend(self) -> None:
        """Put right what a process or machine that died left behind; a front that waits calls it now and then."""
        ...


def open_launcher(name: str, runs: Path, settings: Settings | None = None) -> Launcher:
    """The launcher called ``name`` for the runs below ``runs``; UserError for a name that there is not."""
    if name not in LAUNCHERS:
        raise UserError(f"unknown launcher {name!r}; expected {' or '.join(LAUNCHERS)}")
    module, _, cls = LAUNCHERS[name].partition(":")
    made: Launcher = getattr(importlib.import_module(module), cls).of(runs, settings or Settings())
    return made
