"""``harness logs``: the log of a run."""

from __future__ import annotations

import argparse
import sys
import time
from collections import deque

from harness.commands import add_runs
from harness.errors import UserError
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
    elif not found.log.exists():
        print(f"{found.name} has no log yet: it has not been started", file=sys.stderr)
    return 0


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
    while True:
        over = ended(found)  # asked first: what was written before the end is then printed below
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


def ended(found: RunFolder) -> bool:
    state = found.state()
    if state.stage == "trained":  # being scored, unless its process is gone
        return not found.is_held
    return state.stage not in ("new", "running")


def show(text: bytes) -> None:
    sys.stdout.write(text.decode("utf-8", errors="replace"))
    sys.stdout.flush()
