"""``harness retry``: failed runs go to their launcher again."""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace

from harness.commands import add_runs
from harness.commands.launching import add_launcher, bring_to_end
from harness.errors import UserError
from harness.job import Job, read_job
from harness.runs import RunFolder, all_runs, find_run

EPILOG = """Examples:
  harness retry --failed
  harness retry --failed --detach

A run goes on from its last good checkpoint, where and with the scores that it was asked for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("names", nargs="*", metavar="RUN", help="names of failed runs, or parts of them")
    parser.add_argument("--failed", action="store_true", help="every run that failed")
    add_launcher(parser)
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    if bool(args.names) == args.failed:
        raise UserError("name the runs to try again, or give --failed for all that failed")
    found = list(all_runs(args.runs)) if args.failed else [find_run(args.runs, name) for name in args.names]
    failed = [run for run in found if run.state().stage == "failed"]
    if not args.failed and len(failed) < len(found):
        other = next(run for run in found if run not in failed)
        raise UserError(
            f"{other.name} is {other.state().stage}, not failed; `harness run` continues what is unfinished"
        )
    if not failed:
        print(f"no run in {args.runs} has failed")
        return 0
    print(f"tries {len(failed)} run{'s' if len(failed) != 1 else ''} again", flush=True)
    groups: dict[str, dict[RunFolder, Job]] = defaultdict(dict)
    for again in failed:
        job = read_job(again.path)
        groups[args.launcher or job.launcher or "local"][again] = replace(job, cancelled=False)
    return max(
        bring_to_end(argparse.Namespace(**vars(args) | {"launcher": name}), jobs) for name, jobs in groups.items()
    )
