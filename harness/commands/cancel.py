"""``harness cancel``: take waiting runs back, stop running ones."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from harness.commands import add_runs
from harness.errors import UserError
from harness.job import read_job, write_job
from harness.jobs import by_launcher, job_states
from harness.launchers import open_launcher
from harness.lease import ask_to_stop
from harness.runs import RunFolder, all_runs, find_run

EPILOG = """Examples:
  harness cancel enco-toy-s0
  harness cancel --all

A run that waits is taken out of the queue. One that runs stops after its current step and keeps its state; `harness
run` continues it. RUN is the name of a run (harness status) or a part that no other name has."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("names", nargs="*", metavar="RUN", help="names of runs, or parts of them")
    parser.add_argument("--all", action="store_true", help="every run that waits or runs")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    if bool(args.names) == args.all:
        raise UserError("name the runs to cancel, or give --all")
    named = list(all_runs(args.runs)) if args.all else [find_run(args.runs, name) for name in args.names]
    found = {run.name: run for run in named if run.state().stage != "finished"}
    jobs = {name: read_job(run.path) for name, run in found.items()}
    states = job_states(args.runs, jobs)
    waiting = [name for name in found if states[name] == "queued"]
    working = [name for name in found if name not in waiting and (states[name] != "ended" or found[name].is_held)]
    handed = {name: jobs[name] for name in [*waiting, *working] if states[name] != "ended"}
    for name in [*waiting, *working]:
        write_job(found[name].path, replace(jobs[name], cancelled=True))
    for launcher, names in by_launcher(handed).items():
        open_launcher(launcher, args.runs).cancel([jobs[name].id for name in names])
    elsewhere = [name for name in working if name not in handed and not ask_to_stop(found[name].path)]
    tell(waiting, [name for name in working if name not in elsewhere], elsewhere)
    if not args.all:
        tell_idle([run for run in named if run.name not in waiting and run.name not in working])
    return 1 if elsewhere else 0


def tell(waiting: Sequence[str], working: Sequence[str], elsewhere: Sequence[str]) -> None:
    for name in waiting:
        print(f"{name}  waited: taken back")
    for name in working:
        print(f"{name}  stops after its current step")
    for name in elsewhere:
        print(f"{name}  was started by hand on another machine; stop it there")
    if not waiting and not working and not elsewhere:
        print("nothing to cancel: no such run waits or runs")


def tell_idle(idle: Sequence[RunFolder]) -> None:
    for run in idle:
        print(f"{run.name}  is {run.state().stage}, nothing to cancel")
