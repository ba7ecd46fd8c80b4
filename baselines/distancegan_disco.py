"""DistanceGAN on the networks and with the training of DiscoGAN.

Benaim and Wolf, One-Sided Unsupervised Domain Mapping, NIPS 2017.
Official code: sagiebenaim/DistanceGAN, discogan_arch/distance_gan_model.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from baselines.discogan import DiscoGAN, unit
from baselines.distances import Distances, Halves, half_distances, pair_distances
from methods.interface import Batch, ImageShape


class DistanceGANDisco(DiscoGAN):
    """DiscoGAN whose reconstructions are replaced by distances: far apart before, far apart after.

    Everything else is DiscoGAN's, and so are its other differences between paper and code. Made for 64 pixels
    and batches of 64.
    """

    title = "DistanceGAN (DiscoGAN networks)"
    equations = """
        as DiscoGAN, its content the distances of DistanceGAN (+ reconstructions with use_reconst_loss)
    """
    paper = "Benaim and Wolf, NIPS 2017"
    min_batch_size = 2
    differences = (
        (
            "distance within one picture",
            "between the halves of each picture",
            "left and right half of single pictures in the statistics, top and bottom half of the whole batch in the "
            "loss (discogan_arch/distance_gan_model.py, get_self_distances)",
            "top and bottom in both; measured_halves=left_right for the code, self_distance_per_picture=true for "
            "the paper",
        ),
        (
            "statistics of the distances",
            "expectation over pairs",
            "over single pictures, while cyclegan_arch takes whole batches",
            "the code",
        ),
        (
            "reconstruction",
            "instead of or beside the distances",
            "added to the distance in place, so that the log shows the sum (use_reconst_loss)",
            "the same loss, reported apart; use_reconst_loss",
        ),
        ("depth", "not said", "num_layers 3 for edges2shoes and edges2handbags (README), else 4", "4; num_layers"),
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(DiscoGAN.Config):
        """Defaults of discogan_arch."""

        use_self_distance: bool = False
        """compare the halves of a picture instead of pairs of pictures"""
        self_distance_per_picture: bool = False
        """with use_self_distance: one distance a picture instead of one a batch"""
        measured_halves: Halves = "top_bottom"
        """with use_self_distance: the halves whose distances are measured before training"""
        unnormalized_distances: bool = False
        """compare plain distances instead of normalised ones"""
        max_items: int = 900
        """pictures from which mean and deviation of the distances are measured before training"""
        use_reconst_loss: bool = False
        """reconstruct as well, as DiscoGAN does"""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.max_items < 1:
                raise ValueError(f"max_items is {self.max_items}; expected at least 1")

    config: Config

    def __init__(self, config: Config, shape: ImageShape) -> None:
        super().__init__(config, shape)
        c = config
        self.distances = Distances(c.use_self_distance, c.self_distance_per_picture, not c.unnormalized_distances)

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Measure mean and deviation of the distances between (or within) the first ``max_items`` pictures."""
        if self.config.unnormalized_distances:
            return
        taken = list(islice(((a, b) for batch in batches for a, b in zip(*batch, strict=True)), self.config.max_items))
        self.distances.normal_A.measure(self.spread(unit(torch.stack([a for a, _ in taken]))))
        self.distances.normal_B.measure(self.spread(unit(torch.stack([b for _, b in taken]))))

    def spread(self, pictures: Tensor) -> Tensor:
        """The distances whose mean and deviation normalise: of all pairs of pictures, or of their halves."""
        if self.config.use_self_distance:
            return half_distances(pictures, self.config.measured_halves)
        return pair_distances(pictures)

    def content(self, a: Tensor, b: Tensor, ab: Tensor, ba: Tensor) -> tuple[dict[str, Tensor], Tensor, Tensor]:
        """The distances; with ``use_reconst_loss`` plus the reconstructions."""
        distance_a, distance_b = self.distances.a_to_b(a, ab), self.distances.b_to_a(b, ba)
        terms = {"distance_A": distance_a, "distance_B": distance_b}
        if not self.config.use_reconst_loss:
            return terms, distance_a, distance_b
        recon, recon_a, recon_b = super().content(a, b, ab, ba)
        return terms | recon, distance_a + recon_a, distance_b + recon_b
