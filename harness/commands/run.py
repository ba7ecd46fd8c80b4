"""``harness run``: train, translate and score every cell of a plan, then print the table."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.commands import add_runs
from harness.data.folders import Dataset
from harness.job import Job, write_job
from harness.planning import Cell, cells, check_writable, method_names, open_for, plan, reference_specs, seed_list
from harness.spec import RunSpec

EPILOG = """Examples:
  harness run --methods enco,cut --dataset toy --seeds 0-1
  harness run --methods enco --dataset path/to/folder --size 64 --steps 50     (trainA trainB testA testB inside)
  harness run --methods enco,cut --dataset toy --set enco.num_patches=64 --set ngf=32 --dry-run

Asking again continues what is unfinished and skips what is done. Ctrl-C stops after the current step.
Without --epochs and --steps a run takes the epochs of its method's official schedule; another budget plays
the same schedule faster or slower."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    add = parser.add_argument
    add("--methods", required=True, metavar="NAMES", help="methods separated by commas, or all (harness methods)")
    add("--dataset", required=True, metavar="NAME", help="a dataset by name (harness datasets), or a folder")
    add("--seeds", default="0", metavar="LIST", help="seeds and ranges, e.g. 0-2,5 (default: 0)")
    add("--set", action="append", default=[], metavar="[METHOD.]OPTION=VALUE", help="an option (harness methods show)")
    add("--epochs", type=int, default=0, metavar="N", help="passes through the data (default: the method's own)")
    add("--steps", type=int, default=0, metavar="N", help="training steps, instead of epochs")
    add("--size", type=int, metavar="PIXELS", help="side of crops and translations (default: the dataset's)")
    add("--load-size", type=int, metavar="PIXELS", help="side before the random crop (default: size * 286/256)")
    add(
        "--batch-size",
        type=int,
        metavar="N",
        help="pictures of each domain in a step (default: 1, or what a method needs)",
    )
    add("--direction", choices=("AtoB", "BtoA"), help="which domain is the source (default: the dataset's)")
    add("--precision", choices=("fp32", "bf16"), default="fp32", help="arithmetic of training (default: fp32)")
    add("--metrics", default="fid", metavar="NAMES", help="scores beside the content error (default: fid)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")
    add("--tensorboard", action="store_true", help="also write TensorBoard event files")
    add("--dry-run", action="store_true", help="print the plan and stop")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    dataset, data = open_for(args.dataset, args.direction)
    methods = method_names(args.methods)
    specs = plan(
        methods,
        dataset,
        data,
        seed_list(args.seeds),
        args.set,
        args.size,
        args.load_size,
        epochs=args.epochs,
        steps=args.steps,
        batch_size=args.batch_size,
        precision=args.precision,
    )
    todo = cells(args.runs, specs)
    references = cells(args.runs, reference_specs(specs))
    print_plan(todo, args.runs)
    if args.dry_run:
        return 0
    unfinished = [cell for cell in [*references, *todo] if not cell.finished]
    if unfinished:
        check_before(args, dataset, specs)
    else:
        print("nothing to do: every run is finished")
    failed = work_through(unfinished, args)
    print_table(args.runs, dataset.name)
    if failed:
        print(f"{failed} of {len(unfinished)} runs failed; `harness logs RUN` shows why", file=sys.stderr)
    return 1 if failed else 0


def print_plan(todo: Sequence[Cell], runs: Path) -> None:
    print(f"{len(todo)} run{'s' if len(todo) != 1 else ''} in {runs}:")
    for cell in todo:
        state = cell.state
        done = f" {state.step}/{state.steps}" if state.step else ""
        print(f"  {cell.run.name:44} {cell.spec.label}  seed {cell.spec.seed}  {state.stage}{done}")


def check_before(args: argparse.Namespace, dataset: Dataset, specs: Sequence[RunSpec]) -> None:
    """Everything that can be known to fail later, now: folder, space, pictures, weights, device, configurations."""
    import torch

    from evaluation.scoring import check_ready
    from harness.data.cache import read_check
    from harness.tensorboard import check_installed
    from harness.training import build
    from harness.work import device_of

    check_writable(args.runs)
    if args.tensorboard:
        check_installed()

    def tell(split: str, done: int, total: int) -> None:
        if done == total or done % 200 == 0:
            print(f"reads {dataset.name} {split} {done}/{total}", flush=True)

    device_of(args.device)
    for spec in {(spec.method, spec.label): spec for spec in specs}.values():
        build(spec, torch.device("cpu"))  # refuses values, sizes and missing frozen weights
    check_ready(args.metrics.split(","))
    read_check(dataset, specs[0].size, specs[0].load_size, fine_tuning=True, progress=tell)


def work_through(unfinished: Sequence[Cell], args: argparse.Namespace) -> int:
    """Run each cell in a process of its own, one after the other; returns how many failed.

    A failed cell does not keep the others from running. Raises KeyboardInterrupt when a cell was stopped.
    """
    job = Job(metrics=tuple(args.metrics.split(",")), device=args.device, tensorboard=args.tensorboard)
    failed = 0
    for number, cell in enumerate(unfinished, 1):
        cell.run.create(cell.spec)
        write_job(cell.run.path, job)
        print(f"[{number}/{len(unfinished)}] {cell.spec.label} seed {cell.spec.seed}", flush=True)
        code = start_worker(cell)
        if code == 130:
            raise KeyboardInterrupt
        failed += code != 0
    return failed


def start_worker(cell: Cell) -> int:
    """Start ``harness work`` and wait for it. Ctrl-C reaches the worker too, which then stops cleanly; so the
    front only waits. SIGTERM is passed on."""
    command = [sys.executable, "-m", "harness", "work", str(cell.run.path)]
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = subprocess.Popen(command, preexec_fn=default_sigint)
        terminate = signal.signal(signal.SIGTERM, lambda *_: worker.terminate())
        try:
            return worker.wait()
        finally:
            signal.signal(signal.SIGTERM, terminate)
    finally:
        signal.signal(signal.SIGINT, before)


def default_sigint() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def print_table(runs: Path, dataset: str) -> None:
    from harness.commands.table import print_tables

    print_tables(runs, dataset)
