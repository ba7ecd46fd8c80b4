"""``harness import``: weights that were trained elsewhere become a run."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness.commands import DEFAULT_RUNS, add_runs

EPILOG = """Examples:
  harness import latest_net_G.pth --method cut --dataset horse2zebra

Takes the generator from source to target of an official repository as it comes: latest_net_G.pth (CUT, FastCUT, EnCo,
FSeSim, LSeSim, MoNCE, QS-Attn), latest_net_G_A.pth (CycleGAN, DCLGAN, SimDCL, DistanceGAN), latest_net_G_AB.pth
(GcGAN), gen_*.pt (MUNIT, UNIT), or the same tensors as safetensors. Nothing in the file is executed. Options that
show in the weights (widths, blocks, antialiasing) are found there. For the other direction of CycleGAN and its like
give latest_net_G_B.pth with the other --direction; gen_*.pt holds both."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    add = parser.add_argument
    add("checkpoint", type=Path, metavar="CHECKPOINT", help="a .pth, .pt or .safetensors file with a generator")
    add("--method", metavar="NAME", help="whose it is (default: what its tensors say, if they leave no choice)")
    add("--dataset", required=True, metavar="NAME", help="what it translates, by name (harness datasets) or folder")
    add("--direction", choices=("AtoB", "BtoA"), help="which domain is the source (default: the dataset's)")
    add("--size", type=int, metavar="PIXELS", help="side of the translations (default: the dataset's)")
    add("--set", action="append", default=[], metavar="OPTION=VALUE", help="an option that weights do not show")
    add_runs(parser)


def run(args: argparse.Namespace) -> int:
    from harness.importing import import_run
    from harness.planning import check_writable, open_for

    dataset, data = open_for(args.dataset, args.direction)
    check_writable(args.runs)
    run, layout = import_run(args.checkpoint, args.method, dataset, data, args.set, args.size, args.runs)
    spec = run.spec
    print(f"{args.checkpoint} holds {layout}")
    print(f"imported as {spec.label} for {dataset.name} {spec.direction} at {spec.size}x{spec.size}: {run.path}")
    option = "" if args.runs == DEFAULT_RUNS else f" --runs {args.runs}"
    print(f"next: harness work {run.path}   (translates and scores the test split)")
    print(f"      harness translate {run.name} INPUT OUTPUT{option}")
    return 0
