"""``harness table``: the results of all runs, beside the published figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.collect import Collected, collect, no_garbage_collection
from harness.commands import DEFAULT_RUNS, add_runs
from harness.cost_columns import COSTS
from harness.errors import UserError, unknown
from harness.protocols import only
from harness.table import Table, tables

FORMAT_NAMES = ("text", "markdown", "latex", "csv", "json")
EPILOG = """Examples:
  harness table
  harness table --dataset toy --metrics fid --format latex --output table.tex
  harness table --protocol 'pytorch-fid ref=testB'
  harness table --compare cut

A cell is the mean over seeds ± the sample standard deviation. Scores of different protocols stand in columns of
their own, runs of different budgets in rows of their own; --protocol chooses some by the words of their protocols.
--compare tests the other methods against one of them over seeds. csv holds measured figures only. Mem and sec/iter
are what `harness profile` measured, in columns of their own for each machine."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("--dataset", metavar="NAME", help="this dataset only (default: all that have runs)")
    parser.add_argument("--format", choices=FORMAT_NAMES, default="text", help="default: text")
    parser.add_argument("--metrics", metavar="NAMES", help="these scores only, separated by commas")
    parser.add_argument("--protocol", metavar="NAMES", help="scores by these protocols only, separated by commas")
    parser.add_argument("--compare", metavar="METHOD", help="differences from this row of the table, and their tests")
    parser.add_argument("--output", type=Path, metavar="FILE", help="write to a file instead of the terminal")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    metrics, protocols = names_in(args.metrics), names_in(args.protocol)
    with no_garbage_collection():
        text = rendered(args.runs, args.dataset, args.format, metrics, protocols, args.compare)
    if args.output is None:
        sys.stdout.write(text)
        return 0
    try:
        args.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {args.output}: {error.strerror}. Choose another file with --output") from None
    print(f"wrote {args.output}")
    return 0


def names_in(words: str | None) -> list[str] | None:
    """The names in a list separated by commas; None where none was given."""
    return [name.strip() for name in words.split(",")] if words else None


def print_tables(runs: Path, dataset: str) -> None:
    """The table of one dataset on the terminal."""
    sys.stdout.write(rendered(runs, dataset, "text"))


def rendered(
    runs: Path,
    dataset: str | None,
    form: str,
    metrics: Sequence[str] | None = None,
    protocols: Sequence[str] | None = None,
    baseline: str | None = None,
) -> str:
    """The tables of a folder of runs in one of the formats, and what could not be read.

    Args:
        baseline: the row that others are compared with, in place of the tables.
    """
    from harness.formats import FORMATS

    wanted = None if dataset is None else name_of(dataset)
    collected = collect(runs, wanted)
    for name, why in collected.unreadable.items():
        print(f"harness table: left out {name}: {why}", file=sys.stderr)
    if not collected.datasets and form in ("text", "markdown"):
        return f"no runs in {runs} yet. Start with: harness run --methods enco,cut --dataset toy --seeds 0-1\n"
    check_names(collected, wanted, metrics)
    found = tables(only(collected, protocols) if protocols else collected, metrics)
    if baseline is not None:
        return comparison(found, form, baseline)
    return FORMATS[form](found, "" if runs == DEFAULT_RUNS else f" --runs {runs}")


def comparison(found: Sequence[Table], form: str, baseline: str) -> str:
    """Every table's methods beside one of them; UserError where no table has it, or the format cannot show it."""
    from harness.comparison import compared
    from harness.formats.comparison import FORMATS

    if form not in FORMATS:
        raise UserError(f"--compare has no format {form!r}: choose --format {', '.join(FORMATS)}")
    pairs = [(table, columns) for table in found if (columns := compared(table, baseline)) is not None]
    if not pairs:
        labels = {row.label for table in found for row in table.rows if not row.is_reference}
        raise unknown("row to compare with", baseline, labels)
    return FORMATS[form](pairs, baseline)


def check_names(collected: Collected, dataset: str | None, metrics: Sequence[str] | None) -> None:
    """UserError for a dataset without runs or a metric without scores."""
    where = f"of the runs in {collected.runs}"
    if dataset is not None and collected.datasets and dataset not in collected.datasets:
        raise unknown(f"dataset {where}", dataset, collected.datasets)
    known = [*collected.metrics, *(COSTS if collected.profiles else ())]
    for metric in metrics or ():
        if collected.scored and metric not in known:
            raise unknown(f"metric {where}", metric, known)


def name_of(dataset: str) -> str:
    """A dataset that was given as a folder goes by the name of the folder."""
    return Path(dataset).resolve().name if "/" in dataset else dataset
