"""``harness run``: train, translate and score every cell of a plan, then print the table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.commands import absolute, add_runs, add_scoring
from harness.commands.launching import add_launcher, bring_to_end
from harness.estimates import Speeds
from harness.expand import expand
from harness.gridfile import grid_of, metrics_of, read_grid_file
from harness.index import read_runs
from harness.job import Job
from harness.planning import cells, check_writable, reference_specs, representatives
from harness.plans import Plan
from harness.recipes import find, summaries

DEFAULTS: dict[str, Any] = {
    "plan": None,
    "metrics": "fid",
    "reference": "testB",
    "drn": "",
    "drn_size": "",
    "device": "auto",
    "tensorboard": False,
    "launcher": "local",
    "slots": None,
    "threads": None,
    "profile": None,
    "detach": False,
    "dry_run": False,
    "every_run": False,
}
"""of the flags that do not describe runs. The parser has none, so that what was typed can be told from what was not
and wins over a file"""
NOT_IN_A_FILE = ("runs", "dry_run", "every_run", "detach")


def epilog() -> str:
    """The examples, and the recipes by name."""
    return f"""Examples:
  harness run --methods enco,cut --dataset toy --seeds 0-1
  harness run --methods enco --dataset path/to/folder --size 64 --steps 50     (trainA trainB testA testB inside)
  harness run --methods enco,cut --dataset toy --set enco.num_patches=64 --set ngf=32 --dry-run
  harness run --methods 'enco[sampling=dag|random, num_patches=64|256],cut' --dataset toy --seeds 0-4 --dry-run
  harness run table1 --dry-run

Recipes (grids that come with the harness; a TOML file of your own is given by its path):
{chr(10).join(summaries())}

A value that holds commas stands in parentheses: nce_layers=(7,13,18,24). zip(a=1|2, b=3|4) takes values in pairs.
Asking again continues what is unfinished and skips what is done. Ctrl-C takes back the runs that wait and stops the
others after their current step; closing the terminal leaves them working.
Without --epochs and --steps a run takes the epochs of its method's official schedule; another budget plays
the same schedule faster or slower."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = epilog()
    parser.argument_default = argparse.SUPPRESS
    add = parser.add_argument
    add("plan", nargs="?", metavar="RECIPE", help="a recipe (below) or a TOML file; flags win over it")
    add("--methods", metavar="GRID", help="methods separated by commas, or all (harness methods); axes in brackets")
    add("--dataset", metavar="NAMES", help="datasets by name (harness datasets) or folder, separated by commas")
    add("--seeds", metavar="LIST", help="seeds and ranges, e.g. 0-2,5 (default: 0)")
    add("--exclude", action="append", metavar="GRID", help="leave these out, e.g. 'enco[sampling=random, seed=3]'")
    add("--set", action="append", metavar="[METHOD.]OPTION=VALUE", help="an option (harness methods show)")
    add("--epochs", type=int, metavar="N", help="passes through the data (default: the method's own)")
    add("--steps", type=int, metavar="N", help="training steps, instead of epochs")
    add("--size", type=int, metavar="PIXELS", help="side of crops and translations (default: the dataset's)")
    add("--load-size", type=int, metavar="PIXELS", help="side before the random crop (default: size * 286/256)")
    add(
        "--batch-size",
        type=int,
        metavar="N",
        help="pictures of each domain in a step (default: 1, or what a method needs)",
    )
    add("--direction", choices=("AtoB", "BtoA"), help="which domain is the source (default: the dataset's)")
    add("--precision", choices=("fp32", "bf16"), help="arithmetic of training (default: fp32)")
    add("--metrics", metavar="NAMES", help="scores beside the content error (default: fid)")
    add_scoring(parser)
    add("--device", help="auto, cpu, cuda or cuda:N (default: auto)")
    add("--tensorboard", action="store_true", help="also write TensorBoard event files")
    add("--dry-run", action="store_true", help="print the plan and stop: what is new, done, missing; time and disk")
    add("--every-run", action="store_true", help="print every run of a large plan, not one line for its seeds")
    add_launcher(parser)
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    typed = vars(args)
    file = read_grid_file(find(typed["plan"]), add_arguments, NOT_IN_A_FILE) if "plan" in typed else None
    args = argparse.Namespace(**DEFAULTS | (file.values if file else {}) | typed)
    asked = expand(grid_of(file, typed))
    for text in asked.idle:
        print(f"note: --exclude {text} excludes nothing", file=sys.stderr)
    entries = read_runs(args.runs)
    references = reference_specs(asked.specs)
    planned = Plan(
        args.runs,
        cells(args.runs, asked.specs, entries),
        cells(args.runs, references, entries),
        asked.facts,
        Speeds(entries.values()),
    )
    print("\n".join(planned.lines(args.every_run)))
    if args.dry_run:
        return 0
    planned.check()
    jobs = {dataset: job_of(args, metrics_of(file, typed, dataset) or args.metrics) for dataset in asked.facts}
    unfinished = planned.unfinished
    if unfinished:
        check_before(args, jobs, planned)
    else:
        print("nothing to do: every run is finished")
    for cell in unfinished:
        cell.run.create(cell.spec)
    code = bring_to_end(args, {cell.run: jobs[cell.spec.dataset] for cell in unfinished})
    if not args.detach:
        for dataset in asked.facts:
            print_table(args.runs, dataset)
    if note := planned.not_scored(jobs):
        print(note, file=sys.stderr)
    return code


def check_before(args: argparse.Namespace, jobs: Mapping[str, Job], planned: Plan) -> None:
    """Everything that can be known to fail later, now: folder, space, pictures, weights, device, configurations."""
    import torch

    from evaluation.scoring import check_ready
    from harness.data.cache import read_check
    from harness.data.folders import open_dataset
    from harness.streets import network_for, street_metrics
    from harness.tensorboard import check_installed
    from harness.training import build
    from harness.work import device_of

    check_writable(args.runs)
    if args.tensorboard:
        check_installed()
    if args.launcher == "local":  # other launchers work on other machines
        device_of(args.device)
    specs = [cell.spec for cell in planned.cells if not cell.finished]
    for spec in representatives(specs):
        build(spec, torch.device("cpu"))  # refuses values, sizes and missing frozen weights
    for dataset, data, direction in dict.fromkeys((spec.dataset, spec.data, spec.direction) for spec in specs):
        job = jobs[dataset]
        check_ready([name for name in job.metrics if name not in street_metrics(job.metrics)])
        if street_metrics(job.metrics):
            check_ready(street_metrics(job.metrics), drn=network_for(open_dataset(data, direction), job)[0])
    for data, size, load_size in dict.fromkeys((spec.data, spec.size, spec.load_size) for spec in specs):

        def tell(split: str, done: int, total: int, name: str = Path(data).name) -> None:
            if done == total or done % 200 == 0:
                print(f"reads {name} {split} {done}/{total}", flush=True)

        read_check(open_dataset(data), size, load_size, fine_tuning=True, progress=tell)


def job_of(args: argparse.Namespace, metrics: str) -> Job:
    return Job(
        metrics=tuple(metrics.split(",")),
        device=args.device,
        reference=args.reference,
        drn=absolute(args.drn),
        drn_size=args.drn_size,
        tensorboard=args.tensorboard,
    )


def print_table(runs: Path, dataset: str) -> None:
    from harness.commands.table import print_tables

    print_tables(runs, dataset)
