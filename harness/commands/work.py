"""``harness work``: the job itself, the same line for every launcher."""

from __future__ import annotations

import argparse
import signal
from dataclasses import replace
from pathlib import Path

from harness.errors import UserError
from harness.interrupts import interrupt


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Example:\n  harness work results/runs/enco-toy-s0-3fa9c1d2e0"
    parser.add_argument("folder", type=Path, help="a run folder")
    parser.add_argument("--device", help="auto, cpu, cuda or cuda:N (default: as the run was asked for)")
    parser.add_argument("--metrics", help="scores, separated by commas (default: as the run was asked for)")


def run(args: argparse.Namespace) -> int:
    from harness.job import read_job
    from harness.work import keep_memory, work

    if not (args.folder / "spec.json").is_file():
        raise UserError(f"{args.folder} is not a run folder: it holds no spec.json")
    keep_memory()
    signal.signal(signal.SIGTERM, interrupt)  # ends it as Ctrl-C does, and gives the lease back
    job = read_job(args.folder)
    metrics = tuple(args.metrics.split(",")) if args.metrics else job.metrics
    return work(args.folder, replace(job, device=args.device or job.device, metrics=metrics))
