"""One module a verb: ``add_arguments(parser)`` and ``run(args) -> exit code``."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.job import CHOICES

DEFAULT_RUNS = Path("results/runs")


def add_runs(parser: argparse.ArgumentParser) -> None:
    """The option that says where runs live."""
    parser.add_argument(
        "--runs", type=Path, default=DEFAULT_RUNS, metavar="DIR", help="where runs live (default: results/runs)"
    )


def add_scoring(parser: argparse.ArgumentParser) -> None:
    """The options that say by which protocol runs are scored; without defaults."""
    add = parser.add_argument
    add("--reference", choices=CHOICES, help="pictures that distances are to (default: testB)")
    add("--drn", metavar="FILE", help="weights of DRN-D-22 for miou, pixacc, classacc (harness weights)")
    add("--drn-size", metavar="WxH", help="size it sees pictures at (default: 256x128, or the dataset's)")


def absolute(file: str) -> str:
    """A path that means the same in every process; "" stays."""
    return str(Path(file).expanduser().absolute()) if file else ""
