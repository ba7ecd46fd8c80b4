"""``harness status``: how far every run is."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from harness.collect import no_garbage_collection, spec_of
from harness.commands import DEFAULT_RUNS, add_runs
from harness.errors import UserError
from harness.index import entry_state, read_runs
from harness.job import Job, read_job
from harness.jobs import job_states, stage_of
from harness.launchers import JobState
from harness.progress import duration
from harness.runs import RunFolder, State
from harness.spec import RunSpec
from harness.terminal import padded

EPILOG = """Examples:
  harness status
  harness status --runs path/to/runs --json"""
STAGES = ("running", "queued", "new", "cancelled", "stopped", "interrupted", "failed", "trained", "finished")
"""the order they are counted in"""
TO_CONTINUE = ("new", "cancelled", "stopped", "interrupted", "failed", "trained")


@dataclass(frozen=True)
class Progress:
    """One run and how far it is."""

    name: str
    spec: RunSpec
    label: str
    state: State
    job: Job | None = None
    """how it is worked on; None for a finished run"""
    waits: JobState = "ended"
    """what its launcher says"""

    @property
    def stage(self) -> str:
        """The stage of the run; queued, running and cancelled also where the run itself does not know yet."""
        stage = stage_of(self.state, self.waits)
        cancelled = self.job and self.job.cancelled and stage in ("new", "stopped", "interrupted", "trained")
        return "cancelled" if cancelled else stage

    @property
    def percent(self) -> int:
        """Share of the training steps that are done, rounded down."""
        if self.state.steps:
            return 100 * self.state.step // self.state.steps
        return 100 if self.state.stage == "finished" else 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--json", action="store_true", help="print JSON, one object a run")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    with no_garbage_collection():
        found = progress_of(args.runs)
    if args.json:
        print(json.dumps([json_of(one) for one in found], indent=1))
    elif not found:
        print(f"no runs in {args.runs} yet. Start with: harness run --methods enco,cut --dataset toy --seeds 0-1")
    else:
        print("\n".join(text_of(args.runs, found)))
    return 0


def progress_of(runs: Path) -> list[Progress]:
    """Every run that can be read, by name; the others are named on the error stream."""
    found = []
    for name, entry in read_runs(runs).items():
        try:
            spec = spec_of(f"{runs}/{name}", entry)
        except UserError as error:
            print(f"harness status: left out {name}: {error}", file=sys.stderr)
            continue
        run = RunFolder(runs / name)
        state = entry_state(run, entry)
        job = None if state.stage == "finished" else read_job(run.path)
        found.append(Progress(name, spec, label_of(spec), state, job))
    states = job_states(runs, {one.name: one.job for one in found if one.job})
    return [replace(one, waits=states.get(one.name, "ended")) for one in found]


def label_of(spec: RunSpec) -> str:
    """The label of a run, also where its method is not installed any more."""
    try:
        return spec.label
    except UserError:
        return spec.method


def text_of(runs: Path, found: Sequence[Progress]) -> list[str]:
    counts = Counter(one.stage for one in found)
    counted = ", ".join(f"{counts[stage]} {stage}" for stage in STAGES if counts[stage])
    lines = [f"{len(found)} run{'s' if len(found) != 1 else ''} in {runs}: {counted}", ""]
    lines += padded([["run", "stage", "steps", "", "left", ""], *(row_of(one) for one in found)])
    option = "" if runs == DEFAULT_RUNS else f" --runs {runs}"
    if counts["running"] + counts["queued"]:
        lines += ["", f"harness logs -f RUN{option} follows a run, harness cancel RUN{option} takes it back"]
    if not counts["running"] and any(one.stage == "queued" and one.job.launcher == "local" for one in found if one.job):
        lines += ["", "runs wait, but none is worked on: the `harness run` command that made them starts them again"]
    if counts["failed"]:
        lines += ["", f"harness logs RUN{option} shows why a run failed, harness retry --failed{option} tries again"]
    if any(counts[stage] for stage in TO_CONTINUE):
        lines += ["", "the `harness run` command that made the runs continues those that are not finished"]
    return lines


def row_of(one: Progress) -> list[str]:
    state = one.state
    steps = f"{state.step}/{state.steps}" if state.steps else "–"
    waiting = state.step and one.stage not in ("trained", "finished")
    left = duration(state.seconds_left) if waiting else "–"
    losses = " ".join(f"{name} {value:.3g}" for name, value in (state.losses or {}).items())
    options = one.label.removeprefix(one.spec.method)
    where = " ".join((one.job.launcher, one.job.id)).strip() if one.job and one.waits != "ended" else ""
    where = where.removesuffix(one.name).strip()
    message = "" if one.stage in ("queued", "cancelled") else state.message
    told = "  ".join(part for part in (options, where, message, losses) if part)
    return [one.name, one.stage, steps, f"{one.percent}%" if state.steps else "", left, told]


def json_of(one: Progress) -> dict[str, Any]:
    spec = one.spec
    return {
        "run": one.name,
        "label": one.label,
        "method": spec.method,
        "dataset": spec.dataset,
        "direction": spec.direction,
        "size": spec.size,
        "seed": spec.seed,
        **asdict(one.state),
        "stage": one.stage,
        "launcher": one.job.launcher if one.job else "",
        "job": one.job.id if one.job else "",
        "percent": one.percent,
        "seconds_left": one.state.seconds_left,
    }
