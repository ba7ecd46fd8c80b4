"""``harness table``: the results of all runs, beside the published figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.collect import Collected, collect, no_garbage_collection
from harness.commands import DEFAULT_RUNS, add_runs
from harness.errors import UserError, unknown
from harness.table import tables

FORMAT_NAMES = ("text", "markdown", "latex", "csv", "json")
EPILOG = """Examples:
  harness table
  harness table --dataset toy --metrics fid --format latex --output table.tex

A cell is the mean over seeds ± the sample standard deviation. Scores of different protocols stand in columns of
their own, runs of different budgets in rows of their own. csv holds measured scores only."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--dataset", metavar="NAME", help="this dataset only (default: all that have runs)")
    parser.add_argument("--format", choices=FORMAT_NAMES, default="text", help="default: text")
    parser.add_argument("--metrics", metavar="NAMES", help="these scores only, separated by commas")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to a file instead of the terminal")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    metrics = [name.strip() for name in args.metrics.split(",")] if args.metrics else None
    with no_garbage_collection():
        text = rendered(args.runs, args.dataset, args.format, metrics)
    if args.output is None:
        sys.stdout.write(text)
        return 0
    try:
        args.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {args.output}: {error.strerror}. Choose another file with --output") from None
    print(f"wrote {args.output}")
    return 0


def print_tables(runs: Path, dataset: str) -> None:
    """The table of one dataset on the terminal."""
    sys.stdout.write(rendered(runs, dataset, "text", None))


def rendered(runs: Path, dataset: str | None, form: str, metrics: Sequence[str] | None) -> str:
    """The tables of a folder of runs in one of the formats, and what could not be read."""
    from harness.formats import FORMATS

    wanted = None if dataset is None else name_of(dataset)
    collected = collect(runs, wanted)
    for name, why in collected.unreadable.items():
        print(f"harness table: left out {name}: {why}", file=sys.stderr)
    if not collected.datasets and form in ("text", "markdown"):
        return f"no runs in {runs} yet. Start with: harness run --methods enco,cut --dataset toy --seeds 0-1\n"
    check_names(collected, wanted, metrics)
    return FORMATS[form](tables(collected, metrics), "" if runs == DEFAULT_RUNS else f" --runs {runs}")


def check_names(collected: Collected, dataset: str | None, metrics: Sequence[str] | None) -> None:
    """UserError for a dataset without runs or a metric without scores."""
    where = f"of the runs in {collected.runs}"
    if dataset is not None and collected.datasets and dataset not in collected.datasets:
        raise unknown(f"dataset {where}", dataset, collected.datasets)
    for metric in metrics or ():
        if collected.scored and metric not in collected.metrics:
            raise unknown(f"metric {where}", metric, collected.metrics)


def name_of(dataset: str) -> str:
    """A dataset that was given as a folder goes by the name of the folder."""
    return Path(dataset).resolve().name if "/" in dataset else dataset
