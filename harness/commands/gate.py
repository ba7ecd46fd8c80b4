"""``harness gate record``: what a method's figures are over several seeds, kept for ``harness check``."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.catalogue import card
from harness.commands.check import add_places, runs_folder
from harness.data.folders import open_dataset
from harness.data.sizes import default_load_size
from harness.errors import UserError
from harness.expand import seed_list
from harness.gates.gate import KINDS, Recipe, Trial, write_gate
from harness.gates.recording import LEAST_SEEDS, record_gate
from harness.gates.running import specs_of, train_all
from harness.job import Job
from harness.planning import options_of
from harness.runs import RunFolder

EPILOG = """Examples:
  harness gate record results/gates/mine.json --methods my_package.my_module:MyMethod --dataset toy --steps 200

Trains and scores each method once for each seed, and writes what came out with its spread. Options that are not
set are left out of the gate: a check takes the defaults of its day, so a changed default is tested too."""
NEW = 2
"""seeds of a check that were not recorded, beside the first that was"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    record = actions.add_parser("record", help="train, or read finished runs, and write a gate", epilog=EPILOG)
    record.formatter_class = argparse.RawDescriptionHelpFormatter
    add = record.add_argument
    add("gate", type=Path, metavar="GATE", help="the file to write, e.g. results/gates/mine.json")
    add("--methods", required=True, metavar="NAMES", help="methods separated by commas (harness methods)")
    add("--dataset", required=True, metavar="NAME", help="a dataset by name (harness datasets), or a folder")
    add("--seeds", default="0-11", metavar="LIST", help=f"seeds to record, at least {LEAST_SEEDS} (default: 0-11)")
    add(
        "--check-seeds",
        metavar="LIST",
        help=f"seeds of a check (default: the first recorded one and {NEW} new ones)",
    )
    add("--set", action="append", default=[], metavar="[METHOD.]OPTION=VALUE", help="an option (harness methods show)")
    add("--epochs", type=int, default=0, metavar="N", help="passes through the data (default: the method's own)")
    add("--steps", type=int, default=0, metavar="N", help="training steps, instead of epochs")
    add("--size", type=int, metavar="PIXELS", help="side of crops and translations (default: the dataset's)")
    add("--load-size", type=int, metavar="PIXELS", help="side before the random crop (default: size * 286/256)")
    add("--batch-size", type=int, metavar="N", help="pictures of each domain in a step (default: what a method needs)")
    add("--direction", choices=("AtoB", "BtoA"), help="which domain is the source (default: the dataset's)")
    add("--precision", choices=("fp32", "bf16"), default="fp32", help="arithmetic of training (default: fp32)")
    add("--metrics", default="fid", metavar="NAMES", help="scores beside the content error (default: fid)")
    add("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what is compared (default: all)")
    add("--overwrite", action="store_true", help="replace a gate that exists")
    add_places(record)


def run(args: argparse.Namespace) -> int:
    if args.gate.exists() and not args.overwrite:
        raise UserError(f"{args.gate} exists; name another file, or say --overwrite to replace it")
    seeds = seed_list(args.seeds)
    if len(seeds) < LEAST_SEEDS:
        raise UserError(f"--seeds {args.seeds} names {len(seeds)} seeds; a spread needs at least {LEAST_SEEDS}")
    new = [max(seeds) + k for k in range(1, NEW + 1)]
    check_seeds = seed_list(args.check_seeds) if args.check_seeds else [seeds[0], *new]
    recipe, trials = recipe_of(args), trials_of(args)
    plans = {trial.label: specs_of(recipe, trial, seeds) for trial in trials}
    with runs_folder(args) as folder:
        if args.runs is None:
            train_all(
                folder,
                [spec for specs in plans.values() for spec in specs],
                Job(metrics=recipe.metrics, device=args.device),
            )
        runs = {label: [RunFolder(folder / spec.name) for spec in specs] for label, specs in plans.items()}
        gate = record_gate(recipe, trials, runs, check_seeds, args.kinds)
    write_gate(args.gate, gate)
    count = sum(len(case.figures) for case in gate.cases)
    print(
        f"wrote {args.gate}: {count} figures over {len(seeds)} seeds; of resamplings of these runs "
        f"{100 * gate.false_alarms:.1f} % would have failed. Check it with: harness check {args.gate}"
    )
    return 0


def recipe_of(args: argparse.Namespace) -> Recipe:
    """What all runs share, every default said."""
    dataset = open_dataset(args.dataset, args.direction)
    size = args.size or dataset.default_size
    return Recipe(
        dataset=args.dataset,
        direction=dataset.direction,
        size=size,
        load_size=args.load_size or default_load_size(size),
        epochs=args.epochs,
        steps=args.steps,
        precision=args.precision,
        metrics=tuple(name.strip() for name in args.metrics.split(",")),
    )


def trials_of(args: argparse.Namespace) -> list[Trial]:
    methods = [name.strip() for name in args.methods.split(",")]
    return [
        Trial(
            method=method,
            options=options_of(method, methods, args.set),
            batch_size=args.batch_size or card(method).min_batch_size,
        )
        for method in methods
    ]
