"""Golden figures ``distancegan_disco*``: DistanceGAN on the networks of DiscoGAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from baselines.discogan import unit
from baselines.distancegan_disco import DistanceGANDisco
from methods.interface import ImageShape
from tests.parity import recipe
from tests.parity.compare import Report
from tests.parity.discogan import check_disco, common, swapped, unscaled
from tests.parity.distancegan import compare_normalisation

PREFIXES = ("distancegan_disco",)
DIRECTIONS = {"distancegan": "both", "distance_A_to_B": "A_to_B", "distance_B_to_A": "A_to_B", "gan": "gan"}


def config(cfg: Mapping[str, Any]) -> DistanceGANDisco.Config:
    same = ("num_layers", "use_self_distance", "unnormalized_distances", "max_items", "use_reconst_loss")
    return DistanceGANDisco.Config(
        **common(cfg),
        **{name: cfg[name] for name in same},
        direction=DIRECTIONS[cfg["model_arch"]],
        measured_halves="left_right",
    )


def check(data: Mapping[str, Any]) -> Report:
    seed, (_, _, height, width) = recipe.seed_of(data), data["input_shape"]
    method = DistanceGANDisco(config(data["cfg"]), ImageShape(3, height, width))
    swap = data["cfg"]["model_arch"] == "distance_B_to_A"
    golden = data["normalisation"]
    if golden is not None:
        for side in "AB":
            pictures = torch.stack(recipe.scaled_pictures(seed, golden, side))
            ours = swapped(side) if swap else side
            method.distances.get_submodule(f"normal_{ours}").measure(method.spread(unit(unscaled(pictures))))
    report = check_disco(data, method, swap)
    if golden is not None:
        compare_normalisation(report, method.distances, golden, swap)
    return report
