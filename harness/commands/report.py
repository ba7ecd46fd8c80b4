"""``harness report``: one offline HTML page of the results."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands import add_runs
from harness.errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Example:\n  harness report --runs results/runs --output report.html"
    parser.add_argument("--output", type=Path, metavar="FILE", help="the page (default: index.html in the runs folder)")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    from harness.collect import collect
    from harness.page import newest_samples, page_of
    from harness.runs import all_runs
    from harness.table import tables

    if not any(all_runs(args.runs)):
        raise UserError(f"no runs in {args.runs}. Start with: harness run --methods enco,cut --dataset toy --seeds 0-1")
    output = args.output or args.runs / "index.html"
    try:
        output.write_text(page_of(args.runs, tables(collect(args.runs, None))), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}. Choose another file with --output") from None
    print(f"page:     {output}")
    for found in all_runs(args.runs):
        picture = newest_samples(found)
        if picture and not found.spec.is_reference:
            print(f"samples:  {picture}")
    return 0
