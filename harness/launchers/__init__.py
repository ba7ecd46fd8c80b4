"""Where runs are worked on. Every launcher starts the same line, ``harness work RUN_FOLDER``. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

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


class Launcher(Protocol):
    """Takes run folders, and answers for the jobs it made of them, also to a process that did not submit them.

    Raises UserError for what the user can mend: no such partition, no slots, a program that is missing.
    """

    name: str

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
