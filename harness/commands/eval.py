"""``harness eval``: scores of two folders, or of a finished run again."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from evaluation.protocol import Score
from harness.commands import absolute, add_runs, add_scoring
from harness.errors import UserError
from harness.job import Job
from harness.lease import lease
from harness.runs import Row, RunFolder, find_run

EPILOG = """Examples:
  harness eval translations/ datasets/horse2zebra/testB          two folders, no run needed
  harness eval translations/ datasets/horse2zebra/testB --json
  harness eval enco-toy-s0 --metrics fid                         a run again; the rows are added to its own
  harness eval enco-toy-s0 --reference real_B                    against what the official test loop calls real_B

`harness metrics` lists the scores. Those of street photos (miou, pixacc, classacc) need weights of DRN-D-22 (--drn,
$HARNESS_DRN, or `harness drn train`), and of two folders the label maps the photos were made from: --labels."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    parser.add_argument("fake", metavar="FAKE|RUN", help="a folder of generated pictures, or a run")
    parser.add_argument("real", nargs="?", type=Path, metavar="REAL", help="a folder of real pictures")
    parser.add_argument("--metrics", default="fid", metavar="NAMES", help="separated by commas (default: fid)")
    parser.add_argument("--labels", type=Path, metavar="DIR", help="of two folders: label maps of the same names")
    add_scoring(parser)
    parser.set_defaults(reference="testB", drn="", drn_size="")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    return score_folders(args) if args.real is not None else score_again(args)


def score_folders(args: argparse.Namespace) -> int:
    import evaluation
    from harness.streets import size_of
    from harness.work import device_of

    if args.reference != "testB":
        raise UserError(f"--reference {args.reference} is for runs; of two folders the second is the reference")
    device = str(device_of(args.device))
    scores = evaluation.score(
        Path(args.fake),
        args.real,
        args.metrics.split(","),
        device=device,
        progress=lambda done, total: show_progress("score", done, total),
        labels=args.labels,
        drn=Path(args.drn) if args.drn else None,
        drn_size=size_of(args.drn_size or "256x128"),
    )
    if args.json:
        print(json.dumps([asdict(score) for score in scores], indent=1))
        return 0
    for score in scores:
        print(line_of(score))
    return 0


def score_again(args: argparse.Namespace) -> int:
    from harness import scoring
    from harness.streets import network_for, street_metrics
    from harness.training import trained
    from harness.work import dataset_of, device_of

    found: RunFolder = find_run(args.runs, args.fake)
    dataset, device = dataset_of(found), device_of(args.device)
    job = Job(
        metrics=tuple(args.metrics.split(",")),
        reference=args.reference,
        drn=absolute(args.drn),
        drn_size=args.drn_size,
    )
    if street_metrics(job.metrics):
        network_for(dataset, job)  # says what is missing before anything is computed
    with lease(found.path) as held:
        found, stage = RunFolder(found.path, held.check), found.state().stage
        if not found.translations.is_dir():
            if stage != "trained":
                raise UserError(f"{found.name} has no translations yet: it is {stage}. Finish it with `harness run`")
            method, _ = trained(found, device, print)
            scoring.write_translations(found, dataset, method, device, show_progress)
        rows = scoring.score_run(found, dataset, found.state().step, job, device, show_progress)
    if args.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return 0
    for row in rows:
        print(line_of(row))
    return 0


def line_of(score: Score | Row) -> str:
    """One score; where the metric makes one, with its spread over random parts of the pictures."""
    spread = "" if score.spread is None else f" (subsets ± {score.spread:.2g})"
    pictures = f"{score.n_fake} against {score.n_real} pictures"
    return f"{score.metric:10} {score.value:12.6g}{spread}   {score.protocol}   {pictures}"


def show_progress(what: str, done: int, total: int) -> None:
    """Pictures done, in a terminal only."""
    if sys.stderr.isatty():
        end = "\n" if done == total else ""
        print(f"\r{what} {done}/{total}\x1b[K", end=end, file=sys.stderr, flush=True)
