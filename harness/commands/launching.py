"""What the verbs share that hand runs to a launcher."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping

from harness.front import Front
from harness.job import Job
from harness.launchers import LAUNCHERS, Resources, Settings, open_launcher
from harness.runs import RunFolder


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """The options that say where runs are worked on."""
    add = parser.add_argument
    add("--launcher", choices=tuple(LAUNCHERS), help="where runs are worked on (default: local)")
    add("--slots", type=int, metavar="N", help="local: runs at a time (default: GPUs, or cores / threads)")
    add("--threads", type=int, metavar="N", help="local: processor threads of a run on the CPU")
    add("--profile", metavar="NAME", help="slurm: a cluster profile by name, or a .toml file (default: default)")
    add("--detach", action="store_true", help="return at once and leave the runs to the launcher")


def bring_to_end(args: argparse.Namespace, wanted: Mapping[RunFolder, Job]) -> int:
    """Hand runs to the launcher that ``args`` names and follow them; returns the exit code: 0 all finished."""
    if not wanted:
        return 0
    settings = Settings(slots=args.slots, threads=args.threads, profile=args.profile)
    launcher = open_launcher(args.launcher, args.runs, settings)
    front = Front(args.runs, launcher, wanted, Resources())
    if args.detach:
        front.submit()
        count = f"{len(front.mine)} run{'s' if len(front.mine) != 1 else ''}"
        print(f"handed {count} to {launcher.name}: `harness status` shows how far they are, `harness logs -f RUN`")
        print("follows one, `harness cancel RUN` stops one, and this command without --detach follows all")
        return 0
    ended = front.follow()
    counts = Counter(state.stage for state in ended.values() if state.stage != "finished")
    if counts:
        told = ", ".join(f"{count} {stage}" for stage, count in counts.items())
        print(f"of {len(ended)} runs {told}; `harness logs RUN` shows why", file=sys.stderr)
    return 1 if counts else 0
