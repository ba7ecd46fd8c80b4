"""Golden figures ``cut*`` and ``fastcut*``, and what the methods of its family share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from baselines.cut import CUT
from methods.interface import Batch, ImageShape, Losses
from tests.parity import recipe
from tests.parity.compare import Report, Trainee, check_training

PREFIXES = ("cut", "fastcut")


def ints(words: str) -> tuple[int, ...]:
    """``"0,4,8"`` -> (0, 4, 8)."""
    return tuple(int(word) for word in str(words).split(","))


def network_options(cfg: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of ResnetGanConfig for an official configuration."""
    names = ("ngf", "ndf", "netG", "netD", "n_layers_D", "no_antialias", "no_antialias_up", "gan_mode")
    options = {name: cfg[name] for name in names if name in cfg}
    options |= {name: cfg[name] for name in ("n_epochs", "n_epochs_decay") if name in cfg}
    return options | {name: float(cfg[name]) for name in ("lambda_GAN", "beta1", "beta2") if name in cfg}


def config(cfg: Mapping[str, Any]) -> CUT.Config:
    return CUT.Config(
        **network_options(cfg),
        nce_layers=ints(cfg["nce_layers"]),
        lambda_NCE=float(cfg["lambda_NCE"]),
        nce_idt=cfg["nce_idt"],
        nce_T=cfg["nce_T"],
        num_patches=cfg["num_patches"],
        netF_nc=cfg["netF_nc"],
        nce_includes_all_negatives_from_minibatch=cfg["nce_includes_all_negatives_from_minibatch"],
        flip_equivariance=cfg["flip_equivariance"],
        lr=cfg["lr"],
    )


def check(data: Mapping[str, Any]) -> Report:
    cfg, seed = data["cfg"], recipe.seed_of(data)
    _, _, height, width = data["input_shape"]
    method = CUT(config(cfg), ImageShape(3, height, width))
    coins = [{"flip": bool(step.get("flipped", False))} for step in data["random"]["steps"]]

    def outputs(batch: Batch) -> dict[str, Tensor]:
        mirrored = [x.flip(3) if coins[0]["flip"] else x for x in batch]
        found = {"fake_B": method.G(mirrored[0]), "idt_B": method.G(mirrored[1])}
        return {name: value for name, value in found.items() if name in data["output_step0"]}

    def losses(ours: Losses) -> dict[str, Tensor]:
        return {name: value for name, value in ours.items() if name in data["losses"][0]}

    trainee = Trainee(
        method=method,
        nets={"G": method.G, "D": method.D, "F": method.F},
        losses=losses,
        draws=recipe.RecordedDraws(seed, coins),
        outputs=outputs,
    )
    return check_training(data, trainee)
