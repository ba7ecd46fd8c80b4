"""Weights, inputs and permutations of the golden figures, drawn as their README says."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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


def scaled_pictures(seed: int, recorded: Mapping[str, Any], side: str) -> list[Tensor]:
    """Recipe inputs times the scale listed for each, of domain ``side``."""
    names, scales = recorded[f"inputs_{side}"], recorded[f"scale_{side}"]
    return [picture(seed, n, recorded["shape"]) * scale for n, scale in zip(names, scales, strict=True)]


def features(seed: int, name: str, n: int, d: int, scale: float, shift: float) -> NDArray[np.float64]:
    """Features of n pictures, never all negative, smaller from the first to the last of d dimensions."""
    c = 1 / (1 + np.arange(d) / 16)
    positive = np.maximum(picture(seed, f"feat/{name}", (n, d)).numpy() + 0.25, 0)
    return np.asarray(positive * c * scale + shift * c)


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
    """Replays the permutations of the recipe and the choices a file records, step by step."""

    def __init__(
        self,
        seed: int,
        coins: list[dict[str, bool]] | None = None,
        uniforms: list[dict[str, float]] | None = None,
    ) -> None:
        self.seed = seed
        self.coins = coins or []
        self.uniforms = uniforms or []
        self.step = 0

    def permutation(self, name: str, n: int, device: torch.device) -> Tensor:
        return permutation(self.seed, f"step{self.step}/{name}", n)

    def coin(self, name: str, device: torch.device) -> Tensor:
        return torch.tensor(self.coins[self.step][name])

    def uniform(self, name: str, shape: tuple[int, ...], device: torch.device) -> Tensor:
        return torch.tensor(self.uniforms[self.step][name]).expand(shape)


def pool_uniforms(data: Mapping[str, Any], pools: Sequence[str], capacity: int, batch: int) -> list[dict[str, float]]:
    """The draws of image pools, for :class:`RecordedDraws`, from ``random.pool_draws_in_order`` of a file.

    The official pools draw only when they are full, ours always; what is drawn before is without effect.

    Args:
        pools: names of the draws of each pool, in the order in which the official code queries them.
    """
    recorded = data["random"].get("pool_draws_in_order", ())
    entries = iter(() if isinstance(recorded, str) else recorded)
    steps: list[dict[str, float]] = []
    for step in range(len(data["losses"])):
        draws: dict[str, float] = {}
        for pool in pools:
            for i in range(batch):
                full = 0 < capacity <= step * batch + i
                entry = next(entries) if full else {"step": step, "uniform": 0.0}
                if entry["step"] != step:
                    raise ValueError(f"a draw of step {entry['step']} where one of step {step} is expected")
                draws[f"{pool}/{i}/swap"] = entry["uniform"]
                draws[f"{pool}/{i}/slot"] = (entry.get("randint", 0) + 0.5) / max(1, capacity)
        steps.append(draws)
    return steps
