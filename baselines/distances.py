"""Distances between pictures, and their spread in a domain, as DistanceGAN compares them."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Halves = Literal["top_bottom", "left_right"]
"""how a picture is cut in two"""


def pair_distances(x: Tensor) -> Tensor:
    """d(u, v) = mean |u - v| for every pair i < j of the rows of ``x``: [N, ...] -> [N(N-1)/2]."""
    flat = x.flatten(1)
    if flat.dtype in (torch.bfloat16, torch.float16):
        flat = flat.float()  # pdist knows no half precision
    return F.pdist(flat, p=1) / flat.shape[1]


def half_distances(x: Tensor, halves: Halves = "top_bottom") -> Tensor:
    """d between the two halves of each picture: [N, C, H, W] -> [N]."""
    one, other = x.chunk(2, dim=2 if halves == "top_bottom" else 3)
    return (one - other).abs().flatten(1).mean(1)


class Normalisation(nn.Module):
    """n(d) = (d - mu) / sd, with mean and standard deviation of the distances in one domain.

    Both are measured once, before training, and kept as buffers.
    """

    mu: Tensor
    sd: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.measured = False
        self.register_buffer("mu", torch.zeros(()))
        self.register_buffer("sd", torch.zeros(()))
        self.register_load_state_dict_post_hook(find_measured)  # type: ignore[no-untyped-call]  # torch's

    def measure(self, distances: Tensor) -> None:
        """Take mean and population standard deviation of ``distances`` [K].

        Raises:
            ValueError: there are none, or all are equal.
        """
        if len(distances) < 2 or not float(sd := distances.std(correction=0)) > 0:
            raise ValueError(
                f"{len(distances)} distances in the training pictures, which do not vary, cannot be normalised;"
                " train on more pictures, or set unnormalized_distances"
            )
        self.mu.copy_(distances.mean())
        self.sd.copy_(sd)
        self.measured = True

    def forward(self, distances: Tensor) -> Tensor:
        if not self.measured:
            raise RuntimeError("the distances in the training pictures are not known; call prepare(batches) first")
        return (distances - self.mu) / self.sd


def find_measured(normalisation: nn.Module, _: object) -> None:
    """Recover ``measured`` from loaded buffers."""
    if isinstance(normalisation, Normalisation):
        normalisation.measured = bool(normalisation.sd > 0)


class Distances(nn.Module):
    """Compares the distances within a batch with those within its translation.

    Args:
        halves: distances between the halves of a picture instead of between the pictures of a batch.
        per_picture: with ``halves`` one distance a picture, else one for the whole batch.
        normalised: compare distances normalised in their domain, ``normal_A`` and ``normal_B``.
    """

    def __init__(self, halves: bool, per_picture: bool, normalised: bool) -> None:
        super().__init__()
        self.halves, self.per_picture, self.normalised = halves, per_picture, normalised
        if normalised:
            self.normal_A, self.normal_B = Normalisation(), Normalisation()

    def within(self, x: Tensor) -> Tensor:
        """The distances within a batch of pictures, [K].

        Raises:
            ValueError: a single picture has no pairs.
        """
        if self.halves:
            d = half_distances(x)
            return d if self.per_picture else d.mean(0, keepdim=True)
        if len(x) < 2:
            raise ValueError("pairs of pictures are compared; expected a batch size from 2, or use_self_distance")
        return pair_distances(x)

    def a_to_b(self, a: Tensor, fake_b: Tensor) -> Tensor:
        """mean | n_A(d(A)) - n_B(d(translation of A)) | over the distances within the batch."""
        d, fake = self.within(a), self.within(fake_b)
        return (self.normal_A(d) - self.normal_B(fake) if self.normalised else d - fake).abs().mean()

    def b_to_a(self, b: Tensor, fake_a: Tensor) -> Tensor:
        """The same for B and its translation."""
        d, fake = self.within(b), self.within(fake_a)
        return (self.normal_B(d) - self.normal_A(fake) if self.normalised else d - fake).abs().mean()
