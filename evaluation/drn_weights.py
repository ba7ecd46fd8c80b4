"""Weights of DRN-D-22: files of the official repository and files made here, checked and named by digest."""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from evaluation.drn import DRN, expected_shapes
from evaluation.errors import EvaluationError
from evaluation.weights import State, tensor_digest

ENVIRONMENT = "HARNESS_DRN"
"""the variable that names a weights file"""
OFFICIAL = "drn_d_22_cityscapes.pth"


def drn_weights(path: Path | None = None) -> tuple[State, str]:
    """The state dict of ``path`` or of the file that `$HARNESS_DRN` names, and the digest of its tensors.

    Raises:
        EvaluationError: no file is named, or it is missing, broken or of another network.
    """
    named = path or os.environ.get(ENVIRONMENT)
    if not named:
        raise EvaluationError(
            f"no weights of DRN-D-22 for mAP (mIoU), pixAcc, classAcc: set {ENVIRONMENT} to a file such as {OFFICIAL}"
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
    try:
        if path.suffix == ".safetensors":
            state: object = safetensors.torch.load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _unreadable(path, error) from error
    except (pickle.UnpicklingError, safetensors.SafetensorError) as error:
        raise _unreadable(path, error) from error
    return _checked(path, state)


def _unreadable(path: Path, error: Exception) -> EvaluationError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return EvaluationError(f"{path}: cannot be read as weights of DRN-D-22 ({reason})")


def _checked(path: Path, state: object) -> State:
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping):
        raise EvaluationError(f"{path}: holds no weights by name; expected those of DRN-D-22 ({OFFICIAL})")
    tensors = {str(k).removeprefix("module."): v for k, v in state.items() if isinstance(v, Tensor)}
    expected = {key: shape for key, shape in expected_shapes().items() if _is_needed(key)}
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items() if _is_needed(key)}
    if shapes != expected:
        wrong = sorted(key for key in expected.keys() | shapes.keys() if shapes.get(key) != expected.get(key))
        raise EvaluationError(
            f"{path}: weights of another network, {len(wrong)} tensors differ from those of DRN-D-22, "
            f"first {wrong[0]} (found {shapes.get(wrong[0])}, expected {expected.get(wrong[0])})"
        )
    return {key: tensors[key].float() for key in expected}


def _is_needed(key: str) -> bool:
    """The counters of batch norms change nothing, and files of before PyTorch 0.4 have none."""
    return not key.endswith("num_batches_tracked")


def load_drn(state: Mapping[str, Tensor], device: torch.device) -> DRN:
    """The network with the weights of `read_drn`, on ``device``, for inference."""
    network = DRN()
    network.load_state_dict(state, strict=False)  # complete: read_drn checked it; counters may be missing
    return network.to(device).to(memory_format=torch.channels_last).eval().requires_grad_(False)
