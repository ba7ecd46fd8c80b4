"""``harness logs``: the log of a run."""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque
from pathlib import Path

from harness.commands import add_runs
from harness.errors import UserError
from harness.job import read_job
from harness.jobs import job_states
from harness.launchers import LAUNCHERS, JobState, open_launcher
from harness.runs import RunFolder, find_run

EPILOG = """Examples:
  harness logs enco-toy-s0
  harness logs enco-toy-s0 -n 100 --follow

RUN is the name of a run (harness status), a part that no other name has, or the path of a run folder."""
PAUSE = 0.5
"""seconds between two looks at a log that is followed"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="RUN", help="name of a run, or a part of it")
    parser.add_argument("-f", "--follow", action="store_true", help="go on printing until the run ends")
    parser.add_argument("-n", "--lines", type=int, default=20, metavar="N", help="lines to begin with (default: 20)")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    if args.lines < 0:
        raise UserError(f"-n {args.lines}: expected 0 or more lines")
    found = find_run(args.runs, args.name)
    position = print_last(found, args.lines)
    if args.follow:
        follow(found, position)
    if not found.log.exists():
        waits = job_state(found) == "queued"
        print(f"{found.name} has no log yet: it {'waits for its turn' if waits else 'has not begun'}", file=sys.stderr)
    if printed := output_of(found):
        print(f"what its worker printed besides is in {printed}", file=sys.stderr)
    return 0


def job_state(found: RunFolder) -> JobState:
    """What the launcher says of a run."""
    return job_states(found.path.parent, {found.name: read_job(found.path)})[found.name]


def output_of(found: RunFolder) -> Path | None:
    """The output of the worker of a failed run, where its launcher kept it."""
    job = read_job(found.path)
    if job.launcher not in LAUNCHERS or found.state().stage != "failed":
        return None
    return open_launcher(job.launcher, found.path.parent).logs(job.id)


def print_last(found: RunFolder, lines: int) -> int:
    """Print the last lines of the log; returns where in the file printing stopped, bytes."""
    try:
        with found.log.open("rb") as file:
            last = deque(file, lines)
            position = file.tell()
    except FileNotFoundError:
        return 0
    show(b"".join(last))
    return position


def follow(found: RunFolder, position: int) -> None:
    """Print what is added to the log until the run is neither waiting nor at work."""
    job, state = read_job(found.path), job_state(found)
    if state == "queued":
        print(f"{found.name} waits for its turn", file=sys.stderr)
    poll = open_launcher(job.launcher, found.path.parent).poll_seconds if job.launcher in LAUNCHERS else PAUSE
    asked = time.monotonic()
    while True:
        if time.monotonic() - asked >= poll:
            asked, state = time.monotonic(), job_state(found)
        over = state == "ended" and not found.is_held  # asked first: what was written before the end is printed below
        try:
            with found.log.open("rb") as file:
                file.seek(position)
                new = file.read()
        except FileNotFoundError:
            new = b""
        show(new)
        position += len(new)
        if over:
            return
        time.sleep(PAUSE)


def show(text: bytes) -> None:
    sys.stdout.write(text.decode("utf-8", errors="replace"))
    sys.stdout.flush()
