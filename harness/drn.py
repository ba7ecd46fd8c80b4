"""Networks that segment street photos, trained here: where they are kept, and which one a run is scored with."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.cache import cache_folder
from harness.data.folders import Dataset
from harness.data.label_maps import training_pairs
from harness.data.registry import REGISTRY
from harness.errors import UserError
from harness.runs import known_fields, read_json

if TYPE_CHECKING:
    from evaluation.segmentation import Size

ENVIRONMENT = "HARNESS_DRN"
"""the variable that names a weights file"""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network trained here, as ``NAME.json`` beside its weights describes it."""

    dataset: str
    """name of the dataset"""
    pictures: str
    """digest of the photos and label maps it learned from"""
    digest: str
    """of its tensors"""
    size: Sequence[int]
    """width and height at which it saw them"""
    recipe: str
    scores: dict[str, float]
    """on the real test photos, in percent"""
    time: float
    """when it was trained, seconds since 1970"""

    @property
    def path(self) -> Path:
        return networks_folder() / f"drn_d_22_{self.dataset}_{self.digest[:8]}.pth"


def networks_folder() -> Path:
    """Where trained networks are kept; need not exist yet."""
    return cache_folder() / "weights" / "drn"


def kept_networks() -> list[Network]:
    """The networks trained here, the newest first."""
    found = [values for path in networks_folder().glob("*.json") if (values := read_json(path))]
    networks = [known_fields(Network, values) for values in found]
    return sorted((n for n in networks if n.path.is_file()), key=lambda network: -network.time)


def digest_of_pairs(pairs: Sequence[tuple[Path, Path]]) -> str:
    """Identity of the pictures a network learns from: sha256 over the sha256 of each photo and label map in turn."""
    from evaluation.images import file_digest

    digests = [f"{file_digest(photo)} {file_digest(label)}" for photo, label in pairs]
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def default_size(dataset: Dataset) -> Size:
    """Width and height at which the network sees pictures of a dataset when nobody says otherwise."""
    known = REGISTRY.get(dataset.name)
    return known.drn_size if known else (256, 128)


def find_network(dataset: Dataset, file: str, size: Size) -> Path:
    """The weights to score translations of a dataset with.

    ``file``, else the one that `$HARNESS_DRN` names, else of the networks trained on the training photos of this
    dataset the newest, preferring one trained at ``size``.

    Raises:
        UserError: there is none; names the command that trains one.
        EvaluationError: a file that is broken, or of another network.
    """
    if named := file or os.environ.get(ENVIRONMENT):
        return Path(named).expanduser()
    networks = kept_networks()
    pictures = digest_of_pairs(training_pairs(dataset)) if networks else ""
    fitting = [network for network in networks if network.pictures == pictures]
    if not fitting:
        known = REGISTRY.get(dataset.name)
        named = dataset.name if known else str(dataset.root)
        if dataset.direction != (known.direction if known else "AtoB"):
            named += f" --direction {dataset.direction}"
        raise UserError(
            f"no weights of DRN-D-22 for mAP (mIoU), pixAcc, classAcc on {dataset.name}: train them with `harness drn "
            f"train --dataset {named}`, or name a file such as drn_d_22_cityscapes.pth with --drn or "
            f"${ENVIRONMENT}"
        )
    chosen = next((network for network in fitting if tuple(network.size) == size), fitting[0])
    check_digest(chosen)
    return chosen.path


def check_digest(network: Network) -> None:
    """UserError unless the file holds the tensors it held when it was trained."""
    from evaluation.drn_weights import read_drn
    from evaluation.weights import tensor_digest

    found = tensor_digest(read_drn(network.path))
    if found != network.digest:
        raise UserError(
            f"{network.path}: wrong digest, its tensors are {found[:8]}, those trained here {network.digest[:8]}; "
            f"remove it and train again: harness drn train --dataset {network.dataset}"
        )
