"""``harness weights``: the frozen networks of others that scores and methods look through."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path

from harness.errors import UserError
from harness.terminal import padded

EPILOG = """Examples:
  harness weights

Lists what is on this machine, checked by digest: the Inception of FID and KID, and VGG16, which FSeSim and LSeSim
need (torchvision's, or Oxford's where only those are here or vgg=oxford is set), and MUNIT and UNIT with vgg_w above 0.
`weights fetch NAME` downloads what is missing, once. A file you have is named by $HARNESS_INCEPTION or
$HARNESS_VGG16."""


@dataclass(frozen=True)
class Network:
    """One set of weights."""

    used_for: str
    megabytes: int
    """size of the download"""
    variable: str
    """the environment variable that names a file"""


NETWORKS = {
    "inception": Network("FID, KID", 81, "HARNESS_INCEPTION"),
    "vgg16-torchvision": Network("FSeSim, LSeSim", 528, "HARNESS_VGG16"),
    "vgg16-oxford": Network("the same with vgg=oxford; MUNIT, UNIT with vgg_w", 61, "HARNESS_VGG16"),
}
ALIASES = {"vgg16": "vgg16-torchvision"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    actions.add_parser("list", help="what is here (the default)", epilog="Example:  harness weights list")
    fetch = actions.add_parser("fetch", help="download one", epilog="Example:  harness weights fetch vgg16-oxford")
    fetch.add_argument("name", choices=(*NETWORKS, *ALIASES), metavar="NAME", help=", ".join((*NETWORKS, *ALIASES)))


def run(args: argparse.Namespace) -> int:
    if args.action == "fetch":
        name = ALIASES.get(args.name, args.name)
        digest, path = found(name, fetch=True)
        print(f"{name}  sha256 of the tensors {digest}  {path}")
    else:
        rows = [row_of(name, network) for name, network in NETWORKS.items()] + drn_rows()
        print("\n".join(padded([["name", "used for", "tensors (sha256)", "where"], *rows])))
    return 0


def row_of(name: str, network: Network) -> list[str]:
    """A line of the list. Where the user named a file, what is wrong with it; else how to get what is missing."""
    try:
        digest, path = found(name, fetch=False)
    except UserError as error:
        get = f"harness weights fetch {name} ({network.megabytes} MB)"
        return [name, network.used_for, "not here", str(error) if os.environ.get(network.variable) else get]
    return [name, network.used_for, digest[:16], path]


def drn_rows() -> list[list[str]]:
    """A line for the DRN-D-22 that `$HARNESS_DRN` names and for each one trained here."""
    from evaluation.drn_weights import drn_weights
    from evaluation.errors import EvaluationError
    from harness.drn import ENVIRONMENT, check_digest, kept_networks

    rows, used_for = [], "mAP (mIoU), pixAcc, classAcc"
    if named := os.environ.get(ENVIRONMENT):
        try:
            rows.append(["drn-d-22", used_for, drn_weights(Path(named))[1][:16], named])
        except EvaluationError as error:
            rows.append(["drn-d-22", used_for, "not here", str(error)])
    for network in kept_networks():
        name = f"drn-d-22 {network.dataset}"
        try:
            check_digest(network)
            rows.append([name, used_for, network.digest[:16], str(network.path)])
        except (EvaluationError, UserError) as error:
            rows.append([name, used_for, "damaged", str(error)])
    return rows or [["drn-d-22", used_for, "not here", "harness drn train --dataset toy-cityscapes"]]


def found(name: str, fetch: bool) -> tuple[str, str]:
    """Digest of the tensors and file of the weights ``name``; UserError where they are not to be had."""
    from evaluation.errors import EvaluationError

    try:
        return inception(fetch) if name == "inception" else vgg16(name, fetch)
    except (EvaluationError, FileNotFoundError, ValueError) as error:
        raise UserError(str(error)) from None


def inception(fetch: bool) -> tuple[str, str]:
    from evaluation.weights import ENVIRONMENT, PTH_FILE, inception_weights, weights_file

    _, digest = inception_weights(fetch=fetch)
    if named := os.environ.get(ENVIRONMENT):
        return digest, named
    return digest, file_of(weights_file(), PTH_FILE)


def vgg16(name: str, fetch: bool) -> tuple[str, str]:
    from methods.vgg_files import ENVIRONMENT, TORCHVISION_FILE, VggKind, weights_file
    from methods.vgg_weights import find_vgg16, read_weights, tensor_digest

    kind: VggKind = "oxford" if name == "vgg16-oxford" else "torchvision"
    digest = tensor_digest(find_vgg16(kind, fetch=fetch))
    named = os.environ.get(ENVIRONMENT)
    if named and read_weights(Path(named).expanduser())[0] == kind:
        return digest, named
    return digest, file_of(weights_file(kind), TORCHVISION_FILE)


def file_of(kept: Path, in_hub: str) -> str:
    """Our own copy; where that could not be written the file in torch's hub cache, if they came from there."""
    import torch

    hub = Path(torch.hub.get_dir()) / "checkpoints" / in_hub
    return next((str(path) for path in (kept, hub) if path.is_file()), f"not kept: {kept.parent} cannot be written")
