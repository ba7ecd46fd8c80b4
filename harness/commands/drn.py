"""``harness drn train``: a network that segments street photos, for mAP (mIoU), pixAcc and classAcc."""

from __future__ import annotations

import argparse
import sys

EPILOG = """Examples:
  harness drn train --dataset toy-cityscapes
  harness drn train --dataset datasets/streets --direction BtoA --size 256x256 --steps 2000

Trains DRN-D-22 on the training photos of a dataset that translates label maps into photos, by the recipe of the
official repository: SGD 0.01, momentum 0.9, weight decay 1e-4, learning rate / 10 after 2/5 and 4/5 of the steps,
random crop of 7/8 of the shorter side, random flip, 255 ignored. Runs on the same dataset find the network without
being told; `harness weights` lists it. Asking again continues what was stopped."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    train = actions.add_parser(
        "train",
        help="train one",
        epilog="Example:  harness drn train --dataset toy-cityscapes",
    )
    add = train.add_argument
    add("--dataset", required=True, metavar="NAME", help="a dataset by name (harness datasets), or a folder")
    add("--direction", choices=("AtoB", "BtoA"), help="from label maps to photos (default: the dataset's)")
    add("--size", default="", metavar="WxH", help="size of photos and maps (default: 256x128, or the dataset's)")
    add("--epochs", type=int, default=0, metavar="N", help="passes through the photos (default: 250)")
    add("--steps", type=int, default=0, metavar="N", help="instead of epochs (default below 1000 photos: 300)")
    add("--batch-size", type=int, default=0, metavar="N", help="photos in a step (default: 32; below 1000 photos 2)")
    add("--lr", type=float, default=0.01, help="first learning rate (default: 0.01)")
    add("--seed", type=int, default=0, help="of weights, order, crops and flips (default: 0)")
    add("--device", default="auto", help="auto, cpu, cuda or cuda:N (default: auto)")


def run(args: argparse.Namespace) -> int:
    from harness.drn import default_size
    from harness.drn_training import recipe_for, train_network
    from harness.interrupts import STOPPED
    from harness.lease import LeaseLost
    from harness.planning import open_for
    from harness.streets import size_of
    from harness.training import Diverged, Stopped
    from harness.work import device_of, keep_memory

    keep_memory()
    dataset, _ = open_for(args.dataset, args.direction)
    size = size_of(args.size) if args.size else default_size(dataset)
    recipe = recipe_for(len(dataset.train_b), size, args.steps, args.epochs, args.batch_size, args.lr, args.seed)
    try:
        network = train_network(dataset, recipe, device_of(args.device))
    except Stopped:
        return STOPPED
    except LeaseLost as error:  # the other process goes on
        print(error, file=sys.stderr)
        return 1
    except Diverged:
        return 1
    print(f"weights {network.path}")
    print(f"tensors {network.digest[:16]}, trained by {network.recipe}")
    if network.scores:
        miou, pixacc, classacc = (network.scores[name] for name in ("miou", "pixacc", "classacc"))
        print(f"real test photos: mAP (mIoU) {miou:.1f}, pixAcc {pixacc:.1f}, classAcc {classacc:.1f} percent")
    return 0
