"""``harness data prepare``: datasets that their owners do not let anybody hand on, made from the official archives."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

EPILOG = """Example:
  harness data prepare cityscapes datasets/cityscapes --images leftImg8bit --labels gtFine

`harness datasets` lists what is known by name and where to get it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    prepare = actions.add_parser(
        "prepare",
        help="make one from its official archives",
        description="The 256x256 set of the papers: photos (A), colour label maps (B), train ids (GT); val is the "
        "test. The translation is from label maps to photos, direction BtoA.",
    )
    add = prepare.add_argument
    add("name", choices=("cityscapes",), help="cityscapes")
    add("out", type=Path, metavar="OUT", help="a new folder; asked again, what was stopped is continued")
    add("--images", type=Path, required=True, metavar="ZIP|DIR", help="leftImg8bit_trainvaltest, packed or unpacked")
    add("--labels", type=Path, required=True, metavar="ZIP|DIR", help="gtFine_trainvaltest, packed or unpacked")
    add(
        "--photo-filter",
        choices=("nearest", "bicubic"),
        default="nearest",
        help="for photos (default: nearest, as in the published numbers; label maps always nearest)",
    )


def run(args: argparse.Namespace) -> int:
    from harness.data.cityscapes import Preparation, prepare

    def tell(done: int, total: int) -> None:
        if sys.stdout.isatty():
            print(f"\rprepares {done}/{total}\x1b[K", end="\n" if done == total else "", flush=True)
        elif done == total or done % 500 == 0:
            print(f"prepares {done}/{total}", flush=True)

    counts = prepare(args.images, args.labels, args.out, Preparation(args.photo_filter), tell)
    made = ", ".join(f"{count} {split}" for split, count in counts.items())
    print(f"{args.out}: {made} pictures, photos resized by {args.photo_filter}, label maps by nearest")
    print(f"from label maps to photos: harness run --dataset {args.out} --direction BtoA --methods enco")
    return 0
