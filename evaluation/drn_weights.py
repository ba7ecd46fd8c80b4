"""Weights of DRN-D-22: files of the official repository and files made here, checked and named by digest."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from evaluation.drn import DRN, expected_shapes
from evaluation.errors import EvaluationError
from evaluation.weight_files import State, read_mapping, require_shapes
from evaluation.weights import tensor_digest

ENVIRONMENT = "HARNESS_DRN"
"""the variable that names a weights file"""
NETWORK, OFFICIAL = "DRN-D-22", "drn_d_22_cityscapes.pth"


def drn_weights(path: Path | None = None) -> tuple[State, str]:
    """The state dict of ``path`` or of the file that `$HARNESS_DRN` names, and the digest of its tensors.

    Raises:
        EvaluationError: no file is named, or it is missing, broken or of another network.
    """
    named = path or os.environ.get(ENVIRONMENT)
    if not named:
        raise EvaluationError(
            f"no weights of DRN-D-22 for mAP (mIoU), pixAcc, classAcc: set {ENVIRONMENT} to a file such as {OFFICIAL}, "
            "or to one that `harness drn train` made"
        )
    state = read_drn(Path(named).expanduser())
    return state, tensor_digest(state)


def read_drn(path: Path) -> State:
    """The weights of a file, never unpickling arbitrary objects.

    Either a bare state dict (``.pth`` or ``.safetensors``), or a checkpoint of the official training, a mapping
    with ``state_dict`` whose keys begin with ``module.``.

    Raises:
        EvaluationError: there is no such file, it is broken, or it holds another network.
    """
    if not path.is_file():
        raise EvaluationError(f"{path}: no such file; expected weights of DRN-D-22 such as {OFFICIAL}")
    found = read_mapping(path, NETWORK, OFFICIAL)
    inner = found.get("state_dict")
    named = inner if isinstance(inner, Mapping) else found
    tensors = {str(key).removeprefix("module."): value for key, value in named.items() if isinstance(value, Tensor)}
    state = {key: tensor.float() for key, tensor in tensors.items() if _is_needed(key)}
    expected = {key: shape for key, shape in expected_shapes().items() if _is_needed(key)}
    require_shapes(path, state, expected, NETWORK)
    return state


def _is_needed(key: str) -> bool:
    """The counters of batch norms change nothing, and files of before PyTorch 0.4 have none."""
    return not key.endswith("num_batches_tracked")


def load_drn(state: Mapping[str, Tensor], device: torch.device) -> DRN:
    """The network with the weights of `read_drn`, on ``device``, for inference."""
    network = DRN()
    network.load_state_dict(state, strict=False)  # complete: read_drn checked it; counters may be missing
    return network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
