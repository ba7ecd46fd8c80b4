"""What launchers know of runs: each is asked once, for all runs that it was handed. Imports no torch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from harness.job import Job
from harness.launchers import LAUNCHERS, JobState, open_launcher
from harness.runs import State


def job_states(runs: Path, jobs: Mapping[str, Job]) -> dict[str, JobState]:
    """The state of each job, by the name of its run; "ended" for runs that were handed to no launcher."""
    states: dict[str, JobState] = dict.fromkeys(jobs, "ended")
    for launcher, names in by_launcher(jobs).items():
        found = open_launcher(launcher, runs).states([jobs[name].id for name in names])
        states |= {name: found[jobs[name].id] for name in names}
    return states


def stage_of(state: State, waits: JobState) -> str:
    """The stage of a run of which its launcher says ``waits``: queued and running also where the run itself does not
    know yet."""
    return waits if waits in ("queued", "running") and state.stage not in ("finished", "running") else state.stage


def by_launcher(jobs: Mapping[str, Job]) -> dict[str, list[str]]:
    """The runs that each launcher was handed; those of a launcher that there is not any more are left out."""
    groups = defaultdict(list)
    for name, job in jobs.items():
        if job.launcher in LAUNCHERS and job.id:
            groups[job.launcher].append(name)
    return dict(groups)
