"""``harness rm``: remove run folders, never a finished one by accident."""

from __future__ import annotations

import argparse
import shutil
import sys

from harness.commands import add_runs
from harness.errors import UserError
from harness.job import read_job
from harness.jobs import job_states
from harness.lease import lease
from harness.runs import RunFolder, find_run

EPILOG = """Example:
  harness rm enco-toy-s0 --finished --yes

Asks before it removes anything. A run that waits or runs is left alone: `harness cancel` first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("names", nargs="+", metavar="RUN", help="names of runs, or parts that no other name has")
    parser.add_argument("--finished", action="store_true", help="also where the run is finished or trained")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    found = {run.name: run for run in (find_run(args.runs, name) for name in args.names)}
    check_idle(args, found)
    for run in found.values():
        state = run.state()
        if state.stage in ("finished", "trained") and not args.finished:
            raise UserError(f"{run.name} is {state.stage}: give --finished to remove it with its weights and scores")
        print(f"{run.path}  {state.stage}  {state.step}/{state.steps}")
    if not args.yes and not agreed(len(found)):
        print("nothing removed")
        return 1
    for run in found.values():
        remove(run)
        print(f"removed {run.name}")
    return 0


def check_idle(args: argparse.Namespace, found: dict[str, RunFolder]) -> None:
    """UserError for a run that waits or runs."""
    states = job_states(args.runs, {name: read_job(run.path) for name, run in found.items()})
    for name, run in found.items():
        if states[name] != "ended" or run.is_held:
            told = "waits for its turn" if states[name] == "queued" else "is being worked on"
            raise UserError(f"{name} {told}; take it back first: harness cancel {name}")


def agreed(count: int) -> bool:
    """Ask the person at the terminal; UserError where there is none."""
    if not sys.stdin.isatty():
        raise UserError("nobody is here to ask; give --yes to remove without asking")
    answer = input(f"remove {'this run' if count == 1 else f'these {count} runs'} and all files in it? [y/N] ")
    return answer.strip().lower() in ("y", "yes")


def remove(run: RunFolder) -> None:
    """Delete the folder of a run; killed at any line, it leaves no half of a run that is taken for one."""
    gone = run.path.with_name(f".removed-{run.name}")
    with lease(run.path):
        shutil.rmtree(gone, ignore_errors=True)
        run.path.rename(gone)
        (gone / "spec.json").unlink()
        shutil.rmtree(gone)
