"""Files of weights: read without executing what is in them, and compared with the network they are meant for."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from evaluation.errors import EvaluationError

State = dict[str, Tensor]
"""tensors by name"""
Shapes = Mapping[str, tuple[int, ...]]


def read_mapping(path: Path, network: str, example: str) -> Mapping[str, object]:
    """What a ``.safetensors`` file, or one that torch saved, holds by name.

    Args:
        path: an existing file.
        network: whose weights are expected, for messages.
        example: a file that holds them, for messages.

    Raises:
        EvaluationError: the file is broken, or holds something else.
    """
    try:
        if path.suffix == ".safetensors":
            found: object = safetensors.torch.load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (
        *(OSError, RuntimeError, EOFError, ValueError, KeyError),
        *(pickle.UnpicklingError, safetensors.SafetensorError),
    ) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise EvaluationError(f"{path}: cannot be read as weights of {network} ({reason})") from error
    if not isinstance(found, Mapping):
        raise EvaluationError(f"{path}: holds no weights by name; expected those of {network} ({example})")
    return {str(key): value for key, value in found.items()}


def require_shapes(path: Path, state: Mapping[str, Tensor], expected: Shapes, network: str) -> None:
    """EvaluationError unless ``state`` has the tensors of a network, no more and no less, in their shapes."""
    shapes = {key: tuple(tensor.shape) for key, tensor in state.items()}
    if shapes != expected:
        wrong = sorted(key for key in expected.keys() | shapes.keys() if shapes.get(key) != expected.get(key))
        raise EvaluationError(
            f"{path}: weights of another network, {len(wrong)} tensors differ from those of {network}, "
            f"first {wrong[0]} (found {shapes.get(wrong[0])}, expected {expected.get(wrong[0])})"
        )
