"""Golden figures ``distancegan*``: DistanceGAN on networks of the CycleGAN kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from baselines.distancegan import DistanceGAN
from baselines.distances import Distances
from methods.interface import Batch, ImageShape, Losses
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training
from tests.parity.discogan import swapped

PREFIXES = ("distancegan",)


def config(cfg: Mapping[str, Any]) -> DistanceGAN.Config:
    """Our configuration. B_to_A is A_to_B with the domains exchanged."""
    same = ("ngf", "ndf", "pool_size", "use_self_distance", "unnormalized_distances", "max_items", "use_cycle_loss")
    same += ("which_model_netG", "use_dropout", "no_lsgan")
    exchanged = ("lambda_A", "lambda_B", "lambda_distance_A", "lambda_distance_B")
    return DistanceGAN.Config(
        **{name: cfg[name] for name in same},
        **{name: float(cfg[f"{name[:-1]}{swapped(name[-1])}" if cfg["B_to_A"] else name]) for name in exchanged},
        **{name: float(cfg[name]) for name in ("lr", "beta1", "beta2")},
        direction="A_to_B" if cfg["A_to_B"] or cfg["B_to_A"] else "both",
        n_layers_D=3 if cfg["which_model_netD"] == "basic" else cfg["n_layers_D"],
    )


def check(data: Mapping[str, Any]) -> Report:
    cfg, seed = data["cfg"], recipe.seed_of(data)
    batch_size, _, height, width = data["input_shape"]
    method = DistanceGAN(config(cfg), ImageShape(3, height, width))
    swap, golden = cfg["B_to_A"], data["normalisation"]
    rename = swapped if swap else str
    if golden is not None:
        for side in "AB":
            batches = recipe.scaled_pictures(seed, golden, side)
            method.distances.get_submodule(f"normal_{rename(side)}").measure(method.spread(batches))

    def outputs(batch: Batch) -> dict[str, Tensor]:
        found = {"fake_B": method.G_A(batch.a)}
        if method.G_B is not None:
            found["fake_A"] = method.G_B(batch.b)
            found |= {"rec_A": method.G_B(found["fake_B"]), "rec_B": method.G_A(found["fake_A"])}
        return {rename(n): value for n, value in found.items() if rename(n) in data["output_step0"]}

    def losses(ours: Losses) -> dict[str, Tensor]:
        return {rename(n): value for n, value in ours.items() if rename(n) in data["losses"][0]}

    nets = {name: net for name, net in method.named_children() if name in ("G_A", "G_B", "D_A", "D_B")}
    pools = ("pool_B", "pool_A") if method.pool_A is not None else ("pool_B",)
    uniforms = recipe.pool_uniforms(data, pools, cfg["pool_size"], batch_size)
    trainee = Trainee(
        method=method,
        nets={rename(name): net for name, net in nets.items()},
        losses=losses,
        draws=recipe.RecordedDraws(seed, uniforms=uniforms),
        outputs=outputs,
        pictures=lambda batch: Batch(*batch[::-1]) if swap else batch,
    )
    report = check_training(data, trainee)
    if golden is not None:
        compare_normalisation(report, method.distances, golden, swap)
    return report


def compare_normalisation(report: Report, distances: Distances, golden: Mapping[str, Any], swap: bool) -> None:
    """Compare mean and deviation of the distances; with ``swap`` our A is the file's B."""
    for side in "AB":
        normal = distances.get_submodule(f"normal_{swapped(side) if swap else side}")
        report.relative("value", f"mean distance {side}", float(normal.mu), golden[f"expectation_{side}"])
        report.relative("value", f"deviation {side}", float(normal.sd), golden[f"std_{side}"])
