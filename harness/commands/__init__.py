"""One module a verb: ``add_arguments(parser)`` and ``run(args) -> exit code``."""

from __future__ import annotations

import argparse
from pathlib import Path

DEFAULT_RUNS = Path("results/runs")


def add_runs(parser: argparse.ArgumentParser) -> None:
    """The option that says where runs live."""
    parser.add_argument(
        "--runs", type=Path, default=DEFAULT_RUNS, metavar="DIR", help="where runs live (default: results/runs)"
    )
