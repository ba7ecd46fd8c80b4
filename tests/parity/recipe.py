"""Weights, inputs and permutations of the golden figures, drawn as their README says."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from methods.interface import Draws


def seed_of(data: Mapping[str, Any]) -> int:
    """The seed of a file: its own, its configuration's, or 2024."""
    return int(data.get("seed") or data.get("cfg", {}).get("seed") or 2024)


def random_state(seed: int, name: str) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(f"{seed}/{name}".encode()))


def rounded(values: np.ndarray) -> Tensor:
    """Rounded to float32, then float64: every precision starts from the same numbers."""
    return torch.from_numpy(np.asarray(values).astype(np.float32).astype(np.float64))


def picture(seed: int, name: str, shape: tuple[int, ...] | list[int]) -> Tensor:
    return rounded(random_state(seed, f"input/{name}").uniform(-1, 1, tuple(shape)))


def permutation(seed: int, name: str, n: int) -> Tensor:
    return torch.from_numpy(random_state(seed, f"perm/{name}").permutation(n))


def weight(seed: int, net: str, key: str, shape: tuple[int, ...]) -> Tensor:
    rs = random_state(seed, f"{net}/{key}")
    draw = rs.standard_normal(shape)
    if len(shape) >= 2:
        return rounded(draw / np.sqrt(np.prod(shape[1:])))
    if key.endswith("bias"):
        return rounded(0.1 * draw)
    return rounded(1 + 0.1 * draw)


def fill(net: nn.Module, name: str, seed: int) -> None:
    """Give every parameter of ``net`` its recipe weight; buffers stay as constructed."""
    with torch.no_grad():
        for key, parameter in net.named_parameters():
            parameter.copy_(weight(seed, name, key, tuple(parameter.shape)))


class RecordedDraws(Draws):
    """Replays the permutations of the recipe and the coins a file records, step by step."""

    def __init__(self, seed: int, coins: list[dict[str, bool]] | None = None) -> None:
        self.seed = seed
        self.coins = coins or []
        self.step = 0

    def permutation(self, name: str, n: int, device: torch.device) -> Tensor:
        return permutation(self.seed, f"step{self.step}/{name}", n)

    def coin(self, name: str, device: torch.device) -> Tensor:
        return torch.tensor(self.coins[self.step][name])

    def uniform(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        raise KeyError(f"the file records no uniform numbers {name!r}")
