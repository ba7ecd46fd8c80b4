"""Small pictures and replayed choices for tests of methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

import torch
from torch import Tensor

from methods.interface import Batch, Draws
from methods.vgg import shapes


def pictures(n: int, size: int, seed: int) -> Tensor:
    """``n`` square noise pictures in [-1, 1]."""
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def batch(n: int = 1, size: int = 32, seed: int = 0) -> Batch:
    return Batch(pictures(n, size, seed), pictures(n, size, seed + 1000))


class Replayed(Draws):
    """Gives the numbers it was told by name, and otherwise draws; keeps the names asked for."""

    def __init__(
        self,
        permutations: Mapping[str, Sequence[int]] | None = None,
        uniforms: Mapping[str, float] | None = None,
        coins: Mapping[str, bool] | None = None,
    ) -> None:
        self.permutations, self.uniforms, self.coins = permutations or {}, uniforms or {}, coins or {}
        self.names: list[str] = []

    def permutation(self, name: str, n: int, device: torch.device) -> Tensor:
        self.names.append(name)
        told = self.permutations.get(name)
        return super().permutation(name, n, device) if told is None else torch.tensor(told)

    def uniform(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        self.names.append(name)
        told = self.uniforms.get(name)
        return super().uniform(name, shape, device) if told is None else torch.full(shape, told)

    def coin(self, name: str, device: torch.device) -> Tensor:
        told = self.coins.get(name)
        return super().coin(name, device) if told is None else torch.tensor(told)


def random_vgg16() -> dict[str, Tensor]:
    """Weights for VGG16 that keep the size of features, drawn from a fixed seed."""
    generator = torch.Generator().manual_seed(16)
    return {
        key: torch.randn(shape, generator=generator, dtype=torch.float32) * (2 / prod((1, *shape[1:]))) ** 0.5
        for key, shape in shapes().items()
    }
